/* TS 23.228 §5.2.1a  Implicit registration sets: whose registration counts for a user. */
#include "roles/scscf/scscf.h"

struct text scscf_registered_as(const struct scscf_surroundings *around, struct text user)
{
	const struct public_identity *identity = subscribers_find(around->subscribers, user);

	return identity && identity->subscriber->main ? identity->subscriber->main->user : user;
}
