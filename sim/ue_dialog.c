/* Dialogs of the user agent, RFC 3261 §12, and what it sends inside them. */
#include "ue_parts.h"

#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

struct ue_dialog *ue_dialog_new(struct ue *ue, uint32_t call)
{
	struct ue_dialog *dialog = calloc(1, sizeof(*dialog));

	assert(dialog);
	dialog->call = call;
	snprintf(dialog->contacts[0], UE_URI, "%s", ue->contact);
	ue->dialogs = realloc(ue->dialogs, (ue->n_dialogs + 1) * sizeof(struct ue_dialog *));
	assert(ue->dialogs);
	ue->dialogs[ue->n_dialogs++] = dialog;
	return dialog;
}

struct ue_dialog *ue_dialog_find(struct ue *ue, struct text call_id, struct text local_tag,
				 struct text remote_tag)
{
	for (unsigned i = ue->n_dialogs; i-- > 0;) {
		struct ue_dialog *d = ue->dialogs[i];

		if (text_equal(call_id, text_of(d->call_id)) &&
		    text_equal(local_tag, text_of(d->local_tag)) &&
		    text_equal(remote_tag, text_of(d->remote_tag)))
			return d;
	}
	return NULL;
}

void ue_dialog_take_target(struct ue_dialog *dialog, const struct sip_message *m)
{
	struct sip_name_addr contact;

	if (sip_name_addr_parse(sip_value(m, SIP_HEADER_CONTACT), &contact))
		ue_set_text(dialog->remote_target, UE_URI, contact.uri);
}

void ue_dialog_tell_contact(struct ue_dialog *dialog, const char *contact)
{
	if (strcmp(dialog->contacts[0], contact) == 0)
		return;
	for (unsigned i = 3; i > 0; i--)
		memcpy(dialog->contacts[i], dialog->contacts[i - 1], UE_URI);
	snprintf(dialog->contacts[0], UE_URI, "%s", contact);
}

/* Record-Route as a comma list; backwards for who sent the request (§12.1.2). */
static void take_route_set(struct ue_dialog *dialog, const struct sip_message *m, bool backwards)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_RECORD_ROUTE);
	struct text values[LIMIT_LIST_VALUES], value;
	struct text_writer w = text_writer_on(dialog->route_set, UE_ROUTE_SET - 1);
	unsigned n = 0;

	while (n < LIMIT_LIST_VALUES && sip_list_next(&list, &value))
		values[n++] = value;
	for (unsigned i = 0; i < n; i++) {
		if (i)
			text_put_literal(&w, ", ");
		text_put(&w, values[backwards ? n - 1 - i : i]);
	}
	dialog->route_set[w.len] = 0;
}

struct ue_dialog *ue_dialog_from_response(struct ue *ue, struct ue_client *client,
					  const struct sip_message *m)
{
	struct ue_dialog *d = ue_dialog_find(ue, m->call_id, m->from_tag, m->to_tag);

	if (!d) {
		d = ue_dialog_new(ue, client->call);
		d->is_caller = true;
		ue_set_text(d->call_id, sizeof(d->call_id), m->call_id);
		ue_set_text(d->local_tag, sizeof(d->local_tag), m->from_tag);
		ue_set_text(d->remote_tag, sizeof(d->remote_tag), m->to_tag);
		ue_set_text(d->local, sizeof(d->local), m->from);
		ue_set_text(d->remote, sizeof(d->remote), m->to);
		d->local_cseq = client->cseq;
		take_route_set(d, m, true);
		ue_dialog_take_target(d, m);
	} else if (d->state == UE_EARLY) {
		if (m->status >= 200)
			take_route_set(d, m, true); /* §13.2.2.4 */
		ue_dialog_take_target(d, m);
	}
	return d;
}

struct ue_dialog *ue_dialog_from_invite(struct ue *ue, uint32_t call, const struct sip_message *m,
					const char *to_tag)
{
	struct ue_dialog *d = ue_dialog_new(ue, call);

	ue_set_text(d->call_id, sizeof(d->call_id), m->call_id);
	snprintf(d->local_tag, sizeof(d->local_tag), "%s", to_tag);
	ue_set_text(d->remote_tag, sizeof(d->remote_tag), m->from_tag);
	snprintf(d->local, sizeof(d->local), "%.*s%s%s", TEXT_ARGS(m->to), to_tag[0] ? ";tag=" : "",
		 to_tag);
	ue_set_text(d->remote, sizeof(d->remote), m->from);
	d->remote_cseq = m->cseq;
	d->has_remote_cseq = true;
	d->local_cseq = 700; /* not to be taken for the caller's */
	take_route_set(d, m, false);
	ue_dialog_take_target(d, m);
	return d;
}

static void end(struct ue *ue, struct ue_dialog *dialog)
{
	dialog->state = UE_ENDED;
	ue_client_dialog_ended(ue, dialog);
	for (unsigned i = 0; i < ue->n_dialogs; i++)
		if (ue->dialogs[i]->call == dialog->call && ue->dialogs[i]->state != UE_ENDED)
			return;
	if (ue->calls[dialog->call]->state == UE_CALL_ANSWERED)
		ue->calls[dialog->call]->state = UE_CALL_OVER;
}

void ue_dialog_end(struct ue *ue, struct ue_dialog *dialog)
{
	if (dialog->state == UE_ENDED)
		return;
	end(ue, dialog);
	if (ue->service && ue->service->dialog_ended)
		ue->service->dialog_ended(ue->service_self, dialog);
}

/* ------------------------------------------------------------------ sending inside a dialog */

static uint32_t write_in_dialog(struct ue *ue, struct ue_dialog *dialog, struct ue_writing writing,
				char buffer[UE_MESSAGE], struct endpoint *ret_to)
{
	char uri[UE_URI], route[UE_ROUTE_SET];
	struct text_writer w = text_writer_on(buffer, UE_MESSAGE);

	if (!ue_route(ue, dialog->remote_target, dialog->route_set, uri, route, ret_to))
		return 0;
	writing.uri = uri;
	writing.route = route;
	writing.from = dialog->local;
	writing.to = dialog->remote;
	writing.call_id = dialog->call_id;
	writing.max_forwards = 70;
	writing.contact = dialog->contacts[0];
	writing.transport = ret_to->transport;
	ue_write(ue, &writing, &w);
	return w.len;
}

bool ue_request(struct ue *ue, struct ue_dialog *dialog, const struct ue_request_in_dialog *request)
{
	char buffer[UE_MESSAGE], branch[64];
	struct ue_client *client;
	struct endpoint to;
	uint32_t cseq = request->cseq ? request->cseq : dialog->local_cseq + 1, len;

	if (dialog->state == UE_ENDED || dialog->bye_sent)
		return false;
	if (request->new_contact)
		ue_dialog_tell_contact(dialog, request->new_contact);
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	len = write_in_dialog(ue, dialog,
			      (struct ue_writing){
				      .method = request->method,
				      .cseq = cseq,
				      .branch = branch,
				      .lines = request->lines,
				      .body = request->with_sdp ? ue_offer : NULL,
				      .with_contact = sip_method_refreshes_target(request->method),
			      },
			      buffer, &to);
	if (!len) {
		ue_violation(ue, "no way to %s", dialog->remote_target);
		return false;
	}
	if (cseq > dialog->local_cseq)
		dialog->local_cseq = cseq;
	dialog->bye_sent = request->method == SIP_BYE;
	client = ue_client_start(ue, request->method, buffer, len, &to);
	client->dialog = dialog;
	client->call = dialog->call;
	return true;
}

struct ue_dialog *ue_dialog_of_call(struct ue *ue, uint32_t call)
{
	struct ue_dialog *best = NULL;
	static const unsigned rank[] = {1, 2, 3, 0};

	for (unsigned i = 0; i < ue->n_dialogs; i++) {
		struct ue_dialog *d = ue->dialogs[i];

		if (d->call == call && (!best || rank[d->state] > rank[best->state]))
			best = d;
	}
	return best;
}

bool ue_hang_up(struct ue *ue, uint32_t call, bool early)
{
	bool any = false;
	unsigned n = ue->n_dialogs;

	for (unsigned i = 0; i < n; i++) {
		struct ue_dialog *d = ue->dialogs[i];
		/* §15: the callee not before the ACK. */
		bool may = d->state == UE_CONFIRMED || (d->is_caller && d->state == UE_ANSWERED) ||
			   (early && d->is_caller && d->state == UE_EARLY);

		if (d->call == call && may)
			any |= ue_request(ue, d, &(struct ue_request_in_dialog){.method = SIP_BYE});
	}
	return any;
}

/* An application server that was told to give no good answer to a BYE has lost its dialog with it. */
static bool is_lost(const struct ue *ue, const struct ue_dialog *dialog)
{
	return ue->service && dialog->n_byes_received;
}

unsigned ue_open_dialogs(const struct ue *ue)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ue->n_dialogs; i++)
		n += ue->dialogs[i]->state != UE_ENDED && !is_lost(ue, ue->dialogs[i]);
	if (ue->service && ue->service->open_dialogs)
		n += ue->service->open_dialogs(ue->service_self);
	return n;
}

/* ------------------------------------------------------------------ ACK of a 2xx */

static void send_ack(struct ue *ue, struct ue_dialog *dialog)
{
	world_send(ue->world, &ue->party.address, &dialog->ack_to,
		   (struct text){dialog->ack, dialog->ack_len});
}

static bool has_other_answered(struct ue *ue, const struct ue_dialog *dialog)
{
	for (unsigned i = 0; i < ue->n_dialogs; i++) {
		const struct ue_dialog *d = ue->dialogs[i];

		if (d != dialog && d->call == dialog->call && d->answered_ms &&
		    d->answered_ms <= dialog->answered_ms &&
		    (d->state == UE_CONFIRMED || d->state == UE_ANSWERED))
			return true;
	}
	return false;
}

static void acknowledge(struct ue_client *client, struct ue_dialog *dialog)
{
	struct ue *ue = client->ue;
	struct sip_message invite;
	char buffer[UE_MESSAGE], branch[64];

	sip_parse(&invite, client->bytes, client->len, SIP_DATAGRAM);
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	dialog->ack_len = write_in_dialog(ue, dialog,
					  (struct ue_writing){
						  .method = SIP_ACK,
						  .cseq = client->cseq,
						  .branch = branch,
						  .body = invite.body.len ? NULL : ue_answer,
					  },
					  buffer, &dialog->ack_to);
	if (!dialog->ack_len) {
		ue_violation(ue, "no way to %s for the ACK", dialog->remote_target);
		return;
	}
	free(dialog->ack);
	dialog->ack = ue_copy(buffer, dialog->ack_len);
	dialog->ack_cseq = client->cseq;
	if (dialog->state == UE_ANSWERED)
		dialog->state = UE_CONFIRMED;
	send_ack(ue, dialog);
	if (client->dialog)
		return;
	if (ue->calls[client->call]->has_cancelled ||
	    (!ue->plan.keeps_surplus_dialogs && has_other_answered(ue, dialog)))
		ue_request(ue, dialog, &(struct ue_request_in_dialog){.method = SIP_BYE});
}

static void acknowledge_later(void *self, uint64_t a, uint64_t b)
{
	struct ue_dialog *dialog = self;

	(void)a, (void)b;
	acknowledge(dialog->invite, dialog);
}

static void plan_ack(struct ue_client *client, struct ue_dialog *dialog)
{
	struct ue *ue = client->ue;

	dialog->invite = client;
	if (ue->plan.ack_after_ms == 0)
		acknowledge(client, dialog);
	else if (ue->plan.ack_after_ms > 0)
		world_at(ue->world, world_now(ue->world) + (uint64_t)ue->plan.ack_after_ms,
			 acknowledge_later, dialog, NULL);
}

void ue_dialog_answered(struct ue *ue, struct ue_client *client, const struct sip_message *m)
{
	struct ue_dialog *dialog = client->dialog;
	struct sip_message invite;

	if (!dialog)
		dialog = ue_dialog_from_response(ue, client, m);
	if (dialog->ack && dialog->ack_cseq == client->cseq) {
		send_ack(ue, dialog);
		return;
	}
	if (dialog->invite_cseq == client->cseq)
		return; /* again, and our ACK is not due yet */
	dialog->invite_cseq = client->cseq;
	dialog->answered_ms = world_now(ue->world);
	sip_parse(&invite, client->bytes, client->len, SIP_DATAGRAM);
	if (!invite.body.len && !m->body.len)
		ue_violation(ue, "2xx without an offer to an INVITE without one");
	if (!client->dialog) {
		if (dialog->state == UE_EARLY)
			dialog->state = UE_ANSWERED;
		ue->calls[client->call]->state = UE_CALL_ANSWERED;
	} else {
		ue_dialog_take_target(dialog, m);
	}
	plan_ack(client, dialog);
}
