/* TS 24.229 §5.4.1  S-CSCF: registration
 *
 * With RFC 3261 §10.3 (registrar), RFC 3327 (Path) and RFC 3608 (Service-Route). No authentication
 * yet: only the configured addresses (the P-CSCFs) may register users. */
#include "roles/scscf/scscf.h"

#include "sip/uri.h"

/* A user whose last contact went is still known for this long: 480, and not 404, to its callers. */
#define KNOWN_FOR_MS(around) ((uint64_t)(around)->registration_max_s * 1000)

struct registration {
	const struct scscf_surroundings *around;
	const struct sip_message *request;
	uint64_t now_ms;
	struct text user;
	char path_bytes[LIMIT_ROUTE_SET_BYTES];
	struct text path;
	struct text_writer *lines, *changes;
};

/* RFC 3261 §10.3 step 6: the contact's own parameter, else the header, else our default; garbage
 * counts as the default. */
static uint32_t expires_of(const struct registration *r, struct text contact_params)
{
	struct text value = sip_value(r->request, SIP_HEADER_EXPIRES);
	uint32_t seconds;

	if (sip_param(contact_params, TEXT("expires"), &value) || value.len) {
		if (!text_to_u32(value, UINT32_MAX, &seconds))
			return r->around->registration_default_s;
		return seconds > r->around->registration_max_s ? r->around->registration_max_s
							       : seconds;
	}
	return r->around->registration_default_s;
}

/* §10.3 step 7: an older request of the same Call-ID changes nothing. */
static bool is_out_of_order(const struct registration *r, const struct binding *binding)
{
	return binding && text_equal(binding_text(binding, BINDING_CALL_ID), r->request->call_id) &&
	       r->request->cseq <= binding->cseq;
}

static bool change(struct registration *r, struct text contact, uint32_t expires_s)
{
	const struct binding *have;
	struct binding_line line = {
		.user = r->user,
		.contact = contact,
		.path = r->path,
		.call_id = r->request->call_id,
		.cseq = r->request->cseq,
		.expires_ms = expires_s ? r->now_ms + (uint64_t)expires_s * 1000 : UINT64_MAX,
	};

	have = bindings_of_contact(r->around->bindings, r->user, contact);
	if (have && have->expires_ms == 0)
		return true; /* from the bindings file, and for it to change */
	if (bindings_apply(r->around->bindings, &line, r->now_ms, KNOWN_FOR_MS(r->around)) !=
	    BINDINGS_DONE)
		return false;
	binding_line_put(r->changes, &line);
	return true;
}

/* Contact: * with Expires: 0 (§10.2.2). */
static unsigned remove_all(struct registration *r)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n =
		bindings_of_user(r->around->bindings, r->user, list, LIMIT_CONTACTS_OF_USER + 1);
	uint32_t expires;

	if (!text_to_u32(sip_value(r->request, SIP_HEADER_EXPIRES), UINT32_MAX, &expires) ||
	    expires != 0)
		return 400;
	for (unsigned i = 0; i < n; i++)
		if (is_out_of_order(r, list[i]))
			return 500;
	for (unsigned i = 0; i < n; i++) {
		char copy[LIMIT_URI_BYTES];
		struct text contact = binding_text(list[i], BINDING_CONTACT);

		if (contact.len == 0 || contact.len > sizeof(copy) || list[i]->expires_ms == 0)
			continue;
		memcpy(copy, contact.at, contact.len);
		change(r, (struct text){copy, contact.len}, 0);
	}
	return 200;
}

/* Would all of it fit? Of the user's entries `removed` go first (the last one leaves a place), then `added` come. */
static bool has_room(const struct registration *r, unsigned added, unsigned removed)
{
	const struct bindings *bindings = r->around->bindings;
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(bindings, r->user, list, LIMIT_CONTACTS_OF_USER + 1);
	unsigned contacts = added, entries;

	for (unsigned i = 0; i < n; i++)
		contacts += binding_text(list[i], BINDING_CONTACT).len > 0;
	contacts -= removed < contacts ? removed : contacts;
	entries = contacts ? contacts : n > 0;
	return contacts <= LIMIT_CONTACTS_OF_USER &&
	       pool_live(bindings->pool) - n + entries <= pool_max(bindings->pool);
}

/* Nothing is changed when any contact is at fault, or not all of them fit: all checks come first. @req RG-3 RG-9 */
static unsigned check_contacts(struct registration *r, bool *ret_star)
{
	struct sip_list list = sip_list_of(r->request, SIP_HEADER_CONTACT);
	unsigned n = 0, added = 0, removed = 0;
	struct text value;

	*ret_star = false;
	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		struct sip_uri uri;
		struct binding *binding;
		uint32_t expires;

		if (++n > LIMIT_CONTACTS_OF_USER)
			return 503;
		if (text_equal(value, TEXT("*"))) {
			*ret_star = true;
			continue;
		}
		if (!sip_name_addr_parse(value, &address) || !sip_uri_parse(address.uri, &uri) ||
		    address.uri.len > LIMIT_URI_BYTES)
			return 400;
		expires = expires_of(r, address.params);
		if (expires != 0 && expires < r->around->registration_min_s)
			return 423;
		binding = bindings_of_contact(r->around->bindings, r->user, address.uri);
		if (is_out_of_order(r, binding))
			return 500;
		added += !binding && expires != 0;
		removed += binding && expires == 0;
	}
	if (*ret_star)
		return n > 1 ? 400 : 200;
	return added == 0 || has_room(r, added, removed) ? 200 : 503;
}

/* First those that are taken out, then the others: what goes makes room. */
static unsigned update_contacts(struct registration *r, bool taken_out)
{
	struct sip_list list = sip_list_of(r->request, SIP_HEADER_CONTACT);
	struct text value;

	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		uint32_t expires;

		if (!sip_name_addr_parse(value, &address))
			continue;
		expires = expires_of(r, address.params);
		if ((expires == 0) == taken_out && !change(r, address.uri, expires))
			return 503;
	}
	return 200;
}

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

/* Its time has come, but not yet its timer. */
static bool is_over(const struct registration *r, const struct binding *binding)
{
	return binding->expires_ms != 0 && binding->expires_ms <= r->now_ms;
}

/* §10.3 step 8: all current bindings, each with what is left of it. @req RG-1 RG-8 */
static void list_contacts(struct registration *r)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n =
		bindings_of_user(r->around->bindings, r->user, list, LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n; i++) {
		struct text contact = binding_text(list[i], BINDING_CONTACT);

		if (contact.len == 0 || is_over(r, list[i]))
			continue;
		text_put_literal(r->lines, "Contact: <");
		text_put(r->lines, contact);
		text_put_literal(r->lines, ">;expires=");
		text_put_u64(r->lines, list[i]->expires_ms
					       ? (list[i]->expires_ms - r->now_ms) / 1000
					       : r->around->registration_max_s);
		text_put_literal(r->lines, "\r\n");
	}
}

unsigned scscf_register(const struct scscf_surroundings *around, const struct sip_message *request,
			bool from_trusted, struct text service_route, uint64_t now_ms,
			struct text_writer *lines, struct text_writer *changes)
{
	struct registration r = {.around = around,
				 .request = request,
				 .now_ms = now_ms,
				 .lines = lines,
				 .changes = changes};
	char user_bytes[LIMIT_URI_BYTES];
	struct text_writer user = text_writer_on(user_bytes, sizeof(user_bytes));
	struct sip_uri to;
	bool star;
	unsigned status;

	if (!from_trusted)
		return 403;
	if (!sip_uri_parse(request->to_uri, &to) || !gather_path(&r))
		return 400;
	if (to.scheme != SIP_URI_TEL && !scscf_is_home_domain(around, to.host))
		return 404; /* §10.3 step 5 */
	sip_uri_put_address_of_record(&to, &user);
	if (user.full)
		return 400;
	r.user = text_written(&user);
	status = check_contacts(&r, &star);
	if (status == 423) {
		text_put_literal(lines, "Min-Expires: ");
		text_put_u64(lines, around->registration_min_s);
		text_put_literal(lines, "\r\n");
	}
	if (status != 200)
		return status;
	status = star ? remove_all(&r) : update_contacts(&r, true);
	if (status == 200 && !star)
		status = update_contacts(&r, false);
	if (status != 200)
		return status;
	list_contacts(&r);
	if (r.path.len) {
		text_put_literal(lines, "Path: ");
		text_put(lines, r.path);
		text_put_literal(lines, "\r\n");
	}
	text_put_literal(lines, "Service-Route: ");
	text_put(lines, service_route);
	text_put_literal(lines, "\r\n");
	return 200;
}
