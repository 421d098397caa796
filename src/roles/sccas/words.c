#include "roles/sccas/sccas.h"

#include <assert.h>

const char *transfer_state_name(enum transfer_state state)
{
	static const char *const names[] = {
		[TRANSFER_NONE] = "none",
		[TRANSFER_WAITING] = "waiting for the remote leg",
		[TRANSFER_UPDATING] = "updating the remote leg",
		[TRANSFER_ALERTING] = "waiting for the answer to the call",
		[TRANSFER_ANSWERED] = "waiting for ACK",
		[TRANSFER_DONE] = "done",
		[TRANSFER_GIVEN_UP] = "given up",
		[TRANSFER_RETURN_WAITING] = "return waiting for the remote leg",
		[TRANSFER_RETURNING] = "returning",
		[TRANSFER_RETURN_LOST] = "return lost",
		[TRANSFER_RESTORING_SOURCE] = "restoring the source leg",
		[TRANSFER_RESTORING_TARGET] = "restoring the target leg",
	};

	return names[state];
}

void leg_act(struct leg_actions *out, struct leg_action action)
{
	assert(out->n < LEG_ACTIONS_MAX);
	out->list[out->n++] = action;
}

static void release(struct anchored_session *a, enum anchored_leg leg, enum session_clause clause,
		    uint16_t status, struct leg_actions *out)
{
	if (leg_is_alive(&a->legs[leg]))
		leg_act(out, (struct leg_action){.verb = LEG_RELEASE,
						 .clause = clause,
						 .leg = leg,
						 .status = status});
}

void sccas_release_all(struct anchored_session *a, enum session_clause clause, uint16_t status,
		       struct leg_actions *out)
{
	a->is_ending = true;
	if (a->why == CLAUSE_NONE)
		a->why = (uint8_t)clause;
	a->hold_until_ms = a->source_release_at_ms = 0;
	a->update_again_at_ms = a->update_until_ms = 0;
	a->source_offer_waits = false;
	release(a, TARGET_ACCESS_LEG, clause, status, out);
	release(a, SOURCE_ACCESS_LEG, clause, status, out);
	release(a, REMOTE_LEG, clause, status, out);
}

bool sccas_remote_leg_is_free(const struct anchored_session *a)
{
	const struct leg *remote = &a->legs[REMOTE_LEG];

	return leg_has_dialog(remote) && !handle_is_set(remote->offer_out) &&
	       !handle_is_set(remote->offer_in) && remote->unacked_cseq == 0 &&
	       !remote->answer_unacked;
}
