/* Where the operator's socket is when nobody says: the daemon and the operator's command must come to the same answer from
 * what each has asked the system. */
#ifndef BASE_CONTROL_PATH_H
#define BASE_CONTROL_PATH_H

#include <stdbool.h>
#include <stdio.h>

#define CONTROL_PATH_BYTES 108u /* of a unix address */
#define CONTROL_FOLDER     "/run/adieu"

/* The environment's XDG_RUNTIME_DIR (NULL: not set), whether CONTROL_FOLDER can be written, the real user. */
static inline void control_socket_path(const char *runtime_folder, bool can_write_folder,
				       unsigned user, char ret_path[CONTROL_PATH_BYTES])
{
	if (runtime_folder && runtime_folder[0])
		snprintf(ret_path, CONTROL_PATH_BYTES, "%s/adieu.sock", runtime_folder);
	else if (can_write_folder)
		snprintf(ret_path, CONTROL_PATH_BYTES, CONTROL_FOLDER "/adieu.sock");
	else
		snprintf(ret_path, CONTROL_PATH_BYTES, "/tmp/adieu-%u.sock", user);
}

#endif
