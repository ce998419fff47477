/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - Exchange's commands: one on the command line, or many on standard input */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/exchange/exchange_script.h"
#include "policy/import/line_reader.h"
#include "policy/model/address.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

/* Tenants or mailboxes while they are listed. */
struct exchange_list {
	struct ctl *c;
	uint64_t shown, most;
	bool more;              /* than MOST */
	struct ownership owner; /* of the last mailbox */
};

/* list_line - of PowerShell's list format; no name is wider than the last one */
static void
list_line(struct printer *p, const char *name, const char *value)
{
	print_line(p, "%-*s : %s", (int)strlen(DISABLED_NAME), name, value);
}

/* disabled_print - the double negative, as PowerShell prints it */
static void
disabled_print(struct printer *p, enum smtp_auth smtp_auth)
{
	bool disabled = smtp_auth == SMTP_AUTH_DISABLED;

	if (smtp_auth == SMTP_AUTH_INHERIT) {
		list_line(p, DISABLED_NAME, "");
		print_none(p, DISABLED_NAME);
	} else {
		list_line(p, DISABLED_NAME, disabled ? "True" : "False");
		print_bool(p, DISABLED_NAME, disabled);
	}
}

static enum error
tenant_print(void *arg, const struct tenant *t)
{
	struct exchange_list *list = arg;
	struct printer *p = &list->c->print;

	list->shown++;
	print_line(p, "%s", "");
	list_line(p, "Organization", t->name);
	print_object_start(p, NULL);
	print_text(p, "Organization", t->name);
	disabled_print(p, t->smtp_auth);
	print_object_end(p);
	return OK;
}

static enum error
get_transport_config(struct ctl *c, const struct exchange *x)
{
	struct exchange_list list = {.c = c};
	struct tenant t;
	enum error e;

	if (x->organization[0] != '\0') {
		e = argument_tenant(c, x->organization, &t);
		return e == OK ? tenant_print(&list, &t) : e;
	}
	e = tenant_table_each(c->txn, tenant_print, &list);
	return e == OK ? transaction_walked(c, list.shown, store_meta(c->txn)->tenants)
		       : e;
}

static enum error
keep_tenant(void *arg, const struct tenant *t)
{
	*(struct tenant *)arg = *t;
	return WALK_STOP;
}

/* only_tenant - the one that is meant where none is named */
static enum error
only_tenant(struct ctl *c, struct tenant *t)
{
	uint64_t tenants = store_meta(c->txn)->tenants;
	enum error e;

	if (tenants > 1)
		return error_set(&c->why, ERR_USAGE,
		    "there are %" PRIu64 " tenants: name one with -Organization",
		    tenants);
	t->name[0] = '\0';
	e = tenant_table_each(c->txn, keep_tenant, t);
	if (e == OK)
		e = transaction_walked(c, t->name[0] != '\0', tenants);
	if (e == OK && tenants == 0)
		return error_set(&c->why, ERR_NOTFOUND,
		    "there is no tenant yet; see \"smtpauthctl tenant add\"");
	return e;
}

static enum error
set_transport_config(struct ctl *c, const struct exchange *x)
{
	struct tenant t;
	enum error e = x->organization[0] != '\0'
	    ? argument_tenant(c, x->organization, &t)
	    : only_tenant(c, &t);

	if (e != OK)
		return e;
	t.smtp_auth = x->smtp_auth;
	return tenant_table_put(c->txn, &t);
}

/* mailbox_print - with the setting that is in force: Exchange knows no times */
static void
mailbox_print(struct ctl *c, const struct login *address, const char *tenant,
    const struct mailbox *m)
{
	struct printer *p = &c->print;

	print_line(p, "%s", "");
	print_line(p, "%-*s : %.*s", (int)strlen(DISABLED_NAME), "Name",
	    (int)address->local, address->text);
	list_line(p, "PrimarySmtpAddress", address->text);
	print_object_start(p, NULL);
	print_text(p, "PrimarySmtpAddress", address->text);
	print_text(p, "Organization", tenant);
	disabled_print(
	    p, mailbox_overrides(m, c->now) ? m->smtp_auth : SMTP_AUTH_INHERIT);
	print_object_end(p);
}

/* list_mailbox - up to one more than wanted, which is not printed */
static enum error
list_mailbox(void *arg, const struct login *address, const struct mailbox *m)
{
	struct exchange_list *list = arg;
	struct ctl *c = list->c;
	enum error e = OK;

	list->more = list->shown == list->most;
	if (list->more)
		return WALK_STOP;
	list->shown++;
	if (c->print.has_json)
		e = ownership_find(c->txn, address, &list->owner);
	if (e == OK)
		mailbox_print(c, address, list->owner.tenant, m);
	return e;
}

static enum error
list_mailboxes(struct ctl *c, const struct exchange *x)
{
	struct exchange_list list = {.c = c, .most = x->results};
	enum error e = mailbox_table_each(c->txn, NULL, list_mailbox, &list);

	if (e != OK)
		return e;
	if (!list.more)
		return transaction_walked(c, list.shown, store_meta(c->txn)->mailboxes);
	if (x->results_said)
		print_remark(c->err,
		    "warning: there are more mailboxes than these %" PRIu64
		    ": raise -ResultSize",
		    x->results);
	else
		print_remark(c->err,
		    "warning: only the first %" PRIu64
		    " mailboxes are shown; for all, say -ResultSize Unlimited",
		    x->results);
	return OK;
}

static enum error
get_cas_mailbox(struct ctl *c, const struct exchange *x)
{
	struct login address;
	struct mailbox m;
	struct tenant t;
	bool found;
	enum error e;

	if (x->identity[0] == '\0')
		return list_mailboxes(c, x);
	e = address_normalize(store_settings(c->txn), x->identity, &address, &c->why);
	if (e == OK)
		e = ownership_of_login(c->txn, &address, &t, &found);
	if (e == OK && !found)
		return error_set(&c->why, ERR_NOTFOUND,
		    "there is no mailbox %s: no tenant owns its domain", address.text);
	if (e == OK)
		e = ownership_mailbox(
		    c->txn, x->identity, &address, &c->why); /* no alias */
	if (e == OK)
		e = mailbox_table_get(c->txn, &address, &m, NULL);
	if (e == OK)
		mailbox_print(c, &address, t.name, &m);
	return e;
}

static enum error
set_cas_mailbox(struct ctl *c, const struct exchange *x)
{
	struct login address;
	struct mailbox m;
	enum error e = ownership_mailbox(c->txn, x->identity, &address, &c->why);

	if (e == OK)
		e = mailbox_table_get(c->txn, &address, &m, NULL);
	if (e != OK)
		return e;
	mailbox_set_smtp_auth(&m, x->smtp_auth, c->now);
	return mailbox_table_put(c->txn, &address, &m);
}

static enum error
exchange_run(struct ctl *c, const struct exchange *x)
{
	static enum error (*const run[EXCHANGE_CMDLETS])(
	    struct ctl * c, const struct exchange *x) = {
	    [EXCHANGE_GET_TRANSPORT_CONFIG] = get_transport_config,
	    [EXCHANGE_SET_TRANSPORT_CONFIG] = set_transport_config,
	    [EXCHANGE_GET_CAS_MAILBOX] = get_cas_mailbox,
	    [EXCHANGE_SET_CAS_MAILBOX] = set_cas_mailbox,
	};
	enum error e = run[x->cmdlet](c, x);

	if (e == OK && !exchange_cmdlet_writes(x->cmdlet))
		print_line(&c->print, "%s", "");
	return e;
}

enum error
ctl_cmdlet(struct ctl *c)
{
	const struct exchange_span name = {c->command->name, strlen(c->command->name)};
	struct exchange_word word[EXCHANGE_WORDS_MAX + 1] = {{.quoted = false}};
	enum exchange_cmdlet cmdlet;
	struct exchange x;
	size_t n = c->options.words;
	enum error e;

	if (!exchange_cmdlet_find(name, &cmdlet))
		return ERR_INTERNAL;
	if (n > EXCHANGE_WORDS_MAX)
		n = EXCHANGE_WORDS_MAX + 1; /* which is an error */
	for (size_t i = 0; i < n; i++)
		word[i].text = (struct exchange_span){
		    argument_word(c, i), strlen(argument_word(c, i))};
	e = exchange_read(cmdlet, word, n, EXCHANGE_COMMAND_LINE, &x, &c->why);
	return e == OK ? exchange_run(c, &x) : e;
}

/* Pasted commands while they are run. */
struct exchange_job {
	struct ctl *c;
	struct exchange_script script;
	struct line_errors bad;
};

/* exchange_note - an error of a line, or any other, which ends the job */
static enum error
exchange_note(struct exchange_job *job, enum error e)
{
	if (!line_errors_is(e))
		return e;
	if (job->c->why.text[0] == '\0')
		error_set(&job->c->why, e, "%s", error_string(e));
	line_errors_add(&job->bad, job->c->err, job->script.where, &job->c->why);
	return OK;
}

/* exchange_line - the commands that end on this line; bad ones are noted */
static enum error
exchange_line(struct exchange_job *job, struct bytes line)
{
	struct ctl *c = job->c;
	struct exchange x;
	bool found;
	enum error e;

	exchange_script_line(&job->script, line.at, line.len);
	for (;;) {
		e = exchange_script_next(&job->script, &x, &found, &c->why);
		if (!found)
			return OK;
		if (e == OK) {
			/* under its own name in the audit log */
			e = audit_origin_name(&c->log, exchange_cmdlet_name(x.cmdlet));
			if (e != OK)
				return e;
			c->why.text[0] = '\0'; /* of the line before */
			e = exchange_run(c, &x);
		}
		e = exchange_note(job, e);
		if (e != OK)
			return e;
	}
}

/*
 * exchange_lines - all of them. Of one that is too long the script sees the beginning,
 * with room for a byte order mark, CR and one byte too much.
 */
static enum error
exchange_lines(struct exchange_job *job)
{
	struct line_reader lines;
	struct bytes line;
	bool found = true;
	enum error e = OK;

	exchange_script_start(&job->script);
	line_reader_start(&lines, job->c->in, 1, EXCHANGE_LINE_MAX + 5);
	while (e == OK) {
		e = line_reader_next(&lines, &line, &found);
		if (e == OK && !found)
			break;
		if (e == OK || e == ERR_LIMIT)
			e = exchange_line(job, line);
		else
			error_set(&job->c->why, e, "cannot read the commands");
	}
	line_reader_end(&lines);
	if (e == OK)
		e = exchange_note(job, exchange_script_end(&job->script, &job->c->why));
	return e == OK ? line_errors_end(&job->bad, "command", &job->c->why) : e;
}

enum error
ctl_exchange(struct ctl *c)
{
	struct exchange_job *job = calloc(1, sizeof *job);
	enum error e;

	if (job == NULL)
		return error_about(&c->why, ERR_MEMORY, "exchange");
	job->c = c;
	e = input_file_open(c, "-", &c->in);
	if (e == OK)
		e = transaction_begin(c);
	if (e == OK)
		e = exchange_lines(job);
	if (e == OK)
		e = audit_origin_name(&c->log, "exchange"); /* which the commit is */
	free(job);
	return e;
}
