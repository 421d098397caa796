/*
 * An application server that does nothing, as cheaply as it can be done: a stateless proxy that
 * takes itself off the Route, record-routes an INVITE, and sends everything back to where all of
 * it comes from, the server that is measured (TS 24.229 §5.7.5, RFC 3261 §16.11). The messages are
 * edited where they lie; only the lines that a proxy has to look at are looked for.
 */
#include "udp_socket.h"

#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <strings.h>
#include <sys/time.h>
#include <sys/uio.h>

enum {
	PARTS = 6,
	LINES_SIZE = 160, /* our Via and Record-Route */
};

struct server {
	int fd; /* connected to the proxy */
	char address[32];
	struct mmsghdr in[UDP_BATCH];
	struct iovec in_part[UDP_BATCH];
	char bytes[UDP_BATCH][UDP_DATAGRAM_SIZE];
	struct mmsghdr out[UDP_BATCH];
	struct iovec out_part[UDP_BATCH][PARTS];
	char lines[UDP_BATCH][LINES_SIZE];
	unsigned out_count;
	unsigned invites, byes;
};

struct piece {
	char *begin, *end;
};

/* The lines of a header that matter here; begin is NULL when there is none. */
struct found {
	struct piece via;          /* the first: whole line, with its line end */
	struct piece route;        /* the first */
	struct piece max_forwards; /* its digits */
	char *second;              /* begin of the second line */
};

static bool is_named(const char *line, size_t length, const char *name)
{
	size_t n = strlen(name);
	return length > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

static struct piece digits_of(char *line, char *end)
{
	struct piece digits;
	char *at = memchr(line, ':', (size_t)(end - line));
	while (at < end && (*at < '0' || *at > '9'))
		at++;
	digits.begin = at;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	digits.end = at;
	return digits;
}

/* Nothing is folded here: what is in between is the generator and the server that is measured. */
static bool find_lines(char *at, char *end, struct found *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned n = 0; at < end; n++) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			return false;
		size_t length = (size_t)(newline + 1 - at);
		if (length <= 2)
			return ret->via.begin != NULL;
		if (n == 1)
			ret->second = at;
		if (ret->via.begin == NULL &&
		    (is_named(at, length, "Via") || is_named(at, length, "v")))
			ret->via = (struct piece){at, newline + 1};
		else if (ret->route.begin == NULL && is_named(at, length, "Route"))
			ret->route = (struct piece){at, newline + 1};
		else if (is_named(at, length, "Max-Forwards"))
			ret->max_forwards = digits_of(at, newline);
		at = newline + 1;
	}
	return false;
}

/* What is to be left out of a line whose first value goes: all of it, or the value and its comma. */
static struct piece first_value(struct piece line)
{
	bool inside = false;
	char *at = memchr(line.begin, ':', (size_t)(line.end - line.begin));
	for (char *value = at + 1; at < line.end; at++) {
		if (*at == '<' || *at == '>')
			inside = *at == '<';
		if (*at == ',' && !inside)
			return (struct piece){value, at + 1};
	}
	return line;
}

static struct iovec *next_datagram(struct server *s)
{
	struct iovec *part = s->out_part[s->out_count];
	s->out[s->out_count].msg_hdr = (struct msghdr){.msg_iov = part};
	return part;
}

static void add_part(struct server *s, char *begin, char *end)
{
	struct msghdr *head = &s->out[s->out_count].msg_hdr;
	if (end > begin)
		head->msg_iov[head->msg_iovlen++] = (struct iovec){begin, (size_t)(end - begin)};
}

/* A response goes back without our Via, which is the first. */
static void pass_back(struct server *s, char *bytes, char *end, const struct found *found)
{
	struct piece own = first_value(found->via);
	next_datagram(s);
	add_part(s, bytes, own.begin);
	add_part(s, own.end, end);
	s->out_count++;
}

/* The branch follows from the one that came, as it must without state (RFC 3261 §16.11). */
static uint64_t branch_of(struct piece via)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const char *at = via.begin; at < via.end && *at != ','; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
	return hash;
}

static void count_down(struct piece digits)
{
	char *at = digits.end;
	while (at > digits.begin && *--at == '0')
		*at = '9';
	if (at >= digits.begin && *at > '0')
		--*at;
}

static void pass_on(struct server *s, char *bytes, char *end, const struct found *found)
{
	bool is_invite = memcmp(bytes, "INVITE ", 7) == 0;
	char *lines = s->lines[s->out_count];
	struct piece own =
		found->route.begin != NULL ? first_value(found->route) : (struct piece){end, end};
	int length = snprintf(lines, LINES_SIZE, "Via: SIP/2.0/UDP %s;branch=z9hG4bK%016lx\r\n",
			      s->address, branch_of(found->via));
	s->invites += is_invite;
	s->byes += memcmp(bytes, "BYE ", 4) == 0;
	if (is_invite)
		length += snprintf(lines + length, LINES_SIZE - (size_t)length,
				   "Record-Route: <sip:%s;lr>\r\n", s->address);
	if (found->max_forwards.begin < found->max_forwards.end)
		count_down(found->max_forwards);
	next_datagram(s);
	add_part(s, bytes, found->second);
	add_part(s, lines, lines + length);
	add_part(s, found->second, own.begin);
	add_part(s, own.end, end);
	s->out_count++;
}

static void take(struct server *s, unsigned i)
{
	char *bytes = s->bytes[i], *end = bytes + s->in[i].msg_len;
	struct found found;
	if (end - bytes < 16 || !find_lines(bytes, end, &found))
		return; /* not understood: the generator will miss it and say so */
	if (memcmp(bytes, "SIP/2.0 ", 8) == 0)
		pass_back(s, bytes, end, &found);
	else
		pass_on(s, bytes, end, &found);
}

static void flush(struct server *s)
{
	for (unsigned done = 0; done < s->out_count;) {
		int sent = sendmmsg(s->fd, &s->out[done], s->out_count - done, 0);
		if (sent > 0)
			done += (unsigned)sent;
		else if (errno != EINTR && errno != ECONNREFUSED)
			done++; /* the generator will miss it and say so */
	}
	s->out_count = 0;
}

static volatile sig_atomic_t is_over;

static void end_by_signal(int number)
{
	is_over = number;
}

static void run(struct server *s)
{
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		s->in_part[i] = (struct iovec){s->bytes[i], UDP_DATAGRAM_SIZE};
		s->in[i].msg_hdr = (struct msghdr){.msg_iov = &s->in_part[i], .msg_iovlen = 1};
	}
	while (!is_over) {
		int count = recvmmsg(s->fd, s->in, UDP_BATCH, MSG_WAITFORONE, NULL);
		for (unsigned i = 0; count > 0 && i < (unsigned)count; i++)
			take(s, i);
		flush(s);
	}
}

static int usage(void)
{
	fputs("usage: bench_application_server --listen HOST:PORT --proxy HOST:PORT [--cpu N]\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct server s;
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
						{"proxy", required_argument, NULL, 'x'},
						{"cpu", required_argument, NULL, 'p'},
						{NULL, 0, NULL, 0}};
	struct sockaddr_in listen_address = {0}, proxy = {0};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool good = false;
		switch (option) {
		case 'l': good = udp_parse_address(optarg, &listen_address); break;
		case 'x': good = udp_parse_address(optarg, &proxy); break;
		case 'p': good = cpu_pin(atoi(optarg)); break;
		default: break;
		}
		if (!good)
			return usage();
	}
	if (optind != argc || listen_address.sin_port == 0 || proxy.sin_port == 0)
		return usage();
	char host[INET_ADDRSTRLEN];
	inet_ntop(AF_INET, &listen_address.sin_addr, host, sizeof(host));
	snprintf(s.address, sizeof(s.address), "%s:%u", host, ntohs(listen_address.sin_port));
	s.fd = udp_open(&listen_address, &proxy);
	if (s.fd < 0)
		return 2;
	/* so that a signal just before the system call is seen too */
	setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 200000},
		   sizeof(struct timeval));
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = end_by_signal}, NULL);
	puts("ready");
	fflush(stdout);
	run(&s); /* until it gets a SIGTERM */
	printf("invites_passed_on %u requests\nbyes_passed_on %u requests\n", s.invites, s.byes);
}
