/* SPDX-License-Identifier: BSD-2-Clause */
/* log_writer - non-blocking log output */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/config/config.h"

/*
 * A thread of its own writes the lines, so that no caller waits for a reader: standard
 * error may be a pipe that nobody empties, and syslog a program that is stopped. A line
 * is written a millisecond later. Up to 1 MiB of lines is queued; what finds no room is
 * dropped and counted.
 */

#define LOG_WRITER_NOTICE_MAX 200

/* Writes the line that N lines were lost to LINE, and returns its length. */
typedef size_t log_writer_notice(uint64_t n, char line[LOG_WRITER_NOTICE_MAX]);

/*
 * Starts the thread, which writes to TARGET (log_sink.h). Once, with signals blocked;
 * lines put before wait until then. ERR_MEMORY.
 */
enum error log_writer_open(enum log_target target, log_writer_notice *notice) MUST_USE;

/* Queues a line of N bytes, the last of which is its newline. Thread-safe. */
void log_writer_put(enum log_level level, const char *line, size_t n);

/* Waits until all lines are written, but not longer than 250 ms. */
void log_writer_flush(void);

/*
 * The number of lines lost so far: those that found the queue full and those that
 * standard error did not take. syslog(3) does not report a loss.
 */
uint64_t log_writer_lost(void);
