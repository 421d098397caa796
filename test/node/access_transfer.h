/* The parties of an access transfer around one node that plays the SCC AS, for tests that speak SIP to it by
 * hand: the UE (behind its P-CSCF and S-CSCF, as one), the remote party, the MSC server. */
#ifndef TEST_NODE_ACCESS_TRANSFER_H
#define TEST_NODE_ACCESS_TRANSFER_H

#include "wire.h"

#include "roles/sccas/users.h"

#define SCCAS  5070
#define UE     6100
#define REMOTE 7100
#define MSC    8100
#define OTHER  7200 /* another remote party */

#define SDP_OF(name, port)                                                                         \
	"v=0\r\no=" name " 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"         \
	"m=audio " port " RTP/AVP 8\r\n"
#define SDP_UE     SDP_OF("ue", "30000")
#define SDP_REMOTE SDP_OF("remote", "40000")
#define SDP_MSC    SDP_OF("msc", "50000")
#define SDP_UE_HOLD                                                                                \
	"v=0\r\no=ue 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"               \
	"m=audio 30000 RTP/AVP 8\r\na=sendonly\r\n"
#define SDP_NO_AUDIO                                                                               \
	"v=0\r\no=ue 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"               \
	"m=audio 0 RTP/AVP 8\r\n"

#define ALICE_NUMBER "+491711000001"
#define STN_SR       "+4916000001"
#define REASON_503   "Reason: SIP;cause=503;text=\"Service Unavailable\"\n"
#define REASON_487   "Reason: SIP;cause=487;text=\"handover cancelled\"\n"

/* One end of a leg, outside of the server. */
struct party {
	uint16_t port;
	char call_id[128], local[300], remote[300], target[300];
	unsigned cseq, invite_cseq, branch, invite_branch;
	const char *features; /* tags of its Contact, may be NULL */
};

static inline void transfer_settings(struct node_settings *s)
{
	struct text identity = TEXT("sip:alice@ims.example");
	struct sccas_users *users = sccas_users_open();

	assert_non_null(users);
	assert_int_equal(
		sccas_users_add(users, TEXT(ALICE_NUMBER), TEXT("alice@ims.example"), &identity, 1),
		SCCAS_USERS_DONE);
	s->listen[0] = wire_address(TRANSPORT_UDP, SCCAS);
	s->listen[1] = wire_address(TRANSPORT_TCP, SCCAS);
	s->listen_sccas = 3;
	s->stream_above_bytes = 0;
	s->sccas.users = users;
	s->sccas.stn_sr[0] = TEXT(STN_SR);
	s->sccas.n_stn_sr = 1;
	s->sccas.atu_sti[0] = TEXT("sip:atu-sti@127.0.0.1:5070");
	s->sccas.n_atu_sti = 1;
}

static inline void transfer_close(struct wire *wire)
{
	struct sccas_users *users = (struct sccas_users *)(uintptr_t)wire->settings.sccas.users;

	wire_close(wire);
	sccas_users_close(users);
}

static inline void put_value(const char *message, const char *name, char *to, size_t max)
{
	if (!wire_header(message, name, 0, to, max))
		to[0] = 0;
}

static inline void take_target(struct party *p, const char *message)
{
	char value[300];
	const char *begin, *end;

	if (!wire_header(message, "Contact", 0, value, sizeof(value)))
		return;
	begin = strchr(value, '<');
	end = begin ? strchr(begin, '>') : NULL;
	assert_non_null(end);
	snprintf(p->target, sizeof(p->target), "%.*s", (int)(end - begin - 1), begin + 1);
}

/* A body that begins with the delimiter --part is a multipart. */
static inline const char *type_line_of(const char *body)
{
	if (strncmp(body, "--part\r\n", 8) == 0)
		return "Content-Type: multipart/mixed;boundary=part\r\n";
	return *body ? "Content-Type: application/sdp\r\n" : "";
}

/* A request inside the dialog of the party; `extra`: lines with \n; "" for no body. */
static inline void party_sends(struct wire *wire, struct party *p, const char *method,
			       const char *extra, const char *sdp)
{
	char bytes[8192], lines[2048];
	unsigned n = 0;
	bool is_old = strcmp(method, "ACK") == 0 || strcmp(method, "CANCEL") == 0;

	for (const char *c = extra; *c && n + 2 < sizeof(lines); c++) {
		if (*c == '\n')
			lines[n++] = '\r';
		lines[n++] = *c;
	}
	lines[n] = 0;
	if (!is_old)
		p->cseq++;
	if (strcmp(method, "INVITE") == 0)
		p->invite_cseq = p->cseq;
	if (strcmp(method, "CANCEL") != 0)
		p->branch++;
	if (strcmp(method, "INVITE") == 0)
		p->invite_branch = p->branch;
	n = (unsigned)snprintf(
		bytes, sizeof(bytes),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%s-%u-%u\r\n"
		"Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		"Contact: <sip:party@127.0.0.1:%u>%s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		method, p->target, p->port, p->call_id, p->port,
		strcmp(method, "CANCEL") == 0 ? p->invite_branch : p->branch, p->local, p->remote,
		p->call_id, is_old ? p->invite_cseq : p->cseq, method, p->port,
		p->features ? p->features : "", lines, type_line_of(sdp), strlen(sdp), sdp);
	wire_feed_bytes(wire, wire_address(TRANSPORT_UDP, p->port), bytes, n);
}

/* Answers the last request of this method that the party got. The first answer makes the dialog. */
static inline void party_answers(struct wire *wire, struct party *p, const char *method,
				 const char *status_line, const char *extra, const char *sdp)
{
	const char *request = wire_last(wire, p->port, method);
	char via[300], from[300], to[300], cseq[60], bytes[8192];
	int n;

	assert_non_null(request);
	put_value(request, "Via", via, sizeof(via));
	put_value(request, "From", from, sizeof(from));
	put_value(request, "To", to, sizeof(to));
	put_value(request, "CSeq", cseq, sizeof(cseq));
	put_value(request, "Call-ID", p->call_id, sizeof(p->call_id));
	if (!strstr(to, "tag=")) {
		char tag[40];

		snprintf(tag, sizeof(tag), ";tag=of-%u", p->port);
		strncat(to, tag, sizeof(to) - strlen(to) - 1);
		snprintf(p->local, sizeof(p->local), "%s", to);
		snprintf(p->remote, sizeof(p->remote), "%s", from);
	}
	take_target(p, request);
	n = snprintf(bytes, sizeof(bytes),
		     "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
		     "Contact: <sip:party@127.0.0.1:%u>%s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		     status_line, via, from, to, p->call_id, cseq, p->port,
		     p->features ? p->features : "", extra, type_line_of(sdp), strlen(sdp), sdp);
	wire_feed_bytes(wire, wire_address(TRANSPORT_UDP, p->port), bytes, (size_t)n);
}

/* What the last response of this status said: the dialog of who sent the INVITE. */
static inline const char *party_hears(struct wire *wire, struct party *p, const char *status)
{
	char line[40];
	const char *response;

	snprintf(line, sizeof(line), "SIP/2.0 %s", status);
	response = wire_last(wire, p->port, line);
	if (response && status[0] <= '2') {
		put_value(response, "To", p->remote, sizeof(p->remote));
		take_target(p, response);
	}
	return response;
}

static inline struct party party_at(uint16_t port, const char *local, const char *remote,
				    const char *target, const char *call_id)
{
	struct party p = {.port = port};

	snprintf(p.local, sizeof(p.local), "%s", local);
	snprintf(p.remote, sizeof(p.remote), "%s", remote);
	snprintf(p.target, sizeof(p.target), "%s", target);
	snprintf(p.call_id, sizeof(p.call_id), "%s", call_id);
	return p;
}

#define FROM_S_CSCF                                                                                \
	"Route: <sip:127.0.0.1:5070;lr>\nP-Served-User: <sip:alice@ims.example>;sescase=%s\n"      \
	"P-Asserted-Identity: <sip:%s@ims.example>\n"

/* Alice's call to a remote party at `port`, up to the ACK. */
static inline void transfer_call(struct wire *wire, struct party *ue, struct party *remote,
				 const char *call_id, uint16_t port)
{
	char target[80], extra[300];

	snprintf(target, sizeof(target), "sip:bob@127.0.0.1:%u", port);
	*ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>", target,
		       call_id);
	*remote = (struct party){.port = port};
	snprintf(extra, sizeof(extra), FROM_S_CSCF, "orig", "alice");
	party_sends(wire, ue, "INVITE", extra, SDP_UE);
	party_answers(wire, remote, "INVITE", "180 Ringing", "", "");
	party_answers(wire, remote, "INVITE", "200 OK", "", SDP_REMOTE);
	assert_non_null(party_hears(wire, ue, "200"));
	party_sends(wire, ue, "ACK", "", "");
	assert_int_equal(wire_count(wire, port, "ACK"), 1);
	wire_forget(wire);
}

/* A call to alice by a remote party at `port`, up to the ACK. */
static inline void transfer_call_to(struct wire *wire, struct party *ue, struct party *remote,
				    const char *call_id, uint16_t port)
{
	char extra[300];

	*remote = party_at(port, "<sip:bob@ims.example>;tag=remote", "<sip:alice@ims.example>",
			   "sip:alice@127.0.0.1:6100", call_id);
	*ue = (struct party){.port = UE};
	snprintf(extra, sizeof(extra), FROM_S_CSCF, "term", "bob");
	party_sends(wire, remote, "INVITE", extra, SDP_REMOTE);
	party_answers(wire, ue, "INVITE", "180 Ringing", "", "");
	party_answers(wire, ue, "INVITE", "200 OK", "", SDP_UE);
	assert_non_null(party_hears(wire, remote, "200"));
	party_sends(wire, remote, "ACK", "", "");
	assert_int_equal(wire_count(wire, UE, "ACK"), 1);
	wire_forget(wire);
}

/* The INVITE due to STN-SR; `identity`: value of P-Asserted-Identity, "" for none. */
static inline void transfer_invite(struct wire *wire, struct party *msc, const char *call_id,
				   const char *identity, const char *extra)
{
	char lines[600];

	*msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=msc", "<tel:" STN_SR ">", "tel:" STN_SR,
			call_id);
	snprintf(lines, sizeof(lines), "%s%s%s%s", *identity ? "P-Asserted-Identity: " : "",
		 identity, *identity ? "\n" : "", extra);
	party_sends(wire, msc, "INVITE", lines, SDP_MSC);
}
#define OF_ALICE "<tel:" ALICE_NUMBER ">"

/* Nothing is left of any session, transaction or timer. */
static inline void transfer_is_clean(struct wire *wire)
{
	const struct node_counters *c;

	wire_run_quietly(wire, 200000);
	c = node_counters(wire->node);
	assert_int_equal(c->sessions, 0);
	assert_int_equal(c->sessions_anchored, 0);
	assert_int_equal(c->server_transactions, 0);
	assert_int_equal(c->client_transactions, 0);
	assert_int_equal(c->timers, 0);
}

#endif
