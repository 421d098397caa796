#include "io/connection.h"

#include "sip/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_INPUT_BYTES = 4096 };

/* ------------------------------------------------------------------ input */

static bool input_make_room(struct connection *c, uint32_t bytes)
{
	uint32_t max = c->input_max ? c->input_max : FIRST_INPUT_BYTES;

	while (max < bytes && max < CONNECTION_INPUT_BYTES_MAX)
		max *= 2;
	if (max > CONNECTION_INPUT_BYTES_MAX)
		max = CONNECTION_INPUT_BYTES_MAX;
	if (max < bytes)
		return false;
	if (max == c->input_max)
		return true;

	char *input = realloc(c->input, max);

	if (!input)
		return false;
	c->input = input;
	c->input_max = max;
	return true;
}

/* Keeps `rest`, which lies in the input itself or in the scratch. Most connections keep nothing, and then no memory. */
static void input_keep(struct connection *c, struct text rest)
{
	if (rest.len == 0) {
		free(c->input);
		c->input = NULL;
		c->input_len = c->input_max = 0;
	} else if (c->input_len) {
		memmove(c->input, rest.at, rest.len);
		c->input_len = rest.len;
	} else if (input_make_room(c, rest.len)) {
		memcpy(c->input, rest.at, rest.len);
		c->input_len = rest.len;
	} else {
		c->state = CONNECTION_GONE;
	}
}

/* Works off whole frames at the beginning of `*received`. true when there was a sign of life. */
static bool take_frames(struct connection *c, struct text *received, connection_message_fn *message,
			void *owner)
{
	struct sip_stream_frame frame;
	bool alive = false;

	while (received->len && c->state == CONNECTION_OPEN) {
		switch (sip_stream_next(*received, &c->seen, &frame)) {
		case SIP_STREAM_MORE: return alive;
		case SIP_STREAM_MESSAGE:
			message(owner, c,
				(struct text){received->at + frame.skip, frame.used - frame.skip});
			break;
		case SIP_STREAM_PING: /* RFC 5626 §4.4.1 */
			connection_write(c, TEXT("\r\n"), true);
			break;
		case SIP_STREAM_PONG: break;
		case SIP_STREAM_BROKEN:
			c->state = CONNECTION_BROKEN;
			if (frame.used > frame.skip)
				message(owner, c,
					(struct text){received->at + frame.skip,
						      frame.used - frame.skip});
			return alive;
		}
		alive = true;
		c->seen = 0;
		*received = text_from(*received, frame.used);
	}
	return alive;
}

static void take_end(struct connection *c, ssize_t n)
{
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->state = CONNECTION_GONE;
}

bool connection_read(struct connection *c, struct connection_scratch *scratch,
		     connection_message_fn *message, void *owner)
{
	struct text received;
	ssize_t n;

	if (c->state != CONNECTION_OPEN) { /* thrown away */
		n = recv(c->fd, scratch->bytes, sizeof(scratch->bytes), MSG_DONTWAIT);
		if (n <= 0)
			take_end(c, n);
		return false;
	}
	if (c->input_len == 0) {
		n = recv(c->fd, scratch->bytes, sizeof(scratch->bytes), MSG_DONTWAIT);
		received = (struct text){scratch->bytes, n > 0 ? (uint32_t)n : 0};
	} else {
		if (!input_make_room(c, c->input_len +
						1)) { /* the framing should have said so before */
			c->state = CONNECTION_BROKEN;
			return false;
		}
		n = recv(c->fd, c->input + c->input_len, c->input_max - c->input_len, MSG_DONTWAIT);
		if (n > 0)
			c->input_len += (uint32_t)n;
		received = (struct text){c->input, c->input_len};
	}
	if (n <= 0) {
		take_end(c, n);
		return false;
	}

	bool alive = take_frames(c, &received, message, owner);

	if (c->state != CONNECTION_OPEN)
		received.len = 0;
	input_keep(c, received);
	return alive;
}

/* ------------------------------------------------------------------ output */

static bool queue(struct connection *c, struct text bytes, uint32_t written, bool is_pong)
{
	struct connection_message *m = malloc(sizeof(*m) + bytes.len);

	if (!m)
		return false;
	*m = (struct connection_message){.len = bytes.len, .written = written, .is_pong = is_pong};
	memcpy(m->bytes, bytes.at, bytes.len);
	if (c->last_out)
		c->last_out->next = m;
	else
		c->first_out = m;
	c->last_out = m;
	c->out_bytes += bytes.len;
	return true;
}

static void drop_first(struct connection *c)
{
	struct connection_message *m = c->first_out;

	c->first_out = m->next;
	if (!c->first_out)
		c->last_out = NULL;
	c->out_bytes -= m->len;
	free(m);
}

/* Bytes written, 0 when the system takes none now; the state is GONE when it never will. */
static uint32_t write_some(struct connection *c, const char *bytes, uint32_t len)
{
	ssize_t n;

	do {
		n = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return (uint32_t)n;
	if (errno != EAGAIN)
		c->state = CONNECTION_GONE;
	return 0;
}

bool connection_write(struct connection *c, struct text bytes, bool is_pong)
{
	uint32_t written = 0;

	if (!c->first_out && (c->state == CONNECTION_OPEN || c->state == CONNECTION_BROKEN)) {
		written = write_some(c, bytes.at, bytes.len);
		if (written == bytes.len)
			return true;
	}
	if (c->out_bytes + bytes.len > CONNECTION_QUEUE_BYTES_MAX)
		c->state = CONNECTION_GONE;
	return queue(c, bytes, written, is_pong);
}

void connection_write_queued(struct connection *c)
{
	while (c->first_out && c->state != CONNECTION_GONE) {
		struct connection_message *m = c->first_out;

		m->written += write_some(c, m->bytes + m->written, m->len - m->written);
		if (m->written < m->len)
			return;
		drop_first(c);
	}
}

bool connection_wants_writable(const struct connection *c)
{
	return c->state == CONNECTION_CONNECTING || c->first_out != NULL;
}

void connection_clear(struct connection *c)
{
	while (c->first_out)
		drop_first(c);
	free(c->input);
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct connection){.fd = -1, .state = CONNECTION_GONE};
}
