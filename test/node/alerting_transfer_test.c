/* Transfer of calls that are not answered yet: TS 23.237 §6.3.2.1.4c, §6.3.2.1.4d, SV-7, SV-28 to SV-30, SV-53. */
#include "alerting_transfer.h"

static void test_sv_29_ringing_call_is_transferred_and_answered(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	assert_non_null(strstr(wire_last(&s.wire, MSC, "INFO"), "<direction>initiator<"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 2); /* PRACK, INVITE */
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 8000); /* @req SV-29a */
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 480"), 1);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_by_remote(&s);
}

static void test_sv_30_the_answer_meets_the_update(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	invite_of_msc(&s, ALERTING);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 1); /* the PRACK's */
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_non_null(strstr(party_hears(&s.wire, &s.msc, "200"), "m=audio 40000"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	end_by_remote(&s);
}

static void test_sv_30_the_answer_meets_an_update_that_fails(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	invite_of_msc(&s, ALERTING);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "UPDATE", "488 Not Acceptable Here", "", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "488"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_sv_28_call_to_a_ringing_phone_is_transferred_and_accepted(void **state)
{
	struct scene s;

	(void)state;
	call_in(&s, ALERTING);
	transfer_early(&s);
	assert_non_null(strstr(wire_last(&s.wire, MSC, "INFO"), "<direction>receiver<"));
	party_sends(&s.wire, &s.msc, "INFO",
		    "Info-Package: g.3gpp.state-and-event\nContent-Type: "
		    "application/vnd.3gpp.state-and-event-info+xml\n",
		    "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 2); /* PRACK, INFO */
	{
		char bytes[1200];
		int n = snprintf(bytes, sizeof(bytes),
				 "INFO %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:8100;branch="
				 "z9hG4bKaccepted\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\n"
				 "Call-ID: msc-call\r\nCSeq: 9 INFO\r\n"
				 "Content-Type: application/vnd.3gpp.state-and-event-info+xml\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 s.msc.target, s.msc.local, s.msc.remote, strlen(CALL_ACCEPTED),
				 CALL_ACCEPTED);

		s.msc.cseq = 9;
		wire_feed_bytes(&s.wire, wire_address(TRANSPORT_UDP, MSC), bytes, (size_t)n);
	}
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 4);    /* INFO, INVITE */
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 200"), 2); /* PRACK, INVITE */
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_hears(&s.wire, &s.remote, "200");
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	wire_run(&s.wire, 8000); /* @req SV-28a  CANCEL, 200, 487, ACK; nothing of it passes on */
	assert_int_equal(wire_count(&s.wire, UE, "CANCEL"), 1);
	party_answers(&s.wire, &s.ue, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.ue, "INVITE", "487 Request Terminated", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 487"), 0);
	end_by_remote(&s);
}

static void test_sv_28_caller_gives_up(void **state)
{
	struct scene s;

	(void)state;
	call_in(&s, ALERTING);
	transfer_early(&s);
	party_sends(&s.wire, &s.remote, "CANCEL", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 487"), 1);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "CANCEL"), 1);
	party_answers(&s.wire, &s.ue, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.ue, "INVITE", "487 Request Terminated", "", "");
	close_scene(&s);
}

static void test_sv_29_remote_party_rejects_after_the_transfer(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 486"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 486"), 1);
	close_scene(&s);
}

static void test_sv_60_ue_comes_back_while_it_rings(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_hears(&s.wire, &s.ue, "180");
	party_sends(&s.wire, &s.ue, "UPDATE", REASON_487, SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 2);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 4"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 3);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	wire_run(&s.wire, 20000);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

/* The CANCEL of the MSC server: the handover was cancelled, or the user has hung up. */
static void test_sv_66_cancel_of_the_msc_server_while_it_rings(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_sends(&s.wire, &s.msc, "CANCEL", REASON_487, "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "UPDATE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 486"), 1);
	close_scene(&s);

	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_sends(&s.wire, &s.msc, "CANCEL", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
	party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "487 Request Terminated", "", "");
	close_scene(&s);
}

static void no_alerting(struct node_settings *s)
{
	transfer_settings(s);
	s->sccas.alerting = false;
	s->sccas.pre_alerting = false;
}

static void test_sv_7_alerting_needs_all_three(void **state)
{
	static const struct {
		const char *ue, *msc, *status;
		void (*change)(struct node_settings *);
		bool is_transferred;
	} table[] = {
		{ALERTING, ALERTING, "180 Ringing", NULL, true},
		{"", ALERTING, "180 Ringing", NULL, false},
		{ALERTING, "", "180 Ringing", NULL, false},
		{ALERTING, ALERTING, "180 Ringing", no_alerting, false},
		{PRE_ALERTING, PRE_ALERTING, "183 Session Progress", NULL, true},
		{PRE_ALERTING, PRE_ALERTING, "180 Ringing", NULL, false},
		{ALERTING, ALERTING, "183 Session Progress", NULL, false},
		{PRE_ALERTING, PRE_ALERTING, "183 Session Progress", no_alerting, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct scene s;

		call_out(&s, table[i].ue, table[i].status, table[i].change);
		invite_of_msc(&s, table[i].msc);
		assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), table[i].is_transferred);
		assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 480"), !table[i].is_transferred);
		if (table[i].is_transferred)
			party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
		party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
		close_scene(&s);
	}
}

static void test_rf_14_progress_is_repeated_until_its_prack(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	invite_of_msc(&s, ALERTING);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	wire_run(&s.wire, 4000);
	assert_in_range(wire_count(&s.wire, MSC, "SIP/2.0 183"), 4, 5);
	wire_run(&s.wire, 40000); /* no PRACK at all: the transfer has failed, the call goes on */
	assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 504")); /* RFC 3262 §3: a 5xx */
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 0);
	assert_in_range(wire_count(&s.wire, REMOTE, "UPDATE"), 2, 20);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	{
		static struct node_session_report report;
		char why[4000];
		struct text_writer w = text_writer_on(why, sizeof(why) - 1);

		wire_session(&s.wire, NODE_LIVE, &report);
		ladder_put_why(&w, &report, s.wire.now_ms);
		why[w.len] = '\0';
		assert_non_null(strstr(why, "the transfer failed (504)"));
	}
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
	close_scene(&s);
}

static void hold_early(struct node_settings *s)
{
	transfer_settings(s);
	s->sccas.hold_early = true;
}

static void test_sv_53_cancel_503_of_a_ringing_call_is_held(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", hold_early);
	party_sends(&s.wire, &s.ue, "CANCEL", REASON_503, "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 1);
	wire_run(&s.wire, 7000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 0);
	transfer_early(&s);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	party_hears(&s.wire, &s.msc, "200");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	end_by_remote(&s);

	call_out(&s, ALERTING, "180 Ringing", hold_early);
	party_sends(&s.wire, &s.ue, "CANCEL", REASON_503, "");
	wire_run(&s.wire, 8000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
	party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "487 Request Terminated", "", "");
	close_scene(&s);

	call_out(&s, ALERTING, "180 Ringing", NULL); /* the default: off */
	party_sends(&s.wire, &s.ue, "CANCEL", REASON_503, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
	party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "487 Request Terminated", "", "");
	close_scene(&s);
}

/* @req SV-20c  481 to the UPDATE of an early dialog: the caller's INVITE is answered all the same. */
static void test_sv_20c_early_remote_leg_is_lost(void **state)
{
	struct scene s;

	(void)state;
	call_in(&s, ALERTING);
	invite_of_msc(&s, ALERTING);
	party_answers(&s.wire, &s.remote, "UPDATE", "481 Gone", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 480"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 480"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "CANCEL"), 1);
	party_answers(&s.wire, &s.ue, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.ue, "INVITE", "487 Request Terminated", "", "");
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_29_ringing_call_is_transferred_and_answered),
		cmocka_unit_test(test_sv_20c_early_remote_leg_is_lost),
		cmocka_unit_test(test_sv_30_the_answer_meets_the_update),
		cmocka_unit_test(test_sv_30_the_answer_meets_an_update_that_fails),
		cmocka_unit_test(test_sv_28_call_to_a_ringing_phone_is_transferred_and_accepted),
		cmocka_unit_test(test_sv_28_caller_gives_up),
		cmocka_unit_test(test_sv_29_remote_party_rejects_after_the_transfer),
		cmocka_unit_test(test_sv_60_ue_comes_back_while_it_rings),
		cmocka_unit_test(test_sv_66_cancel_of_the_msc_server_while_it_rings),
		cmocka_unit_test(test_sv_7_alerting_needs_all_three),
		cmocka_unit_test(test_rf_14_progress_is_repeated_until_its_prack),
		cmocka_unit_test(test_sv_53_cancel_503_of_a_ringing_call_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
