/* SPDX-License-Identifier: BSD-2-Clause */
/* exception_guard - whether a change would end many of a tenant's exceptions */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/tables/ownership.h"

struct exceptions;

/*
 * A mailbox's own setting is an exception. It ends where the mailbox has none any more,
 * if it was in force and the tenant says the contrary.
 */
struct exception_guard {
	struct store_txn *txn;
	instant now;
	bool idle;     /* there are none that could end */
	void *tenants; /* tsearch(3)'s tree of all below */
	struct exceptions *first;
	struct ownership owner;
};

void exception_guard_start(
    struct exception_guard *g, struct store_txn *txn, instant now);

/*
 * For the watcher of the change, of any record. A mailbox whose domain is nobody's
 * after the change does not count. Errors of the store, ERR_MEMORY.
 */
enum error exception_guard_note(struct exception_guard *g, struct bytes key,
    struct bytes before, struct bytes after) MUST_USE;

/*
 * After the change: ERR_PROTECTED, with one tenant in WHY, where over a fifth of the
 * exceptions that it had have ended. Errors of the store.
 */
enum error exception_guard_check(
    const struct exception_guard *g, struct error_text *why) MUST_USE;

void exception_guard_end(struct exception_guard *g);
