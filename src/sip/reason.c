/* RFC 3326 §2: why a request was sent. */
#include "sip/reason.h"
#include "sip/chars.h"

/* protocol *(;param). Text and further parameters do not matter, nor what stands behind a cause that could be read;
 * of two causes the first counts. */
static bool read_sip_cause(struct text value, uint32_t *ret_cause)
{
	const char *end = value.at + value.len, *stop = sip_skip(value.at, end, SIP_CHAR_TOKEN);
	struct text cause;

	return text_equal_nocase(text_between(value.at, stop), TEXT("SIP")) &&
	       sip_param(text_between(stop, end), TEXT("cause"), &cause) &&
	       text_to_u32(cause, UINT32_MAX, ret_cause);
}

/* @req SV-52 */
bool sip_reason_has_sip_cause(const struct sip_message *m, unsigned cause)
{
	struct sip_list list = sip_list_of(m, SIP_HEADER_REASON);
	struct text value;
	uint32_t found;

	while (sip_list_next(&list, &value))
		if (read_sip_cause(value, &found) && found == cause)
			return true;
	return false;
}

void sip_put_reason_lines(struct text_writer *w, const struct sip_message *m, uint32_t bytes_max)
{
	static const struct text name = {"Reason: ", 8};

	for (const struct sip_field *f = sip_first(m, SIP_HEADER_REASON); f; f = sip_next(m, f)) {
		uint64_t bytes = (uint64_t)name.len + f->value.len + 2;

		if (f->value.len == 0 || bytes > bytes_max)
			continue;
		text_put(w, name);
		text_put(w, f->value);
		text_put_literal(w, "\r\n");
		bytes_max -= (uint32_t)bytes;
	}
}
