/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat, and what it records */
#include "policy/ctl/usage/daemon.h"

#include <string.h>

#include "policy/ctl/usage/as_usage_user.h"
#include "policy/usage/usage_database.h"

/* read_host - what the machine's record says; none before usage is recorded */
static enum error
read_host(struct db *db, struct daemon_report *r)
{
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	e = usage_database_get_host(txn, &r->host);
	db_abort(&txn);
	r->has_host = e == OK;
	return e == ERR_NOTFOUND ? OK : e;
}

static enum error
read_beat(struct db *db, const char *socket, bool *has_r, struct heartbeat *out_r)
{
	enum error e = heartbeat_latest(db, socket, out_r);

	*has_r = e == OK;
	return e == ERR_NOTFOUND ? OK : e;
}

static enum error
read_all(struct db *db, const char *socket, struct daemon_report *r)
{
	enum error e = OK;

	if (socket != NULL)
		e = read_beat(db, socket, &r->has_asked, &r->asked);
	if (e == OK)
		e = read_beat(db, NULL, &r->has_latest, &r->latest);
	return e == OK ? read_host(db, r) : e;
}

/* serve - in the helper: a whole report */
static void
serve(struct ctl *c, void *arg, FILE *to)
{
	struct daemon_report r = {.error = OK};
	const char *const *socket = arg;
	uint8_t bytes[DAEMON_REPORT_MAX];
	struct record_writer w;
	struct db *db;

	r.error = usage_database_open(&db, c->dir, false, &r.why);
	if (r.error == OK) {
		r.error = read_all(db, *socket, &r);
		if (r.error != OK)
			error_about(&r.why, r.error, "usage/usage.mdb");
		db_close(&db);
	}
	record_write_start(&w, bytes, sizeof bytes);
	daemon_report_encode(&r, &w);
	if (!w.failed)
		fwrite(bytes, 1, w.len, to);
}

/* ask - the helper's report */
static enum error
ask(struct ctl *c, const char *socket, struct daemon_report *r)
{
	uint8_t buf[DAEMON_REPORT_MAX + 1];
	struct bytes word;
	enum error e = as_usage_user_word(c, serve, &socket, buf, sizeof buf, &word);

	if (e != OK)
		return e == ERR_MISSING ? ERR_CREATE : e; /* the folder must be there */
	e = daemon_report_decode(word, r);
	return e == OK ? OK
		       : error_set(&c->why, ERR_IO,
			     "the process that reads the usage database makes no "
			     "sense");
}

static enum daemon_state
state_of(bool has, const struct heartbeat *h, instant now)
{
	if (!has)
		return DAEMON_ABSENT;
	if (heartbeat_is_alive(h, now))
		return DAEMON_RUNS;
	return heartbeat_has_process(h) ? DAEMON_SILENT : DAEMON_ABSENT;
}

void
daemon_look(struct ctl *c, const char *socket, struct daemon_view *out_r)
{
	struct daemon_report *r = &out_r->report;
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	e = ask(c, socket, r);
	if (e != OK) {
		memset(r, 0, sizeof *r);
		r->error = e;
		r->why = c->why;
		error_set(&c->why, OK, "%s", "");
	}
	out_r->asked = state_of(r->has_asked, &r->asked, c->now);
	out_r->latest = state_of(r->has_latest, &r->latest, c->now);
}
