/* SPDX-License-Identifier: BSD-2-Clause */
/* replace - makes the policy equal to another one, touching only what differs */
#include "policy/transfer/replace.h"

#include <string.h>

#include "policy/model/policy_record.h"
#include "policy/tables/policy_table.h"
#include "policy/transfer/policy_iterator.h"

/* One side of the comparison; at its end KEY is empty. */
struct side {
	struct bytes key, value;
};

struct replacement {
	struct store_txn *txn;
	const struct replace_source *source;
	struct policy_iterator live;
	struct error_text *why;
	struct side old, new;
	struct key last; /* of the source: keys must ascend */
};

/* replace_compare - in LMDB's order; an empty key, the end, comes last */
static int
replace_compare(struct bytes a, struct bytes b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order;

	if (a.len == 0 || b.len == 0)
		return (a.len == 0) - (b.len == 0);
	order = memcmp(a.at, b.at, n);
	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static enum error
replace_next_old(struct replacement *r)
{
	bool found;
	enum error e =
	    policy_iterator_next(&r->live, &r->old.key, &r->old.value, &found);

	if (e == OK && !found)
		r->old.key = (struct bytes){NULL, 0};
	return e;
}

/* replace_next_new - ERR_DAMAGED is for the database: the source has bad data */
static enum error
replace_next_new(struct replacement *r)
{
	bool found;
	enum error e =
	    r->source->next(r->source->arg, &r->new.key, &r->new.value, &found, r->why);

	if (e != OK)
		return e;
	if (!found) {
		r->new.key = (struct bytes){NULL, 0};
		return OK;
	}
	e = policy_record_check(r->new.key, r->new.value);
	if (e != OK)
		return e == ERR_DAMAGED ? ERR_DATA : e;
	if (r->last.len > 0 && replace_compare(key_bytes(&r->last), r->new.key) >= 0)
		return ERR_DATA;
	r->last = key_copy(r->new.key);
	return OK;
}

static bool
replace_same_value(const struct side *a, const struct side *b)
{
	return a->value.len == b->value.len &&
	    memcmp(a->value.at, b->value.at, a->value.len) == 0;
}

/* replace_step - the smaller key of both sides, and what follows from it */
static enum error
replace_step(struct replacement *r)
{
	const struct bytes none = {NULL, 0};
	int order = replace_compare(r->old.key, r->new.key);
	bool same = order == 0 && replace_same_value(&r->old, &r->new);
	enum error e = OK;

	if (order < 0)
		e = policy_table_remove(r->txn, r->old.key, r->old.value);
	else if (!same)
		e = policy_table_put(
		    r->txn, r->new.key, r->new.value, order == 0 ? r->old.value : none);
	if (!same)
		policy_iterator_moved(&r->live);
	if (e == OK && order <= 0)
		e = replace_next_old(r);
	if (e == OK && order >= 0)
		e = replace_next_new(r);
	return e;
}

/* replace_run - all of both sides; a look-up that misses what the walk saw is damage */
static enum error
replace_run(struct replacement *r)
{
	enum error e = replace_next_old(r);

	if (e == OK)
		e = replace_next_new(r);
	while (e == OK && (r->old.key.len > 0 || r->new.key.len > 0))
		e = replace_step(r);
	return e == ERR_NOTFOUND ? ERR_DAMAGED : e;
}

enum error
replace_policy(struct store_txn *txn, const struct replace_source *source,
    const struct digest *digest, struct error_text *why)
{
	struct replacement r = {.txn = txn, .source = source, .why = why};
	enum error e = policy_iterator_open(&r.live, txn);

	why->text[0] = '\0';
	if (e == OK)
		e = replace_run(&r);
	policy_iterator_close(&r.live);
	if (e == OK && !digest_equal(&store_meta(txn)->digest, digest))
		return error_set(why, ERR_DAMAGED,
		    "the records do not add up to the digest they come with");
	if (e == OK)
		e = store_reload_settings(txn);
	if (e == OK || why->text[0] != '\0')
		return e;
	if (e == ERR_DATA)
		return error_set(why, e,
		    "the policy that is to be put in has a record that makes no sense, or in no order");
	return error_set(why, e, "%s", error_string(e));
}

static enum error
replace_next_of(void *arg, struct bytes *key_r, struct bytes *value_r, bool *found_r,
    struct error_text *why)
{
	(void)why;
	return policy_iterator_next(arg, key_r, value_r, found_r);
}

enum error
replace_from(struct store_txn *txn, struct store_txn *from, struct error_text *why)
{
	struct policy_iterator records;
	struct replace_source source = {replace_next_of, &records};
	enum error e = policy_iterator_open(&records, from);

	if (e != OK)
		return error_set(why, e, "%s", error_string(e));
	e = replace_policy(txn, &source, &store_meta(from)->digest, why);
	policy_iterator_close(&records);
	return e;
}

static enum error
replace_next_of_snapshot(void *arg, struct bytes *key_r, struct bytes *value_r,
    bool *found_r, struct error_text *why)
{
	return snapshot_next(arg, key_r, value_r, found_r, why);
}

enum error
replace_from_snapshot(
    struct store_txn *txn, struct snapshot *from, struct error_text *why)
{
	const struct replace_source source = {replace_next_of_snapshot, from};

	return replace_policy(txn, &source, &snapshot_head(from)->policy, why);
}
