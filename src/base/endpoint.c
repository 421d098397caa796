#include "base/endpoint.h"

#include <arpa/inet.h>

bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, a->family == 4 ? 4 : 16) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_address(a, b) && a->transport == b->transport && a->port == b->port;
}

bool endpoint_parse_ip(struct text literal, struct endpoint *ret)
{
	char string[48];
	uint8_t ip[16] = {0};
	uint8_t family;

	if (literal.len >= 2 && literal.at[0] == '[' && literal.at[literal.len - 1] == ']') {
		literal = (struct text){literal.at + 1, literal.len - 2};
		family = 6;
	} else {
		family = text_find(literal, ':') < literal.len ? 6 : 4;
	}
	if (literal.len == 0 || literal.len >= sizeof(string) ||
	    text_find(literal, 0) < literal.len)
		return false;
	memcpy(string, literal.at, literal.len);
	string[literal.len] = 0;
	if (inet_pton(family == 4 ? AF_INET : AF_INET6, string, ip) != 1)
		return false;
	ret->family = family;
	memcpy(ret->ip, ip, 16);
	return true;
}

void endpoint_put_ip(struct text_writer *w, const struct endpoint *e)
{
	char string[INET6_ADDRSTRLEN];

	if (e->family == 4) {
		for (int i = 0; i < 4; i++) {
			if (i)
				text_put_char(w, '.');
			text_put_u64(w, e->ip[i]);
		}
	} else if (e->family == 6 && inet_ntop(AF_INET6, e->ip, string, sizeof(string))) {
		text_put(w, text_of(string));
	}
}

void endpoint_put_host(struct text_writer *w, const struct endpoint *e)
{
	if (e->family == 6)
		text_put_char(w, '[');
	endpoint_put_ip(w, e);
	if (e->family == 6)
		text_put_char(w, ']');
}

void endpoint_put(struct text_writer *w, const struct endpoint *e)
{
	endpoint_put_host(w, e);
	text_put_char(w, ':');
	text_put_u64(w, e->port);
}

const char *transport_name(enum transport transport)
{
	return transport == TRANSPORT_TCP ? "TCP" : "UDP";
}

const char *transport_parameter(enum transport transport)
{
	return transport == TRANSPORT_TCP ? "tcp" : "udp";
}
