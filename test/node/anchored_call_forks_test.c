/* Calls through the SCC AS that fork beyond it: RFC 3261 §12.1.2, §13.2.2.4; RFC 3262. */
#include "anchored_call.h"

/* The branch with this tag answers the INVITE of ours. */
static void fork_answers(struct scene *s, unsigned tag, const char *status_line, const char *extra)
{
	const char *invite = wire_sent(&s->wire, REMOTE, "INVITE", 0);
	char via[300], from[300], to[300], call_id[200], cseq[60];

	assert_non_null(invite);
	put_value(invite, "Via", via, sizeof(via));
	put_value(invite, "From", from, sizeof(from));
	put_value(invite, "To", to, sizeof(to));
	put_value(invite, "CSeq", cseq, sizeof(cseq));
	put_value(invite, "Call-ID", call_id, sizeof(call_id));
	wire_feed(&s->wire, REMOTE,
		  "SIP/2.0 %s\nVia: %s\nFrom: %s\nTo: %s;tag=fork-%u\nCall-ID: %s\nCSeq: %s\n"
		  "Contact: <sip:fork-%u@127.0.0.1:%u>\n%sContent-Length: 0\n\n",
		  status_line, via, from, to, tag, call_id, cseq, tag, REMOTE, extra);
}

/* The caller's side of the dialog that the last such response made. */
static struct party dialog_of(struct scene *s, const char *status)
{
	struct party p = s->ue;

	assert_non_null(party_hears(&s->wire, &p, status));
	p.cseq = p.invite_cseq = s->ue.invite_cseq;
	return p;
}

/* PRACK of the caller in this dialog reaches the fork, and is answered. */
static void prack(struct scene *s, struct party *p, unsigned tag)
{
	const char *request;
	char line[80], to[300];

	wire_run(&s->wire, 1);
	p->branch += 100 * (tag + 1);
	party_sends(&s->wire, p, "PRACK", "RAck: 7 1 INVITE\n", "");
	request = wire_last(&s->wire, REMOTE, "PRACK");
	assert_non_null(request);
	snprintf(line, sizeof(line), "PRACK sip:fork-%u@127.0.0.1:7100 SIP/2.0\r\n", tag);
	assert_memory_equal(request, line, strlen(line));
	put_value(request, "To", to, sizeof(to));
	snprintf(line, sizeof(line), ";tag=fork-%u", tag);
	assert_non_null(strstr(to, line));
	wire_answer(&s->wire, REMOTE, request, "200 OK", "", "");
	wire_check_header(wire_last(&s->wire, UE, "SIP/2.0 200"), "To", p->remote);
}

static void test_rf_14_of_two_early_dialogs_the_second_answers(void **state)
{
	struct scene s;
	struct party first, second;
	const char *m;

	(void)state;
	open_invite(&s, "Supported: 100rel\n", SDP_UE);
	fork_answers(&s, 1, "180 Ringing", "Require: 100rel\nRSeq: 7\n");
	first = dialog_of(&s, "180");
	fork_answers(&s, 2, "183 Progress", "Require: 100rel\nRSeq: 7\n");
	second = dialog_of(&s, "183");
	assert_string_not_equal(first.remote, second.remote);
	prack(&s, &first, 1);
	party_sends(&s.wire, &first, "UPDATE", "", "");
	wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, "UPDATE"), "200 OK", "", "");
	prack(&s, &second, 2); /* RF-2: its CSeq is below that of the UPDATE in the other dialog */
	fork_answers(&s, 2, "200 OK", "");
	m = wire_last(&s.wire, UE, "SIP/2.0 200");
	wire_check_header(m, "To", second.remote);
	party_sends(&s.wire, &second, "ACK", "", "");
	assert_non_null(wire_last(&s.wire, REMOTE, "ACK sip:fork-2@127.0.0.1:7100 "));
	/* RC-8: a late one is released, once. */
	wire_forget(&s.wire);
	s.ue = second;
	{
		struct wire *w = &s.wire;

		party_sends(w, &s.ue, "INFO", "", "");
		m = wire_last(w, REMOTE, "INFO sip:fork-2@127.0.0.1:7100 ");
		assert_non_null(m);
		wire_answer(w, REMOTE, m, "200 OK", "", "");
		party_sends(w, &first, "INFO", "", "");
		assert_non_null(wire_last(w, UE, "SIP/2.0 481"));
		assert_int_equal(wire_count(w, REMOTE, "INFO"), 1);
		first.branch += 50;
		party_sends(w, &first, "BYE", "", "");
		assert_int_equal(wire_count(w, REMOTE, "BYE"), 0);
	}
	party_sends(&s.wire, &s.ue, "BYE", "", "");
	m = wire_last(&s.wire, REMOTE, "BYE sip:fork-2@127.0.0.1:7100 ");
	assert_non_null(m);
	wire_answer(&s.wire, REMOTE, m, "200 OK", "", "");
	close_scene(&s);
}

static void test_rc_9a_a_late_2xx_of_another_branch_gets_ack_and_bye(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct scene s;
		unsigned winner = i & 1 ? 1 : 2, late = 3 - winner;
		bool is_over = i & 2;
		struct party caller;
		char line[80];
		unsigned heard;
		const char *invite;

		open_invite(&s, "", SDP_UE);
		fork_answers(&s, 1, "180 Ringing", "");
		fork_answers(&s, 2, "180 Ringing", "");
		fork_answers(&s, winner, "200 OK", "");
		caller = dialog_of(&s, "200");
		party_sends(&s.wire, &caller, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "ACK"), 1);
		if (is_over) { /* even after the end of the call */
			party_sends(&s.wire, &caller, "BYE", "", "");
			wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, "BYE"), "200 OK",
				    "", "");
		}
		heard = wire_count(&s.wire, UE, "");
		fork_answers(&s, late, "200 OK", "");
		snprintf(line, sizeof(line), "ACK sip:fork-%u@", late);
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 1);
		snprintf(line, sizeof(line), "BYE sip:fork-%u@", late);
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 1);
		fork_answers(&s, late, "200 OK", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 1); /* RC-8b */
		assert_int_equal(wire_count(&s.wire, UE, ""), heard);
		wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, line), "200 OK", "", "");
		invite = wire_sent(&s.wire, REMOTE, "INVITE", 0);
		assert_non_null(invite);
		if (!is_over) {
			party_sends(&s.wire, &caller, "BYE", "", "");
			snprintf(line, sizeof(line), "BYE sip:fork-%u@", winner);
			wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, line), "200 OK", "",
				    "");
		}
		close_scene(&s);
	}
}

/* LIMIT_FORKS: what nobody has a place for is not passed on, but who answers has one. */
static void test_nine_early_dialogs_and_the_last_answers(void **state)
{
	struct scene s;
	struct party dialogs[8], caller;

	(void)state;
	open_invite(&s, "Supported: 100rel\n", SDP_UE);
	for (unsigned i = 0; i < 9; i++) {
		fork_answers(&s, i, "180 Ringing", "Require: 100rel\nRSeq: 7\n");
		assert_int_equal(wire_count(&s.wire, UE, "SIP/2.0 180"), i < 8 ? i + 1 : 8);
		if (i == 8)
			break;
		dialogs[i] = dialog_of(&s, "180");
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(dialogs[i].remote, dialogs[j].remote);
		prack(&s, &dialogs[i], i);
	}
	fork_answers(&s, 8, "200 OK", "");
	caller = dialog_of(&s, "200");
	party_sends(&s.wire, &caller, "ACK", "", "");
	assert_non_null(wire_last(&s.wire, REMOTE, "ACK sip:fork-8@"));
	for (unsigned i = 0; i < 7; i++) {
		char line[80];

		fork_answers(&s, i, "200 OK", "");
		snprintf(line, sizeof(line), "ACK sip:fork-%u@", i);
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 1);
		snprintf(line, sizeof(line), "BYE sip:fork-%u@", i);
		wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, line), "200 OK", "", "");
	}
	party_sends(&s.wire, &caller, "BYE", "", "");
	wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, "BYE sip:fork-8@"), "200 OK", "",
		    "");
	close_scene(&s);
}

static void test_rc_5a_a_2xx_of_another_branch_crosses_the_cancel(void **state)
{
	(void)state;
	for (unsigned winner = 1; winner < 4; winner++) {
		struct scene s;
		char line[80];

		open_invite(&s, "", SDP_UE);
		fork_answers(&s, 1, "180 Ringing", "");
		fork_answers(&s, 2, "180 Ringing", "");
		party_sends(&s.wire, &s.ue, "CANCEL", "", "");
		assert_non_null(wire_last(&s.wire, UE, "SIP/2.0 487"));
		party_sends(&s.wire, &s.ue, "ACK", "", "");
		assert_int_equal(wire_count(&s.wire, REMOTE, "CANCEL"), 1);
		wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, "CANCEL"), "200 OK", "x",
			    "");
		fork_answers(&s, winner, "200 OK", "");
		fork_answers(&s, winner, "200 OK", "");
		snprintf(line, sizeof(line), "ACK sip:fork-%u@", winner);
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 2);
		snprintf(line, sizeof(line), "BYE sip:fork-%u@", winner);
		assert_int_equal(wire_count(&s.wire, REMOTE, line), 1);
		wire_answer(&s.wire, REMOTE, wire_last(&s.wire, REMOTE, line), "200 OK", "", "");
		wire_run(&s.wire, 10);
		assert_int_equal(wire_counters(&s.wire)->sessions, 0);
		close_scene(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rf_14_of_two_early_dialogs_the_second_answers),
		cmocka_unit_test(test_rc_9a_a_late_2xx_of_another_branch_gets_ack_and_bye),
		cmocka_unit_test(test_nine_early_dialogs_and_the_last_answers),
		cmocka_unit_test(test_rc_5a_a_2xx_of_another_branch_crosses_the_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
