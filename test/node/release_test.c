/* Orders of the operator at the level of the node: verdicts, pace in virtual time, stop and resume, dry run, what each leg reports, and the bytes of what is sent. */
#include "wire.h"

#include "base/limits.h"

/* Calls alice -> bob, confirmed, each with its own Call-ID. */
static void calls(struct wire *wire, unsigned from, unsigned n)
{
	char call_id[20], route[300];

	for (unsigned i = from; i < from + n; i++) {
		snprintf(call_id, sizeof(call_id), "call%u", i);
		wire_invite(wire, call_id, "");
		wire_answer(wire, BOB, wire_last(wire, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
		assert_non_null(wire_own_route(wire, route, sizeof(route)));
		wire_in_dialog(wire, ALICE, "ACK", 1, call_id, route, "");
		wire_forget(wire);
	}
}

/* Every BYE that was sent and not answered yet is answered 200. */
static void answer_all_byes(struct wire *wire, const char *status)
{
	unsigned n = wire->n_out;

	for (unsigned i = 0; i < n; i++)
		if (strncmp(wire->out[i].bytes, "BYE", 3) == 0)
			wire_answer(wire, wire->out[i].to.port, wire->out[i].bytes, status, "x",
				    "");
	wire_forget(wire);
}

static struct node_release_progress progress_of(struct wire *wire, uint32_t order)
{
	struct node_release_progress p;

	assert_true(node_release_progress(wire->node, order, &p));
	return p;
}

static enum node_release_verdict order(struct wire *wire, struct node_release_order what,
				       uint32_t *ret)
{
	enum node_release_verdict verdict = node_release(wire->node, wire->now_ms, &what, ret);

	wire_collect(wire);
	return verdict;
}

static void end(struct wire *wire)
{
	wire_run(wire, 200000);
	wire_nothing_left(wire);
	wire_close(wire);
}

/* @req OP-3  n sessions a second: the first at once, then one each 1000/n ms, in ticks of ten. */
static void test_op_3_the_pace_is_exact(void **state)
{
	static const unsigned paces[] = {1, 3, 10, 100};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct wire wire;
		uint32_t number;

		wire_open(&wire, NULL);
		calls(&wire, 0, 20);
		assert_int_equal(order(&wire,
				       (struct node_release_order){.selector = NODE_SELECT_ALL,
								   .sessions_per_s = paces[i]},
				       &number),
				 NODE_RELEASE_ACCEPTED);
		for (uint64_t ms = 0;; ms++) {
			unsigned want = (unsigned)((ms / 10 * 10) * paces[i] / 1000) + 1;

			if (want > 20)
				want = 20;
			assert_int_equal(progress_of(&wire, number).begun, want);
			if (want == 20)
				break;
			wire_run(&wire, 1);
			answer_all_byes(&wire, "200 OK");
		}
		answer_all_byes(&wire, "200 OK");
		wire_run(&wire, 1000 / paces[i] + 20); /* looks once more, and finds nobody */
		assert_false(progress_of(&wire, number).running);
		assert_int_equal(progress_of(&wire, number).legs_2xx, 40);
		end(&wire);
	}
}

/* @req OP-3 RC-16 */
static void test_op_3_stopped_and_taken_up_again(void **state)
{
	struct node_release_order slow = {.selector = NODE_SELECT_ALL, .sessions_per_s = 10};
	struct node_release_progress p;
	uint32_t one, two, three;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 10);
	assert_int_equal(order(&wire, slow, &one), NODE_RELEASE_ACCEPTED);
	wire_run(&wire, 300);
	assert_true(node_release_stop(wire.node, one));
	wire_run(&wire, 400);
	p = progress_of(&wire, one);
	assert_true(p.stopped);
	assert_true(p.running); /* those begun are not finished yet */
	assert_int_equal(p.begun, 4);
	assert_int_equal(wire_counters(&wire)->sessions_releasing, 4);
	/* again: the four are counted, not released twice */
	assert_int_equal(
		order(&wire, (struct node_release_order){.selector = NODE_SELECT_ALL}, &two),
		NODE_RELEASE_ACCEPTED);
	wire_run(&wire, 20);
	p = progress_of(&wire, two);
	assert_int_equal(p.found, 10);
	assert_int_equal(p.already_releasing, 4);
	assert_int_equal(p.begun, 6);
	assert_int_equal(wire_counters(&wire)->byes_sent, 20); /* two for each session, no more */
	answer_all_byes(&wire, "200 OK");
	assert_false(progress_of(&wire, one).running);
	assert_false(progress_of(&wire, two).running);
	assert_int_equal(progress_of(&wire, one).ended, 4);
	assert_int_equal(progress_of(&wire, two).ended, 6);
	assert_int_equal(progress_of(&wire, two).legs_2xx, 12);
	/* nothing to do is done at once */
	assert_int_equal(order(&wire, slow, &three), NODE_RELEASE_ACCEPTED);
	assert_false(progress_of(&wire, three).running);
	assert_int_equal(progress_of(&wire, three).found, 0);
	assert_true(node_release_stop(wire.node,
				      three)); /* a finished one may be stopped, to no effect */
	assert_false(node_release_stop(wire.node, 999));
	end(&wire);
}

/* @req OP-5 */
static void test_op_5_a_dry_run_sends_nothing(void **state)
{
	struct wire wire;
	uint32_t number;
	struct node_release_progress p;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 5);
	wire_run(&wire, 40000);
	wire_forget(&wire);
	assert_int_equal(order(&wire,
			       (struct node_release_order){.selector = NODE_SELECT_ALL,
							   .dry_run = true,
							   .sessions_per_s = 1},
			       &number),
			 NODE_RELEASE_ACCEPTED);
	wire_run(&wire, 1000);
	p = progress_of(&wire, number);
	assert_false(p.running);
	assert_int_equal(p.found, 5);
	assert_int_equal(p.begun + p.ended, 0);
	assert_int_equal(wire.n_out, 0);
	assert_int_equal(wire_counters(&wire)->sessions_confirmed, 5);
	wire_release_all(&wire, 480);
	wire_run(&wire, 100);
	end(&wire);
}

/* @req OP-1 */
static void test_op_1_verdicts_for_one_session(void **state)
{
	struct node_session_report report;
	struct node_release_order one = {.selector = NODE_SELECT_SESSION};
	struct wire wire;
	uint32_t number;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 2);
	wire_session(&wire, NODE_LIVE, &report);
	one.id = report.id;
	one.id.handle.generation++;
	assert_int_equal(order(&wire, one, &number), NODE_RELEASE_UNKNOWN);
	one.id = report.id;
	one.id.shard = 1;
	assert_int_equal(order(&wire, one, &number), NODE_RELEASE_UNKNOWN);
	one.id = (struct node_session_id){0};
	assert_int_equal(order(&wire, one, &number), NODE_RELEASE_UNKNOWN);
	one.id = report.id;
	assert_int_equal(order(&wire, one, &number), NODE_RELEASE_ACCEPTED);
	assert_int_equal(wire_counters(&wire)->sessions_releasing, 1);
	assert_int_equal(wire_counters(&wire)->sessions_confirmed,
			 1); /* the other one is not touched */
	answer_all_byes(&wire, "200 OK");
	assert_int_equal(order(&wire, one, &number), NODE_RELEASE_ENDED);
	wire_release_all(&wire, 480);
	answer_all_byes(&wire, "200 OK");
	end(&wire);
}

/* @req RC-16  The same session ordered twice: counted, one pair of BYEs. */
static void test_rc_16_an_order_for_a_session_being_released(void **state)
{
	struct node_session_report report;
	struct node_release_order one = {.selector = NODE_SELECT_SESSION};
	struct wire wire;
	uint32_t first, second;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 1);
	wire_session(&wire, NODE_LIVE, &report);
	one.id = report.id;
	assert_int_equal(order(&wire, one, &first), NODE_RELEASE_ACCEPTED);
	assert_int_equal(order(&wire, one, &second), NODE_RELEASE_ACCEPTED);
	assert_int_not_equal(first, second);
	assert_int_equal(progress_of(&wire, second).already_releasing, 1);
	assert_false(progress_of(&wire, second).running);
	assert_true(progress_of(&wire, first).running);
	assert_int_equal(wire_count(&wire, BOB, "BYE") + wire_count(&wire, ALICE, "BYE"), 2);
	answer_all_byes(&wire, "200 OK");
	assert_false(progress_of(&wire, first).running);
	end(&wire);
}

/* @req OP-2 */
static void test_op_2_all_sessions_of_a_user_on_either_side(void **state)
{
	static const struct {
		const char *user;
		unsigned found;
	} rows[] = {{"sip:carol@ims.example", 2}, {"sip:nobody@ims.example", 0},
		    {"sip:CAROL@ims.example", 0}, {"sip:bob@ims.example", 1},
		    {"sip:alice@ims.example", 0}, {"sip:dan@ims.example", 1}};
	static const char *const pairs[][2] = {{"carol", "bob"}, {"bob", "carol"}, {"dan", "bob"}};
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_bind(&wire, "sip:carol@ims.example", "sip:carol@127.0.0.1:7000");
	for (unsigned i = 0; i < 3; i++) {
		wire_feed(&wire, ALICE,
			  "INVITE sip:%s@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKu%u\nMax-Forwards: 70\n"
			  "From: <sip:%s@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
			  "u%u\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
			  "Content-Length: 0\n\n",
			  pairs[i][1], i, pairs[i][0], i);
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
			    BOBS_CONTACT);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t number;

		assert_int_equal(order(&wire,
				       (struct node_release_order){.selector = NODE_SELECT_USER,
								   .user = text_of(rows[i].user),
								   .dry_run = i != 0},
				       &number),
				 NODE_RELEASE_ACCEPTED);
		wire_run(&wire, 100);
		if (progress_of(&wire, number).found != rows[i].found)
			fail_msg("%s: %u", rows[i].user, progress_of(&wire, number).found);
		if (i == 0) {
			answer_all_byes(&wire, "200 OK");
			wire_run(&wire, 40000); /* the ACK never came: the callers' BYEs */
			answer_all_byes(&wire, "200 OK");
			assert_int_equal(wire_counters(&wire)->sessions, 1);
		}
	}
	wire_release_all(&wire, 480);
	end(&wire);
}

/* Every argument that must be refused, and its neighbour that must not. */
static void test_op_1_invalid_orders(void **state)
{
	static char long_text[200];
	struct node_release_order all = {.selector = NODE_SELECT_ALL};
	struct wire wire;
	uint32_t number;

	(void)state;
	memset(long_text, 'r', sizeof(long_text));
	wire_open(&wire, NULL);
	for (unsigned status = 0; status < 1000; status++) {
		all.status = (uint16_t)status;
		assert_int_equal(order(&wire, all, &number),
				 status == 0 || (status >= 300 && status <= 699)
					 ? NODE_RELEASE_ACCEPTED
					 : NODE_RELEASE_INVALID);
	}
	all.status = 480;
	for (unsigned length = 0; length <= 140; length++) {
		all.reason_text = (struct text){long_text, length};
		assert_int_equal(order(&wire, all, &number),
				 length <= 128 ? NODE_RELEASE_ACCEPTED : NODE_RELEASE_INVALID);
	}
	for (unsigned c = 1; c < 256; c++) {
		char text[4] = {'a', (char)c, 'b', 0};

		all.reason_text = text_of(text);
		assert_int_equal(order(&wire, all, &number), c < ' ' || c == 127
								     ? NODE_RELEASE_INVALID
								     : NODE_RELEASE_ACCEPTED);
	}
	end(&wire);
}

/* LIMIT_RELEASE_ORDERS at work: the next is refused until one is done. */
static void test_op_3_too_many_orders_at_once(void **state)
{
	struct node_release_order slow = {.selector = NODE_SELECT_ALL, .sessions_per_s = 1};
	uint32_t numbers[LIMIT_RELEASE_ORDERS], number;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 60);
	for (unsigned i = 0; i < LIMIT_RELEASE_ORDERS; i++)
		assert_int_equal(order(&wire, slow, &numbers[i]), NODE_RELEASE_ACCEPTED);
	assert_int_equal(order(&wire, slow, &number), NODE_RELEASE_BUSY);
	answer_all_byes(&wire, "200 OK");
	assert_true(node_release_stop(wire.node, numbers[3]));
	assert_int_equal(order(&wire, slow, &number), NODE_RELEASE_ACCEPTED);
	answer_all_byes(&wire, "200 OK");
	assert_int_equal(order(&wire, slow, &number), NODE_RELEASE_BUSY);
	for (unsigned i = 0; i < LIMIT_RELEASE_ORDERS; i++)
		node_release_stop(wire.node, numbers[i]);
	wire_release_all(&wire, 480);
	for (int i = 0; i < 200; i++) {
		wire_run(&wire, 100);
		answer_all_byes(&wire, "200 OK");
	}
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	end(&wire);
}

/* Sessions that begin after the order are left alone, those of the same millisecond too. */
static void test_op_3_sessions_that_begin_after_the_order(void **state)
{
	struct wire wire;
	uint32_t number;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 3);
	assert_int_equal(order(&wire,
			       (struct node_release_order){.selector = NODE_SELECT_ALL,
							   .sessions_per_s = 10},
			       &number),
			 NODE_RELEASE_ACCEPTED);
	calls(&wire, 3, 1); /* same millisecond */
	wire_run(&wire, 5);
	calls(&wire, 4, 1);
	wire_run(&wire, 1000);
	assert_int_equal(progress_of(&wire, number).found, 3);
	assert_int_equal(wire_counters(&wire)->sessions_confirmed, 2);
	wire_release_all(&wire, 480);
	end(&wire);
}

/* @req OP-4 SC-5a RF-7 RC-21 RC-12 RC-11  What came of each leg, by every way it can go. */
static void test_op_4_what_came_of_each_leg(void **state)
{
	static const struct {
		const char *status; /* NULL: silence; "": the transport fails */
		uint32_t two_xx, four_81, other, timed_out, failed;
		enum leg_outcome outcome;
		unsigned outcome_status;
	} rows[] = {
		{"200 OK", 1, 0, 0, 0, 0, LEG_ANSWERED, 200},
		{"202 Accepted", 1, 0, 0, 0, 0, LEG_ANSWERED, 202},
		{"481 Gone", 0, 1, 0, 0, 0, LEG_ANSWERED, 481},
		{"408 Late", 0, 0, 1, 0, 0, LEG_ANSWERED, 408},
		{"401 Who", 0, 0, 1, 0, 0, LEG_ANSWERED, 401},
		{"407 Who", 0, 0, 1, 0, 0, LEG_ANSWERED, 407},
		{"302 There", 0, 0, 1, 0, 0, LEG_ANSWERED, 302},
		{"503 Busy", 0, 0, 1, 0, 0, LEG_ANSWERED, 503},
		{"603 No", 0, 0, 1, 0, 0, LEG_ANSWERED, 603},
		{NULL, 0, 0, 0, 1, 0, LEG_TIMED_OUT, 0},
		{"", 0, 0, 0, 0, 1, LEG_TRANSPORT_FAILED, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int side = 0; side < 2; side++) {
			uint16_t port = side == SIDE_CALLED ? BOB : ALICE,
				 other = side == SIDE_CALLED ? ALICE : BOB;
			struct node_session_report report;
			struct node_release_progress p;
			struct wire wire;
			uint32_t number;

			wire_open(&wire, NULL);
			calls(&wire, 0, 1);
			number = wire_release_all(&wire, 486);
			wire_run(&wire, 10); /* the walk comes to its end */
			assert_int_equal(wire_count(&wire, port, "BYE"), 1);
			wire_answer(&wire, other, wire_last(&wire, other, "BYE"), "200 OK", "x",
				    "");
			if (!rows[i].status) {
				wire_run(&wire, 31989);
				assert_int_equal(wire_counters(&wire)->sessions, 1);
				wire_run(&wire, 1);
			} else if (!*rows[i].status) {
				struct node_event event = {
					.kind = NODE_EVENT_SEND_FAILED,
					.peer = wire_address(TRANSPORT_UDP, port)};

				event.bytes = text_of(wire_last(&wire, port, "BYE"));
				node_feed(wire.node, wire.now_ms, &event);
			} else {
				wire_answer(&wire, port, wire_last(&wire, port, "BYE"),
					    rows[i].status, "x", "");
			}
			p = progress_of(&wire, number);
			assert_false(p.running);
			assert_int_equal(p.found, 1);
			assert_int_equal(p.begun, 1);
			assert_int_equal(p.ended, 1);
			assert_int_equal(p.legs_2xx, rows[i].two_xx + 1);
			assert_int_equal(p.legs_481, rows[i].four_81);
			assert_int_equal(p.legs_other, rows[i].other);
			assert_int_equal(p.legs_timed_out, rows[i].timed_out);
			assert_int_equal(p.legs_transport_failed, rows[i].failed);
			wire_session(&wire, NODE_GONE, &report);
			assert_int_equal(report.end, SESSION_END_RELEASED);
			assert_int_equal(report.end_status, 486);
			assert_int_equal(report.dialogs[0].outcome[side], rows[i].outcome);
			assert_int_equal(report.dialogs[0].outcome_status[side],
					 rows[i].outcome_status);
			assert_int_equal(report.dialogs[0].outcome_status[1 - side], 200);
			end(&wire);
		}
}

/* @req RF-7b  A 500: once more after its Retry-After, with the next number; the second 500 is the end. */
static void test_rf_7b_a_500_is_tried_once_more(void **state)
{
	static const struct {
		const char *lines;
		uint64_t earliest_ms, latest_ms;
	} rows[] = {
		{"", 0, 2001},
		{"Retry-After: 3\n", 3000, 3000},
		{"Retry-After: 3 (soon);duration=9\n", 3000, 3000},
		{"Retry-After: 0\n", 0, 1},
		{"Retry-After: never\n", 0, 2001},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;
		uint64_t waited = 0;

		wire_open(&wire, NULL);
		calls(&wire, 0, 1);
		wire_release_all(&wire, 480);
		wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "x", "");
		wire_check_header(wire_last(&wire, BOB, "BYE"), "CSeq", "2 BYE");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "500 Race", "b",
			    rows[i].lines);
		while (wire_count(&wire, BOB, "BYE") == 1 && waited <= 70000) {
			wire_run(&wire, 1);
			waited++;
		}
		assert_in_range(waited, rows[i].earliest_ms, rows[i].latest_ms);
		wire_check_header(wire_last(&wire, BOB, "BYE"), "CSeq", "3 BYE");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "500 Race", "b", "");
		assert_int_equal(wire_counters(&wire)->sessions, 0);
		wire_run(&wire, 100000);
		assert_int_equal(wire_count(&wire, BOB, "BYE"), 2);
		end(&wire);
	}
}

/* @req RF-12  The operator's words, with what has to be escaped, in BYE and CANCEL and in the final response to the caller. */
static void test_rf_12_the_operators_reason(void **state)
{
	struct node_release_order all = {.selector = NODE_SELECT_ALL,
					 .status = 503,
					 .reason_text = TEXT("say \"hi\" \\ gr\xc3\xbc\xc3\x9f")};
	static const char want[] = "SIP;cause=503;text=\"say \\\"hi\\\" \\\\ gr\xc3\xbc\xc3\x9f\"";
	struct wire wire;
	uint32_t number;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 1);
	wire_invite(&wire, "ringing", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	wire_forget(&wire);
	assert_int_equal(order(&wire, all, &number), NODE_RELEASE_ACCEPTED);
	wire_run(&wire, 50);
	wire_check_header(wire_last(&wire, BOB, "BYE"), "Reason", want);
	wire_check_header(wire_last(&wire, ALICE, "BYE"), "Reason", want);
	wire_check_header(wire_last(&wire, BOB, "CANCEL"), "Reason", want);
	wire_check_header(wire_last(&wire, ALICE, "SIP/2.0 503"), "Reason", want);
	end(&wire);
}

/* @req SC-0 RC-9  Released while it rings: CANCEL, final response; the last word of the branch is the leg's. */
static void test_sc_0_released_before_the_answer(void **state)
{
	static const struct {
		const char *last;
		uint32_t two_xx, other, timed_out;
	} rows[] = {
		{"487 Request Terminated", 1, 0, 0}, {"486 Busy Here", 0, 1, 0}, {NULL, 0, 0, 1}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct node_session_report report;
		struct node_release_progress p;
		struct wire wire;
		uint32_t number;

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b",
			    BOBS_CONTACT);
		number = wire_release_all(&wire, 480);
		wire_run(&wire, 10);
		assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 480"), 1);
		assert_int_equal(wire_counters(&wire)->sessions_releasing, 1);
		if (rows[i].last)
			wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), rows[i].last, "b",
				    "");
		else
			wire_run(&wire, 32000);
		p = progress_of(&wire, number);
		assert_false(p.running);
		assert_int_equal(p.legs_2xx, rows[i].two_xx);
		assert_int_equal(p.legs_other, rows[i].other);
		assert_int_equal(p.legs_timed_out, rows[i].timed_out);
		wire_session(&wire, NODE_GONE, &report);
		assert_int_equal(report.end, SESSION_END_RELEASED);
		assert_int_equal(report.setup_status, 480);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487") +
					 wire_count(&wire, ALICE, "SIP/2.0 486"),
				 0);
		end(&wire);
	}
}

/* @req RC-8 RC-8b RC-7a  L12: the 2xx crosses our CANCEL. */
static void test_rc_8_a_2xx_that_crosses_our_cancel(void **state)
{
	struct wire wire;
	char *invite, route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	invite = strdup(wire_last(&wire, BOB, "INVITE"));
	wire_answer(&wire, BOB, invite, "180 Ringing", "b", BOBS_CONTACT);
	wire_release_all(&wire, 480);
	assert_non_null(wire_own_route(&wire, route, sizeof(route)));
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	assert_int_equal(wire_count(&wire, BOB, "ACK sip:bob@127.0.0.1:7000"), 1);
	wire_check_header(wire_last(&wire, BOB, "ACK"), "CSeq", "1 ACK");
	wire_check_header(wire_last(&wire, BOB, "BYE"), "CSeq", "2 BYE");
	assert_int_equal(wire_count(&wire, ALICE, "BYE"), 0);
	for (int i = 2; i < 5; i++) { /* repeated: our ACK again, no second BYE */
		wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
		assert_int_equal(wire_count(&wire, BOB, "ACK"), i);
	}
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "ACK"), 4); /* the caller's own is absorbed */
	assert_int_equal(wire_count(&wire, ALICE, "BYE"), 1);
	assert_int_equal(wire_count(&wire, BOB, "BYE"), 1);
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "a", "");
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	free(invite);
	end(&wire);
}

/* @req RC-8a RC-7  An offer in the 2xx is answered by our ACK with every medium refused, also when the
 * INVITE had a body that was no description, and when the offer is a part of a multipart. */
static void test_rc_8a_our_ack_refuses_every_medium_of_an_offer(void **state)
{
#define OFFER                                                                                      \
	"v=0\no=bob 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 4000 RTP/AVP 0 "   \
	"8\n"                                                                                      \
	"m=video 4002 RTP/AVP 31\na=sendrecv\n"
	static const struct {
		const char *type, *body;
	} rows[] = {
		{"application/sdp", OFFER},
		{"multipart/mixed;boundary=b",
		 "--b\n\nplain\n--b\nContent-Type: application/sdp\n\n" OFFER "\n--b--\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned length = 0;
		struct wire wire;
		const char *ack;
		char via[300], value[20];

		wire_open(&wire, NULL);
		wire_feed(&wire, ALICE,
			  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
			  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\n"
			  "Call-ID: c1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n%s",
			  i ? "Content-Type: text/plain\nContent-Length: 5\n\nhello"
			    : "Content-Length: 0\n\n");
		wire_header(wire_last(&wire, BOB, "INVITE"), "Via", 0, via, sizeof(via));
		for (const char *c = rows[i].body; *c; c++)
			length += *c == '\n' ? 2 : 1;
		wire_feed(&wire, BOB,
			  "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKc1-1\nFrom: "
			  "<sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>;tag=b\n"
			  "Call-ID: c1\nCSeq: 1 INVITE\n" BOBS_CONTACT
			  "Content-Type: %s\nContent-Length: %u\n\n%s",
			  via, rows[i].type, length, rows[i].body);
		wire_release_all(&wire, 480);
		ack = wire_last(&wire, BOB, "ACK");
		assert_non_null(ack);
		wire_check_header(ack, "Content-Type", "application/sdp");
		assert_non_null(strstr(ack, "\r\n\r\nv=0\r\n"));
		assert_non_null(strstr(ack, "\r\nm=audio 0 RTP/AVP "));
		assert_non_null(strstr(ack, "\r\nm=video 0 RTP/AVP "));
		wire_header(ack, "Content-Length", 0, value, sizeof(value));
		assert_int_equal(strlen(strstr(ack, "\r\n\r\n") + 4), atoi(value));
		wire_run(&wire, 100000);
		end(&wire);
	}
#undef OFFER
}

/* @req RC-7 RC-7a RC-7b RF-3  L11, with and without the ACK. */
static void test_rc_7_released_between_2xx_and_ack(void **state)
{
	(void)state;
	for (int acknowledged = 0; acknowledged < 2; acknowledged++) {
		struct wire wire;
		char route[300];

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
			    BOBS_CONTACT);
		wire_own_route(&wire, route, sizeof(route));
		wire_run(&wire, 100);
		wire_release_all(&wire, 480);
		assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
		assert_int_equal(wire_count(&wire, BOB, "BYE"), 1);
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
		/* the callee repeats its 2xx no more: we do, at 0.5, 1.5, 3.5 s */
		wire_run(&wire, 499);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
		wire_run(&wire, 1);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 2);
		wire_run(&wire, 1000);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 3);
		if (acknowledged) {
			wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
			assert_int_equal(wire_count(&wire, ALICE, "BYE"), 1);
			wire_run(&wire, 30000);
			assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 3);
		} else {
			wire_run(&wire, 30499);
			assert_int_equal(wire_count(&wire, ALICE, "BYE"), 0);
			wire_run(&wire, 1);
			assert_int_equal(wire_count(&wire, ALICE, "BYE"), 1);
		}
		assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
		end(&wire);
	}
}

/* @req RC-16  A party's BYE is under way when the order comes, and is then refused: the dialog is not saved by that. */
static void test_rc_16_a_refused_bye_of_a_party_does_not_save_the_dialog(void **state)
{
	static const char *const refusals[] = {"401 Unauthorized",
					       "407 Proxy Authentication Required", "500 Race",
					       "400 Bad Request"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct node_session_report report;
		struct wire wire;
		char route[300];

		wire_open(&wire, NULL);
		wire_call(&wire, "c1", route, sizeof(route));
		wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
		wire_release_all(&wire, 480);
		assert_int_equal(wire_count(&wire, BOB, "BYE"), 1); /* the party's own: RC-16 */
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), refusals[i], "b", "");
		assert_int_equal(wire_counters(&wire)->sessions, 1);
		assert_int_equal(wire_count(&wire, BOB, "BYE"), 2);
		wire_check_header(wire_last(&wire, BOB, "BYE"), "CSeq", "3 BYE");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
		assert_int_equal(wire_count(&wire, ALICE, "BYE"), 0); /* who hung up needs none */
		wire_session(&wire, NODE_GONE, &report);
		assert_int_equal(report.end, SESSION_END_BYE_OF_CALLING);
		assert_int_equal(report.dialogs[0].outcome[SIDE_CALLING], LEG_HUNG_UP);
		assert_int_equal(report.dialogs[0].outcome_status[SIDE_CALLED], 200);
		end(&wire);
	}
}

/* @req RC-22 OP-4  An order meets a BYE of a party: who came first ends the session, nobody is sent a second one, and the
 * order is done, with what came of each leg, when that BYE is. */
static void test_rc_22_an_order_while_a_bye_is_under_way(void **state)
{
	static const struct {
		const char *answer; /* NULL: none */
		uint8_t outcome;
		uint16_t status;
	} rows[] = {{"200 OK", LEG_ANSWERED, 200},
		    {"481 Gone", LEG_ANSWERED, 481},
		    {NULL, LEG_TIMED_OUT, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int calling = 0; calling < 2; calling++) {
			uint16_t from = calling ? ALICE : BOB, to = calling ? BOB : ALICE;
			enum dialog_side side = calling ? SIDE_CALLING : SIDE_CALLED;
			struct node_release_order one = {.selector = NODE_SELECT_SESSION,
							 .status = 503};
			struct node_session_report report;
			struct wire wire;
			uint32_t number;
			char route[300];

			wire_open(&wire, NULL);
			wire_call(&wire, "c1", route, sizeof(route));
			wire_in_dialog(&wire, from, "BYE", 2, "c1", route, "");
			wire_run(&wire, 400);
			wire_session(&wire, NODE_LIVE, &report);
			one.id = report.id;
			assert_int_equal(order(&wire, one, &number), NODE_RELEASE_ACCEPTED);
			assert_true(progress_of(&wire, number).running);
			if (rows[i].answer)
				wire_answer(&wire, to, wire_last(&wire, to, "BYE"), rows[i].answer,
					    calling ? "b" : "a", "");
			else
				wire_run(&wire, 32000);
			assert_false(progress_of(&wire, number).running);
			assert_int_equal(progress_of(&wire, number).ended, 1);
			assert_int_equal(wire_count(&wire, from, "BYE"), 0);
			assert_int_equal(wire_counters(&wire)->byes_sent, 0);
			wire_session(&wire, NODE_GONE, &report);
			assert_int_equal(report.end, calling ? SESSION_END_BYE_OF_CALLING
							     : SESSION_END_BYE_OF_CALLED);
			assert_int_equal(report.dialogs[0].outcome[side], LEG_HUNG_UP);
			assert_int_equal(report.dialogs[0].outcome[dialog_other_side(side)],
					 rows[i].outcome);
			assert_int_equal(report.dialogs[0].outcome_status[dialog_other_side(side)],
					 rows[i].status);
			end(&wire);
		}
}

/* @req RC-1 RC-22 SC-8  BYEs of the parties that cross ours: 481 each, and each leg still has one. */
static void test_rc_1_byes_that_cross_ours(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_release_all(&wire, 480);
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	wire_in_dialog(&wire, BOB, "BYE", 9, "c1", route, "");
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, ""); /* again: the same answer */
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 481"), 2);
	assert_int_equal(wire_count(&wire, BOB, "SIP/2.0 481"), 1);
	assert_int_equal(wire_count(&wire, BOB, "BYE"), 1);
	assert_int_equal(wire_count(&wire, ALICE, "BYE"), 1);
	answer_all_byes(&wire, "481 Gone");
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	/* RC-15: later it is a dialog that nobody knows; within timer J the same answer */
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 481"), 1);
	assert_int_equal(wire_counters(&wire)->unknown_dialogs, 0);
	wire_run(&wire, 40000);
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	assert_int_equal(wire_counters(&wire)->unknown_dialogs, 1);
	end(&wire);
}

/* @req RC-T  The answer that comes after timer F is dropped. */
static void test_rc_t_a_late_answer_to_our_bye(void **state)
{
	struct wire wire;
	char *bye;

	(void)state;
	wire_open(&wire, NULL);
	calls(&wire, 0, 1);
	wire_release_all(&wire, 480);
	bye = strdup(wire_last(&wire, BOB, "BYE"));
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "a", "");
	wire_run(&wire, 32100);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	wire_forget(&wire);
	wire_answer(&wire, BOB, bye, "200 OK", "b", "");
	assert_int_equal(wire.n_out, 0);
	assert_int_equal(wire_counters(&wire)->stray_responses, 1);
	free(bye);
	end(&wire);
}

/* @req RC-20  An open PRACK or UPDATE is answered before its state is dropped. */
static void test_rc_20_requests_open_when_the_release_begins(void **state)
{
	static const char *const methods[] = {"PRACK", "UPDATE", "INFO"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire wire;
		char route[300], *request;

		wire_open(&wire, NULL);
		wire_call(&wire, "c1", route, sizeof(route));
		wire_in_dialog(&wire, ALICE, methods[i], 2, "c1", route, "");
		request = strdup(wire_last(&wire, BOB, methods[i]));
		wire_release_all(&wire, 480);
		wire_check_header(wire_last(&wire, BOB, "BYE"), "CSeq",
				  "3 BYE"); /* RC-10b, RF-14a */
		answer_all_byes(&wire, "200 OK");
		wire_answer(&wire, BOB, request, "487 Request Terminated", "b", "");
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 1);
		free(request);
		end(&wire);
	}
}

/* The last 64 finished orders are remembered. */
static void test_op_4_finished_orders_are_remembered(void **state)
{
	struct node_release_progress p;
	struct wire wire;
	uint32_t number = 0;

	(void)state;
	wire_open(&wire, NULL);
	for (unsigned i = 1; i <= 100; i++) {
		assert_int_equal(order(&wire,
				       (struct node_release_order){.selector = NODE_SELECT_ALL},
				       &number),
				 NODE_RELEASE_ACCEPTED);
		assert_int_equal(number, i);
	}
	for (unsigned i = 1; i <= 100; i++)
		assert_int_equal(node_release_progress(wire.node, i, &p), i > 36);
	assert_false(node_release_progress(wire.node, 0, &p));
	assert_false(node_release_progress(wire.node, 101, &p));
	end(&wire);
}

/* @req RC-21 SC-5a  A leg that there is no way to counts as failed at once, and holds nothing up. */
static void test_rc_21_legs_without_a_way(void **state)
{
	/* bit 0: the caller's Contact leads nowhere, bit 1: the callee's */
	(void)state;
	for (unsigned lost = 0; lost < 4; lost++)
		for (int acknowledged = 0; acknowledged < 2; acknowledged++) {
			struct node_release_progress p;
			struct wire wire;
			uint32_t number;
			char route[300];

			wire_open(&wire, NULL);
			wire_feed(&wire, ALICE,
				  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
				  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
				  "From: <sip:alice@ims.example>;tag=a\nTo: "
				  "<sip:bob@ims.example>\nCall-ID: c1\nCSeq: 1 INVITE\n"
				  "Contact: <sip:alice@%s>\nContent-Length: 0\n\n",
				  lost & 1 ? "nowhere.example" : "127.0.0.1:6000");
			wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
				    lost & 2 ? "Contact: <sip:bob@nowhere.example>\n"
					     : BOBS_CONTACT);
			wire_own_route(&wire, route, sizeof(route));
			if (acknowledged)
				wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
			number = wire_release_all(&wire, 480);
			wire_run(&wire, 20);
			if (!acknowledged)
				wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
			assert_int_equal(wire_count(&wire, ALICE, "BYE"), lost & 1 ? 0 : 1);
			assert_int_equal(wire_count(&wire, BOB, "BYE"), lost & 2 ? 0 : 1);
			answer_all_byes(&wire, "200 OK");
			p = progress_of(&wire, number);
			assert_false(p.running);
			assert_int_equal(p.legs_2xx, 2 - (lost & 1) - (lost >> 1));
			assert_int_equal(p.legs_transport_failed, (lost & 1) + (lost >> 1));
			assert_int_equal(wire_counters(&wire)->sessions, 0);
			end(&wire);
		}
}

/* The ACK never comes, and there is no way to the caller: over when its time is. */
static void test_rc_7b_no_ack_and_no_way_to_the_caller(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(&wire, ALICE,
		  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "c1\nCSeq: 1 INVITE\n"
		  "Contact: <sip:alice@nowhere.example>\nContent-Length: 0\n\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
	wire_release_all(&wire, 480);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	wire_run(&wire, 31999);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_run(&wire, 1);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	end(&wire);
}

/* @req RC-8 SC-11  The 2xx is the first that we hear of the callee, and our final response to the caller has gone: the caller's side is taken from the INVITE as it
 * was forwarded. */
static void test_rc_8_a_late_2xx_without_an_early_dialog(void **state)
{
	struct wire wire;
	char via[300], own[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(&wire, ALICE,
		  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "Record-Route: <sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002;lr>\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "c1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
		  "Content-Length: 0\n\n");
	wire_header(wire_last(&wire, BOB, "INVITE"), "Via", 0, via, sizeof(via));
	wire_header(wire_last(&wire, BOB, "INVITE"), "Record-Route", 0, own, sizeof(own));
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "100 Trying", "", "");
	wire_release_all(&wire, 480);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
	wire_feed(&wire, BOB,
		  "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nRecord-Route: <sip:127.0.0.1:9001;lr>, %s\n"
		  "Record-Route: <sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002;lr>\nFrom: "
		  "<sip:alice@ims.example>;tag=a\n"
		  "To: <sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 1 INVITE\n" BOBS_CONTACT
		  "Content-Length: 0\n\n",
		  via, own);
	wire_check_header(wire_last(&wire, 9001, "ACK sip:bob@127.0.0.1:7000"), "Route",
			  "<sip:127.0.0.1:9001;lr>");
	wire_check_header(wire_last(&wire, 9001, "BYE sip:bob@127.0.0.1:7000"), "Route",
			  "<sip:127.0.0.1:9001;lr>");
	wire_run(&wire, 32000);
	wire_check_header(wire_last(&wire, 8001, "BYE sip:alice@127.0.0.1:6000"), "Route",
			  "<sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002;lr>");
	end(&wire);
}

/* Released while it rings, and the CANCEL cannot be delivered: nobody is there to answer the INVITE.
 * That the INVITE itself was lost on its way is not to be believed: it has been answered. */
static void test_op_4_a_cancelled_leg_whose_transport_fails(void **state)
{
	struct node_event event = {.kind = NODE_EVENT_SEND_FAILED,
				   .peer = wire_address(TRANSPORT_UDP, BOB)};
	struct wire wire;
	uint32_t number;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	number = wire_release_all(&wire, 480);
	wire_run(&wire, 20);
	event.bytes = text_of(wire_last(&wire, BOB, "INVITE"));
	node_feed(wire.node, wire.now_ms, &event);
	wire_collect(&wire);
	assert_true(progress_of(&wire, number).running);
	event.bytes = text_of(wire_last(&wire, BOB, "CANCEL"));
	node_feed(wire.node, wire.now_ms, &event);
	wire_collect(&wire);
	assert_false(progress_of(&wire, number).running);
	assert_int_equal(progress_of(&wire, number).legs_transport_failed, 1);
	end(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_op_3_the_pace_is_exact),
		cmocka_unit_test(test_op_3_stopped_and_taken_up_again),
		cmocka_unit_test(test_op_5_a_dry_run_sends_nothing),
		cmocka_unit_test(test_op_1_verdicts_for_one_session),
		cmocka_unit_test(test_rc_16_an_order_for_a_session_being_released),
		cmocka_unit_test(test_op_2_all_sessions_of_a_user_on_either_side),
		cmocka_unit_test(test_op_1_invalid_orders),
		cmocka_unit_test(test_op_3_too_many_orders_at_once),
		cmocka_unit_test(test_op_3_sessions_that_begin_after_the_order),
		cmocka_unit_test(test_op_4_what_came_of_each_leg),
		cmocka_unit_test(test_rf_7b_a_500_is_tried_once_more),
		cmocka_unit_test(test_rf_12_the_operators_reason),
		cmocka_unit_test(test_sc_0_released_before_the_answer),
		cmocka_unit_test(test_rc_8_a_2xx_that_crosses_our_cancel),
		cmocka_unit_test(test_rc_8a_our_ack_refuses_every_medium_of_an_offer),
		cmocka_unit_test(test_rc_7_released_between_2xx_and_ack),
		cmocka_unit_test(test_rc_16_a_refused_bye_of_a_party_does_not_save_the_dialog),
		cmocka_unit_test(test_rc_22_an_order_while_a_bye_is_under_way),
		cmocka_unit_test(test_rc_1_byes_that_cross_ours),
		cmocka_unit_test(test_rc_t_a_late_answer_to_our_bye),
		cmocka_unit_test(test_rc_20_requests_open_when_the_release_begins),
		cmocka_unit_test(test_op_4_finished_orders_are_remembered),
		cmocka_unit_test(test_rc_21_legs_without_a_way),
		cmocka_unit_test(test_rc_7b_no_ack_and_no_way_to_the_caller),
		cmocka_unit_test(test_rc_8_a_late_2xx_without_an_early_dialog),
		cmocka_unit_test(test_op_4_a_cancelled_leg_whose_transport_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
