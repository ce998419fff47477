/* SPDX-License-Identifier: BSD-2-Clause */
/* near_word - the known word that a misspelt one is near to */
#include "policy/base/near_word.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define SHORT_WORD 4

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned
near_word_distance(const char *a, const char *b)
{
	unsigned row[3][NEAR_WORD_MAX + 1]; /* of letters of A: this, and two before */
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAR_WORD_MAX || m > NEAR_WORD_MAX)
		return NEAR_WORD_MAX + 1;
	for (size_t i = 0; i <= n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			if (i == 0) {
				now[j] = (unsigned)j;
				continue;
			}
			now[j] = smaller(last[j], now[j - 1]) + 1;
			now[j] =
			    smaller(now[j], last[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				now[j] = smaller(now[j], row[(i + 1) % 3][j - 2] + 1);
		}
	}
	return row[n % 3][m];
}

const char *
near_word_find(const char *word, const char *const *known, size_t n)
{
	const char *best = NULL;
	unsigned least = NEAR_WORD_MAX + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned distance = near_word_distance(word, known[i]);
		unsigned most = strlen(known[i]) <= SHORT_WORD ? 1 : 2;

		if (distance > most || distance >= least)
			continue;
		best = known[i];
		least = distance;
	}
	return best;
}
