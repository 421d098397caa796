/* The parties of a race: user agents without a memory allocator. What they receive is checked as a strict peer would. */
#include "race_peer_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define T1_MS      500u
#define T2_MS      4000u
#define GIVE_UP_MS (64u * T1_MS)

void race_complain(struct race_peer *peer, const char *format, ...)
{
	char what[400];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	peer->carrier->complain(peer->carrier->self, peer, what);
}

static void send(struct race_peer *peer, const char *bytes, uint32_t len)
{
	peer->carrier->send(peer->carrier->self, peer, (struct text){bytes, len});
}

static void set(char ret[RACE_NAME_BYTES], struct text t)
{
	uint32_t n = t.len < RACE_NAME_BYTES - 1 ? t.len : RACE_NAME_BYTES - 1;

	if (n)
		memcpy(ret, t.at, n);
	ret[n] = 0;
}

static bool same(const char *one, struct text other)
{
	return strlen(one) == other.len && memcmp(one, other.at, other.len) == 0;
}

void race_peer_begin(struct race_peer *peer, enum race_peer_name name,
		     const struct race_carrier *carrier, uint32_t run)
{
	peer->name = (uint8_t)name;
	peer->carrier = carrier;
	peer->run = run;
	peer->now_ms = 0;
	peer->n_drawn = 0;
	peer->reinvites_max = 6;
	peer->refuses_next = false;
	peer->n_clients = peer->n_servers = 0;
	for (unsigned i = 0; i < RACE_DIALOGS; i++) {
		memset(&peer->dialogs[i], 0, sizeof(peer->dialogs[i]));
		peer->dialogs[i].reinvite_again_ms = RACE_NEVER;
		peer->dialogs[i].media_port = (uint16_t)(10000 * (name + 1) + 2 * i);
	}
}

/* ---------------------------------------------------------------- requests of ours */

static uint32_t next_branch(struct race_peer *peer)
{
	return ++peer->n_drawn;
}

static struct race_client *client_begin(struct race_peer *peer, unsigned dialog,
					enum sip_method method, const struct race_writing *w)
{
	struct race_client *client;

	if (peer->n_clients == RACE_REQUESTS) {
		race_complain(peer, "more requests than one run can have");
		return NULL;
	}
	client = &peer->clients[peer->n_clients++];
	client->is_live = true;
	client->has_provisional = client->is_cancelled = false;
	client->method = (uint8_t)method;
	client->dialog = (uint8_t)dialog;
	client->status = 0;
	client->cseq = w->cseq;
	client->branch = w->branch;
	client->interval_ms = T1_MS;
	client->again_ms = peer->now_ms + T1_MS;
	client->give_up_ms = peer->now_ms + GIVE_UP_MS;
	client->ack_len = 0;
	client->len = race_write_request(peer, &peer->dialogs[dialog], w, client->bytes);
	send(peer, client->bytes, client->len);
	return client;
}

void race_peer_invite(struct race_peer *peer, uint64_t now_ms, unsigned number,
		      const struct race_invitation *invitation)
{
	struct race_dialog *dialog = &peer->dialogs[number];
	char body[400];
	struct race_writing w = {.method = "INVITE",
				 .uri = invitation->request_uri,
				 .lines = invitation->lines,
				 .branch = next_branch(peer),
				 .cseq = 1};

	peer->now_ms = now_ms;
	dialog->state = RACE_DIALOG_INVITED;
	dialog->is_caller = true;
	dialog->local_cseq = 1;
	snprintf(dialog->call_id, RACE_NAME_BYTES, "%s-%u-%u@127.0.0.1",
		 race_peer_names[peer->name], number, peer->run);
	snprintf(dialog->local_tag, RACE_NAME_BYTES, "%u%u%u", peer->name, number, peer->run);
	set(dialog->local_uri, text_of(invitation->local_uri));
	set(dialog->remote_uri, text_of(invitation->remote_uri));
	w.body = (struct text){body, race_put_description(peer, dialog, body, sizeof(body))};
	client_begin(peer, number, SIP_INVITE, &w);
}

static void request_in_dialog(struct race_peer *peer, unsigned number, enum sip_method method,
			      const char *lines, bool with_sdp)
{
	struct race_dialog *dialog = &peer->dialogs[number];
	char body[400];
	struct race_writing w = {.method = sip_method_name(method),
				 .uri = dialog->target,
				 .lines = lines,
				 .branch = next_branch(peer),
				 .cseq = ++dialog->local_cseq};

	if (with_sdp)
		w.body =
			(struct text){body, race_put_description(peer, dialog, body, sizeof(body))};
	client_begin(peer, number, method, &w);
}

/* RFC 3261 §14.1: no INVITE of either side under way. */
bool race_peer_can_reinvite(const struct race_peer *peer, unsigned number)
{
	const struct race_dialog *dialog = &peer->dialogs[number];

	if (dialog->state != RACE_DIALOG_CONFIRMED || dialog->reinvite_again_ms != RACE_NEVER)
		return false;
	for (unsigned i = 0; i < peer->n_clients; i++)
		if (peer->clients[i].dialog == number && peer->clients[i].method == SIP_INVITE &&
		    peer->clients[i].is_live && !peer->clients[i].status)
			return false;
	for (unsigned i = 0; i < peer->n_servers; i++)
		if (peer->servers[i].dialog == number && peer->servers[i].awaits_ack)
			return false;
	return true;
}

void race_peer_reinvite(struct race_peer *peer, uint64_t now_ms, unsigned number, const char *lines)
{
	struct race_dialog *dialog = &peer->dialogs[number];

	peer->now_ms = now_ms;
	if (lines != dialog->reinvite_lines)
		set(dialog->reinvite_lines, text_of(lines));
	dialog->reinvite_again_ms = RACE_NEVER;
	dialog->n_reinvites++;
	request_in_dialog(peer, number, SIP_INVITE, dialog->reinvite_lines, true);
}

void race_peer_bye(struct race_peer *peer, uint64_t now_ms, unsigned number, const char *lines)
{
	peer->now_ms = now_ms;
	peer->dialogs[number].state = RACE_DIALOG_LEAVING;
	peer->dialogs[number].reinvite_again_ms = RACE_NEVER;
	request_in_dialog(peer, number, SIP_BYE, lines, false);
}

static struct race_client *open_invite(struct race_peer *peer, unsigned number)
{
	for (unsigned i = 0; i < peer->n_clients; i++) {
		struct race_client *client = &peer->clients[i];

		if (client->dialog == number && client->method == SIP_INVITE && client->is_live &&
		    !client->status && client->cseq == 1)
			return client;
	}
	return NULL;
}

/* RFC 3261 §9.1: after a provisional response, before the final one. */
bool race_peer_can_cancel(const struct race_peer *peer, unsigned number)
{
	const struct race_client *invite = open_invite((struct race_peer *)(uintptr_t)peer, number);

	return invite && invite->has_provisional && !invite->is_cancelled;
}

/* What stands between two marks of a message of ours. */
static struct text uri_of_request(const struct race_client *client)
{
	const char *begin = memchr(client->bytes, ' ', client->len);
	const char *end = begin ? strstr(begin + 1, " SIP/2.0\r\n") : NULL;

	return end ? text_between(begin + 1, end) : (struct text){0};
}

void race_peer_cancel(struct race_peer *peer, uint64_t now_ms, unsigned number)
{
	struct race_client *invite = open_invite(peer, number);
	char uri[RACE_NAME_BYTES];
	struct race_writing w = {.method = "CANCEL",
				 .uri = uri,
				 .branch = invite->branch,
				 .cseq = invite->cseq,
				 .lines = "Reason: SIP;cause=487;text=\"handover cancelled\"\r\n"};

	peer->now_ms = now_ms;
	set(uri, uri_of_request(invite));
	invite->is_cancelled = true;
	client_begin(peer, number, SIP_CANCEL, &w);
}

/* ---------------------------------------------------------------- responses to ours */

static void acknowledge(struct race_peer *peer, struct race_client *client, const char *uri,
			uint32_t branch)
{
	struct race_writing w = {
		.method = "ACK", .uri = uri, .branch = branch, .cseq = client->cseq};

	client->ack_len = race_write_request(peer, &peer->dialogs[client->dialog], &w, client->ack);
	send(peer, client->ack, client->ack_len);
}

static struct text uri_in(struct text name_addr)
{
	struct sip_name_addr parsed;

	return sip_name_addr_parse(name_addr, &parsed) ? parsed.uri : (struct text){0};
}

static void invite_accepted(struct race_peer *peer, struct race_client *client,
			    const struct sip_message *m)
{
	struct race_dialog *dialog = &peer->dialogs[client->dialog];

	set(dialog->remote_tag, m->to_tag);
	set(dialog->target, uri_in(sip_value(m, SIP_HEADER_CONTACT)));
	if (!dialog->target[0])
		race_complain(peer, "a 2xx to INVITE without Contact");
	if (!m->to_tag.len)
		race_complain(peer, "a 2xx to INVITE without a tag in To");
	if (!m->body.len) {
		race_complain(peer, "a 2xx to INVITE without an answer");
	} else {
		race_take_description(peer, dialog, m->body);
		dialog->peer_media_port = race_media_port(m->body);
	}
	acknowledge(peer, client, dialog->target, next_branch(peer));
	if (dialog->state == RACE_DIALOG_INVITED)
		dialog->state = RACE_DIALOG_CONFIRMED;
	/* RFC 3261 §9.1, §15: the CANCEL came too late. */
	if (client->is_cancelled && dialog->state == RACE_DIALOG_CONFIRMED)
		race_peer_bye(peer, peer->now_ms, client->dialog,
			      "Reason: SIP;cause=487;text=\"handover cancelled\"\r\n");
}

static void invite_refused(struct race_peer *peer, struct race_client *client,
			   const struct sip_message *m)
{
	struct race_dialog *dialog = &peer->dialogs[client->dialog];
	char uri[RACE_NAME_BYTES], tag[RACE_NAME_BYTES];

	set(tag, text_of(dialog->remote_tag));
	set(dialog->remote_tag, m->to_tag);
	set(uri, uri_of_request(client));
	acknowledge(peer, client, uri, client->branch);
	set(dialog->remote_tag, text_of(tag));
	if (dialog->state == RACE_DIALOG_INVITED) {
		dialog->state = RACE_DIALOG_ENDED;
		return;
	}
	if (dialog->state != RACE_DIALOG_CONFIRMED)
		return;
	if (m->status == 481) { /* RFC 3261 §12.2.1.2 */
		dialog->state = RACE_DIALOG_ENDED;
	} else if (m->status == 408) {
		race_peer_bye(peer, peer->now_ms, client->dialog, "");
	} else if ((m->status == 491 || sip_first(m, SIP_HEADER_RETRY_AFTER)) &&
		   dialog->n_reinvites < peer->reinvites_max) {
		uint32_t seconds = 0;

		text_to_u32(sip_value(m, SIP_HEADER_RETRY_AFTER), 30, &seconds);
		dialog->reinvite_again_ms =
			peer->now_ms +
			(m->status == 491 ? (dialog->is_caller ? 2500 : 1000) : 1000 * seconds + 1);
	}
}

static void answered(struct race_peer *peer, struct race_client *client,
		     const struct sip_message *m)
{
	struct race_dialog *dialog = &peer->dialogs[client->dialog];

	client->status = m->status;
	client->again_ms = client->give_up_ms = RACE_NEVER;
	switch (client->method) {
	case SIP_INVITE:
		if (m->status < 300)
			invite_accepted(peer, client, m);
		else
			invite_refused(peer, client, m);
		break;
	case SIP_BYE: dialog->state = RACE_DIALOG_ENDED; break;
	case SIP_CANCEL:
		if (m->status != 200)
			race_complain(peer, "CANCEL answered %u", m->status);
		break;
	default: break;
	}
}

static void receive_response(struct race_peer *peer, const struct sip_message *m)
{
	char branch[80];

	for (unsigned i = 0; i < peer->n_clients; i++) {
		struct race_client *client = &peer->clients[i];

		snprintf(branch, sizeof(branch), "z9hG4bK%u-%u-%u", peer->run, peer->name,
			 client->branch);
		if (client->method != m->method || !same(branch, m->via.branch))
			continue;
		if (client->cseq != m->cseq)
			race_complain(peer, "a response with another CSeq");
		if (client->status) {
			if (client->status / 100 == 2 && m->status / 100 != 2 && m->status >= 200)
				race_complain(peer, "%u after %u to the same request", m->status,
					      client->status);
			if (client->ack_len && m->status >= 200) /* ours was lost */
				send(peer, client->ack, client->ack_len);
		} else if (m->status < 200) {
			client->has_provisional = true;
			if (client->method == SIP_INVITE)
				client->again_ms = client->give_up_ms = RACE_NEVER;
		} else {
			answered(peer, client, m);
		}
		return;
	}
	race_complain(peer, "a response (%u) that nobody asked for", m->status);
}

/* ---------------------------------------------------------------- requests to us */

static struct race_server *server_of(struct race_peer *peer, const struct sip_message *m)
{
	uint8_t method = m->method == SIP_ACK || m->method == SIP_CANCEL ? SIP_INVITE : m->method;

	for (unsigned i = 0; i < peer->n_servers; i++)
		if (peer->servers[i].method == method &&
		    same(peer->servers[i].branch, m->via.branch))
			return &peer->servers[i];
	return NULL;
}

static void answer(struct race_peer *peer, unsigned number, const struct sip_message *m,
		   unsigned status)
{
	struct race_dialog *dialog = number < RACE_DIALOGS ? &peer->dialogs[number] : NULL;
	struct race_server *server;

	if (peer->n_servers == RACE_REQUESTS) {
		race_complain(peer, "more requests received than one run can have");
		return;
	}
	server = &peer->servers[peer->n_servers++];
	server->method = m->method;
	server->dialog = (uint8_t)number;
	server->awaits_ack = m->method == SIP_INVITE;
	server->awaits_answer = server->awaits_ack && status < 300 && !m->body.len;
	server->status = (uint16_t)status;
	server->cseq = m->cseq;
	server->interval_ms = T1_MS;
	server->again_ms = server->awaits_ack ? peer->now_ms + T1_MS : RACE_NEVER;
	server->give_up_ms = server->awaits_ack ? peer->now_ms + GIVE_UP_MS : RACE_NEVER;
	set(server->branch, m->via.branch);
	server->len = race_write_response(peer, dialog, m, status, server->bytes);
	send(peer, server->bytes, server->len);
}

static unsigned dialog_of(const struct race_peer *peer, const struct sip_message *m)
{
	for (unsigned i = 0; i < RACE_DIALOGS; i++) {
		const struct race_dialog *dialog = &peer->dialogs[i];

		if (dialog->state != RACE_DIALOG_UNUSED && same(dialog->call_id, m->call_id) &&
		    same(dialog->local_tag, m->to_tag) && same(dialog->remote_tag, m->from_tag))
			return i;
	}
	return RACE_DIALOGS;
}

static void be_invited(struct race_peer *peer, const struct sip_message *m)
{
	unsigned number = 0;
	struct race_dialog *dialog;

	while (number < RACE_DIALOGS && peer->dialogs[number].state != RACE_DIALOG_UNUSED)
		number++;
	if (number == RACE_DIALOGS) {
		race_complain(peer, "an INVITE too many");
		answer(peer, number, m, 486);
		return;
	}
	dialog = &peer->dialogs[number];
	dialog->state = RACE_DIALOG_CONFIRMED;
	dialog->is_caller = false;
	set(dialog->call_id, m->call_id);
	snprintf(dialog->local_tag, RACE_NAME_BYTES, "%u%u%u", peer->name, number, peer->run);
	set(dialog->remote_tag, m->from_tag);
	set(dialog->local_uri, m->to_uri);
	set(dialog->remote_uri, m->from_uri);
	set(dialog->target, uri_in(sip_value(m, SIP_HEADER_CONTACT)));
	dialog->remote_cseq = m->cseq;
	dialog->has_remote_cseq = true;
	if (sip_first(m, SIP_HEADER_RECORD_ROUTE))
		race_complain(peer, "a back-to-back user agent does not record-route");
	race_take_description(peer, dialog, m->body);
	dialog->peer_media_port = race_media_port(m->body);
	answer(peer, number, m, 200);
}

static void offered(struct race_peer *peer, unsigned number, const struct sip_message *m)
{
	struct race_dialog *dialog = &peer->dialogs[number];
	bool own = false, theirs = false;

	for (unsigned i = 0; i < peer->n_clients; i++)
		own |= peer->clients[i].dialog == number && peer->clients[i].method == SIP_INVITE &&
		       peer->clients[i].is_live && !peer->clients[i].status;
	for (unsigned i = 0; i < peer->n_servers; i++)
		theirs |= peer->servers[i].dialog == number && peer->servers[i].awaits_answer;
	if (own || theirs) { /* RFC 3261 §14.2 */
		answer(peer, number, m, own ? 491 : 500);
		return;
	}
	if (peer->refuses_next) {
		peer->refuses_next = false;
		answer(peer, number, m, 488);
		return;
	}
	if (sip_first(m, SIP_HEADER_CONTACT))
		set(dialog->target, uri_in(sip_value(m, SIP_HEADER_CONTACT)));
	if (m->body.len) {
		race_take_description(peer, dialog, m->body);
		dialog->peer_media_port = race_media_port(m->body);
	}
	answer(peer, number, m, 200);
}

/* RFC 3261 §15: a session that is over repeats its 2xx no more. */
static void stop_repeating(struct race_peer *peer, unsigned number)
{
	for (unsigned i = 0; i < peer->n_servers; i++) {
		struct race_server *server = &peer->servers[i];

		if (server->dialog != number || server->status / 100 != 2)
			continue;
		server->awaits_ack = server->awaits_answer = false;
		server->again_ms = server->give_up_ms = RACE_NEVER;
	}
}

static void request_in_its_dialog(struct race_peer *peer, unsigned number,
				  const struct sip_message *m)
{
	struct race_dialog *dialog = &peer->dialogs[number];

	if (dialog->has_remote_cseq && m->cseq <= dialog->remote_cseq) {
		/* On UDP a request may be overtaken; what goes wrong is the number of the later one. */
		answer(peer, number, m, 500);
		return;
	}
	dialog->has_remote_cseq = true;
	dialog->remote_cseq = m->cseq;
	if (m->method == SIP_BYE) {
		/* RFC 5407 §3.2.1: also while our own BYE is under way. */
		bool known = dialog->state == RACE_DIALOG_CONFIRMED ||
			     dialog->state == RACE_DIALOG_LEAVING;

		answer(peer, number, m, known ? 200 : 481);
		if (dialog->state == RACE_DIALOG_CONFIRMED)
			dialog->state = RACE_DIALOG_ENDED;
		dialog->reinvite_again_ms = RACE_NEVER;
		stop_repeating(peer, number);
	} else if (dialog->state != RACE_DIALOG_CONFIRMED) {
		answer(peer, number, m, 481);
	} else if (m->method == SIP_INVITE || (m->method == SIP_UPDATE && m->body.len)) {
		offered(peer, number, m);
	} else {
		answer(peer, number, m, 200);
	}
}

static void receive_ack(struct race_peer *peer, const struct sip_message *m)
{
	struct race_server *server = server_of(peer, m);
	unsigned number = dialog_of(peer, m);

	for (unsigned i = 0; !server && i < peer->n_servers; i++)
		if (peer->servers[i].dialog == number && peer->servers[i].method == SIP_INVITE &&
		    peer->servers[i].cseq == m->cseq && peer->servers[i].status / 100 == 2)
			server = &peer->servers[i];
	if (!server) {
		race_complain(peer, "an ACK for nothing (CSeq %u)", m->cseq);
		return;
	}
	if (server->awaits_answer && m->body.len) {
		race_take_description(peer, &peer->dialogs[server->dialog], m->body);
		peer->dialogs[server->dialog].peer_media_port = race_media_port(m->body);
	} else if (server->awaits_answer) {
		race_complain(peer, "an ACK without the answer that was due");
	}
	server->awaits_ack = server->awaits_answer = false;
	server->again_ms = server->give_up_ms = RACE_NEVER;
}

static void receive_request(struct race_peer *peer, const struct sip_message *m)
{
	struct race_server *server = server_of(peer, m);
	unsigned number;

	if (m->method == SIP_ACK) {
		receive_ack(peer, m);
		return;
	}
	if (m->method == SIP_CANCEL) {
		answer(peer, RACE_DIALOGS, m, server ? 200 : 481);
		return;
	}
	if (server) { /* the same again */
		send(peer, server->bytes, server->len);
		return;
	}
	if (m->max_forwards == SIP_NO_MAX_FORWARDS)
		race_complain(peer, "a request without Max-Forwards");
	number = dialog_of(peer, m);
	if (number < RACE_DIALOGS)
		request_in_its_dialog(peer, number, m);
	else if (m->to_tag.len)
		answer(peer, number, m, 481);
	else if (m->method == SIP_INVITE)
		be_invited(peer, m);
	else
		answer(peer, number, m, 200);
}

void race_peer_receive(struct race_peer *peer, uint64_t now_ms, struct text bytes)
{
	struct sip_message *m = &peer->message;

	peer->now_ms = now_ms;
	if (sip_parse(m, bytes.at, bytes.len, SIP_DATAGRAM) != SIP_OK) {
		race_complain(peer, "a malformed message: %s",
			      m->fault_reason ? m->fault_reason : "");
		return;
	}
	if (m->is_request)
		receive_request(peer, m);
	else
		receive_response(peer, m);
}

/* ---------------------------------------------------------------- time */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t race_peer_deadline(const struct race_peer *peer)
{
	uint64_t at = RACE_NEVER;

	for (unsigned i = 0; i < peer->n_clients; i++)
		at = earlier(at, earlier(peer->clients[i].again_ms, peer->clients[i].give_up_ms));
	for (unsigned i = 0; i < peer->n_servers; i++)
		at = earlier(at, earlier(peer->servers[i].again_ms, peer->servers[i].give_up_ms));
	for (unsigned i = 0; i < RACE_DIALOGS; i++)
		at = earlier(at, peer->dialogs[i].reinvite_again_ms);
	return at;
}

/* Whoever left with BYE does not care any more what became of its re-INVITE; that the server has answered is looked at where the server is. */
static bool still_matters(const struct race_peer *peer, const struct race_client *client)
{
	const struct race_dialog *dialog = &peer->dialogs[client->dialog];

	return client->method != SIP_INVITE || dialog->state == RACE_DIALOG_CONFIRMED ||
	       dialog->state == RACE_DIALOG_INVITED;
}

static void expire_client(struct race_peer *peer, struct race_client *client)
{
	if (client->give_up_ms <= peer->now_ms) {
		if (still_matters(peer, client))
			race_complain(peer, "%s was never answered",
				      sip_method_name((enum sip_method)client->method));
		client->again_ms = client->give_up_ms = RACE_NEVER;
		client->is_live = false;
		if (client->method == SIP_BYE)
			peer->dialogs[client->dialog].state = RACE_DIALOG_ENDED;
	} else if (client->again_ms <= peer->now_ms) {
		client->interval_ms *= 2;
		if (client->method != SIP_INVITE && client->interval_ms > T2_MS)
			client->interval_ms = T2_MS;
		client->again_ms = peer->now_ms + client->interval_ms;
		send(peer, client->bytes, client->len);
	}
}

static void expire_server(struct race_peer *peer, struct race_server *server)
{
	if (server->give_up_ms <= peer->now_ms) {
		race_complain(peer, "no ACK for the %u to INVITE", server->status);
		server->again_ms = server->give_up_ms = RACE_NEVER;
	} else if (server->again_ms <= peer->now_ms) {
		server->interval_ms =
			server->interval_ms * 2 > T2_MS ? T2_MS : server->interval_ms * 2;
		server->again_ms = peer->now_ms + server->interval_ms;
		send(peer, server->bytes, server->len);
	}
}

void race_peer_expire(struct race_peer *peer, uint64_t now_ms)
{
	peer->now_ms = now_ms;
	for (unsigned i = 0; i < peer->n_clients; i++)
		expire_client(peer, &peer->clients[i]);
	for (unsigned i = 0; i < peer->n_servers; i++)
		expire_server(peer, &peer->servers[i]);
	for (unsigned i = 0; i < RACE_DIALOGS; i++) {
		struct race_dialog *dialog = &peer->dialogs[i];

		if (dialog->reinvite_again_ms > now_ms)
			continue;
		dialog->reinvite_again_ms = RACE_NEVER;
		if (race_peer_can_reinvite(peer, i))
			race_peer_reinvite(peer, now_ms, i, dialog->reinvite_lines);
	}
}

void race_peer_look_back(struct race_peer *peer)
{
	for (unsigned i = 0; i < peer->n_clients; i++)
		if (peer->clients[i].is_live && !peer->clients[i].status &&
		    still_matters(peer, &peer->clients[i]))
			race_complain(peer, "%s has no final response",
				      sip_method_name((enum sip_method)peer->clients[i].method));
	for (unsigned i = 0; i < peer->n_servers; i++)
		if (peer->servers[i].awaits_ack)
			race_complain(peer, "no ACK for the %u to INVITE", peer->servers[i].status);
}
