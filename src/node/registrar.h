/* The registrar's side of a node: REGISTER, subscriptions to the registration state, and what is sent
 * because a registration changed. All of it happens on shard 0 (docs/adr/0018); the other shards only
 * copy the bindings. */
#ifndef NODE_REGISTRAR_H
#define NODE_REGISTRAR_H

#include "node/internal.h"

#define REGISTRAR_SHARD 0u

/* Opens the registrar of this node's shard; nothing on the other shards. false: out of memory. */
bool registrar_open(struct node *node);
void registrar_close(struct node *node);

/* Does this request belong to the registrar's shard? REGISTER, and SUBSCRIBE to the registration state. A
 * look at the beginning of the lines, without parsing. */
bool node_is_for_registrar(struct text message);

/* --- registrar.c ---------------------------------------------------------------------------- */

/* A REGISTER for this server, in node->message; not a retransmission. */
void registrar_register(struct node *node, const struct endpoint *source, uint8_t local,
			const struct server_key *key);
/* A timer of NODE_TIMER_BINDING ran out. */
void registrar_binding_expired(struct node *node, struct timer *timer);
/* The bindings may have changed: tells those who watch the registrations. Called at the end of every step
 * that changes bindings. */
void registrar_bindings_changed(struct node *node);
/* node_deregister() within a step: what is to be released is left for its end. */
unsigned registrar_deregister(struct node *node, struct text user, struct text contact);

/* A NOTIFY or a third-party REGISTER (client->owner CLIENT_OF_REGISTRAR) got a response, or none:
 * `status` 408 or 503 without a message. Provisional ones are not told. */
void registrar_answered(struct node *node, struct client_transaction *client, unsigned status);
/* How many live: a gauge. */
uint64_t registrar_subscriptions(const struct node *node);

/* --- registrar_events.c: subscriptions to the registration state, RFC 3680, TS 24.229 §5.4.2.1 */

/* A SUBSCRIBE in node->message, outside a dialog or inside one of ours. false: none of its business, and
 * nothing was done. */
bool registrar_subscribe(struct node *node, const struct endpoint *source, uint8_t local,
			 const struct server_key *key);
/* A timer of NODE_TIMER_SUBSCRIPTION ran out. */
void registrar_subscription_expired(struct node *node, struct timer *timer);

/* --- among the files of the registrar ------------------------------------------------------- */

struct registrar {
	struct authentication *authentication;
	struct pool *subscriptions, *third_party;
	struct map subscriptions_by_user;
	char *lines, *changes; /* of the step at hand */
};

#define REGISTRAR_CHANGES_BYTES ((size_t)REGISTER_CHANGES_MAX * BINDING_LINE_BYTES_MAX)

/* Sends changes of the bindings to the other shards. */
void registrar_tell_shards(struct node *node, struct text changes);
/* A line of P-Charging-Vector with a new icid (RFC 7315 §5.6). */
void registrar_put_charging_vector(struct node *node, struct text_writer *w);

/* What a request of the registrar's own is made of; `w` and the texts live during the call. */
struct registrar_request {
	enum sip_method method;
	struct text next_uri; /* where it goes: the first of the route, or the Request-URI */
	struct handle owned;
	struct sip_request_parts parts; /* all but method, via */
};
/* false: it cannot be sent. */
bool registrar_send(struct node *node, const struct registrar_request *request);

/* registrar_events.c */
bool registrar_events_open(struct node *node);
void registrar_events_close(struct node *node);
/* Contacts of `user` were added. */
void registrar_events_added(struct node *node, struct text user);
/* A contact is gone; its texts are still there. */
void registrar_events_gone(struct node *node, const struct binding *binding);
void registrar_notify_answered(struct node *node, struct client_transaction *client,
			       unsigned status);

/* registrar_third_party.c */
bool registrar_third_party_open(struct node *node);
void registrar_third_party_close(struct node *node);
/* The application servers are told. `request` and `response`: the user's REGISTER as it came and our answer
 * as it went out, when that did it; else empty. */
void registrar_third_party_register(struct node *node, struct text user, unsigned type,
				    uint32_t expires_s, struct text request, struct text response);
void registrar_third_party_answered(struct node *node, struct client_transaction *client,
				    unsigned status);

#endif
