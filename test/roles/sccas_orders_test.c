/* The procedures of the SCC AS alone, on a model of their legs: every order of a number of events, each
 * followed by what remains to happen. No node, no bytes.
 *
 * What must hold in each order:
 *  - the remote leg gets no offer while another is open there, nor media of a leg that is gone,
 *  - a leg is released once, and only one that lives,
 *  - what is answered was asked, and what was asked is answered in the end,
 *  - nothing is done once everything is being released,
 *  - in the end the session is over, or has one living access leg, joined with the remote leg, and no wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/sccas/sccas.h"
#include "sip/sdp.h"

#define DEPTH       8u /* events of an order */
#define T1_MS       500u
#define AGAIN_MS    700u
#define BEGAN_MS    1000u
#define ORDER_MAX   12u
#define RUN_OUT_MAX 120u
#define PENDING     ((struct handle){1, 1})

/* One letter each, for the order that is printed when something does not hold. */
enum event {
	STN_SR_INVITE,
	ITS_CANCEL,
	ITS_ACK,
	NO_ACK,
	UPDATE_200,
	UPDATE_487, /* after our CANCEL */
	UPDATE_488,
	UPDATE_491,
	UPDATE_481,
	SOURCE_OFFER,
	SOURCE_OFFER_WITHOUT_SPEECH,
	PASSED_OFFER_ANSWERED, /* that of the source leg, by the remote party */
	REMOTE_OFFER,
	REMOTE_OFFER_ANSWERED, /* by the access leg */
	SOURCE_BYE_503,
	SOURCE_BYE,
	REMOTE_BYE,
	TARGET_BYE_487,
	TARGET_BYE,
	BYE_ANSWERED, /* ours on the target leg */
	NEXT_WAIT,
	EVENTS,
};
static const char letters[] = "ICANu7894oOpqQ53rTtyw";
_Static_assert(sizeof(letters) == EVENTS + 1, "a letter for each event");

struct world {
	struct anchored_session a;
	const struct sccas_settings *settings;
	uint64_t now_ms;
	bool own_update, own_is_cancelled; /* what remote.offer_out is */
	bool access_asked;                 /* remote.offer_in has gone on to an access leg */
	bool refused_now;                  /* the INVITE due to STN-SR, by the actions at hand */
	unsigned n_transfers, n_others;
	char order[ORDER_MAX + 1];
	unsigned n_order;
};

struct tally {
	uint64_t orders, transferred, returned, kept, ended;
};

_Noreturn static void broken(const struct world *w, const char *what)
{
	fprintf(stderr, "order \"%.*s\" (%s): %s\n", (int)w->n_order, w->order,
		transfer_state_name((enum transfer_state)w->a.transfer), what);
	fail_msg("%s", what);
	abort();
}

static void must(const struct world *w, bool holds, const char *what)
{
	if (!holds)
		broken(w, what);
}

/* ---------------------------------------------------------------- the model of the legs */

static bool lives(const struct world *w, enum anchored_leg leg)
{
	return leg_is_alive(&w->a.legs[leg]);
}

static struct leg *leg_of(struct world *w, enum anchored_leg leg)
{
	return &w->a.legs[leg];
}

static bool is_open(struct handle h)
{
	return handle_is_set(h);
}

/* A leg is over: nothing of it is open any more. */
static void close_leg(struct world *w, enum anchored_leg which, enum leg_state state)
{
	struct leg *leg = leg_of(w, which);

	leg->invite = leg->offer_in = NO_HANDLE;
	leg->unacked_cseq = 0;
	leg->state = (uint8_t)state;
	if (which == REMOTE_LEG) {
		leg->offer_out = NO_HANDLE;
		w->own_update = w->access_asked = false;
	}
}

static void carry_out_release(struct world *w, const struct leg_action *action)
{
	if (w->refused_now && action->leg == TARGET_ACCESS_LEG)
		return; /* in one step with its refusal: the node looks at its state */
	must(w, lives(w, action->leg), "a leg is released that does not live");
	close_leg(w, action->leg, action->leg == TARGET_ACCESS_LEG ? LEG_ENDING : LEG_OVER);
}

static void carry_out_update(struct world *w, const struct leg_action *action)
{
	must(w, action->leg == REMOTE_LEG, "an update of another leg");
	must(w, sccas_remote_leg_is_free(&w->a), "an update meets an offer on the remote leg");
	must(w, lives(w, action->media), "the media of a leg that is gone");
	leg_of(w, REMOTE_LEG)->offer_out = PENDING;
	w->own_update = true;
	w->own_is_cancelled = false;
}

static void carry_out_answer(struct world *w, const struct leg_action *action)
{
	struct leg *leg = leg_of(w, action->leg);
	bool is_invite = action->leg == TARGET_ACCESS_LEG && is_open(leg->invite);

	must(w, is_invite || is_open(leg->offer_in), "an answer that nobody waits for");
	must(w, action->status >= 200, "an answer that is none");
	must(w, action->status >= 300 || action->leg != REMOTE_LEG, "the remote party's offer");
	leg->offer_in = leg->invite = NO_HANDLE;
	if (is_invite && action->status >= 300) {
		leg->state = LEG_OVER;
		w->refused_now = true;
	} else if (is_invite) {
		leg->state = LEG_ESTABLISHED;
		leg->unacked_cseq = 1;
	}
}

static void carry_out_pass(struct world *w, const struct leg_action *action)
{
	must(w, action->leg == SOURCE_ACCESS_LEG && is_open(leg_of(w, SOURCE_ACCESS_LEG)->offer_in),
	     "nothing waits to be passed on");
	must(w, sccas_remote_leg_is_free(&w->a), "an offer passes to a busy remote leg");
	leg_of(w, REMOTE_LEG)->offer_out = PENDING;
	w->own_update = false;
}

static void carry_out_one(struct world *w, const struct leg_action *action)
{
	switch (action->verb) {
	case LEG_RELEASE: carry_out_release(w, action); break;
	case LEG_UPDATE: carry_out_update(w, action); break;
	case LEG_CANCEL_UPDATE:
		must(w, w->own_update && is_open(leg_of(w, REMOTE_LEG)->offer_out),
		     "there is no update to cancel");
		w->own_is_cancelled = true;
		break;
	case LEG_ANSWER_OFFER: carry_out_answer(w, action); break;
	case LEG_PASS_OFFER_ON: carry_out_pass(w, action); break;
	case LEG_RELEASE_OTHERS:
		must(w, ++w->n_others <= w->n_transfers, "other sessions released again");
		break;
	default: broken(w, "a verb of another phase");
	}
}

static void carry_out(struct world *w, const struct leg_actions *actions, bool was_ending)
{
	must(w, !was_ending || actions->n == 0, "something is done after the end");
	w->refused_now = false;
	for (unsigned i = 0; i < actions->n; i++)
		carry_out_one(w, &actions->list[i]);
}

/* As the node does after every step. */
static void step_done(struct world *w, const struct leg_actions *actions, bool was_ending)
{
	struct leg_actions more = {.n = 0};

	carry_out(w, actions, was_ending);
	was_ending = w->a.is_ending;
	sccas_remote_leg_is_free_again(&w->a, &more);
	carry_out(w, &more, was_ending);
}

/* ---------------------------------------------------------------- events */

static uint64_t next_wait(const struct world *w)
{
	const uint64_t waits[] = {w->a.hold_until_ms, w->a.source_release_at_ms,
				  w->a.update_again_at_ms, w->a.update_until_ms};
	uint64_t next = 0;

	for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		if (waits[i] && (next == 0 || waits[i] < next))
			next = waits[i];
	return next;
}

static bool is_settled(const struct world *w)
{
	return w->a.transfer == TRANSFER_NONE || w->a.transfer == TRANSFER_DONE;
}

static bool source_may_offer(const struct world *w)
{
	const struct leg *source = &w->a.legs[SOURCE_ACCESS_LEG], *remote = &w->a.legs[REMOTE_LEG];

	if (!lives(w, SOURCE_ACCESS_LEG) || is_open(source->offer_in) || is_open(source->offer_out))
		return false;
	/* With nothing moved it passes on, one at a time. */
	return w->a.transfer != TRANSFER_NONE ||
	       (!is_open(remote->offer_out) && !is_open(remote->offer_in));
}

static bool remote_may_offer(const struct world *w)
{
	const struct leg *remote = &w->a.legs[REMOTE_LEG], *access = &w->a.legs[w->a.access];

	return lives(w, REMOTE_LEG) && is_settled(w) && leg_is_alive(access) &&
	       !is_open(remote->offer_in) && !is_open(remote->offer_out) &&
	       !is_open(access->offer_out) && !is_open(access->offer_in) &&
	       access->unacked_cseq == 0 && remote->unacked_cseq == 0;
}

static bool is_possible(const struct world *w, enum event event)
{
	const struct leg *remote = &w->a.legs[REMOTE_LEG], *target = &w->a.legs[TARGET_ACCESS_LEG];
	bool has_update = w->own_update && is_open(remote->offer_out);

	switch (event) {
	case STN_SR_INVITE:
		return sccas_is_transferable(&w->a, w->settings, (struct sccas_features){0});
	case ITS_CANCEL: return is_open(target->invite);
	case ITS_ACK:
	case NO_ACK: return target->state == LEG_ESTABLISHED && target->unacked_cseq;
	case UPDATE_200:
	case UPDATE_488:
	case UPDATE_491:
	case UPDATE_481: return has_update;
	case UPDATE_487: return has_update && w->own_is_cancelled;
	case SOURCE_OFFER: return source_may_offer(w);
	case SOURCE_OFFER_WITHOUT_SPEECH:
		return source_may_offer(w) && w->a.transfer != TRANSFER_NONE;
	case PASSED_OFFER_ANSWERED: return !w->own_update && is_open(remote->offer_out);
	case REMOTE_OFFER: return remote_may_offer(w);
	case REMOTE_OFFER_ANSWERED: return w->access_asked && is_open(remote->offer_in);
	case SOURCE_BYE_503:
	case SOURCE_BYE: return lives(w, SOURCE_ACCESS_LEG);
	case REMOTE_BYE: return lives(w, REMOTE_LEG);
	case TARGET_BYE_487: /* before its 200 it knows no tag of ours */
	case TARGET_BYE: return target->state == LEG_ESTABLISHED;
	case BYE_ANSWERED: return target->state == LEG_ENDING;
	case NEXT_WAIT: return next_wait(w) != 0;
	default: return false;
	}
}

static void stn_sr_invite(struct world *w, struct leg_actions *actions)
{
	*leg_of(w, TARGET_ACCESS_LEG) =
		(struct leg){.state = LEG_INVITED, .invite = PENDING, .is_calling = true};
	w->n_transfers++;
	sccas_transfer(&w->a, w->now_ms, T1_MS, actions);
}

static void update_answered(struct world *w, unsigned status, struct leg_actions *actions)
{
	leg_of(w, REMOTE_LEG)->offer_out = NO_HANDLE;
	w->own_update = false;
	if (status == 481)
		close_leg(w, REMOTE_LEG, LEG_OVER);
	sccas_update_answered(&w->a, w->settings, status, w->now_ms, AGAIN_MS, actions);
}

static void source_offers(struct world *w, unsigned speech, struct leg_actions *actions)
{
	struct leg *source = leg_of(w, SOURCE_ACCESS_LEG);

	source->offer_in = PENDING;
	switch (sccas_source_leg_offers(&w->a, speech, actions)) {
	case SOURCE_OFFER_PASS:
		must(w, w->a.access == SOURCE_ACCESS_LEG,
		     "an offer passes from a leg that was left");
		leg_of(w, REMOTE_LEG)->offer_out = PENDING;
		w->own_update = false;
		break;
	case SOURCE_OFFER_REFUSE:
		must(w, speech == SDP_NO_SPEECH, "speech is refused");
		source->offer_in = NO_HANDLE;
		break;
	case SOURCE_OFFER_TAKEN: break;
	}
}

static void bye(struct world *w, enum event event, struct leg_actions *actions)
{
	if (event == REMOTE_BYE) {
		close_leg(w, REMOTE_LEG, LEG_OVER);
		sccas_remote_leg_released(&w->a, actions);
	} else if (event == SOURCE_BYE || event == SOURCE_BYE_503) {
		close_leg(w, SOURCE_ACCESS_LEG, LEG_OVER);
		sccas_source_leg_released(&w->a, w->settings, event == SOURCE_BYE_503, w->now_ms,
					  actions);
	} else {
		close_leg(w, TARGET_ACCESS_LEG, LEG_OVER);
		sccas_target_leg_released(&w->a, w->settings, event == TARGET_BYE_487, w->now_ms,
					  actions);
	}
}

static void acknowledged(struct world *w, bool is_there, struct leg_actions *actions)
{
	leg_of(w, TARGET_ACCESS_LEG)->unacked_cseq = 0;
	if (is_there)
		sccas_transfer_acknowledged(&w->a, w->settings, w->now_ms, actions);
	else
		sccas_transfer_not_acknowledged(&w->a, actions);
}

/* Offers that only pass: the procedures see nothing of them but the state of the legs. */
static void passing(struct world *w, enum event event)
{
	struct leg *remote = leg_of(w, REMOTE_LEG);

	switch (event) {
	case PASSED_OFFER_ANSWERED:
		remote->offer_out = NO_HANDLE;
		leg_of(w, SOURCE_ACCESS_LEG)->offer_in = NO_HANDLE;
		break;
	case REMOTE_OFFER:
		remote->offer_in = PENDING;
		w->access_asked = true;
		break;
	case REMOTE_OFFER_ANSWERED:
		remote->offer_in = NO_HANDLE;
		w->access_asked = false;
		break;
	default: leg_of(w, TARGET_ACCESS_LEG)->state = LEG_OVER; break;
	}
}

static void happen(struct world *w, enum event event)
{
	struct leg_actions actions = {.n = 0};
	bool was_ending = w->a.is_ending;

	w->now_ms += event != NEXT_WAIT;
	switch (event) {
	case STN_SR_INVITE: stn_sr_invite(w, &actions); break;
	case ITS_CANCEL: sccas_transfer_cancelled(&w->a, true, w->now_ms, &actions); break;
	case ITS_ACK: acknowledged(w, true, &actions); break;
	case NO_ACK: acknowledged(w, false, &actions); break;
	case UPDATE_200: update_answered(w, 200, &actions); break;
	case UPDATE_487: update_answered(w, 487, &actions); break;
	case UPDATE_488: update_answered(w, 488, &actions); break;
	case UPDATE_491: update_answered(w, 491, &actions); break;
	case UPDATE_481: update_answered(w, 481, &actions); break;
	case SOURCE_OFFER: source_offers(w, SDP_SPEECH_BOTH_WAYS, &actions); break;
	case SOURCE_OFFER_WITHOUT_SPEECH: source_offers(w, SDP_NO_SPEECH, &actions); break;
	case SOURCE_BYE_503:
	case SOURCE_BYE:
	case REMOTE_BYE:
	case TARGET_BYE_487:
	case TARGET_BYE: bye(w, event, &actions); break;
	case NEXT_WAIT:
		w->now_ms = next_wait(w) > w->now_ms ? next_wait(w) : w->now_ms;
		sccas_wait_over(&w->a, w->settings, w->now_ms, &actions);
		break;
	default: passing(w, event); break;
	}
	step_done(w, &actions, was_ending);
	must(w, !w->a.is_ending || next_wait(w) == 0, "a wait after the end");
}

/* ---------------------------------------------------------------- the end of an order */

static bool is_still(const struct world *w)
{
	for (unsigned i = 0; i < ANCHORED_LEGS; i++) {
		const struct leg *leg = &w->a.legs[i];

		if (is_open(leg->offer_in) || is_open(leg->offer_out) || is_open(leg->invite) ||
		    leg->unacked_cseq || leg->state == LEG_ENDING)
			return false;
	}
	return next_wait(w) == 0;
}

static void check_end(const struct world *w)
{
	bool source = lives(w, SOURCE_ACCESS_LEG), target = lives(w, TARGET_ACCESS_LEG);

	if (!lives(w, REMOTE_LEG)) {
		must(w, !source && !target, "an access leg is left without a remote leg");
		must(w, w->a.is_ending && w->a.why != CLAUSE_NONE, "an end without a reason");
		return;
	}
	must(w, source != target, "not one access leg in the end");
	must(w, lives(w, (enum anchored_leg)w->a.access), "joined with a leg that is gone");
	must(w, is_settled(w), "a transfer that does not end");
	must(w, !w->a.is_ending, "it is ending, and does not");
	must(w, !w->a.source_offer_waits, "somebody waits for ever");
	must(w, (w->a.transfer == TRANSFER_DONE) == target, "moved, or not moved");
}

enum manner {
	WELL,     /* everything is answered, and well */
	BADLY,    /* refused, or not at all */
	STUBBORN, /* the remote party says 491 to each transfer */
	MANNERS,
};

#define RUN_OUT_EVENTS 6u
static const enum event remaining[MANNERS][RUN_OUT_EVENTS] = {
	[WELL] = {PASSED_OFFER_ANSWERED, REMOTE_OFFER_ANSWERED, UPDATE_200, ITS_ACK, BYE_ANSWERED,
		  NEXT_WAIT},
	[BADLY] = {NEXT_WAIT, PASSED_OFFER_ANSWERED, REMOTE_OFFER_ANSWERED, UPDATE_488, NO_ACK,
		   BYE_ANSWERED},
	[STUBBORN] = {NEXT_WAIT, PASSED_OFFER_ANSWERED, REMOTE_OFFER_ANSWERED, UPDATE_491, ITS_ACK,
		      BYE_ANSWERED},
};

static enum event what_remains(const struct world *w, enum manner manner)
{
	for (unsigned i = 0; i < RUN_OUT_EVENTS; i++) {
		enum event event = remaining[manner][i];

		/* To give media back is tried for as long as it takes. */
		if (event == UPDATE_491 && w->a.transfer != TRANSFER_UPDATING)
			event = UPDATE_200;
		if (is_possible(w, event))
			return event;
	}
	return EVENTS;
}

/* Everything that is open comes to an end. */
static void run_out(struct world w, enum manner manner)
{
	for (unsigned n = 0; !is_still(&w); n++) {
		enum event event = what_remains(&w, manner);

		must(&w, n < RUN_OUT_MAX, "it does not come to rest");
		must(&w, event != EVENTS, "something is open that nobody will answer");
		happen(&w, event);
	}
	check_end(&w);
}

static void count(struct tally *tally, const struct world *w)
{
	tally->orders++;
	tally->ended += w->a.is_ending;
	tally->transferred += w->a.transfer == TRANSFER_DONE;
	tally->returned += w->a.verdict == VERDICT_RETURNED;
	tally->kept += w->a.verdict == VERDICT_KEPT;
}

/* Every order that begins like this one, `more` events further at most. */
static void explore(const struct world *before, unsigned more, struct tally *tally)
{
	for (enum event event = 0; event < EVENTS && more; event++) {
		struct world w;

		if (!is_possible(before, event))
			continue;
		w = *before;
		w.order[w.n_order++] = letters[event];
		happen(&w, event);
		count(tally, &w);
		for (unsigned manner = 0; manner < MANNERS; manner++)
			run_out(w, (enum manner)manner);
		explore(&w, more - 1, tally);
	}
}

static struct world established(const struct sccas_settings *settings)
{
	struct world w = {.settings = settings, .now_ms = BEGAN_MS};

	memcpy(w.a.c_msisdn, "+491711000001", sizeof("+491711000001"));
	w.a.access = SOURCE_ACCESS_LEG;
	w.a.speech = SDP_SPEECH_BOTH_WAYS;
	w.a.active_order = 1;
	w.a.legs[SOURCE_ACCESS_LEG].state = w.a.legs[REMOTE_LEG].state = LEG_ESTABLISHED;
	return w;
}

static struct tally explore_with(unsigned hold_ms, unsigned delay_ms, unsigned n_events)
{
	struct sccas_settings settings = sccas_settings_default();
	struct tally tally = {0};
	struct world w;

	settings.bye_hold_ms = hold_ms;
	settings.source_release_delay_ms = delay_ms;
	w = established(&settings);
	explore(&w, n_events, &tally);
	print_message("orders %llu: %llu ended, %llu transferred, %llu returned, %llu kept\n",
		      (unsigned long long)tally.orders, (unsigned long long)tally.ended,
		      (unsigned long long)tally.transferred, (unsigned long long)tally.returned,
		      (unsigned long long)tally.kept);
	return tally;
}

/* @req SV-20b SV-41 SV-47 SV-50b SV-50d SV-60 SV-61a SV-62 SV-63 SV-66 SV-72a */
static void test_sv_20_sv_41_sv_61_every_order_with_the_default_times(void **state)
{
	struct tally tally;

	(void)state;
	tally = explore_with(8000, 8000, DEPTH + 1);
	assert_true(tally.orders >= 700000);
	assert_true(tally.transferred > 0 && tally.returned > 0 && tally.kept > 0);
}

/* The end of the hold before, and after, everything else that is waited for. */
static void test_sv_42_sv_50b_every_order_with_other_times(void **state)
{
	static const struct {
		unsigned hold_ms, delay_ms;
	} times[] = {{100, 8000}, {8000, 100}, {60000, 8000}, {8000, 60000}};

	(void)state;
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_true(explore_with(times[i].hold_ms, times[i].delay_ms, DEPTH).orders >=
			    190000);
}

static void test_sv_43_sv_22_every_order_without_hold_and_delay(void **state)
{
	struct tally tally;

	(void)state;
	tally = explore_with(0, 0, DEPTH);
	assert_true(tally.orders >= 150000);
	assert_int_equal(tally.kept, 0);
}

/* And with the rule broken (a switch for tests) it does not. */
static void test_sv_41_the_end_of_the_hold_waits_for_the_transfer(void **state)
{
	struct sccas_settings settings = sccas_settings_default();
	struct world w;

	(void)state;
	settings.test_forget_hold = true;
	w = established(&settings);
	happen(&w, SOURCE_BYE_503);
	happen(&w, STN_SR_INVITE);
	happen(&w, NEXT_WAIT);
	assert_true(w.a.is_ending); /* the right rule goes on with the transfer: */
	settings.test_forget_hold = false;
	w = established(&settings);
	happen(&w, SOURCE_BYE_503);
	happen(&w, STN_SR_INVITE);
	happen(&w, NEXT_WAIT);
	assert_false(w.a.is_ending);
	assert_int_equal(w.a.transfer, TRANSFER_UPDATING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sv_20_sv_41_sv_61_every_order_with_the_default_times),
		cmocka_unit_test(test_sv_42_sv_50b_every_order_with_other_times),
		cmocka_unit_test(test_sv_43_sv_22_every_order_without_hold_and_delay),
		cmocka_unit_test(test_sv_41_the_end_of_the_hold_waits_for_the_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
