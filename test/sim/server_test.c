/* The application servers of the cast, proved against user agents: a loose-routing relay stands where the S-CSCF would, and Route leads from it to each server and back. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char report_bytes[65536];

static bool run(const char *lines)
{
	struct text_writer report = text_writer_on(report_bytes, sizeof(report_bytes) - 1);
	bool well = story_run_text(lines, "none.story", false, &report);

	report_bytes[report.len] = 0;
	return well;
}

static void passes(const char *lines)
{
	if (!run(lines))
		fail_msg("%s", report_bytes);
}

static void fails_with(const char *lines, const char *words)
{
	assert_false(run(lines));
	if (!strstr(report_bytes, words))
		fail_msg("\"%s\" is not in:\n%s", words, report_bytes);
}

#define RELAY  "<sip:127.0.0.1:5060;lr>"
#define BACK   "<sip:127.0.0.1:5060;lr;odi=a1>"
#define BACK_2 "<sip:127.0.0.1:5060;lr;odi=a2>"
#define FIRST  "<sip:127.0.0.1:7001;lr>"
#define SECOND "<sip:127.0.0.1:7002;lr>"
#define BOB    "sip:bob@127.0.0.1:6002"
#define SERVED "header \"P-Served-User: <sip:alice@ims.example>;sescase=orig;regstate=reg\""
#define CAST                                                                                       \
	"relay cscf at 127.0.0.1:5060\n"                                                           \
	"ue alice at 127.0.0.1:6001 to cscf\n"                                                     \
	"ue bob at 127.0.0.1:6002 to cscf\n"
#define INVITE                                                                                     \
	"at 0 alice invites " BOB " header \"Route: " RELAY ", " FIRST ", " BACK "\" " SERVED "\n"
#define NOTHING_LEFT "expect nothing left\n"

static void test_a_proxy_stands_in_the_path_of_the_whole_call(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\n" INVITE "at 1000 alice sends INFO\n"
		    "at 1500 bob sends INVITE\n"
		    "at 2000 alice hangs up\n"
		    "expect at s1 1 INVITE with cseq is 1\n"
		    "expect at s1 1 INFO\n"
		    "expect at s1 1 BYE\n"
		    "expect at bob 1 BYE\n"
		    "expect at bob 1 INVITE with Via contains 127.0.0.1:5060\n"
		    "expect call alice over\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\n" INVITE
		    "at 2000 bob hangs up\nexpect at s1 1 BYE\n" NOTHING_LEFT);
}

static void test_a_proxy_that_does_not_record_route_is_passed_by(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy absent\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at s1 no ACK\nexpect at s1 no BYE\nexpect at bob 1 BYE\n" NOTHING_LEFT);
}

static void test_a_proxy_survives_loss(void **state)
{
	(void)state;
	passes("seed 7\n" CAST "link all delay 5 loss-permille 200\n"
	       "server s1 at 127.0.0.1:7001 as proxy\n"
	       "ue carol at 127.0.0.1:6003 to cscf\n" INVITE "at 20000 alice hangs up\n"
	       "expect at s1 1 BYE\n"
	       "expect call alice over\n" NOTHING_LEFT);
}

static void test_a_proxy_passes_cancel_and_failures_on(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\nbob never answers\n"
		    "relay other at 127.0.0.1:5061\n"
		    "at 0 alice invites " BOB " header \"Route: " FIRST ", " BACK "\" " SERVED "\n"
		    "at 1000 alice cancels\n"
		    "expect at bob 1 CANCEL\nexpect call alice failed 487\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\nbob answers after 200 with 486\n" INVITE
		    "expect at alice 1 486\nexpect call alice failed 486\n" NOTHING_LEFT);
}

static void test_a_forking_server_sends_each_with_the_same_route(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as forking into 2\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at cscf 2 INVITE from s1\n"
		    "expect at bob 2 INVITE\n"
		    "expect at alice 1 200 to INVITE\n" NOTHING_LEFT);
}

static void test_a_b2bua_has_a_dialog_on_each_side(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\n" INVITE "at 1000 alice sends INFO\n"
		    "at 1100 bob sends UPDATE with-sdp\n"
		    "at 1200 alice sends INVITE\n"
		    "at 2000 alice hangs up\n"
		    "expect at bob 1 INVITE with Call-ID contains s1- with cseq is 1\n"
		    "expect at bob 1 INVITE with Contact contains 127.0.0.1:7001 with cseq is 1\n"
		    "expect at bob 1 INFO with Call-ID contains s1-\n"
		    "expect at alice 1 UPDATE with Call-ID contains alice-\n"
		    "expect at s1 1 BYE\n"
		    "expect at alice 1 200 to BYE\n"
		    "expect at bob 1 BYE with Call-ID contains s1-\n"
		    "expect call alice over\nexpect call bob over\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\n" INVITE "at 2000 bob hangs up\n"
		    "expect at alice 1 BYE with Call-ID contains alice-\n"
		    "expect call alice over\nexpect call bob over\n" NOTHING_LEFT);
}

static void test_a_b2bua_relays_cancel_and_failures(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\nbob never answers\n"
		    "at 0 alice invites " BOB " header \"Route: " FIRST ", " BACK "\" " SERVED "\n"
		    "at 1000 alice cancels\n"
		    "expect at bob 1 CANCEL\nexpect call alice failed 487\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\nbob answers after 200 with 486\n" INVITE
		    "expect call alice failed 486\n" NOTHING_LEFT);
}

static void test_a_b2bua_says_no_bye_before_the_ack(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\nalice acknowledges after 1000\n" INVITE
		    "at 500 bob hangs up\n"
		    "expect at alice 1 BYE sent-after 1000\n"
		    "expect call alice over\n" NOTHING_LEFT);
}

static void test_two_servers_in_a_row(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\nserver s2 at 127.0.0.1:7002 as proxy\n"
		    "at 0 alice invites " BOB " header \"Route: " RELAY ", " FIRST ", " BACK
		    ", " SECOND ", " BACK_2 "\" " SERVED "\n"
		    "at 2000 alice hangs up\n"
		    "expect at s1 1 BYE\nexpect at s2 1 BYE\nexpect at bob 1 BYE\n"
		    "expect violation at s1 \"4 Route values\"\n" NOTHING_LEFT);
}

static void test_a_redirecting_server_and_one_that_answers(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as redirect to sip:carol@ims.example\n" INVITE
		    "expect at alice 1 302 with Contact contains carol\n"
		    "expect at bob no message\nexpect call alice failed 302\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as answerer\n" INVITE "at 2000 alice hangs up\n"
		    "expect at s1 1 ACK\nexpect at s1 1 BYE\nexpect at bob no message\n"
		    "expect call s1 over\n" NOTHING_LEFT);
}

static void test_a_silent_server_says_nothing(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as silent\n" INVITE
		    "expect at alice no message\nexpect call alice failed\n" NOTHING_LEFT);
}

static void test_a_late_server_and_one_that_diverts(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy late 700 with 183\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at alice 1 183\n"
		    "expect at bob 1 INVITE sent-after 700\n" NOTHING_LEFT);
	passes(CAST
	       "ue carol at 127.0.0.1:6003 to cscf\n"
	       "server s1 at 127.0.0.1:7001 as proxy diverts to sip:carol@127.0.0.1:6003\n" INVITE
	       "at 2000 alice hangs up\n"
	       "expect at carol 1 INVITE\nexpect at bob no message\n" NOTHING_LEFT);
}

static void test_servers_fail_in_the_words_of_user_agents(void **state)
{
	(void)state;
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\ns1 answers BYE with 481\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at alice 1 481 to BYE\nexpect at bob no BYE\n"
		    "at 3000 bob hangs up\n");
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\ns1 answers INVITE with 500\n" INVITE
		    "expect call alice failed 500\nexpect at bob no message\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\nat 1000 s1 ignores BYE times 3\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at s1 1 BYE\n");
	passes(CAST "server s1 at 127.0.0.1:7001 as proxy\ns1 delays BYE by 300\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at bob 1 BYE sent-after 2300\n" NOTHING_LEFT);
	passes(CAST "server s1 at 127.0.0.1:7001 as b2bua\ns1 delays BYE by 300\n" INVITE
		    "at 2000 alice hangs up\n"
		    "expect at bob 1 BYE sent-after 2300\n" NOTHING_LEFT);
}

static void test_servers_complain_of_a_wrong_first_contact(void **state)
{
	(void)state;
	fails_with(CAST "server s1 at 127.0.0.1:7001 as proxy\nat 0 alice invites " BOB
			" header \"Route: " RELAY ", " FIRST ", " BACK
			"\"\nat 2000 alice hangs up\n",
		   "INVITE with no P-Served-User");
	fails_with(CAST "server s1 at 127.0.0.1:7001 as b2bua\nat 0 alice invites " BOB
			" header \"Route: " RELAY ", " FIRST ", " BACK
			"\" header \"P-Served-User: <sip:a@ims.example>;sescase=orig\"\n",
		   "P-Served-User without a regstate");
	fails_with(CAST "server s1 at 127.0.0.1:7001 as proxy\nat 0 alice invites " BOB
			" header \"Route: " FIRST "\" " SERVED "\n",
		   "INVITE with 1 Route values");
	fails_with(CAST "server s1 at 127.0.0.1:7001 as answerer\nat 0 alice invites " BOB
			" header \"Route: " FIRST ", " RELAY "\" " SERVED "\n",
		   "no original dialog identifier");
}

static void test_servers_complain_of_a_second_bye_and_of_low_numbers(void **state)
{
	(void)state;
	fails_with(CAST
		   "server s1 at 127.0.0.1:7001 as proxy\nue mallory at 127.0.0.1:6009\n" INVITE
		   "at 1000 mallory forges BYE of alice toward cscf cseq 7\n"
		   "at 2000 mallory forges BYE of alice toward cscf cseq 8\n",
		   "s1: another BYE in the same dialog");
	fails_with(CAST
		   "server s1 at 127.0.0.1:7001 as proxy\nue mallory at 127.0.0.1:6009\n" INVITE
		   "at 1000 mallory forges INFO of alice toward cscf cseq 1\n",
		   "s1: INFO with CSeq 1 after 1");
	fails_with(CAST
		   "server s1 at 127.0.0.1:7001 as proxy\nue mallory at 127.0.0.1:6009\n" INVITE
		   "at 1000 mallory forges BYE of alice toward cscf cseq 7 from-tag other\n",
		   "s1: BYE in a dialog that did not begin here");
	fails_with(CAST "server s1 at 127.0.0.1:7001 as proxy\n" INVITE
			"at 1000 bob ignores BYE\nat 2000 alice hangs up\n",
		   "BYE (2) went on and was never answered");
	fails_with(CAST "server s1 at 127.0.0.1:7001 as proxy\n" INVITE NOTHING_LEFT,
		   "s1 has 1 dialogs");
}

static void test_criteria_that_are_wrong_are_said_with_their_line(void **state)
{
	(void)state;
	fails_with("subscriber sip:a@ims.example\ncriteria of sip:a@ims.example priority 1 server "
		   "s9\n",
		   "line 2: no server is called s9");
	fails_with("subscriber sip:a@ims.example\ncriteria of sip:a@ims.example priority 1\n",
		   "line 2: criteria of URI");
	fails_with("criteria of sip:b@ims.example priority 1 server sip:as.example\n",
		   "line 1: nobody subscribes as sip:b@ims.example");
	fails_with("subscriber sip:a@ims.example\n"
		   "criteria of sip:a@ims.example case orig server sip:as.example\n",
		   "line 2: case orig-reg");
	fails_with("subscriber sip:a@ims.example\n"
		   "criteria of sip:a@ims.example on sunday server sip:as.example wherever\n",
		   "line 2: not understood: \"wherever\"");
	passes("subscriber sip:a@ims.example also tel:+4930123 private a@ims.example\n"
	       "server s1 at 127.0.0.1:7001 as proxy\n"
	       "criteria of sip:a@ims.example priority 2 on INVITE case orig-reg not header "
	       "Subject "
	       "content urgent sdp m content audio request-uri ims default terminate server s1\n"
	       "criteria of sip:a@ims.example priority 1 any on REGISTER initial removal "
	       "registered "
	       "info abc server sip:as.example\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_proxy_stands_in_the_path_of_the_whole_call),
		cmocka_unit_test(test_a_proxy_that_does_not_record_route_is_passed_by),
		cmocka_unit_test(test_a_proxy_survives_loss),
		cmocka_unit_test(test_a_proxy_passes_cancel_and_failures_on),
		cmocka_unit_test(test_a_forking_server_sends_each_with_the_same_route),
		cmocka_unit_test(test_a_b2bua_has_a_dialog_on_each_side),
		cmocka_unit_test(test_a_b2bua_relays_cancel_and_failures),
		cmocka_unit_test(test_a_b2bua_says_no_bye_before_the_ack),
		cmocka_unit_test(test_two_servers_in_a_row),
		cmocka_unit_test(test_a_redirecting_server_and_one_that_answers),
		cmocka_unit_test(test_a_silent_server_says_nothing),
		cmocka_unit_test(test_a_late_server_and_one_that_diverts),
		cmocka_unit_test(test_servers_fail_in_the_words_of_user_agents),
		cmocka_unit_test(test_servers_complain_of_a_wrong_first_contact),
		cmocka_unit_test(test_servers_complain_of_a_second_bye_and_of_low_numbers),
		cmocka_unit_test(test_criteria_that_are_wrong_are_said_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
