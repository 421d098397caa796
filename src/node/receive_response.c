/* A response arrives: RFC 3261 §16.7, §17.1.3, RFC 6026; and what its absence means, §16.8, §16.9. */
#include "node/legs.h"
#include "node/registrar.h"

#include "session/best_response.h"

#include <assert.h>

/* ---------------------------------------------------------------- writing */

/* @req IC-10 IC-11
 * As in requests: RFC 3325 §5, RFC 7315 §4.6. */
static void edit_identities_of_response(struct node *node, const struct server_transaction *server)
{
	const struct sip_message *m = &node->message;

	if (!sip_first(m, SIP_HEADER_P_ASSERTED_IDENTITY) &&
	    !sip_first(m, SIP_HEADER_P_CHARGING_VECTOR))
		return;
	if (node->response_from_trusted && addressing_is_trusted(node, &server->peer))
		return;
	sip_edit_remove_all(&node->edit, SIP_HEADER_P_ASSERTED_IDENTITY);
	sip_edit_remove_all(&node->edit, SIP_HEADER_P_CHARGING_VECTOR);
}

bool write_relayed(struct node *node, const struct server_transaction *server, unsigned status,
		   struct text_writer *w)
{
	static const struct text server_error = {"500 Server Internal Error", 25};
	char length[40];

	sip_edit_begin(&node->edit, &node->message);
	if (!sip_edit_remove_first_values(&node->edit, SIP_HEADER_VIA, 1))
		return false;
	if (status == 503) {
		const char *code = node->message.bytes.at + 8; /* after "SIP/2.0 " */
		const struct text phrase = node->message.reason_phrase;

		sip_edit_replace(&node->edit,
				 text_between(code, phrase.len ? phrase.at + phrase.len : code + 3),
				 server_error);
		sip_edit_remove_all(&node->edit, SIP_HEADER_RETRY_AFTER);
	}
	edit_identities_of_response(node, server);
	edit_content_length(&node->edit, &node->message, server->machine.reliable, length,
			    sizeof(length));
	return sip_edit_write(&node->edit, w);
}

static void relay(struct node *node, struct server_transaction *server)
{
	struct text_writer w = outbox_writer(node);

	if (server_machine_may_send(&server->machine, node->message.status) &&
	    write_relayed(node, server, node->message.status, &w))
		server_send(node, server, node->message.status == 503 ? 500 : node->message.status,
			    &w);
}

static void keep_best(struct node *node, struct server_transaction *server, unsigned status,
		      bool has_message)
{
	struct text_writer w = text_writer_on(node->scratch, SCRATCH_BYTES);

	if (!best_response_is_better(status, server->best_status))
		return;
	store_give_back(node->message_store, server->best, server->best_len);
	server->best = NULL;
	server->best_len = 0;
	server->best_status = (uint16_t)status;
	if (!has_message || !write_relayed(node, server, status, &w))
		return;
	server->best = store_take(node->message_store, w.len);
	if (!server->best)
		return; /* then one of our own with the same status */
	memcpy(server->best, w.at, w.len);
	server->best_len = w.len;
}

/* ---------------------------------------------------------------- sessions */

static uint8_t leg_of(const struct client_transaction *client, const struct dialog *dialog)
{
	if (client->is_initial_invite)
		return dialog ? dialog->leg : client->leg;
	return client->side == SIDE_CALLING ? (dialog ? dialog->leg : client->leg) : LEG_CALLING;
}

/* It came; where it goes on to, server_send() notes. */
static void journal_response(struct node *node, struct session *session,
			     const struct client_transaction *client, const struct dialog *dialog,
			     enum session_clause clause)
{
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = leg_of(client, dialog),
						.to = LEG_SERVER,
						.method = client->method,
						.status = node->message.status,
						.cseq = node->message.cseq,
						.clause = (uint8_t)clause,
						.note = NOTE_ABSORBED});
}

/* Other branches of the same INVITE, after a 2xx or 6xx (§16.7 step 10). */
static void cancel_others(struct node *node, struct server_transaction *server,
			  const struct client_transaction *winner, unsigned status)
{
	char bytes[96];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	put_reason_line(&w, sip_is_2xx(status) ? 200 : status,
			sip_is_2xx(status) ? TEXT("Call completed elsewhere") : (struct text){0});
	cancel_branches(node, server, winner, text_written(&w), CLAUSE_FORK);
}

/* SDP in a 2xx to an INVITE without: the ACK would have to answer it. Needed only if this server
 * must say that ACK. */
static void keep_offer(struct node *node, const struct session *session, struct dialog *dialog)
{
	struct text offer = sip_session_description(&node->message);

	if (!session->invite_has_offer && offer.len)
		dialog_set_text(dialog, node->session_store, DIALOG_OFFER, offer);
}

/* First 2xx of a dialog. */
static void answered(struct node *node, struct session *session, struct dialog *dialog)
{
	keep_offer(node, session, dialog);
	dialog->state = DIALOG_ANSWERED;
	dialog->unacked_cseq[SIDE_CALLING] = dialog->invite_cseq;
	if (session->answered_after_ms == 0) {
		session->answered_after_ms = (uint32_t)(node->now_ms - session->began_ms) + 1;
		/* The first passage speaks for all. */
		node->counters.sessions_answered += session_first(node, session) == session;
	}
	session_drop_early_dialogs(node, session, dialog->branch);
	if (session->state == SESSION_ESTABLISHING)
		session_set_state(node, session, SESSION_ANSWERED);
	session_arm_expiry(node, session, &node->message);
}

/* A 2xx to a re-INVITE or UPDATE: the latest Contact of both sides (RFC 3261 §12.2.1.2, RFC 3311
 * §5.1), the session timer (RFC 4028). @req SC-10 */
static void refreshed(struct node *node, struct session *session, struct dialog *dialog,
		      const struct client_transaction *client)
{
	enum dialog_side from = client->side, other = dialog_other_side(from);
	const struct sip_message *messages[2];
	bool has_request =
		client->request && sip_parse(&node->other, client->request, client->request_len,
					     SIP_DATAGRAM) == SIP_OK;

	messages[from] = &node->other;
	messages[other] = &node->message;
	for (int side = 0; side < 2; side++) {
		struct sip_list list;
		struct sip_name_addr address;
		struct text value;

		if (side == (int)from && !has_request)
			continue;
		list = sip_list_of(messages[side], SIP_HEADER_CONTACT);
		if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
		    address.uri.len <= LIMIT_URI_BYTES &&
		    !dialog_set_text(dialog, node->session_store, DIALOG_TARGET + (unsigned)side,
				     address.uri))
			node->counters.lost_memory++;
	}
	session_arm_expiry(node, session, &node->message);
}

/* @req OP-4 RC-22
 * What came of a party's BYE, on both legs: nobody there needs one of ours. */
static void bye_of_party_answered(struct dialog *dialog, const struct client_transaction *client,
				  unsigned status, enum leg_outcome outcome)
{
	enum dialog_side from = client->side, to = dialog_other_side(from);

	if (client->method != SIP_BYE || dialog->state >= DIALOG_RELEASING)
		return;
	dialog->outcome[from] = LEG_HUNG_UP;
	dialog->outcome_status[from] = 0;
	dialog->outcome[to] = (uint8_t)outcome;
	dialog->outcome_status[to] = (uint16_t)status;
}

/* @req SC-3b
 * The BYE of a party died in a server, or a 481 showed that a server has lost the dialog: nobody else tells
 * the rest of the session. Who is asked for credentials says BYE again. */
static void tell_passages(struct node *node, struct session *session, struct dialog *dialog,
			  const struct client_transaction *client, unsigned status)
{
	enum dialog_side toward = dialog_other_side(client->side);
	bool is_released = session_first(node, session)->release_why != 0;
	struct scscf_dialogs dialogs;
	struct actions actions = {.n = 0};
	struct step step = {.session = session, .from = client->side};

	if ((status == 401 || status == 407) && !is_released)
		return;
	passages_bye_answered(node, session, dialog, toward, status, is_released);
	if (client->method != SIP_BYE || !passages_have_ended(node, session, toward))
		return;
	dialogs = session_dialogs(node, session);
	scscf_bye_died_in_server(session, dialog, client->side, status, &dialogs, &actions);
	carry_out(node, &step, &actions);
}

/* The final response to a request of a party inside a dialog. Returns with the session perhaps
 * ended. */
static void final_in_dialog(struct node *node, struct session *session, struct dialog *dialog,
			    const struct client_transaction *client, unsigned status)
{
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct actions actions = {.n = 0};
	struct step step = {.session = session, .from = client->side};
	bool was_ended = dialog->state == DIALOG_ENDED;

	if (client->method == SIP_BYE && dialog->byes_under_way)
		dialog->byes_under_way--;
	if (sip_is_2xx(status) && client->method == SIP_INVITE)
		dialog->unacked_cseq[client->side] = client->cseq;
	if (sip_is_2xx(status) && sip_method_refreshes_target(client->method) &&
	    dialog->state != DIALOG_RELEASING)
		refreshed(node, session, dialog, client);
	scscf_final_in_dialog(session, dialog, client->side, client->method, status, &dialogs,
			      &actions);
	/* A release waited for this BYE, and it did not end the dialog: then ours do. */
	if (session->state == SESSION_RELEASING && actions.n == 0)
		scscf_release_established_session(session, &dialogs, &node->random, &actions);
	carry_out(node, &step, &actions);
	if (client->method == SIP_BYE || (!was_ended && dialog->state == DIALOG_ENDED))
		tell_passages(node, session, dialog, client, status);
}

/* All branches of the initial INVITE have failed: the session ends with what the caller was told. */
static void setup_failed(struct node *node, struct session *session,
			 const struct server_transaction *server, unsigned status)
{
	enum session_end end = SESSION_END_REJECTED;

	if (server->is_cancelled && status == 487)
		end = SESSION_END_CANCELLED;
	else if (session->early_bye && status == 487)
		end = SESSION_END_BYE_OF_CALLING;
	else if (status == 408 || status == 487) /* 487 without a CANCEL of the caller: Timer C */
		end = SESSION_END_NO_ANSWER;
	session_finish(node, session, end, status, CLAUSE_BEST_RESPONSE);
}

/* ---------------------------------------------------------------- best final response */

static void send_best(struct node *node, struct server_transaction *server, struct session *session)
{
	unsigned status = server->best_status;
	bool of_invite = server->machine.is_invite;
	struct text_writer w;

	if (!of_invite && status == 408) {
		server_stay_silent(
			node,
			server); /* @req RF-8  RFC 4320 §4.2: nobody says 408 to a non-INVITE */
		return;
	}
	if (server->best) {
		w = outbox_writer(node);
		text_put(&w, (struct text){server->best, server->best_len});
		server_send(node, server, status == 503 ? 500 : status, &w);
	} else {
		server_answer(node, server, status == 503 ? 500 : status, (struct text){0},
			      (struct text){0});
	}
	if (session && of_invite && session->state == SESSION_ESTABLISHING)
		setup_failed(node, session, server, status == 503 ? 500 : status);
}

/* One branch more has its final response, not a 2xx. `in_message`: it is node->message; else it is
 * made here. */
static void branch_is_final(struct node *node, struct server_transaction *server,
			    struct client_transaction *client, struct session *session,
			    unsigned status, bool in_message)
{
	bool is_only = server->pending == 0 && server->best_status == 0;

	if (server->has_final || passage_goes_on(node, server, client, status))
		return;
	if (client->is_withdrawn) { /* @req SC-0a  only when nobody else has said anything: 480 */
		if (server->pending > 0)
			return;
		if (server->best_status == 0)
			keep_best(node, server, 480, false);
		send_best(node, server, session);
		return;
	}
	if (is_only && in_message && (server->machine.is_invite || status != 408)) {
		relay(node, server); /* the usual case: nothing to choose from, nothing to keep */
		if (session && server->machine.is_invite && session->state == SESSION_ESTABLISHING)
			setup_failed(node, session, server, status == 503 ? 500 : status);
		return;
	}
	keep_best(node, server, status, in_message);
	if (status >= 600 && server->machine.is_invite)
		cancel_others(node, server, client, status);
	if (server->pending == 0)
		send_best(node, server, session);
}

/* ---------------------------------------------------------------- responses to forwarded requests */

static void provisional(struct node *node, struct server_transaction *server,
			struct client_transaction *client, struct session *session)
{
	const struct sip_message *m = &node->message;
	struct dialog *dialog = dialog_at(node, client->dialog);

	if (client->cancel_wanted) {
		client->cancel_wanted = false;
		client_cancel(node, client,
			      (struct text){client->cancel_lines, client->cancel_lines_len});
	}
	if (client->is_passed_over)
		return; /* what it begins now is not wanted any more */
	if (client->waits_for_server)
		client_heard_server(node, client);
	if (client->is_to_server && server && m->status > 100 && passage_at(node, server->passage))
		passage_at(node, server->passage)->was_heard = true;
	if (m->status == 100 || client->method != SIP_INVITE)
		return; /* hop by hop; and RFC 4320 §4.1: no 1xx but 100 to a non-INVITE */
	if (!client->is_cancelled)
		client->timer_c_at_ms =
			node->now_ms + node->settings->timers.ms[TIMER_C]; /* §16.7 step 2 */
	if (session && session->state == SESSION_RELEASING) {
		journal_response(node, session, client, dialog, CLAUSE_TOO_LATE);
		return;
	}
	if (session && client->is_initial_invite && m->to_tag.len)
		dialog = session_dialog_of_response(node, session, client, m);
	if (session)
		journal_response(node, session, client, dialog, CLAUSE_NONE);
	if (server)
		relay(node, server);
}

/* @req MP-11
 * A dialog that cannot be saved could never be released. Its 2xx is not forwarded; the callee gives up
 * without an ACK (RFC 3261 §13.3.1.4), and the caller hears 500 when no other branch answers. */
static void not_remembered(struct node *node, struct server_transaction *server,
			   struct client_transaction *client, struct session *session,
			   bool first_of_branch)
{
	if (!first_of_branch)
		return;
	session_drop_early_dialogs(node, session, client->leg);
	journal_response(node, session, client, NULL, CLAUSE_NOT_REMEMBERED);
	if (server)
		branch_is_final(node, server, client, session, 500, false);
}

/* @req SC-0a SC-7 RC-8
 * The 2xx of a contact that is registered no more has crossed our CANCEL: the caller has it, and the session is
 * released. Where another contact has answered too, the caller ends the dialog that it does not want. */
static void release_withdrawn(struct node *node, struct session *session,
			      const struct dialog *answered_late)
{
	struct session *first = session_first(node, session);
	const struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (dialog != answered_late &&
		    (dialog->state == DIALOG_ANSWERED || dialog->state == DIALOG_CONFIRMED))
			return;
	if (!first->release_why)
		session_release(node, first, node->settings->release_status, (struct text){0}, 0,
				CLAUSE_DEREGISTERED);
}

/* A 2xx to the initial INVITE: every one is forwarded, first, further and repeated (§16.7 step 5). */
static void success_of_invite(struct node *node, struct server_transaction *server,
			      struct client_transaction *client, struct session *session,
			      bool first_of_branch)
{
	struct dialog *dialog = session_dialog_of_response(node, session, client, &node->message);
	struct actions actions = {.n = 0};
	struct step step = {
		.session = session, .message = &node->message, .server = server, .client = client};
	bool is_new = false;

	if (!dialog) {
		not_remembered(node, server, client, session, first_of_branch);
		return;
	}
	if (session->state == SESSION_RELEASING && dialog->state == DIALOG_EARLY) {
		keep_offer(node, session, dialog);
		journal_response(node, session, client, dialog, CLAUSE_LATE_2XX);
		scscf_late_2xx(session, dialog, &node->random, &actions);
		carry_out(node, &step, &actions);
		return;
	}
	/* Repeated after we acknowledged it: again, and no second BYE (RFC 3261 §13.2.2.4). */
	if (dialog->state >= DIALOG_RELEASING) {
		if (dialog->ack_is_ours) {
			act(&actions, (struct action){.verb = SEND_ACK,
						      .clause = CLAUSE_ACK_FOR_CALLER,
						      .dialog = dialog});
			carry_out(node, &step, &actions);
		}
		return;
	}
	if (dialog->state == DIALOG_EARLY) {
		answered(node, session, dialog);
		journal_response(node, session, client, dialog, CLAUSE_NONE);
		is_new = true;
	}
	if (server)
		relay(node, server);
	if (first_of_branch && server)
		cancel_others(node, server, client, node->message.status);
	if (is_new && client->is_withdrawn)
		release_withdrawn(node, session, dialog);
}

static void last_branch_is_final(struct node *node, struct session *session)
{
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct actions actions = {.n = 0};
	struct step step = {.session = session};

	if (session->state == SESSION_ENDED)
		return;
	scscf_last_branch_is_final(session, &dialogs, &actions);
	carry_out(node, &step, &actions);
}

static void final(struct node *node, struct server_transaction *server,
		  struct client_transaction *client, struct session *session)
{
	unsigned status = node->message.status;
	bool first = client->final_status == 0;
	bool late = client->is_passed_over && sip_is_2xx(status); /* it has crossed our CANCEL */
	struct dialog *dialog = dialog_at(node, client->dialog);
	struct session *ended = session ? NULL : session_at(node, client->session);

	if (first) {
		client->final_status = (uint16_t)status;
		if (server)
			server->pending--;
		if (session && client->is_initial_invite)
			session->pending_branches--;
	}
	if (session && client->is_initial_invite && sip_is_2xx(status)) {
		client->is_passed_over = false;
		success_of_invite(node, server, client, session, first || late);
		return;
	}
	if (session && client->is_initial_invite) {
		session_drop_early_dialogs(node, session, client->leg);
		journal_response(node, session, client, dialog, CLAUSE_NONE);
		if (session->state == SESSION_RELEASING) {
			session->cancel_status = (uint16_t)status;
			session->cancel_outcome = LEG_ANSWERED;
		}
	} else if (session && dialog && first) {
		bool restarts = sip_is_2xx(status) && sip_method_refreshes_target(client->method) &&
				sip_first(&node->message, SIP_HEADER_SESSION_EXPIRES);

		journal_response(node, session, client, dialog,
				 restarts ? CLAUSE_REFRESHED : CLAUSE_NONE);
		bye_of_party_answered(dialog, client, status, LEG_ANSWERED);
		final_in_dialog(node, session, dialog, client, status);
	} else if (first && ended) {
		journal_response(node, ended, client, dialog, CLAUSE_NONE);
	}
	if (!server)
		return;
	if (sip_is_2xx(status)) {
		relay(node, server);
		if (client->method == SIP_INVITE && first)
			cancel_others(node, server, client, status);
	} else if (first) {
		branch_is_final(node, server, client,
				session && client->is_initial_invite ? session : NULL, status,
				true);
	}
}

static void proxied(struct node *node, struct client_transaction *client, struct session *session)
{
	struct server_transaction *server = pool_at(node->servers, client->server);

	if (node->message.status < 200) {
		provisional(node, server, client, session);
		return;
	}
	final(node, server, client, session);
	if (session && client->is_initial_invite)
		last_branch_is_final(node, session);
}

static struct session *live_session(const struct node *node,
				    const struct client_transaction *client)
{
	struct session *session = session_at(node, client->session);

	return session && session->state != SESSION_ENDED ? session : NULL;
}

static void passed_up(struct node *node, struct client_transaction *client)
{
	struct session *session = live_session(node, client);

	switch (client->owner) {
	case CLIENT_OF_PROXY: proxied(node, client, session); break;
	case CLIENT_OF_RELEASE:
		if (node->message.status >= 200) {
			client->final_status = node->message.status;
			bye_of_release_answered(node, client, node->message.status, LEG_ANSWERED,
						&node->message);
		}
		break;
	case CLIENT_OF_LEG: leg_request_answered(node, client); return;
	case CLIENT_OF_REGISTRAR:
		if (node->message.status >= 200)
			registrar_answered(node, client, node->message.status);
		break;
	default: break; /* what is said to a CANCEL is of no interest: the INVITE says the rest */
	}
	if (session && session->state == SESSION_RELEASING)
		release_step_done(node, session);
}

static bool has_second_via(const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;

	return sip_list_next(&list, &value) && sip_list_next(&list, &value);
}

/* @req RF-9b PX-15
 * Only what was asked for: our Via, our branch with its hash, method and number
 * of the request. */
static struct client_transaction *whom_it_answers(struct node *node)
{
	const struct sip_message *m = &node->message;
	struct client_transaction *client;
	uint32_t shard, loop_hash;
	struct handle handle;

	if (!branch_parse(m->via.branch, &shard, &handle, &loop_hash) ||
	    shard != node->settings->shard ||
	    (!addressing_is_own(node, m->via.host, m->via.port) &&
	     !addressing_is_own_of(node, ROLE_SCCAS, m->via.host, m->via.port)))
		return NULL;
	client = pool_at(node->clients, handle);
	if (client && m->method == SIP_CANCEL && client->method == SIP_INVITE)
		client = pool_at(node->clients, client->cancel);
	if (!client || client->method != m->method || client->cseq != m->cseq ||
	    client->loop_hash != loop_hash)
		return NULL;
	if (client->owner == CLIENT_OF_PROXY && !has_second_via(m))
		return NULL; /* §16.7 step 3: then it was for us, and we asked nothing */
	return client;
}

void receive_response(struct node *node)
{
	struct client_transaction *client = whom_it_answers(node);
	struct handle handle;
	unsigned orders;

	if (!client) {
		node->counters.stray_responses++;
		return;
	}
	handle = client_handle(node, client);
	node->response_from_trusted =
		client->is_to_server || addressing_is_trusted(node, &client->to);
	orders = client_machine_response(&client->machine, node->message.status,
					 &node->settings->timers, node->now_ms);
	if (orders & CLIENT_PASS_UP)
		passed_up(node, client);
	assert(pool_at(node->clients, handle) == client); /* only client_apply() ends it */
	client_apply(node, client, orders, &node->message);
}

/* ---------------------------------------------------------------- no response */

/* §16.8, §16.9: as if a 408 (or 503) had been received. */
void branch_failed(struct node *node, struct client_transaction *client, unsigned status)
{
	struct session *session = live_session(node, client);
	struct server_transaction *server = pool_at(node->servers, client->server);
	struct dialog *dialog = dialog_at(node, client->dialog);

	if (client->owner == CLIENT_OF_RELEASE) {
		bye_of_release_answered(node, client, 0,
					status == 503 ? LEG_TRANSPORT_FAILED : LEG_TIMED_OUT, NULL);
		return;
	}
	if (client->owner == CLIENT_OF_LEG)
		leg_request_failed(node, client, status);
	if (client->owner == CLIENT_OF_REGISTRAR)
		registrar_answered(node, client, status);
	if (client->owner != CLIENT_OF_PROXY || client->final_status)
		return;
	/* RFC 3261 §9.1: cancelled, and nothing more came. For Timer C we cancelled ourselves: that is a
	 * 408 (§16.8). */
	if (client->is_cancelled && server && server->is_cancelled)
		status = 487;
	client->final_status = (uint16_t)status;
	if (server)
		server->pending--;
	if (session) {
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_OUTCOME,
							.from = LEG_SERVER,
							.to = leg_of(client, dialog),
							.method = client->method,
							.cseq = client->cseq,
							.clause = CLAUSE_BRANCH_TIMEOUT,
							.note = status == 503
									? NOTE_TRANSPORT_FAILED
									: NOTE_TIMEOUT});
		if (client->is_initial_invite) {
			session->pending_branches--;
			session_drop_early_dialogs(node, session, client->leg);
			if (session->state == SESSION_RELEASING)
				session->cancel_outcome =
					status == 503 ? LEG_TRANSPORT_FAILED : LEG_TIMED_OUT;
		} else if (dialog) {
			bye_of_party_answered(dialog, client, 0,
					      status == 503 ? LEG_TRANSPORT_FAILED : LEG_TIMED_OUT);
			final_in_dialog(node, session, dialog, client, status == 408 ? 408 : 0);
		}
	}
	if (server)
		branch_is_final(node, server, client,
				session && client->is_initial_invite ? session : NULL, status,
				false);
	if (session && client->is_initial_invite)
		last_branch_is_final(node, session);
	if (session && session->state == SESSION_RELEASING)
		release_step_done(node, session);
}
