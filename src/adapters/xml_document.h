/* XML files of the operator, read with libxml2: no DTD, so no entities; no network; bounded. What may
 * stand in an element is a table. */
#ifndef ADAPTERS_XML_DOCUMENT_H
#define ADAPTERS_XML_DOCUMENT_H

#include "adapters/subscriber_problems.h"

#include <libxml/parser.h>

#define XML_FILE_BYTES_MAX (1u << 20)
#define XML_TEXT_BYTES_MAX 8192u

struct xml_reader {
	struct subscriber_problems *problems;
	const char *file; /* the one at hand */
	xmlParserCtxt *parser;
	unsigned dtd_line; /* a DTD began there */
	unsigned error_line;
	char error[160];               /* the first of libxml2 */
	char text[XML_TEXT_BYTES_MAX]; /* a value that had to be put together */
};

/* false: out of memory. */
bool xml_reader_open(struct xml_reader *reader, struct subscriber_problems *problems);
void xml_reader_close(struct xml_reader *reader);

/* The root of a well-formed document; NULL after a problem was noted. To be freed with xmlFreeDoc(root->doc). */
xmlNode *xml_read(struct xml_reader *reader, struct text bytes, const char *file);

unsigned xml_line(const xmlNode *node);
bool xml_is_named(const xmlNode *node, const char *name);

__attribute__((format(printf, 3, 4))) void
xml_problem(struct xml_reader *reader, const xmlNode *node, const char *format, ...);

/* ------------------------------------------------------------------ children */

#define XML_REQUIRED 1u /* at least one */
#define XML_MANY     2u /* more than one */

struct xml_row {
	const char *name;
	void (*read)(void *into, const xmlNode *node); /* NULL: passed over */
	unsigned flags;
};

#define XML_ROWS_MAX 16u

/* Calls for each child what its row says. Elements of a foreign namespace are passed over, as the schema
 * has it (any, ##other); other unknown ones are a problem, unless `open`. */
void xml_read_children(struct xml_reader *reader, const xmlNode *parent, const struct xml_row *rows,
		       unsigned n_rows, bool open, void *into);

/* ------------------------------------------------------------------ values: a problem is noted when false */

/* As it stands there; a view that lives until the next value or the end of the document. */
bool xml_value(struct xml_reader *reader, const xmlNode *node, struct text *ret);
/* Without white space at its ends, and not empty. */
bool xml_word(struct xml_reader *reader, const xmlNode *node, struct text *ret);
bool xml_number(struct xml_reader *reader, const xmlNode *node, uint32_t max, uint32_t *ret);
bool xml_boolean(struct xml_reader *reader, const xmlNode *node, bool *ret);

#endif
