/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot_apply - snapshot apply and show: reading a signed policy, and taking it */
#include <inttypes.h>

#include "policy/ctl/frame/arguments.h"
#include "policy/ctl/frame/change_summary.h"
#include "policy/ctl/frame/input_file.h"
#include "policy/ctl/frame/output.h"
#include "policy/ctl/frame/transaction.h"
#include "policy/ctl/transfer/snapshot.h"
#include "policy/transfer/replace.h"

/* A snapshot while it is read. */
struct reading {
	FILE *file;
	struct signature_keys *keys;
	struct snapshot *snapshot;
	struct error_text why; /* of snapshot_next() */
	enum error error;
};

/* open_snapshot - its head; verified, if there is --trust */
static enum error
open_snapshot(struct ctl *c, struct reading *r)
{
	const char *path = argument_word(c, 0);
	bool trust =
	    c->command->needs != NEED_NOTHING || argument_option(c, OPT_TRUST) != NULL;
	enum error e = trust ? snapshot_load_trusted(c, &r->keys) : OK;

	if (e == OK)
		e = input_file_open(c, path, &r->file);
	if (e == OK)
		e = snapshot_open(
		    &r->snapshot, r->file, input_file_name(path), &c->why);
	if (e == OK && r->keys != NULL)
		e = snapshot_verify(r->snapshot, r->keys, &c->why);
	return e;
}

static void
close_snapshot(struct reading *r)
{
	snapshot_close(&r->snapshot);
	signature_keys_free(&r->keys);
	if (r->file != NULL)
		fclose(r->file);
}

/* is_last - whether it is the last one made or applied here, by serial and policy */
static bool
is_last(struct ctl *c, const struct snapshot_head *head)
{
	const struct store_meta *m = store_meta(c->txn);

	return head->serial == m->serial && digest_equal(&head->policy, &m->snapshot);
}

/*
 * check_serial - nobody goes back unknowingly, or by an old file that is sent again.
 * Of two with one serial, by two machines that sign, none is the older one.
 */
static enum error
check_serial(struct ctl *c, const struct snapshot_head *head)
{
	uint64_t last = store_meta(c->txn)->serial;

	if (head->serial > last || is_last(c, head) ||
	    argument_option(c, OPT_FORCE) != NULL)
		return OK;
	if (head->serial == last)
		return error_set(&c->why, ERR_CONFLICT,
		    "%.600s has serial %" PRIu64 " as the last one made or applied "
		    "here, and another policy: do two machines sign? Make a new one; "
		    "--force takes this one",
		    input_file_name(argument_word(c, 0)), last);
	return error_set(&c->why, ERR_CONFLICT,
	    "%.600s has serial %" PRIu64 ", and the last one made or applied here is "
	    "%" PRIu64 ", which is newer; --force goes back",
	    input_file_name(argument_word(c, 0)), head->serial, last);
}

/* check_empty - a policy without a record is made by mistake only */
static enum error
check_empty(struct ctl *c, const struct snapshot_head *head)
{
	static const struct digest none;

	if (!digest_equal(&head->policy, &none) ||
	    digest_equal(&store_meta(c->txn)->digest, &none) ||
	    argument_option(c, OPT_FORCE) != NULL)
		return OK;
	return error_set(&c->why, ERR_PROTECTED,
	    "%.600s is empty, and the policy here is not; --force removes all of it",
	    input_file_name(argument_word(c, 0)));
}

/* next_record - the source of the replacement; it keeps the words for an error */
static enum error
next_record(void *arg, struct bytes *key_r, struct bytes *value_r, bool *found_r)
{
	struct reading *r = arg;

	r->error = snapshot_next(r->snapshot, key_r, value_r, found_r, &r->why);
	return r->error;
}

static enum error
replace(struct ctl *c, struct reading *r)
{
	const struct replace_source source = {next_record, r};
	enum error e = replace_policy(
	    c->txn, &source, &snapshot_head(r->snapshot)->policy, &c->why);

	if (e != OK && r->error != OK)
		c->why = r->why;
	return e;
}

/* replace_guarded - no domain leaves a lock of this machine unasked */
static enum error
replace_guarded(struct ctl *c, struct change_summary *changes, struct reading *r)
{
	struct lock_guard *guard = &changes->guard;
	enum error e = lock_guard_start(guard, c->txn, c->now);

	if (e != OK)
		store_about(&c->why, e, c->store);
	if (e == OK)
		e = replace(c, r);
	if (e == OK && argument_option(c, OPT_FORCE) == NULL)
		e = lock_guard_check(guard, &c->why);
	lock_guard_end(guard);
	return e;
}

/* record - the new serial, and the one audit entry; nothing where nothing is new */
static enum error
record(struct ctl *c, const struct change_summary *changes,
    const struct snapshot_head *head)
{
	enum error e;

	if (change_summary_total(changes) == 0 && is_last(c, head))
		return OK;
	e = change_summary_audit(changes, &head->policy, head->serial);
	if (e == OK)
		store_set_serial(c->txn, head->serial, &head->policy);
	return e;
}

static void
tell_applied(struct ctl *c, const struct change_summary *changes,
    const struct snapshot_head *head)
{
	if (!c->options.json)
		fprintf(c->out, "serial %" PRIu64 ": ", head->serial);
	change_summary_print_summary(changes);
}

/* apply - what was verified, in one transaction */
static enum error
apply(struct ctl *c, struct reading *r)
{
	const struct snapshot_head *head = snapshot_head(r->snapshot);
	bool dry_run = argument_option(c, OPT_DRY_RUN) != NULL;
	struct change_summary changes = {.c = c, .print = dry_run};
	enum error e = transaction_begin(c);

	if (e == OK)
		e = check_serial(c, head);
	if (e == OK)
		e = check_empty(c, head);
	if (e != OK)
		return e;
	change_summary_watch(c->txn, &changes);
	e = replace_guarded(c, &changes, r);
	store_watch(c->txn, NULL, NULL);
	if (e == OK && !dry_run)
		e = record(c, &changes, head);
	if (e == OK && !dry_run)
		tell_applied(c, &changes, head);
	else if (e == OK)
		change_summary_print_summary(&changes);
	return e;
}

enum error
ctl_snapshot_apply(struct ctl *c)
{
	struct reading r = {.file = NULL};
	enum error e = open_snapshot(c, &r);

	if (e == OK)
		e = apply(c, &r);
	close_snapshot(&r);
	return e;
}

enum error
ctl_snapshot_show(struct ctl *c)
{
	struct reading r = {.file = NULL};
	enum error e = open_snapshot(c, &r);
	struct json j;

	if (e == OK && c->options.json) {
		json_to_stream(&j, c->out);
		json_object_start(&j, NULL);
		snapshot_head_json(&j, snapshot_head(r.snapshot));
		json_bool(&j, "verified", r.keys != NULL);
		json_object_end(&j);
		json_line_end(&j, c->out);
	} else if (e == OK) {
		snapshot_head_print(c->out, snapshot_head(r.snapshot));
		property(c->out, "signature",
		    r.keys != NULL ? "holds" : "not checked; see --trust");
	}
	close_snapshot(&r);
	return e;
}
