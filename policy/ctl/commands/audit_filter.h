/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_filter - which entries of the audit log somebody wants to see */
#ifndef POLICY_CTL_COMMANDS_AUDIT_FILTER_H
#define POLICY_CTL_COMMANDS_AUDIT_FILTER_H

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/frame/object_text.h"

struct audit_filter {
	instant since;     /* INSTANT_NONE: all */
	const char *actor; /* NULL: all */
	const char *type;  /* of the object, "mailbox"; NULL: any */
	unsigned names;    /* what the object may be called; 0: any object, or none */
	char name[4][OBJECT_NAME_MAX];
};

/* Reads --since, --actor and --object. ERR_DATA. */
enum error audit_filter_read(struct audit_filter *f, struct ctl *c) MUST_USE;

bool audit_filter_wants(const struct audit_filter *f, const struct audit_entry *e);

#endif
