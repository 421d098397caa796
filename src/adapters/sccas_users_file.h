/* The file that `sccas.users` names: whom the SCC AS serves, one user per line.
 *
 *     +491711000001 alice@ims.example sip:alice@ims.example tel:+49301000001   # a comment
 */
#ifndef ADAPTERS_SCCAS_USERS_FILE_H
#define ADAPTERS_SCCAS_USERS_FILE_H

#include "adapters/subscriber_problems.h"
#include "roles/sccas/users.h"

#define SCCAS_USERS_FILE_BYTES_MAX (64u << 20)
#define SCCAS_IDENTITIES_MAX       16u /* public ones of one user */

/* All lines read and right, or NULL and problems: their file is empty, since the caller knows its name. */
struct sccas_users *sccas_users_file_read(const char *path, struct subscriber_problems *problems);
/* The same of the text of such a file. */
struct sccas_users *sccas_users_file_parse(struct text file, struct subscriber_problems *problems);

#endif
