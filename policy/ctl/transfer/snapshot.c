/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot - the snapshot commands: the whole policy as a signed file, and back */
#include "policy/transfer/snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/base/hex.h"
#include "policy/base/read_file.h"
#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/audit_origin.h"
#include "policy/ctl/frame/change_summary.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/output_file.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/tables/lock_table.h"
#include "policy/transfer/replace.h"

/* A key has some hundred bytes; there may be remarks around it. */
#define PEM_BYTES_MAX 65536

static const struct print_column snapshot_columns[] = {{"serial", "serial"},
    {"created", "created"}, {"key", "key"}, {"policy_digest", "policy digest"},
    {"settings", "settings"}, {"tenants", "tenants"}, {"domains", "domains"},
    {"mailboxes", "mailboxes"}, {"aliases", "aliases"}, {"signature", "signature"},
    {"file", "file"}, {NULL, NULL}};

/* A snapshot while it is made. */
struct snapshot_maker {
	struct signature_keys *key;
	struct output_file to;
	struct snapshot_head head;
};

/* A snapshot while it is read. */
struct snapshot_source {
	FILE *file;
	struct signature_keys *keys; /* NULL: it is not verified */
	struct snapshot *snapshot;
};

/* snapshot_load_keys - the private key of --key, or the public ones of --trust */
static enum error
snapshot_load_keys(struct ctl *c, enum option_id id, struct signature_keys **keys_r)
{
	const char *path = argument_option(c, id);
	char *text;
	size_t n;
	mode_t mode;
	enum error e;

	if (path == NULL)
		return error_set(&c->why, ERR_USAGE, "\"%s\" needs --%s PEM",
		    c->command->name, option_name(id));
	text = malloc(PEM_BYTES_MAX);
	if (text == NULL)
		return error_about(&c->why, ERR_MEMORY, path);
	e = read_file(path, text, PEM_BYTES_MAX, &n, &mode, &c->why);
	if (e == OK && n == PEM_BYTES_MAX)
		e = error_set(&c->why, ERR_DATA, "%s is too long for a key", path);
	if (e == OK)
		e = signature_keys_read(keys_r,
		    id == OPT_KEY ? SIGNATURE_PRIVATE : SIGNATURE_PUBLIC, text, n, path,
		    &c->why);
	if (e == OK && id == OPT_KEY && S_ISREG(mode) && (mode & 077) != 0)
		print_remark(c->err,
		    "warning: %s has mode %04o, and should be its owner's only: chmod 600",
		    path, (unsigned)(mode & 07777));
	explicit_bzero(text, PEM_BYTES_MAX);
	free(text);
	return e;
}

/* snapshot_print - an object that is left open, for one field more */
static void
snapshot_print(struct printer *p, const struct snapshot_head *head)
{
	char id[SIGNATURE_ID_TEXT_MAX];

	print_properties(p, snapshot_columns);
	print_object_start(p, NULL);
	print_number(p, "serial", head->serial);
	print_time(p, "created", head->made);
	print_text(p, "key", hex_print(head->key_id, SIGNATURE_ID_BYTES, id));
	print_digest(p, "policy_digest", &head->policy);
	print_number(p, "settings", head->count[SNAPSHOT_SETTINGS]);
	print_number(p, "tenants", head->count[SNAPSHOT_TENANTS]);
	print_number(p, "domains", head->count[SNAPSHOT_DOMAINS]);
	print_number(p, "mailboxes", head->count[SNAPSHOT_MAILBOXES]);
	print_number(p, "aliases", head->count[SNAPSHOT_ALIASES]);
}

/*
 * snapshot_take_serial - a serial, the time if that is above the last one, and the
 * audit entry that says what it stands for. It is used up from here on: no two files
 * may ever share a serial. The writers' turn ends with it, but the file gets the
 * policy as of this commit.
 */
static enum error
snapshot_take_serial(struct ctl *c, struct snapshot_maker *m)
{
	const struct change_summary none = {.c = c};
	enum error e = transaction_begin(c);
	uint64_t last;

	if (e != OK)
		return e;
	last = store_meta(c->txn)->serial;
	if (last >= SNAPSHOT_SERIAL_MAX)
		return error_set(&c->why, ERR_LIMIT,
		    "the last serial, %" PRIu64 ", is the highest there is", last);
	m->head.serial =
	    c->now > 0 && (uint64_t)c->now > last ? (uint64_t)c->now : last + 1;
	e = change_summary_audit(&none, &store_meta(c->txn)->digest, m->head.serial);
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
snapshot_count_lock(
    void *arg, const struct lock_subject *subject, const struct lock *lock)
{
	(void)subject;
	(void)lock;
	++*(uint64_t *)arg;
	return OK;
}

/* snapshot_write_file - to disk, not in its place yet; then closes the database */
static enum error
snapshot_write_file(struct ctl *c, struct snapshot_maker *m)
{
	uint64_t n = 0;
	enum error e = snapshot_write(m->to.file, c->txn, m->key, &m->head, &c->why);

	if (e == OK) {
		e = lock_table_each(c->txn, LOCK_MADE_HERE, snapshot_count_lock, &n);
		if (e != OK)
			store_about(&c->why, e, c->store);
	}
	if (e == OK && n > 0)
		print_remark(c->err,
		    "%" PRIu64
		    " lock%s made on this machine %s not in the snapshot; one that is imported is",
		    n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
	e = transaction_check(c, e);
	store_abort(&c->txn);
	store_close(&c->store);
	return e == OK ? output_file_sync(&m->to, c) : e;
}

enum error
ctl_snapshot_create(struct ctl *c)
{
	struct snapshot_maker m = {.key = NULL, .head = {.made = c->now}};
	enum error e = snapshot_load_keys(c, OPT_KEY, &m.key);

	if (e == OK)
		e = output_file_open(&m.to, c, argument_word(c, 0));
	if (e == OK)
		e = snapshot_take_serial(c, &m);
	if (e == OK)
		e = snapshot_write_file(c, &m);
	if (e == OK)
		e = output_file_deliver(&m.to, c);
	output_file_close(&m.to);
	signature_keys_free(&m.key);
	if (e != OK || m.to.path == NULL)
		return e;
	snapshot_print(&c->print, &m.head);
	print_text(&c->print, "file", m.to.path);
	print_object_end(&c->print);
	return OK;
}

/* snapshot_open_source - its head; verified, if there is --trust */
static enum error
snapshot_open_source(struct ctl *c, struct snapshot_source *s, bool trust)
{
	const char *path = argument_word(c, 0);
	enum error e = trust ? snapshot_load_keys(c, OPT_TRUST, &s->keys) : OK;

	if (e == OK)
		e = input_file_open(c, path, &s->file);
	if (e == OK)
		e = snapshot_open(
		    &s->snapshot, s->file, input_file_name(path), &c->why);
	return e == OK && trust ? snapshot_verify(s->snapshot, s->keys, &c->why) : e;
}

static void
snapshot_close_source(struct snapshot_source *s)
{
	snapshot_close(&s->snapshot);
	signature_keys_free(&s->keys);
	if (s->file != NULL)
		fclose(s->file);
}

/* snapshot_is_last - whether it is the last one made or applied here */
static bool
snapshot_is_last(const struct ctl *c, const struct snapshot_head *head)
{
	const struct store_meta *m = store_meta(c->txn);

	return head->serial == m->serial && digest_equal(&head->policy, &m->snapshot);
}

/*
 * snapshot_check - refuses an older snapshot, which may be an old file sent again, and
 * an empty one, which is a mistake. Of two with one serial, by two machines that sign,
 * neither is the older one.
 */
static enum error
snapshot_check(struct ctl *c, const struct snapshot_head *head)
{
	static const struct digest none;
	const char *name = input_file_name(argument_word(c, 0));
	const struct store_meta *m = store_meta(c->txn);

	if (argument_option(c, OPT_FORCE) != NULL)
		return OK;
	if (head->serial <= m->serial && !snapshot_is_last(c, head)) {
		if (head->serial == m->serial)
			return error_set(&c->why, ERR_CONFLICT,
			    "%.600s has serial %" PRIu64
			    " as the last one made or applied here, and another policy: do two machines sign? Make a new one; --force takes this one",
			    name, m->serial);
		return error_set(&c->why, ERR_CONFLICT,
		    "%.600s has serial %" PRIu64
		    ", and the last one made or applied here is %" PRIu64
		    ", which is newer; --force goes back",
		    name, head->serial, m->serial);
	}
	if (digest_equal(&head->policy, &none) && !digest_equal(&m->digest, &none))
		return error_set(&c->why, ERR_PROTECTED,
		    "%.600s is empty, and the policy here is not; --force removes all of it",
		    name);
	return OK;
}

/* snapshot_replace - no domain leaves a lock of this machine unasked */
static enum error
snapshot_replace(struct ctl *c, struct change_summary *changes, struct snapshot *s)
{
	enum error e = lock_guard_start(&changes->guard, c->txn, c->now);

	if (e != OK)
		return store_about(&c->why, e, c->store);
	change_summary_watch(c->txn, changes);
	e = replace_from_snapshot(c->txn, s, &c->why);
	store_watch(c->txn, NULL, NULL);
	return e == OK && argument_option(c, OPT_FORCE) == NULL
	    ? lock_guard_check(&changes->guard, &c->why)
	    : e;
}

/* snapshot_apply - what was verified, in one transaction */
static enum error
snapshot_apply(struct ctl *c, struct snapshot *s)
{
	const struct snapshot_head *head = snapshot_head(s);
	bool dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	struct change_summary changes = {.c = c, .print = dry_run};
	enum error e = transaction_begin(c);

	if (e == OK)
		e = snapshot_check(c, head);
	if (e == OK)
		e = snapshot_replace(c, &changes, s);
	lock_guard_end(&changes.guard);
	if (e != OK)
		return e;
	if (!dry_run &&
	    (audit_summary_total(&changes.sum) > 0 || !snapshot_is_last(c, head))) {
		e = change_summary_audit(&changes, &head->policy, head->serial);
		if (e != OK)
			return e;
		store_set_serial(c->txn, head->serial, &head->policy);
	}
	if (!dry_run && !c->print.has_json)
		fprintf(c->out, "serial %" PRIu64 ": ", head->serial);
	change_summary_print_summary(&changes, 0);
	return OK;
}

enum error
ctl_snapshot_apply(struct ctl *c)
{
	struct snapshot_source s = {.file = NULL};
	enum error e = snapshot_open_source(c, &s, true);

	if (e == OK)
		e = snapshot_apply(c, s.snapshot);
	snapshot_close_source(&s);
	return e;
}

enum error
ctl_snapshot_show(struct ctl *c)
{
	bool trust = argument_option(c, OPT_TRUST) != NULL;
	struct snapshot_source s = {.file = NULL};
	enum error e = snapshot_open_source(c, &s, trust);

	if (e == OK) {
		snapshot_print(&c->print, snapshot_head(s.snapshot));
		print_bool(&c->print, "verified", trust);
		print_words(&c->print, "signature",
		    trust ? "holds" : "not checked; see --trust");
		print_object_end(&c->print);
	}
	snapshot_close_source(&s);
	return e;
}
