/* What the operator sees of sessions of the SCC AS: legs, transfer, the sentence for each verdict, the ladders. */
#include "access_transfer.h"

static char text[65536];

struct scene {
	struct wire wire;
	struct party ue, remote, msc;
};

static void open_scene(struct scene *s)
{
	wire_open(&s->wire, transfer_settings);
	transfer_call(&s->wire, &s->ue, &s->remote, "call", REMOTE);
}

static void close_scene(struct scene *s)
{
	transfer_is_clean(&s->wire);
	transfer_close(&s->wire);
}

static void look(struct scene *s, struct node_session_report *r)
{
	uint64_t cursor = 0;

	if (node_sessions(s->wire.node, NODE_LIVE, (struct text){0}, 1000, &cursor, r))
		return;
	cursor = 0;
	assert_true(node_sessions(s->wire.node, NODE_GONE, (struct text){0}, 1000, &cursor, r));
}

static const char *why(struct scene *s)
{
	struct text_writer w = text_writer_on(text, sizeof(text) - 1);
	struct node_session_report r;

	look(s, &r);
	ladder_put_why(&w, &r, s->wire.now_ms);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static const char *ladder(struct scene *s)
{
	struct text_writer w = text_writer_on(text, sizeof(text) - 1);
	struct node_session_report r;

	look(s, &r);
	ladder_put(&w, &r, 0);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static void check_has(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("no \"%s\" in:\n%s", what, where);
}

static void check_has_not(const char *where, const char *what)
{
	if (strstr(where, what))
		fail_msg("\"%s\" in:\n%s", what, where);
}

static enum transfer_verdict verdict(struct scene *s)
{
	struct node_session_report r;

	look(s, &r);
	return r.transfer.verdict;
}

static void transfer(struct scene *s)
{
	transfer_invite(&s->wire, &s->msc, "msc-call", OF_ALICE, "");
	party_answers(&s->wire, &s->remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s->wire, &s->msc, "200"));
	party_sends(&s->wire, &s->msc, "ACK", "", "");
}

static void remote_hangs_up(struct scene *s, struct party *other)
{
	party_sends(&s->wire, &s->remote, "BYE", "", "");
	party_answers(&s->wire, other, "BYE", "200 OK", "", "");
}

static void check_holds(struct scene *s, unsigned begun, unsigned kept, unsigned released)
{
	const struct node_counters *c = node_counters(s->wire.node);

	assert_int_equal(c->holds, begun);
	assert_int_equal(c->holds_kept, kept);
	assert_int_equal(c->holds_released, released);
}

/* ---------------------------------------------------------------- the report */

static void check_found(struct scene *s, struct text call_id)
{
	struct node_session_id by_call_id;
	struct node_session_report r;

	look(s, &r);
	assert_true(node_session_by_call_id(s->wire.node, call_id, &by_call_id));
	assert_true(handle_equal(by_call_id.handle, r.id.handle));
}

static void test_a_report_has_the_three_legs(void **state)
{
	struct scene s;
	struct node_session_report r;
	struct node_session_id id;

	(void)state;
	open_scene(&s);
	look(&s, &r);
	assert_true(r.is_anchored);
	assert_int_equal(r.n_dialogs, 2);
	assert_int_equal(r.n_dialogs_shown, 0);
	assert_string_equal(r.legs[TARGET_ACCESS_LEG].state, "unused");
	transfer(&s);
	look(&s, &r);
	assert_int_equal(r.n_dialogs, 3);
	assert_string_equal(r.legs[SOURCE_ACCESS_LEG].name, "source access leg");
	assert_string_equal(r.legs[REMOTE_LEG].state, "established");
	assert_true(text_equal(r.legs[SOURCE_ACCESS_LEG].call_id, TEXT("call")));
	assert_true(text_equal(r.legs[SOURCE_ACCESS_LEG].remote_tag, TEXT("ue")));
	assert_true(text_equal(r.legs[REMOTE_LEG].call_id, text_of(s.remote.call_id)));
	assert_true(text_equal(r.legs[REMOTE_LEG].remote_target, TEXT("sip:party@127.0.0.1:7100")));
	assert_int_equal(r.legs[REMOTE_LEG].local_cseq, 2);
	assert_int_equal(r.legs[REMOTE_LEG].remote_cseq, 0);
	assert_true(text_equal(r.legs[TARGET_ACCESS_LEG].call_id, TEXT("msc-call")));
	assert_int_equal(r.transfer.state, TRANSFER_DONE);
	assert_int_equal(r.transfer.verdict, VERDICT_TRANSFERRED);
	for (unsigned i = 0; i < ANCHORED_LEGS; i++)
		check_found(&s, r.legs[i].call_id);
	assert_false(node_session_by_call_id(s.wire.node, TEXT("nobody"), &id));
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	remote_hangs_up(&s, &s.msc);
	look(&s, &r);
	assert_int_equal(r.state, SESSION_ENDED);
	check_found(&s, r.legs[TARGET_ACCESS_LEG].call_id); /* ended, and remembered */
	close_scene(&s);
}

static void test_the_user_filter_finds_anchored_sessions(void **state)
{
	static const struct {
		const char *user;
		bool is_found;
	} rows[] = {{"sip:alice@ims.example", true}, {"sip:carol@ims.example", false}};
	struct scene s;

	(void)state;
	open_scene(&s);
	for (unsigned i = 0; i < 2; i++) {
		struct node_session_report r;
		uint64_t cursor = 0;

		assert_int_equal(node_sessions(s.wire.node, NODE_LIVE, text_of(rows[i].user), 1000,
					       &cursor, &r),
				 rows[i].is_found);
	}
	remote_hangs_up(&s, &s.ue);
	close_scene(&s);
}

static void test_the_served_party_is_the_ue(void **state)
{
	struct scene s;
	struct node_session_report r;
	char bytes[24];

	(void)state;
	for (unsigned is_called = 0; is_called < 2; is_called++) {
		wire_open(&s.wire, transfer_settings);
		(is_called ? transfer_call_to : transfer_call)(&s.wire, &s.ue, &s.remote, "call",
							       REMOTE);
		look(&s, &r);
		assert_string_equal(node_leg_name(&r, is_called ? 2 : 1, bytes, sizeof(bytes)),
				    "UE");
		assert_string_equal(node_leg_name(&r, is_called ? 1 : 2, bytes, sizeof(bytes)),
				    "remote party");
		assert_string_equal(node_leg_name(&r, 3, bytes, sizeof(bytes)), "MSC server");
		remote_hangs_up(&s, &s.ue);
		close_scene(&s);
	}
}

/* ---------------------------------------------------------------- the sentences */

static void test_sv_41_why_kept(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	wire_run(&s.wire, 1000);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	check_holds(&s, 1, 0, 0);
	wire_run(&s.wire, 3000);
	check_has(why(&s), "BYE (503) on the source access leg 3.000 s ago: the remote leg is held "
			   "for 5.000 s more, window 8 s (TS 24.237 §12.3.3.2).\nIt has not ended");
	wire_run(&s.wire, 4912);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	check_has(why(&s), "held for 0.088 s more");
	check_has(why(&s), "INVITE due to STN-SR 0.000 s ago: updating the remote leg");
	wire_run(&s.wire, 100); /* the window is over, and the transfer decides */
	check_holds(&s, 1, 0, 0);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	check_holds(&s, 1, 1, 0);
	check_has(why(&s), "INVITE due to STN-SR 7.912 s after BYE (503), window 8 s: kept "
			   "(TS 24.237 §12.3.3.2).\nIt has not ended: confirmed for ");
	assert_int_equal(verdict(&s), VERDICT_KEPT);
	remote_hangs_up(&s, &s.msc);
	check_has(why(&s),
		  ": kept (TS 24.237 §12.3.3.2).\nThe called party hung up (BYE at 9.012 s) (TS "
		  "24.229 §5.7.5).\n  UE: BYE with CSeq 2 to us, after 1.000 s\n");
	check_has(text, "  MSC server: BYE with CSeq 1, after ");
	check_has(why(&s), "  MSC server: 200 to BYE, after ");
	check_holds(&s, 1, 1, 0);
	close_scene(&s);
}

static void test_sv_42_why_released(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 8000);
	check_has(why(&s), "No INVITE due to STN-SR within 8 s after BYE (503): remote leg "
			   "released (TS 24.237 §12.3.3.2).\nIt ends: ");
	check_has(text, "It waits for:\n  the remote party: BYE of ours at 8.000 s, unanswered for "
			"0.000 s; given up in 32.000 s (Timer F).\n");
	check_holds(&s, 1, 0, 1);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s), "released (TS 24.237 §12.3.3.2).\nThe UE had lost its access, and the "
			   "call was not transferred (TS 24.237 §12.3.3.2).\n  UE: BYE ");
	check_has(why(&s), "  remote party: 200 to BYE, after 8.");
	assert_int_equal(verdict(&s), VERDICT_WINDOW_OVER);
	check_holds(&s, 1, 0, 1);
	close_scene(&s);
}

static void test_sv_45_why_a_lost_dialog_was_held(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "INVITE", "481 Gone", "", "");
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	check_has(ladder(&s), "~~ access lost: remote leg held for 8 s ~~");
	wire_run(&s.wire, 8000);
	check_has(why(&s), "within 8 s after 481 (or silence): remote leg released");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_sv_43_why_says_the_window_of_the_operator(void **state)
{
	static const struct {
		uint32_t ms;
		const char *expected;
	} rows[] = {{300, "within 0.3 s after"},
		    {250, "within 0.25 s after"},
		    {1005, "within 1.005 s after"},
		    {20000, "within 20 s after"}};
	struct scene s;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_scene(&s);
		s.wire.settings.sccas.bye_hold_ms = rows[i].ms;
		node_set_settings(s.wire.node, &s.wire.settings);
		party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		wire_run(&s.wire, rows[i].ms);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		check_has(why(&s), rows[i].expected);
		close_scene(&s);
	}
}

static void test_sv_47_why_only_the_source_leg_ended(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	check_has(why(&s), " after the call began: transferred to the MSC server (TS 24.237 "
			   "§12.3.1).\nThe source access leg is released in 8.000 s, at 8.000 s, "
			   "unless the UE returns (TS 24.237 §12.3.1).\nIt has not ended");
	wire_run(&s.wire, 310);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	check_has(why(&s), "BYE (503) of the source access leg 0.310 s after the INVITE due to "
			   "STN-SR: only that leg ended (TS 24.237 §12.3.3.2).\nIt has not ended");
	check_holds(&s, 0, 0, 0);
	party_sends(&s.wire, &s.msc, "BYE", "", "");
	check_has(why(&s), "It is ending. The MSC server hung up (BYE at 0.310 s).\n");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s), "The MSC server hung up (BYE at 0.310 s) (TS 24.229 §5.7.5).\n");
	close_scene(&s);
}

static void test_sv_48_why_not_held(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s), "BYE without 503 on the source access leg: not held (TS 24.229 §5.7.5)."
			   "\nThe calling party hung up (BYE at 0.000 s) (TS 24.229 §5.7.5).\n");
	check_holds(&s, 0, 0, 0);
	close_scene(&s);
}

static void test_sv_49_why_not_held_though_503(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	s.wire.settings.sccas.bye_hold_ms = 0;
	node_set_settings(s.wire.node, &s.wire.settings);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s), "BYE (503) on the source access leg: not held, since ");
	close_scene(&s);
}

static void test_sv_61_why_the_ue_came_back(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	wire_run(&s.wire, 2100);
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	check_has(why(&s), "INVITE due to STN-SR 2.100 s ago: returning (");
	wire_run(&s.wire, 20);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	check_has(why(&s), "The UE came back 2.100 s after the transfer: back on the source access "
			   "leg (TS 24.237 §12.3.3.1).\nIt has not ended");
	wire_run(&s.wire, 1000); /* a further transfer fails */
	transfer_invite(&s.wire, &s.msc, "msc-call-2", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "", "");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	check_has(why(&s), "INVITE due to STN-SR 3.120 s after the call began, but the transfer "
			   "failed (488): the call stayed on the source access leg");
	wire_run(&s.wire, 1000); /* then it is lost after all, and no INVITE comes any more */
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 8000);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s),
		  "\nNo INVITE due to STN-SR within 8 s after BYE (503): remote leg released");
	check_has(why(&s), "3.120 s after the call began, but the transfer failed (488)");
	close_scene(&s);
}

static void test_sv_50_why_the_remote_party_did_not_wait(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 2000);
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	check_has(why(&s),
		  "BYE (503) on the source access leg, remote leg held, window 8 s: the call "
		  "ended before it was decided (TS 24.237 §12.3.3.2).\nThe called party hung "
		  "up (BYE at 2.000 s) (TS 24.229 §5.7.5).\n");
	check_holds(&s, 1, 0, 0);
	close_scene(&s);
}

static void test_sv_60_why_the_ue_came_back_during_the_transfer(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	wire_run(&s.wire, 10);
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.msc, "200");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	party_hears(&s.wire, &s.ue, "200");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	check_has(why(&s), "The UE came back 0.010 s after the INVITE due to STN-SR: back on");
	remote_hangs_up(&s, &s.ue);
	close_scene(&s);
}

static void test_sv_64_why_the_ue_could_not_come_back(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	wire_run(&s.wire, 500);
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "", "");
	party_hears(&s.wire, &s.ue, "488");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	check_has(why(&s),
		  "The UE came back 0.500 s after the transfer, but its media stayed on the "
		  "target access leg (TS 24.237 §12.3.3.1).\n");
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	remote_hangs_up(&s, &s.msc);
	close_scene(&s);
}

static void test_sv_50_why_a_transfer_failed(void **state)
{
	static const char *const expected[] = {
		"INVITE due to STN-SR 2.310 s after BYE (503), window 8 s, but the transfer failed "
		"(488): remote leg released (TS 24.237 §12.3.3.2).\n",
		"BYE (503) of the source access leg 1.000 s after the INVITE due to STN-SR, window "
		"8 s, "
		"but the MSC server cancelled it: remote leg released (TS 24.237 §12.3.3.2).\n",
	};
	struct scene s;

	(void)state;
	for (unsigned is_bye_last = 0; is_bye_last < 2; is_bye_last++) {
		open_scene(&s);
		if (!is_bye_last) {
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
			wire_run(&s.wire, 2310);
			transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
			party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "",
				      "");
		} else {
			transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
			wire_run(&s.wire, 1000);
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
			party_sends(&s.wire, &s.msc, "CANCEL", "", "");
			party_answers(&s.wire, &s.remote, "INVITE", "487 Request Terminated", "",
				      "");
		}
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		check_has(why(&s), "One INVITE due to STN-SR has failed: ");
		check_has(text, "It has not ended"); /* until the window is over */
		wire_run(&s.wire, 8000);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		check_has(why(&s), expected[is_bye_last]);
		check_holds(&s, 1, 0, 1);
		close_scene(&s);
	}
}

static void test_sv_8_why_a_transfer_failed_and_the_call_went_on(void **state)
{
	struct scene s;
	const char *failed =
		" after the call began, but the transfer failed (488): the call stayed "
		"on the source access leg (TS 24.237 §12.3.1).\n";

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "", "");
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	check_has(why(&s), failed);
	check_has(why(&s), "It has not ended");
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	check_has(why(&s), failed);
	check_has(why(&s), "BYE without 503 on the source access leg: not held");
	close_scene(&s);
}

static void test_sv_9_why_another_session_was_transferred(void **state)
{
	struct scene s;
	struct party ue2, other;

	(void)state;
	open_scene(&s);
	wire_run(&s.wire, 1000);
	transfer_call(&s.wire, &ue2, &other, "call-2", OTHER);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	party_answers(&s.wire, &other, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	party_sends(&s.wire, &ue2, "BYE", "", "");
	party_sends(&s.wire, &other, "BYE", "", "");
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	check_has(why(&s),
		  "Another session of the user was transferred, and this one could not stay "
		  "behind (TS 24.237 §12.3.2).\n");
	close_scene(&s);
}

static void test_why_an_order_released_it(void **state)
{
	struct scene s;
	struct node_release_progress p;
	uint32_t order;

	(void)state;
	open_scene(&s);
	order = wire_release_all(&s.wire, 503);
	wire_run(&s.wire, 100);
	check_has(why(&s), "The network releases it: the operator ordered it ");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "481 Gone", "", "");
	assert_true(node_release_progress(s.wire.node, order, &p));
	assert_false(p.running);
	assert_int_equal(p.ended, 1);
	assert_int_equal(p.legs_2xx, 1);
	assert_int_equal(p.legs_481, 1);
	check_has(why(&s), "The network released it: the operator ordered it ");
	check_has(text, "  UE: 200 to BYE, after ");
	check_has(why(&s), "  remote party: 481 to BYE, after ");
	close_scene(&s);
}

static void test_rc_12_why_a_leg_never_answered(void **state)
{
	struct scene s;
	const char *once;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	wire_run(&s.wire, 40000);
	check_has(why(&s),
		  "  remote party: BYE sent at 0.000 s, never answered, given up at 32.000 s (");
	once = strstr(text, "never answered");
	check_has_not(once + 1, "never answered");
	close_scene(&s);
}

/* ---------------------------------------------------------------- ladders */

/* What stands below the names: without the heading, whose id and Call-ID are drawn by lot. */
static const char *steps(const char *of)
{
	const char *at = strstr(of, "\n\n");

	assert_non_null(at);
	return at + 2;
}

static void check_ladder(struct scene *s, const char *expected)
{
	const char *got = steps(ladder(s));

	if (strncmp(got, expected, strlen(expected)) != 0) {
		fputs(got, stderr);
		fail_msg("expected\n%s", expected);
	}
}

static void test_sv_41_ladder_of_the_race_won(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	wire_run(&s.wire, 1000);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 7912);
	transfer(&s);
	wire_run(&s.wire, 1000);
	remote_hangs_up(&s, &s.msc);
	/* clang-format off */
	check_ladder(&s,
		"             UE                    adieu (SCC AS)               remote party                 MSC server\n"
		"              |                           |                           |                           |\n"
		"      0.000   |-- INVITE (1) ------------>|-- INVITE (1) ------------>|                           |   TS 24.237 §7.3\n"
		"      0.000   |<- 180 (INVITE) -----------|<- 180 (INVITE) -----------|                           |\n"
		"      0.000   |<- 200 (INVITE) -----------|<- 200 (INVITE) -----------|                           |\n"
		"      0.000   |-- ACK (1) --------------->|-- ACK (1) --------------->|                           |\n"
		"      1.000   |-- BYE (2) SIP;cause=503 ->|                           |                           |\n"
		"      1.000   |<- 200 (BYE) --------------|                           |                           |\n"
		"      1.000   | ~~ BYE with SIP;cause=503: remote leg held for 8 s ~~ |                           |   TS 24.237 §12.3.3.2\n"
		"      8.912   |                           |<----------------------------- INVITE (1) -------------|   TS 24.237 §12.3.1\n"
		"      8.912   |                           |-- INVITE (2) ------------>|                           |   TS 24.237 §12.3.1\n"
		"      8.912   |                           |<- 200 (INVITE) -----------|                           |\n"
		"      8.912   |                           |-- ACK (2) --------------->|                           |\n"
		"      8.912   |                           |------------------------------ 200 (INVITE) ---------->|   TS 24.237 §12.3.1\n"
		"      8.912   |                           |<----------------------------- ACK (1) ----------------|\n"
		"      9.912   |                           |<- BYE (1) ----------------|                           |\n"
		"      9.912   |                           |-- 200 (BYE) ------------->|                           |\n"
		"      9.912   |                           |------------------------------ BYE (1) --------------->|   TS 24.229 §5.7.5\n"
		"      9.912   |                           |<----------------------------- 200 (BYE) --------------|   RFC 3261 §15.1.1\n"
		"      9.912   | * session over: BYE of the called party               |                           |   TS 24.229 §5.7.5\n");
	/* clang-format on */
	close_scene(&s);
}

static void test_sv_42_ladder_of_the_race_lost(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	wire_run(&s.wire, 1000);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 8000);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	/* clang-format off */
	check_ladder(&s,
		"             UE                    adieu (SCC AS)               remote party\n"
		"              |                           |                           |\n"
		"      0.000   |-- INVITE (1) ------------>|-- INVITE (1) ------------>|   TS 24.237 §7.3\n"
		"      0.000   |<- 180 (INVITE) -----------|<- 180 (INVITE) -----------|\n"
		"      0.000   |<- 200 (INVITE) -----------|<- 200 (INVITE) -----------|\n"
		"      0.000   |-- ACK (1) --------------->|-- ACK (1) --------------->|\n"
		"      1.000   |-- BYE (2) SIP;cause=503 ->|                           |\n"
		"      1.000   |<- 200 (BYE) --------------|                           |\n"
		"      1.000   | ~~ BYE with SIP;cause=503: remote leg held for 8 s ~~ |   TS 24.237 §12.3.3.2\n"
		"      9.000   | ~~ 8 s are over: no transfer came about ~~            |   TS 24.237 §12.3.3.2\n"
		"      9.000   |                           |-- BYE (2) SIP;cause=503 ->|   TS 24.237 §12.3.3.2\n"
		"      9.000   |                           |<- 200 (BYE) --------------|   RFC 3261 §15.1.1\n"
		"      9.000   | * session over: access lost and not transferred       |   TS 24.237 §12.3.3.2\n");
	/* clang-format on */
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_report_has_the_three_legs),
		cmocka_unit_test(test_the_user_filter_finds_anchored_sessions),
		cmocka_unit_test(test_the_served_party_is_the_ue),
		cmocka_unit_test(test_sv_41_why_kept),
		cmocka_unit_test(test_sv_42_why_released),
		cmocka_unit_test(test_sv_45_why_a_lost_dialog_was_held),
		cmocka_unit_test(test_sv_43_why_says_the_window_of_the_operator),
		cmocka_unit_test(test_sv_47_why_only_the_source_leg_ended),
		cmocka_unit_test(test_sv_48_why_not_held),
		cmocka_unit_test(test_sv_49_why_not_held_though_503),
		cmocka_unit_test(test_sv_61_why_the_ue_came_back),
		cmocka_unit_test(test_sv_50_why_the_remote_party_did_not_wait),
		cmocka_unit_test(test_sv_60_why_the_ue_came_back_during_the_transfer),
		cmocka_unit_test(test_sv_64_why_the_ue_could_not_come_back),
		cmocka_unit_test(test_sv_50_why_a_transfer_failed),
		cmocka_unit_test(test_sv_8_why_a_transfer_failed_and_the_call_went_on),
		cmocka_unit_test(test_sv_9_why_another_session_was_transferred),
		cmocka_unit_test(test_rc_12_why_a_leg_never_answered),
		cmocka_unit_test(test_why_an_order_released_it),
		cmocka_unit_test(test_sv_41_ladder_of_the_race_won),
		cmocka_unit_test(test_sv_42_ladder_of_the_race_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
