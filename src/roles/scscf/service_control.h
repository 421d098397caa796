/* Service control: an initial request goes to the application servers of the served user, one after the
 * other, and comes back from each (TS 23.218 §6, TS 24.229 §5.4.3.2, §5.4.3.3).
 *
 * Each time that the request passes this server is a *passage*. The passage of an INVITE is a session of its
 * own, with its own dialogs: a server that is a B2BUA makes others. The first passage speaks for all of
 * them: it has the journal, the operator's order, and it ends last.
 *
 *     caller --passage 1--> server 1 --passage 2--> server 2 --passage 3--> callee
 *
 * What takes a request back to its passage is the original dialog identifier, in the Route value of ours
 * that stands behind the server's. */
#ifndef ROLES_SCSCF_SERVICE_CONTROL_H
#define ROLES_SCSCF_SERVICE_CONTROL_H

#include "dialog/packed_text.h"
#include "roles/scscf/filter_criteria.h"
#include "session/session.h"

enum service_passage_text {
	PASSAGE_SERVED_USER,
	PASSAGE_REQUEST_URI, /* as it was sent to the server: another one coming back is a diversion */
	PASSAGE_CHARGING_VECTOR, /* of a request without a session */
	PASSAGE_TEXTS,
};

struct service_passage {
	struct packed_text texts;
	struct text_slice slices[PASSAGE_TEXTS];
	struct handle session; /* not set: a request that makes no dialog */
	struct handle first, previous,
		next; /* passages: the first; whose server called back; in order from the first */
	struct handle next_ended; /* until the end of the step */
	uint64_t secret;          /* in the original dialog identifier: nobody else can know it */
	uint64_t
		await_until_ms; /* release: how long what comes through the servers is waited for; 0: not */
	struct filter_position position; /* of the criteria that sent it to the server */
	uint8_t session_case;
	uint8_t default_handling;
	uint8_t calling_leg; /* in the journal of the first passage */
	uint8_t called_leg;  /* that of the server */
	uint8_t n_live;      /* first passage: sessions that have not ended */
	uint8_t n_passages;  /* first passage: of the session, ended ones too */
	bool at_server;      /* the request went to a server: the secret holds */
	bool called_back;    /* and came back */
	bool was_heard;      /* the server gave a provisional response above 100 */
	bool follows;        /* the session is being released, and here the BYE only passes */
};

static inline struct text service_passage_text(const struct service_passage *passage,
					       enum service_passage_text which)
{
	return packed_text_get(&passage->texts, passage->slices[which]);
}

/* Does the default handling of the criteria apply to this final response of a server (408 also stands for
 * none at all, 503 for one that cannot be reached)? Not when the request went on from there: then the fault
 * is further down. */
bool scscf_default_handling_applies(const struct service_passage *passage, unsigned status);

/* --- release_through_servers.c ------------------------------------- TS 24.229 §5.4.5.1.2 steps 3 to 6 */

/* What each passage does when the session is released. `neighbour_lives`: is there a passage on that side
 * that has not ended? */
void scscf_release_parts(struct session *session, const bool neighbour_lives[2]);

#endif
