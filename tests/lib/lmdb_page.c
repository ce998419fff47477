/* SPDX-License-Identifier: BSD-2-Clause */
/* lmdb_page.c - pages of LMDB's file, as tests damage them. */
#include "tests/lib/lmdb_page.h"

#include <stdint.h>
#include <string.h>

enum {
	KIND_AT = sizeof(size_t) + 2,  /* behind the page's number and a pad */
	LOWER_AT = sizeof(size_t) + 4, /* where its pointers end */
	POINTERS_AT = sizeof(size_t) + 8,
	POINTER = 2
};

static unsigned
get(const char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

unsigned
lmdb_page_kind(const char *page)
{
	return get(page + KIND_AT);
}

bool
lmdb_page_swap(char *page, size_t i)
{
	char *at = page + POINTERS_AT + i * POINTER;
	char first[POINTER];

	if (lmdb_page_kind(page) != LMDB_PAGE_LEAF ||
	    POINTERS_AT + (i + 2) * POINTER > get(page + LOWER_AT))
		return false;
	memcpy(first, at, POINTER);
	memcpy(at, at + POINTER, POINTER);
	memcpy(at + POINTER, first, POINTER);
	return true;
}
