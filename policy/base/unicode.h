/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - UTF-8: case, composition and visible characters */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/base/error.h"

/*
 * Writes the Unicode lower case of the N bytes S in NFC to OUT (CAP bytes, no NUL
 * added) and its length to LEN_R. This is the case mapping of RFC 8265 section 3.3.2,
 * not case folding, which would merge distinct accounts. It is idempotent.
 * ERR_DATA for invalid UTF-8; ERR_LIMIT when OUT is too small; ERR_MEMORY.
 */
enum error unicode_lower_nfc(
    const char *s, size_t n, char *out, size_t cap, size_t *len_r) MUST_USE;

/*
 * Returns the length (1 to 4) of the valid UTF-8 character at S, of which N bytes
 * are there; 0 if there is none (RFC 3629: no surrogates, no over-long forms).
 */
size_t unicode_length(const char *s, size_t n);

/*
 * Writes the character C as UTF-8 to OUT (4 bytes); returns how many bytes there are, 0
 * where C is no character.
 */
size_t unicode_encode(uint32_t c, char *out);

/*
 * Whether every character of the N bytes S is visible, or an ASCII blank: no control or
 * format character, default ignorable, other white space, noncharacter or replacement
 * character. False for invalid UTF-8.
 */
bool unicode_is_visible(const char *s, size_t n);

/* The differences of spelling that a password database may ignore, least first. */
enum looseness {
	LOOSE_BLANKS,     /* blanks, invisible characters, and '?', which Postfix writes
			     for control characters */
	LOOSE_COMPATIBLE, /* also width and other compatibility variants: NFKC; a blank
			     between words counts */
	LOOSE_WORDS,      /* also case, as LOOSE_FOLDED; a blank between words counts */
	LOOSE_FOLDED, /* all of these, and case: NFKC_Casefold; the Turkish i's are i */
};

/*
 * Writes the N bytes S to OUT (CAP bytes, no NUL added), without the differences that
 * HOW names. Returns as unicode_lower_nfc().
 */
enum error unicode_loosen(const char *s, size_t n, enum looseness how, char *out,
    size_t cap, size_t *len_r) MUST_USE;
