/* Journal of a session: what came, what went and what was decided, one compact record each,
 * bounded. The ladder (`adieu trace`), the sentence (`adieu why`) and the golden ladders of the
 * tests are made of it. */
#ifndef SESSION_JOURNAL_H
#define SESSION_JOURNAL_H

#include "base/store.h"
#include "session/clauses.h"

#include <stdbool.h>
#include <stdint.h>

enum journal_kind {
	JOURNAL_REQUEST, /* a request; `from` and `to` say whose: LEG_SERVER at one end when we sent or absorbed it, else relayed */
	JOURNAL_RESPONSE, /* a response to a request `method`; `status` */
	JOURNAL_ORDER,    /* the operator ordered the release; status = the code of the Reason */
	JOURNAL_TIMER,    /* a timer ran out; clause says which */
	JOURNAL_OUTCOME, /* what came of our request: `to` = the leg, method, status (0: see `note`) */
	JOURNAL_ENDED, /* the session is over; note = enum session_end */
};

/* Ends of an arrow. Legs are numbered: the calling side, then each dialog or branch of the called
 * side. */
#define LEG_SERVER  0u
#define LEG_CALLING 1u
#define LEG_CALLED  2u /* and 3, 4 … for further branches or dialogs of a forked request */

enum journal_note {
	NOTE_NONE,
	NOTE_TIMEOUT, /* no answer within 64*T1 */
	NOTE_TRANSPORT_FAILED,
	NOTE_ABSORBED, /* received and not forwarded */
	NOTE_NO_ROUTE, /* its host is no address and has no route: nothing was sent */
};

/* Protocol of a Reason (RFC 3326 §2). */
enum journal_reason {
	REASON_NONE,
	REASON_SIP,
	REASON_Q850,
	REASON_PREEMPTION,    /* RFC 4411 */
	REASON_RELEASE_CAUSE, /* TS 24.229 §7.2A.18 */
	REASON_OTHER,
};
const char *journal_reason_name(enum journal_reason reason);

/* A message that was sent again is counted in its record, up to here. */
#define JOURNAL_AGAIN_MAX 15u

struct journal_record {
	uint32_t at_ms; /* since the session began */
	uint32_t cseq;
	uint32_t cseq_onward; /* relayed into another dialog: its number there; 0: the same */
	uint16_t status;
	uint16_t cause; /* of the Reason of a request; 0: none */
	uint8_t kind;   /* enum journal_kind */
	uint8_t from, to;
	uint8_t method; /* enum sip_method */
	uint8_t clause; /* enum session_clause: why this server did it */
	uint8_t note;   /* enum journal_note, or enum session_end in JOURNAL_ENDED */
	uint8_t reason; /* enum journal_reason */
	uint8_t came_again : 4,
		went_again : 4; /* a request: how often more; up to JOURNAL_AGAIN_MAX */
};

/* Grows from 8 to LIMIT_JOURNAL_RECORDS; then the first 16 stay and the later ones run in a ring. */
struct journal {
	struct journal_record *records;
	uint8_t n, max;
	uint8_t ring_next; /* next place to overwrite, once full */
	uint16_t lost;     /* records overwritten or without memory, saturating */
};

void journal_add(struct journal *journal, struct store *store, struct journal_record record);
void journal_clear(struct journal *journal, struct store *store);
/* The i-th in order of time; NULL at the end. */
const struct journal_record *journal_record_at(const struct journal *journal, unsigned i);
/* The latest for 0, the one before it for 1, and so on; NULL: there is none. */
struct journal_record *journal_record_back(struct journal *journal, unsigned i);

#endif
