/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_handle - the usage database, kept open to write until its files are replaced */
#pragma once

#include <sys/types.h>

#include "policy/base/error.h"
#include "policy/db/db.h"

/* All zero before it is opened. */
struct usage_handle {
	struct db *db; /* or NULL */
	dev_t lock_dev;
	ino_t lock_ino; /* of LMDB's lock file when it was opened */
};

/*
 * Opens the database of the state folder DIR unless it is open, and its files are
 * still those in the folder and intact. Errors as usage_database_open() with CREATE.
 */
enum error usage_handle_open(
    struct usage_handle *h, const char *dir, struct error_text *why) MUST_USE;

void usage_handle_close(struct usage_handle *h);
