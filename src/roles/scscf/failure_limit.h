/* How many failed authentications one source may have in a minute: a token bucket per source in a
 * table of fixed size.
 *
 * A source is an address (of IPv6 the /64, which is what one site has), and behind a trusted P-CSCF,
 * where all users come from one address, that address and the private identity together.
 *
 * The table is divided into rows by a keyed hash, so that nobody can aim at a row. In a full row the
 * source that owes least makes room: a flood of new sources, each with its one failure, pushes out
 * others like itself and not the one that has been guessing. */
#ifndef ROLES_SCSCF_FAILURE_LIMIT_H
#define ROLES_SCSCF_FAILURE_LIMIT_H

#include "base/endpoint.h"
#include "base/hash.h"

#define FAILURE_LIMIT_ROWS    1024u
#define FAILURE_LIMIT_COLUMNS 8u

struct failure_limit; /* 128 KiB */

/* NULL when out of memory. */
struct failure_limit *failure_limit_open(struct hash_key key);
/* NULL is allowed. */
void failure_limit_close(struct failure_limit *limit);

/* `private_identity`: empty for a source that is not a trusted P-CSCF. */
uint64_t failure_limit_source(const struct failure_limit *limit, const struct endpoint *source,
			      struct text private_identity);

/* Seconds until this source may try again; 0: now. `per_minute` 0: no limit. */
uint32_t failure_limit_wait_s(const struct failure_limit *limit, uint64_t source,
			      uint32_t per_minute, uint64_t now_ms);
void failure_limit_count(struct failure_limit *limit, uint64_t source, uint32_t per_minute,
			 uint64_t now_ms);

#endif
