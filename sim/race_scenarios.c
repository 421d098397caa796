/* The scenarios of the race explorer: which things may happen, in any order. */
#include "races.h"

#define BYE_503    "Reason: SIP;cause=503;text=\"Service Unavailable\"\r\n"
#define CANCELLED  "Reason: SIP;cause=487;text=\"handover cancelled\"\r\n"
#define BEARER_503 "Reason: FAILURE_CAUSE;cause=2, sip ;text=\"a, b\";cause=503\r\n"

#define UE_BYE_503                                                                                 \
	{                                                                                          \
		"BYE (503) of the P-CSCF on the source leg", BYE_503, RACE_EVENT_UE_BYE, 0         \
	}
#define STN_SR                                                                                     \
	{                                                                                          \
		"INVITE due to STN-SR", "", RACE_EVENT_STN_SR, 0                                   \
	}
#define CANCEL                                                                                     \
	{                                                                                          \
		"CANCEL of the MSC server", "", RACE_EVENT_CANCEL, 0                               \
	}
#define UE_REINVITE                                                                                \
	{                                                                                          \
		"re-INVITE (487) of the UE on the source leg", CANCELLED, RACE_EVENT_UE_REINVITE,  \
			0                                                                          \
	}
#define REMOTE_BYE                                                                                 \
	{                                                                                          \
		"BYE of the remote party", "", RACE_EVENT_REMOTE_BYE, 0                            \
	}
#define MSC_BYE                                                                                    \
	{                                                                                          \
		"BYE of the MSC server on the target leg", "", RACE_EVENT_MSC_BYE, 0               \
	}
#define MSC_BYE_487                                                                                \
	{                                                                                          \
		"BYE (487) of the MSC server on the target leg", CANCELLED, RACE_EVENT_MSC_BYE, 0  \
	}
#define REMOTE_REINVITE                                                                            \
	{                                                                                          \
		"re-INVITE of the remote party", "", RACE_EVENT_REMOTE_REINVITE, 0                 \
	}
#define REMOTE_REFUSES                                                                             \
	{                                                                                          \
		"the remote party will refuse the next offer", "", RACE_EVENT_REMOTE_REFUSES, 0    \
	}

static const struct race_scenario scenarios[] = {
	{.name = "main",
	 .about = "a call that was made; all events, both timers, one message lost",
	 .events = {UE_BYE_503, STN_SR, CANCEL, UE_REINVITE, REMOTE_BYE, MSC_BYE},
	 .n_sessions = 1,
	 .loses = true,
	 .share = 36},
	{.name = "called",
	 .about = "the same with a call that was received",
	 .events = {UE_BYE_503, STN_SR, CANCEL, UE_REINVITE, REMOTE_BYE, MSC_BYE},
	 .n_sessions = 1,
	 .terminating = true,
	 .loses = true,
	 .share = 9},
	{.name = "no-503",
	 .about = "the source leg is released for another reason",
	 .events = {{"BYE of the UE on the source leg", "Reason: RELEASE_CAUSE;cause=1\r\n",
		     RACE_EVENT_UE_BYE, 0},
		    STN_SR,
		    CANCEL,
		    UE_REINVITE,
		    REMOTE_BYE,
		    MSC_BYE},
	 .n_sessions = 1,
	 .loses = true,
	 .share = 5},
	{.name = "two-sessions",
	 .about = "two sessions of one user lose their source legs",
	 .events = {{"BYE (503) of the P-CSCF on the first source leg", BYE_503, RACE_EVENT_UE_BYE,
		     0},
		    {"BYE (503) of the P-CSCF on the second source leg", BEARER_503,
		     RACE_EVENT_UE_BYE, 1},
		    STN_SR,
		    CANCEL,
		    REMOTE_BYE,
		    MSC_BYE},
	 .n_sessions = 2,
	 .share = 17},
	{.name = "remote-offer",
	 .about = "the remote party changes its media meanwhile",
	 .events = {UE_BYE_503, STN_SR, REMOTE_REINVITE, CANCEL, UE_REINVITE},
	 .n_sessions = 1,
	 .share = 6},
	{.name = "refused",
	 .about = "the remote party refuses an update",
	 .events = {UE_BYE_503, STN_SR, REMOTE_REFUSES, UE_REINVITE, MSC_BYE_487},
	 .n_sessions = 1,
	 .share = 18},
	{.name = "cancelled",
	 .about = "the handover is cancelled: CANCEL, BYE (487), and messages that overtake each "
		  "other",
	 .events = {STN_SR, CANCEL, UE_REINVITE, MSC_BYE_487, UE_BYE_503},
	 .n_sessions = 1,
	 .reorders = true,
	 .share = 4},
	{.name = "far-503",
	 .about = "503 in a BYE that is not on the source leg: no hold",
	 .events = {{"BYE (503) of the remote party", BYE_503, RACE_EVENT_REMOTE_BYE, 0},
		    {"BYE (503) of the MSC server", BYE_503, RACE_EVENT_MSC_BYE, 0},
		    STN_SR,
		    UE_REINVITE,
		    UE_BYE_503},
	 .n_sessions = 1,
	 .reorders = true,
	 .share = 5},
};

const struct race_scenario *races_scenario(unsigned i)
{
	return i < sizeof(scenarios) / sizeof(scenarios[0]) ? &scenarios[i] : NULL;
}

const struct race_scenario *races_scenario_named(const char *name, size_t len)
{
	const struct race_scenario *scenario;

	for (unsigned i = 0; (scenario = races_scenario(i)); i++)
		if (strlen(scenario->name) == len && memcmp(scenario->name, name, len) == 0)
			return scenario;
	return NULL;
}
