/* SPDX-License-Identifier: BSD-2-Clause */
/* lmdb_page.h - pages of LMDB's file, as tests damage them (mdb.c, struct MDB_page). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum lmdb_page_kind { LMDB_PAGE_BRANCH = 0x01, LMDB_PAGE_LEAF = 0x02 };

/* What the page's header says it is: one of the above, or something else. */
unsigned lmdb_page_kind(const char *page);

/* Lets record I of a leaf and the one behind it change places; false where there are
 * no two. Once more, and all is as it was. */
bool lmdb_page_swap(char *page, size_t i);
