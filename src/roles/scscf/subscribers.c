/* TS 29.228 §6.6, TS 23.003 §13.4A: the users of the home domains. Exact identities are found by hash,
 * wildcarded ones by looking at each. @req SUB-5 SUB-6 SUB-7 SUB-8 */
#include "roles/scscf/subscribers.h"

#include "base/block.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/map.h"
#include "sip/uri.h"

#include <assert.h>
#include <stdio.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

/* The names come from the operator, so nobody can aim at this key. */
static const struct hash_key KEY = {{0x61646965752d7375ull, 0x6273637269626572ull}};

struct memory {
	struct memory *next;
	size_t used, bytes;
	_Alignas(16) char at[];
};

struct kept_pattern {
	struct kept_pattern *next;
	struct pattern *pattern;
};

struct wildcard_entry {
	struct wildcard_entry *next;
	const struct public_identity *identity;
};

struct subscribers {
	struct map by_user; /* struct public_identity: by user, and by its wildcard */
	struct wildcard_entry *wildcards, **last_wildcard;
	struct kept_pattern *patterns;
	struct memory *memory; /* the newest block first */
	uint32_t n, n_wildcards;
};

/* ------------------------------------------------------------------ life */

struct subscribers *subscribers_open(void)
{
	struct subscribers *set = block_open(1, sizeof(*set));

	if (set)
		set->last_wildcard = &set->wildcards;
	return set;
}

/* There are credentials in it. Volatile, since the compiler knows that nobody reads it any more. */
static void wipe(struct memory *m)
{
	volatile char *at = m->at;

	for (size_t i = 0; i < m->used; i++)
		at[i] = 0;
}

void subscribers_close(struct subscribers *set)
{
	if (!set)
		return;
	for (struct kept_pattern *p = set->patterns; p; p = p->next)
		pattern_close(p->pattern);
	while (set->memory) {
		struct memory *m = set->memory;

		set->memory = m->next;
		wipe(m);
		block_close(m);
	}
	map_clear(&set->by_user);
	block_close(set);
}

static struct memory *memory_add(struct subscribers *set, size_t bytes)
{
	bool is_large = bytes > BLOCK_BYTES / 4;
	size_t size = is_large ? bytes : BLOCK_BYTES;
	struct memory *m = block_open(1, sizeof(*m) + size);

	if (!m)
		return NULL;
	m->bytes = size;
	/* A block of its own must not hide the rest of the present one. */
	if (is_large && set->memory) {
		m->next = set->memory->next;
		set->memory->next = m;
	} else {
		m->next = set->memory;
		set->memory = m;
	}
	return m;
}

void *subscribers_take(struct subscribers *set, size_t bytes)
{
	struct memory *m = set->memory;
	void *taken;

	if (bytes > SIZE_MAX - BLOCK_BYTES)
		return NULL;
	bytes = bytes ? (bytes + 15) & ~(size_t)15 : 16;
	if (!m || bytes > m->bytes - m->used)
		m = memory_add(set, bytes);
	if (!m)
		return NULL;
	taken = m->at + m->used;
	m->used += bytes;
	return taken;
}

struct text subscribers_keep(struct subscribers *set, struct text text)
{
	char *at = subscribers_take(set, text.len);

	if (!at)
		return (struct text){0};
	if (text.len)
		memcpy(at, text.at, text.len);
	return (struct text){at, text.len};
}

bool subscribers_keep_pattern(struct subscribers *set, struct pattern *pattern)
{
	struct kept_pattern *kept = subscribers_take(set, sizeof(*kept));

	if (!kept) {
		pattern_close(pattern);
		return false;
	}
	*kept = (struct kept_pattern){set->patterns, pattern};
	set->patterns = kept;
	return true;
}

/* ------------------------------------------------------------------ finding */

static uint32_t hash_of(struct text user)
{
	return (uint32_t)hash_bytes(&KEY, user.at, user.len);
}

static bool is_named(const struct public_identity *identity, struct text user)
{
	return text_equal(identity->user, user) ||
	       (identity->wildcard && text_equal(identity->wildcard->whole, user));
}

static const struct public_identity *find_exact(const struct subscribers *set, struct text user)
{
	uint32_t hash = hash_of(user), at = map_first(&set->by_user, hash);
	uint64_t value;

	while ((value = map_value(&set->by_user, hash, &at))) {
		const struct public_identity *identity = (const void *)(uintptr_t)value;

		if (is_named(identity, user))
			return identity;
	}
	return NULL;
}

static bool wildcard_matches(const struct wildcarded_identity *w, struct text user)
{
	struct text between;

	if (user.len < w->before.len + w->behind.len ||
	    memcmp(user.at, w->before.at, w->before.len) != 0 ||
	    memcmp(user.at + user.len - w->behind.len, w->behind.at, w->behind.len) != 0)
		return false;
	between = (struct text){user.at + w->before.len, user.len - w->before.len - w->behind.len};
	return pattern_matches(w->between, between);
}

const struct public_identity *subscribers_find(const struct subscribers *set, struct text user)
{
	const struct public_identity *found;

	if (!set || user.len == 0)
		return NULL;
	found = find_exact(set, user);
	for (const struct wildcard_entry *w = set->wildcards; w && !found; w = w->next)
		if (wildcard_matches(w->identity->wildcard, user))
			found = w->identity;
	return found;
}

const struct public_identity *subscribers_next(const struct subscribers *set, uint32_t *at)
{
	return set ? (const void *)(uintptr_t)map_next(&set->by_user, at) : NULL;
}

uint32_t subscribers_count(const struct subscribers *set)
{
	return set ? set->n : 0;
}

/* ------------------------------------------------------------------ wildcarded identities */

static uint32_t last_mark(struct text uri)
{
	uint32_t at = uri.len;

	while (at > 0 && uri.at[at - 1] != '!')
		at--;
	return at ? at - 1 : 0;
}

bool wildcarded_identity_is_meant(struct text uri)
{
	uint32_t first = text_find(uri, '!');

	return first < uri.len && last_mark(uri) > first;
}

/* The address of record with this character in the place of the expression; empty: not a URI. */
static struct text address_with(char stand_in, struct text before, struct text behind,
				char address[LIMIT_URI_BYTES * 3])
{
	char uri_bytes[LIMIT_URI_BYTES];
	struct text_writer u = text_writer_on(uri_bytes, sizeof(uri_bytes));
	struct text_writer w = text_writer_on(address, LIMIT_URI_BYTES * 3);
	struct sip_uri uri;

	text_put(&u, before);
	text_put_char(&u, stand_in);
	text_put(&u, behind);
	if (u.full || !sip_uri_parse(text_written(&u), &uri) || uri.scheme == SIP_URI_OTHER)
		return (struct text){0};
	sip_uri_put_address_of_record(&uri, &w);
	return w.full ? (struct text){0} : text_written(&w);
}

/* Where the expression stands in the address of record: where two stand-ins make a difference. A
 * wildcard is part of the user part, or of the number. */
static bool find_place(struct text before, struct text behind, char address[LIMIT_URI_BYTES * 3],
		       struct text *ret_before, struct text *ret_behind)
{
	char other_bytes[LIMIT_URI_BYTES * 3];
	struct text one = address_with('0', before, behind, address);
	struct text other = address_with('1', before, behind, other_bytes);
	uint32_t at = 0;

	if (one.len == 0 || one.len != other.len)
		return false;
	while (at < one.len && one.at[at] == other.at[at])
		at++;
	if (at == one.len)
		return false;
	if (text_starts_with_nocase(one, TEXT("sip:")) &&
	    text_find(text_from(one, at), '@') == one.len - at)
		return false;
	*ret_before = (struct text){one.at, at};
	*ret_behind = text_from(one, at + 1);
	return true;
}

static struct pattern *open_whole(struct text expression, char *why, size_t why_bytes)
{
	char bytes[LIMIT_URI_BYTES + 8];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct pattern *alone = pattern_open(expression, false, why, why_bytes);

	/* What is valid only inside of our brackets is not meant. */
	if (!alone)
		return NULL;
	pattern_close(alone);
	text_put_literal(&w, "^(");
	text_put(&w, expression);
	text_put_literal(&w, ")$");
	assert(!w.full);
	return pattern_open(text_written(&w), false, why, why_bytes);
}

static bool keep_wildcard(struct subscribers *set, struct text before, struct text expression,
			  struct text behind, struct wildcarded_identity *ret)
{
	char bytes[LIMIT_URI_BYTES * 4 + 2];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put(&w, before);
	text_put_char(&w, '!');
	text_put(&w, expression);
	text_put_char(&w, '!');
	text_put(&w, behind);
	assert(!w.full);
	ret->whole = subscribers_keep(set, text_written(&w));
	if (!ret->whole.at)
		return false;
	ret->before = (struct text){ret->whole.at, before.len};
	ret->behind = text_from(ret->whole, ret->whole.len - behind.len);
	return true;
}

const struct wildcarded_identity *
subscribers_take_wildcard(struct subscribers *set, struct text uri, char *why, size_t why_bytes)
{
	struct wildcarded_identity *wildcard = subscribers_take(set, sizeof(*wildcard));
	uint32_t first = text_find(uri, '!'), last = last_mark(uri);
	char address[LIMIT_URI_BYTES * 3];
	struct text before, behind, expression = {uri.at + first + 1, last - first - 1};
	struct pattern *pattern;

	assert(first < last);
	if (uri.len > LIMIT_URI_BYTES ||
	    !find_place((struct text){uri.at, first}, text_from(uri, last + 1), address, &before,
			&behind)) {
		snprintf(why, why_bytes,
			 "not a SIP or tel URI with its expression in the user part");
		return NULL;
	}
	pattern = open_whole(expression, why, why_bytes);
	if (!pattern)
		return NULL;
	if (!subscribers_keep_pattern(set, pattern) || !wildcard ||
	    !keep_wildcard(set, before, expression, behind, wildcard)) {
		snprintf(why, why_bytes, "out of memory");
		return NULL;
	}
	wildcard->between = pattern;
	return wildcard;
}

/* ------------------------------------------------------------------ building */

static bool is_wildcard_itself(const struct public_identity *identity)
{
	return identity->wildcard && text_equal(identity->wildcard->whole, identity->user);
}

/* Several identities of one set may belong to the same wildcard: it stands in the table once. */
static bool is_known_wildcard(const struct subscriber *subscriber, unsigned i)
{
	struct text whole = subscriber->identities[i].wildcard->whole;

	for (unsigned j = 0; j < i; j++)
		if (is_named(&subscriber->identities[j], whole))
			return true;
	return false;
}

static bool is_taken(const struct subscribers *set, const struct subscriber *subscriber,
		     struct text *ret_duplicate, unsigned *ret_wildcards)
{
	for (unsigned i = 0; i < subscriber->n_identities; i++) {
		const struct public_identity *identity = &subscriber->identities[i];

		*ret_duplicate = identity->user;
		for (unsigned j = 0; j < i; j++)
			if (text_equal(subscriber->identities[j].user, identity->user))
				return true;
		if (find_exact(set, identity->user))
			return true;
		if (!identity->wildcard)
			continue;
		*ret_duplicate = identity->wildcard->whole;
		if (find_exact(set, identity->wildcard->whole))
			return true;
		*ret_wildcards += !is_known_wildcard(subscriber, i);
	}
	return false;
}

static bool insert(struct subscribers *set, struct text name,
		   const struct public_identity *identity)
{
	return map_insert(&set->by_user, hash_of(name), (uintptr_t)identity);
}

static bool insert_wildcard(struct subscribers *set, const struct public_identity *identity)
{
	struct wildcard_entry *entry = subscribers_take(set, sizeof(*entry));

	if (!entry)
		return false;
	entry->identity = identity;
	*set->last_wildcard = entry;
	set->last_wildcard = &entry->next;
	set->n_wildcards++;
	return is_wildcard_itself(identity) || insert(set, identity->wildcard->whole, identity);
}

enum subscribers_verdict subscribers_add(struct subscribers *set, struct subscriber *subscriber,
					 struct text *ret_duplicate)
{
	struct text duplicate = {0};
	unsigned n_wildcards = 0;

	if (is_taken(set, subscriber, &duplicate, &n_wildcards)) {
		*ret_duplicate = duplicate;
		return SUBSCRIBERS_DUPLICATE;
	}
	if (n_wildcards > SUBSCRIBERS_WILDCARDS_MAX - set->n_wildcards)
		return SUBSCRIBERS_TOO_MANY_WILDCARDS;
	subscriber->main = NULL;
	for (unsigned i = 0; i < subscriber->n_identities; i++) {
		const struct public_identity *identity = &subscriber->identities[i];

		assert(identity->subscriber == subscriber && identity->profile);
		if (!subscriber->main && !identity->is_barred && !is_wildcard_itself(identity))
			subscriber->main = identity;
		if (!insert(set, identity->user, identity))
			return SUBSCRIBERS_FULL;
		if (identity->wildcard && !is_known_wildcard(subscriber, i) &&
		    !insert_wildcard(set, identity))
			return SUBSCRIBERS_FULL;
	}
	set->n++;
	return SUBSCRIBERS_DONE;
}
