#include "base/store.h"
#include "base/poison.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES  ((size_t)256 * 1024)
#define HEADER_BYTES ((size_t)64)
#define FINE_STEP    ((size_t)32)
#define FINE_MAX     ((size_t)1024)
#define N_FINE       (FINE_MAX / FINE_STEP) /* 32, 64 .. 1024 */
#define N_COARSE     10u                    /* 1280 .. by a quarter more, up to 9920 */
#define N_CLASSES    (N_FINE + N_COARSE)
#define SPARES_MAX   4u /* so that a quiet server does not ask the system at every message */

/* A chunk is aligned to its size, so a block finds it by masking its own address. */
struct chunk {
	struct chunk *next, *prev; /* chunks of the class with a free block; the spares by next */
	struct chunk *all_next, *all_prev; /* every chunk, spares too */
	void *first_free;                  /* list through the free blocks */
	uint32_t live, carved;
	uint16_t blocks, class;
};
_Static_assert(sizeof(struct chunk) <= HEADER_BYTES, "blocks begin after the header");

/* In front of a block that is larger than every class: rare, straight from malloc. */
struct large {
	_Alignas(16) struct large *next;
	struct large *prev;
	size_t bytes;
};

struct store {
	struct chunk *open[N_CLASSES];
	size_t class_bytes[N_CLASSES];
	size_t held, max, live;
	struct chunk *all, *spares;
	unsigned n_spares;
	struct large *larges;
};

struct store *store_open(size_t bytes_max)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->max = bytes_max;
	for (size_t i = 0; i < N_CLASSES; i++)
		store->class_bytes[i] =
			i < N_FINE ? (i + 1) * FINE_STEP
				   : (store->class_bytes[i - 1] * 5 / 4 + 63) & ~(size_t)63;
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	while (store->all) {
		struct chunk *chunk = store->all;

		store->all = chunk->all_next;
		free(chunk);
	}
	while (store->larges) {
		struct large *large = store->larges;

		store->larges = large->next;
		free(large);
	}
	free(store);
}

static size_t class_of(const struct store *store, size_t bytes)
{
	size_t class = N_FINE;

	if (bytes <= FINE_MAX)
		return bytes == 0 ? 0 : (bytes - 1) / FINE_STEP;
	while (class < N_CLASSES && store->class_bytes[class] < bytes)
		class ++;
	return class;
}

static void list_add(struct store *store, struct chunk *chunk)
{
	chunk->prev = NULL;
	chunk->next = store->open[chunk->class];
	if (chunk->next)
		chunk->next->prev = chunk;
	store->open[chunk->class] = chunk;
}

static void list_remove(struct store *store, struct chunk *chunk)
{
	if (chunk->prev)
		chunk->prev->next = chunk->next;
	else
		store->open[chunk->class] = chunk->next;
	if (chunk->next)
		chunk->next->prev = chunk->prev;
}

static struct chunk *chunk_from_system(struct store *store)
{
	struct chunk *chunk;

	if (CHUNK_BYTES > store->max - store->held)
		return NULL;
	chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
	if (!chunk)
		return NULL;
	store->held += CHUNK_BYTES;
	poison_forbid((char *)chunk + HEADER_BYTES, CHUNK_BYTES - HEADER_BYTES);
	chunk->all_prev = NULL;
	chunk->all_next = store->all;
	if (store->all)
		store->all->all_prev = chunk;
	store->all = chunk;
	return chunk;
}

static void chunk_to_system(struct store *store, struct chunk *chunk)
{
	if (chunk->all_prev)
		chunk->all_prev->all_next = chunk->all_next;
	else
		store->all = chunk->all_next;
	if (chunk->all_next)
		chunk->all_next->all_prev = chunk->all_prev;
	store->held -= CHUNK_BYTES;
	free(chunk);
}

static struct chunk *chunk_add(struct store *store, size_t class)
{
	struct chunk *chunk = store->spares;

	if (chunk) {
		store->spares = chunk->next;
		store->n_spares--;
	} else {
		chunk = chunk_from_system(store);
		if (!chunk)
			return NULL;
	}
	chunk->first_free = NULL;
	chunk->live = chunk->carved = 0;
	chunk->class = (uint16_t) class;
	chunk->blocks = (uint16_t)((CHUNK_BYTES - HEADER_BYTES) / store->class_bytes[class]);
	list_add(store, chunk);
	return chunk;
}

static void chunk_emptied(struct store *store, struct chunk *chunk)
{
	list_remove(store, chunk);
	if (store->n_spares == SPARES_MAX) {
		chunk_to_system(store, chunk);
		return;
	}
	chunk->next = store->spares;
	store->spares = chunk;
	store->n_spares++;
}

static void *large_take(struct store *store, size_t bytes)
{
	size_t room = store->max - store->held;
	struct large *large;

	if (room < sizeof(*large) || bytes > room - sizeof(*large))
		return NULL;
	large = malloc(sizeof(*large) + bytes);
	if (!large)
		return NULL;
	*large = (struct large){.next = store->larges, .bytes = bytes};
	if (large->next)
		large->next->prev = large;
	store->larges = large;
	store->held += sizeof(*large) + bytes;
	store->live++;
	return large + 1;
}

static void large_give_back(struct store *store, struct large *large, size_t bytes)
{
	assert(large->bytes == bytes);
	if (large->prev)
		large->prev->next = large->next;
	else
		store->larges = large->next;
	if (large->next)
		large->next->prev = large->prev;
	store->held -= sizeof(*large) + bytes;
	free(large);
}

static bool is_full(const struct chunk *chunk)
{
	return !chunk->first_free && chunk->carved == chunk->blocks;
}

void *store_take(struct store *store, size_t bytes)
{
	size_t class = class_of(store, bytes);
	struct chunk *chunk;
	char *block;

	if (class == N_CLASSES)
		return large_take(store, bytes);
	chunk = store->open[class] ? store->open[class] : chunk_add(store, class);
	if (!chunk)
		return NULL;
	if (chunk->first_free) {
		block = chunk->first_free;
		poison_allow(block, sizeof(void *));
		memcpy(&chunk->first_free, block, sizeof(void *));
		poison_forbid(block, sizeof(void *));
	} else {
		block = (char *)chunk + HEADER_BYTES + chunk->carved++ * store->class_bytes[class];
	}
	poison_allow(block, bytes);
	chunk->live++;
	store->live++;
	if (is_full(chunk))
		list_remove(store, chunk);
	return block;
}

void store_give_back(struct store *store, void *block, size_t bytes)
{
	size_t class = class_of(store, bytes);
	struct chunk *chunk;

	if (!block)
		return;
	assert(store->live > 0);
	store->live--;
	if (class == N_CLASSES) {
		large_give_back(store, (struct large *)block - 1, bytes);
		return;
	}
	chunk = (struct chunk *)((uintptr_t)block & ~(uintptr_t)(CHUNK_BYTES - 1));
	assert(chunk->class == class && chunk->live > 0);
	if (is_full(chunk))
		list_add(store, chunk);
	poison_allow(block, sizeof(void *));
	memcpy(block, &chunk->first_free, sizeof(void *));
	poison_forbid(block, store->class_bytes[class]);
	chunk->first_free = block;
	if (--chunk->live == 0)
		chunk_emptied(store, chunk);
}

size_t store_blocks(const struct store *store)
{
	return store->live;
}

size_t store_bytes(const struct store *store)
{
	return store->held;
}
