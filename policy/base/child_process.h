/* SPDX-License-Identifier: BSD-2-Clause */
/* child_process - runs a program of the system and reads what it prints */
#ifndef POLICY_BASE_CHILD_PROCESS_H
#define POLICY_BASE_CHILD_PROCESS_H

#include "policy/base/error.h"

#define PROGRAM_OUTPUT_MAX (4u << 20)

/*
 * Runs ARGV (ended by NULL; found on PATH, with /usr/sbin, /sbin and /usr/local/sbin
 * behind it) without a shell, its standard error thrown away. OUT_R is its standard
 * output and a NUL, to be freed. ERR_MISSING: there is no such program; ERR_NOTFOUND:
 * it failed, OUT_R is NULL; ERR_BUSY: it did not end within 20 s; ERR_LIMIT: more than
 * PROGRAM_OUTPUT_MAX; ERR_MEMORY, ERR_IO.
 */
enum error child_process_read(const char *const *argv, char **out_r) MUST_USE;

#endif
