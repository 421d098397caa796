/* Classes of characters and the smallest steps over them, RFC 3261 §25.1. For the parsers of this
 * folder only. */
#ifndef SIP_CHARS_H
#define SIP_CHARS_H

#include "base/endpoint.h"
#include "base/text.h"
#include "sip/message.h"

enum sip_char {
	SIP_CHAR_TOKEN = 1,
	SIP_CHAR_WHITE = 2,        /* SP HT CR LF: linear white space, folding included */
	SIP_CHAR_USER = 4,         /* unreserved and user-unreserved; "%" apart */
	SIP_CHAR_PASSWORD = 8,     /* unreserved and & = + $ , */
	SIP_CHAR_HOST = 16,        /* hostname, IPv4address; and "_", which many zones have */
	SIP_CHAR_RESERVED = 32,    /* RFC 2396 §2.2, as RFC 3261 §19.1.4 uses it */
	SIP_CHAR_URI = 64,         /* may stand in any URI */
	SIP_CHAR_PARAM_NAME = 128, /* token, and what a uri-parameter may have besides */
	/* What does not end an unquoted value: more than the grammar, so that odd values of parameters that nobody asked for pass. */
	SIP_CHAR_PARAM_VALUE = 256,
	SIP_CHAR_HEX = 512,
};

extern const uint16_t sip_chars[256];

static inline bool sip_char_is(char c, unsigned classes)
{
	return (sip_chars[(unsigned char)c] & classes) != 0;
}

/* First place in [at, end) that is not of the class. */
static inline const char *sip_skip(const char *at, const char *end, unsigned classes)
{
	while (at < end && sip_char_is(*at, classes))
		at++;
	return at;
}

static inline bool sip_all_are(struct text t, unsigned classes)
{
	return t.len == 0 || sip_skip(t.at, t.at + t.len, classes) == t.at + t.len;
}

/* Behind the closing quote of the quoted string that opens at `at`; NULL when it is never closed. */
const char *sip_skip_quoted(const char *at, const char *end);

enum sip_param_step {
	SIP_PARAM_END,
	SIP_PARAM_FOUND,
	SIP_PARAM_BAD,
};
/* Cuts the first ";name[=value]" off *rest. A bare parameter has a value with `at` NULL. */
enum sip_param_step sip_param_next(struct text *rest, struct text *ret_name,
				   struct text *ret_value);

/* "[...]" into its address. Three colons in a row are taken for two: the grammar of RFC 3261
 * allowed them by mistake, and RFC 5118 §4.10 asks to bear with them. */
bool sip_ipv6_reference(struct text host, struct endpoint *ret);

/* sip_header_of() for a name within a message: `readable` bytes may be read from its begin. */
enum sip_header sip_header_at(const char *name, uint32_t len, size_t readable);

/* As sip_via_parse(), but what could be read of sent-protocol and sent-by stays in *ret when it
 * fails: enough to answer. */
bool sip_via_read(struct text value, struct sip_via *ret);

#endif
