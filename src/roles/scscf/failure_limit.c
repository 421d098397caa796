/* RFC 7616 §5.7 Online dictionary attacks: failures per source and minute
 * @req AU-12 */
#include "roles/scscf/failure_limit.h"

#include "base/block.h"

#define MINUTE_US 60000000ull

/* The bucket as one time: each failure costs its share of a minute, and the debt is paid by waiting.
 * A source whose time has come owes nothing, and its place is free. */
struct source {
	uint64_t name; /* 0: nobody */
	uint64_t paid_at_us;
};

struct failure_limit {
	struct hash_key key;
	struct source sources[FAILURE_LIMIT_ROWS][FAILURE_LIMIT_COLUMNS];
};

struct failure_limit *failure_limit_open(struct hash_key key)
{
	struct failure_limit *limit = block_open(1, sizeof(*limit));

	if (limit)
		limit->key = key;
	return limit;
}

void failure_limit_close(struct failure_limit *limit)
{
	block_close(limit);
}

uint64_t failure_limit_source(const struct failure_limit *limit, const struct endpoint *source,
			      struct text private_identity)
{
	uint32_t n = source->family == 6 ? 8 : 4;
	const struct text parts[] = {{(const char *)source->ip, n}, private_identity};
	uint64_t name = hash_texts(&limit->key, parts, 2);

	return name ? name : 1;
}

static uint64_t share_us(uint32_t per_minute)
{
	return MINUTE_US / per_minute ? MINUTE_US / per_minute : 1;
}

static struct source *row_of(const struct failure_limit *limit, uint64_t name)
{
	return (struct source *)(uintptr_t)limit->sources[name % FAILURE_LIMIT_ROWS];
}

uint32_t failure_limit_wait_s(const struct failure_limit *limit, uint64_t source,
			      uint32_t per_minute, uint64_t now_ms)
{
	const struct source *row = row_of(limit, source);
	uint64_t now_us = now_ms * 1000;

	if (per_minute == 0)
		return 0;
	for (unsigned i = 0; i < FAILURE_LIMIT_COLUMNS; i++) {
		uint64_t room_at_us = row[i].paid_at_us + share_us(per_minute);

		if (row[i].name == source && room_at_us > now_us + MINUTE_US) {
			uint64_t wait_s = (room_at_us - now_us - MINUTE_US + 999999) / 1000000;

			return wait_s > 60 ? 60
					   : (uint32_t)wait_s; /* after a change of the setting */
		}
	}
	return 0;
}

/* Its own place, or that of the one who owes least. */
static struct source *place_for(struct failure_limit *limit, uint64_t name)
{
	struct source *row = row_of(limit, name), *least = row;

	for (unsigned i = 0; i < FAILURE_LIMIT_COLUMNS; i++) {
		if (row[i].name == name)
			return &row[i];
		if (row[i].paid_at_us < least->paid_at_us)
			least = &row[i];
	}
	*least = (struct source){.name = name};
	return least;
}

void failure_limit_count(struct failure_limit *limit, uint64_t source, uint32_t per_minute,
			 uint64_t now_ms)
{
	struct source *place;
	uint64_t now_us = now_ms * 1000;

	if (per_minute == 0)
		return;
	place = place_for(limit, source);
	if (place->paid_at_us < now_us)
		place->paid_at_us = now_us;
	place->paid_at_us += share_us(per_minute);
}
