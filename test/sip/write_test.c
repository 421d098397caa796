/* RFC 3261 §8.2.6, §9.1, §17.1.1.3: messages of our own. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/write.h"

static struct sip_message m, again;
static char out[4096];

#define NONE ((struct text){0})
#define INVITE                                                                                     \
	"INVITE sip:bea@ims.example SIP/2.0\r\nv: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n , "      \
	"SIP/2.0/UDP i\r\n"                                                                        \
	"Via: SIP/2.0/TCP j\r\nMax-Forwards: 70\r\nRoute: <sip:1;lr>,<sip:2;lr>\r\nRoute: "        \
	"<sip:3;lr>\r\n"                                                                           \
	"Record-Route: <sip:4;lr>\r\nf: Ann <sip:ann@ims.example>;tag=a1\r\nt: "                   \
	"<sip:bea@ims.example>\r\n"                                                                \
	"i: c1\r\nCSeq: 9\r\n INVITE\r\nContact: <sip:ann@127.0.0.1>\r\n\r\nbody"

static struct text_writer request(const char *bytes)
{
	sip_parse(&m, bytes, strlen(bytes), SIP_DATAGRAM);
	return text_writer_on(out, sizeof(out) - 1);
}

static void expect(struct text_writer *w, const char *expected)
{
	assert_false(w->full);
	out[w->len] = 0;
	assert_string_equal(out, expected);
	assert_int_equal(sip_parse(&again, out, w->len, SIP_STREAM), SIP_OK);
}

static void test_response_takes_over_what_it_must(void **state)
{
	struct text_writer w = request(INVITE);

	(void)state;
	sip_write_response(&w, &m, 486, NONE, TEXT("t1"), NONE, TEXT("Retry-After: 5\r\n"));
	expect(&w, "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n , "
		   "SIP/2.0/UDP i\r\n"
		   "Via: SIP/2.0/TCP j\r\nFrom: Ann <sip:ann@ims.example>;tag=a1\r\n"
		   "To: <sip:bea@ims.example>;tag=t1\r\nCall-ID: c1\r\nCSeq: 9\r\n INVITE\r\n"
		   "Retry-After: 5\r\nContent-Length: 0\r\n\r\n");
}

static void test_response_with_received_and_rport(void **state)
{
	struct text_writer w = request(INVITE);

	(void)state;
	sip_write_response(&w, &m, 100, TEXT("Trying Hard"), TEXT("t1"),
			   TEXT("SIP/2.0/UDP h;rport=9;received=127.0.0.3;branch=z9hG4bK1"), NONE);
	expect(&w, "SIP/2.0 100 Trying Hard\r\n"
		   "Via: SIP/2.0/UDP h;rport=9;received=127.0.0.3;branch=z9hG4bK1\r\n , "
		   "SIP/2.0/UDP i\r\n"
		   "Via: SIP/2.0/TCP j\r\nFrom: Ann <sip:ann@ims.example>;tag=a1\r\n"
		   "To: <sip:bea@ims.example>\r\nCall-ID: c1\r\nCSeq: 9\r\n "
		   "INVITE\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(again.to_tag.len, 0); /* a 100 needs none */
}

static void test_response_keeps_a_to_tag(void **state)
{
	struct text_writer w =
		request("BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: sip:a@h;tag=a1\r\n"
			"To: sip:b@h;x;tag=b1\r\nCall-ID: c1\r\nCSeq: 2 BYE\r\n\r\n");

	(void)state;
	sip_write_response(&w, &m, 481, NONE, NONE, NONE, NONE);
	expect(&w,
	       "SIP/2.0 481 Call/Transaction Does Not Exist\r\nVia: SIP/2.0/UDP h\r\nFrom: "
	       "sip:a@h;tag=a1\r\n"
	       "To: sip:b@h;x;tag=b1\r\nCall-ID: c1\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n");
}

static void test_response_to_a_refused_request(void **state)
{
	struct text_writer w =
		request("BYE <sip:b@h> SIP/2.0\r\nVia: SIP/2.0/UDP h;;\r\nFrom: x\r\nTo: \"\r\n"
			"Call-ID: a b\r\nCSeq: 99999999999 BYE\r\n\r\n");

	(void)state;
	assert_int_equal(m.fault_status, 400);
	assert_true(sip_can_answer(&m));
	sip_write_response(&w, &m, 400, NONE, TEXT("t1"), TEXT("SIP/2.0/UDP h"), NONE);
	assert_false(w.full);
	out[w.len] = 0;
	assert_string_equal(
		out, "SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP h\r\nFrom: x\r\nTo: \";tag=t1\r\n"
		     "Call-ID: a b\r\nCSeq: 99999999999 BYE\r\nContent-Length: 0\r\n\r\n");
}

static void test_ack_and_cancel_follow_the_invite(void **state)
{
	struct text_writer w = request(INVITE);

	(void)state;
	sip_write_ack(&w, &m, TEXT("<sip:bea@ims.example>;tag=b9"));
	expect(&w, "ACK sip:bea@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n"
		   "Max-Forwards: 70\r\nRoute: <sip:1;lr>,<sip:2;lr>\r\nRoute: <sip:3;lr>\r\n"
		   "From: Ann <sip:ann@ims.example>;tag=a1\r\nTo: "
		   "<sip:bea@ims.example>;tag=b9\r\nCall-ID: c1\r\n"
		   "CSeq: 9 ACK\r\nContent-Length: 0\r\n\r\n");
	w = text_writer_on(out, sizeof(out) - 1);
	sip_write_cancel(&w, &m, TEXT("Reason: SIP;cause=480\r\n"));
	expect(&w,
	       "CANCEL sip:bea@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n"
	       "Max-Forwards: 70\r\nRoute: <sip:1;lr>,<sip:2;lr>\r\nRoute: <sip:3;lr>\r\n"
	       "From: Ann <sip:ann@ims.example>;tag=a1\r\nTo: <sip:bea@ims.example>\r\nCall-ID: "
	       "c1\r\n"
	       "CSeq: 9 CANCEL\r\nReason: SIP;cause=480\r\nContent-Length: 0\r\n\r\n");
}

static void test_request_of_our_own(void **state)
{
	struct sip_request_parts parts = {
		.method = TEXT("BYE"),
		.request_uri = TEXT("sip:bea@127.0.0.9"),
		.via = TEXT("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK7"),
		.from = TEXT("<sip:ann@ims.example>;tag=a1"),
		.to = TEXT("<sip:bea@ims.example>;tag=b1"),
		.call_id = TEXT("c1"),
		.cseq = 2147483647,
	};
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);

	(void)state;
	sip_write_request(&w, &parts);
	expect(&w, "BYE sip:bea@127.0.0.9 SIP/2.0\r\nVia: SIP/2.0/UDP "
		   "127.0.0.1;branch=z9hG4bK7\r\nMax-Forwards: 70\r\n"
		   "From: <sip:ann@ims.example>;tag=a1\r\nTo: "
		   "<sip:bea@ims.example>;tag=b1\r\nCall-ID: c1\r\n"
		   "CSeq: 2147483647 BYE\r\nContent-Length: 0\r\n\r\n");
	parts.method = TEXT("ACK");
	parts.cseq = 1;
	parts.cseq_method = TEXT("ACK");
	parts.route = TEXT("<sip:1;lr>, <sip:2;lr>");
	parts.lines = TEXT("X: y\r\n");
	parts.content_type = TEXT("application/sdp");
	parts.body = TEXT("v=0\r\n");
	w = text_writer_on(out, sizeof(out) - 1);
	sip_write_request(&w, &parts);
	expect(&w, "ACK sip:bea@127.0.0.9 SIP/2.0\r\nVia: SIP/2.0/UDP "
		   "127.0.0.1;branch=z9hG4bK7\r\nMax-Forwards: 70\r\n"
		   "Route: <sip:1;lr>, <sip:2;lr>\r\nFrom: <sip:ann@ims.example>;tag=a1\r\n"
		   "To: <sip:bea@ims.example>;tag=b1\r\nCall-ID: c1\r\nCSeq: 1 ACK\r\nX: y\r\n"
		   "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
}

static void test_what_does_not_fit_is_told(void **state)
{
	struct text_writer w;

	(void)state;
	request(INVITE);
	w = text_writer_on(out, 100);
	sip_write_response(&w, &m, 200, NONE, TEXT("t1"), NONE, NONE);
	assert_true(w.full);
	assert_true(w.len <= 100);
}

static void test_reason_phrases(void **state)
{
	(void)state;
	assert_string_equal(sip_reason_phrase(100), "Trying");
	assert_string_equal(sip_reason_phrase(481), "Call/Transaction Does Not Exist");
	assert_string_equal(sip_reason_phrase(513), "Message Too Large");
	assert_string_equal(sip_reason_phrase(299), "Unknown");
	assert_string_equal(sip_reason_phrase(0), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_response_takes_over_what_it_must),
		cmocka_unit_test(test_response_with_received_and_rport),
		cmocka_unit_test(test_response_keeps_a_to_tag),
		cmocka_unit_test(test_response_to_a_refused_request),
		cmocka_unit_test(test_ack_and_cancel_follow_the_invite),
		cmocka_unit_test(test_request_of_our_own),
		cmocka_unit_test(test_what_does_not_fit_is_told),
		cmocka_unit_test(test_reason_phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
