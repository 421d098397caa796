/* Stories: a scenario as a text file, one line per fact, order or expectation (docs/stories.md), with a golden ladder beside it. */
#ifndef SIM_STORY_H
#define SIM_STORY_H

#include "base/text.h"

#include <stdbool.h>

/* Runs one story file. What went wrong is written to `report`, line by line; empty and true when all is well. The ladder file beside it
 * (.ladder for .story) is compared; with `update` it is written anew. */
bool story_run(const char *path, bool update, struct text_writer *report);
/* The same with the words at hand; `path` says where the ladder belongs. */
bool story_run_text(const char *text, const char *path, bool update, struct text_writer *report);

#endif
