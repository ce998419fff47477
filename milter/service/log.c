/* SPDX-License-Identifier: BSD-2-Clause */
/* log - lines to standard error, to syslog, or as JSON */
#include "milter/service/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "milter/service/log_sink.h"
#include "milter/service/log_writer.h"
#include "policy/base/instant.h"
#include "policy/base/json.h"
#include "policy/base/text.h"

#define MESSAGE_LIMIT 1500
#define VALUE_LIMIT 500 /* bytes of a field's value that are shown */
#define FIELD_MIN 60    /* bytes of a line for a value that is not shown */

_Static_assert(4 * MESSAGE_LIMIT + 200 <= LOG_SINK_LINE_MAX, "a message is a line");

static enum log_target log_target = LOG_TO_STDERR;
static enum log_level log_level = LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static void
put_text(void *arg, const char *s, size_t n)
{
	text_add(arg, s, n);
}

/* put_value - with its key; J writes JSON, or is NULL for text */
static void
put_value(struct text *t, struct json *j, const struct log_field *f, size_t limit)
{
	if (j == NULL) {
		text_printf(t, "%s=", f->key);
		text_escape(t, f->value, f->len, limit);
	} else if (f->len == 0) {
		json_literal(j, f->key, "null");
	} else if (f->len <= limit) {
		json_string_n(j, f->key, f->value, f->len);
	} else {
		json_quoted(j, f->key, "(too long)");
	}
}

/* put_fields - a value that leaves too little room for those after it is not shown */
static void
put_fields(struct text *t, struct json *j, const struct log_field *fields, size_t n,
    size_t limit)
{
	for (size_t i = 0; i < n; i++) {
		size_t whole, reserved = FIELD_MIN * (n - i);

		if (j == NULL && i > 0)
			text_puts(t, " ");
		whole = t->len;
		t->cap -= reserved;
		put_value(t, j, &fields[i], limit);
		t->cap += reserved;
		if (!t->cut)
			continue;
		t->len = whole;
		t->cut = false;
		put_value(t, j, &fields[i], 0);
	}
}

static void
put_json(struct text *t, enum log_level level, const struct log_field *fields, size_t n,
    size_t limit)
{
	struct json j;

	json_start(&j, put_text, t);
	json_open(&j, NULL, "{");
	json_instant(&j, "time", instant_now());
	json_quoted(&j, "level", level_names[level]);
	t->cap--; /* for the brace */
	put_fields(t, &j, fields, n, limit);
	t->cap++;
	text_puts(t, "}");
}

/* start - an empty line in BUF, with room for its newline */
static void
start(struct text *t, char *buf, size_t cap)
{
	text_init(t, buf, cap - 1);
}

static void
finish(struct text *t)
{
	t->cap++;
	text_puts(t, "\n");
}

static void
message_line(struct text *t, enum log_level level, const char *message)
{
	const struct log_field field = {"message", message, strlen(message)};

	if (log_target == LOG_TO_JSON) {
		put_json(t, level, &field, 1, MESSAGE_LIMIT);
	} else {
		if (level != LEVEL_INFO)
			text_printf(t, "%s: ", level_names[level]);
		text_show(t, message, field.len, MESSAGE_LIMIT);
	}
	finish(t);
}

void
log_message(enum log_level level, const char *fmt, ...)
{
	char message[MESSAGE_LIMIT], line[4 * MESSAGE_LIMIT + 200];
	struct text t;
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	start(&t, line, sizeof line);
	message_line(&t, level, message);
	log_writer_put(level, line, t.len);
}

void
log_fields(enum log_level level, const struct log_field *fields, size_t n)
{
	char line[LOG_SINK_LINE_MAX];
	struct text t;

	if (level > log_level)
		return;
	start(&t, line, sizeof line);
	if (log_target == LOG_TO_JSON)
		put_json(&t, level, fields, n, VALUE_LIMIT);
	else
		put_fields(&t, NULL, fields, n, VALUE_LIMIT);
	finish(&t);
	log_writer_put(level, line, t.len);
}

/* lost_line - see log_writer_notice */
static size_t
lost_line(uint64_t n, char line[LOG_WRITER_NOTICE_MAX])
{
	char message[60];
	struct text t;

	snprintf(message, sizeof message, "%llu log line%s lost", (unsigned long long)n,
	    n == 1 ? " was" : "s were");
	start(&t, line, LOG_WRITER_NOTICE_MAX);
	message_line(&t, LEVEL_WARNING, message);
	return t.len;
}

enum error
log_open(enum log_target target, enum log_level level)
{
	log_target = target;
	log_level = level;
	return log_writer_open(target, lost_line);
}
