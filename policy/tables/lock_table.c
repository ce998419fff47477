/* SPDX-License-Identifier: BSD-2-Clause */
/* lock_table - the locks as the database has them */
#include "policy/tables/lock_table.h"

#include <string.h>

#include "policy/store/prefix_scan.h"

static const enum table tables[LOCK_ORIGINS] = {
    [LOCK_MADE_HERE] = TABLE_LOCAL_LOCK, [LOCK_BROUGHT] = TABLE_LOCK};

const char *
lock_table_origin_name(enum lock_origin origin)
{
	return origin == LOCK_MADE_HERE ? "local" : "brought";
}

void
lock_table_subject_tenant(struct lock_subject *s, const char *tenant)
{
	s->kind = LOCK_TENANT;
	memcpy(s->tenant, tenant, strlen(tenant) + 1);
}

void
lock_table_subject_login(struct lock_subject *s, const struct login *login)
{
	s->kind = LOCK_LOGIN;
	s->login = *login;
}

const char *
lock_table_subject_name(const struct lock_subject *s)
{
	return s->kind == LOCK_TENANT ? s->tenant : s->login.text;
}

static void
lock_key(struct key *key, enum lock_origin origin, const struct lock_subject *s)
{
	if (s->kind == LOCK_TENANT)
		key_tenant_lock(key, tables[origin], s->tenant);
	else
		key_login_lock(key, tables[origin], &s->login);
}

static enum error
lock_get(
    struct store_txn *txn, const struct key *key, struct lock *out_r, bool *found_r)
{
	uint8_t buf[RECORD_MAX];
	struct bytes value;
	enum error e = store_get(txn, key, buf, &value);

	*found_r = e == OK && value.at != NULL;
	return *found_r ? lock_decode(value, out_r) : e;
}

enum error
lock_table_get(struct store_txn *txn, enum lock_origin origin,
    const struct lock_subject *subject, struct lock *out_r, bool *found_r)
{
	struct key key;

	lock_key(&key, origin, subject);
	return lock_get(txn, &key, out_r, found_r);
}

enum error
lock_table_put(struct store_txn *txn, enum lock_origin origin,
    const struct lock_subject *subject, const struct lock *lock)
{
	struct record_writer w;
	uint8_t buf[RECORD_MAX];
	struct key key;

	lock_key(&key, origin, subject);
	record_write_start(&w, buf, sizeof buf);
	lock_encode(lock, &w);
	return w.failed ? ERR_LIMIT : store_put(txn, &key, (struct bytes){buf, w.len});
}

enum error
lock_table_remove(
    struct store_txn *txn, enum lock_origin origin, const struct lock_subject *subject)
{
	struct key key;

	lock_key(&key, origin, subject);
	return store_delete(txn, &key);
}

/* lock_add - those of TENANT, or of LOGIN where that is NULL */
static enum error
lock_add(struct store_txn *txn, const char *tenant, const struct login *login,
    struct lock_state *out)
{
	struct lock lock;
	struct key key;
	bool found;
	enum error e = OK;

	if (store_meta(txn)->locks == 0)
		return OK;
	for (int i = 0; i < LOCK_ORIGINS && e == OK; i++) {
		if (tenant != NULL)
			key_tenant_lock(&key, tables[i], tenant);
		else
			key_login_lock(&key, tables[i], login);
		e = lock_get(txn, &key, &lock, &found);
		if (e == OK && found)
			lock_state_add(out, lock.until);
	}
	return e;
}

enum error
lock_table_add_tenant(struct store_txn *txn, const char *tenant, struct lock_state *out)
{
	return lock_add(txn, tenant, NULL, out);
}

enum error
lock_table_add_login(
    struct store_txn *txn, const struct login *login, struct lock_state *out)
{
	return lock_add(txn, NULL, login, out);
}

struct lock_walk {
	lock_table_visitor *fn;
	void *arg;
};

static enum error
lock_visit(void *arg, struct bytes key, struct bytes value)
{
	const struct lock_walk *w = arg;
	struct lock_subject subject;
	struct lock lock;
	enum error e = key_to_lock(key, &subject.kind, subject.tenant, &subject.login);

	if (e == OK)
		e = lock_decode(value, &lock);
	return e == OK ? w->fn(w->arg, &subject, &lock) : e;
}

enum error
lock_table_each(
    struct store_txn *txn, enum lock_origin origin, lock_table_visitor *fn, void *arg)
{
	struct lock_walk w = {fn, arg};
	struct key range;

	key_table(&range, tables[origin]);
	return prefix_scan_each(txn, &range, lock_visit, &w);
}
