/* Pools of equal elements, referred to by handles that know when their element is gone. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Place and generation. A handle outlives its element: looking it up then finds nothing.
 * {0,0} is no handle. */
struct handle {
	uint32_t index;      /* 1 .. */
	uint32_t generation; /* never 0 for a live element */
};

#define NO_HANDLE ((struct handle){0, 0})

static inline bool handle_is_set(struct handle h)
{
	return h.generation != 0;
}

static inline bool handle_equal(struct handle a, struct handle b)
{
	return a.index == b.index && a.generation == b.generation;
}
/* As one number, for the values of a map (never 0 for a handle that is set), and back. */
static inline uint64_t handle_as_value(struct handle h)
{
	return (uint64_t)h.generation << 32 | h.index;
}
static inline struct handle handle_of_value(uint64_t value)
{
	return (struct handle){(uint32_t)value, (uint32_t)(value >> 32)};
}

struct pool;

/* NULL when out of memory. Never more than `elements_max` are live at once. Chunks of elements are
 * taken from malloc as needed and handed back when all their elements are free (one spare is kept). */
struct pool *pool_open(size_t element_bytes, uint32_t elements_max);
/* Frees all, live elements too. NULL is allowed. */
void pool_close(struct pool *pool);

/* A zeroed element, or NULL when `elements_max` are live or malloc has nothing. */
void *pool_take(struct pool *pool, struct handle *ret_handle);
/* The element, or NULL when it is gone or the handle was never one (forged handles are safe). */
void *pool_at(const struct pool *pool, struct handle handle);
/* The handle of a live element of this pool. */
struct handle pool_handle(const struct pool *pool, const void *element);
void pool_give_back(struct pool *pool, void *element);

/* The generation of the element taken last: those taken later have a higher one, but for the wrap
 * after four thousand million. */
uint32_t pool_serial(const struct pool *pool);
uint32_t pool_live(const struct pool *pool);
uint32_t pool_max(const struct pool *pool);
/* Bytes now held from malloc. */
size_t pool_bytes(const struct pool *pool);

/* Walks the live elements in the order of their index. Start with *index = 0; NULL at the end.
 * Elements may be given back and taken during the walk; one that lives through all of it is seen
 * exactly once. */
void *pool_next(const struct pool *pool, uint32_t *index);

#endif
