/* TS 23.237 §4.3.1.2.2, TS 24.237 §12.3.1  Which session an INVITE due to STN-SR transfers */
#include "roles/sccas/sccas.h"

#include "sip/sdp.h"

bool sccas_is_alerting(const struct anchored_session *a, const struct sccas_settings *s)
{
	if (a->legs[REMOTE_LEG].state != LEG_EARLY || a->speech == SDP_NO_SPEECH)
		return false;
	return a->is_ringing ? s->alerting && a->ue.alerting
			     : s->pre_alerting && a->ue.pre_alerting && !a->is_terminating;
}

bool sccas_is_transferable(const struct anchored_session *a, const struct sccas_settings *s,
			   struct sccas_features msc)
{
	const struct leg *remote = &a->legs[REMOTE_LEG], *target = &a->legs[TARGET_ACCESS_LEG];

	/* After a cancelled transfer a new one waits until the remote leg is free again (docs/adr/0030). */
	if (a->is_ending ||
	    (a->transfer != TRANSFER_NONE && a->transfer != TRANSFER_GIVEN_UP &&
	     a->transfer != TRANSFER_RESTORING_SOURCE) ||
	    a->access != SOURCE_ACCESS_LEG ||
	    (target->state != LEG_UNUSED && target->state != LEG_OVER))
		return false;
	if (remote->state == LEG_ESTABLISHED)
		return a->speech != SDP_NO_SPEECH;
	return sccas_is_alerting(a, s) && (a->is_ringing ? msc.alerting : msc.pre_alerting);
}

/* Active ones before held ones, and of each kind the one that became so last. */
bool sccas_is_preferred(const struct anchored_session *a, const struct anchored_session *b)
{
	bool a_answered = a->legs[REMOTE_LEG].state == LEG_ESTABLISHED;
	bool b_answered = b->legs[REMOTE_LEG].state == LEG_ESTABLISHED;
	bool a_active = a->speech == SDP_SPEECH_BOTH_WAYS,
	     b_active = b->speech == SDP_SPEECH_BOTH_WAYS;

	if (a_answered != b_answered)
		return a_answered;
	if (a_active != b_active)
		return a_active;
	return a->active_order > b->active_order;
}

void sccas_speech_changed(struct anchored_session *a, unsigned speech, uint32_t order)
{
	if (speech == a->speech)
		return;
	a->speech = (uint8_t)speech;
	a->active_order = order;
}
