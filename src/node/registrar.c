/* TS 24.229 §5.4.1  The registrar's side of a node */
#include "node/registrar.h"

static void answer_503(struct node *node, const struct endpoint *source, uint8_t local)
{
	char bytes[48];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	node->counters.full++;
	answer_statelessly(node, &node->message, source, local, 503, NULL,
			   put_retry_after(node, &w));
}

void registrar_register(struct node *node, const struct endpoint *source, uint8_t local,
			const struct server_key *key)
{
	struct scscf_domain_route routes[NODE_ROUTES_MAX];
	struct scscf_surroundings around = node_surroundings(node, routes);
	struct text_writer lines = text_writer_on(node->scratch, SCRATCH_BYTES / 2);
	struct text_writer changes =
		text_writer_on(node->scratch + SCRATCH_BYTES / 2, SCRATCH_BYTES / 2);
	char route_bytes[128];
	struct text_writer route = text_writer_on(route_bytes, sizeof(route_bytes));
	struct server_transaction *server = server_begin(node, &node->message, key, source, local);
	bool trusted = addressing_is_trusted(node, source);
	struct text rest, line;
	unsigned status;

	if (!server) {
		answer_503(node, source, local);
		return;
	}
	addressing_put_own_route(&route, node, local, NO_HANDLE, true);
	status = scscf_register(&around, &node->message, trusted, text_written(&route),
				node->now_ms, &lines, &changes);
	if (lines.full || changes.full)
		status = 500;
	if (!trusted)
		node->counters.not_trusted++;
	if (status == 200)
		node->counters.registrations++;
	if (status == 503)
		node->counters.full++;
	/* Also after a refusal half-way: what was changed here must be changed everywhere. */
	rest = text_written(&changes);
	for (struct binding_line parsed; line = rest, binding_line_next(&rest, &parsed);)
		outbox_binding(node, text_between(line.at, rest.at));
	server_answer(node, server, status, (struct text){0}, text_written(&lines));
}
