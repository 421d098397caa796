#include "base/hash.h"

#include <endian.h>

#define ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline void round_of(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = ROTATE(s->v1, 13) ^ s->v0;
	s->v0 = ROTATE(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = ROTATE(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = ROTATE(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = ROTATE(s->v1, 17) ^ s->v2;
	s->v2 = ROTATE(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	round_of(s);
	round_of(s);
	s->v0 ^= word;
}

static inline struct state start(const struct hash_key *key)
{
	return (struct state){
		key->word[0] ^ 0x736f6d6570736575ULL,
		key->word[1] ^ 0x646f72616e646f6dULL,
		key->word[0] ^ 0x6c7967656e657261ULL,
		key->word[1] ^ 0x7465646279746573ULL,
	};
}

static inline uint64_t finish(struct state *s)
{
	s->v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_of(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static void absorb_bytes(struct state *s, const unsigned char *bytes, size_t len)
{
	uint64_t last = (uint64_t)len << 56;
	size_t whole = len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		absorb(s, le64toh(word));
	}
	for (size_t i = whole; i < len; i++)
		last |= (uint64_t)bytes[i] << (8 * (i - whole));
	absorb(s, last);
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t len)
{
	struct state s = start(key);

	absorb_bytes(&s, bytes, len);
	return finish(&s);
}

uint64_t hash_texts(const struct hash_key *key, const struct text *texts, unsigned n)
{
	struct state s = start(key);

	for (unsigned i = 0; i < n; i++)
		absorb_bytes(&s, (const unsigned char *)texts[i].at, texts[i].len);
	return finish(&s);
}
