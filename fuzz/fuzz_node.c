/* The whole node under libFuzzer. The input is a list of operations: raw messages, messages made from templates with some fields replaced, responses made from the
 * requests that the node itself sent (so that deep states are reached), requests inside the dialogs that came of it, replays with changed bytes, time steps, the operator's
 * orders, bindings. With subscribers, whose application servers are played here, what the node sent to a server comes back along its Route as a proxy, a fork or a B2BUA would
 * send it; users register with and without credentials, and are exchanged meanwhile. After the input everything is released and time runs on: whatever happened, nothing may
 * be left. */
#include "node/ladder.h"
#include "node/node.h"
#include "roles/scscf/digest_credentials.h"
#include "roles/scscf/milenage.h"
#include "sip/message.h"
#include "sip/uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUTS      32u
#define INPUTS       16u
#define MESSAGE_MAX  16000u
#define SHARDS       2u
#define WORLD_BEGINS 1000000u
#define FIRST_SERVER 6004u /* ports of the application servers */
#define LAST_SERVER  6006u

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
	unsigned n_followed; /* of the outputs: the parties have acted on them */
	struct kept followed;
	struct subscribers *users; /* NULL: there are none */
	bool has_new_settings;     /* the nodes use new_settings */
	struct kept inputs[INPUTS];
	unsigned n_inputs;
	struct sip_message message;
	char buffer[70000];
};

static struct fuzz fuzz;
static struct node_settings settings[SHARDS], new_settings[SHARDS];

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

/* What a response to `m` begins with. The tag is that of the party number `tag`. */
static void put_response_head(struct text_writer *w, const struct sip_message *m, unsigned status,
			      bool has_routes, unsigned tag)
{
	text_printf(w, "SIP/2.0 %u X\r\n", status);
	put_fields(w, m, SIP_HEADER_VIA);
	if (has_routes)
		put_fields(w, m, SIP_HEADER_RECORD_ROUTE);
	put_fields(w, m, SIP_HEADER_FROM);
	text_put_literal(w, "To: ");
	text_put(w, m->to);
	if (!m->to_tag.len)
		text_printf(w, ";tag=t%u", tag);
	text_put_literal(w, "\r\n");
	put_fields(w, m, SIP_HEADER_CALL_ID);
	put_fields(w, m, SIP_HEADER_CSEQ);
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
	put_response_head(&w, m, status, !(how & 2), how >> 5);
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

static uint32_t hash_of(struct text t)
{
	uint32_t hash = 5381;

	for (uint32_t i = 0; i < t.len; i++)
		hash = hash * 33 + (unsigned char)t.at[i];
	return hash;
}

struct in_dialog {
	const char *method;
	unsigned how, branch;
	struct text lines;
	bool is_right; /* to the Contact, and with a branch of this dialog */
};

static void put_routes(struct text_writer *w, const struct sip_message *m, bool backwards)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_RECORD_ROUTE);
	struct text values[LIMIT_LIST_VALUES], value;
	unsigned n = 0;

	while (n < LIMIT_LIST_VALUES && sip_list_next(&list, &value))
		values[n++] = value;
	for (unsigned i = 0; i < n; i++) {
		value = values[backwards ? n - 1 - i : i];
		text_put_literal(w, "Route: ");
		text_put(w, value);
		text_put_literal(w, "\r\n");
	}
}

/* A request inside the dialog that this message of the node belongs to, from the party that received it. */
static void send_in_dialog(const struct kept *output, const struct in_dialog *in)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;
	struct sip_name_addr contact;
	bool as_caller;

	if (sip_parse(m, output->bytes, output->len, SIP_DATAGRAM) != SIP_OK)
		return;
	as_caller = !m->is_request;
	if (in->is_right && sip_name_addr_parse(sip_value(m, SIP_HEADER_CONTACT), &contact))
		text_printf(&w, "%s %.*s", in->method, TEXT_ARGS(contact.uri));
	else
		text_printf(&w, "%s sip:peer@127.0.0.1:%u", in->method, 6000 + (in->how >> 5));
	text_printf(&w, " SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;branch=z9hG4bKd%u\r\n",
		    transport_name((enum transport)output->peer.transport), output->peer.port,
		    in->branch + (in->is_right ? hash_of(m->call_id) : 0));
	text_put_literal(&w, "Max-Forwards: 70\r\n");
	if (!(in->how & 8))
		put_routes(&w, m, as_caller);
	text_put_literal(&w, "From: ");
	text_put(&w, as_caller ? m->from : m->to);
	if (!as_caller && !m->to_tag.len)
		text_printf(&w, ";tag=t%u", in->is_right ? output->peer.port : in->how >> 5);
	text_put_literal(&w, "\r\nTo: ");
	text_put(&w, as_caller ? m->to : m->from);
	text_put_literal(&w, "\r\n");
	put_fields(&w, m, SIP_HEADER_CALL_ID);
	text_printf(&w, "CSeq: %u %s\r\nContact: <sip:moved%u@127.0.0.1:%u>\r\n", 1 + (in->how & 7),
		    in->method, in->how, output->peer.port);
	text_put(&w, in->lines);
	text_put_literal(&w, "Content-Length: 0\r\n\r\n");
	feed_message(&output->peer, text_written(&w));
}

static void op_in_dialog(void)
{
	static const enum sip_method methods[] = {SIP_ACK,   SIP_BYE,  SIP_INVITE, SIP_UPDATE,
						  SIP_PRACK, SIP_INFO, SIP_REFER,  SIP_CANCEL};
	struct kept *output = some_output();
	struct in_dialog in = {.method = sip_method_name(methods[next_byte() % 8]),
			       .how = next_byte()};

	if (!output)
		return;
	in.branch = next_byte();
	if (in.how & 16)
		in.lines = next_bytes(500);
	send_in_dialog(output, &in);
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

/* ------------------------------------------------------------------ application servers */

enum server_way {
	SERVER_IS_B2BUA = 1,  /* a dialog of its own */
	SERVER_DIVERTS = 2,   /* another Request-URI */
	SERVER_LEAVES = 4,    /* no Record-Route */
	SERVER_KEEPS = 8,     /* the whole Route */
	SERVER_FORGES = 16,   /* a letter of the Route is another one */
	SERVER_FORKS = 32,    /* another branch */
	SERVER_ADDS = 64,     /* lines */
	SERVER_IS_LOST = 128, /* from an address that is not trusted */
};

static bool is_server(const struct endpoint *peer)
{
	return peer->port >= FIRST_SERVER && peer->port <= LAST_SERVER;
}

/* The Route without its first value. */
static void put_route_behind(struct text_writer *w, const struct sip_message *m, unsigned way)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	struct text value;
	bool is_first = !(way & SERVER_KEEPS);

	while (sip_list_next(&list, &value)) {
		uint32_t begin = w->len;

		if (!is_first) {
			text_put_literal(w, "Route: ");
			text_put(w, value);
			text_put_literal(w, "\r\n");
		}
		if (!is_first && (way & SERVER_FORGES) && !w->full) {
			w->at[begin + 7 + (way >> 5) * 7 % (value.len + 1)] = '7';
			way &= ~(unsigned)SERVER_FORGES;
		}
		is_first = false;
	}
}

#define B2BUA_MARK       "x6004-"
#define B2BUA_MARK_BYTES 6u

static void put_field_as_b2bua(struct text_writer *w, const struct sip_message *m,
			       const struct sip_field *f, unsigned port)
{
	if (f->header == SIP_HEADER_CALL_ID) {
		text_printf(w, "Call-ID: x%u-", port);
		text_put(w, f->value);
	} else if (f->header == SIP_HEADER_FROM) {
		text_put_literal(w, "From: <");
		text_put(w, m->from_uri);
		text_printf(w, ">;tag=b%u", port);
	} else if (f->header == SIP_HEADER_CONTACT) {
		text_printf(w, "Contact: <sip:b2bua@127.0.0.1:%u>", port);
	} else {
		return;
	}
	text_put_literal(w, "\r\n");
}

/* Fields that a server does not copy as they are. */
static bool is_changed(const struct sip_field *f, unsigned way, bool is_cancel)
{
	switch (f->header) {
	case SIP_HEADER_ROUTE: return true;
	case SIP_HEADER_VIA: return is_cancel || way & SERVER_IS_B2BUA;
	case SIP_HEADER_RECORD_ROUTE:
	case SIP_HEADER_CALL_ID:
	case SIP_HEADER_FROM:
	case SIP_HEADER_CONTACT: return way & SERVER_IS_B2BUA;
	default: return false;
	}
}

/* The request that an application server sends on for the one that it got. */
static void server_passes_on(const struct kept *kept, unsigned way, struct text lines)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;
	struct endpoint from = kept->peer;

	if (sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK || !m->is_request)
		return;
	if (way & SERVER_IS_LOST)
		from.ip[0] = 10;
	text_put(&w, m->method_name);
	text_put_char(&w, ' ');
	text_put(&w, way & SERVER_DIVERTS ? TEXT("sip:c@ims.example") : m->request_uri);
	text_printf(&w, " SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;branch=z9hG4bKs%x%s\r\n",
		    transport_name((enum transport)from.transport), from.port,
		    hash_of(m->via.branch), way & SERVER_FORKS ? "f" : "");
	if (!(way & (SERVER_LEAVES | SERVER_IS_B2BUA)))
		text_printf(&w, "Record-Route: <sip:127.0.0.1:%u;lr>\r\n", from.port);
	put_route_behind(&w, m, way);
	for (unsigned i = 0; i < m->n_fields; i++) {
		const struct sip_field *f = &m->fields[i];

		if (!is_changed(f, way, m->method == SIP_CANCEL))
			text_put(&w, text_between(m->bytes.at + f->begin, m->bytes.at + f->end));
		else if (way & SERVER_IS_B2BUA)
			put_field_as_b2bua(&w, m, f, from.port);
	}
	text_put(&w, lines);
	text_put_literal(&w, "\r\n");
	text_put(&w, m->body);
	feed_message(&from, text_written(&w));
}

/* The response without the Via of the server that it came to. */
static void proxy_passes_back(const struct kept *kept)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;
	bool is_top = true;

	if (sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK || m->is_request)
		return;
	text_printf(&w, "SIP/2.0 %u Y\r\n", m->status);
	for (unsigned i = 0; i < m->n_fields; i++) {
		const struct sip_field *f = &m->fields[i];

		if (f->header == SIP_HEADER_VIA && is_top) {
			is_top = false;
			continue;
		}
		text_put(&w, text_between(m->bytes.at + f->begin, m->bytes.at + f->end));
	}
	text_put_literal(&w, "\r\n");
	text_put(&w, m->body);
	feed_message(&kept->peer, text_written(&w));
}

/* A simple response; 1xx and 2xx to an INVITE make a dialog. */
static void party_answers(const struct kept *kept, unsigned status)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;

	if (sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK || !m->is_request)
		return;
	put_response_head(&w, m, status, true, kept->peer.port);
	text_printf(&w, "Contact: <sip:party@127.0.0.1:%u>\r\nContent-Length: 0\r\n\r\n",
		    kept->peer.port);
	feed_message(&kept->peer, text_written(&w));
}

/* RFC 3261 §17.1.1.3: of the transaction, so with its branch. */
static void party_acknowledges_refusal(const struct kept *kept)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct sip_message *m = &fuzz.message;

	if (sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK)
		return;
	text_put_literal(&w, "ACK sip:x@ims.example SIP/2.0\r\nVia: ");
	text_put(&w, m->via.whole);
	text_put_literal(&w, "\r\nMax-Forwards: 70\r\n");
	put_fields(&w, m, SIP_HEADER_FROM);
	put_fields(&w, m, SIP_HEADER_TO);
	put_fields(&w, m, SIP_HEADER_CALL_ID);
	text_printf(&w, "CSeq: %u ACK\r\nContent-Length: 0\r\n\r\n", m->cseq);
	feed_message(&kept->peer, text_written(&w));
}

/* The message of the B2BUA's other dialog, of those that it received: the INVITE, or the 2xx to its own. */
static const struct kept *find_other_dialog(struct text call_id, uint16_t port)
{
	static struct sip_message m;
	bool is_own = call_id.len > B2BUA_MARK_BYTES && call_id.at[0] == 'x' &&
		      call_id.at[B2BUA_MARK_BYTES - 1] == '-';
	char name[LIMIT_CALL_ID_BYTES + B2BUA_MARK_BYTES + 1];
	struct text_writer w = text_writer_on(name, sizeof(name));

	if (is_own)
		text_put(&w, text_from(call_id, B2BUA_MARK_BYTES));
	else
		text_printf(&w, "x%u-%.*s", port, TEXT_ARGS(call_id));
	for (unsigned i = 0; i < OUTPUTS && i < fuzz.n_outputs; i++) {
		const struct kept *kept = &fuzz.outputs[i];

		if (kept->peer.port == port &&
		    sip_parse(&m, kept->bytes, kept->len, SIP_DATAGRAM) == SIP_OK &&
		    m.is_request == is_own && m.method == SIP_INVITE &&
		    (is_own || m.status / 100 == 2) && text_equal(m.call_id, text_written(&w)))
			return kept;
	}
	return NULL;
}

/* What came on one dialog of a B2BUA happens on the other. */
static void b2bua_carries_on(const struct kept *kept)
{
	static struct sip_message m;
	const struct kept *other;

	if (sip_parse(&m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK)
		return;
	other = find_other_dialog(m.call_id, kept->peer.port);
	if (!m.is_request) {
		if (other && m.method == SIP_INVITE && m.status > 100)
			party_answers(other, m.status);
		return;
	}
	if (m.method != SIP_ACK)
		party_answers(kept, 200);
	if (other && (m.method == SIP_ACK || m.method == SIP_BYE))
		send_in_dialog(other, &(struct in_dialog){
					      .method = sip_method_name((enum sip_method)m.method),
					      .how = m.method == SIP_BYE,
					      .branch = 900u + m.method + kept->peer.port,
					      .is_right = true});
}

/* `habit`: how servers are in this stretch of time. */
static void server_acts(const struct kept *kept, const struct sip_message *m, unsigned habit)
{
	bool is_initial = m->is_request && !m->to_tag.len && m->method != SIP_CANCEL &&
			  m->method != SIP_REGISTER;
	enum sip_method method = (enum sip_method)m->method;

	if (!m->is_request) {
		bool is_refusal = m->method == SIP_INVITE && m->status >= 300;

		if (is_refusal)
			party_acknowledges_refusal(kept);
		if (habit == 3)
			b2bua_carries_on(kept);
		else
			proxy_passes_back(kept);
		return;
	}
	if (method == SIP_REGISTER || method == SIP_NOTIFY || method == SIP_CANCEL)
		party_answers(kept, 200);
	if (method == SIP_REGISTER || method == SIP_NOTIFY || (habit == 4 && is_initial) ||
	    (habit == 6 && method == SIP_BYE))
		return;
	if ((habit == 5 && is_initial) || (habit == 7 && method == SIP_BYE))
		party_answers(kept, habit == 5 ? 500 : 481);
	else if (habit == 3 && !is_initial && method != SIP_CANCEL)
		b2bua_carries_on(kept);
	else
		server_passes_on(kept,
				 habit == 3   ? SERVER_IS_B2BUA
				 : habit == 2 ? SERVER_LEAVES
					      : 0,
				 (struct text){0});
}

static void user_acts(const struct kept *kept, const struct sip_message *m, unsigned habit)
{
	bool is_request = m->is_request;
	unsigned status = m->status;

	if (is_request && m->method == SIP_INVITE && !m->to_tag.len) {
		if (habit < 3)
			party_answers(kept, habit == 2 ? 486 : 180);
		if (habit == 0)
			party_answers(kept, 200);
	} else if (is_request && m->method != SIP_ACK) {
		party_answers(kept, 200);
	} else if (!is_request && m->method == SIP_INVITE && status >= 300) {
		party_acknowledges_refusal(kept);
	} else if (!is_request && m->method == SIP_INVITE && status >= 200) {
		send_in_dialog(kept, &(struct in_dialog){
					     .method = "ACK", .branch = 950, .is_right = true});
	}
}

/* Those whom the node has sent something act on it, in order. */
static void op_follow(void)
{
	unsigned n = 1 + next_byte() % 24, habits = next_byte();

	while (n-- && fuzz.n_followed < fuzz.n_outputs) {
		if (fuzz.n_outputs - fuzz.n_followed > OUTPUTS)
			fuzz.n_followed = fuzz.n_outputs - OUTPUTS;
		fuzz.followed = fuzz.outputs[fuzz.n_followed++ % OUTPUTS];
		if (sip_parse(&fuzz.message, fuzz.followed.bytes, fuzz.followed.len,
			      SIP_DATAGRAM) != SIP_OK)
			continue;
		if (is_server(&fuzz.followed.peer))
			server_acts(&fuzz.followed, &fuzz.message, habits % 8);
		else
			user_acts(&fuzz.followed, &fuzz.message, habits / 8 % 4);
	}
}

/* One message that the node has sent to a server, at any time, comes back in any of the ways. */
static void op_server(void)
{
	struct kept *output = some_output();
	unsigned way = next_byte();
	struct text lines = way & SERVER_ADDS ? next_bytes(500) : (struct text){0};

	if (!output)
		return;
	fuzz.followed = *output;
	server_passes_on(&fuzz.followed, way, lines);
	proxy_passes_back(&fuzz.followed);
}

/* ------------------------------------------------------------------ registration */

static const char *const user_names[] = {"a", "b", "c"};

/* The nonce of the last challenge; empty when there is none. */
static struct text last_nonce(void)
{
	for (unsigned back = 1; back <= OUTPUTS && back <= fuzz.n_outputs; back++) {
		const struct kept *kept = &fuzz.outputs[(fuzz.n_outputs - back) % OUTPUTS];
		const char *at = kept->len > 12 && !memcmp(kept->bytes, "SIP/2.0 401 ", 12)
					 ? memmem(kept->bytes, kept->len, "nonce=\"", 7)
					 : NULL;
		struct text rest;

		if (!at)
			continue;
		rest = text_between(at + 7, kept->bytes + kept->len);
		rest.len = text_find(rest, '"');
		return rest;
	}
	return (struct text){0};
}

/* What proves user `name`: the password of c, the RES of b's card. */
static struct text secret_of(const char *name, struct text nonce, struct milenage_vector *ret)
{
	static const uint8_t key[16] = {7, 7, 7, 7}, opc[16];
	uint8_t challenge[32] = {0};

	if (*name != 'b')
		return TEXT("secret");
	digest_from_base64(nonce, challenge, sizeof(challenge));
	milenage_f2345((struct milenage_key){key, opc}, challenge, ret);
	return (struct text){(const char *)ret->res, sizeof(ret->res)};
}

static void put_authorization(struct text_writer *w, const char *name, unsigned how)
{
	struct text nonce = last_nonce();
	uint32_t begin = w->len;
	bool is_sha = how & 1;
	struct digest_credentials c;
	struct milenage_vector vector;
	uint8_t response[DIGEST_BYTES_MAX];
	char ha1[DIGEST_HEX_MAX], user[32];
	enum digest_algorithm algorithm = is_sha && *name != 'b' ? DIGEST_SHA256 : DIGEST_MD5;

	snprintf(user, sizeof(user), "%s@ims.example", name);
	text_printf(w,
		    "Digest "
		    "username=\"%s\",realm=\"ims.example\",nonce=\"%.*s\",uri=\"sip:ims.example\","
		    "algorithm=%s,qop=auth,nc=%08x,cnonce=\"c\"%s",
		    user, TEXT_ARGS(nonce),
		    *name == 'b' ? "AKAv1-MD5"
		    : is_sha     ? "SHA-256"
				 : "MD5",
		    1 + (how >> 1 & 3), how & 8 ? ",integrity-protected=\"yes\"" : "");
	if (w->full || digest_credentials_parse((struct text){w->at + begin, w->len - begin}, &c) !=
			       DIGEST_CREDENTIALS_FOUND)
		return;
	digest_response(algorithm, &c,
			digest_ha1(algorithm, text_of(user), TEXT("ims.example"),
				   secret_of(name, nonce, &vector), ha1),
			TEXT("REGISTER"), response);
	text_put_literal(w, ",response=\"");
	digest_put_hex(w, response, digest_bytes(algorithm));
	text_put_char(w, '"');
}

static void op_register(void)
{
	static const char *const expires[] = {"0", "60", "3600", "600000"};
	struct endpoint peer = next_peer();
	unsigned how = next_byte(), number = next_byte(), proof = next_byte();
	const char *name = user_names[number % 3];
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));

	text_printf(
		&w,
		"REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;"
		"branch=z9hG4bKr%u-%u\r\nMax-Forwards: 70\r\nFrom: <sip:%s@ims.example>;tag=r\r\n"
		"To: <sip:%s@ims.example>\r\nCall-ID: r%u\r\nCSeq: %u REGISTER\r\n",
		transport_name((enum transport)peer.transport), peer.port, number, proof, name,
		name, how & 1, number);
	if (how & 2)
		text_put_literal(&w, "Contact: *\r\n");
	else if (!(how & 4))
		text_printf(&w, "Contact: <sip:%s@127.0.0.1:%u>%s\r\n", name, 6001 + (how >> 3) % 3,
			    how & 32 ? ";+sip.instance=\"<urn:uuid:1>\";reg-id=1" : "");
	text_printf(&w, "Expires: %s\r\nSupported: path, outbound\r\n", expires[how >> 6]);
	if (proof) {
		text_put_literal(&w, "Authorization: ");
		put_authorization(&w, name, proof);
		if (proof & 16)
			text_put(&w, next_bytes(500));
		text_put_literal(&w, "\r\n");
	}
	text_put_literal(&w, "Content-Length: 0\r\n\r\n");
	feed_message(&peer, text_written(&w));
}

/* To the state of a registration; inside the dialog of a NOTIFY when there was one. */
static void op_subscribe(void)
{
	static const char *const expires[] = {"0", "1", "600", "3761"};
	struct endpoint peer = next_peer();
	unsigned how = next_byte(), number = next_byte();
	const char *user = user_names[number % 3], *watcher = user_names[how >> 4 & 1];
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	char lines[64];

	snprintf(lines, sizeof(lines), "Event: reg\r\nExpires: %s\r\n", expires[how & 3]);
	if (how & 4) {
		struct kept *output = some_output();

		if (output)
			send_in_dialog(output, &(struct in_dialog){.method = "SUBSCRIBE",
								   .how = how >> 3,
								   .branch = number,
								   .lines = text_of(lines)});
		return;
	}
	text_printf(&w,
		    "SUBSCRIBE sip:%s@ims.example SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;"
		    "branch=z9hG4bKu%u\r\nMax-Forwards: 70\r\nFrom: <sip:%s@ims.example>;tag=u\r\n"
		    "To: <sip:%s@ims.example>\r\nCall-ID: u%u\r\nCSeq: %u SUBSCRIBE\r\n"
		    "Contact: <sip:w@127.0.0.1:%u>\r\n%sContent-Length: 0\r\n\r\n",
		    user, transport_name((enum transport)peer.transport), peer.port, number,
		    watcher, user, number, 1 + (how >> 5), peer.port, lines);
	feed_message(&peer, text_written(&w));
}

static void op_deregister(void)
{
	static const char *const contacts[] = {"", "sip:a@127.0.0.1:6001", "sip:b@127.0.0.1:6002",
					       "*"};
	unsigned how = next_byte();
	char user[32];

	snprintf(user, sizeof(user), "sip:%s@ims.example", user_names[how % 3]);
	node_deregister(fuzz.nodes[0], fuzz.now_ms, text_of(user), text_of(contacts[how >> 6]));
	empty(0);
}

/* ------------------------------------------------------------------ subscribers */

struct criteria_row {
	const char *uri, *method; /* method NULL: every request, or every one of the session case */
	uint8_t session_case;     /* or ANY_CASE */
	uint8_t profile_part, default_handling;
};
#define ANY_CASE 255u

static const struct criteria_row criteria_of_a[] = {
	{"sip:127.0.0.1:6004;lr", "INVITE", ORIGINATING_REGISTERED, PROFILE_PART_BOTH,
	 SESSION_CONTINUED},
	{"sip:as@127.0.0.1:6005;lr", NULL, ANY_CASE, PROFILE_PART_REGISTERED, SESSION_TERMINATED},
	{"sip:127.0.0.1:6006;lr", NULL, ORIGINATING_UNREGISTERED, PROFILE_PART_UNREGISTERED,
	 SESSION_CONTINUED},
};
static const struct criteria_row criteria_of_b[] = {
	{"sip:127.0.0.1:6006;lr", "INVITE", TERMINATING_REGISTERED, PROFILE_PART_BOTH,
	 SESSION_TERMINATED},
	{"sip:127.0.0.1:6005;transport=tcp;lr", NULL, TERMINATING_UNREGISTERED,
	 PROFILE_PART_UNREGISTERED, SESSION_CONTINUED},
	{"sip:127.0.0.1:6004;lr", NULL, ORIGINATING_CDIV, PROFILE_PART_BOTH, SESSION_CONTINUED},
};
#define CRITERIA_OF_ONE 3u

/* `how`, bit 0: the default handling of all is the other one; bit 1: the first criteria are gone. */
static const struct service_profile *take_profile(struct subscribers *set,
						  const struct criteria_row *rows, unsigned how)
{
	struct service_profile *profile = subscribers_take(set, sizeof(*profile));
	struct filter_criteria *criteria =
		subscribers_take(set, CRITERIA_OF_ONE * sizeof(*criteria));
	uint16_t *groups = subscribers_take(set, 2 * sizeof(*groups));
	unsigned first = how >> 1 & 1;

	groups[1] = 1;
	*profile = (struct service_profile){CRITERIA_OF_ONE - first, criteria};
	for (unsigned i = first; i < CRITERIA_OF_ONE; i++) {
		const struct criteria_row *row = &rows[i];
		struct service_point *points = subscribers_take(set, 2 * sizeof(*points));
		unsigned n = 0;

		if (row->method)
			points[n++] = (struct service_point){.kind = SERVICE_POINT_METHOD,
							     .method = text_of(row->method),
							     .n_groups = 1,
							     .groups = &groups[0]};
		if (row->session_case != ANY_CASE)
			points[n++] = (struct service_point){.kind = SERVICE_POINT_SESSION_CASE,
							     .session_case = row->session_case,
							     .n_groups = 1,
							     .groups = &groups[1]};
		criteria[i - first] = (struct filter_criteria){
			.priority = 10 * i,
			.profile_part = row->profile_part,
			.trigger = {.is_cnf = true, .n_points = (uint16_t)n, .points = points},
			.server = {.uri = subscribers_keep(set, text_of(row->uri)),
				   .service_information = TEXT("information"),
				   .default_handling = row->default_handling ^ (how & 1),
				   .include_register_request = i == 1,
				   .include_register_response = i == 1}};
	}
	return profile;
}

static void add_user(struct subscribers *set, const char *name, const char *other,
		     const struct service_profile *profile)
{
	struct subscriber *s = subscribers_take(set, sizeof(*s));
	struct public_identity *identities = subscribers_take(set, 2 * sizeof(*identities));
	const char *const users[] = {name, other};
	char text[40];
	struct text duplicate;

	for (uint16_t i = 0; i < 2 && users[i]; i++) {
		if (i)
			snprintf(text, sizeof(text), "%s", other);
		else
			snprintf(text, sizeof(text), "sip:%s@ims.example", name);
		identities[i] =
			(struct public_identity){.user = subscribers_keep(set, text_of(text)),
						 .profile = profile,
						 .subscriber = s};
		s->n_identities++;
	}
	snprintf(text, sizeof(text), "%s@ims.example", name);
	s->private_identity = subscribers_keep(set, text_of(text));
	s->identities = identities;
	s->credentials.kind = *name == 'a'   ? CREDENTIAL_NONE
			      : *name == 'b' ? CREDENTIAL_AKA
					     : CREDENTIAL_PASSWORD;
	s->credentials.password = TEXT("secret");
	memset(s->credentials.k, 7, 4);
	if (subscribers_add(set, s, &duplicate) != SUBSCRIBERS_DONE)
		finding("a user cannot be added");
}

static struct subscribers *open_users(unsigned how)
{
	static const struct service_profile no_services;
	struct subscribers *set = subscribers_open();

	if (!set)
		finding("out of memory");
	add_user(set, "a", "tel:+123", take_profile(set, criteria_of_a, how));
	add_user(set, "b", NULL, take_profile(set, criteria_of_b, how >> 2));
	if (!(how & 16))
		add_user(set, "c", NULL, &no_services);
	return set;
}

/* As after SIGHUP: all of the old set is closed at once. */
static void op_exchange_users(void)
{
	unsigned how = next_byte();
	struct subscribers *old = fuzz.users;

	if (!old)
		return;
	fuzz.users = open_users(how);
	for (unsigned s = 0; s < fuzz.n_shards; s++) {
		struct node_settings *set = fuzz.has_new_settings ? &settings[s] : &new_settings[s];

		*set = fuzz.has_new_settings ? new_settings[s] : settings[s];
		set->subscribers = fuzz.users;
		node_set_settings(fuzz.nodes[s], set);
	}
	fuzz.has_new_settings = !fuzz.has_new_settings;
	subscribers_close(old);
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

/* Registrations that run out go on to make NOTIFYs and third-party REGISTERs. */
static bool is_busy(void)
{
	for (unsigned s = 0; s < fuzz.n_shards; s++)
		if (node_counters(fuzz.nodes[s])->client_transactions)
			return true;
	return false;
}

static void check_nothing_left(void)
{
	for (unsigned turn = 0; turn < 50 && is_busy(); turn++)
		run_until(fuzz.now_ms + 40000);
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
		if (c->timers > c->bindings + c->subscriptions)
			finding("shard %u: %llu timers for %llu bindings and %llu subscriptions "
				"are left",
				s, (unsigned long long)c->timers, (unsigned long long)c->bindings,
				(unsigned long long)c->subscriptions);
		if (c->passages > c->ended_sessions)
			finding("shard %u: %llu passages for %llu ended sessions are left", s,
				(unsigned long long)c->passages,
				(unsigned long long)c->ended_sessions);
		if (c->sessions_begun != c->sessions_ended)
			finding("%llu sessions begun, %llu ended",
				(unsigned long long)c->sessions_begun,
				(unsigned long long)c->sessions_ended);
	}
}

static void open_nodes(void)
{
	static const struct endpoint here = {.family = 4, .ip = {127, 0, 0, 1}, .port = 5060};

	unsigned how = next_byte();

	fuzz.n_shards = 1 + (how & 1);
	fuzz.now_ms = WORLD_BEGINS;
	fuzz.n_outputs = fuzz.n_inputs = fuzz.n_followed = 0;
	fuzz.users = how & 2 ? open_users(how >> 3) : NULL;
	fuzz.has_new_settings = false;
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
		set->nonces_max = 4;
		set->subscriptions_max = 4;
		set->subscribers = fuzz.users;
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
	/* Behind the others, so that these keep their numbers in the corpus. */
	static void (*const more[])(void) = {op_follow,   op_follow,        op_server,
					     op_register, op_subscribe,     op_deregister,
					     op_follow,   op_exchange_users};
	const unsigned n = sizeof(operations) / sizeof(operations[0]);
	const unsigned n_more = sizeof(more) / sizeof(more[0]);

	if (size > 16384)
		return -1;
	fuzz.at = data;
	fuzz.end = data + size;
	open_nodes();
	first_binding();
	while (fuzz.at < fuzz.end) {
		unsigned which = next_byte();

		(which < 16 * n ? operations[which % n] : more[which % n_more])();
	}
	run_until(fuzz.now_ms + 200000);
	op_look();
	release_everything();
	check_nothing_left();
	for (unsigned s = 0; s < fuzz.n_shards; s++)
		node_close(fuzz.nodes[s]);
	subscribers_close(fuzz.users);
	return 0;
}
