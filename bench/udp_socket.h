/* What the generator and the floor program share: addresses, big UDP sockets, one CPU each. */
#ifndef BENCH_UDP_SOCKET_H
#define BENCH_UDP_SOCKET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	UDP_BATCH = 64,           /* datagrams per system call, received or sent */
	UDP_DATAGRAM_SIZE = 2048, /* every message of the bench is far below this */
	UDP_BUFFER_BYTES = 32 << 20,
};

/* "127.0.0.1:5060"; false when it is anything else. */
static inline bool udp_parse_address(const char *text, struct sockaddr_in *ret_address)
{
	const char *colon = strrchr(text, ':');
	char host[INET_ADDRSTRLEN], *end;
	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end != '\0' || end == colon + 1 || port == 0 || port > 65535)
		return false;
	*ret_address =
		(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	return inet_pton(AF_INET, host, &ret_address->sin_addr) == 1;
}

/* A datagram dropped by the kernel would look like one lost by the server, so the queue is made
 * long: the privileged option first, since the other one stops at net.core.rmem_max. */
static inline void udp_enlarge_buffers(int fd)
{
	int bytes = UDP_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* A socket bound to `local`, connected to `peer` when there is one. -1 with a word on stderr. */
static inline int udp_open(const struct sockaddr_in *local, const struct sockaddr_in *peer)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		perror("socket");
		return -1;
	}
	udp_enlarge_buffers(fd);
	if (bind(fd, (const struct sockaddr *)local, sizeof(*local)) != 0) {
		perror("bind");
		return -1;
	}
	if (peer != NULL && connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) != 0) {
		perror("connect");
		return -1;
	}
	return fd;
}

static inline bool cpu_pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return true;
	perror("sched_setaffinity");
	return false;
}

#endif
