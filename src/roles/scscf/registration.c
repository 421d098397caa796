/* TS 24.229 §5.4.1  S-CSCF: registration
 *
 * With RFC 3261 §10.3 (registrar), RFC 3327 (Path), RFC 3608 (Service-Route), RFC 7315 §4.1
 * (P-Associated-URI) and RFC 5626 §6 (flows). Who has credentials must show them; who has none is
 * registered only by the configured addresses (the P-CSCFs). */
#include "roles/scscf/registration.h"

#include "sip/uri.h"

#define ASSOCIATED_BYTES_MAX 8000u /* of P-Associated-URI: one header field, LIMIT_FIELD_BYTES */

/* @req RG-5 */
static bool gather_path(struct registration *r)
{
	struct text_writer w = text_writer_on(r->path_bytes, sizeof(r->path_bytes));
	struct sip_list list = sip_list_of(r->request, SIP_HEADER_PATH);
	struct text value;

	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;

		if (!sip_name_addr_parse(value, &address))
			return false;
		if (w.len)
			text_put_literal(&w, ", ");
		text_put(&w, value);
	}
	/* A folded line would not survive as one line of a change. */
	for (uint32_t i = 0; i < w.len; i++)
		if (w.at[i] == '\r' || w.at[i] == '\n')
			w.at[i] = ' ';
	r->path = text_written(&w);
	return !w.full;
}

/* ---------------------------------------------------------------- RFC 5626 §6 */

static bool has_ob(struct text path_value)
{
	struct sip_name_addr address;
	struct sip_uri uri;
	struct text ob;

	return sip_name_addr_parse(path_value, &address) && sip_uri_parse(address.uri, &uri) &&
	       sip_uri_param(&uri, TEXT("ob"), &ob);
}

static bool came_directly(const struct sip_message *request)
{
	struct sip_list list = sip_list_of(request, SIP_HEADER_VIA);
	struct text value;

	return sip_list_next(&list, &value) && !sip_list_next(&list, &value);
}

static bool asks_for_a_flow(const struct sip_message *request)
{
	struct sip_list list = sip_list_of(request, SIP_HEADER_CONTACT);
	struct text value, reg_id;
	struct sip_name_addr address;

	while (sip_list_next(&list, &value))
		if (sip_name_addr_parse(value, &address) &&
		    sip_param(address.params, TEXT("reg-id"), &reg_id))
			return true;
	return false;
}

/* Flows count when the device asks for them and the first hop keeps them; the first Path value says so. A
 * device that asks in vain is told. @req RG-11 */
static unsigned look_for_flows(struct registration *r)
{
	struct text rest = r->path, first;

	if (!sip_has_option(r->request, SIP_HEADER_SUPPORTED, TEXT("outbound")) ||
	    !asks_for_a_flow(r->request))
		return 200;
	r->is_outbound =
		sip_text_list_next(&rest, &first) ? has_ob(first) : came_directly(r->request);
	return r->is_outbound ? 200 : 439;
}

/* @req RG-17
 * What a P-CSCF may have left in (sec-agree, RFC 3329) was for itself. */
struct text scscf_put_unsupported(const struct sip_message *request, struct text_writer *w)
{
	static const struct text known[] = {TEXT("path"), TEXT("outbound"), TEXT("sec-agree")};
	struct sip_list list = sip_list_of(request, SIP_HEADER_REQUIRE);
	struct text_writer begin = *w;
	struct text value;

	while (sip_list_next(&list, &value)) {
		bool is_known = false;

		for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			is_known |= text_equal_nocase(value, known[i]);
		if (is_known)
			continue;
		text_put(w, w->len == begin.len ? TEXT("Unsupported: ") : TEXT(", "));
		text_put(w, value);
	}
	if (w->len != begin.len)
		text_put_literal(w, "\r\n");
	return (struct text){w->at + begin.len, w->len - begin.len};
}

/* ---------------------------------------------------------------- who it is */

static unsigned authenticate(struct registration *r, struct scscf_register_result *ret)
{
	const struct scscf_register_arrival *a = r->arrival;
	uint32_t expires_s;

	if (!a->authentication)
		return 403;
	ret->was_authenticated = true;
	scscf_authenticate(a->authentication, a->authentication_settings, r->subscriber, r->request,
			   a->source, a->from_trusted,
			   registration_contacts_left(r, &expires_s) > 0, a->now_ms, a->random,
			   r->lines, &ret->authentication);
	switch (ret->authentication.verdict) {
	case AUTHENTICATION_DONE: return 200;
	case AUTHENTICATION_CHALLENGE: return 401;
	case AUTHENTICATION_REFUSED: return 403;
	case AUTHENTICATION_BAD: return 400;
	case AUTHENTICATION_THROTTLED: return 503;
	}
	return 500;
}

/* @req RG-12
 * With subscribers a user must be one of them, and an identity that is barred registers nothing
 * (TS 23.228 §5.2.1a.1). DEVIATION: §5.3.1.3 lets the I-CSCF answer 403 for an unknown user; this server is
 * both. */
static unsigned identify_subscriber(struct registration *r, struct scscf_register_result *ret)
{
	const struct public_identity *identity =
		subscribers_find(r->around->subscribers, r->identity);

	if (!identity || identity->is_barred || !identity->subscriber->main)
		return 403;
	r->subscriber = identity->subscriber;
	r->user = identity->subscriber->main->user;
	if (r->subscriber->credentials.kind == CREDENTIAL_NONE)
		return r->arrival->from_trusted ? 200 : 403;
	return authenticate(r, ret);
}

/* RFC 3261 §10.3 steps 2 to 5. @req RG-7 */
static unsigned identify(struct registration *r, struct scscf_register_result *ret)
{
	struct text_writer identity = text_writer_on(r->identity_bytes, sizeof(r->identity_bytes));
	struct sip_uri to;

	if (!r->around->subscribers && !r->arrival->from_trusted)
		return 403;
	if (!sip_uri_parse(r->request->to_uri, &to) || !gather_path(r))
		return 400;
	if (scscf_put_unsupported(r->request, r->lines).len)
		return 420;
	if (to.scheme != SIP_URI_TEL && !scscf_is_home_domain(r->around, to.host))
		return r->arrival->from_trusted ? 404 : 403; /* §10.3 step 5 */
	sip_uri_put_address_of_record(&to, &identity);
	if (identity.full)
		return 400;
	r->identity = r->user = text_written(&identity);
	return r->around->subscribers ? identify_subscriber(r, ret) : 200;
}

/* ---------------------------------------------------------------- the 200 */

/* A display name as a quoted string. */
static void put_display(struct text_writer *w, struct text display)
{
	if (display.len == 0)
		return;
	text_put_char(w, '"');
	for (uint32_t i = 0; i < display.len; i++) {
		char c = display.at[i];

		if ((unsigned char)c < ' ' || c == 127)
			continue;
		if (c == '"' || c == '\\')
			text_put_char(w, '\\');
		text_put_char(w, c);
	}
	text_put_literal(w, "\" ");
}

static void put_identity(struct text_writer *w, const struct public_identity *identity)
{
	uint32_t begin = w->len;
	struct text_writer trial = *w;

	trial.max = trial.max < ASSOCIATED_BYTES_MAX ? trial.max : ASSOCIATED_BYTES_MAX;
	if (begin)
		text_put_literal(&trial, ", ");
	put_display(&trial, identity->display);
	text_put_char(&trial, '<');
	text_put(&trial, identity->user);
	text_put_char(&trial, '>');
	if (!trial.full)
		w->len = trial.len; /* what does not fit is left out */
}

/* RFC 7315 §4.1: the identities of the set that are not barred; the first is the default one (TS 24.229
 * §5.4.1.2.2). @req RG-13 */
static void put_associated(struct registration *r)
{
	char bytes[ASSOCIATED_BYTES_MAX];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	const struct subscriber *s = r->subscriber;

	text_put_literal(r->lines, "P-Associated-URI: ");
	if (!s) {
		text_put_char(r->lines, '<');
		text_put(r->lines, r->user);
		text_put_literal(r->lines, ">\r\n");
		return;
	}
	put_identity(&w, s->main);
	for (unsigned i = 0; i < s->n_identities; i++)
		if (!s->identities[i].is_barred &&
		    !text_equal(s->identities[i].user, s->main->user))
			put_identity(&w, &s->identities[i]);
	text_put(r->lines, text_written(&w));
	text_put_literal(r->lines, "\r\n");
}

/* RFC 3327 §5.3: the Path goes back to a device that understands it. */
static void put_path(struct registration *r)
{
	if (r->path.len == 0 || !sip_has_option(r->request, SIP_HEADER_SUPPORTED, TEXT("path")))
		return;
	text_put_literal(r->lines, "Path: ");
	text_put(r->lines, r->path);
	text_put_literal(r->lines, "\r\n");
}

static void put_lines(struct registration *r)
{
	registration_list_contacts(r);
	put_path(r);
	text_put_literal(r->lines, "Service-Route: ");
	text_put(r->lines, r->arrival->service_route);
	text_put_literal(r->lines, "\r\n");
	put_associated(r);
	if (r->is_outbound)
		text_put_literal(r->lines, "Require: outbound\r\n");
}

static unsigned type_of_change(unsigned before, unsigned after, bool only_asked)
{
	if (only_asked || (before == 0 && after == 0))
		return 0;
	return before == 0 ? REGISTRATION_INITIAL
	       : after     ? REGISTRATION_REFRESH
			   : REGISTRATION_REMOVAL;
}

static unsigned change(struct registration *r, struct scscf_register_result *ret)
{
	uint32_t expires_s;
	unsigned before = registration_contacts_left(r, &expires_s), after, status;

	status = registration_change_contacts(r);
	after = registration_contacts_left(r, &ret->expires_s);
	ret->registration_type = type_of_change(before, after, r->n_contacts == 0 && !r->star);
	ret->n_added = r->n_added;
	return status;
}

static unsigned work_off(struct registration *r, struct scscf_register_result *ret)
{
	unsigned status = identify(r, ret);

	if (status == 200)
		status = look_for_flows(r);
	if (status == 200)
		status = registration_check_contacts(r);
	if (status == 423) {
		text_put_literal(r->lines, "Min-Expires: ");
		text_put_u64(r->lines, r->around->registration_min_s);
		text_put_literal(r->lines, "\r\n");
	}
	if (status == 200)
		status = change(r, ret);
	if (status == 200)
		put_lines(r);
	return status;
}

void scscf_register(const struct scscf_surroundings *around, const struct sip_message *request,
		    const struct scscf_register_arrival *arrival, struct text_writer *lines,
		    struct text_writer *changes, struct scscf_register_result *ret)
{
	struct registration r = {.around = around,
				 .request = request,
				 .arrival = arrival,
				 .now_ms = arrival->now_ms,
				 .lines = lines,
				 .changes = changes};
	struct text_writer user = text_writer_on(ret->user_bytes, sizeof(ret->user_bytes));

	ret->was_authenticated = false;
	ret->registration_type = ret->n_added = 0;
	ret->expires_s = 0;
	ret->status = work_off(&r, ret);
	text_put(&user, r.user);
	ret->user = text_written(&user);
}
