/* SPDX-License-Identifier: BSD-2-Clause */
/* utf16 - files that a spreadsheet or PowerShell wrote in UTF-16 */
#include "policy/import/utf16.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/base/unicode.h"

#define BYTE_ORDER_MARK 0xFEFF

enum error
utf16_find(FILE *in, enum utf16_order *order_r)
{
	unsigned char b[4] = {1, 1, 1, 1};
	size_t n = fread(b, 1, sizeof b, in);
	bool failed = ferror(in);

	rewind(in);
	*order_r = UTF16_NOT;
	if (failed)
		return ERR_IO;
	if (n >= 2 && b[0] == 0xFF && b[1] == 0xFE)
		*order_r = UTF16_LITTLE;
	else if (n >= 2 && b[0] == 0xFE && b[1] == 0xFF)
		*order_r = UTF16_BIG;
	else if (b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0)
		*order_r = UTF16_LITTLE;
	else if (b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0)
		*order_r = UTF16_BIG;
	return OK;
}

/* utf16_unit - the next 16 bits; FOUND_R is false at the end */
static enum error
utf16_unit(FILE *in, enum utf16_order order, uint32_t *unit_r, bool *found_r)
{
	int first = getc_unlocked(in), second = EOF;

	*found_r = first != EOF;
	if (*found_r)
		second = getc_unlocked(in);
	if (ferror(in)) {
		errno = 0;
		return ERR_IO;
	}
	if (*found_r && second == EOF)
		return ERR_DATA;
	*unit_r = order == UTF16_LITTLE ? (uint32_t)first | (uint32_t)second << 8
					: (uint32_t)second | (uint32_t)first << 8;
	return OK;
}

/* utf16_next - a character, of one unit or of two (RFC 2781 section 2.2) */
static enum error
utf16_next(FILE *in, enum utf16_order order, uint32_t *c_r, bool *found_r)
{
	uint32_t low;
	bool found;
	enum error e = utf16_unit(in, order, c_r, found_r);

	if (e != OK || !*found_r || *c_r < 0xD800 || *c_r > 0xDFFF)
		return e;
	e = utf16_unit(in, order, &low, &found);
	if (e != OK)
		return e;
	if (*c_r > 0xDBFF || !found || low < 0xDC00 || low > 0xDFFF)
		return ERR_DATA;
	*c_r = 0x10000 + ((*c_r - 0xD800) << 10) + (low - 0xDC00);
	return OK;
}

enum error
utf16_to_utf8(FILE *in, enum utf16_order order, FILE *out)
{
	bool start = true, found;
	char text[4];
	uint32_t c;
	size_t n;
	enum error e;

	for (;; start = false) {
		e = utf16_next(in, order, &c, &found);
		if (e != OK || !found)
			break;
		if (start && c == BYTE_ORDER_MARK)
			continue;
		n = unicode_encode(c, text);
		if (fwrite(text, 1, n, out) != n)
			return error_from_errno(errno);
	}
	if (e == OK && fflush(out) != 0)
		e = error_from_errno(errno);
	return e;
}
