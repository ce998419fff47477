/* SPDX-License-Identifier: BSD-2-Clause */
/* commands - the table of commands, and the one that words name */
#pragma once

#include "policy/ctl/frame/ctl.h"

/* Row I of the table, or NULL past the end. */
const struct command *commands_at(size_t i);

/* Whether the command's name begins with the word NOUN. */
bool commands_is_of(const struct command *command, const char *noun);

/*
 * Finds the command with the longest name that O's words begin with, and takes the name
 * off them. ERR_USAGE, with WHY: there is none, or it does not take these words or
 * options.
 */
enum error commands_find(struct options *o, const struct command **command_r,
    struct error_text *why) MUST_USE;

/* ERR_USAGE, with the line for words that are not a command. */
enum error commands_unknown(const struct options *o, struct error_text *why) MUST_USE;
