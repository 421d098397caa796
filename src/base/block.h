/* Memory whose size is known when its owner opens and that lives as long as the owner: buffers,
 * rings, the owner itself. What comes and goes with traffic lives in a pool or a store instead. */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <stddef.h>

/* Zeroed; NULL when out of memory. Never called after the opening. */
void *block_open(size_t n, size_t bytes);
/* NULL is allowed. */
void block_close(void *block);

#endif
