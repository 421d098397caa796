/* TS 24.229 §5.4.3.2, §5.4.3.3  Initial requests: through service control to the targets, and on when an
 * application server fails. Which server and which targets says the role (roles/scscf/initial_request.c). */
#include "dialog/session_interval.h"
#include "node/arrival.h"
#include "node/event_lines.h"

static void count_refusal(struct node *node, unsigned status)
{
	if (status == 403)
		node->counters.not_trusted++;
	else if (status == 404)
		node->counters.not_found++;
	else if (status == 480)
		node->counters.not_registered++;
}

/* It came once, wherever it goes. */
static void journal_branch(struct node *node, struct server_transaction *server,
			   struct session *session, uint8_t leg, enum session_clause clause)
{
	session_journal(
		node, session,
		(struct journal_record){.kind = JOURNAL_REQUEST,
					.from = server->is_in_journal ? LEG_SERVER : LEG_CALLING,
					.to = leg,
					.method = node->message.method,
					.cseq = node->message.cseq,
					.clause = (uint8_t)clause});
	server->is_in_journal = true;
}

static void join_session(struct session *session, struct client_transaction *client, uint8_t leg)
{
	client->leg = leg;
	if (!session)
		return;
	client->is_initial_invite = true;
	session->pending_branches++;
}

/* Branches to all targets at once. Returns how many; *ret_status: why none. */
static unsigned fork_request(struct node *node, struct arrival *a,
			     struct server_transaction *server, struct session *session,
			     const struct scscf_service *service, unsigned *ret_status)
{
	enum session_clause clause = service->is_diverted               ? CLAUSE_DIVERTED
				     : service->served & SERVES_CALLED  ? CLAUSE_TERMINATING
				     : service->served & SERVES_CALLING ? CLAUSE_ORIGINATING
									: CLAUSE_FORWARD_REQUEST;
	unsigned n = 0;

	for (unsigned i = 0; i < service->n_targets; i++) {
		const struct scscf_target *target = &service->targets[i];
		struct forwarding f = a->forwarding;
		struct client_transaction *client;

		f.request_uri = target->request_uri;
		f.path = target->path;
		f.next_hop = target->next_hop;
		/* A dialog of a subscription runs through here too, but without a session. */
		f.record_route = session || node->message.method == SIP_SUBSCRIBE;
		client = forward_request(node, server, &f, session, NULL, SIDE_CALLING, ret_status);
		if (!client)
			continue;
		n++;
		join_session(session, client,
			     session ? session_take_leg(node, session) : LEG_CALLED);
		client->contact = target->contact;
		if (!session)
			continue;
		client->contact_use = contact_join(node, client->contact, session);
		journal_branch(node, server, session, client->leg, clause);
	}
	return n;
}

/* RFC 5502 §3 and §5: for whom, in which case, and whether that user is registered. */
static void put_served_user(struct text_writer *w, const struct scscf_service *service)
{
	text_put_literal(w, "P-Served-User: <");
	text_put(w, service->served_user);
	text_put_char(w, '>');
	if (service->session_case == ORIGINATING_CDIV) {
		text_put_literal(w, ";orig-cdiv"); /* RFC 8498 §4.1: alone */
	} else {
		text_put(w, session_case_is_originating(service->session_case)
				    ? TEXT(";sescase=orig")
				    : TEXT(";sescase=term"));
		text_put(w,
			 service->is_registered ? TEXT(";regstate=reg") : TEXT(";regstate=unreg"));
	}
	text_put_literal(w, "\r\n");
}

/* The server's URI is a loose route whether the profile says so or not: behind it stands ours. */
static void put_server_route(struct text_writer *w, const struct node *node, uint8_t local,
			     const struct service_passage *passage, struct text uri_text)
{
	struct sip_uri uri;
	struct text value;

	text_put_char(w, '<');
	text_put(w, uri_text);
	if (sip_uri_parse(uri_text, &uri) && !sip_uri_param(&uri, TEXT("lr"), &value))
		text_put_literal(w, ";lr");
	text_put_literal(w, ">, ");
	addressing_put_original_dialog(w, node, local, passage);
}

/* @req IC-4 IC-5
 * To the application server, with the way back. Returns how many branches there are. */
static unsigned send_to_server(struct node *node, struct arrival *a,
			       struct server_transaction *server, struct session *session,
			       const struct scscf_service *service, unsigned *ret_status)
{
	struct text server_uri = service->criteria->server.uri;
	struct next_hop way = {.local = a->local};
	char route_bytes[2 * LIMIT_URI_BYTES],
		line_bytes[LIMIT_URI_BYTES + LIMIT_FIELD_BYTES + 256];
	struct text_writer route = text_writer_on(route_bytes, sizeof(route_bytes)),
			   lines = text_writer_on(line_bytes, sizeof(line_bytes));
	struct service_passage *passage = passage_at(node, server->passage);
	struct forwarding f = a->forwarding;
	struct client_transaction *client;

	*ret_status = 500;
	if (!passage)
		passage = passage_begin(node, session, NULL);
	if (passage)
		server->passage = pool_handle(node->passages, passage);
	put_served_user(&lines,
			service); /* before the passage forgets the user of its last server */
	text_put(&lines, f.lines);
	if (!passage || !passage_to_server(node, passage, service, node->message.request_uri,
					   a->charging_vector))
		return 0;
	addressing_next_hop(node, server_uri, 0,
			    &way); /* the way back is one that the server can go */
	put_server_route(&route, node, way.local, passage, server_uri);
	if (route.full || lines.full)
		return 0;
	f.path = text_written(&route);
	f.lines = text_written(&lines);
	f.record_route = session || node->message.method == SIP_SUBSCRIBE;
	f.is_to_server = true;
	client = forward_request(node, server, &f, session, NULL, SIDE_CALLING, ret_status);
	if (!client) {
		*ret_status =
			408; /* out of reach: TS 24.229 §5.4.3.2 lets the default handling decide */
		return 0;
	}
	node->counters.requests_to_servers++;
	join_session(session, client, passage->called_leg);
	client_waits_for_server(node, client);
	if (session)
		journal_branch(node, server, session, client->leg, CLAUSE_FILTER_CRITERIA);
	return 1;
}

static void journal_arrival(struct node *node, struct server_transaction *server,
			    struct session *session)
{
	if (!server->is_in_journal)
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_REQUEST,
							.from = LEG_CALLING,
							.to = LEG_SERVER,
							.method = SIP_INVITE,
							.cseq = session->invite_cseq,
							.note = NOTE_ABSORBED});
	server->is_in_journal = true;
}

/* Nothing was sent to the server of this passage: there is no way to it. */
static void journal_no_route(struct node *node, struct server_transaction *server,
			     struct session *session, const struct service_passage *passage)
{
	journal_arrival(node, server, session);
	session_journal(
		node, session,
		(struct journal_record){.kind = JOURNAL_OUTCOME,
					.to = passage->called_leg,
					.method = SIP_INVITE,
					.cseq = session->invite_cseq,
					.note = NOTE_NO_ROUTE,
					.clause = passage->default_handling == SESSION_CONTINUED
							  ? CLAUSE_SERVER_PASSED_OVER
							  : CLAUSE_SERVER_NEEDED});
}

static void refuse(struct node *node, struct server_transaction *server, struct session *session,
		   unsigned status, enum session_clause clause)
{
	if (session) {
		journal_arrival(node, server, session);
		session_journal(node, session,
				(struct journal_record){.kind = JOURNAL_RESPONSE,
							.from = LEG_SERVER,
							.to = LEG_CALLING,
							.method = SIP_INVITE,
							.status = (uint16_t)status,
							.cseq = session->invite_cseq,
							.clause = (uint8_t)clause});
	}
	/* @req RF-8  RFC 4320 §4.2: nobody says 408 to a non-INVITE; that there is no way is known here. */
	server_refuse(node, server, status == 408 && !server->machine.is_invite ? 500 : status);
	if (session)
		session_finish(node, session, SESSION_END_REJECTED, status, clause);
}

/* TS 24.229 §5.4.3.2 step 6 and RFC 7315 §4.6: a charging identity where none came. */
static void put_charging_vector(struct node *node, struct text_writer *w)
{
	const struct node_settings *s = node->settings;

	text_put_literal(w, "icid-value=ad-");
	text_put_hex(w, random_u64(&node->random));
	text_put_literal(w, ";icid-generated-at=");
	endpoint_put_ip(w, &s->listen[0]);
	if (s->n_domains) {
		text_put_literal(w, ";orig-ioi=");
		text_put(w, s->domains[0]);
	}
}

/* `passage`: it was here before, and had one then; may be NULL. Leaves the value in a->charging_vector. */
static void find_charging_vector(struct node *node, struct arrival *a,
				 const struct service_passage *passage, struct text_writer *w)
{
	const struct session *session = passage ? session_at(node, passage->session) : NULL;
	struct text had = session   ? session_text(session, SESSION_CHARGING_VECTOR)
			  : passage ? service_passage_text(passage, PASSAGE_CHARGING_VECTOR)
				    : (struct text){0};

	a->charging_vector = sip_value(&node->message, SIP_HEADER_P_CHARGING_VECTOR);
	if (a->charging_vector.len && a->forwarding.from_trusted)
		return;
	text_put_literal(w, "P-Charging-Vector: ");
	if (had.len)
		text_put(w, had);
	else
		put_charging_vector(node, w);
	a->charging_vector = text_from(text_written(w), 19);
	text_put_literal(w, "\r\n");
	if (!w->full)
		a->forwarding.lines = text_written(w);
}

static struct scscf_arrival what_is_known(const struct node *node, const struct arrival *a,
					  const struct service_passage *resumed)
{
	return (struct scscf_arrival){
		.source = a->source,
		.from_trusted = a->forwarding.from_trusted,
		.originating = a->route.originating,
		.has_more_routes = a->n_routes > a->forwarding.own_routes &&
				   !a->forwarding.strict_request_uri.len,
		.to_own_address = addressing_is_own_uri(node, node->message.request_uri),
		.passed_before = a->passed_before,
		.resumed = resumed,
	};
}

#define WORDS_BYTES (4u * LIMIT_URI_BYTES)

/* To the server or the targets that service control found. */
static void send_on(struct node *node, struct arrival *a, struct server_transaction *server,
		    struct session *session, struct scscf_service *service)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	char words_bytes[WORDS_BYTES];
	unsigned n = 0;

	while (service->status == 0) {
		struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes));
		struct service_passage *passage;
		struct scscf_arrival known;

		if (session) {
			session->sides[SIDE_CALLED] = service->sides[SIDE_CALLED];
			session->served |= (uint8_t)service->served;
			session_first(node, session)->served |= (uint8_t)service->served;
		}
		if (!service->criteria) {
			n = fork_request(node, a, server, session, service, &service->status);
			break;
		}
		n = send_to_server(node, a, server, session, service, &service->status);
		passage = passage_at(node, server->passage);
		if (n || service->status != 408 || !passage)
			break;
		/* No way to it: as if it had failed. */
		node->counters.servers_failed++;
		passage->at_server = false;
		if (session)
			journal_no_route(node, server, session, passage);
		if (passage->default_handling == SESSION_TERMINATED)
			break;
		known = what_is_known(node, a, passage);
		scscf_serve_initial_request(&around, &node->message, &known, &words, service);
	}
	if (n)
		return;
	count_refusal(node, service->status);
	refuse(node, server, session, service->status,
	       service->status == 422   ? CLAUSE_INTERVAL_TOO_SMALL
	       : service->status == 403 ? CLAUSE_CALLER_REFUSED
					: CLAUSE_TERMINATING);
}

/* The session of this passage. NULL: a bound was reached. */
static struct session *begin_session(struct node *node, struct server_transaction *server,
				     const struct scscf_service *service, struct text charging,
				     struct service_passage *resumed)
{
	struct session *session = session_begin(node, &node->message, service, charging);

	if (!session)
		return NULL;
	if (resumed && !passage_begin(node, session, resumed)) {
		session_forget(node, session);
		return NULL;
	}
	node->counters.sessions_begun += !resumed;
	if (!resumed)
		event_session_begun(node, session);
	session->invite = pool_handle(node->servers, server);
	server->session = pool_handle(node->sessions, session);
	server->passage = session->passage;
	return session;
}

static void serve(struct node *node, struct arrival *a, struct service_passage *resumed)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct scscf_arrival known = what_is_known(node, a, resumed);
	bool with_session = node->message.method == SIP_INVITE;
	char words_bytes[WORDS_BYTES], charging_bytes[LIMIT_FIELD_BYTES + 64];
	struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes)),
			   charging = text_writer_on(charging_bytes, sizeof(charging_bytes));
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);
	enum session_interval_verdict interval;
	struct session *session = NULL;
	struct scscf_service service;

	if (!server) {
		arrival_answer_503(node, a);
		return;
	}
	scscf_serve_initial_request(&around, &node->message, &known, &words, &service);
	find_charging_vector(node, a, resumed, &charging);
	if (with_session &&
	    !(session = begin_session(node, server, &service, a->charging_vector, resumed))) {
		server_refuse(node, server, 503);
		return;
	}
	if (!with_session && resumed) {
		struct service_passage *passage = passage_begin(node, NULL, resumed);

		if (!passage) {
			server_refuse(node, server, 503);
			return;
		}
		server->passage = pool_handle(node->passages, passage);
	}
	interval = session_interval_check(&node->message);
	a->forwarding.raise_session_interval = interval == SESSION_INTERVAL_RAISE;
	if (service.status == 0 && interval == SESSION_INTERVAL_REFUSE)
		service.status = 422;
	send_on(node, a, server, session, &service);
}

/* @req IC-6
 * Back from an application server, or anew. */
void serve_initial_request(struct node *node, struct arrival *a)
{
	struct service_passage *resumed = NULL;

	if (a->route.has_original_dialog) {
		resumed = passage_of_original_dialog(node, &a->route);
		if (!resumed) {
			node->counters.unknown_dialogs++;
			arrival_answer(node, a, 481, NULL, (struct text){0});
			return;
		}
		a->forwarding.from_trusted = true; /* who knows the secret was chosen by us */
	}
	serve(node, a, resumed);
}

void receive_request_goes_on(struct node *node)
{
	struct server_transaction *server = pool_at(node->servers, node->without_server);
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	char words_bytes[WORDS_BYTES], charging_bytes[LIMIT_FIELD_BYTES + 64];
	struct text_writer words = text_writer_on(words_bytes, sizeof(words_bytes)),
			   charging = text_writer_on(charging_bytes, sizeof(charging_bytes));
	struct session *session;
	struct endpoint source;
	struct arrival a;
	struct scscf_arrival known;
	struct scscf_service service;

	node->without_server = NO_HANDLE;
	if (!server || server->has_final || !server->request ||
	    sip_parse(&node->message, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	source = server->peer;
	source.port = server->source_port;
	a = (struct arrival){.source = &source,
			     .local = server->local,
			     .key = server->key,
			     .forwarding = {.source = source, .local = server->local}};
	arrival_take_own_routes(node, &a);
	a.forwarding.loop_hash = arrival_loop_hash(node);
	a.forwarding.from_trusted =
		addressing_is_trusted(node, &source) || a.route.has_original_dialog;
	a.forwarding.raise_session_interval =
		session_interval_check(&node->message) == SESSION_INTERVAL_RAISE;
	session = session_at(node, server->session);
	find_charging_vector(node, &a, passage_at(node, server->passage), &charging);
	known = what_is_known(node, &a, passage_at(node, server->passage));
	scscf_serve_initial_request(&around, &node->message, &known, &words, &service);
	send_on(node, &a, server, session, &service);
}

void forward_outside_sessions(struct node *node, struct arrival *a)
{
	struct scscf_service service = {.n_targets = 1};
	struct server_transaction *server =
		server_begin(node, &node->message, &a->key, a->source, a->local);

	if (!server)
		arrival_answer_503(node, a);
	else if (fork_request(node, a, server, NULL, &service, &service.status) == 0)
		refuse(node, server, NULL, service.status, CLAUSE_NONE);
}
