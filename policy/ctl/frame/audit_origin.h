/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_origin - who runs this command, for the audit log, and its head in the system's
 * log
 */
#ifndef POLICY_CTL_FRAME_AUDIT_ORIGIN_H
#define POLICY_CTL_FRAME_AUDIT_ORIGIN_H

#include "policy/ctl/frame/ctl.h"

/*
 * Fills in C's `log` (uid, login uid, --actor, COMMAND, a name of the table) and lets
 * each change of the transaction write its entry. ERR_DATA for a bad --actor.
 */
enum error audit_origin_start(struct ctl *c, const char *command) MUST_USE;

/*
 * The same for a command that begins its transactions itself: fills in LOG only.
 */
enum error audit_origin_origin(
    struct ctl *c, const char *command, struct audit_log *log) MUST_USE;

/*
 * The name under which the next changes go into the audit log, of a table row.
 * ERR_INTERNAL for a longer one than an entry holds.
 */
enum error audit_origin_name(struct ctl *c, const char *command) MUST_USE;

/* Tells syslog(3) the head that META has, after such a transaction is committed. */
void audit_origin_announce(const struct audit_log *log, const struct store_meta *meta);

/*
 * Commits C's transaction and tells syslog(3), facility authpriv, the new head of the
 * audit log if there is one: what was cut off or rewritten in the database can be
 * proven against that copy.
 */
enum error audit_origin_commit(struct ctl *c) MUST_USE;

#endif
