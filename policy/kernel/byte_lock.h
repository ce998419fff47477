/* SPDX-License-Identifier: BSD-2-Clause */
/* byte_lock - a write lock on the first byte of an open file, beside its flock(2) */
#pragma once

/*
 * It belongs to the open file description, and does not meet the file's flock(2). The
 * locks of fcntl(2) that POSIX has are no substitute: they belong to the process, and
 * on the BSDs they meet flock(2), so that a process would stand in its own way.
 */
enum byte_lock {
	BYTE_LOCK_OURS,
	BYTE_LOCK_OTHERS, /* somebody else has it, or was as fast; try again */
	BYTE_LOCK_NONE,   /* this system or this file system has no such locks */
};

/* Takes the lock without waiting; FD is open to write. */
enum byte_lock byte_lock_take(int fd);

void byte_lock_release(int fd);

/* What stands against a lock to READ, or to write. */
enum byte_lock_holder {
	BYTE_LOCK_FREE, /* or this cannot be seen */
	BYTE_LOCK_READ,
	BYTE_LOCK_WRITE,
};
enum byte_lock_holder byte_lock_against_write(int fd);
enum byte_lock_holder byte_lock_against_read(int fd);
