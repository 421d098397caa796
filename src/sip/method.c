/* RFC 3261 §7.1: methods by name. */
#include "sip/method.h"

static const struct text names[SIP_METHODS] = {
	[SIP_METHOD_OTHER] = TEXT("?"),
	[SIP_INVITE] = TEXT("INVITE"),
	[SIP_ACK] = TEXT("ACK"),
	[SIP_BYE] = TEXT("BYE"),
	[SIP_CANCEL] = TEXT("CANCEL"),
	[SIP_OPTIONS] = TEXT("OPTIONS"),
	[SIP_REGISTER] = TEXT("REGISTER"),
	[SIP_PRACK] = TEXT("PRACK"),
	[SIP_UPDATE] = TEXT("UPDATE"),
	[SIP_INFO] = TEXT("INFO"),
	[SIP_SUBSCRIBE] = TEXT("SUBSCRIBE"),
	[SIP_NOTIFY] = TEXT("NOTIFY"),
	[SIP_REFER] = TEXT("REFER"),
	[SIP_MESSAGE] = TEXT("MESSAGE"),
	[SIP_PUBLISH] = TEXT("PUBLISH"),
};

#define KEY(length, letter) ((unsigned)(length) << 8 | (unsigned char)(letter))

/* Length and first letter leave one candidate (REGISTER has no rival of its length). */
static enum sip_method candidate(struct text name)
{
	switch (KEY(name.len, name.at[0])) {
	case KEY(6, 'I'): return SIP_INVITE;
	case KEY(3, 'A'): return SIP_ACK;
	case KEY(3, 'B'): return SIP_BYE;
	case KEY(6, 'C'): return SIP_CANCEL;
	case KEY(7, 'O'): return SIP_OPTIONS;
	case KEY(8, 'R'): return SIP_REGISTER;
	case KEY(5, 'P'): return SIP_PRACK;
	case KEY(6, 'U'): return SIP_UPDATE;
	case KEY(4, 'I'): return SIP_INFO;
	case KEY(9, 'S'): return SIP_SUBSCRIBE;
	case KEY(6, 'N'): return SIP_NOTIFY;
	case KEY(5, 'R'): return SIP_REFER;
	case KEY(7, 'M'): return SIP_MESSAGE;
	case KEY(7, 'P'): return SIP_PUBLISH;
	default: return SIP_METHOD_OTHER;
	}
}

enum sip_method sip_method_of(struct text name)
{
	enum sip_method method = name.len ? candidate(name) : SIP_METHOD_OTHER;

	return method && text_equal(name, names[method]) ? method : SIP_METHOD_OTHER;
}

const char *sip_method_name(enum sip_method method)
{
	return method < SIP_METHODS ? names[method].at : "?";
}
