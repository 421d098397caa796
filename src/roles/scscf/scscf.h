/* The S-CSCF, TS 24.229 §5.4: one file per procedure. */
#ifndef ROLES_SCSCF_SCSCF_H
#define ROLES_SCSCF_SCSCF_H

#include "base/random.h"
#include "roles/scscf/bindings.h"
#include "roles/scscf/subscribers.h"
#include "roles/words.h"
#include "sip/message.h"

/* The dialogs of a session, as the node hands them to a procedure. */
struct scscf_dialogs {
	unsigned n;
	struct dialog *list[LIMIT_DIALOGS];
};

/* --- release_established_session.c ------------------------------- TS 24.229 §5.4.5.1.2 */

/* Both BYEs for every answered or confirmed dialog that is not being released yet. One whose 2xx
 * the caller has not acknowledged gets our ACK toward the called side first, and the BYE toward the
 * caller waits for its ACK. Idempotent: a dialog already being released is passed over. */
void scscf_release_established_session(struct session *session, const struct scscf_dialogs *dialogs,
				       struct random *random, struct actions *out);
/* The caller's ACK came, or 64*T1 are over: the BYE that waited goes out. */
void scscf_release_ack_wait_over(struct session *session, struct dialog *dialog,
				 struct random *random, struct actions *out);
/* A BYE of ours got a final response (status), or none: status 0 with `failed` LEG_TIMED_OUT or
 * LEG_TRANSPORT_FAILED. `retry_after_ms`: from Retry-After, UINT32_MAX when absent. */
void scscf_bye_answered(struct session *session, struct dialog *dialog, enum dialog_side toward,
			unsigned status, enum leg_outcome failed, uint32_t retry_after_ms,
			struct random *random, struct actions *out);
/* The wait after a 500 is over: one more BYE. */
void scscf_bye_retry(struct session *session, struct dialog *dialog, enum dialog_side toward,
		     struct random *random, struct actions *out);

/* --- release_session_being_established.c ------------------------- TS 24.229 §5.4.5.1.1 */

void scscf_release_session_being_established(struct session *session, struct actions *out);
/* A 2xx crossed our CANCEL: `dialog` was made of it. */
void scscf_late_2xx(struct session *session, struct dialog *dialog, struct random *random,
		    struct actions *out);

/* Ends the session when nothing is waited for any more; called after every step of a release. */
void scscf_release_step_done(struct session *session, const struct scscf_dialogs *dialogs,
			     struct actions *out);

/* --- request_while_releasing.c ------------------------------------ TS 24.229 §5.4.5.1.3 */

/* A request of a party inside a dialog that we are releasing. */
void scscf_request_while_releasing(struct session *session, struct dialog *dialog,
				   enum dialog_side from, const struct sip_message *request,
				   struct random *random, struct actions *out);

/* --- released_by_another_entity.c --------------------------------- TS 24.229 §5.4.5.2 */

/* A request of a party inside a dialog got its final response (status; 0: none came). Says whether
 * the dialog is over. */
void scscf_final_in_dialog(struct session *session, struct dialog *dialog, enum dialog_side from,
			   enum sip_method method, unsigned status,
			   const struct scscf_dialogs *dialogs, struct actions *out);

/* The last branch of the initial INVITE has its final response: ends the session when its dialogs have
 * all ended before. */
void scscf_last_branch_is_final(struct session *session, const struct scscf_dialogs *dialogs,
				struct actions *out);

/* --- session_expired.c --------------------------------------------- TS 24.229 §5.4.5.3 */

void scscf_session_expired(struct session *session, const struct scscf_dialogs *dialogs,
			   struct actions *out);

/* --- initial_request.c ---------------------------------------------- TS 24.229 §5.4.3.2, §5.4.3.3 */

/* Where a request goes, and whom we serve. Texts are views into the request, the bindings or `w`. */
struct scscf_target {
	struct text request_uri;  /* empty: as it came */
	struct text path;         /* comma list for Route, may be empty */
	struct endpoint next_hop; /* not set: from the path or the Request-URI */
};
struct scscf_service {
	unsigned status; /* 0: forward to the targets; else: answer this */
	unsigned served; /* SERVES_… */
	struct text calling_user,
		called_user; /* addresses of record, written to the writer given */
	unsigned n_targets;
	struct scscf_target targets[LIMIT_BRANCHES];
};

struct scscf_domain_route {
	struct text domain; /* "*": any */
	struct endpoint next_hop;
};

/* What the procedures need to know of the server. */
struct scscf_surroundings {
	const struct text *domains;
	unsigned n_domains;
	const struct scscf_domain_route *routes;
	unsigned n_routes;
	uint32_t registration_default_s, registration_min_s, registration_max_s;
	struct bindings *bindings;
	const struct subscribers *subscribers; /* NULL: none are configured */
};

bool scscf_is_home_domain(const struct scscf_surroundings *around, struct text host);

/* What is known about the request besides its bytes. */
struct scscf_arrival {
	bool from_trusted; /* the source address may send to other domains and assert identities */
	bool originating;  /* the topmost Route was our own with the `orig` parameter */
	bool has_more_routes; /* other Route values follow: they decide where it goes */
	bool to_own_address; /* the Request-URI names this server's own address: a user of ours is meant */
	bool passed_before; /* our own Via is in it: a spiral, the calling side was served then */
};

void scscf_serve_initial_request(const struct scscf_surroundings *around,
				 const struct sip_message *request,
				 const struct scscf_arrival *arrival, struct text_writer *w,
				 struct scscf_service *ret);

/* --- registration.c --------------------------------------------------- TS 24.229 §5.4.1, RFC 3261
 * §10.3, RFC 3327 */

/* Works a REGISTER off: changes the bindings and writes the header lines of the response to
 * `lines`. Each change is written to `changes` as a line for bindings_apply() of the other shards.
 * Returns the status. `service_route`: our own URI for Service-Route. */
unsigned scscf_register(const struct scscf_surroundings *around, const struct sip_message *request,
			bool from_trusted, struct text service_route, uint64_t now_ms,
			struct text_writer *lines, struct text_writer *changes);

#endif
