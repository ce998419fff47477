/* SPDX-License-Identifier: BSD-2-Clause */
/* lock - the commands lock, unlock and locks */
#include "policy/ctl/commands/lock.h"

#include <inttypes.h>
#include <string.h>

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/import/line_reader.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

/* Bytes of a line: a login that the log shows escaped, and blanks around it. */
#define LINE_MAX_BYTES 2000

/* A list of locks, of all or of one tenant. */
struct lock_list {
	struct ctl *c;
	enum lock_origin origin;
	char tenant[TENANT_NAME_MAX + 1]; /* "": all */
	uint64_t walked;
};

static void
lock_list_start(struct lock_list *list, struct ctl *c)
{
	static const struct print_column columns[] = {{"subject", "LOCKED"},
	    {"tenant", "TENANT"}, {"until", "UNTIL"}, {"note", "NOTE"}, {"who", "WHO"},
	    {"when", "WHEN"}, {"origin", "ORIGIN"}, {NULL, NULL}};

	*list = (struct lock_list){.c = c};
	print_table(&c->print, columns, "");
}

static void
lock_print(const struct lock_list *list, const struct lock_subject *subject,
    const char *tenant, const struct lock *lock)
{
	struct printer *p = &list->c->print;
	char name[LOGIN_MAX + 16];

	print_object_start(p, NULL);
	print_text(p, "kind", subject->kind == LOCK_TENANT ? "tenant" : "login");
	print_text(p, "subject", lock_table_subject_name(subject));
	if (subject->kind == LOCK_TENANT) {
		snprintf(name, sizeof name, "tenant %s", subject->tenant);
		print_words(p, "subject", name);
	}
	print_text(p, "tenant", tenant);
	object_text_lock_members(p, lock);
	object_text_expired(p, "until", lock->until, list->c->now);
	print_text(p, "origin", lock_table_origin_name(list->origin));
	print_object_end(p);
}

static enum error
lock_list_one(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct lock_list *list = arg;
	char tenant[TENANT_NAME_MAX + 1];
	enum error e = ownership_of_lock(list->c->txn, subject, tenant);

	list->walked++;
	if (e != OK || (list->tenant[0] != '\0' && strcmp(list->tenant, tenant) != 0))
		return e;
	lock_print(list, subject, tenant, lock);
	return OK;
}

/* lock_show_ended - what has no lock any more */
static void
lock_show_ended(struct ctl *c, const struct lock_subject *subject)
{
	const bool tenant = subject->kind == LOCK_TENANT;
	struct printer *p = &c->print;

	print_line(p, "the lock of %s%s has ended", tenant ? "tenant " : "",
	    lock_table_subject_name(subject));
	if (!p->has_json)
		return; /* it is no row */
	print_object_start(p, NULL);
	print_text(p, "kind", tenant ? "tenant" : "login");
	print_text(p, "subject", lock_table_subject_name(subject));
	print_bool(p, "unlocked", true);
	print_object_end(p);
}

/* lock_list_add - the locks of SUBJECT, or that it has none any more */
static enum error
lock_list_add(struct lock_list *list, const struct lock_subject *subject)
{
	struct ctl *c = list->c;
	bool found, any = false;
	struct lock lock;

	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e;

		list->origin = (enum lock_origin)i;
		e = lock_table_get(c->txn, list->origin, subject, &lock, &found);
		if (e == OK && found)
			e = lock_list_one(list, subject, &lock);
		if (e != OK)
			return e;
		any |= found;
	}
	if (!any)
		lock_show_ended(c, subject);
	return OK;
}

enum error
lock_show(struct ctl *c, const struct lock_subject *subject)
{
	struct lock_list list;

	lock_list_start(&list, c);
	return lock_list_add(&list, subject);
}

enum error
ctl_locks(struct ctl *c)
{
	const char *typed = argument_option(c, OPT_TENANT);
	struct lock_list list;
	struct tenant t;
	enum error e = OK;

	lock_list_start(&list, c);
	if (typed != NULL)
		e = tenant_name_parse(typed, list.tenant, &c->why);
	for (int i = 0; i < LOCK_ORIGINS && e == OK; i++) {
		list.origin = (enum lock_origin)i;
		e = lock_table_each(c->txn, list.origin, lock_list_one, &list);
	}
	/* The lock of a tenant outlives it; a name that has neither is a mistake. */
	if (e == OK && typed != NULL && c->print.objects == 0)
		e = argument_tenant(c, typed, &t);
	if (e != OK)
		return e;
	return transaction_walked(c, list.walked, store_meta(c->txn)->locks);
}

/* remark_tenant - the word is also the name of a tenant, which was not locked */
static enum error
remark_tenant(struct ctl *c)
{
	char name[TENANT_NAME_MAX + 1];
	struct error_text why;
	struct tenant t;
	bool found;
	enum error e;

	if (tenant_name_parse(argument_word(c, 0), name, &why) != OK)
		return OK;
	e = tenant_table_get(c->txn, name, &t, &found);
	if (e == OK && found)
		print_remark(c->err,
		    "warning: that is a login; \"smtpauthctl tenant lock %s\" locks the tenant",
		    name);
	return e;
}

/* The logins of standard input, a line each, that are locked or unlocked at once. */
struct lock_lines {
	struct lock_list list;
	bool unlock;
	struct line_reader reader;
	struct line_errors bad;
	uint64_t done, missing;
};

/* lines_login - one login */
static enum error
lines_login(struct lock_lines *l, const char *typed)
{
	struct ctl *c = l->list.c;
	struct lock_subject subject;
	struct login login;
	enum error e = l->unlock ? locking_end_login(c, typed, &login)
				 : locking_make_login(c, typed, &login);

	if (e == ERR_NOTFOUND) { /* that it should not be locked is true already */
		l->missing++;
		print_remark(
		    c->err, "line %" PRIu64 ": %s", l->reader.line, c->why.text);
		return OK;
	}
	if (e != OK)
		return e;
	l->done++;
	lock_table_subject_login(&subject, &login);
	return lock_list_add(&l->list, &subject);
}

/* lines_line - a login, a comment, or nothing */
static enum error
lines_line(struct lock_lines *l, struct bytes line)
{
	static const char bom[] = "\xEF\xBB\xBF";
	struct ctl *c = l->list.c;
	const char *at = line.at;
	size_t n = line.len;
	char text[LINE_MAX_BYTES + 1];

	if (l->reader.line == 1 && n >= 3 && memcmp(at, bom, 3) == 0) {
		at += 3;
		n -= 3;
	}
	if (memchr(at, '\0', n) != NULL)
		return error_set(&c->why, ERR_DATA, "a NUL character is in no login");
	memcpy(text, at, n);
	text[n] = '\0';
	text[strcspn(text, "\r")] = '\0';
	at = text + strspn(text, " \t");
	return *at == '\0' || *at == '#' ? OK : lines_login(l, at);
}

/* lines_all - every line; those that are wrong are told, and nothing is changed */
static enum error
lines_all(struct lock_lines *l)
{
	struct ctl *c = l->list.c;
	struct bytes line;
	bool found = true;
	enum error e = OK;

	while (e == OK) {
		e = line_reader_next(&l->reader, &line, &found);
		if (e == ERR_LIMIT)
			error_set(&c->why, e, "longer than %d bytes", LINE_MAX_BYTES);
		else if (e != OK)
			return error_about(&c->why, e, "standard input");
		if (e == OK && !found)
			break;
		if (e == OK)
			e = lines_line(l, line);
		if (!line_errors_is(e))
			continue;
		line_errors_add(&l->bad, c->err, l->reader.line, &c->why);
		e = OK;
	}
	return e == OK ? line_errors_end(&l->bad, "line", &c->why) : e;
}

/* lines_run - in one transaction, which begins when all has been read */
static enum error
lines_run(struct ctl *c, bool unlock)
{
	struct lock_lines l = {.unlock = unlock};
	enum error e = input_file_open_text(c, "-", &c->in);

	if (e == OK)
		e = transaction_begin(c);
	lock_list_start(&l.list, c);
	if (e == OK) {
		line_reader_start(&l.reader, c->in, 1, LINE_MAX_BYTES);
		e = lines_all(&l);
		line_reader_end(&l.reader);
	}
	if (c->in != NULL)
		fclose(c->in);
	c->in = NULL;
	if (e == OK && l.done + l.missing == 0)
		return error_set(&c->why, ERR_DATA,
		    "standard input has no login: a line each, and # before a comment");
	if (e == OK && l.missing > 0)
		c->status = 1; /* as for one that is not locked */
	return e;
}

bool
lock_is_input(const struct ctl *c)
{
	return strcmp(argument_word(c, 0), "-") == 0;
}

enum error
ctl_lock(struct ctl *c)
{
	struct lock_subject subject;
	struct login login;
	enum error e;

	if (lock_is_input(c))
		return lines_run(c, false);
	e = transaction_begin(c);
	if (e == OK)
		e = locking_make_login(c, argument_word(c, 0), &login);
	if (e != OK)
		return e;
	lock_table_subject_login(&subject, &login);
	e = lock_show(c, &subject);
	return e == OK ? remark_tenant(c) : e;
}

enum error
ctl_unlock(struct ctl *c)
{
	struct lock_subject subject;
	struct login login;
	enum error e;

	if (lock_is_input(c))
		return lines_run(c, true);
	e = transaction_begin(c);
	if (e == OK)
		e = locking_end_login(c, argument_word(c, 0), &login);
	if (e != OK)
		return e;
	lock_table_subject_login(&subject, &login);
	return lock_show(c, &subject);
}
