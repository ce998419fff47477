/* SPDX-License-Identifier: BSD-2-Clause */
/* lock - the commands lock, unlock and locks */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/tables/lock_table.h"

/* Prints the locks of SUBJECT as `locks` does, or that its lock has ended. */
enum error lock_show(struct ctl *c, const struct lock_subject *subject) MUST_USE;

/* Whether the word of the command line stands for the logins of standard input. */
bool lock_is_input(const struct ctl *c);
