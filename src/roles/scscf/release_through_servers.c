/* TS 24.229 §5.4.5.1.2 steps 3 to 6  S-CSCF: release through service control
 *
 * The first BYE, treated as received from the calling user, passes the servers of the calling user; the
 * second, as received from the called user, those of the called user. Each passage of the session through
 * this server has its part:
 *
 *     a served user at its side          a BYE goes there directly
 *     a server whose BYE has to come     is waited for
 *     neither                            what comes from one side goes on to the other
 *
 * An S-CSCF that serves both users does both; where the servers of the two meet, each has had its BYE, and
 * what comes out of them is answered here (docs/adr/0008). */
#include "roles/scscf/service_control.h"

static bool comes_from_there(const struct session *session, enum dialog_side side)
{
	return session->sides[side] ==
	       (side == SIDE_CALLING ? SIDE_IS_SERVER_OF_CALLING : SIDE_IS_SERVER_OF_CALLED);
}

/* @req SC-3
 * A server that answered the call itself, or whose other side has ended, sends nothing: it is an end like a
 * user. */
void scscf_release_parts(struct session *session, const bool neighbour_lives[2])
{
	bool awaits[2], is_end[2];

	for (int side = 0; side < 2; side++) {
		bool comes = comes_from_there(session, (enum dialog_side)side);

		awaits[side] = comes && neighbour_lives[side];
		is_end[side] = session->sides[side] == SIDE_IS_USER ||
			       (comes && !neighbour_lives[side]);
	}
	for (int side = 0; side < 2; side++) {
		enum dialog_side other = dialog_other_side((enum dialog_side)side);

		if (awaits[side])
			session->release_parts[side] = RELEASE_AWAIT;
		else if (awaits[other] && !is_end[side])
			session->release_parts[side] = RELEASE_FOLLOW;
		else
			session->release_parts[side] = RELEASE_NOW;
	}
}
