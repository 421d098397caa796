/* Who calls and whom, at the level of bytes: a device without a P-CSCF that hides who it is, the many ways to write one
 * user, numbers that go elsewhere, and what is left of that when the call is released. */
#include "through_servers.h"

static struct endpoint outside(uint8_t last_byte, uint16_t port)
{
	struct endpoint e = wire_address(TRANSPORT_UDP, port);

	e.ip[3] = last_byte;
	return e;
}

/* Only 127.0.0.1 is trusted: others are devices without a P-CSCF, or strangers. */
static void one_trusted(struct node_settings *settings)
{
	settings->subscribers = served_users;
	settings->trusted[0] =
		(struct node_prefix){.address = wire_address(TRANSPORT_UDP, 0), .bits = 32};
}

static void one_trusted_with_a_route(struct node_settings *settings)
{
	one_trusted(settings);
	settings->routes[0] = (struct node_route){.domain = TEXT("*"),
						  .next_hop = wire_address(TRANSPORT_UDP, 9500)};
	settings->n_routes = 1;
}

/* alice (with a server) and carol at addresses that nobody trusts. */
static void open_outside(struct scene *s, void (*change)(struct node_settings *))
{
	static const struct test_criteria a[] = {{.uri = URI(8001)}};

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 1);
	served_add("sip:bob@ims.example", NULL, 0);
	served_add("sip:carol@ims.example", NULL, 0);
	served_add("tel:+1202", NULL, 0);
	scene_open_with(s, change);
	scene_hop(s, A1);
	wire_bind(&s->wire, "sip:alice@ims.example", "sip:alice@127.0.0.8:6000");
	wire_bind(&s->wire, "sip:carol@ims.example", "sip:carol@127.0.0.9:7100");
	wire_bind(&s->wire, "tel:+1202", "sip:n@127.0.0.1:7300");
}

static void feed(struct scene *s, struct endpoint source, const char *method, const char *uri,
		 const char *from, const char *lines)
{
	unsigned n = ++s->branches;

	wire_feed_from(&s->wire, source,
		       "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.%u:%u;branch=z9hG4bKf%u\n"
		       "Max-Forwards: 70\nFrom: <%s>;tag=a\nTo: <%s>\nCall-ID: f%u\nCSeq: 1 %s\n"
		       "Contact: <sip:x@127.0.0.%u:%u>\n%sContent-Length: 0\n\n",
		       method, uri, source.ip[3], source.port, n, from, uri, n, method,
		       source.ip[3], source.port, lines);
}

#define ORIG   "Route: <sip:127.0.0.1:5060;lr;orig>\n"
#define HIDDEN "sip:anonymous@anonymous.invalid"

/* ---------------------------------------------------------------- IC-1 */

/* @req IC-1  The services of a device that hides its user run all the same; nobody else gets past the calling side with `orig`, and
 * the identity that was preferred is told to nobody. */
static void test_ic_1_hidden_callers(void **state)
{
	static const struct {
		const char *from, *lines;
		uint8_t host;
		bool is_served;
		const char *status; /* to the caller, when the call goes nowhere */
	} rows[] = {
		{"sip:alice@ims.example", ORIG, 8, true, NULL},
		{HIDDEN, ORIG, 8, true, NULL},
		{HIDDEN, ORIG "Privacy: id\nP-Preferred-Identity: <sip:alice@ims.example>\n", 8,
		 true, NULL},
		{HIDDEN, "P-Preferred-Identity: <sip:alice@ims.example>\n", 8, true, NULL},
		{HIDDEN, ORIG "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKad-0-1-1-77\n", 8,
		 true, NULL},
		{HIDDEN, ORIG, 7, false, "SIP/2.0 403"},
		{"sip:alice@ims.example", ORIG, 7, false, "SIP/2.0 403"},
		{HIDDEN, ORIG "P-Preferred-Identity: <sip:alice@ims.example>\n", 7, false,
		 "SIP/2.0 403"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		open_outside(&s, one_trusted);
		feed(&s, outside(rows[i].host, 6000), "INVITE", "sip:bob@ims.example", rows[i].from,
		     rows[i].lines);
		settle(&s);
		if (count_to(&s, A1, "INVITE") != rows[i].is_served ||
		    count_to(&s, BOB, "INVITE") != (rows[i].status ? 0u : 1u))
			fail_msg("row %zu: %u to the server, %u to bob", i,
				 count_to(&s, A1, "INVITE"), count_to(&s, BOB, "INVITE"));
		if (rows[i].status)
			last(&s, 6000, rows[i].status);
		else
			wire_check_header(last(&s, BOB, "INVITE"), "P-Preferred-Identity", NULL);
		if (rows[i].is_served)
			wire_check_header(last(&s, A1, "INVITE"), "P-Served-User",
					  "<sip:alice@ims.example>;sescase=orig;regstate=reg");
		assert_int_equal(wire_counters(&s.wire)->not_trusted, rows[i].status != NULL);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- IC-3a */

/* @req IC-3a  A B2BUA of bob writes his address otherwise: his terminating services go on behind it, and he is called once. */
static void test_ic_3a_a_server_writes_the_user_otherwise(void **state)
{
	static const char *const forms[] = {
		"sip:bob@ims.example:5060", "sip:bob@ims.example;transport=udp",
		"sip:bob@ims.example;user=phone", "sip:%62ob@IMS.example"};
	static const struct test_criteria b[] = {
		{.uri = URI(8101), .on_case = 1 + TERMINATING_REGISTERED},
		{.uri = URI(8102), .on_case = 1 + TERMINATING_REGISTERED},
		{.uri = URI(8103), .on_case = 1 + ORIGINATING_CDIV}};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct scene s;

		served_users = subscribers_open();
		served_add("sip:alice@ims.example", NULL, 0);
		served_add("sip:bob@ims.example", b, 3);
		scene_open(&s);
		scene_hop(&s, B2);
		wire_invite(&s.wire, "c1", "");
		pass_on(&s, B1, last(&s, B1, "INVITE"),
			(struct change){.request_uri = forms[i],
					.is_b2bua = true,
					.call_id = "c2",
					.from_tag = "x"});
		settle(&s);
		assert_int_equal(count_to(&s, B1, "INVITE"), 1);
		assert_int_equal(count_to(&s, B2, "INVITE"), 1);
		assert_int_equal(count_to(&s, 8103, "INVITE"), 0);
		if (count_to(&s, BOB, "INVITE sip:bob@127.0.0.1:7000 ") != 1)
			fail_msg("%s", forms[i]);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- IC-17 */

/* @req IC-17  A number of nobody goes along the route for it, as it came; one of ours is found in both forms. */
static void test_ic_17_numbers(void **state)
{
	static const struct {
		const char *uri;
		uint16_t port;
		const char *request;
	} rows[] = {
		{"tel:+4930123456", 9500, "INVITE tel:+4930123456 SIP/2.0\r\n"},
		{"sip:+4930123456@ims.example;user=phone", 9500,
		 "INVITE sip:+4930123456@ims.example;user=phone SIP/2.0\r\n"},
		{"sip:112@ims.example;user=phone", 9500,
		 "INVITE sip:112@ims.example;user=phone SIP/2.0\r\n"},
		{"sip:x@far.example", 9500, "INVITE sip:x@far.example SIP/2.0\r\n"},
		{"tel:+1-202", 7300, "INVITE sip:n@127.0.0.1:7300 SIP/2.0\r\n"},
		{"sip:+1202@ims.example;user=phone", 7300,
		 "INVITE sip:n@127.0.0.1:7300 SIP/2.0\r\n"},
		{"sip:+4930123456@ims.example", 6000, "SIP/2.0 404"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		open_outside(&s, one_trusted_with_a_route);
		feed(&s, outside(8, 6000), "INVITE", rows[i].uri, "sip:alice@ims.example", ORIG);
		settle(&s);
		if (!wire_last(&s.wire, rows[i].port, rows[i].request))
			fail_msg("row %zu: nothing to %u", i, rows[i].port);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- IC-16 */

/* @req IC-16  The called user hears which of its addresses was called, from nobody but us; who is no user of ours does not. */
static void test_ic_16_the_called_party(void **state)
{
	static const char *const methods[] = {"INVITE", "MESSAGE", "SUBSCRIBE"};
	static const struct {
		const char *uri;
		uint16_t port;
		const char *want;
	} rows[] = {
		{"sip:bob@ims.example;x=1", BOB, "<sip:bob@ims.example;x=1>"},
		{"sip:+1202@ims.example;user=phone", 7300, "<sip:+1202@ims.example;user=phone>"},
		{"tel:+1-202", 7300, "<tel:+1-202>"},
		{"sip:x@far.example", 9500, "<sip:mallory@ims.example>"},
	};

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		const char *method = methods[i % 3];
		struct scene s;

		open_outside(&s, one_trusted_with_a_route);
		feed(&s, outside(9, 7100), method, rows[i / 3].uri, "sip:carol@ims.example",
		     ORIG "P-Called-Party-ID: <sip:mallory@ims.example>\n");
		wire_check_header(last(&s, rows[i / 3].port, method), "P-Called-Party-ID",
				  rows[i / 3].want);
		scene_close(&s);
	}
}

/* @req IC-16  Addresses as long as they may be find their place. */
static void test_ic_16_a_long_address(void **state)
{
	char uri[LIMIT_URI_BYTES + 1], want[LIMIT_URI_BYTES + 3];
	struct scene s;

	(void)state;
	open_outside(&s, one_trusted);
	snprintf(uri, sizeof(uri), "sip:bob@ims.example;x=");
	memset(uri + strlen(uri), 'y', sizeof(uri) - 1 - strlen(uri));
	uri[sizeof(uri) - 1] = 0;
	snprintf(want, sizeof(want), "<%s>", uri);
	feed(&s, outside(9, 7100), "INVITE", uri, "sip:carol@ims.example", ORIG);
	wire_check_header(last(&s, BOB, "INVITE"), "P-Called-Party-ID", want);
	scene_close(&s);
}

/* ---------------------------------------------------------------- IC-18 */

static void feed_in_subscription(struct scene *s, struct endpoint source, const char *method,
				 bool by_carol, const char *route, unsigned cseq)
{
	const char *alice = "<sip:alice@ims.example>;tag=a",
		   *carol = "<sip:carol@ims.example>;tag=c";

	wire_feed_from(&s->wire, source,
		       "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.%u:%u;branch=z9hG4bKn%u\n"
		       "Max-Forwards: 70\nRoute: %s\nEvent: presence\n"
		       "Subscription-State: active\nTo: %s\nFrom: %s\nCall-ID: f1\nCSeq: %u %s\n"
		       "Contact: <sip:carol@127.0.0.9:7100>\nContent-Length: 0\n\n",
		       method, by_carol ? "sip:alice@127.0.0.8:6000" : "sip:carol@127.0.0.9:7100",
		       source.ip[3], source.port, ++s->branches, route, by_carol ? alice : carol,
		       by_carol ? carol : alice, cseq, method);
}

/* @req IC-18  A subscription between two devices without P-CSCFs: its requests pass in both directions; those of anybody else do
 * not. */
static void test_ic_18_a_subscription_between_two_devices(void **state)
{
	struct scene s;
	char route[500];

	(void)state;
	open_outside(&s, one_trusted);
	scene_hop(&s, A1)->leaves = true;
	feed(&s, outside(8, 6000), "SUBSCRIBE", "sip:carol@ims.example", "sip:alice@ims.example",
	     ORIG "Event: presence\n");
	settle(&s);
	wire_header(last(&s, CAROL, "SUBSCRIBE"), "Record-Route", 0, route, sizeof(route));
	scene_forget(&s);
	feed_in_subscription(&s, outside(7, 7100), "NOTIFY", true, route, 1);
	last(&s, 7100, "SIP/2.0 403");
	feed_in_subscription(&s, outside(9, 7101), "NOTIFY", true, route, 2);
	last(&s, 7101, "SIP/2.0 403");
	assert_int_equal(count_to(&s, ALICE, "NOTIFY"), 0);
	assert_int_equal(wire_counters(&s.wire)->not_trusted, 2);
	feed_in_subscription(&s, outside(9, 7100), "NOTIFY", true, route, 3);
	wire_check_header(last(&s, ALICE, "NOTIFY sip:alice@127.0.0.8:6000 "), "Route", NULL);
	feed_in_subscription(&s, outside(8, 6000), "SUBSCRIBE", false, route, 2);
	last(&s, CAROL, "SUBSCRIBE sip:carol@127.0.0.9:7100 ");
	assert_int_equal(wire_counters(&s.wire)->not_trusted, 2);
	scene_close(&s);
}

/* ---------------------------------------------------------------- SC-7b */

static void register_carol(struct scene *s, unsigned cseq, const char *contact)
{
	wire_feed(&s->wire, ALICE,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKr%u\nMax-Forwards: 70\n"
		  "From: <sip:carol@ims.example>;tag=f\nTo: <sip:carol@ims.example>\n"
		  "Call-ID: reg\nCSeq: %u REGISTER\nContact: %s\nContent-Length: 0\n\n",
		  cseq, cseq, contact);
}

/* @req SC-7b SC-7  A call whose Contact is written otherwise than the registered one, or is a GRUU, ends with the registration. */
static void test_sc_7b_a_call_ends_with_the_contact_it_came_from(void **state)
{
	static const char *const contacts[] = {"<sip:carol@127.0.0.1:6000>",
					       "<sip:carol@127.0.0.1:6000;transport=udp>",
					       "<sip:carol@ims.example;gr=urn:uuid:1>"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene s;
		struct party carol;

		served_users = subscribers_open();
		served_add("sip:carol@ims.example", NULL, 0);
		served_add("sip:bob@ims.example", NULL, 0);
		scene_open(&s);
		register_carol(&s, 1, "<sip:carol@127.0.0.1:6000>;expires=600");
		register_carol(&s, 2, "<sip:carol@127.0.0.1:6001>;expires=600");
		wire_feed(&s.wire, ALICE,
			  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKx1\nMax-Forwards: 70\n"
			  "From: <sip:carol@ims.example>;tag=a\nTo: <sip:bob@ims.example>\n"
			  "Call-ID: c1\nCSeq: 1 INVITE\nContact: %s\nContent-Length: 0\n\n",
			  contacts[i]);
		bob_answers(&s, "200 OK");
		party_of_caller(&carol, ALICE, last(&s, ALICE, "SIP/2.0 200 OK"));
		party_says(&s, &carol, "ACK", "");
		assert_int_equal(wire_counters(&s.wire)->sessions_confirmed, 1);
		register_carol(&s, 3, "<sip:carol@127.0.0.1:6001>;expires=0");
		wire_run(&s.wire, 100);
		assert_int_equal(count_new(&s, BOB, "BYE"), 0); /* the other one went */
		register_carol(&s, 4, "*\nExpires: 0");
		wire_run(&s.wire, 100);
		if (count_new(&s, BOB, "BYE") != 1)
			fail_msg("%s", contacts[i]);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- OP-2 */

static unsigned found_for(struct scene *s, const char *user)
{
	struct node_release_order order = {
		.selector = NODE_SELECT_USER, .user = text_of(user), .dry_run = true};
	struct node_release_progress progress;
	struct node_session_report report;
	uint64_t cursor = 0;
	unsigned listed = 0;
	uint32_t number = 0;

	assert_int_equal(node_release(s->wire.node, s->wire.now_ms, &order, &number),
			 NODE_RELEASE_ACCEPTED);
	wire_run(&s->wire, 1000);
	assert_true(node_release_progress(s->wire.node, number, &progress));
	assert_false(progress.running);
	while (node_sessions(s->wire.node, NODE_LIVE, text_of(user), 1000, &cursor, &report))
		listed += handle_is_set(report.id.handle);
	assert_int_equal(listed, progress.found);
	return progress.found;
}

static void served_add_two(const char *user, const char *also)
{
	struct subscriber *s = subscribers_take(served_users, sizeof(*s));
	struct public_identity *ids = subscribers_take(served_users, 2 * sizeof(*ids));
	struct text duplicate;

	for (unsigned i = 0; i < 2; i++)
		ids[i] = (struct public_identity){.user = text_of(i ? also : user),
						  .profile = served_profile(NULL, 0),
						  .subscriber = s};
	*s = (struct subscriber){
		.private_identity = TEXT("p"), .n_identities = 2, .identities = ids};
	assert_int_equal(subscribers_add(served_users, s, &duplicate), SUBSCRIBERS_DONE);
}

/* @req OP-2  A call is one of the user under every identity of its set, and one of whom it was diverted to. */
static void test_op_2_the_sessions_of_a_user(void **state)
{
	static const struct test_criteria b[] = {
		{.uri = URI(8101), .on_case = 1 + TERMINATING_REGISTERED}};
	static const struct {
		const char *user;
		unsigned n;
	} rows[] = {
		{"sip:alice@ims.example", 1},
		{"tel:+1201", 1},
		{"sip:bob@ims.example", 1},
		{"sip:carol@ims.example", 1},
		{"tel:+1203", 1},
		{"sip:erin@ims.example", 0},
		{"tel:+1299", 0},
		{"sip:nobody@ims.example", 0},
	};
	struct scene s;

	(void)state;
	served_users = subscribers_open();
	served_add_two("sip:alice@ims.example", "tel:+1201");
	served_add_two("sip:carol@ims.example", "tel:+1203");
	served_add_two("sip:erin@ims.example", "tel:+1299");
	served_add("sip:bob@ims.example", b, 1);
	scene_open(&s);
	wire_bind(&s.wire, "sip:carol@ims.example", "sip:carol@127.0.0.1:7100");
	wire_invite(&s.wire, "c1", "");
	pass_on(&s, B1, last(&s, B1, "INVITE"),
		(struct change){.request_uri = "sip:carol@ims.example"});
	last(&s, CAROL, "INVITE");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (found_for(&s, rows[i].user) != rows[i].n)
			fail_msg("%s", rows[i].user);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ic_1_hidden_callers),
		cmocka_unit_test(test_ic_3a_a_server_writes_the_user_otherwise),
		cmocka_unit_test(test_ic_17_numbers),
		cmocka_unit_test(test_ic_16_the_called_party),
		cmocka_unit_test(test_ic_16_a_long_address),
		cmocka_unit_test(test_ic_18_a_subscription_between_two_devices),
		cmocka_unit_test(test_sc_7b_a_call_ends_with_the_contact_it_came_from),
		cmocka_unit_test(test_op_2_the_sessions_of_a_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
