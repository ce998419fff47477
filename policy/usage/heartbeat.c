/* SPDX-License-Identifier: BSD-2-Clause */
/* heartbeat - the daemons' signs of life, in the usage database */
#include "policy/usage/heartbeat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "policy/base/text.h"

#define HEARTBEAT_VERSION 2
#define TABLE_HEARTBEAT 'h'

/* Room for a slow disk: three beats may be missed. */
#define BEATS_MISSED 3
#define GRACE_SECONDS 5

void
heartbeat_encode(const struct heartbeat *h, struct record_writer *w)
{
	const struct heartbeat_counters *c = &h->counters;

	record_put_u8(w, HEARTBEAT_VERSION);
	record_put_string(w, h->socket);
	record_put_string(w, h->version);
	record_put_u32(w, h->pid);
	record_put_u32(w, h->interval);
	record_put_u64(w, (uint64_t)h->started);
	record_put_u64(w, (uint64_t)h->beat);
	record_put_u8(w, h->policy);
	record_put_u64(w, c->allowed);
	record_put_u64(w, c->reported);
	record_put_u64(w, c->tempfailed);
	record_put_u64(w, c->rejected);
	record_put_u64(w, c->unauthenticated);
	record_put_u64(w, c->store_errors);
	record_put_u8(w, c->usage_on);
	record_put_u64(w, c->usage_recorded);
	record_put_u64(w, c->usage_dropped);
	record_put_u8(w, h->log_replaced);
	record_put_u64(w, h->config);
}

enum error
heartbeat_decode(struct bytes from, struct heartbeat *h)
{
	struct heartbeat_counters *c = &h->counters;
	struct record_reader r;
	uint8_t usage_on, log_replaced = 0;
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
	c->allowed = record_get_u64(&r);
	c->reported = record_get_u64(&r);
	c->tempfailed = record_get_u64(&r);
	c->rejected = record_get_u64(&r);
	c->unauthenticated = record_get_u64(&r);
	c->store_errors = record_get_u64(&r);
	usage_on = record_get_u8(&r);
	c->usage_on = usage_on != 0;
	c->usage_recorded = record_get_u64(&r);
	c->usage_dropped = record_get_u64(&r);
	h->config = 0;
	if (*(const uint8_t *)from.at > 1) {
		log_replaced = record_get_u8(&r);
		h->config = record_get_u64(&r);
	}
	h->log_replaced = log_replaced != 0;
	if (record_end(&r) != OK || usage_on > 1 || log_replaced > 1 ||
	    h->policy > HEARTBEAT_FAULT || !instant_is_valid(h->started) ||
	    !instant_is_valid(h->beat) || !text_is_line(h->socket, strlen(h->socket)) ||
	    !text_is_line(h->version, strlen(h->version)))
		return ERR_DAMAGED; /* the daemon's user wrote it, root will print it */
	return OK;
}

enum error
heartbeat_put(struct db_txn *txn, const struct heartbeat *h)
{
	uint8_t buf[HEARTBEAT_BYTES_MAX];
	struct key key = {.len = 1 + strlen(h->socket), .at = {TABLE_HEARTBEAT}};
	struct record_writer w;

	memcpy(key.at + 1, h->socket, key.len - 1);
	record_write_start(&w, buf, sizeof buf);
	heartbeat_encode(h, &w);
	return w.failed ? ERR_LIMIT : db_put(txn, &key, (struct bytes){buf, w.len});
}

/* is_better - with a running process, then the later beat: clocks may jump */
static bool
is_better(const struct heartbeat *a, const struct heartbeat *b)
{
	bool a_there = heartbeat_has_process(a), b_there = heartbeat_has_process(b);

	return a_there != b_there ? a_there : a->beat > b->beat;
}

enum error
heartbeat_latest(
    struct db_txn *txn, const char *socket, struct heartbeat *out_r, bool *found_r)
{
	const struct key table = {1, {TABLE_HEARTBEAT}};
	struct db_cursor *cursor;
	struct heartbeat h;
	enum error e = db_cursor_open(txn, &cursor);

	*found_r = false;
	if (e != OK)
		return e;
	for (e = db_cursor_seek(cursor, &table);
	     e == OK && key_has_prefix(db_cursor_key(cursor), &table);
	     e = db_cursor_next(cursor)) {
		e = heartbeat_decode(db_cursor_value(cursor), &h);
		if (e != OK)
			break;
		if ((socket != NULL && strcmp(h.socket, socket) != 0) ||
		    (*found_r && !is_better(&h, out_r)))
			continue;
		*out_r = h;
		*found_r = true;
	}
	db_cursor_close(&cursor);
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
