/* What all application servers have in common: how they begin and end, and what they ask of a request that is sent to them. */
#include "server_parts.h"

#include "sip/chars.h"
#include "sip/uri.h"

#include <assert.h>
#include <stdlib.h>

struct text server_uri_of(struct text name_addr)
{
	struct sip_name_addr address = {0};

	return sip_name_addr_parse(name_addr, &address) ? address.uri : (struct text){0};
}

bool server_is_own(const struct ue *ue, struct text uri_text)
{
	struct sip_uri uri;
	struct endpoint at;

	return sip_uri_parse(uri_text, &uri) && uri.scheme != SIP_URI_TEL &&
	       world_resolve(ue->world, uri.host, uri.port, &at) &&
	       endpoint_same_address(&at, &ue->party.address) && at.port == ue->party.address.port;
}

unsigned server_routes(const struct sip_message *m, struct text ret[LIMIT_LIST_VALUES])
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);
	unsigned n = 0;

	while (n < LIMIT_LIST_VALUES && sip_list_next(&list, &ret[n]))
		n++;
	return n;
}

/* ------------------------------------------------------------------ complaints */

static bool has_parameter(struct text uri_text, struct text name)
{
	struct sip_uri uri;
	struct text value;

	return sip_uri_parse(uri_text, &uri) && sip_uri_param(&uri, name, &value);
}

/* Our own on top, then the way back with the original dialog identifier: no more, no less. */
static void check_routes(struct ue *ue, const struct sip_message *m)
{
	struct text routes[LIMIT_LIST_VALUES];
	unsigned n = server_routes(m, routes);
	struct text back = n > 1 ? server_uri_of(routes[1]) : (struct text){0};

	if (n != 2)
		ue_violation(ue, "%.*s with %u Route values: mine and the way back were expected",
			     TEXT_ARGS(m->method_name), n);
	if (!n || !server_is_own(ue, server_uri_of(routes[0])))
		ue_violation(ue, "%.*s without my URI in the topmost Route",
			     TEXT_ARGS(m->method_name));
	for (unsigned i = 0; i < n; i++)
		if (!has_parameter(server_uri_of(routes[i]), TEXT("lr")))
			ue_violation(ue, "Route without lr: %.*s", TEXT_ARGS(routes[i]));
	if (n > 1 && !has_parameter(back, TEXT("odi")))
		ue_violation(ue, "no original dialog identifier in the way back: %.*s",
			     TEXT_ARGS(back));
}

static bool are_parameters(struct text params)
{
	enum sip_param_step step;
	struct text name, value;

	while ((step = sip_param_next(&params, &name, &value)) == SIP_PARAM_FOUND)
		;
	return step == SIP_PARAM_END;
}

static bool is_one_of(struct text value, const char *a, const char *b)
{
	return text_equal_nocase(value, text_of(a)) || text_equal_nocase(value, text_of(b));
}

/* RFC 5502 §6, RFC 8498 §4. */
static void check_served_user(struct ue *ue, const struct sip_message *m)
{
	const struct sip_field *field = sip_first(m, SIP_HEADER_P_SERVED_USER);
	struct sip_name_addr user;
	struct text session_case, state, none;

	if (!field || sip_next(m, field)) {
		ue_violation(ue, "%.*s with %s P-Served-User", TEXT_ARGS(m->method_name),
			     field ? "more than one" : "no");
		return;
	}
	if (!sip_name_addr_parse(field->value, &user) || !are_parameters(user.params)) {
		ue_violation(ue, "malformed P-Served-User: %.*s", TEXT_ARGS(field->value));
		return;
	}
	if (sip_param(user.params, TEXT("orig-cdiv"), &none))
		return;
	if (!sip_param(user.params, TEXT("sescase"), &session_case) ||
	    !is_one_of(session_case, "orig", "term"))
		ue_violation(ue, "P-Served-User without a sescase: %.*s", TEXT_ARGS(field->value));
	if (!sip_param(user.params, TEXT("regstate"), &state) || !is_one_of(state, "reg", "unreg"))
		ue_violation(ue, "P-Served-User without a regstate: %.*s", TEXT_ARGS(field->value));
}

void server_check_first_contact(struct ue *ue, const struct sip_message *m)
{
	if (server_is_own(ue, m->request_uri))
		return; /* for the server itself: a third-party REGISTER, an OPTIONS */
	check_routes(ue, m);
	check_served_user(ue, m);
	if (m->max_forwards == 0)
		ue_violation(ue, "%.*s with Max-Forwards 0", TEXT_ARGS(m->method_name));
}

/* ------------------------------------------------------------------ the kinds that need little */

static bool takes_no_notice(void *self, const struct endpoint *from, const struct sip_message *m)
{
	struct server *server = self;

	(void)from;
	if (m->is_request && m->method != SIP_ACK && m->method != SIP_CANCEL && !m->to_tag.len)
		server_check_first_contact(server->ue, m);
	return true;
}

static const struct ue_service silent_service = {.receives = takes_no_notice};
static const struct ue_service plain_service = {
	0}; /* a user agent that is sent what is not for it */

static void redirect_to(struct ue *ue, struct text uri)
{
	ue->plan.ring_after_ms = -1;
	ue->plan.answer_after_ms = 0;
	ue->plan.answer_status = 302;
	snprintf(ue->plan.answer_lines, sizeof(ue->plan.answer_lines), "Contact: <%.*s>\r\n",
		 uri.len > 200 ? 0 : (int)uri.len, uri.at);
}

static void take_up_service(struct server *server)
{
	struct ue *ue = server->ue;

	ue->service = &plain_service;
	ue->service_self = server;
	switch (server->options.kind) {
	case SERVER_PROXY:
		ue->service = &proxy_service;
		server->proxy = proxy_open();
		break;
	case SERVER_B2BUA:
		ue->service = &b2bua_service;
		server->b2bua = b2bua_open();
		break;
	case SERVER_REDIRECT: redirect_to(ue, text_of(server->uri)); break;
	case SERVER_SILENT: ue->service = &silent_service; break;
	case SERVER_ANSWERER: break;
	}
}

struct server *server_open(struct world *world, const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	char own[UE_URI];

	assert(server && options->n_forks <= SERVER_FORKS);
	snprintf(own, sizeof(own), "sip:%s@as.example", options->name);
	server->options = *options;
	snprintf(server->uri, sizeof(server->uri), "%s", options->uri ? options->uri : "");
	server->ue = ue_open(world, &(struct ue_options){.name = options->name,
							 .address = options->address,
							 .address_of_record = own});
	take_up_service(server);
	return server;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	proxy_close(server->proxy);
	b2bua_close(server->b2bua);
	ue_close(server->ue);
	free(server);
}

bool server_is(const struct ue *ue)
{
	return ue->service != NULL;
}

void server_look_back(struct ue *ue)
{
	if (ue->service && ue->service->looks_back)
		ue->service->looks_back(ue->service_self);
}
