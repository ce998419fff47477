/* SPDX-License-Identifier: BSD-2-Clause */
/* network_fs - whether a folder is on another machine */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"

/*
 * ERR_NETWORK_FS when DIR is on a network file system, where memory maps and locks do
 * not hold across machines; an error of statfs(2). OK where the system does not tell.
 */
enum error network_fs_check(const char *dir) MUST_USE;

/* Whether the f_type of Linux's statfs(2) is that of a network file system. */
bool network_fs_type(unsigned long type);
