#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	char *line;
	size_t len, max;
	json_int_t last_id;
};

struct client *client_open(const char *socket_path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (c->fd >= 0 && strlen(socket_path) < sizeof(address.sun_path) &&
	    connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return c;
	fprintf(stderr, "adieu: no daemon at %s: %s\n", socket_path, strerror(errno));
	client_close(c);
	return NULL;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c->line);
	free(c);
}

static bool send_all(struct client *c, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_request(struct client *c, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id", ++c->last_id,
				    "method", method);
	char *text;
	bool sent;

	if (params)
		json_object_set_new(request, "params", params);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	sent = text && send_all(c, text, strlen(text)) && send_all(c, "\n", 1);
	free(text);
	return sent;
}

/* One line into c->line, without its end. */
static bool receive_line(struct client *c)
{
	c->len = 0;
	for (;;) {
		ssize_t n;

		if (c->len == c->max) {
			size_t max = c->max ? c->max * 2 : 65536;
			char *larger = realloc(c->line, max);

			if (!larger)
				return false;
			c->line = larger;
			c->max = max;
		}
		n = recv(c->fd, c->line + c->len, c->max - c->len, 0);
		if (n <= 0)
			return false; /* also EINTR: the user has had enough */
		c->len += (size_t)n;
		if (c->line[c->len - 1] == '\n')
			return true;
	}
}

json_t *client_call(struct client *c, const char *method, json_t *params, json_t **ret_error)
{
	json_t *answer, *result, *error;

	*ret_error = NULL;
	if (!send_request(c, method, params) || !receive_line(c))
		return NULL;
	answer = json_loadb(c->line, c->len, 0, NULL);
	result = json_incref(json_object_get(answer, "result"));
	error = json_incref(json_object_get(answer, "error"));
	json_decref(answer);
	if (result && !error)
		return result;
	json_decref(result);
	*ret_error = error;
	return NULL;
}
