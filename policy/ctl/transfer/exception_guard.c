/* SPDX-License-Identifier: BSD-2-Clause */
/* exception_guard - whether a change would end many of a tenant's exceptions */
#include "policy/ctl/transfer/exception_guard.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "policy/tables/tenant_table.h"

#define NAMES_SHOWN 3

/* Those of one smtp-auth that ended. */
struct ended {
	uint64_t n;
	char *names; /* of the first ones, with commas; NULL for none */
};

/* What the change did to the exceptions of one tenant. */
struct exceptions {
	struct ended enabled, disabled;
	uint64_t begun, expired; /* the last: those that were over, and are gone */
	struct exceptions *next;
	char tenant[];
};

void
exception_guard_start(struct exception_guard *g, struct store_txn *txn, instant now)
{
	memset(g, 0, sizeof *g);
	g->txn = txn;
	g->now = now;
	g->idle = store_meta(txn)->mailboxes == 0;
}

static int
exceptions_compare(const void *a, const void *b)
{
	const struct exceptions *one = a, *other = b;

	return strcmp(one->tenant, other->tenant);
}

/* keep - what is in the tree is in the list, too */
static void
keep(void *exceptions)
{
	(void)exceptions;
}

void
exception_guard_end(struct exception_guard *g)
{
	struct exceptions *x;

	tdestroy(g->tenants, keep);
	g->tenants = NULL;
	while ((x = g->first) != NULL) {
		g->first = x->next;
		free(x->enabled.names);
		free(x->disabled.names);
		free(x);
	}
}

/* exceptions_of - the counts of a tenant; NULL where there is no memory */
static struct exceptions *
exceptions_of(struct exception_guard *g, const char *tenant)
{
	size_t n = strlen(tenant) + 1;
	struct exceptions *x = calloc(1, sizeof *x + n), **there;

	if (x == NULL)
		return NULL;
	memcpy(x->tenant, tenant, n);
	there = tsearch(x, &g->tenants, exceptions_compare);
	if (there == NULL || *there != x) {
		free(x);
		return there != NULL ? *there : NULL;
	}
	x->next = g->first;
	g->first = x;
	return x;
}

/* ended_add - one more, with its name while few are */
static enum error
ended_add(struct ended *ended, const char *address)
{
	char *names = NULL;

	if (++ended->n > NAMES_SHOWN)
		return OK;
	if (asprintf(&names, "%s%s%s", ended->names != NULL ? ended->names : "",
		ended->names != NULL ? ", " : "", address) < 0)
		return ERR_MEMORY;
	free(ended->names);
	ended->names = names;
	return OK;
}

/* mailbox_read - the record, which there may be */
static enum error
mailbox_read(struct bytes record, struct mailbox *m)
{
	mailbox_init(m);
	return record.at != NULL ? mailbox_decode(record, m) : OK;
}

/* exception_guard_count - what has ended, or begun where WAS is none */
static enum error
exception_guard_count(
    struct exception_guard *g, struct bytes key, const struct mailbox *was)
{
	struct login address;
	struct exceptions *x;
	enum error e = key_to_login(key, &address);

	if (e == OK)
		e = ownership_find(g->txn, &address, &g->owner);
	if (e != OK || g->owner.tenant[0] == '\0')
		return e;
	x = exceptions_of(g, g->owner.tenant);
	if (x == NULL)
		return ERR_MEMORY;
	if (was->smtp_auth == SMTP_AUTH_INHERIT)
		x->begun++;
	else if (!mailbox_overrides(was, g->now))
		x->expired++;
	else
		return ended_add(
		    was->smtp_auth == SMTP_AUTH_ENABLED ? &x->enabled : &x->disabled,
		    address.text);
	return OK;
}

enum error
exception_guard_note(struct exception_guard *g, struct bytes key, struct bytes before,
    struct bytes after)
{
	struct mailbox was, is;
	enum error e;

	if (g->idle)
		return OK;
	if (*(const uint8_t *)key.at == TABLE_DOMAIN)
		memset(&g->owner, 0, sizeof g->owner);
	if (*(const uint8_t *)key.at != TABLE_MAILBOX)
		return OK;
	e = mailbox_read(before, &was);
	if (e == OK)
		e = mailbox_read(after, &is);
	if (e != OK)
		return e;
	if ((was.smtp_auth == SMTP_AUTH_INHERIT) == (is.smtp_auth == SMTP_AUTH_INHERIT))
		return OK;
	return exception_guard_count(g, key, &was);
}

/* Those that a tenant has, up to what is enough to know. */
struct count {
	uint64_t n, enough;
};

static enum error
count_one(void *arg, const struct login *address, const struct mailbox *m)
{
	struct count *count = arg;

	(void)address;
	count->n += m->smtp_auth != SMTP_AUTH_INHERIT;
	return count->n < count->enough ? OK : WALK_STOP;
}

/*
 * exceptions_had - how many the tenant had before, or at least five times those that
 * ENDED: nobody waits while millions are counted for one
 */
static enum error
exceptions_had(const struct exception_guard *g, const struct exceptions *x,
    const struct ended *ended, uint64_t *n_r)
{
	struct count count = {.enough = ended->n * 5 + x->begun};
	enum error e = ownership_each_mailbox(g->txn, x->tenant, count_one, &count);

	*n_r = count.n + x->enabled.n + x->disabled.n + x->expired;
	*n_r -= x->begun < *n_r ? x->begun : *n_r;
	return e;
}

/* exceptions_check - one tenant: what it says of them itself is no change */
static enum error
exceptions_check(
    const struct exception_guard *g, const struct exceptions *x, struct error_text *why)
{
	const struct ended *ended;
	struct tenant t;
	uint64_t had = 0;
	bool found, passes;
	enum error e = tenant_table_get(g->txn, x->tenant, &t, &found);

	if (e == OK && !found)
		e = ERR_DAMAGED;
	passes = e == OK && t.smtp_auth == SMTP_AUTH_ENABLED;
	ended = passes ? &x->disabled : &x->enabled;
	if (e == OK && ended->n > 0)
		e = exceptions_had(g, x, ended, &had);
	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	if (ended->n * 5 <= had)
		return OK;
	return error_set(why, ERR_PROTECTED,
	    "%" PRIu64 " of the %" PRIu64
	    " exceptions of tenant %s would end, over a fifth: smtp-auth %s of the tenant would hold, and these would %s: %s%s; use --force if that is meant",
	    ended->n, had, x->tenant, word_of_smtp_auth(t.smtp_auth),
	    passes ? "pass" : "be refused", ended->names,
	    ended->n > NAMES_SHOWN ? " and others" : "");
}

enum error
exception_guard_check(const struct exception_guard *g, struct error_text *why)
{
	enum error e = OK;

	for (const struct exceptions *x = g->first; e == OK && x != NULL; x = x->next)
		e = exceptions_check(g, x, why);
	return e;
}
