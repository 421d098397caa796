#include "daemon/bindings_file.h"

#include "base/limits.h"
#include "sip/uri.h"

#include <errno.h>
#include <stdlib.h>

enum { BINDING_BYTES_MAX = 4096 };

/* ------------------------------------------------------------------ one line */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word: to the next blank, but < > keep together what stands between them. */
static struct text next_word(struct text *line)
{
	struct text word;
	bool inside = false;
	uint32_t end = 0;

	*line = text_trim(*line);
	while (end < line->len && (inside || !is_blank(line->at[end]))) {
		if (line->at[end] == '<')
			inside = true;
		if (line->at[end] == '>')
			inside = false;
		end++;
	}
	word = (struct text){line->at, end};
	*line = text_from(*line, end);
	return word;
}

/* A comment begins with a # at the begin of a word; inside of < > it may be part of a URI. */
static struct text without_comment(struct text line)
{
	bool inside = false;

	for (uint32_t i = 0; i < line.len; i++) {
		if (line.at[i] == '<')
			inside = true;
		if (line.at[i] == '>')
			inside = false;
		if (line.at[i] == '#' && !inside && (i == 0 || is_blank(line.at[i - 1])))
			line.len = i;
	}
	return line;
}

static bool take_brackets(struct text *t)
{
	if (t->len < 3 || t->at[0] != '<' || t->at[t->len - 1] != '>')
		return false;
	*t = (struct text){t->at + 1, t->len - 2};
	return true;
}

static bool bindings_add(struct bindings_of_file *b, struct text bytes)
{
	size_t needed = b->len + sizeof(bytes.len) + bytes.len;

	if (needed > b->max) {
		size_t max = b->max ? b->max * 2 : 65536;
		char *larger = realloc(b->bytes, max > needed ? max : needed);

		if (!larger)
			return false;
		b->bytes = larger;
		b->max = max > needed ? max : needed;
	}
	memcpy(b->bytes + b->len, &bytes.len, sizeof(bytes.len));
	memcpy(b->bytes + b->len + sizeof(bytes.len), bytes.at, bytes.len);
	b->len = needed;
	b->n++;
	return true;
}

/* Which of the three it is. */
static void problem_of_uri(struct config_problems *problems, unsigned number, struct text user,
			   struct text contact, struct text path)
{
	struct sip_uri uri;
	struct text wrong = !sip_uri_parse(user, &uri)      ? user
			    : !sip_uri_parse(contact, &uri) ? contact
							    : path;
	const char *what = wrong.at == user.at      ? "user"
			   : wrong.at == contact.at ? "contact"
						    : "path";

	config_problem_add(problems, number, "%s \"%.*s\" is not valid; expected %s", what,
			   wrong.len > 60 ? 60 : (int)wrong.len, wrong.at,
			   wrong.at == path.at && path.len
				   ? "path=<URI>,... such as path=<sip:127.0.0.1:5080;lr>"
				   : "a sip: URI such as sip:bob@ims.example");
}

static void read_line(struct text line, unsigned number, struct bindings_of_file *b,
		      struct config_problems *problems)
{
	static const struct text PATH = {"path=", 5};
	char bytes[BINDING_BYTES_MAX];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));
	struct text user, contact, path;

	line = text_trim(without_comment(line));
	if (line.len == 0)
		return;
	user = next_word(&line);
	contact = next_word(&line);
	path = next_word(&line);
	if (!take_brackets(&contact)) {
		config_problem_add(problems, number,
				   "no contact in < >; expected USER <CONTACT> [path=<URI>,...]");
	} else if (path.len && (path.len <= PATH.len || memcmp(path.at, PATH.at, PATH.len) != 0)) {
		config_problem_add(problems, number,
				   "\"%.*s\" behind the contact; expected path=<URI>,...",
				   path.len > 60 ? 60 : (int)path.len, path.at);
	} else if (text_trim(line).len) {
		config_problem_add(
			problems, number,
			"more behind the path; expected USER <CONTACT> [path=<URI>,...]");
	} else if (!node_binding_line(user, contact, text_from(path, PATH.len), &w) || w.full) {
		problem_of_uri(problems, number, user, contact, text_from(path, PATH.len));
	} else if (b->n == LIMIT_BINDINGS || !bindings_add(b, text_written(&w))) {
		config_problem_add(problems, number, "too many contacts");
	}
}

/* ------------------------------------------------------------------ the file */

bool bindings_read(struct text file, struct bindings_of_file *ret, struct config_problems *problems)
{
	struct bindings_of_file b = {0};

	for (unsigned number = 1; file.len; number++) {
		struct text line = {file.at, text_find(file, '\n')};

		read_line(line, number, &b, problems);
		file = text_from(file, line.len + 1);
	}
	if (problems->n) {
		bindings_clear(&b);
		return false;
	}
	*ret = b;
	return true;
}

static char *read_whole(const char *file_name, size_t *ret_len)
{
	FILE *file = fopen(file_name, "re");
	char *bytes = NULL;
	size_t len = 0, max = 0;

	while (file && len == max && max <= BINDINGS_FILE_BYTES_MAX) {
		char *larger = realloc(bytes, max ? max * 2 : 65536);

		if (!larger)
			break;
		bytes = larger;
		max = max ? max * 2 : 65536;
		len += fread(bytes + len, 1, max - len, file);
	}
	if (file && (ferror(file) || len == max)) {
		errno = ferror(file) ? errno : EFBIG;
		free(bytes);
		bytes = NULL;
	}
	if (file) {
		int error = errno;

		fclose(file);
		errno = error;
	}
	*ret_len = len;
	return bytes;
}

bool bindings_read_file(const char *file_name, struct bindings_of_file *ret,
			struct config_problems *problems)
{
	size_t len;
	char *bytes = read_whole(file_name, &len);
	bool read;

	if (!bytes) {
		config_problem_add(problems, 0, "cannot be read: %s", strerror(errno));
		return false;
	}
	read = bindings_read((struct text){bytes, (uint32_t)len}, ret, problems);
	free(bytes);
	return read;
}

void bindings_clear(struct bindings_of_file *bindings)
{
	free(bindings->bytes);
	*bindings = (struct bindings_of_file){0};
}

struct text bindings_next(const struct bindings_of_file *bindings, size_t *at)
{
	struct text bytes;

	if (*at == bindings->len)
		return (struct text){0};
	memcpy(&bytes.len, bindings->bytes + *at, sizeof(bytes.len));
	bytes.at = bindings->bytes + *at + sizeof(bytes.len);
	*at += sizeof(bytes.len) + bytes.len;
	return bytes;
}
