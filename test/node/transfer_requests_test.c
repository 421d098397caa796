/* The INVITE due to STN-SR, well and badly made, and at every moment; who is asked, released and told. */
#include "access_transfer.h"

#define CAROL_NUMBER "+491711000002"
#define SDP_TWO(name, port, video)                                                                 \
	"v=0\r\no=" name " 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"         \
	"m=audio " port " RTP/AVP 8\r\nm=video " video " RTP/AVP 31\r\n"

struct scene {
	struct wire wire;
	struct party ue, remote, msc;
};

static void two_users(struct node_settings *s)
{
	struct text identity = TEXT("sip:carol@ims.example");

	transfer_settings(s);
	assert_int_equal(sccas_users_add((struct sccas_users *)(uintptr_t)s->sccas.users,
					 TEXT(CAROL_NUMBER), TEXT("carol@ims.example"), &identity,
					 1),
			 SCCAS_USERS_DONE);
}

static void open_with(struct scene *s, void (*change)(struct node_settings *))
{
	wire_open(&s->wire, change);
	transfer_call(&s->wire, &s->ue, &s->remote, "call", REMOTE);
}

static void open_scene(struct scene *s)
{
	open_with(s, two_users);
}

static void close_scene(struct scene *s)
{
	transfer_is_clean(&s->wire);
	transfer_close(&s->wire);
}

/* Everybody hangs up; what is not answered runs into its time. */
static void end_scene(struct scene *s)
{
	party_sends(&s->wire, &s->remote, "BYE", "", "");
	close_scene(s);
}

static void invite_to(struct scene *s, const char *target, const char *call_id, const char *lines,
		      const char *sdp)
{
	s->msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=msc", "<tel:" STN_SR ">", target,
			  call_id);
	party_sends(&s->wire, &s->msc, "INVITE", lines, sdp);
}

#define PAI "P-Asserted-Identity: " OF_ALICE "\n"

/* The remote party answers the update, the MSC server acknowledges. */
static void complete(struct scene *s)
{
	party_answers(&s->wire, &s->remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s->wire, &s->msc, "200"));
	party_sends(&s->wire, &s->msc, "ACK", "", "");
}

static void transfer(struct scene *s, const char *call_id)
{
	wire_forget(&s->wire);
	transfer_invite(&s->wire, &s->msc, call_id, OF_ALICE, "");
	assert_int_equal(wire_count(&s->wire, REMOTE, "INVITE"), 1);
	complete(s);
}

static void come_back(struct scene *s)
{
	wire_forget(&s->wire);
	party_sends(&s->wire, &s->ue, "INVITE", REASON_487, SDP_UE);
	assert_int_equal(wire_count(&s->wire, REMOTE, "INVITE"), 1);
	party_answers(&s->wire, &s->remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s->wire, &s->ue, "200"));
	party_sends(&s->wire, &s->ue, "ACK", "", "");
	assert_int_equal(wire_count(&s->wire, MSC, "BYE"), 1);
}

/* Refused with this status; the session goes on as it was. */
static void is_refused(struct scene *s, const char *status)
{
	char line[40];

	snprintf(line, sizeof(line), "SIP/2.0 %s", status);
	if (wire_count(&s->wire, MSC, line) != 1 && wire_last(&s->wire, MSC, "SIP/2.0"))
		print_error("not %s: %.40s\n", status, wire_last(&s->wire, MSC, "SIP/2.0"));
	assert_int_equal(wire_count(&s->wire, MSC, line), 1);
	assert_int_equal(wire_count(&s->wire, REMOTE, ""), 0);
	assert_int_equal(wire_count(&s->wire, UE, ""), 0);
	party_sends(&s->wire, &s->msc, "ACK", "", "");
	wire_forget(&s->wire);
}

/* ---------------------------------------------------------------- who asks */

static void test_sv_2_sv_8b_who_is_asserted(void **state)
{
	static const struct {
		const char *identity, *status; /* NULL: it is alice */
	} rows[] = {
		{"", "400"},
		{"<<>>garbage", "400"},
		{"<tel:12345>", "400"},
		{"<sip:nobody@ims.example>", "400"},
		{"<tel:+491711999999>", "404"},
		{"<sip:+491711999999@ims.example;user=phone>", "404"},
		{OF_ALICE, NULL},
		{"tel:" ALICE_NUMBER, NULL},
		{"<tel:+49-171-100.00(01)>", NULL},
		{"\"A\" <tel:" ALICE_NUMBER ";cpc=ordinary>", NULL},
		{"<sip:" ALICE_NUMBER "@ims.example;user=phone>", NULL},
		{"<sip:alice@ims.example>, " OF_ALICE, NULL},
		{"<sip:nobody@ims.example>, " OF_ALICE, NULL},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		open_scene(&s);
		transfer_invite(&s.wire, &s.msc, "msc-call", rows[i].identity, "");
		if (rows[i].status) {
			is_refused(&s, rows[i].status);
			transfer(&s, "msc-2"); /* nothing has changed */
		} else {
			complete(&s);
		}
		end_scene(&s);
	}
}

static void unknown_is_480(struct node_settings *s)
{
	two_users(s);
	s->sccas.unknown_user_status = 480;
}

static void test_sv_8_unknown_user_as_it_is_set(void **state)
{
	struct scene s;

	(void)state;
	open_with(&s, unknown_is_480);
	transfer_invite(&s.wire, &s.msc, "m", "<tel:+491711999999>", "");
	is_refused(&s, "480");
	end_scene(&s);
}

static void test_sv_1_how_the_stn_sr_is_spelled(void **state)
{
	static const char *const targets[] = {
		"tel:" STN_SR,
		"tel:+49-16.00(00)01",
		"tel:" STN_SR ";x=y",
		"sip:" STN_SR "@127.0.0.1:5070;user=phone",
		"sip:" STN_SR "@sccas.ims.example;user=phone",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct scene s;

		open_scene(&s);
		invite_to(&s, targets[i], "msc-call", PAI, SDP_MSC);
		complete(&s);
		end_scene(&s);
	}
}

/* It leads nowhere, and is no transfer. */
static void test_sv_5_a_number_that_is_not_ours_transfers_nothing(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	invite_to(&s, "tel:+4916000099", "msc-call", PAI, SDP_MSC);
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	assert_int_equal(wire_counters(&s.wire)->transfers, 0);
	assert_int_equal(wire_counters(&s.wire)->sessions_begun, 1);
	is_refused(&s, "404");
	transfer(&s, "msc-2");
	end_scene(&s);
}

/* ---------------------------------------------------------------- Target-Dialog */

#define ATU_STI "sip:atu-sti@127.0.0.1:5070"

static void put_target_dialog(const struct scene *s, char *lines, size_t max, bool turned)
{
	const char *own = strstr(s->ue.remote, "tag=") + 4;

	snprintf(lines, max,
		 PAI "Target-Dialog: %s;local-tag=%s;remote-tag=%s\n"
		     "Require: tdialog\n",
		 s->ue.call_id, turned ? own : "ue", turned ? "ue" : own);
}

static void test_sv_4_atu_sti_names_the_session(void **state)
{
	char lines[600];

	(void)state;
	for (unsigned turned = 0; turned < 2; turned++) {
		struct scene s;

		open_scene(&s);
		put_target_dialog(&s, lines, sizeof(lines), turned);
		invite_to(&s, ATU_STI, "msc-call", lines, SDP_MSC);
		complete(&s);
		end_scene(&s);
	}
}

static void test_sv_4_sv_8a_target_dialog_of_nobody(void **state)
{
	static const struct {
		const char *lines, *status;
	} rows[] = {
		{PAI "Target-Dialog: nobody;local-tag=a;remote-tag=b\n", "480"},
		{PAI "Target-Dialog: call;local-tag=ue;remote-tag=b\n", "480"},
		{PAI "Target-Dialog: call\n", "400"},
		{PAI "Target-Dialog: call;local-tag=ue\n", "400"},
		{PAI "Target-Dialog: ;local-tag=a;remote-tag=b\n", "400"},
		{PAI "Target-Dialog: call;local-tag=;remote-tag=\n", "400"},
	};
	struct scene s;
	char lines[600], call_id[20];

	(void)state;
	open_scene(&s);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(call_id, sizeof(call_id), "m-%u", i);
		invite_to(&s, ATU_STI, call_id, rows[i].lines, SDP_MSC);
		is_refused(&s, rows[i].status);
	}
	put_target_dialog(&s, lines, sizeof(lines), false); /* another user's */
	memcpy(strstr(lines, "000001"), "000002", 6);
	invite_to(&s, ATU_STI, "m-other", lines, SDP_MSC);
	is_refused(&s, "480");
	end_scene(&s);
}

static void test_sv_82a_target_dialog_of_a_source_leg_that_is_gone(void **state)
{
	struct scene s;
	char lines[600];

	(void)state;
	open_scene(&s);
	put_target_dialog(&s, lines, sizeof(lines), false);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 7000);
	invite_to(&s, ATU_STI, "msc-call", lines, SDP_MSC);
	complete(&s);
	wire_run(&s.wire, 30000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
	open_scene(&s);
	put_target_dialog(&s, lines, sizeof(lines), false);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 8000);
	wire_forget(&s.wire);
	invite_to(&s, ATU_STI, "msc-call", lines, SDP_MSC);
	is_refused(&s, "480");
	close_scene(&s);
}

/* ---------------------------------------------------------------- what is offered and required */

static void test_sv_8b_offers_without_speech(void **state)
{
	static const char *const offers[] = {
		"", SDP_NO_AUDIO, "v=0\r\ngarbage",
		"v=0\r\no=m 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
		"m=video 9 RTP/AVP 31\r\n"};
	struct scene s;
	char call_id[20];

	(void)state;
	open_scene(&s);
	for (unsigned i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		snprintf(call_id, sizeof(call_id), "m-%u", i);
		invite_to(&s, "tel:" STN_SR, call_id, PAI, offers[i]);
		is_refused(&s, "488");
	}
	invite_to(&s, "tel:" STN_SR, "held", PAI, SDP_UE_HOLD); /* held is speech too */
	complete(&s);
	end_scene(&s);
}

static void test_as_2c_what_is_required_and_not_known(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m1", OF_ALICE, "Require: 100rel, moon\nRequire: sun\n");
	wire_check_header(party_hears(&s.wire, &s.msc, "420"), "Unsupported", "moon, sun");
	is_refused(&s, "420");
	transfer_invite(&s.wire, &s.msc, "m2", OF_ALICE, "Require: 100REL\n");
	complete(&s);
	end_scene(&s);
}

/* ---------------------------------------------------------------- once more, and many at once */

static void test_rc_5_an_invite_again_is_the_same_invite(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	s.msc.cseq--, s.msc.branch--; /* the same bytes */
	party_sends(&s.wire, &s.msc, "INVITE", PAI, SDP_MSC);
	s.msc.cseq--; /* another way: another branch */
	party_sends(&s.wire, &s.msc, "INVITE", PAI, SDP_MSC);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	assert_int_equal(wire_counters(&s.wire)->transfers, 1);
	s.msc.branch--;
	complete(&s);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	end_scene(&s);
}

static void test_sv_8c_twenty_at_once_for_one_session(void **state)
{
	struct scene s;
	struct party first;
	char call_id[20];

	(void)state;
	open_scene(&s);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(call_id, sizeof(call_id), "m-%u", i);
		transfer_invite(&s.wire, &s.msc, call_id, OF_ALICE, "");
		if (i == 0)
			first = s.msc;
		else
			party_sends(&s.wire, &s.msc, "ACK", "", "");
	}
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 480"), 19);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	s.msc = first;
	complete(&s);
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 200"), 1);
	end_scene(&s);
}

static void test_sv_8c_twenty_at_once_for_five_sessions(void **state)
{
	struct wire wire;
	struct party ue[5], remote[5], msc[20];
	char call_id[20];

	(void)state;
	wire_open(&wire, transfer_settings);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(call_id, sizeof(call_id), "call-%u", i);
		transfer_call(&wire, &ue[i], &remote[i], call_id, (uint16_t)(7300 + i));
	}
	for (unsigned i = 0; i < 20; i++) {
		snprintf(call_id, sizeof(call_id), "m-%u", i);
		transfer_invite(&wire, &msc[i], call_id, OF_ALICE, "");
	}
	assert_int_equal(wire_count(&wire, MSC, "SIP/2.0 480"), 15);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(wire_count(&wire, (uint16_t)(7300 + i), "INVITE"), 1);
		party_answers(&wire, &remote[i], "INVITE", "200 OK", "", SDP_REMOTE);
	}
	assert_int_equal(wire_count(&wire, MSC, "SIP/2.0 200"), 5);
	for (unsigned i = 0; i < 5; i++)
		party_sends(&wire, &remote[i], "BYE", "", "");
	transfer_is_clean(&wire);
	transfer_close(&wire);
}

static void test_sv_62_transfer_return_and_transfer_again(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s, "m-1");
	come_back(&s);
	transfer_invite(&s.wire, &s.msc, "m-2", OF_ALICE, ""); /* the BYE is not answered yet */
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.msc, "BYE", "481 Gone", "", ""); /* SV-67 */
	transfer(&s, "m-3");
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 50000"));
	wire_run(&s.wire, 8000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
}

/* ---------------------------------------------------------------- CANCEL */

static void test_sv_72a_cancel_at_each_moment(void **state)
{
	(void)state;
	for (unsigned moment = 0; moment < 4; moment++) {
		struct scene s;

		open_scene(&s);
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		if (moment == 1)
			party_answers(&s.wire, &s.remote, "INVITE", "100 Trying", "", "");
		if (moment == 2)
			party_answers(&s.wire, &s.remote, "INVITE", "491 Request Pending", "", "");
		if (moment == 3) {
			party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
			assert_non_null(party_hears(&s.wire, &s.msc, "200"));
		}
		party_sends(&s.wire, &s.msc, "CANCEL", "", "");
		if (moment == 3) { /* too late: no effect */
			assert_null(party_hears(&s.wire, &s.msc, "487"));
			party_sends(&s.wire, &s.msc, "ACK", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
			end_scene(&s);
			continue;
		}
		assert_non_null(party_hears(&s.wire, &s.msc, "487"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), moment == 1);
		if (moment == 0)
			party_answers(&s.wire, &s.remote, "INVITE", "100 Trying", "", "");
		if (moment < 2) {
			party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
			party_answers(&s.wire, &s.remote, "INVITE", "487 Cancelled", "", "");
		}
		wire_run(&s.wire, 20000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		transfer(&s, "again");
		end_scene(&s);
	}
}

static void test_sv_50b_cancel_inside_and_after_the_hold(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct scene s;

		open_scene(&s);
		party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		wire_run(&s.wire, 5000);
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		party_answers(&s.wire, &s.remote, "INVITE", "100 Trying", "", "");
		wire_run(&s.wire, late ? 4000 : 1000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		party_sends(&s.wire, &s.msc, "CANCEL", "", "");
		assert_non_null(party_hears(&s.wire, &s.msc, "487"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		if (!late) {
			party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
			party_answers(&s.wire, &s.remote, "INVITE", "487 Cancelled", "", "");
			wire_run(&s.wire, 1999);
			assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
			wire_run(&s.wire, 1);
		}
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		if (late) {
			party_answers(&s.wire, &s.remote, "INVITE", "487 Ended", "", "");
			assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		}
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		close_scene(&s);
	}
}

/* ---------------------------------------------------------------- which session */

static void holds_or_resumes(struct wire *wire, struct party *ue, struct party *remote,
			     const char *sdp)
{
	party_sends(wire, ue, "INVITE", "", sdp);
	party_answers(wire, remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(wire, ue, "200"));
	party_sends(wire, ue, "ACK", "", "");
	wire_forget(wire);
}

static void test_sv_6_held_and_resumed(void **state)
{
	static const struct {
		const char *first, *second,
			*again; /* what happens to the two calls, in this order */
		uint16_t chosen;
	} rows[] = {
		{NULL, NULL, NULL, OTHER},
		{NULL, SDP_UE_HOLD, NULL, REMOTE},
		{SDP_UE_HOLD, NULL, NULL, OTHER},
		{SDP_UE_HOLD, SDP_UE_HOLD, NULL, OTHER}, /* the one held last */
		{SDP_UE_HOLD, NULL, SDP_UE, REMOTE},     /* resumed: active last */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		struct party ue2, other;

		open_scene(&s);
		transfer_call(&s.wire, &ue2, &other, "call-2", OTHER);
		if (rows[i].first)
			holds_or_resumes(&s.wire, &s.ue, &s.remote, rows[i].first);
		if (rows[i].second)
			holds_or_resumes(&s.wire, &ue2, &other, rows[i].second);
		if (rows[i].again)
			holds_or_resumes(&s.wire, &s.ue, &s.remote, rows[i].again);
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		assert_int_equal(wire_count(&s.wire, rows[i].chosen, "INVITE"), 1);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE") +
					 wire_count(&s.wire, OTHER, "INVITE"),
				 1);
		party_sends(&s.wire, &other, "BYE", "", "");
		end_scene(&s);
	}
}

static void test_sv_9_sv_27_other_sessions_are_released(void **state)
{
	struct scene s;
	struct party ue2, other;
	char reason[200];

	(void)state;
	open_scene(&s);
	transfer_call(&s.wire, &ue2, &other, "call-2", OTHER);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_answers(&s.wire, &other, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0); /* not before the ACK */
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	put_value(wire_last(&s.wire, REMOTE, "BYE"), "Reason", reason, sizeof(reason));
	assert_non_null(strstr(reason, "SIP;cause="));
	assert_null(strstr(reason, "503"));
	assert_int_equal(wire_count(&s.wire, OTHER, "BYE"), 0);
	party_sends(&s.wire, &other, "BYE", "", "");
	close_scene(&s);
}

/* ---------------------------------------------------------------- a busy remote leg */

static void test_sv_20b_the_update_waits_for_the_offer_of_the_ue(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE_HOLD);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1); /* ours: docs/adr/0031 */
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	complete(&s);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	end_scene(&s);
}

static void test_sv_20b_the_offer_of_the_remote_party_is_refused(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, UE, "INVITE"), 1);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	assert_non_null(party_hears(&s.wire, &s.remote, "491"));
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	complete(&s);
	/* What went on to the UE gets no answer there: that is no loss of the call. */
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
	end_scene(&s);
}

/* @req SV-63 TX-7
 * The transfer fails while the UE waits with an offer, which goes on then: the ACK of the refused update
 * is still that of its own dialog. */
static void test_sv_63_an_offer_that_waited_goes_on(void **state)
{
	struct scene s;
	char to[300], of_response[300];

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "", "");
	put_value(wire_last(&s.wire, REMOTE, "INVITE"), "To", of_response, sizeof(of_response));
	put_value(wire_last(&s.wire, REMOTE, "ACK"), "To", to, sizeof(to));
	assert_string_equal(to, of_response);
	assert_non_null(party_hears(&s.wire, &s.msc, "488"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	end_scene(&s);
}

/* @req RF-21 */
static void test_sv_20b_an_update_that_meets_another_is_tried_again(void **state)
{
	(void)state;
	for (unsigned to_alice = 0; to_alice < 2; to_alice++) {
		struct scene s;
		uint64_t began_ms;

		if (to_alice) {
			wire_open(&s.wire, two_users);
			transfer_call_to(&s.wire, &s.ue, &s.remote, "call", REMOTE);
		} else {
			open_scene(&s);
		}
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		party_answers(&s.wire, &s.remote, "INVITE", "491 Request Pending", "", "");
		began_ms = s.wire.now_ms;
		while (wire_count(&s.wire, REMOTE, "INVITE") < 2 && s.wire.now_ms < 20000)
			wire_run(&s.wire, 10);
		if (to_alice)
			assert_in_range(s.wire.now_ms - began_ms, 0, 2010);
		else
			assert_in_range(s.wire.now_ms - began_ms, 2100, 4010);
		complete(&s);
		end_scene(&s);
	}
}

static void test_sv_20b_not_for_ever(void **state)
{
	struct scene s;
	uint64_t began_ms;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	began_ms = s.wire.now_ms;
	while (!wire_last(&s.wire, MSC, "SIP/2.0 480") && s.wire.now_ms < began_ms + 60000) {
		if (wire_last(&s.wire, REMOTE, "INVITE")) {
			party_answers(&s.wire, &s.remote, "INVITE", "491 Request Pending", "", "");
			wire_forget(&s.wire);
		}
		wire_run(&s.wire, 10);
	}
	assert_in_range(s.wire.now_ms - began_ms, 31000, 37000);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 10000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	end_scene(&s);
}

static void test_sv_20c_refusals_of_the_remote_party(void **state)
{
	static const struct {
		const char *answer, *status;
		bool ends;
	} rows[] = {
		{"488 Not Acceptable Here", "488", false},
		{"606 Not Acceptable", "480", false},
		{"500 Failed", "480", false},
		{"603 Decline", "480", false},
		{"481 Gone", "480", true},
		{"408 Timeout", "480", true},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;

		open_scene(&s);
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		party_answers(&s.wire, &s.remote, "INVITE", rows[i].answer, "", "");
		assert_non_null(party_hears(&s.wire, &s.msc, rows[i].status));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), rows[i].ends);
		if (!rows[i].ends)
			transfer(&s, "again");
		end_scene(&s);
	}
}

/* ---------------------------------------------------------------- the MSC server's BYE */

static void test_sv_66_bye_of_the_msc_server(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s); /* an ordinary end */
	transfer(&s, "m");
	party_sends(&s.wire, &s.msc, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	close_scene(&s);

	open_scene(&s); /* cancelled, and the UE comes back after it */
	transfer(&s, "m");
	party_sends(&s.wire, &s.msc, "BYE", REASON_487, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 7000);
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	wire_run(&s.wire, 30000);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);

	open_scene(&s); /* while the media are on their way back */
	transfer(&s, "m");
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
	party_sends(&s.wire, &s.msc, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	wire_run(&s.wire, 30000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
}

static void test_sv_66a_the_ue_does_not_come_back(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s, "m");
	party_sends(&s.wire, &s.msc, "BYE", REASON_487, "");
	wire_run(&s.wire, 7999);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	close_scene(&s);
}

static void test_sv_60a_a_200_that_is_never_acknowledged(void **state)
{
	(void)state;
	for (unsigned comes_back = 0; comes_back < 2; comes_back++) {
		struct scene s;

		open_scene(&s);
		transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_non_null(party_hears(&s.wire, &s.msc, "200"));
		if (comes_back)
			party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
		wire_run(&s.wire, 31900);
		assert_in_range(wire_count(&s.wire, MSC, "SIP/2.0 200"), 8, 12);
		assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
		wire_run(&s.wire, 200);
		assert_int_equal(wire_count(&s.wire, MSC, "BYE"), !comes_back);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), !comes_back);
		assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1 + comes_back);
		if (comes_back) {
			party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
			assert_non_null(party_hears(&s.wire, &s.ue, "200"));
			party_sends(&s.wire, &s.ue, "ACK", "", "");
			assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
			assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		}
		end_scene(&s);
	}
}

/* ---------------------------------------------------------------- settings */

static void no_times(struct node_settings *s)
{
	two_users(s);
	s->sccas.bye_hold_ms = s->sccas.source_release_delay_ms = 0;
}

static void test_sv_43_sv_22_without_hold_and_delay(void **state)
{
	struct scene s;

	(void)state;
	open_with(&s, no_times);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	close_scene(&s);
	open_with(&s, no_times);
	transfer(&s, "m");
	wire_run(&s.wire, 0);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
}

static void held_without_being_eligible(struct node_settings *s)
{
	two_users(s);
	s->sccas.hold_only_if_eligible = false;
}

static void test_sv_49_who_is_held(void **state)
{
	(void)state;
	for (unsigned all = 0; all < 2; all++) {
		struct scene s;

		open_with(&s, all ? held_without_being_eligible : two_users);
		party_sends(&s.wire, &s.ue, "INVITE", "", SDP_NO_AUDIO);
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_NO_AUDIO);
		assert_non_null(party_hears(&s.wire, &s.ue, "200"));
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), !all);
		wire_run(&s.wire, 8000);
		assert_in_range(wire_count(&s.wire, REMOTE, "BYE"), 1, 10);
		close_scene(&s);
	}
}

static void test_sv_41_a_reload_does_not_move_the_end(void **state)
{
	struct scene s;
	struct node_settings other;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 1000);
	other = s.wire.settings;
	other.sccas.bye_hold_ms = 2000;
	node_set_settings(s.wire.node, &other);
	wire_run(&s.wire, 6999);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	close_scene(&s);
}

/* docs/adr/0012 */
static void test_sv_41_at_the_very_end_the_invite_is_first(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 7999);
	s.wire.now_ms++;
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	wire_run(&s.wire, 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	complete(&s);
	wire_run(&s.wire, 30000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
}

/* ---------------------------------------------------------------- the other legs meanwhile */

static void test_sv_25_the_end_of_the_registration_takes_the_source_leg_only(void **state)
{
	static const char *const reasons[] = {"", "Reason: SIP;cause=480\n", REASON_503};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		open_scene(&s);
		transfer(&s, "m");
		party_sends(&s.wire, &s.ue, "BYE", reasons[i], "");
		wire_run(&s.wire, 30000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
		end_scene(&s);
	}
}

static void test_sv_50a_requests_of_the_remote_party_in_the_window(void **state)
{
	struct scene s;
	char value[60];

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	party_sends(&s.wire, &s.remote, "UPDATE", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "200"));
	party_sends(&s.wire, &s.remote, "UPDATE", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.remote, "491"));
	party_sends(&s.wire, &s.remote, "INFO", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "500"));
	assert_non_null(wire_header(wire_last(&s.wire, REMOTE, "SIP/2.0 500"), "Retry-After", 0,
				    value, sizeof(value)));
	party_sends(&s.wire, &s.remote, "MESSAGE", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 500"), 2);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 481"), 0);
	transfer(&s, "m");
	end_scene(&s);
}

static void test_rf_5_every_method_on_a_source_leg_that_is_gone(void **state)
{
	static const char *const methods[] = {"INVITE", "UPDATE", "INFO",   "PRACK",  "OPTIONS",
					      "BYE",    "REFER",  "NOTIFY", "MESSAGE"};
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		wire_forget(&s.wire);
		party_sends(&s.wire, &s.ue, methods[i], "", "");
		assert_non_null(party_hears(&s.wire, &s.ue, "481"));
		assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	}
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	transfer(&s, "m");
	end_scene(&s);
}

/* A re-INVITE of the remote party waits at the UE whose bearer is lost: the end of that request is no end of
 * the call, before and after the BYE. */
static void test_sv_44_an_offer_that_the_lost_ue_leaves_unanswered(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "INVITE", "100 Trying", "", "");
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	party_answers(&s.wire, &s.ue, "INVITE", "481 Gone", "", "");
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	wire_run(&s.wire, 3000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 481"), 0);
	transfer(&s, "m");
	end_scene(&s);
}

/* The caller's ACK comes when the leg beyond was taken over (docs/adr/0031). */
static void test_sv_20_a_late_ack_of_the_ue_ends_here(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, two_users);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	party_sends(&s.wire, &s.ue, "INVITE",
		    "Route: <sip:127.0.0.1:5070;lr>\n"
		    "P-Served-User: <sip:alice@ims.example>;sescase=orig\n"
		    "P-Asserted-Identity: <sip:alice@ims.example>\n",
		    SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	wire_forget(&s.wire);
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	complete(&s);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 2);
	end_scene(&s);
}

static unsigned streams_of(const char *message)
{
	unsigned n = 0;

	assert_non_null(message);
	for (const char *at = message; (at = strstr(at, "\r\nm=")); at += 4)
		n++;
	return n;
}

static void test_sv_20_video_stands_at_port_0_and_comes_back(void **state)
{
	struct scene s;
	const char *update;

	(void)state;
	wire_open(&s.wire, two_users);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	party_sends(&s.wire, &s.ue, "INVITE",
		    "Route: <sip:127.0.0.1:5070;lr>\n"
		    "P-Served-User: <sip:alice@ims.example>;sescase=orig\n",
		    SDP_TWO("ue", "30000", "30002"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "",
		      SDP_TWO("remote", "40000", "40002"));
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	update = wire_last(&s.wire, REMOTE, "INVITE");
	assert_int_equal(streams_of(update), 2);
	assert_non_null(strstr(update, "m=audio 50000"));
	assert_non_null(strstr(update, "m=video 0 "));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_TWO("remote", "40000", "0"));
	assert_int_equal(streams_of(party_hears(&s.wire, &s.msc, "200")), 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_TWO("ue", "30000", "30002"));
	update = wire_last(&s.wire, REMOTE, "INVITE");
	assert_int_equal(streams_of(update), 2);
	assert_non_null(strstr(update, "m=video 30002 "));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "",
		      SDP_TWO("remote", "40000", "40002"));
	assert_int_equal(streams_of(party_hears(&s.wire, &s.ue, "200")), 2);
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	end_scene(&s);
}

/* @req RF-13b */
static void test_sv_20_the_session_timer_goes_on(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "UPDATE", "Session-Expires: 90;refresher=uac\n", "");
	party_answers(&s.wire, &s.remote, "UPDATE", "200 OK",
		      "Session-Expires: 90;refresher=uac\r\n", "");
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	wire_check_header(wire_last(&s.wire, REMOTE, "INVITE"), "Session-Expires",
			  "90;refresher=uas");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK",
		      "Session-Expires: 90;refresher=uas\r\n", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 60000);
	party_sends(&s.wire, &s.remote, "UPDATE", "Session-Expires: 90;refresher=uac\n", "");
	assert_int_equal(wire_count(&s.wire, MSC, "UPDATE"), 1);
	party_answers(&s.wire, &s.msc, "UPDATE", "200 OK", "Session-Expires: 90;refresher=uac\r\n",
		      "");
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 40000); /* nobody refreshes any more */
	assert_in_range(wire_count(&s.wire, REMOTE, "BYE"), 1, 11);
	assert_in_range(wire_count(&s.wire, MSC, "BYE"), 1, 11);
	close_scene(&s);
}

/* The remote party refreshes while the remote leg is held, or moved: that keeps the session alive. */
static void test_rf_13c_a_refresh_that_meets_no_other_leg(void **state)
{
	static const struct {
		const char *lines, *status, *expires;
		bool is_refreshed;
	} rows[] = {
		{"Supported: timer\nSession-Expires: 90;refresher=uac\n", "200", "90;refresher=uac",
		 true},
		{"Supported: timer\nSession-Expires: 120\n", "200", "120;refresher=uac", true},
		{"Supported: timer\nSession-Expires: 90;refresher=UAS\n", "200", "90;refresher=uas",
		 true},
		{"Supported: timer\n", "200", "90;refresher=uac", true},
		{"Session-Expires: 30\n", "200", "90;refresher=uac", true},
		{"", "200", NULL, false},
		{"Supported: timer\nSession-Expires: 89;refresher=uac\n", "422", NULL, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]) * 2; i++) {
		unsigned row = i / 2;
		bool is_held = i & 1;
		struct scene s;

		open_scene(&s);
		party_sends(&s.wire, &s.ue, "UPDATE", "Session-Expires: 90;refresher=uac\n", "");
		party_answers(&s.wire, &s.remote, "UPDATE", "200 OK",
			      "Session-Expires: 90;refresher=uac\r\n", "");
		wire_run(&s.wire, 60000);
		if (is_held) {
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
			wire_run(&s.wire, 1000);
		} else {
			transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		}
		party_sends(&s.wire, &s.remote, "UPDATE", rows[row].lines, "");
		assert_non_null(party_hears(&s.wire, &s.remote, rows[row].status));
		wire_check_header(wire_last(&s.wire, REMOTE, "SIP/2.0"), "Session-Expires",
				  rows[row].expires);
		wire_check_header(wire_last(&s.wire, REMOTE, "SIP/2.0"), "Min-SE",
				  rows[row].status[0] == '4' ? "90" : NULL);
		if (is_held)
			transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
		/* The remote party says no more of a timer: only the refresh can have kept the time. */
		wire_run(&s.wire, 31000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE") > 0, !rows[row].is_refreshed);
		wire_run(&s.wire, 200000);
		close_scene(&s);
	}
}

static void test_sv_64_the_ue_hears_what_the_remote_party_said(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s, "m");
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_NO_AUDIO); /* SV-24a */
	assert_non_null(party_hears(&s.wire, &s.ue, "488"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "481 Gone", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "480"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
	close_scene(&s);
}

/* @req SV-53 */
static void test_sv_53_without_hold_early_a_cancel_ends_the_call(void **state)
{
	struct scene s;
	char reason[200];

	(void)state;
	wire_open(&s.wire, two_users);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	party_sends(&s.wire, &s.ue, "INVITE",
		    "Route: <sip:127.0.0.1:5070;lr>\n"
		    "P-Served-User: <sip:alice@ims.example>;sescase=orig\n",
		    SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "180 Ringing", "", SDP_REMOTE);
	party_sends(&s.wire, &s.ue, "CANCEL", REASON_503, "");
	assert_non_null(party_hears(&s.wire, &s.ue, "487"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	put_value(wire_last(&s.wire, REMOTE, "CANCEL"), "Reason", reason, sizeof(reason));
	assert_non_null(strstr(reason, "503"));
	party_answers(&s.wire, &s.remote, "CANCEL", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "487 Cancelled", "", "");
	close_scene(&s);
}

/* An offer of the UE that its BYE (503) leaves behind: the transfer waits for its end. */
static void test_sv_20b_sv_41_the_offer_of_a_ue_that_is_gone(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE_HOLD);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	assert_non_null(party_hears(&s.wire, &s.ue, "487"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	transfer_invite(&s.wire, &s.msc, "m", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	complete(&s);
	wire_run(&s.wire, 30000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_scene(&s);
}

/* Offerless: the 200 to the UE has the offer (RFC 3261 §14.1). */
static void test_sv_61a_a_reinvite_without_an_offer_brings_back_too(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s, "m");
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "INVITE", "", "");
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(strstr(party_hears(&s.wire, &s.ue, "200"), "m=audio 40000"));
	party_sends(&s.wire, &s.ue, "ACK", "", SDP_UE);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
	end_scene(&s);
}

/* The UE thinks better of it while its media are on their way back. */
static void test_sv_61a_the_way_back_is_cancelled(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s, "m");
	wire_forget(&s.wire);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE);
	party_sends(&s.wire, &s.ue, "CANCEL", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	wire_forget(&s.wire);
	transfer_invite(&s.wire, &s.msc, "m-2", OF_ALICE, ""); /* SV-8c */
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 40000); /* nobody answers: the remote leg is gone */
	assert_in_range(wire_count(&s.wire, UE, "BYE"), 1, 10);
	close_scene(&s);
}

/* A held session is moved, and is held no less afterwards: what the MSC server offers counts. */
static void test_sv_6_the_only_session_is_held(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	holds_or_resumes(&s.wire, &s.ue, &s.remote, SDP_UE_HOLD);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	transfer(&s, "m");
	end_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_2_sv_8b_who_is_asserted),
		cmocka_unit_test(test_sv_8_unknown_user_as_it_is_set),
		cmocka_unit_test(test_sv_1_how_the_stn_sr_is_spelled),
		cmocka_unit_test(test_sv_5_a_number_that_is_not_ours_transfers_nothing),
		cmocka_unit_test(test_sv_4_atu_sti_names_the_session),
		cmocka_unit_test(test_sv_4_sv_8a_target_dialog_of_nobody),
		cmocka_unit_test(test_sv_82a_target_dialog_of_a_source_leg_that_is_gone),
		cmocka_unit_test(test_sv_8b_offers_without_speech),
		cmocka_unit_test(test_as_2c_what_is_required_and_not_known),
		cmocka_unit_test(test_rc_5_an_invite_again_is_the_same_invite),
		cmocka_unit_test(test_sv_8c_twenty_at_once_for_one_session),
		cmocka_unit_test(test_sv_8c_twenty_at_once_for_five_sessions),
		cmocka_unit_test(test_sv_62_transfer_return_and_transfer_again),
		cmocka_unit_test(test_sv_72a_cancel_at_each_moment),
		cmocka_unit_test(test_sv_50b_cancel_inside_and_after_the_hold),
		cmocka_unit_test(test_sv_6_held_and_resumed),
		cmocka_unit_test(test_sv_9_sv_27_other_sessions_are_released),
		cmocka_unit_test(test_sv_20b_the_update_waits_for_the_offer_of_the_ue),
		cmocka_unit_test(test_sv_20b_the_offer_of_the_remote_party_is_refused),
		cmocka_unit_test(test_sv_63_an_offer_that_waited_goes_on),
		cmocka_unit_test(test_sv_20b_an_update_that_meets_another_is_tried_again),
		cmocka_unit_test(test_sv_20b_not_for_ever),
		cmocka_unit_test(test_sv_20c_refusals_of_the_remote_party),
		cmocka_unit_test(test_sv_66_bye_of_the_msc_server),
		cmocka_unit_test(test_sv_66a_the_ue_does_not_come_back),
		cmocka_unit_test(test_sv_60a_a_200_that_is_never_acknowledged),
		cmocka_unit_test(test_sv_43_sv_22_without_hold_and_delay),
		cmocka_unit_test(test_sv_49_who_is_held),
		cmocka_unit_test(test_sv_41_a_reload_does_not_move_the_end),
		cmocka_unit_test(test_sv_41_at_the_very_end_the_invite_is_first),
		cmocka_unit_test(test_sv_25_the_end_of_the_registration_takes_the_source_leg_only),
		cmocka_unit_test(test_sv_50a_requests_of_the_remote_party_in_the_window),
		cmocka_unit_test(test_rf_5_every_method_on_a_source_leg_that_is_gone),
		cmocka_unit_test(test_sv_44_an_offer_that_the_lost_ue_leaves_unanswered),
		cmocka_unit_test(test_sv_20_a_late_ack_of_the_ue_ends_here),
		cmocka_unit_test(test_sv_20_video_stands_at_port_0_and_comes_back),
		cmocka_unit_test(test_sv_20_the_session_timer_goes_on),
		cmocka_unit_test(test_rf_13c_a_refresh_that_meets_no_other_leg),
		cmocka_unit_test(test_sv_64_the_ue_hears_what_the_remote_party_said),
		cmocka_unit_test(test_sv_53_without_hold_early_a_cancel_ends_the_call),
		cmocka_unit_test(test_sv_20b_sv_41_the_offer_of_a_ue_that_is_gone),
		cmocka_unit_test(test_sv_61a_a_reinvite_without_an_offer_brings_back_too),
		cmocka_unit_test(test_sv_61a_the_way_back_is_cancelled),
		cmocka_unit_test(test_sv_6_the_only_session_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
