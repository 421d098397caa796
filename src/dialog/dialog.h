/* A dialog as a proxy keeps it: both directions, from the messages that passed (TS 24.229 §5.4.3,
 * RFC 3261 §12). Plain data; Call-ID and From are those of its session. */
#ifndef DIALOG_DIALOG_H
#define DIALOG_DIALOG_H

#include "base/pool.h"
#include "base/random.h"
#include "dialog/packed_text.h"
#include "sip/method.h"

enum dialog_state {
	DIALOG_EARLY,
	DIALOG_ANSWERED, /* 2xx forwarded, no ACK seen */
	DIALOG_CONFIRMED,
	DIALOG_RELEASING, /* by this server */
	DIALOG_ENDED,
};
const char *dialog_state_name(enum dialog_state state);

enum dialog_side { /* of a dialog, seen from us */
		   SIDE_CALLING,
		   SIDE_CALLED,
};
static inline enum dialog_side dialog_other_side(enum dialog_side side)
{
	return side == SIDE_CALLING ? SIDE_CALLED : SIDE_CALLING;
}

/* What came of our BYE or CANCEL on one leg. */
enum leg_outcome {
	LEG_NOT_ASKED,       /* nothing was sent there (yet) */
	LEG_WAITING_FOR_ACK, /* the BYE waits for the caller's ACK */
	LEG_AWAITED,  /* no BYE goes there: one comes from there, through the application servers */
	LEG_SENT,     /* no final answer yet */
	LEG_ANSWERED, /* see the status */
	LEG_TIMED_OUT,
	LEG_TRANSPORT_FAILED,
	LEG_HUNG_UP,            /* the party said BYE itself before ours was due */
	LEG_RELEASED_BY_SERVER, /* its BYE came, or was left to the application server there */
};
const char *leg_outcome_name(enum leg_outcome outcome);
static inline bool leg_outcome_is_final(uint8_t outcome)
{
	return outcome >= LEG_ANSWERED;
}

enum dialog_text {
	DIALOG_TO,     /* To of the response that made the dialog, with tag */
	DIALOG_TARGET, /* + side: URI of the latest Contact of that side */
	DIALOG_ROUTES =
		3, /* + side: route set toward that side, a comma list without our own entries */
	DIALOG_OFFER =
		5, /* SDP offer in a 2xx whose ACK has not come: its ACK must answer it (RFC 3261 §13.2.2.4) */
	DIALOG_TEXTS,
};

struct dialog {
	struct handle session, next; /* next dialog of the session */
	struct packed_text texts;
	struct text_slice slices[DIALOG_TEXTS];
	struct text_slice to_tag;  /* inside the block */
	struct handle contact_use; /* contact of the called user that it was made with */
	uint32_t cseq[2];          /* highest number seen from that side, our own BYEs included */
	uint32_t invite_cseq;      /* of the initial INVITE: its ACK has this number */
	/* INVITE of that side whose 2xx was forwarded and not acknowledged yet; 0: none */
	uint32_t unacked_cseq[2];
	uint64_t retry_at_ms[2]; /* release: when our BYE toward that side is tried again; 0: not */
	uint64_t ack_wait_until_ms; /* release: how long the caller's ACK is waited for */
	uint16_t outcome_status[2]; /* of our BYE toward that side */
	uint8_t outcome[2];         /* enum leg_outcome, likewise */
	bool has_cseq[2];
	bool was_retried[2];
	uint8_t state;          /* enum dialog_state */
	uint8_t leg;            /* of the called side, in the journal */
	uint8_t calling_leg;    /* likewise */
	uint8_t branch;         /* leg of the branch of the INVITE that it came by: several may */
	uint8_t byes_under_way; /* of the parties, forwarded and without a final response */
	struct handle bye;      /* server transaction of the last one */
	bool ack_is_ours; /* we acknowledged the 2xx: the caller's ACK is absorbed (L11, L12) */
};

static inline struct text dialog_text(const struct dialog *dialog, unsigned which)
{
	return packed_text_get(&dialog->texts, dialog->slices[which]);
}
struct text dialog_to_tag(const struct dialog *dialog);

/* What a dialog begins with; views are copied. */
struct dialog_beginning {
	struct text to, to_tag; /* the tag is a view into `to`, or empty (RFC 2543 peers) */
	struct text target[2];
	struct text routes[2];
};
/* false when it would be too large or the store is full. */
bool dialog_begin(struct dialog *dialog, struct store *store, const struct dialog_beginning *from);
void dialog_clear(struct dialog *dialog, struct store *store);
bool dialog_set_text(struct dialog *dialog, struct store *store, unsigned which, struct text by);

/* A request of this side passed: its number counts in its direction, also for PRACK, UPDATE, INFO …
 * ACK and CANCEL never advance it (RFC 3261 §12.2.1.1). */
void dialog_request_passed(struct dialog *dialog, enum dialog_side side, enum sip_method method,
			   uint32_t cseq);

/* The CSeq number for a request of our own in the name of `side`: one more than the highest of that
 * direction; when none was ever seen, random in 1 .. 2^31-2 (TS 24.229 §5.4.5.1.2 step 2). At
 * 2^31-1 it stays there (RFC 3261 §8.1.1.5 forbids more). The number counts as used. */
uint32_t dialog_take_cseq(struct dialog *dialog, enum dialog_side side, struct random *random);

/* Request-URI, Route and next hop of a request of our own in a dialog, RFC 3261 §12.2.1.1: with a
 * strict router as first route, its URI becomes the Request-URI and the remote target the last
 * Route. `*ret_route` is a comma list, perhaps written to `w`, or empty. `*ret_next_hop`: the URI
 * that decides where it goes. false: there is no usable target. */
bool dialog_route(struct text target, struct text routes, struct text_writer *w,
		  struct text *ret_request_uri, struct text *ret_route, struct text *ret_next_hop);
/* The same toward a side of a proxied dialog. */
bool dialog_route_toward(const struct dialog *dialog, enum dialog_side side, struct text_writer *w,
			 struct text *ret_request_uri, struct text *ret_route,
			 struct text *ret_next_hop);

#endif
