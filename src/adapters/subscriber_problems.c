#include "adapters/subscriber_problems.h"

#include <stdarg.h>
#include <stdio.h>

/* What is quoted from a file may hold anything, and goes to a terminal. */
static void make_printable(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			*c = '?';
}

void subscriber_problem_add(struct subscriber_problems *problems, const char *file, unsigned line,
			    const char *format, ...)
{
	va_list args;

	if (problems->n < SUBSCRIBER_PROBLEMS_MAX) {
		struct subscriber_problem *p = &problems->kept[problems->n];

		snprintf(p->file, sizeof(p->file), "%s", file);
		p->line = line;
		va_start(args, format);
		vsnprintf(p->text, sizeof(p->text), format, args);
		va_end(args);
		make_printable(p->text);
	}
	problems->n++;
}

void subscriber_problem_put(const struct subscriber_problem *problem, const char *folder,
			    struct text_writer *w)
{
	text_put(w, text_of(folder));
	if (problem->file[0]) {
		if (folder[0] && folder[strlen(folder) - 1] != '/')
			text_put_char(w, '/');
		text_put(w, text_of(problem->file));
	}
	if (problem->line) {
		text_put_char(w, ':');
		text_put_u64(w, problem->line);
	}
	text_put_literal(w, ": ");
	text_put(w, text_of(problem->text));
}
