/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_log - the mail log of this machine, and what it shows */
#include "policy/doctor/mail_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/base/text.h"
#include "policy/doctor/mail_line.h"

#define TAIL_MAX (16L << 20)
#define SECONDS_A_DAY 86400

/* A file that was not written for so long may be a former one. */
#define IDLE_SECONDS SECONDS_A_DAY

/* Postfix tries again after a minute (service_throttle_time). */
#define SETTLED_SECONDS 600

/* Clocks and buffers of loggers are not that far off. */
#define AHEAD_SECONDS 60

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool
begins_with(const char *s, const char *begin)
{
	return strncmp(s, begin, strlen(begin)) == 0;
}

/* trouble_of - that of the program, or a new one; NULL when there are too many */
static struct mail_trouble *
trouble_of(struct mail_log *log, const char *program)
{
	struct mail_trouble *t;

	for (size_t i = 0; i < log->troubles; i++)
		if (strcmp(log->trouble[i].program, program) == 0)
			return &log->trouble[i];
	if (log->troubles == MAIL_LOG_TROUBLES_MAX)
		return NULL;
	t = &log->trouble[log->troubles++];
	*t = (struct mail_trouble){.last = INSTANT_NONE};
	snprintf(t->program, sizeof t->program, "%s", program);
	return t;
}

static void
trouble_note(struct mail_trouble *t, const struct mail_line *line)
{
	struct text shown;

	if (t == NULL)
		return;
	text_init(&shown, t->text, sizeof t->text);
	text_show(
	    &shown, line->text, strcspn(line->text, "\r\n"), sizeof t->text / 4 - 40);
	t->last = line->at;
	t->count++;
}

/*
 * trouble_end - a program that serves clients again. Services without a syslog_name of
 * their own have one name, so one of them says nothing of the others.
 */
static void
trouble_end(struct mail_log *log, const char *program)
{
	const char *slash = strchr(program, '/');

	log->throttled.count = 0; /* of one that the master had just started */
	if (slash == NULL || strchr(slash + 1, '/') == NULL)
		return;
	for (size_t i = 0; i < log->troubles; i++)
		if (strcmp(log->trouble[i].program, program) == 0)
			log->trouble[i] = log->trouble[--log->troubles];
}

/* take_trouble - what Postfix says of smtpd processes that cannot run */
static void
take_trouble(struct mail_log *log, const struct mail_line *line)
{
	bool fatal =
	    begins_with(line->text, "fatal: ") || begins_with(line->text, "panic: ");

	if (ends_with(line->program, "/smtpd")) {
		if (fatal)
			trouble_note(trouble_of(log, line->program), line);
		else if (begins_with(line->text, "connect from "))
			trouble_end(log, line->program);
	} else if (ends_with(line->program, "/master")) {
		if (begins_with(line->text, "reload ") ||
		    begins_with(line->text, "daemon started"))
			log->troubles = log->throttled.count = 0;
		else if (fatal && strstr(line->text, "bind ") != NULL)
			trouble_note(trouble_of(log, line->program), line);
		else if (strstr(line->text, "throttling") != NULL &&
		    strstr(line->text, "smtpd") != NULL)
			trouble_note(&log->throttled, line);
	}
}

static enum error
take_line(struct mail_log *log, const char *text, instant now)
{
	struct mail_line line = {.at = INSTANT_NONE};
	struct mail_login login;
	bool known = mail_line_read(text, now, &line);

	if (known) {
		log->last = usage_later(log->last, line.at);
		if (log->host[0] == '\0')
			strcpy(log->host, line.host);
		log->mixed = log->mixed || strcmp(log->host, line.host) != 0;
		take_trouble(log, &line);
	}
	if (!mail_line_login(text, &login))
		return OK;
	return logins_add(log->logins,
		   &(struct login_seen){.login = login.login,
		       .client = login.client,
		       .mta = login.mta,
		       .at = line.at,
		       .mail = known && login.mail,
		       .program = line.program})
	    ? OK
	    : ERR_MEMORY;
}

static enum error
read_lines(struct mail_log *log, FILE *f)
{
	const instant now = instant_now();
	char *line = NULL;
	size_t room = 0;
	enum error e = OK;

	if (fseek(f, -TAIL_MAX, SEEK_END) == 0 && getline(&line, &room, f) < 0)
		clearerr(f); /* the rest of a line that began before */
	while (e == OK && getline(&line, &room, f) >= 0)
		e = take_line(log, line, now);
	free(line);
	return e == OK && ferror(f) ? ERR_IO : e;
}

/* open_named - the file that was named */
static FILE *
open_named(const char *file)
{
	struct stat st;

	if (strcmp(file, "-") == 0)
		return stdin;
	if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR; /* fopen() would not say so */
		return NULL;
	}
	return fopen(file, "re");
}

/*
 * open_usual - the first of the usual files, a regular one; NULL for none. One that may
 * not be read is a line of C's `unseen`, and NAME is set.
 */
static FILE *
open_usual(struct checks *c, const char *maillog, const char **name)
{
	const char *const names[] = {maillog, "/var/log/mail.log", "/var/log/maillog"};
	struct stat st;

	*name = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		FILE *f;

		if (names[i][0] == '\0' || begins_with(names[i], "/dev/") ||
		    stat(names[i], &st) != 0 || !S_ISREG(st.st_mode))
			continue; /* /dev/stdout would be our own, if that is a file */
		*name = names[i];
		f = fopen(names[i], "re");
		if (f == NULL)
			findings_add(&c->unseen, "mail-log", "",
			    "%sthe mail log %s: %s", checks_unless_root(c), names[i],
			    strerror(errno));
		return f;
	}
	return NULL;
}

/* is_idle - nothing was written to the file for a long time, or ever */
static bool
is_idle(FILE *f)
{
	struct stat st;

	return fstat(fileno(f), &st) != 0 || st.st_size == 0 ||
	    (instant)st.st_mtime < instant_now() - IDLE_SECONDS;
}

/*
 * journal_text - the lines of facility mail (2), of all instances and all names of
 * programs, to be freed; NULL for none
 */
static char *
journal_text(void)
{
	const char *argv[] = {"journalctl", "--quiet", "--no-pager",
	    "--output=short-iso", "--lines=20000", "SYSLOG_FACILITY=2", NULL};
	char *out = NULL;
	enum error e = child_process_read(argv, &out);

	if (e == ERR_LIMIT) { /* long ones */
		argv[4] = "--lines=2000";
		e = child_process_read(argv, &out);
	}
	if (e == OK && out[0] == '\0') {
		free(out);
		out = NULL;
	}
	return e == OK ? out : NULL;
}

static enum error
read_journal(struct mail_log *log, char *text)
{
	FILE *f = fmemopen(text, strlen(text), "r");
	enum error e;

	if (f == NULL)
		return ERR_MEMORY;
	log->written = instant_now();
	e = read_lines(log, f);
	fclose(f);
	return e;
}

static enum error
read_file(struct mail_log *log, FILE *f)
{
	struct stat st;

	log->written = f != stdin && fstat(fileno(f), &st) == 0 ? (instant)st.st_mtime
								: instant_now();
	return read_lines(log, f);
}

/* read_found - the machine's log, wherever it is */
static enum error
read_found(struct mail_log *log, struct checks *c, const char *maillog)
{
	const char *name;
	FILE *f = open_usual(c, maillog, &name);
	char *journal = NULL;
	enum error e = OK;

	if (f == NULL && name != NULL)
		return OK; /* it was said */
	if (f == NULL || is_idle(f))
		journal = journal_text();
	if (journal != NULL) {
		log->where = strdup("journal");
		e = read_journal(log, journal);
	} else if (f != NULL) {
		log->where = strdup(name);
		e = read_file(log, f);
	} else {
		log->missing = true;
	}
	if ((journal != NULL || f != NULL) && log->where == NULL)
		e = ERR_MEMORY;
	if (f != NULL)
		fclose(f);
	free(journal);
	return e;
}

enum error
mail_log_read(struct mail_log *log, struct checks *c, const char *file,
    const char *maillog, struct error_text *why)
{
	FILE *f = NULL;
	enum error e = OK;

	memset(log, 0, sizeof *log);
	log->last = INSTANT_NONE;
	log->logins = logins_new();
	if (file != NULL && (f = open_named(file)) == NULL)
		return error_set(
		    why, error_from_errno(errno), "%s: %s", file, strerror(errno));
	if (log->logins == NULL)
		e = ERR_MEMORY;
	else if (f != NULL &&
	    (log->where = strdup(f == stdin ? "standard input" : file)) != NULL)
		e = read_file(log, f);
	else if (f == NULL)
		e = read_found(log, c, maillog);
	else
		e = ERR_MEMORY;
	if (f != NULL && f != stdin)
		fclose(f);
	c->logins = log->logins != NULL ? (unsigned)logins_count(log->logins) : 0;
	if (e == OK)
		return OK;
	return error_about(why, e, log->where != NULL ? log->where : "the mail log");
}

void
mail_log_free(struct mail_log *log)
{
	free(log->where);
	logins_free(&log->logins);
	memset(log, 0, sizeof *log);
}

/* say_trouble - unless it was long ago */
static bool
say_trouble(struct checks *c, const struct mail_log *log, const struct mail_trouble *t)
{
	char when[INSTANT_TEXT_MAX];

	if (t->count == 0 ||
	    (t->last != INSTANT_NONE && t->last < log->last - SECONDS_A_DAY))
		return false;
	findings_add(&c->findings, "mta-fatal", t->program,
	    "it cannot run, and clients get no answer: the mail log says \"%s\"%s%s (%u time%s since the last start or reload)",
	    t->text, t->last != INSTANT_NONE ? " at " : "",
	    t->last != INSTANT_NONE ? instant_print(t->last, when) : "", t->count,
	    t->count == 1 ? "" : "s");
	findings_fix(&c->findings,
	    "correct what it names in main.cf or master.cf; postfix check; postfix reload");
	return true;
}

void
mail_log_check(struct checks *c, struct mail_log *log)
{
	bool said = false;

	for (size_t i = 0; i < log->troubles; i++)
		said |= say_trouble(c, log, &log->trouble[i]);
	if (!said) { /* else it follows from them */
		strcpy(log->throttled.program, "postfix/master");
		say_trouble(c, log, &log->throttled);
	}
	if (c->settings != NULL)
		logins_say(c, log->logins, "mail log", log->last);
}

/* is_over - what was found of the program is older than a try of its clients */
static bool
is_over(const struct mail_log *log, const char *program)
{
	const struct mail_trouble *t = &log->throttled;

	for (size_t i = 0; i < log->troubles; i++)
		if (strcmp(log->trouble[i].program, program) == 0)
			t = &log->trouble[i];
	return t->last != INSTANT_NONE && t->last < log->last - SETTLED_SECONDS &&
	    strcmp(t->program, program) == 0 &&
	    (t == &log->throttled || ends_with(program, "/smtpd"));
}

void
mail_log_settle(struct checks *c, const struct mail_log *log)
{
	struct findings *f = &c->findings;

	for (size_t i = f->count; c->served && i-- > 0;)
		if (strcmp(f->item[i].id, "mta-fatal") == 0 &&
		    is_over(log, f->item[i].where))
			findings_drop(f, i);
}

enum error
mail_log_compare(struct checks *c, struct mail_log *log, struct usage_merge *usage,
    struct error_text *why)
{
	const instant now = instant_now();

	if (c->settings == NULL || log->last == INSTANT_NONE || log->mixed ||
	    log->last > now + AHEAD_SECONDS || log->last > log->written + AHEAD_SECONDS)
		return OK; /* another machine's, or in another zone's time */
	return logins_compare(c, log->logins, usage, why);
}
