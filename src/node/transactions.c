/* The transactions of a node: who owns the bytes and the timers that the machines of
 * src/transaction only reckon with. */
#include "node/legs.h"

#include <assert.h>

static struct handle as_handle(uint64_t v)
{
	return (struct handle){(uint32_t)v, (uint32_t)(v >> 32)};
}

static bool keep(struct node *node, char **kept, uint32_t *kept_len, struct text bytes)
{
	char *copy = store_take(node->message_store, bytes.len);

	if (!copy) {
		node->counters.lost_memory++;
		return false;
	}
	memcpy(copy, bytes.at, bytes.len);
	store_give_back(node->message_store, *kept, *kept_len);
	*kept = copy;
	*kept_len = bytes.len;
	return true;
}

static void let_go(struct node *node, char **kept, uint32_t *kept_len)
{
	store_give_back(node->message_store, *kept, *kept_len);
	*kept = NULL;
	*kept_len = 0;
}

/* For the first time: what found no room in its own step. */
static bool send_kept(struct node *node, struct text kept, const struct endpoint *to, uint8_t local)
{
	struct text_writer w = outbox_writer(node);

	text_put(&w, kept);
	return outbox_send(node, &w, to, local).len > 0;
}

/* ---------------------------------------------------------------- server */

struct server_transaction *server_find(struct node *node, const struct server_key *key)
{
	uint32_t hash = (uint32_t)key->word[0];
	uint32_t at = map_first(&node->servers_by_key, hash);
	uint64_t value;

	while ((value = map_value(&node->servers_by_key, hash, &at))) {
		struct server_transaction *server = pool_at(node->servers, as_handle(value));

		assert(server);
		if (server->key.word[0] == key->word[0] && server->key.word[1] == key->word[1])
			return server;
	}
	return NULL;
}

/* Most transactions live on only to absorb what comes late. Nobody waits for their end, so the ends are
 * gathered on full eighths of a second: one wakeup for many. */
#define GATHER_MS 128u

static uint64_t gathered(uint64_t at_ms)
{
	return (at_ms + GATHER_MS - 1) / GATHER_MS * GATHER_MS;
}

static void server_free(struct node *node, struct server_transaction *server)
{
	timers_stop(&node->timers, &server->timer);
	map_remove(&node->servers_by_key, (uint32_t)server->key.word[0],
		   handle_as_value(pool_handle(node->servers, server)));
	let_go(node, &server->request, &server->request_len);
	let_go(node, &server->response, &server->response_len);
	let_go(node, &server->best, &server->best_len);
	if (!handle_is_set(server->session) && passage_at(node, server->passage) &&
	    !handle_is_set(passage_at(node, server->passage)->session))
		passage_forget(node, server->passage);
	pool_give_back(node->servers, server);
}

void server_arm(struct node *node, struct server_transaction *server)
{
	uint64_t at = server_machine_deadline_ms(&server->machine);

	if (server->machine.state >= SERVER_ACCEPTED && at == server->machine.give_up_at_ms &&
	    at != TIMERS_NEVER)
		at = gathered(at);
	server->timer.kind = NODE_TIMER_SERVER;
	if (at == TIMERS_NEVER)
		timers_stop(&node->timers, &server->timer);
	else
		timers_start(&node->timers, &server->timer, at);
}

struct server_transaction *server_begin(struct node *node, const struct sip_message *request,
					const struct server_key *key, const struct endpoint *source,
					uint8_t local)
{
	struct handle handle;
	struct server_transaction *server = pool_take(node->servers, &handle);

	if (!server)
		return NULL;
	server->key = *key;
	server->method = request->method;
	server->cseq = request->cseq;
	server->local = local;
	server->peer = addressing_of_responses(request, source);
	server->source_port = source->port;
	if (!keep(node, &server->request, &server->request_len, request->bytes)) {
		pool_give_back(node->servers, server);
		return NULL;
	}
	if (!map_insert(&node->servers_by_key, (uint32_t)key->word[0], handle_as_value(handle))) {
		let_go(node, &server->request, &server->request_len);
		pool_give_back(node->servers, server);
		return NULL;
	}
	server_machine_start(&server->machine, request->method == SIP_INVITE,
			     transport_is_reliable(source->transport), &node->settings->timers,
			     node->now_ms);
	server_arm(node, server);
	return server;
}

/* Over a stream nothing is sent twice; a 2xx to INVITE is repeated by the callee, but for one case
 * (L11). */
static bool may_be_needed_again(const struct server_transaction *server)
{
	return !server->machine.reliable;
}

/* What is kept is the response at hand or none: never an older one in its place. */
static void keep_response(struct node *node, struct server_transaction *server, struct text bytes)
{
	if (!bytes.len || !keep(node, &server->response, &server->response_len, bytes))
		let_go(node, &server->response, &server->response_len);
}

/* @req TX-10
 * A response that finds the outbox full is kept over any transport, and goes out when timers are looked
 * at again: node_expire() does so only while there is room. */
void server_send(struct node *node, struct server_transaction *server, unsigned status,
		 const struct text_writer *w)
{
	bool is_sent, has_ended;

	if (!server_machine_may_send(&server->machine, status))
		return;
	if (!w->full)
		journal_response_sent(node, server, status);
	is_sent = outbox_send(node, w, &server->peer, server->local).len > 0;
	keep_response(node, server,
		      w->full || (is_sent && !may_be_needed_again(server)) ? (struct text){0}
									   : text_written(w));
	if (status >= 200) {
		server->has_final = true;
		let_go(node, &server->request, &server->request_len);
		let_go(node, &server->best, &server->best_len);
	}
	has_ended = server_machine_sent(&server->machine, status, &node->settings->timers,
					node->now_ms) &
		    SERVER_ENDED;
	if (!is_sent && server->response) {
		server_machine_not_sent(&server->machine, &node->settings->timers, node->now_ms);
	} else if (has_ended) {
		/* Freed by its timer, at once, so that nobody in this step holds something that is
		 * gone. */
		server->machine.state = SERVER_COMPLETED;
		server->machine.give_up_at_ms = node->now_ms;
	}
	server_arm(node, server);
}

static struct text random_tag(struct node *node, char *buffer, size_t max)
{
	struct text_writer w = text_writer_on(buffer, max);

	text_put_literal(&w, "ad-");
	text_put_hex(&w, random_u64(&node->random));
	return text_written(&w);
}

void answer_statelessly(struct node *node, const struct sip_message *request,
			const struct endpoint *source, uint8_t local, unsigned status,
			const char *reason_phrase, struct text lines)
{
	struct endpoint peer = addressing_of_responses(request, source);
	struct text_writer w = outbox_writer(node),
			   via = text_writer_on(node->scratch2, SCRATCH_BYTES);
	char tag_bytes[24];
	struct text_writer tag = text_writer_on(tag_bytes, sizeof(tag_bytes));
	struct text parts[] = {request->via.branch, request->via.host, request->call_id,
			       request->from_tag, request->cseq_method_name};
	struct text phrase = text_of(reason_phrase ? reason_phrase : sip_reason_phrase(status));

	/* The same request again gets the same tag (RFC 3261 §8.2.7). */
	text_put_literal(&tag, "ad-");
	text_put_hex(&tag, hash_texts(&node->key, parts, 5));
	sip_write_response(&w, request, status, phrase, text_written(&tag),
			   addressing_top_via(request, source, &via), lines);
	outbox_send(node, &w, &peer, local);
}

void server_answer(struct node *node, struct server_transaction *server, unsigned status,
		   struct text reason_phrase, struct text lines)
{
	struct text_writer w, via = text_writer_on(node->scratch2, SCRATCH_BYTES);
	struct endpoint source = server->peer;
	struct text tag = {0};
	char tag_bytes[24];

	if (server->has_final || !server->request ||
	    !server_machine_may_send(&server->machine, status))
		return;
	if (sip_parse(&node->other, server->request, server->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	if (status > 100)
		tag = random_tag(node, tag_bytes, sizeof(tag_bytes));
	source.port = server->source_port;
	w = outbox_writer(node);
	sip_write_response(&w, &node->other, status,
			   reason_phrase.len ? reason_phrase : text_of(sip_reason_phrase(status)),
			   tag, addressing_top_via(&node->other, &source, &via), lines);
	server_send(node, server, status, &w);
}

struct text put_retry_after(const struct node *node, struct text_writer *w)
{
	text_put_literal(w, "Retry-After: ");
	text_put_u64(w, node->settings->retry_after_s);
	text_put_literal(w, "\r\n");
	return text_written(w);
}

void server_stay_silent(struct node *node, struct server_transaction *server)
{
	if (server->has_final)
		return;
	server->has_final = true;
	let_go(node, &server->request, &server->request_len);
	let_go(node, &server->best, &server->best_len);
	server_machine_stay_silent(&server->machine, &node->settings->timers, node->now_ms);
	server_arm(node, server);
}

static void send_response_again(struct node *node, struct server_transaction *server)
{
	struct text kept = {server->response, server->response_len};

	if (!server_machine_is_unsent(&server->machine)) {
		if (kept.len)
			outbox_send_again(node, kept, &server->peer, server->local);
	} else if (!kept.len || send_kept(node, kept, &server->peer, server->local)) {
		server_machine_sent_at_last(&server->machine, node->now_ms);
	}
}

void server_apply(struct node *node, struct server_transaction *server, unsigned orders)
{
	if (orders & SERVER_SEND_TRYING) {
		server_answer(node, server, 100, TEXT("Trying"), (struct text){0});
		node->counters.clauses[server->machine.is_invite ? CLAUSE_TRYING
								 : CLAUSE_TRYING_NON_INVITE] +=
			session_at(node, server->session) != NULL;
	}
	if (orders & SERVER_SEND_RESPONSE)
		send_response_again(node, server);
	if (orders & SERVER_ENDED) {
		if (server->is_of_leg)
			leg_transaction_ended(node, server);
		server_free(node, server);
	} else {
		server_arm(node, server);
	}
}

/* ---------------------------------------------------------------- client */

struct handle client_handle(const struct node *node, const struct client_transaction *client)
{
	return pool_handle(node->clients, client);
}

struct client_transaction *client_take(struct node *node)
{
	struct client_transaction *client = pool_take(node->clients, NULL);

	if (client) {
		client->timer_c_at_ms = TIMERS_NEVER;
		client->machine.give_up_at_ms = client->machine.retransmit_at_ms = TIMERS_NEVER;
		client->machine.send_at_ms = TIMERS_NEVER;
	}
	return client;
}

static void unlink_from_server(struct node *node, struct client_transaction *client)
{
	struct server_transaction *server = pool_at(node->servers, client->server);
	struct handle own = client_handle(node, client);
	struct handle *link;

	if (!server)
		return;
	for (link = &server->first_branch; handle_is_set(*link);) {
		struct client_transaction *branch = pool_at(node->clients, *link);

		if (!branch)
			break;
		if (handle_equal(*link, own)) {
			*link = client->next;
			return;
		}
		link = &branch->next;
	}
}

void client_end(struct node *node, struct client_transaction *client)
{
	timers_stop(&node->timers, &client->timer);
	unlink_from_server(node, client);
	contact_leave(node, &client->contact_use);
	let_go(node, &client->request, &client->request_len);
	let_go(node, &client->cancel_lines, &client->cancel_lines_len);
	pool_give_back(node->clients, client);
}

/* RFC 4320 §4.1: to a non-INVITE a server says 100 when Timer E has come to T2, and over UDP that may be lost
 * once (docs/adr/0024). */
static uint32_t server_wait_of(const struct node *node, const struct client_transaction *client)
{
	uint32_t until_100_ms = 2 * node->settings->timers.ms[TIMER_T2];

	if (client->method == SIP_INVITE || node->settings->server_wait_ms > until_100_ms)
		return node->settings->server_wait_ms;
	return until_100_ms;
}

void client_waits_for_server(struct node *node, struct client_transaction *client)
{
	client->is_to_server = true;
	client->waits_for_server = true;
	client->timer_c_at_ms = node->now_ms + server_wait_of(node, client);
	client_arm(node, client);
}

void client_heard_server(struct node *node, struct client_transaction *client)
{
	client->waits_for_server = false;
	client->timer_c_at_ms = client->method == SIP_INVITE && !client->is_cancelled
					? node->now_ms + node->settings->timers.ms[TIMER_C]
					: TIMERS_NEVER;
}

void client_arm(struct node *node, struct client_transaction *client)
{
	uint64_t at = client_machine_deadline_ms(&client->machine);

	if (client->timer_c_at_ms < at)
		at = client->timer_c_at_ms;
	if (client->machine.state >= CLIENT_ACCEPTED && at != TIMERS_NEVER)
		at = gathered(at);
	client->timer.kind = NODE_TIMER_CLIENT;
	if (at == TIMERS_NEVER)
		timers_stop(&node->timers, &client->timer);
	else
		timers_start(&node->timers, &client->timer, at);
}

/* @req TX-10 */
bool client_begin(struct node *node, struct client_transaction *client, const struct next_hop *hop,
		  enum sip_method method, const struct text_writer *w)
{
	client->to = hop->to;
	client->local = hop->local;
	client->went_to_stream = hop->went_to_stream;
	client->method = (uint8_t)method;
	if (w->full || !keep(node, &client->request, &client->request_len, text_written(w)))
		return false;
	client_machine_start(&client->machine, method == SIP_INVITE,
			     transport_is_reliable(hop->to.transport), &node->settings->timers,
			     node->now_ms);
	if (!outbox_send(node, w, &client->to, client->local).len)
		client_machine_not_sent(&client->machine, node->now_ms);
	if (method == SIP_INVITE)
		client->timer_c_at_ms = node->now_ms + node->settings->timers.ms[TIMER_C];
	client_arm(node, client);
	return true;
}

/* RFC 3261 §17.1.1.3 */
static void send_ack(struct node *node, struct client_transaction *client,
		     const struct sip_message *response)
{
	struct text_writer w;

	if (!client->request ||
	    sip_parse(&node->other, client->request, client->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	w = outbox_writer(node);
	sip_write_ack(&w, &node->other, response->to);
	outbox_send(node, &w, &client->to, client->local);
}

static void send_request_again(struct node *node, struct client_transaction *client)
{
	struct text kept = {client->request, client->request_len};

	if (!client_machine_is_unsent(&client->machine)) {
		if (!kept.len)
			return;
		journal_request_again(node, client);
		outbox_send_again(node, kept, &client->to, client->local);
	} else if (!kept.len || send_kept(node, kept, &client->to, client->local)) {
		client_machine_sent_at_last(&client->machine);
	}
}

void client_apply(struct node *node, struct client_transaction *client, unsigned orders,
		  const struct sip_message *response)
{
	if (orders & CLIENT_SEND_REQUEST)
		send_request_again(node, client);
	if ((orders & CLIENT_SEND_ACK) && response)
		send_ack(node, client, response);
	if (orders & CLIENT_LET_REQUEST_GO)
		let_go(node, &client->request, &client->request_len);
	if (client->machine.state > CLIENT_PROCEEDING)
		client->timer_c_at_ms = TIMERS_NEVER;
	if (orders & CLIENT_ENDED)
		client_end(node, client);
	else
		client_arm(node, client);
}

static void journal_cancel(struct node *node, const struct client_transaction *client,
			   struct text reason_lines)
{
	struct session *session = session_at(node, client->session);
	struct journal_record record = {.kind = JOURNAL_REQUEST,
					.from = LEG_SERVER,
					.to = client->leg,
					.method = SIP_CANCEL,
					.cseq = client->cseq,
					.clause = client->cancel_clause};

	if (session)
		session_journal(node, session, journal_with_reason_lines(record, reason_lines));
}

/* RFC 3261 §9.1: not before a provisional response; hop by hop; if nothing final comes within 64*T1
 * the branch is over. */
void client_cancel(struct node *node, struct client_transaction *client, struct text reason_lines)
{
	struct next_hop hop = {.to = client->to, .local = client->local};
	struct client_transaction *cancel;
	struct text_writer w;

	if (client->method != SIP_INVITE || client->is_cancelled ||
	    (client->final_status && !client->is_passed_over))
		return;
	if (client->machine.state == CLIENT_CALLING) {
		client->cancel_wanted = true;
		if (reason_lines.len)
			keep(node, &client->cancel_lines, &client->cancel_lines_len, reason_lines);
		return;
	}
	client->is_cancelled = true;
	client->timer_c_at_ms = TIMERS_NEVER;
	client->machine.give_up_at_ms =
		node->now_ms + 64u * (uint64_t)node->settings->timers.ms[TIMER_T1];
	client_arm(node, client);
	if (!client->request ||
	    sip_parse(&node->other, client->request, client->request_len, SIP_DATAGRAM) != SIP_OK)
		return;
	cancel = client_take(node);
	if (!cancel) {
		node->counters.lost_memory++;
		return;
	}
	cancel->owner = CLIENT_OF_CANCEL;
	cancel->cseq = client->cseq;
	cancel->owned = client_handle(node, client);
	cancel->loop_hash = client->loop_hash;
	w = outbox_writer(node);
	sip_write_cancel(&w, &node->other, reason_lines);
	if (!client_begin(node, cancel, &hop, SIP_CANCEL, &w)) {
		client_end(node, cancel);
		return;
	}
	client->cancel = client_handle(node, cancel);
	journal_cancel(node, client, reason_lines);
}
