/* SPDX-License-Identifier: BSD-2-Clause */
/* decision_line - the line of the log that the daemon wrote about a decision */
#include "policy/ctl/why/decision_line.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "policy/base/hex.h"
#include "policy/ctl/why/flat_json.h"

#define STAMP_MAX 48

/* The keys that are looked at; others are passed over. */
static const struct {
	const char *key;
	size_t offset;
} members[] = {
    {"verdict", offsetof(struct decision_line, verdict)},
    {"reason", offsetof(struct decision_line, reason)},
    {"login", offsetof(struct decision_line, login)},
    {"mailbox", offsetof(struct decision_line, mailbox)},
    {"tenant", offsetof(struct decision_line, tenant)},
    {"client", offsetof(struct decision_line, client)},
    {"mech", offsetof(struct decision_line, mechanism)},
    {"listener", offsetof(struct decision_line, listener)},
    {"sender", offsetof(struct decision_line, sender)},
    {"door", offsetof(struct decision_line, door)},
};

bool
decision_line_is_id(const char *s)
{
	return strlen(s) == DECISION_ID_LENGTH &&
	    strspn(s, "0123456789abcdefghjkmnpqrstvwxyz") == DECISION_ID_LENGTH;
}

/* member_of - where the value of KEY goes; NULL for one that is not wanted */
static struct decision_value *
member_of(struct decision_line *line, const char *key, size_t n)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strlen(members[i].key) == n && memcmp(members[i].key, key, n) == 0)
			return (
			    struct decision_value *)((char *)line + members[i].offset);
	return NULL;
}

/* take_stamp - reads N bytes of S as RFC 3339, also with an offset as "+0100" */
static bool
take_stamp(const char *s, size_t n, instant *when_r)
{
	char stamp[STAMP_MAX + 2];
	struct error_text why;

	if (n < strlen("2026-12-01T09:00:00Z") || n > STAMP_MAX ||
	    !isdigit((unsigned char)s[0]) || s[4] != '-')
		return false;
	memcpy(stamp, s, n);
	stamp[n] = '\0';
	if ((s[n - 5] == '+' || s[n - 5] == '-') && isdigit((unsigned char)s[n - 3])) {
		memmove(stamp + n - 1, stamp + n - 2, 3);
		stamp[n - 2] = ':';
	}
	return instant_parse(stamp, INSTANT_DAY_START, 0, when_r, &why) == OK;
}

/* take_seconds - "1764489601.123456", as journalctl -o short-unix has it */
static bool
take_seconds(const char *s, size_t n, instant *when_r)
{
	size_t digits = strspn(s, "0123456789");

	if (digits < 9 || digits > 12 || s[digits] != '.' ||
	    digits + 1 + strspn(s + digits + 1, "0123456789") != n)
		return false;
	*when_r = 0;
	for (size_t i = 0; i < digits; i++)
		*when_r = *when_r * 10 + (s[i] - '0');
	return true;
}

/*
 * take_month - "Nov 30 09:12:01", of the year in which it is the last before NOW. Its
 * length, or 0
 */
static size_t
take_month(const char *s, instant now, instant *when_r)
{
	time_t clock = (time_t)(now + 86400); /* clocks differ a little */
	struct tm tm, today;
	const char *end;
	char stamp[16];

	if (strlen(s) < 15 || !isupper((unsigned char)s[0]) ||
	    localtime_r(&clock, &today) == NULL)
		return 0;
	memcpy(stamp, s, 15);
	stamp[15] = '\0';
	for (int year = today.tm_year; year >= today.tm_year - 1; year--) {
		memset(&tm, 0, sizeof tm);
		end = strptime(stamp, "%b %e %H:%M:%S", &tm);
		if (end == NULL || *end != '\0')
			return 0;
		tm.tm_year = year;
		tm.tm_isdst = -1;
		*when_r = mktime(&tm);
		if (*when_r <= clock)
			return 15;
	}
	return 15;
}

/* pass_stamp - what follows the time in front of LINE, which is LINE if there is none
 */
static const char *
pass_stamp(const char *line, instant now, instant *when_r)
{
	size_t n;

	*when_r = INSTANT_NONE;
	if (line[0] == '<') { /* the priority */
		n = strspn(line + 1, "0123456789");
		line += n > 0 && n <= 3 && line[n + 1] == '>' ? n + 2 : 0;
	}
	n = strcspn(line, " ");
	if (!take_stamp(line, n, when_r) && !take_seconds(line, n, when_r))
		n = take_month(line, now, when_r);
	if (n > 0 && line[n] == ' ')
		return line + n + strspn(line + n, " ");
	*when_r = INSTANT_NONE;
	return line;
}

/* pass_word - what follows WORD; NULL: it is not there */
static const char *
pass_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	return strncmp(s, word, n) == 0 ? s + n : NULL;
}

/*
 * pass_name - what follows the name of a daemon that decides, "smtpauth-milter: " or
 * "smtpauth-authd[7]: "; NULL: not it
 */
static const char *
pass_name(const char *s)
{
	const char *after = pass_word(s, "smtpauth-milter");
	size_t n;

	if (after == NULL)
		after = pass_word(s, "smtpauth-authd");
	if (after == NULL)
		return NULL;
	s = after;
	if (*s == '[') {
		n = 1 + strspn(s + 1, "0123456789");
		if (s[n] != ']')
			return NULL;
		s += n + 1;
	}
	return pass_word(s, ": ");
}

/* message_of - what the daemon has written; NULL where it was another program */
static const char *
message_of(const char *line, instant now, instant *when_r)
{
	const char *s = pass_stamp(line, now, when_r), *named = pass_name(s);

	if (named == NULL && *when_r != INSTANT_NONE) { /* behind the host's name */
		s += strcspn(s, " ");
		named = pass_name(s + (*s == ' '));
		if (named == NULL)
			return NULL;
	}
	if (named == NULL)
		return s;
	s = pass_name(named); /* the journal's name for it, and its own */
	return s != NULL ? s : named;
}

/* value_add - one more byte; a value that is too long is none */
static void
value_add(struct decision_value *v, char c)
{
	if (v->len < DECISION_VALUE_MAX)
		v->at[v->len++] = c;
	else
		v->cut = true;
	v->at[v->len] = '\0';
}

/* value_read - N bytes, escaped as a word */
static void
value_read(struct decision_value *v, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int byte = i + 3 < n && s[i] == '\\' && s[i + 1] == 'x'
		    ? hex_byte(s + i + 2)
		    : -1;

		if (byte < 0) {
			value_add(v, s[i]);
			continue;
		}
		value_add(v, (char)byte);
		i += 3;
	}
}

/* is_length - whether the word is the end of "...[700 bytes]", for a value's end */
static bool
is_length(const char *s, size_t n)
{
	return n == strlen("bytes]") && memcmp(s, "bytes]", n) == 0;
}

/* words_read - the message as "key=value" and so on; false where it is not of ID */
static bool
words_read(struct decision_line *out, const char *s, const char *id)
{
	struct decision_value *last = NULL;
	size_t n;

	if (strncmp(s, "id=", 3) != 0 || strncmp(s + 3, id, DECISION_ID_LENGTH) != 0 ||
	    s[3 + DECISION_ID_LENGTH] != ' ')
		return false;
	for (s += 4 + DECISION_ID_LENGTH; *s != '\0'; s += n + (s[n] == ' ')) {
		const char *equals;

		n = strcspn(s, " \r\n");
		if (n == 0 && s[n] != ' ')
			break;
		equals = memchr(s, '=', n);
		if (equals == NULL && is_length(s, n) && last != NULL)
			last->cut = true;
		if (equals == NULL)
			continue;
		last = member_of(out, s, (size_t)(equals - s));
		if (last != NULL && last->len == 0)
			value_read(last, equals + 1, n - (size_t)(equals + 1 - s));
	}
	return true;
}

/* A JSON line while it is read. */
struct json_line {
	struct decision_line *out;
	const char *id;
	bool is_it;
};

static void
json_take(void *arg, const char *key, const char *value, size_t n)
{
	struct json_line *j = arg;
	struct decision_value *v = member_of(j->out, key, strlen(key));

	if (strcmp(key, "id") == 0)
		j->is_it = strcmp(value, j->id) == 0;
	if (strcmp(key, "time") == 0)
		(void)take_stamp(value, n, &j->out->when);
	for (size_t i = 0; v != NULL && i < n; i++)
		value_add(v, value[i]);
	if (v != NULL && strcmp(value, "(too long)") == 0)
		v->cut = true;
}

bool
decision_line_read(
    struct decision_line *out_r, const char *line, const char *id, instant now)
{
	struct json_line j = {out_r, id, false};
	const char *message;
	instant when;

	memset(out_r, 0, sizeof *out_r);
	message = message_of(line, now, &when);
	if (message == NULL)
		return false;
	out_r->when = when;
	memcpy(out_r->id, id, DECISION_ID_LENGTH);
	if (*message == '{')
		return flat_json_read(message, json_take, &j) && j.is_it &&
		    out_r->verdict.len > 0;
	return words_read(out_r, message, id) && out_r->verdict.len > 0;
}
