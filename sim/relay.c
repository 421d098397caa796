/* A record-routing proxy without state, RFC 3261 §16.11. */
#include "relay.h"

#include "sip/message.h"
#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

#define RELAY_MESSAGE 16000u

static void put_own_uri(const struct relay *relay, const char *more, struct text_writer *w)
{
	text_put_literal(w, "<sip:");
	endpoint_put(w, &relay->party.address);
	text_printf(w, "%s%s>", relay->is_strict ? "" : ";lr", more);
}

static bool is_own(const struct relay *relay, struct text uri_text)
{
	struct sip_uri uri;
	struct endpoint at;

	return sip_uri_parse(uri_text, &uri) && uri.scheme != SIP_URI_TEL &&
	       world_resolve(relay->world, uri.host, uri.port, &at) &&
	       endpoint_same_address(&at, &relay->party.address) &&
	       at.port == relay->party.address.port;
}

static bool endpoint_of(const struct relay *relay, struct text uri_text, struct endpoint *ret)
{
	struct sip_uri uri;
	struct text transport;

	if (!sip_uri_parse(uri_text, &uri) || uri.scheme == SIP_URI_TEL ||
	    !world_resolve(relay->world, uri.host, uri.port, ret))
		return false;
	ret->flow = 0;
	ret->transport = TRANSPORT_UDP;
	if (sip_uri_param(&uri, TEXT("transport"), &transport) &&
	    text_equal_nocase(transport, TEXT("tcp")))
		ret->transport = TRANSPORT_TCP;
	return true;
}

/* What is left of the Route, and the Request-URI, after our own entries are taken out. */
struct way {
	struct text uri;
	struct text routes[LIMIT_LIST_VALUES];
	unsigned n;
	struct endpoint to;
};

static struct text uri_of(struct text value)
{
	struct sip_name_addr address = {0};

	return sip_name_addr_parse(value, &address) ? address.uri : (struct text){0};
}

static bool find_way(const struct relay *relay, const struct sip_message *m, struct way *way)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	struct text value;

	way->uri = m->request_uri;
	way->n = 0;
	while (way->n < LIMIT_LIST_VALUES && sip_list_next(&list, &value))
		way->routes[way->n++] = value;
	if (way->n && is_own(relay, uri_of(way->routes[0]))) {
		way->n--;
		memmove(way->routes, way->routes + 1, way->n * sizeof(way->routes[0]));
	} else if (way->n && is_own(relay, way->uri)) {
		/* §16.4: a strict router before us; and what a strict router does itself. */
		if (relay->is_strict) {
			way->uri = uri_of(way->routes[0]);
			way->n--;
			memmove(way->routes, way->routes + 1, way->n * sizeof(way->routes[0]));
			return endpoint_of(relay, way->uri, &way->to);
		}
		way->uri = uri_of(way->routes[--way->n]);
	}
	if (way->n)
		return endpoint_of(relay, uri_of(way->routes[0]), &way->to);
	if (endpoint_of(relay, way->uri, &way->to) && world_party_at(relay->world, &way->to))
		return true;
	way->to = relay->next_hop;
	return endpoint_is_set(&way->to);
}

/* The same for every retransmission, for the ACK of a failure and for the CANCEL (§16.11). */
static void put_branch(const struct relay *relay, const struct sip_message *m,
		       struct text_writer *w)
{
	struct hash_key key = {{relay->party.address.port, 7}};

	text_put_literal(w, "z9hG4bK-");
	text_put_hex(w,
		     hash_texts(&key, (struct text[]){m->via.branch, m->via.host, m->call_id}, 3));
}

static void put_top(const struct relay *relay, const struct sip_message *m, const struct way *way,
		    struct text_writer *w)
{
	text_printf(w, "%.*s %.*s SIP/2.0\r\nVia: SIP/2.0/%s ", TEXT_ARGS(m->method_name),
		    TEXT_ARGS(way->uri), transport_name((enum transport)way->to.transport));
	endpoint_put(w, &relay->party.address);
	text_put_literal(w, ";branch=");
	put_branch(relay, m, w);
	text_put_literal(w, "\r\n");
	if (m->method == SIP_INVITE && !relay->is_absent) {
		text_put_literal(w, "Record-Route: ");
		put_own_uri(relay, "", w);
		text_put_literal(w, "\r\n");
	}
	if (m->method == SIP_REGISTER) {
		text_put_literal(w, "Path: ");
		put_own_uri(relay, "", w);
		text_put_literal(w, "\r\nSupported: path\r\n");
	}
	for (unsigned i = 0; i < way->n; i++)
		text_printf(w, "Route: %.*s\r\n", TEXT_ARGS(way->routes[i]));
}

static void put_top_via(const struct sip_message *m, const struct endpoint *from,
			struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;
	bool first = true;

	while (sip_list_next(&list, &value)) {
		text_printf(w, "Via: %.*s", TEXT_ARGS(value));
		if (first) {
			text_put_literal(w, ";received=");
			endpoint_put_ip(w, from);
			text_printf(w, ";x-port=%u", from->port);
		}
		text_put_literal(w, "\r\n");
		first = false;
	}
}

static void relay_request(struct relay *relay, const struct endpoint *from,
			  const struct sip_message *m)
{
	char buffer[RELAY_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct way way;

	if (!find_way(relay, m, &way) || m->max_forwards == 0) {
		relay->n_bad++;
		return;
	}
	put_top(relay, m, &way, &w);
	put_top_via(m, from, &w);
	text_printf(&w, "Max-Forwards: %u\r\n",
		    m->max_forwards == SIP_NO_MAX_FORWARDS ? 70 : m->max_forwards - 1);
	for (unsigned i = 0; i < m->n_fields; i++)
		if (m->fields[i].header != SIP_HEADER_VIA &&
		    m->fields[i].header != SIP_HEADER_ROUTE &&
		    m->fields[i].header != SIP_HEADER_MAX_FORWARDS)
			text_put(&w, text_between(m->bytes.at + m->fields[i].begin,
						  m->bytes.at + m->fields[i].end));
	text_put_literal(&w, "\r\n");
	text_put(&w, m->body);
	world_send(relay->world, &relay->party.address, &way.to, text_written(&w));
}

/* To where the next Via says; the port that the request came from is what we noted there ourselves. */
static void relay_response(struct relay *relay, const struct sip_message *m)
{
	char buffer[RELAY_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value, port;
	struct sip_via via;
	struct endpoint to = {0};
	uint32_t number = 0;

	if (!sip_list_next(&list, &value) || !sip_list_next(&list, &value) ||
	    !sip_via_parse(value, &via) || !endpoint_parse_ip(via.received, &to) ||
	    !sip_param(via.params, TEXT("x-port"), &port) || !text_to_u32(port, 65535, &number)) {
		relay->n_bad++;
		return;
	}
	to.port = (uint16_t)number;
	to.transport =
		text_equal_nocase(via.transport, TEXT("TCP")) ? TRANSPORT_TCP : TRANSPORT_UDP;
	text_printf(&w, "SIP/2.0 %u %.*s\r\n", m->status, TEXT_ARGS(m->reason_phrase));
	text_printf(&w, "Via: %.*s\r\n", TEXT_ARGS(value));
	while (sip_list_next(&list, &value))
		text_printf(&w, "Via: %.*s\r\n", TEXT_ARGS(value));
	for (unsigned i = 0; i < m->n_fields; i++)
		if (m->fields[i].header != SIP_HEADER_VIA)
			text_put(&w, text_between(m->bytes.at + m->fields[i].begin,
						  m->bytes.at + m->fields[i].end));
	text_put_literal(&w, "\r\n");
	text_put(&w, m->body);
	world_send(relay->world, &relay->party.address, &to, text_written(&w));
}

static void receive(void *self, const struct endpoint *from, struct text bytes)
{
	struct relay *relay = self;
	struct sip_message m;

	if (sip_parse(&m, bytes.at, bytes.len, SIP_DATAGRAM) != SIP_OK)
		relay->n_bad++;
	else if (m.is_request)
		relay_request(relay, from, &m);
	else
		relay_response(relay, &m);
}

struct relay *relay_open(struct world *world, const char *name, const struct endpoint *address,
			 const struct endpoint *next_hop)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	assert(relay);
	relay->world = world;
	snprintf(relay->name, sizeof(relay->name), "%s", name);
	relay->next_hop = *next_hop;
	relay->party = (struct world_party){
		.name = relay->name, .address = *address, .self = relay, .receive = receive};
	world_add_party(world, &relay->party);
	return relay;
}

void relay_close(struct relay *relay)
{
	free(relay);
}
