/* Whom we serve and where an initial request goes, as a table. TS 24.229 §5.4.3.2, §5.4.3.3, RFC 3261 §16.5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "roles/scscf/scscf.h"

static struct store *store;
static struct timers timers;
static struct bindings bindings;
static const struct text domains[] = {TEXT("ims.example"), TEXT("Second.Example")};
static struct scscf_domain_route routes[3];
static struct scscf_surroundings around;
static struct sip_message request;
static char bytes[6000], words[3000];
static struct scscf_service service;

static void bind(const char *user, const char *contact, const char *path)
{
	struct binding_line line = {
		.user = text_of(user), .contact = text_of(contact), .path = text_of(path)};

	assert_int_equal(bindings_apply(&bindings, &line, 0, 0), BINDINGS_DONE);
}

static int set_up(void **state)
{
	(void)state;
	store = store_open(1 << 22);
	timers_init(&timers, 0);
	if (!bindings_open(&bindings, 1000, store, &timers, 1, (struct hash_key){{1, 2}}))
		return -1;
	routes[0] = (struct scscf_domain_route){TEXT("far.example"),
						{.family = 4, .port = 5060, .ip = {10, 0, 0, 1}}};
	routes[1] = (struct scscf_domain_route){TEXT("*"),
						{.family = 4, .port = 5070, .ip = {10, 0, 0, 2}}};
	around = (struct scscf_surroundings){.domains = domains,
					     .n_domains = 2,
					     .routes = routes,
					     .n_routes = 2,
					     .bindings = &bindings};
	bind("sip:alice@ims.example", "sip:alice@127.0.0.1:6000", "");
	bind("sip:bob@ims.example", "sip:bob@127.0.0.1:7000", "<sip:p1;lr>, <sip:p2;lr>");
	bind("sip:off@ims.example", "", "");
	bind("tel:+1201555", "sip:t@127.0.0.1:7200", "");
	bind("sip:guest@far.example", "sip:guest@127.0.0.1:7300", "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bindings_close(&bindings);
	store_close(store);
	return 0;
}

static void serve(const char *method, const char *uri, const char *from, const char *lines,
		  struct scscf_arrival arrival)
{
	struct text_writer w = text_writer_on(words, sizeof(words));
	int n = snprintf(
		bytes, sizeof(bytes),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bK1\r\nFrom: "
		"<%s>;tag=a\r\nTo: <sip:x@y.example>\r\n"
		"Call-ID: c1\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		method, uri, from, method, lines);

	assert_int_equal(sip_parse(&request, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	memset(&service, 0xa5, sizeof(service));
	scscf_serve_initial_request(&around, &request, &arrival, &w, &service);
}

static const struct scscf_arrival trusted = {.from_trusted = true},
				  untrusted = {.from_trusted = false};

struct row {
	const char *uri, *from;
	bool from_trusted;
	unsigned status, served, n_targets;
	const char *request_uri, *called_user;
	unsigned next_hop_port; /* 0: from the URI */
};

#define ALICE    "sip:alice@ims.example"
#define STRANGER "sip:s@nowhere.example"

/* @req PX-14 PX-1 RG-7 MP-6 */
static const struct row rows[] = {
	/* users of ours */
	{"sip:bob@ims.example", STRANGER, true, 0, SERVES_CALLED, 1, "sip:bob@127.0.0.1:7000",
	 "sip:bob@ims.example", 0},
	{"sip:bob@ims.example", ALICE, true, 0, SERVES_CALLED | SERVES_CALLING, 1,
	 "sip:bob@127.0.0.1:7000", "sip:bob@ims.example", 0},
	{"sip:bob@ims.example", STRANGER, false, 0, SERVES_CALLED, 1, "sip:bob@127.0.0.1:7000",
	 "sip:bob@ims.example", 0},
	{"sip:b%6Fb@IMS.Example;user=phone;x=1", STRANGER, false, 0, SERVES_CALLED, 1,
	 "sip:bob@127.0.0.1:7000", "sip:bob@ims.example", 0},
	{"sip:off@ims.example", STRANGER, true, 480, 0, 0, NULL, "sip:off@ims.example", 0},
	{"sip:nobody@ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:nobody@ims.example", 0},
	{"sip:nobody@second.example", STRANGER, false, 404, 0, 0, NULL, "sip:nobody@second.example",
	 0},
	{"sip:ims.example", STRANGER, true, 404, 0, 0, NULL, "sip:ims.example", 0},
	/* numbers */
	{"tel:+1201555", STRANGER, true, 0, SERVES_CALLED, 1, "sip:t@127.0.0.1:7200",
	 "tel:+1201555", 0},
	{"tel:+1-201-555", STRANGER, false, 0, SERVES_CALLED, 1, "sip:t@127.0.0.1:7200",
	 "tel:+1201555", 0},
	{"tel:+99", STRANGER, true, 404, 0, 0, NULL, "tel:+99", 0},
	/* a user of another domain that is registered here all the same */
	{"sip:guest@far.example", STRANGER, false, 0, SERVES_CALLED, 1, "sip:guest@127.0.0.1:7300",
	 "sip:guest@far.example", 0},
	/* other domains: by the table, only from trusted addresses */
	{"sip:x@far.example", ALICE, true, 0, SERVES_CALLING, 1, "", "sip:x@far.example", 5060},
	{"sip:x@FAR.example", STRANGER, true, 0, 0, 1, "", "sip:x@far.example", 5060},
	{"sip:x@else.example", ALICE, true, 0, SERVES_CALLING, 1, "", "sip:x@else.example", 5070},
	{"sip:x@far.example", ALICE, false, 403, SERVES_CALLING, 0, NULL, "sip:x@far.example", 0},
	{"sip:x@10.9.9.9", STRANGER, false, 403, 0, 0, NULL, "sip:x@10.9.9.9", 0},
	/* schemes */
	{"sips:bob@ims.example", ALICE, true, 416, 0, 0, NULL, NULL, 0},
	{"http://ims.example/", ALICE, true, 416, 0, 0, NULL, NULL, 0},
	{"urn:service:sos", ALICE, true, 416, 0, 0, NULL, NULL, 0},
};

static void check_text(struct text got, const char *want)
{
	if (got.len != strlen(want) || (got.len && memcmp(got.at, want, got.len) != 0))
		fail_msg("\"%.*s\", not \"%s\"", TEXT_ARGS(got), want);
}

static void test_px_14_px_1_who_is_served_and_where_it_goes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		serve("INVITE", row->uri, row->from, "", row->from_trusted ? trusted : untrusted);
		if (service.status != row->status || service.n_targets != row->n_targets)
			fail_msg("row %zu (%s): %u, %u targets", i, row->uri, service.status,
				 service.n_targets);
		if (row->status == 0 || row->status == 403)
			assert_int_equal(service.served, row->served);
		if (row->called_user)
			check_text(service.called_user, row->called_user);
		if (row->n_targets == 0)
			continue;
		check_text(service.targets[0].request_uri, row->request_uri);
		assert_int_equal(service.targets[0].next_hop.port, row->next_hop_port);
		assert_int_equal(endpoint_is_set(&service.targets[0].next_hop),
				 row->next_hop_port != 0);
	}
}

/* @req RG-5 */
static void test_rg_5_the_path_of_the_binding_goes_along(void **state)
{
	(void)state;
	serve("INVITE", "sip:bob@ims.example", ALICE, "", trusted);
	check_text(service.targets[0].path, "<sip:p1;lr>, <sip:p2;lr>");
	serve("INVITE", "tel:+1201555", ALICE, "", trusted);
	check_text(service.targets[0].path, "");
}

/* Preloaded routes decide, and are for trusted senders only. */
static void test_no_open_relay_by_routes(void **state)
{
	static const char *const uris[] = {"sip:bob@ims.example", "sip:x@far.example",
					   "sip:nobody@ims.example", "tel:+1201555"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct scscf_arrival arrival = {.from_trusted = true, .has_more_routes = true};

		serve("INVITE", uris[i], STRANGER, "Route: <sip:far;lr>\r\n", arrival);
		assert_int_equal(service.status, 0);
		assert_int_equal(service.n_targets, 1);
		assert_int_equal(service.targets[0].request_uri.len, 0); /* as it came */
		assert_int_equal(service.targets[0].path.len, 0);
		assert_false(endpoint_is_set(&service.targets[0].next_hop));
		arrival.from_trusted = false;
		serve("INVITE", uris[i], STRANGER, "Route: <sip:far;lr>\r\n", arrival);
		assert_int_equal(service.status, 403);
		assert_int_equal(service.n_targets, 0);
	}
}

/* RFC 5502, RFC 3325: the served user, then the asserted identity, then From; headers count from trusted addresses only. */
static void test_who_the_calling_user_is(void **state)
{
	static const struct {
		const char *lines;
		bool from_trusted;
		const char *user;
	} who[] = {
		{"", true, "sip:alice@ims.example"},
		{"P-Asserted-Identity: \"C\" <sip:carol@ims.example>, <tel:+1>\r\n", true,
		 "sip:carol@ims.example"},
		{"P-Asserted-Identity: <tel:+1-2>\r\n", true, "tel:+12"},
		{"P-Asserted-Identity: <sip:carol@ims.example>\r\nP-Served-User: "
		 "<sip:dan@ims.example>;sescase=orig\r\n",
		 true, "sip:dan@ims.example"},
		{"P-Asserted-Identity: <sip:carol@ims.example>\r\n", false,
		 "sip:alice@ims.example"},
		{"P-Served-User: <sip:dan@ims.example>\r\n", false, "sip:alice@ims.example"},
		{"P-Asserted-Identity: nonsense\r\n", true, "sip:alice@ims.example"},
		{"P-Served-User: <>\r\nP-Asserted-Identity: <sip:carol@ims.example>\r\n", true,
		 "sip:carol@ims.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		serve("INVITE", "sip:bob@ims.example", "sip:%61lice@IMS.example;x", who[i].lines,
		      who[i].from_trusted ? trusted : untrusted);
		check_text(service.calling_user, who[i].user);
	}
}

/* @req SC-6 SC-3  The calling side is served where our own orig route says so or the caller is registered, and only on the first passage. */
static void test_sc_3_when_the_calling_side_is_served(void **state)
{
	(void)state;
	for (int bits = 0; bits < 8; bits++) {
		bool originating = bits & 1, registered = bits & 2, passed_before = bits & 4;
		struct scscf_arrival arrival = {.from_trusted = true,
						.originating = originating,
						.passed_before = passed_before};

		serve("INVITE", "sip:x@far.example", registered ? ALICE : STRANGER, "", arrival);
		assert_int_equal(service.served, !passed_before && (originating || registered)
							 ? SERVES_CALLING
							 : 0);
	}
}

/* @req RG-6  Every contact is a target, up to the bound on branches. */
static void test_rg_6_all_contacts_ring(void **state)
{
	(void)state;
	for (unsigned n = 2; n <= LIMIT_CONTACTS_OF_USER; n++) {
		char contact[64];
		unsigned seen = 0;

		snprintf(contact, sizeof(contact), "sip:bob@127.0.0.1:%u", 7000 + n);
		bind("sip:bob@ims.example", contact, "");
		serve("INVITE", "sip:bob@ims.example", ALICE, "", trusted);
		assert_int_equal(service.n_targets, n < LIMIT_BRANCHES ? n : LIMIT_BRANCHES);
		for (unsigned i = 0; i < service.n_targets; i++)
			for (unsigned j = 0; j < i; j++)
				seen += text_equal(service.targets[i].request_uri,
						   service.targets[j].request_uri);
		assert_int_equal(seen, 0);
	}
}

/* Addresses that are as long as they may be, with characters that grow when they are written as an address of record. */
static void test_long_addresses_do_not_overflow(void **state)
{
	char uri[LIMIT_URI_BYTES + 1], from[LIMIT_URI_BYTES + 1];

	(void)state;
	memset(uri, '(', sizeof(uri));
	memcpy(uri, "sip:", 4);
	memcpy(uri + sizeof(uri) - 14, "@ims.example", 13);
	memset(from, 'x', sizeof(from));
	memcpy(from, "sip:", 4);
	memcpy(from + sizeof(from) - 14, "@ims.example", 13);
	serve("INVITE", uri, from, "", trusted);
	assert_int_equal(service.status, 404);
	assert_true(service.calling_user.len > 1000);
	assert_true(service.called_user.len > 1000);
}

static void test_home_domains_have_no_case(void **state)
{
	(void)state;
	assert_true(scscf_is_home_domain(&around, TEXT("IMS.EXAMPLE")));
	assert_true(scscf_is_home_domain(&around, TEXT("second.example")));
	assert_false(scscf_is_home_domain(&around, TEXT("ims.example.")));
	assert_false(scscf_is_home_domain(&around, TEXT("xims.example")));
	assert_false(scscf_is_home_domain(&around, TEXT("")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_px_14_px_1_who_is_served_and_where_it_goes),
		TEST(test_rg_5_the_path_of_the_binding_goes_along),
		TEST(test_no_open_relay_by_routes),
		TEST(test_who_the_calling_user_is),
		TEST(test_sc_3_when_the_calling_side_is_served),
		TEST(test_rg_6_all_contacts_ring),
		TEST(test_long_addresses_do_not_overflow),
		TEST(test_home_domains_have_no_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
