/* What a session waits for at this moment: found in its transactions, its dialogs and its journal. */
#include "node/waits.h"

const char *node_wait_name(enum node_wait_kind kind)
{
	static const char *const names[] = {
		[NODE_WAIT_BYE] = "answer to a party's BYE",
		[NODE_WAIT_OWN_BYE] = "answer to our BYE",
		[NODE_WAIT_OWN_CANCEL] = "end of a cancelled INVITE",
		[NODE_WAIT_BYE_OF_SERVER] = "BYE of an application server",
		[NODE_WAIT_ACK] = "ACK",
		[NODE_WAIT_RETRY] = "second BYE",
		[NODE_WAIT_SERVER] = "first response of an application server",
		[NODE_WAIT_RESPONSE] = "first response to the INVITE",
		[NODE_WAIT_ANSWER] = "final response to the INVITE",
	};

	return names[kind];
}

/* ---------------------------------------------------------------- a party has hung up */

/* In every dialog of this passage a party's BYE waits for its answer. *ret_by_user: not a server's. */
static bool ends_by_bye(const struct node *node, const struct session *session, bool *ret_by_user)
{
	const struct server_transaction *bye;
	const struct dialog *dialog;
	bool found = false;

	if (session->state != SESSION_ANSWERED && session->state != SESSION_CONFIRMED)
		return false;
	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next) {
		if (dialog->state != DIALOG_ANSWERED && dialog->state != DIALOG_CONFIRMED)
			continue;
		if (dialog->byes_under_way == 0)
			return false;
		found = true;
		bye = pool_at(node->servers, dialog->bye);
		*ret_by_user |= bye && session->sides[bye->side] < SIDE_IS_SERVER_OF_CALLING;
	}
	return found;
}

/* A server that ends one of its dialogs may go on with the other (a B2BUA with an announcement); when a user
 * hangs up, the session is ending. */
bool session_is_terminating(const struct node *node, const struct session *first)
{
	bool by_user = false, some = false, all = true;

	for (const struct session *session = first; session;
	     session = session_next_passage(node, session)) {
		bool ends = ends_by_bye(node, session, &by_user);

		some |= ends;
		all &= ends || session->state == SESSION_ENDED;
	}
	return some && (by_user || all);
}

static void add(struct node_session_report *ret, struct node_wait wait)
{
	if (ret->n_waits < NODE_REPORT_WAITS)
		ret->waits[ret->n_waits++] = wait;
}

/* The last BYE or CANCEL that went there; NULL: none, or the journal does not have it any more. */
static const struct journal_record *sent_to(const struct node_session_report *s, unsigned leg,
					    unsigned method, bool is_ours)
{
	const struct journal_record *r, *found = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_REQUEST && r->method == method && r->to == leg &&
		    (r->from == LEG_SERVER) == is_ours)
			found = r;
	return found;
}

/* A BYE that was sent at `since_ms`. */
static void put_times(const struct node *node, struct node_wait *wait, uint64_t since_ms)
{
	wait->since_ms = since_ms;
	wait->until_ms = since_ms + node->settings->timers.ms[TIMER_F];
}

/* ---------------------------------------------------------------- BYEs of the parties */

static void add_bye_of_party(const struct node *node, const struct dialog *dialog,
			     struct node_session_report *ret)
{
	const struct server_transaction *bye = pool_at(node->servers, dialog->bye);
	const struct client_transaction *client =
		bye ? pool_at(node->clients, bye->first_branch) : NULL;
	struct node_wait wait = {.kind = NODE_WAIT_BYE};
	const struct journal_record *r;

	if (!bye)
		return;
	wait.from = bye->side == SIDE_CALLING ? dialog->calling_leg : dialog->leg;
	wait.leg = bye->side == SIDE_CALLING ? dialog->leg : dialog->calling_leg;
	if (client && client->final_status == 0) {
		put_times(node, &wait,
			  client->machine.give_up_at_ms - node->settings->timers.ms[TIMER_F]);
	}
	if ((r = sent_to(ret, wait.leg, SIP_BYE, false)))
		wait.n_sent = 1u + r->went_again;
	add(ret, wait);
}

/* ---------------------------------------------------------------- requests of our own */

static void add_own_bye(const struct node *node, unsigned leg, struct node_session_report *ret)
{
	struct node_wait wait = {.kind = NODE_WAIT_OWN_BYE, .leg = (uint8_t)leg};
	const struct journal_record *r = sent_to(ret, leg, SIP_BYE, true);

	if (r) {
		put_times(node, &wait, ret->began_ms + r->at_ms);
		wait.n_sent = 1u + r->went_again;
	}
	add(ret, wait);
}

static void add_of_side(const struct node *node, const struct session *session,
			const struct dialog *dialog, enum dialog_side side,
			struct node_session_report *ret)
{
	const struct service_passage *passage = passage_of(node, session);
	uint8_t leg = side == SIDE_CALLED ? dialog->leg : dialog->calling_leg;

	switch (dialog->outcome[side]) {
	case LEG_WAITING_FOR_ACK:
		add(ret, (struct node_wait){.kind = NODE_WAIT_ACK,
					    .leg = leg,
					    .until_ms = dialog->ack_wait_until_ms});
		break;
	case LEG_AWAITED:
		add(ret, (struct node_wait){.kind = NODE_WAIT_BYE_OF_SERVER,
					    .leg = leg,
					    .until_ms = passage ? passage->await_until_ms : 0});
		break;
	case LEG_SENT:
		if (dialog->retry_at_ms[side])
			add(ret, (struct node_wait){.kind = NODE_WAIT_RETRY,
						    .leg = leg,
						    .until_ms = dialog->retry_at_ms[side]});
		else
			add_own_bye(node, leg, ret);
		break;
	default: break;
	}
}

/* A passage that has nothing to send itself: what comes out of the server goes on. */
static void add_followed(const struct node *node, const struct session *session,
			 const struct dialog *dialog, struct node_session_report *ret)
{
	const struct service_passage *passage = passage_of(node, session);

	for (int side = 0; passage && passage->follows && side < 2; side++)
		if (session->release_parts[side] == RELEASE_AWAIT)
			add(ret,
			    (struct node_wait){.kind = NODE_WAIT_BYE_OF_SERVER,
					       .leg = side == SIDE_CALLED ? dialog->leg
									  : dialog->calling_leg,
					       .until_ms = passage->await_until_ms});
}

static void add_of_dialog(const struct node *node, const struct session *session,
			  const struct dialog *dialog, struct node_session_report *ret)
{
	if (dialog->state == DIALOG_RELEASING) {
		add_of_side(node, session, dialog, SIDE_CALLED, ret);
		add_of_side(node, session, dialog, SIDE_CALLING, ret);
	} else if (dialog->state != DIALOG_ENDED && dialog->byes_under_way) {
		add_bye_of_party(node, dialog, ret);
	} else if (dialog->state == DIALOG_ANSWERED || dialog->state == DIALOG_CONFIRMED) {
		add_followed(node, session, dialog, ret);
	}
}

/* ---------------------------------------------------------------- the INVITE */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static void add_branch(const struct node *node, const struct session *session,
		       const struct client_transaction *client, struct node_session_report *ret)
{
	const struct service_passage *passage = passage_of(node, session);
	struct node_wait wait = {
		.leg = client->leg,
		.until_ms = earlier(client->machine.give_up_at_ms, client->timer_c_at_ms)};

	if (client->is_cancelled || client->cancel_wanted) {
		wait.kind = NODE_WAIT_OWN_CANCEL;
	} else if (client->waits_for_server) {
		wait.kind = NODE_WAIT_SERVER;
		wait.ends_session = passage && passage->default_handling != SESSION_CONTINUED;
		wait.since_ms = client->timer_c_at_ms - node->settings->server_wait_ms;
	} else if (client->machine.state == CLIENT_CALLING) {
		wait.kind = NODE_WAIT_RESPONSE;
		wait.since_ms = client->machine.give_up_at_ms - node->settings->timers.ms[TIMER_B];
	} else {
		wait.kind = NODE_WAIT_ANSWER;
	}
	if (wait.until_ms == TIMERS_NEVER)
		wait.until_ms = 0;
	add(ret, wait);
}

/* The server has sent the INVITE on: who is waited for stands in the next passage. */
static bool has_gone_on(const struct node *node, const struct session *session)
{
	for (const struct session *other = session_first(node, session); other;
	     other = session_next_passage(node, other))
		if (other != session && other->state == SESSION_ESTABLISHING &&
		    handle_is_set(session->passage) &&
		    handle_equal(passage_of(node, other)->previous, session->passage))
			return true;
	return false;
}

static void add_branches(const struct node *node, const struct session *session,
			 struct node_session_report *ret)
{
	const struct server_transaction *invite = pool_at(node->servers, session->invite);
	const struct client_transaction *client;

	if (!invite || session->pending_branches == 0 || has_gone_on(node, session) ||
	    (session->state != SESSION_ESTABLISHING && session->state != SESSION_RELEASING))
		return;
	for (struct handle h = invite->first_branch; (client = pool_at(node->clients, h));
	     h = client->next)
		if (client->final_status == 0 && !client->is_passed_over)
			add_branch(node, session, client, ret);
}

/* ---------------------------------------------------------------- the SCC AS */

static void add_of_leg(const struct node *node, const struct leg *leg,
		       struct node_session_report *ret)
{
	const struct client_transaction *invite = pool_at(node->clients, leg->invite_out);
	const struct journal_record *r = sent_to(ret, leg->number, SIP_CANCEL, true);
	struct node_wait wait = {.leg = leg->number};

	if (leg->state == LEG_ENDING && leg->outcome == LEG_WAITING_FOR_ACK) {
		wait.kind = NODE_WAIT_ACK;
		add(ret, wait);
	} else if (leg->state == LEG_ENDING && leg->bye_is_out) {
		add_own_bye(node, leg->number, ret);
	} else if (leg->state == LEG_ENDING) {
		wait.kind = NODE_WAIT_OWN_CANCEL;
		wait.since_ms = r ? ret->began_ms + r->at_ms : 0;
		add(ret, wait);
	} else if ((leg->state == LEG_INVITED || leg->state == LEG_EARLY) && invite) {
		bool is_silent = invite->machine.state == CLIENT_CALLING;

		wait.kind = is_silent ? NODE_WAIT_RESPONSE : NODE_WAIT_ANSWER;
		wait.until_ms = earlier(invite->machine.give_up_at_ms, invite->timer_c_at_ms);
		if (wait.until_ms == TIMERS_NEVER)
			wait.until_ms = 0;
		add(ret, wait);
	}
}

void report_waits(const struct node *node, const struct session *first,
		  struct node_session_report *ret)
{
	const struct anchored_session *a = anchored_of(node, first);
	const struct dialog *dialog;

	for (unsigned i = 0; a && i < ANCHORED_LEGS; i++)
		add_of_leg(node, &a->legs[i], ret);
	for (const struct session *session = a ? NULL : first; session;
	     session = session_next_passage(node, session)) {
		if (session->state == SESSION_ENDED)
			continue;
		add_branches(node, session, ret);
		for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
		     h = dialog->next)
			add_of_dialog(node, session, dialog, ret);
	}
}
