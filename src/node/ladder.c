/* The ladder of a session, from its journal. */
#include "node/ladder_parts.h"

#include "sip/method.h"
#include "sip/uri.h"

#define LANE_FIRST     14u
#define LANE_WIDTH     27u /* or what the longest label needs */
#define LANE_WIDTH_MAX 48u
#define LANES_MAX      8u
#define LINE_BYTES     (LANE_FIRST + LANES_MAX * LANE_WIDTH_MAX + 8u)
#define CLAUSE_SPACE   3u

struct drawing {
	struct text_writer *w;
	const struct node_session_report *session;
	unsigned n_lanes, lane_width;
	bool clauses_seen[N_CLAUSES];
	char line[LINE_BYTES];
};

/* Lanes: the calling side, the server, then the called legs; what does not fit shares the last. */
static unsigned lane_of(const struct drawing *d, unsigned leg)
{
	unsigned lane = leg == LEG_CALLING ? 0 : leg == LEG_SERVER ? 1 : leg;

	return lane < d->n_lanes ? lane : d->n_lanes - 1;
}

static unsigned column_of(const struct drawing *d, unsigned lane)
{
	return LANE_FIRST + lane * d->lane_width;
}

static void count_lanes(struct drawing *d)
{
	const struct journal_record *r;

	d->n_lanes = 3;
	for (unsigned i = 0; (r = journal_record_at(d->session->journal, i)); i++) {
		unsigned last = r->from > r->to ? r->from : r->to;

		if (last + 1u > d->n_lanes)
			d->n_lanes = last + 1u < LANES_MAX ? last + 1u : LANES_MAX;
	}
}

static void clear_line(struct drawing *d)
{
	memset(d->line, ' ', sizeof(d->line));
	for (unsigned lane = 0; lane < d->n_lanes; lane++)
		d->line[column_of(d, lane)] = '|';
}

static void write_at(struct drawing *d, unsigned column, struct text t)
{
	for (uint32_t i = 0; i < t.len && column + i < sizeof(d->line); i++)
		d->line[column + i] = t.at[i];
}

static void put_line(struct drawing *d, struct text right)
{
	unsigned end = sizeof(d->line);

	while (d->line[end - 1] == ' ') /* the last lane, or what is written beyond it */
		end--;
	text_put(d->w, (struct text){d->line, end});
	if (right.len) {
		for (unsigned i = 0; i < CLAUSE_SPACE; i++)
			text_put_char(d->w, ' ');
		text_put(d->w, right);
	}
	text_put_char(d->w, '\n');
}

static void write_time(struct drawing *d, uint32_t at_ms)
{
	char bytes[16];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_printf(&w, "%7u.%03u", at_ms / 1000, at_ms % 1000);
	write_at(d, 0, text_written(&w));
}

static void draw_arrow(struct drawing *d, unsigned from, unsigned to, struct text label)
{
	unsigned a = column_of(d, from), b = column_of(d, to);
	unsigned left = a < b ? a : b, right = a < b ? b : a;

	if (from == to)
		return;
	for (unsigned i = left + 1; i < right; i++)
		d->line[i] = '-';
	if (a < b)
		d->line[right - 1] = '>';
	else
		d->line[left + 1] = '<';
	if (label.len > d->lane_width - 4)
		label.len = d->lane_width - 4;
	/* Beside the server, where the eye follows the call. */
	write_at(d, (a < b ? a : b) + 3 + (right - left - d->lane_width), label);
}

/* How often it was sent in all; once is not worth saying. */
static void put_times(struct text_writer *w, unsigned again)
{
	if (again)
		text_printf(w, "x%u%s ", again + 1, again == JOURNAL_AGAIN_MAX ? "+" : "");
}

/* Of the arrow that comes to this server, or of the one that goes from it: " BYE (2) SIP;cause=503 x7 " */
static void put_label(struct text_writer *w, const struct journal_record *r, bool comes)
{
	if (r->kind != JOURNAL_REQUEST) {
		text_printf(w, " %u (%s) ", r->status, sip_method_name(r->method));
		return;
	}
	text_printf(w, " %s (%u) ", sip_method_name(r->method),
		    !comes && r->cseq_onward ? r->cseq_onward : r->cseq);
	if (r->reason != REASON_NONE) {
		text_put(w, text_of(journal_reason_name(r->reason)));
		if (r->cause)
			text_printf(w, ";cause=%u", r->cause);
		text_put_char(w, ' ');
	}
	put_times(w, comes ? r->came_again : r->went_again);
}

#define LABEL_BYTES 80u

static struct text label_of(const struct journal_record *r, bool comes, char *bytes)
{
	struct text_writer w = text_writer_on(bytes, LABEL_BYTES);

	put_label(&w, r, comes);
	return text_written(&w);
}

/* Every label finds room between two lanes. */
static void widen_lanes(struct drawing *d)
{
	const struct journal_record *r;
	char bytes[LABEL_BYTES];

	d->lane_width = LANE_WIDTH;
	for (unsigned i = 0; (r = journal_record_at(d->session->journal, i)); i++)
		for (unsigned comes = 0; r->kind == JOURNAL_REQUEST && comes < 2; comes++) {
			unsigned width = label_of(r, comes, bytes).len + 5u;

			if (width > d->lane_width)
				d->lane_width = width < LANE_WIDTH_MAX ? width : LANE_WIDTH_MAX;
		}
}

/* Only where it stands; what it says is below the ladder, once for all of its arrows. */
static struct text clause_text(struct drawing *d, const struct journal_record *r, char *bytes,
			       size_t max)
{
	struct text_writer w = text_writer_on(bytes, max);
	const struct clause_row *row = &clause_table[r->clause];

	if (!row->document[0])
		return (struct text){0};
	d->clauses_seen[r->clause] = true;
	text_put(&w, text_of(row->document));
	return text_written(&w);
}

static void draw_message(struct drawing *d, const struct journal_record *r)
{
	char in_bytes[LABEL_BYTES], out_bytes[LABEL_BYTES], clause_bytes[256];
	struct text in = label_of(r, true, in_bytes), out = label_of(r, false, out_bytes);
	unsigned from = lane_of(d, r->from), to = lane_of(d, r->to);

	clear_line(d);
	write_time(d, r->at_ms);
	if (r->from != LEG_SERVER && r->to != LEG_SERVER) { /* relayed */
		draw_arrow(d, from, 1, in);
		if (from > 1 &&
		    to > 1) { /* it comes and goes on the same side: one line below the other */
			put_line(d, (struct text){0});
			clear_line(d);
		}
		draw_arrow(d, 1, to, out);
	} else {
		draw_arrow(d, from, to, r->from == LEG_SERVER ? out : in);
	}
	put_line(d, clause_text(d, r, clause_bytes, sizeof(clause_bytes)));
}

static bool is_server(const struct node_session_report *s, unsigned leg)
{
	return leg < 32 && s->server_legs & 1u << leg;
}

/* Legs 1 and 2 are the calling and the called party; the one that is served is the UE. */
static const char *anchored_leg_name(const struct node_session_report *s, unsigned leg)
{
	if (leg == s->legs[SOURCE_ACCESS_LEG].number)
		return "UE";
	return leg == s->legs[REMOTE_LEG].number ? "remote party" : "MSC server";
}

/* Servers and called legs are counted apart. */
const char *node_leg_name(const struct node_session_report *s, unsigned leg, char *bytes,
			  size_t max)
{
	struct text_writer w = text_writer_on(bytes, max - 1);
	bool of_server = is_server(s, leg);
	unsigned number = 1;

	if (s->is_anchored)
		return anchored_leg_name(s, leg);
	if (leg == LEG_CALLING)
		return "caller";
	for (unsigned i = LEG_CALLED; i < leg; i++)
		number += is_server(s, i) == of_server;
	text_put(&w, of_server ? TEXT("server") : TEXT("callee"));
	if (of_server || number > 1)
		text_printf(&w, " %u", number);
	bytes[w.len] = 0;
	return bytes;
}

/* What the default handling of an application server decided; no message. */
static bool is_server_failure(const struct journal_record *r)
{
	return r->kind == JOURNAL_OUTCOME &&
	       (r->clause == CLAUSE_SERVER_PASSED_OVER || r->clause == CLAUSE_SERVER_NEEDED);
}

/* Since the request went there. */
static uint32_t waited_ms(const struct node_session_report *s, const struct journal_record *outcome)
{
	const struct journal_record *r;
	uint32_t ms = 0;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)) && r != outcome; i++)
		if (r->kind == JOURNAL_REQUEST && r->to == outcome->to &&
		    r->method == outcome->method)
			ms = outcome->at_ms - r->at_ms;
	return ms;
}

/* Host of the application server on this leg, as the profile names it. */
static struct text server_host(const struct node_session_report *s, unsigned leg)
{
	struct text rest = s->servers, uri_text;
	struct sip_uri uri;

	for (unsigned i = LEG_CALLED; i < leg; i++)
		if (is_server(s, i))
			rest = text_from(rest, text_find(rest, '\n') + 1);
	uri_text = (struct text){rest.at, text_find(rest, '\n')};
	return sip_uri_parse(uri_text, &uri) ? uri.host : uri_text;
}

static void put_server_failure(struct text_writer *w, const struct node_session_report *s,
			       const struct journal_record *r)
{
	if (r->note == NOTE_NO_ROUTE) {
		text_put_literal(w, "no route to ");
		text_put(w, server_host(s, r->to));
	} else if (r->note == NOTE_TIMEOUT) {
		text_put_literal(w, "no response within ");
		ladder_put_window(w, waited_ms(s, r));
	} else if (r->note == NOTE_TRANSPORT_FAILED) {
		text_printf(w, "%s could not be delivered", sip_method_name(r->method));
	} else {
		text_printf(w, "it answered %u", r->status);
	}
	text_put(w, r->clause == CLAUSE_SERVER_PASSED_OVER
			    ? TEXT(", skipped (default handling SESSION_CONTINUED)")
			    : TEXT(", not skipped (default handling SESSION_TERMINATED)"));
}

void ladder_put_outcome(struct text_writer *w, const struct node_session_report *s,
			const struct journal_record *r)
{
	char name[24];

	text_printf(w, "%s: ", node_leg_name(s, r->to, name, sizeof(name)));
	if (is_server_failure(r)) {
		put_server_failure(w, s, r);
		return;
	}
	if (r->note == NOTE_TIMEOUT)
		text_printf(w, "%s never answered", sip_method_name(r->method));
	else if (r->note == NOTE_TRANSPORT_FAILED)
		text_printf(w, "%s could not be delivered", sip_method_name(r->method));
	else
		text_printf(w, "%u to %s", r->status, sip_method_name(r->method));
}

/* The BYE or CANCEL of the source access leg that it follows; without one the loss showed otherwise. */
static void put_cause_of_hold(struct text_writer *w, const struct node_session_report *s,
			      const struct journal_record *hold)
{
	const struct journal_record *r, *cause = NULL;

	for (unsigned i = 0; (r = journal_record_at(s->journal, i)) && r != hold; i++)
		if (r->kind == JOURNAL_REQUEST && r->from == s->legs[SOURCE_ACCESS_LEG].number &&
		    r->to == LEG_SERVER && r->reason == REASON_SIP && r->cause == 503)
			cause = r;
	if (cause)
		text_printf(w, "%s with SIP;cause=503", sip_method_name(cause->method));
	else
		text_put_literal(w, "access lost");
}

static void put_timer(struct text_writer *w, const struct node_session_report *s,
		      const struct journal_record *r)
{
	switch (r->clause) {
	case CLAUSE_HOLD:
		text_put_literal(w, " ~~ ");
		put_cause_of_hold(w, s, r);
		text_put_literal(w, ": remote leg held for ");
		ladder_put_window(w, s->transfer.hold_ms);
		text_put_literal(w, " ~~ ");
		break;
	case CLAUSE_HOLD_OVER:
		text_put_literal(w, " ~~ ");
		ladder_put_window(w, s->transfer.hold_ms);
		text_put_literal(w, " are over: no transfer came about ~~ ");
		break;
	case CLAUSE_RELEASED_WITHOUT_SERVER:
		text_put_literal(w, " * a server did not pass the release on ");
		break;
	default: text_put_literal(w, " * a timer ran out "); break;
	}
}

/* What is no message: across the lanes, so that it is not taken for one. */
static void draw_event(struct drawing *d, const struct journal_record *r)
{
	char bytes[160], clause_bytes[256];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	switch (r->kind) {
	case JOURNAL_ORDER:
		text_printf(&w, " * %s, code %u ",
			    r->clause == CLAUSE_DEREGISTERED ? "a registration ended: release"
							     : "the operator orders the release",
			    r->status);
		break;
	case JOURNAL_TIMER: put_timer(&w, d->session, r); break;
	case JOURNAL_OUTCOME:
		text_put_literal(&w, " * ");
		ladder_put_outcome(&w, d->session, r);
		text_put_char(&w, ' ');
		break;
	default: text_printf(&w, " * session over: %s ", session_end_name(r->note)); break;
	}
	clear_line(d);
	write_time(d, r->at_ms);
	write_at(d, column_of(d, 0) + 1, text_written(&w));
	put_line(d, clause_text(d, r, clause_bytes, sizeof(clause_bytes)));
}

/* An answer to a request of ours comes as an arrow. */
static bool is_answer(const struct journal_record *r)
{
	return r->kind == JOURNAL_OUTCOME && r->status != 0 && !is_server_failure(r);
}

static void draw_record(struct drawing *d, const struct journal_record *r)
{
	if (is_answer(r)) {
		struct journal_record answer = *r;

		answer.kind = JOURNAL_RESPONSE;
		answer.from = r->to;
		answer.to = LEG_SERVER;
		draw_message(d, &answer);
	} else if (r->kind == JOURNAL_REQUEST || r->kind == JOURNAL_RESPONSE) {
		draw_message(d, r);
	} else {
		draw_event(d, r);
	}
}

static void put_names(struct drawing *d)
{
	unsigned end;
	char name[24];

	memset(d->line, ' ', sizeof(d->line));
	for (unsigned lane = 0; lane < d->n_lanes; lane++) {
		unsigned leg = lane == 0 ? LEG_CALLING : lane == 1 ? LEG_SERVER : lane;
		struct text t =
			leg == LEG_SERVER
				? d->session->is_anchored ? TEXT("adieu (SCC AS)") : TEXT("adieu")
				: text_of(node_leg_name(d->session, leg, name, sizeof(name)));

		write_at(d, column_of(d, lane) - t.len / 2, t);
	}
	end = column_of(d, d->n_lanes - 1) + 6;
	while (end > 0 && d->line[end - 1] == ' ')
		end--;
	text_put(d->w, (struct text){d->line, end});
	text_put_char(d->w, '\n');
}

static void put_wall_clock(struct text_writer *w, uint64_t wall_ms)
{
	/* Civil date of a count of days, proleptic Gregorian. */
	uint64_t s = wall_ms / 1000, days = s / 86400 + 719468;
	uint64_t era = days / 146097, of_era = days % 146097;
	uint64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint64_t day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t mp = (5 * day_of_year + 2) / 153;
	unsigned day = (unsigned)(day_of_year - (153 * mp + 2) / 5 + 1),
		 month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));

	text_printf(w, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day,
		    (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60),
		    (unsigned)(wall_ms % 1000));
}

static void put_heading(struct drawing *d, uint64_t clock_to_wall_ms)
{
	const struct node_session_report *s = d->session;
	struct text_writer *w = d->w;

	text_put_literal(w, "session ");
	node_session_id_put(w, &s->id);
	text_put_literal(w, "  Call-ID ");
	text_put(w, s->call_id);
	text_put_literal(w, "\n");
	text_put(w, s->calling_user);
	text_put_literal(w, " calls ");
	text_put(w, s->called_user);
	text_printf(w, "; served here: %s; %s", s->served, session_state_name(s->state));
	if (clock_to_wall_ms) {
		text_put_literal(w, "; began ");
		put_wall_clock(w, s->began_ms + clock_to_wall_ms);
	}
	text_put_literal(w, "\n\n");
}

static void put_servers(struct drawing *d)
{
	struct text rest = d->session->servers;

	for (unsigned number = 1; rest.len; number++) {
		uint32_t len = text_find(rest, '\n');

		text_printf(d->w, "%sserver %u: ", number == 1 ? "\n" : "", number);
		text_put(d->w, (struct text){rest.at, len});
		text_put_char(d->w, '\n');
		rest = text_from(rest, len + 1);
	}
}

static void put_legend(struct drawing *d)
{
	bool is_first = true;

	for (unsigned i = 0; i < N_CLAUSES; i++) {
		if (!d->clauses_seen[i])
			continue;
		if (is_first)
			text_put_char(d->w, '\n');
		is_first = false;
		text_printf(d->w, "%s: %s\n", clause_table[i].document, clause_table[i].meaning);
	}
}

void ladder_put(struct text_writer *w, const struct node_session_report *session,
		uint64_t clock_to_wall_ms)
{
	struct drawing d = {.w = w, .session = session};
	const struct journal_record *r;

	count_lanes(&d);
	widen_lanes(&d);
	put_heading(&d, clock_to_wall_ms);
	put_names(&d);
	clear_line(&d);
	put_line(&d, (struct text){0});
	for (unsigned i = 0; (r = journal_record_at(session->journal, i)); i++) {
		if (i == 16 && session->journal->lost)
			text_printf(w, "        ...   %u steps are not kept\n",
				    session->journal->lost);
		draw_record(&d, r);
	}
	put_servers(&d);
	put_legend(&d);
}
