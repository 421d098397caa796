/* One run of a race: a node as SCC AS on virtual time, three peers, and a network in which somebody chooses what happens next. Everything that the server receives and sends is
 * held against the rule (race_oracle.h) and against what must hold in any run. The same choices give the same run. */
#ifndef SIM_RACE_RUN_H
#define SIM_RACE_RUN_H

#include "node/node.h"
#include "race_oracle.h"
#include "race_peers.h"

#include <stdio.h>

#define RACE_EVENTS_MAX   9u
#define RACE_OPTIONS_MAX  32u
#define RACE_PENDING_MAX  64u
#define RACE_EPOCH_MS     1000000ull
#define RACE_STEPS_MAX    600u
#define RACE_LATENCY_MS   1u    /* of a message that is delivered in its turn */
#define RACE_DELAY_MAX_MS 1000u /* no message is older when it is delivered, unless it is lost */
#define RACE_SHORTLY_MS   50u   /* before a turning point of the rule things may happen, too */

enum race_event_kind {
	RACE_EVENT_UE_BYE,
	RACE_EVENT_UE_REINVITE,
	RACE_EVENT_STN_SR,
	RACE_EVENT_CANCEL,
	RACE_EVENT_REMOTE_BYE,
	RACE_EVENT_REMOTE_REINVITE,
	RACE_EVENT_MSC_BYE,
	RACE_EVENT_REMOTE_REFUSES, /* the next offer */
};

/* Something that happens once, or never. */
struct race_event {
	const char *name;
	const char *lines; /* of its message */
	uint8_t kind;      /* enum race_event_kind */
	uint8_t session;
};

struct race_scenario {
	const char *name, *about;
	struct race_event events[RACE_EVENTS_MAX]; /* up to one without a name */
	bool terminating;                          /* the user was called */
	uint8_t n_sessions;
	bool loses;    /* one message of a run may be lost */
	bool reorders; /* a message may overtake the one before it */
	uint8_t share; /* of the runs */
};

/* What the tests break, so that the explorer has something to find. */
enum race_fault {
	RACE_FAULT_NONE,
	RACE_FAULT_FORGET_HOLD, /* sccas_settings.test_forget_hold */
	RACE_FAULT_NO_HOLD,     /* the server holds 0 s, the rule says 8 s */
	RACE_FAULT_LONG_HOLD,   /* the server holds 9 s */
	RACE_FAULT_SWALLOW_BYE, /* the server's BYE to the remote party never leaves it */
};

enum race_option_kind {
	RACE_DELIVER,  /* the first of a queue */
	RACE_OVERTAKE, /* the second */
	RACE_LOSE,
	RACE_EVENT,
	RACE_TIME,
	RACE_STOP,
};

struct race_option {
	uint8_t kind;
	uint8_t what; /* queue (peer + RACE_PEERS when toward the server) or event */
	uint8_t cost; /* 0: what a network without delay, loss and disorder may do */
};

/* Says which. `n` > 1, and the first costs nothing. */
struct race_chooser {
	void *self;
	unsigned (*choose)(void *self, const struct race_option *options, unsigned n);
};

/* What must hold. */
enum race_invariant {
	RACE_HOLDS,
	RACE_REMOTE_LEG, /* released by the server if and when the rule says so, and only then */
	RACE_ACCESS_LEG, /* source and target leg are released if and when the rule says so */
	RACE_ONE_BYE,    /* one BYE of the server per leg */
	RACE_TRANSFER_ANSWER, /* the INVITE due to STN-SR succeeds when there is something to move, else 480 */
	RACE_EVERY_ANSWER, /* every request has its final response, a BYE within 200 ms, an INVITE something */
	RACE_EVERY_ACK,   /* every 2xx to an INVITE that reached the server is acknowledged */
	RACE_DEAD_LEG,    /* no request of the server on a leg that is over */
	RACE_STRICT_PEER, /* a peer has nothing to complain of */
	RACE_AGREEMENT, /* in the end: a remote leg and one access leg with each other's media, or nothing */
	RACE_NOTHING_LEFT,  /* everything of the node comes back to zero */
	RACE_COMES_TO_REST, /* the run ends */
	RACE_SET_UP,        /* the call of the beginning is established */
	RACE_INVARIANTS,
};
struct race_invariant_row {
	const char *name, *meaning;
};
extern const struct race_invariant_row race_invariants[RACE_INVARIANTS];

struct race_run;

/* NULL: out of memory. One node serves `runs_of_node` runs, one after the other (0: as many as come). */
struct race_run *race_run_open(enum race_fault fault, uint32_t runs_of_node);
void race_run_close(struct race_run *run);
/* `trace`: every step, one line each; NULL: none. The verdict of the run. */
enum race_invariant race_run_go(struct race_run *run, const struct race_scenario *scenario,
				const struct race_chooser *chooser, FILE *trace);
/* Of the last run: */
const char *race_run_what(const struct race_run *run); /* what did not hold */
uint64_t
race_run_history(const struct race_run *run); /* hash of what the server received, and when */
uint64_t race_run_messages(const struct race_run *run);
void race_run_print_ladders(struct race_run *run, FILE *out);
/* "u": how an option is written in a replay string; how many bytes. */
unsigned race_option_put(const struct race_option *option, char ret[4]);

#endif
