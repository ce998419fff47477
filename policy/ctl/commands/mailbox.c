/* SPDX-License-Identifier: BSD-2-Clause */
/* mailbox - the commands on mailboxes */
#include "policy/ctl/commands/mailbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/ctl/commands/lock.h"
#include "policy/ctl/commands/locking.h"
#include "policy/ctl/commands/overruled.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/identity/pattern.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/mailbox_table.h"
#include "policy/tables/ownership.h"

/* mailbox_print - its tenant may be "" */
static enum error
mailbox_print(struct ctl *c, const struct login *address, const char *tenant,
    const struct mailbox *m, const struct lock_state *lock)
{
	struct printer *p = &c->print;
	unsigned causes;
	enum error e = overruled_mailbox(c, address, m, &causes);

	if (e != OK)
		return e;
	print_object_start(p, NULL);
	print_text(p, "address", address->text);
	print_text(p, "tenant", tenant);
	object_text_mailbox(p, m, lock, c->now);
	object_text_expired(p, "until", m->until, c->now);
	print_bool(p, "expired", m->until != INSTANT_NONE && c->now >= m->until);
	object_text_overruled(p, causes, NULL);
	print_object_end(p);
	return OK;
}

enum error
mailbox_show(struct ctl *c, const struct login *address, const struct mailbox *m)
{
	static const struct print_column columns[] = {{"address", "mailbox"},
	    {"tenant", "tenant"}, {"smtp_auth", "smtp-auth"}, {"until", "until"},
	    {"clients", "clients"}, {"note", "note"}, {"overruled_by", "overruled by"},
	    {NULL, NULL}};
	struct lock_state lock = {.set = false};
	struct lock_subject subject;
	struct tenant t = {.name = ""};
	bool found;
	enum error e = ownership_of_login(c->txn, address, &t, &found);

	if (e == OK)
		e = lock_table_add_login(c->txn, address, &lock);
	if (e != OK)
		return e;
	print_properties(&c->print, columns);
	e = mailbox_print(c, address, t.name, m, &lock);
	if (e != OK)
		return e;
	lock_table_subject_login(&subject, address);
	return locking_properties(c, &subject);
}

static enum error
apply_clients(struct ctl *c, struct mailbox *m)
{
	const char *typed = argument_option(c, OPT_CLIENTS);

	if (typed == NULL)
		return OK;
	if (strcmp(typed, "none") == 0) {
		m->clients.count = 0;
		return OK;
	}
	if (m->smtp_auth != SMTP_AUTH_ENABLED)
		return error_set(&c->why, ERR_DATA,
		    "--clients goes with smtp-auth enabled only, not %s",
		    word_of_smtp_auth(m->smtp_auth));
	return cidr_list_parse(typed, &m->clients, &c->why);
}

/* apply_options - the options of mailbox set */
static enum error
apply_options(struct ctl *c, struct mailbox *m)
{
	enum smtp_auth smtp_auth = m->smtp_auth;
	enum error e = argument_smtp_auth(c, true, &smtp_auth);

	if (e != OK)
		return e;
	if (argument_option(c, OPT_SMTP_AUTH) != NULL)
		mailbox_set_smtp_auth(m, smtp_auth, c->now);
	e = apply_clients(c, m);
	if (e == OK)
		e = argument_future_time(c, OPT_UNTIL, &m->until);
	if (e != OK)
		return e;
	if (argument_option(c, OPT_UNTIL) != NULL && m->until != INSTANT_NONE &&
	    m->smtp_auth == SMTP_AUTH_INHERIT)
		return error_set(&c->why, ERR_DATA,
		    "--until goes with smtp-auth enabled or disabled, not inherit");
	return argument_line(c, OPT_NOTE, NOTE_MAX, m->note);
}

enum error
ctl_mailbox_set(struct ctl *c)
{
	struct mailbox m, before;
	struct login address;
	enum error e =
	    ownership_mailbox(c->txn, argument_word(c, 0), &address, &c->why);

	if (e == OK)
		e = argument_some_option(c);
	if (e == OK)
		e = mailbox_table_get(c->txn, &address, &before, NULL);
	if (e != OK)
		return e;
	m = before;
	e = apply_options(c, &m);
	if (e == OK)
		e = mailbox_table_put(c->txn, &address, &m);
	if (e == OK)
		e = overruled_remark_mailbox(c, &address, &before, &m);
	return e == OK ? mailbox_show(c, &address, &m) : e;
}

/* mailbox_find - the record of the mailbox on the command line */
static enum error
mailbox_find(struct ctl *c, struct login *address, struct mailbox *m, bool *found_r)
{
	enum error e = ownership_mailbox(c->txn, argument_word(c, 0), address, &c->why);

	return e == OK ? mailbox_table_get(c->txn, address, m, found_r) : e;
}

static enum error
mailbox_has_none(struct ctl *c, const struct login *address)
{
	return error_set(&c->why, ERR_NOTFOUND, "mailbox %s has no setting of its own",
	    address->text);
}

enum error
ctl_mailbox_show(struct ctl *c)
{
	struct lock_state lock = {.set = false};
	struct login address;
	struct mailbox m;
	bool found;
	enum error e = mailbox_find(c, &address, &m, &found);

	if (e == OK && !found) /* a lock is worth showing, too */
		e = lock_table_add_login(c->txn, &address, &lock);
	if (e == OK && !found && !lock.set)
		return mailbox_has_none(c, &address);
	return e == OK ? mailbox_show(c, &address, &m) : e;
}

enum error
ctl_mailbox_remove(struct ctl *c)
{
	struct lock_subject subject;
	struct login address;
	struct mailbox m;
	bool found;
	enum error e = mailbox_find(c, &address, &m, &found);

	if (e != OK || !found)
		return e != OK ? e : mailbox_has_none(c, &address);
	lock_table_subject_login(&subject, &address);
	e = mailbox_table_remove(c->txn, &address);
	if (e == OK)
		e = locking_remark_stays(c, &subject);
	if (e != OK)
		return e;
	mailbox_init(&m);
	if (c->options.json)
		return mailbox_show(c, &address, &m);
	print_line(&c->print, "mailbox %s has no setting of its own now", address.text);
	return OK;
}

/* mailbox_show_locked - the mailbox or other login that was locked or unlocked */
static enum error
mailbox_show_locked(struct ctl *c, const struct login *login)
{
	struct mailbox m;
	enum error e = OK;

	mailbox_init(&m);
	if (login->has_domain)
		e = mailbox_table_get(c->txn, login, &m, NULL);
	return e == OK ? mailbox_show(c, login, &m) : e;
}

enum error
ctl_mailbox_lock(struct ctl *c)
{
	struct login login;
	enum error e;

	if (lock_is_input(c))
		return ctl_lock(c);
	e = transaction_begin(c);
	if (e == OK)
		e = locking_make_login(c, argument_word(c, 0), &login);
	return e == OK ? mailbox_show_locked(c, &login) : e;
}

enum error
ctl_mailbox_unlock(struct ctl *c)
{
	struct login login;
	enum error e;

	if (lock_is_input(c))
		return ctl_unlock(c);
	e = transaction_begin(c);
	if (e == OK)
		e = locking_end_login(c, argument_word(c, 0), &login);
	return e == OK ? mailbox_show_locked(c, &login) : e;
}

struct mailbox_list {
	struct ctl *c;
	char tenant[TENANT_NAME_MAX + 1]; /* whose mailboxes are listed; "": all */
	bool by_setting;
	enum smtp_auth wanted;
	instant expiring_before; /* INSTANT_NONE: all */
	bool expired;            /* only those whose own setting has ended */
	bool by_match;
	struct pattern match; /* of addresses */
	uint64_t walked;
	struct ownership owner;  /* of the last record */
	enum lock_origin origin; /* of the locks that are walked */
};

static bool
is_wanted(const struct mailbox_list *list, const struct mailbox *m,
    const struct lock_state *lock)
{
	if (list->by_setting && m->smtp_auth != list->wanted)
		return false;
	if (list->expired && (m->until == INSTANT_NONE || list->c->now < m->until))
		return false;
	if (list->expiring_before == INSTANT_NONE)
		return true;
	if (m->until != INSTANT_NONE && m->until <= list->expiring_before)
		return true; /* also what has expired already */
	return lock_holds(lock, list->c->now) && lock->until != INSTANT_NONE &&
	    lock->until <= list->expiring_before;
}

/* list_address - TENANT is the owner of ADDRESS, or NULL where it is not known yet */
static enum error
list_address(struct mailbox_list *list, const struct login *address, const char *tenant,
    const struct mailbox *m)
{
	struct lock_state lock = {.set = false};
	enum error e;

	if (list->by_match && !pattern_matches(&list->match, address->text))
		return OK;
	e = lock_table_add_login(list->c->txn, address, &lock);
	if (e != OK || !is_wanted(list, m, &lock))
		return e;
	if (tenant == NULL) {
		e = ownership_find(list->c->txn, address, &list->owner);
		tenant = list->owner.tenant;
	}
	if (e != OK || (list->tenant[0] != '\0' && strcmp(list->tenant, tenant) != 0))
		return e;
	return mailbox_print(list->c, address, tenant, m, &lock);
}

static enum error
list_one(void *arg, const struct login *address, const struct mailbox *m)
{
	struct mailbox_list *list = arg;

	list->walked++;
	return list_address(
	    list, address, list->tenant[0] != '\0' ? list->tenant : NULL, m);
}

/* list_locked - a mailbox that has nothing but a lock, by the first of its locks */
static enum error
list_locked(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	struct mailbox_list *list = arg;
	struct ctl *c = list->c;
	struct lock here;
	struct mailbox m;
	bool found = false;
	enum error e = OK;

	(void)lock;
	if (subject->kind != LOCK_LOGIN || !subject->login.has_domain)
		return OK;
	if (list->origin != LOCK_MADE_HERE)
		e = lock_table_get(c->txn, LOCK_MADE_HERE, subject, &here, &found);
	if (e == OK && !found)
		e = mailbox_table_get(c->txn, &subject->login, &m, &found);
	return e != OK || found ? e : list_address(list, &subject->login, NULL, &m);
}

/* list_all - the mailboxes with a record, and then those with a lock alone */
static enum error
list_all(struct mailbox_list *list)
{
	struct store_txn *txn = list->c->txn;
	enum error e = list->tenant[0] != '\0'
	    ? ownership_each_mailbox(txn, list->tenant, list_one, list)
	    : mailbox_table_each(txn, NULL, list_one, list);

	list->origin = LOCK_MADE_HERE;
	if (e == OK)
		e = lock_table_each(txn, list->origin, list_locked, list);
	list->origin = LOCK_BROUGHT;
	return e == OK ? lock_table_each(txn, list->origin, list_locked, list) : e;
}

/* list_options - those of mailbox list */
static enum error
list_options(struct ctl *c, struct mailbox_list *list)
{
	const char *within = argument_option(c, OPT_EXPIRING_WITHIN);
	const char *match = argument_option(c, OPT_MATCH);
	int64_t seconds;
	enum error e = argument_smtp_auth(c, true, &list->wanted);

	list->by_setting = argument_option(c, OPT_SMTP_AUTH) != NULL;
	list->expired = argument_option(c, OPT_EXPIRED) != NULL;
	list->by_match = match != NULL;
	if (e == OK && match != NULL && pattern_parse(&list->match, match) != OK)
		return argument_bad(
		    c, OPT_MATCH, "addresses with * and ?, as *@acme.example");
	if (e == OK && list->expired && within != NULL)
		return error_set(&c->why, ERR_USAGE,
		    "--expired goes without --expiring-within, which includes it");
	if (e == OK && within != NULL) {
		e = instant_parse_span(within, &seconds, &c->why);
		if (e == OK)
			list->expiring_before = c->now + seconds;
	}
	return e == OK ? argument_tenant_option(c, list->tenant) : e;
}

static const struct print_column list_columns[] = {{"address", "MAILBOX"},
    {"tenant", "TENANT"}, {"smtp_auth", "SMTP-AUTH"}, {"until", "UNTIL"},
    {"clients", "CLIENTS"}, {"lock", "LOCK"}, {"overruled_by", "OVERRULED BY"},
    {"note", "NOTE"}, {NULL, NULL}};

enum error
ctl_mailbox_list(struct ctl *c)
{
	struct mailbox_list list = {.c = c, .expiring_before = INSTANT_NONE};
	enum error e = list_options(c, &list);

	if (e != OK)
		return e;
	print_table(&c->print, list_columns, "");
	e = list_all(&list);
	if (e != OK || list.tenant[0] != '\0')
		return e;
	return transaction_walked(c, list.walked, store_meta(c->txn)->mailboxes);
}

/* The settings that have ended, by the keys of their records. */
struct mailbox_prune {
	struct ctl *c;
	instant before;
	struct expired {
		size_t len;
		uint8_t *at;
	} * key;
	size_t keys, room;
	struct ownership owner; /* of the last record */
};

/* prune_note - one that has ended; nothing can be removed while they are walked */
static enum error
prune_note(void *arg, const struct login *address, const struct mailbox *m)
{
	struct mailbox_prune *prune = arg;
	struct expired *at;
	struct lock_state none = {.set = false};
	struct key key;
	enum error e;

	if (m->until == INSTANT_NONE || m->until > prune->before)
		return OK;
	key_login(&key, TABLE_MAILBOX, address);
	at = array_grow(prune->key, prune->keys, &prune->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	prune->key = at;
	at += prune->keys;
	*at = (struct expired){.len = key.len, .at = malloc(key.len)};
	if (at->at == NULL)
		return ERR_MEMORY;
	memcpy(at->at, key.at, key.len);
	prune->keys++;
	e = ownership_find(prune->c->txn, address, &prune->owner);
	if (e == OK)
		e = lock_table_add_login(prune->c->txn, address, &none);
	return e == OK ? mailbox_print(prune->c, address, prune->owner.tenant, m, &none)
		       : e;
}

/* prune_find - those of --tenant, or all */
static enum error
prune_find(struct mailbox_prune *prune)
{
	char tenant[TENANT_NAME_MAX + 1];
	struct ctl *c = prune->c;
	enum error e;

	if (argument_option(c, OPT_EXPIRED_BEFORE) == NULL)
		return error_set(&c->why, ERR_USAGE,
		    "mailbox prune needs --expired-before TIME: settings that had ended by then are removed");
	e = argument_past_time(c, OPT_EXPIRED_BEFORE, &prune->before);
	if (e == OK)
		e = argument_tenant_option(c, tenant);
	if (e != OK)
		return e;
	return tenant[0] != '\0'
	    ? ownership_each_mailbox(c->txn, tenant, prune_note, prune)
	    : mailbox_table_each(c->txn, NULL, prune_note, prune);
}

enum error
ctl_mailbox_prune(struct ctl *c)
{
	struct mailbox_prune prune = {.c = c};
	bool dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	enum error e;

	print_table(&c->print, list_columns, "");
	e = prune_find(&prune);
	for (size_t i = 0; i < prune.keys; i++) {
		struct key key =
		    key_copy((struct bytes){prune.key[i].at, prune.key[i].len});

		if (e == OK)
			e = store_delete(c->txn, &key);
		free(prune.key[i].at);
	}
	free(prune.key);
	if (e != OK)
		return e;
	print_line(&c->print, "%zu mailbox setting%s %s", prune.keys,
	    prune.keys == 1 ? "" : "s", dry_run ? "would be removed" : "removed");
	if (!c->print.has_json)
		return OK; /* it is no row */
	print_object_start(&c->print, NULL);
	print_number(&c->print, "removed", prune.keys);
	print_object_end(&c->print);
	return OK;
}
