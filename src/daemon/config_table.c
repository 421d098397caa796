/* Everything that may stand in the configuration file: the checker, the defaults and the manual page come from here. */
#include "base/limits.h"
#include "daemon/config.h"

#define IN_CONFIG(member)   offsetof(struct config, member)
#define IN_SETTINGS(member) offsetof(struct config, settings.member)

/* clang-format off */
const struct config_row config_table[] = {
	{"workers", CONFIG_WORKERS, false, IN_CONFIG(workers), 1, CONFIG_WORKERS_MAX, "cores", "",
	 "", "Worker threads. Each has its own sockets and its own share of the sessions."},
	{"listen", CONFIG_LISTEN, false, IN_CONFIG(listen), 1, NODE_LISTEN_MAX, "", "",
	 "RFC 3261 §18.2.1", "Listening points, udp:ADDRESS:PORT or tcp:ADDRESS:PORT. Each address that is listened on by UDP should be by TCP too. They stand in our Via and Record-Route, so an address that means \"any\" is refused. May be left out when sccas.listen is given."},
	{"names", CONFIG_NAMES, true, 0, 0, NODE_NAMES_MAX, "[]", "",
	 "RFC 3261 §16.4", "Host names that mean this server, besides the addresses it listens on."},
	{"trusted", CONFIG_PREFIXES, true, 0, 0, NODE_TRUSTED_MAX, "[127.0.0.0/8, \"::1/128\"]", "",
	 "RFC 3325 §2", "Address blocks that may send to other domains, assert identities, and register users without credentials: whoever sends from here is believed."},
	{"routes", CONFIG_ROUTES, true, 0, 0, NODE_ROUTES_MAX, "[]", "",
	 "RFC 3263 §4", "Where requests for other domains go: a list of {domain, next_hop}. The domain \"*\" means any. Names are not looked up in DNS."},
	{"scscf.domains", CONFIG_DOMAINS, true, 0, 0, NODE_DOMAINS_MAX, "[]", "",
	 "TS 24.229 §5.4.3", "Home domains: users of these are served here."},
	{"scscf.bindings", CONFIG_FILE, true, IN_CONFIG(bindings_file), 0, 0, "\"\"", "",
	 "", "File of contacts that need not register, one per line: USER <CONTACT> [path=<URI>,...]. Read again at a reload."},
	{"scscf.subscribers", CONFIG_FOLDER, true, IN_CONFIG(subscribers_folder), 0, 0, "\"\"", "",
	 "TS 29.228 annex E", "Folder of the users: one XML file of Cx user data for each, shared-ifc-sets.xml, credentials.yaml. Read again at a reload. Empty: whoever registers from a trusted address is a user."},
	{"scscf.server_wait", CONFIG_MS, true, IN_SETTINGS(server_wait_ms), 100, 60000, "4s", "milliseconds",
	 "TS 24.229 §5.4.3.2", "An application server that is silent for so long has failed: a request without any response goes on, or ends, as the default handling of its initial filter criterion (iFC) says; a release whose BYE it does not pass on goes on without it."},
	{"sccas.listen", CONFIG_LISTEN, false, IN_CONFIG(listen_sccas), 0, NODE_LISTEN_MAX, "[]", "",
	 "RFC 3261 §18.2.1", "Listening points of the SCC AS, of its own: what arrives there is for it, and no address and port stands in listen too. Together with those at most 16. Empty: there is no SCC AS."},
	{"sccas.users", CONFIG_FILE, true, IN_CONFIG(sccas_users_file), 0, 0, "\"\"", "",
	 "TS 23.237 §5.3.1", "File of the users whose sessions can be transferred, one per line: C_MSISDN PRIVATE_IDENTITY PUBLIC_IDENTITY... Read again at a reload."},
	{"sccas.stn_sr", CONFIG_GLOBAL_NUMBERS, true, 0, 0, SCCAS_NUMBERS_MAX, "[]", "",
	 "TS 23.003 §18.6", "Session Transfer Numbers for SR-VCC: who calls one of them from the circuit-switched side has a session transferred."},
	{"sccas.atu_sti", CONFIG_URIS, true, 0, 0, SCCAS_NUMBERS_MAX, "[]", "",
	 "TS 24.237 §12.7", "Access Transfer Update - Session Transfer Identifiers: what an ATCF calls after it has switched the media."},
	{"sccas.additional_session", CONFIG_URI, true, IN_SETTINGS(sccas.additional_session), 0, 0, "\"\"", "",
	 "TS 24.237 §12.3.2", "What the MSC server calls to have a further session transferred. Empty: none is."},
	{"sccas.bye_hold", CONFIG_MS, true, IN_SETTINGS(sccas.bye_hold_ms), 0, 60000, "8s", "milliseconds",
	 "TS 24.237 §12.3.3.2", "How long the remote leg is kept when a BYE with cause 503 has ended the source access leg: the call from the MSC server may still come. 0: not at all."},
	{"sccas.source_release_delay", CONFIG_MS, true, IN_SETTINGS(sccas.source_release_delay_ms), 0, 60000, "8s", "milliseconds",
	 "TS 24.237 §12.3.1", "How long the source access leg is kept after a transfer: the user agent may still come back on it. 0: it is released at once."},
	{"sccas.unknown_user_status", CONFIG_EITHER, true, IN_SETTINGS(sccas.unknown_user_status), 404, 480, "404", "",
	 "TS 23.216 §8.1.1a.1", "Answer to a call to transfer from a C-MSISDN that is nobody's: 404 tells the MSC server not to try again, 480 that it may."},
	{"sccas.hold_only_if_eligible", CONFIG_BOOL, true, IN_SETTINGS(sccas.hold_only_if_eligible), 0, 0, "true", "",
	 "", "bye_hold only for sessions that can be transferred. false: for every session."},
	{"sccas.hold_early", CONFIG_BOOL, true, IN_SETTINGS(sccas.hold_early), 0, 0, "false", "",
	 "", "bye_hold before the answer too: for a CANCEL with cause 503, and for a 500 or 503 from the called user's side."},
	{"sccas.alerting", CONFIG_BOOL, true, IN_SETTINGS(sccas.alerting), 0, 0, "true", "",
	 "TS 23.237 §6.3.2.1.4c", "Sessions that are ringing are transferred too."},
	{"sccas.pre_alerting", CONFIG_BOOL, true, IN_SETTINGS(sccas.pre_alerting), 0, 0, "true", "",
	 "TS 23.237 §6.3.2.1.4d", "Sessions of a calling user that do not ring yet are transferred too."},
	{"sccas.mid_call", CONFIG_BOOL, true, IN_SETTINGS(sccas.mid_call), 0, 0, "true", "",
	 "TS 23.237 §6.3.2.1.4a", "MSC server assisted mid-call feature: a second session, on hold, is transferred too. false: the other sessions are released."},
	{"registration.default", CONFIG_SECONDS, true, IN_SETTINGS(registration_default_s), 60, 31536000, "3600s", "seconds",
	 "RFC 3261 §10.2", "How long a contact that names no time stays registered."},
	{"registration.min", CONFIG_SECONDS, true, IN_SETTINGS(registration_min_s), 1, 86400, "60s", "seconds",
	 "RFC 3261 §10.3 step 7", "A shorter time is refused with 423 (Interval Too Brief)."},
	{"registration.max", CONFIG_SECONDS, true, IN_SETTINGS(registration_max_s), 60, 31536000, "600000s", "seconds",
	 "RFC 3261 §10.3 step 7", "A longer time is shortened to this."},
	{"registration.digest", CONFIG_DIGEST, true, 0, 1, AUTHENTICATION_ALGORITHMS_MAX, "[sha-256, md5]", "",
	 "RFC 8760 §2.3", "Algorithms of SIP digest, in the order they are offered in: sha-256, md5. One that is not here is neither offered nor accepted. [md5] is for user agents that give up when they are offered what they do not know; MD5 is weak, and so is the proof of who uses it."},
	{"registration.nonce_lifetime", CONFIG_SECONDS, true, IN_SETTINGS(authentication.nonce_lifetime_s), 1, 86400, "300s", "seconds",
	 "RFC 7616 §5.4", "A nonce of SIP digest that was given longer ago is stale: a right response to it gets a new challenge."},
	{"registration.challenge_wait", CONFIG_SECONDS, true, IN_SETTINGS(authentication.challenge_wait_s), 1, 3600, "240s", "seconds",
	 "TS 24.229 table 7.8.1", "reg-await-auth: how long a challenge of IMS AKA waits for its answer."},
	{"registration.failures_per_minute", CONFIG_NUMBER, true, IN_SETTINGS(authentication.failures_per_minute), 0, 1000000, "30", "",
	 "RFC 7616 §5.7", "Failed authentications of one source; beyond, it gets 503 with Retry-After. A source is an address (IPv6: the /64), behind a trusted address the private identity too. 0: no limit."},
	{"timers.t1", CONFIG_TIMER, true, TIMER_T1, 0, 0, "", "milliseconds", "", ""},
	{"timers.t2", CONFIG_TIMER, true, TIMER_T2, 0, 0, "", "milliseconds", "", ""},
	{"timers.t4", CONFIG_TIMER, true, TIMER_T4, 0, 0, "", "milliseconds", "", ""},
	{"timers.timer_c", CONFIG_TIMER, true, TIMER_C, 0, 0, "", "milliseconds", "", ""},
	{"timers.timer_d", CONFIG_TIMER, true, TIMER_D, 0, 0, "", "milliseconds", "", ""},
	{"transport.stream_above", CONFIG_NUMBER, true, IN_SETTINGS(stream_above_bytes), 0, 65535, "1300", "bytes",
	 "RFC 3261 §18.1.1", "Requests larger than this go by TCP. 0: never."},
	{"transport.tcp_idle", CONFIG_MS, true, IN_CONFIG(tcp_idle_ms), 1000, 86400000, "300s", "milliseconds",
	 "RFC 3261 §18", "A connection without a message or keep-alive for so long is closed. It should be longer than the longest transaction, an INVITE under Timer C."},
	{"transport.tcp_connections_max", CONFIG_NUMBER, true, IN_CONFIG(tcp_connections_max), 1, 1000000, "4096", "",
	 "", "Connections at once. One more ends the connection that has been idle for longest, or is refused when none is idle."},
	{"transport.gather", CONFIG_NUMBER, true, IN_CONFIG(gather_us), 0, 10000, "500", "microseconds",
	 "", "When more than 2000 datagrams arrive in a second, a worker waits so long after each turn and takes what came meanwhile together: much less CPU for a call, and a message later by at most this. 0: never."},
	{"release.sessions_per_second", CONFIG_NUMBER, true, IN_SETTINGS(release_sessions_per_s), 1, 1000000, "1000", "",
	 "", "Pace of a release of many sessions that names none."},
	{"release.status", CONFIG_NUMBER, true, IN_SETTINGS(release_status), 300, 699, "480", "",
	 "TS 24.229 §5.4.5.1.1", "Code in the Reason header of a release that names none: a proper SIP response code."},
	{"limits.sessions", CONFIG_NUMBER, false, IN_SETTINGS(sessions_max), 1, LIMIT_SESSIONS, "200000", "",
	 "RFC 3261 §21.5.4", "Sessions at once. An INVITE for one more is answered 503 with Retry-After."},
	{"limits.transactions", CONFIG_NUMBER, false, IN_SETTINGS(transactions_max), 16, LIMIT_TRANSACTIONS, "400000", "",
	 "RFC 3261 §21.5.4", "Transactions at once, of servers and clients each. A request beyond is answered 503 with Retry-After."},
	{"limits.bindings", CONFIG_NUMBER, false, IN_SETTINGS(bindings_max), 1, LIMIT_BINDINGS, "200000", "",
	 "RFC 3261 §21.5.4", "Contacts of registered users. A REGISTER for one more is answered 503 with Retry-After."},
	{"limits.nonces", CONFIG_NUMBER, false, IN_SETTINGS(nonces_max), 1, LIMIT_BINDINGS, "100000", "",
	 "RFC 7616 §5.4", "Nonces that live at once, and users of IMS AKA whose sequence number is remembered. One more takes the place of the oldest: who answers that is challenged again, and a USIM resynchronises."},
	{"limits.subscriptions", CONFIG_NUMBER, false, IN_SETTINGS(subscriptions_max), 1, LIMIT_BINDINGS, "100000", "",
	 "RFC 3261 §21.5.4", "Subscriptions to the state of registrations. A SUBSCRIBE for one more is answered 503 with Retry-After."},
	{"limits.ended_sessions", CONFIG_NUMBER, false, IN_SETTINGS(ended_sessions_max), 1, LIMIT_ENDED_SESSIONS, "1000", "",
	 "", "Ended sessions that are remembered for `adieu why` and `adieu trace`; the oldest is forgotten first."},
	{"limits.retry_after", CONFIG_SECONDS, true, IN_SETTINGS(retry_after_s), 1, 3600, "10s", "seconds",
	 "RFC 3261 §20.33", "Retry-After of these 503."},
	{"log", CONFIG_LEVEL, true, IN_SETTINGS(log_level), 0, 0, "notice", "",
	 "", "What is logged: error, warning, notice (what is rare and worth a look: transfers, holds, releases, refusals), info (begin, answer and end of every session, registrations) or debug (messages that cannot be understood)."},
	{"control.socket", CONFIG_FILE, false, IN_CONFIG(control_socket), 0, 0, "\"\"", "",
	 "", "Unix socket for adieu(1). Empty: $XDG_RUNTIME_DIR/adieu.sock if that is set, else /run/adieu/adieu.sock if that folder can be written, else /tmp/adieu-UID.sock."},
	{"control.mode", CONFIG_MODE, false, IN_CONFIG(control_mode), 0, 0777, "0660", "",
	 "", "Permissions of this socket, in octal: who may write to it may release sessions."},
	{"drain", CONFIG_MS, true, IN_CONFIG(drain_ms), 0, 86400000, "30s", "milliseconds",
	 "", "How long SIGTERM waits for sessions to end before the daemon stops. A second signal stops it at once."},
};
/* clang-format on */

const unsigned config_table_rows = sizeof(config_table) / sizeof(config_table[0]);

const struct config_row *config_row_of(struct text path)
{
	for (unsigned i = 0; i < config_table_rows; i++)
		if (text_equal(text_of(config_table[i].path), path))
			return &config_table[i];
	return NULL;
}

static const struct timer_row *timer_row_of(const struct config_row *row)
{
	return &timer_table[row->offset];
}

static void put_ms(struct text_writer *w, uint64_t ms)
{
	text_put_u64(w, ms % 1000 ? ms : ms / 1000);
	text_put(w, ms % 1000 ? TEXT("ms") : TEXT("s"));
}

void config_row_put_default(const struct config_row *row, struct text_writer *w)
{
	if (row->type == CONFIG_TIMER)
		put_ms(w, timer_row_of(row)->default_ms);
	else
		text_put(w, text_of(row->default_text));
}

void config_row_put_range(const struct config_row *row, struct text_writer *w)
{
	uint64_t min = row->min, max = row->max;

	switch (row->type) {
	case CONFIG_TIMER:
		min = timer_row_of(row)->min_ms;
		max = timer_row_of(row)->max_ms;
		/* fall through */
	case CONFIG_MS:
		put_ms(w, min);
		text_put_literal(w, " to ");
		put_ms(w, max);
		break;
	case CONFIG_SECONDS: text_printf(w, "%us to %us", (unsigned)min, (unsigned)max); break;
	case CONFIG_NUMBER:
	case CONFIG_WORKERS: text_printf(w, "%u to %u", (unsigned)min, (unsigned)max); break;
	case CONFIG_EITHER: text_printf(w, "%u or %u", (unsigned)min, (unsigned)max); break;
	case CONFIG_BOOL: text_put_literal(w, "true, false, yes, no"); break;
	case CONFIG_MODE: text_printf(w, "%04o to %04o", (unsigned)min, (unsigned)max); break;
	case CONFIG_LEVEL: text_put_literal(w, "error, warning, notice, info, debug"); break;
	case CONFIG_LISTEN:
	case CONFIG_NAMES:
	case CONFIG_DOMAINS:
	case CONFIG_PREFIXES:
	case CONFIG_ROUTES:
	case CONFIG_GLOBAL_NUMBERS:
	case CONFIG_URIS:
	case CONFIG_DIGEST: text_printf(w, "%u to %u entries", (unsigned)min, (unsigned)max); break;
	case CONFIG_FILE:
	case CONFIG_URI:
	case CONFIG_FOLDER: break;
	}
}

const char *config_row_clause(const struct config_row *row)
{
	return row->type == CONFIG_TIMER ? timer_row_of(row)->clause : row->clause;
}

static const char *const what_is_expected[] = {
	[CONFIG_NUMBER] = "a number from ",
	[CONFIG_EITHER] = "",
	[CONFIG_BOOL] = "one of ",
	[CONFIG_WORKERS] = "\"cores\" or a number from ",
	[CONFIG_MS] = "a time such as 500ms, 4s or 2m, from ",
	[CONFIG_TIMER] = "a time such as 500ms, 4s or 2m, from ",
	[CONFIG_SECONDS] = "a time in whole seconds such as 600s or 10m, from ",
	[CONFIG_LISTEN] =
		"a list of listening points such as udp:127.0.0.1:5060 or tcp:[::1]:5060, ",
	[CONFIG_NAMES] = "a list of host names, ",
	[CONFIG_DOMAINS] = "a list of domain names, ",
	[CONFIG_PREFIXES] = "a list of address blocks such as 127.0.0.0/8, ",
	[CONFIG_ROUTES] = "a list of {domain: NAME, next_hop: \"udp:127.0.0.1:5070\"}, ",
	[CONFIG_FILE] = "the path of a file",
	[CONFIG_FOLDER] = "the path of a folder",
	[CONFIG_DIGEST] = "a list of digest algorithms, each sha-256 or md5, ",
	[CONFIG_GLOBAL_NUMBERS] =
		"a list of telephone numbers such as \"+4916000001\" or tel:+49-1600-0001, ",
	[CONFIG_URIS] = "a list of URIs such as sip:sti@sccas.ims.example, ",
	[CONFIG_URI] = "a URI such as sip:sti@sccas.ims.example, or nothing",
	[CONFIG_LEVEL] = "one of ",
	[CONFIG_MODE] = "permissions in octal, from ",
};

void config_row_put_expected(const struct config_row *row, struct text_writer *w)
{
	text_put(w, text_of(what_is_expected[row->type]));
	config_row_put_range(row, w);
}

static const char *help_of(const struct config_row *row)
{
	return row->type == CONFIG_TIMER ? timer_row_of(row)->meaning : row->help;
}

/* A line of a manual page must not begin with a dot, and a backslash or a hyphen in it means something. */
static void put_manual(struct text_writer *w, struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (t.at[i] == '\\')
			text_put_literal(w, "\\e");
		else if (t.at[i] == '-')
			text_put_literal(w, "\\-");
		else
			text_put_char(w, t.at[i]);
	}
}

static void print_manual_row(const struct config_row *row, struct text default_text,
			     struct text expected, FILE *out)
{
	char buffer[2048];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	text_put_literal(&w, ".TP\n.B ");
	put_manual(&w, text_of(row->path));
	text_put_char(&w, '\n');
	put_manual(&w, text_of(help_of(row)));
	text_put_literal(&w, "\n.br\nExpected: ");
	put_manual(&w, expected);
	if (row->unit[0]) {
		text_put_literal(&w, "; a plain number means ");
		put_manual(&w, text_of(row->unit));
	}
	if (default_text.len) {
		text_put_literal(&w, ".\n.br\nDefault: ");
		put_manual(&w, default_text);
	} else {
		text_put_literal(&w, ".\n.br\nNo default");
	}
	if (config_row_clause(row)[0]) {
		text_put_literal(&w, " (");
		put_manual(&w, text_of(config_row_clause(row)));
		text_put_char(&w, ')');
	}
	text_put(&w, row->live ? TEXT(". Changed by a reload.\n")
			       : TEXT(". Changed by a restart only.\n"));
	fprintf(out, "%.*s", TEXT_ARGS(text_written(&w)));
}

static void print_plain_row(const struct config_row *row, struct text default_text,
			    struct text expected, FILE *out)
{
	const char *clause = config_row_clause(row);

	fprintf(out, "%s\n    %s\n    Expected: %.*s", row->path, help_of(row),
		TEXT_ARGS(expected));
	if (row->unit[0])
		fprintf(out, "; a plain number means %s", row->unit);
	if (default_text.len)
		fprintf(out, ".\n    Default: %.*s", TEXT_ARGS(default_text));
	else
		fprintf(out, ".\n    No default");
	fprintf(out, "%s%s%s. Changed by a %s.\n\n", clause[0] ? " (" : "", clause,
		clause[0] ? ")" : "", row->live ? "reload" : "restart only");
}

void config_print_reference(FILE *out, bool as_manual)
{
	for (unsigned i = 0; i < config_table_rows; i++) {
		const struct config_row *row = &config_table[i];
		char default_text[128], expected[256];
		struct text_writer d = text_writer_on(default_text, sizeof(default_text));
		struct text_writer e = text_writer_on(expected, sizeof(expected));

		config_row_put_default(row, &d);
		config_row_put_expected(row, &e);
		(as_manual ? print_manual_row : print_plain_row)(row, text_written(&d),
								 text_written(&e), out);
	}
}
