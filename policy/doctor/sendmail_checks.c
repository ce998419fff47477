/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail_checks - what can be wrong about the milter in sendmail.cf */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/doctor/checks.h"
#include "policy/doctor/sendmail.h"
#include "policy/identity/mta.h"

#define REBUILD \
	"rebuild sendmail.cf (sendmailconfig, or make -C /etc/mail) and restart " \
	"Sendmail"

struct visit {
	struct checks *checks;
	const char *file;
	struct sendmail cf;
	const struct sendmail_filter *ours;
};

static const struct sendmail_filter *
find_ours(const struct visit *v)
{
	for (size_t i = 0; i < v->cf.filters; i++)
		if (endpoint_reaches(&v->cf.filter[i].endpoint, &v->checks->milter))
			return &v->cf.filter[i];
	return NULL;
}

/* say_undefined - no X line leads to the daemon */
static void
say_undefined(struct visit *v)
{
	struct findings *f = &v->checks->findings;
	char right[ENDPOINT_MAX + 32];

	endpoint_milter(&v->checks->milter, right);
	for (size_t i = 0; i < v->cf.filters; i++) {
		if (strstr(v->cf.filter[i].name, "smtpauth") == NULL &&
		    v->cf.filter[i].endpoint.kind != ENDPOINT_NONE)
			continue;
		findings_add(f, "socket-path", v->file,
		    "the filter %s has S=%s, which does not lead to the daemon's socket",
		    v->cf.filter[i].name, v->cf.filter[i].address);
		findings_fix(f, "write S=%s there; " REBUILD, right);
		return;
	}
	findings_add(f, "milter-not-listed", v->file,
	    "no filter leads to the daemon's socket: nothing is refused");
	findings_fix(f,
	    "INPUT_MAIL_FILTER(`smtpauth', `S=%s, F=T, T=C:3s;S:5s;R:15s;E:30s') in sendmail.mc; " REBUILD,
	    right);
}

static void
check_flag(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	if (v->ours->flag == 'T' || v->ours->flag == 'R' || v->ours->flag == '4')
		return;
	findings_add(f, "filter-without-f", v->file,
	    "the filter %s has no F=: while the milter is away, Sendmail lets everything pass as if there were no filter",
	    v->ours->name);
	findings_fix(f, "add F=T to it; " REBUILD);
}

static void
check_timeout(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	if (v->ours->answer_s >= CHECKS_PATIENCE_S)
		return;
	findings_add(f, "milter-timeout", v->file,
	    "Sendmail waits %ld s for the filter's answer (R: of T=, 10 s when it is not there), but the milter may take 10 s to verify its database after a start",
	    v->ours->answer_s);
	findings_fix(
	    f, "T=C:3s;S:5s;R:15s;E:30s for filter %s; " REBUILD, v->ours->name);
}

/* check_folders - Sendmail refuses a socket below a folder that others may write */
static void
check_folders(struct visit *v)
{
	struct findings *f = &v->checks->findings;
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
		findings_add(f, "socket-folder-unsafe", v->file,
		    "%s (mode %04o) may be written by others than its owner: Sendmail calls a socket below it unsafe and does not use it",
		    path, (unsigned)(st.st_mode & 07777));
		if (st.st_mode & S_ISVTX) /* /tmp, which has to be so */
			findings_fix(f,
			    "a folder of its own for the socket: install -d -o smtpauth -m 0755 /run/smtpauth");
		else
			findings_fix(f, "chmod go-w %s", path);
	}
}

/* check_dropped - a listener's own list leaves out filters of the general one */
static void
check_dropped(struct visit *v, const struct sendmail_daemon *d)
{
	struct findings *f = &v->checks->findings;

	for (size_t i = 0; i < v->cf.filters; i++) {
		const char *name = v->cf.filter[i].name;

		if (&v->cf.filter[i] == v->ours || !d->own_filters ||
		    !sendmail_list_has(v->cf.input_filters, name) ||
		    sendmail_list_has(d->filters, name))
			continue;
		findings_add(f, "milter-dropped", d->name,
		    "InputMailFilters= of this listener replaces the general list, so %s is no longer asked for mail that comes in here",
		    name);
		findings_fix(
		    f, "InputMailFilters=%s;%s there; " REBUILD, v->ours->name, name);
	}
}

static void
visit_daemon(struct visit *v, const struct sendmail_daemon *d)
{
	struct findings *f = &v->checks->findings;
	const char *filters = d->own_filters ? d->filters : v->cf.input_filters;
	const char *name = d->name[0] != '\0' ? d->name : "the listener without a name";
	bool listed = sendmail_list_has(filters, v->ours->name);

	if (listed && d->no_auth && d->own_filters) {
		findings_add(f, "milter-misplaced", name,
		    "this listener offers no SMTP AUTH (modifier A), so there is nothing to decide; but a stopped milter would defer the mail that comes in here");
		findings_fix(
		    f, "take %s out of its InputMailFilters; " REBUILD, v->ours->name);
	} else if (listed) {
		checks_asks(v->checks, name);
		check_dropped(v, d);
	} else if (!d->no_auth) {
		findings_add(f, "milter-not-listed", name,
		    "this listener offers SMTP AUTH and does not ask the milter: nothing is refused here");
		findings_fix(f,
		    "InputMailFilters=%s in its DAEMON_OPTIONS, or modifier A in M= if nobody is to log in here; " REBUILD,
		    v->ours->name);
	}
}

static void
check_offered(struct visit *v)
{
	struct findings *f = &v->checks->findings;

	for (size_t i = 0; i < v->cf.daemons; i++)
		if (!v->cf.daemon[i].no_auth)
			return;
	if (v->cf.daemons == 0)
		return;
	findings_add(f, "nobody-asks", v->file,
	    "no listener offers SMTP AUTH (all have modifier A), so the milter is never asked: nothing is refused");
	findings_fix(
	    f, "take A out of M= of the listener that users submit to; " REBUILD);
}

static void
visit_filters(struct visit *v)
{
	static const struct sendmail_daemon plain = {.name = "MTA"};

	v->ours = find_ours(v);
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
	struct checks *s = v->checks;

	if (v->cf.cut)
		findings_add(&s->findings, "mta-unreadable", v->file,
		    "a line is too long or there are too many filters or listeners: not all was looked at");
	if (s->milter.kind == ENDPOINT_NONE)
		checks_unknown_socket(s);
	else
		visit_filters(v);
	if (s->config->mta == MTA_POSTFIX)
		checks_wrong_mta(s,
		    "mta = postfix, but this is Sendmail: it encodes logins, so a+b@... would be read as a+2Bb@...");
}

void
sendmail_check(struct checks *s, const char *file)
{
	struct visit *v = calloc(1, sizeof *v); /* large */
	struct error_text why;

	if (v == NULL) {
		s->findings.failed = true;
		return;
	}
	v->checks = s;
	v->file = file != NULL ? file : SENDMAIL_DEFAULT;
	if (sendmail_read(&v->cf, v->file, &why) == OK)
		visit_all(v);
	else
		findings_add(
		    &s->findings, "mta-unreadable", "Sendmail", "%s", why.text);
	free(v);
}
