/* Clock, network and servers of the world in memory. */
#include "world.h"

#include "sip/message.h"

#include <assert.h>
#include <stdlib.h>

/* The nodes' clock is ahead of the world's: 0 means "not yet" in their reports. */
#define NODE_CLOCK(world) ((world)->now_ms + WORLD_NODE_EPOCH_MS)

struct event {
	uint64_t at_ms;
	uint64_t
		order; /* deliveries before everything else of the same instant, then as they were made */
	void (*run)(void *self, uint64_t a, uint64_t b);
	void *self;
	uint64_t ab[2];
};

struct named {
	char name[64];
	struct endpoint address;
};

struct pair {
	struct endpoint from, to;
	struct world_link link;
	bool has_link;
	uint64_t last_arrival_ms; /* of a stream: order is kept */
};

struct rule_state {
	struct world_rule rule;
	uint32_t seen;
};

struct world {
	uint64_t now_ms, n_events_made;
	struct random random;
	struct event *heap;
	size_t n_heap, max_heap;
	struct world_crossing *crossings;
	unsigned n_crossings, max_crossings;
	struct world_server **servers;
	unsigned n_servers;
	struct world_party **parties;
	unsigned n_parties;
	struct named names[32];
	unsigned n_names;
	struct pair *pairs;
	unsigned n_pairs;
	struct rule_state rules[WORLD_RULES_MAX];
	unsigned n_rules;
	struct world_link default_link;
	FILE *log;
	bool batching, stuck;
	struct sip_message scratch;
};

/* ------------------------------------------------------------------ beginning and end */

struct world *world_open(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	assert(world);
	world->random = random_from(seed, 0x776f726c64ull);
	world->default_link = (struct world_link){.delay_ms = 5};
	return world;
}

void world_close(struct world *world)
{
	if (!world)
		return;
	for (unsigned i = 0; i < world->n_servers; i++) {
		for (unsigned s = 0; s < WORLD_SHARDS_MAX; s++)
			node_close(world->servers[i]->shards[s]);
		free(world->servers[i]);
	}
	for (unsigned i = 0; i < world->n_crossings; i++)
		free((void *)(uintptr_t)world->crossings[i].bytes.at);
	free(world->crossings);
	free(world->servers);
	free(world->parties);
	free(world->pairs);
	free(world->heap);
	free(world);
}

uint64_t world_now(const struct world *world)
{
	return world->now_ms;
}

struct random *world_random(struct world *world)
{
	return &world->random;
}

void world_set_batching(struct world *world, bool batching)
{
	world->batching = batching;
}

void world_set_log(struct world *world, FILE *log)
{
	world->log = log;
}

bool world_is_stuck(const struct world *world)
{
	return world->stuck;
}

/* ------------------------------------------------------------------ event queue */

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_push(struct world *world, struct event event)
{
	size_t i;

	if (world->n_heap == world->max_heap) {
		world->max_heap = world->max_heap ? world->max_heap * 2 : 256;
		world->heap = realloc(world->heap, world->max_heap * sizeof(event));
		assert(world->heap);
	}
	i = world->n_heap++;
	while (i && is_before(&event, &world->heap[(i - 1) / 2])) {
		world->heap[i] = world->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	world->heap[i] = event;
}

static struct event heap_pop(struct world *world)
{
	struct event top = world->heap[0], last = world->heap[--world->n_heap];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= world->n_heap)
			break;
		if (child + 1 < world->n_heap &&
		    is_before(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (!is_before(&world->heap[child], &last))
			break;
		world->heap[i] = world->heap[child];
		i = child;
	}
	world->heap[i] = last;
	return top;
}

#define ORDER_OF_TIMERS (1ull << 62)

void world_at(struct world *world, uint64_t at_ms, void (*run)(void *self, uint64_t a, uint64_t b),
	      void *self, const uint64_t ab[2])
{
	heap_push(world, (struct event){
				 .at_ms = at_ms < world->now_ms ? world->now_ms : at_ms,
				 .order = ORDER_OF_TIMERS + world->n_events_made++,
				 .run = run,
				 .self = self,
				 .ab = {ab ? ab[0] : 0, ab ? ab[1] : 0},
			 });
}

/* ------------------------------------------------------------------ names, links, rules */

static bool same_place(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_address(a, b) && a->port == b->port;
}

void world_add_party(struct world *world, struct world_party *party)
{
	world->parties =
		realloc(world->parties, (world->n_parties + 1) * sizeof(struct world_party *));
	assert(world->parties);
	world->parties[world->n_parties++] = party;
}

struct world_party *world_party_at(struct world *world, const struct endpoint *address)
{
	for (unsigned i = 0; i < world->n_parties; i++)
		if (same_place(&world->parties[i]->address, address))
			return world->parties[i];
	return NULL;
}

static struct world_server *server_of(struct world *world, const struct endpoint *address)
{
	for (unsigned i = 0; i < world->n_servers; i++)
		for (unsigned l = 0; l < world->servers[i]->settings.n_listen; l++)
			if (same_place(&world->servers[i]->settings.listen[l], address))
				return world->servers[i];
	return NULL;
}

const char *world_name_of(struct world *world, const struct endpoint *e, char buffer[64])
{
	struct text_writer w = text_writer_on(buffer, 63);
	struct world_party *party = world_party_at(world, e);
	struct world_server *server = server_of(world, e);

	if (party)
		return party->name;
	if (server)
		return server->name;
	endpoint_put(&w, e);
	buffer[w.len] = 0;
	return buffer;
}

void world_add_name(struct world *world, const char *name, const struct endpoint *address)
{
	struct named *named = &world->names[world->n_names++];

	assert(world->n_names <= 32);
	snprintf(named->name, sizeof(named->name), "%s", name);
	named->address = *address;
}

bool world_resolve(struct world *world, struct text host, uint16_t port, struct endpoint *ret)
{
	struct endpoint e = {.port = port ? port : 5060};

	if (endpoint_parse_ip(host, &e)) {
		*ret = e;
		return true;
	}
	for (unsigned i = 0; i < world->n_names; i++) {
		if (!text_equal_nocase(host, text_of(world->names[i].name)))
			continue;
		*ret = world->names[i].address;
		return true;
	}
	return false;
}

static struct pair *pair_of(struct world *world, const struct endpoint *from,
			    const struct endpoint *to)
{
	for (unsigned i = 0; i < world->n_pairs; i++)
		if (same_place(&world->pairs[i].from, from) && same_place(&world->pairs[i].to, to))
			return &world->pairs[i];
	world->pairs = realloc(world->pairs, (world->n_pairs + 1) * sizeof(struct pair));
	assert(world->pairs);
	world->pairs[world->n_pairs] = (struct pair){.from = *from, .to = *to};
	return &world->pairs[world->n_pairs++];
}

void world_set_default_link(struct world *world, struct world_link link)
{
	world->default_link = link;
}

void world_set_link(struct world *world, const struct endpoint *from, const struct endpoint *to,
		    struct world_link link)
{
	struct pair *pair = pair_of(world, from, to);

	pair->link = link;
	pair->has_link = true;
}

void world_add_rule(struct world *world, const struct world_rule *rule)
{
	assert(world->n_rules < WORLD_RULES_MAX);
	world->rules[world->n_rules++] = (struct rule_state){.rule = *rule};
}

static bool rule_means(const struct world_rule *rule, const struct world_crossing *c,
		       const struct sip_message *m)
{
	if (endpoint_is_set(&rule->from) && !same_place(&rule->from, &c->from))
		return false;
	if (endpoint_is_set(&rule->to) && !same_place(&rule->to, &c->to))
		return false;
	if (rule->responses == m->is_request)
		return false;
	if (rule->method != SIP_METHODS && rule->method != m->method)
		return false;
	if (!rule->responses || !rule->status)
		return true;
	return rule->status < 10 ? m->status / 100 == rule->status : m->status == rule->status;
}

/* The first rule that acts on this message, or NULL. */
static const struct world_rule *rule_for(struct world *world, const struct world_crossing *c)
{
	const struct world_rule *acting = NULL;

	if (!world->n_rules ||
	    sip_parse(&world->scratch, c->bytes.at, c->bytes.len, SIP_DATAGRAM) == SIP_NOISE)
		return NULL;
	for (unsigned i = 0; i < world->n_rules; i++) {
		struct rule_state *state = &world->rules[i];

		if (!rule_means(&state->rule, c, &world->scratch))
			continue;
		state->seen++;
		if (!acting && state->seen > state->rule.skip &&
		    state->seen - state->rule.skip <= state->rule.times)
			acting = &state->rule;
	}
	return acting;
}

/* ------------------------------------------------------------------ servers */

static void server_empty(struct world_server *server, unsigned shard);

static void server_feed(struct world_server *server, unsigned shard, const struct node_event *event)
{
	struct world *world = server->world;

	if (!node_has_room(server->shards[shard]))
		server_empty(server, shard);
	node_feed(server->shards[shard], NODE_CLOCK(world), event);
	server->has_actions[shard] = true;
	if (!world->batching)
		server_empty(server, shard);
}

static void server_do(struct world_server *server, unsigned shard, const struct node_action *action)
{
	struct world *world = server->world;
	const struct endpoint *listen = &server->settings.listen[action->local];

	switch (action->kind) {
	case NODE_ACTION_SEND:
		assert(action->local < server->settings.n_listen);
		assert(listen->transport == action->peer.transport);
		world_send(world, listen, &action->peer, action->bytes);
		break;
	case NODE_ACTION_BINDING:
		for (unsigned s = 0; s < server->settings.n_shards; s++)
			if (s != shard)
				server_feed(server, s,
					    &(struct node_event){.kind = NODE_EVENT_BINDING,
								 .bytes = action->bytes});
		break;
	case NODE_ACTION_LOG:
		if (world->log)
			fprintf(world->log, "%8llu %s: %.*s\n", (unsigned long long)world->now_ms,
				server->name, TEXT_ARGS(action->bytes));
		break;
	}
}

static void server_empty(struct world_server *server, unsigned shard)
{
	struct node_action action;

	server->has_actions[shard] = false;
	while (node_next_action(server->shards[shard], &action))
		server_do(server, shard, &action);
	node_actions_done(server->shards[shard]);
}

enum node_release_verdict world_server_release(struct world_server *server, unsigned shard,
					       const struct node_release_order *order,
					       uint32_t *ret_order)
{
	enum node_release_verdict verdict =
		node_release(server->shards[shard], NODE_CLOCK(server->world), order, ret_order);

	server_empty(server, shard);
	return verdict;
}

struct world_server *world_add_server(struct world *world, const char *name,
				      const struct node_settings *settings)
{
	struct world_server *server = calloc(1, sizeof(*server));

	assert(server && settings->n_shards && settings->n_shards <= WORLD_SHARDS_MAX);
	server->world = world;
	server->settings = *settings;
	snprintf(server->name, sizeof(server->name), "%s", name);
	for (unsigned s = 0; s < settings->n_shards; s++) {
		server->shard_settings[s] = *settings;
		server->shard_settings[s].shard = s;
		server->shards[s] =
			node_open(&server->shard_settings[s], random_u64(&world->random),
				  random_u64(&world->random), NODE_CLOCK(world));
		assert(server->shards[s]);
	}
	world->servers =
		realloc(world->servers, (world->n_servers + 1) * sizeof(struct world_server *));
	assert(world->servers);
	world->servers[world->n_servers++] = server;
	return server;
}

struct world_server *world_server_at(struct world *world, unsigned i)
{
	return i < world->n_servers ? world->servers[i] : NULL;
}

void world_server_feed_all(struct world_server *server, const struct node_event *event)
{
	for (unsigned s = 0; s < server->settings.n_shards; s++)
		server_feed(server, s, event);
}

struct node_counters world_server_counters(struct world_server *server)
{
	struct node_counters sum = {0};

	for (unsigned s = 0; s < server->settings.n_shards; s++) {
		const struct node_counters *one = node_counters(server->shards[s]);

#define ADD(name, help) sum.name += one->name;
		NODE_GAUGES(ADD)
		NODE_COUNTS(ADD)
#undef ADD
		for (unsigned c = 0; c < N_CLAUSES; c++)
			sum.clauses[c] += one->clauses[c];
	}
	return sum;
}

static void server_receive(struct world_server *server, const struct world_crossing *c, bool failed)
{
	const struct endpoint *own = failed ? &c->from : &c->to;
	struct node_event event = {.kind = failed ? NODE_EVENT_SEND_FAILED : NODE_EVENT_MESSAGE,
				   .peer = failed ? c->to : c->from,
				   .bytes = c->bytes};

	for (unsigned l = 0; l < server->settings.n_listen; l++)
		if (endpoint_equal(&server->settings.listen[l], own))
			event.local = (uint8_t)l;
	server_feed(server, node_shard_of(c->bytes, server->settings.n_shards), &event);
}

/* ------------------------------------------------------------------ the network */

static void deliver(void *self, uint64_t index, uint64_t unused)
{
	struct world *world = self;
	struct world_crossing c = world->crossings[index];
	struct world_party *party = world_party_at(world, &c.to);
	struct world_server *server = server_of(world, &c.to);

	(void)unused;
	if (party && !party->away)
		party->receive(party->self, &c.from, c.bytes);
	else if (server)
		server_receive(server, &c, false);
}

static void tell_sender(void *self, uint64_t index, uint64_t unused)
{
	struct world *world = self;
	struct world_crossing c = world->crossings[index];
	struct world_party *party = world_party_at(world, &c.from);
	struct world_server *server = server_of(world, &c.from);

	(void)unused;
	if (party && party->send_failed)
		party->send_failed(party->self, &c.to, c.bytes);
	else if (server)
		server_receive(server, &c, true);
}

static enum world_fate fate_at(struct world *world, const struct endpoint *to)
{
	bool stream = transport_is_reliable(to->transport);
	struct world_party *party = world_party_at(world, to);
	struct world_server *server = server_of(world, to);

	if (server) {
		for (unsigned l = 0; l < server->settings.n_listen; l++)
			if (endpoint_equal(&server->settings.listen[l], to))
				return FATE_ARRIVES;
		return stream ? FATE_REFUSED : FATE_NOBODY;
	}
	if (!party)
		return stream ? FATE_REFUSED : FATE_NOBODY;
	if (stream ? party->refuses_streams || party->away : party->refuses_datagrams)
		return FATE_REFUSED;
	return party->away ? FATE_NOBODY : FATE_ARRIVES;
}

static struct world_crossing *remember(struct world *world, const struct endpoint *from,
				       const struct endpoint *to, struct text bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	assert(copy);
	memcpy(copy, bytes.at, bytes.len);
	if (world->n_crossings == world->max_crossings) {
		world->max_crossings = world->max_crossings ? world->max_crossings * 2 : 256;
		world->crossings = realloc(world->crossings,
					   world->max_crossings * sizeof(world->crossings[0]));
		assert(world->crossings);
	}
	world->crossings[world->n_crossings] =
		(struct world_crossing){.sent_ms = world->now_ms,
					.from = *from,
					.to = *to,
					.bytes = {copy, bytes.len},
					.fate = (uint8_t)fate_at(world, to)};
	return &world->crossings[world->n_crossings++];
}

static bool happens(struct world *world, uint16_t permille)
{
	return permille && random_below(&world->random, 1000) < permille;
}

static uint64_t arrival(struct world *world, const struct world_link *link)
{
	uint64_t at = world->now_ms + link->delay_ms;

	return link->jitter_ms ? at + random_below(&world->random, link->jitter_ms + 1) : at;
}

static void push_delivery(struct world *world, uint64_t at_ms, unsigned index)
{
	bool arrives = world->crossings[index].fate == FATE_ARRIVES;

	heap_push(world, (struct event){.at_ms = at_ms,
					.order = world->n_events_made++,
					.run = arrives ? deliver : tell_sender,
					.self = world,
					.ab = {index, 0}});
}

/* Streams are numbered by the pair of addresses; both ends know the connection by the same number. */
static uint32_t flow_of(struct world *world, const struct endpoint *from, const struct endpoint *to)
{
	struct pair *there = pair_of(world, from, to);
	unsigned a = (unsigned)(there - world->pairs);
	unsigned b = (unsigned)(pair_of(world, to, from) - world->pairs);

	return 1 + (a < b ? a : b);
}

static void send_stream(struct world *world, struct world_crossing *c,
			const struct world_link *link)
{
	uint32_t flow = flow_of(world, &c->from, &c->to);
	struct pair *pair = pair_of(world, &c->from, &c->to);
	uint64_t at = arrival(world, link);

	c->from.flow = c->to.flow = flow;
	if (at < pair->last_arrival_ms)
		at = pair->last_arrival_ms;
	pair->last_arrival_ms = at;
	c->arrives_ms = at;
	push_delivery(world, at, (unsigned)(c - world->crossings));
}

static void send_datagram(struct world *world, struct world_crossing *c,
			  const struct world_link *link)
{
	const struct world_rule *rule = rule_for(world, c);
	unsigned index = (unsigned)(c - world->crossings);
	uint64_t at = arrival(world, link);

	if (happens(world, link->reorder_permille))
		at += link->reorder_ms;
	if (rule && rule->deed == DEED_DELAY)
		at += rule->by_ms;
	c->arrives_ms = at;
	if (happens(world, link->loss_permille) || (rule && rule->deed == DEED_LOSE))
		c->fate = FATE_LOST;
	if (c->fate == FATE_LOST || c->fate == FATE_NOBODY)
		return;
	push_delivery(world, at, index);
	if (c->fate == FATE_ARRIVES && happens(world, link->duplicate_permille))
		push_delivery(world, arrival(world, link), index);
	if (rule && rule->deed == DEED_DOUBLE)
		push_delivery(world, at + rule->by_ms, index);
}

void world_send(struct world *world, const struct endpoint *from, const struct endpoint *to,
		struct text bytes)
{
	struct world_crossing *c = remember(world, from, to, bytes);
	struct pair *pair = pair_of(world, from, to);
	struct world_link link = pair->has_link ? pair->link : world->default_link;

	c->from.transport = c->to.transport;
	if (transport_is_reliable(to->transport))
		send_stream(world, c, &link);
	else
		send_datagram(world, c, &link);
}

/* ------------------------------------------------------------------ running */

static uint64_t next_instant(struct world *world)
{
	uint64_t next = world->n_heap ? world->heap[0].at_ms : WORLD_NEVER;

	for (unsigned i = 0; i < world->n_servers; i++) {
		struct world_server *server = world->servers[i];

		for (unsigned s = 0; s < server->settings.n_shards; s++) {
			uint64_t deadline = node_deadline(server->shards[s]);

			if (deadline != UINT64_MAX && deadline < WORLD_NODE_EPOCH_MS + next)
				next = deadline < WORLD_NODE_EPOCH_MS
					       ? 0
					       : deadline - WORLD_NODE_EPOCH_MS;
		}
	}
	return next;
}

/* Expiries of one shard until it waits for a later instant. */
static void expire_shard(struct world_server *server, unsigned shard)
{
	struct node *node = server->shards[shard];
	struct world *world = server->world;

	if (server->has_actions[shard])
		server_empty(server, shard);
	for (unsigned rounds = 0; node_deadline(node) <= NODE_CLOCK(world); rounds++) {
		if (rounds > 100000) {
			world->stuck = true;
			return;
		}
		node_expire(node, NODE_CLOCK(world));
		server_empty(server, shard);
	}
}

/* What arrives at an instant comes before what falls due at it (design, ADR on ties). */
static void run_instant(struct world *world)
{
	while (world->n_heap && world->heap[0].at_ms <= world->now_ms) {
		struct event event = heap_pop(world);

		event.run(event.self, event.ab[0], event.ab[1]);
	}
	for (unsigned i = 0; i < world->n_servers; i++)
		for (unsigned s = 0; s < world->servers[i]->settings.n_shards; s++)
			expire_shard(world->servers[i], s);
}

bool world_run_while(struct world *world, uint64_t until_ms, bool (*is_done)(void *self),
		     void *self)
{
	while (!world->stuck) {
		uint64_t next;

		if (is_done && is_done(self))
			return true;
		next = next_instant(world);
		if (next == WORLD_NEVER)
			return !is_done;
		if (next > until_ms)
			break;
		if (next > world->now_ms)
			world->now_ms = next;
		run_instant(world);
	}
	if (until_ms > world->now_ms)
		world->now_ms = until_ms;
	return false;
}

bool world_run_until(struct world *world, uint64_t until_ms)
{
	return world_run_while(world, until_ms, NULL, NULL);
}

/* ------------------------------------------------------------------ looking back */

unsigned world_n_crossings(const struct world *world)
{
	return world->n_crossings;
}

const struct world_crossing *world_crossing(const struct world *world, unsigned i)
{
	return i < world->n_crossings ? &world->crossings[i] : NULL;
}

static void put_what(const struct sip_message *m, struct text_writer *w)
{
	if (m->is_request)
		text_printf(w, "%.*s %.*s", TEXT_ARGS(m->method_name), TEXT_ARGS(m->request_uri));
	else
		text_printf(w, "%u %.*s", m->status, TEXT_ARGS(m->reason_phrase));
	if (m->is_request)
		text_printf(w, "  (%u)", m->cseq);
	else
		text_printf(w, "  (%u %.*s)", m->cseq, TEXT_ARGS(m->cseq_method_name));
}

void world_put_crossing(struct world *world, const struct world_crossing *c, struct text_writer *w)
{
	static const char *const arrows[] = {"-->", "--x", "--?", "--!"};
	char from[64], to[64];

	text_printf(w, "%10.3f  %-10s %s %-10s ", (double)c->sent_ms / 1000.0,
		    world_name_of(world, &c->from, from), arrows[c->fate],
		    world_name_of(world, &c->to, to));
	if (c->to.transport == TRANSPORT_TCP)
		text_put_literal(w, "[tcp] ");
	if (sip_parse(&world->scratch, c->bytes.at, c->bytes.len, SIP_DATAGRAM) == SIP_NOISE)
		text_printf(w, "%u bytes that are no SIP", c->bytes.len);
	else
		put_what(&world->scratch, w);
	text_put_char(w, '\n');
}

void world_print(struct world *world, FILE *out, struct text call_id, bool whole)
{
	char buffer[2048];

	for (unsigned i = 0; i < world->n_crossings; i++) {
		struct world_crossing *c = &world->crossings[i];
		struct text_writer w = text_writer_on(buffer, sizeof(buffer));

		sip_parse(&world->scratch, c->bytes.at, c->bytes.len, SIP_DATAGRAM);
		if (call_id.len && !text_equal(world->scratch.call_id, call_id))
			continue;
		world_put_crossing(world, c, &w);
		fprintf(out, "%.*s", (int)w.len, buffer);
		if (whole)
			fprintf(out, "%.*s\n", TEXT_ARGS(c->bytes));
	}
}
