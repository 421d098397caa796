/* Orders of the operator: one session, all of a user, all; paced, resumable, idempotent. */
#include "node/legs.h"

#define TICK_MS       10u
#define LOOK_PER_TICK 8192u

static struct release_order *order_at(struct node *node, uint32_t number)
{
	for (unsigned i = 0; number && i < LIMIT_RELEASE_ORDERS; i++)
		if (node->orders[i].number == number)
			return &node->orders[i];
	return NULL;
}

static const struct release_order *finished_at(const struct node *node, uint32_t number)
{
	for (unsigned i = 0; number && i < FINISHED_ORDERS; i++)
		if (node->finished[i].number == number)
			return &node->finished[i];
	return NULL;
}

static bool is_printable(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
			return false;
	return true;
}

static bool is_valid(const struct node *node, const struct node_release_order *order)
{
	unsigned status = order->status ? order->status : node->settings->release_status;

	return status >= 300 && status <= 699 &&
	       order->reason_text.len <= sizeof(((struct release_order *)0)->reason_text) &&
	       is_printable(order->reason_text) && order->user.len <= LIMIT_URI_BYTES;
}

static void count_leg(uint8_t outcome, unsigned status, struct node_release_progress *p)
{
	if (outcome == LEG_TIMED_OUT)
		p->legs_timed_out++;
	else if (outcome == LEG_TRANSPORT_FAILED)
		p->legs_transport_failed++;
	else if (outcome != LEG_ANSWERED)
		return;
	else if (status >= 200 && status < 300)
		p->legs_2xx++;
	else if (status == 481)
		p->legs_481++;
	else
		p->legs_other++;
}

static void count_legs_of_passage(struct node *node, const struct session *session,
				  struct node_release_progress *p)
{
	struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		for (int side = 0; side < 2; side++)
			count_leg(dialog->outcome[side], dialog->outcome_status[side], p);
	if (session->cancel_outcome == LEG_TIMED_OUT)
		p->legs_timed_out++;
	else if (session->cancel_outcome == LEG_TRANSPORT_FAILED)
		p->legs_transport_failed++;
	else if (session->cancel_outcome == LEG_ANSWERED)
		p->legs_other += session->cancel_status != 487,
			p->legs_2xx += session->cancel_status == 487;
}

static void count_legs(struct node *node, const struct session *first,
		       struct node_release_progress *p)
{
	const struct anchored_session *a = anchored_of(node, first);

	for (const struct session *session = first; session;
	     session = session_next_passage(node, session))
		count_legs_of_passage(node, session, p);
	for (unsigned i = 0; a && i < ANCHORED_LEGS; i++)
		count_leg(a->legs[i].outcome, a->legs[i].bye_status, p);
}

static void finish_if_done(struct node *node, struct release_order *order)
{
	struct node_release_progress *p = &order->progress;

	if (!(order->scanned || p->stopped) || p->ended < p->begun)
		return;
	p->running = false;
	node->finished[node->next_finished] = *order;
	node->next_finished = (node->next_finished + 1) % FINISHED_ORDERS;
	order->number = 0;
}

void orders_session_finished(struct node *node, struct session *session)
{
	struct release_order *order = order_at(node, session->release_order);

	node->counters.releases_done++;
	if (!order)
		return;
	order->progress.ended++;
	count_legs(node, session, &order->progress);
	finish_if_done(node, order);
}

static void begin_one(struct node *node, struct release_order *order, struct session *session)
{
	struct node_release_progress *p = &order->progress;

	p->found++;
	if (session_state_of_all(node, session) == SESSION_RELEASING) {
		p->already_releasing++;
		return;
	}
	if (order->what.dry_run)
		return;
	p->begun++;
	session_release(node, session, order->what.status, order->what.reason_text, order->number,
			CLAUSE_RELEASE_ORDERED);
}

/* @req OP-3
 * A session is begun only while there are transactions for all its BYEs or CANCELs: a BYE that is not
 * sent would leave a leg behind. */
bool release_has_transactions_for(const struct node *node, const struct session *session)
{
	uint32_t wanted = handle_is_set(session->anchored) ? ANCHORED_LEGS : 0;

	for (const struct session *passage = session; passage;
	     passage = session_next_passage(node, passage))
		wanted += 2u * passage->n_dialogs + passage->pending_branches;

	return pool_max(node->clients) - pool_live(node->clients) >= wanted;
}

/* One session is ordered: at once, or as soon as there is room. */
static void work_off_one(struct node *node, struct release_order *order)
{
	struct session *session = session_at(node, order->what.id.handle);

	if (order->scanned)
		return;
	if (session && session_state_of_all(node, session) != SESSION_ENDED) {
		if (!release_has_transactions_for(node, session) || !node_has_room(node))
			return;
		order->scanned = true;
		begin_one(node, order, session_first(node, session));
	}
	order->scanned = true;
}

static bool began_after(const struct node *node, const struct session *session,
			const struct release_order *order)
{
	return (int32_t)(pool_handle(node->sessions, session).generation - order->last_serial) > 0;
}

/* Goes on with the walk as far as the pace, the outbox and the patience of one tick allow. */
static void work_off(struct node *node, struct release_order *order)
{
	uint64_t allowed = (node->now_ms - order->began_ms) * order->what.sessions_per_s / 1000 + 1;
	struct session *session;
	unsigned looked = 0;

	if (order->what.selector == NODE_SELECT_SESSION) {
		uint32_t number = order->number;

		work_off_one(node, order);
		if (order->number == number)
			finish_if_done(node, order);
		return;
	}
	while (!order->scanned && !order->progress.stopped && looked++ < LOOK_PER_TICK &&
	       node_has_room(node)) {
		uint32_t begun = order->progress.begun, before = order->cursor;
		uint32_t number = order->number;

		session = pool_next(node->sessions, &order->cursor);
		if (!session) {
			order->scanned = true;
			break;
		}
		if (session_first(node, session) != session ||
		    session_state_of_all(node, session) == SESSION_ENDED ||
		    began_after(node, session, order) ||
		    (order->what.selector == NODE_SELECT_USER &&
		     !session_is_of_user(node, session, order->what.user)))
			continue;
		/* Only the beginning is paced: the end of the walk is found at once. */
		if (order->begun_paced >= allowed || !release_has_transactions_for(node, session)) {
			order->cursor = before;
			break;
		}
		begin_one(node, order, session);
		if (order->number != number)
			return; /* the last one ended at once, and the order with it */
		order->begun_paced += order->progress.begun - begun;
	}
	finish_if_done(node, order);
}

/* A tick that is near already stays where it is: what comes in every few milliseconds must not put it
 * off for ever. */
void releases_arm(struct node *node)
{
	bool waiting = contacts_wait(node);

	for (unsigned i = 0; i < LIMIT_RELEASE_ORDERS; i++)
		waiting |= node->orders[i].number && !node->orders[i].scanned &&
			   !node->orders[i].progress.stopped;
	node->orders_timer.kind = NODE_TIMER_ORDERS;
	if (waiting && timer_is_running(&node->orders_timer))
		return;
	if (waiting)
		timers_start(&node->timers, &node->orders_timer, node->now_ms + TICK_MS);
	else
		timers_stop(&node->timers, &node->orders_timer);
}

void orders_expired(struct node *node)
{
	for (unsigned i = 0; i < LIMIT_RELEASE_ORDERS; i++)
		if (node->orders[i].number)
			work_off(node, &node->orders[i]);
	contacts_go_on(node); /* after the orders, which have a pace and leave it room */
	releases_arm(node);
}

static enum node_release_verdict find_one(struct node *node, const struct node_release_order *order,
					  struct session **ret)
{
	*ret = order->id.shard == node->settings->shard ? session_at(node, order->id.handle) : NULL;
	if (!*ret)
		return NODE_RELEASE_UNKNOWN;
	return session_state_of_all(node, *ret) == SESSION_ENDED ? NODE_RELEASE_ENDED
								 : NODE_RELEASE_ACCEPTED;
}

static void copy_texts(struct release_order *order)
{
	struct text user = order->what.user, text = order->what.reason_text;

	if (user.len)
		memcpy(order->user, user.at, user.len);
	if (text.len)
		memcpy(order->reason_text, text.at, text.len);
	order->what.user.at = order->user;
	order->what.reason_text.at = order->reason_text;
}

enum node_release_verdict node_release(struct node *node, uint64_t now_ms,
				       const struct node_release_order *wanted, uint32_t *ret_order)
{
	enum node_release_verdict verdict;
	struct release_order *order = NULL;
	struct session *session = NULL;

	if (now_ms > node->now_ms)
		node->now_ms = now_ms;
	if (!is_valid(node, wanted))
		return NODE_RELEASE_INVALID;
	if (wanted->selector == NODE_SELECT_SESSION &&
	    (verdict = find_one(node, wanted, &session)) != NODE_RELEASE_ACCEPTED)
		return verdict;
	for (unsigned i = 0; i < LIMIT_RELEASE_ORDERS && !order; i++)
		if (node->orders[i].number == 0)
			order = &node->orders[i];
	if (!order)
		return NODE_RELEASE_BUSY;
	*order = (struct release_order){
		.number = node->next_order++,
		.what = *wanted,
		.last_serial = pool_serial(node->sessions),
		.began_ms = node->now_ms,
	};
	if (node->next_order == 0)
		node->next_order = 1;
	if (!order->what.status)
		order->what.status = node->settings->release_status;
	if (!order->what.sessions_per_s)
		order->what.sessions_per_s = node->settings->release_sessions_per_s;
	copy_texts(order);
	order->progress.running = true;
	*ret_order = order->number;
	work_off(node, order);
	releases_arm(node);
	return NODE_RELEASE_ACCEPTED;
}

bool node_release_progress(const struct node *node, uint32_t number,
			   struct node_release_progress *ret)
{
	const struct release_order *order = order_at((struct node *)(uintptr_t)node, number);

	if (!order)
		order = finished_at(node, number);
	if (!order)
		return false;
	*ret = order->progress;
	return true;
}

bool node_release_stop(struct node *node, uint32_t number)
{
	struct release_order *order = order_at(node, number);

	if (!order)
		return finished_at(node, number) != NULL;
	order->progress.stopped = true;
	finish_if_done(node, order);
	releases_arm(node);
	return true;
}
