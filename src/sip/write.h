/* Messages of our own: responses to a request, and requests inside a dialog. */
#ifndef SIP_WRITE_H
#define SIP_WRITE_H

#include "sip/message.h"

/* The default reason phrase of a status, RFC 3261 §21 and its extensions; "Unknown" for others. */
const char *sip_reason_phrase(unsigned status);

/* A response to `request` (RFC 3261 §8.2.6): Via values, From, To, Call-ID and CSeq are taken over.
 * `to_tag` is added to To when the request's To has none and the status is not 100; may be empty
 * then only. `lines`: further header lines, each with CRLF, may be empty. Content-Length: 0 is
 * added. `top_via`: when not empty, written in place of the topmost Via value (the one with
 * received= and rport= filled in). */
void sip_write_response(struct text_writer *w, const struct sip_message *request, unsigned status,
			struct text reason_phrase, struct text to_tag, struct text top_via, struct text lines);

/* What a request of our own is made of. */
struct sip_request_parts {
	struct text method;
	struct text request_uri;
	struct text via;   /* value of the only Via */
	struct text route; /* comma list, empty: no Route header */
	struct text from, to; /* whole values with tags */
	struct text call_id;
	uint32_t cseq;
	struct text cseq_method; /* empty: as method */
	struct text lines;	 /* further header lines, each with CRLF; may be empty */
	struct text content_type, body; /* may be empty */
};
/* Max-Forwards 70, Content-Length as it is. */
void sip_write_request(struct text_writer *w, const struct sip_request_parts *parts);

/* ACK for a non-2xx final response (RFC 3261 §17.1.1.3) and CANCEL (RFC 3261 §9.1) of the INVITE as
 * we sent it: same Request-URI, Via (topmost only), Route, From, Call-ID, CSeq number; To from the
 * response for ACK (`to`), from the request for CANCEL. `lines` as above. */
void sip_write_ack(struct text_writer *w, const struct sip_message *invite, struct text to);
void sip_write_cancel(struct text_writer *w, const struct sip_message *invite, struct text lines);

#endif
