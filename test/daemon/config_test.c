/* The configuration: each kind of error with its line, defaults, and that file, table and manual page say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/bindings_file.h"
#include "daemon/config.h"
#include "daemon/config_value.h"
#include "daemon/daemon.h"
#include "daemon/reload.h"
#include "roles/sccas/users.h"

#include <stdio.h>
#include <stdlib.h>

#define LISTEN "listen: [\"udp:127.0.0.1:5060\"]\n"

static char *read_source_file(const char *name, size_t *ret_len)
{
	char path[512];
	FILE *file;
	char *bytes = calloc(1, 1 << 20);

	snprintf(path, sizeof(path), "%s/%s", SOURCE_FOLDER, name);
	file = fopen(path, "r");
	assert_non_null(file);
	*ret_len = fread(bytes, 1, (1 << 20) - 1, file);
	fclose(file);
	return bytes;
}

/* ------------------------------------------------------------------ errors */

struct bad {
	const char *yaml;
	unsigned line;
	const char *said[2]; /* both stand in the message: what is wrong, what was expected */
};

static const struct bad bad_files[] = {
	{LISTEN "colour: red\n", 2, {"unknown key \"colour\"", "workers, listen"}},
	{LISTEN "timers:\n  t1: 500ms\n  t9: 4s\n", 4, {"unknown key \"timers.t9\"", "t1, t2, t4"}},
	{LISTEN "workers: many\n", 2, {"workers: \"many\"", "\"cores\" or a number from 1 to 64"}},
	{LISTEN "workers: 65\n", 2, {"workers: \"65\"", "from 1 to 64"}},
	{LISTEN "workers: [1]\n", 2, {"workers: this is a list", "number"}},
	{LISTEN "workers: {a: 1}\n", 2, {"workers: this is a mapping", "number"}},
	{LISTEN "scscf:\n  subscribers: [a]\n",
	 3,
	 {"scscf.subscribers: this is a list", "path of a folder"}},
	{LISTEN "workers: 1\nworkers: 2\n", 3, {"workers is given twice", "first in line 2"}},
	{LISTEN "timers: {t1: 1s}\nlog: info\ntimers: {t2: 5s}\n",
	 4,
	 {"timers is given twice", ""}},
	{LISTEN "timers:\n  t1: 1s\n  t1: 2s\n", 4, {"timers.t1 is given twice", ""}},
	{LISTEN "timers: 4\n", 2, {"timers: this is not a mapping", "keys of its own"}},
	{LISTEN "timers:\n  t1: 5\n", 3, {"timers.t1: \"5\"", "10ms to 60s"}},
	{LISTEN "timers:\n  t1: 4 parsecs\n", 3, {"timers.t1: \"4 parsecs\"", "500ms"}},
	{LISTEN "timers:\n  timer_c: 180s\n", 3, {"timers.timer_c: \"180s\"", "180001ms"}},
	{LISTEN "timers:\n  t1: 5s\n", 0, {"timers.t2 is below timers.t1", "at least 5000ms"}},
	{LISTEN "registration:\n  min: 10m\n  max: 60s\n", 3, {"registration.min is above", "60s"}},
	{LISTEN "registration:\n  default: 1500ms\n", 3, {"registration.default", "whole seconds"}},
	{LISTEN "registration:\n  default: 30000000s\n",
	 3,
	 {"registration.default is outside", "600000s"}},
	{LISTEN "registration:\n  digest: []\n",
	 3,
	 {"registration.digest: this is too short", "sha-256 or md5, 1 to 2 entries"}},
	{LISTEN "registration:\n  digest: md5\n",
	 3,
	 {"registration.digest: this is not a list", ""}},
	{LISTEN "registration:\n  digest: [md5, sha-1]\n",
	 3,
	 {"registration.digest: \"sha-1\"", "sha-256 or md5"}},
	{LISTEN "registration:\n  digest:\n    - md5\n    - MD5\n",
	 5,
	 {"registration.digest: MD5 is given twice", ""}},
	{LISTEN "registration:\n  digest: [md5, md5, md5]\n",
	 3,
	 {"registration.digest: this is too long", ""}},
	{LISTEN "registration:\n  nonce_lifetime: 0\n",
	 3,
	 {"registration.nonce_lifetime: \"0\"", "1s to 86400s"}},
	{LISTEN "registration:\n  nonce_lifetime: 1500ms\n",
	 3,
	 {"registration.nonce_lifetime: \"1500ms\"", "whole seconds"}},
	{LISTEN "registration:\n  challenge_wait: 2h\n",
	 3,
	 {"registration.challenge_wait: \"2h\"", "1s to 3600s"}},
	{LISTEN "registration:\n  failures_per_minute: many\n",
	 3,
	 {"registration.failures_per_minute: \"many\"", "0 to 1000000"}},
	{LISTEN "limits:\n  nonces: 0\n", 3, {"limits.nonces: \"0\"", "1 to 4000000"}},
	{LISTEN "limits:\n  subscriptions: 4000001\n",
	 3,
	 {"limits.subscriptions: \"4000001\"", "1 to 4000000"}},
	{"listen:\n  - udp:127.0.0.1:5060\n  - udp:127.0.0.1\n",
	 3,
	 {"udp:127.0.0.1\"", "udp:127.0.0.1:5060"}},
	{"listen:\n  - sctp:127.0.0.1:5060\n", 2, {"sctp:127.0.0.1:5060", "tcp:[::1]:5060"}},
	{"listen:\n  - udp:0.0.0.0:5060\n", 2, {"udp:0.0.0.0:5060", "no address of one host"}},
	{"listen:\n  - udp:[::]:5060\n", 2, {"udp:[::]:5060", ""}},
	{"listen:\n  - udp:::1:5060\n", 2, {"udp:::1:5060", ""}},
	{"listen:\n  - udp:127.0.0.1:0\n", 2, {"udp:127.0.0.1:0", ""}},
	{"listen:\n  - udp:127.0.0.1:65536\n", 2, {"udp:127.0.0.1:65536", ""}},
	{"listen:\n  - udp:127.0.0.1:5060\n  - UDP:127.0.0.1:5060\n", 3, {"is given twice", ""}},
	{"listen: []\n", 1, {"listen: this is too short", "1 to 16 entries"}},
	{"listen: udp:127.0.0.1:5060\n", 1, {"listen: this is not a list", ""}},
	{"listen:\n  - [a]\n", 2, {"not a list of plain values", ""}},
	{"log: info\n", 0, {"listen is missing", "udp:127.0.0.1:5060, here or in sccas.listen"}},
	{"sccas:\n  listen: []\n", 0, {"listen is missing", "sccas.listen"}},
	{"listen: []\nsccas:\n  listen: [udp:127.0.0.1:5070]\n",
	 1,
	 {"listen: this is too short", ""}},
	{LISTEN "sccas:\n  listen:\n    - udp:127.0.0.1:5060\n",
	 4,
	 {"sccas.listen: udp:127.0.0.1:5060 is the other role's", "do not share"}},
	{LISTEN "sccas:\n  listen:\n    - tcp:127.0.0.1:5060\n",
	 4,
	 {"sccas.listen: tcp:127.0.0.1:5060 is the other role's", "address and port"}},
	{"sccas:\n  listen: [udp:127.0.0.1:5060]\nlisten:\n  - tcp:127.0.0.1:5060\n",
	 4,
	 {"listen: tcp:127.0.0.1:5060 is the other role's", ""}},
	{LISTEN "sccas:\n  listen:\n    - udp:127.0.0.1:5070\n    - udp:127.0.0.1:5070\n",
	 5,
	 {"sccas.listen: udp:127.0.0.1:5070 is given twice", ""}},
	{LISTEN "sccas:\n  listen:\n    - udp:0.0.0.0:5070\n",
	 4,
	 {"sccas.listen: \"udp:0.0.0.0:5070\"", "no address of one host"}},
	{LISTEN "sccas:\n  colour: red\n", 3, {"unknown key \"sccas.colour\"", "listen, users"}},
	{LISTEN "sccas:\n  users: [a]\n", 3, {"sccas.users: this is a list", "path of a file"}},
	{LISTEN "sccas:\n  stn_sr: \"+4916000001\"\n", 3, {"sccas.stn_sr: this is not a list", ""}},
	{LISTEN "sccas:\n  stn_sr:\n    - \"+49\"\n",
	 4,
	 {"sccas.stn_sr: \"+49\"", "telephone numbers such as \"+4916000001\""}},
	{LISTEN "sccas:\n  stn_sr: [16000001]\n", 3, {"sccas.stn_sr: \"16000001\"", "tel:+49"}},
	{LISTEN "sccas:\n  stn_sr:\n    - \"+4916000001\"\n    - tel:+49-1600-0001\n",
	 5,
	 {"sccas.stn_sr: tel:+49-1600-0001 is given twice", ""}},
	{LISTEN "sccas:\n  atu_sti: [sccas.ims.example]\n",
	 3,
	 {"sccas.atu_sti: \"sccas.ims.example\"", "URIs such as sip:"}},
	{LISTEN "sccas:\n  atu_sti:\n    - sip:sti@a.example\n    - sip:sti@A.example\n",
	 5,
	 {"sccas.atu_sti: sip:sti@A.example is given twice", ""}},
	{LISTEN "sccas:\n  additional_session: sccas\n",
	 3,
	 {"sccas.additional_session: \"sccas\"", "or nothing"}},
	{LISTEN "sccas:\n  bye_hold: 61s\n", 3, {"sccas.bye_hold: \"61s\"", "from 0s to 60s"}},
	{LISTEN "sccas:\n  source_release_delay: soon\n",
	 3,
	 {"sccas.source_release_delay: \"soon\"", "from 0s to 60s"}},
	{LISTEN "sccas:\n  unknown_user_status: 403\n",
	 3,
	 {"sccas.unknown_user_status: \"403\"", "expected 404 or 480"}},
	{LISTEN "sccas:\n  unknown_user_status: 405\n", 3, {"sccas.unknown_user_status", ""}},
	{LISTEN "sccas:\n  hold_early: maybe\n",
	 3,
	 {"sccas.hold_early: \"maybe\"", "one of true, false, yes, no"}},
	{LISTEN "sccas:\n  mid_call: 1\n", 3, {"sccas.mid_call: \"1\"", "true, false"}},
	{LISTEN "sccas:\n  alerting: [true]\n", 3, {"sccas.alerting: this is a list", "yes, no"}},
	{LISTEN "names:\n  - a_b\n", 3, {"names: \"a_b\"", "host names"}},
	{LISTEN "scscf:\n  domains:\n    - ims.example\n    - IMS.example\n",
	 5,
	 {"IMS.example is given twice", ""}},
	{LISTEN "trusted:\n  - 127.0.0.0/33\n", 3, {"127.0.0.0/33", "127.0.0.0/8"}},
	{LISTEN "trusted:\n  - 127.0.0.1/8\n", 3, {"127.0.0.1/8", "address blocks"}},
	{LISTEN "trusted:\n  - everybody\n", 3, {"everybody", "address blocks"}},
	{LISTEN "routes:\n  - {domain: example.org}\n", 3, {"next_hop is missing", "next_hop"}},
	{LISTEN "routes:\n  - {domain: a.example, next_hop: \"udp:127.0.0.1:5070\", via: x}\n",
	 3,
	 {"unknown key \"via\"", "domain or next_hop"}},
	{LISTEN "routes:\n  - {domain: a.example, domain: b.example}\n",
	 3,
	 {"\"domain\" is given twice", ""}},
	{LISTEN "routes:\n  - example.org\n", 3, {"not a mapping", ""}},
	{LISTEN "log: loud\n", 2, {"log: \"loud\"", "error, warning, notice, info, debug"}},
	{LISTEN "control:\n  mode: 0888\n", 3, {"control.mode", "octal"}},
	{LISTEN "release:\n  status: 200\n", 3, {"release.status", "300 to 699"}},
	{LISTEN "limits:\n  sessions: -1\n", 3, {"limits.sessions", "from 1"}},
	{LISTEN "limits:\n  sessions: 99999999999\n", 3, {"limits.sessions", "from 1"}},
	{LISTEN "scscf:\n  bindings: [a, b]\n", 3, {"scscf.bindings: this is a list", "path"}},
	{LISTEN "log: \"info\n", 3, {"not YAML", ""}},
	{LISTEN "log: info\n---\nlog: debug\n", 4, {"second document", ""}},
	{"- a\n- b\n", 1, {"not a configuration", "keys"}},
	{"", 0, {"not a configuration", "keys"}},
};

static void test_each_error_has_its_line_and_says_what_was_expected(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		const struct bad *bad = &bad_files[i];
		struct config_problems problems;
		struct config *config = config_read(text_of(bad->yaml), &problems);

		if (config || problems.n == 0)
			fail_msg("accepted:\n%s", bad->yaml);
		if (problems.kept[0].line != bad->line ||
		    !strstr(problems.kept[0].text, bad->said[0]) ||
		    !strstr(problems.kept[0].text, bad->said[1]))
			fail_msg("for\n%s\nit said %u: %s\nexpected %u: %s ... %s", bad->yaml,
				 problems.kept[0].line, problems.kept[0].text, bad->line,
				 bad->said[0], bad->said[1]);
	}
}

static void test_all_errors_of_a_file_are_told(void **state)
{
	struct config_problems problems;

	(void)state;
	assert_null(config_read(text_of(LISTEN "workers: 0\ncolour: red\ntimers:\n  t1: x\n"),
				&problems));
	assert_int_equal(problems.n, 3);
	assert_int_equal(problems.kept[0].line, 2);
	assert_int_equal(problems.kept[1].line, 3);
	assert_int_equal(problems.kept[2].line, 5);
}

static void test_more_errors_than_are_kept_are_counted(void **state)
{
	char yaml[8192] = LISTEN;
	struct config_problems problems;
	char *printed = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&printed, &len);

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "unknown%d: 1\n", i);
	assert_null(config_read(text_of(yaml), &problems));
	assert_int_equal(problems.n, 100);
	config_problems_print(&problems, "a.yaml", out);
	fclose(out);
	assert_non_null(strstr(printed, "a.yaml:2: unknown key \"unknown0\""));
	assert_non_null(strstr(printed, "a.yaml: and 68 more"));
	free(printed);
}

static void test_a_file_that_cannot_be_read(void **state)
{
	struct config_problems problems;

	(void)state;
	assert_null(config_read_file("/nowhere/adieu.yaml", &problems));
	assert_int_equal(problems.n, 1);
	assert_non_null(strstr(problems.kept[0].text, "cannot be read"));
}

/* ------------------------------------------------------------------ values */

static struct config *read_good(const char *yaml)
{
	struct config_problems problems;
	struct config *config = config_read(text_of(yaml), &problems);

	if (!config)
		fail_msg("%u: %s", problems.kept[0].line, problems.kept[0].text);
	return config;
}

static void test_values_come_to_their_places(void **state)
{
	struct config *c = read_good(
		"workers: 3\n"
		"listen:\n  - udp:127.0.0.1:5060\n  - tcp:[::1]:5061\n"
		"names: [proxy.ims.example, 127.0.0.9]\n"
		"trusted: [127.0.0.0/8, \"::1\"]\n"
		"routes:\n  - {domain: \"*\", next_hop: \"tcp:[::1]:5070\"}\n"
		"scscf:\n  domains: [ims.example]\n  bindings: /b\n"
		"timers: {t1: 100, t2: 2s}\n"
		"transport: {stream_above: 0, tcp_idle: 2m, tcp_connections_max: 7}\n"
		"registration: {default: 2h, min: 90, digest: [md5], nonce_lifetime: 5m,\n"
		"  challenge_wait: 20, failures_per_minute: 0}\n"
		"release: {sessions_per_second: 5, status: 503}\n"
		"limits: {sessions: 10, retry_after: 1m, nonces: 8, subscriptions: 9}\n"
		"log: debug\ncontrol: {socket: /s, mode: 0600}\ndrain: 1500ms\n");

	(void)state;
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->settings.n_listen, 2);
	assert_int_equal(c->settings.listen[1].transport, TRANSPORT_TCP);
	assert_int_equal(c->settings.listen[1].family, 6);
	assert_int_equal(c->settings.listen[1].port, 5061);
	assert_int_equal(c->settings.n_names, 2);
	assert_int_equal(c->settings.n_trusted, 2);
	assert_int_equal(c->settings.trusted[0].bits, 8);
	assert_int_equal(c->settings.trusted[1].bits, 128);
	assert_int_equal(c->settings.n_routes, 1);
	assert_true(text_equal(c->settings.routes[0].domain, TEXT("*")));
	assert_int_equal(c->settings.routes[0].next_hop.port, 5070);
	assert_true(text_equal(c->settings.domains[0], TEXT("ims.example")));
	assert_true(text_equal(c->bindings_file, TEXT("/b")));
	assert_int_equal(c->settings.timers.ms[TIMER_T1], 100);
	assert_int_equal(c->settings.timers.ms[TIMER_B], 6400);
	assert_int_equal(c->settings.stream_above_bytes, 0);
	assert_int_equal(c->tcp_idle_ms, 120000);
	assert_int_equal(c->tcp_connections_max, 7);
	assert_int_equal(c->settings.registration_default_s, 7200);
	assert_int_equal(c->settings.registration_min_s, 90);
	assert_int_equal(c->settings.authentication.n_algorithms, 1);
	assert_int_equal(c->settings.authentication.algorithms[0], DIGEST_MD5);
	assert_int_equal(c->settings.authentication.nonce_lifetime_s, 300);
	assert_int_equal(c->settings.authentication.challenge_wait_s, 20);
	assert_int_equal(c->settings.authentication.failures_per_minute, 0);
	assert_int_equal(c->settings.nonces_max, 8);
	assert_int_equal(c->settings.subscriptions_max, 9);
	assert_int_equal(c->settings.release_sessions_per_s, 5);
	assert_int_equal(c->settings.release_status, 503);
	assert_int_equal(c->settings.sessions_max, 10);
	assert_int_equal(c->settings.retry_after_s, 60);
	assert_int_equal(c->settings.log_level, NODE_LOG_DEBUG);
	assert_true(text_equal(c->control_socket, TEXT("/s")));
	assert_int_equal(c->control_mode, 0600);
	assert_int_equal(c->drain_ms, 1500);
	config_free(c);
}

/* @req SV-43 SV-22 */
static void test_sv_43_sv_22_values_of_the_sccas_come_to_their_places(void **state)
{
	struct config *c = read_good("sccas:\n"
				     "  listen: [\"udp:127.0.0.1:5070\", \"tcp:127.0.0.1:5070\"]\n"
				     "  users: /u\n"
				     "  stn_sr: [\"+4916000001\", \"tel:+49-1600-0002;x=y\"]\n"
				     "  atu_sti: [\"sip:sti@a.example\", \"tel:+49160\"]\n"
				     "  additional_session: sip:additional@a.example\n"
				     "  bye_hold: 0\n  source_release_delay: 2500ms\n"
				     "  unknown_user_status: 480\n  hold_only_if_eligible: no\n"
				     "  hold_early: Yes\n  alerting: false\n"
				     "  pre_alerting: false\n  mid_call: false\n" LISTEN);
	const struct sccas_settings *s = &c->settings.sccas;

	(void)state;
	assert_true(text_equal(c->sccas_users_file, TEXT("/u")));
	assert_int_equal(s->n_stn_sr, 2);
	assert_true(text_equal(s->stn_sr[0], TEXT("+4916000001")));
	assert_true(text_equal(s->stn_sr[1], TEXT("+4916000002")));
	assert_int_equal(s->n_atu_sti, 2);
	assert_true(text_equal(s->atu_sti[1], TEXT("tel:+49160")));
	assert_true(text_equal(s->additional_session, TEXT("sip:additional@a.example")));
	assert_int_equal(s->bye_hold_ms, 0);
	assert_int_equal(s->source_release_delay_ms, 2500);
	assert_int_equal(s->unknown_user_status, 480);
	assert_false(s->hold_only_if_eligible);
	assert_true(s->hold_early);
	assert_false(s->alerting || s->pre_alerting || s->mid_call);
	config_free(c);
}

static void test_listening_points_of_the_sccas_stand_behind_the_others(void **state)
{
	struct config *c = read_good("sccas: {listen: [\"udp:127.0.0.1:5070\"]}\n"
				     "listen: [\"udp:127.0.0.1:5060\", \"tcp:127.0.0.1:5060\"]\n");

	(void)state;
	assert_int_equal(c->settings.n_listen, 3);
	assert_int_equal(c->settings.listen[1].transport, TRANSPORT_TCP);
	assert_int_equal(c->settings.listen[2].port, 5070);
	assert_int_equal(c->settings.listen_sccas, 4);
	config_free(c);
	c = read_good(LISTEN);
	assert_int_equal(c->settings.listen_sccas, 0);
	config_free(c);
}

static void test_one_role_is_enough(void **state)
{
	struct config *c =
		read_good("sccas: {listen: [\"udp:127.0.0.1:5070\", \"tcp:127.0.0.1:5070\"]}\n");

	(void)state;
	assert_int_equal(c->settings.n_listen, 2);
	assert_int_equal(c->settings.listen[0].port, 5070);
	assert_int_equal(c->settings.listen_sccas, 3);
	config_free(c);
}

/* `n` ports of both roles, `n_sccas` of them of the SCC AS. */
static struct config *read_ports(unsigned n, unsigned n_sccas, struct config_problems *problems)
{
	char yaml[4096] = "listen:\n";

	for (unsigned i = 0; i < n; i++)
		snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml),
			 "%s  - udp:127.0.0.1:%u\n", i == n - n_sccas ? "sccas:\n  listen:\n" : "",
			 5060 + i);
	return config_read(text_of(yaml), problems);
}

static void test_both_roles_have_16_listening_points_together(void **state)
{
	struct config_problems problems;
	struct config *c = read_ports(NODE_LISTEN_MAX, 6, &problems);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->settings.n_listen, NODE_LISTEN_MAX);
	assert_int_equal(c->settings.listen_sccas, 0xfc00);
	config_free(c);
	assert_null(read_ports(NODE_LISTEN_MAX + 1, 6, &problems));
	assert_int_equal(problems.n, 1);
	assert_int_equal(problems.kept[0].line, 14);
	assert_non_null(strstr(problems.kept[0].text, "sccas.listen: too long"));
}

static void test_digest_algorithms_keep_their_order(void **state)
{
	struct config *c = read_good(LISTEN "registration: {digest: [MD5, sha-256]}\n");

	(void)state;
	assert_int_equal(c->settings.authentication.n_algorithms, 2);
	assert_int_equal(c->settings.authentication.algorithms[0], DIGEST_MD5);
	assert_int_equal(c->settings.authentication.algorithms[1], DIGEST_SHA256);
	config_free(c);
}

static void test_an_empty_section_means_its_defaults(void **state)
{
	struct config *c = read_good(LISTEN "timers:\nscscf:\n");

	(void)state;
	assert_int_equal(c->settings.timers.ms[TIMER_T1], 500);
	config_free(c);
}

static void test_a_relative_path_is_meant_from_the_folder_of_the_file(void **state)
{
	char path[] = "/tmp/adieu-config-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct config_problems problems;
	struct config *c;

	(void)state;
	fputs(LISTEN "scscf:\n  bindings: users/b\n  subscribers: users\nsccas: {users: su}\n",
	      file);
	fclose(file);
	c = config_read_file(path, &problems);
	remove(path);
	assert_non_null(c);
	assert_string_equal(c->bindings_file.at, "/tmp/users/b");
	assert_string_equal(c->subscribers_folder.at, "/tmp/users");
	assert_string_equal(c->sccas_users_file.at, "/tmp/su");
	config_free(c);
}

/* ------------------------------------------------------------------ table, file and manual page agree */

static bool same_authentication(const struct authentication_settings *a,
				const struct authentication_settings *b)
{
	return a->n_algorithms == b->n_algorithms &&
	       memcmp(a->algorithms, b->algorithms, sizeof(a->algorithms)) == 0 &&
	       a->nonce_lifetime_s == b->nonce_lifetime_s &&
	       a->challenge_wait_s == b->challenge_wait_s &&
	       a->failures_per_minute == b->failures_per_minute;
}

static bool same_sccas(const struct sccas_settings *a, const struct sccas_settings *b)
{
	return a->n_stn_sr == b->n_stn_sr && a->n_atu_sti == b->n_atu_sti &&
	       a->additional_session.len == b->additional_session.len &&
	       a->bye_hold_ms == b->bye_hold_ms &&
	       a->source_release_delay_ms == b->source_release_delay_ms &&
	       a->unknown_user_status == b->unknown_user_status &&
	       a->hold_only_if_eligible == b->hold_only_if_eligible &&
	       a->hold_early == b->hold_early && a->alerting == b->alerting &&
	       a->pre_alerting == b->pre_alerting && a->mid_call == b->mid_call;
}

static bool same_settings(const struct node_settings *a, const struct node_settings *b)
{
	return memcmp(&a->timers, &b->timers, sizeof(a->timers)) == 0 &&
	       a->stream_above_bytes == b->stream_above_bytes &&
	       a->registration_default_s == b->registration_default_s &&
	       a->registration_min_s == b->registration_min_s &&
	       a->registration_max_s == b->registration_max_s &&
	       a->release_sessions_per_s == b->release_sessions_per_s &&
	       a->release_status == b->release_status && a->log_level == b->log_level &&
	       a->retry_after_s == b->retry_after_s && a->sessions_max == b->sessions_max &&
	       a->transactions_max == b->transactions_max && a->bindings_max == b->bindings_max &&
	       a->ended_sessions_max == b->ended_sessions_max && a->nonces_max == b->nonces_max &&
	       a->subscriptions_max == b->subscriptions_max &&
	       a->server_wait_ms == b->server_wait_ms &&
	       same_authentication(&a->authentication, &b->authentication) &&
	       same_sccas(&a->sccas, &b->sccas);
}

static void test_the_table_has_the_defaults_of_the_node(void **state)
{
	struct config *c = read_good(LISTEN);
	struct node_settings defaults = node_settings_default();

	(void)state;
	assert_true(same_settings(&c->settings, &defaults));
	config_free(c);
}

static void test_the_shipped_file_has_the_defaults_of_the_table(void **state)
{
	size_t len;
	char *yaml = read_source_file("etc/adieu.yaml", &len);
	struct config *shipped = read_good(yaml), *defaults = read_good(LISTEN);

	(void)state;
	assert_true(same_settings(&shipped->settings, &defaults->settings));
	assert_int_equal(shipped->workers, defaults->workers);
	assert_int_equal(shipped->tcp_idle_ms, defaults->tcp_idle_ms);
	assert_int_equal(shipped->tcp_connections_max, defaults->tcp_connections_max);
	assert_int_equal(shipped->drain_ms, defaults->drain_ms);
	assert_int_equal(shipped->control_mode, defaults->control_mode);
	assert_int_equal(shipped->control_socket.len, 0);
	assert_int_equal(shipped->subscribers_folder.len, 0);
	assert_int_equal(shipped->settings.n_trusted, defaults->settings.n_trusted);
	assert_memory_equal(shipped->settings.trusted, defaults->settings.trusted,
			    sizeof(defaults->settings.trusted));
	assert_int_equal(shipped->sccas_users_file.len, 0);
	assert_int_equal(shipped->settings.n_listen, 4);
	assert_int_equal(shipped->settings.listen_sccas, 0);
	config_free(shipped);
	config_free(defaults);
	free(yaml);
}

/* Each row stands in the shipped file: its last word as a key, and its clause in the same line or the one of its section. */
static void test_the_shipped_file_names_every_key_with_its_clause(void **state)
{
	size_t len;
	char *yaml = read_source_file("etc/adieu.yaml", &len);

	(void)state;
	for (unsigned i = 0; i < config_table_rows; i++) {
		const char *path = config_table[i].path;
		const char *word = strrchr(path, '.') ? strrchr(path, '.') + 1 : path;
		char key[64];

		snprintf(key, sizeof(key), strrchr(path, '.') ? "\n  %s:" : "\n%s:", word);
		if (!strstr(yaml, key))
			fail_msg("etc/adieu.yaml does not show %s", path);
		if (!strstr(yaml, config_row_clause(&config_table[i])))
			fail_msg("etc/adieu.yaml does not cite %s for %s",
				 config_row_clause(&config_table[i]), path);
	}
	free(yaml);
}

static void test_the_manual_page_has_the_reference_of_the_table(void **state)
{
	size_t len, reference_len = 0;
	char *manual = read_source_file("docs/man/adieu.yaml.5", &len), *reference = NULL;
	FILE *out = open_memstream(&reference, &reference_len);

	(void)state;
	config_print_reference(out, true);
	fclose(out);
	if (!strstr(manual, reference))
		fail_msg("docs/man/adieu.yaml.5 does not contain what `adieud "
			 "--config-reference=man` "
			 "prints");
	free(reference);
	free(manual);
}

/* ------------------------------------------------------------------ reload */

static void note(void *arg, const char *path)
{
	strcat(arg, path);
	strcat(arg, " ");
}

static void test_a_reload_changes_only_what_is_live(void **state)
{
	struct config *old =
		read_good(LISTEN "workers: 1\nlimits: {sessions: 10}\ncontrol: {socket: /a}\n");
	struct config *fresh =
		read_good("listen: [\"udp:127.0.0.1:5070\"]\nworkers: 2\nlog: debug\n"
			  "limits: {sessions: 20, retry_after: 5s, nonces: 7}\n"
			  "registration: {digest: [md5], failures_per_minute: 3}\n");
	char differs[256] = "";

	(void)state;
	assert_true(config_keep_unchangeable(old, fresh, note, differs));
	assert_string_equal(differs,
			    "workers listen limits.sessions limits.nonces control.socket ");
	config_free(old);
	assert_int_equal(fresh->workers, 1);
	assert_int_equal(fresh->settings.listen[0].port, 5060);
	assert_int_equal(fresh->settings.sessions_max, 10);
	assert_int_equal(fresh->settings.nonces_max, 100000);
	assert_int_equal(fresh->settings.authentication.n_algorithms, 1);
	assert_int_equal(fresh->settings.authentication.failures_per_minute, 3);
	assert_string_equal(fresh->control_socket.at, "/a");
	assert_int_equal(fresh->settings.retry_after_s, 5);
	assert_int_equal(fresh->settings.log_level, NODE_LOG_DEBUG);
	config_free(fresh);
}

static void test_a_reload_keeps_the_listening_points_of_both_roles(void **state)
{
	struct config *old = read_good(LISTEN "sccas: {listen: [\"udp:127.0.0.1:5070\"]}\n");
	struct config *fresh =
		read_good("listen: [\"udp:127.0.0.1:5070\", \"udp:127.0.0.1:5071\"]\n"
			  "sccas: {listen: [\"udp:127.0.0.1:5060\"], bye_hold: 1s,\n"
			  "  users: /v, stn_sr: [\"+4916000001\"], mid_call: no}\n");
	char differs[256] = "";

	(void)state;
	assert_true(config_keep_unchangeable(old, fresh, note, differs));
	assert_string_equal(differs, "listen sccas.listen ");
	assert_int_equal(fresh->settings.n_listen, 2);
	assert_int_equal(fresh->settings.listen_sccas, 2);
	assert_true(endpoint_equal(&fresh->settings.listen[0], &old->settings.listen[0]));
	assert_true(endpoint_equal(&fresh->settings.listen[1], &old->settings.listen[1]));
	assert_int_equal(fresh->settings.sccas.bye_hold_ms, 1000);
	assert_int_equal(fresh->settings.sccas.n_stn_sr, 1);
	assert_false(fresh->settings.sccas.mid_call);
	assert_string_equal(fresh->sccas_users_file.at, "/v");
	config_free(old);
	config_free(fresh);
}

static void test_a_reload_that_only_takes_a_listening_point_away_keeps_it(void **state)
{
	struct config *old = read_good(LISTEN "sccas: {listen: [\"udp:127.0.0.1:5070\"]}\n");
	struct config *fresh = read_good(LISTEN);
	char differs[256] = "";

	(void)state;
	assert_true(config_keep_unchangeable(old, fresh, note, differs));
	assert_string_equal(differs, "sccas.listen ");
	assert_int_equal(fresh->settings.n_listen, 2);
	assert_int_equal(fresh->settings.listen_sccas, 2);
	config_free(old);
	config_free(fresh);
}

/* ------------------------------------------------------------------ users of the SCC AS */

/* What the daemon, and `adieud -c`, make of this file of users; what is told comes to `ret_told`. */
static struct config *read_with_users(const char *users, char *ret_told, size_t told_bytes)
{
	char folder[] = "/tmp/adieu-config-XXXXXX", path[64], users_path[64];
	struct daemon_options options = {.config_file = path};
	FILE *out = fmemopen(ret_told, told_bytes, "w"), *file;
	struct bindings_of_file bindings;
	struct config *c;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/adieu.yaml", folder);
	snprintf(users_path, sizeof(users_path), "%s/users", folder);
	file = fopen(path, "w");
	fputs(LISTEN "sccas:\n  listen: [\"udp:127.0.0.1:5070\"]\n  users: users\n", file);
	fclose(file);
	file = fopen(users_path, "w");
	fputs(users, file);
	fclose(file);
	c = daemon_read_config(&options, &bindings, out);
	fclose(out);
	if (c)
		bindings_clear(&bindings);
	remove(users_path);
	remove(path);
	remove(folder);
	return c;
}

static void test_sv_3_the_users_are_read_with_the_configuration(void **state)
{
	char told[1000] = "";
	struct config *c = read_with_users(
		"+491711000001 alice@ims.example sip:alice@ims.example\n", told, sizeof(told));

	(void)state;
	assert_non_null(c);
	assert_string_equal(told, "");
	assert_ptr_equal(c->settings.sccas.users, c->sccas_users);
	assert_int_equal(sccas_users_count(c->settings.sccas.users), 1);
	config_free(c);
}

static void test_sv_3_a_bad_line_of_the_users_is_told_with_file_and_line(void **state)
{
	char told[1000] = "";

	(void)state;
	assert_null(read_with_users("# users\nalice alice@ims.example sip:alice@ims.example\n",
				    told, sizeof(told)));
	assert_non_null(strstr(told, "/users:2: \"alice\" is no C-MSISDN; expected + and 3 to 15"));
}

/* ------------------------------------------------------------------ bindings file */

static void test_bindings_file(void **state)
{
	struct bindings_of_file bindings;
	struct config_problems problems = {0};
	size_t at = 0;
	unsigned n = 0;

	(void)state;
	assert_true(
		bindings_read(TEXT("# users of the laboratory\n\n"
				   "sip:bob@ims.example <sip:bob@127.0.0.1:5080>\n"
				   "  sip:alice@ims.example\t<sip:alice@[::1]:5090;transport=tcp> "
				   "# her telephone\r\n"
				   "sip:carol@ims.example <sip:carol@127.0.0.1:5081> "
				   "path=<sip:127.0.0.1:5062;lr>,<sip:127.0.0.1:5063;lr>"),
			      &bindings, &problems));
	assert_int_equal(problems.n, 0);
	assert_int_equal(bindings.n, 3);
	while (bindings_next(&bindings, &at).len)
		n++;
	assert_int_equal(n, 3);
	bindings_clear(&bindings);
}

static void test_each_bad_line_of_a_bindings_file_is_told(void **state)
{
	struct bindings_of_file bindings;
	struct config_problems problems = {0};

	(void)state;
	assert_false(bindings_read(
		TEXT("sip:bob@ims.example\n"
		     "sip:bob@ims.example sip:bob@127.0.0.1\n"
		     "sip:bob@ims.example <sip:bob@127.0.0.1> paths=<sip:a>\n"
		     "sip:bob@ims.example <sip:bob@127.0.0.1> path=<sip:127.0.0.1;lr> more\n"
		     "not a uri <sip:bob@127.0.0.1>\n"
		     "bob <sip:bob@127.0.0.1>\n"),
		&bindings, &problems));
	assert_int_equal(problems.n, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(problems.kept[i].line, i + 1);
		assert_non_null(strstr(problems.kept[i].text, "expected"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_error_has_its_line_and_says_what_was_expected),
		cmocka_unit_test(test_all_errors_of_a_file_are_told),
		cmocka_unit_test(test_more_errors_than_are_kept_are_counted),
		cmocka_unit_test(test_a_file_that_cannot_be_read),
		cmocka_unit_test(test_values_come_to_their_places),
		cmocka_unit_test(test_sv_43_sv_22_values_of_the_sccas_come_to_their_places),
		cmocka_unit_test(test_listening_points_of_the_sccas_stand_behind_the_others),
		cmocka_unit_test(test_one_role_is_enough),
		cmocka_unit_test(test_both_roles_have_16_listening_points_together),
		cmocka_unit_test(test_digest_algorithms_keep_their_order),
		cmocka_unit_test(test_an_empty_section_means_its_defaults),
		cmocka_unit_test(test_a_relative_path_is_meant_from_the_folder_of_the_file),
		cmocka_unit_test(test_the_table_has_the_defaults_of_the_node),
		cmocka_unit_test(test_the_shipped_file_has_the_defaults_of_the_table),
		cmocka_unit_test(test_the_shipped_file_names_every_key_with_its_clause),
		cmocka_unit_test(test_the_manual_page_has_the_reference_of_the_table),
		cmocka_unit_test(test_a_reload_changes_only_what_is_live),
		cmocka_unit_test(test_a_reload_keeps_the_listening_points_of_both_roles),
		cmocka_unit_test(test_a_reload_that_only_takes_a_listening_point_away_keeps_it),
		cmocka_unit_test(test_sv_3_the_users_are_read_with_the_configuration),
		cmocka_unit_test(test_sv_3_a_bad_line_of_the_users_is_told_with_file_and_line),
		cmocka_unit_test(test_bindings_file),
		cmocka_unit_test(test_each_bad_line_of_a_bindings_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
