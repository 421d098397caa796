/* The user agent's own way of writing messages. */
#include "ue_parts.h"

#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

const char ue_offer[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			"m=audio 49170 RTP/AVP 0\r\n";
const char ue_answer[] = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			 "m=audio 49180 RTP/AVP 0\r\n";

char *ue_copy(const char *bytes, uint32_t len)
{
	char *copy = malloc(len + 1);

	assert(copy);
	memcpy(copy, bytes, len);
	copy[len] = 0;
	return copy;
}

void ue_set_text(char *ret, size_t max, struct text t)
{
	size_t len = t.len < max - 1 ? t.len : max - 1;

	if (len)
		memmove(ret, t.at, len);
	ret[len] = 0;
}

void ue_draw_token(struct ue *ue, const char *prefix, char *ret, size_t max)
{
	uint64_t drawn = random_u64(world_random(ue->world));

	snprintf(ret, max, "%s%llx", prefix, (unsigned long long)drawn);
}

static void put_lines(struct text_writer *w, const char *lines)
{
	if (lines)
		text_put(w, text_of(lines));
}

static void put_body(struct text_writer *w, const char *body)
{
	if (body)
		text_put_literal(w, "Content-Type: application/sdp\r\n");
	text_printf(w, "Content-Length: %zu\r\n\r\n", body ? strlen(body) : 0);
	put_lines(w, body);
}

void ue_write(struct ue *ue, const struct ue_writing *writing, struct text_writer *w)
{
	const char *method = sip_method_name(writing->method);

	text_printf(w, "%s %s SIP/2.0\r\n", method, writing->uri);
	text_printf(w, "Via: SIP/2.0/%s ", transport_name(writing->transport));
	endpoint_put(w, &ue->party.address);
	text_printf(w, ";branch=%s;rport\r\n", writing->branch);
	text_printf(w, "Max-Forwards: %d\r\n", writing->max_forwards);
	if (writing->route && writing->route[0]) {
		text_put_literal(w, "Route: ");
		put_lines(w, writing->route);
		text_put_literal(w, "\r\n");
	}
	text_printf(w, "From: %s\r\nTo: %s\r\n", writing->from, writing->to);
	text_printf(w, "Call-ID: %s\r\nCSeq: %u %s\r\n", writing->call_id, writing->cseq, method);
	if (writing->with_contact)
		text_printf(w, "Contact: <%s>\r\n", writing->contact);
	put_lines(w, writing->lines);
	put_body(w, writing->body);
}

/* Via with what RFC 3261 §18.2.1 and RFC 3581 §4 let the server add. */
static void put_top_via(const struct ue_server *server, struct text via_text,
			const struct sip_via *via, struct text_writer *w)
{
	char host[64];
	struct text_writer h = text_writer_on(host, sizeof(host));
	struct endpoint at = {0};

	endpoint_put_ip(&h, &server->from);
	if (!via->has_rport || via->rport.len) {
		text_put(w, via_text);
		if (endpoint_parse_ip(via->host, &at) &&
		    !endpoint_same_address(&at, &server->from) && !via->received.len)
			text_printf(w, ";received=%.*s", (int)h.len, host);
		return;
	}
	for (uint32_t i = 0; i < via_text.len; i++) {
		text_put_char(w, via_text.at[i]);
		if (i >= 5 &&
		    text_equal_nocase((struct text){via_text.at + i - 5, 6}, TEXT(";rport")))
			text_printf(w, "=%u;received=%.*s", server->from.port, (int)h.len, host);
	}
}

static void put_vias(const struct ue_server *server, const struct sip_message *m,
		     struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;
	bool is_top = true;

	while (sip_list_next(&list, &value)) {
		text_put_literal(w, "Via: ");
		if (is_top)
			put_top_via(server, value, &m->via, w);
		else
			text_put(w, value);
		text_put_literal(w, "\r\n");
		is_top = false;
	}
}

static const char *phrase_of(unsigned status)
{
	switch (status) {
	case 100: return "Trying";
	case 180: return "Ringing";
	case 183: return "Session Progress";
	case 200: return "OK";
	case 481: return "Call/Transaction Does Not Exist";
	case 486: return "Busy Here";
	case 487: return "Request Terminated";
	case 491: return "Request Pending";
	case 500: return "Server Internal Error";
	default: return status < 300 ? "Fine" : "No";
	}
}

void ue_write_answer(struct ue_server *server, const struct ue_answering *answering,
		     struct text_writer *w)
{
	struct sip_message m;

	sip_parse(&m, server->request, server->request_len, SIP_DATAGRAM);
	text_printf(w, "SIP/2.0 %u %s\r\n", answering->status, phrase_of(answering->status));
	put_vias(server, &m, w);
	for (const struct sip_field *f = sip_first(&m, SIP_HEADER_RECORD_ROUTE); f;
	     f = sip_next(&m, f))
		text_printf(w, "Record-Route: %.*s\r\n", TEXT_ARGS(f->value));
	text_printf(w, "From: %.*s\r\nTo: %.*s", TEXT_ARGS(m.from), TEXT_ARGS(m.to));
	if (!m.to_tag.len && answering->status > 100 && answering->to_tag[0])
		text_printf(w, ";tag=%s", answering->to_tag);
	text_printf(w, "\r\nCall-ID: %.*s\r\n", TEXT_ARGS(m.call_id));
	text_printf(w, "CSeq: %u %.*s\r\n", m.cseq, TEXT_ARGS(m.cseq_method_name));
	if (answering->contact)
		text_printf(w, "Contact: <%s>\r\n", answering->contact);
	put_lines(w, answering->lines);
	put_body(w, answering->body);
}

bool ue_endpoint_of_uri(struct ue *ue, struct text uri_text, struct endpoint *ret)
{
	struct sip_uri uri;
	struct text transport = {0};

	if (!sip_uri_parse(uri_text, &uri) || uri.scheme == SIP_URI_TEL)
		return false;
	if (!world_resolve(ue->world, uri.host, uri.port, ret))
		return false;
	ret->transport = TRANSPORT_UDP;
	ret->flow = 0;
	if (sip_uri_param(&uri, TEXT("transport"), &transport) &&
	    text_equal_nocase(transport, TEXT("tcp")))
		ret->transport = TRANSPORT_TCP;
	return true;
}

/* RFC 3261 §12.2.1.1: loose router first, or the rewrite for a strict one. */
bool ue_route(struct ue *ue, const char *target, const char *route_set, char ret_uri[UE_URI],
	      char ret_route[UE_ROUTE_SET], struct endpoint *ret_to)
{
	struct text rest = text_of(route_set), first, lr;
	struct sip_name_addr address;
	struct sip_uri uri;

	ret_route[0] = 0;
	snprintf(ret_uri, UE_URI, "%s", target);
	if (!sip_text_list_next(&rest, &first)) {
		*ret_to = ue->next_hop;
		return ue_endpoint_of_uri(ue, text_of(target), ret_to) ||
		       endpoint_is_set(&ue->next_hop);
	}
	if (!sip_name_addr_parse(first, &address) || !sip_uri_parse(address.uri, &uri))
		return false;
	if (sip_uri_param(&uri, TEXT("lr"), &lr)) {
		snprintf(ret_route, UE_ROUTE_SET, "%s", route_set);
	} else {
		ue_set_text(ret_uri, UE_URI, address.uri);
		rest = text_trim(rest);
		snprintf(ret_route, UE_ROUTE_SET, "%.*s%s<%s>", TEXT_ARGS(rest),
			 rest.len ? ", " : "", target);
	}
	return ue_endpoint_of_uri(ue, address.uri, ret_to);
}
