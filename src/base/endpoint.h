/* Where bytes come from and go to: transport, address, port, and the connection of a stream. */
#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include "base/text.h"

enum transport {
	TRANSPORT_UDP,
	TRANSPORT_TCP,
};

struct endpoint {
	uint8_t transport; /* enum transport */
	uint8_t family;    /* 4 or 6; 0: none */
	uint16_t port;     /* host order */
	uint32_t flow;  /* stream: number of the connection, 0 when not (yet) known; datagrams: 0 */
	uint8_t ip[16]; /* network order, an IPv4 address in the first four */
};

static inline bool endpoint_is_set(const struct endpoint *e)
{
	return e->family != 0;
}

bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b); /* family and IP */
bool endpoint_equal(const struct endpoint *a,
		    const struct endpoint *b); /* and transport and port; not the flow */

/* An IPv4 or IPv6 literal, the latter with or without [ ]; false for anything else (and *ret
 * untouched). Sets family and ip. */
bool endpoint_parse_ip(struct text literal, struct endpoint *ret);
/* As in a URI or Via: 127.0.0.1 or [::1]. */
void endpoint_put_host(struct text_writer *w, const struct endpoint *e);
/* As in received=: without brackets. */
void endpoint_put_ip(struct text_writer *w, const struct endpoint *e);
/* host:port, as in logs. */
void endpoint_put(struct text_writer *w, const struct endpoint *e);

const char *transport_name(enum transport transport);      /* "UDP", as in Via */
const char *transport_parameter(enum transport transport); /* "udp", as in ;transport= */
static inline bool transport_is_reliable(uint8_t transport)
{
	return transport != TRANSPORT_UDP;
}

#endif
