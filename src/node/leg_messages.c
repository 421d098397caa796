/* Messages on legs of ours: RFC 3261 §8.1.1, §8.2.6, §12.2.1.1, TS 24.229 §5.7.5. What passes from one leg to
 * another keeps its header fields but for those that belong to a dialog, a hop or a transaction. */
#include "node/legs.h"

struct text leg_contact_of(const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct text value;

	if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
	    address.uri.len <= LIMIT_URI_BYTES)
		return address.uri;
	return (struct text){0};
}

bool leg_put_route_set(const struct sip_message *m, struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_RECORD_ROUTE);
	struct text values[LIMIT_LIST_VALUES], value;
	unsigned n = 0;

	while (sip_list_next(&list, &value)) {
		if (n == LIMIT_LIST_VALUES)
			return false;
		values[n++] = value;
	}
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			text_put_literal(w, ", ");
		text_put(w, values[m->is_request ? i : n - 1 - i]);
	}
	return !w->full;
}

struct text leg_put_local(struct node *node, struct text value, struct text_writer *w)
{
	uint32_t begin = w->len;
	struct sip_name_addr address;

	/* A bare addr-spec with parameters would take the tag for one of its own. */
	if (sip_name_addr_parse(value, &address)) {
		text_put(w, address.display);
		if (address.display.len)
			text_put_char(w, ' '); /* a token wants it (RFC 3261 §25.1) */
		text_put_char(w, '<');
		text_put(w, address.uri);
		text_put_char(w, '>');
	}
	text_put_literal(w, ";tag=ad-");
	text_put_hex(w, random_u64(&node->random));
	return w->full ? (struct text){0} : (struct text){w->at + begin, w->len - begin};
}

/* ---------------------------------------------------------------- what passes */

/* Of the dialog, the hop or the transaction; the served user was said to us alone (RFC 5502 §4). */
static bool stays_behind(unsigned header)
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
	case SIP_HEADER_RACK:
	case SIP_HEADER_P_SERVED_USER: return true;
	default: return false;
	}
}

/* Contact of a redirection, or of 485, names other places to try, and is no remote target. */
static bool is_redirecting(const struct sip_message *m)
{
	return !m->is_request && ((m->status >= 300 && m->status < 400) || m->status == 485);
}

static void put_passing_fields(struct text_writer *w, const struct sip_message *m, bool with_type)
{
	bool with_contacts = is_redirecting(m);

	for (unsigned i = 0; i < m->n_fields; i++) {
		const struct sip_field *f = &m->fields[i];

		if ((stays_behind(f->header) &&
		     !(with_contacts && f->header == SIP_HEADER_CONTACT)) ||
		    (f->header == SIP_HEADER_CONTENT_TYPE && !with_type))
			continue;
		text_put(w, (struct text){m->bytes.at + f->begin, f->end - f->begin});
	}
}

static void put_contact(struct text_writer *w, const struct node *node, uint8_t local,
			const struct sip_message *passing, struct text params)
{
	const struct endpoint *e = &node->settings->listen[local];
	struct sip_name_addr address;
	struct sip_list list;
	struct text value;

	text_put_literal(w, "Contact: <sip:");
	endpoint_put(w, e);
	if (e->transport != TRANSPORT_UDP) {
		text_put_literal(w, ";transport=");
		text_put(w, text_of(transport_parameter(e->transport)));
	}
	text_put_char(w, '>');
	text_put(w, params);
	if (passing) { /* what the other party can do, for the features of TS 24.237 §6 */
		list = sip_list_of(passing, SIP_HEADER_CONTACT);
		if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address))
			text_put(w, address.params);
	}
	text_put_literal(w, "\r\n");
}

static void put_number(struct text_writer *w, const char *name, uint32_t n)
{
	text_put(w, text_of(name));
	text_put_literal(w, ": ");
	text_put_u64(w, n);
	text_put_literal(w, "\r\n");
}

static void put_field(struct text_writer *w, const char *name, struct text value)
{
	if (!value.len)
		return;
	text_put(w, text_of(name));
	text_put_literal(w, ": ");
	text_put(w, value);
	text_put_literal(w, "\r\n");
}

static bool may_have_contact(enum sip_method method)
{
	return method == SIP_INVITE || method == SIP_UPDATE || method == SIP_SUBSCRIBE ||
	       method == SIP_NOTIFY || method == SIP_REFER;
}

/* The body that goes out, and what it is. @req AS-2d */
struct outgoing_body {
	struct text content, type;
	struct text before,
		behind; /* the other parts, where `content` replaces one of a multipart */
	bool passes;    /* untouched, its Content-Type among the fields that pass */
};

static struct outgoing_body outgoing_body(struct text content, struct text type,
					  const struct sip_message *passing)
{
	struct outgoing_body out = {.content = content, .type = type};
	struct text part, whole;

	if (!passing)
		return out;
	whole = passing->body;
	if (!content.len) {
		out.content = whole;
		out.passes = whole.len > 0;
		return out;
	}
	part = sip_session_description(passing);
	if (!type.len && part.len && part.at != whole.at) {
		out.passes = true;
		out.before = text_between(whole.at, part.at);
		out.behind = text_between(part.at + part.len, whole.at + whole.len);
	}
	return out;
}

static void put_body(struct text_writer *w, const struct outgoing_body *out)
{
	if (out->content.len && !out->passes)
		put_field(w, "Content-Type", out->type.len ? out->type : TEXT("application/sdp"));
	put_number(w, "Content-Length", out->before.len + out->content.len + out->behind.len);
	text_put_literal(w, "\r\n");
	text_put(w, out->before);
	text_put(w, out->content);
	text_put(w, out->behind);
}

/* ---------------------------------------------------------------- requests */

/* @req RF-14  RFC 3262 §7.2: RAck names the INVITE by its number, which differs from leg to leg. */
static void put_rack(struct text_writer *w, const struct sip_message *m, uint32_t invite_cseq)
{
	struct text value = sip_value(m, SIP_HEADER_RACK);

	value.len = text_find(value, ' ');
	text_put_literal(w, "RAck: ");
	text_put(w, value);
	text_put_char(w, ' ');
	text_put_u64(w, invite_cseq);
	text_put_literal(w, " INVITE\r\n");
}

static void write_request(struct node *node, const struct leg_place *at,
			  const struct leg_request *r, struct text request_uri, struct text route,
			  struct text via, uint8_t local, struct text_writer *w)
{
	const struct sip_message *m = r->passing;
	struct outgoing_body body = outgoing_body(r->body, r->content_type, m);
	uint32_t hops = m && m->max_forwards != SIP_NO_MAX_FORWARDS ? m->max_forwards : 71;

	text_put(w, m && r->method == SIP_METHOD_OTHER ? m->method_name
						       : text_of(sip_method_name(r->method)));
	text_put_char(w, ' ');
	text_put(w, request_uri);
	text_put_literal(w, " SIP/2.0\r\n");
	put_field(w, "Via", via);
	put_number(w, "Max-Forwards", hops ? hops - 1 : 0); /* only an ACK comes here with 0 */
	put_field(w, "Route", route);
	put_field(w, "From", leg_text(at->leg, LEG_LOCAL));
	put_field(w, "To", leg_text(at->leg, LEG_REMOTE));
	put_field(w, "Call-ID", leg_text(at->leg, LEG_CALL_ID));
	text_put_literal(w, "CSeq: ");
	text_put_u64(w, r->cseq);
	text_put_char(w, ' ');
	text_put(w, m && r->method == SIP_METHOD_OTHER ? m->method_name
						       : text_of(sip_method_name(r->method)));
	text_put_literal(w, "\r\n");
	if (may_have_contact(r->method))
		put_contact(w, node, local, m, (struct text){0});
	if (m && r->method == SIP_PRACK)
		put_rack(w, m, at->leg->invite_cseq);
	if (m)
		put_passing_fields(w, m, body.passes);
	text_put(w, r->lines);
	put_body(w, &body);
}

/* The calling leg under the tag that belongs to a fork of the other. */
static struct text local_value(const struct leg_place *at, struct text_writer *w)
{
	text_put(w, leg_text(at->leg, LEG_LOCAL));
	if (at->fork && at->leg->is_calling) {
		text_put_char(w, '-');
		text_put_u64(w, at->fork);
	}
	return text_written(w);
}

static bool find_way(struct node *node, const struct leg_place *at, const struct leg_request *r,
		     struct text_writer *routes, struct text *ret_uri, struct text *ret_route,
		     struct next_hop *ret_hop)
{
	uint32_t bytes = 512u + r->body.len + (r->passing ? r->passing->bytes.len : 0);
	struct text next;

	if (!r->request_uri.len) {
		if (!leg_route(at->leg, routes, ret_uri, ret_route, &next))
			return false;
	} else {
		struct sip_name_addr address;
		struct text rest = r->route, first;

		*ret_uri = next = r->request_uri;
		*ret_route = r->route;
		if (sip_text_list_next(&rest, &first) && sip_name_addr_parse(first, &address))
			next = address.uri;
	}
	return addressing_next_hop_of(node, ROLE_SCCAS, next, bytes, ret_hop);
}

static void journal_sent(struct node *node, const struct leg_place *at, const struct leg_request *r)
{
	uint32_t cseq = r->from_leg ? r->from_cseq : r->cseq;
	struct journal_record record = {.kind = JOURNAL_REQUEST,
					.from = r->from_leg,
					.to = at->leg->number,
					.method = (uint8_t)r->method,
					.cseq = cseq,
					.cseq_onward = cseq == r->cseq ? 0 : r->cseq,
					.clause = (uint8_t)r->clause};

	session_journal(node, at->session,
			r->passing ? journal_with_reason(record, r->passing)
				   : journal_with_reason_lines(record, r->lines));
}

static struct client_transaction *send_in_transaction(struct node *node, const struct leg_place *at,
						      const struct leg_request *r,
						      struct client_transaction *client,
						      const struct next_hop *hop,
						      struct text_writer *w)
{
	client->owner = CLIENT_OF_LEG;
	client->cseq = r->cseq;
	client->side = (uint8_t)at->which;
	client->fork = at->fork;
	client->leg = at->leg->number;
	client->session = pool_handle(node->sessions, at->session);
	client->server = NO_HANDLE;
	if (!client_begin(node, client, hop, r->method, w)) {
		client_end(node, client);
		return NULL;
	}
	journal_sent(node, at, r);
	client->owned = r->server; /* not linked as a branch: one request, one answer */
	return client;
}

struct client_transaction *leg_send(struct node *node, const struct leg_place *at,
				    const struct leg_request *r)
{
	char branch_bytes[BRANCH_BYTES_MAX], via_bytes[BRANCH_BYTES_MAX + 128];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct text_writer via = text_writer_on(via_bytes, sizeof(via_bytes));
	struct text_writer routes = text_writer_on(node->scratch2, SCRATCH_BYTES);
	struct client_transaction *client = NULL;
	struct text request_uri, route;
	struct next_hop hop;
	struct text_writer w;

	if (!find_way(node, at, r, &routes, &request_uri, &route, &hop))
		return NULL;
	if (r->method != SIP_ACK && !(client = client_take(node)))
		return NULL;
	if (client)
		client->loop_hash = (uint32_t)random_u64(&node->random);
	branch_put(&branch, node,
		   client ? client_handle(node, client)
			  : (struct handle){r->cseq, (uint32_t)random_u64(&node->random)},
		   client ? client->loop_hash : 0);
	addressing_put_via(&via, node, hop.local, text_written(&branch));
	w = outbox_writer(node);
	write_request(node, at, r, request_uri, route, text_written(&via), hop.local, &w);
	if (client)
		return send_in_transaction(node, at, r, client, &hop, &w);
	journal_sent(node, at, r);
	outbox_send(node, &w, &hop.to, hop.local);
	return NULL;
}

/* ---------------------------------------------------------------- responses */

static void put_vias(struct text_writer *w, const struct sip_message *request,
		     const struct endpoint *source, struct text_writer *words)
{
	bool is_first = true;

	for (const struct sip_field *f = sip_first(request, SIP_HEADER_VIA); f;
	     f = sip_next(request, f)) {
		struct text whole = request->via.whole, value = f->value;

		text_put_literal(w, "Via: ");
		if (is_first) {
			text_put(w, addressing_top_via(request, source, words));
			value = text_between(whole.at + whole.len, value.at + value.len);
		}
		text_put(w, value);
		text_put_literal(w, "\r\n");
		is_first = false;
	}
}

static void put_record_routes(struct text_writer *w, const struct sip_message *request)
{
	for (const struct sip_field *f = sip_first(request, SIP_HEADER_RECORD_ROUTE); f;
	     f = sip_next(request, f))
		put_field(w, "Record-Route", f->value);
}

/* RFC 3261 §8.2.6.2, §12.1.1 */
static void write_response(struct node *node, const struct server_transaction *server,
			   const struct leg_place *at, const struct leg_response *r,
			   struct text_writer *w)
{
	const struct sip_message *request = &node->other, *m = r->passing;
	struct text_writer words = text_writer_on(node->scratch2, SCRATCH_BYTES);
	char local_bytes[LIMIT_FIELD_BYTES + 16];
	struct text_writer local = text_writer_on(local_bytes, sizeof(local_bytes));
	struct outgoing_body body = outgoing_body(r->body, (struct text){0}, m);
	struct text phrase = r->reason_phrase.len ? r->reason_phrase
			     : m                  ? m->reason_phrase
						  : text_of(sip_reason_phrase(r->status));
	struct leg_place fork = *at;
	struct endpoint source = server->peer;

	source.port = server->source_port;
	fork.fork = r->fork;
	text_put_literal(w, "SIP/2.0 ");
	text_put_u64(w, r->status);
	text_put_char(w, ' ');
	text_put(w, phrase);
	text_put_literal(w, "\r\n");
	put_vias(w, request, &source, &words);
	if (server->method == SIP_INVITE && request->to_tag.len == 0)
		put_record_routes(w, request);
	put_field(w, "From", request->from);
	put_field(w, "To",
		  request->to_tag.len || r->status == 100 ? request->to
							  : local_value(&fork, &local));
	put_field(w, "Call-ID", request->call_id);
	put_field(w, "CSeq", sip_value(request, SIP_HEADER_CSEQ));
	if (may_have_contact((enum sip_method)server->method) && r->status > 100 && r->status < 300)
		put_contact(w, node, server->local, m, r->contact_params);
	if (m)
		put_passing_fields(w, m, body.passes);
	text_put(w, r->lines);
	put_body(w, &body);
}

void leg_answer(struct node *node, struct server_transaction *server, const struct leg_place *at,
		const struct leg_response *response)
{
	struct text_writer w;

	if (!server_machine_may_send(&server->machine, response->status))
		return;
	if (!server->request) { /* a 2xx again: as it was sent */
		if (server->response && response->status >= 200 && response->status < 300)
			outbox_send_again(node,
					  (struct text){server->response, server->response_len},
					  &server->peer, server->local);
		return;
	}
	if (sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	w = outbox_writer(node);
	write_response(node, server, at, response, &w);
	server_send(node, server, response->status, &w);
}
