#include "cli/command.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN_WIDTH_MAX = 60 };

void print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

void print_text(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		putchar((c < ' ' && c != '\n') || c == 127 ? '?' : c);
	}
}

const char *string_of(const json_t *object, const char *name)
{
	const char *string = json_string_value(json_object_get(object, name));

	return string ? string : "";
}

json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

bool flag_of(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

void put_duration(char *ret, size_t bytes, json_int_t ms)
{
	long long s = ms / 1000;

	if (ms < 1000)
		snprintf(ret, bytes, "%lldms", (long long)ms);
	else if (s < 60)
		snprintf(ret, bytes, "%lld.%llds", s, (long long)ms % 1000 / 100);
	else if (s < 3600)
		snprintf(ret, bytes, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(ret, bytes, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(ret, bytes, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

/* ------------------------------------------------------------------ calls */

static void say_error(const struct command_line *line, const json_t *error)
{
	size_t i;
	json_t *problem;

	if (line->json) {
		json_t *object = json_pack("{s:O}", "error", error);

		print_json(object);
		json_decref(object);
		return;
	}
	fprintf(stderr, "adieu: %s\n", string_of(error, "message"));
	json_array_foreach(json_object_get(json_object_get(error, "data"), "problems"), i, problem)
		fprintf(stderr, "  %s\n", json_string_value(problem));
}

json_t *call_or_say(const struct command_line *line, const char *method, json_t *params,
		    int *ret_status)
{
	json_t *error, *result = client_call(line->client, method, params, &error);

	*ret_status = EXIT_DONE;
	if (result)
		return result;
	if (error) {
		say_error(line, error);
		/* Invalid parameters are what the user typed. */
		*ret_status = number_of(error, "code") == -32602 ? EXIT_USAGE : EXIT_REFUSED;
		json_decref(error);
	} else {
		fprintf(stderr, "adieu: the daemon has gone\n");
		*ret_status = EXIT_NO_DAEMON;
	}
	return NULL;
}

/* ------------------------------------------------------------------ tables */

void table_begin(struct table *table, unsigned n_columns, const char *const *titles)
{
	*table = (struct table){.n_columns = n_columns, .rows = json_array()};
	for (unsigned i = 0; i < n_columns; i++)
		table->titles[i] = titles[i];
}

void table_add(struct table *table, const char *const *cells)
{
	json_t *row = json_array();

	for (unsigned i = 0; i < table->n_columns; i++)
		json_array_append_new(row, json_string(cells[i]));
	json_array_append_new(table->rows, row);
}

static size_t width_of(const struct table *table, unsigned column)
{
	size_t width = strlen(table->titles[column]), i;
	json_t *row;

	json_array_foreach(table->rows, i, row)
	{
		size_t w = json_string_length(json_array_get(row, column));

		if (w > width)
			width = w;
	}
	return width > COLUMN_WIDTH_MAX ? COLUMN_WIDTH_MAX : width;
}

/* A cell wider than its column pushes the rest of its line to the right: nothing is cut off, since it may be needed to copy. */
static void print_cell(const char *cell, size_t width, bool is_last)
{
	size_t len = strlen(cell);

	print_text(cell);
	if (is_last) {
		putchar('\n');
		return;
	}
	for (; len < width; len++)
		putchar(' ');
	fputs("  ", stdout);
}

void table_print(struct table *table)
{
	size_t widths[TABLE_COLUMNS_MAX], i;
	json_t *row;

	for (unsigned c = 0; c < table->n_columns; c++)
		widths[c] = width_of(table, c);
	for (unsigned c = 0; c < table->n_columns && json_array_size(table->rows); c++)
		print_cell(table->titles[c], widths[c], c + 1 == table->n_columns);
	json_array_foreach(table->rows, i, row) for (unsigned c = 0; c < table->n_columns; c++)
		print_cell(json_string_value(json_array_get(row, c)), widths[c],
			   c + 1 == table->n_columns);
	json_decref(table->rows);
	*table = (struct table){0};
}
