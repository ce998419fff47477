/* SPDX-License-Identifier: BSD-2-Clause */
/* state_dir - the state folder */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/error.h"

/* The user and group that the daemon runs as. */
#define STATE_DIR_ACCOUNT "smtpauth"

/* The folder in DIR that is the daemon's. */
#define STATE_DIR_USAGE "usage"

/*
 * Sets MODE on the file NAME of DIR, and its group to DIR's if MODE lets a group read;
 * root also takes it if DIR is root's. Leaves a file alone that is missing, not ours,
 * or has a second name, and so may be somebody else's, unless root alone can write in
 * DIR. Follows no links. ERR_PERMISSION, ERR_IO, with WHY.
 */
enum error state_dir_give(
    const char *dir, const char *name, mode_t mode, struct error_text *why) MUST_USE;

/* Makes DIR alone, as state_dir_create() does. */
enum error state_dir_make(const char *dir, struct error_text *why) MUST_USE;

/*
 * Makes DIR (mode 0750) and DIR/usage (mode 0700) if they are missing. Root gives a DIR
 * of root's group to group smtpauth, if there is one, and the usage folder to that user
 * and DIR's group. An existing DIR keeps its mode, owner, and any other group. Can be
 * repeated, to mend what was made before the user existed. ERR_CREATE, ERR_PERMISSION,
 * ERR_FULL, with WHY.
 */
enum error state_dir_create(const char *dir, struct error_text *why) MUST_USE;

/* DIR/NAME into PATH (PATH_MAX bytes). ERR_LIMIT with WHY if it is too long. */
enum error state_dir_path(
    char *path, const char *dir, const char *name, struct error_text *why) MUST_USE;

/*
 * Whether a policy is or has been in DIR: one of its files or the usage folder is
 * there, or that cannot be told.
 */
bool state_dir_has_policy(const char *dir);

/*
 * ERR_MISSING for the policy database at PATH, which is not in DIR. WHY says what to
 * do: a lost policy is restored, the first one is made by init.
 */
enum error state_dir_missing(
    const char *dir, const char *path, struct error_text *why) MUST_USE;
