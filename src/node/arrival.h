/* What is found out about a request before its procedure: RFC 3261 §16.3 (validation), §16.4 (route
 * information). */
#ifndef NODE_ARRIVAL_H
#define NODE_ARRIVAL_H

#include "node/internal.h"

/* Of the request in node->message. */
struct arrival {
	const struct endpoint *source;
	uint8_t local;
	struct server_key key;
	struct own_route
		route; /* of our topmost own Route, or of the Request-URI when the hop before us is a strict router */
	struct forwarding forwarding;
	unsigned n_routes;
	bool passed_before;
	bool has_bad_route;
	struct text charging_vector; /* value that goes on */
	bool has_too_many_vias; /* one more would be refused by the next hop, or by us on its way back */
};

/* Takes note of the Route values that are ours, and of what stands in them. */
void arrival_take_own_routes(struct node *node, struct arrival *a);
/* Everything that the way of a request depends on (RFC 3261 §16.6 step 8). */
uint32_t arrival_loop_hash(const struct node *node);
/* false: answered. */
bool arrival_is_valid_to_forward(struct node *node, struct arrival *a);

/* Without a transaction; an ACK gets no answer. */
void arrival_answer(struct node *node, const struct arrival *a, unsigned status,
		    const char *reason_phrase, struct text lines);
void arrival_answer_503(struct node *node, const struct arrival *a);
/* A refusal of our own, with the header that its status wants. */
void server_refuse(struct node *node, struct server_transaction *server, unsigned status);

/* --- serve_initial_request.c --- */

/* An initial request, anew or back from an application server. */
void serve_initial_request(struct node *node, struct arrival *a);
/* A request inside a dialog that is not kept here, along its routes. */
void forward_outside_sessions(struct node *node, struct arrival *a);

#endif
