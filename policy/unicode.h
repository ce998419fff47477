/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - NFC and lower case (the only file with libunistring) */
#ifndef POLICY_UNICODE_H
#define POLICY_UNICODE_H

#include <stddef.h>

#include "policy/error.h"

/*
 * Writes the Unicode lower case of the N bytes S in NFC to OUT (CAP bytes, no NUL
 * added) and its length to LEN_R. This is the case mapping of RFC 8265 section
 * 3.3.2, not case folding, which would merge distinct accounts. Applied to its own
 * output it changes nothing.
 * Returns OK; ERR_DATA for invalid UTF-8; ERR_LIMIT when OUT is too small;
 * ERR_MEMORY. Thread-safe. May allocate; callers take the ASCII path themselves.
 */
enum error unicode_lower_nfc(
    const char *s, size_t n, char *out, size_t cap, size_t *len_r) MUST_USE;

#endif
