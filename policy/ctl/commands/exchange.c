/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange - Exchange's commands: one on the command line, or many on standard input */
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/change_summary.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/exchange/exchange_script.h"
#include "policy/import/line_reader.h"
#include "policy/model/address.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

#define DISABLED_NAME "SmtpClientAuthenticationDisabled"

/* What a statement of an input has set, so that no other one says the contrary. */
struct exchange_said {
	enum smtp_auth smtp_auth;
	uint64_t line;
	char name[]; /* of a mailbox or a tenant: one has an @ */
};

/* Commands while they are run: pasted ones, or the one of the command line. */
struct exchange_job {
	struct ctl *c;
	bool pasted;
	struct exchange_script script; /* the rest is for pasted ones */
	struct line_errors bad;
	struct change_summary changes;
	void *said; /* tsearch(3)'s tree of struct exchange_said */
};

/* Tenants or mailboxes while they are listed. */
struct exchange_list {
	struct ctl *c;
	unsigned properties;
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

/* overruled_print - below the setting, where something else holds at present */
static void
overruled_print(struct printer *p, unsigned causes, const struct tenant *t)
{
	char buf[OVERRULE_TEXT_MAX];
	struct text text;

	text_init(&text, buf, sizeof buf);
	overrule_describe(causes, t, &text);
	if (causes != 0)
		list_line(p, "OverruledBy", buf);
	object_text_overruled(p, causes, t);
}

static enum error
tenant_print(void *arg, const struct tenant *t)
{
	struct exchange_list *list = arg;
	struct printer *p = &list->c->print;
	unsigned causes;
	enum error e = overruled_tenant(list->c, t, &causes);

	if (e != OK)
		return e;
	list->shown++;
	print_line(p, "%s", "");
	print_object_start(p, NULL);
	if (list->properties & EXCHANGE_ORGANIZATION) {
		list_line(p, "Organization", t->name);
		print_text(p, "Organization", t->name);
	}
	if (list->properties & EXCHANGE_DISABLED)
		disabled_print(p, t->smtp_auth);
	overruled_print(p, causes, t);
	print_object_end(p);
	return OK;
}

/* tenant_find - by its name, or by one of its domains */
static enum error
tenant_find(struct ctl *c, const char *typed, struct tenant *t)
{
	char domain[DOMAIN_MAX + 1], name[TENANT_NAME_MAX + 1] = "";
	struct error_text no_domain;
	bool found = false;
	enum error e = tenant_name_parse(typed, name, &c->why), bad = e;

	if (e == OK)
		e = tenant_table_get(c->txn, name, t, &found);
	if ((e != OK && e != ERR_DATA) || found)
		return e;
	name[0] = '\0';
	e = domain_parse(typed, domain, &no_domain);
	if (e == ERR_DATA && bad == ERR_DATA)
		return e;
	if (e == OK)
		e = domain_table_get(c->txn, domain, name);
	if (e == OK && name[0] != '\0')
		return argument_tenant(c, name, t);
	if (e != OK && e != ERR_DATA)
		return e;
	return error_set(&c->why, ERR_NOTFOUND,
	    "there is no tenant %s, and none that owns a domain of that name", typed);
}

static enum error
get_transport_config(struct exchange_job *job, const struct exchange *x)
{
	struct ctl *c = job->c;
	struct exchange_list list = {.c = c, .properties = x->properties};
	struct tenant t = {.name = ""};
	enum error e;

	if (x->organization[0] != '\0') {
		e = tenant_find(c, x->organization, &t);
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

/* remark - a line for people, with the number of the line that it is about */
static void
remark(const struct exchange_job *job, const char *what, const char *more)
{
	if (job->pasted)
		print_remark(job->c->err, "line %" PRIu64 ": %s%s", job->script.where,
		    what, more);
	else
		print_remark(job->c->err, "%s%s", what, more);
}

static int
said_compare(const void *a, const void *b)
{
	const struct exchange_said *one = a, *other = b;

	return strcmp(one->name, other->name);
}

/* say - that NAME is to be so; ERR_CONFLICT where an earlier line says otherwise */
static enum error
say(struct exchange_job *job, const char *name, enum smtp_auth smtp_auth)
{
	size_t n = strlen(name) + 1;
	struct exchange_said *said = malloc(sizeof *said + n), **there;

	if (said == NULL)
		return error_about(&job->c->why, ERR_MEMORY, name);
	*said = (struct exchange_said){smtp_auth, job->script.where};
	memcpy(said->name, name, n);
	there = tsearch(said, &job->said, said_compare);
	if (there == NULL || *there != said)
		free(said);
	if (there == NULL)
		return error_about(&job->c->why, ERR_MEMORY, name);
	if ((*there)->smtp_auth == smtp_auth)
		return OK;
	return error_set(&job->c->why, ERR_CONFLICT,
	    "this contradicts line %" PRIu64 ": there %s is %s, here %s",
	    (*there)->line, name, word_of_smtp_auth((*there)->smtp_auth),
	    word_of_smtp_auth(smtp_auth));
}

/* what_if - whether the change is only to be told */
static bool
what_if(const struct exchange_job *job, const struct exchange *x, const char *name)
{
	char what[LOGIN_MAX + 100];

	if (!x->what_if)
		return false;
	snprintf(what, sizeof what, "what if: %s would be set to smtp-auth ", name);
	remark(job, what, word_of_smtp_auth(x->smtp_auth));
	return true;
}

static enum error
set_transport_config(struct exchange_job *job, const struct exchange *x)
{
	struct ctl *c = job->c;
	struct tenant t;
	enum error e = x->organization[0] != '\0' ? tenant_find(c, x->organization, &t)
						  : only_tenant(c, &t);

	if (e == OK)
		e = say(job, t.name, x->smtp_auth);
	if (e != OK || what_if(job, x, t.name))
		return e;
	t.smtp_auth = x->smtp_auth;
	e = tenant_table_put(c->txn, &t);
	return e == OK ? overruled_remark_tenant(c, &t) : e;
}

/* mailbox_print - with the setting that is in force: Exchange knows no times */
static enum error
mailbox_print(const struct exchange_list *list, const struct login *address,
    const char *tenant, const struct mailbox *m)
{
	struct printer *p = &list->c->print;
	unsigned causes;
	enum error e = overruled_mailbox(list->c, address, m, &causes);

	if (e != OK)
		return e;
	print_line(p, "%s", "");
	if (list->properties & EXCHANGE_NAME)
		print_line(p, "%-*s : %.*s", (int)strlen(DISABLED_NAME), "Name",
		    (int)address->local, address->text);
	print_object_start(p, NULL);
	if (list->properties & EXCHANGE_ADDRESS) {
		list_line(p, "PrimarySmtpAddress", address->text);
		print_text(p, "PrimarySmtpAddress", address->text);
	}
	if (list->properties & EXCHANGE_ORGANIZATION)
		print_text(p, "Organization", tenant);
	if (list->properties & EXCHANGE_DISABLED)
		disabled_print(p,
		    mailbox_overrides(m, list->c->now) ? m->smtp_auth
						       : SMTP_AUTH_INHERIT);
	overruled_print(p, causes, NULL);
	print_object_end(p);
	return OK;
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
	return e == OK ? mailbox_print(list, address, list->owner.tenant, m) : e;
}

static enum error
list_mailboxes(struct ctl *c, const struct exchange *x)
{
	struct exchange_list list = {
	    .c = c, .properties = x->properties, .most = x->results};
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
get_cas_mailbox(struct exchange_job *job, const struct exchange *x)
{
	struct exchange_list list = {.c = job->c, .properties = x->properties};
	struct ctl *c = job->c;
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
	return e == OK ? mailbox_print(&list, &address, t.name, &m) : e;
}

static enum error
set_cas_mailbox(struct exchange_job *job, const struct exchange *x)
{
	struct ctl *c = job->c;
	struct mailbox m, before;
	struct login address;
	enum error e = ownership_mailbox(c->txn, x->identity, &address, &c->why);

	if (e == OK)
		e = say(job, address.text, x->smtp_auth);
	if (e != OK || what_if(job, x, address.text))
		return e;
	e = mailbox_table_get(c->txn, &address, &before, NULL);
	if (e != OK)
		return e;
	m = before;
	mailbox_set_smtp_auth(&m, x->smtp_auth, c->now);
	e = mailbox_table_put(c->txn, &address, &m);
	return e == OK ? overruled_remark_mailbox(c, &address, &before, &m) : e;
}

static enum error
exchange_run(struct exchange_job *job, const struct exchange *x)
{
	static enum error (*const run[EXCHANGE_CMDLETS])(
	    struct exchange_job * job, const struct exchange *x) = {
	    [EXCHANGE_GET_TRANSPORT_CONFIG] = get_transport_config,
	    [EXCHANGE_SET_TRANSPORT_CONFIG] = set_transport_config,
	    [EXCHANGE_GET_CAS_MAILBOX] = get_cas_mailbox,
	    [EXCHANGE_SET_CAS_MAILBOX] = set_cas_mailbox,
	};
	enum error e;

	if (x->foreign[0] != '\0')
		remark(job, "passed over, not of SMTP AUTH: ", x->foreign);
	if (exchange_cmdlet_writes(x->cmdlet) && !x->said)
		return OK;
	e = run[x->cmdlet](job, x);
	if (e == OK && !exchange_cmdlet_writes(x->cmdlet))
		print_line(&job->c->print, "%s", "");
	return e;
}

static void
job_free(struct exchange_job *job)
{
	tdestroy(job->said, free);
	free(job);
}

enum error
ctl_cmdlet(struct ctl *c)
{
	const struct exchange_span name = {c->command->name, strlen(c->command->name)};
	struct exchange_word word[EXCHANGE_WORDS_MAX + 1] = {{.quoted = false}};
	enum exchange_cmdlet cmdlet;
	struct exchange_job *job;
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
	if (e != OK)
		return e;
	job = calloc(1, sizeof *job);
	if (job == NULL)
		return error_about(&c->why, ERR_MEMORY, c->command->name);
	job->c = c;
	e = exchange_run(job, &x);
	job_free(job);
	return e;
}

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
			if (x.session) {
				remark(job, "passed over: ", x.foreign);
				continue;
			}
			/* under its own name in the audit log */
			e = audit_origin_name(&c->log, exchange_cmdlet_name(x.cmdlet));
			if (e != OK)
				return e;
			c->why.text[0] = '\0'; /* of the line before */
			e = exchange_run(job, &x);
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
	job->pasted = true;
	job->changes = (struct change_summary){.c = c, .print = true};
	e = input_file_open_text(c, "-", &c->in);
	if (e == OK)
		e = transaction_begin(c);
	if (e == OK && argument_option(c, OPT_DRY_RUN) != NULL)
		change_summary_watch(c->txn, &job->changes);
	if (e == OK)
		e = exchange_lines(job);
	if (e == OK && argument_option(c, OPT_DRY_RUN) != NULL)
		change_summary_print_summary(&job->changes, 0);
	if (e == OK)
		e = audit_origin_name(&c->log, "exchange"); /* which the commit is */
	job_free(job);
	return e;
}
