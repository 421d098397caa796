#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/endpoint.h"

#define assert_text(t, literal) assert_true(text_equal((t), TEXT(literal)))

static struct endpoint parsed(struct text literal)
{
	struct endpoint e = {.transport = TRANSPORT_TCP, .port = 5070, .flow = 9};

	assert_true(endpoint_parse_ip(literal, &e));
	assert_int_equal(e.port, 5070); /* only the address is set */
	assert_int_equal(e.flow, 9);
	assert_int_equal(e.transport, TRANSPORT_TCP);
	assert_true(endpoint_is_set(&e));
	return e;
}

static void is_refused(struct text literal)
{
	struct endpoint e, before;

	memset(&e, 0xa5, sizeof(e));
	before = e;
	assert_false(endpoint_parse_ip(literal, &e));
	assert_memory_equal(&e, &before, sizeof(e));
}

static void test_ipv4_literals(void **state)
{
	struct endpoint e = parsed(TEXT("127.0.0.255"));
	const uint8_t ip[16] = {127, 0, 0, 255};

	(void)state;
	assert_int_equal(e.family, 4);
	assert_memory_equal(e.ip, ip, 16);
	is_refused(TEXT("127.0.0.256"));
	is_refused(TEXT("127.0.0"));
	is_refused(TEXT("127.0.0.1.1"));
	is_refused(TEXT("127.0.0.1 "));
	is_refused(TEXT(" 127.0.0.1"));
	is_refused(TEXT("127.0.0.01"));
	is_refused(TEXT("0x7f.0.0.1"));
	is_refused(TEXT("2130706433"));
	is_refused(TEXT("127.0.0.-1"));
	is_refused(TEXT("127.0.0.1:5060"));
	is_refused(TEXT("ims.example"));
}

static void test_ipv6_literals(void **state)
{
	const uint8_t loopback[16] = {[15] = 1};
	const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};

	(void)state;
	assert_int_equal(parsed(TEXT("[::1]")).family, 6);
	assert_memory_equal(parsed(TEXT("[::1]")).ip, loopback, 16);
	assert_memory_equal(parsed(TEXT("::1")).ip, loopback, 16);
	assert_memory_equal(parsed(TEXT("[0:0:0:0:0:0:0:1]")).ip, loopback, 16);
	assert_memory_equal(parsed(TEXT("[::FFFF:127.0.0.1]")).ip, mapped, 16);
	assert_int_equal(parsed(TEXT("[0000:0000:0000:0000:0000:ffff:127.127.127.127]")).family, 6);
	assert_int_equal(parsed(TEXT("::")).family, 6);
}

static void test_what_is_no_ipv6_literal(void **state)
{
	(void)state;
	is_refused(TEXT("[::1"));
	is_refused(TEXT("::1]"));
	is_refused(TEXT("[]"));
	is_refused(TEXT("["));
	is_refused(TEXT("[[::1]]"));
	is_refused(TEXT("[127.0.0.1]"));
	is_refused(TEXT("[::1%lo]"));
	is_refused(TEXT("[::1]:5060"));
	is_refused(TEXT("[:::1]"));
	is_refused(TEXT("[1:2:3:4:5:6:7:8:9]"));
	is_refused(TEXT("[1:2:3:4:5:6:7]"));
	is_refused(TEXT("[12345::]"));
	is_refused(TEXT("[::g]"));
}

static void test_other_bytes_are_refused(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, '0', sizeof(longest));
	longest[1] = ':';
	is_refused((struct text){NULL, 0});
	is_refused(TEXT(""));
	is_refused((struct text){longest, sizeof(longest)});
	/* A NUL inside must not hide what follows it. */
	is_refused((struct text){"127.0.0.1\0.evil", 15});
	is_refused((struct text){"::1\0", 4});
	is_refused((struct text){"\0", 1});
}

static void written_as(struct text literal, const char *ip, const char *host, const char *both)
{
	struct endpoint e = parsed(literal);
	char buffer[100];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	endpoint_put_ip(&w, &e);
	assert_true(text_equal(text_written(&w), text_of(ip)));
	w = text_writer_on(buffer, sizeof(buffer));
	endpoint_put_host(&w, &e);
	assert_true(text_equal(text_written(&w), text_of(host)));
	w = text_writer_on(buffer, sizeof(buffer));
	endpoint_put(&w, &e);
	assert_true(text_equal(text_written(&w), text_of(both)));
}

static void test_addresses_written(void **state)
{
	(void)state;
	written_as(TEXT("127.0.0.1"), "127.0.0.1", "127.0.0.1", "127.0.0.1:5070");
	written_as(TEXT("255.0.10.99"), "255.0.10.99", "255.0.10.99", "255.0.10.99:5070");
	written_as(TEXT("0:0:0:0:0:0:0:1"), "::1", "[::1]", "[::1]:5070");
	written_as(TEXT("[2001:DB8::9:1]"), "2001:db8::9:1", "[2001:db8::9:1]",
		   "[2001:db8::9:1]:5070");
}

static void test_writing_is_bounded(void **state)
{
	struct endpoint e = parsed(TEXT("[::1]"));
	char buffer[4];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	(void)state;
	endpoint_put(&w, &e);
	assert_true(w.full);
	assert_in_range(w.len, 0, sizeof(buffer));
}

static void test_what_is_written_is_read_again(void **state)
{
	const struct text literals[] = {TEXT("0.0.0.0"),
					TEXT("127.0.0.1"),
					TEXT("255.255.255.255"),
					TEXT("::"),
					TEXT("::ffff:1.2.3.4"),
					TEXT("2001:db8:1:2:3:4:5:6"),
					TEXT("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")};

	(void)state;
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		struct endpoint e = parsed(literals[i]), again;
		char buffer[100];
		struct text_writer w = text_writer_on(buffer, sizeof(buffer));

		endpoint_put_host(&w, &e);
		again = parsed(text_written(&w));
		assert_true(endpoint_same_address(&e, &again));
	}
}

static void test_comparison(void **state)
{
	struct endpoint a = parsed(TEXT("127.0.0.1")), b = a,
			mapped = parsed(TEXT("::ffff:127.0.0.1"));
	struct endpoint unset = {0};

	(void)state;
	b.flow = 77;
	assert_true(endpoint_equal(&a, &b)); /* the connection does not count */
	b.ip[8] = 1;
	assert_true(endpoint_equal(&a, &b)); /* behind the four bytes of IPv4 */
	b.port++;
	assert_true(endpoint_same_address(&a, &b));
	assert_false(endpoint_equal(&a, &b));
	b = a;
	b.transport = TRANSPORT_UDP;
	assert_false(endpoint_equal(&a, &b));
	b = a;
	b.ip[3] = 2;
	assert_false(endpoint_same_address(&a, &b));
	assert_false(endpoint_same_address(&a, &mapped));
	assert_false(endpoint_same_address(&a, &unset));
	b = mapped;
	b.ip[15]++;
	assert_false(endpoint_same_address(&mapped, &b));
	assert_false(endpoint_is_set(&unset));
}

static void test_names_of_transports(void **state)
{
	(void)state;
	assert_string_equal(transport_name(TRANSPORT_UDP), "UDP");
	assert_string_equal(transport_name(TRANSPORT_TCP), "TCP");
	assert_string_equal(transport_parameter(TRANSPORT_UDP), "udp");
	assert_string_equal(transport_parameter(TRANSPORT_TCP), "tcp");
	assert_false(transport_is_reliable(TRANSPORT_UDP));
	assert_true(transport_is_reliable(TRANSPORT_TCP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_literals),
		cmocka_unit_test(test_ipv6_literals),
		cmocka_unit_test(test_what_is_no_ipv6_literal),
		cmocka_unit_test(test_other_bytes_are_refused),
		cmocka_unit_test(test_addresses_written),
		cmocka_unit_test(test_writing_is_bounded),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_comparison),
		cmocka_unit_test(test_names_of_transports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
