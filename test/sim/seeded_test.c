/* @req RC-10 RC-12 RC-16 RF-7 RF-8
 * Seeded runs over a bad network with the invariants of issue 2. A seed that fails prints its number and the wire ladder of the call; adieu-soak SEED 1 runs it alone. */
#include "seeded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static char bytes[1 << 20];

static void run_seeds(uint64_t first, uint64_t count)
{
	struct seeded_figures figures = {0};

	for (uint64_t seed = first; seed < first + count; seed++) {
		struct text_writer report = text_writer_on(bytes, sizeof(bytes));

		if (!seeded_run(seed, &report, &figures))
			fail_msg("seed %llu\n%.*s", (unsigned long long)seed, (int)report.len,
				 bytes);
	}
	/* A run that does nothing would prove nothing. */
	assert_true(figures.calls > 5 * count);
	assert_true(figures.byes > count);
	assert_true(figures.releases > count / 2);
}

static void test_invariants_hold_for_seeds_1_to_200(void **state)
{
	(void)state;
	run_seeds(1, 200);
}

static void test_invariants_hold_for_seeds_201_to_400(void **state)
{
	(void)state;
	run_seeds(201, 200);
}

static void test_the_same_seed_gives_the_same_figures(void **state)
{
	struct seeded_figures one = {0}, two = {0};
	struct text_writer report = text_writer_on(bytes, sizeof(bytes));

	(void)state;
	seeded_run(4711, &report, &one);
	seeded_run(4711, &report, &two);
	assert_memory_equal(&one, &two, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariants_hold_for_seeds_1_to_200),
		cmocka_unit_test(test_invariants_hold_for_seeds_201_to_400),
		cmocka_unit_test(test_the_same_seed_gives_the_same_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
