/* The parts of the answer to "why did it end, or what holds it?", for src/node only. */
#ifndef NODE_WHY_PARTS_H
#define NODE_WHY_PARTS_H

#include "node/ladder_parts.h"

#include "sip/method.h"
#include "sip/write.h"

/* --- why.c ---------------------------------------------------------------------------------- */

/* "the callee", "callee 2", "server 1 (sip:127.0.0.1:5090;lr)", "adieu" */
void why_put_party(struct text_writer *w, const struct node_session_report *s, unsigned leg);
void why_put_server(struct text_writer *w, const struct node_session_report *s, unsigned leg);
bool why_is_server(const struct node_session_report *s, unsigned leg);
const struct journal_record *why_find(const struct journal *journal, enum journal_kind kind);
/* The first request of this method that went to this leg, or came from it (0: any), from record `i` on. */
const struct journal_record *why_find_request(const struct node_session_report *s, unsigned method,
					      unsigned from, unsigned to, unsigned i);
/* The one that this outcome or response is about: the last before it. */
const struct journal_record *why_request_of(const struct node_session_report *s,
					    const struct journal_record *answer);

/* --- why_waits.c ------------------------------------------------------------------------------ */

/* One line for each thing that is waited for. */
void why_put_waits(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms);
/* Servers that did not do their part, at the set-up and at the release. */
void why_put_servers(struct text_writer *w, const struct node_session_report *s);

/* --- why_ended.c ------------------------------------------------------------------------------ */

void why_put_end(struct text_writer *w, const struct node_session_report *s);
/* "The calling party hung up (BYE at 0.003 s)", without an end of the sentence. */
void why_put_hung_up(struct text_writer *w, const struct node_session_report *s);
/* Since the session began: what begins its end. */
uint64_t why_end_began_ms(const struct node_session_report *s);

#endif
