/* What the ladder and the answer to "why?" have in common, for src/node only. */
#ifndef NODE_LADDER_PARTS_H
#define NODE_LADDER_PARTS_H

#include "node/ladder.h"

/* "callee: 200 to BYE" */
void ladder_put_outcome(struct text_writer *w, const struct node_session_report *session,
			const struct journal_record *record);
/* "0.310 s"; a window, as the operator would write it: "8 s", "0.3 s" */
void ladder_put_seconds(struct text_writer *w, uint64_t ms);
void ladder_put_window(struct text_writer *w, uint32_t ms);
/* " (TS 24.237 §12.3.1)" */
void ladder_put_clause(struct text_writer *w, unsigned clause);
/* How the race of an anchored session was decided, or stands, in a sentence or two; nothing when there was
 * none. */
void ladder_put_transfer(struct text_writer *w, const struct node_session_report *session,
			 uint64_t now_ms);

#endif
