/* A scripted user agent: a correct SIP user agent of its own (transactions, dialogs, offer/answer in name only), which checks what it receives as a strict peer would, and
 * which can be told to misbehave. It shares nothing with the server but the reading of messages. */
#ifndef SIM_UE_H
#define SIM_UE_H

#include "world.h"

#include "sip/message.h"

#define UE_NONE      UINT32_MAX
#define UE_URI       256u
#define UE_FOREVER   UINT32_MAX
#define UE_ROUTE_SET 2048u

struct ue_client;
struct ue_server;
struct ue_service;

enum ue_dialog_state {
	UE_EARLY,
	UE_ANSWERED, /* 2xx sent or received, ACK not yet received or sent */
	UE_CONFIRMED,
	UE_ENDED,
};

struct ue_dialog {
	uint32_t call;
	bool is_caller;
	uint8_t state; /* enum ue_dialog_state */
	char call_id[LIMIT_CALL_ID_BYTES + 1];
	char local_tag[LIMIT_TAG_BYTES + 1], remote_tag[LIMIT_TAG_BYTES + 1];
	char local[512], remote[512]; /* From and To values with tags */
	char remote_target[UE_URI];
	char contacts[4][UE_URI]; /* ours, as told to the peer: the latest first */
	char route_set[UE_ROUTE_SET];
	uint32_t local_cseq, remote_cseq;
	bool has_remote_cseq;
	uint32_t
		invite_cseq; /* of the last INVITE in either direction that awaits or had its ACK */
	uint64_t answered_ms;
	struct ue_client *invite; /* the last of ours that was answered */
	char *ack;                /* the last ACK sent, for retransmitted 2xx */
	uint32_t ack_len, ack_cseq;
	struct endpoint ack_to;
	uint32_t rseq_seen;
	bool bye_sent;
	unsigned n_byes_received; /* different transactions */
	uint16_t last_bye_answer; /* that we gave */
};

/* What became of an INVITE that we sent or received. */
enum ue_call_state {
	UE_CALL_TRYING,
	UE_CALL_RINGING,
	UE_CALL_ANSWERED,
	UE_CALL_FAILED, /* final_status, 0: given up */
	UE_CALL_OVER,
};

struct ue_call {
	char name[32];
	bool is_caller;
	uint8_t state; /* enum ue_call_state */
	uint16_t final_status;
	char call_id[LIMIT_CALL_ID_BYTES + 1];
	char local_tag[LIMIT_TAG_BYTES + 1];
	bool has_cancelled; /* as caller: wanted to */
	uint64_t began_ms;
};

/* How it behaves as a called party (and, ack_*, as a caller). Times after the event; < 0: never. */
struct ue_plan {
	int64_t ring_after_ms;
	uint16_t ring_status;
	bool ring_reliable; /* RFC 3262, when the caller supports it */
	int64_t answer_after_ms;
	uint16_t answer_status;
	uint32_t session_expires_s; /* in our 2xx; 0: none */
	int64_t ack_after_ms;
	bool keeps_surplus_dialogs; /* does not BYE the dialogs of further 2xx */
	char answer_lines[256];     /* further header lines of the final answer */
};

/* An answer to a method that is not the correct one. */
struct ue_rule {
	uint8_t method;
	uint16_t status; /* 0: silence; 1: the usual answer, but later */
	uint32_t after_ms;
	uint32_t skip, times; /* UE_FOREVER */
	char lines[256];
};

struct ue {
	struct world *world;
	struct world_party party;
	char name[32];
	char address_of_record[UE_URI];
	char contact[UE_URI];
	char route[UE_ROUTE_SET]; /* of requests outside dialogs, comma list */
	struct endpoint next_hop; /* without a route */
	uint32_t t1_ms, t2_ms, t4_ms;
	bool has_no_tags; /* a peer of RFC 2543 */
	bool reorders;    /* the network reorders: a lower CSeq is no fault of anybody */
	struct ue_plan plan;
	struct ue_rule rules[16];
	unsigned n_rules;
	const struct ue_service *service; /* an application server (server.h); NULL: a user's */
	void *service_self;

	struct ue_dialog **dialogs;
	unsigned n_dialogs;
	struct ue_call **calls;
	unsigned n_calls;
	struct ue_client **clients;
	unsigned n_clients;
	struct ue_server **servers;
	unsigned n_servers;
	char **violations, **violation_calls;          /* and their Call-IDs */
	char current_call_id[LIMIT_CALL_ID_BYTES + 1]; /* of the message at hand */
	unsigned n_violations;
	unsigned n_drawn;
	uint32_t register_cseq;
	char register_call_id[64];
};

struct ue_options {
	const char *name;
	struct endpoint address;       /* with the transport that it prefers */
	const char *address_of_record; /* "sip:alice@ims.example" */
	struct endpoint next_hop;
};
struct ue *ue_open(struct world *world, const struct ue_options *options);
void ue_close(struct ue *ue);

struct ue_invitation {
	const char *uri;
	const char *name; /* of the call; NULL: none */
	bool without_sdp; /* the offer is then in the 2xx */
	bool supports_100rel;
	uint32_t session_expires_s;
	int max_forwards;  /* 0: 70; -1: 0 */
	const char *lines; /* further header lines with CRLF; NULL */
};
/* The number of the call at this user agent. */
uint32_t ue_invite(struct ue *ue, const struct ue_invitation *invitation);
/* The call of that name, or the latest one when NULL or empty; UE_NONE. */
uint32_t ue_call_named(const struct ue *ue, const char *name);
/* Waits for a provisional response if need be (RFC 3261 §9.1). `lines` may be NULL. false: nothing to cancel. */
bool ue_cancel(struct ue *ue, uint32_t call, const char *lines);
/* CANCEL at once, provisional or not: a peer that does not know RFC 3261 §9.1. */
bool ue_cancel_rudely(struct ue *ue, uint32_t call);
/* The dialog of the call that is most alive; NULL. */
struct ue_dialog *ue_dialog_of_call(struct ue *ue, uint32_t call);
/* BYE in every confirmed dialog of the call (early ones too for a caller with `early`). false: none. */
bool ue_hang_up(struct ue *ue, uint32_t call, bool early);

struct ue_request_in_dialog {
	enum sip_method method;
	const char *new_contact; /* NULL: as before */
	bool with_sdp;
	const char *lines; /* NULL */
	uint32_t cseq;     /* 0: the next */
};
bool ue_request(struct ue *ue, struct ue_dialog *dialog,
		const struct ue_request_in_dialog *request);
/* Outside of a dialog (OPTIONS, MESSAGE …). */
void ue_request_alone(struct ue *ue, enum sip_method method, const char *uri, const char *lines);
/* expires_s 0: takes the binding out. `contact` NULL: the usual one. `lines` may be NULL. */
void ue_register(struct ue *ue, const char *contact, uint32_t expires_s, const char *lines);

/* Refuses every INVITE that it has not answered yet. */
void ue_refuse_all(struct ue *ue, unsigned status);
/* Ended and given up transactions counted: requests that still wait for a final answer. */
unsigned ue_open_requests(const struct ue *ue);
/* The bytes of one of them; empty when there is none. */
struct text ue_open_request(const struct ue *ue);
/* Dialogs that are not ended. */
unsigned ue_open_dialogs(const struct ue *ue);
__attribute__((format(printf, 2, 3))) void ue_violation(struct ue *ue, const char *format, ...);

#endif
