/* The journal of a session: growth, the first 16 kept, the ring behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "session/journal.h"

#define KEPT 16u

static struct journal_record numbered(uint32_t number)
{
	return (struct journal_record){
		.at_ms = number, .cseq = number * 3, .status = (uint16_t)(100 + number % 500)};
}

static void check_record(const struct journal *journal, unsigned i, uint32_t number)
{
	const struct journal_record *r = journal_record_at(journal, i);

	assert_non_null(r);
	if (r->at_ms != number)
		fail_msg("record %u is number %u, not %u", i, r->at_ms, number);
	assert_int_equal(r->cseq, number * 3);
}

/* With `n` added: the first 16, then the last of the others, all in the order of time. */
static void check_order(const struct journal *journal, uint32_t n, unsigned max)
{
	unsigned held = n < max ? n : max;

	for (unsigned i = 0; i < held; i++)
		check_record(journal, i, i < KEPT || n <= max ? i : n - held + i);
	assert_null(journal_record_at(journal, held));
	assert_null(journal_record_at(journal, held + 1));
	assert_int_equal(journal->lost, n - held);
	assert_int_equal(journal->n, held);
}

static void test_order_and_bound_for_every_length(void **state)
{
	struct store *store = store_open(1 << 20);
	struct journal journal = {0};

	(void)state;
	assert_null(journal_record_at(&journal, 0));
	for (uint32_t n = 0; n < 400; n++) {
		check_order(&journal, n, LIMIT_JOURNAL_RECORDS);
		journal_add(&journal, store, numbered(n));
	}
	assert_int_equal(journal.max, LIMIT_JOURNAL_RECORDS);
	journal_clear(&journal, store);
	assert_null(journal_record_at(&journal, 0));
	assert_int_equal(store_blocks(store), 0);
	store_close(store);
}

static void test_it_grows_by_doubling_and_a_short_one_stays_short(void **state)
{
	struct store *store = store_open(1 << 20);
	struct journal journal = {0};
	unsigned want = 8;

	(void)state;
	for (uint32_t n = 0; n < LIMIT_JOURNAL_RECORDS; n++) {
		journal_add(&journal, store, numbered(n));
		if (n >= want)
			want *= 2;
		assert_int_equal(journal.max, want);
		assert_int_equal(store_blocks(store), 1);
	}
	journal_clear(&journal, store);
	store_close(store);
}

static void test_lost_records_are_counted_and_the_count_does_not_wrap(void **state)
{
	struct store *store = store_open(1 << 20);
	struct journal journal = {0};

	(void)state;
	for (uint32_t n = 0; n < LIMIT_JOURNAL_RECORDS + UINT16_MAX + 10; n++)
		journal_add(&journal, store, numbered(n));
	assert_int_equal(journal.lost, UINT16_MAX);
	check_record(&journal, 15, 15);
	check_record(&journal, LIMIT_JOURNAL_RECORDS - 1, LIMIT_JOURNAL_RECORDS + UINT16_MAX + 9);
	journal_clear(&journal, store);
	store_close(store);
}

static void test_without_memory_records_are_lost_and_counted(void **state)
{
	struct store *none = store_open(1);
	struct journal journal = {0};

	(void)state;
	for (uint32_t n = 0; n < 5; n++)
		journal_add(&journal, none, numbered(n));
	assert_int_equal(journal.lost, 5);
	assert_null(journal_record_at(&journal, 0));
	journal_clear(&journal, none);
	store_close(none);
}

static void check_rising(const struct journal *journal, uint32_t n, unsigned size)
{
	uint32_t previous = 0;

	for (unsigned i = 0; i < journal->n; i++) {
		const struct journal_record *r = journal_record_at(journal, i);

		if (i > 0 && r->at_ms <= previous)
			fail_msg("held %u, %u added: record %u is number %u after %u", size, n, i,
				 r->at_ms, previous);
		previous = r->at_ms;
	}
	assert_int_equal(journal->lost + journal->n, n);
}

/* Memory runs out at each size, and is back later: what is held stays in the order of time all along. */
static void test_order_when_memory_is_short_for_a_while(void **state)
{
	(void)state;
	for (unsigned size = 8; size < LIMIT_JOURNAL_RECORDS; size *= 2) {
		struct store *store = store_open(1 << 20), *none = store_open(1);
		struct journal journal = {0};

		for (uint32_t n = 0; n < 200;) {
			bool is_short =
				n >= size && n < size + 21; /* turns the ring to an odd place */

			journal_add(&journal, is_short ? none : store, numbered(n++));
			check_rising(&journal, n, size);
			if (size > KEPT ||
			    !is_short) /* the newest is there, but for a journal too short for a ring */
				assert_int_equal(journal_record_at(&journal, journal.n - 1u)->at_ms,
						 n - 1);
		}
		journal_clear(&journal, store);
		store_close(store);
		store_close(none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_bound_for_every_length),
		cmocka_unit_test(test_it_grows_by_doubling_and_a_short_one_stays_short),
		cmocka_unit_test(test_lost_records_are_counted_and_the_count_does_not_wrap),
		cmocka_unit_test(test_without_memory_records_are_lost_and_counted),
		cmocka_unit_test(test_order_when_memory_is_short_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
