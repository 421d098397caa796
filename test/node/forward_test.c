/* What passes keeps its bytes: requests and responses through the proxy compared byte by byte, and routes of every kind. RFC 3261 §16.4, §16.6, §16.7. */
#include "wire.h"

/* The first message that went to this port, with its length. */
static const struct wire_message *to_port(const struct wire *wire, uint16_t port)
{
	for (unsigned i = 0; i < wire->n_out; i++)
		if (wire->out[i].to.port == port)
			return &wire->out[i];
	fail_msg("nothing went to port %u, but: %s", port,
		 wire->n_out ? wire->out[0].bytes : "nothing at all");
	return NULL;
}

static void check_bytes(const struct wire_message *m, const char *want, size_t len)
{
	size_t at = 0;

	while (at < len && at < m->len && m->bytes[at] == want[at])
		at++;
	if (m->len == len && at == len)
		return;
	fail_msg("differs at byte %zu of %zu (%zu):\n%.*s\n--- wanted\n%.*s", at, m->len, len,
		 (int)m->len, m->bytes, (int)len, want);
}

#define ODD_HEAD "v:SIP/2.0/UDP 127.0.0.1:6000 ;branch=z9hG4bKf1\r\nX-Before: 1\r\n"
#define ODD_REST                                                                                   \
	"f: \"Alice, \\\"A\\\"\" <sip:alice@ims.example> ; "                                       \
	"tag=a\r\nt:<sip:bob@ims.example>\r\ni: c1\r\nCSeq:1   INVITE\r\n"                         \
	"m: <sip:alice@127.0.0.1:6000>\r\nSubject: folded\r\n  over two\r\n\t "                    \
	"lines\r\nX-Unknown:   spaced out   \r\nx-unknown: again\r\n"                              \
	"Accept: a/b,c/d\r\nk: path,  timer\r\nNo-Value:\r\nUTF: gr\xc3\xbc\xc3\x9f\r\nc: "        \
	"application/octet-stream\r\nl: 8\r\n\r\n"                                                 \
	"\x00\r\n\r\n\xff\x01 "

static void feed_raw(struct wire *wire, uint16_t port, const char *bytes, size_t len)
{
	wire_feed_bytes(wire, wire_address(TRANSPORT_UDP, port), bytes, len);
}

/* @req MP-1 MP-2 PX-6 PX-7 PX-9 RF-12c */
static void test_mp_1_a_request_and_its_response_keep_their_bytes(void **state)
{
	static const char invite[] =
		"INVITE sip:bob@ims.example SIP/2.0\r\n" ODD_HEAD "max-forwards :  70\r\n" ODD_REST;
	static const char response_tail[] =
		"f: \"Alice, \\\"A\\\"\" <sip:alice@ims.example> ; tag=a\r\nTo:   "
		"<sip:bob@ims.example>;tag=b\r\ni: c1\r\nCSeq:1   INVITE\r\n"
		"Reason: nonsense ;;; \"\r\nServer: odd\r\n  folded\r\nm: "
		"<sip:bob@127.0.0.1:7000>\r\nl: 3\r\n\r\n\x00\x01\x02";
	char want[4000], via[200], route[200], charging[200], response[4000];
	const struct wire_message *m;
	struct wire wire;
	int n;

	(void)state;
	wire_open(&wire, NULL);
	feed_raw(&wire, ALICE, invite, sizeof(invite) - 1);
	m = to_port(&wire, BOB);
	assert_non_null(wire_header(m->bytes, "Via", 0, via, sizeof(via)));
	assert_non_null(wire_header(m->bytes, "Record-Route", 0, route, sizeof(route)));
	assert_non_null(wire_header(m->bytes, "P-Charging-Vector", 0, charging, sizeof(charging)));
	assert_memory_equal(via, "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKad-", 44);
	assert_memory_equal(route, "<sip:127.0.0.1:5060;lr;adieu=0-", 31);
	n = snprintf(
		want, sizeof(want),
		"INVITE sip:bob@127.0.0.1:7000 SIP/2.0\r\nVia: %s\r\nRecord-Route: %s\r\n"
		"P-Charging-Vector: %s\r\nP-Called-Party-ID: <sip:bob@ims.example>\r\n" ODD_HEAD
		"max-forwards :  69\r\n",
		via, route, charging);
	memcpy(want + n, ODD_REST, sizeof(ODD_REST) - 1);
	check_bytes(m, want, (size_t)n + sizeof(ODD_REST) - 1);

	wire_forget(&wire);
	n = snprintf(response, sizeof(response),
		     "SIP/2.0 183 Odd  Progress \r\nvIA :%s, SIP/2.0/UDP 127.0.0.1:6000 "
		     ";branch=z9hG4bKf1\r\nRecord-Route: %s\r\n",
		     via, route);
	memcpy(response + n, response_tail, sizeof(response_tail) - 1);
	feed_raw(&wire, BOB, response, (size_t)n + sizeof(response_tail) - 1);
	m = to_port(&wire, ALICE);
	n = snprintf(want, sizeof(want),
		     "SIP/2.0 183 Odd  Progress \r\nvIA :SIP/2.0/UDP 127.0.0.1:6000 "
		     ";branch=z9hG4bKf1\r\nRecord-Route: %s\r\n",
		     route);
	memcpy(want + n, response_tail, sizeof(response_tail) - 1);
	check_bytes(m, want, (size_t)n + sizeof(response_tail) - 1);

	/* and with the Via as a line of its own */
	wire_forget(&wire);
	n = snprintf(response, sizeof(response),
		     "SIP/2.0 200 OK\r\nX-First: stays first\r\nv: %s\r\nX-Between: stays\r\nv: "
		     "SIP/2.0/UDP 127.0.0.1:6000 ;branch=z9hG4bKf1\r\n",
		     via);
	memcpy(response + n, response_tail, sizeof(response_tail) - 1);
	feed_raw(&wire, BOB, response, (size_t)n + sizeof(response_tail) - 1);
	m = to_port(&wire, ALICE);
	n = snprintf(want, sizeof(want),
		     "SIP/2.0 200 OK\r\nX-First: stays first\r\nX-Between: stays\r\nv: SIP/2.0/UDP "
		     "127.0.0.1:6000 ;branch=z9hG4bKf1\r\n");
	memcpy(want + n, response_tail, sizeof(response_tail) - 1);
	check_bytes(m, want, (size_t)n + sizeof(response_tail) - 1);
	wire_close(&wire);
}

/* @req MP-1 RC-14 SC-12 RF-9c  Every method inside a dialog, both ways, with a body: only Route, Via and Max-Forwards change. */
static void test_mp_1_every_method_inside_a_dialog_keeps_its_bytes(void **state)
{
	static const char *const methods[] = {"INFO",  "UPDATE", "PRACK",     "MESSAGE",
					      "REFER", "NOTIFY", "SUBSCRIBE", "OPTIONS",
					      "FOO",   "INVITE", "ACK",       "BYE"};
	char route[300], message[2000], want[2000], via[200];
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	wire_call(&wire, "c1", route, sizeof(route));
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		for (int from_bob = 0; from_bob < 2; from_bob++) {
			uint16_t port = from_bob ? BOB : ALICE, other = from_bob ? ALICE : BOB;
			const char *tail =
				"Content-Type: x/y\r\nContent-Length: 5\r\n\r\nb\r\nd\x7f";
			const char *from = from_bob ? "bob" : "alice",
				   *to = from_bob ? "alice" : "bob";
			const struct wire_message *m;
			int n;

			if (from_bob && strcmp(methods[i], "BYE") == 0)
				continue; /* the caller's has ended it */
			wire_forget(&wire);
			n = snprintf(
				message, sizeof(message),
				"%s sip:%s@127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/UDP "
				"127.0.0.1:%u;branch=z9hG4bK%s%d\r\nRoute: %s\r\nMax-Forwards: "
				"17\r\n"
				"From: <sip:%s@ims.example>;tag=%s\r\nTo: "
				"<sip:%s@ims.example>;tag=%s\r\nCall-ID: c1\r\nCSeq: %zu %s\r\n"
				"Reason: SIP;cause=?;text=\"unreadable\r\n%s",
				methods[i], to, other, port, methods[i], from_bob, route, from,
				from_bob ? "b" : "a", to, from_bob ? "a" : "b", i + 2, methods[i],
				tail);
			feed_raw(&wire, port, message, (size_t)n);
			m = to_port(&wire, other);
			wire_header(m->bytes, "Via", 0, via, sizeof(via));
			n = snprintf(
				want, sizeof(want),
				"%s sip:%s@127.0.0.1:%u SIP/2.0\r\nVia: %s\r\nVia: SIP/2.0/UDP "
				"127.0.0.1:%u;branch=z9hG4bK%s%d\r\nMax-Forwards: 16\r\n"
				"From: <sip:%s@ims.example>;tag=%s\r\nTo: "
				"<sip:%s@ims.example>;tag=%s\r\nCall-ID: c1\r\nCSeq: %zu %s\r\n"
				"Reason: SIP;cause=?;text=\"unreadable\r\n%s",
				methods[i], to, other, via, port, methods[i], from_bob, from,
				from_bob ? "b" : "a", to, from_bob ? "a" : "b", i + 2, methods[i],
				tail);
			check_bytes(m, want, (size_t)n);
			if (strcmp(methods[i], "ACK") != 0)
				wire_answer(&wire, other, m->bytes, "200 OK", "", "");
		}
	wire_run(&wire, 200000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

static void options_to_bob(struct wire *wire, const char *lines, const char *branch)
{
	wire_feed(
		wire, ALICE,
		"OPTIONS sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.1:6000;branch=z9hG4bK%s\n%sFrom: <sip:alice@ims.example>;tag=a\n"
		"To: <sip:bob@ims.example>\nCall-ID: o-%s\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
		branch, lines, branch);
}

static void test_px_7_max_forwards_goes_down_by_one(void **state)
{
	static const struct {
		const char *lines, *want;
	} rows[] = {
		{"Max-Forwards: 70\n", "69"},   {"Max-Forwards: 1\n", "0"},
		{"Max-Forwards: 255\n", "254"}, {"Max-Forwards: 100\n", "99"},
		{"Max-Forwards: 10\n", "9"},    {"", "70"},
	};
	char branch[20];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;

		wire_open(&wire, NULL);
		snprintf(branch, sizeof(branch), "mf%zu", i);
		options_to_bob(&wire, rows[i].lines, branch);
		wire_check_header(wire_sent(&wire, BOB, "OPTIONS", 0), "Max-Forwards",
				  rows[i].want);
		wire_close(&wire);
	}
}

/* ---------------------------------------------------------------- routes of a request inside a dialog */

/* @req PX-5 PX-8 SC-11  `route`: the lines; %s: our own entry. */
static void test_px_5_px_8_routes_of_a_request_inside_a_dialog(void **state)
{
	static const struct {
		const char *uri, *lines; /* OWN stands for our own URI with the handle */
		unsigned port;
		const char *want_uri, *want_routes[3];
	} rows[] = {
		/* loose routes */
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN>\n",
		 7000,
		 "sip:bob@127.0.0.1:7000",
		 {NULL}},
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN>, <sip:127.0.0.1:8000;lr>\n",
		 8000,
		 "sip:bob@127.0.0.1:7000",
		 {"<sip:127.0.0.1:8000;lr>"}},
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN>\nRoute: <sip:127.0.0.1:8000;lr>\nRoute: <sip:127.0.0.1:8001;lr>\n",
		 8000,
		 "sip:bob@127.0.0.1:7000",
		 {"<sip:127.0.0.1:8000;lr>", "<sip:127.0.0.1:8001;lr>"}},
		/* ours twice, as after two transports */
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN;transport=tcp>, <OWN>, <sip:127.0.0.1:8000;lr>\n",
		 8000,
		 "sip:bob@127.0.0.1:7000",
		 {"<sip:127.0.0.1:8000;lr>"}},
		/* without a route of ours: found by Call-ID and tags */
		{"sip:bob@127.0.0.1:7000", "", 7000, "sip:bob@127.0.0.1:7000", {NULL}},
		/* a strict router behind us */
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN>, <sip:127.0.0.1:8000>\n",
		 8000,
		 "sip:127.0.0.1:8000",
		 {"<sip:bob@127.0.0.1:7000>"}},
		{"sip:bob@127.0.0.1:7000",
		 "Route: <OWN>, <sip:127.0.0.1:8000;x=1>, <sip:127.0.0.1:8001;lr>\n",
		 8000,
		 "sip:127.0.0.1:8000;x=1",
		 {"<sip:127.0.0.1:8001;lr>", "<sip:bob@127.0.0.1:7000>"}},
		/* a strict router before us: our URI stands as Request-URI, the target is the last Route */
		{"OWN",
		 "Route: <sip:bob@127.0.0.1:7000>\n",
		 7000,
		 "sip:bob@127.0.0.1:7000",
		 {NULL}},
		{"OWN",
		 "Route: <sip:127.0.0.1:8000;lr>, <sip:bob@127.0.0.1:7000>\n",
		 8000,
		 "sip:bob@127.0.0.1:7000",
		 {"<sip:127.0.0.1:8000;lr>"}},
		{"OWN",
		 "Route: <sip:127.0.0.1:8000;lr>\nRoute: <sip:bob@127.0.0.1:7000>\n",
		 8000,
		 "sip:bob@127.0.0.1:7000",
		 {"<sip:127.0.0.1:8000;lr>"}},
		/* strict before and behind us */
		{"OWN",
		 "Route: <sip:127.0.0.1:8000>, <sip:bob@127.0.0.1:7000>\n",
		 8000,
		 "sip:127.0.0.1:8000",
		 {"<sip:bob@127.0.0.1:7000>"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char route[300], own[300], uri[400], lines[900] = "", beginning[500];
		struct wire wire;
		const char *info;

		wire_open(&wire, NULL);
		wire_call(&wire, "c1", route, sizeof(route));
		wire_forget(&wire);
		snprintf(own, sizeof(own), "%.*s", (int)strlen(route) - 2, route + 1);
		snprintf(uri, sizeof(uri), "%s", strcmp(rows[i].uri, "OWN") ? rows[i].uri : own);
		for (const char *c = rows[i].lines; *c; c++) {
			size_t at = strlen(lines);

			if (strncmp(c, "OWN", 3) == 0) {
				snprintf(lines + at, sizeof(lines) - at, "%s", own);
				c += 2;
			} else {
				lines[at] = *c;
				lines[at + 1] = 0;
			}
		}
		wire_feed(&wire, ALICE,
			  "INFO %s SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKinfo\nMax-Forwards: 70\n%sFrom: "
			  "<sip:alice@ims.example>;tag=a\n"
			  "To: <sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 2 "
			  "INFO\nContent-Length: 0\n\n",
			  uri, lines);
		snprintf(beginning, sizeof(beginning), "INFO %s SIP/2.0\r\n", rows[i].want_uri);
		info = wire_sent(&wire, (uint16_t)rows[i].port, beginning, 0);
		if (!info)
			fail_msg("row %zu: %s", i, wire.n_out ? wire.out[0].bytes : "nothing");
		{
			char got[900] = "", want[900] = "", value[400];

			for (unsigned n = 0; wire_header(info, "Route", n, value, sizeof(value));
			     n++)
				snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s",
					 n ? ", " : "", value);
			for (unsigned n = 0; n < 3 && rows[i].want_routes[n]; n++)
				snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%s",
					 n ? ", " : "", rows[i].want_routes[n]);
			if (strcmp(got, want) != 0)
				fail_msg("row %zu: \"%s\", not \"%s\"", i, got, want);
		}
		wire_close(&wire);
	}
}

/* @req RG-5 PX-8  The Path of a contact becomes its Route. */
static void test_rg_5_the_path_becomes_the_route(void **state)
{
	static const struct {
		const char *path;
		unsigned port;
		const char *uri, *route;
	} rows[] = {
		{"<sip:127.0.0.1:8000;lr>", 8000, "sip:dan@127.0.0.1:7400",
		 "<sip:127.0.0.1:8000;lr>"},
		{"<sip:127.0.0.1:8000;lr>, <sip:t@127.0.0.1:8001;lr;ob>", 8000,
		 "sip:dan@127.0.0.1:7400", "<sip:127.0.0.1:8000;lr>, <sip:t@127.0.0.1:8001;lr;ob>"},
		{"<sip:127.0.0.1:8000>", 8000, "sip:127.0.0.1:8000",
		 "<sip:dan@127.0.0.1:7400>"}, /* a strict one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char bytes[600], beginning[100];
		struct text_writer w = text_writer_on(bytes, sizeof(bytes));
		struct node_event event = {.kind = NODE_EVENT_BINDING};
		struct wire wire;

		wire_open(&wire, NULL);
		assert_true(node_binding_line(TEXT("sip:dan@ims.example"),
					      TEXT("sip:dan@127.0.0.1:7400"), text_of(rows[i].path),
					      &w));
		event.bytes = text_written(&w);
		node_feed(wire.node, wire.now_ms, &event);
		wire_feed(
			&wire, ALICE,
			"INVITE sip:dan@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			"127.0.0.1:6000;branch=z9hG4bKp1\nMax-Forwards: 70\n"
			"From: <sip:alice@ims.example>;tag=a\nTo: <sip:dan@ims.example>\nCall-ID: "
			"p1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
			"Content-Length: 0\n\n");
		snprintf(beginning, sizeof(beginning), "INVITE %s SIP/2.0\r\n", rows[i].uri);
		wire_check_header(wire_sent(&wire, (uint16_t)rows[i].port, beginning, 0), "Route",
				  rows[i].route);
		wire_close(&wire);
	}
}

/* @req SC-11 SC-10a SC-1 SC-2  Record-Route of others before and behind us makes the routes of our BYEs. */
static void test_sc_11_our_byes_take_the_saved_routes(void **state)
{
	struct wire wire;
	char route[300];
	const char *invite, *bye;

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(
		&wire, ALICE,
		"INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		"127.0.0.1:6000;branch=z9hG4bKc1-1\nMax-Forwards: 70\n"
		"Record-Route: <sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002>\nRecord-Route: "
		"<sip:127.0.0.1:8003;lr>\n"
		"From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		"c1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
		"P-Charging-Vector: icid-value=\"x 1\";orig-ioi=a.example\nContent-Length: 0\n\n");
	invite = wire_sent(&wire, BOB, "INVITE", 0);
	wire_header(invite, "Record-Route", 0, route, sizeof(route));
	{
		char via[300];

		wire_header(invite, "Via", 0, via, sizeof(via));
		wire_feed(&wire, BOB,
			  "SIP/2.0 200 OK\nVia: %s\nVia: SIP/2.0/UDP "
			  "127.0.0.1:6000;branch=z9hG4bKc1-1\n"
			  "Record-Route: <sip:127.0.0.1:9001>, <sip:127.0.0.1:9002;lr>, %s\n"
			  "Record-Route: <sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002>, "
			  "<sip:127.0.0.1:8003;lr>\n"
			  "From: <sip:alice@ims.example>;tag=a\nTo: "
			  "<sip:bob@ims.example>;tag=b\nCall-ID: c1\nCSeq: 1 INVITE\n" BOBS_CONTACT
			  "Content-Length: 0\n\n",
			  via, route);
	}
	wire_in_dialog(&wire, ALICE, "ACK", 1, "c1", route, "");
	wire_forget(&wire);
	wire_release_all(&wire, 480);
	bye = wire_sent(&wire, 9002, "BYE sip:bob@127.0.0.1:7000 SIP/2.0\r\n", 0);
	assert_non_null(bye);
	wire_check_header(bye, "Route", "<sip:127.0.0.1:9002;lr>, <sip:127.0.0.1:9001>");
	wire_check_header(bye, "CSeq", "2 BYE");
	wire_check_header(bye, "Max-Forwards", "70");
	wire_check_header(bye, "Content-Length", "0");
	wire_check_header(bye, "P-Charging-Vector", "icid-value=\"x 1\";orig-ioi=a.example");
	wire_check_header(bye, "Reason", "SIP;cause=480;text=\"Temporarily Unavailable\"");
	wire_check_header(bye, "Contact", NULL);
	wire_check_header(bye, "P-Access-Network-Info", NULL);
	bye = wire_sent(&wire, 8001, "BYE sip:alice@127.0.0.1:6000 SIP/2.0\r\n", 0);
	assert_non_null(bye);
	wire_check_header(bye, "Route",
			  "<sip:127.0.0.1:8001;lr>, <sip:127.0.0.1:8002>, <sip:127.0.0.1:8003;lr>");
	wire_check_header(bye, "From", "<sip:bob@ims.example>;tag=b");
	wire_check_header(bye, "To", "<sip:alice@ims.example>;tag=a");
	wire_close(&wire);
}

/* @req PX-3 SC-6  A request that comes back to us: unchanged it is a loop, with another Request-URI a spiral. */
static void route_far(struct node_settings *settings)
{
	settings->routes[0] = (struct node_route){.domain = TEXT("*"),
						  .next_hop = wire_address(TRANSPORT_UDP, 8000)};
	settings->n_routes = 1;
}

static void come_back(struct wire *wire, const char *request, const char *other_uri)
{
	char *copy = strdup(request), *end = strstr(copy, " SIP/2.0\r\n"), bytes[4000];
	const char *uri = strchr(copy, ' ') + 1;
	int n;

	n = snprintf(
		bytes, sizeof(bytes),
		"%.*s%.*s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:8000;branch=z9hG4bKback%u\r\n%s",
		(int)(uri - copy), copy, other_uri ? (int)strlen(other_uri) : (int)(end - uri),
		other_uri ? other_uri : uri, wire->n_out, end + 10);
	free(copy);
	wire_feed_bytes(wire, wire_address(TRANSPORT_UDP, 8000), bytes, (size_t)n);
}

static void test_px_3_loops_and_spirals(void **state)
{
	struct wire wire;
	const char *request;

	(void)state;
	wire_open(&wire, route_far);
	wire_feed(&wire, ALICE,
		  "INVITE sip:x@far.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKl1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:x@far.example>\nCall-ID: "
		  "l1\nCSeq: 1 INVITE\nContact: <sip:alice@127.0.0.1:6000>\n"
		  "Content-Length: 0\n\n");
	request = wire_sent(&wire, 8000, "INVITE", 0);
	assert_non_null(request);
	come_back(&wire, request, NULL);
	assert_int_equal(wire_count(&wire, 8000, "SIP/2.0 482"), 1);
	assert_int_equal(wire_counters(&wire)->loops, 1);
	assert_int_equal(wire_count(&wire, 8000, "INVITE"), 1);
	come_back(&wire, request, "sip:bob@ims.example");
	assert_int_equal(wire_counters(&wire)->loops, 1);
	assert_int_equal(wire_count(&wire, BOB, "INVITE"), 1);
	assert_int_equal(wire_counters(&wire)->sessions, 2);
	/* and the spiral that comes back once more unchanged is a loop again */
	come_back(&wire, wire_sent(&wire, BOB, "INVITE", 0), "sip:bob@ims.example");
	assert_int_equal(wire_counters(&wire)->loops, 2);
	wire_run(&wire, 400000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* A Via of ours that a stranger invents is no loop. */
static void test_px_3_a_forged_via_of_ours_is_no_loop(void **state)
{
	static const char *const branches[] = {"z9hG4bKad-0-1-1-0", "z9hG4bKad-0-1-1-ffffffff",
					       "z9hG4bKad-", "z9hG4bKad-zz",
					       "z9hG4bKad-0-1-1-123456789"};
	struct wire wire;

	(void)state;
	wire_open(&wire, NULL);
	for (size_t i = 0; i < 5; i++) {
		char lines[200], branch[20];

		snprintf(lines, sizeof(lines),
			 "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=%s\nMax-Forwards: 9\n",
			 branches[i]);
		snprintf(branch, sizeof(branch), "fv%zu", i);
		options_to_bob(&wire, lines, branch);
	}
	assert_int_equal(wire_count(&wire, BOB, "OPTIONS"), 5);
	assert_int_equal(wire_counters(&wire)->loops, 0);
	wire_close(&wire);
}

/* @req PX-5  Names that mean this server, with and without a port. */
static void with_names(struct node_settings *settings)
{
	settings->names[0] = TEXT("Proxy.ims.example");
	settings->names[1] = TEXT("other.name");
	settings->n_names = 2;
}

static void test_px_5_routes_by_name(void **state)
{
	static const struct {
		const char *route;
		bool own;
	} rows[] = {
		{"<sip:proxy.ims.example;lr>", true},   {"<sip:PROXY.IMS.EXAMPLE:5060;lr>", true},
		{"<sip:other.name;lr>", true},          {"<sip:proxy.ims.example:5099;lr>", false},
		{"<sip:127.0.0.1:5099;lr>", false},     {"<sip:127.0.0.1;lr>", true},
		{"<sips:proxy.ims.example;lr>", false}, {"<sip:name;lr>", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire wire;
		char lines[200];

		wire_open(&wire, with_names);
		snprintf(lines, sizeof(lines), "Route: %s\nMax-Forwards: 70\n", rows[i].route);
		options_to_bob(&wire, lines, "rn");
		/* a route of ours is taken off and the user served; another leads away from here */
		assert_int_equal(wire_count(&wire, BOB, "OPTIONS sip:bob@127.0.0.1:7000"),
				 rows[i].own);
		wire_close(&wire);
	}
}

/* Dialogs of other usages pass along their routes, without a session, for trusted addresses. */
static void test_requests_of_a_subscription_pass_along_their_routes(void **state)
{
	struct wire wire;
	char route[300];

	(void)state;
	wire_open(&wire, NULL);
	wire_feed(&wire, ALICE,
		  "SUBSCRIBE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKs1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "s1\nCSeq: 1 SUBSCRIBE\nContact: <sip:alice@127.0.0.1:6000>\n"
		  "Content-Length: 0\n\n");
	wire_header(wire_sent(&wire, BOB, "SUBSCRIBE", 0), "Record-Route", 0, route, sizeof(route));
	assert_string_equal(route, "<sip:127.0.0.1:5060;lr>"); /* no session, no handle */
	assert_int_equal(wire_counters(&wire)->sessions, 0);
	wire_answer(&wire, BOB, wire_sent(&wire, BOB, "SUBSCRIBE", 0), "202 Accepted", "b",
		    BOBS_CONTACT);
	wire_in_dialog(&wire, BOB, "NOTIFY", 7, "s1", route, BOBS_CONTACT);
	assert_int_equal(wire_count(&wire, ALICE, "NOTIFY sip:alice@127.0.0.1:6000"), 1);
	wire_check_header(wire_last(&wire, ALICE, "NOTIFY"), "Route", NULL);
	wire_answer(&wire, ALICE, wire_last(&wire, ALICE, "NOTIFY"), "200 OK", "a", "");
	assert_int_equal(wire_count(&wire, BOB, "SIP/2.0 200"), 1);
	wire_run(&wire, 100000);
	wire_nothing_left(&wire);
	wire_close(&wire);
}

/* The seeds decide every draw: the same ones give the same bytes, others give others, above all in what nobody may guess. */
static void test_tx_5_the_seeds_decide_the_branches(void **state)
{
	char vias[3][300];

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct wire wire;

		wire_open(&wire, NULL);
		node_close(wire.node);
		wire.node = node_open(&wire.settings, i / 2, 2, wire.now_ms);
		wire_bind(&wire, "sip:bob@ims.example", "sip:bob@127.0.0.1:7000");
		wire_invite(&wire, "c1", "");
		wire_header(wire_sent(&wire, BOB, "INVITE", 0), "Via", 0, vias[i], sizeof(vias[i]));
		wire_close(&wire);
	}
	assert_string_equal(vias[0], vias[1]);
	assert_string_not_equal(vias[0], vias[2]);
}

/* A log line is one line, whatever a peer writes. */
static void test_log_lines_have_no_control_characters(void **state)
{
	struct node_event event = {.kind = NODE_EVENT_MESSAGE,
				   .peer = wire_address(TRANSPORT_UDP, ALICE)};
	struct node_action action;
	struct wire wire;
	unsigned logs = 0;

	(void)state;
	wire_open(&wire, NULL);
	wire_bind(&wire, "sip:dan@ims.example", "sip:dan@nowhere.example");
	event.bytes = TEXT("INVITE sip:dan@ims.example SIP/2.0\r\nVia: SIP/2.0/UDP "
			   "127.0.0.1:6000;branch=z9hG4bKl\r\nMax-Forwards: 70\r\n"
			   "From: <sip:alice@ims.example>;tag=a\r\nTo: "
			   "<sip:dan@ims.example>\r\nCall-ID: a\x7f\x7f\r\nCSeq: 1 INVITE\r\n\r\n");
	node_feed(wire.node, wire.now_ms, &event);
	while (node_next_action(wire.node, &action)) {
		if (action.kind != NODE_ACTION_LOG)
			continue;
		logs++;
		for (uint32_t i = 0; i < action.bytes.len; i++)
			assert_true((unsigned char)action.bytes.at[i] >= ' ' &&
				    action.bytes.at[i] != 127);
	}
	node_actions_done(wire.node);
	assert_true(logs > 0);
	wire_close(&wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mp_1_a_request_and_its_response_keep_their_bytes),
		cmocka_unit_test(test_mp_1_every_method_inside_a_dialog_keeps_its_bytes),
		cmocka_unit_test(test_px_7_max_forwards_goes_down_by_one),
		cmocka_unit_test(test_px_5_px_8_routes_of_a_request_inside_a_dialog),
		cmocka_unit_test(test_rg_5_the_path_becomes_the_route),
		cmocka_unit_test(test_sc_11_our_byes_take_the_saved_routes),
		cmocka_unit_test(test_px_3_loops_and_spirals),
		cmocka_unit_test(test_px_3_a_forged_via_of_ours_is_no_loop),
		cmocka_unit_test(test_px_5_routes_by_name),
		cmocka_unit_test(test_requests_of_a_subscription_pass_along_their_routes),
		cmocka_unit_test(test_tx_5_the_seeds_decide_the_branches),
		cmocka_unit_test(test_log_lines_have_no_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
