/* A request arrives: RFC 3261 §16.3 (validation), §16.4 (route information), then to the procedure
 * whose turn it is. */
#include "dialog/session_interval.h"
#include "node/internal.h"
#include "node/registrar.h"

/* What the steps below find out about the request in node->message. */
struct arrival {
	const struct endpoint *source;
	uint8_t local;
	struct server_key key;
	struct own_route
		route; /* of our topmost own Route, or of the Request-URI when the hop before us is a strict router */
	struct forwarding forwarding;
	unsigned n_routes;
	bool passed_before;
	bool has_bad_route;
	struct text charging_vector; /* value that goes on */
	bool has_too_many_vias; /* one more would be refused by the next hop, or by us on its way back */
};

static void answer_now(struct node *node, const struct arrival *a, unsigned status,
		       const char *reason_phrase, struct text lines)
{
	if (node->message.method != SIP_ACK)
		answer_statelessly(node, &node->message, a->source, a->local, status, reason_phrase,
				   lines);
}

static void answer_503(struct node *node, const struct arrival *a)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node->counters.full++;
	answer_now(node, a, 503, NULL, put_retry_after(node, &w));
}

/* A refusal of our own, with the header that its status wants. */
static void refuse_with(struct node *node, struct server_transaction *server, unsigned status)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text lines = {0};

	if (status == 503) {
		node->counters.full++;
		lines = put_retry_after(node, &w);
	} else if (status == 422) {
		lines = TEXT("Min-SE: 90\r\n");
	}
	server_answer(node, server, status, (struct text){0}, lines);
}

/* ---------------------------------------------------------------- §16.4 */

static void take_own_routes(struct node *node, struct arrival *a)
{
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_ROUTE);
	bool only_own = true;
	struct text value, last = {0};

	while (a->n_routes < LIMIT_LIST_VALUES && sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		struct own_route own = {0};

		a->n_routes++;
		if (!sip_name_addr_parse(value, &address)) {
			a->has_bad_route = true;
			return;
		}
		last = address.uri;
		if (only_own)
			own = addressing_own_route(node, address.uri);
		/* Another session's entry, or an original dialog identifier behind one, belongs to
		 * another passage through this server. */
		only_own = own.is_own &&
			   (!own.has_session || !a->route.has_session ||
			    handle_equal(own.session.handle, a->route.session.handle)) &&
			   !(own.has_original_dialog && a->route.is_own);
		if (!only_own)
			continue;
		a->forwarding.own_routes++;
		if (!a->route.has_session)
			a->route.session = own.session;
		a->route.has_session |= own.has_session;
		if (own.has_original_dialog) {
			a->route.has_original_dialog = true;
			a->route.passage = own.passage;
			a->route.secret = own.secret;
		}
		a->route.originating |= own.originating;
		a->route.is_own = true;
	}
	a->forwarding.routes_end = a->n_routes;
	/* The hop before us was a strict router: our own URI stands where the target should. */
	if (a->n_routes > a->forwarding.own_routes) {
		struct own_route own = addressing_own_route(node, node->message.request_uri);

		if (!own.is_own || !own.has_session)
			return;
		if (a->route.has_session &&
		    !handle_equal(own.session.handle, a->route.session.handle))
			a->forwarding.own_routes = 0;
		a->route = own;
		a->forwarding.strict_request_uri = last;
		a->forwarding.routes_end--;
	}
}

/* ---------------------------------------------------------------- §16.3 */

/* Everything that the way of a request depends on (RFC 3261 §16.6 step 8). */
static uint32_t loop_hash(const struct node *node)
{
	const struct sip_message *m = &node->message;
	struct text parts[8] = {
		m->request_uri,
		m->from_tag,
		m->to_tag,
		m->call_id,
		{(const char *)&m->cseq, sizeof(m->cseq)},
		sip_value(m, SIP_HEADER_ROUTE),
		sip_value(m, SIP_HEADER_PROXY_REQUIRE),
	};

	return (uint32_t)hash_texts(&node->key, parts, 7);
}

/* @req PX-3
 * A Via of ours with the same hash: a loop. With another one: a spiral, which is
 * allowed. */
static bool is_loop(struct node *node, struct arrival *a)
{
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_VIA);
	struct text value;
	unsigned n = 0;

	while (sip_list_next(&list, &value)) {
		struct sip_via via;
		struct handle client;
		uint32_t shard, hash;

		a->has_too_many_vias = ++n >= LIMIT_VIA_VALUES;
		if (!sip_via_parse(value, &via) ||
		    !branch_parse(via.branch, &shard, &client, &hash) ||
		    !addressing_is_own(node, via.host, via.port))
			continue;
		a->passed_before = true;
		if (hash == a->forwarding.loop_hash)
			return true;
	}
	return false;
}

static void answer_420(struct node *node, const struct arrival *a)
{
	char bytes[512];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_PROXY_REQUIRE);
	struct text value;
	unsigned n = 0;

	text_put_literal(&w, "Unsupported: ");
	while (sip_list_next(&list, &value)) {
		if (n++)
			text_put_literal(&w, ", ");
		text_put(&w, value);
	}
	text_put_literal(&w, "\r\n");
	answer_now(node, a, 420, NULL, w.full ? (struct text){0} : text_written(&w));
}

/* false: answered. */
static bool is_valid_to_forward(struct node *node, struct arrival *a)
{
	const struct sip_message *m = &node->message;

	if (m->max_forwards == 0) {
		node->counters.too_many_hops++;
		answer_now(node, a, 483, NULL, (struct text){0});
		return false;
	}
	if (is_loop(node, a)) {
		node->counters.loops++;
		answer_now(node, a, 482, NULL, (struct text){0});
		return false;
	}
	if (a->has_too_many_vias) {
		node->counters.refused_requests++;
		answer_now(node, a, 513, NULL, (struct text){0});
		return false;
	}
	/* @req PX-4
	 * no extension is required of a proxy that we know */
	if (sip_first(m, SIP_HEADER_PROXY_REQUIRE) && m->method != SIP_ACK &&
	    m->method != SIP_CANCEL) {
		answer_420(node, a);
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- inside a dialog */

/* The caller has had the 2xx: nobody repeats it any more. */
static void stop_repeating_2xx(struct node *node, struct session *session)
{
	struct server_transaction *invite = pool_at(node->servers, session->invite);

	session->ack_seen = true;
	if (!invite || invite->machine.state != SERVER_ACCEPTED)
		return;
	server_machine_2xx_acknowledged(&invite->machine);
	server_arm(node, invite);
	store_give_back(node->message_store, invite->response, invite->response_len);
	invite->response = NULL;
	invite->response_len = 0;
}

static bool is_ack_of_invite(struct node *node, const struct found_dialog *found)
{
	if (found->side != SIDE_CALLING || node->message.cseq != found->dialog->invite_cseq)
		return false;
	dialog_set_text(found->dialog, node->session_store, DIALOG_OFFER, (struct text){0});
	stop_repeating_2xx(node, found->session);
	return true;
}

static void acknowledged(struct node *node, const struct found_dialog *found)
{
	struct session *session = found->session;
	struct dialog *dialog = found->dialog;

	if (dialog->unacked_cseq[found->side] == node->message.cseq)
		dialog->unacked_cseq[found->side] = 0;
	if (!is_ack_of_invite(node, found))
		return;
	if (dialog->state != DIALOG_ANSWERED)
		return;
	dialog->state = DIALOG_CONFIRMED;
	if (session->state == SESSION_ANSWERED)
		session_set_state(node, session, SESSION_CONFIRMED);
}

static void journal_relay(struct node *node, const struct found_dialog *found,
			  enum session_clause clause)
{
	uint8_t from = found->side == SIDE_CALLING ? LEG_CALLING : found->dialog->leg;
	uint8_t to = found->side == SIDE_CALLING ? found->dialog->leg : LEG_CALLING;

	session_journal(node, found->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = from,
						.to = to,
						.method = node->message.method,
						.cseq = node->message.cseq,
						.clause = (uint8_t)clause});
}

/* Who hung up: of several passages the first that sees a BYE knows. */
static void note_first_bye(struct node *node, const struct found_dialog *found)
{
	struct session *first = session_first(node, found->session);
	const struct service_passage *passage = passage_of(node, found->session);

	if (first->first_bye_leg)
		return;
	first->first_bye_leg = found->side == SIDE_CALLED ? found->dialog->leg
			       : passage                  ? passage->calling_leg
							  : LEG_CALLING;
}

static void forward_in_dialog(struct node *node, struct arrival *a,
			      const struct found_dialog *found)
{
	const struct sip_message *m = &node->message;
	struct server_transaction *server = NULL;
	struct client_transaction *client;
	unsigned status;

	if (m->method != SIP_ACK) {
		server = server_begin(node, m, &a->key, a->source, a->local);
		if (!server) {
			answer_503(node, a);
			return;
		}
		server->session = pool_handle(node->sessions, found->session);
		server->dialog = pool_handle(node->dialogs, found->dialog);
		server->side = (uint8_t)found->side;
		if (session_interval_check(m) == SESSION_INTERVAL_REFUSE) {
			refuse_with(node, server, 422);
			return;
		}
	} else {
		acknowledged(node, found);
	}
	a->forwarding.raise_session_interval = session_interval_check(m) == SESSION_INTERVAL_RAISE;
	dialog_request_passed(found->dialog, found->side, m->method, m->cseq);
	if (m->method == SIP_BYE) {
		if (found->dialog->byes_under_way < UINT8_MAX)
			found->dialog->byes_under_way++;
		found->dialog->bye = pool_handle(node->servers, server);
		note_first_bye(node, found);
	}
	journal_relay(node, found, CLAUSE_NONE);
	client = forward_request(node, server, &a->forwarding, found->session, found->dialog,
				 found->side, &status);
	if (client) {
		if (m->method == SIP_BYE)
			passages_bye_passed(node, found->session, dialog_other_side(found->side));
		return;
	}
	if (m->method == SIP_BYE)
		found->dialog->byes_under_way--;
	if (server)
		refuse_with(node, server, status);
}

/* @req SC-8
 * While the session is being released nothing of the parties is forwarded. */
static void request_while_releasing(struct node *node, struct arrival *a,
				    const struct found_dialog *found)
{
	struct server_transaction *server = NULL;
	struct actions actions = {.n = 0};
	struct step step = {.session = found->session,
			    .message = &node->message,
			    .forwarding = &a->forwarding,
			    .from = found->side};

	if (node->message.method != SIP_ACK) {
		server = server_begin(node, &node->message, &a->key, a->source, a->local);
		if (!server) {
			answer_503(node, a);
			return;
		}
		if (node->message.method == SIP_BYE && found->side == SIDE_CALLING)
			stop_repeating_2xx(node, found->session);
	} else {
		is_ack_of_invite(node, found);
	}
	step.server = server;
	scscf_request_while_releasing(found->session, found->dialog, found->side, &node->message,
				      &node->random, &actions);
	carry_out(node, &step, &actions);
	release_step_done(node, found->session);
}

static bool belongs_to_invite_usage(unsigned method)
{
	return method == SIP_INVITE || method == SIP_BYE || method == SIP_ACK ||
	       method == SIP_UPDATE || method == SIP_PRACK || method == SIP_INFO;
}

static void forward_outside_sessions(struct node *node, struct arrival *a);

/* The session is being released, and in this passage the BYE comes from an application server. */
static bool only_byes_pass(const struct node *node, const struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);

	return passage && passage->follows;
}

static void in_dialog(struct node *node, struct arrival *a)
{
	const struct sip_message *m = &node->message;
	struct found_dialog found;

	if (m->method == SIP_SUBSCRIBE && registrar_subscribe(node, a->source, a->local, &a->key))
		return;
	if (session_of_request(node, m, &a->route, &found)) {
		if (found.session->state == SESSION_RELEASING ||
		    found.dialog->state >= DIALOG_RELEASING ||
		    (only_byes_pass(node, found.session) && m->method != SIP_BYE &&
		     m->method != SIP_ACK))
			request_while_releasing(node, a, &found);
		else if (is_valid_to_forward(node, a))
			forward_in_dialog(node, a, &found);
		return;
	}
	if (m->method == SIP_ACK) {
		node->counters.stray_acks++;
		return;
	}
	/* Dialogs of other usages (SUBSCRIBE) are not kept: they pass along their routes, for those
	 * who may send elsewhere. A session handle that fits nothing does not. */
	if (!belongs_to_invite_usage(m->method) && a->route.is_own && !a->route.has_session) {
		if (!addressing_is_trusted(node, a->source)) {
			node->counters.not_trusted++;
			answer_now(node, a, 403, NULL, (struct text){0});
		} else if (is_valid_to_forward(node, a)) {
			forward_outside_sessions(node, a);
		}
		return;
	}
	node->counters.unknown_dialogs++;
	answer_now(node, a, 481, NULL, (struct text){0});
}

/* ---------------------------------------------------------------- CANCEL */

static void put_reason_lines(struct text_writer *w, const struct sip_message *m)
{
	for (const struct sip_field *f = sip_first(m, SIP_HEADER_REASON); f; f = sip_next(m, f)) {
		text_put_literal(w, "Reason: ");
		text_put(w, f->value);
		text_put_literal(w, "\r\n");
	}
}

/* RFC 3261 §16.10 and §9.2; the Reason goes along (RFC 3326 §2). */
static void cancel(struct node *node, struct arrival *a)
{
	struct server_key invite_key = server_key_of_cancelled(&node->key, &node->message);
	struct server_transaction *invite = server_find(node, &invite_key);
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);
	char lines_bytes[1024];
	struct text_writer lines = text_writer_on(lines_bytes, sizeof(lines_bytes));
	struct session *session;

	if (!server) {
		answer_503(node, a);
		return;
	}
	/* DEVIATION: §16.10 wants a CANCEL without a matching transaction forwarded statelessly;
	 * nothing here is ever forwarded without a transaction, so there is nobody that it could be
	 * meant for. */
	server_answer(node, server, invite ? 200 : 481, (struct text){0}, (struct text){0});
	if (!invite || invite->has_final || invite->is_cancelled)
		return;
	invite->is_cancelled = true;
	session = session_at(node, invite->session);
	put_reason_lines(&lines, &node->message);
	if (session) {
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_REQUEST,
							.from = LEG_CALLING,
							.to = LEG_SERVER,
							.method = SIP_CANCEL,
							.cseq = node->message.cseq});
	}
	cancel_branches(node, invite, NULL, session,
			lines.full ? (struct text){0} : text_written(&lines), CLAUSE_CANCEL);
}

/* ---------------------------------------------------------------- initial requests */

static void answer_options(struct node *node, struct arrival *a)
{
	answer_now(node, a, 200, NULL,
		   TEXT("Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, REGISTER, "
			"SUBSCRIBE, NOTIFY, REFER, MESSAGE, PUBLISH\r\n"
			"Accept: */*\r\nSupported: path\r\n"));
}

static bool is_for_this_server(const struct node *node)
{
	struct sip_uri uri;

	if (!sip_uri_parse(node->message.request_uri, &uri) || uri.user.len)
		return false;
	if (uri.scheme == SIP_URI_SIP && addressing_is_own(node, uri.host, uri.port))
		return true;
	for (unsigned i = 0; uri.scheme == SIP_URI_SIP && i < node->settings->n_domains; i++)
		if (text_equal_nocase(node->settings->domains[i], uri.host))
			return true;
	return false;
}

static void count_refusal(struct node *node, unsigned status)
{
	if (status == 403)
		node->counters.not_trusted++;
	else if (status == 404)
		node->counters.not_found++;
	else if (status == 480)
		node->counters.not_registered++;
}

static void journal_branch(struct node *node, struct session *session, uint8_t leg,
			   enum session_clause clause)
{
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = LEG_CALLING,
						.to = leg,
						.method = node->message.method,
						.cseq = node->message.cseq,
						.clause = (uint8_t)clause});
}

static void join_session(struct session *session, struct client_transaction *client, uint8_t leg)
{
	client->leg = leg;
	if (!session)
		return;
	client->is_initial_invite = true;
	session->pending_branches++;
}

/* Branches to all targets at once. Returns how many; *ret_status: why none. */
static unsigned fork_request(struct node *node, struct arrival *a,
			     struct server_transaction *server, struct session *session,
			     const struct scscf_service *service, unsigned *ret_status)
{
	enum session_clause clause = service->is_diverted               ? CLAUSE_DIVERTED
				     : service->served & SERVES_CALLED  ? CLAUSE_TERMINATING
				     : service->served & SERVES_CALLING ? CLAUSE_ORIGINATING
									: CLAUSE_FORWARD_REQUEST;
	unsigned n = 0;

	for (unsigned i = 0; i < service->n_targets; i++) {
		const struct scscf_target *target = &service->targets[i];
		struct forwarding f = a->forwarding;
		struct client_transaction *client;

		f.request_uri = target->request_uri;
		f.path = target->path;
		f.next_hop = target->next_hop;
		/* A dialog of a subscription runs through here too, but without a session. */
		f.record_route = session || node->message.method == SIP_SUBSCRIBE;
		client = forward_request(node, server, &f, session, NULL, SIDE_CALLING, ret_status);
		if (!client)
			continue;
		n++;
		join_session(session, client,
			     session ? session_take_leg(node, session) : LEG_CALLED);
		client->contact = target->contact;
		if (!session)
			continue;
		client->contact_use = contact_join(node, client->contact, session);
		journal_branch(node, session, client->leg, clause);
	}
	return n;
}

/* RFC 5502 §3 and §5: for whom, in which case, and whether that user is registered. */
static void put_served_user(struct text_writer *w, const struct scscf_service *service)
{
	text_put_literal(w, "P-Served-User: <");
	text_put(w, service->served_user);
	text_put_char(w, '>');
	if (service->session_case == ORIGINATING_CDIV) {
		text_put_literal(w, ";orig-cdiv"); /* RFC 8498 §4.1: alone */
	} else {
		text_put(w, session_case_is_originating(service->session_case)
				    ? TEXT(";sescase=orig")
				    : TEXT(";sescase=term"));
		text_put(w,
			 service->is_registered ? TEXT(";regstate=reg") : TEXT(";regstate=unreg"));
	}
	text_put_literal(w, "\r\n");
}

/* The server's URI is a loose route whether the profile says so or not: behind it stands ours. */
static void put_server_route(struct text_writer *w, const struct node *node, uint8_t local,
			     const struct service_passage *passage, struct text uri_text)
{
	struct sip_uri uri;
	struct text value;

	text_put_char(w, '<');
	text_put(w, uri_text);
	if (sip_uri_parse(uri_text, &uri) && !sip_uri_param(&uri, TEXT("lr"), &value))
		text_put_literal(w, ";lr");
	text_put_literal(w, ">, ");
	addressing_put_original_dialog(w, node, local, passage);
}

/* @req IC-4 IC-5
 * To the application server, with the way back. Returns how many branches there are. */
static unsigned send_to_server(struct node *node, struct arrival *a,
			       struct server_transaction *server, struct session *session,
			       const struct scscf_service *service, unsigned *ret_status)
{
	struct text server_uri = service->criteria->server.uri;
	struct next_hop way = {.local = a->local};
	char route_bytes[2 * LIMIT_URI_BYTES], line_bytes[LIMIT_URI_BYTES + 128];
	struct text_writer route = text_writer_on(route_bytes, sizeof(route_bytes)),
			   lines = text_writer_on(line_bytes, sizeof(line_bytes));
	struct service_passage *passage = passage_at(node, server->passage);
	struct forwarding f = a->forwarding;
	struct client_transaction *client;

	*ret_status = 500;
	if (!passage)
		passage = passage_begin(node, session, NULL);
	put_served_user(&lines,
			service); /* before the passage forgets the user of its last server */
	text_put(&lines, f.lines);
	if (!passage || !passage_to_server(node, passage, service, node->message.request_uri,
					   a->charging_vector))
		return 0;
	server->passage = pool_handle(node->passages, passage);
	addressing_next_hop(node, server_uri, 0,
			    &way); /* the way back is one that the server can go */
	put_server_route(&route, node, way.local, passage, server_uri);
	if (route.full || lines.full)
		return 0;
	f.path = text_written(&route);
	f.lines = text_written(&lines);
	f.record_route = session || node->message.method == SIP_SUBSCRIBE;
	f.is_to_server = true;
	client = forward_request(node, server, &f, session, NULL, SIDE_CALLING, ret_status);
	if (!client) {
		*ret_status =
			408; /* out of reach: TS 24.229 §5.4.3.2 lets the default handling decide */
		return 0;
	}
	node->counters.requests_to_servers++;
	join_session(session, client, passage->called_leg);
	client_waits_for_server(node, client);
	if (session)
		journal_branch(node, session, client->leg, CLAUSE_FILTER_CRITERIA);
	return 1;
}

static void refuse(struct node *node, struct server_transaction *server, struct session *session,
		   unsigned status, enum session_clause clause)
{
	if (session) {
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_REQUEST,
							.from = LEG_CALLING,
							.to = LEG_SERVER,
							.method = SIP_INVITE,
							.cseq = session->invite_cseq});
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_RESPONSE,
							.from = LEG_SERVER,
							.to = LEG_CALLING,
							.method = SIP_INVITE,
							.status = (uint16_t)status,
							.clause = (uint8_t)clause});
	}
	refuse_with(node, server, status);
	if (session)
		session_finish(node, session, SESSION_END_REJECTED, status, clause);
}

/* TS 24.229 §5.4.3.2 step 6 and RFC 7315 §4.6: a charging identity where none came. */
static void put_charging_vector(struct node *node, struct text_writer *w)
{
	const struct node_settings *s = node->settings;

	text_put_literal(w, "icid-value=ad-");
	text_put_hex(w, random_u64(&node->random));
	text_put_literal(w, ";icid-generated-at=");
	endpoint_put_ip(w, &s->listen[0]);
	if (s->n_domains) {
		text_put_literal(w, ";orig-ioi=");
		text_put(w, s->domains[0]);
	}
}

/* `passage`: it was here before, and had one then; may be NULL. Leaves the value in a->charging_vector. */
static void find_charging_vector(struct node *node, struct arrival *a,
				 const struct service_passage *passage, struct text_writer *w)
{
	const struct session *session = passage ? session_at(node, passage->session) : NULL;
	struct text had = session   ? session_text(session, SESSION_CHARGING_VECTOR)
			  : passage ? service_passage_text(passage, PASSAGE_CHARGING_VECTOR)
				    : (struct text){0};

	a->charging_vector = sip_value(&node->message, SIP_HEADER_P_CHARGING_VECTOR);
	if (a->charging_vector.len && a->forwarding.from_trusted)
		return;
	text_put_literal(w, "P-Charging-Vector: ");
	if (had.len)
		text_put(w, had);
	else
		put_charging_vector(node, w);
	a->charging_vector = text_from(text_written(w), 19);
	text_put_literal(w, "\r\n");
	if (!w->full)
		a->forwarding.lines = text_written(w);
}

static struct scscf_arrival what_is_known(const struct node *node, const struct arrival *a,
					  const struct service_passage *resumed)
{
	return (struct scscf_arrival){
		.from_trusted = a->forwarding.from_trusted,
		.originating = a->route.originating,
		.has_more_routes = a->n_routes > a->forwarding.own_routes &&
				   !a->forwarding.strict_request_uri.len,
		.to_own_address = addressing_is_own_uri(node, node->message.request_uri),
		.passed_before = a->passed_before,
		.resumed = resumed,
	};
}

#define WORDS_BYTES (4u * LIMIT_URI_BYTES)

/* To the server or the targets that service control found. */
static void send_on(struct node *node, struct arrival *a, struct server_transaction *server,
		    struct session *session, struct scscf_service *service)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	char words_bytes[WORDS_BYTES];
	unsigned n = 0;

	while (service->status == 0) {
		struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes));
		struct service_passage *passage;
		struct scscf_arrival known;

		if (session) {
			session->sides[SIDE_CALLED] = service->sides[SIDE_CALLED];
			session->served |= (uint8_t)service->served;
			session_first(node, session)->served |= (uint8_t)service->served;
		}
		if (!service->criteria) {
			n = fork_request(node, a, server, session, service, &service->status);
			break;
		}
		n = send_to_server(node, a, server, session, service, &service->status);
		passage = passage_at(node, server->passage);
		if (n || service->status != 408 || !passage)
			break;
		/* No way to it: as if it had failed. */
		node->counters.servers_failed++;
		passage->at_server = false;
		if (passage->default_handling == SESSION_TERMINATED)
			break;
		known = what_is_known(node, a, passage);
		scscf_serve_initial_request(&around, &node->message, &known, &words, service);
	}
	if (n)
		return;
	count_refusal(node, service->status);
	refuse(node, server, session, service->status,
	       service->status == 422 ? CLAUSE_INTERVAL_TOO_SMALL : CLAUSE_TERMINATING);
}

/* The session of this passage. NULL: a bound was reached. */
static struct session *begin_session(struct node *node, struct server_transaction *server,
				     const struct scscf_service *service, struct text charging,
				     struct service_passage *resumed)
{
	struct session *session = session_begin(node, &node->message, service, charging);

	if (!session)
		return NULL;
	if (resumed && !passage_begin(node, session, resumed)) {
		session_forget(node, session);
		return NULL;
	}
	node->counters.sessions_begun += !resumed;
	session->invite = pool_handle(node->servers, server);
	server->session = pool_handle(node->sessions, session);
	server->passage = session->passage;
	return session;
}

static void serve(struct node *node, struct arrival *a, struct service_passage *resumed)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct scscf_arrival known = what_is_known(node, a, resumed);
	bool with_session = node->message.method == SIP_INVITE;
	char words_bytes[WORDS_BYTES], charging_bytes[LIMIT_FIELD_BYTES + 64];
	struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes)),
			   charging = text_writer_on(charging_bytes, sizeof(charging_bytes));
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);
	enum session_interval_verdict interval;
	struct session *session = NULL;
	struct scscf_service service;

	if (!server) {
		answer_503(node, a);
		return;
	}
	scscf_serve_initial_request(&around, &node->message, &known, &words, &service);
	find_charging_vector(node, a, resumed, &charging);
	if (with_session &&
	    !(session = begin_session(node, server, &service, a->charging_vector, resumed))) {
		refuse_with(node, server, 503);
		return;
	}
	if (!with_session && resumed) {
		struct service_passage *passage = passage_begin(node, NULL, resumed);

		if (!passage) {
			refuse_with(node, server, 503);
			return;
		}
		server->passage = pool_handle(node->passages, passage);
	}
	interval = session_interval_check(&node->message);
	a->forwarding.raise_session_interval = interval == SESSION_INTERVAL_RAISE;
	if (service.status == 0 && interval == SESSION_INTERVAL_REFUSE)
		service.status = 422;
	send_on(node, a, server, session, &service);
}

/* @req IC-6
 * Back from an application server, or anew. */
static void initial_to_serve(struct node *node, struct arrival *a)
{
	struct service_passage *resumed = NULL;

	if (a->route.has_original_dialog) {
		resumed = passage_of_original_dialog(node, &a->route);
		if (!resumed) {
			node->counters.unknown_dialogs++;
			answer_now(node, a, 481, NULL, (struct text){0});
			return;
		}
		a->forwarding.from_trusted = true; /* who knows the secret was chosen by us */
	}
	serve(node, a, resumed);
}

void receive_request_goes_on(struct node *node)
{
	struct server_transaction *server = pool_at(node->servers, node->without_server);
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	char words_bytes[WORDS_BYTES], charging_bytes[LIMIT_FIELD_BYTES + 64];
	struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes)),
			   charging = text_writer_on(charging_bytes, sizeof(charging_bytes));
	struct session *session;
	struct endpoint source;
	struct arrival a;
	struct scscf_arrival known;
	struct scscf_service service;

	node->without_server = NO_HANDLE;
	if (!server || server->has_final || !server->request ||
	    sip_parse(&node->message, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	source = server->peer;
	source.port = server->source_port;
	a = (struct arrival){.source = &source,
			     .local = server->local,
			     .key = server->key,
			     .forwarding = {.source = source, .local = server->local}};
	take_own_routes(node, &a);
	a.forwarding.loop_hash = loop_hash(node);
	a.forwarding.from_trusted =
		addressing_is_trusted(node, &source) || a.route.has_original_dialog;
	a.forwarding.raise_session_interval =
		session_interval_check(&node->message) == SESSION_INTERVAL_RAISE;
	session = session_at(node, server->session);
	find_charging_vector(node, &a, passage_at(node, server->passage), &charging);
	known = what_is_known(node, &a, passage_at(node, server->passage));
	scscf_serve_initial_request(&around, &node->message, &known, &words, &service);
	send_on(node, &a, server, session, &service);
}

static void forward_outside_sessions(struct node *node, struct arrival *a)
{
	struct scscf_service service = {.n_targets = 1};
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);

	if (!server)
		answer_503(node, a);
	else if (fork_request(node, a, server, NULL, &service, &service.status) == 0)
		refuse(node, server, NULL, service.status, CLAUSE_NONE);
}

static void initial(struct node *node, struct arrival *a)
{
	unsigned method = node->message.method;

	if (method == SIP_ACK) {
		node->counters.stray_acks++;
	} else if (method == SIP_REGISTER && is_for_this_server(node)) {
		registrar_register(node, a->source, a->local, &a->key);
	} else if (method == SIP_OPTIONS && is_for_this_server(node)) {
		answer_options(node, a);
	} else if (method == SIP_BYE || method == SIP_UPDATE || method == SIP_PRACK ||
		   method == SIP_INFO) {
		node->counters.unknown_dialogs++; /* never outside a dialog: RFC 3261 §15 */
		answer_now(node, a, 481, NULL, (struct text){0});
	} else if (method == SIP_SUBSCRIBE && a->n_routes == a->forwarding.own_routes &&
		   registrar_subscribe(node, a->source, a->local, &a->key)) {
		return; /* to the state of a registration */
	} else if (is_valid_to_forward(node, a)) {
		if (method == SIP_INVITE && node->draining && !a->route.has_original_dialog)
			answer_503(node, a);
		else
			initial_to_serve(node, a);
	}
}

/* ---------------------------------------------------------------- front door */

/* true: it belonged to a transaction and is dealt with. */
static bool is_of_a_transaction(struct node *node, const struct arrival *a)
{
	struct server_transaction *server = server_find(node, &a->key);

	if (!server)
		return false;
	if (node->message.method != SIP_ACK) {
		node->counters.retransmissions_in++;
		server_apply(node, server, server_machine_request_again(&server->machine));
		return true;
	}
	/* The ACK of a 2xx is no part of the transaction, even from a peer that gives it the branch
	 * of the INVITE. */
	if (server->machine.state == SERVER_ACCEPTED)
		return false;
	server_apply(node, server,
		     server_machine_ack(&server->machine, &node->settings->timers, node->now_ms));
	return true;
}

void receive_request(struct node *node, const struct endpoint *source, uint8_t local)
{
	struct arrival a = {
		.source = source,
		.local = local,
		.key = server_key_of(&node->key, &node->message),
		.forwarding = {.source = *source,
			       .local = local,
			       .from_trusted = addressing_is_trusted(node, source)},
	};

	if (is_of_a_transaction(node, &a))
		return;
	if (node->message.method == SIP_CANCEL) {
		cancel(node, &a);
		return;
	}
	take_own_routes(node, &a);
	a.forwarding.loop_hash = loop_hash(node);
	if (a.has_bad_route || a.n_routes == LIMIT_LIST_VALUES) {
		node->counters.refused_requests++;
		answer_now(node, &a, 400, a.has_bad_route ? "Malformed Route" : "Too Many Routes",
			   (struct text){0});
		return;
	}
	if (node->message.to_tag.len ||
	    a.route.has_session) /* a peer of RFC 2543 may have no tag */
		in_dialog(node, &a);
	else
		initial(node, &a);
}
