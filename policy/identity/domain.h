/* SPDX-License-Identifier: BSD-2-Clause */
/* domain - the normal form of a mail domain */
#pragma once

#include <stddef.h>

#include "policy/base/error.h"

#define DOMAIN_MAX 253 /* bytes, as A-labels, RFC 1035 section 2.3.4 */

/* The domain of the tenant that owns all logins of no other tenant. */
#define DOMAIN_ANY "*"

/*
 * Writes the normal form of the N bytes S to OUT (CAP bytes, no NUL added) and its
 * length to LEN_R: one trailing dot removed, ASCII lower case, non-ASCII turned
 * into A-labels (IDNA2008 with UTS #46 non-transitional mapping, without STD3: an
 * underscore stays).
 * Returns OK; ERR_DATA for a name that no tenant could own: an empty or
 * over-long domain or label, other characters than letters, digits, '-' and '_', an
 * all-digit last label (an address is no domain), no A-label form; ERR_LIMIT when OUT
 * is too small; ERR_MEMORY. Thread-safe; ASCII input allocates nothing.
 */
enum error domain_normalize(
    const char *s, size_t n, char *out, size_t cap, size_t *len_r) MUST_USE;

/*
 * Reads a domain as an administrator types it: "*" or a name that can be owned, in
 * normal form into OUT (DOMAIN_MAX + 1 bytes). ERR_DATA with WHY.
 */
enum error domain_parse(const char *s, char *out, struct error_text *why) MUST_USE;
