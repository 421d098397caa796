/* Any Authorization value of a REGISTER, for a user of each kind. First byte: kind, trusted or not, registered or not. "@N" in the
 * value stands for the nonce of a running challenge, "@R" for the right response to what it says.
 *
 * What must hold: nobody gets in without the right response or a trusted word; the lines are whole header lines of ours; no more of
 * them is said than the verdict allows. */
#include <stdlib.h>

#include "roles/scscf/authentication.h"
#include "roles/scscf/digest_credentials.h"
#include "roles/scscf/milenage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define VALUE_BYTES_MAX 6000u

static struct authentication *authentication;
static struct sip_message message;

struct world {
	struct subscriber subscriber;
	struct authentication_settings settings;
	struct endpoint source;
	struct random random;
	uint64_t now_ms;
	bool from_trusted, registered;
	char bytes[16384], lines[4096];
	struct text_writer out;
	struct authentication_answer answer;
};

static void look_at(struct world *w, struct text value)
{
	struct text_writer m = text_writer_on(w->bytes, sizeof(w->bytes));

	text_put_literal(
		&m,
		"REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:alice@ims.example>;tag=f\r\nTo: <sip:alice@ims.example>\r\n"
		"Call-ID: c\r\nCSeq: 1 REGISTER\r\n");
	if (value.len) {
		text_put_literal(&m, "Authorization: ");
		text_put(&m, value);
		text_put_literal(&m, "\r\n");
	}
	text_put_literal(&m, "Content-Length: 0\r\n\r\n");
	w->out = text_writer_on(w->lines, sizeof(w->lines));
	w->answer = (struct authentication_answer){0};
	w->answer.verdict = AUTHENTICATION_BAD;
	if (m.full || sip_parse(&message, w->bytes, m.len, SIP_DATAGRAM) != SIP_OK)
		return;
	scscf_authenticate(authentication, &w->settings, &w->subscriber, &message, &w->source,
			   w->from_trusted, w->registered, w->now_ms, &w->random, &w->out,
			   &w->answer);
}

/* Whole lines, two at most, of the one header that the verdict allows. */
static void check_lines(const struct world *w)
{
	struct text rest = text_written(&w->out);
	bool challenge = w->answer.verdict == AUTHENTICATION_CHALLENGE;
	unsigned n = 0;

	MUST(!w->out.full);
	while (rest.len) {
		uint32_t cr = text_find(rest, '\r');

		MUST(text_starts_with_nocase(rest, challenge ? TEXT("WWW-Authenticate: Digest ")
							     : TEXT("Authentication-Info: ")));
		MUST(cr + 1 < rest.len && rest.at[cr + 1] == '\n' &&
		     text_find(rest, '\n') == cr + 1);
		rest = text_from(rest, cr + 2);
		n++;
	}
	MUST(n <= (challenge ? 2 : w->answer.verdict == AUTHENTICATION_DONE));
	MUST(n > 0 || !challenge);
	MUST((w->answer.verdict == AUTHENTICATION_THROTTLED) == (w->answer.retry_after_s > 0));
	MUST(!w->answer.is_stale || challenge);
}

/* The nonce that the challenge just written has. */
static struct text nonce_of(const struct world *w)
{
	static const char name[] = "nonce=\"";
	const char *at = memmem(w->lines, w->out.len, name, sizeof(name) - 1);
	struct text rest;

	MUST(at);
	rest = text_between(at + sizeof(name) - 1, w->lines + w->out.len);
	rest.len = text_find(rest, '"');
	return rest;
}

/* The right response to these credentials, for `algorithm`. */
static void right_response(const struct world *w, const struct digest_credentials *c,
			   enum digest_algorithm algorithm, uint8_t ret[DIGEST_BYTES_MAX])
{
	const struct credentials *credentials = &w->subscriber.credentials;
	struct text secret = credentials->password;
	struct milenage_vector vector;
	uint8_t bytes[32] = {0};
	char ha1[DIGEST_HEX_MAX];

	if (credentials->kind == CREDENTIAL_AKA) {
		digest_from_base64(c->nonce, bytes, 32);
		milenage_f2345((struct milenage_key){credentials->k, credentials->opc}, bytes,
			       &vector);
		secret = (struct text){(const char *)vector.res, 8};
	}
	digest_response(algorithm, c,
			digest_ha1(algorithm, w->subscriber.private_identity, TEXT("ims.example"),
				   secret, ha1),
			TEXT("REGISTER"), ret);
}

static void put_value(const struct world *w, struct text in, struct text nonce,
		      struct text_writer *out)
{
	for (uint32_t i = 0; i < in.len; i++) {
		if (in.at[i] == '@' && i + 1 < in.len && in.at[i + 1] == 'N') {
			text_put(out, nonce);
			i++;
		} else {
			text_put_char(out, in.at[i]);
		}
	}
	(void)w;
}

/* "@R" is looked for after parsing, so that the response fits all the rest. */
static void put_response(const struct world *w, char *value, uint32_t *len, uint32_t max)
{
	struct text all = {value, *len};
	char *at = memmem(value, *len, "@R", 2);
	struct digest_credentials c;
	enum digest_algorithm algorithm;
	uint8_t bytes[DIGEST_BYTES_MAX];
	char hex[64];
	struct text_writer h = text_writer_on(hex, sizeof(hex));
	uint32_t tail;

	if (!at || digest_credentials_parse(all, &c) != DIGEST_CREDENTIALS_FOUND)
		return;
	algorithm = text_equal_nocase(c.algorithm, TEXT("SHA-256")) ? DIGEST_SHA256 : DIGEST_MD5;
	right_response(w, &c, algorithm, bytes);
	digest_put_hex(&h, bytes, digest_bytes(algorithm));
	if (*len + h.len > max)
		return;
	tail = (uint32_t)(value + *len - at) - 2;
	memmove(at + h.len, at + 2, tail);
	memcpy(at, hex, h.len);
	*len += h.len - 2;
}

/* DONE must have its reason. */
static void check_admission(const struct world *w)
{
	struct digest_credentials c;
	uint8_t given[DIGEST_BYTES_MAX], wanted[DIGEST_BYTES_MAX];
	enum digest_algorithm algorithm;

	if (w->answer.verdict != AUTHENTICATION_DONE)
		return;
	MUST(digest_credentials_of(&message, TEXT("ims.example"), &c) == DIGEST_CREDENTIALS_FOUND);
	MUST(digest_value_equal(c.username, w->subscriber.private_identity));
	if (w->out.len == 0) { /* a trusted word */
		MUST(w->from_trusted && w->registered && c.integrity_protected.len);
		return;
	}
	algorithm = text_equal_nocase(c.algorithm, TEXT("SHA-256")) ? DIGEST_SHA256 : DIGEST_MD5;
	right_response(w, &c, algorithm, wanted);
	MUST(digest_from_hex(c.response, given, digest_bytes(algorithm)));
	MUST(memcmp(given, wanted, digest_bytes(algorithm)) == 0);
}

static void set_up(struct world *w, uint8_t how)
{
	*w = (struct world){
		.settings = authentication_settings_default(),
		.source = {.family = 4, .ip = {127, 0, 0, 1}},
		.random = random_from(how, 2),
		.now_ms = 1000000,
		.from_trusted = how & 2,
		.registered = how & 4,
	};
	w->subscriber.private_identity = TEXT("alice@ims.example");
	w->subscriber.credentials.kind = how & 1 ? CREDENTIAL_AKA : CREDENTIAL_PASSWORD;
	w->subscriber.credentials.password = TEXT("secret");
	memset(w->subscriber.credentials.k, 7, 16);
	authentication_close(authentication);
	authentication = authentication_open(4, (struct hash_key){{1, 2}});
	MUST(authentication);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	char value[VALUE_BYTES_MAX + 64], nonce_bytes[64];
	struct text_writer in = text_writer_on(value, VALUE_BYTES_MAX),
			   nonce = text_writer_on(nonce_bytes, 64);

	if (size < 2 || size > VALUE_BYTES_MAX / 2)
		return 0;
	set_up(&w, data[0]);
	look_at(&w, (struct text){0});
	MUST(w.answer.verdict == AUTHENTICATION_CHALLENGE);
	check_lines(&w);
	text_put(&nonce, nonce_of(&w));
	put_value(&w, (struct text){(const char *)data + 1, (uint32_t)size - 1},
		  text_written(&nonce), &in);
	if (in.full)
		return 0;
	put_response(&w, value, &in.len, sizeof(value));
	for (unsigned turn = 0; turn < 2; turn++) { /* the second is a replay */
		look_at(&w, text_written(&in));
		check_lines(&w);
		check_admission(&w);
		MUST(turn == 0 || w.out.len == 0 || w.answer.verdict != AUTHENTICATION_DONE);
	}
	return 0;
}
