/* The server machines as tables over (state x event), and the exact times of what they send. RFC 3261 §17.2, RFC 6026 §7.1, RFC 4320 §4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../base/broken_state.h"
#include "transaction/server_transaction.h"

#define START_MS 5000u

enum kind {
	INVITE_UDP,
	INVITE_TCP,
	OTHER_UDP,
	OTHER_TCP,
	KINDS,
};

static bool is_invite(int kind)
{
	return kind <= INVITE_TCP;
}

static bool is_reliable(int kind)
{
	return kind == INVITE_TCP || kind == OTHER_TCP;
}

static const struct timer_values *defaults(void)
{
	static struct timer_values values;

	values = timer_values_default();
	return &values;
}

static struct server_machine started(int kind)
{
	struct server_machine m;

	server_machine_start(&m, is_invite(kind), is_reliable(kind), defaults(), START_MS);
	return m;
}

static struct server_machine in_state(int kind, enum server_state state)
{
	struct server_machine m = started(kind);

	switch (state) {
	case SERVER_TRYING: break;
	case SERVER_PROCEEDING: server_machine_sent(&m, 100, defaults(), START_MS); break;
	case SERVER_ACCEPTED: server_machine_sent(&m, 200, defaults(), START_MS); break;
	case SERVER_COMPLETED:
		server_machine_sent(&m, is_invite(kind) ? 486 : 200, defaults(), START_MS);
		break;
	case SERVER_CONFIRMED:
		server_machine_sent(&m, 486, defaults(), START_MS);
		server_machine_ack(&m, defaults(), START_MS);
		break;
	case SERVER_TERMINATED:
		server_machine_sent(&m, is_invite(kind) ? 486 : 200, defaults(), START_MS);
		if (m.state != SERVER_TERMINATED)
			server_machine_expired(&m, defaults(), m.give_up_at_ms);
		break;
	}
	return m;
}

/* A state that this kind of machine can be in. */
static bool can_be(int kind, int state)
{
	if (state == SERVER_ACCEPTED)
		return is_invite(kind);
	if (state == SERVER_CONFIRMED)
		return kind == INVITE_UDP;                     /* I is zero over a stream */
	return state != SERVER_COMPLETED || kind != OTHER_TCP; /* so is J */
}

struct may_row {
	unsigned status;
	/* by state: Trying, Proceeding, Accepted, Completed, Confirmed, Terminated */
	const char *invite, *other;
};

/* @req RF-8 RF-8a TX-8 RF-9 */
static void test_rf_8_what_may_be_sent_in_which_state(void **state)
{
	static const struct may_row rows[] = {
		{100, "yy----", "yy----"}, {180, "yy----", "------"}, {183, "yy----", "------"},
		{199, "yy----", "------"}, {200, "yyy---", "yy----"}, {202, "yyy---", "yy----"},
		{299, "yyy---", "yy----"}, {300, "yy----", "yy----"}, {407, "yy----", "yy----"},
		{408, "yy----", "------"}, {487, "yy----", "yy----"}, {500, "yy----", "yy----"},
		{699, "yy----", "yy----"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int kind = 0; kind < KINDS; kind++)
			for (int from = 0; from <= SERVER_TERMINATED; from++) {
				const char *row = is_invite(kind) ? rows[i].invite : rows[i].other;
				struct server_machine m;

				if (!can_be(kind, from))
					continue;
				m = in_state(kind, (enum server_state)from);
				assert_int_equal(m.state, from);
				if (server_machine_may_send(&m, rows[i].status) !=
				    (row[from] == 'y'))
					fail_msg("status %u, kind %d, state %d", rows[i].status,
						 kind, from);
			}
}

static void test_tx_3_tx_4_the_request_again_in_every_state(void **state)
{
	/* by state; Trying of an INVITE: 100 now */
	static const unsigned invite[] = {
		SERVER_SEND_TRYING, SERVER_SEND_RESPONSE, 0, SERVER_SEND_RESPONSE, 0, 0};
	static const unsigned other[] = {0, SERVER_SEND_RESPONSE, 0, SERVER_SEND_RESPONSE, 0, 0};

	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int from = 0; from <= SERVER_TERMINATED; from++) {
			struct server_machine m, before;

			if (!can_be(kind, from))
				continue;
			before = m = in_state(kind, (enum server_state)from);
			assert_int_equal(server_machine_request_again(&m),
					 (is_invite(kind) ? invite : other)[from]);
			assert_memory_equal(&m, &before,
					    sizeof(m)); /* no timer is started anew by it */
		}
}

static void test_tx_3_the_ack_in_every_state(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int from = 0; from <= SERVER_TERMINATED; from++) {
			struct server_machine m;
			unsigned orders;

			if (!can_be(kind, from))
				continue;
			m = in_state(kind, (enum server_state)from);
			orders = server_machine_ack(&m, defaults(), START_MS + 50);
			if (!is_invite(kind) || from != SERVER_COMPLETED) {
				assert_int_equal(orders, 0);
				assert_int_equal(m.state, from);
			} else if (kind == INVITE_UDP) {
				assert_int_equal(orders, 0);
				assert_int_equal(m.state, SERVER_CONFIRMED);
				assert_true(m.retransmit_at_ms == TIMERS_NEVER);
				assert_int_equal(m.give_up_at_ms,
						 START_MS + 50 + 5000); /* I = T4 */
			} else {
				assert_int_equal(orders, SERVER_ENDED);
				assert_int_equal(m.state, SERVER_TERMINATED);
			}
		}
}

/* Which deadlines each state has, after START_MS; 0: none. */
static void test_tx_3_tx_4_which_timers_run_in_which_state(void **state)
{
	static const struct {
		int kind;
		enum server_state state;
		uint64_t retransmit, give_up;
	} rows[] = {
		{INVITE_UDP, SERVER_TRYING, 200, 0},     {INVITE_UDP, SERVER_PROCEEDING, 0, 0},
		{INVITE_UDP, SERVER_ACCEPTED, 0, 32000}, {INVITE_UDP, SERVER_COMPLETED, 500, 32000},
		{INVITE_UDP, SERVER_CONFIRMED, 0, 5000}, {INVITE_UDP, SERVER_TERMINATED, 0, 0},
		{INVITE_TCP, SERVER_TRYING, 200, 0},     {INVITE_TCP, SERVER_PROCEEDING, 0, 0},
		{INVITE_TCP, SERVER_ACCEPTED, 0, 32000}, {INVITE_TCP, SERVER_COMPLETED, 0, 32000},
		{OTHER_UDP, SERVER_TRYING, 3500, 0},     {OTHER_UDP, SERVER_PROCEEDING, 0, 0},
		{OTHER_UDP, SERVER_COMPLETED, 0, 32000}, {OTHER_TCP, SERVER_TRYING, 3500, 0},
		{OTHER_TCP, SERVER_PROCEEDING, 0, 0},    {OTHER_TCP, SERVER_TERMINATED, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct server_machine m = in_state(rows[i].kind, rows[i].state);
		uint64_t retransmit =
			rows[i].retransmit ? START_MS + rows[i].retransmit : TIMERS_NEVER;
		uint64_t give_up = rows[i].give_up ? START_MS + rows[i].give_up : TIMERS_NEVER;

		if (m.retransmit_at_ms != retransmit || m.give_up_at_ms != give_up)
			fail_msg("row %zu: %llu %llu", i, (unsigned long long)m.retransmit_at_ms,
				 (unsigned long long)m.give_up_at_ms);
		assert_true(server_machine_deadline_ms(&m) ==
			    (retransmit < give_up ? retransmit : give_up));
	}
}

/* Wakes by its own deadlines; the times of what was repeated. */
static unsigned run(struct server_machine *m, uint64_t *times, unsigned max, uint64_t *ret_end,
		    unsigned *ret_last)
{
	unsigned n = 0;

	for (;;) {
		uint64_t at = server_machine_deadline_ms(m);
		unsigned orders = server_machine_expired(m, defaults(), at);

		if (orders & SERVER_SEND_RESPONSE) {
			assert_in_range(n, 0, max - 1);
			times[n++] = at - START_MS;
		}
		if (orders & SERVER_ENDED) {
			*ret_end = at - START_MS;
			*ret_last = orders;
			return n;
		}
	}
}

static void check_times(const uint64_t *got, unsigned n, const uint64_t *want, unsigned n_want)
{
	assert_int_equal(n, n_want);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(got[i], want[i]);
}

static void test_tx_3_timer_g_doubles_up_to_t2_until_h(void **state)
{
	static const uint64_t want[] = {500,   1500,  3500,  7500,  11500,
					15500, 19500, 23500, 27500, 31500};
	struct server_machine m = in_state(INVITE_UDP, SERVER_COMPLETED);
	uint64_t times[32], end;
	unsigned n, last;

	(void)state;
	n = run(&m, times, 32, &end, &last);
	check_times(times, n, want, 10);
	assert_int_equal(end, 32000);
	assert_int_equal(last, SERVER_ENDED | SERVER_NO_ACK);
}

static void test_tx_3_over_a_stream_only_h(void **state)
{
	struct server_machine m = in_state(INVITE_TCP, SERVER_COMPLETED);
	uint64_t times[1], end;
	unsigned last;

	(void)state;
	assert_int_equal(run(&m, times, 1, &end, &last), 0);
	assert_int_equal(end, 32000);
	assert_int_equal(last, SERVER_ENDED | SERVER_NO_ACK);
}

static void test_tx_3_after_the_ack_nothing_is_repeated_and_i_ends_it(void **state)
{
	struct server_machine m = in_state(INVITE_UDP, SERVER_CONFIRMED);
	uint64_t times[1], end;
	unsigned last;

	(void)state;
	assert_int_equal(run(&m, times, 1, &end, &last), 0);
	assert_int_equal(end, 5000);
	assert_int_equal(last, SERVER_ENDED);
}

static void test_tx_4_j_ends_it_without_a_word(void **state)
{
	struct server_machine m = in_state(OTHER_UDP, SERVER_COMPLETED);
	uint64_t times[1], end;
	unsigned last;

	(void)state;
	assert_int_equal(run(&m, times, 1, &end, &last), 0);
	assert_int_equal(end, 32000);
	assert_int_equal(last, SERVER_ENDED);
}

static void test_tx_3a_100_after_200_ms_and_only_without_another_response(void **state)
{
	struct server_machine m = started(INVITE_UDP);

	(void)state;
	assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 199), 0);
	assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 200),
			 SERVER_SEND_TRYING);
	assert_true(server_machine_deadline_ms(&m) == TIMERS_NEVER);
	m = started(INVITE_UDP);
	server_machine_sent(&m, 180, defaults(), START_MS + 150);
	assert_true(server_machine_deadline_ms(&m) == TIMERS_NEVER);
}

/* RFC 4320 §4.1: as soon as Timer E of the peer is set to T2, with T1 and T2 as configured; then it must, over a stream too. */
static void test_rf_8a_the_late_100_follows_t1_and_t2(void **state)
{
	static const struct {
		uint32_t t1, t2, late;
	} rows[] = {{500, 4000, 3500},
		    {2000, 16000, 14000},
		    {1000, 4000, 3000},
		    {10, 100, 150},
		    {500, 500, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int reliable = 0; reliable < 2; reliable++) {
			struct timer_values values = timer_values_default();
			struct server_machine m;

			assert_true(timer_values_set(&values, TIMER_T1, rows[i].t1));
			assert_true(timer_values_set(&values, TIMER_T2, rows[i].t2));
			server_machine_start(&m, false, reliable, &values, 0);
			if (rows[i].late)
				assert_int_equal(
					server_machine_expired(&m, &values, rows[i].late - 1), 0);
			assert_int_equal(server_machine_expired(&m, &values, rows[i].late),
					 SERVER_SEND_TRYING);
			server_machine_sent(&m, 100, &values, rows[i].late);
			assert_true(server_machine_deadline_ms(&m) == TIMERS_NEVER);
		}
}

/* RFC 6026 §7.1 */
static void test_rf_9_accepted_takes_further_2xx_and_ends_with_l(void **state)
{
	struct server_machine m = in_state(INVITE_UDP, SERVER_ACCEPTED);

	(void)state;
	for (uint64_t at = 500; at < 32000; at += 4000) {
		assert_true(server_machine_may_send(&m, 200));
		assert_int_equal(server_machine_sent(&m, 200, defaults(), START_MS + at), 0);
		assert_int_equal(server_machine_request_again(&m), 0);
	}
	assert_int_equal(server_machine_deadline_ms(&m),
			 START_MS + 32000); /* L was not started anew */
	assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 32000), SERVER_ENDED);
	assert_int_equal(m.state, SERVER_TERMINATED);
}

/* @req RC-7  The 2xx repeated in place of the callee: RFC 3261 §13.3.1.4. */
static void test_rc_7_the_2xx_is_repeated_on_demand_until_its_ack(void **state)
{
	static const uint64_t want[] = {1500, 2500, 4500, 8500, 12500, 16500, 20500, 24500, 28500};
	struct server_machine m = in_state(INVITE_UDP, SERVER_ACCEPTED);
	uint64_t times[32], end;
	unsigned n, last;

	(void)state;
	server_machine_repeat_2xx(&m, defaults(), START_MS + 1000);
	n = run(&m, times, 32, &end, &last);
	check_times(times, n, want, 9);
	assert_int_equal(end, 32000);
	assert_int_equal(last, SERVER_ENDED);

	m = in_state(INVITE_UDP, SERVER_ACCEPTED);
	server_machine_repeat_2xx(&m, defaults(), START_MS + 1000);
	server_machine_expired(&m, defaults(), START_MS + 1500);
	server_machine_2xx_acknowledged(&m);
	assert_int_equal(run(&m, times, 32, &end, &last), 0);
	assert_int_equal(end, 32000);
}

static void test_rc_7_repeating_is_for_accepted_datagrams_only(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int from = 0; from <= SERVER_TERMINATED; from++) {
			struct server_machine m, before;

			if (!can_be(kind, from) || (kind == INVITE_UDP && from == SERVER_ACCEPTED))
				continue;
			before = m = in_state(kind, (enum server_state)from);
			server_machine_repeat_2xx(&m, defaults(), START_MS + 1);
			server_machine_2xx_acknowledged(&m);
			assert_memory_equal(&m, &before, sizeof(m));
		}
}

/* @req RF-8  RFC 4320 §4.2: where a 408 would stand there is silence, for as long as the peer repeats its request. */
static void test_rf_8_staying_silent_absorbs_for_j(void **state)
{
	(void)state;
	for (int kind = OTHER_UDP; kind <= OTHER_TCP; kind++)
		for (int from = SERVER_TRYING; from <= SERVER_PROCEEDING; from++) {
			struct server_machine m = in_state(kind, (enum server_state)from);

			server_machine_stay_silent(&m, defaults(), START_MS + 100);
			assert_int_equal(server_machine_request_again(&m), 0);
			assert_false(server_machine_may_send(&m, 200));
			assert_false(server_machine_may_send(&m, 408));
			assert_int_equal(server_machine_deadline_ms(&m), START_MS + 32100);
			assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 32100),
					 SERVER_ENDED);
		}
}

static void test_tx_4_what_sending_makes_of_it(void **state)
{
	static const struct {
		int kind;
		unsigned status;
		enum server_state next;
		unsigned orders;
	} rows[] = {
		{INVITE_UDP, 100, SERVER_PROCEEDING, 0},
		{INVITE_UDP, 183, SERVER_PROCEEDING, 0},
		{INVITE_UDP, 200, SERVER_ACCEPTED, 0},
		{INVITE_UDP, 300, SERVER_COMPLETED, 0},
		{INVITE_UDP, 603, SERVER_COMPLETED, 0},
		{INVITE_TCP, 200, SERVER_ACCEPTED, 0},
		{INVITE_TCP, 486, SERVER_COMPLETED, 0},
		{OTHER_UDP, 100, SERVER_PROCEEDING, 0},
		{OTHER_UDP, 200, SERVER_COMPLETED, 0},
		{OTHER_UDP, 500, SERVER_COMPLETED, 0},
		{OTHER_TCP, 200, SERVER_TERMINATED, SERVER_ENDED},
		{OTHER_TCP, 481, SERVER_TERMINATED, SERVER_ENDED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int from = SERVER_TRYING; from <= SERVER_PROCEEDING; from++) {
			struct server_machine m = in_state(rows[i].kind, (enum server_state)from);

			assert_int_equal(
				server_machine_sent(&m, rows[i].status, defaults(), START_MS),
				rows[i].orders);
			assert_int_equal(m.state, rows[i].next);
		}
}

static void send_a_second_final(void *argument)
{
	struct server_machine m = in_state(OTHER_UDP, SERVER_COMPLETED);

	(void)argument;
	server_machine_sent(&m, 200, defaults(), START_MS);
}

static void send_408_to_a_bye(void *argument)
{
	struct server_machine m = started(OTHER_UDP);

	(void)argument;
	server_machine_sent(&m, 408, defaults(), START_MS);
}

static void wake_a_dead_one(void *argument)
{
	struct server_machine m = in_state(OTHER_UDP, SERVER_TERMINATED);

	(void)argument;
	server_machine_expired(&m, defaults(), START_MS);
}

static void test_our_own_mistakes_reach_an_assert(void **state)
{
	(void)state;
	assert_true(step_aborts(send_a_second_final, NULL));
	assert_true(step_aborts(send_408_to_a_bye, NULL));
	assert_true(step_aborts(wake_a_dead_one, NULL));
}

/* @req TX-10  A response that found no room: due at once, over streams too, where a transaction that would have ended lives
 * until it is sent, and no longer than the peer waits. */
static void test_tx_10_a_response_that_found_no_room(void **state)
{
	static const unsigned statuses[] = {100, 200, 486};

	(void)state;
	for (unsigned row = 0; row < 12; row++) {
		bool is_invite = row & 1, reliable = row & 2;
		unsigned status = statuses[row / 4];
		struct server_machine m, sent;

		server_machine_start(&sent, is_invite, reliable, defaults(), START_MS);
		m = sent;
		server_machine_sent(&sent, status, defaults(), START_MS);
		server_machine_sent(&m, status, defaults(), START_MS);
		assert_false(server_machine_is_unsent(&m));
		server_machine_not_sent(&m, defaults(), START_MS);
		assert_int_equal(server_machine_deadline_ms(&m), START_MS);
		assert_int_equal(server_machine_expired(&m, defaults(), START_MS),
				 SERVER_SEND_RESPONSE);
		assert_int_equal(server_machine_deadline_ms(&m), START_MS + 1);
		server_machine_sent_at_last(&m, START_MS + 1);
		assert_false(server_machine_is_unsent(&m));
		if (sent.state == SERVER_TERMINATED) {
			assert_int_equal(m.state, SERVER_COMPLETED);
			assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 1),
					 SERVER_ENDED);
			server_machine_start(&m, false, true, defaults(), START_MS);
			server_machine_sent(&m, status, defaults(), START_MS);
			server_machine_not_sent(&m, defaults(), START_MS);
			assert_int_equal(server_machine_expired(&m, defaults(), START_MS + 32000),
					 SERVER_ENDED);
		} else {
			assert_memory_equal(&m, &sent, sizeof(m));
		}
	}
}

/* @req TX-10  It is not sent late when a newer one, or the ACK, shows that it has been overtaken. */
static void test_tx_10_a_response_that_was_overtaken(void **state)
{
	struct server_machine m;

	(void)state;
	server_machine_start(&m, true, false, defaults(), START_MS);
	server_machine_sent(&m, 180, defaults(), START_MS);
	server_machine_not_sent(&m, defaults(), START_MS);
	server_machine_sent(&m, 486, defaults(), START_MS);
	assert_false(server_machine_is_unsent(&m));
	server_machine_not_sent(&m, defaults(), START_MS);
	server_machine_ack(&m, defaults(), START_MS);
	assert_false(server_machine_is_unsent(&m));
	server_machine_start(&m, true, false, defaults(), START_MS);
	server_machine_sent(&m, 200, defaults(), START_MS);
	server_machine_not_sent(&m, defaults(), START_MS);
	server_machine_2xx_acknowledged(&m);
	assert_false(server_machine_is_unsent(&m));
	server_machine_start(&m, false, false, defaults(), START_MS);
	server_machine_sent(&m, 100, defaults(), START_MS);
	server_machine_not_sent(&m, defaults(), START_MS);
	server_machine_stay_silent(&m, defaults(), START_MS);
	assert_false(server_machine_is_unsent(&m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rf_8_what_may_be_sent_in_which_state),
		cmocka_unit_test(test_tx_3_tx_4_the_request_again_in_every_state),
		cmocka_unit_test(test_tx_3_the_ack_in_every_state),
		cmocka_unit_test(test_tx_3_tx_4_which_timers_run_in_which_state),
		cmocka_unit_test(test_tx_3_timer_g_doubles_up_to_t2_until_h),
		cmocka_unit_test(test_tx_3_over_a_stream_only_h),
		cmocka_unit_test(test_tx_3_after_the_ack_nothing_is_repeated_and_i_ends_it),
		cmocka_unit_test(test_tx_4_j_ends_it_without_a_word),
		cmocka_unit_test(test_tx_3a_100_after_200_ms_and_only_without_another_response),
		cmocka_unit_test(test_rf_8a_the_late_100_follows_t1_and_t2),
		cmocka_unit_test(test_rf_9_accepted_takes_further_2xx_and_ends_with_l),
		cmocka_unit_test(test_rc_7_the_2xx_is_repeated_on_demand_until_its_ack),
		cmocka_unit_test(test_rc_7_repeating_is_for_accepted_datagrams_only),
		cmocka_unit_test(test_rf_8_staying_silent_absorbs_for_j),
		cmocka_unit_test(test_tx_4_what_sending_makes_of_it),
		cmocka_unit_test(test_our_own_mistakes_reach_an_assert),
		cmocka_unit_test(test_tx_10_a_response_that_found_no_room),
		cmocka_unit_test(test_tx_10_a_response_that_was_overtaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
