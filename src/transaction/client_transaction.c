/* RFC 3261 §17.1 client transactions, RFC 6026 §7.2 */
#include "transaction/client_transaction.h"

#include <assert.h>

void client_machine_start(struct client_machine *m, bool is_invite, bool reliable,
			  const struct timer_values *timers, uint64_t now_ms)
{
	uint32_t first = timer_value(timers, is_invite ? TIMER_A : TIMER_E, reliable);

	*m = (struct client_machine){
		.state = CLIENT_CALLING,
		.is_invite = is_invite,
		.reliable = reliable,
		.interval_ms = first,
		.retransmit_at_ms = first ? now_ms + first : TIMERS_NEVER,
		.give_up_at_ms = now_ms + timers->ms[is_invite ? TIMER_B : TIMER_F],
		.send_at_ms = TIMERS_NEVER,
	};
}

void client_machine_not_sent(struct client_machine *m, uint64_t now_ms)
{
	m->send_at_ms = now_ms;
}

static unsigned enter(struct client_machine *m, enum client_state state, uint32_t for_ms,
		      uint64_t now_ms)
{
	m->state = (uint8_t)state;
	m->retransmit_at_ms = TIMERS_NEVER;
	m->send_at_ms = TIMERS_NEVER;
	m->give_up_at_ms = now_ms + for_ms;
	if (for_ms > 0)
		return 0;
	m->state = CLIENT_TERMINATED;
	m->give_up_at_ms = TIMERS_NEVER;
	return CLIENT_ENDED;
}

static unsigned invite_response(struct client_machine *m, unsigned status,
				const struct timer_values *timers, uint64_t now_ms)
{
	switch (m->state) {
	case CLIENT_CALLING:
	case CLIENT_PROCEEDING:
		if (status < 200) {
			/* RFC 3261 §17.1.1.2: no more retransmissions, no Timer B; the proxy's Timer C
			 * bounds it. A bound set since, by a CANCEL, stays. */
			if (m->state == CLIENT_CALLING)
				m->give_up_at_ms = TIMERS_NEVER;
			m->state = CLIENT_PROCEEDING;
			m->retransmit_at_ms = TIMERS_NEVER;
			return CLIENT_PASS_UP;
		}
		if (status < 300) /* RFC 6026 §8.4 */
			return CLIENT_PASS_UP | CLIENT_LET_REQUEST_GO |
			       enter(m, CLIENT_ACCEPTED, timers->ms[TIMER_M], now_ms);
		return CLIENT_PASS_UP | CLIENT_SEND_ACK |
		       enter(m, CLIENT_COMPLETED, timer_value(timers, TIMER_D, m->reliable),
			     now_ms);
	case CLIENT_ACCEPTED: /* every 2xx goes up: of another fork, or again */
		return status >= 200 && status < 300 ? CLIENT_PASS_UP : 0;
	case CLIENT_COMPLETED: return status >= 300 ? CLIENT_SEND_ACK : 0;
	default: return 0;
	}
}

static unsigned non_invite_response(struct client_machine *m, unsigned status,
				    const struct timer_values *timers, uint64_t now_ms)
{
	if (m->state != CLIENT_CALLING && m->state != CLIENT_PROCEEDING)
		return 0;
	if (status < 200) {
		m->state = CLIENT_PROCEEDING; /* Timer E runs on; from its next firing it is T2 */
		return CLIENT_PASS_UP;
	}
	return CLIENT_PASS_UP | CLIENT_LET_REQUEST_GO |
	       enter(m, CLIENT_COMPLETED, timer_value(timers, TIMER_K, m->reliable), now_ms);
}

unsigned client_machine_response(struct client_machine *m, unsigned status,
				 const struct timer_values *timers, uint64_t now_ms)
{
	return m->is_invite ? invite_response(m, status, timers, now_ms)
			    : non_invite_response(m, status, timers, now_ms);
}

static unsigned end(struct client_machine *m)
{
	m->state = CLIENT_TERMINATED;
	m->retransmit_at_ms = TIMERS_NEVER;
	m->send_at_ms = TIMERS_NEVER;
	m->give_up_at_ms = TIMERS_NEVER;
	return CLIENT_ENDED;
}

unsigned client_machine_expired(struct client_machine *m, const struct timer_values *timers,
				uint64_t now_ms)
{
	assert(m->state != CLIENT_TERMINATED);
	if (now_ms >= m->give_up_at_ms) {
		unsigned told = m->state <= CLIENT_PROCEEDING ? CLIENT_TIMED_OUT : 0;

		return told | end(m);
	}
	if (now_ms >= m->send_at_ms) {
		m->send_at_ms = now_ms + 1; /* unless it is sent now */
		return CLIENT_SEND_REQUEST;
	}
	if (now_ms < m->retransmit_at_ms)
		return 0;
	m->interval_ms *= 2; /* Timer A doubles without bound (B ends it), E up to T2,
			      * at once when a provisional response has come (§17.1.2.2) */
	if (!m->is_invite &&
	    (m->state == CLIENT_PROCEEDING || m->interval_ms > timers->ms[TIMER_T2]))
		m->interval_ms = timers->ms[TIMER_T2];
	m->retransmit_at_ms = now_ms + m->interval_ms;
	return CLIENT_SEND_REQUEST;
}

unsigned client_machine_transport_failed(struct client_machine *m)
{
	if (m->state > CLIENT_PROCEEDING)
		return 0;
	return end(m) | CLIENT_TIMED_OUT;
}
