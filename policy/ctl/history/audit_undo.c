/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_undo - audit undo: puts records back to what they were before some entries */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/number.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/history/undo_check.h"
#include "policy/ctl/transfer/line_errors.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/model/lock.h"
#include "policy/model/policy_record.h"
#include "policy/tables/policy_table.h"

/* So many of the entries that cannot be undone are named. */
#define REFUSED_SHOWN 20

/* range_parse - "N" or "N-M" */
static enum error
range_parse(struct ctl *c, uint64_t *first_r, uint64_t *last_r)
{
	const char *typed = argument_word(c, 0), *dash = strchr(typed, '-');
	char first[24];
	size_t n = dash != NULL ? (size_t)(dash - typed) : strlen(typed);

	if (n < sizeof first) {
		memcpy(first, typed, n);
		first[n] = '\0';
		if (number_parse(first, UINT64_MAX, first_r) &&
		    number_parse(dash != NULL ? dash + 1 : first, UINT64_MAX, last_r) &&
		    *first_r > 0 && *first_r <= *last_r)
			return OK;
	}
	return error_set(&c->why, ERR_DATA,
	    "bad entry \"%s\": use a number of \"audit list\", as 7, or a range, as 7-9",
	    typed);
}

/* undo_tell - what is put back */
static enum error
undo_tell(struct ctl *c, const struct undo_entry *u)
{
	bool dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	struct printer *p = &c->print;
	struct bytes key = key_bytes(&u->key);
	char name[OBJECT_NAME_MAX], *words = NULL;
	enum error e = object_text_name(key, name);

	if (e == OK && !p->has_json)
		e = object_text_change(&words, key, u->after, u->before);
	if (e == OK)
		print_line(p, "entry %" PRIu64 " %s: %s %s: %s", u->number,
		    dry_run ? "would be undone" : "undone", object_text_type(key), name,
		    words != NULL ? words : "");
	free(words);
	if (e != OK || !p->has_json)
		return e;
	print_object_start(p, NULL);
	print_number(p, "number", u->number);
	print_bool(p, "undone", !dry_run);
	print_text(p, "type", object_text_type(key));
	print_text(p, "object", name);
	e = object_text_record(p, "before", key, u->after);
	if (e == OK)
		e = object_text_record(p, "after", key, u->before);
	print_object_end(p);
	return e;
}

/* record_check - whether a record of the entry is one of this version */
static enum error
record_check(struct bytes key, struct bytes record)
{
	struct lock lock;

	return key_is_local(key) ? lock_record_check(key, record, &lock)
				 : policy_record_check(key, record);
}

/* undo_write - the record as it was */
static enum error
undo_write(struct ctl *c, const struct undo_entry *u, struct bytes now)
{
	struct bytes key = key_bytes(&u->key);

	if (u->before.at == NULL)
		return policy_table_remove(c->txn, key, now);
	if (record_check(key, u->before) != OK)
		return error_set(&c->why, ERR_DATA,
		    "entry %" PRIu64
		    " has a record of another version, which cannot be put back",
		    u->number);
	return policy_table_put(c->txn, key, u->before, now);
}

/* undo_change - puts the record back, if it still is what the entry left */
static enum error
undo_change(struct ctl *c, struct undo_check *check, struct undo_entry *u)
{
	struct bytes key = key_bytes(&u->key), now;
	char name[OBJECT_NAME_MAX];
	enum error e = db_get(store_db(c->txn), &u->key, u->now, sizeof u->now, &now);

	if (e == OK)
		e = object_text_name(key, name);
	if (e != OK)
		return e;
	if (!undo_entry_left(u, now))
		return error_set(&c->why, ERR_CONFLICT,
		    "entry %" PRIu64
		    ": %s %s has changed since; see \"smtpauthctl audit list --object '%s %s'\"",
		    u->number, object_text_type(key), name, object_text_type(key),
		    name);
	e = undo_check_before(check, u);
	if (e == OK)
		e = undo_write(c, u, now);
	return e == OK ? undo_tell(c, u) : e;
}

/* undo_one - entry NUMBER; *CHANGES counts the records that were put back */
static enum error
undo_one(struct ctl *c, struct undo_check *check, uint64_t number, uint64_t *changes)
{
	struct undo_entry *u = &check->entry;
	enum error e = undo_entry_read(u, c->txn, number);

	if (e != OK)
		return e;
	if (!u->found)
		return error_set(&c->why, ERR_NOTFOUND,
		    "entry %" PRIu64 " of the audit log has been pruned", number);
	if (u->kind == AUDIT_CHANGE) {
		++*changes;
		return undo_change(c, check, u);
	}
	if (u->kind != AUDIT_SUMMARY)
		return error_set(&c->why, ERR_DATA,
		    "entry %" PRIu64
		    " is of entries that were pruned: there is nothing to undo",
		    number);
	if (u->listed == 0)
		return error_set(&c->why, ERR_DATA,
		    "entry %" PRIu64
		    " stands for changes that have no entry each; see \"smtpauthctl restore\" for a policy of before",
		    number);
	if (u->listed == number || check->first < number)
		return OK; /* its changes have their own entries */
	return error_set(&c->why, ERR_DATA,
	    "entry %" PRIu64 " sums up entries %" PRIu64 " to %" PRIu64
	    "; to undo these: smtpauthctl audit undo %" PRIu64 "-%" PRIu64,
	    number, u->listed, number - 1, u->listed, number - 1);
}

/* The entries that cannot be undone, and what the first of them says. */
struct undo_refused {
	uint64_t count;
	enum error e;
	struct error_text first;
	struct key key[REFUSED_SHOWN]; /* of the objects that were named */
	size_t keys;
};

/* refused_has - whether the object of U was named, as it is for its later entries */
static bool
refused_has(const struct undo_refused *refused, const struct undo_entry *u)
{
	for (size_t i = 0; i < refused->keys; i++)
		if (undo_entry_is_same(key_bytes(&refused->key[i]), key_bytes(&u->key)))
			return true;
	return false;
}

/* refused_add - the first one alone is the error of the command */
static void
refused_add(struct ctl *c, struct undo_refused *refused, const struct undo_entry *u,
    enum error e)
{
	if (u->found && u->kind == AUDIT_CHANGE) {
		if (refused_has(refused, u))
			return;
		if (refused->keys < REFUSED_SHOWN)
			refused->key[refused->keys++] = u->key;
	}
	if (refused->count++ == 0) {
		refused->e = e;
		refused->first = c->why;
		return;
	}
	if (refused->count == 2)
		print_remark(c->err, "%s", refused->first.text);
	if (refused->count <= REFUSED_SHOWN)
		print_remark(c->err, "%s", c->why.text);
}

/* refused_end - OK where all could be undone */
static enum error
refused_end(struct ctl *c, const struct undo_refused *refused)
{
	if (refused->count == 0)
		return OK;
	if (refused->count == 1)
		return error_set(&c->why, refused->e, "%s", refused->first.text);
	return error_set(&c->why, ERR_CONFLICT,
	    "%" PRIu64 " entries cannot be undone; nothing is changed", refused->count);
}

/* undo_range - backwards: an object of several entries is then as before the first */
static enum error
undo_range(struct ctl *c, struct undo_check *check)
{
	struct undo_refused *refused = calloc(1, sizeof *refused);
	uint64_t changes = 0;
	enum error e = refused != NULL ? undo_check_start(check, c) : ERR_MEMORY;

	for (uint64_t i = check->last; e == OK && i >= check->first; i--) {
		e = undo_one(c, check, i, &changes);
		if (!line_errors_is(e))
			continue;
		refused_add(c, refused, &check->entry, e);
		e = OK;
	}
	if (e == OK)
		e = refused_end(c, refused);
	free(refused);
	if (e == OK)
		e = undo_check_after(check);
	if (e == OK && changes == 0)
		print_line(&c->print, "these entries changed nothing");
	return e;
}

enum error
ctl_audit_undo(struct ctl *c)
{
	struct undo_check *check = calloc(1, sizeof *check);
	enum error e = check != NULL ? OK : ERR_MEMORY;

	if (e == OK)
		e = range_parse(c, &check->first, &check->last);
	if (e == OK)
		e = opening_guard_begin(c);
	if (e == OK && check->last > store_meta(c->txn)->audit_count)
		e = error_set(&c->why, ERR_NOTFOUND,
		    "there is no entry %" PRIu64 " in the audit log", check->last);
	if (e == OK)
		e = undo_range(c, check);
	if (check != NULL)
		undo_check_end(check);
	free(check);
	return e;
}
