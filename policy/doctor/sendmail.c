/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail - filters and listeners of a sendmail.cf, and mistakes about the milter */
#include "policy/doctor/sendmail.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "policy/identity/mta.h"

#define DEFAULT_ANSWER_S 10
#define PARTS ", \t"
#define REBUILD \
	"rebuild sendmail.cf (sendmailconfig, or make -C /etc/mail) and restart Sendmail"

/* part_of - the value of KEY in a list separated by commas; Sendmail looks at the first
 * letter of a key only. False: not there, or too long */
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

/* answer_of - the time limit R: in "C:3s;S:5s;R:15s;E:30s", in s by default */
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

	memset(out, 0, sizeof *out);
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

/* The visit to one sendmail.cf. */
struct visit {
	struct checks *checks;
	struct findings *found; /* of CHECKS */
	const char *file;
	struct sendmail cf;
	const struct sendmail_filter *ours;
};

/* say_undefined - no X line leads to the daemon */
static void
say_undefined(struct visit *v)
{
	char right[ENDPOINT_MAX + 32];

	endpoint_milter(&v->checks->milter, right);
	for (size_t i = 0; i < v->cf.filters; i++) {
		if (strstr(v->cf.filter[i].name, "smtpauth") == NULL &&
		    v->cf.filter[i].endpoint.kind != ENDPOINT_NONE)
			continue;
		findings_add(v->found, "socket-path", v->file,
		    "the filter %s has S=%s, which does not lead to the daemon's socket",
		    v->cf.filter[i].name, v->cf.filter[i].address);
		findings_fix(v->found, "write S=%s there; " REBUILD, right);
		return;
	}
	findings_add(v->found, "milter-not-listed", v->file,
	    "no filter leads to the daemon's socket: nothing is refused");
	findings_fix(v->found,
	    "INPUT_MAIL_FILTER(`smtpauth', `S=%s, F=T, T=C:3s;S:5s;R:15s;E:30s') in sendmail.mc; " REBUILD,
	    right);
}

static void
check_flag(struct visit *v)
{
	if (v->ours->flag == 'T' || v->ours->flag == 'R' || v->ours->flag == '4')
		return;
	findings_add(v->found, "filter-without-f", v->file,
	    "the filter %s has no F=: while the milter is away, Sendmail lets everything pass as if there were no filter",
	    v->ours->name);
	findings_fix(v->found, "add F=T to it; " REBUILD);
}

static void
check_timeout(struct visit *v)
{
	if (v->ours->answer_s >= CHECKS_PATIENCE_S)
		return;
	findings_add(v->found, "milter-timeout", v->file,
	    "Sendmail waits %ld s for the filter's answer (R: of T=, 10 s when it is not there), but the milter may take 10 s to verify its database after a start",
	    v->ours->answer_s);
	findings_fix(
	    v->found, "T=C:3s;S:5s;R:15s;E:30s for filter %s; " REBUILD, v->ours->name);
}

/* check_folders - Sendmail refuses a socket below a folder that others may write */
static void
check_folders(struct visit *v)
{
	char path[ENDPOINT_MAX + 1];
	struct stat st;
	char *slash;

	if (v->checks->milter.kind != ENDPOINT_UNIX)
		return;
	strcpy(path, v->checks->milter.name);
	while ((slash = strrchr(path, '/')) != NULL && slash != path) {
		*slash = '\0';
		if (stat(path, &st) != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
			continue;
		findings_add(v->found, "socket-folder-unsafe", v->file,
		    "%s (mode %04o) may be written by others than its owner: Sendmail calls a socket below it unsafe and does not use it",
		    path, (unsigned)(st.st_mode & 07777));
		if (st.st_mode & S_ISVTX) /* /tmp, which has to be so */
			findings_fix(v->found,
			    "a folder of its own for the socket: install -d -o smtpauth -m 0755 /run/smtpauth");
		else
			findings_fix(v->found, "chmod go-w %s", path);
	}
}

/* check_dropped - a listener's own list leaves out filters of the general one */
static void
check_dropped(struct visit *v, const struct sendmail_daemon *d)
{
	for (size_t i = 0; i < v->cf.filters; i++) {
		const char *name = v->cf.filter[i].name;

		if (&v->cf.filter[i] == v->ours || !d->own_filters ||
		    !sendmail_list_has(v->cf.input_filters, name) ||
		    sendmail_list_has(d->filters, name))
			continue;
		findings_add(v->found, "milter-dropped", d->name,
		    "InputMailFilters= of this listener replaces the general list, so %s is no longer asked for mail that comes in here",
		    name);
		findings_fix(v->found, "InputMailFilters=%s;%s there; " REBUILD,
		    v->ours->name, name);
	}
}

static void
visit_daemon(struct visit *v, const struct sendmail_daemon *d)
{
	const char *filters = d->own_filters ? d->filters : v->cf.input_filters;
	const char *name = d->name[0] != '\0' ? d->name : "the listener without a name";
	bool listed = sendmail_list_has(filters, v->ours->name);

	if (listed && d->no_auth && d->own_filters) {
		findings_add(v->found, "milter-misplaced", name,
		    "this listener offers no SMTP AUTH (modifier A), so there is nothing to decide; but a stopped milter would defer the mail that comes in here");
		findings_fix(v->found, "take %s out of its InputMailFilters; " REBUILD,
		    v->ours->name);
	} else if (listed) {
		checks_asks(v->checks, name);
		check_dropped(v, d);
	} else if (!d->no_auth) {
		findings_add(v->found, "milter-not-listed", name,
		    "this listener offers SMTP AUTH and does not ask the milter: nothing is refused here");
		findings_fix(v->found,
		    "InputMailFilters=%s in its DAEMON_OPTIONS, or modifier A in M= if nobody is to log in here; " REBUILD,
		    v->ours->name);
	}
}

/* check_offered - a sendmail.cf without listeners has one, which offers AUTH */
static void
check_offered(struct visit *v)
{
	size_t no_auth = 0;

	for (size_t i = 0; i < v->cf.daemons; i++)
		no_auth += v->cf.daemon[i].no_auth;
	if (v->cf.daemons == 0 || no_auth < v->cf.daemons)
		return;
	findings_add(v->found, "nobody-asks", v->file,
	    "no listener offers SMTP AUTH (all have modifier A), so the milter is never asked: nothing is refused");
	findings_fix(v->found,
	    "take A out of M= of the listener that users submit to; " REBUILD);
}

static void
visit_filters(struct visit *v)
{
	static const struct sendmail_daemon plain = {.name = "MTA"};

	for (size_t i = 0; i < v->cf.filters && v->ours == NULL; i++)
		if (endpoint_reaches(&v->cf.filter[i].endpoint, &v->checks->milter))
			v->ours = &v->cf.filter[i];
	if (v->ours == NULL) {
		say_undefined(v);
		return;
	}
	check_flag(v);
	check_timeout(v);
	check_folders(v);
	for (size_t i = 0; i < v->cf.daemons; i++)
		visit_daemon(v, &v->cf.daemon[i]);
	if (v->cf.daemons == 0)
		visit_daemon(v, &plain);
	check_offered(v);
}

static void
visit_all(struct visit *v)
{
	struct checks *c = v->checks;

	if (v->cf.cut)
		findings_add(v->found, "mta-unreadable", v->file,
		    "a line is too long or there are too many filters or listeners: not all was looked at");
	if (c->milter.kind == ENDPOINT_NONE)
		checks_unknown_socket(c);
	else
		visit_filters(v);
	if (c->config->mta == MTA_POSTFIX)
		checks_wrong_mta(c,
		    "mta = postfix, but this is Sendmail: it encodes logins, so a+b@... would be read as a+2Bb@...");
}

void
sendmail_check(struct checks *c, const char *file)
{
	static struct visit v; /* large */
	struct error_text why;

	v.checks = c;
	v.found = &c->findings;
	v.file = file != NULL ? file : SENDMAIL_DEFAULT;
	v.ours = NULL;
	if (sendmail_read(&v.cf, v.file, &why) == OK)
		visit_all(&v);
	else
		findings_add(v.found, "mta-unreadable", "Sendmail", "%s", why.text);
}
