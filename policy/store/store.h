/* SPDX-License-Identifier: BSD-2-Clause */
/* store - the policy database: records, their digest, and who may write */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/base/error.h"
#include "policy/crypto/digest.h"
#include "policy/db/db.h"
#include "policy/model/settings.h"
#include "policy/store/meta.h"
#include "policy/store/write_lock.h"

/* The file in the state folder, and the mode it has, whatever the umask. */
#define STORE_DATA "policy.mdb"
#define STORE_DATA_MODE 0640

/* LMDB's lock file, which older versions made; nothing opens it. */
#define STORE_OLD_LOCK "policy.mdb-lock"

struct store;
struct store_txn;

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * Opens the policy database of the state folder DIR. STORE_WRITE first takes its turn
 * among the writers (ERR_BUSY after 10 s). Errors as db_open(), and ERR_NETWORK_FS.
 * A missing file is ERR_MISSING, never created.
 */
enum error store_open(struct store **store_r, const char *dir, enum store_mode mode,
    struct error_text *why) MUST_USE;

/*
 * As store_open(STORE_WRITE) for a caller that holds the writers' turn and keeps it.
 * LOCK is borrowed until the store is closed.
 */
enum error store_open_in_turn(struct store **store_r, const char *dir,
    const struct write_lock *lock, struct error_text *why) MUST_USE;

/*
 * Opens a database file that nobody else writes to: outside of a state folder, such as
 * a backup, or the live one, by the holder of the writers' turn. FD: PATH, open
 * already, as in struct db_options. Not for store_look().
 */
enum error store_open_file(struct store **store_r, const char *path, int fd,
    enum store_mode mode, struct error_text *why) MUST_USE;

/*
 * As store_open(STORE_WRITE), but makes the files and the meta record if they are
 * missing (CREATED_R), gives the files the folder's group and their modes, and removes
 * STORE_OLD_LOCK.
 */
enum error store_create(struct store **store_r, const char *dir, bool *created_r,
    struct error_text *why) MUST_USE;

/*
 * Gives the files of the database of DIR their modes, as every writer does, and removes
 * STORE_OLD_LOCK. Errors as store_open() and store_begin().
 */
enum error store_mend(const char *dir, struct error_text *why) MUST_USE;

/*
 * Makes an empty database in the folder DIR that nobody else sees, and that is gone
 * when it is closed or the process ends, however it ends: for a policy that is built
 * before it replaces another one. The caller holds DIR's turn to write.
 */
enum error store_scratch(
    struct store **store_r, const char *dir, struct error_text *why) MUST_USE;

/* Closes, gives the turn to the next writer, and NULLs. */
void store_close(struct store **store);

/* What a reader finds when it looks at the live file. */
enum store_look {
	STORE_SAME,
	STORE_CHANGED,   /* by commits */
	STORE_UNSETTLED, /* a writer is at work: the next look will tell */
	STORE_STRANGE,   /* by something else: nothing counts before a full scan */
};

/* The file as of the last look. */
struct store_baseline {
	struct db_file file;
	size_t commit;
	uint64_t strange; /* of the writers' stamp */
};

/* The file as it is now; a scan of all of it has to follow. ERR_IO, ERR_DAMAGED. */
enum error store_baseline(struct store *store, struct store_baseline *out_r) MUST_USE;

/*
 * Compares the file with BASE, and moves BASE if commits explain all that was written.
 * ERR_REPLACED if another file is in its place; ERR_MISSING; ERR_IO.
 */
enum error store_look(
    struct store *store, struct store_baseline *base, enum store_look *look_r) MUST_USE;

/* Whether the writers' stamp can be read: else foreign writing is found late. */
bool store_sees_writers(const struct store *store);

/* Asks writers to wait for a long reading that was overtaken before:
 * write_lock_spare(). */
void store_spare(struct store *store);
void store_unspare(struct store *store);

/*
 * Begins a transaction in the store's mode, and reads the meta record and the settings.
 * ERR_FORMAT: no meta record; ERR_NEWER; ERR_OLDER; ERR_DAMAGED; ERR_REPLACED: the last
 * commit is not one of ours, or is of another database than before.
 */
enum error store_begin(struct store *store, struct store_txn **txn_r) MUST_USE;

/*
 * As error_about(), with the path of the database. If the live one is damaged or is
 * another file, the line ends with the command that brings a policy back.
 */
enum error store_about(struct error_text *why, enum error e, const struct store *store);

/*
 * Makes a writer a reader: begins a read transaction, which sees exactly the last
 * commit, and then gives the turn to the next writer. No transaction may be open.
 * Errors as store_begin().
 */
enum error store_yield(struct store *store, struct store_txn **txn_r) MUST_USE;

/*
 * Whether the snapshot is still whole: what was read in it, and an error that was met,
 * counts only if this says OK. ERR_OVERTAKEN: read again, in a new snapshot.
 * ERR_REPLACED: see db_check(). Always OK for a writer.
 */
enum error store_check(struct store_txn *txn) MUST_USE;

/* Ends a read transaction's snapshot, and takes a new one (the pool's two halves). */
enum error store_reset(struct store_txn *txn);
enum error store_renew(struct store_txn *txn) MUST_USE;

/* Writes the meta record and commits, unless nothing changed. NULLs in any case. */
enum error store_commit(struct store_txn **txn) MUST_USE;
void store_abort(struct store_txn **txn);

/* Commits and begins anew, to free memory. For a scratch database. */
enum error store_checkpoint(struct store_txn *txn) MUST_USE;

/* The one that TXN was begun in. */
const struct store *store_of(const struct store_txn *txn);

/* Borrowed until the transaction ends or is renewed. */
const struct store_meta *store_meta(const struct store_txn *txn);
const struct settings *store_settings(const struct store_txn *txn);
struct db_txn *store_db(struct store_txn *txn);

/* The stored text of one setting; none is found where it stands at its default. */
enum error store_get_setting(struct store_txn *txn, const struct setting *setting,
    char *out, size_t cap, bool *found_r) MUST_USE;

/* Reads again the settings that a put or delete has changed within TXN. */
enum error store_reload_settings(struct store_txn *txn) MUST_USE;

/* The record of KEY in BUF (RECORD_MAX bytes), as db_get() gives it. */
enum error store_get(struct store_txn *txn, const struct key *key, uint8_t *buf,
    struct bytes *value_r) MUST_USE;

/*
 * Gives what a look-up of KEY finds in the place of the record that is there, as of
 * store_get(), where it sets *TAKEN_R.
 */
typedef enum error store_lens(void *arg, struct store_txn *txn, const struct key *key,
    uint8_t *buf, struct bytes *value_r, bool *taken_r);

/*
 * Makes every store_get() of TXN, a reader, ask LENS first, and reads the settings
 * again through it. The meta record stays as it is, but locks and aliases are looked up
 * even where it counts none. Lists of whole tables do not ask.
 */
enum error store_see(struct store_txn *txn, store_lens *lens, void *arg) MUST_USE;

/*
 * Writes or removes a record and keeps digests and counts right: a record of the policy
 * counts into `digest`, one of this machine only into `local`. To put the value that is
 * there already changes nothing. Not for the audit log.
 */
enum error store_put(
    struct store_txn *txn, const struct key *key, struct bytes value) MUST_USE;
/* As store_put() of a record that is not there yet; else ERR_EXISTS, and no change. */
enum error store_insert(
    struct store_txn *txn, const struct key *key, struct bytes value) MUST_USE;
enum error store_delete(struct store_txn *txn, const struct key *key) MUST_USE;

/*
 * Called within TXN after every change of a record that counts into a digest; BEFORE or
 * AFTER is {NULL, 0} if it is new or removed. It must not change the policy; anything
 * but OK ends the put or delete and is returned by it.
 */
typedef enum error store_watcher(void *arg, struct store_txn *txn, struct bytes key,
    struct bytes before, struct bytes after);

/* WATCHER may be NULL. */
void store_watch(struct store_txn *txn, store_watcher *watcher, void *arg);

/*
 * The sum, as of the policy digest, of all policy records put so far in TXN, including
 * those that were there already: it does not depend on their order.
 */
const struct digest *store_content(const struct store_txn *txn);

/* A writer's own, for use between two calls. */
struct hasher *store_hasher(struct store_txn *txn);

/* Sets what the meta record says of the audit log. */
void store_set_audit(struct store_txn *txn, uint64_t count, const struct digest *head);
/* The policy digest at the last store_set_audit() of TXN, or at its begin. */
const struct digest *store_accounted(const struct store_txn *txn);
/* Whether store_set_audit() has been called in TXN. */
bool store_audit_grown(const struct store_txn *txn);
/* ... and of the last snapshot. */
void store_set_serial(
    struct store_txn *txn, uint64_t serial, const struct digest *policy);
