/* RFC 7616 §3.4 The Authorization header field: auth-params and the response they ask for
 * @req AU-1 */
#include "roles/scscf/digest_credentials.h"

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 3261 §25.1: token. */
static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-.!%*_+`'~", c));
}

struct cursor {
	const char *at, *end;
};

static void skip_white(struct cursor *c)
{
	while (c->at < c->end && is_white(*c->at))
		c->at++;
}

static struct text take_token(struct cursor *c)
{
	const char *begin = c->at;

	while (c->at < c->end && is_token(*c->at))
		c->at++;
	return text_between(begin, c->at);
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Behind the opening quote. A folded line within a value is refused with the other control characters:
 * what is given back in a header of ours must not have any. */
static bool take_quoted(struct cursor *c, struct text *ret)
{
	const char *begin = ++c->at;

	for (; c->at < c->end && *c->at != '"'; c->at++) {
		if (*c->at == '\\' && ++c->at == c->end)
			return false;
		if (is_control(*c->at))
			return false;
	}
	if (c->at == c->end)
		return false;
	*ret = text_between(begin, c->at++);
	return true;
}

/* Also values that ought to be quoted and are not, as some user agents write their username. */
static bool take_value(struct cursor *c, struct text *ret)
{
	const char *begin = c->at;

	if (c->at < c->end && *c->at == '"')
		return take_quoted(c, ret);
	while (c->at < c->end && !is_white(*c->at) && *c->at != ',' && *c->at != '"') {
		if (is_control(*c->at))
			return false;
		c->at++;
	}
	*ret = text_between(begin, c->at);
	return c->at > begin;
}

/* Where a parameter goes; NULL for those that nobody asks for. */
static struct text *place_of(struct digest_credentials *credentials, struct text name)
{
	const struct {
		struct text name, *place;
	} rows[] = {
		{TEXT("username"), &credentials->username},
		{TEXT("realm"), &credentials->realm},
		{TEXT("nonce"), &credentials->nonce},
		{TEXT("uri"), &credentials->uri},
		{TEXT("response"), &credentials->response},
		{TEXT("algorithm"), &credentials->algorithm},
		{TEXT("cnonce"), &credentials->cnonce},
		{TEXT("qop"), &credentials->qop},
		{TEXT("nc"), &credentials->nc},
		{TEXT("auts"), &credentials->auts},
		{TEXT("integrity-protected"), &credentials->integrity_protected},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (text_equal_nocase(rows[i].name, name))
			return rows[i].place;
	}
	return NULL;
}

/* auth-param = token "=" ( token / quoted-string ), with white space around the "=" */
static bool take_parameter(struct cursor *c, struct digest_credentials *credentials)
{
	struct text name = take_token(c), value, *place;

	skip_white(c);
	if (name.len == 0 || c->at == c->end || *c->at != '=')
		return false;
	c->at++;
	skip_white(c);
	if (!take_value(c, &value))
		return false;
	place = place_of(credentials, name);
	if (place && place->at) /* RFC 7235 §2.1: once only */
		return false;
	if (place)
		*place = value;
	return true;
}

static bool take_parameters(struct cursor *c, struct digest_credentials *credentials)
{
	for (unsigned n = 0; n < DIGEST_PARAMETERS_MAX; n++) {
		skip_white(c);
		if (!take_parameter(c, credentials))
			return false;
		skip_white(c);
		if (c->at == c->end)
			return true;
		if (*c->at++ != ',')
			return false;
	}
	return false;
}

enum digest_credentials_verdict digest_credentials_parse(struct text value,
							 struct digest_credentials *ret)
{
	struct digest_credentials credentials = {0};
	struct cursor c;
	struct text scheme;

	if (value.len == 0)
		return DIGEST_CREDENTIALS_BAD;
	c = (struct cursor){value.at, value.at + value.len};
	skip_white(&c);
	scheme = take_token(&c);
	if (scheme.len == 0)
		return DIGEST_CREDENTIALS_BAD;
	if (!text_equal_nocase(scheme, TEXT("Digest")))
		return DIGEST_CREDENTIALS_ABSENT;
	if (c.at == c.end || !is_white(*c.at) || !take_parameters(&c, &credentials) ||
	    credentials.cnonce.len > DIGEST_CNONCE_BYTES_MAX)
		return DIGEST_CREDENTIALS_BAD;
	*ret = credentials;
	return DIGEST_CREDENTIALS_FOUND;
}

enum digest_credentials_verdict digest_credentials_of(const struct sip_message *request,
						      struct text realm,
						      struct digest_credentials *ret)
{
	for (unsigned i = 0; i < request->n_fields; i++) {
		const struct sip_field *field = &request->fields[i];
		struct digest_credentials credentials;
		enum digest_credentials_verdict verdict;

		if (!text_equal_nocase(field->name, TEXT("Authorization")))
			continue;
		verdict = digest_credentials_parse(field->value, &credentials);
		if (verdict == DIGEST_CREDENTIALS_BAD)
			return verdict;
		if (verdict == DIGEST_CREDENTIALS_FOUND &&
		    (realm.len == 0 || digest_value_equal(credentials.realm, realm))) {
			*ret = credentials;
			return verdict;
		}
	}
	return DIGEST_CREDENTIALS_ABSENT;
}

bool digest_value_equal(struct text raw, struct text plain)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < raw.len; i++, n++) {
		if (raw.at[i] == '\\' && i + 1 < raw.len)
			i++;
		if (n == plain.len || plain.at[n] != raw.at[i])
			return false;
	}
	return n == plain.len;
}

void digest_put_quoted(struct text_writer *w, struct text plain)
{
	text_put_char(w, '"');
	for (uint32_t i = 0; i < plain.len; i++) {
		if (plain.at[i] == '"' || plain.at[i] == '\\')
			text_put_char(w, '\\');
		text_put_char(w, plain.at[i]);
	}
	text_put_char(w, '"');
}

static struct text hex_of(enum digest_algorithm algorithm, const uint8_t *bytes,
			  char ret_hex[DIGEST_HEX_MAX])
{
	struct text_writer w = text_writer_on(ret_hex, DIGEST_HEX_MAX);

	digest_put_hex(&w, bytes, digest_bytes(algorithm));
	return text_written(&w);
}

struct text digest_ha1(enum digest_algorithm algorithm, struct text user, struct text realm,
		       struct text secret, char ret_hex[DIGEST_HEX_MAX])
{
	struct digest digest;
	uint8_t bytes[DIGEST_BYTES_MAX];
	struct text hex;

	digest_begin(&digest, algorithm);
	digest_put(&digest, user);
	digest_put(&digest, TEXT(":"));
	digest_put(&digest, realm);
	digest_put(&digest, TEXT(":"));
	digest_put(&digest, secret);
	digest_end(&digest, bytes);
	hex = hex_of(algorithm, bytes, ret_hex);
	digest_wipe(bytes, sizeof(bytes));
	return hex;
}

void digest_response(enum digest_algorithm algorithm, const struct digest_credentials *credentials,
		     struct text ha1, struct text method, uint8_t ret[DIGEST_BYTES_MAX])
{
	struct digest digest;
	uint8_t bytes[DIGEST_BYTES_MAX];
	char ha2[DIGEST_HEX_MAX];
	const struct text parts[] = {ha1, credentials->nonce, credentials->nc, credentials->cnonce,
				     credentials->qop};

	digest_begin(&digest, algorithm); /* A2 = method ":" uri */
	digest_put(&digest, method);
	digest_put(&digest, TEXT(":"));
	digest_put(&digest, credentials->uri);
	digest_end(&digest, bytes);
	digest_begin(&digest, algorithm);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		digest_put(&digest, parts[i]);
		digest_put(&digest, TEXT(":"));
	}
	digest_put(&digest, hex_of(algorithm, bytes, ha2));
	digest_end(&digest, ret);
}
