#include "node/event_lines.h"

bool event_line_begin(struct event_line *line, struct node *node, enum node_log_level level,
		      const char *words)
{
	if (!node_logs(node, level) || !node_has_room(node))
		return false;
	*line = (struct event_line){.node = node, .w = outbox_writer(node), .level = level};
	logfmt_begin(&line->w, words);
	return true;
}

void event_line_session(struct event_line *line, const struct session *session)
{
	struct node_session_id id = {.shard = line->node->settings->shard};

	if (!session)
		return;
	id.handle = pool_handle(line->node->sessions, session);
	text_put_literal(&line->w, " session=");
	node_session_id_put(&line->w, &id);
	event_line_text(line, "call_id", session_text(session, SESSION_CALL_ID));
}

void event_line_endpoint(struct event_line *line, const char *key, const struct endpoint *e)
{
	char bytes[80];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put(&w, text_of(transport_parameter((enum transport)e->transport)));
	text_put_char(&w, ':');
	endpoint_put(&w, e);
	event_line_text(line, key, text_written(&w));
}

void event_line_end(struct event_line *line)
{
	outbox_log(line->node, line->level, &line->w);
}

/* ---------------------------------------------------------------- life of a session */

void event_session_begun(struct node *node, const struct session *session)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_INFO, "session begun"))
		return;
	event_line_session(&line, session);
	event_line_words(&line, "role", handle_is_set(session->anchored) ? "SCC AS" : "S-CSCF");
	event_line_text(&line, "calling", session_text(session, SESSION_CALLING_USER));
	event_line_text(&line, "called", session_text(session, SESSION_CALLED_USER));
	event_line_end(&line);
}

void event_session_answered(struct node *node, const struct session *session)
{
	struct event_line line;

	if (!event_line_begin(&line, node, NODE_LOG_INFO, "session answered"))
		return;
	event_line_session(&line, session);
	event_line_number(&line, "after_ms", node->now_ms - session->began_ms);
	event_line_end(&line);
}

/* Ended by somebody else than its parties: of note where an ordinary end is not. */
static bool is_of_note(const struct session *session)
{
	return session->end == SESSION_END_RELEASED || session->end == SESSION_END_LOST ||
	       session->end == SESSION_END_SESSION_TIMER ||
	       session->end == SESSION_END_DEREGISTERED ||
	       session->end == SESSION_END_BYE_OF_SERVER || session->end == SESSION_END_NO_TRANSFER;
}

void event_session_ended(struct node *node, const struct session *session)
{
	enum node_log_level level = is_of_note(session) ? NODE_LOG_NOTICE : NODE_LOG_INFO;
	struct event_line line;

	if (!event_line_begin(&line, node, level, "session ended"))
		return;
	event_line_session(&line, session);
	event_line_words(&line, "end", session_end_name((enum session_end)session->end));
	if (session->end_status)
		event_line_number(&line, "status", session->end_status);
	if (session->answered_after_ms)
		event_line_number(&line, "answered_after_ms", session->answered_after_ms - 1);
	event_line_number(&line, "after_ms", session->ended_after_ms);
	event_line_end(&line);
}
