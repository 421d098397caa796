/* Finding users: exact and wildcarded identities, whose they are, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../base/failing_malloc.h"
#include "base/block.c"
#include "base/map.c"
#include "roles/scscf/subscribers.c"

static const struct service_profile no_criteria;

struct wish {
	const char *private_identity;
	const char
		*users[4]; /* with two exclamation marks: a wildcard; with a * before it: barred */
};

/* NULL: out of memory. */
static struct subscriber *make(struct subscribers *set, const struct wish *wish)
{
	struct subscriber *s = subscribers_take(set, sizeof(*s));
	struct public_identity *ids = subscribers_take(set, sizeof(*ids) * 4);
	char why[100];

	if (!s || !ids)
		return NULL;
	s->private_identity = subscribers_keep(set, text_of(wish->private_identity));
	s->identities = ids;
	for (unsigned i = 0; i < 4 && wish->users[i]; i++) {
		bool is_barred = wish->users[i][0] == '*';
		struct text user = text_of(wish->users[i] + is_barred);

		ids[i] = (struct public_identity){.user = user,
						  .is_barred = is_barred,
						  .profile = &no_criteria,
						  .subscriber = s};
		if (wildcarded_identity_is_meant(user)) {
			ids[i].wildcard = subscribers_take_wildcard(set, user, why, sizeof(why));
			if (!ids[i].wildcard)
				return NULL;
			ids[i].user = ids[i].wildcard->whole;
		}
		s->n_identities++;
	}
	return s;
}

static enum subscribers_verdict add(struct subscribers *set, const struct wish *wish,
				    struct text *ret_duplicate)
{
	struct subscriber *s = make(set, wish);

	return s ? subscribers_add(set, s, ret_duplicate) : SUBSCRIBERS_FULL;
}

static void expect_added(struct subscribers *set, struct wish wish)
{
	struct text duplicate;

	assert_int_equal(add(set, &wish, &duplicate), SUBSCRIBERS_DONE);
}

static void assert_text(struct text found, const char *expected)
{
	if (!text_equal(found, text_of(expected)))
		fail_msg("found \"%.*s\", expected \"%s\"", TEXT_ARGS(found), expected);
}

static void expect_user(const struct subscribers *set, const char *user, const char *owner)
{
	const struct public_identity *found = subscribers_find(set, text_of(user));

	if (!owner && found)
		fail_msg("%s was found", user);
	if (owner && !found)
		fail_msg("%s was not found", user);
	if (owner)
		assert_text(found->subscriber->private_identity, owner);
}

/* ------------------------------------------------------------------ finding */

static void test_sub_6_each_identity_is_found_by_its_address_of_record(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	assert_int_equal(subscribers_count(set), 0);
	expect_user(set, "sip:alice@ims.example", NULL);
	expect_added(set,
		     (struct wish){"a@ims.example", {"sip:alice@ims.example", "tel:+15550100"}});
	expect_added(set, (struct wish){"b@ims.example", {"sip:bob@ims.example"}});
	assert_int_equal(subscribers_count(set), 2);
	expect_user(set, "sip:alice@ims.example", "a@ims.example");
	expect_user(set, "tel:+15550100", "a@ims.example");
	expect_user(set, "sip:bob@ims.example", "b@ims.example");
	expect_user(set, "sip:carol@ims.example", NULL);
	expect_user(set, "", NULL);
	subscribers_close(set);
}

static void test_sub_6_no_set_has_nobody(void **state)
{
	(void)state;
	expect_user(NULL, "sip:alice@ims.example", NULL);
	assert_int_equal(subscribers_count(NULL), 0);
	subscribers_close(NULL);
}

static void test_sub_6_many_users_are_found(void **state)
{
	struct subscribers *set = subscribers_open();
	char user[64];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		struct wish wish = {"p@ims.example", {0}};

		snprintf(user, sizeof(user), "sip:%u@ims.example", i);
		wish.users[0] = subscribers_keep(set, (struct text){user, sizeof(user)}).at;
		expect_added(set, wish);
	}
	for (unsigned i = 0; i < 5001; i++) {
		snprintf(user, sizeof(user), "sip:%u@ims.example", i);
		expect_user(set, user, i < 5000 ? "p@ims.example" : NULL);
	}
	subscribers_close(set);
}

static void test_sub_6_a_private_identity_goes_with_its_own_public_ones(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	expect_added(set, (struct wish){"a@ims.example", {"sip:work@ims.example"}});
	expect_added(set, (struct wish){"a@ims.example", {"sip:home@ims.example"}});
	expect_added(set, (struct wish){"b@ims.example", {"sip:bob@ims.example"}});
	expect_user(set, "sip:work@ims.example", "a@ims.example");
	expect_user(set, "sip:home@ims.example", "a@ims.example");
	expect_user(set, "sip:bob@ims.example", "b@ims.example");
	assert_ptr_not_equal(subscribers_find(set, TEXT("sip:work@ims.example"))->subscriber,
			     subscribers_find(set, TEXT("sip:home@ims.example"))->subscriber);
	subscribers_close(set);
}

static void test_sub_5_the_first_identity_that_is_not_barred_is_the_default(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	expect_added(set,
		     (struct wish){"a@h", {"*sip:1@h", "sip:pbx!.*!@h", "sip:2@h", "sip:3@h"}});
	expect_added(set, (struct wish){"b@h", {"*sip:4@h"}});
	assert_text(subscribers_find(set, TEXT("sip:1@h"))->subscriber->main->user, "sip:2@h");
	assert_true(subscribers_find(set, TEXT("sip:1@h"))->is_barred);
	assert_null(subscribers_find(set, TEXT("sip:4@h"))->subscriber->main);
	subscribers_close(set);
}

/* ------------------------------------------------------------------ wildcards */

static void test_sub_7_wildcards_come_after_exact_identities(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	expect_added(set, (struct wish){"w@h", {"SIP:list!.*!@IMS.Example"}});
	expect_added(set, (struct wish){"x@h", {"sip:list-7@ims.example"}});
	expect_added(set, (struct wish){"y@h", {"sip:list-!8|9!@ims.example"}});
	expect_user(set, "sip:list-6@ims.example", "w@h");
	expect_user(set, "sip:list-7@ims.example", "x@h");
	expect_user(set, "sip:list-8@ims.example", "w@h"); /* the first that matches */
	expect_user(set, "sip:list@ims.example", "w@h");
	expect_user(set, "sip:lis@ims.example", NULL);
	expect_user(set, "sip:list-6@ims.example.org", NULL);
	expect_user(set, "sip:my-list-6@ims.example", NULL);
	/* The part before and the part behind must not share bytes. */
	expect_user(set, "sip:list", NULL);
	subscribers_close(set);
}

static void test_sub_7_the_expression_matches_as_a_whole(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	expect_added(set, (struct wish){"w@h", {"sip:a!1|22!@h", "tel:+1-555-!01..!"}});
	expect_user(set, "sip:a1@h", "w@h");
	expect_user(set, "sip:a22@h", "w@h");
	expect_user(set, "sip:a2@h", NULL);
	expect_user(set, "sip:a122@h", NULL);
	expect_user(set, "tel:+15550199", "w@h");
	expect_user(set, "tel:+155501990", NULL);
	subscribers_close(set);
}

static void test_sub_7_a_wildcard_outside_of_the_user_part_is_refused(void **state)
{
	static const char *const bad[] = {
		"sip:a@!.*!.example",
		"sip:!.*!ims.example",
		"sip:a@h;p=!.*!",
		"http://a!.*!",
		"a!.*!b",
		"!.*!",
		"sip:a!.*!@",
		"sip:a!(!@h",
	};
	struct subscribers *set = subscribers_open();
	char why[100];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = 0;
		assert_true(wildcarded_identity_is_meant(text_of(bad[i])));
		if (subscribers_take_wildcard(set, text_of(bad[i]), why, sizeof(why)))
			fail_msg("%s was accepted", bad[i]);
		assert_true(why[0]);
	}
	assert_false(wildcarded_identity_is_meant(TEXT("sip:hello!@h")));
	assert_false(wildcarded_identity_is_meant(TEXT("")));
	subscribers_close(set);
}

static void test_sub_7_an_identity_may_stand_for_its_wildcard(void **state)
{
	struct subscribers *set = subscribers_open();
	struct subscriber *s = make(set, &(struct wish){"w@h", {"sip:list-1@h", "sip:list-2@h"}});
	struct public_identity *ids = (struct public_identity *)(uintptr_t)s->identities;
	struct text duplicate;
	char why[100];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		ids[i].wildcard =
			subscribers_take_wildcard(set, TEXT("sip:list-!.*!@h"), why, sizeof(why));
	assert_int_equal(subscribers_add(set, s, &duplicate), SUBSCRIBERS_DONE);
	assert_int_equal(set->n_wildcards, 1);
	assert_text(subscribers_find(set, TEXT("sip:list-2@h"))->user, "sip:list-2@h");
	assert_text(subscribers_find(set, TEXT("sip:list-3@h"))->user, "sip:list-1@h");
	assert_text(s->main->user, "sip:list-1@h");
	assert_int_equal(add(set, &(struct wish){"v@h", {"sip:list-!.*!@h"}}, &duplicate),
			 SUBSCRIBERS_DUPLICATE);
	assert_text(duplicate, "sip:list-!.*!@h");
	subscribers_close(set);
}

static void test_sub_7_the_number_of_wildcards_has_a_bound(void **state)
{
	struct subscribers *set = subscribers_open();
	struct text duplicate;
	char user[64];

	(void)state;
	for (unsigned i = 0; i <= SUBSCRIBERS_WILDCARDS_MAX; i++) {
		struct wish wish = {"w@h", {0}};

		snprintf(user, sizeof(user), "sip:%u-!.*!@h", i);
		wish.users[0] = user;
		assert_int_equal(add(set, &wish, &duplicate),
				 i < SUBSCRIBERS_WILDCARDS_MAX ? SUBSCRIBERS_DONE
							       : SUBSCRIBERS_TOO_MANY_WILDCARDS);
	}
	assert_int_equal(subscribers_count(set), SUBSCRIBERS_WILDCARDS_MAX);
	expect_user(set, "sip:0-a@h", "w@h");
	subscribers_close(set);
}

/* ------------------------------------------------------------------ building */

static void test_sub_8_an_identity_that_is_taken_is_named_and_nothing_added(void **state)
{
	struct subscribers *set = subscribers_open();
	struct text duplicate;

	(void)state;
	expect_added(set, (struct wish){"a@h", {"sip:a@h", "sip:b@h"}});
	assert_int_equal(add(set, &(struct wish){"c@h", {"sip:c@h", "sip:b@h"}}, &duplicate),
			 SUBSCRIBERS_DUPLICATE);
	assert_text(duplicate, "sip:b@h");
	expect_user(set, "sip:c@h", NULL);
	assert_int_equal(subscribers_count(set), 1);
	assert_int_equal(add(set, &(struct wish){"d@h", {"sip:d@h", "sip:d@h"}}, &duplicate),
			 SUBSCRIBERS_DUPLICATE);
	assert_text(duplicate, "sip:d@h");
	subscribers_close(set);
}

static void test_memory_is_aligned_zeroed_and_of_any_size(void **state)
{
	struct subscribers *set = subscribers_open();

	(void)state;
	for (size_t bytes = 0; bytes < 300000; bytes = bytes * 2 + 1) {
		char *at = subscribers_take(set, bytes);

		assert_non_null(at);
		assert_int_equal((uintptr_t)at % 16, 0);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(at[i], 0);
		memset(at, 1, bytes);
	}
	assert_null(subscribers_take(set, SIZE_MAX - 8));
	assert_int_equal(subscribers_keep(set, (struct text){0}).len, 0);
	subscribers_close(set);
}

static bool build(void)
{
	static const struct wish wishes[] = {{"a@h", {"sip:a@h", "sip:w!.*!@h", "tel:+1"}},
					     {"b@h", {"sip:b@h"}}};
	struct subscribers *set = subscribers_open();
	struct text duplicate;
	bool done = set;

	for (size_t i = 0; i < 2 && done; i++) {
		done = subscribers_take(set, 100000) && /* each in a block of its own */
		       add(set, &wishes[i], &duplicate) == SUBSCRIBERS_DONE;
	}
	subscribers_close(set);
	return done;
}

static void test_each_allocation_may_fail(void **state)
{
	unsigned long n = 0;

	(void)state;
	do {
		allocations_left = n++;
	} while (!build());
	allocations_left = ULONG_MAX;
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sub_6_each_identity_is_found_by_its_address_of_record),
		cmocka_unit_test(test_sub_6_no_set_has_nobody),
		cmocka_unit_test(test_sub_6_many_users_are_found),
		cmocka_unit_test(test_sub_6_a_private_identity_goes_with_its_own_public_ones),
		cmocka_unit_test(test_sub_5_the_first_identity_that_is_not_barred_is_the_default),
		cmocka_unit_test(test_sub_7_wildcards_come_after_exact_identities),
		cmocka_unit_test(test_sub_7_the_expression_matches_as_a_whole),
		cmocka_unit_test(test_sub_7_a_wildcard_outside_of_the_user_part_is_refused),
		cmocka_unit_test(test_sub_7_an_identity_may_stand_for_its_wildcard),
		cmocka_unit_test(test_sub_7_the_number_of_wildcards_has_a_bound),
		cmocka_unit_test(test_sub_8_an_identity_that_is_taken_is_named_and_nothing_added),
		cmocka_unit_test(test_memory_is_aligned_zeroed_and_of_any_size),
		cmocka_unit_test(test_each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
