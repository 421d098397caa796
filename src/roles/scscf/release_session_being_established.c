/* TS 24.229 §5.4.5.1.1  S-CSCF: release of a session being established
 *
 * The branches are cancelled and the caller gets a final response. A 2xx may cross the CANCEL: then
 * there is a dialog after all, and it is released as an existing one. In a passage that a server stands
 * beside, its CANCEL or its final response is waited for on that side. */
#include "roles/scscf/scscf.h"

/* @req SC-0 */
void scscf_release_session_being_established(struct session *session, struct actions *out)
{
	session->state = SESSION_RELEASING;
	if (session->release_parts[SIDE_CALLED] == RELEASE_NOW)
		act(out,
		    (struct action){.verb = CANCEL_BRANCHES, .clause = CLAUSE_ESTABLISHING_CANCEL});
	if (session->release_parts[SIDE_CALLING] == RELEASE_NOW)
		act(out, (struct action){.verb = ANSWER_INVITE,
					 .clause = CLAUSE_ESTABLISHING_FINAL,
					 .status = session->reason_status});
}

/* @req RC-8 RC-9
 * A proxy forwards every 2xx (RFC 3261 §16.7 step 5). The caller may not know what
 * to do with it any more, so the 2xx is acknowledged here, and released like a dialog whose ACK has
 * not come. */
void scscf_late_2xx(struct session *session, struct dialog *dialog, struct random *random,
		    struct actions *out)
{
	struct scscf_dialogs just_this = {.n = 1, .list = {dialog}};

	dialog->state = DIALOG_ANSWERED;
	dialog->unacked_cseq[SIDE_CALLING] = dialog->invite_cseq;
	act(out, (struct action){.verb = RELAY_2XX, .clause = CLAUSE_LATE_2XX, .dialog = dialog});
	scscf_release_established_session(session, &just_this, random, out);
}
