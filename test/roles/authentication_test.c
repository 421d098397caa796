/* Authentication at registration as tables. The client's side is computed here with nettle alone: RFC 7616
 * by its formula, the USIM by TS 33.102 §6.3.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../base/failing_malloc.h"

#include "../../src/base/block.c"
#include "../../src/base/map.c"
#include "../../src/base/pool.c"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>

#include "roles/scscf/authentication.h"
#include "roles/scscf/digest_credentials.h"
#include "roles/scscf/failure_limit.h"
#include "roles/scscf/milenage.h"

/* ------------------------------------------------------------------ the server's side */

#define ALICE   "alice@ims.example"
#define SECRET  "open sesame"
#define REQUEST "sip:ims.example"

struct server {
	struct authentication *authentication;
	struct authentication_settings settings;
	struct random random;
	uint64_t now_ms;
	struct subscriber subscriber;
	struct endpoint source;
	bool from_trusted, already_registered;
	struct sip_message request;
	char bytes[20000], lines[4096];
	struct authentication_answer answer;
};

static struct server server;

static void begin(struct server *s, struct credentials credentials)
{
	memset(s, 0, sizeof(*s));
	s->authentication = authentication_open(8, (struct hash_key){{3, 4}});
	assert_non_null(s->authentication);
	s->settings = authentication_settings_default();
	s->random = random_from(5, 6);
	s->now_ms = 1000000;
	s->subscriber.private_identity = TEXT(ALICE);
	s->subscriber.credentials = credentials;
	assert_true(endpoint_parse_ip(TEXT("192.0.2.1"), &s->source));
}

static void end(struct server *s)
{
	authentication_close(s->authentication);
}

static struct credentials password(void)
{
	return (struct credentials){.kind = CREDENTIAL_PASSWORD, .password = TEXT(SECRET)};
}

static enum authentication_verdict look_at(struct server *s, const char *request_uri,
					   const char *headers)
{
	struct text_writer lines = text_writer_on(s->lines, sizeof(s->lines) - 1);
	int n = snprintf(s->bytes, sizeof(s->bytes),
			 "REGISTER %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
			 "From: <sip:alice@ims.example>;tag=f\r\nTo: <sip:alice@ims.example>\r\n"
			 "Call-ID: c\r\nCSeq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
			 request_uri, headers);

	assert_in_range(n, 1, sizeof(s->bytes) - 1);
	assert_int_equal(sip_parse(&s->request, s->bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	scscf_authenticate(s->authentication, &s->settings, &s->subscriber, &s->request, &s->source,
			   s->from_trusted, s->already_registered, s->now_ms, &s->random, &lines,
			   &s->answer);
	assert_false(lines.full);
	s->lines[lines.len] = '\0';
	return s->answer.verdict;
}

static enum authentication_verdict send(struct server *s, const char *authorization)
{
	char headers[16000] = "";

	if (authorization)
		snprintf(headers, sizeof(headers), "Authorization: %s\r\n", authorization);
	return look_at(s, REQUEST, headers);
}

static void pass_s(struct server *s, uint64_t seconds)
{
	s->now_ms += seconds * 1000;
}

/* ------------------------------------------------------------------ the client's side */

static void hex_of_bytes(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
}

/* Hex of the digest of `text`. */
static void hash_hex(bool sha256, const char *text, size_t len, char ret[65])
{
	uint8_t out[32];

	if (sha256) {
		struct sha256_ctx ctx;

		nettle_sha256_init(&ctx);
		nettle_sha256_update(&ctx, len, (const uint8_t *)text);
		nettle_sha256_digest(&ctx, 32, out);
	} else {
		struct md5_ctx ctx;

		nettle_md5_init(&ctx);
		nettle_md5_update(&ctx, len, (const uint8_t *)text);
		nettle_md5_digest(&ctx, 16, out);
	}
	hex_of_bytes(out, sha256 ? 32 : 16, ret);
}

struct client {
	const char *user, *realm, *uri, *method, *cnonce, *qop, *algorithm;
	const char *secret;
	size_t secret_len;
	bool sha256;
	unsigned nc;
	char nonce[128];
	const char *more; /* further parameters, each with its comma */
	char authorization[2048], response[65];
};

static struct client alice(bool sha256)
{
	return (struct client){
		.user = ALICE,
		.realm = "ims.example",
		.uri = REQUEST,
		.method = "REGISTER",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		.qop = "auth",
		.algorithm = sha256 ? "SHA-256" : "MD5",
		.secret = SECRET,
		.secret_len = strlen(SECRET),
		.sha256 = sha256,
		.nc = 1,
		.more = "",
	};
}

static void ha1_of_client(const struct client *c, char ret[65])
{
	char a1[512];
	int n = snprintf(a1, sizeof(a1), "%s:%s:", c->user, c->realm);

	memcpy(a1 + n, c->secret, c->secret_len);
	hash_hex(c->sha256, a1, (size_t)n + c->secret_len, ret);
}

static void respond(const struct client *c, const char *method, char ret[65])
{
	char ha1[65], ha2[65], a[1024];

	ha1_of_client(c, ha1);
	snprintf(a, sizeof(a), "%s:%s", method, c->uri);
	hash_hex(c->sha256, a, strlen(a), ha2);
	snprintf(a, sizeof(a), "%s:%s:%08x:%s:%s:%s", ha1, c->nonce, c->nc, c->cnonce, c->qop, ha2);
	hash_hex(c->sha256, a, strlen(a), ret);
}

static const char *write_authorization(struct client *c)
{
	respond(c, c->method, c->response);
	snprintf(c->authorization, sizeof(c->authorization),
		 "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", "
		 "algorithm=%s, cnonce=\"%s\", qop=%s, nc=%08x%s",
		 c->user, c->realm, c->nonce, c->uri, c->response, c->algorithm, c->cnonce, c->qop,
		 c->nc, c->more);
	return c->authorization;
}

static enum authentication_verdict answer(struct server *s, struct client *c)
{
	return send(s, write_authorization(c));
}

/* The quoted value of a parameter of the n-th line; false when it is not there. */
static bool parameter(const struct server *s, unsigned line, const char *name, char *ret)
{
	const char *at = s->lines, *end;
	char start[64];

	while (line--) {
		at = strstr(at, "\r\n");
		if (!at)
			return false;
		at += 2;
	}
	end = strstr(at, "\r\n");
	snprintf(start, sizeof(start), " %s=\"", name);
	at = strstr(at, start);
	if (!at || !end || at > end)
		return false;
	at += strlen(start);
	memcpy(ret, at, (size_t)(strchr(at, '"') - at));
	ret[strchr(at, '"') - at] = '\0';
	return true;
}

static void take_nonce(const struct server *s, struct client *c)
{
	assert_int_equal(s->answer.verdict, AUTHENTICATION_CHALLENGE);
	assert_true(parameter(s, 0, "nonce", c->nonce));
	c->nc = 1;
}

/* A challenge without credentials. */
static void ask(struct server *s, struct client *c)
{
	assert_int_equal(send(s, NULL), AUTHENTICATION_CHALLENGE);
	take_nonce(s, c);
}

static unsigned count_of(const struct server *s, const char *word)
{
	unsigned n = 0;

	for (const char *at = s->lines; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static bool is_stale(const struct server *s)
{
	return s->answer.is_stale && count_of(s, ", stale=true\r\n") > 0;
}

/* ------------------------------------------------------------------ AU-1 */

static void test_au_1_parameters_quotes_escapes_and_folding(void **state)
{
	static const char value[] =
		"dIgEsT \t username = \"a\\\"l\\\\ice\",\r\n\tREALM=ims.example ,nonce=\"\", "
		"uri=\"sip:ims.example;a=b,c\",response=\"\",x-unknown=\"1, 2\", "
		"nc=00000001,qop=\"auth\","
		"cnonce=\"\\\"\",integrity-protected=\"no\", auts=QUJD==";
	struct digest_credentials c;

	(void)state;
	assert_int_equal(digest_credentials_parse(TEXT(value), &c), DIGEST_CREDENTIALS_FOUND);
	assert_true(digest_value_equal(c.username, TEXT("a\"l\\ice")));
	assert_true(text_equal(c.realm, TEXT("ims.example")));
	assert_true(c.nonce.at && c.nonce.len == 0);
	assert_true(text_equal(c.uri, TEXT("sip:ims.example;a=b,c")));
	assert_true(c.response.at && c.response.len == 0);
	assert_true(text_equal(c.nc, TEXT("00000001")));
	assert_true(text_equal(c.qop, TEXT("auth")));
	assert_true(text_equal(c.cnonce, TEXT("\\\"")));
	assert_true(text_equal(c.integrity_protected, TEXT("no")));
	assert_true(text_equal(c.auts, TEXT("QUJD==")));
	assert_null(c.algorithm.at);
}

static void test_au_1_values_compare_with_their_escapes_undone(void **state)
{
	static const struct {
		const char *raw, *plain;
		bool equal;
	} rows[] = {{"a", "a", true},     {"\\a", "a", true}, {"a\\\"b", "a\"b", true},
		    {"\\\\", "\\", true}, {"a", "ab", false}, {"ab", "a", false},
		    {"\\ab", "a", false}, {"", "", true},     {"", "a", false},
		    {"a\\", "a\\", true}, {"A", "a", false},  {"\\", "", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(digest_value_equal(text_of(rows[i].raw), text_of(rows[i].plain)),
				 rows[i].equal);
}

static void test_au_1_malformed_authorization_is_400(void **state)
{
	static const char *const wrong[] = {
		"Digest",
		"Digest username",
		"Digest username=",
		"Digest username=\"alice",
		"Digest username=\"alice\\",
		"Digest =\"alice\"",
		"Digest username=\"a\" realm=\"b\"",
		"Digest username=\"a\",",
		"Digest ,username=\"a\"",
		"Digest username=\"a\",,realm=\"b\"",
		"Digest username=\"a\", username=\"b\"",
		"Digest username=\"a\"b",
		"Digest,username=\"a\"",
		"Digest username=\"a\x01\"",
		"Digest username=\"a\r\n b\"",
		"Digest username=a\x7f",
		"Digest username=\"a\\\x01\"",
		"\"Digest\" username=\"a\"",
		"=",
	};
	struct server *s = &server;

	(void)state;
	begin(s, password());
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(send(s, wrong[i]), AUTHENTICATION_BAD);
		assert_string_equal(s->lines, "");
	}
	assert_int_equal(digest_credentials_parse((struct text){0}, NULL), DIGEST_CREDENTIALS_BAD);
	end(s);
}

static void test_au_1_bounds_of_parameters_and_cnonce(void **state)
{
	char text[4096] = "Digest a=b", cnonce[300];
	struct digest_credentials c;

	(void)state;
	for (unsigned i = 1; i < DIGEST_PARAMETERS_MAX; i++)
		strcat(text, ",a=b");
	assert_int_equal(digest_credentials_parse(text_of(text), &c), DIGEST_CREDENTIALS_FOUND);
	strcat(text, ",a=b");
	assert_int_equal(digest_credentials_parse(text_of(text), &c), DIGEST_CREDENTIALS_BAD);
	for (unsigned over = 0; over < 2; over++) {
		memset(cnonce, 'c', sizeof(cnonce));
		cnonce[DIGEST_CNONCE_BYTES_MAX + over] = '\0';
		snprintf(text, sizeof(text), "Digest cnonce=\"%s\"", cnonce);
		assert_int_equal(digest_credentials_parse(text_of(text), &c),
				 over ? DIGEST_CREDENTIALS_BAD : DIGEST_CREDENTIALS_FOUND);
	}
}

static void test_au_1_only_the_authorization_for_our_realm_counts(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);
	char headers[4000];

	(void)state;
	begin(s, password());
	ask(s, &c);
	snprintf(headers, sizeof(headers),
		 "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
		 "authorization: Digest username=\"bob\", realm=\"elsewhere.example\", "
		 "response=\"00\"\r\n"
		 "AUTHORIZATION: %s\r\n",
		 write_authorization(&c));
	assert_int_equal(look_at(s, REQUEST, headers), AUTHENTICATION_DONE);
	c.realm = "elsewhere.example";
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_false(s->answer.is_failure || s->answer.is_stale);
	end(s);
}

static void test_au_1_username_without_quotes(void **state)
{
	struct server *s = &server;
	struct client c = alice(false);
	char text[3000];

	(void)state;
	begin(s, password());
	ask(s, &c);
	respond(&c, "REGISTER", c.response);
	snprintf(text, sizeof(text),
		 "Digest username=" ALICE ",realm=ims.example,nonce=%s,uri=" REQUEST ",response=%s,"
		 "cnonce=%s,qop=\"auth\",nc=00000001",
		 c.nonce, c.response, c.cnonce);
	assert_int_equal(send(s, text), AUTHENTICATION_DONE); /* and without algorithm: MD5 */
	end(s);
}

/* ------------------------------------------------------------------ AU-2 */

static void test_au_2_challenge_offers_what_can_be_checked_best_first(void **state)
{
	struct credentials both = {
		.kind = CREDENTIAL_PASSWORD, .has_md5 = true, .has_sha256 = true};
	struct credentials md5 = {.kind = CREDENTIAL_PASSWORD, .has_md5 = true};
	struct credentials sha256 = {.kind = CREDENTIAL_PASSWORD, .has_sha256 = true};
	const struct {
		struct credentials credentials;
		const char *first, *second;
	} rows[] = {{password(), "SHA-256", "MD5"},
		    {both, "SHA-256", "MD5"},
		    {md5, "MD5", NULL},
		    {sha256, "SHA-256", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server *s = &server;
		char wanted[1000], nonce[128];
		size_t n;

		begin(s, rows[i].credentials);
		assert_int_equal(send(s, NULL), AUTHENTICATION_CHALLENGE);
		assert_true(parameter(s, 0, "nonce", nonce));
		assert_int_equal(strlen(nonce), 24); /* 16 bytes in base64 */
		n = (size_t)snprintf(
			wanted, sizeof(wanted),
			"WWW-Authenticate: Digest realm=\"ims.example\", nonce=\"%s\", "
			"algorithm=%s, qop=\"auth\"\r\n",
			nonce, rows[i].first);
		if (rows[i].second)
			snprintf(wanted + n, sizeof(wanted) - n,
				 "WWW-Authenticate: Digest realm=\"ims.example\", nonce=\"%s\", "
				 "algorithm=%s, qop=\"auth\"\r\n",
				 nonce, rows[i].second);
		assert_string_equal(s->lines, wanted);
		assert_false(s->answer.is_failure || s->answer.is_stale);
		end(s);
	}
}

static void test_au_2_user_without_any_secret_is_refused(void **state)
{
	struct server *s = &server;

	(void)state;
	begin(s, (struct credentials){.kind = CREDENTIAL_PASSWORD});
	assert_int_equal(send(s, NULL), AUTHENTICATION_REFUSED);
	assert_string_equal(s->lines, "");
	end(s);
}

static void test_au_2_every_nonce_is_new(void **state)
{
	struct server *s = &server;
	char nonces[50][128];

	(void)state;
	begin(s, password());
	for (unsigned i = 0; i < 50; i++) {
		send(s, NULL);
		assert_true(parameter(s, 0, "nonce", nonces[i]));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(nonces[i], nonces[j]);
	}
	end(s);
}

static void test_au_2_realm_of_the_credentials_with_its_quotes(void **state)
{
	struct server *s = &server;
	char realm[128];

	(void)state;
	begin(s, password());
	s->subscriber.credentials.realm = TEXT("the \"best\" \\ realm");
	send(s, NULL);
	assert_non_null(strstr(s->lines, "realm=\"the \\\"best\\\" \\\\ realm\", nonce"));
	s->subscriber.credentials.realm = (struct text){0};
	s->subscriber.private_identity = TEXT("without-domain");
	send(s, NULL);
	assert_true(parameter(s, 0, "realm", realm));
	assert_string_equal(realm, "without-domain");
	end(s);
}

static void test_au_2_password_and_hashes_are_right_for_each_algorithm(void **state)
{
	(void)state;
	for (unsigned sha256 = 0; sha256 < 2; sha256++) {
		for (unsigned hashed = 0; hashed < 2; hashed++) {
			struct server *s = &server;
			struct client c = alice(sha256);
			struct credentials credentials = password();

			if (hashed) {
				char hex[65];

				ha1_of_client(&c, hex);
				credentials.password = (struct text){0};
				credentials.has_sha256 = sha256;
				credentials.has_md5 = !sha256;
				memcpy(sha256 ? credentials.sha256 : credentials.md5, hex,
				       sha256 ? 65 : 33);
			}
			begin(s, credentials);
			ask(s, &c);
			assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
			assert_false(s->answer.is_failure || s->answer.is_stale ||
				     s->answer.is_replay || s->answer.is_resynchronisation);
			c.secret_len--;
			c.nc++;
			assert_int_equal(answer(s, &c), AUTHENTICATION_REFUSED);
			end(s);
		}
	}
}

static void test_au_2_an_algorithm_that_was_not_offered_gets_a_challenge(void **state)
{
	static const char *const others[] = {"MD5-sess", "SHA-512-256", "AKAv1-MD5", "\"\"",
					     "SHA-256"};
	struct server *s = &server;
	struct client c = alice(false);
	char ha1[65];

	(void)state;
	begin(s, (struct credentials){.kind = CREDENTIAL_PASSWORD, .has_md5 = true});
	ha1_of_client(&c, ha1);
	memcpy(s->subscriber.credentials.md5, ha1, 33);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		ask(s, &c);
		c.algorithm = others[i];
		assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
		assert_false(s->answer.is_stale || s->answer.is_failure);
	}
	ask(s, &c);
	c.algorithm = "md5";
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	end(s);
}

static void test_au_2_initial_register_with_empty_nonce_and_response_is_challenged(void **state)
{
	struct server *s = &server;

	(void)state;
	begin(s, password());
	assert_int_equal(send(s,
			      "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"\", "
			      "uri=\"" REQUEST "\", response=\"\""),
			 AUTHENTICATION_CHALLENGE);
	assert_false(s->answer.is_failure);
	end(s);
}

/* ------------------------------------------------------------------ AU-3 */

static void test_au_3_replayed_nonce_count_is_refused(void **state)
{
	static const struct {
		unsigned nc;
		bool done;
	} rows[] = {{1, true}, {1, false}, {2, true},  {1, false},         {2, false},
		    {9, true}, {8, false}, {10, true}, {0xffffffff, true}, {0xffffffff, false}};
	struct server *s = &server;
	struct client c = alice(true);
	char first[128];

	(void)state;
	begin(s, password());
	ask(s, &c);
	strcpy(first, c.nonce);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		c.nc = rows[i].nc;
		assert_int_equal(answer(s, &c),
				 rows[i].done ? AUTHENTICATION_DONE : AUTHENTICATION_CHALLENGE);
		assert_int_equal(s->answer.is_replay, !rows[i].done);
		assert_int_equal(s->answer.is_failure, !rows[i].done);
		if (!rows[i].done) {
			char fresh[128];

			assert_true(is_stale(
				s)); /* who knows the password goes on with the new nonce */
			assert_true(parameter(s, 0, "nonce", fresh));
			assert_string_not_equal(fresh, first);
			assert_int_equal(count_of(s, "Authentication-Info"), 0);
		}
	}
	end(s);
}

static void test_au_3_wrong_response_does_not_use_up_the_count(void **state)
{
	struct server *s = &server;
	struct client c = alice(true), mallory = alice(true);

	(void)state;
	begin(s, password());
	ask(s, &c);
	strcpy(mallory.nonce, c.nonce);
	mallory.secret = "close sesam";
	mallory.nc = 100;
	assert_int_equal(answer(s, &mallory), AUTHENTICATION_REFUSED);
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	end(s);
}

/* ------------------------------------------------------------------ AU-4 */

static void test_au_4_response_without_qop_cnonce_or_count_is_400(void **state)
{
	static const char *const wrong[] = {
		"", /* RFC 2069 */
		", qop=auth, nc=00000001",
		", qop=auth, cnonce=\"c\"",
		", nc=00000001, cnonce=\"c\"",
		", qop=auth, nc=00000001, cnonce=\"\"",
		", qop=auth-int, nc=00000001, cnonce=\"c\"",
		", qop=auth, nc=1, cnonce=\"c\"",
		", qop=auth, nc=000000001, cnonce=\"c\"",
		", qop=auth, nc=0000000g, cnonce=\"c\"",
		", qop=auth, nc=00000000, cnonce=\"c\"",
	};
	struct server *s = &server;
	struct client c = alice(false);

	(void)state;
	begin(s, password());
	ask(s, &c);
	respond(&c, "REGISTER", c.response);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char text[2000];

		snprintf(text, sizeof(text),
			 "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"%s\", "
			 "uri=\"" REQUEST "\", response=\"%s\"%s",
			 c.nonce, c.response, wrong[i]);
		assert_int_equal(send(s, text), AUTHENTICATION_BAD);
		assert_string_equal(s->lines, "");
	}
	assert_int_equal(send(s, "Digest username=\"" ALICE
				 "\", realm=\"ims.example\", response=\"0\", "
				 "uri=\"" REQUEST "\", qop=auth, nc=00000001, cnonce=\"c\""),
			 AUTHENTICATION_BAD); /* no nonce */
	assert_int_equal(send(s, "Digest username=\"" ALICE
				 "\", realm=\"ims.example\", response=\"0\", "
				 "nonce=\"n\", qop=auth, nc=00000001, cnonce=\"c\""),
			 AUTHENTICATION_BAD); /* no uri */
	assert_int_equal(send(s, "Digest realm=\"ims.example\", response=\"0\""),
			 AUTHENTICATION_BAD);
	end(s);
}

/* ------------------------------------------------------------------ AU-5 */

static void test_au_5_uri_is_the_request_uri(void **state)
{
	static const struct {
		const char *signed_uri, *request_uri;
		bool trusted, good;
	} rows[] = {
		{"sip:ims.example", "sip:ims.example", false, true},
		{"sip:IMS.example;x=y", "sip:ims.EXAMPLE", false, true}, /* RFC 3261 §19.1.4 */
		{"sip:ims.example", "sip:other.example", false, false},
		{"sips:ims.example", "sip:ims.example", false, false},
		{"sip:other.example", "sip:ims.example", false, false},
		{"sip:other.example", "sip:ims.example", true, false},
		{"sip:ims.example", "sip:scscf.ims.example:5064", false, false},
		{"sip:ims.example", "sip:scscf.ims.example:5064", true,
		 true}, /* TS 24.229 §5.3.1.2 */
		{"ims.example", "sip:ims.example", true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server *s = &server;
		struct client c = alice(true);
		char headers[4000];

		begin(s, password());
		s->from_trusted = rows[i].trusted;
		ask(s, &c);
		c.uri = rows[i].signed_uri;
		snprintf(headers, sizeof(headers), "Authorization: %s\r\n",
			 write_authorization(&c));
		assert_int_equal(look_at(s, rows[i].request_uri, headers),
				 rows[i].good ? AUTHENTICATION_DONE : AUTHENTICATION_BAD);
		assert_int_equal(s->answer.is_failure, !rows[i].good);
		end(s);
	}
}

static void test_au_5_response_for_another_method_is_refused(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	ask(s, &c);
	c.method = "INVITE";
	assert_int_equal(answer(s, &c), AUTHENTICATION_REFUSED);
	end(s);
}

/* ------------------------------------------------------------------ AU-6 */

static void test_au_6_success_shows_that_the_server_knows_the_secret_too(void **state)
{
	(void)state;
	for (unsigned sha256 = 0; sha256 < 2; sha256++) {
		struct server *s = &server;
		struct client c = alice(sha256);
		char rspauth[65], wanted[500];

		begin(s, password());
		ask(s, &c);
		c.nc = 0xab;
		c.cnonce = "quote \\\" and more";
		assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
		respond(&c, "", rspauth);
		snprintf(wanted, sizeof(wanted),
			 "Authentication-Info: qop=auth, rspauth=\"%s\", cnonce=\"%s\", "
			 "nc=000000ab\r\n",
			 rspauth, c.cnonce);
		assert_string_equal(s->lines, wanted);
		end(s);
	}
}

/* The example of RFC 7616 §3.9.1, both algorithms. */
static void test_au_6_example_of_the_rfc(void **state)
{
	struct digest_credentials c = {
		.uri = TEXT("/dir/index.html"),
		.nonce = TEXT("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
		.nc = TEXT("00000001"),
		.cnonce = TEXT("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
		.qop = TEXT("auth"),
	};
	static const char *const wanted[] = {
		"8ca523f5e9506fed4657c9700eebdbec",
		"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		enum digest_algorithm algorithm = i ? DIGEST_SHA256 : DIGEST_MD5;
		char ha1[DIGEST_HEX_MAX], hex[65];
		uint8_t bytes[DIGEST_BYTES_MAX];

		digest_response(algorithm, &c,
				digest_ha1(algorithm, TEXT("Mufasa"), TEXT("http-auth@example.org"),
					   TEXT("Circle of Life"), ha1),
				TEXT("GET"), bytes);
		hex_of_bytes(bytes, digest_bytes(algorithm), hex);
		assert_string_equal(hex, wanted[i]);
	}
}

/* ------------------------------------------------------------------ AU-7 */

static void test_au_7_protected_by_a_trusted_p_cscf(void **state)
{
	static const struct {
		const char *word;
		bool trusted, registered, done;
	} rows[] = {
		{"yes", true, true, true},
		{"tls-yes", true, true, true},
		{"ip-assoc-yes", true, true, true},
		{"ip-assoc-pending", true, true, false},
		{"tls-pending", true, true, false},
		{"no", true, true, false},
		{"", true, true, false},
		{"YES", true, true, true},
		{"yes", true, false, false},
		{"yes", false, true, false},
		{"ip-assoc-yes", false, true, false},
		{"yes please", true, true, false},
	};
	static const uint8_t kinds[] = {CREDENTIAL_PASSWORD, CREDENTIAL_AKA};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct server *s = &server;
		struct credentials credentials = password();
		char text[1000];

		credentials.kind = kinds[i % 2];
		begin(s, credentials);
		s->from_trusted = rows[i / 2].trusted;
		s->already_registered = rows[i / 2].registered;
		/* With the nonce and response of the last time, as RFC 3310 §3.3 has it. */
		snprintf(text, sizeof(text),
			 "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"\", "
			 "uri=\"" REQUEST "\", response=\"\", integrity-protected=\"%s\"",
			 rows[i / 2].word);
		assert_int_equal(send(s, text),
				 rows[i / 2].done ? AUTHENTICATION_DONE : AUTHENTICATION_CHALLENGE);
		assert_int_equal(strlen(s->lines) == 0, rows[i / 2].done);
		end(s);
	}
}

static void test_au_7_protection_is_that_of_one_user(void **state)
{
	struct server *s = &server;

	(void)state;
	begin(s, password());
	s->from_trusted = s->already_registered = true;
	assert_int_equal(send(s, "Digest username=\"mallory@ims.example\", realm=\"ims.example\", "
				 "nonce=\"\", uri=\"" REQUEST "\", response=\"\", "
				 "integrity-protected=\"yes\""),
			 AUTHENTICATION_REFUSED);
	assert_true(s->answer.is_failure);
	end(s);
}

/* ------------------------------------------------------------------ AKA: the USIM */

/* Test set 1 of TS 35.208. */
static struct credentials usim(uint64_t sqn)
{
	struct credentials credentials = {.kind = CREDENTIAL_AKA, .amf = {0xb9, 0xb9}, .sqn = sqn};

	assert_true(digest_from_hex(TEXT("465b5ce8b199b49faa5f0a2ee238a6bc"), credentials.k, 16));
	assert_true(digest_from_hex(TEXT("cd63cb71954a9f4e48a5994e37a02baf"), credentials.opc, 16));
	return credentials;
}

struct aka {
	struct client client;
	uint8_t rand[16];
	uint64_t sqn; /* of the network, as AUTN shows it */
	struct milenage_vector vector;
	struct milenage_key key;
};

static void u48(uint64_t n, uint8_t ret[6])
{
	for (unsigned i = 0; i < 6; i++)
		ret[i] = (uint8_t)(n >> (40 - 8 * i));
}

/* What the USIM does with RAND and AUTN: TS 33.102 §6.3.3. */
static void take_challenge(struct server *s, struct aka *u)
{
	uint8_t bytes[32], sqn[6], mac_a[8], mac_s[8];

	u->client = alice(false);
	u->client.algorithm = "AKAv1-MD5";
	u->key = (struct milenage_key){s->subscriber.credentials.k, s->subscriber.credentials.opc};
	take_nonce(s, &u->client);
	assert_true(digest_from_base64(text_of(u->client.nonce), bytes, 32));
	memcpy(u->rand, bytes, 16);
	milenage_f2345(u->key, u->rand, &u->vector);
	u->sqn = 0;
	for (unsigned i = 0; i < 6; i++) {
		sqn[i] = bytes[16 + i] ^ u->vector.ak[i];
		u->sqn = u->sqn << 8 | sqn[i];
	}
	assert_memory_equal(bytes + 22, s->subscriber.credentials.amf, 2);
	milenage_f1(u->key, u->rand, sqn, bytes + 22, mac_a, mac_s);
	assert_memory_equal(bytes + 24, mac_a, 8); /* the network is the right one */
	u->client.secret = (const char *)u->vector.res;
	u->client.secret_len = 8;
}

static void ask_aka(struct server *s, struct aka *u)
{
	assert_int_equal(send(s, NULL), AUTHENTICATION_CHALLENGE);
	take_challenge(s, u);
}

/* An AUTS that says SQN_MS; `bit` of it turned over when not negative. */
static enum authentication_verdict send_auts(struct server *s, struct aka *u, uint64_t sqn_ms,
					     int bit)
{
	static const uint8_t no_amf[2];
	uint8_t auts[14], ak[6], mac_a[8];
	char text[1000], base64[64];
	struct text_writer w = text_writer_on(base64, sizeof(base64));

	u48(sqn_ms, auts);
	milenage_f1(u->key, u->rand, auts, no_amf, mac_a, auts + 6);
	milenage_f5_star(u->key, u->rand, ak);
	for (unsigned i = 0; i < 6; i++)
		auts[i] ^= ak[i];
	if (bit >= 0)
		auts[bit / 8] ^= (uint8_t)(1 << bit % 8);
	digest_put_base64(&w, auts, 14);
	snprintf(text, sizeof(text),
		 "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"%s\", "
		 "uri=\"" REQUEST "\", response=\"\", algorithm=AKAv1-MD5, auts=\"%.*s\"",
		 u->client.nonce, (int)w.len, base64);
	return send(s, text);
}

/* ------------------------------------------------------------------ AU-8 */

static void test_au_8_keys_go_to_a_trusted_p_cscf_only(void **state)
{
	struct server *s = &server;
	struct aka u;
	char ck[65], ik[65], hex[65];

	(void)state;
	begin(s, usim(32));
	s->from_trusted = true;
	ask_aka(s, &u);
	assert_int_equal(count_of(s, "WWW-Authenticate: "), 1);
	assert_non_null(strstr(s->lines, ", algorithm=AKAv1-MD5, qop=\"auth\", ik="));
	assert_true(parameter(s, 0, "ck", ck) && parameter(s, 0, "ik", ik));
	hex_of_bytes(u.vector.ck, 16, hex);
	assert_string_equal(ck, hex);
	hex_of_bytes(u.vector.ik, 16, hex);
	assert_string_equal(ik, hex);
	s->from_trusted = false;
	ask_aka(s, &u);
	assert_false(parameter(s, 0, "ck", ck) || parameter(s, 0, "ik", ik));
	assert_non_null(strstr(s->lines, ", algorithm=AKAv1-MD5, qop=\"auth\"\r\n"));
	end(s);
}

/* ------------------------------------------------------------------ AU-9 */

static void test_au_9_right_res_once(void **state)
{
	struct server *s = &server;
	struct aka u;
	char rspauth[65];

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_DONE);
	respond(&u.client, "", rspauth);
	assert_non_null(strstr(s->lines, rspauth));
	u.client.nc = 2;
	assert_int_equal(answer(s, &u.client),
			 AUTHENTICATION_CHALLENGE); /* a new one, from the start */
	assert_false(s->answer.is_failure);
	end(s);
}

static void test_au_9_wrong_res_ends_the_challenge(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	u.vector.res[7] ^= 1;
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_REFUSED);
	assert_true(s->answer.is_failure);
	assert_string_equal(s->lines, "");
	u.vector.res[7] ^= 1;
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_CHALLENGE);
	end(s);
}

static void test_au_9_answer_after_the_timer_is_a_new_beginning(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	pass_s(s, 240);
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_DONE);
	ask_aka(s, &u);
	pass_s(s, 241);
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_CHALLENGE);
	assert_false(s->answer.is_failure);
	end(s);
}

static void test_au_9_user_agent_that_does_not_believe_us(void **state)
{
	struct server *s = &server;
	struct aka u;
	char text[1000];

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	snprintf(text, sizeof(text),
		 "Digest username=\"" ALICE
		 "\", realm=\"ims.example\", nonce=\"%s\", uri=\"" REQUEST
		 "\", response=\"\", algorithm=AKAv1-MD5",
		 u.client.nonce);
	assert_int_equal(send(s, text), AUTHENTICATION_REFUSED);
	assert_true(s->answer.is_failure);
	assert_int_equal(send(s, text), AUTHENTICATION_CHALLENGE);
	end(s);
}

static void test_au_9_other_algorithm_and_incomplete_answer(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	u.client.algorithm = "MD5";
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_CHALLENGE);
	ask_aka(s, &u);
	u.client.qop = "auth-int";
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_BAD);
	u.client.qop = "auth";
	u.client.uri = "sip:other.example";
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_BAD);
	assert_true(s->answer.is_failure);
	u.client.uri = REQUEST;
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_DONE);
	end(s);
}

static void test_au_9_running_challenge_comes_before_protection(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	s->from_trusted = s->already_registered = true;
	ask_aka(s, &u);
	u.client.more = ", integrity-protected=\"yes\"";
	u.vector.res[0] ^= 1;
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_REFUSED);
	assert_int_equal(answer(s, &u.client),
			 AUTHENTICATION_DONE); /* over: the old nonce, as at a refresh */
	end(s);
}

/* ------------------------------------------------------------------ AU-10 */

static void test_au_10_each_challenge_takes_the_next_sequence_number(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim((100 << 5) + 30));
	for (uint64_t i = 0; i < 70; i++) {
		ask_aka(s, &u);
		assert_int_equal(u.sqn >> 5, 100 + i);
		assert_int_equal(u.sqn & 31, (30 + i) % 32);
	}
	s->subscriber.private_identity = TEXT("bob@ims.example");
	ask_aka(s, &u);
	assert_int_equal(u.sqn, (100 << 5) + 30); /* each private identity has its own */
	end(s);
}

static void test_au_10_sequence_number_has_48_bits(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(UINT64_MAX));
	ask_aka(s, &u);
	assert_int_equal(u.sqn, (1ull << 48) - 1);
	ask_aka(s, &u);
	assert_int_equal(u.sqn, 0);
	end(s);
}

static void test_au_10_at_the_bound_the_user_seen_longest_ago_begins_again(void **state)
{
	static const char *const users[] = {"0@a", "1@a", "2@a", "3@a", "4@a",
					    "5@a", "6@a", "7@a", "8@a"};
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	for (unsigned round = 0; round < 2; round++) { /* 8 fit */
		for (unsigned i = 0; i < 8; i++) {
			s->subscriber.private_identity = text_of(users[i]);
			ask_aka(s, &u);
			assert_int_equal(u.sqn, 32 + round * 33);
		}
	}
	s->subscriber.private_identity = text_of(users[0]);
	ask_aka(s, &u); /* now the youngest */
	s->subscriber.private_identity = text_of(users[8]);
	ask_aka(s, &u); /* 1@a goes */
	s->subscriber.private_identity = text_of(users[0]);
	ask_aka(s, &u);
	assert_int_equal(u.sqn, 32 + 3 * 33);
	s->subscriber.private_identity = text_of(users[1]);
	ask_aka(s, &u);
	assert_int_equal(u.sqn, 32);
	end(s);
}

/* ------------------------------------------------------------------ AU-11 */

static void test_au_11_resynchronisation_goes_on_from_the_usim(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	assert_int_equal(send_auts(s, &u, 0xff9bb4d0b607, -1), AUTHENTICATION_CHALLENGE);
	assert_true(s->answer.is_resynchronisation);
	assert_false(s->answer.is_failure || s->answer.is_stale);
	take_challenge(s, &u);
	assert_int_equal(u.sqn >> 5, (0xff9bb4d0b607 >> 5) + 1);
	assert_int_equal(answer(s, &u.client), AUTHENTICATION_DONE);
	ask_aka(s, &u);
	assert_int_equal(u.sqn >> 5, (0xff9bb4d0b607 >> 5) + 2);
	end(s);
}

static void test_au_11_wrong_auts_is_refused(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	s->settings.failures_per_minute = 0;
	for (int bit = 0; bit < 14 * 8; bit++) {
		ask_aka(s, &u);
		assert_int_equal(u.sqn >> 5, 1 + bit); /* what the wrong one said changes nothing */
		assert_int_equal(send_auts(s, &u, 0x123456789abc, bit), AUTHENTICATION_REFUSED);
		assert_true(s->answer.is_failure);
		assert_false(s->answer.is_resynchronisation);
		assert_string_equal(s->lines, "");
	}
	end(s);
}

static void test_au_11_auts_that_is_no_auts_is_refused(void **state)
{
	static const char *const wrong[] = {"",
					    "AAAA",
					    "AAAAAAAAAAAAAAAAAAA",
					    "AAAAAAAAAAAAAAAAAAA=",
					    "AAAAAAAAAAAAAAAAAAAA",
					    "****************==="};
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		char text[1000];

		ask_aka(s, &u);
		snprintf(text, sizeof(text),
			 "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"%s\", "
			 "uri=\"" REQUEST "\", auts=\"%s\"",
			 u.client.nonce, wrong[i]);
		assert_int_equal(send(s, text), AUTHENTICATION_REFUSED);
		assert_true(s->answer.is_failure);
	}
	end(s);
}

static void test_au_11_auts_counts_once_and_for_a_running_challenge_only(void **state)
{
	struct server *s = &server;
	struct aka u, old;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	old = u;
	old.key = u.key;
	assert_int_equal(send_auts(s, &u, 5000 << 5, -1), AUTHENTICATION_CHALLENGE);
	take_challenge(s, &u);
	assert_int_equal(u.sqn >> 5, 5001);
	assert_int_equal(send_auts(s, &old, 7 << 5, -1), AUTHENTICATION_CHALLENGE);
	assert_false(s->answer.is_resynchronisation);
	take_challenge(s, &u);
	assert_int_equal(u.sqn >> 5, 5002);
	end(s);
}

/* ------------------------------------------------------------------ AU-12 */

static enum authentication_verdict guess(struct server *s)
{
	struct client c = alice(true);

	c.secret = "wrong";
	c.secret_len = 5;
	strcpy(c.nonce, "whatever");
	return answer(s, &c);
}

static void test_au_12_failures_of_one_source_are_limited(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	s->settings.failures_per_minute = 6;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(guess(s), AUTHENTICATION_REFUSED);
	assert_int_equal(guess(s), AUTHENTICATION_THROTTLED);
	assert_false(s->answer.is_failure); /* nothing was looked at */
	assert_int_equal(s->answer.retry_after_s, 10);
	assert_int_equal(send(s, NULL), AUTHENTICATION_THROTTLED);
	s->source.ip[3] ^= 1;
	assert_int_equal(send(s, NULL), AUTHENTICATION_CHALLENGE); /* another source */
	take_nonce(s, &c);
	s->source.ip[3] ^= 1;
	s->source.port = 4711;
	pass_s(s, 9);
	assert_int_equal(answer(s, &c),
			 AUTHENTICATION_THROTTLED); /* its port makes no other of it */
	assert_int_equal(s->answer.retry_after_s, 1);
	pass_s(s, 1);
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	assert_int_equal(guess(s), AUTHENTICATION_REFUSED);
	assert_int_equal(guess(s), AUTHENTICATION_THROTTLED);
	pass_s(s, 60);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(guess(s), AUTHENTICATION_REFUSED);
	assert_int_equal(guess(s), AUTHENTICATION_THROTTLED);
	end(s);
}

static void test_au_12_no_limit(void **state)
{
	struct server *s = &server;

	(void)state;
	begin(s, password());
	s->settings.failures_per_minute = 0;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(guess(s), AUTHENTICATION_REFUSED);
	end(s);
}

static void test_au_12_replays_and_wrong_auts_count_too(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);
	struct aka u;

	(void)state;
	begin(s, password());
	s->settings.failures_per_minute = 1;
	ask(s, &c);
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_int_equal(answer(s, &c), AUTHENTICATION_THROTTLED);
	end(s);
	begin(s, usim(32));
	s->settings.failures_per_minute = 1;
	ask_aka(s, &u);
	assert_int_equal(send_auts(s, &u, 0, 0), AUTHENTICATION_REFUSED);
	assert_int_equal(send(s, NULL), AUTHENTICATION_THROTTLED);
	end(s);
}

static void test_au_12_behind_a_trusted_p_cscf_each_user_has_its_own(void **state)
{
	struct server *s = &server;

	(void)state;
	begin(s, password());
	s->from_trusted = true;
	s->settings.failures_per_minute = 2;
	guess(s);
	guess(s);
	assert_int_equal(guess(s), AUTHENTICATION_THROTTLED);
	s->subscriber.private_identity = TEXT("bob@ims.example");
	assert_int_equal(send(s, NULL), AUTHENTICATION_CHALLENGE);
	/* And a registered one whose P-CSCF vouches for it is not held up. */
	s->subscriber.private_identity = TEXT(ALICE);
	s->already_registered = true;
	assert_int_equal(send(s,
			      "Digest username=\"" ALICE "\", realm=\"ims.example\", nonce=\"\", "
			      "uri=\"" REQUEST "\", response=\"\", integrity-protected=\"yes\""),
			 AUTHENTICATION_DONE);
	end(s);
}

static void test_au_12_addresses_of_one_site_are_one_source(void **state)
{
	struct failure_limit *limit = failure_limit_open((struct hash_key){{1, 2}});
	struct endpoint a, b, c, d;
	const struct text nobody = {0};

	(void)state;
	assert_non_null(limit);
	assert_true(endpoint_parse_ip(TEXT("2001:db8:0:1::1"), &a));
	assert_true(endpoint_parse_ip(TEXT("2001:db8:0:1:ffff::2"), &b));
	assert_true(endpoint_parse_ip(TEXT("2001:db8:0:2::1"), &c));
	assert_true(endpoint_parse_ip(TEXT("127.0.0.1"), &d));
	assert_true(failure_limit_source(limit, &a, nobody) ==
		    failure_limit_source(limit, &b, nobody));
	assert_true(failure_limit_source(limit, &a, nobody) !=
		    failure_limit_source(limit, &c, nobody));
	assert_true(failure_limit_source(limit, &d, nobody) !=
		    failure_limit_source(limit, &c, nobody));
	assert_true(failure_limit_source(limit, &d, nobody) !=
		    failure_limit_source(limit, &d, TEXT("alice")));
	failure_limit_close(limit);
}

static void test_au_12_flood_of_sources_does_not_free_the_one_that_guesses(void **state)
{
	struct failure_limit *limit = failure_limit_open((struct hash_key){{1, 2}});
	struct endpoint guesser = {.family = 4, .ip = {127, 0, 0, 1}};
	uint64_t name;

	(void)state;
	assert_non_null(limit);
	name = failure_limit_source(limit, &guesser, (struct text){0});
	for (unsigned i = 0; i < 10; i++)
		failure_limit_count(limit, name, 10, 1000);
	assert_int_equal(failure_limit_wait_s(limit, name, 10, 1000), 6);
	for (uint32_t i = 0; i < 40 * FAILURE_LIMIT_ROWS * FAILURE_LIMIT_COLUMNS; i++) {
		struct endpoint other = {
			.family = 4, .ip = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

		failure_limit_count(limit, failure_limit_source(limit, &other, (struct text){0}),
				    10, 1000 + i / 200);
	}
	assert_int_equal(failure_limit_wait_s(limit, name, 10, 2000), 5);
	failure_limit_close(limit);
}

static void test_au_12_full_row_takes_the_newcomer_in(void **state)
{
	struct failure_limit *limit = failure_limit_open((struct hash_key){{1, 2}});

	(void)state;
	assert_non_null(limit);
	/* All in row 5, all at their limit. */
	for (uint64_t i = 0; i <= FAILURE_LIMIT_COLUMNS; i++) {
		uint64_t name = 5 + (i + 1) * FAILURE_LIMIT_ROWS;

		for (unsigned n = 0; n < 3; n++)
			failure_limit_count(limit, name, 3, 1000 + i);
		assert_int_equal(failure_limit_wait_s(limit, name, 3, 1000 + i), 20);
	}
	/* The first owed least and is forgotten. */
	assert_int_equal(failure_limit_wait_s(limit, 5 + FAILURE_LIMIT_ROWS, 3, 1010), 0);
	assert_int_equal(failure_limit_wait_s(limit, 5 + 2 * FAILURE_LIMIT_ROWS, 3, 1010), 20);
	failure_limit_close(limit);
}

static void test_au_12_wait_after_a_change_of_the_setting_has_a_bound(void **state)
{
	struct failure_limit *limit = failure_limit_open((struct hash_key){{1, 2}});

	(void)state;
	assert_non_null(limit);
	failure_limit_count(limit, 9, 1, 1000);
	failure_limit_count(limit, 9, 1, 1000);
	failure_limit_count(limit, 9, 1, 1000);
	assert_int_equal(failure_limit_wait_s(limit, 9, 1, 1000), 60);
	failure_limit_count(limit, 10, UINT32_MAX, 1000); /* a share below a microsecond */
	assert_int_equal(failure_limit_wait_s(limit, 10, UINT32_MAX, 1000), 0);
	failure_limit_close(limit);
}

/* ------------------------------------------------------------------ AU-13 */

static void test_au_13_expired_nonce_is_stale_for_who_knows_the_password(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	ask(s, &c);
	pass_s(s, 300);
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	pass_s(s, 1);
	c.nc = 2;
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	assert_int_equal(count_of(s, ", stale=true\r\n"), 2);
	assert_false(s->answer.is_failure || s->answer.is_replay);
	take_nonce(s, &c);
	assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
	end(s);
}

static void test_au_13_expired_nonce_with_a_wrong_password_is_a_failure(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	ask(s, &c);
	pass_s(s, 301);
	c.secret = "close sesam";
	assert_int_equal(answer(s, &c), AUTHENTICATION_REFUSED);
	assert_true(s->answer.is_failure);
	assert_false(s->answer.is_stale);
	end(s);
}

static void test_au_13_nonce_never_given_or_given_to_another_is_stale(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	strcpy(c.nonce, "never given");
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	s->subscriber.private_identity = TEXT("bob@ims.example");
	ask(s, &c); /* bob's */
	s->subscriber.private_identity = TEXT(ALICE);
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	end(s);
}

static void test_au_13_at_the_bound_the_oldest_nonce_goes(void **state)
{
	struct server *s = &server;
	struct client c[9];

	(void)state;
	begin(s, password()); /* 8 nonces */
	for (unsigned i = 0; i < 9; i++) {
		c[i] = alice(true);
		ask(s, &c[i]);
	}
	for (unsigned i = 1; i < 9; i++)
		assert_int_equal(answer(s, &c[i]), AUTHENTICATION_DONE);
	assert_int_equal(answer(s, &c[0]),
			 AUTHENTICATION_CHALLENGE); /* which costs c[1] its place */
	assert_true(is_stale(s));
	c[1].nc = c[2].nc = 2;
	assert_int_equal(answer(s, &c[2]), AUTHENTICATION_DONE);
	assert_int_equal(answer(s, &c[1]), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	end(s);
}

static void test_au_13_a_nonce_of_aka_is_none_of_digest(void **state)
{
	struct server *s = &server;
	struct aka u;
	struct client c = alice(true);

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	s->subscriber.credentials = password(); /* read anew meanwhile */
	strcpy(c.nonce, u.client.nonce);
	assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	end(s);
}

/* ------------------------------------------------------------------ AU-14 */

static void test_au_14_wrong_response_is_refused_and_counted(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);
	char text[3000], *at;

	(void)state;
	begin(s, password());
	s->settings.failures_per_minute = 0;
	for (unsigned i = 0; i < 64; i++) { /* any one digit wrong */
		ask(s, &c);
		strcpy(text, write_authorization(&c));
		at = strstr(text, "response=\"") + 10;
		at[i] = at[i] == '0' ? '1' : '0';
		assert_int_equal(send(s, text), AUTHENTICATION_REFUSED);
		assert_true(s->answer.is_failure);
		assert_string_equal(s->lines, "");
	}
	ask(s, &c);
	strcpy(text, write_authorization(&c));
	at = strstr(text, "response=\"") + 10;
	memmove(at, at + 1, strlen(at)); /* too short */
	assert_int_equal(send(s, text), AUTHENTICATION_REFUSED);
	strcpy(text, c.authorization);
	for (at = strstr(text, "response=\"") + 10; *at != '"'; at++)
		*at = (char)(*at >= 'a' ? *at - 32 : *at);
	assert_int_equal(send(s, text), AUTHENTICATION_DONE); /* capital digits are digits */
	end(s);
}

static void test_au_14_another_user_is_refused(void **state)
{
	static const char *const others[] = {"bob@ims.example", "alice", "ALICE@ims.example",
					     "alice@ims.exampl", "alice@ims.example.org"};
	struct server *s = &server;
	struct client c = alice(true);

	(void)state;
	begin(s, password());
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		ask(s, &c);
		c.user = others[i];
		assert_int_equal(answer(s, &c), AUTHENTICATION_REFUSED);
		assert_true(s->answer.is_failure);
	}
	end(s);
}

/* Everything that leaves: the lines and the answer. */
static void test_au_14_no_secret_leaves(void **state)
{
	struct server *s = &server;
	struct client c = alice(true);
	char ha1[65];

	(void)state;
	begin(s, password());
	ha1_of_client(&c, ha1);
	for (unsigned i = 0; i < 4; i++) {
		if (i == 0)
			ask(s, &c);
		else
			answer(s, &c);
		c.secret = i == 2 ? "close sesam" : SECRET;
		assert_null(strstr(s->lines, SECRET));
		assert_null(strstr(s->lines, ha1));
		if (i > 0)
			assert_null(strstr(s->lines, c.response));
		assert_null(memmem(&s->answer, sizeof(s->answer), SECRET, 6));
	}
	end(s);
}

/* ------------------------------------------------------------------ AU-15 */

static void test_au_15_without_memory_nothing_opens(void **state)
{
	unsigned long n;

	(void)state;
	for (n = 0;; n++) {
		struct authentication *authentication;

		allocations_left = n;
		authentication = authentication_open(8, (struct hash_key){{1, 2}});
		allocations_left = ULONG_MAX;
		if (authentication) {
			authentication_close(authentication);
			break;
		}
	}
	assert_in_range(n, 3, 20);
	authentication_close(NULL);
}

static void test_au_15_without_memory_for_a_challenge_later(void **state)
{
	(void)state;
	for (unsigned aka = 0; aka < 2; aka++) {
		struct server *s = &server;
		unsigned long n;

		begin(s, aka ? usim(32) : password());
		for (n = 0;; n++) {
			allocations_left = n;
			send(s, NULL);
			allocations_left = ULONG_MAX;
			if (s->answer.verdict == AUTHENTICATION_CHALLENGE)
				break;
			assert_int_equal(s->answer.verdict, AUTHENTICATION_THROTTLED);
			assert_in_range(s->answer.retry_after_s, 1, 60);
			assert_false(s->answer.is_failure);
			assert_string_equal(s->lines, "");
		}
		assert_in_range(n, 1, 10);
		assert_int_equal(count_of(s, "WWW-Authenticate: "), aka ? 1 : 2);
		end(s);
	}
}

static void test_au_15_full_tables_need_no_more_memory(void **state)
{
	static const char *const users[] = {"0@a", "1@a", "2@a", "3@a", "4@a", "5@a", "6@a"};
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	ask_aka(s, &u);
	for (unsigned i = 0; i < 7; i++) { /* eight users: both tables are full */
		s->subscriber.private_identity = text_of(users[i]);
		send(s, NULL);
	}
	s->subscriber.private_identity = TEXT(ALICE);
	allocations_left = 0; /* memory in use goes round */
	assert_int_equal(send_auts(s, &u, 64, -1), AUTHENTICATION_CHALLENGE);
	allocations_left = ULONG_MAX;
	end(s);
}

static void test_au_15_old_nonces_are_forgotten(void **state)
{
	struct server *s = &server;
	struct client c[3];

	(void)state;
	begin(s, password());
	for (unsigned i = 0; i < 2; i++) {
		c[i] = alice(true);
		ask(s, &c[i]);
		pass_s(s, 200);
	}
	c[2] = alice(true);
	ask(s, &c[2]);                       /* 0 is 400 s old, 1 is 200 s old */
	s->settings.nonce_lifetime_s = 1000; /* were it still there, it would do */
	assert_int_equal(answer(s, &c[1]), AUTHENTICATION_DONE);
	assert_int_equal(answer(s, &c[0]), AUTHENTICATION_CHALLENGE);
	assert_true(is_stale(s));
	end(s);
}

/* ------------------------------------------------------------------ AU-16 */

static void set_algorithms(struct server *s, const char *list)
{
	s->settings.n_algorithms = 0;
	for (; *list; list++)
		s->settings.algorithms[s->settings.n_algorithms++] =
			*list == 'm' ? DIGEST_MD5 : DIGEST_SHA256;
}

static void test_au_16_what_is_configured_is_offered_in_its_order(void **state)
{
	struct credentials both = {
		.kind = CREDENTIAL_PASSWORD, .has_md5 = true, .has_sha256 = true};
	struct credentials md5 = {.kind = CREDENTIAL_PASSWORD, .has_md5 = true};
	struct credentials sha256 = {.kind = CREDENTIAL_PASSWORD, .has_sha256 = true};
	const struct {
		const char *configured; /* s: SHA-256, m: MD5 */
		struct credentials credentials;
		const char *offered; /* empty: 403 */
	} rows[] = {
		{"sm", password(), "sm"}, {"ms", password(), "ms"}, {"m", password(), "m"},
		{"s", password(), "s"},   {"sm", both, "sm"},       {"ms", both, "ms"},
		{"m", both, "m"},         {"s", both, "s"},         {"sm", md5, "m"},
		{"ms", md5, "m"},         {"m", md5, "m"},          {"s", md5, ""},
		{"sm", sha256, "s"},      {"ms", sha256, "s"},      {"m", sha256, ""},
		{"s", sha256, "s"},       {"", password(), ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct server *s = &server;
		char found[8] = "";

		begin(s, rows[i].credentials);
		set_algorithms(s, rows[i].configured);
		assert_int_equal(send(s, NULL), rows[i].offered[0] ? AUTHENTICATION_CHALLENGE
								   : AUTHENTICATION_REFUSED);
		assert_false(s->answer.is_failure);
		for (const char *at = s->lines; (at = strstr(at, "algorithm=")); at++)
			strcat(found, strncmp(at + 10, "MD5,", 4) == 0 ? "m" : "s");
		assert_string_equal(found, rows[i].offered);
		end(s);
	}
}

static void test_au_16_what_is_not_configured_is_not_accepted(void **state)
{
	(void)state;
	for (unsigned sha256 = 0; sha256 < 2; sha256++) {
		for (unsigned named = 0; named < 2; named++) {
			struct server *s = &server;
			struct client c = alice(sha256);

			begin(s, password());
			set_algorithms(s, sha256 ? "m" : "s");
			ask(s, &c);
			if (!sha256 && !named) { /* no algorithm means MD5 */
				char text[3000], *at;

				strcpy(text, write_authorization(&c));
				at = strstr(text, "algorithm=MD5, ");
				memmove(at, at + 15, strlen(at + 15) + 1);
				assert_int_equal(send(s, text), AUTHENTICATION_CHALLENGE);
			} else {
				assert_int_equal(answer(s, &c), AUTHENTICATION_CHALLENGE);
			}
			assert_false(s->answer.is_stale || s->answer.is_failure);
			assert_int_equal(count_of(s, sha256 ? "=SHA-256" : "=MD5"), 0);
			/* The same answer is right as soon as the setting is another. */
			set_algorithms(s, "sm");
			assert_int_equal(answer(s, &c), AUTHENTICATION_DONE);
			end(s);
		}
	}
}

static void test_au_16_aka_does_not_ask(void **state)
{
	struct server *s = &server;
	struct aka u;

	(void)state;
	begin(s, usim(32));
	set_algorithms(s, "s");
	ask_aka(s, &u);
	assert_non_null(strstr(s->lines, "algorithm=AKAv1-MD5"));
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_au_1_parameters_quotes_escapes_and_folding),
		cmocka_unit_test(test_au_1_values_compare_with_their_escapes_undone),
		cmocka_unit_test(test_au_1_malformed_authorization_is_400),
		cmocka_unit_test(test_au_1_bounds_of_parameters_and_cnonce),
		cmocka_unit_test(test_au_1_only_the_authorization_for_our_realm_counts),
		cmocka_unit_test(test_au_1_username_without_quotes),
		cmocka_unit_test(test_au_2_challenge_offers_what_can_be_checked_best_first),
		cmocka_unit_test(test_au_2_user_without_any_secret_is_refused),
		cmocka_unit_test(test_au_2_every_nonce_is_new),
		cmocka_unit_test(test_au_2_realm_of_the_credentials_with_its_quotes),
		cmocka_unit_test(test_au_2_password_and_hashes_are_right_for_each_algorithm),
		cmocka_unit_test(test_au_2_an_algorithm_that_was_not_offered_gets_a_challenge),
		cmocka_unit_test(
			test_au_2_initial_register_with_empty_nonce_and_response_is_challenged),
		cmocka_unit_test(test_au_3_replayed_nonce_count_is_refused),
		cmocka_unit_test(test_au_3_wrong_response_does_not_use_up_the_count),
		cmocka_unit_test(test_au_4_response_without_qop_cnonce_or_count_is_400),
		cmocka_unit_test(test_au_5_uri_is_the_request_uri),
		cmocka_unit_test(test_au_5_response_for_another_method_is_refused),
		cmocka_unit_test(test_au_6_success_shows_that_the_server_knows_the_secret_too),
		cmocka_unit_test(test_au_6_example_of_the_rfc),
		cmocka_unit_test(test_au_7_protected_by_a_trusted_p_cscf),
		cmocka_unit_test(test_au_7_protection_is_that_of_one_user),
		cmocka_unit_test(test_au_8_keys_go_to_a_trusted_p_cscf_only),
		cmocka_unit_test(test_au_9_right_res_once),
		cmocka_unit_test(test_au_9_wrong_res_ends_the_challenge),
		cmocka_unit_test(test_au_9_answer_after_the_timer_is_a_new_beginning),
		cmocka_unit_test(test_au_9_user_agent_that_does_not_believe_us),
		cmocka_unit_test(test_au_9_other_algorithm_and_incomplete_answer),
		cmocka_unit_test(test_au_9_running_challenge_comes_before_protection),
		cmocka_unit_test(test_au_10_each_challenge_takes_the_next_sequence_number),
		cmocka_unit_test(test_au_10_sequence_number_has_48_bits),
		cmocka_unit_test(test_au_10_at_the_bound_the_user_seen_longest_ago_begins_again),
		cmocka_unit_test(test_au_11_resynchronisation_goes_on_from_the_usim),
		cmocka_unit_test(test_au_11_wrong_auts_is_refused),
		cmocka_unit_test(test_au_11_auts_that_is_no_auts_is_refused),
		cmocka_unit_test(test_au_11_auts_counts_once_and_for_a_running_challenge_only),
		cmocka_unit_test(test_au_12_failures_of_one_source_are_limited),
		cmocka_unit_test(test_au_12_no_limit),
		cmocka_unit_test(test_au_12_replays_and_wrong_auts_count_too),
		cmocka_unit_test(test_au_12_behind_a_trusted_p_cscf_each_user_has_its_own),
		cmocka_unit_test(test_au_12_addresses_of_one_site_are_one_source),
		cmocka_unit_test(test_au_12_flood_of_sources_does_not_free_the_one_that_guesses),
		cmocka_unit_test(test_au_12_full_row_takes_the_newcomer_in),
		cmocka_unit_test(test_au_12_wait_after_a_change_of_the_setting_has_a_bound),
		cmocka_unit_test(test_au_13_expired_nonce_is_stale_for_who_knows_the_password),
		cmocka_unit_test(test_au_13_expired_nonce_with_a_wrong_password_is_a_failure),
		cmocka_unit_test(test_au_13_nonce_never_given_or_given_to_another_is_stale),
		cmocka_unit_test(test_au_13_at_the_bound_the_oldest_nonce_goes),
		cmocka_unit_test(test_au_13_a_nonce_of_aka_is_none_of_digest),
		cmocka_unit_test(test_au_14_wrong_response_is_refused_and_counted),
		cmocka_unit_test(test_au_14_another_user_is_refused),
		cmocka_unit_test(test_au_14_no_secret_leaves),
		cmocka_unit_test(test_au_15_without_memory_nothing_opens),
		cmocka_unit_test(test_au_15_without_memory_for_a_challenge_later),
		cmocka_unit_test(test_au_15_full_tables_need_no_more_memory),
		cmocka_unit_test(test_au_15_old_nonces_are_forgotten),
		cmocka_unit_test(test_au_16_what_is_configured_is_offered_in_its_order),
		cmocka_unit_test(test_au_16_what_is_not_configured_is_not_accepted),
		cmocka_unit_test(test_au_16_aka_does_not_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
