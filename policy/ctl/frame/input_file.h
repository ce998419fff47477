/* SPDX-License-Identifier: BSD-2-Clause */
/* input_file - a file that a person named, which is read more than once */
#pragma once

#include "policy/ctl/frame/ctl.h"

/*
 * Opens PATH, once, for reading; "-" is standard input, which is copied to a temporary
 * file. What is no regular file cannot be read twice: ERR_DATA. ERR_NOINPUT,
 * ERR_PERMISSION, ERR_IO, ERR_FULL; with C's `why`.
 */
enum error input_file_open(struct ctl *c, const char *path, FILE **file_r) MUST_USE;

/* The same; text in UTF-16 is decoded into a temporary file. ERR_DATA where it is none.
 */
enum error input_file_open_text(
    struct ctl *c, const char *path, FILE **file_r) MUST_USE;

/* What to call it in messages. */
const char *input_file_name(const char *path);
