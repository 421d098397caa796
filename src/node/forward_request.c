/* RFC 3261 §16.6  Request forwarding, by editing the received bytes */
#include "dialog/session_interval.h"
#include "node/event_lines.h"

#define LINES_BYTES (LIMIT_ROUTE_SET_BYTES + 2 * LIMIT_URI_BYTES + LIMIT_FIELD_BYTES + 2048u)

static bool first_value(struct text list, struct text *ret_uri)
{
	struct sip_name_addr address;
	struct text value;

	if (!sip_text_list_next(&list, &value) || !sip_name_addr_parse(value, &address))
		return false;
	*ret_uri = address.uri;
	return true;
}

/* The URI of the n-th Route value (0: first); false when there is none, or it cannot be read. */
static bool route_uri(const struct sip_message *m, unsigned n, struct text *ret_uri)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	struct sip_name_addr address;
	struct text value;

	for (unsigned i = 0; sip_list_next(&list, &value); i++)
		if (i == n) {
			if (!sip_name_addr_parse(value, &address))
				return false;
			*ret_uri = address.uri;
			return true;
		}
	return false;
}

static bool is_strict(struct text uri_text)
{
	struct sip_uri uri;
	struct text value;

	return sip_uri_parse(uri_text, &uri) && !sip_uri_param(&uri, TEXT("lr"), &value);
}

/* §16.6 step 4. Two entries where the two sides differ in transport or family (RFC 5658): each side
 * then meets an address that it can reach. */
static void put_record_route(struct text_writer *w, const struct node *node,
			     const struct forwarding *f, uint8_t out, struct handle session)
{
	const struct endpoint *in = &node->settings->listen[f->local],
			      *towards = &node->settings->listen[out];

	text_put_literal(w, "Record-Route: ");
	addressing_put_own_route(w, node, out, session, false);
	if (in->transport != towards->transport || in->family != towards->family) {
		text_put_literal(w, ", ");
		addressing_put_own_route(w, node, f->local, session, false);
	}
	text_put_literal(w, "\r\n");
}

/* §16.6 step 6: a strict router as next hop gets its own URI as Request-URI, and the real one as
 * last Route. */
static void put_routes_for_strict(struct text_writer *w, const struct sip_message *m,
				  const struct forwarding *f, struct text request_uri)
{
	struct text path = f->path, value;
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	unsigned seen = 0;

	while (sip_text_list_next(&path, &value))
		if (seen++ > 0) {
			text_put_literal(w, "Route: ");
			text_put(w, value);
			text_put_literal(w, "\r\n");
		}
	for (unsigned i = 0; sip_list_next(&list, &value); i++)
		if (i >= f->own_routes && i < f->routes_end && seen++ > 0) {
			text_put_literal(w, "Route: ");
			text_put(w, value);
			text_put_literal(w, "\r\n");
		}
	text_put_literal(w, "Route: <");
	text_put(w, request_uri);
	text_put_literal(w, ">\r\n");
}

void edit_content_length(struct sip_edit *edit, const struct sip_message *m, bool reliable,
			 char *buffer, size_t max)
{
	struct text_writer w = text_writer_on(buffer, max);

	if (!reliable || sip_first(m, SIP_HEADER_CONTENT_LENGTH))
		return;
	text_put_literal(&w, "Content-Length: ");
	text_put_u64(&w, m->body.len);
	text_put_literal(&w, "\r\n");
	sip_edit_insert_at_end(edit, text_written(&w));
}

/* @req RF-13a
 * The smallest interval there is, and Min-SE, so that nobody further on goes below it. */
static void raise_session_interval(struct sip_edit *edit, const struct sip_message *m,
				   struct text_writer *lines)
{
	struct text least = session_interval_digits(sip_value(m, SIP_HEADER_MIN_SE));
	struct text interval = TEXT("90");
	uint32_t seconds = 0;

	if (least.len == 0)
		text_put_literal(lines, "Min-SE: 90\r\n");
	else if (!text_to_u32(least, UINT32_MAX, &seconds) || seconds < SESSION_INTERVAL_MIN_S)
		sip_edit_replace(edit, least, TEXT("90"));
	else
		interval = least;
	sip_edit_replace(edit, session_interval_digits(sip_value(m, SIP_HEADER_SESSION_EXPIRES)),
			 interval);
}

static void edit_max_forwards(struct sip_edit *edit, const struct sip_message *m,
			      struct text_writer *w)
{
	uint32_t begin = w->len;

	if (m->max_forwards == SIP_NO_MAX_FORWARDS) { /* §16.6 step 3 */
		sip_edit_insert_at_top(edit, TEXT("Max-Forwards: 70\r\n"));
		return;
	}
	text_put_u64(w, m->max_forwards - 1);
	sip_edit_replace(edit, sip_value(m, SIP_HEADER_MAX_FORWARDS),
			 (struct text){w->at + begin, w->len - begin});
}

/* What the forwarded request looks like, decided before a byte is written. */
struct plan {
	struct text request_uri, next_uri;
	bool strict_next;
	struct next_hop hop;
};

static bool make_plan(const struct node *node, const struct forwarding *f, struct plan *plan)
{
	const struct sip_message *m = &node->message;
	bool has_route = f->path.len ? first_value(f->path, &plan->next_uri)
				     : f->own_routes < f->routes_end &&
					       route_uri(m, f->own_routes, &plan->next_uri);
	/* Where the Request-URI is exchanged, P-Called-Party-ID keeps it. */
	uint32_t size = m->bytes.len + 256u + f->path.len +
			(f->request_uri.len ? f->request_uri.len + 24u : 0);

	plan->request_uri = f->strict_request_uri.len ? f->strict_request_uri
			    : f->request_uri.len      ? f->request_uri
						      : m->request_uri;
	plan->strict_next = has_route && is_strict(plan->next_uri);
	if (!has_route)
		plan->next_uri = plan->request_uri;
	if (!endpoint_is_set(&f->next_hop) || has_route)
		return addressing_next_hop(node, plan->next_uri, size, &plan->hop);
	plan->hop = (struct next_hop){.to = f->next_hop};
	return addressing_local(node, &f->next_hop, &plan->hop.local);
}

static void edit_routes(struct node *node, const struct forwarding *f, const struct plan *plan,
			struct text_writer *lines)
{
	struct sip_edit *edit = &node->edit;

	if (plan->strict_next) {
		sip_edit_remove_all(edit, SIP_HEADER_ROUTE);
		put_routes_for_strict(lines, &node->message, f, plan->request_uri);
		return;
	}
	if (f->own_routes && !sip_edit_remove_first_values(edit, SIP_HEADER_ROUTE, f->own_routes))
		edit->failed = true;
	if (f->strict_request_uri.len && !sip_edit_remove_last_value(edit, SIP_HEADER_ROUTE))
		edit->failed = true;
	if (f->path.len) {
		text_put_literal(lines, "Route: ");
		text_put(lines, f->path);
		text_put_literal(lines, "\r\n");
	}
}

/* @req IC-10 IC-11
 * RFC 3325 §5, RFC 5502 §4, RFC 7315 §4.6: what is said of identities and charging holds inside the trust
 * domain only: it is taken off what comes from outside, and does not leave. The served user is for the
 * application server alone, which hears it from us. */
static void edit_identities(struct node *node, const struct forwarding *f,
			    const struct endpoint *to, struct text_writer *lines)
{
	bool goes_outside = !f->is_to_server && !addressing_is_trusted(node, to);

	if (goes_outside || !f->from_trusted) {
		sip_edit_remove_all(&node->edit, SIP_HEADER_P_ASSERTED_IDENTITY);
		sip_edit_remove_all(&node->edit, SIP_HEADER_P_CHARGING_VECTOR);
	}
	sip_edit_remove_all(&node->edit, SIP_HEADER_P_SERVED_USER);
	sip_edit_remove_all(&node->edit, SIP_HEADER_P_PREFERRED_IDENTITY); /* RFC 3325 §9.2 */
	if (!goes_outside)
		text_put(lines, f->lines);
}

/* @req IC-16
 * RFC 7315 §4.2, TS 24.229 §5.4.3.3: where the Request-URI becomes a contact, the called user is told which of its
 * addresses was called. What a sender says of that counts for nothing. */
static void put_called_party(struct node *node, const struct plan *plan, const struct forwarding *f,
			     struct text_writer *lines)
{
	if (f->request_uri.len == 0 || plan->request_uri.at != f->request_uri.at)
		return;
	sip_edit_remove_all(&node->edit, SIP_HEADER_P_CALLED_PARTY_ID);
	text_put_literal(lines, "P-Called-Party-ID: <");
	text_put(lines, node->message.request_uri);
	text_put_literal(lines, ">\r\n");
}

/* Gathers the request as it goes out into `w`. */
static bool write_forwarded(struct node *node, const struct forwarding *f, const struct plan *plan,
			    struct text branch, struct session *session, struct text_writer *w)
{
	const struct sip_message *m = &node->message;
	struct text_writer lines = text_writer_on(node->scratch, LINES_BYTES);
	struct text_writer words =
		text_writer_on(node->scratch + LINES_BYTES, SCRATCH_BYTES - LINES_BYTES);
	struct text request_uri = plan->strict_next ? plan->next_uri : plan->request_uri;
	char length[40];
	struct text via;

	sip_edit_begin(&node->edit, m);
	if (request_uri.at != m->request_uri.at)
		sip_edit_replace(&node->edit, m->request_uri, request_uri);
	text_put_literal(&lines, "Via: ");
	addressing_put_via(&lines, node, plan->hop.local, branch);
	text_put_literal(&lines, "\r\n");
	if (f->record_route)
		put_record_route(&lines, node, f, plan->hop.local,
				 session ? pool_handle(node->sessions, session) : NO_HANDLE);
	edit_routes(node, f, plan, &lines);
	edit_identities(node, f, &plan->hop.to, &lines);
	put_called_party(node, plan, f, &lines);
	if (f->raise_session_interval)
		raise_session_interval(&node->edit, m, &lines);
	sip_edit_insert_at_top(&node->edit, text_written(&lines));
	edit_max_forwards(&node->edit, m, &words);
	edit_content_length(&node->edit, m, transport_is_reliable(plan->hop.to.transport), length,
			    sizeof(length));
	via = addressing_top_via(m, &f->source, &words);
	if (via.at != m->via.whole.at)
		sip_edit_replace(&node->edit, m->via.whole, via);
	return !lines.full && !words.full && sip_edit_write(&node->edit, w);
}

/* An ACK for a 2xx has no transaction: its branch is made of the one it came with, so that a
 * retransmission has the same (RFC 3261 §16.11). */
static bool forward_ack(struct node *node, const struct forwarding *f, const struct plan *plan,
			struct session *session)
{
	char branch_bytes[BRANCH_BYTES_MAX];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct text_writer w = outbox_writer(node);

	text_put_literal(&branch, "z9hG4bKack-");
	text_put_hex(&branch, hash_bytes(&node->key, node->message.via.branch.at,
					 node->message.via.branch.len));
	if (!write_forwarded(node, f, plan, text_written(&branch), session, &w))
		return false;
	outbox_send(node, &w, &plan->hop.to, plan->hop.local);
	return true;
}

static void tell_no_way(struct node *node, const struct session *session, struct text next_uri)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_WARNING, "no way to the next hop"))
		return;
	event_line_text(&line, "next_uri", next_uri);
	event_line_words(&line, "method", sip_method_name((enum sip_method)node->message.method));
	if (session)
		event_line_session(&line, session_first(node, session));
	else
		event_line_text(&line, "call_id", node->message.call_id);
	event_line_end(&line);
}

struct client_transaction *forward_request(struct node *node, struct server_transaction *server,
					   const struct forwarding *f, struct session *session,
					   struct dialog *dialog, enum dialog_side side,
					   unsigned *ret_status)
{
	const struct sip_message *m = &node->message;
	char branch_bytes[BRANCH_BYTES_MAX];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct client_transaction *client;
	struct text_writer w;
	struct plan plan;

	*ret_status = 500;
	if (!make_plan(node, f, &plan)) {
		tell_no_way(node, session, plan.next_uri);
		return NULL;
	}
	if (m->method == SIP_ACK) {
		if (forward_ack(node, f, &plan, session))
			*ret_status = 0;
		return NULL;
	}
	client = pool_live(node->clients) < node->transactions_max ? client_take(node) : NULL;
	if (!client) {
		*ret_status = 503;
		return NULL;
	}
	client->owner = CLIENT_OF_PROXY;
	client->cseq = m->cseq;
	client->loop_hash = f->loop_hash;
	client->side = (uint8_t)side;
	branch_put(&branch, node, client_handle(node, client), f->loop_hash);
	w = outbox_writer(node);
	if (!write_forwarded(node, f, &plan, text_written(&branch), session, &w)) {
		client_end(node, client);
		*ret_status = 500;
		return NULL;
	}
	if (!client_begin(node, client, &plan.hop, m->method, &w)) {
		client_end(node, client);
		*ret_status = 500;
		return NULL;
	}
	client->session = session ? pool_handle(node->sessions, session) : NO_HANDLE;
	client->dialog = dialog ? pool_handle(node->dialogs, dialog) : NO_HANDLE;
	if (server) {
		client->server = pool_handle(node->servers, server);
		client->next = server->first_branch;
		server->first_branch = client_handle(node, client);
		server->pending++;
	}
	return client;
}
