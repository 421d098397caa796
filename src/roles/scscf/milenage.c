/* TS 35.206 §4.1: the algorithm framework with its own r1 .. r5 and c1 .. c5 */
#include "roles/scscf/milenage.h"

#include <string.h>

#include "base/digest.h"

struct block {
	uint8_t byte[16];
};

static struct block block_of(const uint8_t bytes[16])
{
	struct block block;

	memcpy(block.byte, bytes, 16);
	return block;
}

static struct block block_xor(struct block a, const uint8_t b[16])
{
	for (unsigned i = 0; i < 16; i++)
		a.byte[i] ^= b[i];
	return a;
}

/* Cyclic, toward the most significant bit; all of Milenage's r are whole bytes. */
static struct block block_rotate(struct block in, unsigned bytes)
{
	struct block out;

	for (unsigned i = 0; i < 16; i++)
		out.byte[i] = in.byte[(i + bytes) % 16];
	return out;
}

static struct block encrypt(struct milenage_key key, struct block in)
{
	digest_encrypt_block(key.k, in.byte, in.byte);
	return in;
}

/* TEMP = E[RAND xor OPc] */
static struct block temp_of(struct milenage_key key, const uint8_t rand[16])
{
	return encrypt(key, block_xor(block_of(rand), key.opc));
}

/* OUT2 .. OUT5 = E[rot(TEMP xor OPc, r) xor c] xor OPc; c differs from 0 in its last byte only. */
static struct block out_of(struct milenage_key key, struct block temp, unsigned r_bytes, uint8_t c)
{
	struct block in = block_rotate(block_xor(temp, key.opc), r_bytes);

	in.byte[15] ^= c;
	return block_xor(encrypt(key, in), key.opc);
}

void milenage_f1(struct milenage_key key, const uint8_t rand[16], const uint8_t sqn[6],
		 const uint8_t amf[2], uint8_t ret_mac_a[8], uint8_t ret_mac_s[8])
{
	struct block temp = temp_of(key, rand), in1, out1;

	/* IN1 = SQN || AMF || SQN || AMF */
	for (unsigned half = 0; half < 16; half += 8) {
		memcpy(in1.byte + half, sqn, 6);
		memcpy(in1.byte + half + 6, amf, 2);
	}
	/* OUT1 = E[TEMP xor rot(IN1 xor OPc, r1) xor c1] xor OPc, r1 = 64, c1 = 0 */
	out1 = block_xor(block_rotate(block_xor(in1, key.opc), 8), temp.byte);
	out1 = block_xor(encrypt(key, out1), key.opc);
	memcpy(ret_mac_a, out1.byte, 8);
	memcpy(ret_mac_s, out1.byte + 8, 8);
	digest_wipe(&temp, sizeof(temp));
	digest_wipe(&out1, sizeof(out1));
}

void milenage_f2345(struct milenage_key key, const uint8_t rand[16], struct milenage_vector *ret)
{
	struct block temp = temp_of(key, rand), out2 = out_of(key, temp, 0, 1),
		     out3 = out_of(key, temp, 4, 2), out4 = out_of(key, temp, 8, 4);

	memcpy(ret->ak, out2.byte, 6);
	memcpy(ret->res, out2.byte + 8, 8);
	memcpy(ret->ck, out3.byte, 16);
	memcpy(ret->ik, out4.byte, 16);
	digest_wipe(&temp, sizeof(temp));
	digest_wipe(&out2, sizeof(out2));
	digest_wipe(&out3, sizeof(out3));
	digest_wipe(&out4, sizeof(out4));
}

void milenage_f5_star(struct milenage_key key, const uint8_t rand[16], uint8_t ret_ak[6])
{
	struct block temp = temp_of(key, rand), out5 = out_of(key, temp, 12, 8);

	memcpy(ret_ak, out5.byte, 6);
	digest_wipe(&temp, sizeof(temp));
	digest_wipe(&out5, sizeof(out5));
}
