/* Datagrams over loopback: batches, both families, long ones, and what the network refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "io/udp.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

struct undelivered {
	unsigned n;
	struct endpoint peer;
	char bytes[64];
	uint32_t len;
};

static void take_undelivered(void *owner, const struct endpoint *peer, struct text bytes)
{
	struct undelivered *u = owner;

	u->n++;
	u->peer = *peer;
	u->len = bytes.len;
	memcpy(u->bytes, bytes.at, bytes.len < sizeof(u->bytes) ? bytes.len : sizeof(u->bytes));
}

static struct endpoint loopback(const char *ip, uint16_t port)
{
	struct endpoint e = {.transport = TRANSPORT_UDP, .port = port};

	assert_true(endpoint_parse_ip(text_of(ip), &e));
	return e;
}

/* A socket on a port that the system chooses, and where it is. */
static struct udp_socket *open_any(const char *ip, struct endpoint *ret_at)
{
	struct endpoint any = loopback(ip, 0);
	struct udp_socket *s = udp_open(&any, 3, false);
	union address address;
	socklen_t len = sizeof(address);

	assert_non_null(s);
	assert_int_equal(getsockname(udp_fd(s), &address.any, &len), 0);
	*ret_at = address_to_endpoint(&address, TRANSPORT_UDP);
	assert_int_equal(udp_local_index(s), 3);
	return s;
}

static void wait_for(struct udp_socket *s, short events)
{
	struct pollfd p = {.fd = udp_fd(s), .events = events};

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static void send_and_receive(const char *ip)
{
	struct endpoint at_a, at_b, from;
	struct udp_socket *a = open_any(ip, &at_a), *b = open_any(ip, &at_b);
	struct udp_batch *batch = udp_batch_open();
	struct undelivered none = {0};
	static char bytes[150][8];
	unsigned n = 0;

	for (unsigned i = 0; i < 150; i++) {
		memcpy(bytes[i], "message", 7);
		bytes[i][7] = (char)i;
		udp_send(a, &at_b, (struct text){bytes[i], 8}, take_undelivered, &none);
	}
	udp_flush(a, take_undelivered, &none);
	assert_int_equal(udp_counters(a)->datagrams_out, 150);
	assert_int_equal(udp_counters(a)->send_calls, 3); /* 64 + 64 + 22 */
	while (n < 150) {
		wait_for(b, POLLIN);
		unsigned got = udp_receive(b, batch);

		assert_in_range(got, 1, UDP_BATCH);
		for (unsigned i = 0; i < got; i++, n++) {
			struct text t = udp_datagram(batch, i, &from);

			assert_true(text_equal(t, (struct text){bytes[n], 8}));
			assert_true(endpoint_equal(&from, &at_a));
		}
	}
	assert_int_equal(udp_receive(b, batch), 0);
	assert_int_equal(none.n, 0);
	udp_batch_close(batch);
	udp_close(a);
	udp_close(b);
}

static void test_batches_over_ipv4(void **state)
{
	(void)state;
	send_and_receive("127.0.0.1");
}

static void test_batches_over_ipv6(void **state)
{
	(void)state;
	send_and_receive("::1");
}

static void test_the_longest_datagram_arrives_whole(void **state)
{
	struct endpoint at_a, at_b, from;
	struct udp_socket *a = open_any("127.0.0.1", &at_a), *b = open_any("127.0.0.1", &at_b);
	struct udp_batch *batch = udp_batch_open();
	struct undelivered none = {0};
	uint32_t len = 65507; /* 65535 less the headers of IPv4 and UDP */
	char *bytes = malloc(len);
	struct text t;

	(void)state;
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7);
	udp_send(a, &at_b, (struct text){bytes, len}, take_undelivered, &none);
	udp_flush(a, take_undelivered, &none);
	wait_for(b, POLLIN);
	assert_int_equal(udp_receive(b, batch), 1);
	t = udp_datagram(batch, 0, &from);
	assert_int_equal(t.len, len);
	assert_memory_equal(t.at, bytes, len);
	assert_int_equal(none.n, 0);
	free(bytes);
	udp_batch_close(batch);
	udp_close(a);
	udp_close(b);
}

static void test_a_datagram_that_is_too_long_is_undelivered(void **state)
{
	struct endpoint at_a, at_b;
	struct udp_socket *a = open_any("127.0.0.1", &at_a), *b = open_any("127.0.0.1", &at_b);
	struct undelivered u = {0};
	char *bytes = calloc(1, 65535);

	(void)state;
	udp_send(a, &at_b, (struct text){bytes, 65535}, take_undelivered, &u);
	udp_send(a, &at_b, TEXT("after it"), take_undelivered, &u);
	udp_flush(a, take_undelivered, &u);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.len, 65535);
	assert_true(endpoint_equal(&u.peer, &at_b));
	assert_int_equal(udp_counters(a)->datagrams_out, 1);
	free(bytes);
	udp_close(a);
	udp_close(b);
}

/* RFC 3261 §18.4: a port that nobody listens at is told to the sender of the request. */
static void refused(const char *ip)
{
	struct endpoint at_a, nobody, at_b;
	struct udp_socket *a = open_any(ip, &at_a), *gone = open_any(ip, &nobody),
			  *b = open_any(ip, &at_b);
	struct undelivered u = {0};

	udp_close(gone);
	udp_send(a, &nobody, TEXT("BYE sip:nobody"), take_undelivered, &u);
	udp_flush(a, take_undelivered, &u);
	wait_for(a, 0); /* POLLERR comes without being asked for */
	udp_take_refusals(a, take_undelivered, &u);
	assert_int_equal(u.n, 1);
	assert_true(endpoint_equal(&u.peer, &nobody));
	assert_int_equal(u.len, 14);
	assert_memory_equal(u.bytes, "BYE sip:nobody", 14);
	assert_int_equal(udp_counters(a)->refused, 1);
	udp_close(a);
	udp_close(b);
}

static void test_a_refused_port_gives_the_datagram_back_ipv4(void **state)
{
	(void)state;
	refused("127.0.0.1");
}

static void test_a_refused_port_gives_the_datagram_back_ipv6(void **state)
{
	(void)state;
	refused("::1");
}

/* The error of one peer must not cost the next peer its message. */
static void test_a_refusal_does_not_lose_the_next_datagram(void **state)
{
	struct endpoint at_a, nobody, at_b, from;
	struct udp_socket *a = open_any("127.0.0.1", &at_a), *gone = open_any("127.0.0.1", &nobody),
			  *b = open_any("127.0.0.1", &at_b);
	struct udp_batch *batch = udp_batch_open();
	struct undelivered u = {0};

	(void)state;
	udp_close(gone);
	udp_send(a, &nobody, TEXT("lost"), take_undelivered, &u);
	udp_flush(a, take_undelivered, &u);
	wait_for(a, 0);
	udp_send(a, &at_b, TEXT("not lost"), take_undelivered, &u);
	udp_flush(a, take_undelivered, &u);
	wait_for(b, POLLIN);
	assert_int_equal(udp_receive(b, batch), 1);
	assert_true(text_equal(udp_datagram(batch, 0, &from), TEXT("not lost")));
	assert_int_equal(u.n, 0);
	udp_take_refusals(a, take_undelivered, &u);
	assert_int_equal(u.n, 1);
	assert_true(endpoint_equal(&u.peer, &nobody));
	udp_batch_close(batch);
	udp_close(a);
	udp_close(b);
}

static void test_a_peer_of_another_family_is_undelivered(void **state)
{
	struct endpoint at_a, other = loopback("::1", 5060);
	struct udp_socket *a = open_any("127.0.0.1", &at_a);
	struct undelivered u = {0};

	(void)state;
	udp_send(a, &other, TEXT("x"), take_undelivered, &u);
	assert_int_equal(u.n, 1);
	assert_true(endpoint_equal(&u.peer, &other));
	udp_close(a);
}

static void test_a_port_in_use_is_told_and_shared_ports_only_among_those_that_share(void **state)
{
	struct endpoint at;
	struct udp_socket *alone = open_any("127.0.0.1", &at), *shared, *also;

	(void)state;
	assert_null(udp_open(&at, 0, false));
	assert_null(udp_open(&at, 0, true));
	udp_close(alone);
	shared = udp_open(&at, 0, true);
	also = udp_open(&at, 0, true);
	assert_non_null(shared);
	assert_non_null(also);
	assert_null(udp_open(&at, 0, false));
	udp_close(shared);
	udp_close(also);
}

/* Resident memory: a batch that has seen one short datagram holds few pages, not 4 MiB. */
static void test_buffers_take_up_only_the_pages_that_were_used(void **state)
{
	struct endpoint at_a, at_b, from;
	struct udp_socket *a = open_any("127.0.0.1", &at_a), *b = open_any("127.0.0.1", &at_b);
	struct undelivered none = {0};
	long before, after, unused;
	FILE *file = fopen("/proc/self/statm", "r");
	struct udp_batch *batch = udp_batch_open();

	(void)state;
	assert_int_equal(fscanf(file, "%ld %ld", &unused, &before), 2);
	fclose(file);
	for (int i = 0; i < 64; i++)
		udp_send(a, &at_b, TEXT("short"), take_undelivered, &none);
	udp_flush(a, take_undelivered, &none);
	wait_for(b, POLLIN);
	for (unsigned n = 0; n < 64;)
		n += udp_receive(b, batch);
	assert_true(text_equal(udp_datagram(batch, 0, &from), TEXT("short")));
	file = fopen("/proc/self/statm", "r");
	assert_int_equal(fscanf(file, "%ld %ld", &unused, &after), 2);
	fclose(file);
	assert_true(after - before <
		    300); /* pages: 64 of the buffers, the rest is the test's own */
	udp_batch_close(batch);
	udp_close(a);
	udp_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches_over_ipv4),
		cmocka_unit_test(test_batches_over_ipv6),
		cmocka_unit_test(test_the_longest_datagram_arrives_whole),
		cmocka_unit_test(test_a_datagram_that_is_too_long_is_undelivered),
		cmocka_unit_test(test_a_refused_port_gives_the_datagram_back_ipv4),
		cmocka_unit_test(test_a_refused_port_gives_the_datagram_back_ipv6),
		cmocka_unit_test(test_a_refusal_does_not_lose_the_next_datagram),
		cmocka_unit_test(test_a_peer_of_another_family_is_undelivered),
		cmocka_unit_test(
			test_a_port_in_use_is_told_and_shared_ports_only_among_those_that_share),
		cmocka_unit_test(test_buffers_take_up_only_the_pages_that_were_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
