/* TS 24.237 §12.3.3.2  SCC AS procedures for SR-VCC, abnormal case: P-CSCF releasing the source access leg during SR-VCC */
#include "roles/sccas/sccas.h"

#include "sip/sdp.h"

/* @req SV-49 */
static bool may_be_held(const struct anchored_session *a, const struct sccas_settings *s)
{
	const struct leg *remote = &a->legs[REMOTE_LEG];

	if (s->bye_hold_ms == 0 ||
	    (remote->state != LEG_ESTABLISHED && !(s->hold_early && remote->state == LEG_EARLY)))
		return false;
	return !s->hold_only_if_eligible || (a->c_msisdn[0] && a->speech != SDP_NO_SPEECH);
}

bool sccas_survives_loss_of_source(const struct anchored_session *a, const struct sccas_settings *s)
{
	return a->transfer != TRANSFER_NONE || may_be_held(a, s);
}

/* @req SV-40 SV-41 SV-47 SV-48 */
void sccas_source_leg_released(struct anchored_session *a, const struct sccas_settings *s,
			       bool has_503, uint64_t now_ms, struct leg_actions *out)
{
	bool is_held = has_503 && may_be_held(a, s);

	if (a->is_ending)
		return;
	a->source_bye_at_ms = now_ms;
	a->source_bye_was_503 = has_503;
	a->source_release_at_ms = 0;
	a->source_offer_waits = false;
	a->hold_ms = is_held ? s->bye_hold_ms : 0;
	switch (a->transfer) {
	case TRANSFER_NONE:
	case TRANSFER_RESTORING_SOURCE:
		if (is_held) {
			a->hold_until_ms = now_ms + s->bye_hold_ms;
			if (a->update_again_at_ms) /* nobody is left whose media they were */
				a->transfer = TRANSFER_NONE;
			a->update_again_at_ms = 0;
		} else {
			a->verdict = VERDICT_NOT_HELD;
			sccas_release_all(a, CLAUSE_SOURCE_LEG_ENDED, 480, out);
		}
		break;
	case TRANSFER_WAITING:
	case TRANSFER_UPDATING:
	case TRANSFER_GIVEN_UP: /* docs/adr/0027: a transfer that fails has a deadline too */
		a->hold_until_ms = is_held ? now_ms + s->bye_hold_ms : 0;
		if (!is_held && a->transfer == TRANSFER_GIVEN_UP)
			sccas_transfer_came_to_nothing(a, now_ms, false, out);
		break;
	case TRANSFER_RETURN_WAITING: sccas_stays_on_target(a, out); break;
	case TRANSFER_RETURNING:
		a->transfer = TRANSFER_RETURN_LOST;
		leg_act(out, (struct leg_action){.verb = LEG_CANCEL_UPDATE,
						 .clause = CLAUSE_SOURCE_LEG_ENDED,
						 .leg = REMOTE_LEG});
		break;
	default: break;
	}
	/* @req SV-66  nobody can come back any more */
	if ((a->transfer == TRANSFER_DONE || a->transfer == TRANSFER_RETURN_LOST) &&
	    !leg_is_alive(&a->legs[TARGET_ACCESS_LEG]))
		sccas_release_all(a, CLAUSE_SOURCE_LEG_ENDED, 480, out);
}

/* @req SV-42 SV-46 */
void sccas_hold_over(struct anchored_session *a, const struct sccas_settings *s,
		     struct leg_actions *out)
{
	if (s->test_forget_hold) {
		sccas_release_all(a, CLAUSE_HOLD_OVER, 480, out);
		return;
	}
	switch (a->transfer) {
	case TRANSFER_NONE:
	case TRANSFER_GIVEN_UP: /* its answer is not waited for */
	case TRANSFER_RESTORING_SOURCE:
		a->verdict = a->stn_sr_came ? VERDICT_TRANSFER_FAILED : VERDICT_WINDOW_OVER;
		sccas_release_all(a, CLAUSE_HOLD_OVER, 480, out);
		break;
	default: /* the transfer decides: sccas_transfer_came_to_nothing() */
		a->hold_until_ms = 0;
		break;
	}
}

/* @req SV-50 SV-63 */
void sccas_transfer_came_to_nothing(struct anchored_session *a, uint64_t now_ms,
				    bool remote_was_moved, struct leg_actions *out)
{
	a->transfer = a->update_is_out ? TRANSFER_GIVEN_UP : TRANSFER_NONE;
	a->access = SOURCE_ACCESS_LEG;
	if (a->verdict == VERDICT_TRANSFERRED || a->verdict == VERDICT_KEPT)
		a->verdict = VERDICT_NONE; /* of the alerting phase: it did not last */
	a->source_release_at_ms = 0;
	a->update_again_at_ms = a->update_until_ms = 0;
	if (!leg_is_alive(&a->legs[SOURCE_ACCESS_LEG])) {
		if (a->hold_until_ms > now_ms)
			return;
		a->verdict = VERDICT_TRANSFER_FAILED;
		sccas_release_all(a, CLAUSE_HOLD_OVER, 480, out);
		return;
	}
	if (a->transfer == TRANSFER_GIVEN_UP)
		return;              /* again when the remote leg is free */
	if (a->source_offer_waits) { /* its description moves the remote leg as well */
		a->source_offer_waits = false;
		leg_act(out, (struct leg_action){.verb = LEG_PASS_OFFER_ON,
						 .clause = CLAUSE_PASSED_ON,
						 .leg = SOURCE_ACCESS_LEG});
	} else if (remote_was_moved) {
		sccas_restore_source(a, out);
	}
	sccas_answer_on_source(a, out);
}
