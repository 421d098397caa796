#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "base/pool.c"
#include "base/random.h"
#include "broken_state.h"

struct element {
	uint64_t stamp;
	char bytes[20];
};

static struct pool *open_pool(uint32_t max)
{
	struct pool *pool = pool_open(sizeof(struct element), max);

	assert_non_null(pool);
	return pool;
}

static bool is_zero(const void *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((const char *)at)[i])
			return false;
	return true;
}

static void test_no_more_than_the_bound_are_live(void **state)
{
	enum { MAX = 600 };
	struct pool *pool = open_pool(MAX);
	struct element *elements[MAX];
	struct handle handle = {7, 7};

	(void)state;
	for (unsigned i = 0; i < MAX; i++) {
		elements[i] = pool_take(pool, NULL);
		assert_non_null(elements[i]);
	}
	assert_int_equal(pool_live(pool), MAX);
	assert_int_equal(pool_max(pool), MAX);
	assert_null(pool_take(pool, &handle));
	assert_int_equal(handle.index, 7); /* untouched on failure */
	pool_give_back(pool, elements[300]);
	assert_non_null(pool_take(pool, &handle));
	assert_null(pool_take(pool, NULL));
	pool_close(pool);
}

static void test_elements_are_zeroed_aligned_and_apart(void **state)
{
	struct pool *pool = open_pool(1000);
	struct element *a = pool_take(pool, NULL), *b;

	(void)state;
	memset(a, 0xff, sizeof(*a));
	pool_give_back(pool, a);
	for (unsigned i = 0; i < 1000; i++) {
		b = pool_take(pool, NULL);
		assert_true(is_zero(b, sizeof(*b)));
		assert_int_equal((uintptr_t)b % 16, 0);
		memset(b, 0xff, sizeof(*b));
	}
	pool_close(pool);
}

static void test_stale_handle_finds_nothing_in_a_place_used_again(void **state)
{
	struct pool *pool = open_pool(1);
	struct handle old, new;
	void *first = pool_take(pool, &old), *second;

	(void)state;
	assert_ptr_equal(pool_at(pool, old), first);
	pool_give_back(pool, first);
	assert_null(pool_at(pool, old));
	second = pool_take(pool, &new);
	assert_ptr_equal(second, first);
	assert_int_equal(new.index, old.index);
	assert_null(pool_at(pool, old));
	assert_ptr_equal(pool_at(pool, new), second);
	assert_false(handle_equal(old, new));
	assert_true(handle_equal(pool_handle(pool, second), new));
	pool_close(pool);
}

static void test_forged_handles_find_nothing(void **state)
{
	struct pool *pool = open_pool(100000);
	struct random r = random_from(1, 2);
	struct handle real;
	void *element = pool_take(pool, &real);
	const uint32_t index[] = {
		0, 1, 2, 255, 256, 257, 65536, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};

	(void)state;
	assert_null(pool_at(pool, NO_HANDLE));
	assert_false(handle_is_set(NO_HANDLE));
	assert_true(handle_is_set(real));
	for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
		assert_null(pool_at(pool, (struct handle){index[i], 0}));
		assert_null(pool_at(pool, (struct handle){index[i], UINT32_MAX}));
		if (index[i] != real.index)
			assert_null(pool_at(pool, (struct handle){index[i], real.generation}));
	}
	for (unsigned i = 0; i < 100000; i++) {
		struct handle forged = {(uint32_t)random_u64(&r), (uint32_t)random_u64(&r)};

		assert_ptr_equal(pool_at(pool, forged),
				 handle_equal(forged, real) ? element : NULL);
	}
	pool_close(pool);
}

static void test_generation_skips_zero_when_it_wraps(void **state)
{
	struct pool *pool = open_pool(4);
	struct handle handle;

	(void)state;
	pool->serial = UINT32_MAX - 1;
	pool_take(pool, &handle);
	assert_int_equal(handle.generation, UINT32_MAX);
	pool_take(pool, &handle);
	assert_int_equal(handle.generation, 1);
	assert_non_null(pool_at(pool, handle));
	pool_close(pool);
}

/* Takes `n` elements into `ret` and gives them back in the order of a random walk. */
static void fill(struct pool *pool, struct element **ret, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		ret[i] = pool_take(pool, NULL);
		assert_non_null(ret[i]);
	}
}

static void test_empty_chunks_are_handed_back_but_one(void **state)
{
	enum { N = 50 * CHUNK_ELEMENTS };
	static struct element *elements[N];
	struct pool *pool = open_pool(N);
	size_t none = pool_bytes(pool), one, all;

	(void)state;
	fill(pool, elements, 1);
	one = pool_bytes(pool);
	fill(pool, elements + 1, N - 1);
	all = pool_bytes(pool);
	assert_int_equal(all - none, 50 * (one - none));
	for (unsigned i = 0; i < N; i++)
		pool_give_back(pool, elements[i]);
	assert_int_equal(pool_live(pool), 0);
	assert_int_equal(pool_bytes(pool), one); /* the spare */
	fill(pool, elements, N);
	assert_int_equal(pool_bytes(pool), all);
	pool_close(pool);
}

/* One element going and coming at the edge of a chunk must not ask the system each time. */
static void test_no_allocation_when_one_element_comes_and_goes(void **state)
{
	struct element *elements[CHUNK_ELEMENTS];
	struct pool *pool = open_pool(10 * CHUNK_ELEMENTS);
	void *last;

	(void)state;
	fill(pool, elements, CHUNK_ELEMENTS);
	last = pool_take(pool, NULL);
	allocations_left = 0;
	for (unsigned i = 0; i < 1000; i++) {
		pool_give_back(pool, last);
		last = pool_take(pool, NULL);
		assert_non_null(last);
	}
	allocations_left = ULONG_MAX;
	pool_close(pool);
}

/* Numbers of chunks handed back come back into use, so the index never passes the bound. */
static void test_index_stays_within_the_bound_after_chunks_were_handed_back(void **state)
{
	enum { CHUNKS = 8, N = CHUNKS * CHUNK_ELEMENTS };
	static struct element *elements[N];
	struct pool *pool = open_pool(N);
	struct random r = random_from(3, 4);

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned keep = random_below(&r, CHUNKS), n = 0;

		fill(pool, elements, N);
		assert_null(pool_take(pool, NULL));
		for (unsigned i = 0; i < N; i++) {
			assert_in_range(pool_handle(pool, elements[i]).index, 1, N);
			if ((pool_handle(pool, elements[i]).index - 1) / CHUNK_ELEMENTS == keep)
				elements[n++] = elements[i];
			else
				pool_give_back(pool, elements[i]);
		}
		assert_int_equal(n, CHUNK_ELEMENTS);
		while (n)
			pool_give_back(pool, elements[--n]);
	}
	pool_close(pool);
}

static void test_walk_sees_every_live_element_once_in_order(void **state)
{
	enum { N = 1000 };
	struct element *elements[N];
	struct pool *pool = open_pool(N);
	uint32_t index = 0, last = 0, seen = 0;
	struct element *e;

	(void)state;
	assert_null(pool_next(pool, &index));
	fill(pool, elements, N);
	for (unsigned i = 0; i < N; i += 3)
		pool_give_back(pool, elements[i]);
	index = 0;
	while ((e = pool_next(pool, &index))) {
		assert_true(pool_handle(pool, e).index == index && index > last);
		last = index;
		seen++;
	}
	assert_int_equal(seen, pool_live(pool));
	assert_null(pool_next(pool, &index)); /* stays at the end */
	pool_close(pool);
}

/* Whoever lives through the whole walk is seen once, whatever comes and goes meanwhile. */
static void walk_while_giving_back(uint64_t seed)
{
	enum { N = 2000 };
	static struct element *elements[N];
	static struct handle handles[N];
	static unsigned char seen[N], kept[N];
	struct pool *pool = open_pool(2 * N);
	struct random r = random_from(seed, 0);
	uint32_t index = 0;
	struct element *e;

	fill(pool, elements, N);
	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < N; i++) {
		elements[i]->stamp = i + 1;
		handles[i] = pool_handle(pool, elements[i]);
		kept[i] = random_below(&r, 4) == 0;
	}
	while ((e = pool_next(pool, &index))) {
		unsigned other = random_below(&r, N);
		uint64_t stamp = e->stamp;

		if (stamp) {
			assert_int_equal(seen[stamp - 1]++, 0);
			if (!kept[stamp - 1])
				pool_give_back(pool, e);
		}
		if (!kept[other] && pool_at(pool, handles[other]))
			pool_give_back(pool, pool_at(pool, handles[other]));
		if (random_below(&r, 3) == 0)
			pool_take(pool, NULL); /* stamp 0: came during the walk */
	}
	for (unsigned i = 0; i < N; i++)
		if (kept[i])
			assert_int_equal(seen[i], 1);
	pool_close(pool);
}

static void test_walk_while_elements_come_and_go(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++)
		walk_while_giving_back(seed);
}

static void give_back_all_in_a_walk(struct pool *pool)
{
	uint32_t index = 0;
	struct element *e;

	while ((e = pool_next(pool, &index)))
		pool_give_back(pool, e);
}

static void test_everything_given_back_in_one_walk(void **state)
{
	enum { N = 3000 };
	static struct element *elements[N];
	struct pool *pool = open_pool(N);

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		fill(pool, elements, N);
		give_back_all_in_a_walk(pool);
		assert_int_equal(pool_live(pool), 0);
	}
	pool_close(pool);
}

/* Random comings and goings against a plain table of what should be live. */
static void against_a_model(uint64_t seed)
{
	enum { N = 1500, STEPS = 20000 };
	static struct handle handles[N], gone[N];
	struct pool *pool = open_pool(N);
	struct random r = random_from(seed, 9);
	unsigned live = 0, tide = 0;

	memset(gone, 0, sizeof(gone));
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned at;

		if (step % 2000 == 0) /* rising and falling, so that chunks empty */
			tide = random_below(&r, 9) + 1;
		if (random_below(&r, 10) < tide) {
			struct element *e = pool_take(pool, &handles[live]);

			assert_true((e == NULL) == (live == N));
			if (e)
				e->stamp = ((uint64_t)handles[live].index << 32) |
					   handles[live].generation,
				live++;
		} else if (live) {
			at = random_below(&r, live);
			gone[random_below(&r, N)] = handles[at];
			pool_give_back(pool, pool_at(pool, handles[at]));
			handles[at] = handles[--live];
		}
		assert_int_equal(pool_live(pool), live);
		assert_null(pool_at(pool, gone[random_below(&r, N)]));
		if (live) {
			struct element *e = pool_at(pool, handles[at = random_below(&r, live)]);

			assert_non_null(e);
			assert_int_equal(e->stamp, ((uint64_t)handles[at].index << 32) |
							   handles[at].generation);
		}
	}
	pool_close(pool);
}

static void test_random_use_against_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++)
		against_a_model(seed);
}

static void test_out_of_memory_is_an_answer(void **state)
{
	struct element *elements[CHUNK_ELEMENTS];
	struct pool *pool;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		allocations_left = n;
		assert_null(pool_open(sizeof(struct element), 1000));
	}
	allocations_left = 4;
	pool = open_pool(1000);
	fill(pool, elements, CHUNK_ELEMENTS);
	assert_null(pool_take(pool, NULL));
	assert_int_equal(pool_live(pool), CHUNK_ELEMENTS);
	allocations_left = ULONG_MAX;
	assert_non_null(pool_take(pool, NULL));
	pool_close(pool);
}

static void give_back_twice(void *element)
{
	struct pool *pool = open_pool(10);

	(void)element;
	pool_take(pool, NULL);
	element = pool_take(pool, NULL);
	pool_give_back(pool, element);
	pool_give_back(pool, element);
}

static void test_giving_back_twice_is_our_own_fault(void **state)
{
	(void)state;
	assert_true(step_aborts(give_back_twice, NULL));
}

#ifdef BASE_POISON
static void test_given_back_memory_is_forbidden_ground(void **state)
{
	struct pool *pool = open_pool(10);
	struct element *e = pool_take(pool, NULL);

	(void)state;
	assert_null(__asan_region_is_poisoned(e, sizeof(*e)));
	assert_true(__asan_address_is_poisoned(e + 1));
	pool_give_back(pool, e);
	assert_ptr_equal(__asan_region_is_poisoned(e, sizeof(*e)), e);
	pool_close(pool);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_more_than_the_bound_are_live),
		cmocka_unit_test(test_elements_are_zeroed_aligned_and_apart),
		cmocka_unit_test(test_stale_handle_finds_nothing_in_a_place_used_again),
		cmocka_unit_test(test_forged_handles_find_nothing),
		cmocka_unit_test(test_generation_skips_zero_when_it_wraps),
		cmocka_unit_test(test_empty_chunks_are_handed_back_but_one),
		cmocka_unit_test(test_no_allocation_when_one_element_comes_and_goes),
		cmocka_unit_test(test_index_stays_within_the_bound_after_chunks_were_handed_back),
		cmocka_unit_test(test_walk_sees_every_live_element_once_in_order),
		cmocka_unit_test(test_walk_while_elements_come_and_go),
		cmocka_unit_test(test_everything_given_back_in_one_walk),
		cmocka_unit_test(test_random_use_against_a_model),
		cmocka_unit_test(test_out_of_memory_is_an_answer),
		cmocka_unit_test(test_giving_back_twice_is_our_own_fault),
#ifdef BASE_POISON
		cmocka_unit_test(test_given_back_memory_is_forbidden_ground),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
