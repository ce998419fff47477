/* SPDX-License-Identifier: BSD-2-Clause */
/* number - an unsigned decimal number, as text */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* True if S has digits only, and its number is at most MOST. N_R is 0 if not. */
bool number_parse(const char *s, uint64_t most, uint64_t *n_r);
