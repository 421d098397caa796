/* What the operator sees: walking the sessions while they come and go, reports, the ladder and the sentence for each kind of end. */
#include "wire.h"

static char text[65536];

static const char *why(struct wire *wire, const struct node_session_report *report)
{
	struct text_writer w = text_writer_on(text, sizeof(text) - 1);

	ladder_put_why(&w, report, wire->now_ms);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static const char *ladder(const struct node_session_report *report)
{
	struct text_writer w = text_writer_on(text, sizeof(text) - 1);

	ladder_put(&w, report, 0);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static void check_has(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("no \"%s\" in:\n%s", what, where);
}

static void invite_number(struct wire *wire, unsigned n)
{
	char call_id[20];

	snprintf(call_id, sizeof(call_id), "n%u", n);
	wire_invite(wire, call_id, "");
}

static void busy(struct wire *wire, unsigned n)
{
	char mark[40];

	snprintf(mark, sizeof(mark), "Call-ID: n%u\r\n", n);
	for (unsigned i = 0; i < wire->n_out; i++)
		if (wire->out[i].to.port == BOB && strncmp(wire->out[i].bytes, "INVITE", 6) == 0 &&
		    strstr(wire->out[i].bytes, mark)) {
			wire_answer(wire, BOB, wire->out[i].bytes, "486 Busy Here", "b", "");
			return;
		}
	fail_msg("no INVITE %u", n);
}

static void test_a_session_that_lives_through_the_walk_is_seen_once(void **state)
{
	struct node_session_report report;
	unsigned seen[60] = {0}, n = 0, steps = 0;
	uint64_t cursor = 0;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	for (unsigned i = 0; i < 40; i++)
		invite_number(&wire, i);
	while (node_sessions(wire.node, NODE_LIVE, (struct text){0}, 3, &cursor, &report)) {
		uint32_t number;

		assert_in_range(++steps, 1, 1000);
		if (!handle_is_set(report.id.handle))
			continue;
		assert_true(text_to_u32(text_from(report.call_id, 1), 89, &number));
		assert_int_equal(report.state, SESSION_ESTABLISHING);
		seen[number]++;
		if (n < 10) { /* one goes, one comes */
			busy(&wire, 20 + n);
			invite_number(&wire, 40 + n);
			n++;
		}
	}
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(seen[i], 1);
	for (unsigned i = 20; i < 50; i++)
		assert_in_range(seen[i], 0, 1);
	for (unsigned i = 30; i < 40; i++)
		assert_int_equal(seen[i], 1);
	wire_close(&wire);
}

static void test_look_max_bounds_a_call(void **state)
{
	struct node_session_report report;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	for (unsigned i = 0; i < 20; i++)
		invite_number(&wire, i);
	for (unsigned i = 0; i < 19; i++)
		busy(&wire, i);
	for (uint32_t look_max = 0; look_max < 25; look_max++) { /* one is alive among twenty */
		uint64_t cursor = 0;
		unsigned calls = 0, found = 0;

		while (node_sessions(wire.node, NODE_LIVE, (struct text){0}, look_max, &cursor,
				     &report)) {
			found += handle_is_set(report.id.handle);
			if (++calls > 100)
				break;
		}
		if (look_max == 0) {
			assert_int_equal(calls,
					 101); /* looks at nothing: never ends, and says so */
			assert_int_equal(found, 0);
			continue;
		}
		assert_int_equal(found, 1);
		assert_in_range(calls, 1, 20 / look_max + 2);
	}
	wire_close(&wire);
}

static unsigned count(struct wire *wire, enum node_which which, const char *user)
{
	struct node_session_report report;
	uint64_t cursor = 0;
	unsigned n = 0;

	while (node_sessions(wire->node, which, text_of(user), 1000, &cursor, &report))
		n += handle_is_set(report.id.handle);
	return n;
}

static void test_filters(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	for (unsigned i = 0; i < 6; i++)
		invite_number(&wire, i);
	busy(&wire, 0);
	busy(&wire, 1);
	assert_int_equal(count(&wire, NODE_LIVE, ""), 4);
	assert_int_equal(count(&wire, NODE_GONE, ""), 2);
	assert_int_equal(count(&wire, NODE_LIVE, "sip:alice@ims.example"), 4);
	assert_int_equal(count(&wire, NODE_GONE, "sip:bob@ims.example"), 2);
	assert_int_equal(count(&wire, NODE_LIVE, "sip:carol@ims.example"), 0);
	wire_close(&wire);
}

/* @req SC-10 SC-10a SC-10b  What a report says of a dialog, as the call goes on. */
static void test_sc_10_the_report_follows_the_call(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];
	uint64_t began;

	(void)state;
	wire_open(&wire, NULL);
	wire_bind(&wire, "sip:alice@ims.example", "sip:alice@127.0.0.1:6000");
	began = wire.now_ms;
	wire_invite(&wire, "c1", "");
	wire_session(&wire, NODE_LIVE, &r);
	assert_int_equal(r.state, SESSION_ESTABLISHING);
	assert_int_equal(r.n_dialogs, 0);
	assert_true(r.began_ms == began);
	assert_true(r.answered_ms == 0 && r.ended_ms == 0 && r.expires_ms == 0);
	assert_string_equal(r.served, "both");
	assert_true(text_equal(r.call_id, TEXT("c1")));
	assert_true(text_equal(r.from, TEXT("<sip:alice@ims.example>;tag=a")));
	assert_true(text_equal(r.calling_user, TEXT("sip:alice@ims.example")));
	assert_true(text_equal(r.called_user, TEXT("sip:bob@ims.example")));
	wire_run(&wire, 100);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b",
		    "Contact: <sip:early@127.0.0.1:7000>\n");
	wire_session(&wire, NODE_LIVE, &r);
	assert_int_equal(r.n_dialogs, 1);
	assert_string_equal(r.dialogs[0].state, "early");
	assert_true(text_equal(r.dialogs[0].to_tag, TEXT("b")));
	assert_true(text_equal(r.dialogs[0].remote_target[SIDE_CALLED],
			       TEXT("sip:early@127.0.0.1:7000")));
	assert_true(text_equal(r.dialogs[0].remote_target[SIDE_CALLING],
			       TEXT("sip:alice@127.0.0.1:6000")));
	assert_int_equal(r.dialogs[0].cseq[SIDE_CALLING], 1);
	assert_false(r.dialogs[0].has_cseq[SIDE_CALLED]);
	wire_run(&wire, 100);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
		    BOBS_CONTACT "Session-Expires: 1800;refresher=uac\n");
	wire_session(&wire, NODE_LIVE, &r);
	assert_int_equal(r.state, SESSION_ANSWERED);
	assert_true(r.answered_ms == began + 200);
	assert_true(r.expires_ms == began + 200 + 1800000);
	assert_string_equal(r.dialogs[0].state, "answered");
	assert_true(text_equal(r.dialogs[0].remote_target[SIDE_CALLED],
			       TEXT("sip:bob@127.0.0.1:7000")));
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_session(&wire, NODE_LIVE, &r);
	assert_int_equal(r.state, SESSION_CONFIRMED);
	/* bob moves by UPDATE; a refused one moves nobody */
	wire_in_dialog(&wire, BOB, "UPDATE", 30, "c1", route,
		       "Contact: <sip:moved@127.0.0.1:7000>\n");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "UPDATE"), "200 OK", "a",
		    "Contact: <sip:alice2@127.0.0.1:6000>\nSession-Expires: 600\n");
	wire_in_dialog(&wire, BOB, "UPDATE", 31, "c1", route,
		       "Contact: <sip:refused@127.0.0.1:7000>\n");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "UPDATE"), "491 Pending", "a", "");
	wire_session(&wire, NODE_LIVE, &r);
	assert_true(text_equal(r.dialogs[0].remote_target[SIDE_CALLED],
			       TEXT("sip:moved@127.0.0.1:7000")));
	assert_true(text_equal(r.dialogs[0].remote_target[SIDE_CALLING],
			       TEXT("sip:alice2@127.0.0.1:6000")));
	assert_int_equal(r.dialogs[0].cseq[SIDE_CALLED], 31);
	assert_int_equal(r.dialogs[0].cseq[SIDE_CALLING], 1);
	assert_true(r.expires_ms == wire.now_ms + 600000);
	wire_close(&wire);
}

/* Every way in which a session can end, with what `why` says of it. */
static void set_up(struct wire *wire, char *route, size_t max)
{
	wire_open(wire, NULL);
	wire_call(wire, "c1", route, max);
	wire_run(wire, 1234);
}

static void ringing(struct wire *wire)
{
	wire_open(wire, NULL);
	wire_invite(wire, "c1", "");
	wire_answer(wire, BOB, wire_last(wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
}

static void gone(struct wire *wire, enum session_end end, const char *sentence)
{
	struct node_session_report r;

	wire_session(wire, NODE_GONE, &r);
	if (r.end != end)
		fail_msg("%s, not %s", session_end_name(r.end), session_end_name(end));
	check_has(why(wire, &r), sentence);
	check_has(ladder(&r), session_end_name(end));
	wire_run_quietly(wire, 200000);
	wire_nothing_left(wire);
	wire_close(wire);
}

static void test_why_a_party_hung_up(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_alice_hangs_up(&wire, "c1", route, 2);
	gone(&wire, SESSION_END_BYE_OF_CALLING, "The calling party hung up");
	set_up(&wire, route, sizeof(route));
	wire_in_dialog(&wire, BOB, "BYE", 5, "c1", route, "");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "a", "");
	gone(&wire, SESSION_END_BYE_OF_CALLED, "The called party hung up");
}

static void test_why_it_was_never_answered(void **state)
{
	struct wire wire;

	(void)state;
	ringing(&wire);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "486 Busy Here", "b", "");
	gone(&wire, SESSION_END_REJECTED, "the callee rejected it with 486 Busy Here");
	ringing(&wire);
	wire_feed(&wire, ALICE,
		  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "c1\nCSeq: 1 CANCEL\nContent-Length: 0\n\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "487 Request Terminated", "b", "");
	gone(&wire, SESSION_END_CANCELLED, "cancelled");
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_run(&wire, 32000);
	gone(&wire, SESSION_END_NO_ANSWER,
	     "Nobody answered: the callee gave no response to the INVITE in 32.000 s (Timer B); "
	     "408 "
	     "to the caller");
}

static void test_why_it_was_lost_or_ran_out(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route, "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "UPDATE"), "481 Gone", "b", "");
	gone(&wire, SESSION_END_LOST, "does not know the dialog any more");
	set_up(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route, "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "UPDATE"), "200 OK", "b",
		    "Session-Expires: 90\n");
	wire_run(&wire, 90000);
	gone(&wire, SESSION_END_SESSION_TIMER, "session timer ran out");
}

/* @req OP-4 RF-12  The clause beside each step of a release, and the sentence. */
static void test_why_a_released_call_names_its_clauses(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_release_all(&wire, 503);
	wire_session(&wire, NODE_LIVE, &r);
	check_has(why(&wire, &r), "The network releases it: the operator ordered it 1.234 s after");
	check_has(text,
		  "It is being released, and waits for:\n  the callee: BYE of ours at 1.234 s, "
		  "unanswered for 0.000 s; given up in 32.000 s (Timer F).\n");
	wire_run(&wire, 10);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "481 Gone", "b", "");
	wire_run(&wire, 32000);
	wire_session(&wire, NODE_GONE, &r);
	why(&wire, &r);
	check_has(text, "The network released it");
	check_has(text, "the operator ordered it 1.234 s after the INVITE");
	check_has(text, "Reason SIP;cause=503");
	check_has(text, "This server serves the called user");
	check_has(text,
		  "callee: BYE with CSeq 2, after 1.234 s (TS 24.229 §5.4.5.1.2 steps 1 and 5)");
	check_has(text, "481 to BYE");
	check_has(text,
		  "caller: BYE sent at 1.234 s, never answered, given up at 33.234 s (RFC 3261 "
		  "§15.1.1)");
	check_has(text, "talked 1.234 s, ending took 32.000 s");
	ladder(&r);
	check_has(text, "INVITE (1)");
	check_has(text, "200 (INVITE)");
	check_has(text, "ACK (1)");
	check_has(text, "the operator orders the release, code 503");
	check_has(text, "BYE (2)");
	check_has(text, "TS 24.229 §5.4.5.1.2");
	check_has(text, "session over: released by the network");
	wire_close(&wire);
}

/* @req RC-12  A BYE that the other side does not answer: whose it is, where it waits, how long still. */
static void test_rc_12_why_a_bye_of_a_party_hangs(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	wire_run(&wire, 3000);
	wire_session(&wire, NODE_LIVE, &r);
	assert_int_equal(r.state, SESSION_CONFIRMED);
	assert_string_equal(node_state_name(&r), "terminating");
	check_has(why(&wire, &r), "It is ending. The calling party hung up (BYE at 1.234 s).\n");
	check_has(text, "It waits for:\n  the callee: BYE of the caller at 1.234 s, unanswered for "
			"3.000 s, sent 3 times; given up in 29.000 s (Timer F).\n");
	assert_int_equal(r.n_waits, 1);
	assert_int_equal(r.waits[0].kind, NODE_WAIT_BYE);
	assert_true(r.waits[0].until_ms == wire.now_ms + 29000);
	wire_run(&wire, 29000);
	wire_session(&wire, NODE_GONE, &r);
	assert_string_equal(node_state_name(&r), "ended");
	assert_int_equal(r.n_waits, 0);
	check_has(why(&wire, &r),
		  "The calling party hung up (BYE at 1.234 s) (RFC 3261 §15.1.1).\n");
	check_has(text, "callee: BYE sent at 1.234 s, never answered, given up at 33.234 s");
	check_has(text, "It lasted 33.234 s: answered after 0.000 s, talked 1.234 s, ending took "
			"32.000 s.");
	wire_close(&wire);
}

/* @req RC-22  An order that meets such a BYE does not become the reason. */
static void test_rc_22_why_an_order_met_a_bye(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	wire_run(&wire, 1000);
	wire_release_all(&wire, 503);
	wire_session(&wire, NODE_LIVE, &r);
	assert_string_equal(node_state_name(&r), "terminating");
	check_has(why(&wire, &r),
		  "It is ending. The calling party hung up (BYE at 1.234 s).\nThat BYE "
		  "was under way when the release began: the operator ordered it "
		  "2.234 s after the INVITE");
	wire_run(&wire, 31000);
	gone(&wire, SESSION_END_BYE_OF_CALLING, "who hung up was sent no BYE");
}

/* What a call that is being set up waits for, and who refused one. */
static void test_why_a_call_that_is_set_up_waits(void **state)
{
	struct node_session_report r;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_run(&wire, 2000);
	wire_session(&wire, NODE_LIVE, &r);
	check_has(why(&wire, &r),
		  "It is being set up: the INVITE came 2.000 s ago, and there is no "
		  "final response yet.\nIt waits for:\n  the callee: no response to "
		  "the INVITE for 2.000 s; given up in 30.000 s (Timer B).\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	wire_run(&wire, 5000);
	wire_session(&wire, NODE_LIVE, &r);
	check_has(why(&wire, &r), "  the callee: it rings (180) since 5.000 s; given up in ");
	check_has(text, " (Timer C).\n");
	wire_release_all(&wire, 480);
	wire_session(&wire, NODE_LIVE, &r);
	check_has(why(&wire, &r), "  the callee: final response to the INVITE, which is cancelled; "
				  "given up in ");
	wire_close(&wire);
}

static void test_why_a_living_call_says_so(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	wire_session(&wire, NODE_LIVE, &r);
	check_has(why(&wire, &r), "It has not ended: confirmed for 1.234 s");
	check_has(text, "no session timer");
	wire_close(&wire);
}

/* A ladder of a call with more steps than are kept, and one with a writer that is too small: bounded, no overflow. */
static void test_long_and_truncated_ladders(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	set_up(&wire, route, sizeof(route));
	for (unsigned i = 2; i < 200; i++) {
		wire_in_dialog(&wire, ALICE, "INFO", i, "c1", route, "");
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INFO"), "200 OK", "b", "");
		wire_forget(&wire);
	}
	wire_session(&wire, NODE_LIVE, &r);
	check_has(ladder(&r), "steps are not kept");
	check_has(text, "INVITE (1)");
	check_has(text, "INFO (199)");
	assert_null(strstr(text, "INFO (50)"));
	for (size_t max = 0; max < 3000; max += 7) {
		char *small = malloc(max + 1);
		struct text_writer w = text_writer_on(small, max);

		ladder_put(&w, &r, 1700000000000);
		ladder_put_why(&w, &r, wire.now_ms);
		assert_true(w.full);
		assert_in_range(w.len, 0, max);
		free(small);
	}
	wire_close(&wire);
}

static void test_session_ids_round_trip(void **state)
{
	static const struct {
		const char *t;
		bool good;
	} rows[] = {
		{"0-1-1", true},
		{"ffffffff-ffffffff-ffffffff", true},
		{"A-b-C", true},
		{"", false},
		{"0", false},
		{"0-1", false},
		{"0-1-", false},
		{"-1-1", false},
		{"0-1-1 ", false},
		{"0-1-1-1", false},
		{"0-1-100000000", false},
		{"g-1-1", false},
		{"0--1", false},
		{"0x1-1-1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_session_id id = {9, {9, 9}}, again;
		char bytes[40];
		struct text_writer w = text_writer_on(bytes, sizeof(bytes));

		assert_int_equal(node_session_id_parse(text_of(rows[i].t), &id), rows[i].good);
		if (!rows[i].good) {
			assert_int_equal(id.shard, 9); /* untouched */
			continue;
		}
		node_session_id_put(&w, &id);
		assert_true(node_session_id_parse(text_written(&w), &again));
		assert_memory_equal(&id, &again, sizeof(id));
	}
}

static void test_bindings_are_walked(void **state)
{
	struct node_binding_report r;
	uint64_t cursor = 0;
	unsigned n = 0;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_bind(&wire, "sip:carol@ims.example", "sip:carol@127.0.0.1:7100");
	wire_bind(&wire, "sip:dan@ims.example", "");
	while (node_bindings(wire.node, &cursor, &r)) {
		n++;
		assert_true(r.expires_ms == 0);
		if (text_equal(r.user, TEXT("sip:carol@ims.example")))
			assert_true(text_equal(r.contact, TEXT("sip:carol@127.0.0.1:7100")));
		if (text_equal(r.user, TEXT("sip:dan@ims.example")))
			assert_int_equal(r.contact.len, 0);
	}
	assert_int_equal(n, 3);
	wire_close(&wire);
}

/* The journal of a release with everything that can cross it, record by record: who sent what to whom. */
static void test_the_journal_says_who_sent_what_to_whom(void **state)
{
	static const struct journal_record want[] = {
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_INVITE,
		 .from = LEG_CALLING,
		 .to = LEG_CALLED,
		 .cseq = 1,
		 .clause = CLAUSE_TERMINATING},
		{.kind = JOURNAL_RESPONSE,
		 .method = SIP_INVITE,
		 .from = LEG_CALLED,
		 .to = LEG_CALLING,
		 .cseq = 1,
		 .status = 180},
		{.kind = JOURNAL_RESPONSE,
		 .method = SIP_INVITE,
		 .from = LEG_CALLED,
		 .to = LEG_CALLING,
		 .cseq = 1,
		 .status = 200},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_ACK,
		 .from = LEG_CALLING,
		 .to = LEG_CALLED,
		 .cseq = 1},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_INFO,
		 .from = LEG_CALLED,
		 .to = LEG_CALLING,
		 .cseq = 30},
		{.kind = JOURNAL_RESPONSE,
		 .method = SIP_INFO,
		 .from = LEG_CALLING,
		 .to = LEG_CALLED,
		 .cseq = 30,
		 .status = 200},
		{.kind = JOURNAL_ORDER, .status = 503, .clause = CLAUSE_RELEASE_ORDERED},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_BYE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLED,
		 .cseq = 2,
		 .reason = REASON_SIP,
		 .cause = 503,
		 .clause = CLAUSE_FIRST_BYE_DIRECT},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_BYE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLING,
		 .cseq = 31,
		 .reason = REASON_SIP,
		 .cause = 503,
		 .clause = CLAUSE_SECOND_BYE_AS_RECEIVED},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_BYE,
		 .from = LEG_CALLED,
		 .to = LEG_SERVER,
		 .cseq = 31,
		 .note = NOTE_ABSORBED},
		{.kind = JOURNAL_RESPONSE,
		 .method = SIP_BYE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLED,
		 .cseq = 31,
		 .status = 481,
		 .clause = CLAUSE_REQUEST_WHILE_RELEASING},
		{.kind = JOURNAL_REQUEST,
		 .method = SIP_UPDATE,
		 .from = LEG_CALLING,
		 .to = LEG_SERVER,
		 .cseq = 2,
		 .note = NOTE_ABSORBED},
		{.kind = JOURNAL_RESPONSE,
		 .method = SIP_UPDATE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLING,
		 .cseq = 2,
		 .status = 481,
		 .clause = CLAUSE_REQUEST_WHILE_RELEASING},
		{.kind = JOURNAL_OUTCOME,
		 .method = SIP_BYE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLED,
		 .status = 481,
		 .clause = CLAUSE_BYE_ANSWER_COUNTS},
		{.kind = JOURNAL_OUTCOME,
		 .method = SIP_BYE,
		 .from = LEG_SERVER,
		 .to = LEG_CALLING,
		 .status = 200,
		 .clause = CLAUSE_BYE_ANSWERED},
		{.kind = JOURNAL_ENDED,
		 .note = SESSION_END_RELEASED,
		 .status = 503,
		 .clause = CLAUSE_SESSION_RELEASED},
	};
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_in_dialog(&wire, BOB, "INFO", 30, "c1", route, "");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "INFO"), "200 OK", "a", "");
	wire_release_all(&wire, 503);
	wire_in_dialog(&wire, BOB, "BYE", 31, "c1", route, "");
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route, "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "481 Gone", "b", "");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "a", "");
	wire_session(&wire, NODE_GONE, &r);
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct journal_record *got = journal_record_at(r.journal, i);

		assert_non_null(got);
		if (got->kind != want[i].kind || got->method != want[i].method ||
		    got->from != want[i].from || got->to != want[i].to ||
		    got->status != want[i].status || got->clause != want[i].clause ||
		    got->note != want[i].note || got->reason != want[i].reason ||
		    got->cause != want[i].cause ||
		    (want[i].kind <= JOURNAL_RESPONSE && got->cseq != want[i].cseq))
			fail_msg("record %u: kind %u method %u %u->%u cseq %u status %u %s note %u",
				 i, got->kind, got->method, got->from, got->to, got->cseq,
				 got->status, clause_table[got->clause].name, got->note);
	}
	assert_null(journal_record_at(r.journal, sizeof(want) / sizeof(want[0])));
	wire_close(&wire);
}

/* What is sent again is one step, and says how often: by a party, and by this server. */
static void test_a_request_sent_again_is_one_step(void **state)
{
	struct node_session_report r;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	for (unsigned i = 0; i < 3; i++)
		wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "Reason: Q.850;cause=16\n");
	wire_run(&wire, 1600); /* at 0.5 and 1.5 s */
	wire_session(&wire, NODE_LIVE, &r);
	check_has(ladder(&r),
		  "|-- BYE (2) Q.850;cause=16 x3 ->|-- BYE (2) Q.850;cause=16 x3 ->|\n");
	assert_null(strstr(strstr(text, "BYE (2)") + 60, "BYE (2)"));
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	wire_session(&wire, NODE_GONE, &r);
	check_has(ladder(&r), "|<- 200 (BYE) ------------------|<- 200 (BYE) ------------------|");
	wire_close(&wire);
}

/* Counters of a call that is set up, released and answered: each moved by what happened, and by no more. */
static void test_counters_of_a_released_call(void **state)
{
	const struct node_counters *c;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	c = wire_counters(&wire);
	assert_int_equal(c->messages_in, 4);
	assert_int_equal(c->messages_out, 4);
	assert_int_equal(c->retransmissions_out + c->retransmissions_in, 0);
	assert_int_equal(c->sessions_begun, 1);
	assert_int_equal(c->sessions_answered, 1);
	wire_release_all(&wire, 480);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	wire_run(&wire, 32100);
	c = wire_counters(&wire);
	assert_int_equal(c->sessions_ended, 1);
	assert_int_equal(c->releases_ordered, 1);
	assert_int_equal(c->releases_done, 1);
	assert_int_equal(c->byes_sent, 2);
	assert_int_equal(c->byes_answered, 1);
	assert_int_equal(c->byes_timed_out, 1);
	assert_int_equal(c->byes_transport_failed, 0);
	assert_int_equal(c->messages_in, 5);
	assert_int_equal(c->messages_out,
			 4 + 2 + 10); /* E: 0.5, 1.5, 3.5, then each 4 s up to 31.5 s */
	assert_int_equal(c->retransmissions_out, 10);
	assert_int_equal(c->clauses[CLAUSE_FIRST_BYE_DIRECT], 1);
	assert_int_equal(c->clauses[CLAUSE_SECOND_BYE_AS_RECEIVED], 1);
	assert_int_equal(c->clauses[CLAUSE_SESSION_RELEASED], 1);
	wire_close(&wire);
}

/* What a transaction keeps: after the final response the request is let go, and over datagrams the response is there to be repeated. */
static void test_memory_of_transactions_goes_with_the_final_response(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(&wire, ALICE,
		  "MESSAGE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKm\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "m\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n");
	assert_int_equal(wire_counters(&wire)->message_blocks, 2); /* as received, as sent */
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "MESSAGE"), "200 OK", "b", "");
	assert_int_equal(wire_counters(&wire)->message_blocks, 1); /* the response */
	wire_run(&wire, 40000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_session_that_lives_through_the_walk_is_seen_once),
		cmocka_unit_test(test_look_max_bounds_a_call),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_sc_10_the_report_follows_the_call),
		cmocka_unit_test(test_why_a_party_hung_up),
		cmocka_unit_test(test_why_it_was_never_answered),
		cmocka_unit_test(test_why_it_was_lost_or_ran_out),
		cmocka_unit_test(test_why_a_released_call_names_its_clauses),
		cmocka_unit_test(test_rc_12_why_a_bye_of_a_party_hangs),
		cmocka_unit_test(test_rc_22_why_an_order_met_a_bye),
		cmocka_unit_test(test_why_a_call_that_is_set_up_waits),
		cmocka_unit_test(test_why_a_living_call_says_so),
		cmocka_unit_test(test_long_and_truncated_ladders),
		cmocka_unit_test(test_session_ids_round_trip),
		cmocka_unit_test(test_bindings_are_walked),
		cmocka_unit_test(test_the_journal_says_who_sent_what_to_whom),
		cmocka_unit_test(test_a_request_sent_again_is_one_step),
		cmocka_unit_test(test_counters_of_a_released_call),
		cmocka_unit_test(test_memory_of_transactions_goes_with_the_final_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
