/* Counters and gauges of a node: name, help. Gauges come back to where they were when everything
 * has ended. */
#ifndef NODE_COUNTERS_H
#define NODE_COUNTERS_H

#include "session/clauses.h"

#include <stdint.h>

/* clang-format off */
#define NODE_GAUGES(ROW)                                                       \
	ROW(sessions, "sessions that have not ended")                           \
	ROW(sessions_confirmed, "sessions answered and acknowledged")           \
	ROW(sessions_releasing, "sessions being released by this server")       \
	ROW(sessions_anchored, "sessions held together by legs of ours (SCC AS)") \
	ROW(ended_sessions, "ended sessions remembered")                        \
	ROW(passages, "requests that application servers have or had, until their session is forgotten") \
	ROW(dialogs, "dialogs of sessions that have not ended")                 \
	ROW(server_transactions, "server transactions")                         \
	ROW(client_transactions, "client transactions")                         \
	ROW(timers, "timers running")                                           \
	ROW(bindings, "contacts of registered users")                           \
	ROW(subscriptions, "subscriptions to the state of a registration")      \
	ROW(session_blocks, "memory blocks held by sessions and bindings")      \
	ROW(message_blocks, "memory blocks held by transactions")               \
	ROW(memory_bytes, "bytes held from the system for all of these")

#define NODE_COUNTS(ROW)                                                        \
	ROW(messages_in, "messages received")                                    \
	ROW(messages_out, "messages sent, retransmissions included")             \
	ROW(retransmissions_out, "messages sent again")                          \
	ROW(retransmissions_in, "requests received again")                       \
	ROW(noise, "datagrams that are not SIP: silence")                        \
	ROW(refused_requests, "malformed requests answered 4xx or 5xx")          \
	ROW(dropped_requests, "malformed requests that cannot be answered: silence") \
	ROW(dropped_responses, "malformed responses: silence")                   \
	ROW(stray_responses, "responses that nobody asked for: silence")         \
	ROW(stray_acks, "ACKs that belong to nothing: silence")                  \
	ROW(unknown_dialogs, "requests inside a dialog that does not exist: 481") \
	ROW(forged_handles, "session handles that did not stand the test of Call-ID and tags") \
	ROW(too_many_hops, "Max-Forwards used up: 483")                          \
	ROW(loops, "loops found: 482")                                           \
	ROW(not_trusted, "requests from an address that may not send them: 403") \
	ROW(not_found, "requests for users that are not known: 404")             \
	ROW(not_registered, "requests for users without a contact: 480")         \
	ROW(full, "requests refused with 503 because a bound was reached")       \
	ROW(lost_memory, "things not remembered because a bound was reached")    \
	ROW(outbox_full, "messages not sent because one step wanted to send too many") \
	ROW(sessions_begun, "sessions begun")                                    \
	ROW(sessions_answered, "sessions answered with a 2xx, each counted once however many application servers it passes") \
	ROW(sessions_ended, "sessions ended")                                    \
	ROW(releases_ordered, "sessions that the operator ordered to release")   \
	ROW(releases_done, "sessions whose release is complete on every leg")    \
	ROW(byes_sent, "BYEs of our own, first transmissions")                   \
	ROW(byes_answered, "of these: answered with a final response")           \
	ROW(byes_timed_out, "of these: never answered")                          \
	ROW(byes_transport_failed, "of these: could not be delivered")           \
	ROW(requests_to_servers, "initial requests sent to application servers") \
	ROW(servers_failed, "of these: no answer, 408 or 5xx from the server itself") \
	ROW(releases_without_server, "BYEs that an application server did not pass on: the release went on without it") \
	ROW(contacts_released, "sessions released because a registration ended") \
	ROW(transfers, "INVITEs due to STN-SR (ATU-STI, additional session) that began a transfer") \
	ROW(transfers_done, "of these: the media moved to the circuit-switched side") \
	ROW(transfers_failed, "of these: refused by the remote party, or cancelled") \
	ROW(transfers_refused, "INVITEs due to STN-SR (ATU-STI, additional session) that were refused at once") \
	ROW(transfers_of_unknown_users, "of these: the C-MSISDN is no user of the SCC AS") \
	ROW(transfers_without_session, "of these: the user has no session that can be transferred: 480") \
	ROW(transfers_late, "of these: likewise, less than a minute after a hold of the user's was over") \
	ROW(transfers_malformed, "of these: 400, 420, 488") \
	ROW(transfers_unknown_number, "INVITEs for a number that is no STN-SR of ours and nobody's: 404") \
	ROW(holds, "remote legs held after BYE (503) on the source access leg")  \
	ROW(holds_kept, "of these, kept by a transfer")                          \
	ROW(holds_released, "of these, released because none came about")       \
	ROW(sessions_expired, "sessions whose session timer ran out")            \
	ROW(registrations, "REGISTERs accepted")                                 \
	ROW(registrations_refused, "REGISTERs refused with 403 or 404: no subscriber, a barred identity, an address that may not register, another domain") \
	ROW(registrations_expired, "contacts whose time ran out")                \
	ROW(registrations_removed, "contacts taken out by the operator or the network") \
	ROW(authentication_challenges, "REGISTERs answered with a challenge: 401") \
	ROW(authentication_failures, "REGISTERs with wrong credentials")         \
	ROW(authentication_throttled, "REGISTERs of a source with too many failures: 503") \
	ROW(authentication_stale, "REGISTERs with a nonce that was too old: a new challenge") \
	ROW(authentication_replays, "REGISTERs with a nonce count that was used before") \
	ROW(authentication_resynchronisations, "sequence numbers of IMS AKA that a card corrected") \
	ROW(notifies_sent, "NOTIFYs of the state of a registration")             \
	ROW(third_party_registers, "REGISTERs sent to application servers")      \
	ROW(third_party_failures, "of these: refused or never answered")
/* clang-format on */

struct node_counters {
#define COUNTER_FIELD(name, help) uint64_t name;
	NODE_GAUGES(COUNTER_FIELD)
	NODE_COUNTS(COUNTER_FIELD)
#undef COUNTER_FIELD
	uint64_t clauses[N_CLAUSES]; /* in how many sessions each clause decided something */
};

#endif
