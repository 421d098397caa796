/* The race explorer: runs every interleaving of a scenario's events, messages, losses and timers up to a bound, each on a real node (race_run.h), and counts those in which
 * something does not hold.
 *
 * A run is a sequence of choices. Each costs 0 or 1: nothing, as long as messages arrive in the order they were sent and anything else happens while none is on its way; 1 for a
 * message that passes by one of another direction, an event or the passing of time while messages are on their way, a message lost, a message overtaken by the next. The runs of
 * cost 0 are explored first and all, then those of cost 1, and so on, as long as a whole level fits into what is left of the bound (at least as many runs as were seen to branch off
 * from the level before); what is left then is drawn at random from all levels not done, so that it does not stay in one corner. No run is counted twice. */
#ifndef SIM_RACES_H
#define SIM_RACES_H

#include "race_run.h"

struct races_options {
	const char *scenario; /* NULL: all */
	uint64_t runs;        /* bound on the interleavings of all scenarios together */
	unsigned level_max;   /* no runs that cost more */
	enum race_fault fault;
	uint64_t seed; /* of what is drawn */
	bool goes_on;  /* after the first violation; one of each invariant is printed */
	uint32_t runs_of_node;
};

struct races_figures {
	uint64_t interleavings, violations;
	uint64_t histories; /* different as the server saw them: messages and times */
	uint64_t messages;
	uint64_t
		diverged; /* runs that went another way than the one they began like: the node drew other numbers */
	uint64_t executed; /* runs, those not counted included */
};

/* The table of scenarios; NULL at the end. */
const struct race_scenario *races_scenario(unsigned i);
const struct race_scenario *races_scenario_named(const char *name, size_t len);
/* Explores, reports to `out`. false: out of memory, or no such scenario. */
bool races_explore(const struct races_options *options, FILE *out, struct races_figures *ret);
/* One run, "main:12uM." as printed for a violation, with every step. `ret`: what came of it. false: not a string of choices that can be made. */
bool races_replay(const char *string, enum race_fault fault, FILE *out, enum race_invariant *ret);

#endif
