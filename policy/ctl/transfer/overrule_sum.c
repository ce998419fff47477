/* SPDX-License-Identifier: BSD-2-Clause */
/* overrule_sum - what overrules, at present, the settings that many changes make */
#include "policy/ctl/transfer/overrule_sum.h"

#include <stdlib.h>
#include <string.h>

#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"

_Static_assert(
    OVERRULE_LAST == OVERRULE_FIRST << (OVERRULE_SUM_CAUSES - 1), "one for each cause");

void
overrule_sum_start(struct overrule_sum *o, instant now)
{
	memset(o, 0, sizeof *o);
	o->now = now;
	settings_init(&o->none);
}

/* example_set - the first one stays */
static void
example_set(struct overrule_example *example, const char *type, const char *name)
{
	if (example->text[0] == '\0')
		snprintf(example->text, sizeof example->text, "%s%s", type, name);
}

/* overrule_sum_add - an example for each of these causes */
static void
overrule_sum_add(
    struct overrule_sum *o, unsigned causes, const char *type, const char *name)
{
	for (int i = 0; i < OVERRULE_SUM_CAUSES; i++)
		if (causes & (unsigned)OVERRULE_FIRST << i)
			example_set(&o->example[i], type, name);
}

static enum error __attribute__((noinline)) /* a large frame */
overrule_sum_mailbox(struct overrule_sum *o, struct store_txn *txn, struct bytes key,
    const struct mailbox *m)
{
	struct lock_state lock = {.set = false};
	char tenant[TENANT_NAME_MAX + 1] = "";
	struct login address;
	unsigned causes;
	bool locked;
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
	overrule_sum_add(o, causes, "mailbox ", address.text);
	if (m->smtp_auth == SMTP_AUTH_DISABLED && causes == 0 && !locked)
		example_set(&o->mailbox, "mailbox ", address.text);
	return OK;
}

static enum error
overrule_sum_tenant(struct overrule_sum *o, struct store_txn *txn, struct bytes key,
    const struct tenant *t)
{
	struct lock_state lock = {.set = false};
	char name[TENANT_NAME_MAX + 1];
	bool locked;
	enum error e = key_to_tenant(key, 1, name);

	if (e == OK)
		e = lock_table_add_tenant(txn, name, &lock);
	if (e != OK)
		return e;
	locked = lock_holds(&lock, o->now);
	overrule_sum_add(
	    o, overrule_tenant(&o->none, t, locked, o->now), "tenant ", name);
	if (t->smtp_auth != SMTP_AUTH_DISABLED || locked)
		return OK;
	example_set(&o->tenant, "tenant ", name);
	if (t->action == ACTION_DEFAULT)
		example_set(&o->by_default, "tenant ", name);
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

/* overrule_sum_add_tenant - with an action, where EXAMPLE is one that is disabled */
static void
overrule_sum_add_tenant(struct overrule_sum *o, const struct settings *s,
    enum action action, const struct overrule_example *example)
{
	struct tenant t;

	tenant_init(&t);
	t.smtp_auth = SMTP_AUTH_DISABLED;
	t.action = action;
	if (example->text[0] != '\0')
		overrule_sum_add(
		    o, overrule_tenant(s, &t, false, o->now), "", example->text);
}

unsigned
overrule_sum_causes(struct overrule_sum *o, const struct settings *s)
{
	unsigned causes = 0;
	struct mailbox m;

	mailbox_init(&m);
	m.smtp_auth = SMTP_AUTH_DISABLED;
	overrule_sum_add_tenant(o, s, ACTION_REJECT, &o->tenant);
	overrule_sum_add_tenant(o, s, ACTION_DEFAULT, &o->by_default);
	if (o->mailbox.text[0] != '\0')
		overrule_sum_add(
		    o, overrule_mailbox(s, &m, false, o->now), "", o->mailbox.text);
	for (int i = 0; i < OVERRULE_SUM_CAUSES; i++)
		if (o->example[i].text[0] != '\0')
			causes |= (unsigned)OVERRULE_FIRST << i;
	return causes;
}

void
overrule_sum_remark(const struct overrule_sum *o, unsigned causes, FILE *err)
{
	char buf[OVERRULE_TEXT_MAX + OVERRULE_SUM_CAUSES * sizeof o->example[0]];
	struct text text;

	if (causes == 0)
		return;
	text_init(&text, buf, sizeof buf);
	for (int i = 0; i < OVERRULE_SUM_CAUSES; i++) {
		if (o->example[i].text[0] == '\0')
			continue;
		text_puts(&text, text.len > 0 ? ", " : "");
		overrule_describe((unsigned)OVERRULE_FIRST << i, NULL, &text);
		text_printf(&text, " (such as %s)", o->example[i].text);
	}
	print_remark(err, "smtp-auth of what is set is overruled at present: %s", buf);
}
