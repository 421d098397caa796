/* TS 24.229 §5.4.1  The registrar's side of a node */
#include "node/registrar.h"

#include "node/event_lines.h"

#include "base/block.h"
#include "roles/scscf/digest_credentials.h"

#include <assert.h>

bool registrar_open(struct node *node)
{
	struct registrar *registrar;
	struct hash_key key;

	node->bindings.is_copy = node->settings->shard != REGISTRAR_SHARD;
	if (node->bindings.is_copy)
		return true;
	node->registrar = registrar = block_open(1, sizeof(*registrar));
	if (!registrar)
		return false;
	node->bindings.readers |= 1u << BINDINGS_FOR_EVENTS;
	key = (struct hash_key){{random_u64(&node->random), random_u64(&node->random)}};
	registrar->authentication = authentication_open(
		node->settings->nonces_max ? node->settings->nonces_max : 1, key);
	registrar->lines = block_open(1, REGISTER_LINES_BYTES_MAX);
	registrar->changes = block_open(1, REGISTRAR_CHANGES_BYTES);
	return registrar->authentication && registrar->lines && registrar->changes &&
	       registrar_events_open(node) && registrar_third_party_open(node);
}

void registrar_close(struct node *node)
{
	struct registrar *registrar = node->registrar;

	if (!registrar)
		return;
	registrar_events_close(node);
	registrar_third_party_close(node);
	authentication_close(registrar->authentication);
	block_close(registrar->lines);
	block_close(registrar->changes);
	block_close(registrar);
	node->registrar = NULL;
}

/* ---------------------------------------------------------------- whose message it is */

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of the first line with one of these names, up to its end of line. */
static struct text peek_header(struct text message, struct text name, char compact)
{
	const char *at = message.at, *end = message.at + message.len;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		struct text line = text_between(++at, end);
		uint32_t len = 0;

		if (line.len == 0 || line.at[0] == '\r' || line.at[0] == '\n')
			break;
		if (text_starts_with_nocase(line, name))
			len = name.len;
		else if (text_lower(line.at[0]) == (unsigned char)compact)
			len = 1;
		while (len && len < line.len && (line.at[len] == ' ' || line.at[len] == '\t'))
			len++;
		if (!len || len == line.len || line.at[len] != ':')
			continue;
		line = text_from(line, len + 1);
		while (line.len && is_white(line.at[0])) /* folded, perhaps */
			line = text_from(line, 1);
		return (struct text){line.at, text_find(line, '\n')};
	}
	return (struct text){0};
}

static bool is_package_reg(struct text value)
{
	uint32_t len = 0;

	while (len < value.len && !is_white(value.at[len]) && value.at[len] != ';')
		len++;
	return text_equal((struct text){value.at, len}, TEXT("reg"));
}

bool node_is_for_registrar(struct text message)
{
	while (message.len && is_white(message.at[0])) /* RFC 3261 §7.5 */
		message = text_from(message, 1);
	if (message.len >= 9 && memcmp(message.at, "REGISTER ", 9) == 0)
		return true;
	return message.len >= 10 && memcmp(message.at, "SUBSCRIBE ", 10) == 0 &&
	       is_package_reg(peek_header(message, TEXT("Event"), 'o'));
}

/* ---------------------------------------------------------------- REGISTER */

static void answer_503(struct node *node, const struct endpoint *source, uint8_t local)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node->counters.full++;
	answer_statelessly(node, &node->message, source, local, 503, NULL,
			   put_retry_after(node, &w));
}

/* Several lines go as one action: one step has room for a few only. */
#define TELL_BYTES 32768u

void registrar_tell_shards(struct node *node, struct text changes)
{
	struct text rest = changes, told = {changes.at, 0};
	struct binding_line line;

	while (binding_line_next(&rest, &line)) {
		if (told.len && (size_t)(rest.at - told.at) > TELL_BYTES) {
			outbox_binding(node, told);
			told.at += told.len;
		}
		told.len = (uint32_t)(rest.at - told.at);
	}
	if (told.len)
		outbox_binding(node, told);
}

/* ---------------------------------------------------------------- counters and the log */

/* That of the subscriber, never the one that was shown: people type passwords into the wrong field. */
static void put_private_identity(struct event_line *line, struct text user)
{
	const struct public_identity *identity =
		subscribers_find(line->node->settings->subscribers, user);

	if (identity)
		event_line_text(line, "private_identity", identity->subscriber->private_identity);
}

/* As an address of record: the URI may have a password in it. */
static void put_to(struct event_line *line, const struct sip_message *m)
{
	char bytes[LIMIT_URI_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct sip_uri uri;

	if (!sip_uri_parse(m->to_uri, &uri))
		return;
	sip_uri_put_address_of_record(&uri, &w);
	event_line_text(line, "user", text_written(&w));
}

/* Which of all the things that may be wrong; nothing of the credentials themselves. */
static const char *why_not_authenticated(const struct node *node,
					 const struct scscf_register_result *result)
{
	const struct public_identity *identity =
		subscribers_find(node->settings->subscribers, result->user);
	struct digest_credentials shown;

	if (digest_credentials_of(&node->message, (struct text){0}, &shown) !=
	    DIGEST_CREDENTIALS_FOUND)
		return "its Authorization cannot be understood";
	if (identity && !digest_value_equal(shown.username, identity->subscriber->private_identity))
		return "it shows another private identity";
	if (shown.auts.at)
		return "the AUTS is wrong";
	return shown.response.len ? "the response is wrong" : "there is no response";
}

/* @req RG-14
 * What was tried is counted; who tried, and nothing of the credentials, goes to the log. */
static void count_authentication(struct node *node, const struct endpoint *source,
				 const struct scscf_register_result *result)
{
	const struct authentication_answer *a = &result->authentication;
	struct node_counters *c = &node->counters;
	struct event_line line;

	if (!result->was_authenticated)
		return;
	c->authentication_challenges += a->verdict == AUTHENTICATION_CHALLENGE;
	c->authentication_throttled += a->verdict == AUTHENTICATION_THROTTLED;
	c->authentication_failures += a->is_failure;
	c->authentication_stale += a->is_stale;
	c->authentication_replays += a->is_replay;
	c->authentication_resynchronisations += a->is_resynchronisation;
	if (!a->is_failure ||
	    !event_line_begin(&line, node, NODE_LOG_NOTICE, "authentication failed"))
		return;
	event_line_text(&line, "user", result->user);
	put_private_identity(&line, result->user);
	event_line_words(&line, "why", why_not_authenticated(node, result));
	event_line_endpoint(&line, "source", source);
	event_line_end(&line);
}

static const char *why_not_registered(const struct node *node, bool trusted,
				      const struct scscf_register_result *result)
{
	const struct public_identity *identity =
		subscribers_find(node->settings->subscribers, result->user);

	if (result->user.len == 0)
		return trusted || node->settings->subscribers
			       ? "the domain is not one of scscf.domains"
			       : "the source is not trusted";
	if (!identity)
		return "there is no such subscriber";
	return identity->is_barred
		       ? "the identity is barred"
		       : "the subscriber has no credentials and the source is not trusted";
}

/* REGISTER without a question about who it is: refused. */
static void tell_refusal(struct node *node, const struct endpoint *source, bool trusted,
			 const struct scscf_register_result *result)
{
	struct event_line line;

	node->counters.registrations_refused++;
	if (!event_line_begin(&line, node, NODE_LOG_NOTICE, "REGISTER refused"))
		return;
	event_line_number(&line, "status", result->status);
	event_line_words(&line, "why", why_not_registered(node, trusted, result));
	put_to(&line, &node->message);
	put_private_identity(&line, result->user);
	event_line_endpoint(&line, "source", source);
	event_line_end(&line);
}

/* A refresh changes nothing in the life of a registration. */
static void tell_registration(struct node *node, const struct endpoint *source,
			      const struct scscf_register_result *result)
{
	bool is_removal = result->registration_type == REGISTRATION_REMOVAL;
	struct event_line line;

	if ((!result->n_added && !is_removal) ||
	    !event_line_begin(&line, node, NODE_LOG_INFO,
			      is_removal ? "de-registered" : "registered"))
		return;
	event_line_text(&line, "user", result->user);
	if (!is_removal) {
		event_line_text(&line, "contact", sip_value(&node->message, SIP_HEADER_CONTACT));
		event_line_number(&line, "expires_s", result->expires_s);
	}
	event_line_endpoint(&line, "source", source);
	event_line_end(&line);
}

static void count_register(struct node *node, const struct endpoint *source, bool trusted,
			   const struct scscf_register_result *result)
{
	count_authentication(node, source, result);
	if (!result->was_authenticated && (result->status == 403 || result->status == 404))
		tell_refusal(node, source, trusted, result);
	if (result->status == 403 && !trusted && !result->was_authenticated)
		node->counters.not_trusted++;
	if (result->status == 200) {
		node->counters.registrations++;
		tell_registration(node, source, result);
	}
	if (result->status == 503 && !result->was_authenticated)
		node->counters.full++;
}

static void put_wait(struct node *node, const struct scscf_register_result *result,
		     struct text_writer *lines)
{
	if (result->was_authenticated &&
	    result->authentication.verdict == AUTHENTICATION_THROTTLED) {
		text_put_literal(lines, "Retry-After: ");
		text_put_u64(lines, result->authentication.retry_after_s);
		text_put_literal(lines, "\r\n");
	} else if (result->status == 503) {
		put_retry_after(node, lines);
	}
}

/* Returns the response as it went out (a view into the outbox), empty when it did not. */
static struct text answer_register(struct node *node, struct server_transaction *server,
				   const struct endpoint *source, unsigned status,
				   struct text lines)
{
	struct text_writer w = outbox_writer(node);
	struct text_writer via = text_writer_on(node->scratch2, SCRATCH_BYTES);
	char tag_bytes[24];
	struct text_writer tag = text_writer_on(tag_bytes, sizeof(tag_bytes));
	uint32_t used = node->outbox_used;

	text_put_literal(&tag, "ad-");
	text_put_hex(&tag, random_u64(&node->random));
	sip_write_response(&w, &node->message, status, text_of(sip_reason_phrase(status)),
			   text_written(&tag), addressing_top_via(&node->message, source, &via),
			   lines);
	server_send(node, server, status, &w);
	return node->outbox_used == used ? (struct text){0} : text_written(&w);
}

void registrar_register(struct node *node, const struct endpoint *source, uint8_t local,
			const struct server_key *key)
{
	struct registrar *registrar = node->registrar;
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct text_writer lines, changes;
	char route_bytes[128];
	struct text_writer route = text_writer_on(route_bytes, sizeof(route_bytes));
	struct scscf_register_arrival arrival = {
		.source = source,
		.from_trusted = addressing_is_trusted(node, source),
		.now_ms = node->now_ms,
		.random = &node->random,
		.authentication_settings = &node->settings->authentication,
	};
	struct scscf_register_result result;
	struct server_transaction *server;
	struct text response;

	/* A caller that does not ask node_shard_of(): this shard has no registrar. */
	if (!registrar || !(server = server_begin(node, &node->message, key, source, local))) {
		answer_503(node, source, local);
		return;
	}
	lines = text_writer_on(registrar->lines, REGISTER_LINES_BYTES_MAX);
	changes = text_writer_on(registrar->changes, REGISTRAR_CHANGES_BYTES);
	addressing_put_own_route(&route, node, local, NO_HANDLE, true);
	arrival.service_route = text_written(&route);
	arrival.authentication = registrar->authentication;
	scscf_register(&around, &node->message, &arrival, &lines, &changes, &result);
	assert(!changes.full);
	if (lines.full) {
		lines = text_writer_on(registrar->lines, REGISTER_LINES_BYTES_MAX);
		result.status = 500;
	}
	count_register(node, source, arrival.from_trusted, &result);
	put_wait(node, &result, &lines);
	/* Also after a refusal half-way: what was changed here must be changed everywhere. */
	registrar_tell_shards(node, text_written(&changes));
	response = answer_register(node, server, source, result.status, text_written(&lines));
	if (result.n_added)
		registrar_events_added(node, result.user);
	registrar_bindings_changed(node);
	if (result.status == 200 && result.registration_type)
		registrar_third_party_register(node, result.user, result.registration_type,
					       result.expires_s, node->message.bytes, response);
}

/* ---------------------------------------------------------------- contacts that go */

/* The user itself says so: its REGISTER is what the application servers hear of. */
static bool is_by_the_network(enum binding_gone_why why)
{
	return why != BINDING_GONE_DEREGISTERED_BY_USER && why != BINDING_GONE_REPLACED;
}

static void servers_hear_of_removal(struct node *node, struct text user)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);

	if (user.len && !scscf_is_registered(&around, user))
		registrar_third_party_register(node, user, REGISTRATION_REMOVAL, 0,
					       (struct text){0}, (struct text){0});
}

void registrar_bindings_changed(struct node *node)
{
	struct bindings *bindings = &node->bindings;
	char user_bytes[LIMIT_URI_BYTES];
	struct text user = {user_bytes, 0};
	struct binding_gone gone;

	while (node->registrar && bindings_next_gone_for(bindings, BINDINGS_FOR_EVENTS, &gone)) {
		const struct binding *binding = binding_at(bindings, gone.binding);
		struct text of = binding_text(binding, BINDING_USER);

		registrar_events_gone(node, binding);
		if (!is_by_the_network(gone.why) || text_equal(of, user))
			continue;
		servers_hear_of_removal(node, user);
		user.len = of.len < sizeof(user_bytes) ? of.len : 0;
		memcpy(user_bytes, of.at, user.len);
	}
	servers_hear_of_removal(node, user);
}

static void tell_expiry(struct node *node, const struct binding_line *binding)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_INFO, "registration expired"))
		return;
	event_line_text(&line, "user", binding->user);
	event_line_text(&line, "contact", binding->contact);
	event_line_end(&line);
}

/* @req RG-8
 * This shard decides, and tells the others: a refresh that crosses the end of the old time must not end
 * calls there. */
void registrar_binding_expired(struct node *node, struct timer *timer)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	const struct binding *binding = binding_of_timer(timer);
	struct text_writer w = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct binding_line line = {
		.user = binding_text(binding, BINDING_USER),
		.contact = binding_text(binding, BINDING_CONTACT),
		.expires_ms = UINT64_MAX,
		.why = BINDING_GONE_EXPIRED,
	};

	if (node->registrar && line.contact.len) {
		node->counters.registrations_expired++;
		tell_expiry(node, &line);
		binding_line_put(&w, &line);
		outbox_binding(node, text_written(&w));
	}
	bindings_expired(&node->bindings, timer, node->now_ms, scscf_known_for_ms(&around));
	registrar_bindings_changed(node);
}

/* @req RG-15 */
unsigned registrar_deregister(struct node *node, struct text user, struct text contact)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	char bytes[LIMIT_URI_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes)), changes;
	struct sip_uri uri;
	unsigned n;

	if (!node->registrar || !sip_uri_parse(user, &uri))
		return 0;
	sip_uri_put_address_of_record(&uri, &w);
	if (w.full)
		return 0;
	changes = text_writer_on(node->registrar->changes, REGISTRAR_CHANGES_BYTES);
	n = scscf_deregister(&around, scscf_registered_as(&around, text_written(&w)), contact,
			     BINDING_GONE_BY_OPERATOR, node->now_ms, &changes);
	node->counters.registrations_removed += n;
	registrar_tell_shards(node, text_written(&changes));
	registrar_bindings_changed(node);
	return n;
}

unsigned node_deregister(struct node *node, uint64_t now_ms, struct text user, struct text contact)
{
	unsigned n;

	if (now_ms > node->now_ms)
		node->now_ms = now_ms;
	n = registrar_deregister(node, user, contact);
	contacts_gone(node);
	return n;
}

/* ---------------------------------------------------------------- requests of our own */

void registrar_put_charging_vector(struct node *node, struct text_writer *w)
{
	text_put_literal(w, "P-Charging-Vector: icid-value=ad-");
	text_put_hex(w, random_u64(&node->random));
	text_put_hex(w, random_u64(&node->random));
	text_put_literal(w, "\r\n");
}

bool registrar_send(struct node *node, const struct registrar_request *request)
{
	char branch_bytes[BRANCH_BYTES_MAX], via_bytes[BRANCH_BYTES_MAX + 128];
	struct text_writer branch = text_writer_on(branch_bytes, sizeof(branch_bytes));
	struct text_writer via = text_writer_on(via_bytes, sizeof(via_bytes));
	struct sip_request_parts parts = request->parts;
	struct client_transaction *client;
	struct next_hop hop;
	struct text_writer w;

	if (!addressing_next_hop(node, request->next_uri,
				 1024 + parts.lines.len + parts.body.len + parts.route.len, &hop) ||
	    !(client = client_take(node)))
		return false;
	client->owner = CLIENT_OF_REGISTRAR;
	client->owned = request->owned;
	client->cseq = parts.cseq;
	client->loop_hash = (uint32_t)random_u64(&node->random);
	branch_put(&branch, node, client_handle(node, client), client->loop_hash);
	addressing_put_via(&via, node, hop.local, text_written(&branch));
	parts.via = text_written(&via);
	parts.method = text_of(sip_method_name(request->method));
	w = outbox_writer(node);
	sip_write_request(&w, &parts);
	if (client_begin(node, client, &hop, request->method, &w))
		return true;
	client_end(node, client);
	return false;
}

void registrar_answered(struct node *node, struct client_transaction *client, unsigned status)
{
	if (client->final_status)
		return; /* repeated */
	client->final_status = (uint16_t)status;
	if (client->method == SIP_NOTIFY)
		registrar_notify_answered(node, client, status);
	else
		registrar_third_party_answered(node, client, status);
}
