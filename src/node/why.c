/* The answer to "why did it end?", or "what holds it?", from the report and the journal of a session. */
#include "node/why_parts.h"

void ladder_put_clause(struct text_writer *w, unsigned clause)
{
	if (clause_table[clause].document[0])
		text_printf(w, " (%s)", clause_table[clause].document);
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

/* ---------------------------------------------------------------- the journal */

const struct journal_record *why_find(const struct journal *journal, enum journal_kind kind)
{
	const struct journal_record *r;

	for (unsigned i = 0; (r = journal_record_at(journal, i)); i++)
		if (r->kind == kind)
			return r;
	return NULL;
}

const struct journal_record *why_find_request(const struct node_session_report *s, unsigned method,
					      unsigned from, unsigned to, unsigned i)
{
	const struct journal_record *r;

	for (; (r = journal_record_at(s->journal, i)); i++)
		if (r->kind == JOURNAL_REQUEST && r->method == method &&
		    (!from || r->from == from) && (!to || r->to == to))
			return r;
	return NULL;
}

const struct journal_record *why_request_of(const struct node_session_report *s,
					    const struct journal_record *answer)
{
	const struct journal_record *r, *found = NULL;
	unsigned leg = answer->kind == JOURNAL_OUTCOME ? answer->to : answer->from;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)) && r != answer; i++)
		if (r->kind == JOURNAL_REQUEST && r->method == answer->method && r->to == leg)
			found = r;
	return found;
}

bool why_is_server(const struct node_session_report *s, unsigned leg)
{
	return !s->is_anchored && leg > LEG_SERVER && leg < 32 && s->server_legs & 1u << leg;
}

void why_put_server(struct text_writer *w, const struct node_session_report *s, unsigned leg)
{
	struct text rest = s->servers;
	char name[24];

	text_put(w, text_of(node_leg_name(s, leg, name, sizeof(name))));
	for (unsigned i = LEG_CALLED; i < leg && rest.len; i++)
		if (why_is_server(s, i))
			rest = text_from(rest, text_find(rest, '\n') + 1);
	if (!rest.len)
		return;
	text_put_literal(w, " (");
	text_put(w, (struct text){rest.at, text_find(rest, '\n')});
	text_put_char(w, ')');
}

void why_put_party(struct text_writer *w, const struct node_session_report *s, unsigned leg)
{
	char name[24];
	struct text t;

	if (leg == LEG_SERVER) {
		text_put_literal(w, "adieu");
		return;
	}
	if (why_is_server(s, leg)) {
		why_put_server(w, s, leg);
		return;
	}
	t = text_of(node_leg_name(s, leg, name, sizeof(name)));
	if (text_find(t, ' ') == t.len || s->is_anchored) /* "callee 2" has a name */
		text_put_literal(w, "the ");
	text_put(w, t);
}

/* ---------------------------------------------------------------- what came of each leg */

/* Of a session of the SCC AS an ACK of ours is no part of its end: it passed on, or was that of an update. */
static bool is_about_the_end(const struct node_session_report *s, const struct journal_record *r)
{
	return r->method == SIP_BYE || r->method == SIP_CANCEL ||
	       (r->method == SIP_ACK && !s->is_anchored);
}

static void put_after(struct text_writer *w, const struct journal_record *r)
{
	text_put_literal(w, ", after ");
	ladder_put_seconds(w, r->at_ms);
	ladder_put_clause(w, r->clause);
	text_put_char(w, '\n');
}

static void put_request(struct text_writer *w, const struct node_session_report *s,
			const struct journal_record *r)
{
	char name[24];
	bool is_ours = r->from == LEG_SERVER;

	text_printf(w, "  %s: %s with CSeq %u",
		    node_leg_name(s, is_ours ? r->to : r->from, name, sizeof(name)),
		    sip_method_name(r->method), r->cseq);
	if (!is_ours && r->to == LEG_SERVER)
		text_put_literal(w, " to us");
	else if (!is_ours)
		text_printf(w, " to %s", node_leg_name(s, r->to, name, sizeof(name)));
	put_after(w, r);
}

/* "callee: BYE of 1.507 s, never answered, given up at 33.507 s" */
static void put_no_answer(struct text_writer *w, const struct node_session_report *s,
			  const struct journal_record *r)
{
	const struct journal_record *sent = why_request_of(s, r);
	bool is_silent = r->note == NOTE_TIMEOUT;
	char name[24];

	text_printf(w, "  %s: %s", node_leg_name(s, r->to, name, sizeof(name)),
		    sip_method_name(r->method));
	if (sent) {
		text_put_literal(w, " sent at ");
		ladder_put_seconds(w, sent->at_ms);
	}
	text_put(w, is_silent ? TEXT(", never answered, given up at ")
			      : TEXT(", could not be delivered, known at "));
	ladder_put_seconds(w, r->at_ms);
	ladder_put_clause(w, r->clause);
	text_put_char(w, '\n');
}

static void put_outcome(struct text_writer *w, const struct node_session_report *s,
			const struct journal_record *r)
{
	char name[24];

	if (r->note == NOTE_TIMEOUT || r->note == NOTE_TRANSPORT_FAILED) {
		put_no_answer(w, s, r);
		return;
	}
	text_printf(
		w, "  %s: %u to %s",
		node_leg_name(s, r->kind == JOURNAL_OUTCOME ? r->to : r->from, name, sizeof(name)),
		r->status, sip_method_name(r->method));
	put_after(w, r);
}

/* What was sent to each leg, or by a party, and what came back. */
static void put_legs(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *r;
	char name[24];

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)); i++) {
		bool is_ours = r->from == LEG_SERVER;

		if (r->kind == JOURNAL_REQUEST &&
		    (is_ours ? is_about_the_end(s, r) : r->method == SIP_BYE)) {
			put_request(w, s, r);
		} else if (r->kind == JOURNAL_OUTCOME && r->clause != CLAUSE_SERVER_NEEDED &&
			   r->clause != CLAUSE_SERVER_PASSED_OVER) {
			put_outcome(w, s, r);
		} else if (!is_ours && r->kind == JOURNAL_RESPONSE && r->method == SIP_BYE &&
			   r->status >= 200) {
			put_outcome(w, s, r);
		} else if (is_ours && r->kind == JOURNAL_RESPONSE && r->status >= 300) {
			text_printf(w, "  %s: was answered %u to %s",
				    node_leg_name(s, r->to, name, sizeof(name)), r->status,
				    sip_method_name(r->method));
			put_after(w, r);
		}
	}
}

/* ---------------------------------------------------------------- released by this server */

static void put_order(struct text_writer *w, const struct journal_record *order)
{
	text_put(w, order->clause == CLAUSE_DEREGISTERED
			    ? TEXT("the registration of a contact ended ")
			    : TEXT("the operator ordered it "));
	ladder_put_seconds(w, order->at_ms);
	text_printf(w, " after the INVITE, with Reason SIP;cause=%u", order->status);
	ladder_put_clause(w, order->clause);
}

static void put_released(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *order = why_find(s->journal, JOURNAL_ORDER);

	text_put(w, s->state == SESSION_ENDED ? TEXT("The network released it")
					      : TEXT("The network releases it"));
	if (order) {
		text_put_literal(w, ": ");
		put_order(w, order);
	}
	text_printf(w, ". This server serves %s.\n",
		    strcmp(s->served, "both") == 0      ? "both users"
		    : strcmp(s->served, "calling") == 0 ? "the calling user"
		    : strcmp(s->served, "called") == 0  ? "the called user"
							: "neither user");
}

/* An order that met a party's BYE has changed nothing of why it ends. */
static void put_order_beside(struct text_writer *w, const struct node_session_report *s)
{
	const struct journal_record *order = why_find(s->journal, JOURNAL_ORDER);

	if (!order || !s->bye_came_first)
		return;
	text_put_literal(w, "That BYE was under way when the release began: ");
	put_order(w, order);
	text_put_literal(w, "; who hung up was sent no BYE.\n");
}

/* By an order, or for a registration that ended. A session of the SCC AS sends the BYEs on its other legs in
 * any case. */
static bool is_released_by_us(const struct node_session_report *s)
{
	if (s->bye_came_first)
		return false;
	if (s->state == SESSION_RELEASING)
		return s->is_anchored ? why_find(s->journal, JOURNAL_ORDER) != NULL
				      : !s->is_terminating;
	return s->end == SESSION_END_RELEASED || s->end == SESSION_END_DEREGISTERED;
}

/* ---------------------------------------------------------------- it goes on, or is ending */

static bool is_held(const struct node_session_report *s)
{
	return s->is_anchored && s->transfer.hold_until_ms != 0;
}

static bool is_passage_over(const struct node_session_report *s, unsigned passage)
{
	bool found = false;

	for (unsigned i = 0; i < s->n_dialogs_shown; i++) {
		if (s->dialogs[i].passage != passage)
			continue;
		if (strcmp(s->dialogs[i].state, "ended") != 0)
			return false;
		found = true;
	}
	return found;
}

static void put_dialog(struct text_writer *w, const struct node_session_report *s,
		       const struct node_dialog_report *d)
{
	why_put_party(w, s, d->legs[SIDE_CALLING]);
	text_put_literal(w, " and ");
	why_put_party(w, s, d->legs[SIDE_CALLED]);
}

/* A server that is an end of two dialogs has ended one of them. */
static bool put_what_is_left(struct text_writer *w, const struct node_session_report *s)
{
	const struct node_dialog_report *over = NULL, *left = NULL;
	const struct journal_record *bye;

	for (unsigned i = 0; i < s->n_dialogs_shown; i++) {
		if (is_passage_over(s, s->dialogs[i].passage))
			over = &s->dialogs[i];
		else
			left = &s->dialogs[i];
	}
	if (!over || !left)
		return false;
	text_put_literal(w, "It has ended in part: the dialog of ");
	put_dialog(w, s, over);
	text_put_literal(w, " is over");
	bye = why_find_request(s, SIP_BYE, over->legs[SIDE_CALLED], over->legs[SIDE_CALLING], 0);
	if (!bye)
		bye = why_find_request(s, SIP_BYE, over->legs[SIDE_CALLING],
				       over->legs[SIDE_CALLED], 0);
	if (bye) {
		text_put_literal(w, ", by a BYE of ");
		why_put_party(w, s, bye->from);
		text_put_literal(w, " at ");
		ladder_put_seconds(w, bye->at_ms);
	}
	text_put_literal(w, ". What is left is the dialog of ");
	put_dialog(w, s, left);
	text_put_literal(w, ": it ends with a BYE of one of these, or by the operator.\n");
	return true;
}

static void put_what_ends_it(struct text_writer *w, const struct node_session_report *s,
			     uint64_t now_ms)
{
	if (is_held(s)) {
		text_put_literal(w, "; the source access leg is over, the remote leg is held until "
				    "an INVITE due to STN-SR comes or the window ends");
	} else if (s->expires_ms) {
		text_put_literal(w, "; its session timer runs out in ");
		ladder_put_seconds(w, s->expires_ms > now_ms ? s->expires_ms - now_ms : 0);
	} else {
		text_put_literal(w, "; no session timer was negotiated, so only a BYE, a lost "
				    "dialog or the operator ends it");
	}
	text_put_literal(w, ".\n");
}

static void put_standing(struct text_writer *w, const struct node_session_report *s,
			 uint64_t now_ms)
{
	if (put_what_is_left(w, s))
		return;
	text_printf(w, "It has not ended: %s for ", node_state_name(s));
	ladder_put_seconds(w, now_ms - (s->answered_ms ? s->answered_ms : s->began_ms));
	if (s->state == SESSION_ANSWERED && !s->is_anchored)
		text_put_literal(w, " (the ACK of the 2xx has not come)");
	put_what_ends_it(w, s, now_ms);
}

static void put_set_up(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms)
{
	text_put_literal(w, "It is being set up: the INVITE came ");
	ladder_put_seconds(w, now_ms - s->began_ms);
	text_put_literal(w, " ago, and there is no final response yet.\n");
	if (s->n_waits == 0)
		return;
	text_put_literal(w, "It waits for:\n");
	why_put_waits(w, s, now_ms);
}

static void put_ending(struct text_writer *w, const struct node_session_report *s, uint64_t now_ms)
{
	if (s->is_terminating) {
		text_put_literal(w, "It is ending. ");
		why_put_hung_up(w, s);
		text_put_literal(w, ".\n");
		put_order_beside(w, s);
	} else {
		text_printf(w, "It ends: %s", clause_table[s->release_why].meaning);
		ladder_put_clause(w, s->release_why);
		text_put_literal(w, ".\n");
	}
	put_legs(w, s);
	why_put_servers(w, s);
	if (s->n_waits == 0)
		return;
	text_put_literal(w, "It waits for:\n");
	why_put_waits(w, s, now_ms);
}

/* ---------------------------------------------------------------- it is over */

static void put_times(struct text_writer *w, const struct node_session_report *s)
{
	uint64_t lasted_ms = s->ended_ms - s->began_ms, began_ms = why_end_began_ms(s);
	uint64_t answered_ms = s->answered_ms ? s->answered_ms - s->began_ms : 0;

	text_put_literal(w, "It lasted ");
	ladder_put_seconds(w, lasted_ms);
	if (s->answered_ms && began_ms >= answered_ms && began_ms <= lasted_ms) {
		text_put_literal(w, ": answered after ");
		ladder_put_seconds(w, answered_ms);
		text_put_literal(w, ", talked ");
		ladder_put_seconds(w, began_ms - answered_ms);
		text_put_literal(w, ", ending took ");
		ladder_put_seconds(w, lasted_ms - began_ms);
	}
	text_put_literal(w, ". Nothing of it is left on any leg that this server knows.\n");
}

static void put_over(struct text_writer *w, const struct node_session_report *s)
{
	if (is_released_by_us(s))
		put_released(w, s);
	else
		why_put_end(w, s);
	put_order_beside(w, s);
	put_legs(w, s);
	why_put_servers(w, s);
	put_times(w, s);
}

static void put_releasing(struct text_writer *w, const struct node_session_report *s,
			  uint64_t now_ms)
{
	put_released(w, s);
	put_legs(w, s);
	why_put_servers(w, s);
	text_put(w, s->n_waits ? TEXT("It is being released, and waits for:\n")
			       : TEXT("It is being released.\n"));
	why_put_waits(w, s, now_ms);
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
	if (s->state == SESSION_ENDED) {
		put_over(w, s);
	} else if (is_released_by_us(s)) {
		put_releasing(w, s, now_ms);
	} else if (s->state == SESSION_RELEASING || s->is_terminating) {
		put_ending(w, s, now_ms);
	} else if (s->state == SESSION_ESTABLISHING) {
		put_set_up(w, s, now_ms);
		why_put_servers(w, s);
	} else {
		put_standing(w, s, now_ms);
		why_put_servers(w, s);
	}
}
