/* SPDX-License-Identifier: BSD-2-Clause */
/* log - lines to standard error, to syslog, or as JSON */
#ifndef MILTER_SERVICE_LOG_H
#define MILTER_SERVICE_LOG_H

#include <stddef.h>

#include "policy/config/config.h"

/* A named value of a log line; VALUE is escaped as needed. */
struct log_field {
	const char *key;
	const char *value;
	size_t len;
};

/*
 * Where lines go from now on; before, to standard error from level info up. Called
 * once, before threads are started.
 */
void log_open(enum log_target target, enum log_level level);

/* Whether a line of this level would be written. */
bool log_wants(enum log_level level);

/*
 * Writes one line, whole; what does not fit into some 7 kB is left out. A thread of its
 * own writes, so that a reader who does not read holds up nobody: this waits at most
 * 250 ms, and lines that nobody takes are lost and counted. Thread-safe, no allocation.
 */
void log_message(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A line of fields: key=value, or the members of one JSON object. Every key is there;
 * a value over 500 bytes, or more than fits, is not shown, or not all of it. It does
 * not wait at all, not even until the line is written.
 */
void log_fields(enum log_level level, const struct log_field *fields, size_t n);

#endif
