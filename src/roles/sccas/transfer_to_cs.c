/* TS 24.237 §12.3.1  SCC AS procedures for SR-VCC: transfer on the INVITE due to STN-SR */
#include "roles/sccas/sccas.h"

static bool source_lives(const struct anchored_session *a)
{
	return leg_is_alive(&a->legs[SOURCE_ACCESS_LEG]);
}

static bool target_lives(const struct anchored_session *a)
{
	return leg_is_alive(&a->legs[TARGET_ACCESS_LEG]);
}

/* @req SV-20
 * The remote leg gets the media of an access leg: now, or when it is free (docs/adr/0030). */
static void update(struct anchored_session *a, enum anchored_leg media, enum transfer_state waiting,
		   enum transfer_state updating, struct leg_actions *out)
{
	a->update_again_at_ms = 0;
	a->transfer = (uint8_t)waiting;
	/* An offer of the remote party meets the access that is being left: it is refused, and ours
	 * goes. */
	if (handle_is_set(a->legs[REMOTE_LEG].offer_in))
		leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
						 .clause = CLAUSE_OFFER_MEETS_TRANSFER,
						 .leg = REMOTE_LEG,
						 .status = 491});
	else if (!sccas_remote_leg_is_free(a))
		return;
	a->transfer = (uint8_t)updating;
	a->update_is_out = true;
	leg_act(out, (struct leg_action){.verb = LEG_UPDATE,
					 .clause = updating == TRANSFER_RESTORING_SOURCE
							   ? CLAUSE_REMOTE_LEG_RESTORED
							   : CLAUSE_REMOTE_LEG_UPDATE,
					 .leg = REMOTE_LEG,
					 .media = media});
}

/* The remote party has the media of the MSC server. */
void sccas_remote_leg_moved(struct anchored_session *a, struct leg_actions *out)
{
	if (a->remote_is_another) { /* but who has answered has not */
		a->remote_is_another = false;
		update(a, TARGET_ACCESS_LEG, TRANSFER_WAITING, TRANSFER_UPDATING, out);
		return;
	}
	a->verdict = a->source_bye_at_ms && a->source_bye_at_ms <= a->stn_sr_at_ms
			     ? VERDICT_KEPT
			     : VERDICT_TRANSFERRED;
	if (a->legs[REMOTE_LEG].state == LEG_EARLY) {
		sccas_alerting_moved(a, out);
		return;
	}
	a->transfer = TRANSFER_ANSWERED;
	a->update_until_ms = 0;
	a->access = TARGET_ACCESS_LEG;
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_TRANSFERRED,
					 .leg = TARGET_ACCESS_LEG,
					 .status = 200});
}

void sccas_transfer(struct anchored_session *a, uint64_t now_ms, uint32_t t1_ms,
		    struct leg_actions *out)
{
	a->stn_sr_came = true;
	a->stn_sr_at_ms = now_ms;
	a->source_release_at_ms = 0; /* of a session that was kept for this */
	a->is_accepted = a->remote_is_another = false;
	a->update_until_ms = now_ms + 64u * (uint64_t)t1_ms;
	update(a, TARGET_ACCESS_LEG, TRANSFER_WAITING, TRANSFER_UPDATING, out);
}

/* @req SV-4  The ATCF has moved the media: nothing changes for the remote party. */
void sccas_transfer_of_signalling(struct anchored_session *a, uint64_t now_ms,
				  struct leg_actions *out)
{
	a->stn_sr_came = true;
	a->stn_sr_at_ms = now_ms;
	a->is_moved = true;
	sccas_remote_leg_moved(a, out);
}

void sccas_restore_source(struct anchored_session *a, struct leg_actions *out)
{
	update(a, SOURCE_ACCESS_LEG, TRANSFER_RESTORING_SOURCE, TRANSFER_RESTORING_SOURCE, out);
}

static void restore_target(struct anchored_session *a, struct leg_actions *out)
{
	update(a, TARGET_ACCESS_LEG, TRANSFER_RESTORING_TARGET, TRANSFER_RESTORING_TARGET, out);
}

void sccas_return(struct anchored_session *a, struct leg_actions *out)
{
	a->source_offer_waits = false;
	a->source_release_at_ms = 0; /* §12.3.3.1 step 1 */
	update(a, SOURCE_ACCESS_LEG, TRANSFER_RETURN_WAITING, TRANSFER_RETURNING, out);
}

void sccas_remote_leg_is_free_again(struct anchored_session *a, struct leg_actions *out)
{
	if (a->is_ending || a->update_again_at_ms || !sccas_remote_leg_is_free(a))
		return;
	switch (a->transfer) {
	case TRANSFER_WAITING:
		update(a, TARGET_ACCESS_LEG, TRANSFER_WAITING, TRANSFER_UPDATING, out);
		break;
	case TRANSFER_RETURN_WAITING: sccas_return(a, out); break;
	case TRANSFER_RESTORING_SOURCE:
		if (!a->update_is_out)
			sccas_restore_source(a, out);
		break;
	case TRANSFER_RESTORING_TARGET:
		if (!a->update_is_out)
			restore_target(a, out);
		break;
	default: break;
	}
}

/* @req SV-8 */
static void fail(struct anchored_session *a, unsigned status, uint64_t now_ms,
		 bool remote_was_moved, struct leg_actions *out)
{
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_TRANSFER_FAILED,
					 .leg = TARGET_ACCESS_LEG,
					 .status = status == 488 ? 488 : 480});
	a->failed_at_ms = now_ms;
	a->failed_status = (uint16_t)status;
	sccas_transfer_came_to_nothing(a, now_ms, remote_was_moved, out);
}

/* @req SV-62 §12.3.3.1: the media are off the target leg. */
static void returned(struct anchored_session *a, struct leg_actions *out)
{
	if (a->remote_is_another) {
		a->remote_is_another = false;
		update(a, SOURCE_ACCESS_LEG, TRANSFER_RETURN_WAITING, TRANSFER_RETURNING, out);
		return;
	}
	a->transfer = TRANSFER_NONE;
	a->access = SOURCE_ACCESS_LEG;
	a->verdict = VERDICT_RETURNED;
	a->stn_sr_came = false; /* the next loss of the access is another story */
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_RETURNED,
					 .leg = SOURCE_ACCESS_LEG,
					 .status = 200});
	sccas_answer_on_source(a, out);
	if (target_lives(a))
		leg_act(out, (struct leg_action){.verb = LEG_RELEASE,
						 .clause = CLAUSE_TARGET_LEG_RELEASED,
						 .leg = TARGET_ACCESS_LEG,
						 .status = 487});
}

/* @req SV-64
 * The UE hears what the remote party said, and the media stay on the target leg; unless that has gone
 * meanwhile: then they go back to what the source leg had. */
static void not_returned(struct anchored_session *a, const struct sccas_settings *s,
			 unsigned status, uint64_t now_ms, struct leg_actions *out)
{
	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_NOT_RETURNED,
					 .leg = SOURCE_ACCESS_LEG,
					 .status = (uint16_t)status});
	if (!target_lives(a) && a->legs[SOURCE_ACCESS_LEG].state < LEG_ESTABLISHED) {
		sccas_transfer_came_to_nothing(a, now_ms, true, out);
		return;
	}
	a->source_release_at_ms = now_ms + s->source_release_delay_ms;
	sccas_stays_on_target(a, out);
}

static bool is_gone(unsigned status)
{
	return status == 481 || status == 408;
}

/* The UE left again while the media were on their way back to it. */
static void return_lost(struct anchored_session *a, bool remote_was_moved, struct leg_actions *out)
{
	if (!target_lives(a)) {
		a->transfer = TRANSFER_DONE;
		sccas_release_all(a, CLAUSE_SOURCE_LEG_ENDED, 480, out);
	} else if (remote_was_moved) {
		restore_target(a, out);
	} else {
		sccas_stays_on_target(a, out);
	}
}

static void succeeded(struct anchored_session *a, uint64_t now_ms, struct leg_actions *out)
{
	switch (a->transfer) {
	case TRANSFER_UPDATING: sccas_remote_leg_moved(a, out); break;
	case TRANSFER_GIVEN_UP: sccas_transfer_came_to_nothing(a, now_ms, true, out); break;
	case TRANSFER_RETURNING: returned(a, out); break;
	case TRANSFER_RETURN_LOST: return_lost(a, true, out); break;
	case TRANSFER_RESTORING_SOURCE:
		sccas_transfer_came_to_nothing(a, now_ms, false, out);
		break;
	case TRANSFER_RESTORING_TARGET: sccas_stays_on_target(a, out); break;
	default: break;
	}
}

/* The kept session of the mid-call feature (§12.3.2). */
static void hold_answered(struct anchored_session *a, unsigned status, uint64_t now_ms,
			  uint32_t again_after_ms)
{
	if (a->is_kept && status == 491)
		a->update_again_at_ms = now_ms + again_after_ms;
}

/* @req SV-20c */
void sccas_update_took_no_speech(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out)
{
	if (a->transfer != TRANSFER_UPDATING) {
		sccas_update_answered(a, s, 200, now_ms, 0, out);
		return;
	}
	a->update_is_out = false;
	if (!a->is_ending)
		fail(a, 488, now_ms, true, out);
}

void sccas_update_answered(struct anchored_session *a, const struct sccas_settings *s,
			   unsigned status, uint64_t now_ms, uint32_t again_after_ms,
			   struct leg_actions *out)
{
	a->update_is_out = false;
	if (a->is_ending)
		return;
	if (status < 300) {
		succeeded(a, now_ms, out);
		return;
	}
	if (is_gone(status)) { /* @req SV-64  RFC 5057 §5.1: the remote leg is gone */
		if (a->transfer == TRANSFER_RETURNING) /* docs/adr/0034 */
			leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
							 .clause = CLAUSE_LOST_DIALOG,
							 .leg = SOURCE_ACCESS_LEG,
							 .status = 480});
		sccas_release_all(a, CLAUSE_LOST_DIALOG, 480, out);
		return;
	}
	switch (a->transfer) {
	case TRANSFER_UPDATING:
		if (status == 491 && a->update_until_ms) { /* docs/adr/0030: not for ever */
			a->transfer = TRANSFER_WAITING;
			a->update_again_at_ms = now_ms + again_after_ms;
		} else {
			fail(a, status, now_ms, false, out);
		}
		break;
	case TRANSFER_GIVEN_UP: sccas_transfer_came_to_nothing(a, now_ms, false, out); break;
	case TRANSFER_RETURNING: not_returned(a, s, status, now_ms, out); break;
	case TRANSFER_RETURN_LOST: return_lost(a, false, out); break;
	case TRANSFER_RESTORING_SOURCE:
	case TRANSFER_RESTORING_TARGET:
		if (status == 491 && leg_is_alive(&a->legs[a->access]))
			a->update_again_at_ms = now_ms + again_after_ms;
		else if (a->transfer ==
			 TRANSFER_RESTORING_TARGET) /* nobody hears anybody any more */
			sccas_release_all(a, CLAUSE_TRANSFER_FAILED, 480, out);
		else
			succeeded(a, now_ms, out);
		break;
	case TRANSFER_NONE: hold_answered(a, status, now_ms, again_after_ms); break;
	default: break;
	}
}

/* @req SV-61 SV-66
 * The MSC server gives up what the UE is just taking back. */
static void cancelled_while_returning(struct anchored_session *a, struct leg_actions *out)
{
	if (a->transfer == TRANSFER_RETURN_LOST || a->transfer == TRANSFER_RESTORING_TARGET)
		sccas_release_all(a, CLAUSE_CANCEL, 487, out);
}

static bool is_returning(const struct anchored_session *a)
{
	return a->transfer == TRANSFER_RETURN_WAITING || a->transfer == TRANSFER_RETURNING ||
	       a->transfer == TRANSFER_RETURN_LOST || a->transfer == TRANSFER_RESTORING_TARGET;
}

/* @req SV-50 SV-63 SV-72 */
void sccas_transfer_cancelled(struct anchored_session *a, bool is_cancelled_handover,
			      uint64_t now_ms, struct leg_actions *out)
{
	bool is_alerting = a->transfer == TRANSFER_ALERTING;
	bool is_under_way = a->transfer == TRANSFER_UPDATING;

	leg_act(out, (struct leg_action){.verb = LEG_ANSWER_OFFER,
					 .clause = CLAUSE_CANCEL,
					 .leg = TARGET_ACCESS_LEG,
					 .status = 487});
	a->failed_at_ms = now_ms;
	a->failed_status = 487;
	if (is_returning(a)) {
		cancelled_while_returning(a, out);
		return;
	}
	a->update_again_at_ms = a->update_until_ms = 0;
	if (is_alerting && !is_cancelled_handover) {
		sccas_release_all(a, CLAUSE_CANCEL, 487, out);
		return;
	}
	if (!is_under_way || (!source_lives(a) && a->hold_until_ms <= now_ms)) {
		sccas_transfer_came_to_nothing(a, now_ms, is_alerting, out);
		return;
	}
	a->transfer = TRANSFER_GIVEN_UP;
	leg_act(out, (struct leg_action){.verb = LEG_CANCEL_UPDATE,
					 .clause = CLAUSE_CANCEL,
					 .leg = REMOTE_LEG});
}

/* @req SV-22 */
static void delay_source_release(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms)
{
	if (source_lives(a))
		a->source_release_at_ms = now_ms + s->source_release_delay_ms;
}

void sccas_transfer_acknowledged(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out)
{
	if (a->transfer != TRANSFER_ANSWERED || a->is_ending)
		return;
	a->transfer = TRANSFER_DONE;
	a->transferred_at_ms = now_ms;
	a->hold_until_ms = 0;
	if (a->source_offer_waits) { /* @req SV-60 */
		sccas_return(a, out);
		return;
	}
	if (a->source_release_at_ms == 0)
		delay_source_release(a, s, now_ms);
	leg_act(out,
		(struct leg_action){.verb = LEG_RELEASE_OTHERS, .clause = CLAUSE_OTHER_SESSION});
}

/* docs/adr/0029 */
void sccas_transfer_not_acknowledged(struct anchored_session *a, struct leg_actions *out)
{
	if (a->transfer != TRANSFER_ANSWERED || a->is_ending)
		return;
	a->transfer = TRANSFER_DONE;
	a->hold_until_ms = 0;
	if (a->source_offer_waits)
		sccas_return(a, out);
	else
		sccas_release_all(a, CLAUSE_NO_ACK, 480, out);
}

/* @req SV-23 */
static void release_source(struct anchored_session *a, struct leg_actions *out)
{
	a->source_release_at_ms = 0;
	if (a->is_kept && a->transfer == TRANSFER_NONE) { /* nobody has asked for it */
		sccas_release_all(a, CLAUSE_OTHER_SESSION, 480, out);
		return;
	}
	if (!target_lives(a)) { /* @req SV-66 */
		sccas_release_all(a, CLAUSE_TARGET_LEG_ENDED, 480, out);
		return;
	}
	if (source_lives(a))
		leg_act(out, (struct leg_action){.verb = LEG_RELEASE,
						 .clause = CLAUSE_SOURCE_RELEASE_DELAY,
						 .leg = SOURCE_ACCESS_LEG,
						 .status = 480});
}

static void update_again(struct anchored_session *a, struct leg_actions *out)
{
	a->update_again_at_ms = 0;
	if (a->transfer == TRANSFER_NONE && a->is_kept)
		sccas_hold_kept(a, out);
	else
		sccas_remote_leg_is_free_again(a, out);
}

/* @req RF-13d  RFC 4028 §7.4: who took the place of the refresher refreshes. An access leg that has a timer
 * of its own brings the refreshes itself. */
bool sccas_refreshes(const struct anchored_session *a)
{
	const struct leg *remote = &a->legs[REMOTE_LEG], *access = &a->legs[a->access];

	return a->access_refreshes && remote->expires_s && !access->expires_s &&
	       remote->state == LEG_ESTABLISHED && leg_is_alive(access) && !a->is_ending;
}

static void refresh(struct anchored_session *a, struct leg_actions *out)
{
	a->refresh_at_ms = 0; /* until it is answered */
	leg_act(out, (struct leg_action){
			     .verb = LEG_REFRESH, .clause = CLAUSE_REFRESHED, .leg = REMOTE_LEG});
}

static bool has_come(uint64_t at_ms, uint64_t now_ms)
{
	return at_ms && now_ms >= at_ms;
}

void sccas_wait_over(struct anchored_session *a, const struct sccas_settings *s, uint64_t now_ms,
		     struct leg_actions *out)
{
	if (!a->is_ending && has_come(a->update_again_at_ms, now_ms))
		update_again(a, out);
	if (!a->is_ending && has_come(a->update_until_ms, now_ms)) {
		a->update_until_ms = a->update_again_at_ms = 0;
		if (a->transfer == TRANSFER_WAITING)
			fail(a, 480, now_ms, false, out);
	}
	if (sccas_refreshes(a) && has_come(a->refresh_at_ms, now_ms))
		refresh(a, out);
	if (!a->is_ending && has_come(a->source_release_at_ms, now_ms))
		release_source(a, out);
	if (!a->is_ending && has_come(a->hold_until_ms, now_ms))
		sccas_hold_over(a, s, out);
}
