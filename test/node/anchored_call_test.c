/* Calls through the SCC AS that nobody transfers, at the level of bytes: TS 24.229 §5.7.5, RFC 3261 §12 to §15. */
#include "anchored_call.h"

static void test_as_1_a_bye_is_answered_at_once_and_the_other_leg_gets_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene s;
		struct party *one, *other;

		open_call(&s, i & 1);
		one = i & 2 ? &s.ue : &s.remote;
		other = i & 2 ? &s.remote : &s.ue;
		party_sends(&s.wire, one, "BYE", "Reason: Q.850;cause=16\n", "");
		assert_non_null(party_hears(&s.wire, one, "200"));
		assert_int_equal(wire_count(&s.wire, other->port, "BYE"), 1);
		wire_check_header(wire_last(&s.wire, other->port, "BYE"), "Reason",
				  "Q.850;cause=16");
		wire_check_header(wire_last(&s.wire, other->port, "BYE"), "Max-Forwards", "70");
		party_answers(&s.wire, other, "BYE", "200 OK", "", "");
		close_scene(&s);
	}
}

static void test_as_1_rc_22a_an_order_sends_a_bye_on_every_leg(void **state)
{
	(void)state;
	for (unsigned crossing = 0; crossing < 2; crossing++) {
		struct scene s;

		open_call(&s, false);
		release(&s, 480);
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		if (crossing) { /* RC-1a: both ends succeed */
			party_sends(&s.wire, &s.ue, "BYE", "", "");
			assert_non_null(party_hears(&s.wire, &s.ue, "200"));
			party_sends(&s.wire, &s.remote, "BYE", "", "");
			assert_non_null(party_hears(&s.wire, &s.remote, "200"));
		}
		release(&s, 480);
		party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
		party_answers(&s.wire, &s.remote, "BYE", "481 Gone", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		close_scene(&s);
	}
}

static void test_rc_1a_byes_that_cross_are_both_answered_200(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_non_null(party_hears(&s.wire, &s.remote, "200"));
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	close_scene(&s);
}

/* What one side asks goes to the other as a request of that dialog. */
static void passes(struct scene *s, struct party *from, struct party *to, const char *method)
{
	const char *request;
	char value[300];

	wire_forget(&s->wire);
	party_sends(&s->wire, from, method, "X-Asks: yes\n", "");
	request = wire_last(&s->wire, to->port, method);
	assert_non_null(request);
	wire_check_header(request, "Call-ID", to->call_id);
	wire_check_header(request, "From", to->remote);
	wire_check_header(request, "To", to->local);
	wire_check_header(request, "X-Asks", "yes");
	wire_check_header(request, "Max-Forwards", "69");
	wire_check_header(request, "Record-Route", NULL);
	assert_null(strstr(request, from->call_id));
	put_value(request, "Via", value, sizeof(value));
	assert_null(strstr(value, "z9hG4bKcall"));
	party_answers(&s->wire, to, method, "200 OK", "X-Says: no\r\n", "");
	assert_non_null(party_hears(&s->wire, from, "200"));
	wire_check_header(wire_last(&s->wire, from->port, "SIP/2.0 200"), "X-Says", "no");
	wire_check_header(wire_last(&s->wire, from->port, "SIP/2.0 200"), "Call-ID", from->call_id);
}

static void test_as_2_the_legs_are_dialogs_of_their_own(void **state)
{
	static const char *const methods[] = {"INFO", "UPDATE", "MESSAGE", "NOTIFY", "REFER"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;

		open_call(&s, i == 1);
		for (unsigned m = 0; m < 5; m++) {
			passes(&s, &s.ue, &s.remote, methods[m]);
			passes(&s, &s.remote, &s.ue, methods[m]);
		}
		hang_up(&s);
		close_scene(&s);
	}
}

static void test_as_2_the_invite_is_one_of_our_own(void **state)
{
	struct scene s;
	const char *invite;
	char value[300];

	(void)state;
	open_invite(&s,
		    "Record-Route: <sip:127.0.0.1:6001;lr>\nX-Unknown: stays\nk: 100rel\n"
		    "P-Charging-Vector: icid-value=abc\nRequire: something\n",
		    SDP_UE);
	invite = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(invite);
	assert_non_null(strstr(invite, "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\r\n"));
	assert_null(strstr(invite, "tag=ue"));
	assert_null(strstr(invite, "127.0.0.1:6100"));
	assert_null(strstr(invite, "P-Served-User"));
	assert_non_null(strstr(invite, "\r\nk: 100rel\r\n"));
	assert_non_null(strstr(invite, "m=audio 30000"));
	wire_check_header(invite, "Record-Route", NULL);
	wire_check_header(invite, "X-Unknown", "stays");
	wire_check_header(invite, "Require", "something"); /* AS-2c: of the far end */
	wire_check_header(invite, "P-Charging-Vector", "icid-value=abc");
	wire_check_header(invite, "Contact", "<sip:127.0.0.1:5070>");
	wire_check_header(invite, "Max-Forwards", "69");
	put_value(invite, "To", value, sizeof(value));
	assert_string_equal(value, "<sip:bob@ims.example>");
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "Warning: 399 x \"y\"\r\n",
		      "");
	assert_non_null(party_hears(&s.wire, &s.ue, "486"));
	wire_check_header(wire_last(&s.wire, UE, "SIP/2.0 486"), "Warning", "399 x \"y\"");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

static void test_as_2_contact_features_and_route_sets_of_each_side(void **state)
{
	struct scene s;
	const char *m;

	(void)state;
	open_invite(&s, "Record-Route: <sip:127.0.0.1:6001;lr>, <sip:127.0.0.1:6002;lr>\n", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK",
		      "Record-Route: <sip:127.0.0.1:7001;lr>\r\nRecord-Route: "
		      "<sip:127.0.0.1:7002;lr>\r\n",
		      SDP_REMOTE);
	m = party_hears(&s.wire, &s.ue, "200");
	assert_non_null(m);
	wire_check_header(m, "Record-Route", "<sip:127.0.0.1:6001;lr>, <sip:127.0.0.1:6002;lr>");
	wire_check_header(m, "Contact", "<sip:127.0.0.1:5070>");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	m = wire_last(&s.wire, 7002, "ACK sip:party@127.0.0.1:7100 ");
	assert_non_null(m);
	wire_check_header(m, "Route", "<sip:127.0.0.1:7002;lr>, <sip:127.0.0.1:7001;lr>");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	m = wire_last(&s.wire, 6001, "BYE sip:party@127.0.0.1:6100 ");
	assert_non_null(m);
	wire_check_header(m, "Route", "<sip:127.0.0.1:6001;lr>, <sip:127.0.0.1:6002;lr>");
	wire_answer(&s.wire, 6001, m, "200 OK", "", "");
	close_scene(&s);
}

static void test_as_2a_the_invite_goes_out_with_the_rest_of_its_route(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;
		const char *invite;
		char extra[400];

		wire_open(&s.wire, transfer_settings);
		snprintf(extra, sizeof(extra),
			 "Route: <sip:127.0.0.1:5070;lr>, <sip:127.0.0.1:6200;lr;odi=1-2-3>\n"
			 "P-Served-User: <sip:alice@ims.example>;sescase=%s\n",
			 i ? "term" : "orig");
		s.ue = party_at(UE, "<sip:x@ims.example>;tag=ue", "<sip:bob@ims.example>",
				"sip:bob@ims.example", "call");
		party_sends(&s.wire, &s.ue, "INVITE", extra, SDP_UE);
		invite = wire_last(&s.wire, 6200, "INVITE sip:bob@ims.example ");
		assert_non_null(invite);
		wire_check_header(invite, "Route", "<sip:127.0.0.1:6200;lr;odi=1-2-3>");
		wire_check_header(invite, "P-Served-User", NULL);
		assert_int_equal(wire_counters(&s.wire)->sessions_anchored, 1);
		wire_answer(&s.wire, 6200, invite, "480 No", "r", "");
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		close_scene(&s);
	}
}

static void distrust(struct node_settings *s)
{
	transfer_settings(s);
	s->n_trusted = 0;
}

static void test_as_2b_only_trusted_addresses_are_served(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, distrust);
	send_invite(&s, "", SDP_UE);
	assert_non_null(party_hears(&s.wire, &s.ue, "403"));
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

static void test_as_2c_a_transfer_invite_with_unknown_requirements_gets_420(void **state)
{
	struct scene s;
	struct party msc;

	(void)state;
	open_call(&s, false);
	transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "Require: 100rel, magic\nRequire: more\n");
	assert_non_null(party_hears(&s.wire, &msc, "420"));
	wire_check_header(wire_last(&s.wire, MSC, "SIP/2.0 420"), "Unsupported", "magic, more");
	party_sends(&s.wire, &msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 0);
	hang_up(&s);
	close_scene(&s);
}

static void test_rf_2_a_lower_cseq_is_answered_500_and_a_gap_is_in_order(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	s.ue.cseq = 100;
	party_sends(&s.wire, &s.ue, "INFO", "", "");
	party_answers(&s.wire, &s.remote, "INFO", "200 OK", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	s.ue.cseq = 50;
	party_sends(&s.wire, &s.ue, "INFO", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "500"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "INFO"), 1);
	s.ue.cseq = 200;
	hang_up(&s);
	close_scene(&s);
}

static void test_rf_5a_open_requests_get_487_when_their_sender_says_bye(void **state)
{
	static const char *const methods[] = {"INFO", "UPDATE", "INVITE", "MESSAGE"};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct scene s;
		const char *method = methods[i / 2], *sdp = i / 2 == 2 ? SDP_UE : "";

		open_call(&s, false);
		party_sends(&s.wire, &s.ue, method, "", sdp);
		party_sends(&s.wire, &s.ue, "BYE", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 1);
		assert_non_null(strstr(wire_last(&s.wire, UE, "SIP/2.0 487"), method));
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		if (i & 1) { /* RC-3b, RC-4: its answer comes later */
			party_answers(&s.wire, &s.remote, method, "200 OK", "",
				      i / 2 == 2 ? SDP_REMOTE : "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), i / 2 == 2);
		}
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 1); /* to the BYE */
		close_scene(&s);
	}
}

static void test_rf_5a_open_requests_of_the_other_side_are_answered_too(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	party_sends(&s.wire, &s.remote, "INFO", "", "");
	party_sends(&s.wire, &s.remote, "UPDATE", "", SDP_REMOTE);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 487"), 2);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

/* More than are remembered: the others when their answer comes, or none does. */
static void test_rf_5a_many_open_requests_are_all_answered(void **state)
{
	(void)state;
	for (unsigned answered = 0; answered < 2; answered++) {
		struct scene s;

		open_call(&s, false);
		for (unsigned i = 0; i < 6; i++)
			party_sends(&s.wire, &s.ue, "INFO", "", "");
		party_sends(&s.wire, &s.ue, "BYE", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 4);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		for (unsigned i = 0; i < 6 && answered; i++)
			wire_answer(&s.wire, REMOTE, wire_sent(&s.wire, REMOTE, "INFO", i),
				    "200 OK", "", "");
		if (answered)
			assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 6);
		close_scene(&s);
	}
}

static void test_rf_11_a_passing_2xx_is_repeated_by_the_callee(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	wire_run(&s.wire, 3000);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_string_equal(wire_sent(&s.wire, UE, "SIP/2.0 200", 0),
			    wire_sent(&s.wire, UE, "SIP/2.0 200", 1));
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 0);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	/* That one was lost. */
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_in_range(wire_count(&s.wire, REMOTE, "ACK"), 2, 3);
	wire_run(&s.wire, 40000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	hang_up(&s);
	close_scene(&s);
}

static void test_rf_11_without_ack_the_call_is_given_up(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	wire_run(&s.wire, 33000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_true(wire_count(&s.wire, REMOTE, "BYE") > 0);
	assert_true(wire_count(&s.wire, UE, "BYE") > 0);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_rf_11_an_offer_in_the_2xx_is_answered_in_the_ack(void **state)
{
	struct scene s;
	char first[2000];

	(void)state;
	open_invite(&s, "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(strstr(party_hears(&s.wire, &s.ue, "200"), "m=audio 40000"));
	party_sends(&s.wire, &s.ue, "ACK", "", SDP_UE);
	snprintf(first, sizeof(first), "%s", wire_last(&s.wire, REMOTE, "ACK"));
	assert_non_null(strstr(first, "m=audio 30000"));
	/* Lost, and asked for again. */
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "ACK"), "m=audio 30000"));
	/* Speech is agreed: it can be transferred. */
	{
		struct party msc;

		transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
		party_answers(&s.wire, &s.remote, "INVITE", "488 No", "", "");
		assert_non_null(party_hears(&s.wire, &msc, "488"));
		party_sends(&s.wire, &msc, "ACK", "", "");
	}
	hang_up(&s);
	close_scene(&s);
}

static void test_rf_11_an_offer_that_nobody_answers_is_rejected_at_the_release(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	release(&s, 480);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "ACK"), "m=audio 0 "));
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0); /* RF-3 */
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", SDP_UE);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	close_scene(&s);
}

#define TIMER_90 "Session-Expires: 90;refresher=uac\n"
static void test_rf_13b_refreshes_pass_and_without_one_every_leg_gets_a_bye(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "Supported: timer\n" TIMER_90, SDP_UE);
	wire_check_header(wire_last(&s.wire, REMOTE, "INVITE"), "Session-Expires",
			  "90;refresher=uac");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK",
		      "Session-Expires: 90;refresher=uac\r\nRequire: timer\r\n", SDP_REMOTE);
	wire_check_header(party_hears(&s.wire, &s.ue, "200"), "Session-Expires",
			  "90;refresher=uac");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	for (unsigned i = 0; i < 3; i++) {
		wire_run(&s.wire, 80000);
		wire_forget(&s.wire);
		party_sends(&s.wire, &s.ue, "UPDATE", TIMER_90, "");
		wire_check_header(wire_last(&s.wire, REMOTE, "UPDATE"), "Session-Expires",
				  "90;refresher=uac");
		party_answers(&s.wire, &s.remote, "UPDATE", "200 OK",
			      "Session-Expires: 90;refresher=uac\r\n", "");
		assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	}
	wire_run(&s.wire, 89999);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "481 Gone", "", "");
	close_scene(&s);
}

static void test_rf_14_reliable_provisional_responses_and_their_pracks_pass(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;
		struct party *calling, *called;

		open_invite_of(&s, i == 1, "Require: 100rel\n", "");
		calling = i ? &s.remote : &s.ue;
		called = i ? &s.ue : &s.remote;
		calling->cseq += 50;
		party_answers(&s.wire, called, "INVITE", "183 Session Progress",
			      "Require: 100rel\r\nRSeq: 77\r\n", SDP_REMOTE);
		wire_check_header(party_hears(&s.wire, calling, "183"), "RSeq", "77");
		party_sends(&s.wire, calling, "PRACK", "RAck: 77 1 INVITE\n", SDP_UE);
		wire_check_header(wire_last(&s.wire, called->port, "PRACK"), "RAck", "77 1 INVITE");
		party_answers(&s.wire, called, "PRACK", "200 OK", "", "");
		assert_non_null(party_hears(&s.wire, calling, "200"));
		/* Of an INVITE that was not. */
		party_sends(&s.wire, calling, "PRACK", "RAck: 77 2 INVITE\n", "");
		assert_non_null(party_hears(&s.wire, calling, "481"));
		party_sends(&s.wire, calling, "PRACK", "", "");
		assert_int_equal(wire_count(&s.wire, calling->port, "SIP/2.0 481"), 2);
		assert_int_equal(wire_count(&s.wire, called->port, "PRACK"), 1);
		/* Of one that the callee does not know. */
		party_sends(&s.wire, calling, "PRACK", "RAck: 78 1 INVITE\n", "");
		party_answers(&s.wire, called, "PRACK", "481 No", "", "");
		assert_int_equal(wire_count(&s.wire, calling->port, "SIP/2.0 481"), 3);
		party_answers(&s.wire, called, "INVITE", "200 OK", "", "");
		party_hears(&s.wire, calling, "200");
		party_sends(&s.wire, calling, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, called->port, "ACK"), 1);
		hang_up(&s);
		close_scene(&s);
	}
}

/* CSeq of the legs differ: what the PRACK names is the INVITE of its own leg. */
static void test_rf_14_rack_is_renumbered_for_the_other_leg(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue.cseq = 0;
	send_invite_from_cseq(&s, 4711);
	party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "Require: 100rel\r\nRSeq: 9\r\n",
		      "");
	party_hears(&s.wire, &s.ue, "180");
	party_sends(&s.wire, &s.ue, "PRACK", "RAck: 9 4711 INVITE\n", "");
	wire_check_header(wire_last(&s.wire, REMOTE, "PRACK"), "RAck", "9 1 INVITE");
	wire_check_header(wire_last(&s.wire, REMOTE, "PRACK"), "CSeq", "2 PRACK");
	party_answers(&s.wire, &s.remote, "PRACK", "200 OK", "", "");
	s.ue.branch = 1;
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "487"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
	answer_cancel(&s, &s.remote);
	close_scene(&s);
}

static void test_rf_15_updates_pass_early_and_a_cancel_still_finds_the_invite(void **state)
{
	(void)state;
	for (unsigned pending = 0; pending < 2; pending++) {
		struct scene s;

		open_invite(&s, "", SDP_UE);
		party_answers(&s.wire, &s.remote, "INVITE", "183 Progress", "", SDP_REMOTE);
		party_hears(&s.wire, &s.ue, "183");
		party_sends(&s.wire, &s.ue, "UPDATE", "", SDP_UE);
		if (!pending) {
			party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
			party_sends(&s.wire, &s.remote, "UPDATE", "", SDP_REMOTE);
			party_answers(&s.wire, &s.ue, "UPDATE", "200 OK", "", SDP_UE);
			assert_non_null(party_hears(&s.wire, &s.remote, "200"));
		}
		s.ue.branch = 1;
		party_sends(&s.wire, &s.ue, "CANCEL", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 1 + pending);
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		answer_cancel(&s, &s.remote);
		close_scene(&s);
	}
}

static void test_rf_15_rc_2_offers_that_cross_get_491_and_a_second_one_500(void **state)
{
	static const char *const methods[] = {"INVITE", "UPDATE"};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene s;
		const char *first = methods[i & 1], *second = methods[i / 2];

		open_call(&s, false);
		party_sends(&s.wire, &s.ue, first, "", SDP_UE);
		party_sends(&s.wire, &s.remote, second, "", SDP_REMOTE);
		assert_non_null(party_hears(&s.wire, &s.remote, "491"));
		if (i / 2 == 0)
			party_sends(&s.wire, &s.remote, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, UE, second), 0);
		{
			unsigned cseq = s.ue.invite_cseq;

			party_sends(&s.wire, &s.ue, second, "", SDP_UE);
			assert_non_null(party_hears(&s.wire, &s.ue, "500"));
			assert_non_null(
				strstr(wire_last(&s.wire, UE, "SIP/2.0 500"), "\r\nRetry-After: "));
			if (i / 2 == 0)
				party_sends(&s.wire, &s.ue, "ACK", "", "");
			s.ue.invite_cseq = cseq;
		}
		party_answers(&s.wire, &s.remote, first, "200 OK", "", SDP_REMOTE);
		assert_non_null(party_hears(&s.wire, &s.ue, "200"));
		if ((i & 1) == 0) {
			party_sends(&s.wire, &s.ue, "ACK", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		}
		wire_run(&s.wire, 60000); /* the ACK counted: nothing is given up */
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		hang_up(&s);
		close_scene(&s);
	}
}

static void test_rf_17a_target_dialog_finds_a_session_whichever_tag_comes_first(void **state)
{
	static const char *const forms[] = {"Target-Dialog: %s;local-tag=%s;remote-tag=%s\n",
					    "Target-Dialog: %s;remote-tag=%s;local-tag=%s\n"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;
		struct party msc;
		char extra[400];

		open_call(&s, false);
		snprintf(extra, sizeof(extra), forms[i % 2], i == 2 ? "other" : "call",
			 strstr(s.ue.local, "tag=") + 4, strstr(s.ue.remote, "tag=") + 4);
		transfer_invite(&s.wire, &msc, "msc", OF_ALICE, extra);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), i < 2);
		if (i < 2)
			party_answers(&s.wire, &s.remote, "INVITE", "500 No", "", "");
		assert_non_null(party_hears(&s.wire, &msc, "480"));
		party_sends(&s.wire, &msc, "ACK", "", "");
		hang_up(&s);
		close_scene(&s);
	}
}

static void test_rc_3b_a_2xx_to_our_reinvite_after_the_bye_is_acknowledged(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct scene s;
		struct party msc;

		open_call(&s, false);
		transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "");
		party_sends(&s.wire, &s.remote, "BYE", "", "");
		assert_non_null(party_hears(&s.wire, &s.remote, "200"));
		assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 480"));
		party_sends(&s.wire, &msc, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
		if (late)
			party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 0);
		if (!late)
			party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
		close_scene(&s);
	}
}

static void test_rc_4_a_bye_does_not_wait_for_a_reinvite(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene s;
		struct party *one, *other;

		open_call(&s, false);
		one = i & 1 ? &s.ue : &s.remote; /* who offers */
		other = i & 1 ? &s.remote : &s.ue;
		party_sends(&s.wire, one, "INVITE", "", SDP_UE);
		if (i & 2) { /* who was asked says BYE */
			party_sends(&s.wire, other, "BYE", "", "");
			assert_non_null(party_hears(&s.wire, other, "200"));
			assert_int_equal(wire_count(&s.wire, one->port, "BYE"), 1);
			assert_non_null(party_hears(&s.wire, one, "487"));
			party_answers(&s.wire, one, "BYE", "200 OK", "", "");
		} else {
			party_sends(&s.wire, one, "BYE", "", "");
			assert_int_equal(wire_count(&s.wire, other->port, "BYE"), 1);
			assert_non_null(party_hears(&s.wire, one, "487"));
			party_answers(&s.wire, other, "BYE", "200 OK", "", "");
		}
		party_sends(&s.wire, one, "ACK", "", "");
		party_answers(&s.wire, other, "INVITE", "487 Gone", "", "");
		assert_int_equal(wire_count(&s.wire, other->port, "ACK"), 1);
		close_scene(&s);
	}
}

static void test_rc_5a_a_cancel_after_the_200_changes_nothing(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 487"), 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 0);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	hang_up(&s);
	close_scene(&s);
}

static void test_rc_5a_rc_9a_a_2xx_that_crosses_our_cancel_gets_ack_and_bye_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene s;
		unsigned heard;

		open_invite(&s, "", SDP_UE);
		if (i & 1)
			party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
		if (i & 2)
			release(&s, 480);
		else
			party_sends(&s.wire, &s.ue, "CANCEL", REASON_503, "");
		assert_non_null(wire_last(&s.wire, UE, i & 2 ? "SIP/2.0 480" : "SIP/2.0 487"));
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), i & 1);
		heard = wire_count(&s.wire, UE, "");
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 3);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		assert_int_equal(wire_count(&s.wire, UE, ""), heard);
		if (i & 1)
			answer_cancel_with(&s, &s.remote, false);
		close_scene(&s);
	}
}

static void test_rc_5a_cancel_before_any_answer_waits_for_one(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 2; answers++) {
		struct scene s;

		open_invite(&s, "", SDP_UE);
		party_sends(&s.wire, &s.ue, "CANCEL", "Reason: SIP;cause=200\n", "");
		assert_non_null(party_hears(&s.wire, &s.ue, "487"));
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 0);
		if (answers) {
			party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
			wire_check_header(wire_last(&s.wire, REMOTE, "CANCEL"), "Reason",
					  "SIP;cause=200");
			answer_cancel(&s, &s.remote);
		}
		close_scene(&s);
	}
}

static void test_rc_6a_a_bye_of_the_caller_on_an_early_dialog_ends_the_call(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;
		struct party *calling, *called;

		open_invite_of(&s, i == 1, "", SDP_UE);
		calling = i ? &s.remote : &s.ue;
		called = i ? &s.ue : &s.remote;
		party_answers(&s.wire, called, "INVITE", "180 Ringing", "", "");
		party_hears(&s.wire, calling, "180");
		party_sends(&s.wire, calling, "BYE", "", "");
		assert_non_null(party_hears(&s.wire, calling, "200"));
		assert_int_equal(wire_count(&s.wire, calling->port, "SIP/2.0 487"), 1);
		calling->branch = 1;
		party_sends(&s.wire, calling, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, called->port, "CANCEL"), 1);
		answer_cancel(&s, called);
		close_scene(&s);
	}
}

static void test_rc_6a_a_bye_of_the_callee_on_an_early_dialog_ends_nothing_else(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "200"));
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 4"), 0);
	party_answers(&s.wire, &s.remote, "INVITE", "487 Gone", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "487"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

static void test_rc_7c_a_bye_of_the_caller_before_its_ack(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	close_scene(&s);
}

/* The MSC server: our own 200 is repeated no longer. */
static void test_rc_7c_a_bye_of_the_msc_server_before_its_ack(void **state)
{
	struct scene s;
	struct party msc;
	unsigned heard;

	(void)state;
	open_call(&s, false);
	transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	wire_run(&s.wire, 1600);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 3); /* RF-11: 0, 500, 1500 ms */
	assert_non_null(party_hears(&s.wire, &msc, "200"));
	party_sends(&s.wire, &msc, "BYE", "", "");
	heard = wire_count(&s.wire, MSC, "SIP/2.0 200");
	assert_int_equal(heard, 4);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), heard);
	close_scene(&s);
}

static void test_rc_10d_a_request_that_a_bye_has_overtaken_gets_481(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct scene s;

		open_call(&s, false);
		s.ue.cseq++;
		party_sends(&s.wire, &s.ue, "BYE", "", "");
		if (late)
			party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		s.ue.cseq -= 2;
		party_sends(&s.wire, &s.ue, "INFO", "", "");
		assert_non_null(party_hears(&s.wire, &s.ue, "481"));
		assert_int_equal(wire_count(&s.wire, REMOTE, "INFO"), 0);
		party_sends(&s.wire, &s.remote, "INFO", "", "");
		assert_non_null(party_hears(&s.wire, &s.remote, "481"));
		if (!late)
			party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		close_scene(&s);
	}
}

static void test_rc_11_a_481_to_a_reinvite_ends_the_session(void **state)
{
	static const char *const methods[] = {"INVITE", "UPDATE", "INFO"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		open_call(&s, false);
		party_sends(&s.wire, &s.ue, methods[i], "", SDP_UE);
		party_answers(&s.wire, &s.remote, methods[i], "481 Gone", "", "");
		assert_non_null(party_hears(&s.wire, &s.ue, "481"));
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), i < 2);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		if (i == 0)
			party_sends(&s.wire, &s.ue, "ACK", "", "");
		if (i < 2)
			party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
		else
			hang_up(&s);
		close_scene(&s);
	}
}

/* Its INVITE goes on. */
static void test_rc_11_a_481_on_an_early_dialog_ends_nothing(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "183 Progress", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "183");
	party_sends(&s.wire, &s.remote, "UPDATE", "", SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "UPDATE", "481 Unknown", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "481"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	hang_up(&s);
	close_scene(&s);
}

static void test_rc_14a_no_bye_is_refused_for_its_body(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	party_sends(&s.wire, &s.ue, "BYE", "Content-Encoding: gzip\nRequire: magic\n", "garbage");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_rc_17_a_bye_of_the_callee_does_not_wait_for_the_ack(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "200"));
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_rc_15_a_repeated_bye_gets_the_same_answer(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	s.ue.cseq--;
	s.ue.branch--;
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2);
	assert_string_equal(wire_sent(&s.wire, UE, "SIP/2.0 200", 0),
			    wire_sent(&s.wire, UE, "SIP/2.0 200", 1));
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_a_redirection_passes_back_with_its_contacts(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "302 Moved", "Retry-After: 7\r\n", "");
	assert_non_null(strstr(wire_last(&s.wire, UE, "SIP/2.0 302"),
			       "\r\nContact: <sip:party@127.0.0.1:7100>\r\n"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_as_1_a_bye_is_answered_at_once_and_the_other_leg_gets_its_own),
		T(test_as_1_rc_22a_an_order_sends_a_bye_on_every_leg),
		T(test_rc_1a_byes_that_cross_are_both_answered_200),
		T(test_as_2_the_legs_are_dialogs_of_their_own),
		T(test_as_2_the_invite_is_one_of_our_own),
		T(test_as_2_contact_features_and_route_sets_of_each_side),
		T(test_as_2a_the_invite_goes_out_with_the_rest_of_its_route),
		T(test_as_2b_only_trusted_addresses_are_served),
		T(test_as_2c_a_transfer_invite_with_unknown_requirements_gets_420),
		T(test_rf_2_a_lower_cseq_is_answered_500_and_a_gap_is_in_order),
		T(test_rf_5a_open_requests_get_487_when_their_sender_says_bye),
		T(test_rf_5a_open_requests_of_the_other_side_are_answered_too),
		T(test_rf_5a_many_open_requests_are_all_answered),
		T(test_rf_11_a_passing_2xx_is_repeated_by_the_callee),
		T(test_rf_11_without_ack_the_call_is_given_up),
		T(test_rf_11_an_offer_in_the_2xx_is_answered_in_the_ack),
		T(test_rf_11_an_offer_that_nobody_answers_is_rejected_at_the_release),
		T(test_rf_13b_refreshes_pass_and_without_one_every_leg_gets_a_bye),
		T(test_rf_14_reliable_provisional_responses_and_their_pracks_pass),
		T(test_rf_14_rack_is_renumbered_for_the_other_leg),
		T(test_rf_15_updates_pass_early_and_a_cancel_still_finds_the_invite),
		T(test_rf_15_rc_2_offers_that_cross_get_491_and_a_second_one_500),
		T(test_rf_17a_target_dialog_finds_a_session_whichever_tag_comes_first),
		T(test_rc_3b_a_2xx_to_our_reinvite_after_the_bye_is_acknowledged),
		T(test_rc_4_a_bye_does_not_wait_for_a_reinvite),
		T(test_rc_5a_a_cancel_after_the_200_changes_nothing),
		T(test_rc_5a_rc_9a_a_2xx_that_crosses_our_cancel_gets_ack_and_bye_once),
		T(test_rc_5a_cancel_before_any_answer_waits_for_one),
		T(test_rc_6a_a_bye_of_the_caller_on_an_early_dialog_ends_the_call),
		T(test_rc_6a_a_bye_of_the_callee_on_an_early_dialog_ends_nothing_else),
		T(test_rc_7c_a_bye_of_the_caller_before_its_ack),
		T(test_rc_7c_a_bye_of_the_msc_server_before_its_ack),
		T(test_rc_10d_a_request_that_a_bye_has_overtaken_gets_481),
		T(test_rc_11_a_481_to_a_reinvite_ends_the_session),
		T(test_rc_11_a_481_on_an_early_dialog_ends_nothing),
		T(test_rc_14a_no_bye_is_refused_for_its_body),
		T(test_rc_17_a_bye_of_the_callee_does_not_wait_for_the_ack),
		T(test_rc_15_a_repeated_bye_gets_the_same_answer),
		T(test_a_redirection_passes_back_with_its_contacts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
