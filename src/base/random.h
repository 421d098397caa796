/* A seeded random source: the same seed gives the same run (sim/), an unknown seed cannot be
 * guessed from what was drawn (tags and branches, RFC 3261 §19.3). SipHash of a counter under the
 * seed as key. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/hash.h"

struct random {
	struct hash_key seed;
	uint64_t drawn;
};

static inline struct random random_from(uint64_t seed0, uint64_t seed1)
{
	return (struct random){.seed = {{seed0, seed1}}};
}

static inline uint64_t random_u64(struct random *r)
{
	uint64_t n = r->drawn++;

	return hash_bytes(&r->seed, &n, sizeof(n));
}

/* Even in 0 .. bound-1; bound > 0. The bias is below 2^-32 for bounds below 2^32. */
static inline uint32_t random_below(struct random *r, uint32_t bound)
{
	return (uint32_t)(random_u64(r) % bound);
}

#endif
