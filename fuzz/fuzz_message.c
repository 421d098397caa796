/* Any bytes as a message: no crash, and what the parser accepted can be looked into, edited, answered and read again. */
#include <stdlib.h>

#include "sip/edit.h"
#include "sip/message.h"
#include "sip/sdp.h"
#include "sip/uri.h"
#include "sip/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static char out[3 * LIMIT_MESSAGE_BYTES], aor[4 * LIMIT_URI_BYTES];
static struct sip_message datagram, stream, again;

static bool within(struct text part, struct text whole)
{
	return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

static void look_into_uri(struct text t)
{
	struct text_writer w = text_writer_on(aor, sizeof(aor));
	struct sip_uri uri, other;
	struct text value;

	if (!sip_uri_parse(t, &uri))
		return;
	MUST(sip_uri_equal(&uri, &uri));
	MUST(within(uri.user, t) && within(uri.host, t) && within(uri.params, t) &&
	     within(uri.headers, t));
	sip_uri_param(&uri, TEXT("lr"), &value);
	sip_uri_put_address_of_record(&uri, &w);
	MUST(!w.full);
	if (w.len <= LIMIT_URI_BYTES) { /* escapes and phone-context may make it longer */
		MUST(sip_uri_parse(text_written(&w), &other));
		MUST(sip_uri_equal(&other, &other));
	}
	if (sip_uri_parse(datagram.from_uri, &other))
		MUST(sip_uri_equal(&uri, &other) == sip_uri_equal(&other, &uri));
}

static void look_into_value(struct text value)
{
	struct sip_name_addr address;
	struct sip_via via;
	struct text tag;

	look_into_uri(value);
	if (sip_via_parse(value, &via))
		MUST(via.host.len && within(via.host, value) && within(via.params, value));
	if (sip_name_addr_parse(value, &address)) {
		MUST(address.uri.len && within(address.uri, value) &&
		     within(address.params, value));
		look_into_uri(address.uri);
		if (sip_param(address.params, TEXT("tag"), &tag))
			MUST(within(tag, address.params));
	}
}

static unsigned count(const struct sip_message *m, enum sip_header header)
{
	struct sip_list list = sip_list_of(m, header);
	struct text value;
	unsigned n = 0;

	while (sip_list_next(&list, &value)) {
		MUST(value.len && within(value, list.value_field->value));
		n++;
	}
	return n;
}

static void look_into_everything(const struct sip_message *m)
{
	for (enum sip_header h = SIP_HEADER_VIA; h < SIP_HEADERS; h++) {
		struct sip_list list = sip_list_of(m, h);
		struct text value;

		while (sip_list_next(&list, &value))
			look_into_value(value);
		sip_has_option(m, h, TEXT("timer"));
	}
	for (unsigned i = 0; i < m->n_fields; i++) {
		const struct sip_field *f = &m->fields[i];

		MUST(f->begin < f->end && f->end <= m->bytes.len);
		MUST(i == 0 || f->begin == m->fields[i - 1].end);
		MUST(within(f->name, m->bytes) && within(f->value, m->bytes));
	}
	MUST(within(m->body, m->bytes));
}

/* Room for what we add, so that no bound is passed that the message itself keeps. */
static bool has_room(const struct sip_message *m)
{
	for (unsigned i = 0; i < m->n_fields; i++)
		if (m->fields[i].end - m->fields[i].begin > LIMIT_FIELD_BYTES - 300)
			return false;
	return m->n_fields + 4 <= LIMIT_HEADER_FIELDS &&
	       m->bytes.len + 1000 <= LIMIT_MESSAGE_BYTES &&
	       count(m, SIP_HEADER_VIA) < LIMIT_VIA_VALUES &&
	       count(m, SIP_HEADER_RECORD_ROUTE) < LIMIT_LIST_VALUES;
}

static void read_again(const struct text_writer *w)
{
	MUST(!w->full);
	MUST(sip_parse(&again, w->at, w->len, SIP_DATAGRAM) == SIP_OK);
	MUST(again.bytes.len == w->len);
}

static void forward_request(const struct sip_message *m)
{
	struct text_writer w = text_writer_on(out, sizeof(out));
	unsigned routes = count(m, SIP_HEADER_ROUTE), paths = count(m, SIP_HEADER_PATH);
	struct sip_edit edit;

	sip_edit_begin(&edit, m);
	sip_edit_insert_at_top(&edit, TEXT("Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\n"));
	sip_edit_insert_at_top(&edit, TEXT("Record-Route: <sip:127.0.0.1;lr>\r\n"));
	sip_edit_insert_at_end(&edit, TEXT("X-End: 1\r\n"));
	sip_edit_replace(&edit, m->request_uri, TEXT("sip:a@127.0.0.9"));
	if (m->max_forwards != SIP_NO_MAX_FORWARDS)
		sip_edit_replace(&edit, sip_value(m, SIP_HEADER_MAX_FORWARDS), TEXT("69"));
	MUST(sip_edit_remove_first_values(&edit, SIP_HEADER_ROUTE, 1) == (routes > 0));
	MUST(sip_edit_remove_last_value(&edit, SIP_HEADER_PATH) == (paths > 0));
	if (m->n_fields < LIMIT_SPLICES / 2)
		sip_edit_remove_all(&edit, SIP_HEADER_REASON);
	MUST(sip_edit_write(&edit, &w));
	read_again(&w);
	MUST(count(&again, SIP_HEADER_VIA) == count(m, SIP_HEADER_VIA) + 1);
	MUST(count(&again, SIP_HEADER_ROUTE) == routes - (routes > 0));
	MUST(count(&again, SIP_HEADER_PATH) == paths - (paths > 0));
	MUST(text_equal(again.request_uri, TEXT("sip:a@127.0.0.9")));
	MUST(text_equal(again.call_id, m->call_id) && text_equal(again.from_tag, m->from_tag));
	MUST(text_equal(again.body, m->body));
}

static void pop_via(const struct sip_message *m)
{
	struct text_writer w = text_writer_on(out, sizeof(out));
	unsigned vias = count(m, SIP_HEADER_VIA);
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct sip_edit edit;
	struct sip_via via;
	struct text value;

	sip_edit_begin(&edit, m);
	MUST(sip_edit_remove_first_values(&edit, SIP_HEADER_VIA, 1));
	MUST(sip_edit_write(&edit, &w));
	sip_list_next(&list, &value);
	if (!sip_list_next(&list, &value) || !sip_via_parse(value, &via))
		return;
	/* A line without any value may stand above the next one: that is no top Via. */
	if (sip_parse(&again, w.at, w.len, SIP_DATAGRAM) == SIP_OK)
		MUST(count(&again, SIP_HEADER_VIA) == vias - 1);
	else
		MUST(sip_value(&again, SIP_HEADER_VIA).len < 2 || again.via.host.len == 0);
}

static void without_splices(const struct sip_message *m)
{
	struct text_writer w = text_writer_on(out, sizeof(out));
	struct sip_edit edit;

	sip_edit_begin(&edit, m);
	MUST(sip_edit_write(&edit, &w));
	MUST(text_equal(text_written(&w), m->bytes));
}

static void answer(const struct sip_message *m, struct text top_via)
{
	struct text_writer w = text_writer_on(out, sizeof(out));

	sip_write_response(&w, m, 480, (struct text){0}, TEXT("t1"), top_via,
			   TEXT("Retry-After: 1\r\n"));
	read_again(&w);
	MUST(again.status == 480 && again.to_tag.len && text_equal(again.call_id, m->call_id));
	MUST(again.cseq == m->cseq && text_equal(again.from_tag, m->from_tag));
	MUST(count(&again, SIP_HEADER_VIA) == count(m, SIP_HEADER_VIA));
	MUST(count(&again, SIP_HEADER_RECORD_ROUTE) == 0);
}

static void follow_invite(const struct sip_message *m)
{
	struct text_writer w = text_writer_on(out, sizeof(out));

	sip_write_ack(&w, m, m->to);
	read_again(&w);
	MUST(again.method == SIP_ACK && again.cseq == m->cseq);
	w = text_writer_on(out, sizeof(out));
	sip_write_cancel(&w, m, (struct text){0});
	read_again(&w);
	MUST(again.method == SIP_CANCEL &&
	     count(&again, SIP_HEADER_ROUTE) == count(m, SIP_HEADER_ROUTE));
}

static void use(const struct sip_message *m)
{
	static const struct endpoint origin = {.family = 4, .ip = {127, 0, 0, 1}};
	struct text_writer w = text_writer_on(out, sizeof(out));

	look_into_everything(m);
	without_splices(m);
	sdp_put_rejection(&w, m->body, &origin, 1);
	if (!has_room(m))
		return;
	pop_via(m);
	if (!m->is_request)
		return;
	forward_request(m);
	answer(m, (struct text){0});
	answer(m, TEXT("SIP/2.0/UDP 127.0.0.2:5060;rport=5060;received=127.0.0.2;branch=z9hG4bK1"));
	if (m->method == SIP_INVITE)
		follow_invite(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum sip_verdict verdict = sip_parse(&datagram, (const char *)data, size, SIP_DATAGRAM);
	enum sip_verdict framed = sip_parse(&stream, (const char *)data, size, SIP_STREAM);

	MUST(framed != SIP_OK || verdict == SIP_OK);
	MUST((verdict == SIP_REFUSED) == (datagram.fault_status != 0));
	if (verdict == SIP_OK)
		use(&datagram);
	if (verdict == SIP_REFUSED && sip_can_answer(&datagram)) {
		struct text_writer w = text_writer_on(out, sizeof(out));

		sip_write_response(&w, &datagram, datagram.fault_status,
				   text_of(datagram.fault_reason), TEXT("t1"), (struct text){0},
				   (struct text){0});
		MUST(!w.full);
	}
	return 0;
}
