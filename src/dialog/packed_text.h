/* Several texts in one block of a store: what a dialog or a session remembers in words. No pointers
 * but the block's own, so it can be written out as it is. */
#ifndef DIALOG_PACKED_TEXT_H
#define DIALOG_PACKED_TEXT_H

#include "base/store.h"
#include "base/text.h"

struct text_slice {
	uint16_t at, len;
};

struct packed_text {
	char *bytes;
	uint16_t len;
};

static inline struct text packed_text_get(const struct packed_text *packed, struct text_slice slice)
{
	return (struct text){slice.len ? packed->bytes + slice.at : NULL, slice.len};
}

/* Packs `n` texts anew; the old block, if any, is given back after the copying, so the texts may be
 * views into it. false when it would be larger than LIMIT_DIALOG_TEXT_BYTES or the store is full
 * (nothing is changed). */
bool packed_text_build(struct packed_text *packed, struct store *store, const struct text *texts,
		       struct text_slice *slices, unsigned n);
/* Replaces one of `n` texts. Same failures. */
bool packed_text_replace(struct packed_text *packed, struct store *store, struct text_slice *slices,
			 unsigned n, unsigned which, struct text by);
void packed_text_clear(struct packed_text *packed, struct store *store);

#endif
