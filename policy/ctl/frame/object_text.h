/* SPDX-License-Identifier: BSD-2-Clause */
/* object_text - a record of the policy as JSON for programs and as words for people */
#ifndef POLICY_CTL_FRAME_OBJECT_TEXT_H
#define POLICY_CTL_FRAME_OBJECT_TEXT_H

#include "policy/ctl/frame/print.h"
#include "policy/model/key.h"
#include "policy/model/lock.h"
#include "policy/model/mailbox.h"
#include "policy/model/tenant.h"

/*
 * "setting", "tenant", "domain", "mailbox", "alias", and of a lock "lock" for that of a
 * login, "tenant-lock"; NULL for a key of a table that nobody changes by name.
 */
const char *object_text_type(struct bytes key);

/* What it is called: a key, a name, an address or a login, in NAME (OBJECT_NAME_MAX).
 */
#define OBJECT_NAME_MAX (LOGIN_MAX + 1)
enum error object_text_name(struct bytes key, char *name) MUST_USE;

/*
 * The members of objects that several commands print. LOCK may be NULL: then they say
 * nothing of it.
 */
void object_text_tenant(struct printer *p, const struct tenant *t,
    const struct lock_state *lock, instant now);
void object_text_mailbox(struct printer *p, const struct mailbox *m,
    const struct lock_state *lock, instant now);
void object_text_lock_members(struct printer *p, const struct lock *lock);

/* After the field KEY: for people, that the time has come. */
void object_text_expired(
    struct printer *p, const char *key, instant until, instant now);

/* The record as an object under KEY, null where VALUE has none (at is NULL). */
enum error object_text_record(struct printer *p, const char *key, struct bytes record,
    struct bytes value) MUST_USE;

/*
 * "smtp-auth=enabled -> smtp-auth=disabled note=...": what differs, in *TEXT_R, which
 * is for free() in any case; "-" is a side without any. A record that is not there (at
 * is NULL) has no words.
 */
enum error object_text_change(char **text_r, struct bytes record, struct bytes before,
    struct bytes after) MUST_USE;

#endif
