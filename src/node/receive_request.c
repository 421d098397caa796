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
		/* Another session's entry belongs to another passage through this server. */
		only_own =
			own.is_own && (!own.has_session || !a->route.has_session ||
				       handle_equal(own.session.handle, a->route.session.handle));
		if (!only_own)
			continue;
		a->forwarding.own_routes++;
		if (!a->route.has_session)
			a->route.session = own.session;
		a->route.has_session |= own.has_session;
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
	if (m->method == SIP_BYE && found->dialog->byes_under_way < UINT8_MAX)
		found->dialog->byes_under_way++;
	journal_relay(node, found, CLAUSE_NONE);
	client = forward_request(node, server, &a->forwarding, found->session, found->dialog,
				 found->side, &status);
	if (client)
		return;
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

static void in_dialog(struct node *node, struct arrival *a)
{
	const struct sip_message *m = &node->message;
	struct found_dialog found;

	if (session_of_request(node, m, &a->route, &found)) {
		if (found.session->state == SESSION_RELEASING ||
		    found.dialog->state >= DIALOG_RELEASING)
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

/* Branches to all targets at once. Returns how many; *ret_status: why none. */
static unsigned fork_request(struct node *node, struct arrival *a,
			     struct server_transaction *server, struct session *session,
			     const struct scscf_service *service, unsigned *ret_status)
{
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
		client->leg = LEG_CALLED;
		if (!session)
			continue;
		client->leg = session->next_leg++;
		client->is_initial_invite = true;
		session->pending_branches++;
		session_journal(
			node, session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = LEG_CALLING,
						.to = client->leg,
						.method = node->message.method,
						.cseq = node->message.cseq,
						.clause = service->served & SERVES_CALLED
								  ? CLAUSE_TERMINATING
							  : service->served & SERVES_CALLING
								  ? CLAUSE_ORIGINATING
								  : CLAUSE_FORWARD_REQUEST});
	}
	return n;
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

static void serve(struct node *node, struct arrival *a, bool with_session)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct scscf_arrival known = {
		.from_trusted = addressing_is_trusted(node, a->source),
		.originating = a->route.originating,
		.has_more_routes = a->n_routes > a->forwarding.own_routes &&
				   !a->forwarding.strict_request_uri.len,
		.to_own_address = addressing_is_own_uri(node, node->message.request_uri),
		.passed_before = a->passed_before,
	};
	char words_bytes[2 * LIMIT_URI_BYTES + 64];
	struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes));
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
	if (with_session) {
		session = session_begin(node, &node->message, &service);
		if (!session) {
			refuse_with(node, server, 503);
			return;
		}
		session->invite = pool_handle(node->servers, server);
		server->session = pool_handle(node->sessions, session);
	}
	interval = session_interval_check(&node->message);
	a->forwarding.raise_session_interval = interval == SESSION_INTERVAL_RAISE;
	if (service.status == 0 && interval == SESSION_INTERVAL_REFUSE)
		service.status = 422;
	if (service.status == 0 &&
	    fork_request(node, a, server, session, &service, &service.status) > 0)
		return;
	count_refusal(node, service.status);
	refuse(node, server, session, service.status,
	       service.status == 422 ? CLAUSE_INTERVAL_TOO_SMALL : CLAUSE_TERMINATING);
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
	} else if (is_valid_to_forward(node, a)) {
		if (method == SIP_INVITE && node->draining)
			answer_503(node, a);
		else
			serve(node, a, method == SIP_INVITE);
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
		.forwarding = {.source = *source, .local = local},
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
