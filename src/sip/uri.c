/* RFC 3261 §19.1 and RFC 3966: reading and comparing URIs. */
#include "sip/uri.h"
#include "sip/chars.h"
#include "sip/message.h"

/* --- reading --- */

/* Characters of the classes and "%HH"; stops at the first other one. NULL at a "%" without two digits. */
static const char *skip_escaped(const char *at, const char *end, unsigned classes)
{
	for (;; at++) {
		if (at < end && *at == '%') {
			if (end - at < 3 || !sip_char_is(at[1], SIP_CHAR_HEX) ||
			    !sip_char_is(at[2], SIP_CHAR_HEX))
				return NULL;
			at += 2;
		} else if (at == end || !sip_char_is(*at, classes)) {
			return at;
		}
	}
}

/* user [":" password] "@". Returns `at` when there is no userinfo, NULL when it is malformed. */
static const char *read_userinfo(const char *at, const char *end, struct sip_uri *u)
{
	const char *sign = memchr(at, '@', (size_t)(end - at)), *stop;

	if (!sign)
		return at;
	stop = skip_escaped(at, sign, SIP_CHAR_USER);
	if (!stop || stop == at)
		return NULL;
	u->user = text_between(at, stop);
	if (*stop == ':') {
		at = stop + 1;
		stop = skip_escaped(at, sign, SIP_CHAR_PASSWORD);
		if (!stop)
			return NULL;
		u->password = text_between(at, stop);
	}
	return stop == sign ? sign + 1 : NULL;
}

static const char *read_host(const char *at, const char *end, struct sip_uri *u)
{
	const char *stop;
	struct endpoint ignored = {0};

	if (at < end && *at == '[') {
		stop = memchr(at, ']', (size_t)(end - at));
		if (!stop || !sip_ipv6_reference(text_between(at, stop + 1), &ignored))
			return NULL;
		stop++;
	} else {
		stop = sip_skip(at, end, SIP_CHAR_HOST);
	}
	if (stop == at)
		return NULL;
	u->host = text_between(at, stop);
	return stop;
}

static const char *read_port(const char *at, const char *end, struct sip_uri *u)
{
	const char *stop;
	uint32_t port;

	if (at == end || *at != ':')
		return at;
	for (stop = ++at; stop < end && *stop >= '0' && *stop <= '9';)
		stop++;
	if (!text_to_u32(text_between(at, stop), UINT16_MAX, &port) || port == 0)
		return NULL;
	u->port = (uint16_t)port;
	return stop;
}

/* A run of `mark`name[=value], `between` standing between the later ones; up to `stop_at` or the end. NULL when a name or the value behind
 * "=" is missing (`empty_values` allows the latter). */
static const char *skip_pairs(const char *at, const char *end, char between, char stop_at,
			      bool empty_values)
{
	do {
		bool in_value = false;
		const char *part = ++at;

		for (; at < end && *at != between && *at != stop_at; at++) {
			if (*at == '=' && !in_value) {
				if (at == part)
					return NULL;
				in_value = true;
				part = at + 1;
			} else if (!sip_char_is(*at, SIP_CHAR_URI)) {
				return NULL;
			} else if (*at == '%') {
				if (end - at < 3 || !sip_char_is(at[1], SIP_CHAR_HEX) ||
				    !sip_char_is(at[2], SIP_CHAR_HEX))
					return NULL;
			}
		}
		if (at == part && !(in_value && empty_values))
			return NULL;
	} while (at < end && *at == between);
	return at;
}

/* [";" uri-parameters] ["?" headers] up to the end. */
static bool read_tail(const char *at, const char *end, struct sip_uri *u)
{
	const char *from = at;

	if (at < end && *at == ';') {
		at = skip_pairs(at, end, ';', '?', false);
		if (!at)
			return false;
		u->params = text_between(from, at);
	}
	if (at < end && *at == '?') {
		from = at + 1;
		at = skip_pairs(at, end, '&', '&', true);
		if (!at)
			return false;
		u->headers = text_between(from, at);
	}
	return at == end;
}

static bool read_sip(const char *at, const char *end, struct sip_uri *u)
{
	at = read_userinfo(at, end, u);
	if (at)
		at = read_host(at, end, u);
	if (at)
		at = read_port(at, end, u);
	return at && read_tail(at, end, u);
}

static bool is_visual_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* RFC 3966 §3. A local number without phone-context is no tel URI by the letter, but "tel:112" is what phones send. */
static bool read_tel(const char *at, const char *end, struct sip_uri *u)
{
	const char *from = at;
	bool global = at < end && *at == '+', digit = false;

	for (at += global; at < end && *at != ';'; at++) {
		if (is_visual_separator(*at))
			continue;
		if (!(*at >= '0' && *at <= '9') &&
		    (global || !(sip_char_is(*at, SIP_CHAR_HEX) || *at == '*' || *at == '#')))
			return false;
		digit = true;
	}
	u->user = text_between(from, at);
	return digit && read_tail(at, end, u) && u->headers.len == 0;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" something. */
static bool is_absolute_uri(struct text uri)
{
	uint32_t colon = text_find(uri, ':');

	if (colon == 0 || colon + 1 >= uri.len || text_lower(uri.at[0]) < 'a' ||
	    text_lower(uri.at[0]) > 'z')
		return false;
	for (uint32_t i = 1; i < colon; i++)
		if (!sip_char_is(uri.at[i], SIP_CHAR_HOST) && uri.at[i] != '+')
			return false;
	return sip_all_are(uri, SIP_CHAR_URI);
}

bool sip_uri_parse(struct text uri, struct sip_uri *ret)
{
	struct sip_uri u = {.whole = uri};
	const char *end;
	bool ok;

	if (uri.len == 0 || uri.len > LIMIT_URI_BYTES)
		return false;
	end = uri.at + uri.len;
	if (text_starts_with_nocase(uri, TEXT("sip:"))) {
		u.scheme = SIP_URI_SIP;
		ok = read_sip(uri.at + 4, end, &u);
	} else if (text_starts_with_nocase(uri, TEXT("sips:"))) {
		u.scheme = SIP_URI_SIPS;
		ok = read_sip(uri.at + 5, end, &u);
	} else if (text_starts_with_nocase(uri, TEXT("tel:"))) {
		u.scheme = SIP_URI_TEL;
		ok = read_tel(uri.at + 4, end, &u);
	} else {
		u.scheme = SIP_URI_OTHER;
		ok = is_absolute_uri(uri);
	}
	if (ok)
		*ret = u;
	return ok;
}

/* --- parts --- */

/* Cuts the first "name[=value]" off *rest, which begins with ';' or not. false at the end. */
static bool pair_next(struct text *rest, char between, struct text *ret_name,
		      struct text *ret_value)
{
	struct text pair = *rest;
	uint32_t equals;

	if (pair.len && pair.at[0] == between)
		pair = text_from(pair, 1);
	if (pair.len == 0)
		return false;
	pair.len = text_find(pair, between);
	equals = text_find(pair, '=');
	*ret_name = (struct text){pair.at, equals};
	*ret_value = equals < pair.len ? text_from(pair, equals + 1) : (struct text){0};
	*rest = text_between(pair.at + pair.len, rest->at + rest->len);
	return true;
}

bool sip_uri_param(const struct sip_uri *uri, struct text name, struct text *ret_value)
{
	struct text rest = uri->params, found, value;

	while (pair_next(&rest, ';', &found, &value)) {
		if (text_equal_nocase(found, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* --- comparing, RFC 3261 §19.1.4 --- */

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(text_lower(c) - 'a' + 10);
}

#define ESCAPED 0x100u

/* The next character, its escape resolved. A reserved character means something else than its escape, so that it is marked. */
static unsigned next_char(const char **at, const char *end)
{
	unsigned char c = (unsigned char)*(*at)++;

	if (c != '%' || end - *at < 2 || !sip_char_is((*at)[0], SIP_CHAR_HEX) ||
	    !sip_char_is((*at)[1], SIP_CHAR_HEX))
		return c;
	c = (unsigned char)(hex_digit((*at)[0]) << 4 | hex_digit((*at)[1]));
	*at += 2;
	return sip_char_is((char)c, SIP_CHAR_RESERVED) ? c | ESCAPED : c;
}

static bool same(struct text a, struct text b, bool any_case)
{
	const char *p = a.at, *p_end, *q = b.at, *q_end;

	if (a.len == 0 || b.len == 0)
		return a.len == b.len;
	p_end = a.at + a.len;
	q_end = b.at + b.len;
	while (p < p_end && q < q_end) {
		unsigned c = next_char(&p, p_end), d = next_char(&q, q_end);

		if (c != d &&
		    !(any_case && c < 128 && d < 128 && text_lower((char)c) == text_lower((char)d)))
			return false;
	}
	return p == p_end && q == q_end;
}

/* Names are compared without regard to case, the first of equal names counts (RFC 3261 §19.1.1 allows one). */
static bool find_param(struct text params, struct text name, struct text *ret_value)
{
	struct text found;

	while (pair_next(&params, ';', &found, ret_value))
		if (same(found, name, true))
			return true;
	return false;
}

/* These never match when only one URI has them, a default written out included. */
static bool must_be_in_both(struct text name)
{
	return same(name, TEXT("user"), true) || same(name, TEXT("ttl"), true) ||
	       same(name, TEXT("method"), true) || same(name, TEXT("maddr"), true) ||
	       same(name, TEXT("transport"), true);
}

/* Does every parameter of `a` allow it to be equal to `b`? */
static bool params_agree(struct text a, struct text b, bool all_in_both)
{
	struct text rest = a, name, ignored, in_a, in_b;

	while (pair_next(&rest, ';', &name, &ignored)) {
		if (!find_param(a, name, &in_a))
			continue;
		if (!find_param(b, name, &in_b)) {
			if (all_in_both || must_be_in_both(name))
				return false;
		} else if ((in_a.at == NULL) != (in_b.at == NULL) || !same(in_a, in_b, true)) {
			return false;
		}
	}
	return true;
}

static unsigned count_header(struct text headers, struct text name, struct text value)
{
	struct text n, v;
	unsigned count = 0;

	while (pair_next(&headers, '&', &n, &v))
		count += same(n, name, true) && same(v, value, false);
	return count;
}

/* Headers are never ignored; order is. One may stand there more often than once. */
static bool headers_agree(struct text a, struct text b)
{
	struct text rest = a, name, value;

	while (pair_next(&rest, '&', &name, &value))
		if (count_header(a, name, value) != count_header(b, name, value))
			return false;
	return true;
}

/* IPv6 addresses have many spellings (RFC 5954 §4.2). */
static bool hosts_equal(struct text a, struct text b)
{
	struct endpoint x = {0}, y = {0};

	if (text_equal_nocase(a, b))
		return true;
	return a.len && b.len && a.at[0] == '[' && b.at[0] == '[' && sip_ipv6_reference(a, &x) &&
	       sip_ipv6_reference(b, &y) && endpoint_same_address(&x, &y);
}

static bool sip_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->port != b->port || !hosts_equal(a->host, b->host) ||
	    !same(a->user, b->user, false) ||
	    (a->password.at == NULL) != (b->password.at == NULL) ||
	    !same(a->password, b->password, false))
		return false;
	if (!text_equal(a->params, b->params) && (!params_agree(a->params, b->params, false) ||
						  !params_agree(b->params, a->params, false)))
		return false;
	return text_equal(a->headers, b->headers) ||
	       (headers_agree(a->headers, b->headers) && headers_agree(b->headers, a->headers));
}

/* Digits without what is there for the eye only, RFC 3966 §5.1.1. */
static bool numbers_equal(struct text a, struct text b)
{
	uint32_t i = 0, k = 0;

	for (;;) {
		while (i < a.len && is_visual_separator(a.at[i]))
			i++;
		while (k < b.len && is_visual_separator(b.at[k]))
			k++;
		if (i == a.len || k == b.len)
			return i == a.len && k == b.len;
		if (text_lower(a.at[i++]) != text_lower(b.at[k++]))
			return false;
	}
}

/* phone-context and ext may hold numbers, written with separators or without. */
static bool tel_params_agree(struct text a, struct text b)
{
	struct text rest = a, name, ignored, in_a, in_b;

	while (pair_next(&rest, ';', &name, &ignored)) {
		bool number =
			same(name, TEXT("ext"), true) || same(name, TEXT("phone-context"), true);

		if (!find_param(a, name, &in_a))
			continue;
		if (!find_param(b, name, &in_b) || (in_a.at == NULL) != (in_b.at == NULL))
			return false;
		if (!same(in_a, in_b, true) &&
		    !(number && in_a.len && in_b.len &&
		      (in_a.at[0] == '+' || text_lower(name.at[0]) == 'e') &&
		      numbers_equal(in_a, in_b)))
			return false;
	}
	return true;
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	switch (a->scheme) {
	case SIP_URI_SIP:
	case SIP_URI_SIPS: return sip_equal(a, b);
	case SIP_URI_TEL:
		return numbers_equal(a->user, b->user) && tel_params_agree(a->params, b->params) &&
		       tel_params_agree(b->params, a->params);
	case SIP_URI_OTHER: break;
	}
	return text_equal(a->whole, b->whole);
}

/* --- the address of record --- */

/* An escaped character that may stand for itself does; the others keep their escape in capital letters, so that what comes out is a URI
 * again. */
static void put_user(struct text_writer *w, struct text user)
{
	const char *at = user.at, *end = user.len ? user.at + user.len : user.at;

	while (at < end) {
		char c = (char)next_char(&at, end);

		if (sip_char_is(c, SIP_CHAR_USER)) {
			text_put_char(w, c);
		} else {
			text_put_char(w, '%');
			text_put_char(w, "0123456789ABCDEF"[(unsigned char)c >> 4]);
			text_put_char(w, "0123456789ABCDEF"[c & 15]);
		}
	}
}

static void put_lower(struct text_writer *w, struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		text_put_char(w, (char)text_lower(t.at[i]));
}

static void put_tel(struct text_writer *w, const struct sip_uri *uri)
{
	struct text context;

	text_put_literal(w, "tel:");
	for (uint32_t i = 0; i < uri->user.len; i++)
		if (!is_visual_separator(uri->user.at[i]))
			text_put_char(w, (char)text_lower(uri->user.at[i]));
	/* A local number is nobody's without its context, RFC 3966 §5.1.5. */
	if (uri->user.len && uri->user.at[0] != '+' &&
	    sip_uri_param(uri, TEXT("phone-context"), &context)) {
		text_put_literal(w, ";phone-context=");
		put_lower(w, context);
	}
}

void sip_uri_put_address_of_record(const struct sip_uri *uri, struct text_writer *w)
{
	switch (uri->scheme) {
	case SIP_URI_OTHER: text_put(w, uri->whole); return;
	case SIP_URI_TEL: put_tel(w, uri); return;
	case SIP_URI_SIP:
	case SIP_URI_SIPS: break;
	}
	text_put_literal(w, "sip:");
	if (uri->user.len) {
		put_user(w, uri->user);
		text_put_char(w, '@');
	}
	put_lower(w, uri->host);
	if (uri->port) {
		text_put_char(w, ':');
		text_put_u64(w, uri->port);
	}
}
