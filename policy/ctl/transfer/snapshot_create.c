/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_create - snapshot create: the whole policy as a signed file */
#include <inttypes.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/change_summary.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/output_file.h"
#include "policy/ctl/frame/print.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/snapshot.h"
#include "policy/tables/lock_table.h"

/* A snapshot while it is made. */
struct making {
	struct signature_keys *key;
	struct outgoing to;
	struct snapshot_head head;
};

/* next_serial - above the last one, and where nothing speaks against it, the time */
static enum error
next_serial(struct ctl *c, uint64_t *serial_r)
{
	uint64_t last = store_meta(c->txn)->serial;

	if (last >= SNAPSHOT_SERIAL_MAX)
		return error_set(&c->why, ERR_LIMIT,
		    "the last serial, %" PRIu64 ", is the highest there is", last);
	*serial_r = c->now > 0 && (uint64_t)c->now > last ? (uint64_t)c->now : last + 1;
	return OK;
}

/*
 * take_serial - a serial, and the audit entry that says what it stands for. From here
 * on it is used up: two files with one serial must never be. The writers' turn ends
 * with it; what is written to the file is the policy as of this commit, all the same.
 */
static enum error
take_serial(struct ctl *c, struct making *m)
{
	const struct change_summary none = {.c = c};
	enum error e = transaction_begin(c);

	if (e == OK)
		e = next_serial(c, &m->head.serial);
	if (e == OK)
		e = change_summary_audit(
		    &none, &store_meta(c->txn)->digest, m->head.serial);
	if (e != OK)
		return e;
	store_set_serial(c->txn, m->head.serial, &store_meta(c->txn)->digest);
	e = audit_origin_commit(c);
	if (e != OK)
		return e;
	/* where writers overtook it before, it keeps its turn */
	e = c->spared ? store_begin(c->store, &c->txn) : store_yield(c->store, &c->txn);
	return e == OK ? OK : store_about(&c->why, e, c->store);
}

static enum error
count_lock(void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	(void)subject;
	(void)lock;
	++*(uint64_t *)arg;
	return OK;
}

/* remark_locks - that those made here are not a part of the policy */
static enum error
remark_locks(struct ctl *c)
{
	uint64_t n = 0;
	enum error e = lock_table_each(c->txn, LOCK_MADE_HERE, count_lock, &n);

	if (e == OK && n > 0)
		print_remark(c->err,
		    "%" PRIu64 " lock%s made on this machine %s not in the snapshot; "
		    "one that is imported is",
		    n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
	return e;
}

/* write_file - to disk, but not in its place yet; then the database is let go */
static enum error
write_file(struct ctl *c, struct making *m)
{
	enum error e = snapshot_write(m->to.file, c->txn, m->key, &m->head, &c->why);

	if (e == OK && (e = remark_locks(c)) != OK)
		store_about(&c->why, e, c->store);
	if (store_check(c->txn) == ERR_OVERTAKEN)
		e = ERR_OVERTAKEN;
	store_abort(&c->txn);
	store_close(&c->store);
	return e == OK ? output_file_sync(&m->to, c) : e;
}

static void
tell_made(struct ctl *c, const struct making *m)
{
	struct json j;

	if (m->to.path == NULL)
		return;
	if (!c->options.json) {
		snapshot_head_print(c->out, &m->head);
		property(c->out, "file", m->to.path);
		return;
	}
	json_to_stream(&j, c->out);
	json_object_start(&j, NULL);
	snapshot_head_json(&j, &m->head);
	json_quoted(&j, "file", m->to.path);
	json_object_end(&j);
	json_line_end(&j, c->out);
}

enum error
ctl_snapshot_create(struct ctl *c)
{
	struct making m = {.key = NULL, .head = {.made = c->now}};
	enum error e = snapshot_load_key(c, &m.key);

	if (e == OK)
		e = output_file_open(&m.to, c, argument_word(c, 0));
	if (e == OK)
		e = take_serial(c, &m);
	if (e == OK)
		e = write_file(c, &m);
	if (e == OK)
		e = output_file_deliver(&m.to, c);
	output_file_close(&m.to);
	signature_keys_free(&m.key);
	if (e == OK)
		tell_made(c, &m);
	return e;
}
