/* Calls through application servers, for tests that speak SIP by hand: subscribers with their criteria, servers that are
 * proxies and pass on what they get, and the dialogs that the users see. */
#ifndef TEST_NODE_THROUGH_SERVERS_H
#define TEST_NODE_THROUGH_SERVERS_H

#include "wire.h"

#include "roles/scscf/subscribers.h"

#define A1 8001 /* servers of alice */
#define A2 8002
#define B1 8101 /* of bob */
#define B2 8102

/* ---------------------------------------------------------------- subscribers */

struct test_criteria {
	const char *uri;
	const char *method; /* NULL: every request */
	bool terminates;
	unsigned priority; /* 0: in the order given */
	unsigned on_case;  /* 0: any; else 1 + enum session_case */
	unsigned part;     /* 0: both; else 1 + enum profile_part */
};

static struct subscribers *served_users;

static inline const struct service_profile *served_profile(const struct test_criteria *list,
							   unsigned n)
{
	struct service_profile *profile = subscribers_take(served_users, sizeof(*profile));
	struct filter_criteria *criteria =
		subscribers_take(served_users, (n + 1) * sizeof(*criteria));
	uint16_t *groups = subscribers_take(served_users, 2 * sizeof(*groups));

	groups[1] = 1;
	for (unsigned i = 0; i < n; i++) {
		struct service_point *points = subscribers_take(served_users, 2 * sizeof(*points));
		unsigned n_points = 0;

		if (list[i].method)
			points[n_points++] = (struct service_point){
				.kind = SERVICE_POINT_METHOD,
				.method = subscribers_keep(served_users, text_of(list[i].method)),
				.n_groups = 1,
				.groups = &groups[0]};
		if (list[i].on_case)
			points[n_points++] = (struct service_point){
				.kind = SERVICE_POINT_SESSION_CASE,
				.session_case = (uint8_t)(list[i].on_case - 1),
				.n_groups = 1,
				.groups = &groups[1]};
		criteria[i] = (struct filter_criteria){
			.priority = list[i].priority ? list[i].priority : 10 * (i + 1),
			.profile_part =
				(uint8_t)(list[i].part ? list[i].part - 1 : PROFILE_PART_BOTH),
			.trigger = {.is_cnf = true,
				    .n_points = (uint16_t)n_points,
				    .points = points},
			.server = {.uri = subscribers_keep(served_users, text_of(list[i].uri)),
				   .default_handling = list[i].terminates ? SESSION_TERMINATED
									  : SESSION_CONTINUED}};
	}
	*profile = (struct service_profile){.n = n, .criteria = criteria};
	return profile;
}

static inline void served_add_barred(const char *user, const struct test_criteria *list, unsigned n,
				     bool is_barred)
{
	struct subscriber *s = subscribers_take(served_users, sizeof(*s));
	struct public_identity *identity = subscribers_take(served_users, sizeof(*identity));
	struct text duplicate;

	*identity = (struct public_identity){.user = subscribers_keep(served_users, text_of(user)),
					     .is_barred = is_barred,
					     .profile = served_profile(list, n),
					     .subscriber = s};
	*s = (struct subscriber){.private_identity = TEXT("private@ims.example"),
				 .n_identities = 1,
				 .identities = identity};
	assert_int_equal(subscribers_add(served_users, s, &duplicate), SUBSCRIBERS_DONE);
}

static inline void served_add(const char *user, const struct test_criteria *list, unsigned n)
{
	served_add_barred(user, list, n, false);
}

/* ---------------------------------------------------------------- the scene */

struct hop {
	uint16_t port;
	bool leaves;    /* does not stay in the dialog */
	bool is_manual; /* the test acts for it */
};

struct scene {
	struct wire wire;
	unsigned seen; /* messages of wire.out that were looked at */
	struct hop hops[8];
	unsigned n_hops;
	bool ends_act; /* alice and bob answer by themselves */
	unsigned branches;
};

static inline void with_served_users(struct node_settings *settings)
{
	settings->subscribers = served_users;
}

static inline void scene_open_with(struct scene *s, void (*change)(struct node_settings *))
{
	memset(s, 0, sizeof(*s));
	wire_open(&s->wire, change);
	wire_bind(&s->wire, "sip:alice@ims.example", "sip:alice@127.0.0.1:6000");
}

static inline void scene_open(struct scene *s)
{
	scene_open_with(s, with_served_users);
}

static inline struct hop *scene_hop(struct scene *s, uint16_t port)
{
	for (unsigned i = 0; i < s->n_hops; i++)
		if (s->hops[i].port == port)
			return &s->hops[i];
	s->hops[s->n_hops] = (struct hop){.port = port};
	return &s->hops[s->n_hops++];
}

static inline void scene_forget(struct scene *s)
{
	wire_forget(&s->wire);
	s->seen = 0;
}

static inline void scene_close(struct scene *s)
{
	scene_forget(s);
	wire_close(&s->wire);
	subscribers_close(served_users);
	served_users = NULL;
}

/* ---------------------------------------------------------------- what a server makes of a request */

struct change {
	const char *request_uri, *call_id, *from_tag;
	const char *route; /* in place of the Route that came, "" none */
	const char *mark;  /* for another branch of the same request */
	const char *extra; /* header lines, each with \r\n */
	bool is_b2bua;     /* a dialog of its own: no Via, no Record-Route, its own Contact */
	bool leaves;
	const char *without; /* a header that it takes off */
};

static inline void hop_put(char *to, size_t max, const char *format, ...)
{
	size_t at = strlen(to);
	va_list args;

	va_start(args, format);
	assert_in_range(vsnprintf(to + at, max - at, format, args), 0, max - at - 1);
	va_end(args);
}

static inline bool hop_is(const char *line, const char *name)
{
	return strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
}

static inline uint32_t hop_hash(const char *branch)
{
	uint32_t hash = 5381;

	for (; *branch && *branch != '\r' && *branch != ';'; branch++)
		hash = hash * 33 + (unsigned char)*branch;
	return hash;
}

static inline void hop_put_line(char *to, size_t max, uint16_t port, const char *line, int length,
				const struct change *c, bool is_cancel)
{
	char own[24];
	const char *comma;

	snprintf(own, sizeof(own), "127.0.0.1:%u", port);
	if (c->without && hop_is(line, c->without))
		return;
	if (hop_is(line, "Via") && (c->is_b2bua || is_cancel))
		return;
	if (hop_is(line, "Record-Route") && c->is_b2bua)
		return;
	if (hop_is(line, "Route") && c->route)
		return;
	if (hop_is(line, "Contact") && c->is_b2bua) {
		hop_put(to, max, "Contact: <sip:b2bua@%s>\r\n", own);
	} else if (hop_is(line, "Call-ID") && c->call_id) {
		hop_put(to, max, "Call-ID: %s\r\n", c->call_id);
	} else if (hop_is(line, "From") && c->from_tag) {
		hop_put(to, max, "%.*s;tag=%s\r\n", (int)(strstr(line, ";tag=") - line), line,
			c->from_tag);
	} else if (hop_is(line, "Route") && (size_t)length > strlen(own) &&
		   !strstr(to, "\r\nRoute:") &&
		   memmem(line, strcspn(line, ",\r"), own, strlen(own))) {
		comma = memchr(line, ',', (size_t)length);
		if (comma)
			hop_put(to, max, "Route: %.*s\r\n", (int)(line + length - comma - 2),
				comma + 2);
	} else {
		hop_put(to, max, "%.*s\r\n", length, line);
	}
}

/* The request that the server at `port` sends for the one it got. In a buffer that the next call overwrites. */
static inline const char *hop_text(uint16_t port, const char *message, struct change c)
{
	static char to[40000];
	const size_t max = sizeof(to);
	const char *branch = strstr(message, "branch="), *line = strstr(message, "\r\n") + 2;
	bool is_cancel = strncmp(message, "CANCEL", 6) == 0;
	bool begins = strncmp(message, "INVITE", 6) == 0 || strncmp(message, "SUBSCRIBE", 9) == 0;

	to[0] = 0;
	assert_non_null(branch);
	if (c.request_uri)
		hop_put(to, max, "%.*s %s SIP/2.0\r\n", (int)strcspn(message, " "), message,
			c.request_uri);
	else
		hop_put(to, max, "%.*s", (int)(line - message), message);
	hop_put(to, max, "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKh%u-%08x%s\r\n", port, port,
		(unsigned)hop_hash(branch), c.mark ? c.mark : "");
	if (begins && !c.leaves && !c.is_b2bua)
		hop_put(to, max, "Record-Route: <sip:127.0.0.1:%u;lr>\r\n", port);
	if (c.route && *c.route)
		hop_put(to, max, "Route: %s\r\n", c.route);
	if (c.extra)
		hop_put(to, max, "%s", c.extra);
	while (strncmp(line, "\r\n", 2) != 0) {
		int length = (int)(strstr(line, "\r\n") - line);

		hop_put_line(to, max, port, line, length, &c, is_cancel);
		line += length + 2;
	}
	hop_put(to, max, "%s", line);
	return to;
}

static inline void feed_text(struct scene *s, uint16_t port, const char *text)
{
	wire_feed_bytes(&s->wire, wire_address(TRANSPORT_UDP, port), text, strlen(text));
}

static inline void pass_on(struct scene *s, uint16_t port, const char *request, struct change c)
{
	assert_non_null(request);
	feed_text(s, port, hop_text(port, request, c));
}

/* ---------------------------------------------------------------- and of a response */

static inline void pass_back(struct scene *s, uint16_t port, const char *response)
{
	char to[20000] = "";
	const char *via = strstr(response, "\r\nVia: "), *behind = strstr(via + 2, "\r\n");

	snprintf(to, sizeof(to), "%.*s%s", (int)(via - response), response, behind);
	feed_text(s, port, to);
}

/* The ACK of a final response other than 2xx, hop by hop. */
static inline void ack_hop(struct scene *s, uint16_t port, const char *response)
{
	char via[400], from[600], to[600], call_id[300], cseq[60];

	wire_header(response, "Via", 0, via, sizeof(via));
	wire_header(response, "From", 0, from, sizeof(from));
	wire_header(response, "To", 0, to, sizeof(to));
	wire_header(response, "Call-ID", 0, call_id, sizeof(call_id));
	wire_header(response, "CSeq", 0, cseq, sizeof(cseq));
	wire_feed(&s->wire, port,
		  "ACK sip:x@ims.example SIP/2.0\nVia: %s\nMax-Forwards: 70\nFrom: %s\nTo: %s\n"
		  "Call-ID: %s\nCSeq: %d ACK\nContent-Length: 0\n\n",
		  via, from, to, call_id, atoi(cseq));
}

static inline bool is_of_method(const char *message, const char *method)
{
	char cseq[60] = "";

	wire_header(message, "CSeq", 0, cseq, sizeof(cseq));
	return strstr(cseq, method) != NULL;
}

/* ---------------------------------------------------------------- dialogs as the users see them */

struct party {
	uint16_t port;
	char call_id[300], local[600], remote[600], target[600], routes[4000];
	unsigned cseq;
};

static inline void party_target(struct party *p, const char *message)
{
	char contact[600] = "";
	const char *at;

	wire_header(message, "Contact", 0, contact, sizeof(contact));
	at = strchr(contact, '<');
	assert_non_null(at);
	snprintf(p->target, sizeof(p->target), "%.*s", (int)strcspn(at + 1, ">"), at + 1);
}

/* The Record-Route values, one line each here, in order or reversed, as a Route list. */
static inline void party_routes(struct party *p, const char *message, bool reversed)
{
	char value[1000];
	unsigned n = 0;

	p->routes[0] = 0;
	while (wire_header(message, "Record-Route", n, value, sizeof(value)))
		n++;
	for (unsigned i = 0; i < n; i++) {
		wire_header(message, "Record-Route", reversed ? n - 1 - i : i, value,
			    sizeof(value));
		hop_put(p->routes, sizeof(p->routes), "%s%s", i ? ", " : "", value);
	}
}

static inline void party_of_caller(struct party *p, uint16_t port, const char *response)
{
	assert_non_null(response);
	*p = (struct party){.port = port, .cseq = 1};
	wire_header(response, "Call-ID", 0, p->call_id, sizeof(p->call_id));
	wire_header(response, "From", 0, p->local, sizeof(p->local));
	wire_header(response, "To", 0, p->remote, sizeof(p->remote));
	party_target(p, response);
	party_routes(p, response, true);
}

static inline void party_of_callee(struct party *p, uint16_t port, const char *request,
				   const char *tag)
{
	assert_non_null(request);
	*p = (struct party){.port = port};
	wire_header(request, "Call-ID", 0, p->call_id, sizeof(p->call_id));
	wire_header(request, "To", 0, p->local, sizeof(p->local));
	hop_put(p->local, sizeof(p->local), ";tag=%s", tag);
	wire_header(request, "From", 0, p->remote, sizeof(p->remote));
	party_target(p, request);
	party_routes(p, request, false);
}

/* A request inside the dialog; an ACK has the number of the INVITE. */
static inline void party_says(struct scene *s, struct party *p, const char *method,
			      const char *extra)
{
	unsigned cseq = strcmp(method, "ACK") == 0 ? p->cseq : ++p->cseq;

	wire_feed(&s->wire, p->port,
		  "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKp%u-%u\n"
		  "Max-Forwards: 70\nRoute: %s\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %u %s\n"
		  "%sContent-Length: 0\n\n",
		  method, p->target, p->port, p->port, ++s->branches, p->routes, p->local,
		  p->remote, p->call_id, cseq, method, extra);
}

/* ---------------------------------------------------------------- the servers act */

static inline void hop_acts(struct scene *s, const struct hop *hop, const char *m)
{
	char branch[200] = "";

	if (strncmp(m, "SIP/2.0 ", 8) == 0) {
		int status = atoi(m + 8);

		if (status == 100 || is_of_method(m, "CANCEL"))
			return;
		if (status >= 300 && is_of_method(m, "INVITE"))
			ack_hop(s, hop->port, m);
		pass_back(s, hop->port, m);
		return;
	}
	wire_header(m, "Via", 0, branch, sizeof(branch));
	if (strncmp(m, "ACK", 3) == 0 && strstr(branch, "z9hG4bKad-"))
		return; /* of a final response of its own */
	if (strncmp(m, "CANCEL", 6) == 0)
		wire_answer(&s->wire, hop->port, m, "200 OK", "", "");
	pass_on(s, hop->port, m, (struct change){.leaves = hop->leaves});
}

static inline void end_acts(struct scene *s, uint16_t port, const char *m)
{
	const char *tag = port == BOB ? "b" : "a";
	struct party alice;

	if (strncmp(m, "SIP/2.0 2", 9) == 0 && is_of_method(m, "INVITE")) {
		party_of_caller(&alice, port, m);
		party_says(s, &alice, "ACK", "");
	} else if (strncmp(m, "SIP/2.0 ", 8) == 0) {
		if (atoi(m + 8) >= 300 && is_of_method(m, "INVITE"))
			ack_hop(s, port, m);
	} else if (strncmp(m, "INVITE", 6) == 0) {
		wire_answer(&s->wire, port, m, "200 OK", tag, BOBS_CONTACT);
	} else if (strncmp(m, "ACK", 3) != 0) {
		wire_answer(&s->wire, port, m, "200 OK", tag, "");
	}
}

/* Until nothing is under way any more. */
static inline void settle(struct scene *s)
{
	while (s->seen < s->wire.n_out) {
		uint16_t port = s->wire.out[s->seen].to.port;
		char *m = strdup(s->wire.out[s->seen++].bytes);

		if (port == 5060) /* to itself: no server stands between two passages */
			feed_text(s, port, m);
		for (unsigned i = 0; i < s->n_hops; i++)
			if (s->hops[i].port == port && !s->hops[i].is_manual)
				hop_acts(s, &s->hops[i], m);
		if (s->ends_act && (port == ALICE || port == BOB))
			end_acts(s, port, m);
		free(m);
	}
}

/* Time passes, and the servers act meanwhile. */
static inline void scene_run(struct scene *s, uint64_t for_ms)
{
	for (uint64_t end = s->wire.now_ms + for_ms; s->wire.now_ms < end;) {
		wire_run(&s->wire, end - s->wire.now_ms < 10 ? end - s->wire.now_ms : 10);
		settle(s);
	}
}

static inline void bob_answers(struct scene *s, const char *status_line)
{
	wire_answer(&s->wire, BOB, wire_last(&s->wire, BOB, "INVITE"), status_line, "b",
		    BOBS_CONTACT);
	settle(s);
}

/* alice calls bob through all servers of the scene; up to the ACK. */
static inline void scene_call(struct scene *s, const char *call_id, struct party *alice,
			      struct party *bob)
{
	wire_invite(&s->wire, call_id, "");
	settle(s);
	party_of_callee(bob, BOB, wire_last(&s->wire, BOB, "INVITE"), "b");
	bob_answers(s, "200 OK");
	party_of_caller(alice, ALICE, wire_last(&s->wire, ALICE, "SIP/2.0 200"));
	party_says(s, alice, "ACK", "");
	settle(s);
	assert_non_null(wire_last(&s->wire, BOB, "ACK"));
}

/* Every BYE and CANCEL at alice and bob is answered, and what follows from that happens. */
static inline void ends_answer_all(struct scene *s)
{
	unsigned n = s->wire.n_out;

	for (unsigned i = 0; i < n; i++) {
		const char *m = s->wire.out[i].bytes;
		uint16_t port = s->wire.out[i].to.port;

		if ((port == ALICE || port == BOB) && strncmp(m, "BYE", 3) == 0)
			wire_answer(&s->wire, port, m, "200 OK", "", "");
	}
	settle(s);
}

/* Everything that a call leaves is gone when its time has come (Timer C and 64*T1 at the longest); subscribers are
 * closed too. */
static inline void scene_end(struct scene *s)
{
	for (unsigned i = 0; i < 12; i++) {
		scene_forget(s);
		scene_run(s, 20000);
	}
	scene_forget(s);
	wire_nothing_left(&s->wire);
	scene_close(s);
}

/* n requests of this method to this port, retransmissions not counted. */
static inline unsigned count_new(const struct scene *s, uint16_t port, const char *method)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->wire.n_out; i++) {
		const struct wire_message *m = &s->wire.out[i];
		bool again = false;

		if (m->to.port != port || strncmp(m->bytes, method, strlen(method)) != 0)
			continue;
		for (unsigned j = 0; j < i; j++)
			again |= s->wire.out[j].to.port == port &&
				 strcmp(s->wire.out[j].bytes, m->bytes) == 0;
		n += !again;
	}
	return n;
}

#define URI(port) "sip:127.0.0.1:" #port

/* alice and bob with servers A1, A2 and B1, B2; as many as asked for. */
static inline void open_scene_of(struct scene *s, unsigned n_alice, unsigned n_bob, bool terminates)
{
	const struct test_criteria a[] = {{.uri = URI(8001), .terminates = terminates},
					  {.uri = URI(8002), .terminates = terminates}};
	const struct test_criteria b[] = {{.uri = URI(8101), .terminates = terminates},
					  {.uri = URI(8102), .terminates = terminates}};

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, n_alice);
	served_add("sip:bob@ims.example", b, n_bob);
	scene_open(s);
	for (unsigned i = 0; i < n_alice; i++)
		scene_hop(s, (uint16_t)(A1 + i));
	for (unsigned i = 0; i < n_bob; i++)
		scene_hop(s, (uint16_t)(B1 + i));
}

static inline const struct node_counters *counters(struct scene *s)
{
	return wire_counters(&s->wire);
}

static inline const char *last(struct scene *s, uint16_t port, const char *beginning)
{
	const char *m = wire_last(&s->wire, port, beginning);

	if (!m)
		fail_msg("no %s to %u", beginning, port);
	return m;
}

static inline unsigned count_to(struct scene *s, uint16_t port, const char *beginning)
{
	return wire_count(&s->wire, port, beginning);
}

#endif
