/* TS 24.229 §5.4.3.3  Whom the Request-URI names
 *
 * Application servers and telephones write the address of one user in several ways: with the port or without,
 * a number as tel: or as sip: with user=phone (RFC 3261 §19.1.6). */
#include "roles/scscf/initial_request.h"

static bool is_known(const struct scscf_surroundings *around, struct text user)
{
	struct binding *one;

	return subscribers_find(around->subscribers, user) ||
	       bindings_of_user(around->bindings, scscf_registered_as(around, user), &one, 1) > 0;
}

static bool is_user_phone(const struct sip_uri *uri)
{
	struct text value;

	return uri->scheme == SIP_URI_SIP && sip_uri_param(uri, TEXT("user"), &value) &&
	       text_equal_nocase(value, TEXT("phone"));
}

bool scscf_is_number(const struct sip_uri *uri)
{
	return uri->scheme == SIP_URI_TEL || is_user_phone(uri);
}

/* tel:+N of sip:+N@home;user=phone. */
static bool put_as_tel(const struct sip_uri *uri, struct text_writer *w, struct text *ret)
{
	char bytes[LIMIT_URI_BYTES];
	struct text_writer tel = text_writer_on(bytes, sizeof(bytes));

	if (uri->user.len == 0 || uri->user.at[0] != '+')
		return false;
	text_put_literal(&tel, "tel:");
	text_put(&tel, uri->user);
	return !tel.full && scscf_address_of_record(text_written(&tel), w, ret);
}

struct text scscf_find_called_user(const struct scscf_surroundings *around,
				   const struct sip_uri *uri, struct text_writer *w)
{
	uint32_t begin = w->len;
	struct sip_uri at_home = *uri;
	struct text user, as_tel;

	if (uri->scheme == SIP_URI_SIP && scscf_is_home_domain(around, uri->host))
		at_home.port = 0; /* of a domain, not of a host: it makes no other user */
	sip_uri_put_address_of_record(&at_home, w);
	user = (struct text){w->at + begin, w->len - begin};
	if (!is_user_phone(uri) || !scscf_is_home_domain(around, uri->host) ||
	    is_known(around, user))
		return user;
	begin = w->len;
	if (put_as_tel(uri, w, &as_tel) && is_known(around, as_tel))
		return as_tel;
	w->len = begin;
	return user;
}
