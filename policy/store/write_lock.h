/* SPDX-License-Identifier: BSD-2-Clause */
/* write_lock - the turns of those who write the policy database */
#pragma once

#include <stdbool.h>

#include "policy/base/error.h"
#include "policy/db/db.h"

/*
 * Two files of the state folder. Only the owner can open TURN_FILE, where the writers
 * exclude each other; so nobody else can hold them up. The group can read WRITERS_FILE,
 * and so can lock it: a lock on it is only a request:
 *
 * - a reader that wants to be spared for a while takes a shared flock(2); writers wait
 *   for it, READERS_WAIT_MS at most, after the last writer they found there;
 * - an exclusive flock(2) of a process that can write the file (flock(1) in a script),
 *   or a write lock of fcntl(2), is a writer's, and is waited for as such;
 * - a writer at work holds a write lock of fcntl(2) on the first byte.
 *
 * WRITERS_FILE holds the stamp: how the last writer left the database's file.
 */
#define TURN_FILE "policy.turn"
#define WRITERS_FILE "policy.writers"
#define TURN_FILE_MODE 0600
#define WRITERS_FILE_MODE 0640

/* How long a writer waits for its turn, and for readers. */
#define WRITERS_WAIT_SECONDS 10
#define READERS_WAIT_MS 2000

struct write_lock {
	int turn, writers; /* descriptors; -1: none */
};

/* The file after the last commit, as its writer saw it. */
struct write_stamp {
	uint64_t commit, size, written; /* nanoseconds since 1970 */
	uint64_t inode;
	uint64_t strange; /* writings that no writer's stamp explains, so far */
};

/*
 * Takes the turn to write in the state folder DIR, and makes its files if they are
 * missing. A waiter is not overtaken again and again. ERR_BUSY after SECONDS;
 * ERR_PERMISSION; ERR_CREATE; with WHY. On an error nothing is held.
 */
enum error write_lock_take(struct write_lock *lock, const char *dir, int seconds,
    struct error_text *why) MUST_USE;

/* Gives the turn to the next one; a lock that is not held is ignored. */
void write_lock_release(struct write_lock *lock);

/*
 * Compares the file with the stamp before the holder of LOCK changes it; a difference
 * counts as strange, for the daemon to see. Best effort.
 */
void write_lock_begin(
    const struct write_lock *lock, const struct db_file *file, size_t commit);

/* Writes the stamp of FILE after COMMIT. Best effort: without it, readers scan. */
void write_lock_stamp(
    const struct write_lock *lock, const struct db_file *file, size_t commit);

/* For readers: a descriptor of DIR's WRITERS_FILE, or -1 if this user has none. */
int write_lock_watch(const char *dir);

/* Whether a writer is at work, as far as can be seen; false if FD is -1. */
bool write_lock_at_work(int fd);

/* Reads the stamp; false if there is no valid one. */
bool write_lock_read_stamp(int fd, struct write_stamp *stamp_r);

/* Whether FILE after COMMIT is as the stamp says. */
bool write_lock_stamp_fits(
    const struct write_stamp *stamp, const struct db_file *file, size_t commit);

/*
 * Asks writers to spare the reader of FD: takes the shared lock, or goes on without it
 * after READERS_WAIT_MS. write_lock_unspare() ends it.
 */
void write_lock_spare(int fd);
void write_lock_unspare(int fd);
