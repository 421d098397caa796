/* What a session waits for, in words; and the servers that did not do their part. */
#include "node/why_parts.h"

static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

/* "; given up in 29.984 s (Timer F)" */
static void put_deadline(struct text_writer *w, const struct node_wait *wait, uint64_t now_ms,
			 const char *then, const char *timer)
{
	if (!wait->until_ms)
		return;
	text_printf(w, "; %s in ", then);
	ladder_put_seconds(w, since(now_ms, wait->until_ms));
	if (timer[0])
		text_printf(w, " (%s)", timer);
}

static void put_unanswered(struct text_writer *w, const struct node_session_report *s,
			   const struct node_wait *wait, uint64_t now_ms)
{
	if (wait->since_ms) {
		text_put_literal(w, " at ");
		ladder_put_seconds(w, since(s->began_ms, wait->since_ms));
		text_put_literal(w, ", unanswered for ");
		ladder_put_seconds(w, since(wait->since_ms, now_ms));
	} else {
		text_put_literal(w, ", unanswered");
	}
	if (wait->n_sent > 1)
		text_printf(w, ", sent %u%s times", wait->n_sent,
			    wait->n_sent > JOURNAL_AGAIN_MAX ? " or more" : "");
	put_deadline(w, wait, now_ms, "given up", "Timer F");
}

/* It has sent the BYE on, and waits itself. */
static bool has_passed_on(const struct node_session_report *s, const struct node_wait *wait)
{
	for (unsigned i = 0; wait->kind == NODE_WAIT_BYE && i < s->n_waits; i++)
		if (s->waits[i].kind == NODE_WAIT_BYE && s->waits[i].from == wait->leg)
			return true;
	return false;
}

static void put_bye(struct text_writer *w, const struct node_session_report *s,
		    const struct node_wait *wait, uint64_t now_ms)
{
	text_put_literal(w, ": BYE of ");
	why_put_party(w, s, wait->from);
	put_unanswered(w, s, wait, now_ms);
	if (has_passed_on(s, wait))
		text_put_literal(w, "; it has sent a BYE on, and waits itself");
}

/* The last provisional response of this leg; 0: none. */
static unsigned provisional_of(const struct node_session_report *s, unsigned leg,
			       uint64_t *ret_at_ms)
{
	const struct journal_record *r;
	unsigned status = 0;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_RESPONSE && r->method == SIP_INVITE && r->from == leg &&
		    r->status > 100 && r->status < 200) {
			status = r->status;
			*ret_at_ms = s->began_ms + r->at_ms;
		}
	return status;
}

static void put_answer(struct text_writer *w, const struct node_session_report *s,
		       const struct node_wait *wait, uint64_t now_ms)
{
	uint64_t at_ms = 0;
	unsigned status = provisional_of(s, wait->leg, &at_ms);

	if (status) {
		text_put(w, status == 180 ? TEXT(": it rings (180) since ") : TEXT(": "));
		if (status != 180)
			text_printf(w, "%u to the INVITE since ", status);
		ladder_put_seconds(w, since(at_ms, now_ms));
	} else {
		text_put_literal(w, ": 100 to the INVITE, and nothing since");
	}
	put_deadline(w, wait, now_ms, "given up", "Timer C");
}

static void put_server(struct text_writer *w, const struct node_session_report *s,
		       const struct node_wait *wait, uint64_t now_ms)
{
	text_put_literal(w, ": no response to the INVITE");
	if (wait->since_ms) {
		text_put_literal(w, " for ");
		ladder_put_seconds(w, since(wait->since_ms, now_ms));
	}
	put_deadline(w, wait, now_ms,
		     wait->ends_session ? "without one the caller is refused with 408"
					: "without one it is skipped",
		     wait->ends_session ? "scscf.server_wait; default handling SESSION_TERMINATED"
					: "scscf.server_wait; default handling SESSION_CONTINUED");
	(void)s;
}

static void put_wait(struct text_writer *w, const struct node_session_report *s,
		     const struct node_wait *wait, uint64_t now_ms)
{
	switch ((enum node_wait_kind)wait->kind) {
	case NODE_WAIT_BYE: put_bye(w, s, wait, now_ms); break;
	case NODE_WAIT_OWN_BYE:
		text_put_literal(w, ": BYE of ours");
		put_unanswered(w, s, wait, now_ms);
		break;
	case NODE_WAIT_OWN_CANCEL:
		text_put_literal(w, ": final response to the INVITE, which is cancelled");
		put_deadline(w, wait, now_ms, "given up", "");
		break;
	case NODE_WAIT_BYE_OF_SERVER:
		text_put_literal(w, ": the BYE, which passes through it");
		put_deadline(w, wait, now_ms, "without it the release goes on",
			     "scscf.server_wait");
		break;
	case NODE_WAIT_ACK:
		text_put_literal(w, ": its ACK, since no BYE may come before it (RFC 3261 §15)");
		put_deadline(w, wait, now_ms, "the BYE goes out", "64*T1");
		break;
	case NODE_WAIT_RETRY:
		text_put_literal(w, ": it answered our BYE with 500");
		put_deadline(w, wait, now_ms, "the BYE is tried once more", "RFC 3261 §12.2.2");
		break;
	case NODE_WAIT_SERVER: put_server(w, s, wait, now_ms); break;
	case NODE_WAIT_RESPONSE:
		text_put_literal(w, ": no response to the INVITE");
		if (wait->since_ms) {
			text_put_literal(w, " for ");
			ladder_put_seconds(w, since(wait->since_ms, now_ms));
		}
		put_deadline(w, wait, now_ms, "given up", "Timer B");
		break;
	case NODE_WAIT_ANSWER: put_answer(w, s, wait, now_ms); break;
	}
}

/* Where it hangs comes first, then those who only wait for that. */
void why_put_waits(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms)
{
	for (unsigned n = 0; n < 2 * s->n_waits; n++) {
		unsigned i = n % s->n_waits;

		if (has_passed_on(s, &s->waits[i]) != (n >= s->n_waits))
			continue;
		text_put_literal(w, "  ");
		why_put_party(w, s, s->waits[i].leg);
		put_wait(w, s, &s->waits[i], now_ms);
		text_put_literal(w, ".\n");
	}
}

/* ---------------------------------------------------------------- servers */

/* "server 1 (URI) gave no response within scscf.server_wait (2 s)" */
static void put_failure(struct text_writer *w, const struct node_session_report *s,
			const struct journal_record *r)
{
	why_put_server(w, s, r->to);
	if (r->note == NOTE_TIMEOUT) {
		text_put_literal(w, " gave no response within scscf.server_wait (");
		ladder_put_window(w, s->server_wait_ms);
		text_put_char(w, ')');
	} else if (r->note == NOTE_TRANSPORT_FAILED) {
		text_put_literal(w, " could not be reached");
	} else if (r->note == NOTE_NO_ROUTE) {
		text_put_literal(w, " is nowhere: its host is no address and has no route");
	} else {
		text_printf(w, " answered %u", r->status);
	}
}

static void put_skipped(struct text_writer *w, const struct node_session_report *s,
			const struct journal_record *r)
{
	put_failure(w, s, r);
	text_put_literal(w, " and was skipped at ");
	ladder_put_seconds(w, r->at_ms);
	text_put_literal(w, ": default handling SESSION_CONTINUED");
	ladder_put_clause(w, r->clause);
	text_put_literal(w, ".\n");
}

static void put_needed(struct text_writer *w, const struct node_session_report *s,
		       const struct journal_record *r)
{
	put_failure(w, s, r);
	text_put_literal(w, "; default handling SESSION_TERMINATED");
	if (s->end_status)
		text_printf(w, ": %u to the caller", s->end_status);
	ladder_put_clause(w, r->clause);
	text_put_literal(w, ".\n");
}

/* A server that had a BYE before this record and has sent none on. */
static unsigned silent_server(const struct node_session_report *s,
			      const struct journal_record *record)
{
	const struct journal_record *r;
	unsigned leg = 0;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)) && r != record; i++) {
		if (r->kind != JOURNAL_REQUEST || r->method != SIP_BYE)
			continue;
		if (why_is_server(s, r->to))
			leg = r->to;
		else if (r->from == leg)
			leg = 0;
	}
	return leg;
}

/* What it said to its BYE before this record; 0: nothing. */
static unsigned said_to_bye(const struct node_session_report *s, unsigned leg,
			    const struct journal_record *record)
{
	const struct journal_record *r;
	unsigned status = 0;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)) && r != record; i++)
		if (r->method == SIP_BYE && r->status >= 200 &&
		    ((r->kind == JOURNAL_OUTCOME && r->to == leg) ||
		     (r->kind == JOURNAL_RESPONSE && r->from == leg)))
			status = r->status;
	return status;
}

static void put_swallowed(struct text_writer *w, const struct node_session_report *s,
			  const struct journal_record *r)
{
	unsigned leg = silent_server(s, r), status = leg ? said_to_bye(s, leg, r) : 0;

	if (leg)
		why_put_server(w, s, leg);
	else
		text_put_literal(w, "An application server");
	text_put_literal(w, " did not pass the BYE on");
	if (status) {
		text_printf(w, " (it answered %u)", status);
	} else if (s->release_why) {
		text_put_literal(w, " within scscf.server_wait (");
		ladder_put_window(w, s->server_wait_ms);
		text_put_char(w, ')');
	}
	text_put_literal(w, ": at ");
	ladder_put_seconds(w, r->at_ms);
	text_put_literal(w, " the release went on without it");
	ladder_put_clause(w, r->clause);
	text_put_literal(w, ".\n");
}

void why_put_servers(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++) {
		if (r->clause == CLAUSE_SERVER_PASSED_OVER)
			put_skipped(w, s, r);
		else if (r->clause == CLAUSE_SERVER_NEEDED)
			put_needed(w, s, r);
		else if (r->clause == CLAUSE_RELEASED_WITHOUT_SERVER)
			put_swallowed(w, s, r);
	}
}
