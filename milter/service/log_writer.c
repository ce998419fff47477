/* SPDX-License-Identifier: BSD-2-Clause */
/* log_writer - where finished log lines leave the process, without holding up who logs
 */
#include "milter/service/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "policy/base/instant.h"
#include "policy/base/monotonic.h"

#define QUEUE_BYTES (1024 * 1024)
#define WAIT_MS 250

static bool use_syslog;

/* What standard error is, and so which call writes to it and never waits for a reader.
 */
static enum { WAITS, SOCKET, PIPE, DISK } standard_error = WAITS;

/*
 * Lines that cannot be written at once wait here for the thread that writes them.
 * Standard error may be a pipe that nobody empties, and syslog a program that is
 * stopped: writing to either then waits without end, which a decision must not.
 * O_NONBLOCK would act on everybody who shares the descriptor.
 */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t added, written;
	bool running; /* set before threads are started that log */
	log_writer_listener *tell_lost;
	char buffer[2][QUEUE_BYTES];
	int filling; /* the buffer that lines are added to; the other is written */
	size_t len;
	uint64_t lines, done; /* how many were taken, and dealt with */
	uint64_t lost, said;  /* how many were lost, and how many of them were told */
	uint64_t told;        /* the same as the thread knows it, without the mutex */
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

/* Whether the last line on standard error is without its end: the disk is full. */
static _Atomic bool broken;

/*
 * portion - how much of the lines goes in one write. What is longer than PIPE_BUF is
 * written in parts when a reader is slow, and a line of write_now() could get between
 * them: so whole lines up to that length, or one that is longer, alone.
 */
static size_t
portion(const char *s, size_t n)
{
	const char *end;

	if (n <= PIPE_BUF || standard_error == DISK)
		return n;
	end = memrchr(s, '\n', PIPE_BUF);
	if (end == NULL)
		end = memchr(s, '\n', n);
	return end != NULL ? (size_t)(end - s) + 1 : n;
}

/* write_all - returns how much it wrote; a line that broke off gets its end first */
static size_t
write_all(const char *s, size_t n)
{
	size_t at = 0;
	ssize_t done;

	if (broken && write_some("\n", 1) != 1)
		return 0;
	broken = false;
	while (at < n) {
		done = write_some(s + at, portion(s + at, n - at));
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
log_writer_write(enum log_level level, const char *line, size_t n)
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

/* pipe_write - returns -1 where the system cannot write to a pipe without waiting */
static ssize_t
pipe_write(const char *line, size_t n)
{
#ifdef HAVE_PWRITEV2
	const struct iovec whole = {(void *)(uintptr_t)line, n};

	return pwritev2(STDERR_FILENO, &whole, 1, -1, RWF_NOWAIT);
#else
	(void)line;
	(void)n;
	return -1;
#endif
}

/* write_now - as much as goes without waiting for a reader; returns how much that was
 */
static size_t
write_now(const char *line, size_t n)
{
	ssize_t done = -1;

	if (n > PIPE_BUF && standard_error != DISK)
		return 0; /* it could be written in part */
	switch (standard_error) {
	case WAITS:
		break;
	case SOCKET:
		done = send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case PIPE:
		done = pipe_write(line, n);
		break;
	case DISK:
		done = write(STDERR_FILENO, line, n);
		break;
	}
	return done > 0 ? (size_t)done : 0;
}

/* is_empty - whether no line waits or is being written, and no loss is to be told */
static bool
is_empty(void)
{
	bool empty;

	pthread_mutex_lock(&queue.mutex);
	empty = queue.done == queue.lines && queue.lost == queue.said;
	pthread_mutex_unlock(&queue.mutex);
	return empty;
}

bool
log_writer_put(enum log_level level, const char *line, size_t n)
{
	size_t done;
	bool good;

	if (!queue.running)
		return log_writer_write(level, line, n);
	done = !use_syslog && is_empty() ? write_now(line, n) : 0;
	if (done == n)
		return true;
	pthread_mutex_lock(&queue.mutex);
	good = done == 0 && add(level, line, n);
	if (done > 0) { /* said with the next line, behind the end of this one */
		broken = true;
		queue.lost++;
	}
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
log_writer_put_and_wait(enum log_level level, const char *line, size_t n)
{
	bool good;

	if (!queue.running)
		return log_writer_write(level, line, n);
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
		queue.said = queue.told;
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
log_writer_open(bool by_syslog, log_writer_listener *listener)
{
	struct stat st;

	use_syslog = by_syslog;
	if (fstat(STDERR_FILENO, &st) == 0)
		standard_error = S_ISSOCK(st.st_mode) ? SOCKET
		    : S_ISFIFO(st.st_mode)            ? PIPE
		    : S_ISREG(st.st_mode)             ? DISK
						      : WAITS;
	queue.tell_lost = listener;
	queue.running = start_thread();
}

uint64_t
log_writer_lost(void)
{
	uint64_t n;

	pthread_mutex_lock(&queue.mutex);
	n = queue.lost;
	pthread_mutex_unlock(&queue.mutex);
	return n;
}
