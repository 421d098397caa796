#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>

socklen_t address_of_endpoint(const struct endpoint *endpoint, union address *ret)
{
	if (endpoint->family == 4) {
		ret->v4 = (struct sockaddr_in){.sin_family = AF_INET,
					       .sin_port = htons(endpoint->port)};
		memcpy(&ret->v4.sin_addr, endpoint->ip, 4);
		return sizeof(ret->v4);
	}
	if (endpoint->family == 6) {
		ret->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
						.sin6_port = htons(endpoint->port)};
		memcpy(&ret->v6.sin6_addr, endpoint->ip, 16);
		return sizeof(ret->v6);
	}
	return 0;
}

struct endpoint address_to_endpoint(const union address *address, enum transport transport)
{
	struct endpoint endpoint = {.transport = (uint8_t)transport};

	if (address->any.sa_family == AF_INET) {
		endpoint.family = 4;
		endpoint.port = ntohs(address->v4.sin_port);
		memcpy(endpoint.ip, &address->v4.sin_addr, 4);
	} else if (address->any.sa_family == AF_INET6) {
		endpoint.family = 6;
		endpoint.port = ntohs(address->v6.sin6_port);
		memcpy(endpoint.ip, &address->v6.sin6_addr, 16);
	}
	return endpoint;
}

const char *address_error_name(int error)
{
	const char *name = strerrordesc_np(error);

	return name ? name : "unknown error";
}
