/* The folder that `scscf.subscribers` names: users as Cx user data (*.xml), shared-ifc-sets.xml,
 * credentials.yaml. */
#ifndef ADAPTERS_SUBSCRIBER_FILES_H
#define ADAPTERS_SUBSCRIBER_FILES_H

#include "adapters/subscriber_problems.h"
#include "roles/scscf/subscribers.h"

#define SUBSCRIBER_FILES_MAX 1000000u

/* All files read and right, or NULL and problems. Files with other endings and those that begin with a
 * dot are passed over. */
struct subscribers *subscriber_files_read(const char *folder, struct subscriber_problems *problems);

#endif
