/* Where messages go and what the Via says: RFC 3261 §18.1.1, §18.2.1, §18.2.2, RFC 3581. Exact bytes. */
#include "wire.h"

#include "base/limits.h"

/* ---------------------------------------------------------------- responses: TP-3, TP-4, TP-5 */

struct via_row {
	const char *via; /* without "SIP/2.0/UDP " */
	uint16_t source_port;
	const char *want; /* in the response and in the forwarded request */
	uint8_t want_ip[4];
	uint16_t want_port;
};

static const struct via_row via_rows[] = {
	/* the sender as it says it is */
	{"127.0.0.1:6000;branch=z9hG4bK1",
	 6000,
	 "127.0.0.1:6000;branch=z9hG4bK1",
	 {127, 0, 0, 1},
	 6000},
	{"127.0.0.1:6000;branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000;branch=z9hG4bK1",
	 {127, 0, 0, 1},
	 6000},
	{"127.0.0.1;branch=z9hG4bK1", 6100, "127.0.0.1;branch=z9hG4bK1", {127, 0, 0, 1}, 5060},
	/* another host: received */
	{"alice.example:6000;branch=z9hG4bK1",
	 6100,
	 "alice.example:6000;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6000},
	{"127.0.0.2:6000;branch=z9hG4bK1",
	 6000,
	 "127.0.0.2:6000;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6000},
	{"[::1]:6000;branch=z9hG4bK1",
	 6000,
	 "[::1]:6000;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6000},
	{"10.0.0.1;branch=z9hG4bK1",
	 6100,
	 "10.0.0.1;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 5060},
	/* rport: filled in where it stands, and received always with it */
	{"127.0.0.1:6000;rport;branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000;rport=6100;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	{"127.0.0.1:6000;branch=z9hG4bK1;rport",
	 6000,
	 "127.0.0.1:6000;branch=z9hG4bK1;rport=6000;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6000},
	{"alice.example;RPORT;branch=z9hG4bK1",
	 6100,
	 "alice.example;RPORT=6100;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	{"127.0.0.1:6000 ; rport ; branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000 ; rport=6100 ; branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	{"127.0.0.1:6000;\trport;branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000;\trport=6100;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	{"127.0.0.1:6000;rportal=1;rport;branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000;rportal=1;rport=6100;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	{"127.0.0.1:6000;x=\";rport\";rport;branch=z9hG4bK1",
	 6100,
	 "127.0.0.1:6000;x=\";rport\";rport=6100;branch=z9hG4bK1;received=127.0.0.1",
	 {127, 0, 0, 1},
	 6100},
	/* maddr does not aim our answers at somebody else (TP-5a) */
	{"127.0.0.1:6000;maddr=127.0.0.3;branch=z9hG4bK1",
	 6000,
	 "127.0.0.1:6000;maddr=127.0.0.3;branch=z9hG4bK1",
	 {127, 0, 0, 1},
	 6000},
};

/* Answers of our own without and with a transaction, and the Via of the forwarded request, which comes back in the callee's response. @req TP-3 TP-4 TP-5 */
static void test_tp_4_via_and_way_of_the_response(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(via_rows) / sizeof(via_rows[0]); i++)
		for (int how = 0; how < 3; how++) {
			static const char *const uris[] = {"sip:127.0.0.1:5060",
							   "sip:nobody@ims.example",
							   "sip:bob@ims.example"};
			static const char *const statuses[] = {"SIP/2.0 200", "SIP/2.0 404",
							       "SIP/2.0 202"};
			const struct via_row *row = &via_rows[i];
			char want[300], got[300];
			const struct wire_message *m;
			struct wire wire;

			wire_open(&wire, NULL);
			wire_feed(&wire, row->source_port,
				  "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s\nMax-Forwards: 70\nFrom: "
				  "<sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\n"
				  "Call-ID: v\nCSeq: 1 %s\nContent-Length: 0\n\n",
				  how ? "MESSAGE" : "OPTIONS", uris[how], row->via,
				  how ? "MESSAGE" : "OPTIONS");
			snprintf(want, sizeof(want), "SIP/2.0/UDP %s", row->want);
			if (how == 2) {
				wire_header(wire_sent(&wire, BOB, "MESSAGE", 0), "Via", 1, got,
					    sizeof(got));
				if (strcmp(got, want) != 0)
					print_error("row %zu forwarded: \"%s\", not \"%s\"\n", i,
						    got, want),
						wrong++;
				wire_answer(&wire, BOB, wire_sent(&wire, BOB, "MESSAGE", 0),
					    "202 Accepted", "b", "");
			}
			m = &wire.out[wire.n_out - 1];
			assert_memory_equal(m->bytes, statuses[how], 11);
			wire_header(m->bytes, "Via", 0, got, sizeof(got));
			if (strcmp(got, want) != 0)
				print_error("row %zu answer %d: \"%s\", not \"%s\"\n", i, how, got,
					    want),
					wrong++;
			if (memcmp(m->to.ip, row->want_ip, 4) != 0 || m->to.port != row->want_port)
				print_error("row %zu answer %d: to %u.%u.%u.%u:%u\n", i, how,
					    m->to.ip[0], m->to.ip[1], m->to.ip[2], m->to.ip[3],
					    m->to.port),
					wrong++;
			wire_close(&wire);
		}
	assert_int_equal(wrong, 0);
}

/* RFC 3581 §4: from the port that the request came to. */
static void two_ports(struct node_settings *settings)
{
	settings->listen[2] = wire_address(TRANSPORT_UDP, 5070);
	settings->n_listen = 3;
}

static void test_tp_4_the_response_leaves_by_the_port_the_request_came_to(void **state)
{
	static const char bytes[] = "OPTIONS sip:127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
				    "127.0.0.1:6000;rport;branch=z9hG4bK1\r\n"
				    "From: <sip:a@x.example>;tag=a\r\nTo: "
				    "<sip:b@x.example>\r\nCall-ID: p\r\nCSeq: 1 OPTIONS\r\n\r\n";
	struct wire wire;

	(void)state;
	wire_open(&wire, two_ports);
	for (uint8_t local = 0; local < 3; local += 2) {
		struct node_event event = {.kind = NODE_EVENT_MESSAGE,
					   .peer = wire_address(TRANSPORT_UDP, 6000),
					   .local = local,
					   .bytes = {bytes, sizeof(bytes) - 1}};
		struct node_action action;

		node_feed(wire.node, wire.now_ms, &event);
		assert_true(node_next_action(wire.node, &action));
		assert_int_equal(action.kind, NODE_ACTION_SEND);
		assert_int_equal(action.local, local);
		node_actions_done(wire.node);
	}
	wire_close(&wire);
}

/* A stream: back over the connection, whatever the Via says; the port in the Via is for when it is gone. */
static void test_tp_5_a_response_goes_back_over_its_connection(void **state)
{
	struct endpoint stream = wire_address(TRANSPORT_TCP, 41234);
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	stream.flow = 77;
	wire_feed_from(&wire, stream,
		       "OPTIONS sip:127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/TCP "
		       "127.0.0.1:6060;branch=z9hG4bK1\nFrom: <sip:a@x.example>;tag=a\nTo: "
		       "<sip:b@x.example>\n"
		       "Call-ID: t\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n");
	assert_int_equal(wire.n_out, 1);
	assert_int_equal(wire.out[0].to.transport, TRANSPORT_TCP);
	assert_int_equal(wire.out[0].to.flow, 77);
	assert_int_equal(wire.out[0].to.port, 6060);
	wire_close(&wire);
}

/* ---------------------------------------------------------------- requests: TP-1, TP-2 */

static void invite_of_size(struct wire *wire, const char *call_id, size_t body)
{
	static char filler[70000];

	memset(filler, 'x', sizeof(filler));
	wire_feed_from(wire, wire_address(TRANSPORT_UDP, ALICE),
		       "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		       "127.0.0.1:6000;branch=z9hG4bK%s-1\nMax-Forwards: 70\n"
		       "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		       "%s\nCSeq: 1 INVITE\n"
		       "Contact: <sip:alice@127.0.0.1:6000>\nContent-Type: a/b\nContent-Length: "
		       "%zu\n\n%.*s",
		       call_id, call_id, body, (int)body, filler);
}

static void send_failed(struct wire *wire, const struct wire_message *m, size_t known)
{
	struct node_event event = {
		.kind = NODE_EVENT_SEND_FAILED,
		.peer = m->to,
		.bytes = {m->bytes, (uint32_t)(known < m->len ? known : m->len)}};
	char *copy = malloc(event.bytes.len + 1);

	memcpy(copy, event.bytes.at, event.bytes.len);
	event.bytes.at = copy;
	node_feed(wire->node, wire->now_ms, &event);
	free(copy);
	wire_collect(wire);
}

static void test_tp_1_what_is_larger_than_1300_bytes_goes_by_tcp(void **state)
{
	struct wire wire;
	const struct wire_message *m;
	char value[300];

	(void)state;
	wire_open(&wire, NULL);
	/* nothing above the bound goes out as a datagram, and nothing small as a stream */
	for (size_t body = 0; body < 1500; body += 7) {
		char call_id[20];

		snprintf(call_id, sizeof(call_id), "s%zu", body);
		invite_of_size(&wire, call_id, body);
		m = &wire.out[wire.n_out - 1];
		assert_int_equal(m->to.port, BOB);
		if (m->to.transport == TRANSPORT_UDP)
			assert_in_range(m->len, 1, 1300);
		else
			assert_true(m->len > 1300 - 300);
		assert_int_equal(strncmp(strstr(m->bytes, "Via: "),
					 m->to.transport == TRANSPORT_UDP ? "Via: SIP/2.0/UDP "
									  : "Via: SIP/2.0/TCP ",
					 17),
				 0);
		wire_forget(&wire);
	}
	invite_of_size(&wire, "large", 1400);
	m = &wire.out[0];
	assert_int_equal(m->to.transport, TRANSPORT_TCP);
	/* two entries, each side an address that it can reach (RFC 5658) */
	wire_header(m->bytes, "Record-Route", 0, value, sizeof(value));
	assert_memory_equal(value, "<sip:127.0.0.1:5060;transport=tcp;lr;adieu=", 43);
	assert_non_null(strstr(value, ">, <sip:127.0.0.1:5060;lr;adieu="));
	wire_run_quietly(&wire, 200000); /* two hundred calls give up */
	wire_nothing_left(&wire);
	wire_close(&wire);
}

static void never_tcp(struct node_settings *settings)
{
	settings->stream_above_bytes = 0;
}

static void udp_only(struct node_settings *settings)
{
	settings->n_listen = 1;
}

static void test_tp_1_without_a_stream_it_stays_a_datagram(void **state)
{
	void (*const changes[])(struct node_settings *) = {never_tcp, udp_only};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct wire wire;

		wire_open(&wire, changes[i]);
		invite_of_size(&wire, "large", 3000);
		assert_int_equal(wire.out[0].to.transport, TRANSPORT_UDP);
		assert_int_equal(wire.out[0].to.port, BOB);
		wire_close(&wire);
	}
}

/* @req TP-2  Refused there, it goes by UDP after all; only the Via differs. */
static void test_tp_2_a_refused_stream_falls_back_to_udp(void **state)
{
	static const size_t known[] = {65536, 200, 120};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct wire wire;
		char *by_tcp, *by_udp, *at;

		wire_open(&wire, NULL);
		invite_of_size(&wire, "large", 2000);
		assert_int_equal(wire.out[0].to.transport, TRANSPORT_TCP);
		by_tcp = strdup(wire.out[0].bytes);
		send_failed(&wire, &wire.out[0], known[i]);
		assert_int_equal(wire.n_out, 2);
		assert_int_equal(wire.out[1].to.transport, TRANSPORT_UDP);
		assert_int_equal(wire.out[1].to.port, BOB);
		by_udp = wire.out[1].bytes;
		at = strstr(by_tcp, "Via: SIP/2.0/TCP ");
		assert_non_null(at);
		memcpy(at, "Via: SIP/2.0/UDP ", 17);
		assert_string_equal(by_tcp, by_udp);
		/* it is repeated as a datagram, and answered as one */
		wire_run(&wire, 500);
		assert_int_equal(wire.n_out, 4); /* 100 to the caller, and the INVITE again */
		wire_answer(&wire, BOB, by_udp, "180 Ringing", "b", BOBS_CONTACT);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 180"), 1);
		/* refused as a datagram too: nobody can be reached */
		free(by_tcp);
		wire_close(&wire);
	}
}

/* @req PX-13 TX-8 RC-21 */
static void test_px_13_refused_by_both_it_counts_as_503(void **state)
{
	struct node_session_report report;
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	invite_of_size(&wire, "large", 2000);
	send_failed(&wire, &wire.out[0], 300);
	send_failed(&wire, &wire.out[1], 300);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 500"), 1); /* a 503 would speak of us */
	send_failed(&wire, &wire.out[1], 300);                        /* told again: nothing more */
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 500"), 1);
	wire_session(&wire, NODE_GONE, &report);
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* @req TP-2 TX-8  A CANCEL and the ACK of a refusal bear the branch of their INVITE: that they could
 * not be delivered starts no second INVITE by UDP, and an INVITE that has been answered did arrive.
 */
static void test_tp_2_only_an_unanswered_request_is_sent_again(void **state)
{
	struct wire wire;

	(void)state;
	for (int refused = 0; refused < 2; refused++) {
		const char *invite;
		size_t sent;

		wire_open(&wire, NULL);
		invite_of_size(&wire, "large", 2000);
		assert_int_equal(wire.out[0].to.transport, TRANSPORT_TCP);
		invite = wire.out[0].bytes;
		wire_answer(&wire, BOB, invite, "180 Ringing", "b", BOBS_CONTACT);
		send_failed(&wire, &wire.out[0], 300);
		assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
		assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 5"), 0);
		if (refused) {
			wire_answer(&wire, BOB, invite, "486 Busy Here", "b", "");
			assert_int_equal(wire_count(&wire, BOB, "ACK"), 1);
		} else {
			wire_feed(&wire, ALICE,
				  "CANCEL sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
				  "127.0.0.1:6000;branch=z9hG4bKlarge-1\nMax-Forwards: 70\n"
				  "From: <sip:alice@ims.example>;tag=a\nTo: "
				  "<sip:bob@ims.example>\nCall-ID: large\nCSeq: 1 CANCEL\n"
				  "Content-Length: 0\n\n");
			assert_int_equal(wire_count(&wire, BOB, "CANCEL"), 1);
		}
		sent = wire.n_out - 1;
		while (wire.out[sent].to.port != BOB)
			sent--;
		send_failed(&wire, &wire.out[sent], 300);
		assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
		assert_int_equal(wire_count(&wire, ALICE, refused ? "SIP/2.0 486" : "SIP/2.0 487"),
				 1);
		wire_run_quietly(&wire, 200000);
		wire_nothing_left(&wire);
		wire_close(&wire);
	}
}

/* What could not be sent must be ours, and have gone there. */
static void test_tx_8_news_of_a_failure_that_is_not_ours_is_ignored(void **state)
{
	struct wire_message m;
	struct wire wire;
	char bytes[400];

	(void)state;
	wire_open(&wire, NULL);
	wire_invite(&wire, "c1", "");
	m = wire.out[0];
	m.to.ip[3] = 9; /* another peer */
	send_failed(&wire, &m, 300);
	m = wire.out[0];
	send_failed(&wire, &m, 20); /* cut off before the branch */
	m.bytes = bytes;
	m.len = (size_t)snprintf(
		bytes, sizeof(bytes),
		"INVITE x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKad-0-1-7-0\r\n");
	send_failed(&wire, &m, 300);
	m.len = (size_t)snprintf(bytes, sizeof(bytes),
				 "\xff\xfe;branch=z9hG4bKad-;branch=z9hG4bKad-zz");
	send_failed(&wire, &m, 300);
	m.len = 0;
	send_failed(&wire, &m, 300);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 5"), 0);
	wire_answer(&wire, BOB, wire_last(&wire, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "SIP/2.0 180"), 1);
	wire_close(&wire);
}

/* The next hop's transport parameter; one that we have not, or a family: no way. */
static void test_tp_8_transports_of_contacts(void **state)
{
	static const struct {
		const char *contact;
		int transport; /* -1: no way, 500 */
	} rows[] = {
		{"sip:x@127.0.0.1:7500;transport=tcp", TRANSPORT_TCP},
		{"sip:x@127.0.0.1:7500;transport=TCP", TRANSPORT_TCP},
		{"sip:x@127.0.0.1:7500;transport=udp", TRANSPORT_UDP},
		{"sip:x@127.0.0.1:7500", TRANSPORT_UDP},
		{"sip:x@127.0.0.1:7500;transport=sctp", -1},
		{"sip:x@127.0.0.1:7500;transport=tls", -1},
		{"sip:x@[::1]:7500", -1},
		{"sip:x@host.example:7500", -1},
		{"sip:x@10.0.0.1;maddr=127.0.0.1", TRANSPORT_UDP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;

		wire_open(&wire, NULL);
		wire_bind(&wire, "sip:dan@ims.example", rows[i].contact);
		wire_feed(
			&wire, ALICE,
			"INVITE sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKd\nMax-Forwards: 70\n"
			"From: <sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: "
			"d\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
			"Content-Length: 0\n\n");
		assert_int_equal(wire.n_out, 1);
		if (rows[i].transport < 0) {
			assert_non_null(wire_sent(&wire, ALICE, "SIP/2.0 500", 0));
		} else {
			assert_int_equal(wire.out[0].to.transport, rows[i].transport);
			assert_memory_equal(wire.out[0].to.ip, ((uint8_t[]){127, 0, 0, 1}), 4);
		}
		wire_close(&wire);
	}
}

/* A datagram may do without Content-Length, a stream may not (RFC 3261 §20.14): what changes from the one to the other gets it. */
static void test_tp_6_content_length_is_added_toward_a_stream(void **state)
{
	static const char *const bodies[] = {"", "body!"};
	static const char *const lengths[] = {"0", "5"};

	(void)state;
	for (int has_body = 0; has_body < 2; has_body++)
		for (int over_tcp = 0; over_tcp < 2; over_tcp++) {
			struct endpoint stream = wire_address(TRANSPORT_TCP, 41234);
			struct wire wire;
			const char *invite;
			char vias[600] = "";

			wire_open(&wire, NULL);
			wire_bind(&wire, "sip:dan@ims.example",
				  over_tcp ? "sip:dan@127.0.0.1:7500;transport=tcp"
					   : "sip:dan@127.0.0.1:7500");
			wire_feed(&wire, ALICE,
				  "MESSAGE sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
				  "127.0.0.1:6000;branch=z9hG4bKd\nMax-Forwards: 70\n"
				  "From: <sip:alice@ims.example>;tag=a\nTo: "
				  "<sip:dan@ims.example>\nCall-ID: d\nCSeq: 1 MESSAGE\n\n%s",
				  bodies[has_body]);
			wire_check_header(wire_sent(&wire, 7500, "MESSAGE", 0), "Content-Length",
					  over_tcp ? lengths[has_body] : NULL);
			assert_string_equal(
				strstr(wire_sent(&wire, 7500, "MESSAGE", 0), "\r\n\r\n") + 4,
				bodies[has_body]);
			wire_close(&wire);

			/* and the other way: the answer of a datagram to who came by a stream */
			wire_open(&wire, NULL);
			stream.flow = 5;
			wire_feed_from(&wire,
				       over_tcp ? stream : wire_address(TRANSPORT_UDP, 41234),
				       "MESSAGE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/%s "
				       "127.0.0.1:41234;branch=z9hG4bKd\nMax-Forwards: 70\n"
				       "From: <sip:alice@ims.example>;tag=a\nTo: "
				       "<sip:bob@ims.example>\nCall-ID: d\nCSeq: 1 "
				       "MESSAGE\nContent-Length: 0\n\n",
				       over_tcp ? "TCP" : "UDP");
			invite = wire_sent(&wire, BOB, "MESSAGE", 0);
			assert_non_null(invite);
			wire_append(vias, sizeof(vias), "Via", invite);
			wire_feed(&wire, BOB,
				  "SIP/2.0 200 OK\n%sFrom: <sip:alice@ims.example>;tag=a\nTo: "
				  "<sip:bob@ims.example>;tag=b\nCall-ID: d\nCSeq: 1 MESSAGE\n\n%s",
				  vias, bodies[has_body]);
			wire_check_header(wire_sent(&wire, 41234, "SIP/2.0 200", 0),
					  "Content-Length", over_tcp ? lengths[has_body] : NULL);
			assert_string_equal(
				strstr(wire_sent(&wire, 41234, "SIP/2.0 200", 0), "\r\n\r\n") + 4,
				bodies[has_body]);
			wire_close(&wire);
		}
}

/* The same with a transaction, for the repetition too; and a forwarded request leaves by a listening point of its transport. */
static void test_tp_4_transactions_keep_their_listening_point(void **state)
{
	static const char bytes[] = "MESSAGE sip:nobody@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
				    "127.0.0.1:6000;rport;branch=z9hG4bK1\r\n"
				    "From: <sip:a@x.example>;tag=a\r\nTo: "
				    "<sip:b@x.example>\r\nCall-ID: p\r\nCSeq: 1 MESSAGE\r\n\r\n";
	struct node_event event = {.kind = NODE_EVENT_MESSAGE,
				   .peer = wire_address(TRANSPORT_UDP, 6000),
				   .local = 2,
				   .bytes = {bytes, sizeof(bytes) - 1}};
	struct wire wire;

	(void)state;
	wire_open(&wire, two_ports);
	node_feed(wire.node, wire.now_ms, &event);
	event.local = 0; /* again, by another way: the answer is the same */
	node_feed(wire.node, wire.now_ms, &event);
	wire_collect(&wire);
	assert_int_equal(wire_count(&wire, 6000, "SIP/2.0 404"), 2);
	assert_int_equal(wire.out[0].local, 2);
	assert_int_equal(wire.out[1].local, 2);
	wire_forget(&wire);
	wire_bind(&wire, "sip:dan@ims.example", "sip:dan@127.0.0.1:7500;transport=tcp");
	wire_bind(&wire, "sip:erin@ims.example", "sip:erin@127.0.0.1:7500");
	for (int i = 0; i < 2; i++)
		wire_feed(
			&wire, ALICE,
			"INVITE sip:%s@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKd%d\nMax-Forwards: 70\n"
			"From: <sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: "
			"d%d\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
			"Content-Length: 0\n\n",
			i ? "erin" : "dan", i, i);
	assert_int_equal(wire.out[0].local, 1);
	assert_int_equal(wire.out[1].local, 0);
	wire_answer(&wire, 7500, wire.out[0].bytes, "486 Busy Here", "d", "");
	assert_memory_equal(wire.out[3].bytes, "ACK", 3);
	assert_int_equal(wire.out[3].to.transport, TRANSPORT_TCP); /* the way of the INVITE */
	assert_int_equal(wire.out[3].local, 1);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tp_4_via_and_way_of_the_response),
		cmocka_unit_test(test_tp_4_the_response_leaves_by_the_port_the_request_came_to),
		cmocka_unit_test(test_tp_5_a_response_goes_back_over_its_connection),
		cmocka_unit_test(test_tp_1_what_is_larger_than_1300_bytes_goes_by_tcp),
		cmocka_unit_test(test_tp_1_without_a_stream_it_stays_a_datagram),
		cmocka_unit_test(test_tp_2_a_refused_stream_falls_back_to_udp),
		cmocka_unit_test(test_px_13_refused_by_both_it_counts_as_503),
		cmocka_unit_test(test_tp_2_only_an_unanswered_request_is_sent_again),
		cmocka_unit_test(test_tx_8_news_of_a_failure_that_is_not_ours_is_ignored),
		cmocka_unit_test(test_tp_8_transports_of_contacts),
		cmocka_unit_test(test_tp_6_content_length_is_added_toward_a_stream),
		cmocka_unit_test(test_tp_4_transactions_keep_their_listening_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
