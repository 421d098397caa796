/* A call in the (pre-)alerting phase around one node that plays the SCC AS, up to its transfer. */
#ifndef TEST_NODE_ALERTING_TRANSFER_H
#define TEST_NODE_ALERTING_TRANSFER_H

#include "access_transfer.h"

#define ALERTING     ";+g.3gpp.srvcc-alerting"
#define PRE_ALERTING ";+g.3gpp.ps2cs-srvcc-orig-pre-alerting"
#define RELIABLE     "Require: 100rel\r\nRSeq: 7\r\n"
#define CALL_ACCEPTED                                                                              \
	"<?xml version=\"1.0\"?><state-and-event-info><event>call-accepted</event>"                \
	"</state-and-event-info>"

struct scene {
	struct wire wire;
	struct party ue, remote, msc;
};

/* Alice calls; the remote party has said `status_line` reliably, with its description. */
static inline void call_out(struct scene *s, const char *features, const char *status_line,
			    void (*change)(struct node_settings *))
{
	char extra[300];

	wire_open(&s->wire, change ? change : transfer_settings);
	s->ue = party_at(UE, "<sip:alice@ims.example>;tag=ue", "<sip:bob@ims.example>",
			 "sip:bob@127.0.0.1:7100", "call");
	s->ue.features = features;
	s->remote = (struct party){.port = REMOTE};
	snprintf(extra, sizeof(extra), FROM_S_CSCF "Supported: 100rel\n", "orig", "alice");
	party_sends(&s->wire, &s->ue, "INVITE", extra, SDP_UE);
	party_answers(&s->wire, &s->remote, "INVITE", status_line, RELIABLE, SDP_REMOTE);
	assert_non_null(party_hears(&s->wire, &s->ue, "18"));
	party_sends(&s->wire, &s->ue, "PRACK", "RAck: 7 1 INVITE\n", "");
	party_answers(&s->wire, &s->remote, "PRACK", "200 OK", "", "");
	assert_non_null(wire_last(&s->wire, UE, "SIP/2.0 200"));
}

/* The remote party calls Alice, whose phone rings. */
static inline void call_in(struct scene *s, const char *features)
{
	char extra[300];

	wire_open(&s->wire, transfer_settings);
	s->remote = party_at(REMOTE, "<sip:bob@ims.example>;tag=remote", "<sip:alice@ims.example>",
			     "sip:alice@127.0.0.1:6100", "call");
	s->ue = (struct party){.port = UE, .features = features};
	snprintf(extra, sizeof(extra), FROM_S_CSCF "Supported: 100rel\n", "term", "bob");
	party_sends(&s->wire, &s->remote, "INVITE", extra, SDP_REMOTE);
	party_answers(&s->wire, &s->ue, "INVITE", "180 Ringing", RELIABLE, SDP_UE);
	assert_non_null(party_hears(&s->wire, &s->remote, "180"));
	party_sends(&s->wire, &s->remote, "PRACK", "RAck: 7 1 INVITE\n", "");
	party_answers(&s->wire, &s->ue, "PRACK", "200 OK", "", "");
}

static inline void invite_of_msc(struct scene *s, const char *features)
{
	char lines[300];

	s->msc = party_at(MSC, "<tel:" ALICE_NUMBER ">;tag=msc", "<tel:" STN_SR ">", "tel:" STN_SR,
			  "msc-call");
	s->msc.features = features;
	snprintf(lines, sizeof(lines), "P-Asserted-Identity: %s\nSupported: 100rel\n", OF_ALICE);
	party_sends(&s->wire, &s->msc, "INVITE", lines, SDP_MSC);
}

/* Up to the state information for the MSC server. */
static inline void transfer_early(struct scene *s)
{
	invite_of_msc(s, ALERTING PRE_ALERTING);
	assert_non_null(strstr(wire_last(&s->wire, REMOTE, "UPDATE"), "m=audio 50000"));
	party_answers(&s->wire, &s->remote, "UPDATE", "200 OK", "", SDP_REMOTE);
	assert_non_null(strstr(party_hears(&s->wire, &s->msc, "183"), "m=audio 40000"));
	party_sends(&s->wire, &s->msc, "PRACK", "RAck: 1 1 INVITE\n", "");
	assert_non_null(wire_last(&s->wire, MSC, "INFO"));
	party_answers(&s->wire, &s->msc, "INFO", "200 OK", "", "");
}

static inline void close_scene(struct scene *s)
{
	transfer_is_clean(&s->wire);
	transfer_close(&s->wire);
}

static inline void end_by_remote(struct scene *s)
{
	party_sends(&s->wire, &s->remote, "BYE", "", "");
	assert_int_equal(wire_count(&s->wire, MSC, "BYE"), 1);
	party_answers(&s->wire, &s->msc, "BYE", "200 OK", "", "");
	close_scene(s);
}

#endif
