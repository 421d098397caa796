/* Whom we serve and where an initial request goes, as a table. TS 24.229 §5.4.3.2, §5.4.3.3, RFC 3261 §16.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "roles/scscf/scscf.h"

static struct store *store;
static struct timers timers;
static struct bindings bindings;
static const struct text domains[] = {TEXT("ims.example"), TEXT("Second.Example")};
static struct scscf_domain_route routes[3];
static struct scscf_surroundings around;
static struct sip_message request;
static char bytes[6000], words[3000];
static struct scscf_service service;

static void bind(const char *user, const char *contact, const char *path)
{
	struct binding_line line = {
		.user = text_of(user), .contact = text_of(contact), .path = text_of(path)};

	assert_int_equal(bindings_apply(&bindings, &line, 0, 0), BINDINGS_DONE);
}

static int set_up(void **state)
{
	(void)state;
	store = store_open(1 << 22);
	timers_init(&timers, 0);
	if (!bindings_open(&bindings, 1000, store, &timers, 1, (struct hash_key){{1, 2}}))
		return -1;
	routes[0] = (struct scscf_domain_route){TEXT("far.example"),
						{.family = 4, .port = 5060, .ip = {10, 0, 0, 1}}};
	routes[1] = (struct scscf_domain_route){TEXT("*"),
						{.family = 4, .port = 5070, .ip = {10, 0, 0, 2}}};
	around = (struct scscf_surroundings){.domains = domains,
					     .n_domains = 2,
					     .routes = routes,
					     .n_routes = 2,
					     .bindings = &bindings};
	bind("sip:alice@ims.example", "sip:alice@127.0.0.1:6000", "");
	bind("sip:bob@ims.example", "sip:bob@127.0.0.1:7000", "<sip:p1;lr>, <sip:p2;lr>");
	bind("sip:off@ims.example", "", "");
	bind("tel:+1201555", "sip:t@127.0.0.1:7200", "");
	bind("sip:guest@far.example", "sip:guest@127.0.0.1:7300", "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bindings_close(&bindings);
	store_close(store);
	return 0;
}

static void serve(const char *method, const char *uri, const char *from, const char *lines,
		  struct scscf_arrival arrival)
{
	struct text_writer w = text_writer_on(words, sizeof(words));
	int n = snprintf(
		bytes, sizeof(bytes),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bK1\r\nFrom: "
		"<%s>;tag=a\r\nTo: <sip:x@y.example>\r\n"
		"Call-ID: c1\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, from, method, lines);

	assert_int_equal(sip_parse(&request, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	memset(&service, 0xa5, sizeof(service));
	scscf_serve_initial_request(&around, &request, &arrival, &w, &service);
}

static const struct scscf_arrival trusted = {.from_trusted = true},
				  untrusted = {.from_trusted = false};

struct row {
	const char *uri, *from;
	bool from_trusted;
	unsigned status, served, n_targets;
	const char *request_uri, *called_user;
	unsigned next_hop_port; /* 0: from the URI */
};

#define ALICE    "sip:alice@ims.example"
#define STRANGER "sip:s@nowhere.example"

/* @req PX-14 PX-1 RG-7 MP-6 IC-17 */
static const struct row rows[] = {
	/* users of ours */
	{"sip:bob@ims.example", STRANGER, true, 0, SERVES_CALLED, 1, "sip:bob@127.0.0.1:7000",
	 "sip:bob@ims.example", 0},
	{"sip:bob@ims.example", ALICE, true, 0, SERVES_CALLED | SERVES_CALLING, 1,
	 "sip:bob@127.0.0.1:7000", "sip:bob@ims.example", 0},
	{"sip:bob@ims.example", STRANGER, false, 0, SERVES_CALLED, 1, "sip:bob@127.0.0.1:7000",
	 "sip:bob@ims.example", 0},
	{"sip:b%6Fb@IMS.Example;user=phone;x=1", STRANGER, false, 0, SERVES_CALLED, 1,
	 "sip:bob@127.0.0.1:7000", "sip:bob@ims.example", 0},
	{"sip:off@ims.example", STRANGER, true, 480, 0, 0, NULL, "sip:off@ims.example", 0},
	{"sip:nobody@ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:nobody@ims.example", 0},
	{"sip:nobody@second.example", STRANGER, false, 404, 0, 0, NULL, "sip:nobody@second.example",
	 0},
	{"sip:ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:ims.example", 0},
	/* numbers */
	{"tel:+1201555", STRANGER, true, 0, SERVES_CALLED, 1, "sip:t@127.0.0.1:7200",
	 "tel:+1201555", 0},
	{"tel:+1-201-555", STRANGER, false, 0, SERVES_CALLED, 1, "sip:t@127.0.0.1:7200",
	 "tel:+1201555", 0},
	/* of nobody: where numbers go, for those who may send there */
	{"tel:+99", STRANGER, true, 0, 0, 1, "", "tel:+99", 5070},
	{"tel:+99", ALICE, true, 0, SERVES_CALLING, 1, "", "tel:+99", 5070},
	{"sip:+99@ims.example;user=phone", ALICE, true, 0, SERVES_CALLING, 1, "",
	 "sip:+99@ims.example", 5070},
	{"tel:+99", STRANGER, false, 403, 0, 0, NULL, "tel:+99", 0},
	{"sip:+99@ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:+99@ims.example", 0},
	/* in the other form */
	{"sip:+1201555@IMS.example;User=Phone", STRANGER, false, 0, SERVES_CALLED, 1,
	 "sip:t@127.0.0.1:7200", "tel:+1201555", 0},
	{"sip:+1-201-555@ims.example;user=phone", STRANGER, false, 0, SERVES_CALLED, 1,
	 "sip:t@127.0.0.1:7200", "tel:+1201555", 0},
	{"sip:+1201555@ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:+1201555@ims.example",
	 0},
	{"sip:+1201555@far.example;user=phone", STRANGER, true, 0, 0, 1, "",
	 "sip:+1201555@far.example", 5060},
	/* a port after a home domain */
	{"sip:bob@ims.example:5060", STRANGER, false, 0, SERVES_CALLED, 1, "sip:bob@127.0.0.1:7000",
	 "sip:bob@ims.example", 0},
	{"sip:guest@far.example:5060", STRANGER, true, 0, 0, 1, "", "sip:guest@far.example:5060",
	 5060},
	/* a user of another domain that is registered here all the same */
	{"sip:guest@far.example", STRANGER, false, 0, SERVES_CALLED, 1, "sip:guest@127.0.0.1:7300",
	 "sip:guest@far.example", 0},
	/* other domains: by the table, only from trusted addresses */
	{"sip:x@far.example", ALICE, true, 0, SERVES_CALLING, 1, "", "sip:x@far.example", 5060},
	{"sip:x@FAR.example", STRANGER, true, 0, 0, 1, "", "sip:x@far.example", 5060},
	{"sip:x@else.example", ALICE, true, 0, SERVES_CALLING, 1, "", "sip:x@else.example", 5070},
	{"sip:x@far.example", ALICE, false, 403, 0, 0, NULL, "sip:x@far.example", 0},
	{"sip:x@10.9.9.9", STRANGER, false, 403, 0, 0, NULL, "sip:x@10.9.9.9", 0},
	/* schemes */
	{"sips:bob@ims.example", ALICE, true, 416, 0, 0, NULL, NULL, 0},
	{"http://ims.example/", ALICE, true, 416, 0, 0, NULL, NULL, 0},
	{"urn:service:sos", ALICE, true, 416, 0, 0, NULL, NULL, 0},
};

static void check_text(struct text got, const char *want)
{
	if (got.len != strlen(want) || (got.len && memcmp(got.at, want, got.len) != 0))
		fail_msg("\"%.*s\", not \"%s\"", TEXT_ARGS(got), want);
}

/* @req IC-1  From an address that is not trusted a user speaks for itself only from where it has registered: neither From nor
 * `orig` of somebody else is believed, and no services run for it. */
static void test_ic_1_only_its_contact_speaks_for_a_user(void **state)
{
	static const struct {
		struct endpoint source;
		bool is_served;
	} from[] = {
		{{.transport = TRANSPORT_UDP, .family = 4, .ip = {127, 0, 0, 1}, .port = 6000},
		 true},
		{{.transport = TRANSPORT_UDP, .family = 4, .ip = {127, 0, 0, 1}, .port = 6001},
		 false},
		{{.transport = TRANSPORT_UDP, .family = 4, .ip = {127, 0, 0, 2}, .port = 6000},
		 false},
		{{.transport = TRANSPORT_TCP, .family = 4, .ip = {127, 0, 0, 1}, .port = 41000},
		 true},
		{{.transport = TRANSPORT_TCP, .family = 4, .ip = {127, 0, 0, 2}, .port = 6000},
		 false},
		{{.transport = TRANSPORT_UDP, .family = 6, .ip = {127, 0, 0, 1}, .port = 6000},
		 false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		for (int orig = 0; orig < 2; orig++) {
			struct scscf_arrival arrival = {.source = &from[i].source,
							.originating = orig};

			serve("INVITE", "sip:x@far.example", ALICE, "", arrival);
			if (service.status != (from[i].is_served ? 0u : 403u) ||
			    service.served != (from[i].is_served ? SERVES_CALLING : 0u))
				fail_msg("row %zu: %u, serves %u", i, service.status,
					 service.served);
			serve("INVITE", "sip:bob@ims.example", ALICE, "", arrival);
			assert_int_equal(service.status, orig && !from[i].is_served ? 403 : 0);
			assert_int_equal(service.served & SERVES_CALLING,
					 from[i].is_served ? SERVES_CALLING : 0u);
		}
}

#define HIDDEN        "sip:anonymous@anonymous.invalid"
#define PREFERS(user) "P-Preferred-Identity: \"x\" <" user ">\r\n"

/* @req IC-1  A device without a P-CSCF that hides who calls (RFC 3323) is the user who has registered there: by the identity that
 * it prefers, or by `orig` when nobody else has. With `orig` nobody gets past the services of the calling side. */
static void test_ic_1_a_caller_that_hides_is_its_device(void **state)
{
	static const struct {
		const char *from, *lines;
		uint8_t host;
		uint16_t port;
		bool from_trusted, originating, passed_before;
		const char *user; /* NULL: 403 */
		bool is_served;
	} callers[] = {
		{HIDDEN, "", 1, 6000, false, true, false, ALICE, true},
		{HIDDEN, "", 1, 6000, false, true, true, ALICE,
		 true}, /* it says that it was here */
		{ALICE, "", 1, 6000, false, true, true, ALICE, true},
		{STRANGER, "", 1, 6000, false, true, false, ALICE, true},
		{"sip:bob@ims.example", "", 1, 6000, false, true, false, ALICE, true},
		{HIDDEN, "", 1, 6001, false, true, false, NULL, false},
		{HIDDEN, "", 9, 6000, false, true, false, NULL, false},
		{HIDDEN, "", 9, 6000, false, true, true, NULL, false},
		{HIDDEN, "", 2, 6500, false, true, false, NULL, false}, /* of two users */
		{HIDDEN, "", 2, 6501, false, true, false, "sip:one@ims.example", true},
		{"sip:two@ims.example", "", 2, 6500, false, true, false, "sip:two@ims.example",
		 true},
		{HIDDEN, PREFERS("sip:two@IMS.example;x"), 2, 6500, false, true, false,
		 "sip:two@ims.example", true},
		{HIDDEN, PREFERS("sip:two@ims.example"), 2, 6500, false, false, false,
		 "sip:two@ims.example", true},
		{"sip:one@ims.example", PREFERS("sip:two@ims.example"), 2, 6500, false, true, false,
		 "sip:two@ims.example", true},
		{HIDDEN, PREFERS("sip:bob@ims.example"), 1, 6000, false, true, false, ALICE, true},
		{HIDDEN, PREFERS("sip:bob@ims.example"), 9, 6000, false, true, false, NULL, false},
		{HIDDEN, "P-Preferred-Identity: nonsense\r\n", 1, 6000, false, true, false, ALICE,
		 true},
		/* without `orig` it is a request to the called user */
		{HIDDEN, "", 1, 6000, false, false, false, HIDDEN, false},
		/* a telephone in a trusted block; a P-CSCF that asserts */
		{HIDDEN, "", 1, 6000, true, true, false, ALICE, true},
		{HIDDEN, "", 9, 6000, true, true, false, HIDDEN, true},
		{HIDDEN, "P-Asserted-Identity: <sip:bob@ims.example>\r\n", 1, 6000, true, true,
		 false, "sip:bob@ims.example", true},
		{HIDDEN, "", 1, 6000, true, false, false, HIDDEN, false},
	};

	(void)state;
	bind("sip:one@ims.example", "sip:x@127.0.0.2:6500", "");
	bind("sip:one@ims.example", "sip:x@127.0.0.2:6501", "");
	bind("sip:two@ims.example", "sip:y@127.0.0.2:6500", "");
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		struct endpoint source = {
			.family = 4, .ip = {127, 0, 0, callers[i].host}, .port = callers[i].port};
		struct scscf_arrival arrival = {.source = &source,
						.from_trusted = callers[i].from_trusted,
						.originating = callers[i].originating,
						.passed_before = callers[i].passed_before};
		unsigned want = callers[i].user ? 0 : 403;

		serve("INVITE", "sip:bob@ims.example", callers[i].from, callers[i].lines, arrival);
		if (service.status != want ||
		    !(service.served & SERVES_CALLING) != !callers[i].is_served)
			fail_msg("row %zu: %u, served %u, %.*s", i, service.status, service.served,
				 TEXT_ARGS(service.calling_user));
		if (callers[i].user)
			check_text(service.calling_user, callers[i].user);
	}
}

/* @req IC-1 IC-17  Without a route for it a number of nobody is nobody. */
static void test_ic_17_a_number_without_a_route(void **state)
{
	(void)state;
	around.n_routes = 1; /* far.example */
	serve("INVITE", "tel:+99", ALICE, "", trusted);
	assert_int_equal(service.status, 404);
	serve("INVITE", "sip:+99@ims.example;user=phone", ALICE, "", trusted);
	assert_int_equal(service.status, 404);
	routes[0].domain =
		TEXT("IMS.example"); /* one for the home domain takes those in its form */
	serve("INVITE", "tel:+99", ALICE, "", trusted);
	assert_int_equal(service.status, 404);
	serve("INVITE", "sip:+99@ims.example;user=phone", ALICE, "", trusted);
	assert_int_equal(service.status, 0);
	assert_int_equal(service.targets[0].next_hop.port, 5060);
	serve("INVITE", "sip:99@ims.example", ALICE, "", trusted);
	assert_int_equal(service.status, 404);
}

static void test_px_14_px_1_who_is_served_and_where_it_goes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		serve("INVITE", row->uri, row->from, "", row->from_trusted ? trusted : untrusted);
		if (service.status != row->status || service.n_targets != row->n_targets)
			fail_msg("row %zu (%s): %u, %u targets", i, row->uri, service.status,
				 service.n_targets);
		if (row->status == 0 || row->status == 403)
			assert_int_equal(service.served, row->served);
		if (row->called_user)
			check_text(service.called_user, row->called_user);
		if (row->n_targets == 0)
			continue;
		check_text(service.targets[0].request_uri, row->request_uri);
		assert_int_equal(service.targets[0].next_hop.port, row->next_hop_port);
		assert_int_equal(endpoint_is_set(&service.targets[0].next_hop),
				 row->next_hop_port != 0);
	}
}

/* @req RG-5 */
static void test_rg_5_the_path_of_the_binding_goes_along(void **state)
{
	(void)state;
	serve("INVITE", "sip:bob@ims.example", ALICE, "", trusted);
	check_text(service.targets[0].path, "<sip:p1;lr>, <sip:p2;lr>");
	serve("INVITE", "tel:+1201555", ALICE, "", trusted);
	check_text(service.targets[0].path, "");
}

/* Preloaded routes decide, and are for trusted senders only. */
static void test_no_open_relay_by_routes(void **state)
{
	static const char *const uris[] = {"sip:bob@ims.example", "sip:x@far.example",
					   "sip:nobody@ims.example", "tel:+1201555"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct scscf_arrival arrival = {.from_trusted = true, .has_more_routes = true};

		serve("INVITE", uris[i], STRANGER, "Route: <sip:far;lr>\r\n", arrival);
		assert_int_equal(service.status, 0);
		assert_int_equal(service.n_targets, 1);
		assert_int_equal(service.targets[0].request_uri.len, 0); /* as it came */
		assert_int_equal(service.targets[0].path.len, 0);
		assert_false(endpoint_is_set(&service.targets[0].next_hop));
		arrival.from_trusted = false;
		serve("INVITE", uris[i], STRANGER, "Route: <sip:far;lr>\r\n", arrival);
		assert_int_equal(service.status, 403);
		assert_int_equal(service.n_targets, 0);
	}
}

/* RFC 5502, RFC 3325: the served user, then the asserted identity, then From; headers count from trusted addresses only. */
static void test_who_the_calling_user_is(void **state)
{
	static const struct {
		const char *lines;
		bool from_trusted;
		const char *user;
	} who[] = {
		{"", true, "sip:alice@ims.example"},
		{"P-Asserted-Identity: \"C\" <sip:carol@ims.example>, <tel:+1>\r\n", true,
		 "sip:carol@ims.example"},
		{"P-Asserted-Identity: <tel:+1-2>\r\n", true, "tel:+12"},
		{"P-Asserted-Identity: <sip:carol@ims.example>\r\nP-Served-User: "
		 "<sip:dan@ims.example>;sescase=orig\r\n",
		 true, "sip:dan@ims.example"},
		{"P-Asserted-Identity: <sip:carol@ims.example>\r\n", false,
		 "sip:alice@ims.example"},
		{"P-Served-User: <sip:dan@ims.example>\r\n", false, "sip:alice@ims.example"},
		{"P-Asserted-Identity: nonsense\r\n", true, "sip:alice@ims.example"},
		{"P-Served-User: <>\r\nP-Asserted-Identity: <sip:carol@ims.example>\r\n", true,
		 "sip:carol@ims.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		serve("INVITE", "sip:bob@ims.example", "sip:%61lice@IMS.example;x", who[i].lines,
		      who[i].from_trusted ? trusted : untrusted);
		check_text(service.calling_user, who[i].user);
	}
}

/* @req SC-6 SC-3  The calling side is served where our own orig route says so or the caller is registered, and only on the first passage. */
static void test_sc_3_when_the_calling_side_is_served(void **state)
{
	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		bool originating = bits & 1, registered = bits & 2, passed_before = bits & 4;
		struct scscf_arrival arrival = {.from_trusted = true,
						.originating = originating,
						.passed_before = passed_before};

		serve("INVITE", "sip:x@far.example", registered ? ALICE : STRANGER, "", arrival);
		assert_int_equal(service.served, !passed_before && (originating || registered)
							 ? SERVES_CALLING
							 : 0);
	}
}

/* @req RG-6  Every contact is a target, up to the bound on branches. */
static void test_rg_6_all_contacts_ring(void **state)
{
	(void)state;
	for (unsigned n = 2; n <= LIMIT_CONTACTS_OF_USER; n++) {
		char contact[64];
		unsigned seen = 0;

		snprintf(contact, sizeof(contact), "sip:bob@127.0.0.1:%u", 7000 + n);
		bind("sip:bob@ims.example", contact, "");
		serve("INVITE", "sip:bob@ims.example", ALICE, "", trusted);
		assert_int_equal(service.n_targets, n < LIMIT_BRANCHES ? n : LIMIT_BRANCHES);
		for (unsigned i = 0; i < service.n_targets; i++)
			for (unsigned j = 0; j < i; j++)
				seen += text_equal(service.targets[i].request_uri,
						   service.targets[j].request_uri);
		assert_int_equal(seen, 0);
	}
}

/* Addresses that are as long as they may be, with characters that grow when they are written as an address of record. */
static void test_long_addresses_do_not_overflow(void **state)
{
	char uri[LIMIT_URI_BYTES + 1], from[LIMIT_URI_BYTES + 1];

	(void)state;
	memset(uri, '(', sizeof(uri));
	memcpy(uri, "sip:", 4);
	memcpy(uri + sizeof(uri) - 14, "@ims.example", 13);
	memset(from, 'x', sizeof(from));
	memcpy(from, "sip:", 4);
	memcpy(from + sizeof(from) - 14, "@ims.example", 13);
	serve("INVITE", uri, from, "", trusted);
	assert_int_equal(service.status, 404);
	assert_true(service.calling_user.len > 1000);
	assert_true(service.called_user.len > 1000);
}

static void test_home_domains_have_no_case(void **state)
{
	(void)state;
	assert_true(scscf_is_home_domain(&around, TEXT("IMS.EXAMPLE")));
	assert_true(scscf_is_home_domain(&around, TEXT("second.example")));
	assert_false(scscf_is_home_domain(&around, TEXT("ims.example.")));
	assert_false(scscf_is_home_domain(&around, TEXT("xims.example")));
	assert_false(scscf_is_home_domain(&around, TEXT("")));
}

/* ---------------------------------------------------------------- with subscribers */

static struct subscribers *users;

struct wanted_criteria {
	const char *server;
	unsigned priority;
	int on_case; /* -1: any */
	enum profile_part part;
};

static const struct service_profile *profile_of(const struct wanted_criteria *list, unsigned n)
{
	struct service_profile *profile = subscribers_take(users, sizeof(*profile));
	struct filter_criteria *criteria = subscribers_take(users, (n + 1) * sizeof(*criteria));
	uint16_t *group = subscribers_take(users, sizeof(*group));

	for (unsigned i = 0; i < n; i++) {
		struct service_point *point = subscribers_take(users, sizeof(*point));

		*point = (struct service_point){.kind = SERVICE_POINT_SESSION_CASE,
						.session_case = (uint8_t)list[i].on_case,
						.n_groups = 1,
						.groups = group};
		criteria[i] = (struct filter_criteria){.priority = list[i].priority,
						       .ordinal = (uint16_t)i,
						       .profile_part = (uint8_t)list[i].part,
						       .trigger = {.is_cnf = true,
								   .n_points = list[i].on_case >= 0,
								   .points = point},
						       .server = {.uri = text_of(list[i].server)}};
	}
	*profile = (struct service_profile){.n = n, .criteria = criteria};
	return profile;
}

/* One subscriber with up to two identities. */
static void subscribe_user(const char *user, const char *also, bool barred,
			   const struct wanted_criteria *list, unsigned n)
{
	struct subscriber *s = subscribers_take(users, sizeof(*s));
	struct public_identity *ids = subscribers_take(users, 2 * sizeof(*ids));
	const struct service_profile *profile = profile_of(list, n);
	struct text duplicate;

	for (unsigned i = 0; i < 2; i++)
		ids[i] = (struct public_identity){.user = text_of(i ? also : user),
						  .is_barred = barred,
						  .profile = profile,
						  .subscriber = s};
	*s = (struct subscriber){
		.private_identity = TEXT("p"), .n_identities = also ? 2 : 1, .identities = ids};
	assert_int_equal(subscribers_add(users, s, &duplicate), SUBSCRIBERS_DONE);
}

static int set_up_with_users(void **state)
{
	static const struct wanted_criteria calls[] = {
		{"sip:a1", 1, ORIGINATING_REGISTERED, PROFILE_PART_BOTH},
		{"sip:a2", 2, ORIGINATING_REGISTERED, PROFILE_PART_BOTH}};
	static const struct wanted_criteria is_called[] = {
		{"sip:b1", 1, TERMINATING_REGISTERED, PROFILE_PART_BOTH},
		{"sip:b2", 1, TERMINATING_REGISTERED, PROFILE_PART_BOTH},
		{"sip:b3", 7, ORIGINATING_CDIV, PROFILE_PART_BOTH}};
	static const struct wanted_criteria away[] = {
		{"sip:reg", 1, -1, PROFILE_PART_REGISTERED},
		{"sip:unreg", 2, -1, PROFILE_PART_UNREGISTERED},
		{"sip:both", 3, -1, PROFILE_PART_BOTH}};

	users = subscribers_open();
	if (set_up(state) || !users)
		return -1;
	subscribe_user("sip:alice@ims.example", "tel:+1202", false, calls, 2);
	subscribe_user("sip:bob@ims.example", "tel:+1303", false, is_called, 3);
	subscribe_user("sip:erin@ims.example", NULL, false, away, 3);
	subscribe_user("sip:here@ims.example", NULL, false, away, 3);
	subscribe_user("sip:quiet@ims.example", NULL, false, NULL, 0);
	subscribe_user("sip:barred@ims.example", NULL, true, calls, 2);
	bind("sip:here@ims.example", "sip:here@127.0.0.1:7500", "");
	bind("sip:barred@ims.example", "sip:barred@127.0.0.1:7600", "");
	around.subscribers = users;
	return 0;
}

static int tear_down_with_users(void **state)
{
	subscribers_close(users);
	users = NULL;
	return tear_down(state);
}

#define TRUSTED                                                                                    \
	{                                                                                          \
		.from_trusted = true                                                               \
	}
#define ORIG                                                                                       \
	{                                                                                          \
		.from_trusted = true, .originating = true                                          \
	}
#define SPIRAL                                                                                     \
	{                                                                                          \
		.from_trusted = true, .passed_before = true                                        \
	}
#define NO_SERVER NULL, 0, NULL

/* @req IC-1 IC-7 */
static const struct {
	const char *from, *uri;
	struct scscf_arrival arrival;
	unsigned status, served;
	const char *server;
	enum session_case session_case;
	const char *served_user;
	bool is_registered;
} served_rows[] = {
	/* the calling user: registered, or named by `orig` */
	{ALICE, "sip:bob@ims.example", TRUSTED, 0, SERVES_CALLING, "sip:a1", ORIGINATING_REGISTERED,
	 ALICE, true},
	{ALICE, "sip:x@far.example", ORIG, 0, SERVES_CALLING, "sip:a1", ORIGINATING_REGISTERED,
	 ALICE, true},
	{"tel:+1-202", "sip:x@far.example", TRUSTED, 0, SERVES_CALLING, "sip:a1",
	 ORIGINATING_REGISTERED, "tel:+1202", true}, /* another identity of the set */
	{"sip:erin@ims.example", "sip:bob@ims.example", ORIG, 0, SERVES_CALLING, "sip:unreg",
	 ORIGINATING_UNREGISTERED, "sip:erin@ims.example", false},
	{"sip:here@ims.example", "sip:bob@ims.example", ORIG, 0, SERVES_CALLING, "sip:reg",
	 ORIGINATING_REGISTERED, "sip:here@ims.example", true},
	{"sip:barred@ims.example", "sip:bob@ims.example", TRUSTED, 403, SERVES_CALLING, NO_SERVER,
	 0},
	{"sip:barred@ims.example", "sip:bob@ims.example", ORIG, 403, SERVES_CALLING, NO_SERVER, 0},
	{"sip:nobody@ims.example", "sip:bob@ims.example", ORIG, 403, SERVES_CALLING, NO_SERVER, 0},
	{"sip:guest@far.example", "sip:bob@ims.example", TRUSTED, 403, SERVES_CALLING, NO_SERVER,
	 0}, /* registered from the file, and no subscriber */
	/* not served: then only the called user is */
	{"sip:erin@ims.example", "sip:bob@ims.example", TRUSTED, 0, SERVES_CALLED, "sip:b1",
	 TERMINATING_REGISTERED, "sip:bob@ims.example", true},
	{ALICE, "sip:bob@ims.example", SPIRAL, 0, SERVES_CALLED, "sip:b1", TERMINATING_REGISTERED,
	 "sip:bob@ims.example", true},
	{"sip:barred@ims.example", "sip:bob@ims.example", SPIRAL, 0, SERVES_CALLED, "sip:b1",
	 TERMINATING_REGISTERED, "sip:bob@ims.example", true},
	/* the called user */
	{STRANGER,
	 "sip:bob@ims.example",
	 {0},
	 0,
	 SERVES_CALLED,
	 "sip:b1",
	 TERMINATING_REGISTERED,
	 "sip:bob@ims.example",
	 true},
	{STRANGER,
	 "sip:b%6fb@IMS.example;x=1",
	 {0},
	 0,
	 SERVES_CALLED,
	 "sip:b1",
	 TERMINATING_REGISTERED,
	 "sip:bob@ims.example",
	 true},
	{STRANGER, "sip:erin@ims.example", TRUSTED, 0, SERVES_CALLED, "sip:unreg",
	 TERMINATING_UNREGISTERED, "sip:erin@ims.example", false},
	{STRANGER, "sip:here@ims.example", TRUSTED, 0, SERVES_CALLED, "sip:reg",
	 TERMINATING_REGISTERED, "sip:here@ims.example", true},
	{STRANGER, "sip:quiet@ims.example", TRUSTED, 480, 0, NO_SERVER, 0},
	{STRANGER, "sip:barred@ims.example", TRUSTED, 404, 0, NO_SERVER, 0},
	{STRANGER, "sip:nobody@ims.example", TRUSTED, 404, 0, NO_SERVER, 0},
	/* nobody of ours */
	{STRANGER, "sip:x@far.example", TRUSTED, 0, 0, NO_SERVER, 0},
	{STRANGER, "sip:x@far.example", {0}, 403, 0, NO_SERVER, 0},
};

static void test_ic_1_ic_7_whose_service_control_begins(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(served_rows) / sizeof(served_rows[0]); i++) {
		const char *server = served_rows[i].server;

		serve("INVITE", served_rows[i].uri, served_rows[i].from, "",
		      served_rows[i].arrival);
		if (service.status != served_rows[i].status ||
		    service.served != served_rows[i].served ||
		    (service.criteria != NULL) != (server != NULL))
			fail_msg("row %zu: %u, served %u, server %d", i, service.status,
				 service.served, service.criteria != NULL);
		if (!server)
			continue;
		check_text(service.criteria->server.uri, server);
		check_text(service.served_user, served_rows[i].served_user);
		assert_int_equal(service.session_case, served_rows[i].session_case);
		assert_int_equal(service.is_registered, served_rows[i].is_registered);
		assert_int_equal(service.n_targets, 0);
	}
}

/* The passage that sent the request to the server of service.criteria. */
static struct service_passage sent_to_server(const char *uri)
{
	struct service_passage passage = {.at_server = true};
	struct text texts[PASSAGE_TEXTS] = {
		[PASSAGE_SERVED_USER] = service.served_user, [PASSAGE_REQUEST_URI] = text_of(uri)};

	assert_non_null(service.criteria);
	assert_true(packed_text_build(&passage.texts, store, texts, passage.slices, PASSAGE_TEXTS));
	passage.session_case = (uint8_t)service.session_case;
	passage.position = (struct filter_position){.is_set = true,
						    .ordinal = service.criteria->ordinal,
						    .priority = service.criteria->priority};
	return passage;
}

/* Back from the server: what it made of From and Request-URI. */
static void come_back(const char *sent_uri, const char *from, const char *uri)
{
	struct service_passage passage = sent_to_server(sent_uri);
	struct scscf_arrival arrival = {
		.from_trusted = true, .passed_before = true, .resumed = &passage};

	/* The service's texts are views into those of the passage, which live until the store is closed. */
	serve("INVITE", uri, from, "", arrival);
}

static void check_server(const char *uri)
{
	if (!service.criteria)
		fail_msg("no server, not %s (status %u, %u targets)", uri, service.status,
			 service.n_targets);
	check_text(service.criteria->server.uri, uri);
}

/* @req IC-7 IC-2  One after the other, the calling user's first, in the order of priority and then of the file; then the
 * contacts. */
static void test_ic_7_all_servers_in_their_order(void **state)
{
	static const char *const order[] = {"sip:a1", "sip:a2", "sip:b1", "sip:b2"};
	static const uint8_t sides[][2] = {
		{SIDE_IS_USER, SIDE_IS_SERVER_OF_CALLING},
		{SIDE_IS_SERVER_OF_CALLING, SIDE_IS_SERVER_OF_CALLING},
		{SIDE_IS_SERVER_OF_CALLING, SIDE_IS_SERVER_OF_CALLED},
		{SIDE_IS_SERVER_OF_CALLED, SIDE_IS_SERVER_OF_CALLED},
		{SIDE_IS_SERVER_OF_CALLED, SIDE_IS_USER},
	};
	const char *bob = "sip:bob@ims.example";

	(void)state;
	serve("INVITE", bob, ALICE, "", trusted);
	for (unsigned i = 0; i < 4; i++) {
		check_server(order[i]);
		assert_memory_equal(service.sides, sides[i], 2);
		assert_int_equal(service.is_diverted, false);
		come_back(bob, ALICE, bob);
	}
	assert_null(service.criteria);
	assert_memory_equal(service.sides, sides[4], 2);
	assert_int_equal(service.status, 0);
	assert_int_equal(service.n_targets, 1);
	check_text(service.targets[0].request_uri, "sip:bob@127.0.0.1:7000");
}

/* @req IC-2  An originating request comes back with another From and another Request-URI: it is still alice's, behind the same
 * criteria, and goes to whom it now names. */
static void test_ic_2_whatever_the_server_changed(void **state)
{
	static const char *const froms[] = {ALICE, STRANGER, "sip:bob@ims.example",
					    "sip:barred@ims.example"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		serve("INVITE", "sip:bob@ims.example", ALICE, "", trusted);
		come_back("sip:bob@ims.example", froms[i], "sip:here@ims.example");
		check_server("sip:a2");
		assert_int_equal(service.session_case, ORIGINATING_REGISTERED);
		assert_int_equal(service.served, SERVES_CALLING);
		come_back("sip:here@ims.example", froms[i], "sip:x@far.example");
		assert_null(service.criteria);
		assert_int_equal(service.status, 0);
		assert_int_equal(service.targets[0].next_hop.port, 5060);
		assert_int_equal(service.is_diverted, false);
		assert_int_equal(service.sides[SIDE_CALLING], SIDE_IS_SERVER_OF_CALLING);
		assert_int_equal(service.sides[SIDE_CALLED], SIDE_IS_OUTSIDE);
	}
}

/* @req IC-3 IC-3a  Which changes of the Request-URI are a diversion: those to another user, however it is written; and where it
 * goes then. */
static void test_ic_3_diversions(void **state)
{
	static const struct {
		const char *uri;
		bool is_diverted;
	} changes[] = {
		{"sip:bob@ims.example", false},
		{"sip:b%6Fb@IMS.Example", false},
		{"sip:bob@ims.example;x=1", false},
		{"sip:bob@ims.example;user=phone", false},
		{"sip:bob@ims.example:5060", false},
		{"sip:carol@ims.example", true},
		{"sip:bob@ims.example;transport=udp", false},
		{"tel:+1303", false},
		{"sip:+1303@ims.example;user=phone", false},
		{"sip:bob@far.example", true},
		{"sip:bobby@ims.example:5060", true},
		{"sip:here@ims.example", true},
		{"tel:+1202", true},
		{"sip:x@far.example", true},
		{"sip:barred@ims.example", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		serve("INVITE", "sip:bob@ims.example", STRANGER, "", trusted);
		check_server("sip:b1");
		come_back("sip:bob@ims.example", STRANGER, changes[i].uri);
		if (service.is_diverted != changes[i].is_diverted)
			fail_msg("%s: %d", changes[i].uri, service.is_diverted);
		assert_int_equal(service.served, SERVES_CALLED);
		assert_int_equal(service.sides[SIDE_CALLING], SIDE_IS_SERVER_OF_CALLED);
		check_server(changes[i].is_diverted ? "sip:b3" : "sip:b2");
		assert_int_equal(service.session_case, changes[i].is_diverted
							       ? ORIGINATING_CDIV
							       : TERMINATING_REGISTERED);
		check_text(service.served_user, "sip:bob@ims.example");
	}
}

/* @req IC-3 IC-7  Behind the diverting user's servers the new user is served from its beginning; nowhere else is the caller's
 * half begun anew. */
static void test_ic_3_behind_a_diversion(void **state)
{
	static const struct {
		const char *uri, *server;
		unsigned status, n_targets;
	} behind[] = {
		{"sip:here@ims.example", "sip:reg", 0, 0},
		{"sip:erin@ims.example", "sip:unreg", 0, 0},
		{"sip:quiet@ims.example", NULL, 480, 0},
		{"sip:barred@ims.example", NULL, 404, 0},
		{"sip:nobody@ims.example", NULL, 404, 0},
		{"sip:x@far.example", NULL, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		serve("INVITE", "sip:bob@ims.example", ALICE, "", (struct scscf_arrival)SPIRAL);
		come_back("sip:bob@ims.example", ALICE, behind[i].uri);
		check_server("sip:b3");
		come_back(behind[i].uri, ALICE, behind[i].uri);
		assert_int_equal(service.status, behind[i].status);
		assert_int_equal(service.n_targets, behind[i].n_targets);
		if (behind[i].server)
			check_server(behind[i].server);
		else
			assert_null(service.criteria);
		assert_int_equal(service.served & SERVES_CALLING, 0);
	}
}

/* @req IC-7 IC-3  After a diversion of a user who is not registered the unregistered part of its profile counts. */
static void test_ic_7_the_diversion_of_an_unregistered_user(void **state)
{
	static const char *const diverting[] = {"sip:erin@ims.example", "sip:here@ims.example"};

	(void)state;
	for (unsigned is_registered = 0; is_registered < 2; is_registered++) {
		serve("INVITE", diverting[is_registered], STRANGER, "", trusted);
		check_server(is_registered ? "sip:reg" : "sip:unreg");
		come_back(diverting[is_registered], STRANGER, "sip:x@far.example");
		assert_int_equal(service.session_case, ORIGINATING_CDIV);
		check_server(is_registered ? "sip:reg" : "sip:unreg");
		come_back("sip:x@far.example", STRANGER, "sip:x@far.example");
		check_server("sip:both");
		come_back("sip:x@far.example", STRANGER, "sip:x@far.example");
		assert_null(service.criteria);
		assert_int_equal(service.n_targets, 1);
	}
}

/* @req IC-2  The called user registered, or went, while the request was with a server: the position holds in the other part
 * too. */
static void test_ic_2_the_registration_changes_meanwhile(void **state)
{
	(void)state;
	serve("INVITE", "sip:erin@ims.example", STRANGER, "", trusted);
	check_server("sip:unreg");
	bind("sip:erin@ims.example", "sip:erin@127.0.0.1:7700", "");
	come_back("sip:erin@ims.example", STRANGER, "sip:erin@ims.example");
	check_server("sip:both");
	assert_int_equal(service.session_case, TERMINATING_REGISTERED);
	come_back("sip:erin@ims.example", STRANGER, "sip:erin@ims.example");
	check_text(service.targets[0].request_uri, "sip:erin@127.0.0.1:7700");
}

/* @req SC-7  Which contact a call is made from: the one that the request names, else the only one. */
static void test_sc_7_the_contact_that_the_caller_uses(void **state)
{
	static const struct {
		const char *contact;
		unsigned n; /* contacts of alice */
		const char *want;
	} uses[] = {
		{"Contact: <sip:alice@127.0.0.1:6000>\r\n", 1, "sip:alice@127.0.0.1:6000"},
		{"Contact: <sip:else@127.0.0.1:1>\r\n", 1, "sip:alice@127.0.0.1:6000"},
		{"", 1, "sip:alice@127.0.0.1:6000"},
		{"Contact: <sip:alice@127.0.0.1:6000>\r\n", 2, "sip:alice@127.0.0.1:6000"},
		{"Contact: \"A\" <sip:alice@127.0.0.1:6009>;q=1\r\n", 2,
		 "sip:alice@127.0.0.1:6009"},
		{"Contact: <sip:else@127.0.0.1:1>\r\n", 2, NULL},
		{"", 2, NULL},
		{"Contact: nonsense\r\n", 2, NULL},
	};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		const struct binding *binding;

		assert_int_equal(tear_down_with_users(state), 0);
		assert_int_equal(set_up_with_users(state), 0);
		if (uses[i].n == 2)
			bind("sip:alice@ims.example", "sip:alice@127.0.0.1:6009", "");
		serve("INVITE", "sip:bob@ims.example", ALICE, uses[i].contact, trusted);
		binding = binding_at(&bindings, service.calling_contact);
		if (!uses[i].want) {
			assert_null(binding);
			continue;
		}
		if (!binding)
			fail_msg("row %zu: no contact", i);
		check_text(binding_text(binding, BINDING_CONTACT), uses[i].want);
	}
	/* who is not served calls from none of ours */
	serve("INVITE", "sip:bob@ims.example", STRANGER, "", trusted);
	assert_false(handle_is_set(service.calling_contact));
}

/* @req IC-3a  What only a wildcard stands for is a user of its own: another match of it is a diversion. */
static void test_ic_3a_matches_of_a_wildcard_are_different_users(void **state)
{
	static const struct wanted_criteria calls[] = {
		{"sip:term", 1, TERMINATING_UNREGISTERED, PROFILE_PART_BOTH},
		{"sip:next", 2, TERMINATING_UNREGISTERED, PROFILE_PART_BOTH},
		{"sip:cdiv", 3, ORIGINATING_CDIV, PROFILE_PART_BOTH}};
	struct subscriber *s = subscribers_take(users, sizeof(*s));
	struct public_identity *identity = subscribers_take(users, 2 * sizeof(*identity));
	struct text duplicate;
	char why[100];

	(void)state;
	*identity = (struct public_identity){
		.wildcard = subscribers_take_wildcard(users, TEXT("sip:list-!.*!@ims.example"), why,
						      sizeof(why)),
		.profile = profile_of(calls, 3),
		.subscriber = s};
	assert_non_null(identity->wildcard);
	identity->user = identity->wildcard->whole;
	identity[1] = (struct public_identity){.user = TEXT("sip:office@ims.example"),
					       .profile = identity->profile,
					       .subscriber = s};
	*s = (struct subscriber){
		.private_identity = TEXT("p"), .n_identities = 2, .identities = identity};
	assert_int_equal(subscribers_add(users, s, &duplicate), SUBSCRIBERS_DONE);
	serve("INVITE", "sip:list-1@ims.example", STRANGER, "", trusted);
	check_server("sip:term");
	come_back("sip:list-1@ims.example", STRANGER, "sip:list-1@ims.example:5060");
	assert_false(service.is_diverted);
	check_server("sip:next");
	for (unsigned i = 0; i < 2; i++) {
		serve("INVITE", "sip:list-1@ims.example", STRANGER, "", trusted);
		come_back("sip:list-1@ims.example", STRANGER,
			  i ? "sip:office@ims.example" : "sip:list-2@ims.example");
		assert_true(service.is_diverted);
		check_server("sip:cdiv");
	}
}

/* @req SC-7b  The Contact need not be the registered one letter by letter; what only the address can say it says. */
static void test_sc_7b_a_contact_that_was_written_otherwise(void **state)
{
	static const struct {
		const char *contact;
		enum transport transport;
		uint8_t host;
		uint16_t port;
		const char *want;
	} uses[] = {
		{"<sip:alice@127.0.0.1:6009;transport=udp>", TRANSPORT_UDP, 9, 1,
		 "sip:alice@127.0.0.1:6009"},
		{"<sip:alice@127.0.0.1:6009;ob>;+sip.instance=\"x\"", TRANSPORT_UDP, 1, 6000,
		 "sip:alice@127.0.0.1:6009"},
		{"<sip:alice@127.0.0.5;x=y>", TRANSPORT_UDP, 9, 1, "sip:alice@127.0.0.5:5060"},
		{"<sip:alice@ims.example;gr=urn:uuid:1>", TRANSPORT_UDP, 1, 6009,
		 "sip:alice@127.0.0.1:6009"},
		{"<sip:alice@ims.example;gr>", TRANSPORT_UDP, 5, 5060, "sip:alice@127.0.0.5:5060"},
		{"<sip:alice@ims.example;gr>", TRANSPORT_TCP, 5, 40000, "sip:alice@127.0.0.5:5060"},
		{"<sip:alice@ims.example;gr>", TRANSPORT_TCP, 1, 40000, NULL}, /* two are there */
		{"<sip:alice@ims.example;gr>", TRANSPORT_UDP, 1, 40000, NULL},
		{"<sip:bob@127.0.0.1:6009;transport=udp>", TRANSPORT_UDP, 9, 1, NULL},
		{"<tel:+1>", TRANSPORT_UDP, 1, 6000, "sip:alice@127.0.0.1:6000"},
	};

	(void)state;
	bind("sip:alice@ims.example", "sip:alice@127.0.0.1:6009", "");
	bind("sip:alice@ims.example", "sip:alice@127.0.0.5:5060", "");
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct endpoint source = {.transport = (uint8_t)uses[i].transport,
					  .family = 4,
					  .ip = {127, 0, 0, uses[i].host},
					  .port = uses[i].port};
		struct scscf_arrival arrival = {.from_trusted = true, .source = &source};
		const struct binding *binding;
		char line[200];

		snprintf(line, sizeof(line), "Contact: %s\r\n", uses[i].contact);
		serve("INVITE", "sip:bob@ims.example", ALICE, line, arrival);
		binding = binding_at(&bindings, service.calling_contact);
		if (!binding != !uses[i].want)
			fail_msg("row %zu: %d", i, binding != NULL);
		if (binding)
			check_text(binding_text(binding, BINDING_CONTACT), uses[i].want);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define TEST_WITH_USERS(f)                                                                         \
	cmocka_unit_test_setup_teardown(f, set_up_with_users, tear_down_with_users)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ic_1_only_its_contact_speaks_for_a_user),
		TEST(test_ic_1_a_caller_that_hides_is_its_device),
		TEST(test_ic_17_a_number_without_a_route),
		TEST(test_px_14_px_1_who_is_served_and_where_it_goes),
		TEST(test_rg_5_the_path_of_the_binding_goes_along),
		TEST(test_no_open_relay_by_routes),
		TEST(test_who_the_calling_user_is),
		TEST(test_sc_3_when_the_calling_side_is_served),
		TEST(test_rg_6_all_contacts_ring),
		TEST(test_long_addresses_do_not_overflow),
		TEST(test_home_domains_have_no_case),
		TEST_WITH_USERS(test_ic_1_ic_7_whose_service_control_begins),
		TEST_WITH_USERS(test_ic_7_all_servers_in_their_order),
		TEST_WITH_USERS(test_ic_2_whatever_the_server_changed),
		TEST_WITH_USERS(test_ic_3_diversions),
		TEST_WITH_USERS(test_ic_3_behind_a_diversion),
		TEST_WITH_USERS(test_ic_7_the_diversion_of_an_unregistered_user),
		TEST_WITH_USERS(test_ic_2_the_registration_changes_meanwhile),
		TEST_WITH_USERS(test_ic_3a_matches_of_a_wildcard_are_different_users),
		TEST_WITH_USERS(test_sc_7_the_contact_that_the_caller_uses),
		TEST_WITH_USERS(test_sc_7b_a_contact_that_was_written_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
