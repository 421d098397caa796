/* A proxying application server, RFC 3261 §16: transactions on both sides, forking, CANCEL, and no more. */
#include "proxy_parts.h"

#include <assert.h>
#include <stdlib.h>

enum { WAKE_FORWARD, WAKE_ANSWER, WAKE_RETRANSMIT };
enum { BRANCH_RETRANSMIT, BRANCH_GIVE_UP };

#define TIMER_C_MS 181000u

struct proxy *proxy_open(void)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));

	assert(proxy);
	return proxy;
}

void proxy_close(struct proxy *proxy)
{
	if (!proxy)
		return;
	for (unsigned i = 0; i < proxy->n_passages; i++) {
		free(proxy->passages[i]->request);
		free(proxy->passages[i]->response);
		free(proxy->passages[i]);
	}
	for (unsigned i = 0; i < proxy->n_branches; i++) {
		free(proxy->branches[i]->bytes);
		free(proxy->branches[i]->response);
		free(proxy->branches[i]);
	}
	for (unsigned i = 0; i < proxy->n_dialogs; i++)
		free(proxy->dialogs[i]);
	free(proxy->passages);
	free(proxy->branches);
	free(proxy->dialogs);
	free(proxy);
}

static void wake_after(struct server *server, void (*wake)(void *self, uint64_t a, uint64_t b),
		       void *self, uint64_t ms, uint64_t what, uint64_t more)
{
	world_at(server->ue->world, world_now(server->ue->world) + ms, wake, self,
		 (uint64_t[2]){what, more});
}

/* ------------------------------------------------------------------ what goes back */

static void wake_passage(void *self, uint64_t what, uint64_t more);

static void send_back(struct passage *passage)
{
	if (passage->response)
		world_send(passage->server->ue->world, &passage->server->ue->party.address,
			   &passage->from, (struct text){passage->response, passage->response_len});
}

static void keep_and_send_back(struct passage *passage, unsigned status, struct text bytes)
{
	bool first = !passage->status;

	free(passage->response);
	passage->response = ue_copy(bytes.at, bytes.len);
	passage->response_len = bytes.len;
	send_back(passage);
	if (status < 200)
		return;
	passage->status = (uint16_t)status;
	proxy_note_bye_answer(passage, status);
	if (!first || passage->method != SIP_INVITE || status < 300)
		return;
	passage->interval_ms = passage->server->ue->t1_ms; /* Timer G */
	wake_after(passage->server, wake_passage, passage, passage->interval_ms, WAKE_RETRANSMIT,
		   0);
}

/* A response of our own making. */
static void answer(struct passage *passage, unsigned status, const char *lines)
{
	char buffer[UE_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct ue_server server = {.ue = passage->server->ue,
				   .request = passage->request,
				   .request_len = passage->request_len,
				   .from = passage->from};

	if (passage->status)
		return;
	ue_write_answer(&server,
			&(struct ue_answering){.status = status,
					       .to_tag = passage->to_tag,
					       .lines = lines,
					       .contact = passage->method == SIP_INVITE &&
									  status > 100 &&
									  status < 300
								  ? passage->server->ue->contact
								  : NULL},
			&w);
	keep_and_send_back(passage, status, text_written(&w));
}

static void pass_back(struct passage *passage, const struct sip_message *m)
{
	char buffer[UE_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	if (!proxy_write_response(m, &w)) {
		ue_violation(passage->server->ue, "response %u with one Via value", m->status);
		return;
	}
	proxy_note_dialog(passage->server, passage, m);
	keep_and_send_back(passage, m->status, text_written(&w));
}

/* ------------------------------------------------------------------ what goes on */

static void wake_branch(void *self, uint64_t what, uint64_t unused);

static void send_on(struct proxy_branch *branch)
{
	world_send(branch->server->ue->world, &branch->server->ue->party.address, &branch->to,
		   (struct text){branch->bytes, branch->len});
}

static struct proxy_branch *start_branch(struct server *server, uint8_t method, const char *id,
					 struct text bytes, const struct endpoint *to)
{
	struct proxy *proxy = server->proxy;
	struct proxy_branch *branch = calloc(1, sizeof(*branch));
	struct ue *ue = server->ue;

	proxy->branches =
		realloc(proxy->branches, (proxy->n_branches + 1) * sizeof(struct proxy_branch *));
	assert(branch && proxy->branches);
	proxy->branches[proxy->n_branches++] = branch;
	*branch = (struct proxy_branch){.server = server,
					.method = method,
					.bytes = ue_copy(bytes.at, bytes.len),
					.len = bytes.len,
					.to = *to,
					.interval_ms = ue->t1_ms};
	snprintf(branch->id, sizeof(branch->id), "%s", id);
	send_on(branch);
	if (!transport_is_reliable(to->transport))
		wake_after(server, wake_branch, branch, branch->interval_ms, BRANCH_RETRANSMIT, 0);
	wake_after(server, wake_branch, branch, 64ull * ue->t1_ms, BRANCH_GIVE_UP, 0);
	return branch;
}

static void send_cancel(struct proxy_branch *branch)
{
	char buffer[UE_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	branch->cancel_wanted = false;
	branch->is_cancelled = true;
	proxy_write_after(branch->server, branch, SIP_CANCEL, (struct text){0}, &w);
	start_branch(branch->server, SIP_CANCEL, branch->id, text_written(&w), &branch->to);
	wake_after(branch->server, wake_branch, branch, 64ull * branch->server->ue->t1_ms,
		   BRANCH_GIVE_UP, 0);
}

static void cancel_branches(struct passage *passage)
{
	for (unsigned i = 0; i < passage->n_branches; i++) {
		struct proxy_branch *branch = passage->branches[i];

		if (branch->status || branch->is_cancelled)
			continue;
		branch->cancel_wanted = true;
		if (branch->has_provisional)
			send_cancel(branch);
	}
}

static void forward(struct passage *passage)
{
	struct server *server = passage->server;
	unsigned n = passage->is_initial ? server->options.n_forks : 1;
	char buffer[UE_MESSAGE], id[64];
	struct proxy_way way;
	struct sip_message m;

	if (passage->status)
		return;
	passage->is_forwarded = true;
	sip_parse(&m, passage->request, passage->request_len, SIP_DATAGRAM);
	if (!proxy_find_way(server, &m, &way)) {
		ue_violation(server->ue, "no way on for %.*s", TEXT_ARGS(m.method_name));
		answer(passage, 500, NULL);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct text_writer w = text_writer_on(buffer, sizeof(buffer));

		ue_draw_token(server->ue, "z9hG4bK", id, sizeof(id));
		proxy_write_request(server, &m, &way, id, passage->number, &w);
		passage->branches[i] =
			start_branch(server, passage->method, id, text_written(&w), &way.to);
		passage->branches[i]->passage = passage;
		passage->n_branches++;
	}
}

/* RFC 3261 §16.7 step 6: a 6xx, else the lowest class. */
static void choose_best(struct passage *passage)
{
	const struct proxy_branch *best = NULL;
	struct sip_message m;

	for (unsigned i = 0; i < passage->n_branches; i++) {
		const struct proxy_branch *b = passage->branches[i];

		if (!b->status)
			return;
		if (!best || b->status >= 600 ||
		    (best->status < 600 && b->status / 100 < best->status / 100))
			best = b;
	}
	if (!best || passage->status)
		return;
	if (best->response) {
		sip_parse(&m, best->response, best->response_len, SIP_DATAGRAM);
		pass_back(passage, &m);
	} else if (passage->method == SIP_INVITE) {
		answer(passage, 408, NULL);
	}
}

static void wake_branch(void *self, uint64_t what, uint64_t unused)
{
	struct proxy_branch *branch = self;
	bool invite = branch->method == SIP_INVITE;
	uint32_t t2_ms = branch->server->ue->t2_ms;

	(void)unused;
	if (branch->status)
		return;
	if (what == BRANCH_GIVE_UP) {
		if (invite && branch->has_provisional && !branch->is_cancelled) {
			if (world_now(branch->server->ue->world) >=
			    branch->passage->began_ms + TIMER_C_MS)
				send_cancel(branch);
			return;
		}
		branch->status = 408;
		if (branch->passage)
			choose_best(branch->passage);
		return;
	}
	if (invite && branch->has_provisional)
		return;
	send_on(branch);
	branch->interval_ms *= 2;
	if (!invite && (branch->interval_ms > t2_ms || branch->has_provisional))
		branch->interval_ms = t2_ms;
	wake_after(branch->server, wake_branch, branch, branch->interval_ms, BRANCH_RETRANSMIT, 0);
}

static void wake_passage(void *self, uint64_t what, uint64_t more)
{
	struct passage *passage = self;
	struct ue *ue = passage->server->ue;

	if (what == WAKE_FORWARD) {
		forward(passage);
	} else if (what == WAKE_ANSWER) {
		answer(passage, ue->rules[more].status, ue->rules[more].lines);
	} else if (!passage->is_acknowledged && passage->interval_ms < 64 * ue->t1_ms) {
		send_back(passage);
		passage->interval_ms *= 2;
		wake_after(passage->server, wake_passage, passage,
			   passage->interval_ms < ue->t2_ms ? passage->interval_ms : ue->t2_ms,
			   WAKE_RETRANSMIT, 0);
	}
}

/* ------------------------------------------------------------------ requests */

static void key_of(const struct sip_message *m, unsigned method, char *ret, size_t max)
{
	snprintf(ret, max, "%.*s|%.*s:%u|%u", TEXT_ARGS(m->via.branch), TEXT_ARGS(m->via.host),
		 m->via.port, method);
}

static struct passage *find_passage(struct server *server, const struct sip_message *m,
				    unsigned method)
{
	char key[sizeof(((struct passage *)0)->key)];

	key_of(m, method, key, sizeof(key));
	for (unsigned i = server->proxy->n_passages; i-- > 0;)
		if (strcmp(server->proxy->passages[i]->key, key) == 0)
			return server->proxy->passages[i];
	return NULL;
}

static struct passage *new_passage(struct server *server, const struct endpoint *from,
				   const struct sip_message *m)
{
	struct proxy *proxy = server->proxy;
	struct passage *passage = calloc(1, sizeof(*passage));

	proxy->passages =
		realloc(proxy->passages, (proxy->n_passages + 1) * sizeof(struct passage *));
	assert(passage && proxy->passages);
	*passage = (struct passage){.server = server,
				    .number = proxy->n_passages,
				    .method = m->method,
				    .is_initial = !m->to_tag.len,
				    .request = ue_copy(m->bytes.at, m->bytes.len),
				    .request_len = m->bytes.len,
				    .from = *from,
				    .began_ms = world_now(server->ue->world)};
	key_of(m, m->method, passage->key, sizeof(passage->key));
	ue_draw_token(server->ue, "as-", passage->to_tag, sizeof(passage->to_tag));
	proxy->passages[proxy->n_passages++] = passage;
	return passage;
}

static bool follow_rule(struct passage *passage)
{
	struct ue *ue = passage->server->ue;
	unsigned number = ue_rule_for(ue, passage->method);
	const struct ue_rule *rule = number ? &ue->rules[number - 1] : NULL;

	if (!rule)
		return false;
	passage->is_ignored = !rule->status;
	if (rule->status == 1)
		wake_after(passage->server, wake_passage, passage, rule->after_ms, WAKE_FORWARD, 0);
	else if (rule->status)
		wake_after(passage->server, wake_passage, passage, rule->after_ms, WAKE_ANSWER,
			   number - 1);
	return true;
}

static void begin(struct server *server, const struct endpoint *from, const struct sip_message *m)
{
	struct passage *passage = new_passage(server, from, m);
	const struct server_options *options = &server->options;

	if (passage->is_initial)
		server_check_first_contact(server->ue, m);
	else
		passage->dialog = proxy_check_in_dialog(server, m);
	if (m->max_forwards == 0) {
		answer(passage, 483, NULL);
		return;
	}
	if (follow_rule(passage))
		return;
	if (passage->method == SIP_INVITE)
		answer(passage, 100, NULL);
	if (!passage->is_initial || !options->late_ms) {
		forward(passage);
		return;
	}
	if (options->late_status > 100)
		answer(passage, options->late_status, NULL);
	wake_after(server, wake_passage, passage, options->late_ms, WAKE_FORWARD, 0);
}

/* The ACK of a 2xx: nobody waits for it here (§16.11). */
static void pass_ack(struct server *server, const struct sip_message *m)
{
	char buffer[UE_MESSAGE], id[64];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct proxy_way way;

	proxy_check_in_dialog(server, m);
	if (m->max_forwards == 0 || !proxy_find_way(server, m, &way))
		return;
	ue_draw_token(server->ue, "z9hG4bK", id, sizeof(id));
	proxy_write_request(server, m, &way, id, 0, &w);
	world_send(server->ue->world, &server->ue->party.address, &way.to, text_written(&w));
}

static void receive_ack(struct server *server, const struct sip_message *m)
{
	struct passage *invite = find_passage(server, m, SIP_INVITE);

	if (invite)
		invite->is_acknowledged = true;
	else
		pass_ack(server, m);
}

static void receive_cancel(struct server *server, const struct endpoint *from,
			   const struct sip_message *m)
{
	struct passage *invite = find_passage(server, m, SIP_INVITE);
	struct passage *passage = new_passage(server, from, m);

	if (follow_rule(passage))
		return;
	answer(passage, invite ? 200 : 481, NULL);
	if (!invite || invite->status)
		return;
	if (invite->is_forwarded)
		cancel_branches(invite);
	else
		answer(invite, 487, NULL);
}

/* ------------------------------------------------------------------ responses */

static struct proxy_branch *find_branch(struct server *server, const struct sip_message *m)
{
	for (unsigned i = server->proxy->n_branches; i-- > 0;)
		if (server->proxy->branches[i]->method == m->method &&
		    text_equal(m->via.branch, text_of(server->proxy->branches[i]->id)))
			return server->proxy->branches[i];
	return NULL;
}

static void final_to_invite(struct proxy_branch *branch, const struct sip_message *m)
{
	char buffer[UE_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	bool first = !branch->status;

	if (m->status < 300) {
		branch->status = m->status;
		pass_back(branch->passage, m); /* every one, again and again (§16.7 step 5) */
		cancel_branches(branch->passage);
		return;
	}
	proxy_write_after(branch->server, branch, SIP_ACK, m->to, &w);
	world_send(branch->server->ue->world, &branch->server->ue->party.address, &branch->to,
		   text_written(&w));
	if (!first)
		return;
	branch->status = m->status;
	branch->response = ue_copy(m->bytes.at, m->bytes.len);
	branch->response_len = m->bytes.len;
	if (m->status >= 600)
		cancel_branches(branch->passage);
	choose_best(branch->passage);
}

static void receive_response(struct server *server, const struct sip_message *m)
{
	struct proxy_branch *branch = find_branch(server, m);

	if (!branch) {
		ue_violation(server->ue, "response %u to a request that I never sent", m->status);
		return;
	}
	if (m->status < 200) {
		if (!branch->has_provisional && branch->method == SIP_INVITE)
			wake_after(server, wake_branch, branch, TIMER_C_MS, BRANCH_GIVE_UP, 0);
		branch->has_provisional = true;
		if (branch->cancel_wanted)
			send_cancel(branch);
		if (m->status > 100 && branch->passage && !branch->passage->status)
			pass_back(branch->passage, m);
	} else if (branch->method == SIP_INVITE) {
		final_to_invite(branch, m);
	} else if (!branch->status) {
		branch->status = m->status;
		if (branch->passage)
			pass_back(branch->passage, m);
	}
}

/* ------------------------------------------------------------------ the service */

static bool receives(void *self, const struct endpoint *from, const struct sip_message *m)
{
	struct server *server = self;
	struct passage *again;

	if (!m->is_request) {
		receive_response(server, m);
		return true;
	}
	if (!m->to_tag.len && server_is_own(server->ue, m->request_uri))
		return false;
	again = m->method == SIP_ACK ? NULL : find_passage(server, m, m->method);
	if (m->method == SIP_ACK)
		receive_ack(server, m);
	else if (again)
		send_back(again);
	else if (m->method == SIP_CANCEL)
		receive_cancel(server, from, m);
	else
		begin(server, from, m);
	return true;
}

static unsigned open_dialogs(const void *self)
{
	const struct server *server = self;
	unsigned n = 0;

	for (unsigned i = 0; i < server->proxy->n_dialogs; i++) {
		const struct proxied *d = server->proxy->dialogs[i];

		/* Without an ACK it was never heard of again: its 2xx got lost, and it ended before. */
		n += !server->options.is_absent && d->is_established && d->is_acknowledged &&
		     !d->n_byes[0] && !d->n_byes[1];
	}
	return n;
}

static unsigned open_requests(const void *self)
{
	const struct server *server = self;
	unsigned n = 0;

	for (unsigned i = 0; i < server->proxy->n_branches; i++)
		n += !server->proxy->branches[i]->status;
	return n;
}

static void looks_back(void *self)
{
	struct server *server = self;

	for (unsigned i = 0; i < server->proxy->n_passages; i++) {
		struct passage *passage = server->proxy->passages[i];
		struct sip_message m;

		if (passage->status || passage->is_ignored)
			continue;
		sip_parse(&m, passage->request, passage->request_len, SIP_DATAGRAM);
		ue_violation(server->ue, "%.*s (%u) went on and was never answered",
			     TEXT_ARGS(m.method_name), m.cseq);
	}
}

const struct ue_service proxy_service = {
	.receives = receives,
	.looks_back = looks_back,
	.open_dialogs = open_dialogs,
	.open_requests = open_requests,
};
