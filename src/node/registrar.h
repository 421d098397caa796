/* The registrar's side of a node: REGISTER, subscriptions to the registration state, and what is sent
 * because a registration changed. All of it happens on shard 0 (docs/adr/0018); the other shards only
 * copy the bindings. */
#ifndef NODE_REGISTRAR_H
#define NODE_REGISTRAR_H

#include "node/internal.h"

/* A REGISTER for this server, in node->message; not a retransmission. */
void registrar_register(struct node *node, const struct endpoint *source, uint8_t local,
			const struct server_key *key);

#endif
