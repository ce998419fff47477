/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_char - the characters of a command, as PowerShell and editors write them */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/base/error.h"

/* Borrowed text. */
struct exchange_span {
	const char *at;
	size_t len;
};

/*
 * What the first character of S stands for: ' ' for a space, tab or the no-break space
 * of web pages; '-' for any dash; '\'' or '"' for a quote of whatever shape; 0 for all
 * others and at the end. LEN_R (may be NULL) is its length, 1 where it is 0.
 */
char exchange_char(struct exchange_span s, size_t *len_r);

/* ERR_DATA for NUL, other control characters but the tab, and for what is not UTF-8. */
enum error exchange_char_check_text(
    struct exchange_span s, struct error_text *why) MUST_USE;

/* Without the first N bytes. */
struct exchange_span exchange_char_skip(struct exchange_span s, size_t n);

/* Without the blanks at both ends. */
struct exchange_span exchange_char_trim(struct exchange_span s);

/* The first word: up to the first blank. */
struct exchange_span exchange_char_first_word(struct exchange_span s);

/*
 * Without a pasted prompt in front: "PS C:\>", "[PS] C:\>", "[host]: PS C:\>", "(base)
 * PS C:\>", "C:\>", or the ">>" of a command's further lines.
 */
struct exchange_span exchange_char_skip_prompt(struct exchange_span s);

/*
 * How many bytes of S are WORD, in whatever case and with any dash for '-'; 0 where S
 * does not begin with it.
 */
size_t exchange_char_match(struct exchange_span s, const char *word);

/* How many bytes of a word go into a message, as a precision for printf(). */
int exchange_char_shown(struct exchange_span s);

/* Whether S is WORD and nothing else. */
bool exchange_char_is(struct exchange_span s, const char *word);
