/* Patterns: what they mean is what POSIX says of extended regular expressions; what they refuse; their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <regex.h>

#include "base/limits.h"
#include "base/pattern.h"

static struct pattern *open_text(struct text expression, bool is_name)
{
	char why[128] = "";
	struct pattern *pattern = pattern_open(expression, is_name, why, sizeof(why));

	if (!pattern)
		fail_msg("%.*s: %s", TEXT_ARGS(expression), why);
	return pattern;
}

static bool matches(const char *expression, bool is_name, const char *subject)
{
	struct pattern *pattern = open_text(text_of(expression), is_name);
	bool answer = pattern_matches(pattern, text_of(subject));

	pattern_close(pattern);
	return answer;
}

struct row {
	const char *expression;
	const char *subjects[8];  /* that it matches */
	const char *strangers[8]; /* that it does not */
};

static const struct row rows[] = {
	/* plain bytes */
	{"mmtel", {"mmtel", "icsi.mmtel\""}, {"", "mmte", "MMTEL", "mm tel"}},
	{"a\\.b", {"a.b", "xa.bx"}, {"a\\.b", "aXb", "ab"}},
	{"\\+1\\(5\\)\\\\", {"+1(5)\\"}, {"+1(5)", "1(5)\\"}},
	{"a\\@b\\-c\\/", {"a@b-c/"}, {"a\\@b"}},
	{"^sip:", {"sip:", "sip:a@b"}, {"sips:", " sip:", "SIP:", ""}},
	{"phone$", {"phone", "user=phone"}, {"phone ", "phone\n", "hone"}},
	{"^abc$", {"abc"}, {"abcd", "xabc", "abc\n", ""}},
	{"^$", {""}, {"a", "\n"}},
	{"$", {"", "a"}, {NULL}},
	{"^", {"", "a"}, {NULL}},
	{"", {"", "anything"}, {NULL}},
	{".*", {"", "anything"}, {NULL}},
	{"^.*$", {"", "any\nthing"}, {NULL}},
	{".*tel.*", {"tel", "a tel b"}, {"te", ""}},
	{"^.*tel$", {"tel", "a\ntel"}, {"tela", ""}},
	{"tel.*$", {"tel", "a\ntel\nb"}, {"te"}},
	{"^tel.*", {"tel", "tel:1"}, {" tel"}},
	{"a]b}", {"a]b}"}, {"a]b"}},
	/* operators */
	{"a.c", {"abc", "a\nc", "a.c", "xxa\rcxx"}, {"ac", "abbc"}},
	{"a.*c", {"ac", "abbbc", "xacx"}, {"a", "ca"}},
	{"ab*c", {"ac", "abc", "abbbc"}, {"adc", "bc"}},
	{"ab+c", {"abc", "abbc"}, {"ac"}},
	{"ab?c", {"ac", "abc"}, {"abbc"}},
	{"^a{2}$", {"aa"}, {"a", "aaa"}},
	{"^a{2,}$", {"aa", "aaaaa"}, {"a", ""}},
	{"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
	{"^a{,2}$", {"", "aa"}, {"aaa"}},
	{"^(ab){2}$", {"abab"}, {"ab", "ababab"}},
	{"^a{0}b$", {"b"}, {"ab"}},
	{"^x{255}$", {NULL}, {"x", ""}},
	{"a|b", {"a", "xb"}, {"c", ""}},
	{"^(sip|tel):\\+1555", {"sip:+1555", "tel:+15551"}, {"sips:+1555", "xtel:+1555"}},
	{"abc|.*d$", {"abc", "xd"}, {"ab", "dx"}},
	{"(a|b)*c", {"c", "ababc"}, {"ab"}},
	{"(a(b(c)))+d", {"abcd", "abcabcd"}, {"abd"}},
	{"a()b", {"ab"}, {"a"}},
	{"(^|[ ,])timer(,|$)",
	 {"timer", "100rel, timer", "timer,path", "a,timer,b"},
	 {"timers", "xtimer", "timer "}},
	{"^a|b$", {"ax", "xb"}, {"xa", "bx"}},
	{"a^b", {NULL}, {"ab", "a^b", "a\nb"}},
	{"^^a", {"ab"}, {"ba"}},
	{"ab*", {"a", "xa"}, {"b"}},
	{"ba{0,1}c", {"bc", "bac"}, {"ac"}},
	{"a.b.c", {"a1b2c"}, {"abc", "a1c2b"}},
	{"x?ab.c", {"ab1c", "xab1c"}, {"ac"}},
	{"^x*bc[d]", {"bcd", "xxbcd"}, {"abcd", "bd"}},
	{"^xy*b[cd]", {"xbc", "xyybd"}, {"ybc", "axbc"}},
	{"ax{0,2}b?c[d]", {"acd", "axxbcd"}, {"xcd"}},
	{"x=1.*y=2", {"x=1;y=2", "x=1y=2"}, {"y=2;x=1", "x=1"}},
	/* brackets */
	{"[abc]", {"a", "xc"}, {"d", ""}},
	{"^[^abc]$", {"d", "\n", "^"}, {"a", ""}},
	{"[a-c]x", {"ax", "cx"}, {"dx", "-x"}},
	{"^[a\\]$", {"a", "\\"}, {"]", "a]"}},
	{"^[\\.]$", {"\\", "."}, {"a"}},
	{"^[\\d]$", {"\\", "d"}, {"1"}},
	{"^[]a]$", {"]", "a"}, {"b"}},
	{"^[^]a]$", {"b", "\\"}, {"]", "a"}},
	{"^[a-]$", {"a", "-"}, {"b"}},
	{"^[-a]$", {"a", "-"}, {"b"}},
	{"^[+--]$", {"+", ",", "-"}, {".", "*"}},
	{"^[][.-.]]$", {"]", "-"}, {"[", ".-", "-]"}},
	{"^[[=a=]b]$", {"a", "b"}, {"="}},
	{"^[[.a.]-c]$", {"a", "b", "c"}, {"d", "."}},
	{"^[[:digit:][:upper:]_]+$", {"A1_"}, {"a", ""}},
	{"^[^[:space:]]$", {"a"}, {" ", "\t", "\n"}},
	{"^[[:xdigit:]]{2}:$", {"0F:"}, {"0G:"}},
	{"^[$^*+?.(){}|]$", {"$", "^", "*", "|", "{"}, {"\\", "a"}},
	{"^[[]$", {"["}, {"]"}},
	{"^[a^]$", {"^", "a"}, {"b"}},
	/* what GNU and PCRE have beyond POSIX */
	{"^\\d+$", {"0123"}, {"a", ""}},
	{"^\\w\\W\\s\\S\\D$", {"a- x-"}, {"----- "}},
	{"\\btel\\b", {"a tel b", "tel"}, {"tels"}},
	{"a\\Bb", {"ab"}, {"a b"}},
	/* bytes above ASCII are bytes */
	{"^caf\xc3\xa9$", {"caf\xc3\xa9"}, {"caf\xc3"}},
	{"^caf[\xc3\xa9]+$", {"caf\xc3\xa9"}, {"cafe"}},
	{"^.$", {"\xff"}, {"\xc3\xa9"}},
};

static void test_ifc_16_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (const char *const *s = rows[i].subjects; *s; s++)
			if (!matches(rows[i].expression, false, *s))
				fail_msg("%s should match %s", rows[i].expression, *s);
		for (const char *const *s = rows[i].strangers; *s; s++)
			if (matches(rows[i].expression, false, *s))
				fail_msg("%s should not match %s", rows[i].expression, *s);
	}
}

static bool has_escaped_letter(const char *expression)
{
	return strstr(expression, "\\d") || strstr(expression, "\\w") ||
	       strstr(expression, "\\b") || strstr(expression, "\\B");
}

/* Where POSIX says something, the C library has to agree: every expression with every subject of the table. */
static void test_ifc_16_as_the_c_library(void **state)
{
	const size_t n_rows = sizeof(rows) / sizeof(rows[0]);
	unsigned n = 0;

	(void)state;
	for (size_t i = 0; i < n_rows; i++) {
		regex_t regex;

		if (has_escaped_letter(rows[i].expression) ||
		    regcomp(&regex, rows[i].expression, REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		for (size_t k = 0; k < n_rows; k++)
			for (const char *const *s = rows[k].subjects; *s; s++, n++)
				if ((regexec(&regex, *s, 0, NULL, 0) == 0) !=
				    matches(rows[i].expression, false, *s))
					fail_msg("%s and %s", rows[i].expression, *s);
		regfree(&regex);
	}
	assert_true(n > 5000);
}

static const struct row names[] = {
	{"Contact", {"Contact", "contact", "CONTACT"}, {"Accept-Contact", "Contacts", ""}},
	{"P-.*", {"P-Asserted-Identity", "p-x", "P-"}, {"X-P-A", "P"}},
	{".*Contact", {"Contact", "Accept-Contact"}, {"Contact-X"}},
	{".*tact.*", {"Contact", "tactic"}, {"tac"}},
	{"^Contact$", {"contact"}, {"Accept-Contact"}},
	{"Contact$", {"contact"}, {"Accept-Contact"}},
	{"Con+tact", {"CONNtact", "contact"}, {"contacts", "Accept-Contact"}},
	{"To|From", {"to", "FROM"}, {"ToFrom", "Tom"}},
	{"P-[A-C].+", {"p-asserted", "P-charging"}, {"P-Early", "P-A"}},
	{"X{2}", {"xx", "xX"}, {"x", "xxx"}},
	{"m", {"m", "M"}, {"am", ""}},
	{"[am]", {"m", "A"}, {"v", "am"}},
};

static void test_ifc_8_names_match_as_a_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (const char *const *s = names[i].subjects; *s; s++)
			if (!matches(names[i].expression, true, *s))
				fail_msg("%s should match %s", names[i].expression, *s);
		for (const char *const *s = names[i].strangers; *s; s++)
			if (matches(names[i].expression, true, *s))
				fail_msg("%s should not match %s", names[i].expression, *s);
	}
}

static void test_ifc_17_refused(void **state)
{
	static const struct {
		const char *expression, *why;
	} refused[] = {
		{"a(b", "byte 4: a group is not closed"},
		{"ab)", "byte 3: ) without its ("},
		{"[ab", "byte 1: the bracket is not closed"},
		{"x[]", "byte 2: the bracket is not closed"},
		{"x[^]", "byte 2: the bracket is not closed"},
		{"x[a-", "byte 5: the bracket is not closed"},
		{"[b-a]", "byte 2: the range ends before it begins"},
		{"[a-[:digit:]]", "byte 2: a range cannot end in a class"},
		{"[[:letters:]]", "byte 2: unknown class of characters"},
		{"[[:alpha]]", "byte 2: unknown class of characters"},
		{"[[.hyphen.]]", "byte 2: only single characters collate here"},
		{"*a", "byte 1: nothing to repeat"},
		{"a|+b", "byte 3: nothing to repeat"},
		{"(?i)a", "byte 2: nothing to repeat"},
		{"(*UTF)a", "byte 2: nothing to repeat"},
		{"^*a", "byte 2: nothing to repeat"},
		{"a*?", "byte 3: nothing to repeat"},
		{"a++", "byte 3: nothing to repeat"},
		{"a{2}{3}", "byte 5: nothing to repeat"},
		{"{2}", "byte 1: nothing to repeat"},
		{"a{x}", "byte 2: { wants numbers up to 255"},
		{"a{256}", "byte 2: { wants numbers up to 255"},
		{"a{99999999999}", "byte 2: { wants numbers up to 255"},
		{"a{3,2}", "byte 2: { wants numbers up to 255, the less one first"},
		{"a{2", "byte 2: the { is not closed"},
		{"a{2,", "byte 2: { wants numbers"},
		{"a\\", "byte 2: nothing behind the backslash"},
		{"(a)\\1", "byte 4: a backslash before this means nothing here"},
		{"\\Qa", "byte 1: a backslash before this means nothing here"},
		{"\\b*", "byte 3: nothing to repeat"},
		{"((x{255}){255}){255}", "regular expression is too large"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char why[128] = "";
		struct pattern *pattern =
			pattern_open(text_of(refused[i].expression), i % 2, why, sizeof(why));

		if (pattern || strncmp(why, refused[i].why, strlen(refused[i].why)) != 0)
			fail_msg("%s: %s", refused[i].expression, pattern ? "taken" : why);
	}
}

static void test_ifc_17_nul_and_length(void **state)
{
	char why[128], longest[LIMIT_PATTERN_BYTES + 1];
	struct pattern *pattern;

	(void)state;
	assert_null(pattern_open((struct text){"a\0b", 3}, false, why, sizeof(why)));
	assert_string_equal(why, "byte 2: a NUL byte");
	memset(longest, 'x', sizeof(longest));
	assert_null(pattern_open((struct text){longest, sizeof(longest)}, false, why, sizeof(why)));
	assert_string_equal(why, "byte 1025: longer than patterns may be");
	pattern = open_text((struct text){longest, LIMIT_PATTERN_BYTES}, false);
	assert_true(pattern_matches(pattern, (struct text){longest, sizeof(longest)}));
	assert_false(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES - 1}));
	pattern_close(pattern);
	/* As much as can be written for PCRE2, and what must be there is kept in runs. */
	for (unsigned i = 0; i < LIMIT_PATTERN_BYTES; i++)
		longest[i] = "/:;,=@#&!%~<>"[(i * i + i / 7) % 13];
	longest[LIMIT_PATTERN_BYTES - 1] = '.';
	pattern = open_text((struct text){longest, LIMIT_PATTERN_BYTES}, false);
	assert_true(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES}));
	assert_false(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES - 1}));
	pattern_close(pattern);
	for (unsigned i = 1; i < LIMIT_PATTERN_BYTES; i += 2)
		longest[i] = '+';
	pattern = open_text((struct text){longest, LIMIT_PATTERN_BYTES}, false);
	assert_false(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES}));
	pattern_close(pattern);
	/* a.a.a. …: as many parts as can be. */
	for (unsigned i = 0; i < LIMIT_PATTERN_BYTES; i++)
		longest[i] = i % 2 ? '.' : (char)('a' + (i * i + i / 7) % 26);
	pattern = open_text((struct text){longest, LIMIT_PATTERN_BYTES}, false);
	assert_true(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES}));
	assert_false(pattern_matches(pattern, (struct text){longest, LIMIT_PATTERN_BYTES - 1}));
	pattern_close(pattern);
}

static void test_ifc_17_depth_of_groups(void **state)
{
	char why[128], expression[128];

	(void)state;
	for (unsigned depth = 32; depth <= 33; depth++) {
		struct pattern *pattern;

		memset(expression, '(', depth);
		expression[depth] = 'a';
		memset(expression + depth + 1, ')', depth);
		pattern = pattern_open((struct text){expression, 2 * depth + 1}, false, why,
				       sizeof(why));
		assert_int_equal(pattern != NULL, depth == 32);
		pattern_close(pattern);
	}
	assert_string_equal(why, "byte 33: too many groups inside each other");
}

/* The reason is cut off, never written too far. */
static void test_short_reason(void **state)
{
	char why[6] = "12345";

	(void)state;
	assert_null(pattern_open(TEXT("a("), false, why, 4));
	assert_string_equal(why, "byt");
	assert_int_equal(why[5], 0);
}

static void test_literal_and_anchored(void **state)
{
	static const struct {
		const char *expression, *literal; /* NULL: none */
		bool is_name, is_anchored;
	} all[] = {
		{"Contact", "Contact", true, false}, {"^Contact$", "Contact", true, false},
		{".*Contact", NULL, true, false},    {"Con.*", NULL, true, false},
		{"[C]ontact", NULL, true, false},    {"P\\-Early", "P-Early", true, false},
		{"abc", NULL, false, false},         {"^abc$", "abc", false, true},
		{"^abc", NULL, false, true},         {"abc$", NULL, false, true},
		{"a[b]c", NULL, false, false},       {"a[$^]c", NULL, false, false},
		{"(^|,)c", NULL, false, true},       {"a\\$", NULL, false, false},
		{"^.*abc.*$", NULL, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct pattern *pattern = open_text(text_of(all[i].expression), all[i].is_name);
		struct text literal = {0}, plain = {0};

		if (pattern_is_literal(pattern, &literal) != (all[i].literal != NULL) ||
		    !text_equal(literal, text_of(all[i].literal)) ||
		    pattern_is_anchored(pattern) != all[i].is_anchored)
			fail_msg("%s", all[i].expression);
		assert_true(pattern_is_plain(pattern, &plain) == !strpbrk(all[i].expression, "[("));
		if (plain.len && !strchr(all[i].expression, '\\'))
			assert_non_null(strstr(all[i].expression, "abc")
						? memmem(plain.at, plain.len, "abc", 3)
						: memchr(plain.at, 'C', plain.len));
		pattern_close(pattern);
	}
}

static void test_nothing(void **state)
{
	struct pattern *pattern = open_text(TEXT("a*[b-d]?"), false);

	(void)state;
	assert_true(pattern_matches(pattern, (struct text){0}));
	pattern_close(pattern);
	pattern_close(NULL);
}

/* What would keep a backtracking matcher busy for ever has its answer all the same, and it is the right one. */
static void test_ifc_18_bounded(void **state)
{
	static const struct {
		const char *expression;
		char fill, last;
		bool is_met;
	} hard[] = {
		{"^(a+)+$", 'a', 'b', false},           {"^(a+)+$", 'a', 'a', true},
		{"^(a|a)*$", 'a', 'b', false},          {"^(a|a)*b$", 'a', 'b', true},
		{"(x+x+)+y", 'x', 'x', false},          {"(x+x+)+y", 'x', 'y', true},
		{"a.*a.*a.*a.*[bc]", 'a', 'a', false},  {"a.*a.*a.*a.*[bc]", 'a', 'c', true},
		{"^([a-z]|[0-9])+[$]", 'q', '$', true}, {"[a-z]{28}[0-9]", 'q', '7', true},
	};
	static char subject[LIMIT_FIELD_BYTES];
	static const uint32_t lengths[] = {30, 250, 256, 257, 1000, LIMIT_FIELD_BYTES};

	(void)state;
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
		struct pattern *pattern = open_text(text_of(hard[i].expression), false);

		for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
			bool is_long_enough = !strchr(hard[i].expression, '{') || lengths[k] > 28;

			memset(subject, hard[i].fill, lengths[k]);
			subject[lengths[k] - 1] = hard[i].last;
			if (pattern_matches(pattern, (struct text){subject, lengths[k]}) !=
			    (hard[i].is_met && is_long_enough))
				fail_msg("%s, %u bytes", hard[i].expression, (unsigned)lengths[k]);
		}
		pattern_close(pattern);
	}
}

/* Too many states at once for the second matcher: no match, and no harm. */
static void test_ifc_18_too_many_states(void **state)
{
	struct pattern *pattern =
		open_text(TEXT("(a{1,99}|[ab]{1,99}|[abc]{1,99})+.{9,255}[$]"), false);
	static char subject[4000];

	(void)state;
	memset(subject, 'a', sizeof(subject));
	assert_false(pattern_matches(pattern, (struct text){subject, sizeof(subject)}));
	pattern_close(pattern);
	pattern = open_text(TEXT("[a-z]{200}[0-9]"), false);
	subject[255] = '7';
	assert_true(pattern_matches(pattern, (struct text){subject, 256}));
	assert_false(pattern_matches(pattern, (struct text){subject, sizeof(subject)}));
	pattern_close(pattern);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ifc_16_meaning),
		cmocka_unit_test(test_ifc_16_as_the_c_library),
		cmocka_unit_test(test_ifc_8_names_match_as_a_whole),
		cmocka_unit_test(test_ifc_17_refused),
		cmocka_unit_test(test_ifc_17_nul_and_length),
		cmocka_unit_test(test_ifc_17_depth_of_groups),
		cmocka_unit_test(test_short_reason),
		cmocka_unit_test(test_literal_and_anchored),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_ifc_18_bounded),
		cmocka_unit_test(test_ifc_18_too_many_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
