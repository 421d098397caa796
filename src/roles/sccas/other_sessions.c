/* TS 24.237 §12.3.2  The other sessions of a user of whom one was transferred: TS 23.237 §4.3.1.2.2, §6.3.2.1.4a */
#include "roles/sccas/sccas.h"

#include "sip/sdp.h"

/* @req SV-9a  The feature is the UE's, the MSC server's and the operator's; a held session that was transferred
 * because none was active stays alone. */
bool sccas_keeps_another(const struct anchored_session *a, const struct sccas_settings *s)
{
	return s->mid_call && a->ue.mid_call && a->msc.mid_call && a->was_active;
}

/* @req SV-9 SV-27  Those whose source leg is gone have a window of their own (SV-51), those with a transfer of
 * their own have that. */
bool sccas_is_other_session(const struct anchored_session *other)
{
	return !other->is_ending && other->transfer == TRANSFER_NONE &&
	       leg_is_alive(&other->legs[SOURCE_ACCESS_LEG]) &&
	       other->legs[REMOTE_LEG].state == LEG_ESTABLISHED && other->speech != SDP_NO_SPEECH;
}

/* @req SV-9a  The second session is held from now on. */
void sccas_keep_for_additional(struct anchored_session *kept, const struct sccas_settings *s,
			       uint64_t now_ms, struct leg_actions *out)
{
	kept->is_kept = true;
	kept->source_release_at_ms = now_ms + s->source_release_delay_ms;
	sccas_hold_kept(kept, out);
}

void sccas_hold_kept(struct anchored_session *kept, struct leg_actions *out)
{
	if (kept->speech == SDP_SPEECH_BOTH_WAYS && sccas_remote_leg_is_free(kept))
		leg_act(out, (struct leg_action){.verb = LEG_HOLD,
						 .clause = CLAUSE_OTHER_SESSION_KEPT,
						 .leg = REMOTE_LEG});
}
