/* SPDX-License-Identifier: BSD-2-Clause */
/* row - what one line of an import file says */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

enum row_type { ROW_SETTING, ROW_TENANT, ROW_MAILBOX, ROW_ALIAS, ROW_LOCK };

/* What the line says of a mailbox besides its smtp-auth; the rest is kept. */
enum {
	ROW_UNTIL = 0x01,
	ROW_CLIENTS = 0x02,
	ROW_NOTE = 0x04,
	ROW_ALL = 0x07,
};

/*
 * Names are as typed and not looked up yet; all else is checked as far as it can be
 * without the database. Strings are borrowed until the next row is read.
 */
struct row {
	enum row_type type;
	uint64_t line; /* where it begins */
	const char
	    *name; /* setting's key, mailbox's address, alias's or lock's login */
	const char *value; /* setting's value, alias's mailbox, lock's tenant */
	unsigned says;     /* a set of the above */
	struct mailbox mailbox;
	struct tenant tenant; /* its name is in normal form */
	bool locked;          /* the line of a tenant or mailbox also says LOCK */
	struct lock lock;
	const char **domain;  /* of the tenant */
	size_t domains, room; /* ROOM belongs to the reader that fills DOMAIN */
};

/* A member of a row whose value is a string, by its name in JSON Lines. */
struct row_field;

/* Resets ROW to the defaults of a type; LINE and the memory of DOMAIN are kept. */
void row_start(struct row *row, enum row_type type);

/* NULL where a row of that type has no such string. */
const struct row_field *row_field_find(enum row_type type, const char *key);

/* Sets the field; relative times count from NOW. ERR_DATA with WHY. */
enum error row_set(struct row *row, const struct row_field *field, const char *value,
    instant now, struct error_text *why) MUST_USE;

/*
 * Whether the fields of a mailbox agree, as "mailbox set" requires: clients need
 * enabled, until does not go with inherit. ERR_DATA with WHY.
 */
enum error row_check_mailbox(const struct row *row, struct error_text *why) MUST_USE;
