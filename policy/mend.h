/* SPDX-License-Identifier: BSD-2-Clause */
/* mend - owners and modes of a policy that is there */
#ifndef POLICY_MEND_H
#define POLICY_MEND_H

#include "policy/error.h"

/*
 * Mends owner, group and mode of the policy's files in DIR, so far as they are there
 * and this user may: DIR's group where it may read, and as root, in a DIR of root's,
 * root itself. Links are not followed. ERR_PERMISSION, ERR_IO, with WHY.
 */
enum error mend_files(const char *dir, struct error_text *why) MUST_USE;

#endif
