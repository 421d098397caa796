#include "base/logfmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void expect_line(struct text value, const char *expected)
{
	char bytes[1024];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	logfmt_begin(&w, "no way");
	logfmt_text(&w, "to", value);
	logfmt_number(&w, "n", 0);
	assert_false(w.full);
	assert_int_equal(w.len, strlen(expected));
	assert_memory_equal(bytes, expected, w.len);
}

static void test_values_of_peers_cannot_make_a_key_or_a_line(void **state)
{
	(void)state;
	expect_line(TEXT("sip:as.ims.example;lr"),
		    "msg=\"no way\" to=\"sip:as.ims.example;lr\" n=0");
	expect_line(TEXT("\"a\" level=error"), "msg=\"no way\" to=\"\\\"a\\\" level=error\" n=0");
	expect_line(TEXT("\\"), "msg=\"no way\" to=\"\\\\\" n=0");
	expect_line(TEXT("a\r\ntime=1\177"), "msg=\"no way\" to=\"a??time=1?\" n=0");
	expect_line((struct text){0}, "msg=\"no way\" to=\"\" n=0");
}

static void test_a_long_value_is_cut_and_its_line_stays_whole(void **state)
{
	char bytes[LOGFMT_VALUE_BYTES_MAX + 1], line[LOGFMT_VALUE_BYTES_MAX * 2 + 64];
	struct text_writer w = text_writer_on(line, sizeof(line));

	(void)state;
	memset(bytes, '"', sizeof(bytes));
	logfmt_text(&w, "a", (struct text){bytes, sizeof(bytes)});
	assert_int_equal(w.len, strlen("a=\"\"...") + 2 * (size_t)LOGFMT_VALUE_BYTES_MAX);
	assert_memory_equal(line + w.len - 6, "\\\"...\"", 6);
	w = text_writer_on(line, sizeof(line));
	logfmt_text(&w, "a", (struct text){bytes, sizeof(bytes) - 1});
	assert_int_equal(w.len, strlen("a=\"\"") + 2 * (size_t)LOGFMT_VALUE_BYTES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_of_peers_cannot_make_a_key_or_a_line),
		cmocka_unit_test(test_a_long_value_is_cut_and_its_line_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
