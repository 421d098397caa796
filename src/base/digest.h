/* Digests and what goes with them: MD5, SHA-256, one block of AES-128, hex, base64, comparison in constant
 * time, wiping. Thin over nettle, whose functions are pure and allocate nothing (docs/adr/0021). */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <nettle/md5.h>
#include <nettle/sha2.h>

#include "base/text.h"

enum digest_algorithm {
	DIGEST_MD5,
	DIGEST_SHA256,
};

#define DIGEST_BYTES_MAX 32u

struct digest {
	enum digest_algorithm algorithm;
	union {
		struct md5_ctx md5;
		struct sha256_ctx sha256;
	} of;
};

static inline uint32_t digest_bytes(enum digest_algorithm algorithm)
{
	return algorithm == DIGEST_MD5 ? MD5_DIGEST_SIZE : SHA256_DIGEST_SIZE;
}

void digest_begin(struct digest *digest, enum digest_algorithm algorithm);
void digest_put(struct digest *digest, struct text text);
/* Writes digest_bytes() bytes and wipes the state. */
void digest_end(struct digest *digest, uint8_t *ret);

/* AES-128 of one block (FIPS 197); the key schedule is wiped. `in` and `ret` may be the same. */
void digest_encrypt_block(const uint8_t key[16], const uint8_t in[16], uint8_t ret[16]);

/* Lower-case hex, 2 * n characters, no NUL. */
void digest_put_hex(struct text_writer *w, const uint8_t *bytes, size_t n);
/* Hex of either case; false (and *ret untouched) when it is not exactly n bytes. */
bool digest_from_hex(struct text hex, uint8_t *ret, size_t n);

#define DIGEST_BASE64_BYTES_MAX 48u
/* At most DIGEST_BASE64_BYTES_MAX bytes, with padding, no NUL. */
void digest_put_base64(struct text_writer *w, const uint8_t *bytes, size_t n);
/* false (and *ret untouched) when it is not the base64 of exactly n <= DIGEST_BASE64_BYTES_MAX bytes, with its padding. */
bool digest_from_base64(struct text base64, uint8_t *ret, size_t n);

/* Takes the same time wherever the difference is. */
bool digest_equal(const void *a, const void *b, size_t n);

/* Overwrites a secret that is no longer needed; the compiler may not leave it out. */
void digest_wipe(void *secret, size_t n);

#endif
