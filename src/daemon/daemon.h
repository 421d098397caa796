/* The daemon as a whole: configuration, workers, the operator's socket; reload, drain, stop. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "daemon/bindings_file.h"
#include "daemon/config.h"

struct daemon_options {
	const char *config_file; /* NULL: `embedded` */
	struct text embedded;
	const char *control_socket; /* NULL: what the configuration says */
	const char *pid_file;       /* NULL: none */
	bool verbose;               /* one level more than the configuration says */
};

/* Configuration and, when it names them, the bindings file and the folder of subscribers. What is wrong is printed with file and line; NULL then. */
struct config *daemon_read_config(const struct daemon_options *options,
				  struct bindings_of_file *ret_bindings, FILE *out);
/* `adieud -c`: the same, with warnings about what is allowed and yet hardly meant, and a line on `out` when all is
 * right. Exit status. */
int daemon_check(const struct daemon_options *options, FILE *out, FILE *wrong);
/* Runs until it is told to stop. Exit status. */
int daemon_run(const struct daemon_options *options);

#endif
