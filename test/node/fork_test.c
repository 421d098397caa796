/* Forking, the choice of the response, CANCEL in both directions: RFC 3261 §9, §16.7, §16.10, RFC 3326. */
#include "wire.h"

#include "base/limits.h"

static void open_fork(struct wire *wire)
{
	wire_open(wire, NULL);
	wire_bind(wire, "sip:bob@ims.example", "sip:bob@127.0.0.1:7100");
}

static const char *invite_to(struct wire *wire, uint16_t port)
{
	const char *invite = wire_last(wire, port, "INVITE");

	assert_non_null(invite);
	return invite;
}

static void cancel(struct wire *wire, const char *lines)
{
	wire_feed(wire, ALICE,
		  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "c1\nCSeq: 1 CANCEL\n%sContent-Length: 0\n\n",
		  lines);
}

/* The caller acknowledges a final response other than 2xx. */
static void ack_final(struct wire *wire)
{
	char to[300];

	for (unsigned i = 0; i < wire->n_out; i++)
		if (wire->out[i].to.port == ALICE && atoi(wire->out[i].bytes + 8) >= 300)
			wire_header(wire->out[i].bytes, "To", 0, to, sizeof(to));
	wire_feed(wire, ALICE,
		  "ACK sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: %s\nCall-ID: c1\nCSeq: 1 "
		  "ACK\nContent-Length: 0\n\n",
		  to);
}

static void end(struct wire *wire)
{
	wire_run(wire, 200000);
	wire_nothing_left(wire);
	wire_close(wire);
}

static void test_rg_6_both_contacts_get_the_invite(void **state)
{
	struct wire wire;
	char one[300], two[300];

	(void)state;
	open_fork(&wire);
	wire_invite(&wire, "c1", "");
	assert_int_equal(wire.n_out, 2);
	assert_non_null(wire_sent(&wire, BOB, "INVITE sip:bob@127.0.0.1:7000 SIP/2.0\r\n", 0));
	assert_non_null(wire_sent(&wire, CAROL, "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\r\n", 0));
	wire_header(invite_to(&wire, BOB), "Via", 0, one, sizeof(one));
	wire_header(invite_to(&wire, CAROL), "Via", 0, two, sizeof(two));
	assert_string_not_equal(one, two); /* each branch its own */
	wire_header(invite_to(&wire, BOB), "Record-Route", 0, one, sizeof(one));
	wire_header(invite_to(&wire, CAROL), "Record-Route", 0, two, sizeof(two));
	assert_string_equal(one, two); /* one session */
	end(&wire);
}

/* @req PX-10 PX-13 PX-11  Both branches fail, in this order; what the caller gets, and how often it was acknowledged to the branches. */
static void test_px_10_two_failures(void **state)
{
	static const struct {
		const char *first, *second, *want;
	} rows[] = {
		{"486 Busy Here", "404 Not Found", "SIP/2.0 486 Busy Here\r\n"},
		{"404 Not Found", "486 Busy Here", "SIP/2.0 404 Not Found\r\n"},
		{"486 Busy Here", "302 Moved", "SIP/2.0 302 Moved\r\n"},
		{"500 Odd", "486 Busy Here", "SIP/2.0 486 Busy Here\r\n"},
		{"486 Busy Here", "407 Proxy Authentication Required", "SIP/2.0 407 Proxy"},
		{"486 Busy Here", "603 Decline", "SIP/2.0 603 Decline\r\n"},
		{"503 Service Unavailable", "500 Odd", "SIP/2.0 500 Odd\r\n"},
		{"503 Service Unavailable", "503 Service Unavailable",
		 "SIP/2.0 500 Server Internal Error\r\n"},
		{"408 Request Timeout", "480 Away", "SIP/2.0 480 Away\r\n"},
		{"408 Request Timeout", "500 Odd", "SIP/2.0 408 Request Timeout\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;

		open_fork(&wire);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
		wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c",
			    CAROLS_CONTACT);
		wire_answer(&wire, BOB, invite_to(&wire, BOB), rows[i].first, "b",
			    "Retry-After: 7\nX-Of: first\n");
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 "), 2); /* nothing final yet */
		wire_answer(&wire, CAROL, invite_to(&wire, CAROL), rows[i].second, "c",
			    "Retry-After: 7\nX-Of: second\n");
		if (wire_count(&wire, ALICE, rows[i].want) != 1 ||
		    wire_count(&wire, ALICE, "SIP/2.0 ") != 3)
			fail_msg("row %zu: %s", i, wire.out[wire.n_out - 1].bytes);
		if (strncmp(rows[i].want, "SIP/2.0 500 Server", 18) == 0)
			wire_check_header(wire_last(&wire, ALICE, "SIP/2.0 500"), "Retry-After",
					  NULL); /* it spoke of a branch */
		assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
		assert_int_equal(wire_count(&wire, CAROL, "ACK"), 1);
		/* repeated: acknowledged again, told nobody */
		wire_answer(&wire, BOB, invite_to(&wire, BOB), rows[i].first, "b", "");
		assert_int_equal(wire_count(&wire, BOB, "ACK"), 2);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 "), 3);
		ack_final(&wire);
		wire_run(&wire, 10000);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 "),
				 3); /* not repeated after the ACK */
		end(&wire);
	}
}

/* @req TX-3 TX-7  The final error is repeated by timer G until the ACK, and our ACK has what the RFC wants. */
static void test_tx_7_the_ack_of_a_failure(void **state)
{
	struct wire wire;
	char want[300], got[300];
	const char *invite, *ack;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "Route: <sip:127.0.0.1:5060;lr>, <sip:127.0.0.1:7000;lr>\n");
	invite = invite_to(&wire, BOB);
	wire_answer(&wire, BOB, invite, "486 Busy Here", "b9", "");
	ack = wire_sent(&wire, BOB, "ACK sip:bob@ims.example SIP/2.0\r\n", 0);
	assert_non_null(ack);
	static const char *const same[] = {"From", "Call-ID", "Route"};
	for (int i = 0; i < 3; i++) {
		wire_header(invite, same[i], 0, want, sizeof(want));
		wire_check_header(ack, same[i], want);
	}
	wire_header(invite, "Via", 0, want, sizeof(want));
	wire_header(ack, "Via", 0, got, sizeof(got));
	assert_string_equal(got, want);
	assert_null(wire_header(ack, "Via", 1, got, sizeof(got)));
	wire_check_header(ack, "To", "<sip:bob@ims.example>;tag=b9");
	wire_check_header(ack, "CSeq", "1 ACK");
	wire_check_header(ack, "Content-Length", "0");
	/* G: 0.5, 1.5, 3.5, 7.5 s */
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 486"), 1);
	wire_run(&wire, 499);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 486"), 1);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 486"), 2);
	wire_run(&wire, 1000);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 486"), 3);
	ack_final(&wire);
	wire_run(&wire, 31000);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 486"), 3);
	end(&wire);
}

/* @req PX-11 RF-12b SC-13  One answers: the other is cancelled with the usual text; a 6xx cancels with its own. */
static void test_px_11_a_2xx_and_a_6xx_cancel_the_others(void **state)
{
	static const struct {
		const char *status, *reason;
	} rows[] = {{"200 OK", "SIP;cause=200;text=\"Call completed elsewhere\""},
		    {"603 Decline", "SIP;cause=603;text=\"Decline\""}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wire wire;

		open_fork(&wire);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c",
			    CAROLS_CONTACT);
		wire_answer(&wire, BOB, invite_to(&wire, BOB), rows[i].status, "b", BOBS_CONTACT);
		assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
		assert_int_equal(wire_count(&wire, CAROL, "CANCEL"), 1);
		wire_check_header(wire_sent(&wire, CAROL, "CANCEL", 0), "Reason", rows[i].reason);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 603"),
				 0); /* not before the other has ended */
		wire_answer(&wire, CAROL, wire_sent(&wire, CAROL, "CANCEL", 0), "200 OK", "c", "");
		wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "487 Request Terminated", "c",
			    "");
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 603"), i);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1 - i);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 0);
		if (i == 0) {
			char route[300];

			wire_own_route(&wire, route, sizeof(route));
			wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
			wire_alice_hangs_up(&wire, "c1", route, 2);
		}
		end(&wire);
	}
}

/* @req RC-18 PX-11  A branch without any response yet is cancelled as soon as it speaks. */
static void test_rc_18_the_cancel_waits_for_a_provisional_response(void **state)
{
	struct wire wire;

	(void)state;
	open_fork(&wire);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "603 Decline", "b", "");
	assert_int_equal(wire_count(&wire, CAROL, "CANCEL"), 0);
	wire_run(&wire, 1000);
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "100 Trying", "", "");
	assert_int_equal(wire_count(&wire, CAROL, "CANCEL"), 1);
	wire_check_header(wire_sent(&wire, CAROL, "CANCEL", 0), "Reason",
			  "SIP;cause=603;text=\"Decline\"");
	end(&wire);
}

/* @req RC-18a */
static void test_rc_18a_a_branch_that_never_speaks_ends_without_a_cancel(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	cancel(&wire, "");
	wire_run(&wire, 31999);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 4"), 0);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 0);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487") +
				 wire_count(&wire, ALICE, "SIP/2.0 408"),
			 1);
	end(&wire);
}

/* @req SC-13 RC-19 PX-9  Both answer: both 2xx pass, two dialogs, each ends by itself. */
static void test_sc_13_a_2xx_from_both(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char route[300];

	(void)state;
	open_fork(&wire);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c", CAROLS_CONTACT);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "200 OK", "c", CAROLS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_counters(&wire)->dialogs, 2);
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_feed(&wire, ALICE,
		  "ACK sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKackc\nMax-Forwards: 70\nRoute: %s\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>;tag=c\nCall-ID: "
		  "c1\nCSeq: 1 ACK\nContent-Length: 0\n\n",
		  route);
	assert_int_equal(wire_count(&wire, CAROL, "ACK"), 1);
	wire_feed(&wire, ALICE,
		  "BYE sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKbyec\nMax-Forwards: 70\nRoute: %s\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>;tag=c\nCall-ID: "
		  "c1\nCSeq: 2 BYE\nContent-Length: 0\n\n",
		  route);
	wire_answer(&wire, CAROL, wire_last(&wire, CAROL, "BYE"), "200 OK", "c", "");
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	assert_int_equal(wire_count(&wire, BOB, "BYE"), 0);
	wire_session(&wire, NODE_LIVE, &report);
	assert_int_equal(report.state, SESSION_CONFIRMED);
	/* a request of the ended dialog: 481; of the other: passes */
	wire_in_dialog(&wire, ALICE, "INFO", 3, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "INFO"), 1);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INFO"), "200 OK", "b", "");
	wire_alice_hangs_up(&wire, "c1", route, 4);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	end(&wire);
}

/* @req RF-9a RF-9 PX-9  A 2xx that is repeated is passed on each time, for timer M. */
static void test_rf_9a_a_repeated_2xx_passes_until_timer_m(void **state)
{
	struct wire wire;
	char *invite;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	invite = strdup(invite_to(&wire, BOB));
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	for (unsigned i = 1; i < 8; i++) {
		wire_run(&wire, 4000);
		wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), i + 1);
	}
	wire_run(&wire, 3999); /* 31.999 s */
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 9);
	wire_run(&wire, 65); /* ends are gathered: up to 64 ms late */
	wire_answer(&wire, BOB, invite, "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 9);
	assert_int_equal(wire_counters(&wire)->stray_responses, 1);
	free(invite);
	wire_release_all(&wire, 480);
	end(&wire);
}

/* @req TX-3 TX-3a RF-9  The same INVITE again in each state. */
static void test_tx_3a_the_invite_again(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 100"), 0);
	wire_run(&wire, 199);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 100"), 0);
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 100"), 1);
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 100 Trying\r\n", 0), "To",
			  "<sip:bob@ims.example>"); /* no tag of ours */
	wire_invite(&wire, "c1", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 100"), 2);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_invite(&wire, "c1", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 180"), 2);
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
	wire_invite(&wire, "c1", ""); /* Accepted absorbs it: the callee repeats its 2xx */
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
	assert_int_equal(wire_counters(&wire)->retransmissions_in, 3);
	assert_int_equal(wire_counters(&wire)->sessions, 1);
	wire_release_all(&wire, 480);
	end(&wire);
}

/* ---------------------------------------------------------------- CANCEL of the caller */

/* @req RF-10 RF-10a RF-10b RF-12a RF-12 */
static void test_rf_10_a_cancel_goes_to_every_open_branch_with_its_reason(void **state)
{
	struct node_session_report report;
	struct wire wire;
	char want[300], got[300];

	(void)state;
	open_fork(&wire);
	wire_invite(&wire, "c1", "Require: 100rel\nProxy-Authorization: x\nSupported: y\n");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "180 Ringing", "c", CAROLS_CONTACT);
	cancel(&wire, "Reason: SIP ;cause=200 ;text=\"x\"\nReason: Q.850;cause=16, "
		      "RELEASE_CAUSE;cause=1\n");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 1);
	wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 200", 0), "CSeq", "1 CANCEL");
	for (uint16_t port = BOB; port <= CAROL; port += CAROL - BOB) {
		const char *ours = wire_sent(&wire, port, "CANCEL", 0),
			   *invite = invite_to(&wire, port);
		static const char *const same[] = {"From", "To", "Call-ID"};

		assert_non_null(ours);
		assert_int_equal(
			strncmp(ours + 7, invite + 7, (size_t)(strchr(invite, '\r') - invite - 7)),
			0); /* Request-URI */
		for (int i = 0; i < 3; i++) {
			wire_header(invite, same[i], 0, want, sizeof(want));
			wire_check_header(ours, same[i], want);
		}
		wire_header(invite, "Via", 0, want, sizeof(want));
		wire_header(ours, "Via", 0, got, sizeof(got));
		assert_string_equal(got, want);
		assert_null(wire_header(ours, "Via", 1, got, sizeof(got)));
		wire_check_header(ours, "CSeq", "1 CANCEL");
		wire_check_header(ours, "Require", NULL);
		wire_check_header(ours, "Proxy-Authorization", NULL);
		wire_check_header(ours, "Contact", NULL);
		wire_header(ours, "Reason", 0, got, sizeof(got));
		assert_string_equal(got, "SIP ;cause=200 ;text=\"x\"");
		wire_header(ours, "Reason", 1, got, sizeof(got));
		assert_string_equal(got, "Q.850;cause=16, RELEASE_CAUSE;cause=1");
	}
	/* again: answered again, forwarded once */
	cancel(&wire, "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "CANCEL"), "200 OK", "b", "");
	wire_answer(&wire, CAROL, wire_last(&wire, CAROL, "CANCEL"), "200 OK", "c", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "487 Request Terminated", "b", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 0);
	wire_answer(&wire, CAROL, invite_to(&wire, CAROL), "487 Request Terminated", "c", "");
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 487"), 1);
	wire_session(&wire, NODE_GONE, &report);
	assert_int_equal(report.end, SESSION_END_CANCELLED);
	assert_int_equal(report.end_status, 487);
	end(&wire);
}

/* @req RC-5 RF-10a  After the final response: 200 and nothing else. */
static void test_rc_5_a_cancel_after_the_final_response(void **state)
{
	static const char *const finals[] = {"200 OK", "486 Busy Here"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wire wire;

		wire_open(&wire, NULL);
		wire_invite(&wire, "c1", "");
		wire_answer(&wire, BOB, invite_to(&wire, BOB), finals[i], "b", BOBS_CONTACT);
		wire_forget(&wire);
		cancel(&wire, "");
		assert_int_equal(wire.n_out, 1);
		wire_check_header(wire_sent(&wire, ALICE, "SIP/2.0 200", 0), "CSeq", "1 CANCEL");
		assert_int_equal(wire_counters(&wire)->sessions, 1 - i);
		wire_release_all(&wire, 480);
		end(&wire);
	}
}

/* @req RC-5  The 2xx crossed the CANCEL: it passes, and the call stands. */
static void test_rc_5_a_2xx_that_crosses_the_cancel_of_the_caller(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "180 Ringing", "b", BOBS_CONTACT);
	cancel(&wire, "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 200"), 2);
	wire_own_route(&wire, route, sizeof(route));
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
	wire_alice_hangs_up(&wire, "c1", route, 2);
	end(&wire);
}

/* @req RF-8 RC-12 RF-8a  Requests other than INVITE: no 408, no 1xx but a late 100, silence in the end. */
static void test_rf_8_a_bye_that_nobody_answers(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_run(&wire, 40000);
	wire_forget(&wire);
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	wire_run(&wire, 3499);
	assert_int_equal(wire_count(&wire, ALICE, ""), 0);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "183 Progress", "b",
		    ""); /* not allowed, not passed */
	wire_run(&wire, 1);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 100"), 1);
	wire_run(&wire, 60000);
	assert_int_equal(wire_count(&wire, ALICE, ""), 1);
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	end(&wire);
}

/* @req RG-6  LIMIT_BRANCHES. As many contacts as a user may have: as many branches. */
static void test_rg_6_sixteen_branches(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	for (unsigned i = 1; i < LIMIT_CONTACTS_OF_USER; i++) {
		char contact[60];

		snprintf(contact, sizeof(contact), "sip:bob@127.0.0.1:%u", 7100 + i);
		wire_bind(&wire, "sip:bob@ims.example", contact);
	}
	wire_invite(&wire, "c1", "");
	assert_int_equal(wire.n_out, LIMIT_BRANCHES);
	for (unsigned i = 1; i < LIMIT_CONTACTS_OF_USER; i++)
		wire_answer(&wire, (uint16_t)(7100 + i), invite_to(&wire, (uint16_t)(7100 + i)),
			    "180 Ringing", "x", "");
	wire_answer(&wire, BOB, invite_to(&wire, BOB), "200 OK", "b", BOBS_CONTACT);
	for (unsigned i = 1; i < LIMIT_CONTACTS_OF_USER; i++) {
		assert_int_equal(wire_count(&wire, (uint16_t)(7100 + i), "CANCEL"), 1);
		wire_answer(&wire, (uint16_t)(7100 + i), invite_to(&wire, (uint16_t)(7100 + i)),
			    "487 Request Terminated", "x", "");
	}
	wire_forget(&wire);
	wire_release_all(&wire, 480);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "BYE"), "200 OK", "b", "");
	end(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rg_6_both_contacts_get_the_invite),
		cmocka_unit_test(test_px_10_two_failures),
		cmocka_unit_test(test_tx_7_the_ack_of_a_failure),
		cmocka_unit_test(test_px_11_a_2xx_and_a_6xx_cancel_the_others),
		cmocka_unit_test(test_rc_18_the_cancel_waits_for_a_provisional_response),
		cmocka_unit_test(test_rc_18a_a_branch_that_never_speaks_ends_without_a_cancel),
		cmocka_unit_test(test_sc_13_a_2xx_from_both),
		cmocka_unit_test(test_rf_9a_a_repeated_2xx_passes_until_timer_m),
		cmocka_unit_test(test_tx_3a_the_invite_again),
		cmocka_unit_test(test_rf_10_a_cancel_goes_to_every_open_branch_with_its_reason),
		cmocka_unit_test(test_rc_5_a_cancel_after_the_final_response),
		cmocka_unit_test(test_rc_5_a_2xx_that_crosses_the_cancel_of_the_caller),
		cmocka_unit_test(test_rf_8_a_bye_that_nobody_answers),
		cmocka_unit_test(test_rg_6_sixteen_branches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
