/* SPDX-License-Identifier: BSD-2-Clause */
/* main - smtpauthctl: finds the command, runs it in one transaction, says what failed
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "policy/config.h"
#include "policy/ctl/ctl.h"
#include "policy/ctl/help.h"
#include "policy/ctl/journal.h"
#include "policy/ctl/spool.h"
#include "policy/ctl/transaction.h"
#include "policy/guard.h"
#include "policy/text.h"

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

/* complain - one line on standard error, fit for a terminal */
static void __attribute__((noinline)) complain(const char *why)
{
	char shown[4 * ERROR_TEXT_MAX + 64];
	struct text t;

	text_init(&t, shown, sizeof shown);
	text_show(&t, why, strlen(why), ERROR_TEXT_MAX);
	fprintf(stderr, "smtpauthctl: %s\n", shown);
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
		return error_set(&c->why, ERR_USAGE, "usage: smtpauthctl %s%s%s",
		    command->name, *command->args != '\0' ? " " : "", command->args);
	return options_check(&c->options, command->options, &c->why);
}

/* find_dir - the state folder: -d, or what the configuration file says */
static enum error
find_dir(struct ctl *c, struct config *config)
{
	enum error e = OK;

	c->dir = c->options.dir;
	if (c->dir == NULL || c->options.config_file != NULL)
		e = config_read(config, c->options.config_file, &c->why);
	if (c->dir == NULL)
		c->dir = config->state_dir;
	return e;
}

/* commit - unless there is no room for what is to be said of it */
static enum error
commit(struct ctl *c)
{
	enum error e = spool_flush(c, c->out);

	return e == OK ? journal_commit(c) : e;
}

/* run_in_transaction - one command, one transaction */
static enum error
run_in_transaction(struct ctl *c)
{
	enum error e = transaction_is_later(c) ? OK : transaction_begin(c);

	if (e == OK)
		e = c->command->run(c);
	if (e == OK && transaction_writes(c) && c->txn != NULL)
		e = commit(c);
	return e;
}

/* is_long - whether what the command says may be more than fits into memory */
static bool
is_long(const struct ctl *c)
{
	return c->command->need >= NEED_TRIAL;
}

/* hold_back - a stream for what is true only once the transaction has ended */
static FILE *
hold_back(const struct ctl *c, char **text, size_t *size)
{
	if (!transaction_takes_turn(c))
		return stdout;
	return is_long(c) ? spool_file() : open_memstream(text, size);
}

/* print_held - what was held back, if all went well; frees it in any case */
static enum error
print_held(struct ctl *c, bool in_file, char **text, const size_t *size, enum error e)
{
	if (in_file)
		return spool_print(c, &c->out, e);
	fclose(c->out);
	if (e == OK && *text != NULL)
		fwrite(*text, 1, *size, stdout);
	free(*text);
	return e;
}

/* run - ... with the output held back until it is true */
static enum error
run(struct ctl *c)
{
	char *text = NULL;
	size_t size = 0;
	enum error e;

	c->out = hold_back(c, &text, &size);
	if (c->out == NULL)
		return error_set(&c->why, ERR_CREATE,
		    "cannot create a temporary file: %s", strerror(errno));
	e = c->command->need == NEED_NOTHING ? c->command->run(c)
					     : run_in_transaction(c);
	store_abort(&c->txn);
	store_close(&c->store);
	if (c->out != stdout)
		e = print_held(c, is_long(c), &text, &size, e);
	if (e == OK && (fflush(stdout) != 0 || ferror(stdout)))
		return error_set(&c->why, ERR_IO, "cannot write to standard output%s",
		    transaction_writes(c) ? "; the change itself is made" : "");
	return e;
}

int
main(int argc, char **argv)
{
	struct ctl c = {.now = instant_now()};
	struct config config;
	enum error e;

	setlocale(LC_CTYPE, "C");
	umask(0007);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error, not the end */
	guard_install();
	e = options_parse(&c.options, argc, argv, &c.why);
	if (e == OK && (c.options.help || c.options.version))
		return help_print(&c.options, stdout);
	if (e == OK)
		e = choose_command(&c);
	if (e == OK)
		e = find_dir(&c, &config);
	if (e == OK) {
		error_set(&c.why, e, "%s", "");
		e = run(&c);
	}
	if (e == OK)
		return c.status;
	complain(c.why.text[0] != '\0' ? c.why.text : error_string(e));
	return exit_status(e);
}
