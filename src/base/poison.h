/* Under AddressSanitizer, memory that a pool or a store holds free is forbidden ground: whoever
 * touches what was given back is reported. Nothing in other builds. */
#ifndef BASE_POISON_H
#define BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define BASE_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASE_POISON 1
#endif
#endif

#ifdef BASE_POISON
/* Left forbidden behind every element of a pool: who writes over the end is seen. */
#define POISON_GAP_BYTES 16u

#include <sanitizer/asan_interface.h>

static inline void poison_forbid(const void *begin, size_t bytes)
{
	__asan_poison_memory_region(begin, bytes);
}

static inline void poison_allow(const void *begin, size_t bytes)
{
	__asan_unpoison_memory_region(begin, bytes);
}
#else
#define POISON_GAP_BYTES 0u

static inline void poison_forbid(const void *begin, size_t bytes)
{
	(void)begin;
	(void)bytes;
}

static inline void poison_allow(const void *begin, size_t bytes)
{
	(void)begin;
	(void)bytes;
}
#endif

#endif
