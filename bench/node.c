/* CPU time of the node alone for one whole call (INVITE 180 200 ACK BYE 200), without sockets: what
 * the core costs before the kernel takes its share. Prints `node_call_ns`, and with an argument
 * runs that many calls only once (for callgrind and perf). */
#include "node/node.h"
#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct node *node;
static uint64_t now_ms = 1;
static char last_to_callee[4096], last_to_caller[4096];

static struct endpoint address(uint16_t port)
{
	return (struct endpoint){
		.transport = TRANSPORT_UDP, .family = 4, .port = port, .ip = {127, 0, 0, 1}};
}

static void feed(uint16_t port, const char *bytes, size_t len)
{
	struct node_event event = {
		.kind = NODE_EVENT_MESSAGE, .peer = address(port), .bytes = {bytes, (uint32_t)len}};
	struct node_action action;

	node_feed(node, now_ms, &event);
	while (node_next_action(node, &action)) {
		char *to = action.peer.port == 5080 ? last_to_callee : last_to_caller;

		if (action.kind != NODE_ACTION_SEND || action.bytes.len >= sizeof(last_to_callee))
			continue;
		memcpy(to, action.bytes.at, action.bytes.len);
		to[action.bytes.len] = 0;
	}
	node_actions_done(node);
}

static size_t request(char *out, size_t max, const char *method, unsigned call, unsigned cseq,
		      const char *route, const char *sdp)
{
	return (size_t)snprintf(
		out, max,
		"%s sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP "
		"127.0.0.1:6060;branch=z9hG4bK-%u-%s\r\n%sFrom: \"alice\" "
		"<sip:alice@ims.example>;tag=%ua\r\n"
		"To: <sip:bob@ims.example>%s\r\nCall-ID: %u-4711@127.0.0.1\r\nCSeq: %u "
		"%s\r\nContact: <sip:alice@127.0.0.1:6060>\r\n"
		"Max-Forwards: 70\r\nSubject: Performance Test\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, route[0] ? "bob@127.0.0.1:5080" : "bob@ims.example", call, method, route,
		call, route[0] ? ";tag=b" : "", call, cseq, method,
		sdp[0] ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
}

/* A response to the last request that reached the callee: its Vias, Record-Route, From, To, Call-ID
 * and CSeq lines, copied. */
static size_t response(char *out, const char *status, const char *sdp)
{
	size_t n = (size_t)sprintf(out, "SIP/2.0 %s\r\n", status);
	const char *line = strstr(last_to_callee, "\r\n") + 2;

	while (*line != '\r') {
		const char *end = strstr(line, "\r\n") + 2;
		size_t len = (size_t)(end - line);

		if (strncmp(line, "Via", 3) == 0 || strncmp(line, "Record", 6) == 0 ||
		    strncmp(line, "From", 4) == 0 || strncmp(line, "Call-ID", 7) == 0 ||
		    strncmp(line, "CSeq", 4) == 0) {
			memcpy(out + n, line, len);
			n += len;
		} else if (strncmp(line, "To", 2) == 0) {
			memcpy(out + n, line, len - 2);
			n += len - 2;
			n += (size_t)sprintf(out + n, "%s\r\n",
					     memmem(line, len, "tag=", 4) ? "" : ";tag=b");
		}
		line = end;
	}
	n += (size_t)sprintf(out + n,
			     "Contact: <sip:bob@127.0.0.1:5080>\r\n%sContent-Length: %zu\r\n\r\n%s",
			     sdp[0] ? "Content-Type: application/sdp\r\n" : "", strlen(sdp), sdp);
	return n;
}

static const char sdp_text[] = "v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN "
			       "IP4 127.0.0.1\r\nt=0 0\r\n"
			       "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

static void call(unsigned i)
{
	char bytes[4096], route[256];
	size_t n = request(bytes, sizeof(bytes), "INVITE", i, 1, "", sdp_text);
	const char *at;

	feed(6060, bytes, n);
	feed(5080, bytes, response(bytes, "180 Ringing", ""));
	feed(5080, bytes, response(bytes, "200 OK", sdp_text));
	at = strstr(last_to_caller, "Record-Route: ") + 14;
	snprintf(route, sizeof(route), "Route: %.*s\r\n", (int)(strstr(at, "\r\n") - at), at);
	feed(6060, bytes, request(bytes, sizeof(bytes), "ACK", i, 1, route, ""));
	feed(6060, bytes, request(bytes, sizeof(bytes), "BYE", i, 2, route, ""));
	feed(5080, bytes, response(bytes, "200 OK", ""));
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void expire_until(uint64_t until_ms)
{
	struct node_action action;

	for (; now_ms <= until_ms; now_ms++) {
		if (node_deadline(node) > now_ms)
			continue;
		node_expire(node, now_ms);
		while (node_next_action(node, &action))
			;
		node_actions_done(node);
	}
}

int main(int argc, char **argv)
{
	struct node_settings settings = node_settings_default();
	struct node_event binding = {.kind = NODE_EVENT_BINDING};
	unsigned calls = argc > 1 ? (unsigned)atoi(argv[1]) : 20000, rounds = argc > 1 ? 1 : 5;
	char bytes[256];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	uint64_t best = UINT64_MAX;
	unsigned number = 0;

	settings.listen[0] = address(5060);
	settings.n_listen = 1;
	settings.domains[0] = TEXT("ims.example");
	settings.n_domains = 1;
	settings.log_level = NODE_LOG_WARNING;
	node = node_open(&settings, 1, 2, now_ms);
	if (!node || !node_binding_line(TEXT("sip:bob@ims.example"), TEXT("sip:bob@127.0.0.1:5080"),
					(struct text){0}, &w))
		return 1;
	binding.bytes = text_written(&w);
	node_feed(node, now_ms, &binding);
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t begin = cpu_ns(), spent;

		for (unsigned i = 0; i < calls; i++) {
			call(number++);
			if (i % 2 == 1) /* 2,000 calls a second */
				expire_until(now_ms + 1);
		}
		spent = (cpu_ns() - begin) / calls;
		best = spent < best ? spent : best;
		if (node_counters(node)->sessions_answered != number ||
		    node_counters(node)->sessions != 0) {
			fprintf(stderr, "calls went wrong: %llu of %u answered\n",
				(unsigned long long)node_counters(node)->sessions_answered, number);
			return 1;
		}
	}
	/* The peers' part (printf of six messages) is inside: measured alone and taken off. */
	{
		uint64_t begin = cpu_ns(), peers;

		for (unsigned i = 0; i < calls; i++) {
			char out[4096];

			request(out, sizeof(out), "INVITE", i, 1, "", sdp_text);
			response(out, "180 Ringing", "");
			response(out, "200 OK", sdp_text);
			request(out, sizeof(out), "ACK", i, 1,
				"Route: <sip:127.0.0.1:5060;lr;adieu=0-1-1>\r\n", "");
			request(out, sizeof(out), "BYE", i, 2,
				"Route: <sip:127.0.0.1:5060;lr;adieu=0-1-1>\r\n", "");
			response(out, "200 OK", "");
		}
		peers = (cpu_ns() - begin) / calls;
		printf("node_call_ns %llu ns\n",
		       (unsigned long long)(best > peers ? best - peers : 0));
	}
	node_close(node);
	return 0;
}
