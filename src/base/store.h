/* Blocks of bytes of many sizes (texts of sessions, bytes of messages), in classes, handed back to
 * the system when a chunk of a class is empty. One store for what lives long and one for what lives
 * short keep them apart. */
#ifndef BASE_STORE_H
#define BASE_STORE_H

#include <stddef.h>

struct store;

/* `bytes_max`: never holds more than this from the system. NULL when out of memory. */
struct store *store_open(size_t bytes_max);
/* Frees all, blocks in use too. */
void store_close(struct store *store);

/* Uninitialised; NULL at the bound. bytes may be 0. Alignment 16. */
void *store_take(struct store *store, size_t bytes);
/* `bytes` as at the taking. NULL is allowed. */
void store_give_back(struct store *store, void *block, size_t bytes);

/* Blocks now in use, and bytes now held from the system. */
size_t store_blocks(const struct store *store);
size_t store_bytes(const struct store *store);

#endif
