/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the commands on domains */
#include "policy/identity/domain.h"

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"

static void
domain_print(struct ctl *c, const char *domain, const char *tenant)
{
	struct printer *p = &c->print;

	print_object_start(p, NULL);
	print_text(p, "domain", domain);
	print_text(p, "tenant", tenant);
	print_object_end(p);
}

/* domain_give - domain add and domain move */
static enum error
domain_give(
    struct ctl *c, const char *domain_typed, const char *tenant_typed, bool move)
{
	char domain[DOMAIN_MAX + 1];
	struct tenant t;
	enum error e = argument_tenant(c, tenant_typed, &t);

	if (e == OK)
		e = domain_parse(domain_typed, domain, &c->why);
	if (e == OK)
		e = locking_check_domain(c, domain, t.name, move);
	if (e == OK)
		e = ownership_add_domain(c->txn, domain, t.name, move, &c->why);
	if (e != OK)
		return e;
	print_line(&c->print, "domain %s belongs to tenant %s", domain, t.name);
	domain_print(c, domain, t.name);
	return OK;
}

enum error
ctl_domain_add(struct ctl *c)
{
	return domain_give(c, argument_word(c, 1), argument_word(c, 0), false);
}

enum error
ctl_domain_move(struct ctl *c)
{
	return domain_give(c, argument_word(c, 0), argument_word(c, 1), true);
}

enum error
ctl_domain_remove(struct ctl *c)
{
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	enum error e = domain_parse(argument_word(c, 0), domain, &c->why);

	if (e == OK)
		e = domain_table_get(c->txn, domain, tenant);
	if (e == OK && tenant[0] != '\0')
		e = locking_check_removal(c, tenant);
	if (e == OK)
		e = removal_domain(
		    c->txn, domain, argument_option(c, OPT_FORCE) != NULL, &c->why);
	if (e != OK)
		return e;
	print_line(&c->print, "domain %s removed", domain);
	domain_print(c, domain, "");
	return OK;
}

struct domain_list {
	struct ctl *c;
	char tenant[TENANT_NAME_MAX + 1]; /* of a list of one tenant, or "" */
	uint64_t walked;
};

static enum error
domain_list_one(void *arg, const char *domain, const char *tenant)
{
	struct domain_list *list = arg;

	list->walked++;
	domain_print(list->c, domain, tenant);
	return OK;
}

enum error
ctl_domain_list(struct ctl *c)
{
	static const struct print_column columns[] = {
	    {"domain", "DOMAIN"}, {"tenant", "TENANT"}, {NULL, NULL}};
	struct domain_list list = {.c = c};
	enum error e = argument_tenant_option(c, list.tenant);

	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	if (list.tenant[0] != '\0')
		return domain_table_each(c->txn, list.tenant, domain_list_one, &list);
	e = domain_table_each(c->txn, NULL, domain_list_one, &list);
	if (e != OK)
		return e;
	return transaction_walked(c, list.walked, store_meta(c->txn)->domains);
}
