/* What a reload may change, and what only a restart does. */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "daemon/config.h"

/* Puts back into `fresh` what cannot change live. Calls `differs` for each key that was to change. false: out of memory. */
bool config_keep_unchangeable(const struct config *in_force, struct config *fresh,
			      void (*differs)(void *arg, const char *path), void *arg);

#endif
