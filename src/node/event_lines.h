/* What the log hears of the life of sessions and registrations: lines of key=value (base/logfmt.h) for the daemon to write. A node
 * writes nothing itself: a line is an action like any other. */
#ifndef NODE_EVENT_LINES_H
#define NODE_EVENT_LINES_H

#include "base/logfmt.h"
#include "node/internal.h"

struct event_line {
	struct node *node;
	struct text_writer w;
	enum node_log_level level;
};

/* false: nobody wants to hear of it, or this step has no room for it (a line never takes the place of a message). Between begin
 * and end nothing else may be written to the outbox. */
bool event_line_begin(struct event_line *line, struct node *node, enum node_log_level level,
		      const char *words);
/* Id and Call-ID of the session; `session` may be NULL. */
void event_line_session(struct event_line *line, const struct session *session);
void event_line_end(struct event_line *line);

static inline void event_line_text(struct event_line *line, const char *key, struct text value)
{
	logfmt_text(&line->w, key, value);
}
static inline void event_line_words(struct event_line *line, const char *key, const char *value)
{
	logfmt_text(&line->w, key, text_of(value));
}
static inline void event_line_number(struct event_line *line, const char *key, uint64_t n)
{
	logfmt_number(&line->w, key, n);
}
void event_line_endpoint(struct event_line *line, const char *key, const struct endpoint *e);

/* Life of a session. */
void event_session_begun(struct node *node, const struct session *session);
void event_session_answered(struct node *node, const struct session *session);
void event_session_ended(struct node *node, const struct session *session);

#endif
