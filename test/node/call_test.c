#include "wire.h"

static void test_call_set_up_and_ended_by_the_caller(void **state)
{
	struct wire wire;
	char route[300], value[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 180", 0));
	assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 200", 0));
	assert_int_equal(node_counters(wire.node)->sessions_confirmed, 1);
	assert_non_null(wire_header(wire_sent(&wire, BOB, "INVITE", 0), "Max-Forwards", 0, value,
				    sizeof(value)));
	assert_string_equal(value, "69");
	assert_non_null(
		strstr(wire_sent(&wire, BOB, "INVITE sip:bob@127.0.0.1:7000 SIP/2.0\r\n", 0),
		       "z9hG4bKad-"));
	wire_in_dialog(&wire, ALICE, "BYE", 2, "c1", route, "");
	assert_null(strstr(wire_sent(&wire, BOB, "BYE", 0), "Route:"));
	wire_bob_answers(&wire, "BYE", "200 OK", "b", "");
	assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 200", 1));
	assert_int_equal(node_counters(wire.node)->sessions, 0);
	wire_run(&wire, 40000);
	assert_int_equal(node_counters(wire.node)->server_transactions, 0);
	assert_int_equal(node_counters(wire.node)->client_transactions, 0);
	assert_int_equal(node_counters(wire.node)->timers, 0);
	assert_int_equal(node_counters(wire.node)->message_blocks, 0);
	wire_close(&wire);
}

static void test_sc_1_sc_2_release_of_an_established_session(void **state)
{
	struct wire wire;
	char route[300], value[300];
	uint32_t order;
	struct node_release_order all = {.selector = NODE_SELECT_ALL, .status = 503};
	struct node_release_progress progress;
	const char *bye;

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	wire_forget(&wire);
	assert_int_equal(node_release(wire.node, wire.now_ms, &all, &order), NODE_RELEASE_ACCEPTED);
	wire_collect(&wire);
	bye = wire_sent(&wire, BOB, "BYE sip:bob@127.0.0.1:7000 SIP/2.0\r\n", 0);
	assert_non_null(bye);
	assert_string_equal(wire_header(bye, "CSeq", 0, value, sizeof(value)), "2 BYE");
	assert_string_equal(wire_header(bye, "From", 0, value, sizeof(value)),
			    "<sip:alice@ims.example>;tag=a");
	assert_string_equal(wire_header(bye, "To", 0, value, sizeof(value)),
			    "<sip:bob@ims.example>;tag=b");
	assert_non_null(
		strstr(wire_header(bye, "Reason", 0, value, sizeof(value)), "SIP;cause=503"));
	bye = wire_sent(&wire, ALICE, "BYE sip:alice@127.0.0.1:6000 SIP/2.0\r\n", 0);
	assert_non_null(bye);
	assert_string_equal(wire_header(bye, "To", 0, value, sizeof(value)),
			    "<sip:alice@ims.example>;tag=a");
	assert_true(node_release_progress(wire.node, order, &progress));
	assert_true(progress.running);
	wire_bob_answers(&wire, "BYE", "200 OK", "b", "");
	wire_run(&wire, 33000);
	assert_true(node_release_progress(wire.node, order, &progress));
	assert_false(progress.running);
	assert_int_equal(progress.legs_2xx, 1);
	assert_int_equal(progress.legs_timed_out, 1);
	{
		struct node_session_report report;
		uint64_t cursor = 0;
		static char text[32768];
		struct text_writer w = text_writer_on(text, sizeof(text) - 1);

		assert_true(node_sessions(wire.node, NODE_GONE, (struct text){0}, 10, &cursor,
					  &report));
		ladder_put(&w, &report, 0);
		ladder_put_why(&w, &report, wire.now_ms);
		if (getenv("SHOW_LADDERS"))
			fprintf(stderr, "%.*s\n", (int)w.len, w.at);
	}
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call_set_up_and_ended_by_the_caller),
		cmocka_unit_test(test_sc_1_sc_2_release_of_an_established_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
