/* Lives that must come to an end, however the parties answer: nothing of them may stay in the node's tables. */
#include "wire.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_with_carol(struct wire *wire)
{
	wire_open(wire, NULL);
	wire_bind(wire, "sip:bob@ims.example", "sip:bob@127.0.0.1:7100");
}

/* The INVITE that went to a contact. */
static const char *invite_to(struct wire *wire, uint16_t port)
{
	return wire_last(wire, port, "INVITE");
}

static void in_dialog_of(struct wire *wire, const char *method, unsigned cseq, const char *tag,
			 const char *target, const char *route)
{
	wire_feed(wire, ALICE,
		  "%s sip:bob@%s SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bK-%s-%s-%u\nMax-Forwards: 70\nRoute: %s\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>;tag=%s\nCall-ID: "
		  "c1\nCSeq: %u %s\nContent-Length: 0\n\n",
		  method, target, method, tag, cseq, route, tag, cseq, method);
}

/* @req SC-10c SC-9 MP-11  One branch, forked further down: the callee's tags differ, one of them answers. */
static void test_sc_9_a_call_forked_further_down_ends_with_its_bye(void **state)
{
	(void)state;
	for (int answers = 0; answers < 2; answers++) {
		const char *tag = answers ? "b2" : "b1";
		struct wire wire;
		char route[300];

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b1", BOBS_CONTACT);
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b2", BOBS_CONTACT);
		assert_int_equal(wire_counters(&wire)->dialogs, 2);
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", tag, BOBS_CONTACT);
		assert_int_equal(wire_counters(&wire)->dialogs, 1); /* the 2xx has chosen */
		assert_non_null(wire_own_route(&wire, route, sizeof(route)));
		in_dialog_of(&wire, "ACK", 1, tag, "127.0.0.1:7000", route);
		in_dialog_of(&wire, "BYE", 2, tag, "127.0.0.1:7000", route);
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", tag, "");
		assert_int_equal(wire_counters(&wire)->sessions, 0);
		wire_run(&wire, 200000);
		wire_nothing_left(&wire);
		wire_close(&wire);
	}
}

/* @req SC-9 PX-11 MP-11  The call is over before the branch that lost has said its last word. */
static void test_sc_9_the_last_branch_ends_after_the_bye(void **state)
{
	static const char *const last_words[] = {"487 Request Terminated", "486 Busy Here",
						 "603 Decline", NULL};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct node_session_report report;
		struct wire wire;
		char route[300];

		open_with_carol(&wire);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c",
			    CAROLS_CONTACT);
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
		assert_non_null(wire_sent(&wire, CAROL, "CANCEL", 0));
		assert_non_null(wire_own_route(&wire, route, sizeof(route)));
		wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
		wire_run(&wire, 1000);
		wire_alice_hangs_up(&wire, "c1", route, 2);
		if (last_words[i])
			wire_answer(&wire, CAROL, invite_to(&wire, CAROL), last_words[i], "c", "");
		wire_run(&wire, 200000);
		wire_nothing_left(&wire);
		wire_session(&wire, NODE_GONE, &report);
		assert_int_equal(report.end, SESSION_END_BYE_OF_CALLING);
		wire_close(&wire);
	}
}

/* @req RF-10c  It was cancelled, says 180 once more, and then nothing. */
static void test_rf_10c_a_cancelled_branch_that_rings_on_is_given_up(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_feed(&wire, ALICE,
		  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "c1\nCSeq: 1 CANCEL\nContent-Length: 0\n\n");
	assert_non_null(wire_sent(&wire, BOB, "CANCEL", 0));
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "CANCEL"), "200 OK", "b", "");
	for (int i = 0; i < 5; i++)
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_run(&wire, 31999);
	assert_null(wire_sent(&wire, ALICE, "SIP/2.0 487", 0));
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 1);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req SC-9 MP-11  A 2xx that cannot be remembered (its route set is above LIMIT_ROUTE_SET_BYTES) is forwarded all the same; what it began must not stay
 * for ever. */
static void test_mp_11_a_2xx_too_large_to_remember_leaves_nothing_behind(void **state)
{
	static char routes[8192];
	struct wire wire;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 50; i++)
		n += (size_t)snprintf(routes + n, sizeof(routes) - n,
				      "Record-Route: "
				      "<sip:a-relay-with-a-long-name-number-%03d.ims.example;lr;x="
				      "0123456789012345678901234567890123456789>\n",
				      i);
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	{
		char via[300];
		const char *request = invite_to(&wire, BOB);

		wire_header(request, "Via", 0, via, sizeof(via));
		wire_feed(&wire, BOB,
			  "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKc1-1\n%s"
			  "From: <sip:alice@ims.example>;tag=a\nTo: "
			  "<sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 1 INVITE\n" BOBS_CONTACT
			  "Content-Length: 0\n\n",
			  via, routes);
	}
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 0);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 500"), 1);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req PX-15  A response that has no Via but ours was meant for us alone: it is not passed on (RFC 3261 §16.7 step 3). */
static void test_px_15_a_response_without_a_second_via_is_not_forwarded(void **state)
{
	struct wire wire;
	char via[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_header(invite_to(&wire, BOB), "Via", 0, via, sizeof(via));
	wire_forget(&wire);
	wire_feed(&wire, BOB,
		  "SIP/2.0 180 Ringing\nVia: %s\nFrom: <sip:alice@ims.example>;tag=a\nTo: "
		  "<sip:bob@ims.example>;tag=b\nCall-ID: c1\n"
		  "CSeq: 1 INVITE\nContent-Length: 0\n\n",
		  via);
	assert_int_equal(wire.n_out, 0);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req RC-3  The re-INVITE was under way when the release began; its final response comes later and its ACK must find the way. */
static void test_rc_3_the_ack_of_a_reinvite_answered_during_the_release_passes(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "INVITE", 2, "c1", route,
		       "Contact: <sip:alice@127.0.0.1:6000>\n");
	wire_release_all(&wire, 480);
	wire_forget(&wire);
	wire_in_dialog(&wire, ALICE, "INFO", 3, "c1", route, ""); /* something else does not pass */
	assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 481", 0));
	assert_int_equal(wire_count(&wire, BOB, "INFO"), 0);
	wire_close(&wire);

	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "INVITE", 2, "c1", route,
		       "Contact: <sip:alice@127.0.0.1:6000>\n");
	{
		char *reinvite = strdup(wire_last(&wire, BOB, "INVITE"));

		wire_release_all(&wire, 480);
		wire_forget(&wire);
		wire_answer(&wire, BOB, reinvite, "200 OK", "b", BOBS_CONTACT);
		free(reinvite);
	}
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	wire_in_dialog(&wire, ALICE, "ACK", 2, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req PX-12  Nobody answers the CANCEL of Timer C either. */
static void test_px_12_timer_c_ends_a_branch_that_rings_for_ever(void **state)
{
	struct node_session_report report;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_run(&wire, 100);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_run(&wire, 180999);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
	wire_run(&wire, 31999);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 4"), 0);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 4"), 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 408"), 1);
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_NO_ANSWER);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* Whoever is cancelled by Timer C says 487: that is no rejection by the called user. */
static void test_px_12_timer_c_answered_with_487_is_told_as_no_answer(void **state)
{
	struct node_session_report report;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_run(&wire, 181000);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "CANCEL"), "200 OK", "b", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "487 Request Terminated", "b", "");
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_NO_ANSWER);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* Every 101..199 sets Timer C anew; 100 does not (RFC 3261 §16.7 step 2). */
static void test_px_12_provisional_responses_renew_timer_c(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "100 Trying", "", "");
	wire_run(&wire, 100000);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "183 Session Progress", "b", BOBS_CONTACT);
	wire_run(&wire, 100000);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "100 Trying", "", "");
	wire_run(&wire, 80999);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* A session that is older than 2^32 ms (49.7 days) when its release has to wait: for the next try after a 500, and for the ACK. The step must end, so it runs
 * in a child that an alarm would kill. */
static void release_an_old_session(bool acknowledged)
{
	const uint64_t age_ms = ((uint64_t)1 << 32) + 12345;
	struct wire wire;
	char route[300];

	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
	wire_own_route(&wire, route, sizeof(route));
	if (acknowledged)
		wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_run(&wire, age_ms);
	wire_forget(&wire);
	wire_release_all(&wire, 480);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "500 Server Internal Error", "b", "");
	wire_run(&wire, 10);
	if (!acknowledged && wire_count(&wire, ALICE, "BYE") != 0)
		_exit(3); /* too early: RC-7 */
	wire_run(&wire, 33000);
	if (wire_count(&wire, ALICE, "BYE sip:alice@127.0.0.1:6000") == 0)
		_exit(4);
	wire_run(&wire, 200000);
	if (wire_counters(&wire)->sessions)
		_exit(5);
	_exit(0);
}

static void check_old_session(bool acknowledged)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGALRM, SIG_DFL);
		alarm(20);
		release_an_old_session(acknowledged);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fail_msg("the release of a session of 50 days never returned (signal %d)",
			 WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_rf_7b_a_session_of_fifty_days_is_released_after_a_500(void **state)
{
	(void)state;
	check_old_session(true);
}

static void test_rc_7b_a_session_of_fifty_days_without_ack_is_released(void **state)
{
	(void)state;
	check_old_session(false);
}

/* @req SC-6  The call passes twice: once for the calling user, once for the called one, with a relay between that keeps out of the dialog. Each passage has its own
 * session and sees every request. */
static void route_to_relay(struct node_settings *settings)
{
	settings->routes[0] = (struct node_route){.domain = TEXT("other.example"),
						  .next_hop = wire_address(TRANSPORT_UDP, 8000)};
	settings->n_routes = 1;
}

static void test_sc_6_each_passage_of_a_spiral_sees_the_ack_and_the_bye(void **state)
{
	struct wire wire;
	char vias[1500] = "", via[300], rr[600], route[950], rr2[300];
	const char *invite;

	(void)state;
	wire_open(&wire, route_to_relay);
	wire_bind(&wire, "sip:alice@ims.example", "sip:alice@127.0.0.1:6000");
	wire_feed(&wire, ALICE,
		  "INVITE sip:bob@other.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKs1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@other.example>\nCall-ID: "
		  "s1\nCSeq: 1 INVITE\n"
		  "Contact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n");
	invite = wire_sent(&wire, 8000, "INVITE sip:bob@other.example", 0);
	assert_non_null(invite);
	wire_append(vias, sizeof(vias), "Via", invite);
	wire_header(invite, "Record-Route", 0, rr, sizeof(rr));
	/* the relay gives it another name and sends it back */
	wire_feed(&wire, 8000,
		  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:8000;branch=z9hG4bKrelay\n%sRecord-Route: %s\nMax-Forwards: 68\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@other.example>\nCall-ID: "
		  "s1\nCSeq: 1 INVITE\n"
		  "Contact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n",
		  vias, rr);
	assert_int_equal(wire_counters(&wire)->sessions, 2);
	invite = wire_sent(&wire, BOB, "INVITE", 0);
	assert_non_null(invite);
	wire_header(invite, "Record-Route", 0, rr2, sizeof(rr2));
	assert_string_not_equal(rr, rr2);
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	wire_header(wire_sent(&wire, 8000, "INVITE", 0), "Via", 0, via, sizeof(via));
	wire_feed(&wire, 8000,
		  "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKs1\nRecord-Route: %s\nRecord-Route: %s\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: "
		  "<sip:bob@other.example>;tag=b\nCall-ID: s1\nCSeq: 1 INVITE\n" BOBS_CONTACT
		  "Content-Length: 0\n\n",
		  via, rr2, rr);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	wire_forget(&wire);
	/* Alice's route set: the first passage, then the second. */
	snprintf(route, sizeof(route), "%s, %s", rr, rr2);
	wire_feed(&wire, ALICE,
		  "BYE sip:bob@127.0.0.1:7000 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKs2\nMax-Forwards: 70\nRoute: %s\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: "
		  "<sip:bob@other.example>;tag=b\nCall-ID: s1\nCSeq: 2 BYE\nContent-Length: 0\n\n",
		  route);
	/* The next hop of the first passage is the second one: our own address, with its Route still there. */
	assert_int_equal(wire_count(&wire, BOB, "BYE"), 0);
	assert_int_equal(wire_count(&wire, 5060, "BYE"), 1);
	wire_check_header(wire_sent(&wire, 5060, "BYE", 0), "Route", rr2);
	wire_close(&wire);
}

/* A session timer that runs out while a branch is still out. */
static void test_sc_9a_the_interval_over_with_a_branch_still_open(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char route[300];

	(void)state;
	open_with_carol(&wire);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c", CAROLS_CONTACT);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b",
		    BOBS_CONTACT "Session-Expires: 20;refresher=uac\n");
	assert_non_null(wire_own_route(&wire, route, sizeof(route)));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_forget(&wire);
	wire_run(&wire, 19999);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_run(&wire, 1);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_SESSION_TIMER);
	assert_int_equal(wire_counters(&wire)->sessions_expired, 1);
	assert_int_equal(wire_count(&wire, ALICE, "BYE") + wire_count(&wire, BOB, "BYE"), 0);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_9_a_call_forked_further_down_ends_with_its_bye),
		cmocka_unit_test(test_sc_9_the_last_branch_ends_after_the_bye),
		cmocka_unit_test(test_rf_10c_a_cancelled_branch_that_rings_on_is_given_up),
		cmocka_unit_test(test_mp_11_a_2xx_too_large_to_remember_leaves_nothing_behind),
		cmocka_unit_test(test_px_15_a_response_without_a_second_via_is_not_forwarded),
		cmocka_unit_test(
			test_rc_3_the_ack_of_a_reinvite_answered_during_the_release_passes),
		cmocka_unit_test(test_px_12_timer_c_ends_a_branch_that_rings_for_ever),
		cmocka_unit_test(test_px_12_timer_c_answered_with_487_is_told_as_no_answer),
		cmocka_unit_test(test_px_12_provisional_responses_renew_timer_c),
		cmocka_unit_test(test_rf_7b_a_session_of_fifty_days_is_released_after_a_500),
		cmocka_unit_test(test_rc_7b_a_session_of_fifty_days_without_ack_is_released),
		cmocka_unit_test(test_sc_6_each_passage_of_a_spiral_sees_the_ack_and_the_bye),
		cmocka_unit_test(test_sc_9a_the_interval_over_with_a_branch_still_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
