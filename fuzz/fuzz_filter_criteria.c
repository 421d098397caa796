/* Trigger points and patterns made of the input, asked about a request made of the input.
 *
 * The evaluator has to say what a plain second evaluation says: each point asked alone, then CNF and DNF as they are
 * written in TS 29.228 §B.2.2, over all group numbers. A pattern has to say what the regular expressions of the C library say, and
 * as much about a subject in one piece as about the same subject at the end of its memory. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "roles/scscf/filter_criteria.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define POINTS_MAX     12
#define GROUPS_MAX     4
#define GROUP_NUMBERS  6
#define EXPRESSION_MAX 24

struct input {
	const uint8_t *at, *end;
};

static unsigned take(struct input *in, unsigned below)
{
	return in->at < in->end ? *in->at++ % below : 0;
}

static struct text take_text(struct input *in, uint32_t max)
{
	uint32_t len = take(in, max + 1);
	struct text t = {(const char *)in->at, len};

	if (len > (size_t)(in->end - in->at))
		t.len = (uint32_t)(in->end - in->at);
	in->at += t.len;
	return t;
}

/* ------------------------------------------------------------------ a request */

static struct sip_message message;
static char bytes[LIMIT_MESSAGE_BYTES];

static bool make_request(struct input *in, struct filter_facts *ret)
{
	static const char *const methods[] = {"INVITE", "REGISTER", "MESSAGE", "WHISPER"};
	static const char *const types[] = {"application/sdp", "multipart/mixed;boundary=b",
					    "multipart/x;boundary=\"b\"", "text/plain"};
	static const char *const names[] = {"P-One",          "Subject", "s",
					    "Accept-Contact", "Route",   "x"};
	const char *method = methods[take(in, 4)], *type = types[take(in, 4)];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_printf(
		&w,
		"%s sip:b@home.ims.example;user=phone SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:a@ims.example>;tag=1\r\n"
		"To: <sip:b@ims.example>\r\nCall-ID: c\r\nCSeq: 1 %s\r\nContent-Type: %s\r\n",
		method, method, type);
	for (unsigned n = take(in, 4); n > 0; n--) {
		text_printf(&w, "%s: ", names[take(in, 6)]);
		text_put(&w, take_text(in, 40));
		text_put_literal(&w, "\r\n");
	}
	text_put_literal(&w, "\r\n");
	text_put(&w, take_text(in, 200));
	MUST(!w.full);
	*ret = (struct filter_facts){.request = &message,
				     .session_case = (enum session_case)take(in, 5),
				     .is_unregistered = take(in, 2),
				     .registration_type = take(in, 5)};
	if (sip_parse(&message, bytes, w.len, SIP_DATAGRAM) != SIP_OK || !message.is_request)
		return false;
	ret->request_uri = take(in, 2) ? take_text(in, 60) : message.request_uri;
	return true;
}

/* ------------------------------------------------------------------ patterns */

static struct pattern *take_pattern(struct input *in, bool is_name)
{
	static const char *const usual[] = {"Subject", "P-.*",          "audio",   "^m.*",
					    "[a-z]+",  "(a|b)*c$",      "^.*one$", "m",
					    "s",       "Accept-Contact"};
	char why[100] = "";
	struct pattern *pattern = NULL;

	if (take(in, 2)) {
		pattern = pattern_open(take_text(in, EXPRESSION_MAX), is_name, why, sizeof(why));
		MUST((pattern == NULL) == (why[0] != '\0'));
	}
	if (!pattern)
		pattern = pattern_open(text_of(usual[take(in, 10)]), is_name, why, sizeof(why));
	MUST(pattern);
	return pattern;
}

/* What the two mean differently, or only one of them knows. */
static bool is_comparable(struct text expression)
{
	for (uint32_t i = 0; i < expression.len; i++) {
		unsigned char c = (unsigned char)expression.at[i];
		unsigned char next =
			(unsigned char)(i + 1 < expression.len ? expression.at[i + 1] : 0);

		if (c == 0 || c >= 0x80)
			return false;
		if (c == '\\' && (next == '`' || next == '\'' || next == '<' || next == '>' ||
				  (text_lower((char)next) >= 'a' && text_lower((char)next) <= 'z')))
			return false;
		/* Intervals cost the C library very much memory. */
		if (c == '{')
			return false;
	}
	return true;
}

static bool ask_at_the_end(const struct pattern *pattern, struct text subject)
{
	char *copy = malloc(subject.len ? subject.len : 1);
	bool answer;

	MUST(copy);
	if (subject.len)
		memcpy(copy, subject.at, subject.len);
	answer = pattern_matches(pattern, (struct text){copy, subject.len});
	free(copy);
	return answer;
}

/* The C library wants terminated strings; a name has to match as a whole and in any case. */
static void compare(const struct pattern *pattern, struct text expression, bool is_name,
		    struct text subject)
{
	char written[EXPRESSION_MAX + 8], copy[80];
	regex_t regex;

	if (!is_comparable(expression) || memchr(subject.at, 0, subject.len))
		return;
	snprintf(written, sizeof(written), is_name ? "^(%.*s)$" : "%.*s", TEXT_ARGS(expression));
	snprintf(copy, sizeof(copy), "%.*s", TEXT_ARGS(subject));
	if (regcomp(&regex, written, REG_EXTENDED | REG_NOSUB | (is_name ? REG_ICASE : 0)) != 0)
		return;
	MUST((regexec(&regex, copy, 0, NULL, 0) == 0) == pattern_matches(pattern, subject));
	regfree(&regex);
}

static void try_pattern(struct input *in)
{
	bool is_name = take(in, 2);
	struct text expression = take_text(in, EXPRESSION_MAX), subject = take_text(in, 60);
	struct text literal;
	char why[100] = "";
	struct pattern *pattern = pattern_open(expression, is_name, why, sizeof(why));

	MUST((pattern == NULL) == (why[0] != '\0'));
	if (!pattern)
		return;
	MUST(ask_at_the_end(pattern, subject) == pattern_matches(pattern, subject));
	if (pattern_is_literal(pattern, &literal))
		MUST(pattern_matches(pattern, subject) ==
		     (is_name ? text_equal_nocase(literal, subject)
			      : text_equal(literal, subject)));
	compare(pattern, expression, is_name, subject);
	pattern_close(pattern);
}

/* ------------------------------------------------------------------ triggers */

static struct service_point points[POINTS_MAX];
static uint16_t groups[POINTS_MAX][GROUPS_MAX];

static void take_point(struct input *in, unsigned i)
{
	static const char *const methods[] = {"INVITE", "REGISTER", "MESSAGE", "WHISPER"};
	struct service_point *p = &points[i];

	*p = (struct service_point){.kind = (uint8_t)take(in, 5),
				    .negated = take(in, 2),
				    .session_case = (uint8_t)take(in, 5),
				    .registration_types = (uint8_t)take(in, 8),
				    .n_groups = (uint16_t)take(in, GROUPS_MAX + 1),
				    .groups = groups[i],
				    .method = text_of(methods[take(in, 4)])};
	for (unsigned k = 0; k < p->n_groups; k++)
		groups[i][k] = (uint16_t)take(in, GROUP_NUMBERS);
	if (p->kind == SERVICE_POINT_HEADER || p->kind == SERVICE_POINT_SESSION_DESCRIPTION)
		p->name = take_pattern(in, take(in, 2));
	if (p->kind == SERVICE_POINT_REQUEST_URI || (p->name && take(in, 2)))
		p->content = take_pattern(in, false);
}

static bool is_in(const struct service_point *p, uint16_t group)
{
	for (unsigned k = 0; k < p->n_groups; k++)
		if (p->groups[k] == group)
			return true;
	return p->n_groups == 0 && group == 0;
}

/* The naive way. */
static bool expected(unsigned n, bool is_cnf, const bool *met)
{
	bool all = true, any = false;

	if (n == 0)
		return true;
	for (uint16_t group = 0; group < GROUP_NUMBERS; group++) {
		bool one = false, every = true, is_used = false;

		for (unsigned i = 0; i < n; i++)
			if (is_in(&points[i], group)) {
				is_used = true;
				one = one || met[i];
				every = every && met[i];
			}
		if (is_used) {
			all = all && one;
			any = any || every;
		}
	}
	return is_cnf ? all : any;
}

/* In a profile of this one criteria. */
static bool trigger_point_is_met(const struct trigger_point *trigger,
				 const struct filter_facts *facts)
{
	struct filter_criteria criteria = {.profile_part = PROFILE_PART_BOTH, .trigger = *trigger};
	const struct service_profile profile = {1, &criteria};

	return filter_criteria_next(&profile, (struct filter_position){0}, facts) != NULL;
}

static bool ask_alone(const struct service_point *point, const struct filter_facts *facts)
{
	struct service_point plain = *point;
	struct trigger_point trigger = {.is_cnf = true, .n_points = 1, .points = &plain};
	bool met;

	plain.negated = false;
	met = trigger_point_is_met(&trigger, facts);
	trigger.is_cnf = false;
	MUST(trigger_point_is_met(&trigger, facts) == met);
	if (plain.kind == SERVICE_POINT_SESSION_CASE)
		MUST(met == (plain.session_case == facts->session_case));
	return met != point->negated;
}

/* All criteria of a profile have the same trigger here; parts and positions decide. */
static void walk(const struct trigger_point *trigger, const struct filter_facts *facts, bool met,
		 struct input *in)
{
	struct filter_criteria criteria[4];
	const struct service_profile profile = {4, criteria};
	struct filter_position position = {0};
	bool is_unregistered = facts->session_case == TERMINATING_UNREGISTERED ||
			       facts->session_case == ORIGINATING_UNREGISTERED ||
			       (facts->session_case == ORIGINATING_CDIV && facts->is_unregistered);
	unsigned n = 0, fitting = 0;

	for (unsigned i = 0; i < 4; i++) {
		criteria[i] = (struct filter_criteria){.priority = i / 2,
						       .ordinal = (uint16_t)(i % 2),
						       .profile_part = (uint8_t)take(in, 3),
						       .trigger = *trigger};
		fitting +=
			criteria[i].profile_part == PROFILE_PART_BOTH ||
			(criteria[i].profile_part == PROFILE_PART_UNREGISTERED) == is_unregistered;
	}
	for (;; n++) {
		const struct filter_criteria *next =
			filter_criteria_next(&profile, position, facts);

		if (!next)
			break;
		MUST(n < 4);
		position = (struct filter_position){true, next->ordinal, next->priority};
	}
	MUST(n == (met ? fitting : 0));
}

static void try_trigger(struct input *in, const struct filter_facts *facts)
{
	struct trigger_point trigger = {.points = points,
					.n_points = (uint16_t)take(in, POINTS_MAX + 1)};
	bool met[POINTS_MAX];

	for (unsigned i = 0; i < trigger.n_points; i++) {
		take_point(in, i);
		met[i] = ask_alone(&points[i], facts);
	}
	for (unsigned form = 0; form < 2; form++) {
		trigger.is_cnf = form;
		MUST(trigger_point_is_met(&trigger, facts) ==
		     expected(trigger.n_points, form, met));
	}
	walk(&trigger, facts, expected(trigger.n_points, true, met), in);
	for (unsigned i = 0; i < trigger.n_points; i++) {
		pattern_close(points[i].name);
		pattern_close(points[i].content);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct filter_facts facts;

	if (take(&in, 2))
		try_pattern(&in);
	else if (make_request(&in, &facts))
		try_trigger(&in, &facts);
	return 0;
}
