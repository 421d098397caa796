/* TS 24.237 §12.3.1  An INVITE due to STN-SR is refused: what the log and the counters hear of it. It has no session whose ladder
 * could show it, and it is what the subscriber noticed: the call dropped. */
#include "node/event_lines.h"
#include "node/legs.h"

#include "roles/sccas/users.h"

/* A hold that ended longer ago has nothing to do with this INVITE. */
#define HOLD_IS_NEAR_MS 60000u
#define LOOKED_AT_ENDED 4096u

static const char *words_of(enum transfer_refusal why)
{
	static const char *const words[] = {
		[REFUSED_UNSUPPORTED] = "it requires an extension that is not supported",
		[REFUSED_NO_SPEECH] = "its session description offers no speech",
		[REFUSED_NO_CONTACT] = "it has no Contact",
		[REFUSED_NO_NUMBER] = "P-Asserted-Identity names no telephone number",
		[REFUSED_UNKNOWN_USER] = "the C-MSISDN is no user of the SCC AS",
		[REFUSED_BAD_TARGET_DIALOG] = "Target-Dialog is malformed",
		[REFUSED_NO_SESSION] = "the user has no session that can be transferred now",
		[REFUSED_NOT_THAT_SESSION] =
			"Target-Dialog names no session of the user that can be transferred now",
		[REFUSED_LATE] = "the hold of the session was over before",
	};

	return words[why];
}

static void count(struct node *node, enum transfer_refusal why)
{
	struct node_counters *c = &node->counters;

	c->transfers_refused++;
	switch (why) {
	case REFUSED_UNSUPPORTED:
	case REFUSED_NO_SPEECH:
	case REFUSED_NO_CONTACT:
	case REFUSED_NO_NUMBER:
	case REFUSED_BAD_TARGET_DIALOG: c->transfers_malformed++; break;
	case REFUSED_UNKNOWN_USER: c->transfers_of_unknown_users++; break;
	case REFUSED_NO_SESSION:
	case REFUSED_NOT_THAT_SESSION: c->transfers_without_session++; break;
	case REFUSED_LATE: c->transfers_late++; break;
	}
}

/* ---------------------------------------------------------------- the hold before */

static bool is_served(const struct node *node, const struct session *session,
		      const struct anchored_session *a, const struct sccas_user *user)
{
	struct text identity = session_text(session, a->is_terminating ? SESSION_CALLED_USER
								       : SESSION_CALLING_USER);

	return sccas_user_by_identity(node->settings->sccas.users, identity) == user;
}

/* Still being released. */
static const struct session *releasing_after_hold(const struct node *node,
						  const struct sccas_user *user)
{
	const struct anchored_session *a = anchored_first_of_user(node, user->c_msisdn);

	for (; a; a = anchored_at(node, a->next_of_user))
		if (a->hold_began && a->is_ending)
			return session_at(node, a->session);
	return NULL;
}

static const struct session *ended_after_hold(const struct node *node,
					      const struct sccas_user *user)
{
	for (uint32_t i = 0; i < node->n_ended && i < LOOKED_AT_ENDED; i++) {
		uint32_t at = (node->ended_first + node->n_ended - 1 - i) % node->ended_max;
		const struct session *session = session_at(node, node->ended[at]);
		const struct anchored_session *a = anchored_of(node, session);

		if (session->began_ms + session->ended_after_ms + HOLD_IS_NEAR_MS < node->now_ms)
			return NULL;
		if (a && a->hold_began && is_served(node, session, a, user))
			return session;
	}
	return NULL;
}

static const struct session *session_after_hold(const struct node *node,
						const struct sccas_user *user)
{
	const struct session *session = user ? releasing_after_hold(node, user) : NULL;

	return session || !user ? session : ended_after_hold(node, user);
}

/* ---------------------------------------------------------------- the line */

static void put_target_dialog(struct event_line *line, const struct sip_message *m)
{
	const struct sip_field *field = sip_first(m, SIP_HEADER_TARGET_DIALOG);

	if (field)
		event_line_text(line, "target_dialog", field->value);
}

static void put_asserted(struct event_line *line, const struct sip_message *m)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_P_ASSERTED_IDENTITY);
	struct text value;

	if (sip_list_next(&list, &value))
		event_line_text(line, "asserted", value);
}

static void put_hold(struct event_line *line, const struct session *session)
{
	const struct anchored_session *a = anchored_of(line->node, session);
	uint64_t over_ms = a->source_bye_at_ms + a->hold_ms;

	text_put_literal(&line->w, " session=");
	node_session_id_put(&line->w,
			    &(struct node_session_id){line->node->settings->shard,
						      pool_handle(line->node->sessions, session)});
	event_line_number(line, "hold_ms", a->hold_ms);
	event_line_number(line, "after_bye_ms", line->node->now_ms - a->source_bye_at_ms);
	if (line->node->now_ms >= over_ms)
		event_line_number(line, "after_hold_ms", line->node->now_ms - over_ms);
}

void transfer_refused(struct node *node, const struct arrival *arrival, enum transfer_refusal why,
		      unsigned status, const struct sccas_user *user)
{
	const struct sip_message *m = &node->message;
	const struct session *held = why == REFUSED_NO_SESSION || why == REFUSED_NOT_THAT_SESSION
					     ? session_after_hold(node, user)
					     : NULL;
	struct event_line line;

	if (held)
		why = REFUSED_LATE;
	count(node, why);
	if (!event_line_begin(&line, node, NODE_LOG_NOTICE, "transfer refused"))
		return;
	event_line_number(&line, "status", status);
	event_line_words(&line, "why", words_of(why));
	if (user)
		event_line_text(&line, "c_msisdn", user->c_msisdn);
	else
		put_asserted(&line, m);
	event_line_text(&line, "request_uri", m->request_uri);
	put_target_dialog(&line, m);
	if (held)
		put_hold(&line, held);
	event_line_text(&line, "call_id", m->call_id);
	event_line_endpoint(&line, "source", arrival->source);
	event_line_end(&line);
}

/* @req SV-5  A number that is not one of sccas.stn_sr, or that of nobody at all. */
void transfer_number_unknown(struct node *node, const struct arrival *arrival)
{
	const struct sip_message *m = &node->message;
	struct event_line line;

	node->counters.transfers_unknown_number++;
	if (!event_line_begin(&line, node, NODE_LOG_NOTICE, "transfer refused"))
		return;
	event_line_number(&line, "status", 404);
	event_line_words(&line, "why", "the number is no STN-SR of sccas.stn_sr");
	put_asserted(&line, m);
	event_line_text(&line, "request_uri", m->request_uri);
	event_line_text(&line, "call_id", m->call_id);
	event_line_endpoint(&line, "source", arrival->source);
	event_line_end(&line);
}
