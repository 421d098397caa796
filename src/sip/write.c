/* RFC 3261 §8.1.1, §8.2.6, §9.1 and §17.1.1.3: messages of our own. */
#include "sip/write.h"

const char *sip_reason_phrase(unsigned status)
{
	switch (status) {
	case 100: return "Trying";
	case 180: return "Ringing";
	case 181: return "Call Is Being Forwarded";
	case 182: return "Queued";
	case 183: return "Session Progress";
	case 199: return "Early Dialog Terminated"; /* RFC 6228 */
	case 200: return "OK";
	case 202: return "Accepted";        /* RFC 6665 */
	case 204: return "No Notification"; /* RFC 5839 */
	case 300: return "Multiple Choices";
	case 301: return "Moved Permanently";
	case 302: return "Moved Temporarily";
	case 305: return "Use Proxy";
	case 380: return "Alternative Service";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 402: return "Payment Required";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 407: return "Proxy Authentication Required";
	case 408: return "Request Timeout";
	case 410: return "Gone";
	case 412: return "Conditional Request Failed"; /* RFC 3903 */
	case 413: return "Request Entity Too Large";
	case 414: return "Request-URI Too Long";
	case 415: return "Unsupported Media Type";
	case 416: return "Unsupported URI Scheme";
	case 417: return "Unknown Resource-Priority"; /* RFC 4412 */
	case 420: return "Bad Extension";
	case 421: return "Extension Required";
	case 422: return "Session Interval Too Small"; /* RFC 4028 */
	case 423: return "Interval Too Brief";
	case 424: return "Bad Location Information";         /* RFC 6442 */
	case 425: return "Bad Alert Message";                /* RFC 8876 */
	case 428: return "Use Identity Header";              /* RFC 8224 */
	case 429: return "Provide Referrer Identity";        /* RFC 3892 */
	case 430: return "Flow Failed";                      /* RFC 5626 */
	case 433: return "Anonymity Disallowed";             /* RFC 5079 */
	case 436: return "Bad Identity Info";                /* RFC 8224 */
	case 437: return "Unsupported Credential";           /* RFC 8224 */
	case 438: return "Invalid Identity Header";          /* RFC 8224 */
	case 439: return "First Hop Lacks Outbound Support"; /* RFC 5626 */
	case 440: return "Max-Breadth Exceeded";             /* RFC 5393 */
	case 469: return "Bad Info Package";                 /* RFC 6086 */
	case 470: return "Consent Needed";                   /* RFC 5360 */
	case 480: return "Temporarily Unavailable";
	case 481: return "Call/Transaction Does Not Exist";
	case 482: return "Loop Detected";
	case 483: return "Too Many Hops";
	case 484: return "Address Incomplete";
	case 485: return "Ambiguous";
	case 486: return "Busy Here";
	case 487: return "Request Terminated";
	case 488: return "Not Acceptable Here";
	case 489: return "Bad Event"; /* RFC 6665 */
	case 491: return "Request Pending";
	case 493: return "Undecipherable";
	case 494: return "Security Agreement Required"; /* RFC 3329 */
	case 500: return "Server Internal Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Server Time-out";
	case 505: return "Version Not Supported";
	case 513: return "Message Too Large";
	case 555: return "Push Notification Service Not Supported"; /* RFC 8599 */
	case 580: return "Precondition Failure";                    /* RFC 3312 */
	case 600: return "Busy Everywhere";
	case 603: return "Decline";
	case 604: return "Does Not Exist Anywhere";
	case 606: return "Not Acceptable";
	case 607: return "Unwanted"; /* RFC 8197 */
	case 608: return "Rejected"; /* RFC 8688 */
	default: return "Unknown";
	}
}

static void put_line(struct text_writer *w, struct text name, struct text value)
{
	text_put(w, name);
	text_put_literal(w, ": ");
	text_put(w, value);
	text_put_literal(w, "\r\n");
}

static void put_number_line(struct text_writer *w, struct text name, uint32_t number)
{
	text_put(w, name);
	text_put_literal(w, ": ");
	text_put_u64(w, number);
	text_put_literal(w, "\r\n");
}

/* All lines of the header as they came, under its long name. */
static void put_fields(struct text_writer *w, const struct sip_message *m, enum sip_header header)
{
	for (const struct sip_field *f = sip_first(m, header); f; f = sip_next(m, f))
		put_line(w, text_of(sip_header_name(header)), f->value);
}

/* The Via lines in their order, the topmost value in its new form. */
static void put_vias(struct text_writer *w, const struct sip_message *m, struct text top_via)
{
	const struct sip_field *f = sip_first(m, SIP_HEADER_VIA);
	struct text rest;

	if (!f || top_via.len == 0) {
		put_fields(w, m, SIP_HEADER_VIA);
		return;
	}
	rest = text_between(m->via.whole.at + m->via.whole.len, f->value.at + f->value.len);
	text_put_literal(w, "Via: ");
	text_put(w, top_via);
	text_put(w, rest); /* ", second, third" */
	text_put_literal(w, "\r\n");
	while ((f = sip_next(m, f)))
		put_line(w, TEXT("Via"), f->value);
}

/* RFC 3261 §8.2.6.2: every response but a 100 has a To tag. */
static void put_to(struct text_writer *w, const struct sip_message *m, struct text tag)
{
	text_put_literal(w, "To: ");
	text_put(w, m->to);
	if (tag.len) {
		text_put_literal(w, ";tag=");
		text_put(w, tag);
	}
	text_put_literal(w, "\r\n");
}

void sip_write_response(struct text_writer *w, const struct sip_message *request, unsigned status,
			struct text reason_phrase, struct text to_tag, struct text top_via,
			struct text lines)
{
	bool add_tag = status != 100 && request->to_tag.len == 0;

	text_put_literal(w, "SIP/2.0 ");
	text_put_u64(w, status);
	text_put_char(w, ' ');
	text_put(w, reason_phrase.len ? reason_phrase : text_of(sip_reason_phrase(status)));
	text_put_literal(w, "\r\n");
	put_vias(w, request, top_via);
	put_line(w, TEXT("From"), request->from);
	put_to(w, request, add_tag ? to_tag : (struct text){0});
	put_line(w, TEXT("Call-ID"), request->call_id);
	put_line(w, TEXT("CSeq"), sip_value(request, SIP_HEADER_CSEQ));
	text_put(w, lines);
	text_put_literal(w, "Content-Length: 0\r\n\r\n");
}

static void put_request_line(struct text_writer *w, struct text method, struct text request_uri)
{
	text_put(w, method);
	text_put_char(w, ' ');
	text_put(w, request_uri);
	text_put_literal(w, " SIP/2.0\r\n");
}

static void put_cseq(struct text_writer *w, uint32_t number, struct text method)
{
	text_put_literal(w, "CSeq: ");
	text_put_u64(w, number);
	text_put_char(w, ' ');
	text_put(w, method);
	text_put_literal(w, "\r\n");
}

void sip_write_request(struct text_writer *w, const struct sip_request_parts *parts)
{
	put_request_line(w, parts->method, parts->request_uri);
	put_line(w, TEXT("Via"), parts->via);
	put_line(w, TEXT("Max-Forwards"), TEXT("70"));
	if (parts->route.len)
		put_line(w, TEXT("Route"), parts->route);
	put_line(w, TEXT("From"), parts->from);
	put_line(w, TEXT("To"), parts->to);
	put_line(w, TEXT("Call-ID"), parts->call_id);
	put_cseq(w, parts->cseq, parts->cseq_method.len ? parts->cseq_method : parts->method);
	text_put(w, parts->lines);
	if (parts->content_type.len)
		put_line(w, TEXT("Content-Type"), parts->content_type);
	put_number_line(w, TEXT("Content-Length"), parts->body.len);
	text_put_literal(w, "\r\n");
	text_put(w, parts->body);
}

static void put_hop_request(struct text_writer *w, const struct sip_message *invite,
			    struct text method, struct text to, struct text lines)
{
	put_request_line(w, method, invite->request_uri);
	put_line(w, TEXT("Via"), invite->via.whole);
	put_line(w, TEXT("Max-Forwards"), TEXT("70"));
	put_fields(w, invite, SIP_HEADER_ROUTE);
	put_line(w, TEXT("From"), invite->from);
	put_line(w, TEXT("To"), to);
	put_line(w, TEXT("Call-ID"), invite->call_id);
	put_cseq(w, invite->cseq, method);
	text_put(w, lines);
	text_put_literal(w, "Content-Length: 0\r\n\r\n");
}

void sip_write_ack(struct text_writer *w, const struct sip_message *invite, struct text to)
{
	put_hop_request(w, invite, TEXT("ACK"), to, (struct text){0});
}

void sip_write_cancel(struct text_writer *w, const struct sip_message *invite, struct text lines)
{
	put_hop_request(w, invite, TEXT("CANCEL"), invite->to, lines);
}
