/* RFC 3261 §19.1 and RFC 3966: URIs read, compared and made addresses of record. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sip/uri.h"

static bool is_text(struct text t, const char *string)
{
	if (text_equal(t, text_of(string)))
		return true;
	print_error("\"%.*s\" instead of \"%s\"\n", TEXT_ARGS(t), string);
	return false;
}

struct parts {
	const char *uri;
	enum sip_uri_scheme scheme;
	const char *user, *password, *host;
	unsigned port;
	const char *params, *headers;
};

static const struct parts well_formed[] = {
	{"sip:ann@ims.example", SIP_URI_SIP, "ann", "", "ims.example", 0, "", ""},
	{"SIP:ann@ims.example", SIP_URI_SIP, "ann", "", "ims.example", 0, "", ""},
	{"sips:ann@ims.example:5061", SIP_URI_SIPS, "ann", "", "ims.example", 5061, "", ""},
	{"sip:ims.example", SIP_URI_SIP, "", "", "ims.example", 0, "", ""},
	{"sip:ann:secret@127.0.0.1:65535", SIP_URI_SIP, "ann", "secret", "127.0.0.1", 65535, "",
	 ""},
	{"sip:ann:@ims.example", SIP_URI_SIP, "ann", "", "ims.example", 0, "", ""},
	{"sip:ann;x=y?z/@ims.example;lr", SIP_URI_SIP, "ann;x=y?z/", "", "ims.example", 0, ";lr",
	 ""},
	{"sip:+1-555@ims.example;user=phone;lr?Subject=a%20b&Priority=", SIP_URI_SIP, "+1-555", "",
	 "ims.example", 0, ";user=phone;lr", "Subject=a%20b&Priority="},
	{"sip:ims.example?to=sip:a%40b", SIP_URI_SIP, "", "", "ims.example", 0, "", "to=sip:a%40b"},
	{"sip:[::1]", SIP_URI_SIP, "", "", "[::1]", 0, "", ""},
	{"sip:ann@[::1]:5060;transport=tcp", SIP_URI_SIP, "ann", "", "[::1]", 5060,
	 ";transport=tcp", ""},
	{"sip:ann@[0:::127.0.0.1]", SIP_URI_SIP, "ann", "", "[0:::127.0.0.1]", 0, "", ""},
	{"sip:a_b@host_1.ims.example.", SIP_URI_SIP, "a_b", "", "host_1.ims.example.", 0, "", ""},
	{"sip:ims.example;a=[]/:&+$;b=%41", SIP_URI_SIP, "", "", "ims.example", 0,
	 ";a=[]/:&+$;b=%41", ""},
	{"tel:+1-555-123", SIP_URI_TEL, "+1-555-123", "", "", 0, "", ""},
	{"TEL:7042;phone-context=ims.example", SIP_URI_TEL, "7042", "", "", 0,
	 ";phone-context=ims.example", ""},
	{"tel:*21#", SIP_URI_TEL, "*21#", "", "", 0, "", ""},
	{"urn:service:sos", SIP_URI_OTHER, "", "", "", 0, "", ""},
	{"soap.beep://127.0.0.1:3002", SIP_URI_OTHER, "", "", "", 0, "", ""},
};

static void test_parts_of_well_formed_uris(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(well_formed) / sizeof(well_formed[0]); i++) {
		const struct parts *p = &well_formed[i];
		struct sip_uri u;

		if (!sip_uri_parse(text_of(p->uri), &u))
			fail_msg("%s is refused", p->uri);
		assert_int_equal(u.scheme, p->scheme);
		assert_true(is_text(u.whole, p->uri));
		assert_true(is_text(u.user, p->user));
		assert_true(is_text(u.password, p->password));
		assert_true(is_text(u.host, p->host));
		assert_int_equal(u.port, p->port);
		assert_true(is_text(u.params, p->params));
		assert_true(is_text(u.headers, p->headers));
		assert_true(sip_uri_equal(&u, &u));
	}
}

static const char *const malformed[] = {
	"",
	"sip",
	"sip:",
	"sip:@ims.example",
	"sip::secret@ims.example",
	"sip:ann@",
	"sip:ann@ims.example:",
	"sip:ann@ims.example:0",
	"sip:ann@ims.example:65536",
	"sip:ann@ims.example:5060x",
	"sip:ann@ims.example:-1",
	"sip:ann@ims.example;",
	"sip:ann@ims.example;;lr",
	"sip:ann@ims.example;=x",
	"sip:ann@ims.example;transport=",
	"sip:ann@ims.example?",
	"sip:ann@ims.example?=x",
	"sip:ann@ims.example?a=b&",
	"sip:ann@ims.example?&a=b",
	"sip:ann ray@ims.example",
	"sip:ann@ims example",
	"sip:an\"n@ims.example",
	"sip:<ann@ims.example>",
	"sip:ann%@ims.example",
	"sip:ann%4@ims.example",
	"sip:ann%4g@ims.example",
	"sip:ann:pass%zz@ims.example",
	"sip:ann@ims.example;a=%4",
	"sip:ann@ims.example;a%zz=b",
	"sip:ann@ims.example?a=%q0",
	"sip:ann@::1",
	"sip:::1",
	"sip:[::1",
	"sip:[]",
	"sip:[127.0.0.1]",
	"sip:[::1]x",
	"sip:[1:::::2]",
	"sip:[::::1]",
	"sip:ann@@ims.example",
	"sip:ann@bea@ims.example",
	"sip:\xc3\xa9@ims.example",
	"tel:",
	"tel:+",
	"tel:--",
	"tel:+12a",
	"tel:12 34",
	"tel:12x",
	"tel:12?a=b",
	"tel:12;",
	":x",
	"1a:x",
	"a b:x",
	"urn:",
	"urn:a b",
	"urn:<a>",
	"no-scheme",
};

static void test_malformed_uris_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		struct sip_uri u = {.port = 77};

		if (sip_uri_parse(text_of(malformed[i]), &u))
			fail_msg("%s is accepted", malformed[i]);
		assert_int_equal(u.port, 77); /* untouched */
	}
}

static void test_uri_bytes_bound(void **state)
{
	static char uri[LIMIT_URI_BYTES + 1] = "sip:ims.example;a=";
	struct sip_uri u;

	(void)state;
	memset(uri + strlen(uri), 'x', sizeof(uri) - strlen(uri));
	assert_true(sip_uri_parse((struct text){uri, LIMIT_URI_BYTES - 1}, &u));
	assert_true(sip_uri_parse((struct text){uri, LIMIT_URI_BYTES}, &u));
	assert_false(sip_uri_parse((struct text){uri, LIMIT_URI_BYTES + 1}, &u));
}

struct pair {
	const char *a, *b;
	const char *why;
};

static const struct pair equal[] = {
	{"sip:%61nn@ims.example;transport=TCP", "sip:ann@IMS.EXAMPLE;Transport=tcp",
	 "escapes, case"},
	{"sip:ann@ims.example", "SIP:ann@ims.example", "case of the scheme"},
	{"sip:cid@ims.example", "sip:cid@ims.example;newparam=5", "unknown parameter in one only"},
	{"sip:cid@ims.example;newparam=5", "sip:cid@ims.example;security=on",
	 "and in each another"},
	{"sip:ims.example;transport=tcp;method=REGISTER?to=sip:bea%40ims.example",
	 "sip:ims.example;method=REGISTER;transport=tcp?to=sip:bea%40ims.example",
	 "order of parameters"},
	{"sip:ann@ims.example?subject=project%20x&priority=urgent",
	 "sip:ann@ims.example?priority=urgent&subject=project%20x", "order of headers"},
	{"sip:ann@ims.example?Subject=a", "sip:ann@ims.example?suBject=a", "case of a header name"},
	{"sip:ann@ims.example?a=1&a=2", "sip:ann@ims.example?a=2&a=1", "a header twice"},
	{"sip:ann%3Bx@ims.example", "sip:ann%3bx@ims.example", "case of an escape"},
	{"sip:ann@ims.example;lr", "sip:ann@ims.example;LR", "case of a bare parameter"},
	{"sip:ann@ims.example;x=%61", "sip:ann@ims.example;%78=A", "escapes in parameters"},
	{"sip:[::1]", "sip:[0:0::1]", "spellings of an IPv6 address"},
	{"sip:[0:::127.0.0.1]", "sip:[::7f00:1]", "three colons, RFC 5118 4.10"},
	{"sip:ann:p%77@ims.example", "sip:ann:pw@ims.example", "escapes in a password"},
	{"tel:+1-555-0100", "tel:+1(555)01.00", "visual separators"},
	{"tel:+15550100;ext=12-3;isub=4", "tel:+15550100;ISUB=4;ext=123", "order, extension"},
	{"tel:7042;phone-context=IMS.example", "tel:70-42;phone-context=ims.example", "host name"},
	{"tel:7042;phone-context=+1-555", "tel:7042;phone-context=+1555", "number as context"},
	{"tel:*A", "tel:*a", "case of hexadecimal digits"},
	{"urn:service:sos", "urn:service:sos", "other schemes by bytes"},
};

static const struct pair different[] = {
	{"SIP:ANN@ims.example;Transport=udp", "sip:ann@IMS.example;transport=UDP",
	 "case of the user"},
	{"sip:bob@ims.example", "sip:bob@ims.example:5060", "port written out"},
	{"sip:bob@ims.example", "sip:bob@ims.example;transport=udp", "transport written out"},
	{"sip:bob@ims.example", "sip:bob@ims.example:6000;transport=tcp", "both"},
	{"sip:cid@ims.example", "sip:cid@ims.example?Subject=next%20meeting", "header in one only"},
	{"sip:bob@host.ims.example", "sip:bob@127.0.0.4", "name and address"},
	{"sip:ann@ims.example", "sips:ann@ims.example", "scheme"},
	{"sip:ann@ims.example", "sip:ims.example", "user in one only"},
	{"sip:ann@ims.example", "sip:ann:@ims.example", "password in one only"},
	{"sip:ann:a@ims.example", "sip:ann:b@ims.example", "password"},
	{"sip:ann@ims.example;user=ip", "sip:ann@ims.example", "user in one only, though default"},
	{"sip:ann@ims.example;ttl=1", "sip:ann@ims.example", "ttl in one only"},
	{"sip:ann@ims.example;method=INVITE", "sip:ann@ims.example", "method in one only"},
	{"sip:ann@ims.example;maddr=127.0.0.1", "sip:ann@ims.example", "maddr in one only"},
	{"sip:ann@ims.example;x=1", "sip:ann@ims.example;x=2", "parameter in both"},
	{"sip:ann@ims.example;x", "sip:ann@ims.example;x=2", "bare and with a value"},
	{"sip:ann;a@ims.example", "sip:ann%3Ba@ims.example",
	 "a reserved character is not its escape"},
	{"sip:ann@ims.example?a=1&a=1", "sip:ann@ims.example?a=1", "a header twice"},
	{"sip:ann@ims.example?a=1", "sip:ann@ims.example?a=A", "value of a header"},
	{"sip:ann@ims.example?a=x", "sip:ann@ims.example?a=X", "case of a header's value"},
	{"sip:[::1]", "sip:[::2]", "address"},
	{"tel:+15550100", "tel:15550100", "global and local"},
	{"tel:+15550100", "tel:+15550101", "number"},
	{"tel:+15550100", "tel:+15550100;isub=1", "parameter in one only"},
	{"tel:+1555010", "tel:+15550100", "shorter number"},
	{"tel:7042;phone-context=a.example", "tel:7042;phone-context=b.example", "context"},
	{"tel:+15550100", "sip:+15550100@ims.example;user=phone", "scheme"},
	{"urn:service:sos", "urn:service:SOS", "other schemes by bytes"},
};

static bool are_equal(const char *a, const char *b)
{
	struct sip_uri x, y;

	if (!sip_uri_parse(text_of(a), &x) || !sip_uri_parse(text_of(b), &y))
		fail_msg("%s or %s is refused", a, b);
	assert_int_equal(sip_uri_equal(&x, &y), sip_uri_equal(&y, &x));
	return sip_uri_equal(&x, &y);
}

/* @req MP-5 */
static void test_comparison_by_19_1_4(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(equal) / sizeof(equal[0]); i++)
		if (!are_equal(equal[i].a, equal[i].b))
			fail_msg("%s and %s are equal: %s", equal[i].a, equal[i].b, equal[i].why);
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		if (are_equal(different[i].a, different[i].b))
			fail_msg("%s and %s differ: %s", different[i].a, different[i].b,
				 different[i].why);
}

static void test_parameters_are_found(void **state)
{
	struct sip_uri u;
	struct text value;

	(void)state;
	assert_true(sip_uri_parse(TEXT("sip:a@ims.example;lr;Transport=tcp;x=a=b?h=1"), &u));
	assert_true(sip_uri_param(&u, TEXT("lr"), &value));
	assert_int_equal(value.len, 0);
	assert_true(sip_uri_param(&u, TEXT("transport"), &value));
	assert_true(is_text(value, "tcp"));
	assert_true(sip_uri_param(&u, TEXT("X"), &value));
	assert_true(is_text(value, "a=b"));
	assert_false(sip_uri_param(&u, TEXT("h"), &value));
	assert_false(sip_uri_param(&u, TEXT("trans"), &value));
	assert_true(sip_uri_parse(TEXT("sip:a@ims.example"), &u));
	assert_false(sip_uri_param(&u, TEXT("lr"), &value));
}

static void test_address_of_record(void **state)
{
	static const struct pair rows[] = {
		{"sip:ann@IMS.Example", "sip:ann@ims.example", ""},
		{"sips:Ann:secret@ims.example;lr?a=b", "sip:Ann@ims.example", ""},
		{"sip:%61nn@ims.example:5070", "sip:ann@ims.example:5070", ""},
		{"sip:a%40%3c%0a%3B@ims.example", "sip:a%40%3C%0A;@ims.example", ""},
		{"sip:ims.example;lr", "sip:ims.example", ""},
		{"sip:ann@[::A]", "sip:ann@[::a]", ""},
		{"tel:+1-555-(01).00", "tel:+15550100", ""},
		{"tel:70-42;ext=1;phone-context=IMS.example", "tel:7042;phone-context=ims.example",
		 ""},
		{"urn:service:sos", "urn:service:sos", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buffer[128];
		struct text_writer w = text_writer_on(buffer, sizeof(buffer));
		struct sip_uri u;

		assert_true(sip_uri_parse(text_of(rows[i].a), &u));
		sip_uri_put_address_of_record(&u, &w);
		assert_true(is_text(text_written(&w), rows[i].b));
		assert_true(sip_uri_parse(text_written(&w), &u)); /* a URI again */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_of_well_formed_uris),
		cmocka_unit_test(test_malformed_uris_are_refused),
		cmocka_unit_test(test_uri_bytes_bound),
		cmocka_unit_test(test_comparison_by_19_1_4),
		cmocka_unit_test(test_parameters_are_found),
		cmocka_unit_test(test_address_of_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
