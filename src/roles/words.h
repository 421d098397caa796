/* The verbs in which a procedure says what is to be done. A procedure looks at an event and at the
 * session and says actions; it never sends, allocates, logs or frees. The node carries them out, in
 * order. */
#ifndef ROLES_WORDS_H
#define ROLES_WORDS_H

#include "base/limits.h"
#include "session/session.h"

enum verb {
	ANSWER_REQUEST,  /* answer the request at hand with `status` (an ACK is absorbed) */
	FORWARD_REQUEST, /* pass the request at hand on */
	SEND_BYE,        /* toward `side` of `dialog`, with `cseq`, directly */
	TREAT_BYE_AS_RECEIVED, /* the same BYE, but first through service control as if the other side had sent it */
	SEND_ACK, /* toward the called side of `dialog`: for a 2xx that the caller may never acknowledge */
	CANCEL_BRANCHES, /* of the initial INVITE, with the Reason of the release */
	ANSWER_INVITE,   /* final response `status` to the caller, with the Reason of the release */
	RELAY_2XX,     /* the 2xx at hand to the caller although it had a final response already */
	WAIT_FOR_ACK,  /* come back after 64*T1 at the latest */
	WAIT_TO_RETRY, /* come back in `wait_ms` for this leg */
	END_DIALOG,
	END_SESSION, /* `end`, `status` */
};

struct action {
	enum verb verb;
	enum session_clause clause; /* why; goes into the journal */
	struct dialog *dialog;
	enum dialog_side side;
	uint32_t cseq;
	uint32_t wait_ms;
	uint16_t status;
	enum session_end end;
};

#define ACTIONS_MAX (4u * LIMIT_DIALOGS + 8u)

struct actions {
	unsigned n;
	struct action list[ACTIONS_MAX];
};

/* Appends; more than ACTIONS_MAX is a mistake of ours. */
void act(struct actions *out, struct action action);

#endif
