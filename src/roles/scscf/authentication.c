/* TS 24.229 §5.4.1.2 Initial registration and user-initiated reregistration: authentication
 *
 * SIP digest:  REGISTER ----> 401 nonce ----> REGISTER response ----> right, count higher: 200
 *                                                                     right, nonce or count used up: 401 stale
 *                                                                     wrong: 403
 * IMS AKA:     REGISTER ----> 401 RAND||AUTN ----> response: right 200, wrong 403; AUTS: 401 from the sequence
 *                             number shown; nothing: 403. The nonce is gone in each case. */
#include "roles/scscf/authentication.h"

#include <assert.h>

#include "base/block.h"
#include "roles/scscf/challenges.h"
#include "roles/scscf/digest_credentials.h"
#include "roles/scscf/failure_limit.h"
#include "roles/scscf/milenage.h"
#include "sip/uri.h"

#define NO_MEMORY_RETRY_S 5u
#define AUTS_BYTES        14u /* SQN_MS xor AK*, MAC-S */

struct authentication {
	struct challenges challenges;
	struct failure_limit *failures;
};

/* One REGISTER at work. */
struct attempt {
	struct authentication *authentication;
	const struct authentication_settings *settings;
	const struct subscriber *subscriber;
	const struct sip_message *request;
	struct random *random;
	struct text_writer *lines;
	struct authentication_answer *answer;
	uint64_t now_ms;
	uint64_t user; /* as challenges_user() */
	struct text realm;
	bool from_trusted, already_registered;
	struct digest_credentials credentials;
};

struct authentication_settings authentication_settings_default(void)
{
	return (struct authentication_settings){
		.algorithms = {DIGEST_SHA256, DIGEST_MD5},
		.n_algorithms = 2,
		.nonce_lifetime_s = 300,
		.challenge_wait_s = 240,
		.failures_per_minute = 30,
	};
}

struct authentication *authentication_open(uint32_t nonces_max, struct hash_key key)
{
	struct authentication *authentication = block_open(1, sizeof(*authentication));

	if (!authentication)
		return NULL;
	authentication->failures = failure_limit_open(key);
	if (!authentication->failures ||
	    !challenges_open(&authentication->challenges, nonces_max, key)) {
		failure_limit_close(authentication->failures);
		block_close(authentication);
		return NULL;
	}
	return authentication;
}

void authentication_close(struct authentication *authentication)
{
	if (!authentication)
		return;
	challenges_close(&authentication->challenges);
	failure_limit_close(authentication->failures);
	block_close(authentication);
}

static enum authentication_verdict failed(struct attempt *a, enum authentication_verdict verdict)
{
	a->answer->is_failure = true;
	return verdict;
}

/* @req AU-15 */
static enum authentication_verdict without_memory(struct attempt *a)
{
	a->answer->retry_after_s = NO_MEMORY_RETRY_S;
	return AUTHENTICATION_THROTTLED;
}

static bool is_aka(const struct attempt *a)
{
	return a->subscriber->credentials.kind == CREDENTIAL_AKA;
}

/* RFC 3261 §22.1: the realm is a domain of the server; by default that of the private identity (TS 23.003
 * §13.3). */
static struct text realm_of(const struct subscriber *subscriber)
{
	struct text identity = subscriber->private_identity;
	uint32_t at = text_find(identity, '@');

	if (subscriber->credentials.realm.len)
		return subscriber->credentials.realm;
	return at < identity.len ? text_from(identity, at + 1) : identity;
}

/* ------------------------------------------------------------------ nonces */

static uint64_t lifetime_ms(const struct attempt *a, bool aka)
{
	return 1000ull * (aka ? a->settings->challenge_wait_s : a->settings->nonce_lifetime_s);
}

/* The nonce the request answers; NULL when it is unknown, of another user, or too old (then it is forgotten). */
static struct nonce *live_nonce(const struct attempt *a)
{
	struct challenges *challenges = &a->authentication->challenges;
	struct nonce *nonce = challenges_find(challenges, a->user, a->credentials.nonce);

	if (!nonce || nonce->is_aka != is_aka(a))
		return NULL;
	if (nonce->given_ms + lifetime_ms(a, nonce->is_aka) >= a->now_ms)
		return nonce;
	challenges_forget(challenges, nonce);
	return NULL;
}

static void forget_old_nonces(const struct attempt *a)
{
	uint64_t longest_ms = lifetime_ms(a, false) > lifetime_ms(a, true) ? lifetime_ms(a, false)
									   : lifetime_ms(a, true);

	if (a->now_ms > longest_ms)
		challenges_forget_older(&a->authentication->challenges, a->now_ms - longest_ms);
}

static void draw(struct random *random, uint8_t ret[16])
{
	for (unsigned i = 0; i < 16; i += 8) {
		uint64_t bits = random_u64(random);

		memcpy(ret + i, &bits, 8);
	}
}

/* The nonce in base64, remembered for this user; NULL when out of memory. */
static struct nonce *give_nonce(const struct attempt *a, const uint8_t *bytes, size_t n)
{
	char text[NONCE_TEXT_MAX];
	struct text_writer w = text_writer_on(text, sizeof(text));

	forget_old_nonces(a);
	digest_put_base64(&w, bytes, n);
	return challenges_give(&a->authentication->challenges, a->user, text_written(&w), is_aka(a),
			       a->now_ms);
}

/* ------------------------------------------------------------------ challenges */

/* RFC 7616 §3.3 */
static void put_challenge(const struct attempt *a, struct text algorithm, const struct nonce *nonce)
{
	text_put_literal(a->lines, "WWW-Authenticate: Digest realm=");
	digest_put_quoted(a->lines, a->realm);
	text_put_literal(a->lines, ", nonce=\"");
	text_put(a->lines, (struct text){nonce->text, nonce->len});
	text_put_literal(a->lines, "\", algorithm=");
	text_put(a->lines, algorithm);
	text_put_literal(a->lines, ", qop=\"auth\"");
	if (a->answer->is_stale)
		text_put_literal(a->lines, ", stale=true");
}

/* RFC 8760 §2.3: what the server likes most comes first, and what it does not like not at all. Only what the
 * stored credentials can check is of use.
 * @req AU-2 AU-16 */
static unsigned offered_algorithms(const struct attempt *a,
				   enum digest_algorithm ret[AUTHENTICATION_ALGORITHMS_MAX])
{
	const struct credentials *credentials = &a->subscriber->credentials;
	unsigned n = 0;

	assert(a->settings->n_algorithms <= AUTHENTICATION_ALGORITHMS_MAX);
	for (unsigned i = 0; i < a->settings->n_algorithms; i++) {
		enum digest_algorithm algorithm = a->settings->algorithms[i];

		if (credentials->password.len ||
		    (algorithm == DIGEST_SHA256 ? credentials->has_sha256 : credentials->has_md5))
			ret[n++] = algorithm;
	}
	return n;
}

/* One nonce serves all algorithms. */
static enum authentication_verdict challenge_digest(struct attempt *a)
{
	enum digest_algorithm algorithms[AUTHENTICATION_ALGORITHMS_MAX];
	unsigned n = offered_algorithms(a, algorithms);
	uint8_t bytes[NONCE_DIGEST_BYTES];
	struct nonce *nonce;

	if (n == 0)
		return AUTHENTICATION_REFUSED; /* no secret of use: nobody can prove anything */
	draw(a->random, bytes);
	nonce = give_nonce(a, bytes, sizeof(bytes));
	if (!nonce)
		return without_memory(a);
	for (unsigned i = 0; i < n; i++) {
		put_challenge(a, algorithms[i] == DIGEST_MD5 ? TEXT("MD5") : TEXT("SHA-256"),
			      nonce);
		text_put_literal(a->lines, "\r\n");
	}
	return AUTHENTICATION_CHALLENGE;
}

static struct milenage_key milenage_key_of(const struct attempt *a)
{
	return (struct milenage_key){a->subscriber->credentials.k, a->subscriber->credentials.opc};
}

static void put_key(struct text_writer *w, struct text name, const uint8_t key[16])
{
	text_put_literal(w, ", ");
	text_put(w, name);
	text_put_literal(w, "=\"");
	digest_put_hex(w, key, 16);
	text_put_char(w, '"');
}

/* TS 33.102 §6.3.2: RAND || AUTN, AUTN = SQN xor AK || AMF || MAC. */
static void make_vector(const struct attempt *a, uint64_t sqn, uint8_t ret_bytes[NONCE_AKA_BYTES],
			struct milenage_vector *ret_vector)
{
	struct milenage_key key = milenage_key_of(a);
	uint8_t *rand = ret_bytes, *autn = ret_bytes + 16, mac_s[8];

	draw(a->random, rand);
	for (unsigned i = 0; i < 6; i++)
		autn[i] = (uint8_t)(sqn >> (40 - 8 * i));
	memcpy(autn + 6, a->subscriber->credentials.amf, 2);
	milenage_f1(key, rand, autn, autn + 6, autn + 8, mac_s);
	digest_wipe(mac_s, sizeof(mac_s)); /* would make an AUTS for this SQN if AMF were 0 */
	milenage_f2345(key, rand, ret_vector);
	for (unsigned i = 0; i < 6; i++)
		autn[i] ^= ret_vector->ak[i];
}

/* RFC 3310 §3.2; TS 24.229 §5.4.1.2.1A: the P-CSCF gets the keys for its security association and takes
 * them out. Nobody else gets them.
 * @req AU-8 AU-10 */
static enum authentication_verdict challenge_aka(struct attempt *a)
{
	uint8_t bytes[NONCE_AKA_BYTES];
	struct milenage_vector vector;
	struct nonce *nonce;
	uint64_t sqn;

	if (!challenges_next_sequence(&a->authentication->challenges, a->user,
				      a->subscriber->credentials.sqn, &sqn))
		return without_memory(a);
	make_vector(a, sqn, bytes, &vector);
	nonce = give_nonce(a, bytes, sizeof(bytes));
	if (nonce) {
		put_challenge(a, TEXT("AKAv1-MD5"), nonce);
		if (a->from_trusted) {
			put_key(a->lines, TEXT("ik"), vector.ik);
			put_key(a->lines, TEXT("ck"), vector.ck);
		}
		text_put_literal(a->lines, "\r\n");
	}
	digest_wipe(&vector, sizeof(vector));
	return nonce ? AUTHENTICATION_CHALLENGE : without_memory(a);
}

static enum authentication_verdict challenge(struct attempt *a)
{
	return is_aka(a) ? challenge_aka(a) : challenge_digest(a);
}

/* Right, but for a nonce that is used up: RFC 7616 §3.3, stale. @req AU-13 */
static enum authentication_verdict challenge_stale(struct attempt *a)
{
	a->answer->is_stale = true;
	return challenge(a);
}

/* ------------------------------------------------------------------ the response */

/* RFC 3261 §22.4 8): qop was offered, so it must be in the answer, and with it cnonce and nc (RFC 7616
 * §3.4). The older form without it has no nonce count: a replay could not be told from the original.
 * nc has eight digits and begins with 1.
 * @req AU-4 */
static bool is_complete(const struct digest_credentials *credentials, uint32_t *ret_nc)
{
	uint8_t nc[4];

	if (!credentials->uri.len || !credentials->nonce.len || !credentials->cnonce.len ||
	    !text_equal_nocase(credentials->qop, TEXT("auth")) ||
	    !digest_from_hex(credentials->nc, nc, sizeof(nc)))
		return false;
	*ret_nc = (uint32_t)nc[0] << 24 | (uint32_t)nc[1] << 16 | (uint32_t)nc[2] << 8 | nc[3];
	return *ret_nc > 0;
}

static bool names_domain(const struct attempt *a, struct text host)
{
	struct text identity = a->subscriber->private_identity;
	struct sip_uri to;

	return text_equal_nocase(host, a->realm) ||
	       text_equal_nocase(host, text_from(identity, text_find(identity, '@') + 1)) ||
	       (sip_uri_parse(a->request->to_uri, &to) && text_equal_nocase(host, to.host));
}

/* RFC 7616 §3.4.6: the same resource as the Request-URI. RFC 3261 §22.4 bears with a Request-URI that a
 * proxy changed, and in IMS one does: the I-CSCF puts the S-CSCF in the place of the home domain (TS
 * 24.229 §5.3.1.2). So behind a trusted hop the home domain is right too.
 * @req AU-5 */
static bool is_for_us(const struct attempt *a)
{
	struct sip_uri signed_uri, request_uri;

	if (!sip_uri_parse(a->credentials.uri, &signed_uri) ||
	    !sip_uri_parse(a->request->request_uri, &request_uri))
		return false;
	return sip_uri_equal(&signed_uri, &request_uri) ||
	       (a->from_trusted && names_domain(a, signed_uri.host));
}

/* @req AU-14 */
static bool response_is_right(const struct attempt *a, enum digest_algorithm algorithm,
			      struct text ha1)
{
	uint8_t given[DIGEST_BYTES_MAX], wanted[DIGEST_BYTES_MAX];
	size_t n = digest_bytes(algorithm);
	bool is_right;

	digest_response(algorithm, &a->credentials, ha1, a->request->method_name, wanted);
	is_right = digest_from_hex(a->credentials.response, given, n) &&
		   digest_equal(given, wanted, n);
	digest_wipe(wanted, sizeof(wanted));
	return is_right;
}

/* RFC 7616 §3.5: the server shows that it knows the secret too. No nextnonce: the count goes on.
 * @req AU-6 */
static void put_authentication_info(const struct attempt *a, enum digest_algorithm algorithm,
				    struct text ha1)
{
	uint8_t rspauth[DIGEST_BYTES_MAX];

	digest_response(algorithm, &a->credentials, ha1, (struct text){0}, rspauth);
	text_put_literal(a->lines, "Authentication-Info: qop=auth, rspauth=\"");
	digest_put_hex(a->lines, rspauth, digest_bytes(algorithm));
	text_put_literal(a->lines, "\", cnonce=\"");
	text_put(a->lines,
		 a->credentials.cnonce); /* between quotes as it came: escapes are as written */
	text_put_literal(a->lines, "\", nc=");
	text_put(a->lines, a->credentials.nc);
	text_put_literal(a->lines, "\r\n");
	digest_wipe(rspauth, sizeof(rspauth));
}

/* ------------------------------------------------------------------ SIP digest, TS 33.203 annex N */

/* false: not one of those offered. Absent means MD5 (RFC 7616 §3.4). */
static bool answered_algorithm(const struct attempt *a, enum digest_algorithm *ret)
{
	enum digest_algorithm offered[AUTHENTICATION_ALGORITHMS_MAX];
	unsigned n = offered_algorithms(a, offered);
	struct text name = a->credentials.algorithm;

	if (!name.at || text_equal_nocase(name, TEXT("MD5")))
		*ret = DIGEST_MD5;
	else if (text_equal_nocase(name, TEXT("SHA-256")))
		*ret = DIGEST_SHA256;
	else
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (offered[i] == *ret)
			return true;
	}
	return false;
}

static struct text ha1_of(const struct attempt *a, enum digest_algorithm algorithm,
			  char buffer[DIGEST_HEX_MAX])
{
	const struct credentials *credentials = &a->subscriber->credentials;

	if (credentials->password.len)
		return digest_ha1(algorithm, a->subscriber->private_identity, a->realm,
				  credentials->password, buffer);
	return algorithm == DIGEST_MD5 ? (struct text){credentials->md5, 32}
				       : (struct text){credentials->sha256, 64};
}

/* The count goes up only with a right response: who does not know the secret cannot use it up for the
 * one who does.
 * @req AU-3 */
static enum authentication_verdict count_nonce(struct attempt *a, uint32_t nc)
{
	struct nonce *nonce = live_nonce(a);

	if (!nonce)
		return challenge_stale(a);
	if (nc <= nonce->count) {
		a->answer->is_replay = true;
		failed(a, AUTHENTICATION_CHALLENGE);
		return challenge_stale(a);
	}
	nonce->count = nc;
	return AUTHENTICATION_DONE;
}

static enum authentication_verdict check_digest(struct attempt *a)
{
	enum authentication_verdict verdict;
	enum digest_algorithm algorithm;
	char buffer[DIGEST_HEX_MAX];
	struct text ha1;
	uint32_t nc;

	if (!a->credentials.response.len || !answered_algorithm(a, &algorithm))
		return challenge(a);
	if (!is_complete(&a->credentials, &nc))
		return AUTHENTICATION_BAD;
	if (!is_for_us(a))
		return failed(a, AUTHENTICATION_BAD);
	ha1 = ha1_of(a, algorithm, buffer);
	if (!response_is_right(a, algorithm, ha1)) {
		verdict = failed(a, AUTHENTICATION_REFUSED);
	} else {
		verdict = count_nonce(a, nc);
		if (verdict == AUTHENTICATION_DONE)
			put_authentication_info(a, algorithm, ha1);
	}
	digest_wipe(buffer, sizeof(buffer));
	return verdict;
}

/* ------------------------------------------------------------------ IMS AKA, TS 33.203 §6.1 */

/* TS 33.102 §6.3.5: AUTS is believed when its MAC-S is right for our RAND and an AMF of zeros (§6.3.3).
 * @req AU-11 */
static bool auts_is_right(const struct attempt *a, const uint8_t rand[16], uint64_t *ret_sqn_ms)
{
	static const uint8_t no_amf[2];
	uint8_t auts[AUTS_BYTES], ak[6], mac_a[8], mac_s[8];
	struct milenage_key key = milenage_key_of(a);
	bool is_right;

	if (!digest_from_base64(a->credentials.auts, auts, sizeof(auts)))
		return false;
	milenage_f5_star(key, rand, ak);
	*ret_sqn_ms = 0;
	for (unsigned i = 0; i < 6; i++) {
		auts[i] ^= ak[i];
		*ret_sqn_ms = *ret_sqn_ms << 8 | auts[i];
	}
	milenage_f1(key, rand, auts, no_amf, mac_a, mac_s);
	is_right = digest_equal(auts + 6, mac_s, sizeof(mac_s));
	digest_wipe(mac_a, sizeof(mac_a));
	digest_wipe(mac_s, sizeof(mac_s));
	return is_right;
}

/* TS 33.203 §6.1.3: a new challenge from the sequence number of the USIM. A wrong AUTS is a failure of
 * authentication like a wrong response. */
static enum authentication_verdict resynchronise(struct attempt *a, const uint8_t rand[16])
{
	uint64_t sqn_ms;

	if (!auts_is_right(a, rand, &sqn_ms))
		return failed(a, AUTHENTICATION_REFUSED);
	a->answer->is_resynchronisation = true;
	if (!challenges_resynchronise(&a->authentication->challenges, a->user, sqn_ms))
		return without_memory(a);
	return challenge(a);
}

/* RFC 3310 §3.3: RES is the password. */
static enum authentication_verdict check_res(struct attempt *a, const uint8_t rand[16])
{
	enum authentication_verdict verdict = AUTHENTICATION_DONE;
	struct milenage_vector vector;
	char buffer[DIGEST_HEX_MAX];
	struct text ha1;

	milenage_f2345(milenage_key_of(a), rand, &vector);
	ha1 = digest_ha1(DIGEST_MD5, a->subscriber->private_identity, a->realm,
			 (struct text){(const char *)vector.res, sizeof(vector.res)}, buffer);
	if (response_is_right(a, DIGEST_MD5, ha1))
		put_authentication_info(a, DIGEST_MD5, ha1);
	else
		verdict = failed(a, AUTHENTICATION_REFUSED);
	digest_wipe(&vector, sizeof(vector));
	digest_wipe(buffer, sizeof(buffer));
	return verdict;
}

/* An answer to a challenge that is not (or no longer) running is a new beginning: it may be the last
 * response sent again at a reregistration (RFC 3310 §3.3), and proves nothing. One vector, one answer.
 * DEVIATION: TS 24.229 §5.4.1.2.1 challenges whatever did not come over a security association; we take a
 * right RES also without one, from user agents that have AKA and no IPsec.
 * @req AU-9 */
static enum authentication_verdict check_aka(struct attempt *a)
{
	struct nonce *nonce = live_nonce(a);
	uint8_t bytes[NONCE_AKA_BYTES];
	bool has_auts = a->credentials.auts.at != NULL, was_ours;
	uint32_t nc;

	if (!nonce)
		return challenge(a);
	if (!has_auts && a->credentials.response.len) {
		if (!text_equal_nocase(a->credentials.algorithm, TEXT("AKAv1-MD5")))
			return challenge(a);
		if (!is_complete(&a->credentials, &nc))
			return AUTHENTICATION_BAD;
		if (!is_for_us(a))
			return failed(a, AUTHENTICATION_BAD);
	}
	was_ours = digest_from_base64((struct text){nonce->text, nonce->len}, bytes, sizeof(bytes));
	assert(was_ours);
	challenges_forget(&a->authentication->challenges, nonce);
	if (has_auts)
		return resynchronise(a, bytes);
	if (a->credentials.response.len)
		return check_res(a, bytes);
	/* TS 24.229 §5.1.1.5.3, TS 33.203 §6.1.2.2: the USIM did not believe the MAC of our AUTN */
	return failed(a, AUTHENTICATION_REFUSED);
}

/* ------------------------------------------------------------------ the whole */

/* TS 24.229 §5.4.1.2.2: what the P-CSCF received over its security association, TLS session or from the
 * known address of a registered user needs no new proof, unless a challenge is being answered.
 * @req AU-7 */
static bool is_protected(const struct attempt *a)
{
	static const struct text words[] = {TEXT("yes"), TEXT("tls-yes"), TEXT("ip-assoc-yes")};
	struct text said = a->credentials.integrity_protected;

	if (!a->from_trusted || !a->already_registered || (is_aka(a) && live_nonce(a)))
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (text_equal_nocase(said, words[i]))
			return true;
	}
	return false;
}

static bool is_throttled(struct attempt *a, uint64_t source)
{
	a->answer->retry_after_s = failure_limit_wait_s(
		a->authentication->failures, source, a->settings->failures_per_minute, a->now_ms);
	return a->answer->retry_after_s > 0;
}

static enum authentication_verdict look(struct attempt *a, uint64_t source)
{
	bool has_credentials = false, is_user;

	switch (digest_credentials_of(a->request, a->realm, &a->credentials)) {
	case DIGEST_CREDENTIALS_BAD: return AUTHENTICATION_BAD;
	case DIGEST_CREDENTIALS_FOUND: has_credentials = true; break;
	case DIGEST_CREDENTIALS_ABSENT: break;
	}
	is_user = has_credentials &&
		  digest_value_equal(a->credentials.username, a->subscriber->private_identity);
	if (is_user && is_protected(a))
		return AUTHENTICATION_DONE;
	if (is_throttled(a, source))
		return AUTHENTICATION_THROTTLED;
	if (!has_credentials)
		return challenge(a);
	if (!a->credentials.username.len)
		return AUTHENTICATION_BAD;
	if (!is_user)
		return failed(a, AUTHENTICATION_REFUSED);
	return is_aka(a) ? check_aka(a) : check_digest(a);
}

void scscf_authenticate(struct authentication *authentication,
			const struct authentication_settings *settings,
			const struct subscriber *subscriber, const struct sip_message *request,
			const struct endpoint *source, bool from_trusted, bool already_registered,
			uint64_t now_ms, struct random *random, struct text_writer *lines,
			struct authentication_answer *ret)
{
	struct attempt a = {
		.authentication = authentication,
		.settings = settings,
		.subscriber = subscriber,
		.request = request,
		.random = random,
		.lines = lines,
		.answer = ret,
		.now_ms = now_ms,
		.user = challenges_user(&authentication->challenges, subscriber->private_identity),
		.realm = realm_of(subscriber),
		.from_trusted = from_trusted,
		.already_registered = already_registered,
	};
	/* Behind a trusted P-CSCF all users have one address; there each has failures of its own. @req AU-12 */
	uint64_t from = failure_limit_source(authentication->failures, source,
					     from_trusted ? subscriber->private_identity
							  : (struct text){0});

	assert(subscriber->credentials.kind != CREDENTIAL_NONE);
	*ret = (struct authentication_answer){0};
	ret->verdict = look(&a, from);
	if (ret->is_failure)
		failure_limit_count(authentication->failures, from, settings->failures_per_minute,
				    now_ms);
}
