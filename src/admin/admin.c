#include "admin/admin.h"

#include "base/control_path.h"
#include "admin/methods.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EVENTS_PER_TURN = 16,
	RECHECK_FIRST_MS =
		2, /* a request that waits for a change looks again so soon, then ever later */
	RECHECK_MS = 100,
	FIRST_BYTES = 4096,
	BATCH_MAX = 64, /* requests in one array */
};

struct bytes {
	char *at;
	size_t len, max;
};

struct client {
	int fd; /* -1: none */
	unsigned uid;
	bool closing; /* when all is written */
	struct bytes in, out;
	size_t written;
	bool watches_writable;
	json_t *waiting; /* a request that waits for a change; nothing else is read meanwhile */
	uint64_t wait_until_ms;
};

struct admin {
	struct admin_host host;
	int epoll_fd, listen_fd;
	char path[CONTROL_PATH_BYTES];
	struct client clients[ADMIN_CLIENTS_MAX];
	unsigned n_waiting;
	unsigned recheck_ms;
	uint64_t recheck_at_ms;
	struct admin_orders orders;
};

/* ------------------------------------------------------------------ bytes */

static bool bytes_make_room(struct bytes *b, size_t more, size_t bound)
{
	size_t max = b->max ? b->max : FIRST_BYTES;
	char *larger;

	if (b->len + more > bound)
		return false;
	while (max < b->len + more)
		max *= 2;
	if (max == b->max)
		return true;
	larger = realloc(b->at, max);
	if (!larger)
		return false;
	b->at = larger;
	b->max = max;
	return true;
}

static void bytes_drop(struct bytes *b, size_t n)
{
	memmove(b->at, b->at + n, b->len - n);
	b->len -= n;
	if (b->len == 0) {
		free(b->at);
		*b = (struct bytes){0};
	}
}

/* ------------------------------------------------------------------ clients */

static void client_watch(struct admin *a, struct client *c, int operation)
{
	struct epoll_event event = {.data.ptr = c};

	c->watches_writable = c->out.len > c->written;
	if (!c->closing && !c->waiting && !c->watches_writable)
		event.events |= EPOLLIN;
	if (c->watches_writable)
		event.events |= EPOLLOUT;
	epoll_ctl(a->epoll_fd, operation, c->fd, &event);
}

static void client_close(struct admin *a, struct client *c)
{
	close(c->fd);
	free(c->in.at);
	free(c->out.at);
	if (c->waiting)
		a->n_waiting--;
	json_decref(c->waiting);
	*c = (struct client){.fd = -1};
}

/* Queues one line. */
static void client_answer(struct client *c, const json_t *answer)
{
	size_t len = json_dumpb(answer, NULL, 0, JSON_COMPACT);

	if (len == 0 || !bytes_make_room(&c->out, len + 1, ADMIN_QUEUED_BYTES_MAX)) {
		c->closing = true; /* does not read its answers, or no memory */
		return;
	}
	json_dumpb(answer, c->out.at + c->out.len, len, JSON_COMPACT);
	c->out.at[c->out.len + len] = '\n';
	c->out.len += len + 1;
}

/* false: the connection is over. */
static bool client_write(struct client *c)
{
	while (c->written < c->out.len) {
		ssize_t n = send(c->fd, c->out.at + c->written, c->out.len - c->written,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		c->written += (size_t)n;
	}
	c->written = 0;
	if (c->out.len)
		bytes_drop(&c->out, c->out.len);
	return !c->closing;
}

/* ------------------------------------------------------------------ JSON-RPC 2.0 */

static json_t *answer_of(const json_t *id)
{
	json_t *answer = json_object();

	json_put(answer, "jsonrpc", json_string("2.0"));
	json_put(answer, "id", id ? json_deep_copy(id) : json_null());
	return answer;
}

static json_t *error_of(const json_t *id, int code, const char *message, json_t *data)
{
	json_t *answer = answer_of(id), *error = json_object();

	json_put(error, "code", json_integer(code));
	json_put(error, "message", json_of_text(text_of(message)));
	if (data)
		json_put(error, "data", data);
	json_put(answer, "error", error);
	return answer;
}

static bool is_request(const json_t *request)
{
	const json_t *version = json_object_get(request, "jsonrpc");
	const json_t *id = json_object_get(request, "id");

	return json_is_object(request) && json_is_string(version) &&
	       strcmp(json_string_value(version), "2.0") == 0 &&
	       json_is_string(json_object_get(request, "method")) &&
	       (!id || json_is_string(id) || json_is_number(id) || json_is_null(id));
}

/* The answer, or NULL for a notification. With ret_wait_ms not NULL the request may ask to be tried again: then NULL, and the time. */
static json_t *run_request(struct admin *a, const struct client *c, const json_t *request,
			   uint32_t *ret_wait_ms)
{
	const json_t *id = json_object_get(request, "id");
	struct rpc_call call = {.host = &a->host,
				.orders = &a->orders,
				.uid = c->uid,
				.params = json_object_get(request, "params")};
	json_t *answer;

	if (!is_request(request))
		return error_of(NULL, RPC_INVALID_REQUEST, "not a request of JSON-RPC 2.0", NULL);
	if (!methods_call(json_string_value(json_object_get(request, "method")), &call))
		rpc_fail(&call, RPC_METHOD_NOT_FOUND, "no such method");
	if (call.wait_ms && !call.code && id && ret_wait_ms) {
		*ret_wait_ms = call.wait_ms;
		json_decref(call.result);
		return NULL;
	}
	if (call.code) {
		answer = error_of(id, call.code, call.message, call.data);
		json_decref(call.result);
	} else {
		answer = answer_of(id);
		json_put(answer, "result", call.result);
	}
	if (id)
		return answer;
	json_decref(answer);
	return NULL;
}

static void take_batch(struct admin *a, struct client *c, const json_t *batch)
{
	json_t *answers = json_array();
	size_t i;
	json_t *request;

	json_array_foreach(batch, i, request)
	{
		json_t *answer = run_request(a, c, request, NULL);

		if (answer)
			json_array_append_new(answers, answer);
	}
	if (json_array_size(answers))
		client_answer(c, answers);
	json_decref(answers);
}

static void take_request(struct admin *a, struct client *c, json_t *request)
{
	uint32_t wait_ms = 0;
	json_t *answer = run_request(a, c, request, &wait_ms);

	if (wait_ms) {
		c->waiting = json_incref(request);
		c->wait_until_ms = a->host.clock_ms(a->host.owner) + wait_ms;
		a->n_waiting++;
		a->recheck_ms = RECHECK_FIRST_MS;
		a->recheck_at_ms = a->host.clock_ms(a->host.owner) + RECHECK_FIRST_MS;
		return;
	}
	if (answer)
		client_answer(c, answer);
	json_decref(answer);
}

static void refuse(struct client *c, int code, const char *message)
{
	json_t *answer = error_of(NULL, code, message, NULL);

	client_answer(c, answer);
	json_decref(answer);
}

static void take_line(struct admin *a, struct client *c, const char *line, size_t len)
{
	json_error_t error;
	json_t *request;

	while (len && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	if (len == 0)
		return;
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!request)
		refuse(c, RPC_PARSE_ERROR, error.text);
	else if (!json_is_array(request))
		take_request(a, c, request);
	else if (json_array_size(request) == 0 || json_array_size(request) > BATCH_MAX)
		refuse(c, RPC_INVALID_REQUEST, "an array of 1 to 64 requests is expected");
	else
		take_batch(a, c, request);
	json_decref(request);
}

/* Whole lines, as long as none of them waits and the client reads its answers. */
static void take_lines(struct admin *a, struct client *c)
{
	while (!c->waiting && !c->closing && c->out.len == 0 && c->in.len) {
		char *end = memchr(c->in.at, '\n', c->in.len);

		if (!end)
			break;
		take_line(a, c, c->in.at, (size_t)(end - c->in.at));
		bytes_drop(&c->in, (size_t)(end - c->in.at) + 1);
		if (!client_write(c))
			c->closing = true;
	}
}

static bool client_read(struct client *c)
{
	ssize_t n;

	if (c->in.len >= ADMIN_REQUEST_BYTES_MAX ||
	    !bytes_make_room(&c->in, 1, ADMIN_REQUEST_BYTES_MAX)) {
		refuse(c, RPC_INVALID_REQUEST, "the request is too long");
		c->closing = true;
		return client_write(c);
	}
	n = recv(c->fd, c->in.at + c->in.len, c->in.max - c->in.len, MSG_DONTWAIT);
	if (n > 0)
		c->in.len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void client_turn(struct admin *a, struct client *c, uint32_t events)
{
	bool alive = true;

	if (events & EPOLLIN)
		alive = client_read(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		alive = false;
	if (alive && c->out.len)
		alive = client_write(c);
	if (alive)
		take_lines(a, c);
	if (!alive || (c->closing && c->out.len == c->written)) {
		client_close(a, c);
		return;
	}
	client_watch(a, c, EPOLL_CTL_MOD);
}

static void take_client(struct admin *a)
{
	int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (a->clients[i].fd >= 0)
			continue;
		a->clients[i].fd = fd;
		a->clients[i].uid = peer.uid;
		client_watch(a, &a->clients[i], EPOLL_CTL_ADD);
		return;
	}
	close(fd); /* full */
}

/* Requests that wait are simply asked again until something has changed or their time is over. */
static void look_again(struct admin *a, struct client *c)
{
	bool last = a->host.clock_ms(a->host.owner) >= c->wait_until_ms;
	uint32_t wait_ms = 0;
	json_t *answer = run_request(a, c, c->waiting, last ? NULL : &wait_ms);

	if (wait_ms)
		return;
	json_decref(c->waiting);
	c->waiting = NULL;
	a->n_waiting--;
	if (answer)
		client_answer(c, answer);
	json_decref(answer);
	client_turn(a, c, 0);
}

static void look_again_at_all(struct admin *a)
{
	uint64_t now_ms;

	if (!a->n_waiting)
		return;
	now_ms = a->host.clock_ms(a->host.owner);
	if (now_ms < a->recheck_at_ms)
		return;
	for (unsigned i = 0; a->n_waiting && i < ADMIN_CLIENTS_MAX; i++)
		if (a->clients[i].waiting)
			look_again(a, &a->clients[i]);
	a->recheck_ms = a->recheck_ms * 2 < RECHECK_MS ? a->recheck_ms * 2 : RECHECK_MS;
	a->recheck_at_ms = now_ms + a->recheck_ms;
}

void admin_turn(struct admin *a)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n = epoll_wait(a->epoll_fd, events, EVENTS_PER_TURN, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == a)
			take_client(a);
		else
			client_turn(a, events[i].data.ptr, events[i].events);
	}
	look_again_at_all(a);
}

int admin_fd(const struct admin *a)
{
	return a->epoll_fd;
}

int admin_patience_ms(const struct admin *a)
{
	uint64_t now_ms;

	if (!a->n_waiting)
		return -1;
	now_ms = a->host.clock_ms(a->host.owner);
	return now_ms >= a->recheck_at_ms ? 0 : (int)(a->recheck_at_ms - now_ms);
}

/* ------------------------------------------------------------------ begin and end */

/* Is a daemon behind that socket file? If not, it was left by one that died. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

static bool is_socket(const char *path)
{
	struct stat s;

	return lstat(path, &s) == 0 && S_ISSOCK(s.st_mode);
}

/* 0, or an errno. The permissions are set before anybody can connect. */
static int listen_at(struct admin *a, uint32_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, a->path, sizeof(a->path));
	a->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->listen_fd < 0)
		return errno;
	if (is_socket(a->path)) {
		if (is_alive(&address))
			return EADDRINUSE;
		unlink(a->path);
	}
	if (bind(a->listen_fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return errno;
	if (chmod(a->path, mode) != 0 || listen(a->listen_fd, 16) != 0) {
		int error = errno;

		unlink(a->path);
		return error;
	}
	return 0;
}

struct admin *admin_open(const struct admin_host *host, const char *socket_path, uint32_t mode,
			 char *ret_why, size_t why_bytes)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct admin *a = calloc(1, sizeof(*a));
	int error;

	if (!a) {
		snprintf(ret_why, why_bytes, "out of memory");
		return NULL;
	}
	a->host = *host;
	a->listen_fd = -1;
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
		a->clients[i].fd = -1;
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	snprintf(a->path, sizeof(a->path), "%s", socket_path);
	error = strlen(socket_path) >= sizeof(a->path) ? ENAMETOOLONG
		: a->epoll_fd < 0                      ? errno
						       : listen_at(a, mode);
	if (error == 0) {
		event.data.ptr = a;
		if (epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->listen_fd, &event) == 0)
			return a;
		error = errno;
		unlink(a->path);
	}
	snprintf(ret_why, why_bytes, "cannot open the control socket %s: %s", socket_path,
		 error == EADDRINUSE ? "another daemon listens there" : strerrordesc_np(error));
	a->path[0] = 0;
	admin_close(a);
	return NULL;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
		if (a->clients[i].fd >= 0)
			client_close(a, &a->clients[i]);
	if (a->listen_fd >= 0)
		close(a->listen_fd);
	if (a->path[0])
		unlink(a->path);
	if (a->epoll_fd >= 0)
		close(a->epoll_fd);
	free(a);
}
