/* Regular expressions, compiled once: extended expressions as POSIX means them, over PCRE2
 * (docs/adr/0019). A pattern without any operator is looked for as plain bytes. */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include "base/text.h"

struct pattern;

/* NULL: `why` (terminated, cut off when it does not fit) says what is wrong with it, at which byte,
 * counted from 1. Called when the configuration is read, never with traffic.
 * `is_name`: for names of header fields. Case does not count, and the whole subject has to match, not a part of
 * it: "Contact" is not found in "Accept-Contact". */
struct pattern *pattern_open(struct text expression, bool is_name, char *why, size_t why_bytes);
/* NULL is allowed. */
void pattern_close(struct pattern *pattern);
/* Does it match anywhere in the subject? Bounded in time, about linear in the length of the subject; where even
 * that is too much, it counts as no match. Safe from several threads at once; allocates nothing. */
bool pattern_matches(const struct pattern *pattern, struct text subject);

/* The one subject that it matches (for is_name: case aside); false when there may be several. */
bool pattern_is_literal(const struct pattern *pattern, struct text *ret_subject);
/* Does it look for these bytes, at most with ^, $ or .* around them? */
bool pattern_is_plain(const struct pattern *pattern, struct text *ret_bytes);
/* Does it ask where the subject begins or ends (^ or $)? */
bool pattern_is_anchored(const struct pattern *pattern);

#endif
