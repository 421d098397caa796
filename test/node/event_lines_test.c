/* What the log and the counters hear of sessions and transfers. */
#include "access_transfer.h"

static void expect_log(const struct wire *wire, const char *part)
{
	if (!strstr(wire->log, part))
		fail_msg("no %s in: %s", part, wire->log);
}

struct scene {
	struct wire wire;
	struct party ue, remote, msc;
};

static void settings_at_info(struct node_settings *s)
{
	transfer_settings(s);
	s->log_level = NODE_LOG_INFO;
}

static void open_scene(struct scene *s)
{
	*s = (struct scene){.msc = {.port = MSC}};
	wire_open(&s->wire, settings_at_info);
	transfer_call(&s->wire, &s->ue, &s->remote, "call-1", REMOTE);
	expect_log(&s->wire, "msg=\"session answered\" session=0-");
	expect_log(&s->wire, "call_id=\"call-1\" after_ms=");
}

static void test_sv_8_a_late_invite_due_to_stn_sr_is_told_with_its_session(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	expect_log(&s.wire, "msg=\"hold begun\" session=0-");
	expect_log(&s.wire, "c_msisdn=\"" ALICE_NUMBER "\" after_bye_ms=0 hold_ms=8000");
	wire_run(&s.wire, 8000);
	expect_log(&s.wire, "msg=\"hold over, no transfer came about\"");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	expect_log(&s.wire, "msg=\"session ended\" session=0-");
	expect_log(&s.wire, "end=\"access lost and not transferred\"");
	wire_run(&s.wire, 200);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	expect_log(&s.wire, "msg=\"transfer refused\" status=480 why=\"the hold of the session was "
			    "over before\" c_msisdn=\"" ALICE_NUMBER "\" request_uri=\"");
	expect_log(&s.wire, STN_SR);
	expect_log(&s.wire, " session=0-");
	expect_log(&s.wire,
		   "hold_ms=8000 after_bye_ms=8200 after_hold_ms=200 call_id=\"msc-call\"");
	assert_int_equal(wire_counters(&s.wire)->transfers_refused, 1);
	assert_int_equal(wire_counters(&s.wire)->transfers_late, 1);
	assert_int_equal(wire_counters(&s.wire)->transfers_without_session, 0);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 120000);
	transfer_invite(&s.wire, &s.msc, "msc-call-2", OF_ALICE, "");
	expect_log(&s.wire, "why=\"the user has no session that can be transferred now\"");
	assert_int_equal(wire_counters(&s.wire)->transfers_late, 1);
	assert_int_equal(wire_counters(&s.wire)->transfers_without_session, 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 60000);
	transfer_close(&s.wire);
}

static void test_sv_3_an_unknown_c_msisdn_is_told_and_counted(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", "<tel:+491799999999>", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "404"));
	expect_log(&s.wire, "status=404 why=\"the C-MSISDN is no user of the SCC AS\" "
			    "asserted=\"<tel:+491799999999>\"");
	assert_int_equal(wire_counters(&s.wire)->transfers_of_unknown_users, 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 60000);
	transfer_close(&s.wire);
}

static void test_every_session_is_told_at_info_only(void **state)
{
	struct scene s;
	unsigned before;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	expect_log(&s.wire, "end=\"BYE of the calling party\"");
	transfer_close(&s.wire);

	s = (struct scene){.msc = {.port = MSC}};
	wire_open(&s.wire, transfer_settings); /* the default: notice */
	transfer_call(&s.wire, &s.ue, &s.remote, "call-1", REMOTE);
	before = s.wire.n_logs;
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	assert_int_equal(before, 0);
	assert_int_equal(s.wire.n_logs, 0);
	transfer_close(&s.wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_8_a_late_invite_due_to_stn_sr_is_told_with_its_session),
		cmocka_unit_test(test_sv_3_an_unknown_c_msisdn_is_told_and_counted),
		cmocka_unit_test(test_every_session_is_told_at_info_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
