/* The invariants of issue 2: every request answered, nothing left, CSeq rises, one BYE per leg and direction, every release reported. */
#include "invariants.h"

#include "session/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

struct check {
	const struct invariants_cast *cast;
	struct world *world;
	struct text_writer *report;
	char *call_id; /* of the first fault */
	bool holds;
};

__attribute__((format(printf, 3, 4))) static void fault(struct check *check, struct text call_id,
							const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_printf(check->report, "%s [%.*s]\n", text, TEXT_ARGS(call_id));
	if (!check->call_id[0] && call_id.len && call_id.len <= LIMIT_CALL_ID_BYTES) {
		memcpy(check->call_id, call_id.at, call_id.len);
		check->call_id[call_id.len] = 0;
	}
	check->holds = false;
}

bool invariants_hold_now(struct world_server *server, struct text_writer *report)
{
	struct node_counters c = world_server_counters(server);

	if (c.sessions_confirmed + c.sessions_releasing <= c.sessions &&
	    c.byes_answered + c.byes_timed_out + c.byes_transport_failed <= c.byes_sent)
		return true;
	text_printf(report,
		    "gauges contradict each other: %llu sessions, %llu confirmed, %llu releasing; "
		    "%llu BYEs, %llu answered\n",
		    (unsigned long long)c.sessions, (unsigned long long)c.sessions_confirmed,
		    (unsigned long long)c.sessions_releasing, (unsigned long long)c.byes_sent,
		    (unsigned long long)c.byes_answered);
	return false;
}

/* ------------------------------------------------------------------ nothing left */

static void check_gauges(struct check *check)
{
	struct node_counters now = world_server_counters(check->cast->server);
	const struct node_counters *start = &check->cast->at_start;

#define MUST_BE_BACK(gauge)                                                                        \
	if (now.gauge != start->gauge)                                                             \
		fault(check, (struct text){0}, "gauge " #gauge ": %llu, at first %llu",            \
		      (unsigned long long)now.gauge, (unsigned long long)start->gauge);
	MUST_BE_BACK(sessions)
	MUST_BE_BACK(sessions_confirmed)
	MUST_BE_BACK(sessions_releasing)
	MUST_BE_BACK(dialogs)
	MUST_BE_BACK(server_transactions)
	MUST_BE_BACK(client_transactions)
	MUST_BE_BACK(timers)
	MUST_BE_BACK(message_blocks)
#undef MUST_BE_BACK
	if (now.sessions_begun != now.sessions_ended)
		fault(check, (struct text){0}, "%llu sessions begun, %llu ended",
		      (unsigned long long)now.sessions_begun,
		      (unsigned long long)now.sessions_ended);
	if (now.byes_sent != now.byes_answered + now.byes_timed_out + now.byes_transport_failed)
		fault(check, (struct text){0},
		      "%llu BYEs, but %llu answered, %llu timed out, %llu not delivered",
		      (unsigned long long)now.byes_sent, (unsigned long long)now.byes_answered,
		      (unsigned long long)now.byes_timed_out,
		      (unsigned long long)now.byes_transport_failed);
	if (now.outbox_full || now.lost_memory)
		fault(check, (struct text){0}, "outbox_full %llu, lost_memory %llu",
		      (unsigned long long)now.outbox_full, (unsigned long long)now.lost_memory);
}

/* Ended sessions keep a block for their words, one for their history, and two for each dialog. */
static void check_blocks(struct check *check)
{
	struct node_counters now = world_server_counters(check->cast->server);
	uint64_t most =
		check->cast->at_start.session_blocks + now.ended_sessions * (2 + 2 * LIMIT_DIALOGS);

	if (now.session_blocks > most)
		fault(check, (struct text){0}, "%llu session blocks, at most %llu were expected",
		      (unsigned long long)now.session_blocks, (unsigned long long)most);
}

static struct text call_id_of(struct text bytes)
{
	struct sip_message m;

	return sip_parse(&m, bytes.at, bytes.len, SIP_DATAGRAM) == SIP_NOISE ? (struct text){0}
									     : m.call_id;
}

static void check_user_agents(struct check *check)
{
	for (unsigned i = 0; i < check->cast->n_ues; i++) {
		struct ue *ue = check->cast->ues[i];

		if (ue_open_requests(ue))
			fault(check, call_id_of(ue_open_request(ue)),
			      "%s: %u requests were neither answered nor given up", ue->name,
			      ue_open_requests(ue));
		for (unsigned d = 0; d < ue->n_dialogs; d++)
			if (ue->dialogs[d]->state != UE_ENDED)
				fault(check, text_of(ue->dialogs[d]->call_id),
				      "%s: a dialog is left in state %u", ue->name,
				      ue->dialogs[d]->state);
		for (unsigned v = 0; v < ue->n_violations; v++)
			fault(check, text_of(ue->violation_calls[v]), "violation: %s",
			      ue->violations[v]);
	}
}

/* ------------------------------------------------------------------ releases */

static void check_leg(struct check *check, const struct node_session_report *r,
		      const struct node_dialog_report *d)
{
	for (unsigned side = 0; side < 2; side++)
		if (d->outcome[side] != LEG_ANSWERED && d->outcome[side] != LEG_TIMED_OUT &&
		    d->outcome[side] != LEG_TRANSPORT_FAILED && d->outcome[side] != LEG_HUNG_UP)
			fault(check, r->call_id,
			      "released, but the outcome of the leg of the %s side is %s",
			      side == SIDE_CALLED ? "called" : "calling",
			      leg_outcome_name((enum leg_outcome)d->outcome[side]));
}

/* Every session that ended by release says what came of each leg. A dialog that its parties ended themselves was not asked on either side. */
static void check_reports(struct check *check)
{
	struct world_server *server = check->cast->server;

	for (unsigned shard = 0; shard < server->settings.n_shards; shard++) {
		struct node_session_report r;
		uint64_t cursor = 0;

		while (node_sessions(server->shards[shard], NODE_GONE, (struct text){0}, 100000,
				     &cursor, &r)) {
			if (!handle_is_set(r.id.handle))
				continue;
			if (r.end == SESSION_END_NONE)
				fault(check, r.call_id,
				      "an ended session does not say how it ended");
			for (unsigned i = 0; r.end == SESSION_END_RELEASED && i < r.n_dialogs_shown;
			     i++)
				if (r.dialogs[i].outcome[SIDE_CALLING] != LEG_NOT_ASKED ||
				    r.dialogs[i].outcome[SIDE_CALLED] != LEG_NOT_ASKED)
					check_leg(check, &r, &r.dialogs[i]);
		}
	}
}

static void check_orders(struct check *check)
{
	struct node_release_progress p;

	for (unsigned i = 0; i < check->cast->n_orders; i++)
		for (unsigned shard = 0; shard < check->cast->server->settings.n_shards; shard++) {
			if (!check->cast->orders[i][shard])
				continue;
			if (!node_release_progress(check->cast->server->shards[shard],
						   check->cast->orders[i][shard], &p))
				continue; /* finished long ago, and forgotten */
			if (p.running || p.begun != p.ended)
				fault(check, (struct text){0},
				      "order %u: running %d, found %u, begun %u, ended %u",
				      check->cast->orders[i][shard], p.running, p.found, p.begun,
				      p.ended);
		}
}

/* ------------------------------------------------------------------ the wire */

/* One direction of a dialog, as the server sent into it. */
struct direction {
	char key[LIMIT_CALL_ID_BYTES + 2 * LIMIT_TAG_BYTES + 8];
	uint32_t highest;    /* of all requests that were sent there */
	uint32_t of_our_bye; /* 0: none */
	unsigned n_our_byes;
	unsigned last_answer; /* to the last of them */
	bool has_highest;
};

/* What the invariants need to know of a message that crossed. */
struct heard {
	const struct world_crossing *crossing;
	struct text call_id, from_tag, to_tag, branch;
	uint32_t cseq;
	uint16_t status; /* 0: a request */
	uint8_t method;
	bool is_sip, from_server, is_malformed, one_via;
	bool has_reason, has_body, max_forwards_is_70;
};

struct wire {
	struct check *check;
	struct direction *directions;
	unsigned n, max;
	struct heard *heard;
	unsigned n_heard;
};

static struct direction *direction_of(struct wire *wire, const struct heard *h)
{
	char key[sizeof(wire->directions->key)];

	snprintf(key, sizeof(key), "%.*s %.*s %.*s", TEXT_ARGS(h->call_id), TEXT_ARGS(h->from_tag),
		 TEXT_ARGS(h->to_tag));
	for (unsigned i = wire->n; i-- > 0;)
		if (strcmp(wire->directions[i].key, key) == 0)
			return &wire->directions[i];
	if (wire->n == wire->max) {
		wire->max = wire->max ? 2 * wire->max : 64;
		wire->directions = realloc(wire->directions, wire->max * sizeof(struct direction));
		assert(wire->directions);
	}
	wire->directions[wire->n] = (struct direction){0};
	memcpy(wire->directions[wire->n].key, key, sizeof(key));
	return &wire->directions[wire->n++];
}

static bool has_one_via(const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_VIA);
	struct text value;

	return sip_list_next(&list, &value) && !sip_list_next(&list, &value);
}

static bool is_from_server(const struct check *check, const struct world_crossing *c)
{
	const struct endpoint *listen = &check->cast->server->settings.listen[0];

	return endpoint_same_address(&c->from, listen) && c->from.port == listen->port;
}

static struct heard hear(const struct check *check, const struct world_crossing *c,
			 struct sip_message *m)
{
	enum sip_verdict verdict = sip_parse(m, c->bytes.at, c->bytes.len, SIP_DATAGRAM);

	if (verdict == SIP_NOISE)
		return (struct heard){.crossing = c};
	return (struct heard){.crossing = c,
			      .is_sip = true,
			      .from_server = is_from_server(check, c),
			      .is_malformed = verdict != SIP_OK,
			      .one_via = has_one_via(m),
			      .method = m->method,
			      .status = m->is_request ? 0 : m->status,
			      .cseq = m->cseq,
			      .call_id = m->call_id,
			      .from_tag = m->from_tag,
			      .to_tag = m->to_tag,
			      .branch = m->via.branch,
			      .has_reason = sip_first(m, SIP_HEADER_REASON) != NULL,
			      .has_body = m->body.len != 0,
			      .max_forwards_is_70 = m->max_forwards == 70};
}

/* The final answer that came back for a BYE of ours: 0: none arrived. */
static unsigned answer_to(const struct wire *wire, unsigned i)
{
	for (unsigned k = i + 1; k < wire->n_heard; k++) {
		const struct heard *h = &wire->heard[k];

		if (h->status >= 200 && h->one_via && !h->from_server &&
		    h->crossing->fate == FATE_ARRIVES &&
		    text_equal(h->branch, wire->heard[i].branch))
			return h->status;
	}
	return 0;
}

static bool was_sent_before(const struct wire *wire, unsigned i)
{
	const struct world_crossing *c = wire->heard[i].crossing;

	for (unsigned k = i; k-- > 0;) {
		const struct world_crossing *earlier = wire->heard[k].crossing;

		if (c->sent_ms - earlier->sent_ms > 40000)
			return false;
		if (earlier->bytes.len == c->bytes.len && text_equal(earlier->bytes, c->bytes))
			return true;
	}
	return false;
}

/* RFC 3261 §15: in the name of the callee not before the caller's ACK has come, or 64*T1 after the 2xx. */
static void check_moratorium(struct wire *wire, unsigned i)
{
	const struct heard *bye = &wire->heard[i];
	uint64_t answered_ms = UINT64_MAX;

	for (unsigned k = 0; k < i; k++) {
		const struct heard *h = &wire->heard[k];

		if (!text_equal(h->call_id, bye->call_id))
			continue;
		if (text_equal(h->to_tag, bye->to_tag) && text_equal(h->from_tag, bye->from_tag) &&
		    h->from_server && h->status / 100 == 2 && h->method == SIP_INVITE)
			return; /* a re-INVITE of the party that is asked; or the BYE goes to the called side */
		if (!text_equal(h->from_tag, bye->to_tag) || !text_equal(h->to_tag, bye->from_tag))
			continue;
		if (h->from_server && h->status / 100 == 2 && h->method == SIP_INVITE &&
		    answered_ms == UINT64_MAX)
			answered_ms = h->crossing->sent_ms;
		/* Its own BYE says as much as its ACK. */
		if (!h->from_server && (h->method == SIP_ACK || h->method == SIP_BYE) &&
		    !h->status && h->crossing->fate == FATE_ARRIVES)
			return;
	}
	if (answered_ms == UINT64_MAX)
		return; /* it goes to the called side: no 2xx was sent that way */
	if (bye->crossing->sent_ms < answered_ms + 64 * 500)
		fault(wire->check, bye->call_id,
		      "a BYE of the server in the name of the callee %llu ms after the 2xx and "
		      "before the ACK",
		      (unsigned long long)(bye->crossing->sent_ms - answered_ms));
}

static void our_bye(struct wire *wire, struct direction *d, unsigned i)
{
	const struct heard *h = &wire->heard[i];

	d->n_our_byes++;
	if (d->has_highest && h->cseq <= d->highest)
		fault(wire->check, h->call_id, "a BYE of the server with CSeq %u after %u", h->cseq,
		      d->highest);
	if (d->n_our_byes > 2 || (d->n_our_byes == 2 && d->last_answer != 500))
		fault(wire->check, h->call_id, "BYE number %u of the server in one direction",
		      d->n_our_byes);
	if (!h->has_reason || h->has_body || !h->max_forwards_is_70)
		fault(wire->check, h->call_id,
		      "a BYE of the server without Reason, with a body, or with other Max-Forwards "
		      "than 70");
	d->of_our_bye = h->cseq;
	d->last_answer = answer_to(wire, i);
	check_moratorium(wire, i);
}

/* @req RC-10: after the injected BYE nothing of the impersonated side goes there any more. The ACK of a 2xx takes no number of its own. */
static void look_at_request(struct wire *wire, unsigned i)
{
	const struct heard *h = &wire->heard[i];
	struct direction *d;

	if (h->method == SIP_ACK || h->method == SIP_CANCEL || !h->to_tag.len ||
	    was_sent_before(wire, i))
		return;
	d = direction_of(wire, h);
	if (h->method == SIP_BYE && h->one_via)
		our_bye(wire, d, i);
	else if (d->of_our_bye)
		fault(wire->check, h->call_id, "%s (%u) was forwarded after the server's BYE",
		      sip_method_name((enum sip_method)h->method), h->cseq);
	if (!d->has_highest || h->cseq > d->highest)
		d->highest = h->cseq;
	d->has_highest = true;
}

static void check_wire(struct check *check)
{
	unsigned n = world_n_crossings(check->world);
	struct wire wire = {
		.check = check, .n_heard = n, .heard = calloc(n + 1, sizeof(struct heard))};
	struct sip_message *m = malloc(sizeof(*m));

	assert(wire.heard && m);
	for (unsigned i = 0; i < n; i++)
		wire.heard[i] = hear(check, world_crossing(check->world, i), m);
	for (unsigned i = 0; i < n; i++) {
		const struct heard *h = &wire.heard[i];

		if (!h->is_sip || !h->from_server)
			continue;
		if (h->is_malformed)
			fault(check, h->call_id, "the server sent something malformed");
		else if (!h->status)
			look_at_request(&wire, i);
	}
	free(m);
	free(wire.heard);
	free(wire.directions);
}

bool invariants_hold_at_end(const struct invariants_cast *cast, struct text_writer *report,
			    char ret_call_id[LIMIT_CALL_ID_BYTES + 1])
{
	struct check check = {.cast = cast,
			      .world = cast->server->world,
			      .report = report,
			      .call_id = ret_call_id,
			      .holds = true};

	ret_call_id[0] = 0;
	if (world_is_stuck(check.world))
		fault(&check, (struct text){0}, "the server does not come to rest");
	check_wire(&check);
	check_user_agents(&check);
	check_gauges(&check);
	check_blocks(&check);
	check_reports(&check);
	check_orders(&check);
	return check.holds;
}
