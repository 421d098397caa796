/* The timer table row by row: defaults, ranges, what follows from T1, and what is zero over a stream. @req TX-6 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "transaction/timer_table.h"

#define SET_MAX UINT32_MAX

/* What RFC 3261 table 4, RFC 6026 and TS 24.229 table 7.7.1 (core elements) say; `of_t1`, `of_t4`: the factor. */
struct row {
	enum transaction_timer_name timer;
	const char *name;
	uint32_t default_ms;
	uint32_t of_t1, of_t4;
	bool zero_when_reliable;
	const char *clause;
	const char *key; /* of the configuration; NULL: it cannot be set */
	uint32_t min_ms, max_ms;
};

static const struct row rows[] = {
	{TIMER_T1, "T1", 500, 0, 0, false, "RFC 3261 §17.1.1.1", "t1", 10, 60000},
	{TIMER_T2, "T2", 4000, 0, 0, false, "RFC 3261 §17.1.2.2", "t2", 10, 240000},
	{TIMER_T4, "T4", 5000, 0, 0, false, "RFC 3261 §17.1.2.2", "t4", 10, 240000},
	{TIMER_A, "A", 500, 1, 0, true, "RFC 3261 §17.1.1.2", NULL, 0, 0},
	{TIMER_B, "B", 32000, 64, 0, false, "RFC 3261 §17.1.1.2", NULL, 0, 0},
	{TIMER_C, "C", 181000, 0, 0, false, "RFC 3261 §16.6", "timer_c", 180001, 3600000},
	{TIMER_D, "D", 33000, 0, 0, true, "RFC 3261 §17.1.1.2", "timer_d", 32001, 600000},
	{TIMER_E, "E", 500, 1, 0, true, "RFC 3261 §17.1.2.2", NULL, 0, 0},
	{TIMER_F, "F", 32000, 64, 0, false, "RFC 3261 §17.1.2.2", NULL, 0, 0},
	{TIMER_G, "G", 500, 1, 0, true, "RFC 3261 §17.2.1", NULL, 0, 0},
	{TIMER_H, "H", 32000, 64, 0, false, "RFC 3261 §17.2.1", NULL, 0, 0},
	{TIMER_I, "I", 5000, 0, 1, true, "RFC 3261 §17.2.1", NULL, 0, 0},
	{TIMER_J, "J", 32000, 64, 0, true, "RFC 3261 §17.2.2", NULL, 0, 0},
	{TIMER_K, "K", 5000, 0, 1, true, "RFC 3261 §17.1.2.2", NULL, 0, 0},
	{TIMER_L, "L", 32000, 64, 0, false, "RFC 6026 §7.1", NULL, 0, 0},
	{TIMER_M, "M", 32000, 64, 0, false, "RFC 6026 §7.2", NULL, 0, 0},
	{TIMER_N, "N", 32000, 64, 0, false, "RFC 6665", NULL, 0, 0},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void test_tx_6_every_timer_has_its_row_default_and_clause(void **state)
{
	struct timer_values values = timer_values_default();

	(void)state;
	assert_int_equal(N_ROWS, TIMER_NAMES);
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct timer_row *row = &timer_table[rows[i].timer];

		assert_int_equal(rows[i].timer, i);
		assert_string_equal(row->name, rows[i].name);
		assert_int_equal(values.ms[i], rows[i].default_ms);
		assert_int_equal(row->zero_when_reliable, rows[i].zero_when_reliable);
		assert_memory_equal(row->clause, rows[i].clause, strlen(rows[i].clause));
		assert_true(strlen(row->meaning) > 10);
		if (rows[i].key)
			assert_string_equal(row->configuration_key, rows[i].key);
		else
			assert_null(row->configuration_key);
	}
}

static void test_tx_6_values_over_datagrams_and_streams(void **state)
{
	struct timer_values values = timer_values_default();

	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		assert_int_equal(timer_value(&values, rows[i].timer, false), rows[i].default_ms);
		assert_int_equal(timer_value(&values, rows[i].timer, true),
				 rows[i].zero_when_reliable ? 0 : rows[i].default_ms);
	}
}

/* RFC 3261 §16.6 step 11: C more than three minutes; §17.1.1.2: D at least 32 s. */
static void test_tx_6_ranges_at_their_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		struct timer_values values = timer_values_default(), before = values;
		enum transaction_timer_name timer = rows[i].timer;

		if (!rows[i].key) {
			assert_false(timer_values_set(&values, timer, rows[i].default_ms));
			assert_memory_equal(&values, &before, sizeof(values));
			continue;
		}
		assert_false(timer_values_set(&values, timer, rows[i].min_ms - 1));
		assert_false(timer_values_set(&values, timer, rows[i].max_ms + 1));
		assert_false(timer_values_set(&values, timer, 0));
		assert_false(timer_values_set(&values, timer, SET_MAX));
		assert_memory_equal(&values, &before, sizeof(values));
		assert_true(timer_values_set(&values, timer, rows[i].min_ms));
		assert_int_equal(values.ms[timer], rows[i].min_ms);
		assert_true(timer_values_set(&values, timer, rows[i].max_ms));
		assert_int_equal(values.ms[timer], rows[i].max_ms);
	}
	assert_true(timer_table[TIMER_C].min_ms > 180000);
	assert_true(timer_table[TIMER_D].min_ms > 32000);
}

static void check_derived(const struct timer_values *v, uint32_t t1, uint32_t t4)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].of_t1)
			assert_int_equal(v->ms[i], rows[i].of_t1 * t1);
		if (rows[i].of_t4)
			assert_int_equal(v->ms[i], rows[i].of_t4 * t4);
	}
}

static void test_tx_6_the_others_follow_t1_and_t4(void **state)
{
	static const uint32_t t1s[] = {10, 499, 2000, 60000}, t4s[] = {10, 17000, 240000};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++) {
			struct timer_values values = timer_values_default();

			assert_true(timer_values_set(&values, TIMER_T1, t1s[i]));
			check_derived(&values, t1s[i], 5000);
			assert_true(timer_values_set(&values, TIMER_T4, t4s[j]));
			check_derived(&values, t1s[i], t4s[j]);
			assert_int_equal(values.ms[TIMER_T2], 4000);
			assert_int_equal(values.ms[TIMER_C], 181000);
			assert_int_equal(values.ms[TIMER_D],
					 64 * t1s[i] < 33000 ? 33000 : 64 * t1s[i] + 1000);
		}
}

/* @req TX-6  D outlives what the peer may still send, however long T1 makes that. */
static void test_tx_6_d_stays_above_64_t1(void **state)
{
	struct timer_values values = timer_values_default();

	(void)state;
	assert_true(timer_values_set(&values, TIMER_T1, 2000));
	assert_int_equal(values.ms[TIMER_H], 128000);
	assert_int_equal(values.ms[TIMER_D], 129000);
	assert_true(timer_values_set(&values, TIMER_D, 200000));
	assert_int_equal(values.ms[TIMER_D], 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_6_every_timer_has_its_row_default_and_clause),
		cmocka_unit_test(test_tx_6_values_over_datagrams_and_streams),
		cmocka_unit_test(test_tx_6_ranges_at_their_edges),
		cmocka_unit_test(test_tx_6_the_others_follow_t1_and_t4),
		cmocka_unit_test(test_tx_6_d_stays_above_64_t1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
