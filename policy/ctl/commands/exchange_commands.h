/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_commands - what Exchange's commands do to our policy */
#ifndef POLICY_CTL_COMMANDS_EXCHANGE_COMMANDS_H
#define POLICY_CTL_COMMANDS_EXCHANGE_COMMANDS_H

#include "policy/ctl/frame/ctl.h"
#include "policy/exchange/exchange.h"

/*
 * Runs one command in C's transaction; what Get-... tells goes to C's `out`. Errors
 * with their line in C's `why`: ERR_USAGE, ERR_DATA, ERR_NOTFOUND and ERR_CONFLICT are
 * about the command, others about the database.
 */
enum error exchange_commands_run(struct ctl *c, const struct exchange *x) MUST_USE;

#endif
