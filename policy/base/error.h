/* SPDX-License-Identifier: BSD-2-Clause */
/* error - errors as values and as words */
#pragma once

/*
 * Every function of the library that can fail returns one of these. OK is 0.
 *
 * Finding nothing is a result, not an error: a look-up returns OK and sets *FOUND_R to
 * false, a name to "", or the `at` of bytes to NULL. ERR_NOTFOUND is for a request that
 * names an object that does not exist.
 *
 * FN of an ..._each() function ends the walk with WALK_STOP, upon which the walk
 * returns OK; any other error ends it, too, and is returned.
 *
 * Files of usage carry these numbers: a new one comes last, before WALK_STOP.
 */
enum error {
	OK = 0,
	ERR_NOTFOUND,   /* the object that the request names does not exist */
	ERR_USAGE,      /* the call itself is wrong */
	ERR_DATA,       /* a value given by a person is bad */
	ERR_EXISTS,     /* the object is there already */
	ERR_CONFLICT,   /* the request contradicts the policy */
	ERR_PROTECTED,  /* would allow logins that are denied; needs --force */
	ERR_MISSING,    /* there is no database */
	ERR_NOINPUT,    /* a file that a person named is not there */
	ERR_DAMAGED,    /* the database cannot be trusted */
	ERR_REPLACED,   /* the file is not the one that was opened */
	ERR_OVERTAKEN,  /* commits have overwritten the pages being read: read again */
	ERR_FORMAT,     /* not our file */
	ERR_NEWER,      /* written by a newer version */
	ERR_OLDER,      /* written by an older version, in a format no longer read */
	ERR_NETWORK_FS, /* LMDB must not live on a network file system */
	ERR_PID_SPACE,  /* our process number is taken in LMDB's lock file */
	ERR_BUSY,       /* another writer, or nothing free in time */
	ERR_FULL,       /* the disk is full, or LMDB's list of changes */
	ERR_IO,         /* reading or writing failed */
	ERR_CREATE,     /* a file or folder cannot be made */
	ERR_PERMISSION, /* the operating system refuses */
	ERR_CONFIG,     /* the configuration file is wrong */
	ERR_MEMORY,     /* out of memory */
	ERR_FILES,      /* the process or the system has too many files open */
	ERR_LIMIT,      /* larger than a documented limit */
	ERR_INTERNAL,   /* a defect of this program */
	ERR_MACHINE,    /* LMDB's file of another word size or byte order */
	ERR_MAP,        /* the address space is too small for the database */
	ERR_NO_LOCKS,   /* the file system or the kernel has no file locks */
	WALK_STOP,      /* no error: see above */
};

#define ERROR_TEXT_MAX 1024

/* The one line for a person that goes with an error. */
struct error_text {
	char text[ERROR_TEXT_MAX];
};

#define MUST_USE __attribute__((warn_unused_result))

/* Returns a constant phrase for E; never NULL. */
const char *error_string(enum error e);

/*
 * Writes the formatted line to WHY (NULL is allowed) and returns E, so that a
 * caller can `return error_set(why, ERR_DATA, ...)`. A line that does not fit is
 * cut and ends in "...".
 */
enum error error_set(struct error_text *why, enum error e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set() with the phrase of E and its subject: "PHRASE: WHAT". */
enum error error_about(struct error_text *why, enum error e, const char *what);

/* Maps an errno value of the C library to an error. */
enum error error_from_errno(int err);

/* The same of a lock that was not taken: ERR_BUSY, ERR_NO_LOCKS. */
enum error error_from_lock(int err);
