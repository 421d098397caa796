/* The SCC AS (TS 24.237): an anchored session has up to three legs of ours; a procedure looks at an
 * event and at the session and says what is to be done. The node carries it out, in order. Waits are
 * the times in the session; the node comes back when one has come. */
#ifndef ROLES_SCCAS_SCCAS_H
#define ROLES_SCCAS_SCCAS_H

#include "roles/sccas/settings.h"
#include "session/clauses.h"
#include "session/leg.h"

enum anchored_leg {
	SOURCE_ACCESS_LEG, /* to the served user, as the session began */
	REMOTE_LEG,        /* to the other party */
	TARGET_ACCESS_LEG, /* to the MSC server: made by its INVITE due to STN-SR */
	ANCHORED_LEGS,
};

enum transfer_state {
	TRANSFER_NONE,
	TRANSFER_WAITING,  /* the remote leg has another offer under way, or said 491 */
	TRANSFER_UPDATING, /* the remote leg update is under way */
	TRANSFER_ALERTING, /* (pre-)alerting phase: 183 to the INVITE due to STN-SR, the call is not answered yet */
	TRANSFER_ANSWERED, /* the INVITE due to STN-SR has its 200, which waits for the ACK */
	TRANSFER_DONE,
	TRANSFER_GIVEN_UP, /* cancelled or failed; the remote leg still owes the answer to its update */
	TRANSFER_RETURN_WAITING, /* the UE came back; the remote leg has another offer under way */
	TRANSFER_RETURNING,   /* the UE came back: the remote leg is being updated with its media */
	TRANSFER_RETURN_LOST, /* and has left again; the answer to that update is still owed */
	TRANSFER_RESTORING_SOURCE, /* the remote leg gets the media of the source leg back */
	TRANSFER_RESTORING_TARGET, /* likewise of the target leg */
};
const char *transfer_state_name(enum transfer_state state);

/* How it was decided, for `adieu why`. */
enum transfer_verdict {
	VERDICT_NONE,
	VERDICT_TRANSFERRED, /* no BYE of the source leg came before */
	VERDICT_KEPT,        /* INVITE due to STN-SR inside the window after BYE (503) */
	VERDICT_WINDOW_OVER, /* none came inside it */
	VERDICT_NOT_HELD,    /* BYE of the source leg without 503, or not eligible */
	VERDICT_TRANSFER_FAILED, /* it came, but the transfer failed or was cancelled, and the window was over */
	VERDICT_RETURNED, /* the UE came back to the source leg */
};

struct sccas_features {
	bool alerting, pre_alerting, mid_call;
};

struct anchored_session {
	struct leg legs[ANCHORED_LEGS];
	struct leg *forks; /* further early dialogs of the called leg; NULL: none */
	uint8_t n_forks;
	struct handle session;
	struct handle next_of_user, previous_of_user; /* sessions of the same C-MSISDN */
	char c_msisdn[18]; /* with its NUL; empty: nobody that could be transferred */
	uint8_t transfer;  /* enum transfer_state */
	uint8_t verdict;   /* enum transfer_verdict */
	uint8_t why;       /* enum session_clause: what ended it; 0: nothing yet */
	uint8_t access; /* enum anchored_leg: the access leg that is joined with the remote leg */
	uint8_t speech; /* enum sdp_speech of the remote and the access leg */
	bool is_terminating;       /* the served user was called */
	struct sccas_features ue;  /* feature tags of its Contact */
	struct sccas_features msc; /* likewise, of the INVITE due to STN-SR */
	bool was_active;           /* speech in both directions when that came */
	bool is_kept;    /* the second session of the mid-call feature: waits for its own INVITE */
	bool is_ringing; /* 180 has passed: alerting; before it is pre-alerting */
	bool progress_is_reliable,
		progress_is_acknowledged; /* our 183 on the target leg (RFC 3262) */
	uint64_t progress_again_at_ms;
	uint64_t progress_until_ms;
	uint32_t progress_interval_ms;
	bool source_offer_waits; /* a re-INVITE or UPDATE of the UE is queued (depth 1) */
	bool source_bye_was_503, stn_sr_came;
	bool update_is_out; /* an update of ours of the remote leg has no final response yet */
	bool is_moved; /* descriptions of one leg have gone to another that they were not made for */
	bool remote_is_another; /* another fork of the remote party answered: it has not the media of `access` */
	bool is_accepted; /* the MSC server said that the CS user answered, while the media were not there */
	bool is_ending;        /* everything is being released */
	uint32_t active_order; /* SV-6: the higher, the later it became active or held */
	/* waits; 0: not */
	uint64_t hold_until_ms;        /* SV-41: the remote leg is kept until then */
	uint64_t source_release_at_ms; /* SV-22 */
	uint64_t update_again_at_ms;   /* after 491 */
	uint64_t update_until_ms;      /* how long the transfer waits for the remote leg */
	uint64_t expires_at_ms;        /* session timer (RFC 4028 §10): nobody has refreshed */
	uint64_t refresh_at_ms;        /* half of it is over: who refreshes, does so now */
	bool access_refreshes;         /* that is the access side, not the remote party */
	/* for the answer to "why?" */
	uint64_t source_bye_at_ms, stn_sr_at_ms;
	uint64_t transferred_at_ms; /* the last transfer was complete */
	uint64_t came_back_at_ms;   /* the UE's re-INVITE that takes the media back, the last one */
	uint64_t failed_at_ms;      /* the last transfer that came to nothing */
	uint16_t failed_status;     /* what it failed with: of the remote party; 487: cancelled */
	uint32_t hold_ms;
	uint64_t told_transferred_ms, told_failed_ms; /* of these the log and the counters know */
	bool hold_began,
		hold_ended; /* as noted in the journal and the counters; there is one at most */
};

/* ---------------------------------------------------------------- what a procedure says */

enum leg_verb {
	LEG_RELEASE, /* as its state wants: BYE, CANCEL, or final response `status` to its pending INVITE */
	LEG_UPDATE, /* re-INVITE, or UPDATE while early, with the description of the peer of leg `media` */
	LEG_CANCEL_UPDATE, /* that re-INVITE */
	LEG_ANSWER_INVITE, /* `status`, a 2xx, to the INVITE of the peer that made the leg */
	LEG_ANSWER_OFFER, /* `status` to the pending INVITE, re-INVITE or UPDATE of the peer; a 2xx has the answer of the remote leg */
	LEG_PASS_OFFER_ON,  /* the queued re-INVITE goes to the remote leg as any other */
	LEG_HOLD,           /* re-INVITE with the last description, speech held */
	LEG_REFRESH,        /* UPDATE without a description, for the session timer */
	LEG_RELEASE_OTHERS, /* the user's other sessions, TS 24.237 §12.3.2 */
};

struct leg_action {
	enum leg_verb verb;
	enum session_clause clause;
	enum anchored_leg leg, media;
	uint16_t status;
};

#define LEG_ACTIONS_MAX 12u

struct leg_actions {
	unsigned n;
	struct leg_action list[LEG_ACTIONS_MAX];
};

void leg_act(struct leg_actions *out, struct leg_action action);
/* Every leg that lives; `status` for one that has not been answered yet. */
void sccas_release_all(struct anchored_session *a, enum session_clause clause, uint16_t status,
		       struct leg_actions *out);
/* May the remote leg be sent an offer now? */
bool sccas_remote_leg_is_free(const struct anchored_session *a);

/* ---------------------------------------------------------------- select_session.c */

/* @req SV-6 SV-7
 * Can this session be transferred now? `msc`: what the MSC server can do. */
bool sccas_is_transferable(const struct anchored_session *a, const struct sccas_settings *s,
			   struct sccas_features msc);
/* Not answered yet, and of a kind that the UE and the operator want transferred. */
bool sccas_is_alerting(const struct anchored_session *a, const struct sccas_settings *s);
/* Does a comes before b when one of both is transferred? */
bool sccas_is_preferred(const struct anchored_session *a, const struct anchored_session *b);
/* Offer and answer have changed: speech in both directions, or not. */
void sccas_speech_changed(struct anchored_session *a, unsigned speech, uint32_t order);

/* ---------------------------------------------------------------- transfer_to_cs.c, §12.3.1 */

/* An INVITE due to STN-SR for this session: the target leg is LEG_INVITED. */
void sccas_transfer(struct anchored_session *a, uint64_t now_ms, uint32_t t1_ms,
		    struct leg_actions *out);
/* The same for an INVITE due to ATU-STI whose description the remote party has already (SV-4). */
void sccas_transfer_of_signalling(struct anchored_session *a, uint64_t now_ms,
				  struct leg_actions *out);
/* The 2xx to our update takes no speech. */
void sccas_update_took_no_speech(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out);
/* A final response (or 408, 503) to an offer of ours on the remote leg. `again_after_ms`: drawn for 491
 * (RFC 3261 §14.1). */
void sccas_update_answered(struct anchored_session *a, const struct sccas_settings *s,
			   unsigned status, uint64_t now_ms, uint32_t again_after_ms,
			   struct leg_actions *out);
/* The remote leg has no offer under way any more. */
void sccas_remote_leg_is_free_again(struct anchored_session *a, struct leg_actions *out);
/* The MSC server cancelled its INVITE before its final response. `is_cancelled_handover`: its Reason says SIP
 * 487; otherwise, in the alerting phase, it is the user who gives up (docs/adr/0028). */
void sccas_transfer_cancelled(struct anchored_session *a, bool is_cancelled_handover,
			      uint64_t now_ms, struct leg_actions *out);
/* ACK of the 200 to the INVITE due to STN-SR; or none within 64*T1. */
void sccas_transfer_acknowledged(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out);
void sccas_transfer_not_acknowledged(struct anchored_session *a, struct leg_actions *out);
/* Waits that have come. */
void sccas_wait_over(struct anchored_session *a, const struct sccas_settings *s, uint64_t now_ms,
		     struct leg_actions *out);

/* ---------------------------------------------------------------- other_sessions.c, §12.3.2 */

/* May a second session be kept beside the one that was transferred? */
bool sccas_keeps_another(const struct anchored_session *a, const struct sccas_settings *s);
/* Is it concerned by the transfer of another one of the same user? */
bool sccas_is_other_session(const struct anchored_session *other);
/* It waits for an INVITE of the MSC server for the additional session, as long as a source access leg is kept
 * (SV-22), and is released then. */
void sccas_keep_for_additional(struct anchored_session *kept, const struct sccas_settings *s,
			       uint64_t now_ms, struct leg_actions *out);
/* The speech of the kept session is held, if it is not yet. */
void sccas_hold_kept(struct anchored_session *kept, struct leg_actions *out);

/* ---------------------------------------------------------------- transfer_alerting.c */

void sccas_alerting_moved(struct anchored_session *a, struct leg_actions *out);
/* The MSC server has the 183; or it was not sent reliably. */
void sccas_progress_acknowledged(struct anchored_session *a, const struct sccas_settings *s,
				 uint64_t now_ms, struct leg_actions *out);
/* Nobody has acknowledged the 183 within 64*T1 (RFC 3262 §3): the transfer has failed. */
void sccas_progress_not_acknowledged(struct anchored_session *a, uint64_t now_ms,
				     struct leg_actions *out);
/* The 2xx of the remote party that was called; its leg is established. `is_another`: by a fork that has not
 * got our update. false: it goes to the source access leg, as ever. */
bool sccas_remote_party_answered(struct anchored_session *a, bool is_another,
				 struct leg_actions *out);
/* The 2xx of the UE that was called, while a transfer is under way. false: the CS user has the call, and the
 * dialog is to be released; true: the source leg is established, and the caller hears it when it is settled
 * where the call is. */
bool sccas_source_party_answered(struct anchored_session *a);
/* The media are on the target leg, or stay there: it is alerting, or answered by now. */
void sccas_stays_on_target(struct anchored_session *a, struct leg_actions *out);
/* The media are on the source leg: who has not heard of the answer hears it now. */
void sccas_answer_on_source(struct anchored_session *a, struct leg_actions *out);
/* The MSC server says that the CS user answered. */
void sccas_call_accepted(struct anchored_session *a, struct leg_actions *out);
bool sccas_source_leg_failed(struct anchored_session *a, const struct sccas_settings *s,
			     bool is_loss_of_bearer, uint64_t now_ms, struct leg_actions *out);

/* ---------------------------------------------------------------- handover_cancelled.c, §12.3.3.1 */

enum source_offer_verdict {
	SOURCE_OFFER_PASS,   /* nothing is being transferred: to the remote leg, as any other */
	SOURCE_OFFER_TAKEN,  /* queued, or moves the media back */
	SOURCE_OFFER_REFUSE, /* 488: speech stays where it is */
};
/* The UE offers on the source access leg. `speech`: of its description (enum sdp_speech). */
enum source_offer_verdict sccas_source_leg_offers(struct anchored_session *a, unsigned speech,
						  struct leg_actions *out);
/* The remote party has the media of the target leg; or another fork answered, which has not. */
void sccas_remote_leg_moved(struct anchored_session *a, struct leg_actions *out);
/* After a transfer that did not come about: the remote leg gets the media of the source leg back. */
void sccas_restore_source(struct anchored_session *a, struct leg_actions *out);
/* Is it the access side, and there nobody but this server, that refreshes the session on the remote leg? */
bool sccas_refreshes(const struct anchored_session *a);
/* The UE's media go back to the source leg now: its offer is pending there. */
void sccas_return(struct anchored_session *a, struct leg_actions *out);
/* The remote party offers while a transfer waits after 491: who waits takes the offer of the other, or two
 * handovers of one call refuse each other for ever (RFC 3261 §14.1). false: nothing of that kind. */
bool sccas_remote_leg_offers(struct anchored_session *a, struct leg_actions *out);

/* ---------------------------------------------------------------- source_leg_released.c, §12.3.3.2 */

/* A BYE came on the leg and was answered; the leg is over. */
void sccas_source_leg_released(struct anchored_session *a, const struct sccas_settings *s,
			       bool has_503, uint64_t now_ms, struct leg_actions *out);
/* Its 481, or its silence: does the session outlive that as it does a BYE with 503? */
bool sccas_survives_loss_of_source(const struct anchored_session *a,
				   const struct sccas_settings *s);
void sccas_hold_over(struct anchored_session *a, const struct sccas_settings *s,
		     struct leg_actions *out);
/* What becomes of a session whose transfer did not come about: the remote leg has its media, or none. */
void sccas_transfer_came_to_nothing(struct anchored_session *a, uint64_t now_ms,
				    bool remote_was_moved, struct leg_actions *out);

/* ---------------------------------------------------------------- other_leg_released.c */

void sccas_remote_leg_released(struct anchored_session *a, struct leg_actions *out);
/* `is_cancelled_handover`: its Reason says SIP 487 (SV-66). */
void sccas_target_leg_released(struct anchored_session *a, const struct sccas_settings *s,
			       bool is_cancelled_handover, uint64_t now_ms,
			       struct leg_actions *out);

#endif
