/* TS 23.228 §5.2.1a  Implicit registration sets: whose registration counts for a user. */
#include "roles/scscf/scscf.h"

struct text scscf_registered_as(const struct scscf_surroundings *around, struct text user)
{
	const struct public_identity *identity = subscribers_find(around->subscribers, user);

	return identity && identity->subscriber->main ? identity->subscriber->main->user : user;
}

bool scscf_is_same_user(const struct scscf_surroundings *around, struct text a, struct text b)
{
	const struct public_identity *identity;
	const struct subscriber *subscriber;

	if (text_equal(a, b))
		return true;
	identity = subscribers_find(around->subscribers, a);
	if (!identity || !text_equal(identity->user, a))
		return false;
	subscriber = identity->subscriber;
	for (unsigned i = 0; i < subscriber->n_identities; i++)
		if (text_equal(subscriber->identities[i].user, b))
			return true;
	return false;
}
