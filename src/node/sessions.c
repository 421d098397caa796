/* The life of sessions and their dialogs in the node's tables. */
#include "node/event_lines.h"
#include "node/legs.h"

#include <assert.h>

struct session *session_at(const struct node *node, struct handle handle)
{
	return pool_at(node->sessions, handle);
}

struct dialog *dialog_at(const struct node *node, struct handle handle)
{
	return pool_at(node->dialogs, handle);
}

uint32_t call_id_hash(const struct node *node, struct text call_id)
{
	return (uint32_t)hash_bytes(&node->key, call_id.at, call_id.len);
}

static bool is_confirmed(unsigned state)
{
	return state == SESSION_CONFIRMED;
}

void session_set_state(struct node *node, struct session *session, enum session_state state)
{
	if (session_first(node, session) != session) { /* the first passage speaks for all */
		session->state = (uint8_t)state;
		return;
	}
	node->confirmed += (uint64_t)is_confirmed(state) - (uint64_t)is_confirmed(session->state);
	node->releasing += (uint64_t)(state == SESSION_RELEASING) -
			   (uint64_t)(session->state == SESSION_RELEASING);
	if (state == SESSION_ANSWERED && session->state == SESSION_ESTABLISHING)
		event_session_answered(node, session);
	session->state = (uint8_t)state;
}

/* Sessions under one Call-ID stand in one place of the map: a peer must not make that place long. */
static unsigned count_of_call_id(const struct node *node, struct text call_id)
{
	uint32_t hash = call_id_hash(node, call_id);
	uint32_t at = map_first(&node->sessions_by_call_id, hash);
	unsigned n = 0;

	while (n < LIMIT_SESSIONS_OF_CALL_ID && map_value(&node->sessions_by_call_id, hash, &at))
		n++;
	return n;
}

struct session *session_begin(struct node *node, const struct sip_message *invite,
			      const struct scscf_service *service, struct text charging_vector)
{
	struct text texts[SESSION_TEXTS] = {
		[SESSION_CALL_ID] = invite->call_id,
		[SESSION_FROM] = invite->from,
		[SESSION_CALLING_USER] = service->calling_user,
		[SESSION_CALLED_USER] = service->called_user,
		[SESSION_CHARGING_VECTOR] = charging_vector,
	};
	struct handle handle;
	struct session *session;

	if (pool_live(node->sessions) - node->n_ended >= node->settings->sessions_max ||
	    count_of_call_id(node, invite->call_id) >= LIMIT_SESSIONS_OF_CALL_ID)
		return NULL;
	session = pool_take(node->sessions, &handle);
	if (!session)
		return NULL;
	session->began_ms = node->now_ms;
	session->served = (uint8_t)service->served;
	memcpy(session->sides, service->sides, sizeof(session->sides));
	session->next_leg = LEG_CALLED;
	session->invite_cseq = invite->cseq;
	session->invite_has_offer = sip_session_description(invite).len > 0;
	session->hash = call_id_hash(node, invite->call_id);
	if (!session_set_texts(session, node->session_store, texts, invite->from_tag)) {
		pool_give_back(node->sessions, session);
		return NULL;
	}
	if (!map_insert(&node->sessions_by_call_id, session->hash, handle_as_value(handle))) {
		packed_text_clear(&session->texts, node->session_store);
		pool_give_back(node->sessions, session);
		return NULL;
	}
	session->calling_contact_use = contact_join(node, service->calling_contact, session);
	return session;
}

static void dialog_free(struct node *node, struct session *session, struct dialog *dialog)
{
	struct handle own = pool_handle(node->dialogs, dialog);
	struct handle *link = &session->first_dialog;

	while (!handle_equal(*link, own))
		link = &dialog_at(node, *link)->next;
	*link = dialog->next;
	session->n_dialogs--;
	contact_leave(node, &dialog->contact_use);
	dialog_clear(dialog, node->session_store);
	pool_give_back(node->dialogs, dialog);
}

struct scscf_dialogs session_dialogs(struct node *node, const struct session *session)
{
	struct scscf_dialogs dialogs;
	struct dialog *dialog;

	dialogs.n = 0;
	for (struct handle h = session->first_dialog;
	     (dialog = dialog_at(node, h)) && dialogs.n < LIMIT_DIALOGS; h = dialog->next)
		dialogs.list[dialogs.n++] = dialog;
	return dialogs;
}

struct dialog *session_dialog(struct node *node, const struct session *session, struct text to_tag)
{
	struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (text_equal(dialog_to_tag(dialog), to_tag))
			return dialog;
	return NULL;
}

void session_drop_early_dialogs(struct node *node, struct session *session, uint8_t branch)
{
	struct dialog *dialog;
	struct handle next;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h)); h = next) {
		next = dialog->next;
		if (dialog->state == DIALOG_EARLY && (branch == 0 || dialog->branch == branch))
			dialog_free(node, session, dialog);
	}
}

/* ---------------------------------------------------------------- dialogs of responses */

static bool add_value(struct text_writer *w, struct text value)
{
	if (w->len)
		text_put_literal(w, ", ");
	text_put(w, value);
	return !w->full;
}

/* @req SC-11
 * Toward the caller: Record-Route of the INVITE as it came. */
static bool routes_toward_calling(const struct sip_message *invite, struct text_writer *w)
{
	struct sip_list list = sip_list_of(invite, SIP_HEADER_RECORD_ROUTE);
	struct text value;

	while (sip_list_next(&list, &value))
		if (!add_value(w, value))
			return false;
	return true;
}

/* An entry of ours that leads to this very session. Another of ours belongs to another passage of the
 * same request through this server (a spiral) and is a hop like any other. */
static bool leads_to(const struct node *node, const struct session *session, struct text uri)
{
	struct own_route own = addressing_own_route(node, uri);

	return own.is_own && own.has_session && own.session.shard == node->settings->shard &&
	       handle_equal(own.session.handle, pool_handle(node->sessions, session));
}

/* Toward the callee: what stands before our own entries in the Record-Route of the response, in
 * reverse. */
static bool routes_toward_called(const struct node *node, const struct session *session,
				 const struct sip_message *response, struct text_writer *w)
{
	struct text values[LIMIT_LIST_VALUES];
	struct sip_list list = sip_list_of(response, SIP_HEADER_RECORD_ROUTE);
	struct sip_name_addr address;
	struct text value;
	unsigned n = 0;

	while (sip_list_next(&list, &value)) {
		if (!sip_name_addr_parse(value, &address) || n == LIMIT_LIST_VALUES)
			return false;
		if (leads_to(node, session, address.uri))
			break;
		values[n++] = value;
	}
	while (n > 0)
		if (!add_value(w, values[--n]))
			return false;
	return true;
}

static struct text contact_uri(const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct text value;

	if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
	    address.uri.len <= LIMIT_URI_BYTES)
		return address.uri;
	return (struct text){0};
}

/* A new dialog needs a place: a further 2xx takes that of an early one. */
static bool make_room(struct node *node, struct session *session, bool for_2xx)
{
	struct dialog *dialog;

	if (session->n_dialogs < LIMIT_DIALOGS)
		return true;
	for (struct handle h = session->first_dialog; for_2xx && (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (dialog->state == DIALOG_EARLY) {
			dialog_free(node, session, dialog);
			return true;
		}
	return false;
}

static struct dialog *begin_dialog(struct node *node, struct session *session,
				   const struct client_transaction *client,
				   const struct sip_message *response)
{
	struct server_transaction *server = pool_at(node->servers, session->invite);
	struct text_writer routes = text_writer_on(node->scratch, LIMIT_ROUTE_SET_BYTES);
	struct text_writer back =
		text_writer_on(node->scratch + LIMIT_ROUTE_SET_BYTES, LIMIT_ROUTE_SET_BYTES);
	struct dialog_beginning from = {.to = response->to, .to_tag = response->to_tag};
	struct dialog *dialog;

	/* The caller's side is in the INVITE: kept by the server transaction until a final
	 * response, and by the other dialogs. */
	if (server && server->request &&
	    sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) == SIP_OK) {
		from.target[SIDE_CALLING] = contact_uri(&node->other);
		if (!routes_toward_calling(&node->other, &back))
			return NULL;
		from.routes[SIDE_CALLING] = text_written(&back);
	} else if ((dialog = dialog_at(node, session->first_dialog))) {
		from.target[SIDE_CALLING] = dialog_text(dialog, DIALOG_TARGET + SIDE_CALLING);
		from.routes[SIDE_CALLING] = dialog_text(dialog, DIALOG_ROUTES + SIDE_CALLING);
	} else if (client->request && sip_parse(&node->other, client->request, client->request_len,
						SIP_DATAGRAM) == SIP_OK) {
		/* We answered the INVITE ourselves (L12): as forwarded, with our own Record-Route
		 * on top. */
		struct sip_list list = sip_list_of(&node->other, SIP_HEADER_RECORD_ROUTE);
		struct sip_name_addr address;
		struct text value;

		from.target[SIDE_CALLING] = contact_uri(&node->other);
		while (sip_list_next(&list, &value))
			if (sip_name_addr_parse(value, &address) &&
			    !leads_to(node, session, address.uri) && !add_value(&back, value))
				return NULL;
		from.routes[SIDE_CALLING] = text_written(&back);
	}
	from.target[SIDE_CALLED] = contact_uri(response);
	if (!routes_toward_called(node, session, response, &routes))
		return NULL;
	from.routes[SIDE_CALLED] = text_written(&routes);
	dialog = pool_take(node->dialogs, NULL);
	if (!dialog)
		return NULL;
	if (!dialog_begin(dialog, node->session_store, &from)) {
		pool_give_back(node->dialogs, dialog);
		return NULL;
	}
	return dialog;
}

/* An application server is one party, however its dialogs fork behind it. */
static uint8_t leg_of_new_dialog(struct node *node, struct session *session, uint8_t branch_leg,
				 bool is_to_server)
{
	struct dialog *dialog;

	if (is_to_server)
		return branch_leg;
	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (dialog->leg ==
		    branch_leg) /* forked further down: a second dialog on this branch */
			return session_take_leg(node, session);
	return branch_leg;
}

/* @req SC-10
 * RFC 3261 §13.2.2.4: the 2xx decides target and route set, whatever an early response said. */
static void refresh_from_response(struct node *node, const struct session *session,
				  struct dialog *dialog, const struct sip_message *response)
{
	struct text_writer routes = text_writer_on(node->scratch, LIMIT_ROUTE_SET_BYTES);
	struct text target = contact_uri(response);

	if (target.len &&
	    !dialog_set_text(dialog, node->session_store, DIALOG_TARGET + SIDE_CALLED, target))
		node->counters.lost_memory++;
	if (response->status >= 200 && routes_toward_called(node, session, response, &routes) &&
	    !dialog_set_text(dialog, node->session_store, DIALOG_ROUTES + SIDE_CALLED,
			     text_written(&routes)))
		node->counters.lost_memory++;
}

struct dialog *session_dialog_of_response(struct node *node, struct session *session,
					  const struct client_transaction *client,
					  const struct sip_message *response)
{
	struct dialog *dialog = session_dialog(node, session, response->to_tag);

	if (dialog) {
		refresh_from_response(node, session, dialog, response);
		return dialog;
	}
	if (!make_room(node, session, response->status >= 200) ||
	    !(dialog = begin_dialog(node, session, client, response))) {
		node->counters.lost_memory++;
		return NULL;
	}
	dialog->session = pool_handle(node->sessions, session);
	dialog->branch = client->leg;
	dialog->calling_leg =
		passage_of(node, session) ? passage_of(node, session)->calling_leg : LEG_CALLING;
	dialog->contact_use = contact_join(node, client->contact, session);
	dialog->leg = leg_of_new_dialog(node, session, client->leg, client->is_to_server);
	dialog->next = session->first_dialog;
	session->first_dialog = pool_handle(node->dialogs, dialog);
	session->n_dialogs++;
	dialog->state = DIALOG_EARLY;
	dialog->invite_cseq = client->cseq;
	dialog_request_passed(dialog, SIDE_CALLING, SIP_INVITE, client->cseq);
	return dialog;
}

/* ---------------------------------------------------------------- requests inside a dialog */

static bool is_of(struct node *node, struct session *session, const struct sip_message *m,
		  struct found_dialog *ret)
{
	struct dialog *dialog;
	struct text own_tag = session_from_tag(session);

	if (session->state == SESSION_ENDED ||
	    !text_equal(session_text(session, SESSION_CALL_ID), m->call_id))
		return false;
	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next) {
		struct text tag = dialog_to_tag(dialog);

		if (text_equal(own_tag, m->from_tag) && text_equal(tag, m->to_tag))
			*ret = (struct found_dialog){session, dialog, SIDE_CALLING};
		else if (text_equal(tag, m->from_tag) && text_equal(own_tag, m->to_tag))
			*ret = (struct found_dialog){session, dialog, SIDE_CALLED};
		else
			continue;
		return true;
	}
	return false;
}

/* The handle is a hint, never a credential: Call-ID and both tags are compared before it is
 * believed. But it says which of several passages is meant, live or ended: without it, or with one that leads
 * nowhere, only a session of one passage is found. */
bool session_of_request(struct node *node, const struct sip_message *request,
			const struct own_route *route, struct found_dialog *ret)
{
	uint32_t hash, at;
	uint64_t value;

	if (route->has_session && route->session.shard == node->settings->shard) {
		struct session *session = session_at(node, route->session.handle);

		if (session && text_equal(session_text(session, SESSION_CALL_ID), request->call_id))
			return is_of(node, session, request, ret);
		node->counters.forged_handles++;
	}
	hash = call_id_hash(node, request->call_id);
	at = map_first(&node->sessions_by_call_id, hash);
	while ((value = map_value(&node->sessions_by_call_id, hash, &at))) {
		struct session *session = session_at(node, handle_of_value(value));

		if (!passage_of(node, session) && is_of(node, session, request, ret))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- timers */

/* RFC 4028 §8.1: the interval of the last 2xx counts; without one there is no session timer. */
void session_arm_expiry(struct node *node, struct session *session,
			const struct sip_message *response)
{
	struct text value = sip_value(response, SIP_HEADER_SESSION_EXPIRES);
	uint32_t seconds = 0;

	/* While it rings the 2xx of the INVITE is still to decide. */
	if (session->state == SESSION_RELEASING || session->state == SESSION_ESTABLISHING ||
	    (passage_of(node, session) && passage_of(node, session)->follows))
		return;
	value.len = text_find(value, ';');
	if (!text_to_u32(text_trim(value), 0x7fffffff, &seconds) || seconds == 0) {
		session->expires_s = 0;
		timers_stop(&node->timers, &session->timer);
		return;
	}
	session->expires_s = seconds;
	session->timer.kind = SESSION_TIMER_EXPIRES;
	timers_start(&node->timers, &session->timer, node->now_ms + (uint64_t)seconds * 1000);
}

void session_arm_release(struct node *node, struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);
	uint64_t at = passage && passage->await_until_ms ? passage->await_until_ms : UINT64_MAX;
	struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next) {
		if (dialog->outcome[SIDE_CALLING] == LEG_WAITING_FOR_ACK &&
		    dialog->ack_wait_until_ms < at)
			at = dialog->ack_wait_until_ms;
		for (int side = 0; side < 2; side++)
			if (dialog->retry_at_ms[side] && dialog->retry_at_ms[side] < at)
				at = dialog->retry_at_ms[side];
	}
	session->timer.kind = SESSION_TIMER_RELEASE;
	if (at == UINT64_MAX)
		timers_stop(&node->timers, &session->timer);
	else
		timers_start(&node->timers, &session->timer, at);
}

/* ---------------------------------------------------------------- ends */

void session_take_dialogs(struct node *node, struct session *first, struct session *other)
{
	struct handle *last = &first->first_dialog;
	struct dialog *dialog;

	while ((dialog = dialog_at(node, *last)))
		last = &dialog->next;
	while (first->n_dialogs < LIMIT_DIALOGS &&
	       (dialog = dialog_at(node, other->first_dialog))) {
		*last = other->first_dialog;
		other->first_dialog = dialog->next;
		dialog->next = NO_HANDLE;
		dialog->session = pool_handle(node->sessions, first);
		last = &dialog->next;
		other->n_dialogs--;
		first->n_dialogs++;
	}
}

void session_forget(struct node *node, struct session *session)
{
	struct dialog *dialog;

	assert(!timer_is_running(&session->timer));
	while ((dialog = dialog_at(node, session->first_dialog)))
		dialog_free(node, session, dialog);
	contact_leave(node, &session->calling_contact_use);
	map_remove(&node->sessions_by_call_id, session->hash,
		   handle_as_value(pool_handle(node->sessions, session)));
	passage_forget(node, session->passage);
	anchored_forget(node, session);
	packed_text_clear(&session->texts, node->session_store);
	journal_clear(&session->journal, node->session_store);
	pool_give_back(node->sessions, session);
}

static void remember_ended(struct node *node, struct session *session)
{
	if (node->ended_max == 0) {
		session_forget(node, session);
		return;
	}
	if (node->n_ended == node->ended_max) {
		struct session *oldest = session_at(node, node->ended[node->ended_first]);

		assert(oldest && oldest->state == SESSION_ENDED);
		node->ended_first = (node->ended_first + 1) % node->ended_max;
		node->n_ended--;
		session_forget(node, oldest);
	}
	node->ended[(node->ended_first + node->n_ended++) % node->ended_max] =
		pool_handle(node->sessions, session);
}

/* Why the session as a whole ended. With several passages: who hung up first, if anybody did. */
static enum session_end end_of_all(const struct node *node, const struct session *first)
{
	bool was_ordered = first->release_why == CLAUSE_RELEASE_ORDERED;

	if (!first->bye_came_first &&
	    (first->end == SESSION_END_RELEASED || (passage_of(node, first) && first->release_why)))
		return was_ordered ? SESSION_END_RELEASED : SESSION_END_DEREGISTERED;
	if (!(first->bye_came_first || passage_of(node, first)) || first->first_bye_leg == 0 ||
	    first->answered_after_ms == 0)
		return first->end;
	if (first->first_bye_leg < 32 && first->server_legs & 1u << first->first_bye_leg)
		return SESSION_END_BYE_OF_SERVER;
	return first->first_bye_leg == LEG_CALLING ? SESSION_END_BYE_OF_CALLING
						   : SESSION_END_BYE_OF_CALLED;
}

static void all_ended(struct node *node, struct session *first, enum session_clause clause)
{
	session_journal(node, first,
			(struct journal_record){.kind = JOURNAL_ENDED,
						.note = first->end,
						.status = first->end_status,
						.clause = (uint8_t)clause});
	first->ended_after_ms = (uint32_t)(node->now_ms - first->began_ms);
	node->counters.sessions_ended++;
	event_session_ended(node, first);
	if (first->release_order)
		orders_session_finished(node, first);
	passages_ended(node, first);
	remember_ended(node, first);
}

/* Everything that could still wake the session is stopped; what is left is memory for `why` and
 * `trace`. With several passages the last that ends ends them all. */
void session_finish(struct node *node, struct session *session, enum session_end end,
		    unsigned status, enum session_clause clause)
{
	struct server_transaction *server = pool_at(node->servers, session->invite);
	struct session *first = session_first(node, session);
	struct service_passage *passage = passage_of(node, first);

	assert(session->state != SESSION_ENDED);
	timers_stop(&node->timers, &session->timer);
	session->end = (uint8_t)end;
	session->end_status = (uint16_t)status;
	session_set_state(node, session, SESSION_ENDED);
	session_drop_early_dialogs(node, session, 0);
	for (struct handle h = session->first_dialog; dialog_at(node, h);
	     h = dialog_at(node, h)->next)
		dialog_at(node, h)->state = DIALOG_ENDED;
	if (server)
		server->session = NO_HANDLE;
	if (passage && --passage->n_live > 0)
		return;
	first->end = (uint8_t)end_of_all(node, first);
	if (first->end == SESSION_END_RELEASED || first->end == SESSION_END_DEREGISTERED) {
		first->end_status = first->reason_status;
		clause = CLAUSE_SESSION_RELEASED;
	}
	all_ended(node, first, clause);
}
