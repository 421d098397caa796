/* Application servers: who stands in the path of a call because filter criteria say so (TS 24.229 §5.7). A server is a user agent with a service: it has a user agent's name,
 * address, rules and complaints, and does something else with what it is sent. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "ue.h"

#define SERVER_FORKS 8u

enum server_kind {
	SERVER_PROXY,    /* record-routing, follows Route; keeps transactions (RFC 3261 §16) */
	SERVER_B2BUA,    /* a dialog on each side (TS 24.229 §5.7.5) */
	SERVER_REDIRECT, /* 302 to `uri` */
	SERVER_ANSWERER, /* answers itself */
	SERVER_SILENT,
};

struct server_options {
	enum server_kind kind;
	const char *name;
	struct endpoint address;
	unsigned n_forks; /* a proxy: sends so many requests back; 1: a plain one */
	bool is_absent;   /* a proxy: does not record-route */
	const char
		*uri; /* the Request-URI from here on, or where a redirect leads to; NULL: none */
	uint32_t late_ms;     /* keeps the request for so long */
	unsigned late_status; /* and says this meanwhile */
};

struct proxy;
struct b2bua;

struct server {
	struct ue *ue;
	struct server_options options;
	char uri[UE_URI];
	struct proxy *proxy; /* one of these, or none */
	struct b2bua *b2bua;
};

struct server *server_open(struct world *world, const struct server_options *options);
void server_close(struct server *server);
bool server_is(const struct ue *ue);
/* Complains of what is still owed: requests without an answer, BYEs that never came to their end. */
void server_look_back(struct ue *ue);

/* The complaints about a request that comes here because of filter criteria (TS 24.229 §5.4.3.2, §5.4.3.3, RFC 5502). */
void server_check_first_contact(struct ue *ue, const struct sip_message *m);
bool server_is_own(const struct ue *ue, struct text uri);
/* All Route values; how many. */
unsigned server_routes(const struct sip_message *m, struct text ret[LIMIT_LIST_VALUES]);
struct text server_uri_of(struct text name_addr);

#endif
