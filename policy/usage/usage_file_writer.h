/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file_writer - a machine's usage as bytes: a file for others, or a pipe */
#ifndef POLICY_USAGE_USAGE_FILE_WRITER_H
#define POLICY_USAGE_USAGE_FILE_WRITER_H

#include <stdio.h>

#include "policy/base/error.h"
#include "policy/db/db.h"
#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"

/*
 * The line "smtpauth-usage 1", then frames: a length in four bytes, a letter, and as
 * many bytes: the machine, its logins in the order of the database (that of
 * usage_others() first, if there is one, as an empty one), and at the end
 * their number and a sum of SHA-256, so that a file that was cut off or altered is
 * none. It shows damage, and is no proof against someone who can write it.
 */

/*
 * Writes all that the database holds to TO, after a scan that proves that all can be
 * read. While it scans it calls ALIVE(TO) now and then, unless that is NULL; ALIVE must
 * take no lock. A machine without a record is ERR_NOTFOUND. Errors as db_scan(), and
 * ERR_IO.
 */
enum error usage_file_write(
    struct db *db, FILE *to, void (*alive)(FILE *to), uint64_t *rows_r) MUST_USE;

/* In the place of a stream: what a process at the other end of a pipe could not do. */
void usage_file_write_error(FILE *to, enum error error, const char *text);

struct usage_file_reader;

/*
 * Reads the head of a stream. NAME is for messages; FROM is borrowed. What the reader
 * hands out is checked: instants that can be printed, text without control characters,
 * logins in ascending order. ERR_FORMAT, ERR_NEWER, ERR_DAMAGED, ERR_IO, ERR_MEMORY, or
 * the error that the other end has written, with WHY.
 */
enum error usage_file_reader_open(struct usage_file_reader **reader_r, FILE *from,
    const char *name, struct error_text *why) MUST_USE;
void usage_file_reader_close(struct usage_file_reader **reader);

const struct recording_host *usage_file_reader_host(
    const struct usage_file_reader *reader);
const char *usage_file_reader_name(const struct usage_file_reader *reader);

/*
 * The next login; its days are valid until the next call. ERR_NOTFOUND at the end, once
 * number and sum have held; everything that was read before counts only then.
 */
enum error usage_file_reader_next(struct usage_file_reader *reader,
    struct usage_row *row_r, struct error_text *why) MUST_USE;

#endif
