/* SPDX-License-Identifier: BSD-2-Clause */
/* heartbeat - the daemons' signs of life, in the usage database */
#include "policy/usage/heartbeat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "policy/base/record.h"
#include "policy/base/text.h"

#define HEARTBEAT_VERSION 1
#define TABLE_HEARTBEAT 'h'

/* Room for a slow disk: three beats may be missed. */
#define BEATS_MISSED 3
#define GRACE_SECONDS 5

static void
make_key(struct key *key, const struct heartbeat *h)
{
	size_t n = strlen(h->socket);

	key->at[0] = TABLE_HEARTBEAT;
	memcpy(key->at + 1, h->socket, n);
	key->len = 1 + n;
}

static void
encode_counters(const struct heartbeat_counters *c, struct record_writer *w)
{
	record_put_u64(w, c->allowed);
	record_put_u64(w, c->reported);
	record_put_u64(w, c->tempfailed);
	record_put_u64(w, c->rejected);
	record_put_u64(w, c->unauthenticated);
	record_put_u64(w, c->store_errors);
	record_put_u8(w, c->usage_on);
	record_put_u64(w, c->usage_recorded);
	record_put_u64(w, c->usage_dropped);
}

static void
decode_counters(struct record_reader *r, struct heartbeat_counters *c)
{
	uint8_t usage_on;

	c->allowed = record_get_u64(r);
	c->reported = record_get_u64(r);
	c->tempfailed = record_get_u64(r);
	c->rejected = record_get_u64(r);
	c->unauthenticated = record_get_u64(r);
	c->store_errors = record_get_u64(r);
	usage_on = record_get_u8(r);
	c->usage_on = usage_on != 0;
	r->failed = r->failed || usage_on > 1;
	c->usage_recorded = record_get_u64(r);
	c->usage_dropped = record_get_u64(r);
}

void
heartbeat_encode(const struct heartbeat *h, struct record_writer *w)
{
	record_put_u8(w, HEARTBEAT_VERSION);
	record_put_string(w, h->socket);
	record_put_string(w, h->version);
	record_put_u32(w, h->pid);
	record_put_u32(w, h->interval);
	record_put_u64(w, (uint64_t)h->started);
	record_put_u64(w, (uint64_t)h->beat);
	record_put_u8(w, h->policy);
	encode_counters(&h->counters, w);
}

enum error
heartbeat_decode(struct bytes from, struct heartbeat *h)
{
	struct record_reader r;
	enum error e = record_read_version(&r, from, HEARTBEAT_VERSION);

	if (e != OK)
		return e;
	record_get_string(&r, h->socket, sizeof h->socket);
	record_get_string(&r, h->version, sizeof h->version);
	h->pid = record_get_u32(&r);
	h->interval = record_get_u32(&r);
	h->started = (instant)record_get_u64(&r);
	h->beat = (instant)record_get_u64(&r);
	h->policy = record_get_u8(&r);
	decode_counters(&r, &h->counters);
	e = record_end(&r);
	if (e == OK &&
	    (h->policy > HEARTBEAT_FAULT || !instant_is_valid(h->started) ||
		!instant_is_valid(h->beat) ||
		!text_is_line(h->socket, strlen(h->socket)) ||
		!text_is_line(h->version, strlen(h->version))))
		return ERR_DAMAGED; /* the daemon's user wrote it, root will print it */
	return e;
}

enum error
heartbeat_put(struct db_txn *txn, const struct heartbeat *h)
{
	struct record_writer w;
	uint8_t buf[HEARTBEAT_BYTES_MAX];
	struct key key;

	make_key(&key, h);
	record_write_start(&w, buf, sizeof buf);
	heartbeat_encode(h, &w);
	return w.failed ? ERR_LIMIT : db_put(txn, &key, (struct bytes){buf, w.len});
}

/* is_better - one whose process is there; then the later beat, as clocks may jump */
static bool
is_better(const struct heartbeat *a, const struct heartbeat *b)
{
	bool a_there = heartbeat_has_process(a), b_there = heartbeat_has_process(b);

	return a_there != b_there ? a_there : a->beat > b->beat;
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
		e = heartbeat_decode(db_cursor_value(cursor), &h);
		if (e != OK)
			return e;
		if ((socket == NULL || strcmp(h.socket, socket) == 0) &&
		    (!found || is_better(&h, out_r))) {
			*out_r = h;
			found = true;
		}
		e = db_cursor_next(cursor);
	}
	if (e != OK)
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
heartbeat_has_process(const struct heartbeat *h)
{
	return kill((pid_t)h->pid, 0) == 0 || errno == EPERM;
}

bool
heartbeat_is_alive(const struct heartbeat *h, instant now)
{
	/* After the clock was set back the age is negative: still a sign of life. */
	int64_t age = now - h->beat;

	return age <= BEATS_MISSED * (int64_t)h->interval + GRACE_SECONDS &&
	    heartbeat_has_process(h);
}
