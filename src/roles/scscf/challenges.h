/* What was given out with the challenges: nonces with their counts, and the sequence numbers of AKA.
 * Both tables have the same bound; what is oldest goes when one more is needed. Users are known by a
 * keyed hash of their private identity: nothing here points into the subscribers, and nothing is a
 * secret. */
#ifndef ROLES_SCSCF_CHALLENGES_H
#define ROLES_SCSCF_CHALLENGES_H

#include "base/hash.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/text.h"

#define NONCE_DIGEST_BYTES 16u /* random */
#define NONCE_AKA_BYTES    32u /* RAND || AUTN */
#define NONCE_TEXT_MAX     44u /* both in base64 */

/* In a table, from the oldest to the newest. */
struct kept {
	struct kept *older, *newer;
	uint64_t name; /* hash under which it is found */
};

struct kept_table {
	struct pool *pool;
	struct map by_name;
	struct kept *oldest, *newest;
};

struct nonce {
	struct kept kept;
	uint64_t user;
	uint64_t given_ms;
	uint32_t count; /* the highest nonce count seen with a right response */
	bool is_aka;
	uint8_t len;
	char text[NONCE_TEXT_MAX];
};

/* TS 33.102 §6.3.7 and annex C: SEQ || IND of the vector to make next. */
struct sequence {
	struct kept kept;
	uint64_t next;
};

struct challenges {
	struct hash_key key;
	struct kept_table nonces, sequences;
};

bool challenges_open(struct challenges *challenges, uint32_t nonces_max, struct hash_key key);
void challenges_close(struct challenges *challenges);

uint64_t challenges_user(const struct challenges *challenges, struct text private_identity);

/* NULL when out of memory. `text`: at most NONCE_TEXT_MAX bytes, drawn at random. */
struct nonce *challenges_give(struct challenges *challenges, uint64_t user, struct text text,
			      bool is_aka, uint64_t now_ms);
/* NULL: never given, or to somebody else, or gone. Whether it is too old is asked by the caller. */
struct nonce *challenges_find(const struct challenges *challenges, uint64_t user, struct text text);
void challenges_forget(struct challenges *challenges, struct nonce *nonce);
/* Forgets all nonces given before this time. */
void challenges_forget_older(struct challenges *challenges, uint64_t before_ms);

/* The sequence number for the user's next vector, and a step forward: SEQ + 1 and the next of the 32
 * values of IND (TS 33.102 §C.1.1.1, §C.3). `first`: when the user has none yet. false: out of memory. */
bool challenges_next_sequence(struct challenges *challenges, uint64_t user, uint64_t first,
			      uint64_t *ret_sqn);
/* TS 33.102 §6.3.5: the USIM showed SQN_MS; the next vector is one step above it. false: out of memory. */
bool challenges_resynchronise(struct challenges *challenges, uint64_t user, uint64_t sqn_ms);

#endif
