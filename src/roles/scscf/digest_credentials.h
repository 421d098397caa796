/* RFC 7616 §3.4 The Authorization header field: what it says, and what its response ought to be. */
#ifndef ROLES_SCSCF_DIGEST_CREDENTIALS_H
#define ROLES_SCSCF_DIGEST_CREDENTIALS_H

#include "base/digest.h"
#include "sip/message.h"

#define DIGEST_PARAMETERS_MAX   48u  /* 400: auth-params of one Authorization */
#define DIGEST_CNONCE_BYTES_MAX 256u /* 400: it is given back in Authentication-Info */
#define DIGEST_HEX_MAX          64u

/* Views into the message, without the quotes, escapes as written; `at` is NULL when the parameter is
 * absent, and not NULL when it is there and empty (as the nonce of an initial REGISTER, TS 24.229
 * §5.1.1.2.2). No control characters within. */
struct digest_credentials {
	struct text username, realm, nonce, uri, response;
	struct text algorithm, cnonce, qop, nc;
	struct text auts;                /* RFC 3310 §3.4 */
	struct text integrity_protected; /* TS 24.229 §7.2A.2.2 */
};

enum digest_credentials_verdict {
	DIGEST_CREDENTIALS_FOUND,
	DIGEST_CREDENTIALS_ABSENT, /* no Authorization, or of another scheme, or for another realm */
	DIGEST_CREDENTIALS_BAD,    /* malformed, a parameter twice, or a bound passed */
};

/* One Authorization value. *ret is written only with DIGEST_CREDENTIALS_FOUND. */
enum digest_credentials_verdict digest_credentials_parse(struct text value,
							 struct digest_credentials *ret);
/* The first Authorization of the request for `realm` (RFC 3261 §22.3: there may be some for others,
 * RFC 3261 §7.3.1: each in a line of its own). An empty realm stands for any: this is how the private
 * identity of a REGISTER is found before its user is known. */
enum digest_credentials_verdict digest_credentials_of(const struct sip_message *request,
						      struct text realm,
						      struct digest_credentials *ret);

/* Is this what `raw` says when its escapes are undone (RFC 3261 §25.1: quoted-pair)? */
bool digest_value_equal(struct text raw, struct text plain);
/* The other way round: "..." with escapes. */
void digest_put_quoted(struct text_writer *w, struct text plain);

/* H(A1) in hex, RFC 7616 §3.4.2; `secret` may be binary (RFC 3310 §3.3: RES). */
struct text digest_ha1(enum digest_algorithm algorithm, struct text user, struct text realm,
		       struct text secret, char ret_hex[DIGEST_HEX_MAX]);
/* RFC 7616 §3.4.1 with qop: the bytes of the response. An empty method gives the rspauth of
 * Authentication-Info (RFC 7616 §3.5). */
void digest_response(enum digest_algorithm algorithm, const struct digest_credentials *credentials,
		     struct text ha1, struct text method, uint8_t ret[DIGEST_BYTES_MAX]);

#endif
