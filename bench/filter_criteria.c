/* What looking at one initial request costs: a profile of 100 initial filter criteria, of which only the last is met, so that every one
 * is looked at. CPU time per request. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "roles/scscf/filter_criteria.h"

#define REPETITIONS 500
#define ITERATIONS  100
#define CRITERIA    100
#define POINTS_MAX  4

/* An INVITE as it leaves a P-CSCF: 28 header fields and an offer, 1.7 kB together. */
static const char invite[] =
	"INVITE sip:+15551230002@home.ims.example;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-p1-7f3a9c02.1\r\n"
	"Via: SIP/2.0/UDP 127.0.0.3:5100;rport=5100;received=127.0.0.3;branch=z9hG4bK-ue-4d1\r\n"
	"Max-Forwards: 69\r\n"
	"Route: <sip:orig@scscf.ims.example:6060;lr>\r\n"
	"Record-Route: <sip:mo@pcscf.ims.example:5060;lr;ftag=a6c85cf>\r\n"
	"From: <sip:+15551230001@ims.example>;tag=a6c85cf\r\n"
	"To: <sip:+15551230002@ims.example;user=phone>\r\n"
	"Call-ID: 3848276298220188511@127.0.0.3\r\n"
	"CSeq: 127 INVITE\r\n"
	"Contact: <sip:+15551230001@127.0.0.3:5100>;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service."
	"ims.icsi.mmtel\"\r\n"
	"P-Asserted-Identity: <sip:+15551230001@ims.example>\r\n"
	"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel\r\n"
	"P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=0010100010019B01\r\n"
	"P-Charging-Vector: icid-value=\"pcscf-5f3a-0001\";orig-ioi=ims.example\r\n"
	"P-Visited-Network-ID: \"visited.ims.example\"\r\n"
	"P-Early-Media: supported\r\n"
	"Privacy: none\r\n"
	"Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"\r\n"
	"Allow: INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, MESSAGE, OPTIONS\r\n"
	"Supported: 100rel, precondition, timer, path, gruu\r\n"
	"Session-Expires: 1800;refresher=uac\r\n"
	"Min-SE: 90\r\n"
	"Accept: application/sdp, application/3gpp-ims+xml\r\n"
	"User-Agent: phone/1.0\r\n"
	"Request-Disposition: no-fork\r\n"
	"Feature-Caps: *;+g.3gpp.srvcc-alerting\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 347\r\n"
	"\r\n"
	"v=0\r\n"
	"o=- 2987933615 2987933615 IN IP4 127.0.0.3\r\n"
	"s=-\r\n"
	"c=IN IP4 127.0.0.3\r\n"
	"t=0 0\r\n"
	"m=audio 49170 RTP/AVP 97 96\r\n"
	"b=AS:41\r\n"
	"a=rtpmap:97 AMR-WB/16000\r\n"
	"a=fmtp:97 mode-change-capability=2;max-red=220\r\n"
	"a=rtpmap:96 telephone-event/16000\r\n"
	"a=curr:qos local none\r\n"
	"a=curr:qos remote none\r\n"
	"a=des:qos mandatory local sendrecv\r\n"
	"a=des:qos optional remote sendrecv\r\n";

/* One service point as it would stand in the file; %u is the number of the criteria. */
struct written_point {
	enum service_point_kind kind;
	uint16_t group;
	bool negated;
	enum session_case session_case;
	const char *name, *content;
};

/* Ten ways to write criteria, each ten times with another number. None is met by the INVITE above. */
static const struct {
	bool is_cnf;
	struct written_point points[POINTS_MAX];
	unsigned n_points;
} written[] = {
	{.is_cnf = true, /* a service by its identifier */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "INVITE"},
		    {SERVICE_POINT_SESSION_CASE, 1, .session_case = ORIGINATING_REGISTERED},
		    {SERVICE_POINT_HEADER, 2, .name = "P-Asserted-Service",
		     .content = "urn:urn-7:3gpp-service\\.ims\\.icsi\\.service%u"}}},
	{.is_cnf = true, /* presence */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "PUBLISH"},
		    {SERVICE_POINT_METHOD, 0, .name = "SUBSCRIBE"},
		    {SERVICE_POINT_HEADER, 1, .name = "Event", .content = "presence%u"}}},
	{.is_cnf = false, /* a factory of conferences, or a range of numbers */
	 .n_points = 2,
	 .points = {{SERVICE_POINT_REQUEST_URI, 0,
		     .content = "^sip:conf(erence)?-[0-9]+-%u@.*\\.ims\\.example"},
		    {SERVICE_POINT_REQUEST_URI, 1, .content = "^(sip|tel):\\+1800[0-9]{7}"}}},
	{.is_cnf = true, /* the other half of the call */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "INVITE"},
		    {SERVICE_POINT_SESSION_CASE, 1, .session_case = TERMINATING_REGISTERED},
		    {SERVICE_POINT_SESSION_CASE, 1, .session_case = TERMINATING_UNREGISTERED}}},
	{.is_cnf = true, /* video */
	 .n_points = 2,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "INVITE"},
		    {SERVICE_POINT_SESSION_DESCRIPTION, 1, .name = "m",
		     .content = "video [1-9][0-9]*"}}},
	{.is_cnf = true, /* a feature tag */
	 .n_points = 2,
	 .points = {{SERVICE_POINT_HEADER, 0, .name = "Accept-Contact",
		     .content = "g\\.3gpp\\.(iari|icsi)-ref=.*(mcptt|rcs)%u"},
		    {SERVICE_POINT_HEADER, 0, .name = "Contact", .content = ".*oma\\.sip-im%u.*"}}},
	{.is_cnf = false, /* no early media and no privacy, or a header field of our own */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "INVITE"},
		    {SERVICE_POINT_HEADER, 0, .negated = true, .name = "P-Early-Media"},
		    {SERVICE_POINT_HEADER, 1, .name = "X-Service-%u"}}},
	{.is_cnf = true, /* not from home */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .negated = true, .name = "REGISTER"},
		    {SERVICE_POINT_HEADER, 1, .negated = true, .name = "P-Visited-Network-ID",
		     .content = "^\"visited\\.ims\\.example\"$"},
		    {SERVICE_POINT_HEADER, 1, .name = "P-Access-Network-Info",
		     .content = "cell-id-3gpp=00101[0-9A-F]{10}%u"}}},
	{.is_cnf = false, /* a codec, with and without the wish of it in the caller's list */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_HEADER, 0, .name = "Supported", .content = "(^|[ ,])timer(,|$)"},
		    {SERVICE_POINT_SESSION_DESCRIPTION, 0, .name = "a",
		     .content = "^rtpmap:[0-9]+ EVS/"},
		    {SERVICE_POINT_HEADER, 1, .name = "Supported",
		     .content = "(^|[ ,])recipient-list-%u"}}},
	{.is_cnf = false, /* registration, and numbers of one's own company */
	 .n_points = 3,
	 .points = {{SERVICE_POINT_METHOD, 0, .name = "REGISTER"},
		    {SERVICE_POINT_HEADER, 1, .name = "P-Asserted-Identity",
		     .content = "<(sip|tel):\\+1555123.*"},
		    {SERVICE_POINT_REQUEST_URI, 1, .content = "sip:\\+1555987%u"}}},
};
#define WAYS (sizeof(written) / sizeof(written[0]))

static struct sip_message message;
static struct filter_criteria criteria[CRITERIA];
static struct service_point points[CRITERIA][POINTS_MAX];
static struct filter_facts facts;
/* Each expression once, as the reader of the user data has it. */
static struct {
	char text[128];
	bool is_name;
	struct pattern *pattern;
} patterns[CRITERIA * POINTS_MAX * 2];
static unsigned n_patterns;
static unsigned n_points;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void put_number(char *text, size_t text_bytes, const char *format, unsigned number)
{
	const char *mark = strstr(format, "%u");

	if (mark)
		snprintf(text, text_bytes, "%.*s%u%s", (int)(mark - format), format, number,
			 mark + 2);
	else
		snprintf(text, text_bytes, "%s", format);
}

static struct pattern *open_pattern(const char *format, unsigned number, bool is_name)
{
	char text[sizeof(patterns[0].text)], why[128];

	if (!format)
		return NULL;
	put_number(text, sizeof(text), format, number);
	for (unsigned i = 0; i < n_patterns; i++)
		if (strcmp(patterns[i].text, text) == 0 && patterns[i].is_name == is_name)
			return patterns[i].pattern;
	memcpy(patterns[n_patterns].text, text, sizeof(text));
	patterns[n_patterns].is_name = is_name;
	patterns[n_patterns].pattern = pattern_open(text_of(text), is_name, why, sizeof(why));
	if (!patterns[n_patterns].pattern) {
		fprintf(stderr, "%s: %s\n", text, why);
		exit(1);
	}
	return patterns[n_patterns++].pattern;
}

static void open_point(struct service_point *p, const struct written_point *w, unsigned number)
{
	*p = (struct service_point){.kind = (uint8_t)w->kind,
				    .negated = w->negated,
				    .session_case = (uint8_t)w->session_case,
				    .n_groups = 1,
				    .groups = &w->group};
	n_points++;
	if (w->kind == SERVICE_POINT_METHOD) {
		p->method = text_of(w->name);
		return;
	}
	p->name = open_pattern(w->name, number, w->kind == SERVICE_POINT_HEADER);
	p->content = open_pattern(w->content, number, false);
}

static void open_criteria(unsigned number)
{
	struct trigger_point *trigger = &criteria[number].trigger;

	criteria[number].priority = number;
	criteria[number].profile_part = PROFILE_PART_BOTH;
	if (number == CRITERIA - 1)
		return; /* no trigger: met */
	trigger->is_cnf = written[number % WAYS].is_cnf;
	trigger->n_points = (uint16_t)written[number % WAYS].n_points;
	trigger->points = points[number];
	for (unsigned i = 0; i < trigger->n_points; i++)
		open_point(&points[number][i], &written[number % WAYS].points[i], number);
}

static void look_at_all(void)
{
	const struct service_profile profile = {CRITERIA, criteria};
	const struct filter_criteria *next =
		filter_criteria_next(&profile, (struct filter_position){0}, &facts);

	if (next != &criteria[CRITERIA - 1])
		abort(); /* some were not looked at */
}

int main(void)
{
	double best = 1e18;

	if (sip_parse(&message, invite, sizeof(invite) - 1, SIP_DATAGRAM) != SIP_OK)
		abort();
	for (unsigned i = 0; i < CRITERIA; i++)
		open_criteria(i);
	facts = (struct filter_facts){.request = &message,
				      .request_uri = message.request_uri,
				      .session_case = ORIGINATING_REGISTERED};
	/* The minimum of several repetitions: what disturbs can only add. */
	for (int i = 0; i < REPETITIONS; i++) {
		double begin = now_ns(), each;

		for (int k = 0; k < ITERATIONS; k++)
			look_at_all();
		each = (now_ns() - begin) / ITERATIONS;
		if (each < best)
			best = each;
	}
	printf("ifc_criteria %u criteria\nifc_points %u points\nifc_patterns %u patterns\nifc_us "
	       "%.2f us\n",
	       CRITERIA, n_points, n_patterns, best / 1e3);
	for (unsigned i = 0; i < n_patterns; i++)
		pattern_close(patterns[i].pattern);
	return 0;
}
