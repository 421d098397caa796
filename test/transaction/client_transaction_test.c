/* The client machines as tables over (state x event), and the exact times of what they send. RFC 3261 §17.1, RFC 6026 §7.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "../base/broken_state.h"
#include "transaction/client_transaction.h"

#define START_MS 5000u

enum event {
	R_100,
	R_183,
	R_199,
	R_200,
	R_299,
	R_300,
	R_487,
	R_503,
	R_699,
	TOO_EARLY,  /* woken before any deadline */
	RETRANSMIT, /* the time of A or E */
	GIVE_UP,    /* the end of the state: B, D, F, K, M */
	BROKEN,     /* the transport failed */
	EVENTS,
};

static const unsigned status_of[] = {100, 183, 199, 200, 299, 300, 487, 503, 699};

enum kind {
	INVITE_UDP,
	INVITE_TCP,
	OTHER_UDP,
	OTHER_TCP,
	KINDS,
};

static const char *const kind_names[] = {"INVITE over UDP", "INVITE over TCP", "other over UDP",
					 "other over TCP"};

static const struct timer_values *defaults(void)
{
	static struct timer_values values;

	values = timer_values_default();
	return &values;
}

static struct client_machine started(enum kind kind)
{
	struct client_machine m;

	client_machine_start(&m, kind <= INVITE_TCP, kind == INVITE_TCP || kind == OTHER_TCP,
			     defaults(), START_MS);
	return m;
}

/* A machine brought to `state` at START_MS. */
static struct client_machine in_state(enum kind kind, enum client_state state)
{
	struct client_machine m = started(kind);

	switch (state) {
	case CLIENT_CALLING: break;
	case CLIENT_PROCEEDING: client_machine_response(&m, 180, defaults(), START_MS); break;
	case CLIENT_ACCEPTED: client_machine_response(&m, 200, defaults(), START_MS); break;
	case CLIENT_COMPLETED:
		client_machine_response(&m, kind <= INVITE_TCP ? 404 : 200, defaults(), START_MS);
		break;
	case CLIENT_TERMINATED: client_machine_transport_failed(&m); break;
	}
	return m;
}

static unsigned feed(struct client_machine *m, enum event event)
{
	switch (event) {
	case TOO_EARLY: return client_machine_expired(m, defaults(), START_MS + 1);
	case RETRANSMIT: return client_machine_expired(m, defaults(), m->retransmit_at_ms);
	case GIVE_UP: return client_machine_expired(m, defaults(), m->give_up_at_ms);
	case BROKEN: return client_machine_transport_failed(m);
	default: return client_machine_response(m, status_of[event], defaults(), START_MS + 7);
	}
}

struct cell {
	enum client_state next;
	unsigned orders;
};

#define UP      CLIENT_PASS_UP
#define UP_2XX  (CLIENT_PASS_UP | CLIENT_LET_REQUEST_GO)
#define UP_ACK  (CLIENT_PASS_UP | CLIENT_SEND_ACK)
#define TIMEOUT (CLIENT_TIMED_OUT | CLIENT_ENDED)

/* The rows are the figures 5 and 6 of RFC 3261 with RFC 6026 in words of ours. */
static struct cell invite_cell(enum client_state state, enum event event, bool reliable)
{
	bool is_1xx = event <= R_199, is_2xx = event == R_200 || event == R_299,
	     is_error = event >= R_300 && event <= R_699;

	switch (state) {
	case CLIENT_CALLING:
	case CLIENT_PROCEEDING:
		if (is_1xx)
			return (struct cell){CLIENT_PROCEEDING, UP};
		if (is_2xx)
			return (struct cell){CLIENT_ACCEPTED, UP_2XX};
		if (is_error) /* D is zero over a stream: nothing is left to absorb */
			return reliable ? (struct cell){CLIENT_TERMINATED, UP_ACK | CLIENT_ENDED}
					: (struct cell){CLIENT_COMPLETED, UP_ACK};
		if (event == BROKEN || event == GIVE_UP)
			return (struct cell){CLIENT_TERMINATED, TIMEOUT};
		if (event == RETRANSMIT && !reliable && state == CLIENT_CALLING)
			return (struct cell){state, CLIENT_SEND_REQUEST};
		return (struct cell){state, 0};
	case CLIENT_ACCEPTED:
		if (is_2xx)
			return (struct cell){state, UP};
		return event == GIVE_UP ? (struct cell){CLIENT_TERMINATED, CLIENT_ENDED}
					: (struct cell){state, 0};
	case CLIENT_COMPLETED:
		if (is_error)
			return (struct cell){state, CLIENT_SEND_ACK};
		return event == GIVE_UP ? (struct cell){CLIENT_TERMINATED, CLIENT_ENDED}
					: (struct cell){state, 0};
	case CLIENT_TERMINATED: break;
	}
	return (struct cell){state, 0};
}

static struct cell other_cell(enum client_state state, enum event event, bool reliable)
{
	switch (state) {
	case CLIENT_CALLING:
	case CLIENT_PROCEEDING:
		if (event <= R_199)
			return (struct cell){CLIENT_PROCEEDING, UP};
		if (event <= R_699) /* K is zero over a stream */
			return reliable ? (struct cell){CLIENT_TERMINATED, UP_2XX | CLIENT_ENDED}
					: (struct cell){CLIENT_COMPLETED, UP_2XX};
		if (event == BROKEN || event == GIVE_UP)
			return (struct cell){CLIENT_TERMINATED, TIMEOUT};
		if (event == RETRANSMIT && !reliable)
			return (struct cell){state, CLIENT_SEND_REQUEST};
		return (struct cell){state, 0};
	case CLIENT_COMPLETED:
		return event == GIVE_UP ? (struct cell){CLIENT_TERMINATED, CLIENT_ENDED}
					: (struct cell){state, 0};
	default: return (struct cell){state, 0};
	}
}

/* Some cells cannot be: no such state, no such deadline. */
static bool can_be(enum kind kind, enum client_state state, enum event event)
{
	bool invite = kind <= INVITE_TCP, reliable = kind == INVITE_TCP || kind == OTHER_TCP;
	struct client_machine m;

	if (state == CLIENT_ACCEPTED && !invite)
		return false;
	if (state == CLIENT_COMPLETED && reliable)
		return false;
	if (state == CLIENT_TERMINATED)
		return event != TOO_EARLY && event != RETRANSMIT &&
		       event != GIVE_UP; /* asserted elsewhere */
	m = in_state(kind, state);
	if (event == RETRANSMIT)
		return m.retransmit_at_ms != TIMERS_NEVER;
	return event != GIVE_UP || m.give_up_at_ms != TIMERS_NEVER;
}

/* @req TX-1 TX-2 TX-8 RF-9a */
static void test_tx_1_tx_2_every_state_and_event(void **state)
{
	unsigned cells = 0;

	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int from = CLIENT_CALLING; from <= CLIENT_TERMINATED; from++)
			for (int event = 0; event < EVENTS; event++) {
				bool reliable = kind == INVITE_TCP || kind == OTHER_TCP;
				struct client_machine m;
				struct cell want;
				unsigned orders;

				if (!can_be((enum kind)kind, (enum client_state)from,
					    (enum event)event))
					continue;
				m = in_state((enum kind)kind, (enum client_state)from);
				assert_int_equal(m.state, from);
				want = kind <= INVITE_TCP ? invite_cell((enum client_state)from,
									(enum event)event, reliable)
							  : other_cell((enum client_state)from,
								       (enum event)event, reliable);
				orders = feed(&m, (enum event)event);
				if (orders != want.orders || m.state != want.next)
					fail_msg("%s, state %d, event %d: orders %u state %u, not "
						 "%u %u",
						 kind_names[kind], from, event, orders, m.state,
						 want.orders, (unsigned)want.next);
				cells++;
			}
	assert_int_equal(cells,
			 58 + 45 + 48 + 34); /* by kind: no cell was passed over by mistake */
}

/* Which deadlines a state has: RETRANSMIT, GIVE_UP or neither. */
static void test_tx_1_which_timers_run_in_which_state(void **state)
{
	static const struct {
		enum kind kind;
		enum client_state state;
		uint64_t retransmit, give_up; /* after START_MS; 0: none */
	} table[] = {
		{INVITE_UDP, CLIENT_CALLING, 500, 32000}, {INVITE_UDP, CLIENT_PROCEEDING, 0, 0},
		{INVITE_UDP, CLIENT_ACCEPTED, 0, 32000},  {INVITE_UDP, CLIENT_COMPLETED, 0, 33000},
		{INVITE_UDP, CLIENT_TERMINATED, 0, 0},    {INVITE_TCP, CLIENT_CALLING, 0, 32000},
		{INVITE_TCP, CLIENT_PROCEEDING, 0, 0},    {INVITE_TCP, CLIENT_ACCEPTED, 0, 32000},
		{OTHER_UDP, CLIENT_CALLING, 500, 32000},  {OTHER_UDP, CLIENT_COMPLETED, 0, 5000},
		{OTHER_UDP, CLIENT_TERMINATED, 0, 0},     {OTHER_TCP, CLIENT_CALLING, 0, 32000},
		{OTHER_TCP, CLIENT_PROCEEDING, 0, 32000}, {OTHER_TCP, CLIENT_TERMINATED, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct client_machine m = in_state(table[i].kind, table[i].state);
		uint64_t retransmit =
			table[i].retransmit ? START_MS + table[i].retransmit : TIMERS_NEVER;
		uint64_t give_up = table[i].give_up ? START_MS + table[i].give_up : TIMERS_NEVER;

		assert_true(m.retransmit_at_ms == retransmit);
		assert_true(m.give_up_at_ms == give_up);
		assert_true(client_machine_deadline_ms(&m) ==
			    (retransmit < give_up ? retransmit : give_up));
	}
}

/* Runs by its own deadlines until it ends; the times (after the start) of what was sent again. */
static unsigned run(struct client_machine *m, uint64_t *times, unsigned max, uint64_t *ret_end)
{
	unsigned n = 0;

	for (;;) {
		uint64_t at = client_machine_deadline_ms(m);
		unsigned orders = client_machine_expired(m, defaults(), at);

		if (orders & CLIENT_SEND_REQUEST) {
			assert_in_range(n, 0, max - 1);
			times[n++] = at - START_MS;
		}
		if (orders & CLIENT_ENDED) {
			assert_true(orders & CLIENT_TIMED_OUT);
			*ret_end = at - START_MS;
			return n;
		}
	}
}

static void check_times(const uint64_t *got, unsigned n_got, const uint64_t *want, unsigned n_want)
{
	assert_int_equal(n_got, n_want);
	for (unsigned i = 0; i < n_want; i++)
		assert_int_equal(got[i], want[i]);
}

static void test_tx_1_timer_a_doubles_without_bound_until_b(void **state)
{
	static const uint64_t want[] = {500, 1500, 3500, 7500, 15500, 31500};
	struct client_machine m = started(INVITE_UDP);
	uint64_t times[32], end;
	unsigned n;

	(void)state;
	n = run(&m, times, 32, &end);
	check_times(times, n, want, 6);
	assert_int_equal(end, 32000);
}

static void test_tx_2_timer_e_doubles_up_to_t2_until_f(void **state)
{
	static const uint64_t want[] = {500,   1500,  3500,  7500,  11500,
					15500, 19500, 23500, 27500, 31500};
	struct client_machine m = started(OTHER_UDP);
	uint64_t times[32], end;
	unsigned n;

	(void)state;
	n = run(&m, times, 32, &end);
	check_times(times, n, want, 10);
	assert_int_equal(end, 32000);
}

static void test_tx_2_a_provisional_response_makes_e_t2_at_once(void **state)
{
	/* RFC 3261 §17.1.2.2: an E that runs goes on; whenever it fires in Proceeding it is set to T2. */
	static const uint64_t want[] = {500, 4500, 8500, 12500, 16500, 20500, 24500, 28500};
	struct client_machine m = started(OTHER_UDP);
	uint64_t times[32], end;
	unsigned n;

	(void)state;
	assert_int_equal(client_machine_response(&m, 100, defaults(), START_MS + 100),
			 CLIENT_PASS_UP);
	n = run(&m, times, 32, &end);
	check_times(times, n, want, 8);
	assert_int_equal(end, 32000); /* F goes on */
}

static void test_tx_2_further_provisional_responses_do_not_put_e_off(void **state)
{
	struct client_machine m = started(OTHER_UDP);

	(void)state;
	client_machine_response(&m, 100, defaults(), START_MS + 100);
	for (uint64_t at = 200; at < 500; at += 100)
		client_machine_response(&m, 183, defaults(), START_MS + at);
	assert_int_equal(client_machine_deadline_ms(&m), START_MS + 500);
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 500),
			 CLIENT_SEND_REQUEST);
	client_machine_response(&m, 100, defaults(), START_MS + 2000);
	assert_int_equal(client_machine_deadline_ms(&m), START_MS + 4500);
}

static void test_tx_1_tx_2_nothing_is_repeated_over_a_stream(void **state)
{
	(void)state;
	for (int kind = INVITE_TCP; kind <= OTHER_TCP; kind += OTHER_TCP - INVITE_TCP) {
		struct client_machine m = started((enum kind)kind);
		uint64_t times[1], end;

		assert_int_equal(run(&m, times, 1, &end), 0);
		assert_int_equal(end, 32000);
	}
}

/* RFC 6026 §7.2: in Accepted each 2xx goes up, M is not started anew. */
static void test_rf_9a_accepted_passes_every_2xx_until_m(void **state)
{
	struct client_machine m = started(INVITE_UDP);

	(void)state;
	client_machine_response(&m, 200, defaults(), START_MS + 1000);
	for (uint64_t at = 1500; at < 33000; at += 4000)
		assert_int_equal(client_machine_response(&m, 200, defaults(), START_MS + at),
				 CLIENT_PASS_UP);
	assert_int_equal(client_machine_deadline_ms(&m), START_MS + 33000);
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 33000), CLIENT_ENDED);
	assert_int_equal(client_machine_response(&m, 200, defaults(), START_MS + 33001), 0);
	assert_int_equal(m.state, CLIENT_TERMINATED);
}

/* D is not renewed by repeated finals, and each is acknowledged again (§17.1.1.2). */
static void test_tx_1_completed_acknowledges_again_and_ends_with_d(void **state)
{
	struct client_machine m = started(INVITE_UDP);

	(void)state;
	client_machine_response(&m, 486, defaults(), START_MS);
	for (uint64_t at = 500; at < 33000; at += 4000)
		assert_int_equal(client_machine_response(&m, 486, defaults(), START_MS + at),
				 CLIENT_SEND_ACK);
	assert_int_equal(client_machine_deadline_ms(&m), START_MS + 33000);
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 33000), CLIENT_ENDED);
}

/* @req RF-10c  Whoever cancels bounds the wait for the final response; a provisional response that comes after the
 * CANCEL must not take that bound away, or the branch hangs for ever. */
static void test_rf_10c_a_provisional_response_leaves_a_bound_in_proceeding(void **state)
{
	struct client_machine m = in_state(INVITE_UDP, CLIENT_PROCEEDING);

	(void)state;
	m.give_up_at_ms = START_MS + 32000; /* set by who sent the CANCEL, RFC 3261 §9.1 */
	assert_int_equal(client_machine_response(&m, 180, defaults(), START_MS + 10),
			 CLIENT_PASS_UP);
	assert_true(m.give_up_at_ms == START_MS + 32000);
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 32000), TIMEOUT);
}

/* TX-8: told once. */
static void test_tx_8_a_timeout_or_broken_transport_is_told_once(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct client_machine m = started((enum kind)kind);

		assert_int_equal(client_machine_transport_failed(&m), TIMEOUT);
		assert_int_equal(client_machine_transport_failed(&m), 0);
		assert_int_equal(client_machine_response(&m, 200, defaults(), START_MS), 0);
		m = started((enum kind)kind);
		assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 32000), TIMEOUT);
		assert_int_equal(client_machine_transport_failed(&m), 0);
		assert_int_equal(client_machine_response(&m, 500, defaults(), START_MS), 0);
	}
}

/* A node that was late: the end comes before the retransmission. */
static void test_tx_1_after_a_long_sleep_only_the_end_is_told(void **state)
{
	struct client_machine m = started(INVITE_UDP);

	(void)state;
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 99999), TIMEOUT);
	m = started(INVITE_UDP);
	assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 20000),
			 CLIENT_SEND_REQUEST);
	assert_int_equal(client_machine_deadline_ms(&m),
			 START_MS + 21000); /* once, not once for each that was missed */
}

static void wake_a_dead_one(void *argument)
{
	struct client_machine m = in_state(INVITE_UDP, CLIENT_TERMINATED);

	(void)argument;
	client_machine_expired(&m, defaults(), START_MS);
}

static void test_waking_a_terminated_machine_is_our_own_mistake(void **state)
{
	(void)state;
	assert_true(step_aborts(wake_a_dead_one, NULL));
}

static void test_tx_6_machines_take_their_times_from_the_table(void **state)
{
	struct timer_values values = timer_values_default();
	struct client_machine m;

	(void)state;
	assert_true(timer_values_set(&values, TIMER_T1, 100));
	assert_true(timer_values_set(&values, TIMER_T2, 150));
	client_machine_start(&m, false, false, &values, 0);
	assert_int_equal(client_machine_deadline_ms(&m), 100);
	assert_int_equal(client_machine_expired(&m, &values, 100), CLIENT_SEND_REQUEST);
	assert_int_equal(client_machine_deadline_ms(&m), 250);
	assert_int_equal(m.give_up_at_ms, 6400);
	client_machine_start(&m, true, false, &values, 0);
	assert_int_equal(client_machine_response(&m, 300, &values, 10), UP_ACK);
	assert_int_equal(client_machine_deadline_ms(&m), 33010);
	assert_true(timer_values_set(&values, TIMER_D, 40000));
	client_machine_start(&m, true, false, &values, 0);
	client_machine_response(&m, 300, &values, 10);
	assert_int_equal(client_machine_deadline_ms(&m), 40010);
}

/* @req TX-10  Its first sending found no room: due at once, and again until it is sent; A and E, B and F as if it had been. */
static void test_tx_10_a_request_that_found_no_room(void **state)
{
	(void)state;
	for (int row = 0; row < 4; row++) {
		bool is_invite = row & 1, reliable = row & 2;
		struct client_machine m, sent;

		client_machine_start(&sent, is_invite, reliable, defaults(), START_MS);
		m = sent;
		assert_false(client_machine_is_unsent(&m));
		client_machine_not_sent(&m, START_MS);
		assert_true(client_machine_is_unsent(&m));
		assert_int_equal(client_machine_deadline_ms(&m), START_MS);
		assert_int_equal(client_machine_expired(&m, defaults(), START_MS),
				 CLIENT_SEND_REQUEST);
		assert_int_equal(client_machine_deadline_ms(&m), START_MS + 1);
		assert_int_equal(client_machine_expired(&m, defaults(), START_MS), 0);
		assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 1),
				 CLIENT_SEND_REQUEST);
		client_machine_sent_at_last(&m);
		assert_memory_equal(&m, &sent, sizeof(m));
		/* whoever answers has it */
		client_machine_not_sent(&m, START_MS);
		client_machine_response(&m, 200, defaults(), START_MS);
		assert_false(client_machine_is_unsent(&m));
		/* patience ends before anything is sent late */
		m = sent;
		client_machine_not_sent(&m, START_MS);
		assert_int_equal(client_machine_expired(&m, defaults(), START_MS + 32000),
				 CLIENT_TIMED_OUT | CLIENT_ENDED);
		assert_true(client_machine_deadline_ms(&m) == TIMERS_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_1_tx_2_every_state_and_event),
		cmocka_unit_test(test_tx_1_which_timers_run_in_which_state),
		cmocka_unit_test(test_tx_1_timer_a_doubles_without_bound_until_b),
		cmocka_unit_test(test_tx_2_timer_e_doubles_up_to_t2_until_f),
		cmocka_unit_test(test_tx_2_a_provisional_response_makes_e_t2_at_once),
		cmocka_unit_test(test_tx_2_further_provisional_responses_do_not_put_e_off),
		cmocka_unit_test(test_tx_1_tx_2_nothing_is_repeated_over_a_stream),
		cmocka_unit_test(test_rf_9a_accepted_passes_every_2xx_until_m),
		cmocka_unit_test(test_tx_1_completed_acknowledges_again_and_ends_with_d),
		cmocka_unit_test(test_rf_10c_a_provisional_response_leaves_a_bound_in_proceeding),
		cmocka_unit_test(test_tx_8_a_timeout_or_broken_transport_is_told_once),
		cmocka_unit_test(test_tx_1_after_a_long_sleep_only_the_end_is_told),
		cmocka_unit_test(test_waking_a_terminated_machine_is_our_own_mistake),
		cmocka_unit_test(test_tx_6_machines_take_their_times_from_the_table),
		cmocka_unit_test(test_tx_10_a_request_that_found_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
