/* A test that includes a .c file of src/base after this header decides which of its allocations succeed. */
#ifndef TEST_FAILING_MALLOC_H
#define TEST_FAILING_MALLOC_H

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

static unsigned long allocations_left = ULONG_MAX;

static inline bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

/* A macro is not expanded inside itself: the inner names are those of the C library. */
#define malloc(bytes)                   (may_allocate() ? malloc(bytes) : NULL)
#define calloc(n, bytes)                (may_allocate() ? calloc(n, bytes) : NULL)
#define aligned_alloc(alignment, bytes) (may_allocate() ? aligned_alloc(alignment, bytes) : NULL)

#endif
