/* SPDX-License-Identifier: BSD-2-Clause */
/* lock - the commands that lock and unlock whatever the log shows */
#include "policy/ctl/lock.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/alias_table.h"
#include "policy/ctl/object.h"
#include "policy/ctl/output.h"
#include "policy/ctl/remark.h"
#include "policy/lock_lookup.h"
#include "policy/resolve.h"
#include "policy/tenant_table.h"
#include "policy/text.h"

#define UNTIL_TEXT_MAX (INSTANT_TEXT_MAX + 16)
#define SUBJECT_TEXT_MAX (LOGIN_MAX + 16)

static const char *const origins[LOCK_ORIGINS] = {
    [LOCK_MADE_HERE] = "local", [LOCK_BROUGHT] = "brought"};

/* put_who - as the audit log has it: --actor, or who logged in */
static void
put_who(const struct ctl *c, char *who)
{
	const struct audit_origin *o = &c->log.origin;
	uint32_t uid = o->login_uid != AUDIT_NO_UID ? o->login_uid : o->uid;
	const struct passwd *pw = o->actor[0] == '\0' ? getpwuid((uid_t)uid) : NULL;

	if (o->actor[0] != '\0')
		snprintf(who, LOCK_WHO_MAX + 1, "%.*s", LOCK_WHO_MAX, o->actor);
	else if (pw != NULL && strlen(pw->pw_name) <= LOCK_WHO_MAX)
		memcpy(who, pw->pw_name, strlen(pw->pw_name) + 1);
	else
		snprintf(who, LOCK_WHO_MAX + 1, "%" PRIu32, uid);
}

enum error
lock_make(struct ctl *c, const struct lock_subject *subject)
{
	struct lock lock;
	enum error e = OK;

	lock_init(&lock);
	lock.when = c->now;
	put_who(c, lock.who);
	if (ctl_option(c, OPT_UNTIL) != NULL)
		e = ctl_future_time(c, OPT_UNTIL, &lock.until);
	if (e == OK && ctl_option(c, OPT_NOTE) != NULL)
		e = ctl_line(c, OPT_NOTE, NOTE_MAX, lock.note);
	return e == OK ? lock_table_put(c->txn, LOCK_MADE_HERE, subject, &lock) : e;
}

/* end - of both origins; whether there was one */
static enum error
end(struct ctl *c, const struct lock_subject *subject, bool *ended_r)
{
	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e = lock_table_remove(c->txn, (enum lock_origin)i, subject);

		if (e == OK && i == LOCK_BROUGHT)
			remark(c->err,
			    "the lock of %s was brought: the next import or snapshot "
			    "that has it brings it again",
			    lock_subject_name(subject));
		if (e != OK && e != ERR_NOTFOUND)
			return e;
		*ended_r |= e == OK;
	}
	return OK;
}

enum error
lock_end(struct ctl *c, const struct lock_subject *subject)
{
	bool ended = false;
	enum error e = end(c, subject, &ended);

	if (e != OK || ended)
		return e;
	return error_set(&c->why, ERR_NOTFOUND, "%s%s is not locked",
	    subject->kind == LOCK_TENANT ? "tenant " : "", lock_subject_name(subject));
}

/* login_word - the word on the command line, or what the log's spelling stands for */
static const char *
login_word(struct ctl *c, char *buf, size_t cap)
{
	const char *word = ctl_word(c, 0);
	char decoded[LOGIN_MAX + 1];
	size_t n;

	if (strchr(word, '+') != NULL &&
	    xtext_decode(word, strlen(word), decoded, LOGIN_MAX, &n) == OK) {
		decoded[n] = '\0';
		if (strcmp(decoded, word) != 0)
			remark(c->err,
			    "warning: Sendmail writes %s for %s, and so does its log: "
			    "if "
			    "that is meant, lock that one",
			    word, decoded);
	}
	if (!text_unescape(buf, cap, word))
		return word;
	remark(c->err, "%s is read as %s, as the log writes it", word, buf);
	return buf;
}

/* find_login - the word, and what it stands for */
static enum error
find_login(struct ctl *c, struct login *typed_r, struct login *stands_for_r)
{
	char buf[LOGIN_MAX + 1];
	enum error e =
	    address_exact(c->txn, login_word(c, buf, sizeof buf), typed_r, &c->why);

	*stands_for_r = *typed_r;
	if (e == OK)
		e = resolve_login(c->txn, stands_for_r, NULL);
	if (e == ERR_DATA && c->why.text[0] == '\0') {
		*stands_for_r = *typed_r; /* too long for a mailbox */
		e = OK;
	}
	return e;
}

enum error
lock_make_login(struct ctl *c, struct login *login_r)
{
	struct lock_subject subject;
	struct login typed;
	enum error e = find_login(c, &typed, login_r);

	if (e != OK)
		return e;
	if (typed.local != login_r->local ||
	    memcmp(typed.text, login_r->text, typed.local) != 0 ||
	    (typed.has_domain && !login_equal(&typed, login_r)))
		remark(c->err, "login %s stands for mailbox %s, which is locked",
		    typed.text, login_r->text);
	lock_subject_login(&subject, login_r);
	e = lock_make(c, &subject);
	if (e != OK || login_equal(&typed, login_r))
		return e;
	/* Also by its own name: what it stands for may change. */
	lock_subject_login(&subject, &typed);
	return lock_make(c, &subject);
}

struct ending {
	struct ctl *c;
	bool ended;
};

static enum error
end_name(void *arg, const struct login *name)
{
	struct ending *ending = arg;
	struct lock_subject subject;

	lock_subject_login(&subject, name);
	return end(ending->c, &subject, &ending->ended);
}

/* The aliases of a mailbox, each of which may have a lock by its own name. */
struct aliases {
	struct login *at;
	size_t count, room;
};

static enum error
collect_alias(void *arg, const struct login *login, const struct login *mailbox)
{
	struct aliases *a = arg;

	(void)mailbox;
	if (a->count == a->room) {
		size_t room = 2 * a->room + 16;
		struct login *at = realloc(a->at, room * sizeof *at);

		if (at == NULL)
			return ERR_MEMORY;
		a->at = at;
		a->room = room;
	}
	a->at[a->count++] = *login;
	return OK;
}

static enum error
end_aliases(struct ending *ending, const struct login *mailbox)
{
	struct aliases a = {.at = NULL};
	enum error e = mailbox->has_domain
	    ? alias_table_each(ending->c->txn, mailbox, collect_alias, &a)
	    : OK;

	for (size_t i = 0; i < a.count && e == OK; i++)
		e = end_name(ending, &a.at[i]);
	free(a.at);
	return e;
}

/* remark_others - that another lock holds: of the tenant, or without the subaddress */
static enum error
remark_others(struct ctl *c, const struct login *typed, const struct login *login)
{
	struct lock_state own = {.set = false}, tenants = {.set = false};
	struct tenant t;
	enum error e = tenant_table_of(c->txn, login, &t);

	if (e == OK)
		e = lock_table_add_tenant(c->txn, t.name, &tenants);
	if (e == OK || e == ERR_NOTFOUND)
		e = lock_lookup_login(c->txn, typed, c->now, &own, NULL);
	if (e == OK && (lock_holds(&tenants, c->now) || lock_holds(&own, c->now)))
		remark(c->err, "%s is still locked, by the lock of %s", typed->text,
		    lock_holds(&tenants, c->now) ? "its tenant"
						 : "the mailbox without subaddress");
	return e;
}

enum error
lock_end_login(struct ctl *c, struct login *login_r)
{
	struct ending ending = {c, false};
	struct login typed;
	enum error e = find_login(c, &typed, login_r);

	if (e == OK)
		e = lock_lookup_names(c->txn, &typed, end_name, &ending);
	if (e == OK)
		e = end_aliases(&ending, login_r);
	if (e == OK && !ending.ended)
		return error_set(
		    &c->why, ERR_NOTFOUND, "%s is not locked", login_r->text);
	return e == OK ? remark_others(c, &typed, login_r) : e;
}

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

	if (ctl_option(c, OPT_TENANT) != NULL) {
		e = tenant_name_parse(ctl_option(c, OPT_TENANT), name, &c->why);
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
	return e == OK ? ctl_walked(c, l.walked, store_meta(c->txn)->locks) : e;
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
lock_show(struct ctl *c, const struct lock_subject *subject)
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

/* remark_tenant - that a word names a tenant, which is not what was locked */
static enum error
remark_tenant(struct ctl *c)
{
	char name[TENANT_NAME_MAX + 1];
	struct error_text why;
	struct tenant t;
	enum error e = tenant_name_parse(ctl_word(c, 0), name, &why);

	if (e != OK)
		return OK;
	e = tenant_table_get(c->txn, name, &t);
	if (e == OK)
		remark(c->err,
		    "warning: that is a login; \"smtpauthctl tenant lock %s\" locks "
		    "the "
		    "tenant",
		    name);
	return e == ERR_NOTFOUND ? OK : e;
}

enum error
ctl_lock(struct ctl *c)
{
	struct lock_subject subject;
	struct login login;
	enum error e = lock_make_login(c, &login);

	lock_subject_login(&subject, &login);
	if (e == OK)
		e = lock_show(c, &subject);
	return e == OK ? remark_tenant(c) : e;
}

enum error
ctl_unlock(struct ctl *c)
{
	struct lock_subject subject;
	struct login login;
	enum error e = lock_end_login(c, &login);

	lock_subject_login(&subject, &login);
	return e == OK ? lock_show(c, &subject) : e;
}

enum error
lock_properties(struct ctl *c, const struct lock_subject *subject)
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

enum error
lock_remark_stays(struct ctl *c, const struct lock_subject *subject)
{
	struct lock_state lock = {.set = false};
	enum error e = subject->kind == LOCK_TENANT
	    ? lock_table_add_tenant(c->txn, subject->tenant, &lock)
	    : lock_table_add_login(c->txn, &subject->login, &lock);

	if (e == OK && lock.set)
		remark(c->err, "the lock of %s stays; see \"smtpauthctl locks\"",
		    lock_subject_name(subject));
	return e;
}
