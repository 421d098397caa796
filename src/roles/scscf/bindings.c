/* RFC 3261 §10.3: bindings of addresses of record */
#include "roles/scscf/bindings.h"

#include "base/limits.h"
#include "sip/uri.h"

#include <assert.h>
#include <stddef.h>

bool bindings_open(struct bindings *bindings, uint32_t bindings_max, struct store *store,
		   struct timers *timers, uint8_t timer_kind, struct hash_key key)
{
	*bindings = (struct bindings){
		/* As many again may be gone and not yet heard of, and those that one request replaces. */
		.pool = pool_open(sizeof(struct binding),
				  2 * bindings_max + 4 * LIMIT_CONTACTS_OF_USER),
		.store = store,
		.timers = timers,
		.key = key,
		.timer_kind = timer_kind,
		.round = 1,
		.max = bindings_max,
		.readers = 1u << BINDINGS_FOR_RELEASE,
	};
	return bindings->pool != NULL;
}

/* Nobody finds it by its user any more. */
static void unlink_binding(struct bindings *bindings, struct binding *binding)
{
	timers_stop(bindings->timers, &binding->timer);
	bindings_unlist_at_address(bindings, binding);
	map_remove(&bindings->by_user, binding->hash,
		   handle_as_value(pool_handle(bindings->pool, binding)));
	bindings->n_live--;
}

static void free_binding(struct bindings *bindings, struct binding *binding)
{
	packed_text_clear(&binding->texts, bindings->store);
	pool_give_back(bindings->pool, binding);
}

void bindings_close(struct bindings *bindings)
{
	uint32_t index = 0;
	struct binding *binding;

	if (!bindings->pool)
		return;
	while ((binding = pool_next(bindings->pool, &index))) {
		if (!binding->gone)
			unlink_binding(bindings, binding);
		free_binding(bindings, binding);
	}
	map_clear(&bindings->by_user);
	map_clear(&bindings->by_address);
	pool_close(bindings->pool);
}

struct binding *bindings_walk(const struct bindings *bindings, uint32_t *index)
{
	struct binding *binding;

	while ((binding = pool_next(bindings->pool, index)) && binding->gone)
		;
	return binding;
}

/* ---------------------------------------------------------------- those that are gone */

static void queue_gone(struct bindings *bindings, struct binding *binding,
		       enum binding_gone_why why)
{
	struct handle handle = pool_handle(bindings->pool, binding);

	assert(!binding->gone && why > 0 && why < BINDINGS_GONE_WHYS);
	binding->gone = (uint8_t)why;
	binding->readers = bindings->readers;
	for (unsigned r = 0; r < BINDINGS_READERS; r++) {
		struct binding *last = pool_at(bindings->pool, bindings->gone[r].last);

		if (!(binding->readers & 1u << r))
			continue;
		if (last)
			last->next_gone[r] = handle;
		else
			bindings->gone[r].first = handle;
		bindings->gone[r].last = handle;
	}
	if (!binding->readers)
		free_binding(bindings, binding);
}

static void forget_first_gone(struct bindings *bindings, enum bindings_reader reader)
{
	struct binding *first = pool_at(bindings->pool, bindings->gone[reader].first);

	assert(first && first->gone);
	bindings->gone[reader].told = false;
	bindings->gone[reader].first = first->next_gone[reader];
	if (!handle_is_set(first->next_gone[reader]))
		bindings->gone[reader].last = NO_HANDLE;
	first->readers &= (uint8_t) ~(1u << reader);
	if (!first->readers)
		free_binding(bindings, first);
}

bool bindings_next_gone_for(struct bindings *bindings, enum bindings_reader reader,
			    struct binding_gone *ret)
{
	const struct binding *first;

	if (bindings->gone[reader].told)
		forget_first_gone(bindings, reader);
	first = pool_at(bindings->pool, bindings->gone[reader].first);
	if (!first)
		return false;
	bindings->gone[reader].told = true;
	*ret = (struct binding_gone){bindings->gone[reader].first, first->gone};
	return true;
}

/* ---------------------------------------------------------------- looking up */

static uint32_t hash_of(const struct bindings *bindings, struct text user)
{
	return (uint32_t)hash_bytes(&bindings->key, user.at, user.len);
}

static unsigned q_of(const struct binding *binding)
{
	return binding->has_q ? binding->q : 1000;
}

/* @req RG-6b */
static bool rings_before(const struct bindings *bindings, const struct binding *a,
			 const struct binding *b)
{
	if (q_of(a) != q_of(b))
		return q_of(a) > q_of(b);
	return pool_handle(bindings->pool, a).generation >
	       pool_handle(bindings->pool, b).generation;
}

unsigned bindings_of_user(const struct bindings *bindings, struct text user, struct binding **ret,
			  unsigned max)
{
	uint32_t hash = hash_of(bindings, user);
	uint32_t at = map_first(&bindings->by_user, hash);
	uint64_t value;
	unsigned n = 0;

	while (n < max && (value = map_value(&bindings->by_user, hash, &at))) {
		struct handle handle = handle_of_value(value);
		struct binding *binding = pool_at(bindings->pool, handle);
		unsigned place = n;

		assert(binding && !binding->gone);
		if (!text_equal(binding_text(binding, BINDING_USER), user))
			continue;
		for (; place > 0 && rings_before(bindings, binding, ret[place - 1]); place--)
			ret[place] = ret[place - 1];
		ret[place] = binding;
		n++;
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

/* ---------------------------------------------------------------- changing */

static uint64_t timer_of(const struct bindings *bindings, const struct binding_line *line)
{
	uint64_t grace = bindings->is_copy && line->contact.len ? BINDINGS_COPY_GRACE_MS : 0;
	uint64_t at;

	return __builtin_add_overflow(line->expires_ms, grace, &at) ? TIMERS_NEVER : at;
}

static bool set(struct bindings *bindings, struct binding *binding, const struct binding_line *line)
{
	struct text texts[BINDING_TEXTS] = {
		[BINDING_USER] = line->user,         [BINDING_CONTACT] = line->contact,
		[BINDING_PATH] = line->path,         [BINDING_CALL_ID] = line->call_id,
		[BINDING_INSTANCE] = line->instance, [BINDING_IDENTITY] = line->identity,
	};
	bool moves = !text_equal(binding_text(binding, BINDING_CONTACT), line->contact);
	bool is_set;

	if (moves)
		bindings_unlist_at_address(bindings, binding);
	is_set = packed_text_build(&binding->texts, bindings->store, texts, binding->slices,
				   BINDING_TEXTS);
	if (moves)
		bindings_list_at_address(bindings, binding);
	if (!is_set)
		return false;
	binding->cseq = line->cseq;
	binding->reg_id = line->reg_id;
	binding->q = line->q;
	binding->has_q = line->has_q;
	binding->expires_ms = line->expires_ms;
	binding->round = bindings->round;
	binding->timer.kind = bindings->timer_kind;
	if (line->expires_ms)
		timers_start(bindings->timers, &binding->timer, timer_of(bindings, line));
	else
		timers_stop(bindings->timers, &binding->timer);
	return true;
}

static enum bindings_verdict add(struct bindings *bindings, const struct binding_line *line)
{
	struct handle handle;
	struct binding *binding;

	if (bindings->n_live >= bindings->max || !(binding = pool_take(bindings->pool, &handle)))
		return BINDINGS_FULL;
	binding->hash = hash_of(bindings, line->user);
	if (!set(bindings, binding, line)) {
		pool_give_back(bindings->pool, binding);
		return BINDINGS_FULL;
	}
	bindings->n_live++;
	if (!map_insert(&bindings->by_user, binding->hash, handle_as_value(handle))) {
		unlink_binding(bindings, binding);
		free_binding(bindings, binding);
		return BINDINGS_FULL;
	}
	return BINDINGS_DONE;
}

/* When it was the last contact, its user is still known (480 and not 404 for a while): by an entry of
 * its own, so that whoever holds the handle of the contact finds nothing. */
static void remove_contact(struct bindings *bindings, struct binding *binding,
			   enum binding_gone_why why, uint64_t now_ms, uint64_t known_for_ms)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(bindings, binding_text(binding, BINDING_USER), list,
				      ENTRIES_OF_USER);
	struct binding_line known = {
		.user = binding_text(binding, BINDING_USER),
		.expires_ms = now_ms + known_for_ms,
	};
	bool is_contact = binding_text(binding, BINDING_CONTACT).len > 0;

	unlink_binding(bindings, binding);
	if (is_contact && n == 1 && known_for_ms)
		(void)add(bindings, &known); /* without memory the user is not known */
	if (is_contact)
		queue_gone(bindings, binding, why);
	else
		free_binding(bindings, binding);
}

enum bindings_verdict bindings_apply(struct bindings *bindings, const struct binding_line *line,
				     uint64_t now_ms, uint64_t known_for_ms)
{
	struct binding *list[ENTRIES_OF_USER];
	struct binding *binding = bindings_of_contact(bindings, line->user, line->contact);
	unsigned n = bindings_of_user(bindings, line->user, list, ENTRIES_OF_USER);

	if (line->expires_ms == UINT64_MAX) {
		enum binding_gone_why why =
			line->why ? line->why : BINDING_GONE_DEREGISTERED_BY_USER;

		if (binding)
			remove_contact(bindings, binding, why, now_ms, known_for_ms);
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

struct binding *binding_of_timer(struct timer *timer)
{
	return (struct binding *)(void *)((char *)timer - offsetof(struct binding, timer));
}

void bindings_expired(struct bindings *bindings, struct timer *timer, uint64_t now_ms,
		      uint64_t known_for_ms)
{
	remove_contact(bindings, binding_of_timer(timer), BINDING_GONE_EXPIRED, now_ms,
		       known_for_ms);
}

void bindings_next_round(struct bindings *bindings, uint64_t now_ms)
{
	uint32_t index = 0;
	struct binding *binding;

	while ((binding = bindings_walk(bindings, &index)))
		if (binding->expires_ms == 0 && binding->round != bindings->round)
			remove_contact(bindings, binding, BINDING_GONE_TAKEN_OUT, now_ms, 0);
	bindings->round++;
}

/* ---------------------------------------------------------------- lines */

/* user LF contact LF path LF call-id LF instance LF identity LF cseq SP expires SP q+1 SP reg-id SP why
 * LF; line ends are no part of any of them. */
void binding_line_put(struct text_writer *w, const struct binding_line *line)
{
	const struct text words[] = {line->user,    line->contact,  line->path,
				     line->call_id, line->instance, line->identity};
	const uint64_t numbers[] = {line->cseq, line->expires_ms, line->has_q ? line->q + 1u : 0,
				    line->reg_id, line->why};

	for (unsigned i = 0; i < 6; i++) {
		text_put(w, words[i]);
		text_put_char(w, '\n');
	}
	for (unsigned i = 0; i < 5; i++) {
		text_put_u64(w, numbers[i]);
		text_put_char(w, i == 4 ? '\n' : ' ');
	}
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

static bool numbers_next(struct text *rest, struct binding_line *ret)
{
	struct text cseq, expires, q_text, reg_id, why_text;
	uint32_t q, why;

	if (!word_next(rest, ' ', &cseq) || !word_next(rest, ' ', &expires) ||
	    !word_next(rest, ' ', &q_text) || !word_next(rest, ' ', &reg_id) ||
	    !word_next(rest, '\n', &why_text) || !text_to_u32(cseq, UINT32_MAX, &ret->cseq) ||
	    !to_u64(expires, &ret->expires_ms) || !text_to_u32(q_text, 1001, &q) ||
	    !text_to_u32(reg_id, UINT32_MAX, &ret->reg_id) ||
	    !text_to_u32(why_text, BINDINGS_GONE_WHYS - 1, &why))
		return false;
	ret->has_q = q > 0;
	ret->q = (uint16_t)(q ? q - 1 : 0);
	ret->why = (uint8_t)why;
	return true;
}

bool binding_line_next(struct text *rest, struct binding_line *ret)
{
	return word_next(rest, '\n', &ret->user) && word_next(rest, '\n', &ret->contact) &&
	       word_next(rest, '\n', &ret->path) && word_next(rest, '\n', &ret->call_id) &&
	       word_next(rest, '\n', &ret->instance) && word_next(rest, '\n', &ret->identity) &&
	       numbers_next(rest, ret);
}
