/* The answer to "why did it end?", or "what holds it?", from the report and the journal of a session. */
#include "node/ladder_parts.h"

#include "sip/method.h"
#include "sip/write.h"

void ladder_put_clause(struct text_writer *w, unsigned clause)
{
	if (clause_table[clause].document[0])
		text_printf(w, " (%s)", clause_table[clause].document);
}

static const struct journal_record *find(const struct journal *journal, enum journal_kind kind)
{
	const struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_at(journal, i)); i++)
		if (r->kind == kind)
			return r;
	return NULL;
}

void ladder_put_seconds(struct text_writer *w, uint64_t ms)
{
	text_printf(w, "%llu.%03u s", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

void ladder_put_window(struct text_writer *w, uint32_t ms)
{
	uint32_t part = ms % 1000, digits = 3;

	text_printf(w, "%u", ms / 1000);
	for (; part && part % 10 == 0; digits--)
		part /= 10;
	if (part)
		text_printf(w, ".%0*u", (int)digits, part);
	text_put_literal(w, " s");
}

/* Of a session of the SCC AS an ACK of ours is no part of its end: it passed on, or was that of an update. */
static bool is_about_the_end(const struct node_session_report *s, const struct journal_record *r)
{
	return r->method == SIP_BYE || r->method == SIP_CANCEL ||
	       (r->method == SIP_ACK && !s->is_anchored);
}

/* What was sent to each leg, and what came back. */
static void put_legs(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r;
	char name[24];

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++) {
		bool is_ours = r->from == LEG_SERVER;

		if (is_ours && r->kind == JOURNAL_REQUEST && is_about_the_end(s, r)) {
			text_printf(w, "  %s: %s with CSeq %u",
				    node_leg_name(s, r->to, name, sizeof(name)),
				    sip_method_name(r->method), r->cseq);
		} else if (r->kind == JOURNAL_OUTCOME) {
			text_put_literal(w, "  ");
			ladder_put_outcome(w, s, r);
		} else if (is_ours && r->kind == JOURNAL_RESPONSE && r->status >= 300) {
			text_printf(w, "  %s: was answered %u to %s",
				    node_leg_name(s, r->to, name, sizeof(name)), r->status,
				    sip_method_name(r->method));
		} else {
			continue;
		}
		text_put_literal(w, ", after ");
		ladder_put_seconds(w, r->at_ms);
		ladder_put_clause(w, r->clause);
		text_put_char(w, '\n');
	}
}

static void put_released(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *order = find(s->journal, JOURNAL_ORDER);

	text_put_literal(w, "The network released it: ");
	if (order) {
		text_put(w, order->clause == CLAUSE_DEREGISTERED
				    ? TEXT("the registration of a contact ended ")
				    : TEXT("the operator ordered it "));
		ladder_put_seconds(w, order->at_ms);
		text_printf(w, " after the INVITE, with Reason SIP;cause=%u", order->status);
		ladder_put_clause(w, order->clause);
	}
	text_printf(w, ". This server serves %s.\n",
		    strcmp(s->served, "both") == 0      ? "both users"
		    : strcmp(s->served, "calling") == 0 ? "the calling user"
		    : strcmp(s->served, "called") == 0  ? "the called user"
							: "neither user");
}

static void put_end(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r = find(s->journal, JOURNAL_ENDED);

	switch (s->end) {
	case SESSION_END_BYE_OF_CALLING:
		text_put_literal(w, "The calling party hung up (BYE)");
		break;
	case SESSION_END_BYE_OF_CALLED:
		text_put_literal(w, "The called party hung up (BYE)");
		break;
	case SESSION_END_REJECTED:
		text_printf(w, "It was never answered: %u %s", s->end_status,
			    sip_reason_phrase(s->end_status));
		break;
	case SESSION_END_CANCELLED:
		text_put_literal(w, "The calling party cancelled it before the answer");
		break;
	case SESSION_END_NO_ANSWER:
		if (s->release_why == CLAUSE_NO_ACK)
			text_put_literal(w, "A 2xx was never acknowledged");
		else
			text_put_literal(w,
					 "Nobody answered: no final response in time, or no way to "
					 "reach the called user");
		break;
	case SESSION_END_SESSION_TIMER:
		text_put_literal(w, "Its session timer ran out without a refresh");
		if (!s->is_anchored)
			text_put_literal(w, "; a proxy forgets such a session and sends no BYE");
		break;
	case SESSION_END_BYE_OF_SERVER:
		text_put_literal(w, "An application server hung up (BYE)");
		break;
	case SESSION_END_BYE_OF_MSC:
		text_put(w,
			 s->release_why == CLAUSE_SOURCE_RELEASE_DELAY
				 ? TEXT("The MSC server had hung up, and the UE did not come back")
				 : TEXT("The MSC server hung up (BYE)"));
		break;
	case SESSION_END_NO_TRANSFER:
		text_put_literal(w, "The UE had lost its access, and the call was not transferred");
		break;
	case SESSION_END_OTHER_TRANSFERRED:
		text_put_literal(w, "Another session of the user was transferred, and this one "
				    "could not stay behind");
		break;
	case SESSION_END_LOST:
		text_put_literal(w, "A party does not know the dialog any more: it answered 481");
		break;
	default: text_put_literal(w, "It is over"); break;
	}
	if (r)
		ladder_put_clause(w, r->clause);
	text_put_literal(w, ".\n");
}

/* By an order, or for a registration that ended. A session of the SCC AS sends the BYEs on its other legs in
 * any case. */
static bool is_released_by_us(const struct node_session_report *s)
{
	if (s->state == SESSION_RELEASING)
		return !s->is_anchored || find(s->journal, JOURNAL_ORDER);
	return s->end == SESSION_END_RELEASED || s->end == SESSION_END_DEREGISTERED;
}

void ladder_put_why(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms)
{
	text_put_literal(w, "session ");
	node_session_id_put(w, &s->id);
	text_put_literal(w, ", Call-ID ");
	text_put(w, s->call_id);
	text_put_literal(w, "\n");
	if (s->is_anchored)
		ladder_put_transfer(w, s, now_ms);
	if (is_released_by_us(s)) {
		put_released(w, s);
		put_legs(w, s);
	} else if (s->state == SESSION_RELEASING) {
		text_printf(w, "It ends: %s", clause_table[s->release_why].meaning);
		ladder_put_clause(w, s->release_why);
		text_put_literal(w, ".\n");
		put_legs(w, s);
	} else if (s->state == SESSION_ENDED) {
		put_end(w, s);
		put_legs(w, s);
	} else {
		text_printf(w, "It has not ended: %s for ", session_state_name(s->state));
		ladder_put_seconds(w, now_ms - s->began_ms);
		if (s->expires_ms) {
			text_put_literal(w, "; its session timer runs out in ");
			ladder_put_seconds(w, s->expires_ms > now_ms ? s->expires_ms - now_ms : 0);
		} else {
			text_put_literal(w, "; no session timer was negotiated, so only a BYE, a "
					    "lost dialog or the operator ends it");
		}
		text_put_literal(w, ".\n");
	}
	if (s->state == SESSION_RELEASING)
		text_put_literal(
			w, "The release is not complete: at least one leg has not answered yet.\n");
	if (s->state == SESSION_ENDED) {
		text_put_literal(w, "It lasted ");
		ladder_put_seconds(w, s->ended_ms - s->began_ms);
		if (s->answered_ms) {
			text_put_literal(w, ", ");
			ladder_put_seconds(w, s->ended_ms - s->answered_ms);
			text_put_literal(w, " of them answered");
		}
		text_put_literal(w, ". Nothing of it is left on any leg that this server knows.\n");
	}
}
