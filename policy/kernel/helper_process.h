/* SPDX-License-Identifier: BSD-2-Clause */
/* helper_process - a forked process that inherits little and ends with its parent */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Closes all descriptors from FIRST on. */
void helper_process_close_from(int first);

/*
 * To be called after a change of the user, which undoes it: this process ends with its
 * PARENT and gains no rights by what it executes. Where the system cannot see to that,
 * it ends when it writes to its pipe. False: the parent has ended already, or the
 * system refuses.
 */
bool helper_process_tie(pid_t parent);
