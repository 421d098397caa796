/* Calls that ring while their access changes: the UE comes back, answers are under way, the remote party rings on or
 * forks. TS 23.237 §6.3.2.1.4c, §6.3.2.1.4d, TS 24.237 §12.3.3.1; SV-28b to SV-30, SV-61, RF-14. */
#include "alerting_transfer.h"

/* After the transfer the UE comes back; the remote party has not answered that yet. */
static void begin_return(struct scene *s)
{
	transfer_early(s);
	wire_forget(&s->wire);
	party_sends(&s->wire, &s->ue, "UPDATE", REASON_487, SDP_UE);
	assert_int_equal(wire_count(&s->wire, REMOTE, "UPDATE"), 1);
}

/* Answers the INVITE that the remote party got before the wire was forgotten. */
static void remote_says(struct scene *s, const char *invite, const char *status_line,
			const char *tag, const char *lines, const char *sdp)
{
	char via[300], from[300], to[300], call_id[200];

	put_value(invite, "Via", via, sizeof(via));
	put_value(invite, "From", from, sizeof(from));
	put_value(invite, "To", to, sizeof(to));
	put_value(invite, "Call-ID", call_id, sizeof(call_id));
	{
		char bytes[4096];
		int n = snprintf(bytes, sizeof(bytes),
				 "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=%s\r\nCall-ID: "
				 "%s\r\nCSeq: 1 INVITE\r\nContact: <sip:party@127.0.0.1:7100>\r\n"
				 "%s%sContent-Length: %zu\r\n\r\n%s",
				 status_line, via, from, to, tag, call_id, lines,
				 *sdp ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);

		wire_feed_bytes(&s->wire, wire_address(TRANSPORT_UDP, REMOTE), bytes, (size_t)n);
	}
}

static void keep_invite(struct scene *s, char *to, size_t max)
{
	snprintf(to, max, "%s", wire_last(&s->wire, REMOTE, "INVITE"));
}

static void ends_on_source(struct scene *s)
{
	party_sends(&s->wire, &s->ue, "BYE", "", "");
	assert_int_equal(wire_count(&s->wire, REMOTE, "BYE"), 1);
	party_answers(&s->wire, &s->remote, "BYE", "200 OK", "", "");
	close_scene(s);
}

/* ---------------------------------------------------------------- the way back */

/* The usual order of a handover that is cancelled: UPDATE of the UE, CANCEL of the MSC server. */
static void test_sv_61_a_return_that_crosses_the_cancel(void **state)
{
	static const char *const reasons[] = {REASON_487, ""};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;

		call_out(&s, ALERTING, "180 Ringing", NULL);
		begin_return(&s);
		party_sends(&s.wire, &s.msc, "CANCEL", reasons[i], "");
		assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 1);
		wire_run(&s.wire, 40000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 1);
		party_sends(&s.wire, &s.ue, "CANCEL", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
		wire_run(&s.wire, 40000);
		close_scene(&s);
	}
}

/* The MSC server has gone, and the remote party refuses the way back: it gets what the UE had before. */
static void test_sv_61_a_refused_return_after_the_cancel_restores_the_source_leg(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	begin_return(&s);
	party_sends(&s.wire, &s.msc, "CANCEL", REASON_487, "");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.remote, "UPDATE", "491 Request Pending", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 491"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "UPDATE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* @req SV-30  The remote party answers while the call goes back: the UE hears it. */
static void test_sv_61_the_answer_meets_the_return(void **state)
{
	struct scene s;
	char invite[4096];

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	keep_invite(&s, invite, sizeof(invite));
	begin_return(&s);
	remote_says(&s, invite, "200 OK", "of-7100", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2); /* UPDATE, INVITE */
	assert_null(strstr(wire_last(&s.wire, UE, "SIP/2.0 200"), "m=audio"));
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	ends_on_source(&s);
}

/* The same when the call had been answered on the target leg, within the delay of the release. */
static void test_sv_61_a_return_after_the_answer(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 3000);
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "UPDATE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2); /* UPDATE, INVITE */
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	ends_on_source(&s);
}

/* Refused: the call rings on at the MSC server, which hears the answer, whenever it comes. */
static void test_sv_64_a_refused_return_of_a_ringing_call(void **state)
{
	(void)state;
	for (unsigned is_early = 0; is_early < 2; is_early++) {
		struct scene s;
		char invite[4096];

		call_out(&s, ALERTING, "180 Ringing", NULL);
		keep_invite(&s, invite, sizeof(invite));
		begin_return(&s);
		if (is_early)
			remote_says(&s, invite, "200 OK", "of-7100", "", "");
		party_answers(&s.wire, &s.remote, "UPDATE", "491 Request Pending", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 491"), 1);
		if (!is_early)
			remote_says(&s, invite, "200 OK", "of-7100", "", "");
		assert_non_null(party_hears(&s.wire, &s.msc, "200"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		wire_run(&s.wire, 8000);
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 480") > 0, true);
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		end_by_remote(&s);
	}
}

/* It comes while the remote leg is being updated for the MSC server: back at once when that is done, and the
 * source leg is not released by its timer. */
static void test_sv_60_a_return_waits_for_the_early_update(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	invite_of_msc(&s, ALERTING);
	party_sends(&s.wire, &s.ue, "UPDATE", REASON_487, SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 1);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "UPDATE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 2); /* PRACK, UPDATE */
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 487"), 1);
	party_hears(&s.wire, &s.msc, "487");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 48"), 0);
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* After a cancelled transfer the remote party gets the media that the UE had last, not those it began with. */
static void test_sv_50_the_last_media_of_the_source_leg_are_restored(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	party_sends(&s.wire, &s.ue, "UPDATE", "", SDP_OF("ue", "30008"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	transfer_early(&s);
	party_sends(&s.wire, &s.msc, "CANCEL", REASON_487, "");
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "UPDATE"), "m=audio 30008"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	{
		struct node_session_report report;
		char why[4000];
		struct text_writer w = text_writer_on(why, sizeof(why) - 1);

		wire_session(&s.wire, NODE_LIVE, &report);
		ladder_put_why(&w, &report, s.wire.now_ms);
		why[w.len] = '\0';
		assert_null(strstr(why, "transferred to the MSC server"));
		assert_non_null(strstr(why, "the MSC server cancelled it"));
	}
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* ---------------------------------------------------------------- answers of the called UE */

/* The 2xx of the UE while the call is on its way: the caller hears it where it ends. */
static void test_sv_28b_the_ue_answers_during_the_transfer(void **state)
{
	(void)state;
	for (unsigned fails = 0; fails < 2; fails++) {
		struct scene s;

		call_in(&s, ALERTING);
		invite_of_msc(&s, ALERTING);
		party_answers(&s.wire, &s.ue, "INVITE", "200 OK", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "ACK"), 1);
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
		assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 200"), 1); /* PRACK */
		party_answers(&s.wire, &s.remote, "UPDATE", fails ? "488 No" : "200 OK", "",
			      fails ? "" : SDP_REMOTE);
		assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 200"), 2);
		party_sends(&s.wire, &s.remote, "ACK", "", "");
		assert_non_null(party_hears(&s.wire, &s.msc, fails ? "488" : "200"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		if (fails) {
			ends_on_source(&s);
			continue;
		}
		wire_run(&s.wire, 8000);
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
		party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
		end_by_remote(&s);
	}
}

static void test_sv_28b_the_ue_answers_while_it_comes_back(void **state)
{
	struct scene s;
	char invite[4096];

	(void)state;
	call_in(&s, ALERTING);
	snprintf(invite, sizeof(invite), "%s", wire_last(&s.wire, UE, "INVITE"));
	transfer_early(&s);
	party_sends(&s.wire, &s.ue, "UPDATE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.ue, "INVITE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 200"), 2); /* PRACK, INVITE */
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	party_hears(&s.wire, &s.msc, "487");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	ends_on_source(&s);
}

/* ---------------------------------------------------------------- the remote party rings on */

/* @req SV-29c
 * What it says reliably is acknowledged, once, and the MSC server hears that it rings. */
static void test_rf_14c_sv_29c_the_remote_party_rings_after_the_transfer(void **state)
{
	struct scene s;
	char invite[4096];

	(void)state;
	call_out(&s, PRE_ALERTING ALERTING, "183 Session Progress", NULL);
	keep_invite(&s, invite, sizeof(invite));
	transfer_early(&s);
	wire_forget(&s.wire);
	for (unsigned i = 0; i < 3; i++)
		remote_says(&s, invite, "180 Ringing", "of-7100", "Require: 100rel\r\nRSeq: 8\r\n",
			    "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "PRACK"), 1);
	wire_check_header(wire_last(&s.wire, REMOTE, "PRACK"), "RAck", "8 1 INVITE");
	party_answers(&s.wire, &s.remote, "PRACK", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 180"), 1);
	remote_says(&s, invite, "486 Busy Here", "of-7100", "", "");
	assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 486"));
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* The bearer of the UE is lost before its PRACK. */
static void test_rf_14c_the_prack_that_the_ue_owes(void **state)
{
	struct scene s;
	char invite[4096];

	(void)state;
	call_out(&s, ALERTING, "183 Session Progress", NULL);
	keep_invite(&s, invite, sizeof(invite));
	remote_says(&s, invite, "180 Ringing", "of-7100", "Require: 100rel\r\nRSeq: 8\r\n", "");
	transfer_early(&s);
	wire_forget(&s.wire);
	remote_says(&s, invite, "180 Ringing", "of-7100", "Require: 100rel\r\nRSeq: 8\r\n", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "PRACK"), 1);
	/* It was not, after all. */
	party_sends(&s.wire, &s.ue, "PRACK", "RAck: 8 1 INVITE\n", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 200"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "PRACK"), 1);
	remote_says(&s, invite, "486 Busy Here", "of-7100", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* The caller's PRACK for what the UE has said: answered here, and the update waits for it (RFC 3311 §5.1). */
static void test_rf_14c_the_prack_of_the_caller(void **state)
{
	struct scene s;
	char extra[300];

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.remote = party_at(REMOTE, "<sip:bob@ims.example>;tag=remote", "<sip:alice@ims.example>",
			    "sip:alice@127.0.0.1:6100", "call");
	s.ue = (struct party){.port = UE, .features = ALERTING};
	snprintf(extra, sizeof(extra), FROM_S_CSCF "Supported: 100rel\n", "term", "bob");
	party_sends(&s.wire, &s.remote, "INVITE", extra, SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "INVITE", "180 Ringing", RELIABLE, SDP_UE);
	assert_non_null(party_hears(&s.wire, &s.remote, "180"));
	invite_of_msc(&s, ALERTING);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 0);
	party_sends(&s.wire, &s.remote, "PRACK", "RAck: 7 1 INVITE\n", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 200"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "PRACK"), 1);
	assert_int_equal(wire_count(&s.wire, MSC, "PRACK"), 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 1);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "183"));
	party_sends(&s.wire, &s.msc, "PRACK", "RAck: 1 1 INVITE\n", "");
	party_sends(&s.wire, &s.remote, "CANCEL", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* RFC 3262 §3: no 2xx before the PRACK of a 183 with a description. */
static void test_rf_14b_the_answer_waits_for_the_prack_of_the_msc_server(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	invite_of_msc(&s, ALERTING);
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "183"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	wire_run(&s.wire, 600);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 0);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 183"), 2);
	party_sends(&s.wire, &s.msc, "PRACK", "RAck: 1 1 INVITE\n", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 2); /* PRACK, INVITE */
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 8000);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	end_by_remote(&s);
}

/* Offers pass between the remote party and the MSC server while the call rings there. */
static void test_sv_29d_offers_while_it_rings_at_the_msc_server(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_sends(&s.wire, &s.msc, "UPDATE", "", SDP_OF("msc", "50002"));
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "UPDATE"), "m=audio 50002"));
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_non_null(strstr(wire_last(&s.wire, MSC, "SIP/2.0 200"), "m=audio 40000"));
	party_sends(&s.wire, &s.remote, "UPDATE", "", SDP_OF("remote", "40002"));
	assert_non_null(strstr(wire_last(&s.wire, MSC, "UPDATE"), "m=audio 40002"));
	party_answers(&s.wire, &s.msc, "UPDATE", "200 OK", "", SDP_OF("msc", "50002"));
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "SIP/2.0 200"), "m=audio 50002"));
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* Another fork answers than the one whose media were moved: it gets them, and the MSC server a dialog with it. */
static void test_sv_29b_another_fork_answers(void **state)
{
	struct scene s;
	char invite[4096];
	const char *m;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	keep_invite(&s, invite, sizeof(invite));
	remote_says(&s, invite, "180 Ringing", "fork2", "", "");
	transfer_early(&s);
	wire_forget(&s.wire);
	remote_says(&s, invite, "200 OK", "fork2", "", SDP_OF("fork", "41000"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	m = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(m);
	assert_non_null(strstr(m, ";tag=fork2"));
	assert_non_null(strstr(m, "m=audio 50000"));
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 0);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_OF("fork", "41000"));
	m = party_hears(&s.wire, &s.msc, "200");
	assert_non_null(m);
	assert_non_null(strstr(m, "m=audio 41000"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_sends(&s.wire, &s.msc, "BYE", "", "");
	assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "BYE"), ";tag=fork2"));
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* The session timer of a call that was answered after its transfer is refreshed by this server. */
static void test_rf_13d_the_timer_of_a_call_answered_after_the_transfer(void **state)
{
	struct scene s;

	(void)state;
	call_out(&s, ALERTING, "180 Ringing", NULL);
	transfer_early(&s);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK",
		      "Require: timer\r\nSession-Expires: 90;refresher=uac\r\n", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	for (unsigned i = 0; i < 4; i++) {
		wire_forget(&s.wire);
		wire_run(&s.wire, 45000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "UPDATE"), 1);
		wire_check_header(wire_last(&s.wire, REMOTE, "UPDATE"), "Session-Expires",
				  "90;refresher=uac");
		party_answers(&s.wire, &s.remote, "UPDATE", "200 OK",
			      "Session-Expires: 90;refresher=uac\r\n", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	}
	end_by_remote(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test(name)
	const struct CMUnitTest tests[] = {
		T(test_sv_61_a_return_that_crosses_the_cancel),
		T(test_sv_61_a_refused_return_after_the_cancel_restores_the_source_leg),
		T(test_sv_61_the_answer_meets_the_return),
		T(test_sv_61_a_return_after_the_answer),
		T(test_sv_64_a_refused_return_of_a_ringing_call),
		T(test_sv_60_a_return_waits_for_the_early_update),
		T(test_sv_50_the_last_media_of_the_source_leg_are_restored),
		T(test_sv_28b_the_ue_answers_during_the_transfer),
		T(test_sv_28b_the_ue_answers_while_it_comes_back),
		T(test_rf_14c_sv_29c_the_remote_party_rings_after_the_transfer),
		T(test_rf_14c_the_prack_that_the_ue_owes),
		T(test_rf_14c_the_prack_of_the_caller),
		T(test_rf_14b_the_answer_waits_for_the_prack_of_the_msc_server),
		T(test_sv_29d_offers_while_it_rings_at_the_msc_server),
		T(test_sv_29b_another_fork_answers),
		T(test_rf_13d_the_timer_of_a_call_answered_after_the_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
