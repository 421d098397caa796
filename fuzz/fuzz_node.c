/* The whole node under libFuzzer. The input is a list of operations: raw messages, messages made from templates with some fields replaced, responses made from the
 * requests that the node itself sent (so that deep states are reached), requests inside the dialogs that came of it, replays with changed bytes, time steps, the operator's
 * orders, bindings. After the input everything is released and time runs on: whatever happened, nothing may be left. */
#include "node/ladder.h"
#include "node/node.h"
#include "sip/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUTS      32u
#define INPUTS       16u
#define MESSAGE_MAX  16000u
#define SHARDS       2u
#define WORLD_BEGINS 1000000u

struct kept {
	struct endpoint peer; /* where it went, or came from */
	uint32_t len;
	char bytes[MESSAGE_MAX];
};

struct fuzz {
	const uint8_t *at, *end;
	struct node *nodes[SHARDS];
	unsigned n_shards;
	uint64_t now_ms;
	struct kept outputs[OUTPUTS]; /* a ring */
	unsigned n_outputs;
	struct kept inputs[INPUTS];
	unsigned n_inputs;
	struct sip_message message;
	char buffer[70000];
};

static struct fuzz fuzz;
static struct node_settings settings[SHARDS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((noreturn, format(printf, 1, 2))) static void finding(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

/* ------------------------------------------------------------------ reading the input */

static unsigned next_byte(void)
{
	return fuzz.at < fuzz.end ? *fuzz.at++ : 0;
}

static struct text next_bytes(uint32_t max)
{
	uint32_t len = next_byte();
	struct text t;

	if (len == 255)
		len = 255 + next_byte() * 64;
	if (len > max)
		len = max;
	if (len > (size_t)(fuzz.end - fuzz.at))
		len = (uint32_t)(fuzz.end - fuzz.at);
	t = (struct text){(const char *)fuzz.at, len};
	fuzz.at += len;
	return t;
}

static struct endpoint next_peer(void)
{
	unsigned byte = next_byte();
	struct endpoint peer = {
		.family = 4, .ip = {127, 0, 0, 1}, .port = (uint16_t)(6000 + byte % 8)};

	if (byte & 8) {
		peer.transport = TRANSPORT_TCP;
		peer.flow = 1 + byte % 8;
	}
	if (byte & 16)
		peer.ip[0] = 10; /* not trusted */
	return peer;
}

/* ------------------------------------------------------------------ the node */

static void keep(struct kept *kept, const struct endpoint *peer, struct text bytes)
{
	kept->peer = *peer;
	kept->len = bytes.len < MESSAGE_MAX ? bytes.len : 0;
	memcpy(kept->bytes, bytes.at, kept->len);
}

/* What goes out must be SIP that we would accept ourselves; only a bound may have been passed by what we added. */
static void check_output(const struct node_action *action)
{
	enum sip_verdict verdict =
		sip_parse(&fuzz.message, action->bytes.at, action->bytes.len, SIP_DATAGRAM);

	if (action->local >= 2 ||
	    settings[0].listen[action->local].transport != action->peer.transport)
		finding("sent from listening point %u by %s", action->local,
			transport_name((enum transport)action->peer.transport));
	if (verdict == SIP_NOISE)
		finding("sent what is no SIP: %.*s", TEXT_ARGS(action->bytes));
}

static void feed(unsigned shard, const struct node_event *event);

static void empty(unsigned shard)
{
	struct node_action action;

	while (node_next_action(fuzz.nodes[shard], &action)) {
		if (action.kind == NODE_ACTION_SEND) {
			check_output(&action);
			keep(&fuzz.outputs[fuzz.n_outputs++ % OUTPUTS], &action.peer, action.bytes);
		} else if (action.kind == NODE_ACTION_BINDING) {
			for (unsigned s = 0; s < fuzz.n_shards; s++)
				if (s != shard)
					feed(s, &(struct node_event){.kind = NODE_EVENT_BINDING,
								     .bytes = action.bytes});
		}
	}
	node_actions_done(fuzz.nodes[shard]);
}

static void feed(unsigned shard, const struct node_event *event)
{
	if (!node_has_room(fuzz.nodes[shard]))
		empty(shard);
	node_feed(fuzz.nodes[shard], fuzz.now_ms, event);
	empty(shard);
}

static void feed_message(const struct endpoint *peer, struct text bytes)
{
	struct node_event event = {.kind = NODE_EVENT_MESSAGE,
				   .peer = *peer,
				   .local = peer->transport == TRANSPORT_TCP,
				   .bytes = bytes};
	char *exact = malloc(bytes.len ? bytes.len : 1); /* so that reading beyond is seen */

	if (!exact)
		return;
	memcpy(exact, bytes.at, bytes.len);
	event.bytes.at = exact;
	keep(&fuzz.inputs[fuzz.n_inputs++ % INPUTS], peer, bytes);
	feed(node_shard_of(event.bytes, fuzz.n_shards), &event);
	free(exact);
}

static void run_until(uint64_t until_ms)
{
	for (unsigned steps = 0;; steps++) {
		uint64_t next = UINT64_MAX;

		for (unsigned s = 0; s < fuzz.n_shards; s++)
			if (node_deadline(fuzz.nodes[s]) < next)
				next = node_deadline(fuzz.nodes[s]);
		if (next > until_ms)
			break;
		if (next > fuzz.now_ms)
			fuzz.now_ms = next;
		for (unsigned s = 0; s < fuzz.n_shards; s++)
			if (node_deadline(fuzz.nodes[s]) <= fuzz.now_ms) {
				node_expire(fuzz.nodes[s], fuzz.now_ms);
				empty(s);
			}
		if (steps > 2000000)
			finding("the node does not come to rest at %llu",
				(unsigned long long)fuzz.now_ms);
	}
	fuzz.now_ms = until_ms;
}

/* ------------------------------------------------------------------ operations */

static void put_or(struct text_writer *w, const char *usual, unsigned field, unsigned replaced,
		   struct text by)
{
	if (field == replaced)
		text_put(w, by);
	else
		text_put(w, text_of(usual));
}

static void op_raw(void)
{
	struct endpoint peer = next_peer();

	feed_message(&peer, next_bytes(16000));
}

static void op_template(void)
{
	static const enum sip_method methods[] = {SIP_INVITE,  SIP_REGISTER, SIP_OPTIONS,
						  SIP_MESSAGE, SIP_BYE,      SIP_CANCEL,
						  SIP_ACK,     SIP_SUBSCRIBE};
	static const char *const users[] = {"sip:a@ims.example", "sip:b@ims.example",
					    "sip:c@ims.example", "sip:x@other.example",
					    "tel:+123",          "sip:127.0.0.1:5060"};
	struct endpoint peer = next_peer();
	const char *method = sip_method_name(methods[next_byte() % 8]);
	unsigned number = next_byte(), replaced = next_byte() % 24;
	struct text by = next_bytes(2000);
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	char text[256];

	put_or(&w, method, 1, replaced, by);
	text_put_char(&w, ' ');
	put_or(&w, users[number % 6], 2, replaced, by);
	text_put_literal(&w, " SIP/2.0\r\nVia: ");
	snprintf(text, sizeof(text), "SIP/2.0/%s 127.0.0.1:%u;branch=z9hG4bK%u;rport",
		 transport_name((enum transport)peer.transport), peer.port, number);
	put_or(&w, text, 3, replaced, by);
	text_put_literal(&w, "\r\nMax-Forwards: ");
	put_or(&w, "70", 4, replaced, by);
	text_put_literal(&w, "\r\nFrom: ");
	snprintf(text, sizeof(text), "<%s>;tag=f%u", users[number / 6 % 3], number);
	put_or(&w, text, 5, replaced, by);
	text_put_literal(&w, "\r\nTo: ");
	snprintf(text, sizeof(text), "<%s>", users[number % 6]);
	put_or(&w, text, 6, replaced, by);
	text_put_literal(&w, "\r\nCall-ID: ");
	snprintf(text, sizeof(text), "call%u", number % 16);
	put_or(&w, text, 7, replaced, by);
	text_put_literal(&w, "\r\nCSeq: ");
	snprintf(text, sizeof(text), "1 %s", method);
	put_or(&w, text, 8, replaced, by);
	text_put_literal(&w, "\r\nContact: ");
	snprintf(text, sizeof(text), "<sip:u%u@127.0.0.1:%u>", number, peer.port);
	put_or(&w, text, 9, replaced, by);
	text_put_literal(&w, "\r\n");
	if (replaced >= 10 && replaced <= 20) {
		static const char *const more[] = {"Route: ",
						   "Record-Route: ",
						   "Session-Expires: ",
						   "Require: ",
						   "Supported: ",
						   "Expires: ",
						   "Path: ",
						   "P-Charging-Vector: ",
						   "P-Asserted-Identity: ",
						   "Reason: ",
						   ""};

		text_put(&w, text_of(more[replaced - 10]));
		text_put(&w, by);
		text_put_literal(&w, "\r\n");
	}
	text_put_literal(&w, "Content-Length: 0\r\n\r\n");
	feed_message(&peer, text_written(&w));
}

static struct kept *some_output(void)
{
	unsigned n = fuzz.n_outputs < OUTPUTS ? fuzz.n_outputs : OUTPUTS, back = next_byte();

	return n ? &fuzz.outputs[(fuzz.n_outputs - 1 - back % n) % OUTPUTS] : NULL;
}

static void put_fields(struct text_writer *w, const struct sip_message *m, enum sip_header header)
{
	for (const struct sip_field *f = sip_first(m, header); f; f = sip_next(m, f))
		text_put(w, text_between(m->bytes.at + f->begin, m->bytes.at + f->end));
}

/* A response to something that the node has sent. */
static void op_response(void)
{
	static const unsigned statuses[] = {100, 180, 183, 200, 200, 202, 302, 401, 404, 408,
					    480, 481, 486, 487, 491, 500, 503, 600, 603, 199};
	struct kept *output = some_output();
	unsigned status = statuses[next_byte() % 20], how = next_byte();
	struct text lines = how & 1 ? next_bytes(1000) : (struct text){0};
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;

	if (!output || sip_parse(m, output->bytes, output->len, SIP_DATAGRAM) != SIP_OK ||
	    !m->is_request)
		return;
	text_printf(&w, "SIP/2.0 %u X\r\n", status);
	put_fields(&w, m, SIP_HEADER_VIA);
	if (!(how & 2))
		put_fields(&w, m, SIP_HEADER_RECORD_ROUTE);
	put_fields(&w, m, SIP_HEADER_FROM);
	text_printf(&w, "To: %.*s", TEXT_ARGS(m->to));
	if (!m->to_tag.len)
		text_printf(&w, ";tag=t%u", how >> 5);
	text_put_literal(&w, "\r\n");
	put_fields(&w, m, SIP_HEADER_CALL_ID);
	put_fields(&w, m, SIP_HEADER_CSEQ);
	if (!(how & 4))
		text_printf(&w, "Contact: <sip:callee%u@127.0.0.1:%u>\r\n", how >> 5,
			    output->peer.port);
	if (how & 8)
		text_put_literal(&w, "Session-Expires: 90;refresher=uas\r\n");
	text_put(&w, lines);
	if (how & 16)
		text_put_literal(
			&w,
			"Content-Type: application/sdp\r\nContent-Length: 129\r\n\r\n"
			"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
			"m=audio 49170 RTP/AVP 0\r\nm=video 49172 RTP/AVP 31\r\n\r\n\r\n");
	else
		text_put_literal(&w, "Content-Length: 0\r\n\r\n");
	feed_message(&output->peer, text_written(&w));
}

/* A request inside the dialog that this message of the node belongs to, from the party that received it. */
static void op_in_dialog(void)
{
	static const enum sip_method methods[] = {SIP_ACK,   SIP_BYE,  SIP_INVITE, SIP_UPDATE,
						  SIP_PRACK, SIP_INFO, SIP_REFER,  SIP_CANCEL};
	struct kept *output = some_output();
	const char *method = sip_method_name(methods[next_byte() % 8]);
	unsigned how = next_byte(), cseq = 1 + (how & 7);
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;
	bool as_caller, backwards;

	if (!output || sip_parse(m, output->bytes, output->len, SIP_DATAGRAM) != SIP_OK)
		return;
	as_caller = !m->is_request;
	backwards = as_caller;
	text_printf(&w,
		    "%s sip:peer@127.0.0.1:%u SIP/2.0\r\nVia: SIP/2.0/%s "
		    "127.0.0.1:%u;branch=z9hG4bKd%u\r\n",
		    method, 6000 + (how >> 5),
		    transport_name((enum transport)output->peer.transport), output->peer.port,
		    next_byte());
	text_put_literal(&w, "Max-Forwards: 70\r\n");
	if (!(how & 8)) {
		struct sip_list list = sip_list_of(m, SIP_HEADER_RECORD_ROUTE);
		struct text values[LIMIT_LIST_VALUES], value;
		unsigned n = 0;

		while (n < LIMIT_LIST_VALUES && sip_list_next(&list, &value))
			values[n++] = value;
		for (unsigned i = 0; i < n; i++) {
			value = values[backwards ? n - 1 - i : i];
			text_put_literal(&w, "Route: ");
			text_put(&w, value);
			text_put_literal(&w, "\r\n");
		}
	}
	text_put_literal(&w, "From: ");
	text_put(&w, as_caller ? m->from : m->to);
	if (!as_caller && !m->to_tag.len)
		text_printf(&w, ";tag=t%u", how >> 5);
	text_put_literal(&w, "\r\nTo: ");
	text_put(&w, as_caller ? m->to : m->from);
	text_put_literal(&w, "\r\n");
	put_fields(&w, m, SIP_HEADER_CALL_ID);
	text_printf(&w, "CSeq: %u %s\r\nContact: <sip:moved%u@127.0.0.1:%u>\r\n", cseq, method, how,
		    output->peer.port);
	if (how & 16)
		text_put(&w, next_bytes(500));
	text_put_literal(&w, "Content-Length: 0\r\n\r\n");
	feed_message(&output->peer, text_written(&w));
}

/* Something that was sent or received comes again, with a byte changed or not. */
static void op_replay(void)
{
	bool own = next_byte() & 1;
	unsigned n = fuzz.n_inputs < INPUTS ? fuzz.n_inputs : INPUTS, back = own ? 0 : next_byte();
	struct kept *kept = own ? some_output()
			    : n ? &fuzz.inputs[(fuzz.n_inputs - 1 - back % n) % INPUTS]
				: NULL;
	unsigned changes = next_byte() % 4;
	struct endpoint peer;
	uint32_t len;

	if (!kept)
		return;
	len = kept->len;
	peer = kept->peer;
	memcpy(fuzz.buffer, kept->bytes, len);
	for (unsigned i = 0; i < changes && len; i++) {
		unsigned at = next_byte() << 8;

		at |= next_byte();
		fuzz.buffer[at % len] = (char)next_byte();
	}
	feed_message(&peer, (struct text){fuzz.buffer, len});
}

static void op_time(void)
{
	static const unsigned steps[] = {0,    1,     10,    200,   500,    1000,
					 4000, 32000, 33000, 90000, 181000, 3600000};

	run_until(fuzz.now_ms + steps[next_byte() % 12]);
}

static void op_order(void)
{
	static const char *const users[] = {"sip:a@ims.example", "sip:b@ims.example", "tel:+123"};
	unsigned how = next_byte(), shard = next_byte() % fuzz.n_shards;
	struct node_release_order order = {.selector = (enum node_selector)(how % 3),
					   .status =
						   how & 4 ? (uint16_t)(250 + 2 * next_byte()) : 0,
					   .sessions_per_s = how & 8 ? 1 + next_byte() % 20 : 0,
					   .dry_run = how & 16};
	uint32_t number;

	order.user = text_of(users[next_byte() % 3]);
	order.id = (struct node_session_id){.shard = shard,
					    .handle = {next_byte() % 8, 1 + next_byte() % 4}};
	if (how & 32)
		order.reason_text = next_bytes(300);
	if (node_release(fuzz.nodes[shard], fuzz.now_ms, &order, &number) ==
		    NODE_RELEASE_ACCEPTED &&
	    (how & 64))
		node_release_stop(fuzz.nodes[shard], number);
}

static void op_binding(void)
{
	char bytes[4096];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	unsigned how = next_byte();
	struct text user = text_of((const char *const[]){"sip:a@ims.example", "sip:b@ims.example",
							 "sip:c@ims.example"}[how % 3]);
	char contact[64];

	snprintf(contact, sizeof(contact), "sip:u@127.0.0.1:%u%s", 6000 + (how >> 5),
		 how & 4 ? ";transport=tcp" : "");
	if (how & 8) {
		feed(0,
		     &(struct node_event){.kind = NODE_EVENT_BINDING, .bytes = next_bytes(2000)});
		return;
	}
	if (how & 16)
		node_forget_old_static_bindings(fuzz.nodes[0], fuzz.now_ms);
	if (node_binding_line(user, text_of(contact), how & 2 ? next_bytes(300) : (struct text){0},
			      &w))
		for (unsigned s = 0; s < fuzz.n_shards; s++)
			feed(s, &(struct node_event){.kind = NODE_EVENT_BINDING,
						     .bytes = text_written(&w)});
}

static void op_send_failed(void)
{
	struct kept *output = some_output();
	uint32_t len;

	if (!output)
		return;
	len = next_byte() & 1 ? output->len : output->len * next_byte() / 256;
	feed(node_shard_of((struct text){output->bytes, len}, fuzz.n_shards),
	     &(struct node_event){.kind = NODE_EVENT_SEND_FAILED,
				  .peer = output->peer,
				  .bytes = {output->bytes, len}});
}

/* What the operator may look at, at any time. */
static void op_look(void)
{
	for (unsigned s = 0; s < fuzz.n_shards; s++)
		for (unsigned which = NODE_LIVE; which <= NODE_GONE; which++) {
			struct node_session_report report;
			struct node_session_id id;
			uint64_t cursor = 0;

			while (node_sessions(fuzz.nodes[s], (enum node_which)which,
					     (struct text){0}, 3, &cursor, &report)) {
				struct text_writer w = text_writer_on(fuzz.buffer, 32768);

				if (!handle_is_set(report.id.handle))
					continue;
				ladder_put(&w, &report, 0);
				ladder_put_why(&w, &report, fuzz.now_ms);
				if (!node_session_by_call_id(fuzz.nodes[s], report.call_id, &id))
					finding("a session is not found by its Call-ID %.*s",
						TEXT_ARGS(report.call_id));
			}
		}
}

/* ------------------------------------------------------------------ the end */

static void release_everything(void)
{
	uint32_t number;

	for (unsigned s = 0; s < fuzz.n_shards; s++)
		if (node_release(fuzz.nodes[s], fuzz.now_ms,
				 &(struct node_release_order){.selector = NODE_SELECT_ALL,
							      .sessions_per_s = 10000},
				 &number) == NODE_RELEASE_BUSY)
			run_until(fuzz.now_ms + 400000);
	run_until(fuzz.now_ms + 300000);
}

static void check_nothing_left(void)
{
	for (unsigned s = 0; s < fuzz.n_shards; s++) {
		const struct node_counters *c = node_counters(fuzz.nodes[s]);

#define ZERO(gauge)                                                                                \
	if (c->gauge)                                                                              \
		finding("shard %u: %llu " #gauge " are left", s, (unsigned long long)c->gauge);
		ZERO(sessions)
		ZERO(sessions_confirmed)
		ZERO(sessions_releasing)
		ZERO(dialogs)
		ZERO(server_transactions)
		ZERO(client_transactions)
		ZERO(message_blocks)
#undef ZERO
		if (c->timers > c->bindings)
			finding("shard %u: %llu timers for %llu bindings are left", s,
				(unsigned long long)c->timers, (unsigned long long)c->bindings);
		if (c->sessions_begun != c->sessions_ended)
			finding("%llu sessions begun, %llu ended",
				(unsigned long long)c->sessions_begun,
				(unsigned long long)c->sessions_ended);
	}
}

static void open_nodes(void)
{
	static const struct endpoint here = {.family = 4, .ip = {127, 0, 0, 1}, .port = 5060};

	fuzz.n_shards = 1 + (next_byte() & 1);
	fuzz.now_ms = WORLD_BEGINS;
	fuzz.n_outputs = fuzz.n_inputs = 0;
	for (unsigned s = 0; s < fuzz.n_shards; s++) {
		struct node_settings *set = &settings[s];

		*set = node_settings_default();
		set->listen[0] = set->listen[1] = here;
		set->listen[1].transport = TRANSPORT_TCP;
		set->n_listen = 2;
		set->domains[0] = TEXT("ims.example");
		set->n_domains = 1;
		set->trusted[0] = (struct node_prefix){{.family = 4, .ip = {127}}, 8};
		set->n_trusted = 1;
		set->routes[0] = (struct node_route){
			TEXT("other.example"), {.family = 4, .ip = {127, 0, 0, 1}, .port = 6007}};
		set->n_routes = 1;
		set->sessions_max = 12;
		set->transactions_max = 40;
		set->bindings_max = 12;
		set->ended_sessions_max = 16;
		set->log_level = NODE_LOG_DEBUG;
		set->shard = s;
		set->n_shards = fuzz.n_shards;
		fuzz.nodes[s] = node_open(set, 1, 2 + s, fuzz.now_ms);
		if (!fuzz.nodes[s])
			finding("out of memory");
	}
}

static void first_binding(void)
{
	char bytes[512];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node_binding_line(TEXT("sip:a@ims.example"), TEXT("sip:a@127.0.0.1:6001"), (struct text){0},
			  &w);
	node_binding_line(TEXT("sip:b@ims.example"), TEXT("sip:b@127.0.0.1:6002"), (struct text){0},
			  &w);
	node_binding_line(TEXT("sip:b@ims.example"), TEXT("sip:b@127.0.0.1:6003"), (struct text){0},
			  &w);
	for (unsigned s = 0; s < fuzz.n_shards; s++)
		feed(s,
		     &(struct node_event){.kind = NODE_EVENT_BINDING, .bytes = text_written(&w)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const operations[])(void) = {
		op_raw,      op_template,  op_template,    op_response, op_response,
		op_response, op_in_dialog, op_in_dialog,   op_replay,   op_time,
		op_order,    op_binding,   op_send_failed, op_look};
	const unsigned n = sizeof(operations) / sizeof(operations[0]);

	if (size > 16384)
		return -1;
	fuzz.at = data;
	fuzz.end = data + size;
	open_nodes();
	first_binding();
	while (fuzz.at < fuzz.end)
		operations[next_byte() % n]();
	run_until(fuzz.now_ms + 200000);
	op_look();
	release_everything();
	check_nothing_left();
	for (unsigned s = 0; s < fuzz.n_shards; s++)
		node_close(fuzz.nodes[s]);
	return 0;
}
