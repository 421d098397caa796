/* The registrar as tables: RFC 3261 §10.3, RFC 3327, RFC 3608, and the lines that carry its changes to the other shards. */
#include "registering.h"

/* ---------------------------------------------------------------- RG-1 */

static void test_rg_1_contacts_are_added_renewed_and_listed(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(
		register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1:5070>;expires=100\n"), 200);
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.1:5070>;expires=100\r\n"));
	pass(&r, 40000);
	assert_int_equal(register_bob(&r, "r2", 1,
				      "Contact: \"B\" <sip:bob@10.0.0.2>;q=0.5\nExpires: 200\n"),
			 200);
	assert_int_equal(count_lines(&r, "Contact:"), 2);
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.1:5070>;expires=60\r\n"));
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.2>;expires=200;q=0.5\r\n"));
	assert_int_equal(
		register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1:5070>;expires=300\n"), 200);
	assert_int_equal(count_lines(&r, "Contact:"), 2);
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.1:5070>;expires=300\r\n"));
	/* without a Contact it only asks */
	assert_int_equal(register_bob(&r, "r3", 1, ""), 200);
	assert_int_equal(count_lines(&r, "Contact:"), 2);
	assert_int_equal(r.changes_text.len, 0);
	assert_true(says(&r, "Service-Route: <sip:127.0.0.1:5060;lr;orig>\r\n"));
	registrar_close(&r);
}

/* RFC 3261 §10.3 7): bindings are compared as URIs (§19.1.4). */
static void test_rg_1_a_contact_is_recognised_as_a_uri(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(
		register_bob(&r, "r1", 1, "Contact: <sip:bob@Host.Example;transport=tcp>\n"), 200);
	assert_int_equal(
		register_bob(&r, "r1", 2, "Contact: <sip:bob@hOST.eXAMPLE;Transport=TCP>\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(register_bob(&r, "r1", 3, "Contact: <sip:bob@host.example>\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	assert_int_equal(register_bob(&r, "r1", 4, "Contact: <sip:BOB@host.example>\n"),
			 200); /* users have case */
	assert_int_equal(contacts_of(&r, BOB, NULL), 3);
	registrar_close(&r);
}

/* The address of record: To without parameters, host without case (§10.3 5). */
static void test_rg_1_users_are_addresses_of_record(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(try_register(&r, "sip:b%6fb@IMS.example;user=phone", "r1", 1,
				      "Contact: <sip:bob@10.0.0.1>\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(
		try_register(&r, "sips:bob@ims.example", "r2", 1, "Contact: <sip:bob@10.0.0.2>\n"),
		200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	assert_int_equal(try_register(&r, "tel:+1-201-555", "r3", 1, "Contact: <sip:x@10.0.0.3>\n"),
			 200);
	assert_int_equal(contacts_of(&r, "tel:+1201555", NULL), 1);
	assert_int_equal(try_register(&r, "sip:bob@elsewhere.example", "r4", 1,
				      "Contact: <sip:bob@10.0.0.4>\n"),
			 404);
	assert_int_equal(contacts_of(&r, "sip:bob@elsewhere.example", NULL), 0);
	registrar_close(&r);
}

/* ---------------------------------------------------------------- RG-2 */

static void test_rg_2_star_takes_all_out_and_only_with_expires_0(void **state)
{
	static const struct {
		const char *lines;
		unsigned status, left;
	} rows[] = {
		{"Contact: *\nExpires: 0\n", 200, 0},
		{"Contact: *\n", 400, 2},
		{"Contact: *\nExpires: 1\n", 400, 2},
		{"Contact: *\nExpires: x\n", 400, 2},
		{"Contact: *, <sip:bob@10.0.0.3>\nExpires: 0\n", 400, 2},
		{"Contact: <sip:bob@10.0.0.3>\nContact: *\nExpires: 0\n", 400, 2},
		{"Contact: *, *\nExpires: 0\n", 400, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct registrar r;
		bool known;

		registrar_open(&r, 100);
		assert_int_equal(register_bob(&r, "r1", 5,
					      "Contact: <sip:bob@10.0.0.1>, <sip:bob@10.0.0.2>\n"),
				 200);
		assert_int_equal(register_bob(&r, "r2", 1, rows[i].lines), rows[i].status);
		assert_int_equal(contacts_of(&r, BOB, &known), rows[i].left);
		assert_true(known);
		registrar_close(&r);
	}
}

/* ---------------------------------------------------------------- RG-3 */

static void test_rg_3_an_older_request_of_the_same_call_id_changes_nothing(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 5, "Contact: <sip:bob@10.0.0.1>;expires=1000\n"),
			 200);
	for (unsigned cseq = 1; cseq <= 5; cseq++) {
		assert_int_equal(
			register_bob(&r, "r1", cseq, "Contact: <sip:bob@10.0.0.1>;expires=2000\n"),
			500);
		assert_int_equal(
			register_bob(&r, "r1", cseq, "Contact: <sip:bob@10.0.0.1>;expires=0\n"),
			500);
		assert_int_equal(register_bob(&r, "r1", cseq, "Contact: *\nExpires: 0\n"), 500);
		/* also for the contact that is not at fault */
		assert_int_equal(register_bob(&r, "r1", cseq,
					      "Contact: <sip:bob@10.0.0.9>, <sip:bob@10.0.0.1>\n"),
				 500);
		assert_int_equal(contacts_of(&r, BOB, NULL), 1);
		assert_int_equal(r.changes_text.len, 0);
	}
	assert_int_equal(register_bob(&r, "r9", 1, ""), 200);
	assert_true(says(&r, "expires=1000\r\n"));
	/* another Call-ID begins anew: the phone was started again */
	assert_int_equal(register_bob(&r, "r2", 1, "Contact: <sip:bob@10.0.0.1>;expires=3000\n"),
			 200);
	assert_true(says(&r, "expires=3000\r\n"));
	assert_int_equal(register_bob(&r, "r2", 0, "Contact: <sip:bob@10.0.0.1>;expires=4000\n"),
			 500);
	registrar_close(&r);
}

static void test_rg_3_what_fails_in_part_changes_nothing(void **state)
{
	static const struct {
		const char *lines;
		unsigned status;
	} rows[] = {
		{"Contact: <sip:bob@10.0.0.8>, <sip:bob@10.0.0.9>;expires=30\n", 423},
		{"Contact: <sip:bob@10.0.0.8>, <nonsense>\n", 400},
		{"Contact: <sip:bob@10.0.0.1>;expires=0, <sip:bob@10.0.0.9\n", 400},
		{"Contact: <sip:bob@10.0.0.8>\nPath: nonsense\n", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct registrar r;

		registrar_open(&r, 100);
		assert_int_equal(
			register_bob(&r, "r1", 5, "Contact: <sip:bob@10.0.0.1>;expires=1000\n"),
			200);
		assert_int_equal(register_bob(&r, "r2", 1, rows[i].lines), rows[i].status);
		assert_int_equal(r.changes_text.len, 0);
		assert_int_equal(contacts_of(&r, BOB, NULL), 1);
		assert_int_equal(register_bob(&r, "r3", 1, ""), 200);
		assert_true(says(&r, "Contact: <sip:bob@10.0.0.1>;expires=1000\r\n"));
		registrar_close(&r);
	}
}

/* ---------------------------------------------------------------- RG-4 */

static void test_rg_4_where_the_time_comes_from(void **state)
{
	static const struct {
		const char *lines;
		unsigned status, expires;
	} rows[] = {
		{"Contact: <sip:bob@10.0.0.1>;expires=100\nExpires: 200\n", 200, 100},
		{"Contact: <sip:bob@10.0.0.1>\nExpires: 200\n", 200, 200},
		{"Contact: <sip:bob@10.0.0.1>\n", 200, 3600},
		{"Contact: <sip:bob@10.0.0.1>;expires=60\n", 200, 60},
		{"Contact: <sip:bob@10.0.0.1>;expires=59\n", 423, 0},
		{"Contact: <sip:bob@10.0.0.1>;expires=1\n", 423, 0},
		{"Contact: <sip:bob@10.0.0.1>\nExpires: 59\n", 423, 0},
		{"Contact: <sip:bob@10.0.0.1>;expires=600000\n", 200, 600000},
		{"Contact: <sip:bob@10.0.0.1>;expires=600001\n", 200, 600000},
		{"Contact: <sip:bob@10.0.0.1>;expires=4294967295\n", 200, 600000},
		{"Contact: <sip:bob@10.0.0.1>;expires=soon\n", 200,
		 3600}, /* garbage counts as the default */
		{"Contact: <sip:bob@10.0.0.1>;expires\n", 200, 3600},
		{"Contact: <sip:bob@10.0.0.1>;expires=-5\n", 200, 3600},
		{"Contact: <sip:bob@10.0.0.1>;EXPIRES=77\n", 200, 77},
		{"Contact: sip:bob@10.0.0.1;expires=78\n", 200,
		 78}, /* without < > it is the field's parameter */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct registrar r;
		char want[64];

		registrar_open(&r, 100);
		if (register_bob(&r, "r1", 1, rows[i].lines) != rows[i].status)
			fail_msg("%s", rows[i].lines);
		snprintf(want, sizeof(want), "Contact: <sip:bob@10.0.0.1>;expires=%u\r\n",
			 rows[i].expires);
		assert_int_equal(says(&r, want), rows[i].status == 200);
		if (rows[i].status == 423) {
			assert_true(says(&r, "Min-Expires: 60\r\n"));
			assert_int_equal(contacts_of(&r, BOB, NULL), 0);
		}
		registrar_close(&r);
	}
}

static void test_rg_4_rg_8_a_binding_runs_out_at_its_time(void **state)
{
	static struct registrar r;
	bool known;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1,
				      "Contact: <sip:bob@10.0.0.1>;expires=100, "
				      "<sip:bob@10.0.0.2>;expires=200\n"),
			 200);
	pass(&r, 99999);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	pass(&r, 1);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	pass(&r, 100000);
	assert_int_equal(contacts_of(&r, BOB, &known), 0);
	assert_true(known); /* PX-14: 480 and not 404 for a while */
	pass(&r, KNOWN_MS - 1);
	contacts_of(&r, BOB, &known);
	assert_true(known);
	pass(&r, 1);
	contacts_of(&r, BOB, &known);
	assert_false(known);
	registrar_close(&r);
}

/* A request that is worked off in the moment between the end of a binding and its timer: what is over is not listed, above all not with a time
 * that runs around. */
static void test_rg_8_what_is_over_is_not_listed_though_its_timer_is_late(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1,
				      "Contact: <sip:bob@10.0.0.1>;expires=100, "
				      "<sip:bob@10.0.0.2>;expires=200\n"),
			 200);
	r.now_ms += 100003; /* the timers have not been asked */
	assert_int_equal(register_bob(&r, "r2", 1, ""), 200);
	assert_int_equal(count_lines(&r, "Contact:"), 1);
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.2>;expires=99\r\n"));
	registrar_close(&r);
}

/* A REGISTER of an expired contact with an old CSeq: the binding it was compared with is over. */
static void test_rg_1_expires_0_takes_one_out(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(
		register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>, <sip:bob@10.0.0.2>\n"),
		200);
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=0\n"), 200);
	assert_int_equal(count_lines(&r, "Contact:"), 1);
	assert_int_equal(register_bob(&r, "r1", 3, "Contact: <sip:bob@10.0.0.7>;expires=0\n"),
			 200); /* was never there */
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(register_bob(&r, "r1", 4, "Contact: <sip:bob@10.0.0.2>\nExpires: 0\n"),
			 200);
	assert_int_equal(count_lines(&r, "Contact:"), 0);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	registrar_close(&r);
}

/* @req RG-1  A contact from the bindings file is for the file to change: neither taken out nor dated. */
static void test_rg_1_a_contact_of_the_file_stays(void **state)
{
	static struct registrar r;
	struct binding_line line = {.user = TEXT("sip:bob@ims.example"),
				    .contact = TEXT("sip:bob@10.0.0.1")};

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(bindings_apply(&r.bindings, &line, 0, 0), BINDINGS_DONE);
	assert_int_equal(register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>;expires=0\n"), 200);
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=600\n"),
			 200);
	assert_int_equal(count_lines(&r, "Contact:"), 1);
	pass(&r, 700000);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	registrar_close(&r);
}

/* ---------------------------------------------------------------- RG-5 */

static void test_rg_5_the_path_is_kept_in_order_and_given_back(void **state)
{
	static struct registrar r;
	struct binding *list[2];
	struct text path;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1,
				      "Path: <sip:p1.example;lr>,\n <sip:p2.example;lr>\nContact: "
				      "<sip:bob@10.0.0.1>\n"
				      "Path: \"x, y\" <sip:p3.example;lr>;ob\nSupported: path\n"),
			 200);
	assert_true(says(&r, "Path: <sip:p1.example;lr>, <sip:p2.example;lr>, \"x, y\" "
			     "<sip:p3.example;lr>;ob\r\n"));
	assert_int_equal(bindings_of_user(&r.bindings, TEXT(BOB), list, 2), 1);
	path = binding_text(list[0], BINDING_PATH);
	assert_true(text_equal(
		path,
		TEXT("<sip:p1.example;lr>, <sip:p2.example;lr>, \"x, y\" <sip:p3.example;lr>;ob")));
	/* a refresh without Path forgets it, one with another takes that */
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>\n"), 200);
	bindings_of_user(&r.bindings, TEXT(BOB), list, 2);
	assert_int_equal(binding_text(list[0], BINDING_PATH).len, 0);
	assert_int_equal(count_lines(&r, "Path:"), 0);
	registrar_close(&r);
}

static void test_rg_5_a_path_above_its_bound_is_refused(void **state)
{
	static struct registrar r;
	static char lines[9000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "Contact: <sip:bob@10.0.0.1>\n");

	(void)state;
	for (int i = 0; i < 45; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n,
				      "Path: "
				      "<sip:a-very-long-name-of-a-relay-0123456789-0123456789-"
				      "0123456789-0123456789-0123456789.ims.example;lr>\n");
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1, lines), 400);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	registrar_close(&r);
}

/* ---------------------------------------------------------------- RG-7, RG-9 */

static void test_rg_7_only_from_trusted_addresses(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"), 200);
	r.arrival.from_trusted = false;
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>\n"), 403);
	/* and nothing is told about the user */
	assert_int_equal(r.lines_text.len + r.changes_text.len, 0);
	registrar_close(&r);
}

static void put_contacts(char *lines, size_t max, unsigned from, unsigned n)
{
	size_t at = 0;

	lines[0] = 0;
	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(lines + at, max - at, "Contact: <sip:bob@10.0.1.%u>\n",
				       from + i);
}

/* The bound holds for one REGISTER and for several, and what fails changes nothing (RG-3). */
static void test_rg_9_contacts_of_a_user_are_bounded(void **state)
{
	static struct registrar r;
	static char lines[4000];

	(void)state;
	registrar_open(&r, 1000);
	put_contacts(lines, sizeof(lines), 1, LIMIT_CONTACTS_OF_USER + 1);
	assert_int_equal(register_bob(&r, "r1", 1, lines), 503);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	put_contacts(lines, sizeof(lines), 1, LIMIT_CONTACTS_OF_USER - 1);
	assert_int_equal(register_bob(&r, "r1", 2, lines), 200);
	put_contacts(lines, sizeof(lines), 100, 2);
	assert_int_equal(register_bob(&r, "r2", 1, lines), 503); /* one of the two would fit */
	assert_int_equal(r.changes_text.len, 0);
	assert_int_equal(contacts_of(&r, BOB, NULL), LIMIT_CONTACTS_OF_USER - 1);
	put_contacts(lines, sizeof(lines), 100, 1);
	assert_int_equal(register_bob(&r, "r2", 2, lines), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), LIMIT_CONTACTS_OF_USER);
	put_contacts(lines, sizeof(lines), 101, 1);
	assert_int_equal(register_bob(&r, "r3", 1, lines), 503);
	/* those that are there may be renewed, and one may make room for another */
	put_contacts(lines, sizeof(lines), 1, 10);
	assert_int_equal(register_bob(&r, "r4", 1, lines), 200);
	assert_int_equal(
		register_bob(&r, "r5", 1,
			     "Contact: <sip:bob@10.0.1.1>;expires=0, <sip:bob@10.0.2.2>\n"),
		200);
	assert_int_equal(contacts_of(&r, BOB, NULL), LIMIT_CONTACTS_OF_USER);
	registrar_close(&r);
}

static void test_rg_9_bindings_altogether_are_bounded(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 3);
	assert_int_equal(
		try_register(&r, "sip:u1@ims.example", "r1", 1, "Contact: <sip:u@10.0.0.1>\n"),
		200);
	assert_int_equal(
		try_register(&r, "sip:u2@ims.example", "r2", 1, "Contact: <sip:u@10.0.0.2>\n"),
		200);
	assert_int_equal(try_register(&r, "sip:u3@ims.example", "r3", 1,
				      "Contact: <sip:u@10.0.0.3>, <sip:u@10.0.0.4>\n"),
			 503);
	assert_int_equal(contacts_of(&r, "sip:u3@ims.example", NULL), 0);
	assert_int_equal(r.changes_text.len, 0);
	assert_int_equal(
		try_register(&r, "sip:u3@ims.example", "r3", 2, "Contact: <sip:u@10.0.0.3>\n"),
		200);
	assert_int_equal(
		try_register(&r, "sip:u4@ims.example", "r4", 1, "Contact: <sip:u@10.0.0.4>\n"),
		503);
	assert_int_equal(try_register(&r, "sip:u1@ims.example", "r1", 2,
				      "Contact: <sip:u@10.0.0.1>;expires=120\n"),
			 200);
	assert_int_equal(contacts_of(&r, "sip:u1@ims.example", NULL), 1);
	assert_int_equal(contacts_of(&r, "sip:u2@ims.example", NULL), 1);
	registrar_close(&r);
}

/* ---------------------------------------------------------------- lines for the other shards */

static void apply_changes(struct registrar *from, struct registrar *to)
{
	struct text rest = from->changes_text;
	struct binding_line line;

	while (binding_line_next(&rest, &line))
		assert_int_equal(bindings_apply(&to->bindings, &line, to->now_ms, KNOWN_MS),
				 BINDINGS_DONE);
	assert_int_equal(rest.len, 0);
}

static void check_same(const struct registrar *a, const struct registrar *b, const char *user)
{
	struct binding *list[LIMIT_CONTACTS_OF_USER + 1];
	unsigned n =
		bindings_of_user(&a->bindings, text_of(user), list, LIMIT_CONTACTS_OF_USER + 1);
	struct binding *other[LIMIT_CONTACTS_OF_USER + 1];

	assert_int_equal(
		bindings_of_user(&b->bindings, text_of(user), other, LIMIT_CONTACTS_OF_USER + 1),
		n);
	for (unsigned i = 0; i < n; i++) {
		const struct binding *have = bindings_of_contact(
			&b->bindings, text_of(user), binding_text(list[i], BINDING_CONTACT));

		assert_non_null(have);
		for (int t = 0; t < BINDING_TEXTS; t++)
			assert_true(text_equal(binding_text(list[i], (enum binding_text)t),
					       binding_text(have, (enum binding_text)t)));
		assert_int_equal(have->cseq, list[i]->cseq);
		assert_true(have->expires_ms == list[i]->expires_ms);
	}
}

/* @req RG-1 RG-2 RG-5  Every kind of change, written as lines and read back into a second registrar. */
static void test_rg_1_changes_as_lines_make_another_shard_equal(void **state)
{
	static const struct {
		const char *user, *call_id, *lines;
		unsigned cseq;
	} steps[] = {
		{BOB, "r1",
		 "Contact: <sip:bob@10.0.0.1;x=1>;expires=100, <sip:bob@10.0.0.2>\nPath: "
		 "<sip:p1;lr>, <sip:p2;lr>\n",
		 1},
		{BOB, "r1", "Contact: <sip:bob@10.0.0.1;x=1>;expires=500\n", 2},
		{BOB, "r1", "Contact: <sip:bob@10.0.0.2>;expires=0\n", 3},
		{"tel:+1201", "r2", "Contact: <sip:x@10.0.0.3>\n", 2147483647},
		{BOB, "r1", "Contact: *\nExpires: 0\n", 4},
		{BOB, "r1", "Contact: <sip:bob@10.0.0.5>\nPath: <sip:folded\n ;lr>\n", 5},
	};
	static struct registrar a, b;

	(void)state;
	registrar_open(&a, 100);
	registrar_open(&b, 100);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(try_register(&a, steps[i].user, steps[i].call_id, steps[i].cseq,
					      steps[i].lines),
				 200);
		assert_true(a.changes_text.len > 0);
		apply_changes(&a, &b);
		check_same(&a, &b, BOB);
		check_same(&a, &b, "tel:+1201");
		pass(&a, 1000);
		pass(&b, 1000);
	}
	pass(&a, KNOWN_MS * 2);
	pass(&b, KNOWN_MS * 2);
	check_same(&a, &b, BOB);
	registrar_close(&a);
	registrar_close(&b);
}

static void test_lines_that_are_none_of_ours_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"u\nc\np\ni\n",
		"u\nc\np\ni\nn\nd\n",
		"u\nc\np\ni\nn\nd\n1 2",
		"u\nc\np\ni\nn\nd\n1 2\n",
		"u\nc\np\ni\nn\nd\n1 2 0 0 0",
		"u\nc\np\ni\nn\nd\nx 2 0 0 0\n",
		"u\nc\np\ni\nn\nd\n1 x 0 0 0\n",
		"u\nc\np\ni\nn\nd\n1  0 0 0\n",
		"u\nc\np\ni\nn\nd\n 2 0 0 0\n",
		"u\nc\np\ni\nn\nd\n-1 2 0 0 0\n",
		"u\nc\np\ni\nn\nd\n4294967296 2 0 0 0\n",
		"u\nc\np\ni\nn\nd\n1 99999999999999999999999 0 0 0\n",
		"u\nc\np\ni\nn\nd\n1 18446744073709551616 0 0 0\n",
		"u\nc\np\ni\nn\nd\n1 2 1002 0 0\n",
		"u\nc\np\ni\nn\nd\n1 2 0 4294967296 0\n",
		"u\nc\np\ni\nn\nd\n1 2 0 0 6\n",
		"u\nc\np\ni\nn\nd\n1 2 0 0 \n",
		"u\nc\np\ni\nn\nd\n1  2 0 0 0\n",
	};
	struct text rest = TEXT("u\nc\np\ni\nn\nd\n7 18446744073709551615 501 3 2\n"
				"v\n\n\n\n\n\n0 0 0 0 0\n");
	struct binding_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct text t = text_of(bad[i]);

		if (binding_line_next(&t, &line))
			fail_msg("row %zu", i);
	}
	assert_true(binding_line_next(&rest, &line));
	assert_true(line.expires_ms == UINT64_MAX);
	assert_int_equal(line.cseq, 7);
	assert_true(line.has_q && line.q == 500);
	assert_int_equal(line.reg_id, 3);
	assert_int_equal(line.why, BINDING_GONE_EXPIRED);
	assert_true(text_equal(line.user, TEXT("u")) && text_equal(line.call_id, TEXT("i")));
	assert_true(text_equal(line.instance, TEXT("n")) && text_equal(line.identity, TEXT("d")));
	assert_true(binding_line_next(&rest, &line));
	assert_true(line.expires_ms == 0 && line.cseq == 0 && line.contact.len == 0 && !line.has_q);
	assert_false(binding_line_next(&rest, &line));
}

/* ---------------------------------------------------------------- static ones, from the bindings file */

static void give(struct registrar *r, const char *user, const char *contact)
{
	struct binding_line line = {.user = text_of(user), .contact = text_of(contact)};

	assert_int_equal(bindings_apply(&r->bindings, &line, r->now_ms, KNOWN_MS), BINDINGS_DONE);
}

static void test_static_bindings_stay_until_the_file_no_longer_gives_them(void **state)
{
	static struct registrar r;
	bool known;

	(void)state;
	registrar_open(&r, 100);
	give(&r, BOB, "sip:bob@10.0.0.1");
	give(&r, BOB, "sip:bob@10.0.0.2");
	give(&r, "sip:carol@ims.example", "");
	bindings_next_round(&r.bindings, r.now_ms);
	pass(&r, KNOWN_MS * 3);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	assert_int_equal(contacts_of(&r, "sip:carol@ims.example", &known), 0);
	assert_true(known);
	/* a REGISTER may not take a static one out with a star */
	assert_int_equal(register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.3>\n"), 200);
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: *\nExpires: 0\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	/* the file is read again, without the first */
	give(&r, BOB, "sip:bob@10.0.0.2");
	bindings_next_round(&r.bindings, r.now_ms);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	contacts_of(&r, "sip:carol@ims.example", &known);
	assert_false(known);
	bindings_next_round(&r.bindings, r.now_ms);
	assert_int_equal(contacts_of(&r, BOB, &known), 0);
	assert_false(known);
	registrar_close(&r);
}

static void test_a_contactless_user_gives_its_place_to_the_first_contact(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 1); /* one place only */
	give(&r, BOB, "");
	assert_int_equal(register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>;expires=100\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	pass(&r, 100000);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	assert_int_equal(register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;expires=100\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	registrar_close(&r);
}

/* ---------------------------------------------------------------- RG-17 */

/* @req RG-17  RFC 3261 §8.2.2.3, §10.3: what is required and not known is named, and nothing is changed. */
static void test_rg_17_what_is_required_and_not_known(void **state)
{
	static const struct {
		const char *lines, *unsupported; /* NULL: 200 */
	} rows[] = {
		{"Require: path\n", NULL},
		{"Require: Path, OUTBOUND\nRequire: sec-agree\n", NULL},
		{"Require: gruu\n", "Unsupported: gruu\r\n"},
		{"Require: no-such-thing, path\nRequire: 100rel\n",
		 "Unsupported: no-such-thing, 100rel\r\n"},
		{"Proxy-Require: sec-agree\nSupported: gruu\n", NULL},
	};
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char lines[300];
		unsigned before = contacts_of(&r, BOB, NULL);

		snprintf(lines, sizeof(lines), "%sContact: <sip:bob@10.0.0.1:%u>\n", rows[i].lines,
			 5070 + i);
		assert_int_equal(register_bob(&r, "r1", i + 1, lines),
				 rows[i].unsupported ? 420 : 200);
		assert_int_equal(contacts_of(&r, BOB, NULL), before + !rows[i].unsupported);
		assert_int_equal(r.changes_text.len == 0, rows[i].unsupported != NULL);
		assert_int_equal(count_lines(&r, "Unsupported:"), rows[i].unsupported != NULL);
		if (rows[i].unsupported)
			assert_true(says(&r, rows[i].unsupported));
	}
	/* who may not register here at all is told nothing */
	r.arrival.from_trusted = false;
	assert_int_equal(register_bob(&r, "r1", 9, "Require: gruu\n"), 403);
	registrar_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rg_1_contacts_are_added_renewed_and_listed),
		cmocka_unit_test(test_rg_1_a_contact_is_recognised_as_a_uri),
		cmocka_unit_test(test_rg_1_users_are_addresses_of_record),
		cmocka_unit_test(test_rg_2_star_takes_all_out_and_only_with_expires_0),
		cmocka_unit_test(test_rg_3_an_older_request_of_the_same_call_id_changes_nothing),
		cmocka_unit_test(test_rg_3_what_fails_in_part_changes_nothing),
		cmocka_unit_test(test_rg_4_where_the_time_comes_from),
		cmocka_unit_test(test_rg_4_rg_8_a_binding_runs_out_at_its_time),
		cmocka_unit_test(test_rg_8_what_is_over_is_not_listed_though_its_timer_is_late),
		cmocka_unit_test(test_rg_1_expires_0_takes_one_out),
		cmocka_unit_test(test_rg_1_a_contact_of_the_file_stays),
		cmocka_unit_test(test_rg_5_the_path_is_kept_in_order_and_given_back),
		cmocka_unit_test(test_rg_5_a_path_above_its_bound_is_refused),
		cmocka_unit_test(test_rg_7_only_from_trusted_addresses),
		cmocka_unit_test(test_rg_9_contacts_of_a_user_are_bounded),
		cmocka_unit_test(test_rg_9_bindings_altogether_are_bounded),
		cmocka_unit_test(test_rg_1_changes_as_lines_make_another_shard_equal),
		cmocka_unit_test(test_lines_that_are_none_of_ours_are_refused),
		cmocka_unit_test(test_static_bindings_stay_until_the_file_no_longer_gives_them),
		cmocka_unit_test(test_a_contactless_user_gives_its_place_to_the_first_contact),
		cmocka_unit_test(test_rg_17_what_is_required_and_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
