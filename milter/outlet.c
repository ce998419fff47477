/* SPDX-License-Identifier: BSD-2-Clause */
/* outlet - where finished log lines leave the process, without holding up who logs */
#include "milter/outlet.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "policy/instant.h"

#define QUEUE_BYTES (1024 * 1024)
#define WAIT_MS 250

static bool use_syslog;

/*
 * Lines wait here for the thread that writes them. Standard error may be a pipe that
 * nobody empties, and syslog a program that is stopped: writing to either then waits
 * without end, which a decision must not. There is no call that never waits for all
 * that standard error can be: O_NONBLOCK would act on everybody who shares it.
 */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t added, written;
	bool running; /* set before threads are started that log */
	outlet_listener *tell_lost;
	char buffer[2][QUEUE_BYTES];
	int filling; /* the buffer that lines are added to; the other is written */
	size_t len;
	uint64_t lines, done; /* how many were taken, and dealt with */
	uint64_t lost, told;  /* how many were lost, and how many of them were told */
	bool stuck;           /* nobody reads, so it is no use to wait */
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* write_some - as write(2), but waits where somebody made the descriptor non-blocking
 */
static ssize_t
write_some(const char *s, size_t n)
{
	struct pollfd room = {STDERR_FILENO, POLLOUT, 0};
	ssize_t done;

	for (;;) {
		done = write(STDERR_FILENO, s, n);
		if (done >= 0 || (errno != EINTR && errno != EAGAIN))
			return done;
		if (errno == EAGAIN)
			poll(&room, 1, -1);
	}
}

/* write_all - returns how much it wrote; a line that broke off gets its end first */
static size_t
write_all(const char *s, size_t n)
{
	static bool broken; /* one thread at a time comes here */
	size_t at = 0;
	ssize_t done;

	if (broken && write_some("\n", 1) != 1)
		return 0;
	broken = false;
	while (at < n) {
		done = write_some(s + at, n - at);
		if (done < 0)
			break;
		at += (size_t)done;
	}
	broken = at > 0 && s[at - 1] != '\n';
	return at;
}

static void
to_syslog(enum log_level level, const char *line)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	syslog(priority[level], "%s", line);
}

bool
outlet_write(enum log_level level, const char *line, size_t n)
{
	if (!use_syslog)
		return write_all(line, n) == n;
	to_syslog(level, line);
	return true; /* nobody can know */
}

/* add - to the queue; with the level in front for syslog. Under the mutex. */
static bool
add(enum log_level level, const char *line, size_t n)
{
	char *to = queue.buffer[queue.filling] + queue.len;

	queue.lines++;
	if (queue.len + 1 + n > QUEUE_BYTES) {
		queue.lost++;
		return false;
	}
	if (use_syslog) {
		*to++ = (char)level;
		queue.len++;
	}
	memcpy(to, line, n);
	queue.len += n;
	pthread_cond_signal(&queue.added);
	return true;
}

bool
outlet_put(enum log_level level, const char *line, size_t n)
{
	bool good;

	if (!queue.running)
		return outlet_write(level, line, n);
	pthread_mutex_lock(&queue.mutex);
	good = add(level, line, n);
	pthread_mutex_unlock(&queue.mutex);
	return good;
}

/* wait_for - until line number N is dealt with, or nothing moves. Under the mutex. */
static void
wait_for(uint64_t n)
{
	int64_t end = monotonic_ms() + WAIT_MS;
	struct timespec until = {(time_t)(end / 1000), (long)(end % 1000) * 1000000};

	while (queue.done < n && !queue.stuck)
		queue.stuck = pthread_cond_timedwait(
				  &queue.written, &queue.mutex, &until) == ETIMEDOUT;
}

bool
outlet_put_and_wait(enum log_level level, const char *line, size_t n)
{
	bool good;

	if (!queue.running)
		return outlet_write(level, line, n);
	pthread_mutex_lock(&queue.mutex);
	good = add(level, line, n);
	if (good)
		wait_for(queue.lines);
	pthread_mutex_unlock(&queue.mutex);
	return good;
}

/* write_batch - the lines of a buffer; returns how many of them were lost */
static uint64_t
write_batch(const char *at, size_t n)
{
	uint64_t lost = 0;
	size_t i = 0;

	if (!use_syslog) {
		for (i = write_all(at, n); i < n; i++)
			lost += at[i] == '\n';
		return lost;
	}
	while (i < n) {
		to_syslog((enum log_level)at[i], at + i + 1);
		i += 1 + strlen(at + i + 1) + 1;
	}
	return 0;
}

/* tell_lost - in a line of its own; one that is lost too is told later */
static void
tell_lost(uint64_t lost)
{
	if (lost > queue.told && queue.tell_lost(lost - queue.told))
		queue.told = lost;
}

/* drain - the thread that writes */
static void *
drain(void *arg)
{
	const char *at;
	uint64_t lines, lost, now;
	size_t n;

	pthread_mutex_lock(&queue.mutex);
	for (;;) {
		while (queue.len == 0)
			pthread_cond_wait(&queue.added, &queue.mutex);
		at = queue.buffer[queue.filling];
		n = queue.len;
		lines = queue.lines;
		lost = queue.lost; /* for want of room behind these lines, or before */
		queue.filling = !queue.filling;
		queue.len = 0;
		pthread_mutex_unlock(&queue.mutex);
		now = write_batch(at, n);
		tell_lost(lost);
		pthread_mutex_lock(&queue.mutex);
		queue.lost += now;
		queue.done = lines;
		queue.stuck = false;
		pthread_cond_broadcast(&queue.written);
	}
	return arg;
}

static bool
start_thread(void)
{
	pthread_condattr_t attr;
	pthread_t thread;
	bool good;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(&queue.written, &attr) == 0 &&
	    pthread_cond_init(&queue.added, NULL) == 0 &&
	    pthread_create(&thread, NULL, drain, NULL) == 0;
	pthread_condattr_destroy(&attr);
	if (good)
		pthread_detach(thread);
	return good;
}

void
outlet_open(bool by_syslog, outlet_listener *listener)
{
	use_syslog = by_syslog;
	queue.tell_lost = listener;
	queue.running = start_thread();
}

uint64_t
outlet_lost(void)
{
	uint64_t n;

	pthread_mutex_lock(&queue.mutex);
	n = queue.lost;
	pthread_mutex_unlock(&queue.mutex);
	return n;
}
