/* RFC 3261 §7.3.1, §20 and §25.1: what stands inside header fields. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/chars.h"
#include "sip/message.h"

static bool is_text(struct text t, const char *string)
{
	if (text_equal(t, text_of(string)))
		return true;
	print_error("\"%.*s\" instead of \"%s\"\n", TEXT_ARGS(t), string);
	return false;
}

static void test_every_method_has_its_name(void **state)
{
	(void)state;
	for (enum sip_method i = SIP_INVITE; i < SIP_METHODS; i++)
		assert_int_equal(sip_method_of(text_of(sip_method_name(i))), i);
	assert_int_equal(sip_method_of(TEXT("invite")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(TEXT("INVITES")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(TEXT("INVIT")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of(TEXT("REGISTES")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_of((struct text){0}), SIP_METHOD_OTHER);
	assert_string_equal(sip_method_name(SIP_METHOD_OTHER), "?");
}

static void test_every_header_has_its_name_in_any_case(void **state)
{
	char other[32];

	(void)state;
	for (enum sip_header h = SIP_HEADER_VIA; h < SIP_HEADERS; h++) {
		struct text name = text_of(sip_header_name(h));

		assert_true(name.len > 1);
		assert_int_equal(sip_header_of(name), h);
		for (uint32_t i = 0; i < name.len; i++)
			other[i] = (char)(name.at[i] >= 'a' && name.at[i] <= 'z'
						  ? name.at[i] - 32
						  : text_lower(name.at[i]));
		assert_int_equal(sip_header_of((struct text){other, name.len}), h);
		other[name.len - 1] = '#';
		assert_int_equal(sip_header_of((struct text){other, name.len}), SIP_HEADER_OTHER);
	}
	assert_string_equal(sip_header_name(SIP_HEADER_OTHER), "");
}

static void test_compact_names(void **state)
{
	static const struct {
		char letter;
		enum sip_header header;
	} compact[] = {
		{'v', SIP_HEADER_VIA},
		{'f', SIP_HEADER_FROM},
		{'t', SIP_HEADER_TO},
		{'i', SIP_HEADER_CALL_ID},
		{'m', SIP_HEADER_CONTACT},
		{'l', SIP_HEADER_CONTENT_LENGTH},
		{'c', SIP_HEADER_CONTENT_TYPE},
		{'k', SIP_HEADER_SUPPORTED},
		{'x', SIP_HEADER_SESSION_EXPIRES},
		{'o', SIP_HEADER_EVENT},
	};

	(void)state;
	for (int c = 0; c < 256; c++) {
		enum sip_header expected = SIP_HEADER_OTHER;
		char letter = (char)c;

		for (size_t i = 0; i < sizeof(compact) / sizeof(compact[0]); i++)
			if (compact[i].letter == text_lower(letter))
				expected = compact[i].header;
		assert_int_equal(sip_header_of((struct text){&letter, 1}), expected);
	}
}

/* @req MP-3 MP-4 */
static void test_comma_lists(void **state)
{
	static const struct {
		const char *list;
		const char *values[4];
	} rows[] = {
		{"", {0}},
		{" \r\n ", {0}},
		{",", {0}},
		{"a", {"a"}},
		{"a,b", {"a", "b"}},
		{" a ,\r\n b\t", {"a", "b"}},
		{",a,,b,", {"a", "b"}},
		{"\"x,y\" <sip:a,b@h>;p=\"1,\\\"2\",<sip:c>",
		 {"\"x,y\" <sip:a,b@h>;p=\"1,\\\"2\"", "<sip:c>"}},
		{"<sip:a\"b,c>,d", {"<sip:a\"b,c>", "d"}},
		{"a,\"open, b", {"a", "\"open, b"}},
		{"a,<open, b", {"a", "<open, b"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text rest = text_of(rows[i].list), value;

		for (unsigned k = 0; rows[i].values[k]; k++) {
			assert_true(sip_text_list_next(&rest, &value));
			assert_true(is_text(value, rows[i].values[k]));
		}
		assert_false(sip_text_list_next(&rest, &value));
		assert_int_equal(rest.len, 0);
	}
}

#define HEAD                                                                                       \
	"OPTIONS sip:a@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"      \
	"From: <sip:a@ims.example>;tag=1\r\nTo: <sip:b@ims.example>\r\nCall-ID: a\r\n"             \
	"CSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\n"

/* @req MP-3 */
static void test_repeated_headers_and_lists_are_one_sequence(void **state)
{
	static const char bytes[] =
		HEAD "Route: <sip:1;lr>, <sip:2;lr>\r\nX: y\r\nRoute:\r\n"
		     "ROUTE : <sip:3;lr>\r\n ,\r\n <sip:4;lr>\r\nRoute:,\r\n\r\n";
	static const char *const expected[] = {"<sip:1;lr>", "<sip:2;lr>", "<sip:3;lr>",
					       "<sip:4;lr>"};
	static const bool first[] = {true, false, true, false}, last[] = {false, true, false, true};
	struct sip_message m;
	struct sip_list list;
	struct text value;

	(void)state;
	assert_int_equal(sip_parse(&m, bytes, sizeof(bytes) - 1, SIP_DATAGRAM), SIP_OK);
	list = sip_list_of(&m, SIP_HEADER_ROUTE);
	for (int i = 0; i < 4; i++) {
		assert_true(sip_list_next(&list, &value));
		assert_true(is_text(value, expected[i]));
		assert_int_equal(list.first_of_field, first[i]);
		assert_int_equal(list.last_of_field, last[i]);
		assert_true(value.at >= list.value_field->value.at);
	}
	assert_false(sip_list_next(&list, &value));
	assert_false(sip_list_next(&list, &value));
	list = sip_list_of(&m, SIP_HEADER_PATH);
	assert_false(sip_list_next(&list, &value));
}

static void test_option_tags(void **state)
{
	static const char bytes[] =
		HEAD "Supported: 100rel , timer\r\nk: PATH\r\nRequire: \r\n\r\n";
	struct sip_message m;

	(void)state;
	assert_int_equal(sip_parse(&m, bytes, sizeof(bytes) - 1, SIP_DATAGRAM), SIP_OK);
	assert_true(sip_has_option(&m, SIP_HEADER_SUPPORTED, TEXT("100rel")));
	assert_true(sip_has_option(&m, SIP_HEADER_SUPPORTED, TEXT("Timer")));
	assert_true(sip_has_option(&m, SIP_HEADER_SUPPORTED, TEXT("path")));
	assert_false(sip_has_option(&m, SIP_HEADER_SUPPORTED, TEXT("tim")));
	assert_false(sip_has_option(&m, SIP_HEADER_REQUIRE, TEXT("path")));
	assert_false(sip_has_option(&m, SIP_HEADER_PROXY_REQUIRE, TEXT("path")));
}

static void test_via_values(void **state)
{
	static const struct {
		const char *via, *transport, *host;
		unsigned port;
		const char *branch, *received, *rport;
		bool has_rport;
		const char *params;
	} rows[] = {
		{"SIP/2.0/UDP 127.0.0.1", "UDP", "127.0.0.1", 0, "", "", "", false, ""},
		{"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport", "UDP", "127.0.0.1", 5060,
		 "z9hG4bK1", "", "", true, ";branch=z9hG4bK1;rport"},
		{"sip/2.0/tcp h.ims.example;RPORT=40;Received=127.0.0.9;x=\"a;b\"", "tcp",
		 "h.ims.example", 0, "", "127.0.0.9", "40", true,
		 ";RPORT=40;Received=127.0.0.9;x=\"a;b\""},
		{"SIP / 2.0\r\n / UDP\t[::1] : 5070 ; branch = z ; maddr=127.0.0.1", "UDP", "[::1]",
		 5070, "z", "", "", false, "; branch = z ; maddr=127.0.0.1"},
		{"SIP/2.0/X-Y h;received=[::1]", "X-Y", "h", 0, "", "[::1]", "", false,
		 ";received=[::1]"},
	};
	static const char *const bad[] = {
		"",
		"SIP",
		"SIP/2.0",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0 127.0.0.1",
		"SIP/2.0/UDP127.0.0.1",
		"/2.0/UDP h",
		"SIP//UDP h",
		"SIP/2.0/ h",
		"SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:65536",
		"SIP/2.0/UDP h x",
		"SIP/2.0/UDP h;",
		"SIP/2.0/UDP h;;branch=1",
		"SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP h;branch=\"1",
		"SIP/2.0/UDP ::1",
		"SIP/2.0/UDP [::1",
		"SIP/2.0/UDP [x]",
		"SIP/2.0/UDP ;branch=1",
	};
	struct sip_via via;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sip_via_parse(text_of(rows[i].via), &via));
		assert_true(is_text(via.whole, rows[i].via));
		assert_true(is_text(via.transport, rows[i].transport));
		assert_true(is_text(via.host, rows[i].host));
		assert_int_equal(via.port, rows[i].port);
		assert_true(is_text(via.branch, rows[i].branch));
		assert_true(is_text(via.received, rows[i].received));
		assert_true(is_text(via.rport, rows[i].rport));
		assert_int_equal(via.has_rport, rows[i].has_rport);
		assert_true(is_text(via.params, rows[i].params));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		via.port = 77;
		if (sip_via_parse(text_of(bad[i]), &via))
			fail_msg("%s is accepted", bad[i]);
		assert_int_equal(via.port, 77); /* untouched */
	}
}

static void test_branch_bytes_bound(void **state)
{
	char value[LIMIT_BRANCH_BYTES + 64] = "SIP/2.0/UDP h;branch=";
	uint32_t head = (uint32_t)strlen(value);
	struct sip_via via;

	(void)state;
	memset(value + head, 'x', sizeof(value) - head);
	assert_true(sip_via_parse((struct text){value, head + LIMIT_BRANCH_BYTES - 1}, &via));
	assert_true(sip_via_parse((struct text){value, head + LIMIT_BRANCH_BYTES}, &via));
	assert_false(sip_via_parse((struct text){value, head + LIMIT_BRANCH_BYTES + 1}, &via));
}

/* @req MP-4 */
static void test_name_addr_values(void **state)
{
	static const struct {
		const char *value, *display, *uri, *params;
	} rows[] = {
		{"sip:a@h", "", "sip:a@h", ""},
		{"sip:a@h;tag=1;x", "", "sip:a@h", ";tag=1;x"},
		{"sip:a@h \r\n ; tag = 1", "", "sip:a@h", "; tag = 1"},
		{"<sip:a@h;lr>;tag=1", "", "sip:a@h;lr", ";tag=1"},
		{"<sip:a,b?@h?x=y>", "", "sip:a,b?@h?x=y", ""},
		{"Ann <sip:a@h>", "Ann", "sip:a@h", ""},
		{"Ann  Ray\r\n <sip:a@h> ;x", "Ann  Ray", "sip:a@h", ";x"},
		{"Ann<sip:a@h>", "Ann", "sip:a@h", ""},
		{"\"A, \\\"<x>\\\"\" <sip:a@h>;p=\"<;,>\"", "\"A, \\\"<x>\\\"\"", "sip:a@h",
		 ";p=\"<;,>\""},
		{"\"\"<tel:+1>", "\"\"", "tel:+1", ""},
		{"\xc3\x84nn <sip:a@h>", "\xc3\x84nn", "sip:a@h", ""},
		{"<urn:service:sos>;+sip.instance=\"<urn:x>\"", "", "urn:service:sos",
		 ";+sip.instance=\"<urn:x>\""},
	};
	static const char *const bad[] = {
		"",
		" ",
		"*",
		"<>",
		"<sip:>",
		"<a>",
		"a",
		"Ann sip:a@h",
		"\"Ann <sip:a@h>",
		"\"Ann\" sip:a@h",
		"\"Ann\"",
		"<sip:a@h",
		"< sip:a@h>",
		"<sip:a@h >",
		"<sip:a b@h>",
		"<sip:\"a\"@h>",
		"A,B <sip:a@h>",
		"sip:a@h?x=y",
		"sip:a,b@h",
		"<sip:a@h>x",
		"<sip:a@h>;",
		"<sip:a@h>;;x",
		"<sip:a@h>;x=",
		"<sip:a@h>;x=\"",
		"<sip:a@h>, <sip:b@h>",
		"<sip:<a>@h>",
		"A <B> <sip:a@h>",
		"<:x>",
	};
	struct sip_name_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!sip_name_addr_parse(text_of(rows[i].value), &a))
			fail_msg("%s is refused", rows[i].value);
		assert_true(is_text(a.display, rows[i].display));
		assert_true(is_text(a.uri, rows[i].uri));
		assert_true(is_text(a.params, rows[i].params));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a.uri.len = 77;
		if (sip_name_addr_parse(text_of(bad[i]), &a))
			fail_msg("%s is accepted", bad[i]);
		assert_int_equal(a.uri.len, 77); /* untouched */
	}
}

static void test_name_addr_uri_bytes_bound(void **state)
{
	static char value[LIMIT_URI_BYTES + 3] = "<sip:ims.example;x=";
	struct sip_name_addr a;

	(void)state;
	memset(value + strlen(value), 'x', sizeof(value) - strlen(value));
	for (uint32_t n = LIMIT_URI_BYTES - 1; n <= LIMIT_URI_BYTES + 1; n++) {
		value[n + 1] = '>';
		assert_int_equal(sip_name_addr_parse((struct text){value, n + 2}, &a),
				 n <= LIMIT_URI_BYTES);
		value[n + 1] = 'x';
	}
}

static bool can_be_read(struct text params)
{
	enum sip_param_step step;
	struct text name, value;

	while ((step = sip_param_next(&params, &name, &value)) == SIP_PARAM_FOUND)
		;
	return step == SIP_PARAM_END;
}

/* @req MP-4 */
static void test_params(void **state)
{
	struct text params = TEXT(" ; a ;b=c; D = \"e;f=g\" ;h=[::1];a=2"), value;

	(void)state;
	assert_true(can_be_read(params));
	assert_true(sip_param(params, TEXT("a"), &value));
	assert_int_equal(value.len, 0);
	assert_ptr_equal(value.at, params.at + 4); /* right behind the name */
	assert_true(sip_param(params, TEXT("B"), &value));
	assert_true(is_text(value, "c"));
	assert_true(sip_param(params, TEXT("d"), &value));
	assert_true(is_text(value, "\"e;f=g\""));
	assert_true(sip_param(params, TEXT("h"), &value));
	assert_true(is_text(value, "[::1]"));
	assert_false(sip_param(params, TEXT("f"), &value));
	assert_false(sip_param((struct text){0}, TEXT("f"), &value));
	assert_true(can_be_read((struct text){0}));
	assert_false(can_be_read(TEXT("a")));
	assert_false(can_be_read(TEXT(";")));
	assert_false(can_be_read(TEXT(";a;;b")));
	assert_false(can_be_read(TEXT(";a=")));
	assert_false(can_be_read(TEXT(";a=\"b")));
	assert_false(can_be_read(TEXT(";a b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method_has_its_name),
		cmocka_unit_test(test_every_header_has_its_name_in_any_case),
		cmocka_unit_test(test_compact_names),
		cmocka_unit_test(test_comma_lists),
		cmocka_unit_test(test_repeated_headers_and_lists_are_one_sequence),
		cmocka_unit_test(test_option_tags),
		cmocka_unit_test(test_via_values),
		cmocka_unit_test(test_branch_bytes_bound),
		cmocka_unit_test(test_name_addr_values),
		cmocka_unit_test(test_name_addr_uri_bytes_bound),
		cmocka_unit_test(test_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
