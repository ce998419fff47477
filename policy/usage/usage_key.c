/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_key - the keys of logins and their days in the usage database */
#include "policy/usage/usage_key.h"

#include <string.h>

#include "policy/base/text.h"
#include "policy/usage/usage.h"

#define DAY_BYTES 4

_Static_assert(1 + LOGIN_MAX + 2 + DAY_BYTES <= KEY_MAX, "a day fits its key");

void
usage_key_login(struct key *k, const struct login *login)
{
	key_login(k, TABLE_MAILBOX, login); /* the same order, in a table of ours */
	k->at[0] = TABLE_USAGE;
	k->at[k->len++] = '\0';
}

void
usage_key_add_day(struct key *k, uint32_t day)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		k->at[k->len++] = (uint8_t)(day >> shift);
}

/* read_login - from "DOMAIN \0 LOCAL", as it will be printed */
static enum error
read_login(const char *domain, size_t domain_len, const char *local, size_t local_len,
    struct login *login_r)
{
	char text[LOGIN_MAX + 1];
	size_t n = local_len;

	if (local_len == 0 && domain_len == 0) {
		usage_others(login_r);
		return OK;
	}
	if (local_len == 0 || local_len + (domain_len > 0) + domain_len > LOGIN_MAX)
		return ERR_DAMAGED;
	memcpy(text, local, local_len);
	if (domain_len > 0) {
		text[n++] = '@';
		memcpy(text + n, domain, domain_len);
		n += domain_len;
	}
	if (!text_is_line(text, n) || login_from_normal(text, n, login_r) != OK)
		return ERR_DAMAGED;
	return login_r->local == local_len ? OK : ERR_DAMAGED;
}

enum error
usage_key_parse(
    struct bytes key, struct login *login_r, uint32_t *day_r, bool *has_day_r)
{
	const char *domain = (const char *)key.at + 1, *local, *rest;
	const char *end = (const char *)key.at + key.len;
	enum error e;

	if (key.len == 0 || *(const uint8_t *)key.at != TABLE_USAGE)
		return ERR_DAMAGED;
	local = memchr(domain, '\0', (size_t)(end - domain));
	rest =
	    local != NULL ? memchr(local + 1, '\0', (size_t)(end - local - 1)) : NULL;
	if (rest == NULL)
		return ERR_DAMAGED;
	e = read_login(domain, (size_t)(local - domain), local + 1,
	    (size_t)(rest - local - 1), login_r);
	rest++;
	*has_day_r = rest != end;
	if (e != OK || !*has_day_r)
		return e;
	if (end - rest != DAY_BYTES)
		return ERR_DAMAGED;
	*day_r = 0;
	for (; rest < end; rest++)
		*day_r = *day_r << 8 | (uint8_t)*rest;
	return OK;
}
