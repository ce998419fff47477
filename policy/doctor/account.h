/* SPDX-License-Identifier: BSD-2-Clause */
/* account - access of a user to a file, by owners and modes */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/error.h"

#define ACCOUNT_GROUPS_MAX 256

/* A user with all groups. */
struct account {
	char name[65];
	uid_t uid;
	gid_t group[ACCOUNT_GROUPS_MAX];
	int groups;
};

/* Fills OUT; false if there is no such user. */
bool account_find(const char *name, struct account *out);

bool account_in_group(const struct account *account, gid_t group);

/*
 * Whether the account may open PATH with MODE (a sum of R_OK, W_OK, X_OK): all
 * folders above it that begin with ROOT ("" for all of them) let it pass, and the
 * file's own mode allows it. ERR_MISSING, or ERR_PERMISSION with the folder or file
 * that refuses in WHY. Access lists and security modules are not seen. Root may do
 * everything.
 */
enum error account_may(const struct account *account, const char *root,
    const char *path, int mode, struct error_text *why) MUST_USE;
