/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - the running daemon, by its heartbeat, and what it records */
#pragma once

#include "policy/ctl/frame/ctl.h"
#include "policy/usage/heartbeat.h"
#include "policy/usage/recording_host.h"

enum daemon_state {
	DAEMON_ABSENT, /* no sign of life, or its process is gone */
	DAEMON_SILENT, /* its process is there, but its last beat is too old */
	DAEMON_RUNS,
};

/* What the usage database holds. ERR_MISSING: no usage has been begun yet. */
struct daemon_report {
	enum error error; /* of reading it */
	struct error_text why;
	bool has_asked, has_latest, has_host;
	struct heartbeat asked;     /* of the daemon on the socket that was asked for */
	struct heartbeat latest;    /* of any daemon */
	struct recording_host host; /* what the usage of this machine covers */
};

struct daemon_view {
	struct daemon_report report;
	enum daemon_state asked, latest; /* of the daemons in REPORT */
};

/*
 * Looks at the heartbeats: that of the daemon on SOCKET (may be NULL), and the latest
 * of all. A helper process reads them (see as_usage_user.h), so no policy may be open.
 */
void daemon_look(struct ctl *c, const char *socket, struct daemon_view *out_r);

/* The report of DB as frames (see usage_frame.h), and back from them. */
#define DAEMON_REPORT_MAX 4096
enum error daemon_report_write(struct db *db, const char *socket, FILE *to) MUST_USE;
/*
 * The helper has the rights of the daemon's user: any bytes may come. ERR_DAMAGED
 * unless they are one report, all of whose values can be printed.
 */
enum error daemon_report_read(FILE *from, struct daemon_report *out_r) MUST_USE;
