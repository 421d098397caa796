/* RFC 3261 §10.3 steps 6 to 8  The contacts of a REGISTER
 *
 * With the flows of RFC 5626 §6: a contact of the same device and flow takes the place of the one
 * before. Nothing is changed unless all can be. */
#include "roles/scscf/registration.h"

#include "sip/uri.h"

#define INSTANCE_BYTES_MAX 256u
#define REG_ID_MAX         0x7fffffffu /* RFC 5626 §4.2.1 */
#define ENTRIES_OF_USER    (LIMIT_CONTACTS_OF_USER + 1u)

/* RFC 3261 §10.3 step 6: the contact's own parameter, else the header, else our default; garbage
 * counts as the default. @req RG-4 */
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

/* RFC 3261 §25.1: "0" or "1" with up to three digits behind a dot, in thousandths. */
static bool parse_q(struct text t, uint16_t *ret)
{
	static const uint16_t weight[] = {100, 10, 1};
	unsigned q;

	if (t.len == 0 || t.len > 5 || (t.at[0] != '0' && t.at[0] != '1') ||
	    (t.len > 1 && t.at[1] != '.'))
		return false;
	q = t.at[0] == '1' ? 1000 : 0;
	for (uint32_t i = 2; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		q += weight[i - 2] * (unsigned)(t.at[i] - '0');
	}
	if (q > 1000)
		return false;
	*ret = (uint16_t)q;
	return true;
}

/* A quoted string on one line, or nothing. */
static struct text instance_of(struct text params)
{
	struct text value;

	if (!sip_param(params, TEXT("+sip.instance"), &value) || value.len < 3 ||
	    value.len > INSTANCE_BYTES_MAX || value.at[0] != '"')
		return (struct text){0};
	for (uint32_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < ' ' || value.at[i] == 127)
			return (struct text){0};
	return value;
}

/* A flow has an instance, and the way to it must support flows. */
static uint32_t reg_id_of(const struct registration *r, struct text params, struct text instance)
{
	struct text value;
	uint32_t reg_id;

	if (!r->is_outbound || instance.len == 0 || !sip_param(params, TEXT("reg-id"), &value) ||
	    !text_to_u32(value, REG_ID_MAX, &reg_id))
		return 0;
	return reg_id;
}

static bool read_contact(const struct registration *r, struct text value,
			 struct registration_contact *ret)
{
	struct sip_name_addr address;
	struct sip_uri uri;
	struct text q;

	if (!sip_name_addr_parse(value, &address) || !sip_uri_parse(address.uri, &uri) ||
	    address.uri.len > LIMIT_URI_BYTES)
		return false;
	*ret = (struct registration_contact){
		.uri = address.uri,
		.expires_s = expires_of(r, address.params),
		.instance = instance_of(address.params),
	};
	ret->reg_id = reg_id_of(r, address.params, ret->instance);
	ret->has_q = sip_param(address.params, TEXT("q"), &q) && parse_q(q, &ret->q);
	return true;
}

static unsigned read_contacts(struct registration *r)
{
	struct sip_list list = sip_list_of(r->request, SIP_HEADER_CONTACT);
	unsigned n = 0, flows = 0;
	struct text value;

	while (sip_list_next(&list, &value)) {
		struct registration_contact *contact = &r->contacts[r->n_contacts];

		if (++n > LIMIT_CONTACTS_OF_USER)
			return 503;
		if (text_equal(value, TEXT("*"))) {
			r->star = true;
			continue;
		}
		if (!read_contact(r, value, contact))
			return 400;
		flows += contact->reg_id && contact->expires_s;
		r->n_contacts++;
	}
	/* RFC 5626 §6: one flow in a request. */
	return (r->star && n > 1) || flows > 1 ? 400 : 200;
}

/* ---------------------------------------------------------------- what is there */

/* §10.3 step 7: an older request of the same Call-ID changes nothing. @req RG-3 */
static bool is_out_of_order(const struct registration *r, const struct binding *binding)
{
	return binding && text_equal(binding_text(binding, BINDING_CALL_ID), r->request->call_id) &&
	       r->request->cseq <= binding->cseq;
}

static bool is_one_of_request(const struct registration *r, const struct binding *binding)
{
	for (unsigned i = 0; i < r->n_contacts; i++)
		if (bindings_of_contact(r->around->bindings, r->user, r->contacts[i].uri) ==
		    binding)
			return true;
	return false;
}

/* @req RG-10
 * The contact whose place this one takes: of the same device and flow (RFC 5626 §6), or of the same device
 * that came without flows and has another address now (TS 24.229 §5.4.1.2.2F). One that this very
 * request names stays. */
static struct binding *replaced_by(const struct registration *r,
				   const struct registration_contact *contact)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(r->around->bindings, r->user, list, ENTRIES_OF_USER);

	for (unsigned i = 0; i < n && contact->instance.len; i++)
		if (list[i]->expires_ms != 0 && list[i]->reg_id == contact->reg_id &&
		    text_equal(binding_text(list[i], BINDING_INSTANCE), contact->instance) &&
		    !is_one_of_request(r, list[i]))
			return list[i];
	return NULL;
}

/* That of the contact; one to be taken out may also be named by its flow. */
static struct binding *meant_by(const struct registration *r,
				const struct registration_contact *contact)
{
	struct binding *binding = bindings_of_contact(r->around->bindings, r->user, contact->uri);

	return binding || contact->expires_s || !contact->reg_id ? binding
								 : replaced_by(r, contact);
}

/* Would all of it fit? Of the user's entries `removed` go first (the last one leaves a place), then `added` come.
 * @req RG-9 */
static bool has_room(const struct registration *r, unsigned added, unsigned removed)
{
	const struct bindings *bindings = r->around->bindings;
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(bindings, r->user, list, ENTRIES_OF_USER);
	unsigned contacts = added, entries;

	for (unsigned i = 0; i < n; i++)
		contacts += binding_text(list[i], BINDING_CONTACT).len > 0;
	contacts -= removed < contacts ? removed : contacts;
	entries = contacts ? contacts : n > 0;
	return contacts <= LIMIT_CONTACTS_OF_USER &&
	       bindings->n_live - n + entries <= bindings->max;
}

static unsigned check_star(const struct registration *r)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(r->around->bindings, r->user, list, ENTRIES_OF_USER);
	uint32_t expires;

	if (!text_to_u32(sip_value(r->request, SIP_HEADER_EXPIRES), UINT32_MAX, &expires) ||
	    expires != 0)
		return 400;
	for (unsigned i = 0; i < n; i++)
		if (is_out_of_order(r, list[i]))
			return 500;
	return 200;
}

/* @req RG-3 RG-9
 * Nothing is changed when any contact is at fault, or not all of them fit: all checks come first. */
unsigned registration_check_contacts(struct registration *r)
{
	unsigned status = read_contacts(r), added = 0, removed = 0;

	if (status != 200)
		return status;
	if (r->star)
		return check_star(r);
	for (unsigned i = 0; i < r->n_contacts; i++) {
		const struct registration_contact *contact = &r->contacts[i];
		const struct binding *binding = meant_by(r, contact);
		const struct binding *replaced =
			contact->expires_s ? replaced_by(r, contact) : NULL;

		if (contact->expires_s != 0 && contact->expires_s < r->around->registration_min_s)
			return 423;
		if (is_out_of_order(r, binding) || is_out_of_order(r, replaced))
			return 500;
		added += !binding && contact->expires_s != 0;
		removed += replaced || (binding && contact->expires_s == 0);
	}
	return added == 0 || has_room(r, added, removed) ? 200 : 503;
}

/* ---------------------------------------------------------------- changes */

static bool apply(struct registration *r, const struct binding_line *line)
{
	if (bindings_apply(r->around->bindings, line, r->now_ms, scscf_known_for_ms(r->around)) !=
	    BINDINGS_DONE)
		return false;
	binding_line_put(r->changes, line);
	return true;
}

/* `binding` dies of it: its texts are copied first, since they become part of the line. */
static void take_out(struct registration *r, const struct binding *binding,
		     enum binding_gone_why why)
{
	char copy[LIMIT_URI_BYTES];
	struct text contact = binding_text(binding, BINDING_CONTACT);
	struct binding_line line = {
		.user = r->user,
		.contact = {copy, contact.len},
		.call_id = r->request ? r->request->call_id : (struct text){0},
		.cseq = r->request ? r->request->cseq : 0,
		.expires_ms = UINT64_MAX,
		.why = (uint8_t)why,
	};

	if (contact.len == 0 || contact.len > sizeof(copy) || binding->expires_ms == 0)
		return; /* of the bindings file, and for it to change */
	memcpy(copy, contact.at, contact.len);
	apply(r, &line);
}

static bool put_in(struct registration *r, const struct registration_contact *contact)
{
	const struct binding *have =
		bindings_of_contact(r->around->bindings, r->user, contact->uri);
	const struct binding *replaced = replaced_by(r, contact);
	struct binding_line line = {
		.user = r->user,
		.contact = contact->uri,
		.path = r->path,
		.call_id = r->request->call_id,
		.instance = contact->instance,
		.identity = text_equal(r->identity, r->user) ? (struct text){0} : r->identity,
		.cseq = r->request->cseq,
		.reg_id = contact->reg_id,
		.q = contact->q,
		.has_q = contact->has_q,
		.expires_ms = r->now_ms + (uint64_t)contact->expires_s * 1000,
	};

	if (have && have->expires_ms == 0)
		return true;
	if (replaced)
		take_out(r, replaced, BINDING_GONE_REPLACED);
	r->n_added += !have;
	return apply(r, &line);
}

/* Contact: * (§10.2.2), or all but by the network. @req RG-2 */
static void take_all_out(struct registration *r, enum binding_gone_why why)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(r->around->bindings, r->user, list, ENTRIES_OF_USER);

	for (unsigned i = 0; i < n; i++)
		take_out(r, list[i], why);
}

/* First those that are taken out, then the others: what goes makes room. */
unsigned registration_change_contacts(struct registration *r)
{
	if (r->star)
		take_all_out(r, BINDING_GONE_DEREGISTERED_BY_USER);
	for (unsigned i = 0; i < r->n_contacts; i++) {
		const struct binding *binding =
			r->contacts[i].expires_s ? NULL : meant_by(r, &r->contacts[i]);

		if (binding)
			take_out(r, binding, BINDING_GONE_DEREGISTERED_BY_USER);
	}
	for (unsigned i = 0; i < r->n_contacts; i++)
		if (r->contacts[i].expires_s && !put_in(r, &r->contacts[i]))
			return 503;
	return 200;
}

/* ---------------------------------------------------------------- what is left */

/* Its time has come, but not yet its timer. */
static bool is_over(const struct registration *r, const struct binding *binding)
{
	return binding->expires_ms != 0 && binding->expires_ms <= r->now_ms;
}

static uint32_t seconds_left(const struct registration *r, const struct binding *binding)
{
	return binding->expires_ms ? (uint32_t)((binding->expires_ms - r->now_ms) / 1000)
				   : r->around->registration_max_s;
}

static void put_q(struct text_writer *w, unsigned q)
{
	text_put_literal(w, ";q=");
	text_put_char(w, (char)('0' + q / 1000));
	if (q % 1000 == 0)
		return;
	text_put_char(w, '.');
	for (unsigned rest = q % 1000; rest; rest %= 1000) {
		rest *= 10;
		text_put_char(w, (char)('0' + rest / 1000));
	}
}

static void list_contact(struct registration *r, const struct binding *binding)
{
	struct text instance = binding_text(binding, BINDING_INSTANCE);

	text_put_literal(r->lines, "Contact: <");
	text_put(r->lines, binding_text(binding, BINDING_CONTACT));
	text_put_literal(r->lines, ">;expires=");
	text_put_u64(r->lines, seconds_left(r, binding));
	if (binding->has_q)
		put_q(r->lines, binding->q);
	if (instance.len) {
		text_put_literal(r->lines, ";+sip.instance=");
		text_put(r->lines, instance);
	}
	if (binding->reg_id) {
		text_put_literal(r->lines, ";reg-id=");
		text_put_u64(r->lines, binding->reg_id);
	}
	text_put_literal(r->lines, "\r\n");
}

/* §10.3 step 8: all current bindings, each with what is left of it. @req RG-1 RG-8 */
void registration_list_contacts(struct registration *r)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(r->around->bindings, r->user, list, ENTRIES_OF_USER);

	for (unsigned i = 0; i < n; i++)
		if (binding_text(list[i], BINDING_CONTACT).len && !is_over(r, list[i]))
			list_contact(r, list[i]);
}

unsigned registration_contacts_left(const struct registration *r, uint32_t *ret_expires_s)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(r->around->bindings, r->user, list, ENTRIES_OF_USER);
	unsigned contacts = 0;

	*ret_expires_s = 0;
	for (unsigned i = 0; i < n; i++) {
		uint32_t left;

		if (binding_text(list[i], BINDING_CONTACT).len == 0 || is_over(r, list[i]))
			continue;
		contacts++;
		left = seconds_left(r, list[i]);
		if (left > *ret_expires_s)
			*ret_expires_s = left;
	}
	return contacts;
}

/* @req RG-15 */
unsigned scscf_deregister(const struct scscf_surroundings *around, struct text user,
			  struct text contact, enum binding_gone_why why, uint64_t now_ms,
			  struct text_writer *changes)
{
	struct registration r = {
		.around = around, .user = user, .now_ms = now_ms, .changes = changes};
	const struct binding *binding;
	uint32_t expires_s;
	unsigned before = registration_contacts_left(&r, &expires_s);

	if (contact.len == 0)
		take_all_out(&r, why);
	else if ((binding = bindings_of_contact(around->bindings, user, contact)))
		take_out(&r, binding, why);
	return before - registration_contacts_left(&r, &expires_s);
}
