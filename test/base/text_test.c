#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

#define assert_text(t, literal) assert_true(text_equal((t), TEXT(literal)))

static const struct text nothing;

static void test_equality(void **state)
{
	(void)state;
	assert_true(text_equal(TEXT("abc"), text_of("abc")));
	assert_false(text_equal(TEXT("abc"), TEXT("abC")));
	assert_false(text_equal(TEXT("abc"), TEXT("ab")));
	assert_true(text_equal(TEXT(""), nothing));
	assert_true(text_equal(text_of(NULL), nothing));
	assert_true(text_equal((struct text){"a\0b", 3}, (struct text){"a\0b", 3}));
	assert_false(text_equal((struct text){"a\0b", 3}, (struct text){"a\0c", 3}));
	assert_true(text_equal(text_between("xyz", "xyz"), nothing));
}

static void test_only_ascii_letters_have_no_case(void **state)
{
	(void)state;
	assert_true(text_equal_nocase(TEXT("Call-ID"), TEXT("cALL-id")));
	assert_true(text_equal_nocase(nothing, TEXT("")));
	assert_false(text_equal_nocase(TEXT("a"), TEXT("ab")));
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char ca = (char)a, cb = (char)b;
			unsigned la = a >= 'A' && a <= 'Z' ? a + 32 : a,
				 lb = b >= 'A' && b <= 'Z' ? b + 32 : b;

			assert_int_equal(
				text_equal_nocase((struct text){&ca, 1}, (struct text){&cb, 1}),
				la == lb);
		}
	}
}

static void test_starts_with(void **state)
{
	(void)state;
	assert_true(text_starts_with_nocase(TEXT("SIP/2.0"), TEXT("sip/")));
	assert_true(text_starts_with_nocase(TEXT("sip"), TEXT("sip")));
	assert_true(text_starts_with_nocase(TEXT("sip"), nothing));
	assert_true(text_starts_with_nocase(nothing, nothing));
	assert_false(text_starts_with_nocase(TEXT("si"), TEXT("sip")));
	assert_false(text_starts_with_nocase(TEXT("xsip"), TEXT("sip")));
}

static void test_find_and_from(void **state)
{
	(void)state;
	assert_int_equal(text_find(TEXT("a=b=c"), '='), 1);
	assert_int_equal(text_find(TEXT("abc"), 'x'), 3);
	assert_int_equal(text_find(nothing, 'x'), 0);
	assert_int_equal(text_find((struct text){"ab", 1}, 'b'), 1); /* not beyond the view */
	assert_text(text_from(TEXT("abc"), 1), "bc");
	assert_text(text_from(TEXT("abc"), 0), "abc");
	assert_int_equal(text_from(TEXT("abc"), 3).len, 0);
	assert_int_equal(text_from(TEXT("abc"), UINT32_MAX).len, 0);
	assert_int_equal(text_from(nothing, 1).len, 0);
}

static void test_trim(void **state)
{
	(void)state;
	assert_text(text_trim(TEXT(" \t\r\n a b\t \r\n")), "a b");
	assert_text(text_trim(TEXT("ab")), "ab");
	assert_int_equal(text_trim(TEXT(" \t\r\n")).len, 0);
	assert_int_equal(text_trim(nothing).len, 0);
	assert_text(text_trim(TEXT("\v\f")), "\v\f"); /* no white space of SIP */
}

static void number_is(const char *string, uint32_t max, uint32_t expected)
{
	uint32_t n = ~expected;

	assert_true(text_to_u32(text_of(string), max, &n));
	assert_int_equal(n, expected);
}

static void number_is_refused(struct text t, uint32_t max)
{
	uint32_t n = 4711;

	assert_false(text_to_u32(t, max, &n));
	assert_int_equal(n, 4711); /* untouched */
}

static void test_numbers_at_their_bounds(void **state)
{
	(void)state;
	number_is("0", 0, 0);
	number_is("0", UINT32_MAX, 0);
	number_is("00000000000000000000000000000000000000000000001", 1, 1);
	number_is("255", 255, 255);
	number_is("2147483647", 2147483647, 2147483647); /* the highest CSeq, RFC 3261 §8.1.1.5 */
	number_is("4294967295", UINT32_MAX, UINT32_MAX);
	number_is_refused(TEXT("1"), 0);
	number_is_refused(TEXT("256"), 255);
	number_is_refused(TEXT("2147483648"), 2147483647);
	number_is_refused(TEXT("4294967296"), UINT32_MAX);
	number_is_refused(TEXT("18446744073709551616"), UINT32_MAX); /* 2^64: no wrap */
	number_is_refused(TEXT("99999999999999999999999999999999"), UINT32_MAX);
}

static void test_what_is_no_number(void **state)
{
	(void)state;
	number_is_refused(nothing, UINT32_MAX);
	number_is_refused(TEXT(""), UINT32_MAX);
	number_is_refused(TEXT("+1"), UINT32_MAX);
	number_is_refused(TEXT("-1"), UINT32_MAX);
	number_is_refused(TEXT(" 1"), UINT32_MAX);
	number_is_refused(TEXT("1 "), UINT32_MAX);
	number_is_refused(TEXT("1.0"), UINT32_MAX);
	number_is_refused(TEXT("0x10"), UINT32_MAX);
	number_is_refused((struct text){"1\0"
					"1",
					3},
			  UINT32_MAX);
	number_is_refused(TEXT("\xb2"), UINT32_MAX);
}

static void test_writer_stops_at_its_bound_and_stays_full(void **state)
{
	char buffer[8];
	struct text_writer w = text_writer_on(buffer, 5);

	(void)state;
	memset(buffer, '#', sizeof(buffer));
	text_put(&w, nothing);
	text_put_literal(&w, "abc");
	text_put_char(&w, 'd');
	assert_false(w.full);
	text_put_literal(&w, "ef");
	assert_true(w.full);
	assert_text(text_written(&w), "abcd"); /* nothing cut in the middle */
	text_put_char(&w, 'e');                /* would fit, but something is missing before it */
	assert_text(text_written(&w), "abcd");
	assert_int_equal(buffer[4], '#');

	w = text_writer_on(buffer, 5);
	text_put_literal(&w, "abcde");
	assert_false(w.full);
	text_put(&w, nothing);
	assert_false(w.full);
	text_put_char(&w, 'f');
	assert_true(w.full);
	assert_int_equal(buffer[5], '#');
}

static void test_writer_without_room(void **state)
{
	struct text_writer w = text_writer_on(NULL, 0);

	(void)state;
	text_put(&w, nothing);
	assert_false(w.full);
	text_put_u64(&w, 0);
	assert_true(w.full);
	assert_int_equal(text_written(&w).len, 0);
}

static void test_numbers_written(void **state)
{
	char buffer[100];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	(void)state;
	text_put_u64(&w, 0);
	text_put_char(&w, ' ');
	text_put_u64(&w, 10);
	text_put_char(&w, ' ');
	text_put_u64(&w, UINT64_MAX);
	text_put_char(&w, ' ');
	text_put_hex(&w, 0);
	text_put_char(&w, ' ');
	text_put_hex(&w, 0x10af);
	text_put_char(&w, ' ');
	text_put_hex(&w, UINT64_MAX);
	assert_text(text_written(&w), "0 10 18446744073709551615 0 10af ffffffffffffffff");
}

static void test_printf_into_the_writer(void **state)
{
	char buffer[2000], wide[1100];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	(void)state;
	memset(wide, 'x', sizeof(wide));
	text_printf(&w, "%s=%d %.*s", "a", -5, TEXT_ARGS(TEXT("view")));
	assert_text(text_written(&w), "a=-5 view");
	text_printf(&w, "%.*s", 1023, wide);
	assert_false(w.full);
	assert_int_equal(w.len, 9 + 1023);
	text_printf(&w, "%.*s", 1024, wide); /* longer than one call may be */
	assert_true(w.full);
	assert_int_equal(w.len, 9 + 1023);

	w = text_writer_on(buffer, 3);
	text_printf(&w, "%s", "abcd");
	assert_true(w.full);
	assert_int_equal(w.len, 0);
}

/* A view may end at the end of a page: nothing may be read behind it (the sanitizer watches). */
static void test_nothing_is_read_behind_the_view(void **state)
{
	char *exact = malloc(3);
	struct text t = {exact, 3};
	uint32_t n;

	(void)state;
	memcpy(exact, "123", 3);
	assert_int_equal(text_find(t, 'x'), 3);
	assert_true(text_to_u32(t, 1000, &n));
	assert_true(text_equal_nocase(t, TEXT("123")));
	assert_false(text_starts_with_nocase(t, TEXT("1234")));
	assert_int_equal(text_trim(t).len, 3);
	memcpy(exact, " \r\n", 3);
	assert_int_equal(text_trim(t).len, 0);
	free(exact);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equality),
		cmocka_unit_test(test_only_ascii_letters_have_no_case),
		cmocka_unit_test(test_starts_with),
		cmocka_unit_test(test_find_and_from),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_numbers_at_their_bounds),
		cmocka_unit_test(test_what_is_no_number),
		cmocka_unit_test(test_writer_stops_at_its_bound_and_stays_full),
		cmocka_unit_test(test_writer_without_room),
		cmocka_unit_test(test_numbers_written),
		cmocka_unit_test(test_printf_into_the_writer),
		cmocka_unit_test(test_nothing_is_read_behind_the_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
