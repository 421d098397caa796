/* The interval of the session timer in a request, as a proxy looks at it, RFC 4028 §8.1. */
#ifndef DIALOG_SESSION_INTERVAL_H
#define DIALOG_SESSION_INTERVAL_H

#include "sip/message.h"

#define SESSION_INTERVAL_MIN_S 90u /* RFC 4028 §4: never less */

enum session_interval_verdict {
	SESSION_INTERVAL_FINE,   /* or none at all */
	SESSION_INTERVAL_REFUSE, /* too small, and the sender understands 422 with Min-SE */
	SESSION_INTERVAL_RAISE, /* too small, and the sender does not: it goes on with the minimum */
};

/* Of an INVITE or UPDATE; other methods are fine. */
enum session_interval_verdict session_interval_check(const struct sip_message *request);
/* The number in a Session-Expires or Min-SE value, without its parameters; empty when there is none. */
struct text session_interval_digits(struct text value);

#endif
