/* Sessions as JSON. All of this runs on the thread of the session's shard, since the reports are views. */
#include "admin/methods.h"

#include "sip/method.h"

#include <stdlib.h>

json_t *json_of_text(struct text t)
{
	json_t *string = json_stringn(t.len ? t.at : "", t.len);
	char *bytes;

	if (string || t.len == 0)
		return string;
	bytes = malloc(t.len);
	if (!bytes)
		return NULL;
	for (uint32_t i = 0; i < t.len; i++)
		bytes[i] = (unsigned char)t.at[i] < 0x80 ? t.at[i] : '?';
	string = json_stringn(bytes, t.len);
	free(bytes);
	return string;
}

static json_t *json_of_id(const struct node_session_id *id)
{
	char bytes[40];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node_session_id_put(&w, id);
	return json_of_text(text_written(&w));
}

static void put_outcome(json_t *object, uint8_t outcome, uint16_t status)
{
	json_put(object, "outcome", json_string(leg_outcome_name((enum leg_outcome)outcome)));
	if (status)
		json_put(object, "status", json_integer(status));
}

static json_t *json_of_side(const struct node_session_report *s, const struct node_dialog_report *d,
			    enum dialog_side side)
{
	json_t *object = json_object();
	char name[24];

	json_put(object, "name", json_string(node_leg_name(s, d->legs[side], name, sizeof(name))));
	put_outcome(object, d->outcome[side], d->outcome_status[side]);
	json_put(object, "remote_target", json_of_text(d->remote_target[side]));
	json_put(object, "route_set", json_of_text(d->route_set[side]));
	if (d->has_cseq[side])
		json_put(object, "cseq", json_integer(d->cseq[side]));
	return object;
}

static json_t *json_of_dialogs(const struct node_session_report *s)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < s->n_dialogs_shown; i++) {
		const struct node_dialog_report *d = &s->dialogs[i];
		json_t *object = json_object();

		json_put(object, "state", json_string(d->state));
		json_put(object, "to_tag", json_of_text(d->to_tag));
		json_put(object, "caller", json_of_side(s, d, SIDE_CALLING));
		json_put(object, "callee", json_of_side(s, d, SIDE_CALLED));
		json_array_append_new(array, object);
	}
	return array;
}

static const char *journal_kind_name(uint8_t kind)
{
	switch ((enum journal_kind)kind) {
	case JOURNAL_REQUEST: return "request";
	case JOURNAL_RESPONSE: return "response";
	case JOURNAL_ORDER: return "order";
	case JOURNAL_TIMER: return "timer";
	case JOURNAL_OUTCOME: return "outcome";
	case JOURNAL_ENDED: return "ended";
	}
	return "unknown";
}

static const char *journal_note_name(uint8_t note)
{
	switch ((enum journal_note)note) {
	case NOTE_NONE: return "";
	case NOTE_TIMEOUT: return "timeout";
	case NOTE_TRANSPORT_FAILED: return "transport failed";
	case NOTE_ABSORBED: return "absorbed";
	case NOTE_NO_ROUTE: return "no route";
	}
	return "";
}

static json_t *json_of_end_of_arrow(const struct node_session_report *s, uint8_t leg)
{
	char name[24];

	return json_string(leg == LEG_SERVER ? "adieu" : node_leg_name(s, leg, name, sizeof(name)));
}

/* How often it came and went, when that was more than once. */
static void put_times(json_t *object, const struct journal_record *r)
{
	if (r->came_again)
		json_put(object, "received_times", json_integer(r->came_again + 1));
	if (r->went_again)
		json_put(object, "sent_times", json_integer(r->went_again + 1));
}

static json_t *json_of_reason(const struct journal_record *r)
{
	json_t *object = json_object();

	json_put(object, "protocol",
		 json_string(journal_reason_name((enum journal_reason)r->reason)));
	if (r->cause)
		json_put(object, "cause", json_integer(r->cause));
	return object;
}

static json_t *json_of_record(const struct node_session_report *s, const struct journal_record *r)
{
	json_t *object = json_object();
	const char *note = r->kind == JOURNAL_ENDED ? session_end_name((enum session_end)r->note)
						    : journal_note_name(r->note);

	json_put(object, "at_ms", json_integer(r->at_ms));
	json_put(object, "kind", json_string(journal_kind_name(r->kind)));
	if (r->kind == JOURNAL_REQUEST || r->kind == JOURNAL_RESPONSE ||
	    r->kind == JOURNAL_OUTCOME) {
		json_put(object, "from", json_of_end_of_arrow(s, r->from));
		json_put(object, "to", json_of_end_of_arrow(s, r->to));
		json_put(object, "method",
			 json_string(sip_method_name((enum sip_method)r->method)));
		if (r->cseq)
			json_put(object, "cseq", json_integer(r->cseq));
		if (r->cseq_onward)
			json_put(object, "cseq_onward", json_integer(r->cseq_onward));
	}
	put_times(object, r);
	if (r->reason != REASON_NONE)
		json_put(object, "reason", json_of_reason(r));
	if (r->status)
		json_put(object, "status", json_integer(r->status));
	if (note[0])
		json_put(object, "note", json_string(note));
	if (r->clause != CLAUSE_NONE && r->clause < N_CLAUSES) {
		json_put(object, "clause", json_string(clause_table[r->clause].document));
		json_put(object, "meaning", json_string(clause_table[r->clause].meaning));
	}
	return object;
}

static json_t *json_of_journal(const struct node_session_report *s)
{
	json_t *array = json_array();
	const struct journal_record *record;

	for (unsigned i = 0; (record = journal_record_at(s->journal, i)); i++)
		json_array_append_new(array, json_of_record(s, record));
	return array;
}

static void put_time(json_t *object, const char *name, uint64_t at_ms, uint64_t now_ms)
{
	if (at_ms)
		json_put(object, name,
			 json_integer((json_int_t)(wall_clock_ms() + at_ms - now_ms)));
}

static json_t *json_of_leg(const struct node_session_report *s, const struct node_leg_report *leg)
{
	json_t *object = json_object();
	char name[24];

	json_put(object, "leg", json_string(leg->name));
	json_put(object, "name", json_string(node_leg_name(s, leg->number, name, sizeof(name))));
	json_put(object, "state", json_string(leg->state));
	put_outcome(object, leg->outcome, leg->outcome_status);
	json_put(object, "call_id", json_of_text(leg->call_id));
	json_put(object, "local_tag", json_of_text(leg->local_tag));
	json_put(object, "remote_tag", json_of_text(leg->remote_tag));
	json_put(object, "remote_target", json_of_text(leg->remote_target));
	if (leg->local_cseq)
		json_put(object, "local_cseq", json_integer(leg->local_cseq));
	if (leg->remote_cseq)
		json_put(object, "remote_cseq", json_integer(leg->remote_cseq));
	return object;
}

static json_t *json_of_legs(const struct node_session_report *s)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < ANCHORED_LEGS; i++)
		json_array_append_new(array, json_of_leg(s, &s->legs[i]));
	return array;
}

json_t *json_of_transfer(const struct node_session_report *s, uint64_t now_ms)
{
	const struct node_transfer_report *t = &s->transfer;
	json_t *object = json_object();

	json_put(object, "state", json_string(transfer_state_name(t->state)));
	json_put(object, "verdict", json_string(node_verdict_name(t->verdict)));
	put_time(object, "source_bye_at_ms", t->source_bye_ms, now_ms);
	if (t->source_bye_ms)
		json_put(object, "source_bye_was_503", json_boolean(t->source_bye_was_503));
	put_time(object, "stn_sr_at_ms", t->stn_sr_ms, now_ms);
	if (t->source_bye_ms && t->stn_sr_ms) /* below 0: the INVITE came first */
		json_put(object, "stn_sr_after_bye_ms",
			 json_integer((json_int_t)t->stn_sr_ms - (json_int_t)t->source_bye_ms));
	if (t->hold_ms)
		json_put(object, "hold_ms", json_integer(t->hold_ms));
	if (t->hold_until_ms)
		json_put(object, "hold_left_ms",
			 json_integer((json_int_t)t->hold_until_ms - (json_int_t)now_ms));
	if (t->source_release_ms)
		json_put(object, "source_release_left_ms",
			 json_integer((json_int_t)t->source_release_ms - (json_int_t)now_ms));
	put_time(object, "transferred_at_ms", t->transferred_ms, now_ms);
	put_time(object, "came_back_at_ms", t->came_back_ms, now_ms);
	put_time(object, "failed_at_ms", t->failed_ms, now_ms);
	if (t->failed_status)
		json_put(object, "failed_status", json_integer(t->failed_status));
	return object;
}

json_t *json_of_waits(const struct node_session_report *s, uint64_t now_ms)
{
	json_t *array = json_array();
	char name[24];

	for (unsigned i = 0; i < s->n_waits; i++) {
		const struct node_wait *wait = &s->waits[i];
		json_t *object = json_object();

		json_put(object, "what",
			 json_string(node_wait_name((enum node_wait_kind)wait->kind)));
		json_put(object, "of",
			 json_string(node_leg_name(s, wait->leg, name, sizeof(name))));
		if (wait->kind == NODE_WAIT_BYE)
			json_put(object, "bye_of", json_of_end_of_arrow(s, wait->from));
		if (wait->n_sent)
			json_put(object, "sent", json_integer(wait->n_sent));
		if (wait->since_ms)
			json_put(object, "since_ms",
				 json_integer((json_int_t)now_ms - (json_int_t)wait->since_ms));
		if (wait->until_ms)
			json_put(object, "left_ms",
				 json_integer((json_int_t)wait->until_ms - (json_int_t)now_ms));
		json_array_append_new(array, object);
	}
	return array;
}

static void put_details(json_t *object, const struct node_session_report *s, uint64_t now_ms)
{
	json_t *setup = json_object();

	put_outcome(setup, s->setup_outcome, s->setup_status);
	json_put(object, "setup", setup);
	json_put(object, "n_dialogs", json_integer(s->n_dialogs));
	json_put(object, "waits_for", json_of_waits(s, now_ms));
	if (s->is_anchored) {
		json_put(object, "legs", json_of_legs(s));
		json_put(object, "transfer", json_of_transfer(s, now_ms));
	} else {
		json_put(object, "dialogs", json_of_dialogs(s));
	}
	if (s->journal) {
		json_put(object, "journal", json_of_journal(s));
		json_put(object, "journal_lost", json_integer(s->journal->lost));
	}
}

static json_t *json_of_servers(struct text lines)
{
	json_t *array = json_array();

	while (lines.len) {
		uint32_t len = text_find(lines, '\n');

		json_array_append_new(array, json_of_text((struct text){lines.at, len}));
		lines = text_from(lines, len + 1);
	}
	return array;
}

json_t *json_of_session(const struct node_session_report *s, uint64_t now_ms, bool with_details)
{
	json_t *object = json_object();
	uint64_t until_ms = s->ended_ms ? s->ended_ms : now_ms;

	json_put(object, "id", json_of_id(&s->id));
	json_put(object, "state", json_string(node_state_name(s)));
	if (s->end != SESSION_END_NONE)
		json_put(object, "end", json_string(session_end_name(s->end)));
	if (s->end_status)
		json_put(object, "end_status", json_integer(s->end_status));
	json_put(object, "role", json_string(s->is_anchored ? "SCC AS" : "S-CSCF"));
	json_put(object, "served", json_string(s->served));
	json_put(object, "age_ms", json_integer((json_int_t)(until_ms - s->began_ms)));
	put_time(object, "began_at_ms", s->began_ms, now_ms);
	put_time(object, "answered_at_ms", s->answered_ms, now_ms);
	put_time(object, "ended_at_ms", s->ended_ms, now_ms);
	if (s->expires_ms)
		json_put(object, "expires_in_ms",
			 json_integer((json_int_t)s->expires_ms - (json_int_t)now_ms));
	json_put(object, "call_id", json_of_text(s->call_id));
	json_put(object, "from", json_of_text(s->from));
	json_put(object, "calling", json_of_text(s->calling_user));
	json_put(object, "called", json_of_text(s->called_user));
	if (s->servers.len)
		json_put(object, "servers", json_of_servers(s->servers));
	if (with_details)
		put_details(object, s, now_ms);
	return object;
}
