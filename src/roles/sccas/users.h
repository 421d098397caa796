/* Whom the SCC AS serves: C-MSISDN, private identity, public identities (TS 23.237 §5.3.1: in a
 * network these come from the HSS). Built once when the configuration is read, then read-only and
 * shared by all workers. */
#ifndef ROLES_SCCAS_USERS_H
#define ROLES_SCCAS_USERS_H

#include "base/text.h"

struct sccas_user {
	struct text c_msisdn;          /* "+491711000001" */
	struct text private_identity;  /* "alice@ims.example" */
	const struct text *identities; /* public ones, as addresses of record */
	unsigned n_identities;
};

struct sccas_users;

/* NULL when out of memory. */
struct sccas_users *sccas_users_open(void);
/* NULL is allowed. */
void sccas_users_close(struct sccas_users *users);

enum sccas_users_verdict {
	SCCAS_USERS_DONE,
	SCCAS_USERS_BAD_NUMBER, /* no global number: + and 3 to 15 digits, visual separators allowed */
	SCCAS_USERS_BAD_IDENTITY, /* no sip or tel URI; or no identity at all */
	SCCAS_USERS_DOUBLE, /* the C-MSISDN, private or public identity belongs to an earlier user */
	SCCAS_USERS_NO_MEMORY,
};
/* Texts are copied. The public identities are made addresses of record (sip_uri_put_address_of_record()). */
enum sccas_users_verdict sccas_users_add(struct sccas_users *users, struct text c_msisdn,
					 struct text private_identity,
					 const struct text *identities, unsigned n_identities);
unsigned sccas_users_count(const struct sccas_users *users);
/* Walks them in no order: `at` is 0 at first; NULL at the end. */
const struct sccas_user *sccas_users_next(const struct sccas_users *users, uint32_t *at);

/* A tel URI, a sip URI with user=phone, or one whose user part is a global number, as "+" and digits:
 * visual separators out, parameters off (RFC 3966 §5.1.1). A global number that stands alone, without
 * a scheme, is taken too. false: no global number. */
bool sccas_number_of(struct text uri, struct text_writer *w);

/* By a URI with the number (see sccas_number_of()); NULL: unknown. */
const struct sccas_user *sccas_user_by_c_msisdn(const struct sccas_users *users, struct text uri);
/* By public identity, given as any URI of it; the C-MSISDN as tel URI is a public identity too. NULL:
 * unknown. `users` may be NULL. */
const struct sccas_user *sccas_user_by_identity(const struct sccas_users *users, struct text uri);
/* By private identity. */
const struct sccas_user *sccas_user_by_private_identity(const struct sccas_users *users,
							struct text private_identity);

#endif
