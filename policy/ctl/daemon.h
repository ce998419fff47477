/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat, and what it records */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include "policy/ctl/ctl.h"
#include "policy/heartbeat.h"
#include "policy/usage/node.h"

enum daemon_state {
	DAEMON_ABSENT, /* no sign of life, or its process is gone */
	DAEMON_SILENT, /* its process is there, but its last beat is too old */
	DAEMON_RUNS,
};

struct daemon_report {
	enum daemon_state state;
	struct heartbeat heartbeat; /* unless DAEMON_ABSENT */
	bool has_node;
	struct usage_node node; /* what the usage of this machine covers */
	/* Of reading the usage database; ERR_MISSING: it has not been begun yet. */
	enum error error;
	struct error_text why;
};

/*
 * Looks at the heartbeat of the daemon that listens on SOCKET, or, where that is NULL,
 * at the latest. For root another process reads it, with the rights of the folder's
 * owner.
 */
void daemon_look(struct ctl *c, const char *socket, struct daemon_report *out_r);

#endif
