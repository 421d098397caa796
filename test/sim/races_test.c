/* The race explorer itself: it finds nothing in the server, and everything in a broken one; what it reports can be replayed. The whole exploration is `make races`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "races.h"

struct told {
	char *text;
	size_t len;
	FILE *out;
	struct races_figures figures;
};

static void explore(struct told *told, const char *scenario, enum race_fault fault, uint64_t runs)
{
	struct races_options options = {
		.scenario = scenario, .runs = runs, .level_max = 9, .fault = fault, .seed = 7};

	*told = (struct told){0};
	told->out = open_memstream(&told->text, &told->len);
	assert_non_null(told->out);
	assert_true(races_explore(&options, told->out, &told->figures));
	fflush(told->out);
}

static void done(struct told *told)
{
	fclose(told->out);
	free(told->text);
}

/* @req SV-41 SV-42 SV-44 SV-46 SV-47 SV-48 SV-49 SV-50 SV-50a SV-50b SV-50c SV-50d SV-51 SV-60 SV-61 SV-62
 * @req SV-63 SV-64 SV-66 SV-66a RC-4 RC-16 */
static void test_no_interleaving_breaks_the_rule(void **state)
{
	struct told told;

	(void)state;
	explore(&told, NULL, RACE_FAULT_NONE, 3000);
	if (told.figures.violations)
		print_message("%s", told.text);
	assert_int_equal(told.figures.violations, 0);
	assert_in_range(told.figures.interleavings, 2000, 3000);
	assert_in_range(told.figures.histories, told.figures.interleavings / 4,
			told.figures.interleavings);
	done(&told);
}

/* The run that was reported, without the quotes around it. */
static void replay_what_was_told(const struct told *told, enum race_fault fault,
				 enum race_invariant *ret)
{
	char string[4096];
	const char *at = strstr(told->text, "--replay '");
	FILE *nowhere = fopen("/dev/null", "w");

	assert_non_null(at);
	assert_non_null(nowhere);
	snprintf(string, sizeof(string), "%.*s", (int)strcspn(at + 10, "'"), at + 10);
	assert_true(races_replay(string, fault, nowhere, ret));
	fclose(nowhere);
}

static void check_found(enum race_fault fault, enum race_invariant want)
{
	enum race_invariant found;
	struct told told;

	explore(&told, "main", fault, 20000);
	assert_int_equal(told.figures.violations, 1);
	assert_non_null(strstr(told.text, race_invariants[want].name));
	replay_what_was_told(&told, fault, &found);
	assert_int_equal(found, want);
	replay_what_was_told(&told, RACE_FAULT_NONE, &found);
	assert_int_equal(found, RACE_HOLDS);
	done(&told);
}

static void test_a_hold_that_forgets_the_invite_is_found(void **state)
{
	(void)state;
	check_found(RACE_FAULT_FORGET_HOLD, RACE_REMOTE_LEG);
}

static void test_a_hold_too_short_is_found(void **state)
{
	(void)state;
	check_found(RACE_FAULT_NO_HOLD, RACE_REMOTE_LEG);
}

static void test_a_hold_too_long_is_found(void **state)
{
	(void)state;
	check_found(RACE_FAULT_LONG_HOLD, RACE_TRANSFER_ANSWER);
}

static void test_a_bye_that_never_leaves_is_found(void **state)
{
	(void)state;
	check_found(RACE_FAULT_SWALLOW_BYE, RACE_REMOTE_LEG);
}

static void test_choices_that_cannot_be_made_are_refused(void **state)
{
	enum race_invariant found;
	FILE *nowhere = fopen("/dev/null", "w");

	(void)state;
	assert_non_null(nowhere);
	assert_false(races_replay("nobody:1", RACE_FAULT_NONE, nowhere, &found));
	assert_false(races_replay("main", RACE_FAULT_NONE, nowhere, &found));
	assert_false(races_replay("main:3", RACE_FAULT_NONE, nowhere, &found));
	fclose(nowhere);
}

/* ---------------------------------------------------------------- the rule by itself */

static void test_the_rule_keeps_what_is_moved_in_time(void **state)
{
	struct race_rule rule;

	(void)state;
	race_rule_begin(&rule, 8000, 8000, 1);
	race_rule_bye_on_source(&rule, 0, 100, true);
	assert_int_equal(race_rule_turning_point(&rule, 100), 8100);
	assert_null(race_rule_overdue(&rule, 8100));
	race_rule_stn_sr(&rule, 8100); /* at the instant itself the INVITE is first */
	assert_null(race_rule_overdue(&rule, 9000));
	assert_true(race_rule_remote_lives(&rule, 0));
	assert_null(race_rule_stn_sr_answered(&rule, 8200, 200));
	assert_non_null(race_rule_sent_bye_on_remote(&rule, 0, 8300));
}

static void test_the_rule_releases_at_the_end_of_the_hold(void **state)
{
	struct race_rule rule;

	(void)state;
	race_rule_begin(&rule, 8000, 8000, 1);
	race_rule_bye_on_source(&rule, 0, 100, true);
	assert_non_null(race_rule_overdue(&rule, 8100 + RACE_PROMPTLY_MS + 1));
	assert_null(race_rule_sent_bye_on_remote(&rule, 0, 8100));
	race_rule_stn_sr(&rule, 8101);
	assert_non_null(race_rule_stn_sr_answered(&rule, 8101, 481));
	race_rule_begin(&rule, 8000, 8000, 1);
	race_rule_bye_on_source(&rule, 0, 100, true);
	assert_non_null(race_rule_sent_bye_on_remote(&rule, 0, 8099));
}

static void test_the_rule_after_a_cancelled_transfer(void **state)
{
	struct race_rule rule;

	(void)state;
	race_rule_begin(&rule, 8000, 8000, 1);
	race_rule_bye_on_source(&rule, 0, 100, true);
	race_rule_stn_sr(&rule, 8000);
	assert_null(race_rule_overdue(&rule, 8500));
	race_rule_cancel(&rule, 8600); /* the old end has passed */
	assert_null(race_rule_stn_sr_answered(&rule, 8600, 487));
	assert_null(race_rule_sent_bye_on_remote(&rule, 0, 8600));
}

static void test_the_rule_of_the_way_back(void **state)
{
	struct race_rule rule;

	(void)state;
	race_rule_begin(&rule, 8000, 8000, 1);
	race_rule_stn_sr(&rule, 100);
	assert_null(race_rule_stn_sr_answered(&rule, 110, 200));
	race_rule_ack_on_target(&rule, 120);
	assert_int_equal(race_rule_turning_point(&rule, 120), 8120);
	race_rule_reinvite_on_source(&rule, 0, 8119);
	assert_non_null(race_rule_sent_bye_on_source(&rule, 0, 8120));
	race_rule_reinvite_answered(&rule, 0, 8130, 200);
	assert_null(race_rule_sent_bye_on_target(&rule, 8130));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_interleaving_breaks_the_rule),
		cmocka_unit_test(test_a_hold_that_forgets_the_invite_is_found),
		cmocka_unit_test(test_a_hold_too_short_is_found),
		cmocka_unit_test(test_a_hold_too_long_is_found),
		cmocka_unit_test(test_a_bye_that_never_leaves_is_found),
		cmocka_unit_test(test_choices_that_cannot_be_made_are_refused),
		cmocka_unit_test(test_the_rule_keeps_what_is_moved_in_time),
		cmocka_unit_test(test_the_rule_releases_at_the_end_of_the_hold),
		cmocka_unit_test(test_the_rule_after_a_cancelled_transfer),
		cmocka_unit_test(test_the_rule_of_the_way_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
