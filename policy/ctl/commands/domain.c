/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the commands on domains */
#include "policy/identity/domain.h"

#include "policy/ctl/commands/lock.h"
#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/output.h"
#include "policy/tables/domain_table.h"
#include "policy/tables/tenant_table.h"

static void
json_domain(struct ctl *c, const char *domain, const char *tenant)
{
	struct json j;

	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "domain", domain);
	json_text(&j, "tenant", tenant);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

/* report - who owns the domain now; NULL for nobody */
static void
report(struct ctl *c, const char *domain, const char *tenant)
{
	if (c->options.json)
		json_domain(c, domain, tenant);
	else if (tenant != NULL)
		fprintf(c->out, "domain %s belongs to tenant %s\n", domain, tenant);
	else
		fprintf(c->out, "domain %s removed\n", domain);
}

/* find_tenant - the name of a tenant that exists */
static enum error
find_tenant(struct ctl *c, const char *typed, char *name)
{
	struct tenant t;
	enum error e = tenant_name_parse(typed, name, &c->why);

	if (e == OK)
		e = tenant_table_get(c->txn, name, &t);
	if (e == ERR_NOTFOUND)
		return error_set(&c->why, e, "there is no tenant %s", name);
	return e;
}

/* give - domain add and domain move */
static enum error
give(struct ctl *c, const char *domain_typed, const char *tenant_typed, bool move)
{
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	enum error e = find_tenant(c, tenant_typed, tenant);

	if (e == OK)
		e = domain_parse(domain_typed, domain, &c->why);
	if (e == OK)
		e = lock_check_domain(c, domain, tenant, move);
	if (e == OK)
		e = domain_table_add(c->txn, domain, tenant, move, &c->why);
	if (e == OK)
		report(c, domain, tenant);
	return e;
}

enum error
ctl_domain_add(struct ctl *c)
{
	return give(c, ctl_word(c, 1), ctl_word(c, 0), false);
}

enum error
ctl_domain_move(struct ctl *c)
{
	return give(c, ctl_word(c, 0), ctl_word(c, 1), true);
}

enum error
ctl_domain_remove(struct ctl *c)
{
	char domain[DOMAIN_MAX + 1], tenant[TENANT_NAME_MAX + 1];
	enum error e = domain_parse(ctl_word(c, 0), domain, &c->why);

	if (e == OK)
		e = domain_table_get(c->txn, domain, tenant);
	if (e == OK)
		e = lock_check_removal(c, tenant);
	if (e == OK || e == ERR_NOTFOUND)
		e = domain_table_remove(
		    c->txn, domain, ctl_option(c, OPT_FORCE) != NULL, &c->why);
	if (e == OK)
		report(c, domain, NULL);
	return e;
}

struct lister {
	struct ctl *c;
	struct listing listing;
	const char *tenant; /* of a list of one tenant */
	uint64_t walked;
};

static enum error
list_one(void *arg, const char *domain, const char *tenant)
{
	struct lister *l = arg;
	const char *cells[] = {domain, tenant};

	l->walked++;
	if (l->c->options.json)
		json_domain(l->c, domain, tenant);
	else
		listing_row(&l->listing, cells);
	return OK;
}

static enum error
list_of_tenant(void *arg, const char *domain)
{
	return list_one(arg, domain, ((struct lister *)arg)->tenant);
}

enum error
ctl_domain_list(struct ctl *c)
{
	static const char *const headings[] = {"DOMAIN", "TENANT"};
	char tenant[TENANT_NAME_MAX + 1];
	struct lister l = {.c = c};
	enum error e = OK;

	if (ctl_option(c, OPT_TENANT) != NULL) {
		e = find_tenant(c, ctl_option(c, OPT_TENANT), tenant);
		l.tenant = tenant;
	}
	if (e != OK)
		return e;
	listing_start(&l.listing, c->out, 2, headings);
	e = l.tenant != NULL ? domain_table_each_of(c->txn, tenant, list_of_tenant, &l)
			     : domain_table_each(c->txn, list_one, &l);
	listing_end(&l.listing);
	if (e != OK || l.tenant != NULL)
		return e;
	return ctl_walked(c, l.walked, store_meta(c->txn)->domains);
}
