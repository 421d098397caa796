/* Reason header fields (RFC 3326): one value per protocol, repeated or in a comma list. */
#ifndef SIP_REASON_H
#define SIP_REASON_H

#include "sip/message.h"

/* Has some value of protocol SIP (case-insensitive) this cause? Broken values are passed over: nothing is
 * ever refused for its Reason. @req SV-52 */
bool sip_reason_has_sip_cause(const struct sip_message *m, unsigned cause);
/* "Reason: ...\r\n" lines of all values of the message, as they are, up to `bytes_max` bytes in all (a
 * line that does not fit is left out), for a request that goes on for the same reason. */
void sip_put_reason_lines(struct text_writer *w, const struct sip_message *m, uint32_t bytes_max);

#endif
