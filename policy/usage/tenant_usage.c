/* SPDX-License-Identifier: BSD-2-Clause */
/* tenant_usage - the use of every tenant in a span of time */
#include "policy/usage/tenant_usage.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/tables/tenant_table.h"

/* Older data say nothing about what is used today. */
#define FRESH_SECONDS 86400

void
tenant_usage_init(struct tenant_usage *t)
{
	memset(t, 0, sizeof *t);
	t->first_seen = t->last_seen = t->last_use = INSTANT_NONE;
}

void
tenant_usage_add(struct tenant_usage *t, const struct login_usage *s)
{
	const struct usage *u = &s->row->usage;

	for (int k = 0; k < USAGE_KINDS; k++)
		t->count[k] += s->count[k];
	t->first_seen = usage_earlier(t->first_seen, u->first_seen);
	t->last_seen = usage_later(t->last_seen, u->last_seen);
	t->last_use = usage_later(t->last_use, u->last_use);
	t->mailboxes += s->used;
	t->excepted += s->used && s->excepted;
	t->exposed += s->exposed;
}

static enum error
add_tenant(void *arg, const struct tenant *t)
{
	struct tenant_usage_list *list = arg;
	struct tenant_usage *at;

	if (list->only != NULL && strcmp(list->only, t->name) != 0)
		return OK;
	at = array_grow(list->at, list->count, &list->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	list->at = at;
	at += list->count++;
	tenant_usage_init(at);
	memcpy(at->name, t->name, sizeof at->name);
	at->smtp_auth = t->smtp_auth;
	at->enforce_from = t->enforce_from;
	at->tempfail_until = t->tempfail_until;
	at->has_contact = t->contact[0] != '\0';
	return OK;
}

static int
compare_name(const void *name, const void *tenant)
{
	return strcmp(name, ((const struct tenant_usage *)tenant)->name);
}

/* find_tenant - the login's tenant, or NULL where it is not in the list */
static struct tenant_usage *
find_tenant(const struct tenant_usage_list *list, const struct outcome *o)
{
	if (!o->has_tenant || list->count == 0)
		return NULL;
	return bsearch(
	    o->tenant.name, list->at, list->count, sizeof *list->at, compare_name);
}

static enum error
read_logins(struct tenant_usage_list *list, struct store_txn *txn,
    struct usage_merge *merge, tenant_usage_visit *visit, void *arg,
    struct error_text *why)
{
	struct tenant_usage *tenant;
	struct login_usage s;
	struct usage_row row;
	bool found;
	enum error e;

	for (;;) {
		e = usage_merge_next(merge, &row, &found, why);
		if (e != OK || !found)
			return e;
		e = login_usage_read(txn, &row, list->since, list->now, &s);
		if (e != OK)
			return error_about(why, e, "the policy database");
		if (usage_is_others(&row.login))
			list->last_other = row.usage.last_use;
		tenant = find_tenant(list, &s.outcome);
		if (tenant != NULL)
			tenant_usage_add(tenant, &s);
		else if (list->only != NULL)
			continue;
		e = visit != NULL ? visit(arg, &s) : OK;
		if (e != OK)
			return e;
	}
}

void
tenant_usage_free(struct tenant_usage_list *list)
{
	free(list->at);
	list->at = NULL;
	list->count = list->room = 0;
}

enum error
tenant_usage_read(struct tenant_usage_list *list, struct store_txn *txn,
    struct usage_merge *merge, tenant_usage_visit *visit, void *arg,
    struct error_text *why)
{
	enum error e;

	list->at = NULL;
	list->count = list->room = 0;
	list->last_other = INSTANT_NONE;
	e = tenant_table_each(txn, add_tenant, list);
	if (e == OK &&
	    list->count != (list->only != NULL ? 1 : store_meta(txn)->tenants))
		e = ERR_DAMAGED;
	if (e != OK)
		error_about(why, e, "the policy database");
	else
		e = read_logins(list, txn, merge, visit, arg, why);
	if (e != OK)
		tenant_usage_free(list);
	return e;
}

enum error
tenant_usage_covers(const struct usage_coverage *c, unsigned hosts_wanted,
    instant since, instant now, struct error_text *why)
{
	char a[INSTANT_TEXT_MAX], b[INSTANT_TEXT_MAX];

	if (c->hosts < hosts_wanted)
		return error_set(why, ERR_PROTECTED,
		    "there is usage of %u machine%s, and usage-nodes says %u: give the others' with --usage FILE (see \"usage export\")",
		    c->hosts, c->hosts == 1 ? "" : "s", hosts_wanted);
	if (c->hosts == 0 || c->since > since)
		return error_set(why, ERR_PROTECTED,
		    "usage is recorded without a gap since %s only, and would have to be since %s",
		    c->hosts == 0 ? "now" : instant_print(c->since, a),
		    instant_print(since, b));
	if (now - c->until > FRESH_SECONDS)
		return error_set(why, ERR_PROTECTED,
		    "the usage of some machine ends at %s: is its daemon running, and its export of today?",
		    instant_print(c->until, a));
	if (c->last_dropped != INSTANT_NONE && c->last_dropped >= since)
		return error_set(why, ERR_PROTECTED,
		    "%llu submissions could not be counted, the last at %s: who made them is not known",
		    (unsigned long long)c->dropped, instant_print(c->last_dropped, a));
	return OK;
}
