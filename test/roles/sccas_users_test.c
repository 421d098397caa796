/* Whom the SCC AS serves: numbers in all their forms, who is found by what, doubles, and what happens without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../base/failing_malloc.h"
#include "base/block.c"
#include "base/map.c"
#include "base/store.c"
#include "roles/sccas/users.c"
#include "roles/sccas/settings.h"

#include <stdio.h>

/* ------------------------------------------------------------------ numbers */

struct form {
	const char *uri, *number; /* NULL: none */
};

static const struct form forms[] = {
	{"tel:+491711000001", "+491711000001"},
	{"TEL:+491711000001", "+491711000001"},
	{"tel:+49-171-100.00(01)", "+491711000001"},
	{"tel:+491711000001;isub=12;cpc=ordinary", "+491711000001"},
	{"sip:+491711000001@ims.example;user=phone", "+491711000001"},
	{"sip:+49-171-1000001@ims.example;user=phone", "+491711000001"},
	{"sip:+491711000001@ims.example", "+491711000001"},
	{"sips:+491711000001@ims.example:5061", "+491711000001"},
	{"sip:%2B491711000001@ims.example", "+491711000001"},
	{"sip:+491711000001;rn=1@ims.example;user=phone", "+491711000001"},
	{"sip:+491711000001:secret@ims.example", "+491711000001"},
	{"+49 1711000001", NULL},
	{"+49-171-1000001", "+491711000001"},
	{"tel:+123", "+123"},
	{"tel:+12", NULL},
	{"tel:+123456789012345", "+123456789012345"},
	{"tel:+1234567890123456", NULL},
	{"tel:+49171a", NULL},
	{"tel:1711000001;phone-context=+49", NULL},
	{"tel:1711000001;phone-context=ims.example", NULL},
	{"sip:1711000001@ims.example;user=phone", NULL},
	{"sip:alice@ims.example", NULL},
	{"sip:ims.example", NULL},
	{"sip:+491711000001", NULL},
	{"sip:alice+491711000001@ims.example", NULL},
	{"mailto:+491711000001@ims.example", NULL},
	{"491711000001", NULL},
	{"+", NULL},
	{"+;+491711000001", NULL},
	{"tel:", NULL},
	{"", NULL},
};

static void test_sv_3_a_number_is_the_same_however_it_is_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char bytes[64];
		struct text_writer w = text_writer_on(bytes, sizeof(bytes));
		bool found = sccas_number_of(text_of(forms[i].uri), &w);

		if (found != (forms[i].number != NULL))
			fail_msg("\"%s\": %s", forms[i].uri, found ? "a number" : "no number");
		if (!text_equal(text_written(&w), text_of(forms[i].number)))
			fail_msg("\"%s\" became \"%.*s\"", forms[i].uri,
				 TEXT_ARGS(text_written(&w)));
	}
}

static void test_sv_3_a_number_without_room_says_so(void **state)
{
	char bytes[8];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	(void)state;
	sccas_number_of(TEXT("tel:+491711000001"), &w);
	assert_true(w.full);
}

/* ------------------------------------------------------------------ users */

struct wish {
	const char *number, *private_identity;
	const char *identities[4];
};

static enum sccas_users_verdict add(struct sccas_users *users, const struct wish *wish)
{
	struct text identities[4];
	unsigned n = 0;

	for (; n < 4 && wish->identities[n]; n++)
		identities[n] = text_of(wish->identities[n]);
	return sccas_users_add(users, text_of(wish->number), text_of(wish->private_identity),
			       identities, n);
}

static const struct wish alice = {"+491711000001",
				  "alice@ims.example",
				  {"sip:alice@IMS.example", "tel:+49-30-1000001",
				   "sip:al%69ce.work@ims.example;transport=tcp"}};
static const struct wish bob = {
	"tel:+49-171-1000002", "bob@ims.example", {"tel:+491711000002", "sip:bob@ims.example"}};

static struct sccas_users *open_two(void)
{
	struct sccas_users *users = sccas_users_open();

	assert_non_null(users);
	assert_int_equal(add(users, &alice), SCCAS_USERS_DONE);
	assert_int_equal(add(users, &bob), SCCAS_USERS_DONE);
	assert_int_equal(sccas_users_count(users), 2);
	return users;
}

static void expect(const struct sccas_user *found, const char *private_identity)
{
	if (!private_identity) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	if (!text_equal(found->private_identity, text_of(private_identity)))
		fail_msg("found %.*s, expected %s", TEXT_ARGS(found->private_identity),
			 private_identity);
}

static void test_sv_3_a_user_is_found_by_c_msisdn(void **state)
{
	struct sccas_users *users = open_two();

	(void)state;
	expect(sccas_user_by_c_msisdn(users, TEXT("tel:+491711000001")), "alice@ims.example");
	expect(sccas_user_by_c_msisdn(users, TEXT("sip:+49-171-1000002@msc.example;user=phone")),
	       "bob@ims.example");
	expect(sccas_user_by_c_msisdn(users, TEXT("tel:+491711000003")), NULL);
	/* A number of hers, but not the one of the circuit-switched side. */
	expect(sccas_user_by_c_msisdn(users, TEXT("tel:+49301000001")), NULL);
	expect(sccas_user_by_c_msisdn(users, TEXT("sip:alice@ims.example")), NULL);
	sccas_users_close(users);
}

static void test_sv_3_a_user_is_found_by_every_public_identity(void **state)
{
	static const char *const hers[] = {
		"sip:alice@ims.example",    "sips:alice@ims.example;transport=tcp",
		"SIP:%61lice@ims.EXAMPLE",  "sip:alice.work@ims.example",
		"tel:+49301000001;phone=a", "tel:+49-171-1000001",
	};
	struct sccas_users *users = open_two();

	(void)state;
	for (size_t i = 0; i < sizeof(hers) / sizeof(hers[0]); i++)
		expect(sccas_user_by_identity(users, text_of(hers[i])), "alice@ims.example");
	expect(sccas_user_by_identity(users, TEXT("tel:+491711000002")), "bob@ims.example");
	expect(sccas_user_by_identity(users, TEXT("sip:alice@other.example")), NULL);
	expect(sccas_user_by_identity(users, TEXT("sip:Alice@ims.example")), NULL);
	expect(sccas_user_by_identity(users, TEXT("alice@ims.example")), NULL);
	expect(sccas_user_by_identity(users, TEXT("")), NULL);
	sccas_users_close(users);
}

static void test_sv_3_a_user_is_found_by_private_identity(void **state)
{
	struct sccas_users *users = open_two();
	const struct sccas_user *found =
		sccas_user_by_private_identity(users, TEXT("alice@ims.example"));

	(void)state;
	expect(found, "alice@ims.example");
	assert_true(text_equal(found->c_msisdn, TEXT("+491711000001")));
	assert_int_equal(found->n_identities, 3);
	assert_true(text_equal(found->identities[0], TEXT("sip:alice@ims.example")));
	assert_true(text_equal(found->identities[1], TEXT("tel:+49301000001")));
	assert_true(text_equal(found->identities[2], TEXT("sip:alice.work@ims.example")));
	expect(sccas_user_by_private_identity(users, TEXT("sip:alice@ims.example")), NULL);
	expect(sccas_user_by_private_identity(users, TEXT("")), NULL);
	sccas_users_close(users);
}

static void test_nobody_is_known_without_users(void **state)
{
	(void)state;
	assert_null(sccas_user_by_c_msisdn(NULL, TEXT("tel:+491711000001")));
	assert_null(sccas_user_by_identity(NULL, TEXT("sip:alice@ims.example")));
	assert_null(sccas_user_by_private_identity(NULL, TEXT("alice@ims.example")));
	assert_int_equal(sccas_users_count(NULL), 0);
	sccas_users_close(NULL);
}

/* ------------------------------------------------------------------ refusals */

static const struct {
	struct wish wish;
	enum sccas_users_verdict verdict;
} refused[] = {
	{{"491711000009", "x@ims.example", {"sip:x@ims.example"}}, SCCAS_USERS_BAD_NUMBER},
	{{"+12", "x@ims.example", {"sip:x@ims.example"}}, SCCAS_USERS_BAD_NUMBER},
	{{"+1234567890123456", "x@ims.example", {"sip:x@ims.example"}}, SCCAS_USERS_BAD_NUMBER},
	{{"+491711000009", "", {"sip:x@ims.example"}}, SCCAS_USERS_BAD_IDENTITY},
	{{"+491711000009", "x@ims.example", {NULL}}, SCCAS_USERS_BAD_IDENTITY},
	{{"+491711000009", "x@ims.example", {"x@ims.example"}}, SCCAS_USERS_BAD_IDENTITY},
	{{"+491711000009", "x@ims.example", {"mailto:x@ims.example"}}, SCCAS_USERS_BAD_IDENTITY},
	{{"+491711000009", "x@ims.example", {"sip:x@ims.example", "sip:"}},
	 SCCAS_USERS_BAD_IDENTITY},
	{{"+491711000001", "x@ims.example", {"sip:x@ims.example"}}, SCCAS_USERS_DOUBLE},
	{{"+491711000009", "alice@ims.example", {"sip:x@ims.example"}}, SCCAS_USERS_DOUBLE},
	{{"+491711000009", "x@ims.example", {"sip:x@ims.example", "sips:Bob@ims.example"}},
	 SCCAS_USERS_DONE},
	{{"+491711000008", "y@ims.example", {"sip:y@ims.example", "sips:bob@ims.example"}},
	 SCCAS_USERS_DOUBLE},
	/* One's C-MSISDN, the other's public identity. */
	{{"+491711000008", "y@ims.example", {"tel:+491711000002"}}, SCCAS_USERS_DOUBLE},
	{{"+49301000001", "y@ims.example", {"sip:y@ims.example"}}, SCCAS_USERS_DOUBLE},
	{{"+491711000008", "y@ims.example", {"sip:y@ims.example", "sip:y@IMS.example"}},
	 SCCAS_USERS_DOUBLE},
};

static void test_sv_3_what_is_wrong_or_taken_is_refused_and_changes_nothing(void **state)
{
	struct sccas_users *users = open_two();
	unsigned n = 2;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		enum sccas_users_verdict verdict = add(users, &refused[i].wish);

		if (verdict != refused[i].verdict)
			fail_msg("%zu: verdict %d, expected %d", i, verdict, refused[i].verdict);
		n += verdict == SCCAS_USERS_DONE;
		assert_int_equal(sccas_users_count(users), n);
	}
	expect(sccas_user_by_c_msisdn(users, TEXT("tel:+491711000008")), NULL);
	expect(sccas_user_by_private_identity(users, TEXT("y@ims.example")), NULL);
	expect(sccas_user_by_identity(users, TEXT("sip:y@ims.example")), NULL);
	expect(sccas_user_by_identity(users, TEXT("sip:bob@ims.example")), "bob@ims.example");
	sccas_users_close(users);
}

static void test_sv_3_an_identity_that_is_too_long_is_refused(void **state)
{
	static char uri[LIMIT_URI_BYTES + 1];
	struct text identity = {uri, sizeof(uri)};
	struct sccas_users *users = sccas_users_open();

	(void)state;
	memset(uri, 'a', sizeof(uri));
	memcpy(uri, "sip:", 4);
	memcpy(uri + sizeof(uri) - 12, "@ims.example", 12);
	assert_int_equal(sccas_users_add(users, TEXT("+123"), TEXT("a@b"), &identity, 1),
			 SCCAS_USERS_BAD_IDENTITY);
	identity = text_from(identity, 1);
	uri[1] = 's', uri[2] = 'i', uri[3] = 'p', uri[4] = ':';
	assert_int_equal(sccas_users_add(users, TEXT("+123"), TEXT("a@b"), &identity, 1),
			 SCCAS_USERS_DONE);
	assert_non_null(sccas_user_by_identity(users, identity));
	sccas_users_close(users);
}

/* ------------------------------------------------------------------ many, and none */

static bool add_numbered(struct sccas_users *users, unsigned i)
{
	char number[20], private_identity[40], identity[40];
	struct wish wish = {number, private_identity, {identity}};

	snprintf(number, sizeof(number), "+49171%07u", i);
	snprintf(private_identity, sizeof(private_identity), "user%u@ims.example", i);
	snprintf(identity, sizeof(identity), "sip:user%u@ims.example", i);
	return add(users, &wish) == SCCAS_USERS_DONE;
}

static void test_sv_3_each_of_many_users_is_found(void **state)
{
	struct sccas_users *users = sccas_users_open();

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		assert_true(add_numbered(users, i));
	for (unsigned i = 0; i < 10000; i++) {
		char uri[60], private_identity[40];

		snprintf(private_identity, sizeof(private_identity), "user%u@ims.example", i);
		snprintf(uri, sizeof(uri), "tel:+49-171-%07u", i);
		expect(sccas_user_by_c_msisdn(users, text_of(uri)), private_identity);
		expect(sccas_user_by_identity(users, text_of(uri)), private_identity);
		snprintf(uri, sizeof(uri), "sip:user%u@ims.example;transport=udp", i);
		expect(sccas_user_by_identity(users, text_of(uri)), private_identity);
		expect(sccas_user_by_private_identity(users, text_of(private_identity)),
		       private_identity);
	}
	sccas_users_close(users);
}

static bool build(void)
{
	struct sccas_users *users = sccas_users_open();
	bool built = users != NULL;

	for (unsigned i = 0; built && i < 100; i++)
		built = add_numbered(users, i);
	if (built)
		assert_int_equal(sccas_users_count(users), 100);
	sccas_users_close(users);
	return built;
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

/* ------------------------------------------------------------------ settings */

static void test_sv_43_a_bye_is_held_for_8_seconds_by_default(void **state)
{
	struct sccas_settings s = sccas_settings_default();

	(void)state;
	assert_int_equal(s.bye_hold_ms, 8000);
	assert_true(s.hold_only_if_eligible);
	assert_false(s.hold_early);
}

static void test_sv_22_the_source_access_leg_is_kept_for_8_seconds_by_default(void **state)
{
	struct sccas_settings s = sccas_settings_default();

	(void)state;
	assert_int_equal(s.source_release_delay_ms, 8000);
	assert_int_equal(s.unknown_user_status, 404);
	assert_true(s.alerting && s.pre_alerting && s.mid_call);
	assert_null(s.users);
	assert_int_equal(s.n_stn_sr + s.n_atu_sti + s.additional_session.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_3_a_number_is_the_same_however_it_is_written),
		cmocka_unit_test(test_sv_3_a_number_without_room_says_so),
		cmocka_unit_test(test_sv_3_a_user_is_found_by_c_msisdn),
		cmocka_unit_test(test_sv_3_a_user_is_found_by_every_public_identity),
		cmocka_unit_test(test_sv_3_a_user_is_found_by_private_identity),
		cmocka_unit_test(test_nobody_is_known_without_users),
		cmocka_unit_test(test_sv_3_what_is_wrong_or_taken_is_refused_and_changes_nothing),
		cmocka_unit_test(test_sv_3_an_identity_that_is_too_long_is_refused),
		cmocka_unit_test(test_sv_3_each_of_many_users_is_found),
		cmocka_unit_test(test_each_allocation_may_fail),
		cmocka_unit_test(test_sv_43_a_bye_is_held_for_8_seconds_by_default),
		cmocka_unit_test(test_sv_22_the_source_access_leg_is_kept_for_8_seconds_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
