/* SPDX-License-Identifier: BSD-2-Clause */
/* log_search - finds the log line of a decision */
#include "policy/ctl/why/log_search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/child_process.h"
#include "policy/base/text.h"

#define JOURNAL "the journal of smtpauth-milter and smtpauth-authd"

/* The mail logs that are looked at, the newest of each pair first. */
static const char *const usual[] = {"/var/log/mail.log", "/var/log/mail.log.1",
    "/var/log/maillog", "/var/log/maillog.1"};

struct search {
	struct ctl *c;
	const char *id;
	struct log_search *out;
	struct text looked;
};

/* search_other - keeps the first line of another program, as far as there is room */
static void
search_other(struct search *s, const char *line)
{
	char *other = s->out->other;

	if (other[0] == '\0')
		snprintf(other, LOG_SEARCH_OTHER_MAX, "%.*s",
		    (int)strcspn(line, "\r\n"), line);
}

/* search_line - whether LINE is the one; PLACE is where it stands */
static bool
search_line(struct search *s, const char *line, const char *place)
{
	struct decision_line found = {.when = INSTANT_NONE};

	if (strstr(line, s->id) == NULL)
		return false;
	if (!decision_line_read(&found, line, s->id, s->c->now)) {
		search_other(s, line);
		return false;
	}
	s->out->found = true;
	s->out->line = found;
	snprintf(s->out->place, sizeof s->out->place, "%s", place);
	return true;
}

/* search_looked - one more place, and why nothing could be read there, or NULL */
static void
search_looked(struct search *s, const char *place, const char *hindrance)
{
	text_puts(&s->looked, s->looked.len > 0 ? ", " : "");
	text_show(&s->looked, place, strlen(place), LOG_SEARCH_PLACE_MAX / 4);
	if (hindrance != NULL)
		text_printf(&s->looked, " (%s)", hindrance);
}

/*
 * take_line - a line of F, at most DECISION_LINE_MAX bytes; of a longer one nothing,
 * and a NUL ends it. False at the end
 */
static bool
take_line(FILE *f, char *line)
{
	size_t n;
	int ch;

	if (fgets(line, DECISION_LINE_MAX, f) == NULL)
		return false;
	n = strlen(line);
	if (n == 0 || line[n - 1] == '\n' || n + 1 < DECISION_LINE_MAX)
		return true;
	line[0] = '\0';
	while ((ch = getc_unlocked(f)) != EOF && ch != '\n')
		;
	return true;
}

static enum error
search_stream(struct search *s, FILE *f, const char *place)
{
	char line[DECISION_LINE_MAX];
	int err;

	while (take_line(f, line))
		search_line(s, line, place);
	err = errno;
	if (!ferror(f)) {
		search_looked(s, place, NULL);
		return OK;
	}
	return error_set(
	    &s->c->why, ERR_IO, "cannot read %s: %s", place, strerror(err));
}

/* open_log - a file that is no device and no folder; may be a pipe */
static FILE *
open_log(const char *path)
{
	struct stat st;
	FILE *f = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode))
			f = fdopen(fd, "r");
		else
			errno = S_ISDIR(st.st_mode) ? EISDIR : ENXIO;
	}
	if (f == NULL)
		close(fd);
	return f;
}

/* search_named - FILE, which somebody has named */
static enum error
search_named(struct search *s, const char *file)
{
	bool standard = strcmp(file, "-") == 0;
	FILE *f = standard ? stdin : open_log(file);
	enum error e;

	if (f == NULL) {
		e = error_from_errno(errno);
		return error_set(&s->c->why, e == ERR_MISSING ? ERR_NOINPUT : e,
		    "cannot open %s: %s", file, strerror(errno));
	}
	e = search_stream(s, f, standard ? "standard input" : file);
	if (!standard)
		fclose(f);
	return e;
}

/* search_journal - by the unit's name, which no other process can log under */
static enum error
search_journal(struct search *s)
{
	char grep[sizeof "--grep=" + DECISION_ID_LENGTH];
	const char *argv[] = {"journalctl", "--quiet", "--no-pager",
	    "--unit=smtpauth-milter", "--unit=smtpauth-authd", "--output=short-unix",
	    "--lines=10", grep, NULL};
	char *out = NULL, *at, *line;
	enum error e;

	snprintf(grep, sizeof grep, "--grep=%s", s->id);
	e = child_process_read(argv, &out);
	if (e == ERR_MEMORY)
		return e;
	if (e == ERR_MISSING)
		return OK; /* no systemd here */
	search_looked(s, JOURNAL,
	    e == ERR_BUSY        ? "journalctl took too long"
		: geteuid() != 0 ? "as far as you may see it; root sees all"
				 : NULL);
	for (at = out; at != NULL && (line = strsep(&at, "\n")) != NULL;)
		if (search_line(s, line, JOURNAL))
			break;
	free(out);
	return OK;
}

/* search_usual - the mail logs that are there */
static enum error
search_usual(struct search *s)
{
	enum error e = OK;
	bool any = false;

	for (size_t i = 0;
	     i < sizeof usual / sizeof *usual && e == OK && !s->out->found; i++) {
		FILE *f = open_log(usual[i]);

		if (f == NULL && errno == ENOENT)
			continue;
		any = true;
		if (f == NULL) {
			search_looked(s, usual[i], strerror(errno));
			continue;
		}
		e = search_stream(s, f, usual[i]);
		fclose(f);
	}
	if (!any)
		search_looked(s, usual[0], strerror(ENOENT));
	return e;
}

enum error
log_search_run(
    struct ctl *c, const char *id, const char *file, struct log_search *out_r)
{
	struct search s = {.c = c, .id = id, .out = out_r};
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	text_init(&s.looked, out_r->looked, sizeof out_r->looked);
	if (file != NULL)
		return search_named(&s, file);
	e = search_journal(&s);
	if (e == OK && !out_r->found)
		e = search_usual(&s);
	return e;
}
