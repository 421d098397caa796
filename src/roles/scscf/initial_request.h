/* Who calls and who is called: for initial_request.c alone. */
#ifndef ROLES_SCSCF_INITIAL_REQUEST_H
#define ROLES_SCSCF_INITIAL_REQUEST_H

#include "roles/scscf/scscf.h"
#include "sip/uri.h"

/* The address of record of a URI, written to `w`. false: no URI, or no room. */
bool scscf_address_of_record(struct text uri_text, struct text_writer *w, struct text *ret);

struct calling_user {
	struct text user;
	bool is_believed; /* asserted inside the trust domain, or it has registered at the source */
};
struct calling_user scscf_find_calling_user(const struct scscf_surroundings *around,
					    const struct sip_message *request,
					    const struct scscf_arrival *arrival,
					    struct text_writer *w);
/* Which of the user's contacts the request comes from. Not set: none, or nobody can say. */
struct handle scscf_find_calling_contact(const struct scscf_surroundings *around,
					 const struct sip_message *request,
					 const struct scscf_arrival *arrival, struct text user);

/* Whom this Request-URI names. */
struct text scscf_find_called_user(const struct scscf_surroundings *around,
				   const struct sip_uri *uri, struct text_writer *w);
/* RFC 3261 §19.1.6, RFC 3966: a telephone number, in either form. */
bool scscf_is_number(const struct sip_uri *uri);

#endif
