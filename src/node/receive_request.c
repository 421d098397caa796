/* A request arrives: to its transaction, its dialog, or the procedure whose turn it is. */
#include "dialog/session_interval.h"
#include "node/legs.h"
#include "node/registrar.h"

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

/* The request came, and went on, or did not. */
static void journal_request(struct node *node, const struct found_dialog *found, bool went_on)
{
	uint8_t calling = LEG_CALLING, called = found->dialog->leg;
	uint8_t from = found->side == SIDE_CALLING ? calling : called;
	uint8_t to = found->side == SIDE_CALLING ? called : calling;

	session_journal(
		node, found->session,
		journal_with_reason(
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = from,
						.to = went_on ? to : LEG_SERVER,
						.method = node->message.method,
						.cseq = node->message.cseq,
						.note = went_on ? NOTE_NONE : NOTE_ABSORBED},
			&node->message));
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
			arrival_answer_503(node, a);
			return;
		}
		server->session = pool_handle(node->sessions, found->session);
		server->dialog = pool_handle(node->dialogs, found->dialog);
		server->side = (uint8_t)found->side;
		if (session_interval_check(m) == SESSION_INTERVAL_REFUSE) {
			journal_request(node, found, false);
			server_refuse(node, server, 422);
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
	client = forward_request(node, server, &a->forwarding, found->session, found->dialog,
				 found->side, &status);
	journal_request(node, found, client || status == 0);
	if (client) {
		client->leg = found->side == SIDE_CALLING ? found->dialog->leg : LEG_CALLING;
		if (m->method == SIP_BYE)
			passages_bye_passed(node, found->session, dialog_other_side(found->side));
		return;
	}
	if (m->method == SIP_BYE)
		found->dialog->byes_under_way--;
	if (server)
		server_refuse(node, server, status);
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
			arrival_answer_503(node, a);
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

/* The session is being released, and in this passage the BYE comes from an application server. */
static bool only_byes_pass(const struct node *node, const struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);

	return passage && passage->follows;
}

/* Our route names a session that is over, or forgotten. */
static bool is_of_the_past(const struct node *node, const struct own_route *route)
{
	const struct session *session =
		route->has_session ? session_at(node, route->session.handle) : NULL;

	return route->has_session && (!session || session->state == SESSION_ENDED);
}

/* @req IC-18
 * Dialogs of other usages are not kept: who is in one is known by its address, that of the trust domain or that
 * of a registered device. */
static bool may_send_along_routes(struct node *node, const struct endpoint *source)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);

	return addressing_is_trusted(node, source) ||
	       scscf_comes_from_contact(&around, node->message.from_uri, source);
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
		else if (arrival_is_valid_to_forward(node, a))
			forward_in_dialog(node, a, &found);
		return;
	}
	if (m->method == SIP_ACK) {
		/* Of a 2xx that crossed a BYE, perhaps: it goes on along its routes, so that nobody
		 * repeats the 2xx (RFC 3261 §16.11). */
		if (is_of_the_past(node, &a->route) && addressing_is_trusted(node, a->source) &&
		    arrival_is_valid_to_forward(node, a))
			forward_request(node, NULL, &a->forwarding, NULL, NULL, SIDE_CALLING,
					&(unsigned){0});
		else
			node->counters.stray_acks++;
		return;
	}
	/* Dialogs of other usages (SUBSCRIBE) are not kept: they pass along their routes, for those
	 * who may send elsewhere. A session handle that fits nothing does not. */
	if (!belongs_to_invite_usage(m->method) && a->route.is_own && !a->route.has_session) {
		if (!may_send_along_routes(node, a->source)) {
			node->counters.not_trusted++;
			arrival_answer(node, a, 403, NULL, (struct text){0});
		} else if (arrival_is_valid_to_forward(node, a)) {
			forward_outside_sessions(node, a);
		}
		return;
	}
	node->counters.unknown_dialogs++;
	arrival_answer(node, a, 481, NULL, (struct text){0});
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
		arrival_answer_503(node, a);
		return;
	}
	/* DEVIATION: §16.10 wants a CANCEL without a matching transaction forwarded statelessly;
	 * nothing here is ever forwarded without a transaction, so there is nobody that it could be
	 * meant for. */
	server_answer(node, server, invite ? 200 : 481, (struct text){0}, (struct text){0});
	if (invite && invite->has_final && !invite->is_cancelled)
		journal_cancel_too_late(node, invite);
	if (!invite || invite->has_final || invite->is_cancelled)
		return;
	invite->is_cancelled = true;
	if (invite->is_of_leg) {
		leg_invite_cancelled(node, invite);
		return;
	}
	session = session_at(node, invite->session);
	put_reason_lines(&lines, &node->message);
	if (session) {
		session_journal(
			node, session,
			journal_with_reason((struct journal_record){.kind = JOURNAL_REQUEST,
								    .from = LEG_CALLING,
								    .to = LEG_SERVER,
								    .method = SIP_CANCEL,
								    .cseq = node->message.cseq},
					    &node->message));
	}
	cancel_branches(node, invite, NULL, lines.full ? (struct text){0} : text_written(&lines),
			CLAUSE_CANCEL);
}

/* ---------------------------------------------------------------- initial requests */

static void answer_options(struct node *node, struct arrival *a)
{
	arrival_answer(
		node, a, 200, NULL,
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
		arrival_answer(node, a, 481, NULL, (struct text){0});
	} else if (method == SIP_SUBSCRIBE && a->n_routes == a->forwarding.own_routes &&
		   registrar_subscribe(node, a->source, a->local, &a->key)) {
		return; /* to the state of a registration */
	} else if (arrival_is_valid_to_forward(node, a)) {
		if (method == SIP_INVITE && node->draining && !a->route.has_original_dialog)
			arrival_answer_503(node, a);
		else
			serve_initial_request(node, a);
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
		journal_request_came_again(node, server);
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
	if (role_at(node, local) == ROLE_SCCAS) {
		receive_at_sccas(node, &a);
		return;
	}
	arrival_take_own_routes(node, &a);
	a.forwarding.loop_hash = arrival_loop_hash(node);
	if (a.has_bad_route || a.n_routes == LIMIT_LIST_VALUES) {
		node->counters.refused_requests++;
		arrival_answer(node, &a, 400,
			       a.has_bad_route ? "Malformed Route" : "Too Many Routes",
			       (struct text){0});
		return;
	}
	if (node->message.to_tag.len ||
	    a.route.has_session) /* a peer of RFC 2543 may have no tag */
		in_dialog(node, &a);
	else
		initial(node, &a);
}
