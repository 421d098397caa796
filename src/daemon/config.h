/* The configuration: one YAML file, one table of what may stand in it. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "node/node.h"

#include <stdio.h>

#define CONFIG_WORKERS_MAX    64u
#define CONFIG_PROBLEMS_MAX   32u
#define CONFIG_FILE_BYTES_MAX (1u << 20)

/* What one role listens on. */
struct config_listen {
	struct endpoint at[NODE_LISTEN_MAX];
	uint8_t n;
};

struct config {
	struct node_settings
		settings; /* shard numbers not yet set, bounds for all shards together */
	uint32_t workers;
	uint32_t tcp_idle_ms, tcp_connections_max, gather_us;
	uint32_t drain_ms;
	uint32_t control_mode;
	struct text control_socket;      /* ended by NUL; empty: where control_socket_path() says */
	struct text bindings_file;       /* ended by NUL; empty: none */
	struct text subscribers_folder;  /* ended by NUL; empty: none */
	struct subscribers *subscribers; /* what was read there; settings.subscribers is the same */
	struct config_listen listen, listen_sccas; /* one behind the other: settings.listen */
	struct text sccas_users_file;              /* ended by NUL; empty: none */
	struct sccas_users *sccas_users; /* what was read there; settings.sccas.users is the same */
	struct config_string *strings;   /* what the texts of the settings look at */
};

/* What is wrong with a file, in the order of its lines as far as possible. */
struct config_problem {
	unsigned line; /* 1 ..; 0: the file as a whole */
	char text[200];
};

struct config_problems {
	unsigned n; /* may be more than are kept */
	struct config_problem kept[CONFIG_PROBLEMS_MAX];
};

__attribute__((format(printf, 3, 4))) void
config_problem_add(struct config_problems *problems, unsigned line, const char *format, ...);
/* "FILE:LINE: what is wrong, what was expected", one line each. */
void config_problems_print(const struct config_problems *problems, const char *file_name,
			   FILE *out);

/* NULL when there are problems (also out of memory). */
struct config *config_read(struct text yaml, struct config_problems *problems);
struct config *config_read_file(const char *file_name, struct config_problems *problems);
/* The same with what is right of it, so that the files which it names can be looked at too. NULL: nothing could be
 * read. */
struct config *config_read_file_partly(const char *file_name, struct config_problems *problems);
/* NULL is allowed. The subscribers and the users of the SCC AS go with it. */
void config_free(struct config *config);
/* A copy ended by NUL that lives as long as the configuration; .at is NULL when out of memory. */
struct text config_keep(struct config *config, struct text text);
/* Makes settings.listen of the lists of both roles. false: more than NODE_LISTEN_MAX together. */
bool config_join_listen(struct config *config);

/* ------------------------------------------------------------------ the table */

enum config_type {
	CONFIG_NUMBER,
	CONFIG_EITHER,  /* `min` or `max` and nothing between */
	CONFIG_BOOL,    /* true, false, yes, no */
	CONFIG_WORKERS, /* a number or "cores" */
	CONFIG_MS,      /* a duration: 500ms, 4s, 2m, 1h */
	CONFIG_TIMER, /* one of RFC 3261: default, range and clause stand in transaction/timer_table.c */
	CONFIG_SECONDS, /* a duration in whole seconds */
	CONFIG_LISTEN,
	CONFIG_NAMES,
	CONFIG_DOMAINS,
	CONFIG_PREFIXES,
	CONFIG_ROUTES,
	CONFIG_FILE,
	CONFIG_FOLDER,
	CONFIG_DIGEST,         /* algorithms of SIP digest */
	CONFIG_GLOBAL_NUMBERS, /* telephone numbers, +491711000001 or tel:+49-171-1000001 */
	CONFIG_URIS,
	CONFIG_URI, /* or empty */
	CONFIG_LEVEL,
	CONFIG_MODE,
};

struct config_row {
	const char *path; /* "timers.t1" */
	enum config_type type;
	bool live;     /* a reload changes it */
	size_t offset; /* in struct config; for CONFIG_TIMER the enum transaction_timer_name */
	uint64_t min, max;
	const char *default_text; /* as it would stand in the file */
	const char *unit;         /* of a plain number */
	const char *clause;       /* where the default comes from; empty: our own choice */
	const char *help;
};

extern const struct config_row config_table[];
extern const unsigned config_table_rows;

const struct config_row *config_row_of(struct text path);
/* The default, range and clause as text, the timers' taken from their own table. */
void config_row_put_default(const struct config_row *row, struct text_writer *w);
void config_row_put_range(const struct config_row *row, struct text_writer *w);
const char *config_row_clause(const struct config_row *row);
/* "a number from 1 to 64", for error messages and the manual. */
void config_row_put_expected(const struct config_row *row, struct text_writer *w);
/* Everything that may stand in the file, as text or, for adieu.yaml(5), in the language of man(7). */
void config_print_reference(FILE *out, bool as_manual);

#endif
