/* Service control at the level of bytes: what an application server gets, what it may send back, and what happens when it
 * fails (spec/service-control.md, docs/adr/0022, 0024). */
#include "../base/failing_malloc.h"

/* clang-format off */
#include "base/map.c"
#include "base/pool.c"
/* pool.c and store.c each have a chunk of their own. */
#define chunk chunk_of_store
#define chunk_add chunk_add_of_store
#include "base/store.c"
#undef chunk
#undef chunk_add
/* clang-format on */

#undef malloc
#undef calloc
#undef aligned_alloc

#include "through_servers.h"

static void report_of(struct scene *s, enum node_which which, struct node_session_report *ret)
{
	wire_session(&s->wire, which, ret);
}

/* The Route value behind the server's: our own with the original dialog identifier. */
static void own_value(const char *request, char *ret, size_t max)
{
	char route[2000];
	const char *at;

	assert_non_null(wire_header(request, "Route", 0, route, sizeof(route)));
	at = strstr(route, "<sip:127.0.0.1:5060");
	assert_non_null(at);
	snprintf(ret, max, "%.*s", (int)strcspn(at, ">") + 1, at);
}

/* ---------------------------------------------------------------- IC-4 */

/* @req IC-4  The server's URI as it is written in the profile, with lr; its transport decides how it goes there; our own
 * URI behind it; the Request-URI as it came. */
static void test_ic_4_the_route_to_the_server(void **state)
{
	static const struct {
		const char *uri, *value;
		uint16_t port;
		enum transport transport;
	} rows[] = {
		{"sip:127.0.0.1:8001", "<sip:127.0.0.1:8001;lr>", 8001, TRANSPORT_UDP},
		{"sip:127.0.0.1:8001;lr", "<sip:127.0.0.1:8001;lr>", 8001, TRANSPORT_UDP},
		{"sip:127.0.0.1:8001;LR", "<sip:127.0.0.1:8001;LR>", 8001, TRANSPORT_UDP},
		{"sip:as@127.0.0.1:8001;transport=tcp", "<sip:as@127.0.0.1:8001;transport=tcp;lr>",
		 8001, TRANSPORT_TCP},
		{"sip:127.0.0.1:8001;lr;call=orig;transport=udp",
		 "<sip:127.0.0.1:8001;lr;call=orig;transport=udp>", 8001, TRANSPORT_UDP},
		{"sip:127.0.0.1", "<sip:127.0.0.1;lr>", 5060, TRANSPORT_UDP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test_criteria criteria = {.uri = rows[i].uri};
		struct scene s;
		char want[400], route[2000];
		unsigned index, generation, high, low;
		int end = 0;
		const char *invite;

		served_users = subscribers_open();
		served_add("sip:alice@ims.example", &criteria, 1);
		scene_open(&s);
		wire_invite(&s.wire, "c1", "");
		assert_int_equal(s.wire.n_out, 1);
		invite = last(&s, rows[i].port, "INVITE sip:bob@ims.example SIP/2.0\r\n");
		assert_int_equal(s.wire.out[0].to.transport, rows[i].transport);
		assert_int_equal(s.wire.out[0].local, rows[i].transport == TRANSPORT_TCP ? 1 : 0);
		wire_header(invite, "Route", 0, route, sizeof(route));
		snprintf(want, sizeof(want), "%s, ", rows[i].value);
		if (strncmp(route, want, strlen(want)) != 0)
			fail_msg("%s: %s", rows[i].uri, route);
		assert_int_equal(sscanf(route + strlen(want),
					rows[i].transport == TRANSPORT_TCP
						? "<sip:127.0.0.1:5060;transport=tcp;lr;odi=0-%x-%"
						  "x-%8x-%8x>%n"
						: "<sip:127.0.0.1:5060;lr;odi=0-%x-%x-%8x-%8x>%n",
					&index, &generation, &high, &low, &end),
				 4);
		assert_int_equal(strlen(want) + (size_t)end, strlen(route));
		assert_null(wire_header(invite, "Route", 1, route, sizeof(route)));
		assert_int_equal(counters(&s)->requests_to_servers, 1);
		scene_close(&s);
	}
}

/* @req IC-4  Routes that were there already stand behind, and decide after the last server. */
static void test_ic_4_routes_of_the_caller_stay_behind(void **state)
{
	struct scene s;
	char value[600];
	const char *m;

	(void)state;
	open_scene_of(&s, 2, 0, false);
	wire_invite(&s.wire, "c1",
		    "Route: <sip:127.0.0.1:5060;lr;orig>, <sip:127.0.0.1:9001;lr>\nRoute: "
		    "<sip:127.0.0.1:9002;lr>\n");
	settle(&s);
	m = last(&s, A2, "INVITE sip:bob@ims.example SIP/2.0\r\n");
	wire_header(m, "Route", 0, value, sizeof(value));
	assert_non_null(strstr(value, "<sip:127.0.0.1:8002;lr>, <sip:127.0.0.1:5060;lr;odi="));
	assert_non_null(strstr(m, "\r\nRoute: <sip:127.0.0.1:9001;lr>"));
	assert_non_null(strstr(m, "<sip:127.0.0.1:9002;lr>"));
	m = last(&s, 9001, "INVITE sip:bob@ims.example SIP/2.0\r\n");
	assert_null(strstr(m, "odi="));
	assert_null(strstr(m, "<sip:127.0.0.1:8002;lr>,"));
	assert_null(wire_last(&s.wire, BOB, "INVITE"));
	scene_end(&s);
}

/* @req IC-4  The way back is by the listening point that the server is reached from: a server on TCP is told of TCP, as the
 * Record-Route beside it says (RFC 5658). */
static void test_ic_4_the_way_back_is_on_the_side_of_the_server(void **state)
{
	struct test_criteria criteria = {.uri = "sip:127.0.0.1:8001;transport=tcp"};
	struct scene s;
	char own[400];

	(void)state;
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", &criteria, 1);
	scene_open(&s);
	wire_invite(&s.wire, "c1", "");
	own_value(last(&s, A1, "INVITE"), own, sizeof(own));
	if (!strstr(own, ";transport=tcp"))
		fail_msg("%s", own);
	scene_close(&s);
}

/* ---------------------------------------------------------------- IC-5 */

static void with_more_users(const struct test_criteria *list, unsigned n)
{
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", list, n);
	served_add("sip:erin@ims.example", list, n); /* has no contact */
	served_add("sip:bob@ims.example", list, n);
}

static void feed_invite(struct scene *s, const char *from, const char *uri, const char *lines)
{
	unsigned n = ++s->branches;

	wire_feed(&s->wire, ALICE,
		  "INVITE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKf%u\n"
		  "Max-Forwards: 70\nFrom: <%s>;tag=a\nTo: <sip:x@y>\nCall-ID: f%u\n"
		  "CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n%sContent-Length: 0\n\n",
		  uri, n, from, n, lines);
}

/* @req IC-5  Each session case, and nothing of what the sender said. */
static void test_ic_5_the_served_user_in_each_case(void **state)
{
	static const struct {
		const char *from, *uri, *lines;
		enum session_case on_case;
		const char *want;
	} rows[] = {
		{"sip:alice@ims.example", "sip:bob@ims.example", "", ORIGINATING_REGISTERED,
		 "<sip:alice@ims.example>;sescase=orig;regstate=reg"},
		{"sip:erin@ims.example", "sip:bob@ims.example",
		 "Route: <sip:127.0.0.1:5060;lr;orig>\n", ORIGINATING_UNREGISTERED,
		 "<sip:erin@ims.example>;sescase=orig;regstate=unreg"},
		{"sip:s@far.example", "sip:bob@ims.example", "", TERMINATING_REGISTERED,
		 "<sip:bob@ims.example>;sescase=term;regstate=reg"},
		{"sip:s@far.example", "sip:erin@ims.example", "", TERMINATING_UNREGISTERED,
		 "<sip:erin@ims.example>;sescase=term;regstate=unreg"},
		/* a trusted one names another served user than From */
		{"sip:s@far.example", "sip:bob@ims.example",
		 "P-Served-User: <sip:alice@ims.example>;sescase=term\n", ORIGINATING_REGISTERED,
		 "<sip:alice@ims.example>;sescase=orig;regstate=reg"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct test_criteria criteria = {.uri = URI(8001), .on_case = 1 + rows[i].on_case};
		struct scene s;

		with_more_users(&criteria, 1);
		scene_open(&s);
		feed_invite(&s, rows[i].from, rows[i].uri, rows[i].lines);
		wire_check_header(last(&s, A1, "INVITE"), "P-Served-User", rows[i].want);
		scene_close(&s);
	}
}

/* @req IC-5 IC-3  After a diversion `orig-cdiv` alone (RFC 8498), for the user who diverts. */
static void test_ic_5_after_a_diversion(void **state)
{
	const struct test_criteria b[] = {
		{.uri = URI(8101), .on_case = 1 + TERMINATING_REGISTERED},
		{.uri = URI(8102), .on_case = 1 + ORIGINATING_CDIV},
		{.uri = URI(8103), .on_case = 1 + TERMINATING_REGISTERED}};
	struct scene s;

	(void)state;
	served_users = subscribers_open();
	served_add("sip:bob@ims.example", b, 3);
	served_add("sip:carol@ims.example", NULL, 0);
	scene_open(&s);
	wire_bind(&s.wire, "sip:carol@ims.example", "sip:carol@127.0.0.1:7100");
	feed_invite(&s, "sip:s@far.example", "sip:bob@ims.example", "");
	pass_on(&s, B1, last(&s, B1, "INVITE"),
		(struct change){.request_uri = "sip:carol@ims.example"});
	assert_int_equal(count_to(&s, 8103, "INVITE"), 0); /* bob's terminating ones are done */
	wire_check_header(last(&s, B2, "INVITE sip:carol@ims.example"), "P-Served-User",
			  "<sip:bob@ims.example>;orig-cdiv");
	pass_on(&s, B2, last(&s, B2, "INVITE"), (struct change){.request_uri = NULL});
	wire_check_header(last(&s, CAROL, "INVITE sip:carol@127.0.0.1:7100"), "P-Served-User",
			  NULL);
	assert_int_equal(count_to(&s, BOB, "INVITE"), 0);
	scene_end(&s);
}

/* ---------------------------------------------------------------- IC-6 */

/* An identifier with one hexadecimal digit of the secret changed, and so on. */
static void spoil(char *to, size_t max, const char *own, unsigned how)
{
	char *digit;

	snprintf(to, max, "%s", own);
	digit = strchr(to, '>') - 1;
	switch (how) {
	case 0: *digit = *digit == '0' ? '1' : '0'; break;
	case 1: digit[-9] = digit[-9] == '0' ? '1' : '0'; break; /* the upper half */
	case 2: memmove(digit, digit + 1, 2); break;             /* cut off */
	case 3: snprintf(strstr(to, ";odi="), 200, ";odi=0-0-1>"); break;
	case 4: snprintf(strstr(to, ";odi="), 200, ";odi=0-0-1-00000000-00000000>"); break;
	case 5: strstr(to, ";odi=")[5] = '1'; break;  /* another shard's */
	case 6: strstr(to, ";odi=")[7] = '7'; break;  /* a place that is free */
	case 7: snprintf(digit + 1, 10, "0>"); break; /* a digit too many */
	case 8: snprintf(digit - 17, 30, "ffffffff-ffffffff>"); break;
	default: snprintf(strstr(to, ";odi=") + 5, 30, "garbage>"); break;
	}
	assert_string_not_equal(to, own);
}

static void check_starts_nothing(struct scene *s, const char *request)
{
	struct node_counters before = *counters(s);

	scene_forget(s);
	feed_text(s, A1, request);
	if (s->wire.n_out != 1 || strncmp(s->wire.out[0].bytes, "SIP/2.0 481", 11) != 0)
		fail_msg("%u messages, the first: %.300s", s->wire.n_out,
			 s->wire.n_out ? s->wire.out[0].bytes : "");
	assert_int_equal(s->wire.out[0].to.port, A1);
	assert_int_equal(counters(s)->unknown_dialogs, before.unknown_dialogs + 1);
	assert_int_equal(counters(s)->sessions_begun, before.sessions_begun);
	assert_int_equal(counters(s)->sessions, before.sessions);
	assert_int_equal(counters(s)->passages, before.passages);
	assert_int_equal(counters(s)->server_transactions, before.server_transactions);
	assert_int_equal(counters(s)->client_transactions, before.client_transactions);
	assert_int_equal(counters(s)->session_blocks, before.session_blocks);
	assert_int_equal(counters(s)->message_blocks, before.message_blocks);
}

/* @req IC-6  Anything but the very one that was given out. */
static void test_ic_6_forged_identifiers_start_nothing(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 10; how++)
		for (int begins = 0; begins < 2; begins++) { /* INVITE, MESSAGE */
			struct scene s;
			char own[400], forged[400], *request;

			open_scene_of(&s, 1, 0, false);
			wire_invite(&s.wire, "c1", "");
			own_value(last(&s, A1, "INVITE"), own, sizeof(own));
			spoil(forged, sizeof(forged), own, how);
			request = strdup(hop_text(A1, last(&s, A1, "INVITE"),
						  (struct change){.route = forged}));
			if (begins) {
				memcpy(request, "MESSAGX",
				       7); /* of the same length, whatever its name */
				memcpy(strstr(request, "CSeq: 1 INVITE"), "CSeq: 1 MESSAG", 14);
				memcpy(request, "MESSAG", 6);
				request[6] = ' ';
			}
			check_starts_nothing(&s, request);
			/* and the right one still holds */
			assert_int_equal(counters(&s)->sessions, 1);
			free(request);
			scene_end(&s);
		}
}

/* @req IC-6  It holds for one sending to one server: what the first server was given is dead when the second has the
 * request, or the first was passed over. */
static void test_ic_6_stale_identifiers(void **state)
{
	struct scene s;
	char *first;

	(void)state;
	/* passed over: 500 of A1, then A2 has it */
	open_scene_of(&s, 2, 0, false);
	scene_hop(&s, A1)->is_manual = scene_hop(&s, A2)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	first = strdup(hop_text(A1, last(&s, A1, "INVITE"), (struct change){.mark = "x"}));
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "500 Broken", "t", "");
	last(&s, A2, "INVITE");
	check_starts_nothing(&s, first);
	free(first);
	scene_end(&s);
}

/* @req IC-6  Of a session that is over, and of one that is being released. */
static void test_ic_6_identifiers_of_a_session_that_is_over(void **state)
{
	struct party alice, bob;
	struct scene s;
	char *again;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_call(&s, "c1", &alice, &bob);
	again = strdup(hop_text(A1, last(&s, A1, "INVITE"), (struct change){.mark = "late"}));
	wire_release_all(&s.wire, 480);
	check_starts_nothing(&s, again);
	scene_run(&s, 40000); /* nobody answers the BYEs */
	assert_int_equal(counters(&s)->sessions, 0);
	check_starts_nothing(&s, again);
	free(again);
	scene_end(&s);
}

/* @req IC-6  While the call is ringing the server may call back once more (IC-12), after the caller has hung up not. */
static void test_ic_6_after_the_caller_cancelled(void **state)
{
	struct scene s;
	char *again;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "100 Trying", "", "");
	again = strdup(hop_text(A1, last(&s, A1, "INVITE"), (struct change){.mark = "late"}));
	wire_feed(&s.wire, ALICE,
		  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: c1\n"
		  "CSeq: 1 CANCEL\nContent-Length: 0\n\n");
	wire_answer(&s.wire, A1, last(&s, A1, "CANCEL"), "200 OK", "", "");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "487 Request Terminated", "t", "");
	assert_int_equal(counters(&s)->sessions, 0);
	check_starts_nothing(&s, again);
	free(again);
	scene_end(&s);
}

static void feed_message(struct scene *s, const char *method)
{
	unsigned n = ++s->branches;

	wire_feed(&s->wire, ALICE,
		  "%s sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKm%u\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\n"
		  "Call-ID: m%u\nCSeq: 1 %s\nEvent: presence\nContact: <sip:alice@127.0.0.1:6000>\n"
		  "Content-Length: 0\n\n",
		  method, n, n, method);
}

/* ---------------------------------------------------------------- IC-8, IC-9 */

/* @req IC-8 IC-9  Not a millisecond before its wait is over; then on to the next, or 408 to the caller. */
static void test_ic_8_a_silent_server(void **state)
{
	static const uint32_t waits[] = {1000, 4000, 9000};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		bool terminates = i & 1;
		struct node_settings settings;
		struct scene s;

		open_scene_of(&s, 2, 0, terminates);
		settings = s.wire.settings;
		settings.server_wait_ms = waits[i / 2];
		node_set_settings(s.wire.node, &settings);
		scene_hop(&s, A1)->is_manual = true;
		wire_invite(&s.wire, "c1", "");
		wire_run(&s.wire, waits[i / 2] - 1);
		assert_int_equal(count_to(&s, A2, "INVITE"), 0);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 4"), 0);
		assert_int_equal(counters(&s)->servers_failed, 0);
		wire_run(&s.wire, 1);
		settle(&s);
		assert_int_equal(counters(&s)->servers_failed, 1);
		assert_int_equal(count_to(&s, A2, "INVITE"), !terminates);
		assert_int_equal(count_to(&s, BOB, "INVITE"), !terminates);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 408"), terminates);
		assert_int_equal(counters(&s)->sessions, !terminates);
		assert_int_equal(counters(&s)->clauses[CLAUSE_SERVER_PASSED_OVER], !terminates);
		assert_int_equal(counters(&s)->clauses[CLAUSE_SERVER_NEEDED], terminates);
		assert_int_equal(count_to(&s, A1, "CANCEL"), 0); /* RFC 3261 §9.1 */
		if (!terminates)
			bob_answers(&s, "486 Busy Here");
		scene_end(&s);
	}
}

/* What the server says, after which provisional response, and whether it has failed by that. `want_status`: what the
 * caller hears with the default handling "terminate". */
static const struct failing {
	const char *before, *says;
	bool failed;
	unsigned want_status;
} failings[] = {
	{NULL, "408 Request Timeout", true, 408},
	{NULL, "500 Broken", true, 500},
	{NULL, "503 Service Unavailable", true, 500},
	{NULL, "504 Server Time-out", true, 504},
	{NULL, "580 Precondition Failure", true, 580},
	{NULL, "480 Temporarily Unavailable", false, 480},
	{NULL, "404 Not Found", false, 404},
	{NULL, "603 Decline", false, 603},
	{NULL, "302 Moved Temporarily", false, 302},
	{"100 Trying", "500 Broken", true, 500},
	{"100 Trying", "408 Request Timeout", true, 408},
	{"180 Ringing", "500 Broken", false, 500},
	{"183 Session Progress", "408 Request Timeout", false, 408},
	{"182 Queued", "503 Service Unavailable", false, 500},
};

static void test_ic_8_ic_9_what_counts_as_a_failure(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(failings) / sizeof(failings[0]); i++) {
		const struct failing *row = &failings[i / 2];
		bool terminates = i & 1, goes_on = row->failed && !terminates;
		char want[20];
		struct scene s;

		open_scene_of(&s, 1, 0, terminates);
		scene_hop(&s, A1)->is_manual = true;
		wire_invite(&s.wire, "c1", "");
		if (row->before)
			wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), row->before, "t",
				    "Contact: <sip:as@127.0.0.1:8001>\n");
		wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), row->says, "t", "");
		snprintf(want, sizeof(want), "SIP/2.0 %u ", row->want_status);
		if (count_to(&s, BOB, "INVITE") != goes_on ||
		    count_to(&s, ALICE, want) != !goes_on ||
		    counters(&s)->servers_failed != row->failed)
			fail_msg("%s, %s, %s: %u to bob, %u %s, %u failed", row->before, row->says,
				 terminates ? "terminates" : "continues",
				 count_to(&s, BOB, "INVITE"), count_to(&s, ALICE, want), want,
				 (unsigned)counters(&s)->servers_failed);
		assert_int_equal(count_to(&s, A1, "ACK"),
				 1); /* its final response was acknowledged */
		assert_int_equal(counters(&s)->sessions, goes_on);
		if (goes_on)
			bob_answers(&s, "486 Busy Here");
		scene_end(&s);
	}
}

/* @req IC-8  The request went on from there: the fault is further down, and its response is forwarded. */
static void test_ic_8_a_failure_further_down(void **state)
{
	static const char *const says[] = {"500 Broken", "503 Service Unavailable",
					   "408 Request Timeout"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct scene s;

		open_scene_of(&s, 2, 2, false);
		wire_invite(&s.wire, "c1", "");
		settle(&s);
		assert_int_equal(counters(&s)->passages, 5);
		bob_answers(&s, says[i]);
		assert_int_equal(counters(&s)->servers_failed, 0);
		assert_int_equal(count_to(&s, ALICE, i == 2 ? "SIP/2.0 408" : "SIP/2.0 500"), 1);
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* @req IC-8  The transport says that it cannot be delivered. */
static void test_ic_8_a_server_that_cannot_be_reached(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool terminates = i & 1, no_way = i & 2;
		const struct test_criteria a[] = {
			{.uri = no_way ? "sip:as.nowhere.example" : URI(8001),
			 .terminates = terminates}};
		struct node_event event = {.kind = NODE_EVENT_SEND_FAILED,
					   .peer = wire_address(TRANSPORT_UDP, A1)};
		struct scene s;

		served_users = subscribers_open();
		served_add("sip:alice@ims.example", a, 1);
		scene_open(&s);
		wire_invite(&s.wire, "c1", "");
		if (!no_way) {
			event.bytes = text_of(last(&s, A1, "INVITE"));
			node_feed(s.wire.node, s.wire.now_ms, &event);
			wire_collect(&s.wire);
		}
		assert_int_equal(counters(&s)->servers_failed, 1);
		assert_int_equal(count_to(&s, BOB, "INVITE"), !terminates);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 4") +
					 count_to(&s, ALICE, "SIP/2.0 5"),
				 terminates);
		assert_int_equal(counters(&s)->sessions, !terminates);
		if (!terminates)
			bob_answers(&s, "486 Busy Here");
		scene_end(&s);
	}
}

/* @req IC-8  100 is a sign of life (docs/adr/0024): it may take as long as Timer C, and then call back. */
static void test_ic_8_100_stops_the_wait(void **state)
{
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	wire_run(&s.wire, 3900);
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "100 Trying", "", "");
	wire_run(&s.wire, 150000);
	assert_int_equal(count_to(&s, BOB, "INVITE"), 0);
	assert_int_equal(counters(&s)->servers_failed, 0);
	pass_on(&s, A1, last(&s, A1, "INVITE"), (struct change){.mark = "late"});
	last(&s, BOB, "INVITE");
	bob_answers(&s, "486 Busy Here");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "486 Busy Here", "b", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 486"), 1);
	scene_end(&s);
}

/* alice's INVITE is with A1, which is silent until it is passed over, and then with A2 by the test's hand. */
static void pass_a1_over(struct scene *s)
{
	open_scene_of(s, 2, 0, false);
	scene_hop(s, A1)->is_manual = scene_hop(s, A2)->is_manual = true;
	wire_invite(&s->wire, "c1", "");
	wire_run(&s->wire, 4000);
	last(s, A2, "INVITE");
}

/* @req IC-9  Passed over, and then it wakes up: it is cancelled at its first word, its callback starts nothing, and what it says
 * ends nothing. */
static void test_ic_9_a_server_that_wakes_up_late(void **state)
{
	struct scene s;
	char *callback;

	(void)state;
	pass_a1_over(&s);
	callback = strdup(hop_text(A1, last(&s, A1, "INVITE"), (struct change){.mark = "late"}));
	pass_on(&s, A2, last(&s, A2, "INVITE"), (struct change){.mark = NULL});
	last(&s, BOB, "INVITE");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "100 Trying", "", "");
	assert_int_equal(count_to(&s, A1, "CANCEL"), 1);
	wire_answer(&s.wire, A1, last(&s, A1, "CANCEL"), "200 OK", "", "");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "487 Request Terminated", "t", "");
	assert_int_equal(count_to(&s, A1, "ACK"), 1);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 487"), 0);
	assert_int_equal(counters(&s)->sessions, 1);
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	{
		char *ringing = strdup(last(&s, A2, "SIP/2.0 180"));

		pass_back(&s, A2, ringing);
		free(ringing);
	}
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 180"), 1);
	check_starts_nothing(&s, callback);
	free(callback);
	wire_release_all(&s.wire, 480);
	scene_end(&s);
}

/* @req IC-8 IC-9  What the server that was passed over says is not what the server that has the request now says: that one fails
 * by itself. */
static void test_ic_9_a_late_180_does_not_count_for_the_next_server(void **state)
{
	struct scene s;

	(void)state;
	pass_a1_over(&s);
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "180 Ringing", "t",
		    "Contact: <sip:as@127.0.0.1:8001>\n");
	wire_answer(&s.wire, A2, last(&s, A2, "INVITE"), "500 Broken", "u", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 500"), 0);
	assert_int_equal(counters(&s)->servers_failed, 2);
	last(&s, BOB, "INVITE");
	scene_end(&s);
}

/* @req IC-9  A provisional response of a server that was passed over begins no early dialog of the caller. */
static void test_ic_9_a_late_180_is_not_forwarded(void **state)
{
	struct scene s;

	(void)state;
	pass_a1_over(&s);
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "180 Ringing", "t",
		    "Contact: <sip:as@127.0.0.1:8001>\n");
	assert_int_equal(count_to(&s, A1, "CANCEL"), 1);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 180"), 0);
	assert_int_equal(counters(&s)->dialogs, 0);
	scene_end(&s);
}

/* @req IC-9 PX-11  A 2xx of a server that was passed over has crossed the CANCEL: like every 2xx it is forwarded (RFC 3261 §16.7
 * step 5), and whoever rings besides is cancelled (step 10): the caller must not be left with a second call. */
static void test_ic_9_a_late_2xx_ends_the_other_branch(void **state)
{
	struct scene s;

	(void)state;
	pass_a1_over(&s);
	wire_answer(&s.wire, A2, last(&s, A2, "INVITE"), "180 Ringing", "u",
		    "Contact: <sip:as@127.0.0.1:8002>\n");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "200 OK", "t",
		    "Contact: <sip:as@127.0.0.1:8001>\n");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
	assert_int_equal(count_to(&s, A2, "CANCEL"), 1);
	wire_answer(&s.wire, A2, last(&s, A2, "INVITE"), "487 Request Terminated", "u", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 487"), 0);
	wire_release_all(&s.wire, 480); /* it is a session like any other */
	assert_int_equal(count_to(&s, A1, "BYE"), 1);
	scene_end(&s);
}

/* @req IC-9 IC-6  There is no other server: the request is with bob when the one that was passed over calls back. INVITE and
 * MESSAGE. */
static void test_ic_9_a_late_callback_of_the_only_server(void **state)
{
	(void)state;
	for (int is_message = 0; is_message < 2; is_message++) {
		const char *method = is_message ? "MESSAGE" : "INVITE";
		struct scene s;
		char *late;

		open_scene_of(&s, 1, 0, false);
		scene_hop(&s, A1)->is_manual = true;
		if (is_message)
			feed_message(&s, method);
		else
			wire_invite(&s.wire, "c1", "");
		late = strdup(hop_text(A1, last(&s, A1, method), (struct change){.mark = "late"}));
		wire_run(&s.wire, is_message ? 8000 : 4000);
		assert_int_equal(count_new(&s, BOB, method), 1);
		check_starts_nothing(&s, late);
		free(late);
		scene_end(&s);
	}
}

/* @req IC-9  The caller cancels after one server was passed over: the next one is cancelled, and the caller hears 487. */
static void test_ic_9_cancelled_after_a_server_was_passed_over(void **state)
{
	struct scene s;

	(void)state;
	pass_a1_over(&s);
	wire_answer(&s.wire, A2, last(&s, A2, "INVITE"), "100 Trying", "", "");
	wire_feed(&s.wire, ALICE,
		  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: c1\n"
		  "CSeq: 1 CANCEL\nContent-Length: 0\n\n");
	wire_answer(&s.wire, A2, last(&s, A2, "CANCEL"), "200 OK", "", "");
	wire_answer(&s.wire, A2, last(&s, A2, "INVITE"), "487 Request Terminated", "u", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 487"), 1);
	assert_int_equal(counters(&s)->sessions, 0);
	scene_end(&s);
}

/* @req IC-9  All servers fail one after the other, each in its own way; the call still reaches bob. */
static void test_ic_9_every_server_fails(void **state)
{
	struct scene s;

	(void)state;
	open_scene_of(&s, 2, 2, false);
	for (unsigned i = 0; i < s.n_hops; i++)
		s.hops[i].is_manual = true;
	wire_invite(&s.wire, "c1", "");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "503 Full", "t", "Retry-After: 5\n");
	wire_run(&s.wire, 4000);
	wire_answer(&s.wire, B1, last(&s, B1, "INVITE"), "100 Trying", "", "");
	wire_answer(&s.wire, B1, last(&s, B1, "INVITE"), "500 Broken", "t", "");
	wire_answer(&s.wire, B2, last(&s, B2, "INVITE"), "408 Timeout", "t", "");
	assert_int_equal(counters(&s)->servers_failed, 4);
	assert_int_equal(counters(&s)->sessions_begun, 1);
	assert_int_equal(counters(&s)->passages, 1); /* nobody called back: one passage */
	assert_int_equal(count_new(&s, BOB, "INVITE"), 1);
	wire_check_header(last(&s, BOB, "INVITE sip:bob@127.0.0.1:7000"), "P-Served-User", NULL);
	assert_null(strstr(last(&s, BOB, "INVITE"), "odi="));
	bob_answers(&s, "200 OK");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
	/* and it is released with one pair */
	wire_release_all(&s.wire, 480);
	assert_int_equal(count_to(&s, BOB, "BYE"), 1);
	for (unsigned i = 0; i < s.n_hops; i++)
		assert_int_equal(count_to(&s, s.hops[i].port, "BYE"), 0);
	scene_end(&s);
}

/* ---------------------------------------------------------------- IC-10 */

#define TRUSTED_ONLY(settings)                                                                     \
	((settings)->trusted[0] =                                                                  \
		 (struct node_prefix){.address = wire_address(TRANSPORT_UDP, 0), .bits = 32})

/* 127.0.0.1 alone is trusted. */
static void one_trusted(struct node_settings *settings)
{
	settings->subscribers = served_users;
	TRUSTED_ONLY(settings);
}

static struct endpoint at(uint8_t last_byte, uint16_t port)
{
	struct endpoint e = wire_address(TRANSPORT_UDP, port);

	e.ip[3] = last_byte;
	return e;
}

static void open_with_trust(struct scene *s, const struct test_criteria *a, unsigned n_a)
{
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, n_a);
	served_add("sip:bob@ims.example", NULL, 0);
	served_add("sip:carol@ims.example", NULL, 0);
	scene_open_with(s, one_trusted);
	wire_bind(&s->wire, "sip:carol@ims.example", "sip:carol@127.0.0.9:7100");
	/* alice has registered from outside too: from there she speaks for herself */
	wire_bind(&s->wire, "sip:alice@ims.example", "sip:alice@127.0.0.8:6000");
}

#define PAI "P-Asserted-Identity"
#define PCV "P-Charging-Vector"

static void identified_invite(struct scene *s, struct endpoint from, const char *to,
			      const char *lines)
{
	unsigned n = ++s->branches;

	wire_feed_from(
		&s->wire, from,
		"INVITE sip:%s@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.%u:6000;branch=z9hG4bKi%u\nMax-Forwards: 70\n"
		"From: <sip:alice@ims.example>;tag=a\nTo: <sip:x@y>\nCall-ID: i%u\n"
		"CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n%sContent-Length: 0\n\n",
		to, from.ip[3], n, n, lines);
}

/* @req IC-10 IC-11  Initial requests: from where × to where, without a server and to one outside the trusted addresses, which
 * is inside the trust domain all the same. */
static void test_ic_10_initial_requests(void **state)
{
	static const struct {
		uint8_t from;
		const char *to;
		uint16_t port;
		bool to_server, identity_passes, vector_is_there, vector_is_theirs;
	} rows[] = {
		{1, "bob", BOB, false, true, true, true},
		{1, "carol", CAROL, false, false, false, false},
		{8, "bob", BOB, false, false, true, false},
		{8, "carol", CAROL, false, false, false, false},
		{1, "bob", A1, true, true, true, true},
		{8, "bob", A1, true, false, true, false},
	};
	static const struct test_criteria a[] = {{.uri = "sip:127.0.0.7:8001"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		char value[300] = "";
		const char *m;

		open_with_trust(&s, a, rows[i].to_server);
		identified_invite(&s, at(rows[i].from, 6000), rows[i].to,
				  PAI
				  ": <sip:alice@ims.example>\n" PCV
				  ": icid-value=theirs\nP-Served-User: <sip:alice@ims.example>\n"
				  "X-Other: stays\n");
		m = last(&s, rows[i].port, "INVITE");
		wire_check_header(m, "X-Other", "stays");
		wire_check_header(m, PAI,
				  rows[i].identity_passes ? "<sip:alice@ims.example>" : NULL);
		wire_header(m, PCV, 0, value, sizeof(value));
		assert_int_equal(*value != 0, rows[i].vector_is_there);
		assert_int_equal(strcmp(value, "icid-value=theirs") == 0, rows[i].vector_is_theirs);
		wire_check_header(m, "P-Served-User",
				  rows[i].to_server
					  ? "<sip:alice@ims.example>;sescase=orig;regstate=reg"
					  : NULL);
		scene_close(&s);
	}
}

/* @req IC-10  P-Served-User of one who is not trusted is not believed: the user of From is served. */
static void test_ic_10_a_served_user_from_outside_is_not_believed(void **state)
{
	static const struct test_criteria a[] = {{.uri = URI(8001)}};

	(void)state;
	for (int trusted = 0; trusted < 2; trusted++) {
		struct scene s;

		open_with_trust(&s, a, 1);
		wire_feed_from(&s.wire, at(trusted ? 1 : 8, 6000),
			       "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			       "127.0.0.1:6000;branch=z9hG4bKi\nMax-Forwards: 70\n"
			       "From: <sip:s@far.example>;tag=a\nTo: <sip:x@y>\nCall-ID: i\n"
			       "P-Served-User: <sip:alice@ims.example>\n"
			       "CSeq: 1 INVITE\nContact: <sip:s@127.0.0.1:6000>\n"
			       "Content-Length: 0\n\n");
		assert_int_equal(count_to(&s, A1, "INVITE"), trusted);
		assert_int_equal(count_to(&s, BOB, "INVITE"), !trusted);
		scene_close(&s);
	}
}

/* @req IC-10  Requests inside the dialog, in both directions. */
static void test_ic_10_inside_the_dialog(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t from = i & 1 ? 8 : 1;
		bool to_trusted = i & 2;
		struct scene s;
		char routes[300];

		open_with_trust(&s, NULL, 0);
		identified_invite(&s, at(from, 6000), to_trusted ? "bob" : "carol", "");
		wire_feed_from(&s.wire, at(to_trusted ? 1 : 9, to_trusted ? BOB : CAROL), "%s",
			       "x");
		{
			uint16_t port = to_trusted ? BOB : CAROL;
			struct endpoint callee = at(to_trusted ? 1 : 9, port);
			const char *invite = last(&s, port, "INVITE");
			char via[300], via2[300], call_id[40];

			wire_header(invite, "Via", 0, via, sizeof(via));
			wire_header(invite, "Via", 1, via2, sizeof(via2));
			wire_header(invite, "Record-Route", 0, routes, sizeof(routes));
			wire_header(invite, "Call-ID", 0, call_id, sizeof(call_id));
			wire_feed_from(&s.wire, callee,
				       "SIP/2.0 200 OK\nVia: %s\nVia: %s\nRecord-Route: %s\nFrom: "
				       "<sip:alice@ims.example>;tag=a\nTo: <sip:x@y>;tag=b\n"
				       "Call-ID: %s\nCSeq: 1 INVITE\nContact: "
				       "<sip:x@127.0.0.%u:%u>\nContent-Length: 0\n\n",
				       via, via2, routes, call_id, callee.ip[3], port);
			wire_feed_from(&s.wire, at(from, 6000),
				       "INFO sip:x@127.0.0.%u:%u SIP/2.0\nVia: SIP/2.0/UDP "
				       "127.0.0.%u:6000;branch=z9hG4bKinfo\nMax-Forwards: 70\n"
				       "Route: %s\nFrom: <sip:alice@ims.example>;tag=a\nTo: "
				       "<sip:x@y>;tag=b\nCall-ID: %s\nCSeq: 2 INFO\n" PAI
				       ": <sip:alice@ims.example>\nContent-Length: 0\n\n",
				       callee.ip[3], port, from, routes, call_id);
			wire_check_header(last(&s, port, "INFO"), PAI,
					  from == 1 && to_trusted ? "<sip:alice@ims.example>"
								  : NULL);
		}
		scene_close(&s);
	}
}

/* @req IC-10  RFC 3325 §5 speaks of messages, not only of requests: what a callee that is not trusted asserts in its responses
 * is taken off, what is said to a caller that is not trusted too. */
static void test_ic_10_responses(void **state)
{
	static const char *const statuses[] = {"180 Ringing", "200 OK", "486 Busy Here"};

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		uint8_t from = i & 1 ? 8 : 1;
		bool to_trusted = i & 2, passes = from == 1 && to_trusted;
		uint16_t port = to_trusted ? BOB : CAROL;
		struct endpoint callee = at(to_trusted ? 1 : 9, port);
		char via[300], via2[300], routes[300], value[300], begin[20];
		const char *invite, *m;
		struct scene s;

		open_with_trust(&s, NULL, 0);
		identified_invite(&s, at(from, 6000), to_trusted ? "bob" : "carol", "");
		invite = last(&s, port, "INVITE");
		wire_header(invite, "Via", 0, via, sizeof(via));
		wire_header(invite, "Via", 1, via2, sizeof(via2));
		wire_header(invite, "Record-Route", 0, routes, sizeof(routes));
		wire_feed_from(&s.wire, callee,
			       "SIP/2.0 %s\nVia: %s\nVia: %s\nRecord-Route: %s\nFrom: "
			       "<sip:alice@ims.example>;tag=a\nTo: <sip:x@y>;tag=b\n"
			       "Call-ID: i%u\nCSeq: 1 INVITE\nContact: <sip:x@127.0.0.%u:%u>\n" PAI
			       ": <sip:boss@ims.example>\n" PCV
			       ": icid-value=theirs\nContent-Length: 0\n\n",
			       statuses[i / 4], via, via2, routes, s.branches, callee.ip[3], port);
		snprintf(begin, sizeof(begin), "SIP/2.0 %.3s", statuses[i / 4]);
		m = last(&s, 6000, begin);
		if ((wire_header(m, PAI, 0, value, sizeof(value)) != NULL) != passes ||
		    (wire_header(m, PCV, 0, value, sizeof(value)) != NULL) != passes)
			fail_msg("%s from %s to %s:\n%s", statuses[i / 4],
				 to_trusted ? "a trusted callee" : "a callee outside",
				 from == 1 ? "a trusted caller" : "a caller outside", m);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- IC-11 */

static const char *icid_of(const char *m, char *buffer, size_t max)
{
	char value[400], again[400];

	assert_non_null(m);
	if (!wire_header(m, PCV, 0, value, sizeof(value)))
		fail_msg("no " PCV " in\n%s", m);
	assert_null(wire_header(m, PCV, 1, again, sizeof(again)));
	snprintf(buffer, max, "%.*s", (int)strcspn(value, ";"), value);
	return buffer;
}

/* @req IC-11  One for the whole session, whoever is asked. */
static void test_ic_11_the_same_icid_everywhere(void **state)
{
	static const uint16_t ports[] = {A1, A2, B1, B2, BOB};

	(void)state;
	for (int given = 0; given < 2; given++) {
		char first[200], other[200];
		struct scene s;
		struct party alice, bob;

		open_scene_of(&s, 2, 2, false);
		if (given) {
			wire_invite(&s.wire, "c1", PCV ": icid-value=given;orig-ioi=x\n");
			settle(&s);
			party_of_callee(&bob, BOB, last(&s, BOB, "INVITE"), "b");
			bob_answers(&s, "200 OK");
			party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
			party_says(&s, &alice, "ACK", "");
			settle(&s);
		} else {
			scene_call(&s, "c1", &alice, &bob);
		}
		icid_of(last(&s, A1, "INVITE"), first, sizeof(first));
		assert_int_equal(strncmp(first, given ? "icid-value=given" : "icid-value=ad-", 14),
				 0);
		assert_true(strlen(first) > 14);
		for (size_t i = 0; i < 5; i++)
			assert_string_equal(
				icid_of(last(&s, ports[i], "INVITE"), other, sizeof(other)), first);
		scene_forget(&s);
		wire_release_all(&s.wire, 480);
		settle(&s);
		for (size_t i = 0; i < 5; i++)
			assert_string_equal(
				icid_of(last(&s, ports[i], "BYE"), other, sizeof(other)), first);
		assert_string_equal(icid_of(last(&s, ALICE, "BYE"), other, sizeof(other)), first);
		ends_answer_all(&s);
		scene_end(&s);
	}
}

/* Two sessions are two. */
static void test_ic_11_each_session_has_its_own(void **state)
{
	char first[200], second[200];
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	wire_invite(&s.wire, "c1", "");
	icid_of(last(&s, A1, "INVITE"), first, sizeof(first));
	wire_invite(&s.wire, "c2", "");
	icid_of(last(&s, A1, "INVITE"), second, sizeof(second));
	assert_string_not_equal(first, second);
	settle(&s);
	scene_end(&s);
}

/* @req IC-11  A B2BUA that forgets the vector does not make another session of it: we know which it was. */
static void test_ic_11_a_server_that_loses_the_vector(void **state)
{
	char first[200], second[200];
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	icid_of(last(&s, A1, "INVITE"), first, sizeof(first));
	pass_on(&s, A1, last(&s, A1, "INVITE"),
		(struct change){
			.is_b2bua = true, .call_id = "x1", .from_tag = "x", .without = PCV});
	icid_of(last(&s, BOB, "INVITE"), second, sizeof(second));
	assert_string_equal(second, first);
	scene_end(&s);
}

/* @req IC-11 IC-9  A request that goes on without its server keeps its vector, though it came without one, or with one that is
 * not believed; a MESSAGE too. */
static void test_ic_11_when_a_server_was_passed_over(void **state)
{
	static const struct test_criteria a[] = {{.uri = URI(8001)}, {.uri = URI(8002)}};

	(void)state;
	for (int i = 0; i < 8; i++) {
		bool is_message = i & 1, outside = i & 2, has_one = i & 4;
		const char *method = is_message ? "MESSAGE" : "INVITE";
		char first[200], second[200];
		struct scene s;

		open_with_trust(&s, a, 2);
		wire_feed_from(&s.wire, at(outside ? 8 : 1, 6000),
			       "%s sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			       "127.0.0.1:6000;branch=z9hG4bKi\nMax-Forwards: 70\n"
			       "From: <sip:alice@ims.example>;tag=a\nTo: <sip:x@y>\nCall-ID: i\n"
			       "CSeq: 1 %s\nContact: <sip:alice@127.0.0.1:6000>\n%s"
			       "Content-Length: 0\n\n",
			       method, method, has_one ? PCV ": icid-value=theirs\n" : "");
		icid_of(last(&s, A1, method), first, sizeof(first));
		assert_int_equal(strcmp(first, "icid-value=theirs") == 0, has_one && !outside);
		wire_answer(&s.wire, A1, last(&s, A1, method), "500 Broken", "t", "");
		if (!strstr(last(&s, A2, method), "\r\n" PCV ": "))
			fail_msg("%s from %s, %s: no vector to the second server", method,
				 outside ? "outside" : "inside", has_one ? "with one" : "without");
		icid_of(last(&s, A2, method), second, sizeof(second));
		assert_string_equal(second, first);
		scene_close(&s);
	}
}

/* ---------------------------------------------------------------- IC-12 */

/* @req IC-12  A redirecting server: its 302 is the answer. */
static void test_ic_12_a_redirecting_server(void **state)
{
	struct node_session_report r;
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "302 Moved Temporarily", "t",
		    "Contact: <sip:carol@ims.example>\n");
	wire_check_header(last(&s, ALICE, "SIP/2.0 302"), "Contact", "<sip:carol@ims.example>");
	report_of(&s, NODE_GONE, &r);
	assert_int_equal(r.end, SESSION_END_REJECTED);
	assert_int_equal(r.end_status, 302);
	assert_int_equal(count_to(&s, BOB, "INVITE"), 0);
	scene_end(&s);
}

/* @req IC-12  A server that answers itself is an end like a user: one pair of BYEs; it may hang up too. */
static void test_ic_12_an_answering_server(void **state)
{
	(void)state;
	for (int who = 0; who < 3; who++) {
		struct node_session_report r;
		struct party alice, server;
		struct scene s;

		open_scene_of(&s, 0, 1, false);
		scene_hop(&s, B1)->is_manual = true;
		wire_invite(&s.wire, "c1", "");
		party_of_callee(&server, B1, last(&s, B1, "INVITE"), "as");
		wire_answer(&s.wire, B1, last(&s, B1, "INVITE"), "200 OK", "as",
			    "Contact: <sip:as@127.0.0.1:8101>\n");
		party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
		party_says(&s, &alice, "ACK", "");
		last(&s, B1, "ACK");
		if (who == 0) {
			wire_release_all(&s.wire, 480);
			wire_answer(&s.wire, ALICE, last(&s, ALICE, "BYE"), "200 OK", "", "");
			wire_answer(&s.wire, B1, last(&s, B1, "BYE"), "200 OK", "", "");
		} else if (who == 1) {
			party_says(&s, &alice, "BYE", "");
			wire_answer(&s.wire, B1, last(&s, B1, "BYE"), "200 OK", "", "");
		} else {
			party_says(&s, &server, "BYE", "");
			wire_answer(&s.wire, ALICE, last(&s, ALICE, "BYE"), "200 OK", "", "");
		}
		assert_int_equal(counters(&s)->sessions, 0);
		assert_int_equal(count_to(&s, BOB, "INVITE"), 0);
		assert_int_equal(count_new(&s, B1, "BYE") + count_new(&s, ALICE, "BYE"),
				 who == 0 ? 2 : 1);
		report_of(&s, NODE_GONE, &r);
		assert_int_equal(r.end, who == 0   ? SESSION_END_RELEASED
					: who == 1 ? SESSION_END_BYE_OF_CALLING
						   : SESSION_END_BYE_OF_SERVER);
		scene_end(&s);
	}
}

/* @req IC-12 SC-4  A forking server: two requests with one identifier are two passages of one session; the first that answers
 * wins, both answered have a pair each. */
static void test_ic_12_a_forking_server(void **state)
{
	struct scene s;
	struct party alice[2];
	char *sent, *answer[2];

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	sent = strdup(last(&s, A1, "INVITE"));
	pass_on(&s, A1, sent, (struct change){.mark = "-1"});
	pass_on(&s, A1, sent, (struct change){.mark = "-2"});
	assert_int_equal(count_new(&s, BOB, "INVITE"), 2);
	assert_int_equal(counters(&s)->sessions, 1);
	assert_int_equal(counters(&s)->passages, 3);
	for (unsigned i = 0; i < 2; i++)
		wire_answer(&s.wire, BOB, wire_sent(&s.wire, BOB, "INVITE", i), "200 OK",
			    i ? "b2" : "b1", BOBS_CONTACT);
	for (unsigned i = 0; i < 2; i++)
		answer[i] = strdup(wire_sent(&s.wire, A1, "SIP/2.0 200", i));
	for (unsigned i = 0; i < 2; i++)
		pass_back(&s, A1, answer[i]);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 2);
	scene_hop(&s, A1)->is_manual = false;
	s.seen = s.wire.n_out;
	for (unsigned i = 0; i < 2; i++) {
		party_of_caller(&alice[i], ALICE, wire_sent(&s.wire, ALICE, "SIP/2.0 200", i));
		party_says(&s, &alice[i], "ACK", "");
	}
	settle(&s);
	assert_int_equal(count_new(&s, BOB, "ACK"), 2);
	assert_int_equal(counters(&s)->sessions, 1);
	/* one dialog is ended by alice: the session lives on */
	party_says(&s, &alice[0], "BYE", "");
	settle(&s);
	ends_answer_all(&s);
	assert_int_equal(count_new(&s, BOB, "BYE"), 1);
	assert_int_equal(counters(&s)->sessions, 1);
	wire_release_all(&s.wire, 480);
	settle(&s);
	assert_int_equal(count_new(&s, BOB, "BYE"), 2);
	assert_int_equal(count_new(&s, ALICE, "BYE"), 1);
	ends_answer_all(&s);
	assert_int_equal(counters(&s)->sessions, 0);
	free(sent);
	free(answer[0]);
	free(answer[1]);
	scene_end(&s);
}

/* ---------------------------------------------------------------- IC-13 */

/* @req IC-13  MESSAGE and SUBSCRIBE take the same way; what is kept for them goes with their transactions. */
static void test_ic_13_requests_without_a_session(void **state)
{
	static const char *const methods[] = {"MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER",
					      "OPTIONS"};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		char value[300];
		struct scene s;

		open_scene_of(&s, 2, 1, false);
		feed_message(&s, methods[i]);
		settle(&s);
		assert_int_equal(count_new(&s, A1, methods[i]), 1);
		assert_int_equal(count_new(&s, A2, methods[i]), 1);
		assert_int_equal(count_new(&s, B1, methods[i]), 1);
		assert_int_equal(count_new(&s, BOB, methods[i]), 1);
		assert_int_equal(counters(&s)->sessions_begun, 0);
		assert_int_equal(counters(&s)->passages, 4);
		/* a subscription makes a dialog that runs through here */
		assert_int_equal(wire_header(last(&s, BOB, methods[i]), "Record-Route", 0, value,
					     sizeof(value)) != NULL,
				 i == 1);
		wire_answer(&s.wire, BOB, last(&s, BOB, methods[i]), "200 OK", "b", BOBS_CONTACT);
		settle(&s);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
		scene_run(&s, 40000);
		assert_int_equal(counters(&s)->passages, 0);
		scene_end(&s);
	}
}

/* @req IC-13 IC-8 IC-9  A MESSAGE whose servers fail: passed over, or the failure is the answer. */
static void test_ic_13_a_message_whose_server_fails(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool terminates = i & 1, silent = i & 2;
		struct scene s;

		open_scene_of(&s, 1, 0, terminates);
		scene_hop(&s, A1)->is_manual = true;
		feed_message(&s, "MESSAGE");
		if (silent)
			wire_run(&s.wire, 8000); /* 2*T2: docs/adr/0024 */
		else
			wire_answer(&s.wire, A1, last(&s, A1, "MESSAGE"), "500 Broken", "t", "");
		assert_int_equal(counters(&s)->servers_failed, 1);
		assert_int_equal(count_to(&s, BOB, "MESSAGE"), !terminates);
		if (!terminates) {
			wire_answer(&s.wire, BOB, last(&s, BOB, "MESSAGE"), "200 OK", "b", "");
			assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
		} else if (!silent) {
			assert_int_equal(count_to(&s, ALICE, "SIP/2.0 500"), 1);
		} else { /* RFC 4320 §4.2: nobody says 408 to it */
			assert_int_equal(count_to(&s, ALICE, "SIP/2.0 408"), 0);
		}
		scene_run(&s, 80000);
		assert_int_equal(counters(&s)->passages, 0);
		scene_end(&s);
	}
}

/* @req IC-13 IC-6  The identifier of a MESSAGE dies with its transaction. */
static void test_ic_13_a_late_message(void **state)
{
	struct scene s;
	char *late;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	feed_message(&s, "MESSAGE");
	late = strdup(hop_text(A1, last(&s, A1, "MESSAGE"), (struct change){.mark = "late"}));
	wire_answer(&s.wire, A1, last(&s, A1, "MESSAGE"), "200 OK", "t", "");
	scene_run(&s, 40000);
	check_starts_nothing(&s, late);
	free(late);
	scene_end(&s);
}

/* ---------------------------------------------------------------- IC-15 */

/* @req IC-15  With Record-Route a server sees what comes later, without it does not; the operator's release does its part
 * either way. */
static void test_ic_15_who_stays_in_the_dialog(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 16; bits++) {
		static const uint16_t ports[] = {A1, A2, B1, B2};
		struct party alice, bob;
		struct scene s;

		open_scene_of(&s, 2, 2, false);
		for (unsigned i = 0; i < 4; i++)
			scene_hop(&s, ports[i])->leaves = bits >> i & 1;
		scene_call(&s, "c1", &alice, &bob);
		party_says(&s, &alice, "INFO", "");
		settle(&s);
		party_says(&s, &bob, "UPDATE", "Contact: <sip:bob@127.0.0.1:7000>\n");
		settle(&s);
		for (unsigned i = 0; i < 4; i++) {
			unsigned want = !(bits >> i & 1);

			assert_int_equal(count_new(&s, ports[i], "ACK"), want);
			assert_int_equal(count_new(&s, ports[i], "INFO"), want);
			assert_int_equal(count_new(&s, ports[i], "UPDATE"), want);
		}
		assert_int_equal(count_new(&s, BOB, "INFO"), 1);
		assert_int_equal(count_new(&s, ALICE, "UPDATE"), 1);
		wire_answer(&s.wire, BOB, last(&s, BOB, "INFO"), "200 OK", "", "");
		wire_answer(&s.wire, ALICE, last(&s, ALICE, "UPDATE"), "200 OK", "",
			    "Contact: <sip:alice@127.0.0.1:6000>\n");
		settle(&s);
		/* SC-3 to SC-3c: one BYE for each that stayed, one for each user */
		wire_release_all(&s.wire, 480);
		settle(&s);
		ends_answer_all(&s);
		scene_run(&s, 9000);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(count_new(&s, ports[i], "BYE"), !(bits >> i & 1));
		assert_int_equal(count_new(&s, BOB, "BYE"), 1);
		assert_int_equal(count_new(&s, ALICE, "BYE"), 1);
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* ---------------------------------------------------------------- CANCEL and release while it rings */

static void cancel_of_alice(struct scene *s)
{
	wire_feed(
		&s->wire, ALICE,
		"CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		"From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: c1\n"
		"CSeq: 1 CANCEL\nReason: SIP;cause=200;text=\"elsewhere\"\nContent-Length: 0\n\n");
	settle(s);
}

/* @req IC-12  The caller cancels: the CANCEL runs through all servers, and the 487 comes back. */
static void test_ic_12_cancelled_by_the_caller(void **state)
{
	static const uint16_t ports[] = {A1, A2, B1, B2, BOB};
	struct node_session_report r;
	struct scene s;

	(void)state;
	open_scene_of(&s, 2, 2, false);
	wire_invite(&s.wire, "c1", "");
	settle(&s);
	bob_answers(&s, "180 Ringing");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 180"), 1);
	cancel_of_alice(&s);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(count_new(&s, ports[i], "CANCEL"), 1);
	wire_check_header(last(&s, BOB, "CANCEL"), "Reason", "SIP;cause=200;text=\"elsewhere\"");
	wire_answer(&s.wire, BOB, last(&s, BOB, "CANCEL"), "200 OK", "", "");
	bob_answers(&s, "487 Request Terminated");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 487"), 1);
	assert_int_equal(counters(&s)->sessions, 0);
	report_of(&s, NODE_GONE, &r);
	assert_int_equal(r.end, SESSION_END_CANCELLED);
	scene_end(&s);
}

/* @req SC-0 SC-3c  Released by the operator while it rings: bob one CANCEL, alice 480, and every server hears of it
 * once. */
static void test_sc_0_released_while_it_rings_through_servers(void **state)
{
	static const uint16_t ports[] = {A1, A2, B1, B2};
	struct node_session_report r;
	struct scene s;

	(void)state;
	open_scene_of(&s, 2, 2, false);
	wire_invite(&s.wire, "c1", "");
	settle(&s);
	bob_answers(&s, "180 Ringing");
	wire_release_all(&s.wire, 480);
	settle(&s);
	assert_int_equal(count_new(&s, BOB, "CANCEL"), 1);
	assert_non_null(strstr(last(&s, BOB, "CANCEL"), "\r\nReason: SIP;cause=480"));
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 480"), 1);
	assert_non_null(strstr(last(&s, ALICE, "SIP/2.0 480"), "\r\nReason: SIP;cause=480"));
	wire_answer(&s.wire, BOB, last(&s, BOB, "CANCEL"), "200 OK", "", "");
	bob_answers(&s, "487 Request Terminated");
	scene_run(&s, 9000);
	for (size_t i = 0; i < 4; i++) {
		unsigned cancels = count_new(&s, ports[i], "CANCEL"),
			 finals = count_new(&s, ports[i], "SIP/2.0 4");

		if (cancels > 1 || cancels + finals < 1)
			fail_msg("%u: %u CANCELs, %u final responses", ports[i], cancels, finals);
	}
	assert_int_equal(counters(&s)->sessions, 0);
	report_of(&s, NODE_GONE, &r);
	assert_int_equal(r.end, SESSION_END_RELEASED);
	assert_int_equal(r.n_dialogs, 0);
	scene_end(&s);
}

/* @req SC-0 IC-8  Released while a server still has it and nobody called back. */
static void test_sc_0_released_while_a_server_thinks(void **state)
{
	(void)state;
	for (int has_said_100 = 0; has_said_100 < 2; has_said_100++) {
		struct scene s;

		open_scene_of(&s, 1, 0, false);
		scene_hop(&s, A1)->is_manual = true;
		wire_invite(&s.wire, "c1", "");
		if (has_said_100)
			wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "100 Trying", "", "");
		wire_release_all(&s.wire, 480);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 480"), 1);
		assert_int_equal(count_to(&s, A1, "CANCEL"), has_said_100);
		if (has_said_100)
			wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "487 Request Terminated",
				    "t", "");
		scene_run(&s, 40000);
		assert_int_equal(count_to(&s, BOB, "INVITE"), 0); /* it does not go on without it */
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* ---------------------------------------------------------------- drain, reload */

/* @req IC-2  Draining: what comes back from a server belongs to a call that was let in; a new one is refused. */
static void test_ic_2_draining_lets_the_next_passages_through(void **state)
{
	struct party alice;
	struct scene s;

	(void)state;
	open_scene_of(&s, 2, 1, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	node_set_draining(s.wire.node, true);
	pass_on(&s, A1, last(&s, A1, "INVITE"), (struct change){.mark = NULL});
	scene_hop(&s, A1)->is_manual = false;
	settle(&s);
	last(&s, BOB, "INVITE");
	assert_int_equal(count_to(&s, A1, "SIP/2.0 503"), 0);
	assert_int_equal(counters(&s)->servers_failed, 0); /* it is not as if A1 had failed */
	assert_int_equal(counters(&s)->passages, 4);
	bob_answers(&s, "200 OK");
	party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
	party_says(&s, &alice, "ACK", "");
	settle(&s);
	last(&s, BOB, "ACK");
	wire_invite(&s.wire, "c2", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 503"), 1);
	assert_non_null(strstr(last(&s, ALICE, "SIP/2.0 503"), "\r\nRetry-After: 10\r\n"));
	assert_int_equal(counters(&s)->sessions, 1);
	wire_release_all(&s.wire, 480);
	settle(&s);
	ends_answer_all(&s);
	scene_end(&s);
}

/* @req IC-2  The subscribers are read anew while a server has the request: the position is kept by priority, so what is new
 * behind it is visited, what is new before it is not, and the served user may even be gone. */
static void test_ic_2_the_position_survives_a_reload(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		const struct test_criteria before[] = {{.uri = URI(8001), .priority = 10},
						       {.uri = URI(8002), .priority = 30}};
		const struct test_criteria after[] = {{.uri = URI(8003), .priority = 5},
						      {.uri = URI(8004), .priority = 20},
						      {.uri = URI(8002), .priority = 30}};
		struct node_settings settings;
		struct subscribers *old;
		struct scene s;

		served_users = subscribers_open();
		served_add("sip:alice@ims.example", before, 2);
		scene_open(&s);
		wire_invite(&s.wire, "c1", "");
		last(&s, A1, "INVITE");
		old = served_users;
		served_users = subscribers_open();
		served_add(gone ? "sip:nobody@ims.example" : "sip:alice@ims.example", after, 3);
		settings = s.wire.settings;
		settings.subscribers = served_users;
		node_set_settings(s.wire.node, &settings);
		subscribers_close(old); /* nothing of it may be looked at any more */
		pass_on(&s, A1, last(&s, A1, "INVITE"), (struct change){.mark = NULL});
		assert_int_equal(count_to(&s, 8003, "INVITE"), 0);
		assert_int_equal(count_to(&s, 8004, "INVITE"), !gone);
		if (!gone) {
			pass_on(&s, 8004, last(&s, 8004, "INVITE"), (struct change){.mark = NULL});
			pass_on(&s, A2, last(&s, A2, "INVITE"), (struct change){.mark = NULL});
		}
		last(&s, BOB, "INVITE");
		scene_end(&s);
	}
}

/* A server is passed over after a reload: the same. */
static void test_ic_9_passed_over_after_a_reload(void **state)
{
	const struct test_criteria before[] = {{.uri = URI(8001), .priority = 10}};
	const struct test_criteria after[] = {{.uri = URI(8003), .priority = 5},
					      {.uri = URI(8004), .priority = 20}};
	struct node_settings settings;
	struct subscribers *old;
	struct scene s;

	(void)state;
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", before, 1);
	scene_open(&s);
	wire_invite(&s.wire, "c1", "");
	old = served_users;
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", after, 2);
	settings = s.wire.settings;
	settings.subscribers = served_users;
	node_set_settings(s.wire.node, &settings);
	subscribers_close(old);
	wire_answer(&s.wire, A1, last(&s, A1, "INVITE"), "500 Broken", "t", "");
	assert_int_equal(count_to(&s, 8003, "INVITE"), 0);
	last(&s, 8004, "INVITE");
	scene_end(&s);
}

/* ---------------------------------------------------------------- requests while the release follows */

/* @req SC-8 SC-3  The BYE is with a server, and passage 2 only follows: everything but BYE and ACK is answered 481, of either
 * side; the BYE that comes is passed on. */
static void test_sc_8_while_a_passage_only_follows(void **state)
{
	static const char *const methods[] = {"INFO", "UPDATE", "INVITE", "MESSAGE", "PRACK"};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int by_bob = 0; by_bob < 2; by_bob++) {
			struct party alice, bob;
			struct scene s;
			char *bye;

			/* alice - A1 - A2 - outside: the called user is not served here */
			{
				const struct test_criteria a[] = {{.uri = URI(8001)},
								  {.uri = URI(8002)}};

				served_users = subscribers_open();
				served_add("sip:alice@ims.example", a, 2);
				scene_open(&s);
				scene_hop(&s, A1);
				scene_hop(&s, A2);
			}
			wire_feed(
				&s.wire, ALICE,
				"INVITE sip:bob@127.0.0.1:7000 SIP/2.0\nVia: SIP/2.0/UDP "
				"127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
				"From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@far.example>\n"
				"Call-ID: c1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
				"Content-Length: 0\n\n");
			settle(&s);
			party_of_callee(&bob, BOB, last(&s, BOB, "INVITE"), "b");
			bob_answers(&s, "200 OK");
			party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
			party_says(&s, &alice, "ACK", "");
			settle(&s);
			scene_hop(&s, A1)->is_manual = true;
			scene_forget(&s);
			wire_release_all(&s.wire, 480);
			assert_int_equal(count_to(&s, A1, "BYE"), 1);
			assert_int_equal(count_to(&s, ALICE, "BYE"), 1);
			assert_int_equal(count_to(&s, BOB, "BYE"), 0);
			bye = strdup(last(&s, A1, "BYE"));
			if (by_bob) {
				party_says(&s, &bob, methods[i],
					   "Contact: <sip:bob@127.0.0.1:7000>\n");
				if (count_to(&s, BOB, "SIP/2.0 481") != 1)
					fail_msg("%s of bob: no 481", methods[i]);
			} else { /* between the passages, by A1 itself */
				struct party a1 = alice;
				const char *behind = strstr(alice.routes, ":8001;lr>, ");

				assert_non_null(behind);
				a1.port = A1;
				snprintf(a1.routes, sizeof(a1.routes), "%s", behind + 11);
				party_says(&s, &a1, methods[i],
					   "Contact: <sip:alice@127.0.0.1:6000>\n");
				if (count_to(&s, A1, "SIP/2.0 481") != 1)
					fail_msg("%s of A1: no 481", methods[i]);
				party_says(&s, &a1, "ACK", ""); /* no answer, no harm */
			}
			assert_int_equal(count_to(&s, A2, methods[i]), 0);
			assert_int_equal(count_to(&s, ALICE, methods[i]), 0);
			pass_on(&s, A1, bye, (struct change){.mark = NULL});
			settle(&s);
			assert_int_equal(count_new(&s, A2, "BYE"), 1);
			assert_int_equal(count_new(&s, BOB, "BYE"), 1);
			scene_hop(&s, A1)->is_manual = false;
			ends_answer_all(&s);
			scene_run(&s, 9000);
			assert_int_equal(counters(&s)->sessions, 0);
			free(bye);
			scene_end(&s);
		}
}

/* @req SC-8 SC-3  The caller's ACK is with a server when the release comes: it still passes, before the BYE. */
static void test_sc_8_the_ack_passes_while_the_release_follows(void **state)
{
	struct party alice;
	struct scene s;
	char *ack, *bye;

	(void)state;
	open_scene_of(&s, 2, 0, false);
	wire_invite(&s.wire, "c1", "");
	settle(&s);
	bob_answers(&s, "200 OK");
	party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
	scene_hop(&s, A1)->is_manual = true;
	party_says(&s, &alice, "ACK", "");
	ack = strdup(last(&s, A1, "ACK"));
	wire_release_all(&s.wire, 480);
	bye = strdup(last(&s, A1, "BYE"));
	pass_on(&s, A1, ack, (struct change){.mark = NULL});
	settle(&s);
	assert_int_equal(count_new(&s, A2, "ACK"), 1);
	assert_int_equal(count_new(&s, BOB, "ACK"), 1);
	pass_on(&s, A1, bye, (struct change){.mark = NULL});
	scene_hop(&s, A1)->is_manual = false;
	settle(&s);
	ends_answer_all(&s);
	scene_run(&s, 1000);
	ends_answer_all(&s);
	assert_int_equal(count_new(&s, A2, "BYE"), 1);
	assert_int_equal(count_new(&s, BOB, "BYE"), 1);
	assert_int_equal(count_new(&s, ALICE, "BYE"), 1);
	assert_int_equal(counters(&s)->sessions, 0);
	assert_int_equal(counters(&s)->releases_without_server, 0);
	free(ack);
	free(bye);
	scene_end(&s);
}

/* ---------------------------------------------------------------- bounds */

static uint32_t sessions_bound = 1, transactions_bound = 1;

static void bounded(struct node_settings *settings)
{
	settings->subscribers = served_users;
	settings->sessions_max = sessions_bound;
	settings->transactions_max = transactions_bound;
	settings->ended_sessions_max = 16;
}

static void open_bounded(struct scene *s, uint32_t sessions, uint32_t transactions)
{
	const struct test_criteria a[] = {{.uri = URI(8001)}, {.uri = URI(8002)}};
	const struct test_criteria b[] = {{.uri = URI(8101)}, {.uri = URI(8102)}};

	sessions_bound = sessions;
	transactions_bound = transactions;
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 2);
	served_add("sip:bob@ims.example", b, 2);
	scene_open_with(s, bounded);
	for (unsigned i = 0; i < 2; i++) {
		scene_hop(s, (uint16_t)(A1 + i));
		scene_hop(s, (uint16_t)(B1 + i));
	}
	s->ends_act = true;
}

/* @req TX-9 IC-12  Each passage counts as a session: with room for fewer than five the call fails, or goes on without the
 * servers that cannot be heard, and nothing stays behind; there is room for the next. */
static void test_tx_9_fewer_sessions_than_passages(void **state)
{
	(void)state;
	for (uint32_t sessions = 1; sessions <= 6; sessions++) {
		struct scene s;

		open_bounded(&s, sessions, 1000);
		for (unsigned again = 0; again < 20;
		     again++) { /* more often than ended ones are remembered */
			char call_id[20];

			snprintf(call_id, sizeof(call_id), "c%u", again);
			wire_invite(&s.wire, call_id, "");
			settle(&s);
			assert_int_equal(count_new(&s, ALICE, "SIP/2.0 2") +
						 count_new(&s, ALICE, "SIP/2.0 5"),
					 1);
			if (sessions >= 5)
				assert_int_equal(count_new(&s, ALICE, "SIP/2.0 200"), 1);
			wire_release_all(&s.wire, 480);
			settle(&s);
			scene_run(&s, 60000);
			assert_int_equal(counters(&s)->sessions, 0);
			scene_forget(&s);
		}
		scene_end(&s);
	}
}

/* @req TX-9  The same with every number of transactions, for a session and for a MESSAGE. */
static void test_tx_9_fewer_transactions_than_needed(void **state)
{
	(void)state;
	for (uint32_t transactions = 1; transactions <= 14; transactions++)
		for (int is_message = 0; is_message < 2; is_message++) {
			struct scene s;

			open_bounded(&s, 100, transactions);
			if (is_message)
				feed_message(&s, "MESSAGE");
			else
				wire_invite(&s.wire, "c1", "");
			settle(&s);
			scene_run(&s, 10000);
			wire_release_all(&s.wire, 480);
			settle(&s);
			for (int i = 0; i < 10; i++) {
				scene_run(&s, 20000);
				scene_forget(&s);
			}
			assert_int_equal(counters(&s)->sessions, 0);
			scene_end(&s);
		}
}

/* What one run does while memory may fail: a call through four servers with a release, and a MESSAGE. */
static void lively_part(struct scene *s)
{
	wire_invite(&s->wire, "c1", "");
	settle(s);
	feed_message(s, "MESSAGE");
	settle(s);
	scene_run(s, 1000);
	wire_release_all(&s->wire, 480);
	settle(s);
	scene_run(s, 6000);
}

static unsigned long run_with(unsigned long allocations)
{
	unsigned long used;
	struct scene s;

	open_bounded(&s, 100, 1000);
	allocations_left = allocations;
	lively_part(&s);
	used = allocations - allocations_left;
	allocations_left = ULONG_MAX;
	scene_forget(&s);
	for (int i = 0; i < 10; i++) {
		scene_run(&s, 20000);
		scene_forget(&s);
	}
	wire_release_all(&s.wire, 480);
	for (int i = 0; i < 10; i++) {
		scene_run(&s, 20000);
		scene_forget(&s);
	}
	wire_nothing_left(&s.wire);
	/* and it works as before */
	wire_invite(&s.wire, "c2", "");
	settle(&s);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
	wire_release_all(&s.wire, 480);
	settle(&s);
	scene_end(&s);
	return used;
}

/* @req TX-9  The n-th allocation fails, and every one after it, for every n. */
static void test_tx_9_every_allocation_may_fail(void **state)
{
	unsigned long all = run_with(ULONG_MAX);

	(void)state;
	assert_true(all > 10);
	for (unsigned long n = 0; n < all; n++)
		run_with(n);
}

static unsigned long message_with(unsigned long allocations)
{
	unsigned long used;
	struct scene s;

	open_bounded(&s, 100, 1000);
	allocations_left = allocations;
	feed_message(&s, "MESSAGE");
	settle(&s);
	scene_run(&s, 1000);
	used = allocations - allocations_left;
	allocations_left = ULONG_MAX;
	for (int i = 0; i < 10; i++) {
		scene_forget(&s);
		scene_run(&s, 20000);
	}
	assert_int_equal(counters(&s)->passages, 0);
	scene_end(&s);
	return used;
}

/* @req TX-9 IC-13  A passage of a request without a session belongs to its transaction from the beginning: none is left when
 * there was no memory for the rest of it. */
static void test_tx_9_no_passage_is_left_of_a_message(void **state)
{
	unsigned long all = message_with(ULONG_MAX);

	(void)state;
	assert_true(all > 0);
	for (unsigned long n = 0; n < all; n++)
		message_with(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ic_4_the_route_to_the_server),
		cmocka_unit_test(test_ic_4_routes_of_the_caller_stay_behind),
		cmocka_unit_test(test_ic_4_the_way_back_is_on_the_side_of_the_server),
		cmocka_unit_test(test_ic_5_the_served_user_in_each_case),
		cmocka_unit_test(test_ic_5_after_a_diversion),
		cmocka_unit_test(test_ic_6_forged_identifiers_start_nothing),
		cmocka_unit_test(test_ic_6_stale_identifiers),
		cmocka_unit_test(test_ic_6_identifiers_of_a_session_that_is_over),
		cmocka_unit_test(test_ic_6_after_the_caller_cancelled),
		cmocka_unit_test(test_ic_8_a_silent_server),
		cmocka_unit_test(test_ic_8_ic_9_what_counts_as_a_failure),
		cmocka_unit_test(test_ic_8_a_failure_further_down),
		cmocka_unit_test(test_ic_8_a_server_that_cannot_be_reached),
		cmocka_unit_test(test_ic_8_100_stops_the_wait),
		cmocka_unit_test(test_ic_9_a_server_that_wakes_up_late),
		cmocka_unit_test(test_ic_9_a_late_180_does_not_count_for_the_next_server),
		cmocka_unit_test(test_ic_9_a_late_180_is_not_forwarded),
		cmocka_unit_test(test_ic_9_a_late_2xx_ends_the_other_branch),
		cmocka_unit_test(test_ic_9_a_late_callback_of_the_only_server),
		cmocka_unit_test(test_ic_9_cancelled_after_a_server_was_passed_over),
		cmocka_unit_test(test_ic_9_every_server_fails),
		cmocka_unit_test(test_ic_10_initial_requests),
		cmocka_unit_test(test_ic_10_a_served_user_from_outside_is_not_believed),
		cmocka_unit_test(test_ic_10_inside_the_dialog),
		cmocka_unit_test(test_ic_10_responses),
		cmocka_unit_test(test_ic_11_the_same_icid_everywhere),
		cmocka_unit_test(test_ic_11_each_session_has_its_own),
		cmocka_unit_test(test_ic_11_a_server_that_loses_the_vector),
		cmocka_unit_test(test_ic_11_when_a_server_was_passed_over),
		cmocka_unit_test(test_ic_12_a_redirecting_server),
		cmocka_unit_test(test_ic_12_an_answering_server),
		cmocka_unit_test(test_ic_12_a_forking_server),
		cmocka_unit_test(test_ic_12_cancelled_by_the_caller),
		cmocka_unit_test(test_ic_13_requests_without_a_session),
		cmocka_unit_test(test_ic_13_a_message_whose_server_fails),
		cmocka_unit_test(test_ic_13_a_late_message),
		cmocka_unit_test(test_ic_15_who_stays_in_the_dialog),
		cmocka_unit_test(test_sc_0_released_while_it_rings_through_servers),
		cmocka_unit_test(test_sc_0_released_while_a_server_thinks),
		cmocka_unit_test(test_ic_2_draining_lets_the_next_passages_through),
		cmocka_unit_test(test_ic_2_the_position_survives_a_reload),
		cmocka_unit_test(test_ic_9_passed_over_after_a_reload),
		cmocka_unit_test(test_sc_8_while_a_passage_only_follows),
		cmocka_unit_test(test_sc_8_the_ack_passes_while_the_release_follows),
		cmocka_unit_test(test_tx_9_fewer_sessions_than_passages),
		cmocka_unit_test(test_tx_9_fewer_transactions_than_needed),
		cmocka_unit_test(test_tx_9_every_allocation_may_fail),
		cmocka_unit_test(test_tx_9_no_passage_is_left_of_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
