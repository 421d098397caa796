/* The commands of adieu: what they were given, and how they print. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/client.h"

#include <stdint.h>

/* Options as bits, so that each command can say which it knows. */
enum option_bit {
	OPTION_LIMIT = 1 << 0,
	OPTION_CURSOR = 1 << 1,
	OPTION_USER = 1 << 2,
	OPTION_STATE = 1 << 3,
	OPTION_ENDED = 1 << 4,
	OPTION_ALL = 1 << 5,
	OPTION_REASON = 1 << 6,
	OPTION_TEXT = 1 << 7,
	OPTION_RATE = 1 << 8,
	OPTION_DRY_RUN = 1 << 9,
	OPTION_NO_WAIT = 1 << 10,
	OPTION_OFF = 1 << 11,
	OPTION_CONTACT = 1 << 12,
};

struct command_line {
	struct client *client;
	bool json;
	unsigned given; /* enum option_bit */
	const char *argument;
	const char *user, *state, *text, *cursor, *contact;
	unsigned long limit, reason, rate;
};

/* Each returns the exit status. */
int command_sessions(const struct command_line *line);
int command_show(const struct command_line *line);
int command_why(const struct command_line *line);
int command_trace(const struct command_line *line);
int command_release(const struct command_line *line);
int command_progress(const struct command_line *line);
int command_stop(const struct command_line *line);
int command_deregister(const struct command_line *line);
int command_users(const struct command_line *line);
int command_counters(const struct command_line *line);
int command_drain(const struct command_line *line);
int command_reload(const struct command_line *line);
int command_version(const struct command_line *line);

/* ------------------------------------------------------------------ shared */

/* Calls; on failure prints why, and *ret_status is the exit status. Takes `params` over. */
json_t *call_or_say(const struct command_line *line, const char *method, json_t *params,
		    int *ret_status);
/* As JSON on stdout. */
void print_json(const json_t *value);
/* A text that may come from a peer: bytes that could move a terminal become '?'. */
void print_text(const char *text);
/* "" when there is none. */
const char *string_of(const json_t *object, const char *name);
json_int_t number_of(const json_t *object, const char *name);
bool flag_of(const json_t *object, const char *name);
/* 850ms, 4.2s, 2m03s, 1h05m, 3d04h. */
void put_duration(char *ret, size_t bytes, json_int_t ms);

/* A table: as many columns as fit, each as wide as its widest cell. Rows are kept until table_print(). */
#define TABLE_COLUMNS_MAX 8u
struct table {
	unsigned n_columns;
	const char *titles[TABLE_COLUMNS_MAX];
	json_t *rows; /* arrays of strings */
};
void table_begin(struct table *table, unsigned n_columns, const char *const *titles);
void table_add(struct table *table, const char *const *cells);
/* Prints and clears; without a row only clears. */
void table_print(struct table *table);

#endif
