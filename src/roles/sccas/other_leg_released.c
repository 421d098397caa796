/* TS 24.237 §12.3, TS 24.229 §5.7.5  BYE of the remote party, BYE of the MSC server */
#include "roles/sccas/sccas.h"

/* @req AS-2 SV-50 */
void sccas_remote_leg_released(struct anchored_session *a, struct leg_actions *out)
{
	if (!a->is_ending)
		sccas_release_all(a, CLAUSE_REMOTE_LEG_ENDED, 480, out);
}

/* @req SV-66 */
static bool may_come_back(const struct anchored_session *a, bool is_cancelled_handover)
{
	if (!leg_is_alive(&a->legs[SOURCE_ACCESS_LEG]))
		return false;
	return a->source_offer_waits || is_cancelled_handover;
}

void sccas_target_leg_released(struct anchored_session *a, const struct sccas_settings *s,
			       bool is_cancelled_handover, uint64_t now_ms, struct leg_actions *out)
{
	if (a->is_ending)
		return;
	switch (a->transfer) {
	case TRANSFER_ALERTING:
		if (is_cancelled_handover && leg_is_alive(&a->legs[SOURCE_ACCESS_LEG]))
			sccas_transfer_came_to_nothing(a, now_ms, true, out);
		else
			sccas_release_all(a, CLAUSE_TARGET_LEG_ENDED, 487, out);
		break;
	case TRANSFER_ANSWERED:
	case TRANSFER_DONE:
		if (!may_come_back(a, is_cancelled_handover)) {
			sccas_release_all(a, CLAUSE_TARGET_LEG_ENDED, 480, out);
			break;
		}
		a->transfer = TRANSFER_DONE;
		a->hold_until_ms = 0;
		if (a->source_offer_waits)
			sccas_return(a, out);
		else if (a->source_release_at_ms == 0)
			a->source_release_at_ms = now_ms + s->source_release_delay_ms;
		break;
	case TRANSFER_RETURN_LOST:
	case TRANSFER_RESTORING_TARGET:
		sccas_release_all(a, CLAUSE_TARGET_LEG_ENDED, 480, out);
		break;
	default: break; /* the media are going back: it has ended as it should */
	}
}
