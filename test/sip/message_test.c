/* RFC 3261 §7, §8.1.1, §18.3 and the bounds of base/limits.h: one message and its index. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "sip/message.h"

static struct sip_message m;
static char buffer[4 * LIMIT_MESSAGE_BYTES];

static bool is_text(struct text t, const char *string)
{
	if (text_equal(t, text_of(string)))
		return true;
	print_error("\"%.*s\" instead of \"%s\"\n", TEXT_ARGS(t), string);
	return false;
}

static enum sip_verdict parse(const char *bytes)
{
	return sip_parse(&m, bytes, strlen(bytes), SIP_DATAGRAM);
}

/* 0: accepted, else the status of the refusal, negative when it cannot be answered. */
static int verdict(const char *bytes, enum sip_framing framing)
{
	switch (sip_parse(&m, bytes, strlen(bytes), framing)) {
	case SIP_OK: return 0;
	case SIP_REFUSED: return sip_can_answer(&m) ? m.fault_status : -m.fault_status;
	case SIP_NOISE: return -1;
	}
	return -2;
}

#define START "OPTIONS sip:bea@ims.example SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"
#define FROM  "From: <sip:ann@ims.example>;tag=a1\r\n"
#define TO    "To: <sip:bea@ims.example>\r\n"
#define ID    "Call-ID: c1\r\n"
#define CSEQ  "CSeq: 1 OPTIONS\r\n"
#define HEAD  START VIA FROM TO ID CSEQ
#define OK200 "SIP/2.0 200 OK\r\n" VIA FROM TO ID CSEQ

static void test_a_request_is_indexed(void **state)
{
	static const char bytes[] =
		"INVITE sip:bea@ims.example SIP/2.0\r\n" VIA FROM
		"To: Bea <sip:bea@ims.example>;tag=b2\r\n" ID
		"CSeq: 2147483647 INVITE\r\nMax-Forwards: 255\r\n"
		"X-Other:  value \r\nVia: second\r\nContent-Length: 4\r\n\r\nbodyXX";
	const struct sip_field *f;

	(void)state;
	assert_int_equal(parse(bytes), SIP_OK);
	assert_true(m.is_request);
	assert_int_equal(m.method, SIP_INVITE);
	assert_true(is_text(m.method_name, "INVITE"));
	assert_true(is_text(m.request_uri, "sip:bea@ims.example"));
	assert_int_equal(m.n_fields, 9);
	assert_true(is_text(m.from_uri, "sip:ann@ims.example"));
	assert_true(is_text(m.from_tag, "a1"));
	assert_true(is_text(m.to, "Bea <sip:bea@ims.example>;tag=b2"));
	assert_true(is_text(m.to_tag, "b2"));
	assert_true(is_text(m.call_id, "c1"));
	assert_int_equal(m.cseq, 2147483647);
	assert_int_equal(m.max_forwards, 255);
	assert_true(is_text(m.body, "body"));
	assert_int_equal(m.bytes.len, sizeof(bytes) - 1 - 2);
	f = sip_next(&m, sip_first(&m, SIP_HEADER_VIA));
	assert_true(is_text(f->value, "second"));
	assert_null(sip_next(&m, f));
	assert_int_equal(m.fields[6].header, SIP_HEADER_OTHER);
	assert_true(is_text(m.fields[6].name, "X-Other"));
	assert_true(is_text(m.fields[6].value, "value"));
	assert_int_equal(m.fields[6].end - m.fields[6].begin, sizeof("X-Other:  value \r\n") - 1);
	assert_null(sip_first(&m, SIP_HEADER_ROUTE));
	assert_int_equal(sip_value(&m, SIP_HEADER_ROUTE).len, 0);
}

static void test_a_response_is_indexed(void **state)
{
	(void)state;
	assert_int_equal(
		parse("SIP/2.0 183 Session  Progress \r\n" VIA FROM TO ID "CSeq: 7 INVITE\r\n\r\n"),
		SIP_OK);
	assert_false(m.is_request);
	assert_int_equal(m.status, 183);
	assert_true(is_text(m.reason_phrase, "Session  Progress "));
	assert_int_equal(m.method, SIP_INVITE);
	assert_int_equal(m.max_forwards, SIP_NO_MAX_FORWARDS);
	assert_false(sip_can_answer(&m));
}

static void test_lines_may_end_in_lf_alone_and_begin_after_crlfs(void **state)
{
	(void)state;
	assert_int_equal(parse("\r\n\r\n\n" HEAD "\r\n"), SIP_OK);
	assert_memory_equal(m.bytes.at, "OPTIONS", 7);
	assert_int_equal(
		parse("OPTIONS sip:bea@ims.example SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: sip:a@h\n"
		      "To: sip:b@h\nCall-ID: 1\nCSeq: 1\n OPTIONS\n\nbody"),
		SIP_OK);
	assert_int_equal(m.n_fields, 5);
	assert_true(is_text(m.body, "body"));
	/* A bare CR is an ordinary character: it ends nothing. */
	assert_int_equal(parse(HEAD "X: a\rRoute: b\r\n\r\n"), SIP_OK);
	assert_int_equal(m.n_fields, 6);
	assert_null(sip_first(&m, SIP_HEADER_ROUTE));
}

struct row {
	const char *bytes;
	int verdict;
};

static void all_hold(const struct row *rows, size_t n, enum sip_framing framing)
{
	for (size_t i = 0; i < n; i++) {
		int got = verdict(rows[i].bytes, framing);

		if (got != rows[i].verdict)
			fail_msg("row %zu: %d instead of %d (%s)\n%s", i, got, rows[i].verdict,
				 m.fault_reason ? m.fault_reason : "-", rows[i].bytes);
	}
}

#define ROWS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

static void test_noise_is_told_from_faults(void **state)
{
	static const struct row rows[] = {
		{"", -1},
		{"\r\n", -1},
		{"\r\n\r\n", -1},
		{"\n", -1},
		{"\x16\x03\x01\x02", -1},
		{"GET / HTTP/1.1\r\n\r\n", -1},
		{"hello\r\n", -1},
		{"hello \r\n", -1},
		{" OPTIONS sip:a@h SIP/2.0\r\n\r\n", -1},
		{"OPT(IONS sip:a@h SIP/2.0\r\n\r\n", -1},
		{"OPTIONS sip:a@h\r\n\r\n", -1},
		{"OPTIONS SIP/2.0\r\n\r\n", -400},
		{"OPTIONS sip:a@h SIP/2.0\r\n\r\n", -400},
		{"SIP/2.0\r\n\r\n", -400},
		{"\r", -1},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

static void test_start_lines(void **state)
{
#define REST "\r\n" VIA FROM TO ID CSEQ "\r\n"
	static const struct row rows[] = {
		{"OPTIONS sip:a@h SIP/2.0" REST, 0},
		{"OPTIONS sip:a@h sip/2.0" REST, 0},
		{"OPTIONS sip:a@h SIP/2.1" REST, 505},
		{"OPTIONS sip:a@h SIP/12.34" REST, 505},
		{"OPTIONS sip:a@h SIP/02.0" REST, 505},
		{"OPTIONS sip:a@h SIP/" REST, 400},
		{"OPTIONS sip:a@h SIP/2" REST, 400},
		{"OPTIONS sip:a@h SIP/2." REST, 400},
		{"OPTIONS sip:a@h SIP/2.0.0" REST, 400},
		{"OPTIONS sip:a@h SIP/x" REST, 400},
		{"OPTIONS  sip:a@h SIP/2.0" REST, 400},
		{"OPTIONS sip:a@h  SIP/2.0" REST, 400},
		{"OPTIONS sip:a@h SIP/2.0 " REST, 400},
		{"OPTIONS sip:a@h SIP/2.0\t" REST, 400},
		{"OPTIONS sip:a @h SIP/2.0" REST, 400},
		{"OPTIONS sip:a\t@h SIP/2.0" REST, 400},
		{"OPTIONS <sip:a@h> SIP/2.0" REST, 400},
		{"OPTIONS sip:a@h?x=y SIP/2.0" REST, 400},
		{"OPTIONS * SIP/2.0" REST, 400},
		{"OPTIONS a SIP/2.0" REST, 400},
		{"OPTIONS tel:+1555 SIP/2.0" REST, 0},
		{"OPTIONS unheard:of SIP/2.0" REST, 0},
		{"OPTIONS sip:\x01@h SIP/2.0" REST, 400},
		{"SIP/2.0 100 " REST, 0},
		{"SIP/2.0 100" REST, 0},
		{"sip/2.0 699 x" REST, 0},
		{"SIP/2.0 099 x" REST, -400},
		{"SIP/2.0 700 x" REST, -400},
		{"SIP/2.0 20 x" REST, -400},
		{"SIP/2.0 2000 x" REST, -400},
		{"SIP/2.0 -12 x" REST, -400},
		{"SIP/2.0  200 x" REST, -400},
		{"SIP/3.0 200 x" REST, -505},
		{"SIP/x 200 x" REST, -400},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

static void test_header_fields(void **state)
{
	static const struct row rows[] = {
		{HEAD "X:\r\n\r\n", 0},
		{HEAD "X :y\r\n\r\n", 0},
		{HEAD "X\t : y\r\n z\r\n\t\r\n\r\n", 0},
		{HEAD "X.-!%*_+`'~: y\r\n\r\n", 0},
		{HEAD "X y: z\r\n\r\n", 400},
		{HEAD "X@y: z\r\n\r\n", 400},
		{HEAD ": z\r\n\r\n", 400},
		{HEAD "X: y\r\n : z\r\n\r\n", 0}, /* belongs to the line before */
		{HEAD "X\r\n\r\n", 400},
		{HEAD "X\r\n : y\r\n\r\n", 400},
		{START " folded: at once\r\n" VIA FROM TO ID CSEQ "\r\n", 400},
		{HEAD "X: y", 400},
		{HEAD "X: y\r\n", 400},
		{HEAD "X: y\r\n ", 400},
		{HEAD, 400},
		{HEAD "\r", 400},
		{HEAD "Content\rLength: 1\r\n\r\n", 400},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

static void test_required_fields(void **state)
{
	static const struct row rows[] = {
		{HEAD "\r\n", 0},
		{START FROM TO ID CSEQ "\r\n", -400},
		{START VIA TO ID CSEQ "\r\n", -400},
		{START VIA FROM ID CSEQ "\r\n", -400},
		{START VIA FROM TO CSEQ "\r\n", -400},
		{START VIA FROM TO ID "\r\n", -400},
		{HEAD FROM "\r\n", 400},
		{HEAD TO "\r\n", 400},
		{HEAD ID "\r\n", 400},
		{HEAD CSEQ "\r\n", 400},
		{HEAD "f: <sip:ann@ims.example>\r\n\r\n", 400},
		{HEAD VIA "\r\n", 0},
		{"ACK sip:b@h SIP/2.0\r\n" VIA FROM TO ID "CSeq: 1 INVITE\r\n\r\n", -400},
		{"SIP/2.0 200 OK\r\n" VIA FROM TO ID "\r\n", -400},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

static void test_values_of_required_fields(void **state)
{
	static const struct row rows[] = {
		/* Via: what its sent-by says is enough to answer */
		{START "Via: SIP/2.0/UDP h;;\r\n" FROM TO ID CSEQ "\r\n", 400},
		{START "Via: SIP/2.0/UDP\r\n" FROM TO ID CSEQ "\r\n", -400},
		{START "Via:\r\n" FROM TO ID CSEQ "\r\n", -400},
		{START "Via: ,\r\n" FROM TO ID CSEQ "\r\n", -400},
		{START "Via: SIP/2.0/UDP h,\r\n x\r\n" FROM TO ID CSEQ "\r\n", 0},
		/* From and To */
		{START VIA "From: x\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA "From: <>;tag=1\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA "From:\r\n" TO ID CSEQ "\r\n", -400},
		{START VIA "From: sip:ann@ims.example\r\n" TO ID CSEQ "\r\n", 0},
		{START VIA "From: sip:ann@ims.example;tag\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA "From: sip:ann@ims.example;tag=\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA "From: sip:ann@ims.example;tag=\"1\"\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA "From: <sip:a@h>, <sip:b@h>\r\n" TO ID CSEQ "\r\n", 400},
		{START VIA FROM "To: \"x <sip:a@h>\r\n" ID CSEQ "\r\n", 400},
		/* Call-ID */
		{START VIA FROM TO "Call-ID:\r\n" CSEQ "\r\n", -400},
		{START VIA FROM TO "Call-ID: a b\r\n" CSEQ "\r\n", 400},
		{START VIA FROM TO "Call-ID:\r\n a\r\n" CSEQ "\r\n", 0},
		/* CSeq */
		{START VIA FROM TO ID "CSeq: 0 OPTIONS\r\n\r\n", 0},
		{START VIA FROM TO ID "CSeq: 0000000000001 OPTIONS\r\n\r\n", 0},
		{START VIA FROM TO ID "CSeq: 2147483647 OPTIONS\r\n\r\n", 0},
		{START VIA FROM TO ID "CSeq: 2147483648 OPTIONS\r\n\r\n", 400},
		{START VIA FROM TO ID "CSeq: 99999999999999999999 OPTIONS\r\n\r\n", 400},
		{START VIA FROM TO ID "CSeq: 1\r\n\tOPTIONS\r\n\r\n", 0},
		{START VIA FROM TO ID "CSeq: 1 options\r\n\r\n", 400},
		{START VIA FROM TO ID "CSeq: 1 INVITE\r\n\r\n", 400},
		{START VIA FROM TO ID "CSeq: 1OPTIONS\r\n\r\n", -400},
		{START VIA FROM TO ID "CSeq: 1\r\n\r\n", -400},
		{START VIA FROM TO ID "CSeq: OPTIONS\r\n\r\n", -400},
		{START VIA FROM TO ID "CSeq: -1 OPTIONS\r\n\r\n", -400},
		{START VIA FROM TO ID "CSeq: 1 OPTIONS x\r\n\r\n", -400},
		{START VIA FROM TO ID "CSeq:\r\n\r\n", -400},
		/* Max-Forwards */
		{HEAD "Max-Forwards: 0\r\n\r\n", 0},
		{HEAD "Max-Forwards: 255\r\n\r\n", 0},
		{HEAD "Max-Forwards: 256\r\n\r\n", 400},
		{HEAD "Max-Forwards: -1\r\n\r\n", 400},
		{HEAD "Max-Forwards: x\r\n\r\n", 400},
		{HEAD "Max-Forwards:\r\n\r\n", 400},
		{HEAD "Max-Forwards: 70\r\nMax-Forwards: 70\r\n\r\n", 400},
		{OK200 "Max-Forwards: x\r\n\r\n", 0},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

static void test_what_nobody_needs_is_not_looked_into(void **state)
{
	static const struct row rows[] = {
		{HEAD "Date: yesterday\r\nContact: \"\r\nRoute: <\r\nExpires: 1e9\r\n\r\n", 0},
		{HEAD "Authorization: ,,,=\"\r\nRecord-Route: ;;\r\nP-Charging-Vector:\r\n\r\n", 0},
		{HEAD "Via: not a via\r\nRequire: ,,\r\nReason: SIP ;cause\r\n\r\n", 0},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
}

/* @req MP-9 */
static void test_content_length_of_a_datagram(void **state)
{
	static const struct row rows[] = {
		{HEAD "\r\nbody", 0},
		{HEAD "Content-Length: 4\r\n\r\nbody", 0},
		{HEAD "Content-Length: 3\r\n\r\nbody", 0},
		{HEAD "Content-Length: 5\r\n\r\nbody", 400},
		{HEAD "Content-Length: 4\r\nl: 4\r\n\r\nbody", 0},
		{HEAD "Content-Length: 4\r\nl: 04\r\n\r\nbody", 0},
		{HEAD "Content-Length: 4\r\nl: 3\r\n\r\nbody", 400},
		{HEAD "Content-Length: 4\r\nl: x\r\n\r\nbody", 400},
		{HEAD "Content-Length: 4, 4\r\n\r\nbody", 400},
		{HEAD "Content-Length: -4\r\n\r\nbody", 400},
		{HEAD "Content-Length: +4\r\n\r\nbody", 400},
		{HEAD "Content-Length: 0x4\r\n\r\nbody", 400},
		{HEAD "Content-Length:\r\n\r\nbody", 400},
		{HEAD "Content-Length: 4294967296\r\n\r\nbody", 400},
		{HEAD "Content-Length: 4294967300\r\n\r\nbody", 400},
		{HEAD "Content-Length: 18446744073709551620\r\n\r\nbody", 400},
		{OK200 "Content-Length: 5\r\n\r\nbody", -400},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_DATAGRAM);
	verdict(rows[0].bytes, SIP_DATAGRAM);
	assert_true(is_text(m.body, "body"));
	verdict(rows[2].bytes, SIP_DATAGRAM);
	assert_true(is_text(m.body, "bod"));
	assert_ptr_equal(m.bytes.at + m.bytes.len, m.body.at + 3);
}

/* @req MP-9 TP-6 */
static void test_content_length_of_a_stream_is_required(void **state)
{
	static const struct row rows[] = {
		{HEAD "\r\n", 400},
		{HEAD "Content-Length: 0\r\n\r\n", 0},
		{HEAD "Content-Length: 4\r\n\r\nbody", 0},
		{HEAD "Content-Length: 5\r\n\r\nbody", 400},
	};

	(void)state;
	all_hold(ROWS(rows), SIP_STREAM);
}

/* --- bounds of base/limits.h: one below, at, one above --- */

static uint32_t filled(const char *before, char c, uint32_t n, const char *after)
{
	uint32_t head = (uint32_t)strlen(before), tail = (uint32_t)strlen(after);

	assert_true(head + n + tail < sizeof(buffer));
	memcpy(buffer, before, head);
	memset(buffer + head, c, n);
	memcpy(buffer + head + n, after, tail + 1);
	return head + n + tail;
}

struct bound {
	const char *before, *after;
	uint32_t fits; /* that many bytes 'x' between them are just right */
	int above;     /* the verdict on one more */
};

static void test_bounds_of_bytes(void **state)
{
#define URI_HEAD   "OPTIONS sip:"
#define FIELD_HEAD "X: "
#define TAIL       "\r\n\r\n"
	static const struct bound bounds[] = {
		{URI_HEAD, "@h SIP/2.0" REST, LIMIT_URI_BYTES - 6, 414},
		{START VIA FROM TO CSEQ "Call-ID: ", TAIL, LIMIT_CALL_ID_BYTES, 400},
		{START VIA TO ID CSEQ "From: <sip:a@h>;tag=", TAIL, LIMIT_TAG_BYTES, 400},
		{START VIA FROM ID CSEQ "To: <sip:a@h>;tag=", TAIL, LIMIT_TAG_BYTES, 400},
		{START FROM TO ID CSEQ "Via: SIP/2.0/UDP h;branch=", TAIL, LIMIT_BRANCH_BYTES, 400},
		{HEAD "X: ", TAIL, LIMIT_FIELD_BYTES - 5, 513},
		{HEAD "X: a\r\n\t", TAIL, LIMIT_FIELD_BYTES - 9, 513},
		{HEAD "Content-Length: 0\r\n\r\n", "", 0, 0},
		{"SIP/2.0 200 ", REST, LIMIT_START_LINE_BYTES - 12, -400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		const struct bound *b = &bounds[i];

		for (uint32_t n = b->fits ? b->fits - 1 : 0; n <= b->fits + 1; n++) {
			filled(b->before, 'x', n, b->after);
			if (verdict(buffer, SIP_DATAGRAM) != (n <= b->fits ? 0 : b->above))
				fail_msg("bound %zu with %u bytes: %u %s", i, n, m.fault_status,
					 m.fault_reason ? m.fault_reason : "accepted");
		}
	}
}

/* A start line beyond its bound is answered 414 even where the Request-URI alone would be within another scheme's length. */
static void test_start_line_bytes_bound(void **state)
{
	(void)state;
	filled("OPTIONS urn:", 'x', LIMIT_START_LINE_BYTES, " SIP/2.0" REST);
	assert_int_equal(verdict(buffer, SIP_DATAGRAM), 414);
	filled("", 'X', LIMIT_START_LINE_BYTES, " sip:a@h SIP/2.0" REST);
	assert_int_equal(verdict(buffer, SIP_DATAGRAM), 414);
}

static void test_message_bytes_bound(void **state)
{
	(void)state;
	for (uint32_t len = LIMIT_MESSAGE_BYTES - 1; len <= LIMIT_MESSAGE_BYTES + 1; len++) {
		uint32_t head = (uint32_t)strlen(HEAD "\r\n");

		assert_int_equal(filled(HEAD "\r\n", 'x', len - head, ""), len);
		assert_int_equal(verdict(buffer, SIP_DATAGRAM),
				 len <= LIMIT_MESSAGE_BYTES ? 0 : 513);
		assert_true(m.bytes.len <= LIMIT_MESSAGE_BYTES);
	}
}

/* `n` times `one` within a message. */
static void repeated(const char *before, const char *one, unsigned n, const char *after)
{
	struct text_writer w = text_writer_on(buffer, sizeof(buffer) - 1);

	text_put(&w, text_of(before));
	for (unsigned i = 0; i < n; i++)
		text_put(&w, text_of(one));
	text_put(&w, text_of(after));
	assert_false(w.full);
	buffer[w.len] = 0;
}

static void test_header_fields_bound(void **state)
{
	(void)state;
	for (unsigned n = LIMIT_HEADER_FIELDS - 1; n <= LIMIT_HEADER_FIELDS + 1; n++) {
		repeated(HEAD, "X: y\r\n", n - 5, "\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM), n <= LIMIT_HEADER_FIELDS ? 0 : 513);
		repeated(OK200, "X: y\r\n", n - 5, "\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM),
				 n <= LIMIT_HEADER_FIELDS ? 0 : -513);
	}
	repeated(HEAD, "Path: <sip:h;lr>\r\n", LIMIT_HEADER_FIELDS - 5, "\r\n");
	assert_int_equal(verdict(buffer, SIP_DATAGRAM), 0);
	assert_int_equal(m.last[SIP_HEADER_PATH], LIMIT_HEADER_FIELDS);
}

static void test_ten_thousand_header_fields(void **state)
{
	(void)state;
	repeated(HEAD, "X:\r\n", 10000, "\r\n");
	assert_int_equal(verdict(buffer, SIP_DATAGRAM), 513);
	assert_int_equal(m.n_fields, LIMIT_HEADER_FIELDS);
	repeated(START, "X:\r\n", 10000, VIA FROM TO ID CSEQ "\r\n");
	assert_int_equal(verdict(buffer, SIP_DATAGRAM),
			 -513); /* who asked is not among the first */
	repeated(START, "\n:\n", 10000, VIA FROM TO ID CSEQ "\r\n");
	assert_true(verdict(buffer, SIP_DATAGRAM) < 0);
}

static void test_list_values_bounds(void **state)
{
	(void)state;
	for (unsigned n = LIMIT_VIA_VALUES - 1; n <= LIMIT_VIA_VALUES + 1; n++) {
		repeated(HEAD, VIA, n - 1, "\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM), n <= LIMIT_VIA_VALUES ? 0 : 513);
		repeated(HEAD "Via: SIP/2.0/UDP a", ",SIP/2.0/UDP h", n - 2, "\r\n\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM), n <= LIMIT_VIA_VALUES ? 0 : 513);
	}
	for (unsigned n = LIMIT_LIST_VALUES - 1; n <= LIMIT_LIST_VALUES + 1; n++) {
		repeated(HEAD, "Route: <sip:h;lr>\r\n", n, "\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM), n <= LIMIT_LIST_VALUES ? 0 : 400);
		repeated(HEAD "Record-Route: <sip:a>", ",<sip:h>", n - 1, "\r\n\r\n");
		assert_int_equal(verdict(buffer, SIP_DATAGRAM), n <= LIMIT_LIST_VALUES ? 0 : 400);
	}
}

/* --- memory --- */

/* The message ends where the readable memory ends: one byte read too far is a crash. */
static void test_no_byte_behind_the_message_is_read(void **state)
{
	static const char *const messages[] = {
		HEAD "X:\r\n\r\n",
		HEAD "Content-Length: 4\r\n\r\nbody",
		"\r\n\r\nSIP/2.0 200 OK\r\nv: SIP / 2.0 / UDP [::1]:5060 ;branch = z , SIP/2.0/TCP "
		"h\r\n"
		"f: \"A \\\" <\" <sip:a%40@h;x=y?a=b>;tag=1\r\nt:sip:b@h;tag=2\r\ni:\r\n 1\r\n"
		"CSeq: 1\r\n INVITE\r\nm: <sip:a@h>,\"x\" <tel:+1>\r\nk: a,b\r\nl:0\r\n\r\n",
		"INVITE tel:+1-2;ext=3 sip/2.0\nv: SIP/2.0/UDP "
		"h;rport;received=::1\nf:<sip:a@[::1]:1>\n"
		"t: A<urn:x:y>\ni: 1\nCSeq: 1 INVITE\nMax-Forwards: 1\nRoute: <sip:h;lr>, "
		"<sip:i>\n\n",
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t whole = strlen(messages[i]);

		for (size_t n = 0; n <= whole; n++) {
			char *at = pages + page - n;

			memcpy(at, messages[i], n);
			sip_parse(&m, at, n, SIP_STREAM);
			if (sip_parse(&m, at, n, SIP_DATAGRAM) == SIP_OK)
				assert_true(n >= whole - (i == 1 ? 4 : 0));
			else
				assert_true(n < whole);
		}
	}
	munmap(pages, 2 * page);
}

/* Only what is in use is written: the rest of the fields keeps what it had. */
static void test_fields_not_in_use_are_not_touched(void **state)
{
	(void)state;
	memset(&m, 0x55, sizeof(m));
	assert_int_equal(parse(HEAD "\r\n"), SIP_OK);
	assert_int_equal(m.n_fields, 5);
	for (size_t i = 0; i < sizeof(m.fields[5]); i++)
		assert_int_equal(((unsigned char *)&m.fields[5])[i], 0x55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_indexed),
		cmocka_unit_test(test_a_response_is_indexed),
		cmocka_unit_test(test_lines_may_end_in_lf_alone_and_begin_after_crlfs),
		cmocka_unit_test(test_noise_is_told_from_faults),
		cmocka_unit_test(test_start_lines),
		cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_required_fields),
		cmocka_unit_test(test_values_of_required_fields),
		cmocka_unit_test(test_what_nobody_needs_is_not_looked_into),
		cmocka_unit_test(test_content_length_of_a_datagram),
		cmocka_unit_test(test_content_length_of_a_stream_is_required),
		cmocka_unit_test(test_bounds_of_bytes),
		cmocka_unit_test(test_start_line_bytes_bound),
		cmocka_unit_test(test_message_bytes_bound),
		cmocka_unit_test(test_header_fields_bound),
		cmocka_unit_test(test_ten_thousand_header_fields),
		cmocka_unit_test(test_list_values_bounds),
		cmocka_unit_test(test_no_byte_behind_the_message_is_read),
		cmocka_unit_test(test_fields_not_in_use_are_not_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
