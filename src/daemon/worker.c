#include "daemon/worker.h"

#include "base/limits.h"
#include "daemon/log.h"
#include "io/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS_PER_TURN = 64,
	EXPIRIES_PER_TURN = 8, /* then the sockets get their turn */
	/* Timers may be this late, so that those of many calls wake the thread once. Far below every timer of SIP. */
	TIMER_GRAIN_MS = 10,
	/* With more datagrams than this in such a window it pays to take them in batches. */
	BUSY_WINDOW_MS = 10,
	BUSY_DATAGRAMS = 20,
	FAILURES_PER_TURN = 512,
	FAILED_BYTES =
		2048, /* of a message that could not be sent: enough for its Via and Call-ID */
};

enum mail_kind {
	MAIL_MESSAGE,
	MAIL_SEND_FAILED,
	MAIL_BINDING,
	MAIL_SEND, /* over a flow of that worker */
};

/* A message that could not be sent. It is told to the node after its actions are done. */
struct failure {
	struct failure *next;
	struct endpoint peer;
	uint8_t local;
	uint32_t len;
	char bytes[];
};

struct worker {
	uint32_t number, n_workers;
	struct workers *all;
	struct node *node;
	struct worker_settings settings;
	struct node_settings node_settings[2]; /* the one in force, and the one before */
	unsigned settings_in_force;
	uint64_t now_ms;
	struct timespec now; /* the same, finer */
	uint64_t busy_window;
	uint64_t busy_datagrams; /* counter at its begin */
	bool is_busy;

	int epoll_fd;
	struct udp_socket *
		udp[NODE_LISTEN_MAX]; /* by index of the listening point; NULL: another transport */
	struct udp_batch *batch;
	uint8_t sending; /* listening point of the datagrams being sent */
	struct tcp *tcp;
	struct mailbox *box;
	struct failure *failures, **last_failure;
	unsigned n_failures;
	struct worker_counters counters;

	pthread_t thread;
	bool has_thread;
	atomic_bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t done;
	worker_job *job; /* under the lock, as is its argument */
	void *job_arg;
};

static uint64_t ms_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000 + (uint64_t)t->tv_nsec / 1000000;
}

uint64_t worker_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ms_of(&t);
}

/* ------------------------------------------------------------------ actions of the node */

static void post(struct worker *w, uint32_t to, uint8_t kind, const struct endpoint *peer,
		 uint8_t local, struct text bytes)
{
	struct mail mail = {.kind = kind, .local = local, .peer = *peer, .bytes = bytes};

	mailbox_post(w->all->at[to]->box, &mail);
}

static void remember_failure(struct worker *w, const struct endpoint *peer, uint8_t local,
			     struct text bytes)
{
	struct failure *f = NULL;

	if (bytes.len > FAILED_BYTES)
		bytes.len = FAILED_BYTES;
	if (w->n_failures < FAILURES_PER_TURN)
		f = malloc(sizeof(*f) + bytes.len);
	if (!f) {
		w->counters.failures_lost++;
		return;
	}
	*f = (struct failure){.peer = *peer, .local = local, .len = bytes.len};
	memcpy(f->bytes, bytes.at, bytes.len);
	*w->last_failure = f;
	w->last_failure = &f->next;
	w->n_failures++;
}

static void datagram_undelivered(void *owner, const struct endpoint *peer, struct text bytes)
{
	struct worker *w = owner;

	remember_failure(w, peer, w->sending, bytes);
}

static void send_stream(struct worker *w, const struct node_action *action)
{
	uint32_t owner = tcp_worker_of_flow(action->peer.flow);

	if (action->peer.flow && owner != w->number && owner < w->n_workers)
		post(w, owner, MAIL_SEND, &action->peer, action->local, action->bytes);
	else
		tcp_send(w->tcp, &action->peer, action->local, action->bytes, w->now_ms);
}

static void send_datagram(struct worker *w, const struct node_action *action)
{
	struct udp_socket *socket = action->local < NODE_LISTEN_MAX ? w->udp[action->local] : NULL;

	w->sending = action->local;
	if (socket)
		udp_send(socket, &action->peer, action->bytes, datagram_undelivered, w);
	else
		remember_failure(w, &action->peer, action->local, action->bytes);
}

static void do_action(struct worker *w, const struct node_action *action)
{
	switch (action->kind) {
	case NODE_ACTION_SEND:
		if (action->peer.transport == TRANSPORT_UDP)
			send_datagram(w, action);
		else
			send_stream(w, action);
		break;
	case NODE_ACTION_BINDING:
		for (uint32_t i = 0; i < w->n_workers; i++)
			if (i != w->number)
				post(w, i, MAIL_BINDING, &action->peer, action->local,
				     action->bytes);
		break;
	case NODE_ACTION_LOG: log_line((enum node_log_level)action->level, action->bytes); break;
	}
}

static void flush_datagrams(struct worker *w)
{
	for (uint8_t i = 0; i < NODE_LISTEN_MAX; i++) {
		w->sending = i;
		if (w->udp[i])
			udp_flush(w->udp[i], datagram_undelivered, w);
	}
}

/* The end of a step, or of several that had room together. */
static void work_off(struct worker *w)
{
	struct node_action action;

	while (node_next_action(w->node, &action))
		do_action(w, &action);
	flush_datagrams(w);
	node_actions_done(w->node);
}

static void feed(struct worker *w, const struct node_event *event)
{
	if (!node_has_room(w->node))
		work_off(w);
	node_feed(w->node, w->now_ms, event);
}

void worker_feed(struct worker *w, const struct node_event *event)
{
	feed(w, event);
}

/* ------------------------------------------------------------------ what comes in */

/* What arrives where the SCC AS listens belongs to the shard that has all of its sessions. */
static uint32_t shard_of(const struct worker *w, uint8_t local, struct text bytes)
{
	const struct node_settings *s = &w->settings.node;

	if (w->n_workers == 1)
		return w->number;
	return local < NODE_LISTEN_MAX && (s->listen_sccas >> local & 1)
		       ? node_shard_at_sccas(bytes, w->n_workers)
		       : node_shard_of(bytes, w->n_workers);
}

static void take_message(struct worker *w, const struct endpoint *peer, uint8_t local,
			 struct text bytes)
{
	uint32_t shard = shard_of(w, local, bytes);
	struct node_event event = {
		.kind = NODE_EVENT_MESSAGE, .peer = *peer, .local = local, .bytes = bytes};

	if (shard == w->number)
		feed(w, &event);
	else
		post(w, shard, MAIL_MESSAGE, peer, local, bytes);
}

static void take_stream_message(void *owner, const struct endpoint *peer, uint8_t local,
				struct text bytes)
{
	take_message(owner, peer, local, bytes);
}

static void stream_undelivered(void *owner, const struct endpoint *peer, uint8_t local,
			       struct text bytes)
{
	remember_failure(owner, peer, local, bytes);
}

/* ICMP quotes only the beginning of a datagram, perhaps without its Call-ID, and brings it to any of the sockets of that port. So all shards hear of
 * it; a shard that did not send it finds nothing. */
static void tell_failures(struct worker *w)
{
	struct failure *f = w->failures, *next;

	/* What fails meanwhile is told in the next turn. */
	w->failures = NULL;
	w->last_failure = &w->failures;
	w->n_failures = 0;
	for (; f; f = next) {
		struct text bytes = {f->bytes, f->len};
		struct node_event event = {.kind = NODE_EVENT_SEND_FAILED,
					   .peer = f->peer,
					   .local = f->local,
					   .bytes = bytes};

		for (uint32_t i = 0; i < w->n_workers; i++)
			if (i != w->number)
				post(w, i, MAIL_SEND_FAILED, &f->peer, f->local, bytes);
		feed(w, &event);
		next = f->next;
		free(f);
	}
}

static void take_mail(struct worker *w, const struct mail *mail)
{
	struct node_event event = {.peer = mail->peer, .local = mail->local, .bytes = mail->bytes};

	w->counters.mail_in++;
	switch ((enum mail_kind)mail->kind) {
	case MAIL_MESSAGE: event.kind = NODE_EVENT_MESSAGE; break;
	case MAIL_SEND_FAILED: event.kind = NODE_EVENT_SEND_FAILED; break;
	case MAIL_BINDING: event.kind = NODE_EVENT_BINDING; break;
	case MAIL_SEND: tcp_send(w->tcp, &mail->peer, mail->local, mail->bytes, w->now_ms); return;
	}
	feed(w, &event);
}

static void run_job(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	if (w->job) {
		w->job(w, w->node, w->now_ms, w->job_arg);
		w->job = NULL;
		pthread_cond_broadcast(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
}

static void take_box(struct worker *w)
{
	struct mail mail;

	mailbox_take(w->box);
	while (mailbox_next(w->box, &mail))
		take_mail(w, &mail);
	run_job(w);
}

/* One recvmmsg per readiness: when more is waiting, epoll says so again. */
static void take_datagrams(struct worker *w, struct udp_socket *socket, uint32_t events)
{
	uint8_t local = udp_local_index(socket);
	unsigned n;

	if (events & EPOLLERR) {
		w->sending = local;
		udp_take_refusals(socket, datagram_undelivered, w);
	}
	if (!(events & EPOLLIN))
		return;
	n = udp_receive(socket, w->batch);
	w->counters.datagrams += n;
	for (unsigned i = 0; i < n; i++) {
		struct endpoint peer;
		struct text bytes = udp_datagram(w->batch, i, &peer);

		take_message(w, &peer, local, bytes);
	}
}

static void take_event(struct worker *w, const struct epoll_event *event)
{
	struct io_source *source = event->data.ptr;

	switch ((enum io_source_kind)source->kind) {
	case IO_SOURCE_UDP:
		take_datagrams(w, (struct udp_socket *)(void *)source, event->events);
		break;
	case IO_SOURCE_TCP_LISTENER:
	case IO_SOURCE_TCP_CONNECTION: tcp_ready(w->tcp, source, event->events, w->now_ms); break;
	case IO_SOURCE_MAILBOX: take_box(w); break;
	}
}

/* ------------------------------------------------------------------ the loop */

static int patience_ms(const struct worker *w)
{
	uint64_t deadline = node_deadline(w->node), tcp = tcp_deadline(w->tcp);

	if (tcp < deadline)
		deadline = tcp;
	if (deadline <= w->now_ms || w->failures)
		return 0;
	if (deadline - w->now_ms > 60000)
		return 60000;
	deadline += TIMER_GRAIN_MS - 1;
	return (int)(deadline - deadline % TIMER_GRAIN_MS - w->now_ms);
}

/* Under load a thread that wakes for each datagram spends more on waking than on SIP. So once datagrams come thick, it sleeps for a moment after
 * each turn and then finds several: one system call receives them, one sends. What it costs is that moment. */
static void gather(struct worker *w)
{
	struct timespec until = w->now;
	uint64_t window = w->now_ms / BUSY_WINDOW_MS;

	if (window != w->busy_window) {
		w->is_busy = window == w->busy_window + 1 &&
			     w->counters.datagrams - w->busy_datagrams >= BUSY_DATAGRAMS;
		w->busy_window = window;
		w->busy_datagrams = w->counters.datagrams;
	}
	if (!w->is_busy || !w->settings.gather_us)
		return;
	until.tv_nsec += (long)w->settings.gather_us * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void expire(struct worker *w)
{
	for (int i = 0; i < EXPIRIES_PER_TURN && node_deadline(w->node) <= w->now_ms; i++) {
		node_expire(w->node, w->now_ms);
		work_off(w);
	}
}

/* Network events come before deadlines of the same instant. */
static void turn(struct worker *w)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int n;

	gather(w);
	n = epoll_wait(w->epoll_fd, events, EVENTS_PER_TURN, patience_ms(w));
	clock_gettime(CLOCK_MONOTONIC, &w->now);
	w->now_ms = ms_of(&w->now);
	w->counters.turns++;
	for (int i = 0; i < n; i++)
		take_event(w, &events[i]);
	work_off(w);
	expire(w);
	tcp_turn(w->tcp, w->now_ms);
	if (w->failures) {
		tell_failures(w);
		work_off(w);
	}
}

static void *run(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load_explicit(&w->stopping, memory_order_acquire))
		turn(w);
	run_job(w);
	return NULL;
}

bool worker_start(struct worker *w)
{
	char name[16];

	if (pthread_create(&w->thread, NULL, run, w) != 0)
		return false;
	w->has_thread = true;
	snprintf(name, sizeof(name), "worker-%u", w->number);
	pthread_setname_np(w->thread, name);
	return true;
}

void worker_stop(struct worker *w)
{
	if (!w || !w->has_thread)
		return;
	atomic_store_explicit(&w->stopping, true, memory_order_release);
	mailbox_wake(w->box);
	pthread_join(w->thread, NULL);
	w->has_thread = false;
}

void worker_call(struct worker *w, worker_job *job, void *arg)
{
	if (!w->has_thread) {
		w->now_ms = worker_clock_ms();
		job(w, w->node, w->now_ms, arg);
		work_off(w);
		return;
	}
	pthread_mutex_lock(&w->lock);
	assert(!w->job); /* only the main thread calls */
	w->job = job;
	w->job_arg = arg;
	mailbox_wake(w->box);
	while (w->job)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

/* ------------------------------------------------------------------ settings and counters */

void worker_set_settings(struct worker *w, const struct worker_settings *settings)
{
	w->settings_in_force ^= 1;
	w->settings = *settings;
	w->node_settings[w->settings_in_force] = settings->node;
	node_set_settings(w->node, &w->node_settings[w->settings_in_force]);
	tcp_set_limits(w->tcp, settings->tcp_connections_max, settings->tcp_idle_ms);
}

static void add_udp(struct udp_counters *sum, const struct udp_counters *c)
{
	sum->datagrams_in += c->datagrams_in;
	sum->datagrams_out += c->datagrams_out;
	sum->receive_calls += c->receive_calls;
	sum->send_calls += c->send_calls;
	sum->refused += c->refused;
	sum->send_errors += c->send_errors;
	sum->send_full += c->send_full;
}

struct worker_counters worker_counters(struct worker *w)
{
	struct worker_counters counters = w->counters;

	for (unsigned i = 0; i < NODE_LISTEN_MAX; i++)
		if (w->udp[i])
			add_udp(&counters.udp, udp_counters(w->udp[i]));
	counters.tcp = *tcp_counters(w->tcp);
	counters.mail_lost = mailbox_lost(w->box);
	return counters;
}

/* ------------------------------------------------------------------ begin and end */

static bool watch(struct worker *w, int fd, struct io_source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void say_why(const struct worker *w, unsigned local, char *ret_why, size_t why_bytes)
{
	char where[80];
	struct text_writer writer = text_writer_on(where, sizeof(where));
	const struct endpoint *e = &w->settings.node.listen[local];
	int error = errno;

	text_put(&writer, text_of(transport_parameter((enum transport)e->transport)));
	text_put_char(&writer, ':');
	endpoint_put(&writer, e);
	snprintf(ret_why, why_bytes, "cannot listen on %.*s: %s", TEXT_ARGS(text_written(&writer)),
		 address_error_name(error));
}

/* Shared ports would let a second daemon of the same user take half of our traffic without a word. A socket that does not
 * share cannot be bound beside one that does: so the first worker tries that before it opens its own. */
static bool is_free(const struct endpoint *local)
{
	struct udp_socket *probe;

	if (local->transport == TRANSPORT_TCP)
		return tcp_is_free(local);
	probe = udp_open(local, 0, false);
	udp_close(probe);
	return probe != NULL;
}

static bool open_udp(struct worker *w, uint8_t i, bool shared)
{
	const struct endpoint *local = &w->settings.node.listen[i];

	if (shared && w->number == 0 && !is_free(local))
		return false;
	if (local->transport != TRANSPORT_UDP)
		return true;
	w->udp[i] = udp_open(local, i, shared);
	return w->udp[i] && watch(w, udp_fd(w->udp[i]), udp_source(w->udp[i]));
}

static bool open_sockets(struct worker *w, uint64_t seed, char *ret_why, size_t why_bytes)
{
	bool shared = w->n_workers > 1;
	struct tcp_settings tcp = {.worker = (uint8_t)w->number,
				   .shared = shared,
				   .epoll_fd = w->epoll_fd,
				   .connections_max = w->settings.tcp_connections_max,
				   .idle_ms = w->settings.tcp_idle_ms,
				   .n_locals = w->settings.node.n_listen,
				   .seed = seed,
				   .owner = w,
				   .message = take_stream_message,
				   .undelivered = stream_undelivered};
	unsigned failed = 0;

	_Static_assert(TCP_LOCALS_MAX >= NODE_LISTEN_MAX, "every listening point has its place");
	memcpy(tcp.locals, w->settings.node.listen, sizeof(w->settings.node.listen));
	for (uint8_t i = 0; i < w->settings.node.n_listen; i++) {
		if (!open_udp(w, i, shared)) {
			say_why(w, i, ret_why, why_bytes);
			return false;
		}
	}
	w->tcp = tcp_open(&tcp, &failed);
	if (!w->tcp)
		say_why(w, failed, ret_why, why_bytes);
	return w->tcp != NULL;
}

static bool open_all(struct worker *w, char *ret_why, size_t why_bytes)
{
	uint64_t seeds[3];

	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->box = mailbox_open();
	w->batch = udp_batch_open();
	if (w->epoll_fd < 0 || !w->box || !w->batch ||
	    !watch(w, mailbox_fd(w->box), mailbox_source(w->box)) ||
	    getrandom(seeds, sizeof(seeds), 0) != sizeof(seeds)) {
		snprintf(ret_why, why_bytes, "cannot begin: %s", address_error_name(errno));
		return false;
	}
	if (!open_sockets(w, seeds[2], ret_why, why_bytes))
		return false;
	w->now_ms = worker_clock_ms();
	w->node = node_open(&w->node_settings[0], seeds[0], seeds[1], w->now_ms);
	if (!w->node)
		snprintf(ret_why, why_bytes, "out of memory");
	return w->node != NULL;
}

struct worker *worker_open(const struct worker_settings *settings, uint32_t number,
			   struct workers *all, char *ret_why, size_t why_bytes)
{
	struct worker *w = calloc(1, sizeof(*w));

	assert(number < all->n && all->n <= WORKERS_MAX);
	if (!w) {
		snprintf(ret_why, why_bytes, "out of memory");
		return NULL;
	}
	w->number = number;
	w->n_workers = all->n;
	w->all = all;
	w->settings = *settings;
	w->node_settings[0] = settings->node;
	w->epoll_fd = -1;
	w->last_failure = &w->failures;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->done, NULL);
	all->at[number] = w;
	if (open_all(w, ret_why, why_bytes))
		return w;
	worker_close(w);
	return NULL;
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	assert(!w->has_thread);
	for (unsigned i = 0; i < NODE_LISTEN_MAX; i++)
		udp_close(w->udp[i]);
	tcp_close(w->tcp);
	mailbox_close(w->box);
	udp_batch_close(w->batch);
	node_close(w->node);
	while (w->failures) {
		struct failure *f = w->failures;

		w->failures = f->next;
		free(f);
	}
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	w->all->at[w->number] = NULL;
	free(w);
}
