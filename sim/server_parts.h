/* Inside of the application servers. */
#ifndef SIM_SERVER_PARTS_H
#define SIM_SERVER_PARTS_H

#include "server.h"
#include "ue_parts.h"

/* proxy.c */
extern const struct ue_service proxy_service;
struct proxy *proxy_open(void);
void proxy_close(struct proxy *proxy);
/* b2bua.c */
extern const struct ue_service b2bua_service;
struct b2bua *b2bua_open(void);
void b2bua_close(struct b2bua *b2bua);

#endif
