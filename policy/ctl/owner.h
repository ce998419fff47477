/* SPDX-License-Identifier: BSD-2-Clause */
/* owner - work in the usage folder with the rights of its owner */
#ifndef CTL_OWNER_H
#define CTL_OWNER_H

#include <stdio.h>
#include <sys/types.h>

#include "policy/ctl/ctl.h"

/*
 * The usage folder is the daemon's: database, lock file and links there are what its
 * user made of them, and LMDB follows and writes. So a process of its own touches them,
 * which for root has the owner's rights, and what it says is checked like a stranger's
 * word.
 */
struct owner {
	FILE *from; /* what the process writes */
	pid_t pid;
};

/*
 * Starts a process that runs FN(C, ARG, TO) and ends. ERR_MISSING without the folder;
 * ERR_IO; with WHY in C.
 */
enum error owner_start(struct ctl *c, void (*fn)(struct ctl *c, void *arg, FILE *to),
    void *arg, struct owner *owner_r) MUST_USE;

/* Closes `from` and waits for the process. */
void owner_end(struct owner *owner);

#endif
