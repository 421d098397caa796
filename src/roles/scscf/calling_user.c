/* TS 24.229 §5.4.3.2  Whose request it is, and from which of its contacts
 *
 * A P-CSCF asserts who calls. A device without one is known by where it has registered; what it writes into
 * From may be anything, when it hides who calls (RFC 3323). */
#include "roles/scscf/initial_request.h"

#define ENTRIES_OF_USER (LIMIT_CONTACTS_OF_USER + 1u)

bool scscf_address_of_record(struct text uri_text, struct text_writer *w, struct text *ret)
{
	struct sip_uri uri;
	uint32_t begin = w->len;

	if (!sip_uri_parse(uri_text, &uri))
		return false;
	sip_uri_put_address_of_record(&uri, w);
	*ret = (struct text){w->at + begin, w->len - begin};
	return !w->full;
}

static bool is_named_in(const struct sip_message *request, enum sip_header header,
			struct text_writer *w, struct text *ret)
{
	struct sip_list list = sip_list_of(request, header);
	struct sip_name_addr address;
	struct text value;

	return sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
	       scscf_address_of_record(address.uri, w, ret);
}

/* ---------------------------------------------------------------- where it comes from */

static bool has_contact_at(const struct scscf_surroundings *around, struct text user,
			   const struct endpoint *source)
{
	struct binding *list[ENTRIES_OF_USER];
	unsigned n = bindings_of_user(around->bindings, scscf_registered_as(around, user), list,
				      ENTRIES_OF_USER);

	for (unsigned i = 0; source && i < n; i++)
		if (binding_is_at(list[i], source))
			return true;
	return false;
}

bool scscf_comes_from_contact(const struct scscf_surroundings *around, struct text from_uri,
			      const struct endpoint *source)
{
	char bytes[3 * LIMIT_URI_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text user;

	return (scscf_address_of_record(from_uri, &w, &user) &&
		has_contact_at(around, user, source)) ||
	       bindings_only_user_at(around->bindings, source, &user);
}

/* ---------------------------------------------------------------- the user */

/* RFC 3325 §5: an asserted identity counts only from inside the trust domain; RFC 5502: so does the
 * served user. */
static bool is_asserted(const struct sip_message *request, struct text_writer *w, struct text *ret)
{
	return is_named_in(request, SIP_HEADER_P_SERVED_USER, w, ret) ||
	       is_named_in(request, SIP_HEADER_P_ASSERTED_IDENTITY, w, ret);
}

static bool is_known(const struct scscf_surroundings *around, struct text user)
{
	return subscribers_find(around->subscribers, user) || scscf_is_registered(around, user);
}

/* @req IC-1
 * What is asserted; which of its identities the device prefers, which is believed from where that one has
 * registered (RFC 3325 §9.2); From. When that names nobody and `orig` says that a user of ours calls, it is
 * the one who has registered at the source. */
struct calling_user scscf_find_calling_user(const struct scscf_surroundings *around,
					    const struct sip_message *request,
					    const struct scscf_arrival *arrival,
					    struct text_writer *w)
{
	struct calling_user calling = {.is_believed = arrival->from_trusted};
	uint32_t begin = w->len;
	struct text only;

	if (arrival->from_trusted && is_asserted(request, w, &calling.user))
		return calling;
	w->len = begin;
	if (is_named_in(request, SIP_HEADER_P_PREFERRED_IDENTITY, w, &calling.user) &&
	    has_contact_at(around, calling.user, arrival->source)) {
		calling.is_believed = true;
		return calling;
	}
	w->len = begin;
	if (!scscf_address_of_record(request->from_uri, w, &calling.user))
		calling.user = request->from_uri;
	if (arrival->from_trusted ? is_known(around, calling.user)
				  : has_contact_at(around, calling.user, arrival->source)) {
		calling.is_believed = true;
	} else if (arrival->originating && arrival->source &&
		   bindings_only_user_at(around->bindings, arrival->source, &only)) {
		w->len = begin;
		calling = (struct calling_user){.user = only, .is_believed = true};
	}
	return calling;
}

/* ---------------------------------------------------------------- its contact */

static bool has_contact(const struct binding *binding)
{
	return binding_text(binding, BINDING_CONTACT).len > 0;
}

/* The same user, host and port: parameters may have come since, or gone. */
static bool is_nearly(const struct binding *binding, const struct sip_uri *uri)
{
	struct sip_uri contact;

	return sip_uri_parse(binding_text(binding, BINDING_CONTACT), &contact) &&
	       text_equal(contact.user, uri->user) && text_equal_nocase(contact.host, uri->host) &&
	       (contact.port ? contact.port : 5060) == (uri->port ? uri->port : 5060);
}

/* How well a contact fits the request: the first of these that only one contact of the user has says which
 * it is. */
enum fit {
	FITS_URI,     /* user, host and port of the Contact */
	FITS_ADDRESS, /* it is where the request comes from: its Contact may be a GRUU (RFC 5627) */
	FITS_ALL,     /* there is only one */
	FITS,
};

static bool fits(const struct binding *binding, enum fit fit, const struct sip_uri *uri,
		 const struct endpoint *source)
{
	switch (fit) {
	case FITS_URI: return uri && is_nearly(binding, uri);
	case FITS_ADDRESS: return source && binding_is_at(binding, source);
	default: return true;
	}
}

/* @req SC-7b */
struct handle scscf_find_calling_contact(const struct scscf_surroundings *around,
					 const struct sip_message *request,
					 const struct scscf_arrival *arrival, struct text user)
{
	struct binding *list[ENTRIES_OF_USER], *found = NULL;
	struct text registered = scscf_registered_as(around, user), value;
	unsigned n = bindings_of_user(around->bindings, registered, list, ENTRIES_OF_USER);
	struct sip_list contacts = sip_list_of(request, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct sip_uri uri;
	bool has_uri = sip_list_next(&contacts, &value) && sip_name_addr_parse(value, &address) &&
		       sip_uri_parse(address.uri, &uri);

	if (has_uri)
		found = bindings_of_contact(around->bindings, registered, address.uri);
	for (unsigned fit = 0; !found && fit < FITS; fit++) {
		unsigned n_fitting = 0;

		for (unsigned i = 0; i < n; i++)
			if (has_contact(list[i]) &&
			    fits(list[i], fit, has_uri ? &uri : NULL, arrival->source)) {
				found = list[i];
				n_fitting++;
			}
		if (n_fitting > 1)
			found = NULL;
	}
	return found ? pool_handle(around->bindings->pool, found) : NO_HANDLE;
}
