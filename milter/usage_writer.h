/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_writer - writes what was counted, and the heartbeat, to the usage database */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/usage/heartbeat.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_handle.h"
#include "policy/usage/usage_prune.h"

struct daemon;

/* Since the daemon started. */
struct usage_report {
	bool on;
	uint64_t recorded; /* submissions that are in the database */
	uint64_t dropped;  /* submissions that were not counted */
	uint64_t failures; /* writings that did not succeed */
	uint64_t others;   /* submissions recorded of logins that have no row */
	size_t strangers;  /* rows of logins of no tenant, at the last writing */
	size_t waiting;    /* logins whose counts are not written yet */
	instant written;   /* the last success; INSTANT_NONE: none */
};

struct usage_writer {
	struct usage_handle handle; /* open from one writing to the next */
	bool damaged;
	struct usage_prune prune;
	uint32_t pruned_day;
	bool doubt;       /* the policy could not be read in this piece of it */
	instant since;    /* from then on recorded without a gap */
	uint64_t dropped; /* of the counter's, those in the record of the machine */
	struct usage_report report;
};

/* Starts counting where the configuration says `usage = yes`. ERR_MEMORY. Once. */
enum error usage_writer_start(struct daemon *d) MUST_USE;

/*
 * Writes what was counted, then the heartbeat H with the counters of this process, and
 * the record of the machine. The database stays open until its files are replaced. What
 * cannot be written stays for the next time. One thread at a time. Errors as
 * usage_database_open() and db_commit(), with WHY.
 *
 * ERR_DAMAGED sets `damaged`, and nothing is written until another thread calls
 * usage_writer_close(): this one may hold LMDB's lock until it ends (see db.h).
 */
enum error usage_writer_write(
    struct daemon *d, struct heartbeat *h, struct error_text *why) MUST_USE;

/* Closes the database; the next writing opens it. */
void usage_writer_close(struct daemon *d);
