/* SPDX-License-Identifier: BSD-2-Clause */
/* writers - the file on which writers take turns */
#ifndef POLICY_WRITERS_H
#define POLICY_WRITERS_H

#include <stdbool.h>

#include "policy/error.h"

/* How long a writer waits for its turn. */
#define WRITERS_WAIT_SECONDS 10

/*
 * Takes the lock on PATH (created with mode 0600) before LMDB is opened for writing:
 * it has the time limit that LMDB's own lock lacks, and whoever holds it may replace
 * the database. Who waits is not overtaken again and again. Returns the descriptor to
 * close in FD_R; ERR_BUSY after SECONDS; ERR_PERMISSION; ERR_CREATE; with WHY.
 */
enum error writers_lock(
    const char *path, int seconds, int *fd_r, struct error_text *why) MUST_USE;

/*
 * For writers_at_work(): a descriptor to close, or -1 where the file is not there, or
 * not for this user.
 */
int writers_watch(const char *path);

/* Whether somebody has the turn; true where FD is -1 and nobody knows. */
bool writers_at_work(int fd);

#endif
