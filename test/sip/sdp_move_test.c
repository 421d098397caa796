/* RFC 3264 §8: descriptions moved between dialogs, and what they say of speech. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/sdp.h"
#include "sip/sdp_parts.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static char out[200000], big[70000], other[70000];

/* The user equipment, its two streams, and the MSC server of the other access. */
#define UE_O      "o=ann 1 7 IN IP4 127.0.0.5\r\n"
#define UE_REST   "s=-\r\nc=IN IP4 127.0.0.5\r\nt=0 0\r\n"
#define UE_HEAD   "v=0\r\n" UE_O UE_REST
#define UE_AUDIO  "m=audio 4000 RTP/AVP 97 101\r\na=rtpmap:97 AMR-WB/16000\r\na=sendrecv\r\n"
#define UE_VIDEO  "m=video 4002 RTP/AVP 98\r\nb=AS:384\r\na=rtpmap:98 H264/90000\r\n"
#define MSC_O     "o=- 88 3 IN IP4 127.0.0.9\r\n"
#define MSC_REST  "s=MSC\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
#define MSC_HEAD  "v=0\r\n" MSC_O MSC_REST
#define MSC_AUDIO "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 AMR/8000\r\n"
/* what was sent last to the remote party: continued from there */
#define AFTER_UE "v=0\r\no=ann 1 8 IN IP4 127.0.0.5\r\n"

static bool is_readable(struct text body)
{
	struct sdp_parts parts;

	return sdp_read_parts(body, &parts);
}

static const char *moved_offer(const char *media, const char *last, unsigned n_streams_max)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);
	bool ok = sdp_put_moved_offer(&w, text_of(media), text_of(last), n_streams_max);

	out[w.len] = 0;
	assert_true(ok || w.len == 0);
	assert_true(!ok || is_readable(text_written(&w)));
	return ok ? out : NULL;
}

static const char *moved_answer(const char *answer, const char *offer, const char *last)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);
	bool ok = sdp_put_moved_answer(&w, text_of(answer), text_of(offer), text_of(last));

	out[w.len] = 0;
	assert_true(ok || w.len == 0);
	assert_true(!ok || is_readable(text_written(&w)));
	return ok ? out : NULL;
}

static const char *continued(const char *body, const char *last)
{
	struct text_writer w = text_writer_on(out, sizeof(out) - 1);
	bool ok = sdp_put_continued(&w, text_of(body), text_of(last));

	out[w.len] = 0;
	assert_true(ok || w.len == 0);
	return ok ? out : NULL;
}

/* --- moved offers --- */

static void test_sv_20_video_is_rejected_when_the_call_moves_to_an_msc(void **state)
{
	(void)state;
	assert_string_equal(moved_offer(MSC_HEAD MSC_AUDIO, UE_HEAD UE_AUDIO UE_VIDEO, 8),
			    AFTER_UE MSC_REST MSC_AUDIO "m=video 0 RTP/AVP 98\r\n");
}

static void test_sv_20_streams_keep_their_place_when_video_was_first(void **state)
{
	(void)state;
	assert_string_equal(moved_offer(MSC_HEAD MSC_AUDIO, UE_HEAD UE_VIDEO UE_AUDIO, 8),
			    AFTER_UE MSC_REST "m=video 0 RTP/AVP 98\r\n" MSC_AUDIO);
}

static void test_sv_20_the_way_back_restores_the_streams(void **state)
{
	static const char sent[] = AFTER_UE MSC_REST "m=video 0 RTP/AVP 98\r\n" MSC_AUDIO;

	(void)state;
	assert_string_equal(moved_offer(UE_HEAD UE_AUDIO UE_VIDEO, sent, 8),
			    "v=0\r\no=ann 1 9 IN IP4 127.0.0.5\r\n" UE_REST UE_VIDEO UE_AUDIO);
}

static void test_sv_20_a_first_description_stands_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(moved_offer(MSC_HEAD MSC_AUDIO, "", 8), MSC_HEAD MSC_AUDIO);
	assert_string_equal(moved_offer(MSC_HEAD, "", 8), MSC_HEAD);
}

static void test_sv_20_streams_meet_by_media_and_protocol(void **state)
{
	(void)state;
	/* another protocol is another stream */
	assert_string_equal(moved_offer(MSC_HEAD MSC_AUDIO, UE_HEAD "m=audio 1 RTP/SAVP 0\r\n", 8),
			    AFTER_UE MSC_REST "m=audio 0 RTP/SAVP 0\r\n" MSC_AUDIO);
	/* the case of letters and a number of ports do not matter */
	assert_string_equal(moved_offer(MSC_HEAD "m=Audio 2/2 rtp/avp 8\r\n", UE_HEAD UE_AUDIO, 8),
			    AFTER_UE MSC_REST "m=Audio 2/2 rtp/avp 8\r\n");
	/* the n-th takes the n-th */
	assert_string_equal(
		moved_offer(MSC_HEAD "m=audio 1 RTP/AVP 1\r\nm=audio 2 RTP/AVP 2\r\nm=text 3 "
				     "RTP/AVP 3\r\n",
			    UE_HEAD UE_AUDIO UE_VIDEO "m=audio 0 RTP/AVP 0\r\n" UE_AUDIO, 8),
		AFTER_UE MSC_REST "m=audio 1 RTP/AVP 1\r\nm=video 0 RTP/AVP 98\r\n"
				  "m=audio 2 RTP/AVP 2\r\nm=audio 0 RTP/AVP 97\r\n"
				  "m=text 3 RTP/AVP 3\r\n");
}

/* RFC 4566 §5.7: without c= in the session part every stream has one. */
static void test_a_rejected_stream_has_a_connection_line_where_it_needs_one(void **state)
{
	static const char media[] = "v=0\r\n" MSC_O "s=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\n"
				    "c=IN IP6 ::1\r\na=ptime:20\r\n";

	(void)state;
	assert_string_equal(moved_offer(media, UE_HEAD UE_VIDEO UE_AUDIO, 8),
			    AFTER_UE "s=-\r\nt=0 0\r\nm=video 0 RTP/AVP 98\r\nc=IN IP6 ::1\r\n"
				     "m=audio 1 RTP/AVP 0\r\nc=IN IP6 ::1\r\na=ptime:20\r\n");
}

static void test_the_bound_of_streams_holds_for_new_ones_only(void **state)
{
	static const char media[] = MSC_HEAD "m=a 1 x 1\r\nm=b 2 x 2\r\nm=c 3 x 3\r\n";
	static const char old[] = UE_HEAD "m=c 9 x 9\r\nm=d 8 x 8\r\n";

	(void)state;
	assert_string_equal(moved_offer(media, old, 3),
			    AFTER_UE MSC_REST "m=c 3 x 3\r\nm=d 0 x 8\r\nm=a 1 x 1\r\n");
	assert_string_equal(moved_offer(media, old, 1),
			    AFTER_UE MSC_REST "m=c 3 x 3\r\nm=d 0 x 8\r\n");
	assert_string_equal(moved_offer(media, old, 4), AFTER_UE MSC_REST
			    "m=c 3 x 3\r\nm=d 0 x 8\r\nm=a 1 x 1\r\nm=b 2 x 2\r\n");
	assert_string_equal(moved_offer(media, "", 2), MSC_HEAD "m=a 1 x 1\r\nm=b 2 x 2\r\n");
	assert_string_equal(moved_offer(media, "", 0), MSC_HEAD);
}

/* RFC 3264 §5: 63 bits. */
static void test_the_version_goes_up_by_one(void **state)
{
	static const struct {
		const char *last, *next;
	} rows[] = {
		{"0", "1"},
		{"9", "10"},
		{"007", "8"},
		{"4294967295", "4294967296"},
		{"9223372036854775806", "9223372036854775807"},
		{"9223372036854775807", "0"}, /* 2^63-1 */
		{"9223372036854775808", "9223372036854775809"},
		{"18446744073709551614", "18446744073709551615"},
		{"18446744073709551615", "0"},  /* 2^64-1 */
		{"18446744073709551616", NULL}, /* nobody can count there */
		{"99999999999999999999", NULL},
		{"-1", NULL},
		{"1x", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char last[256], wanted[256];

		snprintf(last, sizeof(last), "v=0\r\no=a 1 %s IN IP6 ::1\r\n" UE_REST,
			 rows[i].last);
		if (!rows[i].next) {
			assert_null(moved_offer(MSC_HEAD, last, 8));
			continue;
		}
		snprintf(wanted, sizeof(wanted), "v=0\r\no=a 1 %s IN IP6 ::1\r\n" MSC_REST,
			 rows[i].next);
		assert_string_equal(moved_offer(MSC_HEAD, last, 8), wanted);
	}
}

static void test_lines_may_end_in_lf_and_the_last_in_nothing(void **state)
{
	static const char *const rows[] = {
		"v=0\no=- 88 3 IN IP4 127.0.0.9\ns=MSC\nc=IN IP4 127.0.0.9\nt=0 0\n"
		"m=audio 5000 RTP/AVP 96\na=rtpmap:96 AMR/8000\n",
		"v=0\no=- 88 3 IN IP4 127.0.0.9\ns=MSC\nc=IN IP4 127.0.0.9\nt=0 0\n"
		"m=audio 5000 RTP/AVP 96\na=rtpmap:96 AMR/8000",
		MSC_HEAD "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 AMR/8000",
		MSC_HEAD "m=audio 5000 RTP/AVP 96\r\na=rtpmap:96 AMR/8000\r",
		MSC_HEAD MSC_AUDIO "\r\n",
		MSC_HEAD MSC_AUDIO "\n",
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_string_equal(moved_offer(rows[i], "", 8), MSC_HEAD MSC_AUDIO);
		assert_string_equal(moved_answer(rows[i], rows[i], ""), MSC_HEAD MSC_AUDIO);
		assert_string_equal(continued(rows[i], MSC_HEAD MSC_AUDIO), MSC_HEAD MSC_AUDIO);
		assert_int_equal(sdp_speech_of(text_of(rows[i])), SDP_SPEECH_BOTH_WAYS);
	}
	assert_string_equal(moved_offer("v=0\no=- 88 3 IN IP4 127.0.0.9", "", 8), "v=0\r\n" MSC_O);
}

static const char *const broken[] = {
	"v=0",
	"v=1\r\n" UE_O UE_REST,
	"hello",
	"\r\n",
	"v=0\r\n" UE_REST UE_AUDIO,                 /* no o= */
	"v=0\r\ns=-\r\n" UE_O "t=0 0\r\n" UE_AUDIO, /* not in its place */
	UE_HEAD UE_O UE_AUDIO,                      /* two */
	UE_HEAD UE_AUDIO UE_HEAD UE_AUDIO,          /* two descriptions */
	"v=0\r\no=\r\n" UE_REST,
	"v=0\r\no=ann\r\n" UE_REST,
	"v=0\r\no=ann 1 7 IN IP4\r\n" UE_REST,
	"v=0\r\no=ann 1 7 IN IP4 \r\n" UE_REST,
	"v=0\r\no=ann  1 7 IN IP4 127.0.0.5\r\n" UE_REST,
	"v=0\r\no=ann 1 7 IN IP4 127.0.0.5 x\r\n" UE_REST,
	"v=0\r\no=ann 1 x IN IP4 127.0.0.5\r\n" UE_REST,
	UE_HEAD "m=audio\r\n",
	UE_HEAD "m=audio 1 RTP/AVP\r\n",
	UE_HEAD "m=audio 65536 RTP/AVP 0\r\n",
	UE_HEAD "m=audio x RTP/AVP 0\r\n",
	UE_HEAD UE_AUDIO "nonsense\r\n",
	UE_HEAD "\r\n" UE_AUDIO,
	UE_HEAD "a=x\ry\r\n" UE_AUDIO,
};

static void test_broken_descriptions_are_refused_and_nothing_written(void **state)
{
	(void)state;
	assert_false(is_readable((struct text){0}));
	assert_null(moved_offer("", UE_HEAD, 8));
	assert_null(moved_answer("", UE_HEAD, ""));
	assert_null(moved_answer(UE_HEAD, "", ""));
	assert_null(continued("", UE_HEAD));
	for (size_t i = 0; i < N(broken); i++) {
		assert_false(is_readable(text_of(broken[i])));
		assert_null(moved_offer(broken[i], "", 8));
		assert_null(moved_offer(MSC_HEAD, broken[i], 8));
		assert_null(moved_answer(broken[i], MSC_HEAD, ""));
		assert_null(moved_answer(MSC_HEAD, broken[i], ""));
		assert_null(moved_answer(MSC_HEAD, MSC_HEAD, broken[i]));
		assert_null(continued(broken[i], MSC_HEAD));
		assert_null(continued(MSC_HEAD, broken[i]));
		assert_int_equal(sdp_speech_of(text_of(broken[i])), SDP_NO_SPEECH);
	}
	assert_false(is_readable((struct text){UE_HEAD "a=x\0y\r\n", sizeof(UE_HEAD) + 6}));
}

/* `n` streams of media types "a".. that all differ from each other, each with `filler` bytes of attribute. */
static struct text many(char *at, size_t max, const char *media, unsigned n, int filler)
{
	size_t len = (size_t)snprintf(at, max, "%s", UE_HEAD);

	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(at + len, max - len, "m=%s%u 9 p f\r\na=%0*d\r\n", media, i,
					filler, 0);
	assert_true(len < max);
	return (struct text){at, (uint32_t)len};
}

static unsigned count_streams(struct text body)
{
	struct sdp_parts parts;

	assert_true(sdp_read_parts(body, &parts));
	return parts.n_streams;
}

static void test_a_body_of_60_kb_is_moved(void **state)
{
	struct text body = many(big, sizeof(big), "x", SDP_STREAMS_MAX, 920);
	struct text_writer w = text_writer_on(out, sizeof(out));

	(void)state;
	assert_in_range(body.len, 60000, 65535);
	assert_true(sdp_put_moved_offer(&w, body, body, SDP_STREAMS_MAX));
	assert_int_equal(w.len, body.len);
	assert_int_equal(count_streams(text_written(&w)), SDP_STREAMS_MAX);
	w = text_writer_on(out, sizeof(out));
	assert_true(sdp_put_moved_answer(&w, body, body, body));
	assert_int_equal(w.len, body.len);
}

static void test_more_streams_than_the_bound_are_not_readable(void **state)
{
	static const struct endpoint origin = {.family = 4, .ip = {127, 0, 0, 1}};
	struct text body = many(big, sizeof(big), "x", SDP_STREAMS_MAX + 1, 1);
	struct text_writer w = text_writer_on(out, sizeof(out));

	(void)state;
	assert_false(is_readable(body));
	assert_false(sdp_put_moved_offer(&w, body, (struct text){0}, UINT32_MAX));
	assert_int_equal(w.len, 0);
	assert_true(sdp_put_rejection(&w, body, &origin, 1)); /* but it can still be released */
}

static void test_a_moved_offer_never_outgrows_the_bound(void **state)
{
	struct text media = many(big, sizeof(big), "x", 40, 1);
	struct text last = many(other, sizeof(other), "y", 40, 1);
	struct text_writer w = text_writer_on(out, sizeof(out));

	(void)state;
	assert_true(sdp_put_moved_offer(&w, media, last, UINT32_MAX));
	assert_int_equal(count_streams(text_written(&w)), SDP_STREAMS_MAX);
}

static void test_what_does_not_fit_is_told(void **state)
{
	struct text offer = TEXT(UE_HEAD UE_AUDIO UE_VIDEO), last = TEXT(MSC_HEAD MSC_AUDIO);
	struct text_writer w = text_writer_on(out, sizeof(out));

	(void)state;
	assert_true(sdp_put_moved_offer(&w, offer, last, 8));
	for (uint32_t max = w.len, i = 0; i < max; i++) {
		struct text_writer small = text_writer_on(out, i);

		assert_false(sdp_put_moved_offer(&small, offer, last, 8));
		assert_true(small.full);
		small = text_writer_on(out, i);
		assert_int_equal(sdp_put_continued(&small, offer, (struct text){0}),
				 i >= offer.len);
	}
}

/* --- moved answers --- */

static void test_sv_20_the_answer_returns_in_the_order_of_the_offer(void **state)
{
	/* The MSC server offered audio; the remote party was offered video 0, audio. */
	static const char answer[] = UE_HEAD "m=video 0 RTP/AVP 98\r\n" UE_AUDIO;

	(void)state;
	assert_string_equal(moved_answer(answer, MSC_HEAD MSC_AUDIO, ""), UE_HEAD UE_AUDIO);
	/* ... and back at the user equipment, which has an o= of ours already. */
	assert_string_equal(moved_answer(UE_HEAD UE_VIDEO UE_AUDIO,
					 MSC_HEAD MSC_AUDIO "m=video 9 RTP/AVP 1\r\n", MSC_HEAD),
			    "v=0\r\no=- 88 4 IN IP4 127.0.0.9\r\n" UE_REST UE_AUDIO UE_VIDEO);
}

static void test_sv_20_what_the_answer_does_not_have_is_rejected(void **state)
{
	(void)state;
	assert_string_equal(
		moved_answer(MSC_HEAD MSC_AUDIO,
			     UE_HEAD UE_VIDEO UE_AUDIO "m=message 9 TCP/MSRP *\r\n", ""),
		MSC_HEAD "m=video 0 RTP/AVP 98\r\n" MSC_AUDIO "m=message 0 TCP/MSRP *\r\n");
	assert_string_equal(moved_answer("v=0\r\n" MSC_O "s=-\r\nm=audio 1 RTP/AVP 0\r\n"
					 "c=IN IP4 127.0.0.9\r\n",
					 UE_HEAD UE_VIDEO UE_AUDIO, ""),
			    "v=0\r\n" MSC_O "s=-\r\nm=video 0 RTP/AVP 98\r\nc=IN IP4 127.0.0.9\r\n"
			    "m=audio 1 RTP/AVP 0\r\nc=IN IP4 127.0.0.9\r\n");
}

/* RFC 3264 §6 */
static void test_what_was_offered_rejected_is_answered_rejected(void **state)
{
	(void)state;
	assert_string_equal(moved_answer(MSC_HEAD MSC_AUDIO "m=audio 7 RTP/AVP 1\r\n",
					 UE_HEAD "m=audio 0 RTP/AVP 97\r\nm=audio 5 RTP/AVP 97\r\n",
					 ""),
			    MSC_HEAD "m=audio 0 RTP/AVP 97\r\nm=audio 7 RTP/AVP 1\r\n");
}

static void test_sv_20_a_moved_offer_that_is_taken_whole_answers_the_first_offer(void **state)
{
	static const char *const lasts[] = {
		"",
		UE_HEAD UE_VIDEO UE_AUDIO,
		UE_HEAD UE_AUDIO UE_AUDIO UE_VIDEO,
		UE_HEAD "m=message 9 TCP/MSRP *\r\n",
	};
	static const char offer[] = MSC_REST MSC_AUDIO UE_VIDEO MSC_AUDIO "m=text 0 RTP/AVP 1\r\n";
	char body[1024], sent[2048];

	(void)state;
	snprintf(body, sizeof(body), "v=0\r\n" MSC_O "%s", offer);
	for (size_t i = 0; i < N(lasts); i++) {
		snprintf(sent, sizeof(sent), "%s", moved_offer(body, lasts[i], 8));
		assert_string_equal(strstr(moved_answer(sent, body, ""), "s="), offer);
	}
}

/* --- continued --- */

static void test_a_continued_description_counts_on(void **state)
{
	(void)state;
	assert_string_equal(continued(MSC_HEAD MSC_AUDIO, UE_HEAD UE_AUDIO),
			    AFTER_UE MSC_REST MSC_AUDIO);
	/* the same but for o=: the same version */
	assert_string_equal(continued("v=0\r\n" MSC_O UE_REST UE_AUDIO, UE_HEAD UE_AUDIO),
			    UE_HEAD UE_AUDIO);
	assert_string_equal(continued("v=0\r\n" MSC_O UE_REST UE_AUDIO "\r\n", UE_HEAD UE_AUDIO),
			    UE_HEAD UE_AUDIO);
	/* one line more or less is not the same */
	assert_string_equal(continued("v=0\r\n" MSC_O UE_REST UE_AUDIO, UE_HEAD UE_AUDIO "a=x\r\n"),
			    AFTER_UE UE_REST UE_AUDIO);
	assert_string_equal(continued("v=0\r\n" MSC_O UE_REST UE_AUDIO "a=x\r\n", UE_HEAD UE_AUDIO),
			    AFTER_UE UE_REST UE_AUDIO "a=x\r\n");
	assert_string_equal(continued("v=0\r\n" MSC_O, "v=0\r\n" UE_O), "v=0\r\n" UE_O);
}

static void test_without_a_last_description_all_bytes_pass(void **state)
{
	(void)state;
	assert_string_equal(continued("v=0\n" UE_O "x", ""), "v=0\n" UE_O "x");
	assert_string_equal(continued("", ""), "");
}

/* --- speech --- */

static void test_sv_6_speech_is_told_from_hold(void **state)
{
#define SESSION(lines) "v=0\r\n" UE_O "s=-\r\n" lines
	static const struct {
		const char *body;
		enum sdp_speech speech;
	} rows[] = {
		{UE_HEAD UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{MSC_HEAD MSC_AUDIO, SDP_SPEECH_BOTH_WAYS}, /* no attribute: sendrecv */
		{UE_HEAD UE_VIDEO UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD "m=AUDIO 1 RTP/AVP 0\r\n", SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD MSC_AUDIO "a=sendonly\r\n", SDP_SPEECH_HELD},
		{UE_HEAD MSC_AUDIO "a=recvonly\r\n", SDP_SPEECH_HELD},
		{UE_HEAD MSC_AUDIO "a=inactive\r\n", SDP_SPEECH_HELD},
		{UE_HEAD MSC_AUDIO "a=inactive", SDP_SPEECH_HELD},
		{UE_HEAD MSC_AUDIO "a=inactive:1\r\n", SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD MSC_AUDIO UE_VIDEO "a=inactive\r\n", SDP_SPEECH_BOTH_WAYS},
		/* session level, and the stream's own word above it */
		{UE_HEAD "a=sendonly\r\n" MSC_AUDIO, SDP_SPEECH_HELD},
		{UE_HEAD "a=sendonly\r\n" UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD "a=sendrecv\r\n" MSC_AUDIO "a=inactive\r\n", SDP_SPEECH_HELD},
		/* the address of RFC 2543 */
		{SESSION("c=IN IP4 0.0.0.0\r\nt=0 0\r\n") UE_AUDIO, SDP_SPEECH_HELD},
		{SESSION("c=IN IP4 0.0.0.0\r\n") UE_AUDIO "c=IN IP4 127.0.0.5\r\n",
		 SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD UE_AUDIO "c=IN IP4 0.0.0.0\r\n", SDP_SPEECH_HELD},
		{UE_HEAD UE_AUDIO "c=IN IP4 0.0.0.0/127\r\n", SDP_SPEECH_HELD},
		{UE_HEAD UE_VIDEO "c=IN IP4 0.0.0.0\r\n" UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{SESSION("c=IN IP6 ::1\r\n") UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{SESSION("c=IN IP6 ::\r\n") UE_AUDIO, SDP_SPEECH_HELD},
		{SESSION("c=IN IP4 ue.ims.example\r\n") UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{SESSION("c=IN IP4\r\n") UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{SESSION("") UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		/* no speech */
		{UE_HEAD, SDP_NO_SPEECH},
		{UE_HEAD UE_VIDEO, SDP_NO_SPEECH},
		{UE_HEAD "m=audio 0 RTP/AVP 97\r\na=sendrecv\r\n", SDP_NO_SPEECH},
		{UE_HEAD "m=audio 0/2 RTP/AVP 97\r\n", SDP_NO_SPEECH},
		{"", SDP_NO_SPEECH},
		/* the first that is not rejected */
		{UE_HEAD "m=audio 0 RTP/AVP 97\r\na=inactive\r\n" UE_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD MSC_AUDIO "a=recvonly\r\n" UE_AUDIO, SDP_SPEECH_HELD},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		if (sdp_speech_of(text_of(rows[i].body)) != rows[i].speech)
			fail_msg("not %d: %s", (int)rows[i].speech, rows[i].body);
}

static void test_sv_6_speech_of_a_pair_is_that_of_both(void **state)
{
	static const struct {
		const char *one, *other;
		enum sdp_speech speech;
	} rows[] = {
		{UE_HEAD UE_AUDIO, MSC_HEAD MSC_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD MSC_AUDIO "a=sendonly\r\n", MSC_HEAD MSC_AUDIO "a=recvonly\r\n",
		 SDP_SPEECH_HELD},
		{UE_HEAD UE_AUDIO, MSC_HEAD MSC_AUDIO "a=recvonly\r\n", SDP_SPEECH_HELD},
		{UE_HEAD UE_AUDIO, "v=0\r\n" MSC_O "s=-\r\nc=IN IP4 0.0.0.0\r\n" MSC_AUDIO,
		 SDP_SPEECH_HELD},
		{UE_HEAD UE_AUDIO, MSC_HEAD "m=audio 0 RTP/AVP 1\r\n", SDP_NO_SPEECH},
		{UE_HEAD UE_AUDIO, "", SDP_NO_SPEECH},
		{UE_HEAD UE_AUDIO, "broken", SDP_NO_SPEECH},
		{"", "", SDP_NO_SPEECH},
		{UE_HEAD UE_VIDEO, MSC_HEAD "m=video 9 RTP/AVP 1\r\n", SDP_NO_SPEECH},
		/* of two offered streams the second was taken */
		{UE_HEAD "m=audio 1 RTP/SAVP 0\r\na=inactive\r\n" UE_AUDIO,
		 MSC_HEAD "m=audio 0 RTP/SAVP 0\r\n" MSC_AUDIO, SDP_SPEECH_BOTH_WAYS},
		{UE_HEAD "m=audio 1 RTP/SAVP 0\r\n" MSC_AUDIO "a=inactive\r\n",
		 MSC_HEAD "m=audio 0 RTP/SAVP 0\r\n" MSC_AUDIO, SDP_SPEECH_HELD},
		{UE_HEAD UE_AUDIO "m=audio 0 RTP/AVP 0\r\n",
		 MSC_HEAD "m=audio 0 RTP/AVP 0\r\n" MSC_AUDIO, SDP_NO_SPEECH},
		/* a peer that leaves out what it does not take */
		{UE_HEAD UE_VIDEO UE_AUDIO, MSC_HEAD MSC_AUDIO, SDP_SPEECH_BOTH_WAYS},
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct text one = text_of(rows[i].one), two = text_of(rows[i].other);

		if (sdp_speech_of_pair(one, two) != rows[i].speech ||
		    sdp_speech_of_pair(two, one) != rows[i].speech)
			fail_msg("not %d: %s%s", (int)rows[i].speech, rows[i].one, rows[i].other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_20_video_is_rejected_when_the_call_moves_to_an_msc),
		cmocka_unit_test(test_sv_20_streams_keep_their_place_when_video_was_first),
		cmocka_unit_test(test_sv_20_the_way_back_restores_the_streams),
		cmocka_unit_test(test_sv_20_a_first_description_stands_as_it_is),
		cmocka_unit_test(test_sv_20_streams_meet_by_media_and_protocol),
		cmocka_unit_test(test_a_rejected_stream_has_a_connection_line_where_it_needs_one),
		cmocka_unit_test(test_the_bound_of_streams_holds_for_new_ones_only),
		cmocka_unit_test(test_the_version_goes_up_by_one),
		cmocka_unit_test(test_lines_may_end_in_lf_and_the_last_in_nothing),
		cmocka_unit_test(test_broken_descriptions_are_refused_and_nothing_written),
		cmocka_unit_test(test_a_body_of_60_kb_is_moved),
		cmocka_unit_test(test_more_streams_than_the_bound_are_not_readable),
		cmocka_unit_test(test_a_moved_offer_never_outgrows_the_bound),
		cmocka_unit_test(test_what_does_not_fit_is_told),
		cmocka_unit_test(test_sv_20_the_answer_returns_in_the_order_of_the_offer),
		cmocka_unit_test(test_sv_20_what_the_answer_does_not_have_is_rejected),
		cmocka_unit_test(test_what_was_offered_rejected_is_answered_rejected),
		cmocka_unit_test(
			test_sv_20_a_moved_offer_that_is_taken_whole_answers_the_first_offer),
		cmocka_unit_test(test_a_continued_description_counts_on),
		cmocka_unit_test(test_without_a_last_description_all_bytes_pass),
		cmocka_unit_test(test_sv_6_speech_is_told_from_hold),
		cmocka_unit_test(test_sv_6_speech_of_a_pair_is_that_of_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
