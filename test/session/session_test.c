/* Texts of a session, and the names that the operator reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/limits.h"
#include "session/session.h"

static void check_text(struct text got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len)
		assert_memory_equal(got.at, want, got.len);
}

/* @req SC-10  Call-ID, From with tag, users, charging vector are kept; the Reason of a release comes later and moves them. */
static void test_sc_10_texts_stay_right_when_the_reason_comes(void **state)
{
	static const char *const reasons[] = {
		"", "maintenance", "Maintenance", "",
		"a much longer text of the operator, with \"quotes\""};
	struct store *store = store_open(1 << 20);
	struct text from = TEXT("\"tag=no\" <sip:alice@ims.example>;tag=a77;x");
	struct text texts[SESSION_TEXTS] = {
		[SESSION_CALL_ID] = TEXT("c1@host"),
		[SESSION_FROM] = from,
		[SESSION_CALLING_USER] = TEXT("sip:alice@ims.example"),
		[SESSION_CALLED_USER] = TEXT("sip:bob@ims.example"),
		[SESSION_CHARGING_VECTOR] = TEXT("icid-value=1"),
	};
	struct session session = {0};

	(void)state;
	assert_true(session_set_texts(&session, store, texts, (struct text){from.at + 37, 3}));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		assert_true(session_set_text(&session, store, SESSION_REASON_TEXT, text_of(reasons[i])));
		check_text(session_text(&session, SESSION_REASON_TEXT), reasons[i]);
		check_text(session_text(&session, SESSION_CALL_ID), "c1@host");
		check_text(session_text(&session, SESSION_FROM),
			   "\"tag=no\" <sip:alice@ims.example>;tag=a77;x");
		check_text(session_from_tag(&session), "a77");
		check_text(session_text(&session, SESSION_CALLING_USER), "sip:alice@ims.example");
		check_text(session_text(&session, SESSION_CALLED_USER), "sip:bob@ims.example");
		check_text(session_text(&session, SESSION_CHARGING_VECTOR), "icid-value=1");
		assert_int_equal(store_blocks(store), 1);
	}
	packed_text_clear(&session.texts, store);
	store_close(store);
}

static void test_rf_6_a_session_without_a_from_tag(void **state)
{
	struct store *store = store_open(1 << 20);
	struct text texts[SESSION_TEXTS] = {
		[SESSION_CALL_ID] = TEXT("c"), [SESSION_FROM] = TEXT("<sip:a@b>")};
	struct session session = {0};

	(void)state;
	assert_true(session_set_texts(&session, store, texts, (struct text){0}));
	assert_int_equal(session_from_tag(&session).len, 0);
	assert_true(session_set_text(&session, store, SESSION_REASON_TEXT, TEXT("x")));
	assert_int_equal(session_from_tag(&session).len, 0);
	packed_text_clear(&session.texts, store);
	store_close(store);
}

static void test_too_much_text_is_refused(void **state)
{
	static char large[LIMIT_DIALOG_TEXT_BYTES];
	struct store *store = store_open(1 << 20);
	struct text texts[SESSION_TEXTS] = {
		[SESSION_CALL_ID] = TEXT("c"),
		[SESSION_FROM] = TEXT("<sip:a@b>;tag=t"),
		[SESSION_CHARGING_VECTOR] = {large, LIMIT_DIALOG_TEXT_BYTES - 15}};
	struct session session = {0};

	(void)state;
	memset(large, 'v', sizeof(large));
	assert_false(session_set_texts(&session, store, texts, (struct text){0}));
	texts[SESSION_CHARGING_VECTOR].len--;
	assert_true(session_set_texts(&session, store, texts,
				      (struct text){texts[SESSION_FROM].at + 14, 1}));
	assert_false(session_set_text(&session, store, SESSION_REASON_TEXT, TEXT("x")));
	check_text(session_from_tag(&session), "t");
	check_text(session_text(&session, SESSION_REASON_TEXT), "");
	packed_text_clear(&session.texts, store);
	assert_int_equal(store_blocks(store), 0);
	store_close(store);
}

static void test_names(void **state)
{
	static const char *const states[] = {"establishing", "answered", "confirmed", "releasing",
					     "ended"};
	static const char *const served[] = {"none", "calling", "called", "both"};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_string_equal(session_state_name((enum session_state)i), states[i]);
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(session_served_name(i), served[i]);
	for (int i = 0; i < SESSION_ENDS; i++) { /* each its own */
		assert_non_null(session_end_name((enum session_end)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(session_end_name((enum session_end)i),
						session_end_name((enum session_end)j));
	}
}

static void test_every_clause_has_a_document_and_a_sentence(void **state)
{
	(void)state;
	assert_string_equal(clause_table[CLAUSE_NONE].document, "");
	for (int i = CLAUSE_NONE + 1; i < N_CLAUSES; i++) {
		const char *document = clause_table[i].document;

		assert_true(strncmp(document, "RFC ", 4) == 0 || strncmp(document, "TS ", 3) == 0);
		assert_non_null(strstr(document, "§"));
		assert_true(strlen(clause_table[i].meaning) > 10);
		assert_true(strlen(document) + strlen(clause_table[i].meaning) <
			    220); /* a line of the ladder takes it */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_10_texts_stay_right_when_the_reason_comes),
		cmocka_unit_test(test_rf_6_a_session_without_a_from_tag),
		cmocka_unit_test(test_too_much_text_is_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_every_clause_has_a_document_and_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
