/* SPDX-License-Identifier: BSD-2-Clause */
/* prune - forgets what usage-retention says is old, a piece at a time */
#include <stdlib.h>
#include <string.h>

#include "policy/usage/database.h"
#include "policy/usage/usage_key.h"

void
usage_prune_start(struct usage_prune *p, instant now, unsigned retention_days)
{
	uint32_t today = usage_day_of(now);

	memset(p, 0, sizeof *p);
	p->first_day = today > retention_days ? today - retention_days : 0;
}

/* What one piece has found; the changes wait until its cursor is closed. */
struct piece {
	struct usage_prune *prune;
	unsigned changes;
	struct {
		struct key key;
		bool is_day;
		struct usage usage; /* of a login whose address goes */
	} change[USAGE_PRUNE_CHANGES];
};

static enum error
look(struct piece *p, struct bytes key, struct bytes value)
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
	if (is_day ? day >= p->prune->first_day
		   : !usage.has_client ||
		    usage_day_of(usage.last_seen) >= p->prune->first_day)
		return OK;
	p->change[p->changes].key.len = key.len;
	memcpy(p->change[p->changes].key.at, key.at, key.len);
	p->change[p->changes].is_day = is_day;
	if (!is_day)
		p->change[p->changes].usage = usage;
	p->changes++;
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
		at->len = key.len;
		memcpy(at->at, key.at, key.len);
		if (visits-- == 0 || p->changes == USAGE_PRUNE_CHANGES)
			return OK;
		e = look(p, key, db_cursor_value(cursor));
		if (e != OK)
			return e;
	}
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	p->prune->done = true;
	return OK;
}

static enum error
forget_client(struct db_txn *txn, const struct key *key, struct usage usage)
{
	uint8_t buf[256];
	struct record_writer w;

	usage.has_client = false;
	record_write_start(&w, buf, sizeof buf);
	usage_encode(&usage, &w);
	return db_put(txn, key, (struct bytes){buf, w.len});
}

static enum error
apply(struct db_txn *txn, const struct piece *p)
{
	enum error e = OK;

	for (unsigned i = 0; i < p->changes && e == OK; i++) {
		const struct key *key = &p->change[i].key;

		if (p->change[i].is_day) {
			e = db_delete(txn, key);
			p->prune->days++;
		} else {
			e = forget_client(txn, key, p->change[i].usage);
			p->prune->clients++;
		}
	}
	return e;
}

enum error
usage_prune_step(struct db_txn *txn, struct usage_prune *p, unsigned visits)
{
	struct piece *piece = calloc(1, sizeof *piece); /* large for a small stack */
	struct db_cursor *cursor;
	enum error e = piece != NULL ? db_cursor_open(txn, &cursor) : ERR_MEMORY;

	if (e == OK) {
		piece->prune = p;
		e = find(cursor, piece, visits);
		db_cursor_close(&cursor);
	}
	if (e == OK)
		e = apply(txn, piece);
	free(piece);
	return e;
}
