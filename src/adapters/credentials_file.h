/* credentials.yaml beside the users: by private identity, a password, its hashes, or the keys of a USIM.
 * What is secret never stands in a message, and what was read is wiped. */
#ifndef ADAPTERS_CREDENTIALS_FILE_H
#define ADAPTERS_CREDENTIALS_FILE_H

#include "adapters/subscriber_problems.h"
#include "base/map.h"
#include "roles/scscf/subscribers.h"

#define CREDENTIALS_FILE_BYTES_MAX (32u << 20)
#define CREDENTIALS_PASSWORD_MAX   128u

struct credentials_entry;

struct credentials_file {
	struct map by_owner;
	struct credentials_entry *first,
		**last; /* in the order of the file, in the memory of the set */
};

/* Problems are noted under the name `file`. */
void credentials_read(struct credentials_file *ret, struct text bytes, const char *file,
		      struct subscribers *set, struct subscriber_problems *problems);
void credentials_clear(struct credentials_file *credentials);
/* Of kind CREDENTIAL_NONE when the file has none. */
struct credentials credentials_of(struct credentials_file *credentials,
				  struct text private_identity);
/* Notes each entry whose owner was never asked for. */
void credentials_note_unknown_owners(const struct credentials_file *credentials, const char *file,
				     struct subscriber_problems *problems);

#endif
