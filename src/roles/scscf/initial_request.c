/* TS 24.229 §5.4.3.2 and §5.4.3.3  S-CSCF: initial requests, originating and terminating
 *
 * Whom we serve, and where the request goes: to the contacts of a user of ours, along the remaining
 * routes, or to another domain. Service control by filter criteria has its place between the two;
 * without any the request passes straight through. */
#include "roles/scscf/scscf.h"

#include "sip/uri.h"

static bool address_of_record(struct text uri_text, struct text_writer *w, struct text *ret)
{
	struct sip_uri uri;
	uint32_t begin = w->len;

	if (!sip_uri_parse(uri_text, &uri))
		return false;
	sip_uri_put_address_of_record(&uri, w);
	*ret = (struct text){w->at + begin, w->len - begin};
	return !w->full;
}

/* RFC 3325 §5: an asserted identity counts only from inside the trust domain; RFC 5502: so does the
 * served user. */
static void find_calling_user(const struct sip_message *request, bool from_trusted,
			      struct text_writer *w, struct text *ret)
{
	const enum sip_header headers[] = {SIP_HEADER_P_SERVED_USER,
					   SIP_HEADER_P_ASSERTED_IDENTITY};

	for (unsigned i = 0; from_trusted && i < 2; i++) {
		struct sip_list list = sip_list_of(request, headers[i]);
		struct sip_name_addr address;
		struct text value;

		if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
		    address_of_record(address.uri, w, ret))
			return;
	}
	if (!address_of_record(request->from_uri, w, ret))
		*ret = request->from_uri;
}

bool scscf_is_home_domain(const struct scscf_surroundings *around, struct text host)
{
	for (unsigned i = 0; i < around->n_domains; i++)
		if (text_equal_nocase(around->domains[i], host))
			return true;
	return false;
}

static bool has_contact(const struct bindings *bindings, struct text user)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(bindings, user, list, LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n; i++)
		if (binding_text(list[i], BINDING_CONTACT).len)
			return true;
	return false;
}

/* §5.4.3.3: the contacts of the called user are the targets, each along its Path (RFC 3327 §5.3). */
static void serve_called_user(const struct scscf_surroundings *around, struct scscf_service *ret)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(around->bindings, ret->called_user, list,
				      LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n && ret->n_targets < LIMIT_BRANCHES; i++) {
		struct text contact = binding_text(list[i], BINDING_CONTACT);

		if (contact.len)
			ret->targets[ret->n_targets++] =
				(struct scscf_target){.request_uri = contact,
						      .path = binding_text(list[i], BINDING_PATH)};
	}
	if (ret->n_targets)
		ret->served |= SERVES_CALLED;
	else
		ret->status = n ? 480 : 404;
}

static void route_elsewhere(const struct scscf_surroundings *around, const struct sip_uri *uri,
			    bool from_trusted, struct scscf_service *ret)
{
	ret->targets[0] = (struct scscf_target){0};
	ret->n_targets = 1;
	if (!from_trusted) {
		ret->n_targets = 0;
		ret->status = 403; /* no open relay */
		return;
	}
	for (unsigned i = 0; i < around->n_routes; i++)
		if (text_equal(around->routes[i].domain, TEXT("*")) ||
		    text_equal_nocase(around->routes[i].domain, uri->host)) {
			ret->targets[0].next_hop = around->routes[i].next_hop;
			return;
		}
}

void scscf_serve_initial_request(const struct scscf_surroundings *around,
				 const struct sip_message *request,
				 const struct scscf_arrival *arrival, struct text_writer *w,
				 struct scscf_service *ret)
{
	struct sip_uri uri;

	ret->status = 0;
	ret->served = 0;
	ret->n_targets = 0;
	find_calling_user(request, arrival->from_trusted, w, &ret->calling_user);
	ret->called_user = request->request_uri;
	if (!sip_uri_parse(request->request_uri, &uri)) {
		ret->status = 400;
		return;
	}
	if (uri.scheme == SIP_URI_OTHER || uri.scheme == SIP_URI_SIPS) {
		ret->status =
			416; /* sips: needs TLS on every hop (RFC 3261 §26.2.2), which is not there yet */
		return;
	}
	address_of_record(request->request_uri, w, &ret->called_user);
	if (!arrival->passed_before &&
	    (arrival->originating || has_contact(around->bindings, ret->calling_user)))
		ret->served |= SERVES_CALLING;

	if (arrival->has_more_routes) { /* RFC 3261 §16.5: preloaded routes decide */
		ret->targets[ret->n_targets++] = (struct scscf_target){0};
		if (!arrival->from_trusted) {
			ret->status = 403;
			ret->n_targets = 0;
		}
		return;
	}
	if (uri.scheme == SIP_URI_TEL || arrival->to_own_address ||
	    scscf_is_home_domain(around, uri.host) ||
	    has_contact(around->bindings, ret->called_user))
		serve_called_user(around, ret);
	else
		route_elsewhere(around, &uri, arrival->from_trusted, ret);
}
