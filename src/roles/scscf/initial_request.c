/* TS 24.229 §5.4.3.2 and §5.4.3.3  S-CSCF: initial requests, originating and terminating
 *
 * Whom we serve, and where the request goes next: to an application server of the calling user, then of the
 * called user, each in its turn; then to the contacts of a user of ours, along the remaining routes, or to
 * another domain. */
#include "roles/scscf/initial_request.h"

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
	bool is_believed; /* that the calling user calls */
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

static bool find_route(const struct serving *s, struct endpoint *ret)
{
	for (unsigned i = 0; i < s->around->n_routes; i++)
		if (text_equal(s->around->routes[i].domain, TEXT("*")) ||
		    text_equal_nocase(s->around->routes[i].domain, s->uri.host)) {
			*ret = s->around->routes[i].next_hop;
			return true;
		}
	return false;
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
	if (!s->arrival->has_more_routes) /* RFC 3261 §16.5: preloaded routes decide */
		find_route(s, &ret->targets[0].next_hop);
}

/* @req IC-17
 * Nobody of ours has this number: it goes where numbers go (§5.4.3.2: to a BGCF), when there is such a way. */
static bool is_for_elsewhere(const struct serving *s)
{
	return scscf_is_number(&s->uri) && find_route(s, &(struct endpoint){0});
}

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
	} else if (n || subscribers_find(s->around->subscribers, ret->called_user)) {
		ret->status = 480;
	} else if (is_for_elsewhere(s)) {
		route_elsewhere(s);
	} else {
		ret->status = 404;
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
 * A request that comes anew: are we the calling user's S-CSCF? With `orig` we are asked to be, and nobody gets
 * past the services of the calling side by saying that it has been here or is somebody else. */
static void serve_new(const struct serving *s)
{
	struct scscf_service *ret = s->ret;
	bool is_registered = scscf_is_registered(s->around, ret->calling_user);

	if (s->arrival->originating && !s->is_believed) {
		ret->status = 403;
		return;
	}
	if ((s->arrival->passed_before && (s->arrival->from_trusted || !s->arrival->originating)) ||
	    !s->is_believed || !(s->arrival->originating || is_registered)) {
		go_on_to_called(s);
		return;
	}
	ret->served |= SERVES_CALLING;
	ret->sides[SIDE_CALLING] = SIDE_IS_USER;
	ret->calling_contact =
		scscf_find_calling_contact(s->around, s->request, s->arrival, ret->calling_user);
	if (!may_originate(s, ret->calling_user))
		ret->status = 403;
	else
		serve_calling(s, is_registered ? ORIGINATING_REGISTERED : ORIGINATING_UNREGISTERED,
			      ret->calling_user, (struct filter_position){0});
}

/* @req IC-3a
 * Another way to write the same user is none: the user is compared, not the URI. */
static bool is_diverted(const struct serving *s)
{
	struct text sent = service_passage_text(s->arrival->resumed, PASSAGE_REQUEST_URI);
	char bytes[3 * LIMIT_URI_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct sip_uri uri;
	struct text user;

	if (text_equal(sent, s->request->request_uri))
		return false;
	if (!sip_uri_parse(sent, &uri))
		return true;
	user = scscf_find_called_user(s->around, &uri, &w);
	return w.full || !scscf_is_same_user(s->around, user, s->ret->called_user);
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
	struct calling_user calling = scscf_find_calling_user(around, request, arrival, w);

	s.is_believed = calling.is_believed;
	*ret = (struct scscf_service){.calling_user = calling.user,
				      .called_user = request->request_uri};
	if (!sip_uri_parse(request->request_uri, &s.uri)) {
		ret->status = 400;
		return;
	}
	if (s.uri.scheme == SIP_URI_OTHER || s.uri.scheme == SIP_URI_SIPS) {
		ret->status =
			416; /* sips: needs TLS on every hop (RFC 3261 §26.2.2), which is not there yet */
		return;
	}
	ret->called_user = scscf_find_called_user(around, &s.uri, w);
	if (arrival->resumed)
		resume(&s);
	else
		serve_new(&s);
}
