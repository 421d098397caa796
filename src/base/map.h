/* Hash map from a 32-bit hash to 64-bit values; the caller compares what the value stands for. Open
 * addressing, linear probing, removal by shifting back: no tombstones, 12 bytes per place, at most
 * three quarters full. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
	uint32_t *hashes;
	uint64_t *values;
	uint32_t n, mask;
};

/* Empty map without memory; memory comes with the first insertion. */
#define MAP_EMPTY ((struct map){0})
void map_clear(struct map *map);
/* `value` is not 0. The same hash may be inserted many times, but each step of insertion, walk and
 * removal passes all values under it: for many things under one name keep a list and put only its
 * head here. false when out of memory. */
bool map_insert(struct map *map, uint32_t hash, uint64_t value);
/* Removes one entry with this hash and value; false when there is none. */
bool map_remove(struct map *map, uint32_t hash, uint64_t value);

/* Walks the values under one hash: uint32_t at = map_first(m, h); while ((v = map_value(m, h,
 * &at))) ... Returns 0 at the end. The map must not change during the walk. */
static inline uint32_t map_first(const struct map *map, uint32_t hash)
{
	return hash & map->mask;
}
uint64_t map_value(const struct map *map, uint32_t hash, uint32_t *at);
/* Walks all values in no order: `at` is 0 at first; 0 at the end. */
uint64_t map_next(const struct map *map, uint32_t *at);
size_t map_bytes(const struct map *map);

#endif
