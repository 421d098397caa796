/* A back-to-back user agent as application server, TS 24.229 §5.7.5: a dialog on each side, with Call-ID, tags, Contact and numbers of its own; it answers a BYE at once and
 * says its own on the other side. Each side is a dialog of the user agent underneath, with all its complaints. */
#include "server_parts.h"

#include <assert.h>
#include <stdlib.h>

/* A request and what it became on the other side. */
struct relayed {
	struct server *server;
	struct ue_server *asked;
	struct ue_client *asking; /* NULL: later */
};

/* The two sides of a call: 'a' called us, 'b' is called by us. */
struct pair {
	struct ue_dialog *a, *b; /* b: NULL before its 2xx */
	uint32_t call_b;         /* UE_NONE: later */
	bool bye_waits;          /* for the ACK of a (RFC 3261 §15) */
};

struct b2bua {
	struct relayed **relayed;
	unsigned n_relayed;
	struct pair **pairs;
	unsigned n_pairs;
};

struct b2bua *b2bua_open(void)
{
	struct b2bua *b2bua = calloc(1, sizeof(*b2bua));

	assert(b2bua);
	return b2bua;
}

void b2bua_close(struct b2bua *b2bua)
{
	if (!b2bua)
		return;
	for (unsigned i = 0; i < b2bua->n_relayed; i++)
		free(b2bua->relayed[i]);
	for (unsigned i = 0; i < b2bua->n_pairs; i++)
		free(b2bua->pairs[i]);
	free(b2bua->relayed);
	free(b2bua->pairs);
	free(b2bua);
}

static struct relayed *add_relayed(struct server *server, struct ue_server *asked)
{
	struct b2bua *b2bua = server->b2bua;
	struct relayed *relayed = calloc(1, sizeof(*relayed));

	b2bua->relayed = realloc(b2bua->relayed, (b2bua->n_relayed + 1) * sizeof(struct relayed *));
	assert(relayed && b2bua->relayed);
	b2bua->relayed[b2bua->n_relayed++] = relayed;
	*relayed = (struct relayed){.server = server, .asked = asked};
	return relayed;
}

static void add_pair(struct server *server, struct ue_dialog *a)
{
	struct b2bua *b2bua = server->b2bua;
	struct pair *pair = calloc(1, sizeof(*pair));

	b2bua->pairs = realloc(b2bua->pairs, (b2bua->n_pairs + 1) * sizeof(struct pair *));
	assert(pair && b2bua->pairs);
	b2bua->pairs[b2bua->n_pairs++] = pair;
	*pair = (struct pair){.a = a, .call_b = UE_NONE};
}

/* The pair that this dialog is a side of. */
static struct pair *pair_of(struct server *server, const struct ue_dialog *dialog)
{
	for (unsigned i = 0; dialog && i < server->b2bua->n_pairs; i++) {
		struct pair *pair = server->b2bua->pairs[i];

		if (pair->a == dialog || pair->call_b == dialog->call)
			return pair;
	}
	return NULL;
}

static struct ue_dialog *other_side(struct server *server, const struct pair *pair,
				    const struct ue_dialog *dialog)
{
	if (pair->a != dialog)
		return pair->a;
	if (pair->b)
		return pair->b;
	return pair->call_b == UE_NONE ? NULL : ue_dialog_of_call(server->ue, pair->call_b);
}

/* ------------------------------------------------------------------ what is taken over */

static bool is_of_one_side(enum sip_header header)
{
	switch (header) {
	case SIP_HEADER_VIA:
	case SIP_HEADER_FROM:
	case SIP_HEADER_TO:
	case SIP_HEADER_CALL_ID:
	case SIP_HEADER_CSEQ:
	case SIP_HEADER_MAX_FORWARDS:
	case SIP_HEADER_CONTACT:
	case SIP_HEADER_ROUTE:
	case SIP_HEADER_RECORD_ROUTE:
	case SIP_HEADER_CONTENT_LENGTH:
	case SIP_HEADER_CONTENT_TYPE:
	case SIP_HEADER_REQUIRE:
	case SIP_HEADER_SUPPORTED:
	case SIP_HEADER_RSEQ:
	case SIP_HEADER_RACK: return true;
	default: return false;
	}
}

/* All options but 100rel, which each side would have to do by itself. */
static void put_options(const struct sip_message *m, enum sip_header header, struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, header);
	struct text value;

	while (sip_list_next(&list, &value))
		if (!text_equal_nocase(value, TEXT("100rel")))
			text_printf(w, "%s: %.*s\r\n", sip_header_name(header), TEXT_ARGS(value));
}

static const char *taken_over(const struct sip_message *m, char ret[UE_LINES])
{
	struct text_writer w = text_writer_on(ret, UE_LINES - 1);

	for (unsigned i = 0; i < m->n_fields; i++)
		if (!is_of_one_side((enum sip_header)m->fields[i].header) ||
		    (m->fields[i].header == SIP_HEADER_CONTACT && m->status / 100 == 3))
			text_put(&w, text_between(m->bytes.at + m->fields[i].begin,
						  m->bytes.at + m->fields[i].end));
	put_options(m, SIP_HEADER_SUPPORTED, &w);
	put_options(m, SIP_HEADER_REQUIRE, &w);
	ret[w.len] = 0;
	return ret;
}

/* ------------------------------------------------------------------ what begins something */

/* The Route without our own value. */
static void put_rest_of_route(const struct sip_message *m, char ret[UE_ROUTE_SET])
{
	struct text routes[LIMIT_LIST_VALUES];
	unsigned n = server_routes(m, routes);
	struct text_writer w = text_writer_on(ret, UE_ROUTE_SET - 1);

	for (unsigned i = 1; i < n; i++)
		text_printf(&w, "%s%.*s", i > 1 ? ", " : "", TEXT_ARGS(routes[i]));
	ret[w.len] = 0;
}

static uint32_t write_anew(struct server *server, const struct sip_message *m,
			   const struct ue_call *call, char buffer[UE_MESSAGE],
			   struct endpoint *ret_to)
{
	struct ue *ue = server->ue;
	char from[1200], to[1200], branch[64], lines[UE_LINES], body[8192], target[UE_URI];
	char rest[UE_ROUTE_SET], uri[UE_URI], route[UE_ROUTE_SET];
	struct text_writer w = text_writer_on(buffer, UE_MESSAGE);

	ue_set_text(target, sizeof(target), server->uri[0] ? text_of(server->uri) : m->request_uri);
	ue_set_text(body, sizeof(body), m->body);
	put_rest_of_route(m, rest);
	if (!ue_route(ue, target, rest, uri, route, ret_to))
		return 0;
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	snprintf(from, sizeof(from), "<%.*s>;tag=%s", TEXT_ARGS(m->from_uri), call->local_tag);
	ue_set_text(to, sizeof(to), m->to);
	ue_write(ue,
		 &(struct ue_writing){
			 .method = (enum sip_method)m->method,
			 .uri = uri,
			 .route = route,
			 .from = from,
			 .to = to,
			 .call_id = call->call_id,
			 .cseq = 1,
			 .branch = branch,
			 .lines = taken_over(m, lines),
			 .body = m->body.len ? body : NULL,
			 .max_forwards = (int)(m->max_forwards > 70 ? 70 : m->max_forwards - 1),
			 .with_contact = m->method == SIP_INVITE,
			 .contact = ue->contact,
			 .transport = ret_to->transport},
		 &w);
	return w.full ? 0 : w.len;
}

static void go_on(struct relayed *relayed)
{
	struct server *server = relayed->server;
	struct ue *ue = server->ue;
	struct ue_server *asked = relayed->asked;
	struct pair *pair = pair_of(server, asked->dialog);
	char buffer[UE_MESSAGE];
	struct sip_message m;
	struct endpoint to = {0};
	struct ue_call *call;
	uint32_t len;

	if (asked->is_answered)
		return;
	sip_parse(&m, asked->request, asked->request_len, SIP_DATAGRAM);
	call = ue_call_begin(ue, NULL);
	if (pair)
		pair->call_b = ue->n_calls - 1;
	len = m.max_forwards ? write_anew(server, &m, call, buffer, &to) : 0;
	if (!len) {
		ue_violation(ue, "no way on for %.*s", TEXT_ARGS(m.method_name));
		ue_server_answer(asked, 500, NULL);
		return;
	}
	relayed->asking = ue_client_start(ue, (enum sip_method)m.method, buffer, len, &to);
	relayed->asking->call = ue->n_calls - 1;
}

static void go_on_later(void *self, uint64_t a, uint64_t b)
{
	(void)a, (void)b;
	go_on(self);
}

static bool is_invited(void *self, struct ue_server *asked, const struct sip_message *m)
{
	struct server *server = self;
	const struct server_options *options = &server->options;
	struct relayed *relayed;

	if (server_is_own(server->ue, m->request_uri))
		return false;
	relayed = add_relayed(server, asked);
	if (asked->dialog)
		add_pair(server, asked->dialog);
	if (m->method == SIP_INVITE)
		ue_server_answer(asked, 100, NULL);
	if (!options->late_ms) {
		go_on(relayed);
		return true;
	}
	if (options->late_status > 100)
		ue_server_answer(asked, options->late_status, NULL);
	world_at(server->ue->world, world_now(server->ue->world) + options->late_ms, go_on_later,
		 relayed, NULL);
	return true;
}

/* ------------------------------------------------------------------ inside the dialogs */

static bool is_asked(void *self, struct ue_server *asked, const struct sip_message *m)
{
	struct server *server = self;
	struct ue *ue = server->ue;
	struct pair *pair = pair_of(server, asked->dialog);
	struct ue_dialog *other = pair ? other_side(server, pair, asked->dialog) : NULL;
	char lines[UE_LINES];

	if (asked->method == SIP_INVITE && ue_has_own_invite(ue, asked->dialog)) {
		ue_server_answer(asked, 491, NULL);
		return true;
	}
	if (!other ||
	    !ue_request(ue, other,
			&(struct ue_request_in_dialog){.method = (enum sip_method)m->method,
						       .with_sdp = m->body.len > 0,
						       .lines = taken_over(m, lines)})) {
		ue_server_answer(asked, 481, NULL);
		return true;
	}
	add_relayed(server, asked)->asking = ue->clients[ue->n_clients - 1];
	return true;
}

static void answer_on(struct relayed *relayed, unsigned status, const struct sip_message *m)
{
	struct ue *ue = relayed->server->ue;
	struct ue_server *asked = relayed->asked;
	char lines[UE_LINES];
	struct sip_message request;

	if (status > 100 && status < 200 && asked->call != UE_NONE &&
	    ue->calls[asked->call]->state == UE_CALL_TRYING)
		ue->calls[asked->call]->state = UE_CALL_RINGING;
	if (status / 100 == 2 && asked->dialog && asked->dialog->state != UE_EARLY &&
	    sip_method_refreshes_target((enum sip_method)asked->method)) {
		sip_parse(&request, asked->request, asked->request_len, SIP_DATAGRAM);
		ue_dialog_take_target(asked->dialog, &request);
	}
	ue_server_answer(asked, status, m ? taken_over(m, lines) : NULL);
}

static void is_answered(void *self, struct ue_client *client, const struct sip_message *m)
{
	struct server *server = self;
	struct relayed *relayed = NULL;
	struct pair *pair;

	for (unsigned i = 0; i < server->b2bua->n_relayed; i++)
		if (server->b2bua->relayed[i]->asking == client)
			relayed = server->b2bua->relayed[i];
	if (!relayed || relayed->asked->is_answered || (m && m->status == 100))
		return;
	if (!m && client->method != SIP_INVITE)
		return; /* RFC 4320 §4.1 */
	pair = pair_of(server, relayed->asked->dialog);
	if (m && m->status / 100 == 2 && pair && !pair->b && client->method == SIP_INVITE)
		pair->b = ue_dialog_find(server->ue, m->call_id, m->from_tag, m->to_tag);
	answer_on(relayed, m ? m->status : 408, m);
}

static void is_cancelled(void *self, struct ue_server *invite)
{
	struct server *server = self;
	struct pair *pair = pair_of(server, invite->dialog);

	if (pair && pair->call_b != UE_NONE)
		ue_cancel(server->ue, pair->call_b, NULL);
}

static void end_b(struct server *server, struct pair *pair)
{
	if (pair->call_b == UE_NONE)
		return;
	if (!ue_hang_up(server->ue, pair->call_b, false))
		ue_cancel(server->ue, pair->call_b, NULL);
}

static void end_a(struct server *server, struct pair *pair)
{
	if (pair->a->state == UE_ANSWERED)
		pair->bye_waits = true;
	else if (pair->a->state == UE_CONFIRMED)
		ue_request(server->ue, pair->a, &(struct ue_request_in_dialog){.method = SIP_BYE});
}

static void dialog_ended(void *self, struct ue_dialog *dialog)
{
	struct server *server = self;
	struct pair *pair = pair_of(server, dialog);

	if (pair && pair->a == dialog)
		end_b(server, pair);
	else if (pair && pair->b == dialog)
		end_a(server, pair);
}

static void is_acknowledged(void *self, struct ue_dialog *dialog)
{
	struct server *server = self;
	struct pair *pair = pair_of(server, dialog);

	if (pair && pair->a == dialog && pair->bye_waits)
		end_a(server, pair);
}

const struct ue_service b2bua_service = {
	.is_invited = is_invited,
	.is_asked = is_asked,
	.is_cancelled = is_cancelled,
	.is_acknowledged = is_acknowledged,
	.dialog_ended = dialog_ended,
	.is_answered = is_answered,
};
