/* SPDX-License-Identifier: BSD-2-Clause */
/* key - the database keys: a table byte and what names the record */
#include "policy/key.h"

#include <string.h>

#define HASH_BYTES 8

_Static_assert(1 + LOGIN_MAX + HASH_BYTES <= KEY_MAX, "an alias fits its index key");

static void
add(struct key *k, const void *p, size_t n)
{
	memcpy(k->at + k->len, p, n);
	k->len += n;
}

void
key_table(struct key *k, enum table table)
{
	k->at[0] = (uint8_t)table;
	k->len = 1;
}

void
key_name(struct key *k, enum table table, const char *name)
{
	key_table(k, table);
	add(k, name, strnlen(name, KEY_MAX - 1));
}

void
key_domain_range(struct key *k, enum table table, const char *domain)
{
	key_table(k, table);
	add(k, domain, strnlen(domain, KEY_MAX - 2));
	add(k, "", 1);
}

void
key_login(struct key *k, enum table table, const struct login *login)
{
	key_table(k, table);
	if (login->has_domain)
		add(k, login_domain(login), login->len - login->local - 1);
	add(k, "", 1);
	add(k, login->text, login->local);
}

void
key_tenant_domain(struct key *k, const char *tenant, const char *domain)
{
	key_domain_range(k, INDEX_DOMAIN, tenant);
	add(k, domain, strnlen(domain, KEY_MAX - k->len));
}

/* hash - FNV-1a; a collision within one mailbox is found when it is stored */
static void
hash(const char *s, size_t n, uint8_t out[HASH_BYTES])
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(1099511628211);
	for (int i = HASH_BYTES; i-- > 0; h >>= 8)
		out[i] = (uint8_t)h;
}

void
key_mailbox_alias(struct key *k, const struct login *mailbox, const struct login *alias)
{
	uint8_t h[HASH_BYTES];

	key_login(k, INDEX_ALIAS, mailbox);
	if (alias == NULL)
		return;
	hash(alias->text, alias->len, h);
	add(k, h, sizeof h);
}

struct bytes
key_bytes(const struct key *k)
{
	return (struct bytes){k->at, k->len};
}

bool
key_has_prefix(struct bytes key, const struct key *prefix)
{
	return key.len >= prefix->len && memcmp(key.at, prefix->at, prefix->len) == 0;
}

bool
key_is_policy(struct bytes key)
{
	const uint8_t *at = key.at;

	return key.len > 0 &&
	    (at[0] == TABLE_SETTING || at[0] == TABLE_TENANT || at[0] == TABLE_DOMAIN ||
		at[0] == TABLE_MAILBOX || at[0] == TABLE_ALIAS);
}

bool
key_is_alias_of(struct bytes key, const struct key *range)
{
	return key_has_prefix(key, range) && key.len == range->len + HASH_BYTES;
}

enum error
key_to_login(struct bytes key, struct login *out_r)
{
	const uint8_t *at = key.at, *end;
	size_t domain, local;

	if (key.len < 3 || key.len - 1 > LOGIN_MAX)
		return ERR_DAMAGED;
	end = memchr(at + 1, '\0', key.len - 1);
	if (end == NULL)
		return ERR_DAMAGED;
	domain = (size_t)(end - at) - 1;
	local = key.len - 2 - domain;
	if (local == 0 || memchr(end + 1, '\0', local) != NULL)
		return ERR_DAMAGED;
	memcpy(out_r->text, end + 1, local);
	out_r->local = out_r->len = local;
	out_r->has_domain = out_r->named = domain > 0;
	if (domain > 0) {
		out_r->text[local] = '@';
		memcpy(out_r->text + local + 1, at + 1, domain);
		out_r->len += 1 + domain;
	}
	out_r->text[out_r->len] = '\0';
	return OK;
}
