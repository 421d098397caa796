/* RFC 3680, RFC 6665, TS 24.229 §5.4.2.1  Subscriptions to the state of a registration
 *
 * One NOTIFY of a subscription is under way at a time; what changes meanwhile goes into the next one. Each
 * document has the full state, and the contacts that went since the last one. NOTIFYs are sent by the timer
 * of the subscription, so that many of them never go out in one step. */
#include "node/registrar.h"

#include "roles/scscf/registration_event.h"

#include <assert.h>

#define DEFAULT_S             3761u /* RFC 3680 §4.4 */
#define SUBSCRIPTIONS_OF_USER 16u   /* 503 to a further one */
#define GONE_BYTES_MAX        8192u /* what is told of contacts that went: the full state says it too */
#define TAG_BYTES             80u
#define TAG_MARK              TEXT("adr-")

enum subscription_text {
	SUBSCRIPTION_USER, /* name of the bindings */
	SUBSCRIPTION_CALL_ID,
	SUBSCRIPTION_LOCAL, /* From of our NOTIFYs; ends with our tag */
	SUBSCRIPTION_REMOTE,
	SUBSCRIPTION_REMOTE_TAG,
	SUBSCRIPTION_ROUTE,
	SUBSCRIPTION_TARGET,
	SUBSCRIPTION_EVENT_ID, /* parameter id of Event */
	SUBSCRIPTION_TEXTS,
};

enum subscription_end {
	SUBSCRIPTION_GOES_ON,
	SUBSCRIPTION_TIMEOUT,     /* its time is over, or it was ended by its owner */
	SUBSCRIPTION_NO_RESOURCE, /* the last contact went */
};

struct subscription {
	struct timer timer;
	struct packed_text texts;
	struct text_slice slices[SUBSCRIPTION_TEXTS];
	char *gone; /* contacts that went since the last NOTIFY, as XML; a whole block of GONE_BYTES_MAX */
	uint32_t gone_len;
	uint32_t hash;
	uint64_t expires_ms;
	uint32_t cseq, remote_cseq, version;
	uint8_t local;
	uint8_t end;    /* enum subscription_end */
	bool is_due;    /* a NOTIFY */
	bool is_asking; /* one is under way */
};

static struct text text_of_subscription(const struct subscription *s, enum subscription_text which)
{
	return packed_text_get(&s->texts, s->slices[which]);
}

static uint32_t hash_of(const struct node *node, struct text user)
{
	return (uint32_t)hash_bytes(&node->key, user.at, user.len);
}

bool registrar_events_open(struct node *node)
{
	uint32_t max = node->settings->subscriptions_max ? node->settings->subscriptions_max : 1;

	node->registrar->subscriptions =
		pool_open(sizeof(struct subscription), max < LIMIT_BINDINGS ? max : LIMIT_BINDINGS);
	return node->registrar->subscriptions != NULL;
}

static void forget(struct node *node, struct subscription *s)
{
	struct registrar *registrar = node->registrar;

	timers_stop(&node->timers, &s->timer);
	map_remove(&registrar->subscriptions_by_user, s->hash,
		   handle_as_value(pool_handle(registrar->subscriptions, s)));
	packed_text_clear(&s->texts, node->session_store);
	store_give_back(node->session_store, s->gone, GONE_BYTES_MAX);
	pool_give_back(registrar->subscriptions, s);
}

void registrar_events_close(struct node *node)
{
	struct registrar *registrar = node->registrar;
	struct subscription *s;
	uint32_t index = 0;

	if (!registrar->subscriptions)
		return;
	while ((s = pool_next(registrar->subscriptions, &index)))
		forget(node, s);
	map_clear(&registrar->subscriptions_by_user);
	pool_close(registrar->subscriptions);
}

uint64_t registrar_subscriptions(const struct node *node)
{
	return node->registrar ? pool_live(node->registrar->subscriptions) : 0;
}

static unsigned subscriptions_of(struct node *node, struct text user,
				 struct subscription *ret[SUBSCRIPTIONS_OF_USER])
{
	struct registrar *registrar = node->registrar;
	uint32_t hash = hash_of(node, user);
	uint32_t at = map_first(&registrar->subscriptions_by_user, hash);
	unsigned n = 0;
	uint64_t value;

	while (n < SUBSCRIPTIONS_OF_USER &&
	       (value = map_value(&registrar->subscriptions_by_user, hash, &at))) {
		struct handle handle = handle_of_value(value);
		struct subscription *s = pool_at(registrar->subscriptions, handle);

		assert(s);
		if (text_equal(text_of_subscription(s, SUBSCRIPTION_USER), user))
			ret[n++] = s;
	}
	return n;
}

static void arm(struct node *node, struct subscription *s)
{
	s->timer.kind = NODE_TIMER_SUBSCRIPTION;
	timers_start(&node->timers, &s->timer,
		     s->is_due && !s->is_asking ? node->now_ms
		     : s->end                   ? TIMERS_NEVER
						: s->expires_ms);
}

/* ---------------------------------------------------------------- NOTIFY */

/* Subscription-State (RFC 6665 §4.1.3, §8.2.3). */
static void put_state(const struct node *node, const struct subscription *s, struct text_writer *w)
{
	if (s->end) {
		text_put_literal(w, "Subscription-State: terminated;reason=");
		text_put(w, s->end == SUBSCRIPTION_TIMEOUT ? TEXT("timeout") : TEXT("noresource"));
	} else {
		text_put_literal(w, "Subscription-State: active;expires=");
		text_put_u64(w, (s->expires_ms - node->now_ms) / 1000);
	}
	text_put_literal(w, "\r\n");
}

static void put_own_contact(const struct node *node, uint8_t local, struct text_writer *w)
{
	const struct endpoint *e = &node->settings->listen[local];

	text_put_literal(w, "Contact: <sip:");
	endpoint_put(w, e);
	if (e->transport != TRANSPORT_UDP) {
		text_put_literal(w, ";transport=");
		text_put(w, text_of(transport_parameter(e->transport)));
	}
	text_put_literal(w, ">\r\n");
}

static void put_notify_lines(struct node *node, const struct subscription *s, struct text_writer *w)
{
	struct text id = text_of_subscription(s, SUBSCRIPTION_EVENT_ID);

	text_put_literal(w, "Event: reg");
	if (id.len) {
		text_put_literal(w, ";id=");
		text_put(w, id);
	}
	text_put_literal(w, "\r\n");
	put_state(node, s, w);
	put_own_contact(node, s->local, w);
	registrar_put_charging_vector(node, w);
}

/* RFC 3261 §12.2.1.1: the way of a request inside the dialog. */
static struct text first_hop(struct text route, struct text target)
{
	struct sip_name_addr address;
	struct text value;

	return sip_text_list_next(&route, &value) && sip_name_addr_parse(value, &address)
		       ? address.uri
		       : target;
}

/* @req RE-2 RE-3 RE-5 */
static bool send_notify(struct node *node, struct subscription *s)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct text_writer lines = text_writer_on(node->scratch2, SCRATCH_BYTES);
	struct text route = text_of_subscription(s, SUBSCRIPTION_ROUTE);
	struct text target = text_of_subscription(s, SUBSCRIPTION_TARGET);
	struct registrar_request request = {
		.method = SIP_NOTIFY,
		.next_uri = first_hop(route, target),
		.owned = pool_handle(node->registrar->subscriptions, s),
		.parts = {.request_uri = target,
			  .route = route,
			  .from = text_of_subscription(s, SUBSCRIPTION_LOCAL),
			  .to = text_of_subscription(s, SUBSCRIPTION_REMOTE),
			  .call_id = text_of_subscription(s, SUBSCRIPTION_CALL_ID),
			  .cseq = ++s->cseq,
			  .content_type = TEXT("application/reginfo+xml")},
	};

	put_notify_lines(node, s, &lines);
	registration_event_put(&body, &around, text_of_subscription(s, SUBSCRIPTION_USER),
			       s->version++, (struct text){s->gone, s->gone_len}, node->now_ms);
	assert(!body.full && !lines.full);
	request.parts.lines = text_written(&lines);
	request.parts.body = text_written(&body);
	return registrar_send(node, &request);
}

/* The last contact went: there is nothing to watch any more (TS 24.229 §5.4.2.1.2). */
static void see_whether_it_ends(struct node *node, struct subscription *s)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);

	if (s->end)
		return;
	if (node->now_ms >= s->expires_ms)
		s->end = SUBSCRIPTION_TIMEOUT;
	else if (!scscf_is_registered(&around, text_of_subscription(s, SUBSCRIPTION_USER)))
		s->end = SUBSCRIPTION_NO_RESOURCE;
}

static void notify(struct node *node, struct subscription *s)
{
	bool sent;

	see_whether_it_ends(node, s);
	sent = send_notify(node, s);
	node->counters.notifies_sent += sent;
	if (!sent || s->end) {
		forget(node, s);
		return;
	}
	store_give_back(node->session_store, s->gone, GONE_BYTES_MAX);
	s->gone = NULL;
	s->gone_len = 0;
	s->is_due = false;
	s->is_asking = true;
	arm(node, s);
}

void registrar_subscription_expired(struct node *node, struct timer *timer)
{
	struct subscription *s =
		(struct subscription *)(void *)((char *)timer -
						offsetof(struct subscription, timer));

	if (node->now_ms >= s->expires_ms && !s->end) {
		s->end = SUBSCRIPTION_TIMEOUT;
		s->is_due = true;
	}
	if (s->is_due && !s->is_asking)
		notify(node, s);
	else
		arm(node, s);
}

/* @req RE-7
 * RFC 6665 §4.2.2: who does not know the subscription, or does not answer, has none. */
void registrar_notify_answered(struct node *node, struct client_transaction *client,
			       unsigned status)
{
	struct subscription *s = pool_at(node->registrar->subscriptions, client->owned);

	if (!s)
		return;
	if (status >= 300) {
		forget(node, s);
		return;
	}
	s->is_asking = false;
	arm(node, s);
}

/* ---------------------------------------------------------------- news of the registration */

void registrar_events_added(struct node *node, struct text user)
{
	struct subscription *list[SUBSCRIPTIONS_OF_USER];
	unsigned n = subscriptions_of(node, user, list);

	for (unsigned i = 0; i < n; i++) {
		list[i]->is_due = true;
		arm(node, list[i]);
	}
}

static void append_gone(struct node *node, struct subscription *s, struct text fragment)
{
	if (!s->gone)
		s->gone = store_take(node->session_store, GONE_BYTES_MAX);
	if (!s->gone || fragment.len > GONE_BYTES_MAX - s->gone_len) {
		node->counters.lost_memory++;
		return;
	}
	memcpy(s->gone + s->gone_len, fragment.at, fragment.len);
	s->gone_len += fragment.len;
}

void registrar_events_gone(struct node *node, const struct binding *binding)
{
	struct subscription *list[SUBSCRIPTIONS_OF_USER];
	unsigned n = subscriptions_of(node, binding_text(binding, BINDING_USER), list);
	char bytes[REGISTRATION_EVENT_CONTACT_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	if (n == 0)
		return;
	registration_event_put_gone(&w, &node->bindings, binding);
	for (unsigned i = 0; i < n; i++) {
		if (!w.full)
			append_gone(node, list[i], text_written(&w));
		list[i]->is_due = true;
		arm(node, list[i]);
	}
}

/* ---------------------------------------------------------------- SUBSCRIBE */

struct subscribing {
	struct node *node;
	const struct sip_message *request;
	const struct endpoint *source;
	const struct server_key *key;
	struct server_transaction *server; /* once it was begun */
	struct text event_id;
	struct text user; /* name of the bindings */
	uint32_t expires_s;
	uint8_t local;
	char user_bytes[LIMIT_URI_BYTES];
};

static bool is_for_package_reg(struct subscribing *g)
{
	struct text value = sip_value(g->request, SIP_HEADER_EVENT);
	uint32_t end = text_find(value, ';');

	if (!text_equal_nocase(text_trim((struct text){value.at, end}), TEXT("reg")))
		return false;
	if (!sip_param(text_from(value, end), TEXT("id"), &g->event_id) || g->event_id.len > 128)
		g->event_id = (struct text){0};
	for (uint32_t i = 0; i < g->event_id.len; i++)
		if ((unsigned char)g->event_id.at[i] <= ' ')
			g->event_id = (struct text){0};
	return true;
}

static void answer(struct subscribing *g, unsigned status, const char *format, unsigned number)
{
	char bytes[64];
	struct text_writer lines = text_writer_on(bytes, sizeof(bytes));

	if (status == 503) {
		g->node->counters.full++;
		put_retry_after(g->node, &lines);
	} else if (format) {
		text_put(&lines, text_of(format));
		text_put_u64(&lines, number);
		text_put_literal(&lines, "\r\n");
	}
	if (g->server)
		server_answer(g->node, g->server, status, (struct text){0}, text_written(&lines));
	else
		answer_statelessly(g->node, g->request, g->source, g->local, status, NULL,
				   text_written(&lines));
}

/* The time asked for, in our bounds. false: answered. @req RE-4 */
static bool read_expires(struct subscribing *g)
{
	const struct node_settings *s = g->node->settings;
	struct text value = sip_value(g->request, SIP_HEADER_EXPIRES);

	if (!text_to_u32(value, UINT32_MAX, &g->expires_s))
		g->expires_s = DEFAULT_S;
	if (g->expires_s > s->registration_max_s)
		g->expires_s = s->registration_max_s;
	if (g->expires_s == 0 || g->expires_s >= s->registration_min_s)
		return true;
	answer(g, 423, "Min-Expires: ", s->registration_min_s);
	return false;
}

/* The 200 with our tag, which the transaction would not know by itself. */
static void accept(struct subscribing *g, struct text tag)
{
	struct node *node = g->node;
	struct text_writer w = outbox_writer(node);
	struct text_writer via = text_writer_on(node->scratch2, SCRATCH_BYTES);
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct sip_list list = sip_list_of(g->request, SIP_HEADER_RECORD_ROUTE);
	struct text value;

	text_put_literal(&lines, "Expires: ");
	text_put_u64(&lines, g->expires_s);
	text_put_literal(&lines, "\r\n");
	put_own_contact(node, g->local, &lines);
	while (tag.len && sip_list_next(&list, &value)) { /* RFC 3261 §12.1.1 */
		text_put_literal(&lines, "Record-Route: ");
		text_put(&lines, value);
		text_put_literal(&lines, "\r\n");
	}
	sip_write_response(&w, g->request, 200, text_of(sip_reason_phrase(200)), tag,
			   addressing_top_via(g->request, g->source, &via), text_written(&lines));
	server_send(node, g->server, 200, &w);
}

static bool begin(struct subscribing *g)
{
	g->server = server_begin(g->node, g->request, g->key, g->source, g->local);
	if (!g->server)
		answer(g, 503, NULL, 0);
	return g->server != NULL;
}

/* false: answered. @req RG-17 */
static bool requires_what_is_known(struct subscribing *g)
{
	struct text_writer lines = text_writer_on(g->node->scratch, SCRATCH_BYTES);
	struct text unsupported = scscf_put_unsupported(g->request, &lines);

	if (unsupported.len)
		server_answer(g->node, g->server, 420, (struct text){0}, unsupported);
	return unsupported.len == 0;
}

/* ---------------------------------------------------------------- inside a dialog */

static bool has_tag(const struct subscription *s, struct text tag)
{
	struct text local = text_of_subscription(s, SUBSCRIPTION_LOCAL);

	return tag.len < local.len && text_equal(text_from(local, local.len - tag.len), tag) &&
	       local.at[local.len - tag.len - 1] == '=';
}

/* Our tag says which: it is believed when Call-ID and both tags are those of the subscription. */
static struct subscription *of_dialog(struct node *node, const struct sip_message *m)
{
	struct text rest = text_from(m->to_tag, TAG_MARK.len);
	struct node_session_id id;
	struct subscription *s;
	uint32_t dashes = 0, at = 0;

	while (at < rest.len && dashes < 3)
		dashes += rest.at[at++] == '-';
	if (dashes < 3 || !node_session_id_parse((struct text){rest.at, at - 1}, &id) ||
	    !(s = pool_at(node->registrar->subscriptions, id.handle)))
		return NULL;
	return has_tag(s, m->to_tag) &&
			       text_equal(text_of_subscription(s, SUBSCRIPTION_REMOTE_TAG),
					  m->from_tag) &&
			       text_equal(text_of_subscription(s, SUBSCRIPTION_CALL_ID), m->call_id)
		       ? s
		       : NULL;
}

/* RFC 3261 §12.2.2: the remote target is renewed. */
static void renew_target(struct node *node, struct subscription *s, const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_CONTACT);
	struct sip_name_addr address;
	struct text value;

	if (sip_list_next(&list, &value) && sip_name_addr_parse(value, &address) &&
	    !packed_text_replace(&s->texts, node->session_store, s->slices, SUBSCRIPTION_TEXTS,
				 SUBSCRIPTION_TARGET, address.uri))
		node->counters.lost_memory++;
}

/* @req RE-4 */
static void refresh(struct subscribing *g)
{
	struct node *node = g->node;
	struct subscription *s = of_dialog(node, g->request);

	if (!begin(g) || !requires_what_is_known(g))
		return;
	if (!s || s->end) {
		node->counters.unknown_dialogs++;
		answer(g, 481, NULL, 0);
		return;
	}
	if (g->request->cseq <= s->remote_cseq) {
		answer(g, 500, NULL, 0); /* out of order */
		return;
	}
	s->remote_cseq = g->request->cseq;
	if (!read_expires(g))
		return;
	renew_target(node, s, g->request);
	s->expires_ms = node->now_ms + (uint64_t)g->expires_s * 1000;
	if (g->expires_s == 0)
		s->end = SUBSCRIPTION_TIMEOUT;
	accept(g, (struct text){0});
	s->is_due = true;
	arm(node, s);
}

/* ---------------------------------------------------------------- a new one */

static bool address_of_record(struct text uri_text, char *bytes, struct sip_uri *uri,
			      struct text *ret)
{
	struct text_writer w = text_writer_on(bytes, LIMIT_URI_BYTES);

	if (!sip_uri_parse(uri_text, uri) || uri->scheme == SIP_URI_OTHER)
		return false;
	sip_uri_put_address_of_record(uri, &w);
	*ret = text_written(&w);
	return !w.full;
}

/* Is a user of ours meant? */
static bool is_for_user(struct subscribing *g, const struct scscf_surroundings *around,
			const struct public_identity **ret_identity)
{
	struct sip_uri uri;
	struct text user;

	if (!address_of_record(g->request->request_uri, g->user_bytes, &uri, &user))
		return false;
	*ret_identity = subscribers_find(around->subscribers, user);
	g->user = scscf_registered_as(around, user);
	return uri.scheme == SIP_URI_TEL || *ret_identity ||
	       (uri.user.len && scscf_is_home_domain(around, uri.host)) ||
	       scscf_is_registered(around, user);
}

/* Straight from a device of the user: its address is that of a contact. */
static bool is_from_contact(const struct subscribing *g)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n =
		bindings_of_user(&g->node->bindings, g->user, list, LIMIT_CONTACTS_OF_USER + 1);

	for (unsigned i = 0; i < n; i++) {
		struct next_hop hop;

		if (binding_text(list[i], BINDING_PATH).len == 0 &&
		    addressing_next_hop(g->node, binding_text(list[i], BINDING_CONTACT), 0, &hop) &&
		    endpoint_same_address(&hop.to, g->source) && hop.to.port == g->source->port)
			return true;
	}
	return false;
}

/* @req RE-1
 * §5.4.2.1.1 step 1: the user itself, its P-CSCF, and application servers. The P-CSCF asserts who asks: another
 * user may not. */
static bool is_authorised(const struct subscribing *g, const struct scscf_surroundings *around)
{
	struct sip_list list = sip_list_of(g->request, SIP_HEADER_P_ASSERTED_IDENTITY);
	char bytes[LIMIT_URI_BYTES];
	bool is_another_user = false;
	struct text value, user;

	if (!addressing_is_trusted(g->node, g->source))
		return is_from_contact(g);
	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		struct sip_uri uri;

		if (!sip_name_addr_parse(value, &address) ||
		    !address_of_record(address.uri, bytes, &uri, &user))
			continue;
		if (text_equal(scscf_registered_as(around, user), g->user))
			return true;
		is_another_user |= subscribers_find(around->subscribers, user) ||
				   scscf_is_registered(around, user);
	}
	return !is_another_user;
}

static bool gather_route(const struct sip_message *m, struct text_writer *w)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_RECORD_ROUTE);
	struct text value;

	while (sip_list_next(&list, &value)) {
		struct sip_name_addr address;

		if (!sip_name_addr_parse(value, &address))
			return false;
		if (w->len)
			text_put_literal(w, ", ");
		text_put(w, value);
	}
	return !w->full;
}

static bool keep_texts(struct subscribing *g, struct subscription *s, struct text target,
		       struct text route, struct text tag)
{
	const struct sip_message *m = g->request;
	struct text_writer local = text_writer_on(g->node->scratch2, SCRATCH_BYTES);
	struct text texts[SUBSCRIPTION_TEXTS] = {
		[SUBSCRIPTION_USER] = g->user,         [SUBSCRIPTION_CALL_ID] = m->call_id,
		[SUBSCRIPTION_REMOTE] = m->from,       [SUBSCRIPTION_REMOTE_TAG] = m->from_tag,
		[SUBSCRIPTION_ROUTE] = route,          [SUBSCRIPTION_TARGET] = target,
		[SUBSCRIPTION_EVENT_ID] = g->event_id,
	};

	text_put(&local, m->to);
	text_put_literal(&local, ";tag=");
	text_put(&local, tag);
	texts[SUBSCRIPTION_LOCAL] = text_written(&local);
	return packed_text_build(&s->texts, g->node->session_store, texts, s->slices,
				 SUBSCRIPTION_TEXTS);
}

/* A place for it. NULL: a bound was reached. */
static struct subscription *take(struct subscribing *g, struct text target, struct text route,
				 struct text_writer *tag)
{
	struct node *node = g->node;
	struct registrar *registrar = node->registrar;
	struct subscription *list[SUBSCRIPTIONS_OF_USER], *s;
	struct node_session_id id = {.shard = REGISTRAR_SHARD};

	if (subscriptions_of(node, g->user, list) == SUBSCRIPTIONS_OF_USER ||
	    !(s = pool_take(registrar->subscriptions, &id.handle)))
		return NULL;
	text_put(tag, TAG_MARK);
	node_session_id_put(tag, &id);
	text_put_char(tag, '-');
	text_put_hex(tag, random_u64(&node->random));
	s->hash = hash_of(node, g->user);
	if (keep_texts(g, s, target, route, text_written(tag)) &&
	    map_insert(&registrar->subscriptions_by_user, s->hash, handle_as_value(id.handle)))
		return s;
	packed_text_clear(&s->texts, node->session_store);
	pool_give_back(registrar->subscriptions, s);
	return NULL;
}

static void subscribe(struct subscribing *g)
{
	struct node *node = g->node;
	struct sip_list list = sip_list_of(g->request, SIP_HEADER_CONTACT);
	char route_bytes[LIMIT_ROUTE_SET_BYTES], tag_bytes[TAG_BYTES];
	struct text_writer route = text_writer_on(route_bytes, sizeof(route_bytes));
	struct text_writer tag = text_writer_on(tag_bytes, sizeof(tag_bytes));
	struct sip_name_addr contact;
	struct subscription *s;
	struct text value;

	if (!sip_list_next(&list, &value) || !sip_name_addr_parse(value, &contact) ||
	    !gather_route(g->request, &route)) {
		answer(g, 400, NULL, 0);
		return;
	}
	if (!read_expires(g))
		return;
	s = take(g, contact.uri, text_written(&route), &tag);
	if (!s) {
		answer(g, 503, NULL, 0);
		return;
	}
	s->local = g->local;
	s->remote_cseq = g->request->cseq;
	s->expires_ms = node->now_ms + (uint64_t)g->expires_s * 1000;
	s->end = g->expires_s ? SUBSCRIPTION_GOES_ON : SUBSCRIPTION_TIMEOUT; /* a single look */
	s->is_due = true;
	accept(g, text_written(&tag));
	arm(node, s);
}

bool registrar_subscribe(struct node *node, const struct endpoint *source, uint8_t local,
			 const struct server_key *key)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around;
	const struct public_identity *identity;
	struct subscribing g = {.node = node,
				.request = &node->message,
				.source = source,
				.key = key,
				.local = local};

	if (!node->registrar || !is_for_package_reg(&g))
		return false;
	if (node->message.to_tag.len) {
		if (!text_starts_with_nocase(node->message.to_tag, TAG_MARK))
			return false;
		refresh(&g);
		return true;
	}
	around = node_surroundings(node, routes);
	if (!is_for_user(&g, &around, &identity))
		return false;
	if (!begin(&g) || !requires_what_is_known(&g))
		return true;
	if (!is_authorised(&g, &around) || (identity && identity->is_barred)) {
		node->counters.not_trusted++;
		answer(&g, 403, NULL, 0);
	} else if (!scscf_is_registered(&around, g.user)) {
		node->counters.not_registered++;
		answer(&g, 480, NULL, 0); /* §5.4.2.1.1 step 0 */
	} else {
		subscribe(&g);
	}
	return true;
}
