/* Any bytes as up to three session descriptions with 0xFF between them. First byte: bound of the streams.
 *
 * What must hold: all that can be read can be moved; what is written can be read again, has the streams that were promised in
 * their order and the o= that continues the last one; an answer finds its way back to the offer it was made of. */
#include <stdlib.h>

#include "sip/sdp.h"
#include "sip/sdp_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define INPUT_BYTES_MAX 65535u

/* Each of the streams may get the connection line of another, and each line a CR. */
static char first[(SDP_STREAMS_MAX + 2) * INPUT_BYTES_MAX],
	second[(SDP_STREAMS_MAX + 2) * INPUT_BYTES_MAX],
	third[(SDP_STREAMS_MAX + 2) * INPUT_BYTES_MAX];
static struct sdp_parts a, b, c;

static struct text next_part(struct text *rest)
{
	struct text part = {rest->at, text_find(*rest, '\xff')};

	*rest = text_from(*rest, part.len + 1);
	return part;
}

/* By another way than the reader's. */
static unsigned count_streams(struct text body)
{
	unsigned n = 0;

	for (uint32_t i = 0; i + 2 < body.len; i++)
		n += body.at[i] == '\n' && body.at[i + 1] == 'm' && body.at[i + 2] == '=';
	return n;
}

static bool same_kind(const struct sdp_stream *one, const struct sdp_stream *other)
{
	return text_equal_nocase(one->media, other->media) &&
	       text_equal_nocase(one->protocol, other->protocol);
}

static unsigned count_kind(const struct sdp_parts *parts, unsigned n, const struct sdp_stream *like)
{
	unsigned same = 0;

	for (unsigned i = 0; i < n; i++)
		same += same_kind(&parts->streams[i], like);
	return same;
}

/* Streams of `media` that find none in `last` to stand for. */
static unsigned count_left_over(const struct sdp_parts *media, const struct sdp_parts *last)
{
	unsigned n = 0;

	for (unsigned i = 0; i < media->n_streams; i++) {
		const struct sdp_stream *stream = &media->streams[i];

		n += count_kind(media, i, stream) >= count_kind(last, last->n_streams, stream);
	}
	return n;
}

static bool same_lines(struct text one, struct text other)
{
	struct text line, twin;

	while (text_next_line(&one, &line))
		if (!text_next_line(&other, &twin) || !text_equal(line, twin))
			return false;
	return other.len == 0;
}

static void check_continues(const struct sdp_origin *origin, const struct sdp_origin *last)
{
	MUST(text_equal(origin->before, last->before) && text_equal(origin->after, last->after));
	MUST(origin->version ? origin->version == last->version + 1
			     : last->version == INT64_MAX || last->version == UINT64_MAX);
}

static bool is_readable(struct text body)
{
	struct sdp_parts parts;

	return sdp_read_parts(body, &parts);
}

static void check_speech(struct text body, struct text other)
{
	enum sdp_speech speech = sdp_speech_of(body);

	MUST(speech == SDP_NO_SPEECH || is_readable(body));
	MUST(sdp_speech_of_pair(body, body) == speech);
	MUST(sdp_speech_of_pair(body, other) == sdp_speech_of_pair(other, body));
	MUST(sdp_speech_of_pair(body, (struct text){0}) == SDP_NO_SPEECH);
}

static void check_rejection(struct text body)
{
	static const struct endpoint origin = {.family = 4, .ip = {127, 0, 0, 1}};
	struct text_writer w = text_writer_on(first, sizeof(first));
	bool ok = sdp_put_rejection(&w, body, &origin, 4711);

	MUST(ok || w.len == 0);
	MUST(ok || !is_readable(body));
	MUST(!ok || count_streams(text_written(&w)) == count_streams(body));
	MUST(!ok || is_readable(text_written(&w)) || count_streams(body) > SDP_STREAMS_MAX);
	MUST(sdp_speech_of(text_written(&w)) == SDP_NO_SPEECH);
}

static void check_continued(struct text body, struct text last)
{
	struct text_writer w = text_writer_on(first, sizeof(first)),
			   again = text_writer_on(second, sizeof(second));
	bool ok = sdp_put_continued(&w, body, last);

	if (last.len == 0) {
		MUST(ok && text_equal(text_written(&w), body));
		return;
	}
	MUST(ok == (sdp_read_parts(body, &a) && sdp_read_parts(last, &b)));
	MUST(ok || w.len == 0);
	if (!ok)
		return;
	MUST(sdp_read_parts(text_written(&w), &c) && same_lines(c.rest, a.rest));
	if (same_lines(a.rest, b.rest))
		MUST(c.origin.version == b.origin.version);
	else
		check_continues(&c.origin, &b.origin);
	MUST(sdp_put_continued(&again, text_written(&w), text_written(&w)));
	MUST(text_equal(text_written(&again), text_written(&w)));
}

/* Streams in `c`, that was made of `media` in `a` and `last` in `b`. */
static void check_moved_streams(unsigned n_streams_max)
{
	unsigned wanted = b.n_streams + count_left_over(&a, &b);

	if (n_streams_max > SDP_STREAMS_MAX)
		n_streams_max = SDP_STREAMS_MAX;
	if (wanted > n_streams_max)
		wanted = n_streams_max > b.n_streams ? n_streams_max : b.n_streams;
	MUST(c.n_streams == wanted);
	for (unsigned i = 0; i < b.n_streams; i++) {
		const struct sdp_stream *like = &b.streams[i];
		bool has_one = count_kind(&b, i, like) < count_kind(&a, a.n_streams, like);

		MUST(same_kind(&c.streams[i], like));
		MUST(has_one || c.streams[i].is_rejected);
	}
	for (unsigned i = 0; i < c.n_streams; i++)
		MUST(c.streams[i].is_rejected || count_kind(&a, a.n_streams, &c.streams[i]));
}

/* The moved offer, taken as it is, answers the offer it was made of. */
static void check_way_back(struct text media, struct text moved, bool is_whole)
{
	struct text_writer w = text_writer_on(second, sizeof(second));

	MUST(sdp_put_moved_answer(&w, moved, media, media));
	MUST(sdp_read_parts(text_written(&w), &b) && sdp_read_parts(media, &a));
	MUST(b.n_streams == a.n_streams);
	check_continues(&b.origin, &a.origin);
	if (is_whole)
		MUST(same_lines(b.rest, a.rest));
}

static void check_moved_offer(struct text media, struct text last, unsigned n_streams_max)
{
	struct text_writer w = text_writer_on(first, sizeof(first));
	bool ok = sdp_put_moved_offer(&w, media, last, n_streams_max);

	b.n_streams = 0;
	MUST(ok == (sdp_read_parts(media, &a) && (last.len == 0 || sdp_read_parts(last, &b))));
	MUST(ok || w.len == 0);
	if (!ok)
		return;
	MUST(sdp_read_parts(text_written(&w), &c));
	MUST(same_lines(c.session, a.session));
	if (last.len)
		check_continues(&c.origin, &b.origin);
	check_moved_streams(n_streams_max);
	check_way_back(media, text_written(&w),
		       b.n_streams + count_left_over(&a, &b) == c.n_streams);
}

static void check_moved_answer(struct text answer, struct text offer, struct text last)
{
	struct text_writer w = text_writer_on(third, sizeof(third));
	bool ok = sdp_put_moved_answer(&w, answer, offer, last);

	MUST(ok == (sdp_read_parts(answer, &a) && sdp_read_parts(offer, &b) &&
		    (last.len == 0 || is_readable(last))));
	MUST(ok || w.len == 0);
	if (!ok)
		return;
	MUST(sdp_read_parts(text_written(&w), &c) && c.n_streams == b.n_streams);
	for (unsigned i = 0; i < c.n_streams; i++) {
		MUST(same_kind(&c.streams[i], &b.streams[i]));
		MUST(c.streams[i].is_rejected || !b.streams[i].is_rejected);
	}
	MUST(count_streams(text_written(&w)) == c.n_streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text rest, part[3];

	if (size < 2 || size > INPUT_BYTES_MAX)
		return 0;
	rest = (struct text){(const char *)data + 1, (uint32_t)size - 1};
	for (unsigned i = 0; i < 3; i++)
		part[i] = next_part(&rest);
	check_speech(part[0], part[1]);
	check_rejection(part[0]);
	check_continued(part[0], part[1]);
	check_moved_offer(part[0], part[1], data[0]);
	check_moved_answer(part[0], part[1], part[2]);
	return 0;
}
