/* Inside of the user agent: its transactions, and what its files ask of each other. */
#ifndef SIM_UE_PARTS_H
#define SIM_UE_PARTS_H

#include "ue.h"

#define UE_MESSAGE 12000u
#define UE_LINES   4096u

/* A request that we sent. */
struct ue_client {
	struct ue *ue;
	bool is_live, has_provisional, cancel_wanted, is_cancelled;
	uint8_t method; /* enum sip_method */
	uint32_t cseq, call;
	struct ue_dialog *dialog; /* NULL outside */
	char branch[64];
	char *bytes;
	uint32_t len;
	struct endpoint to;
	uint32_t interval_ms, generation;
	uint64_t sent_ms;
	uint16_t final_status; /* 0: none yet */
	char *ack;             /* of a final response other than 2xx */
	uint32_t ack_len;
	char *cancel_lines;
};

/* A request that we received. */
struct ue_server {
	struct ue *ue;
	bool is_live, is_answered, is_acknowledged, waits_for_prack, answer_is_due;
	uint8_t method;
	uint32_t cseq, call, rseq;
	struct ue_dialog *dialog;
	char key[LIMIT_BRANCH_BYTES + 128];
	char *request;
	uint32_t request_len;
	struct endpoint from;
	char *response; /* the last one sent */
	uint32_t response_len;
	uint16_t status;
	uint32_t interval_ms, generation;
	uint64_t answered_ms;
};

struct ue_writing {
	enum sip_method method;
	const char *uri, *route; /* route: comma list or empty */
	const char *from, *to, *call_id;
	uint32_t cseq;
	const char *branch;
	const char *lines, *body; /* NULL: none */
	int max_forwards;
	bool with_contact;
	const char *contact;
	uint8_t transport;
};

/* What an application server does besides, or instead of, what a user agent does. Any may be NULL. */
struct ue_service {
	/* Sees every message first. true: it was all its own. */
	bool (*receives)(void *self, const struct endpoint *from, const struct sip_message *m);
	/* A request that begins something. true: it will be answered by the service. */
	bool (*is_invited)(void *self, struct ue_server *server, const struct sip_message *m);
	/* A request in a dialog (BYE, PRACK and CANCEL excepted). true: as above. */
	bool (*is_asked)(void *self, struct ue_server *server, const struct sip_message *m);
	void (*is_cancelled)(void *self, struct ue_server *invite);
	void (*is_acknowledged)(void *self, struct ue_dialog *dialog);
	void (*dialog_ended)(void *self, struct ue_dialog *dialog);
	/* A response to a request of ours; `m` is NULL when none came. */
	void (*is_answered)(void *self, struct ue_client *client, const struct sip_message *m);
	/* The run is over: what is still owed becomes a complaint. */
	void (*looks_back)(void *self);
	/* What it keeps besides the dialogs and requests of the user agent. */
	unsigned (*open_dialogs)(const void *self);
	unsigned (*open_requests)(const void *self);
};

/* ue.c */
struct ue_call *ue_call_begin(struct ue *ue, const char *name);

/* ue_write.c */
extern const char ue_offer[], ue_answer[];
char *ue_copy(const char *bytes, uint32_t len);
void ue_set_text(char *ret, size_t max, struct text t);
void ue_draw_token(struct ue *ue, const char *prefix, char *ret, size_t max);
void ue_write(struct ue *ue, const struct ue_writing *writing, struct text_writer *w);
struct ue_answering {
	unsigned status;
	const char *to_tag; /* added when the request has none */
	const char *lines, *body, *contact;
};
void ue_write_answer(struct ue_server *server, const struct ue_answering *answering,
		     struct text_writer *w);
/* Where a request with this Request-URI and route goes; applies the rewrite for strict routers. */
bool ue_route(struct ue *ue, const char *target, const char *route_set, char ret_uri[UE_URI],
	      char ret_route[UE_ROUTE_SET], struct endpoint *ret_to);
bool ue_endpoint_of_uri(struct ue *ue, struct text uri, struct endpoint *ret);

/* ue_client.c */
struct ue_client *ue_client_start(struct ue *ue, enum sip_method method, const char *bytes,
				  uint32_t len, const struct endpoint *to);
void ue_client_response(struct ue *ue, const struct sip_message *m);
void ue_client_dialog_ended(struct ue *ue, const struct ue_dialog *dialog);
void ue_client_send_failed(struct ue *ue, const struct sip_message *m);
/* ue_dialog.c */
struct ue_dialog *ue_dialog_new(struct ue *ue, uint32_t call);
struct ue_dialog *ue_dialog_find(struct ue *ue, struct text call_id, struct text local_tag,
				 struct text remote_tag);
struct ue_dialog *ue_dialog_from_response(struct ue *ue, struct ue_client *client,
					  const struct sip_message *m);
struct ue_dialog *ue_dialog_from_invite(struct ue *ue, uint32_t call, const struct sip_message *m,
					const char *to_tag);
void ue_dialog_take_target(struct ue_dialog *dialog, const struct sip_message *m);
void ue_dialog_tell_contact(struct ue_dialog *dialog, const char *contact);
/* The 2xx of an INVITE: ACK, now or as planned, or again. */
void ue_dialog_answered(struct ue *ue, struct ue_client *client, const struct sip_message *m);
void ue_dialog_end(struct ue *ue, struct ue_dialog *dialog);
/* ue_server.c */
void ue_server_request(struct ue *ue, const struct endpoint *from, const struct sip_message *m);
/* The rule for this request, if it has its turn: 1-based, 0: none. */
unsigned ue_rule_for(struct ue *ue, unsigned method);
void ue_server_answer(struct ue_server *server, unsigned status, const char *lines);
/* Is an INVITE of ours in this dialog under way? */
bool ue_has_own_invite(struct ue *ue, const struct ue_dialog *dialog);
struct ue_server *ue_server_invite_of(struct ue *ue, struct ue_dialog *dialog);

#endif
