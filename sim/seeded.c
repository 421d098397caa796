/* A seeded run. All that happens follows from the number of the seed. */
#include "seeded.h"

#include "invariants.h"
#include "relay.h"

#include <assert.h>
#include <stdlib.h>

#define UES_MAX    8u
#define ORDERS_MAX 64u
#define ACTIVE_MS  60000u /* the lively part of a run */
#define SETTLE_MS  800000u

struct run {
	struct world *world;
	struct random random;
	struct world_server *server;
	struct node_settings settings;
	struct ue *ues[UES_MAX];
	unsigned n_ues;
	struct relay *relays[2];
	unsigned n_relays;
	uint32_t orders[ORDERS_MAX][WORLD_SHARDS_MAX];
	unsigned n_orders;
	unsigned calls_left;
	uint64_t n_calls;
};

static uint32_t draw(struct run *run, uint32_t bound)
{
	return random_below(&run->random, bound);
}

static bool chance(struct run *run, uint32_t percent)
{
	return draw(run, 100) < percent;
}

/* ------------------------------------------------------------------ the world */

static void make_server(struct run *run)
{
	static const struct endpoint here = {.family = 4, .ip = {127, 0, 0, 1}, .port = 5060};

	run->settings = node_settings_default();
	run->settings.listen[0] = run->settings.listen[1] = here;
	run->settings.listen[1].transport = TRANSPORT_TCP;
	run->settings.n_listen = 2;
	run->settings.domains[0] = TEXT("ims.example");
	run->settings.n_domains = 1;
	run->settings.trusted[0] = (struct node_prefix){{.family = 4, .ip = {127}}, 8};
	run->settings.n_trusted = 1;
	run->settings.n_shards = chance(run, 30) ? 2 : 1;
	run->settings.sessions_max = run->settings.transactions_max = 5000;
	run->settings.bindings_max = 100;
	run->settings.ended_sessions_max = chance(run, 50) ? 16 : 500;
	run->settings.log_level = NODE_LOG_DEBUG;
	run->server = world_add_server(run->world, "server", &run->settings);
	world_add_name(run->world, "ims.example", &run->settings.listen[0]);
	world_set_batching(run->world, chance(run, 50));
}

static void make_network(struct run *run)
{
	static const uint16_t loss[] = {0, 0, 10, 50, 100, 200};
	static const uint32_t delay[] = {1, 5, 20, 50, 200};
	struct world_link link = {.delay_ms = delay[draw(run, 5)],
				  .loss_permille = loss[draw(run, 6)]};

	if (chance(run, 50))
		link.jitter_ms = draw(run, 100);
	if (chance(run, 40))
		link.duplicate_permille = (uint16_t)draw(run, 200);
	if (chance(run, 40)) {
		link.reorder_permille = (uint16_t)draw(run, 200);
		link.reorder_ms = 10 + draw(run, 600);
	}
	world_set_default_link(run->world, link);
	for (unsigned i = 0; i < run->n_ues; i++)
		run->ues[i]->reorders = true;
}

static void bind(struct run *run, struct ue *ue, const struct relay *relay)
{
	char bytes[1024], path[128];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	path[0] = 0;
	if (relay)
		snprintf(path, sizeof(path), "<sip:127.0.0.1:%u;lr>", relay->party.address.port);
	if (node_binding_line(text_of(ue->address_of_record), text_of(ue->contact), text_of(path),
			      &w))
		world_server_feed_all(run->server, &(struct node_event){.kind = NODE_EVENT_BINDING,
									.bytes = text_written(&w)});
}

static void make_relays(struct run *run)
{
	run->n_relays = draw(run, 3);
	for (unsigned i = 0; i < run->n_relays; i++) {
		char name[32];
		struct endpoint at = {
			.family = 4, .ip = {127, 0, 0, 1}, .port = (uint16_t)(7000 + i)};

		snprintf(name, sizeof(name), "relay%u", i);
		run->relays[i] = relay_open(run->world, name, &at, &run->settings.listen[0]);
		run->relays[i]->is_strict = chance(run, 30);
		run->relays[i]->is_absent = chance(run, 10);
	}
}

/* Some share an address of record, so that calls to it fork; some are behind streams, some behind a relay. */
static void make_ues(struct run *run)
{
	run->n_ues = 3 + draw(run, UES_MAX - 3);
	for (unsigned i = 0; i < run->n_ues; i++) {
		char name[32], user[64];
		unsigned one = draw(run, 4);
		struct relay *relay = one < run->n_relays ? run->relays[one] : NULL;
		unsigned who = i >= 2 && chance(run, 30) ? i - 1 : i;
		struct ue_options options = {.name = name,
					     .address = {.family = 4,
							 .ip = {127, 0, 0, 1},
							 .port = (uint16_t)(6000 + i)},
					     .address_of_record = user,
					     .next_hop = run->settings.listen[0]};

		snprintf(name, sizeof(name), "ue%u", i);
		snprintf(user, sizeof(user), "sip:user%u@ims.example", who);
		if (relay)
			options.next_hop = relay->party.address;
		if (chance(run, 20))
			options.address.transport = options.next_hop.transport = TRANSPORT_TCP;
		run->ues[i] = ue_open(run->world, &options);
		bind(run, run->ues[i], relay);
	}
}

/* ------------------------------------------------------------------ what people do */

static void schedule(struct run *run, uint64_t after_ms);

static void new_manners(struct run *run, struct ue *ue)
{
	static const uint16_t refusals[] = {486, 480, 603, 404, 500, 503, 302};

	ue->plan =
		(struct ue_plan){.ring_after_ms = chance(run, 90) ? (int64_t)draw(run, 400) : -1,
				 .ring_status = chance(run, 80) ? 180 : 183,
				 .ring_reliable = chance(run, 30),
				 .answer_after_ms = chance(run, 90) ? (int64_t)draw(run, 3000) : -1,
				 .answer_status = chance(run, 80) ? 200 : refusals[draw(run, 7)],
				 .session_expires_s = chance(run, 15) ? 90 : 0,
				 .ack_after_ms = chance(run, 85)   ? 0
						 : chance(run, 80) ? (int64_t)draw(run, 4000)
								   : -1};
	ue->n_rules = 0;
	if (chance(run, 15))
		ue->rules[ue->n_rules++] = (struct ue_rule){
			.method = SIP_BYE,
			.status = (uint16_t[]){0, 1, 481, 500, 503, 408}[draw(run, 6)],
			.after_ms = draw(run, 6000),
			.times = 1 + draw(run, 2)};
	if (chance(run, 15))
		ue->rules[ue->n_rules++] = (struct ue_rule){
			.method = (uint8_t[]){SIP_UPDATE, SIP_INFO, SIP_CANCEL}[draw(run, 3)],
			.status = chance(run, 50) ? 1 : 0,
			.after_ms = draw(run, 6000),
			.times = 1};
}

static void call_somebody(struct run *run, struct ue *ue)
{
	char uri[64];

	if (!run->calls_left)
		return;
	run->calls_left--;
	run->n_calls++;
	snprintf(uri, sizeof(uri), "sip:user%u@ims.example", draw(run, run->n_ues));
	ue_invite(ue, &(struct ue_invitation){.uri = uri,
					      .without_sdp = chance(run, 15),
					      .supports_100rel = chance(run, 50),
					      .session_expires_s = chance(run, 15) ? 90 : 0});
}

static void change_something(struct run *run, struct ue *ue, struct ue_dialog *dialog)
{
	static const enum sip_method methods[] = {SIP_INVITE, SIP_UPDATE, SIP_INFO, SIP_OPTIONS};
	char contact[UE_URI];
	enum sip_method method = methods[draw(run, 4)];

	if (dialog->state != UE_CONFIRMED)
		return;
	snprintf(contact, sizeof(contact), "sip:moved%u@127.0.0.1:%u%s", draw(run, 100),
		 ue->party.address.port,
		 ue->party.address.transport == TRANSPORT_TCP ? ";transport=tcp" : "");
	ue_request(ue, dialog,
		   &(struct ue_request_in_dialog){
			   .method = method,
			   .with_sdp = method == SIP_INVITE && chance(run, 80),
			   .new_contact = sip_method_refreshes_target(method) && chance(run, 50)
						  ? contact
						  : NULL});
}

static void give_order(struct run *run)
{
	struct node_release_order order = {
		.selector = chance(run, 50) ? NODE_SELECT_ALL : NODE_SELECT_USER,
		.status = (uint16_t[]){0, 480, 503}[draw(run, 3)],
		.sessions_per_s = chance(run, 50) ? 0 : 1 + draw(run, 20),
		.dry_run = chance(run, 5)};
	char user[64];

	if (run->n_orders == ORDERS_MAX)
		return;
	snprintf(user, sizeof(user), "sip:user%u@ims.example", draw(run, run->n_ues));
	order.user = text_of(user);
	for (unsigned shard = 0; shard < run->settings.n_shards; shard++)
		if (world_server_release(run->server, shard, &order,
					 &run->orders[run->n_orders][shard]) !=
		    NODE_RELEASE_ACCEPTED)
			run->orders[run->n_orders][shard] = 0;
	if (chance(run, 10) && run->orders[run->n_orders][0])
		node_release_stop(run->server->shards[0], run->orders[run->n_orders][0]);
	run->n_orders++;
}

/* A party vanishes, silently or with a refusal, and comes back some time. */
static void come_or_go(struct run *run, struct ue *ue)
{
	bool gone = ue->party.away || ue->party.refuses_datagrams;

	ue->party.away = !gone && chance(run, 50);
	ue->party.refuses_datagrams = ue->party.refuses_streams = !gone && !ue->party.away;
}

static void something_happens(void *self, uint64_t unused_a, uint64_t unused_b)
{
	struct run *run = self;
	struct ue *ue = run->ues[draw(run, run->n_ues)];
	struct ue_dialog *dialog = ue->n_dialogs ? ue->dialogs[draw(run, ue->n_dialogs)] : NULL;
	uint32_t what = draw(run, 100);

	(void)unused_a, (void)unused_b;
	if (what < 40)
		call_somebody(run, ue);
	else if (what < 50 && ue->n_calls)
		ue_cancel(ue, draw(run, ue->n_calls), NULL);
	else if (what < 70 && dialog)
		change_something(run, ue, dialog);
	else if (what < 82 && dialog)
		ue_hang_up(ue, dialog->call, chance(run, 10));
	else if (what < 90)
		new_manners(run, ue);
	else if (what < 94)
		give_order(run);
	else if (what < 96)
		come_or_go(run, ue);
	if (world_now(run->world) < ACTIVE_MS)
		schedule(run, draw(run, chance(run, 50) ? 30 : 3000));
}

static void schedule(struct run *run, uint64_t after_ms)
{
	world_at(run->world, world_now(run->world) + after_ms, something_happens, run, NULL);
}

/* ------------------------------------------------------------------ the end */

/* Dialogs that nobody ended: those of the server by the operator, those that only a user agent knows by itself. */
static void wind_up(struct run *run)
{
	for (unsigned i = 0; i < run->n_ues; i++) {
		run->ues[i]->n_rules = 0;
		run->ues[i]->plan.answer_after_ms = 0;
		run->ues[i]->party.away = run->ues[i]->party.refuses_datagrams =
			run->ues[i]->party.refuses_streams = false;
	}
	world_run_until(run->world, ACTIVE_MS + 250000);
	for (unsigned i = 0; i < run->n_ues; i++)
		ue_refuse_all(run->ues[i], 480);
	world_run_until(run->world, ACTIVE_MS + 300000);
	for (unsigned shard = 0; shard < run->settings.n_shards; shard++)
		world_server_release(run->server, shard,
				     &(struct node_release_order){.selector = NODE_SELECT_ALL},
				     &run->orders[run->n_orders][shard]);
	run->n_orders++;
	world_run_until(run->world, ACTIVE_MS + 450000);
	world_set_default_link(run->world, (struct world_link){.delay_ms = 5});
	for (unsigned i = 0; i < run->n_ues; i++)
		for (uint32_t call = 0; call < run->ues[i]->n_calls; call++)
			ue_hang_up(run->ues[i], call, true);
	world_run_until(run->world, ACTIVE_MS + SETTLE_MS);
}

static bool judge(struct run *run, const struct node_counters *at_start, uint64_t seed,
		  struct text_writer *report)
{
	struct invariants_cast cast = {.ues = run->ues,
				       .n_ues = run->n_ues,
				       .server = run->server,
				       .at_start = *at_start,
				       .orders = run->orders,
				       .n_orders = run->n_orders};
	char call_id[LIMIT_CALL_ID_BYTES + 1], line[2048];
	struct sip_message m;

	if (invariants_hold_at_end(&cast, report, call_id))
		return true;
	text_printf(report, "seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; call_id[0] && i < world_n_crossings(run->world); i++) {
		const struct world_crossing *c = world_crossing(run->world, i);
		struct text_writer w = text_writer_on(line, sizeof(line));

		if (sip_parse(&m, c->bytes.at, c->bytes.len, SIP_DATAGRAM) == SIP_NOISE ||
		    !text_equal(m.call_id, text_of(call_id)))
			continue;
		world_put_crossing(run->world, c, &w);
		text_put(report, text_written(&w));
	}
	return false;
}

bool seeded_run(uint64_t seed, struct text_writer *report, struct seeded_figures *ret)
{
	struct run *run = calloc(1, sizeof(*run));
	struct node_counters at_start, at_end;
	bool holds;

	assert(run);
	run->world = world_open(seed);
	run->random = random_from(seed, 0x736565646564ull);
	if (getenv("ADIEU_SIM_LOG"))
		world_set_log(run->world, stderr);
	make_server(run);
	make_relays(run);
	make_ues(run);
	make_network(run);
	run->calls_left = 10 + draw(run, 40);
	for (unsigned i = 0; i < run->n_ues; i++)
		new_manners(run, run->ues[i]);
	world_run_until(run->world, 1);
	at_start = world_server_counters(run->server);
	for (unsigned i = 0; i < 4; i++)
		schedule(run, draw(run, 1000));
	world_run_until(run->world, ACTIVE_MS);
	holds = invariants_hold_now(run->server, report);
	wind_up(run);
	holds &= judge(run, &at_start, seed, report);
	at_end = world_server_counters(run->server);
	ret->messages += world_n_crossings(run->world);
	ret->calls += run->n_calls;
	ret->byes += at_end.byes_sent;
	ret->releases += at_end.releases_done;
	ret->timed_out += at_end.byes_timed_out;
	if (getenv("ADIEU_SIM_WIRE") && !holds)
		world_print(run->world, stderr, (struct text){0},
			    getenv("ADIEU_SIM_WIRE")[0] == '2');
	for (unsigned i = 0; i < run->n_ues; i++)
		ue_close(run->ues[i]);
	for (unsigned i = 0; i < run->n_relays; i++)
		relay_close(run->relays[i]);
	world_close(run->world);
	free(run);
	return holds;
}
