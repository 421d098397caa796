/* TS 24.237 §12.3  PS to CS SRVCC of a session in the (pre-)alerting phase: TS 23.237 §6.3.2.1.4c, §6.3.2.1.4d
 *
 * The remote leg was updated while early; the INVITE due to STN-SR has a provisional response with the answer
 * and gets its 200 when the call is answered: by the remote party, or by the CS user as the MSC server says. */
#include "roles/sccas/sccas.h"

static void answer(enum anchored_leg leg, uint16_t status, struct leg_actions *out)
{
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_ALERTING_TRANSFERRED,
					 .leg = leg,
					 .status = status});
}

static void answer_invite(enum anchored_leg leg, struct leg_actions *out)
{
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_INVITE,
					 .clause = CLAUSE_ALERTING_TRANSFERRED,
					 .leg = leg,
					 .status = 200});
}

/* By the remote party that was called; by the CS user; or by the UE, whose 2xx was on its way. */
static bool is_answered(const struct anchored_session *a)
{
	if (!a->is_terminating)
		return a->legs[REMOTE_LEG].state == LEG_ESTABLISHED;
	return a->is_accepted || a->legs[SOURCE_ACCESS_LEG].state == LEG_ESTABLISHED;
}

static void answer_on_target(struct anchored_session *a, struct leg_actions *out)
{
	a->transfer = TRANSFER_ANSWERED;
	if (a->legs[REMOTE_LEG].state < LEG_ESTABLISHED)
		answer_invite(REMOTE_LEG, out);
	answer_invite(TARGET_ACCESS_LEG, out);
}

/* @req SV-29 RF-14b  RFC 3262 §3: not before the PRACK of a 183 with a description. */
static void answer_if_answered(struct anchored_session *a, struct leg_actions *out)
{
	if (a->transfer == TRANSFER_ALERTING && is_answered(a) &&
	    (!a->progress_is_reliable || a->progress_is_acknowledged))
		answer_on_target(a, out);
}

/* The remote party has the media of the MSC server. */
void sccas_alerting_moved(struct anchored_session *a, struct leg_actions *out)
{
	a->access = TARGET_ACCESS_LEG;
	a->update_until_ms = 0;
	a->hold_until_ms = 0;
	if (is_answered(a)) {
		answer_on_target(a, out);
		return;
	}
	a->transfer = TRANSFER_ALERTING;
	answer(TARGET_ACCESS_LEG, 183, out);
	if (a->source_offer_waits) /* @req SV-60  nothing is left to wait for */
		sccas_return(a, out);
}

void sccas_stays_on_target(struct anchored_session *a, struct leg_actions *out)
{
	const struct leg *target = &a->legs[TARGET_ACCESS_LEG];

	if (!leg_is_alive(target) || target->state == LEG_ESTABLISHED) {
		a->transfer = TRANSFER_DONE;
		return;
	}
	a->transfer = TRANSFER_ALERTING;
	answer_if_answered(a, out);
}

/* @req SV-30 SV-61 */
void sccas_answer_on_source(struct anchored_session *a, struct leg_actions *out)
{
	const struct leg *source = &a->legs[SOURCE_ACCESS_LEG], *remote = &a->legs[REMOTE_LEG];
	enum anchored_leg caller = a->is_terminating ? REMOTE_LEG : SOURCE_ACCESS_LEG;
	const struct leg *called = a->is_terminating ? source : remote;

	if (called->state != LEG_ESTABLISHED || !leg_is_alive(&a->legs[caller]) ||
	    a->legs[caller].state == LEG_ESTABLISHED)
		return;
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_INVITE,
					 .clause = CLAUSE_PASSED_ON,
					 .leg = caller,
					 .status = 200});
}

/* @req SV-28a SV-29a */
void sccas_progress_acknowledged(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out)
{
	if (a->transfer != TRANSFER_ALERTING)
		return;
	if (leg_is_alive(&a->legs[SOURCE_ACCESS_LEG]))
		a->source_release_at_ms = now_ms + s->source_release_delay_ms;
	answer_if_answered(a, out);
}

/* @req RF-14 */
void sccas_progress_not_acknowledged(struct anchored_session *a, uint64_t now_ms,
				     struct leg_actions *out)
{
	if (a->transfer != TRANSFER_ALERTING)
		return;
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_TRANSFER_FAILED,
					 .leg = TARGET_ACCESS_LEG,
					 .status = 504});
	a->failed_at_ms = now_ms;
	a->failed_status = 504;
	sccas_transfer_came_to_nothing(a, now_ms, true, out);
}

/* @req SV-29 SV-30 */
bool sccas_remote_party_answered(struct anchored_session *a, bool is_another,
				 struct leg_actions *out)
{
	if (a->transfer == TRANSFER_NONE)
		return a->hold_until_ms != 0; /* @req SV-53  nobody else to hear it yet */
	a->remote_is_another = is_another;
	if (a->transfer == TRANSFER_ALERTING && is_another)
		sccas_remote_leg_moved(a, out); /* which it has not: @req SV-29b */
	else
		answer_if_answered(a, out);
	return true; /* what is under way will find it answered */
}

/* @req SV-28b */
bool sccas_source_party_answered(struct anchored_session *a)
{
	return a->transfer != TRANSFER_ALERTING && a->transfer != TRANSFER_ANSWERED &&
	       a->transfer != TRANSFER_DONE;
}

/* @req SV-28 */
void sccas_call_accepted(struct anchored_session *a, struct leg_actions *out)
{
	if (!a->is_terminating || a->is_ending || a->access != TARGET_ACCESS_LEG)
		return;
	a->is_accepted = true;
	answer_if_answered(a, out);
}

/* @req SV-28a SV-53
 * The UE's final response, not a 2xx, to the INVITE of a terminating session; or its CANCEL (503) while the
 * remote party rings. true: that is between the UE and this server; false: it ends the call. */
bool sccas_source_leg_failed(struct anchored_session *a, const struct sccas_settings *s,
			     bool is_loss_of_bearer, uint64_t now_ms, struct leg_actions *out)
{
	if (a->transfer == TRANSFER_NONE &&
	    !(is_loss_of_bearer && s->hold_early && a->c_msisdn[0] && sccas_is_alerting(a, s)))
		return false;
	sccas_source_leg_released(a, s, is_loss_of_bearer, now_ms, out);
	return true;
}
