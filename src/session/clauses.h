/* The clauses by which this server decides, as they appear in the journal of a session, in `adieu
 * trace`, in `adieu why` and in the counters. One row each: name, document and clause, what it says
 * (our words, a sentence that can stand alone). */
#ifndef SESSION_CLAUSES_H
#define SESSION_CLAUSES_H

#include <stdint.h>

/* clang-format off */
#define SESSION_CLAUSES(ROW)                                                                                             \
	ROW(NONE, "", "")                                                                                                \
	ROW(FORWARD_REQUEST, "RFC 3261 §16.6", "a request is forwarded")                                                  \
	ROW(TRYING, "RFC 3261 §17.2.1", "100 after 200 ms without another response")                                      \
	ROW(TRYING_NON_INVITE, "RFC 4320 §4.1", "100 to a request other than INVITE, as late as its sender repeats it slowest") \
	ROW(TERMINATING, "TS 24.229 §5.4.3.3", "the called user is served here")                                          \
	ROW(CALLER_REFUSED, "TS 24.229 §5.4.3.2", "403: the caller is no subscriber, is barred, or is not to be believed")   \
	ROW(ORIGINATING, "TS 24.229 §5.4.3.2", "the calling user is served here")                                         \
	ROW(FORK, "RFC 3261 §16.7 step 10", "after a 2xx or 6xx the other branches are cancelled")                        \
	ROW(BEST_RESPONSE, "RFC 3261 §16.7 step 6", "the best final response of all branches is forwarded")               \
	ROW(CANCEL, "RFC 3261 §16.10", "a CANCEL is answered and every pending branch is cancelled")                      \
	ROW(TIMER_C, "RFC 3261 §16.8", "Timer C ran out: no final response for a branch")                                 \
	ROW(BRANCH_TIMEOUT, "RFC 3261 §16.9", "a branch gave no response in time or could not be reached")                \
	ROW(FIRST_BYE_AS_RECEIVED, "TS 24.229 §5.4.5.1.2 steps 1 and 3", "first BYE, treated as received from the calling user") \
	ROW(FIRST_BYE_DIRECT, "TS 24.229 §5.4.5.1.2 steps 1 and 5", "first BYE, sent directly to the called user")        \
	ROW(SECOND_BYE_DIRECT, "TS 24.229 §5.4.5.1.2 steps 2 and 4", "second BYE, sent directly to the calling user")     \
	ROW(SECOND_BYE_AS_RECEIVED, "TS 24.229 §5.4.5.1.2 steps 2 and 6", "second BYE, treated as received from the called user") \
	ROW(BYE_WAITS_FOR_ACK, "RFC 3261 §15", "no BYE on the callee's behalf before the ACK, or 64*T1")                  \
	ROW(ACK_FOR_CALLER, "RFC 3261 §13.2.2.4", "the server acknowledges a 2xx of a session that it releases")          \
	ROW(ACK_ABSORBED, "RFC 3261 §13.2.2.4", "the caller's ACK: the callee was acknowledged already")                  \
	ROW(BYE_ANSWERED, "TS 24.229 §5.4.5.1.2", "a BYE of the release was answered")                                    \
	ROW(BYE_ANSWER_COUNTS, "RFC 3261 §15.1.1", "481, 408, a timeout or a broken transport ends the dialog as a 2xx does") \
	ROW(BYE_RETRIED, "RFC 3261 §12.2.2", "500 to our BYE: one more with a higher CSeq")                               \
	ROW(ESTABLISHING_CANCEL, "TS 24.229 §5.4.5.1.1", "release before the answer: the branches are cancelled")         \
	ROW(ESTABLISHING_FINAL, "TS 24.229 §5.4.5.1.1", "release before the answer: a final response to the caller")      \
	ROW(LATE_2XX, "RFC 3261 §16.7 step 5", "a 2xx crossed our CANCEL: forwarded, acknowledged and released")          \
	ROW(REQUEST_WHILE_RELEASING, "TS 24.229 §5.4.5.1.3", "a request on a dialog that is being released: 481")         \
	ROW(PARTY_HUNG_UP, "RFC 3261 §15", "the party said BYE itself: it needs none, and it has had the 2xx")           \
	ROW(INTERVAL_TOO_SMALL, "RFC 4028 §8.1", "a session interval below 90 s is refused")                              \
	ROW(NOT_REMEMBERED, "TS 24.229 §5.4.3", "a 2xx whose dialog cannot be saved is not forwarded: nobody could release it") \
	ROW(RELEASED_BY_ANOTHER, "TS 24.229 §5.4.5.2", "a BYE of a party was answered: the dialog is forgotten")          \
	ROW(SESSION_EXPIRED, "TS 24.229 §5.4.5.3", "the session timer ran out: forgotten without a BYE")                  \
	ROW(RELEASE_ORDERED, "TS 24.229 §5.4.5.1", "the operator ordered the release")                                    \
	ROW(DEREGISTERED, "TS 24.229 §5.4.5.1.2A", "the registration of a contact ended: its sessions are released")     \
	ROW(BYE_CAME_THROUGH_SERVERS, "TS 24.229 §5.4.5.1.2", "the BYE has passed the application servers; the user beyond was released directly") \
	ROW(RELEASED_WITHOUT_SERVER, "TS 24.229 §5.4.5.1.2", "an application server did not pass the BYE on: the release goes on without it") \
	ROW(FILTER_CRITERIA, "TS 23.218 §6.5.2", "an initial filter criterion is met: the request goes to its application server")  \
	ROW(SERVER_PASSED_OVER, "TS 24.229 §5.4.3.2", "the server failed; its default handling is to go on without it")  \
	ROW(SERVER_NEEDED, "TS 24.229 §5.4.3.2", "the server failed; its default handling is to end the session")       \
	ROW(DIVERTED, "TS 24.229 §5.4.3.3", "a server changed the Request-URI: the called user's service control ends")  \
	ROW(SESSION_RELEASED, "TS 24.229 §5.4.5.1.2", "nothing is waited for on any leg: everything about the session is forgotten") \
	ROW(REFRESHED, "RFC 4028 §7.2", "the session timer starts anew")                                                  \
	ROW(LOST_DIALOG, "RFC 5057 §5.1", "a 481 in the dialog: it is gone")                                       \
	ROW(ANCHORED, "TS 24.237 §7.3", "the session is anchored: every leg has a dialog of its own") \
	ROW(PASSED_ON, "TS 24.229 §5.7.5", "a request or response of one leg passes to the other") \
	ROW(STN_SR, "TS 24.237 §12.3.1", "an INVITE due to STN-SR: the session of this user that became active last is transferred") \
	ROW(REMOTE_LEG_UPDATE, "TS 24.237 §12.3.1", "the remote leg gets the media of another access") \
	ROW(TRANSFERRED, "TS 24.237 §12.3.1", "the media have moved to the target access leg") \
	ROW(ALERTING_TRANSFERRED, "TS 23.237 §6.3.2.1.4c, d", "the transfer of a call that is not answered yet") \
	ROW(TRANSFER_FAILED, "TS 24.237 §12.3.1", "the session cannot be transferred now") \
	ROW(OFFER_MEETS_TRANSFER, "RFC 3261 §14.2", "an offer that meets the transfer is refused with 491") \
	ROW(SOURCE_RELEASE_DELAY, "TS 24.237 §12.3.1", "the operator's delay is over and the UE has not come back: the source access leg is released") \
	ROW(OTHER_SESSION, "TS 24.237 §12.3.2", "another session of the user that is not transferred is released") \
	ROW(OTHER_SESSION_KEPT, "TS 24.237 §12.3.2", "mid-call feature: a second session is held until the MSC server asks for it") \
	ROW(LEG_BYE_ANSWERED, "RFC 3261 §15.1.1", "our BYE on a leg was answered") \
	ROW(RETURN_WAITS, "TS 24.237 §12.3.3.1", "the UE comes back while the transfer is under way: its re-INVITE waits until that is completed") \
	ROW(OUT_OF_ORDER, "RFC 3261 §12.2.2", "a request with a lower CSeq than the last") \
	ROW(RETURNED, "TS 24.237 §12.3.3.1", "the UE came back: the media are on the source access leg again") \
	ROW(NOT_RETURNED, "TS 24.237 §12.3.3.1", "the remote party refused the media of the UE that came back: they stay on the target access leg") \
	ROW(TARGET_LEG_RELEASED, "TS 24.237 §12.3.3.1", "the target access leg has lost its media and is released") \
	ROW(REMOTE_LEG_RESTORED, "TS 24.237 §12.3.3.1", "the transfer came to nothing: the remote leg gets the media of the source access leg back") \
	ROW(HOLD, "TS 24.237 §12.3.3.2", "BYE with 503 on the source access leg: the remote leg waits for an INVITE due to STN-SR") \
	ROW(HOLD_OVER, "TS 24.237 §12.3.3.2", "no transfer came about in the operator's time after the BYE: the remote leg is released") \
	ROW(SOURCE_LEG_ENDED, "TS 24.229 §5.7.5", "the served user's leg has ended: so does the session") \
	ROW(REMOTE_LEG_ENDED, "TS 24.229 §5.7.5", "the remote party's leg has ended: so does the session") \
	ROW(TARGET_LEG_ENDED, "TS 24.229 §5.7.5", "the MSC server's leg has ended: so does the session") \
	ROW(NO_ACK, "RFC 3261 §13.3.1.4", "a 2xx was never acknowledged: the dialog ends") \
	ROW(TOO_LATE, "RFC 6026 §8.5", "nobody asked for this response any more")
/* clang-format on */

enum session_clause {
#define CLAUSE_ENUM(name, document, meaning) CLAUSE_##name,
	SESSION_CLAUSES(CLAUSE_ENUM)
#undef CLAUSE_ENUM
		N_CLAUSES,
};

struct clause_row {
	const char *name;     /* "FIRST_BYE_DIRECT" */
	const char *document; /* "TS 24.229 §5.4.5.1.2 steps 1 and 5" */
	const char *meaning;
};

/* By enum session_clause. */
extern const struct clause_row clause_table[N_CLAUSES];

#endif
