/* Service control over several passages of one session through this server; roles/scscf/service_control.h
 * says what a passage is. */
#include "node/event_lines.h"
#include "node/internal.h"

struct service_passage *passage_at(const struct node *node, struct handle handle)
{
	return pool_at(node->passages, handle);
}

struct service_passage *passage_of(const struct node *node, const struct session *session)
{
	return pool_at(node->passages, session->passage);
}

struct session *session_first(const struct node *node, const struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);
	const struct service_passage *first = passage ? passage_at(node, passage->first) : NULL;
	struct session *found = first ? session_at(node, first->session) : NULL;

	return found ? found : (struct session *)(uintptr_t)session;
}

struct session *session_next_passage(const struct node *node, const struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);
	const struct service_passage *next = passage ? passage_at(node, passage->next) : NULL;

	return next ? session_at(node, next->session) : NULL;
}

static bool is_live(const struct session *session)
{
	return session && session->state != SESSION_ENDED;
}

uint8_t session_take_leg(struct node *node, struct session *session)
{
	struct session *first = session_first(node, session);

	return first->next_leg < 250 ? first->next_leg++ : 250;
}

/* ---------------------------------------------------------------- beginning and end */

static void append(struct node *node, struct service_passage *first, struct handle handle)
{
	struct service_passage *last = first, *next;

	while ((next = passage_at(node, last->next)))
		last = next;
	last->next = handle;
}

struct service_passage *passage_begin(struct node *node, struct session *session,
				      struct service_passage *previous)
{
	struct handle handle;
	struct service_passage *passage = session ? passage_of(node, session) : NULL, *first;

	if (passage)
		return passage;
	first = previous ? passage_at(node, previous->first) : NULL;
	if (session && first && first->n_passages >= LIMIT_PASSAGES)
		return NULL;
	passage = pool_take(node->passages, &handle);
	if (!passage)
		return NULL;
	passage->first = previous ? previous->first : handle;
	passage->calling_leg = LEG_CALLING;
	if (previous) {
		passage->previous = pool_handle(node->passages, previous);
		passage->calling_leg = previous->called_leg;
		previous->called_back = true;
	}
	if (!session)
		return passage;
	passage->session = pool_handle(node->sessions, session);
	session->passage = handle;
	first = passage_at(node, passage->first);
	if (previous)
		append(node, first, handle);
	first->n_live++;
	first->n_passages++;
	return passage;
}

void passage_forget(struct node *node, struct handle handle)
{
	struct service_passage *passage = passage_at(node, handle);

	if (!passage)
		return;
	packed_text_clear(&passage->texts, node->session_store);
	pool_give_back(node->passages, passage);
}

void passages_ended(struct node *node, struct session *first)
{
	struct service_passage *passage = passage_of(node, first);

	if (!passage || !handle_is_set(passage->next))
		return;
	passage->next_ended = node->ended_passages;
	node->ended_passages = first->passage;
}

void passages_forget_ended(struct node *node)
{
	struct service_passage *first;

	while ((first = passage_at(node, node->ended_passages))) {
		struct service_passage *passage;

		node->ended_passages = first->next_ended;
		while ((passage = passage_at(node, first->next))) {
			struct session *session = session_at(node, passage->session);

			first->next = passage->next;
			session_take_dialogs(node, session_at(node, first->session), session);
			session_forget(node, session);
		}
	}
}

enum session_state session_state_of_all(const struct node *node, const struct session *session)
{
	const struct session *first = session_first(node, session);
	enum session_state of_all = SESSION_ENDED;

	if (!passage_of(node, first))
		return first->state;
	for (session = first; session; session = session_next_passage(node, session)) {
		if (!is_live(session))
			continue;
		if (first->release_why)
			return SESSION_RELEASING;
		if (session->state != SESSION_RELEASING)
			return session->state;
		of_all = SESSION_RELEASING;
	}
	return of_all;
}

static bool remember_server(struct node *node, struct session *first, uint8_t leg, struct text uri)
{
	struct text_writer w = text_writer_on(node->scratch2, LIMIT_ROUTE_SET_BYTES);

	if (leg < 32)
		first->server_legs |= 1u << leg;
	text_put(&w, session_text(first, SESSION_SERVERS));
	text_put(&w, uri);
	text_put_char(&w, '\n');
	return !w.full &&
	       session_set_text(first, node->session_store, SESSION_SERVERS, text_written(&w));
}

/* A new secret: what the last server was given holds no more. */
bool passage_to_server(struct node *node, struct service_passage *passage,
		       const struct scscf_service *service, struct text request_uri,
		       struct text charging_vector)
{
	const struct filter_criteria *criteria = service->criteria;
	struct session *session = session_at(node, passage->session);
	const struct text texts[PASSAGE_TEXTS] = {
		[PASSAGE_SERVED_USER] = service->served_user,
		[PASSAGE_REQUEST_URI] = request_uri,
		[PASSAGE_CHARGING_VECTOR] = session ? (struct text){0} : charging_vector,
	};

	if (!packed_text_build(&passage->texts, node->session_store, texts, passage->slices,
			       PASSAGE_TEXTS))
		return false;
	passage->secret = random_u64(&node->random);
	passage->position = (struct filter_position){
		.is_set = true, .ordinal = criteria->ordinal, .priority = criteria->priority};
	passage->session_case = (uint8_t)service->session_case;
	passage->default_handling = criteria->server.default_handling;
	passage->at_server = true;
	passage->called_back = false;
	passage->was_heard = false;
	if (!session)
		return true;
	passage->called_leg = session_take_leg(node, session);
	return remember_server(node, session_first(node, session), passage->called_leg,
			       criteria->server.uri);
}

struct service_passage *passage_of_original_dialog(const struct node *node,
						   const struct own_route *route)
{
	struct service_passage *passage = route->passage.shard == node->settings->shard
						  ? passage_at(node, route->passage.handle)
						  : NULL;
	const struct session *session;

	if (!passage || !passage->at_server || passage->secret != route->secret)
		return NULL;
	session = session_at(node, passage->session);
	if (session && (session->state == SESSION_ENDED || session->state == SESSION_RELEASING ||
			passage->follows))
		return NULL; /* the session that it belongs to is over */
	return passage;
}

/* ---------------------------------------------------------------- a server fails */

static void tell_failure(struct node *node, const struct session *session,
			 const struct client_transaction *client, unsigned status, bool goes_on)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_WARNING,
			      goes_on ? "application server skipped"
				      : "application server failed, the request ends"))
		return;
	event_line_session(&line, session ? session_first(node, session) : NULL);
	event_line_endpoint(&line, "server", &client->to);
	event_line_number(&line, "status", status);
	event_line_end(&line);
}

/* @req IC-8 IC-9 */
bool passage_goes_on(struct node *node, struct server_transaction *server,
		     const struct client_transaction *client, unsigned status)
{
	struct service_passage *passage = passage_at(node, server->passage);
	struct session *session = session_at(node, server->session);
	bool goes_on;

	if (!client->is_to_server || !passage || server->has_final || server->is_cancelled ||
	    (session && session->state != SESSION_ESTABLISHING) ||
	    !scscf_default_handling_applies(passage, status))
		return false;
	goes_on = passage->default_handling == SESSION_CONTINUED;
	passage->at_server = false;
	node->counters.servers_failed++;
	if (session)
		journal_server_failed(node, session, client, status,
				      goes_on ? CLAUSE_SERVER_PASSED_OVER : CLAUSE_SERVER_NEEDED);
	tell_failure(node, session, client, status, goes_on);
	if (goes_on)
		node->without_server = pool_handle(node->servers, server);
	return goes_on;
}

/* ---------------------------------------------------------------- a server forks */

/* Did the request come to `later` by way of `earlier`? */
static bool is_on_the_way(const struct node *node, const struct session *earlier,
			  const struct session *later)
{
	const struct service_passage *passage = passage_of(node, later);

	while (passage && passage != passage_of(node, earlier))
		passage = passage_at(node, passage->previous);
	return passage != NULL;
}

static bool rings_or_talks(const struct node *node, const struct session *session)
{
	const struct server_transaction *invite = pool_at(node->servers, session->invite);
	const struct client_transaction *client;

	if (session->state != SESSION_ESTABLISHING)
		return session->state < SESSION_RELEASING;
	for (struct handle h = invite ? invite->first_branch : NO_HANDLE;
	     (client = pool_at(node->clients, h)); h = client->next)
		if (!client->final_status && !client->is_cancelled && !client->cancel_wanted)
			return true;
	return false;
}

/* @req SC-0a */
bool passages_ring_elsewhere(const struct node *node, const struct session *session)
{
	if (!passage_of(node, session))
		return false;
	for (const struct session *other = session_first(node, session); other;
	     other = session_next_passage(node, other))
		if (rings_or_talks(node, other) && !is_on_the_way(node, other, session) &&
		    !is_on_the_way(node, session, other))
			return true;
	return false;
}

/* ---------------------------------------------------------------- release */

/* Is this session a neighbour of the other on that side? */
static bool is_neighbour(const struct node *node, const struct session *session,
			 enum dialog_side side, const struct session *other)
{
	const struct service_passage *own = passage_of(node, session),
				     *theirs = passage_of(node, other);

	if (!own || !theirs || own == theirs)
		return false;
	return side == SIDE_CALLING ? handle_equal(own->previous, other->passage)
				    : handle_equal(theirs->previous, session->passage);
}

/* Through a proxy the dialog is the same on both sides; a B2BUA makes another. */
static bool is_same_dialog(const struct session *a, const struct session *b)
{
	return text_equal(session_text(a, SESSION_CALL_ID), session_text(b, SESSION_CALL_ID)) &&
	       text_equal(session_from_tag(a), session_from_tag(b));
}

struct neighbours {
	bool lives[2], is_proxy[2];
};

static struct neighbours find_neighbours(const struct node *node, const struct session *session)
{
	struct neighbours found = {.is_proxy = {true, true}};

	for (const struct session *other = session_first(node, session); other;
	     other = session_next_passage(node, other))
		for (int side = 0; side < 2; side++)
			if (is_neighbour(node, session, (enum dialog_side)side, other)) {
				found.lives[side] |= is_live(other);
				found.is_proxy[side] &= is_same_dialog(session, other);
			}
	return found;
}

static bool only_follows(const struct session *session)
{
	return session->release_parts[SIDE_CALLING] != RELEASE_NOW &&
	       session->release_parts[SIDE_CALLED] != RELEASE_NOW &&
	       (session->release_parts[SIDE_CALLING] == RELEASE_FOLLOW ||
		session->release_parts[SIDE_CALLED] == RELEASE_FOLLOW);
}

static bool awaits(const struct session *session)
{
	return session->release_parts[SIDE_CALLING] == RELEASE_AWAIT ||
	       session->release_parts[SIDE_CALLED] == RELEASE_AWAIT;
}

static struct session *find_neighbour(const struct node *node, const struct session *session,
				      enum dialog_side side)
{
	struct session *other = session_first(node, session);

	while (other && !(is_neighbour(node, session, side, other) && is_live(other)))
		other = session_next_passage(node, other);
	return other;
}

/* How many servers the BYE has to pass before it comes here. */
static unsigned servers_before(const struct node *node, const struct session *session)
{
	enum dialog_side side =
		session->release_parts[SIDE_CALLING] == RELEASE_AWAIT ? SIDE_CALLING : SIDE_CALLED;
	unsigned n = 1;

	while ((session = find_neighbour(node, session, side)) &&
	       session->release_parts[side] == RELEASE_AWAIT && n < LIMIT_DIALOGS)
		n++;
	return n;
}

static void await(struct node *node, struct session *session)
{
	struct service_passage *passage = passage_of(node, session);
	uint64_t wait_ms = (uint64_t)node->settings->server_wait_ms * servers_before(node, session);

	passage->await_until_ms = node->now_ms + wait_ms;
	passage->follows = only_follows(session);
	if (passage->follows) {
		session->timer.kind = SESSION_TIMER_RELEASE;
		timers_start(&node->timers, &session->timer, passage->await_until_ms);
	}
}

void passages_release(struct node *node, struct session *first)
{
	struct session *next;

	for (struct session *session = first; session;
	     session = session_next_passage(node, session)) {
		struct neighbours neighbours = find_neighbours(node, session);

		if (is_live(session) && session->state != SESSION_RELEASING)
			scscf_release_parts(session, neighbours.lives);
	}
	/* All parts are known before the first BYE goes. */
	for (struct session *session = first; session; session = next) {
		next = session_next_passage(node, session);
		if (!is_live(session) || session->state == SESSION_RELEASING)
			continue;
		if (awaits(session))
			await(node, session);
		if (!only_follows(session))
			passage_release(node, session);
	}
}

/* Has the BYE not come yet that was to come from this side? */
static bool still_awaits(const struct node *node, const struct session *session,
			 enum dialog_side side)
{
	const struct dialog *dialog;

	if (session->state == SESSION_ESTABLISHING ||
	    (session->state == SESSION_RELEASING && session->pending_branches > 0))
		return true; /* a CANCEL or a final response */
	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (dialog->state == DIALOG_RELEASING
			    ? dialog->outcome[side] == LEG_AWAITED
			    : dialog->byes_under_way == 0 && dialog->state != DIALOG_ENDED &&
				      dialog->state != DIALOG_EARLY)
			return true;
	return false;
}

void passages_bye_passed(struct node *node, struct session *session, enum dialog_side toward)
{
	struct session *other;
	struct service_passage *passage;

	if (!passage_of(node, session) || !session_first(node, session)->release_why)
		return;
	other = find_neighbour(node, session, toward);
	passage = other ? passage_of(node, other) : NULL;
	if (!passage || passage->await_until_ms <= node->now_ms + node->settings->server_wait_ms)
		return;
	passage->await_until_ms = node->now_ms + node->settings->server_wait_ms;
	session_arm_release(node, other);
}

/* @req SC-3b
 * The BYE that the passage on that side gave to the server: the release has taken it over, so whoever sent
 * it there need not wait. */
static void answer_byes_before(struct node *node, struct session *session, enum dialog_side side)
{
	struct session *before = find_neighbour(node, session, side);
	struct dialog *dialog;

	for (struct handle h = before ? before->first_dialog : NO_HANDLE;
	     (dialog = dialog_at(node, h)); h = dialog->next) {
		struct server_transaction *bye = pool_at(node->servers, dialog->bye);

		if (bye && dialog->byes_under_way && !bye->has_final)
			server_answer(node, bye, 200, (struct text){0}, (struct text){0});
	}
}

/* What is done instead of waiting. Toward a proxy nothing: it is part of the same dialog; a B2BUA has one of
 * its own. */
static void give_up_side(struct node *node, struct session *session, enum dialog_side side,
			 bool was_established)
{
	struct neighbours neighbours = find_neighbours(node, session);
	bool nothing = was_established && neighbours.is_proxy[side];

	answer_byes_before(node, session, side);
	session->release_parts[side] = nothing ? RELEASE_LEFT : RELEASE_NOW;
	if (session->release_parts[dialog_other_side(side)] == RELEASE_FOLLOW)
		session->release_parts[dialog_other_side(side)] = RELEASE_NOW;
}

static bool has_answered_dialog(const struct scscf_dialogs *dialogs)
{
	for (unsigned i = 0; i < dialogs->n; i++)
		if (dialogs->list[i]->state != DIALOG_EARLY)
			return true;
	return false;
}

static void go_on_without_server(struct node *node, struct session *session, const bool sides[2])
{
	struct service_passage *passage = passage_of(node, session);
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct actions actions = {.n = 0};
	struct step step = {.session = session};
	bool was_established = has_answered_dialog(&dialogs);

	for (int side = 0; side < 2; side++)
		if (sides[side])
			give_up_side(node, session, (enum dialog_side)side, was_established);
	if (!awaits(session))
		passage->await_until_ms = 0;
	passage->follows = false;
	node->counters.releases_without_server++;
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_TIMER,
						.clause = CLAUSE_RELEASED_WITHOUT_SERVER});
	session_set_state(node, session, SESSION_RELEASING);
	scscf_release_without_servers(session, was_established, &dialogs, &node->random, &actions);
	carry_out(node, &step, &actions);
	release_step_done(node, session);
}

void passage_wait_over(struct node *node, struct session *session)
{
	bool sides[2];

	passage_of(node, session)->await_until_ms = 0;
	for (int side = 0; side < 2; side++)
		sides[side] = session->release_parts[side] == RELEASE_AWAIT &&
			      still_awaits(node, session, (enum dialog_side)side);
	if (is_live(session) && (sides[0] || sides[1]))
		go_on_without_server(node, session, sides);
}

/* @req SC-3b
 * A BYE that a proxy did not pass on, whatever it said, and one that a B2BUA did not take: nobody else will tell
 * the rest. What a B2BUA does with its other dialog after a 2xx is its own affair, unless the session is
 * being released. */
static bool was_swallowed(const struct session *session, const struct session *other,
			  unsigned status, bool ordered)
{
	if (is_same_dialog(session, other))
		return true;
	if (status >= 200 && status < 300)
		return false;
	return ordered || status != 481;
}

/* Its BYE ended an early dialog further on too, or is about to: the INVITE goes on and says itself how it ends
 * (RFC 3261 §15). */
static bool has_passed_early(struct node *node, const struct session *session,
			     const struct dialog *dialog, const struct session *other)
{
	const struct dialog *theirs;

	if (other->state != SESSION_ESTABLISHING || !is_same_dialog(session, other))
		return false;
	theirs = session_dialog(node, other, dialog_to_tag(dialog));
	return theirs && (theirs->state == DIALOG_ENDED || theirs->byes_under_way > 0);
}

/* A party hung up in one dialog. Behind a proxy just that one is over, when there is no other beside it;
 * @req SC-13 a server may have forked. */
static bool is_over_with(struct node *node, const struct session *session,
			 const struct dialog *dialog, const struct session *other)
{
	const struct dialog *theirs = session_dialog(node, other, dialog_to_tag(dialog)), *live;

	if (!is_same_dialog(session, other))
		return true;
	for (struct handle h = other->first_dialog; (live = dialog_at(node, h)); h = live->next)
		if (live != theirs && live->state != DIALOG_ENDED)
			return false;
	return theirs != NULL;
}

bool passages_have_ended(const struct node *node, const struct session *session,
			 enum dialog_side toward)
{
	bool has_neighbour = false;

	for (const struct session *other = session_first(node, session); other;
	     other = session_next_passage(node, other)) {
		if (!is_neighbour(node, session, toward, other))
			continue;
		has_neighbour = true;
		if (other->state < SESSION_RELEASING)
			return false;
	}
	return has_neighbour;
}

void passages_bye_answered(struct node *node, struct session *session, const struct dialog *dialog,
			   enum dialog_side toward, unsigned status, bool ordered)
{
	enum dialog_side from = dialog_other_side(toward); /* as the neighbour sees it */
	struct session *next;

	if (!passage_of(node, session))
		return;
	for (struct session *other = session_first(node, session); other; other = next) {
		bool sides[2] = {from == SIDE_CALLING, from == SIDE_CALLED};

		next = session_next_passage(node, other);
		if (!is_neighbour(node, session, toward, other) || !is_live(other) ||
		    !still_awaits(node, other, from) ||
		    !was_swallowed(session, other, status, ordered) ||
		    (!ordered && (has_passed_early(node, session, dialog, other) ||
				  !is_over_with(node, session, dialog, other))))
			continue;
		if (other->state < SESSION_RELEASING && !ordered) { /* a party hung up */
			other->reason_status = node->settings->release_status;
			other->release_parts[from] = RELEASE_AWAIT;
			other->release_parts[toward] = RELEASE_FOLLOW;
		}
		if (other->release_parts[from] == RELEASE_AWAIT)
			go_on_without_server(node, other, sides);
	}
}
