/* The published test sets of TS 35.207 and TS 35.208. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/digest.h"
#include "roles/scscf/milenage.h"

struct set {
	const char *k, *opc, *rand, *sqn, *amf;
	const char *f1, *f1_star, *f2, *f3, *f4, *f5, *f5_star;
};

static const struct set sets[] = {
	{"465b5ce8b199b49faa5f0a2ee238a6bc", "cd63cb71954a9f4e48a5994e37a02baf",
	 "23553cbe9637a89d218ae64dae47bf35", "ff9bb4d0b607", "b9b9", "4a9ffac354dfafb3",
	 "01cfaf9ec4e871e9", "a54211d5e3ba50bf", "b40ba9a3c58b2a05bbf0d987b21bf8cb",
	 "f769bcd751044604127672711c6d3441", "aa689c648370", "451e8beca43b"},
	{"0396eb317b6d1c36f19c1c84cd6ffd16", "53c15671c60a4b731c55b4a441c0bde2",
	 "c00d603103dcee52c4478119494202e8", "fd8eef40df7d", "af17", "5df5b31807e258b0",
	 "a8c016e51ef4a343", "d3a628ed988620f0", "58c433ff7a7082acd424220f2b67c556",
	 "21a8c1f929702adb3e738488b9f5c5da", "c47783995f72", "30f1197061c1"},
	{"fec86ba6eb707ed08905757b1bb44b8f", "1006020f0a478bf6b699f15c062e42b3",
	 "9f7c8d021accf4db213ccff0c7f71a6a", "9d0277595ffc", "725c", "9cabc3e99baf7281",
	 "95814ba2b3044324", "8011c48c0c214ed2", "5dbdbb2954e8f3cde665b046179a5098",
	 "59a92d3b476a0443487055cf88b2307b", "33484dc2136b", "deacdd848cc6"},
	{"9e5944aea94b81165c82fbf9f32db751", "a64a507ae1a2a98bb88eb4210135dc87",
	 "ce83dbc54ac0274a157c17f80d017bd6", "0b604a81eca8", "9e09", "74a58220cba84c49",
	 "ac2cc74a96871837", "f365cd683cd92e96", "e203edb3971574f5a94b0d61b816345d",
	 "0c4524adeac041c4dd830d20854fc46b", "f0b9c08ad02e", "6085a86c6f63"},
	{"4ab1deb05ca6ceb051fc98e77d026a84", "dcf07cbd51855290b92a07a9891e523e",
	 "74b0cd6031a1c8339b2b6ce2b8c4a186", "e880a1b580b6", "9f07", "49e785dd12626ef2",
	 "9e85790336bb3fa2", "5860fc1bce351e7e", "7657766b373d1c2138f307e3de9242f9",
	 "1c42e960d89b8fa99f2744e0708ccb53", "31e11a609118", "fe2555e54aa9"},
	{"6c38a116ac280c454f59332ee35c8c4f", "3803ef5363b947c6aaa225e58fae3934",
	 "ee6466bc96202c5a557abbeff8babf63", "414b98222181", "4464", "078adfb488241a57",
	 "80246b8d0186bcf1", "16c8233f05a0ac28", "3f8c7587fe8e4b233af676aede30ba3b",
	 "a7466cc1e6b2a1337d49d3b66e95d7b4", "45b0f69ab06c", "1f53cd2b1113"},
};

static void bytes(const char *hex, uint8_t *ret, size_t n)
{
	assert_true(digest_from_hex(text_of(hex), ret, n));
}

static void assert_bytes(const uint8_t *got, const char *hex)
{
	uint8_t wanted[16];
	size_t n = strlen(hex) / 2;

	bytes(hex, wanted, n);
	assert_memory_equal(got, wanted, n);
}

static void test_au_9_the_published_test_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		const struct set *set = &sets[i];
		uint8_t k[16], opc[16], rand[16], sqn[6], amf[2], mac_a[8], mac_s[8], ak[6];
		struct milenage_key key = {k, opc};
		struct milenage_vector vector;

		bytes(set->k, k, 16);
		bytes(set->opc, opc, 16);
		bytes(set->rand, rand, 16);
		bytes(set->sqn, sqn, 6);
		bytes(set->amf, amf, 2);
		milenage_f1(key, rand, sqn, amf, mac_a, mac_s);
		milenage_f2345(key, rand, &vector);
		milenage_f5_star(key, rand, ak);
		assert_bytes(mac_a, set->f1);
		assert_bytes(mac_s, set->f1_star);
		assert_bytes(vector.res, set->f2);
		assert_bytes(vector.ck, set->f3);
		assert_bytes(vector.ik, set->f4);
		assert_bytes(vector.ak, set->f5);
		assert_bytes(ak, set->f5_star);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_au_9_the_published_test_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
