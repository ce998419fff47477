/* SPDX-License-Identifier: BSD-2-Clause */
/* input - the file, or the standard input, that a command reads */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include "policy/ctl/ctl.h"

/*
 * Opens C's `in`: the file that its first word names; standard input for "-" or no
 * word. What is no regular file is copied to a temporary one first, to its end, so that
 * nobody who types or sends slowly holds a transaction open. ERR_NOINPUT,
 * ERR_PERMISSION, ERR_IO, ERR_FULL, with C's `why`.
 */
enum error input_open(struct ctl *c) MUST_USE;

/* What it is called in messages. */
const char *input_name(const struct ctl *c);

#endif
