/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - UTF-8: case, composition and visible characters */
#include "policy/base/unicode.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#define DOT_ABOVE 0x0307
#define DOTLESS_I 0x0131

/* unicode_put - copies a result of libunistring, NULL for an error, and frees it */
static enum error
unicode_put(uint8_t *made, size_t n, char *out, size_t cap, size_t *len_r)
{
	if (made == NULL)
		return errno == ENOMEM ? ERR_MEMORY : ERR_DATA;
	if (n <= cap) {
		memcpy(out, made, n);
		*len_r = n;
	}
	free(made);
	return n <= cap ? OK : ERR_LIMIT;
}

/* unicode_is_valid - by the function: a macro of libunistring 1.4 casts const away */
static bool
unicode_is_valid(const char *s, size_t n)
{
	return (u8_check)((const uint8_t *)s, n) == NULL;
}

enum error
unicode_lower_nfc(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	uint8_t *lower;
	size_t len = 0;

	if (!unicode_is_valid(s, n))
		return ERR_DATA;
	lower = u8_tolower((const uint8_t *)s, n, NULL, UNINORM_NFC, NULL, &len);
	return unicode_put(lower, len, out, cap, len_r);
}

size_t
unicode_length(const char *s, size_t n)
{
	int len;

	if (n == 0)
		return 0;
	if ((unsigned char)*s < 0x80)
		return 1;
	len = u8_mblen((const uint8_t *)s, n);
	return len > 0 ? (size_t)len : 0;
}

/* is_mapped_away - visible, but dropped by LDAP's string preparation (RFC 4518) */
static bool
is_mapped_away(ucs4_t c)
{
	return c == 0x1806 || c == 0xFFFC;
}

/* is_blank - white space of any kind, and the Braille cell without a dot */
static bool
is_blank(ucs4_t c)
{
	return uc_is_property_white_space(c) || c == 0x2800;
}

static bool
is_unseen(ucs4_t c)
{
	return uc_is_general_category_withtable(
		   c, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf) ||
	    uc_is_property_default_ignorable_code_point(c) ||
	    uc_is_property_not_a_character(c) || is_mapped_away(c) || c == 0xFFFD;
}

size_t
unicode_encode(uint32_t c, char *out)
{
	int n = u8_uctomb((uint8_t *)out, c, 4);

	return n > 0 ? (size_t)n : 0;
}

bool
unicode_is_visible(const char *s, size_t n)
{
	const uint8_t *at = (const uint8_t *)s, *end = at + n;
	ucs4_t c;
	int len;

	while (at < end) {
		if (*at >= ' ' && *at <= '~') {
			at++;
			continue;
		}
		len = u8_mbtoucr(&c, at, (size_t)(end - at));
		if (len < 0 || is_unseen(c) || is_blank(c))
			return false;
		at += len;
	}
	return true;
}

/*
 * unicode_drop - removes what HOW ignores, in place: S never gets longer;
 * between words one blank stays where blanks count
 */
static size_t
unicode_drop(uint8_t *s, size_t n, enum looseness how)
{
	bool folds_case = how == LOOSE_WORDS || how == LOOSE_FOLDED;
	bool keeps_blanks = how == LOOSE_COMPATIBLE || how == LOOSE_WORDS;
	bool blank = false;
	ucs4_t c, last = 0;
	size_t len = 0;

	for (size_t i = 0; i < n;) {
		i += (size_t)u8_mbtouc(&c, s + i, n - i);
		blank |= is_blank(c);
		/* Postfix writes '?' for a control character */
		if (is_blank(c) || is_unseen(c) || c == '?' ||
		    (folds_case && c == DOT_ABOVE && last == 'i'))
			continue;
		if (folds_case && c == DOTLESS_I)
			c = 'i';
		if (keeps_blanks && blank && len > 0)
			s[len++] = ' ';
		len += (size_t)u8_uctomb(s + len, c, 4);
		blank = false;
		last = c;
	}
	return len;
}

/* fold_once - by the function of libunistring for HOW */
static uint8_t *
fold_once(const uint8_t *s, size_t n, enum looseness how, size_t *len_r)
{
	switch (how) {
	case LOOSE_BLANKS:
		break;
	case LOOSE_COMPATIBLE:
		return u8_tolower(s, n, NULL, UNINORM_NFKC, NULL, len_r);
	case LOOSE_WORDS:
	case LOOSE_FOLDED:
		return u8_casefold(s, n, NULL, UNINORM_NFKC, NULL, len_r);
	}
	return u8_normalize(UNINORM_NFC, s, n, NULL, len_r);
}

/* unicode_fold - twice: NFKC makes capitals of some signs */
static uint8_t *
unicode_fold(const uint8_t *s, size_t n, enum looseness how, size_t *len_r)
{
	uint8_t *once = fold_once(s, n, how, len_r), *twice;

	if (once == NULL)
		return NULL;
	twice = fold_once(once, *len_r, how, len_r);
	free(once);
	return twice;
}

enum error
unicode_loosen(
    const char *s, size_t n, enum looseness how, char *out, size_t cap, size_t *len_r)
{
	uint8_t *kept, *folded;
	size_t len;

	if (!unicode_is_valid(s, n))
		return ERR_DATA;
	kept = malloc(n + 1);
	if (kept == NULL)
		return ERR_MEMORY;
	memcpy(kept, s, n);
	/* before, or marks do not meet their letters; after, for the blanks of NFKC */
	len = unicode_drop(kept, n, how);
	folded = unicode_fold(kept, len, how, &len);
	free(kept);
	if (folded != NULL)
		len = unicode_drop(folded, len, how);
	return unicode_put(folded, len, out, cap, len_r);
}
