/* A node: the whole server without a clock, a socket, a thread, a file or a random source of its
 * own.
 *
 *     node_feed(node, now_ms, event)    bytes from a peer, news from another shard, a send that failed
 *     node_next_action(node, &action)   bytes to a peer, news for the other shards, a log line
 *     node_deadline(node)               when it wants to be woken;  node_expire(node, now_ms)
 *
 * One node per worker thread, nothing shared but the settings, which nobody changes. The caller's
 * loop:
 *
 *     feed (or expire) - while next_action: collect - ... - send all that was collected - node_actions_done
 *
 * Several feeds may come before one node_actions_done() as long as node_has_room(). All times are
 * milliseconds of one clock that never goes back; `now_ms` of a call is the time of everything that
 * it does. */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "base/endpoint.h"
#include "base/pool.h"
#include "node/counters.h"
#include "roles/sccas/sccas.h"
#include "roles/scscf/authentication.h"
#include "session/session.h"
#include "transaction/timer_table.h"

#define NODE_LISTEN_MAX  16u
#define NODE_NAMES_MAX   16u
#define NODE_DOMAINS_MAX 32u
#define NODE_TRUSTED_MAX 64u
#define NODE_ROUTES_MAX  64u

enum node_log_level {
	NODE_LOG_ERROR,   /* page someone */
	NODE_LOG_WARNING, /* a peer misbehaves, or a bound was reached */
	NODE_LOG_NOTICE,  /* what is rare and worth a look: a transfer, a release, a refusal */
	NODE_LOG_INFO,    /* life of every session and registration */
	NODE_LOG_DEBUG,   /* each step */
};

/* An address block: 127.0.0.0/8. */
struct node_prefix {
	struct endpoint address;
	uint8_t bits;
};

/* Where requests for a domain that is not served here go. */
struct node_route {
	struct text domain; /* "*": any */
	struct endpoint next_hop;
};

struct subscribers;

/* Read-only while a node uses it. The texts and the subscribers belong to whoever made it and live as
 * long. */
struct node_settings {
	struct endpoint listen
		[NODE_LISTEN_MAX]; /* where we receive; the sent-by of our Via and the URI of our Record-Route */
	uint8_t n_listen;
	uint32_t
		listen_sccas; /* bit by index in `listen`: the SCC AS listens there, else the S-CSCF */
	struct text names
		[NODE_NAMES_MAX]; /* host names that mean this server, besides the addresses of `listen` */
	uint8_t n_names;
	struct text domains[NODE_DOMAINS_MAX]; /* home domains: users of these are ours */
	uint8_t n_domains;
	struct node_prefix
		trusted[NODE_TRUSTED_MAX]; /* who may register and send to other domains */
	uint8_t n_trusted;
	struct node_route routes[NODE_ROUTES_MAX];
	uint8_t n_routes;

	struct timer_values timers;
	uint32_t
		stream_above_bytes; /* requests larger than this go by TCP (RFC 3261 §18.1.1: 1300); 0: never */
	const struct subscribers *
		subscribers; /* who the users are and what serves them; NULL: whoever registers from a trusted address */
	uint32_t registration_default_s, registration_min_s, registration_max_s;
	struct authentication_settings authentication;
	struct sccas_settings sccas;
	uint32_t release_sessions_per_s; /* pace of a release order that names none */
	uint16_t release_status;         /* code of the Reason when the order names none */
	uint16_t log_level;              /* enum node_log_level: what is not logged costs nothing */
	uint32_t retry_after_s;          /* in a 503 */
	uint32_t
		server_wait_ms; /* silence of an application server after which the session goes on, or ends, without it */

	/* Bounds, fixed when the node is opened: */
	uint32_t sessions_max, transactions_max, bindings_max, ended_sessions_max;
	uint32_t nonces_max, subscriptions_max; /* of the registrar's shard */
	uint32_t shard, n_shards;
};

/* The defaults of etc/adieu.yaml, no listening point, no domain, one shard. */
struct node_settings node_settings_default(void);

struct node;

/* NULL when out of memory. The seeds are drawn by the caller from the system's random source (or
 * from the number of a simulated run). */
struct node *node_open(const struct node_settings *settings, uint64_t seed0, uint64_t seed1,
		       uint64_t now_ms);
/* Frees all. NULL is allowed. */
void node_close(struct node *node);
/* Other settings from now on; sessions, transactions and bindings stay. Bounds and shard numbers of
 * the new ones are not looked at. */
void node_set_settings(struct node *node, const struct node_settings *settings);
/* Draining: initial INVITEs are answered 503 with Retry-After, everything else goes on. */
void node_set_draining(struct node *node, bool draining);

/* ------------------------------------------------------------------ events */

enum node_event_kind {
	NODE_EVENT_MESSAGE,     /* one datagram, or one framed message of a stream */
	NODE_EVENT_SEND_FAILED, /* this message could not be delivered: `bytes` are its beginning as far as known, `peer` where it should have gone */
	NODE_EVENT_BINDING, /* `bytes`: a NODE_ACTION_BINDING of another shard, or a line made by node_binding_line() */
};

struct node_event {
	enum node_event_kind kind;
	struct endpoint peer; /* source; for a stream with its flow */
	uint8_t local;        /* index in settings.listen that it came in by */
	struct text bytes;    /* need live only during the call */
};

void node_feed(struct node *node, uint64_t now_ms, const struct node_event *event);
/* Works off what is due. Does only so much that the actions have room; then node_deadline() is now. */
void node_expire(struct node *node, uint64_t now_ms);
/* UINT64_MAX: nothing to wait for. */
uint64_t node_deadline(const struct node *node);
/* Is there room for the actions of one more feed? If not: node_next_action() until false, then
 * node_actions_done(). */
bool node_has_room(const struct node *node);

/* ------------------------------------------------------------------ actions */

enum node_action_kind {
	NODE_ACTION_SEND, /* `bytes` to `peer` from listening point `local`. A stream with peer.flow 0 or gone: over a connection to that address, opened if need be */
	NODE_ACTION_BINDING, /* `bytes` are for every other shard: NODE_EVENT_BINDING there */
	NODE_ACTION_LOG,     /* one line, without time and level */
};

struct node_action {
	enum node_action_kind kind;
	struct endpoint peer;
	uint8_t local;
	uint8_t level;     /* enum node_log_level */
	struct text bytes; /* valid until node_actions_done() */
};

/* The next action in order; false when there is none. */
bool node_next_action(struct node *node, struct node_action *ret);
void node_actions_done(struct node *node);

/* ------------------------------------------------------------------ sharding */

/* The shard that a message belongs to, so that all requests, responses, CANCELs and retransmissions of a
 * session meet on one worker, whichever socket they came in by: that which our own Via, Record-Route or
 * original dialog identifier in it names, else by its Call-ID. REGISTER: shard 0. */
uint32_t node_shard_of(struct text message, uint32_t n_shards);
/* The shard that has all sessions of the SCC AS. */
uint32_t node_shard_of_sccas(uint32_t n_shards);
/* The same for what arrived at a listening point of the SCC AS: a response goes by our branch in it. */
uint32_t node_shard_at_sccas(struct text message, uint32_t n_shards);

/* A static binding (bindings file) as the bytes of a NODE_EVENT_BINDING: address of record, contact
 * URI, Path (comma list, may be empty). false: not valid URIs. */
bool node_binding_line(struct text user, struct text contact, struct text path,
		       struct text_writer *w);
/* Takes out all static bindings that were not given again since the last call (after the file was
 * read anew). */
void node_forget_old_static_bindings(struct node *node, uint64_t now_ms);

/* ------------------------------------------------------------------ what the operator sees and
 * orders */

struct node_session_id {
	uint32_t shard;
	struct handle handle;
};
/* "0-1f-2a": shard, index and generation in hex. */
void node_session_id_put(struct text_writer *w, const struct node_session_id *id);
bool node_session_id_parse(struct text t, struct node_session_id *ret);

struct node_dialog_report {
	const char *state; /* "early", "answered", "confirmed", "releasing", "ended" */
	struct text to_tag;
	struct text remote_target[2]; /* by enum dialog_side */
	struct text route_set[2];     /* toward that side, comma list */
	uint32_t cseq[2];             /* highest seen from that side */
	bool has_cseq[2];
	uint8_t outcome[2]; /* enum leg_outcome: of our BYE toward that side */
	uint16_t outcome_status[2];
	uint8_t legs[2]; /* of the journal: node_leg_name() */
	uint8_t passage; /* which of the session's passages it belongs to, from 0 */
};

#define NODE_REPORT_DIALOGS 8u

/* What a session waits for while it is set up, ends or is released. */
enum node_wait_kind {
	NODE_WAIT_BYE,           /* the final response to a party's BYE, until Timer F */
	NODE_WAIT_OWN_BYE,       /* the same to a BYE of ours */
	NODE_WAIT_OWN_CANCEL,    /* the final response to an INVITE that was cancelled */
	NODE_WAIT_BYE_OF_SERVER, /* a BYE that is to come out of an application server */
	NODE_WAIT_ACK,           /* the caller's ACK: before it no BYE goes there */
	NODE_WAIT_RETRY,         /* our BYE was answered 500 and is tried once more */
	NODE_WAIT_SERVER,        /* the first response of an application server to the INVITE */
	NODE_WAIT_RESPONSE,      /* the first response to the INVITE, until Timer B */
	NODE_WAIT_ANSWER,        /* the final response to the INVITE, until Timer C */
};
/* "BYE", "BYE of ours", ... : for scripts. */
const char *node_wait_name(enum node_wait_kind kind);

struct node_wait {
	uint8_t kind;      /* enum node_wait_kind */
	uint8_t leg;       /* who is waited for: node_leg_name() */
	uint8_t from;      /* NODE_WAIT_BYE: whose BYE it is */
	bool ends_session; /* NODE_WAIT_SERVER: its default handling, when it stays silent */
	unsigned n_sent;   /* how often so far; 0: not known */
	uint64_t since_ms, until_ms; /* node's clock; 0: not known */
};

#define NODE_REPORT_WAITS 16u

/* A leg of an anchored session (SCC AS): a dialog of which this server is one end. */
struct node_leg_report {
	const char *name;  /* "source access leg", "remote leg", "target access leg" */
	const char *state; /* leg_state_name() */
	struct text call_id, local_tag, remote_tag; /* our tag, the peer's */
	struct text remote_target;
	uint32_t local_cseq, remote_cseq; /* highest of ours, of the peer; 0: none */
	uint8_t number;                   /* of the journal: node_leg_name() */
	uint8_t outcome;                  /* enum leg_outcome: of our BYE, CANCEL or refusal */
	uint16_t outcome_status;
};

/* How the race of an anchored session was decided, and by which times (TS 24.237 §12.3.3). Times are those
 * of the node's clock; 0: never. */
struct node_transfer_report {
	enum transfer_state state;
	enum transfer_verdict verdict;
	uint64_t source_bye_ms; /* BYE of the source access leg */
	bool source_bye_was_503;
	uint32_t hold_ms;           /* how long the remote leg was held, at most; 0: not at all */
	uint64_t hold_until_ms;     /* the hold is running, until then; 0: it is not */
	uint64_t stn_sr_ms;         /* the last INVITE due to STN-SR */
	uint64_t transferred_ms;    /* that transfer was complete */
	uint64_t came_back_ms;      /* the last re-INVITE of the UE that came back */
	uint64_t failed_ms;         /* the last transfer that failed or was cancelled */
	uint16_t failed_status;     /* and what it failed with */
	uint64_t source_release_ms; /* the source access leg is released then; 0: it is not */
};
/* "kept", "window over", ... : for scripts. */
const char *node_verdict_name(enum transfer_verdict verdict);

/* One session as the operator sees it. The texts are views that die with the next call on the node. */
struct node_session_report {
	struct node_session_id id;
	enum session_state state;
	enum session_end end;
	uint16_t end_status;
	const char *served;                       /* "calling", "called", "both", "none" */
	uint64_t began_ms, answered_ms, ended_ms; /* node's clock; 0: not yet */
	uint64_t expires_ms;                      /* session timer; 0: none */
	struct text call_id, from, calling_user, called_user;
	uint8_t setup_outcome; /* enum leg_outcome of the CANCELs, when released before the answer */
	uint16_t setup_status; /* final response that we gave the caller */
	struct text servers;   /* URIs of the application servers in its path, one line each */
	uint32_t server_legs;  /* bit by leg of the journal: an application server is there */
	uint8_t release_why;   /* enum session_clause: what began its release */
	bool is_terminating;   /* a party has hung up, and not every leg has said so yet */
	bool bye_came_first; /* a party's BYE was under way when the release was ordered: that ends it */
	uint8_t first_bye_leg;           /* of the party that hung up first; 0: nobody */
	uint16_t reason_status;          /* of the Reason in the BYEs of the release; 0: none */
	struct text reason_text;         /* likewise; empty: the default phrase */
	uint32_t server_wait_ms;         /* the setting */
	uint32_t timer_b_ms, timer_f_ms; /* the settings */
	unsigned n_waits;                /* no more than are shown */
	struct node_wait waits[NODE_REPORT_WAITS];
	unsigned n_dialogs; /* all, of every passage */
	unsigned n_dialogs_shown;
	struct node_dialog_report dialogs[NODE_REPORT_DIALOGS];
	/* A session of the SCC AS has legs instead of dialogs; n_dialogs counts those that are dialogs. */
	bool is_anchored;
	struct node_leg_report legs[ANCHORED_LEGS]; /* by enum anchored_leg */
	struct node_transfer_report transfer;
	const struct journal *journal;
};

/* As session_state_name(), and "terminating": a party's BYE is under way. */
const char *node_state_name(const struct node_session_report *session);
#define NODE_STATE_TERMINATING "terminating"

/* "caller", "callee", "callee 2", "server 1": an application server; of an anchored session "UE", "remote
 * party", "MSC server". Static text, or written to `bytes` (16 suffice). */
const char *node_leg_name(const struct node_session_report *session, unsigned leg, char *bytes,
			  size_t max);

/* By id; false when unknown. Ended sessions are found as long as they are remembered. */
bool node_session(struct node *node, const struct node_session_id *id,
		  struct node_session_report *ret);
/* By Call-ID, of an anchored session that of any of its legs; several sessions may have the same (an ended
 * one and a new one): the newest, and of a call that is anchored at this server that of the SCC AS. */
bool node_session_by_call_id(struct node *node, struct text call_id, struct node_session_id *ret);
/* The newest of the S-CSCF, or of the SCC AS: a call that passes both is a session of each, and the leg between them has one Call-ID. */
bool node_session_of_role(struct node *node, struct text call_id, bool at_sccas,
			  struct node_session_id *ret);

enum node_which {
	NODE_LIVE, /* not ended */
	NODE_GONE, /* ended and remembered */
};
/* Walks the sessions, also while they come and go. *cursor is 0 at first; false at the end. `user`
 * (an address of record, may be empty) filters. Looks at no more than `look_max` sessions in a call
 * and then returns true with ret->id.handle not set: call again. */
bool node_sessions(struct node *node, enum node_which which, struct text user, uint32_t look_max,
		   uint64_t *cursor, struct node_session_report *ret);

/* Walks the sessions that ended at `until_ms` or before, that which ended last first; those that end meanwhile do not disturb it. `*at` is 0 at
 * first; false at the end. `user`, `look_max` and the return value as with node_sessions(). */
bool node_ended_sessions(struct node *node, uint64_t until_ms, struct text user, uint32_t look_max,
			 uint32_t *at, struct node_session_report *ret);

enum node_selector {
	NODE_SELECT_SESSION,
	NODE_SELECT_USER,
	NODE_SELECT_ALL,
};

struct node_release_order {
	enum node_selector selector;
	struct node_session_id id; /* NODE_SELECT_SESSION */
	struct text user;          /* NODE_SELECT_USER: an address of record */
	uint16_t status;           /* of the Reason; 0: the setting */
	struct text reason_text;   /* empty: the default phrase of the status */
	uint32_t sessions_per_s;   /* 0: the setting; for all sessions together of this node */
	bool dry_run;              /* only count */
};

enum node_release_verdict {
	NODE_RELEASE_ACCEPTED,
	NODE_RELEASE_UNKNOWN, /* no such session */
	NODE_RELEASE_ENDED,   /* it has ended already: see its report */
	NODE_RELEASE_BUSY,    /* LIMIT_RELEASE_ORDERS at work */
	NODE_RELEASE_INVALID, /* status outside 300..699, text with control characters or too long (128 bytes) */
};

/* An order is worked off by node_expire(), `sessions_per_s` at a time, and lives until all that it
 * found is released. Sessions already being released are counted, not released twice; giving the
 * same order again therefore resumes and never doubles. Sessions that begin after the order are
 * left alone. */
enum node_release_verdict node_release(struct node *node, uint64_t now_ms,
				       const struct node_release_order *order, uint32_t *ret_order);

struct node_release_progress {
	bool running;   /* sessions still to be found or to be finished */
	bool stopped;   /* node_release_stop() */
	uint32_t found; /* sessions that matched so far */
	uint32_t already_releasing;
	uint32_t begun, ended;
	/* Legs, by what came of their BYE or CANCEL: */
	uint32_t legs_2xx, legs_481, legs_other, legs_timed_out, legs_transport_failed;
};
/* false: unknown order. The last 64 finished orders are remembered. */
bool node_release_progress(const struct node *node, uint32_t order,
			   struct node_release_progress *ret);
/* Begins no further session; those begun are finished. */
bool node_release_stop(struct node *node, uint32_t order);

/* Takes contacts of a user out: this one, or all when it is empty; their sessions are released and those who
 * watch the registration are told. Contacts of the bindings file stay. On shard 0, whose registrar tells
 * the others. Returns how many. */
unsigned node_deregister(struct node *node, uint64_t now_ms, struct text user, struct text contact);

/* Gauges and counters. */
const struct node_counters *node_counters(struct node *node);

/* Registered users: walks the bindings. *cursor is 0 at first; false at the end. */
struct node_binding_report {
	struct text user, contact, path, call_id;
	uint64_t expires_ms; /* 0: static */
	uint32_t cseq;
};
bool node_bindings(struct node *node, uint64_t *cursor, struct node_binding_report *ret);

#endif
