/* Mail between workers: order, bound, wake-ups, many threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "io/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum { PATIENCE_MS = 5000, THREADS = 4, EACH = 5000 };

static bool is_readable(struct mailbox *box, int timeout_ms)
{
	struct pollfd p = {.fd = mailbox_fd(box), .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

static void test_mail_comes_in_order_with_its_peer(void **state)
{
	struct mailbox *box = mailbox_open();
	struct mail mail = {.kind = 2, .local = 7, .peer = {.family = 4, .port = 5060, .flow = 9}};
	struct mail got;

	(void)state;
	assert_false(is_readable(box, 0));
	mail.bytes = TEXT("first");
	assert_true(mailbox_post(box, &mail));
	mail.bytes = TEXT("");
	assert_true(mailbox_post(box, &mail));
	mail.bytes = TEXT("third");
	assert_true(mailbox_post(box, &mail));
	assert_true(is_readable(box, PATIENCE_MS));
	mailbox_take(box);
	assert_false(is_readable(box, 0));
	assert_true(mailbox_next(box, &got));
	assert_true(text_equal(got.bytes, TEXT("first")));
	assert_int_equal(got.kind, 2);
	assert_int_equal(got.local, 7);
	assert_int_equal(got.peer.port, 5060);
	assert_int_equal(got.peer.flow, 9);
	assert_true(mailbox_next(box, &got));
	assert_int_equal(got.bytes.len, 0);
	assert_true(mailbox_next(box, &got));
	assert_true(text_equal(got.bytes, TEXT("third")));
	assert_false(mailbox_next(box, &got));
	mailbox_close(box);
}

static void test_at_the_bound_mail_is_lost_and_counted(void **state)
{
	struct mailbox *box = mailbox_open();
	uint32_t len = 60000;
	char *bytes = calloc(1, len);
	struct mail mail = {.bytes = {bytes, len}}, got;
	unsigned posted = 0, read = 0;

	(void)state;
	while (mailbox_post(box, &mail))
		posted++;
	assert_in_range(posted, MAILBOX_BYTES_MAX / (len + 100), MAILBOX_BYTES_MAX / len);
	assert_int_equal(mailbox_lost(box), 1);
	assert_false(mailbox_post(box, &mail));
	assert_int_equal(mailbox_lost(box), 2);
	mailbox_take(box);
	assert_true(mailbox_post(box, &mail)); /* there is room again */
	while (mailbox_next(box, &got))
		read++;
	assert_int_equal(read, posted);
	mailbox_take(box);
	assert_true(mailbox_next(box, &got));
	assert_false(mailbox_next(box, &got));
	free(bytes);
	mailbox_close(box);
}

static void *post_many(void *arg)
{
	struct mailbox *box = arg;

	for (uint32_t i = 0; i < EACH; i++) {
		struct mail mail = {.bytes = {(const char *)&i, sizeof(i)}};

		if (!mailbox_post(box, &mail))
			return box;
	}
	return NULL;
}

static void test_many_threads_post_and_nothing_is_missed(void **state)
{
	struct mailbox *box = mailbox_open();
	pthread_t threads[THREADS];
	unsigned n = 0;
	uint64_t sum = 0;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, box), 0);
	while (n < THREADS * EACH) {
		struct mail mail;

		assert_true(is_readable(box, PATIENCE_MS));
		mailbox_take(box);
		while (mailbox_next(box, &mail)) {
			uint32_t i;

			memcpy(&i, mail.bytes.at, sizeof(i));
			sum += i;
			n++;
		}
	}
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_true(sum == (uint64_t)THREADS * EACH * (EACH - 1) / 2);
	assert_int_equal(mailbox_lost(box), 0);
	mailbox_close(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail_comes_in_order_with_its_peer),
		cmocka_unit_test(test_at_the_bound_mail_is_lost_and_counted),
		cmocka_unit_test(test_many_threads_post_and_nothing_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
