#include "base/digest.h"

#include <assert.h>
#include <nettle/aes.h>
#include <nettle/base64.h>
#include <nettle/memops.h>

void digest_begin(struct digest *digest, enum digest_algorithm algorithm)
{
	digest->algorithm = algorithm;
	if (algorithm == DIGEST_MD5)
		md5_init(&digest->of.md5);
	else
		sha256_init(&digest->of.sha256);
}

void digest_put(struct digest *digest, struct text text)
{
	if (text.len == 0)
		return;
	if (digest->algorithm == DIGEST_MD5)
		md5_update(&digest->of.md5, text.len, (const uint8_t *)text.at);
	else
		sha256_update(&digest->of.sha256, text.len, (const uint8_t *)text.at);
}

void digest_end(struct digest *digest, uint8_t *ret)
{
	if (digest->algorithm == DIGEST_MD5)
		md5_digest(&digest->of.md5, MD5_DIGEST_SIZE, ret);
	else
		sha256_digest(&digest->of.sha256, SHA256_DIGEST_SIZE, ret);
	digest_wipe(digest, sizeof(*digest));
}

void digest_encrypt_block(const uint8_t key[16], const uint8_t in[16], uint8_t ret[16])
{
	struct aes128_ctx aes;

	aes128_set_encrypt_key(&aes, key);
	aes128_encrypt(&aes, AES_BLOCK_SIZE, ret, in);
	digest_wipe(&aes, sizeof(aes));
}

void digest_put_hex(struct text_writer *w, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		text_put_char(w, digits[bytes[i] >> 4]);
		text_put_char(w, digits[bytes[i] & 15]);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_from_hex(struct text hex, uint8_t *ret, size_t n)
{
	if (hex.len != 2 * n)
		return false;
	for (uint32_t i = 0; i < hex.len; i++) {
		if (hex_value(hex.at[i]) < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		ret[i] = (uint8_t)(hex_value(hex.at[2 * i]) << 4 | hex_value(hex.at[2 * i + 1]));
	return true;
}

void digest_put_base64(struct text_writer *w, const uint8_t *bytes, size_t n)
{
	char base64[BASE64_ENCODE_RAW_LENGTH(DIGEST_BASE64_BYTES_MAX)];

	assert(n <= DIGEST_BASE64_BYTES_MAX);
	base64_encode_raw(base64, n, bytes);
	text_put(w, (struct text){base64, (uint32_t)BASE64_ENCODE_RAW_LENGTH(n)});
	digest_wipe(base64, sizeof(base64));
}

bool digest_from_base64(struct text base64, uint8_t *ret, size_t n)
{
	/* The length is checked first: what fits into `bytes` is decided before anything is decoded. */
	uint8_t bytes[BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(DIGEST_BASE64_BYTES_MAX))];
	struct base64_decode_ctx decoder;
	size_t len = sizeof(bytes);
	bool is_good;

	assert(n <= DIGEST_BASE64_BYTES_MAX);
	if (base64.len != BASE64_ENCODE_RAW_LENGTH(n))
		return false;
	base64_decode_init(&decoder);
	is_good = base64_decode_update(&decoder, &len, bytes, base64.len, base64.at) &&
		  base64_decode_final(&decoder) && len == n;
	if (is_good && n)
		memcpy(ret, bytes, n);
	digest_wipe(bytes, sizeof(bytes));
	return is_good;
}

bool digest_equal(const void *a, const void *b, size_t n)
{
	return memeql_sec(a, b, n) != 0;
}

void digest_wipe(void *secret, size_t n)
{
	memset(secret, 0, n);
	__asm__ volatile("" : : "r"(secret) : "memory"); /* somebody may look: keep the writing */
}
