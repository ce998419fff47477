/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_filter - which entries of the audit log are wanted */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/model/tenant.h"

struct domain_change;

/* What --object, --tenant, --since, --until, --actor and --command ask for. */
struct audit_filter {
	struct ctl *c;
	instant since, until;             /* INSTANT_NONE: all */
	const char *actor;                /* NULL: all */
	const char *command;              /* NULL: all */
	char tenant[TENANT_NAME_MAX + 1]; /* "": all */
	const char *type;                 /* of the object, "mailbox"; NULL: any */
	unsigned names;                   /* of the object; 0: any, or no object */
	char name[4][OBJECT_NAME_MAX];
	struct domain_change *change; /* of the domains of `tenant`, in order */
	size_t changes, room;
};

/* Reads the options. Errors of bad ones, and of the log, with C's `why`. */
enum error audit_filter_open(struct audit_filter *f, struct ctl *c) MUST_USE;
void audit_filter_close(struct audit_filter *f);

/*
 * Whether the entry is wanted. An object is a tenant's by the domain that it is in, or
 * whose mailbox it is an alias of, as the domains were then.
 */
enum error audit_filter_wants(
    struct audit_filter *f, const struct audit_entry *e, bool *wanted_r) MUST_USE;
