/* SPDX-License-Identifier: BSD-2-Clause */
/* xtext - the encoding of logins from Sendmail (RFC 3461 section 4) */
#pragma once

#include <stddef.h>

#include "policy/base/error.h"

/*
 * Decodes the N bytes S into OUT (CAP bytes, no NUL added: a decoded NUL is possible).
 * Returns OK; ERR_DATA for bad xtext; ERR_LIMIT when OUT is too small.
 */
enum error xtext_decode(
    const char *s, size_t n, char *out, size_t cap, size_t *len_r) MUST_USE;
