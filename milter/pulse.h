/* SPDX-License-Identifier: BSD-2-Clause */
/* pulse - writes the daemon's heartbeat */
#ifndef MILTER_PULSE_H
#define MILTER_PULSE_H

#include "policy/config.h"
#include "policy/keeper.h"

/*
 * Starts a thread that writes the heartbeat now, every `usage-flush` seconds, and when
 * the policy database becomes good or bad. A usage database that cannot be written is
 * logged, tried again, and changes nothing else. Both are borrowed until the process
 * ends. ERR_MEMORY.
 */
enum error pulse_start(const struct config *config, struct keeper *keeper) MUST_USE;

#endif
