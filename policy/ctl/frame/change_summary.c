/* SPDX-License-Identifier: BSD-2-Clause */
/* change_summary - many changes of the policy at once: counted, shown, summed up in the
 * log */
#include "policy/ctl/frame/change_summary.h"

#include <inttypes.h>
#include <string.h>

#include "policy/ctl/frame/object_text.h"
#include "policy/ctl/frame/output.h"

static enum error
show_json(const struct change_summary *changes, const char *what, const char *name,
    struct bytes key, struct bytes before, struct bytes after)
{
	struct json j;
	enum error e;

	json_to_stream(&j, changes->c->out);
	json_object_start(&j, NULL);
	json_quoted(&j, "change", what);
	json_quoted(&j, "type", object_text_type(key));
	json_quoted(&j, "object", name);
	e = object_text_json(&j, "before", key, before);
	if (e == OK)
		e = object_text_json(&j, "after", key, after);
	json_object_end(&j);
	json_line_end(&j, changes->c->out);
	return e;
}

/* show - the line of one change; names may hold what a terminal obeys */
static enum error
show(const struct change_summary *changes, const char *what, struct bytes key,
    struct bytes before, struct bytes after)
{
	char name[OBJECT_NAME_MAX], shown[4 * OBJECT_NAME_MAX];
	struct text t;
	enum error e = object_text_name(key, name);

	if (e != OK)
		return e;
	if (changes->c->options.json)
		return show_json(changes, what, name, key, before, after);
	text_init(&t, shown, sizeof shown);
	text_show(&t, name, strlen(name), sizeof name);
	fprintf(changes->c->out, "%s %s %s\n", what, object_text_type(key), shown);
	return OK;
}

enum error
change_summary_note(void *arg, struct store_txn *txn, struct bytes key,
    struct bytes before, struct bytes after)
{
	struct change_summary *changes = arg;
	const char *what = "change";
	enum error e = lock_guard_note(&changes->guard, key, before, after);

	(void)txn;
	if (before.at == NULL) {
		what = "create";
		changes->created++;
	} else if (after.at == NULL) {
		what = "remove";
		changes->removed++;
	} else {
		changes->changed++;
	}
	return e == OK && changes->print ? show(changes, what, key, before, after) : e;
}

void
change_summary_watch(struct store_txn *txn, struct change_summary *changes)
{
	store_watch(txn, change_summary_note, changes);
}

uint64_t
change_summary_total(const struct change_summary *changes)
{
	return changes->created + changes->changed + changes->removed;
}

void
change_summary_print_summary(const struct change_summary *changes)
{
	FILE *out = changes->c->out;
	struct json j;

	if (!changes->c->options.json) {
		fprintf(out,
		    "%" PRIu64 " created, %" PRIu64 " changed, %" PRIu64 " removed\n",
		    changes->created, changes->changed, changes->removed);
		return;
	}
	json_to_stream(&j, out);
	json_object_start(&j, NULL);
	json_number(&j, "created", (int64_t)changes->created);
	json_number(&j, "changed", (int64_t)changes->changed);
	json_number(&j, "removed", (int64_t)changes->removed);
	json_object_end(&j);
	json_line_end(&j, out);
}

enum error
change_summary_audit(
    const struct change_summary *changes, const struct digest *content, uint64_t serial)
{
	struct ctl *c = changes->c;
	struct audit_entry entry = {
	    .kind = AUDIT_SUMMARY,
	    .summary = {.content = *content,
		.serial = serial,
		.created = changes->created,
		.changed = changes->changed,
		.removed = changes->removed},
	};
	enum error e = audit_table_append(c->txn, &c->log, &entry);

	return e == OK ? OK : error_about(&c->why, e, "the audit log");
}
