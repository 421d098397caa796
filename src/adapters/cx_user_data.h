/* The Cx user data of TS 29.228 annex E as XML, and sets of shared initial filter criteria, into
 * subscribers. */
#ifndef ADAPTERS_CX_USER_DATA_H
#define ADAPTERS_CX_USER_DATA_H

#include "adapters/xml_document.h"
#include "base/limits.h"
#include "base/map.h"
#include "roles/scscf/subscribers.h"

#define CX_CRITERIA_MAX    256u /* of one service profile, shared ones included */
#define CX_IDENTITIES_MAX  64u  /* of one implicit registration set */
#define CX_SHARED_SETS_MAX 1024u
#define CX_NUMBER_MAX      2147483647u /* xs:int */

struct cx_shared_set {
	uint32_t id;
	unsigned n;
	const struct filter_criteria *criteria;
};

/* One identity of the file at hand, before all of them are known. */
struct cx_identity {
	struct public_identity identity;
	unsigned line;
};

struct cx_reader {
	struct xml_reader xml;
	struct subscribers *set;
	struct map patterns; /* struct cx_pattern: the same expression is compiled once for all */
	unsigned n_shared;
	struct cx_shared_set shared[CX_SHARED_SETS_MAX];
	bool shared_is_unknown; /* their file could not be read, which is said once */

	/* Of the file at hand: */
	struct text private_identity; /* known even when there are problems behind it */
	unsigned n_identities;
	struct cx_identity identities[CX_IDENTITIES_MAX];
	/* Of the service profile at hand: */
	unsigned n_criteria;
	struct filter_criteria criteria[CX_CRITERIA_MAX];
	bool is_out_of_memory;
};

/* false: out of memory. */
bool cx_open(struct cx_reader *reader, struct subscribers *set,
	     struct subscriber_problems *problems);
void cx_close(struct cx_reader *reader);

/* A file with <SharedIFCSets>: to be read before the subscriptions. */
void cx_read_shared_sets(struct cx_reader *reader, struct text bytes, const char *file);
/* A file with an <IMSSubscription>: a subscriber in the memory of the set, not yet added to it. NULL
 * after a problem was noted. */
struct subscriber *cx_read_subscription(struct cx_reader *reader, struct text bytes,
					const char *file);

/* --- for the files of this reader only ------------------------------------ */

/* Memory and texts of the set; what is missing is noted once and makes the whole reading fail. */
void *cx_take(struct cx_reader *reader, size_t bytes);
struct text cx_keep(struct cx_reader *reader, struct text text);
/* NULL after a problem was noted at `node`. */
struct pattern *cx_pattern(struct cx_reader *reader, const xmlNode *node, struct text expression,
			   bool ignore_case);

/* cx_filter_criteria.c: an <InitialFilterCriteria> into reader->criteria. */
void cx_read_criteria(void *reader, const xmlNode *node);
/* Those at hand in order of priority, then of the file, in the memory of the set. */
const struct filter_criteria *cx_criteria_in_order(struct cx_reader *reader);

#endif
