/* What a session waits for, for its report; for src/node only. */
#ifndef NODE_WAITS_H
#define NODE_WAITS_H

#include "node/legs.h"

/* Fills in ret->waits; the rest of the report is there already. `first`: of all passages. */
void report_waits(const struct node *node, const struct session *first,
		  struct node_session_report *ret);

#endif
