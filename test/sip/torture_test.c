/* RFC 4475 and RFC 5118 as a table: for each of their messages what the RFC asks for, what the parser says and what is answered. The messages
 * are written anew with the property that the clause describes; they are the files of torture/. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/edit.h"
#include "sip/message.h"
#include "sip/sdp.h"
#include "sip/uri.h"
#include "sip/write.h"

/* What the RFC says of the message. */
enum asked {
	VALID,   /* well-formed: accept it */
	INVALID, /* refuse it: 400 or as said, a response is dropped */
	FOR_OTHERS, /* its fault or its meaning is for the transaction, the proxy, the registrar or the user agent */
};

struct row {
	const char *file, *clause;
	enum asked asked;
	enum sip_verdict verdict;
	uint16_t answered; /* 0: accepted, or refused in silence */
	uint16_t fields;   /* how many header fields were understood */
	const char *method, *from_tag, *to_tag;
	uint32_t cseq;
	uint32_t body_bytes;
	const char *why;
};

static const struct row rows[] = {
	/* RFC 4475 §3.1.1, well-formed */
	{"wsinv", "3.1.1.1", VALID, SIP_OK, 0, 14, "INVITE", "7j8", "41n", 9, 145,
	 "white space, folding"},
	{"intmeth", "3.1.1.2", VALID, SIP_OK, 0, 8, "!odd-Method0123456789_*+`.%so'~",
	 "_token~1'+`*%!-.", "", 139122385, 0, "every character that is allowed"},
	{"esc01", "3.1.1.3", VALID, SIP_OK, 0, 9, "INVITE", "938", "", 234234, 145, "escapes"},
	{"escnull", "3.1.1.4", VALID, SIP_OK, 0, 9, "REGISTER", "839923423", "", 14398234, 0,
	 "%00 in a user"},
	{"esc02", "3.1.1.5", VALID, SIP_OK, 0, 10, "RE%47IST%45R", "f232jadfj23", "", 29344, 0,
	 "% that is no escape: neither method nor header name is unescaped"},
	{"lwsdisp", "3.1.1.6", VALID, SIP_OK, 0, 7, "OPTIONS", "323", "", 60, 0,
	 "no space before <"},
	{"longreq", "3.1.1.7", VALID, SIP_OK, 0, 44, "INVITE",
	 "12982982982982982982982982982982982982982982982982982982982982982982982982982982"
	 "982982982982982982982982982982982982982982982982982982982982982982982982424",
	 "", 3882340, 145, "long, and within every bound"},
	{"dblreq", "3.1.1.8", VALID, SIP_OK, 0, 8, "REGISTER", "43251j3j324", "", 8, 0,
	 "what follows the message in a datagram is cut off"},
	{"semiuri", "3.1.1.9", VALID, SIP_OK, 0, 8, "OPTIONS", "33242", "", 8, 0, "; in a user"},
	{"transports", "3.1.1.10", VALID, SIP_OK, 0, 12, "OPTIONS", "323", "", 60, 0,
	 "unknown transports"},
	{"mpart01", "3.1.1.11", VALID, SIP_OK, 0, 12, "MESSAGE", "2fb0dcc9", "", 1, 448,
	 "a body with NUL and CRLF"},
	{"unreason", "3.1.1.12", VALID, SIP_OK, 0, 8, "INVITE", "11141343", "2229", 35, 145,
	 "UTF-8 in the reason phrase"},
	{"noreason", "3.1.1.13", VALID, SIP_OK, 0, 7, "INVITE", "39ansfi3", "902jndnke3", 35, 0,
	 "no reason phrase"},

	/* RFC 4475 §3.1.2, malformed */
	{"badinv01", "3.1.2.1", INVALID, SIP_REFUSED, 400, 9, "INVITE", "134161461246", "", 8, 145,
	 "empty Via parameters"},
	{"clerr", "3.1.2.2", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "shorter than its Content-Length"},
	{"ncl", "3.1.2.3", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "negative Content-Length"},
	{"scalar02", "3.1.2.4", INVALID, SIP_REFUSED, 400, 9, "REGISTER", "34525", "", 0, 0,
	 "CSeq beyond 2**31"},
	{"scalar02_maxfwd", "3.1.2.4", INVALID, SIP_REFUSED, 400, 7, "OPTIONS", "34525", "", 8, 0,
	 "Max-Forwards beyond 255"},
	{"scalarlg", "3.1.2.5", INVALID, SIP_REFUSED, 0, 8, "OPTIONS", "34525", "2229", 0, 0,
	 "a response is dropped"},
	{"quotbal", "3.1.2.6", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "To with an open quote"},
	{"ltgtruri", "3.1.2.7", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "Request-URI in < >"},
	{"lwsruri", "3.1.2.8", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "space within the Request-URI"},
	{"lwsstart", "3.1.2.9", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "two spaces in the request line"},
	{"trws", "3.1.2.10", INVALID, SIP_REFUSED, 400, 8, "OPTIONS", "329429089", "", 238923, 0,
	 "space behind the version"},
	{"escruri", "3.1.2.11", INVALID, SIP_REFUSED, 400, 8, "INVITE", "34525", "", 8, 145,
	 "headers in the Request-URI"},
	{"baddate", "3.1.2.12", INVALID, SIP_OK, 0, 9, "INVITE", "34525", "", 8, 145,
	 "passes the parser: a proxy does not look into Date"},
	{"regbadct", "3.1.2.13", INVALID, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0,
	 "passes the parser: Contact is the registrar's, who finds it malformed"},
	{"badaspec", "3.1.2.14", INVALID, SIP_REFUSED, 400, 7, "OPTIONS", "34525", "", 8, 0,
	 "spaces in < >"},
	{"baddn", "3.1.2.15", INVALID, SIP_REFUSED, 400, 7, "OPTIONS", "", "", 8, 0,
	 "a comma in a display name without quotes"},
	{"badvers", "3.1.2.16", INVALID, SIP_REFUSED, 505, 7, "OPTIONS", "34525", "", 8, 0,
	 "SIP/7.0"},
	{"mismatch01", "3.1.2.17", INVALID, SIP_REFUSED, 400, 7, "OPTIONS", "34525", "", 8, 0,
	 "CSeq of another method"},
	{"mismatch02", "3.1.2.18", INVALID, SIP_REFUSED, 400, 8, "NEWMETHOD", "34525", "", 8, 145,
	 "the same, method unknown"},
	{"bigcode", "3.1.2.19", INVALID, SIP_REFUSED, 0, 6, "INVITE", "34525", "902jndnke3", 8, 0,
	 "a response is dropped"},

	/* RFC 4475 §3.2 to §3.4 */
	{"badbranch", "3.2.1", FOR_OTHERS, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 "passes the parser: a branch of nothing but the cookie is matched by RFC 2543's rule"},
	{"insuf", "3.3.1", INVALID, SIP_REFUSED, 0, 5, "INVITE", "", "", 193942, 145,
	 "no From, To, Call-ID: an answer could not be matched by anybody, so there is none"},
	{"unkscm", "3.3.2", FOR_OTHERS, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 "passes the parser: 416 is the proxy's answer"},
	{"novelsc", "3.3.3", FOR_OTHERS, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 "passes the parser: 416 is the proxy's answer"},
	{"unksm2", "3.3.4", FOR_OTHERS, SIP_OK, 0, 8, "REGISTER", "3234233", "", 8, 0,
	 "passes the parser: From and To of any scheme; the Contact is the registrar's"},
	{"bext01", "3.3.5", FOR_OTHERS, SIP_OK, 0, 9, "OPTIONS", "34525", "", 8, 0,
	 "passes the parser: 420 is the proxy's answer"},
	{"invut", "3.3.6", FOR_OTHERS, SIP_OK, 0, 8, "INVITE", "34525", "", 8, 37,
	 "passes the parser: 415 is the user agent's answer"},
	{"regaut01", "3.3.7", FOR_OTHERS, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0,
	 "passes the parser: 401 is the registrar's answer"},
	{"multi01", "3.3.8", INVALID, SIP_REFUSED, 400, 13, "INVITE", "34525", "", 8, 145,
	 "From, To, Call-ID, CSeq, Max-Forwards twice"},
	{"mcl01", "3.3.9", INVALID, SIP_REFUSED, 400, 9, "OPTIONS", "34525", "", 8, 13,
	 "two Content-Length that differ"},
	{"bcast", "3.3.10", FOR_OTHERS, SIP_OK, 0, 9, "INVITE", "34525", "2229", 8, 145,
	 "passes the parser: whether a response goes to that Via is the proxy's business"},
	{"zeromf", "3.3.11", FOR_OTHERS, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 "passes the parser: a proxy answers 483, a user agent serves it"},
	{"cparam01", "3.3.12", VALID, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0,
	 "a parameter of the Contact"},
	{"cparam02", "3.3.13", VALID, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0,
	 "a parameter of the Contact's URI"},
	{"regescrt", "3.3.14", VALID, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0,
	 "headers in the Contact's URI"},
	{"sdp01", "3.3.15", FOR_OTHERS, SIP_OK, 0, 9, "INVITE", "34525", "", 8, 145,
	 "passes the parser: 406 is the user agent's answer"},
	{"inv2543", "3.4.1", VALID, SIP_OK, 0, 7, "INVITE", "", "", 56, 145,
	 "no tags, no branch, no Max-Forwards, no Content-Length"},

	/* RFC 5118 */
	{"ipv6-good", "4.1", VALID, SIP_OK, 0, 8, "REGISTER", "34525", "", 8, 0, ""},
	{"ipv6-bad", "4.2", INVALID, SIP_REFUSED, 400, 8, "REGISTER", "34525", "", 8, 0,
	 "address without brackets"},
	{"port-ambiguous", "4.3", VALID, SIP_OK, 0, 7, "REGISTER", "34525", "", 8, 0,
	 "5070 is part of the address"},
	{"port-unambiguous", "4.4", VALID, SIP_OK, 0, 7, "REGISTER", "34525", "", 8, 0, ""},
	{"via-received-param-with-delim", "4.5", VALID, SIP_OK, 0, 7, "BYE", "34525", "", 8, 0, ""},
	{"via-received-param-no-delim", "4.5", VALID, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 ""},
	{"ipv6-in-sdp", "4.6", VALID, SIP_OK, 0, 9, "INVITE", "34525", "", 8, 106, ""},
	{"mult-ip-in-header", "4.7", VALID, SIP_OK, 0, 9, "BYE", "34525", "", 8, 0, ""},
	{"mult-ip-in-sdp", "4.8", VALID, SIP_OK, 0, 8, "INVITE", "34525", "", 8, 175, ""},
	{"ipv4-mapped-ipv6", "4.9", VALID, SIP_OK, 0, 10, "INVITE", "34525", "", 8, 132, ""},
	{"ipv6-bug-abnf-3-colons", "4.10", VALID, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 "taken for two colons"},
	{"ipv6-correct-abnf-2-colons", "4.10", VALID, SIP_OK, 0, 7, "OPTIONS", "34525", "", 8, 0,
	 ""},
};

static char bytes[LIMIT_MESSAGE_BYTES];
static size_t len;
static struct sip_message m;

static enum sip_verdict load(const char *file)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), SOURCE_FOLDER "/test/sip/torture/%s.sip", file);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return sip_parse(&m, bytes, len, SIP_DATAGRAM);
}

#define assert_text(t, string) assert_true(is_text((t), (string)))

static bool is_text(struct text t, const char *string)
{
	if (text_equal(t, text_of(string)))
		return true;
	print_error("\"%.*s\" instead of \"%s\"\n", TEXT_ARGS(t), string);
	return false;
}

static bool row_holds(const struct row *row)
{
	enum sip_verdict verdict = load(row->file);
	unsigned answered = verdict == SIP_REFUSED && sip_can_answer(&m) ? m.fault_status : 0;
	struct text method = m.is_request ? m.method_name : m.cseq_method_name;

	if (verdict != row->verdict || answered != row->answered) {
		print_error("verdict %u, answered %u, %s\n", verdict, answered,
			    m.fault_reason ? m.fault_reason : "no fault");
		return false;
	}
	if (m.n_fields != row->fields || m.cseq != row->cseq || m.body.len != row->body_bytes) {
		print_error("%u fields, CSeq %u, body of %u\n", m.n_fields, m.cseq, m.body.len);
		return false;
	}
	return is_text(method, row->method) && is_text(m.from_tag, row->from_tag) &&
	       is_text(m.to_tag, row->to_tag);
}

/* @req MP-7 MP-8 */
static void test_every_torture_message_gets_its_verdict(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (row_holds(&rows[i]))
			continue;
		print_error("^ %s, clause %s: %s\n", rows[i].file, rows[i].clause, rows[i].why);
		failed++;
	}
	assert_int_equal(failed, 0);
}

/* A message that the RFC calls malformed is refused, or the row says who finds the fault; a valid one is accepted, or the row names our bound. */
static void test_every_deviation_has_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].asked == VALID && rows[i].verdict != SIP_OK)
			assert_non_null(strstr(rows[i].why, "our bound"));
		if (rows[i].asked == INVALID && rows[i].verdict == SIP_OK)
			assert_non_null(strstr(rows[i].why, "passes the parser"));
		if (rows[i].asked == FOR_OTHERS)
			assert_non_null(strstr(rows[i].why, "passes the parser"));
	}
}

/* A refusal that is answered gives back what the peer needs to match it. */
/* @req MP-8 */
static void test_every_refusal_can_be_written_as_a_response(void **state)
{
	static char out[2 * LIMIT_MESSAGE_BYTES];
	static struct sip_message response;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text_writer w = text_writer_on(out, sizeof(out));

		if (!rows[i].answered)
			continue;
		load(rows[i].file);
		sip_write_response(&w, &m, m.fault_status, text_of(m.fault_reason), TEXT("t1"),
				   (struct text){0}, (struct text){0});
		assert_false(w.full);
		sip_parse(&response, out, w.len, SIP_DATAGRAM);
		assert_int_equal(response.status, rows[i].answered);
		assert_true(text_equal(response.call_id, m.call_id));
		assert_true(text_equal(response.cseq_method_name, m.cseq_method_name));
		assert_true(text_equal(response.via.host, m.via.host));
	}
}

static void test_valid_messages_go_out_as_they_came(void **state)
{
	static char out[LIMIT_MESSAGE_BYTES];
	struct text_writer w;
	struct sip_edit edit;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (load(rows[i].file) != SIP_OK)
			continue;
		w = text_writer_on(out, sizeof(out));
		sip_edit_begin(&edit, &m);
		assert_true(sip_edit_write(&edit, &w));
		assert_true(text_equal(text_written(&w), m.bytes));
	}
}

static unsigned count(enum sip_header header)
{
	struct sip_list list = sip_list_of(&m, header);
	struct text value;
	unsigned n = 0;

	while (sip_list_next(&list, &value))
		n++;
	return n;
}

static void test_wsinv_is_understood(void **state)
{
	struct sip_list list;
	struct sip_name_addr a;
	struct sip_via via;
	struct text value;

	(void)state;
	load("wsinv");
	assert_int_equal(m.max_forwards, 68);
	assert_int_equal(count(SIP_HEADER_VIA), 3);
	assert_text(m.via.host, "127.0.0.2");
	assert_text(m.via.transport, "UDP");
	assert_text(m.via.branch, "kk3");
	list = sip_list_of(&m, SIP_HEADER_VIA);
	for (int i = 0; i < 3; i++)
		assert_true(sip_list_next(&list, &value));
	assert_true(sip_via_parse(value, &via));
	assert_text(via.host, "127.0.0.111");
	assert_text(via.branch, "z9hG4bK302");
	assert_true(sip_name_addr_parse(m.from, &a));
	assert_text(a.display, "\"Ann Example \\\\\\\"\"");
	assert_text(m.from_uri, "sip:ann@ims.example");
	assert_text(m.to_uri, "sip:bea@ims.example");
	assert_true(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	assert_text(a.display, "\"Quoted string \\\"\\\"\"");
	assert_true(sip_param(a.params, TEXT("NewParam"), &value));
	assert_text(value, "newvalue");
	assert_true(sip_param(a.params, TEXT("q"), &value));
	assert_text(value, "0.33");
	assert_text(m.call_id, "wsinv.k2@127.0.0.2");
}

static void test_escapes_are_understood(void **state)
{
	struct sip_uri uri, other;
	char buffer[256];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	(void)state;
	load("esc01");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_int_equal(uri.scheme, SIP_URI_SIP);
	assert_text(uri.user, "sips%3Auser%40ims.example");
	assert_text(uri.host, "home.ims.example");
	assert_true(sip_uri_parse(m.to_uri, &uri));
	assert_true(sip_uri_parse(TEXT("sip:user@ims.example"), &other));
	assert_true(sip_uri_equal(&uri, &other));
	load("escnull");
	assert_true(sip_uri_parse(m.to_uri, &uri));
	sip_uri_put_address_of_record(&uri, &w);
	assert_text(text_written(&w), "sip:null-%00-null@ims.example");
	assert_int_equal(count(SIP_HEADER_CONTACT), 2);
	load("esc02");
	assert_int_equal(m.method, SIP_METHOD_OTHER);
	assert_int_equal(count(SIP_HEADER_CONTACT), 2);
	load("semiuri");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_text(uri.user, "user;par=u%40net.ims.example");
	assert_int_equal(uri.params.len, 0);
	load("intmeth");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_text(uri.user, "2_odd.URI~(quite-so!)&don't+ask$/why?,/;;*");
	assert_text(uri.password, "&its=2,pass!*word$too~._(o'k-)");
}

static void test_datagram_is_cut_off_at_content_length(void **state)
{
	(void)state;
	load("dblreq");
	assert_true(m.bytes.len < len);
	assert_memory_equal(bytes + m.bytes.len, "INVITE", 6);
	load("inv2543");
	assert_ptr_equal(m.body.at + m.body.len, bytes + len);
	assert_int_equal(m.max_forwards, SIP_NO_MAX_FORWARDS);
	assert_int_equal(m.via.branch.len, 0);
}

static void test_contacts_are_for_the_registrar(void **state)
{
	struct sip_name_addr a;
	struct sip_uri uri;

	(void)state;
	load("regbadct");
	assert_false(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	load("cparam01");
	assert_true(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	assert_text(a.params, ";unknownparam");
	assert_text(a.uri, "sip:+15555550100@gw1.ims.example");
	load("cparam02");
	assert_true(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	assert_text(a.params, "");
	assert_true(sip_uri_parse(a.uri, &uri));
	assert_text(uri.params, ";unknownparam");
	load("regescrt");
	assert_true(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	assert_true(sip_uri_parse(a.uri, &uri));
	assert_text(uri.headers, "Route=%3Csip:sip.ims.example%3E");
	load("unksm2");
	assert_true(sip_name_addr_parse(sip_value(&m, SIP_HEADER_CONTACT), &a));
	assert_true(sip_uri_parse(a.uri, &uri));
	assert_int_equal(uri.scheme, SIP_URI_OTHER);
	assert_text(m.to_uri, "isbn:1234567890");
}

static void test_what_a_proxy_answers_can_be_seen(void **state)
{
	struct sip_uri uri;

	(void)state;
	load("unkscm");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_int_equal(uri.scheme, SIP_URI_OTHER);
	load("bext01");
	assert_true(sip_has_option(&m, SIP_HEADER_PROXY_REQUIRE, TEXT("NorThis")));
	assert_true(sip_has_option(&m, SIP_HEADER_REQUIRE, TEXT("unheardof2")));
	assert_false(sip_has_option(&m, SIP_HEADER_REQUIRE, TEXT("unheard")));
	load("zeromf");
	assert_int_equal(m.max_forwards, 0);
	load("badbranch");
	assert_text(m.via.branch, "z9hG4bK");
	load("unreason");
	assert_int_equal(m.status, 200);
	assert_int_equal(m.reason_phrase.len, 74);
	load("noreason");
	assert_int_equal(m.status, 100);
	assert_int_equal(m.reason_phrase.len, 0);
	load("transports");
	assert_int_equal(count(SIP_HEADER_VIA), 5);
}

/* @req MP-7 */
static void test_ipv6_references_are_understood(void **state)
{
	struct sip_uri uri, other;
	struct endpoint e;

	(void)state;
	load("port-ambiguous");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_text(uri.host, "[::10:5070]");
	assert_int_equal(uri.port, 0);
	load("port-unambiguous");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	assert_text(uri.host, "[::10]");
	assert_int_equal(uri.port, 5070);
	load("via-received-param-with-delim");
	assert_text(m.via.received, "[::9:255]");
	load("via-received-param-no-delim");
	assert_text(m.via.received, "::9:255");
	assert_true(endpoint_parse_ip(m.via.received, &e));
	load("ipv4-mapped-ipv6");
	assert_text(m.via.host, "[::ffff:127.0.0.10]");
	assert_int_equal(m.via.port, 19823);
	load("ipv6-bug-abnf-3-colons");
	assert_true(sip_uri_parse(m.request_uri, &uri));
	load("ipv6-correct-abnf-2-colons");
	assert_true(sip_uri_parse(m.request_uri, &other));
}

static void test_sdp_of_the_torture_messages_is_read(void **state)
{
	struct endpoint origin = {.family = 4, .ip = {127, 0, 0, 1}};
	char buffer[512];
	struct text_writer w = text_writer_on(buffer, sizeof(buffer));

	(void)state;
	load("mult-ip-in-sdp");
	assert_true(sdp_put_rejection(&w, m.body, &origin, 1));
	buffer[w.len] = 0;
	assert_non_null(strstr(buffer, "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 107\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_torture_message_gets_its_verdict),
		cmocka_unit_test(test_every_deviation_has_its_reason),
		cmocka_unit_test(test_every_refusal_can_be_written_as_a_response),
		cmocka_unit_test(test_valid_messages_go_out_as_they_came),
		cmocka_unit_test(test_wsinv_is_understood),
		cmocka_unit_test(test_escapes_are_understood),
		cmocka_unit_test(test_datagram_is_cut_off_at_content_length),
		cmocka_unit_test(test_contacts_are_for_the_registrar),
		cmocka_unit_test(test_what_a_proxy_answers_can_be_seen),
		cmocka_unit_test(test_ipv6_references_are_understood),
		cmocka_unit_test(test_sdp_of_the_torture_messages_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
