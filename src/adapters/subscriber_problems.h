/* What is wrong in a folder of subscribers: which file, which line, what was expected. */
#ifndef ADAPTERS_SUBSCRIBER_PROBLEMS_H
#define ADAPTERS_SUBSCRIBER_PROBLEMS_H

#include "base/text.h"

#define SUBSCRIBER_PROBLEMS_MAX 32u

struct subscriber_problem {
	char file[256]; /* its name in the folder; empty: the folder itself */
	unsigned line;  /* 1 ..; 0: the file as a whole */
	char text[300];
};

struct subscriber_problems {
	unsigned n; /* may be more than are kept */
	struct subscriber_problem kept[SUBSCRIBER_PROBLEMS_MAX];
};

__attribute__((format(printf, 4, 5))) void
subscriber_problem_add(struct subscriber_problems *problems, const char *file, unsigned line,
		       const char *format, ...);
/* "FOLDER/FILE:LINE: what is wrong, what was expected". */
void subscriber_problem_put(const struct subscriber_problem *problem, const char *folder,
			    struct text_writer *w);

/* For printf, cut so that a long value does not push out what was expected. */
#define SHORT_ARGS(t) (t).len > 60 ? 60 : (int)(t).len, (t).at

#endif
