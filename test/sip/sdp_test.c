/* RFC 3264 §6: the answer that takes no stream. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/sdp.h"

static const struct endpoint v4 = {.family = 4, .ip = {127, 0, 0, 1}};
static const struct endpoint v6 = {.family = 6, .ip = {[15] = 1}};
static char out[1024];

static bool put(const char *offer, const struct endpoint *origin)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);
	bool ok = sdp_put_rejection(&w, text_of(offer), origin, 4711);

	out[w.len] = 0;
	return ok;
}

#define HEAD   "v=0\r\no=ann 1 2 IN IP4 127.0.0.5\r\ns=-\r\nc=IN IP4 127.0.0.5\r\n"
#define ANSWER "v=0\r\no=- 4711 4711 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"

static void test_every_stream_is_rejected_in_its_place(void **state)
{
	(void)state;
	assert_true(put(HEAD "t=0 0\r\nm=audio 49170/2 RTP/AVP 97 96\r\na=rtpmap:97 AMR/8000\r\n"
			     "m=video 51372 RTP/SAVPF 31\r\nb=AS:1\r\nm=message 7394 TCP/MSRP "
			     "*\r\na=path:msrp://x\r\n",
			&v4));
	assert_string_equal(out,
			    ANSWER "t=0 0\r\nm=audio 0 RTP/AVP 97\r\nm=video 0 RTP/SAVPF 31\r\n"
				   "m=message 0 TCP/MSRP *\r\n");
}

static void test_times_are_those_of_the_offer(void **state)
{
	(void)state;
	assert_true(put(HEAD "t=2873397496 2873404696\r\nt=1 2\r\nm=audio 1 RTP/AVP 0\r\n", &v4));
	assert_string_equal(out,
			    ANSWER "t=2873397496 2873404696\r\nt=1 2\r\nm=audio 0 RTP/AVP 0\r\n");
	assert_true(put(HEAD "m=audio 1 RTP/AVP 0", &v4)); /* no t=, no last line end */
	assert_string_equal(out, ANSWER "t=0 0\r\nm=audio 0 RTP/AVP 0\r\n");
}

static void test_lines_may_end_in_lf(void **state)
{
	(void)state;
	assert_true(put("v=0\no=a 1 1 IN IP6 ::1\ns=-\nt=0 0\nm=audio 9 RTP/AVP 8\n\n", &v6));
	assert_string_equal(out,
			    "v=0\r\no=- 4711 4711 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\n"
			    "m=audio 0 RTP/AVP 8\r\n");
}

static void test_garbage_is_refused_and_nothing_written(void **state)
{
	static const char *const rows[] = {
		"",
		"v=1\r\n",
		"hello",
		"m=audio 1 RTP/AVP 0\r\n",
		HEAD "m=audio\r\n",
		HEAD "m=audio 1\r\n",
		HEAD "m=audio 1 RTP/AVP\r\n",
		HEAD "m=audio 1 RTP/AVP \r\n",
		HEAD "m=audio x RTP/AVP 0\r\n",
		HEAD "m=audio 65536 RTP/AVP 0\r\n",
		HEAD "m= 1 RTP/AVP 0\r\n",
		HEAD "m=audio 1 RTP/AVP 0\rm=x\r\n",
		HEAD "nonsense\r\n",
		HEAD "\r\nm=audio 1 RTP/AVP 0\r\n",
		HEAD "1=2\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(put(rows[i], &v4));
		assert_string_equal(out, "");
	}
}

static void test_what_does_not_fit_is_told(void **state)
{
	struct text_writer w = text_writer_on(out, 40);

	(void)state;
	assert_false(sdp_put_rejection(&w, TEXT(HEAD "m=audio 1 RTP/AVP 0\r\n"), &v4, 1));
	assert_true(w.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_stream_is_rejected_in_its_place),
		cmocka_unit_test(test_times_are_those_of_the_offer),
		cmocka_unit_test(test_lines_may_end_in_lf),
		cmocka_unit_test(test_garbage_is_refused_and_nothing_written),
		cmocka_unit_test(test_what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
