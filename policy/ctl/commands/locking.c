/* SPDX-License-Identifier: BSD-2-Clause */
/* locking - locks and unlocks tenants and logins, and guards locks against changes */
#include "policy/ctl/commands/locking.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/base/text.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/decision/lock_lookup.h"
#include "policy/decision/resolve.h"
#include "policy/identity/xtext.h"
#include "policy/model/address.h"
#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/tenant_table.h"

enum error
locking_properties(struct ctl *c, const struct lock_subject *subject)
{
	struct printer *p = &c->print;
	struct lock_state state = {.set = true};
	char text[LOCK_TEXT_MAX];
	struct lock lock;
	bool found;

	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e =
		    lock_table_get(c->txn, (enum lock_origin)i, subject, &lock, &found);

		if (e != OK)
			return e;
		if (!found)
			continue;
		state.until = lock.until;
		print_property(p, "lock", lock_words(&state, c->now, text));
		print_property(p, "  note", lock.note);
		print_property(p, "  made by", lock.who);
		print_property_time(p, "  made at", lock.when);
		if (i == LOCK_BROUGHT)
			print_property(
			    p, "  origin", lock_table_origin_name((enum lock_origin)i));
	}
	return OK;
}

/* lock_set_who - as the audit log has it: --actor, or the login user */
static void
lock_set_who(const struct ctl *c, char *who)
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
locking_make(struct ctl *c, const struct lock_subject *subject)
{
	struct lock lock;
	enum error e;

	lock_init(&lock);
	lock.when = c->now;
	lock_set_who(c, lock.who);
	e = argument_future_time(c, OPT_UNTIL, &lock.until);
	if (e == OK)
		e = argument_line(c, OPT_NOTE, NOTE_MAX, lock.note);
	return e == OK ? lock_table_put(c->txn, LOCK_MADE_HERE, subject, &lock) : e;
}

/* lock_end - the locks of both origins; whether there was one */
static enum error
lock_end(struct ctl *c, const struct lock_subject *subject, bool *ended_r)
{
	for (int i = 0; i < LOCK_ORIGINS; i++) {
		enum error e = lock_table_remove(c->txn, (enum lock_origin)i, subject);

		if (e == OK && i == LOCK_BROUGHT)
			print_remark(c->err,
			    "the lock of %s was brought: the next import or snapshot that has it brings it again",
			    lock_table_subject_name(subject));
		if (e != OK && e != ERR_NOTFOUND)
			return e;
		*ended_r |= e == OK;
	}
	return OK;
}

enum error
locking_end(struct ctl *c, const struct lock_subject *subject)
{
	bool ended = false;
	enum error e = lock_end(c, subject, &ended);

	if (e != OK || ended)
		return e;
	return error_set(&c->why, ERR_NOTFOUND, "%s%s is not locked",
	    subject->kind == LOCK_TENANT ? "tenant " : "",
	    lock_table_subject_name(subject));
}

/* remark_xtext - Sendmail's log may have another spelling of a word with a plus sign */
static void
remark_xtext(struct ctl *c, const char *word)
{
	char decoded[LOGIN_MAX + 1];
	size_t n;

	if (strchr(word, '+') == NULL ||
	    xtext_decode(word, strlen(word), decoded, LOGIN_MAX, &n) != OK)
		return;
	decoded[n] = '\0';
	if (strcmp(decoded, word) != 0)
		print_remark(c->err,
		    "warning: Sendmail writes %s for %s, and so does its log: if that is meant, lock that one",
		    word, decoded);
}

/* login_word - WORD; one in the log's spelling is decoded */
static const char *
login_word(struct ctl *c, const char *word, char *buf, size_t cap)
{
	remark_xtext(c, word);
	if (!text_unescape(buf, cap, word))
		return word;
	print_remark(c->err, "%s is read as %s, as the log writes it", word, buf);
	return buf;
}

/* A login by its names. */
struct names {
	struct login typed;
	struct login unsplit; /* as if nothing but '@' parted name and domain */
	struct login stands_for;
	struct login *at; /* those that are to be locked or unlocked */
	size_t count, room;
};

static enum error
names_add(void *arg, const struct login *name)
{
	struct names *n = arg;
	struct login *at = array_grow(n->at, n->count, &n->room, sizeof *at);

	if (at == NULL)
		return ERR_MEMORY;
	n->at = at;
	at[n->count++] = *name;
	return OK;
}

static enum error
names_add_alias(void *arg, const struct login *login, const struct login *mailbox)
{
	(void)mailbox;
	return names_add(arg, login);
}

/* names_add_aliases - those of MAILBOX; each may be locked by its own name */
static enum error
names_add_aliases(struct names *to, struct ctl *c, const struct login *mailbox)
{
	return mailbox->has_domain
	    ? alias_table_each(c->txn, mailbox, names_add_alias, to)
	    : OK;
}

/* names_find - of what was typed; none to be locked yet */
static enum error
names_find(struct ctl *c, const char *typed, struct names *n)
{
	char buf[LOGIN_MAX + 1];
	const char *word = login_word(c, typed, buf, sizeof buf);
	size_t len;
	enum error e = address_exact(store_settings(c->txn), word, &n->typed, &c->why);

	n->at = NULL;
	n->count = n->room = 0;
	if (e != OK)
		return e;
	word = address_trim(word, &len);
	e = login_normalize(word, len, "", &n->unsplit, NULL);
	if (e == ERR_DATA)
		n->unsplit = n->typed;
	else if (e != OK)
		return e;
	n->stands_for = n->typed;
	e = resolve_login(c->txn, &n->stands_for, NULL);
	if (e == ERR_DATA) {
		n->stands_for = n->typed; /* too long for a mailbox */
		return OK;
	}
	return e;
}

/* is_spelt_out - whether LOGIN is what was typed, apart from default-domain */
static bool
is_spelt_out(const struct login *typed, const struct login *login)
{
	if (typed->has_domain)
		return login_equal(typed, login);
	return typed->local == login->local &&
	    memcmp(typed->text, login->text, typed->local) == 0;
}

enum error
locking_make_login(struct ctl *c, const char *typed, struct login *login_r)
{
	struct lock_subject subject;
	struct names n;
	enum error e = names_find(c, typed, &n);

	if (e != OK)
		return e;
	*login_r = n.stands_for;
	if (!is_spelt_out(&n.typed, login_r))
		print_remark(c->err, "login %s stands for mailbox %s, which is locked",
		    n.typed.text, login_r->text);
	e = names_add(&n, login_r);
	/* What stands for it may change with a setting or an alias. */
	if (e == OK)
		e = names_add(&n, &n.typed);
	if (e == OK)
		e = names_add(&n, &n.unsplit);
	if (e == OK)
		e = names_add_aliases(&n, c, login_r);
	for (size_t i = 0; i < n.count && e == OK; i++) {
		lock_table_subject_login(&subject, &n.at[i]);
		e = locking_make(c, &subject);
	}
	free(n.at);
	return e;
}

/* remark_others - another lock still holds: the tenant's, or one without subaddress */
static enum error
remark_others(struct ctl *c, const struct login *typed, const struct login *login)
{
	struct lock_state own = {.set = false}, tenants = {.set = false};
	struct tenant t;
	bool found;
	enum error e = ownership_of_login(c->txn, login, &t, &found);

	if (e == OK && found)
		e = lock_table_add_tenant(c->txn, t.name, &tenants);
	if (e == OK)
		e = lock_lookup_login(c->txn, typed, c->now, &own, NULL);
	if (e == OK && (lock_holds(&tenants, c->now) || lock_holds(&own, c->now)))
		print_remark(c->err, "%s is still locked, by the lock of %s",
		    typed->text,
		    lock_holds(&tenants, c->now) ? "its tenant"
						 : "the mailbox without subaddress");
	return e;
}

enum error
locking_end_login(struct ctl *c, const char *typed, struct login *login_r)
{
	struct names n, aliases = {.at = NULL};
	struct lock_subject subject;
	bool ended = false;
	enum error e = names_find(c, typed, &n);

	if (e != OK)
		return e;
	*login_r = n.stands_for;
	e = lock_lookup_names(c->txn, &n.typed, names_add, &n);
	if (e == OK)
		e = names_add(&n, &n.unsplit);
	if (e == OK)
		e = names_add_aliases(&aliases, c, login_r);
	for (size_t i = 0; i < aliases.count && e == OK; i++)
		e = lock_lookup_names(c->txn, &aliases.at[i], names_add, &n);
	for (size_t i = 0; i < n.count && e == OK; i++) {
		lock_table_subject_login(&subject, &n.at[i]);
		e = lock_end(c, &subject, &ended);
	}
	if (e == OK)
		e = remark_others(c, &n.typed, login_r);
	free(aliases.at);
	free(n.at);
	if (e != OK || ended)
		return e;
	return error_set(
	    &c->why, ERR_NOTFOUND, "%s is not locked itself", login_r->text);
}

enum error
locking_remark_stays(struct ctl *c, const struct lock_subject *subject)
{
	struct lock_state lock = {.set = false};
	enum error e = subject->kind == LOCK_TENANT
	    ? lock_table_add_tenant(c->txn, subject->tenant, &lock)
	    : lock_table_add_login(c->txn, &subject->login, &lock);

	if (e == OK && lock.set)
		print_remark(c->err,
		    "the lock of %s stays%s; see \"smtpauthctl locks\"",
		    lock_table_subject_name(subject),
		    subject->kind == LOCK_TENANT
			? ", but no login is of that tenant any more"
			: "");
	return e;
}

/* find_owner - the tenant that has the logins of DOMAIN so far, or "" */
static enum error
find_owner(struct ctl *c, const char *domain, bool move, char *owner)
{
	enum error e = domain_table_get(c->txn, domain, owner);

	if (e != OK || move)
		return e;
	if (owner[0] == '\0')
		return domain_table_get(c->txn, DOMAIN_ANY, owner);
	owner[0] = '\0'; /* one that has an owner cannot be added */
	return OK;
}

enum error
locking_check_domain(struct ctl *c, const char *domain, const char *tenant, bool move)
{
	struct lock_state from = {.set = false}, to = {.set = false};
	char owner[TENANT_NAME_MAX + 1];
	enum error e = find_owner(c, domain, move, owner);

	if (e != OK || owner[0] == '\0')
		return e;
	e = lock_table_add_tenant(c->txn, owner, &from);
	if (e == OK)
		e = lock_table_add_tenant(c->txn, tenant, &to);
	if (e != OK)
		return e;
	if (!lock_outlasts(&from, &to, c->now))
		return OK;
	return opening_guard_refuse(c,
	    "tenant %s is locked, and tenant %s is not, or not for so long: the logins of %s would leave the lock",
	    owner, tenant, domain);
}

enum error
locking_read(struct ctl *c, const struct login *login, struct login_locks *out_r)
{
	enum error e;

	*out_r = (struct login_locks){.tenant.set = false};
	e = lock_lookup_tenant(c->txn, login, &out_r->tenant);
	return e == OK ? lock_lookup_login(c->txn, login, c->now, &out_r->own, NULL)
		       : e;
}

enum error
locking_check_alias(
    struct ctl *c, const struct login *login, const struct login_locks *was)
{
	struct login_locks is;
	enum error e = locking_read(c, login, &is);

	if (e == OK && lock_outlasts(&was->tenant, &is.tenant, c->now))
		return opening_guard_refuse(
		    c, "login %s would leave the lock of its tenant", login->text);
	if (e == OK && lock_outlasts(&was->own, &is.own, c->now))
		return opening_guard_refuse(
		    c, "login %s would leave the lock of its mailbox", login->text);
	return e;
}

enum error
locking_check_removal(struct ctl *c, const char *tenant)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(c->txn, tenant, &lock);

	if (e != OK || !lock_holds(&lock, c->now))
		return e;
	return opening_guard_refuse(c,
	    "tenant %s is locked: without it, nothing would hold its logins", tenant);
}

void
locking_remark_identity(struct ctl *c)
{
	if (store_meta(c->txn)->locks > 0)
		print_remark(c->err,
		    "warning: there are locks, and this setting says which login is whose: see with \"smtpauthctl check LOGIN\" that those which it concerns are still locked");
}
