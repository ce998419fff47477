/* SPDX-License-Identifier: BSD-2-Clause */
/* replace_file - a database file, made beside its place and moved there once whole */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "policy/base/error.h"

/*
 * At every moment, also when the process is killed, the place has the old file or the
 * new one. The folder is locked meanwhile (flock(2), which leaves nothing behind), so
 * that a new file found in it was left by a killed process, and is removed. Where
 * others may write in the folder, go by FILE: the name may lead elsewhere.
 */
struct replace_file {
	const char *dir;     /* borrowed */
	int folder;          /* DIR, open; -1 once closed */
	int file;            /* the new file, open */
	char made[PATH_MAX]; /* its name until it is in its place */
};

/*
 * Makes an empty new file in DIR, which only we may read, and locks DIR; ERR_BUSY if
 * another one is being made there. With IN_TURN the caller has the writers' turn of a
 * state folder, which is enough: members of its group can lock it. FOLDER is DIR, open
 * already, and is taken over in any case; -1: DIR is opened. ERR_CREATE;
 * ERR_PERMISSION; ERR_FULL; with WHY. On OK the caller must call replace_file_close().
 */
enum error replace_file_open(struct replace_file *s, const char *dir, int folder,
    bool in_turn, struct error_text *why) MUST_USE;

/*
 * Gives the new file owner, group ((uid_t)-1, (gid_t)-1: as they are) and mode, and
 * waits until it is on disk. ERR_PERMISSION, ERR_FULL, ERR_IO, with WHY.
 */
enum error replace_file_give(struct replace_file *s, uid_t user, gid_t group,
    mode_t mode, struct error_text *why) MUST_USE;

/*
 * Puts the new file into its place: programs that have the old one open keep it, and
 * see within a second that it is no longer the one in the folder. For a live database
 * the caller has the writers' turn. ERR_CREATE, also if another program has put another
 * file there meanwhile; ERR_IO; with WHY.
 */
enum error replace_file_put(struct replace_file *s, struct error_text *why) MUST_USE;

/* Removes the new file unless it was put into its place. May be called again. */
void replace_file_close(struct replace_file *s);
