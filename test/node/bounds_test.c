/* The bounds of a node: what a peer gets that passes them, and that everything is as before when the load is gone. @req TX-9 MP-10 */
#include "wire.h"

#include "base/limits.h"

static void three_sessions(struct node_settings *settings)
{
	settings->sessions_max = 3;
	settings->retry_after_s = 17;
}

static void invite_number(struct wire *wire, unsigned n)
{
	char call_id[20];

	snprintf(call_id, sizeof(call_id), "n%u", n);
	wire_invite(wire, call_id, "");
}

static void test_tx_9_no_more_sessions_than_the_bound(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, three_sessions);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++)
			invite_number(&wire, round * 10 + i);
		assert_int_equal(wire_count(&wire, BOB, "INVITE"), 3);
		for (unsigned i = 3; i < 6; i++)
			invite_number(&wire, round * 10 + i);
		assert_int_equal(wire_count(&wire, BOB, "INVITE"), 3);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 503"), 3);
		wire_check_header(wire_last(&wire, ALICE, "SIP/2.0 503"), "Retry-After", "17");
		assert_int_equal(wire_counters(&wire)->full, 3 * (round + 1));
		assert_int_equal(wire_counters(&wire)->sessions, 3);
		/* other requests still pass */
		wire_feed(
			&wire, ALICE,
			"MESSAGE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKm%u\nMax-Forwards: 70\n"
			"From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
			"m%u\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n",
			round, round);
		assert_int_equal(wire_count(&wire, BOB, "MESSAGE"), 1);
		/* one goes: there is room for one */
		wire_answer(&wire, BOB, wire_sent(&wire, BOB, "INVITE", 0), "486 Busy Here", "b",
			    "");
		invite_number(&wire, round * 10 + 7);
		assert_int_equal(wire_count(&wire, BOB, "INVITE"), 4);
		wire_run_quietly(&wire, 100000);
		wire_nothing_left(&wire);
	}
	wire_close(&wire);
}

static void few_transactions(struct node_settings *settings)
{
	settings->transactions_max = 5;
	settings->retry_after_s = 17;
}

static void test_tx_9_no_more_transactions_than_the_bound(void **state)
{
	static const struct {
		const char *method, *uri;
		unsigned status; /* 0: silence */
	} rows[] = {
		{"INVITE", "sip:bob@ims.example", 503}, {"MESSAGE", "sip:bob@ims.example", 503},
		{"REGISTER", "sip:ims.example", 503},   {"CANCEL", "sip:bob@ims.example", 503},
		{"BYE", "sip:bob@ims.example", 481},    {"ACK", "sip:bob@ims.example", 0},
	};
	struct wire wire;

	(void)state;
	wire_open(&wire, few_transactions);
	for (unsigned i = 0; i < 5; i++)
		invite_number(&wire, i);
	assert_int_equal(wire_counters(&wire)->server_transactions, 5);
	wire_forget(&wire);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wire_feed(&wire, ALICE,
			  "%s %s SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKt%zu\nMax-Forwards: 70\nFrom: "
			  "<sip:alice@ims.example>;tag=a\n"
			  "To: <sip:bob@ims.example>\nCall-ID: t%zu\nCSeq: 1 %s\nContent-Length: "
			  "0\n\n",
			  rows[i].method, rows[i].uri, i, i, rows[i].method);
		if (rows[i].status == 0) {
			assert_int_equal(wire.n_out, 0);
			continue;
		}
		assert_int_equal(wire.n_out, 1);
		assert_int_equal(atoi(wire.out[0].bytes + 8), rows[i].status);
		if (rows[i].status == 503)
			wire_check_header(wire.out[0].bytes, "Retry-After", "17");
		wire_forget(&wire);
	}
	assert_int_equal(wire_counters(&wire)->full, 4);
	assert_int_equal(wire_counters(&wire)->sessions, 5);
	wire_run(&wire, 100000);
	wire_forget(&wire);
	wire_nothing_left(&wire);
	invite_number(&wire, 77);
	assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
	wire_run(&wire, 100000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* The branches of a fork need more than there is: those that go count; with none the answer is 503 as well. */
static void test_tx_9_no_client_transaction_left(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, few_transactions);
	wire_bind(&wire, "sip:bob@ims.example", "sip:bob@127.0.0.1:7100");
	invite_number(&wire, 0);
	invite_number(&wire, 1);
	assert_int_equal(wire_counters(&wire)->client_transactions, 4);
	invite_number(&wire, 2); /* one branch of two */
	assert_int_equal(wire_count(&wire, BOB, "INVITE") + wire_count(&wire, CAROL, "INVITE"), 5);
	wire_forget(&wire);
	invite_number(&wire, 3); /* none */
	assert_int_equal(wire.n_out, 1);
	assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 503", 0));
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 503", 0), "Retry-After", "17");
	wire_run(&wire, 100000);
	wire_forget(&wire);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* An operator's release must not depend on the load: the BYEs find a transaction, or wait for one, and are never given up unsent. */
static void test_rf_7_a_release_when_no_transaction_is_left(void **state)
{
	struct node_session_report report;
	struct node_release_order one = {.selector = NODE_SELECT_SESSION};
	struct wire wire;
	char route[300];
	uint32_t number;

	(void)state;
	wire_open(&wire, few_transactions);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_session(&wire, NODE_LIVE, &report);
	one.id = report.id;
	wire_run(&wire, 40000);
	for (unsigned i = 0; i < 5; i++)
		invite_number(&wire, i);
	assert_int_equal(wire_counters(&wire)->client_transactions, 5);
	wire_forget(&wire);
	assert_int_equal(node_release(wire.node, wire.now_ms, &one, &number),
			 NODE_RELEASE_ACCEPTED);
	wire_collect(&wire);
	wire_run(&wire, 40000);
	assert_true(wire_count(&wire, BOB, "BYE") >= 1);
	assert_true(wire_count(&wire, ALICE, "BYE") >= 1);
	wire_run(&wire, 100000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* LIMIT_DIALOGS early dialogs of one branch: further ones pass and are not remembered, a 2xx takes the place of one. */
static void test_mp_10_more_dialogs_than_the_bound(void **state)
{
	struct wire wire;
	char tag[20], route[300];
	char *invite;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	invite = strdup(wire_last(&wire, BOB, "INVITE"));
	for (unsigned i = 0; i < LIMIT_DIALOGS + 8; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		wire_answer(&wire, BOB, invite, "180 Ringing", tag, BOBS_CONTACT);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 180"), i + 1);
		assert_int_equal(wire_counters(&wire)->dialogs,
				 i + 1 < LIMIT_DIALOGS ? i + 1 : LIMIT_DIALOGS);
	}
	assert_int_equal(wire_counters(&wire)->lost_memory, 8);
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
	wire_alice_hangs_up(&wire, "c1", route, 2);
	free(invite);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* As many answered dialogs as the bound, and one more: nothing hangs, and a release ends all that is known. */
static void test_mp_10_more_answered_dialogs_than_the_bound(void **state)
{
	static struct wire wire;
	char tag[20];
	char *invite;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	invite = strdup(wire_last(&wire, BOB, "INVITE"));
	for (unsigned i = 0; i < LIMIT_DIALOGS + 4; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		wire_answer(&wire, BOB, invite, "200 OK", tag, BOBS_CONTACT);
	}
	free(invite);
	assert_int_equal(wire_counters(&wire)->dialogs, LIMIT_DIALOGS);
	wire_forget(&wire);
	wire_release_all(&wire, 480);
	assert_int_equal(wire_count(&wire, BOB, "BYE"), LIMIT_DIALOGS);
	wire_forget(&wire);
	wire_run_quietly(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* The outbox: who does not collect is told so; what does not fit is counted and lost, and nothing breaks. */
static void test_the_outbox_is_bounded(void **state)
{
	struct wire wire;
	unsigned fed = 0;
	char bytes[600];

	(void)state;
	wire_open(&wire, NULL);
	for (; fed < 400; fed++) {
		struct node_event event = {.kind = NODE_EVENT_MESSAGE,
					   .peer = wire_address(TRANSPORT_UDP, ALICE)};
		int n = snprintf(
			bytes, sizeof(bytes),
			"OPTIONS sip:127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKo%u\r\nFrom: <sip:a@x.example>;tag=a\r\n"
			"To: <sip:b@x.example>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: "
			"0\r\n\r\n",
			fed);

		if (fed < 200)
			assert_true(node_has_room(wire.node) || fed > 100);
		event.bytes = (struct text){bytes, (uint32_t)n};
		node_feed(wire.node, wire.now_ms, &event);
	}
	assert_false(node_has_room(wire.node));
	assert_int_equal(wire_counters(&wire)->outbox_full, 400 - LIMIT_OUTBOX_MESSAGES);
	assert_int_equal(wire_counters(&wire)->messages_out, LIMIT_OUTBOX_MESSAGES);
	wire_collect(&wire);
	assert_true(node_has_room(wire.node));
	assert_int_equal(wire.n_out, LIMIT_OUTBOX_MESSAGES);
	wire_close(&wire);
}

/* Nothing is collected: after this the outbox takes nothing more in this step. */
static void fill_outbox(struct wire *wire)
{
	uint64_t full = wire_counters(wire)->outbox_full;
	char bytes[600];

	wire_forget(wire);
	for (unsigned i = 0; wire_counters(wire)->outbox_full == full; i++) {
		struct node_event event = {.kind = NODE_EVENT_MESSAGE,
					   .peer = wire_address(TRANSPORT_UDP, 6900)};
		int n = snprintf(
			bytes, sizeof(bytes),
			"OPTIONS sip:127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
			"127.0.0.1:6900;branch=z9hG4bKo%u\r\nFrom: <sip:a@x.example>;tag=a\r\n"
			"To: <sip:b@x.example>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: "
			"0\r\n\r\n",
			i);

		event.bytes = (struct text){bytes, (uint32_t)n};
		node_feed(wire->node, wire->now_ms, &event);
	}
}

static void dans_request(struct wire *wire, enum transport transport, const char *method)
{
	wire_feed_from(wire, wire_address(transport, ALICE),
		       "%s sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/%s "
		       "127.0.0.1:6000;branch=z9hG4bKd%s\nMax-Forwards: 70\nFrom: "
		       "<sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: d\n"
		       "CSeq: 1 %s\nContact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n",
		       method, transport == TRANSPORT_TCP ? "TCP" : "UDP", method, method);
}

#define DAN 7500

static void open_with_dan(struct wire *wire, enum transport transport)
{
	wire_open(wire, NULL);
	wire_bind(wire, "sip:dan@ims.example",
		  transport == TRANSPORT_TCP ? "sip:dan@127.0.0.1:7500;transport=tcp"
					     : "sip:dan@127.0.0.1:7500");
}

/* @req TX-10 TX-1 TX-2  A request that finds the outbox full goes out when there is room, once over a stream; over
 * datagrams its repetitions come when they would have come anyway, and so does the end of its patience. */
static void test_tx_10_a_request_at_a_full_outbox(void **state)
{
	static const enum transport transports[] = {TRANSPORT_UDP, TRANSPORT_TCP};
	static const char *const methods[] = {"INVITE", "MESSAGE"};

	(void)state;
	for (unsigned row = 0; row < 4; row++) {
		enum transport transport = transports[row % 2];
		const char *method = methods[row / 2];
		unsigned again = transport == TRANSPORT_UDP;
		struct wire wire;

		open_with_dan(&wire, transport);
		fill_outbox(&wire);
		dans_request(&wire, TRANSPORT_UDP, method);
		assert_int_equal(wire_count(&wire, DAN, ""), 0);
		wire_forget(&wire);
		assert_int_equal(node_deadline(wire.node), wire.now_ms);
		wire_run(&wire, 0);
		assert_int_equal(wire_count(&wire, DAN, method), 1);
		assert_int_equal(wire_counters(&wire)->retransmissions_out, 0);
		wire_run(&wire, 499);
		assert_int_equal(wire_count(&wire, DAN, method), 1);
		wire_run(&wire, 1);
		assert_int_equal(wire_count(&wire, DAN, method), 1 + again);
		wire_run(&wire, 1000);
		assert_int_equal(wire_count(&wire, DAN, method), 1 + 2 * again);
		assert_int_equal(wire_counters(&wire)->retransmissions_out, 2 * again);
		wire_run(&wire, 30499);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 408"), 0);
		assert_int_equal(wire_counters(&wire)->client_transactions, 1);
		wire_run(&wire, 1);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 408"), row / 2 == 0);
		assert_int_equal(wire_counters(&wire)->client_transactions, 0);
		wire_run_quietly(&wire, 200000);
		wire_nothing_left(&wire);
		wire_close(&wire);
	}
}

/* @req TX-10  It is still not sent when its answer would be due, or its CANCEL: nothing is sent twice. */
static void test_tx_10_a_request_that_is_cancelled_before_it_went_out(void **state)
{
	struct wire wire;

	(void)state;
	open_with_dan(&wire, TRANSPORT_TCP);
	fill_outbox(&wire);
	dans_request(&wire, TRANSPORT_UDP, "INVITE");
	wire_forget(&wire);
	wire_feed(&wire, ALICE,
		  "CANCEL sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKdINVITE\nMax-Forwards: 70\nFrom: "
		  "<sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: d\n"
		  "CSeq: 1 CANCEL\nContent-Length: 0\n\n");
	assert_int_equal(wire_count(&wire, DAN, ""), 0);
	wire_run(&wire, 0);
	assert_int_equal(wire_count(&wire, DAN, "INVITE"), 1);
	assert_int_equal(wire_count(&wire, DAN, "CANCEL"), 0);
	wire_answer(&wire, DAN, wire_last(&wire, DAN, "INVITE"), "180 Ringing", "d", "");
	assert_int_equal(wire_count(&wire, DAN, "CANCEL"), 1);
	wire_answer(&wire, DAN, wire_last(&wire, DAN, "INVITE"), "487 Request Terminated", "d", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 1);
	wire_run_quietly(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req TX-10 TX-3 TX-4  A response that finds the outbox full: nothing older goes in its place, the same request finds it,
 * and it goes out by itself as soon as there is room, over streams too. */
static void test_tx_10_a_response_at_a_full_outbox(void **state)
{
	static const struct {
		const char *method, *status_line, *want;
	} rows[] = {
		{"MESSAGE", "202 Accepted", "SIP/2.0 202"},
		{"MESSAGE", "500 Server Error", "SIP/2.0 500"},
		{"INVITE", "183 Session Progress", "SIP/2.0 183"},
		{"INVITE", "486 Busy Here", "SIP/2.0 486"},
		{"INVITE", "200 OK", "SIP/2.0 200"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int how = 0; how < 4; how++) {
			enum transport transport = how & 1 ? TRANSPORT_TCP : TRANSPORT_UDP;
			bool is_asked_again = how & 2, is_2xx = i == 4;
			struct wire wire;
			char *request;

			open_with_dan(&wire, TRANSPORT_UDP);
			dans_request(&wire, transport, rows[i].method);
			request = strdup(wire_last(&wire, DAN, rows[i].method));
			if (strcmp(rows[i].method, "INVITE") == 0)
				wire_answer(&wire, DAN, request, "180 Ringing", "d",
					    "Contact: <sip:dan@127.0.0.1:7500>\n");
			fill_outbox(&wire);
			wire_answer(&wire, DAN, request, rows[i].status_line, "d",
				    "Contact: <sip:dan@127.0.0.1:7500>\n");
			free(request);
			assert_int_equal(wire_count(&wire, ALICE, ""), 0);
			wire_forget(&wire);
			if (is_asked_again) {
				dans_request(&wire, transport, rows[i].method);
				assert_int_equal(wire_count(&wire, ALICE, rows[i].want), !is_2xx);
			}
			wire_run(&wire, 0);
			assert_int_equal(wire_count(&wire, ALICE, rows[i].want), 1);
			assert_int_equal(wire_count(&wire, ALICE, ""), 1);
			for (unsigned n = 0; n < wire.n_out; n++)
				if (wire.out[n].to.port == ALICE)
					assert_int_equal(wire.out[n].to.transport, transport);
			if (i < 2 && transport == TRANSPORT_TCP) { /* there is no Timer J */
				wire_run(&wire, 128);
				assert_int_equal(wire_counters(&wire)->server_transactions, 0);
			}
			if (i < 2 && transport == TRANSPORT_UDP) {
				dans_request(&wire, transport, rows[i].method);
				assert_int_equal(wire_count(&wire, ALICE, rows[i].want), 2);
			}
			if (i == 3) { /* Timer G, over datagrams */
				wire_run(&wire, 499);
				assert_int_equal(wire_count(&wire, ALICE, rows[i].want), 1);
				wire_run(&wire, 1);
				assert_int_equal(wire_count(&wire, ALICE, rows[i].want),
						 1 + (transport == TRANSPORT_UDP));
			}
			if (i == 2)
				wire_release_all(&wire, 480);
			wire_run_quietly(&wire, 300000);
			wire_release_all(&wire, 480);
			wire_run_quietly(&wire, 300000);
			wire_nothing_left(&wire);
			wire_close(&wire);
		}
}

/* @req TX-10  Many that found no room go out in as many steps as it takes, and none is lost. */
static void test_tx_10_more_than_the_next_steps_take(void **state)
{
	struct wire wire;
	unsigned sent = 0, steps = 0;

	(void)state;
	open_with_dan(&wire, TRANSPORT_TCP);
	fill_outbox(&wire);
	for (unsigned i = 0; i < 1000; i++) {
		char bytes[600];
		int n = snprintf(bytes, sizeof(bytes),
				 "MESSAGE sip:dan@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
				 "127.0.0.1:6000;branch=z9hG4bKm%u\r\nMax-Forwards: 70\r\nFrom: "
				 "<sip:alice@ims.example>;tag=a\r\nTo: <sip:dan@ims.example>\r\n"
				 "Call-ID: m%u\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
				 i, i);
		struct node_event event = {.kind = NODE_EVENT_MESSAGE,
					   .peer = wire_address(TRANSPORT_UDP, ALICE),
					   .bytes = {bytes, (uint32_t)n}};

		node_feed(wire.node, wire.now_ms, &event);
	}
	wire_collect(&wire);
	wire_forget(&wire);
	for (; node_deadline(wire.node) <= wire.now_ms && steps < 100; steps++) {
		node_expire(wire.node, wire.now_ms);
		wire_collect(&wire);
		sent += wire_count(&wire, DAN, "MESSAGE");
		wire_forget(&wire);
	}
	assert_int_equal(sent, 1000);
	assert_in_range(steps, 4, 8);
	for (uint64_t at; (at = node_deadline(wire.node)) != TIMERS_NEVER;) {
		wire.now_ms = at > wire.now_ms ? at : wire.now_ms;
		node_expire(wire.node, wire.now_ms);
		wire_collect(&wire);
		assert_int_equal(wire_count(&wire, DAN, ""), 0);
		wire_forget(&wire);
	}
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* Large messages fill the bytes before the number. */
static void test_the_outbox_is_bounded_in_bytes(void **state)
{
	static char body[60001];
	struct wire wire;
	unsigned fed = 0;

	(void)state;
	memset(body, 'x', 60000);
	wire_open(&wire, NULL);
	while (node_has_room(wire.node) && fed < 1000) {
		static char text[62000];
		struct node_event event = {.kind = NODE_EVENT_MESSAGE,
					   .peer = wire_address(TRANSPORT_UDP, ALICE)};
		int n = snprintf(
			text, sizeof(text),
			"MESSAGE sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKl%u\r\nMax-Forwards: 70\r\n"
			"From: <sip:a@x.example>;tag=a\r\nTo: <sip:b@x.example>\r\nCall-ID: "
			"l%u\r\nCSeq: 1 MESSAGE\r\nContent-Length: 60000\r\n\r\n%s",
			fed, fed, body);

		event.bytes = (struct text){text, (uint32_t)n};
		node_feed(wire.node, wire.now_ms, &event);
		fed++;
	}
	assert_in_range(fed, 10, 100);
	assert_int_equal(wire_counters(&wire)->outbox_full, 0); /* room means room */
	wire_collect(&wire);
	assert_int_equal(wire.n_out, fed);
	wire_forget(&wire);
	wire_run_quietly(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

static void few_ended(struct node_settings *settings)
{
	settings->ended_sessions_max = 16;
}

static void test_ended_sessions_are_remembered_up_to_the_bound(void **state)
{
	struct node_session_id ids[40];
	struct node_session_report report;
	struct wire wire;
	size_t blocks = 0;

	(void)state;
	wire_open(&wire, few_ended);
	for (unsigned i = 0; i < 40; i++) {
		char call_id[20];

		invite_number(&wire, i);
		wire_session(&wire, NODE_LIVE, &report);
		ids[i] = report.id;
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "486 Busy Here", "b", "");
		snprintf(call_id, sizeof(call_id), "n%u", i);
		assert_true(node_session_by_call_id(wire.node, text_of(call_id), &report.id));
		assert_memory_equal(&report.id, &ids[i], sizeof(ids[i]));
		assert_int_equal(wire_counters(&wire)->ended_sessions, i < 16 ? i + 1 : 16);
		if (i == 15)
			blocks = wire_counters(&wire)->session_blocks;
		wire_forget(&wire);
	}
	assert_int_equal(wire_counters(&wire)->session_blocks,
			 blocks); /* the oldest makes room for the newest */
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(node_session(wire.node, &ids[i], &report), i >= 24);
	assert_false(node_session_by_call_id(wire.node, TEXT("n3"), &report.id));
	wire_run_quietly(&wire, 100000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

static void few_bindings(struct node_settings *settings)
{
	settings->bindings_max = 3;
}

/* @req RG-9 RG-7 RG-1 */
static void test_rg_9_bindings_at_the_level_of_bytes(void **state)
{
	struct endpoint stranger = {
		.transport = TRANSPORT_UDP, .family = 4, .port = 4444, .ip = {10, 1, 2, 3}};
	struct wire wire;

	(void)state;
	wire_open(&wire, few_bindings);
	for (unsigned i = 0; i < 4; i++) {
		wire_feed(&wire, ALICE,
			  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKr%u\nMax-Forwards: 70\n"
			  "From: <sip:u%u@ims.example>;tag=a\nTo: <sip:u%u@ims.example>\nCall-ID: "
			  "r%u\nCSeq: 1 REGISTER\nContact: <sip:u@127.0.0.1:7500>;expires=100\n"
			  "Path: <sip:127.0.0.1:8000;lr>\nSupported: path\nContent-Length: 0\n\n",
			  i, i, i, i);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), i < 2 ? i + 1 : 2);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 503"), i < 2 ? 0 : i - 1);
	}
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 200", 0), "Contact",
			  "<sip:u@127.0.0.1:7500>;expires=100");
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 200", 0), "Path",
			  "<sip:127.0.0.1:8000;lr>");
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 200", 0), "Service-Route",
			  "<sip:127.0.0.1:5060;lr;orig>");
	assert_int_equal(wire_counters(&wire)->registrations, 2);
	assert_int_equal(wire_counters(&wire)->full, 2);
	wire_feed_from(&wire, stranger,
		       "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		       "10.1.2.3:4444;branch=z9hG4bKs\nMax-Forwards: 70\nFrom: "
		       "<sip:u0@ims.example>;tag=a\n"
		       "To: <sip:u0@ims.example>\nCall-ID: s\nCSeq: 1 REGISTER\nContact: "
		       "*\nExpires: 0\nContent-Length: 0\n\n");
	assert_int_equal(wire_count(&wire, 4444, "SIP/2.0 403"), 1);
	assert_int_equal(wire_counters(&wire)->not_trusted, 1);
	assert_int_equal(wire_counters(&wire)->bindings, 3);
	wire_close(&wire);
}

/* @req RG-8 PX-14  Its time is over: 480 to the next caller, 404 for who was never known. */
static void test_rg_8_an_expired_binding_is_not_reached(void **state)
{
	static const char *const users[] = {"u", "nobody"};
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(&wire, ALICE,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKr\nMax-Forwards: 70\nFrom: "
		  "<sip:u@ims.example>;tag=a\n"
		  "To: <sip:u@ims.example>\nCall-ID: r\nCSeq: 1 REGISTER\nContact: "
		  "<sip:u@127.0.0.1:7500>;expires=100\nContent-Length: 0\n\n");
	wire_run(&wire, 100000);
	for (int i = 0; i < 2; i++)
		wire_feed(&wire, ALICE,
			  "INVITE sip:%s@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKi%d\nMax-Forwards: 70\n"
			  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:u@ims.example>\nCall-ID: "
			  "i%d\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
			  "Content-Length: 0\n\n",
			  users[i], i, i);
	assert_int_equal(wire_count(&wire, 7500, ""), 0);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 480"), 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 404"), 1);
	assert_int_equal(wire_counters(&wire)->not_registered, 1);
	assert_int_equal(wire_counters(&wire)->not_found, 1);
	wire_close(&wire);
}

/* Draining: first INVITEs are refused, what is there goes on. */
static void test_draining_refuses_new_calls_only(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_forget(&wire);
	node_set_draining(wire.node, true);
	invite_number(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 503"), 1);
	assert_int_equal(wire.n_out, 1);
	wire_in_dialog(&wire, ALICE, "INVITE", 2, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "488 No", "b", "");
	node_set_draining(wire.node, false);
	invite_number(&wire, 2);
	assert_int_equal(wire_count(&wire, BOB, "INVITE"), 2);
	wire_alice_hangs_up(&wire, "c1", route, 3);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_9_no_more_sessions_than_the_bound),
		cmocka_unit_test(test_tx_9_no_more_transactions_than_the_bound),
		cmocka_unit_test(test_tx_9_no_client_transaction_left),
		cmocka_unit_test(test_rf_7_a_release_when_no_transaction_is_left),
		cmocka_unit_test(test_mp_10_more_dialogs_than_the_bound),
		cmocka_unit_test(test_mp_10_more_answered_dialogs_than_the_bound),
		cmocka_unit_test(test_the_outbox_is_bounded),
		cmocka_unit_test(test_tx_10_a_request_at_a_full_outbox),
		cmocka_unit_test(test_tx_10_a_request_that_is_cancelled_before_it_went_out),
		cmocka_unit_test(test_tx_10_a_response_at_a_full_outbox),
		cmocka_unit_test(test_tx_10_more_than_the_next_steps_take),
		cmocka_unit_test(test_the_outbox_is_bounded_in_bytes),
		cmocka_unit_test(test_ended_sessions_are_remembered_up_to_the_bound),
		cmocka_unit_test(test_rg_9_bindings_at_the_level_of_bytes),
		cmocka_unit_test(test_rg_8_an_expired_binding_is_not_reached),
		cmocka_unit_test(test_draining_refuses_new_calls_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
