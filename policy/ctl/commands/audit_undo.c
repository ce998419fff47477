/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_undo - audit undo: puts records back to what they were before some entries */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/number.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/usage/opening_guard.h"
#include "policy/ctl/usage/usage_sources.h"
#include "policy/tables/policy_table.h"
#include "policy/tables/verify.h"

/* The entry that is being undone, as a copy: writing moves what was read. */
struct undo {
	struct ctl *c;
	bool found;
	enum audit_kind kind;
	uint64_t number;
	bool incomplete; /* a summary of more changes than have entries */
	struct key key;
	struct bytes before, after; /* within BUF; at is NULL for no record */
	uint8_t buf[2 * DB_VALUE_MAX];
	uint8_t now[DB_VALUE_MAX]; /* the record as it is */
};

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

/* take - copies the entry, if it is the one that is wanted */
static enum error
take(void *arg, const struct audit_entry *e)
{
	struct undo *u = arg;

	u->found = e->number == u->number;
	if (!u->found)
		return WALK_STOP;
	u->kind = e->kind;
	u->incomplete = e->kind == AUDIT_SUMMARY &&
	    audit_summary_total(&e->summary) > AUDIT_SUMMARY_LISTED;
	u->before = u->after = (struct bytes){NULL, 0};
	if (e->kind != AUDIT_CHANGE)
		return WALK_STOP;
	u->key = key_copy(e->object);
	if (e->before.at != NULL) {
		memcpy(u->buf, e->before.at, e->before.len);
		u->before = (struct bytes){u->buf, e->before.len};
	}
	if (e->after.at != NULL) {
		memcpy(u->buf + DB_VALUE_MAX, e->after.at, e->after.len);
		u->after = (struct bytes){u->buf + DB_VALUE_MAX, e->after.len};
	}
	return WALK_STOP;
}

static bool
same(struct bytes a, struct bytes b)
{
	if (a.at == NULL || b.at == NULL)
		return a.at == b.at;
	return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* tell - what is put back */
static enum error
tell(struct undo *u)
{
	struct printer *p = &u->c->print;
	struct bytes key = key_bytes(&u->key);
	char name[OBJECT_NAME_MAX], *words = NULL;
	enum error e = object_text_name(key, name);

	if (e == OK && !p->has_json)
		e = object_text_change(&words, key, u->after, u->before);
	if (e == OK)
		print_line(p, "entry %" PRIu64 " undone: %s %s: %s", u->number,
		    object_text_type(key), name, words != NULL ? words : "");
	free(words);
	if (e != OK || !p->has_json)
		return e;
	print_object_start(p, NULL);
	print_number(p, "number", u->number);
	print_text(p, "type", object_text_type(key));
	print_text(p, "object", name);
	e = object_text_record(p, "before", key, u->after);
	if (e == OK)
		e = object_text_record(p, "after", key, u->before);
	print_object_end(p);
	return e;
}

/* put_back - the record, if it still is what the entry left */
static enum error
put_back(struct undo *u)
{
	struct store_txn *txn = u->c->txn;
	struct bytes key = key_bytes(&u->key), now;
	char name[OBJECT_NAME_MAX];
	enum error e = db_get(store_db(txn), &u->key, u->now, sizeof u->now, &now);

	if (e == OK)
		e = object_text_name(key, name);
	if (e != OK)
		return e;
	if (!same(now, u->after))
		return error_set(&u->c->why, ERR_CONFLICT,
		    "entry %" PRIu64
		    ": %s %s has changed since; see \"smtpauthctl audit list --object '%s %s'\"",
		    u->number, object_text_type(key), name, object_text_type(key),
		    name);
	if (u->before.at == NULL)
		e = policy_table_remove(txn, key, now);
	else
		e = policy_table_put(txn, key, u->before, now);
	return e == OK ? tell(u) : e;
}

/* undo_one - entry NUMBER */
static enum error
undo_one(struct undo *u, uint64_t number)
{
	enum error e;

	u->number = number;
	u->found = false;
	e = audit_table_each(u->c->txn, number, take, u);
	if (e != OK)
		return e;
	if (!u->found)
		return error_set(&u->c->why, ERR_NOTFOUND,
		    "there is no entry %" PRIu64 " in the audit log", number);
	if (u->incomplete)
		return error_set(&u->c->why, ERR_DATA,
		    "entry %" PRIu64
		    " stands for more changes than have an entry each; bring a backup back instead",
		    number);
	if (u->kind == AUDIT_SUMMARY)
		return OK; /* its changes have their own entries */
	if (u->kind != AUDIT_CHANGE)
		return error_set(&u->c->why, ERR_DATA,
		    "entry %" PRIu64 " is of entries that were pruned", number);
	return put_back(u);
}

/* check_whole - that what is left fits together */
static enum error
check_whole(struct ctl *c)
{
	const struct opening opening = {.cause = NULL};
	struct error_text why;
	enum error e = store_reload_settings(c->txn);

	if (e == OK)
		e = verify_links(c->txn, &why);
	if (e == ERR_DAMAGED)
		return error_set(&c->why, ERR_CONFLICT,
		    "this cannot be undone alone: %.600s", why.text);
	return e == OK ? opening_guard_check(c, &opening) : e;
}

enum error
ctl_audit_undo(struct ctl *c)
{
	struct undo *u = calloc(1, sizeof *u);
	uint64_t first, last;
	enum error e = u != NULL ? range_parse(c, &first, &last) : ERR_MEMORY;

	if (e == OK)
		e = usage_sources_begin(c);
	if (e == OK && last > store_meta(c->txn)->audit_count)
		e = error_set(&c->why, ERR_NOTFOUND,
		    "there is no entry %" PRIu64 " in the audit log", last);
	if (u != NULL)
		u->c = c;
	for (uint64_t i = last; e == OK && i >= first; i--)
		e = undo_one(u, i);
	if (e == OK)
		e = check_whole(c);
	free(u);
	return e;
}
