/* A leg: a dialog of which this server itself is one end, as a back-to-back user agent has several
 * (RFC 3261 §12; TS 24.229 §5.7.5). Plain data. */
#ifndef SESSION_LEG_H
#define SESSION_LEG_H

#include "base/pool.h"
#include "dialog/packed_text.h"

#include <stdbool.h>
#include <stdint.h>

enum leg_state {
	LEG_UNUSED,
	LEG_INVITED,     /* the INVITE that makes it is under way; no dialog */
	LEG_EARLY,       /* a provisional response with a tag made an early dialog */
	LEG_ESTABLISHED, /* 2xx */
	LEG_ENDING,      /* our BYE or CANCEL, or our refusal, is under way */
	LEG_OVER,
};
const char *leg_state_name(enum leg_state state);

enum leg_text {
	LEG_CALL_ID,
	LEG_LOCAL, /* From or To value that means us, with our tag (none in a leg that was only invited to) */
	LEG_REMOTE,     /* that of the peer, with its tag once there is a dialog */
	LEG_TARGET,     /* remote target: the latest Contact of the peer */
	LEG_ROUTES,     /* route set, comma list in the order of use */
	LEG_LOCAL_SDP,  /* last description of ours that was agreed */
	LEG_REMOTE_SDP, /* last description of the peer that was agreed */
	LEG_TEXTS,
};

/* Requests of a peer that pass on and are remembered while they wait for their answer. One more: it is
 * answered when its answer comes, or its time is over. */
#define LEG_PASSING_MAX 4u

struct leg {
	struct packed_text texts;
	struct text_slice slices[LEG_TEXTS];
	struct text_slice local_tag, remote_tag; /* inside the block */
	struct handle
		invite; /* server transaction of the peer's INVITE that waits for our final response */
	struct handle
		offer_in; /* server transaction of a re-INVITE or UPDATE of the peer without a final response */
	struct handle
		invite_out; /* client transaction of our initial INVITE without a final response */
	struct handle offer_out; /* client transaction of a re-INVITE or UPDATE of ours, likewise */
	struct handle passing[LEG_PASSING_MAX]; /* server transactions of requests that passed on */
	struct handle
		answered; /* server transaction of the peer's INVITE whose 2xx waits for its ACK */
	uint32_t local_cseq, remote_cseq; /* highest of ours, of the peer */
	uint32_t invite_cseq;             /* of our last INVITE */
	uint32_t peer_invite_cseq; /* of the peer's last INVITE: what its ACK and PRACK name */
	uint32_t
		unacked_cseq; /* 2xx of ours to this INVITE of the peer waits for its ACK; 0: none */
	uint32_t calling_cseq; /* of a fork: highest of the calling party in its early dialog */
	uint32_t expires_s;    /* session timer (RFC 4028); 0: none */
	uint32_t
		pracked_rseq; /* highest RSeq of the peer's 1xx that has had its PRACK (RFC 3262) */
	uint16_t bye_status;  /* final response to our BYE */
	uint8_t state;        /* enum leg_state */
	uint8_t outcome;      /* enum leg_outcome of our BYE, CANCEL or refusal */
	uint8_t number;       /* in the journal */
	uint8_t next_passing;
	bool is_calling; /* the peer sent the INVITE that made it */
	bool has_remote_cseq;
	bool bye_is_out; /* ours, and there is never a second one */
	bool ack_due;    /* a 2xx to our INVITE has not been acknowledged by us */
	bool ack_passes_on; /* the 2xx that waits for the peer's ACK came from another leg, and its ACK goes there */
	bool has_reliable_answer; /* its INVITE was answered in a reliable 1xx: the 2xx has no description */
	bool answer_unacked; /* a 1xx with a description has passed to it reliably and waits for its PRACK */
	bool ack_has_sdp;       /* ours answered an offer in the 2xx: LEG_LOCAL_SDP */
	bool is_confirmed;      /* the ACK of the INVITE that made it has come */
	bool bye_waits_for_ack; /* RFC 3261 §15: no BYE of the called side before the ACK of its 2xx */
};

static inline struct text leg_text(const struct leg *leg, enum leg_text which)
{
	return packed_text_get(&leg->texts, leg->slices[which]);
}
/* Our and the peer's tag; empty when there is none. */
struct text leg_local_tag(const struct leg *leg);
struct text leg_remote_tag(const struct leg *leg);
/* Is there a dialog in which requests can be sent? */
static inline bool leg_has_dialog(const struct leg *leg)
{
	return leg->state == LEG_EARLY || leg->state == LEG_ESTABLISHED;
}
/* Alive: neither ended nor ending, nor unused. */
static inline bool leg_is_alive(const struct leg *leg)
{
	return leg->state >= LEG_INVITED && leg->state <= LEG_ESTABLISHED;
}

/* Texts by enum leg_text; tags are found in LEG_LOCAL and LEG_REMOTE. false when they are too large or
 * the store is full, and nothing is changed. */
bool leg_set_texts(struct leg *leg, struct store *store, const struct text *texts);
bool leg_set_text(struct leg *leg, struct store *store, enum leg_text which, struct text by);
void leg_clear(struct leg *leg, struct store *store);

/* CSeq of the next request of ours (RFC 3261 §12.2.1.1); at 2^31-1 it stays. */
uint32_t leg_take_cseq(struct leg *leg);
/* A request of the peer (not ACK, CANCEL): false when its number is lower than one before (RFC 3261
 * §12.2.2: 500). @req RF-2 */
bool leg_request_in_order(struct leg *leg, uint32_t cseq);

/* A request of the peer passes on. */
void leg_note_passing(struct leg *leg, struct handle server);

/* Request-URI, Route and next hop of a request of ours (RFC 3261 §12.2.1.1); see dialog_route(). */
bool leg_route(const struct leg *leg, struct text_writer *w, struct text *ret_request_uri,
	       struct text *ret_route, struct text *ret_next_hop);

#endif
