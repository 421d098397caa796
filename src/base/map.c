#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_PLACES 64u
#define MOST_PLACES  (1u << 31)

void map_clear(struct map *map)
{
	free(map->hashes);
	free(map->values);
	*map = MAP_EMPTY;
}

static void put(struct map *map, uint32_t hash, uint64_t value)
{
	uint32_t at = hash & map->mask;

	while (map->values[at])
		at = (at + 1) & map->mask;
	map->hashes[at] = hash;
	map->values[at] = value;
	map->n++;
}

static bool grow(struct map *map)
{
	uint32_t places = map->values ? (map->mask + 1) * 2 : FIRST_PLACES;
	struct map larger;

	if (map->values && map->mask + 1 == MOST_PLACES)
		return false;
	larger = (struct map){
		.hashes = malloc(places * sizeof(uint32_t)),
		.values = calloc(places, sizeof(uint64_t)),
		.mask = places - 1,
	};
	if (!larger.hashes || !larger.values) {
		map_clear(&larger);
		return false;
	}
	for (uint32_t i = 0; map->values && i <= map->mask; i++)
		if (map->values[i])
			put(&larger, map->hashes[i], map->values[i]);
	map_clear(map);
	*map = larger;
	return true;
}

bool map_insert(struct map *map, uint32_t hash, uint64_t value)
{
	assert(value);
	if ((!map->values || map->n >= (map->mask + 1) / 4 * 3) && !grow(map))
		return false;
	put(map, hash, value);
	return true;
}

uint64_t map_value(const struct map *map, uint32_t hash, uint32_t *at)
{
	if (!map->values)
		return 0;
	for (; map->values[*at]; *at = (*at + 1) & map->mask)
		if (map->hashes[*at] == hash) {
			uint64_t value = map->values[*at];

			*at = (*at + 1) & map->mask;
			return value;
		}
	return 0;
}

bool map_remove(struct map *map, uint32_t hash, uint64_t value)
{
	uint32_t at, hole;

	if (!map->values)
		return false;
	for (at = hash & map->mask; map->values[at]; at = (at + 1) & map->mask)
		if (map->values[at] == value && map->hashes[at] == hash)
			break;
	if (!map->values[at])
		return false;
	/* Move back whatever would no longer be found from its own place. */
	for (hole = at;;) {
		at = (at + 1) & map->mask;
		if (!map->values[at])
			break;
		if (((at - (map->hashes[at] & map->mask)) & map->mask) >=
		    ((at - hole) & map->mask)) {
			map->hashes[hole] = map->hashes[at];
			map->values[hole] = map->values[at];
			hole = at;
		}
	}
	map->values[hole] = 0;
	map->n--;
	return true;
}

uint64_t map_next(const struct map *map, uint32_t *at)
{
	while (map->values && *at <= map->mask) {
		uint64_t value = map->values[(*at)++];

		if (value)
			return value;
	}
	return 0;
}

size_t map_bytes(const struct map *map)
{
	return map->values ? (map->mask + 1) * (sizeof(uint32_t) + sizeof(uint64_t)) : 0;
}
