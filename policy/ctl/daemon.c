/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon - finds the running daemon by its heartbeat, and what it records */
#include "policy/ctl/daemon.h"

#include <string.h>

#include "policy/ctl/owner.h"
#include "policy/text.h"
#include "policy/usage/database.h"

/* read_node - what the machine's record says; none before usage is recorded */
static enum error
read_node(struct db *db, struct daemon_report *r)
{
	struct db_txn *txn;
	enum error e = db_begin(db, false, &txn);

	if (e != OK)
		return e;
	e = usage_database_get_node(txn, &r->node);
	db_abort(&txn);
	r->has_node = e == OK;
	return e == ERR_NOTFOUND ? OK : e;
}

/* serve - in the owner's process: a whole report */
static void
serve(struct ctl *c, void *arg, FILE *to)
{
	struct daemon_report r = {.state = DAEMON_ABSENT};
	struct db *db;

	r.error = usage_database_open(&db, c->dir, false, &r.why);
	if (r.error == OK) {
		r.error = heartbeat_latest(db, arg, &r.heartbeat);
		if (r.error == OK)
			r.state = DAEMON_SILENT;
		if (r.error == OK || r.error == ERR_NOTFOUND)
			r.error = read_node(db, &r);
		if (r.error != OK)
			error_about(&r.why, r.error, "usage/usage.mdb");
		db_close(&db);
	}
	fwrite(&r, 1, sizeof r, to);
}

/* is_line - makes a text that a stranger has written a string */
static bool
is_line(char *s, size_t size)
{
	s[size - 1] = '\0';
	return text_is_line(s, strlen(s));
}

/* is_sane - the report comes from a process with the daemon's rights */
static bool
is_sane(struct daemon_report *r)
{
	struct heartbeat *h = &r->heartbeat;

	if (!is_line(r->why.text, sizeof r->why.text))
		return false;
	if (r->has_node &&
	    (!is_line(r->node.host, sizeof r->node.host) ||
		!instant_is_valid(r->node.since) || !instant_is_valid(r->node.until)))
		return false;
	return r->state == DAEMON_ABSENT ||
	    (is_line(h->socket, sizeof h->socket) &&
		is_line(h->version, sizeof h->version) &&
		instant_is_valid(h->started) && instant_is_valid(h->beat) &&
		h->policy <= HEARTBEAT_FAULT);
}

/* receive - the report from the other end of the pipe */
static enum error
receive(FILE *from, struct daemon_report *r)
{
	if (fread(r, 1, sizeof *r, from) != sizeof *r)
		return ERR_IO;
	return is_sane(r) ? OK : ERR_DAMAGED;
}

void
daemon_look(struct ctl *c, const char *socket, struct daemon_report *out_r)
{
	union {
		const char *in;
		void *out;
	} arg = {socket}; /* it is only read */
	struct owner owner;
	enum error e;

	memset(out_r, 0, sizeof *out_r);
	out_r->error = owner_start(c, serve, arg.out, &owner);
	if (out_r->error != OK) {
		out_r->why = c->why;
		if (out_r->error == ERR_MISSING) /* the folder, which must be there */
			out_r->error = ERR_CREATE;
		return;
	}
	e = receive(owner.from, out_r);
	owner_end(&owner);
	if (e != OK) {
		memset(out_r, 0, sizeof *out_r);
		out_r->error = error_about(&out_r->why, e, "the usage database");
	}
	if (out_r->state == DAEMON_ABSENT)
		return;
	if (heartbeat_is_alive(&out_r->heartbeat, c->now))
		out_r->state = DAEMON_RUNS;
	else if (!heartbeat_has_process(&out_r->heartbeat))
		out_r->state = DAEMON_ABSENT;
}
