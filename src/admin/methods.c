#include "admin/methods.h"

#include "base/logfmt.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const struct method {
	const char *name;
	void (*run)(struct rpc_call *call);
	const char *params[8]; /* that it knows */
} methods[] = {
	{"sessions", method_sessions, {"limit", "cursor", "user", "state", "ended"}},
	{"show", method_show, {"id"}},
	{"why", method_why, {"id"}},
	{"trace", method_trace, {"id"}},
	{"release", method_release, {"id", "user", "all", "reason", "text", "rate", "dry_run"}},
	{"release_progress", method_release_progress, {"order", "wait_ms"}},
	{"release_stop", method_release_stop, {"order"}},
	{"deregister", method_deregister, {"user", "contact"}},
	{"users", method_users, {"limit", "cursor"}},
	{"counters", method_counters, {NULL}},
	{"drain", method_drain, {"off"}},
	{"reload", method_reload, {NULL}},
	{"version", method_version, {NULL}},
};

/* ------------------------------------------------------------------ parameters */

bool rpc_fail(struct rpc_call *call, int code, const char *format, ...)
{
	va_list args;

	call->code = code;
	va_start(args, format);
	vsnprintf(call->message, sizeof(call->message), format, args);
	va_end(args);
	return false;
}

bool rpc_text(struct rpc_call *call, const char *name, struct text *ret)
{
	const json_t *value = json_object_get(call->params, name);

	if (!value)
		return true;
	if (!json_is_string(value))
		return rpc_fail(call, RPC_INVALID_PARAMS, "%s must be a string", name);
	*ret = (struct text){json_string_value(value), (uint32_t)json_string_length(value)};
	return true;
}

bool rpc_number(struct rpc_call *call, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(call->params, name);
	json_int_t n;

	if (!value)
		return true;
	n = json_integer_value(value);
	if (!json_is_integer(value) || n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return rpc_fail(call, RPC_INVALID_PARAMS, "%s must be a number from %llu to %llu",
				name, (unsigned long long)min, (unsigned long long)max);
	*ret = (uint64_t)n;
	return true;
}

bool rpc_flag(struct rpc_call *call, const char *name, bool *ret)
{
	const json_t *value = json_object_get(call->params, name);

	if (!value)
		return true;
	if (!json_is_boolean(value))
		return rpc_fail(call, RPC_INVALID_PARAMS, "%s must be true or false", name);
	*ret = json_is_true(value);
	return true;
}

static bool knows(const struct method *method, const char *param)
{
	for (unsigned i = 0; i < 8 && method->params[i]; i++)
		if (strcmp(method->params[i], param) == 0)
			return true;
	return false;
}

/* A misspelt parameter must not be taken for "no filter": that could release more than was meant. */
static bool check_params(struct rpc_call *call, const struct method *method)
{
	void *at;

	if (call->params && !json_is_object(call->params))
		return rpc_fail(call, RPC_INVALID_PARAMS, "params must be an object");
	for (at = json_object_iter((json_t *)(uintptr_t)call->params); at;
	     at = json_object_iter_next((json_t *)(uintptr_t)call->params, at))
		if (!knows(method, json_object_iter_key(at)))
			return rpc_fail(call, RPC_INVALID_PARAMS, "%s knows no parameter \"%.64s\"",
					method->name, json_object_iter_key(at));
	return true;
}

bool methods_call(const char *name, struct rpc_call *call)
{
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		if (check_params(call, &methods[i]))
			methods[i].run(call);
		if (!call->result && !call->code)
			rpc_fail(call, RPC_INTERNAL_ERROR, "out of memory");
		return true;
	}
	return false;
}

uint64_t wall_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ users */

enum { USERS_PER_JOB = 64 };

struct users_job {
	uint64_t cursor;
	size_t wanted;
	json_t *users;
	bool at_end;
};

static json_t *json_of_binding(const struct node_binding_report *b, uint64_t now_ms)
{
	json_t *object = json_object();

	json_put(object, "user", json_of_text(b->user));
	json_put(object, "contact", json_of_text(b->contact));
	json_put(object, "path", json_of_text(b->path));
	json_put(object, "static", json_boolean(b->expires_ms == 0));
	if (b->expires_ms) {
		json_put(object, "call_id", json_of_text(b->call_id));
		json_put(object, "cseq", json_integer(b->cseq));
		json_put(object, "expires_in_s",
			 json_integer(b->expires_ms > now_ms
					      ? (json_int_t)((b->expires_ms - now_ms + 999) / 1000)
					      : 0));
	}
	return object;
}

static void walk_users(struct node *node, uint64_t now_ms, void *arg)
{
	struct users_job *job = arg;
	struct node_binding_report binding;

	for (int i = 0; i < USERS_PER_JOB && json_array_size(job->users) < job->wanted; i++) {
		if (!node_bindings(node, &job->cursor, &binding)) {
			job->at_end = true;
			return;
		}
		json_array_append_new(job->users, json_of_binding(&binding, now_ms));
	}
}

/* Every shard knows all users: one is asked. */
void method_users(struct rpc_call *call)
{
	struct users_job job = {.users = json_array()};
	uint64_t limit = 100;

	if (rpc_number(call, "limit", 1, 1000, &limit) &&
	    rpc_number(call, "cursor", 0, INT64_MAX, &job.cursor)) {
		job.wanted = limit;
		while (!job.at_end && json_array_size(job.users) < job.wanted)
			call->host->call(call->host->owner, 0, walk_users, &job);
		call->result = json_object();
		json_put(call->result, "users", json_incref(job.users));
		if (!job.at_end)
			json_put(call->result, "next", json_integer((json_int_t)job.cursor));
	}
	json_decref(job.users);
}

/* ------------------------------------------------------------------ counters */

static void copy_counters(struct node *node, uint64_t now_ms, void *arg)
{
	(void)now_ms;
	*(struct node_counters *)arg = *node_counters(node);
}

static void add_counters(struct node_counters *sum, const struct node_counters *c)
{
#define COUNTER_ADD(name, help) sum->name += c->name;
	NODE_GAUGES(COUNTER_ADD)
	NODE_COUNTS(COUNTER_ADD)
#undef COUNTER_ADD
	for (unsigned i = 0; i < N_CLAUSES; i++)
		sum->clauses[i] += c->clauses[i];
}

static json_t *json_of_counters(const struct node_counters *c, bool gauges)
{
	json_t *object = json_object();

#define COUNTER_PUT(name, help) json_put(object, #name, json_integer((json_int_t)c->name));
	if (gauges) {
		NODE_GAUGES(COUNTER_PUT)
	} else {
		NODE_COUNTS(COUNTER_PUT)
	}
#undef COUNTER_PUT
	return object;
}

static json_t *json_of_clauses(const struct node_counters *c)
{
	json_t *object = json_object();

	for (unsigned i = 1; i < N_CLAUSES; i++) {
		json_t *row = json_object();

		json_put(row, "document", json_string(clause_table[i].document));
		json_put(row, "meaning", json_string(clause_table[i].meaning));
		json_put(row, "count", json_integer((json_int_t)c->clauses[i]));
		json_put(object, clause_table[i].name, row);
	}
	return object;
}

static json_t *json_of_help(void)
{
	json_t *object = json_object();

#define COUNTER_HELP(name, help) json_put(object, #name, json_string(help));
	NODE_GAUGES(COUNTER_HELP)
	NODE_COUNTS(COUNTER_HELP)
#undef COUNTER_HELP
	return object;
}

void method_counters(struct rpc_call *call)
{
	struct node_counters sum = {0}, one;
	uint64_t bindings = 0;
	json_t *io = json_object(), *help = json_of_help();

	for (uint32_t shard = 0; shard < call->host->n_shards; shard++) {
		call->host->call(call->host->owner, shard, copy_counters, &one);
		add_counters(&sum, &one);
		bindings = one.bindings;
	}
	sum.bindings = bindings; /* every shard has them all */
	call->host->put_io_counters(call->host->owner, io, help);
	call->result = json_object();
	json_put(call->result, "gauges", json_of_counters(&sum, true));
	json_put(call->result, "counters", json_of_counters(&sum, false));
	json_put(call->result, "io", io);
	json_put(call->result, "clauses", json_of_clauses(&sum));
	json_put(call->result, "help", help);
}

/* ------------------------------------------------------------------ the daemon itself */

static uint64_t sessions_left(struct rpc_call *call)
{
	struct node_counters one;
	uint64_t left = 0;

	for (uint32_t shard = 0; shard < call->host->n_shards; shard++) {
		call->host->call(call->host->owner, shard, copy_counters, &one);
		left += one.sessions;
	}
	return left;
}

void method_drain(struct rpc_call *call)
{
	bool off = false;
	char bytes[80];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	if (!rpc_flag(call, "off", &off))
		return;
	call->host->set_draining(call->host->owner, !off);
	logfmt_begin(&w, off ? "draining ended" : "draining begun");
	logfmt_number(&w, "uid", call->uid);
	call->host->log(call->host->owner, NODE_LOG_NOTICE, text_written(&w));
	call->result = json_object();
	json_put(call->result, "draining", json_boolean(!off));
	json_put(call->result, "sessions", json_integer((json_int_t)sessions_left(call)));
}

void method_reload(struct rpc_call *call)
{
	json_t *wrong = json_array(), *not_live = json_array();

	if (call->host->reload(call->host->owner, wrong, not_live)) {
		call->result = json_object();
		json_put(call->result, "not_live", json_incref(not_live));
	} else {
		rpc_fail(call, RPC_REFUSED,
			 "the new configuration is wrong; the old one stays in force");
		call->data = json_object();
		json_put(call->data, "problems", json_incref(wrong));
	}
	json_decref(wrong);
	json_decref(not_live);
}

void method_version(struct rpc_call *call)
{
	call->result = json_object();
	json_put(call->result, "name", json_string("adieud"));
	json_put(call->result, "version", json_string(call->host->version));
	json_put(call->result, "pid", json_integer(getpid()));
	json_put(call->result, "shards", json_integer(call->host->n_shards));
	json_put(call->result, "draining",
		 json_boolean(call->host->is_draining(call->host->owner)));
}
