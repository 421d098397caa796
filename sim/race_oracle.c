/* TS 24.237 §12.3.3: the rule by which the races of a transfer are decided, as facts and times. */
#include "race_oracle.h"

#include <string.h>

void race_rule_begin(struct race_rule *rule, uint32_t hold_ms, uint32_t source_delay_ms,
		     unsigned n_sessions)
{
	memset(rule, 0, sizeof(*rule));
	rule->hold_ms = hold_ms;
	rule->source_delay_ms = source_delay_ms;
	rule->n_sessions = n_sessions;
	rule->moving = -1;
	for (unsigned i = 0; i < n_sessions; i++)
		rule->sessions[i] = (struct race_rule_session){
			.source_lives = true,
			.source_delay_end_ms = RACE_ORACLE_NEVER,
			.may_ms = RACE_ORACLE_NEVER,
			.must_ms = RACE_ORACLE_NEVER,
		};
}

static bool target_lives(const struct race_rule_session *s)
{
	return s->target == RACE_TARGET_PENDING || s->target == RACE_TARGET_ANSWERED ||
	       s->target == RACE_TARGET_CONFIRMED;
}

static bool was_moved(const struct race_rule_session *s)
{
	return s->target == RACE_TARGET_ANSWERED || s->target == RACE_TARGET_CONFIRMED ||
	       s->target == RACE_TARGET_OVER;
}

static void decide(struct race_rule_session *s, uint64_t may_ms, uint64_t must_ms, const char *why)
{
	s->may_ms = may_ms;
	s->must_ms = must_ms;
	s->why = why;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* No access leg is left. */
static void judge_without_access(struct race_rule_session *s, uint64_t now_ms)
{
	if (!s->has_hold)
		decide(s, now_ms, now_ms, "no access leg, and no hold");
	else if (
		was_moved(
			s)) /* GAP: moved and handed back, then the source leg is lost: at once or held */
		decide(s, now_ms, later(s->hold_end_ms, now_ms), "lost again after a transfer");
	else /* SV-41, SV-42; SV-50 d: the old end stands, or has passed */
		decide(s, later(s->hold_end_ms, now_ms), later(s->hold_end_ms, now_ms),
		       "the hold ends");
}

/* After every fact: from when on is the remote leg to be released? */
static void judge(struct race_rule_session *s, uint64_t now_ms)
{
	if (s->remote != RACE_REMOTE_LIVES)
		return;
	if (s->hung_up) {
		if (s->must_ms > now_ms)
			decide(s, now_ms, now_ms, "the MSC server hung up");
	} else if (target_lives(s)) {
		decide(s, RACE_ORACLE_NEVER, RACE_ORACLE_NEVER, "the target leg lives");
	} else if (!s->source_lives) {
		judge_without_access(s, now_ms);
	} else if (s->is_handed_back && s->way_back == RACE_RETURN_NONE) { /* SV-66, ADR 28 */
		decide(s, s->source_delay_end_ms, s->source_delay_end_ms,
		       "the device did not come back");
	} else {
		decide(s, RACE_ORACLE_NEVER, RACE_ORACLE_NEVER, "the source leg lives");
	}
	if (s->is_refused && s->may_ms > now_ms)
		s->may_ms = now_ms;
	/* SV-9, ADR 34: with the ACK, not before; one that is held, when its hold ends at the latest (SV-26, SV-51). */
	if (s->other_was_moved && s->must_ms > now_ms)
		decide(s, now_ms, !s->source_lives && s->has_hold ? s->must_ms : now_ms,
		       "another session of the user was moved");
}

/* ---------------------------------------------------------------- received */

void race_rule_bye_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms, bool is_503)
{
	struct race_rule_session *s = &rule->sessions[session];

	if (!s->source_lives)
		return;
	s->source_lives = false;
	if (s->way_back == RACE_RETURN_WANTED)
		s->way_back = RACE_RETURN_NONE;
	s->source_delay_end_ms = RACE_ORACLE_NEVER;
	/* SV-40; also while a transfer runs, silently (ADR 27). 0 disables it (SV-43). */
	s->has_hold = is_503 && rule->hold_ms;
	s->hold_end_ms = now_ms + rule->hold_ms;
	judge(s, now_ms);
}

void race_rule_bye_on_remote(struct race_rule *rule, unsigned session, uint64_t now_ms)
{
	struct race_rule_session *s = &rule->sessions[session];

	(void)now_ms;
	if (s->remote == RACE_REMOTE_LIVES)
		s->remote = RACE_REMOTE_HUNG_UP;
}

void race_rule_bye_on_target(struct race_rule *rule, uint64_t now_ms, bool is_487)
{
	struct race_rule_session *s;

	if (rule->moving < 0)
		return;
	s = &rule->sessions[rule->moving];
	if (s->target != RACE_TARGET_ANSWERED && s->target != RACE_TARGET_CONFIRMED)
		return;
	s->target = RACE_TARGET_OVER;
	if (s->way_back == RACE_RETURN_WANTED && s->source_lives) {
		s->is_handed_back = true; /* should the way back fail */
		/* ADR 28: a re-INVITE that waits needs no Reason. The text leaves open one that is already being carried out: both are taken as right. */
		judge(s, now_ms);
		if (!is_487 && s->remote == RACE_REMOTE_LIVES)
			s->may_ms = now_ms;
		return;
	}
	if (is_487 && s->source_lives) {
		s->is_handed_back = true;
		if (s->source_delay_end_ms == RACE_ORACLE_NEVER)
			s->source_delay_end_ms = now_ms + rule->source_delay_ms;
	} else {
		s->hung_up = true;
	}
	judge(s, now_ms);
}

void race_rule_reinvite_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms)
{
	struct race_rule_session *s = &rule->sessions[session];

	/* Too late: the release has begun, or is due. At the instant itself the message is first (ADR 12). */
	if (!s->source_lives || s->remote != RACE_REMOTE_LIVES || s->must_ms < now_ms)
		return;
	if (!target_lives(s) && !s->is_handed_back)
		return; /* an ordinary one */
	s->way_back = RACE_RETURN_WANTED;
	s->source_delay_end_ms = RACE_ORACLE_NEVER;
	judge(s, now_ms);
}

/* SV-6: the one that most recently became active; in the world of the races that is the one set up last. */
static int selected(const struct race_rule *rule, uint64_t now_ms)
{
	for (int i = (int)rule->n_sessions - 1; i >= 0; i--) {
		const struct race_rule_session *s = &rule->sessions[i];

		if (s->remote == RACE_REMOTE_LIVES && s->target == RACE_TARGET_NONE &&
		    (s->source_lives || (s->has_hold && now_ms <= s->hold_end_ms)))
			return i;
	}
	return -1;
}

void race_rule_stn_sr(struct race_rule *rule, uint64_t now_ms)
{
	rule->stn_sr_came = true;
	rule->moving = selected(rule, now_ms);
	rule->stn_sr_must_succeed = rule->moving >= 0;
	if (rule->moving < 0)
		return;
	rule->sessions[rule->moving].target = RACE_TARGET_PENDING;
	judge(&rule->sessions[rule->moving], now_ms);
}

static void transfer_failed(struct race_rule *rule, uint64_t now_ms)
{
	struct race_rule_session *s = &rule->sessions[rule->moving];

	s->target = RACE_TARGET_NONE;
	s->way_back = RACE_RETURN_NONE; /* SV-63: what waits becomes an ordinary one */
	judge(s, now_ms);
}

void race_rule_cancel(struct race_rule *rule, uint64_t now_ms)
{
	rule->stn_sr_cancelled = true;
	if (rule->stn_sr_answered || rule->moving < 0)
		return;
	rule->stn_sr_must_succeed = false;
	if (rule->sessions[rule->moving].target == RACE_TARGET_PENDING)
		transfer_failed(rule, now_ms);
}

void race_rule_update_refused(struct race_rule *rule, uint64_t now_ms)
{
	struct race_rule_session *s = rule->moving >= 0 ? &rule->sessions[rule->moving] : NULL;

	rule->stn_sr_must_succeed = false;
	if (!s || s->target == RACE_TARGET_PENDING || s->way_back != RACE_RETURN_NONE)
		return;
	/* A transfer or a way back had come to nothing. */
	s->is_refused = true;
	judge(s, now_ms);
}

void race_rule_ack_on_target(struct race_rule *rule, uint64_t now_ms)
{
	struct race_rule_session *s;

	if (rule->moving < 0 || rule->sessions[rule->moving].target != RACE_TARGET_ANSWERED)
		return;
	s = &rule->sessions[rule->moving];
	s->target = RACE_TARGET_CONFIRMED;
	if (s->way_back != RACE_RETURN_NONE || s->remote != RACE_REMOTE_LIVES)
		return; /* nothing was moved that is still there */
	if (s->source_lives)
		s->source_delay_end_ms = now_ms + rule->source_delay_ms; /* SV-22, ADR 34 */
	for (unsigned i = 0; i < rule->n_sessions; i++)
		if ((int)i != rule->moving) {
			rule->sessions[i].other_was_moved = true;
			judge(&rule->sessions[i], now_ms);
		}
}

/* ---------------------------------------------------------------- sent */

const char *race_rule_stn_sr_answered(struct race_rule *rule, uint64_t now_ms, unsigned status)
{
	struct race_rule_session *s = rule->moving >= 0 ? &rule->sessions[rule->moving] : NULL;
	bool over = s && s->remote != RACE_REMOTE_LIVES;

	if (status < 200 || rule->stn_sr_answered)
		return NULL;
	rule->stn_sr_answered = true;
	if (status < 300) {
		if (!s || over || s->target != RACE_TARGET_PENDING)
			return "the INVITE due to STN-SR is accepted, and there is nothing to move";
		s->target = RACE_TARGET_ANSWERED;
		return NULL;
	}
	if (s && s->target == RACE_TARGET_PENDING)
		transfer_failed(rule, now_ms);
	if (rule->stn_sr_must_succeed && !over)
		return "the INVITE due to STN-SR is refused, and there is a session to move";
	if (!s && status != 480) /* SV-8: known user, nothing to transfer */
		return "the INVITE due to STN-SR with nothing to move is not answered 480";
	if (s && rule->stn_sr_cancelled && !over && status != 487)
		return "a cancelled INVITE is not answered 487";
	return NULL;
}

void race_rule_reinvite_answered(struct race_rule *rule, unsigned session, uint64_t now_ms,
				 unsigned status)
{
	struct race_rule_session *s = &rule->sessions[session];

	if (status < 200 || s->way_back != RACE_RETURN_WANTED)
		return;
	if (status < 300) {
		s->way_back = RACE_RETURN_DONE;
		s->is_handed_back = false;
	} else { /* SV-64, ADR 34: the timer begins anew */
		s->way_back = RACE_RETURN_NONE;
		s->source_delay_end_ms = now_ms + rule->source_delay_ms;
	}
	judge(s, now_ms);
}

const char *race_rule_sent_bye_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms)
{
	struct race_rule_session *s = &rule->sessions[session];
	bool lived = s->source_lives;

	s->source_lives = false;
	if (!lived)
		return "a BYE on the source leg, which was over";
	if (s->remote != RACE_REMOTE_LIVES || s->may_ms <= now_ms)
		return NULL;
	if (target_lives(s) && s->way_back == RACE_RETURN_NONE &&
	    now_ms >= s->source_delay_end_ms) {
		s->source_delay_end_ms = RACE_ORACLE_NEVER;
		judge(s, now_ms);
		return NULL;
	}
	return s->way_back != RACE_RETURN_NONE
		       ? "a BYE on the source leg, to which the device came back (SV-61)"
		       : "a BYE on the source leg before its time (SV-22)";
}

const char *race_rule_sent_bye_on_remote(struct race_rule *rule, unsigned session, uint64_t now_ms)
{
	struct race_rule_session *s = &rule->sessions[session];
	uint8_t was = s->remote;

	s->remote = RACE_REMOTE_RELEASED;
	if (was != RACE_REMOTE_LIVES)
		return "a BYE on the remote leg, which was over";
	return now_ms < s->may_ms ? "the remote leg is released, and the rule keeps it" : NULL;
}

bool race_rule_hold_ended(const struct race_rule *rule, unsigned session)
{
	const struct race_rule_session *s = &rule->sessions[session];

	return s->remote == RACE_REMOTE_LIVES && s->has_hold && !s->source_lives &&
	       !target_lives(s) && !was_moved(s) && !s->hung_up && !s->other_was_moved;
}

const char *race_rule_sent_bye_on_target(struct race_rule *rule, uint64_t now_ms)
{
	struct race_rule_session *s = rule->moving >= 0 ? &rule->sessions[rule->moving] : NULL;

	if (!s || (s->target != RACE_TARGET_ANSWERED && s->target != RACE_TARGET_CONFIRMED))
		return "a BYE on the target leg, which was over";
	s->target = RACE_TARGET_OVER;
	if (s->remote != RACE_REMOTE_LIVES || s->may_ms <= now_ms)
		return NULL;
	if (s->way_back == RACE_RETURN_NONE)
		return "a BYE on the target leg, which carries the call";
	judge(s, now_ms);
	return NULL;
}

/* ---------------------------------------------------------------- time */

static bool is_late(uint64_t must_ms, uint64_t now_ms)
{
	return must_ms != RACE_ORACLE_NEVER && now_ms > must_ms + RACE_PROMPTLY_MS;
}

const char *race_rule_overdue(const struct race_rule *rule, uint64_t now_ms)
{
	for (unsigned i = 0; i < rule->n_sessions; i++) {
		const struct race_rule_session *s = &rule->sessions[i];

		if (s->remote == RACE_REMOTE_LIVES && is_late(s->must_ms, now_ms))
			return "the remote leg is kept, and the rule releases it";
		if (s->source_lives && target_lives(s) && s->remote == RACE_REMOTE_LIVES &&
		    s->way_back == RACE_RETURN_NONE && is_late(s->source_delay_end_ms, now_ms))
			return "the source leg is kept after its time (SV-23)";
	}
	return NULL;
}

static uint64_t sooner_after(uint64_t best, uint64_t at_ms, uint64_t now_ms)
{
	return at_ms > now_ms && at_ms < best ? at_ms : best;
}

uint64_t race_rule_turning_point(const struct race_rule *rule, uint64_t now_ms)
{
	uint64_t best = RACE_ORACLE_NEVER;

	for (unsigned i = 0; i < rule->n_sessions; i++) {
		const struct race_rule_session *s = &rule->sessions[i];

		if (s->remote != RACE_REMOTE_LIVES)
			continue;
		if (s->has_hold && !s->source_lives)
			best = sooner_after(best, s->hold_end_ms, now_ms);
		best = sooner_after(best, s->source_delay_end_ms, now_ms);
	}
	return best;
}

bool race_rule_remote_lives(const struct race_rule *rule, unsigned session)
{
	const struct race_rule_session *s = &rule->sessions[session];

	return s->remote == RACE_REMOTE_LIVES && s->must_ms == RACE_ORACLE_NEVER;
}
