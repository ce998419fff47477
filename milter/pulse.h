/* SPDX-License-Identifier: BSD-2-Clause */
/* pulse - writes the daemon's heartbeat, and its metrics */
#ifndef MILTER_PULSE_H
#define MILTER_PULSE_H

#include "policy/config.h"
#include "policy/keeper.h"

/*
 * Starts a thread that writes the heartbeat and the metrics-file now, every
 * `usage-flush` seconds, and when the policy database becomes good or bad. A usage
 * database or a metrics-file that cannot be written is logged, tried again, and changes
 * nothing else. Both are borrowed until the process ends. The last metrics, at the end,
 * are for the caller to write: metrics_file_write(). ERR_MEMORY.
 */
enum error pulse_start(const struct config *config, struct keeper *keeper) MUST_USE;

#endif
