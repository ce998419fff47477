/* SPDX-License-Identifier: BSD-2-Clause */
/* dovecot_run - what runs of Dovecot, beside what its configuration says */
#pragma once

#include "policy/doctor/door/door.h"

/*
 * Checks that refusals do not count as wrong passwords of an address, and that the
 * processes of the Dovecot in BASE_DIR are younger than its configuration.
 */
void dovecot_run_check(struct door *d, const char *base_dir);
