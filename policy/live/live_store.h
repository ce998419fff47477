/* SPDX-License-Identifier: BSD-2-Clause */
/* live_store - keeps a verified policy database open for the daemon's decisions */
#pragma once

#include "policy/base/instant.h"
#include "policy/decision/reply.h"
#include "policy/decision/submission.h"
#include "policy/store/store.h"

/*
 * A thread opens the database, scans it, checks once a second whether the files are
 * still the same, scans again from time to time, and starts over when a decision or
 * a scan met damage. Nothing is decided from the database before a scan has held.
 */
struct live_store;

/*
 * Called on the live store's thread, one at a time; with LIVE_STORE_READY it may read
 * the store. LIVE_R of live_store_start() is set by then.
 */
enum live_store_event {
	LIVE_STORE_READY, /* verified; decisions are made */
	LIVE_STORE_FAULT, /* decisions are on-error until the next LIVE_STORE_READY */
	LIVE_STORE_NOTE,
};

typedef void live_store_listener(
    void *arg, enum live_store_event event, const char *text);

/*
 * Starts the thread. DIR is copied; the database need not be there. The caller blocks
 * signals. ERR_MEMORY.
 */
enum error live_store_start(struct live_store **live_r, const char *dir,
    live_store_listener *listener, void *arg) MUST_USE;

/* Sets the limit of waiting for a scan, from now on; it is 10 s at first. */
void live_store_limit_wait(struct live_store *live, unsigned ms);

/*
 * Calls FN with a snapshot of the verified database, and again with a new one whenever
 * commits overtook it, until what FN read is whole; FN starts anew with each call.
 * Returns what FN returned last, or a store error: ERR_BUSY if that takes longer than a
 * second; after any other a new scan has been started. Waits while the database is
 * verified after start or replacement, but see live_store_limit_wait(), and at most 1 s
 * for a free transaction. Thread-safe.
 */
typedef enum error live_store_reader(void *arg, struct store_txn *txn);
enum error live_store_read(
    struct live_store *live, live_store_reader *fn, void *arg) MUST_USE;

/*
 * Decides S by the verified database, and builds the reply, with ID, from the same
 * snapshot. Anything but OK is a store error, as of live_store_read().
 */
enum error live_store_decide(struct live_store *live, const struct submission *s,
    const char *id, struct outcome *out, struct reply *reply) MUST_USE;

/*
 * The two halves of a reading, for a caller that calls store_check() itself: borrows a
 * snapshot, and returns it with the result of its use; damage starts a new scan.
 */
enum error live_store_take(
    struct live_store *live, struct store_txn **txn_r, int *slot_r) MUST_USE;
void live_store_give(struct live_store *live, int slot, enum error used);

/* Whether decisions wait for a scan, come from a verified database, or are on-error. */
enum live_store_state { LIVE_STORE_VERIFYING, LIVE_STORE_GOOD, LIVE_STORE_BAD };

enum live_store_state live_store_state(struct live_store *live);

struct live_store_report {
	enum live_store_state state;
	instant verified;       /* when the last scan held; INSTANT_NONE: none has */
	int64_t scan_ms;        /* how long that scan took */
	bool has_meta;          /* only while the state is good: */
	struct store_meta meta; /* as of the last check, once a second */
};

/* Never waits for the database. Thread-safe. */
void live_store_report(struct live_store *live, struct live_store_report *out_r);
