/*
 * The floor: what the datagrams of a proxied call cost when nobody looks into them. It receives
 * the six of a call (INVITE 180 200 ACK BYE 200) and sends the seven of a stateful proxy (those
 * and a 100), each to the other side of where it came from. Nothing is parsed except the first
 * byte, which tells an INVITE. No server on the same machine at the same rate can need less.
 */
#include "udp_socket.h"

#include <getopt.h>
#include <netinet/udp.h>
#include <sys/uio.h>

struct relay {
	int fd;
	struct sockaddr_in caller;
	struct sockaddr_in callee;
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_part[UDP_BATCH];
	struct sockaddr_in from[UDP_BATCH];
	char bytes[UDP_BATCH][UDP_DATAGRAM_SIZE];
	struct mmsghdr out[2 * UDP_BATCH]; /* every one of a batch could be an INVITE */
	struct iovec out_part[2 * UDP_BATCH][2];
	unsigned out_count;
};

static struct iovec *relay_next_datagram(struct relay *r, struct sockaddr_in *to, size_t parts)
{
	struct mmsghdr *datagram = &r->out[r->out_count];
	struct iovec *part = r->out_part[r->out_count++];
	*datagram = (struct mmsghdr){.msg_hdr = {.msg_name = to,
						 .msg_namelen = sizeof(*to),
						 .msg_iov = part,
						 .msg_iovlen = parts}};
	return part;
}

/* The 100 is the INVITE with another first line: that is a valid response, made without parsing. */
static void relay_answer_trying(struct relay *r, char *bytes, size_t length)
{
	static char trying[] = "SIP/2.0 100 Trying\r\n";
	char *newline = memchr(bytes, '\n', length);
	if (newline == NULL)
		return;
	struct iovec *part = relay_next_datagram(r, &r->caller, 2);
	part[0] = (struct iovec){trying, sizeof(trying) - 1};
	part[1] = (struct iovec){newline + 1, length - (size_t)(newline + 1 - bytes)};
}

static void relay_forward(struct relay *r, unsigned i)
{
	char *bytes = r->bytes[i];
	size_t length = r->in[i].msg_len;
	bool from_caller = r->from[i].sin_port == r->caller.sin_port;
	if (from_caller && bytes[0] == 'I')
		relay_answer_trying(r, bytes, length);
	*relay_next_datagram(r, from_caller ? &r->callee : &r->caller, 1) =
		(struct iovec){bytes, length};
}

static void relay_flush(struct relay *r)
{
	for (unsigned done = 0; done < r->out_count;) {
		int sent = sendmmsg(r->fd, &r->out[done], r->out_count - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR && errno != ECONNREFUSED)
			done++; /* the generator will miss it and say so */
	}
	r->out_count = 0;
}

static void relay_run(struct relay *r)
{
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		r->in_part[i] = (struct iovec){r->bytes[i], UDP_DATAGRAM_SIZE};
		r->in[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
						   .msg_namelen = sizeof(r->from[i]),
						   .msg_iov = &r->in_part[i],
						   .msg_iovlen = 1};
	}
	for (;;) {
		int count = recvmmsg(r->fd, r->in, UDP_BATCH, MSG_WAITFORONE, NULL);
		for (unsigned i = 0; count > 0 && i < (unsigned)count; i++)
			relay_forward(r, i);
		relay_flush(r);
	}
}

static int usage(void)
{
	fputs("usage: bench_floor --listen HOST:PORT --caller HOST:PORT --callee HOST:PORT"
	      " [--cpu N]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct relay r;
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
						{"caller", required_argument, NULL, 'c'},
						{"callee", required_argument, NULL, 'e'},
						{"cpu", required_argument, NULL, 'p'},
						{NULL, 0, NULL, 0}};
	struct sockaddr_in listen_address = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool good = false;
		switch (option) {
		case 'l': good = udp_parse_address(optarg, &listen_address); break;
		case 'c': good = udp_parse_address(optarg, &r.caller); break;
		case 'e': good = udp_parse_address(optarg, &r.callee); break;
		case 'p': good = cpu_pin(atoi(optarg)); break;
		default: break;
		}
		if (!good)
			return usage();
	}
	if (optind != argc || listen_address.sin_port == 0 || r.caller.sin_port == 0 ||
	    r.callee.sin_port == 0)
		return usage();
	r.fd = udp_open(&listen_address, NULL);
	if (r.fd < 0)
		return 2;
	puts("ready");
	fflush(stdout);
	relay_run(&r); /* until it is killed */
}
