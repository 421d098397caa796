/* Who, or what, ended a session. */
#include "node/why_parts.h"

static const struct journal_record *find_clause(const struct node_session_report *s,
						unsigned clause)
{
	const struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->clause == clause)
			return r;
	return NULL;
}

static const struct journal_record *last_bye_from(const struct node_session_report *s, unsigned leg)
{
	const struct journal_record *r, *found = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_REQUEST && r->method == SIP_BYE && r->from == leg)
			found = r;
	return found;
}

/* ---------------------------------------------------------------- a party hung up */

static unsigned leg_of_anchored(const struct node_session_report *s)
{
	switch (s->release_why) {
	case CLAUSE_SOURCE_LEG_ENDED: return s->legs[SOURCE_ACCESS_LEG].number;
	case CLAUSE_REMOTE_LEG_ENDED: return s->legs[REMOTE_LEG].number;
	default: return s->legs[TARGET_ACCESS_LEG].number;
	}
}

/* Of several dialogs (a fork) the last BYE is the one that ended the session. */
static const struct journal_record *bye_of_party(const struct node_session_report *s,
						 bool is_calling)
{
	const struct journal_record *r, *found = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_REQUEST && r->method == SIP_BYE && r->from != LEG_SERVER &&
		    !why_is_server(s, r->from) && (r->from == LEG_CALLING) == is_calling)
			found = r;
	return found;
}

/* The BYE with which it ended, or ends; NULL: none, or the journal does not have it any more. */
static const struct journal_record *bye_that_ends(const struct node_session_report *s)
{
	if (s->is_anchored)
		return last_bye_from(s, leg_of_anchored(s));
	if (s->end == SESSION_END_BYE_OF_CALLING || s->end == SESSION_END_BYE_OF_CALLED)
		return bye_of_party(s, s->end == SESSION_END_BYE_OF_CALLING);
	for (unsigned i = 0; i < s->n_waits; i++)
		if (s->waits[i].kind == NODE_WAIT_BYE && !why_is_server(s, s->waits[i].from))
			return last_bye_from(s, s->waits[i].from);
	return s->first_bye_leg ? why_find_request(s, SIP_BYE, s->first_bye_leg, 0, 0) : NULL;
}

static const char *name_of(const struct node_session_report *s, unsigned leg)
{
	if (s->is_anchored && leg > LEG_CALLED)
		return "The MSC server";
	if (why_is_server(s, leg))
		return "An application server";
	return leg == LEG_CALLING ? "The calling party" : "The called party";
}

static unsigned index_of(const struct node_session_report *s, const struct journal_record *record)
{
	unsigned i = 0;

	while (journal_record_at(s->journal, i) && journal_record_at(s->journal, i) != record)
		i++;
	return i;
}

/* A server that answers a BYE before it sends one itself is an end of two dialogs (a B2BUA): when the other one
 * ended was its own decision. */
static void put_later_bye_of_server(struct text_writer *w, const struct node_session_report *s,
				    const struct journal_record *bye)
{
	const struct journal_record *r, *answer = NULL;
	unsigned i = index_of(s, bye);

	if (!why_is_server(s, bye->to))
		return;
	for (; (r = journal_record_at(s->journal, i)); i++) {
		if (r->kind == JOURNAL_RESPONSE && r->method == SIP_BYE && r->from == bye->to)
			answer = r;
		if (r->kind != JOURNAL_REQUEST || r->method != SIP_BYE || r->from != bye->to)
			continue;
		if (!answer)
			return; /* it has just passed on */
		text_put_literal(w, "; ");
		why_put_server(w, s, bye->to);
		text_printf(w, " answered that BYE itself (%u), and ended the other dialog ",
			    answer->status);
		ladder_put_seconds(w, r->at_ms - bye->at_ms);
		text_put_literal(w, " later with one of its own");
		return;
	}
}

void why_put_hung_up(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *bye = bye_that_ends(s);
	unsigned leg = bye                                    ? bye->from
		       : s->is_anchored                       ? leg_of_anchored(s)
		       : s->end == SESSION_END_BYE_OF_CALLING ? LEG_CALLING
		       : s->end == SESSION_END_BYE_OF_CALLED  ? LEG_CALLED
							      : s->first_bye_leg;

	text_printf(w, "%s hung up (BYE", name_of(s, leg));
	if (bye) {
		text_put_literal(w, " at ");
		ladder_put_seconds(w, bye->at_ms);
		if (bye->reason) {
			text_printf(w, ", with Reason %s",
				    journal_reason_name((enum journal_reason)bye->reason));
			if (bye->cause)
				text_printf(w, ";cause=%u", bye->cause);
		}
	}
	text_put_char(w, ')');
	if (bye)
		put_later_bye_of_server(w, s, bye);
}

/* ---------------------------------------------------------------- it was never answered */

/* The final response to the INVITE that this leg was given; the last one. */
static const struct journal_record *response_to(const struct node_session_report *s, unsigned leg,
						unsigned status)
{
	const struct journal_record *r, *found = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_RESPONSE && r->method == SIP_INVITE && r->to == leg &&
		    r->status >= 300 && (!status || r->status == status))
			found = r;
	return found;
}

/* Who said first what the caller was told: a server that passed it on did not. */
static const struct journal_record *first_refusal(const struct node_session_report *s)
{
	const struct journal_record *r = response_to(s, LEG_CALLING, 0), *before;

	for (unsigned i = 0; r && why_is_server(s, r->from) && i < NODE_REPORT_WAITS; i++) {
		before = response_to(s, r->from, r->status);
		if (!before || before == r)
			break;
		r = before;
	}
	return r;
}

/* An INVITE that nobody answered: the last one that was given up. */
static const struct journal_record *silent_branch(const struct node_session_report *s)
{
	const struct journal_record *r, *found = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_OUTCOME && r->method == SIP_INVITE &&
		    (r->note == NOTE_TIMEOUT || r->note == NOTE_TRANSPORT_FAILED))
			found = r;
	return found;
}

static void put_own_reason(struct text_writer *w, const struct node_session_report *s)
{
	if (s->end_status == 403) {
		text_put_literal(w, ": ");
		text_put(w, s->calling_user);
		text_put(w, strcmp(s->served, "none") == 0
				    ? TEXT(" is not served here, and who sends it is not trusted")
				    : TEXT(" is no subscriber, or is barred"));
	} else if (s->end_status == 404 || s->end_status == 480) {
		text_put_literal(w, ": ");
		text_put(w, s->called_user);
		text_put(w, s->end_status == 404 ? TEXT(" is no user of this server")
						 : TEXT(" has no contact"));
	}
}

static void put_rejected(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r = first_refusal(s);

	text_put_literal(w, "It was never answered: ");
	if (r)
		why_put_party(w, s, r->from);
	else
		text_put_literal(w, "adieu");
	text_printf(w, " rejected it with %u %s", r ? r->status : s->end_status,
		    sip_reason_phrase(r ? r->status : s->end_status));
	if (r && r->status != s->end_status)
		text_printf(w, ", and the caller was told %u", s->end_status);
	if (!r || r->from == LEG_SERVER)
		put_own_reason(w, s);
}

static void put_no_answer(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r = silent_branch(s);
	const struct journal_record *sent = r ? why_request_of(s, r) : NULL;

	if (s->release_why == CLAUSE_NO_ACK) {
		text_put_literal(w, "A 2xx was never acknowledged");
		return;
	}
	text_put_literal(w, "Nobody answered: ");
	if (!r) {
		text_put(w, find_clause(s, CLAUSE_TIMER_C)
				    ? TEXT("no final response before Timer C ran out")
				    : TEXT("no final response in time"));
	} else {
		why_put_party(w, s, r->to);
		text_put(w, r->note == NOTE_TIMEOUT ? TEXT(" gave no response to the INVITE")
						    : TEXT(" could not be reached"));
		if (sent && r->note == NOTE_TIMEOUT) {
			text_put_literal(w, " in ");
			ladder_put_seconds(w, r->at_ms - sent->at_ms);
			text_put_literal(w, " (Timer B)");
		}
	}
	if (s->end_status)
		text_printf(w, "; %u to the caller", s->end_status);
}

static void put_never_answered(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *needed = find_clause(s, CLAUSE_SERVER_NEEDED);

	if (needed && !s->answered_ms) {
		text_put_literal(w, "It was never answered: ");
		why_put_server(w, s, needed->to);
		text_printf(w, " failed, and it is needed; %u to the caller", s->end_status);
	} else if (s->end == SESSION_END_REJECTED) {
		put_rejected(w, s);
	} else {
		put_no_answer(w, s);
	}
}

/* ---------------------------------------------------------------- all ends */

static void put_end_of_sccas(struct text_writer *w, const struct node_session_report *s)
{
	switch (s->end) {
	case SESSION_END_NO_TRANSFER:
		text_put_literal(w, "The UE had lost its access, and the call was not transferred");
		break;
	case SESSION_END_OTHER_TRANSFERRED:
		text_put_literal(w, "Another session of the user was transferred, and this one "
				    "could not stay behind");
		break;
	case SESSION_END_BYE_OF_MSC:
		if (s->release_why == CLAUSE_SOURCE_RELEASE_DELAY)
			text_put_literal(
				w, "The MSC server had hung up, and the UE did not come back");
		else
			why_put_hung_up(w, s);
		break;
	default: text_put_literal(w, "It is over"); break;
	}
}

void why_put_end(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r = why_find(s->journal, JOURNAL_ENDED);

	switch (s->end) {
	case SESSION_END_BYE_OF_CALLING:
	case SESSION_END_BYE_OF_CALLED:
	case SESSION_END_BYE_OF_SERVER: why_put_hung_up(w, s); break;
	case SESSION_END_REJECTED:
	case SESSION_END_NO_ANSWER: put_never_answered(w, s); break;
	case SESSION_END_CANCELLED:
		text_put_literal(w, "The calling party cancelled it before the answer");
		break;
	case SESSION_END_SESSION_TIMER:
		text_put_literal(w, "Its session timer ran out without a refresh");
		if (!s->is_anchored)
			text_put_literal(w, "; a proxy forgets such a session and sends no BYE");
		break;
	case SESSION_END_LOST:
		text_put_literal(w, "A party does not know the dialog any more: it answered 481");
		break;
	default: put_end_of_sccas(w, s); break;
	}
	if (r)
		ladder_put_clause(w, r->clause);
	text_put_literal(w, ".\n");
}

uint64_t why_end_began_ms(const struct node_session_report *s)
{
	const struct journal_record *order = why_find(s->journal, JOURNAL_ORDER), *r;
	uint64_t lasted_ms = s->ended_ms - s->began_ms;

	if (order && !s->bye_came_first)
		return order->at_ms;
	if (s->is_anchored && s->transfer.source_bye_ms && !s->transfer.transferred_ms)
		return s->transfer.source_bye_ms - s->began_ms;
	if (s->end == SESSION_END_BYE_OF_CALLING || s->end == SESSION_END_BYE_OF_CALLED ||
	    s->end == SESSION_END_BYE_OF_SERVER || s->end == SESSION_END_BYE_OF_MSC)
		r = bye_that_ends(s);
	else
		r = s->is_anchored ? find_clause(s, s->release_why) : NULL;
	return r ? r->at_ms : lasted_ms;
}
