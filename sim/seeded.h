/* A seeded run: user agents that call each other at random over a bad network, while the operator releases; then the invariants. */
#ifndef SIM_SEEDED_H
#define SIM_SEEDED_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct seeded_figures {
	uint64_t messages, calls, byes, releases, timed_out;
};

/* true when every invariant held; else `report` tells what did not, with the number of the seed and the wire ladder of the call concerned. */
bool seeded_run(uint64_t seed, struct text_writer *report, struct seeded_figures *ret);

#endif
