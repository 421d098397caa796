/* TS 24.229 §5.4.5.1.2: the release of an existing session over all orders of its events.
 *
 * The procedures only say actions, so a small executor here does what the node does with them, and a search goes through every
 * order of answers, timeouts, broken transports, retries, ACKs and crossing requests, checking after each step what must always hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "roles/scscf/scscf.h"

#define FIRST_CALLING 7u  /* highest CSeq seen from the calling side */
#define FIRST_CALLED  40u /* and from the called side */

/* Final answers to a BYE: each class, and what has a rule of its own (RF-7). 0: none came. */
static const struct answer {
	unsigned status;
	enum leg_outcome failed;
	uint32_t retry_after_ms;
	enum leg_outcome outcome;
} answers[] = {
	{200, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{202, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{302, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{401, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{404, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{407, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{408, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{481, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{500, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{500, LEG_ANSWERED, 5000, LEG_ANSWERED},
	{503, LEG_ANSWERED, 5000, LEG_ANSWERED},
	{603, LEG_ANSWERED, UINT32_MAX, LEG_ANSWERED},
	{0, LEG_TIMED_OUT, UINT32_MAX, LEG_TIMED_OUT},
	{0, LEG_TRANSPORT_FAILED, UINT32_MAX, LEG_TRANSPORT_FAILED},
};

#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* The few that a search uses: one of each behaviour; and fewer where there are more legs. */
static const unsigned telling[] = {0, 7, 8, 10, 12, 13};
static unsigned n_telling = sizeof(telling) / sizeof(telling[0]);

#define DIALOGS 2u

struct world {
	struct session session;
	struct dialog dialogs[DIALOGS];
	unsigned n_dialogs;
	struct random random;
	bool was_answered[DIALOGS];   /* no ACK seen when the release began */
	bool outstanding[DIALOGS][2]; /* a BYE toward that side has no answer yet */
	bool retry_waits[DIALOGS][2];
	bool ack_waits[DIALOGS];
	bool ack_done[DIALOGS]; /* the caller's ACK came, or its time is over, or it hung up */
	bool hung_up[DIALOGS];
	unsigned byes[DIALOGS][2], retries[DIALOGS][2];
	uint32_t last_cseq[DIALOGS][2];
	unsigned acks[DIALOGS], dialog_ends[DIALOGS], session_ends, refusals;
	bool is_proxy[2]; /* the server at that side, if there is one */
	bool is_through
		[DIALOGS]
		[2]; /* the BYE of that side came through the servers, or is left to one that failed */
};

static unsigned long leaves, steps;

static struct world new_world(unsigned served, unsigned n_dialogs, const enum dialog_state *states,
			      bool called_spoke)
{
	struct world w = {.n_dialogs = n_dialogs, .random = random_from(5, 6)};

	w.session.state = SESSION_CONFIRMED;
	w.session.served = (uint8_t)served;
	w.session.reason_status = 503;
	for (unsigned i = 0; i < n_dialogs; i++) {
		w.dialogs[i].state = (uint8_t)states[i];
		w.dialogs[i].invite_cseq = FIRST_CALLING;
		dialog_request_passed(&w.dialogs[i], SIDE_CALLING, SIP_INVITE, FIRST_CALLING);
		if (called_spoke)
			dialog_request_passed(&w.dialogs[i], SIDE_CALLED, SIP_INFO, FIRST_CALLED);
		w.was_answered[i] = states[i] == DIALOG_ANSWERED;
	}
	return w;
}

static struct scscf_dialogs dialogs_of(struct world *w)
{
	struct scscf_dialogs all = {.n = w->n_dialogs};

	for (unsigned i = 0; i < w->n_dialogs; i++)
		all.list[i] = &w->dialogs[i];
	return all;
}

/* SC-3: which verb and which clause, by whom this S-CSCF serves. */
static void check_verb(const struct world *w, const struct action *a)
{
	unsigned served = w->session.served;
	bool as_received =
		(a->side == SIDE_CALLED ? served & SERVES_CALLING : served & SERVES_CALLED) &&
		w->session.sides[a->side] != SIDE_IS_USER; /* to the user itself: directly */

	assert_int_equal(w->session.release_parts[a->side], RELEASE_NOW);
	assert_int_equal(a->verb, as_received ? TREAT_BYE_AS_RECEIVED : SEND_BYE);
	if (a->side == SIDE_CALLED)
		assert_int_equal(a->clause, as_received ? CLAUSE_FIRST_BYE_AS_RECEIVED
							: CLAUSE_FIRST_BYE_DIRECT);
	else
		assert_int_equal(a->clause, as_received ? CLAUSE_SECOND_BYE_AS_RECEIVED
							: CLAUSE_SECOND_BYE_DIRECT);
}

static void bye_was_sent(struct world *w, unsigned d, const struct action *a)
{
	enum dialog_side toward = a->side;

	check_verb(w, a);
	assert_false(w->outstanding[d][toward]);
	w->byes[d][toward]++;
	assert_in_range(w->byes[d][toward], 1,
			1 + w->retries[d][toward]); /* RC-16: one, but for a 500 */
	if (w->last_cseq[d][toward])
		assert_int_equal(a->cseq, w->last_cseq[d][toward] + 1); /* RF-1 */
	else if (toward == SIDE_CALLED)
		assert_int_equal(a->cseq, FIRST_CALLING + 1); /* SC-1 */
	else if (w->dialogs[d].has_cseq[SIDE_CALLED] && a->cseq == FIRST_CALLED + 1)
		; /* SC-2 */
	else
		assert_in_range(a->cseq, 1, 0x7ffffffe);                          /* SC-2a */
	assert_int_equal(w->dialogs[d].cseq[dialog_other_side(toward)], a->cseq); /* RC-10a */
	w->last_cseq[d][toward] = a->cseq;
	w->outstanding[d][toward] = true;
	if (w->was_answered[d]) {
		assert_int_equal(w->acks[d], 1); /* RC-7: our ACK first */
		if (toward == SIDE_CALLING)
			assert_true(w->ack_done[d]); /* RF-3 */
	}
	assert_false(w->hung_up[d] && toward == SIDE_CALLING); /* RC-17 */
}

static void execute(struct world *w, const struct actions *actions)
{
	for (unsigned i = 0; i < actions->n; i++) {
		const struct action *a = &actions->list[i];
		unsigned d = a->dialog ? (unsigned)(a->dialog - w->dialogs) : 0;

		assert_int_equal(w->session_ends, 0); /* nothing after the end */
		switch (a->verb) {
		case SEND_BYE:
		case TREAT_BYE_AS_RECEIVED: bye_was_sent(w, d, a); break;
		case SEND_ACK:
			assert_true(w->was_answered[d]);
			assert_int_equal(w->byes[d][SIDE_CALLED], 0);
			w->acks[d]++;
			assert_int_equal(w->acks[d], 1);
			break;
		case WAIT_FOR_ACK:
			assert_true(w->was_answered[d]);
			w->ack_waits[d] = true;
			break;
		case WAIT_TO_RETRY:
			assert_false(w->outstanding[d][a->side]);
			w->retries[d][a->side]++;
			assert_int_equal(w->retries[d][a->side], 1);
			w->retry_waits[d][a->side] = true;
			break;
		case END_DIALOG:
			assert_int_equal(w->dialogs[d].state, DIALOG_RELEASING);
			w->dialogs[d].state = DIALOG_ENDED;
			w->dialog_ends[d]++;
			assert_int_equal(w->dialog_ends[d], 1);
			break;
		case END_SESSION:
			w->session_ends++;
			assert_int_equal(a->end, SESSION_END_RELEASED);
			assert_int_equal(a->status, 503);
			assert_int_equal(a->clause, CLAUSE_SESSION_RELEASED);
			break;
		case ANSWER_REQUEST: w->refusals++; break;
		default: fail_msg("verb %d has no place here", a->verb);
		}
	}
}

static bool leg_is_done(const struct world *w, unsigned d, int side)
{
	return !w->outstanding[d][side] && !w->retry_waits[d][side] &&
	       (w->byes[d][side] > 0 || w->is_through[d][side] ||
		(side == SIDE_CALLING && w->hung_up[d]));
}

/* What the node does after every step; then what must hold. */
static void step_done(struct world *w)
{
	struct scscf_dialogs all = dialogs_of(w);
	struct actions actions = {.n = 0};
	bool everything = true;

	/* A leg that was found done without an answer ends its dialog as well (the node looks for those). */
	for (unsigned d = 0; d < w->n_dialogs; d++)
		if (w->dialogs[d].state == DIALOG_RELEASING &&
		    leg_outcome_is_final(w->dialogs[d].outcome[0]) &&
		    leg_outcome_is_final(w->dialogs[d].outcome[1])) {
			w->dialogs[d].state = DIALOG_ENDED;
			w->dialog_ends[d]++;
		}
	if (w->session_ends == 0)
		scscf_release_step_done(&w->session, &all, &actions);
	execute(w, &actions);
	for (unsigned d = 0; d < w->n_dialogs; d++)
		for (int side = 0; side < 2; side++)
			everything &= leg_is_done(w, d, side);
	assert_int_equal(w->session_ends, everything); /* SC-5, SC-5a: exactly then */
	steps++;
}

static void order_release(struct world *w)
{
	struct scscf_dialogs all = dialogs_of(w);
	struct actions actions = {.n = 0};

	scscf_release_established_session(&w->session, &all, &w->random, &actions);
	execute(w, &actions);
	step_done(w);
}

static void answer_bye(struct world *w, unsigned d, enum dialog_side toward,
		       const struct answer *answer)
{
	bool again = answer->status == 500 && w->retries[d][toward] == 0;
	struct actions actions = {.n = 0};

	w->outstanding[d][toward] = false;
	scscf_bye_answered(&w->session, &w->dialogs[d], toward, answer->status, answer->failed,
			   answer->retry_after_ms, &w->random, &actions);
	if (again) {
		assert_int_equal(actions.n, 1);
		assert_int_equal(actions.list[0].verb, WAIT_TO_RETRY);
		assert_int_equal(actions.list[0].clause, CLAUSE_BYE_RETRIED);
		if (answer->retry_after_ms == UINT32_MAX)
			assert_in_range(actions.list[0].wait_ms, 0, 2000);
		else
			assert_int_equal(actions.list[0].wait_ms, answer->retry_after_ms);
	} else {
		assert_int_equal(w->dialogs[d].outcome[toward], answer->outcome);
		assert_int_equal(w->dialogs[d].outcome_status[toward], answer->status);
	}
	execute(w, &actions);
	step_done(w);
}

static void retry_is_due(struct world *w, unsigned d, enum dialog_side toward)
{
	struct actions actions = {.n = 0};

	w->retry_waits[d][toward] = false;
	scscf_bye_retry(&w->session, &w->dialogs[d], toward, &w->random, &actions);
	assert_int_equal(actions.n, 1);
	execute(w, &actions);
	step_done(w);
}

static void ack_wait_is_over(struct world *w, unsigned d)
{
	struct actions actions = {.n = 0};

	w->ack_waits[d] = false;
	w->ack_done[d] = true;
	scscf_release_ack_wait_over(&w->session, &w->dialogs[d], &w->random, &actions);
	assert_int_equal(actions.n, 1);
	execute(w, &actions);
	step_done(w);
}

/* A request of a party: 481 and nothing forwarded; the caller's ACK is absorbed and sets the second BYE free. */
static void request_comes(struct world *w, unsigned d, enum dialog_side from,
			  enum sip_method method, uint32_t cseq)
{
	struct sip_message request = {.is_request = true, .method = (uint8_t)method, .cseq = cseq};
	struct actions actions = {.n = 0};
	bool is_the_ack = method == SIP_ACK && from == SIDE_CALLING && cseq == FIRST_CALLING;
	bool comes_through =
		method == SIP_BYE && (w->session.release_parts[from] == RELEASE_AWAIT ||
				      w->session.release_parts[from] == RELEASE_LEFT);
	unsigned refusals = w->refusals;

	if (w->ack_waits[d] && from == SIDE_CALLING && (is_the_ack || method == SIP_BYE)) {
		w->ack_waits[d] = false;
		w->ack_done[d] = true;
		w->hung_up[d] = method == SIP_BYE;
	}
	scscf_request_while_releasing(&w->session, &w->dialogs[d], from, &request, &w->random,
				      &actions);
	assert_true(actions.n >= 1);
	assert_int_equal(actions.list[0].verb, ANSWER_REQUEST);
	assert_int_equal(actions.list[0].status, method == SIP_ACK ? 0 : comes_through ? 200 : 481);
	w->is_through[d][from] |= comes_through;
	execute(w, &actions);
	assert_int_equal(w->refusals, refusals + 1);
	step_done(w);
}

/* SC-3b: what had to come through the servers of one side does not; the node says so in release_parts. */
static void server_wait_is_over(struct world *w, enum dialog_side side)
{
	struct scscf_dialogs all = dialogs_of(w);
	struct actions actions = {.n = 0};

	w->session.release_parts[side] = w->is_proxy[side] ? RELEASE_LEFT : RELEASE_NOW;
	scscf_release_without_servers(&w->session, true, &all, &w->random, &actions);
	for (unsigned d = 0; w->is_proxy[side] && d < w->n_dialogs; d++)
		w->is_through[d][side] = true;
	execute(w, &actions);
	step_done(w);
}

/* ---------------------------------------------------------------- the search */

/* `crossing`: how many requests of the parties and repeated orders may still come in between. */
static void search(const struct world *before, unsigned crossing)
{
	bool moved = false;

	if (before->session_ends) {
		leaves++;
		return;
	}
	for (unsigned d = 0; d < before->n_dialogs; d++) {
		for (int side = 0; side < 2; side++) {
			for (size_t i = 0; before->outstanding[d][side] && i < n_telling; i++) {
				struct world w = *before;

				answer_bye(&w, d, (enum dialog_side)side, &answers[telling[i]]);
				search(&w, crossing);
				moved = true;
			}
			if (before->retry_waits[d][side]) {
				struct world w = *before;

				retry_is_due(&w, d, (enum dialog_side)side);
				search(&w, crossing);
				moved = true;
			}
			if (before->session.release_parts[side] == RELEASE_AWAIT) {
				struct world w = *before;

				if (!before->is_through[d][side]) {
					request_comes(&w, d, (enum dialog_side)side, SIP_BYE, 77);
					assert_true(w.is_through[d][side]);
					search(&w, crossing);
					moved = true;
				}
				w = *before;
				if (!before->is_through[d][side]) {
					server_wait_is_over(&w, (enum dialog_side)side);
					search(&w, crossing);
					moved = true;
				}
			}
		}
		if (before->ack_waits[d]) {
			struct world w = *before;

			ack_wait_is_over(&w, d);
			search(&w, crossing);
			w = *before;
			request_comes(&w, d, SIDE_CALLING, SIP_ACK, FIRST_CALLING);
			search(&w, crossing);
			moved = true;
		}
		for (int what = 0; crossing && what < 5; what++) {
			struct world w = *before;

			switch (what) {
			case 0:
				request_comes(&w, d, SIDE_CALLING, SIP_BYE, FIRST_CALLING + 1);
				break;
			case 1: request_comes(&w, d, SIDE_CALLED, SIP_BYE, FIRST_CALLED + 1); break;
			case 2:
				request_comes(&w, d, SIDE_CALLING, SIP_UPDATE, FIRST_CALLING + 1);
				break;
			case 3: request_comes(&w, d, SIDE_CALLED, SIP_ACK, 99); break;
			case 4: order_release(&w); break;
			}
			if (w.session_ends == 0)
				search(&w, crossing - 1);
			else
				leaves++;
		}
	}
	assert_true(moved); /* a session that waits, waits for something */
}

/* @req SC-1 SC-2 SC-3 SC-3a SC-5 SC-5a RF-1 RF-7 RF-7a RF-7b RC-1 RC-12 RC-16 RC-21 */
static void test_sc_5_every_order_of_answers_for_every_served_side(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	leaves = 0;
	for (unsigned served = 0; served < 4; served++)
		for (int spoke = 0; spoke < 2; spoke++) {
			struct world w = new_world(served, 1, states, spoke);

			order_release(&w);
			assert_int_equal(w.byes[0][0] + w.byes[0][1], 2); /* both at once */
			assert_int_equal(w.acks[0], 0);
			search(&w, 1);
		}
	assert_true(leaves > 10000);
}

/* @req RC-7 RC-7a RC-7b RF-3 RC-17 */
static void test_rc_7_every_order_when_the_ack_has_not_come(void **state)
{
	static const enum dialog_state states[] = {DIALOG_ANSWERED};

	(void)state;
	leaves = 0;
	for (unsigned served = 0; served < 4; served++) {
		struct world w = new_world(served, 1, states, served & 1);

		order_release(&w);
		assert_int_equal(w.byes[0][SIDE_CALLED], 1);
		assert_int_equal(w.byes[0][SIDE_CALLING], 0);
		assert_true(w.ack_waits[0]);
		search(&w, 1);
	}
	assert_true(leaves > 5000);
}

/* One order out of all, drawn. */
static void walk(struct world *w, struct random *draw)
{
	while (w->session_ends == 0) {
		unsigned d = random_below(draw, w->n_dialogs);
		enum dialog_side side = random_below(draw, 2) ? SIDE_CALLED : SIDE_CALLING;

		switch (random_below(draw, 8)) {
		case 0: request_comes(w, d, side, SIP_BYE, 60); break;
		case 1: request_comes(w, d, SIDE_CALLING, SIP_ACK, FIRST_CALLING); break;
		case 2: order_release(w); break;
		case 3:
			if (w->ack_waits[d])
				ack_wait_is_over(w, d);
			break;
		case 4:
			if (w->retry_waits[d][side])
				retry_is_due(w, d, side);
			break;
		default:
			if (w->outstanding[d][side])
				answer_bye(w, d, side, &answers[random_below(draw, N_ANSWERS)]);
		}
	}
	leaves++;
}

/* @req SC-4 RC-19  Two dialogs of one session: each with its own pair, the session ends with the last leg of all. */
static void test_sc_4_orders_with_two_dialogs(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED, DIALOG_ANSWERED};
	struct random draw = random_from(7, 8);

	(void)state;
	for (unsigned served = 0; served < 4; served++) {
		struct world w = new_world(served, 2, states, true), again;

		leaves = 0;
		order_release(&w);
		assert_int_equal(w.byes[0][0] + w.byes[0][1], 2);
		assert_int_equal(w.byes[1][0] + w.byes[1][1], 1);
		n_telling = 2; /* 200 and 481 in every order */
		search(&w, 0);
		n_telling = sizeof(telling) / sizeof(telling[0]);
		assert_true(leaves > 100);
		for (int i = 0; i < 5000; i++) { /* and everything in drawn orders */
			again = w;
			walk(&again, &draw);
		}
	}
}

/* RF-7 as a table: every answer on either leg ends the wait for it, a 500 once more. */
static void test_rf_7_every_final_answer_ends_the_wait(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < N_ANSWERS; i++)
			for (size_t j = 0; j < N_ANSWERS; j++) {
				struct world w = new_world(SERVES_CALLING, 1, states, true);

				order_release(&w);
				answer_bye(&w, 0, (enum dialog_side)side, &answers[i]);
				if (answers[i].status == 500) {
					retry_is_due(&w, 0, (enum dialog_side)side);
					assert_int_equal(w.byes[0][side], 2);
					answer_bye(&w, 0, (enum dialog_side)side, &answers[i]);
				}
				assert_int_equal(w.session_ends, 0);
				answer_bye(&w, 0, dialog_other_side((enum dialog_side)side),
					   &answers[j]);
				if (answers[j].status == 500) {
					assert_int_equal(w.session_ends, 0);
					retry_is_due(&w, 0,
						     dialog_other_side((enum dialog_side)side));
					answer_bye(&w, 0, dialog_other_side((enum dialog_side)side),
						   &answers[0]);
				}
				assert_int_equal(w.session_ends, 1);
			}
}

/* RC-10e: at the end of the range both BYEs, and the retry, stay inside it. */
static void test_rc_10e_the_retry_at_the_end_of_the_range(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};
	struct world w = new_world(0, 1, states, true);
	struct scscf_dialogs all = dialogs_of(&w);
	struct actions actions = {.n = 0};

	(void)state;
	w.dialogs[0].cseq[SIDE_CALLING] = 0x7fffffff;
	scscf_release_established_session(&w.session, &all, &w.random, &actions);
	assert_int_equal(actions.n, 2);
	assert_int_equal(actions.list[0].cseq, 0x7fffffff);
	assert_int_equal(actions.list[1].cseq, FIRST_CALLED + 1);
}

/* A dialog that is early, ended or in which a party's own BYE is under way gets none of ours (RF-3, RC-16). */
static void test_rf_3_rc_16_dialogs_that_get_no_bye(void **state)
{
	static const enum dialog_state all_states[] = {
		DIALOG_EARLY, DIALOG_ANSWERED, DIALOG_CONFIRMED, DIALOG_RELEASING, DIALOG_ENDED};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (uint8_t under_way = 0; under_way < 3; under_way++) {
			struct world w = new_world(0, 1, &all_states[i], true);
			struct scscf_dialogs all = dialogs_of(&w);
			struct actions actions = {.n = 0};
			bool wants = (all_states[i] == DIALOG_ANSWERED ||
				      all_states[i] == DIALOG_CONFIRMED) &&
				     under_way == 0;

			w.dialogs[0].byes_under_way = under_way;
			scscf_release_established_session(&w.session, &all, &w.random, &actions);
			assert_int_equal(actions.n > 0, wants);
			assert_int_equal(w.session.state, SESSION_RELEASING);
		}
}

/* @req SC-0  Being established: CANCEL of the branches, and a final response of ours with the code of the order. */
static void test_sc_0_before_the_answer(void **state)
{
	struct scscf_dialogs none = {.n = 0};
	struct actions actions = {.n = 0};
	struct session session = {
		.state = SESSION_ESTABLISHING, .reason_status = 480, .pending_branches = 2};

	(void)state;
	scscf_release_session_being_established(&session, &actions);
	assert_int_equal(actions.n, 2);
	assert_int_equal(actions.list[0].verb, CANCEL_BRANCHES);
	assert_int_equal(actions.list[0].clause, CLAUSE_ESTABLISHING_CANCEL);
	assert_int_equal(actions.list[1].verb, ANSWER_INVITE);
	assert_int_equal(actions.list[1].status, 480);
	assert_int_equal(session.state, SESSION_RELEASING);
	/* it is over when the last branch is */
	for (; session.pending_branches; session.pending_branches--) {
		actions.n = 0;
		scscf_release_step_done(&session, &none, &actions);
		assert_int_equal(actions.n, 0);
	}
	scscf_release_step_done(&session, &none, &actions);
	assert_int_equal(actions.n, 1);
	assert_int_equal(actions.list[0].verb, END_SESSION);
	assert_int_equal(actions.list[0].end, SESSION_END_RELEASED);
}

/* @req RC-8  A 2xx that crossed our CANCEL: relayed, acknowledged, BYE to the callee; the caller's BYE waits. */
static void test_rc_8_a_late_2xx_for_every_served_side(void **state)
{
	(void)state;
	for (unsigned served = 0; served < 4; served++) {
		static const enum dialog_state early[] = {DIALOG_EARLY};
		struct world w = new_world(served, 1, early, false);
		struct actions actions = {.n = 0};

		w.session.state = SESSION_RELEASING;
		scscf_late_2xx(&w.session, &w.dialogs[0], &w.random, &actions);
		assert_int_equal(actions.n, 4);
		assert_int_equal(actions.list[0].verb, RELAY_2XX);
		assert_int_equal(actions.list[1].verb, SEND_ACK);
		assert_int_equal(actions.list[2].verb,
				 served & SERVES_CALLING ? TREAT_BYE_AS_RECEIVED : SEND_BYE);
		assert_int_equal(actions.list[2].side, SIDE_CALLED);
		assert_int_equal(actions.list[2].cseq, FIRST_CALLING + 1);
		assert_int_equal(actions.list[3].verb, WAIT_FOR_ACK);
		assert_true(w.dialogs[0].ack_is_ours);
		assert_int_equal(w.dialogs[0].outcome[SIDE_CALLING], LEG_WAITING_FOR_ACK);
		/* and from there as every other release that waits for the ACK */
		w.was_answered[0] = true;
		w.acks[0] = w.byes[0][SIDE_CALLED] = 1;
		w.outstanding[0][SIDE_CALLED] = w.ack_waits[0] = true;
		w.last_cseq[0][SIDE_CALLED] = FIRST_CALLING + 1;
		search(&w, 1);
	}
}

/* @req SC-8 RC-3a RC-10  Every method of either side. */
static void test_sc_8_every_method_while_releasing(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	for (int from = 0; from < 2; from++)
		for (int method = SIP_METHOD_OTHER; method < SIP_METHODS; method++) {
			struct world w = new_world(0, 1, states, true);

			order_release(&w);
			request_comes(&w, 0, (enum dialog_side)from, (enum sip_method)method, 50);
			assert_int_equal(w.byes[0][0] + w.byes[0][1], 2);
			assert_int_equal(w.session_ends, 0);
		}
}

/* An ACK of a re-INVITE answered before the release passes; any other ACK is absorbed. */
static void test_rc_3_which_acks_pass_while_releasing(void **state)
{
	(void)state;
	for (int from = 0; from < 2; from++)
		for (uint32_t cseq = 1; cseq < 12; cseq++) {
			static const enum dialog_state states[] = {DIALOG_CONFIRMED};
			struct world w = new_world(0, 1, states, true);
			struct sip_message ack = {
				.is_request = true, .method = SIP_ACK, .cseq = cseq};
			struct actions actions = {.n = 0};

			order_release(&w);
			w.dialogs[0].unacked_cseq[from] = 9;
			w.dialogs[0].unacked_cseq[1 - from] = 4;
			scscf_request_while_releasing(&w.session, &w.dialogs[0],
						      (enum dialog_side)from, &ack, &w.random,
						      &actions);
			assert_int_equal(actions.n, 1);
			assert_int_equal(actions.list[0].verb,
					 cseq == 9 ? FORWARD_REQUEST : ANSWER_REQUEST);
			assert_int_equal(actions.list[0].status, 0);
		}
}

/* ---------------------------------------------------------------- through service control */

/* @req SC-3 SC-3a SC-6  Which verb and clause, for every kind of side and whoever is served: directly to a user of ours, and where that
 * side's user is not served here; else as if the other user had sent it. */
static void test_sc_3_the_verb_of_each_side(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	for (unsigned cell = 0; cell < 4 * 4 * 4; cell++) {
		unsigned served = cell % 4, kinds[2] = {cell / 4 % 4, cell / 16};
		struct world w = new_world(served, 1, states, true);
		struct scscf_dialogs all = dialogs_of(&w);
		struct actions actions = {.n = 0};

		w.session.sides[0] = (uint8_t)kinds[0];
		w.session.sides[1] = (uint8_t)kinds[1];
		scscf_release_established_session(&w.session, &all, &w.random, &actions);
		assert_int_equal(actions.n, 2);
		for (unsigned i = 0; i < 2; i++) {
			const struct action *a = &actions.list[i];
			bool toward_called = i == 0;
			unsigned other_served = toward_called ? SERVES_CALLING : SERVES_CALLED;
			bool directly = kinds[a->side] == SIDE_IS_USER || !(served & other_served);

			assert_int_equal(a->side, toward_called ? SIDE_CALLED : SIDE_CALLING);
			assert_int_equal(a->verb, directly ? SEND_BYE : TREAT_BYE_AS_RECEIVED);
			assert_int_equal(a->clause,
					 toward_called
						 ? (directly ? CLAUSE_FIRST_BYE_DIRECT
							     : CLAUSE_FIRST_BYE_AS_RECEIVED)
						 : (directly ? CLAUSE_SECOND_BYE_DIRECT
							     : CLAUSE_SECOND_BYE_AS_RECEIVED));
		}
	}
}

/* @req SC-3 SC-3b SC-3c SC-5  One side awaits, or both: every order of answers on the other, of the BYE that comes through (200, and it ends the
 * leg), of the wait's end, with a proxy or a B2BUA there, and of requests that cross. */
static void test_sc_3c_every_order_with_a_side_that_awaits(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	leaves = 0;
	for (unsigned cell = 0; cell < 3 * 4 * 4; cell++) {
		unsigned awaits = 1 + cell % 3, served = cell / 12;
		struct world w = new_world(served, 1, states, true);

		for (unsigned side = 0; side < 2; side++) {
			if (awaits >> side & 1)
				w.session.release_parts[side] = RELEASE_AWAIT;
			w.session.sides[side] = (uint8_t)(!(awaits >> side & 1) ? SIDE_IS_USER
							  : side ? SIDE_IS_SERVER_OF_CALLED
								 : SIDE_IS_SERVER_OF_CALLING);
			w.is_proxy[side] = cell / 3 % 4 >> side & 1;
		}
		order_release(&w);
		assert_int_equal(w.session_ends, 0);
		for (unsigned side = 0; side < 2; side++) {
			assert_int_equal(w.byes[0][side], !(awaits >> side & 1));
			if (awaits >> side & 1)
				assert_int_equal(w.dialogs[0].outcome[side], LEG_AWAITED);
		}
		search(&w, 1);
	}
	assert_true(leaves > 10000);
}

/* @req SC-3c  The BYE that comes through a server: 200 the first time and every other, whether it was waited for or given up; and
 * only a BYE. */
static void test_sc_3c_what_comes_through_is_answered_200(void **state)
{
	static const enum leg_outcome outcomes[] = {LEG_AWAITED, LEG_RELEASED_BY_SERVER, LEG_SENT,
						    LEG_ANSWERED, LEG_TIMED_OUT};

	(void)state;
	for (size_t i = 0; i < 5; i++)
		for (int from = 0; from < 2; from++)
			for (int method = SIP_METHOD_OTHER; method < SIP_METHODS; method++) {
				static const enum dialog_state states[] = {DIALOG_RELEASING};
				struct world w = new_world(0, 1, states, true);
				struct sip_message request = {
					.is_request = true, .method = (uint8_t)method, .cseq = 99};
				struct actions actions = {.n = 0};
				bool comes_through = method == SIP_BYE && i < 2;

				if (method == SIP_ACK)
					continue;
				w.session.state = SESSION_RELEASING;
				w.dialogs[0].outcome[from] = (uint8_t)outcomes[i];
				w.dialogs[0].outcome[1 - from] = LEG_SENT;
				scscf_request_while_releasing(&w.session, &w.dialogs[0],
							      (enum dialog_side)from, &request,
							      &w.random, &actions);
				assert_int_equal(actions.n, 1);
				assert_int_equal(actions.list[0].verb, ANSWER_REQUEST);
				assert_int_equal(actions.list[0].status, comes_through ? 200 : 481);
				assert_int_equal(actions.list[0].clause,
						 comes_through ? CLAUSE_BYE_CAME_THROUGH_SERVERS
							       : CLAUSE_REQUEST_WHILE_RELEASING);
				assert_int_equal(w.dialogs[0].outcome[from],
						 comes_through ? LEG_RELEASED_BY_SERVER
							       : outcomes[i]);
				assert_int_equal(w.dialogs[0].outcome[1 - from], LEG_SENT);
			}
}

/* @req SC-3b  A side that is left to its server gets nothing, whichever it is, and the session ends with the other. */
static void test_sc_3b_a_side_that_is_left(void **state)
{
	static const enum dialog_state states[] = {DIALOG_CONFIRMED};

	(void)state;
	for (unsigned left = 0; left < 2; left++)
		for (size_t i = 0; i < N_ANSWERS; i++) {
			unsigned other = 1 - left;
			struct world w = new_world(SERVES_CALLING, 1, states, true);

			w.session.release_parts[left] = RELEASE_LEFT;
			w.is_through[0][left] = true;
			order_release(&w);
			assert_int_equal(w.byes[0][left], 0);
			assert_int_equal(w.byes[0][other], 1);
			assert_int_equal(w.dialogs[0].outcome[left], LEG_RELEASED_BY_SERVER);
			answer_bye(&w, 0, (enum dialog_side)other, &answers[i]);
			if (answers[i].status == 500) {
				retry_is_due(&w, 0, (enum dialog_side)other);
				answer_bye(&w, 0, (enum dialog_side)other, &answers[i]);
			}
			assert_int_equal(w.session_ends, 1);
			assert_int_equal(w.byes[0][left], 0);
		}
}

/* @req SC-0 SC-3  Before the answer: toward a side that awaits nothing is said yet. */
static void test_sc_0_before_the_answer_with_servers(void **state)
{
	(void)state;
	for (unsigned cell = 0; cell < 16; cell++) {
		unsigned parts[2] = {cell % 4, cell / 4};
		struct actions actions = {.n = 0};
		struct session session = {
			.state = SESSION_ESTABLISHING, .reason_status = 480, .pending_branches = 1};
		unsigned cancels = 0, finals = 0;

		session.release_parts[0] = (uint8_t)parts[0];
		session.release_parts[1] = (uint8_t)parts[1];
		scscf_release_session_being_established(&session, &actions);
		for (unsigned i = 0; i < actions.n; i++) {
			cancels += actions.list[i].verb == CANCEL_BRANCHES;
			finals += actions.list[i].verb == ANSWER_INVITE;
		}
		assert_int_equal(actions.n, cancels + finals);
		assert_int_equal(cancels, parts[SIDE_CALLED] == RELEASE_NOW);
		assert_int_equal(finals, parts[SIDE_CALLING] == RELEASE_NOW);
	}
}

/* @req SC-3b RC-7 RF-3  The caller's ACK has not come when the wait for a server ends, and the server is a B2BUA: toward the called side our ACK goes
 * before the BYE, and toward the calling side the BYE waits for its ACK, as in every other release. FAULT F15: neither. */
static void test_sc_3b_the_wait_ends_before_the_ack(void **state)
{
	static const enum dialog_state states[] = {DIALOG_ANSWERED};
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct world w = new_world(SERVES_CALLING | SERVES_CALLED, 1, states, true);
		struct scscf_dialogs all = dialogs_of(&w);
		struct actions actions = {.n = 0};

		w.dialogs[0].unacked_cseq[SIDE_CALLING] = FIRST_CALLING;
		w.session.release_parts[side] = RELEASE_AWAIT;
		scscf_release_established_session(&w.session, &all, &w.random, &actions);
		actions.n = 0;
		w.session.release_parts[side] = RELEASE_NOW;
		scscf_release_without_servers(&w.session, true, &all, &w.random, &actions);
		if (side == SIDE_CALLED) {
			assert_int_equal(actions.n, 2);
			assert_int_equal(actions.list[0].verb, SEND_ACK);
			assert_int_equal(actions.list[1].side, SIDE_CALLED);
			assert_int_equal(actions.list[1].cseq, FIRST_CALLING + 1);
		} else {
			assert_int_equal(actions.n, 1);
			assert_int_equal(actions.list[0].verb, WAIT_FOR_ACK);
			assert_int_equal(w.dialogs[0].outcome[SIDE_CALLING], LEG_WAITING_FOR_ACK);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_5_every_order_of_answers_for_every_served_side),
		cmocka_unit_test(test_rc_7_every_order_when_the_ack_has_not_come),
		cmocka_unit_test(test_sc_4_orders_with_two_dialogs),
		cmocka_unit_test(test_rf_7_every_final_answer_ends_the_wait),
		cmocka_unit_test(test_rc_10e_the_retry_at_the_end_of_the_range),
		cmocka_unit_test(test_rf_3_rc_16_dialogs_that_get_no_bye),
		cmocka_unit_test(test_sc_0_before_the_answer),
		cmocka_unit_test(test_rc_8_a_late_2xx_for_every_served_side),
		cmocka_unit_test(test_sc_8_every_method_while_releasing),
		cmocka_unit_test(test_rc_3_which_acks_pass_while_releasing),
		cmocka_unit_test(test_sc_3_the_verb_of_each_side),
		cmocka_unit_test(test_sc_3c_every_order_with_a_side_that_awaits),
		cmocka_unit_test(test_sc_3c_what_comes_through_is_answered_200),
		cmocka_unit_test(test_sc_3b_a_side_that_is_left),
		cmocka_unit_test(test_sc_0_before_the_answer_with_servers),
		cmocka_unit_test(test_sc_3b_the_wait_ends_before_the_ack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
