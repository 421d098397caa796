/* One run of a race: its beginning, its end, and what must hold then. */
#include "race_parts.h"

#include "node/ladder.h"
#include "roles/sccas/users.h"

#include <stdarg.h>
#include <stdlib.h>

#define ODI_LINES                                                                                  \
	"P-Asserted-Identity: <sip:%s@ims.example>\r\n"                                            \
	"P-Served-User: <sip:alice@ims.example>;sescase=%s;regstate=reg\r\n"                       \
	"Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK\r\n"
const struct race_invariant_row race_invariants[RACE_INVARIANTS] = {
	[RACE_HOLDS] = {"holds", ""},
	[RACE_REMOTE_LEG] =
		{"remote-leg",
		 "the remote leg is released if and when the rule says so (SV-40 to SV-50)"},
	[RACE_ACCESS_LEG] = {"access-leg", "source and target leg are released if and when the "
					   "rule says so (SV-22, SV-23, SV-61, SV-62)"},
	[RACE_ONE_BYE] = {"one-bye", "one BYE of the server per leg (RC-16)"},
	[RACE_TRANSFER_ANSWER] = {"transfer-answer",
				  "the INVITE due to STN-SR succeeds when a session can be moved, "
				  "else 480 (SV-8, SV-20)"},
	[RACE_EVERY_ANSWER] =
		{"every-answer",
		 "every request has a final response, a BYE within 200 ms (SV-44, RF-8)"},
	[RACE_EVERY_ACK] = {"every-ack", "every 2xx to an INVITE is acknowledged (RC-4)"},
	[RACE_DEAD_LEG] = {"dead-leg", "no request on a leg that is over (RF-4)"},
	[RACE_STRICT_PEER] = {"strict-peer",
			      "a peer that knows RFC 3261 and RFC 3264 has no complaint"},
	[RACE_AGREEMENT] =
		{"agreement",
		 "in the end a remote leg has one access leg and its media, or nothing is left"},
	[RACE_NOTHING_LEFT] = {"nothing-left",
			       "sessions, transactions, timers and memory come back to zero"},
	[RACE_COMES_TO_REST] = {"comes-to-rest", "a run ends"},
	[RACE_SET_UP] = {"set-up", "the call of the beginning is established"},
};
void race_breaks(struct race_run *run, enum race_invariant invariant, const char *format, ...)
{
	va_list args;

	if (run->broken != RACE_HOLDS)
		return;
	run->broken = invariant;
	va_start(args, format);
	vsnprintf(run->what, sizeof(run->what), format, args);
	va_end(args);
	if (run->trace)
		fprintf(run->trace, "%9.3f  *** %s: %s\n",
			(double)(run->now_ms - run->began_ms) / 1000,
			race_invariants[invariant].name, run->what);
}

static void peer_sends(void *self, const struct race_peer *from, struct text bytes)
{
	struct race_run *run = self;

	race_put_on_the_way(run, RACE_PEERS + from->name, bytes);
}

static void peer_complains(void *self, const struct race_peer *peer, const char *what)
{
	race_breaks(self, RACE_STRICT_PEER, "%s: %s", race_peer_names[peer->name], what);
}
static void play(struct race_run *run, const struct race_chooser *chooser)
{
	struct race_option options[RACE_OPTIONS_MAX];

	for (unsigned steps = 0; run->broken == RACE_HOLDS; steps++) {
		unsigned n = race_offer_all(run, options), chosen = 0;

		if (steps == RACE_STEPS_MAX) {
			race_breaks(run, RACE_COMES_TO_REST, "no end after %u steps", steps);
			return;
		}
		if (n > 1)
			chosen = chooser->choose(chooser->self, options, n);
		if (options[chosen].kind == RACE_STOP)
			return;
		race_carry_out(run, &options[chosen]);
	}
}

/* Everything that is left to happen by itself happens. */
static void settle(struct race_run *run)
{
	for (unsigned steps = 0; run->broken == RACE_HOLDS; steps++) {
		if (steps == RACE_STEPS_MAX) {
			race_breaks(run, RACE_COMES_TO_REST, "no end after %u steps", steps);
			return;
		}
		if (run->n_pending)
			race_deliver(run, 0);
		else if (!run->is_late)
			race_let_time_pass(run, RACE_NEVER);
		else
			return;
		race_look_at_clock(run);
	}
}
/* ---------------------------------------------------------------- beginning and end */

static void call(struct race_run *run, unsigned session)
{
	bool terminating = run->scenario->terminating;
	unsigned caller = terminating ? RACE_REMOTE : RACE_UE;
	char lines[600];
	struct race_invitation invitation = {
		.request_uri = terminating ? "sip:alice@ims.example" : "sip:bob@other.example",
		.local_uri = terminating ? "sip:bob@other.example" : "sip:alice@ims.example",
		.lines = lines,
	};

	invitation.remote_uri = invitation.request_uri;
	snprintf(lines, sizeof(lines),
		 "Route: <sip:127.0.0.1:%u;lr>, <sip:odi@127.0.0.1:%u;lr>\r\n" ODI_LINES,
		 RACE_SERVER_PORT, race_peer_ports[terminating ? RACE_UE : RACE_REMOTE],
		 terminating ? "bob" : "alice", terminating ? "term" : "orig");
	race_peer_invite(&run->peers[caller], run->now_ms, session, &invitation);
	while (run->n_pending && run->broken == RACE_HOLDS)
		race_deliver(run, 0);
}

static bool media_agree(const struct race_dialog *one, const struct race_dialog *other)
{
	return one->peer_media_port == other->media_port &&
	       other->peer_media_port == one->media_port;
}

static void set_up(struct race_run *run)
{
	for (unsigned i = 0; i < run->scenario->n_sessions && run->broken == RACE_HOLDS; i++) {
		const struct race_dialog *source = &run->peers[RACE_UE].dialogs[i];
		const struct race_dialog *remote = &run->peers[RACE_REMOTE].dialogs[i];

		call(run, i);
		if (!race_dialog_lives(source) || !race_dialog_lives(remote) ||
		    !media_agree(source, remote))
			race_breaks(run, RACE_SET_UP, "session %u", i + 1);
		run->now_ms += 1000; /* the next one becomes active later */
		while (race_deadline(run) < run->now_ms && run->broken == RACE_HOLDS)
			race_expire(run);
	}
	race_rule_begin(&run->rule, RACE_HOLD_MS, RACE_HOLD_MS, run->scenario->n_sessions);
	run->watching = true;
}

static void check_agreement(struct race_run *run, unsigned session)
{
	const struct race_dialog *remote = &run->peers[RACE_REMOTE].dialogs[session];
	const struct race_dialog *source = &run->peers[RACE_UE].dialogs[session];
	const struct race_dialog *target = &run->peers[RACE_MSC].dialogs[0];
	const struct race_rule_session *rule = &run->rule.sessions[session];
	bool moved = run->rule.moving == (int)session && race_dialog_lives(target);
	bool is_open = rule->may_ms != RACE_ORACLE_NEVER; /* the rule allows both */

	if (!is_open && race_rule_remote_lives(&run->rule, session) != race_dialog_lives(remote))
		race_breaks(run, RACE_REMOTE_LEG, "the remote leg of session %u %s in the end: %s",
			    session + 1, race_dialog_lives(remote) ? "lives" : "is over",
			    rule->why ? rule->why : "nothing happened to it");
	if (race_dialog_lives(remote) != (race_dialog_lives(source) || moved) ||
	    (race_dialog_lives(source) && moved))
		race_breaks(run, RACE_AGREEMENT,
			    "in the end of session %u: remote leg %s, source leg %s, target leg %s",
			    session + 1, race_dialog_lives(remote) ? "lives" : "over",
			    race_dialog_lives(source) ? "lives" : "over", moved ? "lives" : "over");
	else if (race_dialog_lives(remote) && !media_agree(remote, moved ? target : source))
		race_breaks(
			run, RACE_AGREEMENT,
			"in the end of session %u the remote party (%u) has media with %u, the %s "
			"(%u) with %u",
			session + 1, remote->media_port, remote->peer_media_port,
			moved ? "MSC" : "UE", (moved ? target : source)->media_port,
			(moved ? target : source)->peer_media_port);
}

static void check_debts(struct race_run *run, struct race_seen_leg *leg, const char *name)
{
	if (leg->n_acks_owed)
		race_breaks(run, RACE_EVERY_ACK,
			    "a 2xx to INVITE (CSeq %u) on the %s leg has no ACK", leg->acks_owed[0],
			    name);
}

static void check_answers(struct race_run *run)
{
	for (unsigned i = 0; i < run->n_received; i++)
		if (!run->received[i].has_final)
			race_breaks(run, RACE_EVERY_ANSWER, "%s of the %s has no final response",
				    sip_method_name((enum sip_method)run->received[i].method),
				    race_peer_names[run->received[i].peer]);
	for (unsigned i = 0; i < RACE_SESSIONS; i++) {
		check_debts(run, &run->source[i], "source");
		check_debts(run, &run->remote[i], "remote");
	}
	check_debts(run, &run->target, "target");
	for (unsigned i = 0; i < RACE_PEERS; i++)
		race_peer_look_back(&run->peers[i]);
}

/* Whoever is left hangs up, and then nothing may be left. */
static void hang_up_what_is_left(struct race_run *run)
{
	for (unsigned i = 0; i < run->scenario->n_sessions; i++)
		if (race_dialog_lives(&run->peers[RACE_REMOTE].dialogs[i]))
			race_peer_bye(&run->peers[RACE_REMOTE], run->now_ms, i, "");
	run->is_late = false;
	settle(run);
	for (unsigned p = 0; p < RACE_PEERS; p++)
		for (unsigned i = 0; i < RACE_DIALOGS; i++)
			if (race_dialog_lives(&run->peers[p].dialogs[i]))
				race_breaks(
					run, RACE_AGREEMENT,
					"the remote party has hung up, and the leg of the %s lives",
					race_peer_names[p]);
}

static void check_nothing_left(struct race_run *run)
{
	const struct node_counters *c = node_counters(run->node);
	const struct {
		const char *name;
		uint64_t n;
	} gauges[] = {
		{"sessions", c->sessions},
		{"confirmed sessions", c->sessions_confirmed},
		{"releasing sessions", c->sessions_releasing},
		{"dialogs", c->dialogs},
		{"server transactions", c->server_transactions},
		{"client transactions", c->client_transactions},
		{"timers", c->timers},
		{"message blocks", c->message_blocks},
	};

	for (unsigned i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (gauges[i].n)
			race_breaks(run, RACE_NOTHING_LEFT, "%llu %s left",
				    (unsigned long long)gauges[i].n, gauges[i].name);
}

static void end(struct race_run *run)
{
	settle(run);
	for (unsigned i = 0; i < run->scenario->n_sessions; i++)
		check_agreement(run, i);
	hang_up_what_is_left(run);
	check_answers(run);
	check_nothing_left(run);
}

/* Fresh for a run: everything but the node. */
static void begin(struct race_run *run)
{
	run->n_runs++;
	run->watching = run->has_lost = run->is_late = false;
	run->n_pending = run->n_received = run->n_sent = 0;
	run->free_places = UINT64_MAX;
	run->broken = RACE_HOLDS;
	run->history = run->messages = run->swallowed = 0;
	run->what[0] = 0;
	memset(run->happened, 0, sizeof(run->happened));
	memset(run->source, 0, sizeof(run->source));
	memset(run->remote, 0, sizeof(run->remote));
	memset(&run->target, 0, sizeof(run->target));
	for (unsigned i = 0; i < RACE_PEERS; i++)
		race_peer_begin(&run->peers[i], (enum race_peer_name)i, &run->carrier, run->n_runs);
}

/* Every run has the same place in the node's timer wheel, so that its deadlines fall alike. */
static bool give_node(struct race_run *run)
{
	if (run->node && run->runs_left) {
		run->runs_left--;
		run->now_ms = (run->now_ms | 0xffffff) + 1 + RACE_EPOCH_MS;
		node_expire(run->node, run->now_ms);
		node_actions_done(run->node);
	} else {
		node_close(run->node);
		run->now_ms = RACE_EPOCH_MS;
		run->runs_left = run->runs_of_node ? run->runs_of_node - 1 : UINT32_MAX;
		run->n_runs = 0;
		run->node = node_open(&run->settings, 1, 2, run->now_ms);
	}
	run->began_ms = run->now_ms;
	return run->node != NULL;
}

enum race_invariant race_run_go(struct race_run *run, const struct race_scenario *scenario,
				const struct race_chooser *chooser, FILE *trace)
{
	run->scenario = scenario;
	run->trace = trace;
	run->settings.log_level = trace ? NODE_LOG_DEBUG : NODE_LOG_ERROR;
	if (run->broken != RACE_HOLDS) { /* what the last run left behind is not this one's doing */
		node_close(run->node);
		run->node = NULL;
	}
	if (!give_node(run)) {
		run->broken = RACE_SET_UP;
		return RACE_SET_UP;
	}
	begin(run);
	set_up(run);
	play(run, chooser);
	if (run->broken == RACE_HOLDS)
		end(run);
	return run->broken;
}

static void make_settings(struct race_run *run)
{
	struct node_settings *s = &run->settings;
	static const struct text identities[] = {{"sip:alice@ims.example", 21}};

	*s = node_settings_default();
	s->listen[0] = race_address(RACE_SERVER_PORT);
	s->n_listen = 1;
	s->listen_sccas = 1;
	s->domains[0] = TEXT("ims.example");
	s->n_domains = 1;
	s->trusted[0] = (struct node_prefix){.address = race_address(0), .bits = 8};
	s->n_trusted = 1;
	s->sessions_max = 16;
	s->transactions_max = 64;
	s->bindings_max = s->nonces_max = s->subscriptions_max = 16;
	s->ended_sessions_max = 16;
	s->sccas.stn_sr[0] = TEXT("+4916000001");
	s->sccas.n_stn_sr = 1;
	s->sccas.bye_hold_ms = run->fault == RACE_FAULT_NO_HOLD     ? 0
			       : run->fault == RACE_FAULT_LONG_HOLD ? RACE_HOLD_MS + 1000
								    : RACE_HOLD_MS;
	s->sccas.source_release_delay_ms = RACE_HOLD_MS;
	s->sccas.test_forget_hold = run->fault == RACE_FAULT_FORGET_HOLD;
	s->sccas.users = run->users;
	if (sccas_users_add(run->users, TEXT("+491711000001"), TEXT("alice@ims.example"),
			    identities, 1) != SCCAS_USERS_DONE)
		s->sccas.users = NULL;
}

struct race_run *race_run_open(enum race_fault fault, uint32_t runs_of_node)
{
	struct race_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->fault = fault;
	run->runs_of_node = runs_of_node;
	run->carrier = (struct race_carrier){run, peer_sends, peer_complains};
	run->users = sccas_users_open();
	if (!run->users) {
		race_run_close(run);
		return NULL;
	}
	make_settings(run);
	return run;
}

void race_run_close(struct race_run *run)
{
	if (!run)
		return;
	node_close(run->node);
	sccas_users_close(run->users);
	free(run);
}

const char *race_run_what(const struct race_run *run)
{
	return run->what;
}

uint64_t race_run_history(const struct race_run *run)
{
	return run->history;
}

uint64_t race_run_messages(const struct race_run *run)
{
	return run->messages;
}

void race_run_print_ladders(struct race_run *run, FILE *out)
{
	static char bytes[1 << 16];

	for (unsigned which = NODE_LIVE; run->node && which <= NODE_GONE; which++) {
		struct node_session_report report;
		uint64_t cursor = 0;

		while (node_sessions(run->node, (enum node_which)which, (struct text){0}, 1000,
				     &cursor, &report)) {
			struct text_writer w = text_writer_on(bytes, sizeof(bytes));

			if (!handle_is_set(report.id.handle) || report.began_ms < run->began_ms)
				continue;
			ladder_put(&w, &report, 0);
			fwrite(bytes, 1, w.len, out);
			w = text_writer_on(bytes, sizeof(bytes));
			ladder_put_why(&w, &report, run->now_ms);
			fprintf(out, "%.*s\n", (int)w.len, bytes);
		}
	}
}
