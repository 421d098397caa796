/* TS 29.228 annexes B, C and F, TS 23.218 §6: initial filter criteria.
 *
 * A request is looked at as it is when its turn comes (TS 23.218 §6.3): the Request-URI and the header fields may be
 * those that the server before has written. What has to be searched for in the message is searched for once per
 * look, and a service point is asked at most once per trigger, however many groups it stands in. */
#include "roles/scscf/filter_criteria.h"

#include <assert.h>

#include "sip/body.h"
#include "sip/uri.h"

#define NAME_BUCKETS 64
/* Points of the short kinds, method and session case, should not pay for the registers of the others. */
#define NOT_INLINED __attribute__((noinline))
static_assert(LIMIT_HEADER_FIELDS < 256, "a field and one more in a byte");

/* "m=audio ...": one letter and what stands behind the "=". */
struct description_line {
	const char *letter;
	struct text content;
};

/* One look at one request. */
struct look {
	const struct filter_facts *facts;
	/* Found when the first point asks: */
	bool has_uri_part, has_names, has_description;
	bool has_folds; /* some value goes on in a further line; known with the names */
	struct text uri_part;
	/* Fields by bucket_of() their name: position + 1 of the first, and of the next. */
	uint8_t first_of[NAME_BUCKETS], next_of[LIMIT_HEADER_FIELDS];
	unsigned n_lines;
	struct description_line lines[LIMIT_DESCRIPTION_LINES]; /* n_lines of them */
};

static void look_begin(struct look *look, const struct filter_facts *facts)
{
	/* Not by an initializer: the lines are many, and seldom needed. */
	look->facts = facts;
	look->has_uri_part = look->has_names = look->has_description = false;
}

/* ------------------------------------------------------------------ Request-URI */

/* Annex F names the host and port of a SIP URI, and the number of a tel URI. */
static struct text uri_part_of(struct text request_uri)
{
	struct sip_uri uri;

	if (!sip_uri_parse(request_uri, &uri) || uri.scheme == SIP_URI_OTHER)
		return (struct text){0};
	if (uri.scheme == SIP_URI_TEL)
		return uri.user;
	/* The port is written right behind the host; the params begin where both end. */
	if (uri.params.len)
		return text_between(uri.host.at, uri.params.at);
	if (uri.headers.len)
		return text_between(uri.host.at, uri.headers.at - 1);
	return text_between(uri.host.at, request_uri.at + request_uri.len);
}

/* @req IFC-5 The whole URI is searched. An expression with ^ or $ may have been written for the part that annex F
 * means, so that is tried as well; without them it makes no difference. */
NOT_INLINED static bool request_uri_is_met(struct look *look, const struct service_point *point)
{
	if (pattern_matches(point->content, look->facts->request_uri))
		return true;
	if (!pattern_is_anchored(point->content))
		return false;
	if (!look->has_uri_part) {
		look->uri_part = uri_part_of(look->facts->request_uri);
		look->has_uri_part = true;
	}
	return look->uri_part.len && pattern_matches(point->content, look->uri_part);
}

/* ------------------------------------------------------------------ method */

/* @req IFC-6 IFC-7 */
static bool method_is_met(const struct filter_facts *facts, const struct service_point *point)
{
	/* RFC 3261 §7.1: case counts. */
	if (!text_equal(facts->request->method_name, point->method))
		return false;
	if (facts->request->method != SIP_REGISTER || point->registration_types == 0)
		return true;
	return (facts->registration_type & point->registration_types) != 0;
}

/* ------------------------------------------------------------------ header fields */

/* RFC 3261 §7.3.3, and the RFCs that gave a compact form to a header field that nothing else here looks for. */
static struct text long_name_of(struct text name)
{
	static const struct text names[] = {
		['a' - 'a'] = TEXT("Accept-Contact"),      /* RFC 3841 */
		['b' - 'a'] = TEXT("Referred-By"),         /* RFC 3892 */
		['d' - 'a'] = TEXT("Request-Disposition"), /* RFC 3841 */
		['e' - 'a'] = TEXT("Content-Encoding"),
		['j' - 'a'] = TEXT("Reject-Contact"), /* RFC 3841 */
		['n' - 'a'] = TEXT("Identity-Info"),  /* RFC 4474 */
		['r' - 'a'] = TEXT("Refer-To"),       /* RFC 3515 */
		['s' - 'a'] = TEXT("Subject"),
		['u' - 'a'] = TEXT("Allow-Events"), /* RFC 6665 */
		['y' - 'a'] = TEXT("Identity"),     /* RFC 8224 */
	};
	unsigned letter;
	enum sip_header header;

	if (name.len != 1)
		return name;
	header = sip_header_of(name);
	if (header != SIP_HEADER_OTHER)
		return text_of(sip_header_name(header));
	letter = (unsigned)text_lower(name.at[0]) - 'a';
	if (letter >= sizeof(names) / sizeof(names[0]) || names[letter].len == 0)
		return name;
	return names[letter];
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A fold, with the white space around it, means one space (RFC 3261 §7.3.1). */
static struct text unfold(struct text value, char *buffer)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < value.len;) {
		uint32_t end = i;
		bool is_fold = false;

		for (; end < value.len && is_white(value.at[end]); end++)
			is_fold |= value.at[end] == '\n' || value.at[end] == '\r';
		if (is_fold) {
			buffer[n++] = ' ';
			i = end;
		} else {
			buffer[n++] = value.at[i++];
		}
	}
	return (struct text){buffer, n};
}

static bool unfolded_value_is_met(const struct pattern *content, struct text value)
{
	char buffer[LIMIT_FIELD_BYTES];

	if (value.len > sizeof(buffer)) /* sip_parse() has refused such a message */
		value.len = sizeof(buffer);
	return pattern_matches(content, unfold(value, buffer));
}

static bool value_is_met(const struct look *look, const struct service_point *point,
			 struct text value)
{
	if (!point->content)
		return true;
	if (look->has_folds && value.len && memchr(value.at, '\n', value.len))
		return unfolded_value_is_met(point->content, value);
	return pattern_matches(point->content, value);
}

/* Names that differ in case only share a bucket. */
static unsigned bucket_of(struct text name)
{
	const unsigned char *at = (const unsigned char *)name.at;

	if (name.len == 0)
		return 0;
	return (name.len + (at[0] | 32u) + 5 * (at[name.len / 2] | 32u) +
		11 * (at[name.len - 1] | 32u)) %
	       NAME_BUCKETS;
}

static void read_names(struct look *look)
{
	const struct sip_message *m = look->facts->request;

	look->has_names = true;
	look->has_folds = false;
	memset(look->first_of, 0, sizeof(look->first_of));
	for (unsigned i = m->n_fields; i-- > 0;) {
		const struct text value = m->fields[i].value;
		uint8_t *first;

		look->has_folds |= value.len && memchr(value.at, '\n', value.len);
		first = &look->first_of[bucket_of(long_name_of(m->fields[i].name))];
		look->next_of[i] = *first;
		*first = (uint8_t)(i + 1);
	}
}

/* Nearly everybody writes names as the RFCs do. */
static bool is_name(struct text a, struct text b)
{
	return text_equal(a, b) || text_equal_nocase(a, b);
}

/* The usual case, a name without operators. */
static bool named_header_is_met(const struct look *look, const struct service_point *point,
				struct text name)
{
	const struct sip_message *m = look->facts->request;

	for (unsigned i = look->first_of[bucket_of(name)]; i > 0; i = look->next_of[i - 1]) {
		const struct sip_field *f = &m->fields[i - 1];

		if (is_name(long_name_of(f->name), name) && value_is_met(look, point, f->value))
			return true;
	}
	return false;
}

/* @req IFC-8 IFC-9 IFC-10 */
NOT_INLINED static bool header_is_met(struct look *look, const struct service_point *point)
{
	const struct sip_message *m = look->facts->request;
	struct text name;

	if (!look->has_names)
		read_names(look);
	if (pattern_is_literal(point->name, &name))
		return named_header_is_met(look, point, long_name_of(name));
	for (unsigned i = 0; i < m->n_fields; i++)
		if (pattern_matches(point->name, long_name_of(m->fields[i].name)) &&
		    value_is_met(look, point, m->fields[i].value))
			return true;
	return false;
}

/* ------------------------------------------------------------------ session description */

static void read_description(struct look *look)
{
	const struct sip_message *m = look->facts->request;
	struct text rest = sip_body_part(m, TEXT("application/sdp")); /* @req IFC-12 */
	struct text line;

	look->has_description = true;
	look->n_lines = 0;
	while (look->n_lines < LIMIT_DESCRIPTION_LINES && text_next_line(&rest, &line))
		/* RFC 4566 §5: one letter, "=", the value; anything else is no line of SDP. */
		if (line.len >= 2 && line.at[1] == '=')
			look->lines[look->n_lines++] =
				(struct description_line){line.at, text_from(line, 2)};
}

/* The next line from number `i` on whose letter the name of the point matches; n_lines: none. */
static unsigned next_fitting_line(const struct look *look, const struct service_point *point,
				  unsigned i)
{
	struct text name;
	bool is_one_letter = pattern_is_plain(point->name, &name) && name.len == 1;

	for (; i < look->n_lines; i++) {
		const char *letter = look->lines[i].letter;

		if (is_one_letter ? *letter == name.at[0]
				  : pattern_matches(point->name, (struct text){letter, 1}))
			break;
	}
	return i;
}

/* @req IFC-11 */
NOT_INLINED static bool description_is_met(struct look *look, const struct service_point *point)
{
	if (!look->has_description)
		read_description(look);
	for (unsigned i = 0; (i = next_fitting_line(look, point, i)) < look->n_lines; i++)
		if (!point->content || pattern_matches(point->content, look->lines[i].content))
			return true;
	return false;
}

/* ------------------------------------------------------------------ trigger points */

/* @req IFC-4 */
static bool point_is_met(struct look *look, const struct service_point *point)
{
	bool met = false;

	switch ((enum service_point_kind)point->kind) {
	case SERVICE_POINT_REQUEST_URI: met = request_uri_is_met(look, point); break;
	case SERVICE_POINT_METHOD: met = method_is_met(look->facts, point); break;
	case SERVICE_POINT_HEADER: met = header_is_met(look, point); break;
	case SERVICE_POINT_SESSION_CASE: /* @req IFC-13 */
		met = point->session_case == look->facts->session_case;
		break;
	case SERVICE_POINT_SESSION_DESCRIPTION: met = description_is_met(look, point); break;
	}
	return met != point->negated;
}

/* Nearly always each point is in one group, and the points of a group stand together, in order. */
static bool groups_are_in_order(const struct trigger_point *trigger)
{
	uint16_t last = 0;

	for (unsigned i = 0; i < trigger->n_points; i++) {
		const struct service_point *point = &trigger->points[i];
		uint16_t group = point->n_groups ? point->groups[0] : 0;

		if (point->n_groups > 1 || group < last)
			return false;
		last = group;
	}
	return true;
}

/* CNF: one of a group has to be met; DNF: all of it. So one point can decide about a group, in CNF to the good; and a
 * group that none of its points has decided decides about the whole. */
static bool met_in_order(struct look *look, const struct trigger_point *trigger)
{
	bool is_decided = true; /* the group that is being looked at */
	uint16_t last = 0;

	for (unsigned i = 0; i < trigger->n_points; i++) {
		const struct service_point *point = &trigger->points[i];
		uint16_t group = point->n_groups ? point->groups[0] : 0;

		if (i == 0 || group != last) {
			if (!is_decided)
				return !trigger->is_cnf;
			is_decided = false;
			last = group;
		}
		if (!is_decided)
			is_decided = point_is_met(look, point) == trigger->is_cnf;
	}
	return is_decided == trigger->is_cnf;
}

/* What is known of the points of one trigger: bit i is point i. */
struct answers {
	uint64_t asked, met;
};
static_assert(LIMIT_SERVICE_POINTS <= 64, "a bit for each");

static bool ask_once(struct look *look, const struct trigger_point *trigger, unsigned i,
		     struct answers *answers)
{
	uint64_t bit = UINT64_C(1) << i;

	if (!(answers->asked & bit)) {
		answers->asked |= bit;
		if (point_is_met(look, &trigger->points[i]))
			answers->met |= bit;
	}
	return (answers->met & bit) != 0;
}

static const uint16_t group_zero[1];

static const uint16_t *groups_of(const struct service_point *point, unsigned *ret_n)
{
	*ret_n = point->n_groups ? point->n_groups : 1;
	return point->n_groups ? point->groups : group_zero;
}

static bool is_among(const uint16_t *groups, unsigned n, uint16_t group)
{
	for (unsigned i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* Points before `first` are not in the group. */
static bool group_is_met(struct look *look, const struct trigger_point *trigger, unsigned first,
			 uint16_t group, struct answers *answers)
{
	for (unsigned i = first; i < trigger->n_points; i++) {
		unsigned n;
		const uint16_t *groups = groups_of(&trigger->points[i], &n);

		if (is_among(groups, n, group) &&
		    ask_once(look, trigger, i, answers) == trigger->is_cnf)
			return trigger->is_cnf;
	}
	return !trigger->is_cnf;
}

static bool met_in_any_order(struct look *look, const struct trigger_point *trigger)
{
	uint16_t done[LIMIT_SERVICE_POINT_GROUPS];
	unsigned n_done = 0;
	struct answers answers = {0};

	for (unsigned i = 0; i < trigger->n_points; i++) {
		unsigned n;
		const uint16_t *groups = groups_of(&trigger->points[i], &n);

		for (unsigned k = 0; k < n; k++) {
			if (is_among(done, n_done, groups[k]))
				continue;
			/* CNF: the first group that fails decides; DNF: the first that is met. */
			if (group_is_met(look, trigger, i, groups[k], &answers) != trigger->is_cnf)
				return !trigger->is_cnf;
			assert(n_done < LIMIT_SERVICE_POINT_GROUPS);
			done[n_done++] = groups[k];
		}
	}
	return trigger->is_cnf;
}

/* @req IFC-1 IFC-2 IFC-3 */
static bool trigger_is_met(struct look *look, const struct trigger_point *trigger)
{
	assert(trigger->n_points <= LIMIT_SERVICE_POINTS);
	if (trigger->n_points == 0)
		return true;
	if (groups_are_in_order(trigger))
		return met_in_order(look, trigger);
	return met_in_any_order(look, trigger);
}

/* ------------------------------------------------------------------ criteria in order */

static bool is_unregistered(const struct filter_facts *facts)
{
	if (facts->session_case == ORIGINATING_CDIV)
		return facts->is_unregistered;
	return facts->session_case == TERMINATING_UNREGISTERED ||
	       facts->session_case == ORIGINATING_UNREGISTERED;
}

/* @req IFC-15 */
static bool part_fits(const struct filter_criteria *criteria, const struct filter_facts *facts)
{
	switch ((enum profile_part)criteria->profile_part) {
	case PROFILE_PART_REGISTERED: return !is_unregistered(facts);
	case PROFILE_PART_UNREGISTERED: return is_unregistered(facts);
	case PROFILE_PART_BOTH: break;
	}
	return true;
}

static bool is_behind(const struct filter_criteria *criteria, struct filter_position position)
{
	if (!position.is_set || criteria->priority > position.priority)
		return true;
	return criteria->priority == position.priority && criteria->ordinal > position.ordinal;
}

/* @req IFC-14 */
const struct filter_criteria *filter_criteria_next(const struct service_profile *profile,
						   struct filter_position position,
						   const struct filter_facts *facts)
{
	struct look look;

	look_begin(&look, facts);
	for (unsigned i = 0; i < profile->n; i++) {
		const struct filter_criteria *criteria = &profile->criteria[i];

		if (is_behind(criteria, position) && part_fits(criteria, facts) &&
		    trigger_is_met(&look, &criteria->trigger))
			return criteria;
	}
	return NULL;
}
