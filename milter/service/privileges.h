/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges - the limits and the user of a daemon */
#ifndef MILTER_SERVICE_PRIVILEGES_H
#define MILTER_SERVICE_PRIVILEGES_H

#include "policy/base/error.h"
#include "policy/config/config.h"

/* Descriptors below which the daemon does not start. */
#define PRIVILEGES_FILES_MIN 4096

/*
 * Raises the limit on open files to its hard limit. ERR_CONFLICT when that is below
 * PRIVILEGES_FILES_MIN: without descriptors libmilter's accept loop spins.
 */
enum error privileges_raise_files(struct error_text *why) MUST_USE;

/*
 * Becomes the user for good: supplementary groups, group, user, in that order. Only
 * root can; others stay who they are. ERR_CONFIG for an unknown user.
 */
enum error privileges_become(const char *user, struct error_text *why) MUST_USE;

#endif
