/* RFC 3261 §7.3.1 and §20: what stands inside header fields. Comma lists, parameters, Via, name-addr, quoted strings. */
#include "sip/message.h"
#include "sip/chars.h"

const char *sip_skip_quoted(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			at++;
	}
	return NULL;
}

/* --- comma lists --- */

static const char *skip_separators(const char *at, const char *end)
{
	while (at < end && (*at == ',' || sip_char_is(*at, SIP_CHAR_WHITE)))
		at++;
	return at;
}

/* The comma that ends the value, or the end. Quotes and brackets that are never closed take everything. */
static const char *value_end(const char *at, const char *end)
{
	while (at < end && *at != ',') {
		if (*at == '"')
			at = sip_skip_quoted(at, end);
		else if (*at == '<')
			at = memchr(at, '>', (size_t)(end - at));
		else
			at++;
		if (!at)
			return end;
	}
	return at;
}

/* Empty elements, which the grammar does not have, are passed over. *rest ends up at the next value, so that it is empty
 * after the last one. */
bool sip_text_list_next(struct text *rest, struct text *ret_value)
{
	const char *at, *end, *stop;

	if (rest->len == 0)
		return false;
	end = rest->at + rest->len;
	at = skip_separators(rest->at, end);
	stop = value_end(at, end);
	*rest = text_between(skip_separators(stop, end), end);
	if (at == stop)
		return false;
	*ret_value = text_trim(text_between(at, stop));
	return true;
}

struct sip_list sip_list_of(const struct sip_message *m, enum sip_header h)
{
	const struct sip_field *field = sip_first(m, h);

	return (struct sip_list){
		.message = m,
		.field = field,
		.rest = field ? field->value : (struct text){0},
	};
}

bool sip_list_next(struct sip_list *list, struct text *ret_value)
{
	while (list->field) {
		bool first = list->rest.at == list->field->value.at;

		if (sip_text_list_next(&list->rest, ret_value)) {
			list->value_field = list->field;
			list->first_of_field = first;
			list->last_of_field = list->rest.len == 0;
			return true;
		}
		list->field = sip_next(list->message, list->field);
		list->rest = list->field ? list->field->value : (struct text){0};
	}
	return false;
}

bool sip_has_option(const struct sip_message *m, enum sip_header h, struct text tag)
{
	struct sip_list list = sip_list_of(m, h);
	struct text value;

	while (sip_list_next(&list, &value))
		if (text_equal_nocase(value, tag))
			return true;
	return false;
}

/* --- parameters --- */

/* The value behind "=": where it ends, NULL when there is none. */
static const char *param_value_end(const char *at, const char *end)
{
	const char *stop;

	if (at < end && *at == '"')
		return sip_skip_quoted(at, end);
	stop = sip_skip(at, end, SIP_CHAR_PARAM_VALUE);
	return stop == at ? NULL : stop;
}

enum sip_param_step sip_param_next(struct text *rest, struct text *ret_name, struct text *ret_value)
{
	const char *at, *end, *stop;

	if (rest->len == 0)
		return SIP_PARAM_END;
	end = rest->at + rest->len;
	at = sip_skip(rest->at, end, SIP_CHAR_WHITE);
	if (at == end)
		return SIP_PARAM_END;
	if (*at != ';')
		return SIP_PARAM_BAD;
	at = sip_skip(at + 1, end, SIP_CHAR_WHITE);
	stop = sip_skip(at, end, SIP_CHAR_PARAM_NAME);
	if (stop == at)
		return SIP_PARAM_BAD;
	*ret_name = text_between(at, stop);
	*ret_value = (struct text){stop, 0};
	at = sip_skip(stop, end, SIP_CHAR_WHITE);
	if (at < end && *at == '=') {
		at = sip_skip(at + 1, end, SIP_CHAR_WHITE);
		stop = param_value_end(at, end);
		if (!stop)
			return SIP_PARAM_BAD;
		*ret_value = text_between(at, stop);
		at = stop;
	}
	*rest = text_between(at, end);
	return SIP_PARAM_FOUND;
}

bool sip_param(struct text params, struct text name, struct text *ret_value)
{
	struct text found, value;

	while (sip_param_next(&params, &found, &value) == SIP_PARAM_FOUND) {
		if (text_equal_nocase(found, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* --- Via, RFC 3261 §20.42 --- */

bool sip_ipv6_reference(struct text host, struct endpoint *ret)
{
	char two_colons[64];
	uint32_t n = 0;

	if (endpoint_parse_ip(host, ret))
		return ret->family == 6;
	if (host.len > sizeof(two_colons))
		return false;
	for (uint32_t i = 0; i < host.len; i++)
		if (i + 2 >= host.len || memcmp(host.at + i, ":::", 3) != 0)
			two_colons[n++] = host.at[i];
	return n + 1 == host.len && endpoint_parse_ip((struct text){two_colons, n}, ret);
}

/* "SIP / 2.0 / UDP": three tokens; white space around the slashes is allowed. */
static const char *read_sent_protocol(const char *at, const char *end, struct text *ret_transport)
{
	const char *stop;

	for (int part = 0; part < 3; part++) {
		if (part) {
			if (at == end || *at != '/')
				return NULL;
			at = sip_skip(at + 1, end, SIP_CHAR_WHITE);
		}
		stop = sip_skip(at, end, SIP_CHAR_TOKEN);
		if (stop == at)
			return NULL;
		*ret_transport = text_between(at, stop);
		at = sip_skip(stop, end, SIP_CHAR_WHITE);
		if (part == 2 && at == stop) /* nothing between "UDP" and sent-by */
			return NULL;
	}
	return at;
}

static const char *host_end(const char *at, const char *end)
{
	struct endpoint ignored = {0};
	const char *stop;

	if (at == end || *at != '[') {
		stop = sip_skip(at, end, SIP_CHAR_HOST);
		return stop == at ? NULL : stop;
	}
	stop = memchr(at, ']', (size_t)(end - at));
	if (!stop || !sip_ipv6_reference(text_between(at, stop + 1), &ignored))
		return NULL;
	return stop + 1;
}

/* host [":" port], white space allowed around the colon. */
static const char *read_sent_by(const char *at, const char *end, struct sip_via *via)
{
	const char *stop = host_end(at, end);
	uint32_t port;

	if (!stop)
		return NULL;
	via->host = text_between(at, stop);
	at = sip_skip(stop, end, SIP_CHAR_WHITE);
	if (at == end || *at != ':')
		return at;
	at = sip_skip(at + 1, end, SIP_CHAR_WHITE);
	for (stop = at; stop < end && *stop >= '0' && *stop <= '9';)
		stop++;
	if (!text_to_u32(text_between(at, stop), UINT16_MAX, &port) || port == 0)
		return NULL;
	via->port = (uint16_t)port;
	return sip_skip(stop, end, SIP_CHAR_WHITE);
}

static bool read_via_params(struct sip_via *via)
{
	struct text rest = via->params, name, value;
	enum sip_param_step step;

	while ((step = sip_param_next(&rest, &name, &value)) == SIP_PARAM_FOUND) {
		if (text_equal_nocase(name, TEXT("branch"))) {
			via->branch = value;
		} else if (text_equal_nocase(name, TEXT("received"))) {
			via->received = value;
		} else if (text_equal_nocase(name, TEXT("rport"))) {
			via->rport = value;
			via->has_rport = true;
		}
	}
	return step == SIP_PARAM_END;
}

bool sip_via_read(struct text value, struct sip_via *ret)
{
	const char *at, *end;

	value = text_trim(value);
	*ret = (struct sip_via){.whole = value};
	if (value.len == 0)
		return false;
	end = value.at + value.len;
	at = read_sent_protocol(value.at, end, &ret->transport);
	if (at)
		at = read_sent_by(at, end, ret);
	if (!at)
		return false;
	ret->params = text_between(at, end);
	return read_via_params(ret) && ret->branch.len <= LIMIT_BRANCH_BYTES;
}

bool sip_via_parse(struct text value, struct sip_via *ret)
{
	struct sip_via via;

	if (!sip_via_read(value, &via))
		return false;
	*ret = via;
	return true;
}

/* --- name-addr and addr-spec, RFC 3261 §20.10 --- */

/* A URI of any scheme as far as every header needs it: "scheme:something" of characters that a URI may have. */
static bool is_some_uri(struct text uri)
{
	uint32_t colon = text_find(uri, ':');

	return uri.len <= LIMIT_URI_BYTES && colon > 0 && colon + 1 < uri.len &&
	       sip_all_are(uri, SIP_CHAR_URI);
}

/* display-name: a quoted string or tokens. Bytes of UTF-8 outside quotes are no tokens, but too many peers send them. */
static const char *read_display(const char *at, const char *end, struct text *ret_display)
{
	const char *from = at;

	if (*at == '"') {
		at = sip_skip_quoted(at, end);
		if (!at)
			return NULL;
		*ret_display = text_between(from, at);
		return sip_skip(at, end, SIP_CHAR_WHITE);
	}
	while (at < end && (sip_char_is(*at, SIP_CHAR_TOKEN | SIP_CHAR_WHITE) || *at & 0x80))
		at++;
	*ret_display = text_trim(text_between(from, at));
	return at;
}

/* Without < > a comma, a question mark or a semicolon is not the URI's (RFC 3261 §20.10): the semicolon ends it, the others are
 * faults (RFC 4475 §3.1.2.13). */
static const char *read_addr_spec(const char *at, const char *end, struct text *ret_uri)
{
	const char *from = at;

	while (at < end && *at != ';' && !sip_char_is(*at, SIP_CHAR_WHITE)) {
		if (*at == ',' || *at == '?')
			return NULL;
		at++;
	}
	*ret_uri = text_between(from, at);
	return at;
}

static const char *read_address(const char *at, const char *end, struct sip_name_addr *ret)
{
	const char *from = at;

	at = read_display(at, end, &ret->display);
	if (!at)
		return NULL;
	if (at < end && *at == '<') {
		from = at + 1;
		at = memchr(from, '>', (size_t)(end - from));
		if (!at)
			return NULL;
		ret->uri = text_between(from, at);
		return at + 1;
	}
	if (*from == '"')
		return NULL;
	ret->display = (struct text){0};
	return read_addr_spec(from, end, &ret->uri);
}

bool sip_name_addr_parse(struct text value, struct sip_name_addr *ret)
{
	struct sip_name_addr a = {0};
	struct text rest, name, param;
	enum sip_param_step step;
	const char *at, *end;

	value = text_trim(value);
	if (value.len == 0)
		return false;
	end = value.at + value.len;
	at = read_address(value.at, end, &a);
	if (!at || !is_some_uri(a.uri))
		return false;
	rest = a.params = text_between(sip_skip(at, end, SIP_CHAR_WHITE), end);
	while ((step = sip_param_next(&rest, &name, &param)) == SIP_PARAM_FOUND)
		;
	if (step == SIP_PARAM_BAD)
		return false;
	*ret = a;
	return true;
}
