/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - what a sendmail.cf says about filters and listeners */
#include "policy/doctor/sendmail.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_ANSWER_S 10
#define PARTS ", \t"

/* part_of - the text behind "KEY=" among parts that commas separate; Sendmail looks at
 * the first letter of a key only. False: not there, or too long */
static bool
part_of(const char *line, char key, char *out, size_t cap)
{
	while (*line != '\0') {
		size_t len, from;

		line += strspn(line, PARTS);
		len = strcspn(line, ",");
		from = strcspn(line, "=") + 1;
		if (*line == key && from <= len) {
			from += strspn(line + from, " \t");
			while (len > from && isspace((unsigned char)line[len - 1]))
				len--;
			if (len - from >= cap)
				return false;
			memcpy(out, line + from, len - from);
			out[len - from] = '\0';
			return true;
		}
		line += len;
	}
	return false;
}

/* answer_of - the time limit R: in "C:3s;S:5s;R:15s;E:30s"; s is its unit without one
 */
static long
answer_of(const char *times)
{
	static const char units[] = "smhdw";
	static const long seconds[] = {1, 60, 3600, 86400, 604800};
	const char *at = strstr(times, "R:"), *unit;
	char *end;
	long n;

	if (at == NULL)
		return DEFAULT_ANSWER_S;
	n = strtol(at + 2, &end, 10);
	unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : NULL;
	return unit != NULL && n < 1000000 ? n * seconds[unit - units] : n;
}

/* take_filter - "smtpauth, S=inet:8899@127.0.0.1, F=T, T=R:15s" */
static void
take_filter(struct sendmail *s, const char *line)
{
	struct sendmail_filter *f = &s->filter[s->filters];
	size_t n = strcspn(line, PARTS);
	char text[200];

	if (s->filters == SENDMAIL_ITEMS_MAX || n >= sizeof f->name) {
		s->cut = true;
		return;
	}
	*f = (struct sendmail_filter){.answer_s = DEFAULT_ANSWER_S};
	memcpy(f->name, line, n);
	if (part_of(line + n, 'S', f->address, sizeof f->address))
		(void)endpoint_from_milter(f->address, &f->endpoint);
	if (part_of(line + n, 'F', text, sizeof text))
		f->flag = text[0];
	if (part_of(line + n, 'T', text, sizeof text))
		f->answer_s = answer_of(text);
	s->filters++;
}

/* take_daemon - "Name=MSA, Port=587, M=Ea, InputMailFilters=smtpauth;other" */
static void
take_daemon(struct sendmail *s, const char *line)
{
	struct sendmail_daemon *d = &s->daemon[s->daemons];
	char modifiers[64] = "";

	if (s->daemons == SENDMAIL_ITEMS_MAX) {
		s->cut = true;
		return;
	}
	*d = (struct sendmail_daemon){.no_auth = false};
	(void)part_of(line, 'N', d->name, sizeof d->name);
	(void)part_of(line, 'M', modifiers, sizeof modifiers);
	d->no_auth = strchr(modifiers, 'A') != NULL;
	d->own_filters = part_of(line, 'I', d->filters, sizeof d->filters);
	s->daemons++;
}

/* option_value - of "O NAME=VALUE", or NULL */
static const char *
option_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (line[0] != 'O' || line[1] != ' ')
		return NULL;
	line += 2 + strspn(line + 2, " \t");
	if (strncasecmp(line, name, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

static void
take_line(struct sendmail *s, const char *line)
{
	const char *value;

	if (line[0] == 'X') {
		take_filter(s, line + 1);
	} else if ((value = option_value(line, "InputMailFilters")) != NULL) {
		if (snprintf(s->input_filters, sizeof s->input_filters, "%s", value) >=
		    (int)sizeof s->input_filters)
			s->cut = true;
	} else if ((value = option_value(line, "DaemonPortOptions")) != NULL) {
		take_daemon(s, value);
	}
}

/* add_line - to WHOLE, or as its beginning; what does not fit is cut, and matters for
 * filters and options only */
static void
add_line(struct sendmail *s, char *whole, const char *line)
{
	size_t len = strlen(whole);

	if (snprintf(whole + len, SENDMAIL_LINE_MAX - len, "%s", line) >=
		(int)(SENDMAIL_LINE_MAX - len) &&
	    (whole[0] == 'X' || whole[0] == 'O'))
		s->cut = true;
}

/* read_lines - a line that begins with space continues the one before */
static void
read_lines(struct sendmail *s, FILE *f)
{
	char whole[SENDMAIL_LINE_MAX] = "", *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, f) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] != ' ' && line[0] != '\t') {
			take_line(s, whole);
			whole[0] = '\0';
		}
		add_line(s, whole, line);
	}
	take_line(s, whole);
	free(line);
}

enum error
sendmail_read(struct sendmail *out, const char *file, struct error_text *why)
{
	FILE *f = fopen(file, "re");
	bool bad;

	*out = (struct sendmail){.filters = 0};
	if (f == NULL)
		return error_set(
		    why, error_from_errno(errno), "%s: %s", file, strerror(errno));
	read_lines(out, f);
	bad = ferror(f) != 0;
	fclose(f);
	return bad ? error_set(why, ERR_IO, "cannot read %s", file) : OK;
}

bool
sendmail_list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list != '\0') {
		size_t len;

		list += strspn(list, ",; \t");
		len = strcspn(list, ",; \t");
		if (len == n && strncmp(list, name, n) == 0)
			return true;
		list += len;
	}
	return false;
}
