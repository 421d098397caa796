/* Requests that the user agent receives: server transactions, the rules it was given, and what a strict peer complains about. */
#include "server.h"
#include "ue_parts.h"

#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

enum { WAKE_RING, WAKE_ANSWER, WAKE_RETRANSMIT, WAKE_GIVE_UP, WAKE_USUAL, WAKE_FORGET };

static void wake(void *self, uint64_t generation, uint64_t what);

static void wake_after(struct ue_server *server, uint64_t ms, unsigned what)
{
	world_at(server->ue->world, world_now(server->ue->world) + ms, wake, server,
		 (uint64_t[2]){server->generation, what});
}

static void send_again(struct ue_server *server)
{
	if (server->response)
		world_send(server->ue->world, &server->ue->party.address, &server->from,
			   (struct text){server->response, server->response_len});
}

static const char *tag_of(struct ue_server *server)
{
	if (server->dialog)
		return server->dialog->local_tag;
	return server->call == UE_NONE ? "alone" : server->ue->calls[server->call]->local_tag;
}

/* ------------------------------------------------------------------ answering */

static void keep_retransmitting(struct ue_server *server, unsigned status)
{
	struct ue *ue = server->ue;

	server->generation++;
	if (server->method != SIP_INVITE) {
		wake_after(server, 64ull * ue->t1_ms, WAKE_FORGET); /* Timer J */
		return;
	}
	server->interval_ms = ue->t1_ms;
	if (status < 300 || !transport_is_reliable(server->from.transport))
		wake_after(server, server->interval_ms, WAKE_RETRANSMIT);
	wake_after(server, 64ull * ue->t1_ms, WAKE_GIVE_UP);
}

static void answered_invite(struct ue_server *server, unsigned status)
{
	struct ue *ue = server->ue;
	struct ue_dialog *dialog = server->dialog;
	bool initial = ue->calls[server->call]->state < UE_CALL_ANSWERED;

	server->answered_ms = world_now(ue->world);
	if (status >= 300) {
		if (initial && dialog && dialog->state == UE_EARLY) {
			ue->calls[server->call]->state = UE_CALL_FAILED;
			ue->calls[server->call]->final_status = (uint16_t)status;
			ue_dialog_end(ue, dialog);
		}
		return;
	}
	dialog->answered_ms = world_now(ue->world);
	dialog->invite_cseq = server->cseq;
	if (dialog->state == UE_EARLY) {
		dialog->state = UE_ANSWERED;
		ue->calls[server->call]->state = UE_CALL_ANSWERED;
	}
}

static void write_and_send(struct ue_server *server, unsigned status, const char *lines)
{
	char buffer[UE_MESSAGE], more[UE_LINES];
	struct ue *ue = server->ue;
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct sip_message request;
	const char *body = NULL;
	bool refreshes = sip_method_refreshes_target((enum sip_method)server->method);
	bool ok = status / 100 == 2;
	bool reliable = lines && strstr(lines, "100rel");

	sip_parse(&request, server->request, server->request_len, SIP_DATAGRAM);
	if (server->method == SIP_INVITE && (ok || reliable))
		body = request.body.len ? ue_answer : ue_offer;
	else if (server->method == SIP_UPDATE && ok && request.body.len)
		body = ue_answer;
	snprintf(more, sizeof(more), "%s", lines ? lines : "");
	if (server->method == SIP_INVITE && ok && ue->plan.session_expires_s)
		snprintf(more + strlen(more), sizeof(more) - strlen(more),
			 "Session-Expires: %u;refresher=uas\r\n", ue->plan.session_expires_s);
	ue_write_answer(server,
			&(struct ue_answering){.status = status,
					       .to_tag = tag_of(server),
					       .lines = more,
					       .body = body,
					       .contact = refreshes && server->dialog &&
									  status > 100 &&
									  (ok || status < 200)
								  ? server->dialog->contacts[0]
								  : NULL},
			&w);
	free(server->response);
	server->response = ue_copy(buffer, w.len);
	server->response_len = w.len;
	send_again(server);
}

void ue_server_answer(struct ue_server *server, unsigned status, const char *lines)
{
	if (server->is_answered || !server->is_live)
		return;
	server->status = (uint16_t)status;
	if (status >= 200) {
		server->is_answered = true;
		server->waits_for_prack = false;
	}
	write_and_send(server, status, lines);
	if (status < 200)
		return;
	if (server->method == SIP_BYE && server->dialog)
		server->dialog->last_bye_answer = (uint16_t)status;
	if (server->method == SIP_INVITE && server->call != UE_NONE)
		answered_invite(server, status);
	keep_retransmitting(server, status);
}

static void ring(struct ue_server *server)
{
	struct ue *ue = server->ue;
	struct sip_message m;
	char lines[128];

	if (server->is_answered)
		return;
	ue->calls[server->call]->state = UE_CALL_RINGING;
	sip_parse(&m, server->request, server->request_len, SIP_DATAGRAM);
	if (!ue->plan.ring_reliable || (!sip_has_option(&m, SIP_HEADER_SUPPORTED, TEXT("100rel")) &&
					!sip_has_option(&m, SIP_HEADER_REQUIRE, TEXT("100rel")))) {
		ue_server_answer(server, ue->plan.ring_status, NULL);
		return;
	}
	server->rseq = 100 + random_below(world_random(ue->world), 1000);
	server->waits_for_prack = true;
	snprintf(lines, sizeof(lines), "Require: 100rel\r\nRSeq: %u\r\n", server->rseq);
	ue_server_answer(server, ue->plan.ring_status, lines);
	server->interval_ms = ue->t1_ms;
	wake_after(server, server->interval_ms, WAKE_RETRANSMIT);
}

static void answer_as_planned(struct ue_server *server)
{
	if (server->waits_for_prack)
		server->answer_is_due = true;
	else
		ue_server_answer(server, server->ue->plan.answer_status,
				 server->ue->plan.answer_lines);
}

/* No ACK for 64*T1: after a 2xx the callee hangs up (RFC 3261 §13.3.1.4). */
static void give_up(struct ue_server *server)
{
	struct ue_dialog *dialog = server->dialog;

	server->is_live = false;
	if (server->is_acknowledged || server->status >= 300 || !dialog ||
	    dialog->state == UE_ENDED)
		return;
	ue_request(server->ue, dialog, &(struct ue_request_in_dialog){.method = SIP_BYE});
}

static void retransmit(struct ue_server *server)
{
	if (server->is_acknowledged || (!server->is_answered && !server->waits_for_prack))
		return;
	if (server->dialog && server->dialog->state == UE_ENDED && server->status < 300)
		return;
	send_again(server);
	server->interval_ms *= 2;
	if (server->is_answered && server->interval_ms > server->ue->t2_ms)
		server->interval_ms = server->ue->t2_ms;
	if (server->interval_ms < 64 * server->ue->t1_ms)
		wake_after(server, server->interval_ms, WAKE_RETRANSMIT);
}

static void usual_answer(struct ue_server *server);
static struct ue_server *server_of(struct ue *ue, const struct sip_message *m, unsigned method);

static void wake(void *self, uint64_t generation, uint64_t what)
{
	struct ue_server *server = self;

	if (!server->is_live || generation != server->generation)
		return;
	switch (what) {
	case WAKE_RING: ring(server); break;
	case WAKE_ANSWER: answer_as_planned(server); break;
	case WAKE_RETRANSMIT: retransmit(server); break;
	case WAKE_GIVE_UP: give_up(server); break;
	case WAKE_USUAL: usual_answer(server); break;
	default:
		if (what >= 1000) /* the status of a rule, and which rule */
			ue_server_answer(server, (unsigned)(what % 1000),
					 server->ue->rules[what / 1000 - 1].lines);
		else
			server->is_live = false;
	}
}

/* ------------------------------------------------------------------ usual answers */

struct ue_server *ue_server_invite_of(struct ue *ue, struct ue_dialog *dialog)
{
	for (unsigned i = 0; i < ue->n_servers; i++)
		if (ue->servers[i]->dialog == dialog && ue->servers[i]->method == SIP_INVITE &&
		    ue->servers[i]->is_live && !ue->servers[i]->is_answered)
			return ue->servers[i];
	return NULL;
}

bool ue_has_own_invite(struct ue *ue, const struct ue_dialog *dialog)
{
	for (unsigned i = 0; i < ue->n_clients; i++)
		if (ue->clients[i]->dialog == dialog && ue->clients[i]->method == SIP_INVITE &&
		    ue->clients[i]->is_live && !ue->clients[i]->final_status)
			return true;
	return false;
}

static void answer_bye(struct ue_server *server)
{
	struct ue_server *pending = ue_server_invite_of(server->ue, server->dialog);

	ue_server_answer(server, 200, NULL);
	if (pending)
		ue_server_answer(pending, 487, NULL); /* §15.1.2 */
	ue_dialog_end(server->ue, server->dialog);
}

static void answer_prack(struct ue_server *server)
{
	struct ue_server *invite = ue_server_invite_of(server->ue, server->dialog);
	struct sip_message m;
	struct text rack;
	uint32_t rseq = 0;

	sip_parse(&m, server->request, server->request_len, SIP_DATAGRAM);
	rack = sip_value(&m, SIP_HEADER_RACK);
	text_to_u32((struct text){rack.at, text_find(rack, ' ')}, UINT32_MAX, &rseq);
	if (!invite || !invite->waits_for_prack || invite->rseq != rseq) {
		ue_server_answer(server, 481, NULL);
		return;
	}
	invite->waits_for_prack = false;
	ue_server_answer(server, 200, NULL);
	if (invite->answer_is_due)
		answer_as_planned(invite);
}

static void answer_reinvite(struct ue_server *server)
{
	struct ue *ue = server->ue;

	if (ue_has_own_invite(ue, server->dialog)) {
		ue_server_answer(server, 491, NULL); /* §14.2 */
		return;
	}
	for (unsigned i = 0; i < ue->n_servers; i++) {
		struct ue_server *other = ue->servers[i];

		if (other == server || other->dialog != server->dialog ||
		    other->method != SIP_INVITE || !other->is_live || other->is_answered)
			continue;
		ue_server_answer(server, 500, "Retry-After: 1\r\n");
		return;
	}
	ue_server_answer(server, 200, NULL);
}

static void answer_cancel(struct ue_server *server)
{
	const struct ue_service *service = server->ue->service;
	struct ue_server *invite = NULL;
	struct sip_message m;

	sip_parse(&m, server->request, server->request_len, SIP_DATAGRAM);
	invite = server_of(server->ue, &m, SIP_INVITE);
	ue_server_answer(server, invite ? 200 : 481, NULL);
	if (!invite || !invite->is_live || invite->is_answered)
		return;
	ue_server_answer(invite, 487, NULL);
	if (service && service->is_cancelled)
		service->is_cancelled(server->ue->service_self, invite);
}

static bool service_takes(struct ue_server *server, const struct sip_message *m)
{
	const struct ue_service *service = server->ue->service;

	return service && service->is_asked && server->method != SIP_BYE &&
	       server->method != SIP_PRACK && server->method != SIP_CANCEL &&
	       service->is_asked(server->ue->service_self, server, m);
}

static void usual_answer(struct ue_server *server)
{
	struct sip_message m;

	if (server->method == SIP_CANCEL) {
		answer_cancel(server);
		return;
	}
	if (!server->dialog) {
		ue_server_answer(server, server->method == SIP_INVITE ? 480 : 200, NULL);
		return;
	}
	if (server->dialog->state == UE_ENDED && server->method != SIP_BYE) {
		ue_server_answer(server, 481, NULL);
		return;
	}
	sip_parse(&m, server->request, server->request_len, SIP_DATAGRAM);
	if (service_takes(server, &m))
		return;
	switch (server->method) {
	case SIP_BYE: answer_bye(server); break;
	case SIP_PRACK: answer_prack(server); break;
	case SIP_INVITE:
		answer_reinvite(server);
		if (server->status == 200)
			ue_dialog_take_target(server->dialog, &m);
		break;
	case SIP_UPDATE:
		ue_dialog_take_target(server->dialog, &m);
		ue_server_answer(server, 200, NULL);
		break;
	default: ue_server_answer(server, 200, NULL);
	}
}

void ue_refuse_all(struct ue *ue, unsigned status)
{
	for (unsigned i = 0; i < ue->n_servers; i++)
		if (ue->servers[i]->method == SIP_INVITE)
			ue_server_answer(ue->servers[i], status, NULL);
}

/* ------------------------------------------------------------------ what a strict peer complains about */

static bool is_own_uri(struct ue *ue, const struct ue_dialog *dialog, struct text uri)
{
	struct sip_uri got, own;

	if (!sip_uri_parse(uri, &got))
		return false;
	if (!dialog) {
		struct endpoint at;

		return ue_endpoint_of_uri(ue, uri, &at) &&
		       endpoint_same_address(&at, &ue->party.address) &&
		       at.port == ue->party.address.port;
	}
	for (unsigned i = 0; i < 4; i++)
		if (dialog->contacts[i][0] && sip_uri_parse(text_of(dialog->contacts[i]), &own) &&
		    sip_uri_equal(&own, &got))
			return true;
	return false;
}

static void check_request(struct ue *ue, const struct ue_dialog *dialog,
			  const struct sip_message *m)
{
	struct sip_name_addr route;

	if (m->max_forwards == SIP_NO_MAX_FORWARDS)
		ue_violation(ue, "%.*s without Max-Forwards", TEXT_ARGS(m->method_name));
	if (!m->from_tag.len)
		ue_violation(ue, "%.*s without a From tag", TEXT_ARGS(m->method_name));
	if (ue->service && !dialog && !m->to_tag.len)
		server_check_first_contact(ue, m);
	else if (!is_own_uri(ue, dialog, m->request_uri))
		ue_violation(ue, "%.*s for %.*s, which is not me (RFC 3261 12.2.1.1)",
			     TEXT_ARGS(m->method_name), TEXT_ARGS(m->request_uri));
	if (sip_first(m, SIP_HEADER_ROUTE) &&
	    sip_name_addr_parse(sip_value(m, SIP_HEADER_ROUTE), &route) &&
	    !is_own_uri(ue, NULL, route.uri))
		ue_violation(ue, "%.*s with a Route that is left: %.*s", TEXT_ARGS(m->method_name),
			     TEXT_ARGS(route.uri));
	if (m->cseq > 0x7fffffffu)
		ue_violation(ue, "CSeq %u is above 2^31 - 1 (RFC 3261 8.1.1.5)", m->cseq);
}

static bool may_repeat_bye(unsigned status)
{
	return status == 500 || status == 503 || status == 401 || status == 407 || status == 0;
}

static void check_bye(struct ue *ue, struct ue_dialog *dialog)
{
	/* Over a bad network the callee's 64*T1 may be over before its 2xx arrives: then only the wire can tell (invariants.c). */
	uint64_t now = world_now(ue->world);

	dialog->n_byes_received++;
	if (dialog->n_byes_received > 1 && !may_repeat_bye(dialog->last_bye_answer))
		ue_violation(ue, "another BYE in the same dialog (%u)", dialog->n_byes_received);
	if (!dialog->is_caller || dialog->bye_sent)
		return; /* who has said BYE itself does not care for more */
	if (dialog->state == UE_EARLY && !ue->reorders)
		ue_violation(ue, "BYE in an early dialog in the name of the callee (RFC 3261 15)");
	if (dialog->state == UE_ANSWERED && !dialog->ack && !ue->reorders &&
	    now < dialog->answered_ms + 64ull * ue->t1_ms)
		ue_violation(ue, "BYE in the name of the callee before my ACK (RFC 3261 15)");
}

/* ------------------------------------------------------------------ receiving */

static void key_of(const struct sip_message *m, unsigned method, char *ret, size_t max)
{
	snprintf(ret, max, "%.*s|%.*s:%u|%u", TEXT_ARGS(m->via.branch), TEXT_ARGS(m->via.host),
		 m->via.port, method == SIP_ACK ? SIP_INVITE : method);
}

static struct ue_server *server_of(struct ue *ue, const struct sip_message *m, unsigned method)
{
	char key[sizeof(((struct ue_server *)0)->key)];

	key_of(m, method, key, sizeof(key));
	for (unsigned i = ue->n_servers; i-- > 0;)
		if (strcmp(ue->servers[i]->key, key) == 0)
			return ue->servers[i];
	return NULL;
}

static struct ue_server *server_new(struct ue *ue, const struct endpoint *from,
				    const struct sip_message *m)
{
	struct ue_server *server = calloc(1, sizeof(*server));

	assert(server);
	*server = (struct ue_server){.ue = ue,
				     .is_live = true,
				     .method = m->method,
				     .cseq = m->cseq,
				     .call = UE_NONE,
				     .request = ue_copy(m->bytes.at, m->bytes.len),
				     .request_len = m->bytes.len,
				     .from = *from};
	key_of(m, m->method, server->key, sizeof(server->key));
	ue->servers = realloc(ue->servers, (ue->n_servers + 1) * sizeof(struct ue_server *));
	assert(ue->servers);
	ue->servers[ue->n_servers++] = server;
	return server;
}

unsigned ue_rule_for(struct ue *ue, unsigned method)
{
	for (unsigned i = 0; i < ue->n_rules; i++) {
		struct ue_rule *rule = &ue->rules[i];

		if (rule->method != method || !rule->times)
			continue;
		if (rule->skip) {
			rule->skip--;
			continue;
		}
		if (rule->times != UE_FOREVER)
			rule->times--;
		return i + 1;
	}
	return 0;
}

static bool follow_rule(struct ue_server *server)
{
	unsigned number = ue_rule_for(server->ue, server->method);
	const struct ue_rule *rule = number ? &server->ue->rules[number - 1] : NULL;

	if (!rule)
		return false;
	if (!rule->status)
		return true;
	if (rule->status == 1)
		wake_after(server, rule->after_ms, WAKE_USUAL);
	else if (rule->after_ms)
		wake_after(server, rule->after_ms, (unsigned)(1000u * number + rule->status));
	else
		ue_server_answer(server, rule->status, rule->lines);
	return true;
}

static bool service_is_invited(struct ue_server *server, const struct sip_message *m)
{
	const struct ue_service *service = server->ue->service;

	return service && service->is_invited &&
	       service->is_invited(server->ue->service_self, server, m);
}

static void new_call(struct ue_server *server, const struct sip_message *m)
{
	struct ue *ue = server->ue;
	struct ue_call *call = calloc(1, sizeof(*call));
	const struct ue_plan *plan = &ue->plan;

	assert(call);
	ue->calls = realloc(ue->calls, (ue->n_calls + 1) * sizeof(struct ue_call *));
	assert(ue->calls);
	server->call = ue->n_calls;
	ue->calls[ue->n_calls++] = call;
	call->began_ms = world_now(ue->world);
	ue_set_text(call->call_id, sizeof(call->call_id), m->call_id);
	if (!ue->has_no_tags)
		ue_draw_token(ue, "", call->local_tag, sizeof(call->local_tag));
	server->dialog = ue_dialog_from_invite(ue, server->call, m, call->local_tag);
	if (follow_rule(server) || service_is_invited(server, m))
		return;
	if (plan->ring_after_ms != 0)
		ue_server_answer(server, 100, NULL);
	if (plan->ring_after_ms == 0)
		ring(server);
	else if (plan->ring_after_ms > 0)
		wake_after(server, (uint64_t)plan->ring_after_ms, WAKE_RING);
	if (plan->answer_after_ms >= 0)
		wake_after(server, (uint64_t)plan->answer_after_ms, WAKE_ANSWER);
}

static void receive_ack(struct ue *ue, const struct sip_message *m)
{
	struct ue_server *server = server_of(ue, m, SIP_INVITE);
	struct ue_dialog *dialog;

	if (server && server->status >= 300) {
		server->is_acknowledged = true;
		return;
	}
	dialog = ue_dialog_find(ue, m->call_id, m->to_tag, m->from_tag);
	if (!dialog || m->cseq != dialog->invite_cseq)
		return;
	check_request(ue, dialog, m);
	if (dialog->state == UE_ANSWERED) {
		dialog->state = UE_CONFIRMED;
		if (ue->service && ue->service->is_acknowledged)
			ue->service->is_acknowledged(ue->service_self, dialog);
	}
	for (unsigned i = 0; i < ue->n_servers; i++)
		if (ue->servers[i]->dialog == dialog && ue->servers[i]->method == SIP_INVITE &&
		    ue->servers[i]->cseq == m->cseq)
			ue->servers[i]->is_acknowledged = true;
}

static void receive_cancel(struct ue *ue, const struct endpoint *from, const struct sip_message *m)
{
	struct ue_server *invite = server_of(ue, m, SIP_INVITE);
	struct ue_server *server = server_new(ue, from, m);

	if (m->to_tag.len)
		ue_violation(ue, "CANCEL of an initial INVITE with a To tag (RFC 3261 9.1)");
	server->call = invite ? invite->call : UE_NONE;
	if (!follow_rule(server))
		answer_cancel(server);
}

static void receive_in_dialog(struct ue_server *server, const struct sip_message *m)
{
	struct ue *ue = server->ue;
	struct ue_dialog *dialog = ue_dialog_find(ue, m->call_id, m->to_tag, m->from_tag);

	check_request(ue, dialog, m);
	server->dialog = dialog;
	server->call = dialog ? dialog->call : UE_NONE;
	if (dialog && m->method == SIP_BYE)
		check_bye(ue, dialog);
	if (!dialog || (dialog->state == UE_ENDED && m->method != SIP_BYE)) {
		ue_server_answer(server, 481, NULL);
		return;
	}
	if (dialog->has_remote_cseq && m->cseq <= dialog->remote_cseq) {
		if (!ue->reorders)
			ue_violation(ue, "%.*s with CSeq %u after %u (RFC 3261 12.2.2)",
				     TEXT_ARGS(m->method_name), m->cseq, dialog->remote_cseq);
		ue_server_answer(server, 500, NULL);
		return;
	}
	dialog->has_remote_cseq = true;
	dialog->remote_cseq = m->cseq;
	if (follow_rule(server))
		return;
	if (dialog->state == UE_ENDED)
		ue_server_answer(
			server, dialog->bye_sent && dialog->n_byes_received == 1 ? 200 : 481, NULL);
	else
		usual_answer(server);
}

/* RFC 3261 §8.2.2.2: the same request by another way. */
static bool is_merged(struct ue *ue, const struct sip_message *m)
{
	struct sip_message other;

	for (unsigned i = 0; i < ue->n_servers; i++) {
		if (ue->servers[i]->method != SIP_INVITE || !ue->servers[i]->is_live)
			continue;
		sip_parse(&other, ue->servers[i]->request, ue->servers[i]->request_len,
			  SIP_DATAGRAM);
		if (text_equal(other.call_id, m->call_id) && other.cseq == m->cseq &&
		    text_equal(other.from_tag, m->from_tag) && !other.to_tag.len)
			return true;
	}
	return false;
}

static void receive_new(struct ue *ue, const struct endpoint *from, const struct sip_message *m)
{
	bool merged = m->method == SIP_INVITE && !m->to_tag.len && is_merged(ue, m);
	struct ue_server *server = server_new(ue, from, m);

	if (m->to_tag.len || ue_dialog_find(ue, m->call_id, m->to_tag, m->from_tag)) {
		receive_in_dialog(server, m);
		return;
	}
	check_request(ue, NULL, m);
	if (merged)
		ue_server_answer(server, 482, NULL);
	else if (m->method == SIP_INVITE)
		new_call(server, m);
	else if (m->method == SIP_BYE || m->method == SIP_PRACK || m->method == SIP_UPDATE)
		ue_server_answer(server, 481, NULL);
	else if (!follow_rule(server) && !service_is_invited(server, m))
		usual_answer(server);
}

void ue_server_request(struct ue *ue, const struct endpoint *from, const struct sip_message *m)
{
	struct ue_server *again = m->method == SIP_ACK ? NULL : server_of(ue, m, m->method);

	if (m->method == SIP_ACK)
		receive_ack(ue, m);
	else if (again)
		send_again(again);
	else if (m->method == SIP_CANCEL)
		receive_cancel(ue, from, m);
	else
		receive_new(ue, from, m);
}
