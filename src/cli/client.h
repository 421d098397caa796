/* The connection to the daemon: JSON-RPC 2.0, one line there, one line back. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

/* Exit status of the command. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1, /* or unknown */
	EXIT_USAGE = 2,
	EXIT_NO_DAEMON = 3,
	EXIT_INTERRUPTED = 130,
};

struct client;

/* NULL, and a word on stderr, when nobody listens there. */
struct client *client_open(const char *socket_path);
void client_close(struct client *client);
/* Takes `params` over (NULL: none). On success the result; otherwise NULL, and the error object of the answer in
 * *ret_error, or NULL there when the daemon has gone or a signal came. */
json_t *client_call(struct client *client, const char *method, json_t *params, json_t **ret_error);

#endif
