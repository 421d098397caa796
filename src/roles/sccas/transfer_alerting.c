/* TS 24.237 §12.3  PS to CS SRVCC of a session in the (pre-)alerting phase: TS 23.237 §6.3.2.1.4c, §6.3.2.1.4d
 *
 * The remote leg was updated while early; the INVITE due to STN-SR has a provisional response with the answer
 * and gets its 200 when the call is answered: by the remote party, or by the CS user as the MSC server says. */
#include "roles/sccas/sccas.h"

static void answer(struct anchored_session *a, enum anchored_leg leg, uint16_t status,
		   struct leg_actions *out)
{
	(void)a;
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_ALERTING_TRANSFERRED,
					 .leg = leg,
					 .status = status});
}

/* The remote party has the media of the MSC server. */
void sccas_alerting_moved(struct anchored_session *a, struct leg_actions *out)
{
	a->transfer = TRANSFER_ALERTING;
	a->access = TARGET_ACCESS_LEG;
	a->update_until_ms = 0;
	a->hold_until_ms = 0;
	answer(a, TARGET_ACCESS_LEG, 183, out);
}

/* @req SV-28a SV-29a */
void sccas_progress_acknowledged(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms)
{
	if (a->transfer == TRANSFER_ALERTING && leg_is_alive(&a->legs[SOURCE_ACCESS_LEG]))
		a->source_release_at_ms = now_ms + s->source_release_delay_ms;
}

/* @req SV-29 SV-30 */
bool sccas_remote_party_answered(struct anchored_session *a, struct leg_actions *out)
{
	switch (a->transfer) {
	case TRANSFER_NONE:
		return a->hold_until_ms != 0; /* @req SV-53  nobody else to hear it yet */
	case TRANSFER_ALERTING:
		a->transfer = TRANSFER_ANSWERED;
		answer(a, TARGET_ACCESS_LEG, 200, out);
		return true;
	default: return true; /* what is under way will find it answered */
	}
}

/* @req SV-28 */
bool sccas_call_accepted(struct anchored_session *a, struct leg_actions *out)
{
	if (a->transfer != TRANSFER_ALERTING || !a->is_terminating || a->is_ending)
		return false;
	a->transfer = TRANSFER_ANSWERED;
	answer(a, REMOTE_LEG, 200, out);
	answer(a, TARGET_ACCESS_LEG, 200, out);
	return true;
}

/* @req SV-28a SV-53
 * The UE's final response, not a 2xx, to the INVITE of a terminating session; or its CANCEL (503) while the
 * remote party rings. true: that is between the UE and this server; false: it ends the call. */
bool sccas_source_leg_failed(struct anchored_session *a, const struct sccas_settings *s,
			     bool is_loss_of_bearer, uint64_t now_ms, struct leg_actions *out)
{
	if (a->transfer == TRANSFER_NONE &&
	    !(is_loss_of_bearer && s->hold_early && a->c_msisdn[0] && sccas_is_alerting(a, s)))
		return false;
	sccas_source_leg_released(a, s, is_loss_of_bearer, now_ms, out);
	return true;
}
