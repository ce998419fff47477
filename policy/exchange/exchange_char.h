/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_char - the characters that PowerShell, and those who paste, write for others
 */
#ifndef POLICY_EXCHANGE_EXCHANGE_CHAR_H
#define POLICY_EXCHANGE_EXCHANGE_CHAR_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

/* A stretch of somebody else's text. */
struct exchange_span {
	const char *at;
	size_t len;
};

/* The length of the character at S, of which N bytes are there, or 0: it is no ... */

/* ... blank: space, tab, or the no-break space U+00A0 of web pages. */
size_t exchange_blank(const char *s, size_t n);
/* ... dash: '-', U+2010 to U+2015, which word processors put for it, or U+2212. */
size_t exchange_dash(const char *s, size_t n);
/* ... quote, of whatever shape; KIND_R becomes '\'' or '"'. */
size_t exchange_quote(const char *s, size_t n, char *kind_r);

/* ERR_DATA for NUL, other control characters but the tab, and for what is not UTF-8. */
enum error exchange_check_text(struct exchange_span s, struct error_text *why) MUST_USE;

/* Without the blanks at both ends. */
struct exchange_span exchange_trim(struct exchange_span s);

/* The first word: up to the first blank. */
struct exchange_span exchange_first_word(struct exchange_span s);

/*
 * Without a pasted prompt in front: "PS C:\>", "[PS] C:\>", "[host]: PS C:\>", or the
 * ">>" of a command's further lines.
 */
struct exchange_span exchange_skip_prompt(struct exchange_span s);

/*
 * Writes S with small ASCII letters, and '-' for each dash, to OUT (CAP bytes, the NUL
 * among them). False where it does not fit: then it is none of our short names.
 */
bool exchange_fold(struct exchange_span s, char *out, size_t cap);

/* Whether S is WORD, in whatever case. */
bool exchange_is(struct exchange_span s, const char *word);

#endif
