/* TS 24.229 §5.4.5.1.2  S-CSCF: release of an existing session
 *
 * Two BYEs made from what was saved of the dialog, one toward each user. In the served user's
 * direction the request is treated as if that user had sent it, so that service control sees it;
 * toward the served user it goes directly. */
#include "roles/scscf/scscf.h"

#include <assert.h>

/* 1) 3) 5)  first BYE, toward the called user */
static void first_bye(struct session *session, struct dialog *dialog, struct random *random,
		      struct actions *out)
{
	bool directly =
		session->sides[SIDE_CALLED] == SIDE_IS_USER || !(session->served & SERVES_CALLING);

	act(out,
	    (struct action){
		    .verb = directly ? SEND_BYE : TREAT_BYE_AS_RECEIVED,
		    .clause = directly ? CLAUSE_FIRST_BYE_DIRECT : CLAUSE_FIRST_BYE_AS_RECEIVED,
		    .dialog = dialog,
		    .side = SIDE_CALLED,
		    .cseq = dialog_take_cseq(dialog, SIDE_CALLING, random),
	    });
	dialog->outcome[SIDE_CALLED] = LEG_SENT;
}

/* 2) 4) 6)  second BYE, toward the calling user */
static void second_bye(struct session *session, struct dialog *dialog, struct random *random,
		       struct actions *out)
{
	bool directly =
		session->sides[SIDE_CALLING] == SIDE_IS_USER || !(session->served & SERVES_CALLED);

	act(out,
	    (struct action){
		    .verb = directly ? SEND_BYE : TREAT_BYE_AS_RECEIVED,
		    .clause = directly ? CLAUSE_SECOND_BYE_DIRECT : CLAUSE_SECOND_BYE_AS_RECEIVED,
		    .dialog = dialog,
		    .side = SIDE_CALLING,
		    .cseq = dialog_take_cseq(dialog, SIDE_CALLED, random),
	    });
	dialog->outcome[SIDE_CALLING] = LEG_SENT;
}

/* Is there a BYE to send? If not: one comes from there, or the server there has had its own.
 * @req RC-22
 * RFC 3261 §15.1.1: for who has said BYE the session is over, even when that BYE was refused. */
static bool is_ours(const struct session *session, struct dialog *dialog, enum dialog_side side)
{
	if (dialog->outcome[side] == LEG_HUNG_UP)
		return false;
	switch (session->release_parts[side]) {
	case RELEASE_NOW: return true;
	case RELEASE_LEFT: dialog->outcome[side] = LEG_RELEASED_BY_SERVER; return false;
	default: dialog->outcome[side] = LEG_AWAITED; return false;
	}
}

static void toward_called(struct session *session, struct dialog *dialog, bool acknowledged,
			  struct random *random, struct actions *out)
{
	if (!is_ours(session, dialog, SIDE_CALLED))
		return;
	if (!acknowledged) {
		act(out, (struct action){.verb = SEND_ACK,
					 .clause = CLAUSE_ACK_FOR_CALLER,
					 .dialog = dialog});
		dialog->ack_is_ours = true;
	}
	first_bye(session, dialog, random, out);
}

static void toward_calling(struct session *session, struct dialog *dialog, bool acknowledged,
			   struct random *random, struct actions *out)
{
	if (!is_ours(session, dialog, SIDE_CALLING))
		return;
	if (acknowledged) {
		second_bye(session, dialog, random, out);
		return;
	}
	dialog->outcome[SIDE_CALLING] = LEG_WAITING_FOR_ACK;
	act(out, (struct action){.verb = WAIT_FOR_ACK,
				 .clause = CLAUSE_BYE_WAITS_FOR_ACK,
				 .dialog = dialog});
}

/* @req SC-1 SC-2 SC-3 RC-7
 * RFC 3261 §15: nobody may say BYE for the callee before the caller's ACK
 * came, or 64*T1 are over. */
static void release_dialog(struct session *session, struct dialog *dialog, struct random *random,
			   struct actions *out)
{
	bool acknowledged = dialog->state == DIALOG_CONFIRMED;

	dialog->state = DIALOG_RELEASING;
	toward_called(session, dialog, acknowledged, random, out);
	toward_calling(session, dialog, acknowledged, random, out);
}

/* @req SC-4 RC-16
 * NOTE of the clause: all dialogs of the session. A dialog in which a party's BYE
 * is under way is ending already: its sender has left, and the other side must not see two. */
void scscf_release_established_session(struct session *session, const struct scscf_dialogs *dialogs,
				       struct random *random, struct actions *out)
{
	session->state = SESSION_RELEASING;
	for (unsigned i = 0; i < dialogs->n; i++) {
		struct dialog *dialog = dialogs->list[i];

		if ((dialog->state == DIALOG_ANSWERED || dialog->state == DIALOG_CONFIRMED) &&
		    dialog->byes_under_way == 0)
			release_dialog(session, dialog, random, out);
	}
}

/* A server that was waited for is silent or failed. */
static void no_longer_await(struct session *session, struct dialog *dialog, struct random *random,
			    struct actions *out)
{
	bool acknowledged = dialog->unacked_cseq[SIDE_CALLING] != dialog->invite_cseq;

	if (dialog->outcome[SIDE_CALLED] == LEG_AWAITED)
		toward_called(session, dialog, acknowledged, random, out);
	if (dialog->outcome[SIDE_CALLING] == LEG_AWAITED)
		toward_calling(session, dialog, acknowledged, random, out);
}

/* @req SC-3b */
void scscf_release_without_servers(struct session *session, bool was_established,
				   const struct scscf_dialogs *dialogs, struct random *random,
				   struct actions *out)
{
	if (!was_established || session->pending_branches)
		scscf_release_session_being_established(session, out);
	for (unsigned i = 0; i < dialogs->n; i++)
		if (dialogs->list[i]->state == DIALOG_RELEASING)
			no_longer_await(session, dialogs->list[i], random, out);
	scscf_release_established_session(session, dialogs, random, out);
}

void scscf_release_ack_wait_over(struct session *session, struct dialog *dialog,
				 struct random *random, struct actions *out)
{
	if (dialog->state == DIALOG_RELEASING &&
	    dialog->outcome[SIDE_CALLING] == LEG_WAITING_FOR_ACK)
		second_bye(session, dialog, random, out);
}

/* @req RF-7 RC-12 RC-13 RC-21
 * GAP: the clause speaks of the 2xx only. A BYE that fails must not
 * keep the state: docs/adr/0007. */
void scscf_bye_answered(struct session *session, struct dialog *dialog, enum dialog_side toward,
			unsigned status, enum leg_outcome failed, uint32_t retry_after_ms,
			struct random *random, struct actions *out)
{
	(void)session;
	assert(dialog->state == DIALOG_RELEASING);
	dialog->outcome_status[toward] = (uint16_t)status;
	if (status == 500 && !dialog->was_retried[toward]) {
		/* Perhaps a request of the party overtook our BYE (RFC 3261 §12.2.2): once more,
		 * with a higher number. */
		dialog->was_retried[toward] = true;
		act(out,
		    (struct action){
			    .verb = WAIT_TO_RETRY,
			    .clause = CLAUSE_BYE_RETRIED,
			    .dialog = dialog,
			    .side = toward,
			    .wait_ms = retry_after_ms != UINT32_MAX ? retry_after_ms
								    : random_below(random, 2001),
		    });
		return;
	}
	dialog->outcome[toward] = (uint8_t)(status ? LEG_ANSWERED : failed);
	if (leg_outcome_is_final(dialog->outcome[SIDE_CALLING]) &&
	    leg_outcome_is_final(dialog->outcome[SIDE_CALLED]))
		act(out, (struct action){.verb = END_DIALOG,
					 .clause = CLAUSE_SESSION_RELEASED,
					 .dialog = dialog});
}

void scscf_bye_retry(struct session *session, struct dialog *dialog, enum dialog_side toward,
		     struct random *random, struct actions *out)
{
	if (dialog->state != DIALOG_RELEASING || dialog->outcome[toward] != LEG_SENT)
		return;
	if (toward == SIDE_CALLED)
		first_bye(session, dialog, random, out);
	else
		second_bye(session, dialog, random, out);
}

/* @req SC-5
 * "upon receipt of the 2xx responses for both": nothing is waited for any more */
void scscf_release_step_done(struct session *session, const struct scscf_dialogs *dialogs,
			     struct actions *out)
{
	if (session->state != SESSION_RELEASING || session->pending_branches > 0)
		return;
	for (unsigned i = 0; i < dialogs->n; i++)
		if (dialogs->list[i]->state == DIALOG_RELEASING ||
		    (dialogs->list[i]->state != DIALOG_ENDED && dialogs->list[i]->byes_under_way))
			return;
	act(out, (struct action){
			 .verb = END_SESSION,
			 .clause = CLAUSE_SESSION_RELEASED,
			 .end = SESSION_END_RELEASED,
			 .status = session->reason_status,
		 });
}
