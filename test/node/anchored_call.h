/* A call through the SCC AS between two parties, for tests of its call side. */
#ifndef TEST_NODE_ANCHORED_CALL_H
#define TEST_NODE_ANCHORED_CALL_H

#include "access_transfer.h"

struct scene {
	struct wire wire;
	struct party ue, remote;
};

/* Alice calls; or with `is_terminating` bob calls alice. Nothing is answered. */
static inline void send_invite_of(struct scene *s, bool is_terminating, unsigned cseq,
				  const char *extra, const char *sdp)
{
	struct party *calling = is_terminating ? &s->remote : &s->ue;
	char lines[2000];

	s->ue = (struct party){.port = UE};
	s->remote = (struct party){.port = REMOTE};
	*calling = is_terminating
			   ? party_at(REMOTE, "<sip:bob@ims.example>;tag=remote",
				      "<sip:alice@ims.example>", "sip:alice@127.0.0.1:6100", "call")
			   : party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
				      "sip:bob@127.0.0.1:7100", "call");
	calling->cseq = cseq - 1;
	snprintf(lines, sizeof(lines), FROM_S_CSCF "%s", is_terminating ? "term" : "orig",
		 is_terminating ? "bob" : "alice", extra);
	party_sends(&s->wire, calling, "INVITE", lines, sdp);
}

static inline void send_invite(struct scene *s, const char *extra, const char *sdp)
{
	send_invite_of(s, false, 1, extra, sdp);
}

static inline void send_invite_from_cseq(struct scene *s, unsigned cseq)
{
	send_invite_of(s, false, cseq, "", SDP_UE);
}

static inline void open_invite_of(struct scene *s, bool is_terminating, const char *extra,
				  const char *sdp)
{
	wire_open(&s->wire, transfer_settings);
	send_invite_of(s, is_terminating, 1, extra, sdp);
	assert_non_null(wire_last(&s->wire, is_terminating ? UE : REMOTE, "INVITE"));
}

static inline void open_invite(struct scene *s, const char *extra, const char *sdp)
{
	open_invite_of(s, false, extra, sdp);
}

/* Up to the ACK. */
static inline void open_call(struct scene *s, bool is_terminating)
{
	wire_open(&s->wire, transfer_settings);
	(is_terminating ? transfer_call_to : transfer_call)(&s->wire, &s->ue, &s->remote, "call",
							    REMOTE);
}

static inline void hang_up(struct scene *s)
{
	wire_forget(&s->wire);
	party_sends(&s->wire, &s->ue, "BYE", "", "");
	assert_non_null(party_hears(&s->wire, &s->ue, "200"));
	assert_int_equal(wire_count(&s->wire, REMOTE, "BYE"), 1);
	party_answers(&s->wire, &s->remote, "BYE", "200 OK", "", "");
}

static inline void release(struct scene *s, uint16_t status)
{
	wire_release_all(&s->wire, status);
	wire_run(&s->wire, 10);
}

/* 200 to the CANCEL, and 487 to the INVITE, which gets its ACK. */
static inline void answer_cancel_with(struct scene *s, struct party *p, bool with_487)
{
	struct party before = *p;

	party_answers(&s->wire, p, "CANCEL", "200 OK", "", "");
	*p = before;
	if (!with_487)
		return;
	party_answers(&s->wire, p, "INVITE", "487 Request Terminated", "", "");
	assert_int_equal(wire_count(&s->wire, p->port, "ACK"), 1);
}

static inline void answer_cancel(struct scene *s, struct party *p)
{
	answer_cancel_with(s, p, true);
}

static inline void close_scene(struct scene *s)
{
	transfer_is_clean(&s->wire);
	wire_nothing_left(&s->wire);
	transfer_close(&s->wire);
}

#endif
