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
		sccas_progress_acknowledged(a, &node->settings->sccas, node->now_ms);
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
		sccas_transfer_cancelled(a, true, node->now_ms, &actions);
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
				      .content_type = STATE_AND_EVENT};

	text_printf(
		&body,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<state-and-event-info>"
		"<state-info>%s</state-info><direction>%s</direction></state-and-event-info>\r\n",
		a->is_ringing ? "early" : "pre-alerting",
		a->is_terminating ? "receiver" : "initiator");
	request.body = text_written(&body);
	request.cseq = leg_take_cseq(at->leg);
	session_journal(node, at->session,
			(struct journal_record){.kind = JOURNAL_REQUEST,
						.from = LEG_SERVER,
						.to = at->leg->number,
						.method = SIP_INFO,
						.cseq = request.cseq,
						.clause = CLAUSE_ALERTING_TRANSFERRED});
	leg_send(node, at, &request);
}

void leg_progress_acknowledged(struct node *node, const struct leg_place *at,
			       struct server_transaction *prack)
{
	struct anchored_session *a = at->anchored;
	struct text rack = sip_value(&node->message, SIP_HEADER_RACK);
	bool is_awaited = a->progress_is_reliable && !a->progress_is_acknowledged &&
			  text_starts_with_nocase(rack, TEXT("1 "));

	leg_answer(node, prack, at, &(struct leg_response){.status = is_awaited ? 200 : 481});
	if (!is_awaited)
		return;
	a->progress_is_acknowledged = true;
	a->progress_again_at_ms = 0;
	sccas_progress_acknowledged(a, &node->settings->sccas, node->now_ms);
	if (a->transfer == TRANSFER_ALERTING)
		tell_state(node, at);
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
