/* Lines of the log: key=value, one event a line (logfmt). Numbers stand as they are, texts in quotes, with a
 * backslash before a quote and before a backslash: bytes of peers cannot make a key or a line of their own. */
#ifndef BASE_LOGFMT_H
#define BASE_LOGFMT_H

#include "base/text.h"

/* What is longer is cut and ends with "...". */
#define LOGFMT_VALUE_BYTES_MAX 256u

/* msg="...": the begin of a line. `words` are ours. */
void logfmt_begin(struct text_writer *w, const char *words);
void logfmt_text(struct text_writer *w, const char *key, struct text value);
void logfmt_number(struct text_writer *w, const char *key, uint64_t n);

#endif
