/* TS 29.228 annex E, tIMSSubscription: one implicit registration set with its service profiles.
 * @req SUB-1 SUB-4 SUB-9 */
#include "adapters/cx_user_data.h"
#include "base/hash.h"
#include "sip/uri.h"

#include <stdlib.h>

#define ROWS(table) table, sizeof(table) / sizeof((table)[0])

/* ------------------------------------------------------------------ life and memory */

struct cx_pattern {
	struct text expression;
	struct pattern *pattern;
	bool ignore_case;
};

bool cx_open(struct cx_reader *reader, struct subscribers *set,
	     struct subscriber_problems *problems)
{
	reader->set = set;
	return xml_reader_open(&reader->xml, problems);
}

void cx_close(struct cx_reader *reader)
{
	map_clear(&reader->patterns);
	xml_reader_close(&reader->xml);
}

static void out_of_memory(struct cx_reader *reader)
{
	if (!reader->is_out_of_memory)
		subscriber_problem_add(reader->xml.problems, reader->xml.file, 0, "out of memory");
	reader->is_out_of_memory = true;
}

void *cx_take(struct cx_reader *reader, size_t bytes)
{
	void *taken = subscribers_take(reader->set, bytes);

	if (!taken)
		out_of_memory(reader);
	return taken;
}

struct text cx_keep(struct cx_reader *reader, struct text text)
{
	struct text kept = subscribers_keep(reader->set, text);

	if (!kept.at)
		out_of_memory(reader);
	return kept;
}

/* ------------------------------------------------------------------ patterns */

static uint32_t hash_of(struct text expression)
{
	static const struct hash_key key = {{1, 2}}; /* of the operator's own files */

	return (uint32_t)hash_bytes(&key, expression.at, expression.len);
}

static struct pattern *known_pattern(const struct cx_reader *reader, struct text expression,
				     bool ignore_case)
{
	uint32_t hash = hash_of(expression), at = map_first(&reader->patterns, hash);
	uint64_t value;

	while ((value = map_value(&reader->patterns, hash, &at))) {
		const struct cx_pattern *known = (const void *)(uintptr_t)value;

		if (known->ignore_case == ignore_case && text_equal(known->expression, expression))
			return known->pattern;
	}
	return NULL;
}

struct pattern *cx_pattern(struct cx_reader *reader, const xmlNode *node, struct text expression,
			   bool ignore_case)
{
	struct pattern *pattern = known_pattern(reader, expression, ignore_case);
	struct cx_pattern *known;
	char why[160] = "";

	if (pattern)
		return pattern;
	pattern = pattern_open(expression, ignore_case, why, sizeof(why));
	if (!pattern) {
		xml_problem(
			&reader->xml, node,
			"%s: \"%.*s\" is not valid: %s; expected an extended regular expression",
			node->name, SHORT_ARGS(expression), why);
		return NULL;
	}
	known = subscribers_keep_pattern(reader->set, pattern) ? cx_take(reader, sizeof(*known))
							       : NULL;
	if (!known) {
		out_of_memory(reader);
		return NULL;
	}
	*known = (struct cx_pattern){cx_keep(reader, expression), pattern, ignore_case};
	if (!map_insert(&reader->patterns, hash_of(expression), (uintptr_t)known))
		out_of_memory(reader);
	return pattern;
}

/* ------------------------------------------------------------------ public identities */

struct identity_draft {
	struct cx_reader *reader;
	struct cx_identity *place;
	uint32_t type;
	const xmlNode *type_at;
};

/* IdentityType: what is not a plain identity. */
enum { TYPE_WILDCARDED_PSI = 2, TYPE_WILDCARDED_IMPU = 4 };

static void read_barring(void *into, const xmlNode *node)
{
	struct identity_draft *d = into;

	xml_boolean(&d->reader->xml, node, &d->place->identity.is_barred);
}

static void take_wildcard(struct identity_draft *d, const xmlNode *node, struct text uri)
{
	struct cx_reader *reader = d->reader;
	char why[160] = "";

	if (d->place->identity.wildcard) {
		xml_problem(&reader->xml, node, "%s: a second wildcard; expected one only",
			    node->name);
		return;
	}
	d->place->identity.wildcard = subscribers_take_wildcard(reader->set, uri, why, sizeof(why));
	if (!d->place->identity.wildcard)
		xml_problem(&reader->xml, node,
			    "%s: \"%.*s\" is not valid: %s; expected a wildcarded identity such as "
			    "sip:list!.*!@ims.example",
			    node->name, SHORT_ARGS(uri), why);
}

static void read_identity(void *into, const xmlNode *node)
{
	struct identity_draft *d = into;
	char bytes[LIMIT_URI_BYTES * 3];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct sip_uri uri;
	struct text word;

	if (!xml_word(&d->reader->xml, node, &word))
		return;
	if (wildcarded_identity_is_meant(word)) {
		take_wildcard(d, node, word);
		if (d->place->identity.wildcard)
			d->place->identity.user = d->place->identity.wildcard->whole;
		return;
	}
	if (!sip_uri_parse(word, &uri) || uri.scheme == SIP_URI_OTHER) {
		xml_problem(&d->reader->xml, node,
			    "Identity: \"%.*s\" is not valid; expected a SIP or tel URI such as "
			    "sip:alice@ims.example or tel:+15551234",
			    SHORT_ARGS(word));
		return;
	}
	sip_uri_put_address_of_record(&uri, &w);
	d->place->identity.user = cx_keep(d->reader, text_written(&w));
}

static void read_type(void *into, const xmlNode *node)
{
	struct identity_draft *d = into;

	d->type_at = node;
	xml_number(&d->reader->xml, node, 4, &d->type);
}

static void read_wildcard(void *into, const xmlNode *node)
{
	struct identity_draft *d = into;
	struct text word;

	if (!xml_word(&d->reader->xml, node, &word))
		return;
	if (wildcarded_identity_is_meant(word))
		take_wildcard(d, node, word);
	else
		xml_problem(&d->reader->xml, node,
			    "%s: \"%.*s\" is not valid; expected an expression between two "
			    "exclamation marks, such as sip:list!.*!@ims.example",
			    node->name, SHORT_ARGS(word));
}

static void read_display(void *into, const xmlNode *node)
{
	struct identity_draft *d = into;
	struct text value;

	if (xml_value(&d->reader->xml, node, &value))
		d->place->identity.display = cx_keep(d->reader, text_trim(value));
}

/* Each version of the schema puts what it adds one Extension deeper. */
static void read_identity_extension(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"IdentityType", read_type, 0},
		{"WildcardedPSI", read_wildcard, 0},
		{"DisplayName", read_display, 0},
		{"WildcardedIMPU", read_wildcard, 0},
		{"Extension", read_identity_extension, 0},
	};
	struct identity_draft *d = into;

	xml_read_children(&d->reader->xml, node, ROWS(rows), true, d);
}

static const struct cx_identity *same_identity(const struct cx_reader *reader, struct text user)
{
	for (unsigned i = 0; user.len && i + 1 < reader->n_identities; i++)
		if (text_equal(reader->identities[i].identity.user, user))
			return &reader->identities[i];
	return NULL;
}

static void check_identity(struct identity_draft *d, const xmlNode *node)
{
	const struct public_identity *identity = &d->place->identity;
	const struct cx_identity *same = same_identity(d->reader, identity->user);

	if (same)
		xml_problem(&d->reader->xml, node,
			    "%.*s stands in line %u already; expected each identity once",
			    SHORT_ARGS(identity->user), same->line);
	if ((d->type == TYPE_WILDCARDED_PSI || d->type == TYPE_WILDCARDED_IMPU) &&
	    identity->user.len && !identity->wildcard)
		xml_problem(&d->reader->xml, d->type_at,
			    "IdentityType %u without a wildcard; expected a wildcarded identity "
			    "such as sip:list!.*!@ims.example",
			    d->type);
}

static void read_public_identity(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"BarringIndication", read_barring, 0},
		{"Identity", read_identity, XML_REQUIRED},
		{"Extension", read_identity_extension, 0},
	};
	struct cx_reader *reader = into;
	struct identity_draft d = {.reader = reader};

	if (reader->n_identities == CX_IDENTITIES_MAX) {
		xml_problem(&reader->xml, node,
			    "too many PublicIdentity; expected at most %u in a file",
			    CX_IDENTITIES_MAX);
		return;
	}
	d.place = &reader->identities[reader->n_identities++];
	*d.place = (struct cx_identity){.line = xml_line(node)};
	xml_read_children(&reader->xml, node, ROWS(rows), false, &d);
	check_identity(&d, node);
}

/* ------------------------------------------------------------------ service profiles */

static const struct cx_shared_set *shared_set_of(const struct cx_reader *reader, uint32_t id)
{
	for (unsigned i = 0; i < reader->n_shared; i++)
		if (reader->shared[i].id == id)
			return &reader->shared[i];
	return NULL;
}

/* They come behind the profile's own ones of the same priority. */
static void read_shared_id(void *into, const xmlNode *node)
{
	struct cx_reader *reader = into;
	const struct cx_shared_set *shared;
	uint32_t id;

	if (!xml_number(&reader->xml, node, CX_NUMBER_MAX, &id))
		return;
	shared = shared_set_of(reader, id);
	if (!shared && reader->shared_is_unknown)
		return;
	if (!shared) {
		xml_problem(
			&reader->xml, node,
			"SharedIFCSetID: no set %u is known; expected one of shared-ifc-sets.xml",
			id);
		return;
	}
	if (shared->n > CX_CRITERIA_MAX - reader->n_criteria) {
		xml_problem(&reader->xml, node,
			    "too many InitialFilterCriteria with set %u; expected at most %u in a "
			    "profile",
			    id, CX_CRITERIA_MAX);
		return;
	}
	for (unsigned i = 0; i < shared->n; i++) {
		struct filter_criteria *c = &reader->criteria[reader->n_criteria];

		*c = shared->criteria[i];
		c->ordinal = (uint16_t)reader->n_criteria++;
	}
}

static void read_profile_extension(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"SharedIFCSetID", read_shared_id, XML_MANY},
	};
	struct cx_reader *reader = into;

	xml_read_children(&reader->xml, node, ROWS(rows), true, reader);
}

static void read_profile(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"PublicIdentity", read_public_identity, XML_REQUIRED | XML_MANY},
		{"CoreNetworkServicesAuthorization", NULL, 0},
		{"InitialFilterCriteria", cx_read_criteria, XML_MANY},
		{"Extension", read_profile_extension, 0},
	};
	struct cx_reader *reader = into;
	unsigned first = reader->n_identities;
	struct service_profile *profile;

	reader->n_criteria = 0;
	xml_read_children(&reader->xml, node, ROWS(rows), false, reader);
	profile = cx_take(reader, sizeof(*profile));
	if (!profile)
		return;
	profile->n = reader->n_criteria;
	profile->criteria = cx_criteria_in_order(reader);
	for (unsigned i = first; i < reader->n_identities; i++)
		reader->identities[i].identity.profile = profile;
}

/* ------------------------------------------------------------------ the subscription */

/* user@realm, TS 23.003 §13.3. */
static bool is_private_identity(struct text t)
{
	uint32_t at = text_find(t, '@');

	for (uint32_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] <= ' ' || t.at[i] == 0x7f || t.at[i] == '"')
			return false;
	return t.len <= 255 && at > 0 && at + 1 < t.len &&
	       text_find(text_from(t, at + 1), '@') == t.len - at - 1;
}

static void read_private_identity(void *into, const xmlNode *node)
{
	struct cx_reader *reader = into;
	struct text word;

	if (!xml_word(&reader->xml, node, &word))
		return;
	if (is_private_identity(word))
		reader->private_identity = cx_keep(reader, word);
	else
		xml_problem(&reader->xml, node,
			    "PrivateID: \"%.*s\" is not valid; expected a private identity such as "
			    "alice@ims.example",
			    SHORT_ARGS(word));
}

static struct subscriber *finish(struct cx_reader *reader)
{
	struct subscriber *subscriber = cx_take(reader, sizeof(*subscriber));
	struct public_identity *identities =
		cx_take(reader, reader->n_identities * sizeof(*identities));

	if (!subscriber || !identities)
		return NULL;
	for (unsigned i = 0; i < reader->n_identities; i++) {
		identities[i] = reader->identities[i].identity;
		identities[i].subscriber = subscriber;
	}
	subscriber->private_identity = reader->private_identity;
	subscriber->n_identities = (uint16_t)reader->n_identities;
	subscriber->identities = identities;
	return subscriber;
}

/* The root, when it has the right name. */
static xmlNode *read_root(struct cx_reader *reader, struct text bytes, const char *file,
			  const char *name)
{
	xmlNode *root = xml_read(&reader->xml, bytes, file);

	if (!root || xml_is_named(root, name))
		return root;
	xml_problem(&reader->xml, root, "the root is %.60s; expected %s", root->name, name);
	xmlFreeDoc(root->doc);
	return NULL;
}

struct subscriber *cx_read_subscription(struct cx_reader *reader, struct text bytes,
					const char *file)
{
	static const struct xml_row rows[] = {
		{"PrivateID", read_private_identity, XML_REQUIRED},
		{"ServiceProfile", read_profile, XML_REQUIRED | XML_MANY},
		{"Extension", NULL, 0},
	};
	unsigned before = reader->xml.problems->n;
	xmlNode *root;

	reader->private_identity = (struct text){0};
	reader->n_identities = 0;
	root = read_root(reader, bytes, file, "IMSSubscription");
	if (!root)
		return NULL;
	xml_read_children(&reader->xml, root, ROWS(rows), false, reader);
	xmlFreeDoc(root->doc);
	return reader->xml.problems->n == before ? finish(reader) : NULL;
}

/* ------------------------------------------------------------------ shared sets */

struct shared_draft {
	struct cx_reader *reader;
	struct cx_shared_set *set;
};

static void read_set_id(void *into, const xmlNode *node)
{
	struct shared_draft *d = into;
	uint32_t id;

	if (!xml_number(&d->reader->xml, node, CX_NUMBER_MAX, &id))
		return;
	if (shared_set_of(d->reader, id))
		xml_problem(&d->reader->xml, node, "set %u is given twice; expected each once", id);
	d->set->id = id;
}

static void read_set_criteria(void *into, const xmlNode *node)
{
	cx_read_criteria(((struct shared_draft *)into)->reader, node);
}

static void read_set(void *into, const xmlNode *node)
{
	static const struct xml_row rows[] = {
		{"ID", read_set_id, XML_REQUIRED},
		{"InitialFilterCriteria", read_set_criteria, XML_MANY},
		{"Extension", NULL, 0},
	};
	struct cx_reader *reader = into;
	struct cx_shared_set set = {0};
	struct shared_draft d = {reader, &set};

	if (reader->n_shared == CX_SHARED_SETS_MAX) {
		xml_problem(&reader->xml, node, "too many SharedIFCSet; expected at most %u",
			    CX_SHARED_SETS_MAX);
		return;
	}
	reader->n_criteria = 0;
	xml_read_children(&reader->xml, node, ROWS(rows), false, &d);
	set.n = reader->n_criteria;
	set.criteria = cx_criteria_in_order(reader);
	reader->shared[reader->n_shared++] = set;
}

void cx_read_shared_sets(struct cx_reader *reader, struct text bytes, const char *file)
{
	static const struct xml_row rows[] = {
		{"SharedIFCSet", read_set, XML_MANY},
		{"Extension", NULL, 0},
	};
	xmlNode *root = read_root(reader, bytes, file, "SharedIFCSets");

	reader->shared_is_unknown = !root;
	if (!root)
		return;
	xml_read_children(&reader->xml, root, ROWS(rows), false, reader);
	xmlFreeDoc(root->doc);
}
