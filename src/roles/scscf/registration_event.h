/* RFC 3680 §5, TS 24.229 §5.4.2.1.2: the state of a registration as application/reginfo+xml. */
#ifndef ROLES_SCSCF_REGISTRATION_EVENT_H
#define ROLES_SCSCF_REGISTRATION_EVENT_H

#include "roles/scscf/scscf.h"

#define REGISTRATION_EVENT_BYTES_MAX     40960u /* of a document: identities beyond it are left out */
#define REGISTRATION_EVENT_CONTACT_BYTES 8192u /* of one contact in it */

/* A contact that is gone, for the document that follows. */
void registration_event_put_gone(struct text_writer *w, const struct bindings *bindings,
				 const struct binding *binding);
/* The whole state of a user (name of its bindings): one element for each identity of its set that is neither
 * barred nor a wildcard. `gone`: what registration_event_put_gone() wrote since the last document. */
void registration_event_put(struct text_writer *w, const struct scscf_surroundings *around,
			    struct text user, uint32_t version, struct text gone, uint64_t now_ms);
/* Text inside an element or attribute; what XML cannot carry becomes '?'. */
void registration_event_put_escaped(struct text_writer *w, struct text text);

#endif
