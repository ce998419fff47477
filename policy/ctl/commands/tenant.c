/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant - the commands on tenants */
#include "policy/ctl/commands/tenant.h"

#include <string.h>

#include "policy/ctl/commands/lock.h"
#include "policy/ctl/commands/locking.h"
#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/ctl/usage/usage_guard.h"
#include "policy/identity/domain.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "policy/tables/tenant_table.h"

static enum error
domain_print(void *arg, const char *domain, const char *tenant)
{
	(void)tenant;
	print_item(arg, domain, strlen(domain));
	return OK;
}

static enum error
domain_count(void *arg, const char *domain, const char *tenant)
{
	uint64_t *n = arg;

	(void)domain, (void)tenant;
	++*n;
	return OK;
}

/* domains_print - their names; in a table their number */
static enum error
domains_print(struct ctl *c, const struct tenant *t)
{
	struct printer *p = &c->print;
	uint64_t n = 0;
	enum error e;

	if (!p->has_json && p->form == PRINT_TABLE) {
		e = domain_table_each(c->txn, t->name, domain_count, &n);
		print_number(p, "domains", n);
		return e;
	}
	print_words(p, "domains", "(none)");
	print_array_start(p, "domains");
	e = domain_table_each(c->txn, t->name, domain_print, p);
	print_array_end(p);
	return e;
}

/* tenant_print - the object of show, list and all changes */
static enum error
tenant_print(struct ctl *c, const struct tenant *t)
{
	struct printer *p = &c->print;
	struct lock_state lock = {.set = false};
	unsigned causes;
	enum error e = lock_table_add_tenant(c->txn, t->name, &lock);

	if (e == OK)
		e = overruled_tenant(c, t, &causes);
	if (e != OK)
		return e;
	print_object_start(p, NULL);
	print_text(p, "name", t->name);
	e = domains_print(c, t);
	object_text_tenant(p, t, &lock, c->now);
	object_text_overruled(p, causes, t);
	print_object_end(p);
	return e;
}

enum error
tenant_show(struct ctl *c, const struct tenant *t)
{
	static const struct print_column columns[] = {{"name", "tenant"},
	    {"domains", "domains"}, {"smtp_auth", "smtp-auth"}, {"action", "action"},
	    {"blocks", "blocks"}, {"enforce_from", "enforce-from"},
	    {"tempfail_until", "tempfail-until"}, {"contact", "contact"},
	    {"reply", "reply"}, {"note", "note"}, {"overruled_by", "overruled by"},
	    {NULL, NULL}};
	struct lock_subject subject;
	enum error e;

	print_properties(&c->print, columns);
	e = tenant_print(c, t);
	if (e != OK)
		return e;
	lock_table_subject_tenant(&subject, t->name);
	return locking_properties(c, &subject);
}

static enum error
apply_words(struct ctl *c, struct tenant *t)
{
	const char *action = argument_option(c, OPT_ACTION);
	const char *blocks = argument_option(c, OPT_BLOCKS);

	if (action != NULL &&
	    (!word_to_action(action, &t->action) || t->action == ACTION_ACCEPT))
		return argument_bad(
		    c, OPT_ACTION, "reject, tempfail, report or default");
	if (blocks != NULL && !word_to_blocks(blocks, &t->blocks))
		return argument_bad(c, OPT_BLOCKS, "all or passwords");
	return OK;
}

/* apply_options - all options of tenant add and set */
static enum error
apply_options(struct ctl *c, struct tenant *t)
{
	const char *contact = argument_option(c, OPT_CONTACT);
	enum error e = argument_smtp_auth(c, false, &t->smtp_auth);

	if (e == OK)
		e = apply_words(c, t);
	if (e == OK)
		e = argument_time(
		    c, OPT_ENFORCE_FROM, INSTANT_DAY_START, &t->enforce_from);
	if (e == OK)
		e = argument_time(
		    c, OPT_TEMPFAIL_UNTIL, INSTANT_DAY_END, &t->tempfail_until);
	if (e == OK && t->tempfail_until != INSTANT_NONE &&
	    t->enforce_from != INSTANT_NONE && t->tempfail_until < t->enforce_from)
		return error_set(&c->why, ERR_DATA,
		    "tempfail-until is before enforce-from: no login would be tempfailed; set both, or --tempfail-until none");
	if (e == OK && contact != NULL && !tenant_contact_is_valid(contact))
		return argument_bad(
		    c, OPT_CONTACT, "one plain address, as it@acme.example");
	if (e == OK)
		e = argument_line(c, OPT_CONTACT, CONTACT_MAX, t->contact);
	if (e == OK)
		e = argument_line(c, OPT_REPLY, REPLY_TEXT_MAX, t->reply);
	if (e == OK && argument_option(c, OPT_REPLY) != NULL)
		argument_warn_reply(c, "--reply", t->reply);
	return e == OK ? argument_line(c, OPT_NOTE, NOTE_MAX, t->note) : e;
}

static enum error
add_domains(struct ctl *c, const struct tenant *t)
{
	char domain[DOMAIN_MAX + 1];
	enum error e = OK;

	for (size_t i = 0; i < c->options.domains && e == OK; i++) {
		e = domain_parse(c->options.domain[i], domain, &c->why);
		if (e == OK)
			e = locking_check_domain(c, domain, t->name, false);
		if (e == OK)
			e = ownership_add_domain(
			    c->txn, domain, t->name, false, &c->why);
	}
	return e;
}

/* may_close - whether the tenant's domains may end up disabled by a mere default */
static bool
may_close(const struct ctl *c)
{
	return argument_option(c, OPT_SMTP_AUTH) == NULL && c->options.domains > 0;
}

enum error
ctl_tenant_add(struct ctl *c)
{
	struct tenant t, other;
	bool found;
	enum error e;

	tenant_init(&t);
	e = tenant_name_parse(argument_word(c, 0), t.name, &c->why);
	if (e == OK && may_close(c))
		e = usage_guard_open(c);
	if (e == OK)
		e = transaction_begin(c);
	if (e != OK)
		return e;
	e = tenant_table_get(c->txn, t.name, &other, &found);
	if (e != OK)
		return e;
	if (found)
		return error_set(
		    &c->why, ERR_EXISTS, "tenant %s exists already", t.name);
	t.smtp_auth = store_settings(c->txn)->new_tenant_smtp_auth;
	e = apply_options(c, &t);
	if (e == OK && t.smtp_auth == SMTP_AUTH_DISABLED && may_close(c))
		e = usage_guard(c);
	if (e == OK)
		e = tenant_table_put(c->txn, &t);
	if (e == OK)
		e = add_domains(c, &t);
	if (e == OK)
		e = overruled_remark_tenant(c, &t);
	return e == OK ? tenant_show(c, &t) : e;
}

enum error
ctl_tenant_set(struct ctl *c)
{
	struct tenant t;
	enum error e = argument_tenant(c, argument_word(c, 0), &t);

	if (e == OK)
		e = argument_some_option(c);
	if (e == OK)
		e = apply_options(c, &t);
	if (e == OK)
		e = tenant_table_put(c->txn, &t);
	if (e == OK)
		e = overruled_remark_tenant(c, &t);
	return e == OK ? tenant_show(c, &t) : e;
}

enum error
ctl_tenant_show(struct ctl *c)
{
	struct tenant t;
	enum error e = argument_tenant(c, argument_word(c, 0), &t);

	return e == OK ? tenant_show(c, &t) : e;
}

struct tenant_list {
	struct ctl *c;
	enum smtp_auth wanted; /* SMTP_AUTH_INHERIT: any */
	uint64_t walked;
};

static enum error
tenant_list_one(void *arg, const struct tenant *t)
{
	struct tenant_list *list = arg;

	list->walked++;
	if (list->wanted != SMTP_AUTH_INHERIT && t->smtp_auth != list->wanted)
		return OK;
	return tenant_print(list->c, t);
}

enum error
ctl_tenant_list(struct ctl *c)
{
	static const struct print_column columns[] = {{"name", "TENANT"},
	    {"smtp_auth", "SMTP-AUTH"}, {"action", "ACTION"}, {"blocks", "BLOCKS"},
	    {"enforce_from", "ENFORCE-FROM"}, {"tempfail_until", "TEMPFAIL-UNTIL"},
	    {"lock", "LOCK"}, {"domains", "DOMAINS"}, {"contact", "CONTACT"},
	    {"overruled_by", "OVERRULED BY"}, {NULL, NULL}};
	struct tenant_list list = {.c = c};
	enum error e = argument_smtp_auth(c, false, &list.wanted);

	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	e = tenant_table_each(c->txn, tenant_list_one, &list);
	if (e != OK)
		return e;
	return transaction_walked(c, list.walked, store_meta(c->txn)->tenants);
}

/* tenant_remove - guarded by what it has, and by who would pass without it */
static enum error
tenant_remove(struct ctl *c, const struct tenant *t)
{
	char cause[ERROR_TEXT_MAX];
	struct opening opening = {.cause = NULL};
	enum error e = removal_tenant(c->txn, t->name, false, &c->why);

	if (e == ERR_PROTECTED || e == ERR_CONFLICT) {
		snprintf(cause, sizeof cause, "%s", c->why.text);
		opening.cause = cause;
		e = removal_tenant(c->txn, t->name, true, &c->why);
	}
	return e == OK ? opening_guard_check(c, &opening) : e;
}

enum error
ctl_tenant_remove(struct ctl *c)
{
	bool dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	struct lock_subject subject;
	struct tenant t;
	enum error e = opening_guard_begin(c);

	if (e == OK)
		e = argument_tenant(c, argument_word(c, 0), &t);
	if (e == OK)
		e = locking_check_removal(c, t.name);
	if (e == OK)
		e = tenant_remove(c, &t);
	if (e == OK) {
		lock_table_subject_tenant(&subject, t.name);
		e = locking_remark_stays(c, &subject);
	}
	if (e != OK)
		return e;
	print_line(&c->print, "tenant %s %s", t.name,
	    dry_run ? "would be removed" : "removed");
	print_object_start(&c->print, NULL);
	print_text(&c->print, "name", t.name);
	print_bool(&c->print, "removed", !dry_run);
	print_object_end(&c->print);
	return OK;
}

enum error
ctl_tenant_lock(struct ctl *c)
{
	struct lock_subject subject;
	struct tenant t;
	enum error e = argument_tenant(c, argument_word(c, 0), &t);

	if (e != OK)
		return e;
	lock_table_subject_tenant(&subject, t.name);
	e = locking_make(c, &subject);
	return e == OK ? tenant_show(c, &t) : e;
}

enum error
ctl_tenant_unlock(struct ctl *c)
{
	char name[TENANT_NAME_MAX + 1];
	struct lock_subject subject;
	struct tenant t;
	bool found;
	enum error e = tenant_name_parse(argument_word(c, 0), name, &c->why);

	if (e != OK)
		return e;
	lock_table_subject_tenant(&subject, name);
	e = locking_end(c, &subject);
	if (e != OK)
		return e;
	e = tenant_table_get(c->txn, name, &t, &found);
	if (e != OK)
		return e;
	/* the lock may have outlived it */
	return found ? tenant_show(c, &t) : lock_show(c, &subject);
}
