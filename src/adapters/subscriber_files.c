#include "adapters/subscriber_files.h"

#include "adapters/credentials_file.h"
#include "adapters/cx_user_data.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SHARED_SETS[] = "shared-ifc-sets.xml";
static const char CREDENTIALS[] = "credentials.yaml";

/* Which subscriber came from which file. */
struct origin {
	const struct subscriber *subscriber;
	const char *file;
};

struct folder {
	int fd;
	unsigned n_names, names_max;
	char **names; /* of the users' files, in order */
	bool has_shared_sets, has_credentials;
	struct origin *origins;
	unsigned n_origins;
	bool has_nameless; /* a file of which not even the private identity could be read */
	char *bytes;       /* XML_FILE_BYTES_MAX + 1: of the file at hand */
	struct subscriber_problems *problems;
	struct cx_reader cx;
	struct credentials_file credentials;
};

/* ------------------------------------------------------------------ names */

static bool is_xml(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".xml") == 0;
}

static bool add_name(struct folder *f, const char *name)
{
	if (f->n_names == f->names_max) {
		unsigned max = f->names_max ? f->names_max * 2 : 64;
		char **larger = realloc(f->names, max * sizeof(*larger));

		if (!larger)
			return false;
		f->names = larger;
		f->names_max = max;
	}
	f->names[f->n_names] = strdup(name);
	if (!f->names[f->n_names])
		return false;
	f->n_names++;
	return true;
}

static bool take_name(struct folder *f, const char *name)
{
	if (strcmp(name, SHARED_SETS) == 0) {
		f->has_shared_sets = true;
	} else if (strcmp(name, CREDENTIALS) == 0) {
		f->has_credentials = true;
	} else if (is_xml(name) && f->n_names == SUBSCRIBER_FILES_MAX) {
		errno = EFBIG;
		return false;
	} else if (is_xml(name)) {
		return add_name(f, name);
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their bytes, so that each run says the same. */
static bool list_names(struct folder *f, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int error;

	if (!dir)
		return false;
	f->fd = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0);
	errno = 0;
	while (f->fd >= 0 && (entry = readdir(dir)))
		if (!take_name(f, entry->d_name))
			break;
	error = errno;
	closedir(dir);
	errno = error;
	if (f->n_names)
		qsort(f->names, f->n_names, sizeof(*f->names), by_name);
	return error == 0;
}

/* ------------------------------------------------------------------ one file */

/* A pipe would keep us waiting, a folder is none of ours. */
static int open_plain(const struct folder *f, const char *name, struct stat *ret)
{
	int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return -1;
	if (fstat(fd, ret) == 0 && S_ISREG(ret->st_mode))
		return fd;
	error = S_ISREG(ret->st_mode) ? errno : EINVAL;
	close(fd);
	errno = error;
	return -1;
}

static ssize_t read_all(int fd, char *bytes, size_t max)
{
	size_t len = 0;

	while (len < max) {
		ssize_t n = read(fd, bytes + len, max - len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

static void note_unreadable(struct folder *f, const char *name)
{
	if (errno == EINVAL)
		subscriber_problem_add(f->problems, name, 0, "expected a plain file");
	else
		subscriber_problem_add(f->problems, name, 0, "cannot be read: %s", strerror(errno));
}

/* false: a problem was noted. */
static bool read_xml_file(struct folder *f, const char *name, struct text *ret)
{
	struct stat status = {0};
	int fd = open_plain(f, name, &status);
	ssize_t len = fd < 0 ? -1 : read_all(fd, f->bytes, XML_FILE_BYTES_MAX + 1);

	if (len < 0)
		note_unreadable(f, name);
	else if ((size_t)len > XML_FILE_BYTES_MAX)
		subscriber_problem_add(f->problems, name, 0, "too long; expected at most %u bytes",
				       XML_FILE_BYTES_MAX);
	if (fd >= 0)
		close(fd);
	*ret = (struct text){f->bytes, (uint32_t)len};
	return len >= 0 && (size_t)len <= XML_FILE_BYTES_MAX;
}

/* ------------------------------------------------------------------ credentials */

static void read_secret_bytes(struct folder *f, int fd, size_t size)
{
	char *bytes = malloc(size + 1);
	ssize_t len = bytes ? read_all(fd, bytes, size + 1) : -1;

	if (!bytes)
		errno = ENOMEM;
	if (len < 0)
		note_unreadable(f, CREDENTIALS);
	else if ((size_t)len > size)
		subscriber_problem_add(f->problems, CREDENTIALS, 0,
				       "grew while it was read; expected a file at rest");
	else
		credentials_read(&f->credentials, (struct text){bytes, (uint32_t)len}, CREDENTIALS,
				 f->cx.set, f->problems);
	if (bytes)
		explicit_bzero(bytes, size + 1);
	free(bytes);
}

static void read_credentials(struct folder *f)
{
	struct stat status = {0};
	int fd = open_plain(f, CREDENTIALS, &status);

	if (fd < 0)
		note_unreadable(f, CREDENTIALS);
	else if (status.st_mode & 0007)
		subscriber_problem_add(f->problems, CREDENTIALS, 0,
				       "open to everybody (mode %04o); expected permissions for "
				       "owner and group only, such as 0640",
				       (unsigned)status.st_mode & 07777);
	else if (status.st_size > CREDENTIALS_FILE_BYTES_MAX)
		subscriber_problem_add(f->problems, CREDENTIALS, 0,
				       "too long; expected at most %u bytes",
				       CREDENTIALS_FILE_BYTES_MAX);
	else
		read_secret_bytes(f, fd, (size_t)status.st_size);
	if (fd >= 0)
		close(fd);
}

/* ------------------------------------------------------------------ users */

static const char *file_of(const struct folder *f, const struct subscriber *subscriber)
{
	for (unsigned i = 0; i < f->n_origins; i++)
		if (f->origins[i].subscriber == subscriber)
			return f->origins[i].file;
	return "another file";
}

static unsigned line_of(const struct folder *f, struct text user)
{
	for (unsigned i = 0; i < f->cx.n_identities; i++) {
		const struct public_identity *identity = &f->cx.identities[i].identity;

		if (text_equal(identity->user, user) ||
		    (identity->wildcard && text_equal(identity->wildcard->whole, user)))
			return f->cx.identities[i].line;
	}
	return 0;
}

static void add_user(struct folder *f, struct subscriber *subscriber, const char *name)
{
	struct subscriber_problems *problems = f->problems;
	const struct public_identity *other;
	struct text user;

	switch (subscribers_add(f->cx.set, subscriber, &user)) {
	case SUBSCRIBERS_DONE:
		f->origins[f->n_origins++] = (struct origin){subscriber, name};
		break;
	case SUBSCRIBERS_DUPLICATE:
		if (problems->n >= SUBSCRIBER_PROBLEMS_MAX) {
			problems->n++;
			break;
		}
		other = subscribers_find(f->cx.set, user);
		subscriber_problem_add(problems, name, line_of(f, user),
				       "%.*s stands in %s already; expected each identity once",
				       SHORT_ARGS(user),
				       other ? file_of(f, other->subscriber) : "?");
		break;
	case SUBSCRIBERS_TOO_MANY_WILDCARDS:
		subscriber_problem_add(problems, name, 0,
				       "too many wildcarded identities; expected at most %u in all",
				       SUBSCRIBERS_WILDCARDS_MAX);
		break;
	case SUBSCRIBERS_FULL: subscriber_problem_add(problems, name, 0, "out of memory"); break;
	}
}

static void read_user(struct folder *f, const char *name)
{
	struct subscriber *subscriber;
	struct credentials credentials;
	struct text bytes;

	f->cx.private_identity = (struct text){0};
	subscriber =
		read_xml_file(f, name, &bytes) ? cx_read_subscription(&f->cx, bytes, name) : NULL;
	if (f->cx.private_identity.len == 0)
		f->has_nameless = true;
	credentials = credentials_of(&f->credentials, f->cx.private_identity);
	if (subscriber) {
		subscriber->credentials = credentials;
		add_user(f, subscriber, name);
	}
	explicit_bzero(&credentials, sizeof(credentials));
}

/* @req SUB-2 */
static void read_all_files(struct folder *f)
{
	struct text bytes;

	if (f->has_shared_sets) {
		if (read_xml_file(f, SHARED_SETS, &bytes))
			cx_read_shared_sets(&f->cx, bytes, SHARED_SETS);
		else
			f->cx.shared_is_unknown = true;
	}
	if (f->has_credentials)
		read_credentials(f);
	for (unsigned i = 0; i < f->n_names && !f->cx.is_out_of_memory; i++)
		read_user(f, f->names[i]);
	/* Whose owner cannot be told is not unknown. */
	if (!f->has_nameless)
		credentials_note_unknown_owners(&f->credentials, CREDENTIALS, f->problems);
}

/* ------------------------------------------------------------------ the folder */

static void close_folder(struct folder *f)
{
	cx_close(&f->cx);
	credentials_clear(&f->credentials);
	for (unsigned i = 0; i < f->n_names; i++)
		free(f->names[i]);
	free(f->names);
	free(f->origins);
	free(f->bytes);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static bool open_memory(struct folder *f, struct subscribers *set)
{
	f->origins = calloc(f->n_names ? f->n_names : 1, sizeof(*f->origins));
	f->bytes = malloc(XML_FILE_BYTES_MAX + 1);
	return set && f->origins && f->bytes && cx_open(&f->cx, set, f->problems);
}

struct subscribers *subscriber_files_read(const char *path, struct subscriber_problems *problems)
{
	struct folder *f = calloc(1, sizeof(*f));
	struct subscribers *set = subscribers_open();

	*problems = (struct subscriber_problems){0};
	if (!f) {
		subscriber_problem_add(problems, "", 0, "out of memory");
		subscribers_close(set);
		return NULL;
	}
	f->fd = -1;
	f->problems = problems;
	credentials_clear(&f->credentials);
	if (!list_names(f, path))
		subscriber_problem_add(problems, "", 0, "cannot be read: %s", strerror(errno));
	else if (!open_memory(f, set))
		subscriber_problem_add(problems, "", 0, "out of memory");
	else
		read_all_files(f);
	close_folder(f);
	if (problems->n == 0)
		return set;
	subscribers_close(set);
	return NULL;
}
