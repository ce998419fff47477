/* SPDX-License-Identifier: BSD-2-Clause */
/* heartbeat - the daemons' signs of life, in the usage database */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/base/instant.h"
#include "policy/base/record.h"
#include "policy/db/db.h"

#define HEARTBEAT_TEXT_MAX 200

/* What a daemon decides from. */
enum heartbeat_policy { HEARTBEAT_VERIFYING, HEARTBEAT_GOOD, HEARTBEAT_FAULT };

/* What a daemon has counted since it started. */
struct heartbeat_counters {
	uint64_t allowed, reported, tempfailed, rejected;
	uint64_t unauthenticated; /* not among the decisions above */
	uint64_t store_errors;    /* among the decisions above */
	bool usage_on;
	uint64_t usage_recorded, usage_dropped; /* submissions */
};

/* One daemon. Several may share a state folder; their sockets tell them apart. */
struct heartbeat {
	char socket[HEARTBEAT_TEXT_MAX + 1];
	char version[HEARTBEAT_TEXT_MAX + 1];
	uint32_t pid;
	uint32_t interval; /* seconds from one beat to the next */
	instant started, beat;
	uint8_t policy;    /* enum heartbeat_policy */
	bool log_replaced; /* lines for syslog go to standard error: there is none */
	uint64_t config;   /* config_digest() of what it runs with; 0: not known */
	struct heartbeat_counters counters;
};

/*
 * The bytes of a beat, in the database and on a pipe. The daemon's user wrote them, so
 * instants that cannot be printed, and texts that are not a line, are ERR_DAMAGED, too.
 * ERR_NEWER. Version 1 had neither `log_replaced` nor `config`: false and 0 then.
 */
#define HEARTBEAT_BYTES_MAX (2 * HEARTBEAT_TEXT_MAX + 136)
void heartbeat_encode(const struct heartbeat *h, struct record_writer *w);
enum error heartbeat_decode(struct bytes from, struct heartbeat *h) MUST_USE;

/* Stores the beat. A daemon that ends leaves its record: its process is gone. */
enum error heartbeat_put(struct db_txn *txn, const struct heartbeat *h) MUST_USE;

/*
 * The daemon with the latest beat, preferably one with a running process; with SOCKET
 * (may be NULL) the one that listens there.
 */
enum error heartbeat_latest(struct db_txn *txn, const char *socket,
    struct heartbeat *out_r, bool *found_r) MUST_USE;

/*
 * Whether the daemon runs: its beat is no more than three intervals and 5 s old, and
 * its process is there (LMDB wants us in one PID namespace anyway).
 */
bool heartbeat_is_alive(const struct heartbeat *h, instant now);

/* Whether its process is there, however old the beat. */
bool heartbeat_has_process(const struct heartbeat *h);
