/* How the race between the end of the source access leg and the INVITE due to STN-SR was decided: TS 24.237
 * §12.3.1, §12.3.3. */
#include "node/ladder_parts.h"

static void put_sentence_end(struct text_writer *w, unsigned clause)
{
	ladder_put_clause(w, clause);
	text_put_literal(w, ".\n");
}

/* What the source access leg ended with: before the answer it is no BYE. */
static void put_bye(struct text_writer *w, const struct node_session_report *s)
{
	bool is_early;

	if (s->legs[SOURCE_ACCESS_LEG].outcome == LEG_TIMED_OUT) { /* docs/adr/0027 */
		text_put_literal(w, "481 (or silence)");
		return;
	}
	is_early = !s->answered_ms || s->answered_ms > s->transfer.source_bye_ms;

	text_put(w, !is_early                     ? TEXT("BYE")
		    : strcmp(s->served, "called") ? TEXT("CANCEL")
						  : TEXT("refusal"));
	if (s->transfer.source_bye_was_503)
		text_put_literal(w, " (503)");
}

static bool is_bye_first(const struct node_transfer_report *t)
{
	return t->source_bye_ms && t->source_bye_ms <= t->stn_sr_ms;
}

/* "INVITE due to STN-SR 7.912 s after BYE (503), window 8 s" */
static void put_invite(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	text_put_literal(w, "INVITE due to STN-SR ");
	if (is_bye_first(t)) {
		ladder_put_seconds(w, t->stn_sr_ms - t->source_bye_ms);
		text_put_literal(w, " after ");
		put_bye(w, s);
		text_put_literal(w, ", window ");
		ladder_put_window(w, t->hold_ms);
	} else {
		ladder_put_seconds(w, t->stn_sr_ms - s->began_ms);
		text_put_literal(w, " after the call began");
	}
}

/* "BYE (503) of the source access leg 0.310 s after the INVITE due to STN-SR" */
static void put_later_bye(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	put_bye(w, s);
	text_put_literal(w, " of the source access leg ");
	ladder_put_seconds(w, t->source_bye_ms - t->stn_sr_ms);
	text_put_literal(w, " after the INVITE due to STN-SR");
}

/* The media of a UE that came back, as counted from what it came back from. */
static void put_return(struct text_writer *w, const struct node_transfer_report *t)
{
	bool was_complete =
		t->transferred_ms >= t->stn_sr_ms && t->came_back_ms > t->transferred_ms;

	text_put_literal(w, "The UE came back ");
	ladder_put_seconds(w, t->came_back_ms - (was_complete ? t->transferred_ms : t->stn_sr_ms));
	text_put(w, was_complete ? TEXT(" after the transfer")
				 : TEXT(" after the INVITE due to STN-SR"));
}

/* Until then the UE may come back. */
static void put_source_release(struct text_writer *w, const struct node_session_report *s,
			       uint64_t now_ms)
{
	uint64_t at_ms = s->transfer.source_release_ms;

	if (!at_ms || s->state >= SESSION_RELEASING)
		return;
	text_put_literal(w, "The source access leg is released in ");
	ladder_put_seconds(w, at_ms > now_ms ? at_ms - now_ms : 0);
	text_put_literal(w, ", at ");
	ladder_put_seconds(w, at_ms - s->began_ms);
	text_put_literal(w, ", unless the UE returns");
	put_sentence_end(w, CLAUSE_SOURCE_RELEASE_DELAY);
}

static void put_transferred(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	put_invite(w, s);
	text_put_literal(w, ": transferred to the MSC server");
	put_sentence_end(w, CLAUSE_TRANSFERRED);
	if (t->source_bye_ms >= t->stn_sr_ms) {
		put_later_bye(w, s);
		text_put_literal(w, ": only that leg ended");
		put_sentence_end(w, CLAUSE_HOLD);
	}
	if (t->came_back_ms > t->stn_sr_ms) {
		put_return(w, t);
		text_put_literal(w, ", but its media stayed on the target access leg");
		put_sentence_end(w, CLAUSE_NOT_RETURNED);
	}
}

static void put_what_failed(struct text_writer *w, const struct node_transfer_report *t)
{
	if (t->failed_status == 487)
		text_put_literal(w, "the MSC server cancelled it");
	else
		text_printf(w, "the transfer failed (%u)", t->failed_status);
}

/* The call went on on the source access leg. */
static void put_failed_before(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	if (!t->failed_ms || t->failed_ms < t->stn_sr_ms)
		return;
	text_put_literal(w, "INVITE due to STN-SR ");
	ladder_put_seconds(w, t->stn_sr_ms - s->began_ms);
	text_put_literal(w, " after the call began, but ");
	put_what_failed(w, t);
	text_put_literal(w, ": the call stayed on the source access leg");
	put_sentence_end(w, CLAUSE_TRANSFER_FAILED);
}

/* An INVITE that came in the window, and did not save the call. The window goes on, for another one. */
static void put_failed_inside(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	if (!t->failed_ms || !t->source_bye_ms || t->failed_ms < t->source_bye_ms)
		return;
	text_put_literal(w, "One INVITE due to STN-SR has failed: ");
	if (t->failed_status == 487)
		text_put_literal(w, "the MSC server cancelled it");
	else if (t->failed_status == 504)
		text_put_literal(w, "the MSC server did not acknowledge our 183");
	else
		text_printf(w, "remote party %u", t->failed_status);
	text_put_literal(w, " at ");
	ladder_put_seconds(w, t->failed_ms - s->began_ms);
	put_sentence_end(w, CLAUSE_TRANSFER_FAILED);
}

static void put_window_over(struct text_writer *w, const struct node_session_report *s)
{
	text_put_literal(w, "No INVITE due to STN-SR within ");
	ladder_put_window(w, s->transfer.hold_ms);
	text_put_literal(w, " after ");
	put_bye(w, s);
	text_put_literal(w, ": remote leg released");
	put_sentence_end(w, CLAUSE_HOLD_OVER);
	put_failed_inside(w, s);
}

static void put_failed(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	if (t->failed_ms < t->source_bye_ms) { /* that was before; after the BYE none came */
		put_failed_before(w, s);
		put_window_over(w, s);
		return;
	}
	if (t->source_bye_ms > t->stn_sr_ms) {
		put_later_bye(w, s);
		if (t->hold_ms) {
			text_put_literal(w, ", window ");
			ladder_put_window(w, t->hold_ms);
		}
	} else {
		put_invite(w, s);
	}
	text_put_literal(w, ", but ");
	put_what_failed(w, t);
	text_put_literal(w, ": remote leg released");
	put_sentence_end(w, t->hold_ms ? CLAUSE_HOLD_OVER : CLAUSE_TRANSFER_FAILED);
}

static void put_not_held(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	put_failed_before(w, s);
	if (!t->source_bye_was_503) {
		text_put_literal(w, "BYE without 503 on the source access leg: not held");
		put_sentence_end(w, CLAUSE_SOURCE_LEG_ENDED);
		return;
	}
	text_put_literal(w, "BYE (503) on the source access leg: not held, since nothing could be "
			    "transferred (no answered call, no speech, not a user of the file) or "
			    "the window is 0");
	put_sentence_end(w, CLAUSE_SOURCE_LEG_ENDED);
}

/* What is not decided yet. */
static void put_pending(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms)
{
	const struct node_transfer_report *t = &s->transfer;

	if (t->hold_until_ms) {
		put_bye(w, s);
		text_put_literal(w, " on the source access leg ");
		ladder_put_seconds(w, now_ms - t->source_bye_ms);
		text_put_literal(w, " ago: the remote leg is held for ");
		ladder_put_seconds(w, t->hold_until_ms > now_ms ? t->hold_until_ms - now_ms : 0);
		text_put_literal(w, " more, window ");
		ladder_put_window(w, t->hold_ms);
		put_sentence_end(w, CLAUSE_HOLD);
		put_failed_inside(w, s);
	}
	if (t->state != TRANSFER_NONE && t->state != TRANSFER_DONE) {
		text_put_literal(w, "INVITE due to STN-SR ");
		ladder_put_seconds(w, now_ms - t->stn_sr_ms);
		text_printf(w, " ago: %s", transfer_state_name(t->state));
		put_sentence_end(w, CLAUSE_STN_SR);
	}
}

/* The call ended inside the window by other means: the remote party hung up, or the operator. */
static void put_undecided(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	if (!t->source_bye_ms || !t->hold_ms || s->state < SESSION_RELEASING)
		return;
	put_bye(w, s);
	text_put_literal(w, " on the source access leg, remote leg held, window ");
	ladder_put_window(w, t->hold_ms);
	text_put_literal(w, ": the call ended before it was decided");
	put_sentence_end(w, CLAUSE_HOLD);
}

static bool is_pending(const struct node_session_report *s)
{
	const struct node_transfer_report *t = &s->transfer;

	return s->state < SESSION_RELEASING &&
	       (t->hold_until_ms || (t->state != TRANSFER_NONE && t->state != TRANSFER_DONE));
}

void ladder_put_transfer(struct text_writer *w, const struct node_session_report *s,
			 uint64_t now_ms)
{
	const struct node_transfer_report *t = &s->transfer;

	if (is_pending(s)) {
		put_pending(w, s, now_ms);
		return;
	}
	switch (t->verdict) {
	case VERDICT_NONE:
		put_failed_before(w, s);
		put_undecided(w, s);
		break;
	case VERDICT_TRANSFERRED:
		put_transferred(w, s);
		put_source_release(w, s, now_ms);
		break;
	case VERDICT_KEPT:
		put_invite(w, s);
		text_put_literal(w, ": kept");
		put_sentence_end(w, CLAUSE_HOLD);
		break;
	case VERDICT_WINDOW_OVER: put_window_over(w, s); break;
	case VERDICT_NOT_HELD: put_not_held(w, s); break;
	case VERDICT_TRANSFER_FAILED: put_failed(w, s); break;
	case VERDICT_RETURNED:
		if (t->came_back_ms < t->stn_sr_ms) { /* one more transfer, which failed */
			put_failed_before(w, s);
			break;
		}
		put_return(w, t);
		text_put_literal(w, ": back on the source access leg");
		put_sentence_end(w, CLAUSE_RETURNED);
		break;
	}
}
