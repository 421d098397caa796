/* The little of SDP (RFC 4566) and offer/answer (RFC 3264) that a release needs. */
#ifndef SIP_SDP_H
#define SIP_SDP_H

#include "base/endpoint.h"
#include "base/text.h"

/* An answer that rejects every stream of `offer` (RFC 3264 §6: port 0, same order, same media,
 * protocol and first format), for the ACK of a 2xx that carried the offer when the session is being
 * released. `origin`: address in o= and c=; `session_id` for o=. false when the offer cannot be
 * read (then an ACK without a body is what is left). */
bool sdp_put_rejection(struct text_writer *w, struct text offer, const struct endpoint *origin, uint32_t session_id);

#endif
