/*
 * The load of an access transfer (TS 24.237 §12.3): UE, remote party and MSC server of many anchored
 * calls in one process and one thread, over UDP, around one SCC AS. See README.md.
 *
 *   users     prints the users file of as many users as there are calls
 *   call      every call is set up, and ended by its remote party
 *   transfer  every call is set up; `mark ready` is printed and a line of stdin waited for. Then every
 *             UE is lost in one second: BYE with cause 503. Every second user gets an INVITE due to
 *             STN-SR inside the window; the others' remote parties must hear a BYE when it is over.
 *             At last the remote parties end what is left. `mark NAME` between the parts.
 *
 * Unlike bench_generator it repeats what is not answered (RFC 3261 §17.1, §13.3.1.4), as the parties
 * of a real call would: ten thousand BYEs in a second may lose a datagram, but no session.
 */
#include "udp_socket.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_CALLS = 100000,
	MAX_VIAS = 4,
	MESSAGE_SIZE = 1400, /* of what we send */
	VALUE_SIZE = 160,    /* Call-ID, From, To, Contact */
	INDEX_DIGITS = 8,
	T1_MS = 500,
	T2_MS = 4000,
	REPEAT_LOOK_MS = 20, /* how often what is not answered is looked for */
	TIMEOUT_MS = 64 * T1_MS,
	EARLY_MS = 3, /* a release so much before its time may be our clock against the server's */
	GRACE_MS = 3000,  /* a release so much after its time is none */
	SETTLE_MS = 1500, /* between two parts */
	BURST_MS = 1000,
};

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

#define STN_SR    "+4916000001"
#define C_MSISDN  "+49171%07u"
#define REASON    "Reason: SIP;cause=503;text=\"Service Unavailable\"\r\n"

enum which { UE, REMOTE, MSC, PARTIES };

/* What says who sent a description: nobody may get one that is not meant for it. */
static const char *const media_line[PARTIES] = {"m=audio 30000 ", "m=audio 40000 ",
						"m=audio 50000 "};

struct view {
	const char *at;
	size_t length;
};

struct text {
	char *at;
	size_t length;
	size_t size;
};

enum method { METHOD_OTHER, METHOD_INVITE, METHOD_ACK, METHOD_BYE };

/* One received message; everything points into the datagram. */
struct message {
	unsigned status;    /* 0: a request */
	enum method method; /* of the request line, or of the CSeq of a response */
	uint32_t cseq;
	struct view request_uri, from, to, call_id, cseq_value, contact, reason, body;
	struct view via[MAX_VIAS];
	unsigned via_count;
};

/* One dialog as its end outside of the server has it, and the message it wants an answer for. */
struct end {
	char call_id[VALUE_SIZE], local[VALUE_SIZE], remote[VALUE_SIZE], target[VALUE_SIZE];
	uint32_t cseq;
	uint32_t invite_cseq; /* of the last INVITE sent or received */
	uint32_t bye_branch;  /* hash of the branch of the BYE received; 0: none */
	bool is_up;           /* INVITE, 2xx and ACK have passed */
	uint64_t repeat_ns;   /* 0: nothing to repeat */
	uint64_t interval_ns;
	uint64_t give_up_ns;
	size_t length;
	char bytes[MESSAGE_SIZE];
};

struct call {
	struct end end[PARTIES];
	bool has_failed;
	bool is_source_over; /* 200 to the BYE (503) */
	bool is_moved; /* 200 to the INVITE due to STN-SR, with the remote party's description */
	bool is_update_heard;     /* the re-INVITE came to the remote party */
	bool is_update_acked;     /* and its ACK */
	bool is_released_in_time; /* BYE to the remote party when the window was over */
	bool is_released_wrongly; /* BYE to the remote party that it should not have got */
	bool is_ended_by_remote;  /* the remote party sent BYE, and has its 200 */
	uint64_t bye_ns;          /* when the BYE (503) was first sent */
	uint64_t stn_sr_ns;       /* when the INVITE due to STN-SR was first sent */
	uint32_t bye_answer_us, stn_sr_answer_us;
	int32_t late_us;
};

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

enum phase { SETUP, READY, WINDOW, ENDING, LINGERING, OVER };

struct load {
	bool is_transfer;
	uint32_t calls;
	uint64_t interval_ns, hold_ns, after_ns, spread_ns;
	struct sockaddr_in proxy;
	char proxy_host_port[32];
	char suffix[32]; /* of our Call-IDs: new in every run */
	struct side side[PARTIES];
	struct call *call;
	enum phase phase;
	uint64_t now_ns, phase_ns, next_due_ns, next_look_ns;
	uint32_t invited, left, moved, ended; /* calls that have begun this part */
	uint64_t last_bye_ns;
	unsigned marks;
	uint64_t sent_again, received_again, unexpected, given_up;
};

/* --- text ------------------------------------------------------------------------------------ */

static void text_add(struct text *t, const char *at, size_t length)
{
	if (length > t->size - t->length) {
		fputs("a message became longer than this program has room for\n", stderr);
		exit(2);
	}
	memcpy(t->at + t->length, at, length);
	t->length += length;
}

static void text_add_string(struct text *t, const char *string)
{
	text_add(t, string, strlen(string));
}

static void text_add_header(struct text *t, const char *name, struct view value)
{
	text_add_string(t, name);
	text_add(t, value.at, value.length);
	text_add(t, "\r\n", 2);
}

__attribute__((format(printf, 2, 3))) static void text_print(struct text *t, const char *format,
							     ...)
{
	char bytes[MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(bytes, sizeof(bytes), format, arguments);
	va_end(arguments);
	text_add(t, bytes, length > 0 && length < MESSAGE_SIZE ? (size_t)length : t->size + 1);
}

static bool view_begins(struct view v, const char *prefix)
{
	size_t length = strlen(prefix);
	return v.length >= length && memcmp(v.at, prefix, length) == 0;
}

static bool view_is(struct view v, const char *string)
{
	return v.length == strlen(string) && memcmp(v.at, string, v.length) == 0;
}

static bool view_has(struct view v, const char *part)
{
	return v.length > 0 && memmem(v.at, v.length, part, strlen(part)) != NULL;
}

static struct view view_from(struct view v, size_t begin)
{
	return (struct view){v.at + begin, v.length - begin};
}

/* What follows `name`, up to a delimiter; empty when there is none. */
static struct view view_behind(struct view v, const char *name)
{
	const char *found = v.length ? memmem(v.at, v.length, name, strlen(name)) : NULL;
	if (found == NULL)
		return (struct view){v.at, 0};
	struct view rest = view_from(v, (size_t)(found - v.at) + strlen(name));
	for (size_t i = 0; i < rest.length; i++)
		if (strchr(";,@> \t", rest.at[i]) != NULL)
			rest.length = i;
	return rest;
}

static uint32_t view_hash(struct view v)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < v.length; i++)
		hash = (hash ^ (uint8_t)v.at[i]) * 16777619u;
	return hash != 0 ? hash : 1;
}

static void view_keep(struct view v, char *to)
{
	if (v.length >= VALUE_SIZE) {
		fprintf(stderr, "too long for this program: %.*s\n", (int)v.length, v.at);
		exit(2);
	}
	memcpy(to, v.at, v.length);
	to[v.length] = '\0';
}

/* --- messages in ----------------------------------------------------------------------------- */

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
	m->method = message_method(line);
	m->request_uri = view_behind(line, " sip:");
	return memchr(line.at, ' ', line.length) != NULL;
}

static void message_read_header(struct message *m, struct view name, struct view value)
{
	const struct {
		const char *name;
		struct view *value;
	} wanted[] = {{"From", &m->from},       {"To", &m->to},           {"Call-ID", &m->call_id},
		      {"CSeq", &m->cseq_value}, {"Contact", &m->contact}, {"Reason", &m->reason}};
	if (name.length == 3 && strncasecmp(name.at, "Via", 3) == 0) {
		if (m->via_count < MAX_VIAS)
			m->via[m->via_count++] = value;
		return;
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (name.length == strlen(wanted[i].name) &&
		    strncasecmp(name.at, wanted[i].name, name.length) == 0)
			*wanted[i].value = value;
}

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

static bool message_read(struct view datagram, struct message *m)
{
	struct view line;
	memset(m, 0, sizeof(*m));
	if (!message_next_line(&datagram, &line) || !message_read_first_line(line, m))
		return false;
	while (message_next_line(&datagram, &line)) {
		const char *colon = memchr(line.at, ':', line.length);
		if (colon == NULL)
			return false;
		struct view name = {line.at, (size_t)(colon - line.at)};
		struct view value = view_from(line, name.length + 1);
		while (value.length > 0 && value.at[0] == ' ')
			value = view_from(value, 1);
		message_read_header(m, name, value);
	}
	m->body = datagram;
	if (m->via_count == 0 || m->from.length == 0 || m->to.length == 0 ||
	    m->call_id.length == 0 || m->cseq_value.length == 0)
		return false;
	m->cseq = (uint32_t)strtoul(m->cseq_value.at, NULL, 10);
	const char *space = memchr(m->cseq_value.at, ' ', m->cseq_value.length);
	if (m->status != 0 && space != NULL)
		m->method = message_method(
			view_from(m->cseq_value, (size_t)(space + 1 - m->cseq_value.at)));
	return true;
}

/* --- messages out ---------------------------------------------------------------------------- */

static void side_flush(struct side *s)
{
	for (unsigned done = 0; done < s->out_count;) {
		int sent = sendmmsg(s->fd, &s->out[done], s->out_count - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR)
			done++; /* it will be repeated */
	}
	s->out_count = 0;
}

static void side_send(struct side *s, const char *bytes, size_t length)
{
	if (s->out_count == UDP_BATCH)
		side_flush(s);
	memcpy(s->out_bytes[s->out_count], bytes, length);
	s->out_part[s->out_count] = (struct iovec){s->out_bytes[s->out_count], length};
	s->out[s->out_count].msg_hdr =
		(struct msghdr){.msg_iov = &s->out_part[s->out_count], .msg_iovlen = 1};
	s->out_count++;
}

static uint32_t index_of(const struct load *l, const struct call *c)
{
	return (uint32_t)(c - l->call);
}

/* Sends what the end has written, and repeats it until it is answered. */
static void end_send_until_answered(struct load *l, struct call *c, enum which p, size_t length)
{
	struct end *e = &c->end[p];
	e->length = length;
	e->interval_ns = T1_MS * NS_PER_MS;
	e->repeat_ns = l->now_ns + e->interval_ns;
	e->give_up_ns = l->now_ns + TIMEOUT_MS * NS_PER_MS;
	side_send(&l->side[p], e->bytes, length);
}

static void end_repeat(struct load *l, struct call *c, enum which p)
{
	struct end *e = &c->end[p];
	if (l->now_ns >= e->give_up_ns) {
		e->repeat_ns = 0;
		c->has_failed = true;
		l->given_up++;
		return;
	}
	l->sent_again++;
	e->interval_ns *= 2;
	if (e->interval_ns > T2_MS * NS_PER_MS)
		e->interval_ns = T2_MS * NS_PER_MS;
	e->repeat_ns = l->now_ns + e->interval_ns;
	side_send(&l->side[p], e->bytes, e->length);
}

static void add_body(struct text *t, enum which p, unsigned version)
{
	char body[256];
	int length = snprintf(body, sizeof(body),
			      "v=0\r\no=- %u %u IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
			      "t=0 0\r\n%sRTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
			      1000u + p, version, media_line[p]);
	text_print(t, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", length,
		   body);
}

static void add_no_body(struct text *t)
{
	text_add_string(t, "Content-Length: 0\r\n\r\n");
}

/* Start line and header fields of a request in the dialog of an end, without those of its body. */
static void add_request(struct load *l, struct call *c, enum which p, const char *method,
			uint32_t cseq, struct text *t)
{
	const struct end *e = &c->end[p];
	text_print(t, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%c%08x-%u%c%s\r\n",
		   method, e->target, l->side[p].host_port, "urm"[p], index_of(l, c), cseq,
		   method[0], l -> suffix);
	text_print(t, "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n",
		   e->local, e->remote, e->call_id, cseq, method);
	text_print(t, "Contact: <sip:%c%08x@%s>\r\n", "urm"[p], index_of(l, c),
		   l -> side[p].host_port);
}

static struct text end_text(struct end *e)
{
	return (struct text){e->bytes, 0, sizeof(e->bytes)};
}

static void send_ack(struct load *l, struct call *c, enum which p)
{
	char bytes[MESSAGE_SIZE];
	struct text t = {bytes, 0, sizeof(bytes)};
	add_request(l, c, p, "ACK", c->end[p].invite_cseq, &t);
	add_no_body(&t);
	side_send(&l->side[p], t.at, t.length);
}

static void send_bye(struct load *l, struct call *c, enum which p, const char *reason)
{
	struct text t = end_text(&c->end[p]);
	add_request(l, c, p, "BYE", ++c->end[p].cseq, &t);
	text_add_string(&t, reason);
	add_no_body(&t);
	end_send_until_answered(l, c, p, t.length);
}

/* The UE's call, as the S-CSCF of the calling user passes it on (RFC 5502). */
static void send_invite_of_ue(struct load *l, struct call *c)
{
	struct end *e = &c->end[UE];
	uint32_t user = index_of(l, c);
	struct text t = end_text(e);
	snprintf(e->call_id, VALUE_SIZE, "u%08x%s", user, l->suffix);
	snprintf(e->local, VALUE_SIZE, "<sip:user%07u@ims.example>;tag=u%08x", user, user);
	snprintf(e->remote, VALUE_SIZE, "<sip:bob@ims.example>");
	snprintf(e->target, VALUE_SIZE, "sip:r%08x@%s", user, l->side[REMOTE].host_port);
	e->cseq = e->invite_cseq = 1;
	add_request(l, c, UE, "INVITE", 1, &t);
	text_print(
		&t,
		"Route: <sip:%s;lr>\r\nP-Served-User: <sip:user%07u@ims.example>;sescase=orig\r\n"
		"P-Asserted-Identity: <sip:user%07u@ims.example>\r\n",
		l->proxy_host_port, user, user);
	add_body(&t, UE, 1);
	end_send_until_answered(l, c, UE, t.length);
}

static void send_invite_of_msc(struct load *l, struct call *c)
{
	struct end *e = &c->end[MSC];
	uint32_t user = index_of(l, c);
	struct text t = end_text(e);
	snprintf(e->call_id, VALUE_SIZE, "m%08x%s", user, l->suffix);
	snprintf(e->local, VALUE_SIZE, "<tel:" C_MSISDN ">;tag=m%08x", user, user);
	snprintf(e->remote, VALUE_SIZE, "<tel:" STN_SR ">");
	snprintf(e->target, VALUE_SIZE, "tel:" STN_SR);
	e->cseq = e->invite_cseq = 1;
	add_request(l, c, MSC, "INVITE", 1, &t);
	text_print(&t, "P-Asserted-Identity: <tel:" C_MSISDN ">\r\n", user);
	add_body(&t, MSC, 1);
	c->stn_sr_ns = l->now_ns;
	end_send_until_answered(l, c, MSC, t.length);
}

/* RFC 3261 §8.2.6. `to`: with our tag. */
static void add_response(const struct message *m, const char *status, const char *to,
			 struct text *t)
{
	text_print(t, "SIP/2.0 %s\r\n", status);
	for (unsigned i = 0; i < m->via_count; i++)
		text_add_header(t, "Via: ", m->via[i]);
	text_add_header(t, "From: ", m->from);
	text_print(t, "To: %s\r\n", to);
	text_add_header(t, "Call-ID: ", m->call_id);
	text_add_header(t, "CSeq: ", m->cseq_value);
}

static void send_response(struct side *s, const struct message *m, const char *status)
{
	char bytes[MESSAGE_SIZE], to[VALUE_SIZE];
	struct text t = {bytes, 0, sizeof(bytes)};
	view_keep(m->to, to);
	add_response(m, status, to, &t);
	add_no_body(&t);
	side_send(s, t.at, t.length);
}

static void answer_invite(struct load *l, struct call *c, const struct message *m, unsigned version)
{
	struct end *e = &c->end[REMOTE];
	struct text t = end_text(e);
	add_response(m, "200 OK", e->local, &t);
	text_print(&t, "Contact: <sip:r%08x@%s>\r\n", index_of(l, c), l->side[REMOTE].host_port);
	add_body(&t, REMOTE, version);
	end_send_until_answered(l, c, REMOTE, t.length);
}

static void ring(struct load *l, struct call *c, const struct message *m)
{
	char bytes[MESSAGE_SIZE];
	struct text t = {bytes, 0, sizeof(bytes)};
	add_response(m, "180 Ringing", c->end[REMOTE].local, &t);
	text_print(&t, "Contact: <sip:r%08x@%s>\r\n", index_of(l, c), l->side[REMOTE].host_port);
	add_no_body(&t);
	side_send(&l->side[REMOTE], t.at, t.length);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* By "u0000002a": user part of our Contact, and our tag. */
static struct call *call_named(struct load *l, struct view name, enum which p)
{
	char digits[INDEX_DIGITS + 1] = "", *end;
	if (name.length != 1 + INDEX_DIGITS || name.at[0] != "urm"[p])
		return NULL;
	memcpy(digits, name.at + 1, INDEX_DIGITS);
	unsigned long index = strtoul(digits, &end, 16);
	return *end == '\0' && index < l->calls ? &l->call[index] : NULL;
}

/* Every second user is transferred. */
static bool is_to_be_moved(const struct load *l, const struct call *c)
{
	return index_of(l, c) % 2 == 1;
}

static uint32_t since_us(const struct load *l, uint64_t then_ns)
{
	return (uint32_t)((l->now_ns - then_ns) / 1000);
}

static void unexpected(struct load *l, const struct message *m, enum which p)
{
	if (l->unexpected++ < 5)
		fprintf(stderr, "unexpected at the %s: status %u, CSeq %.*s, Call-ID %.*s\n",
			(const char *[]){"UE", "remote party", "MSC server"}[p], m->status,
			(int)m->cseq_value.length, m->cseq_value.at, (int)m->call_id.length,
			m->call_id.at);
}

static void take_target(struct end *e, const struct message *m)
{
	const char *begin = memchr(m->contact.at, '<', m->contact.length);
	const char *end = memchr(m->contact.at, '>', m->contact.length);
	if (begin != NULL && end != NULL && begin < end)
		view_keep((struct view){begin + 1, (size_t)(end - begin - 1)}, e->target);
}

/* A 2xx to an INVITE of ours: the dialog, or once more the same. True the first time. */
static bool take_2xx(struct load *l, struct call *c, enum which p, const struct message *m)
{
	struct end *e = &c->end[p];
	bool is_first = !e->is_up;
	l->received_again += !is_first;
	if (is_first) {
		e->is_up = true;
		e->repeat_ns = 0;
		view_keep(m->to, e->remote);
		take_target(e, m);
		if (!view_has(m->body, media_line[REMOTE]))
			unexpected(l, m, p);
	}
	send_ack(l, c, p);
	return is_first;
}

/* RFC 3261 §17.1.1.3: of the INVITE's transaction, to where the INVITE went. */
static void take_refusal(struct load *l, struct call *c, enum which p, const struct message *m)
{
	char bytes[MESSAGE_SIZE];
	struct text t = {bytes, 0, sizeof(bytes)};
	struct end *e = &c->end[p];
	view_keep(m->to, e->remote);
	text_print(&t,
		   "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%c%08x-1I%s\r\n"
		   "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 ACK\r\n",
		   e->target, l->side[p].host_port, "urm"[p], index_of(l, c), l -> suffix,
		   e -> local, e -> remote, e -> call_id);
	add_no_body(&t);
	side_send(&l->side[p], t.at, t.length);
	e->repeat_ns = 0;
	c->has_failed = true;
	unexpected(l, m, p);
}

static void take_invite_response(struct load *l, struct call *c, enum which p,
				 const struct message *m)
{
	if (m->status < 200) {
		c->end[p].repeat_ns = 0;
	} else if (m->status >= 300) {
		take_refusal(l, c, p, m);
	} else if (take_2xx(l, c, p, m) && p == MSC) {
		c->is_moved = true;
		c->stn_sr_answer_us = since_us(l, c->stn_sr_ns);
	}
}

static void take_bye_response(struct load *l, struct call *c, enum which p, const struct message *m)
{
	bool *is_done = p == UE ? &c->is_source_over : &c->is_ended_by_remote;
	if (m->status < 200)
		return;
	if (m->cseq != c->end[p].cseq || m->status != 200) {
		unexpected(l, m, p);
		return;
	}
	l->received_again += *is_done;
	if (*is_done)
		return;
	*is_done = true;
	c->end[p].repeat_ns = 0;
	if (p == UE)
		c->bye_answer_us = since_us(l, c->bye_ns);
}

static void take_response(struct load *l, enum which p, const struct message *m)
{
	struct call *c = call_named(l, view_behind(m->from, ";tag="), p);
	if (c == NULL || !view_is(m->call_id, c->end[p].call_id))
		unexpected(l, m, p);
	else if (m->method == METHOD_INVITE && p != REMOTE)
		take_invite_response(l, c, p, m);
	else if (m->method == METHOD_BYE && p != MSC)
		take_bye_response(l, c, p, m);
	else
		unexpected(l, m, p);
}

/* The remote party is called. */
static void take_initial_invite(struct load *l, struct call *c, const struct message *m)
{
	struct end *e = &c->end[REMOTE];
	uint32_t index = index_of(l, c);
	char to[VALUE_SIZE];
	if (e->call_id[0] != '\0') { /* its answers were lost, or are on their way */
		if (view_is(m->call_id, e->call_id))
			l->received_again++;
		else
			unexpected(l, m, REMOTE);
		return;
	}
	view_keep(m->call_id, e->call_id);
	view_keep(m->from, e->remote);
	view_keep(m->to, to);
	if (snprintf(e->local, VALUE_SIZE, "%.140s;tag=r%08x", to, index) >= VALUE_SIZE)
		exit(2);
	take_target(e, m);
	e->invite_cseq = m->cseq;
	if (!view_has(m->body, media_line[UE]))
		unexpected(l, m, REMOTE);
	ring(l, c, m);
	answer_invite(l, c, m, 1);
}

/* The update of the remote leg: it must bring the MSC server's description. */
static void take_update(struct load *l, struct call *c, const struct message *m)
{
	struct end *e = &c->end[REMOTE];
	if (m->cseq == e->invite_cseq) {
		l->received_again++;
		return;
	}
	if (c->is_update_heard || c->stn_sr_ns == 0 || m->cseq < e->invite_cseq ||
	    !view_has(m->body, media_line[MSC]))
		unexpected(l, m, REMOTE);
	c->is_update_heard = true;
	e->invite_cseq = m->cseq;
	answer_invite(l, c, m, 2);
}

static void take_ack(struct load *l, struct call *c, enum which p, const struct message *m)
{
	struct end *e = &c->end[p];
	if (p != REMOTE || m->cseq != e->invite_cseq) {
		unexpected(l, m, p);
		return;
	}
	if (c->is_update_heard)
		c->is_update_acked = true;
	e->is_up = true;
	e->repeat_ns = 0; /* only the 200 can be waiting: a BYE of ours comes behind its ACK */
}

/* The BYE that ends the window of a call that is not transferred; anything else is wrong. */
static void take_release(struct load *l, struct call *c, const struct message *m)
{
	int64_t late_us = ((int64_t)(l->now_ns - c->bye_ns) - (int64_t)l->hold_ns) / 1000;
	bool is_meant = l->is_transfer && !is_to_be_moved(l, c) && c->bye_ns != 0;
	if (is_meant && late_us > -1000 * EARLY_MS && late_us < 1000 * GRACE_MS) {
		c->is_released_in_time = true;
		c->late_us = (int32_t)late_us;
		if (!view_has(m->reason, "SIP") || !view_has(m->reason, "cause=503"))
			unexpected(l, m, REMOTE);
	} else {
		c->is_released_wrongly = true;
	}
}

static void take_bye(struct load *l, struct call *c, enum which p, const struct message *m)
{
	struct end *e = &c->end[p];
	uint32_t branch = view_hash(view_behind(m->via[0], ";branch="));
	if (e->bye_branch == 0) {
		e->bye_branch = branch;
		if (p == REMOTE)
			take_release(l, c, m);
		else if (c->end[REMOTE].cseq == 0 || (p == UE && l->is_transfer))
			unexpected(l, m, p); /* the remote party has not hung up, or the UE has */
	} else if (e->bye_branch == branch) {
		l->received_again++;
	} else {
		unexpected(l, m, p); /* one BYE per leg */
	}
	send_response(&l->side[p], m, "200 OK");
}

static void take_request(struct load *l, enum which p, const struct message *m)
{
	struct call *c = call_named(l, m->request_uri, p);
	if (c == NULL) {
		unexpected(l, m, p);
	} else if (m->method == METHOD_INVITE && p == REMOTE &&
		   view_behind(m->to, ";tag=").length == 0) {
		take_initial_invite(l, c, m);
	} else if (!view_is(m->call_id, c->end[p].call_id) || !view_is(m->to, c->end[p].local) ||
		   !view_is(m->from, c->end[p].remote)) {
		unexpected(l, m, p); /* not of our dialog */
		if (m->method != METHOD_ACK)
			send_response(&l->side[p], m, "481 Call/Transaction Does Not Exist");
	} else if (m->method == METHOD_INVITE && p == REMOTE) {
		take_update(l, c, m);
	} else if (m->method == METHOD_ACK) {
		take_ack(l, c, p, m);
	} else if (m->method == METHOD_BYE) {
		take_bye(l, c, p, m);
	} else {
		unexpected(l, m, p);
	}
}

/* --- the run --------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static unsigned side_receive(struct load *l, enum which p)
{
	struct side *s = &l->side[p];
	int count = recvmmsg(s->fd, s->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		struct message m;
		struct view datagram = {s->in_bytes[i], s->in[i].msg_len};
		s->in_bytes[i][s->in[i].msg_len] = '\0'; /* an end for strtoul */
		if (!message_read(datagram, &m))
			l->unexpected++;
		else if (m.status != 0)
			take_response(l, p, &m);
		else
			take_request(l, p, &m);
	}
	return count > 0 ? (unsigned)count : 0;
}

static void enter(struct load *l, enum phase phase)
{
	l->phase = phase;
	l->phase_ns = l->next_due_ns = l->now_ns;
}

static void mark(const char *name)
{
	printf("mark %s\n", name);
	fflush(stdout);
}

static void start_due_calls(struct load *l)
{
	while (l->invited < l->calls && l->now_ns >= l->next_due_ns) {
		l->next_due_ns += l->interval_ns;
		send_invite_of_ue(l, &l->call[l->invited++]);
	}
}

/* How many of `all` are due `since_ns` after the first, when they are spread over `spread_ns`. */
static uint32_t due_of(uint32_t all, uint64_t since_ns, uint64_t spread_ns)
{
	if (since_ns >= spread_ns)
		return all;
	return (uint32_t)(all * since_ns / spread_ns) + 1;
}

static void leave_due_sources(struct load *l)
{
	uint32_t due = due_of(l->calls, l->now_ns - l->phase_ns, BURST_MS * NS_PER_MS);
	while (l->left < due) {
		struct call *c = &l->call[l->left++];
		if (!c->end[UE].is_up)
			continue;
		c->bye_ns = l->last_bye_ns = l->now_ns;
		send_bye(l, c, UE, REASON);
	}
}

static void move_due_calls(struct load *l)
{
	uint64_t begin_ns = l->phase_ns + l->after_ns;
	uint32_t due =
		l->now_ns < begin_ns ? 0 : due_of(l->calls / 2, l->now_ns - begin_ns, l->spread_ns);
	while (l->moved < due) {
		struct call *c = &l->call[2 * l->moved++ + 1];
		if (c->bye_ns != 0)
			send_invite_of_msc(l, c);
	}
}

/* The survivors; or in the mode `call` all. */
static void end_due_calls(struct load *l)
{
	while (l->ended < l->calls && l->now_ns >= l->next_due_ns) {
		struct call *c = &l->call[l->ended++];
		if (!c->end[REMOTE].is_up || c->end[REMOTE].bye_branch != 0 || c->has_failed)
			continue;
		l->next_due_ns += l->interval_ns;
		send_bye(l, c, REMOTE, "");
	}
}

static bool is_anything_waiting(const struct load *l)
{
	for (uint32_t i = 0; i < l->calls; i++)
		for (unsigned p = 0; p < PARTIES; p++)
			if (l->call[i].end[p].repeat_ns != 0)
				return true;
	return false;
}

/* Marks are printed while nothing happens, so that who reads them disturbs nothing. */
static void advance_window(struct load *l)
{
	static const char *const names[] = {"byes", "transfers", "releases"};
	uint64_t burst_over_ns = BURST_MS * NS_PER_MS + l->hold_ns + GRACE_MS * NS_PER_MS;
	uint64_t moved_ns = l->after_ns + l->spread_ns + SETTLE_MS * NS_PER_MS;
	uint64_t mark_ns[] = {l->after_ns - 200 * NS_PER_MS, moved_ns, burst_over_ns};
	if (l->marks < 3 && l->now_ns - l->phase_ns >= mark_ns[l->marks]) {
		mark(names[l->marks++]);
		if (l->marks == 3)
			enter(l, ENDING);
	}
}

static void advance(struct load *l)
{
	switch (l->phase) {
	case SETUP:
		if (l->invited < l->calls || is_anything_waiting(l))
			return;
		if (!l->is_transfer) {
			enter(l, ENDING);
			return;
		}
		mark("ready");
		enter(l, READY);
		return;
	case WINDOW: advance_window(l); return;
	case ENDING:
		if (l->ended == l->calls && !is_anything_waiting(l))
			enter(l, LINGERING);
		return;
	case LINGERING: /* time for a server to repeat something, or to say BYE once more */
		if (l->now_ns - l->phase_ns >= SETTLE_MS * NS_PER_MS)
			enter(l, OVER);
		return;
	case READY:
	case OVER: return;
	}
}

/* The line, whatever it says, starts the window; without one there is nothing to do. */
static void wait_for_command(struct load *l)
{
	char line[64];
	bool has_line = fgets(line, sizeof(line), stdin) != NULL;
	l->now_ns = clock_ns(CLOCK_MONOTONIC);
	enter(l, has_line ? WINDOW : OVER);
}

static void repeat_due(struct load *l)
{
	if (l->now_ns < l->next_look_ns)
		return;
	l->next_look_ns = l->now_ns + REPEAT_LOOK_MS * NS_PER_MS;
	for (uint32_t i = 0; i < l->calls; i++)
		for (enum which p = UE; p < PARTIES; p++) {
			uint64_t at_ns = l->call[i].end[p].repeat_ns;
			if (at_ns != 0 && l->now_ns >= at_ns)
				end_repeat(l, &l->call[i], p);
		}
}

static int watch_sockets(struct load *l)
{
	int events = epoll_create1(EPOLL_CLOEXEC);
	for (enum which p = UE; p < PARTIES; p++) {
		struct side *s = &l->side[p];
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

static void send_due(struct load *l)
{
	if (l->phase == SETUP)
		start_due_calls(l);
	if (l->phase == WINDOW) {
		leave_due_sources(l);
		move_due_calls(l);
	}
	if (l->phase == ENDING)
		end_due_calls(l);
	repeat_due(l);
}

static void load_run(struct load *l)
{
	int events = watch_sockets(l);
	struct epoll_event event[PARTIES];
	const struct timespec moment = {.tv_nsec = NS_PER_MS / 10};
	l->now_ns = clock_ns(CLOCK_MONOTONIC);
	enter(l, SETUP);
	while (l->phase != OVER) {
		unsigned received = 0;
		l->now_ns = clock_ns(CLOCK_MONOTONIC);
		if (l->phase == READY)
			wait_for_command(l);
		send_due(l);
		for (enum which p = UE; p < PARTIES; p++)
			received += side_receive(l, p);
		for (enum which p = UE; p < PARTIES; p++)
			side_flush(&l->side[p]);
		if (received == 0) {
			advance(l);
			epoll_pwait2(events, event, PARTIES, &moment, NULL);
		}
	}
	close(events);
}

/* --- the figures ----------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

struct series {
	int32_t *value;
	uint32_t count;
};

static int32_t percentile(const struct series *s, unsigned per_mille)
{
	return s->count > 0 ? s->value[(uint64_t)(s->count - 1) * per_mille / 1000] : 0;
}

static void print_us(const char *name, struct series *s)
{
	qsort(s->value, s->count, sizeof(*s->value), compare);
	printf("transfer_%s_p50_us %d us\n", name, percentile(s, 500));
	printf("transfer_%s_p99_us %d us\n", name, percentile(s, 990));
	printf("transfer_%s_max_us %d us\n", name, percentile(s, 1000));
}

static void print_late(struct series *s)
{
	static const char *const names[] = {"min", "p50", "p99", "max"};
	static const unsigned per_mille[] = {0, 500, 990, 1000};
	qsort(s->value, s->count, sizeof(*s->value), compare);
	for (unsigned i = 0; i < 4; i++)
		printf("transfer_release_late_%s_ms %.2f ms\n", names[i],
		       percentile(s, per_mille[i]) / 1000.0);
}

struct sums {
	struct series bye, move, late;
	uint32_t sessions, survivors, wrongly_released, wrongly_kept, unfinished;
};

/* A survivor has had every message of its life, and none that it should not have had. */
static void sum_call(const struct load *l, const struct call *c, struct sums *sums)
{
	bool is_survivor = is_to_be_moved(l, c);
	sums->sessions += c->end[UE].is_up && c->end[REMOTE].is_up;
	if (c->is_source_over)
		sums->bye.value[sums->bye.count++] = (int32_t)c->bye_answer_us;
	if (c->is_moved)
		sums->move.value[sums->move.count++] = (int32_t)c->stn_sr_answer_us;
	if (c->is_released_in_time)
		sums->late.value[sums->late.count++] = c->late_us;
	if (!is_survivor) {
		sums->wrongly_released += c->is_released_wrongly;
		sums->wrongly_kept += !c->is_released_in_time && !c->is_released_wrongly;
		sums->unfinished += !c->is_source_over;
		return;
	}
	if (c->is_moved && !c->end[REMOTE].bye_branch)
		sums->survivors++;
	else
		sums->wrongly_released++;
	sums->unfinished += !c->is_source_over || !c->is_update_acked || !c->is_ended_by_remote ||
			    c->end[MSC].bye_branch == 0;
}

static bool report_transfer(struct load *l)
{
	struct sums sums = {0};
	struct series *all[] = {&sums.bye, &sums.move, &sums.late};
	for (unsigned i = 0; i < 3; i++) {
		all[i]->value = calloc(l->calls, sizeof(*all[i]->value));
		if (all[i]->value == NULL)
			return false;
	}
	for (uint32_t i = 0; i < l->calls; i++)
		sum_call(l, &l->call[i], &sums);
	printf("transfer_sessions %u sessions\n", sums.sessions);
	printf("transfer_survivors %u sessions\n", sums.survivors);
	printf("transfer_wrongly_released %u sessions\n", sums.wrongly_released);
	printf("transfer_wrongly_kept %u sessions\n", sums.wrongly_kept);
	printf("transfer_unfinished %u sessions\n", sums.unfinished);
	print_us("bye_answer", &sums.bye);
	print_us("answer", &sums.move);
	print_late(&sums.late);
	for (unsigned i = 0; i < 3; i++)
		free(all[i]->value);
	return sums.sessions == l->calls && sums.survivors == l->calls / 2 &&
	       sums.wrongly_released + sums.wrongly_kept + sums.unfinished == 0;
}

static bool report_calls(const struct load *l)
{
	uint32_t good = 0;
	for (uint32_t i = 0; i < l->calls; i++) {
		const struct call *c = &l->call[i];
		good += c->end[UE].is_up && c->is_ended_by_remote && c->end[UE].bye_branch != 0 &&
			!c->is_released_wrongly;
	}
	printf("transfer_calls_ok %u calls\n", good);
	return good == l->calls;
}

static bool report(struct load *l)
{
	bool good = l->is_transfer ? report_transfer(l) : report_calls(l);
	printf("transfer_unexpected %lu messages\n", l->unexpected);
	printf("transfer_given_up %lu messages\n", l->given_up);
	printf("transfer_sent_again %lu messages\n", l->sent_again);
	printf("transfer_received_again %lu messages\n", l->received_again);
	return good && l->unexpected == 0 && l->given_up == 0;
}

/* --- the command line ------------------------------------------------------------------------ */

static int usage(void)
{
	fputs("usage: bench_access_transfer users|call|transfer --proxy HOST:PORT [--ue "
	      "HOST:PORT]\n"
	      "           [--remote HOST:PORT] [--msc HOST:PORT] [--calls N] [--rate "
	      "CALLS_PER_SECOND]\n"
	      "           [--hold MS] [--after MS] [--spread MS] [--cpu N]\n"
	      "  --proxy   where the SCC AS listens\n"
	      "  --hold    its bye_hold (8000)\n"
	      "  --after   first INVITE due to STN-SR, after the first BYE (2000)\n"
	      "  --spread  the last one, after the first (2000)\n",
	      stderr);
	return 2;
}

static bool read_number(uint64_t least, uint64_t most, uint64_t *ret_number)
{
	char *end;
	errno = 0;
	*ret_number = strtoull(optarg, &end, 10);
	return errno == 0 && end != optarg && *end == '\0' && *ret_number >= least &&
	       *ret_number <= most;
}

static bool read_option(int option, struct load *l, struct sockaddr_in address[PARTIES])
{
	uint64_t number = 0;
	switch (option) {
	case 'x': return udp_parse_address(optarg, &l->proxy);
	case 'u': return udp_parse_address(optarg, &address[UE]);
	case 'r': return udp_parse_address(optarg, &address[REMOTE]);
	case 'm': return udp_parse_address(optarg, &address[MSC]);
	case 'n':
		if (!read_number(2, MAX_CALLS, &number))
			return false;
		l->calls = (uint32_t)number;
		return true;
	case 'R':
		if (!read_number(1, 1000000, &number))
			return false;
		l->interval_ns = NS_PER_S / number;
		return true;
	case 'h':
	case 'a':
	case 's':
		if (!read_number(option == 'h' ? 1000 : 500, 600000, &number))
			return false;
		*(option == 'h'   ? &l->hold_ns
		  : option == 'a' ? &l->after_ns
				  : &l->spread_ns) = number * NS_PER_MS;
		return true;
	case 'p': return read_number(0, 1023, &number) && cpu_pin((int)number);
	default: return false;
	}
}

static bool read_command_line(int argc, char **argv, struct load *l,
			      struct sockaddr_in address[PARTIES])
{
	static const struct option options[] = {{"proxy", required_argument, NULL, 'x'},
						{"ue", required_argument, NULL, 'u'},
						{"remote", required_argument, NULL, 'r'},
						{"msc", required_argument, NULL, 'm'},
						{"calls", required_argument, NULL, 'n'},
						{"rate", required_argument, NULL, 'R'},
						{"hold", required_argument, NULL, 'h'},
						{"after", required_argument, NULL, 'a'},
						{"spread", required_argument, NULL, 's'},
						{"cpu", required_argument, NULL, 'p'},
						{NULL, 0, NULL, 0}};
	int option;
	udp_parse_address("127.0.0.1:5081", &address[UE]);
	udp_parse_address("127.0.0.1:5080", &address[REMOTE]);
	udp_parse_address("127.0.0.1:5082", &address[MSC]);
	l->calls = 1000;
	l->interval_ns = NS_PER_S / 1000;
	l->hold_ns = 8000 * NS_PER_MS;
	l->after_ns = l->spread_ns = 2000 * NS_PER_MS;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!read_option(option, l, address))
			return false;
	l->is_transfer = optind == argc - 1 && strcmp(argv[optind], "transfer") == 0;
	/* The last INVITE must come before the first window is over, and no session decides twice. */
	return optind == argc - 1 && l->after_ns >= (BURST_MS + 500) * NS_PER_MS &&
	       l->after_ns + l->spread_ns + SETTLE_MS * NS_PER_MS < l->hold_ns;
}

static void print_users(const struct load *l)
{
	for (unsigned user = 0; user < l->calls; user++)
		printf(C_MSISDN " user%07u@ims.example sip:user%07u@ims.example\n", user, user,
		       user);
}

static void put_host_port(const struct sockaddr_in *address, char *to, size_t size)
{
	char host[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
	snprintf(to, size, "%s:%u", host, ntohs(address->sin_port));
}

static bool open_sides(struct load *l, const struct sockaddr_in address[PARTIES])
{
	put_host_port(&l->proxy, l->proxy_host_port, sizeof(l->proxy_host_port));
	for (enum which p = UE; p < PARTIES; p++) {
		struct side *s = &l->side[p];
		put_host_port(&address[p], s->host_port, sizeof(s->host_port));
		s->fd = udp_open(&address[p], &l->proxy);
		if (s->fd < 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct sockaddr_in address[PARTIES];
	if (!read_command_line(argc, argv, &l, address))
		return usage();
	const char *mode = argv[optind];
	if (strcmp(mode, "users") == 0) {
		print_users(&l);
		return 0;
	}
	if (l.proxy.sin_port == 0 || (!l.is_transfer && strcmp(mode, "call") != 0))
		return usage();
	uint64_t seed = clock_ns(CLOCK_REALTIME) ^ (uint64_t)getpid() << 32;
	snprintf(l.suffix, sizeof(l.suffix), "-%012lx", seed * UINT64_C(0x9e3779b97f4a7c15) >> 16);
	l.call = calloc(l.calls, sizeof(*l.call));
	if (l.call == NULL || !open_sides(&l, address))
		return 2;
	load_run(&l);
	bool good = report(&l);
	free(l.call);
	return good ? 0 : 1;
}
