/* Framing of messages in a stream, RFC 3261 §18.3, with the keep-alives of RFC 5626 §3.5.1 and
 * §4.4.1. */
#ifndef SIP_STREAM_H
#define SIP_STREAM_H

#include "base/text.h"

enum sip_stream_step {
	SIP_STREAM_MORE,    /* nothing whole yet: read more */
	SIP_STREAM_MESSAGE, /* the first `used` bytes are `skip` bytes of CRLF and one message */
	SIP_STREAM_PING,    /* `used` bytes were a double CRLF: answer one CRLF */
	SIP_STREAM_PONG,    /* `used` bytes were CRLF outside a message: drop them */
	SIP_STREAM_BROKEN,  /* cannot be framed: no or a bad Content-Length, header too long. The bytes up to `used` may be parsed to answer
			       `fault_status`; then the connection is closed */
};

struct sip_stream_frame {
	uint32_t used, skip;
	uint16_t fault_status;
};

/* Half a ping is SIP_STREAM_MORE, and CRLFs before a message come as pings and pongs of their own:
 * `skip` is 0 so far. A bare LF counts as a line end, as in sip_parse(). A message of more than
 * LIMIT_MESSAGE_BYTES is broken with 513, known from its Content-Length on. Looks at the bytes
 * received so far. `seen` is kept by the caller per connection, 0 at first and after every step
 * that used bytes, else not touched: how far the end of the header has been looked for (or the
 * message's length, once known), so that a slow sender does not make us look again from the start. */
enum sip_stream_step sip_stream_next(struct text received, uint32_t *seen, struct sip_stream_frame *ret);

#endif
