/* Reading a story, running it, and comparing its ladder. */
#include "story_parts.h"
#include "ue_parts.h"

#include "node/ladder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

#define LADDER_BYTES (4u << 20)

/* ------------------------------------------------------------------ words */

void story_fail(struct story *s, const struct story_line *line, const char *format, ...)
{
	char text[900];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_printf(s->report, "line %u: %s\n", line ? line->number : 0, text);
	s->n_failures++;
}

bool story_word(struct story_line *line, unsigned i, const char *word)
{
	if (i >= line->n || line->was_quoted[i] || strcmp(line->words[i], word) != 0)
		return false;
	line->used |= 1ull << i;
	return true;
}

const char *story_at(struct story_line *line, unsigned i)
{
	if (i >= line->n)
		return "";
	line->used |= 1ull << i;
	return line->words[i];
}

const char *story_option(struct story_line *line, unsigned from, const char *keyword)
{
	for (unsigned i = from; i + 1 < line->n; i++)
		if (!(line->used >> i & 1) && story_word(line, i, keyword))
			return story_at(line, i + 1);
	return NULL;
}

bool story_flag(struct story_line *line, unsigned from, const char *keyword)
{
	for (unsigned i = from; i < line->n; i++)
		if (!(line->used >> i & 1) && story_word(line, i, keyword))
			return true;
	return false;
}

bool story_number(struct story *s, struct story_line *line, const char *word, uint64_t *ret)
{
	char *end;

	*ret = strtoull(word, &end, 10);
	if (*word && !*end)
		return true;
	story_fail(s, line, "a number was expected, not \"%s\"", word);
	return false;
}

uint64_t story_number_option(struct story *s, struct story_line *line, unsigned from,
			     const char *keyword, uint64_t otherwise)
{
	const char *word = story_option(line, from, keyword);
	uint64_t n;

	return word && story_number(s, line, word, &n) ? n : otherwise;
}

void story_complain_of_unused(struct story *s, struct story_line *line, unsigned from)
{
	for (unsigned i = from; i < line->n; i++)
		if (!(line->used >> i & 1)) {
			story_fail(s, line, "not understood: \"%s\"", line->words[i]);
			return;
		}
}

struct ue *story_ue(struct story *s, const char *name)
{
	for (unsigned i = 0; i < s->n_ues; i++)
		if (strcmp(s->ues[i]->name, name) == 0)
			return s->ues[i];
	return NULL;
}

bool story_address(struct story *s, const char *name, struct endpoint *ret)
{
	struct world_server *server;
	struct ue *ue = story_ue(s, name);
	struct text t = text_of(name);
	uint32_t colon = t.len, port;

	if (ue) {
		*ret = ue->party.address;
		return true;
	}
	for (unsigned i = 0; i < s->n_relays; i++)
		if (strcmp(s->relays[i]->name, name) == 0) {
			*ret = s->relays[i]->party.address;
			return true;
		}
	for (unsigned i = 0; (server = world_server_at(s->world, i)); i++)
		if (strcmp(server->name, name) == 0) {
			*ret = server->settings.listen[0];
			return true;
		}
	while (colon && t.at[colon - 1] != ':')
		colon--;
	*ret = (struct endpoint){0};
	if (!colon || !endpoint_parse_ip((struct text){t.at, colon - 1}, ret) ||
	    !text_to_u32(text_from(t, colon), 65535, &port))
		return false;
	ret->port = (uint16_t)port;
	return true;
}

enum sip_method story_method(const char *name)
{
	return sip_method_of(text_of(name));
}

uint32_t story_call(struct story *s, struct story_line *line, unsigned from, struct ue *ue)
{
	const char *name = story_option(line, from, "call");
	uint32_t call = ue_call_named(ue, name);

	if (call == UE_NONE)
		story_fail(s, line, "%s has no call %s", ue->name, name ? name : "");
	return call;
}

/* ------------------------------------------------------------------ reading */

/* Words are divided by white space; "quoted ones" may contain it, with \n \r \" \\ inside. '#' begins a comment. */
static char *next_word(char **at, bool *ret_quoted)
{
	char *in = *at, *out, *begin;

	while (*in == ' ' || *in == '\t')
		in++;
	if (!*in || *in == '#')
		return NULL;
	*ret_quoted = *in == '"';
	if (!*ret_quoted) {
		begin = in;
		while (*in && *in != ' ' && *in != '\t')
			in++;
	} else {
		begin = out = ++in;
		while (*in && *in != '"') {
			if (*in == '\\' && in[1]) {
				in++;
				*out++ = *in == 'n' ? '\n' : *in == 'r' ? '\r' : *in;
				in++;
			} else {
				*out++ = *in++;
			}
		}
		if (!*in)
			return NULL;
		in++;
		*out = 0;
		*at = in;
		return begin;
	}
	*at = *in ? in + 1 : in;
	*in = 0;
	return begin;
}

static void read_line(struct story *s, char *text, unsigned number)
{
	struct story_line *line = &s->lines[s->n_lines];
	char *word;
	bool quoted = false;

	*line = (struct story_line){.number = number};
	while (line->n < STORY_WORDS && (word = next_word(&text, &quoted))) {
		line->was_quoted[line->n] = quoted;
		line->words[line->n++] = word;
	}
	if (line->n)
		s->n_lines++;
}

static void schedule(struct story *s, struct story_line *line);

static void read_story(struct story *s, char *text)
{
	unsigned number = 0;

	for (char *at = text; at && *at;) {
		char *end = strchr(at, '\n');

		if (end)
			*end = 0;
		number++;
		if (s->n_lines < STORY_LINES)
			read_line(s, at, number);
		at = end ? end + 1 : NULL;
	}
	story_read_subscribers(s);
	for (unsigned i = 0; i < s->n_lines; i++) {
		struct story_line *line = &s->lines[i];

		if (story_word(line, 0, "story") || story_word(line, 0, "expect"))
			continue;
		if (story_word(line, 0, "at")) {
			schedule(s, line);
		} else if (!story_set_up(s, line) && !story_behave(s, line, 0)) {
			story_fail(s, line, "not understood: \"%s\"", line->words[0]);
		} else {
			story_complain_of_unused(s, line, 0);
		}
	}
}

/* ------------------------------------------------------------------ running */

static void happen(void *self, uint64_t a, uint64_t b)
{
	struct story_moment *moment = self;
	struct story *s = moment->story;
	struct story_line *line = moment->line;
	unsigned from = moment->from;

	(void)a, (void)b;
	if (story_word(line, from, "expect")) {
		story_expect(s, line, from + 1);
		return;
	}
	if (!story_act(s, line, from) && !story_behave(s, line, from))
		story_fail(s, line, "not understood: \"%s\"", story_at(line, from));
	else
		story_complain_of_unused(s, line, from);
}

static void schedule(struct story *s, struct story_line *line)
{
	struct story_moment *moment = &s->moments[line - s->lines];
	uint64_t at_ms;

	if (!story_number(s, line, story_at(line, 1), &at_ms))
		return;
	*moment = (struct story_moment){s, line, 2};
	world_at(s->world, at_ms, happen, moment, NULL);
}

static void check_violations(struct story *s)
{
	for (unsigned u = 0; u < s->n_ues; u++)
		for (unsigned v = 0; v < s->ues[u]->n_violations; v++) {
			bool allowed = false;

			for (unsigned i = 0; i < s->n_allowed; i++)
				allowed |= strcmp(s->violation_at[i], s->ues[u]->name) == 0 &&
					   strstr(s->ues[u]->violations[v],
						  s->violation_allowed[i]) != NULL;
			if (!allowed)
				story_fail(s, NULL, "violation: %s", s->ues[u]->violations[v]);
		}
	for (unsigned r = 0; r < s->n_relays; r++)
		if (s->relays[r]->n_bad)
			story_fail(s, NULL, "%s could make nothing of %u messages",
				   s->relays[r]->name, s->relays[r]->n_bad);
}

static void run(struct story *s)
{
	struct world_server *server = world_server_at(s->world, 0);

	if (server)
		s->at_start = world_server_counters(server);
	world_run_until(s->world, s->until_ms);
	if (world_is_stuck(s->world))
		story_fail(s, NULL, "the server does not come to rest");
	for (unsigned u = 0; u < s->n_ues; u++)
		server_look_back(s->ues[u]);
	for (unsigned i = 0; i < s->n_lines; i++)
		if (strcmp(s->lines[i].words[0], "expect") == 0)
			story_expect(s, &s->lines[i], 1);
	check_violations(s);
}

/* ------------------------------------------------------------------ the golden ladder */

static void put_sessions(struct world_server *server, enum node_which which, struct text_writer *w)
{
	for (unsigned shard = 0; shard < server->settings.n_shards; shard++) {
		struct node_session_report session;
		uint64_t cursor = 0;

		while (node_sessions(server->shards[shard], which, (struct text){0}, 10000, &cursor,
				     &session)) {
			if (!handle_is_set(session.id.handle))
				continue;
			ladder_put(w, &session, 0);
			ladder_put_why(w, &session, 0);
			text_put_literal(w, "\n");
		}
	}
}

static char *make_ladder(struct story *s)
{
	char *bytes = malloc(LADDER_BYTES);
	struct text_writer w = text_writer_on(bytes, LADDER_BYTES - 1);
	struct world_server *server;

	assert(bytes);
	for (unsigned i = 0; (server = world_server_at(s->world, i)); i++) {
		text_printf(&w, "== %s\n\n", server->name);
		put_sessions(server, NODE_GONE, &w);
		put_sessions(server, NODE_LIVE, &w);
	}
	text_put_literal(&w, "== on the wire\n\n");
	for (unsigned i = 0; i < world_n_crossings(s->world); i++)
		world_put_crossing(s->world, world_crossing(s->world, i), &w);
	bytes[w.len] = 0;
	return bytes;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *bytes;
	size_t n;

	if (!file)
		return NULL;
	bytes = malloc(LADDER_BYTES);
	assert(bytes);
	n = fread(bytes, 1, LADDER_BYTES - 1, file);
	bytes[n] = 0;
	fclose(file);
	return bytes;
}

static void compare(struct story *s, const char *golden, const char *ladder)
{
	unsigned number = 1;

	while (*golden && *golden == *ladder) {
		number += *golden == '\n';
		golden++;
		ladder++;
	}
	if (!*golden && !*ladder)
		return;
	while (number > 1 && golden[-1] != '\n') {
		golden--;
		ladder--;
	}
	story_fail(s, NULL,
		   "the ladder differs from line %u on:\n  golden: %.*s\n  now:    %.*s\n"
		   "(ADIEU_UPDATE_LADDERS=1 writes it anew)",
		   number, (int)strcspn(golden, "\n"), golden, (int)strcspn(ladder, "\n"), ladder);
}

static void golden_ladder(struct story *s, const char *story_path, bool update)
{
	char path[512], *ladder = make_ladder(s), *golden;
	int stem = (int)strlen(story_path) - (int)strlen(".story");
	FILE *file;

	snprintf(path, sizeof(path), "%.*s.ladder", stem, story_path);
	golden = update ? NULL : read_file(path);
	if (golden) {
		compare(s, golden, ladder);
	} else if (!update) {
		story_fail(s, NULL, "no golden ladder %s", path);
	} else {
		file = fopen(path, "wb");
		if (!file || fputs(ladder, file) < 0)
			story_fail(s, NULL, "cannot write %s", path);
		if (file)
			fclose(file);
	}
	free(golden);
	free(ladder);
}

/* ------------------------------------------------------------------ from file to verdict */

static uint64_t seed_of(const char *text)
{
	const char *line = strstr(text, "\nseed ");

	return line ? strtoull(line + 6, NULL, 10) : 1;
}

static struct story *open_story(const char *text, struct text_writer *report)
{
	struct story *s = calloc(1, sizeof(*s));

	assert(s);
	s->report = report;
	s->until_ms = 1000000;
	s->settings = node_settings_default();
	s->lines = calloc(STORY_LINES, sizeof(struct story_line));
	s->world = world_open(seed_of(text));
	assert(s->lines);
	if (getenv("ADIEU_SIM_LOG"))
		world_set_log(s->world, stderr);
	return s;
}

static void close_story(struct story *s)
{
	for (unsigned i = 0; i < s->n_ues; i++)
		if (!server_is(s->ues[i]))
			ue_close(s->ues[i]);
	for (unsigned i = 0; i < s->n_servers; i++)
		server_close(s->servers[i]);
	for (unsigned i = 0; i < s->n_relays; i++)
		relay_close(s->relays[i]);
	world_close(s->world);
	for (unsigned i = 0; i < s->n_subscriber_sets; i++)
		subscribers_close(s->subscriber_sets[i]);
	for (unsigned i = 0; i < s->n_callings; i++)
		free(s->callings[i]);
	free(s->callings);
	free(s->lines);
	free(s);
}

bool story_run_text(const char *text, const char *path, bool update, struct text_writer *report)
{
	struct story *s = open_story(text, report);
	char *words = ue_copy(text, (uint32_t)strlen(text));
	bool well;

	read_story(s, words);
	if (!s->n_failures)
		run(s);
	if (!s->without_ladder && !s->n_failures && world_server_at(s->world, 0))
		golden_ladder(s, path, update);
	if (s->n_failures && getenv("ADIEU_SIM_WIRE"))
		world_print(s->world, stderr, (struct text){0}, getenv("ADIEU_SIM_WIRE")[0] == '2');
	well = !s->n_failures;
	close_story(s);
	free(words);
	return well;
}

bool story_run(const char *path, bool update, struct text_writer *report)
{
	char *text = read_file(path);
	bool well;

	if (!text) {
		text_printf(report, "cannot read %s\n", path);
		return false;
	}
	well = story_run_text(text, path, update, report);
	free(text);
	return well;
}
