/* What a proxying server remembers of the dialogs through it, and what it complains about: each request numbered above the last (RFC 3261 §12.2.1.1), no second BYE. */
#include "proxy_parts.h"

#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

static struct text top_route(const struct sip_message *m)
{
	struct text routes[LIMIT_LIST_VALUES];

	return server_routes(m, routes) ? server_uri_of(routes[0]) : (struct text){0};
}

uint32_t proxy_passage_of_route(const struct sip_message *m)
{
	struct sip_uri uri;
	struct text number;
	uint32_t n;

	if (!sip_uri_parse(top_route(m), &uri) || !sip_uri_param(&uri, TEXT("n"), &number) ||
	    !text_to_u32(number, UE_NONE - 1, &n))
		return UE_NONE;
	return n;
}

/* Which side this request or response is from; 2: it is of another dialog. */
static unsigned side_of(const struct proxied *d, const struct sip_message *m)
{
	if (!text_equal(m->call_id, text_of(d->call_id)))
		return 2;
	for (unsigned side = 0; side < 2; side++)
		if (text_equal(m->from_tag, text_of(d->tags[side])) &&
		    text_equal(m->to_tag, text_of(d->tags[!side])))
			return side;
	return 2;
}

static struct proxied *find(struct server *server, const struct sip_message *m, uint32_t passage)
{
	struct proxy *proxy = server->proxy;

	for (unsigned i = proxy->n_dialogs; i-- > 0;)
		if (side_of(proxy->dialogs[i], m) != 2 &&
		    (passage == UE_NONE || proxy->dialogs[i]->passage == passage))
			return proxy->dialogs[i];
	return NULL;
}

void proxy_note_dialog(struct server *server, const struct passage *passage,
		       const struct sip_message *response)
{
	struct proxy *proxy = server->proxy;
	struct proxied *d = find(server, response, passage->number);

	if (!passage->is_initial || passage->method != SIP_INVITE || !response->to_tag.len ||
	    response->status >= 300)
		return;
	if (!d) {
		d = calloc(1, sizeof(*d));
		proxy->dialogs =
			realloc(proxy->dialogs, (proxy->n_dialogs + 1) * sizeof(struct proxied *));
		assert(d && proxy->dialogs);
		proxy->dialogs[proxy->n_dialogs++] = d;
		d->passage = passage->number;
		ue_set_text(d->call_id, sizeof(d->call_id), response->call_id);
		ue_set_text(d->tags[0], sizeof(d->tags[0]), response->from_tag);
		ue_set_text(d->tags[1], sizeof(d->tags[1]), response->to_tag);
		d->cseq[0] = response->cseq;
	}
	d->is_established |= response->status >= 200;
}

static bool may_be_repeated(unsigned status)
{
	return status == 0 || status == 500 || status == 503 || status == 401 || status == 407;
}

static void check_bye(struct server *server, struct proxied *d, unsigned side)
{
	if (++d->n_byes[side] > 1 && !may_be_repeated(d->bye_answer[side]))
		ue_violation(server->ue, "another BYE in the same dialog (%u)", d->n_byes[side]);
	if (side == 1 && !d->is_established && !server->ue->reorders)
		ue_violation(server->ue,
			     "BYE in an early dialog in the name of the callee (RFC 3261 15)");
}

struct proxied *proxy_check_in_dialog(struct server *server, const struct sip_message *m)
{
	struct ue *ue = server->ue;
	uint32_t passage = proxy_passage_of_route(m);
	struct proxied *d = find(server, m, passage);
	unsigned side;

	if (!server_is_own(ue, top_route(m)))
		ue_violation(ue, "%.*s without my URI in the topmost Route",
			     TEXT_ARGS(m->method_name));
	else if (passage == UE_NONE)
		ue_violation(ue, "%.*s with a Route that is not what I put into Record-Route",
			     TEXT_ARGS(m->method_name));
	if (!d) {
		ue_violation(ue, "%.*s in a dialog that did not begin here",
			     TEXT_ARGS(m->method_name));
		return NULL;
	}
	side = side_of(d, m);
	if (m->method == SIP_ACK) {
		d->is_acknowledged = true;
		return d;
	}
	if (m->cseq <= d->cseq[side] && !ue->reorders)
		ue_violation(ue, "%.*s with CSeq %u after %u (RFC 3261 12.2.2)",
			     TEXT_ARGS(m->method_name), m->cseq, d->cseq[side]);
	if (m->cseq > d->cseq[side])
		d->cseq[side] = m->cseq;
	if (m->method == SIP_BYE)
		check_bye(server, d, side);
	return d;
}

void proxy_note_bye_answer(struct passage *passage, unsigned status)
{
	struct sip_message m;

	if (passage->method != SIP_BYE || !passage->dialog)
		return;
	sip_parse(&m, passage->request, passage->request_len, SIP_DATAGRAM);
	passage->dialog->bye_answer[side_of(passage->dialog, &m)] = (uint16_t)status;
}
