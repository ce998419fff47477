/* SPDX-License-Identifier: BSD-2-Clause */
/* auth_denied_table - who was refused at AUTH, as the usage database has it */
#include "policy/usage/auth_denied_table.h"

#include <stdlib.h>
#include <string.h>

#include "policy/usage/usage.h"
#include "policy/usage/usage_key.h"

#define GUESSED_VERSION 1

/* Bytes of the longest record that is looked up here. */
#define BYTES_MAX AUTH_DENIED_BYTES_MAX

_Static_assert(BYTES_MAX <= DB_VALUE_MAX, "a cursor takes all days");
_Static_assert(USAGE_BYTES_MAX <= BYTES_MAX, "and the usage of a login is no longer");

static const struct key guessed_key = {1, {'g'}};

/* get - the record of KEY in BUF */
static enum error
get(struct db_txn *txn, const struct key *key, uint8_t *buf, struct bytes *value_r)
{
	enum error e = db_get(txn, key, buf, BYTES_MAX, value_r);

	return e == ERR_LIMIT ? ERR_DAMAGED : e;
}

enum error
auth_denied_table_count_guessed(struct db_txn *txn, uint32_t *count_r)
{
	uint8_t buf[BYTES_MAX];
	struct record_reader r;
	struct bytes value;
	enum error e = get(txn, &guessed_key, buf, &value);

	*count_r = 0;
	if (e != OK || value.at == NULL)
		return e;
	e = record_read_version(&r, value, GUESSED_VERSION);
	if (e != OK)
		return e;
	*count_r = record_get_u32(&r);
	return record_end(&r);
}

/* add_guessed - N names more have a row, or less */
static enum error
add_guessed(struct db_txn *txn, int n)
{
	uint8_t buf[8];
	struct record_writer w;
	uint32_t count;
	enum error e = n != 0 ? auth_denied_table_count_guessed(txn, &count) : OK;

	if (e != OK || n == 0)
		return e;
	record_write_start(&w, buf, sizeof buf);
	record_put_u8(&w, GUESSED_VERSION);
	record_put_u32(&w, n < 0 && count == 0 ? 0 : count + (uint32_t)n);
	return db_put(txn, &guessed_key, (struct bytes){w.at, w.len});
}

/* get_row - of the login; never refused where there is none */
static enum error
get_row(struct db_txn *txn, const struct login *login, struct auth_denied *out_r)
{
	uint8_t buf[BYTES_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	auth_denied_init(out_r);
	usage_key_auth_denied(&key, login);
	e = get(txn, &key, buf, &value);
	return e == OK && value.at != NULL ? auth_denied_decode(value, out_r) : e;
}

/* put_row - which was a guessed one before, or none: WAS */
static enum error
put_row(struct db_txn *txn, const struct login *login, const struct auth_denied *row,
    bool was)
{
	uint8_t buf[BYTES_MAX];
	struct record_writer w;
	struct key key;
	enum error e;

	usage_key_auth_denied(&key, login);
	record_write_start(&w, buf, sizeof buf);
	auth_denied_encode(row, &w);
	e = w.failed ? ERR_LIMIT : db_put(txn, &key, (struct bytes){w.at, w.len});
	return e == OK ? add_guessed(txn, row->guessed - was) : e;
}

/* is_used - whether there is a row of usage: somebody had the password */
static enum error
is_used(struct db_txn *txn, const struct login *login, bool *used_r)
{
	uint8_t buf[BYTES_MAX];
	struct bytes value;
	struct key key;
	enum error e;

	usage_key_login(&key, login);
	e = get(txn, &key, buf, &value);
	*used_r = e == OK && value.at != NULL;
	return e;
}

/* has_room - for one more guessed name */
static enum error
has_room(struct db_txn *txn, bool *room_r)
{
	uint32_t count;
	enum error e = auth_denied_table_count_guessed(txn, &count);

	*room_r = e == OK && count < AUTH_DENIED_GUESSED_MAX;
	return e;
}

/* admit - whether it is a guess, and whether one without a row gets one */
static enum error
admit(struct db_txn *txn, const struct auth_denied_entry *entry, bool is_new,
    bool *guessed_r, bool *room_r)
{
	bool known = entry->known || usage_is_others(&entry->login);
	enum error e = known ? OK : is_used(txn, &entry->login, &known);

	*guessed_r = !known;
	*room_r = true;
	return e == OK && !known && is_new ? has_room(txn, room_r) : e;
}

enum error
auth_denied_table_add(
    struct db_txn *txn, const struct auth_denied_entry *entry, bool *others_r)
{
	struct auth_denied_entry others;
	struct auth_denied row;
	bool guessed, room, was;
	enum error e = get_row(txn, &entry->login, &row);

	*others_r = usage_is_others(&entry->login);
	if (e == OK)
		e = admit(txn, entry, row.last == INSTANT_NONE, &guessed, &room);
	if (e != OK)
		return e;
	if (!room) {
		others = *entry;
		auth_denied_entry_make_others(&others);
		return auth_denied_table_add(txn, &others, others_r);
	}
	was = row.guessed;
	auth_denied_add_entry(&row, entry, guessed);
	return put_row(txn, &entry->login, &row, was);
}

/* take - the row at which the cursor stands */
static enum error
take(struct auth_denied_table_walk *w)
{
	const struct key table = {1, {TABLE_AUTH_DENIED}};
	struct bytes key = db_cursor_key(w->cursor);
	enum error e;

	w->found = key_has_prefix(key, &table);
	if (!w->found)
		return OK;
	e = usage_key_parse_auth_denied(key, &w->login);
	return e == OK ? auth_denied_decode(db_cursor_value(w->cursor), &w->denied) : e;
}

enum error
auth_denied_table_start(struct auth_denied_table_walk *w, struct db_txn *txn)
{
	const struct key table = {1, {TABLE_AUTH_DENIED}};
	enum error e;

	w->found = false;
	w->cursor = NULL;
	e = db_cursor_open(txn, &w->cursor);
	if (e == OK)
		e = db_cursor_seek(w->cursor, &table);
	return e == OK ? take(w) : e;
}

enum error
auth_denied_table_next(struct auth_denied_table_walk *w)
{
	enum error e = db_cursor_next(w->cursor);

	return e == OK ? take(w) : e;
}

void
auth_denied_table_end(struct auth_denied_table_walk *w)
{
	if (w->cursor != NULL)
		db_cursor_close(&w->cursor);
}

enum error
auth_denied_table_has(struct db_txn *txn, bool *has_r)
{
	struct auth_denied_table_walk w;
	enum error e = auth_denied_table_start(&w, txn);

	*has_r = w.found;
	auth_denied_table_end(&w);
	return e;
}

/* A piece of pruning; the changes wait until its cursor is closed. */
struct piece {
	struct auth_denied_table_prune *prune;
	uint32_t first_guessed; /* guessed names last refused before go */
	struct auth_denied_table_walk walk;
	struct auth_denied row; /* that is changed */
	unsigned changes;
	struct login change[AUTH_DENIED_TABLE_CHANGES];
};

static bool
is_over(const struct piece *p, const struct auth_denied *row)
{
	uint32_t day = usage_day_of(row->last);

	return day < p->prune->first_day || (row->guessed && day < p->first_guessed);
}

static bool
is_to_change(const struct piece *p, const struct auth_denied *row)
{
	return is_over(p, row) ||
	    (row->days > 0 && row->day[0].day < p->prune->first_day);
}

/* find - what is to change among up to VISITS rows; then the walk moves on */
static enum error
find(struct piece *p, unsigned visits)
{
	struct auth_denied_table_walk *w = &p->walk;
	struct key *at = &p->prune->at;
	enum error e;

	for (e = take(w); e == OK && w->found; e = auth_denied_table_next(w)) {
		usage_key_auth_denied(at, &w->login);
		if (visits-- == 0 || p->changes == AUTH_DENIED_TABLE_CHANGES)
			return OK;
		if (is_to_change(p, &w->denied))
			p->change[p->changes++] = w->login;
	}
	p->prune->done = e == OK;
	return e;
}

static enum error
apply(struct db_txn *txn, struct piece *p, const struct login *login)
{
	struct auth_denied *row = &p->row;
	struct key key;
	bool was;
	enum error e = get_row(txn, login, row);

	if (e != OK)
		return e;
	was = row->guessed;
	if (!is_over(p, row)) {
		auth_denied_forget(row, p->prune->first_day);
		return put_row(txn, login, row, was);
	}
	p->prune->logins++;
	usage_key_auth_denied(&key, login);
	e = db_delete(txn, &key);
	return e == OK ? add_guessed(txn, -was) : e;
}

/* piece_new - or NULL */
static struct piece *
piece_new(struct auth_denied_table_prune *prune, uint32_t guessed)
{
	struct piece *p = calloc(1, sizeof *p); /* large for a small stack */
	uint32_t today = prune->today;

	if (p == NULL)
		return NULL;
	p->prune = prune;
	if (guessed > AUTH_DENIED_GUESSED_MAX / 2 && today > AUTH_DENIED_GUESSED_DAYS)
		p->first_guessed = today - AUTH_DENIED_GUESSED_DAYS;
	return p;
}

enum error
auth_denied_table_prune_step(
    struct db_txn *txn, struct auth_denied_table_prune *prune, unsigned visits)
{
	const struct key table = {1, {TABLE_AUTH_DENIED}};
	struct piece *p;
	uint32_t guessed;
	enum error e = auth_denied_table_count_guessed(txn, &guessed);

	if (e != OK)
		return e;
	p = piece_new(prune, guessed);
	if (p == NULL)
		return ERR_MEMORY;
	e = db_cursor_open(txn, &p->walk.cursor);
	if (e == OK)
		e = db_cursor_seek(
		    p->walk.cursor, prune->at.len > 0 ? &prune->at : &table);
	if (e == OK)
		e = find(p, visits);
	auth_denied_table_end(&p->walk);
	for (unsigned i = 0; e == OK && i < p->changes; i++)
		e = apply(txn, p, &p->change[i]);
	free(p);
	return e;
}
