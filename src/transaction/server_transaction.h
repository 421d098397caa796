/* Server transactions: RFC 3261 §17.2 with the Accepted state of RFC 6026 §7.1 and the rules of RFC
 * 4320 for non-INVITE. Pure, as the client machines.
 *
 *  INVITE      Proceeding --2xx--> Accepted --L--> Terminated
 *                  \--3xx-6xx--> Completed --ACK--> Confirmed --I--> Terminated
 *                                    \--H--> Terminated (no ACK came)
 *  non-INVITE  Trying --100--> Proceeding --2xx-6xx--> Completed --J--> Terminated */
#ifndef TRANSACTION_SERVER_TRANSACTION_H
#define TRANSACTION_SERVER_TRANSACTION_H

#include "base/hash.h"
#include "base/timers.h"
#include "sip/message.h"
#include "transaction/timer_table.h"

enum server_state {
	SERVER_TRYING, /* non-INVITE: nothing sent yet; INVITE: nothing sent and 200 ms not yet over */
	SERVER_PROCEEDING, /* a provisional response was sent */
	SERVER_ACCEPTED,   /* INVITE only */
	SERVER_COMPLETED,
	SERVER_CONFIRMED, /* INVITE only */
	SERVER_TERMINATED,
};

struct server_machine {
	uint64_t retransmit_at_ms; /* final response to INVITE (Timer G), or the 100 that is due */
	uint64_t give_up_at_ms;    /* end of the present state: H, I, J, L */
	uint64_t
		send_at_ms; /* the last response has not gone out yet: tried again then; TIMERS_NEVER: it has */
	uint32_t interval_ms;
	uint8_t state; /* enum server_state */
	bool is_invite;
	bool reliable;
};

enum server_order {
	SERVER_SEND_RESPONSE = 1, /* send the last response (again) */
	SERVER_SEND_TRYING = 2,   /* a 100 is due: 200 ms (INVITE) or late (RFC 4320 §4.1) */
	SERVER_NO_ACK = 4,        /* the ACK of a non-2xx final never came (Timer H) */
	SERVER_ENDED = 8,
};

/* A request arrived. A 100 will fall due by itself: for INVITE after 200 ms (RFC 3261 §17.2.1), for
 * others when the peer's Timer E has reached T2, whatever the transport (RFC 4320 §4.1). */
void server_machine_start(struct server_machine *m, bool is_invite, bool reliable,
			  const struct timer_values *timers, uint64_t now_ms);
/* The same request again. */
unsigned server_machine_request_again(struct server_machine *m);
/* ACK for a non-2xx (INVITE). */
unsigned server_machine_ack(struct server_machine *m, const struct timer_values *timers,
			    uint64_t now_ms);
/* May a response with this status be sent now? No second final response, no provisional after a
 * final one, no 1xx but 100 and no 408 to a non-INVITE (RFC 4320 §4). Further 2xx to an INVITE in
 * Accepted: yes. */
bool server_machine_may_send(const struct server_machine *m, unsigned status);
/* A response was sent. Timers of the new state are started. SERVER_ENDED: no state has to be kept. */
unsigned server_machine_sent(struct server_machine *m, unsigned status,
			     const struct timer_values *timers, uint64_t now_ms);
/* It was not, for want of room, but is kept: it is to be sent as soon as timers are looked at again, or
 * the request comes again. The transaction lives until then, also where it would end with the response. */
void server_machine_not_sent(struct server_machine *m, const struct timer_values *timers,
			     uint64_t now_ms);
static inline bool server_machine_is_unsent(const struct server_machine *m)
{
	return m->send_at_ms != TIMERS_NEVER;
}
/* Now it was. */
void server_machine_sent_at_last(struct server_machine *m, uint64_t now_ms);
/* Accepted: from now on the 2xx is repeated here, T1 doubling up to T2, because the callee that
 * would repeat it was acknowledged by this server (RFC 3261 §13.3.1.4). Ends with
 * server_machine_2xx_acknowledged() or Timer L. */
void server_machine_repeat_2xx(struct server_machine *m, const struct timer_values *timers,
			       uint64_t now_ms);
void server_machine_2xx_acknowledged(struct server_machine *m);
/* No response will ever be sent (RFC 4320 §4.2): the transaction waits silently as long as the peer
 * may retransmit. */
void server_machine_stay_silent(struct server_machine *m, const struct timer_values *timers,
				uint64_t now_ms);
unsigned server_machine_expired(struct server_machine *m, const struct timer_values *timers,
				uint64_t now_ms);
static inline uint64_t server_machine_deadline_ms(const struct server_machine *m)
{
	uint64_t at =
		m->retransmit_at_ms < m->give_up_at_ms ? m->retransmit_at_ms : m->give_up_at_ms;

	return m->send_at_ms < at ? m->send_at_ms : at;
}

/* What identifies a server transaction, RFC 3261 §17.2.3: branch, sent-by and method (ACK counts as
 * INVITE; CANCEL is its own), for RFC 2543 peers the old rules. As 128 bits of a keyed hash: a peer
 * cannot aim at another's. */
struct server_key {
	uint64_t word[2];
};
struct server_key server_key_of(const struct hash_key *key, const struct sip_message *request);
/* The key of the INVITE that this CANCEL means (RFC 3261 §9.2). */
struct server_key server_key_of_cancelled(const struct hash_key *key,
					  const struct sip_message *cancel);

#define SERVER_TRYING_AFTER_MS 200u /* RFC 3261 §17.2.1 */

#endif
