/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_template - a message with fields to fill in */
#include "policy/ctl/notify/notice_template.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/base/text.h"
#include "policy/base/unicode.h"

static const char *const names[] = {
    [NOTICE_TEMPLATE_TENANT] = "tenant",
    [NOTICE_TEMPLATE_ENFORCE_FROM] = "enforce-from",
    [NOTICE_TEMPLATE_TEMPFAIL_UNTIL] = "tempfail-until",
    [NOTICE_TEMPLATE_URL] = "url",
    [NOTICE_TEMPLATE_MAILBOXES] = "mailboxes",
};
#define FIELDS (sizeof names / sizeof *names)

/* The headers that are added where the template has none. */
static const struct {
	const char *name, *value;
} added[] = {
    {"MIME-Version", "1.0"},
    {"Content-Type", "text/plain; charset=utf-8"},
    {"Content-Transfer-Encoding", "8bit"},
    {"Auto-Submitted", "auto-generated"},
};
#define ADDED (sizeof added / sizeof *added)

#define NAME_SHOWN_MAX 120 /* bytes of a name that has no room, four columns each */

struct notice_template {
	char *text; /* LF only; the name for messages follows it */
	size_t len, body;
	const char *name;
	unsigned fields; /* a set of the bits of enum notice_template_field */
	unsigned has;    /* a set of indexes of `added` */
	bool subject, url_line;
};

/* One line while it is read or printed. */
struct line {
	const char *at;
	size_t len, number;
	bool header;
};

static enum error
notice_template_bad(const struct notice_template *t, const struct line *l,
    struct error_text *why, const char *what)
{
	return error_set(why, ERR_DATA, "%s:%zu: %s", t->name, l->number, what);
}

/* next_line - the line at AT into L; false at the end */
static bool
next_line(const struct notice_template *t, size_t at, struct line *l)
{
	const char *end;

	if (at >= t->len)
		return false;
	l->at = t->text + at;
	end = memchr(l->at, '\n', t->len - at);
	l->len = end != NULL ? (size_t)(end - l->at) : t->len - at;
	l->number++;
	l->header = at < t->body;
	return true;
}

/* field_at - the field at AT, after a brace; its length with both braces */
static bool
field_at(const char *at, size_t n, enum notice_template_field *field_r, size_t *len_r)
{
	for (size_t i = 0; i < FIELDS; i++) {
		size_t len = strlen(names[i]);

		if (n >= len + 2 && memcmp(at + 1, names[i], len) == 0 &&
		    at[len + 1] == '}') {
			*field_r = (enum notice_template_field)i;
			*len_r = len + 2;
			return true;
		}
	}
	return false;
}

/* is_url_line - whether the line is of the body, and {url} is all that it has for
 * fields */
static bool
is_url_line(const struct line *l)
{
	enum notice_template_field field;
	size_t len;
	bool found = false;

	for (size_t i = 0; i < l->len && !l->header; i += len) {
		len = l->at[i] == '{' ? 2 : 1;
		if (len == 1 || !field_at(l->at + i, l->len - i, &field, &len))
			continue;
		if (field != NOTICE_TEMPLATE_URL)
			return false;
		found = true;
	}
	return found;
}

static enum error
unknown_field(const struct notice_template *t, const struct line *l, size_t at,
    struct error_text *why)
{
	size_t n = 1;

	while (at + n < l->len && n < 40 && l->at[at + n - 1] != '}')
		n++;
	return error_set(why, ERR_DATA,
	    "%s:%zu: unknown field \"%.*s\"; \"{{\" stands for a brace", t->name,
	    l->number, (int)n, l->at + at);
}

static enum error
check_fields(struct notice_template *t, const struct line *l, struct error_text *why)
{
	enum notice_template_field field;
	size_t len;

	for (size_t i = 0; i < l->len; i++) {
		if (l->at[i] != '{')
			continue;
		if (i + 1 < l->len && l->at[i + 1] == '{') {
			i++;
			continue;
		}
		if (!field_at(l->at + i, l->len - i, &field, &len))
			return unknown_field(t, l, i, why);
		if (field == NOTICE_TEMPLATE_MAILBOXES && l->header)
			return notice_template_bad(
			    t, l, why, "{mailboxes} has no place in a header");
		t->fields |= 1u << field;
		i += len - 1;
	}
	return OK;
}

static bool
is_name(const struct line *l, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(l->at, name, n) == 0;
}

/* note_header - what the header with a name of N bytes means to us */
static enum error
note_header(
    struct notice_template *t, const struct line *l, size_t n, struct error_text *why)
{
	static const char *const whom[] = {
	    "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc", "Apparently-To"};

	for (size_t i = 0; i < sizeof whom / sizeof *whom; i++)
		if (is_name(l, n, whom[i]))
			return error_set(why, ERR_DATA,
			    "%s:%zu: the message goes to the tenant's contact alone, without %s",
			    t->name, l->number, whom[i]);
	for (size_t i = 0; i < ADDED; i++)
		if (is_name(l, n, added[i].name))
			t->has |= 1u << i;
	if (is_name(l, n, "Subject"))
		t->subject = true;
	return OK;
}

static enum error
check_header(struct notice_template *t, const struct line *l, struct error_text *why)
{
	size_t n = 0;

	for (size_t i = 0; i < l->len; i++) {
		if ((unsigned char)l->at[i] >= 0x80)
			return notice_template_bad(t, l, why,
			    "headers are ASCII; for others see RFC 2047: =?utf-8?q?...?=");
		if (((unsigned char)l->at[i] < ' ' && l->at[i] != '\t') ||
		    l->at[i] == 0x7F)
			return notice_template_bad(
			    t, l, why, "a control character in a header");
	}
	if (l->at[0] == ' ' || l->at[0] == '\t') {
		if (l->number == 1 || strspn(l->at, " \t") >= l->len)
			return notice_template_bad(
			    t, l, why, "a folded line without a header");
		return OK;
	}
	/* A brace begins a field, and what that makes of the name nobody can tell. */
	while (n < l->len && l->at[n] > ' ' && l->at[n] != ':' && l->at[n] != '{')
		n++;
	if (n == 0 || n == l->len || l->at[n] != ':')
		return notice_template_bad(t, l, why,
		    "not a header (\"Name: value\"), and no empty line before the body");
	return note_header(t, l, n, why);
}

static enum error
check_body(
    const struct notice_template *t, const struct line *l, struct error_text *why)
{
	size_t n;

	for (size_t i = 0; i < l->len; i += n) {
		n = unicode_length(l->at + i, l->len - i);
		if (n == 0)
			return notice_template_bad(t, l, why, "not valid UTF-8");
		if (l->at[i] == '\r')
			return notice_template_bad(
			    t, l, why, "a carriage return inside a line");
	}
	return OK;
}

/* check_line - whatever it is; it ends the headers where they end */
static enum error
check_line(struct notice_template *t, struct line *l, struct error_text *why)
{
	enum error e;

	if (l->len > NOTICE_TEMPLATE_LINE_MAX)
		return error_set(why, ERR_DATA, "%s:%zu: a line over %d bytes", t->name,
		    l->number, NOTICE_TEMPLATE_LINE_MAX);
	if (memchr(l->at, '\0', l->len) != NULL)
		return notice_template_bad(t, l, why, "a NUL character");
	if (l->header && l->len == 0) {
		t->body = (size_t)(l->at - t->text);
		return OK;
	}
	t->url_line |= is_url_line(l);
	e = l->header ? check_header(t, l, why) : check_body(t, l, why);
	return e == OK ? check_fields(t, l, why) : e;
}

static enum error
notice_template_check(struct notice_template *t, struct error_text *why)
{
	struct line l = {0};
	enum error e = OK;

	t->body = t->len; /* until the empty line is found */
	for (size_t at = 0; e == OK && next_line(t, at, &l); at += l.len + 1)
		e = check_line(t, &l, why);
	if (e != OK)
		return e;
	if (t->body == t->len)
		return error_set(why, ERR_DATA,
		    "%s: no empty line between headers and body", t->name);
	if (!t->subject)
		return error_set(why, ERR_DATA, "%s: no Subject header", t->name);
	return OK;
}

/* take_text - a copy with LF at the ends of lines, and without a byte order mark */
static void
take_text(struct notice_template *t, const char *text, size_t n)
{
	size_t i = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	for (; i < n; i++)
		if (text[i] != '\r' || i + 1 == n || text[i + 1] != '\n')
			t->text[t->len++] = text[i];
}

enum error
notice_template_parse(struct notice_template **template_r, const char *text, size_t n,
    const char *name, struct error_text *why)
{
	struct notice_template *t;
	size_t room = strlen(name) + 1;
	enum error e;

	*template_r = NULL;
	if (n > NOTICE_TEMPLATE_BYTES_MAX)
		return error_set(why, ERR_LIMIT, "%s: over %u bytes", name,
		    (unsigned)NOTICE_TEMPLATE_BYTES_MAX);
	t = calloc(1, sizeof *t);
	if (t == NULL || (t->text = malloc(n + room)) == NULL) {
		free(t);
		return error_set(why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	}
	take_text(t, text, n);
	t->name = memcpy(t->text + n, name, room);
	e = notice_template_check(t, why);
	if (e != OK)
		notice_template_free(&t);
	*template_r = t;
	return e;
}

void
notice_template_free(struct notice_template **t)
{
	if (*t == NULL)
		return;
	free((*t)->text);
	free(*t);
	*t = NULL;
}

bool
notice_template_uses(const struct notice_template *t, enum notice_template_field field)
{
	return t->fields & 1u << field;
}

bool
notice_template_has_url_line(const struct notice_template *t)
{
	return t->url_line;
}

/* A line under construction, up to the longest that is allowed. */
struct filling {
	const struct notice_template_values *values;
	FILE *to;
	struct text out;
	char room[NOTICE_TEMPLATE_LINE_MAX + 1];
};

/* end_line - writes it, if all of it had room */
static bool
end_line(struct filling *f)
{
	bool fits = !f->out.cut;

	if (fits)
		fprintf(f->to, "%s\n", f->out.at);
	text_init(&f->out, f->room, sizeof f->room);
	return fits;
}

/*
 * add_name - of a mailbox, as it may be shown. A line that it would make too long has
 * the beginning only: one odd name must not keep the message from its reader.
 */
static void
add_name(struct filling *f, const char *name)
{
	size_t n = strlen(name), before = f->out.len;

	text_typed(&f->out, name, n, n);
	if (!f->out.cut)
		return;
	f->out.len = before;
	f->out.at[before] = '\0';
	f->out.cut = false;
	text_typed(&f->out, name, n, NAME_SHOWN_MAX);
}

/* add_mailboxes - one a line, each indented as the line L */
static bool
add_mailboxes(struct filling *f, const struct line *l)
{
	const struct notice_template_values *v = f->values;
	size_t indent = strspn(l->at, " \t");

	if (v->mailboxes == 0)
		text_puts(&f->out, "(none)");
	for (size_t i = 0; i < v->mailboxes; i++) {
		if (i > 0) {
			if (!end_line(f))
				return false;
			text_add(&f->out, l->at, indent);
		}
		add_name(f, v->mailbox[i]);
	}
	if (v->more > 0) {
		if (!end_line(f))
			return false;
		text_add(&f->out, l->at, indent);
		text_printf(&f->out, "and %llu more", (unsigned long long)v->more);
	}
	return true;
}

/* add_text - a value; no header is made by it, and none is broken */
static bool
add_text(struct filling *f, const struct line *l, const char *s)
{
	for (const char *at = s; *at != '\0' && l->header; at++)
		if ((unsigned char)*at >= 0x7F || *at < ' ')
			return false;
	text_puts(&f->out, s);
	return text_is_line(s, strlen(s));
}

/* add_line - with its fields filled in */
static bool
add_line(struct filling *f, const struct line *l)
{
	enum notice_template_field field;
	size_t len;
	bool good = true;

	for (size_t i = 0; i < l->len && good; i += len) {
		len = l->at[i] == '{' ? 2 : 1;
		if (len == 1 || !field_at(l->at + i, l->len - i, &field, &len))
			text_add(&f->out, l->at + i, 1);
		else if (field == NOTICE_TEMPLATE_MAILBOXES)
			good = add_mailboxes(f, l);
		else
			good = add_text(f, l, f->values->text[field]);
	}
	return good && end_line(f);
}

enum error
notice_template_print(const struct notice_template *t,
    const struct notice_template_values *values, FILE *to, struct error_text *why)
{
	struct filling f = {.values = values, .to = to};
	struct line l = {0};
	bool left_out = false, after_empty = false;

	text_init(&f.out, f.room, sizeof f.room);
	fprintf(to, "To: %s\n", values->to);
	for (size_t i = 0; i < ADDED; i++)
		if (!(t->has & 1u << i))
			fprintf(to, "%s: %s\n", added[i].name, added[i].value);
	for (size_t at = 0; next_line(t, at, &l); at += l.len + 1) {
		if (values->text[NOTICE_TEMPLATE_URL][0] == '\0' && is_url_line(&l)) {
			left_out = true;
			continue;
		}
		if (left_out && after_empty && l.len == 0)
			continue;
		left_out = false;
		after_empty = l.len == 0;
		if (!add_line(&f, &l))
			return notice_template_bad(t, &l, why,
			    l.header
				? "the line gets too long, or not ASCII, once it is filled in"
				: "the line gets too long once it is filled in");
	}
	return OK;
}
