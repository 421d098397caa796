/* Published examples: RFC 1321 §A.5, FIPS 180-4, FIPS 197 §C.1, RFC 4648 §10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/digest.h"

static void assert_digest(enum digest_algorithm algorithm, const char *in, const char *hex)
{
	/* In one piece, and byte by byte. */
	for (unsigned pieces = 0; pieces < 2; pieces++) {
		struct digest digest;
		uint8_t got[DIGEST_BYTES_MAX];
		char text[65];
		struct text_writer w = text_writer_on(text, sizeof(text));

		digest_begin(&digest, algorithm);
		if (pieces == 0)
			digest_put(&digest, text_of(in));
		else
			for (const char *c = in; *c; c++)
				digest_put(&digest, (struct text){c, 1});
		digest_end(&digest, got);
		digest_put_hex(&w, got, digest_bytes(algorithm));
		assert_true(text_equal(text_written(&w), text_of(hex)));
	}
}

static void test_known_digests(void **state)
{
	(void)state;
	assert_digest(DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e");
	assert_digest(DIGEST_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72");
	assert_digest(DIGEST_MD5, "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b");
	assert_digest(DIGEST_SHA256, "",
		      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest(DIGEST_SHA256, "abc",
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_digest(DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_one_block_of_aes_128(void **state)
{
	uint8_t key[16], block[16], wanted[16];

	(void)state;
	assert_true(digest_from_hex(TEXT("000102030405060708090a0b0c0d0e0f"), key, 16));
	assert_true(digest_from_hex(TEXT("00112233445566778899aabbccddeeff"), block, 16));
	assert_true(digest_from_hex(TEXT("69c4e0d86a7b0430d8cdb78070b4c55a"), wanted, 16));
	digest_encrypt_block(key, block, block);
	assert_memory_equal(block, wanted, 16);
}

static void test_hex_of_exactly_so_many_bytes(void **state)
{
	static const char *const wrong[] = {"", "0", "00f", "00fff", "00fg", "00f ", "0x00"};
	uint8_t bytes[2] = {7, 7};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(digest_from_hex(text_of(wrong[i]), bytes, 2));
		assert_true(bytes[0] == 7 && bytes[1] == 7);
	}
	assert_true(digest_from_hex(TEXT("aF09"), bytes, 2));
	assert_true(bytes[0] == 0xaf && bytes[1] == 0x09);
	assert_true(digest_from_hex((struct text){0}, bytes, 0));
}

static void test_base64_there_and_back(void **state)
{
	static const struct {
		const char *plain, *base64;
	} rows[] = {{"", ""},
		    {"f", "Zg=="},
		    {"fo", "Zm8="},
		    {"foo", "Zm9v"},
		    {"foob", "Zm9vYg=="},
		    {"fooba", "Zm9vYmE="},
		    {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t n = strlen(rows[i].plain);
		uint8_t bytes[8];
		char text[16];
		struct text_writer w = text_writer_on(text, sizeof(text));

		digest_put_base64(&w, (const uint8_t *)rows[i].plain, n);
		assert_true(text_equal(text_written(&w), text_of(rows[i].base64)));
		assert_true(digest_from_base64(text_of(rows[i].base64), bytes, n));
		assert_memory_equal(bytes, rows[i].plain, n);
	}
}

static void test_base64_that_is_not_so_many_bytes(void **state)
{
	static const char *const wrong[] = {"",           "Zg",          "Zm9vYg==", "Zm9v",
					    "Zm8=Zm8=",   "Zm9 YmFy",    "Zm9-YmFy", "Zm9vYm==",
					    "Zm9vYm\r\n", "Zm9vYmFyZg=="};
	uint8_t bytes[6] = "stays";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(digest_from_base64(text_of(wrong[i]), bytes, 6));
		assert_memory_equal(bytes, "stays", 6);
	}
}

static void test_the_longest_base64(void **state)
{
	uint8_t in[DIGEST_BASE64_BYTES_MAX], out[DIGEST_BASE64_BYTES_MAX];
	char text[64];
	struct text_writer w = text_writer_on(text, sizeof(text));

	(void)state;
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	digest_put_base64(&w, in, sizeof(in));
	assert_false(w.full);
	assert_int_equal(w.len, 64);
	assert_true(digest_from_base64(text_written(&w), out, sizeof(out)));
	assert_memory_equal(in, out, sizeof(in));
}

static void test_equal_and_wiped(void **state)
{
	uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 4};
	static const uint8_t zero[4];

	(void)state;
	assert_true(digest_equal(a, b, 4));
	for (unsigned i = 0; i < 4; i++) {
		b[i] ^= 0x80;
		assert_false(digest_equal(a, b, 4));
		assert_true(digest_equal(a, b, i));
		b[i] ^= 0x80;
	}
	digest_wipe(a, sizeof(a));
	assert_memory_equal(a, zero, 4);
}

static void test_the_state_of_a_digest_is_wiped(void **state)
{
	struct digest digest;
	static const struct digest nothing;
	uint8_t out[DIGEST_BYTES_MAX];

	(void)state;
	memset(&digest, 0, sizeof(digest));
	digest_begin(&digest, DIGEST_SHA256);
	digest_put(&digest, TEXT("secret"));
	digest_end(&digest, out);
	assert_memory_equal(&digest, &nothing, sizeof(digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_digests),
		cmocka_unit_test(test_one_block_of_aes_128),
		cmocka_unit_test(test_hex_of_exactly_so_many_bytes),
		cmocka_unit_test(test_base64_there_and_back),
		cmocka_unit_test(test_base64_that_is_not_so_many_bytes),
		cmocka_unit_test(test_the_longest_base64),
		cmocka_unit_test(test_equal_and_wiped),
		cmocka_unit_test(test_the_state_of_a_digest_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
