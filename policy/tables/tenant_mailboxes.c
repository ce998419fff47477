/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_mailboxes - the mailboxes of one tenant, whatever domains it owns */
#include "policy/tables/tenant_mailboxes.h"

#include <string.h>

#include "policy/tables/alias_table.h"
#include "policy/tables/domain_table.h"

struct walk {
	struct store_txn *txn;
	enum table table;
	/* all of one domain: */
	enum error (*each)(struct walk *w, const char *domain);
	enum error (*mailbox)(
	    void *arg, const struct login *address, const struct mailbox *m);
	enum error (*alias)(
	    void *arg, const struct login *login, const struct login *mailbox);
	void *arg;
};

static enum error
mailboxes_of(struct walk *w, const char *domain)
{
	return mailbox_table_each(w->txn, domain, w->mailbox, w->arg);
}

static enum error
aliases_of(struct walk *w, const char *domain)
{
	return alias_table_each_into(w->txn, domain, w->alias, w->arg);
}

/* unowned - the domains in use that nobody owns by name */
static enum error
unowned(struct walk *w)
{
	char domain[DOMAIN_MAX + 1];
	bool found = true;
	struct key at;
	enum error e = OK;

	key_table(&at, w->table);
	while (e == OK && found) {
		e = domain_table_next_unowned(w->txn, w->table, &at, domain, &found);
		if (e == OK && found)
			e = w->each(w, domain);
	}
	return e;
}

static enum error
visit(void *arg, const char *domain)
{
	struct walk *w = arg;

	return strcmp(domain, DOMAIN_ANY) == 0 ? unowned(w) : w->each(w, domain);
}

enum error
tenant_mailboxes_each(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const struct login *address, const struct mailbox *m),
    void *arg)
{
	struct walk w = {txn, TABLE_MAILBOX, mailboxes_of, fn, NULL, arg};

	return domain_table_each_of(txn, tenant, visit, &w);
}

enum error
tenant_aliases_each(struct store_txn *txn, const char *tenant,
    enum error (*fn)(void *arg, const struct login *login, const struct login *mailbox),
    void *arg)
{
	struct walk w = {txn, INDEX_ALIAS, aliases_of, NULL, fn, arg};

	return domain_table_each_of(txn, tenant, visit, &w);
}
