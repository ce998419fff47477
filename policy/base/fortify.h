/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fortify - the C library's checks of buffers, unless somebody else has chosen: the
 * compiler, a distribution or CFLAGS. configure has it included before every file. The
 * C library warns if nothing is optimized; sanitizers, which CFLAGS may bring, see less
 * behind these checks.
 */
#pragma once

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined __OPTIMIZE__ && !defined _FORTIFY_SOURCE && !defined SANITIZED
#define _FORTIFY_SOURCE 2
#endif
#undef SANITIZED
