/* SPDX-License-Identifier: BSD-2-Clause */
/* near_word - the known word that a misspelt one is near to */
#pragma once

#include <stddef.h>

#define NEAR_WORD_MAX 40 /* bytes; longer words are near to nothing */

/*
 * How many letters make the difference of A and B, without regard to ASCII case: added,
 * left out, another one, or two neighbours exchanged (optimal string alignment).
 * NEAR_WORD_MAX + 1 where one of them is too long.
 */
unsigned near_word_distance(const char *a, const char *b);

/*
 * The first of N words that WORD is nearest to; NULL where it differs from all of them
 * by more than two letters, or by more than one of up to four.
 */
const char *near_word_find(const char *word, const char *const *known, size_t n);
