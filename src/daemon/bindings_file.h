/* The bindings file: contacts of users that need not register, one per line.
 *
 *     sip:bob@ims.example <sip:bob@127.0.0.1:5080> path=<sip:pcscf.ims.example;lr>   # a comment
 */
#ifndef DAEMON_BINDINGS_FILE_H
#define DAEMON_BINDINGS_FILE_H

#include "daemon/config.h"

#define BINDINGS_FILE_BYTES_MAX (256u << 20)

/* The lines of a file, each as the bytes of a NODE_EVENT_BINDING, one after the other. */
struct bindings_of_file {
	char *bytes;
	size_t len, max;
	uint32_t n;
};

/* false when there are problems; nothing to clear then. */
bool bindings_read_file(const char *file_name, struct bindings_of_file *ret,
			struct config_problems *problems);
bool bindings_read(struct text file, struct bindings_of_file *ret,
		   struct config_problems *problems);
void bindings_clear(struct bindings_of_file *bindings);
/* Walks: *at is 0 at first; an empty text at the end. */
struct text bindings_next(const struct bindings_of_file *bindings, size_t *at);

#endif
