/* Bad input (MP-11): truncated, oversized, contradictory, noise, forged, unasked. The exact answer or silence, the counter that says so, nothing left behind, and
 * a call in progress that does not notice. */
#include "wire.h"

#include "base/limits.h"
#include "base/random.h"

/* Each test runs with a call in progress, which then must end as calls do; and the memory must be what it was. */
struct bystander {
	struct wire wire;
	char route[300];
	struct node_counters before;
};

static void bystander_open(struct bystander *b, void (*change)(struct node_settings *))
{
	wire_open(&b->wire, change);
	wire_call(&b->wire, "bystander", b->route, sizeof(b->route));
	wire_run(&b->wire, 40000);
	wire_forget(&b->wire);
	b->before = *wire_counters(&b->wire);
	assert_int_equal(b->before.sessions, 1);
	assert_int_equal(b->before.server_transactions + b->before.client_transactions, 0);
}

static void bystander_close(struct bystander *b)
{
	const struct node_counters *c;

	wire_run(&b->wire, 200000);
	c = wire_counters(&b->wire);
	assert_int_equal(c->sessions, 1);
	assert_int_equal(c->dialogs, 1);
	assert_int_equal(c->server_transactions, 0);
	assert_int_equal(c->client_transactions, 0);
	assert_int_equal(c->timers, 0);
	assert_int_equal(c->message_blocks, 0);
	assert_int_equal(c->bindings, b->before.bindings);
	wire_forget(&b->wire);
	wire_alice_hangs_up(&b->wire, "bystander", b->route, 2);
	assert_int_equal(wire_count(&b->wire, ALICE, "SIP/2.0 200"), 1);
	wire_run(&b->wire, 200000);
	wire_nothing_left(&b->wire);
	wire_close(&b->wire);
}

static size_t to_crlf(char *bytes, size_t max, const char *text)
{
	size_t n = 0;

	for (const char *c = text; *c; c++) {
		assert_true(n + 2 < max);
		if (*c == '\n')
			bytes[n++] = '\r';
		bytes[n++] = *c;
	}
	return n;
}

#define REQUEST(method, uri, cseq)                                                                 \
	method " " uri                                                                             \
	       " SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKbad\nMax-Forwards: 70\n"   \
	       "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "         \
	       "bad\nCSeq: " cseq " " method "\n"

/* ---------------------------------------------------------------- truncated */

static void test_mp_11_requests_cut_off_at_every_byte(void **state)
{
	static const char *const whole[] = {
		REQUEST("INVITE", "sip:bob@ims.example",
			"1") "Contact: <sip:alice@127.0.0.1:6000>\nContent-Type: "
			     "a/b\nContent-Length: 6\n\nabcdef",
		REQUEST("BYE", "sip:bob@127.0.0.1:7000",
			"2") "Route: <sip:127.0.0.1:5060;lr;adieu=0-1-1>\nContent-Length: 3\n\nabc",
		REQUEST("REGISTER", "sip:ims.example",
			"1") "Contact: <sip:bob@127.0.0.1:6000>\nExpires: 3600\nContent-Length: "
			     "1\n\nx",
		REQUEST("MESSAGE", "sip:bob@ims.example", "1") "Content-Length: 2\n\nhi",
		"ACK sip:bob@127.0.0.1:7000 SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.1:6000;branch=z9hG4bKbad\nFrom: <sip:alice@ims.example>;tag=a\n"
		"To: <sip:bob@ims.example>;tag=b\nCall-ID: bad\nCSeq: 1 ACK\nContent-Length: "
		"1\n\nx",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		char bytes[2000];
		size_t len = to_crlf(bytes, sizeof(bytes), whole[i]);
		struct bystander b;
		unsigned answers = 0;

		bystander_open(&b, NULL);
		for (size_t n = 0; n < len; n++) {
			wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), bytes, n);
			assert_int_equal(wire_count(&b.wire, BOB, ""),
					 0); /* nothing of it goes anywhere */
			assert_in_range(b.wire.n_out, 0, 1);
			if (b.wire.n_out)
				assert_true(strncmp(b.wire.out[0].bytes, "SIP/2.0 400 ", 12) == 0);
			answers += b.wire.n_out;
			wire_forget(&b.wire);
		}
		{
			const struct node_counters *c = wire_counters(&b.wire);

			assert_int_equal(c->noise + c->refused_requests + c->dropped_requests -
						 (b.before.noise + b.before.refused_requests +
						  b.before.dropped_requests),
					 len);
			assert_int_equal(c->refused_requests - b.before.refused_requests, answers);
			if (i < 4)
				assert_true(
					answers >
					10); /* where Via, From, To, Call-ID and CSeq are there it is answered */
			else
				assert_int_equal(answers, 0); /* an ACK never is */
			assert_int_equal(c->bindings, b.before.bindings);
		}
		bystander_close(&b);
	}
}

static void test_mp_11_responses_cut_off_at_every_byte(void **state)
{
	struct bystander b;
	char text[2000], bytes[2000], via[300];
	size_t len;

	(void)state;
	bystander_open(&b, NULL);
	wire_invite(&b.wire, "c1", "");
	wire_header(wire_sent(&b.wire, BOB, "INVITE", 0), "Via", 0, via, sizeof(via));
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
		 "127.0.0.1:6000;branch=z9hG4bKc1-1\nFrom: <sip:alice@ims.example>;tag=a\n"
		 "To: <sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 1 INVITE\n" BOBS_CONTACT
		 "Content-Length: 4\n\nbody",
		 via);
	len = to_crlf(bytes, sizeof(bytes), text);
	wire_forget(&b.wire);
	for (size_t n = 0; n < len; n++) {
		wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, BOB), bytes, n);
		assert_int_equal(b.wire.n_out, 0);
	}
	assert_int_equal(wire_counters(&b.wire)->noise + wire_counters(&b.wire)->dropped_responses -
				 (b.before.noise + b.before.dropped_responses),
			 len);
	wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, BOB), bytes,
			len); /* the whole one still counts */
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 200"), 1);
	wire_in_dialog(&b.wire, ALICE, "BYE", 2, "c1", b.route, "");
	wire_answer(&b.wire, BOB, wire_last(&b.wire, BOB, "BYE"), "200 OK", "b", "");
	bystander_close(&b);
}

/* ---------------------------------------------------------------- one fault each */

struct fault {
	const char *what;
	const char *request; /* without the empty line at its end when `repeat` is set */
	const char *repeat;  /* a line put in `times` over */
	unsigned times;
	unsigned status; /* 0: silence */
};

#define PLAIN REQUEST("MESSAGE", "sip:bob@ims.example", "1")
#define HEAD(via, from, to, call_id, cseq)                                                         \
	"MESSAGE sip:bob@ims.example SIP/2.0\n" via "Max-Forwards: 70\n" from to call_id cseq
#define VIA  "Via: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKbad\n"
#define FROM "From: <sip:alice@ims.example>;tag=a\n"
#define TO   "To: <sip:bob@ims.example>\n"
#define ID   "Call-ID: bad\n"
#define SEQ  "CSeq: 1 MESSAGE\n"

static const struct fault faults[] = {
	{"two lengths", PLAIN "Content-Length: 2\nContent-Length: 3\n\nabc", NULL, 0, 400},
	{"two equal lengths", PLAIN "Content-Length: 3\nl: 3\n\nabc", NULL, 0, 200},
	{"too long a length", PLAIN "Content-Length: 4\n\nabc", NULL, 0, 400},
	{"a negative length", PLAIN "Content-Length: -1\n\nabc", NULL, 0, 400},
	{"a length that is none", PLAIN "Content-Length: three\n\nabc", NULL, 0, 400},
	{"a huge length", PLAIN "Content-Length: 99999999999999999999\n\nabc", NULL, 0, 400},
	{"no Via", HEAD("", FROM, TO, ID, SEQ) "\n", NULL, 0, 0},
	{"a Via of nothing", HEAD("Via: \n", FROM, TO, ID, SEQ) "\n", NULL, 0, 0},
	{"a Via without host", HEAD("Via: SIP/2.0/UDP ;branch=1\n", FROM, TO, ID, SEQ) "\n", NULL,
	 0, 0},
	{"no From", HEAD(VIA, "", TO, ID, SEQ) "\n", NULL, 0, 0},
	{"no To", HEAD(VIA, FROM, "", ID, SEQ) "\n", NULL, 0, 0},
	{"no Call-ID", HEAD(VIA, FROM, TO, "", SEQ) "\n", NULL, 0, 0},
	{"no CSeq", HEAD(VIA, FROM, TO, ID, "") "\n", NULL, 0, 0},
	{"From twice", HEAD(VIA, FROM FROM, TO, ID, SEQ) "\n", NULL, 0, 400},
	{"another method in CSeq", HEAD(VIA, FROM, TO, ID, "CSeq: 1 INFO\n") "\n", NULL, 0, 400},
	{"a number that is too large", HEAD(VIA, FROM, TO, ID, "CSeq: 2147483648 MESSAGE\n") "\n",
	 NULL, 0, 400},
	{"the largest number", HEAD(VIA, FROM, TO, ID, "CSeq: 2147483647 MESSAGE\n") "\n", NULL, 0,
	 200},
	{"Max-Forwards 256",
	 "MESSAGE sip:bob@ims.example SIP/2.0\nMax-Forwards: 256\n" VIA FROM TO ID SEQ "\n", NULL,
	 0, 400},
	{"Max-Forwards 0",
	 "MESSAGE sip:bob@ims.example SIP/2.0\nMax-Forwards: 0\n" VIA FROM TO ID SEQ "\n", NULL, 0,
	 483},
	{"version 7", "MESSAGE sip:bob@ims.example SIP/7.0\n" VIA FROM TO ID SEQ "\n", NULL, 0,
	 505},
	{"no URI", "MESSAGE  SIP/2.0\n" VIA FROM TO ID SEQ "\n", NULL, 0, 400},
	{"a URI of nothing", "MESSAGE sip: SIP/2.0\n" VIA FROM TO ID SEQ "\n", NULL, 0, 400},
	{"a strange scheme", "MESSAGE nobody:knows SIP/2.0\n" VIA FROM TO ID SEQ "\n", NULL, 0,
	 416},
	{"sips", "MESSAGE sips:bob@ims.example SIP/2.0\n" VIA FROM TO ID SEQ "\n", NULL, 0, 416},
	{"no header has an end", "MESSAGE sip:bob@ims.example SIP/2.0\n" VIA FROM TO ID SEQ, NULL,
	 0, 400},
	{"no colon", PLAIN "Nonsense\n\n", NULL, 0, 400},
	{"10000 header fields", PLAIN, "X-Field: value\n", 3500,
	 513}, /* as many as a datagram holds */
	{"193 header fields", PLAIN, "X: y\n", LIMIT_HEADER_FIELDS - 5, 513},
	{"192 header fields", PLAIN, "X: y\n", LIMIT_HEADER_FIELDS - 6, 200},
	{"65 Vias", PLAIN, "Via: SIP/2.0/UDP h.example;branch=z9hG4bK1\n", 64, 513},
	/* with ours it would be 65, and the response could not come back */
	{"64 Vias", PLAIN, "Via: SIP/2.0/UDP h.example;branch=z9hG4bK1\n", 63, 513},
	{"63 Vias", PLAIN, "Via: SIP/2.0/UDP h.example;branch=z9hG4bK1\n", 62, 200},
	{"65 Routes", PLAIN, "Route: <sip:r.example;lr>\n", 65, 400},
	{"65 Record-Routes", PLAIN, "Record-Route: <sip:r.example;lr>\n", 65, 400},
	{"an extension", PLAIN "Proxy-Require: foo, bar\nProxy-Require: baz\n\n", NULL, 0, 420},
};

static void test_mp_11_mp_9_mp_10_px_1_px_2_one_fault_each(void **state)
{
	static char text[70000], bytes[140000];
	unsigned wrong = 0;
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", f->request), len;
		struct node_counters c = *wire_counters(&b.wire);
		unsigned status = 0;

		for (unsigned k = 0; k < f->times; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", f->repeat);
		if (f->times)
			snprintf(text + n, sizeof(text) - n, "\n");
		len = to_crlf(bytes, sizeof(bytes), text);
		if (len > LIMIT_MESSAGE_BYTES)
			len = LIMIT_MESSAGE_BYTES;
		wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), bytes, len);
		if (f->status == 200) { /* it passes, and bob answers */
			if (!wire_sent(&b.wire, BOB, "MESSAGE", 0))
				fail_msg("%s: did not pass: %s", f->what,
					 b.wire.n_out ? b.wire.out[0].bytes : "silence");
			wire_answer(&b.wire, BOB, wire_last(&b.wire, BOB, "MESSAGE"), "200 OK", "m",
				    "");
			if (wire_count(&b.wire, ALICE, "SIP/2.0 200") != 1)
				print_error("%s: the answer did not come back\n", f->what), wrong++;
		} else {
			if (b.wire.n_out)
				status = (unsigned)atoi(b.wire.out[0].bytes + 8);
			if (status != f->status || b.wire.n_out != (f->status ? 1 : 0))
				print_error("%s: %u messages, %u instead of %u\n", f->what,
					    b.wire.n_out, status, f->status),
					wrong++;
		}
		switch (f->status) {
		case 0:
			assert_int_equal(wire_counters(&b.wire)->dropped_requests,
					 c.dropped_requests + 1);
			break;
		case 483:
			assert_int_equal(wire_counters(&b.wire)->too_many_hops,
					 c.too_many_hops + 1);
			break;
		case 200:
		case 416:
		case 420:
			assert_int_equal(wire_counters(&b.wire)->refused_requests,
					 c.refused_requests);
			break;
		default:
			if (strcmp(f->what, "64 Vias") != 0) /* well-formed, and yet one too many */
				assert_int_equal(wire_counters(&b.wire)->refused_requests,
						 c.refused_requests + 1);
		}
		wire_forget(&b.wire);
		wire_run(&b.wire, 40000);
		wire_forget(&b.wire);
		assert_int_equal(wire_counters(&b.wire)->server_transactions +
					 wire_counters(&b.wire)->client_transactions,
				 0);
	}
	assert_int_equal(wrong, 0);
	bystander_close(&b);
}

static void test_px_4_the_unsupported_extensions_are_named(void **state)
{
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	wire_feed(&b.wire, ALICE, "%s", PLAIN "Proxy-Require: foo, bar\nProxy-Require: baz\n\n");
	wire_check_header(wire_sent(&b.wire, ALICE, "SIP/2.0 420", 0), "Unsupported",
			  "foo, bar, baz");
	bystander_close(&b);
}

static void test_mp_10_oversized(void **state)
{
	static char text[200000];
	struct bystander b;
	size_t n;

	(void)state;
	bystander_open(&b, NULL);
	/* beyond what a datagram can be */
	n = to_crlf(text, sizeof(text), PLAIN "\n");
	memset(text + n, 'x', sizeof(text) - n);
	wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), text, LIMIT_MESSAGE_BYTES + 1);
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 513"), 1);
	wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), text, sizeof(text));
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 513"), 2);
	wire_forget(&b.wire);
	/* Request-URI */
	for (int i = 0; i < 2; i++) {
		unsigned length = i ? 5000 : LIMIT_URI_BYTES + 1;

		n = (size_t)sprintf(text, "MESSAGE sip:");
		memset(text + n, 'u', length - 4);
		n += length - 4;
		n += (size_t)sprintf(text + n, " SIP/2.0\r\n");
		n += to_crlf(text + n, 2000, VIA FROM TO ID SEQ "\n");
		wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), text, n);
		assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 414"), (unsigned)i + 1);
	}
	/* one field */
	n = to_crlf(text, sizeof(text), PLAIN "X-Long: ");
	memset(text + n, 'y', LIMIT_FIELD_BYTES);
	n += LIMIT_FIELD_BYTES;
	memcpy(text + n, "\r\n\r\n", 4);
	wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), text, n + 4);
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 513"), 1);
	assert_int_equal(b.wire.n_out, 3);
	bystander_close(&b);
}

/* A message that grows beyond the largest when it is forwarded. */
static void test_mp_10_a_request_that_would_grow_too_large(void **state)
{
	static char text[70000];
	struct bystander b;
	size_t n;

	(void)state;
	bystander_open(&b, NULL);
	n = to_crlf(text, sizeof(text), PLAIN "Content-Type: a/b\n\n");
	memset(text + n, 'x', sizeof(text) - n);
	wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, ALICE), text, LIMIT_MESSAGE_BYTES);
	assert_int_equal(b.wire.n_out, 1);
	assert_non_null(wire_sent(&b.wire, ALICE, "SIP/2.0 500", 0));
	bystander_close(&b);
}

static void test_mp_11_noise(void **state)
{
	struct bystander b;
	struct random random = random_from(11, 12);
	const unsigned rounds = 5000;
	uint64_t counted;

	(void)state;
	bystander_open(&b, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		char bytes[600];
		size_t len = random_below(&random, sizeof(bytes));

		for (size_t k = 0; k < len; k++)
			bytes[k] = (char)random_below(&random, i % 3 == 0   ? 256
							       : i % 3 == 1 ? 128
									    : 32 + i % 90);
		wire_feed_bytes(&b.wire, wire_address(i % 2 ? TRANSPORT_UDP : TRANSPORT_TCP, ALICE),
				bytes, len);
		assert_int_equal(b.wire.n_out, 0);
	}
	counted = wire_counters(&b.wire)->noise - b.before.noise;
	assert_int_equal(counted, rounds);
	bystander_close(&b);
}

/* Good messages with bytes changed by chance, tens of thousands: no crash, no growth, the bystander lives. */
static void test_mp_11_messages_with_changed_bytes(void **state)
{
	static const char *const seeds[] = {
		REQUEST("INVITE", "sip:bob@ims.example",
			"1") "Contact: <sip:alice@127.0.0.1:6000>\nContent-Length: 2\n\nab",
		REQUEST("REGISTER", "sip:ims.example",
			"1") "Contact: <sip:dan@127.0.0.1:6000>;expires=100\nPath: "
			     "<sip:p.example;lr>\nContent-Length: 0\n\n",
		REQUEST("CANCEL", "sip:bob@ims.example",
			"1") "Reason: SIP;cause=200\nContent-Length: 0\n\n",
		REQUEST("BYE", "sip:bob@127.0.0.1:7000",
			"2") "Route: <sip:127.0.0.1:5060;lr;adieu=0-1-1>, "
			     "<sip:127.0.0.1:8000;lr>\nContent-Length: 0\n\n",
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKad-0-1-1-0\nVia: "
		"SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKbad\n" FROM
		"To: <sip:bob@ims.example>;tag=q\n" ID "CSeq: 1 INVITE\n" BOBS_CONTACT
		"Record-Route: <sip:127.0.0.1:5060;lr>\nContent-Length: 0\n\n",
	};
	struct random random = random_from(21, 22);
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (unsigned i = 0; i < 20000; i++) {
		char bytes[2000];
		size_t len = to_crlf(bytes, sizeof(bytes), seeds[i % 5]);

		for (unsigned k = random_below(&random, 6); k-- > 0;) {
			size_t at = random_below(&random, (uint32_t)len);

			switch (random_below(&random, 3)) {
			case 0: bytes[at] = (char)random_below(&random, 256); break;
			case 1: memmove(bytes + at, bytes + at + 1, --len - at); break;
			default: bytes[at] = bytes[random_below(&random, (uint32_t)len)];
			}
		}
		wire_feed_bytes(&b.wire, wire_address(TRANSPORT_UDP, i % 5 == 4 ? BOB : ALICE),
				bytes, len);
		wire_forget(&b.wire);
		if (i % 500 == 499)
			wire_run(&b.wire, 100000), wire_forget(&b.wire);
	}
	/* registered users stay until their time is over: let it pass */
	for (int i = 0; i < 10; i++)
		wire_run(&b.wire, 120000000), wire_forget(&b.wire);
	b.before.bindings = wire_counters(&b.wire)->bindings;
	bystander_close(&b);
}

/* ---------------------------------------------------------------- forged handles and tags: PX-6a */

static void bye_with(struct wire *wire, const char *route, const char *from_tag, const char *to_tag,
		     const char *call_id, unsigned n)
{
	wire_feed(wire, ALICE,
		  "BYE sip:bob@127.0.0.1:7000 SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKforged%u\nMax-Forwards: 70\n%s%s%s"
		  "From: <sip:alice@ims.example>%s%s\nTo: <sip:bob@ims.example>%s%s\nCall-ID: "
		  "%s\nCSeq: 77 BYE\nContent-Length: 0\n\n",
		  n, *route ? "Route: " : "", route, *route ? "\n" : "", *from_tag ? ";tag=" : "",
		  from_tag, *to_tag ? ";tag=" : "", to_tag, call_id);
}

static void test_px_6a_forged_handles_and_tags_reach_nothing(void **state)
{
	/* @: the true handle of the bystander */
	static const struct {
		const char *route, *from_tag, *to_tag, *call_id;
		bool forged; /* counted as a handle that did not stand the test */
	} rows[] = {
		{"@", "a", "b", "other", true},
		{"@", "a", "x", "bystander", false},
		{"@", "x", "b", "bystander", false},
		{"@", "", "", "bystander", false},
		{"@", "a", "", "bystander", false},
		{"@", "b", "b", "bystander", false},
		{"@", "a", "a", "bystander", false},
		{"@", "A", "B", "bystander", false},
		{"<sip:127.0.0.1:5060;lr;adieu=0-1-2>", "a", "b", "other",
		 true}, /* stale or future generation */
		{"<sip:127.0.0.1:5060;lr;adieu=0-1-0>", "a", "b", "other", true},
		{"<sip:127.0.0.1:5060;lr;adieu=0-0-0>", "a", "b", "other", true},
		{"<sip:127.0.0.1:5060;lr;adieu=0-ffffffff-ffffffff>", "a", "b", "other", true},
		{"<sip:127.0.0.1:5060;lr;adieu=0-2-1>", "a", "b", "other",
		 true}, /* a session that is not there */
		{"<sip:127.0.0.1:5060;lr;adieu=7-1-1>", "a", "b", "other",
		 false}, /* another shard's */
		{"<sip:127.0.0.1:5060;lr;adieu=garbage>", "a", "b", "other", false},
		{"<sip:127.0.0.1:5060;lr;adieu>", "a", "b", "other", false},
		{"<sip:127.0.0.1:5060;lr;adieu=0-1-1-1>", "a", "b", "other", false},
		{"<sip:127.0.0.1:5060;lr;adieu=0-1-123456789>", "a", "b", "other", false},
		{"<sip:127.0.0.1:5060;lr>", "a", "b", "other", false},
		{"", "a", "b", "other", false},
		{"", "a", "x", "bystander", false},
	};
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_counters before = *wire_counters(&b.wire);

		bye_with(&b.wire, strcmp(rows[i].route, "@") ? rows[i].route : b.route,
			 rows[i].from_tag, rows[i].to_tag, rows[i].call_id, (unsigned)i);
		if (b.wire.n_out != 1 || !wire_sent(&b.wire, ALICE, "SIP/2.0 481", 0))
			fail_msg("row %zu: %u messages, first: %s", i, b.wire.n_out,
				 b.wire.n_out ? b.wire.out[0].bytes : "");
		assert_int_equal(wire_counters(&b.wire)->unknown_dialogs,
				 before.unknown_dialogs + 1);
		assert_int_equal(wire_counters(&b.wire)->forged_handles,
				 before.forged_handles + (rows[i].forged ? 1 : 0));
		wire_forget(&b.wire);
	}
	bystander_close(&b);
}

/* A wrong handle with the right Call-ID and tags is the party's own dialog all the same: the handle is a hint. */
static void test_px_6a_a_wrong_handle_is_no_more_than_a_bad_hint(void **state)
{
	static const char *const routes[] = {
		"<sip:127.0.0.1:5060;lr;adieu=0-9-1>", "<sip:127.0.0.1:5060;lr;adieu=3-1-1>",
		"<sip:127.0.0.1:5060;lr;adieu=x>", "<sip:127.0.0.1:5060;lr>"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct bystander b;

		bystander_open(&b, NULL);
		wire_in_dialog(&b.wire, ALICE, "INFO", 2, "bystander", routes[i], "");
		assert_int_equal(wire_count(&b.wire, BOB, "INFO"), 1);
		wire_answer(&b.wire, BOB, wire_last(&b.wire, BOB, "INFO"), "200 OK", "b", "");
		bystander_close(&b);
	}
}

/* ---------------------------------------------------------------- nobody asked */

/* @req PX-15 TP-9 TX-5 RF-9b */
static void test_px_15_responses_that_nobody_asked_for(void **state)
{
	static const struct {
		const char *what, *via, *cseq, *status;
		bool reaches; /* the one that was asked for */
	} rows[] = {
		{"another branch", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKother", "1 INVITE",
		 "200 OK", false},
		{"no branch", "SIP/2.0/UDP 127.0.0.1:5060", "1 INVITE", "200 OK", false},
		{"our cookie and garbage", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKad-x",
		 "1 INVITE", "200 OK", false},
		{"the right handle with a wrong hash", "SIP/2.0/UDP 127.0.0.1:5060;branch=#0",
		 "1 INVITE", "200 OK", false},
		{"a wrong generation", "SIP/2.0/UDP 127.0.0.1:5060;branch=g", "1 INVITE", "200 OK",
		 false},
		{"another shard", "SIP/2.0/UDP 127.0.0.1:5060;branch=s", "1 INVITE", "200 OK",
		 false},
		{"another sent-by", "SIP/2.0/UDP 127.0.0.1:5061;branch=@", "1 INVITE", "200 OK",
		 false},
		{"another host", "SIP/2.0/UDP 127.0.0.2:5060;branch=@", "1 INVITE", "200 OK",
		 false},
		{"another method", "SIP/2.0/UDP 127.0.0.1:5060;branch=@", "1 BYE", "200 OK", false},
		{"a CANCEL that was never sent", "SIP/2.0/UDP 127.0.0.1:5060;branch=@", "1 CANCEL",
		 "200 OK", false},
		{"an ACK", "SIP/2.0/UDP 127.0.0.1:5060;branch=@", "1 ACK", "200 OK", false},
		{"another number", "SIP/2.0/UDP 127.0.0.1:5060;branch=@", "2 INVITE", "200 OK",
		 false},
		{"the right one", "SIP/2.0/UDP 127.0.0.1:5060;branch=@", "1 INVITE", "180 Ringing",
		 true},
	};
	struct bystander b;
	char via[300], branch[200], *hash;

	(void)state;
	bystander_open(&b, NULL);
	wire_invite(&b.wire, "c1", "");
	wire_header(wire_sent(&b.wire, BOB, "INVITE", 0), "Via", 0, via, sizeof(via));
	snprintf(branch, sizeof(branch), "%s", strstr(via, "branch=") + 7);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t strays = wire_counters(&b.wire)->stray_responses;
		char text[400], forged[250];
		const char *mark = strstr(rows[i].via, "branch=");

		snprintf(forged, sizeof(forged), "%s", branch);
		hash = strrchr(forged, '-');
		if (mark && mark[7] == '#') {
			strcpy(hash + 1, "0");
		} else if (mark && mark[7] == 'g') { /* 0-1-1 -> 0-1-2 */
			hash[-1]++;
		} else if (mark && mark[7] == 's') {
			forged[10] = '5';
		}
		if (mark && strchr("#gs@", mark[7]))
			snprintf(text, sizeof(text), "%.*s%s", (int)(mark + 7 - rows[i].via),
				 rows[i].via, forged);
		else
			snprintf(text, sizeof(text), "%s", rows[i].via);
		wire_forget(&b.wire);
		wire_feed(&b.wire, BOB,
			  "SIP/2.0 %s\nVia: %s\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKc1-1\nFrom: <sip:alice@ims.example>;tag=a\n"
			  "To: <sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: %s\n" BOBS_CONTACT
			  "Content-Length: 0\n\n",
			  rows[i].status, text, rows[i].cseq);
		if (wire_counters(&b.wire)->stray_responses != strays + !rows[i].reaches ||
		    b.wire.n_out != (rows[i].reaches ? 1 : 0))
			fail_msg("%s (%s)", rows[i].what, text);
	}
	wire_answer(&b.wire, BOB, wire_last(&b.wire, ALICE, "SIP/2.0 180"), "486 Busy Here", "b",
		    ""); /* that is nothing of ours either */
	wire_feed(&b.wire, BOB,
		  "SIP/2.0 486 Busy Here\nVia: %s\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKc1-1\nFrom: <sip:alice@ims.example>;tag=a\n"
		  "To: <sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 1 INVITE\nContent-Length: "
		  "0\n\n",
		  via);
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 486"), 1);
	bystander_close(&b);
}

/* @req RF-5 RF-10a RC-15  Requests that belong to nothing. */
static void test_rf_5_requests_that_belong_to_nothing(void **state)
{
	static const struct {
		const char *method;
		bool in_dialog;
		unsigned status; /* 0: silence */
	} rows[] = {
		{"ACK", false, 0},      {"ACK", true, 0},      {"CANCEL", false, 481},
		{"CANCEL", true, 481},  {"BYE", false, 481},   {"BYE", true, 481},
		{"UPDATE", false, 481}, {"UPDATE", true, 481}, {"PRACK", false, 481},
		{"PRACK", true, 481},   {"INFO", false, 481},  {"INFO", true, 481},
		{"INVITE", true, 481},  {"NOTIFY", true, 481}, {"REFER", true, 481},
	};
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct node_counters before = *wire_counters(&b.wire);

		wire_feed(&b.wire, ALICE,
			  "%s sip:bob@127.0.0.1:7000 SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKn%zu\nMax-Forwards: 70\n"
			  "From: <sip:alice@ims.example>;tag=z\nTo: "
			  "<sip:bob@ims.example>%s\nCall-ID: nothing\nCSeq: 1 %s\nContent-Length: "
			  "0\n\n",
			  rows[i].method, i, rows[i].in_dialog ? ";tag=y" : "", rows[i].method);
		if (b.wire.n_out != (rows[i].status ? 1 : 0) ||
		    (rows[i].status && !wire_sent(&b.wire, ALICE, "SIP/2.0 481", 0)))
			fail_msg("row %zu: %u: %s", i, b.wire.n_out,
				 b.wire.n_out ? b.wire.out[0].bytes : "");
		if (strcmp(rows[i].method, "ACK") == 0)
			assert_int_equal(wire_counters(&b.wire)->stray_acks, before.stray_acks + 1);
		else if (strcmp(rows[i].method, "CANCEL") != 0)
			assert_int_equal(wire_counters(&b.wire)->unknown_dialogs,
					 before.unknown_dialogs + 1);
		wire_forget(&b.wire);
	}
	bystander_close(&b);
}

/* RFC 3261 §8.2.7: an answer without a transaction is the same each time the same request comes, its To tag included. */
static void test_tx_9_stateless_answers_to_the_same_request_are_the_same(void **state)
{
	static const char *const requests[] = {
		PLAIN "Proxy-Require: foo\n\n",
		PLAIN "Content-Length: 9\n\n",
		REQUEST("INVITE", "sip:bob@ims.example", "1") "Proxy-Require: foo\n\n",
		REQUEST("BYE", "sip:bob@ims.example", "5") "\n",
	};
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (size_t i = 0; i < 4; i++) {
		char one[300], two[300];

		wire_feed(&b.wire, ALICE, "%s", requests[i]);
		wire_feed(&b.wire, ALICE, "%s", requests[i]);
		assert_int_equal(b.wire.n_out, 2);
		wire_header(b.wire.out[0].bytes, "To", 0, one, sizeof(one));
		wire_header(b.wire.out[1].bytes, "To", 0, two, sizeof(two));
		assert_non_null(strstr(one, ";tag="));
		assert_string_equal(one, two);
		wire_forget(&b.wire);
	}
	bystander_close(&b);
}

/* A Route that cannot be read decides where the request goes; guessing would be worse than 400 (RFC 3261 §16.3 1). */
static void test_px_1_an_unreadable_route_is_refused(void **state)
{
	static char route[2000];
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	wire_feed(&b.wire, ALICE, "%s", PLAIN "Route: nonsense\n\n");
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 400"), 1);
	memset(route, 'r', sizeof(route) - 1);
	wire_in_dialog(&b.wire, ALICE, "INFO", 2, "bystander", "<sip:broken", "");
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 400"), 2);
	wire_feed(&b.wire, ALICE, PLAIN "Route: <sip:%s;lr>\n\n",
		  route); /* above LIMIT_URI_BYTES */
	assert_int_equal(wire_count(&b.wire, ALICE, "SIP/2.0 400"), 3);
	assert_int_equal(b.wire.n_out, 3);
	bystander_close(&b);
}

/* Requests of dialogs that we keep no state of pass along their routes for trusted addresses only. */
static void test_no_open_relay_through_dialogs_that_are_not_kept(void **state)
{
	static const char *const methods[] = {"MESSAGE", "SUBSCRIBE", "NOTIFY", "REFER",
					      "OPTIONS", "PUBLISH",   "FOO"};
	struct endpoint stranger = {
		.transport = TRANSPORT_UDP, .family = 4, .port = 4444, .ip = {10, 1, 2, 3}};
	struct bystander b;

	(void)state;
	bystander_open(&b, NULL);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		for (int with_tag = 0; with_tag < 2; with_tag++) {
			wire_feed_from(&b.wire, stranger,
				       "%s sip:victim@127.0.0.1:9999 SIP/2.0\nVia: SIP/2.0/UDP "
				       "10.1.2.3:4444;branch=z9hG4bKx%zu%d\nMax-Forwards: 70\n"
				       "Route: <sip:127.0.0.1:5060;lr>\nFrom: "
				       "<sip:s@x.example>;tag=s\nTo: "
				       "<sip:victim@x.example>%s\nCall-ID: relay%zu\n"
				       "CSeq: 1 %s\nContent-Length: 0\n\n",
				       methods[i], i, with_tag, with_tag ? ";tag=t" : "", i,
				       methods[i]);
			assert_int_equal(wire_count(&b.wire, 9999, ""), 0);
			assert_int_equal(wire_count(&b.wire, 4444, "SIP/2.0 4"), 1);
			wire_forget(&b.wire);
		}
	bystander_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mp_11_requests_cut_off_at_every_byte),
		cmocka_unit_test(test_mp_11_responses_cut_off_at_every_byte),
		cmocka_unit_test(test_mp_11_mp_9_mp_10_px_1_px_2_one_fault_each),
		cmocka_unit_test(test_px_4_the_unsupported_extensions_are_named),
		cmocka_unit_test(test_mp_10_oversized),
		cmocka_unit_test(test_mp_10_a_request_that_would_grow_too_large),
		cmocka_unit_test(test_mp_11_noise),
		cmocka_unit_test(test_mp_11_messages_with_changed_bytes),
		cmocka_unit_test(test_px_6a_forged_handles_and_tags_reach_nothing),
		cmocka_unit_test(test_px_6a_a_wrong_handle_is_no_more_than_a_bad_hint),
		cmocka_unit_test(test_px_15_responses_that_nobody_asked_for),
		cmocka_unit_test(test_rf_5_requests_that_belong_to_nothing),
		cmocka_unit_test(test_tx_9_stateless_answers_to_the_same_request_are_the_same),
		cmocka_unit_test(test_px_1_an_unreadable_route_is_refused),
		cmocka_unit_test(test_no_open_relay_through_dialogs_that_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
