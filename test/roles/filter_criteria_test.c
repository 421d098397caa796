/* Initial filter criteria: TS 29.228 annexes B, C and F, TS 23.218 §6, rule by rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "roles/scscf/filter_criteria.h"

#define HEAD(method)                                                                               \
	method " sip:+15551230002@home.ims.example:5070;user=phone SIP/2.0\r\n"                    \
	       "Via: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK1\r\n"                               \
	       "Max-Forwards: 69\r\n"                                                              \
	       "From: <sip:a@ims.example>;tag=1\r\n"                                               \
	       "To: <sip:b@ims.example>\r\n"                                                       \
	       "Call-ID: c1\r\n"                                                                   \
	       "CSeq: 1 " method "\r\n"                                                            \
	       "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel\r\n"                     \
	       "Accept-Contact: *;audio\r\n"                                                       \
	       "Accept-Contact: *;video,\r\n \t *;text\r\n"                                        \
	       "s: hello\r\n"                                                                      \
	       "x: 1800;refresher=uac\r\n"                                                         \
	       "X-Empty:\r\n"
#define SDP                                                                                        \
	"v=0\r\n"                                                                                  \
	"o=- 1 1 IN IP4 127.0.0.3\r\n"                                                             \
	"s=-\r\n"                                                                                  \
	"m=audio 49170 RTP/AVP 97\r\n"                                                             \
	"a=rtpmap:97 AMR-WB/16000\r\n"                                                             \
	"a=sendrecv\r\n"                                                                           \
	"no line of it\r\n"                                                                        \
	"m=message 9 TCP/MSRP *\r\n"
#define AS_SDP "Content-Type: application/sdp\r\n\r\n"

static struct sip_message message;

static struct filter_facts facts_of(const char *bytes)
{
	if (sip_parse(&message, bytes, strlen(bytes), SIP_DATAGRAM) != SIP_OK)
		fail_msg("%s", message.fault_reason);
	return (struct filter_facts){.request = &message,
				     .request_uri = message.request_uri,
				     .session_case = ORIGINATING_REGISTERED};
}

static struct pattern *open_pattern(const char *expression, bool is_name)
{
	char why[128] = "";
	struct pattern *pattern =
		expression ? pattern_open(text_of(expression), is_name, why, sizeof(why)) : NULL;

	if (expression && !pattern)
		fail_msg("%s: %s", expression, why);
	return pattern;
}

/* In a profile of this one criteria. */
static bool trigger_point_is_met(const struct trigger_point *trigger,
				 const struct filter_facts *facts)
{
	struct filter_criteria criteria = {.profile_part = PROFILE_PART_BOTH, .trigger = *trigger};
	const struct service_profile profile = {1, &criteria};

	return filter_criteria_next(&profile, (struct filter_position){0}, facts) != NULL;
}

static bool is_met(const struct service_point *point, const struct filter_facts *facts)
{
	const struct trigger_point trigger = {.is_cnf = true, .n_points = 1, .points = point};

	return trigger_point_is_met(&trigger, facts);
}

/* One service point with patterns, asked plainly and negated. */
static bool ask(enum service_point_kind kind, const char *name, const char *content,
		const struct filter_facts *facts)
{
	struct service_point point = {.kind = (uint8_t)kind,
				      .name = open_pattern(name, true),
				      .content = open_pattern(content, false)};
	bool met = is_met(&point, facts);

	point.negated = true;
	assert_true(is_met(&point, facts) == !met); /* @req IFC-4 */
	pattern_close(point.name);
	pattern_close(point.content);
	return met;
}

/* ------------------------------------------------------------------ trigger points */

/* Points by letters whose truth is chosen: session case 0 is met, 1 is not. Groups as digits. */
struct trigger_row {
	const char *points
		[6]; /* "T0": met, in group 0; "F12": not met, in groups 1 and 2; "!": negated */
	bool cnf, dnf;
};

static const struct trigger_row trigger_rows[] = {
	{{NULL}, true, true},
	{{"T0"}, true, true},
	{{"F0"}, false, false},
	{{"!T0"}, false, false},
	{{"!F0"}, true, true},
	{{"T"}, true, true}, /* no group written */
	{{"T0", "F0"}, true, false},
	{{"F0", "T0"}, true, false},
	{{"T0", "F1"}, false, true},
	{{"F0", "T1"}, false, true},
	{{"T0", "T1"}, true, true},
	{{"F0", "F1"}, false, false},
	{{"T0", "F0", "F1"}, false, false},
	{{"T0", "T0", "F1"}, false, true},
	{{"T0", "F0", "F1", "T1"}, true, false},
	{{"F0", "T1", "T1"}, false, true},
	{{"T0", "F1", "F0", "T1"}, true, false}, /* groups not together */
	{{"F0", "T1", "T0"}, true, true},
	{{"F0", "F1", "T0"}, false, false},
	{{"T1", "F0"}, false, true}, /* nor in order */
	{{"T01"}, true, true},
	{{"F01"}, false, false},
	{{"T01", "F0", "F1"}, true, false},
	{{"F01", "T0", "T1"}, true, false},
	{{"F0", "T01", "T1"}, true, true},
	{{"F0", "F01", "T1"}, false, false},
	{{"T0", "T01", "F1"}, true, true},
	{{"T012", "F0", "F1", "F2"}, true, false},
	{{"!T01", "!F0", "T1"}, true, false},
	{{"T0", "F9"}, false, true},  /* numbers need not be dense */
	{{"F00", "T0"}, true, false}, /* the same one twice */
	{{"T", "F0"}, true, false},   /* none is group 0 */
	{{"F", "T01", "F1"}, true, false},
};

static bool ask_trigger(const struct trigger_row *row, bool is_cnf)
{
	const struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");
	struct service_point points[6];
	struct trigger_point trigger = {.is_cnf = is_cnf, .points = points};
	uint16_t groups[6][3];

	for (; row->points[trigger.n_points]; trigger.n_points++) {
		const char *at = row->points[trigger.n_points];
		struct service_point *p = &points[trigger.n_points];

		*p = (struct service_point){.kind = SERVICE_POINT_SESSION_CASE,
					    .groups = groups[trigger.n_points]};
		p->negated = *at == '!';
		at += p->negated;
		p->session_case = *at++ == 'T' ? ORIGINATING_REGISTERED : TERMINATING_REGISTERED;
		while (*at)
			groups[trigger.n_points][p->n_groups++] = (uint16_t)(*at++ - '0');
	}
	return trigger_point_is_met(&trigger, &facts);
}

static void test_ifc_2_and_ifc_3_groups(void **state)
{
	(void)state; /* @req IFC-1 IFC-2 IFC-3 IFC-4 */
	for (size_t i = 0; i < sizeof(trigger_rows) / sizeof(trigger_rows[0]); i++)
		if (ask_trigger(&trigger_rows[i], true) != trigger_rows[i].cnf ||
		    ask_trigger(&trigger_rows[i], false) != trigger_rows[i].dnf)
			fail_msg("row %zu", i);
}

/* As many points and groups as are allowed: point i is in groups i and i+1. */
static void test_ifc_3_bounds(void **state)
{
	const struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");
	static struct service_point points[LIMIT_SERVICE_POINTS];
	static uint16_t groups[LIMIT_SERVICE_POINTS][2];
	struct trigger_point trigger = {.n_points = LIMIT_SERVICE_POINTS, .points = points};

	(void)state;
	for (unsigned i = 0; i < LIMIT_SERVICE_POINTS; i++) {
		groups[i][0] = (uint16_t)(1000 * i);
		groups[i][1] = (uint16_t)(1000 * ((i + 1) % LIMIT_SERVICE_POINT_GROUPS));
		points[i] = (struct service_point){
			.kind = SERVICE_POINT_SESSION_CASE, .n_groups = 2, .groups = groups[i]};
	}
	for (unsigned wrong = 0; wrong < LIMIT_SERVICE_POINTS; wrong++) {
		/* Two neighbours that are not met leave one group with none that is. */
		points[wrong].negated = true;
		trigger.is_cnf = true;
		assert_true(trigger_point_is_met(&trigger, &facts));
		points[(wrong + 1) % LIMIT_SERVICE_POINTS].negated = true;
		assert_false(trigger_point_is_met(&trigger, &facts));
		trigger.is_cnf = false;
		assert_true(trigger_point_is_met(&trigger, &facts));
		points[wrong].negated = points[(wrong + 1) % LIMIT_SERVICE_POINTS].negated = false;
	}
	for (unsigned i = 0; i < LIMIT_SERVICE_POINTS; i += 2)
		points[i].negated = true;
	assert_false(trigger_point_is_met(&trigger, &facts));
	trigger.is_cnf = true;
	assert_true(trigger_point_is_met(&trigger, &facts));
}

/* ------------------------------------------------------------------ service points */

static void test_ifc_5_request_uri(void **state)
{
	static const struct {
		const char *uri, *content;
		bool met;
	} rows[] = {
		{"sip:b@home.ims.example", "home\\.ims", true},
		{"sip:b@home.ims.example", "^sip:b@", true},
		{"sip:b@home.ims.example", "^home\\.ims\\.example$",
		 true}, /* annex F: host and port */
		{"sip:b@home.ims.example:5070", "^home\\.ims\\.example:5070$", true},
		{"sip:b@home.ims.example:5070", "^home\\.ims\\.example$", false},
		{"sip:b@home.ims.example;user=phone", "^home\\.ims\\.example$", true},
		{"sip:b@home.ims.example?subject=x", "^home\\.ims\\.example$", true},
		{"sip:b@home.ims.example;user=phone", "user=phone$", true},
		{"sip:home.ims.example", "^home", true},
		{"sip:b@[::1]:5060", "^\\[::1\\]:5060$", true},
		{"tel:+1555;phone-context=x", "^\\+1555$", true}, /* and the number */
		{"tel:+1555;phone-context=x", "^tel:\\+1555", true},
		{"tel:+1555", "^1555", false},
		{"urn:service:sos", "^urn:service:sos$", true},
		{"urn:service:sos", "^service", false},
		{"sip:b@home.ims.example", "^b@", false},
		{"sip:b@home.ims.example", "B@", false}, /* case counts */
		{"sip:b@home.ims.example", "^(home|b)\\.", true},
		{"sip:@", "^x", false}, /* not even a URI */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");

		/* What counts now, not what came in. */
		facts.request_uri = text_of(rows[i].uri);
		if (ask(SERVICE_POINT_REQUEST_URI, NULL, rows[i].content, &facts) != rows[i].met)
			fail_msg("%s %s", rows[i].uri, rows[i].content);
	}
}

static void test_ifc_6_and_ifc_7_method(void **state)
{
	static const struct {
		const char *method;
		unsigned types, type;
		bool at_invite, at_register;
	} rows[] = {
		{"INVITE", 0, 0, true, false},
		{"invite", 0, 0, false, false},
		{"INVIT", 0, 0, false, false},
		{"INVITED", 0, 0, false, false},
		{"REGISTER", 0, 0, false, true},
		{"REGISTER", 0, REGISTRATION_REMOVAL, false, true},
		{"REGISTER", REGISTRATION_INITIAL, REGISTRATION_INITIAL, false, true},
		{"REGISTER", REGISTRATION_INITIAL, REGISTRATION_REFRESH, false, false},
		{"REGISTER", REGISTRATION_INITIAL, REGISTRATION_REMOVAL, false, false},
		{"REGISTER", REGISTRATION_INITIAL | REGISTRATION_REMOVAL, REGISTRATION_REMOVAL,
		 false, true},
		{"REGISTER", REGISTRATION_REFRESH, 0, false, false}, /* no registration of ours */
		{"INVITE", REGISTRATION_INITIAL, 0, true,
		 false}, /* says nothing of other methods */
	};

	(void)state; /* @req IFC-6 IFC-7 */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct service_point point = {.kind = SERVICE_POINT_METHOD,
					      .method = text_of(rows[i].method),
					      .registration_types = (uint8_t)rows[i].types};
		struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");

		if (is_met(&point, &facts) != rows[i].at_invite)
			fail_msg("row %zu at INVITE", i);
		facts = facts_of(HEAD("REGISTER") "\r\n");
		facts.registration_type = rows[i].type;
		if (is_met(&point, &facts) != rows[i].at_register)
			fail_msg("row %zu at REGISTER", i);
	}
}

static void test_ifc_6_unknown_method(void **state)
{
	struct service_point point = {.kind = SERVICE_POINT_METHOD, .method = TEXT("WHISPER")};
	struct filter_facts facts = facts_of(HEAD("WHISPER") "\r\n");

	(void)state;
	assert_true(is_met(&point, &facts));
}

static void test_ifc_9_and_ifc_10_header(void **state)
{
	static const struct {
		const char *name, *content;
		bool met;
	} rows[] = {
		/* a field that the message has an index for */
		{"Via", NULL, true},
		{"via", NULL, true},
		{"v", NULL, true},
		{"Route", NULL, false},
		{"Session-Expires", NULL, true}, /* x: */
		{"Session-Expires", "^1800;", true},
		{"x", "refresher=uac$", true},
		{"From", "sip:a@ims\\.example", true},
		{"From", "sip:b@ims\\.example", false},
		/* and others */
		{"P-Asserted-Service", NULL, true},
		{"P-ASSERTED-service", "icsi\\.mmtel$", true},
		{"P-Asserted-Service", "ICSI", false}, /* case counts in values */
		{"P-Asserted-Servic", NULL, false},
		{"P-Asserted-Servicf", NULL, false},
		{"Contact", NULL, false}, /* not Accept-Contact */
		{"Accept-Contact", "^\\*;audio$", true},
		{"Accept-Contact", "video", true}, /* any field of the name */
		{"a", "video", true},
		{"Accept-Contact", "audio.*video", false},         /* one at a time */
		{"Accept-Contact", "^\\*;video, \\*;text$", true}, /* a fold is one space */
		{"Accept-Contact", "\r", false},
		{"Accept-Contact", "\t", false},
		{"Subject", "^hello$", true}, /* s: */
		{"Subject", "hallo", false},
		{"s", NULL, true},
		{"X-Empty", NULL, true},
		{"X-Empty", "^$", true},
		{"X-Empty", ".", false},
		{"X-Empty", "", true},
		{"", NULL, false},
		/* names that are patterns */
		{"P-.*", NULL, true},
		{"P-.*", "mmtel", true},
		{"P-.*", "hello", false},
		{"P-A[a-r].*", NULL, false},
		{".*Contact", "audio", true},
		{"(Subject|Event)", "^hello$", true}, /* compact forms count as their long names */
		{"Sess.*Exp.*", "1800", true},
		{".*", "no-such-thing", false},
		{".*[C]ontact", "video, \\*", true},
		{".*", NULL, true},
		{"[a-z]", NULL, false},
	};
	const struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");

	(void)state; /* @req IFC-8 IFC-9 IFC-10 */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ask(SERVICE_POINT_HEADER, rows[i].name, rows[i].content, &facts) != rows[i].met)
			fail_msg("%s %s", rows[i].name, rows[i].content);
}

/* All compact forms, those of headers that nothing else here looks for too. */
static void test_ifc_9_compact_forms(void **state)
{
	static const char *const pairs[][2] = {
		{"a", "Accept-Contact"},   {"b", "Referred-By"},    {"d", "Request-Disposition"},
		{"e", "Content-Encoding"}, {"j", "Reject-Contact"}, {"k", "Supported"},
		{"n", "Identity-Info"},    {"o", "Event"},          {"r", "Refer-To"},
		{"s", "Subject"},          {"u", "Allow-Events"},   {"y", "Identity"},
		{"c", "Content-Type"},     {"m", "Contact"},        {"x", "Session-Expires"},
	};
	static const char *const forms[] = {"%s: %s\r\n", "%s : %s\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (unsigned way = 0; way < 8; way++) {
			char bytes[1000], line[100];
			struct filter_facts facts;

			snprintf(line, sizeof(line), forms[way & 1], pairs[i][way >> 1 & 1],
				 "<sip:q@ims.example>");
			snprintf(bytes, sizeof(bytes),
				 "OPTIONS sip:b@ims.example SIP/2.0\r\n"
				 "Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"
				 "From: <sip:a@ims.example>;tag=1\r\nTo: <sip:b@ims.example>\r\n"
				 "Call-ID: c1\r\nCSeq: 1 OPTIONS\r\n%s\r\n",
				 line);
			facts = facts_of(bytes);
			if (!ask(SERVICE_POINT_HEADER, pairs[i][way >> 2], "sip:q@", &facts) ||
			    ask(SERVICE_POINT_HEADER, pairs[(i + 1) % 15][way >> 2], NULL, &facts))
				fail_msg("%s for %s", line, pairs[i][way >> 2]);
		}
}

/* A folded value as long as a field may be. */
static void test_ifc_10_long_fold(void **state)
{
	static char bytes[2 * LIMIT_FIELD_BYTES];
	uint32_t n = (uint32_t)snprintf(bytes, sizeof(bytes), "%sX-Long: a\r\n ", HEAD("INVITE"));
	struct filter_facts facts;

	(void)state;
	memset(bytes + n, 'z', LIMIT_FIELD_BYTES - 40);
	snprintf(bytes + n + LIMIT_FIELD_BYTES - 40, 100, "end\r\n\r\n");
	facts = facts_of(bytes);
	assert_true(ask(SERVICE_POINT_HEADER, "X-Long", "^a z", &facts));
	assert_true(ask(SERVICE_POINT_HEADER, "X-Long", "zend$", &facts));
	assert_false(ask(SERVICE_POINT_HEADER, "X-Long", "zzend[^z]", &facts));
}

static void test_ifc_13_session_case(void **state)
{
	struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");

	(void)state;
	for (int asked = ORIGINATING_REGISTERED; asked <= ORIGINATING_CDIV; asked++)
		for (int is = ORIGINATING_REGISTERED; is <= ORIGINATING_CDIV; is++) {
			struct service_point point = {.kind = SERVICE_POINT_SESSION_CASE,
						      .session_case = (uint8_t)asked};

			facts.session_case = (enum session_case)is;
			assert_true(is_met(&point, &facts) == (asked == is));
		}
}

/* ------------------------------------------------------------------ session description */

static void test_ifc_11_session_description(void **state)
{
	static const struct {
		const char *name, *content;
		bool met;
	} rows[] = {
		{"m", NULL, true},
		{"m", "^audio ", true},
		{"m", "MSRP", true}, /* any line */
		{"m", "video", false},
		{"a", "^sendrecv$", true}, /* without the line's end */
		{"a", "sendrecv\r", false},
		{"a", "audio", false},
		{"m", "audio.*message", false}, /* one at a time */
		{"b", NULL, false},
		{"n", NULL, false}, /* "no line of it" */
		{"[ma]", "AMR-WB", true},
		{"[vs]", "-", true},
		{"[vs]", "audio", false},
		{"m=", NULL, false},
		{".", "message 9", true},
		{"v", "^0$", true},
	};
	const struct filter_facts facts = facts_of(HEAD("INVITE") AS_SDP SDP);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (ask(SERVICE_POINT_SESSION_DESCRIPTION, rows[i].name, rows[i].content, &facts) !=
		    rows[i].met)
			fail_msg("%s %s", rows[i].name, rows[i].content);
}

#define MULTIPART(subtype, boundary)                                                               \
	"Content-Type: multipart/" subtype ";boundary=" boundary "\r\n\r\n"
#define XML_PART "Content-Type: application/xml\r\n\r\n<m=video/>\r\nm=video 1\r\n"
#define SDP_PART "Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\n" SDP

static void test_ifc_12_where_it_is_found(void **state)
{
	static const struct {
		const char *body; /* with its head */
		bool has_message, has_video;
	} rows[] = {
		{AS_SDP SDP, true, false},
		{"Content-Type: Application/SDP ; charset=utf-8\r\n\r\n" SDP, true, false},
		{"c:application/sdp\r\n\r\n" SDP, true, false},
		{AS_SDP, false, false},
		{AS_SDP "m=message", true, false}, /* without any line end */
		{AS_SDP "v=0\nm=message\nm=video\n", true, true},
		{"\r\n" SDP, false, false}, /* nobody says what it is */
		{"Content-Type: application/sdpx\r\n\r\n" SDP, false, false},
		{"Content-Type: text/plain\r\n\r\n" SDP, false, false},
		{MULTIPART("mixed", "b1") "--b1\r\n" SDP_PART "\r\n--b1--\r\n", true, false},
		{MULTIPART("mixed", "\"b 1\"") "--b 1\r\n" SDP_PART "--b 1--\r\n", true, false},
		{MULTIPART("MIXED", "b1") "--b1\r\n" XML_PART "\r\n--b1 \t\r\n" SDP_PART
					  "\r\n--b1--",
		 true, false},
		{MULTIPART("related", "b1") "m=video\r\n--b1\r\n" SDP_PART "--b1--\r\nm=video\r\n",
		 true, false},
		{MULTIPART("alternative", "b1") "--b1\n" SDP_PART "--b1--\n", true, false},
		/* The first of several. */
		{MULTIPART("mixed", "b1") "--b1\r\n" SDP_PART "--b1\r\nContent-Type: application/"
					  "sdp\r\n\r\nm=video\r\n--b1--\r\n",
		 true, false},
		/* A part without a head is text/plain. */
		{MULTIPART("mixed", "b1") "--b1\r\n\r\nm=message\r\n--b1--\r\n", false, false},
		/* A folded Content-Type; one in another case. */
		{MULTIPART("mixed", "b1") "--b1\r\nCONTENT-type:\r\n application/sdp\r\n"
					  "X: y\r\n\r\nm=message\r\n--b1--\r\n",
		 true, false},
		/* Delimiters that are none. */
		{MULTIPART("mixed", "b1") "--b1\r\n" SDP_PART "--b1x\r\nm=video\r\n--b1--\r\n",
		 true, true},
		{MULTIPART("mixed", "b1") "--b1\r\n" SDP_PART "x--b1\r\nm=video\r\n--b1--\r\n",
		 true, true},
		/* Never closed, never opened, empty. */
		{MULTIPART("mixed", "b1") "--b1\r\n" SDP_PART, false, false},
		{MULTIPART("mixed", "b1") SDP_PART "--b1--\r\n", false, false},
		{MULTIPART("mixed", "b1") "--b1--\r\n" SDP_PART "--b1--\r\n", false, false},
		{MULTIPART("mixed", "b1"), false, false},
		{MULTIPART("mixed", "\"\"") "--\r\n" SDP_PART "----\r\n", false, false},
		{"Content-Type: multipart/mixed\r\n\r\n--b1\r\n" SDP_PART "--b1--\r\n", false,
		 false},
		/* One inside another. */
		{MULTIPART("mixed", "b1") "--b1\r\n" MULTIPART(
			 "related", "b2") "--b2\r\n" XML_PART "--b2\r\n" SDP_PART
					  "--b2--\r\n--b1--\r\n",
		 true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char bytes[4000];
		struct filter_facts facts;

		snprintf(bytes, sizeof(bytes), "%s%s", HEAD("INVITE"), rows[i].body);
		facts = facts_of(bytes);
		if (ask(SERVICE_POINT_SESSION_DESCRIPTION, "m", "message", &facts) !=
			    rows[i].has_message ||
		    ask(SERVICE_POINT_SESSION_DESCRIPTION, "m", "video", &facts) !=
			    rows[i].has_video)
			fail_msg("row %zu: %s", i, rows[i].body);
	}
}

/* A description in part number `before` + 1, `depth` multiparts deep, line number `lines`. */
static bool is_seen(unsigned before, unsigned depth, unsigned lines)
{
	static char bytes[LIMIT_MESSAGE_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes) - 1);
	struct filter_facts facts;

	text_put_literal(&w, HEAD("INVITE"));
	for (unsigned i = 0; i < depth; i++)
		text_printf(&w, "Content-Type: multipart/mixed;boundary=d%u\r\n\r\n--d%u\r\n", i,
			    i);
	for (unsigned i = 0; i < before; i++)
		text_printf(&w, "\r\nplain\r\n--d%u\r\n", depth - 1);
	text_put_literal(&w, AS_SDP);
	for (unsigned i = 1; i < lines; i++)
		text_put_literal(&w, "a=x\r\n");
	text_put_literal(&w, "m=audio\r\n");
	for (unsigned i = depth; i > 0; i--)
		text_printf(&w, "--d%u--\r\n", i - 1);
	assert_false(w.full);
	bytes[w.len] = '\0';
	facts = facts_of(bytes);
	return ask(SERVICE_POINT_SESSION_DESCRIPTION, "m", "audio", &facts);
}

static void test_ifc_12_bounds(void **state)
{
	(void)state;
	assert_true(is_seen(LIMIT_BODY_PARTS - 1, 1, 1));
	assert_false(is_seen(LIMIT_BODY_PARTS, 1, 1));
	assert_true(is_seen(0, LIMIT_BODY_DEPTH, 1));
	assert_false(is_seen(0, LIMIT_BODY_DEPTH + 1, 1));
	assert_true(is_seen(0, 0, LIMIT_DESCRIPTION_LINES));
	assert_false(is_seen(0, 0, LIMIT_DESCRIPTION_LINES + 1));
}

/* ------------------------------------------------------------------ criteria in order */

static void test_ifc_14_order(void **state)
{
	static const struct service_point never = {.kind = SERVICE_POINT_SESSION_CASE,
						   .session_case = ORIGINATING_UNREGISTERED};
	static const struct filter_criteria criteria[] = {
		{.priority = 0, .ordinal = 0, .profile_part = PROFILE_PART_BOTH},
		{.priority = 1,
		 .ordinal = 0,
		 .profile_part = PROFILE_PART_BOTH,
		 .trigger = {.n_points = 1, .points = &never}},
		{.priority = 5, .ordinal = 0, .profile_part = PROFILE_PART_BOTH},
		{.priority = 5, .ordinal = 1, .profile_part = PROFILE_PART_BOTH},
		{.priority = 5, .ordinal = 3, .profile_part = PROFILE_PART_UNREGISTERED},
		{.priority = 9, .ordinal = 0, .profile_part = PROFILE_PART_REGISTERED},
	};
	static const int expected[] = {0, 2, 3, 5};
	const struct service_profile profile = {6, criteria}, empty = {0};
	const struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");
	struct filter_position position = {0};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const struct filter_criteria *next =
			filter_criteria_next(&profile, position, &facts);

		assert_ptr_equal(next, &criteria[expected[i]]);
		position = (struct filter_position){true, next->ordinal, next->priority};
	}
	assert_null(filter_criteria_next(&profile, position, &facts));
	assert_null(filter_criteria_next(&empty, (struct filter_position){0}, &facts));
	/* A position whose criteria is gone since: the next one behind it. */
	position = (struct filter_position){true, 7, 1};
	assert_ptr_equal(filter_criteria_next(&profile, position, &facts), &criteria[2]);
	position = (struct filter_position){true, 2, 5};
	assert_ptr_equal(filter_criteria_next(&profile, position, &facts), &criteria[5]);
	position = (struct filter_position){true, UINT16_MAX, UINT32_MAX};
	assert_null(filter_criteria_next(&profile, position, &facts));
}

static void test_ifc_15_profile_part(void **state)
{
	static const struct {
		enum session_case session_case;
		bool is_unregistered, fits_registered;
	} rows[] = {
		{ORIGINATING_REGISTERED, false, true},    {TERMINATING_REGISTERED, false, true},
		{TERMINATING_UNREGISTERED, false, false}, {ORIGINATING_UNREGISTERED, false, false},
		{ORIGINATING_CDIV, false, true},          {ORIGINATING_CDIV, true, false},
	};
	struct filter_facts facts = facts_of(HEAD("INVITE") "\r\n");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int part = PROFILE_PART_REGISTERED; part <= PROFILE_PART_BOTH; part++) {
			const struct filter_criteria criteria = {.profile_part = (uint8_t)part};
			const struct service_profile profile = {1, &criteria};
			bool fits = part == PROFILE_PART_BOTH ||
				    (part == PROFILE_PART_REGISTERED) == rows[i].fits_registered;

			facts.session_case = rows[i].session_case;
			facts.is_unregistered = rows[i].is_unregistered;
			if ((filter_criteria_next(&profile, (struct filter_position){0}, &facts) !=
			     NULL) != fits)
				fail_msg("row %zu part %d", i, part);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ifc_2_and_ifc_3_groups),
		cmocka_unit_test(test_ifc_3_bounds),
		cmocka_unit_test(test_ifc_5_request_uri),
		cmocka_unit_test(test_ifc_6_and_ifc_7_method),
		cmocka_unit_test(test_ifc_6_unknown_method),
		cmocka_unit_test(test_ifc_9_and_ifc_10_header),
		cmocka_unit_test(test_ifc_9_compact_forms),
		cmocka_unit_test(test_ifc_10_long_fold),
		cmocka_unit_test(test_ifc_13_session_case),
		cmocka_unit_test(test_ifc_11_session_description),
		cmocka_unit_test(test_ifc_12_where_it_is_found),
		cmocka_unit_test(test_ifc_12_bounds),
		cmocka_unit_test(test_ifc_14_order),
		cmocka_unit_test(test_ifc_15_profile_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
