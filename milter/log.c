/* SPDX-License-Identifier: BSD-2-Clause */
/* log - lines to standard error, to syslog, or as JSON */
#include "milter/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "policy/instant.h"
#include "policy/json.h"
#include "policy/text.h"

#define NAME "smtpauth-milter"
#define LINE_MAX_BYTES 7000
#define MESSAGE_MAX 1500
#define VALUE_LIMIT 500 /* bytes of a value that are shown */

static enum log_target log_target = LOG_TO_STDERR;
static enum log_level log_level = LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void
log_open(enum log_target target, enum log_level level)
{
	log_target = target;
	log_level = level;
	/* libmilter speaks to syslog by itself, whatever our target is */
	openlog(NAME, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

bool
log_wants(enum log_level level)
{
	return level <= log_level;
}

/* write_all - one write(2) as a rule; a full pipe may take several */
static void
write_all(const char *s, size_t n)
{
	while (n > 0) {
		ssize_t done = write(STDERR_FILENO, s, n);

		if (done < 0 && errno != EINTR)
			return;
		if (done > 0) {
			s += done;
			n -= (size_t)done;
		}
	}
}

static void
to_syslog(enum log_level level, const char *line)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	syslog(priority[level], "%s", line);
}

/* emit - a finished text line */
static void
emit(enum log_level level, struct text *t)
{
	if (log_target == LOG_TO_SYSLOG) {
		to_syslog(level, t->at + strlen(NAME) + 2);
		return;
	}
	t->at[t->len++] = '\n'; /* there is room: see line_start() */
	write_all(t->at, t->len);
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
	json_object(j, NULL);
	json_instant(j, "time", instant_now());
	json_string(j, "level", level_names[level]);
}

/* json_finish - closes the object; one that was cut is closed where it was whole */
static void
json_finish(struct text *t, size_t whole)
{
	if (t->cut)
		t->len = whole;
	memcpy(t->at + t->len, "}\n", 2);
	write_all(t->at, t->len + 2);
}

static void
json_message(enum log_level level, const char *message)
{
	char buf[4 * MESSAGE_MAX];
	struct text t;
	struct json j;
	size_t whole;

	json_begin(&j, &t, buf, sizeof buf, level);
	whole = t.len;
	json_string(&j, "message", message);
	json_finish(&t, whole);
}

static void
text_message(enum log_level level, const char *message)
{
	char line[4 * MESSAGE_MAX + 100];
	struct text t;

	line_start(&t, line, sizeof line);
	if (level != LEVEL_INFO)
		text_printf(&t, "%s: ", level_names[level]);
	text_show(&t, message, strlen(message), MESSAGE_MAX);
	emit(level, &t);
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
	if (log_target == LOG_TO_JSON)
		json_message(level, buf);
	else
		text_message(level, buf);
}

/* json_fields - a value too long to show is cut as in a text line */
static void
json_fields(enum log_level level, const struct log_field *fields, size_t n)
{
	char buf[LINE_MAX_BYTES];
	struct text t;
	struct json j;
	size_t whole;

	json_begin(&j, &t, buf, sizeof buf, level);
	whole = t.len;
	for (size_t i = 0; i < n; i++) {
		if (fields[i].len == 0)
			json_null(&j, fields[i].key);
		else if (fields[i].len <= VALUE_LIMIT)
			json_string_n(
			    &j, fields[i].key, fields[i].value, fields[i].len);
		else
			json_string(&j, fields[i].key, "(too long)");
		if (!t.cut)
			whole = t.len;
	}
	json_finish(&t, whole);
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
	for (size_t i = 0; i < n; i++) {
		text_printf(&t, "%s%s=", i > 0 ? " " : "", fields[i].key);
		text_escape(&t, fields[i].value, fields[i].len, VALUE_LIMIT);
	}
	emit(level, &t);
}
