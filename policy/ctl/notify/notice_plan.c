/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_plan - the tenants that will be switched off, and what their contacts know */
#include "policy/ctl/notify/notice_plan.h"

#include <stdlib.h>
#include <string.h>

#include "policy/base/array.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/usage/tenant_usage.h"

enum notice_step
notice_plan_step(const struct notice_plan *p, bool resend)
{
	if (p->noticed && p->state == NOTICE_SENT)
		return NOTICE_STEP_ALREADY_SENT;
	if (p->noticed && !resend)
		return p->state == NOTICE_FAILED ? NOTICE_STEP_FAILED
						 : NOTICE_STEP_UNFINISHED;
	return *p->contact == '\0' ? NOTICE_STEP_NO_CONTACT : NOTICE_STEP_SEND;
}

/* set - a text in the place of another; an error leaves NULL */
static enum error
set(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to != NULL ? OK : ERR_MEMORY;
}

/* fill - plan, contact and notice of the tenant */
static enum error
fill(struct notice_plan *p, struct store_txn *txn, const struct tenant *t)
{
	struct notice n;
	bool found;
	enum error e = notice_table_get(txn, t->name, &n, &found);

	if (e != OK)
		return e;
	p->noticed = found && notice_is_of(&n, t);
	memcpy(p->tenant, t->name, sizeof p->tenant);
	p->enforce_from = t->enforce_from;
	p->tempfail_until = t->tempfail_until;
	if (p->noticed) {
		p->state = n.state;
		p->when = n.when;
	}
	e = set(&p->contact, t->contact);
	return e == OK ? set(&p->told, p->noticed ? n.address : "") : e;
}

struct walk {
	struct notice_plan_list *list;
	struct ctl *c;
	uint64_t tenants; /* that were met */
};

/* add_tenant - if it has such a plan */
static enum error
add_tenant(void *arg, const struct tenant *t)
{
	struct walk *w = arg;
	struct notice_plan_list *list = w->list;
	struct notice_plan *at;

	w->tenants++;
	if (!notice_is_due(t, w->c->now))
		return OK;
	at = array_grow(list->at, list->count, &list->room, sizeof *at);
	if (at == NULL)
		return ERR_MEMORY;
	list->at = at;
	at += list->count++;
	memset(at, 0, sizeof *at);
	return fill(at, w->c->txn, t);
}

enum error
notice_plan_list_read(struct notice_plan_list *list, struct ctl *c, const char *only)
{
	struct walk w = {list, c, 0};
	struct tenant t;
	enum error e;

	memset(list, 0, sizeof *list);
	if (only == NULL) {
		e = tenant_table_each(c->txn, add_tenant, &w);
		return e == OK
		    ? transaction_walked(c, w.tenants, store_meta(c->txn)->tenants)
		    : e;
	}
	e = argument_tenant(c, only, &t);
	return e == OK ? add_tenant(&w, &t) : e;
}

void
notice_plan_list_free(struct notice_plan_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct notice_plan *p = &list->at[i];

		for (size_t k = 0; k < p->mailboxes; k++)
			free(p->mailbox[k]);
		free(p->mailbox);
		free(p->contact);
		free(p->told);
	}
	free(list->at);
	memset(list, 0, sizeof *list);
}

enum error
notice_plan_refresh(
    struct notice_plan *p, struct store_txn *txn, instant now, bool *found_r)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_get(txn, p->tenant, &t, &found);

	*found_r = e == OK && found && notice_is_due(&t, now);
	return *found_r ? fill(p, txn, &t) : e;
}

/* add_mailbox - in order; several logins may be one mailbox */
static enum error
add_mailbox(struct notice_plan *p, const char *address)
{
	size_t low = 0, high = p->mailboxes;
	char *copy;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(address, p->mailbox[middle]);

		if (order == 0)
			return OK;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (p->mailboxes == NOTICE_PLAN_MAILBOXES_MAX) {
		p->more++;
		return OK;
	}
	if (p->mailbox == NULL)
		p->mailbox = calloc(NOTICE_PLAN_MAILBOXES_MAX, sizeof *p->mailbox);
	copy = p->mailbox != NULL ? strdup(address) : NULL;
	if (copy == NULL)
		return ERR_MEMORY;
	memmove(&p->mailbox[low + 1], &p->mailbox[low],
	    (p->mailboxes++ - low) * sizeof *p->mailbox);
	p->mailbox[low] = copy;
	return OK;
}

static int
compare_tenant(const void *name, const void *plan)
{
	return strcmp(name, ((const struct notice_plan *)plan)->tenant);
}

struct collection {
	struct notice_plan_list *list;
	bool resend;
};

/* collect - a login that the plan would stop */
static enum error
collect(void *arg, const struct login_usage *s)
{
	const struct collection *c = arg;
	const char *mailbox = submission_mailbox(&s->outcome);
	struct notice_plan *p;

	if (!s->outcome.has_tenant || !s->exposed)
		return OK;
	p = bsearch(submission_tenant(&s->outcome), c->list->at, c->list->count,
	    sizeof *c->list->at, compare_tenant);
	if (p == NULL || notice_plan_step(p, c->resend) != NOTICE_STEP_SEND)
		return OK;
	return add_mailbox(p, *mailbox != '\0' ? mailbox : s->row->login.text);
}

/* is_quiet - whether nobody will get a message */
static bool
is_quiet(const struct notice_plan_list *list, bool resend)
{
	for (size_t i = 0; i < list->count; i++)
		if (notice_plan_step(&list->at[i], resend) == NOTICE_STEP_SEND)
			return false;
	return true;
}

enum error
notice_plan_list_find_mailboxes(
    struct notice_plan_list *list, struct ctl *c, const char *only, bool resend)
{
	struct collection collection = {list, resend};
	struct tenant_usage_list usage = {.now = c->now,
	    .since = c->now - NOTICE_PLAN_DAYS * USAGE_SECONDS_A_DAY,
	    .only = only};
	struct usage_coverage coverage;
	struct usage_merge *merge;
	struct error_text why;
	enum error e;

	if (is_quiet(list, resend))
		return OK;
	e = usage_sources_merge(c, &merge);
	if (e == ERR_MISSING) {
		why = c->why;
		return error_set(&c->why, e,
		    "{mailboxes} needs to know who uses SMTP AUTH, but %s; let smtpauth-milter record it, give --usage FILE, or leave {mailboxes} out",
		    why.text);
	}
	if (e != OK)
		return e;
	coverage = usage_merge_coverage(merge);
	if (tenant_usage_covers(&coverage, store_settings(c->txn)->usage_nodes,
		usage.since, c->now, &why) != OK)
		print_remark(c->err,
		    "warning: {mailboxes} may lack some that are in use: %s", why.text);
	e = tenant_usage_read(&usage, c->txn, merge, collect, &collection, &c->why);
	tenant_usage_free(&usage);
	return e;
}
