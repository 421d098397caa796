/* The log: one line per event on stderr, logfmt, with the time as RFC 3339 has it. Any thread may write. */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include "node/node.h"

/* Lines below this level cost nothing. */
void log_set_level(enum node_log_level level);
const char *log_level_name(enum node_log_level level);
/* `line` is logfmt (base/logfmt.h) without time and level. More than LOG_LINES_PER_SECOND of a level are counted instead of
 * written, errors excepted: a flood from the network must not become a flood on the disk. */
#define LOG_LINES_PER_SECOND 2000u
void log_line(enum node_log_level level, struct text line);
/* msg="words" key="value". `words` and `value` may hold anything; `key` may be NULL. */
void log_text(enum node_log_level level, const char *words, const char *key, const char *value);
/* printf of such a line, for what holds no text but ours. */
__attribute__((format(printf, 2, 3))) void log_event(enum node_log_level level, const char *format,
						     ...);

#endif
