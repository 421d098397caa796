#include "daemon/daemon.h"

#include "adapters/sccas_users_file.h"
#include "adapters/subscriber_files.h"
#include "admin/admin.h"
#include "base/control_path.h"
#include "base/logfmt.h"
#include "base/version.h"
#include "daemon/check.h"
#include "daemon/io_counters.h"
#include "daemon/log.h"
#include "daemon/reload.h"
#include "daemon/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
	BINDINGS_PER_JOB = 256,
	DRAIN_CHECK_MS = 50,
	PROBLEM_BYTES = 5000, /* a path, a name and a text */
};

struct daemon {
	const struct daemon_options *options;
	struct config *config;
	struct workers workers;
	struct admin *admin;
	int signal_fd;
	bool draining; /* no new sessions */
	bool stopping; /* and then the end */
	uint64_t stop_at_ms;
	bool stop_now;
};

/* ------------------------------------------------------------------ files */

static void print_file_name(const struct daemon_options *options, const char **ret_name)
{
	*ret_name = options->config_file ? options->config_file : "(embedded default)";
}

static struct config *read_config(const struct daemon_options *options,
				  struct config_problems *problems)
{
	return options->config_file ? config_read_file_partly(options->config_file, problems)
				    : config_read(options->embedded, problems);
}

static bool read_bindings(const struct config *config, struct bindings_of_file *ret, FILE *out)
{
	struct config_problems problems = {0};

	if (config->bindings_file.len == 0 ||
	    bindings_read_file(config->bindings_file.at, ret, &problems))
		return true;
	if (problems.n == 1 && problems.kept[0].line == 0)
		fprintf(out, "%s: %s (scscf.bindings)\n", config->bindings_file.at,
			problems.kept[0].text);
	else
		config_problems_print(&problems, config->bindings_file.at, out);
	return false;
}

/* `key` of the configuration names the file or folder. */
static void print_subscriber_problems(const struct subscriber_problems *problems,
				      const char *folder, const char *key, FILE *out)
{
	char line[PROBLEM_BYTES];

	for (unsigned i = 0; i < problems->n && i < SUBSCRIBER_PROBLEMS_MAX; i++) {
		struct text_writer w = text_writer_on(line, sizeof(line));

		subscriber_problem_put(&problems->kept[i], folder, &w);
		fprintf(out, "%.*s", TEXT_ARGS(text_written(&w)));
		if (problems->kept[i].line == 0 && problems->kept[i].file[0] == 0)
			fprintf(out, " (%s)", key);
		fputc('\n', out);
	}
	if (problems->n > SUBSCRIBER_PROBLEMS_MAX)
		fprintf(out, "%s: and %u more\n", folder, problems->n - SUBSCRIBER_PROBLEMS_MAX);
}

static bool read_subscribers(struct config *config, FILE *out)
{
	struct subscriber_problems problems;

	if (config->subscribers_folder.len == 0)
		return true;
	config->subscribers = subscriber_files_read(config->subscribers_folder.at, &problems);
	config->settings.subscribers = config->subscribers;
	print_subscriber_problems(&problems, config->subscribers_folder.at, "scscf.subscribers",
				  out);
	return config->subscribers != NULL;
}

/* @req SV-3 */
static bool read_sccas_users(struct config *config, FILE *out)
{
	struct subscriber_problems problems;

	if (config->sccas_users_file.len == 0)
		return true;
	config->sccas_users = sccas_users_file_read(config->sccas_users_file.at, &problems);
	config->settings.sccas.users = config->sccas_users;
	print_subscriber_problems(&problems, config->sccas_users_file.at, "sccas.users", out);
	return config->sccas_users != NULL;
}

struct config *daemon_read_config(const struct daemon_options *options,
				  struct bindings_of_file *ret_bindings, FILE *out)
{
	struct config_problems problems = {0};
	struct config *config = read_config(options, &problems);
	bool has_bindings, has_subscribers, has_sccas_users;
	const char *name;

	print_file_name(options, &name);
	config_problems_print(&problems, name, out);
	*ret_bindings = (struct bindings_of_file){0};
	if (!config)
		return NULL;
	/* What is wrong in any of them is told in one run. */
	has_bindings = read_bindings(config, ret_bindings, out);
	has_subscribers = read_subscribers(config, out);
	has_sccas_users = read_sccas_users(config, out);
	if (problems.n == 0 && has_bindings && has_subscribers && has_sccas_users)
		return config;
	bindings_clear(ret_bindings);
	config_free(config);
	return NULL;
}

static void put_count(FILE *out, uint32_t n, const char *one, const char *many)
{
	if (n)
		fprintf(out, ", %u %s", n, n == 1 ? one : many);
}

int daemon_check(const struct daemon_options *options, FILE *out, FILE *wrong)
{
	struct bindings_of_file bindings;
	struct config *config = daemon_read_config(options, &bindings, wrong);
	const char *name;

	if (!config)
		return 1;
	print_file_name(options, &name);
	check_configuration(config, &bindings, name, wrong);
	fprintf(out, "%s: correct", name);
	put_count(out, subscribers_count(config->subscribers), "subscriber", "subscribers");
	put_count(out, bindings.n, "static contact", "static contacts");
	put_count(out, sccas_users_count(config->sccas_users), "SCC AS user", "SCC AS users");
	fputc('\n', out);
	bindings_clear(&bindings);
	config_free(config);
	return 0;
}

/* ------------------------------------------------------------------ workers */

static uint32_t share_of(uint32_t all, uint32_t n)
{
	return (all + n - 1) / n;
}

/* The bounds of the server are divided among its shards; bindings are known to each. */
static struct worker_settings settings_of(const struct config *config, uint32_t shard)
{
	struct worker_settings s = {.node = config->settings,
				    .tcp_connections_max =
					    share_of(config->tcp_connections_max, config->workers),
				    .tcp_idle_ms = config->tcp_idle_ms,
				    .gather_us = config->gather_us};

	s.node.shard = shard;
	s.node.n_shards = config->workers;
	s.node.sessions_max = share_of(s.node.sessions_max, config->workers);
	s.node.transactions_max = share_of(s.node.transactions_max, config->workers);
	s.node.ended_sessions_max = share_of(s.node.ended_sessions_max, config->workers);
	s.node.release_sessions_per_s = share_of(s.node.release_sessions_per_s, config->workers);
	return s;
}

static void set_log_level(const struct daemon *d)
{
	uint16_t *level = &d->config->settings.log_level;

	if (d->options->verbose && *level < NODE_LOG_DEBUG)
		(*level)++;
	log_set_level((enum node_log_level) * level);
}

struct bindings_job {
	const struct bindings_of_file *bindings;
	size_t at;
	bool at_end;
};

static void feed_bindings(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	struct bindings_job *job = arg;

	for (int i = 0; i < BINDINGS_PER_JOB; i++) {
		struct node_event event = {.kind = NODE_EVENT_BINDING,
					   .bytes = bindings_next(job->bindings, &job->at)};

		if (event.bytes.len == 0) {
			node_forget_old_static_bindings(node, now_ms);
			job->at_end = true;
			return;
		}
		worker_feed(worker, &event);
	}
}

static void load_bindings(struct daemon *d, const struct bindings_of_file *bindings)
{
	for (uint32_t i = 0; i < d->workers.n; i++) {
		struct bindings_job job = {.bindings = bindings};

		while (!job.at_end)
			worker_call(d->workers.at[i], feed_bindings, &job);
	}
}

static void change_settings(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	(void)node;
	(void)now_ms;
	worker_set_settings(worker, arg);
}

static bool open_workers(struct daemon *d)
{
	char why[200];

	d->workers.n = d->config->workers;
	for (uint32_t i = 0; i < d->workers.n; i++) {
		struct worker_settings settings = settings_of(d->config, i);

		if (!worker_open(&settings, i, &d->workers, why, sizeof(why))) {
			log_text(NODE_LOG_ERROR, why, NULL, NULL);
			return false;
		}
	}
	return true;
}

static bool start_workers(struct daemon *d)
{
	for (uint32_t i = 0; i < d->workers.n; i++) {
		if (!worker_start(d->workers.at[i])) {
			log_event(NODE_LOG_ERROR, "msg=\"cannot start a thread\"");
			return false;
		}
	}
	return true;
}

static void close_workers(struct daemon *d)
{
	for (uint32_t i = 0; i < d->workers.n; i++)
		worker_stop(d->workers.at[i]);
	for (uint32_t i = 0; i < d->workers.n; i++)
		worker_close(d->workers.at[i]);
}

/* ------------------------------------------------------------------ what the operator's socket asks for */

struct admin_call {
	admin_job *job;
	void *arg;
};

static void run_admin_job(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	struct admin_call *call = arg;

	(void)worker;
	call->job(node, now_ms, call->arg);
}

static void admin_calls(void *owner, uint32_t shard, admin_job *job, void *arg)
{
	struct daemon *d = owner;
	struct admin_call call = {job, arg};

	worker_call(d->workers.at[shard], run_admin_job, &call);
}

static void drain_node(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	(void)worker;
	(void)now_ms;
	node_set_draining(node, *(bool *)arg);
}

static void set_draining(void *owner, bool draining)
{
	struct daemon *d = owner;

	d->draining = draining || d->stopping;
	for (uint32_t i = 0; i < d->workers.n; i++)
		worker_call(d->workers.at[i], drain_node, &d->draining);
}

static bool is_draining(void *owner)
{
	return ((struct daemon *)owner)->draining;
}

static void take_counters(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	(void)node;
	(void)now_ms;
	*(struct worker_counters *)arg = worker_counters(worker);
}

static void add_number(json_t *object, const char *name, uint64_t n)
{
	json_int_t before = json_integer_value(json_object_get(object, name));

	json_object_set_new(object, name, json_integer(before + (json_int_t)n));
}

static void put_io_counters(void *owner, json_t *object, json_t *help)
{
	struct daemon *d = owner;

	for (uint32_t i = 0; i < d->workers.n; i++) {
		struct worker_counters counters;
		const struct worker_counters *c = &counters;

		worker_call(d->workers.at[i], take_counters, &counters);
#define IO_ADD(name, place, words) add_number(object, #name, c->place);
		IO_COUNTS(IO_ADD)
#undef IO_ADD
	}
#define IO_HELP(name, place, words) json_object_set_new(help, #name, json_string(words));
	IO_COUNTS(IO_HELP)
#undef IO_HELP
}

static void admin_logs(void *owner, enum node_log_level level, struct text line)
{
	(void)owner;
	log_line(level, line);
}

static uint64_t admin_clock_ms(void *owner)
{
	(void)owner;
	return worker_clock_ms();
}

/* ------------------------------------------------------------------ reload */

/* All files read and right, or nothing and a line in `wrong` for each problem. */
static struct config *read_again(struct daemon *d, struct bindings_of_file *ret_bindings,
				 json_t *wrong)
{
	char *lines = NULL, *rest, *line;
	size_t len = 0;
	FILE *out = open_memstream(&lines, &len);
	struct config *fresh = NULL;

	*ret_bindings = (struct bindings_of_file){0};
	if (out) {
		fresh = daemon_read_config(d->options, ret_bindings, out);
		fclose(out);
	}
	if (!lines)
		json_array_append_new(wrong, json_string("out of memory"));
	rest = lines;
	while ((line = strsep(&rest, "\n")))
		if (line[0])
			json_array_append_new(wrong, json_string(line));
	free(lines);
	return fresh;
}

static void note_unchangeable(void *arg, const char *path)
{
	json_array_append_new(arg, json_string(path));
}

static bool reload(void *owner, json_t *wrong, json_t *not_live)
{
	struct daemon *d = owner;
	struct bindings_of_file bindings;
	struct config *fresh = read_again(d, &bindings, wrong), *old = d->config;

	if (fresh && !config_keep_unchangeable(old, fresh, note_unchangeable, not_live)) {
		json_array_append_new(wrong, json_string("out of memory"));
		bindings_clear(&bindings);
		config_free(fresh);
		fresh = NULL;
	}
	if (!fresh)
		return false;
	d->config = fresh;
	set_log_level(d);
	for (uint32_t i = 0; i < d->workers.n; i++) {
		struct worker_settings settings = settings_of(fresh, i);

		worker_call(d->workers.at[i], change_settings, &settings);
	}
	/* No worker looks at the old settings, subscribers and users any more. @req SUB-12 */
	config_free(old);
	load_bindings(d, &bindings);
	bindings_clear(&bindings);
	return true;
}

static void log_list(enum node_log_level level, const char *what, const json_t *list)
{
	size_t i;
	const json_t *entry;

	json_array_foreach((json_t *)(uintptr_t)list, i, entry)
		log_text(level, what, "what", json_string_value(entry));
}

static void log_subscribers(const struct daemon *d)
{
	if (d->config->subscribers)
		log_event(NODE_LOG_NOTICE, "msg=\"subscribers\" sets=%u",
			  subscribers_count(d->config->subscribers));
	if (d->config->sccas_users)
		log_event(NODE_LOG_NOTICE, "msg=\"users of the SCC AS\" users=%u",
			  sccas_users_count(d->config->sccas_users));
}

/* Whoever asks, the log says what came of it. */
static bool reload_and_log(void *owner, json_t *wrong, json_t *not_live)
{
	const struct daemon *d = owner;
	bool done = reload(owner, wrong, not_live);

	log_list(NODE_LOG_ERROR, "configuration is wrong", wrong);
	log_list(NODE_LOG_WARNING, "changed by a restart only", not_live);
	if (done) {
		log_subscribers(d);
		log_event(NODE_LOG_NOTICE, "msg=\"reloaded\"");
	} else {
		log_event(NODE_LOG_ERROR, "msg=\"the old configuration stays in force\"");
	}
	return done;
}

static void reload_by_signal(struct daemon *d)
{
	json_t *wrong = json_array(), *not_live = json_array();

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)worker_clock_ms() * 1000);
	reload_and_log(d, wrong, not_live);
	sd_notify(0, "READY=1");
	json_decref(wrong);
	json_decref(not_live);
}

/* ------------------------------------------------------------------ drain and stop */

static void count_sessions(struct worker *worker, struct node *node, uint64_t now_ms, void *arg)
{
	(void)worker;
	(void)now_ms;
	*(uint64_t *)arg += node_counters(node)->sessions;
}

static uint64_t sessions_left(struct daemon *d)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < d->workers.n; i++)
		worker_call(d->workers.at[i], count_sessions, &n);
	return n;
}

static void stop_by_signal(struct daemon *d)
{
	uint64_t left;

	if (d->stopping) {
		log_event(NODE_LOG_WARNING, "msg=\"stopping at once\" sessions=%llu",
			  (unsigned long long)sessions_left(d));
		d->stop_now = true;
		return;
	}
	sd_notify(0, "STOPPING=1");
	d->stopping = true;
	d->stop_at_ms = worker_clock_ms() + d->config->drain_ms;
	set_draining(d, true);
	left = sessions_left(d);
	if (left)
		log_event(
			NODE_LOG_NOTICE,
			"msg=\"draining; a second signal stops at once\" sessions=%llu wait_ms=%u",
			(unsigned long long)left, d->config->drain_ms);
}

static bool is_over(struct daemon *d)
{
	uint64_t left;

	if (!d->stopping)
		return false;
	if (d->stop_now)
		return true;
	left = sessions_left(d);
	if (left && worker_clock_ms() < d->stop_at_ms)
		return false;
	if (left)
		log_event(NODE_LOG_WARNING, "msg=\"stopping with sessions left\" sessions=%llu",
			  (unsigned long long)left);
	return true;
}

static void take_signal(struct daemon *d)
{
	struct signalfd_siginfo info;

	if (read(d->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload_by_signal(d);
	else
		stop_by_signal(d);
}

static int patience_ms(const struct daemon *d)
{
	int admin = admin_patience_ms(d->admin);

	if (!d->stopping)
		return admin;
	return admin >= 0 && admin < DRAIN_CHECK_MS ? admin : DRAIN_CHECK_MS;
}

static void loop(struct daemon *d)
{
	struct pollfd watched[2] = {{.fd = d->signal_fd, .events = POLLIN},
				    {.fd = admin_fd(d->admin), .events = POLLIN}};

	while (!is_over(d)) {
		int n = poll(watched, 2, patience_ms(d));

		if (n > 0 && watched[0].revents)
			take_signal(d);
		admin_turn(d->admin);
	}
}

/* ------------------------------------------------------------------ begin and end */

static bool open_admin(struct daemon *d)
{
	struct admin_host host = {.owner = d,
				  .n_shards = d->workers.n,
				  .version = ADIEU_VERSION,
				  .call = admin_calls,
				  .set_draining = set_draining,
				  .is_draining = is_draining,
				  .reload = reload_and_log,
				  .put_io_counters = put_io_counters,
				  .log = admin_logs,
				  .clock_ms = admin_clock_ms};
	char path[CONTROL_PATH_BYTES], why[300];
	const char *chosen = d->options->control_socket      ? d->options->control_socket
			     : d->config->control_socket.len ? d->config->control_socket.at
							     : path;

	control_socket_path(getenv("XDG_RUNTIME_DIR"), access(CONTROL_FOLDER, W_OK) == 0, getuid(),
			    path);
	d->admin = admin_open(&host, chosen, d->config->control_mode, why, sizeof(why));
	if (d->admin)
		log_text(NODE_LOG_NOTICE, "operator's socket", "path", chosen);
	else
		log_text(NODE_LOG_ERROR, why, NULL, NULL);
	return d->admin != NULL;
}

/* From now on signals are read from a file; all threads inherit the mask. */
static bool open_signals(struct daemon *d)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd >= 0;
}

static bool write_pid_file(const char *path)
{
	FILE *file = fopen(path, "we");
	bool written = file && fprintf(file, "%d\n", getpid()) > 0;

	if (file && fclose(file) != 0)
		written = false;
	if (!written)
		log_text(NODE_LOG_ERROR, "cannot write the pid file", "path", path);
	return written;
}

/* As many connections as the system allows this user. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void log_ready(const struct daemon *d)
{
	char where[80], bytes[600];
	struct text_writer line = text_writer_on(bytes, sizeof(bytes));
	const char *name;

	for (unsigned i = 0; i < d->config->settings.n_listen; i++) {
		const struct endpoint *e = &d->config->settings.listen[i];
		struct text_writer w = text_writer_on(where, sizeof(where));

		endpoint_put(&w, e);
		log_event(NODE_LOG_NOTICE, "msg=\"listening\" at=%s:%.*s",
			  transport_parameter((enum transport)e->transport),
			  TEXT_ARGS(text_written(&w)));
	}
	log_subscribers(d);
	print_file_name(d->options, &name);
	logfmt_begin(&line, "ready");
	logfmt_text(&line, "version", TEXT(ADIEU_VERSION));
	logfmt_number(&line, "workers", d->workers.n);
	logfmt_text(&line, "configuration", text_of(name));
	log_line(NODE_LOG_NOTICE, text_written(&line));
}

static bool begin(struct daemon *d, const struct bindings_of_file *bindings)
{
	if (!open_signals(d) || !open_workers(d))
		return false;
	load_bindings(d, bindings);
	return open_admin(d) && start_workers(d) &&
	       (!d->options->pid_file || write_pid_file(d->options->pid_file));
}

int daemon_run(const struct daemon_options *options)
{
	struct bindings_of_file bindings;
	struct daemon d = {.options = options, .signal_fd = -1};
	bool begun;

	d.config = daemon_read_config(options, &bindings, stderr);
	if (!d.config)
		return 1;
	set_log_level(&d);
	raise_file_limit();
	begun = begin(&d, &bindings);
	bindings_clear(&bindings);
	if (begun) {
		log_ready(&d);
		sd_notify(0, "READY=1");
		loop(&d);
		log_event(NODE_LOG_NOTICE, "msg=\"stopped\"");
	}
	admin_close(d.admin);
	close_workers(&d);
	if (begun && options->pid_file)
		unlink(options->pid_file);
	if (d.signal_fd >= 0)
		close(d.signal_fd);
	config_free(d.config);
	return begun ? 0 : 1;
}
