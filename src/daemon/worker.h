/* A worker: one thread, one node, its sockets, and the mail between the workers. What joins io, which knows no SIP, with the
 * node, which knows no socket. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "io/tcp.h"
#include "io/udp.h"
#include "node/node.h"

#define WORKERS_MAX 64u

struct worker;

/* All workers of the daemon: who has mail for another finds it here. */
struct workers {
	struct worker *at[WORKERS_MAX];
	uint32_t n;
};

struct worker_settings {
	struct node_settings
		node; /* shard numbers and bounds of this shard set; the texts live as long as they are in force */
	uint32_t tcp_connections_max, tcp_idle_ms;
	uint32_t
		gather_us; /* under load, datagrams are waited for so long to be taken together; 0: never */
};

/* What the sockets and mailboxes of a worker counted. */
struct worker_counters {
	struct udp_counters udp;
	struct tcp_counters tcp;
	uint64_t mail_in, mail_lost;
	uint64_t failures_lost; /* more sends failed in one turn than could be remembered */
	uint64_t turns, datagrams;
};

/* Opens node and sockets of worker `number`, not yet its thread. NULL: `ret_why` says what could not be opened. The workers of
 * `all` must all be open before the first is started. */
struct worker *worker_open(const struct worker_settings *settings, uint32_t number,
			   struct workers *all, char *ret_why, size_t why_bytes);
bool worker_start(struct worker *worker);
/* Ends the thread after its present turn. */
void worker_stop(struct worker *worker);
/* After worker_stop(). NULL is allowed. */
void worker_close(struct worker *worker);

/* Runs `job` on the worker's thread, between two turns, and waits for it; before worker_start() and after worker_stop() in place. */
typedef void worker_job(struct worker *worker, struct node *node, uint64_t now_ms, void *arg);
void worker_call(struct worker *worker, worker_job *job, void *arg);

/* To be called from a job only: */
void worker_feed(struct worker *worker, const struct node_event *event);
void worker_set_settings(struct worker *worker, const struct worker_settings *settings);
struct worker_counters worker_counters(struct worker *worker);

/* CLOCK_MONOTONIC in milliseconds: the clock of all nodes. */
uint64_t worker_clock_ms(void);

#endif
