/* RFC 3261 §7 and §18.3: the index of one message, built in one pass over its bytes.
 *
 * Line ends: CRLF is the rule; a bare LF is taken for a line end as well (RFC 3261 has none of it, but senders do), a bare CR never.
 * Nothing is corrected: what is forwarded keeps the line ends that it came with. */
#include "sip/message.h"

#include <assert.h>

#include "sip/chars.h"
#include "sip/uri.h"

static_assert(LIMIT_HEADER_FIELDS < UINT8_MAX, "indices of fields are one byte");
static_assert(SIP_HEADERS < UINT8_MAX, "enum sip_header is kept in one byte");

#define CSEQ_MAX 0x7fffffffu /* RFC 3261 §8.1.1.5: less than 2**31 */

/* The first fault is the one that is answered; reading goes on, for the answer needs the other fields. */
static void refuse(struct sip_message *m, uint16_t status, const char *reason)
{
	if (m->fault_status)
		return;
	m->fault_status = status;
	m->fault_reason = reason;
}

/* --- the start line, RFC 3261 §7.1 and §7.2 --- */

/* SIP/2.0 in any case (RFC 3261 §7.1); another version is 505 (§21.5.6), anything else no version at all. */
static void check_version(struct sip_message *m, struct text version)
{
	const char *at, *end, *stop;

	if (text_equal_nocase(version, TEXT("SIP/2.0")))
		return;
	end = version.at + version.len;
	at = version.at + sizeof("SIP/") - 1;
	for (int part = 0; part < 2; part++) {
		for (stop = at; stop < end && *stop >= '0' && *stop <= '9';)
			stop++;
		if (stop == at || (part == 0 && (stop == end || *stop != '.'))) {
			refuse(m, 400, "Malformed SIP Version");
			return;
		}
		at = stop + (part == 0);
	}
	if (at == end)
		refuse(m, 505, "Version Not Supported");
	else
		refuse(m, 400, "Malformed SIP Version");
}

/* RFC 3261 §19.1.1: no headers in a Request-URI. An unknown scheme is nobody's fault here (416 is the proxy's answer). */
static void check_request_uri(struct sip_message *m)
{
	struct sip_uri uri;

	if (m->request_uri.len > LIMIT_URI_BYTES)
		refuse(m, 414, "Request-URI Too Long");
	else if (!sip_uri_parse(m->request_uri, &uri) || uri.headers.len)
		refuse(m, 400, "Malformed Request-URI");
}

/* Method SP Request-URI SP SIP-Version. A line that does not begin with a token and end in SIP/... is no SIP. More than one SP, or any at
 * the end, make the message invalid (RFC 4475 §3.1.2.9 and §3.1.2.10). */
static bool read_request_line(struct sip_message *m, struct text line)
{
	uint32_t space = text_find(line, ' '), version;
	struct text trimmed = text_trim(line);

	if (space == 0 || space == line.len || trimmed.at != line.at)
		return false;
	m->method_name = (struct text){line.at, space};
	if (!sip_all_are(m->method_name, SIP_CHAR_TOKEN))
		return false;
	for (version = trimmed.len; version && line.at[version - 1] != ' ';)
		version--;
	if (!text_starts_with_nocase(text_from(trimmed, version), TEXT("SIP/")))
		return false;
	m->is_request = true;
	m->method = (uint8_t)sip_method_of(m->method_name);
	if (version > space + 1)
		m->request_uri = text_between(line.at + space + 1, line.at + version - 1);
	if (line.len > LIMIT_START_LINE_BYTES)
		refuse(m, 414, "Request-URI Too Long");
	if (trimmed.len != line.len)
		refuse(m, 400, "White Space After SIP Version");
	check_version(m, text_from(trimmed, version));
	check_request_uri(m);
	return true;
}

/* SIP-Version SP Status-Code SP Reason-Phrase. The phrase may be empty; that its SP is missing then is forgiven. */
static void read_status_line(struct sip_message *m, struct text line)
{
	uint32_t space = text_find(line, ' '), status;
	struct text rest = text_from(line, space + 1), code;

	check_version(m, (struct text){line.at, space});
	code = (struct text){rest.at, text_find(rest, ' ')};
	m->reason_phrase = text_from(rest, code.len + 1);
	if (line.len > LIMIT_START_LINE_BYTES)
		refuse(m, 400, "Status Line Too Long");
	if (code.len != 3 || !text_to_u32(code, 699, &status) || status < 100)
		refuse(m, 400, "Malformed Status Code");
	else
		m->status = (uint16_t)status;
}

/* Returns where the header fields begin; NULL when this is no SIP. */
static const char *read_start_line(struct sip_message *m, const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	struct text line = text_between(at, newline ? newline : end);

	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	if (text_starts_with_nocase(line, TEXT("SIP/")))
		read_status_line(m, line);
	else if (!read_request_line(m, line))
		return NULL;
	return newline ? newline + 1 : end;
}

/* --- the header fields, RFC 3261 §7.3 --- */

/* Behind the line end of the field that begins at `at`, its folded lines included; NULL when there is no line end. */
static inline const char *field_end(const char *at, const char *end)
{
	do {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return NULL;
		at++;
	} while (at < end && (*at == ' ' || *at == '\t'));
	return at;
}

/* The usual ": value" CRLF first, without a loop: the branches are foreseen. */
static inline struct text trim(const char *at, const char *end)
{
	at += at < end && *at == ' ';
	end -= end > at && end[-1] == '\n';
	end -= end > at && end[-1] == '\r';
	while (end > at && sip_char_is(end[-1], SIP_CHAR_WHITE))
		end--;
	while (at < end && sip_char_is(*at, SIP_CHAR_WHITE))
		at++;
	return text_between(at, end);
}

/* Enters the last field into the chain of its header. */
static inline void chain(struct sip_message *m, enum sip_header header)
{
	uint8_t number = (uint8_t)m->n_fields;

	if (header == SIP_HEADER_OTHER)
		return;
	if (m->first[header])
		m->fields[m->last[header] - 1].next_same = (uint8_t)(number - 1);
	else
		m->first[header] = number;
	m->last[header] = number;
}

static void refuse_line(struct sip_message *m, uint16_t status, const char *reason, const char *at,
			const char *end)
{
	if (!m->fault_status)
		m->fault_line = text_between(at, end);
	refuse(m, status, reason);
}

static inline void add_field(struct sip_message *m, const char *at, const char *end)
{
	const char *colon = memchr(at, ':', (size_t)(end - at)), *stop = colon;
	struct sip_field *f = &m->fields[m->n_fields];
	enum sip_header header;

	while (stop && stop > at && (stop[-1] == ' ' || stop[-1] == '\t'))
		stop--;
	if (!stop || stop == at) {
		refuse_line(m, 400, "Malformed Header Field", at, end);
		return;
	}
	f->name = text_between(at, stop);
	header = sip_header_at(at, f->name.len, (size_t)(m->bytes.at + m->bytes.len - at));
	if (header == SIP_HEADER_OTHER && !sip_all_are(f->name, SIP_CHAR_TOKEN)) {
		refuse_line(m, 400, "Malformed Header Field", at, end);
		return;
	}
	if (end - at > (ptrdiff_t)LIMIT_FIELD_BYTES)
		refuse_line(m, 513, "Header Field Too Large", at, end);
	f->value = trim(colon + 1, end);
	f->begin = (uint32_t)(at - m->bytes.at);
	f->end = (uint32_t)(end - m->bytes.at);
	f->header = (uint8_t)header;
	f->next_same = 0;
	m->n_fields++;
	chain(m, header);
}

/* Behind the line end when the line at `at` is empty, else NULL. */
static inline const char *skip_empty_line(const char *at, const char *end)
{
	if (*at == '\n')
		return at + 1;
	return *at == '\r' && end - at >= 2 && at[1] == '\n' ? at + 2 : NULL;
}

/* Returns where the body begins; NULL when the header has no end that we are willing to look for. */
static const char *read_fields(struct sip_message *m, const char *at, const char *end)
{
	while (at < end) {
		const char *body = skip_empty_line(at, end), *next;

		if (body)
			return body;
		next = field_end(at, end);
		if (!next)
			break;
		if (m->n_fields == LIMIT_HEADER_FIELDS) {
			refuse(m, 513, "Too Many Header Fields");
			return NULL;
		}
		add_field(m, at, next);
		at = next;
	}
	refuse(m, 400, "Header Without End");
	return NULL;
}

/* --- the fields that every step needs --- */

/* RFC 3261 §8.1.1: the fields that every message has, once. Several Via lines are its nature. */
static void check_required(struct sip_message *m)
{
	static const struct {
		uint8_t header;
		const char *missing, *repeated;
	} required[] = {
		{SIP_HEADER_VIA, "Missing Via", NULL},
		{SIP_HEADER_FROM, "Missing From", "Repeated From"},
		{SIP_HEADER_TO, "Missing To", "Repeated To"},
		{SIP_HEADER_CALL_ID, "Missing Call-ID", "Repeated Call-ID"},
		{SIP_HEADER_CSEQ, "Missing CSeq", "Repeated CSeq"},
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		uint8_t header = required[i].header;

		if (m->first[header] == 0)
			refuse(m, 400, required[i].missing);
		else if (required[i].repeated && m->first[header] != m->last[header])
			refuse(m, 400, required[i].repeated);
	}
}

/* Counts the values of a list header; most lines have one. */
static unsigned count_values(const struct sip_message *m, enum sip_header header)
{
	unsigned n = 0;

	for (const struct sip_field *f = sip_first(m, header); f; f = sip_next(m, f)) {
		struct text rest = f->value, value;

		if (text_find(rest, ',') == rest.len)
			n++;
		else
			while (sip_text_list_next(&rest, &value))
				n++;
	}
	return n;
}

static void check_lists(struct sip_message *m)
{
	if (count_values(m, SIP_HEADER_VIA) > LIMIT_VIA_VALUES)
		refuse(m, 513, "Too Many Via Values");
	if (count_values(m, SIP_HEADER_ROUTE) > LIMIT_LIST_VALUES)
		refuse(m, 400, "Too Many Route Values");
	if (count_values(m, SIP_HEADER_RECORD_ROUTE) > LIMIT_LIST_VALUES)
		refuse(m, 400, "Too Many Record-Route Values");
}

static void read_top_via(struct sip_message *m)
{
	struct text rest = sip_value(m, SIP_HEADER_VIA), top = rest;

	if (!m->first[SIP_HEADER_VIA])
		return;
	if (text_find(rest, ',') != rest.len && !sip_text_list_next(&rest, &top))
		top.len = 0;
	if (!sip_via_read(top, &m->via))
		refuse(m, 400, "Malformed Via");
}

/* From or To. A tag is not asked for: peers of RFC 2543 send none (RFC 3261 §12.1.1). */
static void read_party(struct sip_message *m, enum sip_header header, struct text *ret_uri,
		       struct text *ret_tag)
{
	struct text value = sip_value(m, header), tag;
	bool is_from = header == SIP_HEADER_FROM;
	struct sip_name_addr address;

	if (!m->first[header])
		return;
	if (!sip_name_addr_parse(value, &address)) {
		refuse(m, 400, is_from ? "Malformed From" : "Malformed To");
		return;
	}
	*ret_uri = address.uri;
	if (!sip_param(address.params, TEXT("tag"), &tag))
		return;
	if (tag.len == 0 || tag.at[0] == '"')
		refuse(m, 400, is_from ? "Malformed From Tag" : "Malformed To Tag");
	else if (tag.len > LIMIT_TAG_BYTES)
		refuse(m, 400, is_from ? "From Tag Too Long" : "To Tag Too Long");
	else
		*ret_tag = tag;
}

/* One word, RFC 3261 §25.1; what letters it has is its sender's business. */
static void read_call_id(struct sip_message *m)
{
	struct text id = sip_value(m, SIP_HEADER_CALL_ID);

	m->call_id = id;
	if (!m->first[SIP_HEADER_CALL_ID])
		return;
	if (id.len > LIMIT_CALL_ID_BYTES)
		refuse(m, 400, "Call-ID Too Long");
	for (uint32_t i = 0; i < id.len; i++)
		if ((unsigned char)id.at[i] <= ' ')
			id.len = 0;
	if (id.len == 0)
		refuse(m, 400, "Malformed Call-ID");
}

/* Number and method. The method is kept when only the number is at fault: the refusal is answered all the same. */
static void read_cseq(struct sip_message *m)
{
	struct text value = sip_value(m, SIP_HEADER_CSEQ);
	const char *at = value.at, *end, *name;

	if (!m->first[SIP_HEADER_CSEQ])
		return;
	end = at + value.len;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	name = sip_skip(at, end, SIP_CHAR_WHITE);
	if (at == value.at || name == at || name == end ||
	    sip_skip(name, end, SIP_CHAR_TOKEN) != end) {
		refuse(m, 400, "Malformed CSeq");
		return;
	}
	m->cseq_method_name = text_between(name, end);
	if (!text_to_u32(text_between(value.at, at), CSEQ_MAX, &m->cseq))
		refuse(m, 400, "CSeq Number Too Large");
	if (!m->is_request)
		m->method = (uint8_t)sip_method_of(m->cseq_method_name);
	else if (!text_equal(m->method_name, m->cseq_method_name))
		refuse(m, 400, "CSeq Method Differs");
}

/* RFC 3261 §20.22: 0 to 255. Of no meaning in a response. */
static void read_max_forwards(struct sip_message *m)
{
	struct text value = sip_value(m, SIP_HEADER_MAX_FORWARDS);

	if (!m->first[SIP_HEADER_MAX_FORWARDS] || !m->is_request)
		return;
	if (m->first[SIP_HEADER_MAX_FORWARDS] != m->last[SIP_HEADER_MAX_FORWARDS])
		refuse(m, 400, "Repeated Max-Forwards");
	else if (!text_to_u32(value, 255, &m->max_forwards))
		refuse(m, 400, "Malformed Max-Forwards");
}

/* Takes the body and cuts off what does not belong to the message, RFC 3261 §18.3 and §20.14. */
static void read_body(struct sip_message *m, enum sip_framing framing)
{
	const struct sip_field *f = sip_first(m, SIP_HEADER_CONTENT_LENGTH);
	uint32_t length = m->body.len, again;

	if (!f) {
		if (framing == SIP_STREAM)
			refuse(m, 400, "Missing Content-Length");
		return;
	}
	if (!text_to_u32(f->value, UINT32_MAX, &length)) {
		refuse(m, 400, "Malformed Content-Length");
		return;
	}
	while ((f = sip_next(m, f)))
		if (!text_to_u32(f->value, UINT32_MAX, &again) || again != length)
			refuse(m, 400, "Contradictory Content-Length");
	if (length > m->body.len) {
		refuse(m, 400, "Body Shorter Than Content-Length");
		return;
	}
	m->bytes.len -= m->body.len - length;
	m->body.len = length;
}

static void read_needed_fields(struct sip_message *m)
{
	check_required(m);
	read_top_via(m);
	m->from = sip_value(m, SIP_HEADER_FROM);
	m->to = sip_value(m, SIP_HEADER_TO);
	read_party(m, SIP_HEADER_FROM, &m->from_uri, &m->from_tag);
	read_party(m, SIP_HEADER_TO, &m->to_uri, &m->to_tag);
	read_call_id(m);
	read_cseq(m);
	read_max_forwards(m);
	check_lists(m);
}

enum sip_verdict sip_parse(struct sip_message *m, const char *bytes, size_t len,
			   enum sip_framing framing)
{
	const char *at = bytes, *end = bytes + len, *skipped;

	memset(m, 0, offsetof(struct sip_message, fields)); /* not the fields: 9 kB */
	m->max_forwards = SIP_NO_MAX_FORWARDS;
	while (at < end && (skipped = skip_empty_line(at, end))) /* RFC 3261 §7.5 */
		at = skipped;
	if (at == end)
		return SIP_NOISE;
	if (end - at > (ptrdiff_t)LIMIT_MESSAGE_BYTES) {
		refuse(m, 513, "Message Too Large");
		end = at + LIMIT_MESSAGE_BYTES;
	}
	m->bytes = text_between(at, end);
	at = read_start_line(m, at, end);
	if (!at)
		return SIP_NOISE;
	at = read_fields(m, at, end);
	if (at)
		m->body = text_between(at, end);
	read_needed_fields(m);
	if (at)
		read_body(m, framing);
	return m->fault_status ? SIP_REFUSED : SIP_OK;
}

bool sip_can_answer(const struct sip_message *m)
{
	return m->is_request && m->method != SIP_ACK && m->via.host.len && m->from.len &&
	       m->to.len && m->call_id.len && m->cseq_method_name.len;
}
