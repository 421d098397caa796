/* TS 24.237 §12.3.3.1  SCC AS procedures for SR-VCC, abnormal case: SR-VCC cancelled by MME */
#include "roles/sccas/sccas.h"

#include "sip/sdp.h"

/* @req SV-60 SV-61 SV-63 SV-65
 * Told by its description, not by its Reason, which older UEs leave out. */
enum source_offer_verdict sccas_source_leg_offers(struct anchored_session *a, unsigned speech,
						  struct leg_actions *out)
{
	if (a->transfer == TRANSFER_NONE) {
		if (a->is_kept) /* the UE is there: it needs no MSC server */
			a->source_release_at_ms = 0;
		a->is_kept = false;
		return SOURCE_OFFER_PASS;
	}
	/* DEVIATION: docs/adr/0032 */
	if (speech == SDP_NO_SPEECH)
		return SOURCE_OFFER_REFUSE;
	switch (a->transfer) {
	case TRANSFER_DONE:
	case TRANSFER_ALERTING: /* an UPDATE: the INVITE is not completed before the call is answered */
		sccas_return(a, out);
		return SOURCE_OFFER_TAKEN;
	default:
		a->source_offer_waits = true; /* until the transaction is completed */
		a->source_release_at_ms = 0;
		return SOURCE_OFFER_TAKEN;
	}
}

/* @req SV-20d */
bool sccas_remote_leg_offers(struct anchored_session *a, struct leg_actions *out)
{
	const struct leg *remote = &a->legs[REMOTE_LEG];

	if ((a->transfer != TRANSFER_WAITING && a->transfer != TRANSFER_RESTORING_SOURCE &&
	     a->transfer != TRANSFER_RESTORING_TARGET) ||
	    !a->update_again_at_ms || handle_is_set(remote->offer_out))
		return false;
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_OFFER_MEETS_TRANSFER,
					 .leg = REMOTE_LEG,
					 .status = 200});
	return true;
}
