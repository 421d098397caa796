/* TS 24.237 §12.3.3.1  SCC AS procedures for SR-VCC, abnormal case: SR-VCC cancelled by MME */
#include "roles/sccas/sccas.h"

#include "sip/sdp.h"

/* @req SV-60 SV-61 SV-63 SV-65
 * Told by its description, not by its Reason, which older UEs leave out. */
enum source_offer_verdict sccas_source_leg_offers(struct anchored_session *a, unsigned speech,
						  struct leg_actions *out)
{
	if (a->transfer == TRANSFER_NONE)
		return SOURCE_OFFER_PASS;
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
		return SOURCE_OFFER_TAKEN;
	}
}
