/* The verbs of the SCC AS, carried out. */
#include "node/legs.h"

#include "sip/sdp.h"

/* ---------------------------------------------------------------- Reason */

/* Our own words, where no BYE of a party said anything. 0: nothing to say. */
static unsigned own_reason(enum session_clause clause, struct text *ret_text)
{
	switch (clause) {
	case CLAUSE_SOURCE_RELEASE_DELAY:
	case CLAUSE_OTHER_SESSION: *ret_text = TEXT("Access transferred"); return 200;
	case CLAUSE_TARGET_LEG_RELEASED: *ret_text = TEXT("Handover cancelled"); return 487;
	case CLAUSE_LATE_2XX: *ret_text = TEXT("Call completed elsewhere"); return 200;
	case CLAUSE_LOST_DIALOG: *ret_text = (struct text){0}; return 481;
	case CLAUSE_NO_ACK: *ret_text = TEXT("No ACK"); return 408;
	case CLAUSE_SESSION_EXPIRED: *ret_text = TEXT("Session timer"); return 408;
	default: return 0;
	}
}

/* @req SV-46  What the release follows from, as it was said; else our own words. */
static struct text put_release_lines(const struct session *session, enum session_clause clause,
				     struct text_writer *w)
{
	struct text said = session_text(session, SESSION_REASON_LINES);
	struct text charging_vector = session_text(session, SESSION_CHARGING_VECTOR);

	struct text own_text = {0};
	unsigned own = own_reason(clause, &own_text);

	if (own)
		put_reason_line(w, own, own_text);
	else if (said.len &&
		 clause != CLAUSE_RELEASE_ORDERED) /* @req RF-12  the operator's own words */
		text_put(w, said);
	else if (session->reason_status)
		put_reason_line(w, session->reason_status,
				session_text(session, SESSION_REASON_TEXT));
	if (charging_vector.len) {
		text_put_literal(w, "P-Charging-Vector: ");
		text_put(w, charging_vector);
		text_put_literal(w, "\r\n");
	}
	return w->full ? (struct text){0} : text_written(w);
}

/* ---------------------------------------------------------------- BYE, CANCEL, refusals */

static void leg_over(const struct leg_place *at, enum leg_outcome outcome, unsigned status)
{
	at->leg->state = LEG_OVER;
	at->leg->outcome = (uint8_t)outcome;
	at->leg->bye_status = (uint16_t)status;
}

void leg_let_go_of_offer(struct node *node, const struct leg_place *at)
{
	struct client_transaction *client = pool_at(node->clients, at->leg->offer_out);

	if (!client || client->method != SIP_INVITE || client->machine.state != CLIENT_PROCEEDING)
		return;
	client->timer_c_at_ms = TIMERS_NEVER;
	client->machine.give_up_at_ms =
		node->now_ms + 64u * (uint64_t)node->settings->timers.ms[TIMER_T1];
	client_arm(node, client);
}

void leg_send_bye(struct node *node, const struct leg_place *at, enum session_clause clause)
{
	struct leg *leg = at->leg;
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_request request = {
		.method = SIP_BYE, .cseq = leg_take_cseq(leg), .clause = clause};

	leg->bye_waits_for_ack = false;
	leg->bye_is_out = true;
	leg->state = LEG_ENDING;
	leg_let_go_of_offer(node, at);
	request.lines = put_release_lines(at->session, clause, &lines);
	if (!leg_send(node, at, &request)) {
		node->counters.byes_transport_failed++;
		leg_over(at, LEG_TRANSPORT_FAILED, 0);
		session_journal(node, at->session,
				(struct journal_record){.kind = JOURNAL_OUTCOME,
							.to = leg->number,
							.method = SIP_BYE,
							.cseq = request.cseq,
							.clause = CLAUSE_BYE_ANSWER_COUNTS,
							.note = NOTE_TRANSPORT_FAILED});
		return;
	}
	leg->outcome = LEG_SENT;
	node->counters.byes_sent++;
}

void leg_send_ack(struct node *node, const struct leg_place *at, uint32_t cseq, struct text body,
		  const struct sip_message *passing, const struct leg_place *from)
{
	struct leg_request request = {
		.method = SIP_ACK, .cseq = cseq, .body = body, .passing = passing};

	if (from) {
		request.from_leg = from->leg->number;
		request.from_cseq = passing->cseq;
	}
	at->leg->ack_due = false;
	leg_send(node, at, &request);
}

bool leg_refuse_pending(struct node *node, const struct leg_place *at, unsigned status,
			enum session_clause clause)
{
	struct handle pending =
		handle_is_set(at->leg->offer_in) ? at->leg->offer_in : at->leg->invite;
	struct server_transaction *server = pool_at(node->servers, pending);
	char bytes[48];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));

	at->leg->offer_in = NO_HANDLE;
	if (!server || server->has_final)
		return false;
	if (status == 500)
		put_retry_after(node, &lines);
	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = at->leg->number,
						.method = server->method,
						.status = (uint16_t)status,
						.cseq = server->cseq,
						.clause = (uint8_t)clause});
	leg_answer(node, server, at,
		   &(struct leg_response){.status = status, .lines = text_written(&lines)});
	return true;
}

bool leg_refuse_offer(struct node *node, const struct leg_place *at, unsigned status,
		      enum session_clause clause)
{
	return handle_is_set(at->leg->offer_in) && leg_refuse_pending(node, at, status, clause);
}

void leg_take_over_ack(struct node *node, const struct leg_place *at)
{
	struct text answer =
		at->leg->ack_has_sdp ? leg_text(at->leg, LEG_LOCAL_SDP) : (struct text){0};
	struct server_transaction *server;

	leg_send_ack(node, at, at->leg->invite_cseq, answer, NULL, NULL);
	for (unsigned i = 0; i < ANCHORED_LEGS; i++) {
		struct leg *leg = &at->anchored->legs[i];

		if (!leg->ack_passes_on)
			continue;
		leg->ack_passes_on = false;
		server = pool_at(node->servers, leg->answered);
		if (!server || !server->response || leg->unacked_cseq == 0)
			continue;
		server_machine_repeat_2xx(&server->machine, &node->settings->timers, node->now_ms);
		server_arm(node, server);
	}
}

static void refuse_passing(struct node *node, const struct leg_place *at)
{
	for (unsigned i = 0; i < LEG_PASSING_MAX; i++) {
		struct server_transaction *server = pool_at(node->servers, at->leg->passing[i]);

		at->leg->passing[i] = NO_HANDLE;
		if (server && !server->has_final)
			leg_answer(node, server, at, &(struct leg_response){.status = 487});
	}
}

/* @req RF-5a */
void leg_refuse_all(struct node *node, const struct leg_place *at, unsigned status,
		    enum session_clause clause)
{
	leg_refuse_offer(node, at, 487, clause);
	leg_refuse_pending(node, at, status, clause);
	refuse_passing(node, at);
}

/* We called there: RFC 3261 §9.1. The final response, or its absence, ends the leg. */
static void cancel_invite(struct node *node, const struct leg_place *at, enum session_clause clause)
{
	struct client_transaction *invite = pool_at(node->clients, at->leg->invite_out);
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES);

	at->leg->state = LEG_ENDING;
	if (!invite || invite->method != SIP_INVITE) {
		leg_over(at, LEG_NOT_ASKED, 0);
		return;
	}
	if (invite->is_cancelled || invite->cancel_wanted)
		return;
	at->leg->outcome = LEG_SENT;
	invite->cancel_clause = (uint8_t)clause;
	client_cancel(node, invite, put_release_lines(at->session, clause, &lines));
}

/* An offer in the 2xx gets its answer (RFC 3261 §13.2.2.4): nothing is wanted. */
static void acknowledge_for_release(struct node *node, const struct leg_place *at)
{
	struct leg *leg = at->leg;
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct text answer = {0};

	if (!leg_text(leg, LEG_LOCAL_SDP).len &&
	    sdp_put_rejection(&body, leg_text(leg, LEG_REMOTE_SDP), &node->settings->listen[0],
			      (uint32_t)random_u64(&node->random)))
		answer = text_written(&body);
	leg_send_ack(node, at, leg->invite_cseq, answer, NULL, NULL);
}

/* @req RC-7  The caller has not acknowledged our 2xx yet. */
static bool must_wait_for_ack(const struct leg *leg)
{
	return leg->is_calling && leg->unacked_cseq != 0 && !leg->is_confirmed;
}

void leg_release(struct node *node, const struct leg_place *at, enum session_clause clause,
		 uint16_t status)
{
	struct leg *leg = at->leg;

	if (!leg_is_alive(leg))
		return;
	if (leg->state != LEG_ESTABLISHED && leg->is_calling) {
		leg_refuse_all(node, at, status, clause);
		leg_over(at, LEG_ANSWERED, status);
	} else if (leg->state != LEG_ESTABLISHED) {
		leg_refuse_all(node, at, 487, clause);
		cancel_invite(node, at, clause);
	} else {
		leg_refuse_all(node, at, 487, clause); /* @req RC-4 */
		if (leg->ack_due)
			acknowledge_for_release(node, at);
		if (must_wait_for_ack(leg)) {
			leg->state = LEG_ENDING;
			leg->bye_waits_for_ack = true;
			leg->outcome = LEG_WAITING_FOR_ACK;
		} else {
			leg_send_bye(node, at, clause);
		}
	}
}

/* ---------------------------------------------------------------- the remote leg update */

static const char *update_method(const struct leg *leg)
{
	return leg->state == LEG_EARLY ? "UPDATE" : "INVITE";
}

static struct text put_timer_lines(const struct leg *leg, struct text_writer *w)
{
	text_put_literal(w, "Supported: timer\r\n" /* nobody would send the PRACK */
			 ALLOW_OF_SCCAS);
	if (leg->expires_s) { /* the party beyond goes on refreshing (RFC 4028 §7.4) */
		text_put_literal(w, "Session-Expires: ");
		text_put_u64(w, leg->expires_s);
		text_put_literal(w, ";refresher=uas\r\n");
	}
	return text_written(w);
}

/* The description of the leg's party: what it offers now, has agreed to, or began with. */
static struct text media_of(struct node *node, const struct leg *leg)
{
	bool has_agreed = leg_text(leg, LEG_REMOTE_SDP).len > 0;
	struct handle pending = handle_is_set(leg->offer_in) ? leg->offer_in
				: has_agreed                 ? NO_HANDLE
							     : leg->invite;
	struct server_transaction *server = pool_at(node->servers, pending);
	struct text offered;

	if (server && server->request &&
	    sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) == SIP_OK &&
	    (offered = sip_session_description(&node->other)).len)
		return offered;
	return leg_text(leg, LEG_REMOTE_SDP);
}

static void update_remote(struct node *node, struct session *session,
			  const struct leg_action *action)
{
	struct leg_place at = leg_place_of(node, session, action->leg, 0);
	struct anchored_session *a = at.anchored;
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES / 2);
	struct text_writer lines =
		text_writer_on(node->scratch + SCRATCH_BYTES / 2, SCRATCH_BYTES / 2);
	struct leg_request request = {.method = sip_method_of(text_of(update_method(at.leg)))};
	struct client_transaction *client = NULL;

	if (at.leg->ack_due) /* nobody else will any more */
		leg_take_over_ack(node, &at);
	request.cseq = leg_take_cseq(at.leg);
	request.clause = action->clause;
	if (sdp_put_moved_offer(&body, media_of(node, &a->legs[action->media]),
				leg_text(at.leg, LEG_LOCAL_SDP), LIMIT_STREAMS_OF_LEG)) {
		a->is_moved = true;
		request.body = text_written(&body);
		request.lines = put_timer_lines(at.leg, &lines);
		client = leg_send(node, &at, &request);
	}
	if (client) {
		at.leg->offer_out = client_handle(node, client);
		if (request.method == SIP_INVITE)
			at.leg->invite_cseq = request.cseq;
		return;
	}
	{
		struct leg_actions actions = {.n = 0};

		sccas_update_answered(a, &node->settings->sccas, 488, node->now_ms, 0, &actions);
		carry_out_legs(node, session, &actions);
	}
}

static void cancel_update(struct node *node, struct session *session,
			  const struct leg_action *action)
{
	struct leg_place at = leg_place_of(node, session, action->leg, 0);
	struct client_transaction *update = pool_at(node->clients, at.leg->offer_out);

	if (!update || update->method != SIP_INVITE)
		return;
	update->cancel_clause = (uint8_t)action->clause;
	client_cancel(node, update, (struct text){0});
}

/* ---------------------------------------------------------------- answers */

static bool offer_of(struct node *node, const struct server_transaction *server,
		     struct text *ret_offer)
{
	if (!server->request ||
	    sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return false;
	*ret_offer = sip_session_description(&node->other);
	return true;
}

/* In the alerting phase offer and answer were over before the call was answered. */
static bool needs_answer(const struct leg_place *at, bool is_invite_of_leg)
{
	if (!is_invite_of_leg)
		return true;
	if (at->which == TARGET_ACCESS_LEG)
		return at->leg->state != LEG_EARLY || !at->anchored->progress_is_reliable;
	return !at->leg->has_reliable_answer;
}

static struct text answer_to(const struct leg_place *at)
{
	const struct leg *remote = &at->anchored->legs[REMOTE_LEG];

	/* To the remote party: what it was told last, until it is told better. */
	return leg_text(remote, at->which == REMOTE_LEG ? LEG_LOCAL_SDP : LEG_REMOTE_SDP);
}

/* The 2xx of the pending offer of this leg, with what the remote party has answered. */
static void accept(struct node *node, const struct leg_place *at, struct server_transaction *server,
		   const struct leg_action *action)
{
	struct handle own = pool_handle(node->servers, server);
	bool is_invite_of_leg = handle_equal(own, at->leg->invite);
	struct text answer = answer_to(at), offer = {0};
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_response response = {.status = action->status};

	if (!offer_of(node, server, &offer))
		return;
	if (needs_answer(at, is_invite_of_leg) && offer.len &&
	    sdp_put_moved_answer(&body, answer, offer, leg_text(at->leg, LEG_LOCAL_SDP)))
		response.body = text_written(&body);
	else if (!offer.len && at->leg->state == LEG_ESTABLISHED && server->method == SIP_INVITE &&
		 sdp_put_moved_offer(&body, answer, leg_text(at->leg, LEG_LOCAL_SDP),
				     LIMIT_STREAMS_OF_LEG))
		response.body = text_written(&body); /* RFC 3261 §14.1: the 2xx offers */
	if (response.body.len &&
	    (!leg_set_text(at->leg, node->session_store, LEG_LOCAL_SDP, response.body) ||
	     (offer.len && !leg_set_text(at->leg, node->session_store, LEG_REMOTE_SDP, offer))))
		node->counters.lost_memory++;
	if (at->session->answered_after_ms == 0 && server->method == SIP_INVITE) {
		at->session->answered_after_ms =
			(uint32_t)(node->now_ms - at->session->began_ms) + 1;
		node->counters.sessions_answered++;
		session_set_state(node, at->session, SESSION_ANSWERED);
	}
	if (is_invite_of_leg) {
		at->leg->state = LEG_ESTABLISHED;
		at->leg->invite = NO_HANDLE;
	} else {
		at->leg->offer_in = NO_HANDLE;
	}
	if (at->which != REMOTE_LEG) {
		at->leg->expires_s = 0; /* no timer on this leg, RFC 4028 §7.2 */
		if (node->settings->sccas.mid_call && at->which == TARGET_ACCESS_LEG)
			response.contact_params = TEXT(";+g.3gpp.mid-call"); /* @req SV-9a */
	}
	response.lines = TEXT("Supported: 100rel\r\n" ALLOW_OF_SCCAS);
	leg_answer(node, server, at, &response);
	if (server->method != SIP_INVITE)
		return;
	at->leg->unacked_cseq = at->leg->peer_invite_cseq;
	at->leg->answered = pool_handle(node->servers, server);
	at->leg->ack_passes_on = false;
	server_machine_repeat_2xx(&server->machine, &node->settings->timers, node->now_ms);
	server_arm(node, server);
}

static void answer_offer(struct node *node, struct session *session,
			 const struct leg_action *action)
{
	struct leg_place at = leg_place_of(node, session, action->leg, 0);
	struct handle pending = handle_is_set(at.leg->offer_in) && action->verb == LEG_ANSWER_OFFER
					? at.leg->offer_in
					: at.leg->invite;
	struct server_transaction *server = pool_at(node->servers, pending);

	if (action->status >= 300 || !server) {
		leg_refuse_pending(node, &at, action->status, action->clause);
		if (action->leg == TARGET_ACCESS_LEG && at.leg->state < LEG_ESTABLISHED)
			leg_over(&at, LEG_ANSWERED, action->status);
		return;
	}
	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = at.leg->number,
						.method = server->method,
						.status = action->status,
						.cseq = server->cseq,
						.clause = (uint8_t)action->clause});
	if (action->status < 200)
		leg_send_progress(node, &at, server);
	else
		accept(node, &at, server, action);
}

/* ---------------------------------------------------------------- passing on */

static void pass_offer_on(struct node *node, struct session *session,
			  const struct leg_action *action)
{
	struct leg_place from = leg_place_of(node, session, action->leg, 0);
	struct leg_place to = leg_place_of(node, session, REMOTE_LEG, 0);
	struct server_transaction *server = pool_at(node->servers, from.leg->offer_in);

	if (!server || !server->request ||
	    sip_parse(&node->stored, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	if (!leg_pass_on(node, &from, &to, server, &node->stored, false))
		leg_refuse_pending(node, &from, 500, action->clause);
}

/* ---------------------------------------------------------------- other sessions of the user */

static struct anchored_session *best_other(const struct node *node, struct anchored_session *a)
{
	struct anchored_session *other = anchored_first_of_user(node, text_of(a->c_msisdn));
	struct anchored_session *best = NULL;

	for (; other; other = anchored_at(node, other->next_of_user))
		if (other != a && sccas_is_other_session(other) &&
		    (!best || sccas_is_preferred(other, best)))
			best = other;
	return best;
}

/* @req SV-9b  The MSC server is told that there is a further session. docs/adr/0035 */
static void tell_of_kept(struct node *node, struct session *session)
{
	struct leg_place at = leg_place_of(node, session, TARGET_ACCESS_LEG, 0);
	struct leg_request request = {
		.method = SIP_INFO,
		.lines = TEXT("Info-Package: g.3gpp.mid-call\r\n"
			      "Content-Disposition: Info-Package\r\n"),
		.content_type = TEXT("application/vnd.3gpp.mid-call+xml"),
		.body = TEXT("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<mid-call/>\r\n")};

	if (at.leg->state != LEG_ESTABLISHED)
		return;
	request.cseq = leg_take_cseq(at.leg);
	request.clause = CLAUSE_OTHER_SESSION_KEPT;
	leg_send(node, &at, &request);
}

static void keep(struct node *node, struct session *session, struct anchored_session *kept)
{
	struct leg_actions actions = {.n = 0};
	struct session *of_kept = session_at(node, kept->session);

	sccas_keep_for_additional(kept, &node->settings->sccas, node->now_ms, &actions);
	session_journal(node, of_kept,
			(struct journal_record){.kind = JOURNAL_TIMER,
						.clause = CLAUSE_OTHER_SESSION_KEPT});
	carry_out_legs(node, of_kept, &actions);
	anchored_step_done(node, of_kept);
	tell_of_kept(node, session);
}

static bool one_is_kept(const struct node *node, const struct anchored_session *a)
{
	const struct anchored_session *other = anchored_first_of_user(node, text_of(a->c_msisdn));

	for (; other; other = anchored_at(node, other->next_of_user))
		if (other->is_kept && !other->is_ending)
			return true;
	return false;
}

static void release_others(struct node *node, struct session *session)
{
	struct anchored_session *a = anchored_of(node, session), *kept = NULL, *next;

	if (!a->c_msisdn[0])
		return;
	if (sccas_keeps_another(a, &node->settings->sccas) && !one_is_kept(node, a) &&
	    (kept = best_other(node, a)))
		keep(node, session, kept);
	for (struct anchored_session *other = anchored_first_of_user(node, text_of(a->c_msisdn));
	     other; other = next) {
		next = anchored_at(node, other->next_of_user);
		if (other != a && !other->is_kept && sccas_is_other_session(other))
			anchored_release(node, session_at(node, other->session),
					 CLAUSE_OTHER_SESSION);
	}
}

/* An offer of our own on the remote leg that concerns no transfer. */
static void hold(struct node *node, struct session *session, const struct leg_action *action)
{
	struct leg_place at = leg_place_of(node, session, action->leg, 0);
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES / 2);
	struct text_writer lines =
		text_writer_on(node->scratch + SCRATCH_BYTES / 2, SCRATCH_BYTES / 2);
	struct leg_request request = {.method = SIP_INVITE};
	struct client_transaction *client;

	if (!sdp_put_held(&body, leg_text(at.leg, LEG_LOCAL_SDP)))
		return;
	at.anchored->is_moved = true;
	request.cseq = leg_take_cseq(at.leg);
	request.body = text_written(&body);
	request.lines = put_timer_lines(at.leg, &lines);
	request.clause = action->clause;
	client = leg_send(node, &at, &request);
	if (!client)
		return;
	at.leg->offer_out = client_handle(node, client);
	at.leg->invite_cseq = request.cseq;
}

/* @req RF-13d */
static void refresh(struct node *node, struct session *session, const struct leg_action *action)
{
	struct leg_place at = leg_place_of(node, session, action->leg, 0);
	char bytes[80];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));
	struct leg_request request = {.method = SIP_UPDATE, .cseq = leg_take_cseq(at.leg)};
	struct client_transaction *client;

	text_put_literal(&lines, "Supported: timer\r\nSession-Expires: ");
	text_put_u64(&lines, at.leg->expires_s);
	text_put_literal(&lines, ";refresher=uac\r\n");
	request.lines = text_written(&lines);
	request.clause = action->clause;
	client = leg_send(node, &at, &request);
	if (client)
		client->is_refresh = true;
}

/* ---------------------------------------------------------------- all of them */

/* The first reason stands. */
static void note_why(struct node *node, struct session *session, enum session_clause clause)
{
	if (session->release_why == 0)
		session->release_why = (uint8_t)clause;
	if (session->state < SESSION_RELEASING)
		session_set_state(node, session, SESSION_RELEASING);
}

void carry_out_legs(struct node *node, struct session *session, const struct leg_actions *actions)
{
	struct anchored_session *a = anchored_of(node, session);

	if (a->is_ending && actions->n)
		note_why(node, session, actions->list[0].clause);
	for (unsigned i = 0; i < actions->n; i++) {
		const struct leg_action *action = &actions->list[i];
		struct leg_place at = leg_place_of(node, session, action->leg, 0);

		switch (action->verb) {
		case LEG_RELEASE: leg_release(node, &at, action->clause, action->status); break;
		case LEG_UPDATE: update_remote(node, session, action); break;
		case LEG_CANCEL_UPDATE: cancel_update(node, session, action); break;
		case LEG_ANSWER_INVITE:
		case LEG_ANSWER_OFFER: answer_offer(node, session, action); break;
		case LEG_PASS_OFFER_ON: pass_offer_on(node, session, action); break;
		case LEG_HOLD: hold(node, session, action); break;
		case LEG_REFRESH: refresh(node, session, action); break;
		case LEG_RELEASE_OTHERS: release_others(node, session); break;
		}
	}
}
