/* TS 24.229 §5.4.1.7: what an application server is told in the body of a third-party REGISTER. */
#ifndef ROLES_SCSCF_THIRD_PARTY_REGISTRATION_H
#define ROLES_SCSCF_THIRD_PARTY_REGISTRATION_H

#include "roles/scscf/filter_criteria.h"
#include "sip/edit.h"

#define THIRD_PARTY_BODY_BYTES_MAX 40960u /* a part that does not fit is left out */

struct third_party_body {
	const struct application_server *server;
	struct text request, response; /* whole messages, empty: none */
	struct sip_message *message;   /* to work with */
	struct sip_edit *edit;
	uint64_t draw; /* for the boundary */
};

/* Writes the body and its Content-Type, both empty when there is nothing to say. Nothing of credentials is
 * passed on. */
void third_party_put_body(const struct third_party_body *body, struct text_writer *w,
			  struct text_writer *content_type);

#endif
