/* SPDX-License-Identifier: BSD-2-Clause */
/* transaction - begins what a command runs in, by its row of the table */
#include "policy/ctl/frame/transaction.h"

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/tables/verify.h"

/* Some 20 ms to verify. */
#define VERIFY_RECORDS_MAX 100000

bool
transaction_writes(const struct ctl *c)
{
	return (c->command->needs & NEED_TURN) &&
	    argument_option(c, OPT_DRY_RUN) == NULL;
}

enum error
transaction_begin(struct ctl *c)
{
	unsigned needs = c->command->needs;
	bool turn = transaction_writes(c) || (needs & NEED_TURN_ALWAYS);
	enum error e =
	    store_open(&c->store, c->dir, turn ? STORE_WRITE : STORE_READ, &c->why);

	if (e == OK && c->spared)
		store_spare(c->store);
	if (e == OK && (needs & NEED_TXN)) {
		e = store_begin(c->store, &c->txn);
		if (e != OK)
			return store_about(&c->why, e, c->store);
	}
	if (e == OK && turn)
		e = audit_origin_read(c, c->command->name, &c->log);
	if (e == OK && turn)
		audit_table_watch(c->txn, &c->log);
	return e;
}

enum error
transaction_check(struct ctl *c, enum error e)
{
	enum error whole = c->txn != NULL ? store_check(c->txn) : OK;

	return whole == OK ? e : store_about(&c->why, whole, c->store);
}

enum error
transaction_walked(struct ctl *c, uint64_t walked, uint64_t counted)
{
	if (walked == counted)
		return OK;
	return error_set(&c->why, ERR_DAMAGED,
	    "the database is damaged: %llu records found, %llu counted; see \"smtpauthctl verify\"",
	    (unsigned long long)walked, (unsigned long long)counted);
}

enum error
transaction_verify(struct ctl *c, bool *verified_r)
{
	const struct store_meta *m = store_meta(c->txn);

	*verified_r =
	    m->tenants + m->domains + m->mailboxes + m->aliases <= VERIFY_RECORDS_MAX;
	return *verified_r ? verify_store(c->store, NULL, &c->why) : OK;
}
