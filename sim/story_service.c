/* Service control in a story: application servers, subscribers and their filter criteria. */
#include "story_parts.h"

#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ servers */

static bool read_kind(struct story *s, struct story_line *line, struct server_options *options)
{
	static const char *const kinds[] = {"proxy", "b2bua", "redirect", "answerer", "silent"};
	const char *kind = story_option(line, 2, "as"), *forks;

	options->n_forks = 1;
	for (unsigned i = 0; kind && i < 5; i++)
		if (strcmp(kind, kinds[i]) == 0) {
			options->kind = (enum server_kind)i;
			return true;
		}
	if (!kind || strcmp(kind, "forking") != 0)
		return false;
	options->kind = SERVER_PROXY;
	forks = story_option(line, 2, "into");
	options->n_forks = forks ? (unsigned)atoi(forks) : 2;
	if (options->n_forks && options->n_forks <= SERVER_FORKS)
		return true;
	story_fail(s, line, "into 1 to %u", SERVER_FORKS);
	return false;
}

static void add_server(struct story *s, struct story_line *line)
{
	struct server_options options = {.name = story_at(line, 1)};
	const char *at = story_option(line, 2, "at"), *late;
	struct server *server;

	if (!at || !story_address(s, at, &options.address) || !read_kind(s, line, &options) ||
	    s->n_servers == STORY_PARTIES || s->n_ues == STORY_PARTIES) {
		story_fail(s, line,
			   "server NAME at ADDRESS as proxy|forking into N|b2bua|redirect to URI|"
			   "answerer|silent [absent] [late MS [with STATUS]] [diverts to URI] "
			   "[unordered]");
		return;
	}
	options.is_absent = story_flag(line, 2, "absent");
	if (story_flag(line, 2, "diverts") || options.kind == SERVER_REDIRECT)
		options.uri = story_option(line, 2, "to");
	late = story_option(line, 2, "late");
	if (late)
		options.late_ms = (uint32_t)atoi(late);
	options.late_status = (unsigned)story_number_option(s, line, 2, "with", 0);
	server = server_open(s->world, &options);
	server->ue->reorders = story_flag(line, 2, "unordered");
	s->servers[s->n_servers++] = server;
	s->ues[s->n_ues++] = server->ue;
}

/* ------------------------------------------------------------------ filter criteria */

struct reading {
	struct story *s;
	struct story_line *line;
	unsigned i; /* the word at hand */
	struct filter_criteria *criteria;
	struct service_point points[16];
	bool is_negated, is_any;
};

static struct text kept(struct reading *r, const char *word)
{
	return subscribers_keep(r->s->subscribers, text_of(word));
}

static const char *next(struct reading *r)
{
	return story_at(r->line, r->i++);
}

static struct pattern *pattern(struct reading *r, bool ignore_case)
{
	char why[128] = "";
	const char *expression = next(r);
	struct pattern *made = pattern_open(text_of(expression), ignore_case, why, sizeof(why));

	if (!made)
		story_fail(r->s, r->line, "not a pattern: %s (%s)", expression, why);
	else
		subscribers_keep_pattern(r->s->subscribers, made);
	return made;
}

static struct service_point *add_point(struct reading *r, enum service_point_kind kind)
{
	struct trigger_point *trigger = &r->criteria->trigger;
	struct service_point *point = &r->points[trigger->n_points];
	uint16_t *group = subscribers_take(r->s->subscribers, sizeof(*group));

	assert(trigger->n_points < 16 && group);
	*group = trigger->n_points++;
	*point = (struct service_point){
		.kind = (uint8_t)kind, .negated = r->is_negated, .n_groups = 1, .groups = group};
	r->is_negated = false;
	return point;
}

static void read_method(struct reading *r)
{
	static const char *const types[] = {"initial", "refresh", "removal"};
	struct service_point *point = add_point(r, SERVICE_POINT_METHOD);

	point->method = kept(r, next(r));
	for (unsigned i = 0; i < 3; i++)
		if (story_word(r->line, r->i, types[i])) {
			point->registration_types |= (uint8_t)(1u << i);
			r->i++;
		}
}

static void read_case(struct reading *r)
{
	static const char *const cases[] = {"orig-reg", "term-reg", "term-unreg", "orig-unreg",
					    "orig-cdiv"};
	struct service_point *point = add_point(r, SERVICE_POINT_SESSION_CASE);
	const char *word = next(r);

	for (unsigned i = 0; i < 5; i++)
		if (strcmp(word, cases[i]) == 0) {
			point->session_case = (uint8_t)i;
			return;
		}
	story_fail(r->s, r->line, "case orig-reg|term-reg|term-unreg|orig-unreg|orig-cdiv");
}

/* header NAME [content PATTERN], sdp LINE [content PATTERN]: names are patterns too. */
static void read_named(struct reading *r, enum service_point_kind kind)
{
	struct service_point *point = add_point(r, kind);

	point->name = pattern(r, true);
	if (story_word(r->line, r->i, "content")) {
		r->i++;
		point->content = pattern(r, false);
	}
}

static const struct story_line *line_of_server(struct story *s, const char *name)
{
	for (unsigned i = 0; i < s->n_lines; i++)
		if (strcmp(s->lines[i].words[0], "server") == 0 && s->lines[i].n > 3 &&
		    strcmp(s->lines[i].words[1], name) == 0 &&
		    strcmp(s->lines[i].words[2], "at") == 0)
			return &s->lines[i];
	return NULL;
}

/* A server of the story, or a URI. */
static void read_server(struct reading *r)
{
	const char *word = next(r);
	const struct story_line *line = line_of_server(r->s, word);
	char uri[128];

	if (strncmp(word, "sip", 3) == 0 && strchr(word, ':'))
		snprintf(uri, sizeof(uri), "%s", word);
	else if (line)
		snprintf(uri, sizeof(uri), "sip:%s", line->words[3]);
	else
		story_fail(r->s, r->line, "no server is called %s", word);
	r->criteria->server.uri = kept(r, uri);
}

static void read_word(struct reading *r)
{
	struct story_line *line = r->line;
	struct filter_criteria *c = r->criteria;
	uint64_t n = 0;
	unsigned at = r->i++;

	if (story_word(line, at, "priority") && story_number(r->s, line, next(r), &n))
		c->priority = (uint32_t)n;
	else if (story_word(line, at, "any"))
		r->is_any = true;
	else if (story_word(line, at, "not"))
		r->is_negated = true;
	else if (story_word(line, at, "on"))
		read_method(r);
	else if (story_word(line, at, "case"))
		read_case(r);
	else if (story_word(line, at, "header"))
		read_named(r, SERVICE_POINT_HEADER);
	else if (story_word(line, at, "sdp"))
		read_named(r, SERVICE_POINT_SESSION_DESCRIPTION);
	else if (story_word(line, at, "request-uri"))
		add_point(r, SERVICE_POINT_REQUEST_URI)->content = pattern(r, false);
	else if (story_word(line, at, "registered"))
		c->profile_part = PROFILE_PART_REGISTERED;
	else if (story_word(line, at, "unregistered"))
		c->profile_part = PROFILE_PART_UNREGISTERED;
	else if (story_word(line, at, "default"))
		c->server.default_handling = (uint8_t)(strcmp(next(r), "terminate") == 0);
	else if (story_word(line, at, "info"))
		c->server.service_information = kept(r, next(r));
	else if (story_word(line, at, "server"))
		read_server(r);
	else
		story_fail(r->s, line, "not understood: \"%s\"", line->words[at]);
}

/* criteria of URI priority N … server NAME */
static void read_criteria(struct story *s, struct story_line *line, struct filter_criteria *ret)
{
	struct reading r = {.s = s, .line = line, .i = 3, .criteria = ret};
	size_t bytes;

	*ret = (struct filter_criteria){.profile_part = PROFILE_PART_BOTH};
	while (r.i < line->n)
		read_word(&r);
	if (!ret->server.uri.len)
		story_fail(s, line, "criteria of URI priority N … server NAME");
	ret->trigger.is_cnf = !r.is_any;
	bytes = ret->trigger.n_points * sizeof(r.points[0]);
	if (!bytes)
		return;
	ret->trigger.points = subscribers_take(s->subscribers, bytes);
	assert(ret->trigger.points);
	memcpy((void *)(uintptr_t)ret->trigger.points, r.points, bytes);
}

/* ------------------------------------------------------------------ subscribers */

static bool comes_before(const struct filter_criteria *a, const struct filter_criteria *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->ordinal < b->ordinal;
}

static const struct service_profile *read_profile(struct story *s, const char *user)
{
	struct service_profile *profile = subscribers_take(s->subscribers, sizeof(*profile));
	struct filter_criteria *list =
		subscribers_take(s->subscribers, (s->n_lines + 1) * sizeof(*list));
	unsigned n = 0;

	assert(profile && list);
	for (unsigned i = 0; i < s->n_lines; i++) {
		struct story_line *line = &s->lines[i];
		struct filter_criteria one;
		unsigned at;

		if (line->n < 3 || strcmp(line->words[0], "criteria") != 0 ||
		    strcmp(line->words[2], user) != 0)
			continue;
		story_word(line, 0, "criteria");
		story_word(line, 1, "of");
		story_at(line, 2);
		read_criteria(s, line, &one);
		one.ordinal = (uint16_t)n;
		for (at = n; at && comes_before(&one, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = one;
		n++;
	}
	*profile = (struct service_profile){.n = n, .criteria = list};
	return profile;
}

static struct text address_of_record(struct story *s, struct story_line *line, const char *word)
{
	char buffer[512];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct sip_uri uri;

	if (!sip_uri_parse(text_of(word), &uri)) {
		story_fail(s, line, "not a URI: %s", word);
		return (struct text){0};
	}
	sip_uri_put_address_of_record(&uri, &w);
	return subscribers_keep(s->subscribers, text_written(&w));
}

/* subscriber URI [also URI]... [private NAME] [barred URI] [on NODE] */
static void read_subscriber(struct story *s, struct story_line *line)
{
	struct subscriber *subscriber = subscribers_take(s->subscribers, sizeof(*subscriber));
	struct public_identity *ids =
		subscribers_take(s->subscribers, STORY_WORDS * sizeof(struct public_identity));
	const char *user = story_at(line, 1), *private = story_option(line, 2, "private");
	const struct service_profile *profile = read_profile(s, user);
	struct text duplicate;
	unsigned n = 0;

	assert(subscriber && ids);
	*subscriber = (struct subscriber){.identities = ids};
	for (unsigned i = 1; i < line->n; i++) {
		bool barred = story_word(line, i, "barred");

		if (i > 1 && !barred && !story_word(line, i, "also"))
			continue;
		if (i > 1)
			i++;
		ids[n++] = (struct public_identity){
			.user = address_of_record(s, line, story_at(line, i)),
			.is_barred = barred,
			.profile = profile,
			.subscriber = subscriber};
		if (!barred && !subscriber->main)
			subscriber->main = &ids[n - 1];
	}
	subscriber->n_identities = (uint16_t)n;
	subscriber->private_identity =
		subscribers_keep(s->subscribers, text_of(private             ? private
							 : strchr(user, ':') ? strchr(user, ':') + 1
									     : user));
	if (subscribers_add(s->subscribers, subscriber, &duplicate) != SUBSCRIBERS_DONE)
		story_fail(s, line, "two subscribers have %.*s", TEXT_ARGS(duplicate));
}

static bool is_on(struct story_line *line, const char *node)
{
	for (unsigned i = 2; i + 1 < line->n; i++)
		if (story_word(line, i, "on")) {
			story_at(line, i + 1);
			return strcmp(line->words[i + 1], node) == 0;
		}
	return true;
}

static void read_subscribers_of(struct story *s, const char *node)
{
	s->subscribers = NULL;
	for (unsigned i = 0; i < s->n_lines; i++) {
		if (!story_word(&s->lines[i], 0, "subscriber") || !is_on(&s->lines[i], node))
			continue;
		if (!s->subscribers)
			s->subscribers = subscribers_open();
		assert(s->subscribers);
		read_subscriber(s, &s->lines[i]);
	}
	assert(s->n_subscriber_sets < STORY_NODES);
	s->subscriber_sets[s->n_subscriber_sets++] = s->subscribers;
}

static const char *node_of_line(const struct story_line *line)
{
	for (unsigned i = 1; i + 1 < line->n; i++)
		if (strcmp(line->words[i], "called") == 0)
			return line->words[i + 1];
	return "server";
}

void story_read_subscribers(struct story *s)
{
	for (unsigned i = 0; i < s->n_lines; i++)
		if (strcmp(s->lines[i].words[0], "node") == 0)
			read_subscribers_of(s, node_of_line(&s->lines[i]));
	if (!s->n_subscriber_sets)
		read_subscribers_of(s, "server");
}

bool story_set_up_service(struct story *s, struct story_line *line)
{
	if (story_word(line, 0, "server"))
		add_server(s, line);
	else if (strcmp(line->words[0], "criteria") == 0 && !line->used)
		story_fail(s, line, "nobody subscribes as %s", line->n > 2 ? line->words[2] : "?");
	else
		return strcmp(line->words[0], "subscriber") == 0 ||
		       strcmp(line->words[0], "criteria") == 0;
	return true;
}
