/* POSIX extended regular expressions (IEEE 1003.1 §9.4) over PCRE2: docs/adr/0019.
 *
 * An expression is read token by token and written anew for PCRE2, so that only what POSIX knows can be said and the
 * rest is refused when the configuration is read. What every match must contain is looked for first. Then there are
 * two ways. A short subject is given to the backtracking matcher, as machine code where the system allows that; it is
 * fast, and has so small limits that it gives up soon. What it gives up, and every long subject, is given to the other
 * matcher, which keeps a set of states and needs one pass. The match data of a call lives on its stack, since a
 * pattern is shared by threads. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/pattern.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

#define BACKTRACK_SUBJECT_MAX 256u /* bytes */
#define BACKTRACK_LIMITS      "(*LIMIT_MATCH=1000)(*LIMIT_DEPTH=250)(*LIMIT_HEAP=40)"
#define REPEAT_MAX            255u /* RE_DUP_MAX of POSIX */
#define GROUP_DEPTH_MAX       32u
/* Frames of the backtracking matcher: 20 KiB at first and, once doubled, 40 more; and some for its own data. */
#define ARENA_BYTES (64u << 10)
#define STATES_INTS 512 /* workspace of the other matcher, which takes 20 and 6 for each state */
/* A byte becomes at most four ("\x2b"), a repeated one twice that, and what is put around it all. */
#define WRITTEN_BYTES (8 * LIMIT_PATTERN_BYTES + 128)

struct pattern {
	pcre2_code *backtracking; /* NULL: plain bytes */
	pcre2_code *one_pass;
	bool is_compiled; /* `backtracking`, to machine code */
	bool is_name;
	bool at_begin, at_end; /* plain: has to stand there; else at_begin: the first part has to */
	bool is_anchored;
	/* Plain: what to look for. Else the parts that every match has, in this order, each behind a
	 * byte with its length. */
	uint32_t n_bytes;
	char bytes[];
};

static struct text bytes_of(const struct pattern *p)
{
	return (struct text){p->bytes, p->n_bytes};
}

/* Where `part`, which is not empty, begins in `t`; NULL: nowhere. Subjects are short: memmem() would spend more on
 * its preparations than this on its search. */
static const char *find(struct text t, struct text part)
{
	const char *at = t.at, *end = t.at + t.len;

	while ((size_t)(end - at) >= part.len) {
		at = memchr(at, part.at[0], (size_t)(end - at) - part.len + 1);
		if (!at || memcmp(at, part.at, part.len) == 0)
			return at;
		at++;
	}
	return NULL;
}

/* ------------------------------------------------------------------ plain bytes */

static bool is_special(char c)
{
	return memchr(".[]()*+?{}|^$\\", c, 14) != NULL;
}

static bool is_letter_or_digit(char c)
{
	return (text_lower(c) >= 'a' && text_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static bool starts_with(struct text t, struct text prefix)
{
	return t.len >= prefix.len && text_equal((struct text){t.at, prefix.len}, prefix);
}

/* What may stand behind the bytes of a plain pattern: nothing, "$", ".*" or ".*$". */
static bool read_plain_end(struct text rest, struct pattern *p)
{
	if (starts_with(rest, TEXT(".*"))) {
		p->at_end = false;
		rest = text_from(rest, 2);
	} else if (text_equal(rest, TEXT("$"))) {
		p->at_end = true;
	}
	return rest.len == 0 || text_equal(rest, TEXT("$"));
}

/* [^][.*]bytes[.*][$]: by far the most of what is written in user data. false: some operator is in it. */
static bool read_plain(struct text e, struct pattern *p)
{
	p->at_begin = p->at_end = p->is_name;
	if (starts_with(e, TEXT("^"))) {
		p->at_begin = true;
		e = text_from(e, 1);
	}
	if (starts_with(e, TEXT(".*"))) {
		p->at_begin = false;
		e = text_from(e, 2);
	}
	p->n_bytes = 0;
	for (; e.len && e.at[0]; e = text_from(e, 1)) {
		if (e.at[0] == '\\' && e.len > 1 && !is_letter_or_digit(e.at[1]))
			e = text_from(e, 1);
		else if (is_special(e.at[0]))
			break;
		p->bytes[p->n_bytes++] = e.at[0];
	}
	return read_plain_end(e, p);
}

static bool equal(const struct pattern *p, const char *at)
{
	struct text part = {at, p->n_bytes};

	return p->is_name ? text_equal_nocase(part, bytes_of(p)) : text_equal(part, bytes_of(p));
}

static bool contains(const struct pattern *p, struct text subject)
{
	if (!p->is_name)
		return find(subject, bytes_of(p)) != NULL;
	for (uint32_t i = 0; i + p->n_bytes <= subject.len; i++)
		if (equal(p, subject.at + i))
			return true;
	return false;
}

static bool matches_plain(const struct pattern *p, struct text subject)
{
	if (subject.len < p->n_bytes || (p->at_begin && p->at_end && subject.len != p->n_bytes))
		return false;
	if (p->n_bytes == 0)
		return true;
	if (p->n_bytes == subject.len || p->at_begin)
		return equal(p, subject.at);
	if (p->at_end)
		return equal(p, subject.at + subject.len - p->n_bytes);
	return contains(p, subject);
}

/* ------------------------------------------------------------------ reading an expression */

struct reader {
	struct text expression;
	uint32_t at;
	struct text_writer out;
	uint32_t depth;  /* of open groups */
	bool may_repeat; /* what was read last can be repeated */
	bool is_group;   /* and is a group */
	uint32_t atom;   /* where it begins in `out` */
	bool is_anchored;
	bool has_branches;     /* outside all groups */
	bool begins_with_part; /* ^ and a run of literal bytes */
	const char *fault;
	/* The runs of literal bytes outside all groups, each behind a byte with its length; the last one, of n_run bytes, is
	 * being read. */
	char parts[2 * LIMIT_PATTERN_BYTES];
	uint32_t n_parts, n_run;
};

static bool refuse(struct reader *r, uint32_t at, const char *fault)
{
	r->at = at;
	r->fault = fault;
	return false;
}

static struct text rest_of(const struct reader *r)
{
	return text_from(r->expression, r->at);
}

static bool take(struct reader *r, struct text t)
{
	if (!starts_with(rest_of(r), t))
		return false;
	r->at += t.len;
	return true;
}

static void end_run(struct reader *r)
{
	if (r->n_run)
		r->parts[r->n_parts - r->n_run - 1] = (char)(unsigned char)r->n_run;
	r->n_run = 0;
}

static void add_to_run(struct reader *r, char c)
{
	if (r->n_parts == 0 && r->at == 2 && r->expression.at[0] == '^')
		r->begins_with_part = true;
	if (r->n_run == UINT8_MAX)
		end_run(r);
	if (r->n_run == 0)
		r->n_parts++; /* for the length */
	r->parts[r->n_parts++] = c;
	r->n_run++;
}

/* What was read last need not be there. */
static void take_from_run(struct reader *r)
{
	if (r->n_run == 0)
		return;
	r->n_run--;
	r->n_parts -= r->n_run ? 1 : 2;
	if (r->n_parts == 0)
		r->begins_with_part = false;
}

/* Letters and digits mean themselves; everything else is written by its number. */
static void put_byte(struct reader *r, char c)
{
	if (is_letter_or_digit(c))
		text_put_char(&r->out, c);
	else
		text_printf(&r->out, "\\x%02x", (unsigned)(unsigned char)c);
}

/* What is written next matches one byte, and can be repeated. */
static void begin_atom(struct reader *r)
{
	r->atom = r->out.len;
	r->is_group = false;
	r->may_repeat = true;
}

static bool read_literal(struct reader *r, char c)
{
	if (r->depth == 0)
		add_to_run(r, c);
	begin_atom(r);
	put_byte(r, c);
	return true;
}

/* POSIX knows a backslash before a character that means something else without it. Six classes are common with
 * both of the usual libraries, GNU's and PCRE's, and are let through; so are \b and \B. */
static bool read_escape(struct reader *r)
{
	struct text rest = rest_of(r);

	if (rest.len == 0)
		return refuse(r, r->at - 1, "nothing behind the backslash");
	if (!is_letter_or_digit(rest.at[0])) {
		r->at++;
		return read_literal(r, rest.at[0]);
	}
	if (!memchr("dDwWsSbB", rest.at[0], 8))
		return refuse(r, r->at - 1, "a backslash before this means nothing here");
	end_run(r);
	begin_atom(r);
	text_put_char(&r->out, '\\');
	text_put_char(&r->out, rest.at[0]);
	r->may_repeat = text_lower(rest.at[0]) != 'b';
	r->at++;
	return true;
}

/* [:alpha:] inside of a bracket expression; the words are those of POSIX and PCRE2 alike. */
static bool read_class(struct reader *r)
{
	static const struct text classes[] = {
		TEXT("alnum"), TEXT("alpha"), TEXT("blank"), TEXT("cntrl"),
		TEXT("digit"), TEXT("graph"), TEXT("lower"), TEXT("print"),
		TEXT("punct"), TEXT("space"), TEXT("upper"), TEXT("xdigit"),
	};
	uint32_t begin = r->at;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (!take(r, classes[i]))
			continue;
		if (!take(r, TEXT(":]")))
			break;
		text_put_literal(&r->out, "[:");
		text_put(&r->out, classes[i]);
		text_put_literal(&r->out, ":]");
		return true;
	}
	return refuse(r, begin - 2, "unknown class of characters");
}

/* One end of a range: a byte, or [.x.] and [=x=] for one. */
static bool read_bracket_byte(struct reader *r, char *ret)
{
	struct text rest = rest_of(r);
	uint32_t begin = r->at;

	if (rest.len == 0 || rest.at[0] == '\0')
		return refuse(r, begin, "the bracket is not closed");
	if (rest.len > 1 && rest.at[0] == '[' && (rest.at[1] == '.' || rest.at[1] == '=')) {
		if (rest.len < 5 || rest.at[3] != rest.at[1] || rest.at[4] != ']')
			return refuse(r, begin, "only single characters collate here");
		*ret = rest.at[2];
		r->at += 5;
		return true;
	}
	*ret = rest.at[0];
	r->at++;
	return true;
}

static bool read_bracket_item(struct reader *r)
{
	uint32_t begin = r->at;
	char first, last;

	if (take(r, TEXT("[:")))
		return read_class(r);
	if (!read_bracket_byte(r, &first))
		return false;
	put_byte(r, first);
	/* A hyphen at the end of the bracket is one. */
	if (!starts_with(rest_of(r), TEXT("-")) || starts_with(rest_of(r), TEXT("-]")))
		return true;
	r->at++;
	if (starts_with(rest_of(r), TEXT("[:")))
		return refuse(r, begin, "a range cannot end in a class");
	if (!read_bracket_byte(r, &last))
		return false;
	if ((unsigned char)last < (unsigned char)first)
		return refuse(r, begin, "the range ends before it begins");
	text_put_char(&r->out, '-');
	put_byte(r, last);
	return true;
}

/* Behind the '['. A backslash is a backslash here, and a ']' that comes first is one (IEEE 1003.1 §9.3.5). */
static bool read_bracket(struct reader *r)
{
	uint32_t begin = r->at - 1;
	bool is_first = true;

	end_run(r);
	begin_atom(r);
	text_put_char(&r->out, '[');
	if (take(r, TEXT("^")))
		text_put_char(&r->out, '^');
	for (; is_first || !take(r, TEXT("]")); is_first = false) {
		if (rest_of(r).len == 0)
			return refuse(r, begin, "the bracket is not closed");
		if (!read_bracket_item(r))
			return false;
	}
	text_put_char(&r->out, ']');
	return true;
}

static bool read_number(struct reader *r, uint32_t *ret)
{
	struct text rest = rest_of(r), digits = rest;

	for (digits.len = 0;
	     digits.len < rest.len && rest.at[digits.len] >= '0' && rest.at[digits.len] <= '9';
	     digits.len++)
		;
	r->at += digits.len;
	return text_to_u32(digits, REPEAT_MAX, ret);
}

/* x+ is written as x{1}x*: the second matcher counts the bytes of x+, and each count would be a state of its own, as
 * many as the subject has bytes. It does not count those of x*, nor the turns of a group. */
static void put_at_least(struct reader *r, uint32_t least)
{
	struct text atom = {r->out.at + r->atom, r->out.len - r->atom};

	if (r->is_group || least == 0) {
		text_printf(&r->out, "{%u,}", (unsigned)least);
		return;
	}
	text_printf(&r->out, "{%u}", (unsigned)least);
	text_put(&r->out, atom);
	text_put_char(&r->out, '*');
}

/* Behind the '{': n} or n,} or n,m}, and ,m} as the GNU library has it. */
static bool read_interval(struct reader *r)
{
	uint32_t begin = r->at - 1, least = 0, most = 0;
	bool has_most = true;

	if (!starts_with(rest_of(r), TEXT(",")) && !read_number(r, &least))
		return refuse(r, begin, "{ wants numbers up to 255");
	most = least;
	if (take(r, TEXT(","))) {
		has_most = !starts_with(rest_of(r), TEXT("}"));
		if (has_most && (!read_number(r, &most) || most < least))
			return refuse(r, begin, "{ wants numbers up to 255, the less one first");
	}
	if (!take(r, TEXT("}")))
		return refuse(r, begin, "the { is not closed");
	if (has_most)
		text_printf(&r->out, "{%u,%u}", (unsigned)least, (unsigned)most);
	else
		put_at_least(r, least);
	return true;
}

/* Two repetitions in a row mean one thing to POSIX libraries and another to Perl's: refused. */
static bool read_repetition(struct reader *r, char c)
{
	if (!r->may_repeat)
		return refuse(r, r->at - 1,
			      "nothing to repeat (of Perl's (?...), *? and *+ none is known here)");
	take_from_run(r);
	end_run(r);
	r->may_repeat = false;
	if (c == '{')
		return read_interval(r);
	if (c == '+')
		put_at_least(r, 1);
	else
		text_put_char(&r->out, c);
	return true;
}

static bool open_group(struct reader *r)
{
	end_run(r);
	if (++r->depth > GROUP_DEPTH_MAX)
		return refuse(r, r->at - 1, "too many groups inside each other");
	text_put_literal(&r->out, "(?:"); /* nobody asks what a group matched */
	r->may_repeat = false;
	return true;
}

static bool close_group(struct reader *r)
{
	if (r->depth == 0)
		return refuse(r, r->at - 1, ") without its (");
	r->depth--;
	text_put_char(&r->out, ')');
	r->may_repeat = r->is_group = true;
	return true;
}

static bool read_operator(struct reader *r, char c)
{
	end_run(r);
	begin_atom(r);
	r->may_repeat = c == '.';
	r->has_branches |= c == '|' && r->depth == 0;
	r->is_anchored |= c == '^' || c == '$';
	text_put_char(&r->out, c);
	return true;
}

static bool read_token(struct reader *r)
{
	char c = r->expression.at[r->at++];

	switch (c) {
	case '\0': return refuse(r, r->at - 1, "a NUL byte");
	case '\\': return read_escape(r);
	case '[': return read_bracket(r);
	case '(': return open_group(r);
	case ')': return close_group(r);
	case '*':
	case '+':
	case '?':
	case '{': return read_repetition(r, c);
	case '.':
	case '|':
	case '^':
	case '$': return read_operator(r, c);
	default: return read_literal(r, c);
	}
}

static bool read_expression(struct reader *r)
{
	while (r->at < r->expression.len)
		if (!read_token(r))
			return false;
	end_run(r);
	if (r->depth)
		return refuse(r, r->at, "a group is not closed");
	assert(!r->out.full);
	return true;
}

/* ------------------------------------------------------------------ matching */

struct arena {
	char *at;
	size_t left;
};

static void *arena_take(size_t bytes, void *data)
{
	struct arena *arena = data;
	size_t rounded = (bytes + 15) & ~(size_t)15;
	void *at = arena->at;

	if (rounded < bytes || rounded > arena->left)
		return NULL;
	arena->at += rounded;
	arena->left -= rounded;
	return at;
}

static void arena_give_back(void *block, void *data)
{
	(void)block;
	(void)data;
}

static pcre2_match_data *match_data_in(struct arena *arena)
{
	pcre2_general_context *context =
		pcre2_general_context_create(arena_take, arena_give_back, arena);

	return context ? pcre2_match_data_create(1, context) : NULL;
}

/* Not inlined, so that plain patterns need no large stack frame. */
__attribute__((noinline)) static int match_backtracking(const pcre2_code *code, struct text subject)
{
	_Alignas(16) char memory[ARENA_BYTES];
	struct arena arena = {memory, sizeof(memory)};
	pcre2_match_data *data = match_data_in(&arena);

	if (!data)
		return PCRE2_ERROR_NOMEMORY;
	return pcre2_match(code, (PCRE2_SPTR)subject.at, subject.len, 0, 0, data, NULL);
}

__attribute__((noinline)) static int match_compiled(const pcre2_code *code, struct text subject)
{
	_Alignas(16) char memory[1024];
	struct arena arena = {memory, sizeof(memory)};
	pcre2_match_data *data = match_data_in(&arena);

	if (!data)
		return PCRE2_ERROR_NOMEMORY;
	return pcre2_jit_match(code, (PCRE2_SPTR)subject.at, subject.len, 0, 0, data, NULL);
}

__attribute__((noinline)) static int match_in_one_pass(const pcre2_code *code, struct text subject)
{
	_Alignas(16) char memory[1024];
	struct arena arena = {memory, sizeof(memory)};
	pcre2_match_data *data = match_data_in(&arena);
	int states[STATES_INTS];

	if (!data)
		return PCRE2_ERROR_NOMEMORY;
	return pcre2_dfa_match(code, (PCRE2_SPTR)subject.at, subject.len, 0, PCRE2_DFA_SHORTEST,
			       data, NULL, states, STATES_INTS);
}

/* The parts that every match has follow each other; so it costs little to see that there is none. */
static bool has_parts(const struct pattern *p, struct text subject)
{
	const char *end = subject.at + subject.len;

	for (uint32_t i = 0; i < p->n_bytes;) {
		struct text part = {p->bytes + i + 1, (unsigned char)p->bytes[i]};
		const char *at;

		if (i == 0 && p->at_begin)
			at = starts_with(subject, part) ? subject.at : NULL;
		else
			at = find(subject, part);
		if (!at)
			return false;
		subject = text_between(at + part.len, end);
		i += 1 + part.len;
	}
	return true;
}

bool pattern_matches(const struct pattern *p, struct text subject)
{
	int result = PCRE2_ERROR_MATCHLIMIT;

	if (subject.len == 0)
		subject = TEXT("");
	if (!p->backtracking)
		return matches_plain(p, subject);
	if (!has_parts(p, subject))
		return false;
	if (subject.len <= BACKTRACK_SUBJECT_MAX)
		result = p->is_compiled ? match_compiled(p->backtracking, subject)
					: match_backtracking(p->backtracking, subject);
	if (result < 0 && result != PCRE2_ERROR_NOMATCH)
		result = match_in_one_pass(p->one_pass, subject);
	return result >= 0;
}

bool pattern_is_plain(const struct pattern *p, struct text *ret_bytes)
{
	if (p->backtracking)
		return false;
	*ret_bytes = bytes_of(p);
	return true;
}

bool pattern_is_literal(const struct pattern *p, struct text *ret_subject)
{
	return p->at_begin && p->at_end && pattern_is_plain(p, ret_subject);
}

bool pattern_is_anchored(const struct pattern *p)
{
	return p->is_anchored;
}

/* ------------------------------------------------------------------ opening */

static bool say(char *why, size_t why_bytes, uint32_t at, const char *what)
{
	if (at == UINT32_MAX)
		snprintf(why, why_bytes, "%s", what);
	else
		snprintf(why, why_bytes, "byte %u: %s", (unsigned)at + 1, what);
	return false;
}

static pcre2_code *compile(struct text expression, uint32_t options, int *ret_error)
{
	PCRE2_SIZE offset;

	/* POSIX: the subject is no text of lines, '.' is any byte, '$' its very end. */
	return pcre2_compile((PCRE2_SPTR)expression.at, expression.len,
			     options | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF |
				     PCRE2_NEVER_UCP,
			     ret_error, &offset, NULL);
}

/* For one pass a search anywhere becomes one from the begin: what stands before the match is part of it. */
static bool compile_both(struct pattern *p, struct text written, char *why, size_t why_bytes)
{
	char bytes[WRITTEN_BYTES + 16], message[128];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	uint32_t options = 0;
	int error = 0;

	if (p->is_name)
		options = PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	p->backtracking = compile(written, options, &error);
	text_put(&w, p->is_name ? TEXT("(?:") : TEXT(".*(?:"));
	text_put(&w, text_from(written, sizeof(BACKTRACK_LIMITS) - 1));
	text_put_char(&w, ')');
	assert(!w.full);
	if (p->backtracking)
		p->one_pass = compile(text_written(&w), options | PCRE2_ANCHORED, &error);
	if (p->one_pass) {
		/* Where memory may not be made executable this fails, and is done without. */
		p->is_compiled = pcre2_jit_compile(p->backtracking, PCRE2_JIT_COMPLETE) == 0;
		return true;
	}
	pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
	return say(why, why_bytes, UINT32_MAX, message);
}

static bool read_pattern(struct pattern *p, struct text expression, char *why, size_t why_bytes)
{
	char bytes[WRITTEN_BYTES];
	struct reader r;

	if (read_plain(expression, p)) {
		p->is_anchored = !p->is_name && (p->at_begin || p->at_end);
		return true;
	}
	r = (struct reader){.expression = expression, .out = text_writer_on(bytes, sizeof(bytes))};
	text_put_literal(&r.out, BACKTRACK_LIMITS);
	if (!read_expression(&r))
		return say(why, why_bytes, r.at, r.fault);
	p->is_anchored = r.is_anchored;
	/* Names are short and have no case: looking for their parts first would not pay. */
	p->n_bytes = r.has_branches || p->is_name ? 0 : r.n_parts;
	memcpy(p->bytes, r.parts, p->n_bytes);
	p->at_begin = r.begins_with_part;
	return compile_both(p, text_written(&r.out), why, why_bytes);
}

struct pattern *pattern_open(struct text expression, bool is_name, char *why, size_t why_bytes)
{
	struct pattern *p = NULL;

	if (expression.len > LIMIT_PATTERN_BYTES)
		say(why, why_bytes, LIMIT_PATTERN_BYTES, "longer than patterns may be");
	else if (!(p = malloc(sizeof(*p) + 2 * expression.len)))
		say(why, why_bytes, UINT32_MAX, "out of memory");
	if (!p)
		return NULL;
	*p = (struct pattern){.is_name = is_name};
	if (read_pattern(p, expression, why, why_bytes))
		return p;
	pattern_close(p);
	return NULL;
}

void pattern_close(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->backtracking);
	pcre2_code_free(p->one_pass);
	free(p);
}
