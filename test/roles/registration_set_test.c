/* Registration of subscribers: implicit registration sets, authentication, devices and their flows. TS 24.229
 * §5.4.1, TS 23.228 §5.2.1a, RFC 5626 §6, RFC 7315 §4.1. */
#include "registering.h"

#include "base/digest.h"

/* ---------------------------------------------------------------- subscribers */

static const struct service_profile profile;

static struct subscriber *subscriber_of(struct subscribers *set, const struct public_identity *list,
					unsigned n, struct credentials credentials)
{
	struct subscriber *s = subscribers_take(set, sizeof(*s));
	struct public_identity *identities = subscribers_take(set, n * sizeof(*identities));
	struct text duplicate;

	for (unsigned i = 0; i < n; i++) {
		identities[i] = list[i];
		identities[i].profile = &profile;
		identities[i].subscriber = s;
	}
	s->private_identity = TEXT("bob-private@ims.example");
	s->credentials = credentials;
	s->n_identities = (uint16_t)n;
	s->identities = identities;
	assert_int_equal(subscribers_add(set, s, &duplicate), SUBSCRIBERS_DONE);
	return s;
}

/* bob: a set of four, the first of them barred; carol: with a password; dave: all barred. */
static struct subscribers *users(void)
{
	static const struct public_identity bob[] = {
		{.user = {"sip:bobs-secret@ims.example", 27}, .is_barred = true},
		{.user = {"sip:bob@ims.example", 19}, .display = {"Bob \"B\" Bobson", 14}},
		{.user = {"tel:+1201555", 12}},
		{.user = {"sip:robert@other.example", 24}},
	};
	static const struct public_identity carol[] = {{.user = {"sip:carol@ims.example", 21}}};
	static const struct public_identity dave[] = {
		{.user = {"sip:dave@ims.example", 20}, .is_barred = true}};
	struct credentials password = {.kind = CREDENTIAL_PASSWORD,
				       .realm = TEXT("ims.example"),
				       .password = TEXT("secret")};
	struct subscribers *set = subscribers_open();

	subscriber_of(set, bob, 4, (struct credentials){0});
	subscriber_of(set, carol, 1, password);
	subscriber_of(set, dave, 1, (struct credentials){0});
	return set;
}

static void open_with_users(struct registrar *r)
{
	registrar_open(r, 100);
	r->around.subscribers = users();
}

static void close_with_users(struct registrar *r)
{
	subscribers_close((struct subscribers *)(uintptr_t)r->around.subscribers);
	registrar_close(r);
}

/* ---------------------------------------------------------------- RG-12, RG-13 */

static void test_rg_12_any_identity_registers_the_whole_set(void **state)
{
	static struct registrar r;
	struct binding *list[2];

	(void)state;
	open_with_users(&r);
	assert_int_equal(
		try_register(&r, "tel:+1-201-555", "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(contacts_of(&r, "tel:+1201555", NULL), 0);
	assert_true(text_equal(scscf_registered_as(&r.around, TEXT("tel:+1201555")), TEXT(BOB)));
	assert_true(text_equal(scscf_registered_as(&r.around, TEXT("sip:nobody@ims.example")),
			       TEXT("sip:nobody@ims.example")));
	assert_int_equal(bindings_of_user(&r.bindings, TEXT(BOB), list, 2), 1);
	assert_true(text_equal(binding_text(list[0], BINDING_IDENTITY), TEXT("tel:+1201555")));
	/* another identity of the set refreshes the same contact, and takes it out */
	assert_int_equal(try_register(&r, "sip:robert@other.example", "r1", 2,
				      "Contact: <sip:bob@10.0.0.1>\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(r.result.registration_type, REGISTRATION_REFRESH);
	assert_int_equal(register_bob(&r, "r1", 3, "Contact: <sip:bob@10.0.0.1>;expires=0\n"), 200);
	assert_int_equal(r.result.registration_type, REGISTRATION_REMOVAL);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	close_with_users(&r);
}

static void test_rg_12_who_may_not_register(void **state)
{
	static const struct {
		const char *user;
		bool trusted;
		unsigned status;
	} rows[] = {
		{BOB, true, 200},
		{BOB, false, 403}, /* without credentials only through a P-CSCF */
		{"sip:bobs-secret@ims.example", true, 403},
		{"sip:dave@ims.example", true, 403},
		{"sip:nobody@ims.example", true, 403},
		{"sip:nobody@ims.example", false, 403},
		{"sip:bob@elsewhere.example", true, 404},
		{"sip:bob@elsewhere.example", false, 403},
		{"sip:carol@ims.example", true,
		 403}, /* with credentials, and nothing to check them with */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct registrar r;

		open_with_users(&r);
		r.arrival.from_trusted = rows[i].trusted;
		if (try_register(&r, rows[i].user, "r1", 1, "Contact: <sip:u@10.0.0.1>\n") !=
		    rows[i].status)
			fail_msg("row %zu: %u", i, r.result.status);
		if (rows[i].status != 200)
			assert_int_equal(r.lines_text.len + r.changes_text.len, 0);
		close_with_users(&r);
	}
}

static void test_rg_13_the_200_names_the_identities_that_are_not_barred(void **state)
{
	static struct registrar r;

	(void)state;
	open_with_users(&r);
	assert_int_equal(try_register(&r, "tel:+1201555", "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"),
			 200);
	assert_true(says(&r, "P-Associated-URI: \"Bob \\\"B\\\" Bobson\" <sip:bob@ims.example>, "
			     "<tel:+1201555>, <sip:robert@other.example>\r\n"));
	close_with_users(&r);
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"), 200);
	assert_true(says(&r, "P-Associated-URI: <sip:bob@ims.example>\r\n"));
	registrar_close(&r);
}

/* More identities than a header field may have bytes: the main one is there, and the 200 can be sent. */
static void test_rg_13_too_many_identities_are_cut(void **state)
{
	static struct registrar r;
	static struct public_identity many[400];
	static char names[400][64];
	struct subscribers *set = subscribers_open();
	const char *line, *end;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		snprintf(names[i], sizeof(names[i]), "sip:somebody-with-a-long-name-%u@ims.example",
			 i);
		many[i] = (struct public_identity){.user = text_of(names[i])};
	}
	subscriber_of(set, many, 400, (struct credentials){0});
	registrar_open(&r, 100);
	r.around.subscribers = set;
	assert_int_equal(try_register(&r, names[17], "r1", 1, "Contact: <sip:bob@10.0.0.1>\n"),
			 200);
	line = memmem(r.lines_text.at, r.lines_text.len,
		      "P-Associated-URI: <sip:somebody-with-a-long-name-0@", 51);
	assert_non_null(line);
	end = memchr(line, '\n', r.lines_text.len);
	assert_in_range(end - line, 7900, LIMIT_FIELD_BYTES - 1);
	assert_memory_equal(end - 2, ">\r", 2);
	close_with_users(&r);
}

/* ---------------------------------------------------------------- RG-14 */

static void put_digest(char *hex, struct text text)
{
	struct digest d;
	uint8_t bytes[DIGEST_BYTES_MAX];
	struct text_writer w = text_writer_on(hex, 32);

	digest_begin(&d, DIGEST_MD5);
	digest_put(&d, text);
	digest_end(&d, bytes);
	digest_put_hex(&w, bytes, 16);
	hex[32] = 0;
}

/* The MD5 challenge of the last 401, answered. */
static void put_authorization(const struct registrar *r, const char *password, unsigned nc,
			      char *line, size_t max)
{
	char ha1[33], ha2[33], response[33], text[600], nonce[200];
	const char *at = memmem(r->lines_text.at, r->lines_text.len, "nonce=\"", 7), *end;

	assert_non_null(at);
	at += 7;
	end = memchr(at, '"', 200);
	snprintf(nonce, sizeof(nonce), "%.*s", (int)(end - at), at);
	snprintf(text, sizeof(text), "bob-private@ims.example:ims.example:%s", password);
	put_digest(ha1, text_of(text));
	put_digest(ha2, TEXT("REGISTER:sip:ims.example"));
	snprintf(text, sizeof(text), "%s:%s:%08x:c1:auth:%s", ha1, nonce, nc, ha2);
	put_digest(response, text_of(text));
	snprintf(line, max,
		 "Contact: <sip:carol@10.0.0.1>\nAuthorization: Digest "
		 "username=\"bob-private@ims.example\", realm=\"ims.example\", nonce=\"%s\", "
		 "uri=\"sip:ims.example\", algorithm=MD5, response=\"%s\", qop=auth, nc=%08x, "
		 "cnonce=\"c1\"\n",
		 nonce, response, nc);
}

static unsigned register_carol(struct registrar *r, unsigned cseq, const char *lines)
{
	return try_register(r, "sip:carol@ims.example", "r1", cseq, lines);
}

/* @req RG-14  Also without a P-CSCF: who knows the secret is the user. */
static void test_rg_14_a_user_with_credentials_must_show_them(void **state)
{
	static struct registrar r;
	struct authentication_settings settings = authentication_settings_default();
	struct random random = random_from(1, 2);
	char line[1500];

	(void)state;
	open_with_users(&r);
	r.arrival.authentication = authentication_open(10, (struct hash_key){{3, 4}});
	r.arrival.authentication_settings = &settings;
	r.arrival.random = &random;
	for (int trusted = 0; trusted < 2; trusted++) {
		unsigned cseq = 10u * (unsigned)trusted;

		r.arrival.from_trusted = trusted;
		assert_int_equal(register_carol(&r, cseq + 1, "Contact: <sip:carol@10.0.0.1>\n"),
				 401);
		assert_true(count_lines(&r, "WWW-Authenticate: Digest") > 0);
		assert_int_equal(r.changes_text.len, 0);
		put_authorization(&r, "wrong", 1, line, sizeof(line));
		assert_int_equal(register_carol(&r, cseq + 2, line), 403);
		assert_true(r.result.authentication.is_failure);
		assert_int_equal(r.changes_text.len, 0);
		assert_int_equal(register_carol(&r, cseq + 3, "Contact: <sip:carol@10.0.0.1>\n"),
				 401);
		put_authorization(&r, "secret", 1, line, sizeof(line));
		assert_int_equal(register_carol(&r, cseq + 4, line), 200);
		assert_int_equal(contacts_of(&r, "sip:carol@ims.example", NULL), 1);
		/* the same again is a replay */
		assert_int_equal(register_carol(&r, cseq + 5, line), 401);
		assert_true(r.result.authentication.is_replay);
	}
	authentication_close(r.arrival.authentication);
	close_with_users(&r);
}

/* ---------------------------------------------------------------- RG-10, RG-11 */

#define PHONE  ";+sip.instance=\"<urn:uuid:0001>\""
#define TABLET ";+sip.instance=\"<urn:uuid:0002>\""
#define OB     "Supported: path, outbound\nPath: <sip:edge@p1.example;lr;ob>\n"

static unsigned gone(struct registrar *r, uint8_t why)
{
	struct binding_gone g;
	unsigned n = 0;

	while (bindings_next_gone(&r->bindings, &g)) {
		assert_int_equal(g.why, why);
		n++;
	}
	return n;
}

static void test_rg_10_the_same_flow_takes_the_place_of_the_old_contact(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(
		register_bob(&r, "r1", 1, "Contact: <sip:bob@10.0.0.1>;reg-id=1" PHONE "\n" OB),
		200);
	assert_true(says(&r, "Contact: <sip:bob@10.0.0.1>;expires=3600" PHONE ";reg-id=1\r\n"));
	assert_true(says(&r, "Require: outbound\r\n"));
	/* another flow of the phone, and another device */
	assert_int_equal(
		register_bob(&r, "r2", 1, "Contact: <sip:bob@10.0.0.2>;reg-id=2" PHONE "\n" OB),
		200);
	assert_int_equal(
		register_bob(&r, "r3", 1, "Contact: <sip:bob@10.0.0.3>;reg-id=1" TABLET "\n" OB),
		200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 3);
	assert_int_equal(gone(&r, 0), 0);
	/* a refresh replaces nothing */
	assert_int_equal(
		register_bob(&r, "r1", 2, "Contact: <sip:bob@10.0.0.1>;reg-id=1" PHONE "\n" OB),
		200);
	assert_int_equal(gone(&r, 0), 0);
	assert_int_equal(
		register_bob(&r, "r4", 1, "Contact: <sip:bob@10.0.0.9>;reg-id=1" PHONE "\n" OB),
		200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 3);
	assert_false(says(&r, "10.0.0.1>"));
	assert_int_equal(gone(&r, BINDING_GONE_REPLACED), 1);
	/* a late REGISTER of the time before does not bring the old one back */
	assert_int_equal(
		register_bob(&r, "r4", 0, "Contact: <sip:bob@10.0.0.1>;reg-id=1" PHONE "\n" OB),
		500);
	registrar_close(&r);
}

/* A device without flows that has another address now; one that names both keeps both. */
static void test_rg_10_a_device_with_another_address(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1,
				      "Contact: <sip:bob@10.0.0.1>" PHONE
				      ", <sip:bob@10.0.0.1;transport=tcp>" PHONE "\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	assert_int_equal(register_bob(&r, "r1", 2,
				      "Contact: <sip:bob@10.0.0.1>" PHONE
				      ", <sip:bob@10.0.0.1;transport=tcp>" PHONE "\n"),
			 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	assert_int_equal(gone(&r, 0), 0);
	assert_int_equal(
		register_bob(&r, "r1", 3, "Contact: <sip:bob@10.0.0.1;transport=tcp>;expires=0\n"),
		200);
	assert_int_equal(gone(&r, BINDING_GONE_DEREGISTERED_BY_USER), 1);
	assert_int_equal(register_bob(&r, "r2", 1, "Contact: <sip:bob@10.0.0.2>" PHONE "\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	assert_int_equal(gone(&r, BINDING_GONE_REPLACED), 1);
	assert_int_equal(register_bob(&r, "r3", 1, "Contact: <sip:bob@10.0.0.3>\n"), 200);
	assert_int_equal(contacts_of(&r, BOB, NULL), 2);
	registrar_close(&r);
}

/* The last place: what is replaced makes room. */
static void test_rg_10_replacing_needs_no_further_place(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 1);
	for (unsigned i = 1; i < 6; i++) {
		char line[200];

		snprintf(line, sizeof(line), "Contact: <sip:bob@10.0.0.%u>;reg-id=1" PHONE "\n" OB,
			 i);
		assert_int_equal(register_bob(&r, "r1", i, line), 200);
		assert_int_equal(contacts_of(&r, BOB, NULL), 1);
	}
	assert_int_equal(gone(&r, BINDING_GONE_REPLACED), 4);
	registrar_close(&r);
}

static void test_rg_11_flows_need_a_first_hop_that_keeps_them(void **state)
{
	static const struct {
		const char *lines;
		unsigned status;
		bool is_flow;
	} rows[] = {
		{"Supported: outbound\nPath: <sip:p1;lr;ob>, <sip:p2;lr>\n", 200, true},
		{"Supported: outbound\nPath: <sip:p1;lr>\n", 439, false},
		{"Supported: outbound\nPath: <sip:p1;lr>;ob\n", 439, false},
		{"Supported: outbound\n", 200, true}, /* straight from the device: one Via */
		{"Supported: outbound\nVia: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKx\n", 439, false},
		{"Path: <sip:p1;lr;ob>\n", 200, false},
		{"Supported: path\n", 200, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static struct registrar r;
		char lines[400];

		registrar_open(&r, 100);
		snprintf(lines, sizeof(lines), "%sContact: <sip:bob@10.0.0.1>;reg-id=1" PHONE "\n",
			 rows[i].lines);
		if (register_bob(&r, "r1", 1, lines) != rows[i].status)
			fail_msg("row %zu: %u", i, r.result.status);
		assert_int_equal(says(&r, "reg-id=1"), rows[i].is_flow);
		assert_int_equal(says(&r, "Require: outbound\r\n"), rows[i].is_flow);
		assert_int_equal(contacts_of(&r, BOB, NULL), rows[i].status == 200);
		registrar_close(&r);
	}
}

static void test_rg_11_one_flow_in_a_request(void **state)
{
	static struct registrar r;

	(void)state;
	registrar_open(&r, 100);
	assert_int_equal(register_bob(&r, "r1", 1,
				      "Contact: <sip:bob@10.0.0.1>;reg-id=1" PHONE
				      ", <sip:bob@10.0.0.2>;reg-id=2" PHONE "\n" OB),
			 400);
	assert_int_equal(contacts_of(&r, BOB, NULL), 0);
	/* what is no flow is none: no instance, or no number */
	assert_int_equal(register_bob(&r, "r1", 2,
				      "Contact: <sip:bob@10.0.0.1>;reg-id=1, "
				      "<sip:bob@10.0.0.2>;reg-id=0" PHONE
				      ", <sip:bob@10.0.0.3>;reg-id=2147483648" TABLET "\n" OB),
			 200);
	assert_false(says(&r, "reg-id"));
	/* taken out by its flow, though the address is another one */
	assert_int_equal(
		register_bob(&r, "r2", 1, "Contact: <sip:bob@10.0.0.4>;reg-id=7" PHONE "\n" OB),
		200);
	assert_int_equal(register_bob(&r, "r2", 2,
				      "Contact: <sip:bob@10.0.0.5>;expires=0;reg-id=7" PHONE
				      "\n" OB),
			 200);
	assert_false(says(&r, "10.0.0.4"));
	registrar_close(&r);
}

/* ---------------------------------------------------------------- RG-15 */

static void test_rg_15_the_network_takes_contacts_out(void **state)
{
	static struct registrar r;
	struct text_writer changes;
	struct binding_line line = {.user = TEXT(BOB), .contact = TEXT("sip:bob@10.0.0.7")};

	(void)state;
	registrar_open(&r, 100);
	bindings_apply(&r.bindings, &line, r.now_ms, 0);
	register_bob(&r, "r1", 1,
		     "Contact: <sip:bob@10.0.0.1>, <sip:bob@10.0.0.2>, <sip:bob@10.0.0.3>\n");
	changes = text_writer_on(r.changes, sizeof(r.changes));
	assert_int_equal(scscf_deregister(&r.around, TEXT(BOB), TEXT("sip:bob@10.0.0.9"),
					  BINDING_GONE_BY_OPERATOR, r.now_ms, &changes),
			 0);
	assert_int_equal(scscf_deregister(&r.around, TEXT(BOB), TEXT("sip:bob@10.0.0.2"),
					  BINDING_GONE_BY_OPERATOR, r.now_ms, &changes),
			 1);
	assert_int_equal(scscf_deregister(&r.around, TEXT("sip:x@ims.example"), TEXT(""),
					  BINDING_GONE_BY_OPERATOR, r.now_ms, &changes),
			 0);
	assert_int_equal(gone(&r, BINDING_GONE_BY_OPERATOR), 1);
	assert_int_equal(scscf_deregister(&r.around, TEXT(BOB), TEXT(""), BINDING_GONE_BY_OPERATOR,
					  r.now_ms, &changes),
			 2);
	assert_int_equal(gone(&r, BINDING_GONE_BY_OPERATOR), 2);
	assert_int_equal(contacts_of(&r, BOB, NULL), 1); /* that of the file */
	registrar_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rg_12_any_identity_registers_the_whole_set),
		cmocka_unit_test(test_rg_12_who_may_not_register),
		cmocka_unit_test(test_rg_13_the_200_names_the_identities_that_are_not_barred),
		cmocka_unit_test(test_rg_13_too_many_identities_are_cut),
		cmocka_unit_test(test_rg_14_a_user_with_credentials_must_show_them),
		cmocka_unit_test(test_rg_10_the_same_flow_takes_the_place_of_the_old_contact),
		cmocka_unit_test(test_rg_10_a_device_with_another_address),
		cmocka_unit_test(test_rg_10_replacing_needs_no_further_place),
		cmocka_unit_test(test_rg_11_flows_need_a_first_hop_that_keeps_them),
		cmocka_unit_test(test_rg_11_one_flow_in_a_request),
		cmocka_unit_test(test_rg_15_the_network_takes_contacts_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
