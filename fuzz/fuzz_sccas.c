/* The SCC AS under libFuzzer: a node that is a SCC AS (and a S-CSCF at another listening point), and the parties of an access transfer around it. The input is a program: each operation is
 * one step of one party - the UE, the remote party, the MSC server, a stranger -, of the operator or of the clock. The parties keep the little that they need to stay in their dialogs (tags,
 * targets, numbers), read from what the node sent, so that deep states are reached: PRACKed, established, held, transferred, transferred while it rings, returned. fuzz/seeds_sccas.py writes
 * programs that get there.
 *
 * After every step: what was sent is SIP; a response answers a request that was received, and only one final response; BYE is answered at once; in a dialog of the node CSeq rises (RFC 3261
 * §12.2.1.1), there is one BYE, and after it nothing but ACKs; every session can be reported, drawn and explained. At the end everything is released and time runs on: nothing may be left. */
#include "node/ladder.h"
#include "node/node.h"
#include "roles/sccas/users.h"
#include "sip/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OUTPUTS      64u
#define INPUTS       32u
#define PARTIES      24u
#define MESSAGE_MAX  16000u
#define WORLD_BEGINS 1000000u
#define SCCAS_PORT   5070u
#define S_CSCF_PORT  5060u
#define UE_PORT      6100u
#define REMOTE_PORT  7100u
#define MSC_PORT     8100u
#define N_LISTEN     3u
#define AT_S_CSCF    2u /* of the listening points */

/* ------------------------------------------------------------------ the world */

struct kept {
	struct endpoint peer; /* where it went, or came from */
	bool is_request;
	uint8_t local, method;
	uint8_t party; /* whom it went to; PARTIES: nobody */
	uint32_t len;
	char bytes[MESSAGE_MAX];
};

/* The outer end of a dialog. */
struct party {
	uint16_t port;
	uint8_t transport;
	bool is_caller, is_confirmed, is_stranger;
	char call_id[100], local[300], remote[300], target[300], uri[300];
	unsigned cseq, invite_cseq;     /* of ours; of our last INVITE */
	unsigned branch, invite_branch; /* of the last request; of the last INVITE */
	unsigned rseq, rseq_cseq;       /* of the last reliable provisional response (RFC 3262) */
};

/* What the node has been asked. */
struct asked {
	uint64_t key;
	uint32_t run;
	uint16_t final_status;
	bool is_again; /* came more than once, and may have been forgotten between */
	bool is_invite;
};
/* A dialog that the node has sent requests in. */
struct dialog_seen {
	uint64_t key;
	uint32_t run, cseq;
	bool said_bye;
};
#define SLOTS 4096u

struct fuzz {
	const uint8_t *at, *end;
	struct node *node;
	struct node_settings settings[2]; /* one in use, the other for the next change */
	struct sccas_users *users;
	unsigned in_use;
	bool input_is_faulty;
	uint64_t now_ms;
	uint32_t run;                                           /* marks the slots of this input */
	struct kept outputs[OUTPUTS], inputs[INPUTS], followed; /* rings */
	unsigned n_outputs, n_inputs, n_followed;
	struct party parties[PARTIES]; /* a ring */
	unsigned n_parties, n_calls;
	unsigned edits; /* of the next message that is fed */
	struct asked asked[SLOTS];
	struct dialog_seen dialogs[SLOTS];
	struct dialog_seen sent[SLOTS]; /* requests of the node, by transaction */
	struct sip_message message, heard;
	char buffer[70000], lines[3000], drawing[40000];
	/* For who looks after the fuzzer: how often each state was seen, in all runs. */
	uint64_t states[16], verdicts[8], clauses[N_CLAUSES], transfers, holds, holds_kept,
		sessions, answered;
};

static struct fuzz fuzz;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((noreturn, format(printf, 1, 2))) static void finding(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "at %llu ms: ", (unsigned long long)(fuzz.now_ms - WORLD_BEGINS));
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

/* For who repeats a finding: the messages, with ADIEU_FUZZ_TRACE set. */
static void trace(const char *way, const struct endpoint *peer, struct text bytes)
{
	static int is_wanted = -1;

	if (is_wanted < 0)
		is_wanted = getenv("ADIEU_FUZZ_TRACE") != NULL;
	if (is_wanted)
		fprintf(stderr, "---- %llu %s %u\n%.*s\n",
			(unsigned long long)(fuzz.now_ms - WORLD_BEGINS), way, peer->port,
			TEXT_ARGS(bytes));
}

/* ------------------------------------------------------------------ reading the program */

static unsigned next_byte(void)
{
	return fuzz.at < fuzz.end ? *fuzz.at++ : 0;
}

static struct text next_bytes(uint32_t max)
{
	uint32_t len = next_byte();
	struct text t;

	if (len > max)
		len = max;
	if (len > (size_t)(fuzz.end - fuzz.at))
		len = (uint32_t)(fuzz.end - fuzz.at);
	t = (struct text){(const char *)fuzz.at, len};
	fuzz.at += len;
	return t;
}

static struct party *next_party(void)
{
	unsigned n = fuzz.n_parties < PARTIES ? fuzz.n_parties : PARTIES, back = next_byte();

	return n ? &fuzz.parties[(fuzz.n_parties - 1 - back % n) % PARTIES] : NULL;
}

/* ------------------------------------------------------------------ what was asked and sent */

static uint64_t hash_on(uint64_t hash, struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		hash = (hash ^ (unsigned char)t.at[i]) * 0x100000001b3u;
	return (hash ^ 0x100) * 0x100000001b3u;
}

static uint64_t hash_of_number(uint64_t hash, uint32_t n)
{
	char bytes[12];

	return hash_on(hash,
		       (struct text){bytes, (uint32_t)snprintf(bytes, sizeof(bytes), "%u", n)});
}
#define HASH_BEGIN 0xcbf29ce484222325u

static uint64_t key_of_transaction(const struct sip_message *m)
{
	uint64_t hash = hash_on(HASH_BEGIN, m->via.branch);

	hash = hash_on(hash, m->call_id);
	hash = hash_on(hash, m->cseq_method_name);
	return hash_of_number(hash, m->cseq);
}

static struct asked *find_asked(uint64_t key)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct asked *slot = &fuzz.asked[(key + i) % SLOTS];

		if (slot->run != fuzz.run || slot->key == key)
			return slot;
	}
	return NULL;
}

static struct dialog_seen *find_in(struct dialog_seen *table, uint64_t key)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct dialog_seen *slot = &table[(key + i) % SLOTS];

		if (slot->run == fuzz.run && slot->key == key)
			return slot;
		if (slot->run != fuzz.run) {
			*slot = (struct dialog_seen){.key = key};
			return slot;
		}
	}
	return NULL;
}

static struct asked *note_asked(const struct sip_message *m)
{
	uint64_t key = key_of_transaction(m);
	struct asked *slot = find_asked(key);

	if (!slot)
		return NULL;
	if (slot->run == fuzz.run)
		slot->is_again = true;
	else
		*slot = (struct asked){
			.key = key, .run = fuzz.run, .is_invite = m->method == SIP_INVITE};
	return slot;
}

static void check_response(const struct sip_message *m)
{
	struct asked *slot = find_asked(key_of_transaction(m));

	if (slot && fuzz.input_is_faulty && slot->run == fuzz.run)
		slot->is_again = true; /* of a repetition that is not what it was */
	if (!slot || fuzz.input_is_faulty)
		return;
	if (slot->run != fuzz.run)
		finding("a response to what nobody asked: %.*s", TEXT_ARGS(m->bytes));
	if (m->status < 200 || slot->is_again)
		return;
	if (slot->final_status && slot->final_status != m->status)
		finding("a second final response, after %u: %.*s", slot->final_status,
			TEXT_ARGS(m->bytes));
	slot->final_status = m->status;
}

static uint64_t key_of_dialog(const struct sip_message *m, struct text to_tag)
{
	return hash_on(hash_on(hash_on(HASH_BEGIN, m->call_id), m->from_tag), to_tag);
}

/* ACK and CANCEL name an INVITE of ours. */
static void check_old_number(const struct sip_message *m, uint64_t invite)
{
	const struct dialog_seen *slot = find_in(fuzz.sent, invite);

	if (slot && slot->run != fuzz.run)
		finding("to no INVITE of this dialog: %.*s", TEXT_ARGS(m->bytes));
}

static void mark_sent(uint64_t key)
{
	struct dialog_seen *slot = find_in(fuzz.sent, key);

	if (slot)
		slot->run = fuzz.run;
}

/* 0: no request has been sent in it. */
static uint32_t last_cseq(uint64_t dialog)
{
	const struct dialog_seen *slot = find_in(fuzz.dialogs, dialog);

	return slot && slot->run == fuzz.run ? slot->cseq : 0;
}

/* Of a leg: RFC 3261 §12.2.1.1, §15. */
static void check_request(const struct sip_message *m)
{
	uint64_t transaction = key_of_transaction(m), key = key_of_dialog(m, m->to_tag);
	uint64_t by_number =
		hash_of_number(hash_on(hash_on(HASH_BEGIN, m->call_id), m->from_tag), m->cseq);
	uint32_t last = last_cseq(key), of_initial = last_cseq(key_of_dialog(m, (struct text){0}));
	struct dialog_seen *dialog = find_in(fuzz.sent, transaction);

	if (!dialog || dialog->run == fuzz.run)
		return; /* a retransmission */
	dialog = find_in(fuzz.dialogs, key);
	if (!dialog)
		return;
	if (dialog->run == fuzz.run && dialog->said_bye && m->method != SIP_ACK)
		finding("after the BYE: %.*s", TEXT_ARGS(m->bytes));
	if (m->method == SIP_ACK || m->method == SIP_CANCEL) {
		check_old_number(m, by_number);
	} else {
		if (m->cseq <= last || (m->to_tag.len && m->cseq <= of_initial))
			finding("CSeq not above the last, %u, %u: %.*s", last, of_initial,
				TEXT_ARGS(m->bytes));
		dialog->cseq = m->cseq;
		dialog->run = fuzz.run;
	}
	dialog->said_bye |= m->method == SIP_BYE;
	mark_sent(transaction);
	if (m->method == SIP_INVITE)
		mark_sent(by_number);
}

/* What goes out must be SIP that we would accept ourselves; only a bound may have been passed by what we
 * added, and a request that was malformed gets its own words back. */
static void check_output(const struct node_action *action)
{
	struct sip_message *m = &fuzz.message;
	enum sip_verdict verdict = sip_parse(m, action->bytes.at, action->bytes.len, SIP_DATAGRAM);

	if (action->local >= N_LISTEN ||
	    fuzz.settings[0].listen[action->local].transport != action->peer.transport)
		finding("sent from listening point %u by %s", action->local,
			transport_name((enum transport)action->peer.transport));
	if (verdict == SIP_NOISE)
		finding("sent what is no SIP: %.*s", TEXT_ARGS(action->bytes));
	if (action->local == AT_S_CSCF)
		return;
	if (verdict == SIP_REFUSED && !fuzz.input_is_faulty && m->fault_status != 513 &&
	    m->fault_status != 414)
		finding("sent what we would refuse with %u (%s): %.*s", m->fault_status,
			m->fault_reason ? m->fault_reason : "", TEXT_ARGS(action->bytes));
	if (verdict != SIP_OK)
		return;
	if (m->is_request)
		check_request(m);
	else
		check_response(m);
}

/* ------------------------------------------------------------------ what a party learns */

static void copy_text(char *to, size_t max, struct text t)
{
	snprintf(to, max, "%.*s", TEXT_ARGS(t));
}

static void learn_target(struct party *p, const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct text value;

	if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address))
		copy_text(p->target, sizeof(p->target), address.uri);
}

static unsigned number_in(struct text t)
{
	uint32_t n;

	return text_to_u32(text_trim(t), UINT32_MAX, &n) ? n : 0;
}

static struct party *new_party(uint16_t port, uint8_t transport)
{
	struct party *p = &fuzz.parties[fuzz.n_parties++ % PARTIES];

	*p = (struct party){.port = port, .transport = transport};
	return p;
}

static struct party *party_of(struct text call_id)
{
	for (unsigned back = 1; back <= fuzz.n_parties && back <= PARTIES; back++) {
		struct party *p = &fuzz.parties[(fuzz.n_parties - back) % PARTIES];

		if (text_equal(text_of(p->call_id), call_id))
			return p;
	}
	return NULL;
}

static void learn_from_response(struct party *p, const struct sip_message *m)
{
	if (m->method != SIP_INVITE || m->status == 100 || m->status >= 300)
		return;
	if (p->is_caller && !p->is_confirmed && m->to_tag.len)
		copy_text(p->remote, sizeof(p->remote), m->to);
	p->is_confirmed |= m->status >= 200;
	learn_target(p, m);
	if (m->status < 200 && sip_first(m, SIP_HEADER_RSEQ)) {
		p->rseq = number_in(sip_value(m, SIP_HEADER_RSEQ));
		p->rseq_cseq = m->cseq;
	}
}

static struct party *learn(const struct kept *kept)
{
	struct sip_message *m = &fuzz.message;
	struct party *p;

	if (sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK)
		return NULL;
	p = party_of(m->call_id);
	if (!p && m->is_request && m->method == SIP_INVITE && !m->to_tag.len) {
		p = new_party(kept->peer.port, kept->peer.transport);
		copy_text(p->call_id, sizeof(p->call_id), m->call_id);
		copy_text(p->remote, sizeof(p->remote), m->from);
	}
	if (!p)
		return NULL;
	if (!m->is_request)
		learn_from_response(p, m);
	else if (sip_method_refreshes_target((enum sip_method)m->method))
		learn_target(p, m);
	return p;
}

/* ------------------------------------------------------------------ the node */

static void keep(struct kept *kept, const struct endpoint *peer, uint8_t local, struct text bytes)
{
	kept->peer = *peer;
	kept->local = local;
	kept->len = bytes.len < MESSAGE_MAX ? bytes.len : 0;
	memcpy(kept->bytes, bytes.at, kept->len);
}

static void keep_output(const struct node_action *action)
{
	struct kept *kept = &fuzz.outputs[fuzz.n_outputs++ % OUTPUTS];
	struct party *p;

	keep(kept, &action->peer, action->local, action->bytes);
	p = learn(kept);
	kept->party = p ? (uint8_t)(p - fuzz.parties) : PARTIES;
	kept->is_request = fuzz.message.is_request;
	kept->method = fuzz.message.method;
}

/* A retransmission has been looked at: most of what is sent while time passes. */
static bool was_sent(struct text bytes)
{
	struct dialog_seen *slot = find_in(fuzz.sent, hash_on(HASH_BEGIN, bytes));

	if (!slot || slot->run == fuzz.run)
		return slot != NULL;
	slot->run = fuzz.run;
	return false;
}

static void empty(void)
{
	struct node_action action;

	while (node_next_action(fuzz.node, &action)) {
		if (action.kind != NODE_ACTION_SEND)
			continue;
		trace("sent to", &action.peer, action.bytes);
		if (was_sent(action.bytes))
			continue;
		check_output(&action);
		keep_output(&action);
	}
	node_actions_done(fuzz.node);
}

static void look_at_sessions(enum node_which which);

static void feed(const struct node_event *event)
{
	if (!node_has_room(fuzz.node))
		empty();
	node_feed(fuzz.node, fuzz.now_ms, event);
	empty();
}

static bool was_full(void)
{
	const struct node_counters *c = node_counters(fuzz.node);

	return c->full || c->outbox_full || c->lost_memory;
}

/* `bytes` is changed where the program wants it. */
static uint32_t edit(char *bytes, uint32_t len)
{
	for (; fuzz.edits && len; fuzz.edits--) {
		unsigned at = next_byte() << 8, how;
		struct text by;

		at = (at | next_byte()) % len;
		how = next_byte();
		by = next_bytes(200);
		if (how & 1) { /* over it */
			for (uint32_t i = 0; i < by.len && at + i < len; i++)
				bytes[at + i] = by.at[i];
		} else if (how & 2) { /* out */
			uint32_t n = how / 4 < len - at ? how / 4 : len - at;

			memmove(bytes + at, bytes + at + n, len - at - n);
			len -= n;
		} else if (len + by.len < sizeof(fuzz.buffer)) { /* in */
			memmove(bytes + at + by.len, bytes + at, len - at);
			memcpy(bytes + at, by.at, by.len);
			len += by.len;
		}
	}
	fuzz.edits = 0;
	return len;
}

static void check_bye_answered(const struct asked *asked, bool is_bye)
{
	if (is_bye && asked && !asked->is_again && !asked->final_status && !was_full())
		finding("a BYE is not answered at once");
}

/* What is in fuzz.buffer. */
static void feed_message(const struct endpoint *peer, uint8_t local, uint32_t len)
{
	struct sip_message *m = &fuzz.heard;
	struct node_event event = {.kind = NODE_EVENT_MESSAGE, .peer = *peer, .local = local};
	struct asked *asked = NULL;
	enum sip_verdict verdict;
	char *exact; /* so that reading beyond is seen */
	bool is_bye;

	len = edit(fuzz.buffer, len);
	if (len >= MESSAGE_MAX || !(exact = malloc(len ? len : 1)))
		return;
	memcpy(exact, fuzz.buffer, len);
	event.bytes = (struct text){exact, len};
	keep(&fuzz.inputs[fuzz.n_inputs++ % INPUTS], peer, local, event.bytes);
	trace("received from", peer, event.bytes);
	verdict = sip_parse(m, exact, len,
			    peer->transport == TRANSPORT_TCP ? SIP_STREAM : SIP_DATAGRAM);
	fuzz.input_is_faulty = verdict != SIP_OK;
	is_bye = verdict == SIP_OK && m->is_request && m->method == SIP_BYE && m->to_tag.len &&
		 local != AT_S_CSCF;
	if (verdict == SIP_OK && m->is_request)
		asked = note_asked(m);
	feed(&event);
	check_bye_answered(asked, is_bye);
	free(exact);
	fuzz.input_is_faulty = false;
}

static void run_until(uint64_t until_ms)
{
	for (unsigned steps = 0; node_deadline(fuzz.node) <= until_ms; steps++) {
		if (node_deadline(fuzz.node) > fuzz.now_ms)
			fuzz.now_ms = node_deadline(fuzz.node);
		node_expire(fuzz.node, fuzz.now_ms);
		empty();
		if (steps > 1000000)
			finding("the node does not come to rest");
	}
	fuzz.now_ms = until_ms;
}

/* ------------------------------------------------------------------ words of messages */

#define OFFER_OF                                                                                   \
	"v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %u "    \
	"RTP/AVP 8 0\r\n"
#define VIDEO "m=video 49172 RTP/AVP 31\r\n"

/* By number; `port` tells whose it is. 0: none. */
static void put_description(struct text_writer *w, unsigned which, unsigned port)
{
	static const char *const after[] = {"",
					    "",
					    VIDEO "a=inactive\r\n",
					    "a=sendonly\r\n",
					    "a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n",
					    "a=inactive\r\n",
					    "m=message 9 TCP/MSRP *\r\n",
					    VIDEO "a=recvonly\r\n"};
	unsigned speech_port = which == 5 || which == 6 ? 0 : 20000 + port;

	if (which == 4)
		text_put_literal(w, "v=0\r\nm=audio\r\no=- - -\r\n");
	else if (which)
		text_printf(w, OFFER_OF "%s", port, speech_port, after[which]);
}

static const char *const reasons[] = {
	"",
	"Reason: SIP;cause=503;text=\"Service Unavailable\"\r\n",
	"Reason: SIP;cause=487;text=\"handover cancelled\"\r\n",
	"Reason: FAILURE_CAUSE;cause=2, sip ;text=\"a, b\";cause=503\r\n",
	"Reason: Q.850;cause=16\r\nReason: SIP;cause=200\r\n",
	"Reason: SIP;cause=480\r\n",
	"Reason: SIP;cause=487;text=\"failure to transition to CS domain\"\r\n",
	"Reason: SIP;cause=50333\r\nReason: ,;;=\r\n",
};

static void put_features(struct text_writer *w, unsigned bits)
{
	if (bits & 1)
		text_put_literal(w, ";+g.3gpp.srvcc-alerting");
	if (bits & 2)
		text_put_literal(w, ";+g.3gpp.mid-call");
	if (bits & 4)
		text_put_literal(w, ";+g.3gpp.ps2cs-srvcc-orig-pre-alerting");
}

static void put_body(struct text_writer *w, const char *type, struct text body)
{
	if (body.len)
		text_printf(w, "Content-Type: %s\r\n", type);
	text_printf(w, "Content-Length: %u\r\n\r\n", body.len);
	text_put(w, body);
}

static struct endpoint endpoint_of(const struct party *p)
{
	struct endpoint peer = {
		.family = 4, .ip = {127, 0, 0, 1}, .port = p->port, .transport = p->transport};

	if (p->is_stranger)
		peer.ip[0] = 10;
	if (p->transport == TRANSPORT_TCP)
		peer.flow = p->port;
	return peer;
}

static void feed_of(const struct party *p, const struct text_writer *w)
{
	struct endpoint peer = endpoint_of(p);

	if (!w->full)
		feed_message(&peer, peer.transport == TRANSPORT_TCP, w->len);
}

/* ------------------------------------------------------------------ requests of a party */

struct request {
	const char *method;
	unsigned cseq, branch;
	const char *lines, *uri;
	unsigned features, description;
	const char *type; /* of `body`, which is no description */
	const char *body;
};

static void send_request(struct party *p, const struct request *r)
{
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	char bytes[1000];
	struct text_writer body = text_writer_on(bytes, sizeof(bytes));

	text_printf(&w,
		    "%s %s SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;branch=z9hG4bK-%s-%u\r\n"
		    "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n",
		    r->method, r->uri ? r->uri : p->target,
		    transport_name((enum transport)p->transport), p->port, p->call_id, r->branch,
		    p->local, p->remote, p->call_id, r->cseq, r->method);
	text_printf(&w, "Contact: <sip:party@127.0.0.1:%u%s>", p->port,
		    p->transport == TRANSPORT_TCP ? ";transport=tcp" : "");
	put_features(&w, r->features);
	text_printf(&w, "\r\n%s", r->lines ? r->lines : "");
	if (r->body)
		text_put(&body, text_of(r->body));
	else
		put_description(&body, r->description, p->port);
	put_body(&w, r->body ? r->type : "application/sdp", text_written(&body));
	feed_of(p, &w);
}

/* A new request in the dialog; ACK and CANCEL have the number of the INVITE. */
static void send_in_dialog(struct party *p, struct request r)
{
	enum sip_method method = sip_method_of(text_of(r.method));

	r.cseq = method == SIP_ACK || method == SIP_CANCEL ? p->invite_cseq : ++p->cseq;
	r.branch = method == SIP_CANCEL ? p->invite_branch : ++p->branch;
	if (method == SIP_CANCEL)
		r.uri = p->uri;
	if (method == SIP_INVITE) {
		p->invite_cseq = p->cseq;
		p->invite_branch = p->branch;
		snprintf(p->uri, sizeof(p->uri), "%s", p->target);
	}
	send_request(p, &r);
}

/* Bytes of the program as header lines, at the end of `lines`. */
static void add_lines(char *lines, size_t max)
{
	struct text t = next_bytes(255);
	size_t n = strlen(lines);

	if (t.len && n + t.len + 3 < max)
		snprintf(lines + n, max - n, "%.*s\r\n", TEXT_ARGS(t));
}

static struct party *begin_caller(uint16_t port, unsigned is_tcp, bool is_stranger,
				  bool is_same_call)
{
	struct party *p = new_party(port, is_tcp ? TRANSPORT_TCP : TRANSPORT_UDP);

	if (!is_same_call || !fuzz.n_calls)
		fuzz.n_calls++;
	p->is_caller = true;
	p->is_stranger = is_stranger;
	p->branch = fuzz.n_parties * 100;
	snprintf(p->call_id, sizeof(p->call_id), "c%u", fuzz.n_calls);
	return p;
}

enum invite_way {
	INVITE_RELIABLE = 64, /* Supported: 100rel */
	INVITE_BY_TCP = 128,
};
enum call_way {
	CALL_TERMINATES = 4,
	CALL_HAS_TIMER = 8,
	CALL_HAS_ROUTES = 16,
	/* of a transfer too: */
	CALL_OF_STRANGER = 32,
	CALL_HAS_LINES = 64,
	CALL_IS_SAME = 128, /* Call-ID of the one before */
};

/* Bits 0-2 of `how` are the features, 3-5 the description. */
static void send_initial(struct party *p, unsigned how, unsigned way, char *lines, size_t max)
{
	size_t n = strlen(lines);

	snprintf(lines + n, max - n, "%s%s%s", how & INVITE_RELIABLE ? "Supported: 100rel\r\n" : "",
		 way & CALL_HAS_TIMER ? "Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n"
				      : "",
		 way & CALL_HAS_ROUTES ? "Record-Route: <sip:127.0.0.1:6190;lr>\r\n"
					 "Record-Route: <sip:127.0.0.1:6191;lr>\r\n"
				       : "");
	if (way & CALL_HAS_LINES)
		add_lines(lines, max);
	send_in_dialog(p, (struct request){.method = "INVITE",
					   .lines = lines,
					   .features = how & 7,
					   .description = how >> 3 & 7});
}

static const char *const users[] = {"alice", "carol", "nobody", "bob"};

static void op_call(void)
{
	unsigned how = next_byte(), way = next_byte();
	bool is_terminating = way & CALL_TERMINATES;
	const char *user = users[way & 3], *caller = is_terminating ? "bob" : user;
	unsigned number = fuzz.n_calls % 4;
	char lines[1500];
	struct party *p =
		begin_caller((uint16_t)((is_terminating ? REMOTE_PORT : UE_PORT) + number),
			     how & INVITE_BY_TCP, way & CALL_OF_STRANGER, way & CALL_IS_SAME);

	snprintf(p->local, sizeof(p->local), "<sip:%s@ims.example>;tag=f%u", caller,
		 fuzz.n_parties);
	snprintf(p->remote, sizeof(p->remote), "<sip:%s@ims.example>",
		 is_terminating ? user : "bob");
	if (is_terminating)
		snprintf(p->target, sizeof(p->target), "sip:%s@127.0.0.1:%u", user,
			 UE_PORT + number);
	else
		snprintf(p->target, sizeof(p->target), "sip:bob@127.0.0.1:%u",
			 REMOTE_PORT + number);
	snprintf(
		lines, sizeof(lines),
		"Route: <sip:127.0.0.1:%u;lr>\r\nP-Served-User: <sip:%s@ims.example>;sescase=%s\r\n"
		"P-Asserted-Identity: <sip:%s@ims.example>\r\n",
		SCCAS_PORT, user, is_terminating ? "term" : "orig", caller);
	send_initial(p, how, way, lines, sizeof(lines));
}

static void put_target_dialog(char *lines, size_t max)
{
	const struct party *p = next_party();
	const char *local = p ? strstr(p->local, "tag=") : NULL,
		   *remote = p ? strstr(p->remote, "tag=") : NULL;
	size_t n = strlen(lines);

	if (local && remote)
		snprintf(lines + n, max - n,
			 "Target-Dialog: %s;local-tag=%.60s;remote-tag=%.60s\r\n", p->call_id,
			 local + 4, remote + 4);
}

#define TRANSFER_NAMES_DIALOG 16u

/* Bits 0-1 of `way` say to which number, 2-3 of whom, 5-7 are as of a call. */
static void op_transfer(void)
{
	static const char *const numbers[] = {"tel:+4916000001", "sip:atu-sti@127.0.0.1:5070",
					      "sip:additional@127.0.0.1:5070", "tel:+4916000002"};
	static const char *const identities[] = {
		"P-Asserted-Identity: <tel:+491711000001>\r\n",
		"P-Asserted-Identity: <tel:+491711000002>\r\n",
		"P-Asserted-Identity: <sip:alice@ims.example>, <tel:+4917>\r\n", ""};
	unsigned how = next_byte(), way = next_byte();
	char lines[1500];
	struct party *p = begin_caller((uint16_t)(MSC_PORT + fuzz.n_calls % 4), how & INVITE_BY_TCP,
				       way & CALL_OF_STRANGER, way & CALL_IS_SAME);

	snprintf(p->local, sizeof(p->local), "<tel:+491711000001>;tag=m%u", fuzz.n_parties);
	snprintf(p->remote, sizeof(p->remote), "<%s>", numbers[way & 3]);
	snprintf(p->target, sizeof(p->target), "%s", numbers[way & 3]);
	snprintf(lines, sizeof(lines), "%s", identities[way >> 2 & 3]);
	if (way & TRANSFER_NAMES_DIALOG)
		put_target_dialog(lines, sizeof(lines));
	send_initial(p, how, way & ~(unsigned)(CALL_HAS_TIMER | CALL_HAS_ROUTES), lines,
		     sizeof(lines));
}

static const char *body_of_info(unsigned which)
{
	static const char *const bodies[] = {
		"<?xml version=\"1.0\"?><state-and-event-info><event>call-accepted</event>"
		"</state-and-event-info>",
		"<state-and-event-info/>", "Signal=5\r\n", NULL};

	return bodies[which & 3];
}

/* `how`: bits 0-2 the description, 3-5 the Reason, 6 lines of the program, 7 a wrong number. */
static void op_request(void)
{
	static const enum sip_method methods[] = {
		SIP_INVITE,  SIP_BYE,     SIP_UPDATE, SIP_INFO,    SIP_INVITE,    SIP_BYE,
		SIP_OPTIONS, SIP_MESSAGE, SIP_REFER,  SIP_PUBLISH, SIP_SUBSCRIBE, SIP_NOTIFY};
	struct party *p = next_party();
	enum sip_method method = methods[next_byte() % 12];
	unsigned how = next_byte();
	char lines[1500];
	struct request r = {
		.method = sip_method_name(method), .lines = lines, .description = how & 7};

	snprintf(lines, sizeof(lines), "%s", reasons[how >> 3 & 7]);
	if (how & 64)
		add_lines(lines, sizeof(lines));
	if (!p)
		return;
	if (how & 128)
		p->cseq -= p->cseq > 1 ? 2 : p->cseq;
	if (method == SIP_INFO) {
		r.body = body_of_info(how);
		r.type = how & 2 ? "application/dtmf-relay"
				 : "application/vnd.3gpp.state-and-event-info+xml";
		r.description = 0;
	}
	send_in_dialog(p, r);
}

static void op_ack(void)
{
	struct party *p = next_party();
	unsigned how = next_byte();

	if (!p)
		return;
	if (how & 8)
		p->invite_cseq += how >> 4;
	send_in_dialog(p, (struct request){.method = "ACK", .description = how & 7});
}

static void send_prack(struct party *p, unsigned rseq, unsigned description)
{
	char lines[100];

	snprintf(lines, sizeof(lines), "RAck: %u %u INVITE\r\n", rseq, p->rseq_cseq);
	send_in_dialog(
		p, (struct request){.method = "PRACK", .lines = lines, .description = description});
}

static void op_prack(void)
{
	struct party *p = next_party();
	unsigned how = next_byte();

	if (p)
		send_prack(p, p->rseq + (how >> 3), how & 7);
}

/* To is that of the INVITE, without the tag of the dialog when it was the initial one. */
static void op_cancel(void)
{
	struct party *p = next_party();
	unsigned how = next_byte();
	char kept[sizeof(p->remote)], *tag;

	if (!p)
		return;
	memcpy(kept, p->remote, sizeof(kept));
	tag = strstr(p->remote, ";tag=");
	if (tag && p->is_caller && p->invite_cseq == 1)
		*tag = 0;
	send_in_dialog(p, (struct request){.method = "CANCEL", .lines = reasons[how & 7]});
	memcpy(p->remote, kept, sizeof(kept));
}

/* ------------------------------------------------------------------ responses of a party */

static void put_fields(struct text_writer *w, const struct sip_message *m, enum sip_header header)
{
	for (const struct sip_field *f = sip_first(m, header); f; f = sip_next(m, f))
		text_put(w, text_between(m->bytes.at + f->begin, m->bytes.at + f->end));
}

enum answer_way { /* bits 0-2: the description; 6-7: which fork answers */
		  ANSWER_IS_RELIABLE = 8,
		  ANSWER_WITHOUT_CONTACT = 16,
		  ANSWER_HAS_TIMER = 32,
};

static void put_answer(struct text_writer *w, const struct sip_message *m, struct party *p,
		       unsigned status, unsigned how)
{
	char bytes[1000];
	struct text_writer body = text_writer_on(bytes, sizeof(bytes));

	text_printf(w, "SIP/2.0 %u X\r\n", status);
	put_fields(w, m, SIP_HEADER_VIA);
	put_fields(w, m, SIP_HEADER_RECORD_ROUTE);
	put_fields(w, m, SIP_HEADER_FROM);
	text_put_literal(w, "To: ");
	text_put(w, m->to);
	if (!m->to_tag.len && status > 100)
		text_printf(w, ";tag=t%u", how >> 6);
	text_put_literal(w, "\r\n");
	put_fields(w, m, SIP_HEADER_CALL_ID);
	put_fields(w, m, SIP_HEADER_CSEQ);
	if (!(how & ANSWER_WITHOUT_CONTACT)) {
		text_printf(w, "Contact: <sip:fork%u@127.0.0.1:%u>", how >> 6, p->port);
		put_features(w, 7);
		text_put_literal(w, "\r\n");
	}
	if (how & ANSWER_IS_RELIABLE)
		text_printf(w, "Require: 100rel\r\nRSeq: %u\r\n", ++p->rseq);
	if (how & ANSWER_HAS_TIMER)
		text_put_literal(w, "Session-Expires: 90;refresher=uas\r\n");
	put_description(&body, how & 7, p->port);
	put_body(w, "application/sdp", text_written(&body));
}

static void answer(const struct kept *kept, unsigned status, unsigned how)
{
	struct sip_message *m = &fuzz.message;
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	struct party *p = kept->party < PARTIES ? &fuzz.parties[kept->party] : NULL;

	if (!p || sip_parse(m, kept->bytes, kept->len, SIP_DATAGRAM) != SIP_OK || !m->is_request)
		return;
	put_answer(&w, m, p, status, how);
	if (m->method == SIP_INVITE && !m->to_tag.len && !p->is_caller && !p->is_confirmed &&
	    status > 100 && status < 300) {
		snprintf(p->local, sizeof(p->local), "%.*s;tag=t%u", TEXT_ARGS(m->to), how >> 6);
		p->is_confirmed = status >= 200;
	}
	feed_of(p, &w);
}

/* The request that a party got: 0 the last one, 1 the last INVITE, 2 the last CANCEL or UPDATE, then one
 * further back each. */
static const struct kept *request_to(const struct party *p, unsigned which)
{
	const struct kept *first = NULL;

	for (unsigned back = 1; p && back <= fuzz.n_outputs && back <= OUTPUTS; back++) {
		const struct kept *kept = &fuzz.outputs[(fuzz.n_outputs - back) % OUTPUTS];

		if (!kept->is_request || kept->party != p - fuzz.parties || kept->method == SIP_ACK)
			continue;
		if (which == 0 || (which == 1 && kept->method == SIP_INVITE) ||
		    (which == 2 && (kept->method == SIP_CANCEL || kept->method == SIP_UPDATE)))
			return kept;
		if (which > 2)
			which = which == 3 ? 0 : which - 1;
		first = kept;
	}
	return first;
}

static const unsigned statuses[] = {100, 180, 183, 181, 200, 200, 202, 204, 302, 401, 404,
				    408, 480, 481, 486, 487, 488, 491, 500, 503, 504, 600,
				    603, 180, 183, 200, 199, 200, 200, 488, 491, 405};

static void op_answer(void)
{
	struct party *p = next_party();
	unsigned what = next_byte(), how = next_byte();
	const struct kept *kept = request_to(p, what >> 5);

	if (kept)
		answer(kept, statuses[what & 31], how);
}

/* ------------------------------------------------------------------ parties that do as they should */

enum habit { /* of who was asked and who hears an answer, in a stretch of time */
	     HABIT_OF_INVITE = 3, /* 180 and 200; 180; 183 with a description; 486 */
	     HABIT_OF_OFFER = 12, /* 200; 491; 488; silence */
	     HABIT_OF_BYE = 48,   /* 200; 481; silence; 200 */
	     HABIT_NO_ACK = 64,
	     HABIT_RELIABLE = 128,
};

static void acts_on_invite(const struct kept *kept, const struct sip_message *m, unsigned habit)
{
	unsigned reliable =
		habit & HABIT_RELIABLE && sip_has_option(m, SIP_HEADER_SUPPORTED, TEXT("100rel"))
			? ANSWER_IS_RELIABLE
			: 0;

	switch (habit & HABIT_OF_INVITE) {
	case 0:
		answer(kept, 180, reliable);
		answer(kept, 200, 1);
		break;
	case 1: answer(kept, 180, reliable | (reliable ? 1 : 0)); break;
	case 2: answer(kept, 183, reliable | 1); break;
	default: answer(kept, 486, 0); break;
	}
}

static void acts_on_request(const struct kept *kept, const struct sip_message *m, unsigned habit)
{
	static const unsigned to_offer[] = {200, 491, 488, 0}, to_bye[] = {200, 481, 0, 200};
	unsigned status;

	switch (m->method) {
	case SIP_ACK: return;
	case SIP_INVITE:
		if (!m->to_tag.len) {
			acts_on_invite(kept, m, habit);
			return;
		}
		/* fall through */
	case SIP_UPDATE:
		status = to_offer[(habit & HABIT_OF_OFFER) >> 2];
		if (status)
			answer(kept, status, m->body.len || m->method == SIP_INVITE ? 1 : 0);
		return;
	case SIP_BYE:
		status = to_bye[(habit & HABIT_OF_BYE) >> 4];
		if (status)
			answer(kept, status, 0);
		return;
	default: answer(kept, 200, 0); return;
	}
}

/* RFC 3261 §17.1.1.3: of the transaction, so with its branch. */
static void acknowledge_refusal(const struct kept *kept, const struct sip_message *m)
{
	const struct party *p = &fuzz.parties[kept->party];
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));

	text_put_literal(&w, "ACK sip:x@ims.example SIP/2.0\r\nVia: ");
	text_put(&w, m->via.whole);
	text_put_literal(&w, "\r\nMax-Forwards: 70\r\n");
	put_fields(&w, m, SIP_HEADER_FROM);
	put_fields(&w, m, SIP_HEADER_TO);
	put_fields(&w, m, SIP_HEADER_CALL_ID);
	text_printf(&w, "CSeq: %u ACK\r\nContent-Length: 0\r\n\r\n", m->cseq);
	feed_of(p, &w);
}

static void acts_on_response(const struct kept *kept, const struct sip_message *m, unsigned habit)
{
	struct party *p = &fuzz.parties[kept->party];

	if (m->method == SIP_INVITE && m->status >= 300)
		acknowledge_refusal(kept, m);
	else if (m->method == SIP_INVITE && m->status >= 200 && !(habit & HABIT_NO_ACK))
		send_in_dialog(p, (struct request){.method = "ACK"});
	else if (m->method == SIP_INVITE && m->status > 100 && m->status < 200 &&
		 sip_first(m, SIP_HEADER_RSEQ))
		send_prack(p, p->rseq, 0);
}

/* What the node sent to itself arrives there. */
static void arrives_here(const struct kept *kept)
{
	struct endpoint peer = kept->peer;

	if (!kept->len)
		return;
	memcpy(fuzz.buffer, kept->bytes, kept->len);
	peer.flow = peer.transport == TRANSPORT_TCP ? 99 : 0;
	feed_message(&peer,
		     kept->peer.port == S_CSCF_PORT ? AT_S_CSCF : peer.transport == TRANSPORT_TCP,
		     kept->len);
}

/* Those whom the node has sent something act on it, in order. */
static void op_follow(void)
{
	unsigned n = 1 + next_byte() % 32, habit = next_byte();
	static struct sip_message m;

	while (n-- && fuzz.n_followed < fuzz.n_outputs) {
		if (fuzz.n_outputs - fuzz.n_followed > OUTPUTS)
			fuzz.n_followed = fuzz.n_outputs - OUTPUTS;
		fuzz.followed = fuzz.outputs[fuzz.n_followed++ % OUTPUTS];
		if (sip_parse(&m, fuzz.followed.bytes, fuzz.followed.len, SIP_DATAGRAM) != SIP_OK)
			continue;
		if (fuzz.followed.peer.port == SCCAS_PORT || fuzz.followed.peer.port == S_CSCF_PORT)
			arrives_here(&fuzz.followed);
		else if (fuzz.followed.party >= PARTIES)
			continue;
		else if (m.is_request)
			acts_on_request(&fuzz.followed, &m, habit);
		else
			acts_on_response(&fuzz.followed, &m, habit);
	}
}

/* Nobody acts on what was sent until now. */
static void op_ignore(void)
{
	fuzz.n_followed = fuzz.n_outputs;
}

/* ------------------------------------------------------------------ other steps */

/* Something that was sent or received comes again. */
static void op_replay(void)
{
	unsigned what = next_byte();
	bool is_own = what & 1;
	unsigned all = is_own ? fuzz.n_outputs : fuzz.n_inputs, max = is_own ? OUTPUTS : INPUTS;
	unsigned n = all < max ? all : max;
	const struct kept *kept;

	if (!n)
		return;
	kept = is_own ? &fuzz.outputs[(all - 1 - what / 2 % n) % OUTPUTS]
		      : &fuzz.inputs[(all - 1 - what / 2 % n) % INPUTS];
	memcpy(fuzz.buffer, kept->bytes, kept->len);
	if (kept->len)
		feed_message(&kept->peer, kept->local, kept->len);
}

static void op_time(void)
{
	static const unsigned steps[] = {0,    1,    10,   200,   500,   1000,  2000,   4000,
					 7999, 8000, 8001, 16000, 32000, 33000, 181000, 600000};

	run_until(fuzz.now_ms + steps[next_byte() % 16]);
}

static void op_order(void)
{
	static const char *const whom[] = {"sip:alice@ims.example", "sip:bob@ims.example",
					   "tel:+491711000001"};
	unsigned how = next_byte();
	struct node_release_order order = {.selector = (enum node_selector)(how % 3),
					   .user = text_of(whom[how / 8 % 3]),
					   .sessions_per_s = how & 64 ? 1 : 100,
					   .dry_run = how & 128};
	struct node_session_report report;
	uint64_t cursor = 0;
	uint32_t number;
	unsigned back = next_byte() % 4;

	while (order.selector == NODE_SELECT_SESSION &&
	       node_sessions(fuzz.node, NODE_LIVE, (struct text){0}, 100, &cursor, &report)) {
		if (handle_is_set(report.id.handle))
			order.id = report.id;
		if (handle_is_set(report.id.handle) && !back--)
			break;
	}
	if (node_release(fuzz.node, fuzz.now_ms, &order, &number) == NODE_RELEASE_ACCEPTED &&
	    how / 32 % 2)
		node_release_stop(fuzz.node, number);
	empty();
}

/* The whole message, or its beginning, could not be delivered. */
static void op_send_failed(void)
{
	unsigned what = next_byte(), n = fuzz.n_outputs < OUTPUTS ? fuzz.n_outputs : OUTPUTS;
	static struct kept kept;

	if (!n)
		return;
	kept = fuzz.outputs[(fuzz.n_outputs - 1 - what / 4 % n) % OUTPUTS];
	feed(&(struct node_event){.kind = NODE_EVENT_SEND_FAILED,
				  .peer = kept.peer,
				  .local = kept.local,
				  .bytes = {kept.bytes, what & 2 ? kept.len / 2 : kept.len}});
}

static void op_edit(void)
{
	fuzz.edits = 1 + next_byte() % 4;
}

static void op_raw(void)
{
	struct endpoint peer = {.family = 4, .ip = {127, 0, 0, 1}, .port = UE_PORT};
	struct text bytes = next_bytes(255);

	memcpy(fuzz.buffer, bytes.at, bytes.len);
	feed_message(&peer, 0, bytes.len);
}

/* A registration at the S-CSCF, or the operator ends one. */
static void op_register(void)
{
	struct endpoint peer = {.family = 4, .ip = {127, 0, 0, 1}, .port = UE_PORT};
	struct text_writer w = text_writer_on(fuzz.buffer, sizeof(fuzz.buffer));
	unsigned how = next_byte();
	const char *user = users[how & 3];
	char aor[40];

	snprintf(aor, sizeof(aor), "sip:%s@ims.example", user);
	if (how & 4) {
		node_deregister(fuzz.node, fuzz.now_ms, text_of(aor), (struct text){0});
		empty();
		return;
	}
	text_printf(&w,
		    "REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;"
		    "branch=z9hG4bKr%u\r\nMax-Forwards: 70\r\nFrom: <%s>;tag=r\r\nTo: <%s>\r\n"
		    "Call-ID: r%u\r\nCSeq: %u REGISTER\r\nContact: <sip:party@127.0.0.1:%u>\r\n"
		    "Expires: %u\r\nContent-Length: 0\r\n\r\n",
		    UE_PORT, fuzz.n_inputs, aor, aor, how & 3, fuzz.n_inputs, UE_PORT,
		    how & 8 ? 0 : 600);
	feed_message(&peer, how & 16 ? 0 : AT_S_CSCF, w.len);
}

/* ------------------------------------------------------------------ settings */

static struct sccas_users *open_users(bool without_alice)
{
	static const struct text identities[] = {TEXT("sip:alice@ims.example"),
						 TEXT("sip:carol@ims.example")};
	struct sccas_users *set = sccas_users_open();

	if (!set ||
	    (!without_alice &&
	     sccas_users_add(set, TEXT("+491711000001"), TEXT("alice@ims.example"), &identities[0],
			     1) != SCCAS_USERS_DONE) ||
	    sccas_users_add(set, TEXT("+491711000002"), TEXT("carol@ims.example"), &identities[1],
			    1) != SCCAS_USERS_DONE)
		finding("a user cannot be added");
	return set;
}

static void set_sccas(struct sccas_settings *s, unsigned how)
{
	*s = sccas_settings_default();
	s->bye_hold_ms = how & 1 ? 0 : 8000;
	s->source_release_delay_ms = how & 2 ? 0 : 8000;
	s->hold_early = !(how & 4); /* else its code would hardly be reached */
	s->hold_only_if_eligible = !(how & 8);
	s->alerting = s->pre_alerting = !(how & 16);
	s->mid_call = !(how & 32);
	s->stn_sr[0] = TEXT("+4916000001");
	s->n_stn_sr = how & 128 ? 0 : 1;
	s->atu_sti[0] = TEXT("sip:atu-sti@127.0.0.1:5070");
	s->n_atu_sti = 1;
	s->additional_session = TEXT("sip:additional@127.0.0.1:5070");
	s->users = fuzz.users;
}

/* As after SIGHUP: all of the old is closed at once. */
static void op_settings(void)
{
	unsigned how = next_byte();
	struct sccas_users *old = fuzz.users;
	struct node_settings *next = &fuzz.settings[1 - fuzz.in_use];

	fuzz.users = open_users(how & 64);
	*next = fuzz.settings[fuzz.in_use];
	set_sccas(&next->sccas, how);
	node_set_settings(fuzz.node, next);
	fuzz.in_use = 1 - fuzz.in_use;
	memset(&fuzz.settings[1 - fuzz.in_use].sccas, 0, sizeof(next->sccas));
	sccas_users_close(old);
}

/* ------------------------------------------------------------------ what the operator sees */

static void check_report(const struct node_session_report *report)
{
	struct text_writer w = text_writer_on(fuzz.drawing, sizeof(fuzz.drawing));
	struct node_session_report again;
	struct node_session_id id;
	char name[16];

	ladder_put(&w, report, 0);
	ladder_put_why(&w, report, fuzz.now_ms);
	if (!w.len)
		finding("a session cannot be drawn");
	for (unsigned leg = 0; leg < 4; leg++)
		if (!node_leg_name(report, leg, name, sizeof(name)))
			finding("leg %u has no name", leg);
	if (!node_session(fuzz.node, &report->id, &again) || again.state != report->state)
		finding("a session is not found by its number");
	if (!node_session_by_call_id(fuzz.node, report->call_id, &id))
		finding("a session is not found by its Call-ID %.*s", TEXT_ARGS(report->call_id));
	for (unsigned leg = 0; report->is_anchored && leg < ANCHORED_LEGS; leg++)
		if (report->state != SESSION_ENDED && report->legs[leg].call_id.len &&
		    !node_session_by_call_id(fuzz.node, report->legs[leg].call_id, &id))
			finding("a session is not found by the Call-ID of its leg %u: %.*s", leg,
				TEXT_ARGS(report->legs[leg].call_id));
	if (report->is_anchored) {
		fuzz.states[report->transfer.state % 16]++;
		fuzz.verdicts[report->transfer.verdict % 8]++;
	}
}

static void look_at_sessions(enum node_which which)
{
	static struct node_session_report report;
	uint64_t cursor = 0;

	while (node_sessions(fuzz.node, which, (struct text){0}, 100, &cursor, &report))
		if (handle_is_set(report.id.handle))
			check_report(&report);
}

static void op_look(void)
{
	look_at_sessions(NODE_GONE);
}

/* ------------------------------------------------------------------ the end */

static void release_everything(void)
{
	uint32_t number;

	if (node_release(fuzz.node, fuzz.now_ms,
			 &(struct node_release_order){.selector = NODE_SELECT_ALL,
						      .sessions_per_s = 10000},
			 &number) == NODE_RELEASE_BUSY) {
		run_until(fuzz.now_ms + 400000);
		node_release(fuzz.node, fuzz.now_ms,
			     &(struct node_release_order){.selector = NODE_SELECT_ALL,
							  .sessions_per_s = 10000},
			     &number);
	}
	run_until(fuzz.now_ms + 400000);
}

static void check_all_answered(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (fuzz.asked[i].run == fuzz.run && fuzz.asked[i].is_invite &&
		    !fuzz.asked[i].is_again && !fuzz.asked[i].final_status && !was_full())
			finding("an INVITE never got a final response");
}

static void check_nothing_left(void)
{
	const struct node_counters *c = node_counters(fuzz.node);

#define ZERO(gauge)                                                                                \
	if (c->gauge)                                                                              \
		finding("%llu " #gauge " are left", (unsigned long long)c->gauge);
	ZERO(sessions)
	ZERO(sessions_confirmed)
	ZERO(sessions_releasing)
	ZERO(sessions_anchored)
	ZERO(dialogs)
	ZERO(server_transactions)
	ZERO(client_transactions)
	ZERO(message_blocks)
#undef ZERO
	if (c->timers > c->bindings + c->subscriptions)
		finding("%llu timers for %llu bindings are left", (unsigned long long)c->timers,
			(unsigned long long)c->bindings);
	if (c->sessions_begun != c->sessions_ended)
		finding("%llu sessions begun, %llu ended", (unsigned long long)c->sessions_begun,
			(unsigned long long)c->sessions_ended);
	if (c->holds != c->holds_kept + c->holds_released)
		fuzz.clauses[0]++;
}

static void note_counters(void)
{
	const struct node_counters *c = node_counters(fuzz.node);

	for (unsigned i = 1; i < N_CLAUSES; i++)
		fuzz.clauses[i] += c->clauses[i];
	fuzz.transfers += c->transfers;
	fuzz.holds += c->holds;
	fuzz.holds_kept += c->holds_kept;
	fuzz.sessions += c->sessions_begun;
	fuzz.answered += c->sessions_answered;
}

/* With ADIEU_FUZZ_STATES set: what was reached. */
static void tell_states(void)
{
	fprintf(stderr,
		"states: sessions %llu, answered %llu, transfers %llu, holds %llu, kept %llu\n",
		(unsigned long long)fuzz.sessions, (unsigned long long)fuzz.answered,
		(unsigned long long)fuzz.transfers, (unsigned long long)fuzz.holds,
		(unsigned long long)fuzz.holds_kept);
	for (unsigned i = 0; i <= TRANSFER_RESTORING_TARGET; i++)
		fprintf(stderr, "state %s: %llu\n", transfer_state_name((enum transfer_state)i),
			(unsigned long long)fuzz.states[i]);
	for (unsigned i = 0; i <= VERDICT_RETURNED; i++)
		fprintf(stderr, "verdict %s: %llu\n", node_verdict_name((enum transfer_verdict)i),
			(unsigned long long)fuzz.verdicts[i]);
	for (unsigned i = 0; i < N_CLAUSES; i++)
		fprintf(stderr, "clause %u: %llu\n", i, (unsigned long long)fuzz.clauses[i]);
}

static void open_node(void)
{
	static const struct endpoint here = {.family = 4, .ip = {127, 0, 0, 1}, .port = SCCAS_PORT};
	unsigned how = next_byte();
	struct node_settings *s = &fuzz.settings[0];

	fuzz.run++;
	fuzz.now_ms = WORLD_BEGINS;
	fuzz.n_outputs = fuzz.n_inputs = fuzz.n_followed = fuzz.n_parties = fuzz.n_calls = 0;
	fuzz.edits = fuzz.in_use = 0;
	fuzz.users = open_users(how & 64);
	*s = node_settings_default();
	s->listen[0] = s->listen[1] = s->listen[AT_S_CSCF] = here;
	s->listen[1].transport = TRANSPORT_TCP;
	s->listen[AT_S_CSCF].port = S_CSCF_PORT;
	s->n_listen = N_LISTEN;
	s->listen_sccas = 3;
	s->stream_above_bytes = 0;
	s->domains[0] = TEXT("ims.example");
	s->n_domains = 1;
	s->trusted[0] = (struct node_prefix){{.family = 4, .ip = {127}}, 8};
	s->n_trusted = 1;
	set_sccas(&s->sccas, how);
	how = next_byte();
	s->sessions_max = how & 1 ? 2 : 24;
	s->transactions_max = how & 2 ? 8 : 300;
	s->ended_sessions_max = how & 4 ? 2 : 24;
	s->bindings_max = 4;
	s->nonces_max = s->subscriptions_max = 4;
	s->log_level = NODE_LOG_DEBUG;
	s->n_shards = 1;
	fuzz.settings[1] = *s;
	fuzz.node = node_open(s, 1, 2, fuzz.now_ms);
	if (!fuzz.node)
		finding("out of memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const operations[32])(void) = {
		op_call,     op_transfer, op_request, op_answer, op_ack,     op_prack,
		op_cancel,   op_replay,   op_time,    op_follow, op_order,   op_send_failed,
		op_settings, op_register, op_edit,    op_raw,    op_look,    op_ignore,
		op_call,     op_transfer, op_request, op_answer, op_request, op_answer,
		op_time,     op_follow,   op_follow,  op_answer, op_request, op_follow,
		op_time,     op_transfer};

	if (size > 4096)
		return -1;
	if (!fuzz.run && getenv("ADIEU_FUZZ_STATES"))
		atexit(tell_states);
	fuzz.at = data;
	fuzz.end = data + size;
	open_node();
	while (fuzz.at < fuzz.end) {
		operations[next_byte() % 32]();
		look_at_sessions(NODE_LIVE);
	}
	run_until(fuzz.now_ms + 200000);
	look_at_sessions(NODE_LIVE);
	release_everything();
	look_at_sessions(NODE_GONE);
	check_nothing_left();
	check_all_answered();
	note_counters();
	node_close(fuzz.node);
	sccas_users_close(fuzz.users);
	return 0;
}
