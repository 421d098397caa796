/* RFC 3261 §16.6 and §16.7: what a proxy changes, and that nothing else changes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/edit.h"

static struct sip_message m, out_m;
static struct sip_edit edit;
static char out[LIMIT_MESSAGE_BYTES];

#define TOP "INVITE sip:bea@ims.example SIP/2.0\r\n"
#define NEEDED                                                                                     \
	"f: <sip:ann@ims.example>;tag=a1\r\nTo: <sip:bea@ims.example>\r\ni: c1\r\nCSeq: 1 "        \
	"INVITE\r\n"
#define BODY "Content-Length: 4\r\n\r\nbody"

static void begin(const char *bytes)
{
	assert_int_equal(sip_parse(&m, bytes, strlen(bytes), SIP_DATAGRAM), SIP_OK);
	sip_edit_begin(&edit, &m);
}

static void expect(const char *expected)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);

	assert_true(sip_edit_write(&edit, &w));
	out[w.len] = 0;
	assert_string_equal(out, expected);
}

static void test_without_splices_the_bytes_are_the_same(void **state)
{
	static const char bytes[] =
		"INVITE sip:bea@ims.example sip/2.0\nv : SIP/2.0/UDP h\n , SIP/2.0/UDP i\r\n"
		"X:\r\n  folded \t\r\n" NEEDED "x-y:z\r\n" BODY;

	(void)state;
	begin(bytes);
	expect(bytes);
}

/* Request-URI, Via on top, Max-Forwards, own Route off, Record-Route before the others, a line at the end. */
static void test_forwarding_a_request(void **state)
{
	(void)state;
	begin(TOP "Via: SIP/2.0/UDP h\r\nMax-Forwards: 70\r\nRoute: <sip:me;lr>, <sip:next;lr>\r\n"
		  "Record-Route: <sip:before;lr>\r\n" NEEDED "X: y\r\n" BODY);
	sip_edit_insert_at_end(&edit, TEXT("P: q\r\n"));
	sip_edit_insert_before(&edit, sip_first(&m, SIP_HEADER_RECORD_ROUTE),
			       TEXT("Record-Route: <sip:me;lr>\r\n"));
	sip_edit_replace(&edit, sip_value(&m, SIP_HEADER_MAX_FORWARDS), TEXT("69"));
	assert_true(sip_edit_remove_first_values(&edit, SIP_HEADER_ROUTE, 1));
	sip_edit_replace(&edit, m.request_uri, TEXT("sip:bea@127.0.0.9"));
	sip_edit_insert_at_top(&edit, TEXT("Via: SIP/2.0/UDP me\r\n"));
	expect("INVITE sip:bea@127.0.0.9 SIP/2.0\r\nVia: SIP/2.0/UDP me\r\nVia: SIP/2.0/UDP h\r\n"
	       "Max-Forwards: 69\r\nRoute: <sip:next;lr>\r\nRecord-Route: <sip:me;lr>\r\n"
	       "Record-Route: <sip:before;lr>\r\n" NEEDED
	       "X: y\r\nContent-Length: 4\r\nP: q\r\n\r\nbody");
}

struct row {
	const char *before;
	unsigned n;
	const char *after; /* NULL: there are fewer */
};

static void first_values_go(enum sip_header header, const struct row *rows, size_t n_rows)
{
	char bytes[1024], expected[1024];

	for (size_t i = 0; i < n_rows; i++) {
		snprintf(bytes, sizeof(bytes), TOP "Via: SIP/2.0/UDP z\r\n" NEEDED "%s" BODY,
			 rows[i].before);
		begin(bytes);
		assert_int_equal(sip_edit_remove_first_values(&edit, header, rows[i].n),
				 rows[i].after != NULL);
		if (rows[i].after)
			snprintf(expected, sizeof(expected),
				 TOP "Via: SIP/2.0/UDP z\r\n" NEEDED "%s" BODY, rows[i].after);
		expect(rows[i].after ? expected : bytes);
	}
}

static void test_first_values_are_taken_out(void **state)
{
	static const struct row rows[] = {
		{"Route: <sip:1>\r\n", 0, "Route: <sip:1>\r\n"},
		{"Route: <sip:1>\r\n", 1, ""},
		{"Route: <sip:1>\r\n", 2, NULL},
		{"", 1, NULL},
		{"Route: <sip:1>, <sip:2>\r\n", 1, "Route: <sip:2>\r\n"},
		{"Route: <sip:1>, <sip:2>\r\n", 2, ""},
		{"Route: <sip:1>,<sip:2>,<sip:3>\r\n", 2, "Route: <sip:3>\r\n"},
		{"Route:\r\n <sip:1>\r\n ,\r\n\t<sip:2> \r\n", 1, "Route:\r\n <sip:2> \r\n"},
		{"Route:\r\n <sip:1>\r\n ,\r\n\t<sip:2> \r\n", 2, ""},
		{"Route: <sip:1>\r\nX: y\r\nROUTE : <sip:2>,<sip:3>\r\n", 1,
		 "X: y\r\nROUTE : <sip:2>,<sip:3>\r\n"},
		{"Route: <sip:1>\r\nX: y\r\nROUTE : <sip:2>,<sip:3>\r\n", 2,
		 "X: y\r\nROUTE : <sip:3>\r\n"},
		{"Route: <sip:1>\r\nX: y\r\nROUTE : <sip:2>,<sip:3>\r\n", 3, "X: y\r\n"},
		{"Route: <sip:1>\r\nX: y\r\nROUTE : <sip:2>,<sip:3>\r\n", 4, NULL},
		{"Route: ,,<sip:1>,,<sip:2>,\r\n", 1, "Route: <sip:2>,\r\n"},
		{"Route:\r\nRoute: <sip:1>\r\n", 1, "Route:\r\n"},
		{"Route: \"a,b\" <sip:1,2>;x=\",\", <sip:3>\r\n", 1, "Route: <sip:3>\r\n"},
	};

	(void)state;
	first_values_go(SIP_HEADER_ROUTE, rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_top_via_of_a_response_is_taken_out(void **state)
{
	static const struct {
		const char *before, *after;
	} rows[] = {
		{"Via: SIP/2.0/UDP me\r\nVia: SIP/2.0/UDP h\r\n", "Via: SIP/2.0/UDP h\r\n"},
		{"v: SIP/2.0/UDP me , SIP/2.0/UDP h\r\n", "v: SIP/2.0/UDP h\r\n"},
		{"Via:\r\n SIP/2.0/UDP me;branch=1\r\n ,SIP/2.0/UDP h\r\n",
		 "Via:\r\n SIP/2.0/UDP h\r\n"},
		{"Via: SIP/2.0/UDP me\r\n", ""},
	};
	char bytes[512], expected[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(bytes, sizeof(bytes), "SIP/2.0 200 OK\r\n%s" NEEDED BODY, rows[i].before);
		begin(bytes);
		assert_true(sip_edit_remove_first_values(&edit, SIP_HEADER_VIA, 1));
		snprintf(expected, sizeof(expected), "SIP/2.0 200 OK\r\n%s" NEEDED BODY,
			 rows[i].after);
		expect(rows[i].after ? expected : bytes);
	}
}

static void test_last_value_is_taken_out(void **state)
{
	static const struct row rows[] = {
		{"Route: <sip:1>\r\n", 0, ""},
		{"Route: <sip:1>, <sip:2>\r\n", 0, "Route: <sip:1>\r\n"},
		{"Route: <sip:1>\r\n ,\r\n <sip:2>\r\n", 0, "Route: <sip:1>\r\n"},
		{"Route: <sip:1>,<sip:2>\r\nRoute: <sip:3>\r\n", 0, "Route: <sip:1>,<sip:2>\r\n"},
		{"Route: <sip:1>\r\nRoute: <sip:2>, <sip:3>,,\r\n", 0,
		 "Route: <sip:1>\r\nRoute: <sip:2>\r\n"},
		{"Route: <sip:1>\r\nRoute:\r\n", 0, "Route:\r\n"},
		{"Route:\r\n", 0, NULL},
		{"", 0, NULL},
	};
	char bytes[1024], expected[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(bytes, sizeof(bytes), TOP "Via: SIP/2.0/UDP z\r\n" NEEDED "%s" BODY,
			 rows[i].before);
		begin(bytes);
		assert_int_equal(sip_edit_remove_last_value(&edit, SIP_HEADER_ROUTE),
				 rows[i].after != NULL);
		if (rows[i].after)
			snprintf(expected, sizeof(expected),
				 TOP "Via: SIP/2.0/UDP z\r\n" NEEDED "%s" BODY, rows[i].after);
		expect(rows[i].after ? expected : bytes);
	}
}

static void test_whole_headers_are_taken_out(void **state)
{
	(void)state;
	begin(TOP "Via: SIP/2.0/UDP z\r\nReason: a\r\n" NEEDED
		  "reason: b\r\n c\r\nX: y\r\nReason:d\r\n" BODY);
	sip_edit_remove_all(&edit, SIP_HEADER_REASON);
	sip_edit_remove_all(&edit, SIP_HEADER_PATH);
	sip_edit_remove_field(&edit, sip_first(&m, SIP_HEADER_VIA));
	expect(TOP NEEDED "X: y\r\n" BODY);
}

static void test_equal_places_keep_the_order_of_the_calls(void **state)
{
	const struct sip_field *via;

	(void)state;
	begin(TOP "Via: SIP/2.0/UDP z\r\n" NEEDED BODY);
	via = sip_first(&m, SIP_HEADER_VIA);
	sip_edit_insert_at_top(&edit, TEXT("A: 1\r\n"));
	sip_edit_remove_field(&edit, via);
	sip_edit_insert_before(&edit, via, TEXT("B: 2\r\n"));
	sip_edit_insert_before(&edit, &m.fields[1], TEXT("C: 3\r\n"));
	expect(TOP "A: 1\r\nB: 2\r\nC: 3\r\n" NEEDED BODY);
}

static bool writes(void)
{
	struct text_writer w = text_writer_on(out, sizeof(out));
	bool ok = sip_edit_write(&edit, &w);

	assert_int_equal(ok, !w.full);
	return ok;
}

static void test_overlapping_splices_fail(void **state)
{
	const struct sip_field *to;

	(void)state;
	begin(TOP "Via: SIP/2.0/UDP z\r\n" NEEDED BODY);
	to = sip_first(&m, SIP_HEADER_TO);
	sip_edit_remove_field(&edit, to);
	sip_edit_replace(&edit, to->value, TEXT("x"));
	assert_true(edit.failed);
	assert_false(writes());
	sip_edit_begin(&edit, &m);
	sip_edit_replace(&edit, to->value, TEXT("x"));
	sip_edit_remove_field(&edit, to);
	assert_true(edit.failed);
	sip_edit_begin(&edit, &m);
	sip_edit_remove_field(&edit, to);
	sip_edit_remove_field(&edit, to);
	assert_true(edit.failed);
	sip_edit_begin(&edit, &m);
	sip_edit_replace(&edit, to->value, TEXT("x"));
	sip_edit_replace(&edit, text_between(to->value.at + 3, to->value.at + 3), TEXT("y"));
	assert_true(edit.failed);
	sip_edit_begin(&edit, &m);
	sip_edit_remove_field(&edit, to);
	sip_edit_remove_field(&edit, to + 1); /* side by side */
	assert_false(edit.failed);
	assert_true(writes());
}

static void test_splices_bound(void **state)
{
	(void)state;
	begin(TOP "Via: SIP/2.0/UDP z\r\n" NEEDED BODY);
	for (unsigned i = 0; i < LIMIT_SPLICES; i++)
		sip_edit_insert_at_end(&edit, TEXT("X: y\r\n"));
	assert_true(writes());
	sip_edit_insert_at_end(&edit, TEXT("X: y\r\n"));
	assert_true(edit.failed);
	assert_false(writes());
}

static void test_what_does_not_fit_is_told(void **state)
{
	static const char bytes[] = TOP "Via: SIP/2.0/UDP z\r\n" NEEDED BODY;
	struct text_writer w;

	(void)state;
	begin(bytes);
	sip_edit_insert_at_end(&edit, TEXT("X: y\r\n"));
	for (size_t max = 0; max < sizeof(bytes) - 1 + 6; max++) {
		w = text_writer_on(out, max);
		assert_false(sip_edit_write(&edit, &w));
		assert_true(w.full);
	}
	w = text_writer_on(out, sizeof(bytes) - 1 + 6);
	assert_true(sip_edit_write(&edit, &w));
}

static void test_a_message_without_fields_is_not_edited(void **state)
{
	(void)state;
	assert_int_equal(sip_parse(&m, TOP "\r\n", sizeof(TOP "\r\n") - 1, SIP_DATAGRAM),
			 SIP_REFUSED);
	sip_edit_begin(&edit, &m);
	sip_edit_insert_at_top(&edit, TEXT("X: y\r\n"));
	sip_edit_insert_at_end(&edit, TEXT("X: y\r\n"));
	assert_false(writes());
}

static void test_what_was_edited_can_be_read_again(void **state)
{
	struct text_writer w = text_writer_on(out, sizeof(out));

	(void)state;
	begin(TOP "Via: SIP/2.0/UDP h\r\n" NEEDED BODY);
	sip_edit_insert_at_top(&edit, TEXT("Via: SIP/2.0/TCP me:5070;branch=z9hG4bKx\r\n"));
	assert_true(sip_edit_write(&edit, &w));
	assert_int_equal(sip_parse(&out_m, out, w.len, SIP_DATAGRAM), SIP_OK);
	assert_int_equal(out_m.n_fields, m.n_fields + 1);
	assert_int_equal(out_m.via.port, 5070);
	assert_true(text_equal(out_m.body, m.body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_splices_the_bytes_are_the_same),
		cmocka_unit_test(test_forwarding_a_request),
		cmocka_unit_test(test_first_values_are_taken_out),
		cmocka_unit_test(test_top_via_of_a_response_is_taken_out),
		cmocka_unit_test(test_last_value_is_taken_out),
		cmocka_unit_test(test_whole_headers_are_taken_out),
		cmocka_unit_test(test_equal_places_keep_the_order_of_the_calls),
		cmocka_unit_test(test_overlapping_splices_fail),
		cmocka_unit_test(test_splices_bound),
		cmocka_unit_test(test_what_does_not_fit_is_told),
		cmocka_unit_test(test_a_message_without_fields_is_not_edited),
		cmocka_unit_test(test_what_was_edited_can_be_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
