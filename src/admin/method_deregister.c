/* De-registration by the operator, TS 24.229 §5.4.1.5. */
#include "admin/methods.h"

#include "base/logfmt.h"

struct deregister_job {
	struct text user, contact;
	unsigned n;
};

static void deregister(struct node *node, uint64_t now_ms, void *arg)
{
	struct deregister_job *job = arg;

	job->n = node_deregister(node, now_ms, job->user, job->contact);
}

static void log_it(struct rpc_call *call, const struct deregister_job *job)
{
	char bytes[1024];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	logfmt_begin(&w, "contacts taken out");
	logfmt_text(&w, "user", job->user);
	logfmt_number(&w, "n", job->n);
	logfmt_number(&w, "uid", call->uid);
	call->host->log(call->host->owner, NODE_LOG_NOTICE, text_written(&w));
}

/* The registrar is on shard 0 and tells the others. */
void method_deregister(struct rpc_call *call)
{
	struct deregister_job job = {0};

	if (!rpc_text(call, "user", &job.user) || !rpc_text(call, "contact", &job.contact))
		return;
	if (job.user.len == 0) {
		rpc_fail(call, RPC_INVALID_PARAMS, "user is missing");
		return;
	}
	if (json_object_get(call->params, "contact") && job.contact.len == 0) {
		rpc_fail(call, RPC_INVALID_PARAMS, "contact is empty");
		return;
	}
	call->host->call(call->host->owner, 0, deregister, &job);
	if (job.n == 0) {
		rpc_fail(call, RPC_UNKNOWN, "no such contact is registered");
		return;
	}
	log_it(call, &job);
	call->result = json_object();
	json_put(call->result, "user", json_of_text(job.user));
	json_put(call->result, "contacts", json_integer(job.n));
}
