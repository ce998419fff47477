/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_writer - writes what the usage_counter has, and the heartbeat, to the usage
 * database */
#ifndef MILTER_USAGE_WRITER_H
#define MILTER_USAGE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/config/config.h"
#include "policy/live/live_store.h"
#include "policy/usage/heartbeat.h"

/*
 * Starts counting where the configuration says `usage = yes`. Both are borrowed until
 * the process ends. ERR_MEMORY. Once, before usage_writer_write().
 */
enum error usage_writer_start(
    const struct config *config, struct live_store *keeper) MUST_USE;

/*
 * Writes all that was counted, then the heartbeat H, which gets the counters of this
 * process, and the record of the machine. The database is open meanwhile only, so that
 * it may be replaced. What cannot be written stays for the next time, as far as there
 * is room. Some 500 logins a transaction. One thread at a time. Errors as
 * usage_database_open() and db_commit(), with WHY.
 */
enum error usage_writer_write(struct heartbeat *h, struct error_text *why) MUST_USE;

/* Since the daemon started. */
struct usage_writer_report {
	bool on;
	uint64_t recorded; /* submissions that are in the database */
	uint64_t dropped;  /* submissions that were not counted */
	uint64_t failures; /* writings that did not succeed */
	uint64_t others;   /* submissions recorded of logins that have no row */
	size_t strangers;  /* rows of logins of no tenant, at the last writing */
	size_t waiting;    /* logins whose counts are not written yet */
	instant written;   /* the last success; INSTANT_NONE: none */
};

/* Thread-safe. */
struct usage_writer_report usage_writer_report(void);

#endif
