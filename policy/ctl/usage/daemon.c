/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - the running daemon, by its heartbeat, and what it records */
#include "policy/ctl/usage/daemon.h"

#include <string.h>

#include "policy/ctl/usage/as_usage_user.h"
#include "policy/usage/usage_database.h"
#include "policy/usage/usage_frame.h"

#define HERE "usage/usage.mdb"
#define FRAME_MAX USAGE_FRAME_ERROR_MAX /* bytes of the longest body */

_Static_assert(FRAME_MAX >= HEARTBEAT_BYTES_MAX, "a heartbeat fits a frame");

/* write_beat - the latest one, if there is any, of the daemon on SOCKET or of all */
static enum error
write_beat(struct db_txn *txn, const char *socket, char type, FILE *to)
{
	uint8_t body[FRAME_MAX];
	struct record_writer w;
	struct heartbeat h;
	bool found;
	enum error e = heartbeat_latest(txn, socket, &h, &found);

	if (e != OK || !found)
		return e;
	record_write_start(&w, body, sizeof body);
	heartbeat_encode(&h, &w);
	usage_frame_write(to, type, &w);
	return OK;
}

/* write_host - the machine's record; none before usage is recorded */
static enum error
write_host(struct db_txn *txn, FILE *to)
{
	uint8_t body[FRAME_MAX];
	struct record_writer w;
	struct recording_host host;
	bool found;
	enum error e = usage_database_get_host(txn, &host, &found);

	if (e != OK || !found)
		return e;
	record_write_start(&w, body, sizeof body);
	recording_host_encode(&host, &w);
	usage_frame_write(to, USAGE_FRAME_HOST, &w);
	return OK;
}

enum error
daemon_report_write(struct db *db, const char *socket, FILE *to)
{
	uint8_t none[1];
	struct record_writer nothing = {.at = none};
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	if (socket != NULL)
		e = write_beat(txn, socket, USAGE_FRAME_ASKED, to);
	if (e == OK)
		e = write_beat(txn, NULL, USAGE_FRAME_LATEST, to);
	if (e == OK)
		e = write_host(txn, to);
	if (e == OK)
		usage_frame_write(to, USAGE_FRAME_END, &nothing);
	db_abort(&txn);
	return e;
}

/* take_beat - from the frame, if it is of TYPE; then the next frame is read */
static enum error
take_beat(FILE *from, struct usage_frame *f, char type, bool *has_r,
    struct heartbeat *beat_r, struct daemon_report *r)
{
	*has_r = f->type == type;
	if (!*has_r)
		return OK;
	if (heartbeat_decode((struct bytes){f->at, f->len}, beat_r) != OK)
		return ERR_DAMAGED;
	r->error = usage_frame_read(from, HERE, f, &r->why);
	return OK;
}

enum error
daemon_report_read(FILE *from, struct daemon_report *r)
{
	uint8_t body[FRAME_MAX];
	struct usage_frame f = {.at = body, .cap = sizeof body};

	memset(r, 0, sizeof *r);
	r->error = usage_frame_read(from, HERE, &f, &r->why);
	if (take_beat(from, &f, USAGE_FRAME_ASKED, &r->has_asked, &r->asked, r) != OK ||
	    take_beat(from, &f, USAGE_FRAME_LATEST, &r->has_latest, &r->latest, r) !=
		OK)
		return ERR_DAMAGED;
	r->has_host = f.type == USAGE_FRAME_HOST;
	if (r->has_host) {
		if (recording_host_decode((struct bytes){body, f.len}, &r->host) != OK)
			return ERR_DAMAGED;
		r->error = usage_frame_read(from, HERE, &f, &r->why);
	}
	if (f.type != USAGE_FRAME_ERROR && (f.type != USAGE_FRAME_END || f.len > 0))
		return ERR_DAMAGED;
	return getc(from) == EOF ? OK : ERR_DAMAGED;
}

/* serve - in the helper: a whole report, or what was wrong after its beginning */
static void
serve(struct ctl *c, void *arg, FILE *to)
{
	struct error_text why = {.text = ""};
	const char *const *socket = arg;
	struct db *db;
	enum error e = usage_database_open(&db, c->dir, false, &why);

	if (e == OK) {
		e = daemon_report_write(db, *socket, to);
		if (e != OK)
			error_about(&why, e, HERE);
		db_close(&db);
	}
	if (e != OK)
		usage_frame_write_error(to, e, why.text);
}

/* ask - the helper's report */
static enum error
ask(struct ctl *c, const char *socket, struct daemon_report *r)
{
	uint8_t buf[DAEMON_REPORT_MAX];
	FILE *answer;
	enum error e = as_usage_user_ask(c, serve, &socket, buf, sizeof buf, &answer);

	if (e != OK)
		return e == ERR_MISSING ? ERR_CREATE : e; /* the folder must be there */
	e = daemon_report_read(answer, r);
	fclose(answer);
	return e == OK
	    ? OK
	    : error_set(&c->why, ERR_IO,
		  "the process that reads the usage database makes no sense");
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
	enum error e = ask(c, socket, r);

	if (e != OK) {
		memset(r, 0, sizeof *r);
		r->error = e;
		r->why = c->why;
		error_set(&c->why, OK, "%s", "");
	}
	out_r->asked = state_of(r->has_asked, &r->asked, c->now);
	out_r->latest = state_of(r->has_latest, &r->latest, c->now);
}
