#include "daemon/counters_reference.h"

#include "node/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char *reference_as(bool as_manual)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	counters_print_reference(out, as_manual);
	fclose(out);
	return text;
}

static char *read_manual(void)
{
	FILE *file = fopen(SOURCE_FOLDER "/docs/man/adieu-counters.7", "re");
	char *bytes = calloc(1, 1u << 20);

	assert_non_null(file);
	assert_true(fread(bytes, 1, (1u << 20) - 1, file) > 0);
	fclose(file);
	return bytes;
}

static void test_the_manual_page_has_the_counters_of_the_tables(void **state)
{
	char *reference = reference_as(true), *manual = read_manual();

	(void)state;
	if (!strstr(manual, reference))
		fail_msg("docs/man/adieu-counters.7 does not contain what `adieud "
			 "--counters-reference=man` prints");
	free(reference);
	free(manual);
}

static void test_every_counter_is_told(void **state)
{
	static const char *const names[] = {
#define NAME(name, help) #name,
		NODE_GAUGES(NAME) NODE_COUNTS(NAME)
#undef NAME
			"datagrams_in",
		"turns",
		"HOLD_OVER",
	};
	char *reference = reference_as(false);

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strstr(reference, names[i]))
			fail_msg("%s is missing", names[i]);
	free(reference);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_manual_page_has_the_counters_of_the_tables),
		cmocka_unit_test(test_every_counter_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
