/* SPDX-License-Identifier: BSD-2-Clause */
/* word - the values of smtp-auth, action and blocks, and their words */
#include "policy/model/word.h"

#include <string.h>

static const char *const smtp_auth_words[] = {"inherit", "enabled", "disabled", NULL};
static const char *const action_words[] = {
    "default", "reject", "tempfail", "report", "accept", NULL};
static const char *const blocks_words[] = {"all", "passwords", NULL};

int
word_find(const char *const *words, const char *s)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], s) == 0)
			return i;
	return -1;
}

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
	int i = word_find(smtp_auth_words, s);

	if (i >= 0)
		*out_r = (enum smtp_auth)i;
	return i >= 0;
}

bool
word_to_action(const char *s, enum action *out_r)
{
	int i = word_find(action_words, s);

	if (i >= 0)
		*out_r = (enum action)i;
	return i >= 0;
}

bool
word_to_blocks(const char *s, enum blocks *out_r)
{
	int i = word_find(blocks_words, s);

	if (i >= 0)
		*out_r = (enum blocks)i;
	return i >= 0;
}
