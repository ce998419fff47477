/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_sources - what is known of usage: this machine's, and that of --usage FILE */
#include "policy/ctl/usage/usage_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/held_output.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/as_usage_user.h"
#include "policy/usage/usage_database.h"

#define HERE "the usage of this machine"

/* More than the usage database can hold. */
#define COPY_MAX (UINT64_C(32) << 30)

struct usage_sources {
	struct usage_merge *merge;
	FILE *file[1 + OPTION_USAGES_MAX];
	size_t files;
	enum error error; /* of opening them */
	struct error_text why;
};

/* serve - in the helper: the whole database, or why it cannot be read */
static void
serve(struct ctl *c, void *arg, FILE *to)
{
	struct error_text why = {.text = ""};
	struct db *db;
	enum error e = usage_database_open(&db, c->dir, false, &why);

	(void)arg;
	if (e == OK) {
		e = usage_file_write(db, to, as_usage_user_alive);
		if (e == ERR_MISSING)
			error_set(&why, e, "no usage has been recorded yet");
		else if (e != OK)
			error_about(&why, e, HERE);
		db_close(&db);
	}
	if (e != OK)
		usage_file_write_error(to, e, why.text);
}

/* add - FILE to the merge; it says so when one is left out */
static enum error
add(struct ctl *c, struct usage_sources *s, FILE *file, const char *name)
{
	struct usage_file_reader *reader;
	const char *left_out;
	enum error e = usage_file_reader_open(&reader, file, name, &c->why);

	if (e != OK)
		return e;
	e = usage_merge_add(s->merge, reader, &left_out);
	if (e != OK) {
		usage_file_reader_close(&reader);
		return error_set(&c->why, e, "usage of more than %d machines",
		    USAGE_MERGE_SOURCES_MAX);
	}
	if (left_out != NULL)
		print_remark(c->err,
		    "warning: %s is left out: the same machine has newer data",
		    left_out);
	return OK;
}

enum error
usage_sources_copy(struct ctl *c, FILE *into)
{
	struct stat st;
	enum error e = as_usage_user(c, serve, NULL, COPY_MAX, into);

	if (e == OK && fstat(fileno(into), &st) == 0 && st.st_size == 0)
		return error_set(&c->why, ERR_IO,
		    "the process that reads " HERE " ended without a word");
	return e;
}

static enum error
open_local(struct ctl *c, struct usage_sources *s)
{
	FILE *copy = held_output_file();
	enum error e;

	if (copy == NULL)
		return error_set(&c->why, ERR_CREATE,
		    "cannot create a temporary file: %s", strerror(errno));
	s->file[s->files++] = copy;
	e = usage_sources_copy(c, copy);
	rewind(copy);
	return e == OK ? add(c, s, copy, HERE) : e;
}

static enum error
open_file(struct ctl *c, struct usage_sources *s, const char *path)
{
	FILE *file = fopen(path, "re");
	enum error e;

	if (file == NULL)
		return error_set(&c->why,
		    errno == ENOENT ? ERR_NOINPUT : error_from_errno(errno), "%s: %s",
		    path, strerror(errno));
	s->file[s->files++] = file;
	e = add(c, s, file, path);
	/* a file can say neither of this machine's usage */
	return e == ERR_MISSING || e == ERR_BUSY
	    ? error_set(&c->why, ERR_DAMAGED, "%s is damaged", path)
	    : e;
}

static enum error
open_all(struct ctl *c, struct usage_sources *s)
{
	enum error e;

	s->merge = usage_merge_new();
	if (s->merge == NULL)
		return error_about(&c->why, ERR_MEMORY, HERE);
	e = open_local(c, s);
	if (e == ERR_MISSING && c->options.usages > 0)
		e = OK;
	for (size_t i = 0; i < c->options.usages && e == OK; i++)
		e = open_file(c, s, c->options.usage[i]);
	return e;
}

enum error
usage_sources_open(struct ctl *c)
{
	struct usage_sources *s = calloc(1, sizeof *s);

	c->usage = s;
	if (s == NULL)
		return error_about(&c->why, ERR_MEMORY, HERE);
	s->error = open_all(c, s);
	s->why = c->why;
	if (s->error == ERR_BUSY)
		return ERR_BUSY;
	return error_set(&c->why, OK, "%s", "");
}

enum error
usage_sources_begin(struct ctl *c)
{
	enum error e = usage_sources_open(c);

	return e == OK ? transaction_begin(c) : e;
}

/* tell_days - that counts are of whole days, where somebody asked for less */
static void
tell_days(struct ctl *c, instant since)
{
	const char *typed = argument_option(c, OPT_SINCE);
	char last = typed[strlen(typed) - 1], when[INSTANT_TEXT_MAX];
	instant day = since - since % USAGE_SECONDS_A_DAY;

	if (since == day || last == 'd' || last == 'w')
		return;
	print_remark(c->err,
	    "usage is counted by days, in UTC: these are the counts since %s",
	    instant_print(day, when));
}

enum error
usage_sources_since(struct ctl *c, unsigned days, instant *since_r)
{
	int64_t seconds = (int64_t)days * USAGE_SECONDS_A_DAY;
	enum error e;

	if (argument_option(c, OPT_SINCE) != NULL) {
		e = argument_past_time(c, OPT_SINCE, since_r);
		if (e == OK)
			tell_days(c, *since_r);
		return e;
	}
	*since_r = seconds < c->now ? c->now - seconds : 0;
	return OK;
}

void
usage_sources_close(struct usage_sources **sources)
{
	struct usage_sources *s = *sources;

	if (s == NULL)
		return;
	usage_merge_free(&s->merge);
	for (size_t i = 0; i < s->files; i++)
		fclose(s->file[i]);
	free(s);
	*sources = NULL;
}

enum error
usage_sources_merge(struct ctl *c, struct usage_merge **merge_r)
{
	if (c->usage == NULL)
		return error_about(&c->why, ERR_MEMORY, HERE);
	if (c->usage->error != OK) {
		c->why = c->usage->why;
		return c->usage->error;
	}
	*merge_r = c->usage->merge;
	return OK;
}
