/* SPDX-License-Identifier: BSD-2-Clause */
/* log_writer - non-blocking log output */
#include "milter/service/log_writer.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "milter/service/log_sink.h"

#define QUEUE_BYTES (1024 * 1024)
#define FLUSH_MS 250

/* An entry of a buffer is a digit, the level, and the line with its newline. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t added;
	log_writer_notice *notice;
	char buffer[2][QUEUE_BYTES];
	int filling; /* the buffer that lines are added to; the other is written */
	size_t len[2];
	_Atomic uint64_t lost;
} queue = {.mutex = PTHREAD_MUTEX_INITIALIZER, .added = PTHREAD_COND_INITIALIZER};

/* write_entries - returns how many lines were lost */
static uint64_t
write_entries(char *at, size_t n)
{
	uint64_t lost = 0;

	log_sink_look();
	for (size_t len; n > 0; at += len, n -= len) {
		len = (size_t)((char *)memchr(at, '\n', n) + 1 - at);
		lost += !log_sink_write((enum log_level)(*at - '0'), at + 1, len - 1);
	}
	return lost;
}

static void *
drain(void *arg)
{
	char line[1 + LOG_WRITER_NOTICE_MAX];
	uint64_t told = 0, lost;
	int full;

	pthread_mutex_lock(&queue.mutex);
	for (;;) {
		while (queue.len[queue.filling] == 0)
			pthread_cond_wait(&queue.added, &queue.mutex);
		pthread_mutex_unlock(&queue.mutex);
		poll(NULL, 0, 1); /* for a millisecond: one wake-up for many lines */
		pthread_mutex_lock(&queue.mutex);
		full = queue.filling;
		lost = queue.lost; /* each of them before or after these lines */
		queue.filling = !full;
		pthread_mutex_unlock(&queue.mutex);
		queue.lost += write_entries(queue.buffer[full], queue.len[full]);
		line[0] = '0' + LEVEL_WARNING;
		if (lost > told &&
		    write_entries(line, 1 + queue.notice(lost - told, line + 1)) == 0)
			told = lost;
		pthread_mutex_lock(&queue.mutex);
		queue.len[full] = 0;
	}
	return arg;
}

enum error
log_writer_open(enum log_target target, log_writer_notice *notice)
{
	pthread_t thread;

	log_sink_open(target);
	queue.notice = notice;
	if (pthread_create(&thread, NULL, drain, NULL) != 0)
		return ERR_MEMORY;
	pthread_detach(thread);
	return OK;
}

void
log_writer_put(enum log_level level, const char *line, size_t n)
{
	size_t *len;
	char *to;

	pthread_mutex_lock(&queue.mutex);
	len = &queue.len[queue.filling];
	to = queue.buffer[queue.filling] + *len;
	if (*len + 1 + n > QUEUE_BYTES) {
		queue.lost++;
	} else {
		*to = (char)('0' + level);
		memcpy(to + 1, line, n);
		*len += 1 + n;
		pthread_cond_signal(&queue.added);
	}
	pthread_mutex_unlock(&queue.mutex);
}

void
log_writer_flush(void)
{
	bool busy = true;

	for (int i = 0; i < FLUSH_MS && busy; i++) {
		poll(NULL, 0, 1);
		pthread_mutex_lock(&queue.mutex);
		busy = queue.len[0] > 0 || queue.len[1] > 0;
		pthread_mutex_unlock(&queue.mutex);
	}
}

uint64_t
log_writer_lost(void)
{
	return queue.lost;
}
