/* The inside of a run, for sim/race_*.c only. */
#ifndef SIM_RACE_PARTS_H
#define SIM_RACE_PARTS_H

#include "race_run.h"

#define RACE_ASKED_MAX 48u
#define RACE_HOLD_MS   8000u /* both timers, as the rule has them */

/* A message on its way. */
struct race_pending {
	uint64_t sent_ms;
	uint8_t queue; /* peer, + RACE_PEERS when toward the server */
	uint32_t len;
	char bytes[RACE_MESSAGE_BYTES];
};

/* A request that crossed the server's border, either way. */
struct race_asked {
	uint64_t hash; /* of branch and method */
	uint64_t at_ms;
	uint32_t cseq;
	uint8_t method, peer;
	int8_t session;
	bool has_response, has_final;
	bool is_stn_sr;
};

/* A leg as the server's border shows it. */
struct race_seen_leg {
	uint32_t server_cseq;
	bool has_server_cseq;
	bool is_over;  /* a BYE has crossed the border */
	bool was_lost; /* its peer said 481 */
	uint8_t byes;  /* of the server */
	uint32_t acks_owed[8];
	unsigned n_acks_owed;
};

struct race_run {
	struct node_settings settings;
	struct sccas_users *users;
	struct node *node;
	uint32_t runs_of_node, n_runs, runs_left;
	enum race_fault fault;
	const struct race_scenario *scenario;
	FILE *trace;
	struct race_carrier carrier;
	struct race_peer peers[RACE_PEERS];
	struct race_rule rule;
	bool watching; /* set-up is over */
	uint64_t now_ms, began_ms;
	struct race_pending pending[RACE_PENDING_MAX];
	uint8_t order[RACE_PENDING_MAX]; /* of the messages pending, oldest first */
	unsigned n_pending;
	uint64_t free_places; /* bits */
	bool has_lost, is_late;
	bool happened[RACE_EVENTS_MAX];
	struct race_asked received[RACE_ASKED_MAX], sent[RACE_ASKED_MAX];
	unsigned n_received, n_sent;
	struct race_seen_leg source[RACE_SESSIONS], remote[RACE_SESSIONS], target;
	uint64_t swallowed;
	enum race_invariant broken;
	char what[600];
	uint64_t history, messages;
	struct sip_message message;
};

/* race_run.c: something does not hold; the first stands. */
__attribute__((format(printf, 3, 4))) void
race_breaks(struct race_run *run, enum race_invariant invariant, const char *format, ...);
static inline void race_told(struct race_run *run, enum race_invariant invariant, const char *what)
{
	if (what)
		race_breaks(run, invariant, "%s", what);
}
static inline struct endpoint race_address(uint16_t port)
{
	return (struct endpoint){
		.transport = TRANSPORT_UDP, .family = 4, .port = port, .ip = {127, 0, 0, 1}};
}

/* race_network.c: messages on their way, and the time. */
void race_put_on_the_way(struct race_run *run, unsigned queue, struct text bytes);
/* The n-th message of a queue; its place in `order`, or -1. */
int race_nth_of_queue(const struct race_run *run, unsigned queue, unsigned n);
/* One line of the trace. */
void race_put_line(struct race_run *run, const char *mark, unsigned queue, struct text bytes);
void race_deliver(struct race_run *run, unsigned at);
void race_lose(struct race_run *run, unsigned at);
void race_expire(struct race_run *run);
void race_look_at_clock(struct race_run *run);
/* Time goes on until something can be seen from outside, an interesting time has come (whose timers have not run out yet), or `limit_ms`. */
void race_let_time_pass(struct race_run *run, uint64_t limit_ms);
/* The next deadline of anybody. */
uint64_t race_deadline(const struct race_run *run);

/* race_border.c: what the server receives and sends, held against the rule. */
void race_feed_server(struct race_run *run, unsigned peer, struct text bytes);
/* What it wants sent. */
void race_collect(struct race_run *run);

/* race_choices.c */
unsigned race_offer_all(const struct race_run *run, struct race_option *options);
void race_carry_out(struct race_run *run, const struct race_option *option);

#endif
