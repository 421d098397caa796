/* @req SV-3 */
#include "adapters/sccas_users_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPECTED "expected C_MSISDN PRIVATE_IDENTITY PUBLIC_IDENTITY..."

struct line {
	unsigned number;
	struct text c_msisdn, private_identity;
	struct text identities[SCCAS_IDENTITIES_MAX];
	unsigned n_identities;
};

/* ------------------------------------------------------------------ one line */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word; empty at the end of the line. A comment begins with a # at the begin of a word. */
static struct text next_word(struct text *line)
{
	struct text word;
	uint32_t end = 0;

	*line = text_trim(*line);
	if (line->len && line->at[0] == '#')
		line->len = 0;
	while (end < line->len && !is_blank(line->at[end]))
		end++;
	word = (struct text){line->at, end};
	*line = text_from(*line, end);
	return word;
}

/* RFC 7542 §2.2: user@realm, no URI. Who leaves it out has a URI in its place. */
static bool is_private_identity(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] <= ' ' || t.at[i] == 0x7f || t.at[i] == ':')
			return false;
	return t.len != 0;
}

/* false: no user, or a problem. */
static bool split(struct text text, struct line *line, struct subscriber_problems *problems)
{
	struct text word;

	line->c_msisdn = next_word(&text);
	if (line->c_msisdn.len == 0)
		return false;
	line->private_identity = next_word(&text);
	if (!is_private_identity(line->private_identity)) {
		subscriber_problem_add(problems, "", line->number,
				       "\"%.*s\" is no private identity; " EXPECTED,
				       SHORT_ARGS(line->private_identity));
		return false;
	}
	while ((word = next_word(&text)).len && line->n_identities < SCCAS_IDENTITIES_MAX)
		line->identities[line->n_identities++] = word;
	if (word.len)
		subscriber_problem_add(problems, "", line->number,
				       "too many public identities; expected at most %u",
				       SCCAS_IDENTITIES_MAX);
	return word.len == 0;
}

static struct text all_identities(const struct line *line)
{
	const struct text *first = line->identities, *end = first + line->n_identities;

	return line->n_identities ? text_between(first->at, end[-1].at + end[-1].len)
				  : (struct text){0};
}

/* As a C-MSISDN or as a public identity. */
static bool is_known_number(const struct sccas_users *users, struct text number)
{
	char bytes[128];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	text_put_literal(&w, "tel:");
	text_put(&w, number);
	return !w.full && sccas_user_by_identity(users, text_written(&w));
}

/* What of the line belongs to an earlier user, or all that may stand twice in it. */
static struct text find_double(const struct sccas_users *users, const struct line *line)
{
	if (is_known_number(users, line->c_msisdn))
		return line->c_msisdn;
	if (sccas_user_by_private_identity(users, line->private_identity))
		return line->private_identity;
	for (unsigned i = 0; i < line->n_identities; i++)
		if (sccas_user_by_identity(users, line->identities[i]))
			return line->identities[i];
	return all_identities(line);
}

static void tell(const struct sccas_users *users, const struct line *line,
		 enum sccas_users_verdict verdict, struct subscriber_problems *problems)
{
	struct text what;

	switch (verdict) {
	case SCCAS_USERS_DONE: break;
	case SCCAS_USERS_BAD_NUMBER:
		subscriber_problem_add(problems, "", line->number,
				       "\"%.*s\" is no C-MSISDN; expected + and 3 to 15 digits, "
				       "such as +491711000001",
				       SHORT_ARGS(line->c_msisdn));
		break;
	case SCCAS_USERS_BAD_IDENTITY:
		what = all_identities(line);
		subscriber_problem_add(problems, "", line->number,
				       "no valid public identities: \"%.*s\"; expected sip: or "
				       "tel: URIs such as sip:alice@ims.example",
				       SHORT_ARGS(what));
		break;
	case SCCAS_USERS_DOUBLE:
		what = find_double(users, line);
		subscriber_problem_add(problems, "", line->number,
				       "\"%.*s\": given twice; expected each number and identity "
				       "to be one user's only",
				       SHORT_ARGS(what));
		break;
	case SCCAS_USERS_NO_MEMORY: subscriber_problem_add(problems, "", 0, "out of memory"); break;
	}
}

/* false: no memory for more. */
static bool read_line(struct text text, unsigned number, struct sccas_users *users,
		      struct subscriber_problems *problems)
{
	struct line line = {.number = number};
	enum sccas_users_verdict verdict;

	if (!split(text, &line, problems))
		return true;
	verdict = sccas_users_add(users, line.c_msisdn, line.private_identity, line.identities,
				  line.n_identities);
	tell(users, &line, verdict, problems);
	return verdict != SCCAS_USERS_NO_MEMORY;
}

/* ------------------------------------------------------------------ the file */

struct sccas_users *sccas_users_file_parse(struct text file, struct subscriber_problems *problems)
{
	struct sccas_users *users = sccas_users_open();
	bool goes_on = users != NULL;

	*problems = (struct subscriber_problems){0};
	if (!users)
		subscriber_problem_add(problems, "", 0, "out of memory");
	for (unsigned number = 1; goes_on && file.len; number++) {
		struct text line = {file.at, text_find(file, '\n')};

		goes_on = read_line(line, number, users, problems);
		file = text_from(file, line.len + 1);
	}
	if (problems->n == 0)
		return users;
	sccas_users_close(users);
	return NULL;
}

/* Up to the end, or more than is allowed. NULL: errno says why. */
static char *read_bytes(FILE *file, size_t *ret_len)
{
	size_t max = 65536, len = 0;
	char *bytes = malloc(max), *larger;

	while (bytes) {
		len += fread(bytes + len, 1, max - len, file);
		if (len < max || max > SCCAS_USERS_FILE_BYTES_MAX)
			break;
		max *= 2;
		larger = realloc(bytes, max);
		if (!larger)
			free(bytes);
		bytes = larger;
	}
	if (bytes && ferror(file)) {
		free(bytes);
		bytes = NULL;
	}
	*ret_len = len;
	return bytes;
}

struct sccas_users *sccas_users_file_read(const char *path, struct subscriber_problems *problems)
{
	FILE *file = fopen(path, "re");
	size_t len = 0;
	char *bytes = file ? read_bytes(file, &len) : NULL;
	int error = errno;
	struct sccas_users *users = NULL;

	*problems = (struct subscriber_problems){0};
	if (!bytes)
		subscriber_problem_add(problems, "", 0, "cannot be read: %s", strerror(error));
	else if (len > SCCAS_USERS_FILE_BYTES_MAX)
		subscriber_problem_add(problems, "", 0, "too long; expected at most %u bytes",
				       SCCAS_USERS_FILE_BYTES_MAX);
	else
		users = sccas_users_file_parse((struct text){bytes, (uint32_t)len}, problems);
	free(bytes);
	if (file)
		fclose(file);
	return users;
}
