/* SPDX-License-Identifier: BSD-2-Clause */
/* login - the SASL login name and its normal form */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"
#include "policy/base/unicode.h"

#define LOGIN_RAW_MAX 320 /* bytes after decoding */
#define LOGIN_MAX 500     /* bytes after normalisation */

/*
 * A login in normal form: "local@domain", or "local" alone. The local part is in
 * NFC and lower case (RFC 8265 section 3.3.2), the domain as in domain.h. A
 * mailbox address is a login with a domain.
 */
struct login {
	size_t len;
	size_t local; /* bytes of the local part; == len without a domain */
	bool has_domain;
	char text[LOGIN_MAX + 1];
};

/*
 * Brings the N bytes S, already decoded, to normal form. SEPARATORS are characters
 * that count as '@' if there is no '@', split at the last ("" for none).
 * Password databases accept more spellings of one account than a normal form can know,
 * so this is strict: an invisible character, a blank that is not a single one between
 * words, and a domain that no tenant could own make a login invalid.
 * Returns OK; ERR_DATA for an invalid login, with the reason in WHY; ERR_MEMORY.
 * Thread-safe; a plain ASCII login allocates nothing.
 */
enum error login_normalize(const char *s, size_t n, const char *separators,
    struct login *out_r, struct error_text *why) MUST_USE;

/*
 * The normal form of the N bytes S as read by a password database that ignores the
 * differences HOW in the local part, and blanks and invisible characters in the domain.
 * S may be an invalid login. Without WITH_DOMAIN the last '@' and the text after it are
 * left out. Returns OK; ERR_DATA if this is no login; ERR_MEMORY.
 */
enum error login_loosen(const char *s, size_t n, enum looseness how, bool with_domain,
    const char *separators, struct login *out_r) MUST_USE;

/* Removes the domain. */
void login_drop_domain(struct login *login);

/* Appends "@DOMAIN" to a login without one. ERR_LIMIT when it grows too long. */
enum error login_append_domain(struct login *login, const char *domain) MUST_USE;

/*
 * Puts the login without its subaddress into OUT_R: the local part up to the first
 * of DELIMITERS that is not its first character. Returns false, and leaves OUT_R
 * alone, when there is no subaddress.
 */
bool login_strip_subaddress(
    const struct login *in, const char *delimiters, struct login *out_r);

/* The domain of a login that has one, NUL-terminated, within login->text. */
const char *login_domain(const struct login *login);

/* Reads N bytes that are in normal form, as stored; ERR_DAMAGED if too long. */
enum error login_from_normal(const char *s, size_t n, struct login *out_r) MUST_USE;

bool login_equal(const struct login *a, const struct login *b);
