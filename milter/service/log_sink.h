/* SPDX-License-Identifier: BSD-2-Clause */
/* log_sink - where lines of the log go: standard error, the journal, syslog */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/config/config.h"

#define LOG_SINK_LINE_MAX 7000 /* bytes of a line with its newline */

/* Sets the program's name, a literal, before anything else; else it is the milter's. */
void log_sink_name(const char *program);

/*
 * Sets where lines go, before the first is written. Standard error gets the program's
 * name before each line; where it is the journal (JOURNAL_STREAM, sd-daemon(3)), which
 * has the name, the priority: "<3>". A line of JSON gets neither. Lines for syslog go
 * to standard error while there is no /dev/log that takes them.
 */
void log_sink_open(enum log_target target);

/* Looks whether syslog is there, and says so where that changes. Before some lines. */
void log_sink_look(void);

/*
 * Writes a line of N bytes, the last of which is its newline; waits for the reader.
 * False if it is lost, which syslog(3) does not tell. One thread at a time, as
 * log_sink_look().
 */
bool log_sink_write(enum log_level level, const char *line, size_t n);

/* Whether lines for syslog go to standard error. Thread-safe. */
bool log_sink_is_replaced(void);

/* Writes an error to standard error, whatever the log is; also before log_sink_open().
 */
void log_sink_error(const char *text);
