/* The inside of the node for sessions that are held together by legs of ours (SCC AS), for src/node
 * only. */
#ifndef NODE_LEGS_H
#define NODE_LEGS_H

#include "node/arrival.h"
#include "roles/sccas/sccas.h"
#include "dialog/session_interval.h"
#include "sip/body.h"

struct sccas_user;

/* A leg, or a further early dialog of a called leg that forked further down: fork 0 is the leg itself. */
struct leg_place {
	struct session *session;
	struct anchored_session *anchored;
	struct leg *leg;
	enum anchored_leg which;
	uint8_t fork;
};

/* --- anchored_sessions.c ------------------------------------------------------------------- */

struct anchored_session *anchored_of(const struct node *node, const struct session *session);
struct anchored_session *anchored_at(const struct node *node, struct handle handle);
/* NULL: a bound was reached. `user`: NULL when nobody that we know. */
struct anchored_session *anchored_begin(struct node *node, const struct sip_message *invite,
					const struct sccas_user *user, bool is_terminating,
					struct text calling_user, struct text called_user);
void anchored_forget(struct node *node, struct session *session);
/* The first session of a user, and on by anchored_session.next_of_user. */
struct anchored_session *anchored_first_of_user(const struct node *node, struct text c_msisdn);
/* A leg got its Call-ID: requests find it from now on. false: out of memory. */
bool anchored_index_leg(struct node *node, struct anchored_session *a, const struct leg *leg);
void anchored_unindex_leg(struct node *node, struct anchored_session *a, const struct leg *leg);
/* The leg of a request inside a dialog. */
bool anchored_leg_of_request(struct node *node, const struct sip_message *request,
			     struct leg_place *ret);
/* By a dialog, as Target-Dialog names it (RFC 4538): any tag may come first. */
struct anchored_session *anchored_of_dialog(const struct node *node, struct text call_id,
					    struct text one_tag, struct text other_tag);
struct leg_place leg_place_of(struct node *node, struct session *session, unsigned which,
			      unsigned fork);
/* The leg that this one is joined with; NULL: none at present. */
struct leg *anchored_peer(struct anchored_session *a, enum anchored_leg which,
			  enum anchored_leg *ret_which);
/* After every step: waits are armed, and a session without a living leg ends. */
void anchored_step_done(struct node *node, struct session *session);
void anchored_timer_expired(struct node *node, struct session *session);
/* The operator's order, or a deregistration. */
void anchored_release(struct node *node, struct session *session, enum session_clause clause);
/* Offer and answer of two legs are agreed. */
void anchored_speech_agreed(struct node *node, struct anchored_session *a);

/* What the SCC AS answers itself or passes on. */
#define ALLOW_OF_SCCAS "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS\r\n"

/* --- leg_messages.c: bytes ------------------------------------------------------------------ */

/* A request of ours on a leg. */
struct leg_request {
	enum sip_method method;
	uint32_t cseq;
	struct text lines; /* further header lines */
	struct text body;  /* application/sdp unless `content_type` says otherwise */
	struct text content_type;
	/* A request of another leg that passes on: its header fields and its body come along. */
	const struct sip_message *passing;
	struct text request_uri; /* of an initial INVITE; else that of the dialog */
	struct text route;       /* likewise */
	struct handle server;    /* transaction of the passing request */
	/* for the journal */
	uint8_t from_leg;   /* that it passes on from in this step; 0: it begins here */
	uint32_t from_cseq; /* its number there */
	enum session_clause clause;
};
/* Sends it with a client transaction (ACK: without; then NULL is returned too). NULL: it could not be
 * sent. */
struct client_transaction *leg_send(struct node *node, const struct leg_place *at,
				    const struct leg_request *request);
/* A response of ours to a request of this leg. `passing`: a response of another leg whose header fields
 * come along; `body`: replaces its body when not empty. */
struct leg_response {
	unsigned status;
	struct text reason_phrase; /* empty: the default */
	struct text lines;
	struct text body;
	struct text contact_params; /* feature tags of ours; `passing` brings its own */
	const struct sip_message *passing;
	uint8_t fork;
};
void leg_answer(struct node *node, struct server_transaction *server, const struct leg_place *at,
		const struct leg_response *response);
/* A new From or To value of ours: `value` with a new tag; empty when it does not fit. */
struct text leg_put_local(struct node *node, struct text value, struct text_writer *w);
/* The URI of the first Contact; empty when there is none. */
struct text leg_contact_of(const struct sip_message *m);
/* Record-Route values of a message as route set: of a request as they are, of a response reversed. */
bool leg_put_route_set(const struct sip_message *m, struct text_writer *w);

/* --- receive_at_sccas.c, transfer_request.c, leg_answers.c ------------------------------------- */

void receive_at_sccas(struct node *node, struct arrival *a);
/* The request `m` of a leg goes on to another; `server` is its transaction. node->message and its parts
 * stay as they are. `has_just_come`: in this step. false: it could not be sent. */
bool leg_pass_on(struct node *node, const struct leg_place *from, const struct leg_place *to,
		 struct server_transaction *server, const struct sip_message *m,
		 bool has_just_come);
/* A CANCEL met this transaction, and was answered. */
void leg_invite_cancelled(struct node *node, struct server_transaction *invite);
/* The transaction is over; a 2xx of its own may never have been acknowledged. */
void leg_transaction_ended(struct node *node, struct server_transaction *server);
/* An INVITE due to STN-SR (or ATU-STI, or additional session). */
enum transfer_request {
	TRANSFER_REQUEST_NOT,
	TRANSFER_REQUEST_STN_SR,
	TRANSFER_REQUEST_ATU_STI,
	TRANSFER_REQUEST_ADDITIONAL,
};
/* Why one is refused. */
enum transfer_refusal {
	REFUSED_UNSUPPORTED,
	REFUSED_NO_SPEECH,
	REFUSED_NO_CONTACT, /* no request of ours would find its way */
	REFUSED_NO_NUMBER,
	REFUSED_UNKNOWN_USER,
	REFUSED_BAD_TARGET_DIALOG,
	REFUSED_NO_SESSION,
	REFUSED_NOT_THAT_SESSION, /* Target-Dialog named it */
	REFUSED_LATE, /* the same, and the user's session was released after its hold a moment before */
};
/* Log and counters hear of it; node->message is the INVITE. `user`: NULL when unknown. */
void transfer_refused(struct node *node, const struct arrival *a, enum transfer_refusal why,
		      unsigned status, const struct sccas_user *user);
/* Likewise of an INVITE for a number that is nobody's here, so perhaps meant as STN-SR. */
void transfer_number_unknown(struct node *node, const struct arrival *a);
enum transfer_request transfer_request_of(const struct node *node, const struct sip_message *m);
void transfer_request(struct node *node, struct arrival *a, enum transfer_request kind);
struct sccas_features leg_features_of(const struct sip_message *m);
/* node->message answers a request of ours on a leg; or nothing does: 408, 503. */
void leg_request_answered(struct node *node, struct client_transaction *client);
/* The interval of the session timer that begins now, RFC 4028; 0: none. The session has one. Who refreshes:
 * the peer of this leg, or the other side. */
void leg_note_interval(struct node *node, const struct leg_place *at, uint32_t seconds,
		       bool peer_refreshes);
void leg_request_failed(struct node *node, struct client_transaction *client, unsigned status);

/* --- alerting_progress.c ----------------------------------------------------------------------- */

/* RFC 3262: our provisional response on the target leg. */
void leg_send_progress(struct node *node, const struct leg_place *at,
		       struct server_transaction *server);
void leg_progress_again(struct node *node, struct session *session);
/* A 1xx of the called remote party while a transfer is under way: nobody else acknowledges it if it is reliable
 * (RFC 3262 §4), and the MSC server hears that it rings. */
void leg_remote_party_rings(struct node *node, const struct leg_place *at);
/* A PRACK on an access leg or of the caller while a transfer is under way. */
void leg_prack_while_transferred(struct node *node, const struct leg_place *at,
				 struct server_transaction *server);
/* RSeq of a reliable provisional response; 0: it is none. */
uint32_t leg_reliable_sequence(const struct sip_message *m);
/* The RSeq that the RAck of a PRACK names; 0: none. */
uint32_t leg_acknowledged_sequence(const struct sip_message *m);
void leg_progress_acknowledged(struct node *node, const struct leg_place *at,
			       struct server_transaction *prack);
/* An INFO of the MSC server in the alerting phase. true: it was for this server. */
bool leg_info_of_msc(struct node *node, const struct leg_place *at,
		     struct server_transaction *server);

/* --- carry_out_legs.c --------------------------------------------------------------------------- */

void carry_out_legs(struct node *node, struct session *session, const struct leg_actions *actions);
/* The leg's dialog or INVITE ends, as its state wants. */
void leg_release(struct node *node, const struct leg_place *at, enum session_clause clause,
		 uint16_t status);
/* The leg ends while an INVITE of ours on it has no final response: it is waited for, and acknowledged, but not for
 * longer than the peer may take to answer the BYE (RC-4); no CANCEL follows a BYE. */
void leg_let_go_of_offer(struct node *node, const struct leg_place *at);
void leg_send_bye(struct node *node, const struct leg_place *at, enum session_clause clause);
/* `passing`: the ACK of the leg `from`, which goes on in this step; both may be NULL. */
void leg_send_ack(struct node *node, const struct leg_place *at, uint32_t cseq, struct text body,
		  const struct sip_message *passing, const struct leg_place *from);
/* Final response of ours to what the peer has pending on the leg. false: nothing is. */
bool leg_refuse_pending(struct node *node, const struct leg_place *at, unsigned status,
			enum session_clause clause);
/* The same for a re-INVITE or UPDATE only. */
bool leg_refuse_offer(struct node *node, const struct leg_place *at, unsigned status,
		      enum session_clause clause);
/* The 2xx on this leg that is still to be acknowledged is acknowledged by this server: whose ACK should
 * have gone there is asked for it by this server alone (RFC 3261 §13.3.1.4). */
void leg_take_over_ack(struct node *node, const struct leg_place *at);
/* Final responses of ours to all that the peer has pending there: offers, the INVITE, what has passed on. */
void leg_refuse_all(struct node *node, const struct leg_place *at, unsigned status,
		    enum session_clause clause);

#endif
