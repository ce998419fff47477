/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - Exchange's commands: one on the command line, or many on standard input */
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/exchange_commands.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/exchange/exchange_script.h"

/* run_words - the command on the command line */
static enum error
run_words(struct ctl *c, enum exchange_cmdlet cmdlet)
{
	struct exchange_word word[EXCHANGE_WORDS_MAX + 1] = {{.quoted = false}};
	struct exchange x;
	size_t n = c->options.words;
	enum error e;

	if (n > EXCHANGE_WORDS_MAX)
		n = EXCHANGE_WORDS_MAX + 1; /* which is an error */
	for (size_t i = 0; i < n; i++)
		word[i].text = (struct exchange_span){
		    argument_word(c, i), strlen(argument_word(c, i))};
	e = exchange_read(cmdlet, word, n, EXCHANGE_COMMAND_LINE, &x, &c->why);
	return e == OK ? exchange_commands_run(c, &x) : e;
}

enum error
ctl_get_transport_config(struct ctl *c)
{
	return run_words(c, EXCHANGE_GET_TRANSPORT_CONFIG);
}

enum error
ctl_set_transport_config(struct ctl *c)
{
	return run_words(c, EXCHANGE_SET_TRANSPORT_CONFIG);
}

enum error
ctl_get_cas_mailbox(struct ctl *c)
{
	return run_words(c, EXCHANGE_GET_CAS_MAILBOX);
}

enum error
ctl_set_cas_mailbox(struct ctl *c)
{
	return run_words(c, EXCHANGE_SET_CAS_MAILBOX);
}

/* A script on its way. */
struct job {
	struct ctl *c;
	struct exchange_script script;
	struct line_errors bad;
	char line[EXCHANGE_LINE_MAX + 2];
};

/* note - an error of a line, or any other, which ends the job */
static enum error
note(struct job *job, enum error e)
{
	if (!line_errors_is(e))
		return e;
	if (job->c->why.text[0] == '\0')
		error_set(&job->c->why, e, "%s", error_string(e));
	line_errors_add(&job->bad, job->c->err, job->script.where, &job->c->why);
	return OK;
}

/* run_command - one command, under its own name in the audit log */
static enum error
run_command(struct job *job, const struct exchange *x)
{
	enum error e = audit_origin_name(job->c, exchange_cmdlet_name(x->cmdlet));

	job->c->why.text[0] = '\0'; /* of the line before */
	return e == OK ? note(job, exchange_commands_run(job->c, x)) : e;
}

/* run_line - the commands that end on this line; bad ones are noted */
static enum error
run_line(struct job *job, size_t n)
{
	struct exchange x;
	enum error e;

	exchange_script_line(&job->script, job->line, n);
	while ((e = exchange_script_next(&job->script, &x, &job->c->why)) !=
	    ERR_NOTFOUND) {
		e = e == OK ? run_command(job, &x) : note(job, e);
		if (e != OK)
			return e;
	}
	return OK;
}

/* read_line - without LF; of one that is too long, a byte too much; false at the end */
static bool
read_line(struct job *job, size_t *n_r)
{
	size_t n = 0;
	int ch;

	while ((ch = getc(job->c->in)) != EOF && ch != '\n')
		if (n < sizeof job->line)
			job->line[n++] = (char)ch;
	*n_r = n;
	return n > 0 || ch != EOF;
}

/* run_script - all lines, in the transaction that is open */
static enum error
run_script(struct job *job)
{
	struct ctl *c = job->c;
	enum error e = OK;
	size_t n;

	exchange_script_start(&job->script);
	while (e == OK && read_line(job, &n))
		e = run_line(job, n);
	if (e == OK && ferror(c->in))
		return error_set(&c->why, ERR_IO, "cannot read %s", "the commands");
	if (e == OK)
		e = note(job, exchange_script_end(&job->script, &c->why));
	return e == OK ? line_errors_end(&job->bad, "command", &c->why) : e;
}

enum error
ctl_exchange(struct ctl *c)
{
	struct job *job = calloc(1, sizeof *job);
	enum error e;

	if (job == NULL)
		return error_about(&c->why, ERR_MEMORY, "exchange");
	job->c = c;
	e = input_file_open(c, "-", &c->in);
	if (e == OK)
		e = transaction_begin(c);
	if (e == OK)
		e = run_script(job);
	if (e == OK)
		e = audit_origin_name(c, "exchange"); /* which the commit is */
	free(job);
	return e;
}
