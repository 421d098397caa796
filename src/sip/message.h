/* One SIP message: an index of its header fields as views into the received buffer, RFC 3261 §7.
 *
 * sip_parse() goes over the bytes once. It looks inside only the fields that every step needs (the
 * top Via, From, To, Call-ID, CSeq, Max-Forwards, Content-Length); everything else is found by
 * sip_first() and looked into when somebody asks. Nothing is copied and nothing allocated: a
 * message lives as long as its bytes. */
#ifndef SIP_MESSAGE_H
#define SIP_MESSAGE_H

#include "base/endpoint.h"
#include "base/limits.h"
#include "base/text.h"
#include "sip/method.h"

/* Header fields that some part of the server looks for. All others are SIP_HEADER_OTHER and pass
 * unchanged. */
enum sip_header {
	SIP_HEADER_OTHER,
	SIP_HEADER_VIA,
	SIP_HEADER_FROM,
	SIP_HEADER_TO,
	SIP_HEADER_CALL_ID,
	SIP_HEADER_CSEQ,
	SIP_HEADER_MAX_FORWARDS,
	SIP_HEADER_CONTACT,
	SIP_HEADER_ROUTE,
	SIP_HEADER_RECORD_ROUTE,
	SIP_HEADER_CONTENT_LENGTH,
	SIP_HEADER_CONTENT_TYPE,
	SIP_HEADER_EXPIRES,
	SIP_HEADER_PATH, /* RFC 3327 */
	SIP_HEADER_REQUIRE,
	SIP_HEADER_PROXY_REQUIRE,
	SIP_HEADER_SUPPORTED,
	SIP_HEADER_REASON, /* RFC 3326 */
	SIP_HEADER_RETRY_AFTER,
	SIP_HEADER_SESSION_EXPIRES,      /* RFC 4028; compact form x */
	SIP_HEADER_MIN_SE,               /* RFC 4028 */
	SIP_HEADER_RSEQ,                 /* RFC 3262 */
	SIP_HEADER_RACK,                 /* RFC 3262 */
	SIP_HEADER_P_ASSERTED_IDENTITY,  /* RFC 3325 */
	SIP_HEADER_P_CHARGING_VECTOR,    /* RFC 7315 */
	SIP_HEADER_P_SERVED_USER,        /* RFC 5502 */
	SIP_HEADER_P_PREFERRED_IDENTITY, /* RFC 3325 */
	SIP_HEADER_P_CALLED_PARTY_ID,    /* RFC 7315 */
	SIP_HEADER_EVENT,                /* RFC 6665; compact form o */
	SIP_HEADER_TARGET_DIALOG,        /* RFC 4538 */
	SIP_HEADERS,
};

/* One header field line. `value` is trimmed but not unfolded: white space inside may contain CRLF. */
struct sip_field {
	struct text name;
	struct text value;
	uint32_t begin, end; /* offsets of the whole line in the message, CRLF included */
	uint8_t header;      /* enum sip_header */
	uint8_t next_same; /* index of the next field of the same known header, 0: none (field 0 is never a "next") */
};

/* sent-protocol, sent-by and the parameters that are acted on, RFC 3261 §20.42 and RFC 3581. */
struct sip_via {
	struct text whole;     /* this value alone, without the comma */
	struct text transport; /* "UDP" as written */
	struct text host;      /* an IPv6 reference with its brackets */
	struct text branch;    /* empty when there is none */
	struct text received;  /* empty when there is none */
	struct text rport;     /* the value; for a bare ;rport the empty view right behind it */
	uint16_t port;         /* 0: not written */
	bool has_rport;
	struct text params; /* everything after sent-by, from the first ';' */
};

enum sip_verdict {
	SIP_OK,
	SIP_NOISE, /* not SIP at all, or a keep-alive: no answer, RFC 3261 §18.3 and RFC 5626 §3.5.1 */
	SIP_REFUSED, /* a message with a fault: answer `fault_status` to a request when sip_can_answer(); drop a response */
};

struct sip_message {
	struct text
		bytes; /* the whole message from its start line, body included, without what follows Content-Length in a datagram */
	bool is_request;
	uint8_t method;  /* enum sip_method; in a response that of CSeq */
	uint16_t status; /* response */
	struct text method_name;
	struct text request_uri;
	struct text reason_phrase;

	uint16_t n_fields;
	uint8_t first[SIP_HEADERS]; /* index + 1 of the first field of this header; 0: absent */
	uint8_t last[SIP_HEADERS];  /* index + 1 of the last */

	/* Looked into by sip_parse(): */
	struct sip_via via;           /* topmost */
	struct text from, to;         /* whole values, tags included */
	struct text from_tag, to_tag; /* empty when absent */
	struct text from_uri, to_uri; /* inside < > or the bare addr-spec */
	struct text call_id;
	uint32_t cseq;
	struct text cseq_method_name;
	uint32_t max_forwards; /* SIP_NO_MAX_FORWARDS when absent */
	struct text body;

	uint16_t fault_status;    /* SIP_REFUSED: 400, 413, 414, 416, 505, 513 … */
	const char *fault_reason; /* and why, for the reason phrase and the log; static */
	struct text fault_line;   /* of the header field, when the reason does not name it */

	struct sip_field fields[LIMIT_HEADER_FIELDS];
};

#define SIP_NO_MAX_FORWARDS UINT32_MAX

enum sip_framing {
	SIP_DATAGRAM, /* without Content-Length the body is the rest; too little is 400; what is left over is cut off (RFC 3261 §18.3) */
	SIP_STREAM, /* exactly one framed message; Content-Length is required (RFC 3261 §20.14) */
};

/* Parses one message. On SIP_REFUSED as much of `m` is filled as could be understood. `m` need not
 * be initialised; only the entries of `fields` in use are touched. */
enum sip_verdict sip_parse(struct sip_message *m, const char *bytes, size_t len,
			   enum sip_framing framing);

/* May a refused request be answered? It is no ACK, the sent-by of its top Via and the method of its
 * CSeq could be read, and From, To and Call-ID are there to be given back, well-formed or not (RFC
 * 4475 asks for a 400 in those cases). */
bool sip_can_answer(const struct sip_message *m);

static inline bool sip_is_2xx(unsigned status)
{
	return status >= 200 && status < 300;
}
/* The first field of a known header, or NULL; and the next one after `f` of the same header, or
 * NULL. */
static inline const struct sip_field *sip_first(const struct sip_message *m, enum sip_header h)
{
	return m->first[h] ? &m->fields[m->first[h] - 1] : NULL;
}
static inline const struct sip_field *sip_next(const struct sip_message *m,
					       const struct sip_field *f)
{
	return f->next_same ? &m->fields[f->next_same] : NULL;
}
/* The value of the first such field; empty when absent. */
static inline struct text sip_value(const struct sip_message *m, enum sip_header h)
{
	const struct sip_field *f = sip_first(m, h);

	return f ? f->value : (struct text){0};
}

/* The enum of a header name, compact forms included, case-insensitive. */
enum sip_header sip_header_of(struct text name);
/* The long name: "Via"; "" for SIP_HEADER_OTHER. */
const char *sip_header_name(enum sip_header header);

/* Values of a header that may be repeated and may be a comma list (Via, Route, Record-Route, Path,
 * Contact, Reason, P-Asserted-Identity, Require …), in order. Commas inside quoted strings and < >
 * do not divide; empty elements are passed over. sip_parse() has seen to it that Via has at most
 * LIMIT_VIA_VALUES, Route and Record-Route at most LIMIT_LIST_VALUES.
 *   struct sip_list list = sip_list_of(m, SIP_HEADER_ROUTE);  while (sip_list_next(&list, &value)) ...
 */
struct sip_list {
	const struct sip_message *message;
	const struct sip_field *field; /* that the next value comes from */
	struct text rest;
	const struct sip_field *value_field; /* that the last value came from */
	bool first_of_field, last_of_field;  /* of the last value */
};
struct sip_list sip_list_of(const struct sip_message *m, enum sip_header h);
bool sip_list_next(struct sip_list *list, struct text *ret_value);
/* The same over one text that is a comma list: cuts the first value off *rest; false when *rest is
 * empty. */
bool sip_text_list_next(struct text *rest, struct text *ret_value);

/* One Via value. false: malformed or a branch longer than LIMIT_BRANCH_BYTES (and *ret untouched). */
bool sip_via_parse(struct text value, struct sip_via *ret);

/* name-addr or addr-spec with header parameters: From, To, Contact, Route, Record-Route, Path. */
struct sip_name_addr {
	struct text display; /* with its quotes, empty when absent */
	struct text
		uri; /* inside < >, or the bare addr-spec (then ;params are header parameters, RFC 3261 §20.10) */
	struct text params; /* from the first ';' after it; empty when none */
};
/* false: malformed or a URI longer than LIMIT_URI_BYTES (and *ret untouched); also for the "*" of
 * Contact. The URI has a scheme and only characters of URIs; sip_uri_parse() looks at the rest. */
bool sip_name_addr_parse(struct text value, struct sip_name_addr *ret);

/* Looks a parameter up in ";a;b=c;d=\"e\"". Name case-insensitive; *ret_value keeps its quotes, and is
 * the empty view right behind the name for a bare parameter. */
bool sip_param(struct text params, struct text name, struct text *ret_value);

/* Is this option tag in any value of the header (Require, Supported …)? Case-insensitive. */
bool sip_has_option(const struct sip_message *m, enum sip_header h, struct text tag);

#endif
