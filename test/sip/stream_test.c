/* RFC 3261 §18.3, RFC 5626 §3.5.1 and §4.4.1: messages and keep-alives in a stream. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sip/message.h"
#include "sip/stream.h"

#define HEAD                                                                                       \
	"MESSAGE sip:bea@ims.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.2;branch=z9hG4bK1\r\n"    \
	"From: <sip:ann@ims.example>;tag=1\r\nTo: <sip:bea@ims.example>\r\nCall-ID: a\r\n"         \
	"CSeq: 1 MESSAGE\r\n"
#define FIRST  HEAD "Content-Length: 12\r\n\r\nhello\r\n\r\nyou"
#define SECOND HEAD "l:0\r\n\r\n"

/* What a connection does: bytes come in portions, steps take them. Each step becomes a letter. */
struct connection {
	char bytes[LIMIT_MESSAGE_BYTES + 1000];
	uint32_t len, seen;
	char steps[200];
	unsigned n_steps;
	unsigned fault_status;
	struct sip_message message;
};

static void take(struct connection *c, uint32_t used)
{
	assert_true(used > 0 && used <= c->len);
	memmove(c->bytes, c->bytes + used, c->len - used);
	c->len -= used;
	c->seen = 0;
}

/* false: the connection is to be closed. */
static bool step(struct connection *c, bool *ret_more)
{
	struct sip_stream_frame frame;
	enum sip_stream_step what =
		sip_stream_next((struct text){c->bytes, c->len}, &c->seen, &frame);

	*ret_more = what == SIP_STREAM_MORE;
	if (what == SIP_STREAM_MORE)
		return true;
	assert_true(c->n_steps + 1 < sizeof(c->steps));
	c->steps[c->n_steps++] = "?MPpB"[what];
	if (what == SIP_STREAM_BROKEN) {
		c->fault_status = frame.fault_status;
		assert_true(frame.used <= c->len);
		return false;
	}
	if (what == SIP_STREAM_MESSAGE)
		assert_int_equal(sip_parse(&c->message, c->bytes + frame.skip,
					   frame.used - frame.skip, SIP_STREAM),
				 SIP_OK);
	take(c, frame.used);
	return true;
}

static bool receive(struct connection *c, struct text portion)
{
	bool more = false;

	assert_true(c->len + portion.len <= sizeof(c->bytes));
	memcpy(c->bytes + c->len, portion.at, portion.len);
	c->len += portion.len;
	while (!more)
		if (!step(c, &more))
			return false;
	return true;
}

static struct connection *fresh(void)
{
	static struct connection c;

	memset(&c, 0, sizeof(c));
	return &c;
}

#define BOTH FIRST "\r\n\r\n\r\n" SECOND "\r\n\r\n"

static void test_two_messages_at_once(void **state)
{
	struct connection *c = fresh();

	(void)state;
	assert_true(receive(c, TEXT(BOTH)));
	assert_string_equal(c->steps, "MPpMP");
	assert_int_equal(c->len, 0);
}

static void test_two_messages_byte_by_byte(void **state)
{
	struct connection *c = fresh();

	(void)state;
	for (size_t i = 0; i < sizeof(BOTH) - 1; i++)
		assert_true(receive(c, (struct text){&BOTH[i], 1}));
	assert_string_equal(c->steps, "MPpMP");
	assert_int_equal(c->len, 0);
}

/* @req TP-6 */
static void test_two_messages_split_anywhere(void **state)
{
	(void)state;
	for (uint32_t i = 1; i + 1 < sizeof(BOTH) - 1; i++) {
		for (uint32_t k = i + 1; k < sizeof(BOTH) - 1; k += 7) {
			struct connection *c = fresh();

			assert_true(receive(c, (struct text){BOTH, i}));
			assert_true(receive(c, (struct text){&BOTH[i], k - i}));
			assert_true(receive(c, text_from(TEXT(BOTH), k)));
			assert_string_equal(c->steps, "MPpMP");
		}
	}
}

static void test_body_is_exactly_content_length(void **state)
{
	struct connection *c = fresh();

	(void)state;
	assert_true(receive(c, TEXT(FIRST)));
	assert_int_equal(c->message.body.len, 12);
	assert_memory_equal(c->message.body.at, "hello\r\n\r\nyou", 12);
}

/* @req TP-7 */
static void test_keep_alives_are_told_apart(void **state)
{
	static const struct {
		const char *bytes, *steps;
		uint32_t left;
	} rows[] = {
		{"\r\n\r\n", "P", 0}, {"\r\n\r\n\r\n\r\n", "PP", 0},
		{"\r\n", "", 2}, /* half a ping: wait */
		{"\r", "", 1},        {"\r\n\r", "", 3},
		{"\n\n", "pp", 0},    {"\r\nM", "p", 1},
		{"\r\n\rM", "p", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection *c = fresh();

		assert_true(receive(c, text_of(rows[i].bytes)));
		assert_string_equal(c->steps, rows[i].steps);
		assert_int_equal(c->len, rows[i].left);
	}
}

/* @req TP-6 */
static void test_what_cannot_be_framed_is_broken(void **state)
{
	static const struct {
		const char *bytes;
		unsigned status;
	} rows[] = {
		{HEAD "\r\n", 400},
		{HEAD "Content-Length: 1x\r\n\r\n", 400},
		{HEAD "Content-Length: -1\r\n\r\n", 400},
		{HEAD "Content-Length:\r\n\r\n", 400},
		{HEAD "Content-Length: 99999999999999\r\n\r\n", 400},
		{HEAD "Content-Length: 1\r\nl: 2\r\n\r\n", 400},
		{HEAD "Content-Length: 1, 1\r\n\r\n", 400},
		{HEAD "X:\r\n Content-Length: 1\r\n\r\n", 400}, /* folded: not a field */
		{HEAD "Content-Length: 65535\r\n\r\n", 513},
		{HEAD "Content-Length: 4294967295\r\n\r\n", 513},
		{"\x16\x03\x01\x02\n\n", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection *c = fresh();

		assert_false(receive(c, text_of(rows[i].bytes)));
		assert_string_equal(c->steps, "B");
		assert_int_equal(c->fault_status, rows[i].status);
	}
}

static void test_content_length_in_every_spelling(void **state)
{
	static const char *const rows[] = {
		HEAD "Content-Length: 3\r\n\r\nabc",
		HEAD "CONTENT-LENGTH \t: 3\r\n\r\nabc",
		HEAD "l:3\r\n\r\nabc",
		HEAD "L : \r\n 3\r\n\r\nabc",
		HEAD "Content-Length: 3\n\nabc",
		HEAD "Content-Length: 3\r\nl: 003\r\n\r\nabc",
		HEAD "Content-Length: 3\r\n\t\r\n\r\nabc",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct connection *c = fresh();

		assert_true(receive(c, text_of(rows[i])));
		assert_string_equal(c->steps, "M");
		assert_int_equal(c->message.body.len, 3);
	}
}

/* The message is as long as it may be, or one byte longer. */
static struct text message_of(uint32_t bytes)
{
	static char buffer[LIMIT_MESSAGE_BYTES + 100];
	uint32_t head = sizeof(HEAD "Content-Length: 65000\r\n\r\n") - 1;

	snprintf(buffer, sizeof(buffer), HEAD "Content-Length: %05u\r\n\r\n", bytes - head);
	memset(buffer + head, 'x', bytes - head);
	return (struct text){buffer, bytes};
}

static void test_message_bytes_bound(void **state)
{
	struct connection *c;

	(void)state;
	for (uint32_t bytes = LIMIT_MESSAGE_BYTES - 1; bytes <= LIMIT_MESSAGE_BYTES + 1; bytes++) {
		c = fresh();
		if (bytes <= LIMIT_MESSAGE_BYTES) {
			assert_true(receive(c, message_of(bytes)));
			assert_string_equal(c->steps, "M");
		} else {
			assert_false(receive(c, message_of(bytes)));
			assert_int_equal(c->fault_status, 513);
		}
	}
}

static void test_header_without_end_is_broken_at_the_bound(void **state)
{
	struct connection *c = fresh();
	struct text head = TEXT(HEAD),
		    line = TEXT("X: 1234567890123456789012345678901234567890\r\n");

	(void)state;
	assert_true(receive(c, head));
	while (c->len + line.len < LIMIT_MESSAGE_BYTES)
		assert_true(receive(c, line));
	while (c->len < LIMIT_MESSAGE_BYTES - 1)
		assert_true(receive(c, TEXT("x")));
	assert_false(receive(c, TEXT("x")));
	assert_string_equal(c->steps, "B");
	assert_int_equal(c->fault_status, 513);
}

/* `seen` never lets the header be searched again from its start. */
static void test_slow_sender_is_not_looked_at_twice(void **state)
{
	struct sip_stream_frame frame;
	uint32_t seen = 0, before;

	(void)state;
	for (uint32_t n = 1; n < sizeof(FIRST) - 1; n++) {
		before = seen & 0x7fffffff;
		assert_int_equal(sip_stream_next((struct text){FIRST, n}, &seen, &frame),
				 SIP_STREAM_MORE);
		assert_int_equal(frame.used, 0);
		assert_true((seen & 0x7fffffff) >= before);
		assert_true((seen & 0x7fffffff) + 2 >= n);
	}
	assert_int_equal(sip_stream_next(TEXT(FIRST), &seen, &frame), SIP_STREAM_MESSAGE);
	assert_int_equal(frame.used, sizeof(FIRST) - 1);
	assert_int_equal(frame.skip, 0);
}

static void test_nothing_received_is_nothing(void **state)
{
	struct sip_stream_frame frame;
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(sip_stream_next((struct text){0}, &seen, &frame), SIP_STREAM_MORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_messages_at_once),
		cmocka_unit_test(test_two_messages_byte_by_byte),
		cmocka_unit_test(test_two_messages_split_anywhere),
		cmocka_unit_test(test_body_is_exactly_content_length),
		cmocka_unit_test(test_keep_alives_are_told_apart),
		cmocka_unit_test(test_what_cannot_be_framed_is_broken),
		cmocka_unit_test(test_content_length_in_every_spelling),
		cmocka_unit_test(test_message_bytes_bound),
		cmocka_unit_test(test_header_without_end_is_broken_at_the_bound),
		cmocka_unit_test(test_slow_sender_is_not_looked_at_twice),
		cmocka_unit_test(test_nothing_received_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
