/* What an epoll event points at: the first member of everything that is watched. */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include <stdint.h>

enum io_source_kind {
	IO_SOURCE_UDP,
	IO_SOURCE_TCP_LISTENER,
	IO_SOURCE_TCP_CONNECTION,
	IO_SOURCE_MAILBOX,
};

struct io_source {
	uint8_t kind; /* enum io_source_kind */
};

#endif
