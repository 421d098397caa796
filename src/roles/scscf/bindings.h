/* The contacts of registered users: the registrar's memory (RFC 3261 §10.3), a full copy in every
 * shard, kept equal by lines that each change is written as (docs/adr/0018). A user here is an
 * implicit registration set, under its main identity. */
#ifndef ROLES_SCSCF_BINDINGS_H
#define ROLES_SCSCF_BINDINGS_H

#include "base/endpoint.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/store.h"
#include "base/timers.h"
#include "dialog/packed_text.h"

enum binding_text {
	BINDING_USER,    /* address of record: the main identity of the set */
	BINDING_CONTACT, /* URI; empty: the user is known and has no contact now */
	BINDING_PATH,    /* comma list, RFC 3327 */
	BINDING_CALL_ID,
	BINDING_INSTANCE, /* value of +sip.instance with its quotes, may be empty */
	BINDING_IDENTITY, /* the identity that was registered; empty: BINDING_USER */
	BINDING_TEXTS,
};

/* Why a contact is no longer there: what its sessions are released for (TS 24.229 §5.4.5.1.2A). */
enum binding_gone_why {
	BINDING_GONE_DEREGISTERED_BY_USER = 1,
	BINDING_GONE_EXPIRED,
	BINDING_GONE_BY_OPERATOR,
	BINDING_GONE_REPLACED,  /* another contact of the same device took its place */
	BINDING_GONE_TAKEN_OUT, /* the bindings file no longer has it */
	BINDINGS_GONE_WHYS,
};

/* Those who must hear of each contact that goes, each exactly once. */
enum bindings_reader {
	BINDINGS_FOR_RELEASE, /* of its sessions: every shard */
	BINDINGS_FOR_EVENTS,  /* who watches the registration: the registrar's shard */
	BINDINGS_READERS,
};

struct binding {
	struct timer timer;
	struct packed_text texts;
	struct text_slice slices[BINDING_TEXTS];
	uint64_t expires_ms; /* 0: static, from the bindings file */
	uint32_t cseq;
	uint32_t hash;
	uint32_t round;     /* static: of the reading of the file that gave it */
	uint32_t reg_id;    /* RFC 5626; 0: none */
	uint16_t q;         /* thousandths */
	bool has_q;         /* else it counts as 1 */
	uint8_t gone;       /* enum binding_gone_why; 0: it is there */
	uint8_t readers;    /* of its going: bits of those who have not heard yet */
	bool is_at_address; /* listed in contacts_at_address.c */
	uint32_t address_hash;
	struct handle previous_at_address, next_at_address;
	struct handle next_gone[BINDINGS_READERS];
};

struct bindings {
	struct pool *pool;
	struct store *store;
	struct timers *timers;
	struct map by_user;
	struct map by_address; /* the first contact of each address */
	struct hash_key key;
	uint8_t timer_kind;
	uint32_t round;       /* of the bindings file */
	uint32_t n_live, max; /* those that are gone and not yet heard of do not count */
	uint8_t readers;      /* bits: who asks bindings_next_gone() */
	bool is_copy;         /* another shard decides: see bindings_expired() */
	struct {
		struct handle first, last;
		bool told; /* the first one has been */
	} gone[BINDINGS_READERS];
};

/* The store and the timers belong to the node. false when out of memory. */
bool bindings_open(struct bindings *bindings, uint32_t bindings_max, struct store *store,
		   struct timers *timers, uint8_t timer_kind, struct hash_key key);
void bindings_close(struct bindings *bindings);

static inline struct text binding_text(const struct binding *binding, enum binding_text which)
{
	return packed_text_get(&binding->texts, binding->slices[which]);
}

/* One binding as a line: the form of every change. `expires_ms` 0: static; UINT64_MAX: take it out,
 * for the reason `why` (0: the user's own). */
struct binding_line {
	struct text user, contact, path, call_id, instance, identity;
	uint32_t cseq, reg_id;
	uint16_t q;
	bool has_q;
	uint8_t why; /* enum binding_gone_why */
	uint64_t expires_ms;
};
void binding_line_put(struct text_writer *w, const struct binding_line *line);
/* Reads one line off *rest; false when there is none or it is none of ours. */
bool binding_line_next(struct text *rest, struct binding_line *ret);

enum bindings_verdict {
	BINDINGS_DONE,
	BINDINGS_FULL, /* of the user or of all: nothing changed */
};
/* Adds, refreshes or takes out one. One that is refreshed keeps its handle; one that goes is put on
 * the queue of those that are gone. When the last contact of a user goes, the user stays known without
 * one, under a new handle, for `known_for_ms`. */
enum bindings_verdict bindings_apply(struct bindings *bindings, const struct binding_line *line,
				     uint64_t now_ms, uint64_t known_for_ms);
/* The binding of a timer of `timer_kind`, and: it ran out. A copy waits BINDINGS_COPY_GRACE_MS longer
 * than the time of a contact: the shard that decides says so by a line, and a refresh that crosses the
 * end of the old time must not end calls on the other shards. Its own timer is for a line that was lost. */
#define BINDINGS_COPY_GRACE_MS 5000u
struct binding *binding_of_timer(struct timer *timer);
void bindings_expired(struct bindings *bindings, struct timer *timer, uint64_t now_ms,
		      uint64_t known_for_ms);
/* Static ones that the file did not give again. */
void bindings_next_round(struct bindings *bindings, uint64_t now_ms);

/* A contact that is gone. Its texts are found by binding_at() until bindings_next_gone() is called
 * again for this reader; after that its handle finds nothing. Nothing is lost and nothing told twice,
 * however many wait: the queue runs through the bindings themselves. */
struct binding_gone {
	struct handle binding;
	uint8_t why; /* enum binding_gone_why */
};
bool bindings_next_gone_for(struct bindings *bindings, enum bindings_reader reader,
			    struct binding_gone *ret);
static inline bool bindings_next_gone(struct bindings *bindings, struct binding_gone *ret)
{
	return bindings_next_gone_for(bindings, BINDINGS_FOR_RELEASE, ret);
}

/* NULL when it is no more (or was never one). One that is gone and still on the queue is found. */
static inline struct binding *binding_at(const struct bindings *bindings, struct handle handle)
{
	return pool_at(bindings->pool, handle);
}

/* The bindings of a user, those without a contact too: by q, highest first, then the newest first. Up
 * to `max`; returns how many. */
unsigned bindings_of_user(const struct bindings *bindings, struct text user, struct binding **ret,
			  unsigned max);
/* That of this contact (compared as URIs, RFC 3261 §10.3 step 7), or NULL. */
struct binding *bindings_of_contact(const struct bindings *bindings, struct text user,
				    struct text contact);
/* All that are there; start with *index = 0, NULL at the end. */
struct binding *bindings_walk(const struct bindings *bindings, uint32_t *index);

/* --- contacts_at_address.c */

/* Is this the address of the contact? A datagram comes from its port too; a stream may have any port of its own. */
bool binding_is_at(const struct binding *binding, const struct endpoint *source);
/* The one user who has a contact at this address. false: nobody, several, or too many to look at. */
#define BINDINGS_AT_ADDRESS_LOOKED_AT 256u
bool bindings_only_user_at(const struct bindings *bindings, const struct endpoint *source,
			   struct text *ret_user);
/* For bindings.c, around each change of a contact. Without memory it is not listed, and not found by its address. */
void bindings_list_at_address(struct bindings *bindings, struct binding *binding);
void bindings_unlist_at_address(struct bindings *bindings, struct binding *binding);

#endif
