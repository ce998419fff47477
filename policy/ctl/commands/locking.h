/* SPDX-License-Identifier: BSD-2-Clause */
/* locking - what the commands that lock and unlock have in common */
#ifndef POLICY_CTL_COMMANDS_LOCKING_H
#define POLICY_CTL_COMMANDS_LOCKING_H

#include "policy/ctl/frame/ctl.h"
#include "policy/tables/lock_table.h"

/* Makes the lock, or makes it anew, by --until and --note. */
enum error locking_make(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* Prints the locks of SUBJECT as `locks` does; where it has none, that it has ended. */
enum error locking_show(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* The lines on the locks of SUBJECT in a list of properties, for people. */
enum error locking_properties(
    struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* Ends it, wherever it was made. ERR_NOTFOUND with its line where there is none. */
enum error locking_end(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/*
 * Locks what the login on the command line stands for, whatever that is, into LOGIN_R:
 * of an alias, which is said, its mailbox. ERR_DATA for an invalid login.
 */
enum error locking_make_login(struct ctl *c, struct login *login_r) MUST_USE;

/*
 * Ends the locks that it has under its own names, LOGIN_R being what it stands for.
 * Says so if another lock still holds. ERR_NOTFOUND with its line where there is none.
 */
enum error locking_end_login(struct ctl *c, struct login *login_r) MUST_USE;

/* Says that its lock stays, if it has one: for what removes the rest. */
enum error locking_remark_stays(
    struct ctl *c, const struct lock_subject *subject) MUST_USE;

/*
 * Before DOMAIN is given to TENANT, or moved to it from another one: ERR_PROTECTED,
 * with C's `why`, where the tenant whose its logins are now is locked and TENANT is
 * not, or not for so long, unless --force is given.
 */
enum error locking_check_domain(
    struct ctl *c, const char *domain, const char *tenant, bool move) MUST_USE;

/*
 * After LOGIN has become an alias, or is none any more: the same, where WAS is the lock
 * of the tenant that it had before.
 */
enum error locking_check_alias(
    struct ctl *c, const struct login *login, const struct lock_state *was) MUST_USE;

/*
 * Before a domain of TENANT, or the whole tenant, is removed: ERR_PROTECTED, with C's
 * `why`, where it is locked, unless --force is given.
 */
enum error locking_check_removal(struct ctl *c, const char *tenant) MUST_USE;

/* After a change of a setting that says which login is whose: a lock may not follow. */
void locking_remark_identity(struct ctl *c);

#endif
