#include "dialog/packed_text.h"

#include "base/limits.h"

#include <assert.h>

#define PACKED_TEXTS_MAX 8u

bool packed_text_build(struct packed_text *packed, struct store *store, const struct text *texts,
		       struct text_slice *slices, unsigned n)
{
	struct packed_text old = *packed;
	uint32_t len = 0, at = 0;
	char *bytes;

	for (unsigned i = 0; i < n; i++) {
		if (texts[i].len > LIMIT_DIALOG_TEXT_BYTES - len)
			return false;
		len += texts[i].len;
	}
	bytes = store_take(store, len);
	if (!bytes)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (texts[i].len)
			memcpy(bytes + at, texts[i].at, texts[i].len);
		slices[i] = (struct text_slice){(uint16_t)at, (uint16_t)texts[i].len};
		at += texts[i].len;
	}
	*packed = (struct packed_text){bytes, (uint16_t)len};
	if (old.bytes)
		store_give_back(store, old.bytes, old.len);
	return true;
}

bool packed_text_replace(struct packed_text *packed, struct store *store, struct text_slice *slices,
			 unsigned n, unsigned which, struct text by)
{
	struct text texts[PACKED_TEXTS_MAX];

	assert(n <= PACKED_TEXTS_MAX && which < n);
	if (text_equal(packed_text_get(packed, slices[which]), by))
		return true;
	if (by.len == slices[which].len) {
		memmove(packed->bytes + slices[which].at, by.at, by.len);
		return true;
	}
	for (unsigned i = 0; i < n; i++)
		texts[i] = packed_text_get(packed, slices[i]);
	texts[which] = by;
	return packed_text_build(packed, store, texts, slices, n);
}

void packed_text_clear(struct packed_text *packed, struct store *store)
{
	if (packed->bytes)
		store_give_back(store, packed->bytes, packed->len);
	*packed = (struct packed_text){0};
}
