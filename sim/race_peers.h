/* The parties of a race: small user agents that answer as RFC 3261 says and complain of everything a strict peer would complain of. No allocation, no random source: a run is
 * the same every time, and thousands of them fit into a second. The UE stands for itself and its P-CSCF. */
#ifndef SIM_RACE_PEERS_H
#define SIM_RACE_PEERS_H

#include "sip/message.h"

#define RACE_MESSAGE_BYTES 2048u
#define RACE_DIALOGS       2u
#define RACE_REQUESTS      24u /* of one peer in one run, each way */
#define RACE_NAME_BYTES    160u
#define RACE_NEVER         UINT64_MAX

enum race_peer_name { RACE_UE, RACE_REMOTE, RACE_MSC, RACE_PEERS };
extern const char *const race_peer_names[RACE_PEERS];
extern const uint16_t race_peer_ports[RACE_PEERS];
#define RACE_SERVER_PORT 5070u

enum race_dialog_state {
	RACE_DIALOG_UNUSED,
	RACE_DIALOG_INVITED, /* INVITE sent, no final response */
	RACE_DIALOG_CONFIRMED,
	RACE_DIALOG_LEAVING, /* our BYE is under way */
	RACE_DIALOG_ENDED,
};

struct race_dialog {
	uint8_t state; /* enum race_dialog_state */
	bool is_caller;
	char call_id[RACE_NAME_BYTES], local_tag[RACE_NAME_BYTES], remote_tag[RACE_NAME_BYTES];
	char local_uri[RACE_NAME_BYTES], remote_uri[RACE_NAME_BYTES], target[RACE_NAME_BYTES];
	uint32_t local_cseq, remote_cseq;
	bool has_remote_cseq;
	uint16_t media_port;                /* ours */
	uint16_t peer_media_port;           /* last agreed */
	uint64_t origin_id, origin_version; /* o= of the peer's last description */
	uint32_t description_hash;          /* and the rest of it */
	bool has_description;
	uint64_t reinvite_again_ms; /* after a 491 or 500; RACE_NEVER */
	uint8_t n_reinvites;
	char reinvite_lines[RACE_NAME_BYTES];
};

/* A request that we sent. */
struct race_client {
	bool is_live, has_provisional, is_cancelled;
	uint8_t method, dialog;
	uint16_t status; /* final; 0: none */
	uint32_t cseq, branch;
	uint64_t again_ms, give_up_ms;
	uint32_t interval_ms;
	uint32_t len, ack_len;
	char bytes[RACE_MESSAGE_BYTES];
	char ack[RACE_MESSAGE_BYTES];
};

/* A request that we received. */
struct race_server {
	uint8_t method, dialog;
	bool awaits_ack, awaits_answer; /* answer: our 2xx carried the offer */
	uint16_t status;
	uint32_t cseq;
	uint64_t again_ms, give_up_ms;
	uint32_t interval_ms;
	char branch[RACE_NAME_BYTES];
	uint32_t len;
	char bytes[RACE_MESSAGE_BYTES];
};

struct race_peer;
/* Who carries the peers' messages and hears their complaints. */
struct race_carrier {
	void *self;
	void (*send)(void *self, const struct race_peer *from, struct text bytes);
	void (*complain)(void *self, const struct race_peer *peer, const char *what);
};

struct race_peer {
	uint8_t name; /* enum race_peer_name */
	const struct race_carrier *carrier;
	uint32_t run; /* part of the Call-IDs */
	uint64_t now_ms;
	uint32_t n_drawn;
	uint16_t reinvites_max;
	bool refuses_next; /* offer inside a dialog: 488 */
	struct race_dialog dialogs[RACE_DIALOGS];
	struct race_client clients[RACE_REQUESTS];
	unsigned n_clients;
	struct race_server servers[RACE_REQUESTS];
	unsigned n_servers;
	struct sip_message message;
};

void race_peer_begin(struct race_peer *peer, enum race_peer_name name,
		     const struct race_carrier *carrier, uint32_t run);
void race_peer_receive(struct race_peer *peer, uint64_t now_ms, struct text bytes);
uint64_t race_peer_deadline(const struct race_peer *peer);
void race_peer_expire(struct race_peer *peer, uint64_t now_ms);

struct race_invitation {
	const char *request_uri, *local_uri, *remote_uri;
	const char *lines; /* each with CRLF */
};
void race_peer_invite(struct race_peer *peer, uint64_t now_ms, unsigned dialog,
		      const struct race_invitation *invitation);
bool race_peer_can_reinvite(const struct race_peer *peer, unsigned dialog);
void race_peer_reinvite(struct race_peer *peer, uint64_t now_ms, unsigned dialog,
			const char *lines);
static inline bool race_peer_can_bye(const struct race_peer *peer, unsigned dialog)
{
	return peer->dialogs[dialog].state == RACE_DIALOG_CONFIRMED;
}
void race_peer_bye(struct race_peer *peer, uint64_t now_ms, unsigned dialog, const char *lines);
bool race_peer_can_cancel(const struct race_peer *peer, unsigned dialog);
void race_peer_cancel(struct race_peer *peer, uint64_t now_ms, unsigned dialog);

static inline bool race_dialog_lives(const struct race_dialog *dialog)
{
	return dialog->state == RACE_DIALOG_CONFIRMED;
}
/* Complains of every request without a final response, every 2xx without ACK, every BYE under way. */
void race_peer_look_back(struct race_peer *peer);
/* Port of the first audio stream of a description; 0: none, or rejected. */
uint16_t race_media_port(struct text body);

#endif
