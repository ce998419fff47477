/* SPDX-License-Identifier: BSD-2-Clause */
/* log - lines to standard error, to syslog, or as JSON */
#pragma once

#include <stddef.h>

#include "policy/config/config.h"

/* A named value of a log line; VALUE is escaped as needed. */
struct log_field {
	const char *key;
	const char *value;
	size_t len;
};

/*
 * Sets where lines go and which, once, before threads are started that log. Until then
 * lines wait in memory. ERR_MEMORY.
 */
enum error log_open(enum log_target target, enum log_level level) MUST_USE;

/*
 * Logs one line, escaped; of a message over 1500 bytes the end is missing. Waits for no
 * reader, see log_writer.h. Thread-safe, no allocation.
 */
void log_message(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Logs one line of fields: key=value, or the members of a JSON object. Every key is
 * there; a value over 500 bytes, or more than fits in 7 kB, is not shown, or not all of
 * it. Otherwise as log_message().
 */
void log_fields(enum log_level level, const struct log_field *fields, size_t n);
