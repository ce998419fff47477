/* SPDX-License-Identifier: BSD-2-Clause */
/* read_file - a file that a person named, read whole */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "policy/base/error.h"

/*
 * Reads PATH, which may be a pipe, into TEXT: at most CAP bytes, so that LEN_R is CAP
 * for one that is too long. MODE_R (or NULL) is as stat(2) has it. ERR_NOINPUT,
 * ERR_PERMISSION, ERR_IO, with WHY.
 */
enum error read_file(const char *path, char *text, size_t cap, size_t *len_r,
    mode_t *mode_r, struct error_text *why) MUST_USE;
