/* SPDX-License-Identifier: BSD-2-Clause */
/* lmdb_file - what must hold of a file before LMDB is let loose on it */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"

/*
 * OK for a regular file that starts like LMDB's; with MAY_CREATE also for none and
 * for an empty one. ERR_MISSING, ERR_PERMISSION, ERR_FORMAT, ERR_IO otherwise;
 * ERR_MACHINE for one of LMDB on a machine of another word size or byte order. LMDB
 * itself would divide by a page size of zero, and calls an empty file "bad file
 * descriptor". Opening the data file beside LMDB is harmless: its locks are on the
 * lock file.
 */
enum error lmdb_file_check(const char *path, bool may_create) MUST_USE;

/* The same of a file that is open for reading. */
enum error lmdb_file_check_open(int fd, bool may_create) MUST_USE;
