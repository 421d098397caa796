/* @req TX-9
 * The n-th allocation of a node that plays the SCC AS fails, and every one after it, for every n: no crash, and
 * nothing is left when memory is back. The base layer is compiled in here with allocations that fail on demand. */
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

#undef malloc
#undef calloc
#undef aligned_alloc

#include "anchored_call.h"

/* Answers the last request of this method, if it came. */
static void answer(struct scene *s, uint16_t port, const char *method, const char *status_line)
{
	const char *request = wire_last(&s->wire, port, method);
	struct party p = {.port = port};

	if (request)
		party_answers(&s->wire, &p, method, status_line, "", SDP_REMOTE);
}

/* A call with forks, a request, a transfer, a release. */
static void one_call(struct scene *s, unsigned i)
{
	char call_id[40];
	struct party ue, msc, remote = {.port = REMOTE};

	snprintf(call_id, sizeof(call_id), "call-%u", i);
	ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
		      "sip:bob@127.0.0.1:7100", call_id);
	party_sends(&s->wire, &ue, "INVITE",
		    "P-Served-User: <sip:alice@ims.example>;sescase=orig\n", SDP_UE);
	if (wire_last(&s->wire, REMOTE, "INVITE")) {
		const char *invite = wire_last(&s->wire, REMOTE, "INVITE");

		wire_answer(&s->wire, REMOTE, invite, "180 Ringing", "one", "");
		wire_answer(&s->wire, REMOTE, invite, "183 Progress", "two",
			    "Contact: <sip:two@127.0.0.1:7100>\n");
		party_answers(&s->wire, &remote, "INVITE", "200 OK", "", SDP_REMOTE);
	}
	if (party_hears(&s->wire, &ue, "200")) {
		party_sends(&s->wire, &ue, "ACK", "", "");
		party_sends(&s->wire, &ue, "INFO", "", "");
		answer(s, REMOTE, "INFO", "200 OK");
	}
	snprintf(call_id, sizeof(call_id), "msc-%u", i);
	wire_forget(&s->wire);
	transfer_invite(&s->wire, &msc, call_id, OF_ALICE, "");
	answer(s, REMOTE, "INVITE", "200 OK");
	if (party_hears(&s->wire, &msc, "200"))
		party_sends(&s->wire, &msc, "ACK", "", "");
	if (i & 1) {
		msc.cseq++;
		party_sends(&s->wire, &msc, "BYE", "", "");
		answer(s, REMOTE, "BYE", "200 OK");
	}
	wire_forget(&s->wire);
}

static unsigned long run(unsigned long allocations)
{
	struct scene s;
	unsigned long used;

	wire_open(&s.wire, transfer_settings);
	allocations_left = allocations;
	for (unsigned i = 0; i < 20; i++)
		one_call(&s, i);
	wire_release_all(&s.wire, 480);
	wire_run_quietly(&s.wire, 100);
	used = allocations - allocations_left;
	allocations_left = ULONG_MAX;
	wire_run_quietly(&s.wire, 400000);
	wire_release_all(&s.wire, 480);
	wire_run_quietly(&s.wire, 100000);
	wire_nothing_left(&s.wire);
	transfer_is_clean(&s.wire);
	/* It works again as if nothing had been. */
	transfer_call(&s.wire, &s.ue, &s.remote, "after", REMOTE);
	hang_up(&s);
	close_scene(&s);
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
