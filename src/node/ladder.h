/* From the journal of a session: its ladder, and the answer to "why did it end?". Pure text, for
 * the operator's command, the golden files of the tests and the documentation. */
#ifndef NODE_LADDER_H
#define NODE_LADDER_H

#include "node/node.h"

/* The ladder: one column per leg and one for the server, one arrow per record, at its right the
 * clause for everything that the server decided itself. `w` should have 32 KiB. `clock_to_wall_ms`:
 * added to the node's clock for the date in the heading; 0: times since the begin only (golden
 * files). */
void ladder_put(struct text_writer *w, const struct node_session_report *session,
		uint64_t clock_to_wall_ms);
/* One to a few sentences: of a session of the SCC AS how a transfer was decided; what ended (or holds) the
 * session, who did it, what came of each leg, and the clauses. */
void ladder_put_why(struct text_writer *w, const struct node_session_report *session,
		    uint64_t now_ms);

#endif
