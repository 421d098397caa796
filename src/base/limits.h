/* Every bound of the core, with what a peer gets that passes it. Bounds that the operator may set
 * have only their greatest value here; the defaults are in etc/adieu.yaml. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* --- one message ------------------------------------------------ answer when passed --- */
#define LIMIT_MESSAGE_BYTES    65535u /* 513 Message Too Large; a stream is closed after it */
#define LIMIT_HEADER_FIELDS    192u   /* 513; a response is dropped */
#define LIMIT_START_LINE_BYTES 4096u  /* 414 Request-URI Too Long; a response is dropped */
#define LIMIT_FIELD_BYTES      8192u  /* 513: one header field, folding included */
#define LIMIT_LIST_VALUES                                                                          \
	64u /* 400: values of Route, Record-Route or Via we are asked to look at */
#define LIMIT_VIA_VALUES    64u   /* 513: hops a message may have made */
#define LIMIT_CALL_ID_BYTES 256u  /* 400 */
#define LIMIT_TAG_BYTES     256u  /* 400 */
#define LIMIT_BRANCH_BYTES  256u  /* 400 */
#define LIMIT_URI_BYTES     1024u /* 414 as Request-URI, 400 in Contact and Route */
#define LIMIT_SPLICES       48u   /* edits of one forwarded message: 500, our own bound */

/* --- one node ---------------------------------------------------------------------------- */
#define LIMIT_SESSIONS            4000000u /* 503 with Retry-After */
#define LIMIT_SESSIONS_OF_CALL_ID 64u      /* 503; ended ones that are remembered count too */
#define LIMIT_TRANSACTIONS                                                                         \
	4000000u /* 503 with Retry-After; requests without a response to give are dropped */
#define LIMIT_BRANCHES 16u /* contacts tried for one request: the first 16 by q are used */
#define LIMIT_DIALOGS                                                                              \
	32u /* early and confirmed dialogs of one session: a further provisional response is
					    forwarded but not remembered; a further 2xx takes the place of an early one, or is not forwarded */
#define LIMIT_PASSAGES                                                                             \
	64u /* 503 to an application server that sends the INVITE back once more: of one session, ended ones count too */
#define LIMIT_FORKS                                                                                \
	7u /* further early dialogs of a called leg of the SCC AS: a provisional response of one more is not passed on */
#define LIMIT_ROUTE_SET_BYTES                                                                      \
	4096u /* 400 to a REGISTER; a 2xx with more: 500 to the caller, since its dialog could not be saved */
#define LIMIT_DIALOG_TEXT_BYTES 16384u   /* as LIMIT_ROUTE_SET_BYTES: what one dialog may keep */
#define LIMIT_CONTACTS_OF_USER  16u      /* 503 to the REGISTER that would add more */
#define LIMIT_BINDINGS          4000000u /* 503 to the REGISTER that would add more */
#define LIMIT_JOURNAL_RECORDS                                                                      \
	64u /* of one session: the first 16 are kept, the later ones run in a ring */
#define LIMIT_ENDED_SESSIONS 100000u /* the oldest ended session is forgotten */
#define LIMIT_RELEASE_ORDERS 16u     /* orders at work at once: the next is refused */
#define LIMIT_STREAMS_OF_LEG                                                                       \
	8u /* of a description that the SCC AS makes of two: further ones stand with port 0 or are left out */
#define LIMIT_OUTBOX_MESSAGES                                                                      \
	256u /* sent from one step: a request or response of a transaction that does not fit is counted and sent later; another message is lost, as UDP may */
#define LIMIT_USES_PER_STEP                                                                        \
	1024u /* sessions, dialogs and branches of contacts that are gone, looked at in one step: the rest is looked at in a later one */

/* --- the user data ------------------------------------------------------------------------ */
#define LIMIT_PATTERN_BYTES  1024u /* refused when the file is read */
#define LIMIT_SERVICE_POINTS 64u   /* of one trigger point: refused when the file is read */
#define LIMIT_SERVICE_POINT_GROUPS                                                                 \
	64u /* different ones of one trigger point: refused when the file is read */
#define LIMIT_DESCRIPTION_LINES                                                                    \
	512u /* of a session description: trigger points do not see what comes behind */
#define LIMIT_BODY_PARTS                                                                           \
	32u /* of a multipart body: a session description behind them is not seen */
#define LIMIT_BODY_DEPTH                                                                           \
	4u /* multiparts inside each other: one further inside is not looked into */

#endif
