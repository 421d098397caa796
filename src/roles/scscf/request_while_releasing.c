/* TS 24.229 §5.4.5.1.3  S-CSCF: abnormal cases while releasing
 *
 * A request of a party inside a dialog that we are releasing: 481. Nothing of the party whose name
 * our BYE carried is forwarded after it: its CSeq number would be ours or lower. */
#include "roles/scscf/scscf.h"

/* An ACK takes no number of its own: that of an INVITE answered before the release still goes through, or
 * the other side would repeat its 2xx (RFC 3261 §13.3.1.4). */
static void pass_ack(struct dialog *dialog, enum dialog_side from,
		     const struct sip_message *request, struct actions *out)
{
	bool is_waited_for = dialog->unacked_cseq[from] == request->cseq;

	act(out, (struct action){.verb = is_waited_for ? FORWARD_REQUEST : ANSWER_REQUEST,
				 .clause = is_waited_for ? CLAUSE_FORWARD_REQUEST
							 : CLAUSE_REQUEST_WHILE_RELEASING,
				 .dialog = dialog});
}

/* Our own BYE, or the one that a B2BUA made of it: the servers have had theirs, and the other side has been
 * released directly. */
static bool came_through_servers(const struct dialog *dialog, enum dialog_side from,
				 const struct sip_message *request)
{
	return request->method == SIP_BYE && (dialog->outcome[from] == LEG_AWAITED ||
					      dialog->outcome[from] == LEG_RELEASED_BY_SERVER);
}

/* @req SC-8 RC-1 RC-10 RC-17 RC-22 */
void scscf_request_while_releasing(struct session *session, struct dialog *dialog,
				   enum dialog_side from, const struct sip_message *request,
				   struct random *random, struct actions *out)
{
	if (request->method != SIP_ACK) {
		/* RC-17: who says BYE has had the 2xx, though its ACK was lost, and needs no BYE. */
		bool hung_up = request->method == SIP_BYE && from == SIDE_CALLING &&
			       dialog->outcome[SIDE_CALLING] == LEG_WAITING_FOR_ACK;

		if (came_through_servers(dialog, from, request)) {
			dialog->outcome[from] = LEG_RELEASED_BY_SERVER;
			act(out, (struct action){.verb = ANSWER_REQUEST,
						 .clause = CLAUSE_BYE_CAME_THROUGH_SERVERS,
						 .dialog = dialog,
						 .status = 200});
			return;
		}
		if (hung_up)
			dialog->outcome[SIDE_CALLING] = LEG_HUNG_UP;
		act(out, (struct action){.verb = ANSWER_REQUEST,
					 .clause = hung_up ? CLAUSE_PARTY_HUNG_UP
							   : CLAUSE_REQUEST_WHILE_RELEASING,
					 .dialog = dialog,
					 .status = 481});
		return;
	}
	if (from == SIDE_CALLING && request->cseq == dialog->invite_cseq) {
		if (dialog->ack_is_ours)
			act(out, (struct action){.verb = ANSWER_REQUEST,
						 .clause = CLAUSE_ACK_ABSORBED,
						 .dialog = dialog});
		else
			pass_ack(dialog, from, request, out);
		scscf_release_ack_wait_over(session, dialog, random, out);
		return;
	}
	pass_ack(dialog, from, request, out);
}
