/* TS 24.229 §5.4.5.1.3  S-CSCF: abnormal cases while releasing
 *
 * A request of a party inside a dialog that we are releasing: 481. Nothing of the party whose name
 * our BYE carried is forwarded after it: its CSeq number would be ours or lower. */
#include "roles/scscf/scscf.h"

/* @req SC-8 RC-1 RC-10 RC-17 RC-22 */
void scscf_request_while_releasing(struct session *session, struct dialog *dialog,
				   enum dialog_side from, const struct sip_message *request,
				   struct random *random, struct actions *out)
{
	if (request->method != SIP_ACK) {
		/* RC-17: who says BYE has had the 2xx, though its ACK was lost, and needs no BYE. */
		bool hung_up = request->method == SIP_BYE && from == SIDE_CALLING &&
			       dialog->outcome[SIDE_CALLING] == LEG_WAITING_FOR_ACK;

		if (hung_up)
			dialog->outcome[SIDE_CALLING] = LEG_HUNG_UP;
		act(out, (struct action){.verb = ANSWER_REQUEST,
					 .clause = hung_up ? CLAUSE_PARTY_HUNG_UP
							   : CLAUSE_REQUEST_WHILE_RELEASING,
					 .dialog = dialog,
					 .status = 481});
		return;
	}
	if (from == SIDE_CALLING && dialog->ack_is_ours && request->cseq == dialog->invite_cseq) {
		act(out, (struct action){.verb = ANSWER_REQUEST,
					 .clause = CLAUSE_ACK_ABSORBED,
					 .dialog = dialog});
		scscf_release_ack_wait_over(session, dialog, random, out);
		return;
	}
	/* An ACK takes no number of its own: that of a re-INVITE answered before the release still
	 * goes through, or the other side would repeat its 2xx (RFC 3261 §13.3.1.4). */
	if (dialog->unacked_cseq[from] == request->cseq)
		act(out, (struct action){.verb = FORWARD_REQUEST,
					 .clause = CLAUSE_FORWARD_REQUEST,
					 .dialog = dialog});
	else
		act(out, (struct action){.verb = ANSWER_REQUEST,
					 .clause = CLAUSE_REQUEST_WHILE_RELEASING,
					 .dialog = dialog});
}
