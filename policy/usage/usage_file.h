/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file - a machine's usage as bytes: a file for others, or a pipe */
#pragma once

#include <stdio.h>

#include "policy/base/error.h"
#include "policy/db/db.h"
#include "policy/usage/recording_host.h"
#include "policy/usage/usage.h"

/*
 * A line, then frames (see usage_frame.h): the machine; its logins in the order of the
 * database (that of usage_others() first, if there is one, with an empty name); and
 * their number with a sum of SHA-256, by which a file is refused that was cut off or
 * altered. The sum shows damage; it is no proof against someone who can write the file.
 * Where the machine has refusals at AUTH, each login has those after its days, and the
 * record of the machine says so by its version: a program that does not know them says
 * that the file is newer.
 */
#define USAGE_FILE_MAGIC "smtpauth-usage 1\n"

/*
 * Writes all that the database holds to TO, after a scan that proves that all can be
 * read; during the scan it calls ALIVE(TO) now and then, unless that is NULL. ALIVE
 * must take no lock. ERR_MISSING for a machine without a record; errors as db_scan();
 * ERR_IO.
 */
enum error usage_file_write(struct db *db, FILE *to, void (*alive)(FILE *to)) MUST_USE;

/* Writes a file that holds nothing but an error, which its reader returns. */
void usage_file_write_error(FILE *to, enum error error, const char *text);

struct usage_file_reader;

/*
 * Reads the head of a file. NAME is for messages; FROM is borrowed. What the reader
 * hands out is checked: instants that can be printed, text without control characters,
 * logins in ascending order. ERR_FORMAT, ERR_NEWER, ERR_DAMAGED, ERR_IO, ERR_MEMORY, or
 * the error that the writer left, with WHY.
 */
enum error usage_file_reader_open(struct usage_file_reader **reader_r, FILE *from,
    const char *name, struct error_text *why) MUST_USE;
void usage_file_reader_close(struct usage_file_reader **reader);

const struct recording_host *usage_file_reader_host(
    const struct usage_file_reader *reader);
const char *usage_file_reader_name(const struct usage_file_reader *reader);

/*
 * The next login; its days and refusals are valid until the next call. At the end
 * FOUND_R is false, once number and sum have held; what was read before counts only
 * then.
 */
enum error usage_file_reader_next(struct usage_file_reader *reader,
    struct usage_row *row_r, bool *found_r, struct error_text *why) MUST_USE;
