/* One connection of a stream: what of the input is not yet a message, and what waits to be written. It knows no table
 * and no clock; io/tcp keeps both. */
#ifndef IO_CONNECTION_H
#define IO_CONNECTION_H

#include "base/endpoint.h"
#include "io/source.h"

#include <stddef.h>

/* A peer that does not read: when more than this waits for it, the connection is closed. */
#define CONNECTION_QUEUE_BYTES_MAX (256u << 10)
/* The longest message, and what may stand before it. */
#define CONNECTION_INPUT_BYTES_MAX (80u << 10)

/*
 *   connect()                accept()
 *       |                       |
 *   CONNECTING ----------->   OPEN ---- cannot be framed ----> BROKEN -- all written --> LINGERING
 *       |                       |                                |                          |
 *       +------ refused --------+----------- reset, end ---------+------ end, too long -----+---> GONE
 */
enum connection_state {
	CONNECTION_CONNECTING,
	CONNECTION_OPEN,
	CONNECTION_BROKEN, /* nothing more is read; closed when all is written */
	CONNECTION_LINGERING, /* our side is shut; the rest of the input is thrown away so that the peer can read our answer */
	CONNECTION_GONE, /* waits for the end of the turn */
	CONNECTION_STATES,
};

struct connection_message {
	struct connection_message *next;
	uint32_t len, written;
	bool is_pong;
	char bytes[];
};

struct connection {
	struct io_source source;
	uint8_t state; /* enum connection_state */
	uint8_t local; /* index of the listening point */
	uint8_t line;  /* of io/tcp: where it stands in line, the state that was last settled */
	bool watches_writable;
	bool is_answered; /* of io/tcp: BROKEN, and what was to be said is said */
	int fd;
	uint32_t seen;        /* of sip_stream_next() */
	struct endpoint peer; /* with its flow */
	uint64_t since_ms;    /* last message, ping or change of state */
	struct connection *older, *newer;
	char *input;
	uint32_t input_len, input_max;
	struct connection_message *first_out, *last_out;
	uint32_t out_bytes;
	uint32_t out_bytes_counted; /* of io/tcp: of these, in its sum */
};

/* A bounce buffer that connections share: only what is left of it is copied into a connection. */
struct connection_scratch {
	char bytes[CONNECTION_INPUT_BYTES_MAX];
};

typedef void connection_message_fn(void *owner, struct connection *connection, struct text bytes);

/* Reads once and gives each whole message to `message`. true when there was a message or a ping. Afterwards look at the state. */
bool connection_read(struct connection *c, struct connection_scratch *scratch,
		     connection_message_fn *message, void *owner);
/* Writes at once what the system takes, queues the rest. On failure the state is GONE and the message stands in the queue.
 * false: out of memory, the message is lost. */
bool connection_write(struct connection *c, struct text bytes, bool is_pong);
/* Writes what is queued, as far as the system takes it. */
void connection_write_queued(struct connection *c);
/* What epoll shall wait for. */
bool connection_wants_writable(const struct connection *c);
/* Frees input and queue, closes the file. */
void connection_clear(struct connection *c);

#endif
