/* RFC 4566 §5: reading a description. RFC 3264 §6: an answer that takes no stream of the offer. */
#include "sip/sdp.h"
#include "sip/sdp_parts.h"

/* --- lines and words --- */

bool sdp_find_line(struct text lines, char letter, struct text *ret_line)
{
	struct text line;

	while (text_next_line(&lines, &line)) {
		if (line.len >= 2 && line.at[0] == letter && line.at[1] == '=') {
			*ret_line = line;
			return true;
		}
	}
	return false;
}

void sdp_put_line(struct text_writer *w, struct text line)
{
	text_put(w, line);
	text_put_literal(w, "\r\n");
}

static bool next_word(struct text *rest, struct text *ret_word)
{
	*ret_word = (struct text){rest->at, text_find(*rest, ' ')};
	*rest = text_from(*rest, ret_word->len + 1);
	return ret_word->len > 0;
}

/* --- parts --- */

static bool read_stream(struct text line, struct sdp_stream *ret)
{
	struct text rest = text_from(line, 2), port;
	uint32_t number;

	if (!next_word(&rest, &ret->media) || !next_word(&rest, &port) ||
	    !next_word(&rest, &ret->protocol) || !next_word(&rest, &ret->format))
		return false;
	port.len = text_find(port, '/');
	if (!text_to_u32(port, UINT16_MAX, &number))
		return false;
	ret->line = line;
	ret->lines = (struct text){0};
	ret->is_rejected = number == 0;
	return true;
}

/* RFC 3264 §5 asks for 63 bits; 64 are borne with, since peers write times and random numbers there. */
static bool read_version(struct text word, uint64_t *ret)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < word.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)word.at[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return word.len > 0;
}

static bool read_origin(struct text line, struct sdp_origin *ret)
{
	struct text rest = text_from(line, 2), word;

	if (line.len < 2 || line.at[0] != 'o')
		return false;
	if (!next_word(&rest, &word) || !next_word(&rest, &word))
		return false;
	ret->before = text_between(line.at, rest.at);
	if (!next_word(&rest, &word) || !read_version(word, &ret->version))
		return false;
	ret->after = rest;
	return next_word(&rest, &word) && next_word(&rest, &word) && next_word(&rest, &word) &&
	       rest.len == 0;
}

/* Every line is "letter=...", the first one v=0, and every stream can be read. */
static bool is_well_formed(struct text body)
{
	struct sdp_stream ignored;
	struct text line;

	if (!text_next_line(&body, &line) || !text_equal(line, TEXT("v=0")))
		return false;
	while (text_next_line(&body, &line)) {
		if (line.len == 0 && body.len == 0)
			break;
		if (line.len < 2 || line.at[1] != '=' || line.at[0] < 'a' || line.at[0] > 'z')
			return false;
		if (memchr(line.at, '\r', line.len) || memchr(line.at, 0, line.len))
			return false;
		if (line.at[0] == 'm' && !read_stream(line, &ignored))
			return false;
	}
	return true;
}

/* The lines behind o=. A second v= or o= would begin a second description, which SIP does not have (RFC 3264 §5). */
static bool divide(struct text rest, struct sdp_parts *ret)
{
	struct text *part = &ret->session, line;

	ret->n_streams = 0;
	ret->session = ret->rest = (struct text){rest.at, 0};
	while (text_next_line(&rest, &line) && line.len) {
		if (line.at[0] == 'v' || line.at[0] == 'o')
			return false;
		ret->rest.len = (uint32_t)(rest.at - ret->rest.at);
		if (line.at[0] != 'm') {
			part->len = (uint32_t)(rest.at - part->at);
			continue;
		}
		if (ret->n_streams == SDP_STREAMS_MAX ||
		    !read_stream(line, &ret->streams[ret->n_streams]))
			return false;
		part = &ret->streams[ret->n_streams++].lines;
		*part = (struct text){rest.at, 0};
	}
	return true;
}

/* RFC 4566 §5: o= is the second line. */
bool sdp_read_parts(struct text body, struct sdp_parts *ret)
{
	struct text line;

	return is_well_formed(body) && text_next_line(&body, &line) &&
	       text_next_line(&body, &line) && read_origin(line, &ret->origin) && divide(body, ret);
}

/* --- rejection --- */

static void put_address(struct text_writer *w, const struct endpoint *e)
{
	text_put(w, e->family == 6 ? TEXT("IN IP6 ") : TEXT("IN IP4 "));
	endpoint_put_ip(w, e);
	text_put_literal(w, "\r\n");
}

/* RFC 3264 §6: the times of the answer are those of the offer. */
static void put_times(struct text_writer *w, struct text offer)
{
	struct text line;
	bool any = false;

	while (text_next_line(&offer, &line)) {
		if (line.len < 2 || line.at[0] != 't')
			continue;
		sdp_put_line(w, line);
		any = true;
	}
	if (!any)
		text_put_literal(w, "t=0 0\r\n");
}

void sdp_put_rejected_stream(struct text_writer *w, const struct sdp_stream *stream)
{
	text_put_literal(w, "m=");
	text_put(w, stream->media);
	text_put_literal(w, " 0 ");
	text_put(w, stream->protocol);
	text_put_char(w, ' ');
	sdp_put_line(w, stream->format);
}

static void put_rejected_streams(struct text_writer *w, struct text offer)
{
	struct sdp_stream stream;
	struct text line;

	while (text_next_line(&offer, &line))
		if (line.len >= 2 && line.at[0] == 'm' && read_stream(line, &stream))
			sdp_put_rejected_stream(w, &stream);
}

/* Asks for less than sdp_read_parts() and has no bound on the streams: it must end a call that was set up with
 * whatever the peers understood. */
bool sdp_put_rejection(struct text_writer *w, struct text offer, const struct endpoint *origin,
		       uint32_t session_id)
{
	if (!is_well_formed(offer))
		return false;
	text_put_literal(w, "v=0\r\no=- ");
	text_put_u64(w, session_id);
	text_put_char(w, ' ');
	text_put_u64(w, session_id);
	text_put_char(w, ' ');
	put_address(w, origin);
	text_put_literal(w, "s=-\r\nc=");
	put_address(w, origin);
	put_times(w, offer);
	put_rejected_streams(w, offer);
	return !w->full;
}

/* --- speech --- */

/* c=<net type> <address type> <address>[/...]: 0.0.0.0, the hold of RFC 2543 (RFC 3264 §8.4), and its like of IPv6. */
static bool is_unspecified(struct text connection)
{
	static const uint8_t zero[16];
	struct text rest = text_from(connection, 2), word;
	struct endpoint address = {0};

	if (!next_word(&rest, &word) || !next_word(&rest, &word) || !next_word(&rest, &word))
		return false;
	word.len = text_find(word, '/');
	return endpoint_parse_ip(word, &address) && memcmp(address.ip, zero, sizeof(zero)) == 0;
}

/* The first direction attribute of a part; empty when it has none. */
static struct text direction_of(struct text lines)
{
	static const char *const words[] = {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"};
	struct text line;

	while (text_next_line(&lines, &line))
		for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (text_equal(line, text_of(words[i])))
				return line;
	return (struct text){0};
}

static enum sdp_speech speech_of_stream(const struct sdp_parts *parts, unsigned i)
{
	const struct sdp_stream *stream = &parts->streams[i];
	struct text direction = direction_of(stream->lines), connection;

	if (stream->is_rejected || !text_equal_nocase(stream->media, TEXT("audio")))
		return SDP_NO_SPEECH;
	if (direction.len == 0)
		direction = direction_of(parts->session);
	if (direction.len && !text_equal(direction, TEXT("a=sendrecv")))
		return SDP_SPEECH_HELD;
	if ((sdp_find_line(stream->lines, 'c', &connection) ||
	     sdp_find_line(parts->session, 'c', &connection)) &&
	    is_unspecified(connection))
		return SDP_SPEECH_HELD;
	return SDP_SPEECH_BOTH_WAYS;
}

static enum sdp_speech speech_of_parts(const struct sdp_parts *parts)
{
	enum sdp_speech speech = SDP_NO_SPEECH;

	for (unsigned i = 0; i < parts->n_streams && speech == SDP_NO_SPEECH; i++)
		speech = speech_of_stream(parts, i);
	return speech;
}

/* @req SV-6 */
enum sdp_speech sdp_speech_of(struct text body)
{
	struct sdp_parts parts;

	return sdp_read_parts(body, &parts) ? speech_of_parts(&parts) : SDP_NO_SPEECH;
}

static enum sdp_speech less_of(enum sdp_speech a, enum sdp_speech b)
{
	return a < b ? a : b;
}

/* A stream of the offer is answered in its place (RFC 3264 §6): when the first of two audio streams is rejected, the
 * second of both decides. Descriptions that do not fit each other are looked at one by one. */
enum sdp_speech sdp_speech_of_pair(struct text one, struct text other)
{
	struct sdp_parts a, b;
	enum sdp_speech speech = SDP_NO_SPEECH;

	if (!sdp_read_parts(one, &a) || !sdp_read_parts(other, &b))
		return SDP_NO_SPEECH;
	if (a.n_streams != b.n_streams)
		return less_of(speech_of_parts(&a), speech_of_parts(&b));
	for (unsigned i = 0; i < a.n_streams && speech == SDP_NO_SPEECH; i++)
		speech = less_of(speech_of_stream(&a, i), speech_of_stream(&b, i));
	return speech;
}
