/* The registrar's memory: order, and what is told of the contacts that go: each once, none lost. */
#include "registering.h"

static const char *const whys[BINDINGS_GONE_WHYS] = {
	"-", "by user", "expired", "by operator", "replaced", "taken out",
};

static struct handle handle_of(struct registrar *r, const char *contact)
{
	struct binding *b = bindings_of_contact(&r->bindings, TEXT(BOB), text_of(contact));

	return b ? pool_handle(r->bindings.pool, b) : NO_HANDLE;
}

/* The next one gone, with its contact and reason as a text. */
static const char *next_gone(struct registrar *r, enum bindings_reader reader)
{
	static char text[200];
	struct binding_gone gone;
	const struct binding *b;

	if (!bindings_next_gone_for(&r->bindings, reader, &gone))
		return "none";
	b = binding_at(&r->bindings, gone.binding);
	assert_non_null(b);
	snprintf(text, sizeof(text), "%.*s %s", TEXT_ARGS(binding_text(b, BINDING_CONTACT)),
		 whys[gone.why]);
	return text;
}

#define RELEASE BINDINGS_FOR_RELEASE
#define EVENTS  BINDINGS_FOR_EVENTS

/* @req SC-7  The contact is told with its reason, its handle finds it until then and nothing after. */
static void test_sc_7_a_contact_that_goes_is_told_once_with_its_reason(void **state)
{
	static struct registrar r;
	struct handle one, two, three;
	struct text_writer changes;

	(void)state;
	registrar_open(&r, 100);
	register_bob(&r, "r1", 1,
		     "Contact: <sip:bob@10.0.0.1>;expires=100\nContact: "
		     "<sip:bob@10.0.0.2>\nContact: <sip:bob@10.0.0.3>\n");
	one = handle_of(&r, "sip:bob@10.0.0.1");
	two = handle_of(&r, "sip:bob@10.0.0.2");
	three = handle_of(&r, "sip:bob@10.0.0.3");
	assert_string_equal(next_gone(&r, RELEASE), "none");
	/* a refresh keeps the handle, and releases nothing */
	register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=100\n");
	assert_true(handle_equal(one, handle_of(&r, "sip:bob@10.0.0.1")));
	assert_string_equal(next_gone(&r, RELEASE), "none");

	pass(&r, 100000);
	register_bob(&r, "r1", 3, "Contact: <sip:bob@10.0.0.2>;expires=0\n");
	changes = text_writer_on(r.changes, sizeof(r.changes));
	assert_int_equal(scscf_deregister(&r.around, TEXT(BOB), TEXT("sip:bob@10.0.0.3"),
					  BINDING_GONE_BY_OPERATOR, r.now_ms, &changes),
			 1);
	assert_non_null(binding_at(&r.bindings, one));
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.1 expired");
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.2 by user");
	assert_null(binding_at(&r.bindings, one));
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.3 by operator");
	assert_string_equal(next_gone(&r, RELEASE), "none");
	assert_string_equal(next_gone(&r, RELEASE), "none");
	assert_null(binding_at(&r.bindings, two));
	assert_null(binding_at(&r.bindings, three));
	registrar_close(&r);
}

/* Each reader hears of each contact, whoever comes first; only then is it forgotten. */
static void test_sc_7_two_readers_hear_of_each_contact(void **state)
{
	static struct registrar r;
	struct handle one;

	(void)state;
	registrar_open(&r, 100);
	r.bindings.readers |= 1u << EVENTS;
	register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>, <sip:bob@10.0.0.2>\n");
	one = handle_of(&r, "sip:bob@10.0.0.1");
	register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=0\n");
	assert_string_equal(next_gone(&r, EVENTS), "sip:bob@10.0.0.1 by user");
	register_bob(&r, "r1", 3, "Contact: <sip:bob@10.0.0.2>;expires=0\n");
	assert_string_equal(next_gone(&r, EVENTS), "sip:bob@10.0.0.2 by user");
	assert_string_equal(next_gone(&r, EVENTS), "none");
	assert_non_null(binding_at(&r.bindings, one));
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.1 by user");
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.2 by user");
	assert_string_equal(next_gone(&r, RELEASE), "none");
	assert_null(binding_at(&r.bindings, one));
	registrar_close(&r);
}

/* All contacts go at once and nobody asks: none is lost, and as many new ones have their places meanwhile. */
static void test_sc_7_the_queue_loses_nothing_when_all_go_at_once(void **state)
{
	static struct registrar r;
	char user[64], contact[80];
	unsigned n = 0;

	(void)state;
	registrar_open(&r, 40);
	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 40; i++) {
			snprintf(user, sizeof(user), "sip:u%d-%u@ims.example", round, i);
			snprintf(contact, sizeof(contact),
				 "Contact: <sip:u@10.0.%d.%u>;expires=%d\n", round, i,
				 round ? 3600 : 60);
			if (round && i == 0) {
				/* known for a while after it: until that is over too */
				pass(&r, 60000);
				pass(&r, KNOWN_MS);
			}
			assert_int_equal(try_register(&r, user, user, 1, contact), 200);
		}
	assert_int_equal(
		try_register(&r, "sip:x@ims.example", "x", 1, "Contact: <sip:x@1.2.3.4>\n"), 503);
	while (strcmp(next_gone(&r, RELEASE), "none") != 0)
		n++;
	assert_int_equal(n, 40);
	assert_int_equal(r.bindings.n_live, 40);
	registrar_close(&r);
}

/* The contact becomes "known, without a contact": under a new handle, so that who holds the old one finds
 * nothing. */
static void test_sc_7_the_entry_of_a_known_user_has_a_handle_of_its_own(void **state)
{
	static struct registrar r;
	struct binding *list[2];
	struct handle one;

	(void)state;
	registrar_open(&r, 1); /* the only place, too */
	register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>\n");
	one = handle_of(&r, "sip:bob@10.0.0.1");
	register_bob(&r, "r1", 2, "Contact: *\nExpires: 0\n");
	assert_int_equal(bindings_of_user(&r.bindings, TEXT(BOB), list, 2), 1);
	assert_int_equal(binding_text(list[0], BINDING_CONTACT).len, 0);
	assert_false(handle_equal(pool_handle(r.bindings.pool, list[0]), one));
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.1 by user");
	assert_string_equal(next_gone(&r, RELEASE), "none"); /* the entry itself is no contact */
	assert_null(binding_at(&r.bindings, one));
	pass(&r, KNOWN_MS);
	assert_string_equal(next_gone(&r, RELEASE), "none");
	assert_int_equal(bindings_of_user(&r.bindings, TEXT(BOB), list, 2), 0);
	registrar_close(&r);
}

/* @req RG-6b */
static void test_rg_6b_contacts_are_in_the_order_of_q_then_the_newest(void **state)
{
	static const char *const want[] = {
		"sip:bob@10.0.0.6", "sip:bob@10.0.0.2", "sip:bob@10.0.0.1",
		"sip:bob@10.0.0.4", "sip:bob@10.0.0.3", "sip:bob@10.0.0.5",
	};
	static struct registrar r;
	struct binding *list[8];

	(void)state;
	registrar_open(&r, 100);
	register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"); /* as 1 */
	register_bob(&r, "r2", 1, "Contact: <sip:bob@10.0.0.2>;q=1.000\n");
	register_bob(&r, "r3", 1, "Contact: <sip:bob@10.0.0.3>;q=0.5\n");
	register_bob(&r, "r4", 1, "Contact: <sip:bob@10.0.0.4>;q=0.501\n");
	register_bob(&r, "r5", 1, "Contact: <sip:bob@10.0.0.5>;q=0\n");
	register_bob(&r, "r6", 1, "Contact: <sip:bob@10.0.0.6>;q=2\n"); /* no q: as 1 */
	assert_int_equal(bindings_of_user(&r.bindings, TEXT(BOB), list, 8), 6);
	for (unsigned i = 0; i < 6; i++)
		assert_true(text_equal(binding_text(list[i], BINDING_CONTACT), text_of(want[i])));
	assert_true(says(&r, "<sip:bob@10.0.0.4>;expires=3600;q=0.501\r\n"));
	assert_true(says(&r, "<sip:bob@10.0.0.2>;expires=3600;q=1\r\n"));
	assert_true(says(&r, "<sip:bob@10.0.0.5>;expires=3600;q=0\r\n"));
	assert_true(says(&r, "<sip:bob@10.0.0.6>;expires=3600\r\n"));
	register_bob(&r, "r3", 2, "Contact: <sip:bob@10.0.0.3>;q=0.05\n");
	assert_true(says(&r, "<sip:bob@10.0.0.3>;expires=3600;q=0.05\r\n"));
	registrar_close(&r);
}

/* ---------------------------------------------------------------- copies on the other shards */

static void tell(struct registrar *from, struct registrar *to)
{
	struct text rest = from->changes_text;
	struct binding_line line;

	while (binding_line_next(&rest, &line))
		assert_int_equal(bindings_apply(&to->bindings, &line, to->now_ms, KNOWN_MS),
				 BINDINGS_DONE);
}

/* @req RG-8  A refresh that crosses the end of the old time on its way to a copy ends no call there; the shard
 * that decides says what has expired, and each shard tells of it once. */
static void test_rg_8_a_copy_waits_for_the_shard_that_decides(void **state)
{
	static struct registrar a, b;
	struct binding_line gone = {.user = TEXT(BOB),
				    .contact = TEXT("sip:bob@10.0.0.1"),
				    .expires_ms = UINT64_MAX,
				    .why = BINDING_GONE_EXPIRED};
	struct handle one;

	(void)state;
	registrar_open(&a, 100);
	registrar_open(&b, 100);
	b.bindings.is_copy = true;
	register_bob(&a, "r1", 1, "Contact: <sip:bob@10.0.0.1>;expires=60\n");
	tell(&a, &b);
	one = handle_of(&b, "sip:bob@10.0.0.1");
	pass(&a, 59999);
	register_bob(&a, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=60\n");
	pass(&b, 60000); /* the line comes a moment too late */
	tell(&a, &b);
	assert_string_equal(next_gone(&b, RELEASE), "none");
	assert_true(handle_equal(one, handle_of(&b, "sip:bob@10.0.0.1")));

	pass(&a, 60001);
	pass(&b, 60001);
	assert_string_equal(next_gone(&a, RELEASE), "sip:bob@10.0.0.1 expired");
	assert_string_equal(next_gone(&b, RELEASE), "none");
	bindings_apply(&b.bindings, &gone, b.now_ms, KNOWN_MS);
	bindings_apply(&b.bindings, &gone, b.now_ms, KNOWN_MS); /* twice does no harm */
	pass(&b, 2 * BINDINGS_COPY_GRACE_MS);
	assert_string_equal(next_gone(&b, RELEASE), "sip:bob@10.0.0.1 expired");
	assert_string_equal(next_gone(&b, RELEASE), "none");
	registrar_close(&a);
	registrar_close(&b);
}

/* The line was lost: its own timer makes an end, somewhat later. */
static void test_rg_8_a_copy_helps_itself_when_the_line_is_lost(void **state)
{
	static struct registrar a, b;

	(void)state;
	registrar_open(&a, 100);
	registrar_open(&b, 100);
	b.bindings.is_copy = true;
	register_bob(&a, "r1", 1, "Contact: <sip:bob@10.0.0.1>;expires=60\n");
	tell(&a, &b);
	pass(&b, 60000 + BINDINGS_COPY_GRACE_MS - 1);
	assert_string_equal(next_gone(&b, RELEASE), "none");
	pass(&b, 1);
	assert_string_equal(next_gone(&b, RELEASE), "sip:bob@10.0.0.1 expired");
	registrar_close(&a);
	registrar_close(&b);
}

/* @req SC-7  The file no longer has it. */
static void test_sc_7_a_contact_taken_out_of_the_file_is_told(void **state)
{
	static struct registrar r;
	struct binding_line line = {.user = TEXT(BOB), .contact = TEXT("sip:bob@10.0.0.1")};

	(void)state;
	registrar_open(&r, 100);
	bindings_apply(&r.bindings, &line, r.now_ms, KNOWN_MS);
	bindings_next_round(&r.bindings, r.now_ms);
	assert_string_equal(next_gone(&r, RELEASE), "none");
	bindings_next_round(&r.bindings, r.now_ms);
	assert_string_equal(next_gone(&r, RELEASE), "sip:bob@10.0.0.1 taken out");
	assert_string_equal(next_gone(&r, RELEASE), "none");
	registrar_close(&r);
}

/* ---------------------------------------------------------------- contacts at an address */

static struct endpoint at_address(uint8_t host, enum transport transport, uint16_t port)
{
	return (struct endpoint){
		.transport = (uint8_t)transport, .family = 4, .ip = {10, 0, 0, host}, .port = port};
}

/* By looking at all of them. */
static bool only_user_by_hand(const struct registrar *r, const struct endpoint *source,
			      struct text *ret)
{
	uint32_t index = 0;
	const struct binding *b;
	struct text user = {0};

	while ((b = bindings_walk(&r->bindings, &index))) {
		if (!binding_is_at(b, source))
			continue;
		if (user.len && !text_equal(user, binding_text(b, BINDING_USER)))
			return false;
		user = binding_text(b, BINDING_USER);
	}
	*ret = user;
	return user.len > 0;
}

static void check_all_addresses(const struct registrar *r)
{
	for (uint8_t host = 0; host < 4; host++)
		for (uint16_t port = 5060; port < 5063; port++)
			for (int stream = 0; stream < 2; stream++) {
				struct endpoint source = at_address(
					host, stream ? TRANSPORT_TCP : TRANSPORT_UDP, port);
				struct text got = {0}, want = {0};

				assert_int_equal(bindings_only_user_at(&r->bindings, &source, &got),
						 only_user_by_hand(r, &source, &want));
				assert_true(text_equal(got, want));
			}
}

/* @req IC-1  Whatever was registered, refreshed, moved, taken out or ran out: who is at an address is found as by looking at
 * every contact. */
static void test_ic_1_who_has_registered_at_an_address(void **state)
{
	static struct registrar r;
	uint64_t random = 88172645463325252ull;

	(void)state;
	registrar_open(&r, 1000);
	for (unsigned step = 0; step < 3000; step++) {
		char user[64], contact[160];
		unsigned n;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		n = (unsigned)(random >> 20);
		snprintf(user, sizeof(user), "sip:u%u@ims.example", n % 4);
		if (n / 4 % 7 == 0)
			snprintf(contact, sizeof(contact), "Contact: *\nExpires: 0\n");
		else
			snprintf(contact, sizeof(contact),
				 "Contact: <sip:%s%u@%s%u%s>;expires=%u\n", step % 3 ? "c" : "%63",
				 n / 28 % 2, n / 56 % 5 ? "10.0.0." : "host", n / 280 % 4,
				 (const char *[]){"", ":5060", ":5061", ":5062"}[n / 1120 % 4],
				 n / 4480 % 3 ? 60 + n / 4480 % 100 : 0);
		try_register(&r, user, "r", step + 1, contact);
		pass(&r, n / 13440 % 8000);
		if (step % 8 == 0)
			check_all_addresses(&r);
	}
	pass(&r, 1000000);
	check_all_addresses(&r);
	while (strcmp(next_gone(&r, RELEASE), "none") != 0)
		;
	assert_int_equal(r.bindings.by_address.n, 0);
	registrar_close(&r);
}

/* @req IC-1  Very many at one address (a load generator) cost no more than the bound: then nobody can say. */
static void test_ic_1_too_many_at_an_address(void **state)
{
	static struct registrar r;
	struct endpoint source = at_address(1, TRANSPORT_UDP, 6000);
	struct text user;

	(void)state;
	registrar_open(&r, 1000);
	for (unsigned i = 0; i <= BINDINGS_AT_ADDRESS_LOOKED_AT; i++) {
		char name[64], contact[100];

		if (i > 0)
			assert_int_equal(bindings_only_user_at(&r.bindings, &source, &user), true);
		snprintf(name, sizeof(name), "sip:u%u@ims.example", i);
		snprintf(contact, sizeof(contact), "Contact: <sip:c@10.0.0.1:%u>\n", 6000 + i);
		assert_int_equal(try_register(&r, name, "r", i + 1, contact), 200);
	}
	assert_false(bindings_only_user_at(&r.bindings, &source, &user));
	registrar_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sc_7_a_contact_that_goes_is_told_once_with_its_reason),
		cmocka_unit_test(test_sc_7_two_readers_hear_of_each_contact),
		cmocka_unit_test(test_sc_7_the_queue_loses_nothing_when_all_go_at_once),
		cmocka_unit_test(test_sc_7_the_entry_of_a_known_user_has_a_handle_of_its_own),
		cmocka_unit_test(test_rg_6b_contacts_are_in_the_order_of_q_then_the_newest),
		cmocka_unit_test(test_rg_8_a_copy_waits_for_the_shard_that_decides),
		cmocka_unit_test(test_rg_8_a_copy_helps_itself_when_the_line_is_lost),
		cmocka_unit_test(test_sc_7_a_contact_taken_out_of_the_file_is_told),
		cmocka_unit_test(test_ic_1_who_has_registered_at_an_address),
		cmocka_unit_test(test_ic_1_too_many_at_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
