/* Connections of a worker: listening, connecting, the table of flows, their bounds and their end. */
#ifndef IO_TCP_H
#define IO_TCP_H

#include "base/endpoint.h"
#include "io/source.h"

/* All that may wait to be written to all peers of a worker. */
#define TCP_QUEUED_BYTES_MAX (32u << 20)
#define TCP_LOCALS_MAX       16u

typedef void tcp_message(void *owner, const struct endpoint *peer, uint8_t local,
			 struct text bytes);

struct tcp_settings {
	uint8_t worker; /* the high byte of its flow numbers */
	bool shared;    /* other workers listen on the same ports */
	int epoll_fd;
	uint32_t connections_max; /* above: the connection idle for longest is closed */
	uint32_t idle_ms;         /* without a message or ping: closed */
	struct endpoint locals[TCP_LOCALS_MAX]; /* all listening points; those of TCP are opened */
	uint8_t n_locals;
	uint64_t seed; /* of the table of peers, so that nobody can choose its places */
	void *owner;
	tcp_message *message;     /* a whole message came */
	tcp_message *undelivered; /* this message could not be written to that peer */
};

struct tcp_counters {
	uint64_t accepted, connected, connects_failed, refused, closed_idle, closed_full, broken;
	uint64_t messages_in, messages_out, lost;
	uint64_t connections; /* now */
};

struct tcp;

/* NULL with errno set, and in ret_failed the index of the listening point that could not be opened. */
struct tcp *tcp_open(const struct tcp_settings *settings, unsigned *ret_failed);
void tcp_close(struct tcp *tcp);
/* Could a listener that shares with nobody be opened here now? errno says why not. */
bool tcp_is_free(const struct endpoint *local);
void tcp_set_limits(struct tcp *tcp, uint32_t connections_max, uint32_t idle_ms);
const struct tcp_counters *tcp_counters(const struct tcp *tcp);
/* The worker that a flow belongs to. */
static inline uint8_t tcp_worker_of_flow(uint32_t flow)
{
	return (uint8_t)(flow >> 24);
}

/* epoll has `events` for a listener or connection. Calls `message`. */
void tcp_ready(struct tcp *tcp, struct io_source *source, uint32_t events, uint64_t now_ms);
/* Over the flow of `peer` while it lives, otherwise over a connection to its address, opened if there is none. Calls back
 * nothing: what fails is told by tcp_turn(). */
void tcp_send(struct tcp *tcp, const struct endpoint *peer, uint8_t local, struct text bytes,
	      uint64_t now_ms);
/* The end of a turn of the loop: tells what failed, closes what is over. Calls `undelivered`. */
void tcp_turn(struct tcp *tcp, uint64_t now_ms);
/* When tcp_turn() must be called next; UINT64_MAX: not by time. */
uint64_t tcp_deadline(const struct tcp *tcp);

#endif
