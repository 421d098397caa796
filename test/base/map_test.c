#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "base/map.c"
#include "base/random.h"
#include "broken_state.h"

/* How often `value` stands under `hash`. */
static unsigned count(const struct map *map, uint32_t hash, uint64_t value)
{
	uint32_t at = map_first(map, hash);
	unsigned n = 0;
	uint64_t v;

	while ((v = map_value(map, hash, &at)))
		n += v == value;
	return n;
}

static unsigned count_all(const struct map *map, uint32_t hash)
{
	uint32_t at = map_first(map, hash);
	unsigned n = 0;

	while (map_value(map, hash, &at))
		n++;
	return n;
}

static void test_empty_map_holds_no_memory(void **state)
{
	struct map map = MAP_EMPTY;

	(void)state;
	assert_int_equal(map_bytes(&map), 0);
	assert_int_equal(count_all(&map, 0), 0);
	assert_int_equal(count_all(&map, UINT32_MAX), 0);
	assert_false(map_remove(&map, 1, 1));
	map_clear(&map);
	assert_true(map_insert(&map, 1, 1));
	assert_true(map_bytes(&map) > 0);
	map_clear(&map);
	assert_int_equal(map_bytes(&map), 0);
}

static void test_growth_loses_nothing(void **state)
{
	enum { N = 100000 };
	struct map map = MAP_EMPTY;
	struct random r = random_from(1, 1);
	static uint32_t hashes[N];

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		hashes[i] = (uint32_t)random_u64(&r);
		assert_true(map_insert(&map, hashes[i], i + 1));
		assert_true(map.n <= (map.mask + 1) / 4 * 3);
	}
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(count(&map, hashes[i], i + 1), 1);
	for (uint32_t i = 0; i < N; i++)
		assert_true(map_remove(&map, hashes[i], i + 1));
	assert_int_equal(map.n, 0);
	for (uint32_t i = 0; i <= map.mask; i++)
		assert_int_equal(map.values[i], 0);
	map_clear(&map);
}

static void test_the_same_hash_many_times(void **state)
{
	struct map map = MAP_EMPTY;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		assert_true(map_insert(&map, 0xfffffffe, i));
		assert_true(map_insert(&map, 0xffffffff, i));
	}
	assert_int_equal(count_all(&map, 0xfffffffe), 1000);
	for (uint64_t i = 1; i <= 1000; i += 2)
		assert_true(map_remove(&map, 0xfffffffe, i));
	assert_int_equal(count_all(&map, 0xfffffffe), 500);
	assert_int_equal(count_all(&map, 0xffffffff), 1000);
	assert_int_equal(count(&map, 0xfffffffe, 1), 0);
	assert_int_equal(count(&map, 0xfffffffe, 2), 1);
	assert_false(map_remove(&map, 0xfffffffe, 1));
	map_clear(&map);
}

static void test_the_same_pair_twice_is_removed_one_by_one(void **state)
{
	struct map map = MAP_EMPTY;

	(void)state;
	map_insert(&map, 5, 9);
	map_insert(&map, 5, 9);
	assert_int_equal(count(&map, 5, 9), 2);
	assert_true(map_remove(&map, 5, 9));
	assert_int_equal(count(&map, 5, 9), 1);
	assert_true(map_remove(&map, 5, 9));
	assert_false(map_remove(&map, 5, 9));
	map_clear(&map);
}

/* A run of entries over the end of the table: every one stays findable whichever is taken out. */
static void test_removal_over_the_end_of_the_table(void **state)
{
	const uint32_t hashes[] = {62, 63, 126, 0, 63, 1, 62, 3, 127, 64};
	enum { N = sizeof(hashes) / sizeof(hashes[0]) };

	(void)state;
	for (unsigned gone = 0; gone < N; gone++) {
		for (unsigned second = 0; second < N; second++) {
			struct map map = MAP_EMPTY;

			for (unsigned i = 0; i < N; i++)
				map_insert(&map, hashes[i], i + 1);
			assert_int_equal(map.mask, 63);
			assert_true(map_remove(&map, hashes[gone], gone + 1));
			assert_true(map_remove(&map, hashes[second], second + 1) ==
				    (second != gone));
			for (unsigned i = 0; i < N; i++)
				assert_int_equal(count(&map, hashes[i], i + 1),
						 i != gone && i != second);
			map_clear(&map);
		}
	}
}

struct entry {
	uint32_t hash;
	uint64_t value;
};

/* Few different hashes that lie close together and around the end of the table: long runs, many wraps. */
static uint32_t crowded_hash(struct random *r)
{
	return random_below(r, 3) == 0 ? (uint32_t)random_u64(r)
				       : UINT32_MAX - 8 + random_below(r, 16);
}

static unsigned naive_count(const struct entry *entries, unsigned n, uint32_t hash)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += entries[i].hash == hash;
	return found;
}

static void against_a_model(uint64_t seed)
{
	enum { N = 400, STEPS = 6000 };
	static struct entry entries[N];
	struct map map = MAP_EMPTY;
	struct random r = random_from(seed, 7);
	unsigned n = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		if (random_below(&r, 100) < (step / 500 % 2 ? 40 : 60) && n < N) {
			entries[n] = (struct entry){crowded_hash(&r), random_below(&r, 50) + 1};
			assert_true(map_insert(&map, entries[n].hash, entries[n].value));
			n++;
		} else if (n) {
			unsigned at = random_below(&r, n);

			assert_true(map_remove(&map, entries[at].hash, entries[at].value));
			entries[at] = entries[--n];
		}
		assert_false(map_remove(&map, crowded_hash(&r), 1000));
		assert_int_equal(map.n, n);
		if (n) {
			struct entry *e = &entries[random_below(&r, n)];

			assert_true(count(&map, e->hash, e->value) > 0);
			assert_int_equal(count_all(&map, e->hash),
					 naive_count(entries, n, e->hash));
		}
	}
	for (unsigned i = 0; i < n; i++)
		assert_true(count(&map, entries[i].hash, entries[i].value) > 0);
	map_clear(&map);
}

static void test_random_use_against_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++)
		against_a_model(seed);
}

static void test_out_of_memory_leaves_the_map_as_it_was(void **state)
{
	struct map map = MAP_EMPTY;
	uint64_t n = 0;

	(void)state;
	for (unsigned long left = 0; left < 2; left++) {
		allocations_left = left;
		assert_false(map_insert(&map, 1, 1));
		assert_int_equal(map_bytes(&map), 0);
	}
	allocations_left = 2;
	while (map_insert(&map, (uint32_t)n * 7, n + 1))
		n++;
	assert_int_equal(n, 48); /* three quarters of the first 64 places */
	allocations_left = 1;    /* the first half of the larger table only */
	assert_false(map_insert(&map, 1, 1));
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(count(&map, (uint32_t)i * 7, i + 1), 1);
	allocations_left = ULONG_MAX;
	assert_true(map_insert(&map, 1, 1));
	map_clear(&map);
}

/* The number of places doubles and must not pass 32 bits. */
static void test_the_largest_table_does_not_grow(void **state)
{
	uint64_t value = 1;
	struct map map = {.values = &value, .n = MOST_PLACES / 4 * 3, .mask = MOST_PLACES - 1};

	(void)state;
	assert_false(map_insert(&map, 1, 1));
	assert_int_equal(map_bytes(&map), (size_t)MOST_PLACES * 12);
}

static void insert_nothing(void *argument)
{
	struct map map = MAP_EMPTY;

	(void)argument;
	map_insert(&map, 1, 0);
}

static void test_value_zero_is_our_own_fault(void **state)
{
	(void)state;
	assert_true(step_aborts(insert_nothing, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_map_holds_no_memory),
		cmocka_unit_test(test_growth_loses_nothing),
		cmocka_unit_test(test_the_same_hash_many_times),
		cmocka_unit_test(test_the_same_pair_twice_is_removed_one_by_one),
		cmocka_unit_test(test_removal_over_the_end_of_the_table),
		cmocka_unit_test(test_random_use_against_a_model),
		cmocka_unit_test(test_out_of_memory_leaves_the_map_as_it_was),
		cmocka_unit_test(test_the_largest_table_does_not_grow),
		cmocka_unit_test(test_value_zero_is_our_own_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
