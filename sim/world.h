/* The world in memory: a clock that jumps from event to event, a network that loses, doubles, delays and reorders as it is told, servers (nodes with their shards)
 * and parties (user agents, relays) at addresses. Everything is drawn from one seed: the same seed gives the same run, message by message. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/random.h"
#include "node/node.h"

#include <stdio.h>

#define WORLD_SHARDS_MAX    8u
#define WORLD_RULES_MAX     64u
#define WORLD_NODE_EPOCH_MS 1000000ull /* the nodes' clock when the world's shows 0 */
#define WORLD_NEVER         (UINT64_MAX / 2)

struct world;

/* A direction of a link: everything from one address to another. Streams know only the delay. */
struct world_link {
	uint32_t delay_ms, jitter_ms;
	uint16_t loss_permille, duplicate_permille;
	uint16_t
		reorder_permille; /* this share is held back by reorder_ms, so that later ones overtake */
	uint32_t reorder_ms;
};

/* What happened to a message on its way. */
enum world_fate {
	FATE_ARRIVES,
	FATE_LOST,
	FATE_NOBODY,  /* nobody lives there: silence */
	FATE_REFUSED, /* port unreachable, or the connection was refused: the sender is told */
};

/* One message that was sent: the network's memory. A message sent twice by the network (duplication) has one entry. */
struct world_crossing {
	uint64_t sent_ms, arrives_ms;
	struct endpoint from, to;
	struct text bytes;
	uint8_t fate; /* enum world_fate */
};

/* A deed on chosen messages: the second BYE from the server to bob, every 200 to an INVITE … */
enum world_deed {
	DEED_LOSE,
	DEED_DELAY, /* by `by_ms` more than the link says */
	DEED_DOUBLE,
};
struct world_rule {
	enum world_deed deed;
	struct endpoint from, to; /* family 0: any */
	uint8_t method; /* enum sip_method: of the request, or of the response's CSeq; SIP_METHODS: any */
	bool responses;       /* responses only (requests only otherwise) */
	uint16_t status;      /* of the response; 0: any; 1..6: the class */
	uint32_t skip, times; /* lets the first `skip` pass, then acts `times` times */
	uint32_t by_ms;
};

/* Somebody who lives at an address, for datagrams and streams alike. */
struct world_party {
	const char *name;
	struct endpoint address; /* transport and flow are not looked at */
	void *self;
	/* `from` has transport and flow of how it came. */
	void (*receive)(void *self, const struct endpoint *from, struct text bytes);
	/* May be NULL. */
	void (*send_failed)(void *self, const struct endpoint *to, struct text bytes);
	bool away;              /* silence */
	bool refuses_datagrams; /* as if nobody lived there, and the sender is told */
	bool refuses_streams;
};

/* A server: one node per shard behind the same listening points. */
struct world_server {
	struct world *world;
	char name[32];
	struct node_settings settings, shard_settings[WORLD_SHARDS_MAX];
	struct node *shards[WORLD_SHARDS_MAX];
	bool has_actions[WORLD_SHARDS_MAX]; /* fed since the last emptying */
};

struct world *world_open(uint64_t seed);
void world_close(struct world *world);
uint64_t world_now(const struct world *world);
struct random *world_random(struct world *world);
/* Feeds of one instant are given to a node together, as a worker does with a batch of datagrams, and their actions are carried out afterwards. Off at first. */
void world_set_batching(struct world *world, bool batching);
/* Log lines of the nodes go there; NULL (at first): nowhere. */
void world_set_log(struct world *world, FILE *log);

/* `settings` are copied (not their texts); shard numbers and seeds are filled in. NULL when out of memory. */
struct world_server *world_add_server(struct world *world, const char *name,
				      const struct node_settings *settings);
struct world_server *world_server_at(struct world *world, unsigned i); /* NULL at the end */
/* Gives the event to every shard (a static binding). */
void world_server_feed_all(struct world_server *server, const struct node_event *event);
/* The operator's order to one shard; what it sends goes out at once, as a worker does. */
enum node_release_verdict world_server_release(struct world_server *server, unsigned shard,
					       const struct node_release_order *order,
					       uint32_t *ret_order);
/* The sum over the shards. */
struct node_counters world_server_counters(struct world_server *server);

void world_add_party(struct world *world, struct world_party *party);
struct world_party *world_party_at(struct world *world, const struct endpoint *address);
/* "alice", "server"; or host:port in `buffer`. */
const char *world_name_of(struct world *world, const struct endpoint *e, char buffer[64]);
/* A host name that means an address (a domain and its server). */
void world_add_name(struct world *world, const char *name, const struct endpoint *address);
bool world_resolve(struct world *world, struct text host, uint16_t port, struct endpoint *ret);

/* For every pair of addresses without a link of its own. */
void world_set_default_link(struct world *world, struct world_link link);
void world_set_link(struct world *world, const struct endpoint *from, const struct endpoint *to,
		    struct world_link link);
void world_add_rule(struct world *world, const struct world_rule *rule);

/* Transport and flow of `to` say how it goes. */
void world_send(struct world *world, const struct endpoint *from, const struct endpoint *to,
		struct text bytes);
/* Calls run(self, a, b) at that time (or now, when it has passed). Cannot be taken back: the owner looks whether it still means something. */
void world_at(struct world *world, uint64_t at_ms, void (*run)(void *self, uint64_t a, uint64_t b),
	      void *self, const uint64_t ab[2]);

/* Until nothing is left to wait for or the time has come; the clock then shows until_ms, unless nothing was left before. true when nothing is left. */
bool world_run_until(struct world *world, uint64_t until_ms);
/* Until `done` says so, looked at after every instant. false when the time came or nothing was left first. */
bool world_run_while(struct world *world, uint64_t until_ms, bool (*is_done)(void *self),
		     void *self);
/* A node did not come to rest within one instant. */
bool world_is_stuck(const struct world *world);

unsigned world_n_crossings(const struct world *world);
const struct world_crossing *world_crossing(const struct world *world, unsigned i);
/* One line: time, from, arrow, to, what. `call_id` empty: every call. */
void world_put_crossing(struct world *world, const struct world_crossing *crossing,
			struct text_writer *w);
/* The wire ladder of all, or of one call, to a stream; `whole` writes the messages too. */
void world_print(struct world *world, FILE *out, struct text call_id, bool whole);

#endif
