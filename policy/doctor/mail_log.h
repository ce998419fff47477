/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_log - decisions for the logins in a mail log */
#pragma once

#include "policy/doctor/checks.h"

/*
 * Judges the logins in a mail log by the policy as it is now: FILE, "-" for standard
 * input, or NULL for the system's, if there is one. At most its last 16 MB and 10,000
 * different logins. ERR_MISSING, ERR_IO with WHY for a FILE that was named.
 */
enum error mail_log_check(
    struct checks *c, const char *file, struct error_text *why) MUST_USE;
