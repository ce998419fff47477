/* SPDX-License-Identifier: BSD-2-Clause */
/* postfix_checks - mistakes about the milter in main.cf and master.cf */
#pragma once

#include "policy/doctor/checks.h"

/* Checks the Postfix of the configuration folder DIR; NULL: its own default. */
void postfix_checks(struct checks *c, const char *dir);
