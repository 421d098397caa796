/* The registrar at the level of bytes: REGISTER with authentication, subscriptions to the state of a registration
 * (RFC 3680, TS 24.229 §5.4.2.1), third-party REGISTER (TS 24.229 §5.4.1.7). */
#include "registered_users.h"

#define UE      6100 /* a device of carol */
#define WATCHER 6200 /* an application server that watches */

static void with_users(struct node_settings *settings)
{
	settings->subscribers = users_of_test;
}

static void open_with_users(struct wire *wire, struct test_server *servers, unsigned n)
{
	users_open(servers, n);
	wire_open(wire, with_users);
}

static void close_with_users(struct wire *wire)
{
	wire_close(wire);
	users_close();
}

/* A REGISTER of carol (of the set carol, caroline, tel) by the P-CSCF at UE. */
static void register_carol(struct wire *wire, unsigned cseq, const char *lines)
{
	wire_feed(wire, UE,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKreg%u\nMax-Forwards: 70\nFrom: "
		  "<sip:carol@ims.example>;tag=f\nTo: <sip:carol@ims.example>\nCall-ID: reg\n"
		  "CSeq: %u REGISTER\n%sContent-Length: 0\n\n",
		  cseq, cseq, lines);
	wire_run(wire, 0);
}

static void subscribe(struct wire *wire, uint16_t port, const char *user, const char *call_id,
		      unsigned cseq, const char *to_tag, const char *lines)
{
	wire_feed(wire, port,
		  "SUBSCRIBE sip:%s@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:%u;branch=z9hG4bK%s%u\nMax-Forwards: 70\nFrom: "
		  "<sip:as.ims.example>;tag=w\nTo: <sip:%s@ims.example>%s\nCall-ID: %s\n"
		  "CSeq: %u SUBSCRIBE\nContact: <sip:127.0.0.1:%u>\n%sContent-Length: 0\n\n",
		  user, port, call_id, cseq, user, to_tag, call_id, cseq, port, lines);
	wire_run(wire, 0);
}

#define REG "Event: reg\nExpires: 600\nAccept: application/reginfo+xml\n"

/* The tag that the 200 to the SUBSCRIBE gave. */
static const char *own_tag(const struct wire *wire, uint16_t port, char *buffer, size_t max)
{
	char to[300];
	const char *ok = wire_last(wire, port, "SIP/2.0 200");

	assert_non_null(ok);
	wire_header(ok, "To", 0, to, sizeof(to));
	assert_non_null(strstr(to, ";tag="));
	snprintf(buffer, max, "%s", strstr(to, ";tag="));
	return buffer;
}

static const char *notify(const struct wire *wire, uint16_t port)
{
	const char *n = wire_last(wire, port, "NOTIFY");

	assert_non_null(n);
	return n;
}

#define HAS(message, part)                                                                         \
	do {                                                                                       \
		if (!strstr(message, part))                                                        \
			fail_msg("no %s in\n%s", part, message);                                   \
	} while (0)
#define HAS_NOT(message, part)                                                                     \
	do {                                                                                       \
		if (strstr(message, part))                                                         \
			fail_msg("%s in\n%s", part, message);                                      \
	} while (0)

static void ok(struct wire *wire, uint16_t port)
{
	wire_answer(wire, port, notify(wire, port), "200 OK", "", "");
	wire_run(wire, 0);
}

static unsigned notifies(const struct wire *wire, uint16_t port)
{
	return wire_count(wire, port, "NOTIFY");
}

/* ---------------------------------------------------------------- RE */

/* @req RE-2 RE-3  200 with the time, at once a document with the whole set, and the dialog it belongs to. */
static void test_re_2_re_3_a_subscription_begins_with_the_whole_state(void **state)
{
	struct wire wire;
	const char *m;
	char tag[200], from[300];

	(void)state;
	open_with_users(&wire, NULL, 0);
	register_carol(&wire, 1,
		       "Contact: <sip:carol@127.0.0.1:6100?a=b&c=d>;expires=500;q=0.7;"
		       "+sip.instance=\"<urn:uuid:1>\"\n");
	subscribe(&wire, WATCHER, "carol", "s1", 1, "",
		  REG
		  "Record-Route: <sip:127.0.0.1:6201;lr>\nRecord-Route: <sip:127.0.0.1:6202;lr>\n");
	m = wire_last(&wire, WATCHER, "SIP/2.0 200");
	wire_check_header(m, "Expires", "600");
	wire_check_header(m, "Contact", "<sip:127.0.0.1:5060>");
	HAS(m,
	    "Record-Route: <sip:127.0.0.1:6201;lr>\r\nRecord-Route: <sip:127.0.0.1:6202;lr>\r\n");
	assert_int_equal(notifies(&wire, 6201), 1);
	m = notify(&wire, 6201); /* along the route set */
	HAS(m, "NOTIFY sip:127.0.0.1:6200 SIP/2.0\r\n");
	wire_check_header(m, "Route", "<sip:127.0.0.1:6201;lr>, <sip:127.0.0.1:6202;lr>");
	wire_check_header(m, "To", "<sip:as.ims.example>;tag=w");
	wire_check_header(m, "Call-ID", "s1");
	wire_check_header(m, "CSeq", "1 NOTIFY");
	wire_check_header(m, "Event", "reg");
	wire_check_header(m, "Subscription-State", "active;expires=600");
	wire_check_header(m, "Content-Type", "application/reginfo+xml");
	snprintf(from, sizeof(from), "<sip:carol@ims.example>%s",
		 own_tag(&wire, WATCHER, tag, sizeof(tag)));
	wire_check_header(m, "From", from);
	HAS(m, "<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"0\" state=\"full\">");
	HAS(m, "<registration aor=\"sip:carol@ims.example\" id=\"2\" state=\"active\">");
	HAS(m, "<registration aor=\"tel:+1202\" id=\"3\" state=\"active\">");
	HAS_NOT(m, "barred");
	HAS(m, " state=\"active\" event=\"registered\" expires=\"500\" q=\"0.700\" callid=\"reg\" "
	       "cseq=\"1\">");
	HAS(m, "event=\"created\"");
	HAS(m, "<uri>sip:carol@127.0.0.1:6100?a=b&amp;c=d</uri>");
	HAS(m,
	    "<unknown-param name=\"+sip.instance\">&quot;&lt;urn:uuid:1&gt;&quot;</unknown-param>");
	assert_int_equal(wire_counters(&wire)->subscriptions, 1);
	assert_int_equal(wire_counters(&wire)->notifies_sent, 1);
	close_with_users(&wire);
}

/* The identity that the REGISTER named is registered, the others of the set were created with it. */
static void test_re_6_registered_and_created(void **state)
{
	struct wire wire;
	const char *m, *carol, *caroline;

	(void)state;
	open_with_users(&wire, NULL, 0);
	wire_feed(&wire, UE,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKr\nMax-Forwards: 70\nFrom: "
		  "<sip:caroline@ims.example>;tag=f\nTo: <sip:caroline@ims.example>\nCall-ID: r\n"
		  "CSeq: 1 REGISTER\nContact: <sip:c@127.0.0.1:6100>\nContent-Length: 0\n\n");
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
	m = notify(&wire, WATCHER);
	carol = strstr(m, "aor=\"sip:carol@ims.example\"");
	caroline = strstr(m, "aor=\"sip:caroline@ims.example\"");
	assert_true(carol && caroline && carol < caroline);
	HAS(carol, "event=\"created\"");
	assert_true(strstr(carol, "event=\"registered\"") > caroline);
	HAS_NOT(caroline, "event=\"created\"");
	close_with_users(&wire);
}

static void test_re_1_who_may_subscribe_and_to_whom(void **state)
{
	static const struct {
		const char *user, *lines;
		bool from_stranger;
		unsigned status;
	} rows[] = {
		{"carol", REG, false, 200},
		{"caroline", REG, false, 200}, /* any identity of the set */
		{"carol", REG "P-Asserted-Identity: <tel:+1202>\n", false, 200},
		{"carol", REG "P-Asserted-Identity: <sip:pcscf.ims.example>\n", false, 200},
		{"carol", REG "P-Asserted-Identity: <sip:bob@ims.example>\n", false, 403},
		{"carol",
		 REG "P-Asserted-Identity: <sip:bob@ims.example>, <sip:carol@ims.example>\n", false,
		 200},
		{"carol", REG, true, 403},
		{"barred", REG, false, 403},
		{"dave", REG, false, 480}, /* a user, and not registered */
		{"nobody", REG, false, 480},
		{"carol", "Event: reg\nExpires: 59\n", false, 423},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;
		char want[20];

		open_with_users(&wire, NULL, 0);
		register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>\n");
		if (rows[i].from_stranger)
			wire.settings.n_trusted = 0;
		subscribe(&wire, WATCHER, rows[i].user, "s1", 1, "", rows[i].lines);
		snprintf(want, sizeof(want), "SIP/2.0 %u", rows[i].status);
		if (!wire_sent(&wire, WATCHER, want, 0))
			fail_msg("row %zu", i);
		assert_int_equal(notifies(&wire, WATCHER), rows[i].status == 200);
		assert_int_equal(wire_counters(&wire)->subscriptions, rows[i].status == 200);
		close_with_users(&wire);
	}
}

/* @req RG-17  What is required and not known is named in a 420: to a REGISTER, to a SUBSCRIBE, and to its refresh, which then changes
 * nothing. */
static void test_rg_17_required_extensions(void **state)
{
	struct wire wire;
	char tag[200];

	(void)state;
	open_with_users(&wire, NULL, 0);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>\nRequire: gruu, path\n");
	wire_check_header(wire_last(&wire, UE, "SIP/2.0 420"), "Unsupported", "gruu");
	assert_int_equal(wire_counters(&wire)->registrations, 0);
	register_carol(&wire, 2, "Contact: <sip:carol@127.0.0.1:6100>\nRequire: path\n");
	assert_non_null(wire_last(&wire, UE, "SIP/2.0 200"));
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG "Require: eventlist\n");
	wire_check_header(wire_last(&wire, WATCHER, "SIP/2.0 420"), "Unsupported", "eventlist");
	assert_int_equal(wire_counters(&wire)->subscriptions, 0);
	subscribe(&wire, WATCHER, "carol", "s2", 1, "", REG);
	own_tag(&wire, WATCHER, tag, sizeof(tag));
	ok(&wire, WATCHER);
	wire_forget(&wire);
	subscribe(&wire, WATCHER, "carol", "s2", 2, tag, "Event: reg\nExpires: 0\nRequire: a, b\n");
	wire_check_header(wire_last(&wire, WATCHER, "SIP/2.0 420"), "Unsupported", "a, b");
	assert_int_equal(notifies(&wire, WATCHER), 0);
	assert_int_equal(wire_counters(&wire)->subscriptions, 1);
	close_with_users(&wire);
}

/* @req RE-1  A device without a P-CSCF asks for its own state. */
static void test_re_1_a_registered_device_may(void **state)
{
	struct wire wire;

	(void)state;
	open_with_users(&wire, NULL, 0);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6200>\n");
	wire.settings.n_trusted = 0;
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
	assert_int_equal(notifies(&wire, WATCHER), 1);
	close_with_users(&wire);
}

/* Another package, and users of other domains, are none of the registrar's business. */
static void test_re_1_other_packages_are_forwarded(void **state)
{
	static const char *const lines[] = {"Event: presence\n", "", "Event: register\n",
					    "Event: reg.winfo\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct wire wire;

		wire_open(&wire, NULL);
		subscribe(&wire, WATCHER, "bob", "s1", 1, "", lines[i]);
		assert_int_equal(wire_count(&wire, BOB, "SUBSCRIBE"), 1);
		wire_close(&wire);
	}
}

/* @req RE-5  Each change is told, with what went and why; a refresh is not. One NOTIFY at a time. */
static void test_re_5_changes_are_told(void **state)
{
	struct wire wire;
	const char *m;

	(void)state;
	open_with_users(&wire, NULL, 0);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
	/* the first is not answered yet: the next one waits */
	register_carol(&wire, 2, "Contact: <sip:carol@127.0.0.1:6101>;expires=100\n");
	assert_int_equal(notifies(&wire, WATCHER), 1);
	ok(&wire, WATCHER);
	assert_int_equal(notifies(&wire, WATCHER), 2);
	m = notify(&wire, WATCHER);
	wire_check_header(m, "CSeq", "2 NOTIFY");
	HAS(m, "version=\"1\"");
	HAS(m, "<uri>sip:carol@127.0.0.1:6100</uri>");
	HAS(m, "<uri>sip:carol@127.0.0.1:6101</uri>");
	ok(&wire, WATCHER);
	register_carol(&wire, 3, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	assert_int_equal(notifies(&wire, WATCHER), 2);
	wire_run(&wire, 100000);
	m = notify(&wire, WATCHER);
	assert_int_equal(notifies(&wire, WATCHER), 3);
	HAS(m, "state=\"terminated\" event=\"expired\" callid=\"reg\" "
	       "cseq=\"2\"><uri>sip:carol@127.0.0.1:6101<");
	HAS(m, "<uri>sip:carol@127.0.0.1:6100</uri>");
	ok(&wire, WATCHER);
	/* told once */
	register_carol(&wire, 4, "Contact: <sip:carol@127.0.0.1:6102>;expires=100\n");
	HAS_NOT(notify(&wire, WATCHER), "6101<");
	ok(&wire, WATCHER);
	register_carol(&wire, 5, "Contact: <sip:carol@127.0.0.1:6102>;expires=0\n");
	HAS(notify(&wire, WATCHER), "event=\"unregistered\"");
	ok(&wire, WATCHER);
	assert_int_equal(
		node_deregister(wire.node, wire.now_ms, TEXT("tel:+1-202"), (struct text){0}), 1);
	wire_collect(&wire);
	wire_run(&wire, 0);
	m = notify(&wire, WATCHER);
	HAS(m, "event=\"deactivated\"");
	HAS(m, "<registration aor=\"sip:carol@ims.example\" id=\"2\" state=\"terminated\">");
	wire_check_header(m, "Subscription-State", "terminated;reason=noresource");
	assert_int_equal(wire_counters(&wire)->subscriptions, 0);
	assert_int_equal(wire_counters(&wire)->registrations_removed, 1);
	assert_int_equal(wire_counters(&wire)->registrations_expired, 1);
	close_with_users(&wire);
}

static void test_re_4_refreshed_ended_and_over(void **state)
{
	struct wire wire;
	char tag[200];

	(void)state;
	open_with_users(&wire, NULL, 0);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=50000\n");
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
	own_tag(&wire, WATCHER, tag, sizeof(tag));
	ok(&wire, WATCHER);
	wire_run(&wire, 400000);
	subscribe(&wire, WATCHER, "carol", "s1", 2, tag, "Event: reg\nExpires: 1000\n");
	wire_check_header(notify(&wire, WATCHER), "Subscription-State", "active;expires=1000");
	ok(&wire, WATCHER);
	/* out of order, too short, unknown */
	subscribe(&wire, WATCHER, "carol", "s1", 2, tag, "Event: reg\nExpires: 999\nX: y\n");
	wire_run(&wire, 40000); /* beyond the transaction */
	subscribe(&wire, WATCHER, "carol", "s1", 1, tag, REG);
	assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 500"), 1);
	subscribe(&wire, WATCHER, "carol", "s1", 5, tag, "Event: reg\nExpires: 1\n");
	assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 423"), 1);
	subscribe(&wire, WATCHER, "carol", "s2", 6, tag, REG);
	assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 481"), 1);
	tag[8] = tag[8] == '1' ? '2' : '1';
	subscribe(&wire, WATCHER, "carol", "s1", 7, tag, REG);
	assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 481"), 2);
	assert_int_equal(notifies(&wire, WATCHER), 2);
	/* its time is over */
	wire_run(&wire, 960000 - 1);
	assert_int_equal(notifies(&wire, WATCHER), 2);
	wire_run(&wire, 1);
	wire_check_header(notify(&wire, WATCHER), "Subscription-State",
			  "terminated;reason=timeout");
	assert_int_equal(wire_counters(&wire)->subscriptions, 0);
	/* ended by its owner; and a single look */
	subscribe(&wire, WATCHER, "carol", "s3", 1, "", REG);
	own_tag(&wire, WATCHER, tag, sizeof(tag));
	ok(&wire, WATCHER);
	subscribe(&wire, WATCHER, "carol", "s3", 2, tag, "Event: reg\nExpires: 0\n");
	wire_check_header(notify(&wire, WATCHER), "Subscription-State",
			  "terminated;reason=timeout");
	assert_int_equal(wire_counters(&wire)->subscriptions, 0);
	subscribe(&wire, WATCHER, "carol", "s4", 1, "", "Event: reg;id=7\nExpires: 0\n");
	wire_check_header(notify(&wire, WATCHER), "Subscription-State",
			  "terminated;reason=timeout");
	wire_check_header(notify(&wire, WATCHER), "Event", "reg;id=7");
	assert_int_equal(wire_counters(&wire)->subscriptions, 0);
	close_with_users(&wire);
}

/* @req RE-7  Who does not know it, or says nothing, has no subscription any more. */
static void test_re_7_an_unanswered_notify_ends_it(void **state)
{
	static const char *const answers[] = {"481 Gone", "500 No", NULL};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire wire;

		open_with_users(&wire, NULL, 0);
		register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=50000\n");
		subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
		assert_int_equal(wire_counters(&wire)->subscriptions, 1);
		if (answers[i])
			wire_answer(&wire, WATCHER, notify(&wire, WATCHER), answers[i], "", "");
		else
			wire_run(&wire, 32000);
		assert_int_equal(wire_counters(&wire)->subscriptions, 0);
		wire_forget(&wire);
		register_carol(&wire, 2, "Contact: <sip:carol@127.0.0.1:6101>\n");
		assert_int_equal(notifies(&wire, WATCHER), 0);
		close_with_users(&wire);
	}
}

static void few_subscriptions(struct node_settings *settings)
{
	with_users(settings);
	settings->subscriptions_max = 20;
}

/* @req RE-8  Bounds: of one user, and of all. */
static void test_re_8_subscriptions_are_bounded(void **state)
{
	struct wire wire;
	char call_id[20];

	(void)state;
	users_open(NULL, 0);
	wire_open(&wire, few_subscriptions);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=50000\n");
	for (unsigned i = 0; i < 17; i++) {
		snprintf(call_id, sizeof(call_id), "s%u", i);
		subscribe(&wire, WATCHER, "carol", call_id, 1, "", REG);
		assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 200"), i < 16 ? i + 1 : 16);
	}
	assert_int_equal(wire_count(&wire, WATCHER, "SIP/2.0 503"), 1);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(call_id, sizeof(call_id), "b%u", i);
		subscribe(&wire, WATCHER + 1, "bob", call_id, 1, "", REG);
	}
	assert_int_equal(wire_count(&wire, WATCHER + 1, "SIP/2.0 200"), 4);
	assert_int_equal(wire_count(&wire, WATCHER + 1, "SIP/2.0 503"), 1);
	assert_int_equal(wire_counters(&wire)->subscriptions, 20);
	/* all of them hear of it, though it is more than one step can send */
	wire_run(&wire, 40000);
	assert_int_equal(wire_counters(&wire)->subscriptions, 0); /* nobody answered */
	close_with_users(&wire);
}

/* ---------------------------------------------------------------- TR */

#define SERVER1 8001
#define SERVER2 8002

/* @req TR-1 TR-2  Initial registration, refresh and removal, each to those that want it. */
static void test_tr_1_servers_hear_of_the_registration(void **state)
{
	struct test_server servers[] = {
		{.port = SERVER1},
		{.port = SERVER2, .types = REGISTRATION_INITIAL},
	};
	struct wire wire;
	const char *m;

	(void)state;
	open_with_users(&wire, servers, 2);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	m = wire_sent(&wire, SERVER1, "REGISTER sip:127.0.0.1:8001 SIP/2.0\r\n", 0);
	assert_non_null(m);
	wire_check_header(m, "To", "<sip:carol@ims.example>");
	HAS(m, "\r\nFrom: <sip:127.0.0.1:5060>;tag=");
	wire_check_header(m, "Contact", "<sip:127.0.0.1:5060>");
	wire_check_header(m, "Expires", "500");
	wire_check_header(m, "Content-Length", "0");
	HAS(m, "\r\nP-Charging-Vector: icid-value=");
	wire_answer(&wire, SERVER1, m, "200 OK", "x", "");
	assert_non_null(wire_sent(&wire, SERVER2, "REGISTER", 0));
	wire_answer(&wire, SERVER2, wire_sent(&wire, SERVER2, "REGISTER", 0), "200 OK", "x", "");
	/* a question changes nothing */
	register_carol(&wire, 2, "");
	assert_int_equal(wire_count(&wire, SERVER1, "REGISTER"), 1);
	register_carol(&wire, 3, "Contact: <sip:carol@127.0.0.1:6100>;expires=700\n");
	m = wire_sent(&wire, SERVER1, "REGISTER", 1);
	wire_check_header(m, "Expires", "700");
	wire_answer(&wire, SERVER1, m, "200 OK", "x", "");
	register_carol(&wire, 4, "Contact: *\nExpires: 0\n");
	m = wire_sent(&wire, SERVER1, "REGISTER", 2);
	wire_check_header(m, "Expires", "0");
	wire_answer(&wire, SERVER1, m, "200 OK", "x", "");
	assert_int_equal(wire_count(&wire, SERVER2, "REGISTER"), 1);
	assert_int_equal(wire_counters(&wire)->third_party_registers, 4);
	assert_int_equal(wire_counters(&wire)->third_party_failures, 0);
	close_with_users(&wire);
}

/* @req TR-2  By its time and by the operator: told once, however many contacts went. */
static void test_tr_2_servers_hear_of_what_the_network_ends(void **state)
{
	struct test_server servers[] = {{.port = SERVER1, .types = REGISTRATION_REMOVAL}};

	(void)state;
	for (int by_operator = 0; by_operator < 2; by_operator++) {
		struct wire wire;

		open_with_users(&wire, servers, 1);
		register_carol(&wire, 1,
			       "Contact: <sip:carol@127.0.0.1:6100>;expires=500, "
			       "<sip:carol@127.0.0.1:6101>;expires=500\n");
		assert_int_equal(wire_count(&wire, SERVER1, "REGISTER"), 0);
		if (by_operator) {
			assert_int_equal(node_deregister(wire.node, wire.now_ms,
							 TEXT("sip:caroline@ims.example"),
							 (struct text){0}),
					 2);
			wire_collect(&wire);
		} else {
			wire_run(&wire, 500000);
		}
		assert_int_equal(wire_count(&wire, SERVER1, "REGISTER"), 1);
		wire_check_header(wire_sent(&wire, SERVER1, "REGISTER", 0), "Expires", "0");
		wire_check_header(wire_sent(&wire, SERVER1, "REGISTER", 0), "To",
				  "<sip:carol@ims.example>");
		close_with_users(&wire);
	}
}

/* @req TR-3 TR-4 */
static void test_tr_3_the_body_says_what_the_criteria_ask_for(void **state)
{
	static const struct test_server rows[] = {
		{.port = SERVER1, .information = "a<b>&c"},
		{.port = SERVER1, .request = true},
		{.port = SERVER1, .request = true, .response = true, .information = "info"},
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct test_server server = rows[i];
		struct wire wire;
		const char *m, *body;
		char length[20];

		open_with_users(&wire, &server, 1);
		register_carol(
			&wire, 1,
			"Contact: <sip:carol@127.0.0.1:6100>;expires=500\n"
			"Authorization: Digest username=\"carol\", response=\"0123456789\"\n"
			"proxy-authorization: Digest response=\"0123456789\"\nX-Mine: yes\n");
		m = wire_sent(&wire, SERVER1, "REGISTER", 0);
		assert_non_null(m);
		body = strstr(m, "\r\n\r\n") + 4;
		wire_header(m, "Content-Length", 0, length, sizeof(length));
		assert_int_equal(strtoul(length, NULL, 10), strlen(body));
		HAS_NOT(m, "0123456789");
		HAS_NOT(m, "uthorization");
		if (i == 0) {
			wire_check_header(m, "Content-Type", "application/3gpp-ims+xml");
			HAS(body, "<service-info>a&lt;b&gt;&amp;c</service-info>");
		} else if (i == 1) {
			wire_check_header(m, "Content-Type", "message/sip");
			assert_true(strncmp(body, "REGISTER sip:ims.example SIP/2.0\r\n", 34) == 0);
			HAS(body, "X-Mine: yes\r\n");
		} else {
			HAS(m, "Content-Type: multipart/mixed;boundary=\"ad-");
			HAS(body, "Content-Type: application/3gpp-ims+xml\r\n\r\n<?xml");
			HAS(body, "Content-Type: message/sip\r\n\r\nREGISTER ");
			HAS(body, "Content-Type: message/sip\r\n\r\nSIP/2.0 200 OK\r\n");
			HAS(body, "P-Associated-URI: ");
			assert_true(strcmp(body + strlen(body) - 4, "--\r\n") == 0);
		}
		close_with_users(&wire);
	}
}

/* @req TR-5  A server that the registration cannot do without: its failure ends it. */
static void test_tr_5_default_handling_of_a_server_that_fails(void **state)
{
	static const struct {
		bool terminates;
		const char *answer; /* NULL: none */
		bool ends;
	} rows[] = {
		{true, "200 OK", false}, {true, "500 No", true},   {true, "408 Late", true},
		{true, NULL, true},      {true, "403 No", false},  {false, "500 No", false},
		{false, NULL, false},    {true, "503 Full", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test_server server = {.port = SERVER1, .terminates = rows[i].terminates};
		struct wire wire;

		open_with_users(&wire, &server, 1);
		register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
		assert_int_equal(wire_counters(&wire)->bindings, 2);
		if (rows[i].answer)
			wire_answer(&wire, SERVER1, wire_last(&wire, SERVER1, "REGISTER"),
				    rows[i].answer, "x", "");
		else
			wire_run(&wire, 32000);
		if ((wire_counters(&wire)->registrations_removed == 1) != rows[i].ends)
			fail_msg("row %zu", i);
		assert_int_equal(
			wire_last(&wire, SERVER1, "REGISTER") != NULL &&
				strstr(wire_last(&wire, SERVER1, "REGISTER"), "Expires: 0\r\n"),
			rows[i].ends);
		wire_run(&wire, 100000); /* the removal is not answered: nothing more happens */
		assert_int_equal(wire_counters(&wire)->client_transactions, 0);
		close_with_users(&wire);
	}
}

/* A server that cannot even be reached. */
static void test_tr_5_a_server_without_an_address(void **state)
{
	struct test_server servers[] = {{.port = 0, .terminates = true}, {.port = SERVER2}};
	struct wire wire;

	(void)state;
	open_with_users(&wire, servers, 2);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	assert_int_equal(wire_counters(&wire)->registrations_removed, 1);
	/* the second server hears of the end only */
	assert_int_equal(wire_count(&wire, SERVER2, "REGISTER"), 1);
	wire_check_header(wire_sent(&wire, SERVER2, "REGISTER", 0), "Expires", "0");
	close_with_users(&wire);
}

/* A server that is this one: nothing runs in a circle. */
static void test_tr_1_a_registration_does_not_come_back_to_itself(void **state)
{
	struct test_server server = {.port = 5060};
	struct wire wire;

	(void)state;
	open_with_users(&wire, &server, 1);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	assert_non_null(wire_sent(&wire, UE, "SIP/2.0 200", 0));
	assert_int_equal(wire_count(&wire, 5060, ""), 0);
	assert_int_equal(wire_counters(&wire)->third_party_failures, 1);
	assert_int_equal(wire_counters(&wire)->registrations_removed, 0);
	close_with_users(&wire);
}

/* @req TR-1  More servers than one step may send to: the first ones hear, the others are counted. */
static void test_tr_1_servers_of_a_registration_are_bounded(void **state)
{
	static struct test_server servers[20];
	struct wire wire;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		servers[i].port = (uint16_t)(8100 + i);
	open_with_users(&wire, servers, 20);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>;expires=500\n");
	assert_int_equal(wire_counters(&wire)->third_party_registers, 16);
	assert_int_equal(wire_counters(&wire)->lost_memory, 1);
	assert_non_null(wire_sent(&wire, 8115, "REGISTER", 0));
	assert_null(wire_sent(&wire, 8116, "REGISTER", 0));
	close_with_users(&wire);
}

/* ---------------------------------------------------------------- RG at the level of bytes */

/* @req RG-12  A contact of the bindings file for any identity of a set is one of the set. */
static void test_rg_12_the_bindings_file_may_name_any_identity(void **state)
{
	struct wire wire;

	(void)state;
	open_with_users(&wire, NULL, 0);
	wire_bind(&wire, "tel:+1-202", "sip:carol@127.0.0.1:6300");
	subscribe(&wire, WATCHER, "carol", "s1", 1, "", REG);
	HAS(notify(&wire, WATCHER), "<uri>sip:carol@127.0.0.1:6300</uri>");
	close_with_users(&wire);
}

/* @req RG-14  A challenge is counted; a user with credentials gets one. */
static void test_rg_14_a_challenge_at_the_level_of_bytes(void **state)
{
	struct wire wire;

	(void)state;
	open_with_users(&wire, NULL, 0);
	wire_feed(&wire, UE,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKr\nMax-Forwards: 70\nFrom: "
		  "<sip:erin@ims.example>;tag=f\nTo: <sip:erin@ims.example>\nCall-ID: r\n"
		  "CSeq: 1 REGISTER\nContact: <sip:erin@127.0.0.1:6100>\nContent-Length: 0\n\n");
	HAS(wire_sent(&wire, UE, "SIP/2.0 401", 0), "\r\nWWW-Authenticate: Digest ");
	assert_int_equal(wire_counters(&wire)->authentication_challenges, 1);
	assert_int_equal(wire_counters(&wire)->registrations, 0);
	assert_int_equal(wire_counters(&wire)->bindings, 1);
	close_with_users(&wire);
}

/* @req RG-16  Everything of the registrar meets on one shard. */
static void test_rg_16_what_belongs_to_the_registrars_shard(void **state)
{
	static const struct {
		const char *message;
		bool is;
	} rows[] = {
		{"REGISTER sip:a SIP/2.0\r\nCall-ID: x\r\n\r\n", true},
		{"\r\n\r\nREGISTER sip:a SIP/2.0\r\n\r\n", true},
		{"REGISTERS sip:a SIP/2.0\r\n\r\n", false},
		{"REFER sip:a SIP/2.0\r\nEvent: reg\r\n\r\n", false},
		{"SUBSCRIBE sip:a SIP/2.0\r\nEvent: reg\r\n\r\n", true},
		{"SUBSCRIBE sip:a SIP/2.0\r\nX: y\r\no : reg;id=1\r\n\r\n", true},
		{"SUBSCRIBE sip:a SIP/2.0\r\nEVENT:\r\n reg\r\n\r\n", true},
		{"SUBSCRIBE sip:a SIP/2.0\r\nEvent: presence\r\n\r\n", false},
		{"SUBSCRIBE sip:a SIP/2.0\r\nEvents: reg\r\n\r\n", false},
		{"SUBSCRIBE sip:a SIP/2.0\r\nX: y\r\n\r\nEvent: reg\r\n", false},
		/* a response names its shard by itself: shards_test.c */
		{"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-0-1-2-3\r\n\r\n", false},
		{"SIP/2.0 200", false},
		{"S", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (node_is_for_registrar(text_of(rows[i].message)) != rows[i].is)
			fail_msg("row %zu", i);
}

/* A shard that has no registrar says so, should a REGISTER come to it. */
static void second_shard(struct node_settings *settings)
{
	settings->shard = 1;
	settings->n_shards = 2;
}

static void test_rg_16_another_shard_registers_nobody(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, second_shard);
	register_carol(&wire, 1, "Contact: <sip:carol@127.0.0.1:6100>\n");
	assert_non_null(wire_sent(&wire, UE, "SIP/2.0 503", 0));
	assert_int_equal(node_deregister(wire.node, wire.now_ms, TEXT("sip:bob@ims.example"),
					 (struct text){0}),
			 0);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_re_2_re_3_a_subscription_begins_with_the_whole_state),
		cmocka_unit_test(test_re_6_registered_and_created),
		cmocka_unit_test(test_re_1_who_may_subscribe_and_to_whom),
		cmocka_unit_test(test_re_1_a_registered_device_may),
		cmocka_unit_test(test_re_1_other_packages_are_forwarded),
		cmocka_unit_test(test_re_5_changes_are_told),
		cmocka_unit_test(test_re_4_refreshed_ended_and_over),
		cmocka_unit_test(test_re_7_an_unanswered_notify_ends_it),
		cmocka_unit_test(test_re_8_subscriptions_are_bounded),
		cmocka_unit_test(test_tr_1_servers_hear_of_the_registration),
		cmocka_unit_test(test_tr_2_servers_hear_of_what_the_network_ends),
		cmocka_unit_test(test_tr_3_the_body_says_what_the_criteria_ask_for),
		cmocka_unit_test(test_tr_5_default_handling_of_a_server_that_fails),
		cmocka_unit_test(test_tr_5_a_server_without_an_address),
		cmocka_unit_test(test_tr_1_a_registration_does_not_come_back_to_itself),
		cmocka_unit_test(test_tr_1_servers_of_a_registration_are_bounded),
		cmocka_unit_test(test_rg_12_the_bindings_file_may_name_any_identity),
		cmocka_unit_test(test_rg_14_a_challenge_at_the_level_of_bytes),
		cmocka_unit_test(test_rg_16_what_belongs_to_the_registrars_shard),
		cmocka_unit_test(test_rg_16_another_shard_registers_nobody),
		cmocka_unit_test(test_rg_17_required_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
