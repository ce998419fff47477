/* SPDX-License-Identifier: BSD-2-Clause */
/* heartbeat - the daemons' signs of life, in the usage database */
#include "policy/heartbeat.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "policy/dbfile.h"
#include "policy/record.h"
#include "policy/text.h"

#define HEARTBEAT_VERSION 1
#define TABLE_HEARTBEAT 'h'

/* Room for a slow disk: three beats may be missed. */
#define BEATS_MISSED 3
#define GRACE_SECONDS 5

enum error
heartbeat_open(struct db **db_r, const char *dir, bool create, struct error_text *why)
{
	const struct db_options options = {create, 0};
	char path[PATH_MAX];
	enum error e = dbfile_check_folder(dir);

	*db_r = NULL;
	if (e != OK)
		return error_about(why, e, dir);
	if (snprintf(path, sizeof path, "%s/usage/usage.mdb", dir) >= (int)sizeof path)
		return error_set(
		    why, ERR_LIMIT, "the name of the state folder is too long");
	e = db_open(db_r, path, &options, why);
	if (e == ERR_MISSING)
		return error_set(why, e, "there is no usage database: %s", path);
	return e;
}

static void
make_key(struct key *key, const struct heartbeat *h)
{
	size_t n = strlen(h->socket);

	key->at[0] = TABLE_HEARTBEAT;
	memcpy(key->at + 1, h->socket, n);
	key->len = 1 + n;
}

static void
encode(const struct heartbeat *h, struct record_writer *w)
{
	record_put_u8(w, HEARTBEAT_VERSION);
	record_put_string(w, h->socket);
	record_put_string(w, h->version);
	record_put_u32(w, h->pid);
	record_put_u32(w, h->interval);
	record_put_u64(w, (uint64_t)h->started);
	record_put_u64(w, (uint64_t)h->beat);
	record_put_u8(w, h->policy);
}

static enum error
decode(struct bytes from, struct heartbeat *h)
{
	struct record_reader r;
	enum error e;

	record_read_start(&r, from);
	e = record_get_version(&r, HEARTBEAT_VERSION);
	if (e != OK)
		return e;
	record_get_string(&r, h->socket, sizeof h->socket);
	record_get_string(&r, h->version, sizeof h->version);
	h->pid = record_get_u32(&r);
	h->interval = record_get_u32(&r);
	h->started = (instant)record_get_u64(&r);
	h->beat = (instant)record_get_u64(&r);
	h->policy = record_get_u8(&r);
	e = record_end(&r);
	if (e == OK &&
	    (h->policy > HEARTBEAT_FAULT ||
		!text_is_line(h->socket, strlen(h->socket)) ||
		!text_is_line(h->version, strlen(h->version))))
		return ERR_DAMAGED; /* the daemon's user wrote it, root will print it */
	return e;
}

enum error
heartbeat_put(struct db *db, const struct heartbeat *h)
{
	struct record_writer w;
	uint8_t buf[2 * HEARTBEAT_TEXT_MAX + 64];
	struct db_txn *txn;
	struct key key;
	enum error e = db_begin(db, true, &txn);

	if (e != OK)
		return e;
	make_key(&key, h);
	record_write_start(&w, buf, sizeof buf);
	encode(h, &w);
	e = w.failed ? ERR_LIMIT : db_put(txn, &key, (struct bytes){buf, w.len});
	if (e == OK)
		return db_commit(&txn);
	db_abort(&txn);
	return e;
}

/* latest - the walk over the records of one snapshot */
static enum error
latest(struct db_cursor *cursor, const char *socket, struct heartbeat *out_r)
{
	const struct key table = {1, {TABLE_HEARTBEAT}};
	struct heartbeat h;
	bool found = false;
	enum error e = db_cursor_seek(cursor, &table);

	while (e == OK && key_has_prefix(db_cursor_key(cursor), &table)) {
		e = decode(db_cursor_value(cursor), &h);
		if (e != OK)
			return e;
		if ((socket == NULL || strcmp(h.socket, socket) == 0) &&
		    (!found || h.beat > out_r->beat)) {
			*out_r = h;
			found = true;
		}
		e = db_cursor_next(cursor);
	}
	if (e != OK && e != ERR_NOTFOUND)
		return e;
	return found ? OK : ERR_NOTFOUND;
}

enum error
heartbeat_latest(struct db *db, const char *socket, struct heartbeat *out_r)
{
	struct db_cursor *cursor;
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	e = db_cursor_open(txn, &cursor);
	if (e == OK) {
		e = latest(cursor, socket, out_r);
		db_cursor_close(&cursor);
	}
	db_abort(&txn);
	return e;
}

bool
heartbeat_is_alive(const struct heartbeat *h, instant now)
{
	/* After the clock was set back the age is negative: still a sign of life. */
	int64_t age = now - h->beat;

	if (age > BEATS_MISSED * (int64_t)h->interval + GRACE_SECONDS)
		return false;
	return kill((pid_t)h->pid, 0) == 0 || errno == EPERM;
}
