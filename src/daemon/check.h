/* A configuration that is right, looked at for what its writer can hardly mean. */
#ifndef DAEMON_CHECK_H
#define DAEMON_CHECK_H

#include "daemon/bindings_file.h"
#include "daemon/config.h"

/* Prints "FILE: warning: ..." for each, some of each kind. Returns how many there are. */
unsigned check_configuration(const struct config *config, const struct bindings_of_file *bindings,
			     const char *file_name, FILE *out);

#endif
