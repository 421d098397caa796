/* TS 24.229 §5.4.3.2 and §5.4.3.3  S-CSCF: initial requests, originating and terminating
 *
 * Whom we serve, and where the request goes next: to an application server of the calling user, then of the
 * called user, each in its turn; then to the contacts of a user of ours, along the remaining routes, or to
 * another domain. */
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

bool scscf_is_registered(const struct scscf_surroundings *around, struct text user)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(around->bindings, scscf_registered_as(around, user), list,
				      LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n; i++)
		if (binding_text(list[i], BINDING_CONTACT).len)
			return true;
	return false;
}

/* What one request goes through. */
struct serving {
	const struct scscf_surroundings *around;
	const struct sip_message *request;
	const struct scscf_arrival *arrival;
	struct sip_uri uri;
	struct text_writer *w;
	struct scscf_service *ret;
};

/* ---------------------------------------------------------------- the users */

/* §5.4.3.2 step 1: a barred identity may not call; with subscribers, nobody may that is none. */
static bool may_originate(const struct serving *s, struct text user)
{
	const struct public_identity *identity = subscribers_find(s->around->subscribers, user);

	return !s->around->subscribers || (identity && !identity->is_barred);
}

/* From which of the user's contacts: that of the request; with one contact only, that one. */
static struct handle find_calling_contact(const struct serving *s, struct text user)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1], *only = NULL;
	struct text registered = scscf_registered_as(s->around, user), value;
	unsigned n =
		bindings_of_user(s->around->bindings, registered, list, LIMIT_CONTACTS_OF_USER + 1);
	struct sip_list contacts = sip_list_of(s->request, SIP_HEADER_CONTACT);
	struct sip_name_addr address;

	if (sip_list_next(&contacts, &value) && sip_name_addr_parse(value, &address)) {
		struct binding *binding =
			bindings_of_contact(s->around->bindings, registered, address.uri);

		if (binding)
			return pool_handle(s->around->bindings->pool, binding);
	}
	for (unsigned i = 0; i < n; i++)
		if (binding_text(list[i], BINDING_CONTACT).len) {
			if (only)
				return NO_HANDLE;
			only = list[i];
		}
	return only ? pool_handle(s->around->bindings->pool, only) : NO_HANDLE;
}

/* Does the request come from a contact of this user? Then the user may speak for itself, though the address
 * is not trusted: it has registered from there. */
static bool comes_from_contact(const struct serving *s, struct text user)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(s->around->bindings, scscf_registered_as(s->around, user),
				      list, LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n; i++) {
		struct endpoint contact = {0};
		struct sip_uri uri;

		const struct endpoint *source = s->arrival->source;

		if (source && sip_uri_parse(binding_text(list[i], BINDING_CONTACT), &uri) &&
		    endpoint_parse_ip(uri.host, &contact) &&
		    endpoint_same_address(&contact, source) &&
		    (transport_is_reliable(source->transport) ||
		     source->port == (uri.port ? uri.port : 5060)))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- service control */

/* TS 23.218 §6.5, §6.6: the next server of this user in this case. */
static bool find_server(const struct serving *s, enum session_case session_case, struct text user,
			struct filter_position position)
{
	const struct public_identity *identity = subscribers_find(s->around->subscribers, user);
	struct filter_facts facts = {.request = s->request,
				     .request_uri = s->request->request_uri,
				     .session_case = session_case,
				     .is_unregistered = !s->ret->is_registered};

	s->ret->session_case = session_case;
	s->ret->served_user = user;
	s->ret->criteria =
		identity ? filter_criteria_next(identity->profile, position, &facts) : NULL;
	if (!s->ret->criteria)
		return false;
	s->ret->sides[SIDE_CALLED] = session_case_is_originating(session_case)
					     ? SIDE_IS_SERVER_OF_CALLING
					     : SIDE_IS_SERVER_OF_CALLED;
	return true;
}

/* ---------------------------------------------------------------- targets */

/* §5.4.3.3: the contacts of the called user are the targets, each along its Path (RFC 3327 §5.3). */
static void reach_contacts(const struct serving *s)
{
	struct scscf_service *ret = s->ret;
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n = bindings_of_user(s->around->bindings,
				      scscf_registered_as(s->around, ret->called_user), list,
				      LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n && ret->n_targets < LIMIT_BRANCHES; i++) {
		struct text contact = binding_text(list[i], BINDING_CONTACT);

		if (contact.len)
			ret->targets[ret->n_targets++] = (struct scscf_target){
				.request_uri = contact,
				.path = binding_text(list[i], BINDING_PATH),
				.contact = pool_handle(s->around->bindings->pool, list[i])};
	}
	if (ret->n_targets) {
		ret->served |= SERVES_CALLED;
		ret->sides[SIDE_CALLED] = SIDE_IS_USER;
	} else {
		ret->status =
			n || subscribers_find(s->around->subscribers, ret->called_user) ? 480 : 404;
	}
}

static void route_elsewhere(const struct serving *s)
{
	struct scscf_service *ret = s->ret;

	ret->targets[0] = (struct scscf_target){0};
	ret->n_targets = 1;
	if (!s->arrival->from_trusted && !(ret->served & SERVES_CALLING)) {
		ret->n_targets = 0;
		ret->status = 403; /* no open relay */
		return;
	}
	if (s->arrival->has_more_routes)
		return; /* RFC 3261 §16.5: preloaded routes decide */
	for (unsigned i = 0; i < s->around->n_routes; i++)
		if (text_equal(s->around->routes[i].domain, TEXT("*")) ||
		    text_equal_nocase(s->around->routes[i].domain, s->uri.host)) {
			ret->targets[0].next_hop = s->around->routes[i].next_hop;
			return;
		}
}

static bool is_of_called_user(const struct serving *s)
{
	return !s->arrival->has_more_routes &&
	       (s->uri.scheme == SIP_URI_TEL || s->arrival->to_own_address ||
		scscf_is_home_domain(s->around, s->uri.host) ||
		scscf_is_registered(s->around, s->ret->called_user));
}

/* ---------------------------------------------------------------- the two halves */

static void serve_called(const struct serving *s, struct filter_position position)
{
	struct scscf_service *ret = s->ret;
	const struct public_identity *identity =
		subscribers_find(s->around->subscribers, ret->called_user);

	if (identity && identity->is_barred) {
		ret->status = 404; /* §5.4.3.3 step 1 */
		return;
	}
	ret->is_registered = scscf_is_registered(s->around, ret->called_user);
	if (find_server(s, ret->is_registered ? TERMINATING_REGISTERED : TERMINATING_UNREGISTERED,
			ret->called_user, position)) {
		ret->served |= SERVES_CALLED;
		return;
	}
	reach_contacts(s);
}

/* Behind the servers of the calling user: to the called user, if it is ours, or on. */
static void go_on_to_called(const struct serving *s)
{
	if (is_of_called_user(s))
		serve_called(s, (struct filter_position){0});
	else
		route_elsewhere(s);
}

static void serve_calling(const struct serving *s, enum session_case session_case, struct text user,
			  struct filter_position position)
{
	s->ret->is_registered = session_case == ORIGINATING_CDIV
					? scscf_is_registered(s->around, user)
					: session_case != ORIGINATING_UNREGISTERED;
	if (!find_server(s, session_case, user, position))
		go_on_to_called(s);
}

/* @req IC-1
 * A request that comes anew: are we the calling user's S-CSCF? */
static void serve_new(const struct serving *s)
{
	struct scscf_service *ret = s->ret;
	bool is_registered = scscf_is_registered(s->around, ret->calling_user);

	bool is_believed = s->arrival->from_trusted || comes_from_contact(s, ret->calling_user);

	if (s->arrival->passed_before || !is_believed ||
	    !(s->arrival->originating || is_registered)) {
		go_on_to_called(s);
		return;
	}
	ret->served |= SERVES_CALLING;
	ret->sides[SIDE_CALLING] = SIDE_IS_USER;
	ret->calling_contact = find_calling_contact(s, ret->calling_user);
	if (!may_originate(s, ret->calling_user))
		ret->status = 403;
	else
		serve_calling(s, is_registered ? ORIGINATING_REGISTERED : ORIGINATING_UNREGISTERED,
			      ret->calling_user, (struct filter_position){0});
}

static bool is_diverted(const struct serving *s)
{
	struct text sent = service_passage_text(s->arrival->resumed, PASSAGE_REQUEST_URI);
	struct sip_uri uri;

	return !text_equal(sent, s->request->request_uri) &&
	       !(sip_uri_parse(sent, &uri) && sip_uri_equal(&uri, &s->uri));
}

/* @req IC-2 IC-3
 * A request that comes back from a server goes on where it was. When a server of the called user has changed
 * the Request-URI, that user's service control is over; its originating services for diversions come instead
 * (§5.4.3.3). */
static void resume(const struct serving *s)
{
	const struct service_passage *from = s->arrival->resumed;
	struct scscf_service *ret = s->ret;
	struct text user = service_passage_text(from, PASSAGE_SERVED_USER);
	enum session_case session_case = from->session_case;
	struct filter_position behind = from->position;

	if (session_case_is_originating(session_case)) {
		ret->served |= session_case == ORIGINATING_CDIV ? SERVES_CALLED : SERVES_CALLING;
		ret->sides[SIDE_CALLING] = SIDE_IS_SERVER_OF_CALLING;
		serve_calling(s, session_case, user, behind);
		return;
	}
	ret->served |= SERVES_CALLED;
	ret->sides[SIDE_CALLING] = SIDE_IS_SERVER_OF_CALLED;
	if (is_diverted(s)) {
		ret->is_diverted = true;
		serve_calling(s, ORIGINATING_CDIV, user, (struct filter_position){0});
		return;
	}
	ret->called_user = user;
	serve_called(s, behind);
}

void scscf_serve_initial_request(const struct scscf_surroundings *around,
				 const struct sip_message *request,
				 const struct scscf_arrival *arrival, struct text_writer *w,
				 struct scscf_service *ret)
{
	struct serving s = {
		.around = around, .request = request, .arrival = arrival, .w = w, .ret = ret};

	*ret = (struct scscf_service){.called_user = request->request_uri};
	find_calling_user(request, arrival->from_trusted, w, &ret->calling_user);
	if (!sip_uri_parse(request->request_uri, &s.uri)) {
		ret->status = 400;
		return;
	}
	if (s.uri.scheme == SIP_URI_OTHER || s.uri.scheme == SIP_URI_SIPS) {
		ret->status =
			416; /* sips: needs TLS on every hop (RFC 3261 §26.2.2), which is not there yet */
		return;
	}
	address_of_record(request->request_uri, w, &ret->called_user);
	if (arrival->resumed)
		resume(&s);
	else
		serve_new(&s);
}
