#include "daemon/config.h"

#include "daemon/config_value.h"
#include "roles/sccas/users.h"
#include "roles/scscf/subscribers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <yaml.h>

struct config_string {
	struct config_string *next;
	char bytes[];
};

/* For printf, cut so that a long value does not push out what was expected. */
#define SHORT_VALUE(t) (t).len > 60 ? 60 : (int)(t).len, (t).at

struct reader {
	struct config *config;
	struct config_problems *problems;
	yaml_document_t *document;
	unsigned *lines; /* of each row of the table, 0: not given */
};

/* ------------------------------------------------------------------ problems */

void config_problem_add(struct config_problems *problems, unsigned line, const char *format, ...)
{
	va_list args;

	if (problems->n < CONFIG_PROBLEMS_MAX) {
		struct config_problem *p = &problems->kept[problems->n];

		p->line = line;
		va_start(args, format);
		vsnprintf(p->text, sizeof(p->text), format, args);
		va_end(args);
	}
	problems->n++;
}

void config_problems_print(const struct config_problems *problems, const char *file_name, FILE *out)
{
	for (unsigned i = 0; i < problems->n && i < CONFIG_PROBLEMS_MAX; i++) {
		const struct config_problem *p = &problems->kept[i];

		if (p->line)
			fprintf(out, "%s:%u: %s\n", file_name, p->line, p->text);
		else
			fprintf(out, "%s: %s\n", file_name, p->text);
	}
	if (problems->n > CONFIG_PROBLEMS_MAX)
		fprintf(out, "%s: and %u more\n", file_name, problems->n - CONFIG_PROBLEMS_MAX);
}

/* ------------------------------------------------------------------ life */

struct text config_keep(struct config *config, struct text text)
{
	struct config_string *s = malloc(sizeof(*s) + text.len + 1);

	if (!s)
		return (struct text){0};
	if (text.len)
		memcpy(s->bytes, text.at, text.len);
	s->bytes[text.len] = 0;
	s->next = config->strings;
	config->strings = s;
	return (struct text){s->bytes, text.len};
}

void config_free(struct config *config)
{
	if (!config)
		return;
	while (config->strings) {
		struct config_string *s = config->strings;

		config->strings = s->next;
		free(s);
	}
	subscribers_close(config->subscribers);
	sccas_users_close(config->sccas_users);
	free(config);
}

bool config_join_listen(struct config *config)
{
	struct node_settings *s = &config->settings;
	unsigned n = config->listen.n, n_sccas = config->listen_sccas.n;

	if (n + n_sccas > NODE_LISTEN_MAX)
		return false;
	memcpy(s->listen, config->listen.at, n * sizeof(s->listen[0]));
	memcpy(s->listen + n, config->listen_sccas.at, n_sccas * sizeof(s->listen[0]));
	s->n_listen = (uint8_t)(n + n_sccas);
	s->listen_sccas = ((1u << n_sccas) - 1) << n;
	return true;
}

/* ------------------------------------------------------------------ walking the document */

static unsigned line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static struct text scalar_of(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE)
		return (struct text){0};
	return (struct text){(const char *)node->data.scalar.value,
			     (uint32_t)node->data.scalar.length};
}

static void problem_of_value(struct reader *r, const struct config_row *row, unsigned line,
			     struct text value)
{
	char expected[160];
	struct text_writer w = text_writer_on(expected, sizeof(expected));

	if (row->type == CONFIG_LISTEN && config_value_is_no_host(value)) {
		config_problem_add(r->problems, line,
				   "%s: \"%.*s\" is no address of one host, and it would stand in "
				   "our Via; expected an address of this machine",
				   row->path, SHORT_VALUE(value));
		return;
	}
	config_row_put_expected(row, &w);
	config_problem_add(r->problems, line, "%s: \"%.*s\" is not valid; expected %.*s", row->path,
			   SHORT_VALUE(value), TEXT_ARGS(text_written(&w)));
}

static void problem_of_kind(struct reader *r, const struct config_row *row, unsigned line,
			    const char *found)
{
	char expected[160];
	struct text_writer w = text_writer_on(expected, sizeof(expected));

	config_row_put_expected(row, &w);
	config_problem_add(r->problems, line, "%s: this is %s; expected %.*s", row->path, found,
			   TEXT_ARGS(text_written(&w)));
}

static bool is_list(enum config_type type)
{
	return type == CONFIG_LISTEN || type == CONFIG_NAMES || type == CONFIG_DOMAINS ||
	       type == CONFIG_PREFIXES || type == CONFIG_ROUTES || type == CONFIG_DIGEST ||
	       type == CONFIG_GLOBAL_NUMBERS || type == CONFIG_URIS;
}

static void problem_of_route(struct reader *r, const struct config_row *row, unsigned line,
			     struct text domain, struct text next_hop)
{
	static const char expected[] =
		"expected {domain: NAME or \"*\", next_hop: \"udp:127.0.0.1:5070\"}";

	if (!domain.len || !next_hop.len)
		config_problem_add(r->problems, line, "%s: %s is missing; %s", row->path,
				   domain.len ? "next_hop" : "domain", expected);
	else if (config_value_is_domain(domain))
		config_problem_add(r->problems, line, "%s: next_hop \"%.*s\" is not valid; %s",
				   row->path, SHORT_VALUE(next_hop), expected);
	else
		config_problem_add(r->problems, line, "%s: domain \"%.*s\" is not valid; %s",
				   row->path, SHORT_VALUE(domain), expected);
}

/* {domain: NAME, next_hop: ENDPOINT} */
static void read_route(struct reader *r, const struct config_row *row, const yaml_node_t *node)
{
	struct text domain = {0}, next_hop = {0};

	if (node->type != YAML_MAPPING_NODE) {
		problem_of_kind(r, row, line_of(node), "not a mapping");
		return;
	}
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
		struct text name = scalar_of(key);
		struct text *place = text_equal(name, TEXT("domain"))     ? &domain
				     : text_equal(name, TEXT("next_hop")) ? &next_hop
									  : NULL;

		if (!place)
			config_problem_add(r->problems, line_of(key),
					   "%s: unknown key \"%.*s\"; expected domain or next_hop",
					   row->path, TEXT_ARGS(name));
		else if (place->len)
			config_problem_add(r->problems, line_of(key), "%s: \"%.*s\" is given twice",
					   row->path, TEXT_ARGS(name));
		else
			*place = scalar_of(value);
	}
	if (!config_value_route(r->config, domain, next_hop))
		problem_of_route(r, row, line_of(node), domain, next_hop);
}

static void read_list(struct reader *r, const struct config_row *row, const yaml_node_t *node)
{
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		problem_of_kind(r, row, line_of(node), "not a list");
		return;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n < row->min || n > row->max) {
		problem_of_kind(r, row, line_of(node), n < row->min ? "too short" : "too long");
		return;
	}
	config_value_clear_list(r->config, row);
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *item =
			yaml_document_get_node(r->document, node->data.sequence.items.start[i]);
		struct text value = scalar_of(item);

		if (row->type == CONFIG_ROUTES)
			read_route(r, row, item);
		else if (item->type != YAML_SCALAR_NODE)
			problem_of_kind(r, row, line_of(item), "not a list of plain values");
		else if (config_value_is_twice(r->config, row, value))
			config_problem_add(r->problems, line_of(item), "%s: %.*s is given twice",
					   row->path, TEXT_ARGS(value));
		else if (config_value_is_of_other_role(r->config, row, value))
			config_problem_add(r->problems, line_of(item),
					   "%s: %.*s is the other role's; expected an address and "
					   "port that listen and sccas.listen do not share",
					   row->path, TEXT_ARGS(value));
		else if (!config_value_item(r->config, row, value))
			problem_of_value(r, row, line_of(item), value);
	}
}

static void read_value(struct reader *r, const struct config_row *row, const yaml_node_t *node)
{
	if (is_list(row->type)) {
		read_list(r, row, node);
	} else if (node->type != YAML_SCALAR_NODE) {
		problem_of_kind(r, row, line_of(node),
				node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping");
	} else if (!config_value_scalar(r->config, row, scalar_of(node))) {
		problem_of_value(r, row, line_of(node), scalar_of(node));
	}
}

/* "timers" is a section when a row of the table begins with "timers." */
static bool is_section(struct text path)
{
	for (unsigned i = 0; i < config_table_rows; i++) {
		struct text row = text_of(config_table[i].path);

		if (row.len > path.len && row.at[path.len] == '.' &&
		    memcmp(row.at, path.at, path.len) == 0)
			return true;
	}
	return false;
}

/* "t1, t2, t4": what may stand where an unknown key stands. */
static void put_known_keys(struct text_writer *w, struct text section)
{
	struct text last = {0};

	for (unsigned i = 0; i < config_table_rows; i++) {
		struct text path = text_of(config_table[i].path);

		if (section.len) {
			if (path.len <= section.len || path.at[section.len] != '.' ||
			    memcmp(path.at, section.at, section.len) != 0)
				continue;
			path = text_from(path, section.len + 1);
		}
		path.len = text_find(path, '.');
		if (text_equal(path, last))
			continue;
		if (last.len)
			text_put_literal(w, ", ");
		text_put(w, path);
		last = path;
	}
}

static void problem_of_key(struct reader *r, unsigned line, struct text path, struct text section)
{
	char known[160];
	struct text_writer w = text_writer_on(known, sizeof(known));

	put_known_keys(&w, section);
	config_problem_add(r->problems, line, "unknown key \"%.*s\"; expected one of %.*s",
			   path.len > 60 ? 60 : (int)path.len, path.at,
			   TEXT_ARGS(text_written(&w)));
}

/* Its line; 0: it is not. */
static unsigned is_given_before(struct reader *r, const yaml_node_t *mapping,
				const yaml_node_pair_t *pair)
{
	struct text key = scalar_of(yaml_document_get_node(r->document, pair->key));

	for (yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair; other++) {
		const yaml_node_t *first = yaml_document_get_node(r->document, other->key);

		if (text_equal(scalar_of(first), key))
			return line_of(first);
	}
	return 0;
}

static void read_mapping(struct reader *r, const yaml_node_t *mapping, struct text section);

static void read_pair(struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
		      struct text section)
{
	yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
	yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
	char path_bytes[128];
	struct text_writer w = text_writer_on(path_bytes, sizeof(path_bytes));

	if (section.len) {
		text_put(&w, section);
		text_put_char(&w, '.');
	}
	text_put(&w, scalar_of(key));

	struct text path = text_written(&w);
	const struct config_row *row = w.full ? NULL : config_row_of(path);
	unsigned first = is_given_before(r, mapping, pair);

	if (row && first) {
		config_problem_add(r->problems, line_of(key), "%s is given twice, first in line %u",
				   row->path, first);
	} else if (row) {
		r->lines[row - config_table] = line_of(key);
		read_value(r, row, value);
	} else if (section.len == 0 && path.len && is_section(path)) {
		if (first)
			config_problem_add(r->problems, line_of(key),
					   "%.*s is given twice, first in line %u", TEXT_ARGS(path),
					   first);
		else if (value->type == YAML_MAPPING_NODE)
			read_mapping(r, value, path);
		else if (value->type != YAML_SCALAR_NODE || scalar_of(value).len)
			config_problem_add(
				r->problems, line_of(value),
				"%.*s: this is not a mapping; expected keys of its own below it",
				TEXT_ARGS(path));
	} else {
		problem_of_key(r, line_of(key), path, section);
	}
}

static void read_mapping(struct reader *r, const yaml_node_t *mapping, struct text section)
{
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++)
		read_pair(r, mapping, pair, section);
}

/* ------------------------------------------------------------------ the file as a whole */

/* Loads the document at the beginning of `yaml`; what libyaml says about bad syntax becomes a problem. */
static bool load(struct text yaml, yaml_document_t *document, struct config_problems *problems)
{
	yaml_parser_t parser;
	yaml_document_t more;
	bool loaded;

	if (!yaml_parser_initialize(&parser)) {
		config_problem_add(problems, 0, "out of memory");
		return false;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.at, yaml.len);
	loaded = yaml_parser_load(&parser, document);
	if (loaded && yaml_parser_load(&parser, &more)) {
		yaml_node_t *root = yaml_document_get_root_node(&more);

		if (root) {
			config_problem_add(problems, line_of(root),
					   "a second document begins here; expected one only");
		}
		yaml_document_delete(&more);
	}
	if (parser.error != YAML_NO_ERROR) {
		config_problem_add(problems, (unsigned)parser.problem_mark.line + 1,
				   "not YAML: %s%s%s",
				   parser.problem ? parser.problem : "out of memory",
				   parser.context ? " " : "", parser.context ? parser.context : "");
		if (loaded)
			yaml_document_delete(document);
		loaded = false;
	}
	yaml_parser_delete(&parser);
	return loaded;
}

/* The defaults are read just as if they stood in the file. */
static bool set_default(struct config *config, const struct config_row *row)
{
	struct config_problems problems = {0};
	yaml_document_t document;
	struct reader r = {.config = config, .problems = &problems, .document = &document};

	if (row->type == CONFIG_TIMER || row->default_text[0] == 0)
		return true;
	if (!load(text_of(row->default_text), &document, &problems))
		return false;
	read_value(&r, row, yaml_document_get_root_node(&document));
	yaml_document_delete(&document);
	return problems.n == 0;
}

static unsigned line_of_row(const struct reader *r, const char *path)
{
	return r->lines[config_row_of(text_of(path)) - config_table];
}

/* One role is enough. */
static void check_listen(struct reader *r)
{
	struct config *c = r->config;

	if (c->listen.n + c->listen_sccas.n == 0 && line_of_row(r, "listen") == 0)
		config_problem_add(r->problems, 0,
				   "listen is missing; expected a list of listening points such as "
				   "udp:127.0.0.1:5060, here or in sccas.listen");
	if (!config_join_listen(c))
		config_problem_add(r->problems, line_of_row(r, "sccas.listen"),
				   "sccas.listen: too long; expected at most %u entries together "
				   "with listen",
				   NODE_LISTEN_MAX);
}

/* What one row cannot know of another. */
static void check_together(struct reader *r)
{
	const struct node_settings *s = &r->config->settings;

	check_listen(r);
	if (s->registration_min_s > s->registration_max_s)
		config_problem_add(
			r->problems, line_of_row(r, "registration.min"),
			"registration.min is above registration.max; expected at most %us",
			s->registration_max_s);
	else if (s->registration_default_s < s->registration_min_s ||
		 s->registration_default_s > s->registration_max_s)
		config_problem_add(r->problems, line_of_row(r, "registration.default"),
				   "registration.default is outside of %us to %us",
				   s->registration_min_s, s->registration_max_s);
	if (s->timers.ms[TIMER_T2] < s->timers.ms[TIMER_T1])
		config_problem_add(r->problems, line_of_row(r, "timers.t2"),
				   "timers.t2 is below timers.t1; expected at least %ums",
				   s->timers.ms[TIMER_T1]);
}

static void read_document(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(r->document);

	if (!root || root->type != YAML_MAPPING_NODE)
		config_problem_add(r->problems, root ? line_of(root) : 0,
				   "this is not a configuration; expected keys with values");
	else
		read_mapping(r, root, (struct text){0});
	check_together(r);
}

static struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->settings = node_settings_default();
	for (unsigned i = 0; i < config_table_rows; i++) {
		if (!set_default(config, &config_table[i])) {
			config_free(config);
			return NULL;
		}
	}
	return config;
}

/* NULL: it could not be read at all. */
static struct config *read_partly(struct text yaml, struct config_problems *problems)
{
	yaml_document_t document;
	struct reader r = {.config = config_new(), .problems = problems, .document = &document};

	*problems = (struct config_problems){0};
	r.lines = calloc(config_table_rows, sizeof(*r.lines));
	if (!r.config || !r.lines) {
		config_problem_add(problems, 0, "out of memory");
	} else if (load(yaml, &document, problems)) {
		read_document(&r);
		yaml_document_delete(&document);
	}
	free(r.lines);
	return r.config;
}

static struct config *if_right(struct config *config, const struct config_problems *problems)
{
	if (problems->n == 0)
		return config;
	config_free(config);
	return NULL;
}

struct config *config_read(struct text yaml, struct config_problems *problems)
{
	return if_right(read_partly(yaml, problems), problems);
}

static char *read_whole(const char *file_name, size_t *ret_len)
{
	FILE *file = fopen(file_name, "re");
	char *bytes = file ? malloc(CONFIG_FILE_BYTES_MAX + 1) : NULL;

	*ret_len = bytes ? fread(bytes, 1, CONFIG_FILE_BYTES_MAX + 1, file) : 0;
	if (bytes && ferror(file)) {
		free(bytes);
		bytes = NULL;
	}
	if (file) {
		int error = errno;

		fclose(file);
		errno = error;
	}
	return bytes;
}

/* A path in the file is meant from the folder of the file. */
static bool set_folder(struct config *config, struct text *path, const char *file_name)
{
	const char *slash = strrchr(file_name, '/');
	char joined[4096];
	struct text_writer w = text_writer_on(joined, sizeof(joined));

	if (path->len == 0 || path->at[0] == '/' || !slash)
		return true;
	text_put(&w, text_between(file_name, slash + 1));
	text_put(&w, *path);
	*path = config_keep(config, text_written(&w));
	return !w.full && path->at;
}

struct config *config_read_file_partly(const char *file_name, struct config_problems *problems)
{
	size_t len;
	char *bytes = read_whole(file_name, &len);
	struct config *config = NULL;

	*problems = (struct config_problems){0};
	if (!bytes)
		config_problem_add(problems, 0, "cannot be read: %s", strerror(errno));
	else if (len > CONFIG_FILE_BYTES_MAX)
		config_problem_add(problems, 0, "too long; expected at most %u bytes",
				   CONFIG_FILE_BYTES_MAX);
	else
		config = read_partly((struct text){bytes, (uint32_t)len}, problems);
	free(bytes);
	if (config && (!set_folder(config, &config->bindings_file, file_name) ||
		       !set_folder(config, &config->subscribers_folder, file_name) ||
		       !set_folder(config, &config->sccas_users_file, file_name) ||
		       !set_folder(config, &config->control_socket, file_name))) {
		config_problem_add(problems, 0, "a path in it is too long");
		config_free(config);
		config = NULL;
	}
	return config;
}

struct config *config_read_file(const char *file_name, struct config_problems *problems)
{
	return if_right(config_read_file_partly(file_name, problems), problems);
}
