/* What should happen to the remote leg: the rule of TS 24.237 §12.3.3 once more, written from the text (and docs/adr/0027 to 0034) as facts and times at the server's border,
 * and without any of the server's code. It is told what the server received and sent, in order, and says from when on a BYE on a leg is right, and when it is late. */
#ifndef SIM_RACE_ORACLE_H
#define SIM_RACE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define RACE_SESSIONS     2u
#define RACE_ORACLE_NEVER UINT64_MAX
#define RACE_PROMPTLY_MS  200u /* what is to be done "at once" */

enum race_remote { RACE_REMOTE_LIVES, RACE_REMOTE_HUNG_UP, RACE_REMOTE_RELEASED };
enum race_target {
	RACE_TARGET_NONE,
	RACE_TARGET_PENDING,
	RACE_TARGET_ANSWERED,
	RACE_TARGET_CONFIRMED,
	RACE_TARGET_OVER
};
enum race_return { RACE_RETURN_NONE, RACE_RETURN_WANTED, RACE_RETURN_DONE };

struct race_rule_session {
	uint8_t remote;   /* enum race_remote */
	uint8_t target;   /* enum race_target */
	uint8_t way_back; /* enum race_return: the device's re-INVITE */
	bool source_lives;
	bool is_handed_back; /* the MSC server ended its leg with 487: the device is awaited */
	bool is_refused; /* the remote party did not take back the media it had: GAP, a release is as right as a call that goes on, if its media agree */
	bool hung_up;    /* by the MSC server: the session is to end */
	bool other_was_moved; /* another session of the user was: this one is to end */
	bool has_hold;
	uint64_t hold_end_ms;         /* of the BYE (503); 0: none */
	uint64_t source_delay_end_ms; /* RACE_ORACLE_NEVER: not running */
	/* The BYE on the remote leg: right from then on, late after that. */
	uint64_t may_ms, must_ms;
	const char *why;
};

struct race_rule {
	uint32_t hold_ms, source_delay_ms;
	unsigned n_sessions;
	struct race_rule_session sessions[RACE_SESSIONS];
	int moving; /* session of the INVITE due to STN-SR; -1: none */
	bool stn_sr_came, stn_sr_answered, stn_sr_cancelled;
	bool stn_sr_must_succeed;
};

void race_rule_begin(struct race_rule *rule, uint32_t hold_ms, uint32_t source_delay_ms,
		     unsigned n_sessions);

/* What the server received, first transmissions only. */
void race_rule_bye_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms,
			     bool is_503);
void race_rule_bye_on_remote(struct race_rule *rule, unsigned session, uint64_t now_ms);
void race_rule_bye_on_target(struct race_rule *rule, uint64_t now_ms, bool is_487);
void race_rule_reinvite_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms);
void race_rule_stn_sr(struct race_rule *rule, uint64_t now_ms);
void race_rule_cancel(struct race_rule *rule, uint64_t now_ms);
/* The remote party refused an update of ours, and not for the moment only. */
void race_rule_update_refused(struct race_rule *rule, uint64_t now_ms);
void race_rule_ack_on_target(struct race_rule *rule, uint64_t now_ms);
/* What it sent: NULL when that is right, else what is wrong with it. */
const char *race_rule_stn_sr_answered(struct race_rule *rule, uint64_t now_ms, unsigned status);
void race_rule_reinvite_answered(struct race_rule *rule, unsigned session, uint64_t now_ms,
				 unsigned status);
const char *race_rule_sent_bye_on_source(struct race_rule *rule, unsigned session, uint64_t now_ms);
const char *race_rule_sent_bye_on_remote(struct race_rule *rule, unsigned session, uint64_t now_ms);
const char *race_rule_sent_bye_on_target(struct race_rule *rule, uint64_t now_ms);
/* Is a release of the remote leg now the end of a hold, and of nothing else? Its BYE then says 503 (SV-46). */
bool race_rule_hold_ended(const struct race_rule *rule, unsigned session);
/* What is overdue; NULL: nothing. */
const char *race_rule_overdue(const struct race_rule *rule, uint64_t now_ms);
/* The next time at which the rule changes its mind, after now; RACE_ORACLE_NEVER. */
uint64_t race_rule_turning_point(const struct race_rule *rule, uint64_t now_ms);
/* Must the remote leg be there when all is over, as far as is known now? */
bool race_rule_remote_lives(const struct race_rule *rule, unsigned session);

#endif
