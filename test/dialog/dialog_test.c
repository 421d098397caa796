/* What a proxy keeps of a dialog: CSeq numbers of both directions, routes toward both sides, texts that move. RFC 3261 §12. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../base/broken_state.h"
#include "base/limits.h"
#include "dialog/dialog.h"

#define CSEQ_MAX 0x7fffffffu

static struct store *store;

static int open_store(void **state)
{
	(void)state;
	store = store_open(1 << 20);
	return store ? 0 : -1;
}

static int close_store(void **state)
{
	size_t left = store_blocks(store);

	(void)state;
	store_close(store);
	return left == 0 ? 0 : -1; /* a test that leaks fails */
}

static struct dialog_beginning usual(void)
{
	struct text to = TEXT("\"Bob\" <sip:bob@ims.example>;x=1;tag=b-1;y");

	return (struct dialog_beginning){
		.to = to,
		.to_tag = {to.at + 36, 3},
		.target = {TEXT("sip:alice@127.0.0.1:6000"), TEXT("sip:bob@127.0.0.1:7000")},
		.routes = {TEXT("<sip:p1;lr>, <sip:p2;lr>"), TEXT("<sip:q1;lr>")},
	};
}

static void begin(struct dialog *dialog, const struct dialog_beginning *from)
{
	memset(dialog, 0, sizeof(*dialog));
	assert_true(dialog_begin(dialog, store, from));
}

static void check_text(struct text got, const char *want)
{
	if (got.len != strlen(want) || memcmp(got.at ? got.at : "", want, got.len) != 0)
		fail_msg("\"%.*s\", not \"%s\"", TEXT_ARGS(got), want);
}

/* ---------------------------------------------------------------- CSeq: RC-10 */

static void test_rc_10a_sending_moves_the_own_count_on(void **state)
{
	struct dialog dialog = {0};
	struct random random = random_from(1, 2);

	(void)state;
	dialog_request_passed(&dialog, SIDE_CALLING, SIP_INVITE, 7);
	for (uint32_t want = 8; want < 20; want++) {
		assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), want);
		assert_int_equal(dialog.cseq[SIDE_CALLING], want);
	}
	assert_false(dialog.has_cseq[SIDE_CALLED]); /* the other direction is not touched */
	assert_int_equal(random.drawn, 0); /* and nothing is drawn where a number was seen */
}

static void test_rc_10b_what_was_forwarded_last_counts(void **state)
{
	struct dialog dialog = {0};
	struct random random = random_from(1, 2);

	(void)state;
	dialog_request_passed(&dialog, SIDE_CALLED, SIP_BYE, 41);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLED, &random), 42);
	dialog_request_passed(&dialog, SIDE_CALLED, SIP_INFO, 1000); /* a gap is in order */
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLED, &random), 1001);
	dialog_request_passed(&dialog, SIDE_CALLED, SIP_INFO,
			      5); /* a late one does not turn it back */
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLED, &random), 1002);
}

/* @req RC-10c SC-2a  TS 24.229 §5.4.5.1.2 2): a random number in the range; over many draws: in 1 .. 2^31-2, all over it, none twice in a row. */
static void test_rc_10c_a_direction_never_used_starts_at_a_draw(void **state)
{
	struct random random = random_from(3, 4);
	unsigned by_quarter[4] = {0};
	uint32_t previous = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct dialog dialog = {0};
		uint32_t first =
			dialog_take_cseq(&dialog, i % 2 ? SIDE_CALLED : SIDE_CALLING, &random);

		assert_in_range(first, 1, CSEQ_MAX - 1);
		assert_int_not_equal(first, previous);
		by_quarter[first >> 29]++;
		previous = first;
		assert_true(dialog.has_cseq[i % 2 ? SIDE_CALLED : SIDE_CALLING]);
		assert_int_equal(
			dialog_take_cseq(&dialog, i % 2 ? SIDE_CALLED : SIDE_CALLING, &random),
			first + 1);
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(by_quarter[i], 4500, 5500);
}

static void test_rc_10c_zero_is_a_number_like_others_once_seen(void **state)
{
	struct dialog dialog = {0};
	struct random random = random_from(1, 2);

	(void)state;
	dialog_request_passed(&dialog, SIDE_CALLING, SIP_INVITE, 0);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), 1);
}

static void test_rc_10e_no_wrap_at_the_highest_number(void **state)
{
	struct dialog dialog = {0};
	struct random random = random_from(1, 2);

	(void)state;
	dialog_request_passed(&dialog, SIDE_CALLING, SIP_INVITE, CSEQ_MAX - 2);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), CSEQ_MAX - 1);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), CSEQ_MAX);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), CSEQ_MAX);
	dialog_request_passed(&dialog, SIDE_CALLING, SIP_INFO, 5);
	assert_int_equal(dialog_take_cseq(&dialog, SIDE_CALLING, &random), CSEQ_MAX);
}

/* @req RC-10f RF-14a SC-10b */
static void test_rc_10f_which_methods_move_the_count(void **state)
{
	(void)state;
	for (int method = SIP_METHOD_OTHER; method < SIP_METHODS; method++)
		for (int side = 0; side < 2; side++) {
			bool counts = method != SIP_ACK && method != SIP_CANCEL;
			struct dialog dialog = {.cseq = {3, 3}, .has_cseq = {true, true}};

			dialog_request_passed(&dialog, (enum dialog_side)side,
					      (enum sip_method)method, 9);
			assert_int_equal(dialog.cseq[side], counts ? 9 : 3);
			assert_int_equal(dialog.cseq[1 - side], 3);
			dialog = (struct dialog){0};
			dialog_request_passed(&dialog, (enum dialog_side)side,
					      (enum sip_method)method, 9);
			assert_int_equal(dialog.has_cseq[side], counts);
		}
}

/* ---------------------------------------------------------------- routes: RFC 3261 §12.2.1.1 */

struct route_row {
	const char *target, *routes;
	bool usable;
	const char *request_uri, *route, *next_hop;
};

static const struct route_row route_rows[] = {
	{"sip:t@1.1.1.1", "", true, "sip:t@1.1.1.1", "", "sip:t@1.1.1.1"},
	{"sip:t@1.1.1.1", "<sip:p1;lr>", true, "sip:t@1.1.1.1", "<sip:p1;lr>", "sip:p1;lr"},
	{"sip:t@1.1.1.1", "<sip:p1;lr>, <sip:p2;lr>", true, "sip:t@1.1.1.1",
	 "<sip:p1;lr>, <sip:p2;lr>", "sip:p1;lr"},
	{"sip:t@1.1.1.1", "<sip:p1;LR=on;x=1>", true, "sip:t@1.1.1.1", "<sip:p1;LR=on;x=1>",
	 "sip:p1;LR=on;x=1"},
	{"sip:t@1.1.1.1", "\"a, b\" <sip:p1;lr>;p=\"<,>\"", true, "sip:t@1.1.1.1",
	 "\"a, b\" <sip:p1;lr>;p=\"<,>\"", "sip:p1;lr"},
	/* a strict router first: its URI goes up, the target goes last */
	{"sip:t@1.1.1.1", "<sip:p1>", true, "sip:p1", "<sip:t@1.1.1.1>", "sip:p1"},
	{"sip:t@1.1.1.1", "<sip:p1;transport=tcp>, <sip:p2;lr>", true, "sip:p1;transport=tcp",
	 "<sip:p2;lr>, <sip:t@1.1.1.1>", "sip:p1;transport=tcp"},
	{"sip:t@1.1.1.1;a=b", "<sip:p1>,<sip:p2>,<sip:p3;lr>", true, "sip:p1",
	 "<sip:p2>,<sip:p3;lr>, <sip:t@1.1.1.1;a=b>", "sip:p1"},
	/* only the first decides */
	{"sip:t@1.1.1.1", "<sip:p1;lr>, <sip:p2>", true, "sip:t@1.1.1.1", "<sip:p1;lr>, <sip:p2>",
	 "sip:p1;lr"},
	{"", "<sip:p1;lr>", false, NULL, NULL, NULL},
	{"", "", false, NULL, NULL, NULL},
};

/* @req SC-11 PX-8 RF-1 */
static void test_sc_11_routes_toward_each_side(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(route_rows) / sizeof(route_rows[0]); i++)
		for (int side = 0; side < 2; side++) {
			const struct route_row *row = &route_rows[i];
			struct dialog_beginning from = {
				.to = TEXT("<sip:b@x>"),
				.target = {TEXT("sip:wrong"), TEXT("sip:wrong")},
				.routes = {TEXT("<sip:wrong;lr>"), TEXT("<sip:wrong;lr>")}};
			struct text request_uri, route, next_hop;
			char buffer[400] = "before";
			struct text_writer w = text_writer_on(buffer, sizeof(buffer));
			struct dialog dialog;
			bool usable;

			w.len = 6; /* what was written before stays */
			from.target[side] = text_of(row->target);
			from.routes[side] = text_of(row->routes);
			begin(&dialog, &from);
			usable = dialog_route_toward(&dialog, (enum dialog_side)side, &w,
						     &request_uri, &route, &next_hop);
			assert_int_equal(usable, row->usable);
			if (usable) {
				check_text(request_uri, row->request_uri);
				check_text(route, row->route);
				check_text(next_hop, row->next_hop);
			}
			assert_memory_equal(buffer, "before", 6);
			dialog_clear(&dialog, store);
		}
}

static void test_sc_11_a_strict_route_that_does_not_fit_is_refused(void **state)
{
	struct dialog_beginning from = usual();
	struct text request_uri, route, next_hop;
	char buffer[64];
	struct dialog dialog;

	(void)state;
	from.routes[SIDE_CALLED] = TEXT("<sip:p1>, <sip:p2;lr>");
	begin(&dialog, &from);
	for (uint32_t room = 0; room < sizeof(buffer); room++) {
		struct text_writer w = text_writer_on(buffer, room);
		bool fits = room >= strlen("<sip:p2;lr>, <sip:bob@127.0.0.1:7000>");

		assert_int_equal(dialog_route_toward(&dialog, SIDE_CALLED, &w, &request_uri, &route,
						     &next_hop),
				 fits);
	}
	dialog_clear(&dialog, store);
}

/* ---------------------------------------------------------------- texts */

static void test_sc_10_texts_of_a_new_dialog(void **state)
{
	struct dialog_beginning from = usual();
	struct dialog dialog;

	(void)state;
	begin(&dialog, &from);
	check_text(dialog_text(&dialog, DIALOG_TO), "\"Bob\" <sip:bob@ims.example>;x=1;tag=b-1;y");
	check_text(dialog_to_tag(&dialog), "b-1");
	check_text(dialog_text(&dialog, DIALOG_TARGET + SIDE_CALLING), "sip:alice@127.0.0.1:6000");
	check_text(dialog_text(&dialog, DIALOG_TARGET + SIDE_CALLED), "sip:bob@127.0.0.1:7000");
	check_text(dialog_text(&dialog, DIALOG_ROUTES + SIDE_CALLING), "<sip:p1;lr>, <sip:p2;lr>");
	check_text(dialog_text(&dialog, DIALOG_ROUTES + SIDE_CALLED), "<sip:q1;lr>");
	check_text(dialog_text(&dialog, DIALOG_OFFER), "");
	dialog_clear(&dialog, store);
	assert_null(dialog.texts.bytes);
	dialog_clear(&dialog, store); /* again does nothing */
}

/* @req SC-10a  Every text replaced in turn, shorter, longer, as long, empty: the others and the tag stay what they were. */
static void test_sc_10a_the_tag_stays_right_over_replacements(void **state)
{
	static const char *const values[] = {
		"",
		"s",
		"sip:bob@127.0.0.1:7001",
		"sip:bob@127.0.0.1:7002",
		"sip:bob-with-a-long-name-that-moves-all@[2001:db8::1]:7001;transport=tcp",
		"",
		"x"};
	struct dialog_beginning from = usual();
	struct dialog dialog;
	char want[DIALOG_TEXTS][128] = {"\"Bob\" <sip:bob@ims.example>;x=1;tag=b-1;y",
					"sip:alice@127.0.0.1:6000",
					"sip:bob@127.0.0.1:7000",
					"<sip:p1;lr>, <sip:p2;lr>",
					"<sip:q1;lr>",
					""};

	(void)state;
	begin(&dialog, &from);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned which = DIALOG_TARGET; which < DIALOG_TEXTS; which++)
			for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
				assert_true(
					dialog_set_text(&dialog, store, which, text_of(values[v])));
				snprintf(want[which], sizeof(want[which]), "%s", values[v]);
				for (unsigned t = 0; t < DIALOG_TEXTS; t++)
					check_text(dialog_text(&dialog, t), want[t]);
				check_text(dialog_to_tag(&dialog), "b-1");
				assert_int_equal(store_blocks(store), 1);
			}
	dialog_clear(&dialog, store);
}

/* @req RF-6  A peer of RFC 2543 gives no tag. */
static void test_rf_6_an_empty_to_tag_stays_empty(void **state)
{
	struct dialog_beginning from = usual();
	struct dialog dialog;

	(void)state;
	from.to = TEXT("<sip:bob@ims.example>");
	from.to_tag = (struct text){0};
	begin(&dialog, &from);
	assert_int_equal(dialog_to_tag(&dialog).len, 0);
	assert_true(dialog_set_text(&dialog, store, DIALOG_TARGET + SIDE_CALLED,
				    TEXT("sip:x@127.0.0.9")));
	assert_int_equal(dialog_to_tag(&dialog).len, 0);
	check_text(dialog_text(&dialog, DIALOG_TO), "<sip:bob@ims.example>");
	dialog_clear(&dialog, store);
}

static void test_a_dialog_larger_than_its_bound_is_refused_whole(void **state)
{
	static char large[LIMIT_DIALOG_TEXT_BYTES + 1];
	struct dialog_beginning from = usual();
	struct dialog dialog = {0};
	uint32_t others =
		from.to.len + from.target[0].len + from.target[1].len + from.routes[0].len;

	(void)state;
	memset(large, 'r', sizeof(large));
	from.routes[SIDE_CALLED] = (struct text){large, LIMIT_DIALOG_TEXT_BYTES - others + 1};
	assert_false(dialog_begin(&dialog, store, &from));
	assert_int_equal(store_blocks(store), 0);
	from.routes[SIDE_CALLED].len--;
	begin(&dialog, &from);
	assert_int_equal(dialog.texts.len, LIMIT_DIALOG_TEXT_BYTES);
	/* and one that would grow beyond it stays as it is */
	assert_false(dialog_set_text(&dialog, store, DIALOG_OFFER, TEXT("v")));
	check_text(dialog_text(&dialog, DIALOG_OFFER), "");
	check_text(dialog_to_tag(&dialog), "b-1");
	assert_true(dialog_set_text(&dialog, store, DIALOG_ROUTES + SIDE_CALLED, TEXT("")));
	assert_true(dialog_set_text(&dialog, store, DIALOG_OFFER, TEXT("v=0")));
	check_text(dialog_text(&dialog, DIALOG_OFFER), "v=0");
	dialog_clear(&dialog, store);
}

static void test_a_full_store_changes_nothing(void **state)
{
	struct store *small = store_open(1);
	struct dialog_beginning from = usual();
	struct dialog dialog;

	(void)state;
	memset(&dialog, 0, sizeof(dialog));
	assert_non_null(small);
	assert_false(dialog_begin(&dialog, small, &from));
	assert_null(dialog.texts.bytes);
	store_close(small);
}

static void replace_the_to(void *argument)
{
	dialog_set_text(argument, store, DIALOG_TO, TEXT("<sip:x@y>"));
}

static void test_replacing_the_to_is_our_own_mistake(void **state)
{
	struct dialog_beginning from = usual();
	struct dialog dialog;

	(void)state;
	begin(&dialog, &from);
	assert_true(step_aborts(replace_the_to, &dialog));
	dialog_clear(&dialog, store);
}

static void test_names_and_final_outcomes(void **state)
{
	static const char *const states[] = {"early", "answered", "confirmed", "releasing",
					     "ended"};
	static const char *const outcomes[] = {
		"not asked", "waiting for ACK",  "awaited",        "sent",          "answered",
		"timeout",   "transport failed", "hung up itself", "left to its server"};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_string_equal(dialog_state_name((enum dialog_state)i), states[i]);
	for (uint8_t i = 0; i < 9; i++) {
		assert_string_equal(leg_outcome_name((enum leg_outcome)i), outcomes[i]);
		assert_int_equal(leg_outcome_is_final(i), i >= LEG_ANSWERED);
	}
	assert_int_equal(dialog_other_side(SIDE_CALLING), SIDE_CALLED);
	assert_int_equal(dialog_other_side(SIDE_CALLED), SIDE_CALLING);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rc_10a_sending_moves_the_own_count_on),
		TEST(test_rc_10b_what_was_forwarded_last_counts),
		TEST(test_rc_10c_a_direction_never_used_starts_at_a_draw),
		TEST(test_rc_10c_zero_is_a_number_like_others_once_seen),
		TEST(test_rc_10e_no_wrap_at_the_highest_number),
		TEST(test_rc_10f_which_methods_move_the_count),
		TEST(test_sc_11_routes_toward_each_side),
		TEST(test_sc_11_a_strict_route_that_does_not_fit_is_refused),
		TEST(test_sc_10_texts_of_a_new_dialog),
		TEST(test_sc_10a_the_tag_stays_right_over_replacements),
		TEST(test_rf_6_an_empty_to_tag_stays_empty),
		TEST(test_a_dialog_larger_than_its_bound_is_refused_whole),
		TEST(test_a_full_store_changes_nothing),
		TEST(test_replacing_the_to_is_our_own_mistake),
		TEST(test_names_and_final_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
