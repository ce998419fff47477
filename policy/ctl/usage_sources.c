/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_sources - what is known of usage: this machine's, and that of --usage FILE */
#include "policy/ctl/usage_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/owner.h"
#include "policy/ctl/remark.h"
#include "policy/usage/database.h"

#define HERE "the usage of this machine"

struct usage_sources {
	struct usage_merge *merge;
	struct owner owner; /* `from` is NULL where it is not asked */
	FILE *file[OPTION_USAGES_MAX];
	size_t files;
};

void
usage_sources_serve(struct ctl *c, void *arg, FILE *to)
{
	struct error_text why = {.text = ""};
	struct db *db;
	uint64_t rows;
	enum error e = usage_database_open(&db, c->dir, false, &why);

	(void)arg;
	if (e == OK) {
		e = usage_stream_write(db, to, &rows);
		if (e == ERR_NOTFOUND)
			e = error_set(
			    &why, ERR_MISSING, "no usage has been recorded yet");
		else if (e != OK)
			error_about(&why, e, HERE);
		db_close(&db);
	}
	if (e != OK)
		usage_stream_write_error(to, e, why.text);
}

/* add - a reader to the merge; it says so when one is left out */
static enum error
add(struct ctl *c, struct usage_sources *s, struct usage_reader *reader)
{
	const char *left_out;
	enum error e = usage_merge_add(s->merge, reader, &left_out);

	if (e != OK) {
		usage_reader_close(&reader);
		return error_set(
		    &c->why, e, "usage of more than %d machines", MERGE_SOURCES_MAX);
	}
	if (left_out != NULL)
		remark(c->err,
		    "warning: %s is left out: the same machine has newer data",
		    left_out);
	return OK;
}

static enum error
open_local(struct ctl *c, struct usage_sources *s)
{
	struct usage_reader *reader;
	int first;
	enum error e = owner_start(c, usage_sources_serve, NULL, &s->owner);

	if (e != OK) {
		s->owner.from = NULL;
		return e;
	}
	first = getc(s->owner.from);
	if (first == EOF)
		return error_set(&c->why, ERR_IO,
		    "the process that reads " HERE " ended without a word");
	ungetc(first, s->owner.from);
	e = usage_reader_open(&reader, s->owner.from, HERE, &c->why);
	return e == OK ? add(c, s, reader) : e;
}

static enum error
open_file(struct ctl *c, struct usage_sources *s, const char *path)
{
	struct usage_reader *reader;
	FILE *file = fopen(path, "re");
	enum error e;

	if (file == NULL)
		return error_set(&c->why,
		    errno == ENOENT ? ERR_NOINPUT : error_from_errno(errno), "%s: %s",
		    path, strerror(errno));
	s->file[s->files++] = file;
	e = usage_reader_open(&reader, file, path, &c->why);
	return e == OK ? add(c, s, reader) : e;
}

enum error
usage_sources_open(struct ctl *c, struct usage_sources **sources_r)
{
	struct usage_sources *s = calloc(1, sizeof *s);
	enum error e;

	*sources_r = s;
	if (s == NULL || (s->merge = usage_merge_new()) == NULL) {
		usage_sources_close(sources_r);
		return error_set(&c->why, ERR_MEMORY, "%s", error_string(ERR_MEMORY));
	}
	e = open_local(c, s);
	if (e == ERR_MISSING && c->options.usages > 0)
		e = OK;
	for (size_t i = 0; i < c->options.usages && e == OK; i++)
		e = open_file(c, s, c->options.usage[i]);
	if (e != OK)
		usage_sources_close(sources_r);
	return e;
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
	if (s->owner.from != NULL)
		owner_end(&s->owner);
	free(s);
	*sources = NULL;
}

struct usage_merge *
usage_sources_merge(struct usage_sources *sources)
{
	return sources->merge;
}
