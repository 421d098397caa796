/* Datagrams in batches: recvmmsg, sendmmsg, and the refusals that ICMP brings back. */
#ifndef IO_UDP_H
#define IO_UDP_H

#include "io/address.h"
#include "io/source.h"

#define UDP_BATCH 64u

/* Room for the datagrams of one system call, shared by the sockets of a worker. 64 buffers for 64 KiB each, of which only
 * the pages that were written to take up memory. */
struct udp_batch;

/* NULL when out of memory. */
struct udp_batch *udp_batch_open(void);
void udp_batch_close(struct udp_batch *batch);

struct udp_counters {
	uint64_t datagrams_in, datagrams_out;
	uint64_t receive_calls, send_calls;
	uint64_t refused;     /* ICMP said that a datagram could not be delivered */
	uint64_t send_errors; /* the system would not send */
	uint64_t send_full;   /* the system's queue stayed full: lost, as UDP may */
};

struct udp_socket;

/* Called for what could not be delivered: `bytes` are its beginning as far as known. */
typedef void udp_undelivered(void *owner, const struct endpoint *peer, struct text bytes);

/* Bound to `local`; `shared`: other workers have a socket there too (SO_REUSEPORT). NULL with errno set. */
struct udp_socket *udp_open(const struct endpoint *local, uint8_t local_index, bool shared);
void udp_close(struct udp_socket *socket);
int udp_fd(const struct udp_socket *socket);
uint8_t udp_local_index(const struct udp_socket *socket);
const struct udp_counters *udp_counters(const struct udp_socket *socket);
/* What epoll shall point at. */
struct io_source *udp_source(struct udp_socket *socket);

/* One recvmmsg: number of datagrams, 0 when none is waiting. They stay in `batch` until its next use. */
unsigned udp_receive(struct udp_socket *socket, struct udp_batch *batch);
struct text udp_datagram(const struct udp_batch *batch, unsigned i, struct endpoint *ret_peer);

/* Queues; `bytes` must live until udp_flush(), which is called by itself when the queue is full. */
void udp_send(struct udp_socket *socket, const struct endpoint *peer, struct text bytes,
	      udp_undelivered *undelivered, void *owner);
void udp_flush(struct udp_socket *socket, udp_undelivered *undelivered, void *owner);
/* After EPOLLERR: what the network refused (RFC 3261 §18.4). */
void udp_take_refusals(struct udp_socket *socket, udp_undelivered *undelivered, void *owner);

#endif
