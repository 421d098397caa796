/* RFC 3261 §17.2 server transactions, RFC 6026 §7.1, RFC 4320 §4 */
#include "transaction/server_transaction.h"

#include <assert.h>

/* When the peer's Timer E has been reset to T2: T1 + 2*T1 + 4*T1 ... until an interval reaches T2. Over
 * datagrams a 100 may not come sooner, over any transport it must come then (RFC 4320 §4.1). */
static uint32_t late_ms(const struct timer_values *timers)
{
	uint32_t sum = 0;

	for (uint32_t interval = timers->ms[TIMER_T1]; interval < timers->ms[TIMER_T2];
	     interval *= 2)
		sum += interval;
	return sum;
}

void server_machine_start(struct server_machine *m, bool is_invite, bool reliable,
			  const struct timer_values *timers, uint64_t now_ms)
{
	*m = (struct server_machine){
		.state = SERVER_TRYING,
		.is_invite = is_invite,
		.reliable = reliable,
		.retransmit_at_ms = now_ms + (is_invite ? SERVER_TRYING_AFTER_MS : late_ms(timers)),
		.give_up_at_ms = TIMERS_NEVER,
		.send_at_ms = TIMERS_NEVER,
	};
}

unsigned server_machine_request_again(struct server_machine *m)
{
	switch (m->state) {
	case SERVER_TRYING: return m->is_invite ? SERVER_SEND_TRYING : 0;
	case SERVER_PROCEEDING:
	case SERVER_COMPLETED: return SERVER_SEND_RESPONSE;
	default: return 0; /* Accepted and Confirmed absorb it */
	}
}

unsigned server_machine_ack(struct server_machine *m, const struct timer_values *timers,
			    uint64_t now_ms)
{
	uint32_t absorb_ms = timer_value(timers, TIMER_I, m->reliable);

	if (!m->is_invite || m->state != SERVER_COMPLETED)
		return 0;
	m->state = absorb_ms ? SERVER_CONFIRMED : SERVER_TERMINATED;
	m->retransmit_at_ms = TIMERS_NEVER;
	m->send_at_ms = TIMERS_NEVER;
	m->give_up_at_ms = absorb_ms ? now_ms + absorb_ms : TIMERS_NEVER;
	return absorb_ms ? 0 : SERVER_ENDED;
}

bool server_machine_may_send(const struct server_machine *m, unsigned status)
{
	if (m->state == SERVER_ACCEPTED)
		return status >= 200 && status < 300;
	if (m->state > SERVER_PROCEEDING)
		return false;
	return m->is_invite || (status >= 200 ? status != 408 : status == 100);
}

unsigned server_machine_sent(struct server_machine *m, unsigned status,
			     const struct timer_values *timers, uint64_t now_ms)
{
	uint32_t linger_ms;

	assert(server_machine_may_send(m, status));
	m->send_at_ms = TIMERS_NEVER; /* what was to be sent before has been overtaken */
	if (m->state == SERVER_ACCEPTED)
		return 0;
	m->retransmit_at_ms = TIMERS_NEVER;
	if (status < 200) {
		m->state = SERVER_PROCEEDING;
		return 0;
	}
	if (m->is_invite && status < 300) {
		m->state = SERVER_ACCEPTED;
		m->give_up_at_ms = now_ms + timers->ms[TIMER_L];
		return 0;
	}
	m->state = SERVER_COMPLETED;
	if (m->is_invite) {
		m->interval_ms = timer_value(timers, TIMER_G, m->reliable);
		if (m->interval_ms)
			m->retransmit_at_ms = now_ms + m->interval_ms;
		m->give_up_at_ms = now_ms + timers->ms[TIMER_H];
		return 0;
	}
	linger_ms = timer_value(timers, TIMER_J, m->reliable);
	if (linger_ms) {
		m->give_up_at_ms = now_ms + linger_ms;
		return 0;
	}
	m->state = SERVER_TERMINATED;
	m->give_up_at_ms = TIMERS_NEVER;
	return SERVER_ENDED;
}

void server_machine_not_sent(struct server_machine *m, const struct timer_values *timers,
			     uint64_t now_ms)
{
	m->send_at_ms = now_ms;
	if (m->state != SERVER_TERMINATED)
		return;
	m->state = SERVER_COMPLETED; /* non-INVITE over a stream */
	m->give_up_at_ms = now_ms + timers->ms[TIMER_J];
}

void server_machine_sent_at_last(struct server_machine *m, uint64_t now_ms)
{
	m->send_at_ms = TIMERS_NEVER;
	if (m->state == SERVER_COMPLETED && !m->is_invite && m->reliable)
		m->give_up_at_ms = now_ms;
}

void server_machine_repeat_2xx(struct server_machine *m, const struct timer_values *timers,
			       uint64_t now_ms)
{
	if (m->state != SERVER_ACCEPTED || m->reliable)
		return;
	m->interval_ms = timers->ms[TIMER_T1];
	m->retransmit_at_ms = now_ms + m->interval_ms;
}

void server_machine_2xx_acknowledged(struct server_machine *m)
{
	if (m->state == SERVER_ACCEPTED)
		m->retransmit_at_ms = m->send_at_ms = TIMERS_NEVER;
}

void server_machine_stay_silent(struct server_machine *m, const struct timer_values *timers,
				uint64_t now_ms)
{
	m->state = SERVER_CONFIRMED; /* absorbs retransmissions without an answer */
	m->retransmit_at_ms = m->send_at_ms = TIMERS_NEVER;
	m->give_up_at_ms = now_ms + timers->ms[TIMER_J];
}

unsigned server_machine_expired(struct server_machine *m, const struct timer_values *timers,
				uint64_t now_ms)
{
	assert(m->state != SERVER_TERMINATED);
	if (now_ms >= m->give_up_at_ms) {
		unsigned told = m->is_invite && m->state == SERVER_COMPLETED ? SERVER_NO_ACK : 0;

		m->state = SERVER_TERMINATED;
		m->retransmit_at_ms = m->give_up_at_ms = m->send_at_ms = TIMERS_NEVER;
		return told | SERVER_ENDED;
	}
	if (now_ms >= m->send_at_ms) {
		m->send_at_ms = now_ms + 1; /* unless it is sent now */
		return SERVER_SEND_RESPONSE;
	}
	if (now_ms < m->retransmit_at_ms)
		return 0;
	if (m->state == SERVER_TRYING) {
		m->retransmit_at_ms = TIMERS_NEVER;
		return SERVER_SEND_TRYING;
	}
	m->interval_ms *= 2; /* Timer G, up to T2 */
	if (m->interval_ms > timers->ms[TIMER_T2])
		m->interval_ms = timers->ms[TIMER_T2];
	m->retransmit_at_ms = now_ms + m->interval_ms;
	return SERVER_SEND_RESPONSE;
}

#define MAGIC_COOKIE TEXT("z9hG4bK")

static struct server_key key_for(const struct hash_key *key, const struct sip_message *request,
				 enum sip_method method)
{
	struct hash_key other = {{~key->word[0], key->word[1] + 1}};
	char method_byte = (char)method;
	struct text name = method == SIP_METHOD_OTHER ? request->method_name : (struct text){0};
	struct text parts[8];
	unsigned n;

	if (request->via.branch.len > MAGIC_COOKIE.len &&
	    text_starts_with_nocase(request->via.branch, MAGIC_COOKIE)) {
		struct text parts_3261[] = {
			request->via.branch,
			request->via.host,
			{(const char *)&request->via.port, sizeof(request->via.port)},
			{&method_byte, 1},
			name,
		};

		return (struct server_key){
			{hash_texts(key, parts_3261, 5), hash_texts(&other, parts_3261, 5)}};
	}
	/* RFC 2543 peers: Request-URI, tags, Call-ID, CSeq and the top Via. The To tag of an INVITE is left out so
	 * that the ACK of a non-2xx, which has ours, still matches. */
	n = 0;
	parts[n++] = request->request_uri;
	parts[n++] = request->from_tag;
	parts[n++] = request->call_id;
	parts[n++] = (struct text){(const char *)&request->cseq, sizeof(request->cseq)};
	parts[n++] = request->via.whole;
	parts[n++] = (struct text){&method_byte, 1};
	parts[n++] = name;
	parts[n++] = method == SIP_INVITE ? (struct text){0} : request->to_tag;
	return (struct server_key){{hash_texts(key, parts, n), hash_texts(&other, parts, n)}};
}

struct server_key server_key_of(const struct hash_key *key, const struct sip_message *request)
{
	return key_for(key, request, request->method == SIP_ACK ? SIP_INVITE : request->method);
}

struct server_key server_key_of_cancelled(const struct hash_key *key,
					  const struct sip_message *cancel)
{
	return key_for(key, cancel, SIP_INVITE);
}
