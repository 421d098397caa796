/* What goes on after the access has changed, and what meets another offer on the way: session timers (RFC 4028), two
 * handovers of one call (RFC 3261 §14.1), descriptions that continue (RFC 3264 §8). */
#include "access_transfer.h"

#define ATU_STI                      "sip:atu-sti@127.0.0.1:5070"
#define REFRESH_90                   "Session-Expires: 90;refresher=uac\r\n"
#define SDP_VIDEO(name, port, video) SDP_OF(name, port) "m=video " video " RTP/AVP 99\r\n"

struct scene {
	struct wire wire;
	struct party ue, remote, msc;
};

static void open_scene(struct scene *s)
{
	wire_open(&s->wire, transfer_settings);
	transfer_call(&s->wire, &s->ue, &s->remote, "call", REMOTE);
}

static void end_scene(struct scene *s)
{
	party_sends(&s->wire, &s->remote, "BYE", "", "");
	transfer_is_clean(&s->wire);
	transfer_close(&s->wire);
}

/* The UE refreshes at the begin: it is the refresher. */
static void refresh_by_ue(struct scene *s)
{
	party_sends(&s->wire, &s->ue, "UPDATE", "Session-Expires: 90;refresher=uac\n", "");
	party_answers(&s->wire, &s->remote, "UPDATE", "200 OK", REFRESH_90, "");
}

/* INVITE due to ATU-STI with this description. */
static void transfer_by_atcf(struct scene *s, const char *sdp)
{
	char lines[600];

	snprintf(lines, sizeof(lines),
		 "P-Asserted-Identity: " OF_ALICE "\nTarget-Dialog: %s;local-tag=ue;remote-tag=%s\n"
		 "Require: tdialog\n",
		 s->ue.call_id, strstr(s->ue.remote, "tag=") + 4);
	s->msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=atcf", "<sip:atu-sti@ims.example>",
			  ATU_STI, "atcf-call");
	party_sends(&s->wire, &s->msc, "INVITE", lines, sdp);
}

/* Half the interval by half the interval: one UPDATE, no BYE. */
static void is_refreshed_by_us(struct scene *s, unsigned first_after_ms)
{
	for (unsigned i = 0; i < 4; i++) {
		wire_forget(&s->wire);
		wire_run(&s->wire, i ? 44990 : first_after_ms - 10);
		assert_int_equal(wire_count(&s->wire, REMOTE, "UPDATE"), 0);
		wire_run(&s->wire, 20);
		if (wire_count(&s->wire, REMOTE, "UPDATE") != 1)
			fail_msg("refresh %u", i);
		wire_check_header(wire_last(&s->wire, REMOTE, "UPDATE"), "Session-Expires",
				  "90;refresher=uac");
		wire_check_header(wire_last(&s->wire, REMOTE, "UPDATE"), "Content-Length", "0");
		party_answers(&s->wire, &s->remote, "UPDATE", "200 OK", REFRESH_90, "");
	}
	assert_int_equal(wire_count(&s->wire, REMOTE, "BYE"), 0);
	assert_int_equal(wire_count(&s->wire, MSC, "BYE"), 0);
}

/* The ATCF has moved the media, so that nothing goes to the remote party, and the UE that refreshed is gone. */
static void test_rf_13d_after_a_transfer_of_signalling_only(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	refresh_by_ue(&s);
	transfer_by_atcf(&s, SDP_UE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 0);
	is_refreshed_by_us(&s, 45000);
	end_scene(&s);
}

/* The remote party, or who stands in for one without a timer, leaves the refreshing to us. */
static void test_rf_13d_when_the_remote_party_says_so(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	refresh_by_ue(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", REFRESH_90, SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	is_refreshed_by_us(&s, 45000);
	end_scene(&s);
}

/* A refresh that is refused is tried again, one that finds nobody ends the session (RFC 4028 §10). */
static void test_rf_13d_a_refresh_that_fails(void **state)
{
	static const char *const answers[] = {"500 Later", "481 Gone", NULL};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		open_scene(&s);
		refresh_by_ue(&s);
		transfer_by_atcf(&s, SDP_UE);
		assert_non_null(party_hears(&s.wire, &s.msc, "200"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		wire_forget(&s.wire);
		wire_run(&s.wire, 45010);
		assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 1);
		if (answers[i])
			party_answers(&s.wire, &s.remote, "UPDATE", answers[i], "", "");
		if (i == 0) {
			wire_run(&s.wire, 11300);
			assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 2);
			party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", REFRESH_90, "");
			wire_run(&s.wire, 44000);
			assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
		} else {
			wire_run(&s.wire, 32010);
			assert_in_range(wire_count(&s.wire, MSC, "BYE"), 1, 11);
		}
		end_scene(&s);
	}
}

/* Both phones of one call are handed over at once, each in an SCC AS of its own: what is refused waits, and who
 * waits takes the offer of the other. */
static void test_sv_20d_two_handovers_of_one_call(void **state)
{
	struct scene s;
	const char *m;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "491 Request Pending", "", "");
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_OF("remote", "40002"));
	m = wire_last(&s.wire, REMOTE, "SIP/2.0 200");
	assert_non_null(m);
	assert_non_null(strstr(m, "m=audio 30000")); /* what it has had; ours follows */
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	wire_run(&s.wire, 5000); /* not before the ACK */
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 50000"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_OF("remote", "40002"));
	assert_non_null(strstr(party_hears(&s.wire, &s.msc, "200"), "m=audio 40002"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	end_scene(&s);
}

/* @req SV-20
 * INVITE due to ATU-STI before the UE has acknowledged, and what the ATCF offers later in the same dialog. */
static void test_sv_4_the_atcf_takes_over_what_the_ue_owes(void **state)
{
	struct scene s;
	char extra[300];
	const char *m;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	snprintf(extra, sizeof(extra), FROM_S_CSCF, "orig", "alice");
	party_sends(&s.wire, &s.ue, "INVITE", extra, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 0);
	transfer_by_atcf(&s, SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	party_sends(&s.wire, &s.msc, "INVITE", "", SDP_OF("atcf", "30002"));
	m = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(strstr(m, "o=ue 1 2 "));
	assert_non_null(strstr(m, "m=audio 30002"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	end_scene(&s);
}

/* RFC 3264 §8: the streams of a dialog are never fewer, also in a 2xx that offers. */
static void test_sv_20_an_offer_in_the_2xx_has_all_streams(void **state)
{
	struct scene s;
	const char *m;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_VIDEO("ue", "30000", "30002"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "",
		      SDP_VIDEO("remote", "40000", "40002"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "",
		      SDP_VIDEO("remote", "40000", "0"));
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.remote, "INVITE", "", "");
	party_answers(&s.wire, &s.msc, "INVITE", "200 OK", "", SDP_MSC);
	m = wire_last(&s.wire, REMOTE, "SIP/2.0 200");
	assert_non_null(m);
	assert_non_null(strstr(m, "m=audio 50000 "));
	assert_non_null(strstr(m, "m=video 0 "));
	party_sends(&s.wire, &s.remote, "ACK", "", SDP_VIDEO("remote", "40000", "0"));
	end_scene(&s);
}

/* The remote party answers the update, and takes no speech: that is no transfer. */
static void test_sv_20c_an_answer_without_speech(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_answers(
		&s.wire, &s.remote, "INVITE", "200 OK", "",
		"v=0\r\no=remote 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
		"m=audio 0 RTP/AVP 8\r\n");
	assert_non_null(party_hears(&s.wire, &s.msc, "488"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	end_scene(&s);
}

/* RFC 3262 §4: what nobody would acknowledge is not asked for. */
static void test_rf_14c_our_re_invite_asks_for_no_reliable_responses(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	wire_check_header(wire_last(&s.wire, REMOTE, "INVITE"), "Supported", "timer");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	end_scene(&s);
}

/* No request of ours would find its way back. */
static void test_sv_8b_a_transfer_without_contact(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	wire_feed(&s.wire, MSC,
		  "INVITE tel:" STN_SR
		  " SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:8100;branch=z9hG4bKno\n"
		  "Max-Forwards: 70\nFrom: <tel:" ALICE_NUMBER ">;tag=m\nTo: <tel:" STN_SR
		  ">\nCall-ID: m\nCSeq: 1 INVITE\nP-Asserted-Identity: " OF_ALICE
		  "\nContent-Type: application/sdp\nContent-Length: 76\n\n"
		  "v=0\no=m 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 1 "
		  "RTP/AVP 8\n");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 4"), 1);
	assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 400"));
	end_scene(&s);
}

/* An order of the operator in the hold says what the operator says, not what the BYE of the P-CSCF said. */
static void test_rf_12_an_order_in_the_hold_has_its_own_reason(void **state)
{
	struct node_release_order order = {
		.selector = NODE_SELECT_ALL, .status = 480, .reason_text = TEXT("stuck")};
	uint32_t number = 0;
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	assert_int_equal(node_release(s.wire.node, s.wire.now_ms, &order, &number),
			 NODE_RELEASE_ACCEPTED);
	wire_collect(&s.wire);
	wire_run(&s.wire, 10);
	wire_check_header(wire_last(&s.wire, REMOTE, "BYE"), "Reason",
			  "SIP;cause=480;text=\"stuck\"");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	transfer_is_clean(&s.wire);
	transfer_close(&s.wire);
}

/* A Call-ID that comes again and again: bounded, so that no look-up becomes a walk. */
static void test_tx_9_one_call_id_for_every_transfer(void **state)
{
	struct wire wire;

	(void)state;
	wire_open(&wire, transfer_settings);
	for (unsigned i = 0; i <= LIMIT_SESSIONS_OF_CALL_ID; i++) {
		struct party ue, remote, msc;
		char call_id[20];

		snprintf(call_id, sizeof(call_id), "call-%u", i);
		transfer_call(&wire, &ue, &remote, call_id, REMOTE);
		transfer_invite(&wire, &msc, "same", OF_ALICE, "");
		if (i == LIMIT_SESSIONS_OF_CALL_ID) {
			assert_non_null(party_hears(&wire, &msc, "503"));
			party_sends(&wire, &ue, "BYE", "", "");
			party_answers(&wire, &remote, "BYE", "200 OK", "", "");
			break;
		}
		party_answers(&wire, &remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_non_null(party_hears(&wire, &msc, "200"));
		party_sends(&wire, &msc, "ACK", "", "");
		party_sends(&wire, &remote, "BYE", "", "");
		party_answers(&wire, &msc, "BYE", "200 OK", "", "");
		party_answers(&wire, &ue, "BYE", "200 OK", "", "");
		wire_run_quietly(&wire, 100000);
		wire_forget(&wire);
	}
	transfer_is_clean(&wire);
	transfer_close(&wire);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(test_rf_13d_after_a_transfer_of_signalling_only),
		T(test_rf_13d_when_the_remote_party_says_so),
		T(test_rf_13d_a_refresh_that_fails),
		T(test_sv_20d_two_handovers_of_one_call),
		T(test_sv_4_the_atcf_takes_over_what_the_ue_owes),
		T(test_sv_20_an_offer_in_the_2xx_has_all_streams),
		T(test_sv_20c_an_answer_without_speech),
		T(test_rf_14c_our_re_invite_asks_for_no_reliable_responses),
		T(test_sv_8b_a_transfer_without_contact),
		T(test_rf_12_an_order_in_the_hold_has_its_own_reason),
		T(test_tx_9_one_call_id_for_every_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
