/* A node and the bytes around it, for tests that speak SIP to it by hand: what is fed, what comes
 * out, and the clock. */
#ifndef TEST_NODE_WIRE_H
#define TEST_NODE_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/ladder.h"
#include "node/node.h"

#define WIRE_KEPT 256

struct wire_message {
	struct endpoint to;
	uint8_t local;
	char *bytes;
	size_t len;
};

struct wire {
	struct node_settings settings;
	struct node *node;
	uint64_t now_ms;
	struct wire_message out[WIRE_KEPT]; /* sent since the last wire_forget() */
	unsigned n_out;
	unsigned n_logs;
	char log[1024]; /* the last line */
};

static inline struct endpoint wire_address(enum transport transport, uint16_t port)
{
	return (struct endpoint){
		.transport = (uint8_t)transport, .family = 4, .port = port, .ip = {127, 0, 0, 1}};
}

static inline void wire_collect(struct wire *wire)
{
	struct node_action action;

	while (node_next_action(wire->node, &action)) {
		struct wire_message *m;

		if (action.kind == NODE_ACTION_LOG) {
			wire->n_logs++;
			snprintf(wire->log, sizeof(wire->log), "%.*s", TEXT_ARGS(action.bytes));
		}
		if (action.kind != NODE_ACTION_SEND)
			continue;
		assert_in_range(wire->n_out, 0, WIRE_KEPT - 1);
		m = &wire->out[wire->n_out++];
		m->to = action.peer;
		m->local = action.local;
		m->len = action.bytes.len;
		m->bytes = malloc(m->len + 1);
		memcpy(m->bytes, action.bytes.at, m->len);
		m->bytes[m->len] = 0;
	}
	node_actions_done(wire->node);
}

static inline void wire_forget(struct wire *wire)
{
	for (unsigned i = 0; i < wire->n_out; i++)
		free(wire->out[i].bytes);
	wire->n_out = 0;
}

static inline void wire_bind(struct wire *wire, const char *user, const char *contact)
{
	char bytes[512];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct node_event event = {.kind = NODE_EVENT_BINDING};

	assert_true(node_binding_line(text_of(user), text_of(contact), (struct text){0}, &w));
	event.bytes = text_written(&w);
	node_feed(wire->node, wire->now_ms, &event);
	wire_collect(wire);
}

/* 127.0.0.1:5060 over UDP and TCP, domain ims.example, bob at 127.0.0.1:7000. `change` may alter
 * the settings first. */
static inline void wire_open(struct wire *wire, void (*change)(struct node_settings *))
{
	memset(wire, 0, sizeof(*wire));
	wire->settings = node_settings_default();
	wire->settings.listen[0] = wire_address(TRANSPORT_UDP, 5060);
	wire->settings.listen[1] = wire_address(TRANSPORT_TCP, 5060);
	wire->settings.n_listen = 2;
	wire->settings.domains[0] = TEXT("ims.example");
	wire->settings.n_domains = 1;
	wire->settings.trusted[0] =
		(struct node_prefix){.address = wire_address(TRANSPORT_UDP, 0), .bits = 8};
	wire->settings.n_trusted = 1;
	if (change)
		change(&wire->settings);
	wire->now_ms = 1000;
	wire->node = node_open(&wire->settings, 1, 2, wire->now_ms);
	assert_non_null(wire->node);
	wire_bind(wire, "sip:bob@ims.example", "sip:bob@127.0.0.1:7000");
}

static inline void wire_close(struct wire *wire)
{
	wire_forget(wire);
	node_close(wire->node);
}

static inline void wire_feed_bytes(struct wire *wire, struct endpoint from, const char *bytes,
				   size_t len)
{
	struct node_event event = {
		.kind = NODE_EVENT_MESSAGE,
		.peer = from,
		.local = from.transport == TRANSPORT_TCP ? 1 : 0,
		.bytes = {bytes, (uint32_t)len},
	};

	node_feed(wire->node, wire->now_ms, &event);
	wire_collect(wire);
}

/* A message as printf; a line end "\n" becomes CRLF. From UDP 127.0.0.1:`port`. */
__attribute__((format(printf, 3, 4))) static inline void wire_feed(struct wire *wire, uint16_t port,
								   const char *format, ...)
{
	char text[16384], bytes[20000];
	size_t n = 0;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *c = text; *c; c++) {
		if (*c == '\n')
			bytes[n++] = '\r';
		bytes[n++] = *c;
	}
	wire_feed_bytes(wire, wire_address(TRANSPORT_UDP, port), bytes, n);
}

static inline void wire_run(struct wire *wire, uint64_t for_ms)
{
	uint64_t end = wire->now_ms + for_ms;

	for (uint64_t at; (at = node_deadline(wire->node)) <= end;) {
		wire->now_ms = at > wire->now_ms ? at : wire->now_ms;
		node_expire(wire->node, wire->now_ms);
		wire_collect(wire);
	}
	wire->now_ms = end;
}

/* The n-th message kept (0: first) that was sent to this port and begins so; NULL when there is
 * none. */
static inline const char *wire_sent(const struct wire *wire, uint16_t port, const char *beginning,
				    unsigned n)
{
	for (unsigned i = 0; i < wire->n_out; i++)
		if (wire->out[i].to.port == port &&
		    strncmp(wire->out[i].bytes, beginning, strlen(beginning)) == 0 && n-- == 0)
			return wire->out[i].bytes;
	return NULL;
}

/* The whole value of the n-th line of this header (long name), in a buffer of the caller. */
static inline const char *wire_header(const char *message, const char *name, unsigned n,
				      char *buffer, size_t max)
{
	char mark[64];
	const char *at = message, *end;

	snprintf(mark, sizeof(mark), "\r\n%s: ", name);
	for (;;) {
		at = strstr(at, mark);
		if (!at)
			return NULL;
		at += strlen(mark);
		if (n-- == 0)
			break;
	}
	end = strstr(at, "\r\n");
	snprintf(buffer, max, "%.*s", (int)(end - at), at);
	return buffer;
}

#define ALICE 6000
#define BOB   7000

/* INVITE of alice for bob; `extra`: further header lines, each with \n. */
static inline void wire_invite(struct wire *wire, const char *call_id, const char *extra)
{
	wire_feed(wire, ALICE,
		  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bK%s-1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: "
		  "%s\nCSeq: 1 INVITE\n"
		  "Contact: <sip:alice@127.0.0.1:6000>\n%sContent-Type: "
		  "application/sdp\nContent-Length: 5\n\nv=0\n",
		  call_id, call_id, extra);
}

/* Answers the last request of this method that went to bob. */
static inline void wire_bob_answers(struct wire *wire, const char *method, const char *status_line,
				    const char *tag, const char *extra)
{
	char via[300], from[200], to[200], call_id[200], cseq[60], routes[600] = "", value[300];
	const char *request = NULL;

	for (unsigned i = 0; wire_sent(wire, BOB, method, i); i++)
		request = wire_sent(wire, BOB, method, i);
	assert_non_null(request);
	for (unsigned i = 0; wire_header(request, "Record-Route", i, value, sizeof(value)); i++) {
		strcat(routes, "Record-Route: ");
		strcat(routes, value);
		strcat(routes, "\n");
	}
	wire_header(request, "Via", 0, via, sizeof(via));
	wire_header(request, "From", 0, from, sizeof(from));
	wire_header(request, "To", 0, to, sizeof(to));
	wire_header(request, "Call-ID", 0, call_id, sizeof(call_id));
	wire_header(request, "CSeq", 0, cseq, sizeof(cseq));
	wire_feed(wire, BOB,
		  "SIP/2.0 %s\nVia: %s\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bK%s-1\n%sFrom: %s\nTo: %s%s%s\nCall-ID: %s\n"
		  "CSeq: %s\nContact: <sip:bob@127.0.0.1:7000>\n%sContent-Length: 0\n\n",
		  status_line, via, call_id, routes, from, to,
		  strstr(to, "tag=") ? "" : ";tag=", strstr(to, "tag=") ? "" : tag, call_id, cseq,
		  extra);
}

/* The Route header that a party copies from the last 200 it got: our own entry. */
static inline const char *wire_own_route(struct wire *wire, char *buffer, size_t max)
{
	for (unsigned i = 0; i < wire->n_out; i++)
		if (wire_header(wire->out[i].bytes, "Record-Route", 0, buffer, max))
			return buffer;
	return NULL;
}

/* A request of alice (or bob) inside the dialog of call `call_id`. */
static inline void wire_in_dialog(struct wire *wire, uint16_t port, const char *method,
				  unsigned cseq, const char *call_id, const char *route,
				  const char *extra)
{
	const char *alice = "<sip:alice@ims.example>;tag=a", *bob = "<sip:bob@ims.example>;tag=b";
	bool is_alice = port == ALICE;

	wire_feed(wire, port,
		  "%s sip:%s SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:%u;branch=z9hG4bK%s-%s-%u\nMax-Forwards: 70\nRoute: %s\nFrom: %s\nTo: "
		  "%s\n"
		  "Call-ID: %s\nCSeq: %u %s\n%sContent-Length: 0\n\n",
		  method, is_alice ? "bob@127.0.0.1:7000" : "alice@127.0.0.1:6000", port, call_id,
		  method, cseq, route, is_alice ? alice : bob, is_alice ? bob : alice, call_id,
		  cseq, method, extra);
}

/* A whole call up to the ACK; `route`: our Record-Route as the parties saw it. */
static inline void wire_call(struct wire *wire, const char *call_id, char *route, size_t max)
{
	wire_invite(wire, call_id, "");
	wire_bob_answers(wire, "INVITE", "180 Ringing", "b", "");
	wire_bob_answers(wire, "INVITE", "200 OK", "b", "");
	assert_non_null(wire_own_route(wire, route, max));
	wire_in_dialog(wire, ALICE, "ACK", 1, call_id, route, "");
	assert_non_null(wire_sent(wire, BOB, "ACK", 0));
}

/* --- by hand ----------------------------------------------------------------------------- */

/* Time passes, and what is sent meanwhile is of no interest. */
static inline void wire_run_quietly(struct wire *wire, uint64_t for_ms)
{
	for (uint64_t end = wire->now_ms + for_ms; wire->now_ms < end;) {
		wire_run(wire, end - wire->now_ms < 20 ? end - wire->now_ms : 20);
		wire_forget(wire);
	}
}

/* How many messages to this port begin so; the last of them, or NULL. */
static inline unsigned wire_count(const struct wire *wire, uint16_t port, const char *beginning)
{
	unsigned n = 0;

	while (wire_sent(wire, port, beginning, n))
		n++;
	return n;
}

static inline const char *wire_last(const struct wire *wire, uint16_t port, const char *beginning)
{
	unsigned n = wire_count(wire, port, beginning);

	return n ? wire_sent(wire, port, beginning, n - 1) : NULL;
}

/* The value of the only line of this header must be this. */
static inline void wire_check_header(const char *message, const char *name, const char *want)
{
	char value[4096], again[4096];

	assert_non_null(message);
	if (!want) {
		assert_null(wire_header(message, name, 0, value, sizeof(value)));
		return;
	}
	assert_non_null(wire_header(message, name, 0, value, sizeof(value)));
	assert_string_equal(value, want);
	assert_null(wire_header(message, name, 1, again, sizeof(again)));
}

static inline void wire_append(char *to, size_t max, const char *name, const char *message)
{
	char value[4096];

	for (unsigned i = 0; wire_header(message, name, i, value, sizeof(value)); i++) {
		size_t at = strlen(to);

		assert_in_range(snprintf(to + at, max - at, "%s: %s\n", name, value), 1,
				max - at - 1);
	}
}

/* A response of the party at `port` to a request that it was sent: Via, From, To (with `tag`), Call-ID, CSeq and Record-Route as
 * they came. `extra`: further lines, each with \n. */
static inline void wire_answer(struct wire *wire, uint16_t port, const char *request,
			       const char *status_line, const char *tag, const char *extra)
{
	char lines[8192] = "", routes[4096] = "", from[600], to[600], call_id[300], cseq[60];
	bool has_tag;

	assert_non_null(request);
	wire_append(lines, sizeof(lines), "Via", request);
	wire_append(routes, sizeof(routes), "Record-Route", request);
	wire_header(request, "From", 0, from, sizeof(from));
	wire_header(request, "To", 0, to, sizeof(to));
	wire_header(request, "Call-ID", 0, call_id, sizeof(call_id));
	wire_header(request, "CSeq", 0, cseq, sizeof(cseq));
	has_tag = strstr(to, ";tag=") || !*tag;
	wire_feed(wire, port,
		  "SIP/2.0 %s\n%s%sFrom: %s\nTo: %s%s%s\nCall-ID: %s\nCSeq: %s\n%sContent-Length: "
		  "0\n\n",
		  status_line, lines, routes, from, to, has_tag ? "" : ";tag=", has_tag ? "" : tag,
		  call_id, cseq, extra);
}

#define BOBS_CONTACT   "Contact: <sip:bob@127.0.0.1:7000>\n"
#define CAROL          7100 /* a second contact of bob */
#define CAROLS_CONTACT "Contact: <sip:bob@127.0.0.1:7100>\n"

/* From any address, any transport; "\n" becomes CRLF. */
__attribute__((format(printf, 3, 4))) static inline void
wire_feed_from(struct wire *wire, struct endpoint from, const char *format, ...)
{
	static char text[70000], bytes[80000];
	size_t n = 0;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (const char *c = text; *c; c++) {
		if (*c == '\n')
			bytes[n++] = '\r';
		bytes[n++] = *c;
	}
	wire_feed_bytes(wire, from, bytes, n);
}

static inline const struct node_counters *wire_counters(struct wire *wire)
{
	return node_counters(wire->node);
}

/* Everything of calls and transactions is gone; registered users, static ones too, may be there. */
static inline void wire_nothing_left(struct wire *wire)
{
	const struct node_counters *c = wire_counters(wire);

	assert_int_equal(c->sessions, 0);
	assert_int_equal(c->sessions_confirmed, 0);
	assert_int_equal(c->sessions_releasing, 0);
	assert_int_equal(c->dialogs, 0);
	assert_int_equal(c->server_transactions, 0);
	assert_int_equal(c->client_transactions, 0);
	assert_int_equal(c->timers, 0);
	assert_int_equal(c->message_blocks, 0);
}

/* The first session that is alive (or ended). */
static inline void wire_session(struct wire *wire, enum node_which which,
				struct node_session_report *ret)
{
	uint64_t cursor = 0;

	assert_true(node_sessions(wire->node, which, (struct text){0}, 100000, &cursor, ret));
	assert_true(handle_is_set(ret->id.handle));
}

static inline uint32_t wire_release_all(struct wire *wire, uint16_t status)
{
	struct node_release_order all = {.selector = NODE_SELECT_ALL, .status = status};
	uint32_t order = 0;

	assert_int_equal(node_release(wire->node, wire->now_ms, &all, &order),
			 NODE_RELEASE_ACCEPTED);
	wire_collect(wire);
	return order;
}

/* The call that wire_call() set up ends as calls do. */
static inline void wire_alice_hangs_up(struct wire *wire, const char *call_id, const char *route,
				       unsigned cseq)
{
	wire_in_dialog(wire, ALICE, "BYE", cseq, call_id, route, "");
	wire_answer(wire, BOB, wire_last(wire, BOB, "BYE"), "200 OK", "b", "");
}

#endif
