/* RFC 3261 §25.1: which character may stand where, as one table. */
#include "sip/chars.h"

#define T SIP_CHAR_TOKEN
#define W SIP_CHAR_WHITE
#define U SIP_CHAR_USER
#define P SIP_CHAR_PASSWORD
#define H SIP_CHAR_HOST
#define R SIP_CHAR_RESERVED
#define I SIP_CHAR_URI
#define N SIP_CHAR_PARAM_NAME
#define V SIP_CHAR_PARAM_VALUE
#define X SIP_CHAR_HEX

const uint16_t sip_chars[256] = {
	['\t' ... '\n'] = W,
	['\r'] = W,
	[' '] = W,
	['!'] = T | U | P | I | N | V,
	['#'] = I | V,
	['$'] = U | P | R | I | N | V,
	['%'] = T | I | N | V,
	['&'] = U | P | R | I | N | V,
	['\''] = T | U | P | I | N | V,
	['(' ... ')'] = U | P | I | N | V,
	['*'] = T | U | P | I | N | V,
	['+'] = T | U | P | R | I | N | V,
	[','] = U | P | R | I,
	['-' ... '.'] = T | U | P | H | I | N | V,
	['/'] = U | R | I | N | V,
	['0' ... '9'] = T | U | P | H | I | N | V | X,
	[':'] = R | I | N | V,
	[';'] = U | R | I,
	['='] = U | P | R | I | V,
	['?'] = U | R | I | V,
	['@'] = R | I | V,
	['A' ... 'F'] = T | U | P | H | I | N | V | X,
	['G' ... 'Z'] = T | U | P | H | I | N | V,
	['['] = I | N | V,
	['\\'] = I,
	[']'] = I | N | V,
	['^'] = I | V,
	['_'] = T | U | P | H | I | N | V,
	['`'] = T | I | N | V,
	['a' ... 'f'] = T | U | P | H | I | N | V | X,
	['g' ... 'z'] = T | U | P | H | I | N | V,
	['{' ... '}'] = I | V,
	['~'] = T | U | P | I | N | V,
	[0x80 ... 0xff] = V,
};
