/* A relay: a record-routing proxy without state between a user agent and the server, as a P-CSCF stands there. It adds Via, Record-Route and, to a REGISTER, Path; and it
 * follows Route, as a loose router or as a strict one of RFC 2543. */
#ifndef SIM_RELAY_H
#define SIM_RELAY_H

#include "world.h"

struct relay {
	struct world *world;
	struct world_party party;
	char name[32];
	struct endpoint next_hop; /* of requests that name none */
	bool is_strict;           /* its Record-Route has no lr */
	bool is_absent;           /* does not record-route: later requests pass it by */
	unsigned n_bad;           /* messages that it could make nothing of */
};

struct relay *relay_open(struct world *world, const char *name, const struct endpoint *address,
			 const struct endpoint *next_hop);
void relay_close(struct relay *relay);

#endif
