/* SPDX-License-Identifier: BSD-2-Clause */
/* linux_calls - whether this room uses what only Linux has, or the portable way */
#pragma once

/* "configure --disable-linux-calls" builds the portable ways, to test them on Linux. */
#if defined(__linux__) && !defined(PORTABLE_ONLY)
#define LINUX_CALLS 1
#endif
