/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges - the limits and the user of a daemon */
#pragma once

#include "policy/base/error.h"
#include "policy/config/config.h"

#define PRIVILEGES_FILES_MIN 4096

/*
 * Raises the limit on open files to its hard limit. ERR_CONFLICT when that is below
 * PRIVILEGES_FILES_MIN: without descriptors libmilter's accept loop spins.
 */
enum error privileges_raise_files(struct error_text *why) MUST_USE;

/* If root, becomes USER for good. ERR_CONFIG for an unknown user; with WHY. */
enum error privileges_become(const char *user, struct error_text *why) MUST_USE;
