/* The MSC server assisted mid-call feature: TS 24.237 §12.3.2, SV-9, SV-9a, SV-9b, SV-26, SV-27. */
#include "access_transfer.h"

#define MID_CALL ";+g.3gpp.mid-call"

struct scene {
	struct wire wire;
	struct party ue[3], remote[3], msc[2];
	unsigned n;
};

static void with_additional(struct node_settings *s)
{
	transfer_settings(s);
	s->sccas.additional_session = TEXT("sip:additional@127.0.0.1:5070");
}

static void open_calls(struct scene *s, unsigned n, const char *features)
{
	static const uint16_t ports[] = {REMOTE, OTHER, 7300};

	memset(s, 0, sizeof(*s));
	wire_open(&s->wire, with_additional);
	s->n = n;
	for (unsigned i = 0; i < n; i++) {
		char call_id[20], extra[300], target[60];

		snprintf(call_id, sizeof(call_id), "call-%u", i);
		snprintf(target, sizeof(target), "sip:bob@127.0.0.1:%u", ports[i]);
		s->ue[i] = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
				    target, call_id);
		s->ue[i].features = features;
		s->remote[i] = (struct party){.port = ports[i]};
		snprintf(extra, sizeof(extra), FROM_S_CSCF, "orig", "alice");
		party_sends(&s->wire, &s->ue[i], "INVITE", extra, SDP_UE);
		party_answers(&s->wire, &s->remote[i], "INVITE", "200 OK", "", SDP_REMOTE);
		assert_non_null(party_hears(&s->wire, &s->ue[i], "200"));
		party_sends(&s->wire, &s->ue[i], "ACK", "", "");
		wire_run(&s->wire, 1000);
	}
	wire_forget(&s->wire);
}

static void transfer_to(struct scene *s, unsigned which, struct party *msc, const char *uri,
			const char *call_id, const char *features)
{
	*msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=msc", "<tel:" STN_SR ">", uri, call_id);
	msc->features = features;
	party_sends(&s->wire, msc, "INVITE", "P-Asserted-Identity: " OF_ALICE "\n", SDP_MSC);
	party_answers(&s->wire, &s->remote[which], "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(&s->wire, msc, "200"));
	party_sends(&s->wire, msc, "ACK", "", "");
}

static void answer_byes(struct scene *s)
{
	for (unsigned i = 0; i < s->n; i++)
		if (wire_count(&s->wire, s->remote[i].port, "BYE"))
			party_answers(&s->wire, &s->remote[i], "BYE", "200 OK", "", "");
	for (unsigned i = 0; i < wire_count(&s->wire, UE, "BYE"); i++) {
		/* each dialog of the UE by its own Call-ID */
		const char *bye = wire_sent(&s->wire, UE, "BYE", i);
		char via[300], from[300], to[300], cseq[60], id[128], bytes[1500];
		int n;

		put_value(bye, "Via", via, sizeof(via));
		put_value(bye, "From", from, sizeof(from));
		put_value(bye, "To", to, sizeof(to));
		put_value(bye, "CSeq", cseq, sizeof(cseq));
		put_value(bye, "Call-ID", id, sizeof(id));
		n = snprintf(bytes, sizeof(bytes),
			     "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
			     "CSeq: %s\r\nContent-Length: 0\r\n\r\n",
			     via, from, to, id, cseq);
		wire_feed_bytes(&s->wire, wire_address(TRANSPORT_UDP, UE), bytes, (size_t)n);
	}
}

static void close_scene(struct scene *s)
{
	transfer_is_clean(&s->wire);
	transfer_close(&s->wire);
}

static void test_sv_9_without_the_feature_the_others_are_released(void **state)
{
	struct scene s;
	char reason[100];

	(void)state;
	open_calls(&s, 3, "");
	transfer_to(&s, 2, &s.msc[0], "tel:" STN_SR, "msc-1", MID_CALL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(wire_count(&s.wire, s.remote[i].port, "BYE"), 1);
		put_value(wire_last(&s.wire, s.remote[i].port, "BYE"), "Reason", reason,
			  sizeof(reason));
		assert_non_null(strstr(reason, "SIP;cause=200"));
	}
	assert_int_equal(wire_count(&s.wire, UE, "BYE"), 2); /* SV-27 */
	answer_byes(&s);
	assert_int_equal(wire_count(&s.wire, s.remote[2].port, "BYE"), 0);
	party_sends(&s.wire, &s.remote[2], "BYE", "", "");
	party_answers(&s.wire, &s.msc[0], "BYE", "200 OK", "", "");
	answer_byes(&s);
	close_scene(&s);
}

static void test_sv_9a_the_second_most_recent_one_is_kept_and_held(void **state)
{
	struct scene s;

	(void)state;
	open_calls(&s, 3, MID_CALL);
	transfer_to(&s, 2, &s.msc[0], "tel:" STN_SR, "msc-1", MID_CALL);
	assert_int_equal(wire_count(&s.wire, s.remote[0].port, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, s.remote[1].port, "BYE"), 0);
	assert_non_null(strstr(wire_last(&s.wire, s.remote[1].port, "INVITE"), "a=sendonly"));
	assert_non_null(strstr(wire_last(&s.wire, MSC, "INFO"), "Info-Package: g.3gpp.mid-call"));
	party_answers(&s.wire, &s.msc[0], "INFO", "200 OK", "", "");
	party_answers(&s.wire, &s.remote[1], "INVITE", "200 OK", "", SDP_REMOTE "a=recvonly\r\n");
	answer_byes(&s);
	wire_run(&s.wire, 500);
	/* SV-9b */
	transfer_to(&s, 1, &s.msc[1], "sip:additional@127.0.0.1:5070", "msc-2", MID_CALL);
	assert_int_equal(wire_count(&s.wire, s.remote[2].port, "BYE"), 0);
	wire_run(&s.wire, 8000);
	answer_byes(&s);
	assert_int_equal(wire_count(&s.wire, s.remote[1].port, "BYE"), 0);
	party_sends(&s.wire, &s.remote[2], "BYE", "", "");
	party_answers(&s.wire, &s.msc[0], "BYE", "200 OK", "", "");
	party_sends(&s.wire, &s.remote[1], "BYE", "", "");
	party_answers(&s.wire, &s.msc[1], "BYE", "200 OK", "", "");
	answer_byes(&s);
	close_scene(&s);
}

/* The MSC server never asks for it: it is not up for ever. A hold that meets another offer is tried again. */
static void test_sv_9c_a_kept_session_that_nobody_fetches(void **state)
{
	struct scene s;

	(void)state;
	open_calls(&s, 2, MID_CALL);
	transfer_to(&s, 1, &s.msc[0], "tel:" STN_SR, "msc-1", MID_CALL);
	assert_non_null(strstr(wire_last(&s.wire, MSC, "SIP/2.0 200"), ";+g.3gpp.mid-call"));
	party_answers(&s.wire, &s.msc[0], "INFO", "200 OK", "", "");
	party_answers(&s.wire, &s.remote[0], "INVITE", "491 Request Pending", "", "");
	assert_int_equal(wire_count(&s.wire, s.remote[0].port, "INVITE"), 1);
	while (wire_count(&s.wire, s.remote[0].port, "INVITE") < 2 && s.wire.now_ms < 20000)
		wire_run(&s.wire, 10);
	assert_non_null(strstr(wire_last(&s.wire, s.remote[0].port, "INVITE"), "a=sendonly"));
	party_answers(&s.wire, &s.remote[0], "INVITE", "200 OK", "", SDP_REMOTE "a=recvonly\r\n");
	assert_int_equal(wire_count(&s.wire, s.remote[0].port, "BYE"), 0);
	wire_run(&s.wire, 8000);
	assert_in_range(wire_count(&s.wire, s.remote[0].port, "BYE"), 1, 6);
	assert_int_equal(wire_count(&s.wire, s.remote[1].port, "BYE"), 0);
	answer_byes(&s);
	party_sends(&s.wire, &s.remote[1], "BYE", "", "");
	party_answers(&s.wire, &s.msc[0], "BYE", "200 OK", "", "");
	answer_byes(&s);
	close_scene(&s);
}

static void test_sv_26_the_kept_one_has_a_window_of_its_own(void **state)
{
	struct scene s;

	(void)state;
	open_calls(&s, 2, MID_CALL);
	transfer_to(&s, 1, &s.msc[0], "tel:" STN_SR, "msc-1", MID_CALL);
	party_answers(&s.wire, &s.remote[0], "INVITE", "200 OK", "", SDP_REMOTE "a=recvonly\r\n");
	party_sends(&s.wire, &s.ue[0], "BYE", REASON_503, "");
	wire_run(&s.wire, 7999);
	assert_int_equal(wire_count(&s.wire, s.remote[0].port, "BYE"), 0);
	wire_run(&s.wire, 1);
	assert_int_equal(wire_count(&s.wire, s.remote[0].port, "BYE"), 1);
	assert_int_equal(wire_count(&s.wire, s.remote[1].port, "BYE"), 0);
	answer_byes(&s);
	party_sends(&s.wire, &s.remote[1], "BYE", "", "");
	party_answers(&s.wire, &s.msc[0], "BYE", "200 OK", "", "");
	answer_byes(&s);
	close_scene(&s);
}

static void test_sv_9b_additional_session_that_nobody_keeps(void **state)
{
	struct scene s;

	(void)state;
	open_calls(&s, 1, MID_CALL);
	s.msc[0] = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=msc", "<tel:" STN_SR ">",
			    "sip:additional@127.0.0.1:5070", "msc-1");
	party_sends(&s.wire, &s.msc[0], "INVITE", "P-Asserted-Identity: " OF_ALICE "\n", SDP_MSC);
	assert_non_null(party_hears(&s.wire, &s.msc[0], "480"));
	party_sends(&s.wire, &s.ue[0], "BYE", "", "");
	answer_byes(&s);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_9_without_the_feature_the_others_are_released),
		cmocka_unit_test(test_sv_9a_the_second_most_recent_one_is_kept_and_held),
		cmocka_unit_test(test_sv_9c_a_kept_session_that_nobody_fetches),
		cmocka_unit_test(test_sv_26_the_kept_one_has_a_window_of_its_own),
		cmocka_unit_test(test_sv_9b_additional_session_that_nobody_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
