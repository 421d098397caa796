/* Release by the operator: orders, their progress, their end. One number here stands for an order of each shard. */
#include "admin/methods.h"

#include "sip/uri.h"

#include "base/logfmt.h"

#include <stdio.h>

struct release_job {
	struct node_release_order order;
	enum node_release_verdict verdict;
	uint32_t number;
	json_t *already; /* how one session was being released before this order; NULL: it was not */
};

static bool is_same_reason(const struct node_release_order *order,
			   const struct node_session_report *s)
{
	return (!order->status || order->status == s->reason_status) &&
	       (!order->reason_text.len || text_equal(order->reason_text, s->reason_text));
}

/* @req RC-16  The first order stands: since when, and with which Reason. */
static json_t *json_of_already(const struct node_release_order *order,
			       const struct node_session_report *s, uint64_t now_ms)
{
	json_t *object = json_object();
	const struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_ORDER)
			json_put(object, "since_ms",
				 json_integer((json_int_t)(now_ms - s->began_ms - r->at_ms)));
	if (s->is_terminating)
		json_put(object, "hung_up", json_true());
	if (s->reason_status && !s->is_terminating) {
		json_put(object, "reason", json_integer(s->reason_status));
		json_put(object, "text", json_of_text(s->reason_text));
	}
	json_put(object, "reason_differs", json_boolean(!is_same_reason(order, s)));
	return object;
}

static void note_already(struct node *node, uint64_t now_ms, struct release_job *job)
{
	struct node_session_report report;

	if (job->order.selector == NODE_SELECT_SESSION && !job->order.dry_run &&
	    node_session(node, &job->order.id, &report) && report.state == SESSION_RELEASING)
		job->already = json_of_already(&job->order, &report, now_ms);
}

static void give_order(struct node *node, uint64_t now_ms, void *arg)
{
	struct release_job *job = arg;

	note_already(node, now_ms, job);
	job->verdict = node_release(node, now_ms, &job->order, &job->number);
}

static bool say_verdict(struct rpc_call *call, enum node_release_verdict verdict)
{
	switch (verdict) {
	case NODE_RELEASE_ACCEPTED: return true;
	case NODE_RELEASE_UNKNOWN: return rpc_fail(call, RPC_UNKNOWN, "no such session");
	case NODE_RELEASE_ENDED:
		return rpc_fail(call, RPC_REFUSED, "the session has ended already");
	case NODE_RELEASE_BUSY:
		return rpc_fail(call, RPC_REFUSED, "too many release orders at work");
	case NODE_RELEASE_INVALID:
		return rpc_fail(call, RPC_INVALID_PARAMS,
				"reason must be a final response code from 300 to 699, text at "
				"most 128 bytes without control characters");
	}
	return rpc_fail(call, RPC_INTERNAL_ERROR, "unknown verdict");
}

static struct admin_order *new_order(struct admin_orders *orders)
{
	struct admin_order *order = &orders->ring[++orders->last_number % ADMIN_ORDERS_MAX];

	*order = (struct admin_order){.number = orders->last_number};
	return order;
}

/* To the shards `from` up to `to`. A user or all: when one shard refuses, the others have their orders nevertheless. */
static bool give_orders(struct rpc_call *call, struct release_job *job, uint32_t from, uint32_t to,
			struct admin_order *order)
{
	enum node_release_verdict verdict = NODE_RELEASE_UNKNOWN;

	for (uint32_t shard = from; shard < to; shard++) {
		call->host->call(call->host->owner, shard, give_order, job);
		if (job->verdict == NODE_RELEASE_ACCEPTED) {
			order->at[order->n_shards].shard = shard;
			order->at[order->n_shards++].order = job->number;
		} else {
			verdict = job->verdict;
		}
	}
	return order->n_shards > 0 || say_verdict(call, verdict);
}

static bool read_order(struct rpc_call *call, struct node_release_order *order)
{
	uint64_t status = 0, rate = 0;

	if (!rpc_number(call, "reason", 300, 699, &status) ||
	    !rpc_number(call, "rate", 1, 1000000, &rate) ||
	    !rpc_text(call, "text", &order->reason_text) ||
	    !rpc_flag(call, "dry_run", &order->dry_run))
		return false;
	order->status = (uint16_t)status;
	/* The rate is for the server, each shard does its part of it. */
	order->sessions_per_s =
		(uint32_t)((rate + call->host->n_shards - 1) / call->host->n_shards);
	return true;
}

static bool is_uri(struct text user)
{
	struct sip_uri uri;

	return user.len <= LIMIT_URI_BYTES && sip_uri_parse(user, &uri);
}

/* Exactly one of id, user and all. */
static bool read_selector(struct rpc_call *call, struct node_release_order *order,
			  struct admin_order *known)
{
	bool all = false;
	bool id = json_object_get(call->params, "id") != NULL;
	bool user = json_object_get(call->params, "user") != NULL;
	struct text_writer w = text_writer_on(known->what, sizeof(known->what) - 1);

	if (!rpc_flag(call, "all", &all) || !rpc_text(call, "user", &order->user))
		return false;
	if (id + user + all != 1)
		return rpc_fail(call, RPC_INVALID_PARAMS,
				"expected exactly one of id, user and all");
	if (user && !is_uri(order->user))
		return rpc_fail(call, RPC_INVALID_PARAMS,
				"user must be a URI, as \"adieu users\" shows it "
				"(sip:bob@ims.example)");
	order->selector = id ? NODE_SELECT_SESSION : user ? NODE_SELECT_USER : NODE_SELECT_ALL;
	if (id && !find_session(call, &order->id))
		return false;
	text_put(&w, id ? TEXT("session ") : user ? TEXT("user ") : TEXT("all"));
	if (id)
		node_session_id_put(&w, &order->id);
	if (user)
		text_put(&w, order->user);
	known->what[w.len] = 0;
	return true;
}

static void log_order(struct rpc_call *call, const struct admin_order *order)
{
	char bytes[1024];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	logfmt_begin(&w, "release ordered");
	logfmt_number(&w, "order", order->number);
	logfmt_text(&w, "what", text_of(order->what));
	logfmt_number(&w, "dry_run", order->dry_run);
	logfmt_number(&w, "uid", call->uid);
	call->host->log(call->host->owner, NODE_LOG_NOTICE, text_written(&w));
}

static json_t *json_of_order(const struct admin_order *order)
{
	json_t *object = json_object();

	json_put(object, "order", json_integer(order->number));
	json_put(object, "what", json_of_text(text_of(order->what)));
	json_put(object, "dry_run", json_boolean(order->dry_run));
	if (order->status)
		json_put(object, "reason", json_integer(order->status));
	return object;
}

static json_t *json_of_shards(const struct admin_order *order)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < order->n_shards; i++) {
		json_t *object = json_object();

		json_put(object, "shard", json_integer(order->at[i].shard));
		json_put(object, "order", json_integer(order->at[i].order));
		json_array_append_new(array, object);
	}
	return array;
}

void method_release(struct rpc_call *call)
{
	struct release_job job = {0};
	struct admin_order order = {0}, *known;
	bool one;

	if (!read_order(call, &job.order) || !read_selector(call, &job.order, &order))
		return;
	one = job.order.selector == NODE_SELECT_SESSION;
	if (!give_orders(call, &job, one ? job.order.id.shard : 0,
			 one ? job.order.id.shard + 1 : call->host->n_shards, &order)) {
		json_decref(job.already);
		return;
	}
	order.id = job.order.id;
	order.is_joined = job.already != NULL;
	order.status = job.order.status;
	order.dry_run = job.order.dry_run;
	known = new_order(call->orders);
	order.number = known->number;
	*known = order;
	log_order(call, known);
	call->result = json_of_order(known);
	json_put(call->result, "shards", json_of_shards(known));
	if (job.already)
		json_put(call->result, "already", job.already);
	if (one) {
		char id[40];
		struct text_writer w = text_writer_on(id, sizeof(id));

		node_session_id_put(&w, &job.order.id);
		json_put(call->result, "id", json_of_text(text_written(&w)));
	}
}

/* ------------------------------------------------------------------ progress */

struct progress_job {
	uint32_t order;
	const struct admin_order *joined; /* NULL: it releases itself */
	bool known;
	struct node_release_progress progress;
};

static void ask_progress(struct node *node, uint64_t now_ms, void *arg)
{
	struct progress_job *job = arg;
	struct node_session_report report;

	(void)now_ms;
	job->known = node_release_progress(node, job->order, &job->progress);
	if (job->known && job->joined)
		job->progress.running = node_session(node, &job->joined->id, &report) &&
					report.state != SESSION_ENDED;
}

static void add_progress(struct node_release_progress *sum, const struct node_release_progress *p)
{
	sum->running |= p->running;
	sum->stopped |= p->stopped;
	sum->found += p->found;
	sum->already_releasing += p->already_releasing;
	sum->begun += p->begun;
	sum->ended += p->ended;
	sum->legs_2xx += p->legs_2xx;
	sum->legs_481 += p->legs_481;
	sum->legs_other += p->legs_other;
	sum->legs_timed_out += p->legs_timed_out;
	sum->legs_transport_failed += p->legs_transport_failed;
}

static const struct admin_order *find_order(struct rpc_call *call)
{
	uint64_t number = 0;
	const struct admin_order *order;

	if (!rpc_number(call, "order", 1, UINT32_MAX, &number))
		return NULL;
	order = &call->orders->ring[number % ADMIN_ORDERS_MAX];
	if (number == 0)
		rpc_fail(call, RPC_INVALID_PARAMS, "order is missing");
	else if (order->number != number)
		rpc_fail(call, RPC_UNKNOWN, "no order %llu", (unsigned long long)number);
	else
		return order;
	return NULL;
}

static json_t *json_of_progress(const struct admin_order *order,
				const struct node_release_progress *p)
{
	json_t *object = json_of_order(order), *legs = json_object();

	json_put(object, "running", json_boolean(p->running));
	json_put(object, "stopped", json_boolean(p->stopped));
	json_put(object, "found", json_integer(p->found));
	json_put(object, "already_releasing", json_integer(p->already_releasing));
	json_put(object, "begun", json_integer(p->begun));
	json_put(object, "ended", json_integer(p->ended));
	json_put(legs, "2xx", json_integer(p->legs_2xx));
	json_put(legs, "481", json_integer(p->legs_481));
	json_put(legs, "other", json_integer(p->legs_other));
	json_put(legs, "timed_out", json_integer(p->legs_timed_out));
	json_put(legs, "transport_failed", json_integer(p->legs_transport_failed));
	json_put(object, "legs", legs);
	return object;
}

void method_release_progress(struct rpc_call *call)
{
	const struct admin_order *order = find_order(call);
	struct node_release_progress sum = {0};
	uint64_t wait_ms = 0;
	uint32_t n_known = 0;

	if (!order || !rpc_number(call, "wait_ms", 0, 60000, &wait_ms))
		return;
	for (uint32_t i = 0; i < order->n_shards; i++) {
		struct progress_job job = {.order = order->at[i].order,
					   .joined = order->is_joined ? order : NULL};

		call->host->call(call->host->owner, order->at[i].shard, ask_progress, &job);
		if (job.known)
			add_progress(&sum, &job.progress);
		n_known += job.known;
	}
	if (n_known == 0) {
		rpc_fail(call, RPC_UNKNOWN, "order %u was finished and is forgotten",
			 order->number);
		return;
	}
	call->wait_ms = sum.running ? (uint32_t)wait_ms : 0;
	call->result = json_of_progress(order, &sum);
}

static void stop(struct node *node, uint64_t now_ms, void *arg)
{
	struct progress_job *job = arg;

	(void)now_ms;
	job->known = node_release_stop(node, job->order);
}

void method_release_stop(struct rpc_call *call)
{
	const struct admin_order *order = find_order(call);
	uint32_t n_known = 0;

	if (!order)
		return;
	for (uint32_t i = 0; i < order->n_shards; i++) {
		struct progress_job job = {.order = order->at[i].order};

		call->host->call(call->host->owner, order->at[i].shard, stop, &job);
		n_known += job.known;
	}
	if (n_known == 0) {
		rpc_fail(call, RPC_UNKNOWN, "order %u was finished and is forgotten",
			 order->number);
		return;
	}
	call->result = json_of_order(order);
	json_put(call->result, "stopped", json_true());
}
