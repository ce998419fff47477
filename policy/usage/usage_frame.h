/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_frame - the pieces of a usage file, and of what a helper process answers */
#pragma once

#include <stdio.h>

#include "policy/base/error.h"
#include "policy/base/record.h"

/* A frame is the length of its body in four bytes, its type, and the body. */
#define USAGE_FRAME_HEAD 5
#define USAGE_FRAME_HOST 'n'
#define USAGE_FRAME_ROW 'r'
#define USAGE_FRAME_END 'e'
#define USAGE_FRAME_ERROR 'x' /* what the writer could not do; nothing follows */
#define USAGE_FRAME_ASKED 'a' /* the rest only on pipes */
#define USAGE_FRAME_LATEST 'l'
#define USAGE_FRAME_PRUNED 'p'

#define USAGE_FRAME_ERROR_MAX (ERROR_TEXT_MAX + 8) /* bytes of its body */

/* A frame that was read; `at` has room for CAP bytes. */
struct usage_frame {
	char type;
	uint8_t *at;
	size_t len, cap;
};

/* Writes a frame. A failure to write is left to fflush() and ferror(). */
void usage_frame_write(FILE *to, char type, const struct record_writer *body);
void usage_frame_write_error(FILE *to, enum error error, const char *text);

/*
 * Reads the next frame. An error frame is returned as its error and words, with type
 * ERROR. With type 0: ERR_IO, or ERR_DAMAGED for a frame that is cut off or too long,
 * and for an error frame that makes no sense; NAME is in WHY.
 */
enum error usage_frame_read(FILE *from, const char *name, struct usage_frame *frame,
    struct error_text *why) MUST_USE;
