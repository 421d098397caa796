/* Toward the MSC server while the call is not answered: RFC 3262 §3, TS 24.237 annex D.2 */
#include "node/legs.h"

#include "sip/sdp.h"

#define FEATURES        TEXT(";+g.3gpp.srvcc-alerting;+g.3gpp.ps2cs-srvcc-orig-pre-alerting")
#define STATE_AND_EVENT TEXT("application/vnd.3gpp.state-and-event-info+xml")

static bool can_be_reliable(const struct sip_message *invite)
{
	return sip_has_option(invite, SIP_HEADER_SUPPORTED, TEXT("100rel")) ||
	       sip_has_option(invite, SIP_HEADER_REQUIRE, TEXT("100rel"));
}

/* The MSC server has the 183, as far as can be known. */
static void progress_known(struct node *node, const struct leg_place *at)
{
	struct leg_actions actions = {.n = 0};

	sccas_progress_acknowledged(at->anchored, &node->settings->sccas, node->now_ms, &actions);
	carry_out_legs(node, at->session, &actions);
}

/* 183 with the answer of the remote party, reliably when the MSC server can. */
void leg_send_progress(struct node *node, const struct leg_place *at,
		       struct server_transaction *server)
{
	struct anchored_session *a = at->anchored;
	struct text answer = leg_text(&a->legs[REMOTE_LEG], LEG_REMOTE_SDP), offer;
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct leg_response response = {.status = 183, .contact_params = FEATURES};

	if (!server->request ||
	    sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	offer = sip_session_description(&node->other);
	a->progress_is_acknowledged = false;
	a->progress_is_reliable = can_be_reliable(&node->other);
	if (sdp_put_moved_answer(&body, answer, offer, (struct text){0}))
		response.body = text_written(&body);
	if (!leg_set_text(at->leg, node->session_store, LEG_LOCAL_SDP, response.body) ||
	    !leg_set_text(at->leg, node->session_store, LEG_REMOTE_SDP, offer))
		node->counters.lost_memory++;
	response.lines = a->progress_is_reliable ? TEXT("Require: 100rel\r\nRSeq: 1\r\n"
							"Recv-Info: g.3gpp.state-and-event\r\n")
						 : TEXT("Recv-Info: g.3gpp.state-and-event\r\n");
	at->leg->state = LEG_EARLY;
	leg_answer(node, server, at, &response);
	if (!a->progress_is_reliable)
		progress_known(node, at);
	if (!a->progress_is_reliable || server->machine.reliable)
		return;
	a->progress_interval_ms = node->settings->timers.ms[TIMER_T1];
	a->progress_until_ms = node->now_ms + 64u * (uint64_t)a->progress_interval_ms;
	a->progress_again_at_ms = node->now_ms + a->progress_interval_ms;
}

/* @req RF-14  RFC 3262 §3: until the PRACK, the interval doubles; without one within 64*T1 the INVITE fails. */
void leg_progress_again(struct node *node, struct session *session)
{
	struct leg_place at = leg_place_of(node, session, TARGET_ACCESS_LEG, 0);
	struct server_transaction *server = pool_at(node->servers, at.leg->invite);
	struct anchored_session *a = at.anchored;
	struct leg_actions actions = {.n = 0};

	a->progress_again_at_ms = 0;
	if (a->progress_is_acknowledged || a->transfer != TRANSFER_ALERTING || !server ||
	    !server->response)
		return;
	if (node->now_ms >= a->progress_until_ms) {
		sccas_progress_not_acknowledged(a, node->now_ms, &actions);
		carry_out_legs(node, session, &actions);
		return;
	}
	outbox_send_again(node, (struct text){server->response, server->response_len},
			  &server->peer, server->local);
	a->progress_interval_ms *= 2;
	a->progress_again_at_ms = node->now_ms + a->progress_interval_ms;
	if (a->progress_again_at_ms > a->progress_until_ms)
		a->progress_again_at_ms = a->progress_until_ms;
}

/* @req SV-28 SV-29  Session state information. */
static void tell_state(struct node *node, const struct leg_place *at)
{
	const struct anchored_session *a = at->anchored;
	char bytes[400];
	struct text_writer body = text_writer_on(bytes, sizeof(bytes));
	struct leg_request request = {.method = SIP_INFO,
				      .lines = TEXT("Info-Package: g.3gpp.state-and-event\r\n"
						    "Content-Disposition: Info-Package\r\n"),
				      .content_type = STATE_AND_EVENT,
				      .clause = CLAUSE_ALERTING_TRANSFERRED};

	text_printf(
		&body,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<state-and-event-info>"
		"<state-info>%s</state-info><direction>%s</direction></state-and-event-info>\r\n",
		a->is_ringing ? "early" : "pre-alerting",
		a->is_terminating ? "receiver" : "initiator");
	request.body = text_written(&body);
	request.cseq = leg_take_cseq(at->leg);
	leg_send(node, at, &request);
}

void leg_progress_acknowledged(struct node *node, const struct leg_place *at,
			       struct server_transaction *prack)
{
	struct anchored_session *a = at->anchored;
	struct text rack = sip_value(&node->message, SIP_HEADER_RACK);
	bool is_awaited = a->progress_is_reliable && !a->progress_is_acknowledged &&
			  text_starts_with_nocase(rack, TEXT("1 "));

	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = at->leg->number,
						.to = LEG_SERVER,
						.method = SIP_PRACK,
						.cseq = prack->cseq,
						.note = NOTE_ABSORBED});
	leg_answer(node, prack, at, &(struct leg_response){.status = is_awaited ? 200 : 481});
	if (!is_awaited)
		return;
	a->progress_is_acknowledged = true;
	a->progress_again_at_ms = 0;
	progress_known(node, at);
	if (a->transfer == TRANSFER_ALERTING)
		tell_state(node, at);
}

/* ---------------------------------------------------------------- the remote party rings on */

uint32_t leg_reliable_sequence(const struct sip_message *m)
{
	uint32_t sequence = 0;

	if (m->status <= 100 || m->status >= 200 ||
	    !sip_has_option(m, SIP_HEADER_REQUIRE, TEXT("100rel")))
		return 0;
	for (unsigned i = 0; i < m->n_fields && !sequence; i++)
		if (text_equal_nocase(m->fields[i].name, TEXT("RSeq")) &&
		    !text_to_u32(text_trim(m->fields[i].value), UINT32_MAX, &sequence))
			return 0;
	return sequence;
}

uint32_t leg_acknowledged_sequence(const struct sip_message *m)
{
	struct text value = sip_value(m, SIP_HEADER_RACK);
	uint32_t sequence;

	value.len = text_find(value, ' ');
	return text_to_u32(value, UINT32_MAX, &sequence) ? sequence : 0;
}

/* @req RF-14c */
static void acknowledge_progress(struct node *node, const struct leg_place *at, uint32_t sequence)
{
	char bytes[80];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));
	struct leg_request request = {.method = SIP_PRACK};

	if (sequence <= at->leg->pracked_rseq)
		return;
	at->leg->pracked_rseq = sequence;
	request.cseq = leg_take_cseq(at->leg);
	text_put_literal(&lines, "RAck: ");
	text_put_u64(&lines, sequence);
	text_put_char(&lines, ' ');
	text_put_u64(&lines, at->leg->invite_cseq);
	text_put_literal(&lines, " INVITE\r\n");
	request.lines = text_written(&lines);
	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = LEG_SERVER,
						.to = at->leg->number,
						.method = SIP_PRACK,
						.cseq = request.cseq});
	leg_send(node, at, &request);
}

/* @req SV-29c */
static void tell_ringing(struct node *node, struct session *session)
{
	struct leg_place at = leg_place_of(node, session, TARGET_ACCESS_LEG, 0);
	struct server_transaction *invite = pool_at(node->servers, at.leg->invite);

	session_journal(node, session,
			(struct journal_record){.kind = JOURNAL_RESPONSE,
						.from = LEG_SERVER,
						.to = at.leg->number,
						.method = SIP_INVITE,
						.status = 180,
						.cseq = at.leg->peer_invite_cseq,
						.clause = CLAUSE_ALERTING_TRANSFERRED});
	if (invite)
		leg_answer(node, invite, &at, &(struct leg_response){.status = 180});
}

void leg_remote_party_rings(struct node *node, const struct leg_place *at)
{
	struct anchored_session *a = at->anchored;
	uint32_t sequence = leg_reliable_sequence(&node->message);
	bool begins = node->message.status == 180 && !a->is_ringing;

	if (begins)
		a->is_ringing = true;
	if (sequence && leg_has_dialog(at->leg))
		acknowledge_progress(node, at, sequence);
	if (begins && a->transfer == TRANSFER_ALERTING &&
	    (a->progress_is_acknowledged || !a->progress_is_reliable))
		tell_ringing(node, at->session);
}

/* @req RF-14c
 * Of the UE that called, which may be gone before the next one: the remote party hears it from us. Of the
 * caller, for what the UE has said: answered here, since the UE may not answer any more, and told to it. */
void leg_prack_while_transferred(struct node *node, const struct leg_place *at,
				 struct server_transaction *server)
{
	enum anchored_leg other = at->which == REMOTE_LEG ? SOURCE_ACCESS_LEG : REMOTE_LEG;
	struct leg_place to = leg_place_of(node, at->session, other, at->fork);

	leg_answer(node, server, at, &(struct leg_response){.status = 200});
	if (leg_has_dialog(to.leg))
		acknowledge_progress(node, &to, leg_acknowledged_sequence(&node->message));
}

static bool has_event(struct text body, struct text event)
{
	return body.len && memmem(body.at, body.len, event.at, event.len);
}

bool leg_info_of_msc(struct node *node, const struct leg_place *at,
		     struct server_transaction *server)
{
	struct leg_actions actions = {.n = 0};

	if (!text_starts_with_nocase(sip_value(&node->message, SIP_HEADER_CONTENT_TYPE),
				     STATE_AND_EVENT))
		return false;
	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = at->leg->number,
						.to = LEG_SERVER,
						.method = SIP_INFO,
						.cseq = node->message.cseq,
						.clause = CLAUSE_ALERTING_TRANSFERRED});
	leg_answer(node, server, at, &(struct leg_response){.status = 200});
	if (has_event(node->message.body, TEXT(">call-accepted<")))
		sccas_call_accepted(at->anchored, &actions);
	carry_out_legs(node, at->session, &actions);
	return true;
}
