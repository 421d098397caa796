/* What a proxying server writes: the request as it goes on (RFC 3261 §16.6), the response as it goes back (§16.7). */
#include "proxy_parts.h"

#include <stdlib.h>

bool proxy_find_way(struct server *server, const struct sip_message *m, struct proxy_way *ret)
{
	struct ue *ue = server->ue;

	ret->uri = m->request_uri;
	if (!m->to_tag.len && server->uri[0])
		ret->uri = text_of(server->uri);
	ret->n = server_routes(m, ret->routes);
	if (ret->n && server_is_own(ue, server_uri_of(ret->routes[0]))) {
		ret->n--;
		memmove(ret->routes, ret->routes + 1, ret->n * sizeof(ret->routes[0]));
	}
	return ue_endpoint_of_uri(ue, ret->n ? server_uri_of(ret->routes[0]) : ret->uri, &ret->to);
}

static void put_fields(const struct sip_message *m, struct text_writer *w)
{
	for (unsigned i = 0; i < m->n_fields; i++)
		if (m->fields[i].header != SIP_HEADER_VIA &&
		    m->fields[i].header != SIP_HEADER_ROUTE &&
		    m->fields[i].header != SIP_HEADER_MAX_FORWARDS)
			text_put(w, text_between(m->bytes.at + m->fields[i].begin,
						 m->bytes.at + m->fields[i].end));
	text_put_literal(w, "\r\n");
	text_put(w, m->body);
}

static void put_vias(const struct sip_message *m, unsigned skip, struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;

	for (unsigned i = 0; sip_list_next(&list, &value); i++)
		if (i >= skip)
			text_printf(w, "Via: %.*s\r\n", TEXT_ARGS(value));
}

static void put_own_via(struct server *server, const struct endpoint *to, const char *branch,
			struct text_writer *w)
{
	text_printf(w, "Via: SIP/2.0/%s ", transport_name((enum transport)to->transport));
	endpoint_put(w, &server->ue->party.address);
	text_printf(w, ";branch=%s\r\n", branch);
}

void proxy_write_request(struct server *server, const struct sip_message *m,
			 const struct proxy_way *way, const char *branch, unsigned passage,
			 struct text_writer *w)
{
	text_printf(w, "%.*s %.*s SIP/2.0\r\n", TEXT_ARGS(m->method_name), TEXT_ARGS(way->uri));
	put_own_via(server, &way->to, branch, w);
	put_vias(m, 0, w);
	text_printf(w, "Max-Forwards: %u\r\n",
		    m->max_forwards == SIP_NO_MAX_FORWARDS ? 70 : m->max_forwards - 1);
	for (unsigned i = 0; i < way->n; i++)
		text_printf(w, "Route: %.*s\r\n", TEXT_ARGS(way->routes[i]));
	if (!m->to_tag.len && !server->options.is_absent && m->method != SIP_ACK) {
		text_put_literal(w, "Record-Route: <sip:");
		endpoint_put(w, &server->ue->party.address);
		text_printf(w, ";lr;n=%u>\r\n", passage);
	}
	put_fields(m, w);
}

bool proxy_write_response(const struct sip_message *m, struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;

	if (!sip_list_next(&list, &value) || !sip_list_next(&list, &value))
		return false;
	text_printf(w, "SIP/2.0 %u %.*s\r\n", m->status, TEXT_ARGS(m->reason_phrase));
	put_vias(m, 1, w);
	put_fields(m, w);
	return true;
}

/* RFC 3261 §9.1 and §17.1.1.3: Request-URI, topmost Via, Route, From, Call-ID and number of the request. */
void proxy_write_after(struct server *server, const struct proxy_branch *branch,
		       enum sip_method method, struct text to, struct text_writer *w)
{
	struct text routes[LIMIT_LIST_VALUES];
	struct sip_message m;
	unsigned n;

	sip_parse(&m, branch->bytes, branch->len, SIP_DATAGRAM);
	n = server_routes(&m, routes);
	text_printf(w, "%s %.*s SIP/2.0\r\n", sip_method_name(method), TEXT_ARGS(m.request_uri));
	put_own_via(server, &branch->to, branch->id, w);
	text_put_literal(w, "Max-Forwards: 70\r\n");
	for (unsigned i = 0; i < n; i++)
		text_printf(w, "Route: %.*s\r\n", TEXT_ARGS(routes[i]));
	text_printf(w, "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\n", TEXT_ARGS(m.from),
		    TEXT_ARGS(to.len ? to : m.to), TEXT_ARGS(m.call_id));
	text_printf(w, "CSeq: %u %s\r\nContent-Length: 0\r\n\r\n", m.cseq, sip_method_name(method));
}
