/* SPDX-License-Identifier: BSD-2-Clause */
/* change_summary - counts and shows many changes of the policy at once */
#include "policy/ctl/frame/change_summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policy/base/text.h"
#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/transaction.h"

/* change_print - a line, in which the name is escaped, or an object */
static enum error
change_print(
    struct printer *p, struct bytes key, struct bytes before, struct bytes after)
{
	const char *what = "change";
	const char *type = object_text_type(key);
	char name[OBJECT_NAME_MAX], shown[4 * OBJECT_NAME_MAX], *words = NULL;
	struct text t;
	enum error e = object_text_name(key, name);

	if (e != OK)
		return e;
	if (before.at == NULL)
		what = "create";
	else if (after.at == NULL)
		what = "remove";
	if (!p->has_json) {
		text_init(&t, shown, sizeof shown);
		text_show(&t, name, strlen(name), sizeof name);
		e = object_text_change(&words, key, before, after);
		if (e == OK)
			fprintf(p->out, "%s %s %s: %s\n", what, type, shown, words);
		free(words);
		return e;
	}
	print_object_start(p, NULL);
	print_text(p, "change", what);
	print_text(p, "type", type);
	print_text(p, "object", name);
	e = object_text_record(p, "before", key, before);
	if (e == OK)
		e = object_text_record(p, "after", key, after);
	print_object_end(p);
	return e;
}

enum error
change_summary_note(void *arg, struct store_txn *txn, struct bytes key,
    struct bytes before, struct bytes after)
{
	struct change_summary *changes = arg;
	enum error e = lock_guard_note(&changes->guard, key, before, after);

	audit_summary_count(&changes->sum, before, after);
	if (e == OK && transaction_writes(changes->c) &&
	    audit_summary_total(&changes->sum) <= AUDIT_SUMMARY_LISTED)
		e = audit_table_append_change(
		    txn, &changes->c->log, key, before, after);
	if (e != OK || !changes->print)
		return e;
	return change_print(&changes->c->print, key, before, after);
}

void
change_summary_watch(struct store_txn *txn, struct change_summary *changes)
{
	store_watch(txn, change_summary_note, changes);
}

void
change_summary_print_summary(const struct change_summary *changes, unsigned overruled)
{
	const struct audit_summary *sum = &changes->sum;
	struct printer *p = &changes->c->print;

	print_line(p, "%" PRIu64 " created, %" PRIu64 " changed, %" PRIu64 " removed",
	    sum->created, sum->changed, sum->removed);
	print_object_start(p, NULL);
	print_number(p, "created", sum->created);
	print_number(p, "changed", sum->changed);
	print_number(p, "removed", sum->removed);
	if (overruled != 0)
		object_text_overruled(p, overruled, NULL);
	print_object_end(p);
}

enum error
change_summary_audit(
    const struct change_summary *changes, const struct digest *content, uint64_t serial)
{
	struct audit_summary sum = changes->sum;
	struct ctl *c = changes->c;
	enum error e;

	sum.content = *content;
	sum.serial = serial;
	e = audit_table_append_summary(c->txn, &c->log, &sum);
	return e == OK ? OK : error_about(&c->why, e, "the audit log");
}
