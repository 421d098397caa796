/* A request arrives at the SCC AS: TS 24.229 §5.7.5 (third-party call control), TS 24.237 §10, §12.3. */
#include "node/event_lines.h"
#include "node/legs.h"

#include "roles/sccas/users.h"
#include "sip/reason.h"
#include "sip/sdp.h"

#define REASON_BYTES_MAX 512u

/* ---------------------------------------------------------------- small things */

static void journal_absorbed(struct node *node, const struct leg_place *at,
			     enum session_clause clause)
{
	session_journal(node, at->session,
			journal_with_reason((struct journal_record){.kind = JOURNAL_REQUEST,
								    .from = at->leg->number,
								    .to = LEG_SERVER,
								    .method = node->message.method,
								    .cseq = node->message.cseq,
								    .note = NOTE_ABSORBED,
								    .clause = (uint8_t)clause},
					    &node->message));
}

static void answer_with(struct node *node, struct server_transaction *server,
			const struct leg_place *at, unsigned status, enum session_clause clause,
			struct text lines)
{
	journal_absorbed(node, at, CLAUSE_NONE);
	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = at->leg->number,
						.method = server->method,
						.status = (uint16_t)status,
						.cseq = server->cseq,
						.clause = (uint8_t)clause});
	leg_answer(node, server, at, &(struct leg_response){.status = status, .lines = lines});
}

static void answer_here(struct node *node, struct server_transaction *server,
			const struct leg_place *at, unsigned status, enum session_clause clause)
{
	char bytes[48];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));

	if (status == 500)
		put_retry_after(node, &lines);
	answer_with(node, server, at, status, clause, text_written(&lines));
}

static struct server_transaction *begin_on_leg(struct node *node, struct arrival *a,
					       const struct leg_place *at)
{
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);

	if (!server) {
		arrival_answer_503(node, a);
		return NULL;
	}
	server->is_of_leg = true;
	server->session = pool_handle(node->sessions, at->session);
	server->side = (uint8_t)at->which;
	server->fork = at->fork;
	return server;
}

/* Of the last BYE or CANCEL: what follows from it says the same. */
static void keep_reason(struct node *node, struct session *session)
{
	char bytes[REASON_BYTES_MAX];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	sip_put_reason_lines(&w, &node->message, REASON_BYTES_MAX);
	if (!session_set_text(session, node->session_store, SESSION_REASON_LINES, text_written(&w)))
		node->counters.lost_memory++;
}

/* ---------------------------------------------------------------- passing on */

/* The description that goes with it: after a transfer it must continue what that leg has seen. */
static struct text continued(const struct leg_place *to, const struct sip_message *m,
			     struct text_writer *w)
{
	struct text body = sip_session_description(m), last = leg_text(to->leg, LEG_LOCAL_SDP);
	bool is_offer = m->method == SIP_INVITE || m->method == SIP_UPDATE;

	if (!to->anchored->is_moved || !body.len || !last.len)
		return (struct text){0};
	if (is_offer ? !sdp_put_moved_offer(w, body, last, LIMIT_STREAMS_OF_LEG)
		     : !sdp_put_continued(w, body, last))
		return (struct text){0};
	return text_written(w);
}

bool leg_pass_on(struct node *node, const struct leg_place *from, const struct leg_place *to,
		 struct server_transaction *server, const struct sip_message *m, bool has_just_come)
{
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_request request = {.method = (enum sip_method)m->method,
				      .cseq = leg_take_cseq(to->leg),
				      .passing = m,
				      .server = pool_handle(node->servers, server),
				      .from_leg = has_just_come ? from->leg->number : LEG_SERVER,
				      .from_cseq = m->cseq};
	struct client_transaction *client;

	request.body = continued(to, m, &body);
	client = leg_send(node, to, &request);
	if (!client)
		return false;
	if (m->method == SIP_PRACK)
		to->leg->pracked_rseq = leg_acknowledged_sequence(m);
	leg_note_passing(from->leg, request.server);
	if (m->method == SIP_INVITE)
		to->leg->invite_cseq = request.cseq;
	if (m->method == SIP_INVITE ||
	    (m->method == SIP_UPDATE && sip_session_description(m).len)) {
		to->leg->offer_out = client_handle(node, client);
		from->leg->offer_in = request.server;
	}
	return true;
}

/* The leg that this one's requests go on to, in the same fork; NULL: none at present. */
static bool find_peer(struct node *node, const struct leg_place *at, struct leg_place *ret)
{
	enum anchored_leg peer;

	if (!anchored_peer(at->anchored, at->which, &peer))
		return false;
	*ret = leg_place_of(node, at->session, peer, at->fork);
	return leg_has_dialog(ret->leg);
}

static void pass_or_refuse(struct node *node, const struct leg_place *at,
			   struct server_transaction *server, unsigned status)
{
	struct leg_place to;

	if (node->message.max_forwards == 0) {
		node->counters.too_many_hops++;
		answer_here(node, server, at, 483, CLAUSE_NONE);
	} else if (!find_peer(node, at, &to)) {
		answer_here(node, server, at, status, CLAUSE_NONE);
	} else if (!leg_pass_on(node, at, &to, server, &node->message, true)) {
		answer_here(node, server, at, 500, CLAUSE_NONE);
	}
}

/* ---------------------------------------------------------------- offers inside a dialog */

static bool is_pending_offer(const struct node *node, struct handle client_handle_of_offer)
{
	const struct client_transaction *client = pool_at(node->clients, client_handle_of_offer);

	return client && !client->final_status;
}

/* @req RF-15 RF-21 RC-2
 * RFC 3261 §14.2, RFC 3311 §5.2: one offer at a time. */
static unsigned glare(const struct node *node, const struct leg *leg)
{
	const struct server_transaction *pending = pool_at(node->servers, leg->offer_in);

	if (node->message.method == SIP_INVITE && leg->state < LEG_ESTABLISHED)
		return leg->is_calling ? 500 : 491; /* the INVITE that makes it is under way */
	if (pending && !pending->has_final)
		return 500;
	return is_pending_offer(node, leg->offer_out) ? 491 : 0;
}

static void offer_of_source(struct node *node, const struct leg_place *at,
			    struct server_transaction *server)
{
	struct leg_actions actions = {.n = 0};
	struct text sdp = sip_session_description(&node->message);
	unsigned speech = sdp.len ? sdp_speech_of(sdp) : SDP_SPEECH_BOTH_WAYS;
	bool is_queued;

	at->leg->offer_in = pool_handle(node->servers, server);
	switch (sccas_source_leg_offers(at->anchored, speech, &actions)) {
	case SOURCE_OFFER_PASS:
		at->leg->offer_in = NO_HANDLE;
		pass_or_refuse(node, at, server, 491);
		break;
	case SOURCE_OFFER_REFUSE:
		at->leg->offer_in = NO_HANDLE;
		answer_here(node, server, at, 488, CLAUSE_NOT_RETURNED);
		break;
	case SOURCE_OFFER_TAKEN:
		is_queued = at->anchored->source_offer_waits;
		at->anchored->came_back_at_ms = node->now_ms;
		journal_absorbed(node, at, is_queued ? CLAUSE_RETURN_WAITS : CLAUSE_NONE);
		carry_out_legs(node, at->session, &actions);
		break;
	}
}

static bool is_settled(const struct anchored_session *a)
{
	return a->transfer == TRANSFER_NONE || a->transfer == TRANSFER_DONE ||
	       (a->transfer == TRANSFER_ALERTING &&
		(a->progress_is_acknowledged || !a->progress_is_reliable));
}

/* @req SV-20d */
static bool offer_of_remote_is_taken(struct node *node, const struct leg_place *at,
				     struct server_transaction *server)
{
	struct leg_actions actions = {.n = 0};

	if (at->which != REMOTE_LEG || !sip_session_description(&node->message).len ||
	    !sccas_remote_leg_offers(at->anchored, &actions))
		return false;
	at->leg->offer_in = pool_handle(node->servers, server);
	journal_absorbed(node, at, CLAUSE_NONE);
	carry_out_legs(node, at->session, &actions);
	return true;
}

/* @req RF-13c
 * A refresh while nobody else can answer it: the interval begins anew here as it would have there. */
static void refresh_here(struct node *node, const struct leg_place *at,
			 struct server_transaction *server)
{
	struct text value = sip_value(&node->message, SIP_HEADER_SESSION_EXPIRES), refresher;
	struct text params = text_from(value, text_find(value, ';'));
	enum session_interval_verdict verdict = session_interval_check(&node->message);
	char bytes[96];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));
	uint32_t seconds;
	bool is_uas;

	if (verdict == SESSION_INTERVAL_REFUSE) {
		answer_with(node, server, at, 422, CLAUSE_INTERVAL_TOO_SMALL,
			    TEXT("Min-SE: 90\r\n"));
		return;
	}
	if (!text_to_u32(session_interval_digits(value), 0x7fffffff, &seconds)) {
		seconds = at->leg->expires_s; /* who says nothing keeps what was agreed */
		if (!seconds ||
		    !sip_has_option(&node->message, SIP_HEADER_SUPPORTED, TEXT("timer"))) {
			answer_here(node, server, at, 200, CLAUSE_NONE);
			return;
		}
	}
	if (verdict == SESSION_INTERVAL_RAISE)
		seconds = SESSION_INTERVAL_MIN_S;
	is_uas = sip_param(params, TEXT("refresher"), &refresher) &&
		 text_equal_nocase(refresher, TEXT("uas"));
	leg_note_interval(node, at, seconds, !is_uas);
	text_put_literal(&lines, "Session-Expires: ");
	text_put_u64(&lines, seconds);
	if (is_uas)
		text_put_literal(&lines, ";refresher=uas\r\n");
	else
		text_put_literal(&lines, ";refresher=uac\r\nRequire: timer\r\n");
	answer_with(node, server, at, 200, CLAUSE_REFRESHED, text_written(&lines));
}

static void offer(struct node *node, const struct leg_place *at, struct server_transaction *server)
{
	const struct sip_message *m = &node->message;
	bool has_offer = m->method == SIP_INVITE || sip_session_description(m).len;
	unsigned status = has_offer ? glare(node, at->leg) : 0;
	struct leg_place to;

	if (m->method == SIP_INVITE && !status && at->leg->unacked_cseq)
		status = 500; /* the ACK of the one before is still on its way */
	if (m->method == SIP_INVITE && !status)
		at->leg->peer_invite_cseq = m->cseq;
	if (status) {
		answer_here(node, server, at, status, CLAUSE_OFFER_MEETS_TRANSFER);
	} else if (!has_offer && (!is_settled(at->anchored) || !find_peer(node, at, &to))) {
		refresh_here(node, at, server);
	} else if (at->which == SOURCE_ACCESS_LEG && has_offer) {
		offer_of_source(node, at, server);
	} else if (offer_of_remote_is_taken(node, at, server)) {
		return;
	} else if (!is_settled(at->anchored)) { /* @req SV-50 */
		answer_here(node, server, at, 491, CLAUSE_OFFER_MEETS_TRANSFER);
	} else {
		pass_or_refuse(node, at, server, 491);
	}
}

/* ---------------------------------------------------------------- BYE */

static void leg_said_bye(struct node *node, const struct leg_place *at)
{
	struct anchored_session *a = at->anchored;
	const struct sccas_settings *s = &node->settings->sccas;
	bool has_503 = sip_reason_has_sip_cause(&node->message, 503);
	bool has_487 = sip_reason_has_sip_cause(&node->message, 487);
	struct leg_actions actions = {.n = 0};

	switch (at->which) {
	case SOURCE_ACCESS_LEG:
		sccas_source_leg_released(a, s, has_503, node->now_ms, &actions);
		break;
	case REMOTE_LEG: sccas_remote_leg_released(a, &actions); break;
	default: sccas_target_leg_released(a, s, has_487, node->now_ms, &actions); break;
	}
	carry_out_legs(node, at->session, &actions);
	if (a->is_ending || at->which == REMOTE_LEG)
		return;
	/* What had gone on to this leg will not be answered any more (docs/adr/0027). */
	leg_refuse_offer(node,
			 &(struct leg_place){at->session, a, &a->legs[REMOTE_LEG], REMOTE_LEG, 0},
			 491, CLAUSE_OFFER_MEETS_TRANSFER);
}

/* Nobody repeats the 2xx any more. */
static void stop_repeating(struct node *node, struct leg *leg)
{
	struct server_transaction *invite = pool_at(node->servers, leg->answered);

	leg->unacked_cseq = 0;
	leg->answered = NO_HANDLE;
	if (!invite || invite->machine.state != SERVER_ACCEPTED)
		return;
	server_machine_2xx_acknowledged(&invite->machine);
	server_arm(node, invite);
}

/* An early dialog that another one has outlived, or whose INVITE is still to be answered by who says
 * BYE: it ends, and nothing else. */
static bool is_of_no_session(const struct leg_place *at)
{
	if (at->leg->is_calling)
		return at->fork && at->leg->state >= LEG_ESTABLISHED;
	return at->leg->state < LEG_ESTABLISHED;
}

/* @req SV-44 AS-1 RF-20 RC-1a
 * Answered at once, whatever else hangs on it. */
static void bye(struct node *node, const struct leg_place *at, struct server_transaction *server)
{
	bool was_ending = at->leg->state == LEG_ENDING;
	enum anchored_leg other;
	struct leg *peer;

	answer_here(node, server, at, 200, CLAUSE_NONE);
	if (is_of_no_session(at))
		return;
	leg_refuse_all(node, at, 487, CLAUSE_NONE); /* @req RF-5a RC-3 */
	stop_repeating(node, at->leg);              /* @req RC-7c */
	peer = anchored_peer(at->anchored, at->which, &other);
	if (peer && peer->ack_passes_on)
		peer->unacked_cseq = 0; /* @req RC-17 */
	if (at->leg->ack_due)           /* @req RC-3b  its 2xx must not be repeated */
		leg_send_ack(node, at, at->leg->invite_cseq, (struct text){0}, NULL, NULL);
	if (was_ending && !at->leg->bye_waits_for_ack)
		return; /* our own BYE is still to be answered */
	leg_let_go_of_offer(node, at);
	at->leg->state = LEG_OVER;
	at->leg->outcome = LEG_HUNG_UP;
	at->leg->bye_waits_for_ack = false;
	if (at->session->first_bye_leg == 0)
		at->session->first_bye_leg = at->leg->number;
	keep_reason(node, at->session);
	leg_said_bye(node, at);
}

/* ---------------------------------------------------------------- ACK */

static void pass_ack_on(struct node *node, const struct leg_place *at)
{
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_place to;

	if (!find_peer(node, at, &to))
		return;
	leg_send_ack(node, &to, to.leg->invite_cseq, continued(&to, &node->message, &body),
		     &node->message, at);
	/* Once: when the 2xx comes again, this server acknowledges it itself. */
	at->leg->ack_passes_on = false;
	to.leg->ack_has_sdp = sip_session_description(&node->message).len > 0;
	if (sip_session_description(&node->message).len) { /* the answer to an offer in the 2xx */
		leg_set_text(at->leg, node->session_store, LEG_REMOTE_SDP,
			     sip_session_description(&node->message));
		leg_set_text(to.leg, node->session_store, LEG_LOCAL_SDP,
			     sip_session_description(&node->message));
		anchored_speech_agreed(node, at->anchored);
	}
}

static void ack(struct node *node, const struct leg_place *at)
{
	struct leg *leg = at->leg;
	bool is_first = leg->unacked_cseq == node->message.cseq;
	struct leg_actions actions = {.n = 0};

	if (node->message.cseq != leg->peer_invite_cseq)
		return;
	if (is_first)
		stop_repeating(node, leg);
	leg->is_confirmed = true;
	if (leg->bye_waits_for_ack) {
		journal_absorbed(node, at, CLAUSE_NONE);
		leg_send_bye(node, at, (enum session_clause)at->session->release_why);
	} else if (leg->ack_passes_on) {
		pass_ack_on(node, at);
	} else if (is_first) {
		journal_absorbed(node, at, CLAUSE_NONE);
	}
	if (is_first && at->session->state == SESSION_ANSWERED)
		session_set_state(node, at->session, SESSION_CONFIRMED);
	if (is_first && at->which == TARGET_ACCESS_LEG && leg->state == LEG_ESTABLISHED) {
		sccas_transfer_acknowledged(at->anchored, &node->settings->sccas, node->now_ms,
					    &actions);
		carry_out_legs(node, at->session, &actions);
	}
}

/* ---------------------------------------------------------------- inside a dialog */

/* @req RF-2  Each early dialog of a calling party counts for itself (RFC 3261 §12.2.1.1). */
static bool is_in_order(const struct leg_place *at, uint32_t cseq)
{
	struct leg *fork;

	if (!at->fork || !at->leg->is_calling)
		return leg_request_in_order(at->leg, cseq);
	fork = &at->anchored->forks[at->fork - 1];
	if (cseq < fork->calling_cseq)
		return false;
	fork->calling_cseq = cseq;
	return true;
}

/* @req RF-14  RFC 3262 §4: of the INVITE that it names there is a provisional response. */
static bool is_prack_of_invite(const struct leg *leg, const struct sip_message *m)
{
	struct text value = sip_value(m, SIP_HEADER_RACK);
	uint32_t cseq;

	value = text_trim(text_from(value, text_find(value, ' ')));
	value.len = text_find(value, ' ');
	return text_to_u32(value, UINT32_MAX, &cseq) && cseq == leg->peer_invite_cseq;
}

static void prack(struct node *node, const struct leg_place *at, struct server_transaction *server)
{
	at->leg->answer_unacked = false;
	if (!is_prack_of_invite(at->leg, &node->message))
		answer_here(node, server, at, 481, CLAUSE_NONE);
	else if (at->anchored->transfer == TRANSFER_NONE || node->message.body.len)
		pass_or_refuse(node, at, server, 500);
	else
		leg_prack_while_transferred(node, at, server);
}

static bool is_outlived(const struct leg_place *at)
{
	return at->fork && at->anchored->legs[at->which].state >= LEG_ESTABLISHED;
}

static void request_on_leg(struct node *node, struct arrival *a, const struct leg_place *at)
{
	const struct sip_message *m = &node->message;
	struct server_transaction *server;

	if (m->method == SIP_ACK) {
		ack(node, at);
		return;
	}
	if (at->leg->state == LEG_OVER || !(server = begin_on_leg(node, a, at))) {
		if (at->leg->state == LEG_OVER) { /* RC-15 */
			node->counters.unknown_dialogs++;
			arrival_answer(node, a, 481, NULL, (struct text){0});
		}
		return;
	}
	if (m->method == SIP_BYE)
		bye(node, at, server);
	else if (at->leg->state == LEG_ENDING || is_outlived(at))
		answer_here(node, server, at, 481, CLAUSE_REQUEST_WHILE_RELEASING);
	else if (!is_in_order(at, m->cseq))
		answer_here(node, server, at, 500, CLAUSE_OUT_OF_ORDER);
	else if (m->method == SIP_INVITE || m->method == SIP_UPDATE)
		offer(node, at, server);
	else if (m->method == SIP_PRACK && at->which == TARGET_ACCESS_LEG)
		leg_progress_acknowledged(node, at, server);
	else if (m->method == SIP_INFO && at->which == TARGET_ACCESS_LEG &&
		 leg_info_of_msc(node, at, server))
		return;
	else if (m->method == SIP_PRACK)
		prack(node, at, server);
	else if (m->method == SIP_OPTIONS)
		answer_here(node, server, at, 200, CLAUSE_NONE);
	else
		pass_or_refuse(node, at, server, 500); /* @req SV-50a */
}

static void in_dialog(struct node *node, struct arrival *a)
{
	struct leg_place at;

	if (anchored_leg_of_request(node, &node->message, &at) &&
	    at.session->state != SESSION_ENDED) {
		request_on_leg(node, a, &at);
		anchored_step_done(node, at.session);
	} else if (node->message.method == SIP_ACK) {
		node->counters.stray_acks++;
	} else {
		node->counters.unknown_dialogs++;
		arrival_answer(node, a, 481, NULL, (struct text){0});
	}
}

/* ---------------------------------------------------------------- CANCEL */

static void cancel_passing(struct node *node, const struct leg_place *at)
{
	struct leg_place to;
	struct client_transaction *client;
	char bytes[REASON_BYTES_MAX];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	if (!find_peer(node, at, &to) || !(client = pool_at(node->clients, to.leg->offer_out)))
		return;
	sip_put_reason_lines(&w, &node->message, REASON_BYTES_MAX);
	client_cancel(node, client, text_written(&w));
}

/* @req SV-53  The P-CSCF has lost the bearer of a calling UE that hears it ringing, or a transfer is under way. */
static bool lost_while_ringing(struct node *node, const struct leg_place *at,
			       struct leg_actions *actions)
{
	bool has_503 = sip_reason_has_sip_cause(&node->message, 503);

	if (at->which != SOURCE_ACCESS_LEG ||
	    !sccas_source_leg_failed(at->anchored, &node->settings->sccas, has_503, node->now_ms,
				     actions))
		return false;
	leg_refuse_pending(node, at, 487, CLAUSE_CANCEL);
	at->leg->state = LEG_OVER;
	at->leg->outcome = LEG_HUNG_UP;
	return true;
}

void leg_invite_cancelled(struct node *node, struct server_transaction *invite)
{
	struct session *session = session_at(node, invite->session);
	struct leg_actions actions = {.n = 0};
	struct anchored_session *a = anchored_of(node, session);
	struct leg_place at;

	if (!a || session->state == SESSION_ENDED)
		return;
	at = leg_place_of(node, session, invite->side, 0);
	journal_absorbed(node, &at, CLAUSE_NONE);
	if (at.which == TARGET_ACCESS_LEG && at.leg->state < LEG_ESTABLISHED) {
		sccas_transfer_cancelled(a, sip_reason_has_sip_cause(&node->message, 487),
					 node->now_ms, &actions);
	} else if (at.leg->state < LEG_ESTABLISHED && lost_while_ringing(node, &at, &actions)) {
		keep_reason(node, session);
	} else if (at.leg->state < LEG_ESTABLISHED) {
		keep_reason(node, session);
		sccas_release_all(a, CLAUSE_CANCEL, 487, &actions);
	} else if (a->source_offer_waits && at.which == SOURCE_ACCESS_LEG) {
		a->source_offer_waits = false;
		leg_refuse_pending(node, &at, 487, CLAUSE_CANCEL);
	} else {
		cancel_passing(node, &at);
	}
	carry_out_legs(node, session, &actions);
	anchored_step_done(node, session);
}

void leg_transaction_ended(struct node *node, struct server_transaction *server)
{
	struct session *session = session_at(node, server->session);
	struct handle own = pool_handle(node->servers, server);
	struct anchored_session *a = anchored_of(node, session);
	struct leg_actions actions = {.n = 0};
	struct leg_place at;

	if (!a || session->state == SESSION_ENDED)
		return;
	at = leg_place_of(node, session, server->side, 0);
	if (!handle_equal(at.leg->answered, own) || at.leg->unacked_cseq == 0)
		return;
	at.leg->answered = NO_HANDLE;
	at.leg->unacked_cseq = 0;
	if (at.leg->bye_waits_for_ack)
		leg_send_bye(node, &at, CLAUSE_BYE_WAITS_FOR_ACK);
	else if (at.which == SOURCE_ACCESS_LEG && a->access != SOURCE_ACCESS_LEG)
		leg_release(node, &at, CLAUSE_NO_ACK, 480);
	else if (at.which == TARGET_ACCESS_LEG)
		sccas_transfer_not_acknowledged(a, &actions);
	else if (!a->is_ending)
		sccas_release_all(a, CLAUSE_NO_ACK, 480, &actions);
	carry_out_legs(node, session, &actions);
	anchored_step_done(node, session);
}

/* ---------------------------------------------------------------- initial requests */

/* Of the initial INVITE: the routes behind our own. */
static bool put_routes_behind_ours(const struct node *node, const struct sip_message *m,
				   struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	struct text value;

	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		struct sip_uri uri;

		if (!sip_name_addr_parse(value, &address) || !sip_uri_parse(address.uri, &uri))
			return false;
		if (w->len == 0 && addressing_is_own_of(node, ROLE_SCCAS, uri.host, uri.port))
			continue;
		if (w->len)
			text_put_literal(w, ", ");
		text_put(w, value);
	}
	return !w->full;
}

static void put_user(struct text_writer *w, struct text uri_text)
{
	struct sip_uri uri;

	if (sip_uri_parse(uri_text, &uri))
		sip_uri_put_address_of_record(&uri, w);
}

static struct text asserted_identity(const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_P_ASSERTED_IDENTITY);
	struct sip_name_addr address;
	struct text value;

	if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address))
		return address.uri;
	return m->from_uri;
}

/* Whom we serve: RFC 5502 says so; without it who is known. */
static const struct sccas_user *served_user(const struct node *node, bool *ret_is_terminating)
{
	const struct sip_message *m = &node->message;
	const struct sccas_users *users = node->settings->sccas.users;
	const struct sccas_user *user;
	struct sip_name_addr address;
	struct text session_case;

	*ret_is_terminating = false;
	if (sip_name_addr_parse(sip_value(m, SIP_HEADER_P_SERVED_USER), &address)) {
		*ret_is_terminating = sip_param(address.params, TEXT("sescase"), &session_case) &&
				      text_equal_nocase(session_case, TEXT("term"));
		return sccas_user_by_identity(users, address.uri);
	}
	if ((user = sccas_user_by_identity(users, asserted_identity(m))))
		return user;
	user = sccas_user_by_identity(users, m->request_uri);
	*ret_is_terminating = user != NULL;
	return user;
}

/* The leg by which the INVITE came. */
static bool begin_calling_leg(struct node *node, struct anchored_session *a, struct leg *leg)
{
	const struct sip_message *m = &node->message;
	struct text_writer local = text_writer_on(node->scratch, LIMIT_FIELD_BYTES);
	struct text_writer routes =
		text_writer_on(node->scratch + LIMIT_FIELD_BYTES, LIMIT_ROUTE_SET_BYTES);
	struct text texts[LEG_TEXTS] = {
		[LEG_CALL_ID] = m->call_id,
		[LEG_LOCAL] = leg_put_local(node, m->to, &local),
		[LEG_REMOTE] = m->from,
		[LEG_TARGET] = leg_contact_of(m),
	};

	if (!leg_put_route_set(m, &routes) || !texts[LEG_LOCAL].len)
		return false;
	texts[LEG_ROUTES] = text_written(&routes);
	leg->is_calling = true;
	leg->state = LEG_INVITED;
	leg->peer_invite_cseq = m->cseq;
	leg_request_in_order(leg, m->cseq);
	return leg_set_texts(leg, node->session_store, texts) && anchored_index_leg(node, a, leg);
}

/* The leg that we make ourselves. */
static bool begin_called_leg(struct node *node, struct anchored_session *a, struct leg *leg)
{
	const struct sip_message *m = &node->message;
	char call_id_bytes[64];
	struct text_writer call_id = text_writer_on(call_id_bytes, sizeof(call_id_bytes));
	struct text_writer local = text_writer_on(node->scratch, LIMIT_FIELD_BYTES);
	struct text texts[LEG_TEXTS] = {
		[LEG_LOCAL] = leg_put_local(node, m->from, &local),
		[LEG_REMOTE] = m->to,
		[LEG_TARGET] = m->request_uri,
	};

	text_put_literal(&call_id, "ad-");
	text_put_hex(&call_id, random_u64(&node->random));
	text_put_hex(&call_id, random_u64(&node->random));
	texts[LEG_CALL_ID] = text_written(&call_id);
	leg->state = LEG_INVITED;
	return texts[LEG_LOCAL].len && leg_set_texts(leg, node->session_store, texts) &&
	       anchored_index_leg(node, a, leg);
}

/* @req AS-2  The call goes on as a call of ours. */
static bool send_on(struct node *node, struct session *session, struct anchored_session *a,
		    struct server_transaction *server)
{
	enum anchored_leg called = a->is_terminating ? SOURCE_ACCESS_LEG : REMOTE_LEG;
	struct leg_place to = leg_place_of(node, session, called, 0);
	struct text_writer routes = text_writer_on(node->scratch, LIMIT_ROUTE_SET_BYTES);
	struct leg_request request = {.method = SIP_INVITE,
				      .cseq = leg_take_cseq(to.leg),
				      .passing = &node->message,
				      .request_uri = node->message.request_uri,
				      .server = pool_handle(node->servers, server),
				      .from_leg = LEG_CALLING,
				      .from_cseq = node->message.cseq,
				      .clause = CLAUSE_ANCHORED};
	struct client_transaction *client;

	if (!put_routes_behind_ours(node, &node->message, &routes))
		return false;
	request.route = text_written(&routes);
	client = leg_send(node, &to, &request);
	if (!client)
		return false;
	client->is_initial_invite = true;
	to.leg->invite_out = client_handle(node, client);
	to.leg->invite_cseq = request.cseq;
	return true;
}

static void anchor(struct node *node, struct arrival *arrival)
{
	const struct sip_message *m = &node->message;
	char calling_bytes[LIMIT_URI_BYTES], called_bytes[LIMIT_URI_BYTES];
	struct text_writer calling = text_writer_on(calling_bytes, sizeof(calling_bytes));
	struct text_writer called = text_writer_on(called_bytes, sizeof(called_bytes));
	bool is_terminating;
	const struct sccas_user *user = served_user(node, &is_terminating);
	struct anchored_session *a;
	struct server_transaction *server;
	struct session *session;

	put_user(&calling, asserted_identity(m));
	put_user(&called, m->request_uri);
	a = anchored_begin(node, m, user, is_terminating, text_written(&calling),
			   text_written(&called));
	if (!a) {
		arrival_answer_503(node, arrival);
		return;
	}
	session = session_at(node, a->session);
	node->counters.sessions_begun++;
	event_session_begun(node, session);
	if (!is_terminating)
		a->ue = leg_features_of(m);
	struct leg_place from =
		leg_place_of(node, session, is_terminating ? REMOTE_LEG : SOURCE_ACCESS_LEG, 0);
	struct leg *to = &a->legs[is_terminating ? SOURCE_ACCESS_LEG : REMOTE_LEG];

	server = begin_on_leg(node, arrival, &from);
	if (server) {
		session->invite = from.leg->invite = pool_handle(node->servers, server);
		if (!begin_calling_leg(node, a, from.leg) || !begin_called_leg(node, a, to) ||
		    !send_on(node, session, a, server)) {
			from.leg->state = to->state = LEG_OVER;
			session->end_status = 500;
			journal_absorbed(node, &from, CLAUSE_NONE);
			server_answer(node, server, 500, (struct text){0}, (struct text){0});
		}
	}
	anchored_step_done(node, session);
}

static void answer_options(struct node *node, struct arrival *a)
{
	arrival_answer(
		node, a, 200, NULL,
		TEXT(ALLOW_OF_SCCAS "Accept: application/sdp\r\nSupported: 100rel, timer\r\n"));
}

/* @req SV-5  A number alone, and nobody behind us who could find its way: it is no call of a user of ours. */
static bool is_number_of_nobody(const struct node *node, const struct sip_message *m)
{
	struct text_writer routes = text_writer_on(node->scratch, LIMIT_ROUTE_SET_BYTES);
	struct sip_uri uri;

	return sip_uri_parse(m->request_uri, &uri) && uri.scheme == SIP_URI_TEL &&
	       put_routes_behind_ours(node, m, &routes) && routes.len == 0;
}

static void invite(struct node *node, struct arrival *a)
{
	enum transfer_request kind = transfer_request_of(node, &node->message);

	if (node->message.max_forwards == 0) {
		node->counters.too_many_hops++;
		arrival_answer(node, a, 483, NULL, (struct text){0});
	} else if (kind != TRANSFER_REQUEST_NOT) {
		transfer_request(node, a, kind);
	} else if (node->draining) {
		arrival_answer_503(node, a);
	} else if (is_number_of_nobody(node, &node->message)) {
		transfer_number_unknown(node, a);
		arrival_answer(node, a, 404, NULL, (struct text){0});
	} else {
		anchor(node, a);
	}
}

void receive_at_sccas(struct node *node, struct arrival *a)
{
	const struct sip_message *m = &node->message;

	if (m->to_tag.len) {
		in_dialog(node, a);
		return;
	}
	if (m->method == SIP_ACK) {
		node->counters.stray_acks++;
	} else if (!addressing_is_trusted(node, a->source)) {
		node->counters.not_trusted++;
		arrival_answer(node, a, 403, NULL, (struct text){0});
	} else if (m->method == SIP_INVITE) {
		invite(node, a);
	} else if (m->method == SIP_OPTIONS) { /* @req SV-70  the codec inquiry too */
		answer_options(node, a);
	} else if (m->method == SIP_REGISTER) { /* third-party registration: heard */
		arrival_answer(node, a, 200, NULL, (struct text){0});
	} else if (m->method == SIP_BYE || m->method == SIP_UPDATE || m->method == SIP_PRACK ||
		   m->method == SIP_INFO) {
		node->counters.unknown_dialogs++;
		arrival_answer(node, a, 481, NULL, (struct text){0});
	} else {
		arrival_answer(node, a, 405, NULL, TEXT(ALLOW_OF_SCCAS));
	}
}
