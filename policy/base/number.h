/* SPDX-License-Identifier: BSD-2-Clause */
/* number - a decimal as somebody typed it */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Whether S (may be NULL) is digits only, a number up to MOST; N_R is it, or else 0. */
bool number_parse(const char *s, uint64_t most, uint64_t *n_r);
