/* RFC 4028 at a proxy: the interval of the last 2xx counts, too small ones are refused or raised, and at the end the session is forgotten. */
#include "wire.h"

static void end(struct wire *wire)
{
	wire_run_quietly(wire, 300000);
	wire_nothing_left(wire);
	wire_close(wire);
}

/* @req RF-13 SC-9a SC-10 */
static void test_rf_13_every_2xx_starts_the_interval_anew(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
		    BOBS_CONTACT "Session-Expires: 200;refresher=uac\n");
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_run(&wire, 199999);
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route, "Session-Expires: 100\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "UPDATE"), "200 OK", "b",
		    "x: 100;refresher=uac\n"); /* short name */
	wire_run(&wire, 99999);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_in_dialog(&wire, BOB, "INVITE", 9, "c1", route, BOBS_CONTACT);
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "INVITE"), "200 OK", "a",
		    "Contact: <sip:alice@127.0.0.1:6000>\nSession-Expires: 300\n");
	wire_in_dialog(&wire, BOB, "ACK", 9, "c1", route, "");
	/* a refused refresh and other requests do not count */
	wire_run(&wire, 100000);
	wire_in_dialog(&wire, ALICE, "UPDATE", 3, "c1", route, "Session-Expires: 1000\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "UPDATE"), "491 Pending", "b",
		    "Session-Expires: 1000\n");
	wire_in_dialog(&wire, ALICE, "INFO", 4, "c1", route, "Session-Expires: 1000\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INFO"), "200 OK", "b",
		    "Session-Expires: 1000\n");
	wire_run(&wire, 199999);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_forget(&wire);
	wire_run(&wire, 1);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	assert_int_equal(wire.n_out, 0); /* a proxy says nothing */
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_SESSION_TIMER);
	/* what the parties say later is nobody's */
	wire_in_dialog(&wire, ALICE, "BYE", 5, "c1", route, "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 481"), 1);
	end(&wire);
}

static void test_rf_13_a_2xx_without_an_interval_ends_the_timer(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
		    BOBS_CONTACT "Session-Expires: 200\n");
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_in_dialog(&wire, ALICE, "INVITE", 2, "c1", route,
		       "Contact: <sip:alice@127.0.0.1:6000>\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
	wire_in_dialog(&wire, ALICE, "ACK", 2, "c1", route, "");
	wire_run_quietly(&wire, 2000000);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_alice_hangs_up(&wire, "c1", route, 3);
	end(&wire);
}

/* Values that are none: no timer, and no harm. */
static void test_rf_13_intervals_that_are_none(void **state)
{
	static const char *const lines[] = {
		"Session-Expires: 0\n",  "Session-Expires: \n",   "Session-Expires: soon\n",
		"Session-Expires: -1\n", "Session-Expires: ;x\n", "Session-Expires: 99999999999\n",
		"Session-Expires: 1.5\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct node_session_report report;
		struct wire wire;
		char extra[200];

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", "");
		snprintf(extra, sizeof(extra), BOBS_CONTACT "%s", lines[i]);
		wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b", extra);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
		wire_session(&wire, NODE_LIVE, &report);
		assert_true(report.expires_ms == 0);
		wire_release_all(&wire, 480);
		end(&wire);
	}
}

/* @req RF-13a */
static void test_rf_13a_too_small_an_interval(void **state)
{
	static const struct {
		const char *lines;
		unsigned status;              /* 422, or 0: forwarded */
		const char *expires, *min_se; /* as forwarded; NULL: absent */
	} rows[] = {
		{"", 0, NULL, NULL},
		{"Session-Expires: 1800\nSupported: timer\n", 0, "1800", NULL},
		{"Session-Expires: 90\nSupported: timer\n", 0, "90", NULL},
		{"Session-Expires: 89\nSupported: timer\n", 422, NULL, NULL},
		{"Session-Expires: 89\nSupported: 100rel, TIMER\n", 422, NULL, NULL},
		{"x: 1;refresher=uac\nk: timer\n", 422, NULL, NULL},
		{"Session-Expires: 89\n", 0, "90", "90"},
		{"Session-Expires: 5;refresher=uas\nMin-SE: 100\n", 0, "100;refresher=uas", "100"},
		{"Session-Expires: 5;refresher=uas\nMin-SE: 10\n", 0, "90;refresher=uas", "90"},
		{"Session-Expires: nonsense\nSupported: timer\n", 0, "nonsense", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;
		const char *invite;

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", rows[i].lines);
		invite = wire_last(&wire, BOB, "INVITE");
		if (rows[i].status) {
			assert_null(invite);
			wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 422", 0), "Min-SE",
					  "90");
			end(&wire);
			continue;
		}
		assert_non_null(invite);
		wire_check_header(invite, "Session-Expires", rows[i].expires);
		wire_check_header(invite, "Min-SE", rows[i].min_se);
		wire_answer(&wire, BOB, invite, "486 Busy Here", "b", "");
		end(&wire);
	}
}

/* The same inside a dialog; a refusal of ours moves nothing. */
static void test_rf_13a_too_small_an_interval_inside_a_dialog(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_forget(&wire);
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route,
		       "Session-Expires: 30\nSupported: timer\n");
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 422", 0), "Min-SE", "90");
	assert_int_equal(wire_count(&wire, BOB, ""), 0);
	wire_session(&wire, NODE_LIVE, &report);
	assert_int_equal(report.dialogs[0].cseq[SIDE_CALLING], 1); /* it was never forwarded */
	wire_alice_hangs_up(&wire, "c1", route, 3);
	end(&wire);
}

/* An interval agreed on an early dialog must not take the session away while it still rings. */
static void test_rf_13_an_interval_of_an_early_dialog(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "UPDATE", 2, "c1", route, "Session-Expires: 90\n");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "UPDATE"), "200 OK", "b",
		    "Session-Expires: 90\n");
	wire_run(&wire, 100000);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "ACK"), 1); /* the call stands */
	wire_alice_hangs_up(&wire, "c1", route, 3);
	end(&wire);
}

/* A release ordered in the last millisecond of the interval: one of the two ends it, and nothing is left. */
static void test_rc_16_the_interval_ends_during_a_release(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "200 OK", "b",
		    BOBS_CONTACT "Session-Expires: 100\n");
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_run(&wire, 99999);
	wire_release_all(&wire, 480);
	wire_run(&wire, 10000);
	assert_int_equal(wire_counters(&wire)->sessions_releasing, 1);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK", "a", "");
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_RELEASED);
	assert_int_equal(wire_counters(&wire)->sessions_expired, 0);
	end(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rf_13_every_2xx_starts_the_interval_anew),
		cmocka_unit_test(test_rf_13_a_2xx_without_an_interval_ends_the_timer),
		cmocka_unit_test(test_rf_13_intervals_that_are_none),
		cmocka_unit_test(test_rf_13a_too_small_an_interval),
		cmocka_unit_test(test_rf_13a_too_small_an_interval_inside_a_dialog),
		cmocka_unit_test(test_rf_13_an_interval_of_an_early_dialog),
		cmocka_unit_test(test_rc_16_the_interval_ends_during_a_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
