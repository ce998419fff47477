/* SPDX-License-Identifier: BSD-2-Clause */
/* log - lines to standard error, to syslog, or as JSON */
#include "milter/service/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "milter/service/log_writer.h"
#include "policy/base/instant.h"
#include "policy/base/json.h"
#include "policy/base/text.h"

#define NAME "smtpauth-milter"
#define LINE_MAX_BYTES 7000
#define MESSAGE_MAX 1500
#define VALUE_LIMIT 500 /* bytes of a value that are shown */
#define FIELD_MIN 60    /* bytes of a line for a value that is not shown */

static enum log_target log_target = LOG_TO_STDERR;
static enum log_level log_level = LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

bool
log_wants(enum log_level level)
{
	return level <= log_level;
}

/* emit - a finished text line; syslog adds the program's name itself */
static bool
emit(enum log_level level, struct text *t, log_writer *to)
{
	size_t skip = strlen(NAME) + 2;

	if (log_target == LOG_TO_SYSLOG)
		return to(level, t->at + skip, t->len - skip + 1);
	t->at[t->len++] = '\n'; /* there is room: see line_start() */
	return to(level, t->at, t->len);
}

/* line_start - the program's name; the line's last byte is kept for the newline */
static void
line_start(struct text *t, char *buf, size_t cap)
{
	text_init(t, buf, cap - 1);
	text_puts(t, NAME ": ");
}

static void
put_text(void *arg, const char *s, size_t n)
{
	text_add(arg, s, n);
}

static void
json_begin(struct json *j, struct text *t, char *buf, size_t cap, enum log_level level)
{
	text_init(t, buf, cap - 4);
	json_start(j, put_text, t);
	json_object_start(j, NULL);
	json_instant(j, "time", instant_now());
	json_quoted(j, "level", level_names[level]);
}

/* json_finish - there is room: see json_begin() */
static bool
json_finish(struct text *t, enum log_level level, log_writer *to)
{
	memcpy(t->at + t->len, "}\n", 2);
	return to(level, t->at, t->len + 2);
}

static bool
json_message(enum log_level level, const char *message, log_writer *to)
{
	char buf[4 * MESSAGE_MAX];
	struct text t;
	struct json j;
	size_t whole;

	json_begin(&j, &t, buf, sizeof buf - FIELD_MIN, level);
	whole = t.len;
	json_quoted(&j, "message", message);
	t.cap += FIELD_MIN;
	if (t.cut) {
		t.len = whole;
		json_quoted(&j, "message", "(too long)");
	}
	return json_finish(&t, level, to);
}

static bool
text_message(enum log_level level, const char *message, log_writer *to)
{
	char line[4 * MESSAGE_MAX + 100];
	struct text t;

	line_start(&t, line, sizeof line);
	if (level != LEVEL_INFO)
		text_printf(&t, "%s: ", level_names[level]);
	text_show(&t, message, strlen(message), MESSAGE_MAX);
	return emit(level, &t, to);
}

static bool
put_message(enum log_level level, const char *message, log_writer *to)
{
	if (log_target == LOG_TO_JSON)
		return json_message(level, message, to);
	return text_message(level, message, to);
}

void
log_message(enum log_level level, const char *fmt, ...)
{
	char buf[MESSAGE_MAX];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	put_message(level, buf, log_writer_put_and_wait);
}

/* json_field - a value that is too long, or leaves too little for others, is not shown
 */
static void
json_field(struct json *j, struct text *t, const struct log_field *f, size_t reserved)
{
	size_t whole = t->len;

	t->cap -= reserved;
	if (f->len == 0)
		json_none(j, f->key);
	else if (f->len <= VALUE_LIMIT)
		json_string_n(j, f->key, f->value, f->len);
	else
		t->cut = true;
	t->cap += reserved;
	if (!t->cut)
		return;
	t->len = whole;
	t->cut = false;
	json_quoted(j, f->key, "(too long)");
}

static void
json_fields(enum log_level level, const struct log_field *fields, size_t n)
{
	char buf[LINE_MAX_BYTES];
	struct text t;
	struct json j;

	json_begin(&j, &t, buf, sizeof buf, level);
	for (size_t i = 0; i < n; i++)
		json_field(&j, &t, &fields[i], FIELD_MIN * (n - i));
	json_finish(&t, level, log_writer_put);
}

/* text_field - as json_field(); of a value that is not shown stands its length */
static void
text_field(
    struct text *t, const struct log_field *f, const char *space, size_t reserved)
{
	size_t whole = t->len;

	t->cap -= reserved;
	text_printf(t, "%s%s=", space, f->key);
	text_escape(t, f->value, f->len, VALUE_LIMIT);
	t->cap += reserved;
	if (!t->cut)
		return;
	t->len = whole;
	t->cut = false;
	text_printf(t, "%s%s=", space, f->key);
	text_escape(t, f->value, f->len, 0);
}

void
log_fields(enum log_level level, const struct log_field *fields, size_t n)
{
	char line[LINE_MAX_BYTES];
	struct text t;

	if (!log_wants(level))
		return;
	if (log_target == LOG_TO_JSON) {
		json_fields(level, fields, n);
		return;
	}
	line_start(&t, line, sizeof line);
	for (size_t i = 0; i < n; i++)
		text_field(&t, &fields[i], i > 0 ? " " : "", FIELD_MIN * (n - i));
	emit(level, &t, log_writer_put);
}

/* say_lost - that lines are missing */
static bool
say_lost(uint64_t n)
{
	char text[60];

	snprintf(text, sizeof text, "%llu log line%s lost", (unsigned long long)n,
	    n == 1 ? " was" : "s were");
	return put_message(LEVEL_WARNING, text, log_writer_write);
}

void
log_open(enum log_target target, enum log_level level)
{
	log_target = target;
	log_level = level;
	/* libmilter speaks to syslog by itself, whatever our target is */
	openlog(NAME, LOG_PID | LOG_NDELAY, LOG_MAIL);
	log_writer_open(target == LOG_TO_SYSLOG, say_lost);
}
