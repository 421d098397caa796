/* What a story expects: of the messages, of the server's reports, of its counters. */
#include "story_parts.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ messages */

struct wanted {
	struct endpoint to, from;
	bool any_fate, is_response;
	enum sip_method method;
	uint16_t status;
	unsigned clauses; /* first word of the with/without clauses */
	uint64_t after_ms, before_ms;
};

static struct text part_of(const struct sip_message *m, const char *name, char buffer[64])
{
	if (strcmp(name, "Request-URI") == 0)
		return m->request_uri;
	if (strcmp(name, "body") == 0)
		return m->body;
	if (strcmp(name, "phrase") == 0)
		return m->reason_phrase;
	if (strcmp(name, "cseq") == 0) {
		snprintf(buffer, 64, "%u", m->cseq);
		return text_of(buffer);
	}
	for (unsigned i = 0; i < m->n_fields; i++)
		if (text_equal_nocase(m->fields[i].name, text_of(name)))
			return m->fields[i].value;
	return (struct text){0};
}

static bool contains(struct text t, struct text part)
{
	for (uint32_t i = 0; i + part.len <= t.len; i++)
		if (memcmp(t.at + i, part.at, part.len) == 0)
			return true;
	return false;
}

/* A header field may be there several times. */
static bool any_contains(const struct sip_message *m, const char *name, struct text part)
{
	for (unsigned i = 0; i < m->n_fields; i++)
		if (text_equal_nocase(m->fields[i].name, text_of(name)) &&
		    contains(m->fields[i].value, part))
			return true;
	return false;
}

static bool clause_holds(struct story *s, struct story_line *line, unsigned i,
			 const struct sip_message *m)
{
	char buffer[64];
	struct text part = part_of(m, story_at(line, i + 1), buffer);
	struct text value = text_of(story_at(line, i + 3));
	uint32_t a, b;

	if (story_word(line, i + 2, "is"))
		return text_equal(part, value);
	if (story_word(line, i + 2, "contains"))
		return contains(part, value) || any_contains(m, story_at(line, i + 1), value);
	if (story_word(line, i + 2, "lacks"))
		return !contains(part, value);
	if (story_word(line, i + 2, "above"))
		return text_to_u32(part, UINT32_MAX, &a) && text_to_u32(value, UINT32_MAX, &b) &&
		       a > b;
	if (story_word(line, i + 2, "below"))
		return text_to_u32(part, UINT32_MAX, &a) && text_to_u32(value, UINT32_MAX, &b) &&
		       a < b;
	story_fail(s, line, "with HEADER is|contains|lacks|above|below VALUE");
	return false;
}

static bool all_clauses_hold(struct story *s, struct story_line *line, const struct wanted *wanted,
			     const struct sip_message *m)
{
	char buffer[64];
	bool hold = true;

	for (unsigned i = wanted->clauses; i < line->n; i++) {
		if (story_word(line, i, "with")) {
			hold &= clause_holds(s, line, i, m);
			i += 3;
		} else if (story_word(line, i, "without")) {
			hold &= part_of(m, story_at(line, i + 1), buffer).len == 0;
			i++;
		}
	}
	return hold;
}

/* No message may come near enough for its clauses to be read; they are understood all the same. */
static void use_clauses(struct story_line *line, unsigned from)
{
	for (unsigned i = from; i < line->n; i++) {
		unsigned more = story_word(line, i, "with")      ? 3
				: story_word(line, i, "without") ? 1
								 : 0;

		for (; more; more--)
			story_at(line, ++i);
	}
}

static bool same_place(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_address(a, b) && a->port == b->port;
}

static bool is_again(struct story *s, unsigned i, bool any_fate)
{
	const struct world_crossing *c = world_crossing(s->world, i), *earlier;

	for (unsigned k = i; k-- > 0;) {
		earlier = world_crossing(s->world, k);
		if (same_place(&earlier->to, &c->to) && (any_fate || earlier->fate == c->fate) &&
		    text_equal(earlier->bytes, c->bytes))
			return true;
	}
	return false;
}

static bool is_wanted(struct story *s, struct story_line *line, const struct wanted *wanted,
		      unsigned i)
{
	const struct world_crossing *c = world_crossing(s->world, i);
	struct sip_message m;

	if (!same_place(&c->to, &wanted->to) ||
	    (endpoint_is_set(&wanted->from) && !same_place(&c->from, &wanted->from)))
		return false;
	if (!wanted->any_fate && (c->fate != FATE_ARRIVES || c->arrives_ms > world_now(s->world)))
		return false;
	if (c->sent_ms < wanted->after_ms || c->sent_ms > wanted->before_ms)
		return false;
	if (sip_parse(&m, c->bytes.at, c->bytes.len, SIP_DATAGRAM) == SIP_NOISE ||
	    m.is_request == wanted->is_response)
		return false;
	if (wanted->method != SIP_METHODS && m.method != wanted->method)
		return false;
	if (wanted->is_response && wanted->status && m.status != wanted->status)
		return false;
	return all_clauses_hold(s, line, wanted, &m) && !is_again(s, i, wanted->any_fate);
}

/* at|toward NAME [N|no] METHOD|STATUS [to METHOD] [from NAME] [with ...] [sent between A and B] */
static unsigned read_what(struct story *s, struct story_line *line, unsigned i,
			  struct wanted *wanted)
{
	const char *what = story_at(line, i++);
	uint64_t status;

	wanted->method = SIP_METHODS;
	if (strcmp(what, "message") == 0) {
		wanted->method = SIP_METHODS;
	} else if (*what >= '0' && *what <= '9') {
		wanted->is_response = true;
		if (story_number(s, line, what, &status))
			wanted->status = (uint16_t)status;
		if (story_word(line, i, "to")) {
			wanted->method = story_method(story_at(line, i + 1));
			i += 2;
		}
	} else {
		wanted->method = story_method(what);
		if (wanted->method == SIP_METHOD_OTHER)
			story_fail(s, line, "not a method: %s", what);
	}
	return i;
}

static void expect_message(struct story *s, struct story_line *line, unsigned i, bool any_fate)
{
	struct wanted wanted = {.any_fate = any_fate, .before_ms = UINT64_MAX};
	uint64_t expected = UINT64_MAX, n = 0;
	const char *from;

	if (!story_address(s, story_at(line, i), &wanted.to)) {
		story_fail(s, line, "nobody is called %s", story_at(line, i));
		return;
	}
	i++;
	if (story_word(line, i, "no")) {
		expected = 0;
		i++;
	} else if (i + 1 < line->n && line->words[i + 1][0] >= '1' && line->words[i][0] >= '0' &&
		   line->words[i][0] <= '9' && strlen(line->words[i]) < 4 &&
		   strcmp(line->words[i + 1], "to") != 0) {
		story_number(s, line, story_at(line, i++), &expected);
	}
	i = read_what(s, line, i, &wanted);
	from = story_option(line, i, "from");
	if (from && !story_address(s, from, &wanted.from))
		story_fail(s, line, "nobody is called %s", from);
	wanted.after_ms = story_number_option(s, line, i, "sent-after", 0);
	wanted.before_ms = story_number_option(s, line, i, "sent-before", UINT64_MAX);
	wanted.clauses = i;
	use_clauses(line, i);
	for (unsigned k = 0; k < world_n_crossings(s->world); k++)
		n += is_wanted(s, line, &wanted, k);
	if (expected == UINT64_MAX ? n == 0 : n != expected)
		story_fail(s, line, "there were %llu", (unsigned long long)n);
}

/* ------------------------------------------------------------------ sessions */

static bool same_word(const char *name, const char *word)
{
	for (; *name || *word; name++, word++)
		if (*name != *word && !(*word == '-' && (*name == ' ' || *name == '_')))
			return false;
	return true;
}

/* The stories' own words: those of the server may be rephrased without breaking them. */
static const char *const end_words[SESSION_ENDS] = {
	"not-ended", "caller-hung-up", "callee-hung-up", "released",
	"rejected",  "cancelled",      "no-answer",      "session-timer",
	"lost",      "server-hung-up", "deregistered"};
static const char *const outcome_words[] = {
	"not-asked",        "waiting-for-ack", "awaited",           "sent", "answered", "timed-out",
	"transport-failed", "hung-up",         "left-to-its-server"};

static struct ue *first_user(struct story *s)
{
	for (unsigned i = 0; i < s->n_ues; i++)
		if (!server_is(s->ues[i]))
			return s->ues[i];
	return NULL;
}

static bool find_session(struct story *s, struct story_line *line, unsigned from,
			 struct world_server **ret_server, struct node_session_report *ret)
{
	const char *of = story_option(line, from, "of"), *on = story_option(line, from, "on");
	struct ue *ue = of ? story_ue(s, of) : first_user(s);
	struct world_server *server;
	struct node_session_id id;
	uint32_t call = ue ? story_call(s, line, from, ue) : UE_NONE;

	for (unsigned i = 0; call != UE_NONE && (server = world_server_at(s->world, i)); i++) {
		if (on && strcmp(on, server->name) != 0)
			continue;
		for (unsigned shard = 0; shard < server->settings.n_shards; shard++)
			if (node_session_by_call_id(server->shards[shard],
						    text_of(ue->calls[call]->call_id), &id) &&
			    node_session(server->shards[shard], &id, ret)) {
				*ret_server = server;
				return true;
			}
	}
	return false;
}

/* session [of NAME] [call NAME] STATE | ended HOW [STATUS] | served WHOM | unknown */
static void expect_session(struct story *s, struct story_line *line, unsigned from)
{
	struct node_session_report r;
	struct world_server *server;
	bool found = find_session(s, line, from, &server, &r);
	const char *state = story_at(line, from), *how = story_at(line, from + 1),
		   *status = story_at(line, from + 2);

	if (strcmp(state, "unknown") == 0) {
		if (found)
			story_fail(s, line, "it is known");
		return;
	}
	if (!found) {
		story_fail(s, line, "the server knows no such session");
		return;
	}
	if (strcmp(state, "served") == 0) {
		if (!same_word(r.served, how))
			story_fail(s, line, "served: %s", r.served);
		return;
	}
	if (!same_word(session_state_name(r.state), state))
		story_fail(s, line, "it is %s", session_state_name(r.state));
	else if (*how && strcmp(how, "of") != 0 && strcmp(how, "on") != 0 &&
		 strcmp(end_words[r.end], how) != 0)
		story_fail(s, line, "it ended: %s", end_words[r.end]);
	else if (*status >= '1' && *status <= '9' && r.end_status != (unsigned)atoi(status))
		story_fail(s, line, "end status %u", r.end_status);
}

/* leg calling|called [dialog N] OUTCOME [STATUS] */
static void expect_leg(struct story *s, struct story_line *line, unsigned from)
{
	unsigned dialog = (unsigned)story_number_option(s, line, from, "dialog", 1) - 1;
	struct node_session_report r;
	struct world_server *server;
	bool called = story_word(line, from, "called");
	const char *outcome = story_at(line, from + 1), *status = story_at(line, from + 2);
	unsigned side = called ? SIDE_CALLED : SIDE_CALLING;

	story_at(line, from);
	if (!find_session(s, line, from, &server, &r) || dialog >= r.n_dialogs_shown) {
		story_fail(s, line, "the server knows no such dialog");
		return;
	}
	if (strcmp(outcome_words[r.dialogs[dialog].outcome[side]], outcome) != 0)
		story_fail(s, line, "it is %s", outcome_words[r.dialogs[dialog].outcome[side]]);
	if (*status >= '1' && *status <= '9' &&
	    r.dialogs[dialog].outcome_status[side] != (unsigned)atoi(status))
		story_fail(s, line, "status %u", r.dialogs[dialog].outcome_status[side]);
}

static void expect_setup(struct story *s, struct story_line *line, unsigned from)
{
	struct node_session_report r;
	struct world_server *server;
	const char *outcome = story_at(line, from), *status = story_at(line, from + 1);

	if (!find_session(s, line, from, &server, &r))
		story_fail(s, line, "the server knows no such session");
	else if (strcmp(outcome_words[r.setup_outcome], outcome) != 0)
		story_fail(s, line, "it is %s", outcome_words[r.setup_outcome]);
	else if (*status && r.setup_status != (unsigned)atoi(status))
		story_fail(s, line, "status %u", r.setup_status);
}

static void expect_call(struct story *s, struct story_line *line, unsigned from)
{
	static const char *const states[] = {"trying", "ringing", "answered", "failed", "over"};
	struct ue *ue = story_ue(s, story_at(line, from));
	const char *state = story_at(line, from + 1);
	uint32_t call = ue ? story_call(s, line, from + 2, ue) : UE_NONE;
	const char *status = story_at(line, from + 2);

	if (call == UE_NONE)
		story_fail(s, line, "no such call");
	else if (strcmp(states[ue->calls[call]->state], state) != 0)
		story_fail(s, line, "it is %s", states[ue->calls[call]->state]);
	else if (*status >= '0' && *status <= '9' &&
		 ue->calls[call]->final_status != (unsigned)atoi(status))
		story_fail(s, line, "status %u", ue->calls[call]->final_status);
}

/* ------------------------------------------------------------------ orders and counters */

static struct node_release_progress progress_of(const struct story_order *order)
{
	struct node_release_progress sum = {0}, one;

	for (unsigned shard = 0; shard < WORLD_SHARDS_MAX; shard++) {
		if (!order->numbers[shard] || !node_release_progress(order->server->shards[shard],
								     order->numbers[shard], &one))
			continue;
		sum.running |= one.running;
		sum.stopped |= one.stopped;
		sum.found += one.found;
		sum.already_releasing += one.already_releasing;
		sum.begun += one.begun;
		sum.ended += one.ended;
		sum.legs_2xx += one.legs_2xx;
		sum.legs_481 += one.legs_481;
		sum.legs_other += one.legs_other;
		sum.legs_timed_out += one.legs_timed_out;
		sum.legs_transport_failed += one.legs_transport_failed;
	}
	return sum;
}

static bool progress_value(const struct node_release_progress *p, const char *key, uint64_t *ret)
{
	const struct {
		const char *key;
		uint32_t value;
	} rows[] = {{"running", p->running},
		    {"stopped", p->stopped},
		    {"found", p->found},
		    {"already", p->already_releasing},
		    {"begun", p->begun},
		    {"ended", p->ended},
		    {"2xx", p->legs_2xx},
		    {"481", p->legs_481},
		    {"other", p->legs_other},
		    {"timed-out", p->legs_timed_out},
		    {"transport-failed", p->legs_transport_failed}};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].key, key) == 0) {
			*ret = rows[i].value;
			return true;
		}
	return false;
}

/* release [order NAME] KEY N [KEY N]... */
static void expect_release(struct story *s, struct story_line *line, unsigned from)
{
	const char *name = story_option(line, from, "order");
	const struct story_order *order = NULL;
	struct node_release_progress progress;
	uint64_t value, expected;

	for (unsigned i = 0; i < s->n_orders; i++)
		if (!name || strcmp(s->orders[i].name, name) == 0)
			order = &s->orders[i];
	if (!order) {
		story_fail(s, line, "no such order");
		return;
	}
	progress = progress_of(order);
	for (unsigned i = from + (name ? 2 : 0); i + 1 < line->n; i += 2) {
		if (!progress_value(&progress, story_at(line, i), &value) ||
		    !story_number(s, line, story_at(line, i + 1), &expected))
			story_fail(s, line, "not a figure: %s", line->words[i]);
		else if (value != expected)
			story_fail(s, line, "%s is %llu", line->words[i],
				   (unsigned long long)value);
	}
}

static bool counter_value(const struct node_counters *c, const char *name, uint64_t *ret)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
#define ROW(field, help) {#field, c->field},
		NODE_GAUGES(ROW) NODE_COUNTS(ROW)
#undef ROW
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (same_word(rows[i].name, name)) {
			*ret = rows[i].value;
			return true;
		}
	for (unsigned i = 0; i < N_CLAUSES; i++)
		if (same_word(clause_table[i].name, name)) {
			*ret = c->clauses[i];
			return true;
		}
	return false;
}

/* counter NAME is|above N: counters, gauges and clauses of the (first) server. */
static void expect_counter(struct story *s, struct story_line *line, unsigned from)
{
	struct world_server *server = world_server_at(s->world, 0);
	struct node_counters counters = world_server_counters(server);
	uint64_t value, expected;
	bool above = story_word(line, from + 1, "above");

	if (!above && !story_word(line, from + 1, "is"))
		story_fail(s, line, "counter NAME is|above N");
	else if (!counter_value(&counters, story_at(line, from), &value))
		story_fail(s, line, "no such counter");
	else if (story_number(s, line, story_at(line, from + 2), &expected) &&
		 (above ? value <= expected : value != expected))
		story_fail(s, line, "it is %llu", (unsigned long long)value);
}

static void expect_nothing_left(struct story *s, struct story_line *line)
{
	struct world_server *server;

	for (unsigned i = 0; (server = world_server_at(s->world, i)); i++) {
		struct node_counters now = world_server_counters(server);

#define MUST_BE_ZERO(gauge)                                                                        \
	if (now.gauge)                                                                             \
		story_fail(s, line, "%s: %llu " #gauge, server->name,                              \
			   (unsigned long long)now.gauge);
		MUST_BE_ZERO(sessions)
		MUST_BE_ZERO(sessions_confirmed)
		MUST_BE_ZERO(sessions_releasing)
		MUST_BE_ZERO(dialogs)
		MUST_BE_ZERO(server_transactions)
		MUST_BE_ZERO(client_transactions)
		MUST_BE_ZERO(message_blocks)
#undef MUST_BE_ZERO
		if (i == 0 && now.timers > s->at_start.timers + now.bindings)
			story_fail(s, line, "%llu timers, at first %llu",
				   (unsigned long long)now.timers,
				   (unsigned long long)s->at_start.timers);
	}
	for (unsigned i = 0; i < s->n_ues; i++)
		if (server_is(s->ues[i]) && s->ues[i]->party.away)
			continue;
		else if (ue_open_dialogs(s->ues[i]) || ue_open_requests(s->ues[i]))
			story_fail(s, line, "%s has %u dialogs and %u requests left",
				   s->ues[i]->name, ue_open_dialogs(s->ues[i]),
				   ue_open_requests(s->ues[i]));
}

/* violation at NAME TEXT: this one is not held against the story, but must have happened. */
static void expect_violation(struct story *s, struct story_line *line, unsigned from)
{
	struct ue *ue = story_ue(s, story_at(line, from + 1));
	const char *text = story_at(line, from + 2);
	bool happened = false;

	story_word(line, from, "at");
	for (unsigned i = 0; ue && i < ue->n_violations; i++)
		happened |= strstr(ue->violations[i], text) != NULL;
	if (!happened) {
		story_fail(s, line, "it did not happen");
		return;
	}
	s->violation_at[s->n_allowed] = ue->name;
	s->violation_allowed[s->n_allowed++] = line->words[from + 2];
}

void story_expect(struct story *s, struct story_line *line, unsigned from)
{
	unsigned failures = s->n_failures;

	if (story_word(line, from, "at"))
		expect_message(s, line, from + 1, false);
	else if (story_word(line, from, "toward"))
		expect_message(s, line, from + 1, true);
	else if (story_word(line, from, "session"))
		expect_session(s, line, from + 1);
	else if (story_word(line, from, "leg"))
		expect_leg(s, line, from + 1);
	else if (story_word(line, from, "setup"))
		expect_setup(s, line, from + 1);
	else if (story_word(line, from, "call"))
		expect_call(s, line, from + 1);
	else if (story_word(line, from, "release"))
		expect_release(s, line, from + 1);
	else if (story_word(line, from, "counter"))
		expect_counter(s, line, from + 1);
	else if (story_word(line, from, "violation"))
		expect_violation(s, line, from + 1);
	else if (story_word(line, from, "nothing") && story_word(line, from + 1, "left"))
		expect_nothing_left(s, line);
	else
		story_fail(s, line, "not understood: expect %s", story_at(line, from));
	if (failures == s->n_failures && !strstr(line->words[from], "violation") &&
	    world_n_crossings(s->world))
		story_complain_of_unused(s, line, from);
}
