/* RFC 3261 §12, the view of a user agent */
#include "session/leg.h"

#include "base/limits.h"
#include "dialog/dialog.h"
#include "sip/message.h"

#include <assert.h>

#define CSEQ_MAX 0x7fffffffu /* RFC 3261 §8.1.1.5 */

const char *leg_state_name(enum leg_state state)
{
	static const char *const names[] = {"unused",      "invited", "early",
					    "established", "ending",  "over"};

	return names[state];
}

struct text leg_local_tag(const struct leg *leg)
{
	return packed_text_get(&leg->texts, leg->local_tag);
}

struct text leg_remote_tag(const struct leg *leg)
{
	return packed_text_get(&leg->texts, leg->remote_tag);
}

static struct text_slice tag_in(const struct leg *leg, enum leg_text which)
{
	struct text value = leg_text(leg, which), tag;
	struct sip_name_addr address;

	if (!sip_name_addr_parse(value, &address) ||
	    !sip_param(address.params, TEXT("tag"), &tag) || tag.len == 0)
		return (struct text_slice){0};
	return (struct text_slice){(uint16_t)(leg->slices[which].at + (tag.at - value.at)),
				   (uint16_t)tag.len};
}

static void find_tags(struct leg *leg)
{
	leg->local_tag = tag_in(leg, LEG_LOCAL);
	leg->remote_tag = tag_in(leg, LEG_REMOTE);
}

bool leg_set_texts(struct leg *leg, struct store *store, const struct text *texts)
{
	if (!packed_text_build(&leg->texts, store, texts, leg->slices, LEG_TEXTS))
		return false;
	find_tags(leg);
	return true;
}

bool leg_set_text(struct leg *leg, struct store *store, enum leg_text which, struct text by)
{
	assert(which < LEG_TEXTS);
	if (!packed_text_replace(&leg->texts, store, leg->slices, LEG_TEXTS, which, by))
		return false;
	find_tags(leg);
	return true;
}

void leg_clear(struct leg *leg, struct store *store)
{
	packed_text_clear(&leg->texts, store);
}

uint32_t leg_take_cseq(struct leg *leg)
{
	if (leg->local_cseq < CSEQ_MAX)
		leg->local_cseq++;
	return leg->local_cseq;
}

bool leg_request_in_order(struct leg *leg, uint32_t cseq)
{
	if (leg->has_remote_cseq && cseq < leg->remote_cseq)
		return false;
	leg->has_remote_cseq = true;
	leg->remote_cseq = cseq;
	return true;
}

void leg_note_passing(struct leg *leg, struct handle server)
{
	leg->passing[leg->next_passing] = server;
	leg->next_passing = (uint8_t)((leg->next_passing + 1u) % LEG_PASSING_MAX);
}

bool leg_route(const struct leg *leg, struct text_writer *w, struct text *ret_request_uri,
	       struct text *ret_route, struct text *ret_next_hop)
{
	return dialog_route(leg_text(leg, LEG_TARGET), leg_text(leg, LEG_ROUTES), w,
			    ret_request_uri, ret_route, ret_next_hop);
}
