/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the commands on domains */
#include "policy/identity/domain.h"

#include "policy/ctl/commands/locking.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/ownership.h"
#include "policy/tables/removal.h"
#include "policy/tables/tenant_table.h"

static enum error
domain_print(void *arg, const char *domain, const char *tenant)
{
	struct printer *p = arg;

	print_object_start(p, NULL);
	print_text(p, "domain", domain);
	print_text(p, "tenant", tenant);
	print_object_end(p);
	return OK;
}

#define CAUSE_MAX (2 * TENANT_NAME_MAX + 120)

/* move_cause - in words, if the domain leaves a tenant that denies for one that does
 * not, or denies less */
static enum error
move_cause(struct ctl *c, const char *domain, const struct tenant *to, char *cause)
{
	char name[TENANT_NAME_MAX + 1];
	struct tenant from;
	bool found = false, opens = false;
	enum error e = domain_table_get(c->txn, domain, name);

	if (e == OK && name[0] != '\0')
		e = tenant_table_get(c->txn, name, &from, &found);
	if (e == OK && found)
		e = removal_move_opens(c->txn, &from, to, c->now, &opens);
	if (e == OK && opens)
		snprintf(cause, CAUSE_MAX,
		    "tenant %s denies SMTP AUTH, and tenant %s does not%s", name,
		    to->name, opening_guard_less(to));
	return e;
}

/* domain_give - domain add and domain move */
static enum error
domain_give(
    struct ctl *c, const char *domain_typed, const char *tenant_typed, bool move)
{
	char domain[DOMAIN_MAX + 1], cause[CAUSE_MAX] = "";
	struct opening opening = {.cause = NULL};
	struct tenant t;
	enum error e = move ? opening_guard_begin(c) : OK;

	if (e == OK)
		e = argument_tenant(c, tenant_typed, &t);

	if (e == OK)
		e = domain_parse(domain_typed, domain, &c->why);
	if (e == OK)
		e = locking_check_domain(c, domain, t.name, move);
	if (e == OK && move)
		e = move_cause(c, domain, &t, cause);
	if (e == OK)
		e = ownership_add_domain(c->txn, domain, t.name, move, &c->why);
	opening.harmless = cause[0] == '\0';
	if (cause[0] != '\0')
		opening.cause = cause;
	if (e == OK && move)
		e = opening_guard_check(c, &opening);
	if (e != OK)
		return e;
	print_line(&c->print, "domain %s %s tenant %s", domain,
	    argument_option(c, OPT_DRY_RUN) != NULL ? "would belong to" : "belongs to",
	    t.name);
	return domain_print(&c->print, domain, t.name);
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
	char cause[ERROR_TEXT_MAX];
	struct opening opening = {.cause = NULL};
	enum error e = opening_guard_begin(c);

	if (e == OK)
		e = domain_parse(argument_word(c, 0), domain, &c->why);
	if (e == OK)
		e = domain_table_get(c->txn, domain, tenant);
	if (e == OK && tenant[0] != '\0')
		e = locking_check_removal(c, tenant);
	if (e != OK)
		return e;
	e = removal_domain(c->txn, domain, false, &c->why);
	if (e == ERR_PROTECTED) {
		snprintf(cause, sizeof cause, "%s", c->why.text);
		opening.cause = cause;
		e = removal_domain(c->txn, domain, true, &c->why);
	}
	if (e == OK)
		e = opening_guard_check(c, &opening);
	if (e != OK)
		return e;
	print_line(&c->print, "domain %s %s", domain,
	    argument_option(c, OPT_DRY_RUN) != NULL ? "would be removed" : "removed");
	return domain_print(&c->print, domain, "");
}

enum error
ctl_domain_list(struct ctl *c)
{
	static const struct print_column columns[] = {
	    {"domain", "DOMAIN"}, {"tenant", "TENANT"}, {NULL, NULL}};
	char tenant[TENANT_NAME_MAX + 1];
	enum error e = argument_tenant_option(c, tenant);
	bool all = tenant[0] == '\0';

	if (e != OK)
		return e;
	print_table(&c->print, columns, "");
	e = domain_table_each(c->txn, all ? NULL : tenant, domain_print, &c->print);
	if (e != OK || !all)
		return e;
	return transaction_walked(c, c->print.objects, store_meta(c->txn)->domains);
}
