/* Bodies of messages: RFC 3261 §7.4, and parts of a multipart, RFC 2046 §5.1. Of a multipart the first
 * LIMIT_BODY_PARTS parts are looked at, and LIMIT_BODY_DEPTH multiparts inside each other. Nothing is
 * copied: what is returned points into the message. */
#ifndef SIP_BODY_H
#define SIP_BODY_H

#include "sip/message.h"

/* The body when it is of this type ("application/sdp"; case-insensitive), or the first part that is;
 * empty: there is none. */
struct text sip_body_part(const struct sip_message *m, struct text media_type);
/* The description of the session itself: the first of type application/sdp whose disposition is
 * "session", which it is where nobody says (RFC 3261 §20.11); so not that of an early session
 * (RFC 3959), and none that is encoded (RFC 3261 §20.12). */
struct text sip_session_description(const struct sip_message *m);

#endif
