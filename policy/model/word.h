/* SPDX-License-Identifier: BSD-2-Clause */
/* word - the values of smtp-auth, action and blocks, and their words */
#pragma once

#include <stdbool.h>

enum smtp_auth { SMTP_AUTH_INHERIT, SMTP_AUTH_ENABLED, SMTP_AUTH_DISABLED };

/* The action for a denial. ACTION_ACCEPT is for two settings only. */
enum action {
	ACTION_DEFAULT,
	ACTION_REJECT,
	ACTION_TEMPFAIL,
	ACTION_REPORT,
	ACTION_ACCEPT,
};

/* Usable as a truth value. */
enum yes_no { WORD_NO, WORD_YES };

enum blocks { BLOCKS_ALL, BLOCKS_PASSWORDS };

/* The words, as the command line and the JSON have them. */
const char *word_of_smtp_auth(enum smtp_auth v);
const char *word_of_action(enum action v);
const char *word_of_blocks(enum blocks v);

/* The value of a word; false for any other text. */
bool word_to_smtp_auth(const char *s, enum smtp_auth *out_r);
bool word_to_action(const char *s, enum action *out_r);
bool word_to_blocks(const char *s, enum blocks *out_r);

/* The words of enum yes_no, and those of enum action without `default` and `report`. */
extern const char *const word_yes_no[];
extern const char *const word_three_way[];

/*
 * Sets the enumeration *VALUE_R to the index of S in a list of words that ends in NULL;
 * a value without a word is "" there. False if S is not in it.
 */
bool word_find(const char *const *words, const char *s, void *value_r);
