#include "daemon/log.h"

#include "base/logfmt.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static atomic_int level_now = NODE_LOG_NOTICE;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Under the lock. Each level has its own measure: the life of many calls does not push out what is worth a look. */
static struct {
	time_t second;
	unsigned written[NODE_LOG_DEBUG + 1], suppressed[NODE_LOG_DEBUG + 1];
} flood;

void log_set_level(enum node_log_level level)
{
	atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

const char *log_level_name(enum node_log_level level)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	return names[level];
}

/* Everything in one write: lines of several threads do not mix. What cannot be written is lost. */
static void write_out(const struct timespec *now, enum node_log_level level, struct text line)
{
	char bytes[LINE_BYTES];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes) - 1);
	struct tm tm;
	ssize_t n;

	gmtime_r(&now->tv_sec, &tm);
	text_printf(&w, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		    now->tv_nsec / 1000000, log_level_name(level));
	if (line.len > w.max - w.len)
		line.len = w.max - w.len;
	for (uint32_t i = 0; i < line.len; i++) /* bytes of peers may stand in it */
		text_put_char(&w, (unsigned char)line.at[i] < ' ' || line.at[i] == 127
					  ? '?'
					  : line.at[i]);
	bytes[w.len++] = '\n';
	n = write(STDERR_FILENO, bytes, w.len);
	(void)n;
}

static void tell_suppressed(const struct timespec *now, enum node_log_level level)
{
	char said[80];
	struct text_writer w = text_writer_on(said, sizeof(said));

	logfmt_begin(&w, "lines were suppressed");
	logfmt_number(&w, "lines", flood.suppressed[level]);
	logfmt_text(&w, "of", text_of(log_level_name(level)));
	write_out(now, NODE_LOG_WARNING, text_written(&w));
}

/* Under the lock. */
static bool may_write(const struct timespec *now, enum node_log_level level)
{
	if (now->tv_sec != flood.second) {
		for (int i = 0; i <= NODE_LOG_DEBUG; i++) {
			if (flood.suppressed[i])
				tell_suppressed(now, (enum node_log_level)i);
			flood.written[i] = flood.suppressed[i] = 0;
		}
		flood.second = now->tv_sec;
	}
	if (level != NODE_LOG_ERROR && flood.written[level] >= LOG_LINES_PER_SECOND) {
		flood.suppressed[level]++;
		return false;
	}
	flood.written[level]++;
	return true;
}

void log_line(enum node_log_level level, struct text line)
{
	struct timespec now;

	if ((int)level > atomic_load_explicit(&level_now, memory_order_relaxed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	pthread_mutex_lock(&lock);
	if (may_write(&now, level))
		write_out(&now, level, line);
	pthread_mutex_unlock(&lock);
}

void log_text(enum node_log_level level, const char *words, const char *key, const char *value)
{
	char bytes[2048];
	struct text_writer w = text_writer_on(bytes, sizeof(bytes));

	logfmt_begin(&w, words);
	if (key)
		logfmt_text(&w, key, text_of(value));
	log_line(level, text_written(&w));
}

void log_event(enum node_log_level level, const char *format, ...)
{
	char bytes[1024];
	va_list args;
	int n;

	if ((int)level > atomic_load_explicit(&level_now, memory_order_relaxed))
		return;
	va_start(args, format);
	n = vsnprintf(bytes, sizeof(bytes), format, args);
	va_end(args);
	if (n > 0)
		log_line(level, (struct text){bytes, (size_t)n < sizeof(bytes)
							     ? (uint32_t)n
							     : (uint32_t)sizeof(bytes) - 1});
}
