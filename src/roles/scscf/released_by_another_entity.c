/* TS 24.229 §5.4.5.2  S-CSCF: session released by another entity
 *
 * A party's BYE was answered: the dialog is forgotten, and with the last dialog the session.
 */
#include "roles/scscf/scscf.h"

static bool is_last(const struct scscf_dialogs *dialogs, const struct dialog *dialog)
{
	for (unsigned i = 0; i < dialogs->n; i++)
		if (dialogs->list[i] != dialog && dialogs->list[i]->state != DIALOG_ENDED)
			return false;
	return true;
}

/* RFC 3261 §15.1.1: for the sender the session is over whatever comes back, but a challenge or a
 * passing fault makes it try again. */
static bool ends_by_bye(unsigned status)
{
	return status == 0 || (status >= 200 && status < 300) || status == 481 || status == 408;
}

/* @req SC-9 RC-11 RF-18
 * RFC 5057 §5.1: of the other requests a 481 says that the peer has lost the
 * dialog (after a 408 the party that asked says BYE itself); a SUBSCRIBE, REFER or NOTIFY has its own usage and says nothing about the
 * session. */
static bool shows_dialog_is_lost(enum sip_method method, unsigned status)
{
	bool of_invite_usage = method == SIP_INVITE || method == SIP_UPDATE ||
			       method == SIP_PRACK || method == SIP_INFO;

	return of_invite_usage && status == 481;
}

static void end_dialog(struct session *session, struct dialog *dialog, enum dialog_side from,
		       enum sip_method method, unsigned status, const struct scscf_dialogs *dialogs,
		       struct actions *out)
{
	bool is_2xx = status >= 200 && status < 300;
	enum session_clause clause = method != SIP_BYE ? CLAUSE_LOST_DIALOG
				     : is_2xx          ? CLAUSE_RELEASED_BY_ANOTHER
						       : CLAUSE_BYE_ANSWER_COUNTS;

	if (dialog->state == DIALOG_RELEASING || dialog->state == DIALOG_ENDED)
		return;
	if (dialog->state == DIALOG_EARLY && method != SIP_BYE)
		return; /* the INVITE goes on and says itself how it ends */
	if (dialog->state == DIALOG_EARLY && from == SIDE_CALLING)
		session->early_bye = true;
	else if (dialog->state != DIALOG_EARLY)
		session->end = (uint8_t)(method != SIP_BYE      ? SESSION_END_LOST
					 : from == SIDE_CALLING ? SESSION_END_BYE_OF_CALLING
								: SESSION_END_BYE_OF_CALLED);
	session->end_status = (uint16_t)status;
	act(out, (struct action){.verb = END_DIALOG, .clause = clause, .dialog = dialog});
	/* RFC 3261 §15: the BYE of one early dialog leaves the INVITE and the other dialogs alone. */
	if (is_last(dialogs, dialog) && session->pending_branches == 0)
		act(out, (struct action){.verb = END_SESSION,
					 .clause = clause,
					 .end = session->end ? session->end : SESSION_END_LOST,
					 .status = (uint16_t)status});
}

void scscf_final_in_dialog(struct session *session, struct dialog *dialog, enum dialog_side from,
			   enum sip_method method, unsigned status,
			   const struct scscf_dialogs *dialogs, struct actions *out)
{
	if (method == SIP_BYE ? ends_by_bye(status) : shows_dialog_is_lost(method, status))
		end_dialog(session, dialog, from, method, status, dialogs, out);
}

/* @req SC-3b
 * RFC 3261 §15: for its sender the session is over when the BYE is sent. Beyond the server nothing is left that
 * another BYE could end. */
void scscf_bye_died_in_server(struct session *session, struct dialog *dialog, enum dialog_side from,
			      unsigned status, const struct scscf_dialogs *dialogs,
			      struct actions *out)
{
	end_dialog(session, dialog, from, SIP_BYE, status, dialogs, out);
}

/* @req SC-9 PX-11
 * A fork whose loser speaks last, after the call itself is over. */
void scscf_last_branch_is_final(struct session *session, const struct scscf_dialogs *dialogs,
				struct actions *out)
{
	bool was_answered =
		session->state == SESSION_ANSWERED || session->state == SESSION_CONFIRMED;

	if (!was_answered || session->pending_branches > 0 || !is_last(dialogs, NULL))
		return;
	act(out, (struct action){.verb = END_SESSION,
				 .clause = CLAUSE_RELEASED_BY_ANOTHER,
				 .end = session->end ? session->end : SESSION_END_LOST,
				 .status = session->end_status});
}
