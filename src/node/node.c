/* The node: opened, fed, woken, closed. */
#include "base/block.h"
#include "node/event_lines.h"
#include "node/legs.h"
#include "node/registrar.h"

#include <assert.h>
#include <stddef.h>

#define ENDED_SESSIONS_MIN         16u
#define OWN_REQUESTS_MIN           256u
#define STORE_BYTES_MAX            ((size_t)64 << 30)
#define OWNER(type, timer_pointer) ((type *)(void *)((char *)(timer_pointer)-offsetof(type, timer)))

struct node_settings node_settings_default(void)
{
	return (struct node_settings){
		.timers = timer_values_default(),
		.stream_above_bytes = 1300,
		.registration_default_s = 3600,
		.registration_min_s = 60,
		.registration_max_s = 600000,
		.authentication = authentication_settings_default(),
		.sccas = sccas_settings_default(),
		.release_sessions_per_s = 1000,
		.release_status = 480,
		.log_level = NODE_LOG_NOTICE,
		.retry_after_s = 10,
		.server_wait_ms = 4000,
		.sessions_max = 200000,
		.transactions_max = 400000,
		.bindings_max = 200000,
		.nonces_max = 100000,
		.subscriptions_max = 100000,
		.ended_sessions_max = 1000,
		.n_shards = 1,
	};
}

static uint32_t at_most(uint32_t n, uint32_t max)
{
	return n == 0 ? 1 : n > max ? max : n;
}

struct node *node_open(const struct node_settings *settings, uint64_t seed0, uint64_t seed1,
		       uint64_t now_ms)
{
	uint32_t sessions_max = at_most(settings->sessions_max, LIMIT_SESSIONS);
	uint32_t transactions_max = at_most(settings->transactions_max, LIMIT_TRANSACTIONS);
	struct node *node = block_open(1, sizeof(*node));

	if (!node)
		return NULL;
	node->settings = settings;
	node->now_ms = now_ms;
	node->random = random_from(seed0, seed1);
	node->key = (struct hash_key){{random_u64(&node->random), random_u64(&node->random)}};
	timers_init(&node->timers, now_ms);
	node->ended_max = at_most(settings->ended_sessions_max, LIMIT_ENDED_SESSIONS);
	if (node->ended_max < ENDED_SESSIONS_MIN)
		node->ended_max = ENDED_SESSIONS_MIN;
	node->sessions = pool_open(sizeof(struct session), sessions_max + node->ended_max);
	node->dialogs = pool_open(sizeof(struct dialog),
				  sessions_max + node->ended_max + LIMIT_DIALOGS * 1024u);
	node->passages = pool_open(sizeof(struct service_passage),
				   sessions_max + node->ended_max + transactions_max);
	node->contact_uses = pool_open(sizeof(struct contact_use),
				       2 * (sessions_max + node->ended_max) + transactions_max);
	node->anchored = pool_open(sizeof(struct anchored_session), sessions_max + node->ended_max);
	node->servers = pool_open(sizeof(struct server_transaction), transactions_max);
	node->transactions_max = transactions_max;
	/* What this server sends itself (BYE, CANCEL) must not fail because forwarding is busy. */
	node->clients = pool_open(sizeof(struct client_transaction),
				  transactions_max + transactions_max / 8 + OWN_REQUESTS_MIN);
	node->session_store = store_open(STORE_BYTES_MAX);
	node->message_store = store_open(STORE_BYTES_MAX);
	node->ended = block_open(node->ended_max, sizeof(struct handle));
	node->outbox = block_open(1, OUTBOX_BYTES);
	node->actions = block_open(LIMIT_OUTBOX_MESSAGES, sizeof(struct node_action));
	node->scratch = block_open(1, SCRATCH_BYTES);
	node->scratch2 = block_open(1, SCRATCH_BYTES);
	node->next_order = 1;
	if (!node->sessions || !node->dialogs || !node->passages || !node->contact_uses ||
	    !node->anchored || !node->servers || !node->clients || !node->session_store ||
	    !node->message_store || !node->ended || !node->outbox || !node->actions ||
	    !node->scratch || !node->scratch2 ||
	    !bindings_open(&node->bindings, at_most(settings->bindings_max, LIMIT_BINDINGS),
			   node->session_store, &node->timers, NODE_TIMER_BINDING, node->key) ||
	    !registrar_open(node)) {
		node_close(node);
		return NULL;
	}
	return node;
}

static void give_back_all(struct node *node)
{
	struct server_transaction *server;
	struct client_transaction *client;
	struct session *session;
	uint32_t index = 0;

	while (node->clients && (client = pool_next(node->clients, &index)))
		client_end(node, client);
	index = 0;
	while (node->servers && (server = pool_next(node->servers, &index))) {
		server->is_of_leg = false;
		server_apply(node, server, SERVER_ENDED);
	}
	index = 0;
	while (node->sessions && (session = pool_next(node->sessions, &index))) {
		timers_stop(&node->timers, &session->timer);
		session_forget(node, session);
	}
	registrar_close(node);
	bindings_close(&node->bindings);
}

void node_close(struct node *node)
{
	if (!node)
		return;
	if (node->session_store && node->message_store && node->dialogs && node->passages &&
	    node->contact_uses && node->anchored)
		give_back_all(node);
	pool_close(node->sessions);
	pool_close(node->passages);
	pool_close(node->contact_uses);
	pool_close(node->anchored);
	pool_close(node->dialogs);
	pool_close(node->servers);
	pool_close(node->clients);
	store_close(node->session_store);
	store_close(node->message_store);
	map_clear(&node->servers_by_key);
	map_clear(&node->sessions_by_call_id);
	map_clear(&node->uses_by_contact);
	map_clear(&node->anchored_by_call_id);
	map_clear(&node->anchored_by_number);
	block_close(node->ended);
	block_close(node->outbox);
	block_close(node->actions);
	block_close(node->scratch);
	block_close(node->scratch2);
	block_close(node);
}

void node_set_settings(struct node *node, const struct node_settings *settings)
{
	node->settings = settings;
}

void node_set_draining(struct node *node, bool draining)
{
	node->draining = draining;
}

static uint64_t known_for_ms(const struct node *node)
{
	return (uint64_t)node->settings->registration_max_s * 1000;
}

struct scscf_surroundings node_surroundings(struct node *node, struct scscf_domain_route *routes)
{
	const struct node_settings *s = node->settings;

	for (unsigned i = 0; i < s->n_routes; i++)
		routes[i] = (struct scscf_domain_route){s->routes[i].domain, s->routes[i].next_hop};
	return (struct scscf_surroundings){
		.domains = s->domains,
		.n_domains = s->n_domains,
		.routes = routes,
		.n_routes = s->n_routes,
		.registration_default_s = s->registration_default_s,
		.registration_min_s = s->registration_min_s,
		.registration_max_s = s->registration_max_s,
		.bindings = &node->bindings,
		.subscribers = s->subscribers,
	};
}

/* What a step left for its end, when nobody holds anything of it any more. */
static void end_of_step(struct node *node)
{
	if (handle_is_set(node->without_server))
		receive_request_goes_on(node);
	contacts_gone(node);
	passages_forget_ended(node);
}

/* ---------------------------------------------------------------- feeding */

/* Which line, and the name in it; its value may be a credential. */
static void put_line_at_fault(struct event_line *line, const struct sip_message *m)
{
	struct text at_fault = m->fault_line, before = {m->bytes.at, 0};
	struct text name = {at_fault.at, text_find(at_fault, ':')};
	unsigned number = 1;

	if (!at_fault.len)
		return;
	before.len = (uint32_t)(at_fault.at - m->bytes.at);
	for (uint32_t i = 0; i < before.len; i++)
		number += before.at[i] == '\n';
	event_line_number(line, "line", number);
	if (name.len < at_fault.len)
		event_line_text(line, "header", name);
}

static void tell_refusal(struct node *node, const struct node_event *event)
{
	const struct sip_message *m = &node->message;
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_DEBUG, "message refused"))
		return;
	event_line_number(&line, "status", m->fault_status);
	if (m->fault_reason)
		event_line_words(&line, "why", m->fault_reason);
	put_line_at_fault(&line, m);
	event_line_text(&line, "method", m->is_request ? m->method_name : TEXT("(response)"));
	event_line_text(&line, "call_id", m->call_id);
	event_line_endpoint(&line, "source", &event->peer);
	event_line_end(&line);
}

static void refused(struct node *node, const struct node_event *event)
{
	const struct sip_message *m = &node->message;

	if (!m->is_request) {
		node->counters.dropped_responses++;
	} else if (!sip_can_answer(m)) {
		node->counters.dropped_requests++;
	} else {
		node->counters.refused_requests++;
		answer_statelessly(node, m, &event->peer, event->local, m->fault_status,
				   m->fault_reason, (struct text){0});
	}
	tell_refusal(node, event);
}

static void feed_message(struct node *node, const struct node_event *event)
{
	enum sip_framing framing =
		transport_is_reliable(event->peer.transport) ? SIP_STREAM : SIP_DATAGRAM;

	node->counters.messages_in++;
	switch (sip_parse(&node->message, event->bytes.at, event->bytes.len, framing)) {
	case SIP_NOISE: node->counters.noise++; break;
	case SIP_REFUSED: refused(node, event); break;
	case SIP_OK:
		if (node->message.is_request)
			receive_request(node, &event->peer, event->local);
		else
			receive_response(node);
		break;
	}
}

/* The beginning of a message of ours, perhaps cut off: the branch in its first Via says which
 * request it was. */
static struct client_transaction *whose_was(struct node *node, struct text bytes)
{
	static const char mark[] = ";branch=z9hG4bKad-";
	const char *at = memmem(bytes.at, bytes.len, mark, sizeof(mark) - 1);
	struct text branch;
	struct handle handle;
	uint32_t shard, hash;

	if (!at)
		return NULL;
	branch = text_between(at + 8, bytes.at + bytes.len);
	for (uint32_t i = 0; i < branch.len; i++)
		if (branch.at[i] == '\r' || branch.at[i] == ';' || branch.at[i] == '\n')
			branch.len = i;
	if (!branch_parse(branch, &shard, &handle, &hash) || shard != node->settings->shard)
		return NULL;
	return pool_at(node->clients, handle);
}

/* RFC 3261 §18.1.1: too large for UDP, and the stream is refused: then UDP after all. The Via says
 * so. Not for what has been answered: that has arrived. */
static bool try_datagram(struct node *node, struct client_transaction *client)
{
	struct endpoint to = client->to;
	struct text_writer w, via;
	char via_bytes[256];
	struct next_hop hop;

	to.transport = TRANSPORT_UDP;
	to.flow = 0;
	if (client->machine.state != CLIENT_CALLING || !client->went_to_stream ||
	    !client->request ||
	    !addressing_local_of(node, role_at(node, client->local), &to, &hop.local) ||
	    sip_parse(&node->other, client->request, client->request_len, SIP_DATAGRAM) != SIP_OK)
		return false;
	hop = (struct next_hop){.to = to, .local = hop.local};
	via = text_writer_on(via_bytes, sizeof(via_bytes));
	addressing_put_via(&via, node, hop.local, node->other.via.branch);
	sip_edit_begin(&node->edit, &node->other);
	sip_edit_replace(&node->edit, node->other.via.whole, text_written(&via));
	w = outbox_writer(node);
	if (via.full || !sip_edit_write(&node->edit, &w))
		return false;
	if (!client_begin(node, client, &hop, client->method, &w))
		return false;
	if (client->waits_for_server)
		client_waits_for_server(node, client);
	return true;
}

static void transport_failed(struct node *node, struct client_transaction *client)
{
	unsigned orders = client_machine_transport_failed(&client->machine);

	if (orders & CLIENT_TIMED_OUT)
		branch_failed(node, client, 503);
	if (orders)
		client_apply(node, client, orders & ~(unsigned)CLIENT_TIMED_OUT, NULL);
}

/* A CANCEL and an ACK bear the branch of their INVITE (RFC 3261 §9.1, §17.1.1.3). Whom the CANCEL
 * does not reach will not answer the INVITE either; a lost ACK is asked for again; an INVITE that
 * has been answered did arrive. */
static void send_failed(struct node *node, const struct node_event *event)
{
	struct client_transaction *client = whose_was(node, event->bytes), *cancel;

	if (!client || !endpoint_same_address(&client->to, &event->peer))
		return;
	if (client->method != SIP_INVITE || client->machine.state == CLIENT_CALLING) {
		if (!try_datagram(node, client))
			transport_failed(node, client);
		return;
	}
	cancel = pool_at(node->clients, client->cancel);
	if (cancel && text_starts_with_nocase(event->bytes, TEXT("CANCEL "))) {
		transport_failed(node, cancel);
		transport_failed(node, client);
	}
}

static void feed_bindings(struct node *node, struct text bytes)
{
	const struct scscf_surroundings around = {.subscribers = node->settings->subscribers};
	struct binding_line line;

	while (binding_line_next(&bytes, &line)) {
		/* The bindings file may name any identity of a set. */
		line.user = scscf_registered_as(&around, line.user);
		if (bindings_apply(&node->bindings, &line, node->now_ms, known_for_ms(node)) !=
		    BINDINGS_DONE)
			node->counters.lost_memory++;
	}
	registrar_bindings_changed(node);
}

static void set_now(struct node *node, uint64_t now_ms)
{
	if (now_ms > node->now_ms)
		node->now_ms = now_ms;
}

void node_feed(struct node *node, uint64_t now_ms, const struct node_event *event)
{
	set_now(node, now_ms);
	switch (event->kind) {
	case NODE_EVENT_MESSAGE: feed_message(node, event); break;
	case NODE_EVENT_SEND_FAILED: send_failed(node, event); break;
	case NODE_EVENT_BINDING: feed_bindings(node, event->bytes); break;
	}
	end_of_step(node);
}

/* ---------------------------------------------------------------- waking */

/* @req IC-8
 * Its branch has failed; the request itself is repeated on, so that a CANCEL can follow its first answer. */
static void server_is_silent(struct node *node, struct client_transaction *client)
{
	client->waits_for_server = false;
	client->timer_c_at_ms = TIMERS_NEVER;
	client->cancel_wanted = client->method == SIP_INVITE;
	client->cancel_clause = CLAUSE_BRANCH_TIMEOUT;
	client->is_passed_over = true;
	branch_failed(node, client, 408);
	client_arm(node, client);
}

/* @req IC-8
 * It has sent the request on: whoever has it now may take as long as he would without a server. */
static bool has_called_back(const struct node *node, const struct client_transaction *client)
{
	const struct server_transaction *server = pool_at(node->servers, client->server);
	const struct service_passage *passage = server ? passage_at(node, server->passage) : NULL;

	return passage && passage->called_back;
}

static void server_wait_over(struct node *node, struct client_transaction *client)
{
	if (!has_called_back(node, client)) {
		server_is_silent(node, client);
		return;
	}
	client_heard_server(node, client);
	client_arm(node, client);
}

static void client_expired(struct node *node, struct client_transaction *client)
{
	unsigned orders;

	if (node->now_ms >= client->timer_c_at_ms && client->waits_for_server) {
		server_wait_over(node, client);
		return;
	}
	if (node->now_ms >= client->timer_c_at_ms) { /* §16.8 */
		struct session *session = session_at(node, client->session);

		client->timer_c_at_ms = TIMERS_NEVER;
		if (session && session->state != SESSION_ENDED)
			session_journal(node, session,
					(struct journal_record){.kind = JOURNAL_TIMER,
								.to = client->leg,
								.method = SIP_INVITE,
								.clause = CLAUSE_TIMER_C});
		if (client->machine.state == CLIENT_PROCEEDING) {
			client->cancel_clause = CLAUSE_TIMER_C;
			client_cancel(node, client, (struct text){0});
			client_arm(node, client);
			return;
		}
	}
	orders = client_machine_expired(&client->machine, &node->settings->timers, node->now_ms);
	if (orders & CLIENT_TIMED_OUT)
		branch_failed(node, client, 408);
	client_apply(node, client, orders, NULL);
}

static void session_timer_expired(struct node *node, struct session *session)
{
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct actions actions = {.n = 0};
	struct step step = {.session = session};

	session_journal(
		node, session,
		(struct journal_record){.kind = JOURNAL_TIMER, .clause = CLAUSE_SESSION_EXPIRED});
	node->counters.sessions_expired++;
	scscf_session_expired(session, &dialogs, &actions);
	carry_out(node, &step, &actions);
}

static void release_timer_expired(struct node *node, struct session *session)
{
	const struct service_passage *passage = passage_of(node, session);
	struct scscf_dialogs dialogs = session_dialogs(node, session);
	struct step step = {.session = session};

	for (unsigned i = 0; i < dialogs.n; i++) {
		struct dialog *dialog = dialogs.list[i];
		struct actions actions = {.n = 0};

		if (node->now_ms >= dialog->ack_wait_until_ms)
			scscf_release_ack_wait_over(session, dialog, &node->random, &actions);
		for (int side = 0; side < 2; side++)
			if (dialog->retry_at_ms[side] &&
			    node->now_ms >= dialog->retry_at_ms[side]) {
				dialog->retry_at_ms[side] = 0;
				scscf_bye_retry(session, dialog, (enum dialog_side)side,
						&node->random, &actions);
			}
		carry_out(node, &step, &actions);
	}
	if (passage && passage->await_until_ms && node->now_ms >= passage->await_until_ms)
		passage_wait_over(node, session);
	else
		release_step_done(node, session);
}

static void timer_expired(struct node *node, struct timer *timer)
{
	struct server_transaction *server;

	switch (timer->kind) {
	case NODE_TIMER_CLIENT:
		client_expired(node, OWNER(struct client_transaction, timer));
		break;
	case NODE_TIMER_SERVER:
		server = OWNER(struct server_transaction, timer);
		server_apply(node, server,
			     server_machine_expired(&server->machine, &node->settings->timers,
						    node->now_ms));
		break;
	case NODE_TIMER_BINDING: registrar_binding_expired(node, timer); break;
	case NODE_TIMER_SUBSCRIPTION: registrar_subscription_expired(node, timer); break;
	case NODE_TIMER_ORDERS: orders_expired(node); break;
	case SESSION_TIMER_EXPIRES:
		session_timer_expired(node, OWNER(struct session, timer));
		break;
	case SESSION_TIMER_ANCHORED:
		anchored_timer_expired(node, OWNER(struct session, timer));
		break;
	case SESSION_TIMER_RELEASE:
		release_timer_expired(node, OWNER(struct session, timer));
		break;
	default: assert(false);
	}
}

void node_expire(struct node *node, uint64_t now_ms)
{
	struct timer *timer;

	set_now(node, now_ms);
	while (node_has_room(node) && (timer = timers_expired(&node->timers, node->now_ms))) {
		timer_expired(node, timer);
		end_of_step(node);
	}
}

uint64_t node_deadline(const struct node *node)
{
	return timers_deadline(&node->timers);
}

/* ---------------------------------------------------------------- bindings file */

static bool has_no_line_end(struct text t)
{
	return text_find(t, '\n') == t.len && text_find(t, '\r') == t.len;
}

bool node_binding_line(struct text user, struct text contact, struct text path,
		       struct text_writer *w)
{
	char user_bytes[LIMIT_URI_BYTES];
	struct text_writer user_w = text_writer_on(user_bytes, sizeof(user_bytes));
	struct sip_uri uri, contact_uri;
	struct sip_name_addr address;
	struct text rest = path, value;
	struct binding_line line;

	if (!sip_uri_parse(user, &uri) || uri.scheme == SIP_URI_OTHER ||
	    contact.len > LIMIT_URI_BYTES || path.len > LIMIT_ROUTE_SET_BYTES ||
	    !has_no_line_end(path) || !has_no_line_end(contact) ||
	    (contact.len &&
	     (!sip_uri_parse(contact, &contact_uri) || contact_uri.scheme != SIP_URI_SIP)))
		return false;
	while (sip_text_list_next(&rest, &value))
		if (!sip_name_addr_parse(value, &address))
			return false;
	sip_uri_put_address_of_record(&uri, &user_w);
	line = (struct binding_line){
		.user = text_written(&user_w), .contact = contact, .path = path};
	binding_line_put(w, &line);
	return !user_w.full && !w->full;
}

void node_forget_old_static_bindings(struct node *node, uint64_t now_ms)
{
	set_now(node, now_ms);
	bindings_next_round(&node->bindings, node->now_ms);
	registrar_bindings_changed(node);
	end_of_step(node);
}
