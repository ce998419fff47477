/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include "policy/ctl/ctl.h"
#include "policy/heartbeat.h"

/*
 * Whether a daemon runs: the one that listens on SOCKET, or, where that is NULL, the
 * one with the latest beat. A usage database that cannot be read is a warning on
 * standard error. For root another process reads it, with the rights of the folder's
 * owner.
 */
bool daemon_find(struct ctl *c, const char *socket, struct heartbeat *out_r);

#endif
