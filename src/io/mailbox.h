/* Mail from the other workers to one: a bounded queue of short headers and bytes, read in batches. Any thread may post,
 * one takes. The reader is woken through a file descriptor, and only when its box was empty. */
#ifndef IO_MAILBOX_H
#define IO_MAILBOX_H

#include "base/endpoint.h"
#include "io/source.h"

/* Bytes that may wait in one box. What does not fit is lost and counted, as in a full socket buffer. */
#define MAILBOX_BYTES_MAX (8u << 20)

struct mail {
	uint8_t kind; /* of the user's choice */
	uint8_t local;
	struct endpoint peer;
	struct text bytes;
};

struct mailbox;

/* NULL with errno set. */
struct mailbox *mailbox_open(void);
void mailbox_close(struct mailbox *box);
int mailbox_fd(const struct mailbox *box);
struct io_source *mailbox_source(struct mailbox *box);

/* Copies. false: full, or out of memory. */
bool mailbox_post(struct mailbox *box, const struct mail *mail);
/* Wakes the reader without mail. */
void mailbox_wake(struct mailbox *box);
/* The reader: takes over all that has come. Then mailbox_next() until false; the bytes live until the next mailbox_take(). */
void mailbox_take(struct mailbox *box);
bool mailbox_next(struct mailbox *box, struct mail *ret);
/* Mail that was lost because the box was full. */
uint64_t mailbox_lost(struct mailbox *box);

#endif
