/* SPDX-License-Identifier: BSD-2-Clause */
/* live_store - keeps a verified policy database open for the daemon's decisions */
#ifndef POLICY_LIVE_LIVE_STORE_H
#define POLICY_LIVE_LIVE_STORE_H

#include "policy/base/instant.h"
#include "policy/decision/reply.h"
#include "policy/decision/submission.h"
#include "policy/store/store.h"

/*
 * A thread opens the database, scans it, looks once a second whether the files are
 * still the same, scans again from time to time, and starts over when a decision or
 * a scan met damage. Until a scan has held, nothing is decided from the database.
 */
struct live_store;

/* What the keeper tells its owner; called on the keeper's thread, one at a time. */
enum keeper_event {
	KEEPER_READY, /* verified; decisions are made */
	KEEPER_FAULT, /* decisions are on-error until the next KEEPER_READY */
	KEEPER_NOTE,
};

typedef void keeper_listener(void *arg, enum keeper_event event, const char *text);

/*
 * Starts the thread. DIR is copied; the database need not be there. Signals are to
 * be blocked by the caller. ERR_MEMORY.
 */
enum error live_store_start(struct live_store **keeper_r, const char *dir,
    keeper_listener *listener, void *arg) MUST_USE;

/*
 * Calls FN with a snapshot of the verified database, again with another one as often as
 * commits have overtaken it, until what FN read is whole. So FN has to start anew with
 * each call. Returns what FN returned last, or a store error: ERR_BUSY where that has
 * not come about within a second; any other says something of the database, and a new
 * scan has been started. Waits while the database is verified after start or
 * replacement, until 10 s after that began, and at most 1 s for a free transaction.
 * Thread-safe.
 */
typedef enum error keeper_reader(void *arg, struct store_txn *txn);
enum error live_store_read(
    struct live_store *keeper, keeper_reader *fn, void *arg) MUST_USE;

/*
 * Decides S by the verified database, and builds the reply, with ID, from the same
 * snapshot. Anything but OK is a store error, as of live_store_read().
 */
enum error live_store_decide(struct live_store *keeper, const struct submission *s,
    const char *id, struct outcome *out, struct reply *reply) MUST_USE;

/*
 * The two halves of a reading, for who looks at store_check() himself: borrows a
 * snapshot, and gives it back with what became of its use; damage starts a new scan.
 */
enum error live_store_take(
    struct live_store *keeper, struct store_txn **txn_r, int *slot_r) MUST_USE;
void live_store_give(struct live_store *keeper, int slot, enum error used);

/* Whether decisions wait for a scan, come from a verified database, or are on-error. */
enum live_store_state { KEEPER_VERIFYING, KEEPER_GOOD, KEEPER_BAD };

enum live_store_state live_store_state(struct live_store *keeper);

/* What is known of the database, for whoever watches the daemon. */
struct live_store_report {
	enum live_store_state state;
	instant verified;       /* when the last scan held; INSTANT_NONE: none has */
	int64_t scan_ms;        /* how long that scan took */
	bool has_meta;          /* only while the state is good: */
	struct store_meta meta; /* as the last look, once a second, found it */
};

/* Never waits for the database. Thread-safe. */
void live_store_report(struct live_store *keeper, struct live_store_report *out_r);

#endif
