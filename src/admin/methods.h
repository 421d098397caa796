/* The methods of the control socket. */
#ifndef ADMIN_METHODS_H
#define ADMIN_METHODS_H

#include "admin/admin.h"

/* Codes of JSON-RPC 2.0, and two of our own. */
enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_UNKNOWN = -32001, /* no such session or order */
	RPC_REFUSED = -32002, /* understood, and not done */
};

/* A release order as the operator knows it: one number for what may be an order of each shard. */
struct admin_order {
	uint32_t number; /* 0: none */
	uint32_t n_shards;
	struct {
		uint32_t shard, order;
	} at[ADMIN_SHARDS_MAX];
	uint16_t status; /* of its Reason; 0: the setting */
	bool dry_run;
	bool is_joined; /* the session was being released already: it is waited for, and nothing else is done */
	struct node_session_id id; /* of one session */
	char what[160];            /* "session 0-1f-2a", "user sip:bob@ims.example", "all" */
};

struct admin_orders {
	struct admin_order ring[ADMIN_ORDERS_MAX];
	uint32_t last_number;
};

struct rpc_call {
	const struct admin_host *host;
	struct admin_orders *orders;
	unsigned uid;         /* who asks */
	const json_t *params; /* an object, or NULL */
	json_t *result;       /* on success */
	int code;             /* otherwise */
	char message[256];
	json_t *data;     /* more about the error; NULL: nothing */
	uint32_t wait_ms; /* the caller would wait so long for a change; 0: an answer now */
};

/* false: there is no such method. Otherwise result or code is set. With wait_ms set on return, nothing has changed yet: it
 * may be asked again. */
bool methods_call(const char *name, struct rpc_call *call);

/* ------------------------------------------------------------------ for the files of the methods */

/* Sets the error; always false. */
__attribute__((format(printf, 3, 4))) bool rpc_fail(struct rpc_call *call, int code,
						    const char *format, ...);
/* Parameters: false with the error set when one is there but is not what it must be. Absent ones leave `ret` alone. */
bool rpc_text(struct rpc_call *call, const char *name, struct text *ret);
bool rpc_number(struct rpc_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *ret);
bool rpc_flag(struct rpc_call *call, const char *name, bool *ret);

/* Bytes of a peer as JSON, which must be UTF-8: other bytes become '?'. */
json_t *json_of_text(struct text t);
json_t *json_of_session(const struct node_session_report *session, uint64_t now_ms,
			bool with_details);
/* Of a session of the SCC AS: how its transfer was decided. */
json_t *json_of_transfer(const struct node_session_report *session, uint64_t now_ms);
/* What it waits for at this moment. */
json_t *json_of_waits(const struct node_session_report *session, uint64_t now_ms);
/* Sets `name` and takes the value over; a NULL value (no memory) leaves it out. */
static inline void json_put(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
}

/* The session that the parameter "id" means: an id, a Call-ID, or "last". */
bool find_session(struct rpc_call *call, struct node_session_id *ret);
uint64_t wall_clock_ms(void);
/* Ended sessions of all shards, that which ended last first. `cursor`: as given out in "next", or empty. */
void list_ended_sessions(struct rpc_call *call, struct text cursor, struct text user,
			 size_t wanted);

void method_sessions(struct rpc_call *call);
void method_show(struct rpc_call *call);
void method_why(struct rpc_call *call);
void method_trace(struct rpc_call *call);
void method_release(struct rpc_call *call);
void method_release_progress(struct rpc_call *call);
void method_release_stop(struct rpc_call *call);
void method_deregister(struct rpc_call *call);
void method_users(struct rpc_call *call);
void method_counters(struct rpc_call *call);
void method_drain(struct rpc_call *call);
void method_reload(struct rpc_call *call);
void method_version(struct rpc_call *call);

#endif
