/* Requests that the user agent sends: client transactions of RFC 3261 §17.1, CANCEL, REGISTER. */
#include "ue_parts.h"

#include <assert.h>
#include <stdlib.h>

enum { WAKE_RETRANSMIT, WAKE_GIVE_UP, WAKE_FORGET, WAKE_IMPATIENT };

#define PATIENCE_MS 300000u /* with an INVITE that has no final answer: more than any Timer C */

static void wake(void *self, uint64_t generation, uint64_t what);

static void wake_after(struct ue_client *client, uint64_t ms, unsigned what)
{
	world_at(client->ue->world, world_now(client->ue->world) + ms, wake, client,
		 (uint64_t[2]){client->generation, what});
}

static void send(struct ue_client *client)
{
	world_send(client->ue->world, &client->ue->party.address, &client->to,
		   (struct text){client->bytes, client->len});
}

struct ue_client *ue_client_start(struct ue *ue, enum sip_method method, const char *bytes,
				  uint32_t len, const struct endpoint *to)
{
	struct ue_client *client = calloc(1, sizeof(*client));
	struct sip_message m;

	assert(client);
	*client = (struct ue_client){.ue = ue,
				     .is_live = true,
				     .method = (uint8_t)method,
				     .call = UE_NONE,
				     .bytes = ue_copy(bytes, len),
				     .len = len,
				     .to = *to,
				     .interval_ms = ue->t1_ms,
				     .sent_ms = world_now(ue->world)};
	sip_parse(&m, bytes, len, SIP_DATAGRAM);
	ue_set_text(client->branch, sizeof(client->branch), m.via.branch);
	client->cseq = m.cseq;
	ue->clients = realloc(ue->clients, (ue->n_clients + 1) * sizeof(struct ue_client *));
	assert(ue->clients);
	ue->clients[ue->n_clients++] = client;
	send(client);
	if (!transport_is_reliable(to->transport))
		wake_after(client, client->interval_ms, WAKE_RETRANSMIT);
	wake_after(client, 64ull * ue->t1_ms, WAKE_GIVE_UP);
	if (method == SIP_INVITE)
		wake_after(client, PATIENCE_MS, WAKE_IMPATIENT);
	return client;
}

static void tell_service(struct ue_client *client, const struct sip_message *m)
{
	const struct ue_service *service = client->ue->service;

	if (service && service->is_answered)
		service->is_answered(client->ue->service_self, client, m);
}

/* RFC 3261 §13.2.2.4: 64*T1 after the first 2xx no other dialog can come of the INVITE. */
static void end_early_dialogs(struct ue_client *invite)
{
	struct ue *ue = invite->ue;

	for (unsigned i = 0; i < ue->n_dialogs; i++)
		if (ue->dialogs[i]->call == invite->call && ue->dialogs[i]->state == UE_EARLY)
			ue_dialog_end(ue, ue->dialogs[i]);
}

static void failed(struct ue_client *client)
{
	struct ue *ue = client->ue;

	client->is_live = false;
	if (client->method == SIP_INVITE && !client->dialog) {
		ue->calls[client->call]->state = UE_CALL_FAILED;
		end_early_dialogs(client);
	}
	if (client->dialog && (client->method == SIP_BYE || client->method == SIP_INVITE ||
			       client->method == SIP_UPDATE))
		ue_dialog_end(ue, client->dialog);
	tell_service(client, NULL);
}

static bool is_dialog_over(const struct ue_client *invite)
{
	const struct ue *ue = invite->ue;
	bool any = false;

	if (invite->dialog)
		return invite->dialog->state == UE_ENDED;
	for (unsigned i = 0; i < ue->n_dialogs; i++) {
		if (ue->dialogs[i]->call != invite->call)
			continue;
		if (ue->dialogs[i]->state != UE_ENDED)
			return false;
		any = true;
	}
	return any;
}

static void wake(void *self, uint64_t generation, uint64_t what)
{
	struct ue_client *client = self;
	bool invite = client->method == SIP_INVITE;

	if (!client->is_live || generation != client->generation)
		return;
	if (what == WAKE_FORGET) {
		client->is_live = false;
		if (invite && !client->dialog)
			end_early_dialogs(client);
		return;
	}
	if (client->final_status)
		return;
	if (what == WAKE_IMPATIENT) {
		failed(client);
		return;
	}
	if (what == WAKE_GIVE_UP) {
		/* Timer B ends with the first 1xx (§17.1.1.2); 64*T1 after a CANCEL it is over anyway (§9.1). */
		if (!invite || !client->has_provisional || client->is_cancelled ||
		    is_dialog_over(client))
			failed(client);
		return;
	}
	if (invite && client->has_provisional)
		return;
	send(client);
	client->interval_ms *= 2;
	if (!invite && (client->interval_ms > client->ue->t2_ms || client->has_provisional))
		client->interval_ms = client->ue->t2_ms;
	wake_after(client, client->interval_ms, WAKE_RETRANSMIT);
}

/* An INVITE whose dialog is over: its 2xx may have been lost, and nobody repeats it any more. */
void ue_client_dialog_ended(struct ue *ue, const struct ue_dialog *dialog)
{
	for (unsigned i = 0; i < ue->n_clients; i++)
		if (ue->clients[i]->call == dialog->call && ue->clients[i]->is_live &&
		    ue->clients[i]->method == SIP_INVITE)
			wake_after(ue->clients[i], 64ull * ue->t1_ms, WAKE_GIVE_UP);
}

/* ------------------------------------------------------------------ CANCEL */

static void send_cancel(struct ue_client *invite)
{
	struct ue *ue = invite->ue;
	char buffer[UE_MESSAGE], from[512], to[512], uri[UE_URI], call_id[LIMIT_CALL_ID_BYTES + 1];
	char route[UE_ROUTE_SET];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct ue_client *client;
	struct sip_message m;

	sip_parse(&m, invite->bytes, invite->len, SIP_DATAGRAM);
	ue_set_text(from, sizeof(from), m.from);
	ue_set_text(to, sizeof(to), m.to);
	ue_set_text(uri, sizeof(uri), m.request_uri);
	ue_set_text(call_id, sizeof(call_id), m.call_id);
	ue_set_text(route, sizeof(route), sip_value(&m, SIP_HEADER_ROUTE));
	ue_write(ue,
		 &(struct ue_writing){.method = SIP_CANCEL,
				      .uri = uri,
				      .route = route,
				      .from = from,
				      .to = to,
				      .call_id = call_id,
				      .cseq = invite->cseq,
				      .branch = invite->branch,
				      .lines = invite->cancel_lines,
				      .max_forwards = 70,
				      .transport = invite->to.transport},
		 &w);
	client = ue_client_start(ue, SIP_CANCEL, buffer, w.len, &invite->to);
	client->call = invite->call;
	invite->is_cancelled = true;
	invite->cancel_wanted = false;
	wake_after(invite, 64ull * ue->t1_ms, WAKE_GIVE_UP);
}

static struct ue_client *invite_of_call(struct ue *ue, uint32_t call)
{
	for (unsigned i = 0; i < ue->n_clients; i++)
		if (ue->clients[i]->call == call && ue->clients[i]->method == SIP_INVITE &&
		    ue->clients[i]->is_live && !ue->clients[i]->final_status)
			return ue->clients[i];
	return NULL;
}

bool ue_cancel(struct ue *ue, uint32_t call, const char *lines)
{
	struct ue_client *invite = invite_of_call(ue, call);

	if (!invite || invite->is_cancelled || invite->cancel_wanted)
		return false;
	ue->calls[call]->has_cancelled = true;
	if (lines)
		invite->cancel_lines = ue_copy(lines, (uint32_t)strlen(lines));
	invite->cancel_wanted = true;
	if (invite->has_provisional)
		send_cancel(invite);
	return true;
}

bool ue_cancel_rudely(struct ue *ue, uint32_t call)
{
	struct ue_client *invite = invite_of_call(ue, call);

	if (!invite || invite->is_cancelled)
		return false;
	ue->calls[call]->has_cancelled = true;
	send_cancel(invite);
	return true;
}

/* ------------------------------------------------------------------ responses */

static struct ue_client *client_of(struct ue *ue, const struct sip_message *m)
{
	for (unsigned i = ue->n_clients; i-- > 0;)
		if (ue->clients[i]->is_live && ue->clients[i]->method == m->method &&
		    text_equal(m->via.branch, text_of(ue->clients[i]->branch)))
			return ue->clients[i];
	return NULL;
}

static void check_response(struct ue_client *client, const struct sip_message *m)
{
	struct ue *ue = client->ue;
	struct sip_list vias = sip_list_of(m, SIP_HEADER_VIA);
	struct sip_message request;
	struct text value;
	unsigned n = 0;

	sip_parse(&request, client->bytes, client->len, SIP_DATAGRAM);
	while (sip_list_next(&vias, &value))
		n++;
	if (n != 1)
		ue_violation(ue, "response %u with %u Via values (RFC 3261 8.1.3.3)", m->status, n);
	if (!text_equal(m->from_tag, request.from_tag) || !text_equal(m->call_id, request.call_id))
		ue_violation(ue, "response %u with another From tag or Call-ID", m->status);
	if (m->cseq != request.cseq)
		ue_violation(ue, "response %u with CSeq %u to CSeq %u", m->status, m->cseq,
			     request.cseq);
	if (m->status > 100 && !m->to_tag.len)
		ue_violation(ue, "response %u without a To tag (RFC 3261 8.2.6.2)", m->status);
	if (request.to_tag.len && !text_equal(m->to_tag, request.to_tag))
		ue_violation(ue, "response %u with another To tag", m->status);
	if (m->status == 408 && client->method != SIP_INVITE)
		ue_violation(ue, "408 to %s (RFC 4320 4.2)", sip_method_name(client->method));
	if (m->status > 100 && m->status < 200 && client->method != SIP_INVITE)
		ue_violation(ue, "%u to %s (RFC 4320 4.1)", m->status,
			     sip_method_name(client->method));
}

/* PRACK for a reliable provisional response, RFC 3262 §4: only the next in order. */
static void acknowledge_provisional(struct ue *ue, struct ue_client *client,
				    struct ue_dialog *dialog, const struct sip_message *m)
{
	char lines[128];
	uint32_t rseq;

	if (!sip_has_option(m, SIP_HEADER_REQUIRE, TEXT("100rel")) ||
	    !text_to_u32(sip_value(m, SIP_HEADER_RSEQ), UINT32_MAX, &rseq))
		return;
	if (dialog->rseq_seen && rseq != dialog->rseq_seen + 1)
		return;
	dialog->rseq_seen = rseq;
	snprintf(lines, sizeof(lines), "RAck: %u %u INVITE\r\n", rseq, client->cseq);
	ue_request(ue, dialog, &(struct ue_request_in_dialog){.method = SIP_PRACK, .lines = lines});
}

static void provisional(struct ue_client *client, const struct sip_message *m)
{
	struct ue *ue = client->ue;
	struct ue_dialog *dialog;

	client->has_provisional = true;
	if (client->method != SIP_INVITE || client->final_status)
		return;
	if (!client->dialog && m->status > 100 && m->to_tag.len) {
		ue->calls[client->call]->state = UE_CALL_RINGING;
		dialog = ue_dialog_from_response(ue, client, m);
		acknowledge_provisional(ue, client, dialog, m);
	}
	if (client->cancel_wanted)
		send_cancel(client);
}

/* ACK of a final response other than 2xx is part of the transaction, RFC 3261 §17.1.1.3. */
static void acknowledge_failure(struct ue_client *client, const struct sip_message *m)
{
	char buffer[UE_MESSAGE], from[512], to[512], uri[UE_URI], call_id[LIMIT_CALL_ID_BYTES + 1];
	char route[UE_ROUTE_SET];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct sip_message request;

	sip_parse(&request, client->bytes, client->len, SIP_DATAGRAM);
	ue_set_text(from, sizeof(from), request.from);
	ue_set_text(to, sizeof(to), m->to);
	ue_set_text(uri, sizeof(uri), request.request_uri);
	ue_set_text(call_id, sizeof(call_id), request.call_id);
	ue_set_text(route, sizeof(route), sip_value(&request, SIP_HEADER_ROUTE));
	ue_write(client->ue,
		 &(struct ue_writing){.method = SIP_ACK,
				      .uri = uri,
				      .route = route,
				      .from = from,
				      .to = to,
				      .call_id = call_id,
				      .cseq = client->cseq,
				      .branch = client->branch,
				      .max_forwards = 70,
				      .transport = client->to.transport},
		 &w);
	free(client->ack);
	client->ack = ue_copy(buffer, w.len);
	client->ack_len = w.len;
	world_send(client->ue->world, &client->ue->party.address, &client->to,
		   (struct text){client->ack, client->ack_len});
}

static void invite_failed(struct ue_client *client, const struct sip_message *m)
{
	struct ue *ue = client->ue;
	struct ue_call *call = ue->calls[client->call];

	acknowledge_failure(client, m);
	if (client->final_status)
		return;
	if (client->dialog) {
		if (m->status == 481 || m->status == 408)
			ue_dialog_end(ue, client->dialog);
		return;
	}
	call->state = UE_CALL_FAILED;
	call->final_status = m->status;
	end_early_dialogs(client);
}

static void final_to_invite(struct ue_client *client, const struct sip_message *m)
{
	bool first = !client->final_status;

	if (m->status < 300)
		ue_dialog_answered(client->ue, client, m);
	else if (first || client->final_status >= 300)
		invite_failed(client, m);
	if (!first)
		return;
	client->final_status = m->status;
	client->generation++;
	wake_after(client, 64ull * client->ue->t1_ms, WAKE_FORGET); /* Timers D and M */
}

static void final_to_other(struct ue_client *client, const struct sip_message *m)
{
	struct ue_dialog *dialog = client->dialog;

	if (client->final_status)
		return;
	client->final_status = m->status;
	client->generation++;
	wake_after(client, client->ue->t4_ms, WAKE_FORGET); /* Timer K */
	if (!dialog)
		return;
	if (client->method == SIP_UPDATE && m->status < 300)
		ue_dialog_take_target(dialog, m);
	if (client->method == SIP_BYE || m->status == 481 || m->status == 408)
		ue_dialog_end(client->ue, dialog);
}

void ue_client_response(struct ue *ue, const struct sip_message *m)
{
	struct ue_client *client = client_of(ue, m);

	if (!client)
		return;
	check_response(client, m);
	if (m->status < 200)
		provisional(client, m);
	else if (client->method == SIP_INVITE)
		final_to_invite(client, m);
	else
		final_to_other(client, m);
	tell_service(client, m);
}

void ue_client_send_failed(struct ue *ue, const struct sip_message *m)
{
	struct ue_client *client = m->is_request ? client_of(ue, m) : NULL;

	if (client && !client->final_status)
		failed(client);
}

/* ------------------------------------------------------------------ outside dialogs */

void ue_request_alone(struct ue *ue, enum sip_method method, const char *uri, const char *lines)
{
	char buffer[UE_MESSAGE], from[512], to[512], call_id[64], tag[64], branch[64];
	char ruri[UE_URI], route[UE_ROUTE_SET];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct endpoint next = ue->next_hop;

	ue_draw_token(ue, "alone-", call_id, sizeof(call_id));
	ue_draw_token(ue, "", tag, sizeof(tag));
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	snprintf(from, sizeof(from), "<%s>;tag=%s", ue->address_of_record, tag);
	snprintf(to, sizeof(to), "<%s>", uri);
	ue_route(ue, uri, ue->route, ruri, route, &next);
	if (!ue->route[0])
		next = ue->next_hop;
	ue_write(ue,
		 &(struct ue_writing){.method = method,
				      .uri = ruri,
				      .route = route,
				      .from = from,
				      .to = to,
				      .call_id = call_id,
				      .cseq = 1,
				      .branch = branch,
				      .lines = lines,
				      .max_forwards = 70,
				      .transport = next.transport},
		 &w);
	ue_client_start(ue, method, buffer, w.len, &next);
}

void ue_register(struct ue *ue, const char *contact, uint32_t expires_s, const char *lines)
{
	char buffer[UE_MESSAGE], from[512], to[512], tag[64], branch[64], uri[UE_URI + 8],
		more[512];
	const char *at = strchr(ue->address_of_record, '@');
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	ue_draw_token(ue, "", tag, sizeof(tag));
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	if (!ue->register_call_id[0])
		ue_draw_token(ue, "register-", ue->register_call_id, sizeof(ue->register_call_id));
	snprintf(uri, sizeof(uri), "sip:%s", at ? at + 1 : ue->address_of_record);
	snprintf(from, sizeof(from), "<%s>;tag=%s", ue->address_of_record, tag);
	snprintf(to, sizeof(to), "<%s>", ue->address_of_record);
	snprintf(more, sizeof(more), "Expires: %u\r\n%s", expires_s, lines ? lines : "");
	ue_write(ue,
		 &(struct ue_writing){.method = SIP_REGISTER,
				      .uri = uri,
				      .route = ue->route,
				      .from = from,
				      .to = to,
				      .call_id = ue->register_call_id,
				      .cseq = ++ue->register_cseq,
				      .branch = branch,
				      .lines = more,
				      .max_forwards = 70,
				      .with_contact = true,
				      .contact = contact ? contact : ue->contact,
				      .transport = ue->next_hop.transport},
		 &w);
	ue_client_start(ue, SIP_REGISTER, buffer, w.len, &ue->next_hop);
}

unsigned ue_open_requests(const struct ue *ue)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ue->n_clients; i++)
		n += ue->clients[i]->is_live && !ue->clients[i]->final_status;
	if (ue->service && ue->service->open_requests)
		n += ue->service->open_requests(ue->service_self);
	return n;
}

struct text ue_open_request(const struct ue *ue)
{
	for (unsigned i = 0; i < ue->n_clients; i++)
		if (ue->clients[i]->is_live && !ue->clients[i]->final_status)
			return (struct text){ue->clients[i]->bytes, ue->clients[i]->len};
	return (struct text){0};
}
