/* SPDX-License-Identifier: BSD-2-Clause */
/* object_text - a record of the policy as JSON for programs and as words for people */
#ifndef POLICY_CTL_FRAME_OBJECT_TEXT_H
#define POLICY_CTL_FRAME_OBJECT_TEXT_H

#include "policy/base/json.h"
#include "policy/base/text.h"
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

/* Members of objects that several commands print. */
/* LOCK may be NULL: then they say nothing of it. */
void json_tenant_members(
    struct json *j, const struct tenant *t, const struct lock_state *lock);
void json_mailbox_members(
    struct json *j, const struct mailbox *m, const struct lock_state *lock);
void json_lock_members(struct json *j, const struct lock *lock);

/* A member KEY: the record as an object, null where VALUE has none (at is NULL). */
enum error object_text_json(
    struct json *j, const char *key, struct bytes record, struct bytes value) MUST_USE;

/* Appends "smtp-auth=enabled until=..." to T: all that is set, in one line. */
#define OBJECT_WORDS_MAX 16384
enum error object_text_words(
    struct text *t, struct bytes record, struct bytes value) MUST_USE;

/*
 * Appends "smtp-auth=enabled -> smtp-auth=disabled note=..." to T, of 2 *
 * OBJECT_WORDS_MAX bytes: what differs; "-" is a side without any. A record that is not
 * there (at is NULL) has no words.
 */
enum error object_text_change(struct text *t, struct bytes record, struct bytes before,
    struct bytes after) MUST_USE;

#endif
