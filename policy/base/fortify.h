/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fortify - the C library's checks of buffers, unless somebody else has chosen: the
 * compiler, a distribution or CFLAGS. configure has it included before every file. The
 * C library warns if nothing is optimized.
 */
#pragma once

#if defined __OPTIMIZE__ && !defined _FORTIFY_SOURCE
#define _FORTIFY_SOURCE 2
#endif
