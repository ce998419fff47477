/* SPDX-License-Identifier: BSD-2-Clause */
/* client_answer - what smtpauth-authd answers pam_smtpauth */
#include "milter/auth/client_answer.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define KEY_MAX 15   /* bytes of a member's name; ours are shorter */
#define DIGITS_MAX 9 /* of a number, which an int can hold */
#define UNKNOWN_LENGTH ((size_t)-1)

/* What is left to be read. */
struct rest {
	const char *at, *end;
};

/* HTTP: status line, fields, empty line */

/* take_line - the next line, without its CR LF; false: there is no whole one */
static bool
take_line(struct rest *head, struct rest *line)
{
	const char *lf = memchr(head->at, '\n', (size_t)(head->end - head->at));

	if (lf == NULL || lf == head->at || lf[-1] != '\r')
		return false;
	*line = (struct rest){head->at, lf - 1};
	head->at = lf + 1;
	return true;
}

/* is_text - whether the line has no control characters */
static bool
is_text(const struct rest *line)
{
	for (const char *s = line->at; s < line->end; s++)
		if (iscntrl((unsigned char)*s) && *s != '\t')
			return false;
	return true;
}

/* read_status - the three digits of "HTTP/1.1 200 OK", or 0 */
static int
read_status(const struct rest *line)
{
	static const char version[] = "HTTP/1.1 ";
	size_t n = sizeof version - 1;
	const char *s = line->at + n;

	if ((size_t)(line->end - line->at) < n + 3 || memcmp(line->at, version, n) != 0)
		return 0;
	if (line->end > s + 3 && s[3] != ' ')
		return 0;
	for (int i = 0; i < 3; i++)
		if (s[i] < '0' || s[i] > '9')
			return 0;
	return (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
}

/* read_length - the value of Content-Length, up to DIGITS_MAX digits */
static bool
read_length(const char *s, const char *end, size_t *length)
{
	if (*length != UNKNOWN_LENGTH) /* a second one */
		return false;
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (s < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s == end || end - s > DIGITS_MAX)
		return false;
	*length = 0;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return false;
		*length = *length * 10 + (size_t)(*s - '0');
	}
	return true;
}

/* is_field - whether the NAME_LEN bytes at S are NAME, in whatever case */
static bool
is_field(const char *s, size_t name_len, const char *name)
{
	return name_len == strlen(name) && strncasecmp(s, name, name_len) == 0;
}

/* read_field - a field of the head; false: no body can be read after it */
static bool
read_field(const struct rest *line, size_t *length)
{
	const char *colon = memchr(line->at, ':', (size_t)(line->end - line->at));
	size_t n = colon == NULL ? 0 : (size_t)(colon - line->at);

	for (size_t i = 0; i < n; i++)
		if (!isgraph((unsigned char)line->at[i]))
			return false;
	if (n == 0 || is_field(line->at, n, "transfer-encoding"))
		return false;
	if (!is_field(line->at, n, "content-length"))
		return true;
	return read_length(colon + 1, line->end, length);
}

/* read_head - up to the body, whose length is found */
static enum client_verdict
read_head(struct rest *text, int *status_r, size_t *length_r)
{
	struct rest line;

	*status_r = 0;
	*length_r = UNKNOWN_LENGTH;
	if (!take_line(text, &line))
		return memchr(text->at, '\n', (size_t)(text->end - text->at)) != NULL
		    ? CLIENT_ANSWER_BAD
		    : CLIENT_ANSWER_MORE;
	*status_r = is_text(&line) ? read_status(&line) : 0;
	if (*status_r != 200)
		return CLIENT_ANSWER_BAD;
	while (take_line(text, &line)) {
		if (line.at == line.end)
			return *length_r == UNKNOWN_LENGTH ? CLIENT_ANSWER_BAD
							   : CLIENT_ANSWER_PASS;
		if (!is_text(&line) || !read_field(&line, length_r))
			return CLIENT_ANSWER_BAD;
	}
	return memchr(text->at, '\n', (size_t)(text->end - text->at)) != NULL
	    ? CLIENT_ANSWER_BAD
	    : CLIENT_ANSWER_MORE;
}

/* JSON: an object of "status" and "msg" */

static void
skip_blanks(struct rest *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) != NULL && *r->at != '\0')
		r->at++;
}

/* take - the next character that is no blank must be C */
static bool
take(struct rest *r, char c)
{
	skip_blanks(r);
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* hex_ascii - the visible character of the four digits of \uXXXX, or -1 */
static int
hex_ascii(const struct rest *r)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;
	int c = 0;

	if (r->end - r->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)r->at[i]))
			return -1;
		at = strchr(digits, tolower((unsigned char)r->at[i]));
		c = c * 16 + (int)(at - digits);
	}
	return c >= ' ' && c <= '~' ? c : -1;
}

/* take_escape - what follows a backslash, or -1; a control character is shown as ? */
static int
take_escape(struct rest *r)
{
	int c;

	if (r->at == r->end)
		return -1;
	c = (unsigned char)*r->at++;
	if (c == '"' || c == '\\' || c == '/')
		return c;
	if (c == 'u') {
		c = hex_ascii(r);
		r->at += c < 0 ? 0 : 4;
		return c;
	}
	return c != '\0' && strchr("bfnrt", c) != NULL ? '?' : -1;
}

/* take_string - one of visible ASCII and blanks; up to MOST bytes of it and a NUL to
 * OUT, LEN_R is how many it has */
static bool
take_string(struct rest *r, char *out, size_t most, size_t *len_r)
{
	size_t len = 0;
	int c;

	if (!take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		c = (unsigned char)*r->at++;
		if (c == '\\')
			c = take_escape(r);
		if (c < ' ' || c > '~')
			return false;
		if (len < most)
			out[len] = (char)c;
		len++;
	}
	out[len < most ? len : most] = '\0';
	*len_r = len;
	return take(r, '"');
}

/* take_number - an integer */
static bool
take_number(struct rest *r, int *n_r)
{
	const char *start;
	bool negative;
	int n = 0;

	skip_blanks(r);
	negative = r->at < r->end && *r->at == '-';
	r->at += negative;
	start = r->at;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9' &&
	    r->at - start < DIGITS_MAX)
		n = n * 10 + (*r->at++ - '0');
	*n_r = negative ? -n : n;
	if (r->at == start || (*start == '0' && (negative || r->at - start > 1)))
		return false;
	return true;
}

/* What the members said. */
struct members {
	bool has_status, has_message;
	int status;
};

/* take_member - "status" or "msg", each once */
static bool
take_member(struct rest *r, struct members *m, char *message)
{
	char key[KEY_MAX + 1];
	size_t len;

	if (!take_string(r, key, KEY_MAX, &len) || len > KEY_MAX || !take(r, ':'))
		return false;
	if (strcmp(key, "status") == 0 && !m->has_status) {
		m->has_status = true;
		return take_number(r, &m->status);
	}
	if (strcmp(key, "msg") == 0 && !m->has_message) {
		m->has_message = true;
		return take_string(r, message, CLIENT_ANSWER_MESSAGE_MAX, &len);
	}
	return false;
}

static enum client_verdict
read_body(struct rest r, char *message)
{
	struct members m = {0};

	if (!take(&r, '{'))
		return CLIENT_ANSWER_BAD;
	do {
		if (!take_member(&r, &m, message))
			return CLIENT_ANSWER_BAD;
	} while (take(&r, ','));
	if (!take(&r, '}'))
		return CLIENT_ANSWER_BAD;
	skip_blanks(&r);
	if (r.at != r.end || !m.has_status || m.status > 0)
		return CLIENT_ANSWER_BAD;
	return m.status == 0 ? CLIENT_ANSWER_PASS : CLIENT_ANSWER_REFUSE;
}

enum client_verdict
client_answer_read(struct client_answer *answer, const char *text, size_t n)
{
	struct rest rest = {text, text + n};
	enum client_verdict v;
	size_t length, left;

	answer->message[0] = '\0';
	v = read_head(&rest, &answer->http_status, &length);
	if (v != CLIENT_ANSWER_PASS)
		return v;
	left = (size_t)(rest.end - rest.at);
	if (length > CLIENT_ANSWER_MAX || left > length)
		return CLIENT_ANSWER_BAD;
	if (left < length)
		return CLIENT_ANSWER_MORE;
	v = read_body(rest, answer->message);
	if (v == CLIENT_ANSWER_BAD) /* a part of it may be there, without a NUL */
		answer->message[0] = '\0';
	return v;
}
