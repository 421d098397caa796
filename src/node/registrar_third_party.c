/* TS 24.229 §5.4.1.7  Application servers hear of the registration: third-party REGISTER */
#include "node/registrar.h"

#include "roles/scscf/third_party_registration.h"

#define SERVERS_OF_REGISTRATION 16u /* further ones are not told: counted as lost */
#define ASKING_MAX              65536u

/* A REGISTER whose failure ends the registration. */
struct third_party {
	struct packed_text text;
	struct text_slice user;
};

bool registrar_third_party_open(struct node *node)
{
	node->registrar->third_party = pool_open(sizeof(struct third_party), ASKING_MAX);
	return node->registrar->third_party != NULL;
}

static void forget(struct node *node, struct third_party *asking)
{
	packed_text_clear(&asking->text, node->session_store);
	pool_give_back(node->registrar->third_party, asking);
}

void registrar_third_party_close(struct node *node)
{
	struct third_party *asking;
	uint32_t index = 0;

	if (!node->registrar->third_party)
		return;
	while ((asking = pool_next(node->registrar->third_party, &index)))
		forget(node, asking);
	pool_close(node->registrar->third_party);
}

/* One registration being told to all. */
struct telling {
	struct node *node;
	struct text user; /* name of the bindings */
	unsigned type;
	uint32_t expires_s;
	struct text request, response; /* as received, as sent; empty when the network did it */
	const struct public_identity *identity; /* in whose name */
	const struct application_server *server;
	unsigned n;
	bool is_over; /* the registration fell meanwhile: its end was told */
};

static void put_own_uri(const struct node *node, uint8_t local, struct text_writer *w)
{
	const struct endpoint *e = &node->settings->listen[local];

	text_put_literal(w, "<sip:");
	endpoint_put(w, e);
	if (e->transport != TRANSPORT_UDP) {
		text_put_literal(w, ";transport=");
		text_put(w, text_of(transport_parameter(e->transport)));
	}
	text_put_char(w, '>');
}

static void put_lines(const struct telling *t, uint8_t local, struct text_writer *w)
{
	text_put_literal(w, "Contact: ");
	put_own_uri(t->node, local, w);
	text_put_literal(w, "\r\nExpires: ");
	text_put_u64(w, t->expires_s);
	text_put_literal(w, "\r\n");
	registrar_put_charging_vector(t->node, w);
}

/* Who must be taken out when this fails. NO_HANDLE: nobody. */
static struct handle remember(const struct telling *t)
{
	struct registrar *registrar = t->node->registrar;
	struct third_party *asking;
	struct handle handle;

	if (t->server->default_handling != SESSION_TERMINATED || t->type == REGISTRATION_REMOVAL)
		return NO_HANDLE;
	asking = pool_take(registrar->third_party, &handle);
	if (!asking ||
	    !packed_text_build(&asking->text, t->node->session_store, &t->user, &asking->user, 1)) {
		t->node->counters.lost_memory++;
		if (asking)
			pool_give_back(registrar->third_party, asking);
		return NO_HANDLE;
	}
	return handle;
}

/* §5.4.1.7: the registration falls with a server that it cannot do without. true: it fell. @req TR-5 */
static bool failed(struct node *node, struct handle owned, unsigned status)
{
	struct third_party *asking = pool_at(node->registrar->third_party, owned);
	char user[LIMIT_URI_BYTES];
	struct text of;

	node->counters.third_party_failures++;
	if (!asking)
		return false;
	of = packed_text_get(&asking->text, asking->user);
	if (of.len > sizeof(user) || (status != 408 && status < 500) || status >= 600) {
		forget(node, asking);
		return false;
	}
	memcpy(user, of.at, of.len);
	of.at = user;
	forget(node, asking);
	registrar_deregister(node, of, (struct text){0});
	return true;
}

void registrar_third_party_answered(struct node *node, struct client_transaction *client,
				    unsigned status)
{
	struct third_party *asking = pool_at(node->registrar->third_party, client->owned);

	if (status >= 300)
		failed(node, client->owned, status);
	else if (asking)
		forget(node, asking);
}

/* @req TR-1 TR-2 */
static void tell(struct telling *t)
{
	struct node *node = t->node;
	char to_bytes[LIMIT_URI_BYTES + 2], from_bytes[192], id_bytes[48], line_bytes[320],
		type_bytes[96];
	struct text_writer to = text_writer_on(to_bytes, sizeof(to_bytes));
	struct text_writer from = text_writer_on(from_bytes, sizeof(from_bytes));
	struct text_writer id = text_writer_on(id_bytes, sizeof(id_bytes));
	struct text_writer lines = text_writer_on(line_bytes, sizeof(line_bytes));
	struct text_writer content_type = text_writer_on(type_bytes, sizeof(type_bytes));
	struct text_writer body = text_writer_on(node->scratch, SCRATCH_BYTES);
	struct third_party_body content = {.server = t->server,
					   .request = t->request,
					   .response = t->response,
					   .message = &node->other,
					   .edit = &node->edit,
					   .draw = random_u64(&node->random)};
	struct registrar_request request = {.method = SIP_REGISTER, .next_uri = t->server->uri};
	struct next_hop hop;

	request.owned = remember(t);
	/* A REGISTER to ourselves would be a registration, and tell the servers again. */
	if (addressing_is_own_uri(node, t->server->uri) ||
	    !addressing_next_hop(node, t->server->uri, 0, &hop)) {
		t->is_over = failed(node, request.owned, 503);
		return;
	}
	put_own_uri(node, hop.local, &from);
	text_put_literal(&from, ";tag=ad-");
	text_put_hex(&from, random_u64(&node->random));
	text_put_char(&to, '<');
	text_put(&to, t->identity->user);
	text_put_char(&to, '>');
	text_put_literal(&id, "adr-");
	text_put_hex(&id, random_u64(&node->random));
	text_put_hex(&id, random_u64(&node->random));
	put_lines(t, hop.local, &lines);
	third_party_put_body(&content, &body, &content_type);
	request.parts = (struct sip_request_parts){.request_uri = t->server->uri,
						   .from = text_written(&from),
						   .to = text_written(&to),
						   .call_id = text_written(&id),
						   .cseq = 1,
						   .lines = text_written(&lines),
						   .content_type = text_written(&content_type),
						   .body = text_written(&body)};
	if (registrar_send(node, &request))
		node->counters.third_party_registers++;
	else
		t->is_over = failed(node, request.owned, 503);
}

/* The criteria of one profile that a REGISTER of this type meets. */
static void tell_servers(struct telling *t, const struct sip_message *request)
{
	struct filter_facts facts = {.request = request,
				     .request_uri = request->request_uri,
				     .session_case = ORIGINATING_REGISTERED,
				     .registration_type = t->type};
	struct filter_position position = {0};
	const struct application_server *servers[SERVERS_OF_REGISTRATION];
	const struct filter_criteria *criteria;
	unsigned n = 0;

	/* First all of them: telling uses the messages that the criteria look at. */
	while ((criteria = filter_criteria_next(t->identity->profile, position, &facts))) {
		position = (struct filter_position){true, criteria->ordinal, criteria->priority};
		if (t->n + n == SERVERS_OF_REGISTRATION) {
			t->node->counters.lost_memory++;
			break;
		}
		servers[n++] = &criteria->server;
	}
	t->n += n;
	for (unsigned i = 0; i < n && !t->is_over; i++) {
		t->server = servers[i];
		tell(t);
	}
}

/* The identity that speaks for its profile: the first that is not barred, of those that have it. */
static bool speaks_for_profile(const struct subscriber *s, unsigned which)
{
	const struct public_identity *identity = &s->identities[which];

	if (identity->is_barred || identity->wildcard)
		return false;
	for (unsigned i = 0; i < which; i++)
		if (s->identities[i].profile == identity->profile && !s->identities[i].is_barred &&
		    !s->identities[i].wildcard)
			return false;
	return true;
}

/* When the network does it there is no REGISTER to look at: one that says what happened stands in. */
static struct text put_stand_in(const struct telling *t, struct text_writer *w)
{
	text_printf(w,
		    "REGISTER %.*s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKad\r\n"
		    "From: <%.*s>;tag=ad\r\nTo: <%.*s>\r\n",
		    TEXT_ARGS(t->user), TEXT_ARGS(t->user), TEXT_ARGS(t->user));
	text_put_literal(w, "Call-ID: adieu\r\nCSeq: 1 REGISTER\r\nContact: *\r\nExpires: 0\r\n"
			    "Content-Length: 0\r\n\r\n");
	return text_written(w);
}

void registrar_third_party_register(struct node *node, struct text user, unsigned type,
				    uint32_t expires_s, struct text request, struct text response)
{
	const struct public_identity *main = subscribers_find(node->settings->subscribers, user);
	const struct subscriber *s = main ? main->subscriber : NULL;
	struct telling t = {.node = node,
			    .user = user,
			    .type = type,
			    .expires_s = expires_s,
			    .request = request,
			    .response = response};
	char bytes[4 * LIMIT_URI_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text looked_at = request.len ? request : put_stand_in(&t, &w);

	for (unsigned i = 0; s && i < s->n_identities && !t.is_over; i++) {
		if (!speaks_for_profile(s, i))
			continue;
		t.identity = &s->identities[i];
		if (sip_parse(&node->other, looked_at.at, looked_at.len, SIP_DATAGRAM) != SIP_OK)
			return;
		tell_servers(&t, &node->other);
	}
}
