/* What must hold in every run, whatever was lost, doubled or reordered. */
#ifndef SIM_INVARIANTS_H
#define SIM_INVARIANTS_H

#include "ue.h"

/* While it goes on, after every instant if need be: gauges that contradict each other. */
bool invariants_hold_now(struct world_server *server, struct text_writer *report);

struct invariants_cast {
	struct ue **ues;
	unsigned n_ues;
	struct world_server *server;
	struct node_counters at_start;
	/* The orders that were given, one number per shard (0: none). */
	uint32_t (*orders)[WORLD_SHARDS_MAX];
	unsigned n_orders;
};
/* After the end, when nothing is left to wait for. What does not hold is written to `report`, and `ret_call_id` names the call of the first fault (empty: none). */
bool invariants_hold_at_end(const struct invariants_cast *cast, struct text_writer *report,
			    char ret_call_id[LIMIT_CALL_ID_BYTES + 1]);

#endif
