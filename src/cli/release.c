/* adieu release | progress | stop */
#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_TERMINAL_MS = 250, WAIT_MS = 10000 };

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

/* A Ctrl-C ends the waiting, not the release. */
static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ------------------------------------------------------------------ one session */

static void put_leg(char *ret, size_t bytes, const json_t *side)
{
	json_int_t status = number_of(side, "status");

	if (status)
		snprintf(ret, bytes, "%lld", (long long)status);
	else if (strcmp(string_of(side, "outcome"), "hung up itself") == 0)
		snprintf(ret, bytes, "sent BYE");
	else
		snprintf(ret, bytes, "%s", string_of(side, "outcome"));
}

/* "caller 200", with a comma when it is not the first of its line. A side whose BYE came from there, or was left
 * to an application server, has nothing to tell. */
static bool print_side_of(const json_t *of, bool is_first)
{
	const char *outcome = string_of(of, "outcome");
	char leg[32];

	if (strcmp(outcome, "awaited") == 0 || strcmp(outcome, "left to its server") == 0 ||
	    strcmp(outcome, "not asked") == 0)
		return is_first;
	put_leg(leg, sizeof(leg), of);
	printf("%s%s %s", is_first ? "" : ", ", string_of(of, "name"), leg);
	return false;
}

/* "dialog 1: caller 200, callee 481", a line per dialog; with application servers "dialog 1: caller 200, server 1
 * 200" and "dialog 2: callee 200". */
static void print_dialogs(const json_t *session)
{
	json_t *dialog;
	size_t i;

	json_array_foreach(json_object_get(session, "dialogs"), i, dialog)
	{
		const json_t *caller = json_object_get(dialog, "caller");
		const json_t *callee = json_object_get(dialog, "callee");

		printf("dialog %zu: ", i + 1);
		puts(print_side_of(callee, print_side_of(caller, true)) ? "no BYE of ours" : "");
	}
}

/* Of the SCC AS each leg is a dialog: "remote leg: remote party 200". */
static void print_anchored_legs(const json_t *session)
{
	json_t *leg;
	size_t i;

	json_array_foreach(json_object_get(session, "legs"), i, leg)
	{
		if (!string_of(leg, "call_id")[0])
			continue;
		printf("%s: ", string_of(leg, "leg"));
		puts(print_side_of(leg, true) ? "nothing to send" : "");
	}
}

/* What each party answered to its BYE, or that it hung up itself. */
static void print_legs(const json_t *session)
{
	const json_t *setup = json_object_get(session, "setup");

	printf("session %s: %s\n", string_of(session, "id"), string_of(session, "end"));
	if (strcmp(string_of(setup, "outcome"), "not asked") != 0 && string_of(setup, "outcome")[0])
		printf("released before the answer: caller got %lld, CANCEL %s\n",
		       (long long)number_of(setup, "status"), string_of(setup, "outcome"));
	print_dialogs(session);
	print_anchored_legs(session);
}

/* An order for a session that is being released, or is ending, adds nothing to it. */
static void say_already(const json_t *order, bool waits)
{
	const json_t *already = json_object_get(order, "already");
	const char *text = string_of(already, "text");
	json_int_t since_ms = number_of(already, "since_ms");

	if (!already)
		return;
	fprintf(stderr, "session %s is %s already", string_of(order, "id"),
		flag_of(already, "hung_up") ? "ending" : "being released");
	if (since_ms)
		fprintf(stderr, ", since %lld.%03lld s", (long long)since_ms / 1000,
			(long long)since_ms % 1000);
	if (flag_of(already, "hung_up"))
		fputs(": a party has hung up", stderr);
	if (number_of(already, "reason"))
		fprintf(stderr, ", with Reason SIP;cause=%lld",
			(long long)number_of(already, "reason"));
	if (text[0])
		fprintf(stderr, ";text=\"%s\"", text);
	if (flag_of(already, "reason_differs"))
		fputs("; that stands, and the reason given now is not used", stderr);
	fputs(waits ? "; waiting for its end\n" : "\n", stderr);
}

/* ------------------------------------------------------------------ many */

static void add_legs(char *text, size_t bytes, json_int_t n, const char *what)
{
	size_t len = strlen(text);

	if (n)
		snprintf(text + len, bytes - len, "%s%lld %s", len ? ", " : "", (long long)n, what);
}

static void print_summary(const json_t *p)
{
	const json_t *legs = json_object_get(p, "legs");
	char text[200] = "";

	add_legs(text, sizeof(text), number_of(legs, "2xx"), "answered 2xx");
	add_legs(text, sizeof(text), number_of(legs, "481"), "answered 481");
	add_legs(text, sizeof(text), number_of(legs, "other"), "answered otherwise");
	add_legs(text, sizeof(text), number_of(legs, "timed_out"), "timed out");
	add_legs(text, sizeof(text), number_of(legs, "transport_failed"), "unreachable");
	if (flag_of(p, "dry_run")) {
		printf("%s: %lld sessions would be released\n", string_of(p, "what"),
		       (long long)number_of(p, "found"));
		return;
	}
	if (strncmp(string_of(p, "what"), "user ", 5) == 0 && number_of(p, "found") == 0 &&
	    !flag_of(p, "running")) {
		printf("order %lld, %s: no session of this user, nothing to release\n",
		       (long long)number_of(p, "order"), string_of(p, "what"));
		return;
	}
	printf("order %lld, %s: %lld of %lld sessions released%s\n",
	       (long long)number_of(p, "order"), string_of(p, "what"),
	       (long long)number_of(p, "ended"), (long long)number_of(p, "found"),
	       flag_of(p, "stopped")   ? ", stopped"
	       : flag_of(p, "running") ? ", at work"
				       : "");
	if (text[0])
		printf("legs: %s\n", text);
	if (number_of(p, "already_releasing"))
		printf("%lld were being released already\n",
		       (long long)number_of(p, "already_releasing"));
}

static json_t *ask(const struct command_line *line, json_int_t order, int wait_ms, int *ret_status)
{
	json_t *error;
	json_t *params = json_pack("{s:I, s:i}", "order", order, "wait_ms", wait_ms);
	json_t *progress;

	if (!interrupted)
		progress = client_call(line->client, "release_progress", params, &error);
	else
		return NULL;
	*ret_status = EXIT_DONE;
	if (progress || interrupted)
		return progress;
	fprintf(stderr, "adieu: %s\n", error ? string_of(error, "message") : "the daemon has gone");
	*ret_status = error ? EXIT_REFUSED : EXIT_NO_DAEMON;
	json_decref(error);
	return NULL;
}

/* Until the order is done. NULL: interrupted or failed. */
static json_t *wait_for(const struct command_line *line, json_int_t order, int *ret_status)
{
	bool terminal = isatty(STDERR_FILENO) && !line->json;
	json_t *progress;

	while ((progress = ask(line, order, terminal ? WAIT_TERMINAL_MS : WAIT_MS, ret_status))) {
		bool running = flag_of(progress, "running");

		if (terminal && (running || number_of(progress, "found") > 1))
			fprintf(stderr, "\r%lld of %lld sessions released%s",
				(long long)number_of(progress, "ended"),
				(long long)number_of(progress, "found"), running ? " " : "\n");
		if (!running)
			return progress;
		json_decref(progress);
	}
	if (interrupted) {
		fprintf(stderr,
			"\norder %lld goes on; \"adieu progress %lld\" shows it, \"adieu stop "
			"%lld\" stops it\n",
			(long long)order, (long long)order, (long long)order);
		*ret_status = EXIT_INTERRUPTED;
	}
	return NULL;
}

/* ------------------------------------------------------------------ commands */

static json_t *release_params(const struct command_line *line)
{
	json_t *params = json_object();

	if (line->argument)
		json_object_set_new(params, "id", json_string(line->argument));
	if (line->user)
		json_object_set_new(params, "user", json_string(line->user));
	if (line->given & OPTION_ALL)
		json_object_set_new(params, "all", json_true());
	if (line->given & OPTION_REASON)
		json_object_set_new(params, "reason", json_integer((json_int_t)line->reason));
	if (line->given & OPTION_TEXT)
		json_object_set_new(params, "text", json_string(line->text));
	if (line->given & OPTION_RATE)
		json_object_set_new(params, "rate", json_integer((json_int_t)line->rate));
	if (line->given & OPTION_DRY_RUN)
		json_object_set_new(params, "dry_run", json_true());
	return params;
}

/* After the end of the order for one session: what came of each leg. A session that is forgotten already has no report. */
static json_t *session_of(const struct command_line *line, const char *id)
{
	json_t *error;
	json_t *session = client_call(line->client, "show", json_pack("{s:s}", "id", id), &error);

	json_decref(error);
	return session;
}

static void print_end(const struct command_line *line, json_t *progress, const char *id)
{
	json_t *session = id[0] && !flag_of(progress, "dry_run") ? session_of(line, id) : NULL;

	if (line->json) {
		if (session)
			json_object_set(progress, "session", session);
		print_json(progress);
	} else if (session) {
		print_legs(session);
	} else {
		print_summary(progress);
	}
	json_decref(session);
}

int command_release(const struct command_line *line)
{
	int status;
	json_t *order = call_or_say(line, "release", release_params(line), &status), *progress;

	if (!order)
		return status;
	if (!line->json)
		say_already(order, !(line->given & OPTION_NO_WAIT));
	if (line->given & OPTION_NO_WAIT) {
		if (line->json)
			print_json(order);
		else
			printf("order %lld\n", (long long)number_of(order, "order"));
		json_decref(order);
		return EXIT_DONE;
	}
	catch_interrupts();
	progress = wait_for(line, number_of(order, "order"), &status);
	if (progress && json_object_get(order, "already"))
		json_object_set(progress, "already", json_object_get(order, "already"));
	if (progress)
		print_end(line, progress, string_of(order, "id"));
	json_decref(progress);
	json_decref(order);
	return status;
}

/* What main() has checked to be a number. */
static json_t *order_params(const struct command_line *line)
{
	return json_pack("{s:I}", "order", (json_int_t)strtoll(line->argument, NULL, 10));
}

int command_progress(const struct command_line *line)
{
	int status;
	json_t *progress = call_or_say(line, "release_progress", order_params(line), &status);

	if (progress && line->json)
		print_json(progress);
	else if (progress)
		print_summary(progress);
	json_decref(progress);
	return status;
}

int command_stop(const struct command_line *line)
{
	int status;
	json_t *order = call_or_say(line, "release_stop", order_params(line), &status);

	if (order && line->json)
		print_json(order);
	else if (order)
		printf("order %lld begins no further session; those begun are finished\n",
		       (long long)number_of(order, "order"));
	json_decref(order);
	return status;
}
