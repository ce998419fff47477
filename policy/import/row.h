/* SPDX-License-Identifier: BSD-2-Clause */
/* row - what one line of an import file says */
#ifndef POLICY_IMPORT_ROW_H
#define POLICY_IMPORT_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

enum row_type { ROW_SETTING, ROW_TENANT, ROW_MAILBOX, ROW_ALIAS, ROW_LOCK };

/* What the line says of a mailbox besides its smtp-auth; the rest is to be kept. */
enum {
	ROW_UNTIL = 0x01,
	ROW_CLIENTS = 0x02,
	ROW_NOTE = 0x04,
	ROW_ALL = 0x07,
};

/*
 * Names are as typed, and not looked at yet; all else is checked as far as it can be
 * without the database. Strings are borrowed until the next row is read.
 */
struct row {
	enum row_type type;
	const char
	    *name; /* setting's key, mailbox's address, alias's or lock's login */
	const char *value; /* setting's value, alias's mailbox, lock's tenant */
	unsigned says;     /* a set of the above */
	struct mailbox mailbox;
	struct tenant tenant; /* its name is in normal form */
	bool locked;          /* the line of a tenant or mailbox also says LOCK */
	struct lock lock;
	const char **domain;  /* of the tenant */
	size_t domains, room; /* ROOM belongs to whoever fills DOMAIN */
};

/*
 * A row of a type at its defaults, which says all; its list of domains is kept for use
 * again.
 */
void row_start(struct row *row, enum row_type type);

/*
 * Sets what KEY, a name of JSON Lines, says of a mailbox (address, smtp_auth, until,
 * note), a tenant (name and all of its words, times and texts) or a lock (login or
 * tenant, until, when, who, note); relative times count from NOW. ERR_NOTFOUND where a
 * string has no such key; ERR_DATA with WHY.
 */
enum error row_set_mailbox(struct row *row, const char *key, const char *value,
    instant now, struct error_text *why) MUST_USE;
enum error row_set_tenant(struct row *row, const char *key, const char *value,
    instant now, struct error_text *why) MUST_USE;
enum error row_set_lock(struct row *row, const char *key, const char *value,
    instant now, struct error_text *why) MUST_USE;

/*
 * Whether the fields of a mailbox fit each other, as "mailbox set" wants it: clients go
 * with enabled only, until not with inherit. ERR_DATA with WHY.
 */
enum error row_check_mailbox(const struct row *row, struct error_text *why) MUST_USE;

#endif
