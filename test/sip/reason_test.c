/* RFC 3326: Reason of every spelling, and broken ones. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/reason.h"

static struct sip_message m;
static char bytes[8192], out[8192];

/* A BYE with these header lines. */
static const struct sip_message *bye(const char *lines)
{
	int n = snprintf(
		bytes, sizeof(bytes),
		"BYE sip:bea@ims.example SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"
		"From: <sip:ann@ims.example>;tag=a1\r\nTo: <sip:bea@ims.example>;tag=b1\r\n"
		"Call-ID: c1\r\nCSeq: 2 BYE\r\n%sContent-Length: 0\r\n\r\n",
		lines);

	assert_in_range(n, 1, sizeof(bytes) - 1);
	assert_int_equal(sip_parse(&m, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	return &m;
}

static void test_sv_52_a_cause_503_of_sip_is_found_in_every_spelling(void **state)
{
	static const char *const rows[] = {
		"Reason: SIP;cause=503\r\n",
		"Reason: SIP ;cause=503\r\n",
		"Reason: SIP ; cause = 503 ; text = \"x\"\r\n",
		"Reason:SIP;cause=503;text=\"Service Unavailable\"\r\n",
		"Reason: sip;text=\"x\";cause=503\r\n",
		"reason: Sip;CAUSE=503\r\n",
		"Reason: SIP;cause=0503\r\n",
		"Reason: FAILURE_CAUSE;cause=2, SIP;cause=503\r\n",
		"Reason: FAILURE_CAUSE;cause=2,SIP;cause=503,RELEASE_CAUSE;cause=5\r\n",
		"Reason: Q.850;cause=16\r\nReason: SIP;cause=503\r\n",
		"Reason: SIP;cause=503\r\nX-Other: 1\r\nReason: Q.850;cause=16\r\n",
		"Reason: Q.850;cause=16;text=\"no, SIP;cause=200, really\", SIP;cause=503\r\n",
		"Reason: SIP;text=\"one, two; three\";cause=503\r\n",
		"Reason: SIP;text=\"say \\\"503, or else\\\"\";cause=503\r\n",
		"Reason: SIP;cause=480, SIP;cause=503\r\n",
		"Reason: SIP;cause=480\r\nReason: SIP;cause=503\r\n",
		"Reason: SIP;x;y=2;cause=503;z\r\n",
		"Reason: SIP\r\n ;cause=503\r\n",
		"Reason: , ,SIP;cause=503,\r\n",
		/* broken ones beside it */
		"Reason: ;;;, SIP;cause=503\r\n",
		"Reason: SIP, SIP;cause=x, SIP;cause=503\r\n",
		"Reason: SIP;cause=99999999999\r\nReason: SIP;cause=503\r\n",
		"Reason: SIP;text=\"never closed, SIP;cause=480\r\nReason: SIP;cause=503\r\n",
		"Reason:\r\nReason: SIP;cause=503\r\n",
		"Reason: SIP;cause=503;text=No Quotes Here\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!sip_reason_has_sip_cause(bye(rows[i]), 503))
			fail_msg("503 not seen in: %s", rows[i]);
		assert_false(sip_reason_has_sip_cause(&m, 504));
	}
}

static void test_sv_52_another_cause_or_a_broken_one_is_not_503(void **state)
{
	static const char *const rows[] = {
		"",
		"Reason:\r\n",
		"Reason: SIP\r\n",
		"Reason: 503\r\n",
		"Reason: ;cause=503\r\n",
		"Reason: cause=503\r\n",
		"Reason: SIP cause=503\r\n",
		"Reason: SIP;cause\r\n",
		"Reason: SIP;cause=\r\n",
		"Reason: SIP;cause=\"503\"\r\n",
		"Reason: SIP;cause=-503\r\n",
		"Reason: SIP;cause=5030\r\n",
		"Reason: SIP;cause=4294967799\r\n", /* 503 in 32 bits */
		"Reason: SIP;cause=200\r\n",
		"Reason: SIPS;cause=503\r\n",
		"Reason: SIP/2.0;cause=503\r\n",
		"Reason: Q.850;cause=503\r\n",
		"Reason: FAILURE_CAUSE;cause=503\r\n",
		"Reason: SIP;xcause=503\r\n",
		"Reason: SIP;cause=200;cause=503\r\n",
		"Reason: SIP;text=\";cause=503\"\r\n",
		"Reason: SIP;text=\"x, SIP;cause=503\"\r\n",
		"Reason: SIP;text=\"never closed;cause=503\r\n",
		"Reason: \"SIP;cause=503\"\r\n",
		"X-Reason: SIP;cause=503\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sip_reason_has_sip_cause(bye(rows[i]), 503))
			fail_msg("503 seen in: %s", rows[i]);
}

static const char *lines_of(const char *lines, uint32_t bytes_max)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);

	sip_put_reason_lines(&w, bye(lines), bytes_max);
	assert_false(w.full);
	assert_true(w.len <= bytes_max);
	out[w.len] = 0;
	return out;
}

static void test_reasons_go_on_as_they_are(void **state)
{
	(void)state;
	assert_string_equal(lines_of("", 1024), "");
	assert_string_equal(
		lines_of("reason:  SIP ;cause=503 \r\nX: 1\r\nReason: Q.850;cause=16, "
			 "X;text=\"a, b\"\r\n",
			 1024),
		"Reason: SIP ;cause=503\r\nReason: Q.850;cause=16, X;text=\"a, b\"\r\n");
	assert_string_equal(lines_of("Reason:\r\nReason: SIP\r\n ;cause=503\r\n", 1024),
			    "Reason: SIP\r\n ;cause=503\r\n");
}

static void test_a_reason_line_that_does_not_fit_is_left_out(void **state)
{
	static const char lines[] = "Reason: SIP;cause=503\r\n"                      /* 23 bytes */
				    "Reason: Q.850;cause=16;text=\"long, long\"\r\n" /* 42 */
				    "Reason: X;cause=1\r\n";                         /* 19 */

	(void)state;
	assert_string_equal(lines_of(lines, 84), lines);
	assert_string_equal(
		lines_of(lines, 83),
		"Reason: SIP;cause=503\r\nReason: Q.850;cause=16;text=\"long, long\"\r\n");
	assert_string_equal(lines_of(lines, 64), "Reason: SIP;cause=503\r\nReason: X;cause=1\r\n");
	assert_string_equal(lines_of(lines, 22), "Reason: X;cause=1\r\n");
	assert_string_equal(lines_of(lines, 18), "");
	assert_string_equal(lines_of(lines, 0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_52_a_cause_503_of_sip_is_found_in_every_spelling),
		cmocka_unit_test(test_sv_52_another_cause_or_a_broken_one_is_not_503),
		cmocka_unit_test(test_reasons_go_on_as_they_are),
		cmocka_unit_test(test_a_reason_line_that_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
