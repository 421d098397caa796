/* What a configuration may say and its writer can hardly mean: `adieud -c` warns of it. */
#include "daemon/check.h"

#include "roles/sccas/users.h"
#include "roles/scscf/bindings.h"
#include "roles/scscf/subscribers.h"
#include "sip/uri.h"

#include <stdarg.h>

enum { WARNINGS_PER_KIND = 10 };

struct check {
	const struct config *config;
	const char *file_name;
	FILE *out;
	unsigned of_kind, all;
};

__attribute__((format(printf, 2, 3))) static void warn(struct check *c, const char *format, ...)
{
	va_list args;

	c->all++;
	if (c->of_kind++ >= WARNINGS_PER_KIND)
		return;
	fprintf(c->out, "%s: warning: ", c->file_name);
	va_start(args, format);
	vfprintf(c->out, format, args);
	va_end(args);
	fputc('\n', c->out);
}

static void end_of_kind(struct check *c)
{
	if (c->of_kind > WARNINGS_PER_KIND)
		fprintf(c->out, "%s: warning: and %u more of this kind\n", c->file_name,
			c->of_kind - WARNINGS_PER_KIND);
	c->of_kind = 0;
}

static bool is_home(const struct node_settings *s, struct text host)
{
	for (unsigned i = 0; i < s->n_domains; i++)
		if (text_equal_nocase(s->domains[i], host))
			return true;
	return false;
}

/* An address, a name of ours, or a route. */
static bool has_way(const struct node_settings *s, struct text host)
{
	struct endpoint ignored;

	if (endpoint_parse_ip(host, &ignored))
		return true;
	for (unsigned i = 0; i < s->n_names; i++)
		if (text_equal_nocase(s->names[i], host))
			return true;
	for (unsigned i = 0; i < s->n_routes; i++)
		if (text_equal(s->routes[i].domain, TEXT("*")) ||
		    text_equal_nocase(s->routes[i].domain, host))
			return true;
	return false;
}

/* ------------------------------------------------------------------ subscribers */

static void check_domains(struct check *c)
{
	const struct public_identity *identity;
	struct sip_uri uri;
	uint32_t at = 0;

	while ((identity = subscribers_next(c->config->subscribers, &at)))
		if (sip_uri_parse(identity->user, &uri) && uri.scheme != SIP_URI_TEL &&
		    !is_home(&c->config->settings, uri.host))
			warn(c,
			     "scscf.subscribers: %.*s is outside of scscf.domains and is not "
			     "served",
			     TEXT_ARGS(identity->user));
	end_of_kind(c);
}

static bool is_first_user_of(const struct public_identity *identity)
{
	return identity == &identity->subscriber->identities[0];
}

static void check_server(struct check *c, const struct public_identity *identity,
			 const struct application_server *server)
{
	struct sip_uri uri;

	if (!sip_uri_parse(server->uri, &uri) || !has_way(&c->config->settings, uri.host))
		warn(c, "%.*s: no route to its application server %.*s; expected one in routes",
		     TEXT_ARGS(identity->user), TEXT_ARGS(server->uri));
}

static void check_servers(struct check *c)
{
	const struct public_identity *identity;
	uint32_t at = 0;

	while ((identity = subscribers_next(c->config->subscribers, &at)))
		for (unsigned i = 0;
		     is_first_user_of(identity) && identity->profile && i < identity->profile->n;
		     i++)
			check_server(c, identity, &identity->profile->criteria[i].server);
	end_of_kind(c);
}

static void check_bindings(struct check *c, const struct bindings_of_file *bindings)
{
	struct binding_line line;
	struct text bytes;
	size_t at = 0;

	while (c->config->subscribers && (bytes = bindings_next(bindings, &at)).len)
		if (binding_line_next(&bytes, &line) &&
		    !subscribers_find(c->config->subscribers, line.user))
			warn(c, "scscf.bindings: %.*s is no subscriber", TEXT_ARGS(line.user));
	end_of_kind(c);
}

/* ------------------------------------------------------------------ the SCC AS */

/* With subscribers here as well, calls reach the SCC AS by their filter criteria. */
static void check_sccas_users(struct check *c)
{
	const struct sccas_user *user;
	uint32_t at = 0;

	while (c->config->subscribers && (user = sccas_users_next(c->config->sccas_users, &at))) {
		bool is_known = false;

		for (unsigned i = 0; i < user->n_identities; i++)
			is_known |= subscribers_find(c->config->subscribers, user->identities[i]) !=
				    NULL;
		if (!is_known)
			warn(c, "sccas.users: %.*s with %.*s is no subscriber",
			     TEXT_ARGS(user->c_msisdn), TEXT_ARGS(user->private_identity));
	}
	end_of_kind(c);
}

static void check_sccas(struct check *c)
{
	const struct sccas_settings *s = &c->config->settings.sccas;
	bool listens = c->config->listen_sccas.n > 0;
	bool has_users = sccas_users_count(c->config->sccas_users) > 0;
	bool has_numbers = s->n_stn_sr + s->n_atu_sti > 0;

	if (listens && !has_users)
		warn(c, "sccas.listen without users in sccas.users: no session can be transferred");
	if (listens && !has_numbers)
		warn(c, "sccas.listen without sccas.stn_sr and sccas.atu_sti: nobody can ask for a "
			"transfer");
	if (!listens && has_users)
		warn(c, "sccas.users without sccas.listen: there is no SCC AS");
	if (!listens && has_numbers)
		warn(c, "sccas.stn_sr or sccas.atu_sti without sccas.listen: there is no SCC AS");
	end_of_kind(c);
}

unsigned check_configuration(const struct config *config, const struct bindings_of_file *bindings,
			     const char *file_name, FILE *out)
{
	struct check c = {.config = config, .file_name = file_name, .out = out};

	check_domains(&c);
	check_servers(&c);
	check_bindings(&c, bindings);
	check_sccas_users(&c);
	check_sccas(&c);
	return c.all;
}
