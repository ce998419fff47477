/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_list - locks as people and programs see them */
#include "policy/ctl/commands/lock_list.h"

#include <string.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/tenant_table.h"

#define UNTIL_TEXT_MAX (INSTANT_TEXT_MAX + 16)
#define SUBJECT_TEXT_MAX (LOGIN_MAX + 16)

static const char *const origins[LOCK_ORIGINS] = {
    [LOCK_MADE_HERE] = "local", [LOCK_BROUGHT] = "brought"};

/* A list of locks, of all or of one tenant. */
struct lister {
	struct ctl *c;
	struct listing listing;
	enum lock_origin origin;
	const char *tenant; /* NULL: all */
	uint64_t walked, shown;
};

static const char *
until_text(const struct lock *lock, instant now, char *buf)
{
	char when[INSTANT_TEXT_MAX];

	if (lock->until == INSTANT_NONE)
		return "";
	snprintf(buf, UNTIL_TEXT_MAX, "%s%s", instant_print(lock->until, when),
	    now >= lock->until ? " (expired)" : "");
	return buf;
}

static void
print_json(struct lister *l, const struct lock_subject *subject, const char *tenant,
    const struct lock *lock)
{
	struct json j;

	json_to_stream(&j, l->c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "kind", subject->kind == LOCK_TENANT ? "tenant" : "login");
	json_quoted(&j, "subject", lock_subject_name(subject));
	json_text(&j, "tenant", tenant);
	json_lock_members(&j, lock);
	json_quoted(&j, "origin", origins[l->origin]);
	json_object_end(&j);
	json_line_end(&j, l->c->out);
}

static void
print_row(struct lister *l, const struct lock_subject *subject, const char *tenant,
    const struct lock *lock)
{
	char name[SUBJECT_TEXT_MAX], until[UNTIL_TEXT_MAX], when[INSTANT_TEXT_MAX];

	snprintf(name, sizeof name, "%s%s",
	    subject->kind == LOCK_TENANT ? "tenant " : "", lock_subject_name(subject));
	listing_row(&l->listing,
	    (const char *[]){name, tenant, until_text(lock, l->c->now, until),
		lock->note, lock->who,
		lock->when != INSTANT_NONE ? instant_print(lock->when, when) : "",
		origins[l->origin]});
}

static enum error
list_one(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lister *l = arg;
	struct tenant t = {.name = ""};
	enum error e = OK;

	l->walked++;
	if (subject->kind == LOCK_LOGIN)
		e = tenant_table_of(l->c->txn, &subject->login, &t);
	else
		memcpy(t.name, subject->tenant, sizeof t.name);
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	if (l->tenant != NULL && strcmp(l->tenant, t.name) != 0)
		return OK;
	l->shown++;
	if (l->c->options.json)
		print_json(l, subject, t.name, lock);
	else
		print_row(l, subject, t.name, lock);
	return OK;
}

static void
start(struct lister *l)
{
	static const char *const headings[] = {
	    "LOCKED", "TENANT", "UNTIL", "NOTE", "WHO", "WHEN", "ORIGIN"};

	listing_start(&l->listing, l->c->out, 7, headings);
}

/* check_tenant - that the name is none that nobody has: an empty list would tell little
 */
static enum error
check_tenant(struct ctl *c, const char *name)
{
	struct tenant t;
	enum error e = tenant_table_get(c->txn, name, &t);

	if (e == ERR_NOTFOUND)
		return error_set(&c->why, e, "there is no tenant %s", name);
	return e;
}

enum error
ctl_locks(struct ctl *c)
{
	char name[TENANT_NAME_MAX + 1];
	struct lister l = {.c = c};
	enum error e = OK;

	if (argument_option(c, OPT_TENANT) != NULL) {
		e = tenant_name_parse(argument_option(c, OPT_TENANT), name, &c->why);
		l.tenant = name;
	}
	if (e != OK)
		return e;
	start(&l);
	for (int i = 0; i < LOCK_ORIGINS && e == OK; i++) {
		l.origin = (enum lock_origin)i;
		e = lock_table_each(c->txn, l.origin, list_one, &l);
	}
	listing_end(&l.listing);
	if (e == OK && l.tenant != NULL && l.shown == 0)
		e = check_tenant(c, name);
	return e == OK ? transaction_walked(c, l.walked, store_meta(c->txn)->locks) : e;
}

/* show_one - of one origin, as a row or an object; how many there were in L */
static enum error
show_one(struct lister *l, const struct lock_subject *subject)
{
	struct lock lock;
	enum error e = lock_table_get(l->c->txn, l->origin, subject, &lock);

	if (e == ERR_NOTFOUND)
		return OK;
	return e == OK ? list_one(l, subject, &lock) : e;
}

static void
print_unlocked(struct ctl *c, const struct lock_subject *subject)
{
	bool tenant = subject->kind == LOCK_TENANT;
	struct json j;

	if (!c->options.json) {
		show_line(c->out, "the lock of %s%s has ended", tenant ? "tenant " : "",
		    lock_subject_name(subject));
		return;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "kind", tenant ? "tenant" : "login");
	json_quoted(&j, "subject", lock_subject_name(subject));
	json_bool(&j, "unlocked", true);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

enum error
lock_list_show(struct ctl *c, const struct lock_subject *subject)
{
	struct lister l = {.c = c};
	enum error e = OK;

	start(&l);
	for (int i = 0; i < LOCK_ORIGINS && e == OK; i++) {
		l.origin = (enum lock_origin)i;
		e = show_one(&l, subject);
	}
	listing_end(&l.listing);
	if (e == OK && l.shown == 0)
		print_unlocked(c, subject);
	return e;
}

enum error
lock_list_properties(struct ctl *c, const struct lock_subject *subject)
{
	char text[LOCK_TEXT_MAX];
	struct lock lock;

	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e =
		    lock_table_get(c->txn, (enum lock_origin)i, subject, &lock);
		struct lock_state state = {true, lock.until};

		if (e == ERR_NOTFOUND)
			continue;
		if (e != OK)
			return e;
		property(c->out, "lock", lock_text(&state, c->now, text));
		property(c->out, "  note", lock.note);
		property(c->out, "  made by", lock.who);
		property_time(c->out, "  made at", lock.when);
		if (i == LOCK_BROUGHT)
			property(c->out, "  origin", origins[i]);
	}
	return OK;
}
