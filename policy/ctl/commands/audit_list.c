/* SPDX-License-Identifier: BSD-2-Clause */
/* audit_list - audit list: who changed what */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ctl/commands/audit_filter.h"
#include "policy/ctl/frame/output.h"

#define CHANGE_TEXT_MAX (2 * OBJECT_WORDS_MAX)
#define USER_TEXT_MAX 80

/* As text_show() may make them. */
#define SHOWN_MAX (4 * AUDIT_ACTOR_MAX + 32)
#define OBJECT_SHOWN_MAX (4 * OBJECT_NAME_MAX + 48)

/* The name of a uid; that of the row before is asked for once. */
struct user {
	bool known;
	uint32_t uid;
	char name[33];
};

struct lister {
	struct ctl *c;
	struct audit_filter filter;
	struct listing listing;
	struct user user, login;
	uint64_t last;    /* the number of the entry before, 0 at first */
	bool has_skipped; /* the number does not follow from it */
	char change[CHANGE_TEXT_MAX];
};

static const char *
user_name(struct user *u, uint32_t uid)
{
	const struct passwd *pw;

	if (u->known && u->uid == uid)
		return u->name;
	u->known = true;
	u->uid = uid;
	pw = getpwuid((uid_t)uid);
	if (pw != NULL && strlen(pw->pw_name) < sizeof u->name)
		snprintf(u->name, sizeof u->name, "%s", pw->pw_name);
	else
		snprintf(u->name, sizeof u->name, "%" PRIu32, uid);
	return u->name;
}

/* show_user - who it was, and in brackets as whom they logged in, if as somebody else
 */
static const char *
show_user(struct lister *l, const struct audit_origin *o, char *buf)
{
	const char *name = user_name(&l->user, o->uid);

	if (o->login_uid == AUDIT_NO_UID || o->login_uid == o->uid)
		return name;
	snprintf(
	    buf, USER_TEXT_MAX, "%s (%s)", name, user_name(&l->login, o->login_uid));
	return buf;
}

static const char *
show(const char *s, char *buf)
{
	struct text t;

	text_init(&t, buf, SHOWN_MAX);
	text_show(&t, s, strlen(s), AUDIT_ACTOR_MAX);
	return *buf != '\0' ? buf : "-";
}

/* show_object - "mailbox u@acme.test" in BUF (OBJECT_SHOWN_MAX) */
static enum error
show_object(const struct audit_entry *entry, char *buf)
{
	char name[OBJECT_NAME_MAX];
	const char *type = object_text_type(entry->object);
	struct text t;
	enum error e;

	text_init(&t, buf, OBJECT_SHOWN_MAX);
	if (type == NULL) {
		text_puts(&t, "-");
		return entry->object.len == 0 ? OK : ERR_DAMAGED;
	}
	e = object_text_name(entry->object, name);
	if (e != OK)
		return e;
	text_printf(&t, "%s ", type);
	text_show(&t, name, strlen(name), OBJECT_NAME_MAX);
	return OK;
}

static enum error
show_change(struct lister *l, const struct audit_entry *entry)
{
	const struct audit_summary *s = &entry->summary;
	struct text t;

	text_init(&t, l->change, sizeof l->change);
	if (entry->kind == AUDIT_CHANGE)
		return object_text_change(
		    &t, entry->object, entry->before, entry->after);
	if (entry->kind == AUDIT_STUB)
		text_printf(&t, "entries 1 to %" PRIu64 " pruned", entry->number);
	else if (entry->kind == AUDIT_PRUNE)
		text_printf(&t, "%" PRIu64 " entries pruned, up to %" PRIu64,
		    s->removed, s->serial);
	else
		text_printf(&t,
		    "%" PRIu64 " created, %" PRIu64 " changed, %" PRIu64 " removed",
		    s->created, s->changed, s->removed);
	return OK;
}

static enum error
print_row(struct lister *l, const struct audit_entry *entry)
{
	bool stub = entry->kind == AUDIT_STUB;
	char number[24], when[INSTANT_TEXT_MAX], user[USER_TEXT_MAX];
	char actor[SHOWN_MAX], command[SHOWN_MAX], object[OBJECT_SHOWN_MAX];
	enum error e = show_object(entry, object);

	if (e == OK)
		e = show_change(l, entry);
	if (e != OK)
		return e;
	snprintf(number, sizeof number, "%" PRIu64, entry->number);
	listing_row_plain(&l->listing,
	    (const char *[]){number, stub ? "-" : instant_print(entry->when, when),
		stub ? "-" : show_user(l, &entry->origin, user),
		show(entry->origin.actor, actor), show(entry->origin.command, command),
		object, l->change});
	return OK;
}

/* json_uid - null for none */
static void
json_uid(struct json *j, const char *key, uint32_t uid)
{
	if (uid == AUDIT_NO_UID)
		json_none(j, key);
	else
		json_number(j, key, uid);
}

static void
json_summary(struct json *j, const struct audit_entry *entry)
{
	const struct audit_summary *s = &entry->summary;
	char hash[DIGEST_TEXT_MAX];

	json_object_start(j, "summary");
	if (entry->kind == AUDIT_SUMMARY) {
		json_quoted(j, "content", digest_print(&s->content, hash));
		json_number(j, "serial", (int64_t)s->serial);
		json_number(j, "created", (int64_t)s->created);
		json_number(j, "changed", (int64_t)s->changed);
		json_number(j, "removed", (int64_t)s->removed);
	} else {
		json_number(j, "pruned_up_to",
		    (int64_t)(entry->kind == AUDIT_STUB ? entry->number : s->serial));
		json_quoted(j, "pruned_hash",
		    digest_print(
			entry->kind == AUDIT_STUB ? &entry->hash : &s->content, hash));
		if (entry->kind == AUDIT_PRUNE)
			json_number(j, "removed", (int64_t)s->removed);
	}
	json_object_end(j);
}

/* json_objects - what was changed, before and after */
static enum error
json_objects(struct json *j, const struct audit_entry *entry)
{
	char name[OBJECT_NAME_MAX] = "";
	const char *type = object_text_type(entry->object);
	enum error e = type != NULL ? object_text_name(entry->object, name) : OK;

	json_text(j, "type", type);
	json_text(j, "object", name);
	if (e == OK)
		e = object_text_json(j, "before", entry->object, entry->before);
	if (e == OK)
		e = object_text_json(j, "after", entry->object, entry->after);
	if (e == OK && entry->kind != AUDIT_CHANGE)
		json_summary(j, entry);
	return e;
}

static enum error
print_json(struct lister *l, const struct audit_entry *entry)
{
	bool stub = entry->kind == AUDIT_STUB;
	char hash[DIGEST_TEXT_MAX];
	struct json j;
	enum error e;

	json_to_stream(&j, l->c->out);
	json_object_start(&j, NULL);
	json_number(&j, "number", (int64_t)entry->number);
	json_instant(&j, "when", entry->when);
	json_uid(&j, "uid", entry->origin.uid);
	json_uid(&j, "login_uid", entry->origin.login_uid);
	json_text(&j, "actor", entry->origin.actor);
	json_text(&j, "command", entry->origin.command);
	e = json_objects(&j, entry);
	json_text(&j, "policy_digest", stub ? "" : digest_print(&entry->policy, hash));
	json_quoted(&j, "hash", digest_print(&entry->hash, hash));
	json_object_end(&j);
	json_line_end(&j, l->c->out);
	return e;
}

static enum error
list_one(void *arg, const struct audit_entry *entry)
{
	struct lister *l = arg;

	if (entry->number != l->last + 1 && (l->last > 0 || entry->kind != AUDIT_STUB))
		l->has_skipped = true;
	l->last = entry->number;
	if (!audit_filter_wants(&l->filter, entry))
		return OK;
	return l->c->options.json ? print_json(l, entry) : print_row(l, entry);
}

/* list - from the first entry that can be wanted on */
static enum error
list(struct lister *l, struct store_txn *txn)
{
	static const char *const headings[] = {
	    "NUMBER", "WHEN", "USER", "ACTOR", "COMMAND", "OBJECT", "CHANGE"};
	uint64_t first = 1;
	enum error e = OK;

	if (l->filter.since != INSTANT_NONE)
		e = audit_table_since(txn, l->filter.since, &first);
	if (e != OK)
		return e;
	l->last = first - 1;
	listing_start(&l->listing, l->c->out, 7, headings);
	e = audit_table_each(txn, first, list_one, l);
	listing_end(&l->listing);
	return e;
}

/* check_whole - a list that is not whole must not look like it */
static enum error
check_whole(const struct lister *l, enum error e)
{
	struct ctl *c = l->c;

	c->tells = true; /* what could be read is worth more than nothing */
	if (e == ERR_DAMAGED)
		return error_set(&c->why, e,
		    "the audit log cannot be read behind entry %" PRIu64
		    "; see \"smtpauthctl audit verify\"",
		    l->last);
	if (e == OK && (l->has_skipped || l->last != store_meta(c->txn)->audit_count))
		return error_set(&c->why, ERR_DAMAGED,
		    "the audit log is not whole; see \"smtpauthctl audit verify\"");
	return e;
}

enum error
ctl_audit_list(struct ctl *c)
{
	struct lister *l = calloc(1, sizeof *l);
	enum error e;

	if (l == NULL)
		return ERR_MEMORY;
	l->c = c;
	e = audit_filter_read(&l->filter, c);
	if (e == OK)
		e = check_whole(l, list(l, c->txn));
	free(l);
	return e;
}
