/* Endpoints of the core and addresses of the system, one into the other. */
#ifndef IO_ADDRESS_H
#define IO_ADDRESS_H

#include "base/endpoint.h"

#include <netinet/in.h>
#include <sys/socket.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Length for the system; 0 when the endpoint has no address. */
socklen_t address_of_endpoint(const struct endpoint *endpoint, union address *ret);
/* Flow 0. An address of another family gives an endpoint that is not set. */
struct endpoint address_to_endpoint(const union address *address, enum transport transport);
/* A word about an errno for logs, the same on every thread. */
const char *address_error_name(int error);

#endif
