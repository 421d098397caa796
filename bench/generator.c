/*
 * The load of the benchmark: caller and callee of many calls in one process and one thread, over
 * UDP, each call started at its own moment of a fixed rate. See README.md.
 *
 *   call   INVITE 180 200 ACK BYE 200 for every call, then the figures
 *   hold   the calls are set up and kept; `ready` is printed and a command read from stdin:
 *          bye (the caller ends them), wait-bye (the network ends them), quit
 *
 * It sends nothing twice. A call without an answer in time is lost, and anything the server sends
 * a second time is counted, so that a run that paid for retransmissions can be thrown away.
 */
#include "udp_socket.h"

#include <getopt.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_CALLS = 1000000,
	MAX_VIAS = 8,
	MAX_RECORD_ROUTES = 8,
	MAX_TARGET = 128,
	MAX_ROUTES = 512,
	CALL_ID_DIGITS = 8,
	LATE_MS = 5,      /* further behind its timetable than this, the generator shifts it */
	LINGER_MS = 1200, /* after the last BYE: time for a server to repeat one twice (T1, 2*T1) */
	COMMAND_SIZE = 64,
};

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* What has passed through a call. Each may pass once; the second time is a retransmission. */
enum seen {
	SEEN_100 = 1 << 0,        /* at the caller */
	SEEN_180 = 1 << 1,        /* at the caller */
	SEEN_200_INVITE = 1 << 2, /* at the caller */
	SEEN_200_BYE = 1 << 3,    /* at the caller */
	SEEN_BYE_CALLER = 1 << 4, /* at the caller, from the network */
	SEEN_INVITE = 1 << 5,     /* at the callee */
	SEEN_ACK = 1 << 6,        /* at the callee */
	SEEN_BYE_CALLEE = 1 << 7, /* at the callee, from the caller or from the network */
};

enum call_state { CALL_NEW, CALL_INVITED, CALL_UP, CALL_ENDING, CALL_DONE, CALL_FAILED };

struct call {
	uint64_t asked_ns; /* when the INVITE, later the BYE, was sent */
	uint64_t up_ns;
	uint32_t invite_branch; /* hashes of the top Via's branch, to tell a repeated request */
	uint32_t ack_branch;
	uint32_t bye_branch[2]; /* at the caller, at the callee */
	uint32_t setup_us;
	uint16_t seen;
	uint8_t state;
	uint8_t target_length;
	uint16_t routes_length;
	char target[MAX_TARGET]; /* the callee's Contact as the caller got it */
	char routes[MAX_ROUTES]; /* ready "Route: ...\r\n" lines of the caller */
};

struct view {
	const char *at;
	size_t length;
};

enum method { METHOD_OTHER, METHOD_INVITE, METHOD_ACK, METHOD_BYE };

/* One received message; everything points into the datagram. */
struct message {
	unsigned status;    /* 0: a request */
	enum method method; /* of the request line, or of the CSeq of a response */
	uint32_t cseq;
	struct view request_uri;
	struct view from, to, call_id, cseq_value, contact;
	struct view via[MAX_VIAS];
	struct view record_route[MAX_RECORD_ROUTES];
	unsigned via_count;
	unsigned record_route_count;
};

/* One end of all the calls: a socket connected to the proxy, and datagrams waiting to be sent. */
struct side {
	int fd;
	char host_port[32];
	unsigned out_count;
	struct mmsghdr out[UDP_BATCH];
	struct iovec out_part[UDP_BATCH];
	char out_bytes[UDP_BATCH][UDP_DATAGRAM_SIZE];
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_part[UDP_BATCH];
	char in_bytes[UDP_BATCH][UDP_DATAGRAM_SIZE];
};

enum phase { PHASE_SETUP, PHASE_HOLDING, PHASE_HANGING_UP, PHASE_WAITING_BYE, PHASE_OVER };

struct generator {
	/* what was asked for */
	bool hold_mode;
	bool no_record_route;
	uint64_t tick_ns; /* 0: awake at every arrival */
	uint32_t calls;
	uint64_t interval_ns;
	uint64_t hold_ns;
	uint64_t timeout_ns;
	uint64_t wait_ns;
	/* the run */
	enum phase phase;
	struct side caller;
	struct side callee;
	struct call *call;
	char call_id_suffix[32]; /* behind the index; new in every run, so no run meets old state */
	uint64_t now_ns;
	uint64_t next_due_ns;    /* next INVITE, or in PHASE_HANGING_UP the next BYE */
	uint32_t started;        /* INVITEs sent */
	uint32_t hung_up;        /* in PHASE_HANGING_UP: calls asked to end */
	uint32_t settled;        /* all calls below this one need no watching in this phase */
	uint32_t *answered;      /* queue of calls held for --hold, in the order of their answers */
	uint32_t answered_count; /* ... its end */
	uint32_t ended_count;    /* ... its begin */
	uint64_t first_ns, last_ns, over_ns;
	uint64_t first_bye_ns, last_bye_ns, waiting_since_ns;
	int input; /* stdin once commands are expected, else -1 */
	/* the counters */
	uint64_t retransmissions, unexpected, bye_retransmissions;
	uint64_t byes_caller, byes_callee;
	uint32_t held;
	bool awaited_byes;
};

/* --- text ------------------------------------------------------------------------------------ */

struct text {
	char *at;
	size_t length;
	size_t size;
};

static void text_add(struct text *t, const char *at, size_t length)
{
	if (length > t->size - t->length) {
		fputs("a message became longer than a datagram of this program\n", stderr);
		exit(1);
	}
	memcpy(t->at + t->length, at, length);
	t->length += length;
}

static void text_add_string(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

static void text_add_view(struct text *t, struct view v)
{
	text_add(t, v.at, v.length);
}

static void text_add_number(struct text *t, uint32_t number)
{
	char digits[CALL_ID_DIGITS];
	for (int i = CALL_ID_DIGITS - 1; i >= 0; i--, number >>= 4)
		digits[i] = "0123456789abcdef"[number & 15];
	text_add(t, digits, sizeof(digits));
}

static void text_add_header(struct text *t, const char *name, struct view value)
{
	text_add_string(t, name);
	text_add_view(t, value);
	text_add(t, "\r\n", 2);
}

static bool view_begins(struct view v, const char *prefix)
{
	size_t length = strlen(prefix);
	return v.length >= length && memcmp(v.at, prefix, length) == 0;
}

static struct view view_from(struct view v, size_t begin)
{
	return (struct view){v.at + begin, v.length - begin};
}

static uint32_t view_hash(struct view v)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < v.length; i++)
		hash = (hash ^ (uint8_t)v.at[i]) * 16777619u;
	return hash != 0 ? hash : 1; /* 0 stands for "none yet" */
}

/* The value of `;name=` in a header field, up to the next delimiter; empty when there is none. */
static struct view view_parameter(struct view v, const char *name)
{
	size_t length = strlen(name);
	const char *found = memmem(v.at, v.length, name, length);
	if (found == NULL)
		return (struct view){v.at, 0};
	struct view rest = view_from(v, (size_t)(found - v.at) + length);
	for (size_t i = 0; i < rest.length; i++)
		if (strchr(";, \t", rest.at[i]) != NULL)
			rest.length = i;
	return rest;
}

static bool view_equals_tag(struct view header, char prefix, uint32_t index)
{
	struct view tag = view_parameter(header, ";tag=");
	char expected[1 + CALL_ID_DIGITS];
	struct text t = {expected, 0, sizeof(expected)};
	text_add(&t, &prefix, 1);
	text_add_number(&t, index);
	return tag.length == t.length && memcmp(tag.at, expected, t.length) == 0;
}

/* --- messages in ----------------------------------------------------------------------------- */

/* Cuts the next line off `rest`. False at the empty line and at the end. */
static bool message_next_line(struct view *rest, struct view *ret_line)
{
	const char *newline = memchr(rest->at, '\n', rest->length);
	if (newline == NULL)
		return false;
	size_t length = (size_t)(newline - rest->at);
	*ret_line = (struct view){rest->at, length};
	if (length > 0 && newline[-1] == '\r')
		ret_line->length--;
	*rest = view_from(*rest, length + 1);
	return ret_line->length > 0;
}

static enum method message_method(struct view name)
{
	if (view_begins(name, "INVITE"))
		return METHOD_INVITE;
	if (view_begins(name, "ACK"))
		return METHOD_ACK;
	return view_begins(name, "BYE") ? METHOD_BYE : METHOD_OTHER;
}

static bool message_read_first_line(struct view line, struct message *m)
{
	if (view_begins(line, "SIP/2.0 ")) {
		m->status = (unsigned)strtoul(line.at + 8, NULL, 10);
		return m->status >= 100 && m->status <= 699;
	}
	const char *space = memchr(line.at, ' ', line.length);
	if (space == NULL)
		return false;
	m->method = message_method(line);
	m->request_uri = view_from(line, (size_t)(space + 1 - line.at));
	const char *end = memchr(m->request_uri.at, ' ', m->request_uri.length);
	if (end == NULL)
		return false;
	m->request_uri.length = (size_t)(end - m->request_uri.at);
	return true;
}

static void message_read_cseq(struct message *m, struct view value)
{
	char *end;
	m->cseq_value = value;
	m->cseq = (uint32_t)strtoul(value.at, &end, 10);
	while (*end == ' ')
		end++;
	if (m->status != 0)
		m->method = message_method(view_from(value, (size_t)(end - value.at)));
}

/* Long and compact names (RFC 3261 §7.3.3). Folded lines do not come: no server here folds. */
static void message_read_header(struct message *m, struct view name, struct view value)
{
	switch (name.length << 8 | (size_t)(name.at[0] | 0x20)) {
	case 3 << 8 | 'v':
	case 1 << 8 | 'v':
		if (m->via_count < MAX_VIAS)
			m->via[m->via_count++] = value;
		break;
	case 12 << 8 | 'r':
		if (strncasecmp(name.at, "record-route", name.length) == 0 &&
		    m->record_route_count < MAX_RECORD_ROUTES)
			m->record_route[m->record_route_count++] = value;
		break;
	case 4 << 8 | 'f':
	case 1 << 8 | 'f': m->from = value; break;
	case 2 << 8 | 't':
	case 1 << 8 | 't': m->to = value; break;
	case 7 << 8 | 'c':
		if (strncasecmp(name.at, "contact", name.length) == 0)
			m->contact = value;
		else if (strncasecmp(name.at, "call-id", name.length) == 0)
			m->call_id = value;
		break;
	case 1 << 8 | 'm': m->contact = value; break;
	case 1 << 8 | 'i': m->call_id = value; break;
	case 4 << 8 | 'c': message_read_cseq(m, value); break;
	default: break;
	}
}

static bool message_read(struct view datagram, struct message *m)
{
	struct view line;
	memset(m, 0, sizeof(*m));
	if (!message_next_line(&datagram, &line) || !message_read_first_line(line, m))
		return false;
	while (message_next_line(&datagram, &line)) {
		const char *colon = memchr(line.at, ':', line.length);
		if (colon == NULL || colon == line.at)
			return false;
		struct view name = {line.at, (size_t)(colon - line.at)};
		struct view value = view_from(line, name.length + 1);
		while (value.length > 0 && value.at[0] == ' ')
			value = view_from(value, 1);
		while (name.length > 1 && name.at[name.length - 1] == ' ')
			name.length--;
		message_read_header(m, name, value);
	}
	return m->via_count > 0 && m->from.length > 0 && m->to.length > 0 &&
	       m->call_id.length > 0 && m->cseq_value.length > 0;
}

/* --- messages out ---------------------------------------------------------------------------- */

static void side_flush(struct side *s)
{
	for (unsigned done = 0; done < s->out_count;) {
		int sent = sendmmsg(s->fd, &s->out[done], s->out_count - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR)
			done++; /* nobody listens: the call will be found lost */
	}
	s->out_count = 0;
}

static struct text side_begin_message(struct side *s)
{
	if (s->out_count == UDP_BATCH)
		side_flush(s);
	return (struct text){s->out_bytes[s->out_count], 0, UDP_DATAGRAM_SIZE};
}

static void side_end_message(struct side *s, const struct text *t)
{
	s->out_part[s->out_count] = (struct iovec){t->at, t->length};
	s->out[s->out_count].msg_hdr =
		(struct msghdr){.msg_iov = &s->out_part[s->out_count], .msg_iovlen = 1};
	s->out_count++;
}

static uint32_t call_index(const struct generator *g, const struct call *c)
{
	return (uint32_t)(c - g->call);
}

static void add_via(struct generator *g, struct text *t, char method, uint32_t index)
{
	text_add_string(t, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	text_add_string(t, g->caller.host_port);
	text_add_string(t, ";branch=z9hG4bK");
	text_add(t, &method, 1);
	text_add_number(t, index);
	text_add_string(t, g->call_id_suffix);
	text_add(t, "\r\n", 2);
}

static void add_identity(struct generator *g, struct text *t, uint32_t index, const char *to_tag)
{
	text_add_string(t, "From: Alice <sip:alice@ims.example>;tag=c");
	text_add_number(t, index);
	text_add_string(t, "\r\nTo: Bob <sip:bob@ims.example>");
	text_add_string(t, to_tag);
	if (to_tag[0] != '\0')
		text_add_number(t, index);
	text_add_string(t, "\r\nCall-ID: ");
	text_add_number(t, index);
	text_add_string(t, g->call_id_suffix);
	text_add(t, "\r\n", 2);
}

static void caller_send_invite(struct generator *g, uint32_t index)
{
	static const char body[] = "v=0\r\n"
				   "o=alice 2890844526 2890844526 IN IP4 127.0.0.1\r\n"
				   "s=-\r\n"
				   "c=IN IP4 127.0.0.1\r\n"
				   "t=0 0\r\n"
				   "m=audio 6000 RTP/AVP 0\r\n"
				   "a=rtpmap:0 PCMU/8000\r\n";
	char length[64];
	struct text t = side_begin_message(&g->caller);
	text_add_string(&t, "INVITE sip:bob@ims.example");
	add_via(g, &t, 'i', index);
	add_identity(g, &t, index, "");
	text_add_string(&t, "CSeq: 1 INVITE\r\nContact: <sip:alice@");
	text_add_string(&t, g->caller.host_port);
	text_add_string(&t, ">\r\nMax-Forwards: 70\r\nSubject: Bench\r\n"
			    "Content-Type: application/sdp\r\n");
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", sizeof(body) - 1);
	text_add_string(&t, length);
	text_add(&t, body, sizeof(body) - 1);
	side_end_message(&g->caller, &t);
}

/* ACK and BYE inside the dialog: to the callee's Contact by way of the route set. The datagram goes
 * to the proxy, which is where every route set of this bench begins. */
static void caller_send_in_dialog(struct generator *g, struct call *c, const char *method,
				  const char *cseq)
{
	struct text t = side_begin_message(&g->caller);
	text_add_string(&t, method);
	text_add(&t, " ", 1);
	text_add(&t, c->target, c->target_length);
	add_via(g, &t, (char)(method[0] | 0x20), call_index(g, c));
	text_add(&t, c->routes, c->routes_length);
	add_identity(g, &t, call_index(g, c), ";tag=s");
	text_add_string(&t, "CSeq: ");
	text_add_string(&t, cseq);
	text_add_string(&t, "\r\nContact: <sip:alice@");
	text_add_string(&t, g->caller.host_port);
	text_add_string(&t, ">\r\nMax-Forwards: 70\r\nSubject: Bench\r\nContent-Length: 0\r\n\r\n");
	side_end_message(&g->caller, &t);
}

/* The ACK of a refusal belongs to the INVITE's transaction: same branch (RFC 3261 §17.1.1.3). */
static void caller_ack_refusal(struct generator *g, struct call *c, const struct message *m)
{
	struct text t = side_begin_message(&g->caller);
	text_add_string(&t, "ACK sip:bob@ims.example");
	add_via(g, &t, 'i', call_index(g, c));
	text_add_header(&t, "From: ", m->from);
	text_add_header(&t, "To: ", m->to);
	text_add_header(&t, "Call-ID: ", m->call_id);
	text_add_string(&t, "CSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
	side_end_message(&g->caller, &t);
}

/* A response by RFC 3261 §8.2.6: the request's own header fields come back. `contact` says that it
 * makes a dialog: then Record-Route comes back too, and the To gets our tag. */
static void side_answer(struct side *s, const struct message *m, const char *status,
			const char *contact, uint32_t index)
{
	struct text t = side_begin_message(s);
	text_add_string(&t, "SIP/2.0 ");
	text_add_string(&t, status);
	text_add(&t, "\r\n", 2);
	for (unsigned i = 0; i < m->via_count; i++)
		text_add_header(&t, "Via: ", m->via[i]);
	for (unsigned i = 0; contact != NULL && i < m->record_route_count; i++)
		text_add_header(&t, "Record-Route: ", m->record_route[i]);
	text_add_header(&t, "From: ", m->from);
	text_add_string(&t, "To: ");
	text_add_view(&t, m->to);
	if (contact != NULL) {
		text_add_string(&t, ";tag=s");
		text_add_number(&t, index);
	}
	text_add_string(&t, "\r\n");
	text_add_header(&t, "Call-ID: ", m->call_id);
	text_add_header(&t, "CSeq: ", m->cseq_value);
	if (contact != NULL) {
		text_add_string(&t, "Contact: <sip:bob@");
		text_add_string(&t, contact);
		text_add_string(&t, ">\r\n");
	}
	text_add_string(&t, "Content-Length: 0\r\n\r\n");
	side_end_message(s, &t);
}

static void side_answer_invite(struct side *s, const struct message *m, uint32_t index)
{
	static const char body[] = "v=0\r\n"
				   "o=bob 2890844730 2890844730 IN IP4 127.0.0.1\r\n"
				   "s=-\r\n"
				   "c=IN IP4 127.0.0.1\r\n"
				   "t=0 0\r\n"
				   "m=audio 6002 RTP/AVP 0\r\n"
				   "a=rtpmap:0 PCMU/8000\r\n";
	static const char no_body[] = "Content-Length: 0\r\n\r\n";
	char head[96];
	side_answer(s, m, "180 Ringing", s->host_port, index);
	side_answer(s, m, "200 OK", s->host_port, index);
	struct iovec *part = &s->out_part[s->out_count - 1];
	struct text t = {part->iov_base, part->iov_len - (sizeof(no_body) - 1), UDP_DATAGRAM_SIZE};
	snprintf(head, sizeof(head), "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n",
		 sizeof(body) - 1);
	text_add_string(&t, head);
	text_add(&t, body, sizeof(body) - 1);
	part->iov_len = t.length;
}

/* --- calls ----------------------------------------------------------------------------------- */

static struct call *call_find(struct generator *g, const struct message *m)
{
	uint32_t index = 0;
	if (m->call_id.length < CALL_ID_DIGITS)
		return NULL;
	for (unsigned i = 0; i < CALL_ID_DIGITS; i++) {
		char digit = m->call_id.at[i];
		if (digit >= '0' && digit <= '9')
			index = index << 4 | (uint32_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			index = index << 4 | (uint32_t)(digit - 'a' + 10);
		else
			return NULL;
	}
	struct view suffix = view_from(m->call_id, CALL_ID_DIGITS);
	size_t length = strlen(g->call_id_suffix);
	if (index >= g->started || suffix.length != length ||
	    memcmp(suffix.at, g->call_id_suffix, length) != 0)
		return NULL;
	return &g->call[index];
}

/* True the first time; else a retransmission is counted. */
static bool call_first_time(struct generator *g, struct call *c, enum seen what)
{
	bool first = (c->seen & what) == 0;
	c->seen |= (uint16_t)what;
	g->retransmissions += !first;
	return first;
}

/* True the first time; a second request with the same branch is a retransmission, with another
 * branch it is a request that must not exist. */
static bool call_first_request(struct generator *g, struct call *c, enum seen what,
			       uint32_t *branch, const struct message *m)
{
	uint32_t hash = view_hash(view_parameter(m->via[0], ";branch="));
	if ((c->seen & what) == 0) {
		c->seen |= (uint16_t)what;
		*branch = hash;
		return true;
	}
	if (*branch == hash)
		g->retransmissions++;
	else
		g->unexpected++;
	return false;
}

/* Splits Record-Route values at the commas between their <...>; false when there are too many. */
static bool split_routes(const struct message *m, struct view *routes, unsigned *ret_count)
{
	unsigned count = 0;
	for (unsigned i = 0; i < m->record_route_count; i++) {
		struct view rest = m->record_route[i];
		bool inside = false;
		size_t begin = 0;
		for (size_t k = 0; k <= rest.length; k++) {
			if (k < rest.length && (rest.at[k] == '<' || rest.at[k] == '>'))
				inside = rest.at[k] == '<';
			if (k < rest.length && (inside || rest.at[k] != ','))
				continue;
			if (count == MAX_RECORD_ROUTES)
				return false;
			routes[count++] = (struct view){rest.at + begin, k - begin};
			begin = k + 1;
		}
	}
	*ret_count = count;
	return true;
}

/* The caller's half of the dialog from the 200 (RFC 3261 §12.1.2): remote target, and the
 * Record-Route values from the last to the first. */
static bool call_learn_dialog(struct generator *g, struct call *c, const struct message *m)
{
	struct view routes[MAX_RECORD_ROUTES], target = m->contact;
	unsigned count;
	const char *open = memchr(target.at, '<', target.length);
	if (open != NULL)
		target = view_from(target, (size_t)(open + 1 - target.at));
	for (size_t i = 0; i < target.length; i++)
		if (target.at[i] == (open != NULL ? '>' : ';'))
			target.length = i;
	if (target.length == 0 || target.length > MAX_TARGET || !split_routes(m, routes, &count))
		return false;
	memcpy(c->target, target.at, target.length);
	c->target_length = (uint8_t)target.length;
	struct text t = {c->routes, 0, MAX_ROUTES};
	while (count > 0)
		text_add_header(&t, "Route: ", routes[--count]);
	c->routes_length = (uint16_t)t.length;
	return (t.length == 0) == g->no_record_route;
}

static void call_fail(struct call *c)
{
	c->state = CALL_FAILED;
}

static void call_hang_up(struct generator *g, struct call *c)
{
	if (c->state != CALL_UP)
		return; /* the network was faster, or it never came up */
	c->state = CALL_ENDING;
	c->asked_ns = g->now_ns;
	caller_send_in_dialog(g, c, "BYE", "2 BYE");
}

static void call_answered(struct generator *g, struct call *c, const struct message *m)
{
	if (!call_learn_dialog(g, c, m) || !view_equals_tag(m->to, 's', call_index(g, c))) {
		g->unexpected++;
		call_fail(c);
		return;
	}
	c->state = CALL_UP;
	c->up_ns = g->now_ns;
	c->setup_us = (uint32_t)((g->now_ns - c->asked_ns) / 1000);
	caller_send_in_dialog(g, c, "ACK", "1 ACK");
	if (g->hold_mode)
		return;
	if (g->hold_ns == 0)
		call_hang_up(g, c);
	else
		g->answered[g->answered_count++] = call_index(g, c);
}

static void caller_take_invite_response(struct generator *g, struct call *c,
					const struct message *m)
{
	if (m->status < 200) {
		call_first_time(g, c, m->status == 100 ? SEEN_100 : SEEN_180);
	} else if (m->status >= 300) {
		caller_ack_refusal(g, c, m);
		call_fail(c);
	} else if (call_first_time(g, c, SEEN_200_INVITE)) {
		if (c->state == CALL_INVITED)
			call_answered(g, c, m);
		else
			g->unexpected++; /* after its time */
	}
}

static void caller_take_bye_response(struct generator *g, struct call *c, const struct message *m)
{
	if (m->status < 200)
		return;
	if (!call_first_time(g, c, SEEN_200_BYE))
		return;
	if (c->state == CALL_ENDING && m->status == 200)
		c->state = CALL_DONE;
	else
		g->unexpected++;
}

/* A BYE is right when the tags are those of the dialog as the receiver sees it, when it is sent to
 * the receiver's Contact, and when its CSeq is above what that side has seen before. */
static bool bye_is_right(struct generator *g, struct call *c, const struct message *m,
			 bool at_caller)
{
	uint32_t index = call_index(g, c);
	const struct side *s = at_caller ? &g->caller : &g->callee;
	return view_equals_tag(m->from, at_caller ? 's' : 'c', index) &&
	       view_equals_tag(m->to, at_caller ? 'c' : 's', index) &&
	       m->cseq > (at_caller ? 0 : 1) &&
	       memmem(m->request_uri.at, m->request_uri.length, s->host_port,
		      strlen(s->host_port)) != NULL;
}

static void side_take_bye(struct generator *g, struct call *c, const struct message *m,
			  bool at_caller)
{
	struct side *s = at_caller ? &g->caller : &g->callee;
	enum seen what = at_caller ? SEEN_BYE_CALLER : SEEN_BYE_CALLEE;
	if (!bye_is_right(g, c, m, at_caller)) {
		g->unexpected++;
		side_answer(s, m, "481 Call/Transaction Does Not Exist", NULL, 0);
		return;
	}
	uint64_t repeated = g->retransmissions;
	if (call_first_request(g, c, what, &c->bye_branch[!at_caller], m)) {
		g->byes_caller += at_caller;
		g->byes_callee += !at_caller;
		if (g->first_bye_ns == 0)
			g->first_bye_ns = g->now_ns;
		g->last_bye_ns = g->now_ns;
		if (at_caller && c->state == CALL_UP)
			c->state = CALL_DONE;
	}
	g->bye_retransmissions += g->retransmissions - repeated;
	side_answer(s, m, "200 OK", NULL, 0); /* a repeated one too, or it would never stop */
}

static void caller_take(struct generator *g, const struct message *m)
{
	struct call *c = call_find(g, m);
	if (m->status == 0 && m->method == METHOD_BYE && c != NULL) {
		side_take_bye(g, c, m, true);
	} else if (m->status == 0) {
		g->unexpected++;
		if (m->method == METHOD_BYE)
			side_answer(&g->caller, m, "481 Call/Transaction Does Not Exist", NULL, 0);
	} else if (c != NULL && m->method == METHOD_INVITE) {
		caller_take_invite_response(g, c, m);
	} else if (c != NULL && m->method == METHOD_BYE) {
		caller_take_bye_response(g, c, m);
	} else {
		g->unexpected++;
	}
}

static void callee_take(struct generator *g, const struct message *m)
{
	struct call *c = call_find(g, m);
	if (m->status != 0 || c == NULL) {
		g->unexpected++;
		if (m->status == 0 && m->method == METHOD_BYE)
			side_answer(&g->callee, m, "481 Call/Transaction Does Not Exist", NULL, 0);
		return;
	}
	switch (m->method) {
	case METHOD_INVITE:
		if (call_first_request(g, c, SEEN_INVITE, &c->invite_branch, m))
			side_answer_invite(&g->callee, m, call_index(g, c));
		break;
	case METHOD_ACK: call_first_request(g, c, SEEN_ACK, &c->ack_branch, m); break;
	case METHOD_BYE: side_take_bye(g, c, m, false); break;
	default: g->unexpected++; break;
	}
}

/* --- the run --------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static unsigned side_receive(struct generator *g, struct side *s,
			     void (*take)(struct generator *, const struct message *))
{
	int count = recvmmsg(s->fd, s->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct message m;
		struct view datagram = {s->in_bytes[i], s->in[i].msg_len};
		s->in_bytes[i][s->in[i].msg_len] = '\0'; /* an end for strtoul */
		if (message_read(datagram, &m))
			take(g, &m);
		else
			g->unexpected++;
	}
	return count > 0 ? (unsigned)count : 0;
}

/* Whether the timetable has another call due. A generator that was kept from running shifts its
 * timetable: a burst to catch up would not be the rate that was asked for. */
static bool timetable_due(struct generator *g)
{
	if (g->now_ns < g->next_due_ns)
		return false;
	if (g->now_ns - g->next_due_ns > LATE_MS * NS_PER_MS)
		g->next_due_ns = g->now_ns;
	g->next_due_ns += g->interval_ns;
	return true;
}

static void start_due_calls(struct generator *g)
{
	while (g->started < g->calls && timetable_due(g)) {
		struct call *c = &g->call[g->started];
		if (g->started == 0)
			g->first_ns = g->now_ns;
		g->last_ns = g->now_ns;
		c->state = CALL_INVITED;
		c->asked_ns = g->now_ns;
		caller_send_invite(g, g->started++);
	}
}

static void end_due_calls(struct generator *g)
{
	while (g->ended_count < g->answered_count) {
		struct call *c = &g->call[g->answered[g->ended_count]];
		if (c->up_ns + g->hold_ns > g->now_ns)
			return;
		g->ended_count++;
		call_hang_up(g, c);
	}
}

static void hang_up_due_calls(struct generator *g)
{
	while (g->hung_up < g->calls && timetable_due(g))
		call_hang_up(g, &g->call[g->hung_up++]);
}

static bool call_is_settled(const struct generator *g, const struct call *c)
{
	return c->state == CALL_DONE || c->state == CALL_FAILED ||
	       (c->state == CALL_UP && g->hold_mode && g->phase == PHASE_SETUP);
}

/* Calls are asked for in the order of their index: the oldest open one is the next to be lost. */
static void settle_calls(struct generator *g, uint32_t asked)
{
	while (g->settled < asked) {
		struct call *c = &g->call[g->settled];
		if (!call_is_settled(g, c)) {
			if (g->now_ns < c->asked_ns + g->hold_ns + g->timeout_ns)
				return;
			call_fail(c);
		}
		g->settled++;
	}
}

static void enter_holding(struct generator *g)
{
	for (uint32_t i = 0; i < g->calls; i++)
		g->held += g->call[i].state == CALL_UP;
	g->phase = PHASE_HOLDING;
	g->input = STDIN_FILENO;
	printf("ready %u calls\n", g->held);
	fflush(stdout);
}

static uint64_t last_sign_ns(const struct generator *g)
{
	return g->last_bye_ns > g->waiting_since_ns ? g->last_bye_ns : g->waiting_since_ns;
}

static void advance_phase(struct generator *g)
{
	switch (g->phase) {
	case PHASE_SETUP:
		settle_calls(g, g->started);
		if (g->settled < g->calls)
			return;
		if (g->hold_mode)
			enter_holding(g);
		else
			g->phase = PHASE_OVER;
		return;
	case PHASE_HANGING_UP:
		settle_calls(g, g->hung_up);
		if (g->settled == g->calls)
			g->phase = PHASE_OVER;
		return;
	case PHASE_WAITING_BYE:
		if (g->byes_caller + g->byes_callee >= UINT64_C(2) * g->held && g->over_ns == 0)
			g->over_ns = g->now_ns + LINGER_MS * NS_PER_MS;
		if (g->over_ns != 0 ? g->now_ns >= g->over_ns
				    : g->now_ns > last_sign_ns(g) + g->wait_ns)
			g->phase = PHASE_OVER;
		return;
	case PHASE_HOLDING:
	case PHASE_OVER: return;
	}
}

static void take_command(struct generator *g)
{
	char command[COMMAND_SIZE];
	ssize_t length = read(STDIN_FILENO, command, sizeof(command) - 1);
	command[length > 0 ? length : 0] = '\0';
	g->input = -1;
	if (strcmp(command, "bye\n") == 0) {
		g->phase = PHASE_HANGING_UP;
		g->settled = 0;
		g->next_due_ns = g->now_ns;
	} else if (strcmp(command, "wait-bye\n") == 0) {
		g->phase = PHASE_WAITING_BYE;
		g->awaited_byes = true;
		g->waiting_since_ns = g->now_ns;
	} else {
		g->phase = PHASE_OVER; /* quit, or the end of input */
	}
}

/* With --tick the generator sleeps to the next tick of its clock whatever arrives, so that it (and
 * the server) get their datagrams in batches, as under a much higher load. */
static void sleep_to_tick(const struct generator *g, uint64_t now)
{
	uint64_t then = (now / g->tick_ns + 1) * g->tick_ns;
	struct timespec moment = {(time_t)(then / NS_PER_S), (long)(then % NS_PER_S)};
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, NULL);
}

/* Sleeps until something arrives or something is due; at most 10 ms, for the losses. */
static void wait_for_event(struct generator *g, int events)
{
	struct epoll_event event[3];
	struct timespec wait = {.tv_nsec = 10 * (long)NS_PER_MS};
	bool paced = (g->phase == PHASE_SETUP && g->started < g->calls) ||
		     (g->phase == PHASE_HANGING_UP && g->hung_up < g->calls);
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	if (paced && g->next_due_ns < now + 10 * NS_PER_MS)
		wait.tv_nsec = g->next_due_ns > now ? (long)(g->next_due_ns - now) : 0;
	if (g->tick_ns != 0) {
		sleep_to_tick(g, now);
		wait.tv_nsec = 0;
	}
	int count = epoll_pwait2(events, event, 3, &wait, NULL);
	for (int i = 0; i < count; i++) {
		if (event[i].data.fd != STDIN_FILENO)
			continue;
		take_command(g);
		epoll_ctl(events, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	}
}

static int watch_sockets(struct generator *g)
{
	int events = epoll_create1(EPOLL_CLOEXEC);
	struct side *sides[] = {&g->caller, &g->callee};
	for (unsigned k = 0; k < 2; k++) {
		struct side *s = sides[k];
		struct epoll_event event = {.events = EPOLLIN, .data.fd = s->fd};
		epoll_ctl(events, EPOLL_CTL_ADD, s->fd, &event);
		for (unsigned i = 0; i < UDP_BATCH; i++) {
			s->in_part[i] = (struct iovec){s->in_bytes[i], UDP_DATAGRAM_SIZE - 1};
			s->in[i].msg_hdr =
				(struct msghdr){.msg_iov = &s->in_part[i], .msg_iovlen = 1};
		}
	}
	return events;
}

static void generator_run(struct generator *g)
{
	int events = watch_sockets(g);
	bool asking = false;
	g->input = -1;
	g->next_due_ns = clock_ns(CLOCK_MONOTONIC);
	while (g->phase != PHASE_OVER) {
		g->now_ns = clock_ns(CLOCK_MONOTONIC);
		if (g->phase == PHASE_SETUP)
			start_due_calls(g);
		if (g->phase == PHASE_HANGING_UP)
			hang_up_due_calls(g);
		end_due_calls(g);
		unsigned received = side_receive(g, &g->callee, callee_take);
		received += side_receive(g, &g->caller, caller_take);
		side_flush(&g->caller);
		side_flush(&g->callee);
		advance_phase(g);
		if (g->input >= 0 && !asking) {
			struct epoll_event event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
			asking = epoll_ctl(events, EPOLL_CTL_ADD, STDIN_FILENO, &event) == 0;
			if (!asking) /* a file: always readable, not for epoll */
				take_command(g);
		}
		if (received == 0)
			wait_for_event(g, events);
	}
	close(events);
}

/* --- the figures ----------------------------------------------------------------------------- */

/* A call is good when every one of its messages arrived, the ACK at the callee too. */
static bool call_is_good(const struct generator *g, const struct call *c)
{
	unsigned needed = SEEN_INVITE | SEEN_200_INVITE | SEEN_ACK;
	if (!g->hold_mode || g->hung_up > 0)
		needed |= SEEN_BYE_CALLEE | SEEN_200_BYE;
	return c->state != CALL_FAILED && (c->seen & needed) == needed;
}

static int compare_us(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static uint32_t setup_percentile(const uint32_t *us, uint32_t count, unsigned percent)
{
	return count > 0 ? us[(uint64_t)(count - 1) * percent / 100] : 0;
}

static bool generator_report(struct generator *g, uint64_t cpu_ns)
{
	uint32_t ok = 0, *us = malloc(g->calls * sizeof(*us));
	if (us == NULL)
		return false;
	for (uint32_t i = 0; i < g->calls; i++)
		if (call_is_good(g, &g->call[i]))
			us[ok++] = g->call[i].setup_us;
	qsort(us, ok, sizeof(*us), compare_us);
	double seconds = (double)(g->last_ns - g->first_ns) / (double)NS_PER_S;
	printf("calls_ok %u calls\ncalls_failed %u calls\n", ok, g->calls - ok);
	printf("retransmissions %lu messages\n", g->retransmissions);
	printf("unexpected %lu messages\n", g->unexpected);
	printf("setup_latency_p50_us %u us\n", setup_percentile(us, ok, 50));
	printf("setup_latency_p99_us %u us\n", setup_percentile(us, ok, 99));
	printf("rate_achieved %.1f calls/s\n", seconds > 0 ? (g->calls - 1) / seconds : 0.0);
	printf("generator_cpu_us_per_call %.2f us\n", (double)cpu_ns / 1000.0 / g->calls);
	if (g->hold_mode) {
		printf("byes_caller %lu requests\nbyes_callee %lu requests\n", g->byes_caller,
		       g->byes_callee);
		printf("bye_retransmissions %lu requests\n", g->bye_retransmissions);
		printf("byes_duration_ms %lu ms\n",
		       g->first_bye_ns != 0 ? (g->last_bye_ns - g->first_bye_ns) / NS_PER_MS : 0);
	}
	free(us);
	return ok == g->calls && g->retransmissions == 0 && g->unexpected == 0 &&
	       (!g->awaited_byes || (g->byes_caller == g->calls && g->byes_callee == g->calls));
}

/* --- the command line ------------------------------------------------------------------------ */

static int usage(void)
{
	fputs("usage: bench_generator call|hold --proxy HOST:PORT [--caller HOST:PORT]\n"
	      "           [--callee HOST:PORT] [--calls N] [--rate CALLS_PER_SECOND]\n"
	      "           [--hold MS] [--timeout MS] [--wait MS] [--tick US] [--cpu N]\n"
	      "           [--no-record-route]\n"
	      "  --hold     call: how long a call lasts (0)\n"
	      "  --timeout  a call is lost when an answer takes longer (4000)\n"
	      "  --wait     wait-bye gives up when no BYE came for this long (60000)\n"
	      "  --tick     look for datagrams only this often; 0: at every arrival (0)\n"
	      "  --no-record-route  what is in between does not record-route (bench_floor)\n",
	      stderr);
	return 2;
}

struct addresses {
	struct sockaddr_in proxy, caller, callee;
};

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
	char *end;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *ret_number >= least &&
	       *ret_number <= most;
}

static bool read_option(int option, struct generator *g, struct addresses *a)
{
	uint64_t number = 0;
	switch (option) {
	case 'x': return udp_parse_address(optarg, &a->proxy);
	case 'c': return udp_parse_address(optarg, &a->caller);
	case 'e': return udp_parse_address(optarg, &a->callee);
	case 'n':
		if (!read_number(optarg, 1, MAX_CALLS, &number))
			return false;
		g->calls = (uint32_t)number;
		return true;
	case 'r':
		if (!read_number(optarg, 1, 1000000, &number))
			return false;
		g->interval_ns = NS_PER_S / number;
		return true;
	case 'h':
	case 't':
	case 'w':
		if (!read_number(optarg, 0, 3600000, &number))
			return false;
		*(option == 'h'   ? &g->hold_ns
		  : option == 't' ? &g->timeout_ns
				  : &g->wait_ns) = number * NS_PER_MS;
		return true;
	case 'p': return read_number(optarg, 0, 1023, &number) && cpu_pin((int)number);
	case 'T':
		if (!read_number(optarg, 0, 10000, &number))
			return false;
		g->tick_ns = number * 1000;
		return true;
	case 'R': g->no_record_route = true; return true;
	default: return false;
	}
}

static bool read_command_line(int argc, char **argv, struct generator *g, struct addresses *a)
{
	static const struct option options[] = {{"proxy", required_argument, NULL, 'x'},
						{"caller", required_argument, NULL, 'c'},
						{"callee", required_argument, NULL, 'e'},
						{"calls", required_argument, NULL, 'n'},
						{"rate", required_argument, NULL, 'r'},
						{"hold", required_argument, NULL, 'h'},
						{"timeout", required_argument, NULL, 't'},
						{"wait", required_argument, NULL, 'w'},
						{"cpu", required_argument, NULL, 'p'},
						{"tick", required_argument, NULL, 'T'},
						{"no-record-route", no_argument, NULL, 'R'},
						{NULL, 0, NULL, 0}};
	int option;
	udp_parse_address("127.0.0.1:5081", &a->caller);
	udp_parse_address("127.0.0.1:5080", &a->callee);
	g->calls = 1000;
	g->interval_ns = NS_PER_S / 100;
	g->timeout_ns = 4000 * NS_PER_MS;
	g->wait_ns = 60000 * NS_PER_MS;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!read_option(option, g, a))
			return false;
	if (optind != argc - 1 || a->proxy.sin_port == 0)
		return false;
	g->hold_mode = strcmp(argv[optind], "hold") == 0;
	return g->hold_mode || strcmp(argv[optind], "call") == 0;
}

static bool side_open(struct side *s, const struct sockaddr_in *local,
		      const struct sockaddr_in *proxy)
{
	char host[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &local->sin_addr, host, sizeof(host));
	snprintf(s->host_port, sizeof(s->host_port), "%s:%u", host, ntohs(local->sin_port));
	s->fd = udp_open(local, proxy);
	return s->fd >= 0;
}

int main(int argc, char **argv)
{
	static struct generator g;
	struct addresses a = {0};
	if (!read_command_line(argc, argv, &g, &a))
		return usage();
	uint64_t seed = clock_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 32;
	snprintf(g.call_id_suffix, sizeof(g.call_id_suffix), "-%012lx",
		 seed * UINT64_C(0x9e3779b97f4a7c15) >> 16);
	g.call = calloc(g.calls, sizeof(*g.call));
	g.answered = calloc(g.calls, sizeof(*g.answered));
	if (g.call == NULL || g.answered == NULL || !side_open(&g.caller, &a.caller, &a.proxy) ||
	    !side_open(&g.callee, &a.callee, &a.proxy))
		return 2;
	uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	generator_run(&g);
	bool good = generator_report(&g, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns);
	free(g.call);
	free(g.answered);
	return good ? 0 : 1;
}
