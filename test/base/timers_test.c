#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "base/timers.h"

static void test_nothing_running(void **state)
{
	struct timers timers;

	(void)state;
	timers_init(&timers, 1000);
	assert_true(timers_deadline(&timers) == TIMERS_NEVER);
	assert_null(timers_expired(&timers, UINT64_MAX));
	assert_true(timers_deadline(&timers) == TIMERS_NEVER);
}

static void test_expires_at_its_time_and_not_before(void **state)
{
	static const uint64_t waits_ms[] = {1,
					    2,
					    63,
					    64,
					    65,
					    500,
					    4095,
					    4096,
					    4097,
					    32000,
					    180000,
					    262143,
					    262144,
					    262145,
					    86400000,
					    (uint64_t)1 << 41,
					    (uint64_t)1 << 43};
	static const uint64_t starts_ms[] = {0,    1,    63,        64,
					     4095, 4096, 123456789, (uint64_t)1700000000 * 1000};

	(void)state;
	for (size_t s = 0; s < sizeof(starts_ms) / sizeof(starts_ms[0]); s++) {
		for (size_t w = 0; w < sizeof(waits_ms) / sizeof(waits_ms[0]); w++) {
			uint64_t at_ms = starts_ms[s] + waits_ms[w];
			struct timers timers;
			struct timer timer = {.kind = 3};

			timers_init(&timers, starts_ms[s]);
			timers_start(&timers, &timer, at_ms);
			assert_true(timers_deadline(&timers) <= at_ms);
			assert_true(timer_is_running(&timer));
			assert_null(timers_expired(&timers, at_ms - 1));
			assert_true(timers_deadline(&timers) == at_ms);
			assert_ptr_equal(timers_expired(&timers, at_ms), &timer);
			assert_false(timer_is_running(&timer));
			assert_int_equal(timer.kind, 3);
			assert_null(timers_expired(&timers, at_ms));
			assert_int_equal(timers.n_running, 0);
		}
	}
}

static void test_time_not_after_now_expires_at_the_next_call(void **state)
{
	struct timers timers;
	struct timer past = {0}, now = {0};

	(void)state;
	timers_init(&timers, 1000);
	timers_start(&timers, &past, 1);
	timers_start(&timers, &now, 1000);
	assert_true(timers_deadline(&timers) == 1000);
	assert_non_null(timers_expired(&timers, 1000));
	assert_non_null(timers_expired(&timers, 1000));
	assert_null(timers_expired(&timers, 1000));
}

static void test_restart_moves_the_deadline_both_ways(void **state)
{
	struct timers timers;
	struct timer timer = {0};

	(void)state;
	timers_init(&timers, 0);
	timers_start(&timers, &timer, 500);
	timers_start(&timers, &timer, 100000);
	assert_int_equal(timers.n_running, 1);
	assert_null(timers_expired(&timers, 99999));
	timers_start(&timers, &timer, 99999);
	assert_ptr_equal(timers_expired(&timers, 99999), &timer);
	assert_null(timers_expired(&timers, 200000));
}

static void test_stop_is_idempotent(void **state)
{
	struct timers timers;
	struct timer timer = {0}, other = {0};

	(void)state;
	timers_init(&timers, 0);
	timers_stop(&timers, &timer);
	timers_start(&timers, &timer, 500);
	timers_start(&timers, &other, 500);
	timers_stop(&timers, &timer);
	timers_stop(&timers, &timer);
	assert_int_equal(timers.n_running, 1);
	assert_ptr_equal(timers_expired(&timers, 500), &other);
	timers_stop(&timers, &other);
	assert_int_equal(timers.n_running, 0);
	assert_true(timers_deadline(&timers) == TIMERS_NEVER);
}

/* A peer may ask for any wait, so every number is a time; the last one is "never" and simply waits. */
static void test_every_number_is_a_time(void **state)
{
	struct timers timers;
	struct timer never = {0}, far = {0}, near = {0};

	(void)state;
	timers_init(&timers, (uint64_t)1700000000 * 1000);
	timers_start(&timers, &never, TIMERS_NEVER);
	timers_start(&timers, &far, timers.now_ms + (uint64_t)UINT32_MAX * 1000);
	timers_start(&timers, &near, timers.now_ms + 10);
	assert_ptr_equal(timers_expired(&timers, timers.now_ms + 1000000), &near);
	assert_null(timers_expired(&timers, far.at_ms - 1));
	assert_ptr_equal(timers_expired(&timers, UINT64_MAX - 1), &far);
	assert_null(timers_expired(&timers, UINT64_MAX - 1));
	assert_ptr_equal(timers_expired(&timers, UINT64_MAX), &never);
}

static void test_thousands_at_the_same_millisecond(void **state)
{
	enum { N = 20000 };
	static struct timer same[N];
	struct timers timers;
	unsigned n = 0;

	(void)state;
	memset(same, 0, sizeof(same));
	timers_init(&timers, 77);
	for (unsigned i = 0; i < N; i++)
		timers_start(&timers, &same[i], 32077);
	assert_null(timers_expired(&timers, 32076));
	while (timers_expired(&timers, 32077)) {
		n++;
		if (n == N / 2)
			for (unsigned i = 0; i < N;
			     i++) /* what is stopped meanwhile does not come */
				if (i % 10 == 0 && timer_is_running(&same[i])) {
					timers_stop(&timers, &same[i]);
					n++;
				}
	}
	assert_int_equal(n, N);
	assert_int_equal(timers.n_running, 0);
}

static void test_clock_going_backwards_does_no_harm(void **state)
{
	struct timers timers;
	struct timer timer = {0};

	(void)state;
	timers_init(&timers, 1000);
	timers_start(&timers, &timer, 2000);
	assert_null(timers_expired(&timers, 1500));
	assert_null(timers_expired(&timers, 10));
	assert_null(timers_expired(&timers, 1999));
	assert_ptr_equal(timers_expired(&timers, 2000), &timer);
}

/* The wheel beside a plain table: what is running, and from which time on it is due. */
enum { N_TIMERS = 200 };

struct world {
	struct timers timers;
	struct timer timer[N_TIMERS];
	uint64_t due_ms[N_TIMERS];
	struct random r;
};

static uint64_t random_wait(struct random *r)
{
	unsigned bits = random_below(r, 10) == 0 ? random_below(r, 50) : random_below(r, 18);

	return random_u64(r) & (((uint64_t)1 << bits) - 1);
}

static uint64_t earliest(const struct world *w)
{
	uint64_t at = TIMERS_NEVER;

	for (unsigned i = 0; i < N_TIMERS; i++)
		if (timer_is_running(&w->timer[i]) && w->due_ms[i] < at)
			at = w->due_ms[i];
	return at;
}

static void start_or_stop_one(struct world *w)
{
	unsigned i = random_below(&w->r, N_TIMERS);

	if (random_below(&w->r, 4) == 0) {
		timers_stop(&w->timers, &w->timer[i]);
	} else {
		uint64_t at_ms = w->timers.now_ms + random_wait(&w->r);

		if (random_below(&w->r, 20) == 0)
			at_ms = w->timers.now_ms -
				random_below(&w->r, (uint32_t)(w->timers.now_ms & 0xffff) + 1);
		timers_start(&w->timers, &w->timer[i], at_ms);
		w->due_ms[i] = at_ms > w->timers.now_ms ? at_ms : w->timers.now_ms;
	}
}

static void check_deadline(const struct world *w)
{
	uint64_t at = earliest(w), deadline = timers_deadline(&w->timers);

	assert_true(deadline <= at);
	assert_true((deadline == TIMERS_NEVER) == (at == TIMERS_NEVER));
	assert_true(deadline >= w->timers.now_ms);
}

static void expire_all(struct world *w, uint64_t now_ms)
{
	struct timer *timer;

	for (;;) {
		uint64_t at = earliest(w);

		timer = timers_expired(&w->timers, now_ms);
		if (!timer) {
			assert_true(at > now_ms);
			break;
		}
		assert_true(at <= now_ms);
		assert_true(w->due_ms[timer - w->timer] == at); /* earliest first */
		if (random_below(&w->r, 3) == 0)
			start_or_stop_one(w); /* also in between */
	}
	assert_true(w->timers.now_ms == now_ms);
}

static void against_a_model(uint64_t seed)
{
	static struct world w;

	w = (struct world){.r = random_from(seed, 11)};
	timers_init(&w.timers, seed % 3 ? random_u64(&w.r) >> (20 + seed % 40) : 0);
	for (unsigned step = 0; step < 400; step++) {
		for (unsigned i = random_below(&w.r, 8); i > 0; i--)
			start_or_stop_one(&w);
		check_deadline(&w);
		expire_all(&w, w.timers.now_ms + random_wait(&w.r));
		check_deadline(&w);
	}
}

static void test_random_use_against_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++)
		against_a_model(seed);
}

/* Driven by its own deadlines, as the loop of the daemon does: it comes to every timer exactly at its time,
 * and each timer costs at most one idle call per level. */
static void test_driven_by_its_deadlines_it_is_on_time(void **state)
{
	static struct world w;
	unsigned calls = 0, expired = 0;

	(void)state;
	w = (struct world){.r = random_from(5, 6)};
	timers_init(&w.timers, 12345);
	for (unsigned i = 0; i < N_TIMERS; i++) {
		w.due_ms[i] = w.timers.now_ms + random_wait(&w.r);
		timers_start(&w.timers, &w.timer[i], w.due_ms[i]);
	}
	while (timers_deadline(&w.timers) != TIMERS_NEVER) {
		uint64_t now_ms = timers_deadline(&w.timers);
		struct timer *timer;

		calls++;
		while ((timer = timers_expired(&w.timers, now_ms))) {
			assert_true(w.due_ms[timer - w.timer] == now_ms);
			expired++;
		}
	}
	assert_int_equal(expired, N_TIMERS);
	assert_in_range(calls, 1, N_TIMERS * TIMERS_LEVELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_running),
		cmocka_unit_test(test_expires_at_its_time_and_not_before),
		cmocka_unit_test(test_time_not_after_now_expires_at_the_next_call),
		cmocka_unit_test(test_restart_moves_the_deadline_both_ways),
		cmocka_unit_test(test_stop_is_idempotent),
		cmocka_unit_test(test_every_number_is_a_time),
		cmocka_unit_test(test_thousands_at_the_same_millisecond),
		cmocka_unit_test(test_clock_going_backwards_does_no_harm),
		cmocka_unit_test(test_random_use_against_a_model),
		cmocka_unit_test(test_driven_by_its_deadlines_it_is_on_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
