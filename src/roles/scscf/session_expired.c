/* TS 24.229 §5.4.5.3  S-CSCF: session expiration
 *
 * The session timer (RFC 4028) ran out without a refresh. A proxy has no part in the dialog: it
 * forgets it and sends nothing; the parties say BYE themselves. */
#include "roles/scscf/scscf.h"

/* @req SC-9
 * RF-13 */
void scscf_session_expired(struct session *session, const struct scscf_dialogs *dialogs,
			   struct actions *out)
{
	(void)session;
	for (unsigned i = 0; i < dialogs->n; i++)
		if (dialogs->list[i]->state != DIALOG_ENDED)
			act(out, (struct action){.verb = END_DIALOG,
						 .clause = CLAUSE_SESSION_EXPIRED,
						 .dialog = dialogs->list[i]});
	act(out, (struct action){.verb = END_SESSION,
				 .clause = CLAUSE_SESSION_EXPIRED,
				 .end = SESSION_END_SESSION_TIMER});
}
