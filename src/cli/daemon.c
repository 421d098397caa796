/* adieu users | counters | drain | reload | version */
#include "base/version.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ users */

enum { PAGE = 500, DEFAULT_LIMIT = 100 };

static void print_users(const json_t *users)
{
	static const char *const titles[] = {"USER", "CONTACT", "EXPIRES IN", "PATH"};
	struct table table;
	json_t *user;
	size_t i;

	table_begin(&table, 4, titles);
	json_array_foreach((json_t *)(uintptr_t)users, i, user)
	{
		char expires[24] = "static";
		const char *cells[] = {string_of(user, "user"), string_of(user, "contact"), expires,
				       string_of(user, "path")};

		if (!flag_of(user, "static"))
			put_duration(expires, sizeof(expires),
				     number_of(user, "expires_in_s") * 1000);
		table_add(&table, cells);
	}
	table_print(&table);
}

int command_users(const struct command_line *line)
{
	unsigned long limit = line->given & OPTION_LIMIT ? line->limit : DEFAULT_LIMIT;
	unsigned long left = limit ? limit : (unsigned long)-1, n = 0;
	json_t *all = json_array();
	json_int_t cursor = 0;
	bool more = true;
	int status = EXIT_DONE;

	while (more && left) {
		json_t *params =
			json_pack("{s:I, s:I}", "limit", (json_int_t)(left < PAGE ? left : PAGE),
				  "cursor", cursor);
		json_t *result = call_or_say(line, "users", params, &status);
		json_t *users = json_object_get(result, "users");

		if (!result)
			break;
		n += json_array_size(users);
		left -= json_array_size(users);
		if (line->json)
			json_array_extend(all, users);
		else
			print_users(users);
		more = json_object_get(result, "next") != NULL;
		cursor = number_of(result, "next");
		json_decref(result);
	}
	if (status == EXIT_DONE && line->json) {
		json_t *object = json_pack("{s:O}", "users", all);

		print_json(object);
		json_decref(object);
	} else if (status == EXIT_DONE) {
		fprintf(stderr, more ? "%lu contacts shown; --limit 0 for all\n" : "%lu contacts\n",
			n);
	}
	json_decref(all);
	return status;
}

/* ------------------------------------------------------------------ counters */

static void print_group(const char *title, json_t *group, const json_t *help, bool all)
{
	const char *name;
	json_t *value;

	printf("%s\n", title);
	json_object_foreach(group, name, value)
	{
		const json_t *row = json_is_object(value) ? json_object_get(value, "count") : value;
		const char *meaning = json_is_object(value) ? string_of(value, "document")
							    : string_of(help, name);

		if (json_integer_value(row) || all)
			printf("  %-26s %12lld  %s\n", name, (long long)json_integer_value(row),
			       meaning);
	}
}

int command_counters(const struct command_line *line)
{
	int status;
	json_t *result = call_or_say(line, "counters", NULL, &status);
	const json_t *help = json_object_get(result, "help");
	bool all = (line->given & OPTION_ALL) != 0;

	if (result && line->json) {
		print_json(result);
	} else if (result) {
		print_group("now", json_object_get(result, "gauges"), help, true);
		print_group("since the start", json_object_get(result, "counters"), help, all);
		print_group("sockets", json_object_get(result, "io"), help, all);
		print_group("sessions in which a clause decided",
			    json_object_get(result, "clauses"), help, all);
		if (!all)
			fprintf(stderr, "what is still zero is shown by --all\n");
	}
	json_decref(result);
	return status;
}

/* ------------------------------------------------------------------ drain, reload, version */

int command_drain(const struct command_line *line)
{
	int status;
	json_t *params = json_pack("{s:b}", "off", (line->given & OPTION_OFF) != 0);
	json_t *result = call_or_say(line, "drain", params, &status);

	if (result && line->json)
		print_json(result);
	else if (result && flag_of(result, "draining"))
		printf("draining: new sessions are answered 503, %lld sessions go on\n",
		       (long long)number_of(result, "sessions"));
	else if (result)
		printf("taking new sessions\n");
	json_decref(result);
	return status;
}

int command_reload(const struct command_line *line)
{
	int status;
	json_t *result = call_or_say(line, "reload", NULL, &status), *path;
	size_t i;

	if (result && line->json) {
		print_json(result);
	} else if (result) {
		puts("reloaded");
		json_array_foreach(json_object_get(result, "not_live"), i, path)
			printf("%s is changed by a restart only\n", json_string_value(path));
	}
	json_decref(result);
	return status;
}

int command_version(const struct command_line *line)
{
	int status;
	json_t *result = call_or_say(line, "version", NULL, &status);

	if (result && line->json) {
		json_object_set_new(result, "command_version", json_string(ADIEU_VERSION));
		print_json(result);
	} else if (result) {
		printf("adieu %s, adieud %s with pid %lld, %lld workers%s\n", ADIEU_VERSION,
		       string_of(result, "version"), (long long)number_of(result, "pid"),
		       (long long)number_of(result, "shards"),
		       flag_of(result, "draining") ? ", draining" : "");
	}
	json_decref(result);
	return status;
}
