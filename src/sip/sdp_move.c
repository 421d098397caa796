/* RFC 3264 §8: descriptions that go from one dialog to another, when the media move to another access. */
#include "sip/sdp.h"
#include "sip/sdp_parts.h"

/* RFC 3264 §5 wants versions below 2^63 that begin below 2^62, so no sane peer comes near the end. At the end it rolls
 * over to 0 and does not stay: with the same version the peer would have to take the description for the one it
 * has (§8), with a lower one it at least sees that it is another. Above 2^63, where it should not be, the peer
 * evidently counts unsigned: there the end is 2^64-1. */
static uint64_t version_after(uint64_t version)
{
	return version == INT64_MAX || version == UINT64_MAX ? 0 : version + 1;
}

static void put_origin(struct text_writer *w, const struct sdp_origin *origin, uint64_t version)
{
	text_put(w, origin->before);
	text_put_u64(w, version);
	text_put_char(w, ' ');
	sdp_put_line(w, origin->after);
}

static void put_lines(struct text_writer *w, struct text lines)
{
	struct text line;

	while (text_next_line(&lines, &line))
		sdp_put_line(w, line);
}

static void put_stream(struct text_writer *w, const struct sdp_stream *stream)
{
	sdp_put_line(w, stream->line);
	put_lines(w, stream->lines);
}

/* RFC 4566 §5.7: c= stands in the session part or in every stream. What a stream of other origin needs to stand among
 * those of `parts`; empty when there is one for all, or none anywhere. */
static struct text connection_for_others(const struct sdp_parts *parts)
{
	struct text connection = {0};

	if (sdp_find_line(parts->session, 'c', &connection))
		return (struct text){0};
	for (unsigned i = 0; i < parts->n_streams; i++)
		if (sdp_find_line(parts->streams[i].lines, 'c', &connection))
			break;
	return connection;
}

static void put_rejected(struct text_writer *w, const struct sdp_stream *stream,
			 struct text connection)
{
	sdp_put_rejected_stream(w, stream);
	if (connection.len)
		sdp_put_line(w, connection);
}

/* The first stream of the same media type and protocol that was not taken yet; NULL: none. So the n-th stream of a
 * kind always stands for the n-th of that kind, by which the answer finds its way back. */
static const struct sdp_stream *take(const struct sdp_parts *from, bool *taken,
				     const struct sdp_stream *like)
{
	for (unsigned i = 0; i < from->n_streams; i++) {
		const struct sdp_stream *stream = &from->streams[i];

		if (taken[i] || !text_equal_nocase(stream->media, like->media) ||
		    !text_equal_nocase(stream->protocol, like->protocol))
			continue;
		taken[i] = true;
		return stream;
	}
	return NULL;
}

/* `last` may be empty, which is a dialog without a description of ours. */
static bool read_last(struct text last, struct sdp_parts *ret)
{
	ret->n_streams = 0;
	return last.len == 0 || sdp_read_parts(last, ret);
}

/* RFC 3264 §8: o= continues that of `last` (NULL: there is none). */
static void put_session_part(struct text_writer *w, const struct sdp_parts *parts,
			     const struct sdp_origin *last)
{
	text_put_literal(w, "v=0\r\n");
	if (last)
		put_origin(w, last, version_after(last->version));
	else
		put_origin(w, &parts->origin, parts->origin.version);
	put_lines(w, parts->session);
}

/* @req SV-20 */
bool sdp_put_moved_offer(struct text_writer *w, struct text media, struct text last,
			 unsigned n_streams_max)
{
	struct sdp_parts new, old;
	bool taken[SDP_STREAMS_MAX] = {false};
	unsigned n;

	if (!sdp_read_parts(media, &new) || !read_last(last, &old))
		return false;
	put_session_part(w, &new, last.len ? &old.origin : NULL);
	for (n = 0; n < old.n_streams; n++) {
		const struct sdp_stream *stream = take(&new, taken, &old.streams[n]);

		if (stream)
			put_stream(w, stream);
		else
			put_rejected(w, &old.streams[n], connection_for_others(&new));
	}
	if (n_streams_max > SDP_STREAMS_MAX)
		n_streams_max = SDP_STREAMS_MAX; /* what is written can be read again */
	for (unsigned i = 0; i < new.n_streams &&n < n_streams_max; i++) {
		if (!taken[i]) {
			put_stream(w, &new.streams[i]);
			n++;
		}
	}
	return !w->full;
}

/* @req SV-20 */
bool sdp_put_moved_answer(struct text_writer *w, struct text answer, struct text offer,
			  struct text last)
{
	struct sdp_parts given, asked, old;
	bool taken[SDP_STREAMS_MAX] = {false};

	if (!sdp_read_parts(answer, &given) || !sdp_read_parts(offer, &asked) ||
	    !read_last(last, &old))
		return false;
	put_session_part(w, &given, last.len ? &old.origin : NULL);
	for (unsigned i = 0; i < asked.n_streams; i++) {
		const struct sdp_stream *stream = take(&given, taken, &asked.streams[i]);

		/* RFC 3264 §6: what was offered with port 0 is answered with port 0. */
		if (stream && (stream->is_rejected || !asked.streams[i].is_rejected))
			put_stream(w, stream);
		else
			put_rejected(w, &asked.streams[i], connection_for_others(&given));
	}
	return !w->full;
}

static bool are_same_lines(struct text a, struct text b)
{
	struct text line_a, line_b;

	while (a.len && b.len) {
		text_next_line(&a, &line_a);
		text_next_line(&b, &line_b);
		if (!text_equal(line_a, line_b))
			return false;
	}
	return a.len == b.len;
}

/* Without `last` the bytes pass whatever they are: only who has spoken in this dialog before must go on counting. */
bool sdp_put_continued(struct text_writer *w, struct text body, struct text last)
{
	struct sdp_parts parts, old;
	bool is_same;

	if (last.len == 0) {
		text_put(w, body);
		return !w->full;
	}
	if (!sdp_read_parts(body, &parts) || !sdp_read_parts(last, &old))
		return false;
	is_same = are_same_lines(parts.rest, old.rest);
	text_put_literal(w, "v=0\r\n");
	put_origin(w, &old.origin,
		   is_same ? old.origin.version : version_after(old.origin.version));
	put_lines(w, parts.rest);
	return !w->full;
}

bool sdp_is_same(struct text one, struct text other)
{
	struct sdp_parts a, b;

	return sdp_read_parts(one, &a) && sdp_read_parts(other, &b) &&
	       are_same_lines(a.rest, b.rest);
}

/* ---------------------------------------------------------------- hold */

static bool is_direction(struct text line)
{
	return text_equal(line, TEXT("a=sendrecv")) || text_equal(line, TEXT("a=sendonly")) ||
	       text_equal(line, TEXT("a=recvonly")) || text_equal(line, TEXT("a=inactive"));
}

/* The last direction of these lines; `otherwise` when there is none. */
static struct text direction_of(struct text lines, struct text otherwise)
{
	struct text line;

	while (text_next_line(&lines, &line))
		if (is_direction(line))
			otherwise = line;
	return otherwise;
}

static bool sends(struct text direction)
{
	return text_equal(direction, TEXT("a=sendrecv")) ||
	       text_equal(direction, TEXT("a=sendonly"));
}

static void put_held_stream(struct text_writer *w, const struct sdp_stream *stream,
			    struct text session_direction)
{
	struct text lines = stream->lines, line;

	if (stream->is_rejected || !text_equal_nocase(stream->media, TEXT("audio"))) {
		put_stream(w, stream);
		return;
	}
	sdp_put_line(w, stream->line);
	while (text_next_line(&lines, &line))
		if (!is_direction(line))
			sdp_put_line(w, line);
	sdp_put_line(w, sends(direction_of(stream->lines, session_direction)) ? TEXT("a=sendonly")
									      : TEXT("a=inactive"));
}

bool sdp_put_held(struct text_writer *w, struct text last)
{
	struct sdp_parts parts;
	struct text direction;

	if (!sdp_read_parts(last, &parts))
		return false;
	direction = direction_of(parts.session, TEXT("a=sendrecv"));
	sdp_put_line(w, TEXT("v=0"));
	put_origin(w, &parts.origin, version_after(parts.origin.version));
	put_lines(w, parts.session);
	for (unsigned i = 0; i < parts.n_streams; i++)
		put_held_stream(w, &parts.streams[i], direction);
	return !w->full;
}
