#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/random.h"

/* The published vectors of SipHash-2-4: key 00 01 .. 0f, input 00 01 02 .. of the length that is the row. */
static const uint64_t vectors[] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a,
	0x85676696d7fb7e2d, 0xcf2794e0277187b7, 0x18765564cd99a68d,
	0xcbc9466e58fee3ce, 0xab0200f58b01d137, 0x93f5f5799a932462,
};
#define VECTOR_OF_15 0xa129ca6149be45e5

static const struct hash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};

static void test_siphash_vectors(void **state)
{
	unsigned char input[16];

	(void)state;
	for (unsigned i = 0; i < sizeof(input); i++)
		input[i] = (unsigned char)i;
	for (unsigned len = 0; len < sizeof(vectors) / sizeof(vectors[0]); len++)
		assert_true(hash_bytes(&key, input, len) == vectors[len]);
	assert_true(hash_bytes(&key, input, 15) == VECTOR_OF_15);
	assert_true(hash_bytes(&key, NULL, 0) == vectors[0]);
}

static void test_hash_of_unaligned_bytes_is_the_same(void **state)
{
	char *exact = malloc(15 + 8);

	(void)state;
	for (unsigned shift = 0; shift < 8; shift++) {
		for (unsigned i = 0; i < 15; i++)
			exact[shift + i] = (char)i;
		assert_true(hash_bytes(&key, exact + shift, 15) == VECTOR_OF_15);
	}
	free(exact);
}

static void test_hash_of_texts_depends_on_where_they_are_cut(void **state)
{
	const struct text a[] = {TEXT("ab"), TEXT("c")}, b[] = {TEXT("a"), TEXT("bc")};
	const struct text c[] = {TEXT("abc"), {NULL, 0}}, d[] = {{NULL, 0}, TEXT("abc")};
	uint64_t h[4] = {hash_texts(&key, a, 2), hash_texts(&key, b, 2), hash_texts(&key, c, 2),
			 hash_texts(&key, d, 2)};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			assert_true(h[i] != h[j]);
	assert_true(hash_texts(&key, a, 2) == h[0]);
	assert_true(hash_texts(&key, c, 1) == hash_bytes(&key, "abc", 3));
}

static void test_another_key_gives_another_hash(void **state)
{
	struct hash_key other = key;

	(void)state;
	other.word[1] ^= 1;
	assert_true(hash_bytes(&other, "abc", 3) != hash_bytes(&key, "abc", 3));
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
	struct random a = random_from(1, 2), b = random_from(1, 2), c = random_from(2, 1);
	unsigned same = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t n = random_u64(&a);

		assert_true(n == random_u64(&b));
		same += n == random_u64(&c);
	}
	assert_int_equal(same, 0);
}

static void test_draws_stay_below_their_bound_and_are_even(void **state)
{
	struct random r = random_from(3, 4);
	unsigned seen[10] = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		seen[random_below(&r, 10)]++;
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(seen[i], 9500, 10500);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(random_below(&r, 1), 0);
		assert_true(random_below(&r, UINT32_MAX) < UINT32_MAX);
	}
}

static void test_every_bit_of_a_draw_is_even(void **state)
{
	struct random r = random_from(0, 0);
	unsigned ones[64] = {0};

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint64_t n = random_u64(&r);

		for (unsigned bit = 0; bit < 64; bit++)
			ones[bit] += (unsigned)(n >> bit & 1);
	}
	for (unsigned bit = 0; bit < 64; bit++)
		assert_in_range(ones[bit], 4750, 5250);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_vectors),
		cmocka_unit_test(test_hash_of_unaligned_bytes_is_the_same),
		cmocka_unit_test(test_hash_of_texts_depends_on_where_they_are_cut),
		cmocka_unit_test(test_another_key_gives_another_hash),
		cmocka_unit_test(test_the_same_seed_gives_the_same_run),
		cmocka_unit_test(test_draws_stay_below_their_bound_and_are_even),
		cmocka_unit_test(test_every_bit_of_a_draw_is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
