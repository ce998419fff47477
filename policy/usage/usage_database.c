/* SPDX-License-Identifier: BSD-2-Clause */
/* usage_database - usage/usage.mdb: who used SMTP AUTH, and since when we know */
#include "policy/usage/usage_database.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/kernel/network_fs.h"
#include "policy/usage/auth_denied_table.h"
#include "policy/usage/usage_key.h"

#define FILE_MODE 0600
#define STRANGERS_VERSION 1
#define RECORD_ROOM 512 /* of each kind that is kept here */

enum error
usage_database_open(
    struct db **db_r, const char *dir, bool create, struct error_text *why)
{
	const struct db_options options = {
	    .writable = create, .lock_file = true, .mode = FILE_MODE};
	struct error_text detail;
	char path[PATH_MAX];
	enum error e = network_fs_check(dir);

	*db_r = NULL;
	if (e != OK)
		return error_about(why, e, dir);
	if (snprintf(path, sizeof path, "%s/usage/usage.mdb", dir) >= (int)sizeof path)
		return error_set(
		    why, ERR_LIMIT, "the name of the state folder is too long");
	e = db_open(db_r, path, &options, &detail);
	if (e == ERR_MISSING)
		return error_set(why, e, "there is no usage database: %s", path);
	if (e == ERR_MACHINE)
		return error_set(why, e,
		    "%.600s was made on a machine of another word size or byte order; move it away, and the daemon begins a new one",
		    path);
	if (e == ERR_DAMAGED || e == ERR_FORMAT)
		return error_set(why, e,
		    "%.600s; move it away, and the daemon begins a new one",
		    detail.text);
	if (e != OK && why != NULL)
		*why = detail;
	return e;
}

/* get - the record of KEY in BUF */
static enum error
get(struct db_txn *txn, const struct key *key, uint8_t *buf, struct bytes *value_r)
{
	enum error e = db_get(txn, key, buf, RECORD_ROOM, value_r);

	return e == ERR_LIMIT ? ERR_DAMAGED : e;
}

static enum error
put(struct db_txn *txn, const struct key *key, const struct record_writer *w)
{
	return w->failed ? ERR_LIMIT : db_put(txn, key, (struct bytes){w->at, w->len});
}

static const struct key host_key = {1, {'n'}};

enum error
usage_database_get_host(struct db_txn *txn, struct recording_host *out_r, bool *found_r)
{
	uint8_t buf[RECORD_ROOM];
	struct bytes value;
	enum error e = get(txn, &host_key, buf, &value);

	*found_r = e == OK && value.at != NULL;
	return *found_r ? recording_host_decode(value, out_r) : e;
}

enum error
usage_database_put_host(struct db_txn *txn, const struct recording_host *host)
{
	uint8_t buf[RECORD_ROOM];
	struct record_writer w;

	record_write_start(&w, buf, sizeof buf);
	recording_host_encode(host, &w);
	return put(txn, &host_key, &w);
}

static const struct key strangers_key = {1, {'s'}};

enum error
usage_database_count_strangers(struct db_txn *txn, uint32_t *count_r)
{
	uint8_t buf[RECORD_ROOM];
	struct record_reader r;
	struct bytes value;
	enum error e = get(txn, &strangers_key, buf, &value);

	*count_r = 0;
	if (e != OK || value.at == NULL)
		return e;
	e = record_read_version(&r, value, STRANGERS_VERSION);
	if (e != OK)
		return e;
	*count_r = record_get_u32(&r);
	return record_end(&r);
}

enum error
usage_database_add_strangers(struct db_txn *txn, int32_t n)
{
	uint8_t buf[RECORD_ROOM];
	struct record_writer w;
	uint32_t count;
	enum error e = n != 0 ? usage_database_count_strangers(txn, &count) : OK;

	if (e != OK || n == 0)
		return e;
	record_write_start(&w, buf, sizeof buf);
	record_put_u8(&w, STRANGERS_VERSION);
	/* rows that an older version wrote were not counted */
	record_put_u32(&w, n < 0 && count < (uint32_t)-n ? 0 : count + (uint32_t)n);
	return put(txn, &strangers_key, &w);
}

static enum error
add_usage(struct db_txn *txn, const struct key *key, struct usage sum)
{
	uint8_t buf[RECORD_ROOM];
	struct record_writer w;
	struct usage old;
	struct bytes value;
	bool was = false; /* a row of a stranger */
	enum error e = get(txn, key, buf, &value);

	if (e == OK && value.at != NULL)
		e = usage_decode(value, &old);
	if (e != OK)
		return e;
	if (value.at != NULL) {
		was = old.stranger;
		usage_add(&old, &sum);
		sum = old;
	}
	record_write_start(&w, buf, sizeof buf);
	usage_encode(&sum, &w);
	e = put(txn, key, &w);
	return e == OK ? usage_database_add_strangers(txn, sum.stranger - was) : e;
}

static enum error
add_day(struct db_txn *txn, const struct key *key, struct usage_day sum)
{
	uint8_t buf[RECORD_ROOM];
	struct record_writer w;
	struct usage_day old;
	struct bytes value;
	enum error e = get(txn, key, buf, &value);

	if (e == OK && value.at != NULL)
		e = usage_day_decode(value, &old);
	if (e != OK)
		return e;
	if (value.at != NULL)
		usage_day_add(&sum, &old);
	record_write_start(&w, buf, sizeof buf);
	usage_day_encode(&sum, &w);
	return put(txn, key, &w);
}

enum error
usage_database_admit(struct db_txn *txn, struct usage_entry *entry)
{
	uint8_t buf[RECORD_ROOM];
	struct bytes value;
	struct key key;
	uint32_t count;
	enum error e;

	if (!entry->usage.stranger)
		return OK;
	usage_key_login(&key, &entry->login);
	e = get(txn, &key, buf, &value);
	if (e != OK || value.at != NULL)
		return e;
	e = usage_database_count_strangers(txn, &count);
	if (e == OK && count >= USAGE_STRANGERS_MAX)
		usage_entry_make_others(entry);
	return e;
}

enum error
usage_database_add(struct db_txn *txn, const struct usage_entry *entry)
{
	struct key key;
	enum error e;

	usage_key_login(&key, &entry->login);
	e = add_usage(txn, &key, entry->usage);
	if (e != OK)
		return e;
	usage_key_add_day(&key, entry->day.day);
	return add_day(txn, &key, entry->day);
}

/* One login while the walk gathers its days. */
struct gathering {
	enum error (*fn)(void *arg, const struct usage_row *row);
	void *arg;
	struct usage_row row;
	bool open;
	struct usage_day day[USAGE_DAYS_MAX];
	/* Refusals at AUTH; this walk and that of the usage go side by side. */
	struct auth_denied_table_walk denied;
};

/* deliver_denied - logins before LOGIN, or NULL for all, that AUTH refused only */
static enum error
deliver_denied(struct gathering *g, const struct login *login)
{
	struct usage_row row = {.auth_denied = &g->denied.denied};
	enum error e = OK;

	while (e == OK && g->denied.found &&
	    (login == NULL || usage_key_order(&g->denied.login, login) < 0)) {
		row.login = g->denied.login;
		usage_init(&row.usage);
		e = g->fn(g->arg, &row);
		if (e == OK)
			e = auth_denied_table_next(&g->denied);
	}
	return e;
}

/* deliver - the login that is complete, with its refusals at AUTH */
static enum error
deliver(struct gathering *g)
{
	bool denied;
	enum error e;

	if (!g->open)
		return OK;
	g->open = false;
	e = deliver_denied(g, &g->row.login);
	if (e != OK)
		return e;
	denied = g->denied.found && login_equal(&g->denied.login, &g->row.login);
	g->row.auth_denied = denied ? &g->denied.denied : NULL;
	e = g->fn(g->arg, &g->row);
	return e == OK && denied ? auth_denied_table_next(&g->denied) : e;
}

static enum error
take_record(struct gathering *g, struct bytes key, struct bytes value)
{
	struct login login;
	uint32_t day;
	bool has_day;
	enum error e = usage_key_parse(key, &login, &day, &has_day);

	if (e != OK)
		return e;
	if (has_day) {
		if (!g->open || !login_equal(&login, &g->row.login) ||
		    g->row.days == USAGE_DAYS_MAX)
			return ERR_DAMAGED;
		g->day[g->row.days].day = day;
		return usage_day_decode(value, &g->day[g->row.days++]);
	}
	e = deliver(g);
	if (e != OK)
		return e;
	g->row.login = login;
	g->row.days = 0;
	g->open = true;
	return usage_decode(value, &g->row.usage);
}

static enum error
walk(struct db_cursor *cursor, struct gathering *g)
{
	const struct key table = {1, {TABLE_USAGE}};
	enum error e = db_cursor_seek(cursor, &table);

	while (e == OK && key_has_prefix(db_cursor_key(cursor), &table)) {
		e = take_record(g, db_cursor_key(cursor), db_cursor_value(cursor));
		if (e == OK)
			e = db_cursor_next(cursor);
	}
	if (e == OK)
		e = deliver(g);
	return e == OK ? deliver_denied(g, NULL) : e;
}

enum error
usage_database_each(struct db_txn *txn,
    enum error (*fn)(void *arg, const struct usage_row *row), void *arg)
{
	struct gathering *g = calloc(1, sizeof *g);
	struct db_cursor *cursor;
	enum error e = g != NULL ? db_cursor_open(txn, &cursor) : ERR_MEMORY;

	if (e == OK) {
		g->fn = fn;
		g->arg = arg;
		g->row.day = g->day;
		e = auth_denied_table_start(&g->denied, txn);
		if (e == OK)
			e = walk(cursor, g);
		auth_denied_table_end(&g->denied);
		db_cursor_close(&cursor);
	}
	free(g);
	return e;
}
