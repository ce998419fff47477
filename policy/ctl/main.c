/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauthctl: finds the command, runs it in one transaction, says what failed
 */
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "policy/config/config.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/held_output.h"
#include "policy/ctl/frame/help.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/db/guard.h"

/* How often a reading starts again that was overtaken by commits. */
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
	case ERR_NETWORK_FS:
	case ERR_PID_SPACE:
		return EX_UNAVAILABLE;
	case ERR_OVERTAKEN:
	case ERR_BUSY:
	case ERR_FULL:
	case ERR_MEMORY:
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
		return EX_SOFTWARE;
	}
	return EX_SOFTWARE;
}

/* count_words - of a name or of the arguments; those in brackets may be left out */
static void
count_words(const char *s, size_t *least, size_t *most)
{
	*least = *most = 0;
	while (*s != '\0') {
		(*most)++;
		*least += *s != '[';
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
}

/*
 * starts_with - whether the words of the command line begin with the command's name; a
 * word of it in brackets may be left out
 */
static bool
starts_with(const struct options *o, const char *name, size_t *words_r)
{
	size_t i = 0, n;

	for (; *name != '\0'; name += strspn(name, " ")) {
		bool optional = *name == '[';

		name += optional;
		n = strcspn(name, " ]");
		if (i < o->words && strlen(o->word[i]) == n &&
		    memcmp(o->word[i], name, n) == 0)
			i++;
		else if (!optional)
			return false;
		name += n + optional;
	}
	*words_r = i;
	return true;
}

/* find_command - the longest name that the words start with; the name is dropped */
static const struct command *
find_command(struct options *o)
{
	const struct command *command, *found = NULL;
	size_t words, most = 0;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		if (!starts_with(o, command->name, &words) || words <= most)
			continue;
		most = words;
		found = command;
	}
	o->word += most;
	o->words -= most;
	return found;
}

/* unknown_command - the line for words that are none */
static enum error
unknown_command(const struct options *o, struct error_text *why)
{
	if (o->words == 0)
		return error_set(
		    why, ERR_USAGE, "a command is missing; see \"smtpauthctl --help\"");
	if (help_has_group(o->word[0]))
		return error_set(why, ERR_USAGE,
		    "\"%s\" needs one of its commands; see "
		    "\"smtpauthctl %s --help\"",
		    o->words > 1 ? o->word[1] : o->word[0], o->word[0]);
	return error_set(why, ERR_USAGE,
	    "unknown command \"%s\"; see \"smtpauthctl --help\"", o->word[0]);
}

/* wrong_words - the line for a command with too few words, or too many */
static enum error
wrong_words(const struct command *command, struct error_text *why)
{
	return error_set(why, ERR_USAGE,
	    "usage: smtpauthctl %s%s%s%s; see \"smtpauthctl %.*s --help\"",
	    command->name, *command->args != '\0' ? " " : "", command->args,
	    command->options != 0 ? " [options]" : "", (int)strcspn(command->name, " "),
	    command->name);
}

/* choose_command - ... with the right number of words and none but its own options */
static enum error
choose_command(struct ctl *c)
{
	const struct command *command;
	size_t least, most;

	c->command = command = find_command(&c->options);
	if (command == NULL)
		return unknown_command(&c->options, &c->why);
	count_words(command->args, &least, &most);
	if (!c->options.cmdlet && (c->options.words < least || c->options.words > most))
		return wrong_words(command, &c->why);
	return options_check(&c->options, command->options, &c->why);
}

static void
warn(const char *text)
{
	print_remark(stderr, "warning: %s", text);
}

/*
 * find_dir - the state folder: -d, or what the configuration file says. Its other keys
 * are the daemon's: a slip in one must not keep anybody from locking a login.
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

/* What a command says, until it is true. */
struct held {
	struct held_output out, err;
};

/* release - drops what is held */
static void
release(struct ctl *c, struct held *h)
{
	held_output_close(&h->out);
	held_output_close(&h->err);
	c->out = stdout;
	c->err = stderr;
	print_close(&c->print);
	print_open(&c->print, c->out, c->options.json);
}

/* hold - holds back what will be said, of a command that works with a store */
static enum error
hold(struct ctl *c, struct held *h)
{
	enum error e;

	release(c, h);
	if (c->command->need == NEED_NOTHING)
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

/* run_command - with all that it printed in C's `out`, but for a failure */
static enum error
run_command(struct ctl *c)
{
	enum error e = c->command->run(c);

	if (e == OK || c->tells)
		print_finish(&c->print);
	return e;
}

/* commit - unless there is no room for what is to be said of it */
static enum error
commit(struct ctl *c, struct held *h)
{
	enum error e = held_output_flush(&h->out, &c->why);

	return e == OK ? audit_origin_commit(c) : e;
}

/* run_in_transaction - one command, one transaction */
static enum error
run_in_transaction(struct ctl *c, struct held *h)
{
	enum error e = transaction_is_later(c) ? OK : transaction_begin(c);

	if (e == OK)
		e = run_command(c);
	if (e == OK && transaction_writes(c) && c->txn != NULL)
		e = commit(c, h);
	return e;
}

/*
 * run_once - the command from its begin to the end of its transaction. What it says is
 * held: a command that reads can be run again, and then has said nothing before.
 */
static enum error
run_once(struct ctl *c, struct held *h)
{
	enum error e = hold(c, h);

	c->status = EX_OK;
	c->tells = false;
	error_set(&c->why, OK, "%s", "");
	if (e == OK)
		e = c->command->need == NEED_NOTHING ? run_command(c)
						     : run_in_transaction(c, h);
	if (c->txn != NULL && c->command->need != NEED_NOTHING &&
	    store_check(c->txn) == ERR_OVERTAKEN)
		e = ERR_OVERTAKEN;
	store_abort(&c->txn);
	store_close(&c->store);
	usage_sources_close(&c->usage); /* a walk through them is not repeated */
	return e;
}

/*
 * run_whole - again where commits have gone over what the command read, whatever came
 * of it. Writers are asked to spare it then.
 */
static enum error
run_whole(struct ctl *c, struct held *h)
{
	enum error e = run_once(c, h);

	for (int i = 0; e == ERR_OVERTAKEN && i < RUNS_AGAIN; i++) {
		c->spared = true;
		e = run_once(c, h);
	}
	if (e == ERR_OVERTAKEN)
		return error_set(&c->why, e, "%s", error_string(e));
	return e;
}

/* print_held - remarks in any case; the rest where it is true */
static enum error
print_held(struct ctl *c, struct held *h, enum error e)
{
	struct error_text why;
	enum error printed = OK;

	if (h->err.to != NULL && held_output_print(&h->err, stderr, &why) != OK)
		print_remark(stderr, "%s", why.text);
	if ((e == OK || c->tells) && h->out.to != NULL)
		printed = held_output_print(&h->out, stdout, e == OK ? &c->why : &why);
	release(c, h);
	return e == OK ? printed : e;
}

/* run - ... with the output held back until it is true */
static enum error
run(struct ctl *c)
{
	struct held held = {.out = {.to = NULL}};
	enum error e = run_whole(c, &held);

	e = print_held(c, &held, e);
	if (e == OK && (fflush(stdout) != 0 || ferror(stdout)))
		return error_set(&c->why, ERR_IO, "cannot write to standard output%s",
		    transaction_writes(c) ? "; the change itself is made" : "");
	return e;
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
		e = unknown_command(&c.options, &c.why);
	}
	if (e == OK)
		e = choose_command(&c);
	if (e == OK)
		e = find_dir(&c, dir);
	if (e == OK)
		e = run(&c);
	if (e == OK)
		return c.status;
	print_remark(
	    stderr, "%s", c.why.text[0] != '\0' ? c.why.text : error_string(e));
	return exit_status(e);
}
