/* @req TX-9
 * The n-th allocation of a running node fails, and every one after it, for every n: no crash, an answer or silence, and nothing left when memory is back. The base
 * layer is compiled in here with allocations that fail on demand. */
#include "../base/failing_malloc.h"

/* clang-format off */
#include "base/map.c"
#include "base/pool.c"
/* pool.c and store.c each have a chunk of their own. */
#define chunk chunk_of_store
#define chunk_add chunk_add_of_store
#include "base/store.c"
#undef chunk
#undef chunk_add
/* clang-format on */

#include "ue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#undef malloc
#undef calloc
#undef aligned_alloc

struct scene {
	struct world *world;
	struct world_server *server;
	struct ue *ues[3];
	unsigned long used; /* allocations of the lively part */
};

static struct endpoint at_port(uint16_t port)
{
	return (struct endpoint){.family = 4, .ip = {127, 0, 0, 1}, .port = port};
}

static void open_server(struct scene *s)
{
	static struct node_settings settings;

	settings = node_settings_default();
	settings.listen[0] = at_port(5060);
	settings.n_listen = 1;
	settings.domains[0] = TEXT("ims.example");
	settings.n_domains = 1;
	settings.trusted[0] = (struct node_prefix){at_port(0), 8};
	settings.n_trusted = 1;
	s->server = world_add_server(s->world, "server", &settings);
	world_add_name(s->world, "ims.example", &settings.listen[0]);
}

static void open_scene(struct scene *s)
{
	static const char *const names[] = {"alice", "bob", "bob2"};
	static const char *const users[] = {"sip:alice@ims.example", "sip:bob@ims.example",
					    "sip:bob@ims.example"};

	*s = (struct scene){.world = world_open(1)};
	open_server(s);
	for (unsigned i = 0; i < 3; i++)
		s->ues[i] = ue_open(s->world,
				    &(struct ue_options){.name = names[i],
							 .address = at_port((uint16_t)(6001 + i)),
							 .address_of_record = users[i],
							 .next_hop = at_port(5060)});
	s->ues[2]->plan.answer_after_ms = -1;
}

static void release_all(struct scene *s)
{
	uint32_t order;

	node_release(s->server->shards[0], world_now(s->world) + WORLD_NODE_EPOCH_MS,
		     &(struct node_release_order){.selector = NODE_SELECT_ALL}, &order);
}

/* Registrations, forked calls, a re-INVITE, a BYE, a release, with `allocations` of them allowed. */
static void lively_part(struct scene *s, unsigned long allocations)
{
	struct ue_dialog *dialog;

	allocations_left = allocations;
	for (unsigned i = 0; i < 3; i++)
		ue_register(s->ues[i], NULL, 3600, NULL);
	world_run_until(s->world, 500);
	for (unsigned i = 0; i < 20; i++)
		ue_invite(s->ues[0], &(struct ue_invitation){.uri = "sip:bob@ims.example"});
	world_run_until(s->world, 2000);
	for (unsigned i = 0; i < 20; i++) {
		dialog = ue_dialog_of_call(s->ues[0], i);
		if (dialog && dialog->state == UE_CONFIRMED)
			ue_request(s->ues[0], dialog,
				   &(struct ue_request_in_dialog){.method = SIP_INVITE,
								  .with_sdp = true});
	}
	world_run_until(s->world, 4000);
	ue_hang_up(s->ues[0], 0, false);
	world_run_until(s->world, 5000);
	release_all(s);
	world_run_until(s->world, 6000);
	s->used = allocations - allocations_left;
	allocations_left = ULONG_MAX;
}

static void check_nothing_left(struct scene *s, unsigned long n)
{
	struct node_counters c = world_server_counters(s->server);

	if (c.sessions || c.dialogs || c.server_transactions || c.client_transactions ||
	    c.message_blocks)
		fail_msg("allocation %lu: %llu sessions, %llu dialogs, %llu and %llu transactions, "
			 "%llu blocks are left",
			 n, (unsigned long long)c.sessions, (unsigned long long)c.dialogs,
			 (unsigned long long)c.server_transactions,
			 (unsigned long long)c.client_transactions,
			 (unsigned long long)c.message_blocks);
}

static unsigned long run(unsigned long allocations)
{
	struct scene s;
	unsigned long used;

	open_scene(&s);
	lively_part(&s, allocations);
	world_run_until(s.world, 400000);
	release_all(&s);
	for (unsigned i = 0; i < 3; i++)
		ue_refuse_all(s.ues[i], 480);
	world_run_until(s.world, 800000);
	check_nothing_left(&s, allocations);
	/* It works again as if nothing had been. */
	ue_register(s.ues[1], NULL, 3600, NULL);
	ue_invite(s.ues[0], &(struct ue_invitation){.uri = "sip:bob@ims.example", .name = "after"});
	world_run_until(s.world, 801000);
	assert_int_equal(s.ues[0]->calls[ue_call_named(s.ues[0], "after")]->state,
			 UE_CALL_ANSWERED);
	used = s.used;
	for (unsigned i = 0; i < 3; i++)
		ue_close(s.ues[i]);
	world_close(s.world);
	return used;
}

static void test_tx_9_every_allocation_may_fail(void **state)
{
	unsigned long all = run(ULONG_MAX);

	(void)state;
	assert_true(all > 10); /* else nothing was tried */
	for (unsigned long n = 0; n < all; n++)
		run(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_9_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
