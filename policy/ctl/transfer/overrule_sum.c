/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule_sum - what overrules, at present, the settings that many changes make */
#include "policy/ctl/transfer/overrule_sum.h"

#include <string.h>

#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"

void
overrule_sum_start(struct overrule_sum *o, instant now)
{
	memset(o, 0, sizeof *o);
	o->now = now;
	settings_init(&o->none);
}

/* overrule_sum_first - what the line names, for one example */
static void
overrule_sum_first(struct overrule_sum *o, const char *type, const char *name)
{
	if (o->first[0] == '\0')
		snprintf(o->first, sizeof o->first, "%s %s", type, name);
}

static enum error __attribute__((noinline)) /* a large frame */
overrule_sum_mailbox(struct overrule_sum *o, struct store_txn *txn, struct bytes key,
    const struct mailbox *m)
{
	struct lock_state lock = {.set = false};
	char tenant[TENANT_NAME_MAX + 1] = "";
	bool locked, denies = m->smtp_auth == SMTP_AUTH_DISABLED;
	struct login address;
	unsigned causes;
	enum error e = key_to_login(key, &address);

	if (e == OK && store_meta(txn)->locks > 0) {
		e = lock_table_add_login(txn, &address, &lock);
		if (e == OK)
			e = ownership_of_domain(txn, login_domain(&address), tenant);
		if (e == OK && tenant[0] != '\0')
			e = lock_table_add_tenant(txn, tenant, &lock);
	}
	if (e != OK)
		return e;
	locked = lock_holds(&lock, o->now);
	causes = overrule_mailbox(&o->none, m, locked, o->now);
	denies = denies && causes == 0 && !locked;
	if (causes != 0 || denies)
		overrule_sum_first(o, "mailbox", address.text);
	o->causes |= causes;
	o->mailbox = o->mailbox || denies;
	return OK;
}

static enum error
overrule_sum_tenant(struct overrule_sum *o, struct store_txn *txn, struct bytes key,
    const struct tenant *t)
{
	struct lock_state lock = {.set = false};
	char name[TENANT_NAME_MAX + 1];
	unsigned causes;
	bool locked, denies;
	enum error e = key_to_tenant(key, 1, name);

	if (e == OK)
		e = lock_table_add_tenant(txn, name, &lock);
	if (e != OK)
		return e;
	locked = lock_holds(&lock, o->now);
	causes = overrule_tenant(&o->none, t, locked, o->now);
	denies = t->smtp_auth == SMTP_AUTH_DISABLED && !locked;
	if (causes != 0 || denies)
		overrule_sum_first(o, "tenant", name);
	o->causes |= causes;
	o->tenant = o->tenant || denies;
	o->tenant_by_default =
	    o->tenant_by_default || (denies && t->action == ACTION_DEFAULT);
	return OK;
}

enum error
overrule_sum_note(
    struct overrule_sum *o, struct store_txn *txn, struct bytes key, struct bytes after)
{
	uint8_t table = *(const uint8_t *)key.at;
	struct mailbox m;
	struct tenant t;
	enum error e = OK;

	if (after.at == NULL)
		return OK;
	if (table == TABLE_MAILBOX) {
		e = mailbox_decode(after, &m);
		return e == OK ? overrule_sum_mailbox(o, txn, key, &m) : e;
	}
	if (table == TABLE_TENANT) {
		e = tenant_decode(after, &t);
		return e == OK ? overrule_sum_tenant(o, txn, key, &t) : e;
	}
	return OK;
}

unsigned
overrule_sum_causes(const struct overrule_sum *o, const struct settings *s)
{
	unsigned causes = o->causes;
	struct mailbox m;
	struct tenant t;

	mailbox_init(&m);
	m.smtp_auth = SMTP_AUTH_DISABLED;
	tenant_init(&t);
	t.smtp_auth = SMTP_AUTH_DISABLED;
	t.action = o->tenant_by_default ? ACTION_DEFAULT : ACTION_REJECT;
	if (o->mailbox)
		causes |= overrule_mailbox(s, &m, false, o->now);
	if (o->tenant)
		causes |= overrule_tenant(s, &t, false, o->now);
	return causes;
}

void
overrule_sum_remark(const struct overrule_sum *o, unsigned causes, FILE *err)
{
	char buf[OVERRULE_TEXT_MAX];
	struct text text;

	if (causes == 0)
		return;
	text_init(&text, buf, sizeof buf);
	overrule_describe(causes, NULL, &text);
	print_remark(err,
	    "smtp-auth of what is set, %s among it, is overruled at present: %s",
	    o->first, buf);
}
