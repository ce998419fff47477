/* SPDX-License-Identifier: BSD-2-Clause */
/* import - the command that puts all changes of a file into the policy, or none */
#include "policy/import/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/base/monotonic.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/change_summary.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/exception_guard.h"
#include "policy/ctl/transfer/import_guard.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/ctl/transfer/overrule_sum.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/import/access_rows.h"
#include "policy/import/csv_rows.h"
#include "policy/import/jsonl.h"
#include "policy/tables/ownership.h"
#include "policy/transfer/replace.h"

#define CHECKPOINT_ROWS 100000 /* of a scratch database: bounds what is in memory */
#define PROGRESS_ROWS 4096     /* between two looks at the clock */
#define PROGRESS_MS 200

enum import_format { FORMAT_CSV, FORMAT_JSONL, FORMAT_ACCESS };

struct import_job {
	struct ctl *c;
	const char *name; /* of the file, for messages */
	enum import_format format;
	union {
		struct csv_rows csv;
		struct jsonl jsonl;
		struct access_rows access;
	} reader;
	/* A line of progress, on a terminal only: */
	bool terminal, shown;
	int64_t next_ms;
	int64_t size;                   /* of the file */
	char only[TENANT_NAME_MAX + 1]; /* --tenant, or "" */
	bool replace, dry_run, force;
	bool warned; /* of columns */
	bool asked;  /* the usage, which logins would pass */
	struct import *import;
	struct row row;
	uint64_t lines;           /* read */
	struct store_txn *target; /* C's transaction, or that of a scratch database */
	uint64_t rows;            /* put */
	struct line_errors bad;
	struct change_summary changes;
	struct digest content;
	struct exception_guard exceptions;
	struct overrule_sum overruled;
	struct import_guard opening;
	uint64_t before; /* records that --replace could remove, without locks */
};

/* import_skip - byte order mark and white space; FIRST_R is what follows */
static enum error
import_skip(struct import_job *j, uint64_t *line_r, int *first_r)
{
	FILE *in = j->c->in;
	int at = getc(in);

	*line_r = 1;
	if (at == 0xEF) { /* nothing we read begins with another character like that */
		if (getc(in) != 0xBB || getc(in) != 0xBF)
			return error_set(&j->c->why, ERR_DATA,
			    "%s: the first bytes are no text", j->name);
		at = getc(in);
	}
	while (at == ' ' || at == '\t' || at == '\r' || at == '\n') {
		*line_r += at == '\n';
		at = getc(in);
	}
	*first_r = at;
	ungetc(at, in);
	return OK;
}

/* import_format - what begins with "{" is JSON Lines, unless --format says so */
static enum error
import_format(struct import_job *j, int first)
{
	static const char *const words[] = {
	    [FORMAT_CSV] = "csv", [FORMAT_JSONL] = "jsonl", [FORMAT_ACCESS] = "access"};
	const char *word = argument_option(j->c, OPT_FORMAT);

	j->format = first == '{' || first == EOF ? FORMAT_JSONL : FORMAT_CSV;
	if (word == NULL && first == '[')
		return error_set(&j->c->why, ERR_DATA,
		    "%s is a JSON array: JSON Lines has one object a line, without brackets and commas around them, and each says its \"type\"; contrib/panels has recipes for panels",
		    j->name);
	if (word == NULL)
		return OK;
	for (int i = FORMAT_CSV; i <= FORMAT_ACCESS; i++) {
		j->format = (enum import_format)i;
		if (strcmp(word, words[i]) == 0)
			return OK;
	}
	return error_set(&j->c->why, ERR_USAGE,
	    "bad value \"%s\" for --format: use csv, jsonl or access", word);
}

static enum error
import_start(struct import_job *j)
{
	struct stat st;
	uint64_t line;
	int first = EOF;
	enum error e = import_skip(j, &line, &first);

	if (e != OK)
		return e;
	e = import_format(j, first);
	if (e != OK)
		return e;
	if (argument_option(j->c, OPT_ALIASES) != NULL && j->format != FORMAT_CSV)
		return error_set(&j->c->why, ERR_USAGE, "--aliases goes with CSV only");
	if (j->format == FORMAT_CSV)
		csv_rows_start(&j->reader.csv, j->c->in, line,
		    argument_option(j->c, OPT_ALIASES) != NULL, j->c->now);
	else if (j->format == FORMAT_JSONL)
		jsonl_start(&j->reader.jsonl, j->c->in, line, j->c->now);
	else
		access_rows_start(&j->reader.access, j->c->in, line, j->c->now);
	j->terminal = isatty(STDERR_FILENO);
	j->size = fstat(fileno(j->c->in), &st) == 0 ? (int64_t)st.st_size : 0;
	return OK;
}

/* import_hide - removes the line of progress; it comes again with the next row */
static void
import_hide(struct import_job *j)
{
	if (j->shown)
		fputs("\r\033[K", stderr);
	j->shown = false;
}

static void
import_end(struct import_job *j)
{
	import_hide(j);
	if (j->format == FORMAT_CSV)
		csv_rows_end(&j->reader.csv);
	else if (j->format == FORMAT_JSONL)
		jsonl_end(&j->reader.jsonl);
	else
		access_rows_end(&j->reader.access);
}

/* import_progress - a few times a second */
static void
import_progress(struct import_job *j)
{
	int64_t now = monotonic_ms(), at = (int64_t)ftello(j->c->in);

	if (now < j->next_ms)
		return;
	j->next_ms = now + PROGRESS_MS;
	j->shown = true;
	fprintf(stderr, "\r%" PRIu64 " rows", j->lines);
	if (j->size > 0)
		fprintf(stderr, ", %" PRId64 " %%", at * 100 / j->size);
}

static enum error
import_next(struct import_job *j, bool *found_r, struct error_text *why)
{
	if (j->terminal && j->lines++ % PROGRESS_ROWS == 0)
		import_progress(j);
	if (j->format == FORMAT_CSV)
		return csv_rows_next(&j->reader.csv, &j->row, found_r, why);
	if (j->format == FORMAT_JSONL)
		return jsonl_next(&j->reader.jsonl, &j->row, found_r, why);
	return access_rows_next(&j->reader.access, &j->row, found_r, why);
}

/* import_warn - of columns that are passed over, once */
static void
import_warn(struct import_job *j)
{
	const struct csv_rows *csv = &j->reader.csv;

	if (j->format != FORMAT_CSV || j->warned)
		return;
	j->warned = true;
	if (csv->passed.len > 0)
		print_remark(j->c->err, "warning: columns passed over: %s%s",
		    csv->names, csv->passed.cut ? " and others" : "");
	if (csv->has_aliases && !csv->aliases)
		print_remark(j->c->err,
		    "warning: UserPrincipalName and EmailAddresses are passed over; --aliases makes login aliases of them");
}

/* import_one - the row just read; a checkpoint now and then */
static enum error
import_one(struct import_job *j, struct error_text *why)
{
	enum error e = import_row(j->import, &j->row, why);

	j->rows++;
	if (e != OK || j->target == j->c->txn || j->rows % CHECKPOINT_ROWS != 0)
		return e;
	e = store_checkpoint(j->target);
	return e == OK ? OK : error_about(why, e, j->c->dir);
}

/* import_lines - all of them, also after bad ones */
static enum error
import_lines(struct import_job *j)
{
	struct error_text why;
	bool found;
	enum error e;

	for (;;) {
		e = import_next(j, &found, &why);
		if (e != ERR_FORMAT)
			import_warn(j);
		if ((e == OK && !found) || e == ERR_FORMAT)
			break;
		if (e == OK)
			e = import_one(j, &why);
		if (import_is_of_row(e))
			line_errors_add(&j->bad, j->c->err, j->row.line, &why);
		else if (e != OK)
			return error_set(&j->c->why, e, "%s:%" PRIu64 ": %s", j->name,
			    j->row.line, why.text);
	}
	import_hide(j);
	if (j->format == FORMAT_ACCESS && j->reader.access.deferred)
		print_remark(j->c->err,
		    "warning: DEFER becomes smtp-auth disabled: the action of the tenant decides whether that is a rejection");
	if (e == ERR_FORMAT)
		line_errors_add(&j->bad, j->c->err, j->row.line, &why);
	return line_errors_end(&j->bad, "line", &j->c->why);
}

/* import_into - reads the file into the target */
static enum error
import_into(struct import_job *j, struct store_txn *target)
{
	const char *only = j->only[0] != '\0' ? j->only : NULL;
	enum error e = import_open(&j->import, target, only, j->c->now);

	j->target = target;
	return e == OK ? import_lines(j) : error_about(&j->c->why, e, j->name);
}

/* import_watch - counts each change, and what the guards have to know of it */
static enum error
import_watch(void *arg, struct store_txn *txn, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct import_job *j = arg;
	enum error e = exception_guard_note(&j->exceptions, key, before, after);

	if (e == OK)
		e = overrule_sum_note(&j->overruled, txn, key, after);
	if (e == OK)
		e = import_guard_note(&j->opening, key, before, after);
	if (e != OK)
		return e;
	return change_summary_note(&j->changes, txn, key, before, after);
}

/* import_rows - as commands would do it, one after the other */
static enum error
import_rows(struct import_job *j)
{
	enum error e;

	store_watch(j->c->txn, import_watch, j);
	e = import_into(j, j->c->txn);
	j->content = *store_content(j->c->txn);
	return e;
}

static enum error
import_count_one(void *arg, const struct login *address, const struct mailbox *m)
{
	(void)address;
	(void)m;
	++*(uint64_t *)arg;
	return OK;
}

/* import_replace_mailboxes - of one tenant */
static enum error
import_replace_mailboxes(struct import_job *j)
{
	enum error e =
	    ownership_each_mailbox(j->c->txn, j->only, import_count_one, &j->before);

	if (e == OK)
		e = import_rows(j);
	if (e != OK)
		return e;
	e = import_remove_others(j->import);
	return e == OK ? OK : error_about(&j->c->why, e, j->only);
}

/* import_count_records - of the whole policy, settings among them, locks not */
static enum error
import_count_records(struct store_txn *txn, uint64_t *n_r)
{
	const struct store_meta *m = store_meta(txn);
	char text[SETTING_TEXT_MAX + 1];
	const struct setting *row;
	bool found;
	enum error e = OK;

	*n_r = m->tenants + m->domains + m->mailboxes + m->aliases;
	for (size_t i = 0; e == OK && (row = settings_at(i)) != NULL; i++) {
		e = store_get_setting(txn, row, text, sizeof text, &found);
		*n_r += e == OK && found;
	}
	return e;
}

/* import_replace_all - the file becomes a policy of its own first, then the policy */
static enum error
import_replace_all(struct import_job *j)
{
	struct ctl *c = j->c;
	struct store_txn *target = NULL;
	struct store *scratch;
	enum error e = import_count_records(c->txn, &j->before);

	if (e != OK)
		return store_about(&c->why, e, c->store);
	e = store_scratch(&scratch, c->dir, &c->why);
	if (e != OK)
		return e;
	e = store_begin(scratch, &target);
	e = e == OK ? import_into(j, target) : error_about(&c->why, e, j->name);
	if (e == OK) {
		j->content = store_meta(target)->digest;
		store_watch(c->txn, import_watch, j);
		e = replace_from(c->txn, target, &c->why);
	}
	store_abort(&target);
	store_close(&scratch);
	return e;
}

/*
 * guard_replace - what --replace refuses without --force. Locks are counted
 * apart: many of them would make the loss of all else look small.
 */
static enum error
guard_replace(const struct import_job *j, struct error_text *why)
{
	uint64_t removed = j->changes.sum.removed - j->opening.unlocked;

	if (!j->replace)
		return OK;
	if (j->rows == 0 && j->before > 0)
		return error_set(why, ERR_PROTECTED,
		    "%s is empty: it would remove all there is; use --force if that is meant",
		    j->name);
	if (removed * 5 > j->before)
		return error_set(why, ERR_PROTECTED,
		    "%" PRIu64 " of %" PRIu64
		    " records would be removed, over a fifth; use --force if that is meant",
		    removed, j->before);
	return OK;
}

static enum error
guard_opening(const struct import_job *j, struct error_text *why)
{
	return import_guard_check(&j->opening, why);
}

static bool
is_blank(const struct import_job *j, enum csv_column column)
{
	return j->format == FORMAT_CSV && j->rows > 0 &&
	    csv_rows_is_blank(&j->reader.csv, column);
}

/* guard_blank - columns that an export has left out, which would clear what is set */
static enum error
guard_blank(const struct import_job *j, struct error_text *why)
{
	const struct import_guard *g = &j->opening;

	if (is_blank(j, CSV_EXCHANGE_DISABLED))
		return error_set(why, ERR_PROTECTED,
		    "the column SmtpClientAuthenticationDisabled is empty in all rows: no mailbox of the file would have a setting of its own, and it may not have been exported; use --force if that is meant");
	if (is_blank(j, CSV_CLIENTS) && g->networks.n > 0)
		return error_set(why, ERR_PROTECTED,
		    "the column clients is empty in all rows: %" PRIu64
		    " exception%s would hold from everywhere, %s first; use --force if that is meant",
		    g->networks.n, g->networks.n == 1 ? "" : "s", g->networks.first);
	if (is_blank(j, CSV_UNTIL) && g->ends.n > 0)
		return error_set(why, ERR_PROTECTED,
		    "the column until is empty in all rows: %" PRIu64
		    " setting%s would have no end, %s first; use --force if that is meant",
		    g->ends.n, g->ends.n == 1 ? "" : "s", g->ends.first);
	return OK;
}

/* guard_revived - a column that would let expired settings hold again, without end */
static enum error
guard_revived(const struct import_job *j, struct error_text *why)
{
	const struct lost *revived = &j->opening.revived;

	if (!is_blank(j, CSV_UNTIL) || revived->n == 0)
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "the column until is empty in all rows: %" PRIu64
	    " expired setting%s would hold again, without an end, %s first; use --force if that is meant",
	    revived->n, revived->n == 1 ? "" : "s", revived->first);
}

static enum error
guard_exceptions(const struct import_job *j, struct error_text *why)
{
	return exception_guard_check(&j->exceptions, why);
}

static enum error
guard_locks(const struct import_job *j, struct error_text *why)
{
	return lock_guard_check(&j->changes.guard, why);
}

/*
 * import_refuse - what a guard says; with --force and in a dry run it is a remark.
 * Where the usage has been read, it tells which logins would pass.
 */
static enum error
import_refuse(struct import_job *j, bool opens, struct error_text *why)
{
	struct opening opening = {.cause = why->text};
	char *way_out = strstr(why->text, "; use --force");

	if (!j->force && !j->dry_run && !(opens && j->c->usage != NULL))
		return error_set(&j->c->why, ERR_PROTECTED, "%s", why->text);
	if (way_out != NULL && (j->force || j->c->usage != NULL))
		*way_out = '\0';
	if (opens && j->c->usage != NULL) {
		j->asked = true;
		return opening_guard_check(j->c, &opening);
	}
	print_remark(j->c->err, "warning: %s", why->text);
	return OK;
}

/* import_check_guards - the first one stops it; otherwise all of them are said */
static enum error
import_check_guards(struct import_job *j)
{
	static enum error (*const guards[])(
	    const struct import_job *j, struct error_text *why) = {guard_replace,
	    guard_locks, guard_opening, guard_revived, guard_blank, guard_exceptions};
	struct opening opening;
	struct error_text why;
	enum error e = OK;

	for (size_t i = 0; e == OK && i < sizeof guards / sizeof *guards; i++) {
		e = guards[i](j, &why);
		if (e == ERR_PROTECTED)
			e = import_refuse(j, guards[i] == guard_opening, &why);
		else if (e != OK)
			return error_set(&j->c->why, e, "%s", why.text);
	}
	if (e == OK && !j->asked && j->c->usage != NULL &&
	    import_guard_settings(&j->opening, &opening))
		e = opening_guard_check(j->c, &opening);
	return e;
}

/* import_say - what the changes are, and what holds at present instead of them */
static void
import_say(struct import_job *j)
{
	const struct settings *s = store_settings(j->c->txn);
	unsigned causes = overrule_sum_causes(&j->overruled, s);
	const char *laxer = overrule_laxer(&j->opening.was, s);
	const struct lost *dropped = &j->opening.dropped;
	const struct lost *revived = &j->opening.revived;

	if (j->rows == 0 && !j->replace)
		print_remark(j->c->err, "warning: there is no row in %s", j->name);
	change_summary_print_summary(&j->changes, causes);
	overrule_sum_remark(&j->overruled, causes, j->c->err);
	if (laxer != NULL)
		print_remark(j->c->err, "%s", laxer);
	if (dropped->n > 0)
		print_remark(j->c->err,
		    "until or clients of %" PRIu64
		    " mailbox%s ended with the old smtp-auth, %s first",
		    dropped->n, dropped->n == 1 ? "" : "es", dropped->first);
	if (revived->n > 0 && !is_blank(j, CSV_UNTIL)) /* else a warning has said it */
		print_remark(j->c->err,
		    "%" PRIu64 " expired setting%s again, without an end, %s first",
		    revived->n, revived->n == 1 ? " holds" : "s hold", revived->first);
}

static enum error
import_run(struct import_job *j)
{
	enum error e = argument_tenant_option(j->c, j->only);
	bool all = j->only[0] == '\0';

	if (e == OK && j->replace && j->format != FORMAT_JSONL && all)
		return error_set(&j->c->why, ERR_USAGE,
		    "%s holds mailboxes only: --replace needs --tenant NAME with it",
		    j->format == FORMAT_CSV ? "CSV" : "an access table");
	if (e != OK)
		return e;
	e = lock_guard_start(&j->changes.guard, j->c->txn, j->c->now);
	if (e != OK)
		return store_about(&j->c->why, e, j->c->store);
	import_guard_start(&j->opening, j->c->txn, j->c->now);
	exception_guard_start(&j->exceptions, j->c->txn, j->c->now);
	overrule_sum_start(&j->overruled, j->c->now);
	if (!j->replace)
		e = import_rows(j);
	else
		e = all ? import_replace_all(j) : import_replace_mailboxes(j);
	if (e == OK)
		e = import_check_guards(j);
	if (e == OK && audit_summary_total(&j->changes.sum) > 0)
		e = change_summary_audit(&j->changes, &j->content, 0);
	if (e == OK)
		import_say(j);
	return e;
}

/* import_begin - the transaction; what has settings is compared by the usage, too */
static enum error
import_begin(struct import_job *j)
{
	bool settings =
	    j->format == FORMAT_JSONL && argument_option(j->c, OPT_TENANT) == NULL;

	return settings ? opening_guard_begin(j->c) : transaction_begin(j->c);
}

enum error
ctl_import(struct ctl *c)
{
	const char *path = argument_word(c, 0);
	struct import_job *j = calloc(1, sizeof *j);
	enum error e;

	if (j == NULL)
		return error_about(&c->why, ERR_MEMORY, input_file_name(path));
	j->c = c;
	j->name = input_file_name(path);
	j->replace = argument_option(c, OPT_REPLACE) != NULL;
	j->dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	j->force = argument_option(c, OPT_FORCE) != NULL;
	j->changes = (struct change_summary){.c = c, .print = j->dry_run};
	e = input_file_open_text(c, path, &c->in);
	if (e == OK)
		e = import_start(j);
	if (e == OK) {
		e = import_begin(j);
		if (e == OK)
			e = import_run(j);
		import_end(j);
	}
	import_close(&j->import);
	lock_guard_end(&j->changes.guard);
	import_guard_end(&j->opening);
	exception_guard_end(&j->exceptions);
	free(j->row.domain);
	free(j);
	return e;
}
