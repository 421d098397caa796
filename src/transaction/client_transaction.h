/* Client transactions: RFC 3261 §17.1 with the Accepted state of RFC 6026 §7.2.
 *
 * The machines are pure: they are told what happened and say what is to be done. Who owns the
 * bytes, the clock and the socket carries it out. One deadline per transaction: the earliest of
 * what it waits for.
 *
 *  INVITE      Calling --1xx--> Proceeding --2xx--> Accepted --M--> Terminated
 *                 |  \______________3xx-6xx______\-> Completed --D--> Terminated
 *                 +--B--> Terminated (timed out)
 *  non-INVITE  Trying --1xx--> Proceeding --2xx-6xx--> Completed --K--> Terminated
 *                 +--F--------------+--> Terminated (timed out) */
#ifndef TRANSACTION_CLIENT_TRANSACTION_H
#define TRANSACTION_CLIENT_TRANSACTION_H

#include "base/timers.h"
#include "transaction/timer_table.h"

enum client_state {
	CLIENT_CALLING, /* Trying in the non-INVITE machine */
	CLIENT_PROCEEDING,
	CLIENT_ACCEPTED, /* INVITE only */
	CLIENT_COMPLETED,
	CLIENT_TERMINATED,
};

/* The machine's own part of a client transaction. */
struct client_machine {
	uint64_t retransmit_at_ms; /* TIMERS_NEVER: not */
	uint64_t give_up_at_ms;    /* end of the present state: B, D, F, K, M */
	uint64_t
		send_at_ms; /* the request has not gone out yet: tried again then; TIMERS_NEVER: it has */
	uint32_t interval_ms; /* of the last retransmission */
	uint8_t state;        /* enum client_state */
	bool is_invite;
	bool reliable; /* transport */
};

/* What is to be done; several at once. */
enum client_order {
	CLIENT_PASS_UP = 1,         /* give the response to the transaction user */
	CLIENT_SEND_REQUEST = 2,    /* retransmit the request */
	CLIENT_SEND_ACK = 4,        /* send the ACK for this non-2xx final response (again) */
	CLIENT_TIMED_OUT = 8,       /* tell the transaction user: no final response */
	CLIENT_ENDED = 16,          /* nothing more comes of it */
	CLIENT_LET_REQUEST_GO = 32, /* the bytes of the request are not needed any more */
};

/* The request was sent at now_ms. */
void client_machine_start(struct client_machine *m, bool is_invite, bool reliable,
			  const struct timer_values *timers, uint64_t now_ms);
/* It was not, for want of room: it is to be sent as soon as timers are looked at again, over a stream
 * too, where Timers A and E do not run. They and B and F run on from the start. */
void client_machine_not_sent(struct client_machine *m, uint64_t now_ms);
static inline bool client_machine_is_unsent(const struct client_machine *m)
{
	return m->send_at_ms != TIMERS_NEVER;
}
/* Now it was. */
static inline void client_machine_sent_at_last(struct client_machine *m)
{
	m->send_at_ms = TIMERS_NEVER;
}
/* A response with this status arrived; returns enum client_order bits. */
unsigned client_machine_response(struct client_machine *m, unsigned status,
				 const struct timer_values *timers, uint64_t now_ms);
/* The deadline has passed. */
unsigned client_machine_expired(struct client_machine *m, const struct timer_values *timers,
				uint64_t now_ms);
/* The transport refused the request (RFC 3261 §17.1.4, §8.1.3.1: as 503). */
unsigned client_machine_transport_failed(struct client_machine *m);
static inline uint64_t client_machine_deadline_ms(const struct client_machine *m)
{
	uint64_t at =
		m->retransmit_at_ms < m->give_up_at_ms ? m->retransmit_at_ms : m->give_up_at_ms;

	return m->send_at_ms < at ? m->send_at_ms : at;
}

#endif
