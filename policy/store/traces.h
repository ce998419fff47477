/* SPDX-License-Identifier: BSD-2-Clause */
/* traces - what a policy leaves in the state folder, beside its database */
#ifndef POLICY_STORE_TRACES_H
#define POLICY_STORE_TRACES_H

#include <stdbool.h>

#include "policy/base/error.h"

/*
 * Whether a policy is or has been in the state folder DIR: a file of one or
 * the usage folder is there. Where that cannot be told, it has been.
 */
bool traces_found(const char *dir);

/*
 * ERR_MISSING, with what to do about the policy database that is not in DIR, at PATH,
 * in WHY: a lost policy is restored, the first one is made by init.
 */
enum error traces_missing(
    const char *dir, const char *path, struct error_text *why) MUST_USE;

#endif
