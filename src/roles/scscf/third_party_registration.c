/* TS 24.229 §5.4.1.7, §7.6  The body of a third-party REGISTER: the service information of the filter criteria,
 * the REGISTER of the user and our answer to it. */
#include "roles/scscf/third_party_registration.h"

enum part { PART_SERVICE_INFORMATION, PART_REQUEST, PART_RESPONSE, PARTS };

static const struct text content_types[PARTS] = {
	{"application/3gpp-ims+xml", 24},
	{"message/sip", 11},
	{"message/sip", 11},
};

static bool is_credential(struct text name)
{
	return text_equal_nocase(name, TEXT("Authorization")) ||
	       text_equal_nocase(name, TEXT("Proxy-Authorization")) ||
	       text_equal_nocase(name, TEXT("Authentication-Info")) ||
	       text_equal_nocase(name, TEXT("WWW-Authenticate"));
}

/* @req TR-4
 * The message as it was, without anything that proves who somebody is. */
static bool put_message(const struct third_party_body *body, struct text bytes,
			struct text_writer *w)
{
	struct sip_message *m = body->message;

	if (sip_parse(m, bytes.at, bytes.len, SIP_DATAGRAM) != SIP_OK)
		return false;
	sip_edit_begin(body->edit, m);
	for (unsigned i = 0; i < m->n_fields; i++)
		if (is_credential(m->fields[i].name))
			sip_edit_remove_field(body->edit, &m->fields[i]);
	return sip_edit_write(body->edit, w);
}

/* As the user data had it, XML or not: for the server one text. */
static void put_escaped(struct text_writer *w, struct text text)
{
	for (uint32_t i = 0; i < text.len; i++)
		switch (text.at[i]) {
		case '&': text_put_literal(w, "&amp;"); break;
		case '<': text_put_literal(w, "&lt;"); break;
		case '>': text_put_literal(w, "&gt;"); break;
		default: text_put_char(w, text.at[i]);
		}
}

static void put_service_information(struct text information, struct text_writer *w)
{
	text_put_literal(w, "<?xml version=\"1.0\"?>\n<ims-3gpp version=\"1\"><service-info>");
	put_escaped(w, information);
	text_put_literal(w, "</service-info></ims-3gpp>\n");
}

static bool is_wanted(const struct third_party_body *body, enum part part)
{
	switch (part) {
	case PART_SERVICE_INFORMATION: return body->server->service_information.len > 0;
	case PART_REQUEST: return body->server->include_register_request && body->request.len > 0;
	case PART_RESPONSE:
		return body->server->include_register_response && body->response.len > 0;
	default: return false;
	}
}

static bool put_part(const struct third_party_body *body, enum part part, struct text_writer *w)
{
	if (part == PART_SERVICE_INFORMATION) {
		put_service_information(body->server->service_information, w);
		return !w->full;
	}
	return put_message(body, part == PART_REQUEST ? body->request : body->response, w);
}

static void put_delimiter(struct text_writer *w, uint64_t draw, const char *end)
{
	text_put_literal(w, "--ad-");
	text_put_hex(w, draw);
	text_put(w, text_of(end));
}

static void put_multipart_part(const struct third_party_body *body, enum part part,
			       struct text_writer *w)
{
	struct text_writer trial = *w;

	put_delimiter(&trial, body->draw, "\r\nContent-Type: ");
	text_put(&trial, content_types[part]);
	text_put_literal(&trial, "\r\n\r\n");
	if (!put_part(body, part, &trial))
		return;
	text_put_literal(&trial, "\r\n");
	if (!trial.full)
		*w = trial;
}

/* @req TR-3 */
void third_party_put_body(const struct third_party_body *body, struct text_writer *w,
			  struct text_writer *content_type)
{
	struct text_writer trial = *w;
	unsigned n = 0;
	enum part only = PARTS;

	for (unsigned part = 0; part < PARTS; part++)
		if (is_wanted(body, (enum part)part)) {
			only = (enum part)part;
			n++;
		}
	if (n == 0)
		return;
	trial.max = trial.max < THIRD_PARTY_BODY_BYTES_MAX ? trial.max : THIRD_PARTY_BODY_BYTES_MAX;
	if (n == 1) {
		if (!put_part(body, only, &trial))
			return;
		w->len = trial.len;
		text_put(content_type, content_types[only]);
		return;
	}
	trial.max -= 64; /* for the last delimiter */
	for (unsigned part = 0; part < PARTS; part++)
		if (is_wanted(body, (enum part)part))
			put_multipart_part(body, (enum part)part, &trial);
	w->len = trial.len;
	put_delimiter(w, body->draw, "--\r\n");
	text_put_literal(content_type, "multipart/mixed;boundary=\"ad-");
	text_put_hex(content_type, body->draw);
	text_put_char(content_type, '"');
}
