/* RFC 3261 §10.3: bindings of addresses of record */
#include "roles/scscf/bindings.h"

#include "base/limits.h"
#include "sip/uri.h"

#include <stddef.h>

bool bindings_open(struct bindings *bindings, uint32_t bindings_max, struct store *store,
		   struct timers *timers, uint8_t timer_kind, struct hash_key key)
{
	*bindings = (struct bindings){
		.pool = pool_open(sizeof(struct binding), bindings_max),
		.store = store,
		.timers = timers,
		.key = key,
		.timer_kind = timer_kind,
		.round = 1,
	};
	return bindings->pool != NULL;
}

static void take_out(struct bindings *bindings, struct binding *binding)
{
	struct handle handle = pool_handle(bindings->pool, binding);

	timers_stop(bindings->timers, &binding->timer);
	map_remove(&bindings->by_user, binding->hash,
		   (uint64_t)handle.generation << 32 | handle.index);
	packed_text_clear(&binding->texts, bindings->store);
	pool_give_back(bindings->pool, binding);
}

void bindings_close(struct bindings *bindings)
{
	uint32_t index = 0;
	struct binding *binding;

	if (!bindings->pool)
		return;
	while ((binding = pool_next(bindings->pool, &index)))
		take_out(bindings, binding);
	map_clear(&bindings->by_user);
	pool_close(bindings->pool);
}

static uint32_t hash_of(const struct bindings *bindings, struct text user)
{
	return (uint32_t)hash_bytes(&bindings->key, user.at, user.len);
}

unsigned bindings_of_user(const struct bindings *bindings, struct text user, struct binding **ret,
			  unsigned max)
{
	uint32_t hash = hash_of(bindings, user);
	uint32_t at = map_first(&bindings->by_user, hash);
	uint64_t value;
	unsigned n = 0;

	while (n < max && (value = map_value(&bindings->by_user, hash, &at))) {
		struct handle handle = {(uint32_t)value, (uint32_t)(value >> 32)};
		struct binding *binding = pool_at(bindings->pool, handle);

		if (binding && text_equal(binding_text(binding, BINDING_USER), user))
			ret[n++] = binding;
	}
	return n;
}

static bool same_uri(struct text a, struct text b)
{
	struct sip_uri uri_a, uri_b;

	if (text_equal(a, b))
		return true;
	return sip_uri_parse(a, &uri_a) && sip_uri_parse(b, &uri_b) &&
	       sip_uri_equal(&uri_a, &uri_b);
}

/* One more than a user may have: the contactless entry. */
#define ENTRIES_OF_USER (LIMIT_CONTACTS_OF_USER + 1u)

struct binding *bindings_of_contact(const struct bindings *bindings, struct text user,
				    struct text contact)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(bindings, user, list, ENTRIES_OF_USER);

	for (unsigned i = 0; i < n; i++) {
		struct text have = binding_text(list[i], BINDING_CONTACT);

		if (have.len == 0 ? contact.len == 0 : contact.len && same_uri(have, contact))
			return list[i];
	}
	return NULL;
}

static bool set(struct bindings *bindings, struct binding *binding, const struct binding_line *line)
{
	struct text texts[BINDING_TEXTS] = {
		[BINDING_USER] = line->user,
		[BINDING_CONTACT] = line->contact,
		[BINDING_PATH] = line->path,
		[BINDING_CALL_ID] = line->call_id,
	};

	if (!packed_text_build(&binding->texts, bindings->store, texts, binding->slices,
			       BINDING_TEXTS))
		return false;
	binding->cseq = line->cseq;
	binding->expires_ms = line->expires_ms;
	binding->round = bindings->round;
	binding->timer.kind = bindings->timer_kind;
	if (line->expires_ms)
		timers_start(bindings->timers, &binding->timer, line->expires_ms);
	else
		timers_stop(bindings->timers, &binding->timer);
	return true;
}

static enum bindings_verdict add(struct bindings *bindings, const struct binding_line *line)
{
	struct handle handle;
	struct binding *binding = pool_take(bindings->pool, &handle);

	if (!binding)
		return BINDINGS_FULL;
	binding->hash = hash_of(bindings, line->user);
	if (!set(bindings, binding, line)) {
		pool_give_back(bindings->pool, binding);
		return BINDINGS_FULL;
	}
	if (!map_insert(&bindings->by_user, binding->hash,
			(uint64_t)handle.generation << 32 | handle.index)) {
		take_out(bindings, binding);
		return BINDINGS_FULL;
	}
	return BINDINGS_DONE;
}

/* The last contact of a user goes: the user is still known (480 and not 404 for a while). */
static void remove_contact(struct bindings *bindings, struct binding *binding, uint64_t now_ms,
			   uint64_t known_for_ms)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(bindings, binding_text(binding, BINDING_USER), list,
				      ENTRIES_OF_USER);
	struct binding_line known = {
		.user = binding_text(binding, BINDING_USER),
		.expires_ms = now_ms + known_for_ms,
	};

	if (n > 1 || known_for_ms == 0 || binding_text(binding, BINDING_CONTACT).len == 0 ||
	    !set(bindings, binding, &known))
		take_out(bindings, binding);
}

enum bindings_verdict bindings_apply(struct bindings *bindings, const struct binding_line *line,
				     uint64_t now_ms, uint64_t known_for_ms)
{
	struct binding *list[ENTRIES_OF_USER];
	struct binding *binding = bindings_of_contact(bindings, line->user, line->contact);
	unsigned n = bindings_of_user(bindings, line->user, list, ENTRIES_OF_USER);

	if (line->expires_ms == UINT64_MAX) {
		if (binding)
			remove_contact(bindings, binding, now_ms, known_for_ms);
		return BINDINGS_DONE;
	}
	if (binding)
		return set(bindings, binding, line) ? BINDINGS_DONE : BINDINGS_FULL;
	/* The contactless entry becomes the new one. */
	for (unsigned i = 0; i < n; i++)
		if (binding_text(list[i], BINDING_CONTACT).len == 0)
			return set(bindings, list[i], line) ? BINDINGS_DONE : BINDINGS_FULL;
	return n >= LIMIT_CONTACTS_OF_USER ? BINDINGS_FULL : add(bindings, line);
}

void bindings_expired(struct bindings *bindings, struct timer *timer, uint64_t now_ms,
		      uint64_t known_for_ms)
{
	struct binding *binding =
		(struct binding *)(void *)((char *)timer - offsetof(struct binding, timer));

	remove_contact(bindings, binding, now_ms, known_for_ms);
}

void bindings_next_round(struct bindings *bindings, uint64_t now_ms)
{
	uint32_t index = 0;
	struct binding *binding;

	while ((binding = pool_next(bindings->pool, &index)))
		if (binding->expires_ms == 0 && binding->round != bindings->round)
			remove_contact(bindings, binding, now_ms, 0);
	bindings->round++;
}

/* user LF contact LF path LF call-id LF cseq SP expires LF; white space inside is no part of any of
 * them. */
void binding_line_put(struct text_writer *w, const struct binding_line *line)
{
	const struct text words[] = {line->user, line->contact, line->path, line->call_id};

	for (unsigned i = 0; i < 4; i++) {
		text_put(w, words[i]);
		text_put_char(w, '\n');
	}
	text_put_u64(w, line->cseq);
	text_put_char(w, ' ');
	text_put_u64(w, line->expires_ms);
	text_put_char(w, '\n');
}

static bool word_next(struct text *rest, char end, struct text *ret)
{
	uint32_t len = text_find(*rest, end);

	if (len == rest->len)
		return false;
	*ret = (struct text){rest->at, len};
	*rest = text_from(*rest, len + 1);
	return true;
}

static bool to_u64(struct text t, uint64_t *ret)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(t.at[i] - '0'), &n))
			return false;
	}
	*ret = n;
	return t.len > 0;
}

bool binding_line_next(struct text *rest, struct binding_line *ret)
{
	struct text cseq, expires;

	return word_next(rest, '\n', &ret->user) && word_next(rest, '\n', &ret->contact) &&
	       word_next(rest, '\n', &ret->path) && word_next(rest, '\n', &ret->call_id) &&
	       word_next(rest, ' ', &cseq) && word_next(rest, '\n', &expires) &&
	       text_to_u32(cseq, UINT32_MAX, &ret->cseq) && to_u64(expires, &ret->expires_ms);
}
