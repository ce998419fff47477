/* SPDX-License-Identifier: BSD-2-Clause */
/* undo_check - whether entries of the audit log may be undone, and what that would open
 */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/history/undo_entry.h"
#include "policy/transfer/lock_guard.h"

struct moved_domain;

struct undo_check {
	struct ctl *c;
	uint64_t first, last;    /* the range */
	struct undo_entry entry; /* that is looked at */
	struct lock_guard guard;
	struct settings before;
	bool opens;   /* something that is guarded was put back */
	bool exempts; /* a setting was */
	bool ends_lock;
	char cause[300]; /* why it needs --force; "" */
	struct moved_domain
	    *moved; /* domains that changed hands outside of the range */
	size_t moves, room;
};

/* Before the first change, all zero but the range. From then on changes are noted. */
enum error undo_check_start(struct undo_check *check, struct ctl *c) MUST_USE;

/* Before the record of U is put back; errors with C's `why`. */
enum error undo_check_before(
    struct undo_check *check, const struct undo_entry *u) MUST_USE;

/*
 * After the last change. ERR_CONFLICT where the records do not fit together, or where a
 * mailbox or alias would come back into a domain that is another tenant's now;
 * ERR_PROTECTED, without --force, where logins would pass by anything but their own
 * setting, or would leave a lock.
 */
enum error undo_check_after(struct undo_check *check) MUST_USE;

void undo_check_end(struct undo_check *check);
