/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange_foreign - what people paste besides our commands */
#pragma once

#include "policy/exchange/exchange.h"

/*
 * Reads the N words after a pipe: Format-List, Format-Table, Select-Object or an alias
 * of theirs, and the properties to be printed, with wildcards; none is all. ERR_USAGE
 * for anything else, with the command of ours that does it.
 */
enum error exchange_foreign_pipeline(enum exchange_cmdlet cmdlet,
    const struct exchange_word *word, size_t n, unsigned *properties_r,
    struct error_text *why) MUST_USE;
