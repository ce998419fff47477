/* SPDX-License-Identifier: BSD-2-Clause */
/* word - the values of smtp-auth, action and blocks, and their words */
#include "policy/model/word.h"

#include <string.h>

const char *const word_yes_no[] = {"no", "yes", NULL};
const char *const word_three_way[] = {"", "reject", "tempfail", "", "accept", NULL};
static const char *const smtp_auth_words[] = {"inherit", "enabled", "disabled", NULL};
static const char *const action_words[] = {
    "default", "reject", "tempfail", "report", "accept", NULL};
static const char *const blocks_words[] = {"all", "passwords", NULL};

bool
word_find(const char *const *words, const char *s, void *value_r)
{
	for (int i = 0; words[i] != NULL; i++)
		if (*s != '\0' && strcmp(words[i], s) == 0) {
			memcpy(value_r, &i, sizeof i);
			return true;
		}
	return false;
}

/* word_find() sets an enumeration. */
_Static_assert(sizeof(enum smtp_auth) == sizeof(int), "smtp_auth");
_Static_assert(sizeof(enum action) == sizeof(int), "action");
_Static_assert(sizeof(enum blocks) == sizeof(int), "blocks");

const char *
word_of_smtp_auth(enum smtp_auth v)
{
	return smtp_auth_words[v];
}

const char *
word_of_action(enum action v)
{
	return action_words[v];
}

const char *
word_of_blocks(enum blocks v)
{
	return blocks_words[v];
}

bool
word_to_smtp_auth(const char *s, enum smtp_auth *out_r)
{
	return word_find(smtp_auth_words, s, out_r);
}

bool
word_to_action(const char *s, enum action *out_r)
{
	return word_find(action_words, s, out_r);
}

bool
word_to_blocks(const char *s, enum blocks *out_r)
{
	return word_find(blocks_words, s, out_r);
}
