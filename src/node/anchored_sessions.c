/* The life of anchored sessions (SCC AS) in the node's tables. */
#include "node/event_lines.h"
#include "node/legs.h"

#include "roles/sccas/users.h"
#include "sip/sdp.h"

#include <assert.h>

#define SESSIONS_OF_USER_MAX 64u

struct anchored_session *anchored_at(const struct node *node, struct handle handle)
{
	return pool_at(node->anchored, handle);
}

struct anchored_session *anchored_of(const struct node *node, const struct session *session)
{
	return session ? pool_at(node->anchored, session->anchored) : NULL;
}

/* ---------------------------------------------------------------- tables */

static uint32_t number_hash(const struct node *node, struct text number)
{
	return (uint32_t)hash_bytes(&node->key, number.at, number.len);
}

static struct text number_of(const struct anchored_session *a)
{
	return text_of(a->c_msisdn);
}

struct anchored_session *anchored_first_of_user(const struct node *node, struct text c_msisdn)
{
	uint32_t hash = number_hash(node, c_msisdn);
	uint32_t at = map_first(&node->anchored_by_number, hash);
	uint64_t value;

	while ((value = map_value(&node->anchored_by_number, hash, &at))) {
		struct anchored_session *a = anchored_at(node, handle_of_value(value));

		assert(a);
		if (text_equal(number_of(a), c_msisdn))
			return a;
	}
	return NULL;
}

static unsigned count_of_user(const struct node *node, const struct anchored_session *a)
{
	unsigned n = 0;

	for (; a; a = anchored_at(node, a->next_of_user))
		n++;
	return n;
}

/* The newest stands first, and it is the one in the map. */
static bool join_user(struct node *node, struct anchored_session *a, struct text c_msisdn)
{
	struct anchored_session *first = anchored_first_of_user(node, c_msisdn);
	uint32_t hash = number_hash(node, c_msisdn);
	struct handle own = pool_handle(node->anchored, a);

	if (c_msisdn.len >= sizeof(a->c_msisdn) ||
	    (first && count_of_user(node, first) >= SESSIONS_OF_USER_MAX) ||
	    !map_insert(&node->anchored_by_number, hash, handle_as_value(own)))
		return false;
	memcpy(a->c_msisdn, c_msisdn.at, c_msisdn.len);
	a->c_msisdn[c_msisdn.len] = '\0';
	if (first) {
		a->next_of_user = pool_handle(node->anchored, first);
		first->previous_of_user = own;
		map_remove(&node->anchored_by_number, hash, handle_as_value(a->next_of_user));
	}
	return true;
}

static void leave_user(struct node *node, struct anchored_session *a)
{
	struct anchored_session *previous = anchored_at(node, a->previous_of_user);
	struct anchored_session *next = anchored_at(node, a->next_of_user);
	uint32_t hash = number_hash(node, number_of(a));

	if (!a->c_msisdn[0])
		return;
	if (next)
		next->previous_of_user = a->previous_of_user;
	if (previous) {
		previous->next_of_user = a->next_of_user;
	} else {
		/* The place that becomes free is enough for the next one. */
		map_remove(&node->anchored_by_number, hash,
			   handle_as_value(pool_handle(node->anchored, a)));
		if (next &&
		    !map_insert(&node->anchored_by_number, hash, handle_as_value(a->next_of_user)))
			assert(false);
	}
	a->c_msisdn[0] = '\0';
}

bool anchored_index_leg(struct node *node, struct anchored_session *a, const struct leg *leg)
{
	uint32_t hash = call_id_hash(node, leg_text(leg, LEG_CALL_ID));
	uint32_t at = map_first(&node->anchored_by_call_id, hash);
	unsigned n = 0;

	/* A peer that gives many calls one Call-ID must not make every look-up a walk. */
	while (map_value(&node->anchored_by_call_id, hash, &at))
		if (++n == LIMIT_SESSIONS_OF_CALL_ID)
			return false;
	return map_insert(&node->anchored_by_call_id, hash,
			  handle_as_value(pool_handle(node->anchored, a)));
}

void anchored_unindex_leg(struct node *node, struct anchored_session *a, const struct leg *leg)
{
	struct text call_id = leg_text(leg, LEG_CALL_ID);

	if (call_id.len)
		map_remove(&node->anchored_by_call_id, call_id_hash(node, call_id),
			   handle_as_value(pool_handle(node->anchored, a)));
}

/* ---------------------------------------------------------------- finding legs */

struct leg_place leg_place_of(struct node *node, struct session *session, unsigned which,
			      unsigned fork)
{
	struct anchored_session *a = anchored_of(node, session);
	struct leg_place at = {.session = session, .anchored = a};

	assert(a && which < ANCHORED_LEGS);
	at.which = (enum anchored_leg)which;
	at.leg = &a->legs[which];
	if (fork && fork <= a->n_forks && !at.leg->is_calling) {
		at.fork = (uint8_t)fork;
		at.leg = &a->forks[fork - 1];
	} else if (fork && fork <= a->n_forks) {
		at.fork = (uint8_t)fork; /* the calling leg: the same, under another tag of ours */
	}
	return at;
}

/* Tag of ours in the calling leg's dialog that belongs to fork n: "TAG-n". */
static bool is_local_tag(const struct anchored_session *a, const struct leg *leg, struct text tag,
			 uint8_t *ret_fork)
{
	struct text own = leg_local_tag(leg);
	uint32_t n;

	*ret_fork = 0;
	if (text_equal(own, tag))
		return true;
	if (!leg->is_calling || tag.len < own.len + 2 || memcmp(tag.at, own.at, own.len) != 0 ||
	    tag.at[own.len] != '-' || !text_to_u32(text_from(tag, own.len + 1), a->n_forks, &n) ||
	    n == 0)
		return false;
	*ret_fork = (uint8_t)n;
	return true;
}

static bool is_dialog_of(const struct leg *leg, const struct sip_message *m)
{
	return text_equal(leg_text(leg, LEG_CALL_ID), m->call_id) &&
	       text_equal(leg_remote_tag(leg), m->from_tag);
}

static bool find_leg(struct node *node, struct anchored_session *a, const struct sip_message *m,
		     struct leg_place *ret)
{
	struct session *session = session_at(node, a->session);
	uint8_t fork;

	for (unsigned which = 0; which < ANCHORED_LEGS; which++) {
		const struct leg *leg = &a->legs[which];

		if (leg->state == LEG_UNUSED)
			continue;
		if (is_dialog_of(leg, m) && is_local_tag(a, leg, m->to_tag, &fork)) {
			*ret = leg_place_of(node, session, which, fork);
			return true;
		}
		for (unsigned i = 0; i < a->n_forks && !leg->is_calling; i++)
			if (is_dialog_of(&a->forks[i], m) &&
			    text_equal(leg_local_tag(&a->forks[i]), m->to_tag)) {
				*ret = leg_place_of(node, session, which, i + 1);
				return true;
			}
	}
	return false;
}

bool anchored_leg_of_request(struct node *node, const struct sip_message *request,
			     struct leg_place *ret)
{
	uint32_t hash = call_id_hash(node, request->call_id);
	uint32_t at = map_first(&node->anchored_by_call_id, hash);
	uint64_t value;

	while ((value = map_value(&node->anchored_by_call_id, hash, &at))) {
		struct anchored_session *a = anchored_at(node, handle_of_value(value));

		assert(a);
		if (find_leg(node, a, request, ret))
			return true;
	}
	return false;
}

struct anchored_session *anchored_of_dialog(const struct node *node, struct text call_id,
					    struct text one_tag, struct text other_tag)
{
	uint32_t hash = call_id_hash(node, call_id);
	uint32_t at = map_first(&node->anchored_by_call_id, hash);
	uint64_t value;

	while ((value = map_value(&node->anchored_by_call_id, hash, &at))) {
		struct anchored_session *a = anchored_at(node, handle_of_value(value));
		const struct leg *leg;
		struct text own, peer;

		assert(a);
		leg = &a->legs[SOURCE_ACCESS_LEG];
		own = leg_local_tag(leg);
		peer = leg_remote_tag(leg);
		if (text_equal(leg_text(leg, LEG_CALL_ID), call_id) &&
		    ((text_equal(own, one_tag) && text_equal(peer, other_tag)) ||
		     (text_equal(own, other_tag) && text_equal(peer, one_tag))))
			return a;
	}
	return NULL;
}

struct leg *anchored_peer(struct anchored_session *a, enum anchored_leg which,
			  enum anchored_leg *ret_which)
{
	enum anchored_leg peer = which == REMOTE_LEG ? (enum anchored_leg)a->access : REMOTE_LEG;

	if ((which != REMOTE_LEG && which != a->access) || !leg_is_alive(&a->legs[peer]))
		return NULL;
	*ret_which = peer;
	return &a->legs[peer];
}

/* ---------------------------------------------------------------- begin and end */

struct anchored_session *anchored_begin(struct node *node, const struct sip_message *invite,
					const struct sccas_user *user, bool is_terminating,
					struct text calling_user, struct text called_user)
{
	struct scscf_service service = {
		.served = is_terminating ? SERVES_CALLED : SERVES_CALLING,
		.calling_user = calling_user,
		.called_user = called_user,
	};
	struct anchored_session *a;
	struct session *session;
	struct handle handle;

	a = pool_take(node->anchored, &handle);
	if (!a)
		return NULL;
	session = session_begin(node, invite, &service,
				sip_value(invite, SIP_HEADER_P_CHARGING_VECTOR));
	if (!session) {
		pool_give_back(node->anchored, a);
		return NULL;
	}
	session->anchored = handle;
	session->next_leg = LEG_CALLED + 1;
	a->session = pool_handle(node->sessions, session);
	a->is_terminating = is_terminating;
	a->access = SOURCE_ACCESS_LEG;
	a->legs[SOURCE_ACCESS_LEG].number = is_terminating ? LEG_CALLED : LEG_CALLING;
	a->legs[REMOTE_LEG].number = is_terminating ? LEG_CALLING : LEG_CALLED;
	a->legs[TARGET_ACCESS_LEG].number = LEG_CALLED + 1;
	if (user && !join_user(node, a, user->c_msisdn))
		node->counters.lost_memory++; /* the call goes on; it cannot be transferred */
	return a;
}

void anchored_forget(struct node *node, struct session *session)
{
	struct anchored_session *a = anchored_of(node, session);

	if (!a)
		return;
	leave_user(node, a);
	for (unsigned i = 0; i < ANCHORED_LEGS; i++) {
		anchored_unindex_leg(node, a, &a->legs[i]);
		leg_clear(&a->legs[i], node->session_store);
	}
	for (unsigned i = 0; i < a->n_forks; i++)
		leg_clear(&a->forks[i], node->session_store);
	store_give_back(node->session_store, a->forks, LIMIT_FORKS * sizeof(struct leg));
	pool_give_back(node->anchored, a);
	session->anchored = NO_HANDLE;
}

/* ---------------------------------------------------------------- speech */

void anchored_speech_agreed(struct node *node, struct anchored_session *a)
{
	const struct leg *remote = &a->legs[REMOTE_LEG];

	sccas_speech_changed(a,
			     sdp_speech_of_pair(leg_text(remote, LEG_LOCAL_SDP),
						leg_text(remote, LEG_REMOTE_SDP)),
			     ++node->active_order);
}

/* ---------------------------------------------------------------- steps and waits */

static enum session_end end_of(const struct anchored_session *a)
{
	switch (a->why) {
	case CLAUSE_RELEASE_ORDERED: return SESSION_END_RELEASED;
	case CLAUSE_DEREGISTERED: return SESSION_END_DEREGISTERED;
	case CLAUSE_HOLD_OVER: return SESSION_END_NO_TRANSFER;
	case CLAUSE_OTHER_SESSION: return SESSION_END_OTHER_TRANSFERRED;
	case CLAUSE_TARGET_LEG_ENDED: return SESSION_END_BYE_OF_MSC;
	case CLAUSE_SOURCE_LEG_ENDED:
		return a->is_terminating ? SESSION_END_BYE_OF_CALLED : SESSION_END_BYE_OF_CALLING;
	case CLAUSE_REMOTE_LEG_ENDED:
		return a->is_terminating ? SESSION_END_BYE_OF_CALLING : SESSION_END_BYE_OF_CALLED;
	case CLAUSE_SOURCE_RELEASE_DELAY: return SESSION_END_BYE_OF_MSC;
	case CLAUSE_CANCEL: return SESSION_END_CANCELLED;
	case CLAUSE_SESSION_EXPIRED: return SESSION_END_SESSION_TIMER;
	case CLAUSE_LOST_DIALOG: return SESSION_END_LOST;
	case CLAUSE_BRANCH_TIMEOUT: return SESSION_END_NO_ANSWER;
	case CLAUSE_NO_ACK: return SESSION_END_NO_ANSWER;
	default: return SESSION_END_REJECTED;
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static void arm(struct node *node, struct session *session, const struct anchored_session *a)
{
	uint64_t at = UINT64_MAX;

	at = earlier(at, a->hold_until_ms);
	at = earlier(at, a->source_release_at_ms);
	at = earlier(at, a->update_again_at_ms);
	at = earlier(at, a->update_until_ms);
	at = earlier(at, a->progress_again_at_ms);
	at = earlier(at, a->expires_at_ms);
	if (sccas_refreshes(a))
		at = earlier(at, a->refresh_at_ms);
	session->timer.kind = SESSION_TIMER_ANCHORED;
	if (at == UINT64_MAX)
		timers_stop(&node->timers, &session->timer);
	else
		timers_start(&node->timers, &session->timer, at);
}

static bool has_living_leg(const struct anchored_session *a)
{
	for (unsigned i = 0; i < ANCHORED_LEGS; i++)
		if (a->legs[i].state != LEG_UNUSED && a->legs[i].state != LEG_OVER)
			return true;
	return false;
}

static void tell(struct node *node, const struct session *session, const struct anchored_session *a,
		 const char *words)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_NOTICE, words))
		return;
	event_line_session(&line, session);
	event_line_text(&line, "c_msisdn", number_of(a));
	if (a->source_bye_at_ms)
		event_line_number(&line, "after_bye_ms", node->now_ms - a->source_bye_at_ms);
	if (a->hold_until_ms)
		event_line_number(&line, "hold_ms", a->hold_ms);
	if (a->failed_at_ms && a->told_failed_ms == a->failed_at_ms)
		event_line_number(&line, "status", a->failed_status);
	event_line_end(&line);
}

static void note_transfer(struct node *node, const struct session *session,
			  struct anchored_session *a)
{
	if (a->transferred_at_ms != a->told_transferred_ms) {
		a->told_transferred_ms = a->transferred_at_ms;
		node->counters.transfers_done++;
		tell(node, session, a, "transfer done");
	}
	if (a->failed_at_ms != a->told_failed_ms) {
		a->told_failed_ms = a->failed_at_ms;
		node->counters.transfers_failed++;
		tell(node, session, a, "transfer failed");
	}
}

/* A hold is over: kept by a transfer, released because none came about, or neither (the remote party
 * hung up, the operator). */
static void note_hold_ended(struct node *node, const struct session *session,
			    struct anchored_session *a)
{
	bool is_kept = a->access == TARGET_ACCESS_LEG;

	if (!a->hold_began || a->hold_ended || !(is_kept || a->is_ending))
		return;
	a->hold_ended = true;
	if (is_kept)
		node->counters.holds_kept++;
	else if (a->why == CLAUSE_HOLD_OVER)
		node->counters.holds_released++;
	tell(node, session, a,
	     is_kept                      ? "hold kept by a transfer"
	     : a->why == CLAUSE_HOLD_OVER ? "hold over, no transfer came about"
					  : "hold ended with its session");
}

static void note_hold(struct node *node, struct session *session, struct anchored_session *a)
{
	if (a->hold_until_ms && !a->hold_began) {
		a->hold_began = true;
		node->counters.holds++;
		session_journal(
			node, session,
			(struct journal_record){.kind = JOURNAL_TIMER, .clause = CLAUSE_HOLD});
		tell(node, session, a, "hold begun");
	}
	note_hold_ended(node, session, a);
}

void anchored_step_done(struct node *node, struct session *session)
{
	struct anchored_session *a = anchored_of(node, session);
	struct leg_actions actions = {.n = 0};

	if (session->state == SESSION_ENDED)
		return;
	sccas_remote_leg_is_free_again(a, &actions);
	carry_out_legs(node, session, &actions);
	note_hold(node, session, a);
	note_transfer(node, session, a);
	if (has_living_leg(a)) {
		arm(node, session, a);
		return;
	}
	leave_user(node, a);
	if (session->release_why == 0)
		session->release_why = a->why;
	session_finish(node, session, end_of(a),
		       session->reason_status ? session->reason_status : session->end_status,
		       (enum session_clause)session->release_why);
}

void anchored_timer_expired(struct node *node, struct session *session)
{
	struct anchored_session *a = anchored_of(node, session);
	struct leg_actions actions = {.n = 0};

	if (a->expires_at_ms && node->now_ms >= a->expires_at_ms) {
		a->expires_at_ms = 0;
		node->counters.sessions_expired++;
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_TIMER,
							.clause = CLAUSE_SESSION_EXPIRED});
		if (!a->is_ending)
			sccas_release_all(a, CLAUSE_SESSION_EXPIRED, 408, &actions);
	}
	if (a->progress_again_at_ms && node->now_ms >= a->progress_again_at_ms)
		leg_progress_again(node, session);
	sccas_wait_over(a, &node->settings->sccas, node->now_ms, &actions);
	if (actions.n && session->release_why == 0 && actions.list[0].clause == CLAUSE_HOLD_OVER)
		session_journal(
			node, session,
			(struct journal_record){.kind = JOURNAL_TIMER, .clause = CLAUSE_HOLD_OVER});
	carry_out_legs(node, session, &actions);
	anchored_step_done(node, session);
}

void anchored_release(struct node *node, struct session *session, enum session_clause clause)
{
	struct leg_actions actions = {.n = 0};

	sccas_release_all(anchored_of(node, session), clause, session->reason_status, &actions);
	carry_out_legs(node, session, &actions);
	anchored_step_done(node, session);
}
