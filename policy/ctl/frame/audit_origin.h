/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_origin - who runs a command, for the audit log, and the log's head in syslog */
#pragma once

#include "policy/ctl/frame/ctl.h"

/*
 * Fills in LOG: uid, login uid, --actor, and COMMAND, a name of the command table.
 * ERR_DATA for a bad --actor.
 */
enum error audit_origin_read(
    struct ctl *c, const char *command, struct audit_log *log) MUST_USE;

/* Another COMMAND for the next entries. ERR_INTERNAL: longer than an entry holds. */
enum error audit_origin_name(struct audit_log *log, const char *command) MUST_USE;

/* Tells syslog(3) the head in META, after a commit of new entries. */
void audit_origin_announce(const struct audit_log *log, const struct store_meta *meta);

/*
 * Commits C's transaction and tells syslog(3), facility authpriv, the new head of the
 * audit log if there is one: that copy proves later what was cut off or rewritten in
 * the database.
 */
enum error audit_origin_commit(struct ctl *c) MUST_USE;
