/* SipHash-2-4: a hash that a peer who does not know the key cannot aim at, and the generator behind
 * random.h. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/text.h"

struct hash_key {
	uint64_t word[2];
};

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len);
/* Hash of several texts; ("ab","c") and ("a","bc") differ. */
uint64_t hash_texts(const struct hash_key *key, const struct text *texts, unsigned n);

#endif
