#include "daemon/config_value.h"

#include "roles/sccas/users.h"
#include "sip/uri.h"

#include <unistd.h>

static void *place_of(struct config *config, const struct config_row *row)
{
	return (char *)config + row->offset;
}

/* ------------------------------------------------------------------ plain values */

static bool is_in_range(const struct config_row *row, uint64_t n)
{
	return n >= row->min && n <= row->max;
}

static bool read_octal(struct text t, uint32_t *ret)
{
	uint32_t n = 0;

	if (t.len == 0 || t.len > 6)
		return false;
	for (uint32_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '7')
			return false;
		n = n * 8 + (uint32_t)(t.at[i] - '0');
	}
	*ret = n;
	return true;
}

bool config_value_duration(struct text value, uint32_t plain_ms, uint64_t *ret_ms)
{
	static const struct {
		struct text unit;
		uint32_t ms;
	} units[] = {{{"ms", 2}, 1}, {{"s", 1}, 1000}, {{"m", 1}, 60000}, {{"h", 1}, 3600000}};
	uint32_t n, digits = 0, ms = 0;
	struct text unit;

	while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
		digits++;
	unit = text_from(value, digits);
	if (unit.len == 0)
		ms = plain_ms;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text_equal(unit, units[i].unit))
			ms = units[i].ms;
	value.len = digits;
	if (ms == 0 || !text_to_u32(value, UINT32_MAX, &n))
		return false;
	*ret_ms = (uint64_t)n * ms;
	return true;
}

static bool read_level(struct text value, uint16_t *ret)
{
	static const char *const names[] = {
		[NODE_LOG_ERROR] = "error",   [NODE_LOG_WARNING] = "warning",
		[NODE_LOG_NOTICE] = "notice", [NODE_LOG_INFO] = "info",
		[NODE_LOG_DEBUG] = "debug",
	};

	for (uint16_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_equal(value, text_of(names[i]))) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool read_workers(const struct config_row *row, struct text value, uint32_t *ret)
{
	uint32_t n;

	if (text_equal(value, TEXT("cores"))) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);

		*ret = cores < 1                    ? 1
		       : cores > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX
						    : (uint32_t)cores;
		return true;
	}
	if (!text_to_u32(value, UINT32_MAX, &n) || !is_in_range(row, n))
		return false;
	*ret = n;
	return true;
}

static bool read_bool(struct text value, bool *ret)
{
	bool is_true =
		text_equal_nocase(value, TEXT("true")) || text_equal_nocase(value, TEXT("yes"));

	if (!is_true && !text_equal_nocase(value, TEXT("false")) &&
	    !text_equal_nocase(value, TEXT("no")))
		return false;
	*ret = is_true;
	return true;
}

/* The places of numbers have two widths. */
static void set_number(struct config *config, const struct config_row *row, uint32_t n)
{
	void *place = place_of(config, row);

	if (place == &config->settings.release_status)
		*(uint16_t *)place = (uint16_t)n;
	else
		*(uint32_t *)place = n;
}

static bool set_text(struct config *config, const struct config_row *row, struct text value)
{
	struct text kept = config_keep(config, value);

	if (!kept.at || text_find(value, 0) < value.len)
		return false;
	*(struct text *)place_of(config, row) = kept;
	return true;
}

static bool is_uri(struct text value)
{
	struct sip_uri uri;

	return sip_uri_parse(value, &uri) && uri.scheme != SIP_URI_OTHER;
}

static bool set_duration(struct config *config, const struct config_row *row, struct text value)
{
	uint32_t unit_ms = row->type == CONFIG_SECONDS ? 1000 : 1;
	uint64_t ms;

	if (!config_value_duration(value, unit_ms, &ms) || ms % unit_ms ||
	    ms > UINT32_MAX * 1000ull)
		return false;
	if (row->type == CONFIG_TIMER)
		return ms <= UINT32_MAX &&
		       timer_values_set(&config->settings.timers,
					(enum transaction_timer_name)row->offset, (uint32_t)ms);
	if (!is_in_range(row, ms / unit_ms))
		return false;
	*(uint32_t *)place_of(config, row) = (uint32_t)(ms / unit_ms);
	return true;
}

bool config_value_scalar(struct config *config, const struct config_row *row, struct text value)
{
	uint32_t n;

	switch (row->type) {
	case CONFIG_NUMBER:
		if (!text_to_u32(value, UINT32_MAX, &n) || !is_in_range(row, n))
			return false;
		set_number(config, row, n);
		return true;
	case CONFIG_EITHER:
		if (!text_to_u32(value, UINT32_MAX, &n) || (n != row->min && n != row->max))
			return false;
		set_number(config, row, n);
		return true;
	case CONFIG_BOOL: return read_bool(value, place_of(config, row));
	case CONFIG_URI: return (value.len == 0 || is_uri(value)) && set_text(config, row, value);
	case CONFIG_MODE:
		if (!read_octal(value, &n) || !is_in_range(row, n))
			return false;
		set_number(config, row, n);
		return true;
	case CONFIG_WORKERS: return read_workers(row, value, place_of(config, row));
	case CONFIG_MS:
	case CONFIG_TIMER:
	case CONFIG_SECONDS: return set_duration(config, row, value);
	case CONFIG_LEVEL: return read_level(value, place_of(config, row));
	case CONFIG_FILE:
	case CONFIG_FOLDER: return set_text(config, row, value);
	case CONFIG_LISTEN:
	case CONFIG_NAMES:
	case CONFIG_DOMAINS:
	case CONFIG_PREFIXES:
	case CONFIG_ROUTES:
	case CONFIG_GLOBAL_NUMBERS:
	case CONFIG_URIS:
	case CONFIG_DIGEST: break;
	}
	return false;
}

/* ------------------------------------------------------------------ addresses and names */

bool config_value_endpoint(struct text value, struct endpoint *ret)
{
	struct endpoint e = {0};
	uint32_t colon = text_find(value, ':'), port;
	struct text transport = {value.at, colon};
	struct text host = text_from(value, colon + 1);
	uint32_t last;

	if (text_equal_nocase(transport, TEXT("udp")))
		e.transport = TRANSPORT_UDP;
	else if (text_equal_nocase(transport, TEXT("tcp")))
		e.transport = TRANSPORT_TCP;
	else
		return false;
	for (last = host.len; last > 0 && host.at[last - 1] != ':'; last--)
		;
	if (last == 0 || !text_to_u32(text_from(host, last), 65535, &port) || port == 0)
		return false;
	host.len = last - 1;
	if (!endpoint_parse_ip(host, &e) || (e.family == 6 && host.at[0] != '['))
		return false;
	e.port = (uint16_t)port;
	*ret = e;
	return true;
}

/* It stands in our Via: 0.0.0.0 and groups are nobody's address. */
static bool is_one_host(const struct endpoint *e)
{
	static const uint8_t any[16];

	if (e->family == 4)
		return memcmp(e->ip, any, 4) != 0 && e->ip[0] < 224;
	return memcmp(e->ip, any, 16) != 0 && e->ip[0] != 0xff;
}

static bool is_name(struct text t)
{
	struct endpoint ignored;

	if (t.len == 0 || t.len > 255)
		return false;
	if (endpoint_parse_ip(t, &ignored))
		return true;
	for (uint32_t i = 0; i < t.len; i++) {
		char c = (char)text_lower(t.at[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
			return false;
	}
	return t.at[0] != '-' && t.at[0] != '.';
}

bool config_value_is_domain(struct text value)
{
	return text_equal(value, TEXT("*")) || is_name(value);
}

bool config_value_is_no_host(struct text value)
{
	struct endpoint e;

	return config_value_endpoint(value, &e) && !is_one_host(&e);
}

static bool bits_behind_are_zero(const struct node_prefix *p, unsigned bits_max)
{
	for (unsigned i = p->bits; i < bits_max; i++)
		if (p->address.ip[i / 8] & (0x80u >> (i % 8)))
			return false;
	return true;
}

static bool read_prefix(struct text value, struct node_prefix *ret)
{
	uint32_t slash = text_find(value, '/'), bits;
	struct node_prefix p = {0};
	unsigned bits_max;

	if (!endpoint_parse_ip((struct text){value.at, slash}, &p.address))
		return false;
	bits_max = p.address.family == 4 ? 32 : 128;
	bits = bits_max;
	if (slash < value.len && !text_to_u32(text_from(value, slash + 1), bits_max, &bits))
		return false;
	p.bits = (uint8_t)bits;
	if (!bits_behind_are_zero(&p, bits_max))
		return false;
	*ret = p;
	return true;
}

/* ------------------------------------------------------------------ lists */

static bool add_name(struct config *config, struct text *list, uint8_t *n, struct text value)
{
	if (!is_name(value))
		return false;
	list[*n] = config_keep(config, value);
	if (!list[*n].at)
		return false;
	(*n)++;
	return true;
}

static bool read_algorithm(struct text value, enum digest_algorithm *ret)
{
	if (text_equal_nocase(value, TEXT("sha-256")))
		*ret = DIGEST_SHA256;
	else if (text_equal_nocase(value, TEXT("md5")))
		*ret = DIGEST_MD5;
	else
		return false;
	return true;
}

static bool add_algorithm(struct authentication_settings *s, struct text value)
{
	if (!read_algorithm(value, &s->algorithms[s->n_algorithms]))
		return false;
	s->n_algorithms++;
	return true;
}

static bool add_endpoint(struct config_listen *listen, struct text value)
{
	struct endpoint e;

	if (!config_value_endpoint(value, &e) || !is_one_host(&e))
		return false;
	listen->at[listen->n++] = e;
	return true;
}

/* As "+" and digits, however it is written. */
static bool add_global_number(struct config *config, struct text value)
{
	struct sccas_settings *s = &config->settings.sccas;
	char bytes[32];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text kept;

	if (!sccas_number_of(value, &w) || w.full)
		return false;
	kept = config_keep(config, text_written(&w));
	if (!kept.at)
		return false;
	s->stn_sr[s->n_stn_sr++] = kept;
	return true;
}

static bool add_uri(struct config *config, struct text value)
{
	struct sccas_settings *s = &config->settings.sccas;
	struct text kept = is_uri(value) ? config_keep(config, value) : (struct text){0};

	if (!kept.at)
		return false;
	s->atu_sti[s->n_atu_sti++] = kept;
	return true;
}

bool config_value_item(struct config *config, const struct config_row *row, struct text value)
{
	struct node_settings *s = &config->settings;

	switch ((int)row->type) {
	case CONFIG_LISTEN: return add_endpoint(place_of(config, row), value);
	case CONFIG_GLOBAL_NUMBERS: return add_global_number(config, value);
	case CONFIG_URIS: return add_uri(config, value);
	case CONFIG_NAMES: return add_name(config, s->names, &s->n_names, value);
	case CONFIG_DOMAINS: return add_name(config, s->domains, &s->n_domains, value);
	case CONFIG_PREFIXES:
		if (!read_prefix(value, &s->trusted[s->n_trusted]))
			return false;
		s->n_trusted++;
		return true;
	case CONFIG_DIGEST: return add_algorithm(&s->authentication, value);
	}
	return false;
}

static const struct config_listen *listen_of(const struct config *config,
					     const struct config_row *row)
{
	return (const void *)((const char *)config + row->offset);
}

static bool is_listened_on(const struct config_listen *listen, struct text value)
{
	struct endpoint e;

	if (!config_value_endpoint(value, &e))
		return false;
	for (unsigned i = 0; i < listen->n; i++)
		if (endpoint_equal(&listen->at[i], &e))
			return true;
	return false;
}

static bool is_known_global_number(const struct sccas_settings *s, struct text value)
{
	char bytes[32];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	if (!sccas_number_of(value, &w))
		return false;
	for (unsigned i = 0; i < s->n_stn_sr; i++)
		if (text_equal(s->stn_sr[i], text_written(&w)))
			return true;
	return false;
}

static bool is_known_uri(const struct sccas_settings *s, struct text value)
{
	struct sip_uri known, uri;

	if (!sip_uri_parse(value, &uri))
		return false;
	for (unsigned i = 0; i < s->n_atu_sti; i++)
		if (sip_uri_parse(s->atu_sti[i], &known) && sip_uri_equal(&known, &uri))
			return true;
	return false;
}

bool config_value_is_of_other_role(const struct config *config, const struct config_row *row,
				   struct text value)
{
	const struct config_listen *other = &config->listen;
	struct endpoint e;

	if (row->type != CONFIG_LISTEN || !config_value_endpoint(value, &e))
		return false;
	if (other == listen_of(config, row))
		other = &config->listen_sccas;
	for (unsigned i = 0; i < other->n; i++)
		if (endpoint_same_address(&other->at[i], &e) && other->at[i].port == e.port)
			return true;
	return false;
}

bool config_value_is_twice(const struct config *config, const struct config_row *row,
			   struct text value)
{
	const struct node_settings *s = &config->settings;
	enum digest_algorithm algorithm;

	if (row->type == CONFIG_DIGEST && read_algorithm(value, &algorithm))
		for (unsigned i = 0; i < s->authentication.n_algorithms; i++)
			if (s->authentication.algorithms[i] == algorithm)
				return true;
	if (row->type == CONFIG_LISTEN)
		return is_listened_on(listen_of(config, row), value);
	if (row->type == CONFIG_GLOBAL_NUMBERS)
		return is_known_global_number(&s->sccas, value);
	if (row->type == CONFIG_URIS)
		return is_known_uri(&s->sccas, value);
	if (row->type == CONFIG_NAMES)
		for (unsigned i = 0; i < s->n_names; i++)
			if (text_equal_nocase(s->names[i], value))
				return true;
	if (row->type == CONFIG_DOMAINS)
		for (unsigned i = 0; i < s->n_domains; i++)
			if (text_equal_nocase(s->domains[i], value))
				return true;
	return false;
}

bool config_value_route(struct config *config, struct text domain, struct text next_hop)
{
	struct node_settings *s = &config->settings;
	struct node_route route;

	if (!config_value_is_domain(domain))
		return false;
	if (!config_value_endpoint(next_hop, &route.next_hop) || !is_one_host(&route.next_hop))
		return false;
	route.domain = config_keep(config, domain);
	if (!route.domain.at)
		return false;
	s->routes[s->n_routes++] = route;
	return true;
}

void config_value_clear_list(struct config *config, const struct config_row *row)
{
	struct node_settings *s = &config->settings;

	switch ((int)row->type) {
	case CONFIG_LISTEN: ((struct config_listen *)place_of(config, row))->n = 0; break;
	case CONFIG_GLOBAL_NUMBERS: s->sccas.n_stn_sr = 0; break;
	case CONFIG_URIS: s->sccas.n_atu_sti = 0; break;
	case CONFIG_NAMES: s->n_names = 0; break;
	case CONFIG_DOMAINS: s->n_domains = 0; break;
	case CONFIG_PREFIXES: s->n_trusted = 0; break;
	case CONFIG_ROUTES: s->n_routes = 0; break;
	case CONFIG_DIGEST: s->authentication.n_algorithms = 0; break;
	}
}
