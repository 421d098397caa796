/* The cast of a story: servers, relays, user agents, links, and how each behaves. */
#include "story_parts.h"

#include <assert.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ the server */

static struct text keep(struct story *s, struct text t)
{
	char *at = s->texts[s->n_texts++];

	assert(s->n_texts <= 64 && t.len < 128);
	memcpy(at, t.at, t.len);
	return (struct text){at, t.len};
}

static void set_route(struct story *s, struct story_line *line, struct text value)
{
	uint32_t arrow = text_find(value, '>');
	char to[128];
	struct node_route *route = &s->settings.routes[s->settings.n_routes];

	snprintf(to, sizeof(to), "%.*s", TEXT_ARGS(text_from(value, arrow + 1)));
	if (!story_address(s, to, &route->next_hop)) {
		story_fail(s, line, "route=DOMAIN>ADDRESS, not \"%.*s\"", TEXT_ARGS(value));
		return;
	}
	route->domain = keep(s, (struct text){value.at, arrow});
	s->settings.n_routes++;
}

/* trusted=127.0.0.0/24 instead of every address of this host */
static void set_trusted(struct story *s, struct story_line *line, struct text value)
{
	uint32_t slash = text_find(value, '/'), bits;
	struct node_prefix prefix = {0};

	if (!endpoint_parse_ip((struct text){value.at, slash}, &prefix.address) ||
	    !text_to_u32(text_from(value, slash + 1), 128, &bits)) {
		story_fail(s, line, "trusted=ADDRESS/BITS, not \"%.*s\"", TEXT_ARGS(value));
		return;
	}
	prefix.bits = (uint8_t)bits;
	s->settings.trusted[0] = prefix;
}

static void set_number(struct story *s, struct story_line *line, struct text key, struct text value)
{
	static const struct {
		const char *key;
		size_t offset;
	} rows[] = {
		{"pace", offsetof(struct node_settings, release_sessions_per_s)},
		{"stream-above", offsetof(struct node_settings, stream_above_bytes)},
		{"register-min", offsetof(struct node_settings, registration_min_s)},
		{"register-max", offsetof(struct node_settings, registration_max_s)},
		{"register-default", offsetof(struct node_settings, registration_default_s)},
		{"sessions-max", offsetof(struct node_settings, sessions_max)},
		{"transactions-max", offsetof(struct node_settings, transactions_max)},
		{"bindings-max", offsetof(struct node_settings, bindings_max)},
		{"ended-max", offsetof(struct node_settings, ended_sessions_max)},
		{"retry-after", offsetof(struct node_settings, retry_after_s)},
		{"shards", offsetof(struct node_settings, n_shards)},
	};
	static const struct {
		const char *key;
		enum transaction_timer_name name;
	} timers[] = {{"t1", TIMER_T1},
		      {"t2", TIMER_T2},
		      {"t4", TIMER_T4},
		      {"timer-c", TIMER_C},
		      {"timer-d", TIMER_D}};
	uint32_t number;
	bool known = text_to_u32(value, UINT32_MAX, &number);

	for (unsigned i = 0; known && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (text_equal(key, text_of(rows[i].key))) {
			memcpy((char *)&s->settings + rows[i].offset, &number, sizeof(number));
			return;
		}
	for (unsigned i = 0; known && i < sizeof(timers) / sizeof(timers[0]); i++)
		if (text_equal(key, text_of(timers[i].key)) &&
		    timer_values_set(&s->settings.timers, timers[i].name, number))
			return;
	story_fail(s, line, "not a setting: %.*s=%.*s", TEXT_ARGS(key), TEXT_ARGS(value));
}

static void set_key(struct story *s, struct story_line *line, struct text key, struct text value)
{
	struct node_settings *set = &s->settings;
	char copy[128];

	snprintf(copy, sizeof(copy), "%.*s", TEXT_ARGS(value));
	if (text_equal(key, TEXT("domain")))
		set->domains[set->n_domains++] = keep(s, value);
	else if (text_equal(key, TEXT("name")))
		set->names[set->n_names++] = keep(s, value);
	else if (text_equal(key, TEXT("route")))
		set_route(s, line, value);
	else if (text_equal(key, TEXT("trusted")))
		set_trusted(s, line, value);
	else if (text_equal(key, TEXT("untrusted")) && text_equal(value, TEXT("all")))
		set->n_trusted = 0;
	else if (text_equal(key, TEXT("at")) || text_equal(key, TEXT("tcp"))) {
		struct endpoint *listen = &set->listen[set->n_listen++];

		if (!story_address(s, copy, listen))
			story_fail(s, line, "not an address: %s", copy);
		listen->transport = text_equal(key, TEXT("at")) ? TRANSPORT_UDP : TRANSPORT_TCP;
	} else {
		set_number(s, line, key, value);
	}
}

/* node [called NAME] at=127.0.0.1:5060 domain=ims.example ... */
static void add_node(struct story *s, struct story_line *line)
{
	const char *name = story_option(line, 1, "called");
	struct world_server *server;

	s->settings = node_settings_default();
	s->settings.n_listen = 0;
	s->settings.n_shards = 1;
	s->settings.n_domains = 0;
	s->settings.sessions_max = s->settings.transactions_max = 100000;
	s->settings.bindings_max = s->settings.ended_sessions_max = 1000;
	s->settings.log_level = NODE_LOG_DEBUG;
	s->settings.trusted[0] = (struct node_prefix){{.family = 4, .ip = {127}}, 8};
	s->settings.n_trusted = 1;
	for (unsigned i = 1; i < line->n; i++) {
		struct text word = text_of(line->words[i]);
		uint32_t equals = text_find(word, '=');

		if (equals == word.len)
			continue;
		line->used |= 1ull << i;
		set_key(s, line, (struct text){word.at, equals}, text_from(word, equals + 1));
	}
	if (!s->settings.n_listen) {
		set_key(s, line, TEXT("at"), TEXT("127.0.0.1:5060"));
		set_key(s, line, TEXT("tcp"), TEXT("127.0.0.1:5060"));
	}
	s->settings.subscribers = s->subscriber_sets[s->n_nodes++];
	server = world_add_server(s->world, name ? name : "server", &s->settings);
	for (unsigned i = 0; i < s->settings.n_domains; i++) {
		char domain[128];

		snprintf(domain, sizeof(domain), "%.*s", TEXT_ARGS(s->settings.domains[i]));
		world_add_name(s->world, domain, &server->settings.listen[0]);
	}
}

/* ------------------------------------------------------------------ relays and user agents */

static bool next_hop_of(struct story *s, struct story_line *line, struct endpoint *ret)
{
	const char *to = story_option(line, 2, "to");

	*ret = (struct endpoint){0};
	if (!to && !world_server_at(s->world, 0))
		return true;
	if (!to)
		to = world_server_at(s->world, 0)->name;
	if (story_address(s, to, ret))
		return true;
	story_fail(s, line, "not an address: %s", to);
	return false;
}

static void add_relay(struct story *s, struct story_line *line)
{
	struct endpoint at, next;
	const char *word = story_option(line, 2, "at");
	struct relay *relay;

	if (!word || !story_address(s, word, &at) || !next_hop_of(s, line, &next)) {
		story_fail(s, line, "relay NAME at ADDRESS [to NAME] [strict] [absent]");
		return;
	}
	relay = relay_open(s->world, story_at(line, 1), &at, &next);
	relay->is_strict = story_flag(line, 2, "strict");
	relay->is_absent = story_flag(line, 2, "absent");
	s->relays[s->n_relays++] = relay;
}

/* "relay2,relay1" as a Path. */
static void put_path(struct story *s, struct story_line *line, const char *names,
		     struct text_writer *w)
{
	struct text rest = text_of(names);

	while (rest.len) {
		uint32_t comma = text_find(rest, ',');
		char name[64];
		struct endpoint at;

		snprintf(name, sizeof(name), "%.*s", (int)comma, rest.at);
		if (!story_address(s, name, &at))
			story_fail(s, line, "nobody is called %s", name);
		if (w->len)
			text_put_literal(w, ", ");
		text_put_literal(w, "<sip:");
		endpoint_put(w, &at);
		text_put_literal(w, ";lr>");
		rest = text_from(rest, comma + 1);
	}
}

static void bind(struct story *s, struct story_line *line, struct ue *ue, const char *user)
{
	char path[1024], bytes[4096];
	struct text_writer p = text_writer_on(path, sizeof(path));
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	const char *names = story_option(line, 2, "path"), *on = story_option(line, 2, "on");
	struct world_server *server;

	if (names)
		put_path(s, line, names, &p);
	if (!node_binding_line(text_of(user), text_of(ue->contact), text_written(&p), &w)) {
		story_fail(s, line, "the server does not accept the binding of %s", user);
		return;
	}
	for (unsigned i = 0; (server = world_server_at(s->world, i)); i++) {
		if (!on || strcmp(on, server->name) == 0)
			world_server_feed_all(server,
					      &(struct node_event){.kind = NODE_EVENT_BINDING,
								   .bytes = text_written(&w)});
	}
}

static void add_ue(struct story *s, struct story_line *line)
{
	const char *name = story_at(line, 1), *at = story_option(line, 2, "at");
	const char *as = story_option(line, 2, "as"), *registered = NULL;
	char address_of_record[UE_URI];
	struct ue_options options = {.name = name, .address_of_record = address_of_record};
	struct ue *ue;

	if (!at || !story_address(s, at, &options.address) ||
	    !next_hop_of(s, line, &options.next_hop)) {
		story_fail(s, line,
			   "ue NAME at ADDRESS [tcp] [as URI] [to NAME] [registered [path NAMES]]");
		return;
	}
	if (as)
		snprintf(address_of_record, sizeof(address_of_record), "%s", as);
	else
		snprintf(address_of_record, sizeof(address_of_record), "sip:%s@%.*s", name,
			 TEXT_ARGS(s->settings.n_domains ? s->settings.domains[0]
							 : TEXT("ims.example")));
	if (story_flag(line, 2, "tcp"))
		options.address.transport = options.next_hop.transport = TRANSPORT_TCP;
	ue = ue_open(s->world, &options);
	ue->reorders = story_flag(line, 2, "unordered");
	s->ues[s->n_ues++] = ue;
	if (story_flag(line, 2, "registered"))
		registered = address_of_record;
	if (registered)
		bind(s, line, ue, registered);
}

/* ------------------------------------------------------------------ the network */

static void add_link(struct story *s, struct story_line *line)
{
	struct endpoint from, to;
	struct world_link link = {.delay_ms = 5};
	bool both = story_flag(line, 1, "all");

	link.delay_ms = (uint32_t)story_number_option(s, line, 1, "delay", 5);
	link.jitter_ms = (uint32_t)story_number_option(s, line, 1, "jitter", 0);
	link.loss_permille = (uint16_t)story_number_option(s, line, 1, "loss-permille", 0);
	link.duplicate_permille = (uint16_t)story_number_option(s, line, 1, "double-permille", 0);
	link.reorder_permille = (uint16_t)story_number_option(s, line, 1, "reorder-permille", 0);
	link.reorder_ms = (uint32_t)story_number_option(s, line, 1, "reorder-by", 0);
	if (both)
		world_set_default_link(s->world, link);
	else if (story_address(s, story_at(line, 1), &from) &&
		 story_address(s, story_at(line, 2), &to))
		world_set_link(s->world, &from, &to, link);
	else
		story_fail(s, line, "link all|FROM TO [delay MS] ...");
}

static bool read_what(struct story *s, struct story_line *line, unsigned from,
		      struct world_rule *rule)
{
	const char *what = story_at(line, from), *to_method = NULL;
	uint64_t status;

	rule->method = SIP_METHODS;
	if (*what >= '0' && *what <= '9') {
		if (!story_number(s, line, what, &status))
			return false;
		rule->responses = true;
		rule->status = (uint16_t)status;
		if (story_word(line, from + 1, "to"))
			to_method = story_at(line, from + 2);
		if (to_method)
			rule->method = (uint8_t)story_method(to_method);
		return true;
	}
	if (strcmp(what, "requests") != 0)
		rule->method = (uint8_t)story_method(what);
	return true;
}

/* lose|delay|double WHAT from A to B [skip N] [times N] [by MS] */
static void add_rule(struct story *s, struct story_line *line, enum world_deed deed, unsigned from)
{
	struct world_rule rule = {.deed = deed};
	const char *a, *b;

	if (!read_what(s, line, from, &rule))
		return;
	a = story_option(line, from, "from");
	b = story_option(line, from, "to");
	if ((a && !story_address(s, a, &rule.from)) || (b && !story_address(s, b, &rule.to)))
		story_fail(s, line, "nobody is called so");
	rule.skip = (uint32_t)story_number_option(s, line, from, "skip", 0);
	rule.times = (uint32_t)story_number_option(s, line, from, "times", 1);
	rule.by_ms = (uint32_t)story_number_option(s, line, from, "by", 0);
	world_add_rule(s->world, &rule);
}

/* name HOST is PARTY */
static void add_name(struct story *s, struct story_line *line)
{
	struct endpoint at;

	if (story_word(line, 2, "is") && story_address(s, story_at(line, 3), &at))
		world_add_name(s->world, story_at(line, 1), &at);
	else
		story_fail(s, line, "name HOST is PARTY");
}

bool story_set_up(struct story *s, struct story_line *line)
{
	if (story_word(line, 0, "node"))
		add_node(s, line);
	else if (story_word(line, 0, "relay"))
		add_relay(s, line);
	else if (story_word(line, 0, "ue"))
		add_ue(s, line);
	else if (story_word(line, 0, "link"))
		add_link(s, line);
	else if (story_word(line, 0, "name"))
		add_name(s, line);
	else if (story_word(line, 0, "seed"))
		story_number(s, line, story_at(line, 1), &s->seed);
	else if (story_word(line, 0, "until"))
		story_number(s, line, story_at(line, 1), &s->until_ms);
	else if (story_word(line, 0, "without") && story_word(line, 1, "ladder"))
		s->without_ladder = true;
	else
		return story_set_up_service(s, line);
	return true;
}

/* ------------------------------------------------------------------ behaviour */

static void put_header(struct story_line *line, unsigned from, char *ret, size_t max)
{
	const char *header;

	ret[0] = 0;
	while ((header = story_option(line, from, "header")))
		snprintf(ret + strlen(ret), max - strlen(ret), "%s\r\n", header);
}

static void plan_rings(struct story *s, struct story_line *line, unsigned from,
		       struct ue_plan *plan)
{
	plan->ring_after_ms = (int64_t)story_number_option(s, line, from, "after", 0);
	plan->ring_status = (uint16_t)story_number_option(s, line, from, "with", 180);
	plan->ring_reliable = story_flag(line, from, "reliably");
}

static void rule_answers(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	struct ue_rule *rule = &ue->rules[ue->n_rules++];

	assert(ue->n_rules <= 16);
	*rule = (struct ue_rule){.method = (uint8_t)story_method(story_at(line, from))};
	rule->status = (uint16_t)story_number_option(s, line, from, "with", 0);
	rule->after_ms = (uint32_t)story_number_option(s, line, from, "after", 0);
	rule->skip = (uint32_t)story_number_option(s, line, from, "skip", 0);
	rule->times = (uint32_t)story_number_option(s, line, from, "times", UE_FOREVER);
	put_header(line, from, rule->lines, sizeof(rule->lines));
}

static void answers(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	struct ue_plan *plan = &ue->plan;

	if (from < line->n && story_method(line->words[from]) != SIP_METHOD_OTHER) {
		rule_answers(s, line, from, ue);
		return;
	}
	plan->answer_after_ms = (int64_t)story_number_option(s, line, from, "after", 0);
	plan->answer_status = (uint16_t)story_number_option(s, line, from, "with", 200);
	plan->session_expires_s =
		(uint32_t)story_number_option(s, line, from, "session-expires", 0);
	put_header(line, from, plan->answer_lines, sizeof(plan->answer_lines));
}

static bool behave_word(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	struct ue_rule *rule = &ue->rules[ue->n_rules];

	if (story_word(line, from, "ignores")) {
		rule_answers(s, line, from + 1, ue);
		rule->status = 0;
	} else if (story_word(line, from, "delays")) {
		rule_answers(s, line, from + 1, ue);
		rule->after_ms = (uint32_t)story_number_option(s, line, from, "by", 0);
		rule->status = 1;
	} else if (story_word(line, from, "acknowledges")) {
		ue->plan.ack_after_ms = (int64_t)story_number_option(s, line, from, "after", 0);
	} else if (story_word(line, from, "keeps") && story_word(line, from + 1, "surplus") &&
		   story_word(line, from + 2, "dialogs")) {
		ue->plan.keeps_surplus_dialogs = true;
	} else if (story_word(line, from, "gives") && story_word(line, from + 1, "no") &&
		   story_word(line, from + 2, "tags")) {
		ue->has_no_tags = true;
	} else if (story_word(line, from, "obeys")) {
		ue->n_rules = 0;
	} else {
		return false;
	}
	return true;
}

static bool behave_never(struct story_line *line, unsigned from, struct ue *ue)
{
	if (!story_word(line, from, "never"))
		return false;
	if (story_word(line, from + 1, "rings"))
		ue->plan.ring_after_ms = -1;
	else if (story_word(line, from + 1, "answers"))
		ue->plan.answer_after_ms = -1;
	else if (story_word(line, from + 1, "acknowledges"))
		ue->plan.ack_after_ms = -1;
	else
		return false;
	return true;
}

bool story_behave(struct story *s, struct story_line *line, unsigned from)
{
	static const char *const deeds[] = {"lose", "delay", "double"};
	struct ue *ue;

	for (unsigned i = 0; i < 3; i++)
		if (story_word(line, from, deeds[i])) {
			add_rule(s, line, (enum world_deed)i, from + 1);
			return true;
		}
	ue = story_ue(s, story_at(line, from));
	if (!ue)
		return false;
	if (story_word(line, from + 1, "rings"))
		plan_rings(s, line, from + 2, &ue->plan);
	else if (story_word(line, from + 1, "answers"))
		answers(s, line, from + 2, ue);
	else
		return behave_never(line, from + 1, ue) || behave_word(s, line, from + 1, ue);
	return true;
}
