/* Initial filter criteria, TS 29.228 annexes B and F, TS 23.218 §6: when a request goes to which
 * application server. Plain read-only data, built once when the subscribers are read and shared by
 * all nodes; looking at a request allocates nothing. */
#ifndef ROLES_SCSCF_FILTER_CRITERIA_H
#define ROLES_SCSCF_FILTER_CRITERIA_H

#include "base/pattern.h"
#include "sip/message.h"

/* The numbers are those of the Cx user data (TS 29.228 annex E). */
enum session_case {
	ORIGINATING_REGISTERED = 0,
	TERMINATING_REGISTERED = 1,
	TERMINATING_UNREGISTERED = 2,
	ORIGINATING_UNREGISTERED = 3,
	ORIGINATING_CDIV = 4, /* after a diversion by a server of the called user */
};
static inline bool session_case_is_originating(enum session_case c)
{
	return c != TERMINATING_REGISTERED && c != TERMINATING_UNREGISTERED;
}

enum default_handling {
	SESSION_CONTINUED = 0,
	SESSION_TERMINATED = 1,
};

enum profile_part {
	PROFILE_PART_REGISTERED = 0,
	PROFILE_PART_UNREGISTERED = 1,
	PROFILE_PART_BOTH, /* not written */
};

/* Bits of a REGISTER trigger (the extension RegistrationType). */
#define REGISTRATION_INITIAL 1u
#define REGISTRATION_REFRESH 2u
#define REGISTRATION_REMOVAL 4u

enum service_point_kind {
	SERVICE_POINT_REQUEST_URI,
	SERVICE_POINT_METHOD,
	SERVICE_POINT_HEADER,
	SERVICE_POINT_SESSION_CASE,
	SERVICE_POINT_SESSION_DESCRIPTION,
};

/* One service point trigger. */
struct service_point {
	uint8_t kind; /* enum service_point_kind */
	bool negated;
	uint8_t session_case;
	uint8_t registration_types; /* of METHOD REGISTER; 0: any */
	uint16_t n_groups;
	const uint16_t *groups; /* those that it belongs to; none written: the same as group 0 */
	struct text method;
	/* REQUEST_URI: `content`. HEADER: `name` (opened with is_name), and `content` when it is set.
	 * SESSION_DESCRIPTION: `name` is that of the line ("m"), and `content` when it is set. */
	struct pattern *name, *content;
};

struct trigger_point {
	bool is_cnf; /* and of ors; else or of ands */
	/* At most LIMIT_SERVICE_POINTS, with at most LIMIT_SERVICE_POINT_GROUPS different groups. */
	uint16_t n_points;
	const struct service_point *points; /* none: always met */
};

struct application_server {
	struct text uri; /* ServerName */
	struct text service_information;
	uint8_t default_handling; /* enum default_handling */
	bool include_register_request, include_register_response;
};

struct filter_criteria {
	uint32_t priority;
	uint16_t ordinal; /* among those of the same priority: the order of the file */
	uint8_t profile_part;
	struct trigger_point trigger;
	struct application_server server;
};

/* In order of priority, then ordinal. */
struct service_profile {
	unsigned n;
	const struct filter_criteria *criteria;
};

/* How far service control has come in a profile; survives that the profile is read anew. */
struct filter_position {
	bool is_set; /* false: nothing was looked at yet */
	uint16_t ordinal;
	uint32_t priority;
};

/* What the trigger points look at. */
struct filter_facts {
	const struct sip_message *request;
	struct text request_uri; /* the one that counts now */
	/* A REGISTER counts as ORIGINATING_REGISTERED (TS 23.218 §5.2.1). */
	enum session_case session_case;
	bool is_unregistered; /* the served user, with ORIGINATING_CDIV; the other cases say it by themselves */
	/* One of the bits, for a REGISTER; 0: not a registration of ours. */
	unsigned registration_type;
};

/* The next criteria behind `position` whose profile part fits and whose trigger is met (TS 29.228 §B.2.2,
 * annexes C and F); NULL when there are none any more. */
const struct filter_criteria *filter_criteria_next(const struct service_profile *profile,
						   struct filter_position position,
						   const struct filter_facts *facts);

#endif
