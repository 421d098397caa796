/* The world itself, without a server: its clock, its network, and user agents that call each other directly or through relays. */
#include "relay.h"
#include "ue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct scene {
	struct world *world;
	struct ue *alice, *bob;
};

static struct endpoint at_port(uint16_t port)
{
	return (struct endpoint){.family = 4, .ip = {127, 0, 0, 1}, .port = port};
}

static struct scene scene_open(uint64_t seed)
{
	struct scene s = {.world = world_open(seed)};

	s.alice =
		ue_open(s.world, &(struct ue_options){.name = "alice",
						      .address = at_port(6001),
						      .address_of_record = "sip:alice@ims.example",
						      .next_hop = at_port(6002)});
	s.bob = ue_open(s.world, &(struct ue_options){.name = "bob",
						      .address = at_port(6002),
						      .address_of_record = "sip:bob@ims.example",
						      .next_hop = at_port(6001)});
	return s;
}

static void scene_close(struct scene *s)
{
	for (unsigned i = 0; i < s->alice->n_violations; i++)
		print_error("%s\n", s->alice->violations[i]);
	for (unsigned i = 0; i < s->bob->n_violations; i++)
		print_error("%s\n", s->bob->violations[i]);
	assert_int_equal(s->alice->n_violations + s->bob->n_violations, 0);
	assert_int_equal(ue_open_requests(s->alice) + ue_open_requests(s->bob), 0);
	ue_close(s->alice);
	ue_close(s->bob);
	world_close(s->world);
}

/* Messages of one kind that were sent, lost ones included. */
static unsigned n_sent(struct world *world, const char *start)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world_n_crossings(world); i++)
		n += text_starts_with_nocase(world_crossing(world, i)->bytes, text_of(start));
	return n;
}

static const char bob_uri[] = "sip:bob@127.0.0.1:6002";

static void test_a_call_is_set_up_and_ended(void **state)
{
	struct scene s = scene_open(1);
	uint32_t call = ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});

	(void)state;
	world_run_until(s.world, 1000);
	assert_int_equal(s.alice->calls[call]->state, UE_CALL_ANSWERED);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->state, UE_CONFIRMED);
	assert_true(ue_hang_up(s.bob, 0, false));
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(s.alice->calls[call]->state, UE_CALL_OVER);
	assert_int_equal(ue_open_dialogs(s.alice) + ue_open_dialogs(s.bob), 0);
	assert_int_equal(world_n_crossings(s.world), 7); /* INVITE 100 180 200 ACK BYE 200 */
	scene_close(&s);
}

static void test_lost_messages_are_sent_again(void **state)
{
	struct scene s = scene_open(2);
	struct world_rule lose = {.deed = DEED_LOSE, .method = SIP_METHODS, .times = 1};

	(void)state;
	for (unsigned m = SIP_INVITE; m <= SIP_BYE; m++) {
		lose.method = (uint8_t)m;
		world_add_rule(s.world, &lose);
	}
	lose.method = SIP_INVITE;
	lose.responses = true;
	lose.status = 200;
	world_add_rule(s.world, &lose);
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	world_run_until(s.world, 10000);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->state, UE_CONFIRMED);
	assert_int_equal(n_sent(s.world, "INVITE"), 2);
	assert_int_equal(n_sent(s.world, "ACK"), 2);
	assert_true(ue_hang_up(s.alice, 0, false));
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(n_sent(s.world, "BYE"), 2);
	assert_int_equal(ue_open_dialogs(s.alice) + ue_open_dialogs(s.bob), 0);
	scene_close(&s);
}

static void test_a_cancel_waits_for_a_provisional_response(void **state)
{
	struct scene s = scene_open(3);

	(void)state;
	s.bob->plan.ring_after_ms = 300;
	s.bob->plan.answer_after_ms = -1;
	world_set_default_link(s.world, (struct world_link){.delay_ms = 100});
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	assert_true(ue_cancel(s.alice, 0, NULL));
	world_run_until(s.world, 150);
	assert_int_equal(n_sent(s.world, "CANCEL"), 0);
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(n_sent(s.world, "CANCEL"), 1);
	assert_int_equal(s.alice->calls[0]->final_status, 487);
	assert_int_equal(n_sent(s.world, "ACK"), 1);
	scene_close(&s);
}

static void test_an_invite_to_nobody_is_given_up_after_timer_b(void **state)
{
	struct scene s = scene_open(4);

	(void)state;
	s.bob->party.away = true;
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(n_sent(s.world, "INVITE"), 7);
	assert_int_equal(s.alice->calls[0]->state, UE_CALL_FAILED);
	assert_int_equal(s.alice->calls[0]->final_status, 0);
	scene_close(&s);
}

static void test_an_unacknowledged_2xx_is_repeated_and_then_ended_by_bye(void **state)
{
	struct scene s = scene_open(5);

	(void)state;
	s.alice->plan.ack_after_ms = -1;
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(n_sent(s.world, "SIP/2.0 200"), 11 + 1);
	assert_int_equal(n_sent(s.world, "BYE"), 1);
	assert_int_equal(ue_open_dialogs(s.alice), 0);
	scene_close(&s);
}

static void test_a_reliable_provisional_response_waits_for_its_prack(void **state)
{
	struct scene s = scene_open(6);
	struct world_rule lose = {.deed = DEED_LOSE, .method = SIP_PRACK, .times = 1};

	(void)state;
	world_add_rule(s.world, &lose);
	s.bob->plan.ring_reliable = true;
	s.bob->plan.answer_after_ms = 60;
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri, .supports_100rel = true});
	world_run_until(s.world, 5000);
	assert_int_equal(n_sent(s.world, "PRACK"), 2);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->state, UE_CONFIRMED);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->remote_cseq, 2);
	assert_true(ue_hang_up(s.alice, 0, false));
	assert_true(world_run_until(s.world, 400000));
	scene_close(&s);
}

static void test_target_refresh_reinvite_update_info(void **state)
{
	struct scene s = scene_open(7);
	struct ue_dialog *a;

	(void)state;
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri, .without_sdp = true});
	world_run_until(s.world, 1000);
	a = ue_dialog_of_call(s.alice, 0);
	ue_request(s.alice, a,
		   &(struct ue_request_in_dialog){.method = SIP_UPDATE,
						  .new_contact = "sip:alice@127.0.0.1:6001;x=1"});
	world_run_until(s.world, 2000);
	assert_string_equal(ue_dialog_of_call(s.bob, 0)->remote_target,
			    "sip:alice@127.0.0.1:6001;x=1");
	ue_request(s.bob, ue_dialog_of_call(s.bob, 0),
		   &(struct ue_request_in_dialog){.method = SIP_INVITE,
						  .with_sdp = true,
						  .new_contact = "sip:bob@127.0.0.1:6002;x=2"});
	world_run_until(s.world, 3000);
	assert_string_equal(a->remote_target, "sip:bob@127.0.0.1:6002;x=2");
	ue_request(s.alice, a, &(struct ue_request_in_dialog){.method = SIP_INFO});
	world_run_until(s.world, 4000);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->remote_cseq, 3);
	assert_true(ue_hang_up(s.bob, 0, false));
	assert_true(world_run_until(s.world, 400000));
	scene_close(&s);
}

static void call_through_relays(bool first_is_strict, bool second_is_strict)
{
	struct scene s = scene_open(8);
	struct endpoint bob = at_port(6002), last = at_port(7002), first = at_port(7001);
	struct relay *r2 = relay_open(s.world, "relay2", &last, &bob);
	struct relay *r1 = relay_open(s.world, "relay1", &first, &last);

	r1->is_strict = first_is_strict;
	r2->is_strict = second_is_strict;
	s.alice->next_hop = first;
	world_add_name(s.world, "ims.example", &last);
	ue_invite(s.alice, &(struct ue_invitation){.uri = "sip:bob@127.0.0.1:6002"});
	world_run_until(s.world, 1000);
	assert_int_equal(ue_dialog_of_call(s.bob, 0)->state, UE_CONFIRMED);
	ue_request(s.bob, ue_dialog_of_call(s.bob, 0),
		   &(struct ue_request_in_dialog){.method = SIP_INFO});
	world_run_until(s.world, 2000);
	assert_true(ue_hang_up(s.alice, 0, false));
	assert_true(world_run_until(s.world, 400000));
	assert_int_equal(r1->n_bad + r2->n_bad, 0);
	assert_int_equal(ue_open_dialogs(s.alice) + ue_open_dialogs(s.bob), 0);
	scene_close(&s);
	relay_close(r1);
	relay_close(r2);
}

static void test_a_call_through_two_relays(void **state)
{
	(void)state;
	call_through_relays(false, false);
}

static void test_a_strict_peer_complains(void **state)
{
	static const char forged[] = "BYE sip:bob@127.0.0.1:6002 SIP/2.0\r\n"
				     "Via: SIP/2.0/UDP 127.0.0.1:6009;branch=z9hG4bKx\r\n"
				     "From: <sip:alice@ims.example>;tag=%s\r\n"
				     "To: <sip:bob@127.0.0.1:6002>;tag=%s\r\n"
				     "Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
	struct scene s = scene_open(9);
	struct endpoint stranger = at_port(6009), bob = at_port(6002);
	struct ue_dialog *d;
	char bytes[1024];

	(void)state;
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	world_run_until(s.world, 1000);
	d = ue_dialog_of_call(s.bob, 0);
	snprintf(bytes, sizeof(bytes), forged, d->remote_tag, d->local_tag, d->call_id);
	world_send(s.world, &stranger, &bob, text_of(bytes));
	world_run_until(s.world, 2000);
	assert_int_equal(s.bob->n_violations, 2); /* no Max-Forwards, CSeq does not rise */
	assert_int_equal(d->state, UE_CONFIRMED);
	while (s.bob->n_violations) {
		free(s.bob->violations[--s.bob->n_violations]);
		free(s.bob->violation_calls[s.bob->n_violations]);
	}
	assert_true(ue_hang_up(s.alice, 0, false));
	assert_true(world_run_until(s.world, 400000));
	scene_close(&s);
}

static uint64_t fingerprint(uint64_t seed)
{
	struct scene s = scene_open(seed);
	struct hash_key key = {{1, 2}};
	uint64_t sum = 0;

	s.alice->reorders = s.bob->reorders = true;
	world_set_default_link(s.world, (struct world_link){.delay_ms = 20,
							    .jitter_ms = 30,
							    .loss_permille = 200,
							    .duplicate_permille = 100,
							    .reorder_permille = 100,
							    .reorder_ms = 300});
	ue_invite(s.alice, &(struct ue_invitation){.uri = bob_uri});
	world_run_until(s.world, 60000);
	ue_hang_up(s.alice, 0, false);
	assert_true(world_run_until(s.world, 400000));
	for (unsigned i = 0; i < world_n_crossings(s.world); i++) {
		const struct world_crossing *c = world_crossing(s.world, i);

		sum = sum * 31 + c->sent_ms + hash_bytes(&key, c->bytes.at, c->bytes.len);
	}
	assert_int_equal(ue_open_dialogs(s.alice), 0);
	scene_close(&s);
	return sum;
}

static void test_the_same_seed_gives_the_same_run(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++)
		assert_true(fingerprint(seed) == fingerprint(seed));
	assert_true(fingerprint(1) != fingerprint(2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_set_up_and_ended),
		cmocka_unit_test(test_lost_messages_are_sent_again),
		cmocka_unit_test(test_a_cancel_waits_for_a_provisional_response),
		cmocka_unit_test(test_an_invite_to_nobody_is_given_up_after_timer_b),
		cmocka_unit_test(test_an_unacknowledged_2xx_is_repeated_and_then_ended_by_bye),
		cmocka_unit_test(test_a_reliable_provisional_response_waits_for_its_prack),
		cmocka_unit_test(test_target_refresh_reinvite_update_info),
		cmocka_unit_test(test_a_call_through_two_relays),
		cmocka_unit_test(test_a_strict_peer_complains),
		cmocka_unit_test(test_the_same_seed_gives_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
