/* SPDX-License-Identifier: BSD-2-Clause */
/* key - the database keys: a table byte and the name of the record */
#include "policy/model/key.h"

#include <string.h>

#include "policy/base/fnv.h"
#include "policy/identity/domain.h"
#include "policy/model/tenant.h"

#define HASH_BYTES 9

_Static_assert(2 + LOGIN_MAX + HASH_BYTES <= KEY_MAX, "an alias fits its index key");
_Static_assert(3 + LOGIN_MAX <= KEY_MAX, "the lock of a login fits its key");

static void
key_add(struct key *k, const void *p, size_t n)
{
	memcpy(k->at + k->len, p, n);
	k->len += n;
}

/* key_add_text - what fits of S; ROOM bytes are for what follows it */
static void
key_add_text(struct key *k, const char *s, size_t room)
{
	size_t n = strlen(s), most = KEY_MAX - room - k->len;

	key_add(k, s, n < most ? n : most);
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
	key_add_text(k, name, 0);
}

void
key_number(struct key *k, enum table table, uint64_t number)
{
	key_table(k, table);
	for (int shift = 56; shift >= 0; shift -= 8)
		k->at[k->len++] = (uint8_t)(number >> shift);
}

void
key_domain_range(struct key *k, enum table table, const char *domain)
{
	key_table(k, table);
	key_add_text(k, domain, 1);
	key_add(k, "", 1);
}

static void
key_add_login(struct key *k, const struct login *login)
{
	if (login->has_domain)
		key_add(k, login_domain(login), login->len - login->local - 1);
	key_add(k, "", 1);
	key_add(k, login->text, login->local);
}

void
key_login(struct key *k, enum table table, const struct login *login)
{
	key_table(k, table);
	key_add_login(k, login);
}

void
key_tenant_lock(struct key *k, enum table table, const char *tenant)
{
	key_table(k, table);
	key_add(k, &(uint8_t){LOCK_TENANT}, 1);
	key_add_text(k, tenant, 0);
}

void
key_login_lock(struct key *k, enum table table, const struct login *login)
{
	key_table(k, table);
	key_add(k, &(uint8_t){LOCK_LOGIN}, 1);
	key_add_login(k, login);
}

void
key_tenant_domain(struct key *k, const char *tenant, const char *domain)
{
	key_domain_range(k, INDEX_DOMAIN, tenant);
	key_add_text(k, domain, 0);
}

/* key_hash - 72 bits, both ways; alias_table_put() looks for a collision */
static void
key_hash(const struct login *login, uint8_t out[HASH_BYTES])
{
	uint64_t h = fnv_add(FNV_START, login->text, login->len), back = FNV_START;

	for (size_t i = login->len; i-- > 0;)
		back = fnv_add(back, login->text + i, 1);
	for (int i = 8; i-- > 0; h >>= 8)
		out[i] = (uint8_t)h;
	out[8] = (uint8_t)(back >> 32);
}

void
key_mailbox_alias(struct key *k, const struct login *mailbox, const struct login *alias)
{
	uint8_t h[HASH_BYTES];

	key_login(k, INDEX_ALIAS, mailbox);
	if (alias == NULL)
		return;
	key_hash(alias, h);
	key_add(k, h, sizeof h);
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
	static const char tables[] = {TABLE_SETTING, TABLE_TENANT, TABLE_DOMAIN,
	    TABLE_MAILBOX, TABLE_ALIAS, TABLE_LOCK};

	return key.len > 0 &&
	    memchr(tables, *(const uint8_t *)key.at, sizeof tables) != NULL;
}

bool
key_is_local(struct bytes key)
{
	return key.len > 0 && *(const uint8_t *)key.at == TABLE_LOCAL_LOCK;
}

struct key
key_copy(struct bytes key)
{
	struct key copy = {.len = key.len};

	memcpy(copy.at, key.at, key.len);
	return copy;
}

enum error
key_to_login(struct bytes key, struct login *out_r)
{
	const uint8_t *at = key.at, *end;
	size_t domain, local;

	if (key.len < 3 || key.len > KEY_MAX)
		return ERR_DAMAGED;
	end = memchr(at + 1, '\0', key.len - 1);
	if (end == NULL)
		return ERR_DAMAGED;
	domain = (size_t)(end - at) - 1;
	local = key.len - 2 - domain;
	if (local == 0 || local + domain + (domain > 0) > LOGIN_MAX ||
	    memchr(end + 1, '\0', local) != NULL)
		return ERR_DAMAGED;
	memcpy(out_r->text, end + 1, local);
	out_r->local = out_r->len = local;
	out_r->has_domain = domain > 0;
	if (domain > 0) {
		out_r->text[local] = '@';
		memcpy(out_r->text + local + 1, at + 1, domain);
		out_r->len += 1 + domain;
	}
	out_r->text[out_r->len] = '\0';
	return OK;
}

enum error
key_to_indexed(struct bytes key, struct login *mailbox_r)
{
	if (key.len <= HASH_BYTES)
		return ERR_DAMAGED;
	key.len -= HASH_BYTES;
	return key_to_login(key, mailbox_r);
}

enum error
key_to_name(struct bytes key, size_t from, size_t most, char *name_r)
{
	const char *at = key.at;

	if (key.len <= from || key.len - from > most ||
	    memchr(at + from, '\0', key.len - from) != NULL)
		return ERR_DAMAGED;
	memcpy(name_r, at + from, key.len - from);
	name_r[key.len - from] = '\0';
	return OK;
}

enum error
key_to_tenant(struct bytes key, size_t from, char *tenant_r)
{
	char normal[TENANT_NAME_MAX + 1];
	enum error e = key_to_name(key, from, TENANT_NAME_MAX, tenant_r);

	if (e == OK &&
	    (tenant_name_parse(tenant_r, normal, NULL) != OK ||
		strcmp(tenant_r, normal) != 0))
		return ERR_DAMAGED;
	return e;
}

enum error
key_to_lock(
    struct bytes key, enum lock_kind *kind_r, char *tenant_r, struct login *login_r)
{
	const uint8_t *at = key.at;

	if (key.len < 3)
		return ERR_DAMAGED;
	*kind_r = (enum lock_kind)at[1];
	if (*kind_r == LOCK_TENANT)
		return key_to_tenant(key, 2, tenant_r);
	/* after its first byte it is a key of a table of logins */
	return *kind_r == LOCK_LOGIN
	    ? key_to_login((struct bytes){at + 1, key.len - 1}, login_r)
	    : ERR_DAMAGED;
}

enum error
key_to_number(struct bytes key, uint64_t *number_r)
{
	const uint8_t *at = key.at;

	if (key.len != 1 + sizeof *number_r)
		return ERR_DAMAGED;
	*number_r = 0;
	for (size_t i = 1; i < key.len; i++)
		*number_r = *number_r << 8 | at[i];
	return OK;
}

enum error
key_to_domain(struct bytes key, char *domain_r)
{
	const uint8_t *at = key.at, *end = memchr(at, '\0', key.len);

	if (end == NULL)
		return ERR_DAMAGED;
	key.len = (size_t)(end - at);
	return key_to_name(key, 1, DOMAIN_MAX, domain_r);
}
