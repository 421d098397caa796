/* RFC 3261 §16.3, §16.4: what is found out about a request before its procedure. */
#include "node/arrival.h"

void arrival_answer(struct node *node, const struct arrival *a, unsigned status,
		    const char *reason_phrase, struct text lines)
{
	if (node->message.method != SIP_ACK)
		answer_statelessly(node, &node->message, a->source, a->local, status, reason_phrase,
				   lines);
}

void arrival_answer_503(struct node *node, const struct arrival *a)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node->counters.full++;
	arrival_answer(node, a, 503, NULL, put_retry_after(node, &w));
}

/* A refusal of our own, with the header that its status wants. */
void server_refuse(struct node *node, struct server_transaction *server, unsigned status)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text lines = {0};

	if (status == 503) {
		node->counters.full++;
		lines = put_retry_after(node, &w);
	} else if (status == 422) {
		lines = TEXT("Min-SE: 90\r\n");
	}
	server_answer(node, server, status, (struct text){0}, lines);
}

/* ---------------------------------------------------------------- §16.4 */

void arrival_take_own_routes(struct node *node, struct arrival *a)
{
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_ROUTE);
	bool only_own = true;
	struct text value, last = {0};

	while (a->n_routes < LIMIT_LIST_VALUES && sip_list_next(&list, &value)) {
		struct sip_name_addr address;
		struct own_route own = {0};

		a->n_routes++;
		if (!sip_name_addr_parse(value, &address)) {
			a->has_bad_route = true;
			return;
		}
		last = address.uri;
		if (only_own)
			own = addressing_own_route(node, address.uri);
		/* Another session's entry, or an original dialog identifier behind one, belongs to
		 * another passage through this server. */
		only_own = own.is_own &&
			   (!own.has_session || !a->route.has_session ||
			    handle_equal(own.session.handle, a->route.session.handle)) &&
			   !(own.has_original_dialog && a->route.is_own);
		if (!only_own)
			continue;
		a->forwarding.own_routes++;
		if (!a->route.has_session)
			a->route.session = own.session;
		a->route.has_session |= own.has_session;
		if (own.has_original_dialog) {
			a->route.has_original_dialog = true;
			a->route.passage = own.passage;
			a->route.secret = own.secret;
		}
		a->route.originating |= own.originating;
		a->route.is_own = true;
	}
	a->forwarding.routes_end = a->n_routes;
	/* The hop before us was a strict router: our own URI stands where the target should. */
	if (a->n_routes > a->forwarding.own_routes) {
		struct own_route own = addressing_own_route(node, node->message.request_uri);

		if (!own.is_own || !own.has_session)
			return;
		if (a->route.has_session &&
		    !handle_equal(own.session.handle, a->route.session.handle))
			a->forwarding.own_routes = 0;
		a->route = own;
		a->forwarding.strict_request_uri = last;
		a->forwarding.routes_end--;
	}
}

/* ---------------------------------------------------------------- §16.3 */

/* Everything that the way of a request depends on (RFC 3261 §16.6 step 8). */
uint32_t arrival_loop_hash(const struct node *node)
{
	const struct sip_message *m = &node->message;
	struct text parts[8] = {
		m->request_uri,
		m->from_tag,
		m->to_tag,
		m->call_id,
		{(const char *)&m->cseq, sizeof(m->cseq)},
		sip_value(m, SIP_HEADER_ROUTE),
		sip_value(m, SIP_HEADER_PROXY_REQUIRE),
	};

	return (uint32_t)hash_texts(&node->key, parts, 7);
}

/* @req PX-3
 * A Via of ours with the same hash: a loop. With another one: a spiral, which is
 * allowed. */
static bool is_loop(struct node *node, struct arrival *a)
{
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_VIA);
	struct text value;
	unsigned n = 0;

	while (sip_list_next(&list, &value)) {
		struct sip_via via;
		struct handle client;
		uint32_t shard, hash;

		a->has_too_many_vias = ++n >= LIMIT_VIA_VALUES;
		if (!sip_via_parse(value, &via) ||
		    !branch_parse(via.branch, &shard, &client, &hash) ||
		    !addressing_is_own(node, via.host, via.port))
			continue;
		a->passed_before = true;
		if (hash == a->forwarding.loop_hash)
			return true;
	}
	return false;
}

static void answer_420(struct node *node, const struct arrival *a)
{
	char bytes[512];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct sip_list list = sip_list_of(&node->message, SIP_HEADER_PROXY_REQUIRE);
	struct text value;
	unsigned n = 0;

	text_put_literal(&w, "Unsupported: ");
	while (sip_list_next(&list, &value)) {
		if (n++)
			text_put_literal(&w, ", ");
		text_put(&w, value);
	}
	text_put_literal(&w, "\r\n");
	arrival_answer(node, a, 420, NULL, w.full ? (struct text){0} : text_written(&w));
}

/* false: answered. */
bool arrival_is_valid_to_forward(struct node *node, struct arrival *a)
{
	const struct sip_message *m = &node->message;

	if (m->max_forwards == 0) {
		node->counters.too_many_hops++;
		arrival_answer(node, a, 483, NULL, (struct text){0});
		return false;
	}
	if (is_loop(node, a)) {
		node->counters.loops++;
		arrival_answer(node, a, 482, NULL, (struct text){0});
		return false;
	}
	if (a->has_too_many_vias) {
		node->counters.refused_requests++;
		arrival_answer(node, a, 513, NULL, (struct text){0});
		return false;
	}
	/* @req PX-4
	 * no extension is required of a proxy that we know */
	if (sip_first(m, SIP_HEADER_PROXY_REQUIRE) && m->method != SIP_ACK &&
	    m->method != SIP_CANCEL) {
		answer_420(node, a);
		return false;
	}
	return true;
}
