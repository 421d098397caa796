/* Connections over loopback: framing of torn writes, keep-alives, both directions, bounds, ends. The clock is ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "io/address.h"
#include "io/connection.h"
#include "io/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, IDLE_MS = 60000 };

#define OPTIONS                                                                                    \
	"OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\n"        \
	"From: <sip:b@127.0.0.1>;tag=1\r\nTo: <sip:a@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 "         \
	"OPTIONS\r\n"                                                                              \
	"Content-Length: 4\r\n\r\nbody"
static const struct text MESSAGE = {OPTIONS, sizeof(OPTIONS) - 1};

struct world {
	int epoll_fd;
	struct tcp *tcp;
	struct endpoint at; /* where we listen */
	uint64_t now_ms;
	unsigned n_messages, n_undelivered;
	struct endpoint peer; /* of the last */
	uint8_t local;
	uint32_t last_len;
	bool is_same; /* every message was MESSAGE */
	bool answer;  /* each message goes back over its flow */
};

static void take_message(void *owner, const struct endpoint *peer, uint8_t local, struct text bytes)
{
	struct world *w = owner;

	w->n_messages++;
	w->peer = *peer;
	w->local = local;
	w->last_len = bytes.len;
	w->is_same &= text_equal(bytes, MESSAGE);
	if (w->answer)
		tcp_send(w->tcp, peer, local, bytes, w->now_ms);
}

static void take_undelivered(void *owner, const struct endpoint *peer, uint8_t local,
			     struct text bytes)
{
	struct world *w = owner;

	(void)local;
	w->n_undelivered++;
	w->peer = *peer;
	w->last_len = bytes.len;
}

/* A port that was free a moment ago: bound and given back. */
static uint16_t free_port(void)
{
	union address address = {
		.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address.v4);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, &address.any, len), 0);
	assert_int_equal(getsockname(fd, &address.any, &len), 0);
	close(fd);
	return ntohs(address.v4.sin_port);
}

static struct world world_open(void)
{
	struct world w = {.epoll_fd = epoll_create1(0), .now_ms = 1000, .is_same = true};

	w.at = (struct endpoint){.transport = TRANSPORT_TCP, .port = free_port()};
	assert_true(endpoint_parse_ip(TEXT("127.0.0.1"), &w.at));
	return w;
}

/* Separately, since the owner must not move any more. */
static void world_listen(struct world *w, uint32_t connections_max)
{
	struct tcp_settings settings = {.worker = 3,
					.epoll_fd = w->epoll_fd,
					.connections_max = connections_max,
					.idle_ms = IDLE_MS,
					.n_locals = 1,
					.locals = {w->at},
					.owner = w,
					.message = take_message,
					.undelivered = take_undelivered};
	unsigned failed;

	w->tcp = tcp_open(&settings, &failed);
	assert_non_null(w->tcp);
}

static void world_close(struct world *w)
{
	tcp_close(w->tcp);
	close(w->epoll_fd);
}

/* One turn of the loop, waiting for at most so long. */
static void turn(struct world *w, int timeout_ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(w->epoll_fd, events, 16, timeout_ms);

	for (int i = 0; i < n; i++)
		tcp_ready(w->tcp, events[i].data.ptr, events[i].events, w->now_ms);
	tcp_turn(w->tcp, w->now_ms);
}

/* Turns until *what is at least n. */
static void turn_until(struct world *w, const unsigned *what, unsigned n)
{
	for (int i = 0; i < 1000 && *what < n; i++)
		turn(w, PATIENCE_MS / 1000);
	assert_int_equal(*what, n);
}

static void turn_until_connections(struct world *w, uint64_t n)
{
	for (int i = 0; i < 1000 && tcp_counters(w->tcp)->connections != n; i++)
		turn(w, PATIENCE_MS / 1000);
	assert_int_equal(tcp_counters(w->tcp)->connections, n);
}

static int connect_to(const struct endpoint *at)
{
	union address address;
	socklen_t len = address_of_endpoint(at, &address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, &address.any, len), 0);
	return fd;
}

static void write_all(int fd, struct text t)
{
	while (t.len) {
		ssize_t n = send(fd, t.at, t.len, MSG_NOSIGNAL);

		assert_true(n > 0);
		t = text_from(t, (uint32_t)n);
	}
}

static void read_exactly(int fd, char *ret, size_t len)
{
	for (size_t got = 0; got < len;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t n = recv(fd, ret + got, len - got, 0);

		assert_true(n > 0);
		got += (size_t)n;
	}
}

/* ------------------------------------------------------------------ framing */

static void test_a_message_torn_into_single_bytes_is_one_message(void **state)
{
	struct world w = world_open();
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	for (uint32_t i = 0; i < MESSAGE.len; i++) {
		write_all(fd, (struct text){MESSAGE.at + i, 1});
		turn(&w, i % 16 ? 0 : 5);
	}
	turn_until(&w, &w.n_messages, 1);
	assert_true(w.is_same);
	assert_int_equal(tcp_worker_of_flow(w.peer.flow), 3);
	assert_int_not_equal(w.peer.flow, 0);
	close(fd);
	world_close(&w);
}

static void test_messages_glued_together_are_taken_one_by_one(void **state)
{
	struct world w = world_open();
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	write_all(fd, TEXT("\r\n" OPTIONS "\r\n\r\n" OPTIONS OPTIONS "OPTIONS sip"));
	turn_until(&w, &w.n_messages, 3);
	write_all(fd, text_from(MESSAGE, 11));
	turn_until(&w, &w.n_messages, 4);
	assert_true(w.is_same);
	close(fd);
	world_close(&w);
}

static void test_rfc_5626_ping_is_answered_by_pong(void **state)
{
	struct world w = world_open();
	char pong[2];
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	write_all(fd, TEXT("\r\n\r\n"));
	for (int i = 0; i < 5; i++)
		turn(&w, 5);
	read_exactly(fd, pong, 2);
	assert_memory_equal(pong, "\r\n", 2);
	assert_int_equal(w.n_messages, 0);
	close(fd);
	world_close(&w);
}

static void test_a_message_of_60000_bytes(void **state)
{
	struct world w = world_open();
	static char bytes[61000];
	int len = snprintf(
		bytes, 500,
		"MESSAGE sip:a@127.0.0.1 SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 60000\r\n\r\n");
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	memset(bytes + len, 'x', 60000);
	for (uint32_t at = 0; at < (uint32_t)len + 60000; at += 7000) {
		uint32_t rest = (uint32_t)len + 60000 - at;

		write_all(fd, (struct text){bytes + at, rest < 7000 ? rest : 7000});
		turn(&w, 5);
	}
	turn_until(&w, &w.n_messages, 1);
	assert_int_equal(w.last_len, len + 60000);
	close(fd);
	world_close(&w);
}

/* What cannot be framed may be answered; then our side is shut, and the peer can read the answer. */
static void test_a_stream_that_cannot_be_framed_is_answered_and_closed(void **state)
{
	struct world w = world_open();
	char got[512];
	ssize_t n, len = 0;
	int fd;

	(void)state;
	world_listen(&w, 10);
	w.answer = true;
	fd = connect_to(&w.at);
	write_all(fd, TEXT("OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nCall-ID: 1\r\nContent-Length: "
			   "many\r\n\r\n"));
	for (int i = 0; i < 10; i++)
		turn(&w, 5);
	assert_int_equal(w.n_messages, 1);
	while ((n = recv(fd, got + len, sizeof(got) - (size_t)len, 0)) > 0)
		len += n;
	assert_int_equal(n, 0);
	assert_int_equal(len, w.last_len);
	assert_int_equal(tcp_counters(w.tcp)->broken, 1);
	close(fd);
	turn_until_connections(&w, 0);
	world_close(&w);
}

static void test_an_endless_header_ends_the_connection(void **state)
{
	struct world w = world_open();
	static char bytes[200000];
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "OPTIONS sip:", 12);
	for (uint32_t at = 0; at < sizeof(bytes) && !tcp_counters(w.tcp)->broken; at += 10000) {
		write_all(fd, (struct text){bytes + at, 10000});
		turn(&w, 5);
	}
	assert_int_equal(tcp_counters(w.tcp)->broken, 1);
	close(fd);
	turn_until_connections(&w, 0);
	world_close(&w);
}

/* ------------------------------------------------------------------ sending */

static int listen_at(struct endpoint *ret_at)
{
	union address address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*ret_at = (struct endpoint){.transport = TRANSPORT_TCP};
	assert_true(endpoint_parse_ip(TEXT("127.0.0.1"), ret_at));
	len = address_of_endpoint(ret_at, &address);
	assert_int_equal(bind(fd, &address.any, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, &address.any, &len), 0);
	ret_at->port = ntohs(address.v4.sin_port);
	return fd;
}

static void test_an_answer_goes_over_the_flow_that_the_request_came_by(void **state)
{
	struct world w = world_open();
	static char got[sizeof(OPTIONS) - 1];
	int fd;

	(void)state;
	world_listen(&w, 10);
	w.answer = true;
	fd = connect_to(&w.at);
	write_all(fd, MESSAGE);
	turn_until(&w, &w.n_messages, 1);
	read_exactly(fd, got, sizeof(got));
	assert_memory_equal(got, MESSAGE.at, sizeof(got));
	assert_int_equal(tcp_counters(w.tcp)->connected, 0);
	close(fd);
	world_close(&w);
}

static void test_messages_to_one_address_share_the_connection_that_the_first_opens(void **state)
{
	struct world w = world_open();
	struct endpoint peer;
	int listener = listen_at(&peer), fd;
	static char got[3 * (sizeof(OPTIONS) - 1)];
	union address from;
	socklen_t len = sizeof(from);

	(void)state;
	world_listen(&w, 10);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	turn(&w, PATIENCE_MS);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	fd = accept(listener, &from.any, &len);
	read_exactly(fd, got, sizeof(got));
	assert_int_equal(tcp_counters(w.tcp)->connected, 1);
	assert_int_equal(tcp_counters(w.tcp)->connections, 1);
	/* What comes back over it has its flow. */
	write_all(fd, MESSAGE);
	turn_until(&w, &w.n_messages, 1);
	assert_true(endpoint_equal(&w.peer, &peer));
	close(fd);
	close(listener);
	turn_until_connections(&w, 0);
	world_close(&w);
}

static void test_a_flow_that_has_gone_gives_way_to_a_connection_to_its_address(void **state)
{
	struct world w = world_open();
	struct endpoint peer;
	int listener = listen_at(&peer), fd;
	char got[4];

	(void)state;
	world_listen(&w, 10);
	peer.flow = 3u << 24 | 77;
	tcp_send(w.tcp, &peer, 0, TEXT("gone"), w.now_ms);
	turn(&w, PATIENCE_MS);
	fd = accept(listener, NULL, NULL);
	read_exactly(fd, got, 4);
	assert_memory_equal(got, "gone", 4);
	close(fd);
	close(listener);
	world_close(&w);
}

static void test_a_refused_connection_gives_back_each_message(void **state)
{
	struct world w = world_open();
	struct endpoint peer = w.at;

	(void)state;
	peer.port = free_port();
	world_listen(&w, 10);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	turn_until(&w, &w.n_undelivered, 2);
	assert_true(endpoint_equal(&w.peer, &peer));
	assert_int_equal(w.last_len, MESSAGE.len);
	assert_int_equal(tcp_counters(w.tcp)->connects_failed, 1);
	assert_int_equal(tcp_counters(w.tcp)->connections, 0);
	world_close(&w);
}

static void test_a_connection_that_never_comes_about_is_given_up(void **state)
{
	struct world w = world_open();
	struct endpoint peer;
	int listener = listen_at(&peer), others[64];
	unsigned n = 0;
	union address address;
	socklen_t len = address_of_endpoint(&peer, &address);

	(void)state;
	/* A listener whose queue is full does not answer: the loopback's way to a host that is not there. */
	assert_int_equal(listen(listener, 0), 0);
	for (; n < 8; n++) {
		others[n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(others[n], &address.any, len);
	}
	world_listen(&w, 10);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	for (int i = 0; i < 5; i++)
		turn(&w, 5);
	assert_int_equal(w.n_undelivered, 0);
	assert_in_range(tcp_deadline(w.tcp), w.now_ms + 1000, w.now_ms + 32000);
	w.now_ms = tcp_deadline(w.tcp) - 1;
	turn(&w, 0);
	assert_int_equal(w.n_undelivered, 0);
	w.now_ms++;
	turn(&w, 0);
	assert_int_equal(w.n_undelivered, 1);
	while (n)
		close(others[--n]);
	close(listener);
	world_close(&w);
}

/* A peer that does not read: at the bound its connection ends and everything that waited comes back. */
static void test_at_the_bound_of_the_queue_the_connection_ends(void **state)
{
	struct world w = world_open();
	struct endpoint peer;
	int listener = listen_at(&peer), fd, small = 4096;
	static char bytes[20000];
	unsigned sent = 0;

	(void)state;
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	world_listen(&w, 10);
	tcp_send(w.tcp, &peer, 0, MESSAGE, w.now_ms);
	turn(&w, PATIENCE_MS);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(tcp_counters(w.tcp)->connected, 1);
	/* Far more than the system's own buffers hold. */
	while (sent < 2000 && w.n_undelivered == 0) {
		tcp_send(w.tcp, &peer, 0, (struct text){bytes, sizeof(bytes)}, w.now_ms);
		sent++;
		tcp_turn(w.tcp, w.now_ms);
	}
	assert_in_range(w.n_undelivered, CONNECTION_QUEUE_BYTES_MAX / sizeof(bytes),
			CONNECTION_QUEUE_BYTES_MAX / sizeof(bytes) + 2);
	assert_int_equal(tcp_counters(w.tcp)->connections, 0);
	close(fd);
	close(listener);
	world_close(&w);
}

/* ------------------------------------------------------------------ life of connections */

static void test_an_idle_connection_is_closed_and_a_message_keeps_it(void **state)
{
	struct world w = world_open();
	char end;
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	turn_until_connections(&w, 1);
	assert_int_equal(tcp_deadline(w.tcp), w.now_ms + IDLE_MS);
	w.now_ms += IDLE_MS - 1;
	write_all(fd, MESSAGE);
	turn_until(&w, &w.n_messages, 1);
	assert_int_equal(tcp_deadline(w.tcp), w.now_ms + IDLE_MS);
	/* Half a message is no sign of life. */
	w.now_ms += IDLE_MS - 1;
	write_all(fd, TEXT("OPTIONS "));
	turn(&w, 5);
	assert_int_equal(tcp_counters(w.tcp)->connections, 1);
	w.now_ms += 1;
	turn(&w, 0);
	assert_int_equal(tcp_counters(w.tcp)->connections, 0);
	assert_int_equal(tcp_counters(w.tcp)->closed_idle, 1);
	assert_true(recv(fd, &end, 1, 0) <= 0);
	close(fd);
	world_close(&w);
}

static void test_at_the_bound_the_connection_idle_for_longest_gives_way(void **state)
{
	struct world w = world_open();
	int fds[4];
	char end;

	(void)state;
	world_listen(&w, 3);
	for (int i = 0; i < 3; i++) {
		fds[i] = connect_to(&w.at);
		turn_until_connections(&w, (uint64_t)i + 1);
		w.now_ms += 10;
	}
	write_all(fds[0], MESSAGE); /* now the second is the oldest */
	turn_until(&w, &w.n_messages, 1);
	fds[3] = connect_to(&w.at);
	for (int i = 0; i < 1000 && tcp_counters(w.tcp)->accepted < 4; i++)
		turn(&w, 5);
	assert_int_equal(tcp_counters(w.tcp)->accepted, 4);
	assert_int_equal(tcp_counters(w.tcp)->connections, 3);
	assert_int_equal(tcp_counters(w.tcp)->closed_full, 1);
	assert_int_equal(recv(fds[1], &end, 1, 0), 0);
	write_all(fds[0], MESSAGE);
	write_all(fds[3], MESSAGE);
	turn_until(&w, &w.n_messages, 3);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	world_close(&w);
}

static void test_at_the_bound_without_an_idle_connection_the_new_one_is_refused(void **state)
{
	struct world w = world_open();
	int first, second;
	char end;

	(void)state;
	world_listen(&w, 1);
	first = connect_to(&w.at);
	write_all(first, TEXT("OPTIONS sip"));
	turn_until_connections(&w, 1);
	for (int i = 0; i < 3; i++)
		turn(&w, 5);
	second = connect_to(&w.at);
	for (int i = 0; i < 1000 && !tcp_counters(w.tcp)->refused; i++)
		turn(&w, 5);
	assert_int_equal(tcp_counters(w.tcp)->refused, 1);
	assert_true(recv(second, &end, 1, 0) <= 0);
	write_all(first, text_from(MESSAGE, 11));
	turn_until(&w, &w.n_messages, 1);
	close(first);
	close(second);
	world_close(&w);
}

static void test_a_reset_connection_is_forgotten(void **state)
{
	struct world w = world_open();
	struct linger at_once = {1, 0};
	int fd;

	(void)state;
	world_listen(&w, 10);
	fd = connect_to(&w.at);
	turn_until_connections(&w, 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	turn_until_connections(&w, 0);
	assert_true(tcp_deadline(w.tcp) == UINT64_MAX);
	world_close(&w);
}

static void test_a_port_in_use_is_told(void **state)
{
	struct world w = world_open();
	struct endpoint at;
	int listener = listen_at(&at);
	struct tcp_settings settings = {.epoll_fd = w.epoll_fd, .n_locals = 2};
	unsigned failed = 9;

	(void)state;
	settings.locals[0] = (struct endpoint){.transport = TRANSPORT_UDP, .family = 4};
	settings.locals[1] = at;
	assert_null(tcp_open(&settings, &failed));
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(failed, 1);
	assert_false(tcp_is_free(&at));
	close(listener);
	assert_true(tcp_is_free(&at));
	close(w.epoll_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_message_torn_into_single_bytes_is_one_message),
		cmocka_unit_test(test_messages_glued_together_are_taken_one_by_one),
		cmocka_unit_test(test_rfc_5626_ping_is_answered_by_pong),
		cmocka_unit_test(test_a_message_of_60000_bytes),
		cmocka_unit_test(test_a_stream_that_cannot_be_framed_is_answered_and_closed),
		cmocka_unit_test(test_an_endless_header_ends_the_connection),
		cmocka_unit_test(test_an_answer_goes_over_the_flow_that_the_request_came_by),
		cmocka_unit_test(
			test_messages_to_one_address_share_the_connection_that_the_first_opens),
		cmocka_unit_test(
			test_a_flow_that_has_gone_gives_way_to_a_connection_to_its_address),
		cmocka_unit_test(test_a_refused_connection_gives_back_each_message),
		cmocka_unit_test(test_a_connection_that_never_comes_about_is_given_up),
		cmocka_unit_test(test_at_the_bound_of_the_queue_the_connection_ends),
		cmocka_unit_test(test_an_idle_connection_is_closed_and_a_message_keeps_it),
		cmocka_unit_test(test_at_the_bound_the_connection_idle_for_longest_gives_way),
		cmocka_unit_test(
			test_at_the_bound_without_an_idle_connection_the_new_one_is_refused),
		cmocka_unit_test(test_a_reset_connection_is_forgotten),
		cmocka_unit_test(test_a_port_in_use_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
