/* The border of the server in a run: everything that crosses it is held against the rule, and against what must hold in any run. */
#include "race_parts.h"

#include "sip/reason.h"

static uint64_t mix(uint64_t hash, uint64_t n)
{
	hash ^= n + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2);
	hash *= 0xff51afd7ed558ccdull;
	return hash ^ hash >> 32;
}

static uint64_t hash_of(struct text t, uint64_t with)
{
	uint64_t hash = 14695981039346656037ull ^ with;

	for (uint32_t i = 0; i < t.len; i++)
		hash = (hash ^ (unsigned char)t.at[i]) * 1099511628211ull;
	return hash;
}

/* ---------------------------------------------------------------- the border: what the server sends */

static int session_of(const struct race_run *run, unsigned peer, struct text call_id)
{
	for (unsigned i = 0; i < RACE_SESSIONS; i++)
		if (text_equal(text_of(run->peers[peer].dialogs[i].call_id), call_id))
			return (int)i;
	return -1;
}

static struct race_seen_leg *leg_of(struct race_run *run, unsigned peer, int session)
{
	if (session < 0)
		return NULL;
	return peer == RACE_UE       ? &run->source[session]
	       : peer == RACE_REMOTE ? &run->remote[session]
				     : &run->target;
}

static struct race_asked *find(struct race_asked *asked, unsigned n, uint64_t hash)
{
	for (unsigned i = 0; i < n; i++)
		if (asked[i].hash == hash)
			return &asked[i];
	return NULL;
}

static struct race_asked *add(struct race_run *run, struct race_asked *asked, unsigned *n)
{
	if (*n == RACE_ASKED_MAX) {
		race_breaks(run, RACE_COMES_TO_REST, "more requests than one run can have");
		return NULL;
	}
	asked[*n] = (struct race_asked){0};
	return &asked[(*n)++];
}

static void ack_sent(struct race_seen_leg *leg, uint32_t cseq)
{
	for (unsigned i = 0; i < leg->n_acks_owed; i++)
		if (leg->acks_owed[i] == cseq)
			leg->acks_owed[i--] = leg->acks_owed[--leg->n_acks_owed];
}

static void bye_sent(struct race_run *run, struct race_seen_leg *leg, unsigned peer, int session)
{
	unsigned s = (unsigned)session;

	leg->byes++;
	if (leg->byes > 1) {
		race_breaks(run, RACE_ONE_BYE, "BYE number %u of the server to the %s", leg->byes,
			    race_peer_names[peer]);
		return;
	}
	if (leg->is_over)
		race_breaks(run, RACE_DEAD_LEG, "a BYE to the %s, which has hung up",
			    race_peer_names[peer]);
	leg->is_over = true;
	if (peer == RACE_REMOTE && race_rule_hold_ended(&run->rule, s) &&
	    !sip_reason_has_sip_cause(&run->message, 503))
		race_breaks(run, RACE_REMOTE_LEG,
			    "the BYE at the end of the hold does not say 503");
	if (peer == RACE_REMOTE)
		race_told(run, RACE_REMOTE_LEG,
			  race_rule_sent_bye_on_remote(&run->rule, s, run->now_ms));
	else if (peer == RACE_UE)
		race_told(run, RACE_ACCESS_LEG,
			  race_rule_sent_bye_on_source(&run->rule, s, run->now_ms));
	else
		race_told(run, RACE_ACCESS_LEG,
			  race_rule_sent_bye_on_target(&run->rule, run->now_ms));
}

static void request_sent(struct race_run *run, unsigned peer, const struct sip_message *m)
{
	int session = session_of(run, peer, m->call_id);
	struct race_seen_leg *leg = leg_of(run, peer, session);
	struct race_asked *asked;

	if (!leg) {
		race_breaks(run, RACE_STRICT_PEER, "%.*s to the %s in a dialog that nobody knows",
			    TEXT_ARGS(m->method_name), race_peer_names[peer]);
		return;
	}
	if (m->method == SIP_ACK) {
		ack_sent(leg, m->cseq);
		return;
	}
	if (find(run->sent, run->n_sent, hash_of(m->via.branch, m->method)))
		return; /* again */
	asked = add(run, run->sent, &run->n_sent);
	if (!asked)
		return;
	asked->hash = hash_of(m->via.branch, m->method);
	if (m->method == SIP_CANCEL)
		return;
	if (leg->has_server_cseq && m->cseq <= leg->server_cseq)
		race_breaks(run, RACE_STRICT_PEER, "%.*s to the %s has CSeq %u after %u",
			    TEXT_ARGS(m->method_name), race_peer_names[peer], m->cseq,
			    leg->server_cseq);
	leg->has_server_cseq = true;
	leg->server_cseq = m->cseq;
	if (m->method == SIP_BYE)
		bye_sent(run, leg, peer, session);
	else if (leg->is_over)
		race_breaks(run, RACE_DEAD_LEG, "%.*s to the %s on a leg that is over",
			    TEXT_ARGS(m->method_name), race_peer_names[peer]);
}

static void response_sent(struct race_run *run, unsigned peer, const struct sip_message *m)
{
	struct race_asked *asked =
		find(run->received, run->n_received, hash_of(m->via.branch, m->method));
	bool first;

	if (!asked) {
		race_breaks(run, RACE_STRICT_PEER, "a response to the %s, which did not ask",
			    race_peer_names[peer]);
		return;
	}
	first = m->status >= 200 && !asked->has_final;
	asked->has_response = true;
	asked->has_final |= m->status >= 200;
	if (!first)
		return;
	if (asked->is_stn_sr)
		race_told(run, RACE_TRANSFER_ANSWER,
			  race_rule_stn_sr_answered(&run->rule, run->now_ms, m->status));
	else if (m->method == SIP_INVITE && peer == RACE_UE && asked->session >= 0)
		race_rule_reinvite_answered(&run->rule, (unsigned)asked->session, run->now_ms,
					    m->status);
	if (m->method == SIP_BYE && m->status != 200) {
		struct race_seen_leg *leg = leg_of(run, peer, asked->session);

		if (m->status != 481 || !leg || (!leg->byes && !leg->was_lost))
			race_breaks(run, RACE_EVERY_ANSWER, "a BYE of the %s is answered %u",
				    race_peer_names[peer], m->status);
	}
}

static bool is_swallowed(struct race_run *run, unsigned peer)
{
	uint64_t hash = hash_of(run->message.via.branch, SIP_BYE);

	if (run->fault != RACE_FAULT_SWALLOW_BYE || peer != RACE_REMOTE ||
	    !run->message.is_request || run->message.method != SIP_BYE)
		return false;
	if (!run->swallowed)
		run->swallowed = hash;
	return run->swallowed == hash;
}

static void server_sends(struct race_run *run, const struct node_action *action)
{
	unsigned peer = 0;

	run->messages++;
	while (peer < RACE_PEERS && race_peer_ports[peer] != action->peer.port)
		peer++;
	if (peer == RACE_PEERS ||
	    sip_parse(&run->message, action->bytes.at, action->bytes.len, SIP_DATAGRAM) != SIP_OK) {
		race_breaks(run, RACE_STRICT_PEER, "a malformed message, or one to nobody: %.*s",
			    (int)text_find(action->bytes, '\r'), action->bytes.at);
		return;
	}
	if (run->watching && is_swallowed(run, peer))
		return;
	if (run->trace)
		race_put_line(run, "->", peer, action->bytes);
	race_put_on_the_way(run, peer, action->bytes);
	if (!run->watching)
		return;
	if (run->message.is_request)
		request_sent(run, peer, &run->message);
	else
		response_sent(run, peer, &run->message);
}

void race_collect(struct race_run *run)
{
	struct node_action action;

	while (node_next_action(run->node, &action)) {
		if (action.kind == NODE_ACTION_SEND)
			server_sends(run, &action);
		else if (action.kind == NODE_ACTION_LOG && run->trace)
			fprintf(run->trace, "%9.3f  . %.*s\n",
				(double)(run->now_ms - run->began_ms) / 1000,
				TEXT_ARGS(action.bytes));
	}
	node_actions_done(run->node);
}

/* ---------------------------------------------------------------- the border: what the server receives */

static void bye_received(struct race_run *run, unsigned peer, int session)
{
	const struct sip_message *m = &run->message;
	struct race_seen_leg *leg = leg_of(run, peer, session);

	if (!leg)
		return;
	if (!leg->is_over && peer == RACE_REMOTE)
		race_rule_bye_on_remote(&run->rule, (unsigned)session, run->now_ms);
	else if (!leg->is_over && peer == RACE_UE)
		race_rule_bye_on_source(&run->rule, (unsigned)session, run->now_ms,
					sip_reason_has_sip_cause(m, 503));
	else if (!leg->is_over)
		race_rule_bye_on_target(&run->rule, run->now_ms, sip_reason_has_sip_cause(m, 487));
	leg->is_over = true;
}

static void request_received(struct race_run *run, unsigned peer)
{
	const struct sip_message *m = &run->message;
	int session = session_of(run, peer, m->call_id);
	struct race_asked *asked;

	if (m->method == SIP_ACK) {
		if (peer == RACE_MSC)
			race_rule_ack_on_target(&run->rule, run->now_ms);
		return;
	}
	if (find(run->received, run->n_received, hash_of(m->via.branch, m->method)))
		return; /* again */
	asked = add(run, run->received, &run->n_received);
	if (!asked)
		return;
	asked->hash = hash_of(m->via.branch, m->method);
	asked->at_ms = run->now_ms;
	asked->method = m->method;
	asked->peer = (uint8_t)peer;
	asked->cseq = m->cseq;
	asked->session = (int8_t)session;
	asked->is_stn_sr = peer == RACE_MSC && m->method == SIP_INVITE && !m->to_tag.len;
	if (asked->is_stn_sr)
		race_rule_stn_sr(&run->rule, run->now_ms);
	else if (m->method == SIP_CANCEL)
		race_rule_cancel(&run->rule, run->now_ms);
	else if (m->method == SIP_BYE)
		bye_received(run, peer, session);
	else if (m->method == SIP_INVITE && peer == RACE_UE && session >= 0)
		race_rule_reinvite_on_source(&run->rule, (unsigned)session, run->now_ms);
}

/* A 481 in the dialog (its BYE was lost, or is still on its way) says what the BYE would have said. */
static void leg_was_lost(struct race_run *run, unsigned peer, struct race_seen_leg *leg,
			 int session)
{
	if (!leg->is_over && peer == RACE_REMOTE)
		race_rule_bye_on_remote(&run->rule, (unsigned)session, run->now_ms);
	else if (!leg->is_over && peer == RACE_UE)
		race_rule_bye_on_source(&run->rule, (unsigned)session, run->now_ms, false);
	else if (!leg->is_over)
		race_rule_bye_on_target(&run->rule, run->now_ms, false);
	leg->is_over = leg->was_lost = true;
}

static void response_received(struct race_run *run, unsigned peer)
{
	const struct sip_message *m = &run->message;
	struct race_seen_leg *leg = leg_of(run, peer, session_of(run, peer, m->call_id));

	if (!leg)
		return;
	if (m->status == 481 && m->method != SIP_BYE && m->method != SIP_CANCEL)
		leg_was_lost(run, peer, leg, session_of(run, peer, m->call_id));
	if (peer == RACE_REMOTE && m->method == SIP_INVITE && m->status == 488)
		race_rule_update_refused(&run->rule, run->now_ms);
	if (m->method != SIP_INVITE || m->status / 100 != 2)
		return;
	ack_sent(leg, m->cseq); /* the same again: owed once */
	if (leg->n_acks_owed < 8)
		leg->acks_owed[leg->n_acks_owed++] = m->cseq;
}

void race_feed_server(struct race_run *run, unsigned peer, struct text bytes)
{
	struct node_event event = {.kind = NODE_EVENT_MESSAGE,
				   .peer = race_address(race_peer_ports[peer]),
				   .bytes = bytes};

	run->messages++;
	if (run->watching &&
	    sip_parse(&run->message, bytes.at, bytes.len, SIP_DATAGRAM) == SIP_OK) {
		run->history = mix(run->history, run->now_ms - run->began_ms);
		run->history = mix(run->history,
				   (uint64_t)peer << 48 | (uint64_t)run->message.method << 40 |
					   (uint64_t)run->message.status << 24 | run->message.cseq);
		if (run->message.is_request)
			request_received(run, peer);
		else
			response_received(run, peer);
	}
	node_feed(run->node, run->now_ms, &event);
	race_collect(run);
}
