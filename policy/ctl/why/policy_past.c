/* SPDX-License-Identifier: BSD-2-Clause */
/* policy_past - the policy as it was, by the audit log */
#include "policy/ctl/why/policy_past.h"

#include <stdlib.h>
#include <string.h>

#include "policy/audit/audit_table.h"
#include "policy/base/array.h"
#include "policy/base/fnv.h"

/* A record, and an entry that changed it. */
struct past_change {
	uint64_t record, number;
};

static uint64_t
hash_of(struct bytes key)
{
	return fnv_add(FNV_START, key.at, key.len);
}

/* hides_changes - whether it stands for changes that have no entry each */
static bool
hides_changes(const struct audit_entry *e)
{
	uint64_t total = audit_summary_total(&e->summary);

	return e->kind == AUDIT_SUMMARY &&
	    (total > AUDIT_SUMMARY_LISTED ||
		(total > 0 && strcmp(e->origin.command, "restore") == 0));
}

/* take_first - the number up to which entries are gone, if no later one is before LEAST
 */
static enum error
take_first(void *arg, const struct audit_entry *e)
{
	struct policy_past *p = arg;

	if (e->kind == AUDIT_STUB && e->number + 1 >= p->first)
		p->pruned = e->number;
	return WALK_STOP;
}

/* take_entry - one of the log */
static enum error
take_entry(void *arg, const struct audit_entry *e)
{
	struct policy_past *p = arg;
	void *at;

	if (hides_changes(e))
		p->incomplete = e->number;
	if (e->kind != AUDIT_CHANGE)
		return OK;
	at = array_grow(p->change, p->changes, &p->changes_room, sizeof *p->change);
	if (at == NULL)
		return ERR_MEMORY;
	p->change = at;
	p->change[p->changes++] = (struct past_change){hash_of(e->object), e->number};
	return OK;
}

static int
compare_changes(const void *a, const void *b)
{
	const struct past_change *x = a, *y = b;

	if (x->record != y->record)
		return x->record < y->record ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* change_from - the first change of RECORD from entry FIRST on, or what follows it */
static size_t
change_from(const struct policy_past *p, uint64_t record, uint64_t first)
{
	const struct past_change wanted = {record, first};
	size_t low = 0, high = p->changes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_changes(&p->change[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What the record KEY was before an entry. */
struct before {
	struct bytes key;
	uint8_t *buf;
	struct bytes *value_r;
	bool taken;
};

static enum error
take_before(void *arg, const struct audit_entry *e)
{
	struct before *b = arg;

	if (e->kind != AUDIT_CHANGE || e->object.len != b->key.len ||
	    memcmp(e->object.at, b->key.at, b->key.len) != 0)
		return WALK_STOP; /* another record of the same hash */
	if (e->before.len > RECORD_MAX)
		return ERR_DAMAGED;
	*b->value_r = (struct bytes){NULL, 0};
	if (e->before.at != NULL) {
		memcpy(b->buf, e->before.at, e->before.len);
		*b->value_r = (struct bytes){b->buf, e->before.len};
	}
	b->taken = true;
	return WALK_STOP;
}

/* note_asked - keeps the hash of a record that is looked up */
static enum error
note_asked(struct policy_past *p, uint64_t record)
{
	void *at;

	for (size_t i = 0; i < p->asks; i++)
		if (p->asked[i] == record)
			return OK;
	at = array_grow(p->asked, p->asks, &p->asks_room, sizeof *p->asked);
	if (at == NULL)
		return ERR_MEMORY;
	p->asked = at;
	p->asked[p->asks++] = record;
	return OK;
}

/* past_lens - see store_lens */
static enum error
past_lens(void *arg, struct store_txn *txn, const struct key *key, uint8_t *buf,
    struct bytes *value_r, bool *taken_r)
{
	struct policy_past *p = arg;
	struct before b = {key_bytes(key), buf, value_r, false};
	uint64_t record = hash_of(b.key);
	enum error e = note_asked(p, record);

	if (!p->now)
		for (size_t i = change_from(p, record, p->first); e == OK && !b.taken &&
		     i < p->changes && p->change[i].record == record;
		     i++)
			e = audit_table_each(txn, p->change[i].number, take_before, &b);
	*taken_r = b.taken;
	return e;
}

enum error
policy_past_at(struct policy_past *p, uint64_t first)
{
	p->first = first;
	p->now = first == 0;
	return store_see(p->txn, past_lens, p);
}

enum error
policy_past_open(struct policy_past *p, struct store_txn *txn, uint64_t least)
{
	enum error e;

	*p = (struct policy_past){.txn = txn, .first = least, .now = true};
	e = audit_table_each(txn, 1, take_first, p);
	if (e == OK)
		e = audit_table_each(txn, least, take_entry, p);
	if (e != OK)
		return e;
	if (p->changes > 0)
		qsort(p->change, p->changes, sizeof *p->change, compare_changes);
	return policy_past_at(p, 0);
}

void
policy_past_close(struct policy_past *p)
{
	free(p->change);
	free(p->asked);
	*p = (struct policy_past){.now = true};
}

bool
policy_past_concerns(const struct policy_past *p, const struct audit_entry *e)
{
	uint64_t record;

	if (e->kind == AUDIT_SUMMARY)
		return hides_changes(e);
	if (e->kind != AUDIT_CHANGE)
		return false;
	record = hash_of(e->object);
	for (size_t i = 0; i < p->asks; i++)
		if (p->asked[i] == record)
			return true;
	return false;
}
