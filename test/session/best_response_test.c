/* The choice among the final responses of several branches as a table. @req PX-10 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/best_response.h"

/* RFC 3261 §16.7 step 6, best group first; inside a group the first that came stays. */
static const unsigned groups[][14] = {
	{600, 603, 604, 606, 607, 699},
	{300, 301, 302, 305, 380, 399},
	{401, 407, 415, 420, 484},
	{400, 403, 404, 405, 480, 481, 486, 487, 488, 491, 494},
	{408},
	{500, 501, 502, 504, 505, 513, 580},
	{503},
};

#define N_GROUPS (sizeof(groups) / sizeof(groups[0]))

static void test_px_10_the_first_is_better_than_none(void **state)
{
	(void)state;
	for (unsigned status = 300; status < 700; status++)
		assert_true(best_response_is_better(status, 0));
}

static void test_px_10_every_pair(void **state)
{
	(void)state;
	for (size_t a = 0; a < N_GROUPS; a++)
		for (size_t b = 0; b < N_GROUPS; b++)
			for (size_t i = 0; groups[a][i]; i++)
				for (size_t j = 0; groups[b][j]; j++)
					if (best_response_is_better(groups[a][i], groups[b][j]) !=
					    (a < b))
						fail_msg("%u against %u", groups[a][i],
							 groups[b][j]);
}

/* Whatever the order in which the branches end, the same group wins. */
static void test_px_10_the_order_of_arrival_does_not_matter(void **state)
{
	static const unsigned statuses[] = {503, 408, 486, 407, 302, 500};
	unsigned wins = 0;

	(void)state;
	for (size_t a = 0; a < 6; a++)
		for (size_t b = 0; b < 6; b++)
			for (size_t c = 0; c < 6; c++) {
				const unsigned order[] = {statuses[a], statuses[b], statuses[c]};
				unsigned best = 0;

				if (a == b || b == c || a == c)
					continue;
				for (size_t i = 0; i < 3; i++)
					if (best_response_is_better(order[i], best))
						best = order[i];
				if (a == 4 || b == 4 || c == 4)
					assert_int_equal(best, 302);
				else if (a == 3 || b == 3 || c == 3)
					assert_int_equal(best, 407);
				else if (a == 2 || b == 2 || c == 2)
					assert_int_equal(best, 486);
				else
					assert_int_equal(best, 408);
				wins++;
			}
	assert_int_equal(wins, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_px_10_the_first_is_better_than_none),
		cmocka_unit_test(test_px_10_every_pair),
		cmocka_unit_test(test_px_10_the_order_of_arrival_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
