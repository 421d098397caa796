/* RFC 3261 §7.3.3 and §20: header names, long and compact, in any case. */
#include "sip/message.h"
#include "sip/chars.h"

#define LONGEST 20
#define PADDED  24 /* to whole words, so that names are compared without a loop */

static const struct {
	char text[PADDED];
	uint8_t len;
} names[SIP_HEADERS] = {
	[SIP_HEADER_VIA] = {"Via", 3},
	[SIP_HEADER_FROM] = {"From", 4},
	[SIP_HEADER_TO] = {"To", 2},
	[SIP_HEADER_CALL_ID] = {"Call-ID", 7},
	[SIP_HEADER_CSEQ] = {"CSeq", 4},
	[SIP_HEADER_MAX_FORWARDS] = {"Max-Forwards", 12},
	[SIP_HEADER_CONTACT] = {"Contact", 7},
	[SIP_HEADER_ROUTE] = {"Route", 5},
	[SIP_HEADER_RECORD_ROUTE] = {"Record-Route", 12},
	[SIP_HEADER_CONTENT_LENGTH] = {"Content-Length", 14},
	[SIP_HEADER_CONTENT_TYPE] = {"Content-Type", 12},
	[SIP_HEADER_EXPIRES] = {"Expires", 7},
	[SIP_HEADER_PATH] = {"Path", 4},
	[SIP_HEADER_REQUIRE] = {"Require", 7},
	[SIP_HEADER_PROXY_REQUIRE] = {"Proxy-Require", 13},
	[SIP_HEADER_SUPPORTED] = {"Supported", 9},
	[SIP_HEADER_REASON] = {"Reason", 6},
	[SIP_HEADER_RETRY_AFTER] = {"Retry-After", 11},
	[SIP_HEADER_SESSION_EXPIRES] = {"Session-Expires", 15},
	[SIP_HEADER_MIN_SE] = {"Min-SE", 6},
	[SIP_HEADER_RSEQ] = {"RSeq", 4},
	[SIP_HEADER_RACK] = {"RAck", 4},
	[SIP_HEADER_P_ASSERTED_IDENTITY] = {"P-Asserted-Identity", 19},
	[SIP_HEADER_P_CHARGING_VECTOR] = {"P-Charging-Vector", 17},
	[SIP_HEADER_P_SERVED_USER] = {"P-Served-User", 13},
	[SIP_HEADER_P_PREFERRED_IDENTITY] = {"P-Preferred-Identity", 20},
	[SIP_HEADER_P_CALLED_PARTY_ID] = {"P-Called-Party-ID", 17},
	[SIP_HEADER_EVENT] = {"Event", 5},
	[SIP_HEADER_TARGET_DIALOG] = {"Target-Dialog", 13},
};

/* Length and first letter leave one candidate; four times there is a second one. A name of one letter is a compact form (RFC 3261 §7.3.3,
 * RFC 4028, RFC 6665); those of headers that nobody looks for (a b d e j n r s u y) are SIP_HEADER_OTHER like their long names. */
#define LETTER(c) ((c)&31)
static const uint8_t candidates[LONGEST + 1][32] = {
	[1][LETTER('v')] = SIP_HEADER_VIA,
	[1][LETTER('f')] = SIP_HEADER_FROM,
	[1][LETTER('t')] = SIP_HEADER_TO,
	[1][LETTER('i')] = SIP_HEADER_CALL_ID,
	[1][LETTER('m')] = SIP_HEADER_CONTACT,
	[1][LETTER('l')] = SIP_HEADER_CONTENT_LENGTH,
	[1][LETTER('c')] = SIP_HEADER_CONTENT_TYPE,
	[1][LETTER('k')] = SIP_HEADER_SUPPORTED,
	[1][LETTER('x')] = SIP_HEADER_SESSION_EXPIRES,
	[1][LETTER('o')] = SIP_HEADER_EVENT,
	[2][LETTER('t')] = SIP_HEADER_TO,
	[3][LETTER('v')] = SIP_HEADER_VIA,
	[4][LETTER('f')] = SIP_HEADER_FROM,
	[4][LETTER('c')] = SIP_HEADER_CSEQ,
	[4][LETTER('p')] = SIP_HEADER_PATH,
	[4][LETTER('r')] = SIP_HEADER_RSEQ,
	[5][LETTER('r')] = SIP_HEADER_ROUTE,
	[5][LETTER('e')] = SIP_HEADER_EVENT,
	[6][LETTER('r')] = SIP_HEADER_REASON,
	[6][LETTER('m')] = SIP_HEADER_MIN_SE,
	[7][LETTER('c')] = SIP_HEADER_CONTACT,
	[7][LETTER('r')] = SIP_HEADER_REQUIRE,
	[7][LETTER('e')] = SIP_HEADER_EXPIRES,
	[9][LETTER('s')] = SIP_HEADER_SUPPORTED,
	[11][LETTER('r')] = SIP_HEADER_RETRY_AFTER,
	[12][LETTER('r')] = SIP_HEADER_RECORD_ROUTE,
	[12][LETTER('m')] = SIP_HEADER_MAX_FORWARDS,
	[12][LETTER('c')] = SIP_HEADER_CONTENT_TYPE,
	[13][LETTER('p')] = SIP_HEADER_PROXY_REQUIRE,
	[13][LETTER('t')] = SIP_HEADER_TARGET_DIALOG,
	[14][LETTER('c')] = SIP_HEADER_CONTENT_LENGTH,
	[15][LETTER('s')] = SIP_HEADER_SESSION_EXPIRES,
	[17][LETTER('p')] = SIP_HEADER_P_CHARGING_VECTOR,
	[19][LETTER('p')] = SIP_HEADER_P_ASSERTED_IDENTITY,
	[20][LETTER('p')] = SIP_HEADER_P_PREFERRED_IDENTITY,
};
static const uint8_t second_candidates[SIP_HEADERS] = {
	[SIP_HEADER_RSEQ] = SIP_HEADER_RACK,
	[SIP_HEADER_CONTACT] = SIP_HEADER_CALL_ID,
	[SIP_HEADER_PROXY_REQUIRE] = SIP_HEADER_P_SERVED_USER,
	[SIP_HEADER_P_CHARGING_VECTOR] = SIP_HEADER_P_CALLED_PARTY_ID,
};

static bool is(struct text name, enum sip_header header)
{
	return text_equal_nocase(name, (struct text){names[header].text, names[header].len});
}

static inline uint64_t word(const char *at)
{
	uint64_t w;

	memcpy(&w, at, sizeof(w));
	return w;
}

/* Nearly everybody writes the names as the RFCs do: the bytes are compared first, three words at once, those behind the name masked. A loop or
 * a choice by length would cost more in branches that cannot be foreseen than in work. */
static inline bool is_as_usual(const char *name, uint32_t len, enum sip_header header)
{
	static const char window[2 * PADDED] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
					       "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
	const char *mask = window + PADDED - len, *usual = names[header].text;

	return (((word(name) ^ word(usual)) & word(mask)) |
		((word(name + 8) ^ word(usual + 8)) & word(mask + 8)) |
		((word(name + 16) ^ word(usual + 16)) & word(mask + 16))) == 0;
}

static enum sip_header one_letter(char c, enum sip_header header)
{
	return text_lower(c) >= 'a' && text_lower(c) <= 'z' ? header : SIP_HEADER_OTHER;
}

enum sip_header sip_header_at(const char *name, uint32_t len, size_t readable)
{
	enum sip_header header, second;

	if (len == 0 || len > LONGEST)
		return SIP_HEADER_OTHER;
	header = candidates[len][LETTER(name[0])];
	if (header == SIP_HEADER_OTHER)
		return SIP_HEADER_OTHER;
	if (len == 1)
		return one_letter(name[0], header);
	if (readable >= PADDED && is_as_usual(name, len, header))
		return header;
	if (is((struct text){name, len}, header))
		return header;
	second = second_candidates[header];
	return second && is((struct text){name, len}, second) ? second : SIP_HEADER_OTHER;
}

enum sip_header sip_header_of(struct text name)
{
	return sip_header_at(name.at, name.len, name.len);
}

const char *sip_header_name(enum sip_header header)
{
	return header < SIP_HEADERS ? names[header].text : "";
}
