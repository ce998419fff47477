/* SPDX-License-Identifier: BSD-2-Clause */
/* unicode - case, composition and what can be seen (the only file with libunistring) */
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

/* failed - the error of a libunistring function that returned NULL */
static enum error
failed(void)
{
	return errno == ENOMEM ? ERR_MEMORY : ERR_DATA;
}

enum error
unicode_lower_nfc(const char *s, size_t n, char *out, size_t cap, size_t *len_r)
{
	const uint8_t *in = (const uint8_t *)s;
	uint8_t *lower;
	size_t len;

	if (u8_check(in, n) != NULL)
		return ERR_DATA;
	lower = u8_tolower(in, n, NULL, UNINORM_NFC, NULL, &len);
	if (lower == NULL)
		return failed();
	if (len <= cap) {
		memcpy(out, lower, len);
		*len_r = len;
	}
	free(lower);
	return len <= cap ? OK : ERR_LIMIT;
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

/* is_mapped_away - what LDAP's string preparation (RFC 4518) drops though it shows */
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

/* The characters of a spelling as they are put together. */
struct spelling {
	uint8_t *at;
	size_t len;
	bool blank; /* one was left out before the next character */
	ucs4_t last;
};

static bool
folds_case(enum looseness how)
{
	return how == LOOSE_WORDS || how == LOOSE_FOLDED;
}

/*
 * is_overlooked - whether HOW drops C behind what there is; a '?' of Postfix' may have
 * been a control character
 */
static bool
is_overlooked(const struct spelling *out, enum looseness how, ucs4_t c)
{
	return is_unseen(c) || c == '?' ||
	    (folds_case(how) && c == DOT_ABOVE && out->last == 'i');
}

/*
 * drop - S without what is overlooked, in place, which never makes it longer; between
 * words one blank stays where blanks count
 */
static size_t
drop(uint8_t *s, size_t n, enum looseness how)
{
	struct spelling out = {.at = s};
	ucs4_t c;

	for (size_t i = 0; i < n;) {
		i += (size_t)u8_mbtouc(&c, s + i, n - i);
		if (is_blank(c))
			out.blank = true;
		if (is_blank(c) || is_overlooked(&out, how, c))
			continue;
		if (folds_case(how) && c == DOTLESS_I)
			c = 'i';
		if ((how == LOOSE_COMPATIBLE || how == LOOSE_WORDS) && out.blank &&
		    out.len > 0)
			s[out.len++] = ' ';
		out.len += (size_t)u8_uctomb(s + out.len, c, 4);
		out.blank = false;
		out.last = c;
	}
	return out.len;
}

/* fold_once - what HOW asks of libunistring */
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

/* fold - twice: NFKC makes capitals of some signs, which have a lower case then */
static uint8_t *
fold(const uint8_t *s, size_t n, enum looseness how, size_t *len_r)
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

	if (u8_check((const uint8_t *)s, n) != NULL)
		return ERR_DATA;
	kept = malloc(n + 1);
	if (kept == NULL)
		return ERR_MEMORY;
	memcpy(kept, s, n);
	/* before, or marks do not meet their letters; after, for the blanks of NFKC */
	len = drop(kept, n, how);
	folded = fold(kept, len, how, &len);
	free(kept);
	if (folded == NULL)
		return failed();
	len = drop(folded, len, how);
	if (len <= cap) {
		memcpy(out, folded, len);
		*len_r = len;
	}
	free(folded);
	return len <= cap ? OK : ERR_LIMIT;
}
