/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauthctl: runs the command in one transaction, says what failed */
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "policy/config/config.h"
#include "policy/ctl/commands.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/held_output.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/help.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/db/guard.h"

/* How often a reader that commits have overtaken starts again. */
#define RUNS_AGAIN 3

/* exit_status - of an error; no default, so that the compiler finds a gap */
static int
exit_status(enum error e)
{
	switch (e) {
	case OK:
		return EX_OK;
	case ERR_NOTFOUND:
		return 1;
	case ERR_USAGE:
		return EX_USAGE;
	case ERR_DATA:
	case ERR_EXISTS:
	case ERR_CONFLICT:
	case ERR_PROTECTED:
	case ERR_LIMIT:
		return EX_DATAERR;
	case ERR_NOINPUT:
		return EX_NOINPUT;
	case ERR_MISSING:
	case ERR_DAMAGED:
	case ERR_REPLACED:
	case ERR_FORMAT:
	case ERR_NEWER:
	case ERR_OLDER:
	case ERR_MACHINE:
	case ERR_NETWORK_FS:
	case ERR_NO_LOCKS:
	case ERR_PID_SPACE:
		return EX_UNAVAILABLE;
	case ERR_OVERTAKEN:
	case ERR_BUSY:
	case ERR_FULL:
	case ERR_MAP:
	case ERR_MEMORY:
	case ERR_FILES:
		return EX_TEMPFAIL;
	case ERR_IO:
		return EX_IOERR;
	case ERR_CREATE:
		return EX_CANTCREAT;
	case ERR_PERMISSION:
		return EX_NOPERM;
	case ERR_CONFIG:
		return EX_CONFIG;
	case ERR_INTERNAL:
	case WALK_STOP:
		return EX_SOFTWARE;
	}
	return EX_SOFTWARE;
}

static void
warn(const char *text)
{
	print_remark(stderr, "warning: %s", text);
}

/*
 * find_dir - the state folder: -d, or that of the configuration file, where a mistake
 * in one of the daemon's keys must not stop anybody from locking a login.
 */
static enum error
find_dir(struct ctl *c, char *dir)
{
	enum error e = OK;

	c->dir = c->options.dir;
	if (c->dir == NULL || c->options.config_file != NULL)
		e = config_state_dir(dir, c->options.config_file, warn, &c->why);
	if (c->dir == NULL)
		c->dir = dir;
	else if (e != OK)
		warn(c->why.text);
	return c->dir == dir ? e : OK;
}

/* The output of a command, held until its transaction has ended. */
struct held {
	struct held_output out, err;
};

/* held_close - drops the output */
static void
held_close(struct ctl *c, struct held *h)
{
	held_output_close(&h->out);
	held_output_close(&h->err);
	c->out = stdout;
	c->err = stderr;
	print_close(&c->print);
	print_open(&c->print, c->out, c->options.json);
}

/* held_open - holds the output of a command that works with a store */
static enum error
held_open(struct ctl *c, struct held *h)
{
	enum error e;

	held_close(c, h);
	if (c->command->needs == NEED_NOTHING)
		return OK;
	e = held_output_open(&h->out, &c->why);
	if (e == OK)
		e = held_output_open(&h->err, &c->why);
	if (e != OK)
		return e;
	c->out = h->out.to;
	c->err = h->err.to;
	print_open(&c->print, c->out, c->options.json);
	return OK;
}

/* held_print - prints remarks in any case, the output only if it is true */
static enum error
held_print(struct ctl *c, struct held *h, enum error e)
{
	struct error_text why;
	enum error printed = OK;

	if (h->err.to != NULL && held_output_print(&h->err, stderr, &why) != OK)
		print_remark(stderr, "%s", why.text);
	if ((e == OK || c->tells) && h->out.to != NULL)
		printed = held_output_print(&h->out, stdout, e == OK ? &c->why : &why);
	held_close(c, h);
	return e == OK ? printed : e;
}

/* run_command - runs it and commits, unless its output could not be held */
static enum error
run_command(struct ctl *c, struct held *h)
{
	unsigned needs = c->command->needs;
	enum error e = OK;

	if ((needs & NEED_STORE) && !(needs & NEED_LATER))
		e = transaction_begin(c);
	if (e == OK)
		e = c->command->run(c);
	if (e == OK || c->tells)
		print_finish(&c->print);
	if (e == OK && print_is_empty(&c->print))
		print_remark(c->err, "nothing to list");
	if (e != OK || !transaction_writes(c) || c->txn == NULL)
		return e;
	e = held_output_check(&h->out, &c->why);
	return e == OK ? audit_origin_commit(c) : e;
}

/*
 * run_once - the command up to the end of its transaction. Its output is held, so a
 * command that reads can run again as if nothing had been printed.
 */
static enum error
run_once(struct ctl *c, struct held *h)
{
	enum error e = held_open(c, h);

	c->status = EX_OK;
	c->tells = false;
	error_set(&c->why, OK, "%s", "");
	if (e == OK)
		e = run_command(c, h);
	if (c->command->needs != NEED_NOTHING)
		e = transaction_check(c, e);
	store_abort(&c->txn);
	store_close(&c->store);
	usage_sources_close(&c->usage); /* they can be read once only */
	return e;
}

/*
 * run - the command, and again if commits have overtaken its reading, whatever the
 * result was; then writers are asked to spare it.
 */
static enum error
run(struct ctl *c)
{
	struct held held = {.out = {.to = NULL}};
	enum error e = run_once(c, &held);

	for (int i = 0; e == ERR_OVERTAKEN && i < RUNS_AGAIN; i++) {
		c->spared = true;
		e = run_once(c, &held);
	}
	if (e == ERR_OVERTAKEN)
		error_set(&c->why, e, "%s", error_string(e));
	e = held_print(c, &held, e);
	if (e == OK && (fflush(stdout) != 0 || ferror(stdout)))
		return error_set(&c->why, ERR_IO, "cannot write to standard output%s",
		    transaction_writes(c) ? "; the change itself is made" : "");
	return e;
}

/* rights_hint - who may do what this user may not */
static const char *
rights_hint(const struct ctl *c, enum error e)
{
	bool writes = c->command != NULL && (c->command->needs & NEED_TURN);

	if (exit_status(e) != EX_NOPERM || geteuid() == 0)
		return "";
	return writes ? "; run it as root"
		      : "; run it as root, or as a member of the folder's group";
}

int
main(int argc, char **argv)
{
	struct ctl c = {.now = instant_now()};
	char dir[CONFIG_VALUE_MAX + 1];
	enum error e;

	setlocale(LC_CTYPE, "C");
	umask(0007);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error, not the end */
	guard_install();
	e = options_parse(&c.options, argc, argv, &c.why);
	if (e == OK && (c.options.help || c.options.version)) {
		if (help_print(&c.options, stdout))
			return EX_OK;
		e = commands_unknown(&c.options, &c.why);
	}
	if (e == OK)
		e = commands_find(&c.options, &c.command, &c.why);
	if (e == OK)
		e = find_dir(&c, dir);
	if (e == OK)
		e = run(&c);
	if (e == OK)
		return c.status;
	print_remark(stderr, "%s%s",
	    c.why.text[0] != '\0' ? c.why.text : error_string(e), rights_hint(&c, e));
	return exit_status(e);
}
