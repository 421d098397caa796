/* Which shard a message belongs to: requests, responses, CANCELs and retransmissions of a call meet, however the Call-ID is written. */
#include "through_servers.h"

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

/* ---------------------------------------------------------------- IC-14 */

/* A Call-ID that by itself belongs to shard `wanted` of `n_shards`. */
static const char *call_id_of_shard(uint32_t wanted, uint32_t n_shards)
{
	static char call_id[40];

	for (unsigned i = 0;; i++) {
		snprintf(call_id, sizeof(call_id), "other-%u", i);
		if (shard_of(forms[0], call_id, n_shards) == wanted)
			return call_id;
	}
}

#define ODI(shard)     "<sip:127.0.0.1:5060;lr;odi=" shard "-1-2-0badcafe-12345678>"
#define SESSION(shard) "<sip:127.0.0.1:5060;lr;adieu=" shard "-a-b>"

/* @req IC-14  A message that names a shard of ours goes there, whatever its Call-ID: each with a Call-ID of shard 0 of 8. `want` 8: by the
 * Call-ID. */
static const struct {
	const char *format;
	uint32_t want;
} named[] = {
	{"INVITE sip:b@x SIP/2.0\r\nRoute: " ODI("5") "\r\nCall-ID: %s\r\n\r\n", 5},
	{"INVITE sip:b@x SIP/2.0\r\nCall-ID: %s\r\nRoute: " ODI("5") "\r\n\r\n", 5},
	{"INVITE sip:b@x SIP/2.0\r\ni: %s\r\nroute:" ODI("5") "\r\n\r\n", 5},
	{"INVITE sip:b@x SIP/2.0\r\ni: %s\r\nROUTE \t:  " ODI("5") "\r\n\r\n", 5},
	{"BYE sip:b@x SIP/2.0\r\nRoute: " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 3},
	{"ACK sip:b@x SIP/2.0\r\nRoute: " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 3},
	{"UPDATE sip:b@x SIP/2.0\r\nRoute: " SESSION("3") ", <sip:as;lr>\r\nCall-ID: %s\r\n\r\n",
	 3},
	{"UPDATE sip:b@x SIP/2.0\r\nRoute:\r\n " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 3},
	{"UPDATE sip:b@x SIP/2.0\nRoute: " SESSION("3") "\nCall-ID: %s\n\n", 3},
	{"INVITE sip:b@x SIP/2.0\r\nRoute: " ODI("F") "\r\nCall-ID: %s\r\n\r\n",
	 7}, /* of more shards than there are now */
	/* only the first value counts: another passage's entry stands behind */
	{"BYE sip:b@x SIP/2.0\r\nRoute: <sip:as;lr>, " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nRoute: " SESSION("2") ", " SESSION("3") "\r\nCall-ID: %s\r\n\r\n",
	 2},
	{"BYE sip:b@x SIP/2.0\r\nRoute: " SESSION("2") "\r\nRoute: " SESSION(
		 "3") "\r\nCall-ID: %s\r\n\r\n",
	 2},
	/* no header of that name */
	{"BYE sip:b@x SIP/2.0\r\nRecord-Route: " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nX-Route: " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nSubject: folded\r\n Route: " SESSION(
		 "3") "\r\nCall-ID: %s\r\n\r\n",
	 8},
	{"BYE sip:b@x SIP/2.0\r\nCall-ID: %s\r\n\r\nRoute: " SESSION("3") "\r\n", 8},
	/* no number of a shard */
	{"BYE sip:b@x SIP/2.0\r\nRoute: <sip:h;lr;adieu=>\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nRoute: <sip:h;lr;adieu=5>\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nRoute: <sip:h;lr;adieu=zz-1-1>\r\nCall-ID: %s\r\n\r\n", 8},
	{"BYE sip:b@x SIP/2.0\r\nRoute: <sip:h;lr;adieu=123456789-1-1>\r\nCall-ID: %s\r\n\r\n", 8},
	/* a CANCEL of a user goes where its INVITE went: by the Call-ID; that of a server as well, by its Route */
	{"CANCEL sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: %s\r\n\r\n", 8},
	{"CANCEL sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nRoute: " ODI(
		 "5") "\r\nCall-ID: %s\r\n\r\n",
	 5},
	/* a request of ours comes back through a spiral: the Via says nothing about a request */
	{"INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-4-1-1-ff\r\nCall-ID: "
	 "%s\r\n\r\n",
	 8},
	/* responses: by the branch of the topmost Via */
	{"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-4-1-1-ff\r\nCall-ID: %s\r\n\r\n",
	 4},
	{"SIP/2.0 200 OK\r\nCall-ID: %s\r\nv: SIP/2.0/TCP "
	 "h;rport=1;branch=z9hG4bKad-4-1-1-ff;x\r\n\r\n",
	 4},
	/* folded inside the value */
	{"SIP/2.0 200 OK\r\nv : SIP/2.0/TCP\r\n h;branch=z9hG4bKad-4-1-1-ff\r\nCall-ID: %s\r\n\r\n",
	 4},
	{"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-4-1-1-ff, SIP/2.0/UDP "
	 "i;branch=z9hG4bKad-6-1-1-ff\r\nCall-ID: %s\r\n\r\n",
	 4},
	{"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKad-4-1-1-ff\r\nVia: SIP/2.0/UDP "
	 "i;branch=z9hG4bKad-6-1-1-ff\r\nCall-ID: %s\r\n\r\n",
	 4},
	{"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bKad-0-1-2-3\r\ni: %s\r\n\r\n", 0},
	{"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKforeign\r\nCall-ID: %s\r\n\r\n",
	 8},
	{"SIP/2.0 180 Ringing\r\nRoute: " SESSION(
		 "3") "\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKforeign\r\nCall-ID: %s\r\n\r\n",
	 8},
	/* the registrar's, whatever else it says */
	{"REGISTER sip:x SIP/2.0\r\nRoute: " SESSION("3") "\r\nCall-ID: %s\r\n\r\n", 0},
};

static void test_ic_14_a_message_that_names_its_shard(void **state)
{
	(void)state;
	for (uint32_t own = 0; own < 8; own++) {
		const char *call_id = call_id_of_shard(own, 8);

		for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
			uint32_t want = named[i].want == 8 ? own : named[i].want;
			uint32_t got = shard_of(named[i].format, call_id, 8);

			if (got != want)
				fail_msg("%u, not %u:\n%s", got, want, named[i].format);
			assert_int_equal(shard_of(named[i].format, call_id, 1), 0);
		}
	}
}

/* Every prefix of messages that name a shard, in a buffer of its own. */
static void test_ic_14_cut_off_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		char whole[600];
		int length = snprintf(whole, sizeof(whole), named[i].format, "abc");

		for (int n = 0; n <= length; n++) {
			char *bytes = malloc((size_t)n + (n == 0));

			memcpy(bytes, whole, (size_t)n);
			assert_in_range(node_shard_of((struct text){bytes, (uint32_t)n}, 8), 0, 7);
			free(bytes);
		}
	}
}

/* Two workers and what runs between them and the world: every message goes to the shard that node_shard_of() says. */
static struct scene shards[2];

static void second_shard(struct node_settings *settings)
{
	settings->subscribers = served_users;
	settings->n_shards = 2;
	settings->shard = 1;
}

static void first_shard(struct node_settings *settings)
{
	settings->subscribers = served_users;
	settings->n_shards = 2;
}

static void open_shards(void)
{
	const struct test_criteria a[] = {{.uri = "sip:127.0.0.1:8001"}};

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 1);
	served_add("sip:bob@ims.example", NULL, 0);
	scene_open_with(&shards[0], first_shard);
	scene_open_with(&shards[1], second_shard);
}

static void close_shards(void)
{
	scene_forget(&shards[1]);
	wire_close(&shards[1].wire);
	scene_close(&shards[0]);
}

static uint32_t to_its_shard(uint16_t port, const char *bytes)
{
	uint32_t shard = node_shard_of(text_of(bytes), 2);

	feed_text(&shards[shard], port, bytes);
	return shard;
}

static const char *answer_of(const char *request, const char *status, const char *tag,
			     uint16_t port)
{
	static char bytes[12000];
	char lines[8000] = "", value[2000];

	for (const char *const *name = (const char *const[]){"Via", "Record-Route", NULL}; *name;
	     name++)
		for (unsigned i = 0; wire_header(request, *name, i, value, sizeof(value)); i++)
			hop_put(lines, sizeof(lines), "%s: %s\r\n", *name, value);
	wire_header(request, "From", 0, value, sizeof(value));
	hop_put(lines, sizeof(lines), "From: %s\r\n", value);
	wire_header(request, "To", 0, value, sizeof(value));
	hop_put(lines, sizeof(lines), "To: %s%s%s\r\n", value,
		strstr(value, ";tag=") ? "" : ";tag=", strstr(value, ";tag=") ? "" : tag);
	wire_header(request, "Call-ID", 0, value, sizeof(value));
	hop_put(lines, sizeof(lines), "Call-ID: %s\r\n", value);
	wire_header(request, "CSeq", 0, value, sizeof(value));
	snprintf(bytes, sizeof(bytes),
		 "SIP/2.0 %s\r\n%sCSeq: %s\r\nContact: <sip:x@127.0.0.1:%u>\r\nContent-Length: "
		 "0\r\n\r\n",
		 status, lines, value, port);
	return bytes;
}

static const char *request_of(struct party *p, const char *method)
{
	static char bytes[9000];

	snprintf(bytes, sizeof(bytes),
		 "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP "
		 "127.0.0.1:%u;branch=z9hG4bK%s-%s\r\nMax-Forwards: "
		 "70\r\nRoute: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u "
		 "%s\r\nContent-Length: "
		 "0\r\n\r\n",
		 method, p->target, p->port, p->call_id, method, p->routes, p->local, p->remote,
		 p->call_id, strcmp(method, "ACK") == 0 ? p->cseq : ++p->cseq, method);
	return bytes;
}

/* @req IC-14 IC-12  A B2BUA gives its second dialog a Call-ID that belongs to the other worker: all of it stays with the first,
 * both ways, up to the end and to the release. */
static void test_ic_14_a_b2bua_with_a_call_id_of_another_shard(void **state)
{
	(void)state;
	for (uint32_t home = 0; home < 2; home++) {
		struct scene *s = &shards[home], *other = &shards[1 - home];
		struct party alice, as_in, as_out, bob;
		char first_id[40], second_id[40], invite[4000];
		const char *m;

		open_shards();
		snprintf(first_id, sizeof(first_id), "%s", call_id_of_shard(home, 2));
		snprintf(second_id, sizeof(second_id), "%s", call_id_of_shard(1 - home, 2));
		snprintf(invite, sizeof(invite),
			 "INVITE sip:bob@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
			 "127.0.0.1:6000;branch=z9hG4bKi\r\nMax-Forwards: 70\r\nFrom: "
			 "<sip:alice@ims.example>;tag=a\r\nTo: <sip:bob@ims.example>\r\nCall-ID: "
			 "%s\r\n"
			 "CSeq: 1 INVITE\r\nContact: <sip:alice@127.0.0.1:6000>\r\nContent-Length: "
			 "0\r\n\r\n",
			 first_id);
		assert_int_equal(to_its_shard(ALICE, invite), home);
		m = wire_last(&s->wire, A1, "INVITE");
		assert_non_null(m);
		party_of_callee(&as_in, A1, m, "as");
		assert_int_equal(to_its_shard(A1, hop_text(A1, m,
							   (struct change){.is_b2bua = true,
									   .call_id = second_id,
									   .from_tag = "out"})),
				 home);
		m = wire_last(&s->wire, BOB, "INVITE");
		assert_non_null(m);
		party_of_callee(&bob, BOB, m, "b");
		assert_int_equal(to_its_shard(BOB, answer_of(m, "200 OK", "b", BOB)), home);
		party_of_caller(&as_out, A1, wire_last(&s->wire, A1, "SIP/2.0 200"));
		assert_int_equal(to_its_shard(A1, request_of(&as_out, "ACK")), home);
		assert_non_null(wire_last(&s->wire, BOB, "ACK"));
		assert_int_equal(to_its_shard(A1, answer_of(wire_last(&s->wire, A1, "INVITE"),
							    "200 OK", "as", A1)),
				 home);
		party_of_caller(&alice, ALICE, wire_last(&s->wire, ALICE, "SIP/2.0 200"));
		assert_int_equal(to_its_shard(ALICE, request_of(&alice, "ACK")), home);
		assert_int_equal(to_its_shard(BOB, request_of(&bob, "INFO")), home);
		assert_non_null(wire_last(&s->wire, A1, "INFO"));
		assert_int_equal(to_its_shard(A1, answer_of(wire_last(&s->wire, A1, "INFO"),
							    "200 OK", "", A1)),
				 home);
		assert_int_equal(wire_counters(&s->wire)->sessions, 1);
		assert_int_equal(wire_counters(&s->wire)->passages, 2);
		wire_release_all(&s->wire, 480);
		for (unsigned i = 0; i < s->wire.n_out; i++) {
			const struct wire_message *out = &s->wire.out[i];

			if (strncmp(out->bytes, "BYE", 3) == 0)
				assert_int_equal(
					to_its_shard(out->to.port, answer_of(out->bytes, "200 OK",
									     "", out->to.port)),
					home);
		}
		assert_int_equal(wire_count(&s->wire, BOB, "BYE"), 1);
		assert_int_equal(wire_count(&s->wire, ALICE, "BYE"), 1);
		assert_int_equal(to_its_shard(A1, request_of(&as_out, "BYE")), home);
		wire_run(&s->wire, 10000);
		assert_int_equal(wire_counters(&s->wire)->sessions, 0);
		assert_int_equal(wire_counters(&other->wire)->messages_in, 0);
		close_shards();
	}
}

/* @req IC-14 IC-6  The very identifier, at the other worker: it is nobody's there. */
static void test_ic_14_an_identifier_at_the_wrong_shard(void **state)
{
	const char *m;

	(void)state;
	open_shards();
	wire_invite(&shards[0].wire, "c1", "");
	m = hop_text(A1, wire_last(&shards[0].wire, A1, "INVITE"), (struct change){.mark = NULL});
	/* so that a passage of the same place exists there */
	wire_invite(&shards[1].wire, "c2", "");
	scene_forget(&shards[1]);
	feed_text(&shards[1], A1, m);
	assert_int_equal(shards[1].wire.n_out, 1);
	assert_int_equal(wire_count(&shards[1].wire, A1, "SIP/2.0 481"), 1);
	assert_int_equal(wire_counters(&shards[1].wire)->sessions_begun, 1);
	close_shards();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_forms_of_a_call_id_agree),
		cmocka_unit_test(test_calls_are_spread_evenly),
		cmocka_unit_test(test_without_a_call_id_it_is_shard_0),
		cmocka_unit_test(test_cut_off_anywhere),
		cmocka_unit_test(test_bindings_travel_between_shards),
		cmocka_unit_test(test_ic_14_a_message_that_names_its_shard),
		cmocka_unit_test(test_ic_14_cut_off_anywhere),
		cmocka_unit_test(test_ic_14_a_b2bua_with_a_call_id_of_another_shard),
		cmocka_unit_test(test_ic_14_an_identifier_at_the_wrong_shard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
