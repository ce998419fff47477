/* SPDX-License-Identifier: BSD-2-Clause */
/* utf16 - files that a spreadsheet or PowerShell wrote in UTF-16 */
#pragma once

#include <stdio.h>

#include "policy/base/error.h"

enum utf16_order { UTF16_NOT, UTF16_LITTLE, UTF16_BIG };

/*
 * What the file looks like, which is to be read from its beginning: by its byte order
 * mark, or by the NUL bytes of two ASCII characters. IN is rewound. ERR_IO.
 */
enum error utf16_find(FILE *in, enum utf16_order *order_r) MUST_USE;

/*
 * Writes the text of IN as UTF-8 to OUT, without the mark. ERR_DATA for half a
 * character and half a surrogate pair; ERR_IO, with errno 0 where reading failed.
 */
enum error utf16_to_utf8(FILE *in, enum utf16_order order, FILE *out) MUST_USE;
