/* Service control as pure procedures: which part of a release each passage has (docs/adr/0008), when a server has
 * failed (docs/adr/0024), and how a release goes on without one (docs/adr/0023). Each as a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "roles/scscf/scscf.h"

static const char *const kind_names[] = {"outside", "user", "server of calling",
					 "server of called"};

#define KINDS 4

/* By kind of the calling side, kind of the called side, and whether a passage lives beyond (neither, the calling
 * side's, the called side's, both): the part toward the calling side, then toward the called side. N: now, A:
 * await, F: follow. Written by hand from docs/adr/0008. */
static const char
	*const parts[KINDS][KINDS][4] =
		{
			[SIDE_IS_OUTSIDE] =
				{
					[SIDE_IS_OUTSIDE] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_USER] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLING] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLED] = {"NN", "NN", "FA", "FA"},
				},
			[SIDE_IS_USER] =
				{
					[SIDE_IS_OUTSIDE] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_USER] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLING] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLED] = {"NN", "NN", "NA", "NA"},
				},
			[SIDE_IS_SERVER_OF_CALLING] =
				{
					[SIDE_IS_OUTSIDE] = {"NN", "AF", "NN", "AF"},
					[SIDE_IS_USER] = {"NN", "AN", "NN", "AN"},
					[SIDE_IS_SERVER_OF_CALLING] = {"NN", "AF", "NN", "AF"},
					[SIDE_IS_SERVER_OF_CALLED] = {"NN", "AN", "NA", "AA"},
				},
			[SIDE_IS_SERVER_OF_CALLED] =
				{
					[SIDE_IS_OUTSIDE] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_USER] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLING] = {"NN", "NN", "NN", "NN"},
					[SIDE_IS_SERVER_OF_CALLED] = {"NN", "NN", "FA", "FA"},
				},
};

static char letter(unsigned part)
{
	static const char letters[] = {[RELEASE_NOW] = 'N',
				       [RELEASE_AWAIT] = 'A',
				       [RELEASE_FOLLOW] = 'F',
				       [RELEASE_LEFT] = 'L'};

	return part < sizeof(letters) ? letters[part] : '?';
}

static void set_parts(struct session *session, unsigned calling, unsigned called, unsigned lives)
{
	const bool neighbour_lives[2] = {lives & 1, lives & 2};

	session->sides[SIDE_CALLING] = (uint8_t)calling;
	session->sides[SIDE_CALLED] = (uint8_t)called;
	session->release_parts[0] = session->release_parts[1] = RELEASE_LEFT;
	scscf_release_parts(session, neighbour_lives);
}

/* @req SC-3 SC-3a SC-3c SC-6  All kinds of sides, with every neighbour dead or alive. */
static void test_sc_3_sc_3a_the_part_of_each_passage(void **state)
{
	struct session session = {0};

	(void)state;
	for (unsigned calling = 0; calling < KINDS; calling++)
		for (unsigned called = 0; called < KINDS; called++)
			for (unsigned lives = 0; lives < 4; lives++) {
				const char *want = parts[calling][called][lives];

				set_parts(&session, calling, called, lives);
				if (letter(session.release_parts[0]) != want[0] ||
				    letter(session.release_parts[1]) != want[1])
					fail_msg("%s - %s, lives %u: %c%c, not %s",
						 kind_names[calling], kind_names[called], lives,
						 letter(session.release_parts[0]),
						 letter(session.release_parts[1]), want);
			}
}

/* @req SC-3 SC-3b  What must hold whatever the table says: a user is never waited for, nothing is waited for
 * where nobody lives, and what follows has something to follow. */
static void test_sc_3b_nobody_waits_for_what_cannot_come(void **state)
{
	struct session session = {0};

	(void)state;
	for (unsigned cell = 0; cell < KINDS * KINDS * 4; cell++) {
		unsigned kinds[2] = {cell % KINDS, cell / KINDS % KINDS},
			 lives = cell / (KINDS * KINDS);

		set_parts(&session, kinds[0], kinds[1], lives);
		for (unsigned side = 0; side < 2; side++) {
			unsigned part = session.release_parts[side];

			assert_int_not_equal(part, RELEASE_LEFT);
			if (kinds[side] == SIDE_IS_USER)
				assert_int_equal(part, RELEASE_NOW);
			if (part == RELEASE_AWAIT)
				assert_true(lives & 1u << side);
			if (part == RELEASE_FOLLOW)
				assert_int_equal(session.release_parts[1 - side], RELEASE_AWAIT);
		}
	}
}

/* A chain of passages: which kinds of sides its passages have; n servers of the calling user and m of the called
 * user, both, one or none of them served here. */
struct chain {
	unsigned n;
	uint8_t sides[9][2];
};

static struct chain chain_of(bool serves_calling, unsigned n, bool serves_called, unsigned m)
{
	struct chain chain = {.n = n + m + 1};

	for (unsigned i = 0; i < chain.n; i++) {
		chain.sides[i][0] =
			(uint8_t)(i == 0   ? (serves_calling ? SIDE_IS_USER : SIDE_IS_OUTSIDE)
				  : i <= n ? SIDE_IS_SERVER_OF_CALLING
					   : SIDE_IS_SERVER_OF_CALLED);
		chain.sides[i][1] = (uint8_t)(i < n           ? SIDE_IS_SERVER_OF_CALLING
					      : i < n + m     ? SIDE_IS_SERVER_OF_CALLED
					      : serves_called ? SIDE_IS_USER
							      : SIDE_IS_OUTSIDE);
	}
	return chain;
}

/* @req SC-3 SC-3a SC-3c  In every chain each server (on both of its sides together) and each user sees exactly one
 * BYE, when the servers pass on what they get: the passages only say their parts, and a BYE runs on until it is
 * met by one that awaits it. */
static void test_sc_3c_each_leg_of_a_chain_has_one_bye(void **state)
{
	(void)state;
	for (unsigned cell = 0; cell < 4 * 4 * 4; cell++) {
		bool serves_calling = cell & 1, serves_called = cell & 2;
		unsigned n = serves_calling ? cell / 4 % 4 : 0, m = serves_called ? cell / 16 : 0;
		struct chain chain = chain_of(serves_calling, n, serves_called, m);
		struct session s[9] = {0};
		unsigned legs[10] = {0}; /* leg i: between passage i-1 and passage i */

		for (unsigned i = 0; i < chain.n; i++)
			set_parts(&s[i], chain.sides[i][0], chain.sides[i][1],
				  (i > 0) + 2u * (i + 1 < chain.n));
		for (unsigned i = 0; i < chain.n; i++) {
			/* a BYE of ours toward the called side runs on as long as it is only followed */
			for (unsigned j = i; s[j].release_parts[1] == RELEASE_NOW ||
					     (j > i && s[j].release_parts[1] == RELEASE_FOLLOW);
			     j++) {
				legs[j + 1]++;
				if (j + 1 == chain.n)
					break;
				assert_int_equal(s[j + 1].release_parts[0], RELEASE_AWAIT);
				if (s[j + 1].release_parts[1] != RELEASE_FOLLOW)
					break; /* answered there */
			}
			for (unsigned j = i; s[j].release_parts[0] == RELEASE_NOW ||
					     (j < i && s[j].release_parts[0] == RELEASE_FOLLOW);
			     j--) {
				legs[j]++;
				if (j == 0)
					break;
				assert_int_equal(s[j - 1].release_parts[1], RELEASE_AWAIT);
				if (s[j - 1].release_parts[0] != RELEASE_FOLLOW)
					break;
			}
		}
		for (unsigned leg = 0; leg <= chain.n; leg++)
			if (legs[leg] != 1)
				fail_msg("calling %d (%u), called %d (%u): leg %u has %u BYEs",
					 serves_calling, n, serves_called, m, leg, legs[leg]);
	}
}

/* ---------------------------------------------------------------- default handling */

/* @req IC-8  Every state of the passage, every status. */
static void test_ic_8_when_the_default_handling_applies(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 8; bits++)
		for (unsigned status = 100; status < 700; status++) {
			struct service_passage passage = {.at_server = bits & 1,
							  .called_back = bits & 2,
							  .was_heard = bits & 4};
			bool want = bits == 1 && (status == 408 || status / 100 == 5);

			if (scscf_default_handling_applies(&passage, status) != want)
				fail_msg("at server %u, called back %u, heard %u, %u: not %d",
					 bits & 1, bits >> 1 & 1, bits >> 2, status, want);
		}
}

/* The handling itself, the case and the position have no part in whether the server failed. */
static void test_ic_8_nothing_else_decides(void **state)
{
	struct service_passage passage;

	(void)state;
	memset(&passage, 0xff, sizeof(passage));
	passage.at_server = true;
	passage.called_back = passage.was_heard = false;
	assert_true(scscf_default_handling_applies(&passage, 408));
	assert_true(scscf_default_handling_applies(&passage, 599));
	assert_false(scscf_default_handling_applies(&passage, 480));
	assert_false(scscf_default_handling_applies(&passage, 603));
}

/* ---------------------------------------------------------------- without servers */

struct counted {
	unsigned byes[2], acks, waits, cancels, finals, others;
};

static struct counted count(const struct actions *actions)
{
	struct counted c = {0};

	for (unsigned i = 0; i < actions->n; i++) {
		const struct action *a = &actions->list[i];

		switch (a->verb) {
		case SEND_BYE:
		case TREAT_BYE_AS_RECEIVED: c.byes[a->side]++; break;
		case SEND_ACK: c.acks++; break;
		case WAIT_FOR_ACK: c.waits++; break;
		case CANCEL_BRANCHES: c.cancels++; break;
		case ANSWER_INVITE: c.finals++; break;
		default: c.others++;
		}
	}
	return c;
}

static void start_dialog(struct dialog *dialog, enum dialog_state dialog_state)
{
	*dialog = (struct dialog){.state = (uint8_t)dialog_state, .invite_cseq = 1};
	dialog_request_passed(dialog, SIDE_CALLING, SIP_INVITE, 1);
	dialog_request_passed(dialog, SIDE_CALLED, SIP_INFO, 20);
}

/* What a side is when the release goes on: its BYE is ours now, or is left to the proxy that failed, or is still
 * waited for because only the other side's server has failed. */
static const enum release_part parts_then[] = {RELEASE_NOW, RELEASE_AWAIT, RELEASE_LEFT};

static struct counted go_on(struct session *session, bool was_established,
			    const struct scscf_dialogs *dialogs)
{
	struct random random = random_from(1, 2);
	struct actions actions = {.n = 0};

	scscf_release_without_servers(session, was_established, dialogs, &random, &actions);
	return count(&actions);
}

static enum leg_outcome outcome_of(enum release_part part, bool must_wait_for_ack)
{
	return part == RELEASE_LEFT    ? LEG_RELEASED_BY_SERVER
	       : part == RELEASE_AWAIT ? LEG_AWAITED
	       : must_wait_for_ack     ? LEG_WAITING_FOR_ACK
				       : LEG_SENT;
}

/* @req SC-3b  A passage that only followed, and is not being released yet: every pair of parts × acknowledged or
 * not. One BYE where the part is ours, nothing elsewhere. */
static void test_sc_3b_a_dialog_that_followed(void **state)
{
	(void)state;
	for (unsigned cell = 0; cell < 3 * 3 * 2; cell++) {
		const enum release_part now[2] = {parts_then[cell % 3], parts_then[cell / 3 % 3]};
		bool confirmed = cell / 9;
		struct session session = {.state = SESSION_CONFIRMED,
					  .served = SERVES_CALLING,
					  .reason_status = 480,
					  .release_parts = {(uint8_t)now[0], (uint8_t)now[1]}};
		struct dialog dialog;
		struct scscf_dialogs dialogs = {.n = 1, .list = {&dialog}};
		struct counted c;

		start_dialog(&dialog, confirmed ? DIALOG_CONFIRMED : DIALOG_ANSWERED);
		c = go_on(&session, true, &dialogs);
		assert_int_equal(session.state, SESSION_RELEASING);
		assert_int_equal(dialog.state, DIALOG_RELEASING);
		assert_int_equal(c.cancels + c.finals + c.others, 0);
		assert_int_equal(c.byes[SIDE_CALLED], now[SIDE_CALLED] == RELEASE_NOW);
		assert_int_equal(c.acks, now[SIDE_CALLED] == RELEASE_NOW && !confirmed);
		assert_int_equal(c.byes[SIDE_CALLING],
				 now[SIDE_CALLING] == RELEASE_NOW && confirmed);
		assert_int_equal(c.waits, now[SIDE_CALLING] == RELEASE_NOW && !confirmed);
		assert_int_equal(dialog.outcome[SIDE_CALLED], outcome_of(now[SIDE_CALLED], false));
		assert_int_equal(dialog.outcome[SIDE_CALLING],
				 outcome_of(now[SIDE_CALLING], !confirmed));
	}
}

/* @req SC-3b  The dialog is being released and waits on both sides: each side gets what its part says, and asked again
 * nothing more. */
static void test_sc_3b_a_dialog_that_waited_on_both_sides(void **state)
{
	(void)state;
	for (unsigned cell = 0; cell < 9; cell++) {
		const enum release_part now[2] = {parts_then[cell % 3], parts_then[cell / 3]};
		struct session session = {.state = SESSION_RELEASING,
					  .reason_status = 480,
					  .release_parts = {(uint8_t)now[0], (uint8_t)now[1]}};
		struct dialog dialog;
		struct scscf_dialogs dialogs = {.n = 1, .list = {&dialog}};
		struct counted c;

		start_dialog(&dialog, DIALOG_RELEASING);
		dialog.outcome[0] = dialog.outcome[1] = LEG_AWAITED;
		c = go_on(&session, true, &dialogs);
		for (unsigned side = 0; side < 2; side++) {
			assert_int_equal(c.byes[side], now[side] == RELEASE_NOW);
			assert_int_equal(dialog.outcome[side], outcome_of(now[side], false));
		}
		assert_int_equal(c.acks + c.waits + c.cancels + c.finals + c.others, 0);
		c = go_on(&session, true, &dialogs);
		assert_int_equal(c.byes[0] + c.byes[1] + c.others, 0);
	}
}

/* @req SC-3b  One side was released at once and the other waited for its server: only that one is left, and the first
 * does not get a second BYE. */
static void test_sc_3b_a_dialog_released_on_one_side_already(void **state)
{
	static const enum leg_outcome outcomes[] = {LEG_SENT, LEG_ANSWERED, LEG_TIMED_OUT,
						    LEG_WAITING_FOR_ACK, LEG_HUNG_UP};

	(void)state;
	for (unsigned cell = 0; cell < 2 * 2 * 5; cell++) {
		unsigned side = cell & 1, other = 1 - side;
		bool left = cell & 2;
		struct session session = {.state = SESSION_RELEASING, .reason_status = 480};
		struct dialog dialog;
		struct scscf_dialogs dialogs = {.n = 1, .list = {&dialog}};
		struct counted c;

		start_dialog(&dialog, DIALOG_RELEASING);
		session.release_parts[side] = left ? RELEASE_LEFT : RELEASE_NOW;
		dialog.outcome[side] = LEG_AWAITED;
		dialog.outcome[other] = (uint8_t)outcomes[cell / 4];
		c = go_on(&session, true, &dialogs);
		assert_int_equal(c.byes[side], !left);
		assert_int_equal(c.byes[other] + c.acks + c.waits + c.others, 0);
		assert_int_equal(dialog.outcome[side], left ? LEG_RELEASED_BY_SERVER : LEG_SENT);
		assert_int_equal(dialog.outcome[other], outcomes[cell / 4]);
	}
}

/* @req SC-3b SC-0  Nothing was answered yet: the branches are cancelled and the INVITE has its final response where the part is
 * ours, and where a server is still waited for not. */
static void test_sc_3b_before_the_answer(void **state)
{
	(void)state;
	for (unsigned cell = 0; cell < 9; cell++) {
		const enum release_part now[2] = {parts_then[cell % 3], parts_then[cell / 3]};
		struct session session = {.state = SESSION_ESTABLISHING,
					  .pending_branches = 1,
					  .reason_status = 480,
					  .release_parts = {(uint8_t)now[0], (uint8_t)now[1]}};
		struct scscf_dialogs dialogs = {.n = 0};
		struct counted c = go_on(&session, false, &dialogs);

		assert_int_equal(c.cancels, now[SIDE_CALLED] == RELEASE_NOW);
		assert_int_equal(c.finals, now[SIDE_CALLING] == RELEASE_NOW);
		assert_int_equal(c.byes[0] + c.byes[1] + c.acks + c.waits + c.others, 0);
		assert_int_equal(session.state, SESSION_RELEASING);
	}
}

/* @req SC-3b SC-4  Several dialogs: each gets what its own state wants; those that have ended, are early, or in which a
 * BYE of a party is under way get nothing. */
static void test_sc_3b_several_dialogs(void **state)
{
	struct dialog list[6];
	struct scscf_dialogs dialogs = {.n = 6};
	struct random random = random_from(1, 2);
	struct actions actions = {.n = 0};
	struct session session = {.state = SESSION_CONFIRMED, .reason_status = 480};
	unsigned byes[6] = {0};

	(void)state;
	start_dialog(&list[0], DIALOG_CONFIRMED);
	start_dialog(&list[1], DIALOG_RELEASING); /* waits on both sides */
	list[1].outcome[0] = list[1].outcome[1] = LEG_AWAITED;
	start_dialog(&list[2], DIALOG_ENDED);
	start_dialog(&list[3], DIALOG_EARLY);
	start_dialog(&list[4], DIALOG_CONFIRMED);
	list[4].byes_under_way = 1;
	start_dialog(&list[5], DIALOG_RELEASING); /* has all it needs */
	list[5].outcome[0] = list[5].outcome[1] = LEG_ANSWERED;
	for (unsigned i = 0; i < 6; i++)
		dialogs.list[i] = &list[i];
	scscf_release_without_servers(&session, true, &dialogs, &random, &actions);
	for (unsigned i = 0; i < actions.n; i++) {
		assert_in_range(actions.list[i].verb, SEND_BYE, TREAT_BYE_AS_RECEIVED);
		byes[actions.list[i].dialog - list]++;
	}
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(byes[i], i < 2 ? 2 : 0);
	assert_int_equal(list[2].state, DIALOG_ENDED);
	assert_int_equal(list[3].state, DIALOG_EARLY);
	assert_int_equal(list[4].state, DIALOG_CONFIRMED);
}

/* @req SC-3b RC-8  Answered, and a branch of the INVITE still rings (a fork): it is cancelled too. */
static void test_sc_3b_a_branch_that_still_rings(void **state)
{
	struct dialog dialog;
	struct scscf_dialogs dialogs = {.n = 1, .list = {&dialog}};
	struct session session = {.state = SESSION_CONFIRMED,
				  .pending_branches = 1,
				  .reason_status = 480,
				  .release_parts = {RELEASE_LEFT, RELEASE_NOW}};
	struct counted c;

	(void)state;
	start_dialog(&dialog, DIALOG_CONFIRMED);
	c = go_on(&session, true, &dialogs);
	assert_int_equal(c.cancels, 1);
	assert_int_equal(c.byes[SIDE_CALLED], 1);
	assert_int_equal(c.byes[SIDE_CALLING], 0);
	assert_int_equal(dialog.outcome[SIDE_CALLING], LEG_RELEASED_BY_SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_3_sc_3a_the_part_of_each_passage),
		cmocka_unit_test(test_sc_3b_nobody_waits_for_what_cannot_come),
		cmocka_unit_test(test_sc_3c_each_leg_of_a_chain_has_one_bye),
		cmocka_unit_test(test_ic_8_when_the_default_handling_applies),
		cmocka_unit_test(test_ic_8_nothing_else_decides),
		cmocka_unit_test(test_sc_3b_a_dialog_that_followed),
		cmocka_unit_test(test_sc_3b_a_dialog_that_waited_on_both_sides),
		cmocka_unit_test(test_sc_3b_a_dialog_released_on_one_side_already),
		cmocka_unit_test(test_sc_3b_before_the_answer),
		cmocka_unit_test(test_sc_3b_several_dialogs),
		cmocka_unit_test(test_sc_3b_a_branch_that_still_rings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
