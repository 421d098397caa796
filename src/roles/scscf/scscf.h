/* The S-CSCF, TS 24.229 §5.4: one file per procedure. */
#ifndef ROLES_SCSCF_SCSCF_H
#define ROLES_SCSCF_SCSCF_H

#include "base/random.h"
#include "roles/scscf/authentication.h"
#include "roles/scscf/bindings.h"
#include "roles/scscf/subscribers.h"
#include "roles/scscf/service_control.h"
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
/* What had to come from an application server does not come, and session->release_parts say what is done
 * instead. */
void scscf_release_without_servers(struct session *session, bool was_established,
				   const struct scscf_dialogs *dialogs, struct random *random,
				   struct actions *out);
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

/* The BYE of a party got no answer that ends the dialog, and what lies beyond the application server on its way
 * has ended or is being released without that server. */
void scscf_bye_died_in_server(struct session *session, struct dialog *dialog, enum dialog_side from,
			      unsigned status, const struct scscf_dialogs *dialogs,
			      struct actions *out);

/* The last branch of the initial INVITE has its final response: ends the session when its dialogs have
 * all ended before. */
void scscf_last_branch_is_final(struct session *session, const struct scscf_dialogs *dialogs,
				struct actions *out);

/* --- session_expired.c --------------------------------------------- TS 24.229 §5.4.5.3 */

void scscf_session_expired(struct session *session, const struct scscf_dialogs *dialogs,
			   struct actions *out);

/* --- initial_request.c ---------------------------------------------- TS 24.229 §5.4.3.2, §5.4.3.3 */

/* Where a request goes, and whom we serve. Texts are views into the request, the bindings, the
 * subscribers or `w`. */
struct scscf_target {
	struct text request_uri;  /* empty: as it came */
	struct text path;         /* comma list for Route, may be empty */
	struct endpoint next_hop; /* not set: from the path or the Request-URI */
	struct handle contact;    /* binding that it came from */
};
struct scscf_service {
	unsigned status; /* 0: forward to the server or the targets; else: answer this */
	unsigned served; /* SERVES_… */
	struct text calling_user,
		called_user; /* addresses of record, written to the writer given */
	/* The application server whose turn it is; NULL: the targets. */
	const struct filter_criteria *criteria;
	enum session_case session_case;
	struct text served_user; /* of that case */
	bool is_registered;      /* that user */
	bool is_diverted; /* service control of the called user ended by a change of the Request-URI */
	uint8_t sides[2]; /* enum session_side_kind */
	struct handle calling_contact;
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
/* Under whose name the contacts of a user are kept: the main identity of its implicit registration set; the
 * user itself when it is no subscriber. A view into the subscribers, or `user`. */
struct text scscf_registered_as(const struct scscf_surroundings *around, struct text user);
/* Are these identities of the same implicit registration set? What only a wildcard stands for is a user of its own. */
bool scscf_is_same_user(const struct scscf_surroundings *around, struct text a, struct text b);
/* Has it a contact now? */
bool scscf_is_registered(const struct scscf_surroundings *around, struct text user);
/* Has the user in this URI (of a From), or somebody, a contact at the address? */
bool scscf_comes_from_contact(const struct scscf_surroundings *around, struct text from_uri,
			      const struct endpoint *source);

/* What is known about the request besides its bytes. */
struct scscf_arrival {
	const struct endpoint *source;
	bool from_trusted; /* the source address may send to other domains and assert identities */
	bool originating;  /* the topmost Route was our own with the `orig` parameter */
	bool has_more_routes; /* other Route values follow: they decide where it goes */
	bool to_own_address; /* the Request-URI names this server's own address: a user of ours is meant */
	bool passed_before; /* our own Via is in it: a spiral, the calling side was served then */
	/* It comes back from an application server: the passage that went there. NULL: it comes anew. */
	const struct service_passage *resumed;
};

void scscf_serve_initial_request(const struct scscf_surroundings *around,
				 const struct sip_message *request,
				 const struct scscf_arrival *arrival, struct text_writer *w,
				 struct scscf_service *ret);

/* --- registration.c, registration_contacts.c ------------------- TS 24.229 §5.4.1, RFC 3261 §10.3,
 * RFC 3327, RFC 5626 */

/* What is known about a REGISTER besides its bytes. */
struct scscf_register_arrival {
	const struct endpoint *source;
	bool from_trusted;
	struct text service_route; /* our own URI for Service-Route, in < > */
	uint64_t now_ms;
	struct random *random;
	struct authentication *authentication; /* NULL: nobody can authenticate */
	const struct authentication_settings *authentication_settings;
};

struct scscf_register_result {
	unsigned status;
	struct text user; /* name of the bindings, in user_bytes */
	unsigned
		registration_type; /* one REGISTRATION_… bit when the state changed or was refreshed, 0 else */
	uint32_t expires_s;     /* longest time of a contact that is there now */
	unsigned n_added;       /* contacts that were not there before */
	bool was_authenticated; /* `authentication` was filled in */
	struct authentication_answer authentication;
	char user_bytes[LIMIT_URI_BYTES];
};

/* RFC 3261 §8.2.2.3: the option tags that the request requires of us and that are not known, as a header line; empty:
 * none. For REGISTER, and SUBSCRIBE to the state of a registration. */
struct text scscf_put_unsupported(const struct sip_message *request, struct text_writer *w);

/* A change for bindings_apply() of the other shards takes no more than this. */
#define BINDING_LINE_BYTES_MAX (4u * LIMIT_URI_BYTES + LIMIT_ROUTE_SET_BYTES + 1024u)
#define REGISTER_CHANGES_MAX   (2u * LIMIT_CONTACTS_OF_USER)
/* The header lines of a response. */
#define REGISTER_LINES_BYTES_MAX 49152u

/* Works a REGISTER off: changes the bindings and writes the header lines of the response to
 * `lines`. Each change is written to `changes` as a line for bindings_apply() of the other shards. */
void scscf_register(const struct scscf_surroundings *around, const struct sip_message *request,
		    const struct scscf_register_arrival *arrival, struct text_writer *lines,
		    struct text_writer *changes, struct scscf_register_result *ret);

/* Takes one contact of a user out, or all (empty), for a reason of the network (§5.4.1.5). `user`: name of
 * the bindings. Those of the bindings file stay. Returns how many. */
unsigned scscf_deregister(const struct scscf_surroundings *around, struct text user,
			  struct text contact, enum binding_gone_why why, uint64_t now_ms,
			  struct text_writer *changes);

/* A user whose last contact went is still known for this long: 480, and not 404, to its callers. */
static inline uint64_t scscf_known_for_ms(const struct scscf_surroundings *around)
{
	return (uint64_t)around->registration_max_s * 1000;
}

#endif
