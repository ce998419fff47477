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
	key_login(k, TABLE_MAILBOX, login); /* ordered the same, in another table */
	k->at[0] = TABLE_USAGE;
	k->at[k->len++] = '\0';
}

void
usage_key_add_day(struct key *k, uint32_t day)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		k->at[k->len++] = (uint8_t)(day >> shift);
}

int
usage_key_order(const struct login *a, const struct login *b)
{
	struct key x, y;
	size_t n;
	int order;

	usage_key_login(&x, a);
	usage_key_login(&y, b);
	n = x.len < y.len ? x.len : y.len;
	order = memcmp(x.at, y.at, n);
	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* read_login - checked, as it will be printed */
static enum error
read_login(struct bytes key, struct login *login_r)
{
	struct login stored;

	usage_others(login_r);
	if (key.len == 2) /* neither domain nor local part */
		return OK;
	if (key_to_login(key, &stored) != OK ||
	    !text_is_line(stored.text, stored.len) ||
	    login_from_normal(stored.text, stored.len, login_r) != OK)
		return ERR_DAMAGED;
	return login_r->local == stored.local ? OK : ERR_DAMAGED;
}

/* parse - a key of TABLE, which may be longer than any of ours */
static enum error
parse(struct bytes key, uint8_t table, struct login *login_r, uint32_t *day_r,
    bool *has_day_r)
{
	const uint8_t *at = key.at, *end = at + key.len, *rest;

	if (key.len == 0 || at[0] != table)
		return ERR_DAMAGED;
	rest = memchr(at, '\0', key.len);
	if (rest != NULL)
		rest = memchr(rest + 1, '\0', (size_t)(end - rest - 1));
	if (rest == NULL ||
	    read_login((struct bytes){at, (size_t)(rest - at)}, login_r) != OK)
		return ERR_DAMAGED;
	rest++;
	*has_day_r = rest != end;
	if (!*has_day_r)
		return OK;
	if (end - rest != DAY_BYTES)
		return ERR_DAMAGED;
	*day_r = 0;
	for (; rest < end; rest++)
		*day_r = *day_r << 8 | *rest;
	return OK;
}

enum error
usage_key_parse(
    struct bytes key, struct login *login_r, uint32_t *day_r, bool *has_day_r)
{
	return parse(key, TABLE_USAGE, login_r, day_r, has_day_r);
}

void
usage_key_auth_denied(struct key *k, const struct login *login)
{
	usage_key_login(k, login);
	k->at[0] = TABLE_AUTH_DENIED;
}

enum error
usage_key_parse_auth_denied(struct bytes key, struct login *login_r)
{
	uint32_t day;
	bool has_day;
	enum error e = parse(key, TABLE_AUTH_DENIED, login_r, &day, &has_day);

	return e == OK && has_day ? ERR_DAMAGED : e;
}
