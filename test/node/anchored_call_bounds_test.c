/* Calls through the SCC AS at their bounds: silence, limits, orders in every state, what is no call. */
#include "anchored_call.h"

static void test_rc_18a_a_silent_callee_is_408_after_timer_b(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	wire_run(&s.wire, 31900);
	assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 100"));
	assert_null(wire_last(&s.wire, UE, "SIP/2.0 4"));
	wire_run(&s.wire, 200);
	assert_non_null(party_hears(&s.wire, &s.ue, "408"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

static void test_timer_c_cancels_a_call_that_rings_for_ever(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 2; answers++) {
		struct scene s;

		open_invite(&s, "", SDP_UE);
		party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
		wire_run(&s.wire, 179000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 0);
		wire_run(&s.wire, 2000);
		assert_true(wire_count(&s.wire, REMOTE, "CANCEL") > 0);
		if (answers)
			answer_cancel(&s, &s.remote);
		else
			wire_run(&s.wire, 33000);
		/* RFC 3261 §16.8: the caller has cancelled nothing. */
		assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 408"));
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		close_scene(&s);
	}
}

static void test_a_callee_that_cannot_be_reached_is_500(void **state)
{
	struct scene s;
	const char *invite;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:b@x>", "sip:b@nowhere.example",
			"call");
	party_sends(&s.wire, &s.ue, "INVITE", "Route: <sip:127.0.0.1:5070;lr>\n", SDP_UE);
	assert_non_null(party_hears(&s.wire, &s.ue, "500"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);

	open_invite(&s, "", SDP_UE);
	invite = wire_last(&s.wire, REMOTE, "INVITE");
	node_feed(s.wire.node, s.wire.now_ms,
		  &(struct node_event){.kind = NODE_EVENT_SEND_FAILED,
				       .peer = wire_address(TRANSPORT_UDP, REMOTE),
				       .bytes = {invite, (uint32_t)strlen(invite)}});
	wire_collect(&s.wire);
	assert_non_null(party_hears(&s.wire, &s.ue, "500"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	close_scene(&s);
}

static void with_max_forwards_0(struct scene *s, struct party *p, const char *method)
{
	wire_feed(&s->wire, p->port,
		  "%s %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKmf-%s\n"
		  "Max-Forwards: 0\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %u %s\n"
		  "Contact: <sip:x@127.0.0.1:%u>\nContent-Length: 0\n\n",
		  method, p->target, p->port, method, p->local, p->remote, p->call_id, ++p->cseq,
		  method, p->port);
}

static void test_max_forwards_0_is_483_and_a_bye_ends_here_anyway(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	with_max_forwards_0(&s, &s.ue, "INVITE");
	assert_non_null(party_hears(&s.wire, &s.ue, "483"));
	close_scene(&s);
	open_call(&s, false);
	with_max_forwards_0(&s, &s.ue, "INFO");
	assert_non_null(party_hears(&s.wire, &s.ue, "483"));
	with_max_forwards_0(&s, &s.remote, "UPDATE");
	assert_non_null(party_hears(&s.wire, &s.remote, "483"));
	with_max_forwards_0(&s, &s.ue, "BYE");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	wire_check_header(wire_last(&s.wire, REMOTE, "BYE"), "Max-Forwards", "70");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_retransmitted_requests_do_nothing_again(void **state)
{
	struct scene s;

	(void)state;
	open_invite(&s, "", SDP_UE);
	s.ue.cseq--;
	s.ue.branch--;
	send_invite(&s, "", SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	assert_int_equal(wire_counters(&s.wire)->sessions, 1);
	party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
	send_invite(&s, "", SDP_UE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 180"), 2);
	party_answers(&s.wire, &s.remote, "INVITE", "600 No", "", "");
	send_invite(&s, "", SDP_UE);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 600"), 2);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "600 No", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	close_scene(&s);
}

static void test_final_answers_of_every_class_pass_back(void **state)
{
	static const char *const lines[] = {"300 Multiple", "401 Who",   "407 Who",
					    "404 No",       "422 Small", "488 No",
					    "500 Bad",      "504 Late",  "603 Decline"};

	(void)state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct scene s;
		char line[40];

		open_invite(&s, "", SDP_UE);
		party_answers(&s.wire, &s.remote, "INVITE", lines[i], "X-Says: why\r\n", "");
		snprintf(line, sizeof(line), "SIP/2.0 %s\r\n", lines[i]);
		wire_check_header(wire_last(&s.wire, UE, line), "X-Says", "why");
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		close_scene(&s);
	}
}

static void test_bodies_and_forms_pass_as_they_are(void **state)
{
	static const char body[] = "--b\r\nContent-Type: application/sdp\r\n\r\n" SDP_UE
				   "\r\n--b\r\nContent-Type: application/pidf+xml\r\n\r\n<a/>\r\n"
				   "--b--\r\n";
	struct scene s;
	const char *invite;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.remote = (struct party){.port = REMOTE};
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	{
		char bytes[3000];
		int n = snprintf(bytes, sizeof(bytes),
				 "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\r\nv: SIP/2.0/UDP "
				 "127.0.0.1:6100;branch=z9hG4bKcompact\r\nf: "
				 "<sip:alice@ims.example>;tag=ue\r\nt: <sip:bob@ims.example>\r\n"
				 "i: call\r\nCSeq: 1 INVITE\r\nMax-Forwards: 5\r\nm: "
				 "<sip:a@127.0.0.1:6100>;+g.3gpp.srvcc-alerting\r\nk: timer\r\n"
				 "x: 1800\r\nSubject: a\r\n folded\r\nc: "
				 "multipart/mixed;boundary=b\r\nl: %zu\r\n\r\n%s",
				 sizeof(body) - 1, body);
		wire_feed_bytes(&s.wire, wire_address(TRANSPORT_UDP, UE), bytes, (size_t)n);
	}
	invite = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(invite);
	assert_non_null(strstr(invite, "\r\nk: timer\r\nx: 1800\r\nSubject: a\r\n folded\r\n"
				       "c: multipart/mixed;boundary=b\r\n"));
	assert_non_null(strstr(invite, body));
	wire_check_header(invite, "Contact", "<sip:127.0.0.1:5070>;+g.3gpp.srvcc-alerting");
	wire_check_header(invite, "Max-Forwards", "4");
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy", "", "");
	assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 486"));
	wire_run(&s.wire, 40000); /* no ACK */
	close_scene(&s);
}

static void test_a_big_message_passes_over_tcp_and_back(void **state)
{
	struct scene s;
	struct endpoint flow = wire_address(TRANSPORT_TCP, UE);
	static char big[9001];
	const char *m;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	wire_open(&s.wire, transfer_settings);
	s.wire.settings.stream_above_bytes = 1300;
	flow.flow = 7;
	wire_feed_from(&s.wire, flow,
		       "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/TCP "
		       "127.0.0.1:6100;branch=z9hG4bKbig\nMax-Forwards: 70\nFrom: "
		       "<sip:alice@ims.example>;tag=ue\nTo: <sip:bob@ims.example>\nCall-ID: call\n"
		       "CSeq: 1 INVITE\nContact: <sip:a@127.0.0.1:6100;transport=tcp>\nX-Big: "
		       "%.4000s\nContent-Type: text/plain\nContent-Length: %zu\n\n%s",
		       big, strlen(big), big);
	m = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(m);
	assert_int_equal(s.wire.out[s.wire.n_out - 1].to.transport, TRANSPORT_TCP);
	wire_check_header(m, "Contact", "<sip:127.0.0.1:5070;transport=tcp>");
	assert_non_null(strstr(m, big));
	wire_answer(&s.wire, REMOTE, m, "200 OK", "r",
		    "Contact: <sip:bob@127.0.0.1:7100;transport=tcp>\n");
	assert_int_equal(s.wire.out[s.wire.n_out - 1].to.flow, 7);
	assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 200"));
	release(&s, 480);
	wire_run(&s.wire, 200000);
	close_scene(&s);
}

static void test_what_is_no_call(void **state)
{
	static const struct {
		const char *method, *status;
	} rows[] = {{"OPTIONS", "200"},   {"MESSAGE", "405"},  {"REGISTER", "200"},
		    {"BYE", "481"},       {"UPDATE", "481"},   {"PRACK", "481"},
		    {"SUBSCRIBE", "405"}, {"SOMETHING", "405"}};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		wire_open(&s.wire, transfer_settings);
		s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
				"sip:127.0.0.1:5070", "call");
		party_sends(&s.wire, &s.ue, rows[i].method, "", "");
		assert_non_null(party_hears(&s.wire, &s.ue, rows[i].status));
		assert_int_equal(s.wire.n_out, 1);
		if (rows[i].status[0] == '4' && rows[i].status[2] == '5')
			assert_non_null(strstr(s.wire.out[0].bytes, "\r\nAllow: INVITE"));
		close_scene(&s);
	}
}

static void test_options_inside_a_dialog_is_answered_here(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	party_sends(&s.wire, &s.ue, "OPTIONS", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	hang_up(&s);
	close_scene(&s);
}

static void test_more_record_routes_than_can_be_kept_are_refused(void **state)
{
	struct scene s;
	char many[7000] = "", long_one[5000];

	(void)state;
	for (unsigned i = 0; i < 65; i++)
		strcat(many, "Record-Route: <sip:r;lr>\n");
	wire_open(&s.wire, transfer_settings);
	wire_feed(&s.wire, UE,
		  "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKmany\nMax-Forwards: 70\n%sFrom: <sip:a@x>;tag=a\n"
		  "To: <sip:b@x>\nCall-ID: many\nCSeq: 1 INVITE\nContact: <sip:a@127.0.0.1:6100>\n"
		  "Content-Length: 0\n\n",
		  many);
	assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 400"));
	memset(long_one, 'r', sizeof(long_one) - 1);
	long_one[4900] = 0;
	wire_feed(&s.wire, UE,
		  "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKlong\nMax-Forwards: 70\nRecord-Route: "
		  "<sip:%s;lr>\nFrom: <sip:a@x>;tag=a\n"
		  "To: <sip:b@x>\nCall-ID: many\nCSeq: 1 INVITE\nContact: <sip:a@127.0.0.1:6100>\n"
		  "Content-Length: 0\n\n",
		  long_one);
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 500"), 1);
	close_scene(&s);
}

static void test_a_long_to_value_comes_back_whole(void **state)
{
	struct scene s;
	char name[3001], to[3100], got[4000], via[200], from[200], call_id[200];
	const char *invite;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	wire_open(&s.wire, transfer_settings);
	wire_feed(&s.wire, UE,
		  "INVITE sip:bob@127.0.0.1:7100 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKname\nMax-Forwards: 70\nFrom: <sip:a@x>;tag=a\n"
		  "To: \"%s\" <sip:b@x>\nCall-ID: name\nCSeq: 1 INVITE\nContact: "
		  "<sip:a@127.0.0.1:6100>\nContent-Length: 0\n\n",
		  name);
	invite = wire_last(&s.wire, REMOTE, "INVITE");
	put_value(invite, "Via", via, sizeof(via));
	put_value(invite, "From", from, sizeof(from));
	put_value(invite, "Call-ID", call_id, sizeof(call_id));
	wire_feed(&s.wire, REMOTE,
		  "SIP/2.0 486 Busy\nVia: %s\nFrom: %s\nTo: \"%s\" <sip:b@x>;tag=r\nCall-ID: %s\n"
		  "CSeq: 1 INVITE\nContent-Length: 0\n\n",
		  via, from, name, call_id);
	snprintf(to, sizeof(to), "\"%s\" <sip:b@x>;tag=ad-", name);
	assert_non_null(
		wire_header(wire_last(&s.wire, UE, "SIP/2.0 486"), "To", 0, got, sizeof(got)));
	assert_memory_equal(got, to, strlen(to));
	wire_run(&s.wire, 40000);
	close_scene(&s);
}

/* ---------------------------------------------------------------- orders */

static void test_as_1_an_order_releases_a_call_in_every_state(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct scene s;

		if (i < 3) { /* invited, ringing, answered */
			open_invite(&s, "", SDP_UE);
			if (i == 1)
				party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
			if (i == 2) {
				party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "",
					      SDP_REMOTE);
				party_hears(&s.wire, &s.ue, "200");
			}
		} else {
			open_call(&s, i == 4);
		}
		if (i == 4) { /* held: the source leg is gone */
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		}
		release(&s, 503);
		assert_int_equal(wire_counters(&s.wire)->sessions_releasing, 1);
		if (i < 2) {
			assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 503"), 1);
			party_sends(&s.wire, &s.ue, "ACK", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), i);
			if (i == 0)
				party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
			assert_non_null(
				strstr(wire_last(&s.wire, REMOTE, "CANCEL"), "SIP;cause=503"));
			answer_cancel(&s, &s.remote);
		} else {
			assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
			assert_non_null(strstr(wire_last(&s.wire, REMOTE, "BYE"), "cause=503"));
			if (i == 2) { /* RF-3 */
				assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
				party_sends(&s.wire, &s.ue, "ACK", "", "");
			}
			assert_int_equal(wire_count(&s.wire, UE, "BYE"), i != 4);
			if (i != 4)
				party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
			party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		}
		assert_int_equal(wire_counters(&s.wire)->sessions_releasing, 0);
		close_scene(&s);
	}
}

static void test_rf_7_byes_that_nobody_answers_end_the_session_all_the_same(void **state)
{
	struct scene s;

	(void)state;
	open_call(&s, false);
	release(&s, 480);
	wire_run(&s.wire, 31900);
	assert_int_equal(wire_counters(&s.wire)->sessions, 1);
	assert_true(wire_count(&s.wire, UE, "BYE") > 5);
	wire_run(&s.wire, 200);
	assert_int_equal(wire_counters(&s.wire)->sessions, 0);
	close_scene(&s);
}

static void test_draining_refuses_new_calls_and_keeps_the_old(void **state)
{
	struct scene s;
	struct party ue, remote, msc;

	(void)state;
	open_call(&s, false);
	ue = s.ue;
	remote = s.remote;
	node_set_draining(s.wire.node, true);
	transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &remote, "INVITE", "488 No", "", "");
	party_sends(&s.wire, &msc, "ACK", "", "");
	wire_forget(&s.wire);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue2", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call-2");
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
	assert_non_null(strstr(party_hears(&s.wire, &s.ue, "503"), "\r\nRetry-After: "));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	s.ue = ue;
	s.remote = remote;
	hang_up(&s);
	close_scene(&s);
}

static void test_closing_with_live_sessions_sends_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct scene s;
		struct party msc;

		open_call(&s, i & 1);
		if (i == 1)
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		if (i == 2)
			party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
		if (i >= 3)
			transfer_invite(&s.wire, &msc, "msc", OF_ALICE, "");
		if (i >= 4)
			party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		if (i == 5)
			release(&s, 480);
		assert_int_equal(wire_counters(&s.wire)->sessions, 1);
		wire_forget(&s.wire);
		transfer_close(&s.wire);
		assert_int_equal(s.wire.n_out, 0);
	}
}

/* ---------------------------------------------------------------- limits */

static void few_sessions(struct node_settings *s)
{
	transfer_settings(s);
	s->sessions_max = 2;
}

static void few_transactions(struct node_settings *s)
{
	transfer_settings(s);
	s->transactions_max = 2;
}

static void call_number(struct scene *s, unsigned i)
{
	char call_id[40];

	snprintf(call_id, sizeof(call_id), "call-%u", i);
	s->ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			 "sip:bob@127.0.0.1:7100", call_id);
	party_sends(&s->wire, &s->ue, "INVITE",
		    "P-Served-User: <sip:alice@ims.example>;sescase=orig\n", SDP_UE);
}

static void test_a_full_server_says_503(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct scene s;

		wire_open(&s.wire, i ? few_transactions : few_sessions);
		for (unsigned n = 0; n < 3; n++)
			call_number(&s, n);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 503"), 1);
		assert_int_equal(wire_counters(&s.wire)->sessions, 2);
		for (unsigned n = 0; n < 2; n++)
			wire_answer(&s.wire, REMOTE, wire_sent(&s.wire, REMOTE, "INVITE", n),
				    "486 Busy", "r", "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 486"), 2);
		wire_run_quietly(&s.wire, 100000);
		call_number(&s, 9);
		wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, "INVITE"), "486 Busy", "r",
			    "");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 486"), 1);
		close_scene(&s);
	}
}

/* The call goes on; it cannot be transferred. */
static void test_a_user_has_64_sessions_that_can_be_transferred(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	for (unsigned i = 0; i < 66; i++) {
		call_number(&s, i);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
		assert_int_equal(wire_counters(&s.wire)->lost_memory, i < 64 ? 0 : i - 63);
		wire_forget(&s.wire);
	}
	assert_int_equal(wire_counters(&s.wire)->sessions_anchored, 66);
	wire_release_all(&s.wire, 480);
	wire_run_quietly(&s.wire, 300000);
	close_scene(&s);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_rc_18a_a_silent_callee_is_408_after_timer_b),
		T(test_timer_c_cancels_a_call_that_rings_for_ever),
		T(test_a_callee_that_cannot_be_reached_is_500),
		T(test_max_forwards_0_is_483_and_a_bye_ends_here_anyway),
		T(test_retransmitted_requests_do_nothing_again),
		T(test_final_answers_of_every_class_pass_back),
		T(test_bodies_and_forms_pass_as_they_are),
		T(test_a_big_message_passes_over_tcp_and_back),
		T(test_what_is_no_call),
		T(test_options_inside_a_dialog_is_answered_here),
		T(test_more_record_routes_than_can_be_kept_are_refused),
		T(test_a_long_to_value_comes_back_whole),
		T(test_as_1_an_order_releases_a_call_in_every_state),
		T(test_rf_7_byes_that_nobody_answers_end_the_session_all_the_same),
		T(test_draining_refuses_new_calls_and_keeps_the_old),
		T(test_closing_with_live_sessions_sends_nothing),
		T(test_a_full_server_says_503),
		T(test_a_user_has_64_sessions_that_can_be_transferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
