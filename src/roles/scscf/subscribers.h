/* The users of the home domains with their service profiles, as the Cx user data gives them (TS 29.228
 * annex E). Read-only while any node uses it: built as a whole by src/adapters/subscriber_files.c when the
 * configuration is read, exchanged as a whole by a reload, shared by all nodes. Nothing that belongs to
 * traffic keeps a pointer into it. */
#ifndef ROLES_SCSCF_SUBSCRIBERS_H
#define ROLES_SCSCF_SUBSCRIBERS_H

#include "roles/scscf/filter_criteria.h"

enum credential_kind {
	CREDENTIAL_NONE, /* no authentication for this user: only a trusted address may register it */
	CREDENTIAL_PASSWORD, /* SIP digest: `password`, or the hashes of user:realm:password */
	CREDENTIAL_AKA, /* IMS AKA with Milenage: K, OPc, AMF and the sequence number to begin with */
};

struct credentials {
	uint8_t kind;         /* enum credential_kind */
	struct text realm;    /* of the hashes; empty: the domain of the private identity */
	struct text password; /* empty: the hashes count */
	bool has_md5, has_sha256;
	char md5[33], sha256[65]; /* HA1 in lower-case hex */
	uint8_t k[16], opc[16], amf[2];
	uint64_t sqn; /* 48 bits */
};

/* One IMSSubscription: a private identity and the public identities of one implicit registration set
 * (TS 23.228 §5.2.1a). */
struct subscriber {
	struct text private_identity;
	struct credentials credentials;
	uint16_t n_identities;
	const struct public_identity *identities; /* in the order of the file */
	const struct public_identity *
		main; /* first that is neither barred nor a wildcard: the default public identity; NULL: none */
};

/* A wildcarded identity (TS 23.003 §13.4A, §13.5): sip:list!.*!@ims.example stands for all addresses of
 * record that begin with `before`, end with `behind` and have between them what the expression matches
 * as a whole. */
struct wildcarded_identity {
	struct text
		whole; /* before!expression!behind, the literal parts as in an address of record */
	struct text before, behind;
	const struct pattern *between;
};

struct public_identity {
	struct text
		user; /* address of record, as sip_uri_put_address_of_record() writes it; or wildcard->whole */
	const struct wildcarded_identity
		*wildcard;   /* NULL: none; it is found by what this matches too */
	struct text display; /* may be empty */
	bool is_barred;
	const struct service_profile *profile;
	const struct subscriber *subscriber;
};

struct subscribers;

/* By address of record; wildcarded identities (TS 23.003 §13.4A) are found by what they match, exact ones
 * first. NULL: nobody. `set` may be NULL (no subscribers are configured). */
const struct public_identity *subscribers_find(const struct subscribers *set, struct text user);
uint32_t subscribers_count(const struct subscribers *set); /* of implicit registration sets */
/* Walks the public identities in no order: `at` is 0 at first; NULL at the end. */
const struct public_identity *subscribers_next(const struct subscribers *set, uint32_t *at);

/* ------------------------------------------------------------------ building */

/* NULL when out of memory. */
struct subscribers *subscribers_open(void);
/* NULL is allowed. Closes the patterns too. */
void subscribers_close(struct subscribers *set);
/* Zeroed memory that lives as long as the set and is wiped with it; NULL when out of memory. */
void *subscribers_take(struct subscribers *set, size_t bytes);
/* .at is NULL when out of memory. */
struct text subscribers_keep(struct subscribers *set, struct text text);
/* The pattern is closed with the set. false: out of memory (it is closed at once). */
bool subscribers_keep_pattern(struct subscribers *set, struct pattern *pattern);

/* Is this meant as a wildcarded identity, with an expression between two exclamation marks? */
bool wildcarded_identity_is_meant(struct text uri);
/* NULL: `why` says what is wrong with it. */
const struct wildcarded_identity *
subscribers_take_wildcard(struct subscribers *set, struct text uri, char *why, size_t why_bytes);

/* They are looked at one after the other when no exact identity is found. */
#define SUBSCRIBERS_WILDCARDS_MAX 1024u

enum subscribers_verdict {
	SUBSCRIBERS_DONE,
	SUBSCRIBERS_DUPLICATE, /* a public identity that another file has already: nothing was added */
	SUBSCRIBERS_TOO_MANY_WILDCARDS, /* nothing was added */
	SUBSCRIBERS_FULL,               /* out of memory: the set can only be closed */
};
/* Adds a finished subscriber (memory of the set, like all it points to) and sets its `main`.
 * `*ret_duplicate`: which identity. */
enum subscribers_verdict subscribers_add(struct subscribers *set, struct subscriber *subscriber,
					 struct text *ret_duplicate);

#endif
