/* SPDX-License-Identifier: BSD-2-Clause */
/* log_writer - where finished log lines leave the process, without holding up who logs
 */
#ifndef MILTER_SERVICE_LOG_WRITER_H
#define MILTER_SERVICE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/config/config.h"

/*
 * A line is N bytes with its newline; for syslog, with a NUL instead. Each function
 * returns false when the line is known to be lost. Thread-safe but for
 * log_writer_write().
 */
typedef bool log_writer(enum log_level level, const char *line, size_t n);

/* Told on the log_writer's thread that N lines are lost; it uses log_writer_write(). */
typedef bool log_writer_listener(uint64_t n);

/*
 * Starts the thread that writes to standard error, or gives the lines to syslog. Once,
 * before other threads are started, with signals blocked. Before, and should there be
 * no thread, lines are written at once.
 */
void log_writer_open(bool by_syslog, log_writer_listener *listener);

/*
 * Writes the line at once where that needs no wait for a reader and no line waits
 * before it, so that it is out before the caller goes on; else queues it. A full queue,
 * 1 MiB, loses it. Lines for syslog are always queued.
 */
log_writer log_writer_put;

/*
 * Queues the line and waits until it is written, for 250 ms; once that was in vain, not
 * at all, until something is written again. For lines that may be the last ones.
 */
log_writer log_writer_put_and_wait;

/* Writes the line at once, however long that takes. */
log_writer log_writer_write;

/*
 * How many lines were lost so far: those that found the queue full, and those that
 * standard error did not take. What syslog does with a line nobody can know.
 */
uint64_t log_writer_lost(void);

#endif
