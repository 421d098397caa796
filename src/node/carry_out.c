/* The verbs of the procedures, carried out. */
#include "node/legs.h"

#include "sip/sdp.h"

#include <assert.h>

/* RFC 3326: Reason: SIP;cause=480;text="..." */
void put_reason_line(struct text_writer *w, unsigned status, struct text text)
{
	text_put_literal(w, "Reason: SIP;cause=");
	text_put_u64(w, status);
	text_put_literal(w, ";text=\"");
	if (!text.len)
		text = text_of(sip_reason_phrase(status));
	for (uint32_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			text_put_char(w, '\\');
		text_put_char(w, text.at[i]);
	}
	text_put_literal(w, "\"\r\n");
}

/* Further headers of a request of ours: the Reason, and the charging vector of the session (TS
 * 24.229 §5.4.5.1.2, RFC 7315 §4.6). @req RF-19 */
static void put_lines(struct text_writer *w, const struct session *session, bool with_reason)
{
	struct text charging_vector = session_text(session, SESSION_CHARGING_VECTOR);

	if (with_reason)
		put_reason_line(w, session->reason_status,
				session_text(session, SESSION_REASON_TEXT));
	if (charging_vector.len) {
		text_put_literal(w, "P-Charging-Vector: ");
		text_put(w, charging_vector);
		text_put_literal(w, "\r\n");
	}
}

/* A request of ours inside a dialog, in the name of the other side. */
struct own_request {
	struct sip_request_parts parts;
	struct text next_uri;
	struct next_hop hop;
};

static bool prepare(struct node *node, struct session *session, struct dialog *dialog,
		    enum dialog_side toward, struct own_request *request)
{
	struct text_writer route = text_writer_on(node->scratch2, SCRATCH_BYTES);
	struct text from = session_text(session, SESSION_FROM), to = dialog_text(dialog, DIALOG_TO);

	*request = (struct own_request){0};
	if (!dialog_route_toward(dialog, toward, &route, &request->parts.request_uri,
				 &request->parts.route, &request->next_uri) ||
	    !addressing_next_hop(node, request->next_uri, 512, &request->hop))
		return false;
	request->parts.call_id = session_text(session, SESSION_CALL_ID);
	request->parts.from = toward == SIDE_CALLED ? from : to;
	request->parts.to = toward == SIDE_CALLED ? to : from;
	return true;
}

static void leg_outcome_journal(struct node *node, struct session *session, struct dialog *dialog,
				enum dialog_side toward, unsigned status, enum leg_outcome failed)
{
	session_journal(node, session,
			(struct journal_record){
				.kind = JOURNAL_OUTCOME,
				.from = LEG_SERVER,
				.to = toward == SIDE_CALLED ? dialog->leg : LEG_CALLING,
				.method = SIP_BYE,
				.status = (uint16_t)status,
				.clause = status >= 200 && status < 300 ? CLAUSE_BYE_ANSWERED
									: CLAUSE_BYE_ANSWER_COUNTS,
				.note = failed == LEG_TIMED_OUT          ? NOTE_TIMEOUT
					: failed == LEG_TRANSPORT_FAILED ? NOTE_TRANSPORT_FAILED
									 : NOTE_NONE,
			});
}

/* There is no way to that side, or no memory: the leg is final without a BYE. */
static void bye_undeliverable(struct node *node, struct session *session, struct dialog *dialog,
			      enum dialog_side toward)
{
	dialog->outcome[toward] = LEG_TRANSPORT_FAILED;
	leg_outcome_journal(node, session, dialog, toward, 0, LEG_TRANSPORT_FAILED);
	node->counters.byes_transport_failed++;
}

static void send_bye(struct node *node, struct session *session, const struct action *action)
{
	enum dialog_side toward = action->side;
	struct dialog *dialog = action->dialog;
	char branch_bytes[BRANCH_BYTES_MAX], via_bytes[BRANCH_BYTES_MAX + 128];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct text_writer via = text_writer_on(via_bytes, sizeof(via_bytes));
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct client_transaction *client;
	struct own_request request;
	struct text_writer w;

	if (!prepare(node, session, dialog, toward, &request) || !(client = client_take(node))) {
		bye_undeliverable(node, session, dialog, toward);
		return;
	}
	client->owner = CLIENT_OF_RELEASE;
	client->cseq = action->cseq;
	client->side = (uint8_t)toward;
	client->session = pool_handle(node->sessions, session);
	client->dialog = pool_handle(node->dialogs, dialog);
	client->loop_hash = (uint32_t)random_u64(&node->random);
	branch_put(&branch, node, client_handle(node, client), client->loop_hash);
	addressing_put_via(&via, node, request.hop.local, text_written(&branch));
	put_lines(&lines, session, true);
	request.parts.method = TEXT("BYE");
	request.parts.cseq = action->cseq;
	request.parts.via = text_written(&via);
	request.parts.lines = text_written(&lines);
	w = outbox_writer(node);
	sip_write_request(&w, &request.parts);
	if (!client_begin(node, client, &request.hop, SIP_BYE, &w)) {
		client_end(node, client);
		bye_undeliverable(node, session, dialog, toward);
		return;
	}
	session_journal(node, session,
			journal_with_reason_lines(
				(struct journal_record){.kind = JOURNAL_REQUEST,
							.from = LEG_SERVER,
							.to = toward == SIDE_CALLED ? dialog->leg
										    : LEG_CALLING,
							.method = SIP_BYE,
							.cseq = action->cseq,
							.clause = (uint8_t)action->clause},
				request.parts.lines));
	dialog->outcome[toward] = LEG_SENT;
	node->counters.byes_sent++;
}

/* The ACK of a 2xx that the caller may never say; a 2xx with an offer gets an answer that rejects
 * every stream. @req RC-7 RC-8 */
static void send_ack(struct node *node, struct session *session, struct dialog *dialog,
		     enum session_clause clause)
{
	char branch_bytes[BRANCH_BYTES_MAX], via_bytes[BRANCH_BYTES_MAX + 128];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct text_writer via = text_writer_on(via_bytes, sizeof(via_bytes));
	struct text_writer body =
		text_writer_on(node->scratch + SCRATCH_BYTES / 2, SCRATCH_BYTES / 2);
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES / 2);
	struct text offer = dialog_text(dialog, DIALOG_OFFER);
	struct own_request request;
	struct text_writer w;

	if (!prepare(node, session, dialog, SIDE_CALLED, &request))
		return;
	branch_put(&branch, node, (struct handle){dialog->invite_cseq, 0},
		   (uint32_t)random_u64(&node->random));
	addressing_put_via(&via, node, request.hop.local, text_written(&branch));
	put_lines(&lines, session, false);
	request.parts.method = TEXT("ACK");
	request.parts.cseq = dialog->invite_cseq;
	request.parts.via = text_written(&via);
	request.parts.lines = text_written(&lines);
	if (offer.len && sdp_put_rejection(&body, offer, &node->settings->listen[request.hop.local],
					   (uint32_t)random_u64(&node->random) >> 1)) {
		request.parts.content_type = TEXT("application/sdp");
		request.parts.body = text_written(&body);
	}
	w = outbox_writer(node);
	sip_write_request(&w, &request.parts);
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = LEG_SERVER,
						.to = dialog->leg,
						.method = SIP_ACK,
						.cseq = dialog->invite_cseq,
						.clause = (uint8_t)clause});
	outbox_send(node, &w, &request.hop.to, request.hop.local);
}

unsigned cancel_branches(struct node *node, struct server_transaction *invite,
			 const struct client_transaction *spared, struct text reason_lines,
			 enum session_clause clause)
{
	struct client_transaction *branch;
	struct handle next;
	unsigned n = 0;

	for (struct handle h = invite->first_branch; (branch = pool_at(node->clients, h));
	     h = next) {
		next = branch->next;
		if (branch == spared || branch->final_status || branch->is_cancelled ||
		    branch->cancel_wanted)
			continue;
		n++;
		branch->cancel_clause = (uint8_t)clause;
		client_cancel(node, branch, reason_lines);
	}
	return n;
}

static void cancel_for_release(struct node *node, struct session *session,
			       enum session_clause clause)
{
	struct server_transaction *invite = pool_at(node->servers, session->invite);
	char bytes[512];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));

	if (!invite)
		return;
	put_reason_line(&lines, session->reason_status, session_text(session, SESSION_REASON_TEXT));
	if (cancel_branches(node, invite, NULL,
			    lines.full ? (struct text){0} : text_written(&lines), clause) > 0)
		session->cancel_outcome = LEG_SENT;
}

static void answer_invite(struct node *node, struct session *session, const struct action *action)
{
	struct server_transaction *invite = pool_at(node->servers, session->invite);
	char bytes[512];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));

	if (!invite || invite->has_final)
		return;
	put_reason_line(&lines, session->reason_status, session_text(session, SESSION_REASON_TEXT));
	session->setup_status = action->status;
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = LEG_CALLING,
						.method = SIP_INVITE,
						.status = action->status,
						.cseq = session->invite_cseq,
						.clause = (uint8_t)action->clause});
	server_answer(node, invite, action->status, (struct text){0},
		      lines.full ? (struct text){0} : text_written(&lines));
}

/* A proxy forwards a 2xx (RFC 3261 §16.7 step 5), outside the transaction when the caller had its final
 * response. */
static void relay_2xx(struct node *node, const struct step *step, const struct action *action)
{
	struct text_writer w = outbox_writer(node);

	if (!step->server)
		return; /* RC-9: nothing of the transaction is left */
	if (!write_relayed(node, step->server, step->message->status, &w))
		return;
	session_journal(node, step->session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = LEG_CALLING,
						.method = SIP_INVITE,
						.status = step->message->status,
						.cseq = step->message->cseq,
						.clause = (uint8_t)action->clause});
	if (step->server->has_final)
		outbox_send(node, &w, &step->server->peer, step->server->local);
	else /* an application server there was to be told by another */
		server_send(node, step->server, step->message->status, &w);
}

static void answer_request(struct node *node, const struct step *step, const struct action *action)
{
	const struct sip_message *m = step->message;

	session_journal(
		node, step->session,
		journal_with_reason(
			(struct journal_record){
				.kind = JOURNAL_REQUEST,
				.from = step->from == SIDE_CALLING ? LEG_CALLING
								   : action->dialog->leg,
				.to = LEG_SERVER,
				.method = m->method,
				.cseq = m->cseq,
				.note = NOTE_ABSORBED,
				.clause = action->status ? CLAUSE_NONE : (uint8_t)action->clause},
			m));
	if (!action->status || !step->server)
		return;
	session_journal(node, step->session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = step->from == SIDE_CALLING
							      ? LEG_CALLING
							      : action->dialog->leg,
						.method = m->method,
						.status = action->status,
						.cseq = m->cseq,
						.clause = (uint8_t)action->clause});
	server_answer(node, step->server, action->status, (struct text){0}, (struct text){0});
}

static void forward_at_hand(struct node *node, const struct step *step, const struct action *action)
{
	struct dialog *dialog = action->dialog;
	unsigned status;

	assert(step->message->method == SIP_ACK && step->forwarding);
	dialog->unacked_cseq[step->from] = 0;
	forward_request(node, NULL, step->forwarding, step->session, dialog, step->from, &status);
	session_journal(node, step->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = step->from == SIDE_CALLING ? LEG_CALLING
										   : dialog->leg,
						.to = status != 0                  ? LEG_SERVER
						      : step->from == SIDE_CALLING ? dialog->leg
										   : LEG_CALLING,
						.method = SIP_ACK,
						.cseq = step->message->cseq,
						.note = status != 0 ? NOTE_ABSORBED : NOTE_NONE});
}

static void wait_for_ack(struct node *node, struct session *session, struct dialog *dialog)
{
	struct server_transaction *invite = pool_at(node->servers, session->invite);

	dialog->ack_wait_until_ms =
		node->now_ms + 64u * (uint64_t)node->settings->timers.ms[TIMER_T1];
	/* The callee was acknowledged and repeats its 2xx no more: while the caller's ACK is out,
	 * we do (RFC 3261 §13.3.1.4). */
	if (invite && invite->response && !session->ack_seen) {
		server_machine_repeat_2xx(&invite->machine, &node->settings->timers, node->now_ms);
		server_arm(node, invite);
	}
}

void carry_out(struct node *node, const struct step *step, const struct actions *actions)
{
	struct session *session = step->session;

	for (unsigned i = 0; i < actions->n; i++) {
		const struct action *action = &actions->list[i];

		switch (action->verb) {
		case ANSWER_REQUEST: answer_request(node, step, action); break;
		case FORWARD_REQUEST: forward_at_hand(node, step, action); break;
		case SEND_BYE:
		/* Steps 3 and 6 of TS 24.229 §5.4.5.1.2, as if the served user had sent it: the route set of the
		 * dialog leads through the application servers that stayed in it, and each of them sends the BYE
		 * back through the next passage; without any it leads on to the other user. */
		case TREAT_BYE_AS_RECEIVED: send_bye(node, session, action); break;
		case SEND_ACK: send_ack(node, session, action->dialog, action->clause); break;
		case CANCEL_BRANCHES: cancel_for_release(node, session, action->clause); break;
		case ANSWER_INVITE: answer_invite(node, session, action); break;
		case RELAY_2XX: relay_2xx(node, step, action); break;
		case WAIT_FOR_ACK: wait_for_ack(node, session, action->dialog); break;
		case WAIT_TO_RETRY:
			action->dialog->retry_at_ms[action->side] = node->now_ms + action->wait_ms;
			node->counters.clauses[action->clause]++;
			break;
		case END_DIALOG: action->dialog->state = DIALOG_ENDED; break;
		case END_SESSION:
			session_finish(node, session, action->end, action->status, action->clause);
			break;
		}
	}
	if (session->state == SESSION_RELEASING)
		session_arm_release(node, session);
}

/* Legs that could not even be reached are final at once. */
static void end_finished_dialogs(struct node *node, struct session *session)
{
	struct dialog *dialog;

	for (struct handle h = session->first_dialog; (dialog = dialog_at(node, h));
	     h = dialog->next)
		if (dialog->state == DIALOG_RELEASING &&
		    leg_outcome_is_final(dialog->outcome[SIDE_CALLING]) &&
		    leg_outcome_is_final(dialog->outcome[SIDE_CALLED]))
			dialog->state = DIALOG_ENDED;
}

void release_step_done(struct node *node, struct session *session)
{
	struct scscf_dialogs dialogs;
	struct actions actions = {.n = 0};
	struct step step = {.session = session};

	if (session->state != SESSION_RELEASING)
		return;
	end_finished_dialogs(node, session);
	dialogs = session_dialogs(node, session);
	scscf_release_step_done(session, &dialogs, &actions);
	carry_out(node, &step, &actions);
}

static uint32_t retry_after_ms(const struct sip_message *response)
{
	struct text value =
		response ? sip_value(response, SIP_HEADER_RETRY_AFTER) : (struct text){0};
	uint32_t digits = 0, seconds;

	while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
		digits++;
	value.len = digits;
	if (!text_to_u32(value, 60,
			 &seconds)) /* longer than a minute is no reason to keep a dialog */
		return UINT32_MAX;
	return seconds * 1000;
}

/* To a BYE of ours in a dialog that has ended meanwhile, by a BYE of the party perhaps. */
static void journal_late_answer(struct node *node, struct session *session,
				const struct dialog *dialog,
				const struct client_transaction *client, unsigned status)
{
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = client->side == SIDE_CALLED ? dialog->leg
										    : LEG_CALLING,
						.to = LEG_SERVER,
						.method = SIP_BYE,
						.status = (uint16_t)status,
						.cseq = client->cseq,
						.note = NOTE_ABSORBED});
}

void bye_of_release_answered(struct node *node, struct client_transaction *client, unsigned status,
			     enum leg_outcome failed, const struct sip_message *response)
{
	struct session *session = session_at(node, client->session);
	struct dialog *dialog = dialog_at(node, client->dialog);
	struct actions actions = {.n = 0};
	struct step step = {.session = session};

	if (status)
		node->counters.byes_answered++;
	else if (failed == LEG_TIMED_OUT)
		node->counters.byes_timed_out++;
	else
		node->counters.byes_transport_failed++;
	if (!session || !dialog || session->state != SESSION_RELEASING ||
	    dialog->state != DIALOG_RELEASING) {
		if (status && session && dialog)
			journal_late_answer(node, session, dialog, client, status);
		return;
	}
	leg_outcome_journal(node, session, dialog, client->side, status, failed);
	scscf_bye_answered(session, dialog, client->side, status, failed, retry_after_ms(response),
			   &node->random, &actions);
	carry_out(node, &step, &actions);
	release_step_done(node, session);
	/* A release of ours may be one of this passage only: a party's BYE had died before it (SC-3b). */
	passages_bye_answered(node, session, dialog, client->side, status,
			      session_first(node, session)->release_why != 0);
}

void passage_release(struct node *node, struct session *session)
{
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct actions actions = {.n = 0};
	struct step step = {.session = session};
	bool is_established = session->state != SESSION_ESTABLISHING;

	timers_stop(&node->timers, &session->timer);
	session_set_state(node, session, SESSION_RELEASING);
	if (is_established)
		scscf_release_established_session(session, &dialogs, &node->random, &actions);
	else
		scscf_release_session_being_established(session, &actions);
	carry_out(node, &step, &actions);
	release_step_done(node, session);
}

void session_release(struct node *node, struct session *first, uint16_t status,
		     struct text reason_text, uint32_t order, enum session_clause why)
{
	/* Single passages may be at their release already: a party's BYE died in a server. */
	assert(session_state_of_all(node, first) != SESSION_ENDED);
	first->release_order = order;
	first->release_why = (uint8_t)why;
	first->bye_came_first = session_is_terminating(node, first);
	for (struct session *session = first; session;
	     session = session_next_passage(node, session)) {
		session->reason_status = status;
		if (!session_set_text(session, node->session_store, SESSION_REASON_TEXT,
				      reason_text))
			node->counters.lost_memory++;
	}
	session_journal(node, first,
			(struct journal_record){.kind = JOURNAL_ORDER,
						.from = LEG_SERVER,
						.to = LEG_SERVER,
						.status = status,
						.clause = (uint8_t)why});
	if (why == CLAUSE_RELEASE_ORDERED)
		node->counters.releases_ordered++;
	else
		node->counters.contacts_released++;
	if (anchored_of(node, first))
		anchored_release(node, first, why);
	else
		passages_release(node, first);
}
