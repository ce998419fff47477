/* SPDX-License-Identifier: BSD-2-Clause */
/* pam_checks - mistakes about pam_smtpauth, and the saslauthd that uses it */
#pragma once

#include "policy/doctor/door/door.h"
#include "policy/doctor/door/pam_stack.h"
#include "policy/doctor/door/saslauthd.h"

/*
 * Checks the PAM service "smtp" of FOLDER, if pam_smtpauth is in it, and how saslauthd
 * runs, or is to by the file DEFAULTS. Not using it is no finding, unless another file
 * of FOLDER, which nobody asks for SMTP, has it.
 */
void pam_checks(struct door *d, const char *folder, const char *defaults);
