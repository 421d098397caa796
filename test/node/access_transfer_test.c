/* The SCC AS at the level of bytes: TS 24.237 §12.3, tests T-1 to T-13 of spec/access-transfer.md. */
#include "access_transfer.h"

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

/* The MSC server's INVITE and what follows up to its ACK. */
static void transfer(struct scene *s)
{
	transfer_invite(&s->wire, &s->msc, "msc-call", OF_ALICE, "");
	assert_non_null(wire_last(&s->wire, REMOTE, "INVITE"));
	party_answers(&s->wire, &s->remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s->wire, REMOTE, "ACK"), 1);
	assert_non_null(party_hears(&s->wire, &s->msc, "200"));
	party_sends(&s->wire, &s->msc, "ACK", "", "");
}

/* The remote party hangs up; the MSC server hears it. */
static void end_on_target(struct scene *s)
{
	party_sends(&s->wire, &s->remote, "BYE", "", "");
	assert_non_null(wire_last(&s->wire, MSC, "BYE"));
	party_answers(&s->wire, &s->msc, "BYE", "200 OK", "", "");
}

static void test_as_2_a_call_is_held_together_by_two_dialogs(void **state)
{
	struct scene s;
	char a[300];

	(void)state;
	wire_open(&s.wire, transfer_settings);
	transfer_call(&s.wire, &s.ue, &s.remote, "call", REMOTE);
	assert_string_not_equal(s.ue.call_id, s.remote.call_id);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_non_null(wire_last(&s.wire, REMOTE, "BYE"));
	put_value(wire_last(&s.wire, REMOTE, "BYE"), "From", a, sizeof(a));
	assert_string_equal(a, s.remote.remote);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

#define FIRST_PART    "--part\r\nContent-Type: application/pidf+xml\r\n\r\n<presence/>\r\n"
#define LAST_PART     "\r\n--part\r\nContent-Type: text/plain\r\n\r\nbehind\r\n--part--\r\n"
#define IN_PARTS(sdp) FIRST_PART "--part\r\nContent-Type: application/sdp\r\n\r\n" sdp LAST_PART

/* The message has all its parts, counted right, and in its description this line. */
static void check_parts(const char *message, const char *line)
{
	const char *body = strstr(message, "\r\n\r\n"), *found;
	char length[40], type[80];

	assert_non_null(body);
	body += 4;
	put_value(message, "Content-Length", length, sizeof(length));
	assert_int_equal(strtoul(length, NULL, 10), strlen(body));
	put_value(message, "Content-Type", type,
		  sizeof(type)); /* that of the message comes first */
	assert_string_equal(type, "multipart/mixed;boundary=part");
	assert_ptr_equal(strstr(body, FIRST_PART), body);
	found = strstr(body, line);
	assert_non_null(found);
	found = strstr(found, LAST_PART);
	assert_non_null(found);
}

/* A call whose descriptions are parts of multiparts is transferred like any other, and after that what
 * one party says in parts is rewritten in its place. */
static void test_as_2d_a_description_among_other_parts(void **state)
{
	struct scene s;
	const char *m;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	{
		char extra[300];

		snprintf(extra, sizeof(extra), FROM_S_CSCF, "orig", "alice");
		party_sends(&s.wire, &s.ue, "INVITE", extra, IN_PARTS(SDP_UE));
	}
	check_parts(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 30000");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", IN_PARTS(SDP_REMOTE));
	check_parts(party_hears(&s.wire, &s.ue, "200"), "m=audio 40000");
	party_sends(&s.wire, &s.ue, "ACK", "", "");

	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	m = wire_last(&s.wire, REMOTE, "INVITE");
	assert_non_null(m);
	assert_non_null(strstr(m, "m=audio 50000"));
	wire_check_header(m, "Content-Type", "application/sdp");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", IN_PARTS(SDP_REMOTE));
	m = party_hears(&s.wire, &s.msc, "200");
	assert_non_null(m);
	assert_non_null(strstr(m, "m=audio 40000"));
	assert_null(strstr(m, "behind"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");

	party_sends(&s.wire, &s.remote, "INVITE", "", IN_PARTS(SDP_OF("remote", "40002")));
	m = wire_last(&s.wire, MSC, "INVITE");
	assert_non_null(m);
	check_parts(m, "m=audio 40002");
	assert_non_null(strstr(m, "o=remote 1 2 ")); /* the next version for the MSC server */
	party_answers(&s.wire, &s.msc, "INVITE", "200 OK", "", IN_PARTS(SDP_MSC));
	m = party_hears(&s.wire, &s.remote, "200");
	check_parts(m, "m=audio 50000");
	assert_non_null(strstr(m, "o=ue 1 ")); /* the remote party has seen no other origin */
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "ACK"), 1);
	end_on_target(&s);
	transfer_is_clean(&s.wire);
	transfer_close(&s.wire);
}

/* @req SV-41 SV-43 */
static void test_sv_41_invite_inside_the_window_keeps_the_remote_leg(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	assert_non_null(party_hears(&s.wire, &s.ue, "200")); /* SV-44 */
	wire_run(&s.wire, 7900);
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	transfer(&s);
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	end_on_target(&s);
	close_scene(&s);
}

static void test_sv_42_invite_after_the_window_finds_nothing(void **state)
{
	struct scene s;
	char reason[200];

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 7999);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	put_value(wire_last(&s.wire, REMOTE, "BYE"), "Reason", reason, sizeof(reason));
	assert_string_equal(reason, "SIP;cause=503;text=\"Service Unavailable\""); /* SV-46 */
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	wire_run(&s.wire, 100);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	close_scene(&s);
}

static void test_sv_48_bye_without_503_releases_at_once(void **state)
{
	static const char *const reasons[] = {"", "Reason: RELEASE_CAUSE;cause=1\n",
					      "Reason: SIP;cause=480\n"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s;

		open_scene(&s);
		party_sends(&s.wire, &s.ue, "BYE", reasons[i], "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
		party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
		close_scene(&s);
	}
}

static void test_sv_47_bye_after_the_invite_ends_the_source_leg_only(void **state)
{
	struct scene s;

	(void)state;
	for (unsigned before_answer = 0; before_answer < 2; before_answer++) {
		open_scene(&s);
		transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
		if (before_answer)
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
		assert_non_null(party_hears(&s.wire, &s.msc, "200"));
		party_sends(&s.wire, &s.msc, "ACK", "", "");
		if (!before_answer)
			party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
		assert_non_null(party_hears(&s.wire, &s.ue, "200"));
		wire_run(&s.wire, 60000);
		assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
		assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
		end_on_target(&s);
		close_scene(&s);
	}
}

static void test_sv_49_bye_503_of_the_remote_party_is_not_held(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "BYE", REASON_503, "");
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_sv_51_of_two_sessions_the_later_active_one_is_kept(void **state)
{
	struct scene s;
	struct party ue2, other;

	(void)state;
	open_scene(&s);
	wire_run(&s.wire, 1000);
	transfer_call(&s.wire, &ue2, &other, "call-2", OTHER);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	party_sends(&s.wire, &ue2, "BYE", REASON_503, "");
	wire_run(&s.wire, 1000);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 0);
	assert_int_equal(wire_count(&s.wire, OTHER, "INVITE"), 1);
	party_answers(&s.wire, &other, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 6999);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 1);
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, OTHER, "BYE"), 0);
	party_sends(&s.wire, &other, "BYE", "", "");
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	close_scene(&s);
}

/* T-8 */
static void test_sv_50_remote_party_hangs_up_inside_the_window(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 2000);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.remote, "491"));
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_non_null(party_hears(&s.wire, &s.remote, "200"));
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	close_scene(&s);
}

/* T-9, L5 */
static void test_sv_60_reinvite_waits_for_the_transfer(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	wire_run(&s.wire, 250);
	assert_non_null(party_hears(&s.wire, &s.ue, "100"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
	party_answers(&s.wire, &s.msc, "BYE", "200 OK", "", "");
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

/* T-10, L6 */
static void test_sv_61_reinvite_after_the_transfer_stops_the_source_release(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	wire_run(&s.wire, 7000);
	party_sends(&s.wire, &s.ue, "INVITE", "", SDP_UE); /* @req SV-65  no Reason */
	wire_run(&s.wire, 5000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.ue, "200"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 1);
	party_answers(&s.wire, &s.msc, "BYE", "481 Gone", "", ""); /* SV-67 */
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	close_scene(&s);
}

/* T-11, T-13, L4 */
static void test_sv_23_source_leg_is_released_after_the_delay(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	wire_run(&s.wire, 7999);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "481 Gone", "", "");
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	assert_non_null(party_hears(&s.wire, &s.ue, "481"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_on_target(&s);
	close_scene(&s);
}

/* T-12 */
static void test_sv_64_remote_party_refuses_the_return(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer(&s);
	party_sends(&s.wire, &s.ue, "INVITE", REASON_487, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "488 Not Acceptable Here", "", "");
	assert_non_null(party_hears(&s.wire, &s.ue, "488"));
	party_sends(&s.wire, &s.ue, "ACK", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "BYE"), 0);
	wire_run(&s.wire, 8000);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	end_on_target(&s);
	close_scene(&s);
}

static void test_sv_8_nothing_to_transfer(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	transfer_invite(&s.wire, &s.msc, "m1", "<tel:+491711999999>", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "404"));
	transfer_invite(&s.wire, &s.msc, "m2", OF_ALICE, "");
	assert_non_null(party_hears(&s.wire, &s.msc, "480"));
	transfer_invite(&s.wire, &s.msc, "m3", "", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "400"));
	transfer_invite(&s.wire, &s.msc, "m4", "<<>>garbage", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 400"), 2);
	close_scene(&s);
}

/* The MSC server cancels while the remote leg is being updated. */
static void test_sv_50_cancelled_transfer_gives_the_source_leg_its_media_back(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	party_sends(&s.wire, &s.msc, "CANCEL", "", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "487"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 30000"));
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	wire_run(&s.wire, 60000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 0);
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	party_answers(&s.wire, &s.remote, "BYE", "200 OK", "", "");
	close_scene(&s);
}

static void test_sv_20_terminating_call_is_transferred(void **state)
{
	struct scene s;

	(void)state;
	wire_open(&s.wire, transfer_settings);
	transfer_call_to(&s.wire, &s.ue, &s.remote, "call", REMOTE);
	transfer(&s);
	assert_non_null(strstr(wire_last(&s.wire, REMOTE, "INVITE"), "m=audio 50000"));
	assert_non_null(strstr(wire_last(&s.wire, MSC, "SIP/2.0 200"), "m=audio 40000"));
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	end_on_target(&s);
	close_scene(&s);
}

/* @req SV-4  The ATCF has moved the media already: the remote party hears nothing. */
static void test_sv_4_unchanged_description_is_no_update(void **state)
{
	struct scene s;
	char lines[400];

	(void)state;
	open_scene(&s);
	s.msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=atcf", "<sip:atu-sti@127.0.0.1:5070>",
			 "sip:atu-sti@127.0.0.1:5070", "atcf-call");
	snprintf(lines, sizeof(lines),
		 "P-Asserted-Identity: " OF_ALICE
		 "\nTarget-Dialog: call;local-tag=ue;remote-tag=%s\n",
		 strstr(s.ue.remote, "tag=") + 4);
	party_sends(&s.wire, &s.msc, "INVITE", lines, SDP_UE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 0);
	assert_non_null(strstr(party_hears(&s.wire, &s.msc, "200"), "m=audio 40000"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, REMOTE, ""), 0);
	end_on_target(&s);
	close_scene(&s);
}

/* @req SV-50b  The remote party still owes its answer to the update that was withdrawn. */
static void test_sv_50_new_invite_after_a_cancelled_one_waits(void **state)
{
	struct scene s;
	struct party first;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.ue, "BYE", REASON_503, "");
	transfer_invite(&s.wire, &s.msc, "msc-1", OF_ALICE, "");
	party_sends(&s.wire, &s.msc, "CANCEL", "", "");
	assert_non_null(party_hears(&s.wire, &s.msc, "487"));
	first = s.msc;
	party_sends(&s.wire, &first, "ACK", "", "");
	transfer_invite(&s.wire, &s.msc, "msc-2", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 480"), 0);
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "487 Request Terminated", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "INVITE"), 2);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_on_target(&s);
	close_scene(&s);
}

/* docs/adr/0027: the P-CSCF's 481 and its BYE (503) tell of one and the same loss. */
static void test_sv_45_481_of_the_source_leg_is_a_loss_of_access(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "INVITE", "481 Gone", "", "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 491"), 1);
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	wire_run(&s.wire, 5000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	transfer(&s);
	end_on_target(&s);
	close_scene(&s);

	open_scene(&s); /* after the transfer it is of no interest any more */
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 491"), 1);
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s.wire, &s.msc, "200"));
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.ue, "INVITE", "481 Gone", "", "");
	wire_run(&s.wire, 20000);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE"), 0);
	end_on_target(&s);
	close_scene(&s);
}

/* @req RC-3b RC-4 */
static void test_rc_3_late_200_to_the_update_is_acknowledged(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, MSC, "SIP/2.0 480"), 1);
	party_sends(&s.wire, &s.msc, "ACK", "", "");
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
	close_scene(&s);
}

/* RFC 3261 §12.2.1.2: after a 408 the dialog is ended with a BYE. */
static void test_sv_20_silent_remote_party_gets_a_bye(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	transfer_invite(&s.wire, &s.msc, "msc-call", OF_ALICE, "");
	wire_run(&s.wire, 32100);
	assert_non_null(wire_last(&s.wire, MSC, "SIP/2.0 480"));
	assert_int_equal(wire_count(&s.wire, UE, "BYE") > 0, 1);
	assert_int_equal(wire_count(&s.wire, REMOTE, "BYE") > 0, 1);
	close_scene(&s);
}

/* @req RC-4  The BYE has told all: no CANCEL after it, and the open re-INVITE is not waited for longer than that. */
static void test_rc_4_no_cancel_follows_a_bye(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s);
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	party_answers(&s.wire, &s.ue, "INVITE", "100 Trying", "", "");
	party_sends(&s.wire, &s.remote, "BYE", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 1);
	party_answers(&s.wire, &s.ue, "BYE", "200 OK", "", "");
	wire_run(&s.wire, 70000);
	assert_int_equal(node_counters(s.wire.node)->client_transactions, 0);
	assert_int_equal(wire_count(&s.wire, UE, "CANCEL"), 0);
	close_scene(&s);
}

/* @req RF-21  RFC 3261 §14.2 */
static void test_rf_21_no_reinvite_while_the_invite_is_under_way(void **state)
{
	struct scene s;
	char extra[300];

	(void)state;
	wire_open(&s.wire, transfer_settings);
	s.ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			"sip:bob@127.0.0.1:7100", "call");
	s.remote = (struct party){.port = REMOTE};
	snprintf(extra, sizeof(extra), FROM_S_CSCF, "orig", "alice");
	party_sends(&s.wire, &s.ue, "INVITE", extra, SDP_UE);
	party_answers(&s.wire, &s.remote, "INVITE", "183 Session Progress", "", "");
	party_sends(&s.wire, &s.remote, "INVITE", "", SDP_REMOTE);
	assert_int_equal(wire_count(&s.wire, REMOTE, "SIP/2.0 491"), 1);
	assert_int_equal(wire_count(&s.wire, UE, "INVITE"), 0);
	party_sends(&s.wire, &s.remote, "ACK", "", "");
	party_answers(&s.wire, &s.remote, "INVITE", "486 Busy Here", "", "");
	assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 486"), 1);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_2_a_call_is_held_together_by_two_dialogs),
		cmocka_unit_test(test_as_2d_a_description_among_other_parts),
		cmocka_unit_test(test_sv_41_invite_inside_the_window_keeps_the_remote_leg),
		cmocka_unit_test(test_sv_42_invite_after_the_window_finds_nothing),
		cmocka_unit_test(test_sv_48_bye_without_503_releases_at_once),
		cmocka_unit_test(test_sv_47_bye_after_the_invite_ends_the_source_leg_only),
		cmocka_unit_test(test_sv_49_bye_503_of_the_remote_party_is_not_held),
		cmocka_unit_test(test_sv_51_of_two_sessions_the_later_active_one_is_kept),
		cmocka_unit_test(test_sv_50_remote_party_hangs_up_inside_the_window),
		cmocka_unit_test(test_sv_60_reinvite_waits_for_the_transfer),
		cmocka_unit_test(test_sv_61_reinvite_after_the_transfer_stops_the_source_release),
		cmocka_unit_test(test_sv_23_source_leg_is_released_after_the_delay),
		cmocka_unit_test(test_sv_64_remote_party_refuses_the_return),
		cmocka_unit_test(test_sv_8_nothing_to_transfer),
		cmocka_unit_test(test_sv_50_cancelled_transfer_gives_the_source_leg_its_media_back),
		cmocka_unit_test(test_sv_20_terminating_call_is_transferred),
		cmocka_unit_test(test_sv_4_unchanged_description_is_no_update),
		cmocka_unit_test(test_sv_50_new_invite_after_a_cancelled_one_waits),
		cmocka_unit_test(test_sv_45_481_of_the_source_leg_is_a_loss_of_access),
		cmocka_unit_test(test_rc_3_late_200_to_the_update_is_acknowledged),
		cmocka_unit_test(test_sv_20_silent_remote_party_gets_a_bye),
		cmocka_unit_test(test_rc_4_no_cancel_follows_a_bye),
		cmocka_unit_test(test_rf_21_no_reinvite_while_the_invite_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
