/* TS 24.229 §5.4.1.2, TS 33.203: authentication at registration. SIP digest (RFC 7616, RFC 8760: SHA-256
 * and MD5, qop auth) and IMS AKA (RFC 3310, TS 35.206 Milenage). State of the registrar's shard: the nonces
 * given out with their counts, the sequence numbers of AKA, and what each source got wrong. Nothing of the
 * credentials is kept here, and nothing of them leaves through the answer. */
#ifndef ROLES_SCSCF_AUTHENTICATION_H
#define ROLES_SCSCF_AUTHENTICATION_H

#include "base/digest.h"
#include "base/endpoint.h"
#include "base/hash.h"
#include "base/random.h"
#include "roles/scscf/subscribers.h"

struct authentication;

#define AUTHENTICATION_ALGORITHMS_MAX 2u

struct authentication_settings {
	/* of SIP digest, in the order they are offered in; what is not here is not accepted (RFC 8760 §2.3) */
	enum digest_algorithm algorithms[AUTHENTICATION_ALGORITHMS_MAX];
	uint32_t n_algorithms;
	uint32_t nonce_lifetime_s; /* a digest nonce older than this is stale */
	uint32_t
		challenge_wait_s; /* reg-await-auth, TS 24.229 table 7.8.1: 4 min; the life of an AKA nonce */
	uint32_t failures_per_minute; /* of one source address, see failure_limit.h; 0: no limit */
};
struct authentication_settings authentication_settings_default(void);

/* NULL when out of memory. At most `nonces_max` nonces live; the oldest goes when one more is needed, and
 * who answers it is told that it is stale. As many sequence numbers of AKA are kept; the one used longest
 * ago goes, and its user agent asks for resynchronisation. */
struct authentication *authentication_open(uint32_t nonces_max, struct hash_key key);
/* NULL is allowed. */
void authentication_close(struct authentication *authentication);

enum authentication_verdict {
	AUTHENTICATION_DONE,
	AUTHENTICATION_CHALLENGE, /* 401; the WWW-Authenticate lines were written. Also to a replayed nonce count, whose sender did know the secret */
	AUTHENTICATION_REFUSED, /* 403: wrong response, wrong user, a wrong AUTS, a user agent that does not believe our challenge */
	AUTHENTICATION_BAD, /* 400: an Authorization that cannot be understood, lacks a parameter, or is for another Request-URI */
	AUTHENTICATION_THROTTLED, /* too many failures of this source, or no memory for a challenge: 503 with Retry-After (`retry_after_s`) */
};

struct authentication_answer {
	enum authentication_verdict verdict;
	uint32_t retry_after_s; /* with AUTHENTICATION_THROTTLED: 1 .. 60 */
	bool is_failure;        /* counted against the source, and in the counters */
	bool is_stale, is_replay,
		is_resynchronisation; /* for the counters and the log; never the credentials themselves */
};

/* Looks at the Authorization of a REGISTER of `subscriber` (whose credentials are not CREDENTIAL_NONE).
 * `from_trusted`: a P-CSCF whose integrity-protected parameter counts, and which may be given the keys of
 * AKA. `already_registered`: the identity in To has a registration now, so that a request the trusted
 * P-CSCF calls protected needs no further proof (TS 24.229 §5.4.1.2.2). `lines`: header lines for the
 * response: WWW-Authenticate with a challenge, Authentication-Info with success (RFC 7616 §3.5). 1024
 * bytes and four times the realm are enough for them. */
void scscf_authenticate(struct authentication *authentication,
			const struct authentication_settings *settings,
			const struct subscriber *subscriber, const struct sip_message *request,
			const struct endpoint *source, bool from_trusted, bool already_registered,
			uint64_t now_ms, struct random *random, struct text_writer *lines,
			struct authentication_answer *ret);

#endif
