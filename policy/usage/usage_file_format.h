/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_file_format - the pieces of a usage stream, for stream.c and reader.c */
#ifndef POLICY_USAGE_USAGE_FILE_FORMAT_H
#define POLICY_USAGE_USAGE_FILE_FORMAT_H

#include "policy/base/error.h"
#include "policy/usage/usage.h"

#define FRAME_MAGIC "smtpauth-usage 1\n"

#define FRAME_HEAD 5 /* the length in four bytes, and the letter */
#define FRAME_HOST 'n'
#define FRAME_ROW 'r'
#define FRAME_END 'e'
#define FRAME_ERROR 'x'

/* A login with all the days that it may have, some 25 bytes each. */
#define FRAME_MAX (1024 + 32 * USAGE_DAYS_MAX)
#define FRAME_ERROR_MAX (ERROR_TEXT_MAX + 8)

#endif
