/* What one message costs: the parser, a typical forwarding edit and a URI, CPU time per operation. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sip/edit.h"
#include "sip/message.h"
#include "sip/uri.h"

#define REPETITIONS 15
#define ITERATIONS  20000

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

static struct sip_message message;
static char out[4096];
static uint64_t sink; /* what the compiler may not leave out */

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void parse_invite(void)
{
	if (sip_parse(&message, invite, sizeof(invite) - 1, SIP_DATAGRAM) != SIP_OK)
		abort();
	sink += message.n_fields;
}

/* What a proxy does to a request that it routes on (RFC 3261 §16.6): new Request-URI, Via and Record-Route on top, own Route off,
 * Max-Forwards less one. */
static void edit_invite(void)
{
	struct text_writer w = text_writer_on(out, sizeof(out));
	struct sip_edit edit;

	sip_edit_begin(&edit, &message);
	sip_edit_replace(&edit, message.request_uri, TEXT("sip:+15551230002@127.0.0.4:5060"));
	sip_edit_insert_at_top(
		&edit, TEXT("Via: SIP/2.0/UDP 127.0.0.1:6060;branch=z9hG4bK0123456789abcdef\r\n"));
	sip_edit_replace(&edit, sip_value(&message, SIP_HEADER_MAX_FORWARDS), TEXT("68"));
	sip_edit_insert_before(&edit, sip_first(&message, SIP_HEADER_RECORD_ROUTE),
			       TEXT("Record-Route: <sip:0.123@127.0.0.1:6060;lr>\r\n"));
	sip_edit_remove_first_values(&edit, SIP_HEADER_ROUTE, 1);
	if (!sip_edit_write(&edit, &w))
		abort();
	sink += w.len;
}

static void parse_uri(void)
{
	struct sip_uri uri;

	if (!sip_uri_parse(TEXT("sip:+15551230001@scscf.ims.example:5100;transport=tcp;lr"), &uri))
		abort();
	sink += uri.port;
}

/* The minimum of several repetitions: what disturbs can only add. */
static void measure(const char *name, void (*work)(void))
{
	double best = 1e18;

	for (int i = 0; i < REPETITIONS; i++) {
		double begin = now_ns(), each;

		for (int k = 0; k < ITERATIONS; k++)
			work();
		each = (now_ns() - begin) / ITERATIONS;
		if (each < best)
			best = each;
	}
	printf("%s %.0f ns\n", name, best);
}

int main(void)
{
	parse_invite();
	printf("invite_bytes %zu bytes\ninvite_fields %u fields\n", sizeof(invite) - 1,
	       (unsigned)message.n_fields);
	measure("parse_invite_ns", parse_invite);
	measure("edit_invite_ns", edit_invite);
	measure("uri_parse_ns", parse_uri);
	return sink == 0;
}
