/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat, and what it records */
#ifndef POLICY_CTL_USAGE_DAEMON_H
#define POLICY_CTL_USAGE_DAEMON_H

#include "policy/ctl/frame/ctl.h"
#include "policy/ctl/usage/daemon_report.h"

enum daemon_state {
	DAEMON_ABSENT, /* no sign of life, or its process is gone */
	DAEMON_SILENT, /* its process is there, but its last beat is too old */
	DAEMON_RUNS,
};

/* What is known of the daemons. In REPORT, ERR_MISSING: no usage has been begun yet. */
struct daemon_view {
	struct daemon_report report;
	enum daemon_state asked, latest; /* of the daemons in REPORT */
};

/*
 * Looks at the heartbeats: that of the daemon on SOCKET (may be NULL), and the latest
 * of all. A helper process reads them (see as_usage_user.h), so no policy may be open.
 */
void daemon_look(struct ctl *c, const char *socket, struct daemon_view *out_r);

#endif
