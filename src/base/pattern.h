/* Regular expressions, compiled once: extended expressions as POSIX means them, over PCRE2. A pattern
 * without any operator is looked for as plain bytes. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/text.h"

struct pattern;

/* NULL: *ret_why says what is wrong with it, at which byte (static text or written to `why`). Called
 * when the configuration is read, never with traffic. `ignore_case`: for names of header fields. */
struct pattern *pattern_open(struct text expression, bool ignore_case, char *why, size_t why_bytes);
/* NULL is allowed. */
void pattern_close(struct pattern *pattern);
/* Does it match anywhere in the subject? Bounded in time: an expression that gives up counts as no
 * match. Safe from several threads at once; allocates nothing. */
bool pattern_matches(const struct pattern *pattern, struct text subject);

#endif
