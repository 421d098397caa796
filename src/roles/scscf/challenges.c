/* TS 33.102 §6.3.7 Length of sequence numbers, annex C: management of them; and the nonces of RFC 7616 §3.3
 * @req AU-3 AU-10 */
#include "roles/scscf/challenges.h"

#include <assert.h>

#define IND_BITS 5u
#define SQN_MASK ((1ull << 48) - 1)

/* ------------------------------------------------------------------ tables with an age */

static bool table_open(struct kept_table *table, size_t bytes, uint32_t max)
{
	*table = (struct kept_table){.pool = pool_open(bytes, max), .by_name = MAP_EMPTY};
	return table->pool != NULL;
}

static void table_close(struct kept_table *table)
{
	pool_close(table->pool);
	map_clear(&table->by_name);
}

/* Elements of both tables begin with their struct kept. */
static struct kept *table_find(const struct kept_table *table, uint64_t name)
{
	uint32_t at = map_first(&table->by_name, (uint32_t)name);
	uint64_t value;

	while ((value = map_value(&table->by_name, (uint32_t)name, &at))) {
		struct kept *kept = (struct kept *)(uintptr_t)value;

		if (kept->name == name)
			return kept;
	}
	return NULL;
}

static void unlink_kept(struct kept_table *table, struct kept *kept)
{
	if (kept->older)
		kept->older->newer = kept->newer;
	else
		table->oldest = kept->newer;
	if (kept->newer)
		kept->newer->older = kept->older;
	else
		table->newest = kept->older;
}

static void link_newest(struct kept_table *table, struct kept *kept)
{
	kept->older = table->newest;
	kept->newer = NULL;
	if (table->newest)
		table->newest->newer = kept;
	else
		table->oldest = kept;
	table->newest = kept;
}

static void table_drop(struct kept_table *table, struct kept *kept)
{
	bool was_there = map_remove(&table->by_name, (uint32_t)kept->name, (uintptr_t)kept);

	assert(was_there);
	unlink_kept(table, kept);
	pool_give_back(table->pool, kept);
}

static struct kept *table_take(struct kept_table *table, uint64_t name)
{
	struct handle handle;
	struct kept *kept;

	if (pool_live(table->pool) == pool_max(table->pool))
		table_drop(table, table->oldest);
	kept = pool_take(table->pool, &handle);
	if (!kept)
		return NULL;
	kept->name = name;
	if (!map_insert(&table->by_name, (uint32_t)name, (uintptr_t)kept)) {
		pool_give_back(table->pool, kept);
		return NULL;
	}
	link_newest(table, kept);
	return kept;
}

/* ------------------------------------------------------------------ nonces */

bool challenges_open(struct challenges *challenges, uint32_t nonces_max, struct hash_key key)
{
	*challenges = (struct challenges){.key = key};
	if (table_open(&challenges->nonces, sizeof(struct nonce), nonces_max) &&
	    table_open(&challenges->sequences, sizeof(struct sequence), nonces_max))
		return true;
	challenges_close(challenges);
	return false;
}

void challenges_close(struct challenges *challenges)
{
	table_close(&challenges->nonces);
	table_close(&challenges->sequences);
}

uint64_t challenges_user(const struct challenges *challenges, struct text private_identity)
{
	return hash_bytes(&challenges->key, private_identity.at, private_identity.len);
}

struct nonce *challenges_give(struct challenges *challenges, uint64_t user, struct text text,
			      bool is_aka, uint64_t now_ms)
{
	struct nonce *nonce;

	assert(text.len <= NONCE_TEXT_MAX);
	nonce = (struct nonce *)(void *)table_take(&challenges->nonces,
						   hash_bytes(&challenges->key, text.at, text.len));
	if (!nonce)
		return NULL;
	nonce->user = user;
	nonce->given_ms = now_ms;
	nonce->is_aka = is_aka;
	nonce->len = (uint8_t)text.len;
	memcpy(nonce->text, text.at, text.len);
	return nonce;
}

struct nonce *challenges_find(const struct challenges *challenges, uint64_t user, struct text text)
{
	struct nonce *nonce;

	if (text.len == 0)
		return NULL;
	nonce = (struct nonce *)(void *)table_find(&challenges->nonces,
						   hash_bytes(&challenges->key, text.at, text.len));
	if (!nonce || nonce->user != user ||
	    !text_equal((struct text){nonce->text, nonce->len}, text))
		return NULL;
	return nonce;
}

void challenges_forget(struct challenges *challenges, struct nonce *nonce)
{
	table_drop(&challenges->nonces, &nonce->kept);
}

void challenges_forget_older(struct challenges *challenges, uint64_t before_ms)
{
	struct nonce *oldest;

	while ((oldest = (struct nonce *)(void *)challenges->nonces.oldest) &&
	       oldest->given_ms < before_ms)
		challenges_forget(challenges, oldest);
}

/* ------------------------------------------------------------------ sequence numbers */

static uint64_t step(uint64_t sqn)
{
	uint64_t seq = (sqn >> IND_BITS) + 1, ind = (sqn + 1) & ((1u << IND_BITS) - 1);

	return (seq << IND_BITS | ind) & SQN_MASK;
}

/* The user's entry, now the youngest; with `next` when there was none. */
static struct sequence *sequence_of(struct challenges *challenges, uint64_t user, uint64_t next)
{
	struct kept *kept = table_find(&challenges->sequences, user);
	struct sequence *sequence;

	if (kept) {
		unlink_kept(&challenges->sequences, kept);
		link_newest(&challenges->sequences, kept);
		return (struct sequence *)(void *)kept;
	}
	sequence = (struct sequence *)(void *)table_take(&challenges->sequences, user);
	if (sequence)
		sequence->next = next & SQN_MASK;
	return sequence;
}

bool challenges_next_sequence(struct challenges *challenges, uint64_t user, uint64_t first,
			      uint64_t *ret_sqn)
{
	struct sequence *sequence = sequence_of(challenges, user, first);

	if (!sequence)
		return false;
	*ret_sqn = sequence->next;
	sequence->next = step(sequence->next);
	return true;
}

bool challenges_resynchronise(struct challenges *challenges, uint64_t user, uint64_t sqn_ms)
{
	struct sequence *sequence = sequence_of(challenges, user, 0);

	if (!sequence)
		return false;
	sequence->next = step(sqn_ms);
	return true;
}
