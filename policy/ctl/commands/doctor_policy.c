/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor_policy - what doctor finds in the policy and its audit log */
#include "policy/ctl/commands/doctor_policy.h"

#include <inttypes.h>
#include <string.h>

#include "policy/audit/audit_table.h"
#include "policy/store/store.h"
#include "policy/tables/tenant_table.h"
#include "policy/usage/usage.h"

#define TENANTS_SHOWN 3

/* Tenants in report mode. */
struct reported {
	unsigned count;
	char first[TENANT_NAME_MAX + 1];
	char buf[(TENANTS_SHOWN + 1) * (TENANT_NAME_MAX + 3)];
	struct text names;
};

/* reported_take - a tenant of a walk */
static enum error
reported_take(void *arg, const struct tenant *t)
{
	struct reported *r = arg;

	if (t->smtp_auth == SMTP_AUTH_ENABLED || t->action != ACTION_REPORT)
		return OK;
	if (r->count == 0)
		strcpy(r->first, t->name);
	if (r->count < TENANTS_SHOWN)
		text_printf(&r->names, "%s%s", r->count > 0 ? ", " : "", t->name);
	else if (r->count == TENANTS_SHOWN)
		text_puts(&r->names, ", ...");
	r->count++;
	return OK;
}

void
doctor_policy_reported(struct checks *c)
{
	struct reported r = {.count = 0};

	text_init(&r.names, r.buf, sizeof r.buf);
	if (c->txn == NULL || !c->settings->enforce ||
	    tenant_table_each(c->txn, reported_take, &r) != OK || r.count == 0)
		return;
	findings_add(&c->findings, "tenant-report", "tenants",
	    "%u tenant%s with smtp-auth disabled and action report: its logins are logged, and pass: %s",
	    r.count, r.count == 1 ? "" : "s", r.buf);
	findings_fix(&c->findings, "smtpauthctl tenant set %s --action default%s",
	    r.first, r.count > 1 ? ", and so for each of them" : "");
}

/* What the audit log tells. */
struct history {
	bool applied; /* a snapshot, the last one at: */
	instant when;
	struct digest then, now; /* of the policy */
	uint64_t changes;        /* since then */
	instant renamed;         /* see struct checks */
};

/* history_take - an entry of the audit log */
static enum error
history_take(void *arg, const struct audit_entry *e)
{
	struct history *h = arg;
	const char *object = e->object.at;

	if (e->kind == AUDIT_SUMMARY &&
	    strcmp(e->origin.command, "snapshot apply") == 0) {
		h->applied = true;
		h->when = e->when;
		h->then = e->policy;
		h->changes = 0;
	} else if (!digest_equal(&h->now, &e->policy)) {
		h->changes++;
	}
	h->now = e->policy;
	if (e->kind == AUDIT_SUMMARY ||
	    (e->object.len > 0 &&
		(object[0] == TABLE_ALIAS || object[0] == TABLE_SETTING)))
		h->renamed = usage_later(h->renamed, e->when);
	return OK;
}

void
doctor_policy_history(struct checks *c)
{
	struct history h = {.renamed = INSTANT_NONE};
	char when[INSTANT_TEXT_MAX];
	enum error e = c->txn == NULL ? ERR_MISSING
				      : audit_table_each(c->txn, 0, history_take, &h);

	c->renamed = e == OK ? h.renamed : instant_now();
	if (e != OK || !h.applied || digest_equal(&h.then, &store_meta(c->txn)->digest))
		return;
	instant_print(h.when, when);
	findings_add(&c->findings, "policy-changed-here", "policy",
	    "%" PRIu64
	    " change%s made on this machine since a snapshot was applied at %s: the next snapshot takes them back",
	    h.changes, h.changes == 1 ? " was" : "s were", when);
	findings_fix(&c->findings,
	    "make them where snapshots are made; \"smtpauthctl audit list --since %s\" shows them",
	    when);
}
