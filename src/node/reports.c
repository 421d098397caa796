/* What the operator sees: sessions, bindings, counters. */
#include "node/internal.h"
#include "node/legs.h"
#include "node/registrar.h"
#include "node/waits.h"

static void report_dialog(const struct dialog *dialog, struct node_dialog_report *shown)
{
	*shown = (struct node_dialog_report){.legs = {dialog->calling_leg, dialog->leg},
					     .state = dialog_state_name(dialog->state),
					     .to_tag = dialog_to_tag(dialog)};
	for (unsigned side = 0; side < 2; side++) {
		shown->remote_target[side] = dialog_text(dialog, DIALOG_TARGET + side);
		shown->route_set[side] = dialog_text(dialog, DIALOG_ROUTES + side);
		shown->cseq[side] = dialog->cseq[side];
		shown->has_cseq[side] = dialog->has_cseq[side];
		shown->outcome[side] = dialog->outcome[side];
		shown->outcome_status[side] = dialog->outcome_status[side];
	}
}

/* Of all passages, in their order. */
static void report_dialogs(const struct node *node, const struct session *first,
			   struct node_session_report *ret)
{
	const struct dialog *dialog;
	uint8_t passage = 0;

	for (const struct session *session = first; session;
	     session = session_next_passage(node, session)) {
		ret->n_dialogs += session->n_dialogs;
		for (struct handle h = session->first_dialog;
		     ret->n_dialogs_shown < NODE_REPORT_DIALOGS && (dialog = dialog_at(node, h));
		     h = dialog->next) {
			report_dialog(dialog, &ret->dialogs[ret->n_dialogs_shown]);
			ret->dialogs[ret->n_dialogs_shown++].passage = passage;
		}
		passage++;
	}
}

const char *node_verdict_name(enum transfer_verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_NONE] = "none",         [VERDICT_TRANSFERRED] = "transferred",
		[VERDICT_KEPT] = "kept",         [VERDICT_WINDOW_OVER] = "window over",
		[VERDICT_NOT_HELD] = "not held", [VERDICT_TRANSFER_FAILED] = "transfer failed",
		[VERDICT_RETURNED] = "returned",
	};

	return names[verdict];
}

static void report_leg(const struct leg *leg, struct node_leg_report *shown)
{
	shown->state = leg_state_name((enum leg_state)leg->state);
	shown->call_id = leg_text(leg, LEG_CALL_ID);
	shown->local_tag = leg_local_tag(leg);
	shown->remote_tag = leg_remote_tag(leg);
	shown->remote_target = leg_text(leg, LEG_TARGET);
	shown->local_cseq = leg->local_cseq;
	shown->remote_cseq = leg->has_remote_cseq ? leg->remote_cseq : 0;
	shown->number = leg->number;
	shown->outcome = leg->outcome;
	shown->outcome_status = leg->bye_status;
}

static void report_transfer(const struct anchored_session *a, struct node_transfer_report *shown)
{
	*shown = (struct node_transfer_report){
		.state = (enum transfer_state)a->transfer,
		.verdict = (enum transfer_verdict)a->verdict,
		.source_bye_ms = a->source_bye_at_ms,
		.source_bye_was_503 = a->source_bye_was_503,
		.hold_ms = a->hold_ms,
		.hold_until_ms = a->hold_until_ms,
		.stn_sr_ms = a->stn_sr_at_ms,
		.transferred_ms = a->transferred_at_ms,
		.came_back_ms = a->came_back_at_ms,
		.failed_ms = a->failed_at_ms,
		.failed_status = a->failed_status,
		.source_release_ms = a->source_release_at_ms,
	};
}

static void report_anchored(const struct anchored_session *a, struct node_session_report *ret)
{
	static const char *const names[ANCHORED_LEGS] = {
		[SOURCE_ACCESS_LEG] = "source access leg",
		[REMOTE_LEG] = "remote leg",
		[TARGET_ACCESS_LEG] = "target access leg",
	};

	ret->is_anchored = true;
	ret->expires_ms = a->expires_at_ms;
	for (unsigned i = 0; i < ANCHORED_LEGS; i++) {
		report_leg(&a->legs[i], &ret->legs[i]);
		ret->legs[i].name = names[i];
		ret->n_dialogs += leg_has_dialog(&a->legs[i]);
	}
	for (unsigned i = 0; i < a->n_forks; i++)
		ret->n_dialogs += leg_has_dialog(&a->forks[i]);
	report_transfer(a, &ret->transfer);
}

const char *node_state_name(const struct node_session_report *s)
{
	return s->is_terminating ? NODE_STATE_TERMINATING : session_state_name(s->state);
}

/* Whose doing an end is, before it is complete. An order that finds a BYE under way changes nothing of it. */
static bool is_terminating(const struct node *node, const struct session *session,
			   enum session_state state)
{
	if (state == SESSION_ENDED)
		return false;
	if (handle_is_set(session->anchored))
		return state == SESSION_RELEASING &&
		       (session->release_why == CLAUSE_SOURCE_LEG_ENDED ||
			session->release_why == CLAUSE_REMOTE_LEG_ENDED ||
			session->release_why == CLAUSE_TARGET_LEG_ENDED);
	return session_is_terminating(node, session) || session->bye_came_first ||
	       (state == SESSION_RELEASING && session->release_why == 0);
}

static void report(const struct node *node, const struct session *session,
		   struct node_session_report *ret)
{
	*ret = (struct node_session_report){
		.id = {node->settings->shard, pool_handle(node->sessions, session)},
		.state = session_state_of_all(node, session),
		.end = passage_of(node, session) &&
				       session_state_of_all(node, session) != SESSION_ENDED
			       ? SESSION_END_NONE
			       : (enum session_end)session->end,
		.end_status = session->end_status,
		.served = session_served_name(session->served),
		.began_ms = session->began_ms,
		.answered_ms = session->answered_after_ms
				       ? session->began_ms + session->answered_after_ms - 1
				       : 0,
		.ended_ms = session_state_of_all(node, session) == SESSION_ENDED
				    ? session->began_ms + session->ended_after_ms
				    : 0,
		.expires_ms = session->expires_s && timer_is_running(&session->timer) &&
					      session->timer.kind == SESSION_TIMER_EXPIRES
				      ? session->timer.at_ms
				      : 0,
		.call_id = session_text(session, SESSION_CALL_ID),
		.from = session_text(session, SESSION_FROM),
		.calling_user = session_text(session, SESSION_CALLING_USER),
		.called_user = session_text(session, SESSION_CALLED_USER),
		.setup_outcome = session->cancel_outcome,
		.setup_status = session->setup_status,
		.servers = session_text(session, SESSION_SERVERS),
		.server_legs = session->server_legs,
		.release_why = session->release_why,
		.is_terminating =
			is_terminating(node, session, session_state_of_all(node, session)),
		.bye_came_first = session->bye_came_first,
		.first_bye_leg = session->first_bye_leg,
		.reason_status = session->reason_status,
		.reason_text = session_text(session, SESSION_REASON_TEXT),
		.server_wait_ms = node->settings->server_wait_ms,
		.timer_b_ms = node->settings->timers.ms[TIMER_B],
		.timer_f_ms = node->settings->timers.ms[TIMER_F],
		.journal = &session->journal,
	};
	report_waits(node, session, ret);
	if (handle_is_set(session->anchored))
		report_anchored(anchored_of(node, session), ret);
	else
		report_dialogs(node, session, ret);
}

bool node_session(struct node *node, const struct node_session_id *id,
		  struct node_session_report *ret)
{
	struct session *session =
		id->shard == node->settings->shard ? session_at(node, id->handle) : NULL;

	if (session)
		report(node, session_first(node, session), ret);
	return session != NULL;
}

static bool has_leg_of(const struct anchored_session *a, struct text call_id)
{
	for (unsigned i = 0; i < ANCHORED_LEGS; i++)
		if (a->legs[i].state != LEG_UNUSED &&
		    text_equal(leg_text(&a->legs[i], LEG_CALL_ID), call_id))
			return true;
	return false;
}

static const struct session *newer(const struct session *a, const struct session *b)
{
	return !a || b->began_ms >= a->began_ms ? b : a;
}

/* `roles`: of the SCC AS (2), of the S-CSCF (1), or of both. */
#define OF_SCSCF 1u
#define OF_SCCAS 2u

static bool is_of_role(const struct session *session, unsigned roles)
{
	return (roles & (handle_is_set(session->anchored) ? OF_SCCAS : OF_SCSCF)) != 0;
}

static const struct session *newest_in_dialogs(const struct node *node, struct text call_id,
					       unsigned roles)
{
	uint32_t hash = call_id_hash(node, call_id);
	uint32_t at = map_first(&node->sessions_by_call_id, hash);
	const struct session *newest = NULL;
	uint64_t value;

	while ((value = map_value(&node->sessions_by_call_id, hash, &at))) {
		const struct session *session = session_at(node, handle_of_value(value));

		if (is_of_role(session, roles) &&
		    text_equal(session_text(session, SESSION_CALL_ID), call_id))
			newest = newer(newest, session_first(node, session));
	}
	return newest;
}

/* Preferred to `newest` when both began in the same millisecond. */
static const struct session *newest_in_legs(const struct node *node, struct text call_id,
					    const struct session *newest)
{
	uint32_t hash = call_id_hash(node, call_id);
	uint32_t at = map_first(&node->anchored_by_call_id, hash);
	uint64_t value;

	while ((value = map_value(&node->anchored_by_call_id, hash, &at))) {
		const struct anchored_session *a = anchored_at(node, handle_of_value(value));

		if (has_leg_of(a, call_id))
			newest = newer(newest, session_at(node, a->session));
	}
	return newest;
}

static bool found(const struct node *node, const struct session *session,
		  struct node_session_id *ret)
{
	if (session)
		*ret = (struct node_session_id){node->settings->shard,
						pool_handle(node->sessions, session)};
	return session != NULL;
}

bool node_session_by_call_id(struct node *node, struct text call_id, struct node_session_id *ret)
{
	const struct session *newest = newest_in_dialogs(node, call_id, OF_SCSCF | OF_SCCAS);

	return found(node, newest_in_legs(node, call_id, newest), ret);
}

bool node_session_of_role(struct node *node, struct text call_id, bool at_sccas,
			  struct node_session_id *ret)
{
	const struct session *newest =
		newest_in_dialogs(node, call_id, at_sccas ? OF_SCCAS : OF_SCSCF);

	return found(node, at_sccas ? newest_in_legs(node, call_id, newest) : newest, ret);
}

bool session_is_of_user(const struct node *node, const struct session *first, struct text user)
{
	struct scscf_surroundings around = {.subscribers = node->settings->subscribers};

	if (scscf_is_same_user(&around, user, session_text(first, SESSION_CALLING_USER)))
		return true;
	for (const struct session *session = first; session;
	     session = session_next_passage(node, session))
		if (scscf_is_same_user(&around, user, session_text(session, SESSION_CALLED_USER)))
			return true;
	return false;
}

bool node_sessions(struct node *node, enum node_which which, struct text user, uint32_t look_max,
		   uint64_t *cursor, struct node_session_report *ret)
{
	uint32_t index = (uint32_t)*cursor;
	const struct session *session;

	for (uint32_t looked = 0; looked < look_max; looked++) {
		session = pool_next(node->sessions, &index);
		*cursor = index;
		if (!session)
			return false;
		if (session_first(node, session) != session ||
		    (session_state_of_all(node, session) == SESSION_ENDED) != (which == NODE_GONE))
			continue;
		if (user.len && !session_is_of_user(node, session, user))
			continue;
		report(node, session, ret);
		return true;
	}
	*ret = (struct node_session_report){0};
	return true;
}

static const struct session *ended_at(const struct node *node, uint32_t newest_first)
{
	return session_at(node, node->ended[(node->ended_first + node->n_ended - 1 - newest_first) %
					    node->ended_max]);
}

static uint64_t ended_ms(const struct session *session)
{
	return session->began_ms + session->ended_after_ms;
}

/* How many ended later: the ring is in the order of their ends. */
static uint32_t ended_after(const struct node *node, uint64_t until_ms)
{
	uint32_t low = 0, high = node->n_ended;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ended_ms(ended_at(node, middle)) > until_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool node_ended_sessions(struct node *node, uint64_t until_ms, struct text user, uint32_t look_max,
			 uint32_t *at, struct node_session_report *ret)
{
	uint32_t later = ended_after(node, until_ms);

	for (uint32_t looked = 0; looked < look_max; looked++) {
		const struct session *session;

		if (*at >= node->n_ended - later)
			return false;
		session = ended_at(node, later + (*at)++);
		if (user.len && !text_equal(session_text(session, SESSION_CALLING_USER), user) &&
		    !text_equal(session_text(session, SESSION_CALLED_USER), user))
			continue;
		report(node, session, ret);
		return true;
	}
	*ret = (struct node_session_report){0};
	return true;
}

bool node_bindings(struct node *node, uint64_t *cursor, struct node_binding_report *ret)
{
	uint32_t index = (uint32_t)*cursor;
	const struct binding *binding;

	do { /* who has left is still known for a while */
		binding = bindings_walk(&node->bindings, &index);
	} while (binding && binding->expires_ms && !binding_text(binding, BINDING_CONTACT).len);
	*cursor = index;
	if (!binding)
		return false;
	*ret = (struct node_binding_report){
		.user = binding_text(binding, BINDING_USER),
		.contact = binding_text(binding, BINDING_CONTACT),
		.path = binding_text(binding, BINDING_PATH),
		.call_id = binding_text(binding, BINDING_CALL_ID),
		.expires_ms = binding->expires_ms,
		.cseq = binding->cseq,
	};
	return true;
}

static uint64_t live_dialogs(const struct node *node)
{
	uint64_t ended = 0;

	for (uint32_t i = 0; i < node->n_ended; i++) {
		const struct session *session =
			session_at(node, node->ended[(node->ended_first + i) % node->ended_max]);

		ended += session ? session->n_dialogs : 0;
	}
	return pool_live(node->dialogs) - ended;
}

static uint64_t live_anchored(const struct node *node)
{
	uint64_t ended = 0;

	for (uint32_t i = 0; i < node->n_ended; i++) {
		const struct session *session =
			session_at(node, node->ended[(node->ended_first + i) % node->ended_max]);

		ended += session && handle_is_set(session->anchored);
	}
	return pool_live(node->anchored) - ended;
}

const struct node_counters *node_counters(struct node *node)
{
	struct node_counters *c = &node->counters;

	c->sessions = c->sessions_begun - c->sessions_ended;
	c->passages = pool_live(node->passages);
	c->sessions_anchored = live_anchored(node);
	c->ended_sessions = node->n_ended;
	c->sessions_confirmed = node->confirmed;
	c->sessions_releasing = node->releasing;
	c->dialogs = live_dialogs(node);
	c->server_transactions = pool_live(node->servers);
	c->client_transactions = pool_live(node->clients);
	c->timers = node->timers.n_running;
	c->bindings = node->bindings.n_live;
	c->subscriptions = registrar_subscriptions(node);
	c->session_blocks = store_blocks(node->session_store);
	c->message_blocks = store_blocks(node->message_store);
	c->memory_bytes = pool_bytes(node->sessions) + pool_bytes(node->dialogs) +
			  pool_bytes(node->passages) + pool_bytes(node->servers) +
			  pool_bytes(node->clients) + store_bytes(node->session_store) +
			  store_bytes(node->message_store) + map_bytes(&node->servers_by_key) +
			  map_bytes(&node->sessions_by_call_id) +
			  map_bytes(&node->uses_by_contact) + pool_bytes(node->contact_uses) +
			  pool_bytes(node->anchored) + map_bytes(&node->anchored_by_call_id) +
			  map_bytes(&node->anchored_by_number);
	return c;
}
