#include "base/pool.h"
#include "base/poison.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ELEMENTS_BITS 8u
#define CHUNK_ELEMENTS      (1u << CHUNK_ELEMENTS_BITS)

/* Every slot starts with this; the element follows. */
struct slot {
	uint32_t generation; /* 0: free */
	uint32_t index;
	uint32_t next_free; /* slot number in the chunk + 1; 0: last */
	uint32_t pad;
};

struct chunk {
	uint32_t number;
	uint32_t live;
	uint32_t first_free;                 /* slot number + 1 */
	struct chunk *next_open, *prev_open; /* list of chunks with free slots */
	_Alignas(16) char slots[];
};

struct pool {
	size_t slot_bytes, element_bytes;
	uint32_t live, max, serial;
	uint32_t n_chunks, chunks_max; /* numbers ever used; they do not fall */
	struct chunk **chunks;         /* by number; NULL where handed back */
	uint32_t *vacated;             /* numbers handed back, used again before new ones */
	uint32_t n_vacated;
	struct chunk *open;
	uint32_t empty; /* chunks without a live element */
};

static struct slot *slot_in(const struct pool *pool, const struct chunk *chunk, uint32_t number)
{
	return (struct slot *)(void *)((char *)(uintptr_t)chunk->slots + number * pool->slot_bytes);
}

struct pool *pool_open(size_t element_bytes, uint32_t elements_max)
{
	struct pool *pool;

	assert(elements_max > 0 && elements_max < UINT32_MAX - CHUNK_ELEMENTS);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pool->element_bytes = element_bytes;
	pool->slot_bytes =
		(sizeof(struct slot) + element_bytes + POISON_GAP_BYTES + 15) & ~(size_t)15;
	pool->max = elements_max;
	pool->chunks_max = (elements_max + CHUNK_ELEMENTS - 1) >> CHUNK_ELEMENTS_BITS;
	pool->chunks = calloc(pool->chunks_max, sizeof(struct chunk *));
	pool->vacated = calloc(pool->chunks_max, sizeof(uint32_t));
	if (!pool->chunks || !pool->vacated) {
		pool_close(pool);
		return NULL;
	}
	return pool;
}

void pool_close(struct pool *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->n_chunks; i++)
		free(pool->chunks[i]);
	free(pool->chunks);
	free(pool->vacated);
	free(pool);
}

static size_t chunk_bytes(const struct pool *pool)
{
	return sizeof(struct chunk) + CHUNK_ELEMENTS * pool->slot_bytes;
}

static void open_list_add(struct pool *pool, struct chunk *chunk)
{
	chunk->prev_open = NULL;
	chunk->next_open = pool->open;
	if (pool->open)
		pool->open->prev_open = chunk;
	pool->open = chunk;
}

static void open_list_remove(struct pool *pool, struct chunk *chunk)
{
	if (chunk->prev_open)
		chunk->prev_open->next_open = chunk->next_open;
	else
		pool->open = chunk->next_open;
	if (chunk->next_open)
		chunk->next_open->prev_open = chunk->prev_open;
	chunk->next_open = chunk->prev_open = NULL;
}

static void chunk_fill(const struct pool *pool, struct chunk *chunk, uint32_t number)
{
	*chunk = (struct chunk){.number = number, .first_free = 1};
	for (uint32_t i = 0; i < CHUNK_ELEMENTS; i++) {
		struct slot *slot = slot_in(pool, chunk, i);

		*slot = (struct slot){
			.index = (number << CHUNK_ELEMENTS_BITS) + i + 1,
			.next_free = i + 1 < CHUNK_ELEMENTS ? i + 2 : 0,
		};
		poison_forbid(slot + 1, pool->slot_bytes - sizeof(*slot));
	}
}

static bool chunk_add(struct pool *pool)
{
	struct chunk *chunk;
	uint32_t number;

	assert(pool->n_vacated > 0 || pool->n_chunks < pool->chunks_max);
	chunk = malloc(chunk_bytes(pool));
	if (!chunk)
		return false;
	number = pool->n_vacated ? pool->vacated[--pool->n_vacated] : pool->n_chunks++;
	assert(!pool->chunks[number]);
	chunk_fill(pool, chunk, number);
	pool->chunks[number] = chunk;
	pool->empty++;
	open_list_add(pool, chunk);
	return true;
}

void *pool_take(struct pool *pool, struct handle *ret_handle)
{
	struct chunk *chunk;
	struct slot *slot;
	void *element;

	if (pool->live == pool->max)
		return NULL;
	if (!pool->open && !chunk_add(pool))
		return NULL;
	chunk = pool->open;
	slot = slot_in(pool, chunk, chunk->first_free - 1);
	chunk->first_free = slot->next_free;
	if (chunk->live++ == 0)
		pool->empty--;
	if (!chunk->first_free)
		open_list_remove(pool, chunk);
	pool->live++;
	if (++pool->serial == 0)
		pool->serial = 1;
	slot->generation = pool->serial;
	element = slot + 1;
	poison_allow(element, pool->element_bytes);
	memset(element, 0, pool->element_bytes);
	if (ret_handle)
		*ret_handle = (struct handle){slot->index, slot->generation};
	return element;
}

void *pool_at(const struct pool *pool, struct handle handle)
{
	uint32_t place = handle.index - 1;
	struct slot *slot;

	if (handle.generation == 0 || handle.index == 0 ||
	    place >> CHUNK_ELEMENTS_BITS >= pool->n_chunks ||
	    !pool->chunks[place >> CHUNK_ELEMENTS_BITS])
		return NULL;
	slot = slot_in(pool, pool->chunks[place >> CHUNK_ELEMENTS_BITS],
		       place & (CHUNK_ELEMENTS - 1));
	return slot->generation == handle.generation ? slot + 1 : NULL;
}

struct handle pool_handle(const struct pool *pool, const void *element)
{
	const struct slot *slot = (const struct slot *)element - 1;

	(void)pool;
	assert(slot->generation != 0);
	return (struct handle){slot->index, slot->generation};
}

static void chunk_hand_back(struct pool *pool, struct chunk *chunk)
{
	open_list_remove(pool, chunk);
	pool->chunks[chunk->number] = NULL;
	pool->vacated[pool->n_vacated++] = chunk->number;
	pool->empty--;
	free(chunk);
}

void pool_give_back(struct pool *pool, void *element)
{
	struct slot *slot = (struct slot *)element - 1;
	uint32_t place = slot->index - 1;
	struct chunk *chunk = pool->chunks[place >> CHUNK_ELEMENTS_BITS];

	assert(slot->generation != 0 && chunk->live > 0);
	slot->generation = 0;
	poison_forbid(element, pool->element_bytes);
	if (!chunk->first_free)
		open_list_add(pool, chunk);
	slot->next_free = chunk->first_free;
	chunk->first_free = (place & (CHUNK_ELEMENTS - 1)) + 1;
	pool->live--;
	if (--chunk->live == 0 && ++pool->empty > 1)
		chunk_hand_back(pool, chunk);
}

uint32_t pool_serial(const struct pool *pool)
{
	return pool->serial;
}

uint32_t pool_live(const struct pool *pool)
{
	return pool->live;
}

uint32_t pool_max(const struct pool *pool)
{
	return pool->max;
}

size_t pool_bytes(const struct pool *pool)
{
	return sizeof(*pool) + pool->chunks_max * (sizeof(struct chunk *) + sizeof(uint32_t)) +
	       (pool->n_chunks - pool->n_vacated) * chunk_bytes(pool);
}

void *pool_next(const struct pool *pool, uint32_t *index)
{
	uint32_t place = *index; /* the index seen last is the next place */

	for (; place >> CHUNK_ELEMENTS_BITS < pool->n_chunks; place++) {
		struct chunk *chunk = pool->chunks[place >> CHUNK_ELEMENTS_BITS];
		struct slot *slot;

		if (!chunk || !chunk->live) {
			place |= CHUNK_ELEMENTS - 1;
			continue;
		}
		slot = slot_in(pool, chunk, place & (CHUNK_ELEMENTS - 1));
		if (slot->generation) {
			*index = place + 1;
			return slot + 1;
		}
	}
	*index = place;
	return NULL;
}
