/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_prune - forgets what usage-retention says is old, a piece at a time */
#include "policy/usage/usage_prune.h"

#include <stdlib.h>
#include <string.h>

#include "policy/usage/usage_database.h"
#include "policy/usage/usage_key.h"

void
usage_prune_start(struct usage_prune *p, instant now, unsigned retention_days)
{
	uint32_t today = usage_day_of(now);

	memset(p, 0, sizeof *p);
	p->first_day = today > retention_days ? today - retention_days : 0;
	p->denied.today = today;
	p->denied.first_day = p->first_day;
}

enum change_kind { CHANGE_DAY, CHANGE_USAGE, CHANGE_LOGIN };

/* What one piece has found; the changes wait until its cursor is closed. */
struct piece {
	struct usage_prune *prune;
	unsigned changes;
	struct {
		struct key key;
		enum change_kind kind;
		struct usage usage; /* for CHANGE_USAGE */
		bool counted;       /* ... which was, and no longer is, a stranger's */
	} change[USAGE_PRUNE_CHANGES];
};

/* A record makes no more changes than these: of its own, and of the login before. */
#define CHANGES_A_RECORD 2

static void
add_change(struct piece *p, struct bytes key, enum change_kind kind)
{
	p->change[p->changes].key = key_copy(key);
	p->change[p->changes].kind = kind;
	p->changes++;
}

static bool
is_old(const struct usage_prune *p, const struct usage *u)
{
	return usage_day_of(usage_later(u->last_seen, u->last_exempt)) < p->first_day;
}

static bool
is_known(const struct usage_prune *p, const struct login *login)
{
	return p->known == NULL || (!usage_is_others(login) && p->known(p->arg, login));
}

/* end_login - the login before the next one goes, if it was to go */
static void
end_login(struct piece *p)
{
	struct key *row = &p->prune->row;

	if (row->len > 0)
		add_change(p, key_bytes(row), CHANGE_LOGIN);
	row->len = 0;
}

/* look_at_login - only those are asked for that are old, or take a stranger's place */
static void
look_at_login(
    struct piece *p, struct bytes key, const struct login *login, struct usage *usage)
{
	bool old = is_old(p->prune, usage), was = usage->stranger;
	bool known = (!old && !was) || is_known(p->prune, login);
	bool has = usage->has_client || usage->listener[0] != '\0';
	bool forget = has && usage_day_of(usage->last_seen) < p->prune->first_day;

	end_login(p);
	if (forget) {
		usage->has_client = false;
		usage_set_listener(usage, "");
	}
	usage->stranger = was && (!known || p->prune->known == NULL);
	if (forget || usage->stranger != was) {
		p->change[p->changes].usage = *usage;
		p->change[p->changes].counted = usage->stranger != was;
		add_change(p, key, CHANGE_USAGE);
		p->prune->clients += forget;
	}
	if (old && !known)
		p->prune->row = key_copy(key);
}

static enum error
look_at(struct piece *p, struct bytes key, struct bytes value)
{
	struct login login;
	struct usage usage;
	uint32_t day;
	bool is_day;
	enum error e = usage_key_parse(key, &login, &day, &is_day);

	if (e == OK && !is_day)
		e = usage_decode(value, &usage);
	if (e != OK)
		return e;
	if (!is_day)
		look_at_login(p, key, &login, &usage);
	else if (day < p->prune->first_day)
		add_change(p, key, CHANGE_DAY);
	else
		p->prune->row.len = 0; /* a login with this day stays */
	return OK;
}

/* find - up to VISITS records from where the walk stands, which then moves on */
static enum error
find(struct db_cursor *cursor, struct piece *p, unsigned visits)
{
	const struct key table = {1, {TABLE_USAGE}};
	struct key *at = &p->prune->at;
	enum error e = db_cursor_seek(cursor, at->len > 0 ? at : &table);

	for (; e == OK; e = db_cursor_next(cursor)) {
		struct bytes key = db_cursor_key(cursor);

		if (!key_has_prefix(key, &table))
			break;
		*at = key_copy(key);
		/* one change more than a record's is that at the end */
		if (visits-- == 0 ||
		    p->changes + CHANGES_A_RECORD + 1 > USAGE_PRUNE_CHANGES)
			return OK;
		e = look_at(p, key, db_cursor_value(cursor));
		if (e != OK)
			return e;
	}
	if (e != OK)
		return e;
	end_login(p);
	p->prune->done = true;
	return OK;
}

/*
 * is_over - whether the login is still old, and has no days: it may have been seen
 * since the walk came by. Nothing but its days begins with its key.
 */
static enum error
is_over(struct db_cursor *cursor, const struct usage_prune *p, const struct key *key,
    struct usage *usage_r, bool *over_r)
{
	enum error e = db_cursor_seek(cursor, key);

	*over_r = false;
	if (e != OK || db_cursor_key(cursor).len != key->len ||
	    !key_has_prefix(db_cursor_key(cursor), key))
		return e;
	e = usage_decode(db_cursor_value(cursor), usage_r);
	if (e != OK || !is_old(p, usage_r))
		return e;
	e = db_cursor_next(cursor);
	*over_r = e == OK && !key_has_prefix(db_cursor_key(cursor), key);
	return e;
}

static enum error
forget_login(struct db_txn *txn, struct usage_prune *p, const struct key *key)
{
	struct db_cursor *cursor;
	struct usage usage;
	bool over;
	enum error e = db_cursor_open(txn, &cursor);

	if (e != OK)
		return e;
	e = is_over(cursor, p, key, &usage, &over);
	db_cursor_close(&cursor);
	if (e != OK || !over)
		return e;
	p->logins++;
	e = db_delete(txn, key);
	return e == OK ? usage_database_add_strangers(txn, usage.stranger ? -1 : 0) : e;
}

static enum error
apply_change(struct db_txn *txn, const struct piece *p, unsigned i)
{
	const struct key *key = &p->change[i].key;
	uint8_t buf[USAGE_BYTES_MAX];
	struct record_writer w;
	enum error e;

	if (p->change[i].kind == CHANGE_LOGIN)
		return forget_login(txn, p->prune, key);
	if (p->change[i].kind == CHANGE_DAY) {
		p->prune->days++;
		return db_delete(txn, key);
	}
	record_write_start(&w, buf, sizeof buf);
	usage_encode(&p->change[i].usage, &w);
	e = db_put(txn, key, (struct bytes){buf, w.len});
	return e == OK && p->change[i].counted ? usage_database_add_strangers(txn, -1)
					       : e;
}

enum error
usage_prune_step(struct db_txn *txn, struct usage_prune *p, unsigned visits)
{
	struct piece *piece;
	struct db_cursor *cursor;
	enum error e;

	if (!p->denied.done)
		return auth_denied_table_prune_step(txn, &p->denied, visits);
	piece = calloc(1, sizeof *piece); /* large for a small stack */
	e = piece != NULL ? db_cursor_open(txn, &cursor) : ERR_MEMORY;
	if (e == OK) {
		piece->prune = p;
		e = find(cursor, piece, visits);
		db_cursor_close(&cursor);
	}
	for (unsigned i = 0; e == OK && i < piece->changes; i++)
		e = apply_change(txn, piece, i);
	free(piece);
	return e;
}
