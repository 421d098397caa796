/* adieu sessions | show | why | trace */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------ sessions */

enum { PAGE = 500, DEFAULT_LIMIT = 100 };

static json_t *page_params(const struct command_line *line, unsigned long left, const char *cursor)
{
	json_t *params = json_object();

	json_object_set_new(params, "limit", json_integer(left < PAGE ? (json_int_t)left : PAGE));
	if (cursor)
		json_object_set_new(params, "cursor", json_string(cursor));
	if (line->user)
		json_object_set_new(params, "user", json_string(line->user));
	if (line->state)
		json_object_set_new(params, "state", json_string(line->state));
	if (line->given & OPTION_ENDED)
		json_object_set_new(params, "ended", json_true());
	return params;
}

/* A call that passes S-CSCF and SCC AS of one daemon is a session of each. */
static bool is_anchored(const json_t *session)
{
	return strcmp(string_of(session, "role"), "SCC AS") == 0;
}

/* "11-21 09:45:12", the local time of the operator. */
static void put_time_of_day(char *ret, size_t bytes, json_int_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm tm;

	ret[0] = 0;
	if (at_ms && localtime_r(&at, &tm))
		strftime(ret, bytes, "%m-%d %H:%M:%S", &tm);
}

static void print_sessions(const json_t *sessions, bool ended)
{
	static const char *const titles[] = {"ID", "STATE", "AGE", "CALLING", "CALLED", "CALL-ID"};
	static const char *const ended_titles[] = {"ID",     "ENDED BY", "STATUS", "ENDED",
						   "LASTED", "CALLING",  "CALLED", "CALL-ID"};
	struct table table;
	json_t *session;
	size_t i;

	table_begin(&table, ended ? 8 : 6, ended ? ended_titles : titles);
	json_array_foreach((json_t *)(uintptr_t)sessions, i, session)
	{
		char age[24], state[80], at[32], status[16];
		const char *cells[8] = {string_of(session, "id"), state};
		unsigned n = 2;

		if (ended) {
			cells[n++] = status;
			cells[n++] = at;
		}
		cells[n++] = age;
		cells[n++] = string_of(session, "calling");
		cells[n++] = string_of(session, "called");
		cells[n++] = string_of(session, "call_id");
		put_time_of_day(at, sizeof(at), number_of(session, "ended_at_ms"));
		snprintf(status, sizeof(status), "%.0lld",
			 (long long)number_of(session, "end_status"));

		put_duration(age, sizeof(age), number_of(session, "age_ms"));
		snprintf(state, sizeof(state), "%s%s", string_of(session, ended ? "end" : "state"),
			 is_anchored(session) ? ", SCC AS" : "");
		table_add(&table, cells);
	}
	table_print(&table);
}

/* All pages up to the limit. In JSON they become one list. */
int command_sessions(const struct command_line *line)
{
	unsigned long limit = line->given & OPTION_LIMIT ? line->limit : DEFAULT_LIMIT;
	unsigned long left = limit ? limit : (unsigned long)-1;
	bool ended = (line->given & OPTION_ENDED) || (line->state && !strcmp(line->state, "ended"));
	json_t *all = json_array(), *result = NULL;
	const char *cursor = line->cursor;
	int status = EXIT_DONE;
	unsigned long n = 0;

	do {
		json_t *before = result;

		result = call_or_say(line, "sessions", page_params(line, left, cursor), &status);
		json_decref(before);
		if (!result)
			break;

		json_t *sessions = json_object_get(result, "sessions");

		n += json_array_size(sessions);
		left -= json_array_size(sessions);
		if (line->json)
			json_array_extend(all, sessions);
		else
			print_sessions(sessions, ended);
		cursor = json_string_value(json_object_get(result, "next"));
	} while (cursor && left);

	if (status == EXIT_DONE && line->json) {
		json_t *object = json_pack("{s:O}", "sessions", all);

		if (cursor)
			json_object_set_new(object, "next", json_string(cursor));
		print_json(object);
		json_decref(object);
	} else if (status == EXIT_DONE) {
		fprintf(stderr,
			cursor ? "%lu sessions shown; more: --cursor %s, or --limit 0 for all\n"
			       : "%lu sessions\n",
			n, cursor);
	}
	json_decref(result);
	json_decref(all);
	return status;
}

/* ------------------------------------------------------------------ one */

static json_t *id_params(const struct command_line *line)
{
	return json_pack("{s:s}", "id", line->argument);
}

static void print_field(const char *name, const char *value)
{
	if (!value[0])
		return;
	printf("%-14s ", name);
	print_text(value);
	putchar('\n');
}

static void print_side(const json_t *side)
{
	const char *routes = string_of(side, "route_set");

	printf("  %-12s target ", string_of(side, "name"));
	print_text(string_of(side, "remote_target"));
	if (routes[0]) {
		fputs(", routes ", stdout);
		print_text(routes);
	}
	if (json_object_get(side, "cseq"))
		printf(", CSeq %lld", (long long)number_of(side, "cseq"));
	putchar('\n');
}

static void print_leg(const json_t *leg)
{
	const char *outcome = string_of(leg, "outcome");

	printf("%-17s  %s, %s", string_of(leg, "leg"), string_of(leg, "name"),
	       string_of(leg, "state"));
	if (strcmp(outcome, "not asked") != 0)
		printf(", %s", outcome);
	if (number_of(leg, "status"))
		printf(" %lld", (long long)number_of(leg, "status"));
	fputs("\n  Call-ID ", stdout);
	print_text(string_of(leg, "call_id"));
	fputs("\n  tags ", stdout);
	print_text(string_of(leg, "local_tag"));
	fputs(" (ours), ", stdout);
	print_text(string_of(leg, "remote_tag"));
	fputs("\n  target ", stdout);
	print_text(string_of(leg, "remote_target"));
	printf(", CSeq %lld (ours), %lld\n", (long long)number_of(leg, "local_cseq"),
	       (long long)number_of(leg, "remote_cseq"));
}

static void print_transfer(const json_t *transfer)
{
	const char *verdict = string_of(transfer, "verdict");

	printf("%-14s %s", "transfer", string_of(transfer, "state"));
	if (strcmp(verdict, "none") != 0)
		printf("; decided: %s", verdict);
	if (json_object_get(transfer, "hold_left_ms"))
		printf(", remote leg held for %lld ms more",
		       (long long)number_of(transfer, "hold_left_ms"));
	if (json_object_get(transfer, "source_release_left_ms"))
		printf(", source access leg released in %lld ms unless the UE returns",
		       (long long)number_of(transfer, "source_release_left_ms"));
	putchar('\n');
}

static void print_legs(const json_t *session)
{
	const json_t *legs = json_object_get(session, "legs");
	json_t *leg;
	size_t i;

	if (!legs)
		return;
	print_transfer(json_object_get(session, "transfer"));
	json_array_foreach((json_t *)(uintptr_t)legs, i, leg) if (string_of(leg, "call_id")[0])
		print_leg(leg);
}

static void print_record(const json_t *record)
{
	char when[24], what[64];
	json_int_t status = number_of(record, "status");
	const char *from = string_of(record, "from"), *to = string_of(record, "to");
	const char *kind = string_of(record, "kind");
	const char *note = string_of(record, "note"), *clause = string_of(record, "clause");

	snprintf(when, sizeof(when), "%lld.%03llds", (long long)number_of(record, "at_ms") / 1000,
		 (long long)number_of(record, "at_ms") % 1000);
	if (status)
		snprintf(what, sizeof(what), "%s %lld %s", kind, (long long)status,
			 string_of(record, "method"));
	else
		snprintf(what, sizeof(what), "%s %s", kind, string_of(record, "method"));
	printf("  %10s  %-22s", when, what);
	printf(" %8s %s %-9s", from, from[0] ? "->" : "  ", to);
	if (note[0])
		printf(" (%s)", note);
	if (clause[0])
		printf(" %s: %s", clause, string_of(record, "meaning"));
	putchar('\n');
}

static void print_session(const json_t *session)
{
	char age[24];
	json_t *dialog, *record;
	size_t i;

	put_duration(age, sizeof(age), number_of(session, "age_ms"));
	print_field("id", string_of(session, "id"));
	print_field("state", string_of(session, "state"));
	print_field("ended by", string_of(session, "end"));
	print_field("lasted", age);
	print_field("role", string_of(session, "role"));
	print_field("served", string_of(session, "served"));
	print_field("calling", string_of(session, "calling"));
	print_field("called", string_of(session, "called"));
	print_field("Call-ID", string_of(session, "call_id"));
	print_field("From", string_of(session, "from"));
	json_array_foreach(json_object_get(session, "servers"), i, dialog)
		printf("server %-7zu %s\n", i + 1, json_string_value(dialog));
	json_array_foreach(json_object_get(session, "dialogs"), i, dialog)
	{
		printf("dialog %-7zu %s, To-tag ", i + 1, string_of(dialog, "state"));
		print_text(string_of(dialog, "to_tag"));
		putchar('\n');
		print_side(json_object_get(dialog, "caller"));
		print_side(json_object_get(dialog, "callee"));
	}
	print_legs(session);
	puts("journal");
	json_array_foreach(json_object_get(session, "journal"), i, record) print_record(record);
}

/* A Call-ID may mean a session of the SCC AS and one of the S-CSCF: then each has a heading. */
static void print_each(const json_t *first, void (*print)(const json_t *session))
{
	json_t *others = json_object_get(first, "others"), *other;
	size_t i;

	if (json_array_size(others))
		printf("session %s at the %s\n", string_of(first, "id"), string_of(first, "role"));
	print(first);
	json_array_foreach(others, i, other)
	{
		printf("\nsession %s at the %s, of the same Call-ID\n", string_of(other, "id"),
		       string_of(other, "role"));
		print(other);
	}
}

int command_show(const struct command_line *line)
{
	int status;
	json_t *session = call_or_say(line, "show", id_params(line), &status);

	if (session && line->json)
		print_json(session);
	else if (session)
		print_each(session, print_session);
	json_decref(session);
	return status;
}

static void print_its_text(const json_t *result)
{
	const char *text = string_of(result, "text");

	print_text(text);
	if (text[0] && text[strlen(text) - 1] != '\n')
		putchar('\n');
}

static int print_text_of(const struct command_line *line, const char *method)
{
	int status;
	json_t *result = call_or_say(line, method, id_params(line), &status);

	if (result && line->json)
		print_json(result);
	else if (result)
		print_each(result, print_its_text);
	json_decref(result);
	return status;
}

int command_why(const struct command_line *line)
{
	return print_text_of(line, "why");
}

int command_trace(const struct command_line *line)
{
	return print_text_of(line, "trace");
}
