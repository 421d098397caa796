/* Who is meant and where it goes: RFC 3261 §16.4, §16.6, §18.1.1, §18.2.2 and RFC 3581 */
#include "node/internal.h"

#define DEFAULT_PORT         5060u
#define COOKIE               TEXT("z9hG4bKad-")
#define HANDLE_NAME          TEXT("adieu")
#define ORIGINAL_DIALOG_NAME TEXT("odi")

static uint16_t port_or_default(uint16_t port)
{
	return port ? port : DEFAULT_PORT;
}

bool addressing_is_own(const struct node *node, struct text host, uint16_t port)
{
	return addressing_is_own_of(node, ROLE_SCSCF, host, port);
}

bool addressing_is_own_of(const struct node *node, enum node_role role, struct text host,
			  uint16_t port)
{
	const struct node_settings *s = node->settings;
	struct endpoint e;

	if (host.len &&
	    (host.at[0] == '[' || (host.at[host.len - 1] >= '0' && host.at[host.len - 1] <= '9')) &&
	    endpoint_parse_ip(host, &e)) {
		for (uint8_t i = 0; i < s->n_listen; i++)
			if (role_at(node, i) == role &&
			    s->listen[i].port == port_or_default(port) &&
			    endpoint_same_address(&s->listen[i], &e))
				return true;
		return false;
	}
	for (unsigned i = 0; i < s->n_names; i++) {
		if (!text_equal_nocase(s->names[i], host))
			continue;
		for (uint8_t j = 0; j < s->n_listen; j++)
			if (role_at(node, j) == role && (port == 0 || s->listen[j].port == port))
				return true;
	}
	return false;
}

bool addressing_is_own_uri(const struct node *node, struct text uri_text)
{
	struct sip_uri uri;

	return sip_uri_parse(uri_text, &uri) && uri.scheme == SIP_URI_SIP &&
	       addressing_is_own(node, uri.host, uri.port);
}

static bool hex_next(struct text *rest, uint32_t *ret)
{
	uint64_t n = 0;
	uint32_t i = 0;

	for (; i < rest->len && i < 9; i++) {
		unsigned char c = text_lower(rest->at[i]);

		if (c >= '0' && c <= '9')
			n = n * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (c - 'a' + 10u);
		else
			break;
	}
	if (i == 0 || i > 8)
		return false;
	*rest = text_from(*rest, i);
	*ret = (uint32_t)n;
	return true;
}

static bool dash_next(struct text *rest)
{
	if (rest->len == 0 || rest->at[0] != '-')
		return false;
	*rest = text_from(*rest, 1);
	return true;
}

/* shard-index-generation-secret */
static bool original_dialog_parse(struct text value, struct own_route *own)
{
	uint32_t dashes = 0, at = 0, high, low;
	struct text rest;

	while (at < value.len && dashes < 3)
		dashes += value.at[at++] == '-';
	rest = text_from(value, at);
	if (dashes < 3 || rest.len != 17 || rest.at[8] != '-' ||
	    !node_session_id_parse((struct text){value.at, at - 1}, &own->passage) ||
	    !hex_next(&rest, &high) || !dash_next(&rest) || !hex_next(&rest, &low) || rest.len)
		return false;
	own->secret = (uint64_t)high << 32 | low;
	return true;
}

struct own_route addressing_own_route(const struct node *node, struct text uri_text)
{
	struct own_route own = {0};
	struct sip_uri uri;
	struct text value;

	if (!sip_uri_parse(uri_text, &uri) || uri.scheme != SIP_URI_SIP ||
	    !addressing_is_own(node, uri.host, uri.port))
		return own;
	own.is_own = true;
	own.originating = sip_uri_param(&uri, TEXT("orig"), &value);
	own.has_session = sip_uri_param(&uri, HANDLE_NAME, &value) &&
			  node_session_id_parse(value, &own.session);
	own.has_original_dialog = sip_uri_param(&uri, ORIGINAL_DIALOG_NAME, &value);
	if (own.has_original_dialog && !original_dialog_parse(value, &own))
		own.passage = (struct node_session_id){0}; /* that of nothing */
	return own;
}

bool addressing_local_of(const struct node *node, enum node_role role, const struct endpoint *to,
			 uint8_t *ret_local)
{
	const struct node_settings *s = node->settings;

	for (uint8_t i = 0; i < s->n_listen; i++)
		if (role_at(node, i) == role && s->listen[i].transport == to->transport &&
		    s->listen[i].family == to->family) {
			*ret_local = i;
			return true;
		}
	return false;
}

bool addressing_local(const struct node *node, const struct endpoint *to, uint8_t *ret_local)
{
	return addressing_local_of(node, ROLE_SCSCF, to, ret_local);
}

static bool find_address(const struct node *node, const struct sip_uri *uri, struct endpoint *ret)
{
	const struct node_settings *s = node->settings;
	struct text host = uri->host, maddr;

	if (sip_uri_param(uri, TEXT("maddr"), &maddr) && maddr.len)
		host = maddr;
	if (endpoint_parse_ip(host, ret)) {
		ret->port = port_or_default(uri->port);
		return true;
	}
	for (unsigned i = 0; i < s->n_routes; i++)
		if (text_equal_nocase(s->routes[i].domain, host)) {
			*ret = s->routes[i].next_hop;
			return true;
		}
	return false;
}

bool addressing_next_hop(const struct node *node, struct text uri, uint32_t bytes,
			 struct next_hop *ret)
{
	return addressing_next_hop_of(node, ROLE_SCSCF, uri, bytes, ret);
}

bool addressing_next_hop_of(const struct node *node, enum node_role role, struct text uri_text,
			    uint32_t bytes, struct next_hop *ret)
{
	struct endpoint to = {.transport = TRANSPORT_UDP};
	struct text transport;
	struct sip_uri uri;
	struct next_hop hop = {0};

	if (!sip_uri_parse(uri_text, &uri) || uri.scheme != SIP_URI_SIP ||
	    !find_address(node, &uri, &to))
		return false;
	if (sip_uri_param(&uri, TEXT("transport"), &transport)) {
		if (text_equal_nocase(transport, TEXT("tcp")))
			to.transport = TRANSPORT_TCP;
		else if (text_equal_nocase(transport, TEXT("udp")))
			to.transport = TRANSPORT_UDP;
		else
			return false;
	}
	/* RFC 3261 §18.1.1: too large for a datagram. */
	if (to.transport == TRANSPORT_UDP && node->settings->stream_above_bytes &&
	    bytes > node->settings->stream_above_bytes) {
		to.transport = TRANSPORT_TCP;
		hop.went_to_stream = addressing_local_of(node, role, &to, &hop.local);
		if (!hop.went_to_stream)
			to.transport = TRANSPORT_UDP;
	}
	hop.to = to;
	if (!hop.went_to_stream && !addressing_local_of(node, role, &to, &hop.local))
		return false;
	*ret = hop;
	return true;
}

static bool has_prefix(const struct node_prefix *prefix, const struct endpoint *e)
{
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return prefix->address.family == e->family &&
	       memcmp(prefix->address.ip, e->ip, whole) == 0 &&
	       (rest == 0 || ((prefix->address.ip[whole] ^ e->ip[whole]) & mask) == 0);
}

bool addressing_is_trusted(const struct node *node, const struct endpoint *from)
{
	for (unsigned i = 0; i < node->settings->n_trusted; i++)
		if (has_prefix(&node->settings->trusted[i], from))
			return true;
	return false;
}

/* RFC 3261 §18.2.2: back over the connection, or to the source address; the port is that of the
 * source when the peer asked for it (RFC 3581 §4), else that of sent-by. */
struct endpoint addressing_of_responses(const struct sip_message *request,
					const struct endpoint *source)
{
	struct endpoint peer = *source;

	if (!transport_is_reliable(source->transport) && request->via.has_rport)
		return peer;
	peer.port = port_or_default(request->via.port);
	return peer;
}

struct text addressing_top_via(const struct sip_message *request, const struct endpoint *source,
			       struct text_writer *w)
{
	const struct sip_via *via = &request->via;
	struct endpoint named = {0};
	bool same = endpoint_parse_ip(via->host, &named) && endpoint_same_address(&named, source);
	uint32_t begin = w->len;

	if (same && !via->has_rport)
		return via->whole;
	/* ;rport without a value is filled in where it stands (RFC 3581 §4); a received= of the
	 * peer's own making is left alone, ours comes last and counts. */
	if (via->has_rport && via->rport.len == 0) {
		const char *behind = via->rport.at, *end = via->whole.at + via->whole.len;

		text_put(w, text_between(via->whole.at, behind));
		text_put_char(w, '=');
		text_put_u64(w, source->port);
		text_put(w, text_between(behind, end));
	} else {
		text_put(w, via->whole);
	}
	if (via->received.len == 0) {
		text_put_literal(w, ";received=");
		endpoint_put_ip(w, source);
	}
	return (struct text){w->at + begin, w->len - begin};
}

void addressing_put_via(struct text_writer *w, const struct node *node, uint8_t local,
			struct text branch)
{
	const struct endpoint *e = &node->settings->listen[local];

	text_put_literal(w, "SIP/2.0/");
	text_put(w, text_of(transport_name(e->transport)));
	text_put_char(w, ' ');
	endpoint_put(w, e);
	text_put_literal(w, ";branch=");
	text_put(w, branch);
}

void addressing_put_original_dialog(struct text_writer *w, const struct node *node, uint8_t local,
				    const struct service_passage *passage)
{
	const struct endpoint *e = &node->settings->listen[local];
	struct node_session_id id = {node->settings->shard, pool_handle(node->passages, passage)};

	text_put_literal(w, "<sip:");
	endpoint_put(w, e);
	if (e->transport != TRANSPORT_UDP) {
		text_put_literal(w, ";transport=");
		text_put(w, text_of(transport_parameter(e->transport)));
	}
	text_put_literal(w, ";lr;");
	text_put(w, ORIGINAL_DIALOG_NAME);
	text_put_char(w, '=');
	node_session_id_put(w, &id);
	text_printf(w, "-%08x-%08x>", (unsigned)(passage->secret >> 32), (unsigned)passage->secret);
}

void addressing_put_own_route(struct text_writer *w, const struct node *node, uint8_t local,
			      struct handle session, bool originating)
{
	const struct endpoint *e = &node->settings->listen[local];

	text_put_literal(w, "<sip:");
	endpoint_put(w, e);
	if (e->transport != TRANSPORT_UDP) {
		text_put_literal(w, ";transport=");
		text_put(w, text_of(transport_parameter(e->transport)));
	}
	text_put_literal(w, ";lr");
	if (originating)
		text_put_literal(w, ";orig");
	if (handle_is_set(session)) {
		struct node_session_id id = {node->settings->shard, session};

		text_put_char(w, ';');
		text_put(w, HANDLE_NAME);
		text_put_char(w, '=');
		node_session_id_put(w, &id);
	}
	text_put_char(w, '>');
}

void node_session_id_put(struct text_writer *w, const struct node_session_id *id)
{
	text_put_hex(w, id->shard);
	text_put_char(w, '-');
	text_put_hex(w, id->handle.index);
	text_put_char(w, '-');
	text_put_hex(w, id->handle.generation);
}

bool node_session_id_parse(struct text t, struct node_session_id *ret)
{
	struct node_session_id id;

	if (!hex_next(&t, &id.shard) || !dash_next(&t) || !hex_next(&t, &id.handle.index) ||
	    !dash_next(&t) || !hex_next(&t, &id.handle.generation) || t.len)
		return false;
	*ret = id;
	return true;
}

void branch_put(struct text_writer *w, const struct node *node, struct handle client,
		uint32_t loop_hash)
{
	struct node_session_id id = {node->settings->shard, client};

	text_put(w, COOKIE);
	node_session_id_put(w, &id);
	text_put_char(w, '-');
	text_put_hex(w, loop_hash);
}

bool branch_parse(struct text branch, uint32_t *ret_shard, struct handle *ret_client,
		  uint32_t *ret_loop_hash)
{
	struct text rest = text_from(branch, COOKIE.len);

	return text_starts_with_nocase(branch, COOKIE) && hex_next(&rest, ret_shard) &&
	       dash_next(&rest) && hex_next(&rest, &ret_client->index) && dash_next(&rest) &&
	       hex_next(&rest, &ret_client->generation) && dash_next(&rest) &&
	       hex_next(&rest, ret_loop_hash) && rest.len == 0;
}
