/* Inside of the proxying application server. */
#ifndef SIM_PROXY_PARTS_H
#define SIM_PROXY_PARTS_H

#include "server_parts.h"

struct passage;

/* A request as it went on: a client transaction. */
struct proxy_branch {
	struct server *server;
	struct passage *passage; /* NULL: a CANCEL of ours */
	uint8_t method;
	char id[64];
	char *bytes;
	uint32_t len;
	struct endpoint to;
	bool has_provisional, cancel_wanted, is_cancelled;
	uint16_t status; /* final; 0: none yet */
	uint32_t interval_ms;
	char *response; /* the final one, other than 2xx to INVITE */
	uint32_t response_len;
};

/* A request that passes: a server transaction and its branches. */
struct passage {
	struct server *server;
	unsigned number;
	uint8_t method;
	bool is_initial, is_ignored, is_acknowledged, is_forwarded;
	char key[LIMIT_BRANCH_BYTES + 128], to_tag[64];
	char *request;
	uint32_t request_len;
	struct endpoint from;
	char *response; /* the last one sent back */
	uint32_t response_len;
	uint16_t status; /* final that was sent back; 0: none yet */
	uint32_t interval_ms;
	uint64_t began_ms;
	unsigned n_branches;
	struct proxy_branch *branches[SERVER_FORKS];
	struct proxied *dialog; /* of a request inside one */
};

/* A dialog that was set up through here: what is known of each side, 0 the one that called. */
struct proxied {
	unsigned passage; /* that set it up: the same dialog may pass here twice */
	char call_id[LIMIT_CALL_ID_BYTES + 1];
	char tags[2][LIMIT_TAG_BYTES + 1];
	uint32_t cseq[2];
	unsigned n_byes[2];
	uint16_t bye_answer[2];
	bool is_established, is_acknowledged;
};

struct proxy {
	struct passage **passages;
	unsigned n_passages;
	struct proxy_branch **branches;
	unsigned n_branches;
	struct proxied **dialogs;
	unsigned n_dialogs;
};

/* proxy_dialogs.c */
/* The passage whose number stands in our Record-Route URI; UE_NONE. */
uint32_t proxy_passage_of_route(const struct sip_message *m);
/* A response with a To tag to a request that began something. */
void proxy_note_dialog(struct server *server, const struct passage *passage,
		       const struct sip_message *response);
/* A request inside a dialog, with all complaints; the dialog, or NULL. */
struct proxied *proxy_check_in_dialog(struct server *server, const struct sip_message *m);
void proxy_note_bye_answer(struct passage *passage, unsigned status);
/* proxy_write.c */
struct proxy_way {
	struct text uri;
	struct text routes[LIMIT_LIST_VALUES];
	unsigned n;
	struct endpoint to;
};
bool proxy_find_way(struct server *server, const struct sip_message *m, struct proxy_way *ret);
void proxy_write_request(struct server *server, const struct sip_message *m,
			 const struct proxy_way *way, const char *branch, unsigned passage,
			 struct text_writer *w);
/* Without the topmost Via. false: there is no other. */
bool proxy_write_response(const struct sip_message *m, struct text_writer *w);
/* ACK or CANCEL of a request as it went on. */
void proxy_write_after(struct server *server, const struct proxy_branch *branch,
		       enum sip_method method, struct text to, struct text_writer *w);

#endif
