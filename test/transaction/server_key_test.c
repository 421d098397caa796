/* Which requests are one transaction, RFC 3261 §17.2.3. @req TX-5 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "transaction/server_transaction.h"

static const struct hash_key key = {{0x1122334455667788ULL, 0x99aabbccddeeff00ULL}};

struct parts {
	const char *method, *uri, *via, *from, *to, *call_id;
	unsigned cseq;
};

static const struct parts base = {
	.method = "INVITE",
	.uri = "sip:bob@ims.example",
	.via = "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKone",
	.from = "<sip:alice@ims.example>;tag=a",
	.to = "<sip:bob@ims.example>",
	.call_id = "c1",
	.cseq = 1,
};

static struct server_key key_of(struct parts p, bool of_cancelled)
{
	static struct sip_message m;
	static char bytes[1024];
	int n = snprintf(bytes, sizeof(bytes),
			 "%s %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: "
			 "%u %s\r\nContent-Length: 0\r\n\r\n",
			 p.method, p.uri, p.via, p.from, p.to, p.call_id, p.cseq, p.method);

	assert_int_equal(sip_parse(&m, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	return of_cancelled ? server_key_of_cancelled(&key, &m) : server_key_of(&key, &m);
}

static bool same(struct parts a, struct parts b)
{
	struct server_key ka = key_of(a, false), kb = key_of(b, false);

	return ka.word[0] == kb.word[0] && ka.word[1] == kb.word[1];
}

static struct parts with_method(struct parts p, const char *method)
{
	p.method = method;
	return p;
}

static struct parts with_via(struct parts p, const char *via)
{
	p.via = via;
	return p;
}

static void test_tx_5_branch_sent_by_and_method_make_the_transaction(void **state)
{
	(void)state;
	assert_true(same(base, base));
	assert_false(same(base, with_via(base, "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKtwo")));
	/* the same branch of another sender is another transaction */
	assert_false(same(base, with_via(base, "SIP/2.0/UDP 127.0.0.2:6000;branch=z9hG4bKone")));
	assert_false(same(base, with_via(base, "SIP/2.0/UDP 127.0.0.1:6001;branch=z9hG4bKone")));
	assert_false(same(base, with_via(base, "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKone")));
	/* the transport, other parameters and what stands elsewhere do not count */
	assert_true(same(
		base, with_via(base, "SIP/2.0/TCP 127.0.0.1:6000;rport;branch=z9hG4bKone;ttl=1")));
	assert_true(same(base, (struct parts){"INVITE", "sip:carol@ims.example", base.via,
					      "<sip:x@y.example>;tag=z",
					      "<sip:bob@ims.example>;tag=t", "c2", 77}));
}

static void test_tx_5_every_method_is_its_own_but_the_ack(void **state)
{
	static const char *const methods[] = {
		"INVITE",    "BYE",    "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO",
		"SUBSCRIBE", "NOTIFY", "REFER",  "MESSAGE", "PUBLISH",  "FOO",   "BAR"};

	(void)state;
	for (size_t i = 0; i < 15; i++)
		for (size_t j = 0; j < 15; j++)
			assert_int_equal(
				same(with_method(base, methods[i]), with_method(base, methods[j])),
				i == j);
	assert_true(same(base, with_method(base, "ACK")));
	assert_false(same(with_method(base, "BYE"), with_method(base, "ACK")));
}

static void test_tx_5_rf_10a_a_cancel_finds_its_invite(void **state)
{
	struct server_key invite = key_of(base, false),
			  own = key_of(with_method(base, "CANCEL"), false);
	struct server_key meant = key_of(with_method(base, "CANCEL"), true);

	(void)state;
	assert_memory_equal(&meant, &invite, sizeof(invite));
	assert_memory_not_equal(&own, &invite, sizeof(invite));
	meant = key_of(with_method(with_via(base, "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKtwo"),
				   "CANCEL"),
		       true);
	assert_memory_not_equal(&meant, &invite, sizeof(invite));
}

/* Without the magic cookie: Request-URI, tags, Call-ID, CSeq and the whole top Via. */
static const struct parts old = {
	.method = "INVITE",
	.uri = "sip:bob@ims.example",
	.via = "SIP/2.0/UDP 127.0.0.1:6000",
	.from = "<sip:alice@ims.example>;tag=a",
	.to = "<sip:bob@ims.example>",
	.call_id = "c1",
	.cseq = 1,
};

static void test_tx_5_rf_6_peers_of_rfc_2543(void **state)
{
	struct parts p;

	(void)state;
	assert_true(same(old, old));
	p = old, p.uri = "sip:carol@ims.example";
	assert_false(same(old, p));
	p = old, p.from = "<sip:alice@ims.example>;tag=b";
	assert_false(same(old, p));
	p = old, p.call_id = "c2";
	assert_false(same(old, p));
	p = old, p.cseq = 2;
	assert_false(same(old, p));
	p = old, p.via = "SIP/2.0/UDP 127.0.0.1:6000;branch=5";
	assert_false(same(old, p));
	p = old, p.via = "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4b"; /* not quite the cookie */
	assert_false(same(old, p));
	p = old,
	p.via = "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bK"; /* the cookie and nothing behind it */
	assert_false(same(old, p));
	assert_true(same(p, p));
}

static void test_tx_5_rf_6_the_ack_of_an_old_peer_has_the_tag_of_our_answer(void **state)
{
	struct parts ack = old, cancel = old;
	struct server_key invite = key_of(old, false), meant;

	(void)state;
	ack.method = "ACK";
	ack.to = "<sip:bob@ims.example>;tag=ours";
	assert_true(same(old, ack));
	cancel.method = "CANCEL";
	assert_false(same(old, cancel));
	meant = key_of(cancel, true);
	assert_memory_equal(&meant, &invite, sizeof(invite));
}

/* Two dialogs of one forked call of an old peer: their requests have the same number, and are told apart by the To tag alone. */
static void test_tx_5_rf_6_the_to_tag_tells_requests_of_two_dialogs_apart(void **state)
{
	struct parts one = old, two = old;

	(void)state;
	one.method = two.method = "BYE";
	one.cseq = two.cseq = 2;
	one.to = "<sip:bob@ims.example>;tag=b1";
	two.to = "<sip:bob@ims.example>;tag=b2";
	assert_true(same(one, one));
	assert_false(same(one, two));
}

static void test_tx_5_rf_6_unknown_methods_of_old_peers_differ_by_name(void **state)
{
	(void)state;
	assert_true(same(with_method(old, "FOO"), with_method(old, "FOO")));
	assert_false(same(with_method(old, "FOO"), with_method(old, "BAR")));
	assert_false(same(with_method(old, "BYE"), with_method(old, "UPDATE")));
}

/* A peer must not be able to compute the key of another's transaction. */
static void test_tx_5_keys_depend_on_the_secret(void **state)
{
	struct server_key one = key_of(base, false);
	struct sip_message m;
	static const struct hash_key other = {{1, 2}};
	struct server_key two;
	char bytes[512];
	int n = snprintf(bytes, sizeof(bytes),
			 "INVITE %s SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: "
			 "c1\r\nCSeq: 1 INVITE\r\n\r\n",
			 base.uri, base.via, base.from, base.to);

	(void)state;
	assert_int_equal(sip_parse(&m, bytes, (size_t)n, SIP_DATAGRAM), SIP_OK);
	two = server_key_of(&other, &m);
	assert_memory_not_equal(&one, &two, sizeof(one));
	assert_true(one.word[0] != one.word[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tx_5_branch_sent_by_and_method_make_the_transaction),
		cmocka_unit_test(test_tx_5_every_method_is_its_own_but_the_ack),
		cmocka_unit_test(test_tx_5_rf_10a_a_cancel_finds_its_invite),
		cmocka_unit_test(test_tx_5_rf_6_peers_of_rfc_2543),
		cmocka_unit_test(test_tx_5_rf_6_the_ack_of_an_old_peer_has_the_tag_of_our_answer),
		cmocka_unit_test(test_tx_5_rf_6_the_to_tag_tells_requests_of_two_dialogs_apart),
		cmocka_unit_test(test_tx_5_rf_6_unknown_methods_of_old_peers_differ_by_name),
		cmocka_unit_test(test_tx_5_keys_depend_on_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
