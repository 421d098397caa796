/* SIP methods, RFC 3261 §7.1 and the RFCs that added to them. */
#ifndef SIP_METHOD_H
#define SIP_METHOD_H

#include "base/text.h"

enum sip_method {
	SIP_METHOD_OTHER,
	SIP_INVITE,
	SIP_ACK,
	SIP_BYE,
	SIP_CANCEL,
	SIP_OPTIONS,
	SIP_REGISTER,
	SIP_PRACK,     /* RFC 3262 */
	SIP_UPDATE,    /* RFC 3311 */
	SIP_INFO,      /* RFC 6086 */
	SIP_SUBSCRIBE, /* RFC 6665 */
	SIP_NOTIFY,    /* RFC 6665 */
	SIP_REFER,     /* RFC 3515 */
	SIP_MESSAGE,   /* RFC 3428 */
	SIP_PUBLISH,   /* RFC 3903 */
	SIP_METHODS,
};

/* Case-sensitive, RFC 3261 §7.1. SIP_METHOD_OTHER for what is not in the list. */
enum sip_method sip_method_of(struct text name);
/* "INVITE"; "?" for SIP_METHOD_OTHER. */
const char *sip_method_name(enum sip_method method);
/* Does a 2xx to it refresh the remote targets? INVITE and UPDATE (RFC 3261 §12.2, RFC 3311 §5.1). */
static inline bool sip_method_refreshes_target(enum sip_method m)
{
	return m == SIP_INVITE || m == SIP_UPDATE;
}

#endif
