/* A session of several passages when one of them ends without the others: BYEs that die in an application server, a 481 that
 * shows that one has lost the dialog, contacts that go while a server forks, and what a server may take its time for
 * (spec/scscf.md, spec/service-control.md, docs/adr/0023, 0024). At the end of every test nothing is left. */
#include "through_servers.h"

#include "base/limits.h"

#define DAVE 7400

static void say_register(struct scene *s, uint16_t port, const char *user, unsigned cseq,
			 unsigned contact_port, unsigned expires)
{
	wire_feed(&s->wire, port,
		  "REGISTER sip:ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:%u;branch=z9hG4bKreg%s%u\nMax-Forwards: 70\n"
		  "From: <sip:%s@ims.example>;tag=r\nTo: <sip:%s@ims.example>\nCall-ID: reg-%s\n"
		  "CSeq: %u REGISTER\nContact: <sip:%s@127.0.0.1:%u>;expires=%u\n"
		  "Content-Length: 0\n\n",
		  port, user, cseq, user, user, user, cseq, user, contact_port, expires);
	assert_non_null(wire_last(&s->wire, port, "SIP/2.0 200"));
}

/* Registrations have timers too, and a user is known for a while after the last. */
static void end_with_users(struct scene *s)
{
	scene_run(s, 200000);
	scene_forget(s);
	wire_run(&s->wire, 1000000000);
	scene_end(s);
}

static void send_fails(struct scene *s, uint16_t port, const char *bytes)
{
	struct node_event event = {.kind = NODE_EVENT_SEND_FAILED,
				   .peer = wire_address(TRANSPORT_UDP, port),
				   .bytes = text_of(bytes)};

	node_feed(s->wire.node, s->wire.now_ms, &event);
	wire_collect(&s->wire);
}

/* ---------------------------------------------------------------- servers that fail */

enum failure {
	SILENT,
	UNREACHABLE,
	SAYS, /* and above: a final response of that status */
};

static void fails(struct scene *s, uint16_t port, const char *request, unsigned failure)
{
	char status_line[40];

	if (failure == SILENT)
		return;
	if (failure == UNREACHABLE) {
		send_fails(s, port, request);
		return;
	}
	snprintf(status_line, sizeof(status_line), "%u Failed", failure);
	wire_answer(&s->wire, port, request, status_line, "f", "");
}

struct watch {
	char seen[64][200]; /* branches */
	unsigned n_seen, byes_to_alice, byes_to_bob;
};

static bool is_new(struct watch *watch, const char *request)
{
	char via[200] = "";

	wire_header(request, "Via", 0, via, sizeof(via));
	for (unsigned i = 0; i < watch->n_seen; i++)
		if (strcmp(watch->seen[i], via) == 0)
			return false;
	assert_in_range(watch->n_seen, 0, 63);
	strcpy(watch->seen[watch->n_seen++], via);
	return true;
}

/* Every BYE that is there and was not looked at: a server that failed does what it does, the users are counted. */
static void look(struct scene *s, struct watch *watch, unsigned failure)
{
	for (unsigned i = 0; i < s->wire.n_out; i++) {
		uint16_t port = s->wire.out[i].to.port;
		char *m;

		if (strncmp(s->wire.out[i].bytes, "BYE", 3) != 0 ||
		    !is_new(watch, s->wire.out[i].bytes))
			continue;
		watch->byes_to_alice += port == ALICE;
		watch->byes_to_bob += port == BOB;
		m = strdup(s->wire.out[i].bytes);
		if (port != ALICE && port != BOB && scene_hop(s, port)->is_manual)
			fails(s, port, m, failure);
		free(m);
	}
	settle(s);
}

static void watch_for(struct scene *s, struct watch *watch, unsigned failure, unsigned for_ms)
{
	for (unsigned ms = 0; ms < for_ms; ms += 100) {
		unsigned before;

		do {
			before = s->wire.n_out;
			look(s, watch, failure);
		} while (s->wire.n_out != before);
		if (s->wire.n_out > 100)
			scene_forget(s);
		scene_run(s, 100);
	}
}

static const uint16_t ports[] = {A1, A2, B1, B2};

/* Which of the servers are there, and which of them have failed: bits in the order of `ports`. */
static void hang_up_through(unsigned servers, unsigned failed, unsigned failure, bool is_alice)
{
	unsigned n_alice = (servers & 1) + (servers >> 1 & 1),
		 n_bob = (servers >> 2 & 1) + (servers >> 3 & 1);
	struct watch watch = {.n_seen = 0};
	struct party alice, bob;
	struct scene s;

	open_scene_of(&s, n_alice, n_bob, false);
	scene_call(&s, "c1", &alice, &bob);
	scene_forget(&s);
	for (unsigned i = 0; i < 4; i++)
		if (failed >> i & 1)
			scene_hop(&s, ports[i])->is_manual = true;
	s.ends_act = true;
	party_says(&s, is_alice ? &alice : &bob, "BYE", "");
	watch_for(&s, &watch, failure, 200000);
	if (counters(&s)->sessions || watch.byes_to_bob != is_alice ||
	    watch.byes_to_alice != !is_alice)
		fail_msg("servers %x failed %x how %u alice %d: %u sessions, BYE to alice %u, to "
			 "bob %u",
			 servers, failed, failure, is_alice, (unsigned)counters(&s)->sessions,
			 watch.byes_to_alice, watch.byes_to_bob);
	scene_end(&s);
}

/* @req SC-3b  Whoever hangs up, whichever servers fail, in whatever way: the other user hears one BYE, and nothing is
 * left. */
static void test_sc_3b_a_bye_dies_on_its_way(void **state)
{
	static const unsigned chains[] = {1, 4, 5, 3, 7, 13, 15};
	static const unsigned failures[] = {SILENT, UNREACHABLE, 200, 403, 408,
					    481,    483,         500, 503, 603};

	(void)state;
	for (size_t c = 0; c < sizeof(chains) / sizeof(chains[0]); c++)
		for (unsigned failed = 1; failed <= chains[c]; failed++)
			for (size_t f = 0; f < sizeof(failures) / sizeof(failures[0]); f++) {
				if (failed & ~chains[c])
					continue;
				hang_up_through(chains[c], failed, failures[f], true);
				hang_up_through(chains[c], failed, failures[f], false);
			}
}

/* @req SC-3b  Both hang up at once, and every server has failed: nobody needs a BYE, and nothing is left. */
static void test_sc_3b_both_hang_up(void **state)
{
	static const unsigned failures[] = {SILENT, UNREACHABLE, 481, 483, 500, 503};

	(void)state;
	for (size_t f = 0; f < sizeof(failures) / sizeof(failures[0]); f++)
		for (unsigned n = 0; n < 4; n++) {
			struct watch watch = {.n_seen = 0};
			struct party alice, bob;
			struct scene s;

			open_scene_of(&s, 1 + n / 2, 1 + n % 2, false);
			scene_call(&s, "c1", &alice, &bob);
			for (unsigned i = 0; i < s.n_hops; i++)
				s.hops[i].is_manual = true;
			scene_forget(&s);
			s.ends_act = true;
			party_says(&s, &alice, "BYE", "");
			party_says(&s, &bob, "BYE", "");
			watch_for(&s, &watch, failures[f], 200000);
			assert_int_equal(counters(&s)->sessions, 0);
			scene_end(&s);
		}
}

/* @req SC-3b  A server that wants to know who says BYE is asked again, and nobody else is told meanwhile. */
static void test_sc_3b_a_challenge_is_no_end(void **state)
{
	static const char *const challenges[] = {"401 Unauthorized",
						 "407 Proxy Authentication Required"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct party alice, bob;
		struct scene s;

		open_scene_of(&s, 1, 0, false);
		scene_call(&s, "c1", &alice, &bob);
		scene_hop(&s, A1)->is_manual = true;
		scene_forget(&s);
		party_says(&s, &alice, "BYE", "");
		wire_answer(&s.wire, A1, last(&s, A1, "BYE"), challenges[i], "f", "");
		assert_int_equal(count_to(&s, BOB, "BYE"), 0);
		assert_int_equal(counters(&s)->sessions, 1);
		scene_hop(&s, A1)->is_manual = false;
		scene_forget(&s);
		party_says(&s, &alice, "BYE", "Authorization: Digest username=\"a\"\n");
		settle(&s);
		ends_answer_all(&s);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
		assert_int_equal(counters(&s)->releases_without_server, 0);
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* alice - A1, a B2BUA - bob: its dialog with bob, as bob answered. */
static void call_through_b2bua(struct scene *s, struct party *alice, struct party *bob)
{
	const char *invite, *ok;

	open_scene_of(s, 1, 0, false);
	scene_hop(s, A1)->is_manual = true;
	wire_invite(&s->wire, "c1", "");
	invite = last(s, A1, "INVITE");
	pass_on(s, A1, invite, (struct change){.is_b2bua = true, .call_id = "c2", .from_tag = "x"});
	party_of_callee(bob, BOB, last(s, BOB, "INVITE"), "b");
	wire_answer(&s->wire, BOB, last(s, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
	ok = last(s, A1, "SIP/2.0 200");
	party_of_caller(alice, A1, ok);
	party_says(s, alice, "ACK", "");
	wire_answer(&s->wire, A1, last(s, A1, "INVITE"), "200 OK", "y",
		    "Contact: <sip:b2bua@127.0.0.1:8001>\n");
	party_of_caller(alice, ALICE, last(s, ALICE, "SIP/2.0 200"));
	party_says(s, alice, "ACK", "");
	scene_forget(s);
}

/* @req SC-3b  What a B2BUA does with its other dialog after 2xx or 481 is its own affair; any other answer means that
 * it did not take the BYE. */
static void test_sc_3b_a_b2bua_that_does_not_take_the_bye(void **state)
{
	static const struct {
		const char *status_line;
		bool is_own_affair;
	} rows[] = {
		{"200 OK", true},        {"481 No Dialog", true}, {"403 Forbidden", false},
		{"483 Too Many", false}, {"500 Broken", false},   {"503 Gone", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct party alice, bob;
		struct scene s;

		call_through_b2bua(&s, &alice, &bob);
		party_says(&s, &alice, "BYE", "");
		wire_answer(&s.wire, A1, last(&s, A1, "BYE"), rows[i].status_line, "y", "");
		if (rows[i].is_own_affair) {
			assert_int_equal(count_to(&s, BOB, "BYE"), 0);
			assert_int_equal(counters(&s)->sessions, 1);
			party_says(&s, &bob, "BYE", "");
			wire_answer(&s.wire, A1, last(&s, A1, "BYE"), "200 OK", "x", "");
		} else {
			assert_int_equal(count_new(&s, BOB, "BYE"), 1);
			assert_int_equal(count_new(&s, A1, "BYE"), 2); /* its other dialog too */
			ends_answer_all(&s);
			wire_answer(&s.wire, A1, last(&s, A1, "BYE"), "200 OK", "", "");
		}
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* ---------------------------------------------------------------- a release meets one that is under way */

/* carol calls bob through A and B; her BYE dies in A, and the BYE that then goes to B is without an answer. */
static void one_passage_is_released(struct scene *s, struct party *caller, const char *failure)
{
	const struct test_criteria a[] = {{.uri = URI(8001), .method = "INVITE"}};
	const struct test_criteria b[] = {{.uri = URI(8101), .method = "INVITE"}};
	struct party bob;

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 1);
	served_add("sip:bob@ims.example", b, 1);
	scene_open(s);
	scene_hop(s, A1);
	scene_hop(s, B1);
	say_register(s, CAROL, "bob", 1, CAROL, 600);
	scene_forget(s);
	wire_invite(&s->wire, "c1", "");
	settle(s);
	party_of_callee(&bob, CAROL, last(s, CAROL, "INVITE"), "b");
	wire_answer(&s->wire, CAROL, last(s, CAROL, "INVITE"), "200 OK", "b", CAROLS_CONTACT);
	settle(s);
	wire_answer(&s->wire, BOB, last(s, BOB, "INVITE"), "487 Request Terminated", "n", "");
	party_of_caller(caller, ALICE, wire_last(&s->wire, ALICE, "SIP/2.0 200"));
	party_says(s, caller, "ACK", "");
	settle(s);
	scene_hop(s, A1)->is_manual = true;
	scene_hop(s, B1)->is_manual = true;
	scene_forget(s);
	party_says(s, caller, "BYE", "");
	wire_answer(&s->wire, A1, last(s, A1, "BYE"), failure, "f", "");
	settle(s);
	assert_int_equal(count_new(s, B1, "BYE"), 1);
	assert_int_equal(count_to(s, CAROL, "BYE"), 0);
}

/* @req SC-7 SC-3b  The contact that the called user answered at goes while one passage is released already: the user there
 * hears its BYE at once, and only one. */
static void test_sc_7_a_contact_goes_while_one_passage_is_released(void **state)
{
	static const char *const failures[] = {"483 Too Many Hops", "500 Broken", "481 Lost",
					       "403 Forbidden"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct watch watch = {.n_seen = 0};
		struct party caller;
		struct scene s;

		one_passage_is_released(&s, &caller, failures[i]);
		say_register(&s, CAROL, "bob", 2, CAROL, 0);
		scene_run(&s, 1000);
		assert_int_equal(count_new(&s, CAROL, "BYE"), 1);
		wire_answer(&s.wire, CAROL, last(&s, CAROL, "BYE"), "200 OK", "b", "");
		watch_for(&s, &watch, SILENT, 60000);
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* @req SC-3b OP-1  The same by an order: it counts as one that this order began. */
static void test_sc_3b_an_order_while_one_passage_is_released(void **state)
{
	struct node_release_progress progress;
	struct watch watch = {.n_seen = 0};
	struct party caller;
	struct scene s;
	uint32_t order;

	(void)state;
	one_passage_is_released(&s, &caller, "500 Broken");
	order = wire_release_all(&s.wire, 480);
	assert_int_equal(count_new(&s, CAROL, "BYE"), 1);
	assert_true(node_release_progress(s.wire.node, order, &progress));
	assert_int_equal(progress.begun, 1);
	assert_int_equal(progress.already_releasing, 0);
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "BYE"), "200 OK", "b", "");
	watch_for(&s, &watch, SILENT, 60000);
	assert_true(node_release_progress(s.wire.node, order, &progress));
	assert_false(progress.running);
	assert_int_equal(progress.ended, 1);
	end_with_users(&s);
}

/* @req SC-7  The caller itself goes after its BYE died: its own passage has ended with that BYE, and the rest is being
 * released. */
static void test_sc_7_the_caller_goes_after_its_bye(void **state)
{
	static const char *const failures[] = {"483 Too Many Hops", "500 Broken"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct test_criteria a[] = {{.uri = URI(8001), .method = "INVITE"}};
		struct party caller;
		struct scene s;

		served_users = subscribers_open();
		served_add("sip:carol@ims.example", a, 1);
		served_add("sip:bob@ims.example", NULL, 0);
		scene_open(&s);
		scene_hop(&s, A1);
		say_register(&s, CAROL, "carol", 1, CAROL, 600);
		wire_feed(&s.wire, CAROL,
			  "INVITE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
			  "127.0.0.1:7100;branch=z9hG4bKc1\nMax-Forwards: 70\n"
			  "From: <sip:carol@ims.example>;tag=a\nTo: <sip:bob@ims.example>\n"
			  "Call-ID: c1\nCSeq: 1 INVITE\nContact: <sip:carol@127.0.0.1:7100>\n"
			  "Content-Length: 0\n\n");
		settle(&s);
		bob_answers(&s, "200 OK");
		party_of_caller(&caller, CAROL, last(&s, CAROL, "SIP/2.0 200"));
		party_says(&s, &caller, "ACK", "");
		settle(&s);
		scene_forget(&s);
		scene_hop(&s, A1)->is_manual = true;
		party_says(&s, &caller, "BYE", "");
		wire_answer(&s.wire, A1, last(&s, A1, "BYE"), failures[i], "f", "");
		settle(&s);
		assert_int_equal(count_new(&s, BOB, "BYE"), 1);
		say_register(&s, CAROL, "carol", 2, CAROL, 0);
		scene_run(&s, 1000);
		assert_int_equal(count_new(&s, BOB, "BYE"), 1);
		assert_int_equal(count_to(&s, CAROL, "BYE"), 0);
		wire_answer(&s.wire, BOB, last(&s, BOB, "BYE"), "200 OK", "", "");
		assert_int_equal(counters(&s)->sessions, 0);
		end_with_users(&s);
	}
}

/* ---------------------------------------------------------------- a dialog is lost */

/* @req SC-3b SC-9  A server that lost its state says 481 to a request inside the dialog: nobody will tell the other user but
 * this server. */
static void test_sc_3b_a_server_that_lost_the_dialog(void **state)
{
	static const char *const methods[] = {"UPDATE", "INVITE", "INFO"};

	(void)state;
	for (int i = 0; i < 12; i++) {
		const char *method = methods[i / 4];
		bool is_alice = i & 1, with_two = i & 2;
		uint16_t other = is_alice ? BOB : ALICE;
		struct watch watch = {.n_seen = 0};
		struct party alice, bob;
		struct scene s;

		open_scene_of(&s, 1, with_two, false);
		scene_call(&s, "c1", &alice, &bob);
		scene_hop(&s, A1)->is_manual = true;
		scene_forget(&s);
		party_says(&s, is_alice ? &alice : &bob, method,
			   is_alice ? "Contact: <sip:alice@127.0.0.1:6000>\n" : BOBS_CONTACT);
		settle(&s);
		wire_answer(&s.wire, A1, last(&s, A1, method), "481 No Such Call", "f", "");
		settle(&s);
		assert_int_equal(count_to(&s, other, "BYE"), 1);
		s.ends_act = true;
		party_says(&s, is_alice ? &alice : &bob, "BYE", "");
		watch_for(&s, &watch, 481, 40000);
		assert_int_equal(watch.byes_to_alice, !is_alice);
		assert_int_equal(watch.byes_to_bob, is_alice);
		assert_int_equal(counters(&s)->sessions, 0);
		scene_end(&s);
	}
}

/* @req SC-3b  The 481 comes from the other user: it has no session any more and needs no BYE. */
static void test_sc_3b_a_user_that_lost_the_dialog(void **state)
{
	struct party alice, bob;
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 1, false);
	scene_call(&s, "c1", &alice, &bob);
	scene_forget(&s);
	party_says(&s, &alice, "UPDATE", "Contact: <sip:alice@127.0.0.1:6000>\n");
	settle(&s);
	wire_answer(&s.wire, BOB, last(&s, BOB, "UPDATE"), "481 No Such Call", "b", "");
	settle(&s);
	assert_int_equal(count_to(&s, BOB, "BYE"), 0);
	assert_int_equal(counters(&s)->sessions, 0);
	scene_end(&s);
}

/* ---------------------------------------------------------------- early dialogs */

/* @req SC-3b RC-11  RFC 3261 §15: the BYE of a caller ends an early dialog, its INVITE ends by the callee's 487; nothing
 * is released. But when it died in the server the callee is told. */
static void test_sc_3b_a_bye_in_an_early_dialog(void **state)
{
	(void)state;
	for (int dies = 0; dies < 2; dies++) {
		struct party alice;
		struct scene s;
		char *invite;

		open_scene_of(&s, 1, 0, false);
		wire_invite(&s.wire, "c1", "");
		settle(&s);
		invite = strdup(last(&s, BOB, "INVITE"));
		bob_answers(&s, "180 Ringing");
		party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 180"));
		scene_forget(&s);
		scene_hop(&s, A1)->is_manual = dies;
		party_says(&s, &alice, "BYE", "");
		settle(&s);
		if (dies) {
			wire_answer(&s.wire, A1, last(&s, A1, "BYE"), "500 Broken", "f", "");
			scene_hop(&s, A1)->is_manual = false;
			settle(&s);
			assert_int_equal(count_to(&s, BOB, "CANCEL"), 1);
			wire_answer(&s.wire, BOB, last(&s, BOB, "CANCEL"), "200 OK", "b", "");
		} else {
			wire_answer(&s.wire, BOB, last(&s, BOB, "BYE"), "200 OK", "b", "");
			settle(&s);
			assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
			assert_int_equal(count_to(&s, BOB, "CANCEL"), 0);
		}
		assert_int_equal(counters(&s)->releases_without_server, dies);
		wire_answer(&s.wire, BOB, invite, "487 Request Terminated", "b", "");
		settle(&s);
		assert_int_equal(count_to(&s, ALICE, dies ? "SIP/2.0 480" : "SIP/2.0 487"), 1);
		free(invite);
		scene_end(&s);
	}
}

/* ---------------------------------------------------------------- contacts */

/* @req SC-0a SC-7 RC-8  The 2xx of a contact that has just gone crosses the CANCEL: the caller has it, the callee its ACK
 * and BYE, and the caller its BYE after its ACK. */
static void test_rc_8_a_2xx_of_a_contact_that_has_gone(void **state)
{
	struct party alice;
	struct scene s;

	(void)state;
	open_scene_of(&s, 0, 0, false);
	say_register(&s, CAROL, "bob", 1, CAROL, 600);
	wire_invite(&s.wire, "c1", "");
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"), "180 Ringing", "c", CAROLS_CONTACT);
	say_register(&s, CAROL, "bob", 2, CAROL, 0);
	scene_run(&s, 1000);
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "CANCEL"), "200 OK", "c", "");
	assert_int_equal(count_to(&s, BOB, "CANCEL"), 0);
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"), "200 OK", "c", CAROLS_CONTACT);
	assert_int_equal(count_to(&s, BOB, "CANCEL"), 1);
	assert_int_equal(count_to(&s, CAROL, "ACK"), 1);
	assert_int_equal(count_new(&s, CAROL, "BYE"), 1);
	assert_int_equal(count_to(&s, ALICE, "BYE"), 0);
	party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
	party_says(&s, &alice, "ACK", "");
	assert_int_equal(count_new(&s, ALICE, "BYE"), 1);
	wire_answer(&s.wire, BOB, last(&s, BOB, "CANCEL"), "200 OK", "b", "");
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "487 Request Terminated", "b", "");
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "BYE"), "200 OK", "c", "");
	wire_answer(&s.wire, ALICE, last(&s, ALICE, "BYE"), "200 OK", "", "");
	assert_int_equal(counters(&s)->sessions, 0);
	scene_end(&s);
}

/* @req SC-0a  Another contact had answered before: the call stays, and the caller ends the dialog too many. */
static void test_sc_0a_a_second_2xx_of_a_contact_that_has_gone(void **state)
{
	struct party alice;
	struct scene s;

	(void)state;
	open_scene_of(&s, 0, 0, false);
	say_register(&s, CAROL, "bob", 1, CAROL, 600);
	wire_invite(&s.wire, "c1", "");
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"), "180 Ringing", "c", CAROLS_CONTACT);
	say_register(&s, CAROL, "bob", 2, CAROL, 0);
	scene_run(&s, 1000);
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "200 OK", "b", BOBS_CONTACT);
	party_of_caller(&alice, ALICE, last(&s, ALICE, "SIP/2.0 200"));
	party_says(&s, &alice, "ACK", "");
	wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"), "200 OK", "c", CAROLS_CONTACT);
	assert_int_equal(count_to(&s, ALICE,
				  "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:6000;"
				  "branch=z9hG4bKc1-1"),
			 2);
	assert_int_equal(count_to(&s, BOB, "BYE"), 0);
	assert_int_equal(count_to(&s, CAROL, "BYE"), 0);
	assert_int_equal(counters(&s)->sessions_confirmed, 1);
	wire_release_all(&s.wire, 480);
	scene_end(&s);
}

/* bob's server sends the INVITE to dave and to carol, and both ring. */
static void ring_two_users(struct scene *s)
{
	const struct test_criteria b[] = {
		{.uri = URI(8101), .on_case = 1 + TERMINATING_REGISTERED}};
	char *invite;

	served_users = subscribers_open();
	served_add("sip:alice@ims.example", NULL, 0);
	served_add("sip:bob@ims.example", b, 1);
	served_add("sip:carol@ims.example", NULL, 0);
	served_add("sip:dave@ims.example", NULL, 0);
	scene_open(s);
	scene_hop(s, B1)->is_manual = true;
	say_register(s, DAVE, "dave", 1, DAVE, 600);
	say_register(s, CAROL, "carol", 1, CAROL, 600);
	wire_invite(&s->wire, "c1", "");
	invite = strdup(last(s, B1, "INVITE"));
	pass_on(s, B1, invite, (struct change){.request_uri = "sip:dave@ims.example", .mark = "d"});
	pass_on(s, B1, invite,
		(struct change){.request_uri = "sip:carol@ims.example", .mark = "c"});
	wire_answer(&s->wire, DAVE, last(s, DAVE, "INVITE"), "180 Ringing", "d",
		    "Contact: <sip:dave@127.0.0.1:7400>\n");
	wire_answer(&s->wire, CAROL, last(s, CAROL, "INVITE"), "180 Ringing", "c", CAROLS_CONTACT);
	free(invite);
}

/* @req SC-0a  A server forks, and the contact of one of its branches goes: only that branch is cancelled, its 480 goes to
 * the server, and the other user may answer. */
static void test_sc_0a_a_contact_of_a_forking_server(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		struct scene s;

		ring_two_users(&s);
		say_register(&s, DAVE, "dave", 2, DAVE, 0);
		scene_run(&s, 1000);
		assert_int_equal(count_new(&s, DAVE, "CANCEL"), 1);
		assert_int_equal(count_to(&s, CAROL, "CANCEL"), 0);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 480"), 0);
		wire_answer(&s.wire, DAVE, last(&s, DAVE, "CANCEL"), "200 OK", "d", "");
		wire_answer(&s.wire, DAVE, last(&s, DAVE, "INVITE"), "487 Request Terminated", "d",
			    "");
		assert_int_equal(count_new(&s, B1, "SIP/2.0 480"), 1);
		ack_hop(&s, B1, last(&s, B1, "SIP/2.0 480"));
		if (both) { /* then nobody is left to answer */
			say_register(&s, CAROL, "carol", 2, CAROL, 0);
			scene_run(&s, 1000);
			assert_int_equal(count_new(&s, CAROL, "CANCEL"), 1);
			wire_answer(&s.wire, CAROL, last(&s, CAROL, "CANCEL"), "200 OK", "c", "");
			wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"),
				    "487 Request Terminated", "c", "");
			scene_run(&s, 10000);
			assert_int_equal(count_new(&s, ALICE, "SIP/2.0 480"), 1);
		} else {
			wire_answer(&s.wire, CAROL, last(&s, CAROL, "INVITE"), "200 OK", "c",
				    CAROLS_CONTACT);
			pass_back(&s, B1, last(&s, B1, "SIP/2.0 200"));
			assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
			wire_release_all(&s.wire, 480);
		}
		end_with_users(&s);
	}
}

/* ---------------------------------------------------------------- servers that take their time */

static void feed_message(struct scene *s)
{
	wire_feed(&s->wire, ALICE,
		  "MESSAGE sip:bob@ims.example SIP/2.0\nVia: SIP/2.0/UDP "
		  "127.0.0.1:6000;branch=z9hG4bKm1\nMax-Forwards: 70\n"
		  "From: <sip:alice@ims.example>;tag=a\nTo: <sip:bob@ims.example>\nCall-ID: m1\n"
		  "CSeq: 1 MESSAGE\nContent-Length: 0\n\n");
	settle(s);
}

/* @req IC-8 IC-13  The server has sent the MESSAGE on: how long bob takes is not its fault. */
static void test_ic_8_a_slow_answer_behind_the_server(void **state)
{
	static const unsigned waits_ms[] = {3000, 5000, 9000, 20000};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct scene s;

		open_scene_of(&s, 1, 0, false);
		feed_message(&s);
		scene_run(&s, waits_ms[i]);
		assert_int_equal(count_new(&s, BOB, "MESSAGE"), 1);
		wire_answer(&s.wire, BOB, last(&s, BOB, "MESSAGE"), "200 OK", "b", "");
		settle(&s);
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
		assert_int_equal(counters(&s)->servers_failed, 0);
		scene_end(&s);
	}
}

/* @req IC-8 IC-13  RFC 4320 §4.1: a server may say 100 to a MESSAGE only after 3.5 s, and it may be lost once. Whoever says
 * it in time may answer later. */
static void test_ic_8_a_late_100_to_a_message(void **state)
{
	(void)state;
	for (int says_100 = 0; says_100 < 2; says_100++) {
		struct scene s;

		open_scene_of(&s, 1, 0, false);
		scene_hop(&s, A1)->is_manual = true;
		feed_message(&s);
		scene_run(&s, 7900);
		assert_int_equal(counters(&s)->servers_failed, 0);
		if (says_100)
			wire_answer(&s.wire, A1, last(&s, A1, "MESSAGE"), "100 Trying", "", "");
		scene_run(&s, 12000);
		assert_int_equal(counters(&s)->servers_failed, !says_100);
		assert_int_equal(count_new(&s, BOB, "MESSAGE"), !says_100);
		if (says_100)
			wire_answer(&s.wire, A1, last(&s, A1, "MESSAGE"), "200 OK", "f", "");
		else
			wire_answer(&s.wire, BOB, last(&s, BOB, "MESSAGE"), "200 OK", "b", "");
		assert_int_equal(count_to(&s, ALICE, "SIP/2.0 200"), 1);
		scene_end(&s);
	}
}

/* @req IC-8  A B2BUA that says no 100 but has called back is alive: bob rings on, and the caller hears of it. */
static void test_ic_8_a_b2bua_that_says_nothing_but_calls_back(void **state)
{
	struct scene s;
	char *invite;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	invite = strdup(last(&s, A1, "INVITE"));
	pass_on(&s, A1, invite,
		(struct change){.is_b2bua = true, .call_id = "c2", .from_tag = "x"});
	wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "180 Ringing", "b", BOBS_CONTACT);
	scene_run(&s, 6000);
	assert_int_equal(counters(&s)->servers_failed, 0);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 408"), 0);
	assert_int_equal(count_to(&s, BOB, "CANCEL"), 0);
	wire_answer(&s.wire, A1, invite, "180 Ringing", "y",
		    "Contact: <sip:b2bua@127.0.0.1:8001>\n");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 180"), 1);
	scene_run(&s, 60000);
	wire_answer(&s.wire, A1, invite, "486 Busy Here", "y", "");
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 486"), 1);
	free(invite);
	scene_end(&s);
}

/* @req RF-8 IC-8  RFC 4320 §4.2: no 408 to a MESSAGE whose server cannot be reached. */
static void test_rf_8_no_408_when_there_is_no_way_to_the_server(void **state)
{
	const struct test_criteria a[] = {{.uri = "sip:as.nowhere.example", .terminates = true}};
	struct scene s;

	(void)state;
	served_users = subscribers_open();
	served_add("sip:alice@ims.example", a, 1);
	scene_open(&s);
	feed_message(&s);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 408"), 0);
	assert_int_equal(count_to(&s, ALICE, "SIP/2.0 500"), 1);
	scene_run(&s, 40000);
	assert_int_equal(counters(&s)->passages, 0);
	scene_end(&s);
}

/* ---------------------------------------------------------------- bound */

/* @req IC-12  A server may call back again and again, but a session has a bound: the next is answered 503, and the session
 * still ends as any other. */
static void test_ic_12_a_server_that_calls_back_without_end(void **state)
{
	char id[20], *invite;
	struct scene s;

	(void)state;
	open_scene_of(&s, 1, 0, false);
	scene_hop(&s, A1)->is_manual = true;
	wire_invite(&s.wire, "c1", "");
	invite = strdup(last(&s, A1, "INVITE"));
	for (unsigned i = 1; i < LIMIT_PASSAGES + 3; i++) {
		scene_forget(&s);
		snprintf(id, sizeof(id), "k%u", i);
		pass_on(&s, A1, invite,
			(struct change){
				.is_b2bua = true, .call_id = id, .from_tag = "x", .mark = id});
		assert_int_equal(count_to(&s, BOB, "INVITE"), i < LIMIT_PASSAGES);
		assert_int_equal(count_to(&s, A1, "SIP/2.0 503"), i >= LIMIT_PASSAGES);
		if (i < LIMIT_PASSAGES)
			wire_answer(&s.wire, BOB, last(&s, BOB, "INVITE"), "180 Ringing", id,
				    BOBS_CONTACT);
	}
	assert_int_equal(counters(&s)->passages, LIMIT_PASSAGES);
	scene_forget(&s);
	wire_release_all(&s.wire, 480);
	assert_int_equal(count_to(&s, BOB, "CANCEL"), LIMIT_PASSAGES - 1);
	for (unsigned i = 0; i < 40; i++) {
		scene_forget(&s);
		scene_run(&s, 1000);
	}
	free(invite);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_3b_a_bye_dies_on_its_way),
		cmocka_unit_test(test_sc_3b_both_hang_up),
		cmocka_unit_test(test_sc_3b_a_challenge_is_no_end),
		cmocka_unit_test(test_sc_3b_a_b2bua_that_does_not_take_the_bye),
		cmocka_unit_test(test_sc_7_a_contact_goes_while_one_passage_is_released),
		cmocka_unit_test(test_sc_3b_an_order_while_one_passage_is_released),
		cmocka_unit_test(test_sc_7_the_caller_goes_after_its_bye),
		cmocka_unit_test(test_sc_3b_a_server_that_lost_the_dialog),
		cmocka_unit_test(test_sc_3b_a_user_that_lost_the_dialog),
		cmocka_unit_test(test_sc_3b_a_bye_in_an_early_dialog),
		cmocka_unit_test(test_rc_8_a_2xx_of_a_contact_that_has_gone),
		cmocka_unit_test(test_sc_0a_a_second_2xx_of_a_contact_that_has_gone),
		cmocka_unit_test(test_sc_0a_a_contact_of_a_forking_server),
		cmocka_unit_test(test_ic_8_a_slow_answer_behind_the_server),
		cmocka_unit_test(test_ic_8_a_late_100_to_a_message),
		cmocka_unit_test(test_ic_8_a_b2bua_that_says_nothing_but_calls_back),
		cmocka_unit_test(test_rf_8_no_408_when_there_is_no_way_to_the_server),
		cmocka_unit_test(test_ic_12_a_server_that_calls_back_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
