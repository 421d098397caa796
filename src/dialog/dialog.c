/* RFC 3261 §12 */
#include "dialog/dialog.h"

#include "sip/message.h"
#include "sip/uri.h"

#include <assert.h>

#define CSEQ_MAX 0x7fffffffu /* RFC 3261 §8.1.1.5: less than 2^31 */

const char *dialog_state_name(enum dialog_state state)
{
	static const char *const names[] = {"early", "answered", "confirmed", "releasing", "ended"};

	return names[state];
}

const char *leg_outcome_name(enum leg_outcome outcome)
{
	static const char *const names[] = {
		"not asked",         "waiting for ACK", "awaited",          "sent",
		"answered",          "timeout",         "transport failed", "hung up itself",
		"left to its server"};

	return names[outcome];
}

struct text dialog_to_tag(const struct dialog *dialog)
{
	return packed_text_get(&dialog->texts, dialog->to_tag);
}

static void find_to_tag(struct dialog *dialog, uint32_t offset, uint32_t len)
{
	dialog->to_tag = (struct text_slice){(uint16_t)(dialog->slices[DIALOG_TO].at + offset),
					     (uint16_t)len};
}

bool dialog_begin(struct dialog *dialog, struct store *store, const struct dialog_beginning *from)
{
	struct text texts[DIALOG_TEXTS] = {
		[DIALOG_TO] = from->to,
		[DIALOG_TARGET + SIDE_CALLING] = from->target[SIDE_CALLING],
		[DIALOG_TARGET + SIDE_CALLED] = from->target[SIDE_CALLED],
		[DIALOG_ROUTES + SIDE_CALLING] = from->routes[SIDE_CALLING],
		[DIALOG_ROUTES + SIDE_CALLED] = from->routes[SIDE_CALLED],
	};

	if (!packed_text_build(&dialog->texts, store, texts, dialog->slices, DIALOG_TEXTS))
		return false;
	find_to_tag(dialog, from->to_tag.len ? (uint32_t)(from->to_tag.at - from->to.at) : 0,
		    from->to_tag.len);
	return true;
}

void dialog_clear(struct dialog *dialog, struct store *store)
{
	packed_text_clear(&dialog->texts, store);
}

bool dialog_set_text(struct dialog *dialog, struct store *store, unsigned which, struct text by)
{
	uint32_t tag_offset = (uint32_t)(dialog->to_tag.at - dialog->slices[DIALOG_TO].at);

	assert(which != DIALOG_TO && which < DIALOG_TEXTS);
	if (!packed_text_replace(&dialog->texts, store, dialog->slices, DIALOG_TEXTS, which, by))
		return false;
	find_to_tag(dialog, tag_offset, dialog->to_tag.len);
	return true;
}

void dialog_request_passed(struct dialog *dialog, enum dialog_side side, enum sip_method method,
			   uint32_t cseq)
{
	if (method == SIP_ACK || method == SIP_CANCEL)
		return;
	if (!dialog->has_cseq[side] || cseq > dialog->cseq[side])
		dialog->cseq[side] = cseq;
	dialog->has_cseq[side] = true;
}

uint32_t dialog_take_cseq(struct dialog *dialog, enum dialog_side side, struct random *random)
{
	if (!dialog->has_cseq[side])
		dialog->cseq[side] = 1 + random_below(random, CSEQ_MAX - 1);
	else if (dialog->cseq[side] < CSEQ_MAX)
		dialog->cseq[side]++;
	dialog->has_cseq[side] = true;
	return dialog->cseq[side];
}

static bool is_strict_router(struct text route_uri)
{
	struct sip_uri uri;
	struct text lr;

	return sip_uri_parse(route_uri, &uri) && !sip_uri_param(&uri, TEXT("lr"), &lr);
}

bool dialog_route_toward(const struct dialog *dialog, enum dialog_side side, struct text_writer *w,
			 struct text *ret_request_uri, struct text *ret_route,
			 struct text *ret_next_hop)
{
	return dialog_route(dialog_text(dialog, DIALOG_TARGET + side),
			    dialog_text(dialog, DIALOG_ROUTES + side), w, ret_request_uri,
			    ret_route, ret_next_hop);
}

bool dialog_route(struct text target, struct text routes, struct text_writer *w,
		  struct text *ret_request_uri, struct text *ret_route, struct text *ret_next_hop)
{
	struct text rest = routes, first;
	struct sip_name_addr address;
	uint32_t begin = w->len;

	if (target.len == 0)
		return false;
	*ret_request_uri = target;
	*ret_route = routes;
	*ret_next_hop = target;
	if (!sip_text_list_next(&rest, &first) || !sip_name_addr_parse(first, &address))
		return true;
	*ret_next_hop = address.uri;
	if (!is_strict_router(address.uri))
		return true;
	*ret_request_uri = address.uri;
	rest = text_trim(rest);
	text_put(w, rest);
	if (rest.len)
		text_put_literal(w, ", ");
	text_put_char(w, '<');
	text_put(w, target);
	text_put_char(w, '>');
	*ret_route = (struct text){w->at + begin, w->len - begin};
	return !w->full;
}
