/* SPDX-License-Identifier: BSD-2-Clause */
/* overruled - says what holds at present instead of a setting that was made */
#include "policy/ctl/commands/overruled.h"

#include "policy/ctl/frame/arguments.h"
#include "policy/decision/overrule.h"
#include "policy/tables/lock_table.h"
#include "policy/tables/ownership.h"

enum error
overruled_tenant(struct ctl *c, const struct tenant *t, unsigned *causes_r)
{
	struct lock_state lock = {.set = false};
	enum error e = lock_table_add_tenant(c->txn, t->name, &lock);

	*causes_r = overrule_tenant(
	    store_settings(c->txn), t, lock_holds(&lock, c->now), c->now);
	return e;
}

enum error
overruled_mailbox(struct ctl *c, const struct login *address, const struct mailbox *m,
    unsigned *causes_r)
{
	struct lock_state lock = {.set = false};
	struct tenant t;
	bool found = false;
	enum error e = OK;

	*causes_r = 0;
	if (store_meta(c->txn)->locks > 0) {
		e = lock_table_add_login(c->txn, address, &lock);
		if (e == OK)
			e = ownership_of_login(c->txn, address, &t, &found);
		if (e == OK && found)
			e = lock_table_add_tenant(c->txn, t.name, &lock);
	}
	if (e == OK)
		*causes_r = overrule_mailbox(
		    store_settings(c->txn), m, lock_holds(&lock, c->now), c->now);
	return e;
}

/* remark - none where nothing overrules it */
static void
remark(struct ctl *c, const char *what, const char *name, enum smtp_auth smtp_auth,
    unsigned causes, const struct tenant *t)
{
	char buf[OVERRULE_TEXT_MAX];
	struct text text;

	if (causes == 0)
		return;
	text_init(&text, buf, sizeof buf);
	overrule_describe(causes, t, &text);
	print_remark(c->err, "%s %s: smtp-auth %s is overruled at present: %s", what,
	    name, word_of_smtp_auth(smtp_auth), buf);
}

void
overruled_remark_setting(struct ctl *c, const char *key, const char *value)
{
	char buf[OVERRULE_TEXT_MAX];
	unsigned causes = overrule_setting(store_settings(c->txn), key);
	struct text text;

	if (causes == 0)
		return;
	text_init(&text, buf, sizeof buf);
	overrule_describe(causes, NULL, &text);
	print_remark(c->err, "%s %s is overruled at present: %s", key, value, buf);
}

enum error
overruled_remark_tenant(struct ctl *c, const struct tenant *t)
{
	unsigned causes;
	enum error e = overruled_tenant(c, t, &causes);

	if (e == OK)
		remark(c, "tenant", t->name, t->smtp_auth, causes, t);
	return e;
}

enum error
overruled_remark_mailbox(struct ctl *c, const struct login *address,
    const struct mailbox *before, const struct mailbox *m)
{
	const char *was = word_of_smtp_auth(before->smtp_auth);
	char when[INSTANT_TEXT_MAX];
	unsigned causes;
	enum error e = overruled_mailbox(c, address, m, &causes);

	if (e != OK)
		return e;
	if (before->until != INSTANT_NONE && m->until == INSTANT_NONE &&
	    argument_option(c, OPT_UNTIL) == NULL)
		print_remark(c->err, "mailbox %s: until %s ended with smtp-auth %s",
		    address->text, instant_print(before->until, when), was);
	if (before->clients.count > 0 && m->clients.count == 0 &&
	    argument_option(c, OPT_CLIENTS) == NULL)
		print_remark(c->err, "mailbox %s: clients ended with smtp-auth %s",
		    address->text, was);
	remark(c, "mailbox", address->text, m->smtp_auth, causes, NULL);
	return OK;
}
