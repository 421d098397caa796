#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "base/store.c"
#include "base/random.h"
#include "broken_state.h"

#define MEGABYTE ((size_t)1 << 20)

static struct store *open_store(size_t bytes_max)
{
	struct store *store = store_open(bytes_max);

	assert_non_null(store);
	return store;
}

/* Every size has a class that holds it with at most a quarter more (or 31 bytes, for small ones). */
static void test_classes_fit_their_sizes(void **state)
{
	struct store *store = open_store(MEGABYTE);
	size_t largest = store->class_bytes[N_CLASSES - 1];

	(void)state;
	assert_int_equal(class_of(store, 0), 0);
	for (size_t bytes = 1; bytes <= largest; bytes++) {
		size_t class = class_of(store, bytes);

		assert_true(class < N_CLASSES);
		assert_in_range(store->class_bytes[class], bytes, bytes + 31 + bytes * 3 / 10);
		if (class > 0)
			assert_true(store->class_bytes[class - 1] < bytes);
	}
	assert_int_equal(class_of(store, largest + 1), N_CLASSES);
	assert_int_equal(class_of(store, SIZE_MAX), N_CLASSES);
	store_close(store);
}

static void test_every_size_from_nothing_to_large(void **state)
{
	struct store *store = open_store(64 * MEGABYTE);

	(void)state;
	for (size_t bytes = 0; bytes < 20000; bytes += bytes < 1100 ? 1 : 61) {
		char *block = store_take(store, bytes);

		assert_non_null(block);
		assert_int_equal((uintptr_t)block % 16, 0);
		memset(block, 0x5a, bytes);
		assert_int_equal(store_blocks(store), 1);
		store_give_back(store, block, bytes);
		assert_int_equal(store_blocks(store), 0);
	}
	store_give_back(store, NULL, 100);
	store_close(store);
}

static void test_never_holds_more_than_the_bound(void **state)
{
	struct store *store = open_store(3 * CHUNK_BYTES + 1000);
	size_t n = 0;

	(void)state;
	while (store_take(store, 500))
		n++;
	assert_int_equal(n, 3 * ((CHUNK_BYTES - HEADER_BYTES) / 512));
	assert_int_equal(store_bytes(store), 3 * CHUNK_BYTES);
	assert_null(store_take(store, 20)); /* another class has no chunk either */
	assert_null(store_take(store, 20000));
	assert_int_equal(store_blocks(store), n);
	store_close(store);
}

static void test_large_blocks_count_against_the_bound(void **state)
{
	struct store *store = open_store(MEGABYTE);
	void *a = store_take(store, 700000), *b;

	(void)state;
	assert_non_null(a);
	assert_in_range(store_bytes(store), 700000, 700100);
	assert_null(store_take(store, 400000));
	b = store_take(store, 300000);
	assert_non_null(b);
	store_give_back(store, a, 700000);
	assert_non_null(store_take(store, 400000));
	store_give_back(store, b, 300000);
	assert_int_equal(store_blocks(store), 1);
	store_close(store); /* with a large block in use: freed too */
}

/* A size near the end of the number range must not wrap around the bound. */
static void test_sizes_that_would_wrap_are_refused(void **state)
{
	struct store *some = open_store(MEGABYTE), *none = open_store(0);
	volatile size_t huge = SIZE_MAX;

	(void)state;
	assert_non_null(store_take(some, 100));
	for (size_t less = 0; less < 2 * CHUNK_BYTES; less += less < 100 ? 1 : 1000) {
		assert_null(store_take(some, huge - less));
		assert_null(store_take(none, huge - less));
	}
	assert_null(store_take(none, 0));
	assert_null(store_take(none, 10000));
	assert_int_equal(store_bytes(some), CHUNK_BYTES);
	assert_int_equal(store_bytes(none), 0);
	store_close(some);
	store_close(none);
}

static void test_empty_chunks_are_handed_back_but_a_few(void **state)
{
	enum { N = 20000 };
	static void *blocks[N];
	struct store *store = open_store(256 * MEGABYTE);
	size_t full;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		blocks[i] = store_take(store, 600);
	full = store_bytes(store);
	assert_in_range(full, (size_t)N * 608, (size_t)N * 608 * 21 / 20);
	for (unsigned i = 0; i < N / 2; i++)
		store_give_back(store, blocks[i], 600);
	assert_in_range(store_bytes(store), 0, full / 2 + (SPARES_MAX + 1) * CHUNK_BYTES);
	for (unsigned i = N / 2; i < N; i++)
		store_give_back(store, blocks[i], 600);
	assert_int_equal(store_bytes(store), SPARES_MAX * CHUNK_BYTES);
	assert_int_equal(store_blocks(store), 0);
	store_close(store);
}

/* A spare of one class serves another, so at the bound nothing is locked away. */
static void test_spares_serve_every_class(void **state)
{
	struct store *store = open_store(2 * CHUNK_BYTES);
	void *a = store_take(store, 100), *b = store_take(store, 5000);

	(void)state;
	assert_null(store_take(store, 800));
	store_give_back(store, a, 100);
	store_give_back(store, b, 5000);
	allocations_left = 0;
	a = store_take(store, 800);
	b = store_take(store, 9000);
	assert_non_null(a);
	assert_non_null(b);
	store_give_back(store, a, 800);
	store_give_back(store, b, 9000);
	for (unsigned i = 0; i < 1000; i++) { /* a quiet server: one message at a time */
		a = store_take(store, 40);
		b = store_take(store, 1700);
		assert_true(a && b);
		store_give_back(store, b, 1700);
		store_give_back(store, a, 40);
	}
	allocations_left = ULONG_MAX;
	store_close(store);
}

struct block {
	unsigned char *at;
	size_t bytes;
	unsigned char fill;
};

static size_t random_size(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0: return random_below(r, 30000);
	case 1: return random_below(r, 10);
	default: return random_below(r, 2500);
	}
}

static void assert_intact(const struct block *block)
{
	for (size_t i = 0; i < block->bytes; i++)
		if (block->at[i] != block->fill)
			fail_msg("byte %zu of a block of %zu was overwritten", i, block->bytes);
}

static void against_a_model(uint64_t seed)
{
	enum { N = 3000, STEPS = 30000 };
	static struct block blocks[N];
	struct store *store = open_store(8 * MEGABYTE);
	struct random r = random_from(seed, 5);
	unsigned live = 0, tide = 5, refused = 0;

	for (unsigned step = 0; step < STEPS; step++) {
		if (step % 3000 == 0)
			tide = random_below(&r, 9) + 1;
		if (random_below(&r, 10) < tide && live < N) {
			struct block *b = &blocks[live];

			*b = (struct block){.bytes = random_size(&r),
					    .fill = (unsigned char)random_u64(&r)};
			b->at = store_take(store, b->bytes);
			if (b->at) {
				memset(b->at, b->fill, b->bytes);
				live++;
			} else {
				refused++;
			}
		} else if (live) {
			struct block *b = &blocks[random_below(&r, live)];

			assert_intact(b);
			store_give_back(store, b->at, b->bytes);
			*b = blocks[--live];
		}
		assert_int_equal(store_blocks(store), live);
		assert_true(store_bytes(store) <= 8 * MEGABYTE);
	}
	for (unsigned i = 0; i < live; i++)
		assert_intact(&blocks[i]);
	if (refused) /* the store was full at times: what is in use explains it */
		assert_true(store_bytes(store) > 0);
	store_close(store); /* with blocks in use: the leak checker sees that all is freed */
}

static void test_random_use_against_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 15; seed++)
		against_a_model(seed);
}

static void test_out_of_memory_is_an_answer(void **state)
{
	struct store *store;

	(void)state;
	allocations_left = 0;
	assert_null(store_open(MEGABYTE));
	allocations_left = 1;
	store = open_store(MEGABYTE);
	assert_null(store_take(store, 100));
	assert_null(store_take(store, 100000));
	assert_int_equal(store_bytes(store), 0);
	assert_int_equal(store_blocks(store), 0);
	allocations_left = ULONG_MAX;
	assert_non_null(store_take(store, 100));
	store_close(store);
}

static void give_back_with_another_size(void *argument)
{
	struct store *store = open_store(MEGABYTE);

	(void)argument;
	store_take(store, 100);
	store_give_back(store, store_take(store, 100), 200);
}

static void give_large_back_with_another_size(void *argument)
{
	struct store *store = open_store(MEGABYTE);

	(void)argument;
	store_give_back(store, store_take(store, 100000), 100001);
}

static void test_giving_back_another_size_is_our_own_fault(void **state)
{
	(void)state;
	assert_true(step_aborts(give_back_with_another_size, NULL));
	assert_true(step_aborts(give_large_back_with_another_size, NULL));
}

#ifdef BASE_POISON
static void test_what_is_not_asked_for_is_forbidden_ground(void **state)
{
	struct store *store = open_store(MEGABYTE);
	char *block = store_take(store, 37), *neighbour = store_take(store, 37);

	(void)state;
	assert_null(__asan_region_is_poisoned(block, 37));
	assert_true(__asan_address_is_poisoned(block + 37));
	store_give_back(store, block, 37);
	assert_ptr_equal(__asan_region_is_poisoned(block, 37), block);
	assert_null(__asan_region_is_poisoned(neighbour, 37));
	assert_ptr_equal(store_take(store, 34), block); /* used again, a little shorter */
	assert_null(__asan_region_is_poisoned(block, 34));
	assert_true(__asan_address_is_poisoned(block + 34));
	store_close(store);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes_fit_their_sizes),
		cmocka_unit_test(test_every_size_from_nothing_to_large),
		cmocka_unit_test(test_never_holds_more_than_the_bound),
		cmocka_unit_test(test_large_blocks_count_against_the_bound),
		cmocka_unit_test(test_sizes_that_would_wrap_are_refused),
		cmocka_unit_test(test_empty_chunks_are_handed_back_but_a_few),
		cmocka_unit_test(test_spares_serve_every_class),
		cmocka_unit_test(test_random_use_against_a_model),
		cmocka_unit_test(test_out_of_memory_is_an_answer),
		cmocka_unit_test(test_giving_back_another_size_is_our_own_fault),
#ifdef BASE_POISON
		cmocka_unit_test(test_what_is_not_asked_for_is_forbidden_ground),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
