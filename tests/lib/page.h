/* SPDX-License-Identifier: BSD-2-Clause */
/* page.h - pages of LMDB's file, as tests damage them (mdb.c, struct MDB_page). */
#ifndef TESTS_LIB_PAGE_H
#define TESTS_LIB_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum page_kind { PAGE_BRANCH = 0x01, PAGE_LEAF = 0x02 };

/* What the page's header says it is: one of the above, or something else. */
unsigned page_kind(const char *page);

/* Lets record I of a leaf and the one behind it change places; false where there are
 * no two. Once more, and all is as it was. */
bool page_swap(char *page, size_t i);

#endif
