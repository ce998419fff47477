/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant - the commands on tenants */
#include "policy/model/tenant.h"

#include <string.h>

#include "policy/ctl/commands/lock.h"
#include "policy/ctl/commands/lock_list.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_guard.h"
#include "policy/identity/domain.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/tenant_table.h"

/* find - the tenant named by word I */
static enum error
find(struct ctl *c, size_t i, struct tenant *t)
{
	return argument_tenant(c, argument_word(c, i), t);
}

struct domain_printer {
	struct json *json; /* or, for people: */
	FILE *out;
	unsigned count;
};

static enum error
print_domain(void *arg, const char *domain)
{
	struct domain_printer *p = arg;

	if (p->json != NULL)
		json_quoted(p->json, NULL, domain);
	else
		fprintf(p->out, "%s%s", p->count > 0 ? " " : "", domain);
	p->count++;
	return OK;
}

/* json_tenant - the object of show, list and all changes */
static enum error
json_tenant(struct ctl *c, const struct tenant *t)
{
	struct json j;
	struct domain_printer p = {&j, NULL, 0};
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(c->txn, t->name, &lock);

	if (e != OK)
		return e;
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "name", t->name);
	json_array_start(&j, "domains");
	e = domain_table_each_of(c->txn, t->name, print_domain, &p);
	json_array_end(&j);
	json_tenant_members(&j, t, &lock);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return e;
}

/* show - all of a tenant, for people or programs */
static enum error
show(struct ctl *c, const struct tenant *t)
{
	struct domain_printer p = {NULL, c->out, 0};
	struct lock_subject subject;
	enum error e;

	if (c->options.json)
		return json_tenant(c, t);
	property(c->out, "tenant", t->name);
	fprintf(c->out, "%-16s ", "domains");
	e = domain_table_each_of(c->txn, t->name, print_domain, &p);
	fprintf(c->out, "%s\n", p.count == 0 ? "(none)" : "");
	property(c->out, "smtp-auth", word_of_smtp_auth(t->smtp_auth));
	property(c->out, "action", word_of_action(t->action));
	property(c->out, "blocks", word_of_blocks(t->blocks));
	property_time(c->out, "enforce-from", t->enforce_from);
	property_time(c->out, "tempfail-until", t->tempfail_until);
	property(c->out, "contact", t->contact);
	property(c->out, "reply", t->reply);
	property(c->out, "note", t->note);
	lock_subject_tenant(&subject, t->name);
	return e == OK ? lock_list_properties(c, &subject) : e;
}

/* bad_word - a value that is none of an option's words */
static enum error
bad_word(struct ctl *c, enum option_id id, const char *expected)
{
	return error_set(&c->why, ERR_DATA, "bad value \"%s\" for --%s: use %s",
	    argument_option(c, id), option_name(id), expected);
}

static enum error
apply_words(struct ctl *c, struct tenant *t)
{
	const char *v;

	if ((v = argument_option(c, OPT_SMTP_AUTH)) != NULL &&
	    (!word_to_smtp_auth(v, &t->smtp_auth) || t->smtp_auth == SMTP_AUTH_INHERIT))
		return bad_word(c, OPT_SMTP_AUTH, "enabled or disabled");
	if ((v = argument_option(c, OPT_ACTION)) != NULL &&
	    (!word_to_action(v, &t->action) || t->action == ACTION_ACCEPT))
		return bad_word(c, OPT_ACTION, "reject, tempfail, report or default");
	if ((v = argument_option(c, OPT_BLOCKS)) != NULL &&
	    !word_to_blocks(v, &t->blocks))
		return bad_word(c, OPT_BLOCKS, "all or passwords");
	return OK;
}

/* apply_contact - an address, as mailboxes are, but of any domain */
static enum error
apply_contact(struct ctl *c, struct tenant *t)
{
	const char *v = argument_option(c, OPT_CONTACT);

	if (v == NULL)
		return OK;
	if (!tenant_contact_is_valid(v))
		return bad_word(c, OPT_CONTACT, "an address");
	return argument_line(c, OPT_CONTACT, CONTACT_MAX, t->contact);
}

/* apply_options - all options of tenant add and set */
static enum error
apply_options(struct ctl *c, struct tenant *t)
{
	enum error e = apply_words(c, t);

	if (e == OK && argument_option(c, OPT_ENFORCE_FROM) != NULL)
		e = argument_time(
		    c, OPT_ENFORCE_FROM, INSTANT_DAY_START, &t->enforce_from);
	if (e == OK && argument_option(c, OPT_TEMPFAIL_UNTIL) != NULL)
		e = argument_time(
		    c, OPT_TEMPFAIL_UNTIL, INSTANT_DAY_END, &t->tempfail_until);
	if (e == OK)
		e = apply_contact(c, t);
	if (e == OK && argument_option(c, OPT_REPLY) != NULL)
		e = argument_line(c, OPT_REPLY, REPLY_TEXT_MAX, t->reply);
	if (e == OK && argument_option(c, OPT_NOTE) != NULL)
		e = argument_line(c, OPT_NOTE, NOTE_MAX, t->note);
	return e;
}

static enum error
add_domains(struct ctl *c, const struct tenant *t)
{
	char domain[DOMAIN_MAX + 1];
	enum error e = OK;

	for (size_t i = 0; i < c->options.domains && e == OK; i++) {
		e = domain_parse(c->options.domain[i], domain, &c->why);
		if (e == OK)
			e = lock_check_domain(c, domain, t->name, false);
		if (e == OK)
			e = domain_table_add(c->txn, domain, t->name, false, &c->why);
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
	struct tenant t;
	enum error e;

	tenant_init(&t);
	e = tenant_name_parse(argument_word(c, 0), t.name, &c->why);
	if (e == OK && may_close(c))
		e = usage_guard_open(c);
	if (e == OK)
		e = transaction_begin(c);
	if (e != OK)
		return e;
	e = tenant_table_get(c->txn, t.name, &t);
	if (e == OK)
		return error_set(
		    &c->why, ERR_EXISTS, "tenant %s exists already", t.name);
	if (e != ERR_NOTFOUND)
		return e;
	t.smtp_auth = store_settings(c->txn)->new_tenant_smtp_auth;
	e = apply_options(c, &t);
	if (e == OK && t.smtp_auth == SMTP_AUTH_DISABLED && may_close(c))
		e = usage_guard(c);
	if (e == OK)
		e = tenant_table_put(c->txn, &t);
	if (e == OK)
		e = add_domains(c, &t);
	return e == OK ? show(c, &t) : e;
}

enum error
ctl_tenant_set(struct ctl *c)
{
	struct tenant t;
	enum error e = find(c, 0, &t);

	if (e == OK)
		e = apply_options(c, &t);
	if (e == OK)
		e = tenant_table_put(c->txn, &t);
	return e == OK ? show(c, &t) : e;
}

enum error
ctl_tenant_show(struct ctl *c)
{
	struct tenant t;
	enum error e = find(c, 0, &t);

	return e == OK ? show(c, &t) : e;
}

struct lister {
	struct ctl *c;
	struct listing listing;
	bool filter;
	enum smtp_auth wanted;
	uint64_t walked;
};

static enum error
list_one(void *arg, const struct tenant *t)
{
	struct lister *l = arg;
	char from[INSTANT_TEXT_MAX] = "", until[INSTANT_TEXT_MAX] = "",
	     text[LOCK_TEXT_MAX];
	struct lock_state lock = {.set = false};
	const char *cells[7];
	enum error e;

	l->walked++;
	if (l->filter && t->smtp_auth != l->wanted)
		return OK;
	if (l->c->options.json)
		return json_tenant(l->c, t);
	e = lock_table_add_tenant(l->c->txn, t->name, &lock);
	if (e != OK)
		return e;
	if (t->enforce_from != INSTANT_NONE)
		instant_print(t->enforce_from, from);
	if (t->tempfail_until != INSTANT_NONE)
		instant_print(t->tempfail_until, until);
	cells[0] = t->name;
	cells[1] = word_of_smtp_auth(t->smtp_auth);
	cells[2] = word_of_action(t->action);
	cells[3] = word_of_blocks(t->blocks);
	cells[4] = from;
	cells[5] = until;
	cells[6] = lock_text(&lock, l->c->now, text);
	listing_row(&l->listing, cells);
	return OK;
}

enum error
ctl_tenant_list(struct ctl *c)
{
	static const char *const headings[] = {"TENANT", "SMTP-AUTH", "ACTION",
	    "BLOCKS", "ENFORCE-FROM", "TEMPFAIL-UNTIL", "LOCK"};
	struct lister l = {.c = c, .filter = argument_option(c, OPT_SMTP_AUTH) != NULL};
	enum error e;

	if (l.filter &&
	    (!word_to_smtp_auth(argument_option(c, OPT_SMTP_AUTH), &l.wanted) ||
		l.wanted == SMTP_AUTH_INHERIT))
		return bad_word(c, OPT_SMTP_AUTH, "enabled or disabled");
	listing_start(&l.listing, c->out, 7, headings);
	e = tenant_table_each(c->txn, list_one, &l);
	listing_end(&l.listing);
	return e == OK ? transaction_walked(c, l.walked, store_meta(c->txn)->tenants)
		       : e;
}

enum error
ctl_tenant_remove(struct ctl *c)
{
	struct lock_subject subject;
	struct tenant t;
	struct json j;
	enum error e = find(c, 0, &t);

	if (e == OK)
		e = lock_check_removal(c, t.name);
	if (e == OK)
		e = tenant_table_remove(
		    c->txn, t.name, argument_option(c, OPT_FORCE) != NULL, &c->why);
	if (e == OK) {
		lock_subject_tenant(&subject, t.name);
		e = lock_remark_stays(c, &subject);
	}
	if (e != OK)
		return e;
	if (!c->options.json) {
		fprintf(c->out, "tenant %s removed\n", t.name);
		return OK;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "name", t.name);
	json_bool(&j, "removed", true);
	json_object_end(&j);
	json_line_end(&j, c->out);
	return OK;
}

enum error
ctl_tenant_lock(struct ctl *c)
{
	struct lock_subject subject;
	struct tenant t;
	enum error e = find(c, 0, &t);

	if (e != OK)
		return e;
	lock_subject_tenant(&subject, t.name);
	e = lock_make(c, &subject);
	return e == OK ? show(c, &t) : e;
}

enum error
ctl_tenant_unlock(struct ctl *c)
{
	char name[TENANT_NAME_MAX + 1];
	struct lock_subject subject;
	struct tenant t;
	enum error e = tenant_name_parse(argument_word(c, 0), name, &c->why);

	if (e != OK)
		return e;
	lock_subject_tenant(&subject, name);
	e = lock_end(c, &subject);
	if (e != OK)
		return e;
	e = tenant_table_get(c->txn, name, &t);
	if (e == ERR_NOTFOUND) /* the lock has outlived it */
		return lock_list_show(c, &subject);
	return e == OK ? show(c, &t) : e;
}
