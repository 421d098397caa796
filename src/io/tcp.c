#include "io/tcp.h"

#include "base/hash.h"
#include "base/map.h"
#include "io/address.h"
#include "io/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_TURN = 64,
	BACKLOG = 1024,
	CONNECT_MS =
		8000, /* well below Timer B and F, so that a dead address is known before them */
	BROKEN_MS =
		500, /* for the answer to what broke a connection, which may come from another worker */
	LINGER_MS = 2000,
	FLOW_NUMBER_MASK = 0xffffff,
};

struct listener {
	struct io_source source;
	uint8_t local;
	int fd;
};

/* Connections in the order of their since_ms, one list per state. */
struct line {
	struct connection *oldest, *newest;
};

struct tcp {
	struct tcp_settings settings;
	struct listener listeners[TCP_LOCALS_MAX];
	unsigned n_listeners;
	int spare_fd; /* given up for a moment to refuse a connection when no file is left */
	uint32_t last_flow;
	struct map by_flow, by_peer;
	struct hash_key key;
	struct line lines[CONNECTION_STATES];
	uint64_t queued_bytes;
	struct tcp_counters counters;
	struct connection_scratch scratch;
	uint64_t now_ms;
};

/* ------------------------------------------------------------------ the table */

static uint32_t peer_hash(const struct tcp *tcp, const struct endpoint *peer)
{
	uint8_t name[18];

	memcpy(name, peer->ip, 16);
	memcpy(name + 16, &peer->port, 2);
	return (uint32_t)hash_bytes(&tcp->key, name, sizeof(name));
}

static struct connection *connection_by_flow(const struct tcp *tcp, uint32_t flow)
{
	uint32_t at = map_first(&tcp->by_flow, flow);
	uint64_t value;

	while ((value = map_value(&tcp->by_flow, flow, &at))) {
		struct connection *c = (struct connection *)(uintptr_t)value;

		if (c->peer.flow == flow)
			return c;
	}
	return NULL;
}

static bool can_write(const struct connection *c)
{
	return c->state == CONNECTION_OPEN || c->state == CONNECTION_CONNECTING;
}

static struct connection *connection_by_peer(const struct tcp *tcp, const struct endpoint *peer)
{
	uint32_t hash = peer_hash(tcp, peer);
	uint32_t at = map_first(&tcp->by_peer, hash);
	uint64_t value;

	while ((value = map_value(&tcp->by_peer, hash, &at))) {
		struct connection *c = (struct connection *)(uintptr_t)value;

		if (endpoint_equal(&c->peer, peer) && can_write(c))
			return c;
	}
	return NULL;
}

static uint32_t new_flow(struct tcp *tcp)
{
	uint32_t flow;

	do {
		tcp->last_flow = (tcp->last_flow + 1) & FLOW_NUMBER_MASK;
		flow = (uint32_t)tcp->settings.worker << 24 | tcp->last_flow;
	} while (tcp->last_flow == 0 || connection_by_flow(tcp, flow));
	return flow;
}

/* ------------------------------------------------------------------ the lines */

static void line_leave(struct tcp *tcp, struct connection *c)
{
	struct line *line = &tcp->lines[c->line];

	*(c->older ? &c->older->newer : &line->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &line->newest) = c->older;
	c->older = c->newer = NULL;
}

static void line_join(struct tcp *tcp, struct connection *c)
{
	struct line *line = &tcp->lines[c->state];

	c->line = c->state;
	c->since_ms = tcp->now_ms;
	c->older = line->newest;
	c->newer = NULL;
	*(line->newest ? &line->newest->newer : &line->oldest) = c;
	line->newest = c;
}

static void watch(struct tcp *tcp, struct connection *c, int operation)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &c->source};

	c->watches_writable = connection_wants_writable(c);
	if (c->watches_writable)
		event.events |= EPOLLOUT;
	if (epoll_ctl(tcp->settings.epoll_fd, operation, c->fd, &event) != 0)
		c->state = CONNECTION_GONE;
}

/* After anything that may have changed the state or the queue, or was a sign of life. */
static void settle(struct tcp *tcp, struct connection *c, bool alive)
{
	tcp->queued_bytes += c->out_bytes;
	tcp->queued_bytes -= c->out_bytes_counted;
	c->out_bytes_counted = c->out_bytes;
	if (c->state != CONNECTION_GONE && c->watches_writable != connection_wants_writable(c))
		watch(tcp, c, EPOLL_CTL_MOD);
	if (c->state == CONNECTION_BROKEN && c->line == CONNECTION_OPEN)
		tcp->counters.broken++;
	if (c->state != c->line || (alive && c->state == CONNECTION_OPEN)) {
		line_leave(tcp, c);
		line_join(tcp, c);
	}
}

static void give_up(struct tcp *tcp, struct connection *c)
{
	c->state = CONNECTION_GONE;
	settle(tcp, c, false);
}

static uint32_t patience_ms(const struct tcp *tcp, uint8_t state)
{
	switch ((enum connection_state)state) {
	case CONNECTION_CONNECTING: return CONNECT_MS;
	case CONNECTION_OPEN: return tcp->settings.idle_ms;
	case CONNECTION_BROKEN: return BROKEN_MS;
	case CONNECTION_LINGERING: return LINGER_MS;
	case CONNECTION_GONE: return 0;
	case CONNECTION_STATES: break;
	}
	return 0;
}

uint64_t tcp_deadline(const struct tcp *tcp)
{
	uint64_t deadline = UINT64_MAX;

	for (uint8_t state = 0; state < CONNECTION_STATES; state++) {
		const struct connection *c = tcp->lines[state].oldest;

		if (c && c->since_ms + patience_ms(tcp, state) < deadline)
			deadline = c->since_ms + patience_ms(tcp, state);
	}
	return deadline;
}

/* ------------------------------------------------------------------ begin and end of a connection */

static bool is_idle(const struct connection *c)
{
	return c->state == CONNECTION_OPEN && !c->first_out && c->input_len == 0;
}

/* Makes place for one more by ending the connection that has been idle for longest. */
static bool make_place(struct tcp *tcp)
{
	if (tcp->counters.connections < tcp->settings.connections_max)
		return true;
	for (struct connection *c = tcp->lines[CONNECTION_OPEN].oldest; c; c = c->newer) {
		if (!is_idle(c))
			continue;
		give_up(tcp, c);
		tcp->counters.closed_full++;
		return true;
	}
	return false;
}

/* Takes the file over. NULL when out of memory; the file is closed then. */
static struct connection *connection_new(struct tcp *tcp, int fd, uint8_t state,
					 const struct endpoint *peer, uint8_t local)
{
	struct connection *c = calloc(1, sizeof(*c));
	uint64_t value = (uintptr_t)c;

	if (!c) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	c->source.kind = IO_SOURCE_TCP_CONNECTION;
	c->fd = fd;
	c->state = state;
	c->local = local;
	c->peer = *peer;
	c->peer.flow = new_flow(tcp);
	if (!map_insert(&tcp->by_flow, c->peer.flow, value) ||
	    !map_insert(&tcp->by_peer, peer_hash(tcp, &c->peer), value)) {
		map_remove(&tcp->by_flow, c->peer.flow, value);
		connection_clear(c);
		free(c);
		return NULL;
	}
	line_join(tcp, c);
	tcp->counters.connections++;
	return c;
}

static void bury(struct tcp *tcp, struct connection *c)
{
	for (struct connection_message *m = c->first_out; m; m = m->next)
		if (!m->is_pong)
			tcp->settings.undelivered(tcp->settings.owner, &c->peer, c->local,
						  (struct text){m->bytes, m->len});
	line_leave(tcp, c);
	map_remove(&tcp->by_flow, c->peer.flow, (uintptr_t)c);
	map_remove(&tcp->by_peer, peer_hash(tcp, &c->peer), (uintptr_t)c);
	tcp->queued_bytes -= c->out_bytes_counted;
	tcp->counters.connections--;
	connection_clear(c);
	free(c);
}

static void shut(struct tcp *tcp, struct connection *c)
{
	shutdown(c->fd, SHUT_WR);
	c->state = CONNECTION_LINGERING;
	settle(tcp, c, false);
}

/* Those that waited too long in their state. */
static void end_waiting(struct tcp *tcp, uint8_t state)
{
	struct connection *c;

	while ((c = tcp->lines[state].oldest) &&
	       c->since_ms + patience_ms(tcp, state) <= tcp->now_ms) {
		if (state == CONNECTION_OPEN)
			tcp->counters.closed_idle++;
		if (state == CONNECTION_CONNECTING)
			tcp->counters.connects_failed++;
		if (state == CONNECTION_BROKEN && !c->first_out)
			shut(tcp, c);
		else
			give_up(tcp, c);
	}
}

static void shut_answered(struct tcp *tcp)
{
	for (struct connection *c = tcp->lines[CONNECTION_BROKEN].oldest, *newer; c; c = newer) {
		newer = c->newer;
		if (c->is_answered && !c->first_out)
			shut(tcp, c);
	}
}

void tcp_turn(struct tcp *tcp, uint64_t now_ms)
{
	tcp->now_ms = now_ms;
	for (uint8_t state = 0; state < CONNECTION_GONE; state++)
		end_waiting(tcp, state);
	shut_answered(tcp);
	while (tcp->lines[CONNECTION_GONE].oldest)
		bury(tcp, tcp->lines[CONNECTION_GONE].oldest);
}

/* ------------------------------------------------------------------ out */

static void set_stream_options(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* From the address (not the port) of the listening point. -1 with errno set. */
static int connect_from(const struct tcp *tcp, const struct endpoint *peer, uint8_t local)
{
	union address from, to;
	socklen_t to_len = address_of_endpoint(peer, &to);
	int on = 1;
	int fd = to_len ? socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
			: -1;

	if (fd < 0)
		return -1;
	set_stream_options(fd);
	if (local < tcp->settings.n_locals && tcp->settings.locals[local].family == peer->family) {
		struct endpoint any_port = tcp->settings.locals[local];

		any_port.port = 0;
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
		socklen_t from_len = address_of_endpoint(&any_port, &from);

		if (bind(fd, &from.any, from_len) != 0) {
			close(fd);
			return -1;
		}
	}
	if (connect(fd, &to.any, to_len) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* A connection that could not even be tried is GONE from the start: it carries its message to the end of the turn. */
static struct connection *begin_connection(struct tcp *tcp, const struct endpoint *peer,
					   uint8_t local)
{
	int fd = make_place(tcp) ? connect_from(tcp, peer, local) : -1;

	if (fd < 0)
		tcp->counters.connects_failed++;

	struct connection *c = connection_new(
		tcp, fd, fd < 0 ? CONNECTION_GONE : CONNECTION_CONNECTING, peer, local);

	if (c && fd >= 0) {
		watch(tcp, c, EPOLL_CTL_ADD);
		settle(tcp, c, false);
	}
	return c;
}

static struct connection *connection_for(struct tcp *tcp, const struct endpoint *peer,
					 uint8_t local)
{
	struct connection *c = peer->flow ? connection_by_flow(tcp, peer->flow) : NULL;

	if (c && (can_write(c) || c->state == CONNECTION_BROKEN))
		return c;
	c = connection_by_peer(tcp, peer);
	return c ? c : begin_connection(tcp, peer, local);
}

void tcp_send(struct tcp *tcp, const struct endpoint *peer, uint8_t local, struct text bytes,
	      uint64_t now_ms)
{
	tcp->now_ms = now_ms;

	struct connection *c = connection_for(tcp, peer, local);

	if (!c) {
		tcp->counters.lost++;
		return;
	}
	tcp->counters.messages_out++;
	c->is_answered = c->state == CONNECTION_BROKEN;
	if (!connection_write(c, bytes, false))
		tcp->counters.lost++;
	if (tcp->queued_bytes + c->out_bytes > TCP_QUEUED_BYTES_MAX && c->first_out)
		c->state = CONNECTION_GONE;
	settle(tcp, c, true);
}

/* ------------------------------------------------------------------ in */

static void take_message(void *owner, struct connection *c, struct text bytes)
{
	struct tcp *tcp = owner;
	struct endpoint peer = c->peer;

	tcp->counters.messages_in++;
	tcp->settings.message(tcp->settings.owner, &peer, c->local, bytes);
}

/* A flood of connections must not keep the system busy with one that cannot be taken: it is taken and closed. */
static void refuse_one(struct tcp *tcp, int listener_fd)
{
	close(tcp->spare_fd);
	int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		close(fd);
	tcp->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	tcp->counters.refused++;
}

static bool accept_one(struct tcp *tcp, const struct listener *listener)
{
	union address address = {0};
	socklen_t len = sizeof(address);
	int fd = accept4(listener->fd, &address.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			refuse_one(tcp, listener->fd);
		return errno == ECONNABORTED || errno == EINTR;
	}
	struct endpoint peer = address_to_endpoint(&address, TRANSPORT_TCP);

	if (!make_place(tcp)) {
		close(fd);
		tcp->counters.refused++;
		return true;
	}
	set_stream_options(fd);
	struct connection *c = connection_new(tcp, fd, CONNECTION_OPEN, &peer, listener->local);

	if (c) {
		tcp->counters.accepted++;
		watch(tcp, c, EPOLL_CTL_ADD);
		settle(tcp, c, false);
	}
	return true;
}

static void finish_connect(struct tcp *tcp, struct connection *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
		c->state = CONNECTION_GONE;
		tcp->counters.connects_failed++;
		return;
	}
	c->state = CONNECTION_OPEN;
	tcp->counters.connected++;
}

static void connection_ready(struct tcp *tcp, struct connection *c, uint32_t events)
{
	bool alive = false;

	if (c->state == CONNECTION_CONNECTING)
		finish_connect(tcp, c);
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		connection_write_queued(c);
	if (c->state != CONNECTION_GONE && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		alive = connection_read(c, &tcp->scratch, take_message, tcp);
	settle(tcp, c, alive);
}

void tcp_ready(struct tcp *tcp, struct io_source *source, uint32_t events, uint64_t now_ms)
{
	tcp->now_ms = now_ms;
	if (source->kind == IO_SOURCE_TCP_LISTENER) {
		for (int i = 0; i < ACCEPTS_PER_TURN; i++)
			if (!accept_one(tcp, (struct listener *)source))
				return;
		return;
	}
	struct connection *c = (struct connection *)source;

	if (c->state != CONNECTION_GONE)
		connection_ready(tcp, c, events);
}

/* ------------------------------------------------------------------ begin and end of it all */

static int listen_on(const struct endpoint *local, bool shared)
{
	union address address;
	socklen_t len = address_of_endpoint(local, &address);
	int on = 1;
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (local->family == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &address.any, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;

	int error = errno;

	close(fd);
	errno = error;
	return -1;
}

bool tcp_is_free(const struct endpoint *local)
{
	int fd = listen_on(local, false);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool open_listener(struct tcp *tcp, uint8_t local)
{
	struct listener *listener = &tcp->listeners[tcp->n_listeners];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener->source};

	listener->source.kind = IO_SOURCE_TCP_LISTENER;
	listener->local = local;
	listener->fd = listen_on(&tcp->settings.locals[local], tcp->settings.shared);
	if (listener->fd < 0)
		return false;
	tcp->n_listeners++;
	return epoll_ctl(tcp->settings.epoll_fd, EPOLL_CTL_ADD, listener->fd, &event) == 0;
}

struct tcp *tcp_open(const struct tcp_settings *settings, unsigned *ret_failed)
{
	struct tcp *tcp = calloc(1, sizeof(*tcp));

	*ret_failed = 0;
	if (!tcp)
		return NULL;
	tcp->settings = *settings;
	tcp->key = (struct hash_key){{settings->seed, ~settings->seed}};
	tcp->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (uint8_t i = 0; i < settings->n_locals; i++) {
		if (settings->locals[i].transport != TRANSPORT_TCP || open_listener(tcp, i))
			continue;
		int error = errno;

		*ret_failed = i;
		tcp_close(tcp);
		errno = error;
		return NULL;
	}
	return tcp;
}

void tcp_close(struct tcp *tcp)
{
	if (!tcp)
		return;
	for (unsigned i = 0; i < tcp->n_listeners; i++)
		close(tcp->listeners[i].fd);
	for (uint8_t state = 0; state < CONNECTION_STATES; state++) {
		while (tcp->lines[state].oldest) {
			struct connection *c = tcp->lines[state].oldest;

			line_leave(tcp, c);
			connection_clear(c);
			free(c);
		}
	}
	if (tcp->spare_fd >= 0)
		close(tcp->spare_fd);
	map_clear(&tcp->by_flow);
	map_clear(&tcp->by_peer);
	free(tcp);
}

void tcp_set_limits(struct tcp *tcp, uint32_t connections_max, uint32_t idle_ms)
{
	tcp->settings.connections_max = connections_max;
	tcp->settings.idle_ms = idle_ms;
}

const struct tcp_counters *tcp_counters(const struct tcp *tcp)
{
	return &tcp->counters;
}
