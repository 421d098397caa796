/* A session: what every role keeps about a call. Plain data in one pooled block, its words in one
 * packed block, its history in the journal; handles, no pointers, to other things. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/timers.h"
#include "dialog/dialog.h"
#include "session/journal.h"

enum session_state {
	SESSION_ESTABLISHING, /* no 2xx yet */
	SESSION_ANSWERED,     /* 2xx forwarded, no ACK seen */
	SESSION_CONFIRMED,
	SESSION_RELEASING, /* by this server */
	SESSION_ENDED,     /* remembered for `why` and `trace` only */
};
const char *session_state_name(enum session_state state);

/* Why a session ended. */
enum session_end {
	SESSION_END_NONE,
	SESSION_END_BYE_OF_CALLING, /* the calling party hung up */
	SESSION_END_BYE_OF_CALLED,
	SESSION_END_RELEASED,      /* by the operator's order */
	SESSION_END_REJECTED,      /* final response other than 2xx; end_status */
	SESSION_END_CANCELLED,     /* by the calling party */
	SESSION_END_NO_ANSWER,     /* Timer B, Timer C or unreachable */
	SESSION_END_SESSION_TIMER, /* RFC 4028, forgotten without a BYE */
	SESSION_END_LOST, /* a 481 in the dialog showed that the peer does not know it any more */
	SESSION_END_BYE_OF_SERVER, /* an application server hung up */
	SESSION_END_DEREGISTERED,  /* released because the registration of a contact ended */
	SESSION_END_BYE_OF_MSC,    /* the MSC server hung up after a transfer */
	SESSION_END_NO_TRANSFER,   /* the source access leg was lost and no transfer came about */
	SESSION_END_OTHER_TRANSFERRED, /* another session of the user was transferred, this one was not */
	SESSION_ENDS,
};
const char *session_end_name(enum session_end end);

enum session_text {
	SESSION_CALL_ID,
	SESSION_FROM,         /* of the initial INVITE, with tag */
	SESSION_CALLING_USER, /* addresses of record */
	SESSION_CALLED_USER,
	SESSION_CHARGING_VECTOR, /* P-Charging-Vector of the INVITE (RFC 7315) */
	SESSION_REASON_TEXT,     /* of the release */
	SESSION_REASON_LINES, /* anchored sessions: Reason header lines that a BYE came with, for those that follow from it */
	SESSION_SERVERS, /* URIs of the application servers, one line each, in the order of their legs */
	SESSION_TEXTS,
};

/* Whom this S-CSCF serves in the session (TS 24.229 §5.4.5.1.2: the release differs by it). */
#define SERVES_CALLING 1u
#define SERVES_CALLED  2u
const char *session_served_name(unsigned served);

/* Who is on one side of a passage of a session through this server. */
enum session_side_kind {
	SIDE_IS_OUTSIDE,           /* another network, or a user that is not served here */
	SIDE_IS_USER,              /* the served user: reached directly */
	SIDE_IS_SERVER_OF_CALLING, /* an application server, in the service control of the calling user */
	SIDE_IS_SERVER_OF_CALLED,
};

/* What a release has to do on one side (TS 24.229 §5.4.5.1.2 steps 3 to 6). */
enum release_part {
	RELEASE_NOW,    /* a BYE (CANCEL, final response) of ours */
	RELEASE_AWAIT,  /* one comes from there, through the application servers */
	RELEASE_FOLLOW, /* it goes on to there when it has come from the other side */
	RELEASE_LEFT, /* nothing any more: the server there, a proxy, has had its BYE and failed */
};

enum session_timer_kind {
	SESSION_TIMER_EXPIRES = 16, /* RFC 4028 */
	SESSION_TIMER_ANCHORED,     /* next wait of a session of the SCC AS */
	SESSION_TIMER_RELEASE, /* next step of a release: 64*T1 without ACK, or a BYE tried again */
};

struct session {
	struct timer timer;
	struct journal journal;
	struct packed_text texts;
	struct text_slice slices[SESSION_TEXTS];
	struct text_slice from_tag; /* inside the block */
	struct handle first_dialog;
	struct handle invite; /* server transaction of the initial INVITE, while it lives */
	struct handle
		passage; /* of service control; not set: no application server is in the path */
	struct handle
		anchored; /* legs of ours (SCC AS); not set: the dialogs pass through a proxy */
	struct handle
		calling_contact_use; /* contact that the calling user called from; not set: none known */
	uint64_t clauses_counted
		[2]; /* bit by enum session_clause, of the first passage: in the counters already */
	uint64_t began_ms;
	uint32_t answered_after_ms, ended_after_ms; /* since began_ms; 0: not yet */
	uint32_t expires_s;                         /* negotiated interval; 0: none */
	uint32_t release_order;                     /* number of the operator's order; 0: none */
	uint32_t hash;                              /* of the Call-ID */
	uint32_t invite_cseq;
	uint16_t reason_status; /* of the release */
	uint16_t end_status;
	uint16_t
		setup_status; /* final response of ours to the INVITE when released before the answer */
	uint16_t cancel_status;   /* release before the answer: what the branches said at last */
	uint8_t state;            /* enum session_state */
	uint8_t end;              /* enum session_end */
	uint8_t served;           /* SERVES_… */
	uint8_t sides[2];         /* enum session_side_kind, by enum dialog_side */
	uint8_t release_parts[2]; /* enum release_part, likewise */
	uint8_t n_dialogs;
	uint8_t next_leg; /* for the journal */
	uint8_t release_why; /* enum session_clause: what began the release; of the first passage; 0: none */
	uint8_t first_bye_leg;  /* of the party that said BYE first; 0: none yet */
	uint32_t server_legs;   /* bit by leg: an application server is there */
	uint8_t cancel_outcome; /* enum leg_outcome of the CANCELled branches */
	uint8_t pending_branches; /* client transactions of the initial INVITE without a final response */
	bool invite_has_offer;
	bool ack_seen;
	bool bye_came_first; /* the release was ordered while a party's BYE was under way: that BYE is why it ended */
	bool early_bye; /* the calling party ended an early dialog with BYE: the 487 that follows is its doing */
};

static inline struct text session_text(const struct session *session, enum session_text which)
{
	return packed_text_get(&session->texts, session->slices[which]);
}
static inline struct text session_from_tag(const struct session *session)
{
	return packed_text_get(&session->texts, session->from_tag);
}
/* texts by enum session_text; the tag is a view into texts[SESSION_FROM] or empty. */
bool session_set_texts(struct session *session, struct store *store, const struct text *texts,
		       struct text from_tag);
/* Replaces one text but SESSION_FROM. */
bool session_set_text(struct session *session, struct store *store, enum session_text which,
		      struct text by);

#endif
