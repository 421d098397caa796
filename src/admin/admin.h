/* The operator's side of the daemon: JSON-RPC 2.0 on a unix socket, one JSON text per line. It runs in the daemon's main
 * thread and looks into a node only on that node's own thread. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "node/node.h"

#include <jansson.h>

#define ADMIN_CLIENTS_MAX       32u
#define ADMIN_REQUEST_BYTES_MAX 65536u /* of one line: -32600 and the end of the connection */
#define ADMIN_QUEUED_BYTES_MAX                                                                     \
	(16u << 20)           /* answers that a client does not read: the end of the connection */
#define ADMIN_ORDERS_MAX 256u /* release orders that can be asked for */
#define ADMIN_SHARDS_MAX 64u

typedef void admin_job(struct node *node, uint64_t now_ms, void *arg);

/* What the daemon does for it. */
struct admin_host {
	void *owner;
	uint32_t n_shards;
	const char *version;
	/* Runs the job on the thread of a shard, between two steps, and waits. */
	void (*call)(void *owner, uint32_t shard, admin_job *job, void *arg);
	void (*set_draining)(void *owner, bool draining);
	bool (*is_draining)(void *owner);
	/* Reads configuration and bindings again. false: the old ones stay in force. Both lists are of strings: what is wrong, and
	 * what only a restart changes. */
	bool (*reload)(void *owner, json_t *wrong, json_t *not_live);
	/* Adds what sockets and mailboxes of all shards counted, and to `help` what that means. */
	void (*put_io_counters)(void *owner, json_t *object, json_t *help);
	/* For orders that deserve a line in the log. */
	void (*log)(void *owner, enum node_log_level level, struct text line);
	uint64_t (*clock_ms)(void *owner);
};

struct admin;

/* NULL: `ret_why` says why. An abandoned socket file is replaced, one with a daemon behind it is not. */
struct admin *admin_open(const struct admin_host *host, const char *socket_path, uint32_t mode,
			 char *ret_why, size_t why_bytes);
/* Removes the socket file. NULL is allowed. */
void admin_close(struct admin *admin);
/* Readable when there is something to do. */
int admin_fd(const struct admin *admin);
/* How long admin_turn() may be put off when nothing becomes readable; -1: for ever. */
int admin_patience_ms(const struct admin *admin);
void admin_turn(struct admin *admin);

#endif
