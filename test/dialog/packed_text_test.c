/* Several texts in one block: bounds, views into itself, nothing lost when there is no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/limits.h"
#include "dialog/packed_text.h"

#define N 4u

static struct store *store;

static int open_store(void **state)
{
	(void)state;
	store = store_open(1 << 22);
	return store ? 0 : -1;
}

static int close_store(void **state)
{
	size_t left = store_blocks(store);

	(void)state;
	store_close(store);
	return left == 0 ? 0 : -1;
}

static void check(const struct packed_text *packed, const struct text_slice *slices,
		  const char *const *want)
{
	for (unsigned i = 0; i < N; i++) {
		struct text got = packed_text_get(packed, slices[i]);

		assert_int_equal(got.len, strlen(want[i]));
		if (got.len)
			assert_memory_equal(got.at, want[i], got.len);
		else
			assert_null(got.at);
	}
}

static void test_texts_come_back_as_they_went_in(void **state)
{
	static const struct text texts[N] = {TEXT("one"), {NULL, 0}, TEXT("three"), TEXT("")};
	static const char *const want[N] = {"one", "", "three", ""};
	struct text_slice slices[N];
	struct packed_text packed = {0};

	(void)state;
	assert_true(packed_text_build(&packed, store, texts, slices, N));
	assert_int_equal(packed.len, 8);
	check(&packed, slices, want);
	packed_text_clear(&packed, store);
	assert_null(packed.bytes);
	packed_text_clear(&packed, store);
}

static void test_only_empty_texts(void **state)
{
	static const struct text texts[N] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
	static const char *const none[N] = {"", "", "", ""}, *const one[N] = {"", "x", "", ""};
	struct text_slice slices[N];
	struct packed_text packed = {0};

	(void)state;
	assert_true(packed_text_build(&packed, store, texts, slices, N));
	check(&packed, slices, none);
	assert_true(packed_text_replace(&packed, store, slices, N, 1, TEXT("x")));
	check(&packed, slices, one);
	assert_true(packed_text_replace(&packed, store, slices, N, 1, (struct text){0}));
	check(&packed, slices, none);
	packed_text_clear(&packed, store);
}

/* The texts may be views into the very block that is replaced. */
static void test_texts_may_be_views_into_the_old_block(void **state)
{
	static const struct text texts[N] = {TEXT("abc"), TEXT("defg"), TEXT("hi"), TEXT("j")};
	static const char *const swapped[N] = {"j", "hi", "defg", "abc"},
				 *const part[N] = {"j", "hi", "ef", "abc"},
				 *const same_length[N] = {"j", "bc", "ef", "abc"};
	struct text_slice slices[N];
	struct packed_text packed = {0};
	struct text views[N];

	(void)state;
	assert_true(packed_text_build(&packed, store, texts, slices, N));
	for (unsigned i = 0; i < N; i++)
		views[i] = packed_text_get(&packed, slices[N - 1 - i]);
	assert_true(packed_text_build(&packed, store, views, slices, N));
	check(&packed, slices, swapped);
	assert_int_equal(store_blocks(store), 1);
	views[0] = packed_text_get(&packed, slices[2]);
	assert_true(packed_text_replace(&packed, store, slices, N, 2,
					(struct text){views[0].at + 1, 2}));
	check(&packed, slices, part);
	views[0] = packed_text_get(&packed, slices[3]);
	assert_true(packed_text_replace(&packed, store, slices, N, 1,
					(struct text){views[0].at + 1, 2}));
	check(&packed, slices, same_length);
	packed_text_clear(&packed, store);
}

/* Each of the texts at, below and above the bound. */
static void test_the_bound_of_a_block(void **state)
{
	static char large[LIMIT_DIALOG_TEXT_BYTES + 1];

	(void)state;
	memset(large, 'l', sizeof(large));
	for (unsigned which = 0; which < N; which++) {
		struct text texts[N] = {TEXT("a"), TEXT("b"), TEXT("c"), TEXT("d")};
		struct text_slice slices[N];
		struct packed_text packed = {0};

		texts[which] = (struct text){large, LIMIT_DIALOG_TEXT_BYTES - 3 + 1};
		assert_false(packed_text_build(&packed, store, texts, slices, N));
		assert_null(packed.bytes);
		texts[which].len--;
		assert_true(packed_text_build(&packed, store, texts, slices, N));
		assert_int_equal(packed_text_get(&packed, slices[which]).len,
				 LIMIT_DIALOG_TEXT_BYTES - 3);
		assert_false(packed_text_replace(&packed, store, slices, N, (which + 1) % N,
						 TEXT("zz")));
		assert_int_equal(packed_text_get(&packed, slices[(which + 1) % N]).len, 1);
		assert_true(
			packed_text_replace(&packed, store, slices, N, (which + 1) % N, TEXT("z")));
		packed_text_clear(&packed, store);
	}
}

/* Sums near 2^32 do not wrap around the bound. */
static void test_lengths_cannot_overflow(void **state)
{
	struct text texts[2] = {{"x", UINT32_MAX}, {"y", 2}};
	struct text_slice slices[2];
	struct packed_text packed = {0};

	(void)state;
	assert_false(packed_text_build(&packed, store, texts, slices, 2));
	texts[0].len = 2;
	texts[1].len = UINT32_MAX - 1;
	assert_false(packed_text_build(&packed, store, texts, slices, 2));
}

static void test_replacing_by_the_same_takes_no_memory(void **state)
{
	static const struct text texts[N] = {TEXT("one"), TEXT("two"), TEXT("three"), TEXT("")};
	static const char *const same[N] = {"one", "two", "three", ""}, *const other[N] = {
										"one", "TWO",
										"three", ""};
	struct text_slice slices[N];
	struct packed_text packed = {0};
	const char *bytes;

	(void)state;
	assert_true(packed_text_build(&packed, store, texts, slices, N));
	bytes = packed.bytes;
	for (unsigned i = 0; i < N; i++)
		assert_true(packed_text_replace(&packed, store, slices, N, i, texts[i]));
	assert_ptr_equal(packed.bytes, bytes);
	check(&packed, slices, same);
	assert_true(packed_text_replace(&packed, store, slices, N, 1,
					TEXT("TWO"))); /* as long: in place */
	assert_ptr_equal(packed.bytes, bytes);
	check(&packed, slices, other);
	packed_text_clear(&packed, store);
}

static void test_without_memory_everything_stays(void **state)
{
	static const struct text texts[N] = {TEXT("one"), TEXT("two"), TEXT("three"), TEXT("")};
	static const char *const want[N] = {"one", "two", "three", ""};
	struct text_slice slices[N], before[N];
	struct packed_text packed = {0};
	struct store *none = store_open(1);

	(void)state;
	assert_true(packed_text_build(&packed, store, texts, slices, N));
	memcpy(before, slices, sizeof(before));
	assert_false(packed_text_build(&packed, none, texts, slices, N));
	assert_memory_equal(before, slices, sizeof(before));
	assert_false(packed_text_replace(&packed, none, slices, N, 0, TEXT("longer")));
	assert_memory_equal(before, slices, sizeof(before));
	check(&packed, slices, want);
	packed_text_clear(&packed, store);
	store_close(none);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_texts_come_back_as_they_went_in),
		TEST(test_only_empty_texts),
		TEST(test_texts_may_be_views_into_the_old_block),
		TEST(test_the_bound_of_a_block),
		TEST(test_lengths_cannot_overflow),
		TEST(test_replacing_by_the_same_takes_no_memory),
		TEST(test_without_memory_everything_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
