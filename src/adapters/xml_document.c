#include "adapters/xml_document.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* ------------------------------------------------------------------ the document */

/* Called where a DTD begins, before anything in it was looked at: nothing behind it is read. @req SUB-3 */
static void refuse_dtd(void *context, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	xmlParserCtxt *parser = context;
	struct xml_reader *reader = parser->_private;

	(void)name;
	(void)external;
	(void)system;
	reader->dtd_line = parser->input ? (unsigned)parser->input->line : 1;
	xmlStopParser(parser);
}

#if LIBXML_VERSION >= 21200
static void note_error(void *context, const xmlError *error)
#else
static void note_error(void *context, xmlError *error)
#endif
{
	struct xml_reader *reader = ((xmlParserCtxt *)context)->_private;

	if (reader->error_line || error->level < XML_ERR_ERROR)
		return;
	reader->error_line = error->line > 0 ? (unsigned)error->line : 1;
	snprintf(reader->error, sizeof(reader->error), "%s",
		 error->message ? error->message : "out of memory");
	reader->error[strcspn(reader->error, "\n")] = 0;
}

bool xml_reader_open(struct xml_reader *reader, struct subscriber_problems *problems)
{
	reader->problems = problems;
	reader->file = "";
	xmlInitParser();
	reader->parser = xmlNewParserCtxt();
	if (!reader->parser)
		return false;
	reader->parser->_private = reader;
	reader->parser->sax->internalSubset = refuse_dtd;
	reader->parser->sax->serror = note_error;
	return true;
}

void xml_reader_close(struct xml_reader *reader)
{
	if (reader->parser)
		xmlFreeParserCtxt(reader->parser);
	reader->parser = NULL;
}

xmlNode *xml_read(struct xml_reader *reader, struct text bytes, const char *file)
{
	int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		      XML_PARSE_COMPACT | XML_PARSE_BIG_LINES | XML_PARSE_NOCDATA;
	xmlDoc *doc;

	assert(bytes.len <= XML_FILE_BYTES_MAX);
	reader->file = file;
	reader->dtd_line = reader->error_line = 0;
	reader->error[0] = 0;
	doc = xmlCtxtReadMemory(reader->parser, bytes.at, (int)bytes.len, NULL, NULL, options);
	if (reader->dtd_line)
		subscriber_problem_add(
			reader->problems, file, reader->dtd_line,
			"a document type begins here; expected a document without a DTD");
	else if (!doc || reader->error_line)
		subscriber_problem_add(reader->problems, file, reader->error_line,
				       "not well-formed XML: %s",
				       reader->error[0] ? reader->error : "out of memory");
	else
		return xmlDocGetRootElement(doc);
	if (doc)
		xmlFreeDoc(doc);
	return NULL;
}

unsigned xml_line(const xmlNode *node)
{
	long line = xmlGetLineNo(node);

	return line > 0 ? (unsigned)line : 0;
}

bool xml_is_named(const xmlNode *node, const char *name)
{
	return strcmp((const char *)node->name, name) == 0;
}

void xml_problem(struct xml_reader *reader, const xmlNode *node, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	subscriber_problem_add(reader->problems, reader->file, xml_line(node), "%s", text);
}

/* ------------------------------------------------------------------ children */

static bool is_blank(const xmlNode *node)
{
	const char *c = (const char *)node->content;

	return !c || c[strspn(c, " \t\r\n")] == 0;
}

/* libxml2 says where a text ends. */
static void problem_of_text(struct xml_reader *reader, const xmlNode *node)
{
	const char *c = (const char *)node->content;
	unsigned line = xml_line(node);

	for (c += strspn(c, " \t\r\n"); *c; c++)
		line -= *c == '\n' && line > 1;
	subscriber_problem_add(reader->problems, reader->file, line,
			       "text in %s; expected elements only", node->parent->name);
}

/* With a prefix or a default namespace of its own that is not that of its parent. */
static bool is_foreign(const xmlNode *node)
{
	const xmlNs *ns = node->ns, *of_parent = node->parent->ns;

	return ns && !(of_parent && xmlStrEqual(ns->href, of_parent->href));
}

static void problem_of_name(struct xml_reader *reader, const xmlNode *node,
			    const struct xml_row *rows, unsigned n_rows)
{
	char known[180];
	struct text_writer w = text_writer_on(known, sizeof(known));

	for (unsigned i = 0; i < n_rows; i++) {
		if (i)
			text_put_literal(&w, ", ");
		text_put(&w, text_of(rows[i].name));
	}
	xml_problem(reader, node, "unknown element %.40s in %s; expected one of %.*s", node->name,
		    node->parent->name, TEXT_ARGS(text_written(&w)));
}

static unsigned row_of(const xmlNode *node, const struct xml_row *rows, unsigned n_rows)
{
	unsigned i = 0;

	while (i < n_rows && !xml_is_named(node, rows[i].name))
		i++;
	return i;
}

static void read_child(struct xml_reader *reader, const xmlNode *node, const struct xml_row *rows,
		       unsigned n_rows, bool open, unsigned *counts, void *into)
{
	unsigned i = row_of(node, rows, n_rows);

	if (i == n_rows && open)
		return;
	if (i == n_rows) {
		problem_of_name(reader, node, rows, n_rows);
		return;
	}
	if (node->properties)
		xml_problem(reader, node, "%s has an attribute; expected none", rows[i].name);
	if (counts[i]++ && !(rows[i].flags & XML_MANY))
		xml_problem(reader, node, "%s is given twice in %s; expected one only",
			    rows[i].name, node->parent->name);
	else if (rows[i].read)
		rows[i].read(into, node);
}

void xml_read_children(struct xml_reader *reader, const xmlNode *parent, const struct xml_row *rows,
		       unsigned n_rows, bool open, void *into)
{
	unsigned counts[XML_ROWS_MAX] = {0};

	assert(n_rows <= XML_ROWS_MAX);
	for (const xmlNode *node = parent->children; node; node = node->next) {
		if (node->type == XML_ELEMENT_NODE && !is_foreign(node))
			read_child(reader, node, rows, n_rows, open, counts, into);
		else if (node->type == XML_TEXT_NODE && !is_blank(node) && !open)
			problem_of_text(reader, node);
	}
	for (unsigned i = 0; i < n_rows; i++)
		if ((rows[i].flags & XML_REQUIRED) && counts[i] == 0)
			xml_problem(reader, parent, "%s has no %s; expected one", parent->name,
				    rows[i].name);
}

/* ------------------------------------------------------------------ values */

static bool is_too_long(struct xml_reader *reader, const xmlNode *node, size_t len)
{
	if (len > XML_TEXT_BYTES_MAX)
		xml_problem(reader, node, "%s is too long; expected at most %u bytes", node->name,
			    XML_TEXT_BYTES_MAX);
	return len > XML_TEXT_BYTES_MAX;
}

bool xml_value(struct xml_reader *reader, const xmlNode *node, struct text *ret)
{
	struct text_writer w = text_writer_on(reader->text, sizeof(reader->text));
	size_t len = 0;

	for (const xmlNode *part = node->children; part; part = part->next) {
		size_t part_len = part->content ? strlen((const char *)part->content) : 0;

		if (part->type == XML_COMMENT_NODE || part->type == XML_PI_NODE)
			continue;
		if (part->type != XML_TEXT_NODE && part->type != XML_CDATA_SECTION_NODE) {
			xml_problem(reader, part, "%s has an element in it; expected text only",
				    node->name);
			return false;
		}
		len += part_len;
		if (is_too_long(reader, node, len))
			return false;
		text_put(&w, (struct text){(const char *)part->content, (uint32_t)part_len});
	}
	*ret = text_written(&w);
	return true;
}

bool xml_word(struct xml_reader *reader, const xmlNode *node, struct text *ret)
{
	struct text value;

	if (!xml_value(reader, node, &value))
		return false;
	value = text_trim(value);
	if (value.len == 0) {
		xml_problem(reader, node, "%s is empty; expected a value", node->name);
		return false;
	}
	*ret = value;
	return true;
}

bool xml_number(struct xml_reader *reader, const xmlNode *node, uint32_t max, uint32_t *ret)
{
	struct text value;

	if (!xml_word(reader, node, &value))
		return false;
	if (text_to_u32(value, max, ret))
		return true;
	xml_problem(reader, node, "%s: \"%.*s\" is not valid; expected a number from 0 to %u",
		    node->name, SHORT_ARGS(value), max);
	return false;
}

bool xml_boolean(struct xml_reader *reader, const xmlNode *node, bool *ret)
{
	struct text value;

	if (!xml_word(reader, node, &value))
		return false;
	if (text_equal(value, TEXT("1")) || text_equal(value, TEXT("true"))) {
		*ret = true;
		return true;
	}
	if (text_equal(value, TEXT("0")) || text_equal(value, TEXT("false"))) {
		*ret = false;
		return true;
	}
	xml_problem(reader, node, "%s: \"%.*s\" is not valid; expected 0, 1, false or true",
		    node->name, SHORT_ARGS(value));
	return false;
}
