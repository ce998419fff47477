/* SPDX-License-Identifier: BSD-2-Clause */
/* notice_plan - the tenants that will be switched off, and what their contacts know */
#include "policy/ctl/notify/notice_plan.h"

#include <stdlib.h>
#include <string.h>

#include "policy/ctl/frame/print.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/tables/notice_table.h"
#include "policy/tables/tenant_table.h"
#include "policy/usage/tenant_usage.h"

enum notice_plan_step
notice_plan_step(const struct pending *p, bool resend)
{
	if (p->noticed && p->state == NOTICE_SENT)
		return PENDING_SENT;
	if (p->noticed && !resend)
		return p->state == NOTICE_FAILED ? PENDING_FAILED : PENDING_UNFINISHED;
	return *p->contact == '\0' ? PENDING_NO_CONTACT : PENDING_SEND;
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
fill(struct pending *p, struct store_txn *txn, const struct tenant *t)
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

static void
empty(struct pending *p)
{
	for (size_t i = 0; i < p->mailboxes; i++)
		free(p->mailbox[i]);
	free(p->mailbox);
	free(p->contact);
	free(p->told);
}

struct walk {
	struct pending_list *list;
	struct store_txn *txn;
	instant now;
	uint64_t tenants; /* that were met */
};

/* add - the tenant, if it has such a plan */
static enum error
add(void *arg, const struct tenant *t)
{
	struct walk *w = arg;
	struct pending_list *list = w->list;

	w->tenants++;
	if (!notice_is_due(t, w->now))
		return OK;
	if (list->count == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : 64;
		struct pending *at = reallocarray(list->at, room, sizeof *at);

		if (at == NULL)
			return ERR_MEMORY;
		list->at = at;
		list->room = room;
	}
	memset(&list->at[list->count], 0, sizeof *list->at);
	return fill(&list->at[list->count++], w->txn, t);
}

enum error
notice_plan_list_read(
    struct pending_list *list, struct ctl *c, struct store_txn *txn, const char *only)
{
	struct walk w = {list, txn, c->now, 0};
	struct tenant t;
	bool found;
	enum error e;

	if (only == NULL) {
		e = tenant_table_each(txn, add, &w);
		return e == OK
		    ? transaction_walked(c, w.tenants, store_meta(txn)->tenants)
		    : e;
	}
	e = tenant_table_get(txn, only, &t, &found);
	if (e == OK && !found)
		return error_set(&c->why, ERR_NOTFOUND, "there is no tenant %s", only);
	return e == OK ? add(&w, &t) : e;
}

void
notice_plan_list_free(struct pending_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		empty(&list->at[i]);
	free(list->at);
	memset(list, 0, sizeof *list);
}

enum error
notice_plan_refresh(struct pending *p, struct store_txn *txn, instant now)
{
	struct tenant t;
	bool found;
	enum error e = tenant_table_get(txn, p->tenant, &t, &found);

	if (e != OK)
		return e;
	return found && notice_is_due(&t, now) ? fill(p, txn, &t) : ERR_NOTFOUND;
}

/* place_of - where the address is among the mailboxes, or would be */
static size_t
place_of(const struct pending *p, const char *address, bool *there)
{
	size_t low = 0, high = p->mailboxes;

	*there = false;
	while (low < high && !*there) {
		size_t middle = (low + high) / 2;
		int order = strcmp(address, p->mailbox[middle]);

		*there = order == 0;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* add_mailbox - several logins may be one mailbox */
static enum error
add_mailbox(struct pending *p, const char *address)
{
	bool there;
	size_t at = place_of(p, address, &there);
	char *copy;

	if (there)
		return OK;
	if (p->mailboxes == PENDING_MAILBOXES_MAX) {
		p->more++;
		return OK;
	}
	if (p->mailbox == NULL)
		p->mailbox = calloc(PENDING_MAILBOXES_MAX, sizeof *p->mailbox);
	copy = strdup(address);
	if (p->mailbox == NULL || copy == NULL) {
		free(copy);
		return ERR_MEMORY;
	}
	memmove(&p->mailbox[at + 1], &p->mailbox[at],
	    (p->mailboxes++ - at) * sizeof *p->mailbox);
	p->mailbox[at] = copy;
	return OK;
}

static int
compare(const void *name, const void *pending)
{
	return strcmp(name, ((const struct pending *)pending)->tenant);
}

struct collection {
	struct pending_list *list;
	bool resend;
};

/* collect - a login that the plan would stop */
static enum error
collect(void *arg, size_t tenant, const struct usage_row *row,
    const struct login_usage *standing)
{
	const struct collection *c = arg;
	const char *mailbox = submission_mailbox(&standing->outcome);
	struct pending *p;

	if (tenant == SURVEY_NO_TENANT || !standing->exposed)
		return OK;
	p = bsearch(submission_tenant(&standing->outcome), c->list->at, c->list->count,
	    sizeof *c->list->at, compare);
	if (p == NULL || notice_plan_step(p, c->resend) != PENDING_SEND)
		return OK;
	return add_mailbox(p, *mailbox != '\0' ? mailbox : row->login.text);
}

/* is_quiet - whether nobody will get a message */
static bool
is_quiet(const struct pending_list *list, bool resend)
{
	for (size_t i = 0; i < list->count; i++)
		if (notice_plan_step(&list->at[i], resend) == PENDING_SEND)
			return false;
	return true;
}

/* warn - where the records may miss somebody who should be told */
static void
warn(struct ctl *c, struct store_txn *txn, const struct usage_merge *merge)
{
	const struct usage_coverage coverage = usage_merge_coverage(merge);
	struct error_text why;

	if (tenant_usage_covers(&coverage, store_settings(txn)->usage_nodes,
		c->now - PENDING_DAYS * USAGE_SECONDS_A_DAY, c->now, &why) != OK)
		print_remark(c->err,
		    "warning: {mailboxes} may lack some that are in use: %s", why.text);
}

enum error
notice_plan_list_survey(struct pending_list *list, struct ctl *c, struct store_txn *txn,
    const char *only, bool resend)
{
	struct collection collection = {list, resend};
	struct usage_merge *merge;
	struct survey *survey = NULL;
	struct error_text why;
	enum error e;

	if (is_quiet(list, resend))
		return OK;
	e = usage_sources_merge(c, &merge);
	if (e == ERR_MISSING) {
		why = c->why;
		return error_set(&c->why, e,
		    "{mailboxes} needs to know who uses SMTP AUTH, but %s; let "
		    "smtpauth-milter record it, give --usage FILE, or leave "
		    "{mailboxes} out",
		    why.text);
	}
	if (e != OK)
		return e;
	warn(c, txn, merge);
	e = tenant_usage_run(&survey, txn, merge,
	    c->now - PENDING_DAYS * USAGE_SECONDS_A_DAY, c->now, only, collect,
	    &collection, &c->why);
	tenant_usage_free(&survey);
	return e;
}
