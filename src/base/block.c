#include "base/block.h"

#include <stdlib.h>

void *block_open(size_t n, size_t bytes)
{
	return calloc(n, bytes);
}

void block_close(void *block)
{
	free(block);
}
