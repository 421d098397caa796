/* TS 29.228 annex E, tInitialFilterCriteria: one initial filter criterion with its trigger point and its
 * application server. @req SUB-1 SUB-4 */
#include "adapters/cx_user_data.h"
#include "sip/uri.h"

#include <stdlib.h>

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

/* ------------------------------------------------------------------ one service point trigger */

struct trigger_draft {
	struct cx_reader *reader;
	bool is_cnf;
	unsigned n_points, n_groups;
	struct service_point points[LIMIT_SERVICE_POINTS];
	uint32_t groups[LIMIT_SERVICE_POINT_GROUPS]; /* as written; a point has their index */
};

struct point_draft {
	struct trigger_draft *trigger;
	struct service_point *point;
	const xmlNode *condition; /* the one that was read */
	unsigned n_groups;
	uint16_t groups[LIMIT_SERVICE_POINT_GROUPS];
};

static struct xml_reader *xml_of(struct point_draft *d)
{
	return &d->trigger->reader->xml;
}

static void read_negated(void *into, const xmlNode *node)
{
	struct point_draft *d = into;

	xml_boolean(xml_of(d), node, &d->point->negated);
}

/* The numbers of groups are names: what counts is which are the same. */
static void read_group(void *into, const xmlNode *node)
{
	struct point_draft *d = into;
	struct trigger_draft *t = d->trigger;
	uint32_t number;
	uint16_t index = 0;

	if (!xml_number(xml_of(d), node, CX_NUMBER_MAX, &number))
		return;
	while (index < t->n_groups && t->groups[index] != number)
		index++;
	if (index == LIMIT_SERVICE_POINT_GROUPS) {
		xml_problem(xml_of(d), node,
			    "too many groups in a TriggerPoint; expected at most %u",
			    LIMIT_SERVICE_POINT_GROUPS);
		return;
	}
	if (index == t->n_groups)
		t->groups[t->n_groups++] = number;
	for (unsigned i = 0; i < d->n_groups; i++)
		if (d->groups[i] == index)
			return;
	d->groups[d->n_groups++] = index;
}

static bool begin_condition(struct point_draft *d, const xmlNode *node,
			    enum service_point_kind kind)
{
	if (d->condition) {
		xml_problem(xml_of(d), node, "%s beside %s in one SPT; expected one condition only",
			    node->name, d->condition->name);
		return false;
	}
	d->condition = node;
	d->point->kind = (uint8_t)kind;
	return true;
}

static struct pattern *read_pattern(struct point_draft *d, const xmlNode *node, bool ignore_case)
{
	struct text expression;

	if (!xml_word(xml_of(d), node, &expression))
		return NULL;
	return cx_pattern(d->trigger->reader, node, expression, ignore_case);
}

static void read_request_uri(void *into, const xmlNode *node)
{
	struct point_draft *d = into;

	if (begin_condition(d, node, SERVICE_POINT_REQUEST_URI))
		d->point->content = read_pattern(d, node, false);
}

static void read_method(void *into, const xmlNode *node)
{
	struct point_draft *d = into;
	struct text method;

	if (begin_condition(d, node, SERVICE_POINT_METHOD) && xml_word(xml_of(d), node, &method))
		d->point->method = cx_keep(d->trigger->reader, method);
}

static void read_header_name(void *into, const xmlNode *node)
{
	struct point_draft *d = into;

	d->point->name = read_pattern(d, node, true);
}

static void read_line(void *into, const xmlNode *node)
{
	struct point_draft *d = into;

	d->point->name = read_pattern(d, node, false);
}

static void read_content(void *into, const xmlNode *node)
{
	struct point_draft *d = into;

	d->point->content = read_pattern(d, node, false);
}

static void read_header(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"Header", read_header_name, XML_REQUIRED},
		{"Content", read_content, 0},
		{"Extension", NULL, 0},
	};
	struct point_draft *d = into;

	if (begin_condition(d, node, SERVICE_POINT_HEADER))
		xml_read_children(xml_of(d), node, ROWS(rows), false, d);
}

static void read_session_description(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"Line", read_line, XML_REQUIRED},
		{"Content", read_content, 0},
		{"Extension", NULL, 0},
	};
	struct point_draft *d = into;

	if (begin_condition(d, node, SERVICE_POINT_SESSION_DESCRIPTION))
		xml_read_children(xml_of(d), node, ROWS(rows), false, d);
}

static void read_session_case(void *into, const xmlNode *node)
{
	struct point_draft *d = into;
	uint32_t number;

	if (begin_condition(d, node, SERVICE_POINT_SESSION_CASE) &&
	    xml_number(xml_of(d), node, ORIGINATING_CDIV, &number))
		d->point->session_case = (uint8_t)number;
}

static void read_registration_type(void *into, const xmlNode *node)
{
	static const uint8_t bits[] = {REGISTRATION_INITIAL, REGISTRATION_REFRESH,
				       REGISTRATION_REMOVAL};
	struct point_draft *d = into;
	uint32_t number;

	if (xml_number(xml_of(d), node, 2, &number))
		d->point->registration_types |= bits[number];
}

static void read_point_extension(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"RegistrationType", read_registration_type, XML_MANY},
	};
	struct point_draft *d = into;

	xml_read_children(xml_of(d), node, ROWS(rows), true, d);
}

static void read_point(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"ConditionNegated", read_negated, 0},
		{"Group", read_group, XML_REQUIRED | XML_MANY},
		{"RequestURI", read_request_uri, 0},
		{"Method", read_method, 0},
		{"SIPHeader", read_header, 0},
		{"SessionCase", read_session_case, 0},
		{"SessionDescription", read_session_description, 0},
		{"Extension", read_point_extension, 0},
	};
	struct trigger_draft *t = into;
	struct point_draft d = {.trigger = t};
	uint16_t *groups;

	if (t->n_points == LIMIT_SERVICE_POINTS) {
		xml_problem(&t->reader->xml, node,
			    "too many SPT in a TriggerPoint; expected at most %u",
			    LIMIT_SERVICE_POINTS);
		return;
	}
	d.point = &t->points[t->n_points++];
	*d.point = (struct service_point){0};
	xml_read_children(&t->reader->xml, node, ROWS(rows), false, &d);
	if (!d.condition)
		xml_problem(&t->reader->xml, node,
			    "SPT without a condition; expected RequestURI, Method, SIPHeader, "
			    "SessionCase or SessionDescription");
	groups = cx_take(t->reader, d.n_groups * sizeof(*groups));
	if (!groups)
		return;
	memcpy(groups, d.groups, d.n_groups * sizeof(*groups));
	d.point->groups = groups;
	d.point->n_groups = (uint16_t)d.n_groups;
}

/* ------------------------------------------------------------------ trigger point */

static void read_cnf(void *into, const xmlNode *node)
{
	struct trigger_draft *t = into;

	xml_boolean(&t->reader->xml, node, &t->is_cnf);
}

struct criteria_draft {
	struct cx_reader *reader;
	struct filter_criteria *criteria;
};

static void read_trigger(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"ConditionTypeCNF", read_cnf, XML_REQUIRED},
		{"SPT", read_point, XML_MANY},
		{"Extension", NULL, 0},
	};
	struct criteria_draft *d = into;
	struct trigger_draft t = {.reader = d->reader};
	struct service_point *points;

	xml_read_children(&d->reader->xml, node, ROWS(rows), false, &t);
	points = cx_take(d->reader, t.n_points * sizeof(*points));
	if (!points)
		return;
	memcpy(points, t.points, t.n_points * sizeof(*points));
	d->criteria->trigger = (struct trigger_point){
		.is_cnf = t.is_cnf, .n_points = (uint16_t)t.n_points, .points = points};
}

/* ------------------------------------------------------------------ application server */

static void read_server_name(void *into, const xmlNode *node)
{
	struct criteria_draft *d = into;
	struct sip_uri uri;
	struct text name;

	if (!xml_word(&d->reader->xml, node, &name))
		return;
	if (!sip_uri_parse(name, &uri) || (uri.scheme != SIP_URI_SIP && uri.scheme != SIP_URI_SIPS))
		xml_problem(&d->reader->xml, node,
			    "ServerName: \"%.*s\" is not valid; expected a SIP URI such as "
			    "sip:as.ims.example:5060",
			    SHORT_ARGS(name));
	else
		d->criteria->server.uri = cx_keep(d->reader, name);
}

static void read_default_handling(void *into, const xmlNode *node)
{
	struct criteria_draft *d = into;
	uint32_t number;

	if (xml_number(&d->reader->xml, node, SESSION_TERMINATED, &number))
		d->criteria->server.default_handling = (uint8_t)number;
}

/* Not ours to look at: it goes to the server as it stands here. */
static void read_service_info(void *into, const xmlNode *node)
{
	struct criteria_draft *d = into;
	struct text value;

	if (xml_value(&d->reader->xml, node, &value))
		d->criteria->server.service_information = cx_keep(d->reader, value);
}

static void read_include_request(void *into, const xmlNode *node)
{
	(void)node;
	((struct criteria_draft *)into)->criteria->server.include_register_request = true;
}

static void read_include_response(void *into, const xmlNode *node)
{
	(void)node;
	((struct criteria_draft *)into)->criteria->server.include_register_response = true;
}

static void read_server_extension(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"IncludeRegisterRequest", read_include_request, 0},
		{"IncludeRegisterResponse", read_include_response, 0},
	};
	struct criteria_draft *d = into;

	xml_read_children(&d->reader->xml, node, ROWS(rows), true, d);
}

static void read_server(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"ServerName", read_server_name, XML_REQUIRED},
		{"DefaultHandling", read_default_handling, 0},
		{"ServiceInfo", read_service_info, 0},
		{"Extension", read_server_extension, 0},
	};
	struct criteria_draft *d = into;

	xml_read_children(&d->reader->xml, node, ROWS(rows), false, d);
}

/* ------------------------------------------------------------------ the criterion */

static void read_priority(void *into, const xmlNode *node)
{
	struct criteria_draft *d = into;

	xml_number(&d->reader->xml, node, CX_NUMBER_MAX, &d->criteria->priority);
}

static void read_profile_part(void *into, const xmlNode *node)
{
	struct criteria_draft *d = into;
	uint32_t number;

	if (xml_number(&d->reader->xml, node, PROFILE_PART_UNREGISTERED, &number))
		d->criteria->profile_part = (uint8_t)number;
}

void cx_read_criteria(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"Priority", read_priority, XML_REQUIRED},
		{"TriggerPoint", read_trigger, 0},
		{"ApplicationServer", read_server, XML_REQUIRED},
		{"ProfilePartIndicator", read_profile_part, 0},
		{"Extension", NULL, 0},
	};
	struct cx_reader *reader = into;
	struct criteria_draft d = {.reader = reader};

	if (reader->n_criteria == CX_CRITERIA_MAX) {
		xml_problem(&reader->xml, node,
			    "too many InitialFilterCriteria; expected at most %u in a profile",
			    CX_CRITERIA_MAX);
		return;
	}
	d.criteria = &reader->criteria[reader->n_criteria];
	*d.criteria = (struct filter_criteria){.ordinal = (uint16_t)reader->n_criteria++,
					       .profile_part = PROFILE_PART_BOTH};
	xml_read_children(&reader->xml, node, ROWS(rows), false, &d);
}

static int in_order(const void *a, const void *b)
{
	const struct filter_criteria *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return (int)x->ordinal - (int)y->ordinal;
}

const struct filter_criteria *cx_criteria_in_order(struct cx_reader *reader)
{
	size_t bytes = reader->n_criteria * sizeof(struct filter_criteria);
	struct filter_criteria *kept = cx_take(reader, bytes);

	if (!kept)
		return NULL;
	/* Here the ordinal is still the place in the file. */
	memcpy(kept, reader->criteria, bytes);
	qsort(kept, reader->n_criteria, sizeof(*kept), in_order);
	for (unsigned i = 0; i < reader->n_criteria; i++)
		kept[i].ordinal = i && kept[i].priority == kept[i - 1].priority
					  ? (uint16_t)(kept[i - 1].ordinal + 1)
					  : 0;
	return kept;
}
