#include "node/internal.h"

#define ACTIONS_MAX_OUT LIMIT_OUTBOX_MESSAGES

bool node_has_room(const struct node *node)
{
	return node->n_actions + 2 * LIMIT_BRANCHES + 8 <= ACTIONS_MAX_OUT &&
	       node->outbox_used + OUTBOX_ROOM <= OUTBOX_BYTES;
}

bool node_next_action(struct node *node, struct node_action *ret)
{
	if (node->next_action == node->n_actions)
		return false;
	*ret = node->actions[node->next_action++];
	return true;
}

void node_actions_done(struct node *node)
{
	node->n_actions = 0;
	node->next_action = 0;
	node->outbox_used = 0;
}

struct text_writer outbox_writer(struct node *node)
{
	uint32_t left = OUTBOX_BYTES - node->outbox_used;

	return text_writer_on(node->outbox + node->outbox_used,
			      left < LIMIT_MESSAGE_BYTES ? left : LIMIT_MESSAGE_BYTES);
}

static void add(struct node *node, const struct node_action *action)
{
	node->actions[node->n_actions++] = *action;
}

struct text outbox_send(struct node *node, const struct text_writer *written,
			const struct endpoint *to, uint8_t local)
{
	struct node_action action = {.kind = NODE_ACTION_SEND,
				     .peer = *to,
				     .local = local,
				     .bytes = text_written(written)};

	if (written->full || node->n_actions == ACTIONS_MAX_OUT) {
		node->counters.outbox_full++;
		return (struct text){0};
	}
	node->outbox_used += written->len;
	node->counters.messages_out++;
	add(node, &action);
	return action.bytes;
}

static bool put_bytes(struct node *node, struct text bytes, struct text *ret)
{
	struct text_writer w = outbox_writer(node);

	text_put(&w, bytes);
	if (w.full || node->n_actions == ACTIONS_MAX_OUT) {
		node->counters.outbox_full++;
		return false;
	}
	node->outbox_used += w.len;
	*ret = text_written(&w);
	return true;
}

void outbox_send_again(struct node *node, struct text bytes, const struct endpoint *to,
		       uint8_t local)
{
	struct node_action action = {.kind = NODE_ACTION_SEND, .peer = *to, .local = local};

	if (!put_bytes(node, bytes, &action.bytes))
		return;
	node->counters.messages_out++;
	node->counters.retransmissions_out++;
	add(node, &action);
}

void outbox_binding(struct node *node, struct text line)
{
	struct node_action action = {.kind = NODE_ACTION_BINDING};

	if (put_bytes(node, line, &action.bytes))
		add(node, &action);
}

/* What does not fit is not missed: event_line_begin() has looked whether there is room. */
void outbox_log(struct node *node, enum node_log_level level, const struct text_writer *w)
{
	struct node_action action = {
		.kind = NODE_ACTION_LOG, .level = (uint8_t)level, .bytes = text_written(w)};

	if (w->full || node->n_actions == ACTIONS_MAX_OUT)
		return;
	node->outbox_used += w->len;
	add(node, &action);
}
