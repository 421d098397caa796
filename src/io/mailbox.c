#include "io/mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FIRST_BYTES = 16 << 10, KEPT_BYTES = 256 << 10 };

/* Before the bytes of each mail. */
struct header {
	struct endpoint peer;
	uint32_t len;
	uint8_t kind, local;
};

struct pile {
	char *bytes;
	size_t len, max;
};

struct mailbox {
	struct io_source source;
	int fd;
	pthread_mutex_t lock;
	struct pile incoming; /* under the lock */
	uint64_t lost;        /* under the lock */
	struct pile taken;    /* the reader's */
	size_t read;
};

struct mailbox *mailbox_open(void)
{
	struct mailbox *box = calloc(1, sizeof(*box));

	if (!box)
		return NULL;
	box->source.kind = IO_SOURCE_MAILBOX;
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (box->fd < 0) {
		free(box);
		return NULL;
	}
	pthread_mutex_init(&box->lock, NULL);
	return box;
}

void mailbox_close(struct mailbox *box)
{
	if (!box)
		return;
	close(box->fd);
	pthread_mutex_destroy(&box->lock);
	free(box->incoming.bytes);
	free(box->taken.bytes);
	free(box);
}

int mailbox_fd(const struct mailbox *box)
{
	return box->fd;
}

struct io_source *mailbox_source(struct mailbox *box)
{
	return &box->source;
}

static bool pile_make_room(struct pile *pile, size_t more)
{
	size_t max = pile->max ? pile->max : FIRST_BYTES;

	if (pile->len + more > MAILBOX_BYTES_MAX)
		return false;
	while (max < pile->len + more)
		max *= 2;
	if (max == pile->max)
		return true;

	char *bytes = realloc(pile->bytes, max);

	if (!bytes)
		return false;
	pile->bytes = bytes;
	pile->max = max;
	return true;
}

static void pile_put(struct pile *pile, const struct mail *mail)
{
	struct header header = {mail->peer, mail->bytes.len, mail->kind, mail->local};

	memcpy(pile->bytes + pile->len, &header, sizeof(header));
	if (mail->bytes.len)
		memcpy(pile->bytes + pile->len + sizeof(header), mail->bytes.at, mail->bytes.len);
	pile->len += sizeof(header) + mail->bytes.len;
}

void mailbox_wake(struct mailbox *box)
{
	uint64_t one = 1;
	ssize_t n = write(box->fd, &one, sizeof(one));

	(void)n; /* cannot fail but when the counter is full, and then the reader is awake */
}

bool mailbox_post(struct mailbox *box, const struct mail *mail)
{
	bool was_empty, fits;

	pthread_mutex_lock(&box->lock);
	was_empty = box->incoming.len == 0;
	fits = pile_make_room(&box->incoming, sizeof(struct header) + mail->bytes.len);
	if (fits)
		pile_put(&box->incoming, mail);
	else
		box->lost++;
	pthread_mutex_unlock(&box->lock);
	if (fits && was_empty)
		mailbox_wake(box);
	return fits;
}

void mailbox_take(struct mailbox *box)
{
	struct pile empty = box->taken;
	uint64_t wakes;
	ssize_t n = read(box->fd, &wakes, sizeof(wakes));

	(void)n;
	empty.len = 0;
	if (empty.max > KEPT_BYTES) { /* a burst is over */
		free(empty.bytes);
		empty = (struct pile){0};
	}
	pthread_mutex_lock(&box->lock);
	box->taken = box->incoming;
	box->incoming = empty;
	pthread_mutex_unlock(&box->lock);
	box->read = 0;
}

bool mailbox_next(struct mailbox *box, struct mail *ret)
{
	struct header header;

	if (box->read == box->taken.len)
		return false;
	memcpy(&header, box->taken.bytes + box->read, sizeof(header));
	box->read += sizeof(header);
	*ret = (struct mail){.kind = header.kind,
			     .local = header.local,
			     .peer = header.peer,
			     .bytes = {box->taken.bytes + box->read, header.len}};
	box->read += header.len;
	return true;
}

uint64_t mailbox_lost(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	uint64_t lost = box->lost;

	pthread_mutex_unlock(&box->lock);
	return lost;
}
