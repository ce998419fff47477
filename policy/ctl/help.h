/* SPDX-License-Identifier: BSD-2-Clause */
/* help - what --help and --version print */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "policy/ctl/frame/options.h"

/*
 * Prints the version, the commands of a noun, or the overview, which fits a screen.
 * False, and nothing is printed, if no command begins with the first word.
 */
bool help_print(const struct options *o, FILE *out) MUST_USE;
