/* RFC 3261 §7.4, RFC 2046 §5.1: where the description of the session is. What a part is and where the
 * bounds are: roles/filter_criteria_test.c, IFC-12. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sip/body.h"

#define SDP       "v=0\r\nm=audio 1\r\n"
#define MULTIPART "Content-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n"
#define END       "\r\n--b--\r\n"

/* @req AS-2d */
static void test_as_2d_the_description_of_the_session(void **state)
{
	static const struct {
		const char *rest, *found; /* the message behind its first lines; NULL: none */
	} rows[] = {
		{"Content-Type: application/sdp\r\n\r\n" SDP, SDP},
		{"Content-Type: application/sdp\r\n\r\n", NULL},
		{"c: application/sdp\r\nContent-Disposition: Session;handling=required\r\n\r\n" SDP,
		 SDP},
		{"c: application/sdp\r\nContent-Disposition: early-session\r\n\r\n" SDP, NULL},
		{"c: application/sdp\r\nContent-Encoding: gzip\r\n\r\n" SDP, NULL},
		{"c: application/sdp\r\ne: gzip\r\n\r\n" SDP, NULL},
		{"c: application/sdp\r\ne: identity\r\n\r\n" SDP, SDP},
		{"c: text/plain\r\n\r\n" SDP, NULL},
		{"\r\n" SDP, NULL},
		{MULTIPART "Content-Type: application/sdp\r\n\r\n" SDP END, SDP},
		/* The first that is of the session, not the first. */
		{MULTIPART
		 "Content-Type: application/sdp\r\nContent-Disposition:\r\n early-session\r\n\r\n"
		 "v=1\r\n--b\r\nCONTENT-TYPE : application/SDP\r\n\r\n" SDP END,
		 SDP},
		{MULTIPART
		 "Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n" SDP
			 END,
		 NULL},
		{MULTIPART
		 "Content-Type: application/sdp\r\nContent-Transfer-Encoding: 8BIT\r\n\r\n" SDP END,
		 SDP},
		/* A disposition of the whole says nothing of the part. */
		{"Content-Disposition: render\r\n" MULTIPART
		 "Content-Type: application/sdp\r\n\r\n" SDP END,
		 SDP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct sip_message m;
		char bytes[2000];
		struct text found;
		int n = snprintf(
			bytes, sizeof(bytes),
			"INVITE sip:bea@ims.example SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"
			"From: <sip:ann@ims.example>;tag=a1\r\nTo: <sip:bea@ims.example>\r\n"
			"Call-ID: c1\r\nCSeq: 2 INVITE\r\n%s",
			rows[i].rest);

		assert_int_equal(sip_parse(&m, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
		found = sip_session_description(&m);
		/* The line end before a delimiter is the delimiter's. */
		if (found.len != (rows[i].found ? strlen(rows[i].found) : 0) ||
		    memcmp(found.at ? found.at : "", rows[i].found ? rows[i].found : "",
			   found.len) != 0)
			fail_msg("row %zu: %.*s", i, (int)found.len, found.at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_2d_the_description_of_the_session),
	};

	return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
