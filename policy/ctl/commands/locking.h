/* SPDX-License-Identifier: BSD-2-Clause */
/* locking - locks and unlocks tenants and logins, and guards locks against changes */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/tables/lock_table.h"

/* Locks SUBJECT, by --until and --note; replaces a lock that was made here. */
enum error locking_make(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* Prints the locks of SUBJECT as properties, for people. */
enum error locking_properties(
    struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* Ends the locks of SUBJECT, wherever they were made. ERR_NOTFOUND: it has none. */
enum error locking_end(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/*
 * Locks the login that was TYPED, and what it stands for, which is in LOGIN_R
 * then: the mailbox of an alias, with a remark. ERR_DATA for an invalid login.
 */
enum error locking_make_login(
    struct ctl *c, const char *typed, struct login *login_r) MUST_USE;

/*
 * Ends its locks in the same way; a remark tells if another lock still holds.
 * ERR_NOTFOUND: it has none.
 */
enum error locking_end_login(
    struct ctl *c, const char *typed, struct login *login_r) MUST_USE;

/* Remarks that SUBJECT, which was removed, keeps its lock, if it has one. */
enum error locking_remark_stays(
    struct ctl *c, const struct lock_subject *subject) MUST_USE;

/*
 * Before DOMAIN is given to TENANT, or moved to it. Without --force ERR_PROTECTED if
 * the tenant that its logins have now is locked and TENANT is not, or not for so long.
 */
enum error locking_check_domain(
    struct ctl *c, const char *domain, const char *tenant, bool move) MUST_USE;

/* The locks that hold a login: that of its tenant, and those of itself and mailbox. */
struct login_locks {
	struct lock_state tenant, own;
};

enum error locking_read(
    struct ctl *c, const struct login *login, struct login_locks *out_r) MUST_USE;

/*
 * The same after LOGIN has become an alias or is no longer one; WAS is what held it
 * before.
 */
enum error locking_check_alias(
    struct ctl *c, const struct login *login, const struct login_locks *was) MUST_USE;

/*
 * Before a domain of TENANT, or the tenant, is removed. Without --force ERR_PROTECTED
 * if it is locked.
 */
enum error locking_check_removal(struct ctl *c, const char *tenant) MUST_USE;

/* A warning after a change of a setting on which the owner of a login depends. */
void locking_remark_identity(struct ctl *c);
