/* TS 24.229 §5.4.5.1.2A  What the end of a registration means to the calls of the contact: by the user, by its time, by
 * the operator, by another contact of the same device; and what it leaves alone. */
#include "wire.h"

#define PHONE  7100 /* carol's two devices */
#define TABLET 7200
#define PCSCF  6100

static void put_register(struct wire *wire, const char *user, unsigned cseq, const char *contacts)
{
	wire_feed(wire, PCSCF,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6100;branch=z9hG4bKreg%s%u\nMax-Forwards: 70\nFrom: "
		  "<sip:%s@ims.example>;tag=f\nTo: <sip:%s@ims.example>\nCall-ID: reg-%s\n"
		  "CSeq: %u REGISTER\n%sContent-Length: 0\n\n",
		  user, cseq, user, user, user, cseq, contacts);
	wire_run(wire, 0);
}

/* alice calls carol, and the device at `port` answers. */
static void call(struct wire *wire, const char *call_id, uint16_t port)
{
	uint16_t other = port == PHONE ? TABLET : PHONE;
	const char *invite;
	char route[300];

	wire_feed(wire, ALICE,
		  "INVITE sip:carol@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bK%s\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:carol@ims.example>\nCall-ID: %s\n"
		  "CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n",
		  call_id, call_id);
	invite = wire_last(wire, port, "INVITE");
	assert_non_null(invite);
	if (wire_last(wire, other, "INVITE"))
		wire_answer(wire, other, wire_last(wire, other, "INVITE"), "180 Ringing", "x", "");
	wire_answer(wire, port, invite, "200 OK", "c",
		    port == PHONE ? "Contact: <sip:carol@127.0.0.1:7100>\n"
				  : "Contact: <sip:carol@127.0.0.1:7200>\n");
	assert_non_null(wire_header(wire_last(wire, ALICE, "SIP/2.0 200"), "Record-Route", 0, route,
				    sizeof(route)));
	wire_feed(wire, ALICE,
		  "ACK sip:carol@127.0.0.1:%u SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKack%s\nMax-Forwards: 70\nRoute: %s\nFrom: "
		  "<sip:alice@ims.example>;tag=a\nTo: <sip:carol@ims.example>;tag=c\nCall-ID: %s\n"
		  "CSeq: 1 ACK\nContent-Length: 0\n\n",
		  port, call_id, route, call_id);
	if (wire_last(wire, other, "INVITE")) {
		assert_non_null(wire_last(wire, other, "CANCEL"));
		wire_answer(wire, other, wire_last(wire, other, "INVITE"), "487 Terminated", "x",
			    "");
	}
	assert_int_equal(wire_counters(wire)->sessions_confirmed, 1);
	wire_forget(wire);
}

static unsigned byes(const struct wire *wire, uint16_t port)
{
	return wire_count(wire, port, "BYE");
}

static void open_with_two_devices(struct wire *wire)
{
	wire_open(wire, NULL);
	put_register(
		wire, "carol", 1,
		"Contact: <sip:carol@127.0.0.1:7100>;expires=500;+sip.instance=\"<urn:phone>\"\n"
		"Contact: <sip:carol@127.0.0.1:7200>;expires=900;+sip.instance=\"<urn:tablet>\"\n");
	put_register(wire, "alice", 1, "Contact: <sip:alice@127.0.0.1:6000>;expires=900\n");
}

static void by_user(struct wire *wire)
{
	put_register(wire, "carol", 5, "Contact: <sip:carol@127.0.0.1:7100>;expires=0\n");
}

static void by_user_all(struct wire *wire)
{
	put_register(wire, "carol", 5, "Contact: *\nExpires: 0\n");
}

static void by_time(struct wire *wire)
{
	wire_run(wire, 500000);
}

static void by_operator(struct wire *wire)
{
	assert_int_equal(node_deregister(wire->node, wire->now_ms, TEXT("sip:carol@ims.example"),
					 TEXT("sip:carol@127.0.0.1:7100")),
			 1);
	wire_collect(wire);
}

static void by_replacing(struct wire *wire)
{
	put_register(wire, "carol", 5,
		     "Contact: <sip:carol@127.0.0.1:7150>;+sip.instance=\"<urn:phone>\"\n");
}

static void by_operator_of_the_caller(struct wire *wire)
{
	assert_int_equal(node_deregister(wire->node, wire->now_ms, TEXT("sip:alice@ims.example"),
					 (struct text){0}),
			 1);
	wire_collect(wire);
}

static void by_refreshing(struct wire *wire)
{
	put_register(
		wire, "carol", 5,
		"Contact: <sip:carol@127.0.0.1:7100>;expires=500;+sip.instance=\"<urn:phone>\"\n");
	put_register(wire, "alice", 5, "Contact: <sip:alice@127.0.0.1:6000>;expires=900\n");
}

static void by_asking(struct wire *wire)
{
	put_register(wire, "carol", 5, "");
}

/* @req SC-7  Both parties of the call of that contact get their BYE, and nobody else. */
static void test_sc_7_the_calls_of_a_contact_end_with_it(void **state)
{
	static const struct {
		const char *name;
		void (*end)(struct wire *wire);
		bool ends_phone, ends_tablet;
	} rows[] = {
		{"by the user", by_user, true, false},
		{"all by the user", by_user_all, true, true},
		{"by its time", by_time, true, false},
		{"by the operator", by_operator, true, false},
		{"by a new contact of the device", by_replacing, true, false},
		{"the caller by the operator", by_operator_of_the_caller, true, true},
		{"a refresh", by_refreshing, false, false},
		{"a question", by_asking, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int tablet = 0; tablet < 2; tablet++) {
			uint16_t port = tablet ? TABLET : PHONE;
			bool ends = tablet ? rows[i].ends_tablet : rows[i].ends_phone;
			struct wire wire;

			open_with_two_devices(&wire);
			call(&wire, "c1", port);
			rows[i].end(&wire);
			if (byes(&wire, port) != ends || byes(&wire, ALICE) != ends)
				fail_msg("%s, port %u: %u and %u BYEs", rows[i].name, port,
					 byes(&wire, port), byes(&wire, ALICE));
			assert_int_equal(byes(&wire, port == PHONE ? TABLET : PHONE), 0);
			if (ends) {
				wire_answer(&wire, port, wire_last(&wire, port, "BYE"), "200 OK",
					    "", "");
				wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "BYE"), "200 OK",
					    "", "");
			}
			if (wire_counters(&wire)->sessions != !ends)
				fail_msg("%s, port %u: %u sessions", rows[i].name, port,
					 (unsigned)wire_counters(&wire)->sessions);
			wire_close(&wire);
		}
}

/* Only the branch to the contact that went is cancelled, the other device rings on and may answer. */
static void test_sc_0a_a_call_rings_on_at_the_other_device(void **state)
{
	struct wire wire;

	(void)state;
	open_with_two_devices(&wire);
	wire_feed(&wire, ALICE,
		  "INVITE sip:carol@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKi\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:carol@ims.example>\nCall-ID: i\n"
		  "CSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\nContent-Length: 0\n\n");
	wire_answer(&wire, PHONE, wire_last(&wire, PHONE, "INVITE"), "180 Ringing", "p", "");
	wire_answer(&wire, TABLET, wire_last(&wire, TABLET, "INVITE"), "180 Ringing", "t", "");
	by_operator(&wire);
	assert_int_equal(wire_count(&wire, PHONE, "CANCEL"), 1);
	assert_int_equal(wire_count(&wire, TABLET, "CANCEL"), 0);
	wire_answer(&wire, PHONE, wire_last(&wire, PHONE, "INVITE"), "487 Terminated", "p", "");
	assert_null(wire_last(&wire, ALICE, "SIP/2.0 4"));
	wire_answer(&wire, TABLET, wire_last(&wire, TABLET, "INVITE"), "200 OK", "t",
		    "Contact: <sip:carol@127.0.0.1:7200>\n");
	assert_non_null(wire_last(&wire, ALICE, "SIP/2.0 200"));
	wire_close(&wire);
}

/* @req SC-7 RG-8  A copy on another shard: the line of the registrar's shard ends the calls that this shard has. */
static void second_shard(struct node_settings *settings)
{
	settings->shard = 1;
	settings->n_shards = 2;
}

static void tell(struct wire *from, struct wire *to)
{
	struct node_action action;

	while (node_next_action(from->node, &action))
		if (action.kind == NODE_ACTION_BINDING) {
			struct node_event event = {.kind = NODE_EVENT_BINDING,
						   .bytes = action.bytes};

			node_feed(to->node, to->now_ms, &event);
			wire_collect(to);
		}
	node_actions_done(from->node);
}

static void feed_register(struct wire *wire, unsigned cseq, unsigned expires)
{
	char bytes[600];
	struct node_event event = {.kind = NODE_EVENT_MESSAGE,
				   .peer = wire_address(TRANSPORT_UDP, PCSCF)};
	int n = snprintf(bytes, sizeof(bytes),
			 "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
			 "127.0.0.1:6100;branch=z9hG4bKr%u\r\nMax-Forwards: 70\r\nFrom: "
			 "<sip:carol@ims.example>;tag=f\r\nTo: <sip:carol@ims.example>\r\nCall-ID: "
			 "reg\r\nCSeq: %u REGISTER\r\nContact: "
			 "<sip:carol@127.0.0.1:7100>;expires=%u\r\nContent-Length: 0\r\n\r\n",
			 cseq, cseq, expires);

	event.bytes = (struct text){bytes, (uint32_t)n};
	node_feed(wire->node, wire->now_ms, &event);
}

static void test_sc_7_calls_on_another_shard_end_too(void **state)
{
	struct wire registrar, other;

	(void)state;
	for (int by_time_only = 0; by_time_only < 2; by_time_only++) {
		wire_open(&registrar, NULL);
		wire_open(&other, second_shard);
		feed_register(&registrar, 1, 100);
		tell(&registrar, &other);
		call(&other, "c1", PHONE);
		/* a refresh crosses the end of the old time */
		registrar.now_ms += 99999;
		feed_register(&registrar, 2, 100);
		wire_run(&other, 100000);
		tell(&registrar, &other);
		assert_int_equal(byes(&other, PHONE), 0);
		if (by_time_only) {
			registrar.now_ms += 100000;
			node_expire(registrar.node, registrar.now_ms);
		} else {
			feed_register(&registrar, 3, 0);
		}
		tell(&registrar, &other);
		assert_int_equal(byes(&other, PHONE), 1);
		assert_int_equal(byes(&other, ALICE), 1);
		wire_close(&registrar);
		wire_close(&other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_7_the_calls_of_a_contact_end_with_it),
		cmocka_unit_test(test_sc_0a_a_call_rings_on_at_the_other_device),
		cmocka_unit_test(test_sc_7_calls_on_another_shard_end_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
