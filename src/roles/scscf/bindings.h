/* The contacts of registered users: the registrar's memory (RFC 3261 §10.3), a full copy in every
 * shard, kept equal by lines that each change is written as. */
#ifndef ROLES_SCSCF_BINDINGS_H
#define ROLES_SCSCF_BINDINGS_H

#include "base/hash.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/store.h"
#include "base/timers.h"
#include "dialog/packed_text.h"

enum binding_text {
	BINDING_USER,    /* address of record */
	BINDING_CONTACT, /* URI; empty: the user is known and has no contact now */
	BINDING_PATH,    /* comma list, RFC 3327 */
	BINDING_CALL_ID,
	BINDING_TEXTS,
};

struct binding {
	struct timer timer;
	struct packed_text texts;
	struct text_slice slices[BINDING_TEXTS];
	uint64_t expires_ms; /* 0: static, from the bindings file */
	uint32_t cseq;
	uint32_t hash;
	uint32_t round; /* static: of the reading of the file that gave it */
};

struct bindings {
	struct pool *pool;
	struct store *store;
	struct timers *timers;
	struct map by_user;
	struct hash_key key;
	uint8_t timer_kind;
	uint32_t round; /* of the bindings file */
};

/* The store and the timers belong to the node. false when out of memory. */
bool bindings_open(struct bindings *bindings, uint32_t bindings_max, struct store *store,
		   struct timers *timers, uint8_t timer_kind, struct hash_key key);
void bindings_close(struct bindings *bindings);

static inline struct text binding_text(const struct binding *binding, enum binding_text which)
{
	return packed_text_get(&binding->texts, binding->slices[which]);
}

/* One binding as a line: the form of every change. `expires_ms` 0: static; UINT64_MAX: take it out. */
struct binding_line {
	struct text user, contact, path, call_id;
	uint32_t cseq;
	uint64_t expires_ms;
};
void binding_line_put(struct text_writer *w, const struct binding_line *line);
/* Reads one line off *rest; false when there is none or it is none of ours. */
bool binding_line_next(struct text *rest, struct binding_line *ret);

enum bindings_verdict {
	BINDINGS_DONE,
	BINDINGS_FULL, /* of the user or of all: nothing changed */
};
/* Adds, refreshes or takes out one. When the last contact of a user goes, the user stays known
 * without one for `known_for_ms`. */
enum bindings_verdict bindings_apply(struct bindings *bindings, const struct binding_line *line,
				     uint64_t now_ms, uint64_t known_for_ms);
/* A timer of `timer_kind` ran out. */
void bindings_expired(struct bindings *bindings, struct timer *timer, uint64_t now_ms,
		      uint64_t known_for_ms);
/* Static ones that the file did not give again. */
void bindings_next_round(struct bindings *bindings, uint64_t now_ms);

/* The bindings of a user, those without a contact too. Up to `max`; returns how many. */
unsigned bindings_of_user(const struct bindings *bindings, struct text user, struct binding **ret,
			  unsigned max);
/* That of this contact (compared as URIs, RFC 3261 §10.3 step 7), or NULL. */
struct binding *bindings_of_contact(const struct bindings *bindings, struct text user,
				    struct text contact);

#endif
