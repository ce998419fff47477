/* SPDX-License-Identifier: BSD-2-Clause */
/* object_text - a record of the policy as fields, and as words for people */
#pragma once

#include "policy/ctl/frame/print.h"
#include "policy/decision/overrule.h"
#include "policy/model/key.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

/*
 * "setting", "tenant", "domain", "mailbox", "alias", "lock" (of a login),
 * "tenant-lock"; NULL for a key of a table that nobody changes by name.
 */
const char *object_text_type(struct bytes key);

/* Its key, name, address or login, in NAME (OBJECT_NAME_MAX bytes). */
#define OBJECT_NAME_MAX (LOGIN_MAX + 1)
enum error object_text_name(struct bytes key, char *name) MUST_USE;

/*
 * The members of objects that several commands print; without those on the lock if LOCK
 * is NULL.
 */
void object_text_tenant(struct printer *p, const struct tenant *t,
    const struct lock_state *lock, instant now);
void object_text_mailbox(struct printer *p, const struct mailbox *m,
    const struct lock_state *lock, instant now);
void object_text_lock_members(struct printer *p, const struct lock *lock);

/* The causes of overrule.h, for people in words; T is the tenant, or NULL. */
void object_text_overruled(struct printer *p, unsigned causes, const struct tenant *t);

/* After the field KEY: people see that its time has come. */
void object_text_expired(
    struct printer *p, const char *key, instant until, instant now);

/*
 * The record as an object under KEY, null where VALUE has none (at is NULL). Nothing of
 * a damaged one is printed.
 */
enum error object_text_record(struct printer *p, const char *key, struct bytes record,
    struct bytes value) MUST_USE;

/*
 * What differs, as "smtp-auth=enabled -> smtp-auth=disabled note=...", in *TEXT_R,
 * which is for free() in any case; "-" for nothing. A record that is not there (at is
 * NULL) has no words.
 */
enum error object_text_change(char **text_r, struct bytes record, struct bytes before,
    struct bytes after) MUST_USE;

/* The lines of STEPS: an array for programs, indented lines for people. */
void object_text_steps(struct printer *p, const char *steps);
