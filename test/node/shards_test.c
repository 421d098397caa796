/* Which shard a message belongs to: requests, responses, CANCELs and retransmissions of a call meet, however the Call-ID is written. */
#include "wire.h"

static uint32_t shard_of(const char *format, const char *call_id, uint32_t n_shards)
{
	char bytes[600];
	int n = snprintf(bytes, sizeof(bytes), format, call_id);

	return node_shard_of((struct text){bytes, (uint32_t)n}, n_shards);
}

#define REQUEST "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"

static const char *const forms[] = {
	REQUEST "Call-ID: %s\r\nCSeq: 1 INVITE\r\n\r\n",
	REQUEST "i: %s\r\nCSeq: 1 INVITE\r\n\r\n",
	REQUEST "I : %s\r\n\r\n",
	REQUEST "i:%s\r\n\r\n",
	REQUEST "I\t:\t%s  \r\n\r\n",
	REQUEST "CALL-ID:%s\r\n\r\n",
	REQUEST "call-id \t:   %s \t \r\n\r\n",
	REQUEST "X-Call-ID: wrong\r\nCall-ID: %s\r\n\r\nCall-ID: wrong\r\n",
	REQUEST "Subject: Call-ID: wrong\r\nCall-ID: %s\r\n\r\n",
	REQUEST "Subject: folded\r\n Call-ID: wrong\r\nCall-ID: %s\r\n\r\n",
	"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: %s\r\nCSeq: 1 "
	"INVITE\r\n\r\n",
	"SIP/2.0 200 OK\nCall-ID: %s\nCSeq: 1 INVITE\n\n",
	"\r\n\r\nINVITE sip:b@x SIP/2.0\r\nCall-ID: %s\r\n\r\n",
	REQUEST "Call-ID:\r\n %s\r\n\r\n", /* folded */
};

static void test_all_forms_of_a_call_id_agree(void **state)
{
	static const uint32_t n_shards[] = {1, 2, 3, 7, 64, 1000};
	unsigned wrong = 0;

	(void)state;
	for (size_t s = 0; s < 6; s++)
		for (unsigned i = 0; i < 50; i++) {
			char call_id[40];
			uint32_t want;

			snprintf(call_id, sizeof(call_id), "id-%u@host%u.example", i * 7919, i);
			want = shard_of(forms[0], call_id, n_shards[s]);
			assert_in_range(want, 0, n_shards[s] - 1);
			for (size_t f = 1; f < sizeof(forms) / sizeof(forms[0]); f++)
				if (shard_of(forms[f], call_id, n_shards[s]) != want) {
					if (s == 5)
						print_error("form %zu\n", f);
					wrong++;
				}
		}
	assert_int_equal(wrong, 0);
}

static void test_calls_are_spread_evenly(void **state)
{
	unsigned by_shard[8] = {0};

	(void)state;
	for (unsigned i = 0; i < 8000; i++) {
		char call_id[40];

		snprintf(call_id, sizeof(call_id), "%u", i);
		by_shard[shard_of(forms[0], call_id, 8)]++;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(by_shard[i], 850, 1150);
}

static void test_without_a_call_id_it_is_shard_0(void **state)
{
	static const char *const none[] = {"",
					   "\r\n\r\n",
					   "noise",
					   REQUEST "\r\n",
					   REQUEST "\r\nCall-ID: in-the-body\r\n",
					   REQUEST "Call-ID: \r\n\r\n",
					   REQUEST "Call-ID",
					   REQUEST "i",
					   "\n",
					   "Call-ID: first-line"};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(node_shard_of(text_of(none[i]), 16), 0);
	assert_int_equal(node_shard_of((struct text){0}, 16), 0);
}

/* Every prefix, in a buffer of its own: nothing is read beyond the end. */
static void test_cut_off_anywhere(void **state)
{
	static const char whole[] =
		REQUEST "Subject: x\r\nCall-ID: abc@def\r\nCSeq: 1 INVITE\r\n\r\n";

	(void)state;
	for (size_t n = 0; n <= sizeof(whole) - 1; n++) {
		char *bytes = malloc(n + (n == 0));

		memcpy(bytes, whole, n);
		assert_in_range(node_shard_of((struct text){bytes, (uint32_t)n}, 5), 0, 4);
		free(bytes);
	}
}

/* What one shard registers the others take over, and a branch or a handle of another shard is nobody's here. */
static void test_bindings_travel_between_shards(void **state)
{
	struct wire a, b;
	struct node_action action;
	struct node_event event = {.kind = NODE_EVENT_BINDING};
	char lines[2000];
	uint32_t n = 0;

	(void)state;
	wire_open(&a, NULL);
	wire_open(&b, NULL);
	event.kind = NODE_EVENT_MESSAGE;
	event.peer = wire_address(TRANSPORT_UDP, 7400);
	event.bytes = TEXT("REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
			   "127.0.0.1:7400;branch=z9hG4bKr\r\nFrom: <sip:dan@ims.example>;tag=d\r\n"
			   "To: <sip:dan@ims.example>\r\nCall-ID: r\r\nCSeq: 1 "
			   "REGISTER\r\nContact: <sip:dan@127.0.0.1:7400>;expires=500\r\n"
			   "Path: <sip:127.0.0.1:8000;lr>\r\nContent-Length: 0\r\n\r\n");
	node_feed(a.node, a.now_ms, &event);
	while (node_next_action(a.node, &action))
		if (action.kind == NODE_ACTION_BINDING) {
			memcpy(lines + n, action.bytes.at, action.bytes.len);
			n += action.bytes.len;
		}
	node_actions_done(a.node);
	assert_true(n > 0);
	event = (struct node_event){.kind = NODE_EVENT_BINDING, .bytes = {lines, n}};
	node_feed(b.node, b.now_ms, &event);
	wire_feed(&b, ALICE,
		  "INVITE sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKi\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: "
		  "i\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
		  "Content-Length: 0\n\n");
	wire_check_header(wire_sent(&b, 8000, "INVITE sip:dan@127.0.0.1:7400", 0), "Route",
			  "<sip:127.0.0.1:8000;lr>");
	/* garbage from another shard is no crash and no binding */
	event.bytes = TEXT("half\na\nline");
	node_feed(b.node, b.now_ms, &event);
	assert_int_equal(wire_counters(&b)->bindings, 2);
	wire_close(&a);
	wire_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_forms_of_a_call_id_agree),
		cmocka_unit_test(test_calls_are_spread_evenly),
		cmocka_unit_test(test_without_a_call_id_it_is_shard_0),
		cmocka_unit_test(test_cut_off_anywhere),
		cmocka_unit_test(test_bindings_travel_between_shards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
