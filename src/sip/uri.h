/* sip:, sips: and tel: URIs, RFC 3261 §19.1 and RFC 3966. */
#ifndef SIP_URI_H
#define SIP_URI_H

#include "base/endpoint.h"
#include "base/text.h"

enum sip_uri_scheme {
	SIP_URI_SIP,
	SIP_URI_SIPS,
	SIP_URI_TEL,
	SIP_URI_OTHER, /* absoluteURI of another scheme: only `whole` is set */
};

struct sip_uri {
	struct text whole;
	enum sip_uri_scheme scheme;
	struct text user;     /* without password; escapes as written; for tel: the number */
	struct text password; /* empty when absent */
	struct text host;     /* an IPv6 reference with its brackets */
	uint16_t port;	      /* 0: not written */
	struct text params;   /* from the first ';', empty when none */
	struct text headers;  /* after '?', empty when none */
};

/* false: malformed or longer than LIMIT_URI_BYTES (and *ret untouched). */
bool sip_uri_parse(struct text uri, struct sip_uri *ret);

/* Comparison of RFC 3261 §19.1.4 (tel: RFC 3966 §5). URIs of other schemes are equal when their
 * bytes are. */
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

/* A parameter of the URI; see sip_param(). */
bool sip_uri_param(const struct sip_uri *uri, struct text name, struct text *ret_value);

/* Address of record for looking a user up (RFC 3261 §10.3 step 5): scheme, user unescaped, host in
 * lower case and port when written, no parameters, no headers, no password; sips: becomes sip:;
 * tel: the number without visual separators. Written to `w`. Characters that may not stand in a
 * user part unescaped keep their escape, in capital letters: the result is a URI again. A local
 * tel: number keeps its phone-context, without which it is nobody's (RFC 3966 §5.1.5). */
void sip_uri_put_address_of_record(const struct sip_uri *uri, struct text_writer *w);

#endif
