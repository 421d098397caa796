/* The inside of a node, for src/node only. */
#ifndef NODE_INTERNAL_H
#define NODE_INTERNAL_H

#include "base/map.h"
#include "base/random.h"
#include "base/store.h"
#include "node/node.h"
#include "roles/scscf/scscf.h"
#include "sip/edit.h"
#include "sip/message.h"
#include "sip/uri.h"
#include "sip/write.h"
#include "transaction/client_transaction.h"
#include "transaction/server_transaction.h"

/* Timers of what (struct timer.kind); those of sessions are in session.h. */
enum node_timer {
	NODE_TIMER_CLIENT = 1,
	NODE_TIMER_SERVER,
	NODE_TIMER_BINDING,
	NODE_TIMER_ORDERS,       /* releases that wait for their turn */
	NODE_TIMER_SUBSCRIPTION, /* to the state of a registration */
};

/* Whom a client transaction works for. */
enum client_owner {
	CLIENT_OF_PROXY,   /* a branch of a forwarded request: its server transaction is `server` */
	CLIENT_OF_RELEASE, /* a BYE of our own: `dialog`, `side` */
	CLIENT_OF_CANCEL,  /* a CANCEL: nobody waits for it */
	CLIENT_OF_LEG, /* a request on a leg of ours: `side` says which, `fork`; `server` when it passes a request on */
	CLIENT_OF_REGISTRAR, /* a NOTIFY or a third-party REGISTER: `owned` */
};

struct client_transaction {
	struct timer timer;
	struct client_machine machine;
	struct endpoint to;
	char *request; /* as sent; NULL once nobody needs it */
	uint32_t request_len;
	uint32_t cseq;
	struct handle server, next; /* next branch of the same server transaction */
	struct handle session, dialog;
	struct handle
		owned; /* CLIENT_OF_REGISTRAR: what it is for; CLIENT_OF_CANCEL: the INVITE's */
	uint64_t timer_c_at_ms;
	struct handle cancel; /* its CANCEL */
	char *cancel_lines;   /* Reason lines for a CANCEL that has to wait */
	uint32_t cancel_lines_len;
	uint32_t loop_hash;    /* in its branch: a response must show the same */
	uint16_t final_status; /* 0: none yet */
	uint8_t owner;         /* enum client_owner */
	uint8_t method;
	uint8_t side; /* requests inside a dialog: the side they come from; BYEs of ours: the side they go to */
	uint8_t local;
	uint8_t leg;           /* in the journal, where the request goes */
	uint8_t cancel_clause; /* enum session_clause, for the journal */
	uint8_t fork;          /* CLIENT_OF_LEG: early dialog of the leg */
	struct handle contact; /* binding of the called user that it goes to */
	struct handle contact_use;
	bool is_to_server; /* to an application server: its default handling may apply */
	bool is_refresh;   /* of a leg's session timer: no offer */
	bool is_withdrawn; /* its contact lost its registration: what it says is no answer to the call */
	bool is_passed_over; /* that server failed, and the request went on without it */
	bool waits_for_server; /* which has not said anything yet: timer_c_at_ms is the end of patience */
	bool cancel_wanted; /* as soon as a provisional response comes (RFC 3261 §9.1) */
	bool is_cancelled;
	bool is_initial_invite; /* counted in session->pending_branches */
	bool went_to_stream;    /* UDP was meant, size made it TCP (RFC 3261 §18.1.1) */
};

struct server_transaction {
	struct timer timer;
	struct server_machine machine;
	struct server_key key;
	struct endpoint peer; /* where responses go: source address; port by rport or sent-by */
	char *request;        /* as received */
	uint32_t request_len;
	uint32_t response_len;
	char *response; /* last one sent, for retransmission */
	char *best; /* best final response of the branches so far, as to be sent; NULL with best_status set: made here */
	uint32_t best_len;
	struct handle first_branch;
	struct handle session, dialog;
	struct handle passage; /* of service control, for as long as the request is with a server */
	uint32_t cseq;
	uint16_t best_status;
	uint16_t source_port; /* as seen, for rport */
	uint8_t method;
	uint8_t local;
	uint8_t side;    /* inside a dialog: whose request */
	uint8_t pending; /* branches without a final response */
	uint8_t fork;    /* of a leg: early dialog */
	bool is_of_leg;  /* came on a leg of ours: `side` is enum anchored_leg */
	bool is_cancelled;
	bool has_final;
	bool is_in_journal; /* it goes on to another hop, or to several: it came only once */
};

#define OUTBOX_BYTES (4u << 20)
#define OUTBOX_ROOM                                                                                \
	(LIMIT_BRANCHES + 4u) * (LIMIT_MESSAGE_BYTES + 1024u) /* what one step may need */
#define SCRATCH_BYTES (LIMIT_MESSAGE_BYTES + 8192u)

struct release_order {
	uint32_t number; /* 0: free place */
	struct node_release_order what;
	char user[LIMIT_URI_BYTES];
	char reason_text[128];
	uint32_t cursor;      /* of pool_next() */
	uint32_t last_serial; /* sessions that began later are left alone */
	uint64_t began_ms;
	uint64_t begun_paced; /* by the pace, since began_ms */
	bool scanned;         /* the walk has come to its end */
	struct node_release_progress progress;
};

#define FINISHED_ORDERS 64u

struct node {
	const struct node_settings *settings;
	uint64_t now_ms;
	struct random random;
	struct hash_key key;
	struct timers timers;
	bool draining;

	struct pool *sessions, *dialogs, *servers, *clients, *passages, *contact_uses, *anchored;
	uint32_t transactions_max; /* forwarded requests at once; our own have some room more */
	struct store *session_store, *message_store;
	struct map servers_by_key, sessions_by_call_id, uses_by_contact;
	struct map anchored_by_call_id, anchored_by_number;
	uint32_t active_order; /* of the sessions of the SCC AS */
	struct handle first_gone,
		last_gone; /* contacts that are gone, by the first of their uses */
	struct bindings bindings;
	struct registrar *registrar; /* NULL: on another shard, docs/adr/0018 */

	/* ended sessions, oldest first */
	struct handle *ended;
	uint32_t ended_first, n_ended, ended_max;

	struct release_order orders[LIMIT_RELEASE_ORDERS];
	struct release_order finished[FINISHED_ORDERS];
	uint32_t next_order, next_finished;
	struct timer orders_timer;

	/* what goes out */
	char *outbox;
	uint32_t outbox_used;
	struct node_action *actions;
	uint32_t n_actions, next_action;

	struct node_counters counters;

	/* of the step at hand */
	struct sip_message message; /* the one being worked on */
	struct sip_message other;   /* a stored one, looked at again */
	struct sip_message stored;  /* a stored one that passes on, while `other` is looked at */
	struct sip_edit edit;
	char *scratch, *scratch2;
	bool response_from_trusted;   /* what the response at hand says of identities passes on */
	struct handle ended_passages; /* first passages of sessions that ended in this step */
	struct handle
		without_server; /* server transaction whose application server failed: it goes on, at the end of the step */
	uint64_t confirmed, releasing; /* gauges kept by session_set_state() */
};

/* --- node.c --------------------------------------------------------------------------------- */

struct scscf_surroundings node_surroundings(struct node *node, struct scscf_domain_route *routes);

/* --- outbox.c: what goes out ------------------------------------------------------------ */

/* A writer at the end of the outbox; outbox_send() sends what was written with it. */
struct text_writer outbox_writer(struct node *node);
/* Returns what was sent (a view into the outbox), empty when it was lost (writer full, outbox
 * full): counted. */
struct text outbox_send(struct node *node, const struct text_writer *written,
			const struct endpoint *to, uint8_t local);
/* Sends bytes kept elsewhere (again). */
void outbox_send_again(struct node *node, struct text bytes, const struct endpoint *to,
		       uint8_t local);
void outbox_binding(struct node *node, struct text line);
/* A line of the log, written with `w`: see event_lines.h. */
void outbox_log(struct node *node, enum node_log_level level, const struct text_writer *w);
static inline bool node_logs(const struct node *node, enum node_log_level level)
{
	return level <= node->settings->log_level;
}

/* --- addressing.c: who is meant, where it goes ------------------------------------------ */

/* Who listens there. */
enum node_role {
	ROLE_SCSCF,
	ROLE_SCCAS,
};
static inline enum node_role role_at(const struct node *node, uint8_t local)
{
	return node->settings->listen_sccas >> local & 1u ? ROLE_SCCAS : ROLE_SCSCF;
}
/* A host and port of ours, in this role? */
bool addressing_is_own_of(const struct node *node, enum node_role role, struct text host,
			  uint16_t port);
/* Of the S-CSCF. */
bool addressing_is_own(const struct node *node, struct text host, uint16_t port);
bool addressing_is_own_uri(const struct node *node, struct text uri);
/* Our own Record-Route or Route URI: its parameters. */
struct own_route {
	bool is_own;
	bool originating; /* `orig` */
	bool has_session; /* our handle parameter is there and readable */
	struct node_session_id session;
	bool has_original_dialog; /* original dialog identifier: of a passage */
	struct node_session_id passage;
	uint64_t secret;
};
struct own_route addressing_own_route(const struct node *node, struct text uri);

struct next_hop {
	struct endpoint to;
	uint8_t local;
	bool went_to_stream;
};
/* Where a request of `bytes` bytes with this next URI goes. false: nowhere (a host that is not an
 * address and has no route, a transport that we have not). */
bool addressing_next_hop(const struct node *node, struct text uri, uint32_t bytes,
			 struct next_hop *ret);
bool addressing_next_hop_of(const struct node *node, enum node_role role, struct text uri,
			    uint32_t bytes, struct next_hop *ret);
/* The listening point to send from; false: none of this transport and family. */
bool addressing_local(const struct node *node, const struct endpoint *to, uint8_t *ret_local);
bool addressing_local_of(const struct node *node, enum node_role role, const struct endpoint *to,
			 uint8_t *ret_local);
bool addressing_is_trusted(const struct node *node, const struct endpoint *from);
/* Where the responses to this request go (RFC 3261 §18.2.2, RFC 3581 §4). */
struct endpoint addressing_of_responses(const struct sip_message *request,
					const struct endpoint *source);
/* The top Via value with received and rport filled in; a view into the message when nothing
 * changes. */
struct text addressing_top_via(const struct sip_message *request, const struct endpoint *peer,
			       struct text_writer *w);

void addressing_put_via(struct text_writer *w, const struct node *node, uint8_t local,
			struct text branch);
/* "<sip:host:port;lr;odi=...>": takes a request back from an application server to its passage. */
void addressing_put_original_dialog(struct text_writer *w, const struct node *node, uint8_t local,
				    const struct service_passage *passage);
/* "<sip:host:port;lr...>" of a listening point; with the handle of a session when it is set. */
void addressing_put_own_route(struct text_writer *w, const struct node *node, uint8_t local,
			      struct handle session, bool originating);

/* Branches of ours carry shard, handle of the client transaction, and a hash of what the routing
 * depends on, for loops (RFC 3261 §16.6 step 8). */
#define BRANCH_BYTES_MAX 64u
void branch_put(struct text_writer *w, const struct node *node, struct handle client,
		uint32_t loop_hash);
bool branch_parse(struct text branch, uint32_t *ret_shard, struct handle *ret_client,
		  uint32_t *ret_loop_hash);

/* --- transactions.c --------------------------------------------------------------------- */

struct server_transaction *server_find(struct node *node, const struct server_key *key);
/* NULL: a bound was reached. Keeps a copy of the request. */
struct server_transaction *server_begin(struct node *node, const struct sip_message *request,
					const struct server_key *key, const struct endpoint *source,
					uint8_t local);
/* A response of our own. `lines`: further header lines. */
void server_answer(struct node *node, struct server_transaction *server, unsigned status,
		   struct text reason_phrase, struct text lines);
/* Sends a response of ours without keeping anything: before or without a transaction. */
void answer_statelessly(struct node *node, const struct sip_message *request,
			const struct endpoint *source, uint8_t local, unsigned status,
			const char *reason_phrase, struct text lines);
/* A response was written with `w`: sends it, keeps what may be needed again, moves the machine. */
void server_send(struct node *node, struct server_transaction *server, unsigned status,
		 const struct text_writer *w);
void server_apply(struct node *node, struct server_transaction *server, unsigned orders);
void server_stay_silent(struct node *node, struct server_transaction *server);
/* "Retry-After: S" of the settings, as a header line. */
struct text put_retry_after(const struct node *node, struct text_writer *w);

struct client_transaction *client_take(struct node *node);
/* The request was written with `w`: sends it from now on. false: no memory, and nothing was sent. */
bool client_begin(struct node *node, struct client_transaction *client, const struct next_hop *hop,
		  enum sip_method method, const struct text_writer *w);
void client_apply(struct node *node, struct client_transaction *client, unsigned orders,
		  const struct sip_message *response);
/* CANCEL now or as soon as it is allowed (RFC 3261 §9.1). `reason`: a header line, may be empty. */
void client_cancel(struct node *node, struct client_transaction *client, struct text reason_line);
void client_end(struct node *node, struct client_transaction *client);
/* It goes to an application server: without any response within settings->server_wait_ms that one has
 * failed. */
void client_waits_for_server(struct node *node, struct client_transaction *client);
/* It has said something. */
void client_heard_server(struct node *node, struct client_transaction *client);
void client_arm(struct node *node, struct client_transaction *client);
void server_arm(struct node *node, struct server_transaction *server);
struct handle client_handle(const struct node *node, const struct client_transaction *client);

/* --- receive_request.c, serve_initial_request.c, receive_response.c --------------------------- */

/* The application server of node->without_server failed, and the request goes on without it. */
void receive_request_goes_on(struct node *node);

void receive_request(struct node *node, const struct endpoint *source, uint8_t local);
void receive_response(struct node *node);
/* The response in node->message without our Via, as it goes to `server`'s peer (§16.7 step 3). A 503
 * does not pass: it would speak of us (§16.7 step 6). false: it does not fit. */
bool write_relayed(struct node *node, const struct server_transaction *server, unsigned status,
		   struct text_writer *w);
/* A branch came to its end without a message: 408 (timeout) or 503 (transport). */
void branch_failed(struct node *node, struct client_transaction *client, unsigned status);

/* --- forward_request.c -------------------------------------------------------------------- */

struct forwarding {
	struct text request_uri; /* empty: as it is */
	struct text path;        /* values to put before the remaining routes, may be empty */
	unsigned own_routes;     /* values of Route that are ours: taken off */
	unsigned
		routes_end; /* values of Route that count: without one that became the Request-URI */
	struct text
		strict_request_uri; /* previous hop was a strict router: Request-URI from the last Route (RFC 3261 §16.4) */
	struct endpoint next_hop; /* set: overrides */
	struct text lines;        /* further header lines, for the trust domain */
	bool is_to_server; /* an application server of ours: inside the trust domain wherever it stands */
	bool from_trusted; /* what it says of identities and charging passes on */
	bool record_route;
	bool raise_session_interval; /* RFC 4028 §8.1 */
	uint32_t loop_hash;
	struct endpoint source;
	uint8_t local; /* it came in by */
};
/* A datagram may do without Content-Length, a stream may not (RFC 3261 §18.3): adds the line where it
 * is missing. `buffer` must live until the edit is written. */
void edit_content_length(struct sip_edit *edit, const struct sip_message *m, bool reliable,
			 char *buffer, size_t max);
/* Forwards node->message as a branch of `server` (NULL: ACK, without a transaction). Returns the
 * client transaction; NULL for an ACK (*ret_status: 0) or when it could not be forwarded (*ret_status:
 * why). */
struct client_transaction *forward_request(struct node *node, struct server_transaction *server,
					   const struct forwarding *f, struct session *session,
					   struct dialog *dialog, enum dialog_side side,
					   unsigned *ret_status);

/* --- sessions.c ----------------------------------------------------------------------------- */

uint32_t call_id_hash(const struct node *node, struct text call_id);
struct session *session_begin(struct node *node, const struct sip_message *invite,
			      const struct scscf_service *service, struct text charging_vector);
/* The dialog of this To tag in the session, or NULL. */
struct dialog *session_dialog(struct node *node, const struct session *session, struct text to_tag);
/* Makes or refreshes the dialog of a response to the initial INVITE. NULL: not remembered. */
struct dialog *session_dialog_of_response(struct node *node, struct session *session,
					  const struct client_transaction *client,
					  const struct sip_message *response);
/* Finds session, dialog and side of a request inside a dialog. */
struct found_dialog {
	struct session *session;
	struct dialog *dialog;
	enum dialog_side side; /* whose request */
};
bool session_of_request(struct node *node, const struct sip_message *request,
			const struct own_route *route, struct found_dialog *ret);
void session_set_state(struct node *node, struct session *session, enum session_state state);
void session_finish(struct node *node, struct session *session, enum session_end end,
		    unsigned status, enum session_clause clause);
/* Takes early dialogs out: of one branch of the INVITE, or of all (0). */
void session_drop_early_dialogs(struct node *node, struct session *session, uint8_t branch);
void session_forget(struct node *node, struct session *session);
/* The ended dialogs of another passage, for the memory of the first. */
void session_take_dialogs(struct node *node, struct session *first, struct session *other);
struct scscf_dialogs session_dialogs(struct node *node, const struct session *session);
void session_arm_expiry(struct node *node, struct session *session,
			const struct sip_message *response);
/* The session timer of a session that is being released: the next of its waits. */
void session_arm_release(struct node *node, struct session *session);
/* A party has hung up, and its BYE waits for the answer. */
bool session_is_terminating(const struct node *node, const struct session *first);
struct session *session_at(const struct node *node, struct handle handle);
struct dialog *dialog_at(const struct node *node, struct handle handle);

/* --- journaling.c: what crossed the wire ------------------------------------------------------ */

void session_journal(struct node *node, struct session *session, struct journal_record record);
/* The record of a request with its Reason: from the message, or from header lines that go with it. */
struct journal_record journal_with_reason(struct journal_record record,
					  const struct sip_message *m);
struct journal_record journal_with_reason_lines(struct journal_record record, struct text lines);
/* A response goes out. Only server_send() says so. */
void journal_response_sent(struct node *node, const struct server_transaction *server,
			   unsigned status);
/* The request was sent, or came, once more. */
void journal_request_again(struct node *node, const struct client_transaction *client);
void journal_request_came_again(struct node *node, const struct server_transaction *server);
/* The CANCEL in node->message met this INVITE when it had its final response. */
void journal_cancel_too_late(struct node *node, const struct server_transaction *invite);
/* An application server of this session failed, and its default handling was applied. `status`: what it answered. */
void journal_server_failed(struct node *node, struct session *session,
			   const struct client_transaction *client, unsigned status,
			   enum session_clause clause);

/* --- passages.c: service control over several passages --------------------------------------- */

/* NULL: no application server is in the path of it. */
struct service_passage *passage_of(const struct node *node, const struct session *session);
struct service_passage *passage_at(const struct node *node, struct handle handle);
/* The session of the first passage: it has the journal and speaks for all. */
struct session *session_first(const struct node *node, const struct session *session);
/* A number for a leg in the journal of all. */
uint8_t session_take_leg(struct node *node, struct session *session);
/* The passage of `session` (NULL: a request without a dialog), new when it has none. `previous`: whose
 * server called back; NULL: the first one. NULL when out of memory, or the session has LIMIT_PASSAGES. */
struct service_passage *passage_begin(struct node *node, struct session *session,
				      struct service_passage *previous);
/* The request goes to the server of the criteria. false: out of memory. */
bool passage_to_server(struct node *node, struct service_passage *passage,
		       const struct scscf_service *service, struct text request_uri,
		       struct text charging_vector);
/* That of an original dialog identifier; NULL: unknown, over, or not the one that was given out. */
struct service_passage *passage_of_original_dialog(const struct node *node,
						   const struct own_route *route);
void passage_forget(struct node *node, struct handle handle);
/* Does the server of this failed branch go without? Then the request goes on at the end of the step. */
bool passage_goes_on(struct node *node, struct server_transaction *server,
		     const struct client_transaction *client, unsigned status);
/* Walks the sessions of all passages, from that of the first. */
struct session *session_next_passage(const struct node *node, const struct session *session);
/* A BYE of ours, or of a party, toward a server was answered, or was not: what waits for it further on need
 * not wait when it was not passed on. `ordered`: by a release. */
void passages_bye_answered(struct node *node, struct session *session, const struct dialog *dialog,
			   enum dialog_side toward, unsigned status, bool ordered);
/* Did a server fork, and does the session ring (or talk) in another of its branches too? */
bool passages_ring_elsewhere(const struct node *node, const struct session *session);
/* Is there a server on that side, and nothing of the session behind it but what has ended or is being
 * released? */
bool passages_have_ended(const struct node *node, const struct session *session,
			 enum dialog_side toward);
/* A BYE went on to that side: a server there has no longer than that from now on to pass it. */
void passages_bye_passed(struct node *node, struct session *session, enum dialog_side toward);
/* The wait for what comes through the servers is over. */
void passage_wait_over(struct node *node, struct session *session);
/* All passages of it have ended: those but the first are forgotten at the end of the step. */
void passages_ended(struct node *node, struct session *first);
void passages_forget_ended(struct node *node);
/* The state of the session as a whole: ended when every passage has. */
enum session_state session_state_of_all(const struct node *node, const struct session *session);
/* Which part of the release each passage has; begins them all. */
void passages_release(struct node *node, struct session *first);

/* --- contacts.c: sessions of registered contacts --------------------------------------------- */

/* @req SC-7
 * A session, a dialog or a branch that has to do with a registered contact. */
struct contact_use {
	struct handle contact; /* binding */
	struct handle session;
	struct handle previous, next; /* of the same contact */
	struct handle next_gone;      /* of a first use: that of the next contact that is gone */
	bool is_gone; /* a first use of a contact that is gone: it stays first, and is looked at last */
	bool has_left;      /* such a one, which has to do with nothing any more */
	bool was_looked_at; /* on no list any more */
};
/* Not set: no such contact, or out of memory (counted). */
struct handle contact_join(struct node *node, struct handle contact, const struct session *session);
void contact_leave(struct node *node, struct handle *use);
/* Takes note of every contact whose registration has ended, and releases its sessions as far as there is
 * room; the rest follows at ticks, by contacts_go_on(). */
void contacts_gone(struct node *node);
void contacts_go_on(struct node *node);
/* Are there sessions that wait for their release? */
bool contacts_wait(const struct node *node);

/* --- carry_out.c: the verbs ------------------------------------------------------------------ */

struct step {
	struct session *session;
	const struct sip_message *message;   /* at hand, may be NULL */
	struct server_transaction *server;   /* of the request at hand, may be NULL */
	struct client_transaction *client;   /* of the response at hand, may be NULL */
	const struct forwarding *forwarding; /* of the request at hand, may be NULL */
	enum dialog_side from;
};
void carry_out(struct node *node, const struct step *step, const struct actions *actions);
/* Cancels every branch of an INVITE that has no final response and is not cancelled yet, but for
 * `spared` (may be NULL). Returns how many. */
unsigned cancel_branches(struct node *node, struct server_transaction *invite,
			 const struct client_transaction *spared, struct text reason_lines,
			 enum session_clause clause);
/* A BYE of ours got its final response, or none. */
void bye_of_release_answered(struct node *node, struct client_transaction *client, unsigned status,
			     enum leg_outcome failed, const struct sip_message *response);
/* What is left to do after a step of a release. */
void release_step_done(struct node *node, struct session *session);
/* Begins the release of one session. */
void session_release(struct node *node, struct session *session, uint16_t status,
		     struct text reason_text, uint32_t order, enum session_clause why);
/* The part of one passage, with session->release_parts set. */
void passage_release(struct node *node, struct session *session);
void put_reason_line(struct text_writer *w, unsigned status, struct text text);

/* --- reports.c ------------------------------------------------------------------------------- */

/* Does this user call or is it called in any passage, under whatever identity of its set? `first`: session of the
 * first passage. */
bool session_is_of_user(const struct node *node, const struct session *first, struct text user);

/* --- release_orders.c ------------------------------------------------------------------------ */

bool release_has_transactions_for(const struct node *node, const struct session *first);
/* The tick at which releases that wait go on. */
void releases_arm(struct node *node);
void orders_expired(struct node *node);
void orders_session_finished(struct node *node, struct session *session);

#endif
