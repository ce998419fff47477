/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon_report - what the helper process says of the daemon, as bytes */
#ifndef POLICY_CTL_USAGE_DAEMON_REPORT_H
#define POLICY_CTL_USAGE_DAEMON_REPORT_H

#include "policy/base/error.h"
#include "policy/base/record.h"
#include "policy/usage/heartbeat.h"
#include "policy/usage/recording_host.h"

struct daemon_report {
	enum error error; /* of reading the usage database */
	struct error_text why;
	bool has_asked, has_latest, has_host;
	struct heartbeat asked;     /* of the daemon on the socket that was asked for */
	struct heartbeat latest;    /* of any daemon */
	struct recording_host host; /* what the usage of this machine covers */
};

/* The longest report. */
#define DAEMON_REPORT_MAX (ERROR_TEXT_MAX + 2 * HEARTBEAT_BYTES_MAX + 512)

void daemon_report_encode(const struct daemon_report *r, struct record_writer *w);

/*
 * The helper has the rights of the daemon's user: any bytes may come. ERR_DAMAGED
 * unless all of them make one report whose texts are lines and whose instants can be
 * printed.
 */
enum error daemon_report_decode(
    struct bytes from, struct daemon_report *out_r) MUST_USE;

#endif
