/* The user agent as a whole: opening, receiving, calling. */
#include "ue_parts.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>

static void receive(void *self, const struct endpoint *from, struct text bytes)
{
	struct ue *ue = self;
	struct sip_message m;
	enum sip_verdict verdict =
		sip_parse(&m, bytes.at, bytes.len,
			  transport_is_reliable(from->transport) ? SIP_STREAM : SIP_DATAGRAM);

	if (verdict == SIP_NOISE)
		return;
	if (verdict == SIP_REFUSED) {
		ue_violation(ue, "malformed message: %s", m.fault_reason ? m.fault_reason : "?");
		return;
	}
	ue_set_text(ue->current_call_id, sizeof(ue->current_call_id), m.call_id);
	if (ue->service && ue->service->receives &&
	    ue->service->receives(ue->service_self, from, &m))
		return;
	if (m.is_request)
		ue_server_request(ue, from, &m);
	else
		ue_client_response(ue, &m);
}

static void send_failed(void *self, const struct endpoint *to, struct text bytes)
{
	struct ue *ue = self;
	struct sip_message m;

	(void)to;
	if (sip_parse(&m, bytes.at, bytes.len, SIP_DATAGRAM) == SIP_OK)
		ue_client_send_failed(ue, &m);
}

struct ue *ue_open(struct world *world, const struct ue_options *options)
{
	struct ue *ue = calloc(1, sizeof(*ue));
	char host[64];
	struct text_writer w = text_writer_on(host, sizeof(host) - 1);
	struct text user;

	assert(ue);
	ue->world = world;
	snprintf(ue->name, sizeof(ue->name), "%s", options->name);
	snprintf(ue->address_of_record, sizeof(ue->address_of_record), "%s",
		 options->address_of_record);
	user = text_of(ue->address_of_record + 4);
	user.len = text_find(user, '@');
	endpoint_put(&w, &options->address);
	host[w.len] = 0;
	snprintf(ue->contact, sizeof(ue->contact), "sip:%.*s@%s%s", TEXT_ARGS(user), host,
		 options->address.transport == TRANSPORT_TCP ? ";transport=tcp" : "");
	ue->next_hop = options->next_hop;
	ue->t1_ms = 500;
	ue->t2_ms = 4000;
	ue->t4_ms = 5000;
	ue->plan = (struct ue_plan){.ring_after_ms = 50,
				    .ring_status = 180,
				    .answer_after_ms = 100,
				    .answer_status = 200};
	ue->party = (struct world_party){.name = ue->name,
					 .address = options->address,
					 .self = ue,
					 .receive = receive,
					 .send_failed = send_failed};
	world_add_party(world, &ue->party);
	return ue;
}

void ue_close(struct ue *ue)
{
	if (!ue)
		return;
	for (unsigned i = 0; i < ue->n_dialogs; i++) {
		free(ue->dialogs[i]->ack);
		free(ue->dialogs[i]);
	}
	for (unsigned i = 0; i < ue->n_calls; i++)
		free(ue->calls[i]);
	for (unsigned i = 0; i < ue->n_clients; i++) {
		free(ue->clients[i]->bytes);
		free(ue->clients[i]->ack);
		free(ue->clients[i]->cancel_lines);
		free(ue->clients[i]);
	}
	for (unsigned i = 0; i < ue->n_servers; i++) {
		free(ue->servers[i]->request);
		free(ue->servers[i]->response);
		free(ue->servers[i]);
	}
	for (unsigned i = 0; i < ue->n_violations; i++) {
		free(ue->violations[i]);
		free(ue->violation_calls[i]);
	}
	free(ue->violations);
	free(ue->violation_calls);
	free(ue->dialogs);
	free(ue->calls);
	free(ue->clients);
	free(ue->servers);
	free(ue);
}

void ue_violation(struct ue *ue, const char *format, ...)
{
	char line[512];
	va_list arguments;
	int n = snprintf(line, sizeof(line),
			 "%llu ms %s: ", (unsigned long long)world_now(ue->world), ue->name);

	va_start(arguments, format);
	vsnprintf(line + n, sizeof(line) - (size_t)n, format, arguments);
	va_end(arguments);
	ue->violations = realloc(ue->violations, (ue->n_violations + 1) * sizeof(char *));
	ue->violation_calls = realloc(ue->violation_calls, (ue->n_violations + 1) * sizeof(char *));
	assert(ue->violations && ue->violation_calls);
	ue->violation_calls[ue->n_violations] =
		ue_copy(ue->current_call_id, (uint32_t)strlen(ue->current_call_id));
	ue->violations[ue->n_violations++] = ue_copy(line, (uint32_t)strlen(line));
}

uint32_t ue_call_named(const struct ue *ue, const char *name)
{
	for (unsigned i = ue->n_calls; i-- > 0;)
		if (!name || !name[0] || strcmp(ue->calls[i]->name, name) == 0)
			return i;
	return UE_NONE;
}

static void put_invite(struct ue *ue, const struct ue_invitation *invitation,
		       const struct ue_call *call, struct text_writer *w)
{
	char from[1024], to[512], branch[64], lines[1024], uri[UE_URI], route[UE_ROUTE_SET];
	struct endpoint next;
	int max_forwards = invitation->max_forwards ? invitation->max_forwards : 70;

	if (max_forwards < 0)
		max_forwards = 0;
	ue_draw_token(ue, "z9hG4bK", branch, sizeof(branch));
	snprintf(from, sizeof(from), "<%s>;tag=%s", ue->address_of_record, call->local_tag);
	snprintf(to, sizeof(to), "<%s>", invitation->uri);
	snprintf(lines, sizeof(lines), "%s%s",
		 invitation->supports_100rel ? "Supported: 100rel\r\n" : "",
		 invitation->lines ? invitation->lines : "");
	if (invitation->session_expires_s)
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "Supported: timer\r\nSession-Expires: %u\r\n",
			 invitation->session_expires_s);
	ue_route(ue, invitation->uri, ue->route, uri, route, &next);
	ue_write(ue,
		 &(struct ue_writing){.method = SIP_INVITE,
				      .uri = uri,
				      .route = route,
				      .from = from,
				      .to = to,
				      .call_id = call->call_id,
				      .cseq = 1,
				      .branch = branch,
				      .lines = lines,
				      .body = invitation->without_sdp ? NULL : ue_offer,
				      .max_forwards = max_forwards,
				      .with_contact = true,
				      .contact = ue->contact,
				      .transport = ue->next_hop.transport},
		 w);
}

/* A call of ours, with a Call-ID and a tag of its own. */
struct ue_call *ue_call_begin(struct ue *ue, const char *name)
{
	struct ue_call *call = calloc(1, sizeof(*call));

	assert(call);
	call->is_caller = true;
	call->began_ms = world_now(ue->world);
	if (name)
		snprintf(call->name, sizeof(call->name), "%s", name);
	snprintf(call->call_id, sizeof(call->call_id), "%s-%u-%x@%s", ue->name, ue->n_calls,
		 random_below(world_random(ue->world), UINT32_MAX), "sim.example");
	ue_draw_token(ue, "", call->local_tag, sizeof(call->local_tag));
	ue->calls = realloc(ue->calls, (ue->n_calls + 1) * sizeof(struct ue_call *));
	assert(ue->calls);
	ue->calls[ue->n_calls++] = call;
	return call;
}

uint32_t ue_invite(struct ue *ue, const struct ue_invitation *invitation)
{
	char buffer[UE_MESSAGE];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));
	struct ue_call *call = ue_call_begin(ue, invitation->name);
	struct ue_client *client;

	put_invite(ue, invitation, call, &w);
	client = ue_client_start(ue, SIP_INVITE, buffer, w.len, &ue->next_hop);
	client->call = ue->n_calls - 1;
	return client->call;
}
