/* Sessions: the list in pages, one in full, its ladder and its reason. */
#include "admin/methods.h"

#include "node/ladder.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FOUND_PER_JOB = 64, /* so that a page does not hold up the calls of the shard */
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
		if (job->state.len &&
		    !text_equal(job->state, text_of(session_state_name(report.state))))
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
	return false;
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
	    rpc_flag(call, "ended", &ended) && read_cursor(call, cursor, &shard, &job.cursor)) {
		job.wanted = limit;
		job.which =
			ended || text_equal(job.state, text_of(session_state_name(SESSION_ENDED)))
				? NODE_GONE
				: NODE_LIVE;
		if (job.state.len && !is_state(job.state))
			rpc_fail(call, RPC_INVALID_PARAMS, "there is no state \"%.*s\"",
				 job.state.len > 64 ? 64 : (int)job.state.len, job.state.at);
		else
			run_list(call, &job, shard);
	}
	json_decref(job.sessions);
}

/* ------------------------------------------------------------------ finding one */

struct find_job {
	struct text call_id;
	enum node_which which;
	uint64_t cursor;
	bool found, at_end;
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

static void find_by_call_id(struct node *node, uint64_t now_ms, void *arg)
{
	struct find_job *job = arg;
	struct node_session_report report;
	struct node_session_id id;

	(void)now_ms;
	if (!node_session_by_call_id(node, job->call_id, &id) ||
	    !node_session(node, &id, &report) || (job->found && report.began_ms < job->newest_ms))
		return;
	job->found = true;
	job->newest_ms = report.began_ms;
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

bool find_session(struct rpc_call *call, struct node_session_id *ret)
{
	struct text name = {0};
	struct find_job job = {0};

	if (!rpc_text(call, "id", &name))
		return false;
	if (name.len == 0)
		return rpc_fail(call, RPC_INVALID_PARAMS,
				"id is missing: a session id, a Call-ID or \"last\"");
	job.call_id = name;
	if (node_session_id_parse(name, &job.id) && job.id.shard < call->host->n_shards)
		call->host->call(call->host->owner, job.id.shard, find_by_id, &job);
	for (uint32_t shard = 0; !job.found && shard < call->host->n_shards; shard++)
		call->host->call(call->host->owner, shard, find_by_call_id, &job);
	if (!job.found && text_equal(name, TEXT("last")))
		find_last(call, &job);
	if (!job.found)
		return rpc_fail(call, RPC_UNKNOWN, "no session \"%.*s\"",
				name.len > 128 ? 128 : (int)name.len, name.at);
	*ret = job.id;
	return true;
}

/* ------------------------------------------------------------------ one in full */

struct one_job {
	struct node_session_id id;
	json_t *session, *transfer;
	char *text;
	struct text_writer writer;
	bool found;
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
	ladder_put_why(&job->writer, &report, now_ms);
	if (report.is_anchored)
		job->transfer = json_of_transfer(&report, now_ms);
}

static void trace(struct node *node, uint64_t now_ms, void *arg)
{
	struct one_job *job = arg;
	struct node_session_report report;

	job->found = node_session(node, &job->id, &report);
	if (job->found)
		ladder_put(&job->writer, &report, wall_clock_ms() - now_ms);
}

static bool run_one(struct rpc_call *call, struct one_job *job, admin_job *run)
{
	if (!find_session(call, &job->id))
		return false;
	call->host->call(call->host->owner, job->id.shard, run, job);
	if (!job->found)
		return rpc_fail(call, RPC_UNKNOWN, "the session has just been forgotten");
	return true;
}

void method_show(struct rpc_call *call)
{
	struct one_job job = {0};

	if (run_one(call, &job, show))
		call->result = job.session;
}

static void answer_text(struct rpc_call *call, admin_job *run)
{
	struct one_job job = {.text = malloc(LADDER_BYTES)};
	char id[40];
	struct text_writer w = text_writer_on(id, sizeof(id));

	if (!job.text)
		return;
	job.writer = text_writer_on(job.text, LADDER_BYTES);
	if (run_one(call, &job, run)) {
		node_session_id_put(&w, &job.id);
		call->result = json_object();
		json_put(call->result, "id", json_of_text(text_written(&w)));
		json_put(call->result, "text", json_of_text(text_written(&job.writer)));
		if (job.transfer)
			json_put(call->result, "transfer", job.transfer);
	}
	free(job.text);
}

void method_why(struct rpc_call *call)
{
	answer_text(call, why);
}

void method_trace(struct rpc_call *call)
{
	answer_text(call, trace);
}
