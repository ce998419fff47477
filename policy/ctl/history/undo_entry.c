/* SPDX-License-Identifier: BSD-2-Clause */
/* undo_entry - an entry of the audit log that is to be undone */
#include "policy/ctl/history/undo_entry.h"

#include <string.h>

/* copy - of a record of the entry, to AT */
static struct bytes
copy(struct bytes record, uint8_t *at)
{
	if (record.at == NULL)
		return record;
	memcpy(at, record.at, record.len);
	return (struct bytes){at, record.len};
}

struct reading {
	struct undo_entry *u;
	struct store_txn *txn;
};

/* entry_take - copies the entry, if it is the one that is wanted */
static enum error
entry_take(void *arg, const struct audit_entry *e)
{
	const struct reading *r = arg;
	struct undo_entry *u = r->u;
	enum error error;

	u->found = e->number == u->number;
	if (!u->found)
		return WALK_STOP;
	u->kind = e->kind;
	u->before = u->after = (struct bytes){NULL, 0};
	error = audit_table_listed(r->txn, e, &u->listed);
	if (error != OK || e->kind != AUDIT_CHANGE)
		return error != OK ? error : WALK_STOP;
	u->key = key_copy(e->object);
	u->before = copy(e->before, u->buf);
	u->after = copy(e->after, u->buf + DB_VALUE_MAX);
	return WALK_STOP;
}

enum error
undo_entry_read(struct undo_entry *u, struct store_txn *txn, uint64_t number)
{
	struct reading r = {u, txn};

	u->number = number;
	u->found = false;
	return audit_table_each(txn, number, entry_take, &r);
}

bool
undo_entry_is_same(struct bytes a, struct bytes b)
{
	if (a.at == NULL || b.at == NULL)
		return a.at == b.at;
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

bool
undo_entry_left(const struct undo_entry *u, struct bytes now)
{
	return undo_entry_is_same(now, u->after);
}
