/* Ended sessions, that which ended last first: each shard has its own in order, here they are merged.
 *
 * The cursor is "MS:P0,P1,...": the time up to which the list goes, and how far it has come in each shard. What ends after the
 * first page is not in it, so no page tells anything twice. */
#include "admin/methods.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	FOUND_PER_JOB = 32, /* so that a page does not hold up the calls of the shard */
	LOOKED_PER_JOB = 4096,
	CURSOR_BYTES = 32 + ADMIN_SHARDS_MAX * 11,
};

/* What was found in a shard and not told yet. */
struct ended_of_shard {
	json_t *found[FOUND_PER_JOB];
	uint64_t ended_ms[FOUND_PER_JOB];
	uint32_t behind[FOUND_PER_JOB]; /* place in the shard behind it */
	unsigned n, next;
	uint32_t at;   /* where the job goes on */
	uint32_t told; /* place behind the last that was told */
	bool at_end;
};

struct ended_job {
	struct text user;
	uint64_t until_ms;
	struct ended_of_shard *shard;
};

static void find_ended(struct node *node, uint64_t now_ms, void *arg)
{
	struct ended_job *job = arg;
	struct ended_of_shard *s = job->shard;
	struct node_session_report report;

	if (job->until_ms == 0)
		job->until_ms = now_ms;
	s->n = s->next = 0;
	while (s->n < FOUND_PER_JOB) {
		if (!node_ended_sessions(node, job->until_ms, job->user, LOOKED_PER_JOB, &s->at,
					 &report)) {
			s->at_end = true;
			return;
		}
		if (!handle_is_set(report.id.handle))
			return; /* looked at enough */
		s->found[s->n] = json_of_session(&report, now_ms, false);
		s->ended_ms[s->n] = report.ended_ms;
		s->behind[s->n++] = s->at;
	}
}

static void fill(struct rpc_call *call, struct ended_job *job, struct ended_of_shard *shards,
		 uint32_t shard)
{
	job->shard = &shards[shard];
	while (job->shard->next == job->shard->n && !job->shard->at_end)
		call->host->call(call->host->owner, shard, find_ended, job);
}

/* The shard whose next session ended last; NULL: no more. */
static struct ended_of_shard *newest(struct rpc_call *call, struct ended_job *job,
				     struct ended_of_shard *shards)
{
	struct ended_of_shard *best = NULL;

	for (uint32_t i = 0; i < call->host->n_shards; i++) {
		struct ended_of_shard *s = &shards[i];

		fill(call, job, shards, i);
		if (s->next < s->n && (!best || s->ended_ms[s->next] > best->ended_ms[best->next]))
			best = s;
	}
	return best;
}

/* ------------------------------------------------------------------ the cursor */

static bool read_cursor(struct rpc_call *call, struct text cursor, struct ended_job *job,
			struct ended_of_shard *shards)
{
	char bytes[CURSOR_BYTES], *at = bytes, *end;

	if (cursor.len == 0)
		return true;
	if (cursor.len >= sizeof(bytes))
		return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
	memcpy(bytes, cursor.at, cursor.len);
	bytes[cursor.len] = 0;
	job->until_ms = strtoull(at, &end, 10);
	for (uint32_t i = 0; i < call->host->n_shards; i++) {
		unsigned long n;

		if (end == at || *end != (i ? ',' : ':'))
			return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
		at = end + 1;
		n = strtoul(at, &end, 10);
		if (n > UINT32_MAX)
			return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
		shards[i].at = shards[i].told = (uint32_t)n;
	}
	if (end == at || *end || job->until_ms == 0)
		return rpc_fail(call, RPC_INVALID_PARAMS, "cursor is not one of ours");
	return true;
}

static void put_cursor(struct rpc_call *call, const struct ended_job *job,
		       const struct ended_of_shard *shards)
{
	char bytes[CURSOR_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put_u64(&w, job->until_ms);
	for (uint32_t i = 0; i < call->host->n_shards; i++) {
		text_put_char(&w, i ? ',' : ':');
		text_put_u64(&w, shards[i].told);
	}
	json_put(call->result, "next", json_of_text(text_written(&w)));
}

/* ------------------------------------------------------------------ the list */

static void run(struct rpc_call *call, struct ended_job *job, struct ended_of_shard *shards,
		size_t wanted)
{
	json_t *sessions = json_array();
	struct ended_of_shard *s = NULL;

	while ((s = newest(call, job, shards)) && json_array_size(sessions) < wanted) {
		json_array_append_new(sessions, s->found[s->next]);
		s->told = s->behind[s->next++];
	}
	call->result = json_object();
	json_put(call->result, "sessions", sessions);
	if (s)
		put_cursor(call, job, shards);
	for (uint32_t i = 0; i < call->host->n_shards; i++)
		while (shards[i].next < shards[i].n)
			json_decref(shards[i].found[shards[i].next++]);
}

void list_ended_sessions(struct rpc_call *call, struct text cursor, struct text user, size_t wanted)
{
	struct ended_of_shard *shards = calloc(call->host->n_shards, sizeof(*shards));
	struct ended_job job = {.user = user};

	if (shards && read_cursor(call, cursor, &job, shards))
		run(call, &job, shards, wanted);
	free(shards);
}
