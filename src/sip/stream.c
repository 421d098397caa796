/* RFC 3261 §18.3, RFC 5626 §3.5.1 and §4.4.1: where a message of a stream ends. */
#include "sip/stream.h"

#include <assert.h>

#include "base/limits.h"
#include "sip/message.h"

/* `seen` holds how far the end of the header was looked for, or, once that is known, the length of the whole message and this mark. */
#define LENGTH_IS_KNOWN 0x80000000u

static_assert(LIMIT_MESSAGE_BYTES < LENGTH_IS_KNOWN, "the mark is not part of a length");

static enum sip_stream_step step(struct sip_stream_frame *ret, enum sip_stream_step what,
				 uint32_t used, uint16_t fault_status)
{
	*ret = (struct sip_stream_frame){.used = used, .fault_status = fault_status};
	return what;
}

/* CRLF between messages: two are a ping, one is a pong (or what RFC 3261 §7.5 says to ignore). Which of them cannot be told before the
 * bytes behind are there; nobody waits for an answer to half a ping. Returns SIP_STREAM_MESSAGE when there is no CRLF. */
static enum sip_stream_step keep_alive(struct text t, struct sip_stream_frame *ret)
{
	static const char ping[] = "\r\n\r\n";
	uint32_t n = 0;

	if (t.at[0] == '\n')
		return step(ret, SIP_STREAM_PONG, 1, 0);
	while (n < t.len && n < 4 && t.at[n] == ping[n])
		n++;
	if (n == 4)
		return step(ret, SIP_STREAM_PING, 4, 0);
	if (n == t.len)
		return SIP_STREAM_MORE;
	return n >= 2 ? step(ret, SIP_STREAM_PONG, 2, 0) : SIP_STREAM_MESSAGE;
}

/* Length of the header, its empty line included; 0 when that is not there yet, *seen then being where to go on. */
static uint32_t header_length(struct text t, uint32_t *seen)
{
	uint32_t at = *seen;

	for (;;) {
		at += text_find(text_from(t, at), '\n');
		*seen = at;
		if (at + 1 >= t.len)
			return 0;
		if (t.at[at + 1] == '\n')
			return at + 2;
		if (t.at[at + 1] == '\r') {
			if (at + 2 >= t.len)
				return 0;
			if (t.at[at + 2] == '\n')
				return at + 3;
		}
		at++;
	}
}

/* One whole field without its last line end off *rest. */
static bool next_field(struct text *rest, struct text *ret_field)
{
	uint32_t at = 0;

	do {
		if (at >= rest->len)
			return false;
		at += text_find(text_from(*rest, at), '\n');
		at++;
	} while (at < rest->len && (rest->at[at] == ' ' || rest->at[at] == '\t'));
	*ret_field = (struct text){rest->at, at < rest->len ? at : rest->len};
	*rest = text_from(*rest, at);
	return true;
}

/* false: none, one that is no number, or two that differ. */
static bool content_length(struct text header, uint32_t *ret)
{
	struct text field, name;
	uint32_t n = 0, found;
	bool have = false;

	next_field(&header, &field); /* the start line */
	while (next_field(&header, &field)) {
		uint32_t colon = text_find(field, ':');

		name = text_trim((struct text){field.at, colon});
		if (sip_header_of(name) != SIP_HEADER_CONTENT_LENGTH)
			continue;
		if (!text_to_u32(text_trim(text_from(field, colon + 1)), UINT32_MAX, &found) ||
		    (have && found != n))
			return false;
		n = found;
		have = true;
	}
	*ret = n;
	return have;
}

enum sip_stream_step sip_stream_next(struct text received, uint32_t *seen,
				     struct sip_stream_frame *ret)
{
	enum sip_stream_step keep;
	uint32_t header, body;

	*ret = (struct sip_stream_frame){0};
	if (received.len == 0)
		return SIP_STREAM_MORE;
	if (*seen == 0 && (keep = keep_alive(received, ret)) != SIP_STREAM_MESSAGE)
		return keep;
	if (!(*seen & LENGTH_IS_KNOWN)) {
		header = header_length(received, seen);
		if (header > LIMIT_MESSAGE_BYTES ||
		    (!header && received.len >= LIMIT_MESSAGE_BYTES))
			return step(ret, SIP_STREAM_BROKEN, LIMIT_MESSAGE_BYTES, 513);
		if (!header)
			return SIP_STREAM_MORE;
		if (!content_length((struct text){received.at, header}, &body))
			return step(ret, SIP_STREAM_BROKEN, header, 400);
		if (body > LIMIT_MESSAGE_BYTES - header)
			return step(ret, SIP_STREAM_BROKEN, header, 513);
		*seen = (header + body) | LENGTH_IS_KNOWN;
	}
	if (received.len < (*seen & ~LENGTH_IS_KNOWN))
		return SIP_STREAM_MORE;
	return step(ret, SIP_STREAM_MESSAGE, *seen & ~LENGTH_IS_KNOWN, 0);
}
