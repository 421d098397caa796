/* RFC 4028 §8.1: session timers at a proxy */
#include "dialog/session_interval.h"

struct text session_interval_digits(struct text value)
{
	value.len = text_find(value, ';');
	return text_trim(value);
}

/* @req RF-13a */
enum session_interval_verdict session_interval_check(const struct sip_message *request)
{
	struct text digits =
		session_interval_digits(sip_value(request, SIP_HEADER_SESSION_EXPIRES));
	uint32_t seconds;

	if (!sip_method_refreshes_target(request->method) ||
	    !text_to_u32(digits, UINT32_MAX, &seconds) || seconds >= SESSION_INTERVAL_MIN_S)
		return SESSION_INTERVAL_FINE;
	return sip_has_option(request, SIP_HEADER_SUPPORTED, TEXT("timer"))
		       ? SESSION_INTERVAL_REFUSE
		       : SESSION_INTERVAL_RAISE;
}
