#include "io/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	DATAGRAM_BYTES = 65536,
	/* One page more than a power of two, and 64 bytes more for each place: otherwise the beginnings of all buffers
	 * would fight for the same few lines of the caches. A message of 2 KiB still touches one page only. */
	STRIDE_BYTES = DATAGRAM_BYTES + 4096,
	STAGGER_BYTES = 64,
	STAGGER_PLACES = 32,
	SOCKET_BUFFER_BYTES = 8 << 20,
	REFUSAL_BYTES = 2048, /* more than ICMP quotes */
	WAIT_WRITABLE_MS = 10,
};

struct udp_batch {
	char *bytes;
	struct mmsghdr in[UDP_BATCH];
	struct iovec pieces[UDP_BATCH];
	union address from[UDP_BATCH];
};

struct udp_socket {
	struct io_source source;
	uint8_t family, local_index;
	int fd;
	unsigned n_queued;
	struct udp_counters counters;
	struct mmsghdr out[UDP_BATCH];
	struct iovec pieces[UDP_BATCH];
	union address to[UDP_BATCH];
};

struct udp_batch *udp_batch_open(void)
{
	struct udp_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->bytes = mmap(NULL, (size_t)UDP_BATCH * STRIDE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (batch->bytes == MAP_FAILED) {
		free(batch);
		return NULL;
	}
	/* A huge page would make one short datagram cost 2 MiB. */
	madvise(batch->bytes, (size_t)UDP_BATCH * STRIDE_BYTES, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		batch->pieces[i].iov_base = batch->bytes + (size_t)i * STRIDE_BYTES +
					    (i % STAGGER_PLACES) * STAGGER_BYTES;
		batch->pieces[i].iov_len = DATAGRAM_BYTES;
		batch->in[i].msg_hdr.msg_iov = &batch->pieces[i];
		batch->in[i].msg_hdr.msg_iovlen = 1;
		batch->in[i].msg_hdr.msg_name = &batch->from[i];
		batch->in[i].msg_hdr.msg_namelen = sizeof(batch->from[i]);
	}
	return batch;
}

void udp_batch_close(struct udp_batch *batch)
{
	if (!batch)
		return;
	munmap(batch->bytes, (size_t)UDP_BATCH * STRIDE_BYTES);
	free(batch);
}

/* The privileged option first, since the other one stops at net.core.rmem_max; the default when neither works. */
static void enlarge_buffers(int fd)
{
	int bytes = SOCKET_BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static bool set_options(int fd, const struct endpoint *local, bool shared)
{
	int on = 1, fragments_allowed = IP_PMTUDISC_DONT;

	if (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return false;
	if (local->family == 4) {
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragments_allowed,
			   sizeof(fragments_allowed));
		return setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) == 0;
	}
	return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on)) == 0;
}

static int open_bound(const struct endpoint *local, bool shared)
{
	union address address;
	socklen_t len = address_of_endpoint(local, &address);
	int fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (set_options(fd, local, shared) && bind(fd, &address.any, len) == 0) {
		enlarge_buffers(fd);
		return fd;
	}
	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

struct udp_socket *udp_open(const struct endpoint *local, uint8_t local_index, bool shared)
{
	struct udp_socket *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->source.kind = IO_SOURCE_UDP;
	s->family = local->family;
	s->local_index = local_index;
	s->fd = open_bound(local, shared);
	if (s->fd < 0) {
		int error = errno;

		free(s);
		errno = error;
		return NULL;
	}
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		s->out[i].msg_hdr.msg_iov = &s->pieces[i];
		s->out[i].msg_hdr.msg_iovlen = 1;
		s->out[i].msg_hdr.msg_name = &s->to[i];
	}
	return s;
}

void udp_close(struct udp_socket *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s);
}

int udp_fd(const struct udp_socket *s)
{
	return s->fd;
}

uint8_t udp_local_index(const struct udp_socket *s)
{
	return s->local_index;
}

const struct udp_counters *udp_counters(const struct udp_socket *s)
{
	return &s->counters;
}

struct io_source *udp_source(struct udp_socket *s)
{
	return &s->source;
}

unsigned udp_receive(struct udp_socket *s, struct udp_batch *batch)
{
	int n = recvmmsg(s->fd, batch->in, UDP_BATCH, MSG_DONTWAIT, NULL);

	s->counters.receive_calls++;
	if (n <= 0)
		return 0; /* also a refusal that stands in the error queue: EPOLLERR follows */
	s->counters.datagrams_in += (unsigned)n;
	return (unsigned)n;
}

struct text udp_datagram(const struct udp_batch *batch, unsigned i, struct endpoint *ret_peer)
{
	struct mmsghdr *in = (struct mmsghdr *)&batch->in[i];

	*ret_peer = address_to_endpoint(&batch->from[i], TRANSPORT_UDP);
	in->msg_hdr.msg_namelen =
		sizeof(batch->from[i]); /* the system wrote the real length there */
	return (struct text){batch->pieces[i].iov_base, in->msg_len};
}

void udp_send(struct udp_socket *s, const struct endpoint *peer, struct text bytes,
	      udp_undelivered *undelivered, void *owner)
{
	unsigned i = s->n_queued;

	if (peer->family != s->family) {
		s->counters.send_errors++;
		undelivered(owner, peer, bytes);
		return;
	}
	s->out[i].msg_hdr.msg_namelen = address_of_endpoint(peer, &s->to[i]);
	s->pieces[i].iov_base = (void *)(uintptr_t)bytes.at;
	s->pieces[i].iov_len = bytes.len;
	s->n_queued++;
	if (s->n_queued == UDP_BATCH)
		udp_flush(s, undelivered, owner);
}

static bool wait_writable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	return poll(&poll_fd, 1, WAIT_WRITABLE_MS) == 1 && (poll_fd.revents & POLLOUT) != 0;
}

/* A send may be told about the refusal of an earlier datagram to anyone; such an error is worth a second try. */
static bool may_be_of_another(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH ||
	       error == EPROTO || error == ENOPROTOOPT || error == EHOSTDOWN || error == EACCES ||
	       error == EOPNOTSUPP;
}

void udp_flush(struct udp_socket *s, udp_undelivered *undelivered, void *owner)
{
	unsigned at = 0;
	bool tried = false;

	while (at < s->n_queued) {
		int n = sendmmsg(s->fd, s->out + at, s->n_queued - at, MSG_NOSIGNAL);

		s->counters.send_calls++;
		if (n > 0) {
			at += (unsigned)n;
			s->counters.datagrams_out += (unsigned)n;
			tried = false;
			continue;
		}
		int error = errno;

		if (error == EINTR)
			continue;
		if (!tried && (may_be_of_another(error) ||
			       ((error == EAGAIN || error == ENOBUFS) && wait_writable(s->fd)))) {
			tried = true;
			continue;
		}
		if (error == EAGAIN || error == ENOBUFS) {
			s->counters.send_full++;
		} else {
			struct endpoint peer = address_to_endpoint(&s->to[at], TRANSPORT_UDP);
			struct text bytes = {s->pieces[at].iov_base,
					     (uint32_t)s->pieces[at].iov_len};

			s->counters.send_errors++;
			undelivered(owner, &peer, bytes);
		}
		tried = false;
		at++;
	}
	s->n_queued = 0;
}

/* RFC 3261 §18.4: host, network, port or protocol unreachable and parameter problem are told, source quench and TTL
 * exceeded are not. "Fragmentation needed" concerns the path, not the peer. */
static bool means_undeliverable(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED) ||
		       e->ee_type == ICMP_PARAMETERPROB;
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
		return e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB;
	return false; /* our own kernel: sendmmsg has said so already */
}

static bool is_refusal(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return means_undeliverable((struct sock_extended_err *)CMSG_DATA(c));
	return false;
}

void udp_take_refusals(struct udp_socket *s, udp_undelivered *undelivered, void *owner)
{
	char bytes[REFUSAL_BYTES];
	_Alignas(struct cmsghdr) char control[512];

	for (unsigned i = 0; i < UDP_BATCH; i++) {
		union address to = {0};
		struct iovec piece = {bytes, sizeof(bytes)};
		struct msghdr m = {.msg_name = &to,
				   .msg_namelen = sizeof(to),
				   .msg_iov = &piece,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(s->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (n < 0)
			return;
		if (!is_refusal(&m))
			continue;
		struct endpoint peer = address_to_endpoint(&to, TRANSPORT_UDP);

		s->counters.refused++;
		undelivered(owner, &peer, (struct text){bytes, (uint32_t)n});
	}
}
