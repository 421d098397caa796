/* RFC 3264 §6: an answer that takes no stream of the offer. */
#include "sip/sdp.h"

/* Cuts one line off, without its CRLF or LF (RFC 4566 §5 asks readers to take both). */
static bool next_line(struct text *rest, struct text *ret_line)
{
	uint32_t end = text_find(*rest, '\n');

	if (rest->len == 0)
		return false;
	*ret_line = (struct text){rest->at, end};
	if (end && rest->at[end - 1] == '\r')
		ret_line->len--;
	*rest = text_from(*rest, end + 1);
	return true;
}

static bool next_word(struct text *rest, struct text *ret_word)
{
	*ret_word = (struct text){rest->at, text_find(*rest, ' ')};
	*rest = text_from(*rest, ret_word->len + 1);
	return ret_word->len > 0;
}

struct stream {
	struct text media, port, protocol, format;
};

/* m=<media> <port>[/<ports>] <protocol> <format> ... */
static bool read_stream(struct text line, struct stream *ret)
{
	uint32_t port;

	line = text_from(line, 2);
	if (!next_word(&line, &ret->media) || !next_word(&line, &ret->port) ||
	    !next_word(&line, &ret->protocol) || !next_word(&line, &ret->format))
		return false;
	ret->port.len = text_find(ret->port, '/');
	return text_to_u32(ret->port, UINT16_MAX, &port);
}

/* Every line is "letter=...", the first one v=0, and every stream can be read. */
static bool is_readable(struct text offer)
{
	struct stream ignored;
	struct text line;

	if (!next_line(&offer, &line) || !text_equal(line, TEXT("v=0")))
		return false;
	while (next_line(&offer, &line)) {
		if (line.len == 0 && offer.len == 0)
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

	while (next_line(&offer, &line)) {
		if (line.len < 2 || line.at[0] != 't')
			continue;
		text_put(w, line);
		text_put_literal(w, "\r\n");
		any = true;
	}
	if (!any)
		text_put_literal(w, "t=0 0\r\n");
}

static void put_rejected_streams(struct text_writer *w, struct text offer)
{
	struct stream stream;
	struct text line;

	while (next_line(&offer, &line)) {
		if (line.len < 2 || line.at[0] != 'm' || !read_stream(line, &stream))
			continue;
		text_put_literal(w, "m=");
		text_put(w, stream.media);
		text_put_literal(w, " 0 ");
		text_put(w, stream.protocol);
		text_put_char(w, ' ');
		text_put(w, stream.format);
		text_put_literal(w, "\r\n");
	}
}

bool sdp_put_rejection(struct text_writer *w, struct text offer, const struct endpoint *origin,
		       uint32_t session_id)
{
	if (!is_readable(offer))
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
