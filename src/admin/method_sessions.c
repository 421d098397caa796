/* Sessions: the list in pages, one in full, its ladder and its reason. */
#include "admin/methods.h"

#include "node/ladder.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	SESSIONS_OF_NAME = 2, /* with one Call-ID: of the SCC AS, of the S-CSCF */
	FOUND_PER_JOB = 64,   /* so that a page does not hold up the calls of the shard */
	LOOKED_PER_JOB = 4096,
	JOBS_PER_CALL = 64, /* then the page is short and `next` says where to go on */
	LADDER_BYTES = 64 << 10,
};

/* ------------------------------------------------------------------ the list */

struct list_job {
	enum node_which which;
	struct text user, state;
	size_t wanted;
	json_t *sessions;
	uint64_t cursor;
	bool at_end;
};

static void list(struct node *node, uint64_t now_ms, void *arg)
{
	struct list_job *job = arg;
	struct node_session_report report;

	for (int found = 0;
	     found < FOUND_PER_JOB && json_array_size(job->sessions) < job->wanted;) {
		if (!node_sessions(node, job->which, job->user, LOOKED_PER_JOB, &job->cursor,
				   &report)) {
			job->at_end = true;
			return;
		}
		if (!handle_is_set(report.id.handle))
			return; /* looked at enough */
		found++;
		if (job->state.len && !text_equal(job->state, text_of(node_state_name(&report))))
			continue;
		json_array_append_new(job->sessions, json_of_session(&report, now_ms, false));
	}
}

/* "SHARD:CURSOR", opaque to whoever gets it. */
static bool read_cursor(struct rpc_call *call, struct text t, uint32_t *ret_shard,
			uint64_t *ret_cursor)
{
	char bytes[64];
	unsigned shard;
	unsigned long long cursor;
	char end;

	if (t.len == 0)
		return true;
	if (t.len >= sizeof(bytes))
		return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
	memcpy(bytes, t.at, t.len);
	bytes[t.len] = 0;
	if (sscanf(bytes, "%u:%llx%c", &shard, &cursor, &end) != 2 || shard >= call->host->n_shards)
		return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
	*ret_shard = shard;
	*ret_cursor = cursor;
	return true;
}

static bool is_state(struct text name)
{
	for (int state = SESSION_ESTABLISHING; state <= SESSION_ENDED; state++)
		if (text_equal(name, text_of(session_state_name((enum session_state)state))))
			return true;
	return text_equal(name, text_of(NODE_STATE_TERMINATING));
}

static void run_list(struct rpc_call *call, struct list_job *job, uint32_t shard)
{
	char next[64];

	for (int jobs = 0; jobs < JOBS_PER_CALL && json_array_size(job->sessions) < job->wanted;
	     jobs++) {
		call->host->call(call->host->owner, shard, list, job);
		if (!job->at_end)
			continue;
		job->at_end = false;
		job->cursor = 0;
		if (++shard == call->host->n_shards)
			break;
	}
	call->result = json_object();
	json_put(call->result, "sessions", json_incref(job->sessions));
	if (shard < call->host->n_shards) {
		snprintf(next, sizeof(next), "%u:%llx", shard, (unsigned long long)job->cursor);
		json_put(call->result, "next", json_string(next));
	}
}

void method_sessions(struct rpc_call *call)
{
	struct list_job job = {.sessions = json_array()};
	struct text cursor = {0};
	uint64_t limit = 100;
	uint32_t shard = 0;
	bool ended = false;

	if (rpc_number(call, "limit", 1, 1000, &limit) && rpc_text(call, "cursor", &cursor) &&
	    rpc_text(call, "user", &job.user) && rpc_text(call, "state", &job.state) &&
	    rpc_flag(call, "ended", &ended)) {
		job.wanted = limit;
		job.which =
			ended || text_equal(job.state, text_of(session_state_name(SESSION_ENDED)))
				? NODE_GONE
				: NODE_LIVE;
		if (job.state.len && !is_state(job.state))
			rpc_fail(call, RPC_INVALID_PARAMS, "there is no state \"%.*s\"",
				 job.state.len > 64 ? 64 : (int)job.state.len, job.state.at);
		else if (job.which == NODE_GONE)
			list_ended_sessions(call, cursor, job.user, job.wanted);
		else if (read_cursor(call, cursor, &shard, &job.cursor))
			run_list(call, &job, shard);
	}
	json_decref(job.sessions);
}

/* ------------------------------------------------------------------ finding one */

struct find_job {
	struct text call_id;
	enum node_which which;
	uint64_t cursor;
	bool at_sccas;
	bool found, at_end, has_ended;
	uint64_t newest_ms;
	struct node_session_id id;
};

static void find_by_id(struct node *node, uint64_t now_ms, void *arg)
{
	struct find_job *job = arg;
	struct node_session_report report;

	(void)now_ms;
	job->found = node_session(node, &job->id, &report);
}

/* At the S-CSCF, or at the SCC AS. */
static void find_by_call_id(struct node *node, uint64_t now_ms, void *arg)
{
	struct find_job *job = arg;
	struct node_session_report report;
	struct node_session_id id;

	(void)now_ms;
	if (!node_session_of_role(node, job->call_id, job->at_sccas, &id) ||
	    !node_session(node, &id, &report) || (job->found && report.began_ms < job->newest_ms))
		return;
	job->found = true;
	job->newest_ms = report.began_ms;
	job->has_ended = report.state == SESSION_ENDED;
	job->id = id;
}

static void find_newest(struct node *node, uint64_t now_ms, void *arg)
{
	struct find_job *job = arg;
	struct node_session_report report;

	(void)now_ms;
	for (int i = 0; i < LOOKED_PER_JOB; i++) {
		if (!node_sessions(node, job->which, (struct text){0}, LOOKED_PER_JOB, &job->cursor,
				   &report)) {
			job->at_end = true;
			return;
		}
		if (!handle_is_set(report.id.handle))
			return;
		if (job->found && report.began_ms < job->newest_ms)
			continue;
		job->found = true;
		job->newest_ms = report.began_ms;
		job->id = report.id;
	}
}

static bool find_last(struct rpc_call *call, struct find_job *job)
{
	for (uint32_t shard = 0; shard < call->host->n_shards; shard++) {
		for (job->which = NODE_LIVE;; job->which = NODE_GONE) {
			job->cursor = 0;
			for (job->at_end = false; !job->at_end;)
				call->host->call(call->host->owner, shard, find_newest, job);
			if (job->which == NODE_GONE)
				break;
		}
	}
	return job->found;
}

/* That of the SCC AS first, whose order releases both, unless it is over and the other is not. */
static unsigned find_roles(struct rpc_call *call, struct text call_id,
			   struct node_session_id ret[SESSIONS_OF_NAME])
{
	struct find_job jobs[SESSIONS_OF_NAME] = {{.call_id = call_id, .at_sccas = true},
						  {.call_id = call_id}};
	unsigned n = 0;
	bool turned;

	for (uint32_t shard = 0; shard < call->host->n_shards; shard++)
		for (unsigned i = 0; i < SESSIONS_OF_NAME; i++)
			call->host->call(call->host->owner, shard, find_by_call_id, &jobs[i]);
	turned = jobs[0].has_ended && jobs[1].found && !jobs[1].has_ended;
	for (unsigned i = 0; i < SESSIONS_OF_NAME; i++)
		if (jobs[i ^ turned].found)
			ret[n++] = jobs[i ^ turned].id;
	return n;
}

/* How many; 0 with the error set. */
static unsigned find_sessions(struct rpc_call *call, struct node_session_id ret[SESSIONS_OF_NAME])
{
	struct text name = {0};
	struct find_job job = {0};
	unsigned n = 0;

	if (!rpc_text(call, "id", &name))
		return 0;
	if (name.len == 0) {
		rpc_fail(call, RPC_INVALID_PARAMS,
			 "id is missing: a session id, a Call-ID or \"last\"");
		return 0;
	}
	if (node_session_id_parse(name, &job.id) && job.id.shard < call->host->n_shards)
		call->host->call(call->host->owner, job.id.shard, find_by_id, &job);
	if (!job.found)
		n = find_roles(call, name, ret);
	if (!n && !job.found && text_equal(name, TEXT("last")))
		find_last(call, &job);
	if (job.found)
		ret[n++] = job.id;
	if (!n)
		rpc_fail(call, RPC_UNKNOWN, "no session \"%.*s\"",
			 name.len > 128 ? 128 : (int)name.len, name.at);
	return n;
}

bool find_session(struct rpc_call *call, struct node_session_id *ret)
{
	struct node_session_id found[SESSIONS_OF_NAME];
	unsigned n = find_sessions(call, found);

	if (n)
		*ret = found[0];
	return n > 0;
}

/* ------------------------------------------------------------------ one in full */

struct one_job {
	struct node_session_id id;
	json_t *session, *transfer, *waits;
	const char *state;
	char *text;
	struct text_writer writer;
	bool found, is_anchored;
};

static void show(struct node *node, uint64_t now_ms, void *arg)
{
	struct one_job *job = arg;
	struct node_session_report report;

	job->found = node_session(node, &job->id, &report);
	if (job->found)
		job->session = json_of_session(&report, now_ms, true);
}

static void why(struct node *node, uint64_t now_ms, void *arg)
{
	struct one_job *job = arg;
	struct node_session_report report;

	job->found = node_session(node, &job->id, &report);
	if (!job->found)
		return;
	job->is_anchored = report.is_anchored;
	ladder_put_why(&job->writer, &report, now_ms);
	job->state = node_state_name(&report);
	job->waits = json_of_waits(&report, now_ms);
	if (report.is_anchored)
		job->transfer = json_of_transfer(&report, now_ms);
}

static void trace(struct node *node, uint64_t now_ms, void *arg)
{
	struct one_job *job = arg;
	struct node_session_report report;

	job->found = node_session(node, &job->id, &report);
	job->is_anchored = job->found && report.is_anchored;
	if (job->found)
		ladder_put(&job->writer, &report, wall_clock_ms() - now_ms);
}

static bool run_one(struct rpc_call *call, struct one_job *job, admin_job *run)
{
	call->host->call(call->host->owner, job->id.shard, run, job);
	if (!job->found)
		rpc_fail(call, RPC_UNKNOWN, "the session has just been forgotten");
	return job->found;
}

/* A further session of the same Call-ID stands in "others" of the first. */
static void add_result(struct rpc_call *call, json_t *one)
{
	json_t *others = json_object_get(call->result, "others");

	if (!call->result) {
		call->result = one;
		return;
	}
	if (!others) {
		others = json_array();
		json_put(call->result, "others", others);
	}
	json_array_append_new(others, one);
}

/* What was told already is not lost when the second has just been forgotten. */
static void run_all(struct rpc_call *call,
		    json_t *(*one)(struct rpc_call *call, struct node_session_id id))
{
	struct node_session_id found[SESSIONS_OF_NAME];
	unsigned n = find_sessions(call, found);

	for (unsigned i = 0; i < n; i++) {
		json_t *result = one(call, found[i]);

		if (result)
			add_result(call, result);
	}
	if (call->result)
		call->code = 0;
}

static json_t *show_one(struct rpc_call *call, struct node_session_id id)
{
	struct one_job job = {.id = id};

	return run_one(call, &job, show) ? job.session : NULL;
}

void method_show(struct rpc_call *call)
{
	run_all(call, show_one);
}

static json_t *text_of_one(struct rpc_call *call, struct node_session_id of, admin_job *run)
{
	struct one_job job = {.id = of, .text = malloc(LADDER_BYTES)};
	char id[40];
	struct text_writer w = text_writer_on(id, sizeof(id));
	json_t *result = NULL;

	if (!job.text)
		return NULL;
	job.writer = text_writer_on(job.text, LADDER_BYTES);
	if (run_one(call, &job, run)) {
		node_session_id_put(&w, &job.id);
		result = json_object();
		json_put(result, "id", json_of_text(text_written(&w)));
		json_put(result, "role", json_string(job.is_anchored ? "SCC AS" : "S-CSCF"));
		json_put(result, "text", json_of_text(text_written(&job.writer)));
		if (job.state) {
			json_put(result, "state", json_string(job.state));
			json_put(result, "waits_for", job.waits);
		}
		if (job.transfer)
			json_put(result, "transfer", job.transfer);
	}
	free(job.text);
	return result;
}

static json_t *why_one(struct rpc_call *call, struct node_session_id id)
{
	return text_of_one(call, id, why);
}

static json_t *trace_one(struct rpc_call *call, struct node_session_id id)
{
	return text_of_one(call, id, trace);
}

void method_why(struct rpc_call *call)
{
	run_all(call, why_one);
}

void method_trace(struct rpc_call *call)
{
	run_all(call, trace_one);
}
